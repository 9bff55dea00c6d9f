//! Login sessions of this installation's own people: one-time links and the cookie they are exchanged for.
//!
//! Owns what a token is and how long it lives. Who the people are is [`Accounts`]'s to say, and where sessions are kept is
//! [`SessionStore`]'s. Only hashes of tokens are stored: a copy of the database opens nothing.

mod redis;
mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore;
use sha2::{Digest, Sha256};

use super::accounts::{Accounts, LocalOwner, SqliteAccounts};
use super::{AccessError, Caller, Grant};
use crate::backend::sqlite::Sqlite;
use crate::clock::Clock;

pub use self::redis::RedisSessions;
pub use sqlite::SqliteSessions;

/// A session lives 24 h from its last use, as the data model says.
const SESSION_TTL: Duration = Duration::from_hours(24);
/// A printed login link works once, within 24 h: long enough to start a server in the evening and open it in the morning.
const LOGIN_LINK_TTL: Duration = Duration::from_hours(24);

/// SHA-256 of a token.
pub type TokenHash = [u8; 32];

/// The port: whose a token is, until when.
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// Keeps a one-time link of a person for `ttl`.
    ///
    /// # Errors
    /// The store does not answer.
    async fn put_link(&self, hash: TokenHash, user_id: &str, ttl: Duration) -> Result<(), AccessError>;

    /// Whose link this is, and it is no longer: of any number who ask, on any node, one is told.
    ///
    /// # Errors
    /// The store does not answer.
    async fn take_link(&self, hash: TokenHash) -> Result<Option<String>, AccessError>;

    /// Keeps a session of a person for `ttl`.
    ///
    /// # Errors
    /// The store does not answer.
    async fn put_session(&self, hash: TokenHash, user_id: &str, ttl: Duration) -> Result<(), AccessError>;

    /// Whose session this is. Being asked for keeps it alive: it ends `ttl` from now, give or take a 24th of that.
    ///
    /// # Errors
    /// The store does not answer.
    async fn session(&self, hash: TokenHash, ttl: Duration) -> Result<Option<String>, AccessError>;

    /// Ends a session.
    ///
    /// # Errors
    /// The store does not answer: it has not ended.
    async fn end_session(&self, hash: TokenHash) -> Result<(), AccessError>;
}

/// The people and sessions of this installation.
#[derive(Clone)]
pub struct Sessions {
    accounts: Arc<dyn Accounts>,
    store: Arc<dyn SessionStore>,
    clock: Clock,
}

impl Sessions {
    /// Sessions of these people, kept there.
    #[must_use]
    pub fn new(accounts: Arc<dyn Accounts>, store: Arc<dyn SessionStore>, clock: Clock) -> Self {
        Self { accounts, store, clock }
    }

    /// People and sessions in an open, migrated embedded database.
    #[must_use]
    pub fn embedded(sqlite: Sqlite, clock: Clock) -> Self {
        let accounts = Arc::new(SqliteAccounts::new(sqlite.clone()));
        Self::new(accounts, Arc::new(SqliteSessions::new(sqlite, clock.clone())), clock)
    }

    /// The local owner account, made at the first start.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn local_owner(&self) -> Result<LocalOwner, AccessError> {
        self.accounts.local_owner(self.clock.now()).await
    }

    /// The local owner account, if there is one.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn known_owner(&self) -> Result<Option<LocalOwner>, AccessError> {
        self.accounts.known_owner().await
    }

    /// A token that logs `user_id` in once.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn login_link(&self, user_id: &str) -> Result<String, AccessError> {
        let token = token();
        self.store.put_link(hash(&token), user_id, LOGIN_LINK_TTL).await?;
        Ok(token)
    }

    /// Exchanges a one-time token for a session token; `None` if it is unknown, used or expired.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn log_in(&self, link: &str) -> Result<Option<String>, AccessError> {
        let Some(user_id) = self.store.take_link(hash(link)).await? else { return Ok(None) };
        let token = token();
        self.store.put_session(hash(&token), &user_id, SESSION_TTL).await?;
        Ok(Some(token))
    }

    /// Who holds this session token; `None` if nobody does. Using a session keeps it alive.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn check(&self, token: &str) -> Result<Option<Caller>, AccessError> {
        let Some(user_id) = self.store.session(hash(token), SESSION_TTL).await? else { return Ok(None) };
        // Asked each time: a role that was changed counts from the next request on.
        let person = self.accounts.person(&user_id).await?;
        Ok(person.map(|person| Caller {
            identity: person.identity,
            grant: Grant::Member(person.role),
            expires_at: None,
        }))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn log_out(&self, token: &str) -> Result<(), AccessError> {
        self.store.end_session(hash(token)).await
    }

    /// The name of an organization.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn organization_name(&self, org: &str) -> Result<Option<String>, AccessError> {
        self.accounts.organization_name(org).await
    }
}

/// 256 random bits, as a URL carries them.
fn token() -> String {
    let mut bytes = [0_u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}
