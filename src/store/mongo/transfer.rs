//! Canvases out of and into MongoDB, whole. Owns how [`Part`]s and documents correspond; not the file they travel in.
//!
//! # One moment's view
//! Nodes go on writing and folding meanwhile. A fold writes its snapshot, then its history, then deletes the entries. So: list the history,
//! read the snapshots, read the entries, list the history again. If both lists are the same, no entry was deleted in between, and whatever
//! a snapshot holds is in that history or among those entries. If not, again.
//!
//! # All or nothing
//! An import writes the record last, with what the canvas shows, and no method shows a canvas without one. What an interrupted import left
//! is removed by the next.

use std::collections::{BTreeMap, HashSet};

use mongodb::Collection;
use mongodb::bson::raw::cstr;
use mongodb::bson::{Document, RawDocumentBuf, doc, rawdoc};
use mongodb::error::Error;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::reader::{self, Entry, Snapshot, raw_uuid};
use super::writer::{self, Writer};
use super::{
    CANVASES, HISTORY, MARKS, PART_BYTES, SNAPSHOT_PARTS, SNAPSHOTS, UPDATE_PARTS, UPDATES, binary_uuid, blob, date,
    key, lists, shape,
};
use crate::backend::mongo::{LONG, Mongo, SHORT};
use crate::id::CanvasId;
use crate::store::{CanvasRecord, Change, Part, PastChange, StoreError, Stored, fold};

/// How often the view is tried for. Each time a fold must have ended in between.
const VIEW_TRIES: usize = 8;

/// Changes of one history segment and of one write to the journal: about what a fold makes.
const BATCH_CHANGES: usize = 500;
/// Bytes after which either ends early: what a fold is bound by too.
const BATCH_BYTES: usize = 4 << 20;

/// Ids after `after`, ascending.
pub(super) async fn ids(mongo: &Mongo, after: Option<CanvasId>, limit: usize) -> Result<Vec<CanvasId>, StoreError> {
    let canvases: Collection<Document> = mongo.collection(CANVASES);
    let filter = after.map_or_else(Document::new, |after| doc! { "_id": { "$gt": key(after) } });
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let list = || async {
        let found = canvases.find(filter.clone()).projection(doc! { "_id": 1 }).sort(doc! { "_id": 1 }).limit(limit);
        let (mut found, mut ids) = (found.await?, Vec::new());
        while found.advance().await? {
            ids.push(CanvasId(raw_uuid(found.current(), "_id")?));
        }
        Ok(ids)
    };
    Ok(mongo.run("list canvases", LONG, list).await?)
}

/// What a canvas is at one moment, its history by name only.
struct View {
    /// Number of parts of each fold whose history is whole, by its id, which sorts by time.
    folds: BTreeMap<Uuid, i32>,
    snapshots: Vec<Snapshot>,
    entries: Vec<Entry>,
}

/// See [`crate::store::Store::export_canvas`].
pub(super) async fn export(
    mongo: &Mongo,
    record: CanvasRecord,
    parts: &mpsc::Sender<Part>,
) -> Result<bool, StoreError> {
    let id = record.id;
    let view = view(mongo, id).await?;
    // Nobody receives any more: whatever comes next is for nobody either.
    macro_rules! send {
        ($part:expr) => {
            if parts.send($part).await.is_err() {
                return Ok(true);
            }
        };
    }
    send!(Part::Record(record));
    let mut seen = HashSet::new();
    for (fold, count) in view.folds {
        for line in fold::unpack(segment(mongo, fold, count).await?.as_slice())? {
            let line = line?;
            if seen.insert(line.id) {
                send!(Part::Folded(line.change()?));
            }
        }
    }
    for snapshot in view.snapshots {
        send!(Part::Snapshot(snapshot.body));
    }
    for entry in view.entries.into_iter().filter(|entry| !seen.contains(&entry.id)) {
        send!(Part::Entry(PastChange { at: entry.at, actors: entry.actors, body: entry.body }));
    }
    for (user_id, marks) in lists::marks_of_canvas(mongo, id).await? {
        send!(Part::Marks { user_id, marks });
    }
    send!(Part::End);
    Ok(true)
}

async fn view(mongo: &Mongo, canvas: CanvasId) -> Result<View, StoreError> {
    let look = || async {
        let mut session = mongo.session().await?;
        for _ in 0..VIEW_TRIES {
            let before = folds(mongo, canvas).await?;
            let snapshots = reader::snapshots(mongo, &mut session, canvas).await?;
            let entries = reader::entries(mongo, &mut session, canvas).await?;
            if folds(mongo, canvas).await? == before {
                let whole = before.into_iter().filter(|(_, (there, parts))| there == parts);
                let folds = whole.map(|(fold, (_, parts))| (fold, parts)).collect();
                return Ok(Some(View { folds, snapshots, entries }));
            }
        }
        Ok(None)
    };
    let busy = || StoreError("the canvas is folded again and again while it is read; try again".to_owned());
    mongo.run("read a canvas", LONG, look).await?.ok_or_else(busy)
}

/// How many parts of each fold's history are there, and how many there should be.
async fn folds(mongo: &Mongo, canvas: CanvasId) -> Result<BTreeMap<Uuid, (i32, i32)>, Error> {
    let history: Collection<RawDocumentBuf> = mongo.collection(HISTORY);
    let mut cursor = history.find(doc! { "canvas_id": key(canvas) }).projection(doc! { "_id": 1, "parts": 1 }).await?;
    let mut folds: BTreeMap<Uuid, (i32, i32)> = BTreeMap::new();
    while cursor.advance().await? {
        let part = cursor.current();
        let fold = folds.entry(raw_uuid(part.get_document("_id")?, "fold")?).or_default();
        *fold = (fold.0 + 1, part.get_i32("parts")?);
    }
    Ok(folds)
}

/// The history of one fold, as it was packed.
async fn segment(mongo: &Mongo, fold: Uuid, parts: i32) -> Result<Vec<u8>, StoreError> {
    let history: Collection<RawDocumentBuf> = mongo.collection(HISTORY);
    let ids: Vec<_> = reader::part_ids("fold", fold, parts).collect();
    let read = || async {
        let mut cursor = history.find(doc! { "_id": { "$in": ids.clone() } }).sort(doc! { "_id": 1 }).await?;
        let mut body = Vec::new();
        while cursor.advance().await? {
            body.extend_from_slice(cursor.current().get_binary("body")?.bytes);
        }
        Ok(body)
    };
    Ok(mongo.run("read history", LONG, read).await?)
}

/// See [`crate::store::Store::import_canvas`].
pub(super) async fn import(
    mongo: &Mongo,
    writer: &Writer,
    parts: &mut mpsc::Receiver<Part>,
    replace: bool,
) -> Result<bool, StoreError> {
    let refuse = |what: &str| StoreError(what.to_owned());
    let Some(Part::Record(canvas)) = parts.recv().await else { return Err(refuse("the canvas has no record")) };
    let id = canvas.id;
    let canvases: Collection<Document> = mongo.collection(CANVASES);
    let find = || async { canvases.find_one(doc! { "_id": key(id) }).projection(doc! { "_id": 1 }).await };
    if mongo.run("read a canvas's record", SHORT, find).await?.is_some() && !replace {
        return Ok(false);
    }
    clear(mongo, id).await?;
    let (mut folded, mut entries, mut stored) = (Batch::default(), Batch::default(), Stored::default());
    loop {
        match parts.recv().await {
            Some(Part::Folded(change)) => {
                folded.push(change);
                if folded.is_full() {
                    write_history(mongo, &canvas, folded.take()).await?;
                }
            }
            Some(Part::Snapshot(snapshot)) => {
                write_snapshot(mongo, &canvas, &snapshot).await?;
                stored.snapshots.push(snapshot);
            }
            Some(Part::Entry(change)) => {
                stored.entries.push(change.body.clone());
                entries.push(change);
                if entries.is_full() {
                    write_entries(writer, id, entries.take()).await?;
                }
            }
            Some(Part::Marks { user_id, marks }) => {
                let mut mark = doc! { "_id": { "user_id": user_id, "canvas_id": key(id) } };
                let times = [("favourite_at", marks.favourite_at), ("opened_at", marks.opened_at)];
                mark.extend(times.into_iter().filter_map(|(field, at)| Some((field.to_owned(), date(at?).into()))));
                let mark = RawDocumentBuf::try_from(&mark).map_err(|error| refuse(&error.to_string()))?;
                writer::insert_all(mongo, "write marks", MARKS, &[mark]).await?;
            }
            Some(Part::End) => break,
            Some(Part::Record(_)) => return Err(refuse("the canvas has two records")),
            None => return Err(refuse("the canvas ends before its end")),
        }
    }
    write_history(mongo, &canvas, folded.take()).await?;
    write_entries(writer, id, entries.take()).await?;
    let document = tokio::task::spawn_blocking(move || shape::new_canvas(&canvas, &stored));
    let document = document.await.map_err(|error| StoreError(error.to_string()))??;
    let set = doc! { "$setOnInsert": document };
    let create = || async { canvases.update_one(doc! { "_id": key(id) }, set.clone()).upsert(true).await };
    mongo.run("create a canvas", SHORT, create).await?;
    lists::count_favourites(mongo, id).await?;
    Ok(true)
}

/// Removes all there is of a canvas, the record first: from then on there is none.
async fn clear(mongo: &Mongo, id: CanvasId) -> Result<(), StoreError> {
    let of = doc! { "canvas_id": key(id) };
    let everywhere = [
        (CANVASES, doc! { "_id": key(id) }),
        (UPDATES, of.clone()),
        (UPDATE_PARTS, of.clone()),
        (SNAPSHOTS, of.clone()),
        (SNAPSHOT_PARTS, of.clone()),
        (HISTORY, of),
        (MARKS, doc! { "_id.canvas_id": key(id) }),
    ];
    for (collection, filter) in everywhere {
        let target: Collection<Document> = mongo.collection(collection);
        mongo.run("make room for a canvas", LONG, || async { target.delete_many(filter.clone()).await }).await?;
    }
    Ok(())
}

/// Changes that are written together.
#[derive(Default)]
struct Batch {
    changes: Vec<Change>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, change: PastChange) {
        self.bytes += change.body.len();
        // Ids of one process only grow, so the order of ids is the order of the parts.
        let PastChange { at, actors, body } = change;
        self.changes.push(Change { id: Uuid::now_v7(), body, actors, at });
    }

    fn is_full(&self) -> bool {
        self.changes.len() == BATCH_CHANGES || self.bytes >= BATCH_BYTES
    }

    fn take(&mut self) -> Vec<Change> {
        std::mem::take(self).changes
    }
}

async fn write_entries(writer: &Writer, id: CanvasId, changes: Vec<Change>) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    writer.journal(id, &changes).await
}

async fn write_history(mongo: &Mongo, canvas: &CanvasRecord, changes: Vec<Change>) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let (fold, count) = (Uuid::now_v7(), i64::try_from(changes.len()).unwrap_or(i64::MAX));
    let mut lines = Vec::new();
    for change in changes {
        let (name, actors) = (("id", change.id.to_string().into()), change.actors.into());
        fold::write_line(&mut lines, &fold::Row { name, at: change.at, actors, body: change.body });
    }
    writer::insert_all(mongo, "write history", HISTORY, &history(fold, canvas, count, &fold::pack(&lines)?)).await
}

fn history(fold: Uuid, canvas: &CanvasRecord, entries: i64, packed: &[u8]) -> Vec<RawDocumentBuf> {
    let parts = i32::try_from(packed.chunks(PART_BYTES).count()).unwrap_or(i32::MAX);
    let part = |(n, bytes): (usize, &[u8])| {
        rawdoc! {
            "_id": { "fold": binary_uuid(fold), "n": i32::try_from(n).unwrap_or(i32::MAX) }, "canvas_id": binary_uuid(canvas.id.0),
            "at": date(canvas.updated_at), "entries": entries, "parts": parts, "body": blob(bytes),
        }
    };
    packed.chunks(PART_BYTES).enumerate().map(part).collect()
}

async fn write_snapshot(mongo: &Mongo, canvas: &CanvasRecord, snapshot: &[u8]) -> Result<(), StoreError> {
    let id = Uuid::now_v7();
    let parts = writer::split(cstr!("snapshot"), id, canvas.id, snapshot);
    writer::insert_all(mongo, "write a snapshot", SNAPSHOT_PARTS, &parts).await?;
    let (own, of) = (binary_uuid(id), binary_uuid(canvas.id.0));
    let head = rawdoc! { "_id": own, "canvas_id": of, "at": date(canvas.updated_at), "parts": i32::try_from(parts.len()).unwrap_or(i32::MAX) };
    writer::insert_all(mongo, "write a snapshot", SNAPSHOTS, &[head]).await
}
