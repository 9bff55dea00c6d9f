//! The hub: canvas id → room. Opens a room once, hands sessions to it, drains all rooms at shutdown.
//!
//! Owns the map and the life of the room tasks. Does not know what happens inside a room.
//!
//! # Invariant
//! The handle goes into the map first and the room loads itself as its first act, so concurrent first joins share one load. `[ROOM-1]`

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use futures_util::future::{BoxFuture, Either, Ready, ready};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::remote::{CATCH_UPS, Inlet};
use super::{Command, Facts, Inbound, NewPeer, Node, Rename, actor};
use crate::bus::{Frame, Subscription};
use crate::config::ROOM_INBOX;
use crate::doc::schema::{Binding, CanvasJson, Computed};
use crate::id::{CanvasId, PeerId};
use crate::protocol::{AwarenessEntry, Close, Closing, UpdateSummary};
use crate::store::StoreError;
use crate::telemetry::names;

/// How often a join that met a room being unloaded tries the next one. Each try needs a room to end in between.
const JOIN_ATTEMPTS: usize = 8;

/// Longest wait for a room to answer a join: a store that hangs must not hold a socket for ever.
const JOIN_TIMEOUT: Duration = Duration::from_secs(30);

/// See the module docs.
pub struct Hub {
    node: Arc<Node>,
    rooms: DashMap<CanvasId, Handle>,
    tasks: TaskTracker,
    next: AtomicU64,
    closing: CancellationToken,
    /// Turns at catching up from the journal.
    catch_ups: Arc<Semaphore>,
}

#[derive(Clone)]
struct Handle {
    commands: mpsc::Sender<Command>,
    /// What other nodes say.
    inlet: Arc<Inlet>,
    /// KiB of updates that may wait in the inbox: commands are bounded in number, and 256 large ones would be gigabytes.
    inbox_kib: Arc<Semaphore>,
    /// Tells one room of a canvas from the next one.
    generation: u64,
    facts: Arc<OnceLock<Facts>>,
}

/// Something on its way into a room's inbox; resolves to whether the room is still there. Waiting is rare, and boxed: room for it would lie
/// in every open session.
pub(crate) type Handing<'a> = Either<Ready<bool>, BoxFuture<'a, bool>>;

/// A session's place in a room. Leaving is dropping it.
pub struct Membership {
    peer: PeerId,
    commands: mpsc::Sender<Command>,
    inbox_kib: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Hub {
    /// A hub without rooms.
    #[must_use]
    pub fn new(node: Arc<Node>) -> Arc<Self> {
        // Before any room can be opened: a change made after its load must not fall between.
        let frames = node.bus.subscribe(&node.id);
        let hub = Arc::new(Self {
            node,
            rooms: DashMap::new(),
            tasks: TaskTracker::new(),
            next: AtomicU64::new(1),
            closing: CancellationToken::new(),
            catch_ups: Arc::new(Semaphore::new(CATCH_UPS)),
        });
        hub.tasks.spawn(Arc::clone(&hub).follow_bus(frames));
        hub
    }

    /// What the rooms share.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// How many rooms are open.
    #[must_use]
    pub fn open_rooms(&self) -> usize {
        self.rooms.len()
    }

    /// Whether shutdown has begun.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// The record of a canvas: from its open room if there is one, else from the store. So sessions can come to an open canvas while
    /// the store is down. `[DUR-3]`
    ///
    /// # Errors
    /// The canvas is not open and the store does not answer.
    pub async fn facts(&self, id: CanvasId) -> Result<Option<Facts>, StoreError> {
        let known = self.rooms.get(&id).map(|handle| Arc::clone(&handle.facts));
        if let Some(facts) = known.as_ref().and_then(|facts| facts.get()) {
            return Ok(Some(Arc::clone(facts)));
        }
        let record = self.node.store.canvas(id).await?.map(Arc::new);
        if let (Some(slot), Some(record)) = (known, &record)
            && record.deleted_at.is_none()
        {
            let _ = slot.set(Arc::clone(record));
        }
        Ok(record)
    }

    /// Brings a session into the room of `facts`, opening it if needed.
    ///
    /// # Errors
    /// Why the session must be closed instead.
    pub async fn join(self: &Arc<Self>, facts: &Facts, new: impl Fn() -> NewPeer) -> Result<Membership, Closing> {
        let deadline = Instant::now() + JOIN_TIMEOUT;
        for _ in 0..JOIN_ATTEMPTS {
            let handle = self.open(facts.id)?;
            let _ = handle.facts.set(Arc::clone(facts));
            let (reply, answer) = oneshot::channel();
            match tokio::time::timeout_at(deadline, handle.commands.send(Command::Join(Box::new(new()), reply))).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => continue,
                Err(_) => break,
            }
            match tokio::time::timeout_at(deadline, answer).await {
                Ok(Ok(Ok(peer))) => {
                    let Handle { commands, inbox_kib, .. } = handle;
                    return Ok(Membership { peer, commands, inbox_kib, tasks: self.tasks.clone() });
                }
                Ok(Ok(Err(closing))) => return Err(closing),
                // The room ended before it came to this join: the next one has the same data. `[DUR-4]`
                Ok(Err(_)) => {}
                Err(_) => break,
            }
        }
        Err(Closing::new(Close::Overloaded, "the canvas is not loading right now; try again in a moment"))
    }

    /// The canvas as an open room has it; `None` if it is not open here.
    pub async fn read(&self, id: CanvasId) -> Option<CanvasJson> {
        let commands = self.rooms.get(&id).map(|handle| handle.commands.clone())?;
        let (reply, answer) = oneshot::channel();
        let asked = async {
            commands.send(Command::Read(reply)).await.ok()?;
            answer.await.ok()?.ok()
        };
        tokio::time::timeout(JOIN_TIMEOUT, asked).await.ok()?
    }

    /// The numbers in an open canvas's narratives; `None` if it is not open here.
    pub async fn bindings(&self, id: CanvasId) -> Option<Vec<Binding>> {
        let commands = self.rooms.get(&id).map(|handle| handle.commands.clone())?;
        let (reply, answer) = oneshot::channel();
        let asked = async {
            commands.send(Command::Bindings(reply)).await.ok()?;
            answer.await.ok()
        };
        tokio::time::timeout(JOIN_TIMEOUT, asked).await.ok()?
    }

    /// Writes those numbers into an open canvas, for everyone on it; journaled like every change. A canvas that is not open is left as
    /// it is.
    pub async fn set_bindings(&self, id: CanvasId, computed: Vec<Computed>) {
        self.pass(id, Command::SetBindings(computed)).await;
    }

    /// Changes name or description through the room, so that everyone on the canvas sees it; answers when it is in the journal.
    ///
    /// # Errors
    /// Why it could not be done.
    pub async fn rename(
        self: &Arc<Self>,
        id: CanvasId,
        name: Option<String>,
        description: Option<String>,
        actor: &str,
    ) -> Result<(), Closing> {
        let deadline = Instant::now() + JOIN_TIMEOUT;
        for _ in 0..JOIN_ATTEMPTS {
            let handle = self.open(id)?;
            let (reply, answer) = oneshot::channel();
            let (name, description) = (name.clone(), description.clone());
            let command = Command::Rename(Box::new(Rename { name, description, actor: actor.to_owned() }), reply);
            match tokio::time::timeout_at(deadline, handle.commands.send(command)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => continue,
                Err(_) => break,
            }
            match tokio::time::timeout_at(deadline, answer).await {
                Ok(Ok(outcome)) => return outcome,
                Ok(Err(_)) => {}
                Err(_) => break,
            }
        }
        Err(Closing::new(Close::Overloaded, "the canvas does not answer right now; try again in a moment"))
    }

    /// Ends every session on a canvas that was deleted, also on other nodes, which see in the store that it is.
    pub async fn close(&self, id: CanvasId, closing: Closing) {
        self.node.bus.publish(Frame::Reload { node: Arc::clone(&self.node.id), canvas: id });
        let commands = self.rooms.get(&id).map(|handle| handle.commands.clone());
        if let Some(commands) = commands {
            let _ = commands.send(Command::Close(closing)).await;
        }
    }

    /// Closes every session with 1012 and waits until every tail is written. `[DUR-9]`
    ///
    /// # Errors
    /// The bytes that are not in the journal at the deadline.
    pub async fn shutdown(&self, deadline: Instant) -> Result<(), usize> {
        // Every room watches this.
        self.closing.cancel();
        self.tasks.close();
        let drained = tokio::time::timeout_at(deadline, self.tasks.wait()).await;
        match self.node.pressure.pending_bytes() {
            bytes if drained.is_err() && bytes > 0 => Err(bytes),
            _ => Ok(()),
        }
    }

    pub(super) fn closing(&self) -> CancellationToken {
        self.closing.clone()
    }

    pub(super) fn catch_ups(&self) -> Arc<Semaphore> {
        Arc::clone(&self.catch_ups)
    }

    pub(super) fn next_peer(&self) -> PeerId {
        PeerId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn forget(&self, id: CanvasId, generation: u64) {
        self.rooms.remove_if(&id, |_, handle| handle.generation == generation);
        metrics::gauge!(names::ROOMS).set(self.rooms.len() as f64);
    }

    /// Runs a task that shutdown waits for.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    fn inbox_kib(&self) -> usize {
        let limits = &self.node.limits;
        2 * ((limits.sync_bytes.max(limits.update_bytes) >> 10) + 1)
    }

    fn open(self: &Arc<Self>, id: CanvasId) -> Result<Handle, Closing> {
        if self.is_closing() {
            return Err(Closing::new(Close::Restarting, "the server is restarting"));
        }
        if let Some(handle) = self.rooms.get(&id) {
            return Ok(handle.clone());
        }
        if self.rooms.len() >= self.node.limits.rooms {
            let reason = "as many canvases are open as this server allows; try again later";
            return Err(Closing::new(Close::Overloaded, reason));
        }
        let mut fresh = None;
        let handle = self
            .rooms
            .entry(id)
            .or_insert_with(|| {
                let (commands, inbox) = mpsc::channel(ROOM_INBOX);
                let generation = self.next.fetch_add(1, Ordering::Relaxed);
                let inlet = Arc::<Inlet>::default();
                fresh = Some((inbox, Arc::clone(&inlet)));
                let inbox_kib = Arc::new(Semaphore::new(self.inbox_kib()));
                Handle { commands, inlet, inbox_kib, generation, facts: Arc::default() }
            })
            .clone();
        if let Some((inbox, inlet)) = fresh {
            self.tasks.spawn(actor::run(Arc::clone(self), id, handle.generation, inbox, inlet));
            metrics::gauge!(names::ROOMS).set(self.rooms.len() as f64);
        }
        Ok(handle)
    }

    /// Gives what other nodes publish to the rooms that are open here. Waits for none of them. `[BUS-1]`
    async fn follow_bus(self: Arc<Self>, mut frames: Subscription) {
        while let Some(Some(frame)) = self.closing.run_until_cancelled(frames.next()).await {
            match frame {
                Frame::Change { canvas, update, .. } => self.leave_word(canvas, |room| room.update(update)),
                Frame::Reload { canvas, .. } => self.leave_word(canvas, Inlet::reload),
                Frame::Presence { node, canvas, states } => self.leave_word(canvas, |room| room.states(node, states)),
                Frame::WhoIsThere { canvas, .. } => self.leave_word(canvas, Inlet::who_is_there),
                Frame::NodeGone(node) => {
                    for room in &self.rooms {
                        room.inlet.gone(Arc::clone(&node));
                    }
                }
                Frame::Missed => {
                    for room in &self.rooms {
                        room.inlet.missed();
                    }
                }
            }
        }
    }

    fn leave_word(&self, canvas: CanvasId, word: impl FnOnce(&Inlet)) {
        if let Some(room) = self.rooms.get(&canvas) {
            word(&room.inlet);
        }
    }

    async fn pass(&self, canvas: CanvasId, command: Command) {
        let commands = self.rooms.get(&canvas).map(|handle| handle.commands.clone());
        if let Some(commands) = commands {
            let _ = commands.send(command).await;
        }
    }
}

impl Membership {
    /// The session's id in its room.
    #[must_use]
    pub fn peer(&self) -> PeerId {
        self.peer
    }

    /// Hands in a sync step 1.
    pub fn step1(&self, state_vector: Bytes) -> Handing<'_> {
        self.send(Command::Step1(self.peer, state_vector))
    }

    /// Hands in the `number`th sync step 2 or update of this session; waits while the room is busy.
    pub fn update(&self, number: u64, update: Bytes, summary: UpdateSummary, is_step2: bool) -> Handing<'_> {
        let kib = (update.len() >> 10) as u32 + 1;
        let command = move |waiting| {
            let inbound = Inbound { number, update, summary, is_step2, _waiting: waiting };
            Command::Update(self.peer, Box::new(inbound))
        };
        match Arc::clone(&self.inbox_kib).try_acquire_many_owned(kib) {
            Ok(waiting) => self.send(command(waiting)),
            // Closed never; more than there is never, because the inbox takes two of the largest messages.
            Err(_) => Either::Right(Box::pin(async move {
                match Arc::clone(&self.inbox_kib).acquire_many_owned(kib).await {
                    Ok(waiting) => self.commands.send(command(waiting)).await.is_ok(),
                    Err(_) => false,
                }
            })),
        }
    }

    /// Hands in awareness entries.
    pub fn awareness(&self, entries: Vec<AwarenessEntry>) -> Handing<'_> {
        self.send(Command::Awareness(self.peer, entries))
    }

    /// Asks for everybody's awareness state.
    pub fn query_awareness(&self) -> Handing<'_> {
        self.send(Command::QueryAwareness(self.peer))
    }

    /// Reports that the outbox, which had overflowed, is empty. `[SYNC-5]`
    pub fn drained(&self) -> Handing<'_> {
        self.send(Command::Drained(self.peer))
    }

    fn send(&self, command: Command) -> Handing<'_> {
        match self.commands.try_send(command) {
            Ok(()) => Either::Left(ready(true)),
            Err(mpsc::error::TrySendError::Closed(_)) => Either::Left(ready(false)),
            Err(mpsc::error::TrySendError::Full(command)) => {
                Either::Right(Box::pin(async move { self.commands.send(command).await.is_ok() }))
            }
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let leave = Command::Leave(self.peer);
        // A full inbox must not lose the departure, and dropping cannot wait: the rare case goes on a task.
        if let Err(mpsc::error::TrySendError::Full(leave)) = self.commands.try_send(leave) {
            let commands = self.commands.clone();
            self.tasks.spawn(async move {
                let _ = commands.send(leave).await;
            });
        }
    }
}
