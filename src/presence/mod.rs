//! PORT: who is here, with a rolling TTL. `[AW-4]`
//!
//! Owns what `GET /v1/canvases/{id}/presence` shows. Does not carry cursors to peers (that is the room's awareness frame) and never
//! touches the journal. `[AW-5]`

pub mod memory;
pub mod redis;

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::clock::Millis;
use crate::id::CanvasId;

pub use memory::MemoryPresence;
pub use redis::RedisPresence;

/// How long an entry lives without being put again: 5 min, the TTL of the data model's `canvas:presence` key.
pub(crate) const TTL_MS: Millis = 5 * 60 * 1000;

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

/// One entry for each person, the last one given.
fn by_user(entries: Vec<PresenceEntry>) -> BTreeMap<String, PresenceEntry> {
    entries.into_iter().map(|entry| (entry.user_id.clone(), entry)).collect()
}

/// The port. `put` and `forget` are handed over and never waited for: what they lose is put again within 5 minutes.
#[async_trait]
pub trait Presence: Send + Sync + 'static {
    /// Replaces what is known of the people a node has on a canvas. Several tabs of one person are one entry, the last one given.
    fn put(&self, canvas: CanvasId, node: &str, entries: Vec<PresenceEntry>);

    /// The node has nobody on the canvas any more.
    fn forget(&self, canvas: CanvasId, node: &str);

    /// Who is on the canvas, on whichever node, by user id. Who cannot be reached is left out; [`Presence::ping`] says that it is so.
    async fn list(&self, canvas: CanvasId, now: Millis) -> Result<Vec<PresenceEntry>, PresenceError>;

    /// Whether it answers now.
    async fn ping(&self) -> Result<(), PresenceError>;
}

/// Who is here cannot be told.
#[derive(Debug, Clone, thiserror::Error)]
#[error("presence is not available: {0}")]
pub struct PresenceError(pub String);
