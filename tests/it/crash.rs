//! `[DUR-2]`: the real binary, killed with SIGKILL at random instants under live load.
//!
//! Each round starts the server on the same data folder, lets writers and a block-maker edit, and kills it after a random number of acks
//! seen by all writers together. Then the oracle, after the next start:
//! - everything any client was acked is there;
//! - no block is there twice, and each has the content its maker gave it;
//! - every client, reconnected with what it still holds, converges to the same state as all others.
//!
//! `SEED` replays the choices, `CRASH_ROUNDS` sets how many (50).

use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use jabiru::protocol::{self, ServerMessage};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, Map, MapPrelim, OffsetKind, ReadTxn, StateVector, Transact, Update, WriteTxn};

use crate::support::server::SECRET;
use crate::support::{Random, within};

const WRITERS: usize = 4;

struct Binary {
    process: Child,
    address: String,
}

impl Binary {
    async fn start(folder: &TempDir) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_jabiru"))
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--no-samples",
                "--log",
                "warn",
                "--secret",
                SECRET,
                "--data-dir",
            ])
            .arg(folder.path())
            // Fold often, so that kills fall into it too.
            .args(["--compact-entries", "20"])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first =
            within("the server's first line", lines.next_line()).await.unwrap().expect("the server did not start");
        let address = first.rsplit("//").next().unwrap().to_owned();
        Self { process, address }
    }

    async fn kill(mut self) {
        self.process.start_kill().unwrap();
        self.process.wait().await.unwrap();
    }
}

/// A person's copy of the canvas, which outlives the server.
struct Person {
    name: usize,
    doc: Doc,
    /// Edits made so far: each sets one key of its own and, now and then, makes a block.
    made: usize,
    /// Edits known to be durable.
    saved: usize,
}

impl Person {
    fn new(name: usize) -> Self {
        let options = yrs::Options { offset_kind: OffsetKind::Utf16, ..yrs::Options::default() };
        Self { name, doc: Doc::with_options(options), made: 0, saved: 0 }
    }

    fn edit(&mut self) -> Vec<u8> {
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
    async fn work(&mut self, url: String, acks: &watch::Sender<usize>) {
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
                () = tokio::task::yield_now(), if may_edit => {
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

    fn has(&self, person: usize, number: usize) -> bool {
        let txn = self.doc.transact();
        txn.get_map("test").and_then(|map| map.get(&txn, &key(person, number))).is_some()
    }

    /// Everything, in a form that can be compared: the order of a map's keys does not count.
    fn content(&self) -> Vec<String> {
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

fn key(person: usize, number: usize) -> String {
    format!("{person}-{number}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dur_2_sigkill_at_any_instant_loses_no_acked_update() {
    let mut random = Random::from_env("dur_2_sigkill_at_any_instant_loses_no_acked_update");
    let rounds: usize = std::env::var("CRASH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(50);
    let folder = TempDir::new().unwrap();
    let mut server = Binary::start(&folder).await;
    let canvas = create(&server).await;
    let mut people: Vec<_> = (0..WRITERS).map(Person::new).collect();
    for round in 0..rounds {
        let (acks, mut seen) = watch::channel(0);
        let kill_after = random.below(120);
        let url = socket_url(&server, &canvas);
        let work = futures_util::future::join_all(people.iter_mut().map(|person| person.work(url.clone(), &acks)));
        let kill = async {
            // The instant: some acks in, and then anywhere within the next few group commits.
            within("enough acks", seen.wait_for(|count| *count >= kill_after)).await.unwrap();
            tokio::time::sleep(Duration::from_micros(random.below(5000) as u64)).await;
            server.kill().await;
        };
        tokio::join!(work, kill);

        server = Binary::start(&folder).await;
        let stored = fetch(&server, &canvas).await;
        for person in &people {
            for number in 0..person.saved {
                assert!(
                    stored.has(person.name, number),
                    "round {round}: person {} lost acked edit {number}",
                    person.name
                );
            }
        }
    }
    // Everyone comes back once more with what the server never acked, and all see the same.
    let total: Vec<_> = people.iter().map(|person| person.made).collect();
    let url = socket_url(&server, &canvas);
    for person in &mut people {
        person.upload(&url).await;
    }
    let stored = fetch(&server, &canvas).await;
    for person in &mut people {
        person.upload(&url).await;
        assert_eq!(person.content(), stored.content(), "person {} did not converge", person.name);
    }
    let edits: usize = total.iter().sum();
    let blocks: usize = total.iter().map(|made| made.div_ceil(10)).sum();
    let (edits_there, blocks_there) = stored.content().iter().fold((0, 0), |(edits, blocks), line| {
        if line.starts_with("test.") { (edits + 1, blocks) } else { (edits, blocks + 1) }
    });
    assert_eq!((edits_there, blocks_there), (edits, blocks), "every edit once, every block once");
    println!(
        "{rounds} kills, {edits} edits, {} acked before their kill, 0 lost",
        people.iter().map(|p| p.saved).sum::<usize>()
    );
    server.kill().await;
}

impl Person {
    /// Syncs both ways once, without editing.
    async fn upload(&mut self, url: &str) {
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

/// What a newcomer sees.
async fn fetch(server: &Binary, canvas: &str) -> Person {
    let mut newcomer = Person::new(usize::MAX);
    newcomer.upload(&socket_url(server, canvas)).await;
    newcomer
}

fn token() -> String {
    let exp = jabiru::clock::Clock::system().now() / 1000 + 3600;
    let (sub, name) = ("crash".to_owned(), String::new());
    crate::support::server::sign(&jabiru::access::Claims { sub, name, canvas: "*".into(), role: "owner".into(), exp })
}

fn socket_url(server: &Binary, canvas: &str) -> String {
    format!("ws://{}/v1/sync/{canvas}?ack=1&token={}", server.address, token())
}

async fn create(server: &Binary) -> String {
    let url = format!("http://{}/v1/canvases", server.address);
    let request = reqwest::Client::new().post(url).bearer_auth(token()).json(&serde_json::json!({ "name": "crash" }));
    let created: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
    created["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn dur_9_sigterm_exits_0_with_everything_written() {
    let folder = TempDir::new().unwrap();
    let mut server = Binary::start(&folder).await;
    let canvas = create(&server).await;
    let mut person = Person::new(0);
    person.edit();
    person.upload(&socket_url(&server, &canvas)).await;
    let pid = server.process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    let status = within("the server to end", server.process.wait()).await.unwrap();
    assert_eq!(status.code(), Some(0));
    let server = Binary::start(&folder).await;
    assert!(fetch(&server, &canvas).await.has(0, 0));
    server.kill().await;
}
