//! Owns the tables `organizations` and `users` of `jabiru.db`.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};

use super::{Accounts, LocalOwner, ORGANIZATION, OWNER, Person, role_of};
use crate::access::{AccessError, Identity};
use crate::backend::sqlite::Sqlite;
use crate::clock::Millis;
use crate::id;

/// Accounts in the embedded database.
pub struct SqliteAccounts {
    sqlite: Sqlite,
}

impl SqliteAccounts {
    /// Accounts in an open, migrated database.
    #[must_use]
    pub fn new(sqlite: Sqlite) -> Self {
        Self { sqlite }
    }
}

#[async_trait]
impl Accounts for SqliteAccounts {
    async fn known_owner(&self) -> Result<Option<LocalOwner>, AccessError> {
        Ok(self.sqlite.read(owner).await?)
    }

    async fn local_owner(&self, now: Millis) -> Result<LocalOwner, AccessError> {
        let find_or_make = move |connection: &rusqlite::Connection| {
            if let Some(known) = owner(connection)? {
                return Ok(known);
            }
            let (org, user_id) = (id::generate(), id::generate());
            connection.execute("insert into organizations values (?1, ?2, ?3)", params![org, ORGANIZATION, now])?;
            connection
                .execute("insert into users values (?1, ?2, ?3, 'owner', ?4)", params![user_id, org, OWNER, now])?;
            Ok(LocalOwner { org, user_id, created: true })
        };
        Ok(self.sqlite.write(find_or_make).await?)
    }

    async fn person(&self, user_id: &str) -> Result<Option<Person>, AccessError> {
        let user_id = user_id.to_owned();
        let find = move |connection: &rusqlite::Connection| {
            connection
                .prepare_cached("select id, name, org, role from users where id = ?1")?
                .query_row([user_id], |row| {
                    let identity = Identity::new(row.get(0)?, row.get(1)?, row.get(2)?);
                    Ok(Person { identity, role: role_of(&row.get::<_, String>(3)?) })
                })
                .optional()
        };
        Ok(self.sqlite.read(find).await?)
    }

    async fn organization_name(&self, org: &str) -> Result<Option<String>, AccessError> {
        let org = org.to_owned();
        let find = move |connection: &rusqlite::Connection| {
            connection.query_row("select name from organizations where id = ?1", [org], |row| row.get(0)).optional()
        };
        Ok(self.sqlite.read(find).await?)
    }
}

fn owner(connection: &rusqlite::Connection) -> Result<Option<LocalOwner>, rusqlite::Error> {
    connection
        .query_row("select org, id from users where role = 'owner' order by created_at limit 1", [], |row| {
            Ok(LocalOwner { org: row.get(0)?, user_id: row.get(1)?, created: false })
        })
        .optional()
}
