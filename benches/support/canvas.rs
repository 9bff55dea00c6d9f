//! A canvas that is edited, as a list of Yjs updates: what rooms apply and journals hold. The same every time.

use bytes::Bytes;
use yrs::{Any, ClientID, Doc, Map, MapPrelim, MapRef, OffsetKind, Options, Text, TextPrelim, TextRef, Transact};
use yrs::{TransactionMut, WriteTxn};

/// A canvas being written by one person; every edit is an update of its own.
pub(crate) struct Canvas {
    doc: Doc,
    blocks: Vec<Block>,
}

struct Block {
    map: MapRef,
    text: TextRef,
}

impl Canvas {
    /// A canvas of `blocks` narratives, and the one update that makes it.
    pub(crate) fn new(blocks: u32) -> (Self, Bytes) {
        let doc = Doc::with_options(Options {
            client_id: ClientID::new(0x1234_5678),
            offset_kind: OffsetKind::Utf16,
            ..Options::default()
        });
        let mut txn = doc.transact_mut();
        txn.get_or_insert_map("canvas").insert(&mut txn, "name", "A canvas for measuring");
        let root = txn.get_or_insert_map("blocks");
        let blocks = (0..blocks)
            .map(|index| {
                let map = root.insert(&mut txn, format!("block_{index:04}"), MapPrelim::default());
                map.insert(&mut txn, "type", "narrative");
                map.insert(&mut txn, "at", cells(0, index));
                map.insert(&mut txn, "size", cells(6, 4));
                let content = map.insert(&mut txn, "content", MapPrelim::default());
                let text = content.insert(&mut txn, "text", TextPrelim::new("## Key insights 🦤\n\n"));
                Block { map, text }
            })
            .collect();
        let seed = Bytes::from(txn.encode_update_v1());
        drop(txn);
        (Self { doc, blocks }, seed)
    }

    /// What people do most: three keystrokes to one move.
    pub(crate) fn any_edit(&self, index: u32) -> Bytes {
        if index % 4 == 3 { self.drop_block(index) } else { self.keystroke(index) }
    }

    /// One character typed at the end of a narrative; `index` picks which.
    pub(crate) fn keystroke(&self, index: u32) -> Bytes {
        let text = &self.block(index).text;
        self.edit(|txn| text.push(txn, "x"))
    }

    /// A block dropped at another place.
    pub(crate) fn drop_block(&self, index: u32) -> Bytes {
        let map = &self.block(index).map;
        self.edit(|txn| {
            map.insert(txn, "at", cells(index % 12, index % 997));
        })
    }

    fn block(&self, index: u32) -> &Block {
        &self.blocks[index as usize % self.blocks.len()]
    }

    fn edit(&self, edit: impl FnOnce(&mut TransactionMut<'_>)) -> Bytes {
        let mut txn = self.doc.transact_mut();
        edit(&mut txn);
        Bytes::from(txn.encode_update_v1())
    }
}

fn cells(x: u32, y: u32) -> Any {
    Any::from(vec![Any::from(x), Any::from(y)])
}
