//! The file of an export. Owns how a line is written and read back, and that a file that is cut off or altered is noticed.
//!
//! # Format, version 1
//! One zstd frame of JSON lines, each an object with one key, its kind. In this order:
//!
//! ```text
//! {"header":{"format":"jabiru export","version":1,"made_at":ms,"by":"0.1.0"}}
//! for each canvas:
//!   {"canvas":{"id","org","owner_id","name","description","block_count","created_at","updated_at","deleted_at"}}
//!   {"folded":{"at","actors":[…],"body"}}      its history, oldest first: every change that `state` holds
//!   {"state":"…"}                              the document at the end of its history; none if there is no history
//!   {"entry":{"at","actors":[…],"body"}}       changes after that, in the order of the journal
//!   {"marks":{"user_id","favourite_at","opened_at"}}
//!   {"canvas_end":{"changes":n,"sha256":"…"}}
//! for each data set that a canvas shows:
//!   {"dataset":{"id","org","name","columns":[{"name","type"}],"row_count","size_bytes","source","licence","created_at"}}
//!   {"rows":[[cell,…],…]}                      as often as needed, in the order of the data set
//!   {"dataset_end":{"rows":n}}
//! for each image that a canvas shows:
//!   {"image":{"id","org","media_type","size_bytes","sha256":"…"}}
//!   {"bytes":"…"}                              as often as needed
//!   {"image_end":{"bytes":n}}
//! {"end":{"canvases":n,"datasets":n,"images":n}}
//! ```
//!
//! Times are milliseconds since the epoch, UTC. `state` and `body` are Yjs updates v1 in base64 (standard, padded), `bytes` too. A number
//! in `rows` is written so that the nearest 64-bit float is the one that was stored. A canvas's `sha256` (base64) is over its changes, the
//! folded ones first; see [`ChangesDigest`]. A reader refuses a version above its own and a kind it does not know. `org` is where it came
//! from, which the reader may map.

use std::io::{BufRead, BufReader, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::TransferError;
use crate::clock::Millis;
use crate::id::CanvasId;
use crate::platform::datasets::{Cell, Column, ColumnType};
use crate::store::{CanvasRecord, Marks, PastChange};

/// What the header says the file is.
const FORMAT: &str = "jabiru export";
/// The version this build writes, and the newest it reads.
const VERSION: u32 = 1;
/// Longest line, bytes: the state of the largest document there may be (64 MiB by default) in base64, and as much again.
const LINE_BYTES: u64 = 192 << 20;
/// zstd's default: more takes longer for a few percent.
const LEVEL: i32 = 3;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line<'a> {
    Header(Header),
    Canvas(Canvas),
    Folded(Change),
    State(Packed),
    Entry(Change),
    Marks(PersonMarks),
    CanvasEnd(CanvasEnd),
    Dataset(DatasetHead),
    #[serde(borrow)]
    Rows(Vec<Vec<&'a RawValue>>),
    DatasetEnd {
        rows: u64,
    },
    Image(ImageHead),
    Bytes(Packed),
    ImageEnd {
        bytes: u64,
    },
    End(Totals),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    format: String,
    version: u32,
    made_at: Millis,
    by: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Canvas {
    id: CanvasId,
    org: String,
    owner_id: String,
    name: String,
    description: String,
    block_count: u32,
    created_at: Millis,
    updated_at: Millis,
    deleted_at: Option<Millis>,
}

impl From<CanvasRecord> for Canvas {
    fn from(record: CanvasRecord) -> Self {
        let CanvasRecord { id, org, owner_id, name, description, block_count, created_at, updated_at, deleted_at } =
            record;
        Self { id, org, owner_id, name, description, block_count, created_at, updated_at, deleted_at }
    }
}

impl From<Canvas> for CanvasRecord {
    fn from(line: Canvas) -> Self {
        let Canvas { id, org, owner_id, name, description, block_count, created_at, updated_at, deleted_at } = line;
        Self { id, org, owner_id, name, description, block_count, created_at, updated_at, deleted_at }
    }
}

/// Bytes, as base64 on the line.
#[derive(Debug)]
pub(super) struct Packed(pub(super) Bytes);

impl Serialize for Packed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        STANDARD.decode(text.as_ref()).map(|bytes| Self(bytes.into())).map_err(serde::de::Error::custom)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Change {
    at: Millis,
    actors: Vec<String>,
    body: Packed,
}

impl From<PastChange> for Change {
    fn from(change: PastChange) -> Self {
        Self { at: change.at, actors: change.actors, body: Packed(change.body) }
    }
}

impl From<Change> for PastChange {
    fn from(line: Change) -> Self {
        Self { at: line.at, actors: line.actors, body: line.body.0 }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PersonMarks {
    pub(super) user_id: String,
    favourite_at: Option<Millis>,
    opened_at: Option<Millis>,
}

impl PersonMarks {
    pub(super) fn new(user_id: String, marks: Marks) -> Self {
        Self { user_id, favourite_at: marks.favourite_at, opened_at: marks.opened_at }
    }

    pub(super) fn marks(&self) -> Marks {
        Marks { favourite_at: self.favourite_at, opened_at: self.opened_at }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CanvasEnd {
    pub(super) changes: u64,
    pub(super) sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DatasetHead {
    pub(super) id: Uuid,
    pub(super) org: String,
    pub(super) name: String,
    pub(super) columns: Vec<ColumnLine>,
    pub(super) row_count: u64,
    pub(super) size_bytes: u64,
    pub(super) source: Option<String>,
    pub(super) licence: Option<String>,
    pub(super) created_at: Millis,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ColumnLine {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ImageHead {
    pub(super) id: Uuid,
    pub(super) org: String,
    pub(super) media_type: String,
    pub(super) size_bytes: u64,
    pub(super) sha256: String,
}

/// How many of each an export holds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Canvases.
    pub canvases: u64,
    /// Data sets.
    pub datasets: u64,
    /// Images.
    pub images: u64,
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { canvases, datasets, images } = self;
        write!(f, "canvases: {canvases}, data sets: {datasets}, images: {images}")
    }
}

/// What tells two histories apart: SHA-256 over each change in turn (`at`, the count of authors and each of them, the body; counts and
/// lengths as 64-bit little-endian before what they count). Folding moves changes without altering it, and so does moving to another store.
#[derive(Default)]
pub(super) struct ChangesDigest {
    hash: Sha256,
    changes: u64,
}

impl ChangesDigest {
    pub(super) fn add(&mut self, change: &PastChange) {
        self.changes += 1;
        self.hash.update(change.at.to_le_bytes());
        self.hash.update((change.actors.len() as u64).to_le_bytes());
        for actor in &change.actors {
            self.hash.update((actor.len() as u64).to_le_bytes());
            self.hash.update(actor);
        }
        self.hash.update((change.body.len() as u64).to_le_bytes());
        self.hash.update(&change.body);
    }

    pub(super) fn end(self) -> CanvasEnd {
        CanvasEnd { changes: self.changes, sha256: STANDARD.encode(self.hash.finalize()) }
    }
}

/// Writes the lines of a file.
pub(super) struct LineWriter<W: Write> {
    out: zstd::Encoder<'static, W>,
}

impl<W: Write> LineWriter<W> {
    /// Starts with the header.
    pub(super) fn new(out: W, made_at: Millis) -> Result<Self, TransferError> {
        let mut out = zstd::Encoder::new(out, LEVEL)?;
        // So that a reader sees a bit that turned.
        out.include_checksum(true)?;
        let mut writer = Self { out };
        let by = env!("CARGO_PKG_VERSION").to_owned();
        writer.write(&Line::Header(Header { format: FORMAT.to_owned(), version: VERSION, made_at, by }))?;
        Ok(writer)
    }

    pub(super) fn write(&mut self, line: &Line<'_>) -> Result<(), TransferError> {
        self.line(line)
    }

    pub(super) fn rows(&mut self, rows: &[Vec<Cell>]) -> Result<(), TransferError> {
        #[derive(Serialize)]
        struct Rows<'a> {
            rows: &'a [Vec<Cell>],
        }
        self.line(&Rows { rows })
    }

    fn line(&mut self, line: &impl Serialize) -> Result<(), TransferError> {
        serde_json::to_writer(&mut self.out, line).map_err(std::io::Error::from)?;
        Ok(self.out.write_all(b"\n")?)
    }

    pub(super) fn finish(self) -> Result<W, TransferError> {
        Ok(self.out.finish()?)
    }
}

/// Reads the lines of a file.
pub(super) struct LineReader<R: Read> {
    from: BufReader<zstd::Decoder<'static, BufReader<R>>>,
    number: u64,
    line: Vec<u8>,
}

impl<R: Read> LineReader<R> {
    /// Reads the header.
    pub(super) fn new(from: R) -> Result<Self, TransferError> {
        let decoder = zstd::Decoder::new(from)?;
        let mut reader = Self { from: BufReader::new(decoder), number: 0, line: Vec::new() };
        // Anything else that is not ours fails here, and "damaged" would send people looking for the wrong thing.
        match reader.next() {
            Ok(Line::Header(header)) if header.format == FORMAT && header.version <= VERSION => Ok(reader),
            Ok(Line::Header(header)) if header.format == FORMAT => Err(TransferError::Newer(header.version, header.by)),
            _ => Err(TransferError::NotAnExport),
        }
    }

    /// The next line; the last is [`Line::End`].
    pub(super) fn next(&mut self) -> Result<Line<'_>, TransferError> {
        self.line.clear();
        self.number += 1;
        let number = self.number;
        let damaged = |what: String| TransferError::Damaged { line: number, what };
        let read = self.from.by_ref().take(LINE_BYTES).read_until(b'\n', &mut self.line);
        read.map_err(|error| damaged(error.to_string()))?;
        if self.line.pop() != Some(b'\n') {
            let long = self.line.len() as u64 + 1 >= LINE_BYTES;
            return Err(damaged(if long { "the line is too long" } else { "the file ends too early" }.to_owned()));
        }
        serde_json::from_slice(&self.line).map_err(|error| damaged(error.to_string()))
    }

    /// What is wrong on the line read last.
    pub(super) fn wrong(&self, what: impl Into<String>) -> TransferError {
        TransferError::Damaged { line: self.number, what: what.into() }
    }

    /// Nothing may follow the end; reading on also has the file's checksum verified.
    pub(super) fn finish(mut self) -> Result<(), TransferError> {
        let mut rest = [0_u8; 1];
        match self.from.read(&mut rest) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.wrong("something follows the end")),
            Err(error) => Err(self.wrong(error.to_string())),
        }
    }
}

/// The cells of a row. Numbers are parsed here: the parser of the line would be off by the last bit now and then.
pub(super) fn cells(row: &[&RawValue], columns: &[Column]) -> Result<Vec<Cell>, String> {
    if row.len() != columns.len() {
        return Err(format!("a row has {} cells, and the data set {} columns", row.len(), columns.len()));
    }
    row.iter().zip(columns).map(|(cell, column)| self::cell(cell.get(), column)).collect()
}

fn cell(json: &str, column: &Column) -> Result<Cell, String> {
    let wrong = || format!("a cell of column {:?} is no {}", column.name, column.kind.as_str());
    Ok(match (json, column.kind) {
        ("null", _) => Cell::Null,
        ("true", ColumnType::Boolean) => Cell::Boolean(true),
        ("false", ColumnType::Boolean) => Cell::Boolean(false),
        (number, ColumnType::Number) => {
            Cell::Number(number.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or_else(wrong)?)
        }
        (text, ColumnType::String | ColumnType::Date) => {
            Cell::Text(serde_json::from_str(text).map_err(|_error| wrong())?)
        }
        _ => return Err(wrong()),
    })
}
