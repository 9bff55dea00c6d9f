//! `[LIM-5]`: what no known input does, but yrs might: panic inside the document.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rusqlite::Connection;
use serde_json::json;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, GetString, ReadTxn, StateVector, Text, Transact, Update};

use super::*;
use crate::backend::migrations::Migration;
use crate::backend::sqlite::{Sqlite, migrate};
use crate::bus::LocalBus;
use crate::doc::document::poison;
use crate::doc::schema;
use crate::events::Origin;
use crate::id::CanvasId;
use crate::presence::MemoryPresence;
use crate::protocol::{self, ServerMessage, WireLimits};
use crate::store::sqlite::SqliteStore;

const KERNEL: Migration =
    Migration { name: "0001_kernel", up: include_str!("../../migrations/sqlite/0001_kernel.up.sql"), down: None };

struct Seat {
    room: Membership,
    outbox: Arc<Outbox>,
    doc: Doc,
    sent: u64,
}

impl Seat {
    async fn join(hub: &Arc<Hub>, facts: &Facts, name: &str) -> Self {
        let outbox = Outbox::new(1 << 20, None);
        let identity = Identity::new(name.to_owned(), name.to_owned(), "org".to_owned());
        let new = || NewPeer {
            identity: identity.clone(),
            origin: Origin::default(),
            role: Role::Editor,
            outbox: Arc::clone(&outbox),
            acks: true,
            notices: false,
        };
        let room = hub.join(facts, new).await.unwrap();
        assert!(room.step1(StateVector::default().encode_v1().into()).await);
        Self { room, outbox, doc: Doc::new(), sent: 0 }
    }

    async fn write(&mut self, text: &str) {
        let update = {
            let shared = self.doc.get_or_insert_text("text");
            let mut txn = self.doc.transact_mut();
            shared.push(&mut txn, text);
            txn.encode_update_v1()
        };
        self.sent += 1;
        let summary = protocol::check_update(&update, &WireLimits::default()).unwrap();
        assert!(self.room.update(self.sent, update.into(), summary, false).await);
    }

    /// Applies what arrives until the text is this one.
    async fn until_text(&self, wanted: &str) {
        let arrives = async {
            loop {
                let frames = self.outbox.take().map(|outgoing| outgoing.frames).unwrap_or_default();
                self.outbox.written(frames.iter().map(Bytes::len).sum());
                for frame in frames {
                    if let ServerMessage::SyncStep2(update) | ServerMessage::Update(update) =
                        protocol::server_message::decode(&frame).unwrap()
                    {
                        self.doc.transact_mut().apply_update(Update::decode_v1(&update).unwrap()).unwrap();
                    }
                }
                let txn = self.doc.transact();
                if txn.get_text("text").is_some_and(|text| text.get_string(&txn) == wanted) {
                    return;
                }
                drop(txn);
                self.outbox.ready().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), arrives).await.unwrap_or_else(|_| panic!("never saw {wanted:?}"));
    }
}

#[tokio::test]
async fn lim_5_a_panic_inside_the_document_costs_its_sender_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jabiru.db");
    migrate(&path, &[KERNEL]).unwrap();
    let sqlite = Sqlite::open(&path).unwrap();
    let store = Arc::new(SqliteStore::new(sqlite.clone(), Clock::system()));
    let (events, _writer) = Events::new(Clock::system());
    let hub = Hub::new(Arc::new(Node {
        id: "node".into(),
        store: Arc::clone(&store) as Arc<dyn Store>,
        presence: Arc::new(MemoryPresence::default()),
        bus: Arc::new(LocalBus::default()),
        events,
        limits: Limits::default(),
        clock: Clock::system(),
        pressure: Pressure::default(),
        changes: Changes::default(),
    }));
    let id = CanvasId::generate();
    let canvas = schema::parse_import(&json!({ "name": "c" }), &schema::CanvasLimits::default()).unwrap();
    let facts = Arc::new(CanvasRecord {
        id,
        org: "org".to_owned(),
        owner_id: "olga".to_owned(),
        name: "c".to_owned(),
        description: String::new(),
        block_count: 0,
        created_at: 1,
        updated_at: 1,
        deleted_at: None,
    });
    store.create_canvas((*facts).clone(), schema::seed_update(id.0, &canvas).into()).await.unwrap();

    let mut ann = Seat::join(&hub, &facts, "ann").await;
    let mut mallory = Seat::join(&hub, &facts, "mallory").await;
    let ben = Seat::join(&hub, &facts, "ben").await;
    ann.write("kept").await;
    mallory.write(std::str::from_utf8(poison::MARK).unwrap()).await;
    ann.write(" and on").await;
    ben.until_text("kept and on").await;
    assert_eq!(mallory.outbox.closing().unwrap().close.code(), 4400);
    assert!(ann.outbox.closing().is_none() && ben.outbox.closing().is_none());

    let late = Seat::join(&hub, &facts, "late").await;
    late.until_text("kept and on").await;
    let kept = || {
        let database = Connection::open(&path).unwrap();
        let row = database.query_row("select actor, reason, body from canvas_quarantine", [], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, Vec<u8>>(2)?))
        });
        row.ok()
    };
    let kept = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            match kept() {
                Some(row) => return row,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    });
    let (actor, reason, body) = kept.await.unwrap();
    assert_eq!((actor.as_str(), reason.as_str()), ("mallory", "poisoned update"));
    assert!(body.windows(poison::MARK.len()).any(|window| window == poison::MARK));
}
