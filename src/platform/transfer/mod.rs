//! Canvases out of one installation and into another, whatever stores they use: `jabiru export` and `jabiru import`, and one canvas over
//! HTTP for `jabiru import`.
//!
//! `export` reads a store out into a file, `import` writes a file into a store, the file itself is `format`'s. The stores' side is
//! [`Store::export_canvas`] and [`Store::import_canvas`].
//!
//! # What travels
//! A canvas with its record, its document, its whole history with times and authors, and what people marked; the data sets and images it
//! shows now. People, organizations, sessions and usage events stay, and so do data sets that only its history showed. Over HTTP nobody's
//! marks travel but those of who asks: favourites are their owner's alone.
//!
//! # What is safe
//! - An import reads the file twice. The first time it checks all of it and changes nothing: a file that is cut off, altered, or holds an
//!   update that yrs must not see `[LIM-2]` is refused whole.
//! - A canvas that is there with the same changes is left as it is, so importing twice is importing once. One that is there with other
//!   changes is refused by name, and the others are imported; with `replace` it takes the other one's place.
//! - Each canvas, data set and image is all there or not at all, and what canvases show is there before them: an import that is cut off
//!   leaves no canvas with holes, and importing again makes the rest.
//!
//! It reads and writes its file on the thread that calls it; `http` gives it one. Memory: one canvas's document and journal, as a room has.

mod export;
mod format;
pub mod http;
mod import;

use crate::id::CanvasId;
use crate::platform::datasets::{DatasetError, Datasets};
use crate::platform::images::{ImageError, Images};
use crate::store::{Store, StoreError};

pub use self::export::export;
pub use self::format::Totals;
pub use self::http::Exports;
pub use self::import::{Contents, Imported, Tenants, check, import};

/// Parts between a store and the file: they wait for each other, so few are enough, and each may be a megabyte.
const PARTS: usize = 16;

/// Why an export or an import cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The file is not what an export writes.
    #[error("this is not a file of `jabiru export`")]
    NotAnExport,
    /// A newer build wrote it.
    #[error("Jabiru {1} wrote this file in format {0}, which this build does not read; use a newer one")]
    Newer(u32, String),
    /// Something in it cannot be right. Nothing was imported if this was found while checking.
    #[error("line {line} of the export: {what}; nothing of it can be relied on, export again")]
    Damaged {
        /// 1-based line of the uncompressed file.
        line: u64,
        /// What is wrong, without a full stop.
        what: String,
    },
    /// A canvas asked for is not there.
    #[error("there is no canvas {0}")]
    NoCanvas(CanvasId),
    /// What the store holds of a canvas cannot be read.
    #[error("canvas {0}: {1}")]
    Unreadable(CanvasId, String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The data sets.
    #[error(transparent)]
    Datasets(#[from] DatasetError),
    /// The images.
    #[error(transparent)]
    Images(#[from] ImageError),
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// An installation: where its canvases and what they show are.
#[derive(Clone, Copy)]
pub struct Installation<'a> {
    /// The canvases.
    pub store: &'a dyn Store,
    /// The data sets.
    pub datasets: &'a Datasets,
    /// The images.
    pub images: &'a Images,
}
