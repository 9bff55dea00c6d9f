//! Files that every node can read: what images and datasets share when MongoDB holds them.
//!
//! Owns one collection of records and the GridFS bucket of the same name, and in which order they are written. Refuses to know what a
//! record says beside the fields it adds itself: `_id`, `stored`, `attempt`, `created_at`.
//!
//! # A record first, the bytes next, and only then is it there
//! A record is inserted with `stored: false`, which nobody is shown; the bytes follow under its id; `stored: true` ends it. Each waits for a
//! majority, as all writes do. So a crash anywhere leaves nothing visible, and what it leaves is named by a record: a later start finds it and removes it.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use mongodb::Collection;
use mongodb::bson::{Bson, DateTime, Document, Uuid as BsonUuid, doc};
use mongodb::error::{Error, ErrorKind, GridFsErrorKind};
use mongodb::gridfs::GridFsBucket;
use mongodb::options::GridFsBucketOptions;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, Sleep};
use tokio_util::compat::{FuturesAsyncReadCompatExt as _, FuturesAsyncWriteCompatExt as _};
use uuid::Uuid;

use crate::backend::calls::Call;
use crate::backend::mongo::Mongo;
use crate::clock::Millis;

/// Longest time one file may take to be written: 64 MiB over a slow link, or one election of a primary.
const WRITE_TIMEOUT: Duration = Duration::from_mins(1);

/// Longest wait for a record, for a file to begin, or for more of it.
const READ_TIMEOUT: Duration = Duration::from_secs(15);

/// Age at which a record that is not stored is given up: far longer than any write, and than clocks of nodes are apart.
const ABANDONED_AFTER_MS: Millis = 24 * 3600 * 1000;

/// Abandoned files removed at one start.
const TIDIED_AT_ONCE: i64 = 1000;

/// Bytes of a file on their way.
pub(crate) type FileBytes = Pin<Box<dyn AsyncRead + Send>>;

/// MongoDB failed or did not answer in time, or does not hold what it says.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct FilesError(String);

impl From<Error> for FilesError {
    fn from(error: Error) -> Self {
        Self(format!("MongoDB: {error}"))
    }
}

impl From<io::Error> for FilesError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// The files of one kind.
#[derive(Debug, Clone)]
pub(crate) struct MongoFiles {
    records: Collection<Document>,
    bucket: GridFsBucket,
}

impl MongoFiles {
    /// The files whose records are in the collection `name`.
    pub(crate) fn new(mongo: &Mongo, name: &str) -> Self {
        let bucket = GridFsBucketOptions::builder().bucket_name(name.to_owned()).build();
        let database = mongo.database();
        Self { records: database.collection(name), bucket: database.gridfs_bucket(bucket) }
    }

    /// Stores the file `from` under an id that no file has, whole or not at all as far as anybody can see. `record` needs `organization_id`.
    pub(crate) async fn put(&self, id: Uuid, record: Document, from: &Path, now: Millis) -> Result<(), FilesError> {
        in_time("store a file", WRITE_TIMEOUT, self.write(id, record, from, now)).await
    }

    async fn write(&self, id: Uuid, mut record: Document, from: &Path, now: Millis) -> Result<(), FilesError> {
        let attempt = BsonUuid::new();
        record.insert("_id", key(id));
        record.insert("stored", false);
        record.insert("attempt", attempt);
        record.insert("created_at", DateTime::from_millis(now));
        // An id that comes from elsewhere may have been tried before: that try has ended, whoever made it says so by trying again.
        let org = record.get("organization_id").cloned();
        if let Some(left) =
            self.records.find_one(doc! { "_id": key(id), "organization_id": org, "stored": false }).await?
        {
            self.remove(left).await?;
        }
        self.records.insert_one(record).await?;
        let mut file = tokio::fs::File::open(from).await?;
        // Dropped before it was closed, it removes what it has written.
        let mut upload = self.bucket.open_upload_stream(id.to_string()).id(key(id)).await?.compat_write();
        tokio::io::copy(&mut file, &mut upload).await?;
        upload.shutdown().await?;
        let written = doc! { "_id": key(id), "attempt": attempt };
        let shown = self.records.update_one(written, doc! { "$set": { "stored": true } }).await?;
        if shown.matched_count == 0 {
            return Err(FilesError(format!("the record of {id} was removed while its file was written")));
        }
        Ok(())
    }

    /// The record, if this organization has the file. `[ACC-2]`
    pub(crate) async fn find(&self, org: &str, id: Uuid) -> Result<Option<Document>, FilesError> {
        let filter = doc! { "_id": key(id), "organization_id": org, "stored": true };
        in_time("find a file", READ_TIMEOUT, async { Ok(self.records.find_one(filter).await?) }).await
    }

    /// Up to `limit` records of this organization, newest first, those with an id below `before` only. `[ACC-2]`
    pub(crate) async fn list(
        &self,
        org: &str,
        before: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Document>, FilesError> {
        let mut filter = doc! { "organization_id": org, "stored": true };
        if let Some(before) = before {
            filter.insert("_id", doc! { "$lt": key(before) });
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let read = async {
            let found = self.records.find(filter).sort(doc! { "_id": -1 }).limit(limit).await?;
            Ok(found.try_collect().await?)
        };
        in_time("list files", READ_TIMEOUT, read).await
    }

    /// The bytes of a file whose record was found.
    pub(crate) async fn open(&self, id: Uuid) -> Result<FileBytes, FilesError> {
        let opening = async { Ok(self.bucket.open_download_stream(key(id)).await?) };
        let stream = in_time("open a file", READ_TIMEOUT, opening).await?;
        Ok(Box::pin(Patient {
            bytes: stream.compat(),
            waiting: None,
            until: Box::pin(tokio::time::sleep(READ_TIMEOUT)),
        }))
    }

    /// Writes a file's bytes to `to`; an error past `most` bytes.
    pub(crate) async fn download(&self, id: Uuid, to: &Path, most: u64) -> Result<(), FilesError> {
        let mut bytes = self.open(id).await?.take(most.saturating_add(1));
        let mut file = tokio::fs::File::create(to).await?;
        let copied = tokio::io::copy(&mut bytes, &mut file).await?;
        if copied > most {
            return Err(FilesError(format!("the file {id} is larger than {most} bytes")));
        }
        Ok(file.flush().await?)
    }

    /// Removes what writers that ended left behind. Any number of nodes may do so at once.
    pub(crate) async fn tidy(&self, now: Millis) -> Result<(), FilesError> {
        let abandoned = DateTime::from_millis(now - ABANDONED_AFTER_MS);
        let filter = doc! { "stored": false, "created_at": { "$lt": abandoned } };
        let tidy = async {
            let found = self.records.find(filter).limit(TIDIED_AT_ONCE).projection(doc! { "_id": 1 }).await?;
            let left: Vec<Document> = found.try_collect().await?;
            for record in left {
                self.remove(record).await?;
            }
            Ok(())
        };
        in_time("tidy files", WRITE_TIMEOUT, tidy).await
    }

    /// Removes what belongs to a record that is not stored, and last the record.
    async fn remove(&self, record: Document) -> Result<(), FilesError> {
        let Some(id) = record.get("_id").cloned() else { return Ok(()) };
        match self.bucket.delete(id.clone()).await {
            // The chunks are removed all the same; the writer never came to the file's own document.
            Err(error) if is_missing(&error) => {}
            other => other?,
        }
        self.records.delete_one(doc! { "_id": id, "stored": false }).await?;
        Ok(())
    }
}

/// A stream that ends with an error when nothing comes for [`READ_TIMEOUT`]: a paused member keeps its connections.
struct Patient<R> {
    bytes: R,
    /// For more of the file, since somebody asked.
    waiting: Option<Call>,
    until: Pin<Box<Sleep>>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Patient<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { bytes, waiting, until } = &mut *self;
        if let Poll::Ready(read) = Pin::new(bytes).poll_read(cx, buffer) {
            if let Some(call) = waiting.take() {
                call.end(read.is_ok());
            }
            return Poll::Ready(read);
        }
        if waiting.is_none() {
            // Not before: the time in which nobody asked is the reader's own.
            *waiting = Some(Mongo::call("read a file"));
            until.as_mut().reset(Instant::now() + READ_TIMEOUT);
        }
        until.as_mut().poll(cx).map(|()| {
            // Given up.
            *waiting = None;
            let what = format!("MongoDB: nothing of the file came for {} s", READ_TIMEOUT.as_secs());
            Err(io::Error::new(io::ErrorKind::TimedOut, what))
        })
    }
}

/// An id as it is stored: a binary UUID, which sorts by time of creation as ours do.
fn key(id: Uuid) -> Bson {
    BsonUuid::from_bytes(id.into_bytes()).into()
}

/// The id of a record.
pub(crate) fn id_of(record: &Document) -> Result<Uuid, FilesError> {
    let id = match record.get("_id") {
        Some(Bson::Binary(id)) => id.to_uuid().ok(),
        _ => None,
    };
    let id = id.ok_or_else(|| FilesError("a record has no UUID for its _id".to_owned()))?;
    Ok(Uuid::from_bytes(id.bytes()))
}

/// A text of a record.
pub(crate) fn text(record: &Document, field: &str) -> Result<String, FilesError> {
    record.get_str(field).map(str::to_owned).map_err(|_| damaged(record, field))
}

/// A count of a record.
pub(crate) fn count(record: &Document, field: &str) -> Result<u64, FilesError> {
    let number = match record.get(field) {
        Some(Bson::Int64(number)) => u64::try_from(*number).ok(),
        Some(Bson::Int32(number)) => u64::try_from(*number).ok(),
        _ => None,
    };
    number.ok_or_else(|| damaged(record, field))
}

/// What is wrong with a record that somebody else wrote.
pub(crate) fn damaged(record: &Document, field: &str) -> FilesError {
    let id = record.get("_id").map(ToString::to_string).unwrap_or_default();
    FilesError(format!("the record {id} has no valid `{field}`"))
}

fn is_missing(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::GridFs(GridFsErrorKind::FileNotFound { .. }))
}

async fn in_time<T>(
    what: &'static str,
    longest: Duration,
    work: impl Future<Output = Result<T, FilesError>>,
) -> Result<T, FilesError> {
    let late = |_| FilesError(format!("MongoDB: no answer within {} s", longest.as_secs()));
    tokio::time::timeout(longest, Mongo::counted(what, work)).await.map_err(late)?
}
