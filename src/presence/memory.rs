//! The embedded presence: this process's memory, one node.

use async_trait::async_trait;
use dashmap::DashMap;

use super::{Presence, PresenceEntry, PresenceError, TTL_MS, by_user};
use crate::clock::Millis;
use crate::id::CanvasId;

/// [`Presence`] in memory.
#[derive(Debug, Default)]
pub struct MemoryPresence {
    canvases: DashMap<CanvasId, Vec<PresenceEntry>>,
}

#[async_trait]
impl Presence for MemoryPresence {
    fn put(&self, canvas: CanvasId, node: &str, entries: Vec<PresenceEntry>) {
        let entries: Vec<_> = by_user(entries).into_values().collect();
        if entries.is_empty() {
            self.forget(canvas, node);
        } else {
            self.canvases.insert(canvas, entries);
        }
    }

    fn forget(&self, canvas: CanvasId, _node: &str) {
        self.canvases.remove(&canvas);
    }

    async fn list(&self, canvas: CanvasId, now: Millis) -> Result<Vec<PresenceEntry>, PresenceError> {
        let known = self.canvases.get(&canvas).map(|entries| entries.clone()).unwrap_or_default();
        Ok(known.into_iter().filter(|entry| now - entry.last_seen < TTL_MS).collect())
    }

    async fn ping(&self) -> Result<(), PresenceError> {
        Ok(())
    }
}
