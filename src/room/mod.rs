//! Rooms: a canvas that is open on this node is one task that owns its document. `[ROOM-1]`
//!
//! Owns the order of everything that happens to an open canvas: joins, updates, presence, journal writes, unloading. Knows no WebSocket
//! and no HTTP: a session hands in decoded messages and takes frames from its [`Outbox`].
//!
//! # Flow
//! ```text
//! session ──Command──▶ bounded inbox ──▶ actor ──▶ document (apply, one transaction a batch)
//!                                          ├─▶ peers: one frame, encoded once, a refcounted Bytes per outbox
//!                                          ├─▶ persist: group commit to the journal, then acks
//!                                          ├─▶ bus, events, changes: handed over, never waited for
//!                                          └─▶ presence
//! ```
//!
//! # Files
//! [`hub`] finds or opens rooms · [`actor`] is the loop · `updates` what a change goes
//! through · [`peers`] the outboxes and what each session is owed · [`persist`] the journal
//! side of a room · `remote` what other nodes say · `tally` who edited how much ·
//! `visits` who opens and who only returns · `changes` word for whoever computes from
//! what is on a canvas · `copy` what plain queries of the store see.

pub mod actor;
mod changes;
mod copy;
pub mod hub;
pub mod peers;
pub mod persist;
mod remote;
mod tally;
#[cfg(test)]
mod tests;
mod updates;
mod visits;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::access::{Identity, Role};
use crate::bus::Bus;
use crate::clock::Clock;
use crate::config::Limits;
use crate::doc::schema::{Binding, CanvasJson, Computed};
use crate::events::{Events, Origin};
use crate::id::PeerId;
use crate::presence::Presence;
use crate::protocol::{AwarenessEntry, Closing, UpdateSummary};
use crate::store::{CanvasRecord, Store};

pub use changes::{Changed, Changes};
pub(crate) use hub::Handing;
pub use hub::{Hub, Membership};
pub use peers::{Line, Outbox, Outgoing, Taken};

/// What every room of a node shares.
pub struct Node {
    /// The node's name in presence and on the bus.
    pub id: Arc<str>,
    /// Where canvases live.
    pub store: Arc<dyn Store>,
    /// Who is here.
    pub presence: Arc<dyn Presence>,
    /// Frames between nodes.
    pub bus: Arc<dyn Bus>,
    /// Usage events.
    pub events: Events,
    /// The limits.
    pub limits: Limits,
    /// The clock.
    pub clock: Clock,
    /// What the rooms together hold back while the store does not take it.
    pub pressure: Pressure,
    /// Where the rooms leave word that a canvas changed.
    pub changes: Changes,
}

impl Node {
    /// What events call a session: its number is unique on this node only.
    fn session_name(&self, session: PeerId) -> String {
        format!("{}:{session}", self.id)
    }
}

/// Journal pressure over all rooms of a node. `[DUR-3]`
#[derive(Debug, Default)]
pub struct Pressure {
    pending_bytes: AtomicUsize,
    stalled_rooms: AtomicUsize,
}

impl Pressure {
    /// Bytes of updates taken from sessions and not yet in the journal.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.pending_bytes.load(Ordering::Relaxed)
    }

    /// Rooms whose journal writes fail or take longer than a second.
    #[must_use]
    pub fn stalled_rooms(&self) -> usize {
        self.stalled_rooms.load(Ordering::Relaxed)
    }
}

/// What a session brings when it joins.
pub struct NewPeer {
    /// Who it is.
    pub identity: Identity,
    /// Where it came from; only its events say so.
    pub origin: Origin,
    /// What it may do here.
    pub role: Role,
    /// Where its frames go.
    pub outbox: Arc<Outbox>,
    /// Whether it asked for acks. `[SYNC-7]`
    pub acks: bool,
    /// Whether it asked for JSON notices. `[SYNC-8]`
    pub notices: bool,
}

/// One thing a room is asked to do. What is large is boxed: an inbox has its memory in blocks of 32 places, and an idle room keeps one.
pub(crate) enum Command {
    Join(Box<NewPeer>, oneshot::Sender<Result<PeerId, Closing>>),
    /// Sync step 1: the session's state vector, checked.
    Step1(PeerId, Bytes),
    Update(PeerId, Box<Inbound>),
    Awareness(PeerId, Vec<AwarenessEntry>),
    QueryAwareness(PeerId),
    /// The session's outbox is empty after it had overflowed. `[SYNC-5]`
    Drained(PeerId),
    Leave(PeerId),
    /// The canvas as JSON, with the record's part left to the caller.
    Read(oneshot::Sender<Result<CanvasJson, Closing>>),
    /// A server-side change of name or description; answered when it is in the journal.
    Rename(Box<Rename>, oneshot::Sender<Result<(), Closing>>),
    /// The numbers in its narratives.
    Bindings(oneshot::Sender<Vec<Binding>>),
    /// What those numbers are; written where the document says otherwise, as a change of the server's own.
    SetBindings(Vec<Computed>),
    /// End every session with this and forget the canvas.
    Close(Closing),
}

/// A new name or description of the canvas. What is `None` stays.
pub(crate) struct Rename {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    /// Who did it.
    pub(crate) actor: String,
}

/// One sync step 2 or update message of a session.
pub(crate) struct Inbound {
    /// Its number on that session, from 1; what an ack counts. `[SYNC-7]`
    pub(crate) number: u64,
    /// Yjs update v1, checked.
    pub(crate) update: Bytes,
    pub(crate) summary: UpdateSummary,
    /// Whether it answers a sync step 1: then it holds everything the session has that the document lacks.
    pub(crate) is_step2: bool,
    /// Its share of the inbox's bytes, given back when it has been handled.
    pub(crate) _waiting: OwnedSemaphorePermit,
}

/// What a room knows of its canvas once it is loaded, for decisions that need no question to the store.
pub type Facts = Arc<CanvasRecord>;
