//! Somebody who edits as fast as acks allow and outlives the servers they are connected to.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use jabiru::protocol::{self, ServerMessage};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, Map, MapPrelim, OffsetKind, ReadTxn, StateVector, Transact, Update, WriteTxn};

use super::within;

/// A person's copy of the canvas, which outlives the server.
pub(crate) struct Writer {
    pub(crate) name: usize,
    doc: Doc,
    /// Edits made so far: each sets one key of its own and, now and then, makes a block.
    pub(crate) made: usize,
    /// Edits known to be durable.
    pub(crate) saved: usize,
    /// Between two edits: the load is the test's to say.
    pub(crate) pace: Duration,
}

impl Writer {
    pub(crate) fn new(name: usize) -> Self {
        let options = yrs::Options { offset_kind: OffsetKind::Utf16, ..yrs::Options::default() };
        Self { name, doc: Doc::with_options(options), made: 0, saved: 0, pace: Duration::ZERO }
    }

    pub(crate) fn edit(&mut self) -> Vec<u8> {
        let number = self.made;
        self.made += 1;
        let mut txn = self.doc.transact_mut();
        let map = txn.get_or_insert_map("test");
        map.insert(&mut txn, key(self.name, number), number.to_string());
        if number.is_multiple_of(10) {
            let blocks = txn.get_or_insert_map("blocks");
            let block = blocks.insert(&mut txn, key(self.name, number), MapPrelim::default());
            block.insert(&mut txn, "type", "narrative");
            block.insert(&mut txn, "at", vec![0, number.cast_signed() as i64]);
        }
        txn.encode_update_v1()
    }

    /// Edits until the connection breaks, counting acks.
    pub(crate) async fn work(&mut self, url: String, acks: &watch::Sender<usize>) {
        let Ok((mut socket, _)) = tokio_tungstenite::connect_async(url).await else { return };
        let state = self.doc.transact().state_vector().encode_v1();
        if socket.send(Message::Binary(protocol::sync_step1(&state))).await.is_err() {
            return;
        }
        // For each sync step 2 or update sent on this socket: how many edits it and those before it hold.
        let mut sent: Vec<usize> = Vec::new();
        let mut synced = false;
        loop {
            let may_edit = synced && sent.last().is_none_or(|last| *last < self.saved + 20);
            let frame = tokio::select! {
                biased;
                message = socket.next() => match message {
                    Some(Ok(Message::Binary(frame))) => frame,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => continue,
                },
                () = next_edit(self.pace), if may_edit => {
                    let update = self.edit();
                    sent.push(self.made);
                    if socket.send(Message::Binary(protocol::update(&update))).await.is_err() {
                        return;
                    }
                    continue;
                }
            };
            match protocol::server_message::decode(&frame).unwrap() {
                ServerMessage::SyncStep1(theirs) => {
                    let theirs = StateVector::decode_v1(&theirs).unwrap();
                    let answer = self.doc.transact().encode_diff_v1(&theirs);
                    sent.push(self.made);
                    synced = true;
                    if socket.send(Message::Binary(protocol::sync_step2(&answer))).await.is_err() {
                        return;
                    }
                }
                ServerMessage::SyncStep2(update) | ServerMessage::Update(update) => self.take(&update),
                ServerMessage::Ack(n) => {
                    let saved = sent[n as usize - 1];
                    acks.send_modify(|count| *count += saved - self.saved.min(saved));
                    self.saved = self.saved.max(saved);
                }
                _ => {}
            }
        }
    }

    fn take(&self, update: &Bytes) {
        self.doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
    }

    pub(crate) fn has(&self, person: usize, number: usize) -> bool {
        let txn = self.doc.transact();
        txn.get_map("test").and_then(|map| map.get(&txn, &key(person, number))).is_some()
    }

    /// Everything, in a form that can be compared: the order of a map's keys does not count.
    pub(crate) fn content(&self) -> Vec<String> {
        let txn = self.doc.transact();
        let mut lines = Vec::new();
        for root in ["test", "blocks"] {
            let map = txn.get_map(root).unwrap();
            lines.extend(map.keys(&txn).map(|key| {
                let value = map.get(&txn, key).unwrap();
                let at = value.clone().cast::<yrs::MapRef>().ok().and_then(|block| block.get(&txn, "at"));
                format!("{root}.{key} = {}", at.unwrap_or(value).to_string(&txn))
            }));
        }
        lines.sort();
        lines
    }
}

impl Writer {
    /// Syncs both ways once, without editing.
    pub(crate) async fn upload(&mut self, url: &str) {
        within("a full sync", async {
            let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
            let state = self.doc.transact().state_vector().encode_v1();
            socket.send(Message::Binary(protocol::sync_step1(&state))).await.unwrap();
            while let Some(Ok(message)) = socket.next().await {
                let Message::Binary(frame) = message else { continue };
                match protocol::server_message::decode(&frame).unwrap() {
                    ServerMessage::SyncStep2(update) | ServerMessage::Update(update) => self.take(&update),
                    ServerMessage::SyncStep1(theirs) => {
                        let answer = self.doc.transact().encode_diff_v1(&StateVector::decode_v1(&theirs).unwrap());
                        socket.send(Message::Binary(protocol::sync_step2(&answer))).await.unwrap();
                    }
                    ServerMessage::Ack(_) => return,
                    _ => {}
                }
            }
            panic!("the socket closed before the ack");
        })
        .await;
    }
}

/// Sleeping for no time would still take a millisecond.
async fn next_edit(pace: Duration) {
    if pace.is_zero() {
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(pace).await;
    }
}

fn key(person: usize, number: usize) -> String {
    format!("{person}-{number}")
}
