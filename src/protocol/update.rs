//! `[LIM-2]` The check of Yjs v1 updates and state vectors. It walks the bytes, bounds everything in them and
//! answers what they would touch; it builds no document and decides nothing about who may send what.
//!
//! # What is safe behind it
//! yrs 0.28 decodes by recursion and reserves memory by length prefixes, and one message can overflow its
//! stack, which no `catch_unwind` survives. After this check:
//! - every count and length is covered by bytes that are really there, and the parts of a message are
//!   bounded by number, so decoding it costs at most about 200 bytes a part;
//! - values and JSON nest at most 64 levels, and so do the shared types one message creates (deleting a
//!   tree of types recurses in yrs). Types nested over *several* messages are for the document to watch:
//!   [`UpdateSummary::nesting`] says how much a message may add;
//! - every client group has structs (a run of empty groups recurses in yrs), no group comes twice, clocks stay
//!   below 2^31, and no item hangs on itself or on a later one of its own client;
//! - yrs and this walk read the same bytes the same way. Where yrs reads something else than Yjs writes
//!   (legacy JSON content, whose length it misreads by one; XML hooks, whose name it does not read), the
//!   content is refused, because what follows could be anything;
//! - no sub-documents: a yrs document that ever held one is never freed.
//!
//! What is *not* covered: updates whose dependencies are missing, JSON that does not parse, and integration
//! that panics on contradictory history; the room handles these (`[DUR-8]`, `[LIM-5]`). Nor is time: integrating n
//! items that were all made at one place by a second client costs n² steps in any Yjs implementation
//! (measured: two updates of 240 KB, 20,000 items each, take 32 s in a debug build). Writers are known
//! people, and rates and sizes bound them.
//!
//! # Source
//! Yjs 13 `encoding.js` (`readClientsStructRefs`), `structs/*.js`, `DeleteSet.js`; yrs 0.28.1 `update.rs`,
//! `block.rs`. The layout of an update, all integers var:
//! ```text
//! groups × { structs, client, first clock, structs × struct }  clients × { client, ranges × { clock, len } }
//! struct = 0 len (gc) | 10 len (skip) | info [origin] [right origin] [parent [key]] content
//! info   = content kind (bits 0-4) | 0x20 key | 0x40 right origin | 0x80 origin
//! parent = 1 name of a root type | 0 id of the item that holds the type;  only when there is no origin
//! ```

use bytes::BytesMut;

use super::reader::{MAX_CLOCK, Reader};
use super::value::{check_json_depth, skip_any};
use super::{Refusal, WireLimits, nesting, within, writer};

/// What an update touches. Counts are of what is on the wire, whether or not a document already has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateSummary {
    /// Structs: items, collected items and gaps.
    pub items: u32,
    /// Delete ranges.
    pub deletes: u32,
    /// The clocks each client group spans, in the order of the message, each client once.
    pub clients: Vec<ClientRange>,
    /// Items that name the root type `blocks` as their parent: the first write of a key in it. When this is
    /// not zero a block may have been added; when it is zero none was, since block ids are never reused.
    pub root_keys: u32,
    /// Items that make a shared type (a Y.Map, Y.Text, …).
    pub types: u32,
    /// How many levels of shared types the update may add to a document: an upper bound, at most 64.
    pub nesting: u32,
}

impl UpdateSummary {
    /// Whether there is nothing in the update: no struct, no deletion.
    pub fn is_empty(&self) -> bool {
        self.items == 0 && self.deletes == 0
    }
}

/// A span of one client's clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientRange {
    /// Yjs client id, below 2^53.
    pub client: u64,
    /// First clock.
    pub start: u32,
    /// One past the last clock, below 2^31.
    pub end: u32,
}

/// An item's name: client and clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) client: u64,
    pub(super) clock: u32,
}

/// Where an item says that it belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a root type.
    Root,
    /// In the type that this item makes.
    Inside(Id),
    /// In the same type as this neighbour.
    Beside(Id),
}

/// One item, as the nesting check needs it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) id: Id,
    pub(super) len: u32,
    pub(super) place: Place,
    pub(super) is_type: bool,
}

/// The root type that holds the blocks of a canvas (DESIGN section 6).
const BLOCKS: &str = "blocks";

const HAS_ORIGIN: u8 = 0x80;
const HAS_RIGHT_ORIGIN: u8 = 0x40;
const HAS_KEY: u8 = 0x20;
const CONTENT_KIND: u8 = 0x1f;

const GC: u8 = 0;
const SKIP: u8 = 10;
const VALUES: u8 = 8;
const TEXT: u8 = 4;

/// Most bytes that yrs may copy to join the pieces of one message. At the end of a transaction it joins what one client wrote in a row,
/// from the last piece to the first, and frees nothing until it is done: 20,000 single characters, 123 KB, take a quarter of a gigabyte
/// (measured), and twice as many four times that. Clients join what they send; a text that others have cut into 8,000 pieces of 30 bytes,
/// which only looks like a row from here, is below it.
const JOINED_BYTES: usize = 1 << 30;

/// Checks an incremental update, Yjs v1, of at most [`WireLimits::update_bytes`].
///
/// # Errors
/// [`Refusal::TooLarge`] over a limit, [`Refusal::Malformed`] for bytes yrs must not see.
pub fn check_update(bytes: &[u8], limits: &WireLimits) -> Result<UpdateSummary, Refusal> {
    within("bytes of an update", limits.update_bytes, bytes.len())?;
    check(bytes, limits.clients, limits.parts)
}

/// Checks the payload of a sync step 2, or any other whole state: the same check with the size of
/// [`WireLimits::sync_bytes`] and no limit on clients, because an old canvas has thousands of them. A group
/// takes five bytes, so the bytes bound them.
///
/// # Errors
/// As [`check_update`].
pub fn check_sync_update(bytes: &[u8], limits: &WireLimits) -> Result<UpdateSummary, Refusal> {
    within("bytes of a sync step 2", limits.sync_bytes, bytes.len())?;
    check(bytes, u32::MAX, limits.parts)
}

/// The part of a checked update that was written by the clients `keep` answers `true` for, with the whole delete set; for taking
/// what can be taken of an update whose other parts build on something unknown.
///
/// # Errors
/// The update was not checked.
pub fn keep_clients(bytes: &[u8], keep: impl Fn(u64) -> bool) -> Result<Vec<u8>, Refusal> {
    let mut walk = Walk {
        reader: Reader::new(bytes),
        parts: Parts { limit: u32::MAX, got: 0 },
        row: Row::default(),
        summary: UpdateSummary::default(),
        see: |_| {},
    };
    let (mut kept, mut body) = (0_u64, BytesMut::with_capacity(bytes.len()));
    for _ in 0..walk.reader.count(5)? {
        let start = walk.reader.at();
        walk.group()?;
        let group = bytes.get(start..walk.reader.at()).unwrap_or_default();
        if walk.summary.clients.last().is_some_and(|range| keep(range.client)) {
            kept = kept.saturating_add(1);
            body.extend_from_slice(group);
        }
    }
    let mut out = BytesMut::with_capacity(body.len().saturating_add(16));
    writer::var_uint(&mut out, kept);
    out.extend_from_slice(&body);
    out.extend_from_slice(bytes.get(walk.reader.at()..).unwrap_or_default());
    Ok(out.to_vec())
}

/// Checks a state vector, v1: count, then client id and clock for each. Clients are bounded by the bytes.
///
/// # Errors
/// As [`check_update`].
pub fn check_state_vector(bytes: &[u8], limits: &WireLimits) -> Result<(), Refusal> {
    within("bytes of a state vector", limits.state_vector_bytes, bytes.len())?;
    let mut reader = Reader::new(bytes);
    for _ in 0..reader.count(2)? {
        reader.client()?;
        reader.clock()?;
    }
    reader.finish()
}

fn check(bytes: &[u8], clients: u32, parts: u32) -> Result<UpdateSummary, Refusal> {
    let mut summary = walk(bytes, clients, parts, |_| {})?;
    refuse_repeated_clients(&summary.clients)?;
    // A message with few types cannot nest deeply: this spares every ordinary edit the second walk.
    summary.nesting = summary.types;
    if summary.types > nesting::MAX_TYPE_DEPTH {
        let mut items = Vec::with_capacity(summary.items as usize);
        walk(bytes, clients, parts, |item| items.push(item))?;
        summary.nesting = nesting::deepest(&items)?;
    }
    Ok(summary)
}

/// Walks a whole update and shows every item to `see`.
fn walk(bytes: &[u8], clients: u32, parts: u32, see: impl FnMut(Placed)) -> Result<UpdateSummary, Refusal> {
    let mut walk = Walk {
        reader: Reader::new(bytes),
        parts: Parts { limit: parts, got: 0 },
        row: Row::default(),
        summary: UpdateSummary::default(),
        see,
    };
    // A group: the number of its structs, a client id, a clock and a struct of two bytes.
    let groups = walk.reader.count(5)?;
    within("clients in an update", clients as usize, groups as usize)?;
    walk.summary.clients.reserve_exact(groups as usize);
    for _ in 0..groups {
        walk.group()?;
    }
    walk.delete_set(clients)?;
    walk.reader.finish()?;
    Ok(walk.summary)
}

/// Counts the parts of a message against their limit.
struct Parts {
    limit: u32,
    got: u32,
}

impl Parts {
    fn add(&mut self, n: u32) -> Result<(), Refusal> {
        self.got = self.got.saturating_add(n);
        within("structs, values and delete ranges in one message", self.limit as usize, self.got as usize)
    }
}

/// Pieces of text or values that one client wrote one behind the other, and what joining all rows so far takes. See [`JOINED_BYTES`].
#[derive(Default)]
struct Row {
    last: Option<Id>,
    pieces: usize,
    joined: usize,
}

impl Row {
    /// An item of `bytes` of content, which ends at `last`.
    fn add(&mut self, kind: u8, place: Place, bytes: usize, last: Id) -> Result<(), Refusal> {
        let joins = matches!(kind, TEXT | VALUES);
        let goes_on = joins && self.last.is_some_and(|before| place == Place::Beside(before));
        self.pieces = if goes_on { self.pieces.saturating_add(1) } else { 0 };
        self.last = joins.then_some(last);
        self.joined = self.joined.saturating_add(self.pieces.saturating_mul(bytes));
        within("bytes to copy for joining the pieces of one message", JOINED_BYTES, self.joined)
    }
}

/// What one content is: how many clocks it takes, and whether it makes a shared type.
struct Content {
    len: u32,
    is_type: bool,
}

struct Walk<'a, F> {
    reader: Reader<'a>,
    parts: Parts,
    row: Row,
    summary: UpdateSummary,
    see: F,
}

impl<F: FnMut(Placed)> Walk<'_, F> {
    /// The structs of one client.
    fn group(&mut self) -> Result<(), Refusal> {
        let field = self.reader.clone();
        let structs = self.reader.count(2)?;
        if structs == 0 {
            return Err(field.malformed("a client group without structs"));
        }
        self.parts.add(structs)?;
        let client = self.reader.client()?;
        let start = self.reader.clock()?;
        let mut clock = start;
        for _ in 0..structs {
            let field = self.reader.clone();
            let len = self.struct_(Id { client, clock })?;
            if len == 0 {
                return Err(field.malformed("a struct of length zero"));
            }
            clock = end_of(&field, clock, len)?;
        }
        self.summary.items = self.summary.items.saturating_add(structs);
        self.summary.clients.push(ClientRange { client, start, end: clock });
        Ok(())
    }

    /// One struct; answers how many clocks it takes.
    fn struct_(&mut self, id: Id) -> Result<u32, Refusal> {
        let field = self.reader.clone();
        let info = self.reader.u8()?;
        match info {
            GC | SKIP => self.reader.var_u32(),
            // Yjs looks at five bits here and yrs at four or eight: what differs is not Yjs's writing.
            _ if matches!(info & CONTENT_KIND, GC | SKIP) => {
                Err(field.malformed("a gap or collected item with the flags of an item"))
            }
            _ => {
                let place = self.place(id, info)?;
                let left = self.reader.left();
                let Content { len, is_type } = self.content(info & CONTENT_KIND)?;
                let last = Id { clock: id.clock.saturating_add(len).saturating_sub(1), ..id };
                let bytes = left.saturating_sub(self.reader.left());
                self.row.add(info & CONTENT_KIND, place, bytes, last)?;
                self.summary.types = self.summary.types.saturating_add(u32::from(is_type));
                (self.see)(Placed { id, len, place, is_type });
                Ok(len)
            }
        }
    }

    /// The neighbours of an item, or its parent when it has none.
    fn place(&mut self, id: Id, info: u8) -> Result<Place, Refusal> {
        let mut place = None;
        for flag in [HAS_ORIGIN, HAS_RIGHT_ORIGIN] {
            if info & flag != 0 {
                let neighbour = self.earlier_id(id)?;
                place = place.or(Some(Place::Beside(neighbour)));
            }
        }
        if let Some(place) = place {
            return Ok(place);
        }
        let place = if self.reader.var_uint(1)? == 1 {
            let root = self.reader.string()?;
            let is_block = root == BLOCKS && info & HAS_KEY != 0;
            self.summary.root_keys = self.summary.root_keys.saturating_add(u32::from(is_block));
            Place::Root
        } else {
            Place::Inside(self.earlier_id(id)?)
        };
        if info & HAS_KEY != 0 {
            self.reader.string()?;
        }
        Ok(place)
    }

    /// The id of something that `of` depends on, which its client must have made before it.
    fn earlier_id(&mut self, of: Id) -> Result<Id, Refusal> {
        let field = self.reader.clone();
        let id = Id { client: self.reader.client()?, clock: self.reader.clock()? };
        if id.client == of.client && id.clock >= of.clock {
            return Err(field.malformed("an item depends on itself or on a later one"));
        }
        Ok(id)
    }

    fn content(&mut self, kind: u8) -> Result<Content, Refusal> {
        let field = self.reader.clone();
        let one = Content { len: 1, is_type: false };
        Ok(match kind {
            // Deleted: only its length is left.
            1 => Content { len: self.reader.var_u32()?, ..one },
            2 => return Err(field.malformed("JSON content of an old Yjs, which is not supported")),
            // Binary.
            3 => {
                self.reader.bytes()?;
                one
            }
            // Text: a clock for each UTF-16 unit.
            4 => Content { len: utf16_len(self.reader.string()?), ..one },
            // Embed.
            5 => {
                self.json()?;
                one
            }
            // Format: a key and its value.
            6 => {
                self.reader.string()?;
                self.json()?;
                one
            }
            7 => {
                self.shared_type()?;
                Content { len: 1, is_type: true }
            }
            // Values.
            8 => {
                let count = self.reader.count(1)?;
                for _ in 0..count {
                    let values = skip_any(&mut self.reader)?;
                    self.parts.add(values)?;
                }
                Content { len: count, ..one }
            }
            9 => return Err(field.malformed("a sub-document, which is not supported")),
            _ => return Err(field.malformed("an unknown kind of content")),
        })
    }

    fn json(&mut self) -> Result<(), Refusal> {
        let at = self.reader.at();
        check_json_depth(self.reader.string()?, at)
    }

    /// Which shared type an item makes.
    fn shared_type(&mut self) -> Result<(), Refusal> {
        let field = self.reader.clone();
        match self.reader.u8()? {
            // Array, map, text, XML fragment, XML text.
            0 | 1 | 2 | 4 | 6 => Ok(()),
            // XML element: its node name.
            3 => self.reader.string().map(drop),
            5 => Err(field.malformed("an XML hook, which is not supported")),
            _ => Err(field.malformed("an unknown shared type")),
        }
    }

    /// What the update deletes, and the end of it.
    fn delete_set(&mut self, clients: u32) -> Result<(), Refusal> {
        let groups = self.reader.count(2)?;
        within("clients in a delete set", clients as usize, groups as usize)?;
        for _ in 0..groups {
            self.reader.client()?;
            let ranges = self.reader.count(2)?;
            self.parts.add(ranges)?;
            for _ in 0..ranges {
                let field = self.reader.clone();
                let start = self.reader.clock()?;
                let len = self.reader.var_u32()?;
                end_of(&field, start, len)?;
            }
            self.summary.deletes = self.summary.deletes.saturating_add(ranges);
        }
        Ok(())
    }
}

/// One past the last clock of a span, if that is still a clock.
fn end_of(field: &Reader<'_>, start: u32, len: u32) -> Result<u32, Refusal> {
    start.checked_add(len).filter(|end| *end <= MAX_CLOCK).ok_or_else(|| field.malformed("clocks go past 2^31"))
}

/// How many UTF-16 units a text has: one for each character, two for those of four UTF-8 bytes.
fn utf16_len(text: &str) -> u32 {
    let characters = text.bytes().filter(|byte| byte & 0xc0 != 0x80).count();
    let pairs = text.bytes().filter(|byte| *byte >= 0xf0).count();
    u32::try_from(characters.saturating_add(pairs)).unwrap_or(u32::MAX)
}

/// Yjs and yrs write each client once, the highest id first; yrs would append a second group to the first
/// out of order.
fn refuse_repeated_clients(groups: &[ClientRange]) -> Result<(), Refusal> {
    let repeated = Refusal::Malformed { at: 0, what: "a client comes twice" };
    if groups.is_sorted_by(|a, b| a.client > b.client) {
        return Ok(());
    }
    let mut clients: Vec<u64> = groups.iter().map(|group| group.client).collect();
    clients.sort_unstable();
    if clients.is_sorted_by(|a, b| a < b) { Ok(()) } else { Err(repeated) }
}
