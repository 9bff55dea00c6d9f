//! One canvas's Yjs document. Owns applying, encoding and rebuilding; does not know who sent what or where it is stored.
//!
//! # Invariants
//! - Every call into yrs that works on foreign bytes is caught: a panic makes the document [`Broken`], never the process. `[LIM-5]`
//! - Nothing incomplete stays inside: what could not be integrated is pruned in the transaction that brought it. `[DUR-8]`

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    ClientID, Doc, IdSet, OffsetKind, Options, ReadTxn, StateVector, Transact, TransactionMut, Update, WriteTxn,
};

use super::schema::{self, TypeDepth};
use crate::protocol::{self, Refusal, UpdateSummary};

/// What one update did to the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// Something is new.
    Changed,
    /// All of it was known. `[DUR-7]`
    Nothing,
    /// It builds on something this document does not have; only what does not was taken in. `[DUR-8]`
    Missing,
}

/// The outcome of a batch of updates applied in one transaction.
#[derive(Debug)]
pub struct Batch {
    /// One for each update, in order.
    pub applied: Vec<Applied>,
    /// Everything the batch changed as one update (Yjs v1); `None` if it changed nothing.
    pub change: Option<Bytes>,
}

/// An update of a batch cannot be applied; nothing of the batch counts.
#[derive(Debug, thiserror::Error)]
#[error("update {index} of the batch: {reason}")]
pub struct Broken {
    /// Which update of the batch it was.
    pub index: usize,
    /// What yrs said; never document content.
    pub reason: String,
    /// Whether yrs failed half-way, so that the document must be rebuilt from the journal. `[LIM-5]` If not, it is as before.
    pub half_way: bool,
}

/// A Yjs document with the caches a room needs.
pub struct Document {
    doc: Doc,
    /// Counts transactions that changed something; names a state for the caches.
    version: u64,
    /// Bytes of state this document was built from, and of every change since: an upper estimate of its encoded size.
    written_bytes: usize,
    /// How deep shared types may already nest in it.
    depth: TypeDepth,
    /// First clocks the last transaction inserted, by client: what turns the state vector back to the one before it.
    last_inserts: Vec<(ClientID, u32)>,
    /// The whole state as a sync step 2 frame, shared by every joiner of that version. `[SYNC-4]`
    whole: Option<(u64, Bytes)>,
}

impl Default for Document {
    fn default() -> Self {
        Self::new()
    }
}

impl Document {
    /// An empty document.
    #[must_use]
    pub fn new() -> Self {
        // Yjs counts UTF-16 units; yrs's default counts bytes and would shift every edit after an emoji.
        // `Options::default` also leaves the formatting clean-up off: a server must not write deletions of its own.
        let options = Options { offset_kind: OffsetKind::Utf16, ..Options::default() };
        Self {
            doc: Doc::with_options(options),
            version: 0,
            written_bytes: 0,
            depth: TypeDepth::default(),
            last_inserts: Vec::new(),
            whole: None,
        }
    }

    /// Rebuilds a document from what the store holds: a snapshot (see [`Document::encode_snapshot`]) and journal entries (Yjs v1).
    ///
    /// # Errors
    /// The snapshot or an entry cannot be read; the text names which.
    pub fn restore(snapshots: &[Vec<u8>], entries: &[Bytes]) -> Result<Self, RestoreError> {
        Self::build(snapshots, entries, None::<fn(Vec<Bytes>)>)
    }

    /// As [`Document::restore`], and tells the whole state as soon as it can be told: the frames that bring somebody who has nothing to
    /// where the document will be, a sync step 2 and an update for each entry. Reading a snapshot takes a third of the time that
    /// building the document from it takes. Not told without a snapshot, or with more than one, or with very many entries.
    ///
    /// # Errors
    /// As [`Document::restore`]; something may have been told before.
    pub fn restore_telling(
        snapshots: &[Vec<u8>],
        entries: &[Bytes],
        tell: impl FnOnce(Vec<Bytes>),
    ) -> Result<Self, RestoreError> {
        let is_one_state = snapshots.len() == 1 && entries.len() <= TOLD_ENTRIES;
        Self::build(snapshots, entries, is_one_state.then_some(tell))
    }

    fn build(
        snapshots: &[Vec<u8>],
        entries: &[Bytes],
        mut tell: Option<impl FnOnce(Vec<Bytes>)>,
    ) -> Result<Self, RestoreError> {
        let mut document = Self::new();
        for bytes in snapshots {
            let state =
                zstd::decode_all(bytes.as_slice()).map_err(|error| RestoreError::Snapshot(error.to_string()))?;
            document.written_bytes += state.len();
            let mut whole = None;
            document
                .guarded(|txn, _| {
                    let update = Update::decode_v2(&state).map_err(text)?;
                    if let Some(tell) = tell.take() {
                        let frame = protocol::sync_step2(&update.encode_v1());
                        let later = entries.iter().map(|entry| protocol::update(entry));
                        tell(std::iter::once(frame.clone()).chain(later).collect());
                        whole = Some(frame);
                    }
                    txn.apply_update(update).map_err(text)
                })
                .map_err(|broken| RestoreError::Snapshot(broken.reason))?;
            if let Some(frame) = whole.filter(|_| entries.is_empty()) {
                document.written_bytes = frame.len();
                document.whole = Some((document.version, frame));
            }
        }
        for (first, portion) in portions(entries) {
            document
                .guarded(|txn, index| {
                    for (at, entry) in portion.iter().enumerate() {
                        *index = first + at;
                        txn.apply_update(Update::decode_v1(entry).map_err(text)?).map_err(text)?;
                    }
                    Ok(())
                })
                .map_err(|broken| RestoreError::Entry { index: broken.index, reason: broken.reason })?;
        }
        document
            .guarded(|txn, _| {
                let _ = txn.prune_pending();
                Ok(())
            })
            .map_err(|broken| RestoreError::Snapshot(broken.reason))?;
        document.written_bytes += entries.iter().map(Bytes::len).sum::<usize>();
        Ok(document)
    }

    /// Applies updates (Yjs v1, already checked) in one transaction.
    ///
    /// # Errors
    /// [`Broken`]: leave out the update named, and rebuild the document first if it says so.
    pub fn apply(&mut self, updates: &[&[u8]]) -> Result<Batch, Broken> {
        let mut decoded = Vec::with_capacity(updates.len());
        for (index, update) in updates.iter().enumerate() {
            let update = catch_unwind(|| Update::decode_v1(update).map_err(text));
            let update = update.unwrap_or_else(|panic| Err(panic_text(panic.as_ref())));
            decoded.push(update.map_err(|reason| Broken { index, reason, half_way: false })?);
        }
        let mut applied = Vec::with_capacity(updates.len());
        let change = self.guarded(|txn, index| {
            let mut known = txn.state_vector();
            for (at, update) in decoded.into_iter().enumerate() {
                *index = at;
                #[cfg(test)]
                poison::check(updates[at]);
                let inserts = update.insertions(true);
                let gaps = behind_gaps(&inserts, &known);
                let update = if gaps.is_empty() {
                    update
                } else {
                    // A client with something pending says so in every sync step 2; its own edits must not wait for that.
                    let part = protocol::keep_clients(updates[at], |client| !gaps.contains(&client)).map_err(text)?;
                    Update::decode_v1(&part).map_err(text)?
                };
                let before = extent(txn);
                txn.apply_update(update).map_err(text)?;
                applied.push(if !gaps.is_empty() || txn.has_missing_updates() {
                    let _ = txn.prune_pending();
                    known = txn.state_vector();
                    Applied::Missing
                } else if extent(txn) == before {
                    Applied::Nothing
                } else {
                    extend(&mut known, &inserts);
                    Applied::Changed
                });
            }
            Ok(Change::of(txn))
        })?;
        Ok(Batch { applied, change: self.changed(change) })
    }

    /// Runs an edit of the server's own in one transaction and returns what it changed (Yjs v1), if anything.
    ///
    /// # Errors
    /// As [`Document::apply`].
    pub fn edit(&mut self, edit: impl FnOnce(&mut TransactionMut<'_>)) -> Result<Option<Bytes>, Broken> {
        let change = self.guarded(|txn, _| {
            edit(txn);
            Ok(Change::of(txn))
        })?;
        Ok(self.changed(change))
    }

    /// How many transactions have changed this document since it was built.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// An upper estimate of the encoded state, bytes.
    #[must_use]
    pub fn written_bytes(&self) -> usize {
        self.written_bytes
    }

    /// The current state vector.
    #[must_use]
    pub fn state_vector(&self) -> StateVector {
        self.doc.transact().state_vector()
    }

    /// The state vector before the last transaction that changed something.
    #[must_use]
    pub fn state_vector_before_last(&self) -> StateVector {
        let mut state = self.state_vector();
        for (client, clock) in &self.last_inserts {
            state.set_min(*client, *clock);
        }
        state
    }

    /// Whether an update (Yjs v1, checked) holds nothing new. `summary` is the check's.
    ///
    /// Reads the whole document if the update deletes anything: for the rare session that may not edit, not for every update.
    #[must_use]
    pub fn knows(&self, update: &[u8], summary: &UpdateSummary) -> bool {
        let txn = self.doc.transact();
        let state = txn.state_vector();
        let inserts_known = summary.clients.iter().all(|range| state.get(&ClientID::new(range.client)) >= range.end);
        if !inserts_known || summary.deletes == 0 {
            return inserts_known;
        }
        let update = catch_unwind(|| Update::decode_v1(update).ok()).ok().flatten();
        update.is_some_and(|update| update.delete_set().diff(&txn.snapshot().delete_set).is_empty())
    }

    /// What a holder of `since` lacks, as a Yjs update v1.
    #[must_use]
    pub fn difference(&self, since: &StateVector) -> Vec<u8> {
        self.doc.transact().encode_diff_v1(since)
    }

    /// The exact encoded size, bytes; encodes the document.
    #[must_use]
    pub fn encoded_bytes(&mut self) -> usize {
        self.step2_frame(&StateVector::default()).len()
    }

    /// Whether an update may be applied as far as nesting goes: yrs deletes nested types by recursion, so a chain that many small
    /// updates build is as dangerous as one large one. `[LIM-2]`
    ///
    /// # Errors
    /// The update must not be applied.
    pub fn admit(&mut self, summary: &UpdateSummary) -> Result<(), Refusal> {
        self.depth.admit(summary.nesting, &self.doc.transact())
    }

    /// How many blocks the canvas has.
    #[must_use]
    pub fn block_count(&self) -> usize {
        schema::block_count(&self.doc.transact())
    }

    /// How many it would have with an update applied; works on a copy.
    #[must_use]
    pub fn block_count_after(&self, update: &[u8]) -> usize {
        let mut copy = Self::new();
        let state = self.difference(&StateVector::default());
        // A copy that breaks says nothing about the count; applying for real will contain it.
        copy.apply(&[&state, update]).map_or(0, |_| copy.block_count())
    }

    /// The current state as a sync step 1 frame.
    #[must_use]
    pub fn step1_frame(&self) -> Bytes {
        protocol::sync_step1(&self.state_vector().encode_v1())
    }

    /// A sync step 2 frame with what a holder of `since` lacks; the whole state is encoded once a version. `[SYNC-2]` `[SYNC-4]`
    pub fn step2_frame(&mut self, since: &StateVector) -> Bytes {
        // Who has nothing of ours gets the shared frame, whatever else it has.
        let own = self.doc.transact().state_vector();
        if since.iter().any(|(client, clock)| *clock > 0 && own.contains_client(client)) {
            return protocol::sync_step2(&self.doc.transact().encode_diff_v1(since));
        }
        if let Some((version, frame)) = &self.whole
            && *version == self.version
        {
            return frame.clone();
        }
        let frame = protocol::sync_step2(&self.doc.transact().encode_diff_v1(since));
        self.written_bytes = frame.len();
        self.whole = Some((self.version, frame.clone()));
        frame
    }

    /// An update frame with everything a holder of `since` lacks, for a peer that fell behind. `[SYNC-5]`
    #[must_use]
    pub fn update_frame(&self, since: &StateVector) -> Bytes {
        protocol::update(&self.doc.transact().encode_diff_v1(since))
    }

    /// Drops the cached whole state; an idle room has no use for it.
    pub fn forget_cache(&mut self) {
        self.whole = None;
    }

    /// The state as a snapshot is stored: Yjs v2 in a zstd frame (a third of v1 on measured text documents).
    ///
    /// # Errors
    /// zstd could not compress.
    pub fn encode_snapshot(&self) -> std::io::Result<Vec<u8>> {
        zstd::encode_all(self.doc.transact().encode_state_as_update_v2(&StateVector::default()).as_slice(), 3)
    }

    /// The canvas this document holds.
    #[must_use]
    pub fn materialise(&self) -> schema::CanvasJson {
        schema::materialise(&self.doc.transact())
    }

    /// The numbers in its narratives, and what each depends on.
    #[must_use]
    pub fn bindings(&self) -> Vec<schema::Binding> {
        schema::bindings(&self.doc.transact())
    }

    /// What lists show of the canvas. Counts the blocks: microseconds for hundreds of them.
    #[must_use]
    pub fn headline(&self) -> Headline {
        let txn = self.doc.transact();
        let (name, description) = schema::headline(&txn);
        Headline { name, description, blocks: schema::block_count(&txn) }
    }

    fn changed(&mut self, change: Option<Change>) -> Option<Bytes> {
        let Change { update, inserts } = change?;
        self.version += 1;
        self.written_bytes += update.len();
        self.last_inserts = inserts;
        self.whole = None;
        Some(update)
    }

    /// Runs `work` in a transaction with panics caught.
    ///
    /// A transaction commits when dropped, also while unwinding, where a second panic would abort the process. So it is dropped by
    /// hand on the good path only; after a panic it is leaked with its document, which is dropped right after.
    fn guarded<T>(
        &mut self,
        work: impl FnOnce(&mut TransactionMut<'_>, &mut usize) -> Result<T, String>,
    ) -> Result<T, Broken> {
        let mut index = 0;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut txn = ManuallyDrop::new(self.doc.transact_mut());
            let outcome = work(&mut txn, &mut index);
            drop(ManuallyDrop::into_inner(txn));
            outcome
        }));
        match outcome {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(reason)) => Err(Broken { index, reason, half_way: true }),
            Err(panic) => Err(Broken { index, reason: panic_text(panic.as_ref()), half_way: true }),
        }
    }
}

/// Most journal entries that [`Document::restore_telling`] tells as frames of their own: somebody who has all of them applies each by itself,
/// and a room that was unloaded in order has fewer.
const TOLD_ENTRIES: usize = 64;

/// Bytes of the entries of one transaction of [`Document::restore`], if it is more than one entry. At its end yrs joins what was typed in a
/// row from the last piece to the first, and keeps every step until it is done: 10,000 entries of 200 characters at once took 9.5 GB
/// (measured). Of a portion the steps come to its bytes times half its pieces: 35 MB for pieces of 60 bytes, however long the journal.
const PORTION_BYTES: usize = 64 << 10;

/// Entries in portions, each with the index of its first.
fn portions(mut entries: &[Bytes]) -> impl Iterator<Item = (usize, &[Bytes])> {
    let mut first = 0;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |entry: &&Bytes| {
            bytes += entry.len();
            bytes <= PORTION_BYTES || bytes == entry.len()
        };
        let count = entries.iter().take_while(fits).count();
        let (portion, rest) = entries.split_at(count);
        entries = rest;
        let at = first;
        first += count;
        (count > 0).then_some((at, portion))
    })
}

/// What a transaction changed.
struct Change {
    update: Bytes,
    inserts: Vec<(ClientID, u32)>,
}

impl Change {
    fn of(txn: &TransactionMut<'_>) -> Option<Self> {
        if extent(txn) == (0, 0) {
            return None;
        }
        let inserted = txn.insert_set();
        let first = |client| inserted.get(&client)?.clock_start();
        let inserts = inserted.client_ids().filter_map(|client| first(client).map(|clock| (client, clock)));
        Some(Self { inserts: inserts.collect(), update: Bytes::from(txn.encode_update_v1()) })
    }
}

/// What lists show of a canvas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headline {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// How many blocks it has.
    pub blocks: usize,
}

/// Why a document cannot be rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The snapshot is not readable.
    #[error("the snapshot cannot be read: {0}")]
    Snapshot(String),
    /// A journal entry is not readable.
    #[error("journal entry {index} after the snapshot cannot be read: {reason}")]
    Entry {
        /// Its position after the snapshot, from 0.
        index: usize,
        /// What yrs said.
        reason: String,
    },
}

/// How much a transaction has inserted and deleted so far: (clock units, deleted units). Grows with every effect.
fn extent(txn: &TransactionMut<'_>) -> (u64, u64) {
    let units = |set: &IdSet| {
        set.iter().flat_map(|(_, ranges)| ranges.iter()).map(|range| u64::from(range.end - range.start)).sum()
    };
    (units(txn.insert_set()), units(txn.delete_set()))
}

/// The clients whose inserts do not begin where the known ones end. yrs takes a struct behind a gap in its client's clocks without a
/// word; Yjs clients keep it aside for ever. `[DUR-8]`
fn behind_gaps(inserts: &IdSet, known: &StateVector) -> Vec<u64> {
    let gap = inserts.iter().filter(|(client, ranges)| {
        let mut end = known.get(client);
        ranges.iter().any(|range| {
            let gap = range.start > end;
            end = end.max(range.end);
            gap
        })
    });
    gap.map(|(client, _)| client.get()).collect()
}

fn extend(known: &mut StateVector, inserts: &IdSet) {
    for (client, ranges) in inserts.iter() {
        for range in ranges.iter() {
            known.set_max(*client, range.end);
        }
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a text".to_owned())
}

/// Makes yrs panic on demand: no input that passes the wire check is known to do it, and `[LIM-5]` must hold all the same.
#[cfg(test)]
pub(crate) mod poison {
    /// An update containing these bytes panics in unit tests.
    pub(crate) const MARK: &[u8] = b"poison-for-the-test-of-containment";

    pub(super) fn check(update: &[u8]) {
        assert!(!update.windows(MARK.len()).any(|window| window == MARK), "poisoned update");
    }
}

#[cfg(test)]
mod tests {
    use yrs::Text;

    use super::*;

    /// Most memory this process has had, bytes.
    fn peak() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
    }

    #[test]
    fn sync_2_what_is_told_early_is_the_document() {
        let mut source = Document::new();
        let mut type_in = |words: &str| {
            let edit = source.edit(|txn| {
                let text = txn.get_or_insert_text("text");
                text.insert(txn, 0, words);
                text.remove_range(txn, 1, 1);
            });
            (edit.unwrap().unwrap(), source.encode_snapshot().unwrap())
        };
        let (_, snapshot) = type_in("folded");
        let entries = [type_in("an entry").0, type_in("another").0];
        let told_of = |snapshots: &[Vec<u8>], entries: &[Bytes]| {
            let mut told = None;
            let document = Document::restore_telling(snapshots, entries, |frames| told = Some(frames)).unwrap();
            (document, told)
        };
        for entries in [&entries[..], &[]] {
            let (mut document, told) = told_of(std::slice::from_ref(&snapshot), entries);
            let updates: Vec<_> = told
                .unwrap()
                .iter()
                .map(|frame| match protocol::server_message::decode(frame).unwrap() {
                    protocol::ServerMessage::SyncStep2(update) | protocol::ServerMessage::Update(update) => update,
                    other => panic!("{other:?}"),
                })
                .collect();
            let mut joiner = Document::new();
            joiner.apply(&updates.iter().map(|update| &update[..]).collect::<Vec<_>>()).unwrap();
            let everything = StateVector::default();
            assert_eq!(joiner.step2_frame(&everything), document.step2_frame(&everything));
        }
        // There is not one state to tell.
        assert!(told_of(&[], &entries).1.is_none());
        assert!(told_of(&[snapshot.clone(), snapshot.clone()], &entries).1.is_none());
        assert!(told_of(&[snapshot], &vec![entries[0].clone(); TOLD_ENTRIES + 1]).1.is_none());
    }

    /// All of it in one transaction takes 9.5 GB (measured).
    #[test]
    fn dur_6_a_long_journal_of_one_text_is_read_in_little_memory() {
        let doc = yrs::Doc::new();
        let text = doc.get_or_insert_text("text");
        let words = "a few words, again. ".repeat(10);
        let entries: Vec<_> = (0..10_000)
            .map(|_| {
                let mut txn = doc.transact_mut();
                let end = text.len(&txn);
                text.insert(&mut txn, end, &words);
                Bytes::from(txn.encode_update_v1())
            })
            .collect();
        let before = peak();
        let restored = Document::restore(&[], &entries).unwrap();
        assert!(peak() - before < 1 << 30, "{} MB", (peak() - before) >> 20);
        assert_eq!(restored.state_vector(), doc.transact().state_vector());
    }
}
