//! A connection to ClickHouse over its HTTP interface. Owns connecting, the database, counting what is asked, and migrations, which only
//! ever add; knows no table but its own `schema_migrations`.

use std::time::Duration;

use async_trait::async_trait;
use axum::http::Uri;
use clickhouse::{Client, Row};
use serde::Deserialize;
use tokio::time::timeout;

use super::calls;
use super::migrations::{self, Migrate, MigrateError, Migration, State};

/// What people call this backend, and calls are counted under.
const BACKEND: &str = "clickhouse";

/// What ClickHouse has been told when nobody says otherwise.
const DATABASE: &str = "jabiru";

/// What migrating is counted as.
const READ_MIGRATIONS: &str = "read its migrations";
const MIGRATE: &str = "migrate";

/// How long it may take to answer a question whose answer is short.
const SHORT: Duration = Duration::from_secs(10);

/// "Database does not exist".
const UNKNOWN_DATABASE: u32 = 81;

/// The migrations, in order. Files are never edited once released.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "0001_events",
    up: include_str!("../../migrations/clickhouse/0001_events.up.sql"),
    down: None,
}];

/// What can go wrong with ClickHouse. Says what it said, never the URL with its password.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClickHouseError {
    /// The URL cannot be used.
    #[error("{0}")]
    Url(&'static str),
    /// It answered with an error.
    #[error("ClickHouse: {text}")]
    Answered {
        /// Its number, if the answer has one; see `system.errors`.
        code: Option<u32>,
        /// What it said, the beginning of it.
        text: String,
    },
    /// It did not answer.
    #[error("ClickHouse does not answer: {0}")]
    Network(String),
}

impl ClickHouseError {
    /// ClickHouse's own number of the error.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        match self {
            Self::Answered { code, .. } => *code,
            Self::Url(_) | Self::Network(_) => None,
        }
    }
}

impl From<clickhouse::error::Error> for ClickHouseError {
    fn from(error: clickhouse::error::Error) -> Self {
        match error {
            clickhouse::error::Error::BadResponse(text) => {
                let after = text.split_once("Code: ").map(|(_, after)| after);
                let digits = after.map(|after| after.chars().take_while(char::is_ascii_digit).collect::<String>());
                let code = digits.and_then(|digits| digits.parse().ok());
                // It repeats what it was sent: an answer of a page helps nobody.
                Self::Answered { code, text: text.trim().chars().take(300).collect() }
            }
            clickhouse::error::Error::TimedOut => Self::Network("it takes too long".to_owned()),
            error => {
                // The reason is at the end of the chain: "network error" alone says nothing.
                let mut reason = error.to_string();
                let mut source = std::error::Error::source(&error);
                while let Some(cause) = source {
                    let text = cause.to_string();
                    if !reason.contains(&text) {
                        reason = format!("{reason}: {text}");
                    }
                    source = cause.source();
                }
                Self::Network(reason)
            }
        }
    }
}

/// A handle; clones share its connections.
#[derive(Clone)]
pub struct ClickHouse {
    client: Client,
}

impl ClickHouse {
    /// Connects to `http(s)://user:password@host:port/database` and makes the database if there is none. All but the host may be left out:
    /// the port is 8123 or 8443, the database `jabiru`.
    ///
    /// # Errors
    /// The URL cannot be used, or nobody there answers as ClickHouse does.
    pub async fn connect(url: &str) -> Result<Self, ClickHouseError> {
        let place = Place::parse(url)?;
        let server = Client::default().with_url(place.url).with_user(place.user).with_password(place.password);
        let this = Self { client: server.clone().with_database(&place.database) };
        match this.ping().await {
            Err(error) if error.code() == Some(UNKNOWN_DATABASE) => {
                let create = format!("CREATE DATABASE IF NOT EXISTS `{}`", place.database);
                short("create the database", server.query(&create).execute()).await?;
                this.ping().await?;
            }
            answered => answered?,
        }
        Ok(this)
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), ClickHouseError> {
        short("answer", self.client.query("SELECT 1").fetch_one::<u8>()).await.map(|_| ())
    }

    /// Runs a statement of a port, and counts it as `what`. The time limit is the port's.
    ///
    /// # Errors
    /// It failed.
    pub async fn run<T>(
        what: &'static str,
        statement: impl Future<Output = Result<T, clickhouse::error::Error>>,
    ) -> Result<T, ClickHouseError> {
        Ok(calls::counted(BACKEND, what, statement).await?)
    }

    /// The client, for the ports that have statements for it; they go through [`ClickHouse::run`].
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    async fn recorded(&self) -> Result<Vec<(String, String)>, MigrateError> {
        #[derive(Row, Deserialize)]
        struct Recorded {
            name: String,
            checksum: String,
        }
        let unavailable =
            |error: ClickHouseError| MigrateError::Unavailable { backend: BACKEND, reason: error.to_string() };
        let exists = self.client.query("EXISTS TABLE schema_migrations").fetch_one::<u8>();
        if short(READ_MIGRATIONS, exists).await.map_err(unavailable)? == 0 {
            return Ok(Vec::new());
        }
        // Two nodes that start at once may both record a step: then it is there twice, the same.
        let recorded = self.client.query("SELECT DISTINCT name, checksum FROM schema_migrations ORDER BY name");
        let recorded = short(READ_MIGRATIONS, recorded.fetch_all::<Recorded>()).await.map_err(unavailable)?;
        Ok(recorded.into_iter().map(|row| (row.name, row.checksum)).collect())
    }

    async fn apply(&self, migration: &Migration) -> Result<(), ClickHouseError> {
        for statement in statements(migration.up) {
            short(MIGRATE, self.client.query_raw(statement).execute()).await?;
        }
        let record = "INSERT INTO schema_migrations (name, checksum, applied_at) SELECT ?, ?, now64(3)";
        short(MIGRATE, self.client.query(record).bind(migration.name).bind(migration.checksum()).execute()).await
    }
}

/// ClickHouse needs no lock: every step is written so that doing it twice, also at once, is doing it once.
#[async_trait]
impl Migrate for ClickHouse {
    fn backend(&self) -> &'static str {
        BACKEND
    }

    async fn status(&self) -> Result<Vec<(String, State)>, MigrateError> {
        Ok(migrations::states(MIGRATIONS, &self.recorded().await?))
    }

    async fn up(&self) -> Result<Vec<String>, MigrateError> {
        let pending = migrations::pending(BACKEND, MIGRATIONS, &self.recorded().await?)?;
        if pending.is_empty() {
            return Ok(Vec::new());
        }
        let table = "CREATE TABLE IF NOT EXISTS schema_migrations (name String, checksum String, applied_at DateTime64(3)) \
                     ENGINE = MergeTree() ORDER BY name";
        let made = short(MIGRATE, self.client.query(table).execute()).await;
        made.map_err(|error| MigrateError::Unavailable { backend: BACKEND, reason: error.to_string() })?;
        for migration in &pending {
            self.apply(migration).await.map_err(|error| MigrateError::Failed {
                backend: BACKEND,
                name: migration.name.to_owned(),
                reason: error.to_string(),
            })?;
        }
        Ok(pending.iter().map(|migration| migration.name.to_owned()).collect())
    }

    async fn down(&self, to: &str) -> Result<Vec<String>, MigrateError> {
        // Nothing has a way back, which is what this says unless there is nothing to undo.
        let undoing = migrations::undoing(BACKEND, MIGRATIONS, &self.recorded().await?, to)?;
        Ok(undoing.iter().map(|(migration, _)| migration.name.to_owned()).collect())
    }
}

/// The statements of a file: each ends with a semicolon at the end of a line.
fn statements(text: &str) -> impl Iterator<Item = &str> {
    text.split(";\n").map(str::trim).filter(|statement| !statement.is_empty())
}

async fn short<T>(
    what: &'static str,
    question: impl Future<Output = Result<T, clickhouse::error::Error>>,
) -> Result<T, ClickHouseError> {
    match timeout(SHORT, ClickHouse::run(what, question)).await {
        Ok(answer) => answer,
        Err(_) => Err(ClickHouseError::Network(format!("no answer for {} seconds", SHORT.as_secs()))),
    }
}

/// The parts of a URL.
struct Place {
    /// Without user, password and path.
    url: String,
    user: String,
    password: String,
    database: String,
}

impl Place {
    fn parse(url: &str) -> Result<Self, ClickHouseError> {
        let bad = |what| ClickHouseError::Url(what);
        let shape = "expected http(s)://user:password@host:port/database";
        let uri: Uri = url.parse().map_err(|_| bad(shape))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(bad(shape)) };
        let port = authority.port_u16().unwrap_or(if scheme == "https" { 8443 } else { 8123 });
        let (user, password) = match authority.as_str().rsplit_once('@') {
            Some((login, _)) => login.split_once(':').unwrap_or((login, "")),
            None => ("default", ""),
        };
        let escape = "a percent sign in the user or the password must be written as %25";
        let database = match uri.path().trim_matches('/') {
            "" => DATABASE,
            database => database,
        };
        let is_name = database.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && database.len() <= 64;
        if !is_name {
            return Err(bad("the database's name may have letters, digits and underscores, at most 64"));
        }
        Ok(Self {
            url: format!("{scheme}://{}:{port}", authority.host()),
            user: percent_decode(user).ok_or_else(|| bad(escape))?,
            password: percent_decode(password).ok_or_else(|| bad(escape))?,
            database: database.to_owned(),
        })
    }
}

/// RFC 3986 section 2.1; `None` for what is not UTF-8 after it, or half an escape.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        bytes.push((digit(rest.next())? * 16 + digit(rest.next())?) as u8);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> Option<(String, String, String, String)> {
        let place = Place::parse(url).ok()?;
        Some((place.url, place.user, place.password, place.database))
    }

    #[test]
    fn a_url_says_where_who_and_which_database() {
        let all = |url: &str, user: &str, password: &str, database: &str| {
            Some((url.to_owned(), user.to_owned(), password.to_owned(), database.to_owned()))
        };
        assert_eq!(parts("http://ch"), all("http://ch:8123", "default", "", "jabiru"));
        assert_eq!(parts("https://u@ch/"), all("https://ch:8443", "u", "", "jabiru"));
        assert_eq!(
            parts("http://us%40r:p%3A%2fw@ch.example:80/d_1"),
            all("http://ch.example:80", "us@r", "p:/w", "d_1")
        );
        assert_eq!(parts("http://[::1]:8123/x"), all("http://[::1]:8123", "default", "", "x"));
        for bad in ["ch:8123", "http://", "http://u:%2@ch", "http://ch/a-b", "http://ch/a/b", "http://ch/a;b"] {
            let refused = Place::parse(bad).err().unwrap().to_string();
            assert!(!refused.contains(bad), "{refused}");
        }
    }

    #[test]
    fn the_statements_of_every_migration_are_found_and_can_be_repeated() {
        for migration in MIGRATIONS {
            let found: Vec<_> = statements(migration.up).collect();
            assert!(!found.is_empty());
            for statement in found {
                let code = statement.lines().find(|line| !line.starts_with("--") && !line.is_empty()).unwrap();
                assert!(code.contains("if not exists"), "{code}");
                assert_eq!(statement.matches("create table").count(), 1);
            }
        }
    }
}
