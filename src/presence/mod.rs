//! PORT: who is here, with a rolling TTL. `[AW-4]`
//!
//! Owns what `GET /v1/canvases/{id}/presence` shows. Does not carry cursors to peers (that is the room's awareness frame) and never
//! touches the journal. `[AW-5]`

use bytes::Bytes;
use dashmap::DashMap;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::clock::Millis;
use crate::id::CanvasId;

/// How long an entry lives without being put again: 5 min, the TTL of the data model's `canvas:presence` key.
const TTL_MS: Millis = 5 * 60 * 1000;

/// Longest name shown, characters.
const NAME_CHARS: usize = 100;

/// One person on a canvas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PresenceEntry {
    /// Their id, from the session.
    pub user_id: String,
    /// The name they show.
    pub name: String,
    /// The colour they show, as CSS writes it.
    pub color: String,
    /// Their text caret, as their client gave it.
    pub cursor: Value,
    /// The blocks they have selected, as their client gave it.
    pub selection: Value,
    /// When they were last heard of.
    #[serde(skip)]
    pub last_seen: Millis,
    /// The node their session is on.
    pub node: String,
}

impl PresenceEntry {
    /// Reads an entry out of an awareness state (JSON text); `None` if it is not an object.
    #[must_use]
    pub fn from_state(user_id: &str, state: &Bytes, node: &str, last_seen: Millis) -> Option<Self> {
        let mut state = serde_json::from_slice::<Map<String, Value>>(state).ok()?;
        let text = |state: &Map<String, Value>, key: &str| {
            let value = state.get("user").and_then(|user| user.get(key)).and_then(Value::as_str).unwrap_or_default();
            value.chars().take(NAME_CHARS).collect::<String>()
        };
        Some(Self {
            user_id: user_id.to_owned(),
            name: text(&state, "name"),
            color: text(&state, "color"),
            cursor: state.remove("cursor").unwrap_or_default(),
            selection: state.remove("selection").unwrap_or_default(),
            last_seen,
            node: node.to_owned(),
        })
    }
}

/// The embedded presence: this process's memory, one node.
#[derive(Debug, Default)]
pub struct MemoryPresence {
    canvases: DashMap<CanvasId, Vec<PresenceEntry>>,
}

impl MemoryPresence {
    /// Replaces what is known of a canvas. Several tabs of one person are one entry, the last one given.
    pub fn put(&self, canvas: CanvasId, mut entries: Vec<PresenceEntry>) {
        entries.sort_by(|a, b| a.user_id.cmp(&b.user_id));
        entries.dedup_by(|next, kept| next.user_id == kept.user_id);
        if entries.is_empty() {
            self.forget(canvas);
        } else {
            self.canvases.insert(canvas, entries);
        }
    }

    /// Nobody is on the canvas any more.
    pub fn forget(&self, canvas: CanvasId) {
        self.canvases.remove(&canvas);
    }

    /// Who is on the canvas, by user id.
    #[must_use]
    pub fn list(&self, canvas: CanvasId, now: Millis) -> Vec<PresenceEntry> {
        let known = self.canvases.get(&canvas).map(|entries| entries.clone()).unwrap_or_default();
        known.into_iter().filter(|entry| now - entry.last_seen < TTL_MS).collect()
    }
}
