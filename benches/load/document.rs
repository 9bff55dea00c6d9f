//! A large document as one writer's updates: what is opened cold, joined by many, or filled in.
//!
//! Canvas shape: narratives in the `blocks` map. Edits come in runs of eight in one block, seven insertions at its end and one move, then
//! the next block, as when people work here and there: text of different runs stays in separate items. The same every time.

use bytes::Bytes;
use jabiru::protocol::update;
use yrs::updates::encoder::Encode;
use yrs::{Any, ClientID, Doc, Map, MapPrelim, MapRef, OffsetKind, Options, ReadTxn, Text, TextPrelim, TextRef};
use yrs::{Transact, WriteTxn};

use crate::options::DocumentArgs;

/// Edits in one block before the next one's turn; the last of them is a move.
const RUN: u32 = 8;

/// A document, written.
pub(crate) struct Document {
    /// Messages that make it, in order.
    pub(crate) updates: Vec<Bytes>,
    /// Of somebody who has all of it.
    pub(crate) state_vector: Vec<u8>,
    /// The document as one update, bytes.
    pub(crate) bytes: usize,
}

impl Document {
    pub(crate) fn write(size: &DocumentArgs) -> Self {
        let client_id = ClientID::new(0x0d0c_5eed);
        let doc = Doc::with_options(Options { client_id, offset_kind: OffsetKind::Utf16, ..Options::default() });
        let typed = "x".repeat(size.chars as usize);
        let mut blocks: Vec<(MapRef, TextRef)> = Vec::new();
        let mut updates = Vec::with_capacity(size.updates as usize);
        let mut done = 0;
        for index in 0..size.updates {
            let until = (u64::from(size.ops) * u64::from(index + 1) / u64::from(size.updates)) as u32;
            let mut txn = doc.transact_mut();
            if blocks.is_empty() {
                let root = txn.get_or_insert_map("blocks");
                blocks.extend((0..size.blocks).map(|block| {
                    let map = root.insert(&mut txn, format!("block_{block:04}"), MapPrelim::default());
                    map.insert(&mut txn, "type", "narrative");
                    map.insert(&mut txn, "at", cells(0, block));
                    map.insert(&mut txn, "size", cells(6, 4));
                    let content = map.insert(&mut txn, "content", MapPrelim::default());
                    let text = content.insert(&mut txn, "text", TextPrelim::new(""));
                    (map, text)
                }));
            }
            for op in done..until {
                let (map, text) = &blocks[(op / RUN) as usize % blocks.len()];
                if op % RUN == RUN - 1 {
                    map.insert(&mut txn, "at", cells(op % 12, op % 997));
                } else {
                    text.push(&mut txn, &typed);
                }
            }
            done = until;
            updates.push(update(&txn.encode_update_v1()));
        }
        let txn = doc.transact();
        let state_vector = txn.state_vector();
        let bytes = txn.encode_diff_v1(&yrs::StateVector::default()).len();
        Self { updates, state_vector: state_vector.encode_v1(), bytes }
    }
}

fn cells(x: u32, y: u32) -> Any {
    Any::from(vec![Any::from(x), Any::from(y)])
}
