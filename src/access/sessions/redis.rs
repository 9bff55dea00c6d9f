//! Owns the keys `session:{hash}` and `login:{hash}`: the id of a person each, gone by itself when its time is over. A session here is
//! known to every node.
//!
//! # When Redis is away
//! Nobody can log in or out then, but who is logged in goes on: a session that this node has seen lately is taken for what it was, for a
//! while. `[BUS-3]` Only an answer that did not come is stood in for; one that says "no such session" counts at once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use redis::FromRedisValue;
use tokio::time::{Instant, timeout};

use super::{SessionStore, TokenHash};
use crate::access::AccessError;
use crate::backend::redis::{Commands, Redis};

/// Longest wait for an answer: a person waits as long for their page, and one from a Redis that is well takes a thousandth of it.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long after it was last seen a session is taken for valid while Redis is away. It bounds what a logout on another node, before
/// the outage, is worth here during it.
const REMEMBERED: Duration = Duration::from_hours(1);

/// Sessions remembered, about 100 bytes each. Those of more people end with the outage's begin.
const MOST_REMEMBERED: usize = 20_000;

/// Sessions in Redis.
pub struct RedisSessions {
    commands: Commands,
    seen: Mutex<HashMap<TokenHash, (String, Instant)>>,
}

impl RedisSessions {
    /// Sessions in this Redis.
    #[must_use]
    pub fn new(redis: &Redis) -> Self {
        Self { commands: redis.commands(), seen: Mutex::default() }
    }

    async fn ask<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, AccessError> {
        let mut commands = self.commands.clone();
        match timeout(PATIENCE, command.query_async(&mut commands)).await {
            Ok(answer) => Ok(answer?),
            Err(_elapsed) => Err(AccessError(format!("Redis: no answer within {} s", PATIENCE.as_secs()))),
        }
    }

    async fn put(&self, key: String, user_id: &str, ttl: Duration) -> Result<(), AccessError> {
        self.ask(redis::cmd("SET").arg(key).arg(user_id).arg("PX").arg(millis(ttl))).await
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<TokenHash, (String, Instant)>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, hash: TokenHash, user_id: Option<&str>) {
        let mut seen = self.seen();
        let Some(user_id) = user_id else {
            seen.remove(&hash);
            return;
        };
        if seen.len() >= MOST_REMEMBERED && !seen.contains_key(&hash) {
            seen.retain(|_, (_, at)| at.elapsed() < REMEMBERED);
            if seen.len() >= MOST_REMEMBERED {
                return;
            }
        }
        seen.insert(hash, (user_id.to_owned(), Instant::now()));
    }

    fn remembered(&self, hash: TokenHash) -> Option<String> {
        let seen = self.seen();
        seen.get(&hash).filter(|(_, at)| at.elapsed() < REMEMBERED).map(|(user_id, _)| user_id.clone())
    }
}

#[async_trait]
impl SessionStore for RedisSessions {
    async fn put_link(&self, hash: TokenHash, user_id: &str, ttl: Duration) -> Result<(), AccessError> {
        self.put(link_key(hash), user_id, ttl).await
    }

    async fn take_link(&self, hash: TokenHash) -> Result<Option<String>, AccessError> {
        self.ask(redis::cmd("GETDEL").arg(link_key(hash))).await
    }

    async fn put_session(&self, hash: TokenHash, user_id: &str, ttl: Duration) -> Result<(), AccessError> {
        self.put(session_key(hash), user_id, ttl).await
    }

    async fn session(&self, hash: TokenHash, ttl: Duration) -> Result<Option<String>, AccessError> {
        let mut command = redis::cmd("GETEX");
        command.arg(session_key(hash)).arg("PX").arg(millis(ttl));
        match self.ask::<Option<String>>(&command).await {
            Ok(user_id) => {
                self.remember(hash, user_id.as_deref());
                Ok(user_id)
            }
            Err(error) => self.remembered(hash).map(Some).ok_or(error),
        }
    }

    async fn end_session(&self, hash: TokenHash) -> Result<(), AccessError> {
        // First: it must not come back through the memory of this node.
        self.remember(hash, None);
        self.ask(redis::cmd("DEL").arg(session_key(hash))).await
    }
}

fn session_key(hash: TokenHash) -> String {
    format!("session:{}", URL_SAFE_NO_PAD.encode(hash))
}

fn link_key(hash: TokenHash) -> String {
    format!("login:{}", URL_SAFE_NO_PAD.encode(hash))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}
