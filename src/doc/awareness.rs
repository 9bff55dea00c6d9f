//! Who is where on one canvas right now: the newest awareness state of every client id. `[AW-1]` `[AW-2]` `[AW-3]`
//!
//! Owns which session speaks for which client id, what is newer, and what has changed since the last frame. Does not decide when a
//! frame goes out (the room's tick does) and keeps nothing across a restart.
//!
//! # Whose id is it
//! A client id belongs to the session that first used it. Stock clients send every state they *received* back to the server, so an
//! entry for somebody else's id is normal traffic and ignored. Two cases need more than that:
//! - a tab reconnects before its dead socket is noticed: its id still belongs to the old session;
//! - somebody leaves, and a slow client's echo of them arrives afterwards: it must not bring them back.
//!
//! Both are settled by one rule: an id that is taken, or was given up lately, can be claimed only by the *first* awareness message of
//! a session (stock clients announce themselves with it, before they have received anything) and only by the same user.
//!
//! # Source
//! y-protocols `awareness.js`: an entry is news if its clock is greater than the known one, or equal with a `null` state.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::id::PeerId;
use crate::protocol::{AwarenessEntry, encode_awareness};

/// Client ids one session may speak for. A browser tab uses one; 16 leaves room for a process that relays several.
const CLIENTS_PER_PEER: usize = 16;

/// How long a given-up id is remembered: longer than any echo of it can still be under way.
const MEMORY_OF_DEPARTED: Duration = Duration::from_mins(1);

/// The awareness states of one room.
#[derive(Default)]
pub struct AwarenessTable {
    clients: HashMap<u64, Client>,
    departed: HashMap<u64, Departed>,
    /// Client ids with news since the last frame; a burst of one client stays one entry.
    dirty: HashSet<u64>,
}

struct Client {
    peer: PeerId,
    user_id: String,
    clock: u32,
    /// The state as received, with `user.id` stamped; JSON text.
    state: Bytes,
    renewed: Instant,
}

struct Departed {
    /// The session it last belonged to: it may come back after an expiry.
    peer: PeerId,
    user_id: String,
    clock: u32,
    at: Instant,
}

/// Who is sending.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// The session.
    pub peer: PeerId,
    /// Its user, from the session's identity.
    pub user_id: &'a str,
    /// Whether this is the session's first awareness message.
    pub first_message: bool,
}

impl AwarenessTable {
    /// Takes entries from a session. Returns a frame for that session alone when one of its own ids must be announced again with a
    /// higher clock: y-protocols answers a `null` for its own id by doing just that.
    pub fn receive(&mut self, sender: Sender<'_>, entries: Vec<AwarenessEntry>, now: Instant) -> Option<Bytes> {
        let mut behind = Vec::new();
        for entry in entries {
            if !self.claim(sender, entry.client) {
                continue;
            }
            let here = self.clients.get(&entry.client).map(|client| client.clock);
            let last = here.or_else(|| self.departed.get(&entry.client).map(|departed| departed.clock));
            let is_news = last.is_none_or(|clock| entry.clock > clock);
            match entry.state {
                Some(state) if is_news => self.put(sender, entry.client, entry.clock, &state, now),
                // A reconnected client whose clock fell behind ours while it was away.
                Some(_) if sender.first_message => behind.push((entry.client, last.unwrap_or_default())),
                None if here.is_some_and(|clock| entry.clock >= clock) => self.remove(entry.client, entry.clock, now),
                Some(_) | None => {}
            }
        }
        (!behind.is_empty()).then(|| {
            // One above ours, so that the client takes it for news and answers with a clock above that.
            encode_awareness(behind.into_iter().map(|(client, clock)| (client, clock.saturating_add(1), None)))
        })
    }

    /// Removes everything a session spoke for.
    pub fn leave(&mut self, peer: PeerId, now: Instant) {
        let gone: Vec<_> = self.clients.iter().filter(|(_, c)| c.peer == peer).map(|(id, c)| (*id, c.clock)).collect();
        for (client, clock) in gone {
            self.remove(client, clock.saturating_add(1), now);
        }
    }

    /// Removes states not renewed for `timeout`, and forgets ids given up long ago.
    pub fn expire(&mut self, timeout: Duration, now: Instant) {
        let stale = |client: &Client| now.saturating_duration_since(client.renewed) >= timeout;
        let gone: Vec<_> = self.clients.iter().filter(|(_, c)| stale(c)).map(|(id, c)| (*id, c.clock)).collect();
        for (client, clock) in gone {
            self.remove(client, clock.saturating_add(1), now);
        }
        self.departed.retain(|_, departed| now.saturating_duration_since(departed.at) < MEMORY_OF_DEPARTED);
    }

    /// Whether a frame is due.
    #[must_use]
    pub fn has_news(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Whether anybody is here, or was lately.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.departed.is_empty()
    }

    /// The frame with everything that changed since the last call, encoded once for all peers. `[AW-1]`
    pub fn take_news(&mut self) -> Option<Bytes> {
        if self.dirty.is_empty() {
            return None;
        }
        let dirty: Vec<u64> = self.dirty.drain().collect();
        Some(encode_awareness(dirty.iter().filter_map(|id| self.entry(*id))))
    }

    /// The frame with every current state, for a peer that joins; `None` when nobody is here.
    #[must_use]
    pub fn everyone(&self) -> Option<Bytes> {
        (!self.clients.is_empty()).then(|| encode_awareness(self.clients.keys().filter_map(|id| self.entry(*id))))
    }

    /// Every current state as (user id, JSON text), for the presence port.
    pub fn states(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.clients.values().map(|client| (client.user_id.as_str(), &client.state))
    }

    fn entry(&self, client: u64) -> Option<(u64, u32, Option<&[u8]>)> {
        match self.clients.get(&client) {
            Some(known) => Some((client, known.clock, Some(&known.state))),
            None => self.departed.get(&client).map(|departed| (client, departed.clock, None)),
        }
    }

    /// Whether `sender` speaks for `client`, taking the id over where the rule in the module docs allows it.
    fn claim(&mut self, sender: Sender<'_>, client: u64) -> bool {
        let taken = match (self.clients.get_mut(&client), self.departed.get_mut(&client)) {
            (Some(known), _) => Some((&mut known.peer, &known.user_id)),
            (None, Some(departed)) => Some((&mut departed.peer, &departed.user_id)),
            (None, None) => None,
        };
        if let Some((owner, user_id)) = taken {
            if *owner != sender.peer && sender.first_message && user_id == sender.user_id {
                *owner = sender.peer;
            }
            return *owner == sender.peer;
        }
        // Ids given up lately count too: they are remembered.
        let here = self.clients.values().filter(|known| known.peer == sender.peer).count();
        let gone = self.departed.values().filter(|departed| departed.peer == sender.peer).count();
        here + gone < CLIENTS_PER_PEER
    }

    fn put(&mut self, sender: Sender<'_>, client: u64, clock: u32, state: &[u8], now: Instant) {
        let user_id = sender.user_id.to_owned();
        let state = stamp(state, sender.user_id);
        self.clients.insert(client, Client { peer: sender.peer, user_id, clock, state, renewed: now });
        self.departed.remove(&client);
        self.dirty.insert(client);
    }

    fn remove(&mut self, client: u64, clock: u32, now: Instant) {
        if let Some(Client { peer, user_id, .. }) = self.clients.remove(&client) {
            self.departed.insert(client, Departed { peer, user_id, clock, at: now });
            self.dirty.insert(client);
        }
    }
}

/// Writes `user.id` into a state from the session's identity; whatever the client claimed there is replaced. `[AW-2]`
///
/// A state that is not a JSON object has no user to stamp and becomes an empty one with it.
fn stamp(state: &[u8], user_id: &str) -> Bytes {
    let mut state = serde_json::from_slice::<Map<String, Value>>(state).unwrap_or_default();
    let user = state.entry("user").or_insert_with(|| Value::Object(Map::new()));
    if !user.is_object() {
        *user = Value::Object(Map::new());
    }
    if let Some(user) = user.as_object_mut() {
        user.insert("id".to_owned(), user_id.into());
    }
    serde_json::to_vec(&state).map_or_else(|_| Bytes::from_static(b"{}"), Bytes::from)
}
