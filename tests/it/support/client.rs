//! A y-websocket client that keeps its own Yjs document and everything the server told it.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use jabiru::access::Role;
use jabiru::id::CanvasId;
use jabiru::protocol::{self, ServerMessage};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, GetString, Map, OffsetKind, ReadTxn, StateVector, Text, Transact, Update, WriteTxn};

use super::{TestServer, within};

pub(crate) struct TestClient {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) doc: Doc,
    /// Sync step 2 and update messages sent. `[SYNC-7]`
    pub(crate) sent: u64,
    pub(crate) acked: u64,
    pub(crate) synced: bool,
    /// Every frame received, decoded, in order.
    pub(crate) received: Vec<ServerMessage>,
    pub(crate) notices: Vec<Value>,
    pub(crate) refusals: Vec<String>,
    /// Awareness states by client id, as JSON.
    pub(crate) states: HashMap<u64, Value>,
    pub(crate) closed: Option<(u16, String)>,
    /// Whether it answers the server's sync step 1, as every stock client does.
    pub(crate) answers: bool,
}

#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) token: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Options {
    pub(crate) fn role(server: &TestServer, role: Role, sub: &str) -> Self {
        Self { token: server.token("*", role, sub), query: "ack=1&notices=1".to_owned(), headers: Vec::new() }
    }

    pub(crate) fn stock(mut self) -> Self {
        self.query.clear();
        self
    }
}

impl TestClient {
    /// An editor with acks and notices, synced.
    pub(crate) async fn editor(server: &TestServer, canvas: CanvasId, sub: &str) -> Self {
        let mut client = Self::join(server, canvas, Options::role(server, Role::Editor, sub)).await;
        client.until("synced", |client| client.synced).await;
        client
    }

    /// Somebody with a login cookie, synced.
    pub(crate) async fn cookie(server: &TestServer, canvas: CanvasId, cookie: String) -> Self {
        let query = "ack=1&notices=1".to_owned();
        let options = Options { token: String::new(), query, headers: vec![("cookie", cookie)] };
        let mut client = Self::join(server, canvas, options).await;
        client.until("synced", |client| client.synced).await;
        client
    }

    /// Connects and sends its sync step 1, without waiting for anything.
    pub(crate) async fn join(server: &TestServer, canvas: CanvasId, options: Options) -> Self {
        let mut client = Self::open(server, &canvas.to_string(), options).await.unwrap();
        client.send_step1().await;
        client
    }

    /// Connects only.
    pub(crate) async fn open(server: &TestServer, canvas: &str, options: Options) -> Result<Self, tungstenite::Error> {
        let by_cookie = options.headers.iter().any(|(name, _)| *name == "cookie");
        let token = if by_cookie { String::new() } else { format!("token={}&", options.token) };
        let url = format!("{}?{token}{}", server.socket_url(canvas), options.query);
        let mut request = url.into_client_request()?;
        for (name, value) in options.headers {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let (socket, _) = tokio_tungstenite::connect_async(request).await?;
        let options = yrs::Options { offset_kind: OffsetKind::Utf16, ..yrs::Options::default() };
        Ok(Self {
            socket,
            doc: Doc::with_options(options),
            sent: 0,
            acked: 0,
            synced: false,
            received: Vec::new(),
            notices: Vec::new(),
            refusals: Vec::new(),
            states: HashMap::new(),
            closed: None,
            answers: true,
        })
    }

    /// The same document on a new connection, as a provider reconnects.
    pub(crate) async fn reconnect(self, server: &TestServer, canvas: CanvasId, options: Options) -> Self {
        let doc = self.doc.clone();
        drop(self);
        let mut client = Self::open(server, &canvas.to_string(), options).await.unwrap();
        client.doc = doc;
        client.send_step1().await;
        client
    }

    // ── sending ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    pub(crate) async fn send(&mut self, frame: impl Into<Bytes>) {
        // A closed socket shows when reading.
        let _ = self.socket.send(Message::Binary(frame.into())).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        let _ = self.socket.send(message).await;
    }

    pub(crate) async fn send_step1(&mut self) {
        let state = self.doc.transact().state_vector().encode_v1();
        self.send(protocol::sync_step1(&state)).await;
    }

    pub(crate) async fn send_update(&mut self, update: &[u8]) {
        self.sent += 1;
        self.send(protocol::update(update)).await;
    }

    /// Changes the document locally; answers the update without sending it.
    pub(crate) fn edit(&mut self, edit: impl FnOnce(&mut yrs::TransactionMut<'_>)) -> Vec<u8> {
        let mut txn = self.doc.transact_mut();
        edit(&mut txn);
        txn.encode_update_v1()
    }

    /// Sets a key of the map `test` and sends the update.
    pub(crate) async fn set(&mut self, key: &str, value: impl Into<String>) {
        let value = value.into();
        let update = self.edit(|txn| {
            let map = txn.get_or_insert_map("test");
            map.insert(txn, key, value);
        });
        self.send_update(&update).await;
    }

    /// Appends to the text `text` and sends the update.
    pub(crate) async fn write(&mut self, text: &str) {
        let update = self.edit(|txn| {
            let shared = txn.get_or_insert_text("text");
            shared.push(txn, text);
        });
        self.send_update(&update).await;
    }

    pub(crate) async fn send_awareness(&mut self, client: u64, clock: u32, state: Option<Value>) {
        let state = state.map(|state| state.to_string());
        self.send(protocol::encode_awareness([(client, clock, state.as_deref().map(str::as_bytes))])).await;
    }

    /// The bare socket, for what a client of ours would not do.
    pub(crate) fn into_socket(self) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
        self.socket
    }

    // ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    pub(crate) fn get(&self, key: &str) -> Option<String> {
        let txn = self.doc.transact();
        txn.get_map("test")?.get(&txn, key).map(|value| value.to_string(&txn))
    }

    pub(crate) fn text(&self) -> String {
        let txn = self.doc.transact();
        txn.get_text("text").map(|text| text.get_string(&txn)).unwrap_or_default()
    }

    pub(crate) fn state_vector(&self) -> StateVector {
        self.doc.transact().state_vector()
    }

    /// Reads until the condition holds.
    pub(crate) async fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        within(what, async {
            while !condition(self) {
                assert!(self.closed.is_none(), "closed with {:?} while waiting for: {what}", self.closed);
                self.step().await;
            }
        })
        .await;
    }

    /// Reads until everything sent is acked.
    pub(crate) async fn until_saved(&mut self) {
        self.until("everything is acked", |client| client.acked == client.sent).await;
    }

    /// Reads until the server has closed; the code and reason.
    pub(crate) async fn until_closed(&mut self) -> (u16, String) {
        within("a close frame", async {
            while self.closed.is_none() {
                self.step().await;
            }
        })
        .await;
        self.closed.clone().unwrap()
    }

    /// A round trip through the room: when it ends, everything this client sent before has been handled there.
    pub(crate) async fn barrier(&mut self) {
        let seen = self.received.len();
        let state = self.doc.transact().state_vector().encode_v1();
        self.send(protocol::sync_step1(&state)).await;
        self.until("the answer to a sync step 1", |client| {
            client.received[seen..].iter().any(|message| matches!(message, ServerMessage::SyncStep2(_)))
        })
        .await;
    }

    /// Takes what has already arrived.
    pub(crate) async fn drain(&mut self) {
        while tokio::time::timeout(Duration::from_millis(1), self.step()).await.is_ok() && self.closed.is_none() {}
    }

    /// Reads one message.
    pub(crate) async fn step(&mut self) {
        let frame = match self.socket.next().await {
            Some(Ok(Message::Binary(frame))) => frame,
            Some(Ok(Message::Close(frame))) => {
                self.closed =
                    Some(frame.map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.to_string())));
                return;
            }
            Some(Ok(_)) => return,
            Some(Err(_)) | None => {
                self.closed.get_or_insert((1006, "the connection was lost".to_owned()));
                return;
            }
        };
        let message = protocol::server_message::decode(&frame).unwrap();
        match &message {
            ServerMessage::SyncStep1(state_vector) if self.answers => {
                let theirs = StateVector::decode_v1(state_vector).unwrap();
                let update = self.doc.transact().encode_diff_v1(&theirs);
                self.sent += 1;
                self.send(protocol::sync_step2(&update)).await;
            }
            ServerMessage::SyncStep2(update) | ServerMessage::Update(update) => {
                self.synced |= matches!(message, ServerMessage::SyncStep2(_));
                self.doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
            }
            ServerMessage::Awareness(entries) => {
                for entry in entries {
                    match &entry.state {
                        Some(state) => drop(self.states.insert(entry.client, serde_json::from_slice(state).unwrap())),
                        None => drop(self.states.remove(&entry.client)),
                    }
                }
            }
            ServerMessage::Ack(n) => {
                assert!(*n > self.acked, "acks must count up: {n} after {}", self.acked);
                assert!(*n <= self.sent, "acked {n} of {} sent", self.sent);
                self.acked = *n;
            }
            ServerMessage::Notice(json) => self.notices.push(serde_json::from_str(json).unwrap()),
            ServerMessage::Refused(reason) => self.refusals.push(reason.clone()),
            _ => {}
        }
        self.received.push(message);
    }
}
