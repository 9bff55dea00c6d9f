//! Owns the keys `rate_limit:{user_id}:{endpoint}`: counts of all nodes together.

use std::time::Duration;

use async_trait::async_trait;
use redis::Script;
use tokio::time::timeout;

use super::{Count, Limiter};
use crate::access::AccessError;
use crate::backend::redis::{Commands, Redis};

/// Longest wait for a count. It stands before every join, so a Redis that hangs must not cost more than a blink.
const PATIENCE: Duration = Duration::from_millis(250);

/// Counts, and says when the window ends, in one step: a key that is counted always has an end, whatever is interrupted. One that has lost
/// it (a copy restored without) gets one again.
const COUNT: &str = "local taken = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {taken, left}";

/// A limiter in Redis.
pub struct RedisLimiter {
    commands: Commands,
    script: Script,
}

impl RedisLimiter {
    /// One that counts in this Redis.
    #[must_use]
    pub fn new(redis: &Redis) -> Self {
        Self { commands: redis.commands(), script: Script::new(COUNT) }
    }
}

#[async_trait]
impl Limiter for RedisLimiter {
    async fn count(&self, key: &str, window: Duration) -> Result<Count, AccessError> {
        let mut commands = self.commands.clone();
        let mut call = self.script.key(key);
        call.arg(u64::try_from(window.as_millis()).unwrap_or(u64::MAX));
        match timeout(PATIENCE, call.invoke_async::<(u64, u64)>(&mut commands)).await {
            Ok(answer) => {
                let (taken, left) = answer?;
                Ok(Count { taken, left: Duration::from_millis(left) })
            }
            Err(_elapsed) => Err(AccessError(format!("Redis: no answer within {} ms", PATIENCE.as_millis()))),
        }
    }
}
