//! From the queue to the store: batches by size and time, retries with back-off, the spool in between.
//!
//! Two loops of one task. The collector never waits for the store, so the queue keeps moving whatever the store does; the delivery never
//! waits for anything but the store. A batch the delivery has no room for goes to the spool, and so does one that failed: then everything
//! goes there until the store takes the oldest again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::Rng;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Batch, EventStore, Health, Record, Rows, Spool, SpoolError, WriteError};
use crate::clock::Clock;
use crate::telemetry::names;

/// Records of one batch, and how long the first of them waits for the last.
const BATCH: usize = 1000;
const BATCH_WAIT: Duration = Duration::from_secs(1);

/// Batches handed to the delivery that it has not taken yet; more go to the spool.
const HANDED_OVER: usize = 8;

/// How long the store may take a batch for the first time. Short: shutdown waits for it, and the spool is the better place to wait.
const FIRST_TRY: Duration = Duration::from_secs(4);

/// The same for a batch from the spool: a store that is slow, not gone, gets through it.
const LATER_TRY: Duration = Duration::from_secs(30);

/// Waits between tries: doubled each time, each a little different so that nodes do not come at once.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// How often what is old is forgotten, and the pause while there is more of it: one portion at a time, so that writes get their turn.
const FORGET_EVERY: Duration = Duration::from_hours(1);
const FORGET_MORE: Duration = Duration::from_secs(1);

/// The background task's side of the queue.
pub struct Writer {
    queue: mpsc::Receiver<Record>,
    health: Arc<Health>,
    clock: Clock,
}

impl Writer {
    pub(super) fn new(queue: mpsc::Receiver<Record>, health: Arc<Health>, clock: Clock) -> Self {
        Self { queue, health, clock }
    }

    /// Writes batches until every [`super::Events`] is gone, the last one included: to the store, or to the spool if it does not take them.
    pub async fn run(self, store: Arc<dyn EventStore>, spool: Spool) {
        let (hand_over, handed_over) = mpsc::channel(HANDED_OVER);
        let spooler = Spooler { spool, health: Arc::clone(&self.health) };
        spooler.note();
        let delivery = Delivery {
            store,
            spooler: spooler.clone(),
            clock: self.clock,
            handed_over,
            failures: 0,
            retry_at: Instant::now(),
        };
        tokio::join!(collect(self.queue, hand_over, spooler), delivery.run());
    }
}

async fn collect(mut queue: mpsc::Receiver<Record>, hand_over: mpsc::Sender<Batch>, spooler: Spooler) {
    let mut records = Vec::new();
    while queue.recv_many(&mut records, BATCH).await > 0 {
        let full_at = Instant::now() + BATCH_WAIT;
        while records.len() < BATCH {
            let room = BATCH - records.len();
            match tokio::time::timeout_at(full_at, queue.recv_many(&mut records, room)).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        for batch in batches(&mut records) {
            if let Err(mpsc::error::TrySendError::Full(batch) | mpsc::error::TrySendError::Closed(batch)) =
                hand_over.try_send(batch)
            {
                spooler.put(batch).await;
            }
        }
    }
}

/// One batch for each table that has records.
fn batches(records: &mut Vec<Record>) -> impl Iterator<Item = Batch> + use<> {
    let (mut events, mut queries, mut metrics) = (Vec::new(), Vec::new(), Vec::new());
    for record in records.drain(..) {
        match record {
            Record::Event(event) => events.push(event),
            Record::Query(query) => queries.push(query),
            Record::Metric(metric) => metrics.push(metric),
        }
    }
    let all = [Rows::Events(events), Rows::Queries(queries), Rows::Metrics(metrics)];
    all.into_iter().map(Batch::new).filter(|batch| !batch.is_empty())
}

/// Puts batches into the spool, off the reactor threads, and counts what does not fit.
#[derive(Clone)]
struct Spooler {
    spool: Spool,
    health: Arc<Health>,
}

impl Spooler {
    async fn put(&self, batch: Batch) {
        let (table, events) = (batch.table(), batch.len());
        let spool = self.spool.clone();
        let put = tokio::task::spawn_blocking(move || spool.put(&batch)).await;
        let error = match put {
            Ok(Ok(())) => return self.note(),
            Ok(Err(error)) => {
                self.health.dropped(
                    if matches!(error, SpoolError::Full { .. }) { "spool_full" } else { "spool_failed" },
                    events,
                );
                error.to_string()
            }
            Err(panicked) => {
                self.health.dropped("spool_failed", events);
                panicked.to_string()
            }
        };
        tracing::warn!(table, events, %error, "usage events could neither be stored nor kept on disk and are dropped");
    }

    /// Runs something on the spool, off the reactor threads; `None` if it panicked.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Spool) -> T + Send + 'static) -> Option<T> {
        let spool = self.spool.clone();
        tokio::task::spawn_blocking(move || work(&spool)).await.ok()
    }

    fn note(&self) {
        let bytes = self.spool.bytes();
        self.health.spool_bytes.store(bytes, Ordering::Relaxed);
        metrics::gauge!(names::EVENTS_SPOOL_BYTES).set(bytes as f64);
    }
}

struct Delivery {
    store: Arc<dyn EventStore>,
    spooler: Spooler,
    clock: Clock,
    handed_over: mpsc::Receiver<Batch>,
    /// Tries that failed since the last that did not.
    failures: u32,
    retry_at: Instant,
}

/// What became of a try.
enum Tried {
    Stored,
    /// The store will never take it.
    Refused,
    /// Perhaps later.
    Failed,
}

impl Delivery {
    async fn run(mut self) {
        let mut forget_at = Instant::now() + FORGET_MORE;
        loop {
            let spooled = self.spooler.spool.oldest();
            tokio::select! {
                // New batches first, so that the hand-over has room; what is failing only passes them on to the spool.
                biased;
                batch = self.handed_over.recv() => match batch {
                    Some(batch) => self.take(batch).await,
                    // What is in the spool is safe there; the next start sends it.
                    None => return,
                },
                () = sleep_until(self.retry_at), if spooled.is_some() => {
                    if let Some(name) = spooled {
                        self.send_spooled(name).await;
                    }
                }
                () = self.spooler.spool.news() => {}
                () = sleep_until(forget_at) => {
                    let pause = if self.forget_old().await { FORGET_MORE } else { FORGET_EVERY };
                    forget_at = Instant::now() + pause;
                }
            }
        }
    }

    /// A new batch: to the store if it is taking batches, else behind those that wait for it.
    async fn take(&mut self, batch: Batch) {
        if self.failures > 0 || matches!(self.try_store(&batch, FIRST_TRY).await, Tried::Failed) {
            self.spooler.put(batch).await;
        }
    }

    async fn send_spooled(&mut self, name: String) {
        let read_name = name.clone();
        let batch = match self.spooler.run(move |spool| spool.read(&read_name)).await {
            Some(Ok(batch)) => batch,
            Some(Err(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
                tracing::error!(file = name, %error, "a file of the spool is no batch of usage events and is set aside");
                self.spooler.health.dropped("unreadable", 1);
                self.spooler.run(move |spool| spool.set_aside(&name)).await;
                return self.spooler.note();
            }
            Some(Err(error)) => return self.failed(&format!("the spool cannot be read: {error}")),
            None => return self.failed("the spool cannot be read"),
        };
        match self.try_store(&batch, LATER_TRY).await {
            Tried::Stored | Tried::Refused => {
                self.spooler.run(move |spool| spool.remove(&name)).await;
                self.spooler.note();
            }
            Tried::Failed => {}
        }
    }

    async fn try_store(&mut self, batch: &Batch, most: Duration) -> Tried {
        let started = Instant::now();
        let outcome = timeout(most, self.store.write(batch)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(WriteError::Unavailable(format!("no answer for {most:?}"))));
        match outcome {
            Ok(()) => {
                metrics::histogram!(names::EVENTS_WRITE_SECONDS).record(started.elapsed().as_secs_f64());
                metrics::counter!(names::EVENTS_WRITTEN, "table" => batch.table()).increment(batch.len() as u64);
                self.recovered();
                Tried::Stored
            }
            Err(WriteError::Refused(error)) => {
                // It answers: nothing else has to wait because of this one.
                self.recovered();
                self.spooler.health.dropped("refused", batch.len());
                tracing::error!(
                    table = batch.table(), events = batch.len(), %error,
                    "{} does not take these usage events, now or ever; they are dropped", self.store.name()
                );
                Tried::Refused
            }
            Err(WriteError::Unavailable(error)) => {
                self.failed(&error);
                Tried::Failed
            }
        }
    }

    fn failed(&mut self, error: &str) {
        metrics::counter!(names::EVENTS_WRITE_FAILURES).increment(1);
        if self.failures == 0 {
            self.spooler.health.failing_since.store(self.clock.now(), Ordering::Relaxed);
            tracing::warn!(%error, "{} does not take usage events; they wait on disk", self.store.name());
        }
        let (first, most) = BACK_OFF;
        let pause = first.saturating_mul(1 << self.failures.min(10)).min(most);
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Instant::now() + pause.mul_f64(rand::rng().random_range(0.75..1.0));
    }

    fn recovered(&mut self) {
        if self.failures > 0 {
            tracing::info!("{} takes usage events again", self.store.name());
            self.spooler.health.failing_since.store(0, Ordering::Relaxed);
        }
        self.failures = 0;
        self.retry_at = Instant::now();
    }

    async fn forget_old(&mut self) -> bool {
        match timeout(LATER_TRY, self.store.forget_old(self.clock.now())).await {
            Ok(Ok(more)) => more,
            Ok(Err(error)) => {
                tracing::warn!(%error, "old usage events could not be forgotten; the next hour tries again");
                false
            }
            Err(_) => false,
        }
    }
}
