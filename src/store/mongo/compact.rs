//! Folding: the journal's entries and all snapshots become one snapshot, and the entries history. `[DUR-6]`
//!
//! # Order
//! Read entries, then snapshots · write the new snapshot's parts, its head, the history · delete exactly the entries and snapshots that
//! were read, each before its parts. Interrupted anywhere, everything is still there, perhaps twice, which a union does not mind; parts
//! that nobody names any more are swept by a later fold.

use mongodb::Collection;
use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, doc, rawdoc};
use mongodb::error::Error;
use uuid::Uuid;

use super::reader::{self, Entry, Snapshot, ids, part_ids, raw_uuid};
use super::{HISTORY, PART_BYTES, SNAPSHOT_PARTS, SNAPSHOTS, UPDATE_PARTS, UPDATES, binary_uuid, blob, key, writer};
use crate::backend::mongo::{LONG, Mongo};
use crate::clock::Millis;
use crate::id::CanvasId;
use crate::store::{StoreError, fold};

/// How old parts without a head must be to be swept, milliseconds: much longer than a fold takes from its first part to its head.
const ORPHAN_AGE: Millis = 3_600_000;

/// Ids of one `$in`: a command has 16 MiB.
const IDS: usize = 10_000;

/// Answers how many entries were folded.
pub(super) async fn compact(mongo: &Mongo, canvas: CanvasId, now: Millis) -> Result<usize, StoreError> {
    let read = || async {
        let mut session = mongo.session().await?;
        let entries = reader::entries(mongo, &mut session, canvas).await?;
        let snapshots = match entries.is_empty() {
            true => Vec::new(),
            false => reader::snapshots(mongo, &mut session, canvas).await?,
        };
        Ok((entries, snapshots))
    };
    let (entries, snapshots) = mongo.run("read a journal", LONG, read).await?;
    if entries.is_empty() {
        return Ok(0);
    }
    let old: Vec<_> = snapshots.iter().map(|Snapshot { id, parts, .. }| (*id, *parts)).collect();
    let rows = entries.iter().map(row).collect();
    let folded = fold::fold(snapshots.into_iter().map(|snapshot| snapshot.body).collect(), rows).await?;

    let id = Uuid::now_v7();
    let parts = writer::split("snapshot", id, canvas, &folded.snapshot);
    writer::insert_all(mongo, "write a snapshot", SNAPSHOT_PARTS, &parts).await?;
    let (own, of) = (|| binary_uuid(id), || binary_uuid(canvas.0));
    let at = DateTime::from_millis(now);
    let head = rawdoc! { "_id": own(), "canvas_id": of(), "at": at, "parts": parts.len() as i32 };
    writer::insert_all(mongo, "write a snapshot", SNAPSHOTS, &[head]).await?;
    let count = entries.len() as i64;
    let segments = folded.history.chunks(PART_BYTES).count() as i32;
    let segment = |(n, bytes): (usize, &[u8])| {
        rawdoc! {
            "_id": { "fold": own(), "n": n as i32 }, "canvas_id": of(), "at": at, "entries": count, "parts": segments,
            "body": blob(bytes),
        }
    };
    let history: Vec<_> = folded.history.chunks(PART_BYTES).enumerate().map(segment).collect();
    writer::insert_all(mongo, "write history", HISTORY, &history).await?;

    let folded: Vec<_> = entries.iter().map(|entry| entry.id).collect();
    let split = entries.iter().filter(|entry| entry.parts > 0);
    let split: Vec<_> = split.flat_map(|entry| part_ids("update", entry.id, entry.parts)).map(Bson::from).collect();
    delete(mongo, UPDATES, ids(&folded)).await?;
    delete(mongo, UPDATE_PARTS, split).await?;
    delete(mongo, SNAPSHOTS, old.iter().map(|(id, _)| super::uuid(*id)).collect()).await?;
    let old_parts = old.iter().flat_map(|(id, parts)| part_ids("snapshot", *id, *parts));
    delete(mongo, SNAPSHOT_PARTS, old_parts.map(Bson::from).collect()).await?;
    sweep(mongo, canvas, now).await?;
    Ok(folded.len())
}

fn row(entry: &Entry) -> fold::Row {
    fold::Row {
        name: ("id", entry.id.to_string().into()),
        at: entry.at,
        actors: entry.actors.clone().into(),
        body: entry.body.clone(),
    }
}

async fn delete(mongo: &Mongo, collection: &str, ids: Vec<Bson>) -> Result<(), StoreError> {
    let target: Collection<Document> = mongo.collection(collection);
    for ids in ids.chunks(IDS) {
        let filter = doc! { "_id": { "$in": ids } };
        mongo.run("delete what was folded", LONG, || async { target.delete_many(filter.clone()).await }).await?;
    }
    Ok(())
}

/// Deletes the parts that folds left which did not come to their head, or not past its end.
async fn sweep(mongo: &Mongo, canvas: CanvasId, now: Millis) -> Result<(), StoreError> {
    let heads: Collection<RawDocumentBuf> = mongo.collection(SNAPSHOTS);
    let parts: Collection<RawDocumentBuf> = mongo.collection(SNAPSHOT_PARTS);
    let (filter, fields) = (doc! { "canvas_id": key(canvas) }, doc! { "_id": 1 });
    let find = || async {
        let mut orphans = Vec::new();
        // Parts first: one whose head comes later is young, and stays.
        let mut cursor = parts.find(filter.clone()).projection(fields.clone()).await?;
        while cursor.advance().await? {
            let id = cursor.current().get_document("_id")?;
            orphans.push((raw_uuid(id, "snapshot")?, id.get_i32("n")?));
        }
        let mut cursor = heads.find(filter.clone()).projection(fields.clone()).await?;
        while cursor.advance().await? {
            let head = raw_uuid(cursor.current(), "_id")?;
            orphans.retain(|(id, _)| *id != head);
        }
        Ok::<_, Error>(orphans)
    };
    let orphans = mongo.run("look for parts that are left over", LONG, find).await?;
    let made = |id: &Uuid| id.get_timestamp().map_or(now, |at| (at.to_unix().0 * 1000).cast_signed());
    let orphans = orphans.into_iter().filter(|(id, _)| made(id) < now - ORPHAN_AGE);
    let orphans = orphans.map(|(id, n)| Bson::from(doc! { "snapshot": super::uuid(id), "n": n }));
    delete(mongo, SNAPSHOT_PARTS, orphans.collect()).await
}
