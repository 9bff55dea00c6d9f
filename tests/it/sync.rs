//! `[SYNC-*]`: what a y-websocket client sees.

use jabiru::access::Role;
use jabiru::config::Limits;
use jabiru::protocol::{self, ServerMessage};
use yrs::updates::encoder::Encode;
use yrs::{Doc, GetString, ReadTxn, StateVector, Text, Transact, WriteTxn};

use crate::support::{Mode, Options, TestClient, TestHub, TestServer, eventually};

#[tokio::test]
async fn sync_1_edits_reach_everyone_and_survive_the_room() {
    let server = TestServer::with(&["--room-idle-seconds", "0.05"]).await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    let mut ben = TestClient::editor(&server, canvas, "ben").await;
    ann.write("hello 🐦").await;
    ben.until("ann's text", |ben| ben.text() == "hello 🐦").await;
    ben.write(" and back").await;
    ann.until("ben's text", |ann| ann.text() == "hello 🐦 and back").await;
    ann.until_saved().await;
    ben.until_saved().await;
    drop((ann, ben));
    eventually("the room is unloaded", || async { server.app().hub.open_rooms() == 0 }).await;
    let mut eve = TestClient::join(&server, canvas, Options::role(&server, Role::Viewer, "eve")).await;
    eve.until("the stored text", |eve| eve.text() == "hello 🐦 and back").await;
}

#[tokio::test]
async fn sync_2_a_join_is_answered_with_the_difference_then_a_question_then_who_is_here() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    ann.write("first").await;
    ann.send_awareness(7, 1, Some(serde_json::json!({ "x": 1 }))).await;
    ann.barrier().await;

    let mut ben = TestClient::join(&server, canvas, Options::role(&server, Role::Editor, "ben").stock()).await;
    ben.until("who is here", |ben| !ben.states.is_empty()).await;
    let kinds: Vec<_> = ben.received.iter().map(std::mem::discriminant).collect();
    let expected = [
        ServerMessage::SyncStep2(bytes::Bytes::new()),
        ServerMessage::SyncStep1(bytes::Bytes::new()),
        ServerMessage::Awareness(Vec::new()),
    ];
    assert_eq!(kinds, expected.iter().map(std::mem::discriminant).collect::<Vec<_>>());

    // A holder of the first text gets only what it lacks.
    ann.write(&"x".repeat(5000)).await;
    ann.barrier().await;
    let known = ann.state_vector();
    ann.write("tail").await;
    ann.barrier().await;
    let mut eve =
        TestClient::open(&server, &canvas.to_string(), Options::role(&server, Role::Viewer, "eve")).await.unwrap();
    eve.send(protocol::sync_step1(&known.encode_v1())).await;
    // Its document lacks the rest, so the answer cannot be applied; it is the size that matters.
    eve.answers = false;
    let size = |message: &ServerMessage| {
        if let ServerMessage::SyncStep2(update) = message { Some(update.len()) } else { None }
    };
    eve.until("the difference", |eve| eve.received.iter().any(|message| size(message).is_some())).await;
    let difference = eve.received.iter().find_map(size).unwrap();
    assert!(difference < 200, "{difference} bytes for four characters");
}

/// Somebody who has nothing is answered before the document is built: with the snapshot, then the entries after it, then the question.
#[tokio::test]
async fn sync_2_who_comes_while_the_document_is_built_gets_all_of_it() {
    let server = TestServer::with(&["--compact-entries", "2", "--room-idle-seconds", "0.01"]).await;
    let canvas = server.create("c").await;
    let unloaded = || eventually("the room is unloaded", || async { server.app().hub.open_rooms() == 0 });
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    // In runs here and there, or it would be one item.
    for part in 0..20 {
        let update = ann.edit(|txn| {
            for run in 0..1000 {
                let text = txn.get_or_insert_text(format!("text {}", run % 10).as_str());
                text.insert(txn, 0, &format!("{part} "));
            }
        });
        ann.send_update(&update).await;
    }
    ann.until_saved().await;
    drop(ann);
    unloaded().await;
    let folded = || async {
        let stored = jabiru::store::Store::load(&*server.store, canvas).await.unwrap().unwrap();
        stored.snapshots.len() == 1 && stored.entries.is_empty()
    };
    eventually("it is folded", folded).await;

    let mut early = 0;
    for round in 0..50 {
        let key = round.to_string();
        let mut ben = TestClient::join(&server, canvas, Options::role(&server, Role::Editor, "ben")).await;
        // At once: it is one of the things that wait for the document.
        ben.set(&key, "mine").await;
        ben.until("all of it", |ben| (0..=round).all(|key| ben.get(&key.to_string()).is_some())).await;
        ben.until_saved().await;
        let text = ben.doc.get_or_insert_text("text 3");
        assert_eq!(text.get_string(&ben.doc.transact()).len(), 10 * 100 * 2 + 10 * 100 * 3);
        let kind = |message: &ServerMessage| match message {
            ServerMessage::SyncStep2(_) => Some('2'),
            ServerMessage::SyncStep1(_) => Some('1'),
            ServerMessage::Update(_) => Some('u'),
            _ => None,
        };
        let order: String = ben.received.iter().filter_map(kind).collect();
        assert!(order.starts_with('2') && order.contains('1'), "{order}");
        early += usize::from(order.starts_with("2u"));
        drop(ben);
        unloaded().await;
        if early > 0 && round > 2 {
            return;
        }
    }
    panic!("nobody was answered before the document was built");
}

#[tokio::test]
async fn sync_2_no_update_falls_between_joining_and_reading_the_state() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut writer = TestClient::editor(&server, canvas, "writer").await;
    for round in 0..40 {
        let mut joiner =
            TestClient::open(&server, &canvas.to_string(), Options::role(&server, Role::Editor, "j")).await.unwrap();
        let key = round.to_string();
        tokio::join!(writer.set(&key, "here"), joiner.send_step1());
        joiner.until("the concurrent edit", |joiner| joiner.get(&key).is_some()).await;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn sync_3_an_idle_room_forwards_at_once_and_a_busy_one_merges() {
    let hub = TestHub::start(Limits::default()).await;
    let mut ann = hub.join_synced("ann").await;
    let mut ben = hub.join_synced("ben").await;
    let (doc, text) = (Doc::new(), "text");
    let shared = doc.get_or_insert_text(text);
    let type_one = || {
        let mut txn = doc.transact_mut();
        shared.push(&mut txn, "a");
        txn.encode_update_v1()
    };

    let update = type_one();
    ann.update(update.clone()).await;
    let taken = ben.until(|message| matches!(message, ServerMessage::Update(_))).await;
    assert_eq!(taken, [ServerMessage::Update(update.into())], "a lone update is relayed as it came");

    // On one thread the room cannot run until this task waits: all of these are in its inbox when it does.
    for _ in 0..100 {
        ann.update(type_one()).await;
    }
    let replica = Doc::new();
    let mut frames = 0;
    let whole = doc.transact().state_vector();
    while replica.transact().state_vector() != whole {
        for message in ben.until(|message| matches!(message, ServerMessage::Update(_))).await {
            if let ServerMessage::Update(update) = message {
                frames += 1;
                apply(&replica, &update);
            }
        }
        if frames == 1 && replica.transact().state_vector().is_empty() {
            // The first character came with the lone update above.
            apply(&replica, &doc.transact().encode_diff_v1(&StateVector::default()));
        }
    }
    assert!(frames < 10, "100 updates that were waiting together left in {frames} frames");
}

fn apply(doc: &Doc, update: &[u8]) {
    use yrs::updates::decoder::Decode;
    doc.transact_mut().apply_update(yrs::Update::decode_v1(update).unwrap()).unwrap();
}

#[tokio::test]
async fn sync_4_joiners_share_one_encoded_state() {
    let hub = TestHub::start(Limits::default()).await;
    let (mut frames, mut seats) = (Vec::new(), Vec::new());
    for name in ["ann", "ben"] {
        let seat = hub.join(name).await;
        assert!(seat.room.step1(StateVector::default().encode_v1().into()).await);
        frames.push(seat.frame().await);
        seats.push(seat);
    }
    assert_eq!(frames[0].as_ptr(), frames[1].as_ptr(), "the same bytes, not equal ones");
}

#[tokio::test]
async fn sync_5_a_slow_peer_is_bounded_and_gets_one_difference() {
    let limits = Limits { outbox_bytes: 10_000, ..Limits::default() };
    let hub = TestHub::start(limits).await;
    let mut writer = hub.join_synced("writer").await;
    let mut slow = hub.join_synced("slow").await;
    let doc = Doc::new();
    let shared = doc.get_or_insert_text("text");
    let mut updates = Vec::new();
    for _ in 0..100 {
        let mut txn = doc.transact_mut();
        shared.push(&mut txn, &"x".repeat(1000));
        updates.push(txn.encode_update_v1());
    }
    for update in updates {
        writer.update(update).await;
        writer.until(|message| matches!(message, ServerMessage::Ack(_))).await;
    }
    let queued = slow.outbox.take().unwrap().frames;
    let queued_bytes: usize = queued.iter().map(bytes::Bytes::len).sum();
    assert!(queued_bytes < 10_000 + 2_000, "{queued_bytes} bytes wait for a peer that does not read");

    let replica = Doc::new();
    for frame in &queued {
        if let ServerMessage::Update(update) = protocol::server_message::decode(frame).unwrap() {
            apply(&replica, &update);
        }
    }
    assert!(slow.outbox.written(queued_bytes), "the outbox is empty and the room must hear of it");
    assert!(slow.room.drained().await);
    let caught_up = slow.until(|message| matches!(message, ServerMessage::Update(_))).await;
    let [ServerMessage::Update(difference)] = &caught_up[..] else { panic!("one difference, not {caught_up:?}") };
    apply(&replica, difference);
    let want = doc.transact().state_vector();
    assert_eq!(replica.transact().state_vector().get(&doc.client_id()), want.get(&doc.client_id()));

    // And it is a normal peer again.
    let mut txn = doc.transact_mut();
    shared.push(&mut txn, "!");
    let update = txn.encode_update_v1();
    drop(txn);
    writer.update(update.clone()).await;
    assert_eq!(
        slow.until(|message| matches!(message, ServerMessage::Update(_))).await,
        [ServerMessage::Update(update.into())]
    );
}

#[tokio::test]
async fn sync_5_a_peer_that_stays_behind_is_closed_and_nobody_waits_for_it() {
    let limits = Limits { outbox_bytes: 100, slow_peer: std::time::Duration::from_millis(50), ..Limits::default() };
    let hub = TestHub::start(limits).await;
    let mut writer = hub.join_synced("writer").await;
    let slow = hub.join_synced("slow").await;
    let doc = Doc::new();
    let shared = doc.get_or_insert_text("text");
    for _ in 0..3 {
        let mut txn = doc.transact_mut();
        shared.push(&mut txn, &"x".repeat(200));
        let update = txn.encode_update_v1();
        drop(txn);
        writer.update(update).await;
        writer.until(|message| matches!(message, ServerMessage::Ack(_))).await;
    }
    eventually("the slow peer is closed", || async { slow.outbox.closing().is_some() }).await;
    assert_eq!(slow.outbox.closing().unwrap().close.code(), 1013);
}

#[tokio::test]
async fn sync_6_something_reaches_an_idle_client() {
    let server = TestServer::with(&["--keepalive-seconds", "0.05"]).await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    ann.until("two keepalives", |ann| {
        ann.received.iter().filter(|message| **message == ServerMessage::Awareness(Vec::new())).count() >= 2
    })
    .await;
}

#[tokio::test]
async fn sync_7_dur_1_the_ack_waits_for_the_journal_and_the_broadcast_does_not() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    let mut ben = TestClient::editor(&server, canvas, "ben").await;
    ann.until_saved().await;
    server.store.set(Mode::HangWrites);
    ann.set("k", "v").await;
    ben.until("the edit, before it is stored", |ben| ben.get("k").is_some()).await;
    ann.barrier().await;
    assert!(ann.acked < ann.sent, "acked before it was stored");
    server.store.set(Mode::Well);
    ann.until_saved().await;
}

#[tokio::test]
async fn sync_7_acks_and_notices_go_only_to_clients_that_ask() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut stock = TestClient::join(&server, canvas, Options::role(&server, Role::Editor, "s").stock()).await;
    stock.until("synced", |stock| stock.synced).await;
    stock.set("k", "v").await;
    // Another client's ack proves that the journal has moved past the stock client's update.
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    ann.set("l", "w").await;
    ann.until_saved().await;
    stock.barrier().await;
    let extra = |message: &ServerMessage| matches!(message, ServerMessage::Ack(_) | ServerMessage::Notice(_));
    assert!(!stock.received.iter().any(extra), "{:?}", stock.received);
}

#[tokio::test]
async fn sync_8_the_first_notice_says_who_one_is_here() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::join(&server, canvas, Options::role(&server, Role::Commenter, "ann")).await;
    ann.until("a notice", |ann| !ann.notices.is_empty()).await;
    assert_eq!(ann.notices[0]["type"], "welcome");
    assert_eq!(ann.notices[0]["role"], "commenter");
    assert_eq!(ann.notices[0]["user"]["id"], "ann");
}
