//! Login sessions of this installation's own people: one-time links and the cookie they are exchanged for.
//!
//! Only hashes of tokens are stored: a copy of the database opens nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::{Caller, Grant, Identity, Role};
use crate::backend::sqlite::{Sqlite, SqliteError};
use crate::clock::{Clock, Millis};
use crate::id;

/// A session lives 24 h from its last use, as the data model says.
const SESSION_TTL_MS: Millis = 24 * 3600 * 1000;
/// A printed login link works once, within 24 h: long enough to start a server in the evening and open it in the morning.
const LOGIN_LINK_TTL_MS: Millis = 24 * 3600 * 1000;
/// A session's end is moved at most this often: a write for every request would be a write too many.
const RENEW_AFTER_MS: Millis = 3600 * 1000;

/// The people and sessions of this installation.
#[derive(Clone)]
pub struct Sessions {
    sqlite: Sqlite,
    clock: Clock,
}

/// The organization and the person of a fresh installation.
#[derive(Debug, Clone)]
pub struct LocalOwner {
    /// The organization's id.
    pub org: String,
    /// The owner's user id.
    pub user_id: String,
    /// Whether they were made just now: the first start.
    pub created: bool,
}

impl Sessions {
    /// Sessions in an open, migrated database.
    #[must_use]
    pub fn new(sqlite: Sqlite, clock: Clock) -> Self {
        Self { sqlite, clock }
    }

    /// The local owner account, made at the first start.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn local_owner(&self) -> Result<LocalOwner, SqliteError> {
        let now = self.clock.now();
        self.sqlite
            .write(move |connection| {
                let known = connection
                    .query_row(
                        "select org, id from users where role = 'owner' order by created_at limit 1",
                        [],
                        |row| Ok(LocalOwner { org: row.get(0)?, user_id: row.get(1)?, created: false }),
                    )
                    .optional()?;
                if let Some(known) = known {
                    return Ok(known);
                }
                let (org, user_id) = (id::generate(), id::generate());
                connection.execute("insert into organizations values (?1, 'Home', ?2)", params![org, now])?;
                connection
                    .execute("insert into users values (?1, ?2, 'Owner', 'owner', ?3)", params![user_id, org, now])?;
                Ok(LocalOwner { org, user_id, created: true })
            })
            .await
    }

    /// A token that logs `user_id` in once.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn login_link(&self, user_id: &str) -> Result<String, SqliteError> {
        self.insert("login_links", user_id, LOGIN_LINK_TTL_MS).await
    }

    /// Exchanges a one-time token for a session token; `None` if it is unknown, used or expired.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn log_in(&self, link: &str) -> Result<Option<String>, SqliteError> {
        let (hash, now) = (hash(link), self.clock.now());
        let used = self
            .sqlite
            .write(move |connection| {
                connection.execute("delete from sessions where expires_at <= ?1", [now])?;
                connection
                    .query_row(
                        "delete from login_links where token_hash = ?1 and expires_at > ?2 returning user_id",
                        params![hash, now],
                        |row| row.get::<_, String>(0),
                    )
                    .optional()
            })
            .await?;
        match used {
            Some(user_id) => Ok(Some(self.insert("sessions", &user_id, SESSION_TTL_MS).await?)),
            None => Ok(None),
        }
    }

    /// Who holds this session token; `None` if nobody does. Using a session keeps it alive.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn check(&self, token: &str) -> Result<Option<Caller>, SqliteError> {
        let (hash, now) = (hash(token), self.clock.now());
        let find = move |connection: &Connection| {
            connection
                .prepare_cached(
                    "select users.id, users.name, users.org, users.role, sessions.expires_at
                     from sessions join users on users.id = sessions.user_id
                     where token_hash = ?1 and expires_at > ?2",
                )?
                .query_row(params![hash, now], |row| {
                    let identity = Identity::new(row.get(0)?, row.get(1)?, row.get(2)?);
                    Ok((identity, row.get::<_, String>(3)?, row.get::<_, Millis>(4)?))
                })
                .optional()
        };
        let Some((identity, role, expires_at)) = self.sqlite.read(find).await? else { return Ok(None) };
        if expires_at - now < SESSION_TTL_MS - RENEW_AFTER_MS {
            let renew = "update sessions set expires_at = ?2 where token_hash = ?1";
            self.sqlite.write(move |c| c.execute(renew, params![hash, now + SESSION_TTL_MS])).await?;
        }
        let role = if role == "owner" { Role::Owner } else { Role::Editor };
        Ok(Some(Caller { identity, grant: Grant::Member(role), expires_at: None }))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn log_out(&self, token: &str) -> Result<(), SqliteError> {
        let hash = hash(token);
        self.sqlite.write(move |c| c.execute("delete from sessions where token_hash = ?1", params![hash])).await?;
        Ok(())
    }

    /// The name of an organization.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn organization_name(&self, org: &str) -> Result<Option<String>, SqliteError> {
        let org = org.to_owned();
        self.sqlite
            .read(move |c| {
                c.query_row("select name from organizations where id = ?1", [org], |row| row.get(0)).optional()
            })
            .await
    }

    async fn insert(&self, table: &'static str, user_id: &str, ttl: Millis) -> Result<String, SqliteError> {
        let mut bytes = [0_u8; 32];
        rand::rng().fill_bytes(&mut bytes);
        let token = URL_SAFE_NO_PAD.encode(bytes);
        let (hash, user_id, ends) = (hash(&token), user_id.to_owned(), self.clock.now() + ttl);
        self.sqlite
            .write(move |c| {
                c.execute(&format!("insert into {table} values (?1, ?2, ?3)"), params![hash, user_id, ends])
            })
            .await?;
        Ok(token)
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
