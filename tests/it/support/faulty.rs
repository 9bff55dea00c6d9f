//! A store between the rooms and the real one that fails, hangs or counts on command. `[DUR-3]`

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use jabiru::clock::Millis;
use jabiru::doc::schema::CanvasJson;
use jabiru::id::CanvasId;
use jabiru::store::{Append, CanvasPage, CanvasQuery, CanvasRecord, Marks, Part, Store, StoreError, Stored};
use tokio::sync::{mpsc, watch};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Well,
    /// Every write answers with an error, at once.
    FailWrites,
    /// Every write waits until the mode changes, then does what the new mode says.
    HangWrites,
    /// Every append is done, and answers with an error.
    LoseAnswers,
    /// Reading a document fails.
    FailLoads,
    /// Reading a document waits.
    HangLoads,
    /// Reading a document waits with what it has read.
    HoldLoads,
}

pub(crate) struct FaultyStore {
    inner: Arc<dyn Store>,
    mode: watch::Sender<Mode>,
    pub(crate) loads: AtomicUsize,
    /// Journal rows written.
    pub(crate) appended: AtomicUsize,
    /// Writes that are waiting or were refused.
    pub(crate) troubled: AtomicUsize,
    /// Has rooms write down what their canvases show, and keeps it here.
    pub(crate) shows: AtomicBool,
    pub(crate) shown: watch::Sender<Vec<CanvasJson>>,
}

impl FaultyStore {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            mode: watch::channel(Mode::Well).0,
            loads: AtomicUsize::new(0),
            appended: AtomicUsize::new(0),
            troubled: AtomicUsize::new(0),
            shows: AtomicBool::new(false),
            shown: watch::channel(Vec::new()).0,
        }
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    pub(crate) fn appended(&self) -> usize {
        self.appended.load(Ordering::SeqCst)
    }

    pub(crate) fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    pub(crate) fn troubled(&self) -> usize {
        self.troubled.load(Ordering::SeqCst)
    }

    async fn pass(&self, hangs: Mode, fails: Mode) -> Result<(), StoreError> {
        let mut mode = self.mode.subscribe();
        if *mode.borrow() == hangs || *mode.borrow() == fails {
            self.troubled.fetch_add(1, Ordering::SeqCst);
        }
        let now = *mode.wait_for(|mode| *mode != hangs).await.unwrap();
        if now == fails { Err(StoreError("told to fail".to_owned())) } else { Ok(()) }
    }

    async fn write(&self) -> Result<(), StoreError> {
        self.pass(Mode::HangWrites, Mode::FailWrites).await
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn create_canvas(&self, record: CanvasRecord, seed: Bytes) -> Result<(), StoreError> {
        self.write().await?;
        self.inner.create_canvas(record, seed).await
    }

    async fn canvas(&self, id: CanvasId) -> Result<Option<CanvasRecord>, StoreError> {
        self.inner.canvas(id).await
    }

    async fn canvases(&self, query: CanvasQuery) -> Result<CanvasPage, StoreError> {
        self.inner.canvases(query).await
    }

    async fn marks(&self, user_id: &str, id: CanvasId) -> Result<Marks, StoreError> {
        self.inner.marks(user_id, id).await
    }

    async fn set_favourite(&self, user_id: &str, id: CanvasId, at: Option<Millis>) -> Result<(), StoreError> {
        self.write().await?;
        self.inner.set_favourite(user_id, id, at).await
    }

    async fn set_opened(&self, user_id: &str, id: CanvasId, at: Millis) -> Result<(), StoreError> {
        self.write().await?;
        self.inner.set_opened(user_id, id, at).await
    }

    async fn set_deleted(&self, id: CanvasId, at: Option<Millis>) -> Result<bool, StoreError> {
        self.write().await?;
        self.inner.set_deleted(id, at).await
    }

    async fn append(&self, append: Append) -> Result<(), StoreError> {
        self.write().await?;
        let rows = append.changes.len();
        self.inner.append(append).await?;
        if *self.mode.borrow() == Mode::LoseAnswers {
            self.troubled.fetch_add(1, Ordering::SeqCst);
            return Err(StoreError("told to lose the answer".to_owned()));
        }
        self.appended.fetch_add(rows, Ordering::SeqCst);
        Ok(())
    }

    fn materialises(&self) -> bool {
        self.shows.load(Ordering::SeqCst) || self.inner.materialises()
    }

    async fn materialise(&self, id: CanvasId, canvas: CanvasJson) -> Result<(), StoreError> {
        self.write().await?;
        self.shown.send_modify(|shown| shown.push(canvas.clone()));
        self.inner.materialise(id, canvas).await
    }

    async fn load(&self, id: CanvasId) -> Result<Option<Stored>, StoreError> {
        self.pass(Mode::HangLoads, Mode::FailLoads).await?;
        self.loads.fetch_add(1, Ordering::SeqCst);
        let loaded = self.inner.load(id).await;
        self.pass(Mode::HoldLoads, Mode::FailLoads).await?;
        loaded
    }

    async fn compact(&self, id: CanvasId) -> Result<usize, StoreError> {
        self.write().await?;
        self.inner.compact(id).await
    }

    async fn quarantine(&self, id: CanvasId, actor: &str, reason: &str, body: Bytes) -> Result<(), StoreError> {
        self.write().await?;
        self.inner.quarantine(id, actor, reason, body).await
    }

    async fn canvas_ids(&self, after: Option<CanvasId>, limit: usize) -> Result<Vec<CanvasId>, StoreError> {
        self.inner.canvas_ids(after, limit).await
    }

    async fn export_canvas(&self, id: CanvasId, parts: mpsc::Sender<Part>) -> Result<bool, StoreError> {
        self.inner.export_canvas(id, parts).await
    }

    async fn import_canvas(&self, parts: mpsc::Receiver<Part>, replace: bool) -> Result<bool, StoreError> {
        self.write().await?;
        self.inner.import_canvas(parts, replace).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.write().await?;
        self.inner.ping().await
    }
}
