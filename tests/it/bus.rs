//! `[BUS-1]` `[BUS-3]` `[AW-4]`: two nodes of one process on one store and one bus.

use std::sync::Arc;

use bytes::Bytes;
use jabiru::bus::{Bus, Frame, LocalBus};
use jabiru::config::Limits;
use jabiru::doc::document::Headline;
use jabiru::protocol::{self, Close, Closing, ServerMessage};
use jabiru::store::{Append, Change, Store};
use uuid::Uuid;
use yrs::{Doc, ReadTxn, Text, Transact};

use crate::support::person::update_with;
use crate::support::{Mode, Parts, Person, TestHub, eventually, within};

#[tokio::test]
async fn bus_1_what_one_node_takes_reaches_the_sessions_of_the_other_and_is_journaled_once() {
    let first = TestHub::start(Limits::default()).await;
    let second = first.neighbour(Limits::default());
    let mut ann = first.join_synced("ann").await;
    let mut ben = second.join_synced("ben").await;
    let doc = Doc::new();
    let text = doc.get_or_insert_text("text");
    let mut txn = doc.transact_mut();
    text.push(&mut txn, "hello");
    let update = txn.encode_update_v1();
    drop(txn);
    ann.update(update).await;
    ben.until(|message| matches!(message, ServerMessage::Update(_))).await;
    ann.until(|message| matches!(message, ServerMessage::Ack(_))).await;
    assert_eq!(first.store.appended(), 1);
}

/// A node that heard of a change before it is on disk could ack a copy of it that a crash of the first node would lose.
#[tokio::test]
async fn bus_1_other_nodes_hear_of_a_change_once_it_is_journaled() {
    let first = TestHub::start(Limits::default()).await;
    let second = first.neighbour(Limits::default());
    let mut ann = first.join_synced("ann").await;
    let mut ben = second.join_synced("ben").await;
    first.store.set(Mode::HangWrites);
    let doc = Doc::new();
    let text = doc.get_or_insert_text("text");
    let mut txn = doc.transact_mut();
    text.push(&mut txn, "hello");
    let update = txn.encode_update_v1();
    drop(txn);
    ann.update(update).await;
    assert!(ann.room.step1(vec![0].into()).await);
    ann.until(|message| matches!(message, ServerMessage::SyncStep2(_))).await;
    assert!(ben.room.step1(vec![0].into()).await);
    let heard = ben.until(|message| matches!(message, ServerMessage::SyncStep2(_))).await;
    assert!(!heard.iter().any(|message| matches!(message, ServerMessage::Update(_))));
    first.store.set(Mode::Well);
    ben.until(|message| matches!(message, ServerMessage::Update(_))).await;
}

/// What makes a change incomplete is in the journal by the time it is heard: one load brings it, and no loop follows.
#[tokio::test]
async fn bus_1_a_change_that_builds_on_something_missed_is_completed_from_the_journal() {
    let bus = Arc::new(LocalBus::default());
    let hub = TestHub::start_with(Parts::on(Arc::clone(&bus) as Arc<dyn Bus>), Limits::default()).await;
    let mut ben = Person::join(&hub, "ben", 2).await;
    let other = Doc::new();
    let (first, second) = (update_with(&other, "first"), update_with(&other, "second"));
    let change = |update: &[u8]| Change {
        id: Uuid::now_v7(),
        body: Bytes::copy_from_slice(update),
        actors: vec!["ann".to_owned()],
        at: 1,
    };
    let headline = Headline { name: "canvas".to_owned(), description: String::new(), blocks: 0 };
    let changes = vec![change(&first), change(&second)];
    hub.store.append(Append { canvas: hub.record.id, changes, headline }).await.unwrap();
    // A bus delivers nothing while nobody else listens.
    let _another = bus.subscribe("a third node");
    let loads = hub.store.loads();
    let publish = |update: Vec<u8>| {
        bus.publish(Frame::Change { node: "the other node".into(), canvas: hub.record.id, update: update.into() });
    };
    publish(second);
    ben.until_words(&["first", "second"]).await;
    assert_eq!(hub.store.loads(), loads + 1);
    // What builds on something that is nowhere is left out, after one look.
    let lost = Doc::new();
    update_with(&lost, "never stored");
    let orphan = update_with(&lost, "orphan");
    publish(orphan);
    eventually("the room has looked", || async { hub.store.loads() == loads + 2 }).await;
    publish(update_with(&other, "third"));
    ben.until_words(&["first", "second", "third"]).await;
    assert_eq!(hub.store.loads(), loads + 2);
}

/// A hundred rooms do not fall upon the store at once, and one whose load fails tries again.
#[tokio::test]
async fn bus_2_after_a_loss_every_room_reads_the_journal_when_it_can() {
    let bus = Arc::new(LocalBus::default());
    let hub = TestHub::start_with(Parts::on(Arc::clone(&bus) as Arc<dyn Bus>), Limits::default()).await;
    let _another = bus.subscribe("a third node");
    let mut ben = Person::join(&hub, "ben", 2).await;
    ben.until("the canvas", |ben| ben.doc.transact().get_map("canvas").is_some()).await;
    let other = Doc::new();
    let body = update_with(&other, "unheard").into();
    let change = Change { id: Uuid::now_v7(), body, actors: vec!["ann".to_owned()], at: 1 };
    let headline = Headline { name: "canvas".to_owned(), description: String::new(), blocks: 0 };
    hub.store.append(Append { canvas: hub.record.id, changes: vec![change], headline }).await.unwrap();
    hub.store.set(Mode::FailLoads);
    let troubled = hub.store.troubled();
    bus.publish(Frame::Missed);
    eventually("a load failed", || async { hub.store.troubled() > troubled }).await;
    // The room goes on meanwhile.
    ben.write("mine").await;
    ben.until_saved().await;
    hub.store.set(Mode::Well);
    ben.until_words(&["mine", "unheard"]).await;
}

/// What is lost while the journal is being read may be in it only since then: it is read once more.
#[tokio::test]
async fn bus_2_a_loss_during_a_catch_up_is_made_up_for_too() {
    let bus = Arc::new(LocalBus::default());
    let hub = TestHub::start_with(Parts::on(Arc::clone(&bus) as Arc<dyn Bus>), Limits::default()).await;
    let _another = bus.subscribe("a third node");
    let mut ben = Person::join(&hub, "ben", 2).await;
    ben.until("the canvas", |ben| ben.doc.transact().get_map("canvas").is_some()).await;
    hub.store.set(Mode::HoldLoads);
    bus.publish(Frame::Missed);
    eventually("the journal has been read", || async { hub.store.troubled() == 1 }).await;
    let body = update_with(&Doc::new(), "since").into();
    let change = Change { id: Uuid::now_v7(), body, actors: vec!["ann".to_owned()], at: 1 };
    let headline = Headline { name: "canvas".to_owned(), description: String::new(), blocks: 0 };
    hub.store.append(Append { canvas: hub.record.id, changes: vec![change], headline }).await.unwrap();
    let node: Arc<str> = "the other node".into();
    bus.publish(Frame::Reload { node: Arc::clone(&node), canvas: hub.record.id });
    // The room takes both at once.
    let states = protocol::encode_awareness([(1, 1, Some(r#"{"user":{"id":"ann"}}"#.as_bytes()))]);
    bus.publish(Frame::Presence { node, canvas: hub.record.id, states });
    ben.until("ann", |ben| ben.sees(1).is_some()).await;
    hub.store.set(Mode::Well);
    ben.until_words(&["since"]).await;
}

#[tokio::test]
async fn bus_1_a_canvas_deleted_on_one_node_is_closed_on_the_others() {
    let first = TestHub::start(Limits::default()).await;
    let second = first.neighbour(Limits::default());
    let ben = second.join_synced("ben").await;
    assert!(first.store.set_deleted(first.record.id, Some(1)).await.unwrap());
    first.hub.close(first.record.id, Closing::new(Close::NoSuchCanvas, "deleted")).await;
    eventually("ben's session is closed", || async { ben.outbox.closing().is_some() }).await;
    assert_eq!(ben.outbox.closing().unwrap().close, Close::NoSuchCanvas);
}

#[tokio::test]
async fn aw_4_people_on_both_nodes_see_each_other_come_move_and_leave() {
    let first = TestHub::start(Limits::default()).await;
    let second = first.neighbour(Limits::default());
    let mut ann = Person::join(&first, "ann", 1).await;
    ann.point(1).await;
    ann.pump().await;
    // Ben's node opens the canvas later, and asks who is there.
    let mut ben = Person::join(&second, "ben", 2).await;
    ben.point(2).await;
    ben.until("ann", |ben| ben.sees(1).is_some_and(|ann| ann["x"] == 1 && ann["user"]["id"] == "ann")).await;
    ann.until("ben", |ann| ann.sees(2).is_some_and(|ben| ben["x"] == 2)).await;
    ann.point(3).await;
    ben.until("ann has moved", |ben| ben.sees(1).is_some_and(|ann| ann["x"] == 3)).await;
    drop(ann);
    ben.until("ann has left", |ben| ben.sees(1).is_none()).await;
}

/// [AW-2] A client id is one person's on every node, and goes with its client.
#[tokio::test]
async fn aw_2_a_client_that_moves_to_another_node_is_taken_over() {
    let first = TestHub::start(Limits::default()).await;
    let second = first.neighbour(Limits::default());
    let mut eve = Person::join(&first, "eve", 9).await;
    let mut joe = Person::join(&second, "joe", 8).await;
    let mut ann = Person::join(&first, "ann", 1).await;
    for x in 1..=5 {
        ann.point(x).await;
    }
    joe.until("ann", |joe| joe.sees(1).is_some_and(|ann| ann["x"] == 5)).await;
    // Mallory, on the other node, claims ann's id with a higher clock, as the first thing said: nobody falls for it.
    let mut mallory = Person::join(&second, "mallory", 1).await;
    for x in 100..120 {
        mallory.point(x).await;
    }
    // The socket on the first node is dead and not noticed yet; the client says what it said before, on the second.
    let old = ann.move_to(&second, "ann").await;
    ann.point(6).await;
    for (watcher, name) in [(&mut eve, "eve"), (&mut joe, "joe")] {
        let ann_at = |x: u32| {
            move |watcher: &Person| watcher.sees(1).is_some_and(|ann| ann["x"] == x && ann["user"]["id"] == "ann")
        };
        pump_both(watcher, &mut ann, name, ann_at(6)).await;
    }
    // The old socket is noticed: that must not take ann away.
    drop(old);
    eve.point(50).await;
    joe.until("eve, after the old socket went", |joe| joe.sees(9).is_some_and(|eve| eve["x"] == 50)).await;
    ann.point(7).await;
    pump_both(&mut eve, &mut ann, "eve", |eve| eve.sees(1).is_some_and(|ann| ann["x"] == 7)).await;
    assert!(joe.sees(1).is_some());
}

/// Both clients answer what they are sent until one of them sees something.
async fn pump_both(watcher: &mut Person, other: &mut Person, name: &str, is_so: impl Fn(&Person) -> bool) {
    within(&format!("{name} sees it"), async {
        while !is_so(watcher) {
            watcher.pump().await;
            other.pump().await;
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// [AW-3] A node that says nothing any more cannot keep its people here.
#[tokio::test]
async fn aw_3_people_of_another_node_expire_like_everybody_and_are_gone_with_it() {
    let bus = Arc::new(LocalBus::default());
    let limits = Limits { presence_timeout: std::time::Duration::from_millis(300), ..Limits::default() };
    let hub = TestHub::start_with(Parts::on(Arc::clone(&bus) as Arc<dyn Bus>), limits).await;
    let _another = bus.subscribe("a third node");
    let mut ben = Person::join(&hub, "ben", 2).await;
    let node: Arc<str> = "the other node".into();
    let says = |clock: u32, state: Option<&str>| {
        let states = protocol::encode_awareness([(1, clock, state.map(str::as_bytes))]);
        bus.publish(Frame::Presence { node: Arc::clone(&node), canvas: hub.record.id, states });
    };
    says(1, Some(r#"{"user":{"id":"ann"}}"#));
    ben.until("ann", |ben| ben.sees(1).is_some()).await;
    ben.until("ann expires", |ben| ben.sees(1).is_none()).await;
    says(2, Some(r#"{"user":{"id":"ann"}}"#));
    ben.until("ann is back with the next renewal", |ben| ben.sees(1).is_some()).await;
    bus.publish(Frame::NodeGone(Arc::clone(&node)));
    ben.until("ann is gone with the node", |ben| ben.sees(1).is_none()).await;
}
