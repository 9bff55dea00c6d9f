//! Reading a store out into a file. Owns what belongs to an export, and the order in which it is written.

use std::collections::BTreeSet;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::format::{ChangesDigest, ColumnLine, DatasetHead, ImageHead, Line, LineWriter, Packed, PersonMarks, Totals};
use super::{Installation, PARTS, TransferError};
use crate::clock::Millis;
use crate::doc::document::Document;
use crate::doc::schema::CanvasJson;
use crate::id::CanvasId;
use crate::platform::datasets::{Cell, Column, DatasetError, Datasets, Reader};
use crate::platform::images::Images;
use crate::store::{Part, Store, Stored};

/// Canvas ids asked for at once.
const IDS: usize = 500;
/// Text of one line of rows, about; and bytes of one of an image.
const CHUNK_BYTES: usize = 1 << 20;

/// Writes canvases to `out`: those named, or all of them, deleted ones included. Others may work on them meanwhile. `marks_of`: only this
/// person's marks travel; `None`: everybody's.
///
/// # Errors
/// One named is not there, something cannot be read, or `out` not written.
pub async fn export<W: Write + Send>(
    from: Installation<'_>,
    canvases: &[CanvasId],
    marks_of: Option<&str>,
    out: W,
    now: Millis,
) -> Result<(W, Totals), TransferError> {
    let mut writer = LineWriter::new(out, now)?;
    let mut totals = Totals::default();
    let mut shown = Shown::default();
    if canvases.is_empty() {
        let mut after = None;
        loop {
            let ids = from.store.canvas_ids(after, IDS).await?;
            let Some(last) = ids.last() else { break };
            after = Some(*last);
            for id in ids {
                // One that has gone since it was listed is no error here.
                totals.canvases += u64::from(export_canvas(from.store, id, marks_of, &mut writer, &mut shown).await?);
            }
        }
    } else {
        for id in canvases.iter().collect::<BTreeSet<_>>() {
            if !export_canvas(from.store, *id, marks_of, &mut writer, &mut shown).await? {
                return Err(TransferError::NoCanvas(*id));
            }
            totals.canvases += 1;
        }
    }
    for (org, id) in &shown.datasets {
        totals.datasets += u64::from(export_dataset(from.datasets, org, *id, &mut writer).await?);
    }
    for (org, id) in &shown.images {
        totals.images += u64::from(export_image(from.images, org, *id, &mut writer).await?);
    }
    writer.write(&Line::End(totals))?;
    Ok((writer.finish()?, totals))
}

/// What the canvases of an export show, each with the organization that has it.
#[derive(Default)]
struct Shown {
    datasets: BTreeSet<(String, Uuid)>,
    images: BTreeSet<(String, Uuid)>,
}

impl Shown {
    fn add(&mut self, org: &str, canvas: &CanvasJson) {
        for block in &canvas.blocks {
            self.look(org, &Value::Object(block.content.clone()));
        }
    }

    /// Wherever a block names one, also in the parameters of a binding.
    fn look(&mut self, org: &str, value: &Value) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.look(org, value)),
            Value::Object(fields) => {
                for (field, value) in fields {
                    match (field.as_str(), value.as_str().and_then(|text| text.parse().ok())) {
                        ("dataset_id", Some(id)) => drop(self.datasets.insert((org.to_owned(), id))),
                        ("image_id", Some(id)) => drop(self.images.insert((org.to_owned(), id))),
                        _ => self.look(org, value),
                    }
                }
            }
            _ => {}
        }
    }
}

/// `false`: there is no such canvas.
async fn export_canvas<W: Write + Send>(
    store: &dyn Store,
    id: CanvasId,
    marks_of: Option<&str>,
    writer: &mut LineWriter<W>,
    shown: &mut Shown,
) -> Result<bool, TransferError> {
    let (parts, handed_out) = mpsc::channel(PARTS);
    let write = async {
        // Goes with this: a store whose parts nobody takes any more would wait for ever.
        let mut handed_out = handed_out;
        let mut digest = ChangesDigest::default();
        let (mut org, mut stored, mut stated) = (String::new(), Stored::default(), false);
        let unreadable = |error: &dyn std::fmt::Display| TransferError::Unreadable(id, error.to_string());
        let state = |stored: &Stored, writer: &mut LineWriter<W>| {
            let document = Document::restore(&stored.snapshots, &[]).map_err(|error| unreadable(&error))?;
            writer.write(&Line::State(Packed(document.difference(&yrs::StateVector::default()).into())))
        };
        while let Some(part) = handed_out.recv().await {
            let before_entries = matches!(part, Part::Record(_) | Part::Folded(_) | Part::Snapshot(_));
            if !before_entries && !stated && !stored.snapshots.is_empty() {
                state(&stored, writer)?;
                stated = true;
            }
            match part {
                Part::Record(record) => {
                    org.clone_from(&record.org);
                    writer.write(&Line::Canvas(record.into()))?;
                }
                Part::Folded(change) => {
                    digest.add(&change);
                    writer.write(&Line::Folded(change.into()))?;
                }
                Part::Snapshot(snapshot) => stored.snapshots.push(snapshot),
                Part::Entry(change) => {
                    digest.add(&change);
                    stored.entries.push(change.body.clone());
                    writer.write(&Line::Entry(change.into()))?;
                }
                Part::Marks { user_id, .. } if marks_of.is_some_and(|only| only != user_id) => {}
                Part::Marks { user_id, marks } => writer.write(&Line::Marks(PersonMarks::new(user_id, marks)))?,
                Part::End => {
                    let document = stored.restore().map_err(|error| unreadable(&error))?;
                    shown.add(&org, &document.materialise());
                    writer.write(&Line::CanvasEnd(digest.end()))?;
                    return Ok(true);
                }
            }
        }
        Ok::<_, TransferError>(false)
    };
    let (found, written) = tokio::join!(store.export_canvas(id, parts), write);
    // Why the file was not written comes first: the store only saw that nobody received any more.
    let written = written?;
    if found? && !written {
        return Err(TransferError::Unreadable(id, "the store stopped before the canvas was whole".to_owned()));
    }
    Ok(written)
}

/// Hands every row on, in batches.
struct Batches {
    out: mpsc::Sender<Vec<Vec<Cell>>>,
    batch: Vec<Vec<Cell>>,
    bytes: usize,
}

impl Reader for Batches {
    fn begin(&mut self, columns: &[Column]) -> Option<Vec<usize>> {
        Some((0..columns.len()).collect())
    }

    fn row(&mut self, cells: &[Cell]) -> std::ops::ControlFlow<()> {
        self.bytes +=
            cells.iter().map(|cell| if let Cell::Text(text) = cell { text.len() + 3 } else { 8 }).sum::<usize>();
        self.batch.push(cells.to_vec());
        if self.bytes >= CHUNK_BYTES {
            self.bytes = 0;
            if self.out.blocking_send(std::mem::take(&mut self.batch)).is_err() {
                return std::ops::ControlFlow::Break(());
            }
        }
        std::ops::ControlFlow::Continue(())
    }
}

/// `false`: it is not there any more; its blocks say so in the other installation as they do in this one.
async fn export_dataset<W: Write + Send>(
    datasets: &Datasets,
    org: &str,
    id: Uuid,
    writer: &mut LineWriter<W>,
) -> Result<bool, TransferError> {
    let Some(dataset) = datasets.get(org, id).await? else { return Ok(false) };
    let column = |column: Column| ColumnLine { name: column.name, kind: column.kind.as_str().to_owned() };
    writer.write(&Line::Dataset(DatasetHead {
        id,
        org: org.to_owned(),
        name: dataset.name,
        columns: dataset.columns.into_iter().map(column).collect(),
        row_count: dataset.row_count,
        size_bytes: dataset.size_bytes,
        source: dataset.source,
        licence: dataset.licence,
        created_at: (dataset.created_at.unix_timestamp_nanos() / 1_000_000) as Millis,
    }))?;
    let (out, batches) = mpsc::channel(1);
    let read = datasets.scan(org, id, Batches { out, batch: Vec::new(), bytes: 0 });
    let mut rows = 0;
    let write = async {
        let mut batches = batches;
        while let Some(batch) = batches.recv().await {
            rows += batch.len() as u64;
            writer.rows(&batch)?;
        }
        Ok::<_, TransferError>(())
    };
    // The last batch is still in the reader when the scan ends, and its sender with it.
    let read = async { Ok::<_, DatasetError>(read.await?.map(|reader| reader.batch)) };
    let (last, written) = tokio::join!(read, write);
    written?;
    let last = last?.unwrap_or_default();
    rows += last.len() as u64;
    if !last.is_empty() {
        writer.rows(&last)?;
    }
    writer.write(&Line::DatasetEnd { rows })?;
    Ok(true)
}

/// `false`: it is not there any more.
async fn export_image<W: Write + Send>(
    images: &Images,
    org: &str,
    id: Uuid,
    writer: &mut LineWriter<W>,
) -> Result<bool, TransferError> {
    let Some((image, mut file)) = images.get(org, id).await? else { return Ok(false) };
    // Whole, as an upload is looked into: its limit is 10 MiB by default.
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).await?;
    writer.write(&Line::Image(ImageHead {
        id,
        org: org.to_owned(),
        media_type: image.media_type.to_owned(),
        size_bytes: image.size_bytes,
        sha256: STANDARD.encode(Sha256::digest(&bytes)),
    }))?;
    let length = bytes.len() as u64;
    for chunk in bytes.chunks(CHUNK_BYTES) {
        writer.write(&Line::Bytes(Packed(Bytes::copy_from_slice(chunk))))?;
    }
    writer.write(&Line::ImageEnd { bytes: length })?;
    Ok(true)
}
