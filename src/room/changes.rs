//! Word that an open canvas has changed, for whoever computes from what is on it.
//!
//! Costs a room next to nothing: one comparison a turn, and one bounded `try_send` at most until the listener has looked. What changed is
//! not said; the listener asks the room when it gets to it, and so sees everything up to then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::id::CanvasId;

/// Canvases that may wait for the listener, at most once each. More wait in their rooms.
const QUEUE: usize = 1024;

/// When a room whose word did not fit into the queue tries again.
const RETRY: Duration = Duration::from_millis(250);

/// Where the rooms of a node leave word. By default nobody listens.
#[derive(Default)]
pub struct Changes {
    sender: Option<mpsc::Sender<Changed>>,
}

/// A canvas has been opened or changed. Until this is dropped its room says nothing more: drop it just before looking.
pub struct Changed {
    /// Which.
    pub canvas: CanvasId,
    /// Since when.
    pub since: Instant,
    waiting: Arc<AtomicBool>,
}

impl Changes {
    /// Somebody listens.
    #[must_use]
    pub fn channel() -> (Self, mpsc::Receiver<Changed>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self { sender: Some(sender) }, receiver)
    }
}

impl Drop for Changed {
    fn drop(&mut self) {
        self.waiting.store(false, Ordering::SeqCst);
    }
}

/// A room's side.
#[derive(Default)]
pub(super) struct Announcer {
    /// The version of the document that the listener knows, or will when it looks.
    told: Option<u64>,
    waiting: Arc<AtomicBool>,
}

impl Announcer {
    /// Leaves word if the document is another one than was told.
    pub(super) fn tell(&mut self, to: &Changes, canvas: CanvasId, version: u64) {
        if self.told == Some(version) {
            return;
        }
        let sent = match &to.sender {
            // Word that waits covers this too: the listener looks later.
            Some(sender) if !self.waiting.swap(true, Ordering::SeqCst) => {
                let changed = Changed { canvas, since: Instant::now(), waiting: Arc::clone(&self.waiting) };
                // What comes back is dropped, and with it the mark.
                !matches!(sender.try_send(changed), Err(mpsc::error::TrySendError::Full(_)))
            }
            _ => true,
        };
        if sent {
            self.told = Some(version);
        }
    }

    /// The listener must look again although the document is the same.
    pub(super) fn forget(&mut self) {
        self.told = None;
    }

    /// Nothing is to be said of this version.
    pub(super) fn hush(&mut self, version: u64) {
        self.told = Some(version);
    }

    /// When [`Announcer::tell`] is due without a change.
    pub(super) fn due(&self, version: u64) -> Option<Instant> {
        (self.told != Some(version)).then(|| Instant::now() + RETRY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_says_it_once_until_somebody_looks() {
        let (changes, mut word) = Changes::channel();
        let (mut room, canvas) = (Announcer::default(), CanvasId::generate());
        for version in [0, 0, 1, 2] {
            room.tell(&changes, canvas, version);
        }
        let first = word.try_recv().unwrap();
        assert_eq!(first.canvas, canvas);
        assert!(word.try_recv().is_err() && room.due(2).is_none());
        room.tell(&changes, canvas, 3);
        assert!(word.try_recv().is_err(), "the listener has not looked yet, and will see this too");
        drop(first);
        room.tell(&changes, canvas, 3);
        assert!(word.try_recv().is_err(), "nothing is new");
        room.tell(&changes, canvas, 4);
        drop(word.try_recv().unwrap());
        room.forget();
        room.tell(&changes, canvas, 4);
        assert!(word.try_recv().is_ok());
        room.hush(5);
        room.tell(&changes, canvas, 5);
        assert!(word.try_recv().is_err() && room.due(5).is_none());
        room.tell(&changes, canvas, 6);
        assert!(word.try_recv().is_ok());
    }

    #[test]
    fn lim_1_what_does_not_fit_is_said_later() {
        let (changes, mut word) = Changes::channel();
        let canvas = CanvasId::generate();
        let mut rooms: Vec<_> = (0..=QUEUE).map(|_| Announcer::default()).collect();
        for room in &mut rooms {
            room.tell(&changes, canvas, 7);
        }
        let last = &mut rooms[QUEUE];
        assert!(last.due(7).is_some(), "it wakes up to try again");
        drop(word.try_recv().unwrap());
        last.tell(&changes, canvas, 7);
        assert!(last.due(7).is_none());
        let nobody = Changes::default();
        let mut room = Announcer::default();
        room.tell(&nobody, canvas, 1);
        assert!(room.due(1).is_none());
    }
}
