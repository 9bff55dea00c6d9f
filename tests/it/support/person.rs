//! Somebody on a canvas, without a socket: a Yjs document and the awareness states they see, kept as stock clients keep them.

use std::collections::{BTreeSet, HashMap};

use jabiru::protocol::{self, AwarenessEntry, ServerMessage, WireLimits};
use serde_json::{Value, json};
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Any, Doc, Map, ReadTxn, StateVector, Transact, Update};

use super::{Seat, TestHub, within};

pub(crate) struct Person {
    pub(crate) seat: Seat,
    pub(crate) doc: Doc,
    pub(crate) client: u64,
    clock: u32,
    state: Value,
    /// Client id → clock and state of everybody they see.
    seen: HashMap<u64, (u32, Option<Value>)>,
    pub(crate) acked: u64,
}

impl Person {
    pub(crate) async fn join(hub: &TestHub, name: &str, client: u64) -> Self {
        let seat = hub.join(name).await;
        let person =
            Self { seat, doc: Doc::new(), client, clock: 0, state: Value::Null, seen: HashMap::new(), acked: 0 };
        assert!(person.seat.room.step1(StateVector::default().encode_v1().into()).await);
        person
    }

    /// The same client on another node: its document, its clocks, what it saw. Answers its old place, which nobody has noticed is dead.
    pub(crate) async fn move_to(&mut self, hub: &TestHub, name: &str) -> Seat {
        let old = std::mem::replace(&mut self.seat, hub.join(name).await);
        let known = self.doc.transact().state_vector().encode_v1();
        assert!(self.seat.room.step1(known.into()).await);
        self.acked = 0;
        self.announce().await;
        old
    }

    /// Adds a word to the canvas.
    pub(crate) async fn write(&mut self, word: &str) {
        let update = {
            let words = self.doc.get_or_insert_map("words");
            let mut txn = self.doc.transact_mut();
            words.insert(&mut txn, word, true);
            txn.encode_update_v1()
        };
        self.seat.update(update).await;
    }

    pub(crate) fn words(&self) -> BTreeSet<String> {
        let txn = self.doc.transact();
        let words = txn.get_map("words").map(|words| words.keys(&txn).map(str::to_owned).collect());
        words.unwrap_or_default()
    }

    /// Says where they are.
    pub(crate) async fn point(&mut self, x: u32) {
        self.clock += 1;
        self.state = json!({ "x": x });
        self.announce().await;
    }

    async fn announce(&self) {
        let state = Some(self.state.to_string().into());
        assert!(self.seat.room.awareness(vec![AwarenessEntry { client: self.client, clock: self.clock, state }]).await);
    }

    pub(crate) fn sees(&self, client: u64) -> Option<&Value> {
        self.seen.get(&client).and_then(|(_, state)| state.as_ref())
    }

    /// Takes what has come, and answers it as a client does.
    pub(crate) async fn pump(&mut self) {
        for message in self.seat.take() {
            match message {
                ServerMessage::SyncStep2(update) | ServerMessage::Update(update) => {
                    self.doc.transact_mut().apply_update(Update::decode_v1(&update).unwrap()).unwrap();
                }
                ServerMessage::SyncStep1(known) => {
                    let known = StateVector::decode_v1(&known).unwrap();
                    let update = self.doc.transact().encode_diff_v1(&known);
                    self.seat.sent += 1;
                    let summary = protocol::check_sync_update(&update, &WireLimits::default()).unwrap();
                    assert!(self.seat.room.update(self.seat.sent, update.into(), summary, true).await);
                }
                ServerMessage::Awareness(entries) => self.look(entries).await,
                ServerMessage::Ack(n) => self.acked = n,
                _ => {}
            }
        }
    }

    /// As `applyAwarenessUpdate` of y-protocols.
    async fn look(&mut self, entries: Vec<AwarenessEntry>) {
        for AwarenessEntry { client, clock, state } in entries {
            if client == self.client {
                if state.is_none() && clock >= self.clock {
                    self.clock = clock + 1;
                    self.announce().await;
                }
                continue;
            }
            let state = state.map(|state| serde_json::from_slice(&state).unwrap());
            let known = self.seen.get(&client);
            let news =
                known.is_none_or(|(last, here)| clock > *last || (clock == *last && state.is_none() && here.is_some()));
            if news {
                self.seen.insert(client, (clock, state));
            }
        }
    }

    pub(crate) async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        within(what, async {
            loop {
                self.pump().await;
                if is_so(self) {
                    return;
                }
                self.seat.outbox.ready().await;
            }
        })
        .await;
    }

    pub(crate) async fn until_saved(&mut self) {
        self.until("everything written is saved", |person| person.acked >= person.seat.sent).await;
    }

    pub(crate) async fn until_words(&mut self, words: &[&str]) {
        let wanted: BTreeSet<_> = words.iter().map(|&word| word.to_owned()).collect();
        self.until(&format!("the words {words:?}"), |person| person.words() == wanted).await;
    }
}

/// A document that is nobody's: for updates that are to be made by hand.
pub(crate) fn update_with(doc: &Doc, word: &str) -> Vec<u8> {
    let words = doc.get_or_insert_map("words");
    let mut txn = doc.transact_mut();
    words.insert(&mut txn, word, Any::Bool(true));
    txn.encode_update_v1()
}
