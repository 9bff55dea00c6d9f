//! The embedded bus: the nodes of one process, which is one node unless a test makes more.

use async_trait::async_trait;
use tokio::sync::broadcast;

use super::{Bus, Frame, Subscription};

/// Frames kept for a node that is slow to read: a burst of a second from a busy canvas. Beyond it the node reads the journal instead.
const BACKLOG: usize = 4096;

/// [`Bus`] inside one process. Clones share it: give every node of the process one.
#[derive(Clone)]
pub struct LocalBus(broadcast::Sender<Frame>);

impl Default for LocalBus {
    fn default() -> Self {
        Self(broadcast::channel(BACKLOG).0)
    }
}

#[async_trait]
impl Bus for LocalBus {
    fn publish(&self, frame: Frame) {
        if self.has_others() {
            let _ = self.0.send(frame);
        }
    }

    fn subscribe(&self, node: &str) -> Subscription {
        Subscription { frames: self.0.subscribe(), node: node.into() }
    }

    fn has_others(&self) -> bool {
        self.0.receiver_count() > 1
    }

    async fn ping(&self) -> Result<(), String> {
        Ok(())
    }
}
