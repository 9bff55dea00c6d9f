//! `[BUS-1]` `[BUS-3]`: two nodes of one process on one store and one bus.

use jabiru::config::Limits;
use jabiru::protocol::ServerMessage;
use yrs::{Doc, Text, Transact};

use crate::support::{Mode, TestHub};

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
