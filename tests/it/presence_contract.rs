//! `[AW-4]` The presence port: one suite for every implementation, and what only several nodes can show.

use std::io;
use std::sync::{Arc, Mutex};

use jabiru::backend::redis::Redis as Backend;
use jabiru::clock::{Clock, Millis};
use jabiru::id::CanvasId;
use jabiru::presence::{MemoryPresence, Presence, PresenceEntry, RedisPresence};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::eventually;
use crate::support::services::{Redis, shared_redis};

const NODE: &str = "node-a";
const NOW: Millis = 1_700_000_000_000;
const TTL: Millis = 5 * 60 * 1000;

fn entry(user: &str, node: &str) -> PresenceEntry {
    PresenceEntry {
        user_id: user.to_owned(),
        name: format!("{user}'s name"),
        color: "#123456".to_owned(),
        cursor: json!({ "anchor": 3, "head": [] }),
        selection: json!([]),
        last_seen: NOW,
        node: node.to_owned(),
    }
}

async fn users(presence: &dyn Presence, canvas: CanvasId) -> Vec<String> {
    presence.list(canvas, NOW).await.unwrap().into_iter().map(|entry| entry.user_id).collect()
}

async fn until(presence: &dyn Presence, canvas: CanvasId, wanted: &[&str]) {
    eventually(&format!("{wanted:?} are listed"), || async { users(presence, canvas).await == wanted }).await;
}

async fn suite(presence: &dyn Presence) {
    let (canvas, other) = (CanvasId::generate(), CanvasId::generate());
    assert!(users(presence, canvas).await.is_empty(), "a canvas nobody opened");
    presence.put(canvas, NODE, vec![entry("joe", NODE), entry("ann", NODE), entry("eve", NODE)]);
    until(presence, canvas, &["ann", "eve", "joe"]).await;
    assert_eq!(presence.list(canvas, NOW).await.unwrap()[0], entry("ann", NODE), "everything given comes back");
    assert!(users(presence, other).await.is_empty(), "canvases do not mix");
    // Two tabs are one person, the last one given.
    let second = PresenceEntry { selection: json!(["b1"]), ..entry("ann", NODE) };
    presence.put(canvas, NODE, vec![entry("ann", NODE), second.clone()]);
    until(presence, canvas, &["ann"]).await;
    eventually("the second tab", || async { presence.list(canvas, NOW).await.unwrap() == [second.clone()] }).await;
    // Nobody is here for ever.
    assert_eq!(presence.list(canvas, NOW + TTL - 1).await.unwrap().len(), 1);
    assert!(presence.list(canvas, NOW + TTL).await.unwrap().is_empty());
    presence.put(canvas, NODE, Vec::new());
    until(presence, canvas, &[]).await;
    presence.put(canvas, NODE, vec![entry("ann", NODE)]);
    until(presence, canvas, &["ann"]).await;
    presence.forget(canvas, NODE);
    presence.forget(other, NODE);
    until(presence, canvas, &[]).await;
    presence.ping().await.unwrap();
}

/// A node of its own on a Redis.
struct Node {
    presence: Arc<RedisPresence>,
    driver: JoinHandle<()>,
}

impl Node {
    async fn start(url: &str, name: &str) -> Self {
        let (clock, _) = Clock::manual(NOW);
        let redis = Backend::connect(url).await.unwrap();
        let (presence, driver) = RedisPresence::new(redis, name.into(), clock);
        Self { presence: Arc::new(presence), driver: tokio::spawn(driver.run()) }
    }

    fn put(&self, canvas: CanvasId, name: &str, users: &[&str]) {
        self.presence.put(canvas, name, users.iter().map(|user| entry(user, name)).collect());
    }

    async fn until(&self, canvas: CanvasId, wanted: &[&str]) {
        until(&*self.presence, canvas, wanted).await;
    }
}

async fn ask<T: redis::FromRedisValue>(url: &str, command: &[&str]) -> T {
    let mut connection = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let mut cmd = redis::cmd(command[0]);
    command[1..].iter().for_each(|arg| {
        cmd.arg(arg);
    });
    cmd.query_async(&mut connection).await.unwrap()
}

/// The fields of a hash, in order.
async fn fields(url: &str, key: &str) -> Vec<String> {
    let mut fields: Vec<String> = ask(url, &["HKEYS", key]).await;
    fields.sort();
    fields
}

#[tokio::test]
async fn aw_4_in_memory() {
    suite(&MemoryPresence::default()).await;
}

#[tokio::test]
async fn aw_4_in_redis() {
    let node = Node::start(&shared_redis().await, NODE).await;
    suite(&*node.presence).await;
}

#[tokio::test]
async fn aw_4_every_node_lists_the_people_of_all() {
    let url = shared_redis().await;
    let (a, b) = (Node::start(&url, "a").await, Node::start(&url, "b").await);
    let canvas = CanvasId::generate();
    a.put(canvas, "a", &["ann", "both"]);
    b.put(canvas, "b", &["ben"]);
    for node in [&a, &b] {
        node.until(canvas, &["ann", "ben", "both"]).await;
    }
    // As the data model has it.
    let key = format!("canvas:presence:{canvas}");
    let stored: String = ask(&url, &["HGET", &key, "ann"]).await;
    let stored: Value = serde_json::from_str(&stored).unwrap();
    assert_eq!(stored["node"], "a");
    assert_eq!(stored["last_seen"], NOW);
    assert_eq!(stored["cursor"], json!({ "anchor": 3, "head": [] }));
    let ttl: Millis = ask(&url, &["PTTL", &key]).await;
    assert!((1..=TTL).contains(&ttl), "{ttl}");
    let key = format!("canvas:state:{canvas}");
    eventually("both nodes hold the room", || async {
        let state: std::collections::HashMap<String, String> = ask(&url, &["HGETALL", &key]).await;
        state.get("active_users").is_some_and(|n| n == "3") && state.contains_key("a") && state.contains_key("b")
    })
    .await;
    let ttl: Millis = ask(&url, &["PTTL", &key]).await;
    assert!((1..=TTL).contains(&ttl), "{ttl}");
    // Somebody who is on both stays when one forgets.
    b.put(canvas, "b", &["ben", "both"]);
    eventually("b wrote last", || async {
        let stored: String = ask(&url, &["HGET", &format!("canvas:presence:{canvas}"), "both"]).await;
        stored.contains(r#""node":"b""#)
    })
    .await;
    a.presence.forget(canvas, "a");
    for node in [&a, &b] {
        node.until(canvas, &["ben", "both"]).await;
    }
    b.presence.forget(canvas, "b");
    eventually("nothing is left", || async {
        let left: usize = ask(&url, &["EXISTS", &format!("canvas:presence:{canvas}"), &key]).await;
        left == 0
    })
    .await;
}

#[tokio::test]
async fn aw_4_a_node_that_ends_takes_its_people_along_and_a_dead_one_is_not_believed() {
    let url = shared_redis().await;
    let (a, b, c) = (Node::start(&url, "a").await, Node::start(&url, "b").await, Node::start(&url, "c").await);
    let canvas = CanvasId::generate();
    a.put(canvas, "a", &["ann"]);
    b.put(canvas, "b", &["ben"]);
    c.put(canvas, "c", &["cleo"]);
    a.until(canvas, &["ann", "ben", "cleo"]).await;
    drop(b.presence);
    b.driver.await.unwrap();
    assert_eq!(users(&*a.presence, canvas).await, ["ann", "cleo"]);
    // It took everything back: whoever reads Redis themselves sees nobody either.
    let key = format!("canvas:presence:{canvas}");
    assert_eq!(fields(&url, &key).await, ["ann", "cleo"]);
    assert_eq!(fields(&url, &format!("canvas:state:{canvas}")).await, ["a", "active_users", "c"]);
    assert!(!ask::<bool>(&url, &["EXISTS", "node:b"]).await);
    // Killed: its key runs out.
    c.driver.abort();
    let key = "node:c";
    eventually("the dead node's key is there no more", || async {
        let _: () = ask(&url, &["PEXPIRE", key, "1"]).await;
        let there: bool = ask(&url, &["EXISTS", key]).await;
        !there
    })
    .await;
    a.until(canvas, &["ann"]).await;
}

/// What nobody takes back goes when somebody writes.
#[tokio::test]
async fn aw_4_what_is_stale_is_pruned() {
    let url = shared_redis().await;
    let canvas = CanvasId::generate();
    let (people, state) = (format!("canvas:presence:{canvas}"), format!("canvas:state:{canvas}"));
    let (outdated, recent) = (NOW - TTL, NOW - TTL + 1);
    // By nodes that were killed; by one that cannot be read; and by this node, whose name an earlier process had.
    for (user, node, last_seen) in
        [("old", "dead", outdated), ("young", "dead", recent), ("ghost", "a", recent), ("odd", "dead", -1)]
    {
        let stored = json!({ "last_seen": last_seen, "node": node, "users": 1 }).to_string();
        let stored = if user == "odd" { "{" } else { &stored };
        let _: () = ask(&url, &["HSET", &people, user, stored]).await;
        let _: () = ask(&url, &["HSET", &state, &format!("node of {user}"), stored]).await;
    }
    let a = Node::start(&url, "a").await;
    a.put(canvas, "a", &["ann"]);
    eventually("ann is written", || async { ask::<bool>(&url, &["HEXISTS", &people, "ann"]).await }).await;
    assert_eq!(fields(&url, &people).await, ["ann", "young"]);
    assert_eq!(fields(&url, &state).await, ["a", "active_users", "node of ghost", "node of young"]);
}

/// A Redis that stood still takes what was given up long ago. It is not known which of it, so everything is written again.
#[tokio::test]
async fn aw_4_what_a_paused_redis_takes_too_late_does_not_stay() {
    let redis = Redis::start().await;
    let (a, b) = (Node::start(&redis.url(), "a").await, Node::start(&redis.url(), "b").await);
    let canvas = CanvasId::generate();
    a.put(canvas, "a", &["eve"]);
    b.until(canvas, &["eve"]).await;
    redis.pause();
    a.put(canvas, "a", &["ann", "eve"]);
    // Each takes a second: longer in all than a write waits.
    for _ in 0..3 {
        assert!(a.presence.ping().await.is_err());
    }
    a.put(canvas, "a", &["eve", "joe"]);
    redis.resume();
    b.until(canvas, &["eve", "joe"]).await;
}

/// A write that Redis refuses is made again when it does not any more, though it has lost nothing and nobody has moved.
#[tokio::test]
async fn aw_4_what_redis_refused_is_written_when_it_takes_it() {
    let redis = Redis::start().await;
    let url = redis.url();
    let (a, b) = (Node::start(&url, "a").await, Node::start(&url, "b").await);
    let canvas = CanvasId::generate();
    a.put(canvas, "a", &["eve"]);
    b.until(canvas, &["eve"]).await;
    // As a Redis does whose replicas are gone: it reads, and takes nothing.
    let _: () = ask(&url, &["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    a.put(canvas, "a", &["ann", "eve"]);
    eventually("a write was refused", || async {
        let calls: String = ask(&url, &["INFO", "commandstats"]).await;
        let script = calls.lines().find(|line| line.starts_with("cmdstat_evalsha:")).unwrap_or_default();
        !script.contains("rejected_calls=0,failed_calls=0")
    })
    .await;
    let _: () = ask(&url, &["CONFIG", "SET", "min-replicas-to-write", "0"]).await;
    b.until(canvas, &["ann", "eve"]).await;
}

/// `[BUS-3]`
#[tokio::test]
async fn aw_4_without_redis_a_node_lists_its_own_and_everything_is_back_with_it() {
    let mut redis = Redis::start().await;
    let (a, b) = (Node::start(&redis.url(), "a").await, Node::start(&redis.url(), "b").await);
    let canvas = CanvasId::generate();
    a.put(canvas, "a", &["ann"]);
    b.put(canvas, "b", &["ben"]);
    a.until(canvas, &["ann", "ben"]).await;
    redis.kill();
    a.until(canvas, &["ann"]).await;
    assert!(a.presence.ping().await.is_err());
    a.put(canvas, "a", &["ann", "ada"]);
    a.until(canvas, &["ada", "ann"]).await;
    redis.restart().await;
    for node in [&a, &b] {
        node.until(canvas, &["ada", "ann", "ben"]).await;
    }
    redis.flush().await;
    for node in [&a, &b] {
        node.until(canvas, &["ada", "ann", "ben"]).await;
    }
    a.presence.ping().await.unwrap();
}

/// Somebody with a tab on each of two nodes, seen from a third.
#[tokio::test]
async fn aw_4_somebody_on_two_nodes_is_listed_until_the_last_of_their_tabs_is_gone() {
    let url = shared_redis().await;
    let (a, b, c) = (Node::start(&url, "a").await, Node::start(&url, "b").await, Node::start(&url, "c").await);
    let canvas = CanvasId::generate();
    let key = format!("canvas:presence:{canvas}");
    let shown = async |node: &str| {
        eventually(&format!("the entry of node {node}"), || async {
            let stored: Option<String> = ask(&url, &["HGET", &key, "both"]).await;
            stored.is_some_and(|stored| stored.contains(&format!(r#""node":"{node}""#)))
        })
        .await;
        let of_both = c.presence.list(canvas, NOW).await.unwrap();
        assert_eq!(of_both.into_iter().find(|entry| entry.user_id == "both"), Some(entry("both", node)));
    };
    eventually("nodes that live", || async { ask::<u8>(&url, &["EXISTS", "node:a", "node:b"]).await == 2 }).await;
    a.put(canvas, "a", &["ann", "both"]);
    shown("a").await;
    b.put(canvas, "b", &["ben", "both"]);
    shown("b").await;
    // The one that shows is closed, while others stay on that node: the other one shows as it was written.
    b.put(canvas, "b", &["ben"]);
    shown("a").await;
    c.until(canvas, &["ann", "ben", "both"]).await;
    // The hidden one is closed.
    b.put(canvas, "b", &["ben", "both"]);
    shown("b").await;
    a.put(canvas, "a", &["ann"]);
    let hidden = format!("canvas:presence_hidden:{canvas}");
    eventually("nothing is hidden", || async { !ask::<bool>(&url, &["EXISTS", &hidden]).await }).await;
    shown("b").await;
    // The last node they were on has nobody any more.
    a.put(canvas, "a", &["ann", "both"]);
    shown("a").await;
    a.presence.forget(canvas, "a");
    shown("b").await;
    c.until(canvas, &["ben", "both"]).await;
    // The node of the one that shows dies: the hidden one counts.
    a.put(canvas, "a", &["both"]);
    shown("a").await;
    a.driver.abort();
    eventually("the dead node's key is there no more", || async {
        let _: () = ask(&url, &["PEXPIRE", "node:a", "1"]).await;
        !ask::<bool>(&url, &["EXISTS", "node:a"]).await
    })
    .await;
    c.until(canvas, &["ben", "both"]).await;
    b.presence.forget(canvas, "b");
    c.until(canvas, &[]).await;
}

/// What this thread logs while it lives.
#[derive(Clone, Default)]
struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    fn count(&self, text: &str) -> usize {
        String::from_utf8_lossy(&self.0.lock().unwrap()).matches(text).count()
    }
}

impl io::Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An operator reads one line when it begins and one when it ends, however long it is. `[BUS-3]`
#[tokio::test]
async fn aw_4_a_redis_that_hangs_is_reported_once_and_its_return_once() {
    let (logs, recorder) = (Logs::default(), PrometheusBuilder::new().build_recorder());
    let (written, metrics) = (logs.clone(), recorder.handle());
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || written.clone()).finish();
    let _logged = tracing::subscriber::set_default(subscriber);
    // While there is only one subscriber, whoever comes first to a line of the log decides whether it is ever logged: here it may be
    // another test, on a thread that logs nothing.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(io::sink).finish());
    let _counted = metrics::set_default_local_recorder(&recorder);
    let failures = || {
        let series = r#"jabiru_backend_errors_total{backend="redis",operation="pipeline"} "#;
        metrics.render().lines().find_map(|line| line.strip_prefix(series)?.parse::<u64>().ok()).unwrap_or_default()
    };

    let redis = Redis::start().await;
    let (node, canvas) = (Node::start(&redis.url(), NODE).await, CanvasId::generate());
    for round in 1..=2 {
        redis.pause();
        let before = failures();
        // Also when there is something to write now and then, and now and then nothing.
        node.put(canvas, NODE, &["ann"]);
        eventually("some attempts in vain", || async { failures() >= before + 4 }).await;
        redis.resume();
        eventually("a word of its return", || async { logs.count("presence can be written again") >= round }).await;
        assert_eq!(logs.count("presence cannot be written"), round);
        assert_eq!(logs.count("presence can be written again"), round);
    }
}
