//! The contract of the store port; every implementation passes it. What only SQLite can show is below, and what only MongoDB can in
//! [`crate::mongo_store`].

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use jabiru::doc::document::Headline;
use jabiru::store::{Append, CanvasKey, CanvasQuery, CanvasRecord, CanvasView, Change, Marks, Store};
use tempfile::TempDir;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, ReadTxn, Text, Transact, Update};

use crate::mongo_store::mongo_store;
use crate::support::hub::{record, seed, sqlite_store};
use crate::support::services::shared_mongo;

pub(crate) struct Writer {
    doc: Doc,
    store: Arc<dyn Store>,
    pub(crate) canvas: jabiru::id::CanvasId,
}

impl Writer {
    pub(crate) async fn new(store: &Arc<dyn Store>, org: &str) -> Self {
        let record = record(org, "n");
        store.create_canvas(record.clone(), seed(&record)).await.unwrap();
        Self { doc: Doc::new(), store: Arc::clone(store), canvas: record.id }
    }

    pub(crate) fn change(&self, text: &str) -> Change {
        let shared = self.doc.get_or_insert_text("text");
        let mut txn = self.doc.transact_mut();
        shared.push(&mut txn, text);
        Change { id: uuid::Uuid::now_v7(), body: txn.encode_update_v1().into(), actors: vec!["ann".to_owned()], at: 5 }
    }

    pub(crate) async fn append(&self, changes: Vec<Change>) {
        let headline = Headline { name: "renamed".to_owned(), description: "d".to_owned(), blocks: 3 };
        self.store.append(Append { canvas: self.canvas, changes, headline }).await.unwrap();
    }

    /// The text as the store has it, through the document it restores.
    pub(crate) async fn stored(&self) -> String {
        let stored = self.store.load(self.canvas).await.unwrap().unwrap();
        let state = stored.restore().unwrap().difference(&yrs::StateVector::default());
        let doc = Doc::new();
        doc.transact_mut().apply_update(Update::decode_v1(&state).unwrap()).unwrap();
        let txn = doc.transact();
        txn.get_text("text").map(|text| text.get_string(&txn)).unwrap_or_default()
    }
}

/// Runs each test on both stores.
macro_rules! on_every_store {
    ($($test:ident,)*) => {
        mod on_sqlite {
            use super::*;
            $(#[tokio::test] async fn $test() {
                let folder = TempDir::new().unwrap();
                super::$test(sqlite_store(&folder).await).await;
            })*
        }
        mod on_mongodb {
            use super::*;
            $(#[tokio::test] async fn $test() {
                super::$test(mongo_store(&shared_mongo().await).await).await;
            })*
        }
    };
}

on_every_store! {
    appended_changes_come_back_in_order_and_the_record_follows,
    what_does_not_exist_is_none,
    acc_2_lists_hold_one_organization_only,
    every_view_is_paged_in_its_own_order_also_within_one_millisecond,
    a_search_takes_the_text_as_it_is_whatever_its_case,
    dur_6_folding_keeps_everything_and_later_entries,
    dur_6_writers_readers_and_two_folds_at_once_never_miss_an_entry,
    dur_2_an_append_that_is_repeated_changes_nothing,
    dur_1_many_canvases_at_once_are_all_there,
    creating_twice_is_once_and_the_first_holds,
    a_deleted_canvas_can_be_restored,
}

async fn appended_changes_come_back_in_order_and_the_record_follows(store: Arc<dyn Store>) {
    let writer = Writer::new(&store, "org").await;
    writer.append(vec![writer.change("a"), writer.change("b")]).await;
    writer.append(vec![writer.change("c")]).await;
    assert_eq!(writer.stored().await, "abc");
    let record = store.canvas(writer.canvas).await.unwrap().unwrap();
    assert_eq!((record.name.as_str(), record.block_count, record.updated_at), ("renamed", 3, 5));
}

async fn what_does_not_exist_is_none(store: Arc<dyn Store>) {
    let nobody = jabiru::id::CanvasId::generate();
    assert!(store.load(nobody).await.unwrap().is_none());
    assert!(store.canvas(nobody).await.unwrap().is_none());
    assert!(!store.set_deleted(nobody, Some(1)).await.unwrap());
    assert_eq!(store.compact(nobody).await.unwrap(), 0);
}

async fn acc_2_lists_hold_one_organization_only(store: Arc<dyn Store>) {
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

async fn every_view_is_paged_in_its_own_order_also_within_one_millisecond(store: Arc<dyn Store>) {
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

async fn dur_6_folding_keeps_everything_and_later_entries(store: Arc<dyn Store>) {
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

async fn dur_6_writers_readers_and_two_folds_at_once_never_miss_an_entry(store: Arc<dyn Store>) {
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

async fn a_search_takes_the_text_as_it_is_whatever_its_case(store: Arc<dyn Store>) {
    let names = ["Ärger im Büro", "ÄRGER (2)", "50% .*", "back\\slash", "plain", "ΣΊΓΜΑ", "a\u{0}b"];
    for name in names {
        let record = record("ours", name);
        store.create_canvas(record.clone(), seed(&record)).await.unwrap();
    }
    let described = CanvasRecord { description: "about Plain things".to_owned(), ..record("ours", "other") };
    store.create_canvas(described.clone(), seed(&described)).await.unwrap();
    let everything = store.canvases(query(CanvasView::All, 10, None)).await.unwrap();
    for (item, _) in &everything.items {
        store.set_opened("ann", item.id, 1).await.unwrap();
    }
    for (text, wanted) in [
        ("ärger", vec!["ÄRGER (2)", "Ärger im Büro"]),
        ("(2)", vec!["ÄRGER (2)"]),
        (".*", vec!["50% .*"]),
        ("% .", vec!["50% .*"]),
        ("K\\S", vec!["back\\slash"]),
        ("PLAIN", vec!["other", "plain"]),
        ("σίγμα", vec!["ΣΊΓΜΑ"]),
        ("\u{0}", vec!["a\u{0}b"]),
        ("^", vec![]),
    ] {
        for view in [CanvasView::All, CanvasView::Recent] {
            let query = CanvasQuery { text: Some(text.to_owned()), ..query(view, 10, None) };
            let page = store.canvases(query).await.unwrap();
            let mut found: Vec<_> = page.items.iter().map(|(item, _)| item.name.clone()).collect();
            found.sort_unstable();
            let mut wanted = wanted.clone();
            wanted.sort_unstable();
            assert_eq!(found, wanted, "{text:?} in {view:?}");
        }
    }
}

async fn dur_2_an_append_that_is_repeated_changes_nothing(store: Arc<dyn Store>) {
    let writer = Writer::new(&store, "org").await;
    let changes = vec![writer.change("a"), writer.change("b")];
    for _ in 0..3 {
        writer.append(changes.clone()).await;
    }
    // With one that is new among those that are not.
    writer.append([changes, vec![writer.change("c")]].concat()).await;
    assert_eq!(writer.stored().await, "abc");
    store.compact(writer.canvas).await.unwrap();
    assert_eq!(writer.stored().await, "abc");
}

async fn dur_1_many_canvases_at_once_are_all_there(store: Arc<dyn Store>) {
    let writers = join_all((0..40).map(|_| Writer::new(&store, "org"))).await;
    let writing = writers.iter().map(|writer| async move {
        for letter in ["a", "b", "c"] {
            writer.append(vec![writer.change(letter)]).await;
        }
    });
    join_all(writing).await;
    for writer in &writers {
        assert_eq!(writer.stored().await, "abc");
    }
}

async fn a_deleted_canvas_can_be_restored(store: Arc<dyn Store>) {
    let writer = Writer::new(&store, "ours").await;
    let listed = async |view| {
        let page = store.canvases(query(view, 10, None)).await.unwrap();
        page.items.len()
    };
    store.set_favourite("ann", writer.canvas, Some(1)).await.unwrap();
    assert!(store.set_deleted(writer.canvas, Some(9)).await.unwrap());
    assert!(store.set_deleted(writer.canvas, Some(9)).await.unwrap(), "it is there, deleted or not");
    assert_eq!(store.canvas(writer.canvas).await.unwrap().unwrap().deleted_at, Some(9));
    assert_eq!((listed(CanvasView::All).await, listed(CanvasView::Deleted).await), (0, 1));
    assert_eq!(listed(CanvasView::Favourites).await, 0);
    assert!(store.set_deleted(writer.canvas, None).await.unwrap());
    assert_eq!((listed(CanvasView::All).await, listed(CanvasView::Deleted).await), (1, 0));
    assert_eq!(listed(CanvasView::Favourites).await, 1);
}

#[tokio::test]
async fn dur_6_folded_entries_stay_as_history_in_sqlite() {
    let folder = TempDir::new().unwrap();
    let store = sqlite_store(&folder).await;
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

async fn creating_twice_is_once_and_the_first_holds(store: Arc<dyn Store>) {
    let first = record("org", "first");
    let second = CanvasRecord { name: "second".to_owned(), ..first.clone() };
    store.create_canvas(first.clone(), seed(&first)).await.unwrap();
    store.create_canvas(second.clone(), seed(&second)).await.unwrap();
    assert_eq!(store.canvas(first.id).await.unwrap().unwrap(), first);
    assert_eq!(store.load(first.id).await.unwrap().unwrap().entries.len(), 1);
    assert_eq!(store.compact(first.id).await.unwrap(), 1);
    store.create_canvas(second.clone(), seed(&second)).await.unwrap();
    let stored = store.load(first.id).await.unwrap().unwrap();
    assert!(stored.entries.is_empty());
    assert_eq!(stored.restore().unwrap().materialise().name, "first");
    let record = first;
    store.quarantine(record.id, "mallory", "why", Bytes::from_static(b"bytes")).await.unwrap();
    store.ping().await.unwrap();
}
