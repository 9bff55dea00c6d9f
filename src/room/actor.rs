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
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use yrs::StateVector;
use yrs::updates::decoder::Decode;

use super::hub::Hub;
use super::peers::{Peer, Question, Receipts};
use super::persist::{Persist, Progress, STALL_AFTER};
use super::tally::Tally;
use super::{Command, Inbound, NewPeer, Node};
use crate::config::ROOM_INBOX;
use crate::doc::awareness::Sender;
use crate::doc::document::{Batch, Broken, Headline};
use crate::doc::{Applied, AwarenessTable, Document, schema};
use crate::events::UsageEvent;
use crate::id::{CanvasId, PeerId};
use crate::presence::PresenceEntry;
use crate::protocol::{self, AwarenessEntry, Close, Closing};
use crate::store::Change;
use crate::telemetry::names;

/// Shortest time between two presence frames of a room: 30 a second is what a cursor needs to look alive. `[AW-1]`
const PRESENCE_INTERVAL: Duration = Duration::from_micros(33_334);

/// How often states are checked for expiry; y-protocols checks at a tenth of its timeout too.
const EXPIRY_CHECKS_PER_TIMEOUT: u32 = 10;

/// How often the presence port hears of a room; people read it, no cursor follows it.
const PRESENCE_PORT_INTERVAL: Duration = Duration::from_secs(1);

/// Entries worth folding when a room is unloaded: below that opening them costs less than a snapshot.
const FOLD_AT_UNLOAD: u64 = 50;

/// Updates taken into one transaction, bytes.
const BATCH_BYTES: usize = 1 << 20;

/// Updates of this size and more are applied off the reactor threads: below, applying takes less than a thread switch is worth; a
/// crafted one can take seconds (conflict resolution is quadratic in items at one place).
const APPLY_ASIDE_BYTES: usize = 64 << 10;

/// Wait between tries to rebuild a broken document while the store does not answer.
const REBUILD_RETRY: Duration = Duration::from_secs(1);

pub(super) struct Room {
    id: CanvasId,
    generation: u64,
    hub: Arc<Hub>,
    node: Arc<Node>,
    inbox: mpsc::Receiver<Command>,
    document: Document,
    peers: HashMap<PeerId, Peer>,
    awareness: AwarenessTable,
    persist: Persist,
    tally: Tally,
    last_presence: Instant,
    /// When the presence port last heard of this room, and whether there is something new.
    port_told: Instant,
    port_stale: bool,
    next_expiry: Instant,
    /// When a peer may have been behind for too long; `None` while nobody is.
    slow_check: Option<Instant>,
    /// Since when nobody is here.
    empty_since: Instant,
    /// What the record mirrors of the document.
    headline: Headline,
    /// The document is not to be looked at any more: yrs failed in it and the journal did not give another. The room is ending.
    broken: bool,
    /// Edits are refused until the journal has caught up. `[DUR-3]`
    read_only: bool,
    /// Set when the room is ending: what joiners are told until the tail is written.
    ending: Option<Closing>,
    /// Answers due when the journal holds a position.
    promises: Vec<(u64, oneshot::Sender<Result<(), Closing>>)>,
}

/// Loads the canvas and runs its room until nobody needs it. The first act of a room: whoever joined meanwhile waits in the inbox.
pub(super) async fn run(hub: Arc<Hub>, id: CanvasId, generation: u64, mut inbox: mpsc::Receiver<Command>) {
    let started = Instant::now();
    match load(&hub, id).await {
        Ok((document, entries, bytes)) => {
            metrics::histogram!(names::LOAD_SECONDS).record(started.elapsed().as_secs_f64());
            tracing::debug!(canvas.id = %id, load.duration_ms = started.elapsed().as_millis() as u64, entries, "room opened");
            let node = Arc::clone(hub.node());
            let now = Instant::now();
            let room = Room {
                id,
                generation,
                persist: Persist::new(id, Arc::clone(&node), entries, bytes),
                hub: Arc::clone(&hub),
                node,
                inbox,
                headline: document.headline(),
                document,
                peers: HashMap::new(),
                awareness: AwarenessTable::default(),
                tally: Tally::default(),
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
            };
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

async fn load(hub: &Hub, id: CanvasId) -> Result<(Document, u64, u64), Closing> {
    let failed = |reason: &dyn std::fmt::Display| {
        tracing::error!(canvas.id = %id, %reason, "the canvas could not be loaded");
        Closing::new(Close::Internal, "the canvas could not be loaded; it is safe, try again in a moment")
    };
    let stored = hub.node().store.load(id).await.map_err(|error| failed(&error))?;
    let Some(stored) = stored else {
        return Err(Closing::new(Close::NoSuchCanvas, "there is no such canvas"));
    };
    let (entries, bytes) = (stored.entries.len() as u64, stored.entries.iter().map(Bytes::len).sum::<usize>() as u64);
    let document = tokio::task::spawn_blocking(move || stored.restore()).await;
    let document = document.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
    Ok((document, entries, bytes))
}

fn refuse(command: Command, closing: &Closing) {
    match command {
        Command::Join(_, reply) => drop(reply.send(Err(closing.clone()))),
        Command::Read(reply) => drop(reply.send(Err(closing.clone()))),
        Command::Rename { reply, .. } => drop(reply.send(Err(closing.clone()))),
        _ => {}
    }
}

impl Room {
    async fn run(mut self) {
        let mut batch = Vec::new();
        let closing = self.hub.closing();
        let mut closing = pin!(closing.cancelled());
        while !self.is_done() {
            if !self.broken {
                self.headline = self.document.headline();
            }
            self.persist.start(&self.headline);
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
                () = wait_until(wake) => {}
                () = &mut closing, if self.ending.is_none() => {
                    self.end(&Closing::new(Close::Restarting, "the server is restarting"));
                }
            }
            self.housekeep();
        }
        self.unload();
    }

    fn is_done(&self) -> bool {
        let abandoned = self.peers.is_empty() && self.empty_since.elapsed() >= self.node.limits.room_idle;
        self.persist.is_clean() && self.inbox.is_empty() && (self.ending.is_some() || abandoned)
    }

    /// Leaves nothing behind. Dropping the room then takes it out of the hub and the inbox with it: whoever is in there is sent to a
    /// new room, which loads the same data, because the tail is written. `[DUR-4]`
    fn unload(mut self) {
        let peers: Vec<_> = self.peers.keys().copied().collect();
        for peer in peers {
            self.on_leave(peer);
        }
        self.tally.record(self.id, &self.node.events);
        self.node.presence.forget(self.id);
        // Folding is for the next opening; at shutdown it would only compete with the tails.
        if self.persist.unfolded() >= FOLD_AT_UNLOAD && !self.hub.is_closing() {
            let (store, id) = (Arc::clone(&self.node.store), self.id);
            self.hub.spawn(async move {
                if let Err(error) = store.compact(id).await {
                    tracing::warn!(canvas.id = %id, %error, "folding the journal failed; it stays longer until the next try");
                }
            });
        }
        tracing::debug!(canvas.id = %self.id, "room closed");
    }

    /// Works through what the inbox held: runs of updates become one transaction, one frame, one journal entry. `[SYNC-3]`
    async fn handle(&mut self, batch: &mut Vec<Command>) {
        let (mut updates, mut bytes) = (Vec::new(), 0);
        for command in batch.drain(..) {
            if let Command::Update(peer, inbound) = command {
                bytes += inbound.update.len();
                updates.push((peer, inbound));
                // In portions, so that what one brings counts when the next is weighed against the limits.
                if bytes >= BATCH_BYTES {
                    bytes = 0;
                    self.on_updates(std::mem::take(&mut updates)).await;
                }
                continue;
            }
            self.on_updates(std::mem::take(&mut updates)).await;
            match command {
                Command::Join(peer, reply) => self.on_join(peer, reply),
                Command::Step1(peer, state_vector) => self.on_step1(peer, &state_vector),
                Command::Awareness(peer, entries) => self.on_awareness(peer, entries),
                Command::QueryAwareness(peer) => self.on_query_awareness(peer),
                Command::Drained(peer) => self.on_drained(peer),
                Command::Leave(peer) => self.on_leave(peer),
                Command::Remote(update) => self.on_remote(update).await,
                Command::CatchUp => self.on_catch_up().await,
                Command::Read(reply) => drop(reply.send(match &self.ending {
                    Some(closing) => Err(closing.clone()),
                    None => Ok(self.document.materialise()),
                })),
                Command::Rename { name, description, actor, reply } => {
                    self.on_rename(name.as_deref(), description.as_deref(), actor, reply).await;
                }
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
        self.node
            .events
            .record(|| UsageEvent::of(&peer.identity, id, "canvas.joined", json!({ "canvas_id": self.id })));
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
        if first {
            peer.outbox.push_anyway(self.document.step1_frame());
            if let Some(everyone) = self.awareness.everyone() {
                peer.send_presence(&everyone);
            }
        }
        self.watch_slow(fell_behind);
    }

    fn on_leave(&mut self, id: PeerId) {
        if let Some(peer) = self.peers.remove(&id) {
            self.awareness.leave(id, Instant::now());
            self.node
                .events
                .record(|| UsageEvent::of(&peer.identity, id, "canvas.left", json!({ "canvas_id": self.id })));
            self.port_stale = true;
            if self.peers.is_empty() {
                self.empty_since = Instant::now();
                self.document.forget_cache();
            }
        }
    }

    /// Ends every session and the room; joiners are told the same until the tail is written.
    fn end(&mut self, closing: &Closing) {
        for peer in self.peers.values() {
            peer.outbox.close(closing.clone());
        }
        self.ending = Some(closing.clone());
    }

    // ── updates ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    async fn on_updates(&mut self, batch: Vec<(PeerId, Inbound)>) {
        let (mut taking_bytes, mut taking_blocks) = (0, 0);
        let mut batch: Vec<_> = batch
            .into_iter()
            .filter(|(id, inbound)| {
                if !self.read_only && self.persist.is_full(taking_bytes) {
                    self.turn_read_only();
                }
                let taken = self.may_take(*id, inbound, taking_bytes, taking_blocks);
                if taken {
                    taking_bytes += inbound.update.len();
                    taking_blocks += inbound.summary.root_keys as usize;
                }
                taken
            })
            .collect();
        while !batch.is_empty() {
            let updates = batch.iter().map(|(_, inbound)| inbound.update.clone()).collect();
            match self.apply(updates).await {
                Ok(outcome) => return self.relay(&batch, &outcome.applied, outcome.change),
                Err(broken) => {
                    let (culprit, inbound) = batch.remove(broken.index.min(batch.len() - 1));
                    self.contain(culprit, &inbound, &broken).await;
                }
            }
        }
    }

    /// Applies updates; large ones off the reactor threads, which every other room and session needs.
    async fn apply(&mut self, updates: Vec<Bytes>) -> Result<Batch, Broken> {
        let apply = |document: &mut Document, updates: &[Bytes]| {
            document.apply(&updates.iter().map(|update| &update[..]).collect::<Vec<_>>())
        };
        if updates.iter().map(Bytes::len).sum::<usize>() < APPLY_ASIDE_BYTES {
            return apply(&mut self.document, &updates);
        }
        let mut document = std::mem::take(&mut self.document);
        let worked = tokio::task::spawn_blocking(move || {
            let outcome = apply(&mut document, &updates);
            (document, outcome)
        });
        match worked.await {
            Ok((document, outcome)) => {
                self.document = document;
                outcome
            }
            // The runtime is ending, or a panic outside yrs: the document is gone either way.
            Err(error) => Err(Broken { index: 0, reason: error.to_string(), half_way: true }),
        }
    }

    /// Whether an update may be applied besides those of its batch before it, which bring `taking_bytes` and at most `taking_blocks`;
    /// tells the session if not.
    fn may_take(&mut self, id: PeerId, inbound: &Inbound, taking_bytes: usize, taking_blocks: usize) -> bool {
        let Some(peer) = self.peers.get_mut(&id) else { return false };
        if inbound.is_step2 {
            peer.question = Question::None;
        }
        let limits = &self.node.limits;
        if !peer.role.may_edit() {
            // A viewer's sync step 2 with nothing new is how every stock client answers; anything else is an edit.
            if inbound.summary.is_empty() || self.document.knows(&inbound.update, &inbound.summary) {
                return true;
            }
            let reason = format!("read-only: a {} cannot change this canvas", peer.role.name());
            peer.refuse(inbound.number, "role", &reason);
            return false;
        }
        if self.read_only && !(inbound.is_step2 && self.document.knows(&inbound.update, &inbound.summary)) {
            peer.refuse(inbound.number, "store_unavailable", READ_ONLY_REASON);
            return false;
        }
        let more = taking_bytes + inbound.update.len();
        if self.document.written_bytes() + more > limits.document_bytes
            && self.document.encoded_bytes() + more > limits.document_bytes
        {
            let reason = format!("the canvas would be larger than {} bytes; split it in two", limits.document_bytes);
            peer.end(inbound.number, Closing::new(Close::TooLarge, reason));
            return false;
        }
        if let Err(refusal) = self.document.admit(&inbound.summary) {
            peer.end(inbound.number, Closing::from(&refusal));
            return false;
        }
        if inbound.summary.root_keys > 0 {
            let most = self.document.block_count() + taking_blocks + inbound.summary.root_keys as usize;
            let exact = || self.document.block_count_after(&inbound.update) + taking_blocks;
            if most > limits.blocks && exact() > limits.blocks {
                let reason = format!("a canvas holds at most {} blocks; delete some or split it", limits.blocks);
                peer.end(inbound.number, Closing::new(Close::TooLarge, reason));
                return false;
            }
        }
        true
    }

    /// Journals and relays what a batch changed, and notes what each session is owed.
    fn relay(&mut self, batch: &[(PeerId, Inbound)], applied: &[Applied], change: Option<Bytes>) {
        metrics::counter!(names::UPDATES).increment(batch.len() as u64);
        let author = |(id, _): &(PeerId, Inbound)| *id;
        let changed =
            || batch.iter().zip(applied).filter(|(_, a)| **a != Applied::Nothing).map(|(entry, _)| author(entry));
        if let Some(change) = change {
            let sole_author = changed().next().filter(|first| changed().all(|id| id == *first));
            // A lone, complete update is relayed as it came: the same bytes, no encoding.
            let frame = match (batch, applied) {
                ([(_, inbound)], [Applied::Changed]) if !inbound.is_step2 => {
                    self.take(inbound.update.clone(), self.user_ids(changed()));
                    protocol::update(&inbound.update)
                }
                _ => {
                    self.take(change.clone(), self.user_ids(changed()));
                    protocol::update(&change)
                }
            };
            self.broadcast(&frame, sole_author);
        }
        let (taken, durable) = (self.persist.taken(), self.persist.durable());
        for ((id, inbound), applied) in batch.iter().zip(applied) {
            let Some(peer) = self.peers.get_mut(id) else { continue };
            if *applied == Applied::Missing {
                metrics::counter!(names::REFUSED, "reason" => "missing").increment(1);
                peer.receipts.refused(inbound.number);
                if inbound.is_step2 {
                    // Everything it has, and still something is missing: only somebody else can bring that.
                    peer.question = Question::Unanswerable;
                } else {
                    peer.ask(&self.document);
                }
            } else {
                if *applied == Applied::Changed {
                    self.tally.count(&peer.identity, *id, inbound.update.len());
                }
                peer.receipts.taken(inbound.number, taken, inbound.is_step2);
                peer.settle(durable);
            }
        }
    }

    /// Hands a change to the journal, which passes it on to the bus once it holds it. Neither is waited for.
    fn take(&mut self, body: Bytes, actors: Vec<String>) {
        self.persist.push(Change { body, actors, at: self.node.clock.now() });
    }

    fn user_ids(&self, peers: impl Iterator<Item = PeerId>) -> Vec<String> {
        let mut ids: Vec<_> =
            peers.filter_map(|id| self.peers.get(&id)).map(|peer| peer.identity.user_id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// One frame for every synced peer but `except`. `[SYNC-3]`
    fn broadcast(&mut self, frame: &Bytes, except: Option<PeerId>) {
        let document = &self.document;
        let (mut sent, mut fell_behind) = (0, false);
        for (id, peer) in &mut self.peers {
            if peer.synced && Some(*id) != except {
                fell_behind |= peer.send_document(frame, || document.state_vector_before_last());
                sent += 1;
            }
            if peer.receipts.has_hole() && peer.role.may_edit() && !self.read_only && Some(*id) != except {
                if peer.question == Question::Unanswerable {
                    peer.question = Question::None;
                }
                peer.ask(document);
            }
        }
        metrics::counter!(names::FRAMES_OUT).increment(sent);
        self.watch_slow(fell_behind);
    }

    async fn on_remote(&mut self, update: Bytes) {
        match self.apply(vec![update]).await {
            Ok(batch) => {
                if let Some(change) = batch.change {
                    self.broadcast(&protocol::update(&change), None);
                }
                if batch.applied.contains(&Applied::Missing) {
                    self.on_catch_up().await;
                }
            }
            Err(broken) if broken.half_way => self.rebuild(&broken).await,
            Err(broken) => tracing::error!(canvas.id = %self.id, %broken, "another node sent what cannot be read"),
        }
    }

    /// Reads the journal again: frames of the bus were missed. `[BUS-2]`
    async fn on_catch_up(&mut self) {
        match self.node.store.load(self.id).await {
            Ok(Some(stored)) => {
                let restored = tokio::task::spawn_blocking(move || stored.restore()).await;
                if let Ok(Ok(restored)) = restored {
                    let since = self.document.state_vector();
                    let difference = restored.difference(&since);
                    match self.document.apply(&[&difference]) {
                        Ok(Batch { change: Some(change), .. }) => self.broadcast(&protocol::update(&change), None),
                        Ok(_) => {}
                        Err(broken) => self.rebuild(&broken).await,
                    }
                }
            }
            Ok(None) => self.end(&Closing::new(Close::NoSuchCanvas, "the canvas is gone")),
            Err(error) => tracing::warn!(canvas.id = %self.id, %error, "could not catch up from the journal"),
        }
    }

    async fn on_rename(
        &mut self,
        name: Option<&str>,
        description: Option<&str>,
        actor: String,
        reply: oneshot::Sender<Result<(), Closing>>,
    ) {
        if self.read_only {
            let _ = reply.send(Err(Closing::new(Close::Overloaded, READ_ONLY_REASON)));
            return;
        }
        match self.document.edit(|txn| schema::rename(txn, name, description)) {
            Ok(Some(change)) => {
                self.take(change.clone(), vec![actor]);
                self.broadcast(&protocol::update(&change), None);
                self.promises.push((self.persist.taken(), reply));
            }
            // Known already, but perhaps not stored yet.
            Ok(None) if self.persist.durable() < self.persist.taken() => {
                self.promises.push((self.persist.taken(), reply));
            }
            Ok(None) => drop(reply.send(Ok(()))),
            Err(broken) => {
                self.rebuild(&broken).await;
                let _ = reply.send(Err(Closing::new(Close::Internal, "the change could not be made; try again")));
            }
        }
    }

    fn on_written(&mut self) {
        let durable = self.persist.durable();
        for peer in self.peers.values_mut() {
            peer.settle(durable);
        }
        let mut index = 0;
        while index < self.promises.len() {
            if self.promises[index].0 <= durable {
                let (_, reply) = self.promises.swap_remove(index);
                let _ = reply.send(Ok(()));
            } else {
                index += 1;
            }
        }
        self.persist.fold_if_due();
    }

    // ── containment ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// An update broke the document: its session is closed, the update kept for inspection, the document rebuilt without it. `[LIM-5]`
    async fn contain(&mut self, culprit: PeerId, inbound: &Inbound, broken: &Broken) {
        let mut actor = String::new();
        if let Some(peer) = self.peers.get_mut(&culprit) {
            actor.clone_from(&peer.identity.user_id);
            peer.end(inbound.number, Closing::new(Close::Malformed, "this update cannot be applied; reload the page"));
        }
        let (store, id) = (Arc::clone(&self.node.store), self.id);
        let (reason, body) = (broken.reason.clone(), inbound.update.clone());
        self.hub.spawn(async move {
            if let Err(error) = store.quarantine(id, &actor, &reason, body).await {
                tracing::warn!(canvas.id = %id, %error, "the update that broke the document could not be kept");
            }
        });
        if broken.half_way {
            self.rebuild(broken).await;
        }
    }

    /// Rebuilds the document from the journal and what waits to be written. Tries until the store answers: the room has nothing to
    /// show otherwise, and its sessions keep their edits.
    async fn rebuild(&mut self, broken: &Broken) {
        tracing::error!(canvas.id = %self.id, reason = broken.reason, "the document broke and is rebuilt from the journal");
        metrics::counter!(names::REBUILDS).increment(1);
        loop {
            let stored = match self.node.store.load(self.id).await {
                Ok(stored) => stored.unwrap_or_default(),
                Err(error) => {
                    tracing::warn!(canvas.id = %self.id, %error, "waiting for the store to rebuild the document");
                    tokio::time::sleep(REBUILD_RETRY).await;
                    continue;
                }
            };
            let restored = tokio::task::spawn_blocking(move || stored.restore()).await;
            match restored {
                Ok(Ok(document)) => {
                    self.document = document;
                    let waiting: Vec<&[u8]> = self.persist.waiting().map(|change| &change.body[..]).collect();
                    if self.document.apply(&waiting).is_ok() {
                        return;
                    }
                }
                Ok(Err(error)) => tracing::error!(canvas.id = %self.id, %error, "the journal cannot be read"),
                Err(error) => tracing::error!(canvas.id = %self.id, %error, "rebuilding was interrupted"),
            }
            // Its lock may be held for ever by the transaction that failed.
            self.document = Document::new();
            self.broken = true;
            self.end(&Closing::new(
                Close::Internal,
                "the canvas cannot be shown right now; nothing that was saved is lost",
            ));
            return;
        }
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
        let Some(frame) = self.awareness.take_news() else { return };
        self.last_presence = now;
        metrics::counter!(names::PRESENCE_FRAMES).increment(1);
        for peer in self.peers.values_mut().filter(|peer| peer.synced) {
            peer.send_presence(&frame);
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
        self.node.presence.put(self.id, entries.collect());
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
            self.tally.record(self.id, &self.node.events);
        }
        if self.slow_check.is_some_and(|due| due <= now) {
            self.close_slow_peers(now);
        }
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

    fn watch_slow(&mut self, fell_behind: bool) {
        if fell_behind && self.slow_check.is_none() {
            self.slow_check = Some(Instant::now() + self.node.limits.slow_peer);
        }
    }

    /// The next moment [`Room::housekeep`] has something to do without anybody asking; an idle room has none but its end.
    fn next_wake(&self) -> Option<Instant> {
        let presence = self.awareness.has_news().then(|| self.last_presence + PRESENCE_INTERVAL);
        let expiry = (!self.awareness.is_empty()).then_some(self.next_expiry);
        let stall = self.persist.is_busy().then(|| Instant::now() + STALL_AFTER);
        // With a tail to write it is the journal's answer that ends the room.
        let idle = self.peers.is_empty() && self.persist.is_clean();
        let end = idle.then(|| self.empty_since + self.node.limits.room_idle);
        let port = self.port_stale.then(|| self.port_told + PRESENCE_PORT_INTERVAL);
        [presence, expiry, stall, end, port, self.slow_check, self.tally.due()].into_iter().flatten().min()
    }

    fn turn_read_only(&mut self) {
        tracing::warn!(canvas.id = %self.id, pending.size_bytes = self.persist.waiting_bytes(), "the room is read-only until the store takes its updates");
        self.read_only = true;
        for peer in self.peers.values().filter(|peer| peer.role.may_edit()) {
            peer.tell(&read_only_notice(), None);
        }
    }

    /// What was refused meanwhile is asked for again. `[DUR-3]`
    fn turn_writable(&mut self) {
        tracing::info!(canvas.id = %self.id, "the room takes updates again");
        self.read_only = false;
        for peer in self.peers.values_mut().filter(|peer| peer.role.may_edit()) {
            peer.told = false;
            peer.tell(&json!({ "type": "writable" }), None);
            if peer.receipts.has_hole() {
                peer.ask(&self.document);
            }
        }
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

/// Why a room takes no edits for now; shown to people.
const READ_ONLY_REASON: &str =
    "read-only for now: the server cannot store more changes; keep this page open, yours are sent when it can";

fn read_only_notice() -> serde_json::Value {
    json!({ "type": "read_only", "reason": "store_unavailable", "message": READ_ONLY_REASON })
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
