//! The journal side of a room: what waits to be written, what is being written, and what is durable.
//!
//! Owns order, retries and folding. At most one append is under way; what arrives meanwhile goes with the next one, so the group grows
//! with the load and a lone change is written at once. Nothing taken is ever dropped here: a failed append is tried again. `[DUR-3]`

use std::collections::VecDeque;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Node;
use crate::bus::Frame;
use crate::doc::document::Headline;
use crate::id::CanvasId;
use crate::store::{Append, Change, StoreError};
use crate::telemetry::names;

/// Changes and bytes of one append: bounds the memory of a batch and how long the first change waits for the last.
const APPEND_CHANGES: usize = 1000;
const APPEND_BYTES: usize = 4 << 20;

/// An append under way longer than this means that the store is slow, and `/readyz` says so.
pub(super) const STALL_AFTER: Duration = Duration::from_secs(1);

/// First and longest wait before a failed append is tried again: 0.1 s, doubled each time, at most 5 s.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(5);

type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// See the module docs.
pub(super) struct Persist {
    canvas: CanvasId,
    node: Arc<Node>,
    /// In order; the front `in_flight.count` are being written.
    waiting: VecDeque<Change>,
    waiting_bytes: usize,
    in_flight: Option<InFlight>,
    /// When a failed append may be tried again.
    retry_at: Option<Instant>,
    failures: u32,
    /// Whether this room is counted among the stalled ones.
    stalled: bool,
    /// Positions: changes taken so far, and how many of them are in the journal.
    taken: u64,
    durable: u64,
    unfolded_entries: u64,
    unfolded_bytes: u64,
    folding: Option<Pending<Result<usize, StoreError>>>,
}

struct InFlight {
    append: Pending<Result<(), StoreError>>,
    count: usize,
    bytes: usize,
    started: Instant,
}

/// What [`Persist::progress`] reports.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More is in the journal now.
    Written,
    /// An append failed and will be tried again; or a fold ended.
    Other,
}

impl Persist {
    /// For a room that has just loaded `entries` journal entries of `bytes` in all.
    pub(super) fn new(canvas: CanvasId, node: Arc<Node>, entries: u64, bytes: u64) -> Self {
        Self {
            canvas,
            node,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            in_flight: None,
            retry_at: None,
            failures: 0,
            stalled: false,
            taken: 0,
            durable: 0,
            unfolded_entries: entries,
            unfolded_bytes: bytes,
            folding: None,
        }
    }

    /// Takes a change; answers the position that will hold it.
    pub(super) fn push(&mut self, change: Change) -> u64 {
        self.waiting_bytes += change.body.len();
        let total = self.node.pressure.pending_bytes.fetch_add(change.body.len(), Ordering::Relaxed);
        metrics::gauge!(names::PENDING_BYTES).set((total + change.body.len()) as f64);
        self.waiting.push_back(change);
        self.taken += 1;
        self.taken
    }

    /// The position that holds everything taken so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// The position up to which the journal holds everything.
    pub(super) fn durable(&self) -> u64 {
        self.durable
    }

    /// Whether the tail is written. `[DUR-4]`
    pub(super) fn is_clean(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Bytes taken and not yet in the journal.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// The changes the journal does not hold yet, for rebuilding the document.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Change> {
        self.waiting.iter()
    }

    /// Whether no more may be taken besides `taking_bytes` that are about to be. `[DUR-3]`
    pub(super) fn is_full(&self, taking_bytes: usize) -> bool {
        let limits = &self.node.limits;
        self.waiting_bytes + taking_bytes >= limits.room_pending_bytes
            || (!self.is_clean() && self.node.pressure.pending_bytes() + taking_bytes >= limits.node_pending_bytes)
    }

    /// Whether there is room again, with a margin, so that a room at the edge does not flap.
    pub(super) fn has_recovered(&self) -> bool {
        self.waiting_bytes <= self.node.limits.room_pending_bytes / 2
            && (self.is_clean() || self.node.pressure.pending_bytes() <= self.node.limits.node_pending_bytes / 2)
    }

    /// Whether taking more should wait for the append under way: half of what may wait is waiting, and the store answers. A writer
    /// that is faster than the disk is slowed down by this; if the store fails or takes its time, it is not the writer, and editing
    /// goes on. `[DUR-3]`
    pub(super) fn should_wait(&self) -> bool {
        let answers = |flight: &InFlight| self.failures == 0 && flight.started.elapsed() < STALL_AFTER;
        !self.has_recovered() && self.in_flight.as_ref().is_some_and(answers)
    }

    /// Journal entries not folded into a snapshot, and their bytes.
    pub(super) fn unfolded(&self) -> (u64, u64) {
        (self.unfolded_entries, self.unfolded_bytes)
    }

    /// Whether an append is under way or due: the room should look at [`Persist::note_stall`] now and then.
    pub(super) fn is_busy(&self) -> bool {
        self.in_flight.is_some() || self.retry_at.is_some()
    }

    /// Whether there is something to write and nothing being written.
    pub(super) fn is_due(&self) -> bool {
        let waits_to_retry = self.retry_at.is_some_and(|at| at > Instant::now());
        self.in_flight.is_none() && !self.waiting.is_empty() && !waits_to_retry
    }

    /// Starts the next append, which is due. `headline` is what lists show of the canvas as it is now.
    pub(super) fn start(&mut self, headline: &Headline) {
        self.retry_at = None;
        let mut bytes = 0;
        let mut changes = Vec::new();
        for change in self.waiting.iter().take(APPEND_CHANGES) {
            bytes += change.body.len();
            changes.push(change.clone());
            if bytes >= APPEND_BYTES {
                break;
            }
        }
        let count = changes.len();
        let append = Append { canvas: self.canvas, changes, headline: headline.clone() };
        let store = Arc::clone(&self.node.store);
        self.in_flight = Some(InFlight {
            append: Box::pin(async move { store.append(append).await }),
            count,
            bytes,
            started: Instant::now(),
        });
    }

    /// Starts folding if the journal has grown enough and nothing is being folded.
    pub(super) fn fold_if_due(&mut self) {
        let limits = &self.node.limits;
        let due = self.unfolded_entries >= limits.compact_entries || self.unfolded_bytes >= limits.compact_bytes;
        if due && self.folding.is_none() {
            let (store, canvas) = (Arc::clone(&self.node.store), self.canvas);
            self.folding = Some(Box::pin(async move { store.compact(canvas).await }));
            self.unfolded_entries = 0;
            self.unfolded_bytes = 0;
        }
    }

    /// Waits for the next thing to happen; forever if nothing is under way. Cancel-safe.
    pub(super) async fn progress(&mut self) -> Progress {
        let retry_at = self.retry_at.filter(|_| self.in_flight.is_none());
        tokio::select! {
            outcome = wait_for(self.in_flight.as_mut().map(|flight| &mut flight.append)) => self.landed(outcome),
            outcome = wait_for(self.folding.as_mut()) => {
                self.folding = None;
                if let Err(error) = outcome {
                    tracing::warn!(canvas.id = %self.canvas, %error, "folding the journal failed; it stays longer until the next try");
                }
                Progress::Other
            }
            () = wait_until(retry_at) => {
                self.retry_at = Some(Instant::now());
                Progress::Other
            }
        }
    }

    fn landed(&mut self, outcome: Result<(), StoreError>) -> Progress {
        let Some(flight) = self.in_flight.take() else { return Progress::Other };
        metrics::histogram!(names::APPEND_SECONDS).record(flight.started.elapsed().as_secs_f64());
        if let Err(error) = outcome {
            self.failures = self.failures.saturating_add(1);
            let wait = RETRY_FIRST.saturating_mul(1 << self.failures.min(10).saturating_sub(1)).min(RETRY_LONGEST);
            self.retry_at = Some(Instant::now() + wait);
            metrics::counter!(names::APPEND_FAILURES).increment(1);
            tracing::warn!(canvas.id = %self.canvas, pending.size_bytes = self.waiting_bytes, retry.wait_ms = wait.as_millis() as u64,
                %error, "the journal did not take an append; acks are withheld until it does");
            self.set_stalled(true);
            return Progress::Other;
        }
        self.failures = 0;
        self.set_stalled(false);
        self.durable += flight.count as u64;
        self.release(flight.bytes);
        self.unfolded_entries += flight.count as u64;
        self.unfolded_bytes += flight.bytes as u64;
        // Only now: a node that heard of it earlier could ack a copy of it that is nowhere on disk. `[BUS-1]`
        for change in self.waiting.drain(..flight.count) {
            let (node, update) = (Arc::clone(&self.node.id), change.body);
            self.node.bus.publish(Frame::Change { node, canvas: self.canvas, update });
        }
        Progress::Written
    }

    /// Counts this room as stalled when its append takes too long.
    pub(super) fn note_stall(&mut self) {
        if self.in_flight.as_ref().is_some_and(|flight| flight.started.elapsed() >= STALL_AFTER) {
            self.set_stalled(true);
        }
    }

    fn set_stalled(&mut self, stalled: bool) {
        if stalled != self.stalled {
            self.stalled = stalled;
            let rooms = &self.node.pressure.stalled_rooms;
            if stalled {
                rooms.fetch_add(1, Ordering::Relaxed)
            } else {
                rooms.fetch_sub(1, Ordering::Relaxed)
            };
        }
    }

    fn release(&mut self, bytes: usize) {
        self.waiting_bytes -= bytes;
        let before = self.node.pressure.pending_bytes.fetch_sub(bytes, Ordering::Relaxed);
        metrics::gauge!(names::PENDING_BYTES).set(before.saturating_sub(bytes) as f64);
    }
}

impl Drop for Persist {
    fn drop(&mut self) {
        self.release(self.waiting_bytes);
        self.set_stalled(false);
    }
}

async fn wait_for<T>(future: Option<&mut Pending<T>>) -> T {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
