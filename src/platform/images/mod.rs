//! Owns images: the pictures people put on canvases, their limits, and who may see them.
//! It refuses to change them: what was uploaded is what is served.
//!
//! # Flow
//! ```text
//! upload ─ spool: bytes to a temporary file, counted as they arrive
//!        ─ look: the format and the size in pixels come from the bytes, not from what the client says
//!        ─ keep: in this node's own folder, or in MongoDB where every node finds it; only then is the id told
//! ```
//!
//! # Invariants
//! - `[ACC-2]` Every query names the organization; an image of another one is as absent as one that never existed.
//! - `[LIM-1]` Every size has a limit in [`Limits`] and an answer of its own in [`ImageError`].
//! - An image is there when its bytes are, whole and synced. What a crash leaves of one is never given to anybody, and a later start
//!   removes it.

pub mod header;
pub mod http;
mod local;
mod mongo;

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use serde::Serialize;
use tokio::io::AsyncRead;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::backend::mongo::Mongo;
use crate::backend::sqlite::{Sqlite, SqliteError};
use crate::clock::{Clock, Millis};
use crate::http::upload::{Spool, UploadError, UploadLimits, Uploads};

use self::header::Format;
use self::local::LocalImages;
use self::mongo::MongoImages;

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

/// An image's bytes on their way out.
pub type ImageBytes = Pin<Box<dyn AsyncRead + Send>>;

/// Where images are.
#[async_trait]
trait ImageStore: Send + Sync {
    /// Stores an image of which nobody knows yet; it is there when this returns, and after an error it never is.
    async fn put(&self, org: &str, user: &str, image: &Image, spool: Spool, at: Millis) -> Result<(), ImageError>;

    /// The image and its bytes, if this organization has it.
    async fn get(&self, org: &str, id: Uuid) -> Result<Option<(Image, ImageBytes)>, ImageError>;
}

/// The images people put on canvases.
pub struct Images {
    store: Box<dyn ImageStore>,
    uploads: Uploads,
    limits: Limits,
    clock: Clock,
}

impl Images {
    /// Images in the folder `images` of the data directory and the embedded database: those of this node. Clears what unfinished uploads
    /// of an earlier run left behind.
    ///
    /// # Errors
    /// The data directory or the database cannot be used.
    pub async fn open(data_dir: &Path, sqlite: Sqlite, clock: Clock, limits: Limits) -> Result<Arc<Self>, ImageError> {
        let uploads = open_uploads(data_dir, &limits).await?;
        let store = Box::new(LocalImages::open(data_dir.join("images"), sqlite).await?);
        Ok(Arc::new(Self { store, uploads, limits, clock }))
    }

    /// Images in MongoDB: those of every node. The data directory is for uploads on their way.
    ///
    /// # Errors
    /// The data directory cannot be used, or MongoDB does not answer.
    pub async fn shared(data_dir: &Path, mongo: &Mongo, clock: Clock, limits: Limits) -> Result<Arc<Self>, ImageError> {
        let uploads = open_uploads(data_dir, &limits).await?;
        let store = Box::new(MongoImages::open(mongo, clock.now()).await?);
        Ok(Arc::new(Self { store, uploads, limits, clock }))
    }

    /// [`Images::open`] beside the server that runs on the data directory: for reading; takes no uploads and clears nothing.
    #[must_use]
    pub fn open_beside(data_dir: &Path, sqlite: Sqlite, clock: Clock, limits: Limits) -> Self {
        let folder = data_dir.join("images");
        let uploads = Uploads::beside(folder.join("incoming"));
        Self { store: Box::new(LocalImages::beside(folder, sqlite)), uploads, limits, clock }
    }

    /// Takes an image of another installation under the id it had. `false`: this organization has it already, and nothing was changed.
    ///
    /// # Errors
    /// As [`Images::upload`]; also if another organization has the id.
    pub async fn adopt(&self, upload: Upload<'_>, id: Uuid, bytes: Bytes) -> Result<bool, ImageError> {
        if self.get(upload.org, id).await?.is_some() {
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
        let limits = self.limits;
        let (image, spool) = blocking(move || {
            let image = inspect(&spool, declared, &limits)?;
            Ok((Image { id: id.unwrap_or(image.id), ..image }, spool))
        })
        .await?;
        self.store.put(upload.org, upload.user, &image, spool, self.clock.now()).await?;
        Ok(image)
    }

    /// The image and its bytes, if this organization has it.
    ///
    /// # Errors
    /// [`ImageError::Database`] or [`ImageError::Storage`].
    pub async fn get(&self, org: &str, id: Uuid) -> Result<Option<(Image, ImageBytes)>, ImageError> {
        self.store.get(org, id).await
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

async fn open_uploads(data_dir: &Path, limits: &Limits) -> Result<Uploads, ImageError> {
    let bounds = UploadLimits { bytes: limits.file_bytes, at_once: limits.uploads, idle: limits.upload_idle };
    let (incoming, parent) = (data_dir.join("images").join("incoming"), data_dir.to_owned());
    blocking(move || {
        let uploads = Uploads::open(incoming, bounds)?;
        // The folder itself is an entry too, and what is kept in it must not be lost with it.
        std::fs::File::open(parent)?.sync_all()?;
        Ok(uploads)
    })
    .await
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

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ImageError> + Send + 'static,
) -> Result<T, ImageError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panicked) => Err(ImageError::Storage(panicked.to_string())),
    }
}
