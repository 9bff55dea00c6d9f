//! Counts of this node alone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{Count, Limiter};
use crate::access::AccessError;
use crate::clock::{Clock, Millis};

/// Keys counted at once, about 150 bytes each. Of more people than this, the last to come are not counted: letting them through is what a
/// limiter does that cannot count.
const MOST_KEYS: usize = 50_000;

/// A limiter in memory.
pub struct MemoryLimiter {
    clock: Clock,
    windows: Mutex<HashMap<String, Window>>,
}

struct Window {
    taken: u64,
    ends: Millis,
}

impl MemoryLimiter {
    /// One that has counted nothing.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, windows: Mutex::default() }
    }
}

#[async_trait]
impl Limiter for MemoryLimiter {
    async fn count(&self, key: &str, window: Duration) -> Result<Count, AccessError> {
        let now = self.clock.now();
        let fresh = || Window { taken: 0, ends: now.saturating_add(window.as_millis() as Millis) };
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= MOST_KEYS && !windows.contains_key(key) {
            windows.retain(|_, window| window.ends > now);
            if windows.len() >= MOST_KEYS {
                return Err(AccessError(format!("{MOST_KEYS} people are counted already")));
            }
        }
        let entry = windows.entry(key.to_owned()).or_insert_with(fresh);
        if entry.ends <= now {
            *entry = fresh();
        }
        entry.taken += 1;
        Ok(Count { taken: entry.taken, left: Duration::from_millis(entry.ends.saturating_sub(now).unsigned_abs()) })
    }
}
