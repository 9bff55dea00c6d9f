//! A room with 50 people in it, in one thread and on a clock that stands still while anybody has something to do: so everything happens in
//! the same order every time. The hub, the room, the document, metrics and events are the real ones; the journal takes everything at once,
//! and so do the sockets.

use std::future::Future;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jabiru::access::{Identity, Role};
use jabiru::bus::LocalBus;
use jabiru::clock::{Clock, Millis};
use jabiru::config::Limits;
use jabiru::events::{Batch, EventStore, Events, Origin, Spool, WriteError};
use jabiru::id::CanvasId;
use jabiru::presence::MemoryPresence;
use jabiru::protocol::{self, ClientMessage, WireLimits, encode_awareness};
use jabiru::room::{Changes, Facts, Hub, Line, Membership, NewPeer, Node, Outbox, Pressure, Taken};
use jabiru::store::{Append, CanvasPage, CanvasQuery, CanvasRecord, Marks, Part, Store, StoreError, Stored};
use jabiru::telemetry::init_metrics;
use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

use crate::canvas::Canvas;
use crate::count::alone;
use crate::paths::{Times, checked, record};

/// Narratives of the canvas.
const BLOCKS: u32 = 200;

/// People in the room besides the one who does something.
const PEOPLE: u32 = 50;

/// Longer than anything here takes on its clock. That clock leaps when everybody waits, so a frame that never comes is soon noticed.
const NEVER: Duration = Duration::from_hours(1);

/// After it everybody has heard of everybody.
const SETTLING: Duration = Duration::from_secs(10);

/// An awareness frame: cursors of so many clients, at their `clock`th place.
pub(crate) fn cursors(clients: u64, clock: u32) -> Bytes {
    let states: Vec<_> = (0..clients).map(|client| cursor_of(client, clock)).collect();
    encode_awareness((1_u64 << 31..).zip(&states).map(|(id, state)| (id, clock, Some(state.as_bytes()))))
}

fn cursor_of(client: u64, clock: u32) -> String {
    let (x, y) = (0.001 * f64::from(clock % 1_000), 0.75);
    format!(
        r##"{{"user":{{"id":"0197-{client}","name":"Änn Example","color":"#1f77b4"}},"pointer":{{"block":"block_0007","fx":{x:.3},"fy":{y}}},"selection":["block_0007"],"drag":null,"idle":false}}"##
    )
}

/// One edit of one, on the way to 50.
pub(crate) fn update(times: Times) {
    let (canvas, seed) = Canvas::new(BLOCKS);
    let updates: Vec<_> = (0..times.most).map(|index| canvas.any_edit(index)).map(checked).collect();
    in_room(seed, async |room| {
        for (number, (update, summary)) in (1..).zip(updates.into_iter().take(times.now as usize)) {
            let (all, acked) = (room.sockets.expect(PEOPLE), room.own.expect(1));
            assert!(room.writer.update(number, update, summary, false).await, "the room is open");
            all.await;
            acked.await;
        }
    });
}

/// One cursor of one, on the way to 50, and back: presence frames are for everybody.
pub(crate) fn cursor(times: Times) {
    // The first is for announcing it.
    let moves: Vec<_> = (2..times.most + 2).map(|clock| entries(PEOPLE, clock)).collect();
    in_room(Canvas::new(BLOCKS).1, async |room| {
        for entries in moves.into_iter().take(times.now as usize) {
            let (all, own) = (room.sockets.expect(PEOPLE), room.own.expect(1));
            assert!(room.writer.awareness(entries).await, "the room is open");
            all.await;
            own.await;
        }
    });
}

/// One more comes, is synced, and leaves.
pub(crate) fn join(times: Times) {
    in_room(Canvas::new(BLOCKS).1, async |room| {
        for _ in 0..times.now {
            let outbox = Outbox::new(1 << 20, None);
            let member = come(&room.hub, &room.facts, PEOPLE + 1, &outbox).await;
            // The document, the room's own question, and who is here.
            let mut frames = 0;
            while frames < 3 {
                if let Some(outgoing) = outbox.take() {
                    frames += outgoing.frames.len();
                    outbox.written(outgoing.bytes);
                } else {
                    outbox.ready().await;
                }
            }
            drop(member);
        }
    });
}

/// What the session of a client makes of its cursor.
fn entries(client: u32, clock: u32) -> Vec<protocol::AwarenessEntry> {
    let state = cursor_of(client.into(), clock);
    let frame = encode_awareness([((1 << 31) + u64::from(client), clock, Some(state.as_bytes()))]);
    match protocol::decode(&frame, &WireLimits::default()) {
        Ok(ClientMessage::Awareness(entries)) => entries,
        other => panic!("not an awareness frame: {other:?}"),
    }
}

/// A room with its people.
struct Room {
    hub: Arc<Hub>,
    facts: Facts,
    /// The one who does something.
    writer: Membership,
    own: Arc<Sockets>,
    /// Everybody else's.
    sockets: Arc<Sockets>,
    _others: Vec<Membership>,
}

/// Sockets that take everything at once, and count it.
#[derive(Default)]
struct Sockets {
    taken: AtomicUsize,
    expected: AtomicUsize,
    all: Notify,
}

impl Sockets {
    /// Resolves when so many more frames have come.
    fn expect(&self, more: u32) -> impl Future<Output = ()> {
        self.expected.fetch_add(more as usize, Ordering::Relaxed);
        self.all.notified()
    }
}

impl Line for Sockets {
    fn offer(&self, message: &Bytes) -> Taken {
        black_box(message);
        if self.taken.fetch_add(1, Ordering::Relaxed) + 1 == self.expected.load(Ordering::Relaxed) {
            self.all.notify_one();
        }
        Taken::All
    }
}

/// Opens a canvas, brings everybody in, lets them announce themselves, and does `work`, which alone is counted.
fn in_room(seed: Bytes, work: impl AsyncFnOnce(&Room)) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let _metrics = init_metrics();
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let room = runtime.block_on(Room::open(seed, folder.path()));
    alone(|| runtime.block_on(async { timeout(NEVER, work(&room)).await.expect("every frame arrives") }));
    // Leaving and unloading are no part of it.
    std::mem::forget((room, runtime));
}

impl Room {
    async fn open(seed: Bytes, folder: &Path) -> Self {
        let clock = Clock::manual(0).0;
        let (events, events_writer) = Events::new(clock.clone());
        let hub = Hub::new(Arc::new(Node {
            id: "bench".into(),
            store: Arc::new(Willing { seed }),
            presence: Arc::new(MemoryPresence::default()),
            bus: Arc::new(LocalBus::default()),
            events,
            limits: Limits::default(),
            clock,
            pressure: Pressure::default(),
            changes: Changes::default(),
        }));
        hub.spawn(events_writer.run(Arc::new(Nowhere), Spool::open(folder, 1 << 20).expect("a folder")));
        let facts = Arc::new(record());
        let (sockets, own) = (Arc::<Sockets>::default(), Arc::<Sockets>::default());
        let mut members = Vec::new();
        for person in 0..=PEOPLE {
            let line: Arc<dyn Line> = Arc::clone(if person == PEOPLE { &own } else { &sockets }) as _;
            let outbox = Outbox::new(1 << 20, Some(line));
            let member = come(&hub, &facts, person, &outbox).await;
            // The document is not for the line: it is large, and a session writes it.
            outbox.ready().await;
            let outgoing = outbox.take().expect("the document");
            outbox.written(outgoing.bytes);
            assert!(member.awareness(entries(person, 1)).await, "the room is open");
            members.push(member);
        }
        sleep(SETTLING).await;
        for sockets in [&sockets, &own] {
            sockets.expected.store(sockets.taken.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        let writer = members.pop().expect("somebody");
        Self { hub, facts, writer, own, sockets, _others: members }
    }
}

async fn come(hub: &Arc<Hub>, facts: &Facts, person: u32, outbox: &Arc<Outbox>) -> Membership {
    let identity = Identity::new(format!("0197-{person}"), "Änn Example".to_owned(), "bench".to_owned());
    let new = || NewPeer {
        identity: identity.clone(),
        origin: Origin::default(),
        role: Role::Editor,
        outbox: Arc::clone(outbox),
        acks: true,
        notices: false,
    };
    let member = hub.join(facts, new).await.unwrap_or_else(|closing| panic!("{}", closing.reason));
    assert!(member.step1(Bytes::from_static(&[0])).await, "the room is open");
    member
}

/// A store with one canvas, whose journal takes everything at once. Rooms ask it for nothing else.
struct Willing {
    seed: Bytes,
}

fn not_asked<T>() -> Result<T, StoreError> {
    Err(StoreError("rooms do not ask for this".to_owned()))
}

#[async_trait]
impl Store for Willing {
    async fn append(&self, append: Append) -> Result<(), StoreError> {
        black_box(append);
        Ok(())
    }

    async fn load(&self, _: CanvasId) -> Result<Option<Stored>, StoreError> {
        Ok(Some(Stored { snapshots: Vec::new(), entries: vec![self.seed.clone()] }))
    }

    async fn compact(&self, _: CanvasId) -> Result<usize, StoreError> {
        Ok(0)
    }

    async fn create_canvas(&self, _: CanvasRecord, _: Bytes) -> Result<(), StoreError> {
        not_asked()
    }

    async fn canvas(&self, _: CanvasId) -> Result<Option<CanvasRecord>, StoreError> {
        not_asked()
    }

    async fn canvases(&self, _: CanvasQuery) -> Result<CanvasPage, StoreError> {
        not_asked()
    }

    async fn marks(&self, _: &str, _: CanvasId) -> Result<Marks, StoreError> {
        not_asked()
    }

    async fn set_favourite(&self, _: &str, _: CanvasId, _: Option<Millis>) -> Result<(), StoreError> {
        not_asked()
    }

    async fn set_opened(&self, _: &str, _: CanvasId, _: Millis) -> Result<(), StoreError> {
        not_asked()
    }

    async fn set_deleted(&self, _: CanvasId, _: Option<Millis>) -> Result<bool, StoreError> {
        not_asked()
    }

    async fn quarantine(&self, _: CanvasId, _: &str, _: &str, _: Bytes) -> Result<(), StoreError> {
        not_asked()
    }

    async fn canvas_ids(&self, _: Option<CanvasId>, _: usize) -> Result<Vec<CanvasId>, StoreError> {
        not_asked()
    }

    async fn export_canvas(&self, _: CanvasId, _: mpsc::Sender<Part>) -> Result<bool, StoreError> {
        not_asked()
    }

    async fn import_canvas(&self, _: mpsc::Receiver<Part>, _: bool) -> Result<bool, StoreError> {
        not_asked()
    }

    async fn ping(&self) -> Result<(), StoreError> {
        not_asked()
    }
}

/// Where events go.
struct Nowhere;

#[async_trait]
impl EventStore for Nowhere {
    fn name(&self) -> &'static str {
        "nowhere"
    }

    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        black_box(batch);
        Ok(())
    }

    async fn forget_old(&self, _: Millis) -> Result<bool, WriteError> {
        Ok(false)
    }

    async fn ping(&self) -> Result<(), WriteError> {
        Ok(())
    }
}
