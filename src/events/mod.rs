//! PORT: usage events. Owns their queue, batches and what happens when there are too many.
//!
//! The hot path does one `try_send`. A background task writes batches by size and time; what had to be dropped is counted, never
//! silent. `[EVT-1]` An event is what happened, never a change of a document.

mod sqlite;

use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::access::Identity;
use crate::backend::sqlite::Sqlite;
use crate::clock::{Clock, Millis};
use crate::id::PeerId;
use crate::telemetry::names;

/// Events that may wait for the writer: some seconds of a busy node at about 300 bytes each.
const QUEUE: usize = 8192;
/// Events of one batch, and how long the first of them waits for the last.
const BATCH: usize = 1000;
const BATCH_WAIT: Duration = Duration::from_secs(1);

/// Something that happened, in the shape of the data model's `user_events`.
#[derive(Debug, Clone)]
pub struct UsageEvent {
    /// When; set by [`Events::record`].
    pub timestamp: Millis,
    /// Who.
    pub user_id: String,
    /// On whose behalf.
    pub organization_id: String,
    /// What, e.g. `canvas.joined`.
    pub event_type: &'static str,
    /// More about it; never content.
    pub event_data: Value,
    /// Which session, if one.
    pub session_id: String,
}

impl UsageEvent {
    /// An event of a session.
    #[must_use]
    pub fn of(identity: &Identity, session: PeerId, event_type: &'static str, event_data: Value) -> Self {
        Self {
            timestamp: 0,
            user_id: identity.user_id.clone(),
            organization_id: identity.org.clone(),
            event_type,
            event_data,
            session_id: session.to_string(),
        }
    }
}

/// Where events are handed in; clones share the queue.
#[derive(Clone)]
pub struct Events {
    queue: mpsc::Sender<UsageEvent>,
    clock: Clock,
}

/// The background task's side.
pub struct Writer {
    queue: mpsc::Receiver<UsageEvent>,
    sqlite: Sqlite,
}

impl Events {
    /// A queue and the writer that must be run to drain it.
    #[must_use]
    pub fn new(sqlite: Sqlite, clock: Clock) -> (Self, Writer) {
        let (sender, queue) = mpsc::channel(QUEUE);
        (Self { queue: sender, clock }, Writer { queue, sqlite })
    }

    /// Hands in an event; never waits. A full queue drops it and counts that.
    pub fn record(&self, event: impl FnOnce() -> UsageEvent) {
        match self.queue.try_reserve() {
            Ok(slot) => slot.send(UsageEvent { timestamp: self.clock.now(), ..event() }),
            Err(_) => metrics::counter!(names::EVENTS_DROPPED).increment(1),
        }
    }
}

impl Writer {
    /// Writes batches until every [`Events`] is gone, the last one included.
    pub async fn run(mut self) {
        let mut batch = Vec::new();
        while self.queue.recv_many(&mut batch, BATCH).await > 0 {
            let full_at = Instant::now() + BATCH_WAIT;
            while batch.len() < BATCH {
                let room = BATCH - batch.len();
                match tokio::time::timeout_at(full_at, self.queue.recv_many(&mut batch, room)).await {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                }
            }
            let count = batch.len();
            if let Err(error) = sqlite::insert(&self.sqlite, std::mem::take(&mut batch)).await {
                metrics::counter!(names::EVENTS_DROPPED).increment(count as u64);
                tracing::warn!(events = count, %error, "usage events could not be written and are dropped");
            }
        }
    }
}
