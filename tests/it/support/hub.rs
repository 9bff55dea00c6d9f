//! Rooms without sockets: for what must be seen in an outbox before a socket takes it.

use std::sync::Arc;

use bytes::Bytes;
use jabiru::access::{Identity, Role};
use jabiru::backend::sqlite::{Sqlite, migrate};
use jabiru::bus::{Bus, LocalBus};
use jabiru::clock::Clock;
use jabiru::config::Limits;
use jabiru::doc::schema;
use jabiru::events::{Events, Origin, Spool, SqliteEvents};
use jabiru::id::CanvasId;
use jabiru::presence::{MemoryPresence, Presence};
use jabiru::protocol::{self, ServerMessage, WireLimits};
use jabiru::room::{Changes, Hub, Membership, NewPeer, Node, Outbox, Pressure};
use jabiru::store::sqlite::SqliteStore;
use jabiru::store::{CanvasRecord, Store};
use tempfile::TempDir;
use yrs::updates::encoder::Encode;

use super::{FaultyStore, within};

pub(crate) struct TestHub {
    pub(crate) hub: Arc<Hub>,
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) record: Arc<CanvasRecord>,
    folder: Arc<TempDir>,
    bus: Arc<dyn Bus>,
}

/// What makes a node another one than its neighbour.
pub(crate) struct Parts {
    pub(crate) id: Arc<str>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) presence: Arc<dyn Presence>,
}

impl Parts {
    /// A node without anything but a bus.
    pub(crate) fn on(bus: Arc<dyn Bus>) -> Self {
        Self { id: jabiru::id::generate().into(), bus, presence: Arc::new(MemoryPresence::default()) }
    }
}

/// A session's place in a room, with its outbox in the test's hands.
pub(crate) struct Seat {
    pub(crate) room: Membership,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) sent: u64,
}

pub(crate) async fn sqlite_store(folder: &TempDir) -> Arc<dyn Store> {
    let path = folder.path().join("jabiru.db");
    migrate(&path, jabiru::app::MIGRATIONS).unwrap();
    Arc::new(SqliteStore::new(Sqlite::open(&path).unwrap(), Clock::system()))
}

pub(crate) fn record(org: &str, name: &str) -> CanvasRecord {
    CanvasRecord {
        id: CanvasId::generate(),
        org: org.to_owned(),
        owner_id: "olga".to_owned(),
        name: name.to_owned(),
        description: String::new(),
        block_count: 0,
        created_at: 1,
        updated_at: 1,
        deleted_at: None,
    }
}

pub(crate) fn seed(record: &CanvasRecord) -> Bytes {
    let canvas =
        schema::parse_import(&serde_json::json!({ "name": record.name }), &schema::CanvasLimits::default()).unwrap();
    schema::seed_update(record.id.0, &canvas).into()
}

impl TestHub {
    pub(crate) async fn start(limits: Limits) -> Self {
        Self::start_with(Parts::on(Arc::new(LocalBus::default())), limits).await
    }

    /// A node on a bus of the test's.
    pub(crate) async fn start_with(parts: Parts, limits: Limits) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        let store = Arc::new(FaultyStore::new(sqlite_store(&folder).await));
        let record = record("org", "canvas");
        store.create_canvas(record.clone(), seed(&record)).await.unwrap();
        Self::open(folder, store, Arc::new(record), parts, limits)
    }

    /// Another node on the same store and bus. `[BUS-1]`
    pub(crate) fn neighbour(&self, limits: Limits) -> Self {
        self.neighbour_with(Parts::on(Arc::clone(&self.bus)), limits)
    }

    /// Another node on the same store, and a bus of its own.
    pub(crate) fn neighbour_with(&self, parts: Parts, limits: Limits) -> Self {
        Self::open(Arc::clone(&self.folder), Arc::clone(&self.store), Arc::clone(&self.record), parts, limits)
    }

    fn open(
        folder: Arc<TempDir>,
        store: Arc<FaultyStore>,
        record: Arc<CanvasRecord>,
        Parts { id, bus, presence }: Parts,
        limits: Limits,
    ) -> Self {
        let path = folder.path().join("jabiru.db");
        let (events, writer) = Events::new(Clock::system());
        let spool = Spool::open(&folder.path().join("spool"), 1 << 20).unwrap();
        tokio::spawn(writer.run(Arc::new(SqliteEvents::new(Sqlite::open(&path).unwrap())), spool));
        let hub = Hub::new(Arc::new(Node {
            id,
            store: Arc::clone(&store) as Arc<dyn Store>,
            presence,
            bus: Arc::clone(&bus),
            events,
            limits,
            clock: Clock::system(),
            pressure: Pressure::default(),
            changes: Changes::default(),
        }));
        Self { hub, store, record, folder, bus }
    }

    pub(crate) async fn join(&self, name: &str) -> Seat {
        let outbox = Outbox::new(self.hub.node().limits.outbox_bytes, None);
        let identity = Identity::new(name.to_owned(), name.to_owned(), "org".to_owned());
        let new = || NewPeer {
            identity: identity.clone(),
            origin: Origin::default(),
            role: Role::Editor,
            outbox: Arc::clone(&outbox),
            acks: true,
            notices: false,
        };
        let room = self.hub.join(&self.record, new).await.unwrap();
        Seat { room, outbox, sent: 0 }
    }

    /// Joins and takes the answers to its sync step 1.
    pub(crate) async fn join_synced(&self, name: &str) -> Seat {
        let mut seat = self.join(name).await;
        assert!(seat.room.step1(yrs::StateVector::default().encode_v1().into()).await);
        seat.until(|message| matches!(message, ServerMessage::SyncStep1(_))).await;
        seat
    }
}

impl Seat {
    pub(crate) async fn update(&mut self, update: Vec<u8>) {
        self.sent += 1;
        let summary = protocol::check_update(&update, &WireLimits::default()).unwrap();
        assert!(self.room.update(self.sent, update.into(), summary, false).await);
    }

    /// Everything queued now, decoded, as if a socket had taken it.
    pub(crate) fn take(&self) -> Vec<ServerMessage> {
        let Some(outgoing) = self.outbox.take() else { return Vec::new() };
        let bytes = outgoing.frames.iter().map(Bytes::len).sum();
        let messages = outgoing.frames.iter().map(|frame| protocol::server_message::decode(frame).unwrap());
        let messages: Vec<_> = messages.chain(outgoing.ack.map(ServerMessage::Ack)).collect();
        self.outbox.written(bytes);
        messages
    }

    /// The next frame as it lies in the outbox.
    pub(crate) async fn frame(&self) -> Bytes {
        within("a frame in the outbox", async {
            loop {
                if let Some(frame) = self.outbox.take().and_then(|mut outgoing| outgoing.frames.pop_front()) {
                    return frame;
                }
                self.outbox.ready().await;
            }
        })
        .await
    }

    /// Takes until a message is the one wanted; everything taken.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&ServerMessage) -> bool) -> Vec<ServerMessage> {
        within("a message in the outbox", async {
            let mut taken = Vec::new();
            loop {
                let news = self.take();
                let found = news.iter().any(&wanted);
                taken.extend(news);
                if found {
                    return taken;
                }
                self.outbox.ready().await;
            }
        })
        .await
    }
}
