//! The embedded database: one SQLite file, one writer thread with group commit, a few readers.
//!
//! Owns connections, transactions and migrations; the statements belong to the ports that use them.
//!
//! # One writer, grouped
//! SQLite has one writer at a time, and an fsync per commit is what durability costs. So all writes go to one thread: it takes every
//! job that is waiting, runs each in a savepoint of one transaction, commits once, and only then answers them all. A job alone is
//! committed at once; under load a commit carries whatever arrived during the one before. `[DUR-1]`

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Jobs that may wait for the writer. Rooms have one append in flight each, so this is reached only with that many busy rooms;
/// then they wait, which is the back-pressure wanted.
const WRITER_QUEUE: usize = 1024;

/// Jobs of one commit: bounds how long the first of them waits for the last.
const GROUP_LIMIT: usize = 512;

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
    connection.busy_timeout(std::time::Duration::from_secs(5))
}

fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
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
    while jobs.blocking_recv_many(&mut group, GROUP_LIMIT) > 0 {
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

/// One migration file.
pub struct Migration {
    /// Its number, name and direction, as the file is called.
    pub name: &'static str,
    /// Its text.
    pub sql: &'static str,
}

/// Applies the migrations that are missing, in order, each in a transaction, and records their checksums.
///
/// # Errors
/// A statement failed, or a migration already applied has another text now: the build and the data do not belong together.
pub fn migrate(path: &Path, migrations: &[Migration]) -> Result<(), MigrateError> {
    let mut connection = Connection::open(path)?;
    prepare(&connection)?;
    connection.execute_batch(
        "create table if not exists schema_migrations (name text primary key, checksum text not null) strict, without rowid",
    )?;
    for migration in migrations {
        let checksum = checksum(migration.sql);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let known = transaction
            .prepare("select checksum from schema_migrations where name = ?1")?
            .query_map([migration.name], |row| row.get::<_, String>(0))?
            .next()
            .transpose()?;
        match known {
            Some(known) if known == checksum => {}
            Some(_) => return Err(MigrateError::Changed(migration.name)),
            None => {
                transaction.execute_batch(migration.sql)?;
                transaction.execute("insert into schema_migrations values (?1, ?2)", [migration.name, &checksum])?;
                transaction.commit()?;
            }
        }
    }
    Ok(())
}

/// Why the schema cannot be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A migration that was applied to this file has been edited since.
    #[error(
        "migration `{0}` was applied to this database with another text; use the build that wrote it, or a fresh data folder"
    )]
    Changed(&'static str),
    /// SQLite refused.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

fn checksum(sql: &str) -> String {
    use base64::Engine;
    use sha2::{Digest, Sha256};
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(sql.as_bytes()))
}
