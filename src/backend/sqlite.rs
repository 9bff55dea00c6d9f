//! The embedded database: one SQLite file, one writer thread with group commit, a few readers.
//!
//! Owns connections, transactions and migrations; the statements belong to the ports that use them.
//!
//! # One writer, grouped
//! SQLite has one writer at a time, and an fsync per commit is what durability costs. So all writes go to one thread: it takes every
//! job that is waiting, runs each in a savepoint of one transaction, commits once, and only then answers them all. A job alone is
//! committed at once; under load commits keep a pace, and each carries whatever arrived meanwhile. `[DUR-1]`

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::migrations::{self, Migrate, MigrateError, Migration, State};

/// Jobs that may wait for the writer. Rooms have one append in flight each, so this is reached only with that many busy rooms;
/// then they wait, which is the back-pressure wanted.
const WRITER_QUEUE: usize = 1024;

/// Jobs of one commit: bounds how long the first of them waits for the last.
const GROUP_LIMIT: usize = 512;

/// Time from one commit to the next while writing goes on. A commit costs the same for one job as for fifty: at 500 updates a second from
/// ten rooms half of the server's time beside its sockets went to commits of one or two. Nobody sees 12 ms in "Saved".
const COMMIT_PACE: Duration = Duration::from_millis(12);

/// How far commits may run ahead of that pace: some fifty after a quiet time are not held back at all, which is what one person's edits
/// and a request that writes step by step need.
const COMMIT_CREDIT: Duration = Duration::from_millis(400);

/// Connections for reading. Reads do not block the writer in WAL mode; more than this only competes for two cores.
const READERS: usize = 4;

/// What can go wrong with the embedded database.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SqliteError {
    /// SQLite refused: disk full, I/O error, busy. Temporary as far as anyone can tell.
    #[error("SQLite: {0}")]
    Sqlite(String),
    /// The writer thread has stopped; the process is ending.
    #[error("the database is closed")]
    Closed,
}

impl From<rusqlite::Error> for SqliteError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error.to_string())
    }
}

type Work = Box<dyn FnOnce(&Connection) -> Result<Answer, rusqlite::Error> + Send>;
/// Sends a job's result once its commit has succeeded, or the error that undid it.
type Answer = Box<dyn FnOnce(Result<(), SqliteError>) + Send>;

struct Job {
    work: Work,
    failed: Box<dyn FnOnce(SqliteError) + Send>,
}

/// A handle to the database; clones share it.
#[derive(Clone)]
pub struct Sqlite {
    writer: mpsc::Sender<Job>,
    readers: Arc<Readers>,
}

struct Readers {
    /// One for each reader: a storm of joins must not become a storm of threads and connections.
    permits: Arc<Semaphore>,
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Sqlite {
    /// Opens the file, creating it if needed, and starts the writer thread.
    ///
    /// # Errors
    /// The file cannot be opened or is not a database.
    pub fn open(path: &Path) -> Result<Self, SqliteError> {
        let connection = Connection::open(path)?;
        prepare(&connection)?;
        let (writer, jobs) = mpsc::channel(WRITER_QUEUE);
        std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || write_loop(connection, jobs))
            .map_err(|error| SqliteError::Sqlite(format!("cannot start the writer thread: {error}")))?;
        Ok(Self {
            writer,
            readers: Arc::new(Readers {
                permits: Arc::new(Semaphore::new(READERS)),
                path: path.to_owned(),
                idle: Mutex::default(),
            }),
        })
    }

    /// Runs `work` on the writer; the result comes after the commit that holds it. `work` fails alone: its savepoint is undone.
    ///
    /// # Errors
    /// The statement or the commit failed: nothing of it is stored.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, SqliteError> {
        let (reply, answer) = oneshot::channel();
        let reply = Arc::new(Mutex::new(Some(reply)));
        let take = move |reply: &Mutex<Option<oneshot::Sender<_>>>| {
            reply.lock().unwrap_or_else(PoisonError::into_inner).take()
        };
        let on_failure = Arc::clone(&reply);
        let job = Job {
            work: Box::new(move |connection| {
                let value = work(connection)?;
                Ok(Box::new(move |committed: Result<(), SqliteError>| {
                    if let Some(reply) = take(&reply) {
                        let _ = reply.send(committed.map(|()| value));
                    }
                }))
            }),
            failed: Box::new(move |error| {
                if let Some(reply) = take(&on_failure) {
                    let _ = reply.send(Err(error));
                }
            }),
        };
        self.writer.send(job).await.map_err(|_| SqliteError::Closed)?;
        answer.await.map_err(|_| SqliteError::Closed)?
    }

    /// Runs `work` on a reader, in one consistent view, off the reactor threads.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, SqliteError> {
        let readers = Arc::clone(&self.readers);
        let permit = Arc::clone(&readers.permits).acquire_owned().await.map_err(|_| SqliteError::Closed)?;
        tokio::task::spawn_blocking(move || {
            // Held by the thread: a caller that gives up does not end its read.
            let _permit = permit;
            let idle = readers.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut connection = match idle {
                Some(connection) => connection,
                None => open_reader(&readers.path)?,
            };
            let view = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
            let value = work(&view)?;
            drop(view);
            readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            Ok(value)
        })
        .await
        .map_err(|_| SqliteError::Closed)?
    }
}

fn prepare(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    // NORMAL does not sync at commit: a power cut would lose acknowledged updates.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Another process (`jabiru login-url`) may hold the write lock for a moment.
    connection.busy_timeout(Duration::from_secs(5))
}

fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.create_scalar_function(
        "contains_text",
        2,
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC,
        |call| Ok(contains_text(call.get_raw(0).as_str_or_null()?, call.get_raw(1).as_str_or_null()?)),
    )?;
    Ok(connection)
}

/// `contains_text(text, part)` for readers: whether `part`, which is in lower case, is in `text`, whatever the case of its letters.
/// SQLite's own `like` and `lower` know ASCII only.
fn contains_text(text: Option<&str>, part: Option<&str>) -> bool {
    text.unwrap_or_default().to_lowercase().contains(part.unwrap_or_default())
}

fn write_loop(mut connection: Connection, mut jobs: mpsc::Receiver<Job>) {
    let mut group = Vec::with_capacity(GROUP_LIMIT);
    let mut due = Instant::now();
    while jobs.blocking_recv_many(&mut group, GROUP_LIMIT) > 0 {
        let now = Instant::now();
        due = due.max(now.checked_sub(COMMIT_CREDIT).unwrap_or(now));
        if due > now && group.len() < GROUP_LIMIT {
            std::thread::sleep(due - now);
            group.extend(std::iter::from_fn(|| jobs.try_recv().ok()).take(GROUP_LIMIT - group.len()));
        }
        due += COMMIT_PACE;
        commit_group(&mut connection, &mut group);
    }
}

fn commit_group(connection: &mut Connection, group: &mut Vec<Job>) {
    let mut transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => {
            let error = SqliteError::from(error);
            group.drain(..).for_each(|job| (job.failed)(error.clone()));
            return;
        }
    };
    let mut answers: Vec<Answer> = Vec::with_capacity(group.len());
    for Job { work, failed } in group.drain(..) {
        let outcome = transaction.savepoint().and_then(|savepoint| {
            let answer = work(&savepoint)?;
            savepoint.commit()?;
            Ok(answer)
        });
        match outcome {
            Ok(answer) => answers.push(answer),
            Err(error) => failed(error.into()),
        }
    }
    let committed = transaction.commit().map_err(SqliteError::from);
    for answer in answers {
        answer(committed.clone());
    }
}

/// What people call this backend.
const BACKEND: &str = "sqlite";

/// Longest wait for another process that is migrating the same file: a step over a large table takes seconds.
const MIGRATION_WAIT: Duration = Duration::from_mins(1);

/// The migrations of the embedded databases: one numbered list, each step in the file it is of.
///
/// Every step is a transaction of its own that takes the file's write lock before it looks what is recorded: processes that start at once
/// wait for each other and apply each step once.
pub struct SqliteMigrations {
    files: Vec<(PathBuf, &'static [Migration])>,
}

impl SqliteMigrations {
    /// The database files with their migrations. A file that is not there is made by [`Migrate::up`].
    #[must_use]
    pub fn new(files: Vec<(PathBuf, &'static [Migration])>) -> Self {
        Self { files }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&[(PathBuf, &'static [Migration])]) -> Result<T, MigrateError> + Send + 'static,
    ) -> Result<T, MigrateError> {
        let files = self.files.clone();
        tokio::task::spawn_blocking(move || work(&files)).await.map_err(unavailable)?
    }
}

#[async_trait]
impl Migrate for SqliteMigrations {
    fn backend(&self) -> &'static str {
        BACKEND
    }

    async fn status(&self) -> Result<Vec<(String, State)>, MigrateError> {
        self.blocking(|files| {
            let mut states = Vec::new();
            for (path, known) in files {
                // Not opened if it is not there: that would make it.
                let recorded = if path.exists() {
                    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
                    recorded(&Connection::open_with_flags(path, flags).map_err(unavailable)?).map_err(unavailable)?
                } else {
                    Vec::new()
                };
                states.extend(migrations::states(known, &recorded));
            }
            // Numbered over all files; what this build does not know comes last.
            states.sort_by(|(a, at), (b, bt)| (*at == State::Missing, a).cmp(&(*bt == State::Missing, b)));
            Ok(states)
        })
        .await
    }

    async fn up(&self) -> Result<Vec<String>, MigrateError> {
        self.blocking(|files| {
            // All of them are looked at before any is changed.
            for (path, known) in files.iter().filter(|(path, _)| path.exists()) {
                migrations::pending(BACKEND, known, &recorded(&open(path)?).map_err(unavailable)?)?;
            }
            let mut applied = Vec::new();
            for (path, known) in files {
                applied.extend(migrate(path, known)?);
            }
            applied.sort();
            Ok(applied)
        })
        .await
    }

    async fn down(&self, to: &str) -> Result<Vec<String>, MigrateError> {
        let to = to.to_owned();
        self.blocking(move |files| {
            let mut steps = Vec::new();
            let mut found = to.is_empty();
            for (path, known) in files.iter().filter(|(path, _)| path.exists()) {
                let recorded = recorded(&open(path)?).map_err(unavailable)?;
                found |= recorded.iter().any(|(name, _)| *name == to);
                // The list is one over all files: a file without the step named comes down to the last step before it.
                let last = recorded.iter().map(|(name, _)| name.as_str()).filter(|name| *name <= to.as_str()).max();
                let undoing = migrations::undoing(BACKEND, known, &recorded, last.unwrap_or_default())?;
                steps.extend(undoing.into_iter().map(|(migration, down)| (path, migration.name, down)));
            }
            if !found {
                return Err(MigrateError::NotApplied { backend: BACKEND, name: to });
            }
            steps.sort_by(|(_, a, _), (_, b, _)| b.cmp(a));
            let mut undone = Vec::new();
            for (path, name, down) in steps {
                let mut connection = open(path)?;
                if undo(&mut connection, name, down).map_err(|error| failed(name, &error))? {
                    undone.push(name.to_owned());
                }
            }
            Ok(undone)
        })
        .await
    }
}

/// Applies the migrations of one file that are missing, in order, each in a transaction, and records their checksums. The names of those
/// applied. Blocks.
///
/// # Errors
/// As [`Migrate::up`].
pub fn migrate(path: &Path, known: &[Migration]) -> Result<Vec<String>, MigrateError> {
    let mut connection = open(path)?;
    let create = "create table if not exists schema_migrations (name text primary key, checksum text not null) strict, without rowid";
    connection.execute_batch(create).map_err(unavailable)?;
    let mut applied = Vec::new();
    for migration in migrations::pending(BACKEND, known, &recorded(&connection).map_err(unavailable)?)? {
        if apply(&mut connection, migration).map_err(|error| failed(migration.name, &error))? {
            applied.push(migration.name.to_owned());
        }
    }
    Ok(applied)
}

fn open(path: &Path) -> Result<Connection, MigrateError> {
    let connection = Connection::open(path).map_err(unavailable)?;
    // First: turning a new file to WAL waits for others too.
    connection.busy_timeout(MIGRATION_WAIT).map_err(unavailable)?;
    prepare(&connection).map_err(unavailable)?;
    connection.busy_timeout(MIGRATION_WAIT).map_err(unavailable)?;
    Ok(connection)
}

/// Name and checksum of every migration that was applied, in order.
fn recorded(connection: &Connection) -> Result<Vec<(String, String)>, rusqlite::Error> {
    let table = "select 1 from sqlite_schema where type = 'table' and name = 'schema_migrations'";
    if !connection.prepare(table)?.exists([])? {
        return Ok(Vec::new());
    }
    let mut select = connection.prepare("select name, checksum from schema_migrations order by name")?;
    select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// `false`: another process has applied it meanwhile.
fn apply(connection: &mut Connection, migration: &Migration) -> Result<bool, rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if is_recorded(&transaction, migration.name)? {
        return Ok(false);
    }
    transaction.execute_batch(migration.up)?;
    transaction.execute("insert into schema_migrations values (?1, ?2)", [migration.name, &migration.checksum()])?;
    transaction.commit()?;
    Ok(true)
}

/// `false`: another process has undone it meanwhile.
fn undo(connection: &mut Connection, name: &str, down: &str) -> Result<bool, rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !is_recorded(&transaction, name)? {
        return Ok(false);
    }
    transaction.execute_batch(down)?;
    transaction.execute("delete from schema_migrations where name = ?1", [name])?;
    transaction.commit()?;
    Ok(true)
}

fn is_recorded(connection: &Connection, name: &str) -> Result<bool, rusqlite::Error> {
    connection.prepare("select 1 from schema_migrations where name = ?1")?.exists([name])
}

fn unavailable(error: impl std::fmt::Display) -> MigrateError {
    MigrateError::Unavailable { backend: BACKEND, reason: error.to_string() }
}

fn failed(name: &str, error: &rusqlite::Error) -> MigrateError {
    MigrateError::Failed { backend: BACKEND, name: name.to_owned(), reason: error.to_string() }
}
