//! Several nodes as processes of their own, on real services, while people edit: what must hold when a plug is pulled.
//!
//! Each test lets people edit on all nodes, pulls something, and then asks the oracle, a newcomer on every node:
//! - everything any person was acked is there; `[DUR-1]`
//! - every block once, with the content its maker gave it; `[DUR-2]`
//! - every person, come back with what was never acked, sees the same as all others. `[BUS-1]`
//!
//! `SEED` replays the choices.

use std::time::Duration;

use jabiru::protocol::{self, ServerMessage};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::support::services::{ClickHouse, Mongo, Redis, clickhouse_ask};
use crate::support::{Binary, Random, Writer, eventually, within};

const NODES: usize = 3;
const PEOPLE: usize = 6;

/// Between two edits of a person: together they make some hundred a second, which two cores can do beside three nodes and their services.
const PACE: Duration = Duration::from_millis(20);

/// How long a service that is paused stays so: longer than every timeout towards it.
const PAUSE: Duration = Duration::from_secs(10);

struct Cluster {
    mongo: Mongo,
    redis: Redis,
    clickhouse: Option<ClickHouse>,
    nodes: Vec<Node>,
    canvas: String,
}

struct Node {
    folder: TempDir,
    /// What the node is called by those who connect; changes when it starts again.
    address: watch::Sender<Option<String>>,
    process: Option<Binary>,
}

impl Node {
    async fn start(&mut self, flags: &[String]) {
        let process = Binary::start(self.folder.path(), flags).await;
        self.address.send_replace(Some(process.address.clone()));
        self.process = Some(process);
    }

    fn take(&mut self) -> Binary {
        self.address.send_replace(None);
        self.process.take().expect("the node runs")
    }

    fn process(&self) -> &Binary {
        self.process.as_ref().expect("the node runs")
    }
}

impl Cluster {
    async fn start(members: usize) -> Self {
        Self::with(members, None).await
    }

    async fn with(members: usize, clickhouse: Option<ClickHouse>) -> Self {
        let (mongo, redis) = tokio::join!(Mongo::start(members), Redis::start());
        let mut cluster = Self { mongo, redis, clickhouse, nodes: Vec::new(), canvas: String::new() };
        for _ in 0..NODES {
            cluster.nodes.push(Node {
                folder: TempDir::new().unwrap(),
                address: watch::Sender::new(None),
                process: None,
            });
        }
        let flags = cluster.flags();
        // All at once: the first start of all of them is one start.
        futures_util::future::join_all(cluster.nodes.iter_mut().map(|node| node.start(&flags))).await;
        cluster.canvas = cluster.nodes[0].process().create().await;
        cluster
    }

    fn flags(&self) -> Vec<String> {
        let mut flags = vec!["--mongodb-url".to_owned(), self.mongo.url(), "--redis-url".to_owned(), self.redis.url()];
        if let Some(clickhouse) = &self.clickhouse {
            flags.extend(["--clickhouse-url".to_owned(), clickhouse.url()]);
        }
        // Fold often, so that what is pulled falls into it too.
        flags.extend(["--compact-entries".to_owned(), "50".to_owned()]);
        flags
    }

    /// People edit on all nodes while `pull` does its worst, and until they have been acked once more after it.
    async fn edited_while<R>(
        &mut self,
        pull: impl AsyncFnOnce(&mut Self, &watch::Receiver<usize>) -> R,
    ) -> (Vec<Writer>, R) {
        let (acks, seen) = watch::channel(0);
        let (done, stop) = watch::channel(false);
        let addresses: Vec<_> = self.nodes.iter().map(|node| node.address.subscribe()).collect();
        let people = (0..PEOPLE).map(|name| {
            let (acks, mut stop, canvas, addresses) =
                (acks.clone(), stop.clone(), self.canvas.clone(), addresses.clone());
            tokio::spawn(async move {
                let mut person = Writer::new(name);
                person.pace = PACE;
                tokio::select! {
                    () = roam(&mut person, &canvas, &addresses, &acks) => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
                person
            })
        });
        let people: Vec<_> = people.collect();
        within("edits from everybody", seen.clone().wait_for(|acks| *acks >= 20 * PEOPLE)).await.unwrap();
        let result = pull(self, &seen).await;
        let now = *seen.borrow();
        within("acks after it", seen.clone().wait_for(|acks| *acks >= now + 20 * PEOPLE)).await.unwrap();
        done.send_replace(true);
        let people = futures_util::future::join_all(people).await;
        (people.into_iter().map(Result::unwrap).collect(), result)
    }

    /// See the module docs.
    async fn judge(&self, mut people: Vec<Writer>) {
        for node in &self.nodes {
            let stored = node.process().fetch(&self.canvas).await;
            for person in &people {
                for number in 0..person.saved {
                    assert!(stored.has(person.name, number), "person {} lost acked edit {number}", person.name);
                }
            }
        }
        for person in &mut people {
            let node = &self.nodes[person.name % NODES];
            Box::pin(person.upload(&node.process().socket_url(&self.canvas))).await;
        }
        let edits: usize = people.iter().map(|person| person.made).sum();
        let blocks: usize = people.iter().map(|person| person.made.div_ceil(10)).sum();
        for (number, node) in self.nodes.iter().enumerate() {
            eventually(&format!("everything on node {number}"), async || {
                let content = node.process().fetch(&self.canvas).await.content();
                let edits_there = content.iter().filter(|line| line.starts_with("test.")).count();
                assert!(edits_there <= edits && content.len() <= edits + blocks, "something is there twice");
                content.len() == edits + blocks
            })
            .await;
        }
        let everything = self.nodes[0].process().fetch(&self.canvas).await.content();
        for person in &mut people {
            Box::pin(person.upload(&self.nodes[0].process().socket_url(&self.canvas))).await;
            assert_eq!(person.content(), everything, "person {} did not converge", person.name);
        }
        let saved: usize = people.iter().map(|person| person.saved).sum();
        println!("{edits} edits, {saved} acked while it happened, 0 lost");
    }

    /// What `/readyz` of a node says as a whole, and of one backend.
    async fn ready(&self, node: usize, backend: &str) -> (String, String) {
        let (_, ready) = self.nodes[node].process().get("/readyz").await;
        let state = ready["backends"][backend]["state"].as_str().unwrap_or_default().to_owned();
        (ready["status"].as_str().unwrap_or_default().to_owned(), state)
    }

    async fn until_ready(&self, backend: &str, ok: bool) {
        for node in 0..NODES {
            eventually(
                &format!("node {node} to say that {backend} is {}", if ok { "well" } else { "not" }),
                async || {
                    let (status, state) = self.ready(node, backend).await;
                    (state == "ok") == ok && (status == "ready") == ok
                },
            )
            .await;
        }
    }
}

/// Waits until people were acked some more from now on.
async fn more_acks(what: &str, seen: &watch::Receiver<usize>) {
    let now = *seen.borrow();
    within(what, seen.clone().wait_for(|acks| *acks > now + 20)).await.unwrap();
}

/// Edits on one node after the other, as each of them goes away.
async fn roam(
    person: &mut Writer,
    canvas: &str,
    addresses: &[watch::Receiver<Option<String>>],
    acks: &watch::Sender<usize>,
) {
    for turn in person.name.. {
        let address = addresses[turn % addresses.len()].borrow().clone();
        if let Some(address) = address {
            person.work(Binary::socket_url_at(&address, canvas), acks).await;
        }
        // A stock provider waits longer; this only keeps a test from spinning while a node is away.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bus_1_aw_4_people_on_three_nodes_see_each_other_and_the_same() {
    let mut cluster = Cluster::start(1).await;
    let (people, ()) = cluster.edited_while(async |_, _| {}).await;
    cluster.judge(people).await;

    let mut here = Vec::new();
    for (number, node) in cluster.nodes.iter().enumerate() {
        here.push(Guest::join(node.process(), &cluster.canvas, number as u64 + 1).await);
    }
    for guest in &mut here {
        guest.until_seen(&[1, 2, 3]).await;
    }
    for node in &cluster.nodes {
        eventually("everybody in the presence route", async || {
            let (_, presence) = node.process().get(&format!("/v1/canvases/{}/presence", cluster.canvas)).await;
            presence["items"].as_array().is_some_and(|items| items.len() == 1 && items[0]["user_id"] == "crash")
        })
        .await;
    }
    // A node that dies takes its people along.
    cluster.nodes[2].take().kill().await;
    for guest in &mut here[..2] {
        guest.until_seen(&[1, 2]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dur_2_a_node_killed_mid_edit_loses_no_acked_update() {
    let mut random = Random::from_env("dur_2_a_node_killed_mid_edit_loses_no_acked_update");
    let mut cluster = Cluster::start(1).await;
    let (people, ()) = cluster
        .edited_while(async |cluster, seen| {
            for _ in 0..3 {
                let node = random.below(NODES);
                cluster.nodes[node].take().kill().await;
                more_acks("acks from the others", seen).await;
                let flags = cluster.flags();
                cluster.nodes[node].start(&flags).await;
            }
        })
        .await;
    cluster.judge(people).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dur_1_the_primary_of_mongodb_killed_and_paused_loses_no_acked_update() {
    let mut cluster = Cluster::start(3).await;
    let (people, ()) = cluster
        .edited_while(async |cluster, seen| {
            cluster.mongo.kill_primary().await;
            more_acks("acks from the new primary", seen).await;
            cluster.mongo.restart().await;
            cluster.mongo.pause_primary().await;
            tokio::time::sleep(PAUSE).await;
            cluster.mongo.resume();
        })
        .await;
    cluster.judge(people).await;
    cluster.until_ready("mongodb", true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dur_3_without_mongodb_acks_are_withheld_and_nothing_is_lost() {
    let mut cluster = Cluster::start(1).await;
    let (people, ()) = cluster
        .edited_while(async |cluster, seen| {
            cluster.mongo.pause_primary().await;
            cluster.until_ready("mongodb", false).await;
            let quiet = *seen.borrow();
            tokio::time::sleep(PAUSE).await;
            assert_eq!(*seen.borrow(), quiet, "an ack without a journal");
            cluster.mongo.resume();
            cluster.until_ready("mongodb", true).await;
        })
        .await;
    cluster.judge(people).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bus_2_bus_3_redis_killed_flushed_and_paused_and_the_nodes_converge() {
    let mut cluster = Cluster::start(1).await;
    let (people, ()) = cluster
        .edited_while(async |cluster, seen| {
            let more = async || more_acks("acks meanwhile", seen).await;
            cluster.redis.flush().await;
            more().await;
            cluster.redis.kill();
            cluster.until_ready("redis", false).await;
            more().await;
            // Empty, as a cache may come back.
            cluster.redis.restart().await;
            cluster.until_ready("redis", true).await;
            more().await;
            cluster.redis.pause();
            tokio::time::sleep(PAUSE).await;
            more().await;
            cluster.redis.resume();
            cluster.until_ready("redis", true).await;
        })
        .await;
    cluster.judge(people).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dur_9_a_rolling_restart_under_load_loses_nothing() {
    let mut cluster = Cluster::start(1).await;
    let (people, ()) = cluster
        .edited_while(async |cluster, seen| {
            for node in 0..NODES {
                assert_eq!(cluster.nodes[node].take().stop().await, Some(0), "node {node} did not stop cleanly");
                more_acks("acks from the others", seen).await;
                let flags = cluster.flags();
                cluster.nodes[node].start(&flags).await;
            }
        })
        .await;
    cluster.judge(people).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evt_1_clickhouse_killed_and_paused_and_every_event_arrives_once() {
    let mut cluster = Cluster::with(1, Some(ClickHouse::start().await)).await;
    let (people, ()) = cluster
        .edited_while(async |cluster, seen| {
            let more = async || more_acks("acks meanwhile", seen).await;
            cluster.clickhouse.as_mut().unwrap().kill();
            cluster.until_ready("clickhouse", false).await;
            more().await;
            cluster.clickhouse.as_mut().unwrap().restart().await;
            cluster.until_ready("clickhouse", true).await;
            cluster.clickhouse.as_ref().unwrap().pause();
            tokio::time::sleep(PAUSE).await;
            more().await;
            cluster.clickhouse.as_ref().unwrap().resume();
            cluster.until_ready("clickhouse", true).await;
        })
        .await;
    cluster.judge(people).await;
    // What the nodes say they delivered is what is there: nothing is missing, and no batch that got no answer is there twice.
    eventually("every event once", async || {
        let mut delivered = 0;
        for node in &cluster.nodes {
            let (_, ready) = node.process().get("/readyz").await;
            if ready["events"]["waiting"] != 0 || ready["events"]["spool_bytes"] != 0 {
                return false;
            }
            delivered += node.process().metric("jabiru_events_written_total{table=\"user_events\"}").await;
        }
        let url = cluster.clickhouse.as_ref().unwrap().url();
        let there = clickhouse_ask(&url, "SELECT count() FROM user_events").await;
        delivered > PEOPLE as u64 && there.trim() == delivered.to_string()
    })
    .await;
    for node in &cluster.nodes {
        assert!(!node.process().metrics().await.contains("jabiru_events_dropped_total"), "an event was dropped");
    }
}

/// Somebody who only has a cursor.
struct Guest {
    socket: tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
    seen: std::collections::BTreeSet<u64>,
}

impl Guest {
    async fn join(node: &Binary, canvas: &str, client: u64) -> Self {
        use futures_util::SinkExt;
        let (mut socket, _) = tokio_tungstenite::connect_async(node.socket_url(canvas)).await.unwrap();
        let state = json!({ "user": { "name": client.to_string() } }).to_string();
        for frame in [protocol::sync_step1(&[0]), protocol::encode_awareness([(client, 1, Some(state.as_bytes()))])] {
            socket.send(tokio_tungstenite::tungstenite::Message::Binary(frame)).await.unwrap();
        }
        Self { socket, seen: [client].into() }
    }

    /// Reads until exactly these clients are here.
    async fn until_seen(&mut self, clients: &[u64]) {
        use futures_util::StreamExt;
        within(&format!("{clients:?} to be here"), async {
            while !self.seen.iter().eq(clients) {
                let message = self.socket.next().await.expect("the socket stays open").unwrap();
                let tokio_tungstenite::tungstenite::Message::Binary(frame) = message else { continue };
                let Ok(ServerMessage::Awareness(entries)) = protocol::server_message::decode(&frame) else { continue };
                for entry in entries {
                    match entry.state {
                        Some(_) => self.seen.insert(entry.client),
                        None => self.seen.remove(&entry.client),
                    };
                }
            }
        })
        .await;
    }
}
