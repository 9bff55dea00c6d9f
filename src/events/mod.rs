//! PORT: usage events, query runs and samples of the node's metrics. Owns their queue, their batches, the spool, and what happens when there
//! are too many. `[EVT-1]` `[EVT-2]`
//!
//! An event is what happened, never a change of a document, and never content.
//!
//! # Flow
//! ```text
//! whoever sees it happen ─ record: one try_send ─▶ bounded queue
//!   ─▶ collector: batches by size and time, one table each
//!        ├─▶ delivery: the store, once each
//!        └─▶ spool: files, while the store does not take them; sent oldest first when it does, also after a restart
//! ```
//!
//! # Invariants
//! - Handing in never waits and never fails; what cannot be kept is counted by reason in `jabiru_events_dropped_total`, never silent.
//! - A batch has an id, and a store takes a batch once, however often it is handed in. So whoever does not know whether a batch arrived
//!   sends it again.
//! - Only what has not reached the store or the spool yet is lost with the process: about a second of events.

mod clickhouse;
mod delivery;
mod rows;
mod sample;
mod spool;
mod sqlite;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::clock::{Clock, Millis};
use crate::telemetry::names;

pub use self::clickhouse::ClickHouseEvents;
pub use self::delivery::Writer;
pub use self::rows::{Batch, MetricSample, QueryRun, Rows, UsageEvent};
pub use self::sample::sample_metrics;
pub use self::spool::{Spool, SpoolError};
pub use self::sqlite::SqliteEvents;

/// Records that may wait to be batched: some seconds of a busy node at about 400 bytes each.
const QUEUE: usize = 8192;

/// Longest user agent that is kept, bytes: browsers send about 150.
const USER_AGENT_BYTES: usize = 256;

/// Where a request or a socket came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The address, if it is known.
    pub ip: Option<IpAddr>,
    /// What the client says it is, cut to 256 bytes.
    pub user_agent: Arc<str>,
    /// By which door a socket came.
    pub door: Door,
}

/// By which door somebody comes to a canvas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Door {
    /// Our own pages with an account or a token for all canvases, or no page at all: a program.
    #[default]
    Own,
    /// Our own pages with a token that opens this canvas only: a link that somebody was given.
    Link,
    /// A page of another site, which shows the canvas as a part of itself. Its origin, e.g. `https://app.example.org`.
    Site(Arc<str>),
}

impl Origin {
    /// An origin; a long user agent is cut, an IPv4 address in IPv6 clothes is undressed.
    #[must_use]
    pub fn new(ip: Option<IpAddr>, user_agent: &str) -> Self {
        let end = user_agent.floor_char_boundary(USER_AGENT_BYTES);
        Self { ip: ip.map(|ip| ip.to_canonical()), user_agent: user_agent[..end].into(), door: Door::Own }
    }
}

/// Why a store did not take a batch.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    /// It may take it later. Whether it has is not known.
    #[error("{0}")]
    Unavailable(String),
    /// It will never take it.
    #[error("{0}")]
    Refused(String),
}

/// The port. `Ok` means stored.
#[async_trait]
pub trait EventStore: Send + Sync + 'static {
    /// What it is, for people: `sqlite`, `clickhouse`.
    fn name(&self) -> &'static str;

    /// Takes a batch: whole, and once, however often it is handed in.
    async fn write(&self, batch: &Batch) -> Result<(), WriteError>;

    /// Forgets some of what is older than the data model's retention; `true`: there is more. A store that forgets by itself does nothing.
    async fn forget_old(&self, now: Millis) -> Result<bool, WriteError>;

    /// Whether it answers.
    async fn ping(&self) -> Result<(), WriteError>;
}

/// How the way into the store is, for `/readyz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Since when the store has not taken anything; `None`: it takes what it gets.
    pub failing_since: Option<Millis>,
    /// Bytes of batches on disk that wait for it.
    pub spool_bytes: u64,
    /// Records in memory that are not in a batch yet.
    pub waiting: usize,
    /// Records lost since the start.
    pub dropped: u64,
}

/// What is handed in.
enum Record {
    Event(UsageEvent),
    Query(QueryRun),
    Metric(MetricSample),
}

/// What the handle and the writer both look at.
#[derive(Default)]
struct Health {
    /// 0: not failing.
    failing_since: AtomicI64,
    spool_bytes: AtomicU64,
    dropped: AtomicU64,
}

impl Health {
    /// Every place where records are lost goes through here.
    fn dropped(&self, reason: &'static str, records: usize) {
        self.dropped.fetch_add(records as u64, Ordering::Relaxed);
        metrics::counter!(names::EVENTS_DROPPED, "reason" => reason).increment(records as u64);
    }
}

/// Where events are handed in; clones share the queue.
#[derive(Clone)]
pub struct Events {
    queue: mpsc::Sender<Record>,
    health: Arc<Health>,
    clock: Clock,
}

impl Events {
    /// A queue, and the writer that must be run to drain it.
    #[must_use]
    pub fn new(clock: Clock) -> (Self, Writer) {
        let (sender, queue) = mpsc::channel(QUEUE);
        let health = Arc::new(Health::default());
        let writer = Writer::new(queue, Arc::clone(&health), clock.clone());
        (Self { queue: sender, health, clock }, writer)
    }

    /// Hands in an event; never waits. A full queue drops it and counts that. The timestamp is set here.
    pub fn record(&self, event: impl FnOnce() -> UsageEvent) {
        self.hand_in(|timestamp| Record::Event(UsageEvent { timestamp, ..event() }));
    }

    /// As [`Events::record`], for a query that has run.
    pub fn query(&self, run: impl FnOnce() -> QueryRun) {
        self.hand_in(|timestamp| Record::Query(QueryRun { timestamp, ..run() }));
    }

    /// As [`Events::record`], for samples of metrics.
    pub fn samples(&self, samples: impl IntoIterator<Item = MetricSample>) {
        for sample in samples {
            self.hand_in(|timestamp| Record::Metric(MetricSample { timestamp, ..sample }));
        }
    }

    fn hand_in(&self, record: impl FnOnce(Millis) -> Record) {
        match self.queue.try_reserve() {
            Ok(slot) => slot.send(record(self.clock.now())),
            Err(_) => self.health.dropped("queue_full", 1),
        }
    }

    /// How the way into the store is.
    #[must_use]
    pub fn state(&self) -> State {
        let since = self.health.failing_since.load(Ordering::Relaxed);
        State {
            failing_since: (since != 0).then_some(since),
            spool_bytes: self.health.spool_bytes.load(Ordering::Relaxed),
            waiting: self.queue.max_capacity() - self.queue.capacity(),
            dropped: self.health.dropped.load(Ordering::Relaxed),
        }
    }
}

/// A new id for a query that ran.
#[must_use]
pub fn query_id() -> String {
    Uuid::now_v7().to_string()
}
