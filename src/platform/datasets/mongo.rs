//! Datasets of every node: the collection `datasets` and the GridFS bucket of that name, which holds each uploaded file in a zstd frame.
//!
//! Owns the way of a file there and back. Records and lists are read from MongoDB; rows from this node's own file, into which a dataset is
//! loaded the first time this node is asked for it. A dataset never changes, so what is there is right for ever.
//!
//! # Fetching
//! However many ask for a dataset at once, it is fetched once: the first starts a task, all wait for it, and it goes on if they leave. Two
//! are fetched at a time, and [`MOST_WAITING`] are waited for at most. `[LIM-1]`

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use mongodb::bson::{Bson, Document, doc};
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::{
    Column, ColumnType, Dataset, DatasetError, DatasetStore, DatasetsPage, Format, Limits, Rows, Scratch, Uploaded,
    blocking, created_at, ingest,
};
use crate::backend::mongo::Mongo;
use crate::clock::Clock;
use crate::platform::files::{FilesError, MongoFiles, count, damaged, id_of, text};

/// Fetched and loaded at once: each takes a core while it is loaded, and there may be two.
const FETCHES: usize = 2;

/// Datasets waited for at once. Who asks for one more is told to try again: it is likely there by then.
const MOST_WAITING: usize = 64;

/// Longest wait for a dataset that is fetched, its turn included. The largest takes a few seconds.
const FETCH_TIMEOUT: Duration = Duration::from_mins(1);

/// Compresses a table about tenfold, at the speed of a disk.
const ZSTD_LEVEL: i32 = 3;

#[derive(Debug)]
pub(super) struct MongoDatasets {
    depot: Arc<Depot>,
    waiting: Arc<Mutex<Waiting>>,
    tasks: TaskTracker,
}

/// The two ends of the way.
#[derive(Debug)]
struct Depot {
    files: MongoFiles,
    rows: Rows,
    /// Folder for files on their way, emptied at every start.
    scratch: PathBuf,
    clock: Clock,
    limits: Limits,
    turns: Arc<Semaphore>,
}

/// What is being fetched, and how each ended.
type Waiting = HashMap<Uuid, watch::Receiver<Option<Result<(), String>>>>;

impl MongoDatasets {
    /// Opens the collection and removes what unfinished uploads left a day ago or longer.
    pub(super) async fn open(
        mongo: &Mongo,
        rows: Rows,
        scratch: PathBuf,
        clock: Clock,
        limits: Limits,
    ) -> Result<Self, DatasetError> {
        let files = MongoFiles::new(mongo, "datasets");
        files.tidy(clock.now()).await?;
        let depot = Depot { files, rows, scratch, clock, limits, turns: Arc::new(Semaphore::new(FETCHES)) };
        Ok(Self { depot: Arc::new(depot), waiting: Arc::default(), tasks: TaskTracker::new() })
    }

    /// Joins whoever fetches this dataset, or starts it.
    fn fetch(&self, record: Document, id: Uuid) -> Result<watch::Receiver<Option<Result<(), String>>>, DatasetError> {
        let mut waiting = lock(&self.waiting);
        if let Some(landing) = waiting.get(&id) {
            return Ok(landing.clone());
        }
        if waiting.len() >= MOST_WAITING {
            return Err(DatasetError::Storage(format!(
                "{MOST_WAITING} datasets are being fetched, the most at one time"
            )));
        }
        let (done, landing) = watch::channel(None);
        waiting.insert(id, landing.clone());
        let place = Place { waiting: Arc::clone(&self.waiting), id };
        let depot = Arc::clone(&self.depot);
        drop(self.tasks.spawn(async move {
            let fetched = tokio::time::timeout(FETCH_TIMEOUT, depot.fetch(&record, id)).await;
            let fetched = fetched.unwrap_or_else(|_elapsed| {
                Err(DatasetError::Storage(format!("not here after {} s", FETCH_TIMEOUT.as_secs())))
            });
            // Before anybody is told: who asks after this looks for the rows anew.
            drop(place);
            done.send_replace(Some(fetched.map_err(|error| format!("dataset {id} cannot be fetched: {error}"))));
        }));
        Ok(landing)
    }
}

/// A dataset's place among those waited for; free again whatever becomes of its task.
struct Place {
    waiting: Arc<Mutex<Waiting>>,
    id: Uuid,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.waiting).remove(&self.id);
    }
}

#[async_trait]
impl DatasetStore for MongoDatasets {
    async fn publish(&self, upload: &Uploaded, file: &Path) -> Result<(), DatasetError> {
        let published = self.depot.publish(upload, file).await;
        if published.is_err() {
            // Whether it is known to others or not, this copy is not needed: it comes again if it is.
            let (store, id) = (Arc::clone(&self.depot.rows.store), upload.dataset.id);
            if let Err(error) = blocking(move || store.remove(id)).await {
                tracing::warn!(dataset = %id, %error, "rows nobody sees could not be removed");
            }
        }
        published
    }

    async fn get(&self, org: &str, id: Uuid) -> Result<Option<Dataset>, DatasetError> {
        let found = self.depot.files.find(org, id).await?;
        Ok(found.as_ref().map(dataset).transpose()?)
    }

    async fn list(&self, org: &str, before: Option<Uuid>, limit: usize) -> Result<DatasetsPage, DatasetError> {
        // One more than asked for tells whether another page follows.
        let found = self.depot.files.list(org, before, limit + 1).await?;
        let mut items = found.iter().map(dataset).collect::<Result<Vec<_>, _>>()?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next_before = items.last().filter(|_| more).map(|last| last.id);
        Ok(DatasetsPage { items, next_before })
    }

    fn file_for(&self, id: Uuid) -> Option<Scratch> {
        Some(Scratch(self.depot.scratch.join(format!("{}.rows", id.simple()))))
    }

    async fn bring(&self, org: &str, id: Uuid) -> Result<(), DatasetError> {
        if self.depot.has(org, id).await? {
            return Ok(());
        }
        let Some(record) = self.depot.files.find(org, id).await? else { return Ok(()) };
        let mut landing = self.fetch(record, id)?;
        let gave_up = |_| DatasetError::Storage(format!("the fetching of dataset {id} ended without a word"));
        let landed = landing.wait_for(Option::is_some).await.map_err(gave_up)?.clone();
        landed.unwrap_or(Ok(())).map_err(DatasetError::Storage)
    }
}

impl Depot {
    async fn has(&self, org: &str, id: Uuid) -> Result<bool, DatasetError> {
        let org = org.to_owned();
        Ok(self.rows.read(move |store| store.get(&org, id)).await?.is_some())
    }

    async fn publish(&self, upload: &Uploaded, file: &Path) -> Result<(), DatasetError> {
        let scratch = Scratch(self.scratch.join(format!("{}.out", upload.dataset.id.simple())));
        let (from, to) = (file.to_owned(), scratch.path().to_owned());
        let file_bytes = blocking(move || {
            let from = File::open(from)?;
            let file_bytes = from.metadata()?.len();
            zstd::stream::copy_encode(from, File::create(to)?, ZSTD_LEVEL)?;
            Ok(file_bytes)
        })
        .await?;
        let record = record(upload, file_bytes);
        Ok(self.files.put(upload.dataset.id, record, scratch.path(), self.clock.now()).await?)
    }

    async fn fetch(&self, record: &Document, id: Uuid) -> Result<(), DatasetError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|closed| DatasetError::Storage(closed.to_string()))?;
        let (org, user) = (text(record, "organization_id")?, text(record, "created_by")?);
        // It may have landed between the look and the place in the queue.
        if self.has(&org, id).await? {
            return Ok(());
        }
        let format = Format::parse(&text(record, "format")?).ok_or_else(|| damaged(record, "format"))?;
        let dataset = dataset(record)?;
        let scratch = Scratch(self.scratch.join(format!("{}.in", id.simple())));
        // A file that does not compress grows by less than a hundredth.
        let file_bytes = count(record, "file_bytes")?;
        let most = file_bytes + file_bytes / 64 + (64 << 10);
        self.files.download(id, scratch.path(), most).await?;
        let (store, limits) = (Arc::clone(&self.rows.store), self.limits);
        blocking(move || {
            // Held by the thread, also when nobody waits any more.
            let (_turn, scratch) = (turn, scratch);
            let compressed = BufReader::new(File::open(scratch.path())?);
            let file = zstd::stream::read::Decoder::with_buffer(compressed)?.take(file_bytes);
            store.insert(&org, &user, &dataset, |insert_row| {
                let mut rows = 0;
                ingest::load_reader(format, file, &limits, &dataset.columns, &mut |cells| {
                    rows += 1;
                    insert_row(cells)
                })?;
                if rows != dataset.row_count {
                    let what = format!("the file of {id} has {rows} rows, its record says {}", dataset.row_count);
                    return Err(DatasetError::Storage(what));
                }
                Ok(())
            })
        })
        .await
    }
}

/// `file_bytes`: of the file with the rows, which is not always the one that was uploaded.
fn record(upload: &Uploaded, file_bytes: u64) -> Document {
    let dataset = &upload.dataset;
    let columns: Vec<Document> =
        dataset.columns.iter().map(|column| doc! { "name": &column.name, "type": column.kind.as_str() }).collect();
    doc! {
        "organization_id": &upload.org,
        "name": &dataset.name,
        "columns": columns,
        "row_count": dataset.row_count.cast_signed(),
        "size_bytes": dataset.size_bytes.cast_signed(),
        "source": dataset.source.clone(),
        "licence": dataset.licence.clone(),
        "file_bytes": file_bytes.cast_signed(),
        "format": upload.format.as_str(),
        "created_by": &upload.user,
    }
}

fn dataset(record: &Document) -> Result<Dataset, FilesError> {
    let id = id_of(record)?;
    let column = |column: &Bson| {
        let column = column.as_document()?;
        let kind = ColumnType::parse(column.get_str("type").ok()?)?;
        Some(Column { name: column.get_str("name").ok()?.to_owned(), kind })
    };
    let columns = record.get_array("columns").ok().and_then(|columns| columns.iter().map(column).collect());
    Ok(Dataset {
        id,
        name: text(record, "name")?,
        columns: columns.ok_or_else(|| damaged(record, "columns"))?,
        row_count: count(record, "row_count")?,
        size_bytes: count(record, "size_bytes")?,
        source: record.get_str("source").ok().map(str::to_owned),
        licence: record.get_str("licence").ok().map(str::to_owned),
        created_at: created_at(id).map_err(|_| damaged(record, "_id"))?,
    })
}

/// A panic while the lock was held left no half state: entries are whole.
fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

impl From<FilesError> for DatasetError {
    fn from(error: FilesError) -> Self {
        Self::Storage(error.to_string())
    }
}
