//! What other nodes say about an open canvas, and catching up when not all of it was heard. `[BUS-1]` `[BUS-2]` `[AW-4]`
//!
//! Owns the way from the bus into a room. The hub leaves everything in the room's [`Inlet`] and never waits for a room: a busy one finds
//! a bounded pile, applies its updates in one transaction, and reads the journal if there was more.
//!
//! # Catching up
//! One load of the canvas, a few rooms of the node at a time, while the room goes on serving. Everything another node publishes is in the
//! journal before, so a load that began after a frame was heard holds it. A frame that came *during* the load and still builds on
//! something missing afterwards costs one more load; one from before cannot, so there is no loop.

use std::future::pending;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::actor::Room;
use crate::bus::Frame;
use crate::doc::document::Batch;
use crate::doc::{Applied, Document};
use crate::id::CanvasId;
use crate::protocol::{self, Close, Closing, WireLimits};
use crate::store::{Store, StoreError};
use crate::telemetry::names;

/// Rooms of a node that catch up at once: enough to keep a store busy, few enough to leave it time for appends.
pub(super) const CATCH_UPS: usize = 4;

/// Bytes of updates that wait for a room. A load costs less than applying more than that.
const WAITING_BYTES: usize = 4 << 20;

/// Presence messages that wait for a room; the oldest go first. Nodes send one a tick.
const WAITING_STATES: usize = 256;

/// Updates that build on something missing, kept while the journal is read.
const HELD_BYTES: usize = 1 << 20;

/// Shortest time between the end of one catch-up and the start of the next, and the wait after a failed load, doubled up to the longest.
const PAUSE: Duration = Duration::from_millis(250);
const PAUSE_LONGEST: Duration = Duration::from_secs(5);

/// Bytes of states in one answer to a node that asks who is there.
const ANSWER_BYTES: usize = 64 << 10;

/// What the bus has brought for a room that has not looked yet.
#[derive(Default)]
pub(super) struct Inlet {
    heard: Mutex<Heard>,
    wake: Notify,
}

#[derive(Default)]
struct Heard {
    updates: Vec<Bytes>,
    update_bytes: usize,
    presence: Vec<Word>,
    /// Somebody asks who is there.
    asked: bool,
    /// Not everything could be brought: read the journal.
    behind: bool,
    /// The bus lost frames of all kinds: presence is out of date too.
    missed: bool,
}

/// Presence, in order.
enum Word {
    States(Arc<str>, Bytes),
    Gone(Arc<str>),
}

impl Inlet {
    pub(super) fn update(&self, update: Bytes) {
        let mut heard = self.lock();
        if !heard.behind {
            heard.update_bytes += update.len();
            heard.updates.push(update);
            if heard.update_bytes > WAITING_BYTES {
                heard.reload();
            }
        }
        drop(heard);
        self.wake.notify_one();
    }

    pub(super) fn states(&self, node: Arc<str>, states: Bytes) {
        self.word(Word::States(node, states));
    }

    pub(super) fn gone(&self, node: Arc<str>) {
        self.word(Word::Gone(node));
    }

    pub(super) fn who_is_there(&self) {
        self.lock().asked = true;
        self.wake.notify_one();
    }

    pub(super) fn reload(&self) {
        self.lock().reload();
        self.wake.notify_one();
    }

    pub(super) fn missed(&self) {
        let mut heard = self.lock();
        heard.reload();
        heard.missed = true;
        drop(heard);
        self.wake.notify_one();
    }

    /// Resolves when something may have come. Cancel-safe.
    pub(super) async fn ready(&self) {
        self.wake.notified().await;
    }

    fn word(&self, word: Word) {
        let mut heard = self.lock();
        heard.presence.push(word);
        if heard.presence.len() > WAITING_STATES {
            // What a lost departure would have removed expires.
            heard.presence.remove(0);
        }
        drop(heard);
        self.wake.notify_one();
    }

    fn take(&self) -> Heard {
        mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    /// The journal has it all.
    fn reload(&mut self) {
        self.behind = true;
        self.updates = Vec::new();
        self.update_bytes = 0;
    }
}

/// What reading the journal brought.
pub(super) enum Found {
    Document(Document),
    /// The canvas is deleted.
    Deleted,
    /// It is stored in a form that cannot be read; reading it again will not help.
    Unreadable,
}

/// Where a room stands with the journal. One load at most is under way.
#[derive(Default)]
pub(super) struct CatchUp {
    reading: Option<Pin<Box<dyn Future<Output = Found> + Send>>>,
    /// Not before.
    next: Option<Instant>,
    /// Updates of other nodes that came during the load and build on something missing.
    held: Vec<Bytes>,
    held_bytes: usize,
    /// Something else came during the load that asks for another one.
    again: bool,
    /// Presence is to be asked for and told again after it.
    presence: bool,
}

impl CatchUp {
    /// Waits for the load to end; forever if none is under way. Cancel-safe.
    pub(super) async fn progress(&mut self) -> Found {
        match &mut self.reading {
            Some(reading) => {
                let found = reading.await;
                self.reading = None;
                self.next = Some(Instant::now() + PAUSE);
                found
            }
            None => pending().await,
        }
    }

    fn hold(&mut self, update: Bytes) {
        self.held_bytes += update.len();
        if self.held_bytes <= HELD_BYTES {
            self.held.push(update);
        } else {
            self.again = true;
        }
    }
}

impl Room {
    /// Takes what the bus has brought.
    pub(super) async fn on_heard(&mut self) {
        let heard = self.inlet.take();
        if self.broken || self.ending.is_some() {
            return;
        }
        for word in heard.presence {
            match word {
                Word::States(node, states) => self.on_remote_states(&node, &states),
                Word::Gone(node) => self.awareness.forget_node(&node, Instant::now()),
            }
        }
        if heard.asked {
            self.publish_everyone();
        }
        if !heard.updates.is_empty() {
            self.on_remote(heard.updates).await;
        }
        if heard.behind {
            self.catch_up.presence |= heard.missed;
            self.read_journal();
        }
    }

    /// Asks the other nodes who is there, if there may be any.
    pub(super) fn ask_who_is_there(&self) {
        if self.node.bus.has_others() {
            self.node.bus.publish(Frame::WhoIsThere { node: Arc::clone(&self.node.id), canvas: self.id });
        }
    }

    /// Tells the other nodes what the sessions here say.
    pub(super) fn publish_states(&self, states: Bytes) {
        if self.node.bus.has_others() {
            self.node.bus.publish(Frame::Presence { node: Arc::clone(&self.node.id), canvas: self.id, states });
        }
    }

    fn publish_everyone(&self) {
        for states in self.awareness.local_frames(ANSWER_BYTES) {
            self.publish_states(states);
        }
    }

    fn on_remote_states(&mut self, node: &Arc<str>, states: &Bytes) {
        let entries = match protocol::awareness::decode_frame(states) {
            Ok(entries) => entries,
            Err(refusal) => {
                tracing::warn!(canvas.id = %self.id, %node, %refusal, "another node's presence cannot be read");
                return;
            }
        };
        let remote = self.awareness.receive_remote(node, entries, Instant::now());
        for (peer, frame) in remote.nudges {
            if let Some(peer) = self.peers.get(&peer) {
                peer.outbox.push_anyway(frame);
            }
        }
        self.port_stale |= remote.moved;
        if let Some(behind) = remote.behind {
            self.publish_states(behind);
        }
    }

    /// Applies what other nodes changed, in one transaction if none of it fails. It is in the journal already.
    async fn on_remote(&mut self, mut updates: Vec<Bytes>) {
        let limits = WireLimits { update_bytes: self.node.limits.sync_bytes, ..WireLimits::default() };
        updates.retain(|update| {
            let checked = protocol::check_update(update, &limits);
            if let Err(refusal) = &checked {
                tracing::error!(canvas.id = %self.id, %refusal, "another node sent what cannot be read");
            }
            checked.is_ok()
        });
        while !updates.is_empty() {
            match self.apply(updates.clone()).await {
                Ok(batch) => {
                    if let Some(change) = batch.change {
                        self.broadcast(&protocol::update(&change), None);
                    }
                    let missing = updates.into_iter().zip(batch.applied).filter(|(_, is)| *is == Applied::Missing);
                    let missing: Vec<_> = missing.map(|(update, _)| update).collect();
                    if !missing.is_empty() {
                        for update in missing {
                            self.catch_up.hold(update);
                        }
                        self.read_journal_unless_reading();
                    }
                    return;
                }
                Err(broken) if broken.half_way => return self.rebuild(&broken).await,
                Err(broken) => {
                    tracing::error!(canvas.id = %self.id, %broken, "another node sent what cannot be applied");
                    updates.remove(broken.index.min(updates.len() - 1));
                }
            }
        }
    }

    /// The journal is ahead: reads it, again if that is under way already, since it may have been read by now.
    fn read_journal(&mut self) {
        if self.catch_up.reading.is_some() {
            self.catch_up.again = true;
        } else {
            self.start_reading();
        }
    }

    fn read_journal_unless_reading(&mut self) {
        if self.catch_up.reading.is_none() {
            self.start_reading();
        }
    }

    fn start_reading(&mut self) {
        let catch_up = &mut self.catch_up;
        // What came before the load begins is in what it finds.
        catch_up.held = Vec::new();
        catch_up.held_bytes = 0;
        catch_up.again = false;
        let reading = read(self.id, Arc::clone(&self.node.store), self.hub.catch_ups(), catch_up.next);
        catch_up.reading = Some(Box::pin(reading));
    }

    /// The journal has been read: takes what the document lacks.
    pub(super) async fn on_found(&mut self, found: Found) {
        if self.broken || self.ending.is_some() {
            return;
        }
        metrics::counter!(names::CATCH_UPS).increment(1);
        match found {
            Found::Document(restored) => {
                let difference = restored.difference(&self.document.state_vector());
                match self.apply(vec![difference.into()]).await {
                    Ok(Batch { change: Some(change), .. }) => self.broadcast(&protocol::update(&change), None),
                    Ok(_) => {}
                    Err(broken) => self.rebuild(&broken).await,
                }
            }
            Found::Deleted => return self.end(&Closing::new(Close::NoSuchCanvas, "this canvas was deleted")),
            Found::Unreadable => {}
        }
        if mem::take(&mut self.catch_up.presence) {
            self.publish_everyone();
            self.ask_who_is_there();
        }
        self.catch_up.held_bytes = 0;
        let held = mem::take(&mut self.catch_up.held);
        if self.catch_up.again {
            self.start_reading();
        } else if !held.is_empty() {
            self.on_remote(held).await;
        }
    }
}

/// Loads the canvas, waiting for a turn and for the store.
async fn read(id: CanvasId, store: Arc<dyn Store>, turns: Arc<Semaphore>, not_before: Option<Instant>) -> Found {
    if let Some(at) = not_before {
        tokio::time::sleep_until(at).await;
    }
    let mut pause = PAUSE;
    loop {
        let turn = turns.acquire().await;
        match load(id, &store).await {
            Ok(found) => return found,
            Err(error) => {
                tracing::warn!(canvas.id = %id, %error, "the journal cannot be read to catch up; trying again");
            }
        }
        drop(turn);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_LONGEST);
    }
}

async fn load(id: CanvasId, store: &Arc<dyn Store>) -> Result<Found, StoreError> {
    if store.canvas(id).await?.is_none_or(|record| record.deleted_at.is_some()) {
        return Ok(Found::Deleted);
    }
    let Some(stored) = store.load(id).await? else { return Ok(Found::Deleted) };
    let restored = tokio::task::spawn_blocking(move || stored.restore()).await;
    let restored = restored.map_err(|error| StoreError(error.to_string()))?;
    Ok(restored.map_or_else(
        |error| {
            tracing::error!(canvas.id = %id, %error, "the journal cannot be read");
            Found::Unreadable
        },
        Found::Document,
    ))
}
