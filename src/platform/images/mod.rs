//! Owns images: the pictures people put on canvases, their limits, and who may see them.
//! It refuses to change them: what was uploaded is what is served.
//!
//! # Flow
//! ```text
//! upload ─ spool: bytes to a temporary file, counted as they arrive
//!        ─ look: the format and the size in pixels come from the bytes, not from what the client says
//!        ─ keep: sync, rename to images/<id>, then the row; only then is the id told
//! ```
//!
//! # Invariants
//! - `[ACC-2]` Every query names the organization; an image of another one is as absent as one that never existed.
//! - `[LIM-1]` Every size has a limit in [`Limits`] and an answer of its own in [`ImageError`].
//! - A file has its name only when it is whole and synced, and its row only after that. So a crash leaves at most a file without a row,
//!   which nobody is ever given and the next start removes.

pub mod header;
pub mod http;
mod sqlite;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::backend::sqlite::{Sqlite, SqliteError};
use crate::clock::Clock;
use crate::http::upload::{Spool, UploadError, UploadLimits, Uploads};

use self::header::Format;
use self::sqlite::SqliteImages;

/// One image, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Image {
    /// UUID v7.
    pub id: Uuid,
    /// `image/png`, `image/jpeg`, `image/webp` or `image/gif`: what the bytes are.
    #[schema(value_type = String)]
    pub media_type: &'static str,
    /// Pixels, as stored.
    pub width: u32,
    /// Pixels, as stored.
    pub height: u32,
    /// Size of the file, bytes.
    pub size_bytes: u64,
}

/// How large an image may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Size of the file, bytes. 10 MiB: what a camera makes.
    pub file_bytes: u64,
    /// Pixels of one side: what browsers can draw.
    pub side: u32,
    /// Pixels in all. 50 million take 200 MB in a browser that draws them.
    pub pixels: u64,
    /// Uploads in progress at once on this node. Each is read whole when it has arrived.
    pub uploads: usize,
    /// How long an upload may send nothing before it is given up.
    pub upload_idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 10 << 20,
            side: 16_384,
            pixels: 50_000_000,
            uploads: 8,
            upload_idle: Duration::from_secs(30),
        }
    }
}

/// Why an image could not be taken or read.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// It did not arrive.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// The `Content-Type` is none of the four.
    #[error("sent as {given}")]
    UnsupportedType {
        /// What was given.
        given: String,
    },
    /// The bytes are of no format that is taken, or not of the one the client named.
    #[error("sent as {}, and is {}", .declared.media_type(), .found.map_or("none of the four", Format::media_type))]
    OtherType {
        /// What the client said.
        declared: Format,
        /// What the bytes are.
        found: Option<Format>,
    },
    /// The format is right, but the header does not hold a size.
    #[error("the header of this {} cannot be read", .0.media_type())]
    Unreadable(Format),
    /// More pixels than [`Limits`] allow.
    #[error("{width} × {height} pixels")]
    TooManyPixels {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] SqliteError),
    /// The disk failed, or does not hold what the database says.
    #[error("{0}")]
    Storage(String),
}

impl From<std::io::Error> for ImageError {
    fn from(error: std::io::Error) -> Self {
        Self::Upload(error.into())
    }
}

/// What an upload says about itself besides its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Upload<'a> {
    /// Organization that will own the image.
    pub org: &'a str,
    /// Person who sends it.
    pub user: &'a str,
    /// The `Content-Type`.
    pub media_type: &'a str,
    /// `Content-Length`, when the client announced one.
    pub announced_bytes: Option<u64>,
}

/// The images of this node.
pub struct Images {
    rows: SqliteImages,
    folder: PathBuf,
    uploads: Uploads,
    limits: Limits,
    clock: Clock,
}

impl Images {
    /// Opens the folder `images` of the data directory and clears what unfinished uploads of an earlier run left behind.
    ///
    /// # Errors
    /// The data directory or the database cannot be used.
    pub async fn open(data_dir: &Path, sqlite: Sqlite, clock: Clock, limits: Limits) -> Result<Arc<Self>, ImageError> {
        let folder = data_dir.join("images");
        let rows = SqliteImages::new(sqlite);
        let known = rows.ids().await?;
        let bounds = UploadLimits { bytes: limits.file_bytes, at_once: limits.uploads, idle: limits.upload_idle };
        let (clean, incoming, parent) = (folder.clone(), folder.join("incoming"), data_dir.to_owned());
        let uploads = blocking(move || {
            let uploads = Uploads::open(incoming, bounds)?;
            // The folder itself is an entry too, and what is kept in it must not be lost with it.
            std::fs::File::open(parent)?.sync_all()?;
            remove_strays(&clean, &known)?;
            Ok(uploads)
        });
        Ok(Arc::new(Self { rows, uploads: uploads.await?, folder, limits, clock }))
    }

    /// [`Images::open`] beside the server that runs on the data directory: for reading; takes no uploads and clears nothing.
    #[must_use]
    pub fn open_beside(data_dir: &Path, sqlite: Sqlite, clock: Clock, limits: Limits) -> Self {
        let folder = data_dir.join("images");
        let uploads = Uploads::beside(folder.join("incoming"));
        Self { rows: SqliteImages::new(sqlite), folder, uploads, limits, clock }
    }

    /// Takes an image of another installation under the id it had. `false`: this organization has it already, and nothing was changed.
    ///
    /// # Errors
    /// As [`Images::upload`]; also if another organization has the id.
    pub async fn adopt(&self, upload: Upload<'_>, id: Uuid, bytes: Bytes) -> Result<bool, ImageError> {
        if self.rows.get(upload.org, id).await?.is_some() {
            return Ok(false);
        }
        let mut body = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(bytes)]);
        self.take(upload, Some(id), &mut body).await?;
        Ok(true)
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes a whole upload from `body` and stores it.
    ///
    /// # Errors
    /// Any [`ImageError`]; nothing is kept then.
    pub async fn upload<S, E>(&self, upload: Upload<'_>, body: &mut S) -> Result<Image, ImageError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
        E: std::fmt::Display + Send,
    {
        self.take(upload, None, body).await
    }

    async fn take<S, E>(&self, upload: Upload<'_>, id: Option<Uuid>, body: &mut S) -> Result<Image, ImageError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
        E: std::fmt::Display + Send,
    {
        let declared = Format::of_media_type(upload.media_type)
            .ok_or_else(|| ImageError::UnsupportedType { given: upload.media_type.chars().take(100).collect() })?;
        let spool = self.uploads.receive(upload.announced_bytes, body).await?;
        let (limits, folder) = (self.limits, self.folder.clone());
        let image = blocking(move || {
            let mut image = inspect(&spool, declared, &limits)?;
            image.id = id.unwrap_or(image.id);
            spool.keep(&path(&folder, image.id))?;
            Ok(image)
        })
        .await?;
        self.rows.insert(upload.org, upload.user, image.clone(), self.clock.now()).await?;
        Ok(image)
    }

    /// The image and its open file, if this organization has it.
    ///
    /// # Errors
    /// [`ImageError::Database`] or [`ImageError::Storage`].
    pub async fn get(&self, org: &str, id: Uuid) -> Result<Option<(Image, tokio::fs::File)>, ImageError> {
        let Some(image) = self.rows.get(org, id).await? else { return Ok(None) };
        let lost = |what: String| ImageError::Storage(format!("image {id}: {what}"));
        let file = tokio::fs::File::open(path(&self.folder, id)).await.map_err(|error| lost(error.to_string()))?;
        let there = file.metadata().await.map_err(|error| lost(error.to_string()))?.len();
        if there != image.size_bytes {
            return Err(lost(format!("its file has {there} bytes, not {}", image.size_bytes)));
        }
        Ok(Some((image, file)))
    }

    /// See [`Uploads::linger`].
    fn linger<S, E>(&self, body: S)
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send + 'static,
        E: Send,
    {
        self.uploads.linger(body);
    }
}

fn path(folder: &Path, id: Uuid) -> PathBuf {
    folder.join(id.to_string())
}

/// What the bytes are, and whether that may be taken. Blocks.
fn inspect(spool: &Spool, declared: Format, limits: &Limits) -> Result<Image, ImageError> {
    // Whole: a JPEG's size can come after megabytes of metadata. The number of uploads bounds the memory.
    let bytes = std::fs::read(spool.path())?;
    let found = Format::sniff(&bytes);
    if found != Some(declared) {
        return Err(ImageError::OtherType { declared, found });
    }
    let (width, height) = declared.size(&bytes).ok_or(ImageError::Unreadable(declared))?;
    if width.max(height) > limits.side || u64::from(width) * u64::from(height) > limits.pixels {
        return Err(ImageError::TooManyPixels { width, height });
    }
    let (id, media_type) = (Uuid::now_v7(), declared.media_type());
    Ok(Image { id, media_type, width, height, size_bytes: spool.size_bytes() })
}

/// Removes files that have no row: their upload ended with the process.
fn remove_strays(folder: &Path, known: &HashSet<Uuid>) -> Result<(), ImageError> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if id.is_some_and(|id: Uuid| !known.contains(&id)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ImageError> + Send + 'static,
) -> Result<T, ImageError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panicked) => Err(ImageError::Storage(panicked.to_string())),
    }
}
