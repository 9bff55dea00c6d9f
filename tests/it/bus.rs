//! `[BUS-1]` `[BUS-3]`: two nodes of one process on one store and one bus.

use jabiru::config::Limits;
use jabiru::protocol::ServerMessage;
use yrs::{Doc, Text, Transact};

use crate::support::TestHub;

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
