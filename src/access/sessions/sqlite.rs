//! Owns the tables `sessions` and `login_links` of `jabiru.db`. A session here is known to this node only.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::{SessionStore, TokenHash};
use crate::access::AccessError;
use crate::backend::sqlite::Sqlite;
use crate::clock::{Clock, Millis};

/// A session's end is moved at most this many times in its life: a write for every request would be a write too many.
const RENEWALS: Millis = 24;

/// Sessions in the embedded database.
pub struct SqliteSessions {
    sqlite: Sqlite,
    clock: Clock,
}

impl SqliteSessions {
    /// Sessions in an open, migrated database.
    #[must_use]
    pub fn new(sqlite: Sqlite, clock: Clock) -> Self {
        Self { sqlite, clock }
    }

    async fn insert(
        &self,
        statement: &'static str,
        hash: TokenHash,
        user_id: &str,
        ttl: Duration,
    ) -> Result<(), AccessError> {
        let (user_id, ends) = (user_id.to_owned(), self.clock.now() + millis(ttl));
        self.sqlite.write(move |connection| connection.execute(statement, params![hash, user_id, ends])).await?;
        Ok(())
    }
}

#[async_trait]
impl SessionStore for SqliteSessions {
    async fn put_link(&self, hash: TokenHash, user_id: &str, ttl: Duration) -> Result<(), AccessError> {
        self.insert("insert into login_links values (?1, ?2, ?3)", hash, user_id, ttl).await
    }

    async fn take_link(&self, hash: TokenHash) -> Result<Option<String>, AccessError> {
        let now = self.clock.now();
        let take = move |connection: &Connection| {
            // What has ended goes when somebody logs in: often enough, and never in the way of a request.
            connection.execute("delete from sessions where expires_at <= ?1", [now])?;
            connection.execute("delete from login_links where expires_at <= ?1", [now])?;
            connection
                .query_row("delete from login_links where token_hash = ?1 returning user_id", params![hash], |row| {
                    row.get(0)
                })
                .optional()
        };
        Ok(self.sqlite.write(take).await?)
    }

    async fn put_session(&self, hash: TokenHash, user_id: &str, ttl: Duration) -> Result<(), AccessError> {
        self.insert("insert into sessions values (?1, ?2, ?3)", hash, user_id, ttl).await
    }

    async fn session(&self, hash: TokenHash, ttl: Duration) -> Result<Option<String>, AccessError> {
        let (now, ttl) = (self.clock.now(), millis(ttl));
        let find = move |connection: &Connection| {
            connection
                .prepare_cached("select user_id, expires_at from sessions where token_hash = ?1 and expires_at > ?2")?
                .query_row(params![hash, now], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Millis>(1)?)))
                .optional()
        };
        let Some((user_id, expires_at)) = self.sqlite.read(find).await? else { return Ok(None) };
        if expires_at - now < ttl - ttl / RENEWALS {
            let renew = "update sessions set expires_at = ?2 where token_hash = ?1";
            self.sqlite.write(move |connection| connection.execute(renew, params![hash, now + ttl])).await?;
        }
        Ok(Some(user_id))
    }

    async fn end_session(&self, hash: TokenHash) -> Result<(), AccessError> {
        let end = "delete from sessions where token_hash = ?1";
        self.sqlite.write(move |connection| connection.execute(end, params![hash])).await?;
        Ok(())
    }
}

fn millis(time: Duration) -> Millis {
    Millis::try_from(time.as_millis()).unwrap_or(Millis::MAX / 2)
}
