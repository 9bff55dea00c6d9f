//! What is counted while the run goes on. Shared by all connections; nothing here waits.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;
use tokio::time::Instant;

/// Longest time a histogram tells apart, microseconds: two minutes.
const LONGEST_US: u64 = 120_000_000;

/// Different error texts kept; the rest are counted together.
const ERROR_TEXTS: usize = 20;

/// Counters and histograms of a run.
pub(crate) struct Measure {
    epoch: Instant,
    /// The measured window, microseconds of the run; starts where nothing is in it.
    window: (AtomicU64, AtomicU64),
    pub(crate) joined: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) lost: AtomicU64,
    /// When the last connection was synced, microseconds of the run.
    pub(crate) last_joined: AtomicU64,
    /// Messages due in the window that were sent, and those that could not be before it was over.
    pub(crate) sent: AtomicU64,
    pub(crate) unsent: AtomicU64,
    /// Deliveries of messages due in the window, whenever they came; and those that came inside it.
    pub(crate) delivered: AtomicU64,
    pub(crate) delivered_in_window: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    /// Updates acknowledged in the window.
    pub(crate) taken: AtomicU64,
    /// Frames that carried at least one marker, in the window.
    pub(crate) frames: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) latency: Times,
    pub(crate) joining: Times,
    pub(crate) durable: Times,
    errors: Mutex<BTreeMap<String, u64>>,
}

impl Measure {
    pub(crate) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            window: (AtomicU64::new(u64::MAX), AtomicU64::new(u64::MAX)),
            joined: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            last_joined: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            unsent: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            delivered_in_window: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            frames: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            latency: Times::new(),
            joining: Times::new(),
            durable: Times::new(),
            errors: Mutex::default(),
        }
    }

    /// Microseconds of the run.
    pub(crate) fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    pub(crate) fn at(&self, moment: Instant) -> u64 {
        moment.saturating_duration_since(self.epoch).as_micros() as u64
    }

    pub(crate) fn set_window(&self, from: u64, until: u64) {
        self.window.1.store(until, Relaxed);
        self.window.0.store(from, Relaxed);
    }

    pub(crate) fn in_window(&self, at: u64) -> bool {
        (self.window.0.load(Relaxed)..self.window.1.load(Relaxed)).contains(&at)
    }

    /// Forgets what was counted in the window before.
    pub(crate) fn clear_traffic(&self) {
        let Self { sent, unsent, delivered, delivered_in_window, duplicates, taken, frames, .. } = self;
        for counter in [sent, unsent, delivered, delivered_in_window, duplicates, taken, frames] {
            counter.store(0, Relaxed);
        }
        self.latency.read().reset();
        self.durable.read().reset();
    }

    /// Something went wrong; counted by its text.
    pub(crate) fn error(&self, text: &str) {
        let mut errors = lock(&self.errors);
        let known = errors.contains_key(text) || errors.len() < ERROR_TEXTS;
        let key = if known { text } else { "others" };
        *errors.entry(key.to_owned()).or_default() += 1;
    }

    pub(crate) fn errors(&self) -> BTreeMap<String, u64> {
        lock(&self.errors).clone()
    }
}

pub(crate) fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Relaxed);
}

pub(crate) fn get(counter: &AtomicU64) -> u64 {
    counter.load(Relaxed)
}

/// A histogram of durations in microseconds, three significant digits.
pub(crate) struct Times(Mutex<Histogram<u64>>);

impl Times {
    fn new() -> Self {
        // The bounds are constants for which this cannot fail; an empty default would grow by itself anyway.
        let histogram = Histogram::new_with_max(LONGEST_US, 3).or_else(|_| Histogram::new(3));
        Self(Mutex::new(histogram.expect("three significant digits are allowed")))
    }

    pub(crate) fn record(&self, micros: u64) {
        lock(&self.0).saturating_record(micros);
    }

    pub(crate) fn record_all(&self, micros: &[u64]) {
        if !micros.is_empty() {
            let mut histogram = lock(&self.0);
            for micros in micros {
                histogram.saturating_record(*micros);
            }
        }
    }

    pub(crate) fn read(&self) -> MutexGuard<'_, Histogram<u64>> {
        lock(&self.0)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
