//! PORT: who somebody is and what they may do.
//!
//! Owns roles, identities, accounts, signed tokens, login sessions and how often somebody may do a thing, and the one function that decides
//! a role on a canvas. Does not know routes or sockets: they present credentials and get a [`Caller`].

mod accounts;
mod rates;
mod sessions;
mod tokens;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::backend::sqlite::SqliteError;
use crate::clock::Millis;
use crate::id::CanvasId;
use crate::store::CanvasRecord;

pub use accounts::{Accounts, LocalOwner, MongoAccounts, Person, SqliteAccounts};
pub use rates::{Count, Endpoint, Limiter, MemoryLimiter, Rates, RedisLimiter, TooMany};
pub use sessions::{RedisSessions, SessionStore, Sessions, SqliteSessions, TokenHash};
pub use tokens::{Claims, TokenError, Tokens};

/// A backend of this port failed or did not answer. Temporary as far as anyone can tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AccessError(pub String);

impl From<SqliteError> for AccessError {
    fn from(error: SqliteError) -> Self {
        Self(error.to_string())
    }
}

impl From<mongodb::error::Error> for AccessError {
    fn from(error: mongodb::error::Error) -> Self {
        Self(format!("MongoDB: {error}"))
    }
}

impl From<redis::RedisError> for AccessError {
    fn from(error: redis::RedisError) -> Self {
        Self(format!("Redis: {error}"))
    }
}

/// What somebody may do on a canvas; each role may do everything the ones before it may. `[ACC-1]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees the canvas and who is on it.
    Viewer,
    /// May comment as well.
    Commenter,
    /// May change the canvas.
    Editor,
    /// May rename, delete and restore it.
    Owner,
}

impl Role {
    /// Whether this role may change a canvas.
    #[must_use]
    pub fn may_edit(self) -> bool {
        self >= Self::Editor
    }

    /// The role as tokens and JSON spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Commenter => "commenter",
            Self::Editor => "editor",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Viewer, Self::Commenter, Self::Editor, Self::Owner];
        all.into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| format!("`{text}` is not a role; use viewer, commenter, editor or owner"))
    }
}

/// A person, or a program acting for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Stable id.
    pub user_id: String,
    /// The name others see.
    pub name: String,
    /// The colour of their cursor, as CSS writes it; derived from the id, so it is the same everywhere.
    pub color: &'static str,
    /// The organization they act in. `[ACC-2]`
    pub org: String,
}

impl Identity {
    /// An identity with the colour that belongs to its id.
    #[must_use]
    pub fn new(user_id: String, name: String, org: String) -> Self {
        let color = COLORS
            [user_id.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % COLORS.len()];
        Self { user_id, name, color, org }
    }
}

/// Cursor colours: each has at least 4.5:1 contrast with white text, for the name beside the cursor.
const COLORS: [&str; 10] =
    ["#c2410c", "#b91c1c", "#be185d", "#a21caf", "#7e22ce", "#4338ca", "#1d4ed8", "#0369a1", "#0f766e", "#15803d"];

/// Somebody who has presented a valid credential.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub identity: Identity,
    /// How far the credential reaches.
    pub grant: Grant,
    /// When it ends, if it does.
    pub expires_at: Option<Millis>,
}

/// What a credential grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// A member of the organization, logged in: this role on every canvas of it.
    Member(Role),
    /// A signed token: this role on one canvas, or on every canvas of the organization that signed it.
    Token {
        /// The one canvas; `None` for every canvas.
        canvas: Option<CanvasId>,
        /// The role.
        role: Role,
    },
}

impl Caller {
    /// What this caller may do on a canvas; `None`: not even know that it exists. The only place where that is decided.
    #[must_use]
    pub fn role_on(&self, canvas: &CanvasRecord) -> Option<Role> {
        if canvas.org != self.identity.org {
            return None;
        }
        match &self.grant {
            Grant::Token { canvas: Some(only), role } => (*only == canvas.id).then_some(*role),
            Grant::Member(role) | Grant::Token { canvas: None, role } => Some(*role),
        }
    }

    /// Whether the credential reaches this canvas at all; asked before anyone looks whether there is one.
    #[must_use]
    pub fn reaches(&self, canvas: CanvasId) -> bool {
        !matches!(&self.grant, Grant::Token { canvas: Some(only), .. } if *only != canvas)
    }

    /// What this caller may do in the organization as a whole: list and create canvases, upload data sets. A token for one canvas
    /// reaches nothing else.
    #[must_use]
    pub fn role_in_org(&self) -> Option<Role> {
        match &self.grant {
            Grant::Member(role) | Grant::Token { canvas: None, role } => Some(*role),
            Grant::Token { canvas: Some(_), .. } => None,
        }
    }
}
