//! What waits to be written. Bounded: what does not fit is remembered by canvas, because the others can read it in the journal.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::id::CanvasId;
use crate::telemetry::names;

/// Largest update that is carried, bytes. Edits are tens of bytes; a large paste is rare enough to be read from the journal, and with
/// this the stream has a bound in bytes too.
pub(super) const CARRIED_BYTES: usize = 32 << 10;

/// Changes, and their bytes, that may wait: a second of a very busy node.
const CHANGES: usize = 16_384;
const CHANGE_BYTES: usize = 8 << 20;

/// Canvases that are remembered by name. With more, everybody reads everything they have open.
const RELOADS: usize = 4096;

/// Messages of presence, and their bytes, that may wait. The oldest go first: they are out of date.
const FLEETING: usize = 4096;
const FLEETING_BYTES: usize = 8 << 20;

/// What one round trip carries at most.
const LOAD_ENTRIES: usize = 1000;
const LOAD_BYTES: usize = 1 << 20;

/// See the module docs.
#[derive(Default)]
pub(super) struct Outbox {
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Default)]
struct Queue {
    changes: VecDeque<(CanvasId, Bytes)>,
    change_bytes: usize,
    reloads: HashSet<CanvasId>,
    /// Too much was lost to be remembered by canvas.
    missed: bool,
    fleeting: VecDeque<Bytes>,
    fleeting_bytes: usize,
}

/// What one round trip carries.
#[derive(Debug, Default)]
pub(super) struct Load {
    pub(super) changes: Vec<(CanvasId, Bytes)>,
    pub(super) reloads: Vec<CanvasId>,
    pub(super) missed: bool,
    pub(super) fleeting: Vec<Bytes>,
}

impl Outbox {
    pub(super) fn change(&self, canvas: CanvasId, update: Bytes) {
        let mut queue = self.lock();
        // What is to be read from the journal is in it already, and so is this.
        if queue.missed || queue.reloads.contains(&canvas) {
            return;
        }
        let fits = queue.changes.len() < CHANGES && queue.change_bytes + update.len() <= CHANGE_BYTES;
        if update.len() <= CARRIED_BYTES && fits {
            queue.change_bytes += update.len();
            queue.changes.push_back((canvas, update));
        } else {
            queue.reload(canvas);
        }
        queue.note();
        drop(queue);
        self.wake.notify_one();
    }

    pub(super) fn reload(&self, canvas: CanvasId) {
        self.lock().reload(canvas);
        self.wake.notify_one();
    }

    pub(super) fn fleeting(&self, message: Bytes) {
        let mut queue = self.lock();
        queue.fleeting_bytes += message.len();
        queue.fleeting.push_back(message);
        while queue.fleeting.len() > FLEETING || queue.fleeting_bytes > FLEETING_BYTES {
            let Some(oldest) = queue.fleeting.pop_front() else { break };
            queue.fleeting_bytes -= oldest.len();
        }
        queue.note();
        drop(queue);
        self.wake.notify_one();
    }

    /// What to write now; empty if nothing waits.
    pub(super) fn take(&self) -> Load {
        let mut queue = self.lock();
        let mut load = Load { missed: std::mem::take(&mut queue.missed), ..Load::default() };
        let mut bytes = 0;
        while load.changes.len() < LOAD_ENTRIES
            && bytes < LOAD_BYTES
            && let Some((canvas, update)) = queue.changes.pop_front()
        {
            bytes += update.len();
            load.changes.push((canvas, update));
        }
        queue.change_bytes -= bytes;
        // After the changes that were taken before them; their order among each other is of no matter.
        if queue.changes.is_empty() {
            load.reloads = queue.reloads.drain().collect();
        }
        let mut fleeting_bytes = 0;
        while load.fleeting.len() < LOAD_ENTRIES
            && fleeting_bytes < LOAD_BYTES
            && let Some(message) = queue.fleeting.pop_front()
        {
            fleeting_bytes += message.len();
            load.fleeting.push(message);
        }
        queue.fleeting_bytes -= fleeting_bytes;
        queue.note();
        load
    }

    /// A load may not have arrived. It is not sent again, since some of it may have: the others are told to read the journal.
    pub(super) fn failed(&self, load: &Load) {
        let mut queue = self.lock();
        queue.missed |= load.missed;
        for canvas in load.reloads.iter().chain(load.changes.iter().map(|(canvas, _)| canvas)) {
            queue.reload(*canvas);
        }
    }

    /// Resolves when there may be something to take.
    pub(super) async fn ready(&self) {
        self.wake.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn note(&self) {
        metrics::gauge!(names::BUS_PENDING_BYTES).set((self.change_bytes + self.fleeting_bytes) as f64);
    }

    fn reload(&mut self, canvas: CanvasId) {
        if self.missed {
            return;
        }
        self.reloads.insert(canvas);
        if self.reloads.len() > RELOADS {
            self.reloads.clear();
            self.missed = true;
        }
    }
}

impl Load {
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.reloads.is_empty() && !self.missed && self.fleeting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canvas() -> CanvasId {
        CanvasId::generate()
    }

    fn update(bytes: usize) -> Bytes {
        vec![7; bytes].into()
    }

    #[test]
    fn bus_2_what_does_not_fit_is_remembered_by_canvas() {
        let (outbox, (small, large)) = (Outbox::default(), (canvas(), canvas()));
        outbox.change(large, update(CARRIED_BYTES + 1));
        outbox.change(large, update(1));
        outbox.change(small, update(CARRIED_BYTES));
        let load = outbox.take();
        assert_eq!(load.changes.iter().map(|(canvas, _)| *canvas).collect::<Vec<_>>(), [small]);
        assert_eq!(load.reloads, [large], "and what follows on that canvas needs no carrying");
        assert!(outbox.take().is_empty());
        outbox.change(large, update(1));
        assert_eq!(outbox.take().changes.len(), 1, "what comes after it was said is carried again");
    }

    #[test]
    fn bus_2_an_overflowing_queue_loses_nothing_unnoticed() {
        let outbox = Outbox::default();
        let canvases: Vec<_> = (0..=RELOADS).map(|_| canvas()).collect();
        for _ in 0..=CHANGES {
            outbox.change(canvases[0], update(1));
        }
        let mut changes = 0;
        let reloads = loop {
            let load = outbox.take();
            assert!(load.changes.len() <= LOAD_ENTRIES && !load.missed);
            changes += load.changes.len();
            if !load.reloads.is_empty() {
                break load.reloads;
            }
        };
        assert_eq!((changes, reloads), (CHANGES, vec![canvases[0]]));
        for canvas in &canvases {
            outbox.reload(*canvas);
        }
        outbox.change(canvases[0], update(1));
        let load = outbox.take();
        assert!(load.missed && load.reloads.is_empty() && load.changes.is_empty(), "too many to name");
    }

    #[test]
    fn bus_2_what_failed_is_told_and_not_sent_again() {
        let (outbox, one) = (Outbox::default(), canvas());
        outbox.change(one, update(1));
        outbox.fleeting(update(1));
        let load = outbox.take();
        outbox.failed(&load);
        let load = outbox.take();
        assert_eq!((load.changes.len(), load.reloads, load.fleeting.len()), (0, vec![one], 0));
    }

    #[test]
    fn lim_1_presence_that_waits_is_bounded_and_the_newest_stays() {
        let outbox = Outbox::default();
        for index in 0..FLEETING + 10 {
            outbox.fleeting(Bytes::copy_from_slice(&index.to_be_bytes()));
        }
        let mut last = None;
        let mut count = 0;
        while let load = outbox.take()
            && !load.is_empty()
        {
            count += load.fleeting.len();
            last = load.fleeting.last().cloned();
        }
        assert_eq!(count, FLEETING);
        assert_eq!(last, Some(Bytes::copy_from_slice(&(FLEETING + 9).to_be_bytes())));
    }
}
