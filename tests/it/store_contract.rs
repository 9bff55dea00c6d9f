//! The contract of the store port; every implementation passes it.

use std::sync::Arc;

use bytes::Bytes;
use jabiru::doc::document::Headline;
use jabiru::store::{Append, CanvasKey, CanvasQuery, CanvasView, Change, Marks, Store};
use tempfile::TempDir;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, ReadTxn, Text, Transact, Update};

use crate::support::hub::{record, seed, sqlite_store};

struct Writer {
    doc: Doc,
    store: Arc<dyn Store>,
    canvas: jabiru::id::CanvasId,
}

impl Writer {
    async fn new(store: &Arc<dyn Store>, org: &str) -> Self {
        let record = record(org, "n");
        store.create_canvas(record.clone(), seed(&record)).await.unwrap();
        Self { doc: Doc::new(), store: Arc::clone(store), canvas: record.id }
    }

    fn change(&self, text: &str) -> Change {
        let shared = self.doc.get_or_insert_text("text");
        let mut txn = self.doc.transact_mut();
        shared.push(&mut txn, text);
        Change { id: uuid::Uuid::now_v7(), body: txn.encode_update_v1().into(), actors: vec!["ann".to_owned()], at: 5 }
    }

    async fn append(&self, changes: Vec<Change>) {
        let headline = Headline { name: "renamed".to_owned(), description: "d".to_owned(), blocks: 3 };
        self.store.append(Append { canvas: self.canvas, changes, headline }).await.unwrap();
    }

    /// The text as the store has it, through the document it restores.
    async fn stored(&self) -> String {
        let stored = self.store.load(self.canvas).await.unwrap().unwrap();
        let state = stored.restore().unwrap().difference(&yrs::StateVector::default());
        let doc = Doc::new();
        doc.transact_mut().apply_update(Update::decode_v1(&state).unwrap()).unwrap();
        let txn = doc.transact();
        txn.get_text("text").map(|text| text.get_string(&txn)).unwrap_or_default()
    }
}

async fn store() -> (TempDir, Arc<dyn Store>) {
    let folder = TempDir::new().unwrap();
    let store = sqlite_store(&folder).await;
    (folder, store)
}

#[tokio::test]
async fn appended_changes_come_back_in_order_and_the_record_follows() {
    let (_folder, store) = store().await;
    let writer = Writer::new(&store, "org").await;
    writer.append(vec![writer.change("a"), writer.change("b")]).await;
    writer.append(vec![writer.change("c")]).await;
    assert_eq!(writer.stored().await, "abc");
    let record = store.canvas(writer.canvas).await.unwrap().unwrap();
    assert_eq!((record.name.as_str(), record.block_count, record.updated_at), ("renamed", 3, 5));
}

#[tokio::test]
async fn what_does_not_exist_is_none() {
    let (_folder, store) = store().await;
    let nobody = jabiru::id::CanvasId::generate();
    assert!(store.load(nobody).await.unwrap().is_none());
    assert!(store.canvas(nobody).await.unwrap().is_none());
    assert!(!store.set_deleted(nobody, Some(1)).await.unwrap());
    assert_eq!(store.compact(nobody).await.unwrap(), 0);
}

#[tokio::test]
async fn acc_2_lists_hold_one_organization_only() {
    let (_folder, store) = store().await;
    let ours = Writer::new(&store, "ours").await;
    let theirs = Writer::new(&store, "theirs").await;
    // Marked too, as if by mistake: a mark shows nobody another organization's canvas.
    for canvas in [ours.canvas, theirs.canvas] {
        store.set_favourite("ann", canvas, Some(1)).await.unwrap();
        store.set_opened("ann", canvas, 1).await.unwrap();
    }
    for view in [CanvasView::All, CanvasView::Favourites, CanvasView::Recent] {
        let page = store.canvases(query(view, 10, None)).await.unwrap();
        assert_eq!(page.items.iter().map(|(item, _)| item.id).collect::<Vec<_>>(), [ours.canvas], "{view:?}");
        assert!(page.next.is_none());
    }
    assert!(store.canvases(query(CanvasView::Deleted, 10, None)).await.unwrap().items.is_empty());
}

fn query(view: CanvasView, limit: usize, after: Option<CanvasKey>) -> CanvasQuery {
    CanvasQuery { org: "ours".to_owned(), user_id: "ann".to_owned(), view, text: None, after, limit }
}

#[tokio::test]
async fn every_view_is_paged_in_its_own_order_also_within_one_millisecond() {
    let (_folder, store) = store().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(Writer::new(&store, "ours").await.canvas);
    }
    // All at the same moment by the clock, then two of them again.
    for index in [3, 0, 4, 1, 2, 0, 3] {
        store.set_favourite("ann", ids[index], Some(7)).await.unwrap();
        store.set_opened("ann", ids[index], 7).await.unwrap();
        store.set_opened("ben", ids[4 - index], 7).await.unwrap();
    }
    store.set_favourite("ann", ids[1], None).await.unwrap();
    for (view, wanted) in [
        (CanvasView::All, vec![4, 3, 2, 1, 0]),
        (CanvasView::Favourites, vec![2, 4, 0, 3]),
        (CanvasView::Recent, vec![3, 0, 2, 1, 4]),
    ] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = store.canvases(query(view, 2, after)).await.unwrap();
            seen.extend(page.items.iter().map(|(item, _)| ids.iter().position(|id| *id == item.id).unwrap()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, wanted, "{view:?}");
    }
    assert_eq!(store.marks("cleo", ids[0]).await.unwrap(), Marks::default());
    assert!(store.marks("ben", ids[0]).await.unwrap().favourite_at.is_none());
}

#[tokio::test]
async fn dur_6_folding_keeps_everything_and_later_entries() {
    let (_folder, store) = store().await;
    let writer = Writer::new(&store, "org").await;
    for _ in 0..3 {
        for letter in ["a", "b", "c"] {
            writer.append(vec![writer.change(letter)]).await;
        }
        assert!(store.compact(writer.canvas).await.unwrap() > 0);
        assert!(store.load(writer.canvas).await.unwrap().unwrap().entries.is_empty());
    }
    writer.append(vec![writer.change("d")]).await;
    assert_eq!(writer.stored().await, "abcabcabcd");
    assert_eq!(store.compact(writer.canvas).await.unwrap(), 1);
    assert_eq!(store.compact(writer.canvas).await.unwrap(), 0, "nothing to fold");
}

#[tokio::test]
async fn dur_6_writers_readers_and_two_folds_at_once_never_miss_an_entry() {
    let (_folder, store) = store().await;
    let writer = Writer::new(&store, "org").await;
    let folding = |store: Arc<dyn Store>, canvas| async move {
        for _ in 0..30 {
            store.compact(canvas).await.unwrap();
        }
    };
    let writing = async {
        for index in 0..60 {
            writer.append(vec![writer.change("x")]).await;
            // What was appended before a read is in it, wherever the folds are.
            assert_eq!(writer.stored().await.len(), index + 1);
        }
    };
    tokio::join!(writing, folding(Arc::clone(&store), writer.canvas), folding(Arc::clone(&store), writer.canvas));
    assert_eq!(writer.stored().await, "x".repeat(60));
}

#[tokio::test]
async fn dur_6_folded_entries_stay_as_history() {
    let (folder, store) = store().await;
    let writer = Writer::new(&store, "org").await;
    for _ in 0..5 {
        writer.append(vec![writer.change("x")]).await;
    }
    store.compact(writer.canvas).await.unwrap();
    let database = rusqlite::Connection::open(folder.path().join("jabiru.db")).unwrap();
    let (first, last, body): (i64, i64, Vec<u8>) = database
        .query_row("select first_seq, last_seq, body from canvas_history", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!((first, last), (1, 6), "the seed and five changes");
    let lines = String::from_utf8(zstd::decode_all(&body[..]).unwrap()).unwrap();
    assert_eq!(lines.lines().count(), 6);
    assert!(lines.contains("ann"));
}

#[tokio::test]
async fn an_append_is_all_or_nothing_and_creating_twice_is_once() {
    let (_folder, store) = store().await;
    let record = record("org", "n");
    let seed = seed(&record);
    store.create_canvas(record.clone(), seed.clone()).await.unwrap();
    store.create_canvas(record.clone(), seed).await.unwrap();
    assert_eq!(store.load(record.id).await.unwrap().unwrap().entries.len(), 1);
    store.quarantine(record.id, "mallory", "why", Bytes::from_static(b"bytes")).await.unwrap();
    store.ping().await.unwrap();
}
