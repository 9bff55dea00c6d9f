//! Taking a request's body into a temporary file: bounded and counted as it arrives, and gone if nobody keeps it.
//!
//! Owns the folder of uploads in progress, how many there may be, and how a person is told that one did not arrive. Does not look into them.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use serde::Serialize;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::{Problem, text};

/// Bounds of the uploads of one kind. `[LIM-1]`
#[derive(Debug, Clone, Copy)]
pub struct UploadLimits {
    /// Size of one, bytes.
    pub bytes: u64,
    /// How many at once on this node: each holds a temporary file, and a blocking thread while it is looked into.
    pub at_once: usize,
    /// How long one may send nothing before it is given up.
    pub idle: Duration,
}

/// Why an upload did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// It is larger than [`UploadLimits::bytes`], or announced to be.
    #[error("larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// It ended or stalled before it was whole.
    #[error("{0}")]
    Interrupted(String),
    /// [`UploadLimits::at_once`] are in progress.
    #[error("{limit} uploads are in progress")]
    Busy {
        /// The limit.
        limit: usize,
    },
    /// The temporary file could not be written.
    #[error(transparent)]
    Storage(#[from] std::io::Error),
}

impl UploadError {
    /// What the uploader is told. `thing`: what was not taken, e.g. `an image`.
    #[must_use]
    pub fn problem(&self, thing: &str) -> Problem {
        let new = |status, title: &str, detail: String| Problem::new(status, title, detail);
        match self {
            Self::TooLarge { limit_bytes } => {
                let detail = format!("The file is larger than {limit_bytes} bytes, the most {thing} may have.");
                new(StatusCode::PAYLOAD_TOO_LARGE, "The file is too large", detail).with("limit_bytes", *limit_bytes)
            }
            Self::Interrupted(what) => {
                let detail = format!("The upload did not arrive whole: {what}. Send it again.");
                new(StatusCode::REQUEST_TIMEOUT, "The upload was interrupted", detail)
            }
            Self::Busy { limit } => {
                let detail =
                    format!("{limit} uploads are in progress, the most at one time. Try again in a few seconds.");
                new(StatusCode::SERVICE_UNAVAILABLE, "Too many uploads at once", detail).with("limit", *limit)
            }
            Self::Storage(error) if error.kind() == std::io::ErrorKind::StorageFull => disk_full(thing),
            Self::Storage(error) => {
                tracing::error!(%error, "an upload could not be taken: {thing} was refused");
                let detail = "The server's disk cannot be used right now. Nothing was changed; try again in a moment."
                    .to_owned();
                new(StatusCode::SERVICE_UNAVAILABLE, "Storage is not available", detail)
            }
        }
    }
}

/// What the uploader is told when there is no room for what they sent.
pub fn disk_full(thing: &str) -> Problem {
    tracing::error!("the disk is full: {thing} was refused");
    let detail = "The server has no room for this file. Tell whoever runs it.";
    Problem::new(StatusCode::INSUFFICIENT_STORAGE, "The server's disk is full", detail)
}

/// What the head of a request says of the file in its body.
#[derive(Debug)]
pub struct FileHead {
    /// The `Content-Type`; empty without one.
    pub media_type: String,
    /// The `Content-Length`, if the client announced one.
    pub announced_bytes: Option<u64>,
}

impl<S: Send + Sync> FromRequestParts<S> for FileHead {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let length = text(&parts.headers, header::CONTENT_LENGTH.as_str());
        Ok(Self {
            media_type: text(&parts.headers, header::CONTENT_TYPE.as_str()).unwrap_or_default().to_owned(),
            announced_bytes: length.and_then(|length| length.parse().ok()),
        })
    }
}

/// 201 with what was stored, and where it is.
pub fn stored(location: String, what: impl Serialize) -> Response {
    (StatusCode::CREATED, [(header::LOCATION, location)], Json(what)).into_response()
}

/// The uploads of one kind.
#[derive(Debug)]
pub struct Uploads {
    folder: PathBuf,
    limits: UploadLimits,
    permits: Arc<Semaphore>,
    lingering: TaskTracker,
}

/// An upload that has arrived; its file goes when this goes, unless it was kept.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    bytes: u64,
    _permit: OwnedSemaphorePermit,
}

impl Uploads {
    /// Empties the folder, or makes it: what is in it was left by a process that is gone. Blocks.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn open(folder: PathBuf, limits: UploadLimits) -> std::io::Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let permits = Arc::new(Semaphore::new(limits.at_once));
        Ok(Self { folder, limits, permits, lingering: TaskTracker::new() })
    }

    /// For a process beside the server that owns the folder: touches nothing in it, and takes no uploads.
    #[must_use]
    pub fn beside(folder: PathBuf) -> Self {
        let limits = UploadLimits { bytes: 0, at_once: 0, idle: Duration::ZERO };
        Self { folder, limits, permits: Arc::new(Semaphore::new(0)), lingering: TaskTracker::new() }
    }

    /// Takes a whole body. Memory use does not depend on its size. On an error nothing is kept, and `body` is left where reading
    /// stopped. `announced_bytes` is its `Content-Length`, if it has one.
    ///
    /// # Errors
    /// Any [`UploadError`].
    pub async fn receive<S, E>(&self, announced_bytes: Option<u64>, body: &mut S) -> Result<Spool, UploadError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
        E: std::fmt::Display + Send,
    {
        let limit_bytes = self.limits.bytes;
        if announced_bytes.is_some_and(|bytes| bytes > limit_bytes) {
            return Err(UploadError::TooLarge { limit_bytes });
        }
        let permit = Arc::clone(&self.permits)
            .try_acquire_owned()
            .map_err(|_closed_or_full| UploadError::Busy { limit: self.limits.at_once })?;
        let path = self.folder.join(format!("{}.part", Uuid::now_v7().simple()));
        let mut spool = Spool { path, bytes: 0, _permit: permit };
        let mut file = tokio::fs::File::options().write(true).create_new(true).open(&spool.path).await?;
        loop {
            let next = tokio::time::timeout(self.limits.idle, body.next()).await;
            let next = next.map_err(|_elapsed| {
                UploadError::Interrupted(format!("nothing came for {} seconds", self.limits.idle.as_secs()))
            })?;
            let Some(chunk) = next else { break };
            let chunk = chunk.map_err(|error| UploadError::Interrupted(error.to_string()))?;
            spool.bytes += chunk.len() as u64;
            if spool.bytes > limit_bytes {
                return Err(UploadError::TooLarge { limit_bytes });
            }
            file.write_all(&chunk).await?;
        }
        file.flush().await?;
        Ok(spool)
    }

    /// Keeps reading and discarding a refused body for a while, in the background.
    ///
    /// A server that closes while the client still sends makes the client's TCP stack throw away the answer it has not read yet: the
    /// person would see "connection reset" instead of the limit. The bounds are nginx's `lingering_time` and `lingering_timeout`.
    pub fn linger<S, E>(&self, mut body: S)
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send + 'static,
        E: Send,
    {
        let discard = async move {
            while let Ok(Some(Ok(_chunk))) = tokio::time::timeout(Duration::from_secs(5), body.next()).await {}
        };
        // Dropping the handle detaches the task; the tracker is what ends with the node.
        drop(self.lingering.spawn(tokio::time::timeout(Duration::from_secs(30), discard)));
    }
}

impl Spool {
    /// Where its bytes are.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many there are.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes it the file `path` on the same disk: whole and synced, or not at all. Blocks.
    ///
    /// # Errors
    /// The disk refused; there is no such file then.
    pub fn keep(self, path: &Path) -> std::io::Result<()> {
        std::fs::File::open(&self.path)?.sync_all()?;
        std::fs::rename(&self.path, path)?;
        // The name is an entry of the folder, which has a sync of its own.
        path.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(error = %error, "an upload's temporary file could not be removed; the next start removes it");
        }
    }
}
