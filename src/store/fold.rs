//! Folding a journal, whatever store it is in: a snapshot of what it says, and the history that keeps what was said. `[DUR-6]`
//!
//! Owns the two encodings. Which entries are folded, and in what order things are written and deleted, is each store's.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{StoreError, Stored};
use crate::clock::Millis;

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
        let (name, value) = &row.name;
        let line = json!({ (*name): value, "at": row.at, "actors": row.actors, "body": STANDARD.encode(&row.body) });
        lines.extend_from_slice(line.to_string().as_bytes());
        lines.push(b'\n');
    }
    let history = zstd::encode_all(lines.as_slice(), 3).map_err(|error| StoreError(error.to_string()))?;
    Ok(Folded { snapshot, history })
}
