//! The marker every update and cursor carries: who sent it, which of theirs it is, and when it was due.
//!
//! Fixed width and plain ASCII without anything JSON escapes, so it stays one run of bytes in every encoding on the way: in Yjs text
//! (also after a server has merged neighbouring items), in awareness JSON (also after a server has parsed and written it again).

use std::io::BufRead;

use anyhow::ensure;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, Text, Transact, Update, WriteTxn, merge_updates_v1};

/// What a marker begins with; short, and rare in everything else that is on the wire.
const PREFIX: &[u8] = b"~jb";
/// Value of a byte as a hex digit.
const HEX: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < 16 {
        values[b"0123456789abcdef"[digit as usize] as usize] = digit;
        digit += 1;
    }
    values
};
const NO_DIGIT: u8 = 0x80;
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
    // The standard library's fastest search for a byte: a room of 500 cursors is 100 KB in every frame, and most of it is not markers.
    while rest.skip_until(PREFIX[0]).is_ok_and(|skipped| skipped > 0) {
        if let Some(marker) = rest.get(..LENGTH - 1).and_then(read) {
            found(marker);
            rest = &rest[LENGTH - 1..];
        }
    }
}

/// Reads what follows the first byte of a marker.
fn read(bytes: &[u8]) -> Option<Marker> {
    let digits = bytes.strip_prefix(&PREFIX[1..])?;
    let (mut at, mut seen) = (0, 0);
    let mut field = |width: usize| {
        let digits = &digits[at..at + width];
        at += width;
        digits.iter().fold(0_u64, |value, byte| {
            let digit = HEX[usize::from(*byte)];
            seen |= digit;
            value << 4 | u64::from(digit & 0xf)
        })
    };
    let (run, seat, number, due) = (field(4) as u16, field(4) as u16, field(6) as u32, field(9));
    (seen & NO_DIGIT == 0).then_some(Marker { run, seat, number, due })
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
    found.clear();
    scan(b"~ ~~jb ~jbbeef0007000000x12345678 ~jbbeef~jbbeef0007000000123456789~jb", |marker| found.push(marker));
    ensure!(found == sent[..1], "what looks like a marker is taken for one: {found:?}");
    let other = Doc::new();
    let mut txn = other.transact_mut();
    txn.apply_update(Update::decode_v1(&merged)?)?;
    let text = txn.get_or_insert_text("load");
    ensure!(text.get_string(&txn).len() == sent.len() * LENGTH, "updates do not apply");
    Ok(())
}
