//! The loop of one room. Owns its document and decides the order of everything that touches it.
//!
//! # Invariants
//! - A document frame goes to a peer only after its first sync step 1 was answered, and from then on none is left out: a peer that
//!   cannot take one is brought up to date with one difference. `[SYNC-2]` `[SYNC-5]`
//! - What is relayed has been taken by [`super::persist`] first, in the same turn; the ack follows the commit. `[DUR-1]`
//! - The task ends only with its tail written, after taking itself out of the hub. `[DUR-4]`

use std::collections::HashMap;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use yrs::StateVector;
use yrs::updates::decoder::Decode;

use super::changes::Announcer;
use super::copy::Copy;
use super::hub::Hub;
use super::peers::{Peer, Question, Receipts};
use super::persist::{Persist, Progress, STALL_AFTER};
use super::remote::{CatchUp, Inlet};
use super::tally::Tally;
use super::updates::{BATCH_BYTES, read_only_notice};
use super::visits::Visits;
use super::{Command, NewPeer, Node};
use crate::config::ROOM_INBOX;
use crate::doc::awareness::Sender;
use crate::doc::document::Headline;
use crate::doc::{AwarenessTable, Document};
use crate::events::{Door, UsageEvent};
use crate::id::{CanvasId, PeerId};
use crate::presence::PresenceEntry;
use crate::protocol::{self, AwarenessEntry, Close, Closing};
use crate::store::Stored;
use crate::telemetry::names;

/// Shortest time between two presence frames of a room: 30 a second is what a cursor needs to look alive. `[AW-1]`
const PRESENCE_INTERVAL: Duration = Duration::from_micros(33_334);

/// How often states are checked for expiry; y-protocols checks at a tenth of its timeout too.
const EXPIRY_CHECKS_PER_TIMEOUT: u32 = 10;

/// How often the presence port hears of a room; people read it, no cursor follows it.
const PRESENCE_PORT_INTERVAL: Duration = Duration::from_secs(1);

/// Entries, or bytes of them, worth folding when a room is unloaded: below both opening them costs less than a snapshot.
const FOLD_AT_UNLOAD_ENTRIES: u64 = 50;
const FOLD_AT_UNLOAD_BYTES: u64 = 64 << 10;

pub(super) struct Room {
    pub(super) id: CanvasId,
    pub(super) generation: u64,
    pub(super) hub: Arc<Hub>,
    pub(super) node: Arc<Node>,
    pub(super) inbox: mpsc::Receiver<Command>,
    /// What other nodes say.
    pub(super) inlet: Arc<Inlet>,
    pub(super) catch_up: CatchUp,
    pub(super) document: Document,
    pub(super) peers: HashMap<PeerId, Peer>,
    pub(super) awareness: AwarenessTable,
    pub(super) persist: Persist,
    pub(super) tally: Tally,
    pub(super) visits: Visits,
    pub(super) announcer: Announcer,
    pub(super) copy: Copy,
    pub(super) last_presence: Instant,
    /// When the presence port last heard of this room, and whether there is something new.
    pub(super) port_told: Instant,
    pub(super) port_stale: bool,
    pub(super) next_expiry: Instant,
    /// When a peer may have been behind for too long; `None` while nobody is.
    pub(super) slow_check: Option<Instant>,
    /// Since when nobody is here.
    pub(super) empty_since: Instant,
    /// What the record mirrors of the document.
    pub(super) headline: Headline,
    /// The document is not to be looked at any more: yrs failed in it and the journal did not give another. The room is ending.
    pub(super) broken: bool,
    /// Edits are refused until the journal has caught up. `[DUR-3]`
    pub(super) read_only: bool,
    /// Set when the room is ending: what joiners are told until the tail is written.
    pub(super) ending: Option<Closing>,
    /// Answers due when the journal holds a position.
    pub(super) promises: Vec<(u64, oneshot::Sender<Result<(), Closing>>)>,
}

/// Loads the canvas and runs its room until nobody needs it. The first act of a room: whoever joined meanwhile waits in the inbox.
pub(super) async fn run(
    hub: Arc<Hub>,
    id: CanvasId,
    generation: u64,
    mut inbox: mpsc::Receiver<Command>,
    inlet: Arc<Inlet>,
) {
    match load(&hub, id).await {
        Ok(stored) => {
            let entries = stored.entries.len() as u64;
            let bytes = stored.entries.iter().map(Bytes::len).sum::<usize>() as u64;
            let node = Arc::clone(hub.node());
            let now = Instant::now();
            let document = Document::new();
            let copy = Copy::new(node.store.materialises(), document.version(), entries > 0);
            // Boxed: a task keeps room for what it hands on as often as it is handed on.
            let mut room = Box::new(Room {
                id,
                generation,
                persist: Persist::new(id, Arc::clone(&node), entries, bytes),
                hub: Arc::clone(&hub),
                node,
                inbox,
                inlet,
                catch_up: CatchUp::default(),
                headline: Headline::default(),
                document,
                peers: HashMap::new(),
                awareness: AwarenessTable::default(),
                tally: Tally::default(),
                visits: Visits::default(),
                announcer: Announcer::default(),
                copy,
                last_presence: now.checked_sub(PRESENCE_INTERVAL).unwrap_or(now),
                port_told: now.checked_sub(PRESENCE_PORT_INTERVAL).unwrap_or(now),
                port_stale: false,
                next_expiry: now,
                slow_check: None,
                empty_since: now,
                broken: false,
                read_only: false,
                ending: None,
                promises: Vec::new(),
            });
            room.open(stored).await;
            room.run().await;
        }
        Err(closing) => {
            // Never an empty canvas: whoever waits is told, and the next join tries again. `[DUR-5]`
            hub.forget(id, generation);
            inbox.close();
            while let Some(command) = inbox.recv().await {
                refuse(command, &closing);
            }
        }
    }
}

async fn load(hub: &Hub, id: CanvasId) -> Result<Stored, Closing> {
    let stored = hub.node().store.load(id).await.map_err(|error| not_loaded(id, &error))?;
    stored.ok_or_else(|| Closing::new(Close::NoSuchCanvas, "there is no such canvas"))
}

fn not_loaded(id: CanvasId, reason: &dyn std::fmt::Display) -> Closing {
    tracing::error!(canvas.id = %id, %reason, "the canvas could not be loaded");
    Closing::new(Close::Internal, "the canvas could not be loaded; it is safe, try again in a moment")
}

fn refuse(command: Command, closing: &Closing) {
    match command {
        Command::Join(_, reply) => drop(reply.send(Err(closing.clone()))),
        Command::Read(reply) => drop(reply.send(Err(closing.clone()))),
        Command::Rename(_, reply) => drop(reply.send(Err(closing.clone()))),
        _ => {}
    }
}

impl Room {
    /// Builds the document. Whoever comes meanwhile and has nothing is answered from what is stored; everything else waits, in order,
    /// for the document. `[SYNC-2]` `[DUR-5]`
    async fn open(&mut self, stored: Stored) {
        let started = Instant::now();
        let entries = stored.entries.len();
        let (tell, told) = oneshot::channel();
        let mut building = tokio::task::spawn_blocking(move || stored.restore_telling(|whole| drop(tell.send(whole))));
        // Also when there is nothing to tell: then the document is there, or nearly.
        let whole = told.await.unwrap_or_default();
        let (mut answered, mut waiting) = (Vec::new(), Vec::new());
        let built = loop {
            tokio::select! {
                built = &mut building => break built,
                Some(command) = self.inbox.recv(), if !whole.is_empty() && waiting.len() < ROOM_INBOX => match command {
                    Command::Join(peer, reply) => self.on_join(*peer, reply),
                    Command::Step1(peer, since) if has_nothing(&since) && !answered.contains(&peer) => {
                        self.answer_early(peer, &whole);
                        answered.push(peer);
                    }
                    other => waiting.push(other),
                },
            }
        };
        let built = match built {
            Ok(built) => built.map_err(|error| not_loaded(self.id, &error)),
            Err(error) => Err(not_loaded(self.id, &error)),
        };
        match built {
            Ok(document) => {
                self.headline = document.headline();
                self.document = document;
            }
            Err(closing) => {
                // Never an empty canvas: whoever waits is told, and the next join tries again.
                self.broken = true;
                self.end(&closing);
            }
        }
        metrics::histogram!(names::LOAD_SECONDS).record(started.elapsed().as_secs_f64());
        tracing::debug!(canvas.id = %self.id, load.duration_ms = started.elapsed().as_millis() as u64, entries, "room opened");
        for id in answered {
            self.ask_after_answer(id);
        }
        self.handle(&mut waiting).await;
    }

    async fn run(mut self: Box<Self>) {
        let mut batch = Vec::new();
        let inlet = Arc::clone(&self.inlet);
        self.ask_who_is_there();
        let closing = self.hub.closing();
        let mut closing = pin!(closing.cancelled());
        while !self.is_done() {
            self.announce();
            self.start_append();
            let wake = self.next_wake();
            tokio::select! {
                received = self.inbox.recv_many(&mut batch, ROOM_INBOX) => {
                    if received == 0 {
                        break;
                    }
                    self.handle(&mut batch).await;
                }
                progress = self.persist.progress() => {
                    if progress == Progress::Written {
                        self.on_written();
                    }
                }
                () = inlet.ready() => self.on_heard().await,
                found = self.catch_up.progress() => self.on_found(found).await,
                () = wait_until(wake) => {}
                () = &mut closing, if self.ending.is_none() => {
                    self.end(&Closing::new(Close::Restarting, "the server is restarting"));
                }
            }
            self.housekeep();
        }
        self.unload();
    }

    /// Writes what waits for the journal, if nothing is being written.
    pub(super) fn start_append(&mut self) {
        if !self.persist.is_due() {
            return;
        }
        // Only now: it counts the blocks.
        if !self.broken {
            self.headline = self.document.headline();
        }
        self.persist.start(&self.headline);
    }

    fn is_done(&self) -> bool {
        let abandoned = self.peers.is_empty() && self.empty_since.elapsed() >= self.node.limits.room_idle;
        self.persist.is_clean() && self.inbox.is_empty() && (self.ending.is_some() || abandoned)
    }

    /// Leaves nothing behind. Dropping the room then takes it out of the hub and the inbox with it: whoever is in there is sent to a
    /// new room, which loads the same data, because the tail is written. `[DUR-4]`
    fn unload(mut self: Box<Self>) {
        let peers: Vec<_> = self.peers.keys().copied().collect();
        for peer in peers {
            self.on_leave(peer);
        }
        self.tally.record(self.id, &self.node);
        self.node.presence.forget(self.id, &self.node.id);
        if self.copy.is_stale(self.document.version()) && !self.broken {
            self.give_copy();
        }
        // Folding is for the next opening; at shutdown it would only compete with the tails.
        let (entries, bytes) = self.persist.unfolded();
        let is_worth_it = entries >= FOLD_AT_UNLOAD_ENTRIES || bytes >= FOLD_AT_UNLOAD_BYTES;
        if is_worth_it && !self.hub.is_closing() {
            let (store, id) = (Arc::clone(&self.node.store), self.id);
            let closing = self.hub.closing();
            self.hub.spawn(async move {
                if let Some(Err(error)) = closing.run_until_cancelled(store.compact(id)).await {
                    tracing::warn!(canvas.id = %id, %error, "folding the journal failed; it stays longer until the next try");
                }
            });
        }
        tracing::debug!(canvas.id = %self.id, "room closed");
    }

    /// Works through what the inbox held: runs of updates become one transaction, one frame, one journal entry. `[SYNC-3]`
    async fn handle(&mut self, batch: &mut Vec<Command>) {
        let (mut updates, mut bytes) = (Vec::new(), 0);
        // Of what may wait for the journal at most half does when a portion is taken, so a portion always fits. `[DUR-3]`
        let portion = BATCH_BYTES.min(self.node.limits.room_pending_bytes / 4);
        for command in batch.drain(..) {
            if let Command::Update(peer, inbound) = command {
                bytes += inbound.update.len();
                updates.push((peer, inbound));
                // In portions, so that what one brings counts when the next is weighed against the limits.
                if bytes >= portion {
                    bytes = 0;
                    self.on_updates(std::mem::take(&mut updates)).await;
                }
                continue;
            }
            self.on_updates(std::mem::take(&mut updates)).await;
            match command {
                Command::Join(peer, reply) => self.on_join(*peer, reply),
                Command::Step1(peer, state_vector) => self.on_step1(peer, &state_vector),
                Command::Awareness(peer, entries) => self.on_awareness(peer, entries),
                Command::QueryAwareness(peer) => self.on_query_awareness(peer),
                Command::Drained(peer) => self.on_drained(peer),
                Command::Leave(peer) => self.on_leave(peer),
                Command::Read(reply) => drop(reply.send(match &self.ending {
                    Some(closing) => Err(closing.clone()),
                    None => Ok(self.document.materialise()),
                })),
                Command::Rename(new, reply) => self.on_rename(*new, reply).await,
                Command::Bindings(reply) => drop(reply.send(match self.ending {
                    Some(_) => Vec::new(),
                    None => self.document.bindings(),
                })),
                Command::SetBindings(computed) => self.on_set_bindings(&computed).await,
                Command::Close(closing) => self.end(&closing),
                Command::Update(..) => {}
            }
        }
        self.on_updates(updates).await;
    }

    // ── joining and leaving ─────────────────────────────────────────────────────────────────────────────────────────────────────

    fn on_join(&mut self, new: NewPeer, reply: oneshot::Sender<Result<PeerId, Closing>>) {
        if let Some(closing) = &self.ending {
            let _ = reply.send(Err(closing.clone()));
            return;
        }
        if self.peers.len() >= self.node.limits.room_sessions {
            let reason = "this canvas has as many sessions as this server allows; try again later";
            let _ = reply.send(Err(Closing::new(Close::Overloaded, reason)));
            return;
        }
        let id = self.hub.next_peer();
        if new.notices {
            let user = &new.identity;
            let user = json!({ "id": user.user_id, "name": user.name, "color": user.color });
            let welcome = json!({ "type": "welcome", "role": new.role, "user": user, "session": id.to_string() });
            new.outbox.push_anyway(protocol::notice(&welcome.to_string()));
        }
        let peer = Peer {
            acks: new.acks,
            identity: new.identity,
            origin: new.origin,
            role: new.role,
            outbox: new.outbox,
            notices: new.notices,
            synced: false,
            announced: false,
            behind: None,
            presence_stale: false,
            receipts: Receipts::default(),
            told: false,
            question: Question::None,
        };
        if self.read_only && peer.role.may_edit() {
            peer.tell(&read_only_notice(), None);
        }
        let is_here = self.peers.values().any(|other| other.identity.user_id == peer.identity.user_id);
        self.happened(id, &peer, "canvas.joined");
        if self.visits.is_opening(&peer.identity.user_id, is_here, Instant::now()) {
            self.happened(id, &peer, "canvas.opened");
            // Beside it: how they came, once a visit; what is counted as a view is the opening.
            match &peer.origin.door {
                Door::Own => {}
                Door::Link => self.happened(id, &peer, "canvas.viewed_by_link"),
                Door::Site(site) => self.happened_with(id, &peer, "canvas.embedded", json!({ "origin": **site })),
            }
        }
        self.peers.insert(id, peer);
        if reply.send(Ok(id)).is_err() {
            self.on_leave(id);
        }
    }

    fn on_step1(&mut self, id: PeerId, state_vector: &[u8]) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Ok(since) = StateVector::decode_v1(state_vector) else {
            peer.outbox.close(Closing::new(Close::Malformed, "the state vector cannot be read"));
            return;
        };
        // A peer that is behind gets its difference when it has drained; until then asking again costs nothing.
        if peer.behind.is_some() || peer.outbox.is_full() {
            if peer.behind.is_none() {
                peer.outbox.mark_behind();
                peer.behind = Some((since, Instant::now()));
            }
            peer.synced = true;
            return self.watch_slow(true);
        }
        // The difference first, then the question, then who is here. `[SYNC-2]`
        let difference = self.document.step2_frame(&since);
        let first = !std::mem::replace(&mut peer.synced, true);
        let fell_behind = peer.send_document(&difference, || since);
        self.watch_slow(fell_behind);
        if first {
            self.ask_after_answer(id);
        }
    }

    /// What follows the first answer to a session: what it has that is missing here, and who is here.
    fn ask_after_answer(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.outbox.push_anyway(self.document.step1_frame());
        if let Some(everyone) = self.awareness.everyone() {
            peer.send_presence(&everyone);
        }
    }

    /// Answers a session that has nothing with the frames that make up the document, which is being built.
    fn answer_early(&mut self, id: PeerId, whole: &[Bytes]) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.synced = true;
        let mut fell_behind = false;
        for frame in whole {
            fell_behind |= peer.send_document(frame, StateVector::default);
        }
        self.watch_slow(fell_behind);
    }

    fn on_leave(&mut self, id: PeerId) {
        if let Some(peer) = self.peers.remove(&id) {
            self.awareness.leave(id, Instant::now());
            self.happened(id, &peer, "canvas.left");
            self.visits.left(&peer.identity.user_id, Instant::now());
            self.port_stale = true;
            if self.peers.is_empty() {
                self.empty_since = Instant::now();
                self.document.forget_cache();
            }
        }
    }

    fn happened(&self, id: PeerId, peer: &Peer, event_type: &'static str) {
        self.happened_with(id, peer, event_type, json!({}));
    }

    /// `data`: an object with more about it.
    fn happened_with(&self, id: PeerId, peer: &Peer, event_type: &'static str, mut data: Value) {
        data["canvas_id"] = json!(self.id);
        data["role"] = json!(peer.role);
        let session = || self.node.session_name(id);
        self.node.events.record(|| UsageEvent::of(&peer.identity, &peer.origin, session(), event_type, data));
    }

    /// Ends every session and the room; joiners are told the same until the tail is written.
    pub(super) fn end(&mut self, closing: &Closing) {
        for peer in self.peers.values() {
            peer.outbox.close(closing.clone());
        }
        self.ending = Some(closing.clone());
    }

    // ── presence ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    fn on_awareness(&mut self, id: PeerId, entries: Vec<AwarenessEntry>) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let first_message = !std::mem::replace(&mut peer.announced, true);
        let sender = Sender { peer: id, user_id: &peer.identity.user_id, first_message };
        if let Some(frame) = self.awareness.receive(sender, entries, Instant::now()) {
            peer.outbox.push_anyway(frame);
        }
        self.port_stale |= self.awareness.has_news();
    }

    fn on_query_awareness(&mut self, id: PeerId) {
        if let (Some(peer), Some(everyone)) = (self.peers.get_mut(&id), self.awareness.everyone()) {
            peer.send_presence(&everyone);
        }
    }

    /// Sends the presence frame if one is due: at once in a quiet room, at the tick in a busy one. `[AW-1]`
    fn send_presence(&mut self, now: Instant) {
        if !self.awareness.has_news() || now < self.last_presence + PRESENCE_INTERVAL {
            return;
        }
        let Some(news) = self.awareness.take_news() else { return };
        self.last_presence = now;
        metrics::counter!(names::PRESENCE_FRAMES).increment(1);
        for peer in self.peers.values_mut().filter(|peer| peer.synced) {
            peer.send_presence(&news.frame);
        }
        if let Some(local) = news.local {
            self.publish_states(local);
        }
    }

    fn publish_presence(&mut self, now: Instant) {
        if !self.port_stale || now < self.port_told + PRESENCE_PORT_INTERVAL {
            return;
        }
        self.port_stale = false;
        self.port_told = now;
        let seen = self.node.clock.now();
        let entries = self
            .awareness
            .states()
            .filter_map(|(user_id, state)| PresenceEntry::from_state(user_id, state, &self.node.id, seen));
        self.node.presence.put(self.id, &self.node.id, entries.collect());
    }

    // ── peers that fall behind, time ────────────────────────────────────────────────────────────────────────────────────────────

    /// The socket of a slow peer has drained: one difference from where it was left, then who is here now. `[SYNC-5]`
    fn on_drained(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if !peer.outbox.resume() {
            return;
        }
        let mut fell_behind = false;
        if let Some((since, _)) = peer.behind.take() {
            // An empty outbox takes the difference, however large; if something came in between, the peer is still behind.
            let difference = self.document.update_frame(&since);
            fell_behind = peer.send_document(&difference, || since);
        }
        if std::mem::take(&mut peer.presence_stale)
            && let Some(everyone) = self.awareness.everyone()
        {
            peer.send_presence(&everyone);
        }
        self.watch_slow(fell_behind);
    }

    fn housekeep(&mut self) {
        let now = Instant::now();
        self.persist.note_stall();
        if self.read_only && self.persist.has_recovered() {
            self.turn_writable();
        }
        if now >= self.next_expiry && !self.awareness.is_empty() {
            self.awareness.expire(self.node.limits.presence_timeout, now);
            self.port_stale |= self.awareness.has_news();
            self.next_expiry = now + self.node.limits.presence_timeout / EXPIRY_CHECKS_PER_TIMEOUT;
        }
        self.send_presence(now);
        self.publish_presence(now);
        if self.tally.due().is_some_and(|due| due <= now) {
            self.tally.record(self.id, &self.node);
        }
        if self.slow_check.is_some_and(|due| due <= now) {
            self.close_slow_peers(now);
        }
        if self.copy_due().is_some_and(|due| due <= now) {
            self.give_copy();
        }
    }

    fn copy_due(&mut self) -> Option<Instant> {
        if self.broken { None } else { self.copy.due(self.document.version()) }
    }

    fn give_copy(&mut self) {
        let document = &self.document;
        self.copy.give(&self.hub, self.id, document.version(), || document.materialise());
    }

    /// Closes peers that stayed behind too long, and notes when the next one would have.
    fn close_slow_peers(&mut self, now: Instant) {
        let slow = self.node.limits.slow_peer;
        let since = |peer: &Peer| peer.behind.as_ref().map(|(_, at)| *at);
        for peer in self.peers.values().filter(|peer| since(peer).is_some_and(|at| at + slow <= now)) {
            peer.outbox.close(Closing::new(
                Close::Overloaded,
                "this connection is too slow for this canvas; reconnecting may help",
            ));
        }
        let next = self.peers.values().filter_map(since).filter(|at| *at + slow > now).min();
        self.slow_check = next.map(|at| at + slow);
    }

    pub(super) fn watch_slow(&mut self, fell_behind: bool) {
        if fell_behind && self.slow_check.is_none() {
            self.slow_check = Some(Instant::now() + self.node.limits.slow_peer);
        }
    }

    /// Leaves word if the document has changed. A room that is ending has nothing more to compute.
    fn announce(&mut self) {
        if self.ending.is_none() && !self.broken {
            self.announcer.tell(&self.node.changes, self.id, self.document.version());
        }
    }

    /// The next moment [`Room::housekeep`] has something to do without anybody asking; an idle room has none but its end.
    fn next_wake(&mut self) -> Option<Instant> {
        let presence = self.awareness.has_news().then(|| self.last_presence + PRESENCE_INTERVAL);
        let expiry = (!self.awareness.is_empty()).then_some(self.next_expiry);
        let stall = self.persist.is_busy().then(|| Instant::now() + STALL_AFTER);
        // With a tail to write it is the journal's answer that ends the room.
        let idle = self.peers.is_empty() && self.persist.is_clean();
        let end = idle.then(|| self.empty_since + self.node.limits.room_idle);
        let port = self.port_stale.then(|| self.port_told + PRESENCE_PORT_INTERVAL);
        let word = self.announcer.due(self.document.version()).filter(|_| self.ending.is_none() && !self.broken);
        let copy = self.copy_due();
        [presence, expiry, stall, end, port, word, copy, self.slow_check, self.tally.due()].into_iter().flatten().min()
    }
}

/// Also when the task panics: a handle to a dead room would keep its canvas shut, and its sessions would wait for ever.
impl Drop for Room {
    fn drop(&mut self) {
        self.hub.forget(self.id, self.generation);
        for peer in self.peers.values() {
            peer.outbox.close(Closing::new(Close::Internal, "the canvas was closed by an error; reconnect"));
        }
    }
}

/// Whether an encoded state vector is that of an empty document.
fn has_nothing(state_vector: &[u8]) -> bool {
    StateVector::decode_v1(state_vector).is_ok_and(|since| since.is_empty())
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
