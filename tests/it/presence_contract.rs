//! `[AW-4]` The presence port: one suite for every implementation, and what only several nodes can show.

use std::sync::Arc;

use jabiru::backend::redis::Redis as Backend;
use jabiru::clock::{Clock, Millis};
use jabiru::id::CanvasId;
use jabiru::presence::{MemoryPresence, Presence, PresenceEntry, RedisPresence};
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
    let (stale, fresh) = (NOW - TTL, NOW - TTL + 1);
    // By nodes that were killed; by one that cannot be read; and by this node, whose name an earlier process had.
    for (user, node, last_seen) in
        [("old", "dead", stale), ("young", "dead", fresh), ("ghost", "a", fresh), ("odd", "dead", -1)]
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
    let _: () = ask(&url, &["CONFIG", "SET", "maxmemory", "1"]).await;
    a.put(canvas, "a", &["ann", "eve"]);
    eventually("a write was refused", || async {
        let calls: String = ask(&url, &["INFO", "commandstats"]).await;
        let script = calls.lines().find(|line| line.starts_with("cmdstat_evalsha:")).unwrap_or_default();
        !script.contains("rejected_calls=0,failed_calls=0")
    })
    .await;
    let _: () = ask(&url, &["CONFIG", "SET", "maxmemory", "0"]).await;
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
