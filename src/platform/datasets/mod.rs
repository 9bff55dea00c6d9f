//! Owns datasets: the tables people upload as CSV or JSON and charts and tables read, their limits, and who may see them.
//! It refuses to own what a block does with the rows: aggregation, sorting and filtering belong to the reader.
//!
//! # Flow
//!
//! ```text
//! upload ─ spool: bytes to a temporary file, counted as they arrive (nothing larger than the limit ever lands)
//!        ─ ingest, first pass: every row is checked, columns and their types are inferred from all rows
//!        ─ ingest, second pass: the typed rows go into one table, inside one transaction
//! ```
//!
//! The file is read twice because a type can only be known after the last row, and a million rows do not belong in memory.
//!
//! # More than one node
//!
//! Rows are always read from a SQLite file of this node: fast, and nobody else's trouble. Without MongoDB that file is the store,
//! `datasets.db`. With it the record and the uploaded file are in MongoDB, and the file here, `datasets-cache.db`, is a copy of what does
//! not change: a node that is asked for rows it has not got fetches the file and loads it, once (`DatasetStore::bring`).
//!
//! # Invariants
//!
//! - `[ACC-2]` Every query names the organization; a dataset of another one is as absent as one that never existed.
//! - `[LIM-1]` Every size has a limit in [`Limits`] and an answer of its own in [`DatasetError`].
//! - A failed upload leaves nothing that anybody can see: no table, no record, no file.

mod adopt;
mod error;
pub mod http;
mod ingest;
mod local;
mod mongo;
mod sqlite;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::backend::mongo::Mongo;
use crate::clock::Clock;
use crate::http::upload::{UploadLimits, Uploads};

use self::local::{LocalDatasets, Rows};
use self::mongo::MongoDatasets;

pub use self::error::DatasetError;
pub use self::sqlite::{DATABASE, MIGRATIONS, SqliteDatasets};

/// One uploaded table, without its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Dataset {
    /// UUID v7.
    pub id: Uuid,
    /// What people call it, at most [`Limits::name_chars`] characters.
    pub name: String,
    /// In the order of the file, at most [`Limits::columns`].
    pub columns: Vec<Column>,
    /// Number of rows, the header not counted.
    pub row_count: u64,
    /// Size of the uploaded file in bytes.
    pub size_bytes: u64,
    /// Where the data comes from, as the uploader wrote it.
    pub source: Option<String>,
    /// Under which terms it may be used, as the uploader wrote it.
    pub licence: Option<String>,
    /// When it was uploaded (RFC 3339, UTC).
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// A column's name and what every one of its cells is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Column {
    /// Unique in its dataset, also when case is ignored.
    pub name: String,
    /// The type all its non-empty cells share.
    #[serde(rename = "type")]
    pub kind: ColumnType,
}

/// What the cells of a column are; a cell of any type may also be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Text, and everything that is none of the others in every row.
    String,
    /// A 64-bit float; whole numbers up to 2^53 are exact. Longer ones stay text, because they are ids more often than amounts.
    Number,
    /// `true` or `false`.
    Boolean,
    /// An ISO 8601 date or date-time, as text.
    Date,
}

impl ColumnType {
    /// The word used in the API and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
        }
    }

    /// The type of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::String, Self::Number, Self::Boolean, Self::Date].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// One stored cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Empty in the file, or missing in a JSON object.
    Null,
    /// Of a boolean column.
    Boolean(bool),
    /// Of a number column; always finite.
    Number(f64),
    /// Of a string or date column, at most [`Limits::cell_bytes`].
    Text(String),
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            // `3`, not `3.0`: what was a whole number in the file is one in the answer.
            Self::Number(value) if value.fract() == 0.0 && value.abs() <= ingest::EXACT_INTEGER => {
                serializer.serialize_i64(*value as i64)
            }
            Self::Number(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
        }
    }
}

/// A run of rows in file order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowsPage {
    /// Column names, in the order of the cells.
    pub columns: Vec<String>,
    /// One list of cells per row, at most the limit asked for and about [`PAGE_BYTES`] of text.
    pub rows: Vec<Vec<Cell>>,
    /// The number of the last row given, when more follow (the first row is 1).
    #[serde(skip)]
    pub next_row: Option<u64>,
}

/// Something that looks at every row of a dataset, once, without any of them being kept for it.
pub trait Reader: Send + 'static {
    /// Which columns it needs of each row, by their place in the dataset; `None`: it needs no rows.
    fn begin(&mut self, columns: &[Column]) -> Option<Vec<usize>>;

    /// The next row: the cells of those columns. Breaks when it has seen enough.
    fn row(&mut self, cells: &[Cell]) -> ControlFlow<()>;
}

/// A page of the list of datasets, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetsPage {
    /// At most the limit asked for.
    pub items: Vec<Dataset>,
    /// The last id given, when older ones follow.
    pub next_before: Option<Uuid>,
}

/// The name of the cache in the data directory, with MongoDB.
const CACHE: &str = "datasets-cache.db";

/// Most rows one page may hold; also what a page can be asked for.
pub const MAX_PAGE_ROWS: usize = 10_000;
/// Text after which a page of rows ends early. With 64 KiB cells the row limit alone would allow an answer of gigabytes.
pub const PAGE_BYTES: usize = 8 << 20;
/// Most datasets one page of the list may hold.
pub const MAX_PAGE_DATASETS: usize = 100;

/// How large an upload may be in each direction. Documented to users, so a change here is a change of the API.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Size of the uploaded file in bytes. 64 MiB: a spreadsheet's million rows fit, and two passes over it take seconds.
    pub file_bytes: u64,
    /// Columns of one dataset. 500 keeps a table row inside a few database pages.
    pub columns: usize,
    /// Rows of one dataset, the header not counted; about what a spreadsheet holds.
    pub rows: u64,
    /// Bytes of one cell, after unquoting.
    pub cell_bytes: usize,
    /// Characters of a dataset's name, of a column's name, and a tenth of what source and licence may hold.
    pub name_chars: usize,
    /// Uploads in progress at once on this node. Each holds a temporary file and later one blocking thread.
    pub uploads: usize,
    /// How long an upload may send nothing before it is given up.
    pub upload_idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 64 << 20,
            columns: 500,
            rows: 1_000_000,
            cell_bytes: 64 << 10,
            name_chars: 200,
            uploads: 8,
            upload_idle: Duration::from_secs(30),
        }
    }
}

/// Which of the two formats a body is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Json,
}

impl Format {
    /// The word used in the store.
    fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Csv, Self::Json].into_iter().find(|format| format.as_str() == word)
    }

    /// Reads a `Content-Type`.
    ///
    /// # Errors
    /// [`DatasetError::UnsupportedType`] for another type or another charset; the text is stored as UTF-8 and guessing would corrupt it.
    fn from_media_type(media_type: &str) -> Result<Self, DatasetError> {
        let unsupported = || DatasetError::UnsupportedType {
            given: if media_type.is_empty() { "a body without a type".into() } else { media_type.to_owned() },
        };
        let mut parts = media_type.split(';').map(|part| part.trim().to_ascii_lowercase());
        let format = match parts.next().as_deref() {
            Some("text/csv" | "application/csv" | "text/tab-separated-values") => Self::Csv,
            Some("application/json" | "text/json") => Self::Json,
            _ => return Err(unsupported()),
        };
        for charset in
            parts.filter_map(|part| part.strip_prefix("charset=").map(|value| value.trim_matches('"').to_owned()))
        {
            if !matches!(charset.as_str(), "utf-8" | "utf8" | "us-ascii") {
                return Err(unsupported());
            }
        }
        Ok(format)
    }
}

/// What an upload says about itself besides its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Upload<'a> {
    /// Organization that will own the dataset.
    pub org: &'a str,
    /// Person who sends it.
    pub user: &'a str,
    /// Name people will see; white space around it is dropped.
    pub name: &'a str,
    /// The `Content-Type`.
    pub media_type: &'a str,
    /// Where the data comes from.
    pub source: Option<&'a str>,
    /// Terms of use.
    pub licence: Option<&'a str>,
    /// `Content-Length`, when the client announced one.
    pub announced_bytes: Option<u64>,
}

/// Where the records and files of datasets are, and how their rows come into this node's own file.
#[async_trait]
trait DatasetStore: Send + Sync + std::fmt::Debug {
    /// Lets everybody in the organization see a dataset whose rows are in this node's file already. After an error nobody does.
    async fn publish(&self, upload: &Uploaded, file: &Path) -> Result<(), DatasetError>;

    /// The dataset, if this organization has it.
    async fn get(&self, org: &str, id: Uuid) -> Result<Option<Dataset>, DatasetError>;

    /// The organization's datasets, newest first, those older than `before` only.
    async fn list(&self, org: &str, before: Option<Uuid>, limit: usize) -> Result<DatasetsPage, DatasetError>;

    /// Where a file with the rows of a dataset has to be for [`Self::publish`], if one is needed at all.
    fn file_for(&self, id: Uuid) -> Option<Scratch>;

    /// Makes sure that the rows are in this node's file, if the organization has the dataset.
    async fn bring(&self, org: &str, id: Uuid) -> Result<(), DatasetError>;
}

/// An upload whose rows are loaded.
#[derive(Debug, Clone)]
struct Uploaded {
    org: String,
    user: String,
    format: Format,
    dataset: Dataset,
}

/// A temporary file, gone with this.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The folder is emptied at the next start.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The datasets people see on this node: the store, the rows, the spool of uploads in progress, and the limits.
#[derive(Debug)]
pub struct Datasets {
    store: Box<dyn DatasetStore>,
    local: Rows,
    limits: Limits,
    uploads: Uploads,
}

impl Datasets {
    /// Opens `datasets.db` in the data directory and clears what unfinished uploads of an earlier run left behind.
    ///
    /// Blocks; call it at start. The database is a file of its own because loading a million rows holds SQLite's only write lock for
    /// seconds, and the journal of the canvases must never wait for that.
    ///
    /// # Errors
    /// [`DatasetError::Storage`] or [`DatasetError::DiskFull`]; the operator mends the data directory.
    pub fn open(data_dir: &Path, limits: Limits) -> Result<Self, DatasetError> {
        let uploads = open_uploads(data_dir, &limits)?;
        let local = Rows::open(&data_dir.join(DATABASE))?;
        Ok(Self { store: Box::new(LocalDatasets(local.clone())), local, limits, uploads })
    }

    /// Datasets in MongoDB, those of every node, with `datasets-cache.db` in the data directory for the rows. That file may be removed while
    /// no server runs: what is needed comes again.
    ///
    /// # Errors
    /// [`DatasetError::Storage`] or [`DatasetError::DiskFull`]: the data directory cannot be used, or MongoDB does not answer.
    pub async fn shared(data_dir: &Path, mongo: &Mongo, clock: Clock, limits: Limits) -> Result<Self, DatasetError> {
        let folder = data_dir.to_owned();
        let (uploads, local) = blocking(move || {
            let uploads = open_uploads(&folder, &limits)?;
            Ok((uploads, Rows::open(&folder.join(CACHE))?))
        })
        .await?;
        let scratch = data_dir.join("uploads");
        let store = MongoDatasets::open(mongo, local.clone(), scratch, clock, limits).await?;
        Ok(Self { store: Box::new(store), local, limits, uploads })
    }

    /// [`Datasets::open`] beside the server that runs on the data directory: for reading; takes no uploads and clears nothing.
    ///
    /// # Errors
    /// As [`Datasets::open`].
    pub fn open_beside(data_dir: &Path, limits: Limits) -> Result<Self, DatasetError> {
        let local = Rows::open(&data_dir.join(DATABASE))?;
        let uploads = Uploads::beside(data_dir.join("uploads"));
        Ok(Self { store: Box::new(LocalDatasets(local.clone())), local, limits, uploads })
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes a whole upload from `body` and stores it.
    ///
    /// Memory use does not depend on the size of the body. On an error nothing is kept, and `body` is left where reading stopped.
    ///
    /// # Errors
    /// Any [`DatasetError`]; what the uploader can mend is checked before what costs the server something.
    pub async fn upload<S, E>(&self, upload: Upload<'_>, body: &mut S) -> Result<Dataset, DatasetError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
        E: std::fmt::Display + Send,
    {
        let format = Format::from_media_type(upload.media_type)?;
        let name = self.text_parameter("name", Some(upload.name), 1)?.ok_or_else(|| DatasetError::BadParameter {
            name: "name",
            what: "a dataset needs a name, as in ?name=Sales".into(),
        })?;
        let source = self.text_parameter("source", upload.source, 10)?;
        let licence = self.text_parameter("licence", upload.licence, 10)?;
        let spool = self.uploads.receive(upload.announced_bytes, body).await?;
        let (rows, limits) = (Arc::clone(&self.local.store), self.limits);
        let (org, user) = (upload.org.to_owned(), upload.user.to_owned());
        let (uploaded, spool) = blocking(move || {
            // Held until the rows are stored, also when the request is cancelled meanwhile: this thread counts as an upload.
            let spool = spool;
            let shape = ingest::inspect(format, spool.path(), &limits)?;
            let id = Uuid::now_v7();
            let dataset = Dataset {
                id,
                name,
                columns: shape.columns,
                row_count: shape.row_count,
                size_bytes: spool.size_bytes(),
                source,
                licence,
                created_at: created_at(id)?,
            };
            rows.insert(&org, &user, &dataset, |insert_row| {
                ingest::load(format, spool.path(), &limits, &dataset.columns, insert_row)
            })?;
            Ok((Uploaded { org, user, format, dataset }, spool))
        })
        .await?;
        self.store.publish(&uploaded, spool.path()).await?;
        Ok(uploaded.dataset)
    }

    /// [`Self::upload`] for bytes already in memory.
    ///
    /// # Errors
    /// As [`Self::upload`].
    #[expect(clippy::too_many_arguments, reason = "the fields of an upload, for a caller that has them at hand")]
    pub async fn ingest_bytes(
        &self,
        org: &str,
        user: &str,
        name: &str,
        media_type: &str,
        bytes: &'static [u8],
        source: Option<&str>,
        licence: Option<&str>,
    ) -> Result<Dataset, DatasetError> {
        let upload = Upload { org, user, name, media_type, source, licence, announced_bytes: Some(bytes.len() as u64) };
        let mut body = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from_static(bytes))]);
        self.upload(upload, &mut body).await
    }

    /// The dataset, if this organization has it.
    ///
    /// # Errors
    /// [`DatasetError::Storage`].
    pub async fn get(&self, org: &str, id: Uuid) -> Result<Option<Dataset>, DatasetError> {
        self.store.get(org, id).await
    }

    /// The organization's datasets, newest first, those older than `before` only.
    ///
    /// # Errors
    /// [`DatasetError::Storage`].
    pub async fn list(&self, org: &str, before: Option<Uuid>, limit: usize) -> Result<DatasetsPage, DatasetError> {
        self.store.list(org, before, limit.clamp(1, MAX_PAGE_DATASETS)).await
    }

    /// Rows in file order after row number `after` (0 for the first page), if this organization has the dataset.
    ///
    /// # Errors
    /// [`DatasetError::Storage`].
    pub async fn rows(&self, org: &str, id: Uuid, after: u64, limit: usize) -> Result<Option<RowsPage>, DatasetError> {
        self.store.bring(org, id).await?;
        let org = org.to_owned();
        let limit = limit.clamp(1, MAX_PAGE_ROWS);
        self.local.read(move |store| store.rows(&org, id, after, limit)).await
    }

    /// Shows every row that it wants to see to `reader`, in file order, and gives it back; `None` if this organization has no such dataset.
    ///
    /// # Errors
    /// [`DatasetError::Storage`].
    pub async fn scan<R: Reader>(&self, org: &str, id: Uuid, reader: R) -> Result<Option<R>, DatasetError> {
        self.store.bring(org, id).await?;
        let org = org.to_owned();
        self.local.read(move |store| store.scan(&org, id, reader)).await
    }

    /// See [`Uploads::linger`].
    fn linger<S, E>(&self, body: S)
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send + 'static,
        E: Send,
    {
        self.uploads.linger(body);
    }

    fn text_parameter(
        &self,
        name: &'static str,
        value: Option<&str>,
        times: usize,
    ) -> Result<Option<String>, DatasetError> {
        let limit = self.limits.name_chars * times;
        let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) else { return Ok(None) };
        if value.chars().nth(limit).is_some() {
            return Err(DatasetError::BadParameter {
                name,
                what: format!("the {name} of a dataset has at most {limit} characters"),
            });
        }
        if value.chars().any(char::is_control) {
            return Err(DatasetError::BadParameter {
                name,
                what: format!("the {name} of a dataset has no control characters"),
            });
        }
        Ok(Some(value.to_owned()))
    }
}

fn open_uploads(data_dir: &Path, limits: &Limits) -> Result<Uploads, DatasetError> {
    std::fs::create_dir_all(data_dir)?;
    let bounds = UploadLimits { bytes: limits.file_bytes, at_once: limits.uploads, idle: limits.upload_idle };
    Ok(Uploads::open(data_dir.join("uploads"), bounds)?)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DatasetError> + Send + 'static,
) -> Result<T, DatasetError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panicked) => Err(DatasetError::Storage(panicked.to_string())),
    }
}

/// When an id was made: a UUID v7 carries it, so the two can never disagree and the list's order is the order of time.
fn created_at(id: Uuid) -> Result<OffsetDateTime, DatasetError> {
    let millis = id.get_timestamp().map_or(0, |timestamp| {
        let (seconds, nanos) = timestamp.to_unix();
        i128::from(seconds) * 1_000_000_000 + i128::from(nanos)
    });
    OffsetDateTime::from_unix_timestamp_nanos(millis).map_err(|error| DatasetError::Storage(error.to_string()))
}
