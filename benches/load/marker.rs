//! The marker every update and cursor carries: who sent it, which of theirs it is, and when it was due.
//!
//! Fixed width and plain ASCII without anything JSON escapes, so it stays one run of bytes in every encoding on the way: in Yjs text
//! (also after a server has merged neighbouring items), in awareness JSON (also after a server has parsed and written it again).

use anyhow::ensure;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, Text, Transact, Update, WriteTxn, merge_updates_v1};

/// What a marker begins with; short, and rare in everything else that is on the wire.
const PREFIX: &[u8] = b"~jb";
/// Prefix and the hex digits: run 4, seat 4, number 6, time 9.
const LENGTH: usize = 3 + 4 + 4 + 6 + 9;

/// One update or cursor move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marker {
    /// Tells this run from an earlier one in the same room.
    pub(crate) run: u16,
    /// The sender's place in its room.
    pub(crate) seat: u16,
    /// Counts the sender's messages from 0; 24 bits.
    pub(crate) number: u32,
    /// When it was due, microseconds of the run; 36 bits, 19 hours.
    pub(crate) due: u64,
}

impl std::fmt::Display for Marker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "~jb{:04x}{:04x}{:06x}{:09x}", self.run, self.seat, self.number & 0xff_ffff, self.due & 0xf_ffff_ffff)
    }
}

/// Calls `found` for every marker in `frame`, in order.
pub(crate) fn scan(frame: &[u8], mut found: impl FnMut(Marker)) {
    let mut rest = frame;
    while let Some(at) = rest.iter().position(|byte| *byte == PREFIX[0]) {
        rest = &rest[at..];
        if let Some(marker) = rest.get(..LENGTH).and_then(read) {
            found(marker);
            rest = &rest[LENGTH..];
        } else {
            rest = &rest[1..];
        }
    }
}

fn read(bytes: &[u8]) -> Option<Marker> {
    let digits = bytes.strip_prefix(PREFIX)?;
    let mut at = 0;
    let mut field = |width: usize| {
        let value = digits[at..at + width].iter().try_fold(0_u64, |value, byte| {
            let digit = char::from(*byte).to_digit(16)?;
            Some(value << 4 | u64::from(digit))
        });
        at += width;
        value
    };
    Some(Marker { run: field(4)? as u16, seat: field(4)? as u16, number: field(6)? as u32, due: field(9)? })
}

/// Shows that markers survive what they must: encoding, merging, and applying and encoding again. A generator that miscounts is worse
/// than none, and this costs nothing.
pub(crate) fn prove() -> anyhow::Result<()> {
    let sent: Vec<_> = (0..3).map(|number| Marker { run: 0xbeef, seat: 7, number, due: 0x1_2345_6789 }).collect();
    let doc = Doc::new();
    let mut updates = Vec::new();
    for marker in &sent {
        let mut txn = doc.transact_mut();
        let text = txn.get_or_insert_text("load");
        text.push(&mut txn, &marker.to_string());
        updates.push(txn.encode_update_v1());
    }
    let merged = merge_updates_v1(&updates)?;
    let mut found = Vec::new();
    scan(&merged, |marker| found.push(marker));
    ensure!(found == sent, "markers do not survive a merge of Yjs updates: {found:?}");
    let other = Doc::new();
    let mut txn = other.transact_mut();
    txn.apply_update(Update::decode_v1(&merged)?)?;
    let text = txn.get_or_insert_text("load");
    ensure!(text.get_string(&txn).len() == sent.len() * LENGTH, "updates do not apply");
    Ok(())
}
