//! PORT: where canvases live. Journal, snapshots, canvas records, and what each person keeps of them.
//!
//! Owns the promise that what it answered with `Ok` survives a crash of the process and of the machine. Does not know rooms, sessions or
//! who may do what; `org` is a filter here, the decision is [`crate::access`]'s.
//!
//! # Reading and folding at once
//! A reader reads journal entries first and snapshots second; compaction writes the new snapshot first and deletes exactly the entries
//! and snapshots it folded second. So a reader can see an entry twice (harmless: updates are idempotent) and never miss one. `[DUR-6]`
//! Two nodes that fold at once leave two snapshots, neither of which need hold all of the other: a document is the union of all of them
//! and the entries, in whatever order.

mod fold;
pub mod mongo;
pub mod sqlite;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::clock::Millis;
use crate::doc::document::{Document, Headline, RestoreError};
use crate::doc::schema::CanvasJson;
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
    /// Names it in the journal, so that writing it again after an answer was lost writes it once. Sorts by time.
    pub id: Uuid,
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
    /// The snapshots, as [`Document::encode_snapshot`] wrote them: one, but for the moments of a fold.
    pub snapshots: Vec<Vec<u8>>,
    /// The journal after them, in the order of writing; may hold entries a snapshot already folds.
    pub entries: Vec<Bytes>,
}

impl Stored {
    /// Rebuilds the document. Slow for large ones: call it off the reactor threads.
    ///
    /// # Errors
    /// What is stored cannot be read.
    pub fn restore(&self) -> Result<Document, RestoreError> {
        Document::restore(&self.snapshots, &self.entries)
    }

    /// The same, telling the state before the document is there; see [`Document::restore_telling`].
    ///
    /// # Errors
    /// What is stored cannot be read.
    pub fn restore_telling(&self, tell: impl FnOnce(Vec<Bytes>)) -> Result<Document, RestoreError> {
        Document::restore_telling(&self.snapshots, &self.entries, tell)
    }
}

/// What one person keeps of a canvas; nobody else's business, so never in the document. `[DOC-2]`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// When they made it a favourite, if it is one.
    pub favourite_at: Option<Millis>,
    /// When they last opened it.
    pub opened_at: Option<Millis>,
}

/// Which canvases a list shows, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CanvasView {
    /// Those that are not deleted, newest first.
    All,
    /// The deleted ones, newest first.
    Deleted,
    /// The person's favourites that are not deleted, the latest favourite first.
    Favourites,
    /// What the person opened and is not deleted, the last opened first.
    Recent,
}

/// One page of a list of canvases, as it is asked for.
#[derive(Debug, Clone)]
pub struct CanvasQuery {
    /// The organization; no other one's canvas is ever listed. `[ACC-2]`
    pub org: String,
    /// Whose marks count.
    pub user_id: String,
    /// Which canvases.
    pub view: CanvasView,
    /// Only those whose name or description contains this, whatever the case of the letters.
    pub text: Option<String>,
    /// The [`CanvasPage::next`] of the page before.
    pub after: Option<CanvasKey>,
    /// Most items.
    pub limit: usize,
}

/// A canvas's place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CanvasKey {
    /// What [`CanvasView::Favourites`] and [`CanvasView::Recent`] sort by; 0 in the others.
    pub at: Millis,
    /// The canvas; sorts those of the same time.
    pub id: CanvasId,
}

/// A page of canvases and where the next one starts.
#[derive(Debug)]
pub struct CanvasPage {
    /// In the order of the view, each with the person's marks.
    pub items: Vec<(CanvasRecord, Marks)>,
    /// What to pass as `after` for the next page; `None` at the end.
    pub next: Option<CanvasKey>,
}

/// One change as it travels between stores. Its [`Change::id`] stays behind: that is each store's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastChange {
    /// When the room applied it.
    pub at: Millis,
    /// The users whose edits are in it.
    pub actors: Vec<String>,
    /// Yjs update v1.
    pub body: Bytes,
}

/// A piece of a canvas on its way from one store to another. They come in the order of this list, and [`Part::End`] always last: a canvas
/// without it is not whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The record. Exactly one.
    Record(CanvasRecord),
    /// A change that snapshots fold, oldest first.
    Folded(PastChange),
    /// A snapshot, as [`Document::encode_snapshot`] writes it. The document is the union of all of them and all entries.
    Snapshot(Vec<u8>),
    /// A change after the snapshots, in the order of the journal.
    Entry(PastChange),
    /// What one person keeps of it.
    Marks {
        /// Whose they are.
        user_id: String,
        /// What they are.
        marks: Marks,
    },
    /// That was all.
    End,
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

    /// A page of one organization's canvases.
    async fn canvases(&self, query: CanvasQuery) -> Result<CanvasPage, StoreError>;

    /// What a person keeps of a canvas; nothing if they never marked it.
    async fn marks(&self, user_id: &str, id: CanvasId) -> Result<Marks, StoreError>;

    /// Makes a canvas a person's favourite, or no longer. One that is a favourite already keeps its place.
    async fn set_favourite(&self, user_id: &str, id: CanvasId, at: Option<Millis>) -> Result<(), StoreError>;

    /// Notes that a person opened a canvas: it comes first in their [`CanvasView::Recent`], whatever the clock says.
    async fn set_opened(&self, user_id: &str, id: CanvasId, at: Millis) -> Result<(), StoreError>;

    /// Marks a canvas deleted or not. `false` if there is none.
    async fn set_deleted(&self, id: CanvasId, at: Option<Millis>) -> Result<bool, StoreError>;

    /// Appends to the journal. `Ok` means committed and synced. `[DUR-1]`
    async fn append(&self, append: Append) -> Result<(), StoreError>;

    /// Whether [`Store::materialise`] has a place to write to: asked before what a canvas shows is put together for it.
    fn materialises(&self) -> bool {
        false
    }

    /// Writes down what a canvas shows, for those who read the store with tools of their own. A copy: nothing here reads it, and the
    /// journal is the truth. A store without a place for it does nothing.
    async fn materialise(&self, id: CanvasId, canvas: CanvasJson) -> Result<(), StoreError> {
        let _ = (id, canvas);
        Ok(())
    }

    /// What is needed to rebuild the document; `None` if there is no such canvas.
    async fn load(&self, id: CanvasId) -> Result<Option<Stored>, StoreError>;

    /// Folds the journal into a snapshot: entries read now become part of it and move to the history; later ones stay. `[DUR-6]`
    ///
    /// Answers how many entries it folded. Two at once are harmless.
    async fn compact(&self, id: CanvasId) -> Result<usize, StoreError>;

    /// Keeps an update that broke a document, for inspection. `[LIM-5]`
    async fn quarantine(&self, id: CanvasId, actor: &str, reason: &str, body: Bytes) -> Result<(), StoreError>;

    /// Ids of canvases of every organization, deleted ones too, ascending from after `after`, at most `limit`: for the operator's export.
    async fn canvas_ids(&self, after: Option<CanvasId>, limit: usize) -> Result<Vec<CanvasId>, StoreError>;

    /// Hands out all there is of a canvas as [`Part`]s, also while it is written to: one moment's view of it, in which each change is there
    /// once, as [`Part::Folded`] or as [`Part::Entry`]. Quarantined updates stay behind. `false`, and no part, if there is no such canvas;
    /// ends early when nobody receives any more. Memory: the journal and snapshots, and of the history at most a few bytes for each change.
    async fn export_canvas(&self, id: CanvasId, parts: mpsc::Sender<Part>) -> Result<bool, StoreError>;

    /// Takes a canvas as [`Store::export_canvas`] of any store hands it out: all of it, or, if this fails or the parts stop before
    /// [`Part::End`], nothing that any other method would show. `false`: there is a canvas of this id, and it was left as it is. With
    /// `replace` it takes that one's place, its journal, history and marks included; no room may have it open then, and where the store has
    /// no transaction of that size there may be neither until it is imported again.
    async fn import_canvas(&self, parts: mpsc::Receiver<Part>, replace: bool) -> Result<bool, StoreError>;

    /// Whether a write would go through now.
    async fn ping(&self) -> Result<(), StoreError>;
}
