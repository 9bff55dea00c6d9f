//! The store on MongoDB: any number of nodes on one replica set.
//!
//! Owns its collections and the order in which it touches them. What every operation promises is [`crate::backend::mongo`]'s.
//!
//! # Collections
//! | collection | documents |
//! |---|---|
//! | `canvases` | the record, and a copy of what the canvas shows for those who query MongoDB themselves (see `shape`) |
//! | `canvas_updates` | the journal: `{_id: Change.id, canvas_id, at, actors, body}`, or `parts` instead of `body` where it is too large for a document |
//! | `canvas_snapshots` | `{_id, canvas_id, at, parts}` |
//! | `canvas_update_parts`, `canvas_snapshot_parts` | `{_id: {owner, n}, canvas_id, body}`: there before their owner, deleted after it |
//! | `canvas_history` | `{_id: {fold, n}, canvas_id, at, entries, parts, body}`: what was folded (see `super::fold`), its zstd frame cut into `parts`. Folds that raced hold the same entries twice: an entry's `id` counts once |
//! | `canvas_marks` | `{_id: {user_id, canvas_id}, favourite_at, opened_at}` |
//! | `canvas_quarantine` | `{_id, canvas_id, at, actor, reason, body}` |
//!
//! # Files
//! `writer` appends · `reader` reads a document back · `compact` folds · `lists` records and marks · `shape` documents as MongoDB
//! sees them · `transfer` whole canvases out and in.

mod compact;
mod lists;
mod reader;
mod shape;
mod transfer;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use mongodb::Collection;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, DateTime, Document, RawDocumentBuf, doc};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::{
    Append, CanvasPage, CanvasQuery, CanvasRecord, CanvasView, Change, Marks, Part, Store, StoreError, Stored,
};
use crate::backend::mongo::{LONG, Mongo, MongoError, SHORT};
use crate::clock::{Clock, Millis};
use crate::doc::schema::CanvasJson;
use crate::id::CanvasId;
use writer::Writer;

/// Largest body of one document: MongoDB takes 16 MiB with everything around it.
const PART_BYTES: usize = 15 << 20;

/// Largest quarantined body kept, bytes: enough to look into what broke a document.
const QUARANTINE_BYTES: usize = 1 << 20;

/// Searches at once. One makes the server look at every canvas of an organization.
const SEARCHES: usize = 4;

const CANVASES: &str = "canvases";
const UPDATES: &str = "canvas_updates";
const UPDATE_PARTS: &str = "canvas_update_parts";
const SNAPSHOTS: &str = "canvas_snapshots";
const SNAPSHOT_PARTS: &str = "canvas_snapshot_parts";
const HISTORY: &str = "canvas_history";
const MARKS: &str = "canvas_marks";
const QUARANTINE: &str = "canvas_quarantine";

/// [`Store`] on MongoDB.
pub struct MongoStore {
    mongo: Mongo,
    clock: Clock,
    writer: Writer,
    searches: Arc<Semaphore>,
}

impl MongoStore {
    /// A store on a connected, migrated database. Its writer is one of `tasks`, and ends with the store.
    #[must_use]
    pub fn new(mongo: Mongo, clock: Clock, tasks: &TaskTracker) -> Self {
        let writer = Writer::start(mongo.clone(), tasks.clone());
        Self { writer, mongo, clock, searches: Arc::new(Semaphore::new(SEARCHES)) }
    }

    fn canvases(&self) -> Collection<Document> {
        self.mongo.collection(CANVASES)
    }
}

impl From<MongoError> for StoreError {
    fn from(error: MongoError) -> Self {
        Self(error.to_string())
    }
}

/// A UUID as the documents hold it: binary of subtype 4.
fn uuid(id: Uuid) -> Bson {
    Bson::Binary(binary_uuid(id))
}

fn binary_uuid(id: Uuid) -> Binary {
    Binary { subtype: BinarySubtype::Uuid, bytes: id.as_bytes().to_vec() }
}

/// Bytes as the documents hold them.
fn blob(bytes: &[u8]) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() }
}

fn key(id: CanvasId) -> Bson {
    uuid(id.0)
}

/// A count as the documents hold it.
fn integer(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn date(at: Millis) -> DateTime {
    DateTime::from_millis(at)
}

#[async_trait]
impl Store for MongoStore {
    /// The journal first, and its first entry under the canvas's own id: a canvas that is listed can be opened, and one whose making was
    /// interrupted is made by the same call again.
    async fn create_canvas(&self, canvas: CanvasRecord, seed: Bytes) -> Result<(), StoreError> {
        if self.canvas(canvas.id).await?.is_some() {
            return Ok(());
        }
        let (id, owner, at) = (canvas.id, canvas.owner_id.clone(), canvas.created_at);
        let first = Change { id: id.0, body: seed.clone(), actors: vec![owner], at };
        self.writer.journal(id, &[first]).await?;
        let stored = Stored { entries: vec![seed], ..Stored::default() };
        let document = tokio::task::spawn_blocking(move || shape::new_canvas(&canvas, &stored));
        let document = document.await.map_err(|error| StoreError(error.to_string()))??;
        let canvases = self.canvases();
        let create = || async {
            canvases.update_one(doc! { "_id": key(id) }, doc! { "$setOnInsert": document.clone() }).upsert(true).await
        };
        match self.mongo.run("create a canvas", SHORT, create).await {
            Err(error) if !error.is_duplicate() => Err(error.into()),
            _ => Ok(()),
        }
    }

    async fn canvas(&self, id: CanvasId) -> Result<Option<CanvasRecord>, StoreError> {
        let canvases = self.canvases();
        let find = || async { canvases.find_one(doc! { "_id": key(id) }).projection(shape::record_fields()).await };
        self.mongo
            .run("read a canvas's record", SHORT, find)
            .await?
            .map(|document| shape::record(&document))
            .transpose()
    }

    async fn canvases(&self, query: CanvasQuery) -> Result<CanvasPage, StoreError> {
        let _turn = match query.text {
            Some(_) => Arc::clone(&self.searches).acquire_owned().await.ok(),
            None => None,
        };
        match query.view {
            CanvasView::All | CanvasView::Deleted => lists::of_organization(&self.mongo, &query).await,
            CanvasView::Favourites => lists::marked(&self.mongo, &query, "favourite_at").await,
            CanvasView::Recent => lists::marked(&self.mongo, &query, "opened_at").await,
        }
    }

    async fn marks(&self, user_id: &str, id: CanvasId) -> Result<Marks, StoreError> {
        lists::marks(&self.mongo, user_id, id).await
    }

    async fn set_favourite(&self, user_id: &str, id: CanvasId, at: Option<Millis>) -> Result<(), StoreError> {
        lists::set_favourite(&self.mongo, user_id, id, at).await
    }

    async fn set_opened(&self, user_id: &str, id: CanvasId, at: Millis) -> Result<(), StoreError> {
        lists::set_opened(&self.mongo, user_id, id, at).await
    }

    async fn set_deleted(&self, id: CanvasId, at: Option<Millis>) -> Result<bool, StoreError> {
        let canvases = self.canvases();
        let mark = doc! { "$set": { "deleted_at": at.map(date) } };
        let set = || async { canvases.update_one(doc! { "_id": key(id) }, mark.clone()).await };
        Ok(self.mongo.run("mark a canvas deleted or not", SHORT, set).await?.matched_count == 1)
    }

    async fn append(&self, append: Append) -> Result<(), StoreError> {
        self.writer.append(append).await
    }

    fn materialises(&self) -> bool {
        true
    }

    async fn materialise(&self, id: CanvasId, canvas: CanvasJson) -> Result<(), StoreError> {
        let update = tokio::task::spawn_blocking(move || shape::shown_now(&canvas));
        let update = update.await.map_err(|error| StoreError(error.to_string()))?;
        let canvases = self.canvases();
        let show = || async { canvases.update_one(doc! { "_id": key(id) }, update.clone()).await };
        self.mongo.run("write down what a canvas shows", LONG, show).await?;
        Ok(())
    }

    async fn load(&self, id: CanvasId) -> Result<Option<Stored>, StoreError> {
        reader::load(&self.mongo, id).await
    }

    async fn compact(&self, id: CanvasId) -> Result<usize, StoreError> {
        let _turn = super::fold::turn().await;
        compact::compact(&self.mongo, id, self.clock.now()).await
    }

    async fn quarantine(&self, id: CanvasId, actor: &str, reason: &str, body: Bytes) -> Result<(), StoreError> {
        let kept = body.slice(..body.len().min(QUARANTINE_BYTES));
        let document = doc! {
            "_id": uuid(Uuid::now_v7()), "canvas_id": key(id), "at": date(self.clock.now()), "actor": actor, "reason": reason,
            "body": blob(&kept),
        };
        let document = RawDocumentBuf::try_from(&document).map_err(|error| StoreError(error.to_string()))?;
        writer::insert_all(&self.mongo, "quarantine an update", QUARANTINE, &[document]).await
    }

    async fn canvas_ids(&self, after: Option<CanvasId>, limit: usize) -> Result<Vec<CanvasId>, StoreError> {
        transfer::ids(&self.mongo, after, limit).await
    }

    async fn export_canvas(&self, id: CanvasId, parts: mpsc::Sender<Part>) -> Result<bool, StoreError> {
        match self.canvas(id).await? {
            Some(record) => transfer::export(&self.mongo, record, &parts).await,
            None => Ok(false),
        }
    }

    async fn import_canvas(&self, mut parts: mpsc::Receiver<Part>, replace: bool) -> Result<bool, StoreError> {
        transfer::import(&self.mongo, &self.writer, &mut parts, replace).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.mongo.ping().await?)
    }
}
