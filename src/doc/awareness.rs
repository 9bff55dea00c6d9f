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
//! # Other nodes
//! Each node speaks for its own sessions, so the one that speaks for an id here may be a [`Speaker::Node`]. Its entries are taken as
//! they come: it has applied these rules, and stamped the states. Only when an id changes hands is a state looked into: it must be the
//! same user's. A client that moves from one node to another is then taken over by the node it went to, and what the old node still
//! says of it is set right: a `null` for an id that a session here speaks for makes that session announce itself with a higher clock,
//! and an entry too old to be news is answered with the clock it must pass ([`Remote::behind`]). `[AW-4]`
//!
//! # Source
//! y-protocols `awareness.js`: an entry is news if its clock is greater than the known one, or equal with a `null` state.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
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

/// Who speaks for a client id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speaker {
    /// A session here.
    Peer(PeerId),
    /// A session on another node.
    Node(Arc<str>),
}

struct Client {
    speaker: Speaker,
    /// `None` for one on another node: its state says who it is, should anybody need to know.
    user_id: Option<String>,
    clock: u32,
    /// The state as received, with `user.id` stamped; JSON text.
    state: Bytes,
    renewed: Instant,
}

struct Departed {
    /// Who last spoke for it: it may come back after an expiry.
    speaker: Speaker,
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

/// What changed since the last frame.
pub struct News {
    /// For every session here. `[AW-1]`
    pub frame: Bytes,
    /// The part of it that other nodes do not know: what sessions here said. The same bytes when it is all of it.
    pub local: Option<Bytes>,
}

/// What is to be done about entries of another node.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Remote {
    /// Sessions here that must announce themselves again, each with the frame that makes a client do it.
    pub nudges: Vec<(PeerId, Bytes)>,
    /// For the other nodes: ids they speak for with a clock that is out of date, and the clock to pass.
    pub behind: Option<Bytes>,
    /// Whether somebody who was here is on that node now.
    pub moved: bool,
}

enum Weight {
    News,
    /// Said again, to somebody who asked: it is still there.
    Renewal,
    /// The same client, with a clock that everybody here would take for out of date.
    Behind(u32),
    Nothing,
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
                Some(state) if is_news => {
                    let state = stamp(&state, sender.user_id);
                    let (speaker, user_id) = (Speaker::Peer(sender.peer), Some(sender.user_id.to_owned()));
                    let client = Client { speaker, user_id, clock: entry.clock, state, renewed: now };
                    self.put(entry.client, client);
                }
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

    /// Takes entries that another node published. `[AW-4]`
    pub fn receive_remote(&mut self, node: &Arc<str>, entries: Vec<AwarenessEntry>, now: Instant) -> Remote {
        let speaker = Speaker::Node(Arc::clone(node));
        let (mut remote, mut behind) = (Remote::default(), Vec::new());
        for AwarenessEntry { client, clock, state } in entries {
            let Some(state) = state else {
                remote.nudges.extend(self.leave_remote(&speaker, client, clock, now));
                continue;
            };
            match self.weigh(&speaker, client, clock, &state) {
                Weight::News => {
                    remote.moved |= self.clients.get(&client).is_some_and(Client::is_local);
                    let speaker = speaker.clone();
                    self.put(client, Client { speaker, user_id: None, clock, state, renewed: now });
                }
                Weight::Renewal => {
                    if let Some(known) = self.clients.get_mut(&client) {
                        known.renewed = now;
                    }
                }
                Weight::Behind(last) => behind.push((client, last)),
                Weight::Nothing => {}
            }
        }
        remote.behind = (!behind.is_empty())
            .then(|| encode_awareness(behind.into_iter().map(|(client, clock)| (client, clock, None))));
        remote
    }

    /// What a state from another node is worth here.
    fn weigh(&mut self, speaker: &Speaker, client: u64, clock: u32, state: &[u8]) -> Weight {
        let (last, may_take) = if let Some(known) = self.clients.get_mut(&client) {
            if known.speaker == *speaker {
                return match clock.cmp(&known.clock) {
                    Ordering::Greater => Weight::News,
                    Ordering::Equal => Weight::Renewal,
                    Ordering::Less => Weight::Nothing,
                };
            }
            (known.clock, user_of(state).as_deref() == Some(known.user()))
        } else if let Some(departed) = self.departed.get(&client) {
            let is_its_own = departed.speaker == *speaker;
            (departed.clock, is_its_own || user_of(state).as_deref() == Some(&departed.user_id))
        } else {
            return Weight::News;
        };
        match (may_take, clock > last) {
            (true, true) => Weight::News,
            (true, false) => Weight::Behind(last),
            (false, _) => Weight::Nothing,
        }
    }

    /// Another node says that a client has gone, or that its clock is behind. Answers the session that must contradict, if one here
    /// speaks for it.
    fn leave_remote(&mut self, speaker: &Speaker, client: u64, clock: u32, now: Instant) -> Option<(PeerId, Bytes)> {
        let known = self.clients.get_mut(&client).filter(|known| clock >= known.clock)?;
        match known.speaker {
            Speaker::Peer(peer) => {
                // From now on only a higher clock is news there, and so it is here.
                known.clock = clock;
                Some((peer, encode_awareness([(client, clock.saturating_add(1), None)])))
            }
            Speaker::Node(_) => {
                if known.speaker == *speaker {
                    self.remove(client, clock, now);
                }
                None
            }
        }
    }

    /// Removes everything a session spoke for.
    pub fn leave(&mut self, peer: PeerId, now: Instant) {
        self.remove_of(&Speaker::Peer(peer), now);
    }

    /// Removes everybody who is on another node.
    pub fn forget_node(&mut self, node: &Arc<str>, now: Instant) {
        self.remove_of(&Speaker::Node(Arc::clone(node)), now);
    }

    fn remove_of(&mut self, speaker: &Speaker, now: Instant) {
        let gone: Vec<_> = self
            .clients
            .iter()
            .filter(|(_, c)| c.speaker == *speaker)
            .map(|(id, c)| (*id, c.removal_clock()))
            .collect();
        for (client, clock) in gone {
            self.remove(client, clock, now);
        }
    }

    /// Removes states not renewed for `timeout`, and forgets ids given up long ago.
    pub fn expire(&mut self, timeout: Duration, now: Instant) {
        let stale = |client: &Client| now.saturating_duration_since(client.renewed) >= timeout;
        let gone: Vec<_> =
            self.clients.iter().filter(|(_, c)| stale(c)).map(|(id, c)| (*id, c.removal_clock())).collect();
        for (client, clock) in gone {
            self.remove(client, clock, now);
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

    /// Everything that changed since the last call, encoded once for all peers. `[AW-1]`
    pub fn take_news(&mut self) -> Option<News> {
        if self.dirty.is_empty() {
            return None;
        }
        let dirty: Vec<u64> = self.dirty.drain().collect();
        let frame = encode_awareness(dirty.iter().filter_map(|id| self.entry(*id)));
        let own: Vec<u64> = dirty.iter().copied().filter(|id| self.is_local(*id)).collect();
        let local = match own.len() {
            0 => None,
            count if count == dirty.len() => Some(frame.clone()),
            _ => Some(encode_awareness(own.iter().filter_map(|id| self.entry(*id)))),
        };
        Some(News { frame, local })
    }

    /// The states of the sessions here in frames of about `most` bytes, for a node that asks.
    pub fn local_frames(&self, most: usize) -> Vec<Bytes> {
        let (mut frames, mut ids, mut bytes) = (Vec::new(), Vec::new(), 0);
        for (id, client) in self.clients.iter().filter(|(_, client)| client.is_local()) {
            if bytes + client.state.len() > most && !ids.is_empty() {
                frames.push(encode_awareness(ids.drain(..).filter_map(|id| self.entry(id))));
                bytes = 0;
            }
            bytes += client.state.len();
            ids.push(*id);
        }
        if !ids.is_empty() {
            frames.push(encode_awareness(ids.drain(..).filter_map(|id| self.entry(id))));
        }
        frames
    }

    /// The frame with every current state, for a peer that joins; `None` when nobody is here.
    #[must_use]
    pub fn everyone(&self) -> Option<Bytes> {
        (!self.clients.is_empty()).then(|| encode_awareness(self.clients.keys().filter_map(|id| self.entry(*id))))
    }

    /// The states of the sessions here as (user id, JSON text), for the presence port.
    pub fn states(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        let local = self.clients.values().filter(|client| client.is_local());
        local.filter_map(|client| Some((client.user_id.as_deref()?, &client.state)))
    }

    fn is_local(&self, client: u64) -> bool {
        let here = self.clients.get(&client).map(|client| &client.speaker);
        let speaker = here.or_else(|| self.departed.get(&client).map(|departed| &departed.speaker));
        matches!(speaker, Some(Speaker::Peer(_)))
    }

    fn entry(&self, client: u64) -> Option<(u64, u32, Option<&[u8]>)> {
        match self.clients.get(&client) {
            Some(known) => Some((client, known.clock, Some(&known.state))),
            None => self.departed.get(&client).map(|departed| (client, departed.clock, None)),
        }
    }

    /// Whether `sender` speaks for `client`, taking the id over where the rule in the module docs allows it.
    fn claim(&mut self, sender: Sender<'_>, client: u64) -> bool {
        let own = Speaker::Peer(sender.peer);
        let may_take = |user_id: &str| sender.first_message && user_id == sender.user_id;
        if let Some(known) = self.clients.get_mut(&client) {
            if known.speaker != own && may_take(known.user()) {
                known.speaker = own.clone();
            }
            return known.speaker == own;
        }
        if let Some(departed) = self.departed.get_mut(&client) {
            if departed.speaker != own && may_take(&departed.user_id) {
                departed.speaker = own.clone();
            }
            return departed.speaker == own;
        }
        // Ids given up lately count too: they are remembered.
        let here = self.clients.values().filter(|known| known.speaker == own).count();
        let gone = self.departed.values().filter(|departed| departed.speaker == own).count();
        here + gone < CLIENTS_PER_PEER
    }

    fn put(&mut self, id: u64, client: Client) {
        self.clients.insert(id, client);
        self.departed.remove(&id);
        self.dirty.insert(id);
    }

    fn remove(&mut self, client: u64, clock: u32, now: Instant) {
        if let Some(mut gone) = self.clients.remove(&client) {
            let user_id = std::mem::take(gone.user_mut());
            self.departed.insert(client, Departed { speaker: gone.speaker, user_id, clock, at: now });
            self.dirty.insert(client);
        }
    }
}

impl Client {
    fn is_local(&self) -> bool {
        matches!(self.speaker, Speaker::Peer(_))
    }

    /// The clock its removal goes out with. One above for a session here, whose client must pass it to come back; the same for another
    /// node's, which takes a removal as well and lets the next renewal bring back somebody whose node was only thought to be gone.
    fn removal_clock(&self) -> u32 {
        if self.is_local() { self.clock.saturating_add(1) } else { self.clock }
    }

    fn user(&mut self) -> &str {
        self.user_mut()
    }

    fn user_mut(&mut self) -> &mut String {
        let Self { user_id, state, .. } = self;
        user_id.get_or_insert_with(|| user_of(state).unwrap_or_default())
    }
}

/// Who a stamped state belongs to.
fn user_of(state: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct State {
        user: User,
    }
    #[derive(Deserialize)]
    struct User {
        id: String,
    }
    serde_json::from_slice::<State>(state).ok().map(|state| state.user.id)
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
