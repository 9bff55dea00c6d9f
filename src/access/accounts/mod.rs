//! PORT: the organizations and people of this installation.
//!
//! Owns who there is. Refuses to know how somebody proves who they are: that is [`super::Sessions`] and [`super::Tokens`].

mod mongo;
mod sqlite;

use async_trait::async_trait;

use super::{AccessError, Identity, Role};
use crate::clock::Millis;

pub use mongo::MongoAccounts;
pub use sqlite::SqliteAccounts;

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

/// Somebody with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub identity: Identity,
    /// Their role on every canvas of their organization.
    pub role: Role,
}

/// What the organization and the person of a first start are called.
const ORGANIZATION: &str = "Home";
const OWNER: &str = "Owner";

/// The role that an organization role (`owner`, `admin`, `member`) gives on the organization's canvases. `[ACC-1]`
fn role_of(word: &str) -> Role {
    if word == "owner" { Role::Owner } else { Role::Editor }
}

/// The port.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// The local owner account, if a server has been started on this database.
    ///
    /// # Errors
    /// The database does not answer.
    async fn known_owner(&self) -> Result<Option<LocalOwner>, AccessError>;

    /// The local owner account, made if there is none. However many nodes start at once, they make one. `now`: when, if it is made.
    ///
    /// # Errors
    /// The database does not answer.
    async fn local_owner(&self, now: Millis) -> Result<LocalOwner, AccessError>;

    /// The person with this id.
    ///
    /// # Errors
    /// The database does not answer.
    async fn person(&self, user_id: &str) -> Result<Option<Person>, AccessError>;

    /// The name of an organization.
    ///
    /// # Errors
    /// The database does not answer.
    async fn organization_name(&self, org: &str) -> Result<Option<String>, AccessError>;
}
