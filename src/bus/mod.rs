//! PORT: changes and presence between nodes that hold the same canvas. `[BUS-1]`
//!
//! Owns delivery, which may lose frames and says when it did. Correctness never depends on it: the journal is the truth, and a room that
//! hears [`Frame::Missed`] reads it. [`LocalBus`] joins the nodes of one process, [`redis`] those of many.

pub mod local;
pub mod redis;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::broadcast;

use crate::id::CanvasId;

pub use local::LocalBus;
pub use redis::RedisBus;

/// What a node hears. It never hears itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A change a node made to a canvas, which is in the journal.
    Change {
        /// Which node.
        node: Arc<str>,
        /// The canvas.
        canvas: CanvasId,
        /// Yjs update v1.
        update: Bytes,
    },
    /// Something about a canvas is in the store that was not carried: a change too large or too much for the bus, or its deletion.
    Reload {
        /// Which node.
        node: Arc<str>,
        /// The canvas.
        canvas: CanvasId,
    },
    /// What the people on a node do on a canvas right now: an awareness frame's entries. `[AW-4]`
    Presence {
        /// Which node.
        node: Arc<str>,
        /// The canvas.
        canvas: CanvasId,
        /// As [`crate::protocol::encode_awareness`] writes them.
        states: Bytes,
    },
    /// A node opened a canvas and asks the others who is there.
    WhoIsThere {
        /// Which node.
        node: Arc<str>,
        /// The canvas.
        canvas: CanvasId,
    },
    /// A node is gone, or was not heard of for too long: nobody is on it any more.
    NodeGone(Arc<str>),
    /// Frames were lost on the way here.
    Missed,
}

/// The port.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Tells the other nodes; never waits. `frame` names this node. What cannot be delivered reaches them as [`Frame::Reload`] or
    /// [`Frame::Missed`]; presence that cannot is lost, and comes again with the next renewal.
    fn publish(&self, frame: Frame);

    /// Everything others publish from now on.
    fn subscribe(&self, node: &str) -> Subscription;

    /// Whether there may be other nodes: with none, nothing needs to be put together for them.
    fn has_others(&self) -> bool;

    /// Whether it delivers now.
    async fn ping(&self) -> Result<(), String>;
}

/// A node's ear on the bus.
pub struct Subscription {
    frames: broadcast::Receiver<Frame>,
    node: Arc<str>,
}

impl Subscription {
    /// The next frame of another node; `None` when the bus is closed.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            let frame = match self.frames.recv().await {
                Ok(frame) => frame,
                Err(broadcast::error::RecvError::Lagged(_)) => Frame::Missed,
                Err(broadcast::error::RecvError::Closed) => return None,
            };
            if frame.sender() != Some(&*self.node) {
                return Some(frame);
            }
        }
    }
}

impl Frame {
    /// The node that published it, if one did.
    #[must_use]
    pub fn sender(&self) -> Option<&str> {
        match self {
            Self::Change { node, .. }
            | Self::Reload { node, .. }
            | Self::Presence { node, .. }
            | Self::WhoIsThere { node, .. } => Some(node),
            Self::NodeGone(_) | Self::Missed => None,
        }
    }
}
