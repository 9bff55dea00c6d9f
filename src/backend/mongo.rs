//! MongoDB: one client on a replica set.
//!
//! Owns connecting, the promises every operation is made with, bounded waiting, counting, and migrations; the documents belong to the ports
//! that use them.
//!
//! # What every operation is made with
//! Writes wait for a majority of the members, with their journals on disk; reads see what a majority has, from the primary. None of this
//! can be set in the URL: `[DUR-1]` rests on it. The driver has no timeout of its own for an operation under way, and a member that is
//! paused rather than dead keeps its connections: so each operation has one here. `[DUR-3]`

use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use mongodb::bson::{DateTime, Document, RawDocumentBuf, doc};
use mongodb::error::{Error, ErrorKind, RETRYABLE_WRITE_ERROR, WriteFailure};
use mongodb::options::{
    ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, SessionOptions, UpdateOptions, WriteConcern,
};
use mongodb::{Client, ClientSession, Collection, Database};

use super::calls::{self, Call};
use super::migrations::{self, Migrate, MigrateError, Migration, State};

/// The migrations of the MongoDB database, in order. Files are never edited once released: see [`migrations`].
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_kernel",
        up: include_str!("../../migrations/mongodb/0001_kernel.up.json"),
        down: Some(include_str!("../../migrations/mongodb/0001_kernel.down.json")),
    },
    Migration {
        name: "0002_files",
        up: include_str!("../../migrations/mongodb/0002_files.up.json"),
        down: Some(include_str!("../../migrations/mongodb/0002_files.down.json")),
    },
    Migration {
        name: "0003_marks_by_canvas",
        up: include_str!("../../migrations/mongodb/0003_marks_by_canvas.up.json"),
        down: Some(include_str!("../../migrations/mongodb/0003_marks_by_canvas.down.json")),
    },
];

/// What people call this backend, and calls are counted under.
const BACKEND: &str = "mongodb";

/// The database where the URL names none.
const DATABASE: &str = "jabiru";

/// Longest search for a member to talk to. An election of a set with default settings takes up to 12 s; whoever asks tries again.
const SELECTION: Duration = Duration::from_secs(5);

/// Longest attempt to open a connection; also what a heartbeat may take before a member counts as gone.
const CONNECT: Duration = Duration::from_secs(5);

/// Connections to a member. Appends use a few; the others are for canvases that load at once.
const CONNECTIONS: u32 = 32;

/// Longest wait of an operation that moves little.
pub const SHORT: Duration = Duration::from_secs(8);

/// Longest wait of one that may read or write a whole document; below what a join waits for its room.
pub const LONG: Duration = Duration::from_secs(20);

/// Longest wait of the server for the majority of one write; below [`SHORT`], so that the answer says what was missing.
const MAJORITY: Duration = Duration::from_secs(7);

/// Longest wait of a health check.
const PING: Duration = Duration::from_secs(3);

/// Codes of the server that say "not me" or "not now": another member, or the same a moment later, will do it.
const PASSING: [i32; 13] = [6, 7, 89, 91, 134, 189, 262, 9001, 10058, 10107, 11600, 11602, 13435];

/// Code of a write that a unique index refused.
const DUPLICATE: i32 = 11000;

/// Codes of commands that found their work done already: the collection exists, or it or its index is gone.
const DONE_ALREADY: [i32; 3] = [48, 26, 27];

/// What can go wrong with MongoDB. The texts hold addresses, never passwords.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MongoError {
    /// The URL cannot be used.
    #[error("{0}")]
    Url(String),
    /// The server is not what Jabiru needs.
    #[error("{0}")]
    Unfit(String),
    /// The driver or the server refused.
    #[error("MongoDB could not {what}: {}", .error.kind)]
    Driver {
        /// What was asked of it.
        what: &'static str,
        /// Why not.
        error: Error,
    },
    /// No answer in time. Whether a write was done is not known; all of ours may be repeated.
    #[error("MongoDB did not {what} within {} s", .after.as_secs())]
    Timeout {
        /// What was asked of it.
        what: &'static str,
        /// How long was waited.
        after: Duration,
    },
}

impl MongoError {
    /// Whether a unique index refused a write: it is there already.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Driver { error, .. } if is_duplicate(error))
    }
}

/// Whether a unique index refused a single write.
fn is_duplicate(error: &Error) -> bool {
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(error)) => error.code == DUPLICATE,
        ErrorKind::Command(error) => error.code == DUPLICATE,
        _ => false,
    }
}

/// Whether trying once more may help at once: the connection broke, or the member is no longer the primary.
fn is_passing(error: &Error) -> bool {
    let code = match &*error.kind {
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } => return true,
        ErrorKind::Command(error) => error.code,
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => error.code,
        ErrorKind::InsertMany(error) => error.write_concern_error.as_ref().map_or(0, |error| error.code),
        _ => 0,
    };
    PASSING.contains(&code) || error.contains_label(RETRYABLE_WRITE_ERROR)
}

/// A handle to the database; clones share its connections.
#[derive(Clone, Debug)]
pub struct Mongo {
    client: Client,
    database: Database,
}

impl Mongo {
    /// Connects to the replica set at `url`; the database is the one in its path, `jabiru` if there is none.
    ///
    /// # Errors
    /// The URL cannot be read, no primary answers within some seconds, or the server is not a replica set.
    pub async fn connect(url: &str) -> Result<Self, MongoError> {
        let unusable = |reason: &str| {
            MongoError::Url(format!("JABIRU_MONGODB_URL cannot be used: {}", without_password(reason, url)))
        };
        // `mongodb+srv` asks the name server.
        let parsed = tokio::time::timeout(SHORT, ClientOptions::parse(url)).await;
        let parsed = parsed.map_err(|_| unusable("the name server does not answer"))?;
        let mut options = parsed.map_err(|error| unusable(&error.kind.to_string()))?;
        options.app_name.get_or_insert_with(|| "jabiru".to_owned());
        options.connect_timeout.get_or_insert(CONNECT);
        options.server_selection_timeout.get_or_insert(SELECTION);
        options.max_pool_size.get_or_insert(CONNECTIONS);
        options.retry_reads = Some(true);
        options.retry_writes = Some(true);
        options.write_concern = Some(write_concern());
        options.read_concern = Some(ReadConcern::majority());
        options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        let name = options.default_database.clone().unwrap_or_else(|| DATABASE.to_owned());
        let client = Client::with_options(options).map_err(|error| unusable(&error.kind.to_string()))?;
        let mongo = Self { database: client.database(&name), client };
        mongo.require_replica_set().await?;
        Ok(mongo)
    }

    /// A server alone has neither a majority to wait for nor writes that may be repeated.
    async fn require_replica_set(&self) -> Result<(), MongoError> {
        const DO: &str =
            "Jabiru needs one, even of one member: start mongod with --replSet rs0 and run rs.initiate() once";
        let admin = self.client.database("admin");
        let hello = self.run("answer", SHORT, || async { admin.run_command(doc! { "hello": 1 }).await }).await;
        let hello = hello.map_err(|error| match &error {
            // The driver takes no server that is not of the set it was told to look for, and none that has not been made one yet.
            MongoError::Driver { error: cause, .. } if matches!(&*cause.kind, ErrorKind::ServerSelection { .. }) => {
                MongoError::Unfit(format!("{error}. No primary of a replica set was found there. {DO}"))
            }
            _ => error,
        })?;
        if hello.contains_key("setName") || matches!(hello.get_str("msg"), Ok("isdbgrid")) {
            return Ok(());
        }
        let what = format!("JABIRU_MONGODB_URL: the MongoDB server is not part of a replica set. {DO}");
        Err(MongoError::Unfit(what))
    }

    /// A collection.
    pub fn collection<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.database.collection(name)
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// A session whose reads see at least what it saw before, also on another primary.
    ///
    /// # Errors
    /// No member can be found.
    pub async fn session(&self) -> Result<ClientSession, Error> {
        let options = SessionOptions::builder().causal_consistency(true).build();
        self.client.start_session().with_options(options).await
    }

    /// Inserts documents that name themselves: one whose `_id` is there already was written by an earlier try, and is fine. What is there
    /// already is waited for like what is new: the server answers when a majority has everything up to now. The others that were refused,
    /// by their place, with the reason.
    ///
    /// # Errors
    /// Nothing is known of any of them; insert them all again.
    pub async fn insert_new(
        &self,
        what: &'static str,
        longest: Duration,
        collection: &Collection<RawDocumentBuf>,
        documents: &[&RawDocumentBuf],
    ) -> Result<Vec<(usize, String)>, MongoError> {
        let insert = || async {
            let Err(error) = collection.insert_many(documents.iter().copied()).ordered(false).await else {
                return Ok(Vec::new());
            };
            match &*error.kind {
                ErrorKind::InsertMany(failure) if failure.write_concern_error.is_none() => {
                    let refused = failure.write_errors.iter().flatten().filter(|error| error.code != DUPLICATE);
                    Ok(refused.map(|error| (error.index, error.message.clone())).collect())
                }
                _ => Err(error),
            }
        };
        self.run(what, longest, insert).await
    }

    /// Runs many update statements as one command. Those that were refused, by their place, with the reason.
    ///
    /// # Errors
    /// Nothing is known of any of them.
    pub async fn update_many_statements(
        &self,
        what: &'static str,
        collection: &str,
        statements: &[Document],
    ) -> Result<Vec<(usize, String)>, MongoError> {
        let command = doc! {
            "update": collection, "updates": statements, "ordered": false, "writeConcern": write_concern_document(),
        };
        let answer = self.run(what, SHORT, || async { self.database.run_command(command.clone()).await }).await?;
        if let Ok(error) = answer.get_document("writeConcernError") {
            return Err(MongoError::Unfit(format!("MongoDB could not {what}: no majority took it: {error}")));
        }
        let refused = answer.get_array("writeErrors").into_iter().flatten().filter_map(|error| error.as_document());
        Ok(refused
            .map(|error| {
                let index = error.get_i32("index").unwrap_or_default();
                (usize::try_from(index).unwrap_or_default(), error.get_str("errmsg").unwrap_or_default().to_owned())
            })
            .collect())
    }

    /// Runs an operation that may safely be repeated: once more if the first try met a failover, and for at most `longest` in all. `what`
    /// says in the error what could not be done.
    ///
    /// # Errors
    /// It failed, or took too long.
    pub async fn run<T, F>(
        &self,
        what: &'static str,
        longest: Duration,
        work: impl Fn() -> F + Send + Sync,
    ) -> Result<T, MongoError>
    where
        T: Send,
        F: Future<Output = Result<T, Error>> + Send,
    {
        let attempt = || async {
            let call = Call::begin(BACKEND, what);
            let outcome = work().await;
            // What is there already was asked for in vain, and answered well.
            call.end(outcome.as_ref().err().is_none_or(is_duplicate));
            outcome
        };
        let tries = async {
            match attempt().await {
                Err(error) if is_passing(&error) => attempt().await,
                outcome => outcome,
            }
        };
        match tokio::time::timeout(longest, tries).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(MongoError::Driver { what, error }),
            Err(_) => Err(MongoError::Timeout { what, after: longest }),
        }
    }

    /// Counts a call of those who have the driver do it without [`Mongo::run`]: who has another time limit, or may not repeat it.
    ///
    /// The driver could say what was sent, but only with a copy of every command and every answer, journals and images included; and it
    /// says nothing of a call that found no member or whose answer nobody waited for, which is what a MongoDB that is away looks like.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn counted<T, E>(what: &'static str, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        calls::counted(BACKEND, what, work).await
    }

    /// The same for one that is polled.
    pub(crate) fn call(what: &'static str) -> Call {
        Call::begin(BACKEND, what)
    }

    /// Whether there is a primary that answers.
    ///
    /// # Errors
    /// There is none, or it takes longer than 3 s.
    pub async fn ping(&self) -> Result<(), MongoError> {
        let hello = self.run("answer", PING, || async { self.database.run_command(doc! { "hello": 1 }).await }).await?;
        match hello.get_bool("isWritablePrimary") {
            Ok(true) => Ok(()),
            _ => Err(MongoError::Unfit("the MongoDB replica set has no primary right now".to_owned())),
        }
    }

    /// The migrations of this database.
    #[must_use]
    pub fn migrations(&self, known: &'static [Migration]) -> Migrations {
        Migrations { mongo: self.clone(), known }
    }
}

/// What `[DUR-1]` means on MongoDB.
fn write_concern() -> WriteConcern {
    WriteConcern::builder().w(mongodb::options::Acknowledgment::Majority).journal(true).w_timeout(MAJORITY).build()
}

/// The same for a command that is written by hand.
#[must_use]
pub fn write_concern_document() -> Document {
    doc! { "w": "majority", "j": true, "wtimeout": MAJORITY.as_millis() as i64 }
}

/// A text that may quote the URL, without its password.
fn without_password(text: &str, url: &str) -> String {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let userinfo = after_scheme.rsplit_once('@').map_or("", |(userinfo, _)| userinfo);
    match userinfo.split_once(':') {
        Some((_, password)) if !password.is_empty() => text.replace(password, "***"),
        _ => text.to_owned(),
    }
}

// ── migrations ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const APPLIED: &str = "schema_migrations";
const LOCK: &str = "schema_migrations_lock";

/// How long the lock is held without being renewed: a node that died in a migration keeps others waiting at most this long.
const LOCK_TTL: Duration = Duration::from_secs(30);

/// How long a node waits for the lock of another one. A migration may build an index over a large collection.
const LOCK_WAIT: Duration = Duration::from_mins(2);

/// How often it looks.
const LOCK_RETRY: Duration = Duration::from_millis(200);

/// Longest wait for one command of a migration.
const COMMAND: Duration = Duration::from_hours(1);

/// [`Migrate`] on MongoDB. `schema_migrations` holds `{_id: name, checksum, at}`.
#[derive(Debug, Clone)]
pub struct Migrations {
    mongo: Mongo,
    known: &'static [Migration],
}

fn unavailable(error: &MongoError) -> MigrateError {
    MigrateError::Unavailable { backend: BACKEND, reason: error.to_string() }
}

#[async_trait]
impl Migrate for Migrations {
    fn backend(&self) -> &'static str {
        BACKEND
    }

    async fn status(&self) -> Result<Vec<(String, State)>, MigrateError> {
        Ok(migrations::states(self.known, &self.recorded().await?))
    }

    async fn up(&self) -> Result<Vec<String>, MigrateError> {
        if migrations::pending(BACKEND, self.known, &self.recorded().await?)?.is_empty() {
            return Ok(Vec::new());
        }
        let apply = async {
            let mut names = Vec::new();
            for migration in migrations::pending(BACKEND, self.known, &self.recorded().await?)? {
                self.apply(migration.name, migration.up).await?;
                self.record(migration).await?;
                names.push(migration.name.to_owned());
            }
            Ok(names)
        };
        self.locked(apply).await
    }

    async fn down(&self, to: &str) -> Result<Vec<String>, MigrateError> {
        let undo = async {
            let mut names = Vec::new();
            for (migration, down) in migrations::undoing(BACKEND, self.known, &self.recorded().await?, to)? {
                self.apply(migration.name, down).await?;
                let applied = self.mongo.collection::<Document>(APPLIED);
                let forget = || async { applied.delete_one(doc! { "_id": migration.name }).await };
                self.mongo.run("forget a migration", SHORT, forget).await.map_err(|error| unavailable(&error))?;
                names.push(migration.name.to_owned());
            }
            Ok(names)
        };
        self.locked(undo).await
    }
}

impl Migrations {
    async fn recorded(&self) -> Result<Vec<(String, String)>, MigrateError> {
        let applied = self.mongo.collection::<Document>(APPLIED);
        let read = || async {
            let mut cursor = applied.find(doc! {}).sort(doc! { "_id": 1 }).await?;
            let mut recorded = Vec::new();
            while cursor.advance().await? {
                let row = cursor.deserialize_current()?;
                let text = |key| row.get_str(key).unwrap_or_default().to_owned();
                recorded.push((text("_id"), text("checksum")));
            }
            Ok(recorded)
        };
        self.mongo.run("read its migrations", SHORT, read).await.map_err(|error| unavailable(&error))
    }

    async fn record(&self, migration: &Migration) -> Result<(), MigrateError> {
        let applied = self.mongo.collection::<Document>(APPLIED);
        let row = doc! { "checksum": migration.checksum(), "at": DateTime::now() };
        let record = || async {
            let options = UpdateOptions::builder().upsert(true).build();
            applied.update_one(doc! { "_id": migration.name }, doc! { "$set": row.clone() }).with_options(options).await
        };
        self.mongo.run("record a migration", SHORT, record).await.map_err(|error| unavailable(&error))?;
        Ok(())
    }

    /// Runs the commands of a migration in order. MongoDB has no transaction for them: each is safe to repeat, so one that was
    /// interrupted is run again from its start.
    async fn apply(&self, name: &str, text: &str) -> Result<(), MigrateError> {
        let failed = |reason: String| MigrateError::Failed { backend: BACKEND, name: name.to_owned(), reason };
        let commands: Vec<Document> = serde_json::from_str(text)
            .map_err(|error| failed(format!("its file is not an array of commands: {error}")))?;
        for mut command in commands {
            command.insert("writeConcern", write_concern_document());
            let run = || async { self.mongo.database.run_command(command.clone()).await };
            match self.mongo.run("run a command of a migration", COMMAND, run).await {
                Err(MongoError::Driver { error, .. }) if matches!(&*error.kind, ErrorKind::Command(error) if DONE_ALREADY.contains(&error.code)) =>
                    {}
                Err(error) => return Err(failed(error.to_string())),
                Ok(answer) if answer.contains_key("writeConcernError") => {
                    return Err(failed(format!("no majority took it: {answer}")));
                }
                Ok(_) => {}
            }
        }
        Ok(())
    }

    /// Does `work` under the lock, which is renewed meanwhile. A node that loses it, because it stood still for longer than the lock
    /// lasts, stops.
    async fn locked<T>(&self, work: impl Future<Output = Result<T, MigrateError>> + Send) -> Result<T, MigrateError> {
        let owner = crate::id::generate();
        self.lock(&owner).await?;
        let outcome = tokio::select! {
            outcome = work => outcome,
            reason = self.lose(&owner) => Err(MigrateError::Unavailable { backend: BACKEND, reason }),
        };
        // What cannot be freed expires.
        let held = self.mongo.collection::<Document>(LOCK);
        let free = doc! { "$set": { "owner": "", "expires_at": DateTime::from_millis(0) } };
        let work = || async { held.update_one(doc! { "_id": "lock", "owner": &owner }, free.clone()).await };
        if let Err(error) = self.mongo.run("free the lock of its migrations", SHORT, work).await {
            tracing::warn!(%error, expires.after_s = LOCK_TTL.as_secs(), "the lock of the MongoDB migrations was not freed; it expires");
        }
        outcome
    }

    async fn lock(&self, owner: &str) -> Result<(), MigrateError> {
        let held = self.mongo.collection::<Document>(LOCK);
        let deadline = tokio::time::Instant::now() + LOCK_WAIT;
        // There is one, held by nobody; from then on it only changes hands, by the server's clock.
        let make = || async {
            let free = doc! { "$setOnInsert": { "owner": "", "expires_at": DateTime::from_millis(0) } };
            held.update_one(doc! { "_id": "lock" }, free).upsert(true).await
        };
        match self.mongo.run("make the lock of its migrations", SHORT, make).await {
            Err(error) if !error.is_duplicate() => return Err(unavailable(&error)),
            _ => {}
        }
        let expired = doc! { "$expr": { "$lt": ["$expires_at", "$$NOW"] } };
        while !self.take(owner, expired.clone()).await.map_err(|error| unavailable(&error))? {
            if tokio::time::Instant::now() >= deadline {
                let reason = format!(
                    "another node has been migrating it for more than {} s; wait for it, then start again",
                    LOCK_WAIT.as_secs()
                );
                return Err(MigrateError::Unavailable { backend: BACKEND, reason });
            }
            tokio::time::sleep(LOCK_RETRY).await;
        }
        Ok(())
    }

    /// Renews the lock until another node has it; why that may be.
    async fn lose(&self, owner: &str) -> String {
        loop {
            tokio::time::sleep(LOCK_TTL / 3).await;
            match self.take(owner, doc! { "owner": owner }).await {
                Ok(true) => {}
                Ok(false) => return "another node took over, because this one stood still; start again".to_owned(),
                Err(error) => tracing::warn!(%error, "the lock of the MongoDB migrations was not renewed"),
            }
        }
    }

    /// Takes or renews the lock if `condition` holds; whether it did. Taking it again by the same owner is renewing, so it may be repeated.
    async fn take(&self, owner: &str, condition: Document) -> Result<bool, MongoError> {
        let locks = self.mongo.collection::<Document>(LOCK);
        let filter = doc! { "_id": "lock", "$or": [condition, { "owner": owner }] };
        let until = doc! { "$add": ["$$NOW", LOCK_TTL.as_millis() as i64] };
        let hold = vec![doc! { "$set": { "owner": owner, "expires_at": until } }];
        let work = || async { locks.update_one(filter.clone(), hold.clone()).await };
        Ok(self.mongo.run("take the lock of its migrations", SHORT, work).await?.matched_count == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_in_no_error() {
        let url = "mongodb://ann:p@ss:w0rd@host:1/db";
        assert_eq!(without_password("near p@ss:w0rd@host", url), "near ***@host");
        assert_eq!(without_password("no secret", "mongodb://host/db"), "no secret");
    }

    #[test]
    fn every_migration_is_an_array_of_commands() {
        for migration in MIGRATIONS {
            for text in [Some(migration.up), migration.down].into_iter().flatten() {
                let commands: Vec<Document> = serde_json::from_str(text).unwrap();
                assert!(!commands.is_empty(), "{}", migration.name);
            }
        }
    }
}
