//! The writing side: takes what waits and sends it, one round trip at a time, so that a load grows while the one before is under way.

use std::sync::atomic::Ordering;
use std::time::Duration;

use redis::Pipeline;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};
use tokio_util::sync::CancellationToken;

use super::outbox::Load;
use super::wire::{self, Said};
use super::{BEAT, KEPT_FOR, STREAM, Shared};
use crate::backend::redis::{Backoff, Dedicated, RedisError};
use crate::telemetry::names;

/// How long a round trip may take: a load is 1 MiB at most, and a Redis that needs longer does not deliver.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long writing what waits may take at the end.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

struct Writer<'a> {
    shared: &'a Shared,
    connection: Dedicated,
    /// Number of the last entry that was sent, whether or not it arrived.
    seq: &'a mut u64,
}

/// Writes until told to stop, reconnecting for ever.
pub(super) async fn run(shared: &Shared, stop: &CancellationToken) {
    let (mut seq, mut backoff) = (0, Backoff::default());
    while let Some(connected) = stop.run_until_cancelled(shared.redis.dedicated(WRITE_TIMEOUT)).await {
        let outcome = match connected {
            Ok(connection) => Writer { shared, connection, seq: &mut seq }.run(stop, &mut backoff).await,
            Err(error) => Err(error),
        };
        shared.writing.store(false, Ordering::Relaxed);
        let Err(error) = outcome else { return };
        let (wait, first) = backoff.wait();
        if first {
            tracing::warn!(%error, "the bus cannot be written; other nodes read the journal when it can be again");
        }
        stop.run_until_cancelled(tokio::time::sleep(wait)).await;
    }
}

impl Writer<'_> {
    /// `Ok`: it was told to stop.
    async fn run(mut self, stop: &CancellationToken, backoff: &mut Backoff) -> Result<(), RedisError> {
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let beat = tokio::select! {
                () = stop.cancelled() => {
                    // What cannot be written by then is in the journal, and the others miss the number.
                    let _ = timeout_at(Instant::now() + GOODBYE_TIMEOUT, self.goodbye()).await;
                    return Ok(());
                }
                _ = beats.tick() => true,
                () = self.shared.outbox.ready() => false,
            };
            self.write(beat).await?;
            self.shared.writing.store(true, Ordering::Relaxed);
            if backoff.reset() {
                tracing::info!("the bus can be written again");
            }
        }
    }

    /// Writes everything that waits.
    async fn write(&mut self, mut beat: bool) -> Result<(), RedisError> {
        loop {
            let load = self.shared.outbox.take();
            if load.is_empty() && !beat {
                return Ok(());
            }
            if let Err(error) = self.send(&load, beat.then_some(Said::Beat)).await {
                self.shared.outbox.failed(&load);
                return Err(error);
            }
            if std::mem::take(&mut beat) {
                self.shared.beats_written.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    async fn goodbye(&mut self) -> Result<(), RedisError> {
        self.write(false).await?;
        self.send(&Load::default(), Some(Said::Bye)).await
    }

    /// One round trip.
    async fn send(&mut self, load: &Load, last: Option<Said>) -> Result<(), RedisError> {
        let mut pipeline = Pipeline::with_capacity(load.changes.len() + load.fleeting.len() + 4);
        let changes = load.changes.iter().map(|(canvas, update)| Said::Change(*canvas, update.clone()));
        let reloads = load.reloads.iter().map(|canvas| Said::Reload(*canvas));
        let mut entries = 0;
        for said in changes.chain(reloads).chain(load.missed.then_some(Said::Missed)).chain(last) {
            *self.seq += 1;
            entries += 1;
            if said == Said::Beat {
                pipeline.cmd("PEXPIRE").arg(STREAM).arg(KEPT_FOR.as_millis() as u64).ignore();
            }
            pipeline.add_command(wire::add(&self.shared.node, *self.seq, &said)).ignore();
        }
        for message in &load.fleeting {
            pipeline.add_command(wire::send(message)).ignore();
        }
        let started = Instant::now();
        pipeline.exec_async(&mut self.connection).await.map_err(|error| self.shared.redis.failed(&error))?;
        metrics::histogram!(names::BUS_WRITE_SECONDS).record(started.elapsed().as_secs_f64());
        metrics::counter!(names::BUS_PUBLISHED).increment(entries);
        Ok(())
    }
}
