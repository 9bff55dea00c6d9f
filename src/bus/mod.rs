//! PORT: changes between nodes that hold the same canvas. `[BUS-1]`
//!
//! Owns delivery, which may lose frames and says when it did. Correctness never depends on it: the journal is the truth, and a room that
//! hears [`Frame::Missed`] reads it. The embedded bus joins the nodes of one process.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::broadcast;

use crate::id::CanvasId;

/// Frames kept for a node that is slow to read: a burst of a second from a busy canvas. Beyond it the node reads the journal instead.
const BACKLOG: usize = 4096;

/// What a node hears.
#[derive(Debug, Clone)]
pub enum Frame {
    /// A change a node made to a canvas.
    Change {
        /// Which node; one hears oneself as well.
        node: Arc<str>,
        /// The canvas.
        canvas: CanvasId,
        /// Yjs update v1.
        update: Bytes,
    },
    /// Frames were lost on the way here.
    Missed,
}

/// The embedded bus. Clones share it: give every node of the process one.
#[derive(Clone)]
pub struct LocalBus(broadcast::Sender<Frame>);

impl Default for LocalBus {
    fn default() -> Self {
        Self(broadcast::channel(BACKLOG).0)
    }
}

impl LocalBus {
    /// Tells the other nodes of a change; never waits. A node alone is not told about itself.
    pub fn publish(&self, node: &str, canvas: CanvasId, update: &Bytes) {
        if self.0.receiver_count() > 1 {
            let _ = self.0.send(Frame::Change { node: node.into(), canvas, update: update.clone() });
        }
    }

    /// Everything published from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        Subscription(self.0.subscribe())
    }
}

/// A node's ear on the bus.
pub struct Subscription(broadcast::Receiver<Frame>);

impl Subscription {
    /// The next frame; `None` when the bus is closed.
    pub async fn next(&mut self) -> Option<Frame> {
        match self.0.recv().await {
            Ok(frame) => Some(frame),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Frame::Missed),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
