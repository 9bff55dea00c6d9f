//! `[DUR-*]`: saved means saved. The kill at a random instant is in `crash.rs`.

use std::sync::Arc;

use jabiru::access::Role;
use jabiru::config::Limits;
use jabiru::protocol::ServerMessage;
use reqwest::Method;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{ReadTxn, Transact, WriteTxn};

use crate::support::{Mode, Options, TestClient, TestHub, TestServer, eventually};

#[tokio::test]
async fn dur_3_a_failing_store_withholds_acks_and_loses_nothing() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    ann.until_saved().await;
    server.store.set(Mode::FailWrites);
    for key in 0..20 {
        ann.set(&key.to_string(), "v").await;
    }
    eventually("readyz says degraded", || async { server.ready().await["status"] == "degraded" }).await;
    // Somebody new can come while the store is down, and sees everything.
    let mut ben = TestClient::editor(&server, canvas, "ben").await;
    ben.until("an edit the store has not taken", |ben| ben.get("19").is_some()).await;
    assert!(ann.acked < ann.sent);
    server.store.set(Mode::Well);
    ann.until_saved().await;
    eventually("readyz says ready", || async { server.ready().await["status"] == "ready" }).await;
    let server = server.restart().await;
    let mut eve = TestClient::editor(&server, canvas, "eve").await;
    eve.until("everything acked", |eve| (0..20).all(|key| eve.get(&key.to_string()).is_some())).await;
}

#[tokio::test]
async fn dur_3_past_the_bound_the_room_is_read_only_with_a_reason_and_takes_everything_later() {
    let server = TestServer::with(&["--max-room-pending-bytes", "5000"]).await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    let mut stock = TestClient::join(&server, canvas, Options::role(&server, Role::Editor, "stock").stock()).await;
    stock.until("synced", |stock| stock.synced).await;
    ann.until_saved().await;
    server.store.set(Mode::HangWrites);
    for key in 0..20 {
        ann.set(&key.to_string(), "x".repeat(1000)).await;
    }
    ann.until("the room says why it is read-only", |ann| {
        ann.notices.iter().any(|notice| notice["type"] == "read_only" && notice["reason"] == "store_unavailable")
    })
    .await;
    stock.set("stock", "mine").await;
    stock.until("a stock client is told too", |stock| !stock.refusals.is_empty()).await;
    assert!(stock.closed.is_none() && stock.get("19").is_none(), "what is refused reaches nobody");
    assert!(server.ready().await["store"]["pending_bytes"].as_u64().unwrap() < 7000);

    server.store.set(Mode::Well);
    ann.until("writable again", |ann| ann.notices.iter().any(|notice| notice["type"] == "writable")).await;
    ann.until_saved().await;
    stock.until("what was refused was asked for again", |stock| stock.get("19").is_some()).await;
    let mut eve = TestClient::editor(&server, canvas, "eve").await;
    eve.until("everything", |eve| eve.get("stock").is_some() && (0..20).all(|key| eve.get(&key.to_string()).is_some()))
        .await;
}

/// A writer that is faster than the disk is slowed down, not refused: the bound is for a store that does not answer.
#[tokio::test]
async fn dur_3_a_writer_faster_than_the_store_waits_and_is_not_refused() {
    let server = TestServer::with(&["--max-room-pending-bytes", "200000"]).await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    for key in 0..100 {
        ann.set(&key.to_string(), "x".repeat(20_000)).await;
    }
    ann.until_saved().await;
    assert!(!ann.notices.iter().any(|notice| notice["type"] == "read_only"), "{:?}", ann.notices);
}

#[tokio::test]
async fn dur_4_a_room_is_unloaded_only_with_its_tail_written_and_a_join_meanwhile_gets_the_same() {
    let server = TestServer::with(&["--room-idle-seconds", "0.000001"]).await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    ann.until_saved().await;
    let presence = format!("/v1/canvases/{canvas}/presence");
    let here = || async { server.call(Method::GET, &presence, None).await.1["items"].as_array().unwrap().len() };
    ann.send_awareness(11, 1, Some(serde_json::json!({}))).await;
    eventually("ann is here", || async { here().await == 1 }).await;
    let loads = server.store.loads();
    server.store.set(Mode::HangWrites);
    ann.set("k", "v").await;
    ann.barrier().await;
    eventually("the append waits", || async { server.store.troubled() > 0 }).await;
    drop(ann);
    eventually("nobody is here: the room has nothing but its tail", || async { here().await == 0 }).await;
    server.read(canvas).await;
    let mut ben = TestClient::editor(&server, canvas, "ben").await;
    ben.until("the unwritten edit", |ben| ben.get("k").is_some()).await;
    assert_eq!(server.store.loads(), loads, "the room was never unloaded");
    drop(ben);
    server.store.set(Mode::Well);
    eventually("the room is unloaded", || async { server.app().hub.open_rooms() == 0 }).await;
    let mut eve = TestClient::editor(&server, canvas, "eve").await;
    eve.until("the edit, loaded", |eve| eve.get("k").is_some()).await;
}

/// Rooms that end as fast as they can while sessions come and go: whoever joins sees everything acked before.
#[tokio::test]
async fn dur_4_joins_race_with_unloading() {
    let server = TestServer::with(&["--room-idle-seconds", "0.000001"]).await;
    let canvas = server.create("c").await;
    for round in 0..50 {
        let mut client = TestClient::editor(&server, canvas, "ann").await;
        client
            .until("what was saved before", |client| (0..round).all(|key| client.get(&key.to_string()).is_some()))
            .await;
        client.set(&round.to_string(), "v").await;
        client.until_saved().await;
    }
}

#[tokio::test]
async fn dur_5_a_failed_load_closes_joiners_and_never_shows_an_empty_canvas() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    server.store.set(Mode::FailLoads);
    let mut ann = TestClient::join(&server, canvas, Options::role(&server, Role::Editor, "ann")).await;
    let (code, reason) = ann.until_closed().await;
    assert_eq!(code, 1011, "{reason}");
    assert!(!ann.received.iter().any(|message| matches!(message, ServerMessage::SyncStep2(_))));
    server.store.set(Mode::Well);
    let ben = TestClient::editor(&server, canvas, "ben").await;
    assert!(!ben.state_vector().is_empty(), "the canvas has its initial structure");
}

#[tokio::test]
async fn dur_6_a_long_journal_is_folded_while_people_edit() {
    let server = TestServer::with(&["--compact-entries", "10", "--room-idle-seconds", "0.05"]).await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    for key in 0..60 {
        ann.set(&key.to_string(), "v").await;
        ann.until_saved().await;
    }
    drop(ann);
    let entries = || async {
        let stored = jabiru::store::Store::load(&*server.store, canvas).await.unwrap().unwrap();
        (!stored.snapshots.is_empty(), stored.entries.len())
    };
    eventually("a snapshot and a short journal", || async { matches!(entries().await, (true, left) if left <= 20) })
        .await;
    eventually("the room is unloaded", || async { server.app().hub.open_rooms() == 0 }).await;
    let mut ben = TestClient::editor(&server, canvas, "ben").await;
    ben.until("everything", |ben| (0..60).all(|key| ben.get(&key.to_string()).is_some())).await;
}

#[tokio::test]
async fn dur_6_a_short_journal_of_many_bytes_is_folded_when_its_room_is_unloaded() {
    let server = TestServer::with(&["--room-idle-seconds", "0.05"]).await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    ann.set("large", "x".repeat(100_000)).await;
    ann.until_saved().await;
    drop(ann);
    let left = || async {
        let stored = jabiru::store::Store::load(&*server.store, canvas).await.unwrap().unwrap();
        (stored.snapshots.len(), stored.entries.len())
    };
    eventually("all of it is in the snapshot", || async { left().await == (1, 0) }).await;
}

#[tokio::test]
async fn dur_7_what_is_known_is_acked_but_neither_journaled_nor_relayed() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    let update = ann.edit(|txn| {
        let map = txn.get_or_insert_map("test");
        yrs::Map::insert(&map, txn, "gone", "v");
        yrs::Map::remove(&map, txn, "gone");
    });
    ann.send_update(&update).await;
    ann.until_saved().await;
    let mut ben = TestClient::editor(&server, canvas, "ben").await;
    ben.until_saved().await;
    let (rows, seen) = (server.store.appended(), ben.received.len());
    // A joiner's sync step 2 carries the whole delete set; the update is known already.
    ann.send_update(&update).await;
    ann.until_saved().await;
    ben.barrier().await;
    assert_eq!(server.store.appended(), rows);
    assert!(!ben.received[seen..].iter().any(|message| matches!(message, ServerMessage::Update(_))));
}

#[tokio::test]
async fn dur_8_an_update_with_missing_dependencies_is_asked_for_and_acked_when_it_fits() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    let mut ben = TestClient::editor(&server, canvas, "ben").await;
    ann.until_saved().await;
    let rows = server.store.appended();
    ann.answers = false;
    let _lost = ann.edit(|txn| yrs::Text::push(&txn.get_or_insert_text("text"), txn, "first "));
    let second = ann.edit(|txn| yrs::Text::push(&txn.get_or_insert_text("text"), txn, "second"));
    let questions =
        |client: &TestClient| client.received.iter().filter(|m| matches!(m, ServerMessage::SyncStep1(_))).count();
    let asked = questions(&ann);
    ann.send_update(&second).await;
    ann.until("the server asks", |ann| questions(ann) == asked + 1).await;
    ben.barrier().await;
    assert_eq!(ben.text(), "", "not relayed");
    assert_eq!(server.store.appended(), rows, "not journaled");
    assert!(ann.acked < ann.sent, "not acked");

    // What a stock client does on being asked.
    let answer = ann.doc.transact().encode_diff_v1(&ben.state_vector());
    ann.sent += 1;
    ann.send(jabiru::protocol::sync_step2(&answer)).await;
    ann.until_saved().await;
    ben.until("both edits", |ben| ben.text() == "first second").await;
}

/// The same when what is missing is somebody else's.
#[tokio::test]
async fn dur_8_an_update_that_builds_on_an_unseen_edit_of_another_is_missing_too() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    ann.until_saved().await;
    let rows = server.store.appended();
    // Ann got this edit past the server, and writes behind it.
    let ghost = yrs::Doc::new();
    let text = ghost.get_or_insert_text("text");
    yrs::Text::push(&text, &mut ghost.transact_mut(), "ghost ");
    let unseen = ghost.transact().encode_diff_v1(&yrs::StateVector::default());
    ann.doc.transact_mut().apply_update(yrs::Update::decode_v1(&unseen).unwrap()).unwrap();
    ann.answers = false;
    let update = ann.edit(|txn| yrs::Text::push(&txn.get_or_insert_text("text"), txn, "ann"));
    let questions =
        |client: &TestClient| client.received.iter().filter(|m| matches!(m, ServerMessage::SyncStep1(_))).count();
    let asked = questions(&ann);
    ann.send_update(&update).await;
    ann.until("the server asks", |ann| questions(ann) == asked + 1).await;
    assert_eq!(server.store.appended(), rows, "not journaled");
    let ben = TestClient::editor(&server, canvas, "ben").await;
    assert_eq!(ben.text(), "", "not in the document");
    ann.answers = true;
    ann.send_step1().await;
    let answer = ann.doc.transact().encode_diff_v1(&ben.state_vector());
    ann.sent += 1;
    ann.send(jabiru::protocol::sync_step2(&answer)).await;
    ann.until_saved().await;
    let mut eve = TestClient::editor(&server, canvas, "eve").await;
    eve.until("both edits", |eve| eve.text() == "ghost ann").await;
}

/// The same for an update whose own earlier clocks are missing, which yrs would take without a word.
#[tokio::test]
async fn dur_8_a_gap_in_a_clients_own_clocks_is_missing_too() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    ann.until_saved().await;
    let rows = server.store.appended();
    let map = |txn: &mut yrs::TransactionMut<'_>, key: &str| {
        yrs::Map::insert(&txn.get_or_insert_map("test"), txn, key, "v");
    };
    let _lost = ann.edit(|txn| map(txn, "first"));
    let second = ann.edit(|txn| map(txn, "second"));
    ann.send_update(&second).await;
    let sent = ann.sent;
    // The client answers the question that follows with everything it has.
    ann.until("the server asks", |ann| ann.sent > sent).await;
    ann.until_saved().await;
    assert_eq!(server.store.appended(), rows + 1, "one change, with both edits");
    let mut ben = TestClient::editor(&server, canvas, "ben").await;
    ben.until("both edits", |ben| ben.get("first").is_some() && ben.get("second").is_some()).await;
}

/// A client that lost a frame once carries what builds on it in every sync step 2, for ever. What it writes itself is taken, and it is not
/// asked again and again.
#[tokio::test]
async fn dur_8_something_pending_for_ever_blocks_neither_the_rest_nor_the_room() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    ann.until_saved().await;
    let other = yrs::Doc::new();
    let text = other.get_or_insert_text("elsewhere");
    yrs::Text::push(&text, &mut other.transact_mut(), "lost ");
    let before = other.transact().state_vector();
    yrs::Text::push(&text, &mut other.transact_mut(), "pending");
    let pending = other.transact().encode_diff_v1(&before);
    ann.answers = false;
    let own = ann.edit(|txn| {
        yrs::Map::insert(&txn.get_or_insert_map("test"), txn, "own", "v");
    });
    let answer = yrs::merge_updates_v1([own, pending]).unwrap();
    let questions =
        |client: &TestClient| client.received.iter().filter(|m| matches!(m, ServerMessage::SyncStep1(_))).count();
    let asked = questions(&ann);
    for _ in 0..20 {
        ann.sent += 1;
        ann.send(jabiru::protocol::sync_step2(&answer)).await;
    }
    ann.barrier().await;
    assert!(questions(&ann) <= asked + 1, "{} questions that have no answer", questions(&ann) - asked);
    let mut ben = TestClient::editor(&server, canvas, "ben").await;
    ben.until("ann's own edit", |ben| ben.get("own").is_some()).await;
    assert!(ben.doc.transact().get_text("elsewhere").is_none(), "what is pending is nowhere");
}

#[tokio::test]
async fn dur_9_shutdown_closes_with_1012_and_writes_every_tail() {
    let mut server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    ann.until_saved().await;
    server.store.set(Mode::HangWrites);
    ann.set("k", "v").await;
    ann.barrier().await;
    let store = Arc::clone(&server.store);
    let (stopped, (code, _)) = tokio::join!(server.stop(), async {
        let closed = ann.until_closed().await;
        store.set(Mode::Well);
        closed
    });
    stopped.unwrap();
    assert_eq!(code, 1012);
    assert!(store.appended() > 0);
}

#[tokio::test]
async fn dur_9_shutdown_ends_at_its_deadline_and_says_what_was_not_stored() {
    let mut server = TestServer::with(&["--shutdown-seconds", "0.2"]).await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    ann.until_saved().await;
    server.store.set(Mode::HangWrites);
    ann.set("k", "v").await;
    ann.barrier().await;
    let error = server.stop().await.unwrap_err().to_string();
    assert!(error.contains("bytes of updates were not stored"), "{error}");
}

#[tokio::test]
async fn dur_3_the_node_bound_counts_all_rooms_together() {
    let limits = Limits { node_pending_bytes: 3000, ..Limits::default() };
    let hub = TestHub::start(limits).await;
    let mut ann = hub.join_synced("ann").await;
    hub.store.set(Mode::HangWrites);
    let doc = yrs::Doc::new();
    let text = doc.get_or_insert_text("text");
    for _ in 0..10 {
        let mut txn = doc.transact_mut();
        yrs::Text::push(&text, &mut txn, &"x".repeat(1000));
        let update = txn.encode_update_v1();
        drop(txn);
        ann.update(update).await;
        assert!(ann.room.step1(doc.transact().state_vector().encode_v1().into()).await);
        ann.until(|message| matches!(message, ServerMessage::SyncStep2(_))).await;
    }
    assert!(hub.hub.node().pressure.pending_bytes() < 5000);
    hub.store.set(Mode::Well);
    eventually("what was taken is written", || async { hub.hub.node().pressure.pending_bytes() == 0 }).await;
}
