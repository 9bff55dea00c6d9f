//! The bus alone: what is published at one end comes out at the other. No nodes, documents or journal.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use jabiru::backend::redis::Redis;
use jabiru::bus::{Bus, Frame, RedisBus, Subscription};
use jabiru::id::{self, CanvasId};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::nodes;

/// Entries sent one by one, and as fast as they go.
const ONE_BY_ONE: usize = 1000;
const TOGETHER: usize = 100_000;
/// Entries under way: less than the bus keeps for a reader.
const UNDER_WAY: usize = 3000;
/// Bytes of an update; one that people make.
const UPDATE: usize = 60;
const PATIENCE: Duration = Duration::from_secs(30);

/// What one round found.
pub(crate) struct Ends {
    /// Milliseconds from one end to the other, median and 99th percentile.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) per_second: f64,
    /// CPU microseconds of Redis for one entry, at that rate.
    pub(crate) redis: f64,
}

pub(crate) async fn measure(url: &str) -> anyhow::Result<Ends> {
    let mut drivers = JoinSet::new();
    let mut end = async |name: &str| -> anyhow::Result<(Arc<str>, RedisBus)> {
        let node: Arc<str> = format!("{name}-{}", id::generate()).into();
        let (bus, driver) = RedisBus::new(Redis::connect(url).await?, Arc::clone(&node));
        drivers.spawn(driver.run());
        let ready = async {
            while bus.ping().await.is_err() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, ready).await.context("the bus does not deliver")?;
        Ok((node, bus))
    };
    let ((node, near), (other, far)) = (end("near").await?, end("far").await?);
    let canvas = CanvasId::generate();
    let update = Bytes::from_static(&[1; UPDATE]);
    let publish = || near.publish(Frame::Change { node: Arc::clone(&node), canvas, update: update.clone() });
    let mut frames = far.subscribe(&other);
    // It hears the other end for the first time, and says that it may have missed what was before.
    publish();
    while !matches!(next(&mut frames).await?, Frame::Change { .. }) {}
    let mut times = Vec::with_capacity(ONE_BY_ONE);
    for _ in 0..ONE_BY_ONE {
        let began = Instant::now();
        publish();
        change(&mut frames).await?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let mut redis = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    let (began, before) = (Instant::now(), nodes::redis_cpu(&mut redis).await?);
    let mut sent = 0;
    for heard in 0..TOGETHER {
        while sent < TOGETHER && sent - heard < UNDER_WAY {
            publish();
            sent += 1;
        }
        change(&mut frames).await?;
    }
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), nodes::redis_cpu(&mut redis).await? - before);
    drop((near, far));
    while drivers.join_next().await.is_some() {}
    Ok(Ends {
        p50: times[ONE_BY_ONE / 2],
        p99: times[ONE_BY_ONE * 99 / 100],
        per_second: TOGETHER as f64 / seconds,
        redis: cpu * 1e6 / TOGETHER as f64,
    })
}

/// The next change; the bus must not lose any here.
async fn change(frames: &mut Subscription) -> anyhow::Result<()> {
    loop {
        match next(frames).await? {
            Frame::Change { .. } => return Ok(()),
            frame => ensure!(frame != Frame::Missed, "the bus lost entries"),
        }
    }
}

async fn next(frames: &mut Subscription) -> anyhow::Result<Frame> {
    let frame = timeout(PATIENCE, frames.next()).await.context("an entry does not come")?;
    frame.context("the bus is closed")
}
