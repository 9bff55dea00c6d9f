//! Reading a document back: journal entries first, then all snapshots. `[DUR-6]`
//!
//! # After a failover
//! A new primary has every acked entry, but for a moment it may not know yet that a majority has it, and reads of what a majority has would
//! not show it. So opening a canvas begins with a linearizable read, which makes the primary find out, and what follows is read in the same
//! causal session, so that a primary elected in between is not behind it either. `[DUR-1]`

use std::collections::HashMap;

use bytes::Bytes;
use mongodb::bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};
use mongodb::error::Error;
use mongodb::options::ReadConcern;
use mongodb::{ClientSession, Collection};
use serde::de::Error as _;
use uuid::Uuid;

use super::{CANVASES, SNAPSHOT_PARTS, SNAPSHOTS, UPDATE_PARTS, UPDATES, key, uuid};
use crate::backend::mongo::{LONG, Mongo};
use crate::clock::Millis;
use crate::id::CanvasId;
use crate::store::{StoreError, Stored};

/// How often snapshots are looked for again because one was folded into another while its parts were read. Each time a fold must have
/// ended in between.
const SNAPSHOT_TRIES: usize = 8;

/// Ids of one `$in`: a command has 16 MiB.
const IDS: usize = 10_000;

/// A journal entry.
pub(super) struct Entry {
    pub(super) id: Uuid,
    pub(super) at: Millis,
    pub(super) actors: Vec<String>,
    pub(super) body: Bytes,
    /// How many documents its body is in besides its own.
    pub(super) parts: i32,
}

/// A snapshot.
pub(super) struct Snapshot {
    pub(super) id: Uuid,
    pub(super) parts: i32,
    pub(super) body: Vec<u8>,
}

/// What is needed to rebuild a document; `None` if there is no such canvas.
pub(super) async fn load(mongo: &Mongo, canvas: CanvasId) -> Result<Option<Stored>, StoreError> {
    let work = || async {
        let mut session = mongo.session().await?;
        let records: Collection<Document> = mongo.collection(CANVASES);
        let record = records
            .find_one(doc! { "_id": key(canvas) })
            .projection(doc! { "_id": 1 })
            .read_concern(ReadConcern::linearizable())
            .session(&mut session)
            .await?;
        if record.is_none() {
            return Ok(None);
        }
        let entries = entries(mongo, &mut session, canvas).await?;
        let snapshots = snapshots(mongo, &mut session, canvas).await?;
        Ok(Some(Stored {
            snapshots: snapshots.into_iter().map(|snapshot| snapshot.body).collect(),
            entries: entries.into_iter().map(|entry| entry.body).collect(),
        }))
    };
    Ok(mongo.run("read a canvas", LONG, work).await?)
}

/// The journal as it is now, in the order of writing.
pub(super) async fn entries(mongo: &Mongo, session: &mut ClientSession, canvas: CanvasId) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    let journal: Collection<RawDocumentBuf> = mongo.collection(UPDATES);
    let mut cursor =
        journal.find(doc! { "canvas_id": key(canvas) }).sort(doc! { "_id": 1 }).session(&mut *session).await?;
    while cursor.advance(session).await? {
        let document = cursor.current();
        let parts = document.get_i32("parts").unwrap_or_default();
        let actors = document.get_array("actors")?.into_iter();
        entries.push(Entry {
            id: raw_uuid(document, "_id")?,
            at: document.get_datetime("at")?.timestamp_millis(),
            actors: actors.filter_map(|actor| Some(actor.ok()?.as_str()?.to_owned())).collect(),
            body: if parts == 0 { Bytes::copy_from_slice(document.get_binary("body")?.bytes) } else { Bytes::new() },
            parts,
        });
    }
    let split: Vec<_> = entries.iter().filter(|entry| entry.parts > 0).map(|entry| (entry.id, entry.parts)).collect();
    let mut bodies = bodies(mongo, session, UPDATE_PARTS, "update", &split).await?;
    let mut gone = Vec::new();
    for entry in entries.iter_mut().filter(|entry| entry.parts > 0) {
        match bodies.remove(&entry.id) {
            Some(body) => entry.body = body.into(),
            None => gone.push(entry.id),
        }
    }
    if !gone.is_empty() {
        // Folded meanwhile: then it is in a snapshot, which is read after this.
        let left = doc! { "_id": { "$in": ids(&gone) } };
        if journal.find_one(left).session(&mut *session).await?.is_some() {
            return Err(odd("a part of a journal entry is missing"));
        }
        entries.retain(|entry| !gone.contains(&entry.id));
    }
    Ok(entries)
}

/// All snapshots there are, whole.
pub(super) async fn snapshots(
    mongo: &Mongo,
    session: &mut ClientSession,
    canvas: CanvasId,
) -> Result<Vec<Snapshot>, Error> {
    let heads: Collection<RawDocumentBuf> = mongo.collection(SNAPSHOTS);
    for _ in 0..SNAPSHOT_TRIES {
        let mut found = Vec::new();
        let mut cursor = heads.find(doc! { "canvas_id": key(canvas) }).session(&mut *session).await?;
        while cursor.advance(session).await? {
            found.push((raw_uuid(cursor.current(), "_id")?, cursor.current().get_i32("parts")?));
        }
        let mut bodies = bodies(mongo, session, SNAPSHOT_PARTS, "snapshot", &found).await?;
        let whole = found.iter().map(|(id, parts)| Some(Snapshot { id: *id, parts: *parts, body: bodies.remove(id)? }));
        // A snapshot whose parts are gone was folded into another one, whose head was there before: look again.
        if let Some(snapshots) = whole.collect() {
            return Ok(snapshots);
        }
    }
    Err(odd("the parts of a snapshot are missing"))
}

/// The bodies whose parts are all there, by their owner.
async fn bodies(
    mongo: &Mongo,
    session: &mut ClientSession,
    collection: &str,
    owner: &str,
    owners: &[(Uuid, i32)],
) -> Result<HashMap<Uuid, Vec<u8>>, Error> {
    let wanted: Vec<_> = owners.iter().flat_map(|(id, parts)| part_ids(owner, *id, *parts)).collect();
    let mut bodies: HashMap<Uuid, Vec<u8>> = HashMap::new();
    let mut seen: HashMap<Uuid, i32> = HashMap::new();
    let parts: Collection<RawDocumentBuf> = mongo.collection(collection);
    for ids in wanted.chunks(IDS) {
        // By id, so by owner and then by number.
        let filter = doc! { "_id": { "$in": ids } };
        let mut cursor = parts.find(filter).sort(doc! { "_id": 1 }).session(&mut *session).await?;
        while cursor.advance(session).await? {
            let part = cursor.current();
            let id = raw_uuid(part.get_document("_id")?, owner)?;
            *seen.entry(id).or_default() += 1;
            bodies.entry(id).or_default().extend_from_slice(part.get_binary("body")?.bytes);
        }
    }
    for (id, parts) in owners {
        if seen.get(id) != Some(parts) {
            bodies.remove(id);
        }
    }
    Ok(bodies)
}

/// The ids of the parts of a body.
pub(super) fn part_ids(owner: &str, id: Uuid, parts: i32) -> impl Iterator<Item = Document> {
    (0..parts).map(move |n| doc! { owner: uuid(id), "n": n })
}

/// Ids as an array.
pub(super) fn ids(ids: &[Uuid]) -> Vec<Bson> {
    ids.iter().copied().map(uuid).collect()
}

pub(super) fn raw_uuid(document: &RawDocument, key: &str) -> Result<Uuid, Error> {
    Uuid::from_slice(document.get_binary(key)?.bytes).map_err(|_| odd("an id is not a UUID"))
}

fn odd(what: &str) -> Error {
    mongodb::bson::error::Error::custom(what).into()
}
