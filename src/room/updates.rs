//! The update path of a room: what may be taken, applying it, journaling and relaying it, and what happens when that fails.
//!
//! Owns every change of the document. The order in which sessions are served is [`super::actor`]'s.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::timeout;
use uuid::Uuid;

use super::actor::Room;
use super::peers::Question;
use super::persist::{Progress, STALL_AFTER};
use super::{Inbound, Rename};
use crate::doc::document::{Batch, Broken};
use crate::doc::{Applied, Document, schema};
use crate::id::PeerId;
use crate::protocol::{self, Close, Closing};
use crate::store::Change;
use crate::telemetry::names;

/// Updates taken into one transaction, bytes.
pub(super) const BATCH_BYTES: usize = 1 << 20;

/// Updates of this size and more are applied off the reactor threads: below, applying takes less than a thread switch is worth; a
/// crafted one can take seconds (conflict resolution is quadratic in items at one place).
const APPLY_ASIDE_BYTES: usize = 64 << 10;

/// Who the journal says made a change that no person made.
const SERVER: &str = "server";

/// Wait between tries to rebuild a broken document while the store does not answer.
const REBUILD_RETRY: Duration = Duration::from_secs(1);

impl Room {
    pub(super) async fn on_updates(&mut self, batch: Vec<(PeerId, Box<Inbound>)>) {
        if batch.is_empty() {
            return;
        }
        self.wait_for_journal().await;
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

    /// Lets the journal catch up with a writer that is faster than the disk.
    async fn wait_for_journal(&mut self) {
        if self.persist.has_recovered() {
            return;
        }
        self.start_append();
        while self.persist.should_wait() {
            let progress = timeout(STALL_AFTER, self.persist.progress()).await;
            if progress == Ok(Progress::Written) {
                self.on_written();
            }
            self.start_append();
        }
    }

    /// Applies updates; large ones off the reactor threads, which every other room and session needs.
    pub(super) async fn apply(&mut self, updates: Vec<Bytes>) -> Result<Batch, Broken> {
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
    fn relay(&mut self, batch: &[(PeerId, Box<Inbound>)], applied: &[Applied], change: Option<Bytes>) {
        metrics::counter!(names::UPDATES).increment(batch.len() as u64);
        let author = |(id, _): &(PeerId, Box<Inbound>)| *id;
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
                    self.tally.count(peer, *id, inbound.update.len());
                }
                peer.receipts.taken(inbound.number, taken, inbound.is_step2);
                peer.settle(durable);
            }
        }
    }

    /// Hands a change to the journal, which passes it on to the bus once it holds it. Neither is waited for.
    fn take(&mut self, body: Bytes, actors: Vec<String>) {
        self.persist.push(Change { id: Uuid::now_v7(), body, actors, at: self.node.clock.now() });
    }

    fn user_ids(&self, peers: impl Iterator<Item = PeerId>) -> Vec<String> {
        let mut ids: Vec<_> =
            peers.filter_map(|id| self.peers.get(&id)).map(|peer| peer.identity.user_id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// One frame for every synced peer but `except`. `[SYNC-3]`
    pub(super) fn broadcast(&mut self, frame: &Bytes, except: Option<PeerId>) {
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

    pub(super) async fn on_rename(
        &mut self,
        Rename { name, description, actor }: Rename,
        reply: oneshot::Sender<Result<(), Closing>>,
    ) {
        if self.read_only {
            let _ = reply.send(Err(Closing::new(Close::Overloaded, READ_ONLY_REASON)));
            return;
        }
        match self.document.edit(|txn| schema::rename(txn, name.as_deref(), description.as_deref())) {
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

    /// A change of the server's own. What it cannot take now it will be told again: when the room is writable, word is left anew.
    pub(super) async fn on_set_bindings(&mut self, computed: &[schema::Computed]) {
        if !self.read_only && self.persist.is_full(0) {
            self.turn_read_only();
        }
        if self.read_only || self.ending.is_some() {
            return;
        }
        match self.document.edit(|txn| schema::set_bindings(txn, computed)) {
            Ok(Some(change)) => {
                self.take(change.clone(), vec![SERVER.to_owned()]);
                self.broadcast(&protocol::update(&change), None);
            }
            Ok(None) => {}
            Err(broken) => {
                self.rebuild(&broken).await;
                // The same again would break it again: not before somebody changes something.
                self.announcer.hush(self.document.version());
            }
        }
    }

    pub(super) fn on_written(&mut self) {
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
    pub(super) async fn rebuild(&mut self, broken: &Broken) {
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
                        // Its versions are counted anew.
                        self.announcer.forget();
                        self.copy.forget();
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

    fn turn_read_only(&mut self) {
        tracing::warn!(canvas.id = %self.id, pending.size_bytes = self.persist.waiting_bytes(), "the room is read-only until the store takes its updates");
        self.read_only = true;
        for peer in self.peers.values().filter(|peer| peer.role.may_edit()) {
            peer.tell(&read_only_notice(), None);
        }
    }

    /// What was refused meanwhile is asked for again. `[DUR-3]`
    pub(super) fn turn_writable(&mut self) {
        tracing::info!(canvas.id = %self.id, "the room takes updates again");
        self.read_only = false;
        self.announcer.forget();
        for peer in self.peers.values_mut().filter(|peer| peer.role.may_edit()) {
            peer.told = false;
            peer.tell(&json!({ "type": "writable" }), None);
            if peer.receipts.has_hole() {
                peer.ask(&self.document);
            }
        }
    }
}

/// Why a room takes no edits for now; shown to people.
const READ_ONLY_REASON: &str =
    "read-only for now: the server cannot store more changes; keep this page open, yours are sent when it can";

pub(super) fn read_only_notice() -> serde_json::Value {
    json!({ "type": "read_only", "reason": "store_unavailable", "message": READ_ONLY_REASON })
}
