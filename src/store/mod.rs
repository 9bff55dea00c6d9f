//! PORT: where canvases live. Journal, snapshots and canvas records.
//!
//! Owns the promise that what it answered with `Ok` survives a crash of the process and of the machine. Does not know rooms, sessions or
//! who may do what; `org` is a filter here, the decision is [`crate::access`]'s.
//!
//! # Reading and folding at once
//! A reader reads journal entries first and snapshots second; compaction writes the new snapshot first and deletes what it folds
//! second. So a reader can see an entry twice (harmless: updates are idempotent) and never miss one. `[DUR-6]`

pub mod sqlite;

use async_trait::async_trait;
use bytes::Bytes;

use crate::clock::Millis;
use crate::doc::document::{Document, Headline, RestoreError};
use crate::id::CanvasId;

/// What the store knows of a canvas besides its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanvasRecord {
    /// Its id.
    pub id: CanvasId,
    /// The organization it belongs to. `[ACC-2]`
    pub org: String,
    /// The user who created it.
    pub owner_id: String,
    /// Mirrored from the document.
    pub name: String,
    /// Mirrored from the document.
    pub description: String,
    /// Mirrored from the document.
    pub block_count: u32,
    /// When it was created.
    pub created_at: Millis,
    /// When its document last changed.
    pub updated_at: Millis,
    /// When it was soft-deleted, if it is.
    pub deleted_at: Option<Millis>,
}

/// One write to a canvas's journal.
#[derive(Debug, Clone)]
pub struct Append {
    /// The canvas.
    pub canvas: CanvasId,
    /// Yjs updates (v1), in the order they were applied.
    pub changes: Vec<Change>,
    /// The record's mirrored fields after them.
    pub headline: Headline,
}

/// One change of a document, as the journal keeps it.
#[derive(Debug, Clone)]
pub struct Change {
    /// Yjs update v1.
    pub body: Bytes,
    /// The users whose edits are in it.
    pub actors: Vec<String>,
    /// When the room applied it.
    pub at: Millis,
}

/// Everything needed to rebuild a document.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// The newest snapshot, as [`Document::encode_snapshot`] wrote it.
    pub snapshot: Option<Vec<u8>>,
    /// The journal after it, in order; may begin with entries the snapshot already folds.
    pub entries: Vec<Bytes>,
}

impl Stored {
    /// Rebuilds the document. Slow for large ones: call it off the reactor threads.
    ///
    /// # Errors
    /// What is stored cannot be read.
    pub fn restore(&self) -> Result<Document, RestoreError> {
        Document::restore(self.snapshot.as_deref(), &self.entries)
    }
}

/// A page of canvases and where the next one starts.
#[derive(Debug)]
pub struct CanvasPage {
    /// Newest first.
    pub items: Vec<CanvasRecord>,
    /// The id to pass as `after` for the next page; `None` at the end.
    pub next: Option<CanvasId>,
}

/// The store could not do it. Nothing of the call is stored; trying again is safe.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the store is not available: {0}")]
pub struct StoreError(pub String);

/// The port. Every method is safe to repeat.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Creates a canvas: its record and the first entry of its journal, in one commit. Creating it again changes nothing. `[SEED-1]`
    async fn create_canvas(&self, record: CanvasRecord, seed: Bytes) -> Result<(), StoreError>;

    /// The record of a canvas, deleted or not.
    async fn canvas(&self, id: CanvasId) -> Result<Option<CanvasRecord>, StoreError>;

    /// Canvases of one organization, newest first; `deleted` picks those that are soft-deleted instead of those that are not.
    async fn canvases(
        &self,
        org: &str,
        deleted: bool,
        after: Option<CanvasId>,
        limit: usize,
    ) -> Result<CanvasPage, StoreError>;

    /// Marks a canvas deleted or not. `false` if there is none.
    async fn set_deleted(&self, id: CanvasId, at: Option<Millis>) -> Result<bool, StoreError>;

    /// Appends to the journal. `Ok` means committed and synced. `[DUR-1]`
    async fn append(&self, append: Append) -> Result<(), StoreError>;

    /// What is needed to rebuild the document; `None` if there is no such canvas.
    async fn load(&self, id: CanvasId) -> Result<Option<Stored>, StoreError>;

    /// Folds the journal into a snapshot: entries read now become part of it and move to the history; later ones stay. `[DUR-6]`
    ///
    /// Answers how many entries it folded. Two at once are harmless.
    async fn compact(&self, id: CanvasId) -> Result<usize, StoreError>;

    /// Keeps an update that broke a document, for inspection. `[LIM-5]`
    async fn quarantine(&self, id: CanvasId, actor: &str, reason: &str, body: Bytes) -> Result<(), StoreError>;

    /// Whether a write would go through now.
    async fn ping(&self) -> Result<(), StoreError>;
}
