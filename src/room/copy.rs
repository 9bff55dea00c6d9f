//! The copy of a canvas that a store keeps for people who query it with tools of their own: written now and then, never waited for.
//!
//! Owns when. Costs nothing where the store has no place for a copy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::hub::Hub;
use crate::doc::schema::CanvasJson;
use crate::id::CanvasId;

/// From a change to the copy that has it, at least; a busy canvas is written this often.
const INTERVAL: Duration = Duration::from_secs(2);

/// How many times as long as it takes to put a copy together nothing more is done for copies: a canvas of megabytes must not keep its room
/// from its people.
const PAUSE: u32 = 50;

/// When a copy that the store did not take is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// See the module docs.
pub(super) struct Copy {
    wanted: bool,
    /// The version of the document that the store has, or is being given; `None`: it is not known to have any.
    given: Option<u64>,
    due: Option<Instant>,
    not_before: Instant,
    /// One write at a time, in order.
    turn: Arc<Semaphore>,
    failed: Arc<AtomicBool>,
}

impl Copy {
    /// For a room that has just loaded its document, at this version. `stale`: the copy may be older, because a node died before it wrote
    /// it.
    pub(super) fn new(wanted: bool, version: u64, stale: bool) -> Self {
        Self {
            wanted,
            given: (!stale).then_some(version),
            due: None,
            not_before: Instant::now(),
            turn: Arc::new(Semaphore::new(1)),
            failed: Arc::default(),
        }
    }

    /// The document is another one: its versions are counted anew.
    pub(super) fn forget(&mut self) {
        self.given = None;
    }

    /// When the next copy is due, now that the document has this version.
    pub(super) fn due(&mut self, version: u64) -> Option<Instant> {
        if !self.is_stale(version) {
            return None;
        }
        let now = Instant::now();
        if self.failed.swap(false, Ordering::SeqCst) {
            self.given = None;
            self.due = Some(now + RETRY);
        }
        // While one is under way the next waits, and takes what has come until then.
        let busy = self.turn.available_permits() == 0;
        let due = self.due.filter(|due| !busy || *due > now);
        let due = due.unwrap_or(now + INTERVAL).max(self.not_before);
        self.due = Some(due);
        Some(due)
    }

    /// Whether the store lacks this version.
    pub(super) fn is_stale(&self, version: u64) -> bool {
        self.wanted && (self.given != Some(version) || self.failed.load(Ordering::SeqCst))
    }

    /// Gives the store what the canvas shows at this version, after what it is being given already.
    pub(super) fn give(&mut self, hub: &Hub, id: CanvasId, version: u64, canvas: impl FnOnce() -> CanvasJson) {
        let began = Instant::now();
        let canvas = canvas();
        self.not_before = began + began.elapsed() * PAUSE;
        self.due = None;
        self.given = Some(version);
        self.failed.store(false, Ordering::SeqCst);
        let (store, turn, failed) = (Arc::clone(&hub.node().store), Arc::clone(&self.turn), Arc::clone(&self.failed));
        hub.spawn(async move {
            // Closed never.
            let _turn = turn.acquire().await;
            if let Err(error) = store.materialise(id, canvas).await {
                failed.store(true, Ordering::SeqCst);
                tracing::warn!(canvas.id = %id, %error, "the copy of the canvas that queries see was not written; it is older until the next try");
            }
        });
    }
}
