//! Who edited how much: one usage event for each person now and then, not one for each keystroke.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::Node;
use super::peers::Peer;
use crate::access::Identity;
use crate::events::{Origin, UsageEvent};
use crate::id::{CanvasId, PeerId};

/// Longest time an edit waits for its event: fine enough for active minutes, coarse enough for a person who types.
const INTERVAL: Duration = Duration::from_secs(10);

/// The edits of a room since the last events.
#[derive(Default)]
pub(super) struct Tally {
    people: HashMap<String, Edits>,
    due: Option<Instant>,
}

struct Edits {
    identity: Identity,
    origin: Origin,
    session: PeerId,
    updates: u64,
    size_bytes: u64,
}

impl Tally {
    /// Counts one update.
    pub(super) fn count(&mut self, peer: &Peer, session: PeerId, size_bytes: usize) {
        let identity = &peer.identity;
        self.due.get_or_insert_with(|| Instant::now() + INTERVAL);
        if !self.people.contains_key(&identity.user_id) {
            let edits =
                Edits { identity: identity.clone(), origin: peer.origin.clone(), session, updates: 0, size_bytes: 0 };
            self.people.insert(identity.user_id.clone(), edits);
        }
        if let Some(edits) = self.people.get_mut(&identity.user_id) {
            edits.updates += 1;
            edits.size_bytes += size_bytes as u64;
        }
    }

    /// When [`Tally::record`] is due; `None` if nobody edited.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// One event for each person who edited.
    pub(super) fn record(&mut self, canvas: CanvasId, node: &Node) {
        self.due = None;
        for (_, edits) in self.people.drain() {
            let data = json!({ "canvas_id": canvas, "updates": edits.updates, "size_bytes": edits.size_bytes });
            let session = node.session_name(edits.session);
            node.events.record(|| UsageEvent::of(&edits.identity, &edits.origin, session, "canvas.edited", data));
        }
    }
}
