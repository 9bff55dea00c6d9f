//! Folding a journal, whatever store it is in: a snapshot of what it says, and the history that keeps what was said. `[DUR-6]`
//!
//! Owns the two encodings. Which entries are folded, and in what order things are written and deleted, is each store's.

use std::io::{BufRead, BufReader, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;

use super::{PastChange, StoreError, Stored};
use crate::clock::Millis;

/// Folds of this process at once. Each holds a canvas's journal and document in memory and a core busy; when many canvases are closed
/// together their folds wait for each other, and nobody waits for them.
static FOLDS: Semaphore = Semaphore::const_new(2);

/// Waits for this fold's turn, which lasts as long as the answer is kept. Before anything is read.
pub(super) async fn turn() -> Option<SemaphorePermit<'static>> {
    FOLDS.acquire().await.ok()
}

/// A journal entry as it is folded.
pub(super) struct Row {
    /// Its name in the history, unique on the canvas: a field and its value, `seq` and a number or `id` and a UUID.
    pub(super) name: (&'static str, Value),
    /// When it was written.
    pub(super) at: Millis,
    /// The users whose edits are in it, as the store keeps them.
    pub(super) actors: Value,
    /// Yjs update v1.
    pub(super) body: Bytes,
}

/// What a fold writes.
pub(super) struct Folded {
    /// See [`crate::doc::Document::encode_snapshot`].
    pub(super) snapshot: Vec<u8>,
    /// The rows as JSON lines, `{"seq" or "id", "at", "actors", "body" (base64)}`, in a zstd frame.
    pub(super) history: Vec<u8>,
}

/// Applies the rows to what the snapshots hold and encodes it: merging thousands of raw updates instead is quadratic. Off the reactor
/// threads, because both take long for a large document.
pub(super) async fn fold(snapshots: Vec<Vec<u8>>, rows: Vec<Row>) -> Result<Folded, StoreError> {
    let folding = tokio::task::spawn_blocking(move || encode(snapshots, &rows));
    folding.await.map_err(|error| StoreError(error.to_string()))?
}

fn encode(snapshots: Vec<Vec<u8>>, rows: &[Row]) -> Result<Folded, StoreError> {
    let entries = rows.iter().map(|row| row.body.clone()).collect();
    let document = Stored { snapshots, entries }.restore().map_err(|error| StoreError(error.to_string()))?;
    let snapshot = document.encode_snapshot().map_err(|error| StoreError(error.to_string()))?;
    let mut lines = Vec::new();
    for row in rows {
        write_line(&mut lines, row);
    }
    Ok(Folded { snapshot, history: pack(&lines)? })
}

/// Adds a row to what will be a segment of history.
pub(super) fn write_line(lines: &mut Vec<u8>, row: &Row) {
    let (name, value) = &row.name;
    let line = json!({ (*name): value, "at": row.at, "actors": row.actors, "body": STANDARD.encode(&row.body) });
    lines.extend_from_slice(line.to_string().as_bytes());
    lines.push(b'\n');
}

/// A segment of history, as it is stored.
pub(super) fn pack(lines: &[u8]) -> Result<Vec<u8>, StoreError> {
    zstd::encode_all(lines, 3).map_err(|error| StoreError(error.to_string()))
}

/// A line of a stored segment.
#[derive(Deserialize)]
pub(super) struct Line {
    /// In the embedded store: its number.
    #[serde(default)]
    pub(super) seq: i64,
    /// In MongoDB: its id.
    #[serde(default)]
    pub(super) id: Uuid,
    at: Millis,
    actors: Value,
    body: String,
}

impl Line {
    /// The change it keeps.
    pub(super) fn change(self) -> Result<PastChange, StoreError> {
        // The embedded store keeps the array as text.
        let actors = match self.actors {
            Value::String(text) => serde_json::from_str(&text),
            array => serde_json::from_value(array),
        };
        let body = STANDARD.decode(self.body).map_err(damaged)?;
        Ok(PastChange { at: self.at, actors: actors.map_err(damaged)?, body: body.into() })
    }
}

/// The lines of a stored segment, one after the other.
pub(super) fn unpack<R: Read>(segment: R) -> Result<impl Iterator<Item = Result<Line, StoreError>>, StoreError> {
    let lines = BufReader::new(zstd::Decoder::new(segment).map_err(damaged)?).lines();
    Ok(lines.map(|line| serde_json::from_str(&line.map_err(damaged)?).map_err(damaged)))
}

fn damaged(error: impl std::fmt::Display) -> StoreError {
    StoreError(format!("a segment of the canvas's history is damaged: {error}"))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn dur_6_folds_wait_for_each_other() {
        let (first, _second) = (turn().await, turn().await);
        assert!(turn().now_or_never().is_none(), "a third began beside two");
        drop(first);
        assert!(turn().await.is_some());
    }
}
