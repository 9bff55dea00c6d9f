//! The bus of many nodes: a Redis stream for what must not be lost unnoticed, a channel for what may. `[BUS-2]`
//!
//! # The stream
//! All nodes write into one stream, `canvas:bus`, and each reads all of it with one blocking read. One key keeps every canvas in order
//! and lies on one shard of a cluster. Nothing in it is the truth: a change is in the journal before it comes here, and a node that
//! cannot have seen everything says [`Frame::Missed`] to its rooms, which read the journal.
//!
//! # How a loss is noticed
//! Every node numbers its entries and writes one every second whatever happens. So a reader sees a number left out (trimmed away,
//! flushed, lost with a restart, cut off by a failing connection) at most a second later, also when it was the last one. After each
//! reconnection it assumes the worst. What a node could *not* write it remembers by canvas and says when it can. And a reader that
//! does not hear its own numbers although they are being written stands at a place the stream no longer has, and finds a new one.
//!
//! # The channel
//! Cursors and who is there go through the pub/sub channel `canvas:awareness`: frequent, worthless a second later, and renewed every
//! 15 s by every client, so a loss heals by itself. They leave in the same round trip as the entries. `[AW-4]`
//!
//! # Files
//! `outbox` what waits to be written · `writer` writes it · `ear` reads · `ledger` who was heard of, and what was not · `wire` the bytes.

mod ear;
mod ledger;
mod outbox;
mod wire;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::broadcast;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Bus, Frame, Subscription};
use crate::backend::redis::Redis;
use outbox::Outbox;

/// The stream.
const STREAM: &str = "canvas:bus";

/// The channel.
const CHANNEL: &str = "canvas:awareness";

/// How often a node writes an entry whatever happens: how late the loss of the last entry is noticed.
const BEAT: Duration = Duration::from_secs(1);

/// Beats of its own a node hears without hearing another node before it takes that one for gone. Counted in beats, not in seconds,
/// because they pass only while Redis works: a pause of Redis buries nobody.
const GONE_AFTER_BEATS: u64 = 5;

/// Beats of its own a node hears without hearing anybody else before it takes itself for alone.
const ALONE_AFTER_BEATS: u64 = 3;

/// Entries kept in the stream, about: a second of a very busy cluster, and 2 MiB of usual edits. Who is further behind than that reads
/// the journal faster. With the largest entries ([`outbox::CARRIED_BYTES`]) it is 320 MiB, which is what Redis should have free.
const KEPT: usize = 10_000;

/// When nobody writes any more the stream goes away, so that nothing is left behind in a Redis that others use too.
const KEPT_FOR: Duration = Duration::from_hours(1);

/// Frames that may wait for the hub, which takes them without waiting for anything. Beyond it the hub hears [`Frame::Missed`].
const BACKLOG: usize = 4096;

/// See the module docs. Dropping it lets its [`Driver`] write what waits, say goodbye and end.
pub struct RedisBus {
    shared: Arc<Shared>,
    _end: DropGuard,
}

/// The background task of a [`RedisBus`].
pub struct Driver {
    shared: Arc<Shared>,
    stop: CancellationToken,
}

struct Shared {
    redis: Redis,
    node: Arc<str>,
    outbox: Outbox,
    frames: broadcast::Sender<Frame>,
    /// Whether the writer's and the reader's connections work.
    writing: AtomicBool,
    hearing: AtomicBool,
    /// Beats written, and own beats heard.
    beats_written: AtomicU64,
    beats_heard: AtomicU64,
    /// Other nodes heard of.
    others: AtomicUsize,
}

impl RedisBus {
    /// The bus of the node named `node`, and the driver that must be run for it to do anything.
    #[must_use]
    pub fn new(redis: Redis, node: Arc<str>) -> (Self, Driver) {
        let shared = Arc::new(Shared {
            redis,
            node,
            outbox: Outbox::default(),
            frames: broadcast::channel(BACKLOG).0,
            writing: AtomicBool::new(false),
            hearing: AtomicBool::new(false),
            beats_written: AtomicU64::new(0),
            beats_heard: AtomicU64::new(0),
            others: AtomicUsize::new(0),
        });
        let stop = CancellationToken::new();
        let driver = Driver { shared: Arc::clone(&shared), stop: stop.clone() };
        (Self { shared, _end: stop.drop_guard() }, driver)
    }
}

#[async_trait]
impl Bus for RedisBus {
    fn publish(&self, frame: Frame) {
        let outbox = &self.shared.outbox;
        match frame {
            Frame::Change { canvas, update, .. } => outbox.change(canvas, update),
            Frame::Reload { canvas, .. } => outbox.reload(canvas),
            Frame::Presence { node, canvas, states } => outbox.fleeting(wire::presence(&node, canvas, &states)),
            Frame::WhoIsThere { node, canvas } => outbox.fleeting(wire::who_is_there(&node, canvas)),
            // These are found out, not told.
            Frame::NodeGone(_) | Frame::Missed => {}
        }
    }

    fn subscribe(&self, node: &str) -> Subscription {
        Subscription { frames: self.shared.frames.subscribe(), node: node.into() }
    }

    fn has_others(&self) -> bool {
        let alone = self.shared.others.load(Ordering::Relaxed) == 0
            && self.shared.beats_heard.load(Ordering::Relaxed) >= ALONE_AFTER_BEATS;
        !alone
    }

    async fn ping(&self) -> Result<(), String> {
        self.shared.redis.ping().await.map_err(|error| error.to_string())?;
        let works = |side: &AtomicBool| side.load(Ordering::Relaxed);
        match (works(&self.shared.writing), works(&self.shared.hearing)) {
            (true, true) => Ok(()),
            (false, _) => Err(format!("{STREAM} cannot be written; see the log")),
            (true, false) => Err(format!("{STREAM} cannot be read; see the log")),
        }
    }
}

impl Driver {
    /// Writes and reads until the [`RedisBus`] is dropped, then writes what waits and says goodbye.
    pub async fn run(self) {
        let hear = self.stop.run_until_cancelled(ear::run(&self.shared));
        tokio::join!(writer::run(&self.shared, &self.stop), hear);
    }
}

impl Shared {
    fn tell(&self, frame: Frame) {
        if frame == Frame::Missed {
            metrics::counter!(crate::telemetry::names::BUS_MISSED).increment(1);
        }
        // Nobody listens before the hub does and after it is gone; it starts by reading the journal and ends having written it.
        let _ = self.frames.send(frame);
    }
}
