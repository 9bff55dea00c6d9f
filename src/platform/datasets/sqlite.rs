//! Owns `datasets.db`: the records of datasets and one typed table of rows for each, `rows_<id in hex>`.
//! It refuses to check what an upload may hold; rows arrive typed and bounded.
//!
//! # Invariants
//!
//! - A dataset's table, rows and record are one transaction: all there, or none.
//! - The column `_row` is the row's number from 1, the table's key and a page's cursor; rows are never changed or renumbered.
//! - Readers never wait for the writer (WAL), and see a dataset only when it is whole.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, ToSql, params};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::backend::migrations::Migration;
use crate::backend::sqlite::migrate;

use super::{Cell, Column, ColumnType, Dataset, DatasetError, DatasetsPage, PAGE_BYTES, Reader, RowsPage};

/// Connections that read. SQLite readers are CPU-bound on a page that is in the cache; more would only queue on the cores.
pub(super) const READERS: usize = 4;

/// The database's name in the data directory.
pub const DATABASE: &str = "datasets.db";

/// Its migrations: numbered with those of `jabiru.db`.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "0002_datasets",
    up: include_str!("../../../migrations/sqlite/0002_datasets.up.sql"),
    down: Some(include_str!("../../../migrations/sqlite/0002_datasets.down.sql")),
}];

/// Datasets in a SQLite file of their own.
#[derive(Debug)]
pub struct SqliteDatasets {
    writer: Mutex<Connection>,
    path: PathBuf,
    /// Idle read connections. The caller holds one permit of [`READERS`] per borrow, so there are never more.
    readers: Mutex<Vec<Connection>>,
}

impl SqliteDatasets {
    /// Opens or creates the file and brings its schema up to date.
    ///
    /// # Errors
    /// [`DatasetError::Storage`] or [`DatasetError::DiskFull`]; the operator looks at the file.
    pub fn open(path: &Path) -> Result<Self, DatasetError> {
        migrate(path, MIGRATIONS).map_err(|error| DatasetError::Storage(error.to_string()))?;
        let writer = Connection::open(path)?;
        writer.busy_timeout(std::time::Duration::from_secs(5))?;
        writer.pragma_update(None, "journal_mode", "wal")?;
        // An upload is answered 201 once: it is on disk then.
        writer.pragma_update(None, "synchronous", "full")?;
        writer.pragma_update(None, "foreign_keys", "on")?;
        // One large load grows the log to the size of its file; give the space back afterwards.
        writer.pragma_update(None, "journal_size_limit", 16 << 20)?;
        Ok(Self { writer: Mutex::new(writer), path: path.to_owned(), readers: Mutex::default() })
    }

    /// Stores a dataset; `load` is called once and hands its rows over in order. Atomic: an error of either leaves nothing.
    ///
    /// # Errors
    /// What `load` returned, or [`DatasetError::Storage`] / [`DatasetError::DiskFull`].
    pub fn insert(
        &self,
        org: &str,
        user: &str,
        dataset: &Dataset,
        load: impl FnOnce(&mut dyn FnMut(&[Cell]) -> Result<(), DatasetError>) -> Result<(), DatasetError>,
    ) -> Result<(), DatasetError> {
        let mut writer = lock(&self.writer);
        // Dropped without commit, a transaction rolls back, and creating a table is part of it.
        let transaction = writer.transaction()?;
        transaction.execute(&create_table(dataset), [])?;
        {
            let mut insert = transaction.prepare(&insert_row(dataset))?;
            let mut row_number = 0_i64;
            load(&mut |cells| {
                row_number += 1;
                insert.raw_bind_parameter(1, row_number)?;
                for (index, cell) in cells.iter().enumerate() {
                    insert.raw_bind_parameter(index + 2, cell)?;
                }
                insert.raw_execute()?;
                Ok(())
            })?;
        }
        transaction.execute(
            "INSERT INTO datasets (id, org, name, row_count, size_bytes, source, licence, created_by, created_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                dataset.id.simple().to_string(),
                org,
                dataset.name,
                dataset.row_count.cast_signed(),
                dataset.size_bytes.cast_signed(),
                dataset.source,
                dataset.licence,
                user,
                (dataset.created_at.unix_timestamp_nanos() / 1_000_000) as i64,
            ],
        )?;
        {
            let mut insert = transaction
                .prepare("INSERT INTO dataset_columns (dataset_id, position, name, type) VALUES (?1, ?2, ?3, ?4)")?;
            for (position, column) in dataset.columns.iter().enumerate() {
                insert.execute(params![
                    dataset.id.simple().to_string(),
                    position.cast_signed(),
                    column.name,
                    column.kind.as_str()
                ])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Forgets a dataset that was never shown to anybody, or that can be had again. One that is not there is forgotten already.
    ///
    /// # Errors
    /// [`DatasetError::Storage`].
    pub fn remove(&self, id: Uuid) -> Result<(), DatasetError> {
        let mut writer = lock(&self.writer);
        let transaction = writer.transaction()?;
        transaction.execute("DELETE FROM datasets WHERE id = ?1", [id.simple().to_string()])?;
        transaction.execute(&format!("DROP TABLE IF EXISTS {}", table_name(id)), [])?;
        transaction.commit()?;
        Ok(())
    }

    /// The dataset, if `org` has it.
    ///
    /// # Errors
    /// [`DatasetError::Storage`].
    pub fn get(&self, org: &str, id: Uuid) -> Result<Option<Dataset>, DatasetError> {
        self.read(|connection| find(connection, org, id))
    }

    /// The datasets of `org`, newest first: an id carries its time, so the order of ids is the order of uploads.
    ///
    /// # Errors
    /// [`DatasetError::Storage`].
    pub fn list(&self, org: &str, before: Option<Uuid>, limit: usize) -> Result<DatasetsPage, DatasetError> {
        self.read(|connection| {
            let mut query = connection.prepare_cached(
                "SELECT id, name, row_count, size_bytes, source, licence, created_at_ms FROM datasets
                 WHERE org = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3",
            )?;
            // One more than asked for tells whether another page follows.
            let before = before.map(|id| id.simple().to_string());
            let mut items = query
                .query_map(params![org, before, limit.cast_signed() + 1], dataset_of_row)?
                .collect::<Result<Result<Vec<_>, DatasetError>, rusqlite::Error>>()??;
            let more = items.len() > limit;
            items.truncate(limit);
            for item in &mut items {
                item.columns = columns(connection, item.id)?;
            }
            let next_before = items.last().filter(|_| more).map(|last| last.id);
            Ok(DatasetsPage { items, next_before })
        })
    }

    /// Up to `limit` rows after row number `after`, if `org` has the dataset; fewer when they are long (see [`PAGE_BYTES`]).
    ///
    /// # Errors
    /// [`DatasetError::Storage`].
    pub fn rows(&self, org: &str, id: Uuid, after: u64, limit: usize) -> Result<Option<RowsPage>, DatasetError> {
        self.read(|connection| {
            let Some(dataset) = find(connection, org, id)? else { return Ok(None) };
            let mut query = connection.prepare(&select_rows(&dataset))?;
            let after = i64::try_from(after).unwrap_or(i64::MAX);
            let mut stored = query.query(params![after, limit.cast_signed()])?;
            let mut rows = Vec::new();
            let (mut bytes, mut last) = (0, 0_u64);
            while let Some(row) = stored.next()? {
                last = row.get::<_, i64>(0)?.unsigned_abs();
                let cells = dataset
                    .columns
                    .iter()
                    .enumerate()
                    .map(|(index, column)| cell_of_value(row.get_ref(index + 1)?, column.kind))
                    .collect::<Result<Vec<_>, DatasetError>>()?;
                bytes += cells.iter().map(written_bytes).sum::<usize>();
                rows.push(cells);
                if bytes >= PAGE_BYTES {
                    break;
                }
            }
            // Rows are numbered without a gap, so the count alone tells whether any follow.
            let next_row = (!rows.is_empty() && last < dataset.row_count).then_some(last);
            Ok(Some(RowsPage {
                columns: dataset.columns.into_iter().map(|column| column.name).collect(),
                rows,
                next_row,
            }))
        })
    }

    /// Shows every row that it wants to see to `reader`, if `org` has the dataset.
    ///
    /// # Errors
    /// [`DatasetError::Storage`].
    pub fn scan<R: Reader>(&self, org: &str, id: Uuid, mut reader: R) -> Result<Option<R>, DatasetError> {
        self.read(|connection| {
            let Some(dataset) = find(connection, org, id)? else { return Ok(None) };
            let Some(needed) = reader.begin(&dataset.columns) else { return Ok(Some(reader)) };
            let needed: Vec<&Column> = needed.into_iter().filter_map(|at| dataset.columns.get(at)).collect();
            let mut query = connection.prepare(&select_columns(&dataset, &needed))?;
            let mut stored = query.query([])?;
            let mut cells = Vec::with_capacity(needed.len());
            while let Some(row) = stored.next()? {
                cells.clear();
                for (index, column) in needed.iter().enumerate() {
                    cells.push(cell_of_value(row.get_ref(index)?, column.kind)?);
                }
                if reader.row(&cells).is_break() {
                    break;
                }
            }
            Ok(Some(reader))
        })
    }

    fn read<T>(&self, query: impl FnOnce(&Connection) -> Result<T, DatasetError>) -> Result<T, DatasetError> {
        let idle = lock(&self.readers).pop();
        // None yet, or the one of a read that panicked went with it.
        let connection = match idle {
            Some(connection) => connection,
            None => open_reader(&self.path)?,
        };
        let result = query(&connection);
        lock(&self.readers).push(connection);
        result
    }
}

fn open_reader(path: &Path) -> Result<Connection, DatasetError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Connection::open_with_flags(path, flags)?;
    reader.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(reader)
}

fn find(connection: &Connection, org: &str, id: Uuid) -> Result<Option<Dataset>, DatasetError> {
    let mut query = connection.prepare_cached(
        "SELECT id, name, row_count, size_bytes, source, licence, created_at_ms FROM datasets WHERE org = ?1 AND id = ?2",
    )?;
    let found = query.query_row(params![org, id.simple().to_string()], dataset_of_row).optional()?;
    let Some(mut dataset) = found.transpose()? else { return Ok(None) };
    dataset.columns = columns(connection, id)?;
    Ok(Some(dataset))
}

fn dataset_of_row(row: &Row<'_>) -> rusqlite::Result<Result<Dataset, DatasetError>> {
    let (id, created_at_ms): (String, i64) = (row.get(0)?, row.get(6)?);
    let (row_count, size_bytes): (i64, i64) = (row.get(2)?, row.get(3)?);
    let (name, source, licence) = (row.get(1)?, row.get(4)?, row.get(5)?);
    let parse = || -> Result<Dataset, DatasetError> {
        Ok(Dataset {
            id: Uuid::parse_str(&id).map_err(damaged)?,
            name,
            columns: Vec::new(),
            row_count: row_count.unsigned_abs(),
            size_bytes: size_bytes.unsigned_abs(),
            source,
            licence,
            created_at: OffsetDateTime::from_unix_timestamp_nanos(i128::from(created_at_ms) * 1_000_000)
                .map_err(damaged)?,
        })
    };
    Ok(parse())
}

fn columns(connection: &Connection, id: Uuid) -> Result<Vec<Column>, DatasetError> {
    let mut query =
        connection.prepare_cached("SELECT name, type FROM dataset_columns WHERE dataset_id = ?1 ORDER BY position")?;
    let found = query
        .query_map([id.simple().to_string()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    found
        .into_iter()
        .map(|(name, word)| {
            let kind =
                ColumnType::parse(&word).ok_or_else(|| damaged(format!("a column has the unknown type {word}")))?;
            Ok(Column { name, kind })
        })
        .collect()
}

fn table_name(id: Uuid) -> String {
    format!("rows_{}", id.simple())
}

/// Quotes a column's name as an SQL identifier: the names come from uploaded files.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn create_table(dataset: &Dataset) -> String {
    let mut sql = format!("CREATE TABLE {} (_row INTEGER PRIMARY KEY", table_name(dataset.id));
    for column in &dataset.columns {
        let kind = match column.kind {
            // Not INTEGER for whole numbers: SQL would divide them as integers.
            ColumnType::Number => "REAL",
            ColumnType::Boolean => "INTEGER",
            ColumnType::String | ColumnType::Date => "TEXT",
        };
        let _infallible = write!(sql, ", {} {kind}", quoted(&column.name));
    }
    sql.push_str(") STRICT");
    sql
}

fn insert_row(dataset: &Dataset) -> String {
    let mut sql = format!("INSERT INTO {} VALUES (?", table_name(dataset.id));
    for _column in &dataset.columns {
        sql.push_str(", ?");
    }
    sql.push(')');
    sql
}

fn select_rows(dataset: &Dataset) -> String {
    format!("SELECT * FROM {} WHERE _row > ?1 ORDER BY _row LIMIT ?2", table_name(dataset.id))
}

fn select_columns(dataset: &Dataset, columns: &[&Column]) -> String {
    // The number of the row stands in where no column is needed: the rows themselves are.
    let names: Vec<_> = columns.iter().map(|column| quoted(&column.name)).collect();
    let names = if names.is_empty() { "_row".to_owned() } else { names.join(", ") };
    format!("SELECT {names} FROM {} ORDER BY _row", table_name(dataset.id))
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Boolean(value) => ToSqlOutput::Owned(Value::Integer(i64::from(*value))),
            Self::Number(value) => ToSqlOutput::Owned(Value::Real(*value)),
            Self::Text(value) => ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes())),
        })
    }
}

fn cell_of_value(value: ValueRef<'_>, kind: ColumnType) -> Result<Cell, DatasetError> {
    Ok(match (value, kind) {
        (ValueRef::Null, _) => Cell::Null,
        (ValueRef::Integer(value), ColumnType::Boolean) => Cell::Boolean(value != 0),
        (ValueRef::Real(value), ColumnType::Number) => Cell::Number(value),
        (ValueRef::Text(value), ColumnType::String | ColumnType::Date) => {
            Cell::Text(String::from_utf8_lossy(value).into_owned())
        }
        (other, _) => return Err(damaged(format!("a {} column holds {}", kind.as_str(), other.data_type()))),
    })
}

/// What a cell adds to an answer, near enough to bound it.
fn written_bytes(cell: &Cell) -> usize {
    match cell {
        Cell::Null | Cell::Boolean(_) => 5,
        Cell::Number(_) => 12,
        Cell::Text(text) => text.len() + 3,
    }
}

fn damaged(what: impl std::fmt::Display) -> DatasetError {
    DatasetError::Storage(format!("datasets.db is damaged: {what}"))
}

/// A panic while the lock was held left no half state: a transaction rolls back when it is dropped.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl From<rusqlite::Error> for DatasetError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::DiskFull,
            _ => Self::Storage(error.to_string()),
        }
    }
}
