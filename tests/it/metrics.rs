//! What `/metrics` says of the services: every call is timed and counted, and a service that is away shows.

use std::fmt::Debug;

use reqwest::StatusCode;
use tempfile::TempDir;

use crate::support::services::{ClickHouse, Mongo, Redis};
use crate::support::{Binary, eventually};

struct Node(Binary);

impl Node {
    async fn calls(&self, backend: &str, operation: &str) -> u64 {
        self.0.metric(&series("jabiru_backend_seconds_count", backend, operation)).await
    }

    async fn errors(&self, backend: &str, operation: &str) -> u64 {
        self.0.metric(&series("jabiru_backend_errors_total", backend, operation)).await
    }

    /// Does something until a call of this operation has failed that had not when this began.
    async fn until_failed(&self, backend: &str, operation: &str, something: impl AsyncFn(&Binary)) {
        let before = self.errors(backend, operation).await;
        eventually(&format!("failed calls `{operation}` of {backend}"), async || {
            something(&self.0).await;
            self.errors(backend, operation).await > before
        })
        .await;
    }
}

fn series(name: &str, backend: &str, operation: &str) -> String {
    format!(r#"{name}{{backend="{backend}",operation="{operation}"}}"#)
}

fn ok<T: Debug>((status, body): (StatusCode, T)) {
    assert_eq!(status, StatusCode::OK, "{body:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_to_a_service_is_timed_and_its_failures_are_counted() {
    let (mut mongo, mut redis, mut clickhouse) = tokio::join!(Mongo::start(1), Redis::start(), ClickHouse::start());
    let flags = ["--mongodb-url", &mongo.url(), "--redis-url", &redis.url(), "--clickhouse-url", &clickhouse.url()];
    let folder = TempDir::new().unwrap();
    let node = Node(Binary::start(folder.path(), &flags.map(str::to_owned)).await);
    let metrics = node.0.metrics().await;
    for gauge in ["jabiru_journal_pending_bytes", "jabiru_bus_pending_bytes", "jabiru_events_spool_bytes"] {
        assert!(metrics.lines().any(|line| line == format!("{gauge} 0")), "{gauge} is not there from the start");
    }

    let canvas = node.0.create().await;
    node.0.fetch(&canvas).await;
    ok(node.0.get("/v1/usage").await);
    ok(node.0.get("/v1/datasets").await);
    ok(node.0.get("/readyz").await);
    let used = [
        ("mongodb", "append to the journal"),
        ("mongodb", "read a canvas"),
        ("mongodb", "set up an account"),
        ("mongodb", "list files"),
        ("mongodb", "answer"),
        ("redis", "connect"),
        ("redis", "SUBSCRIBE"),
        ("redis", "EVALSHA"),
        ("redis", "pipeline"),
        ("redis", "PING"),
        ("clickhouse", "insert usage events"),
        ("clickhouse", "count usage"),
        ("clickhouse", "answer"),
    ];
    for (backend, operation) in used {
        eventually(&format!("calls `{operation}` of {backend}"), async || node.calls(backend, operation).await > 0)
            .await;
        assert_eq!(node.errors(backend, operation).await, 0, "{backend} {operation}");
    }
    // Half of the time the bus waits for somebody to say something; that is no time Redis took.
    let waits = series("jabiru_backend_errors_total", "redis", "XREAD");
    eventually("a read of the bus that waited", async || node.0.metrics().await.contains(&waits)).await;
    assert_eq!(node.calls("redis", "XREAD").await, 1, "only the read that does not wait is timed");

    // Hanging: whoever asks gives up.
    redis.pause();
    node.until_failed("redis", "EVALSHA", async |node| drop(node.fetch(&canvas).await)).await;
    redis.resume();
    // Gone.
    redis.kill();
    node.until_failed("redis", "connect", async |node| drop(node.get("/readyz").await)).await;
    node.until_failed("redis", "PING", async |node| drop(node.get("/readyz").await)).await;
    clickhouse.kill();
    node.until_failed("clickhouse", "answer", async |node| drop(node.get("/readyz").await)).await;
    node.until_failed("clickhouse", "insert usage events", async |node| drop(node.get("/v1/me").await)).await;
    mongo.kill_primary().await;
    node.until_failed("mongodb", "answer", async |node| drop(node.get("/readyz").await)).await;
    node.until_failed("mongodb", "list canvases", async |node| drop(node.get("/v1/canvases").await)).await;
    assert!(node.0.metric("jabiru_events_spool_bytes").await > 0, "events wait on disk");
    drop((mongo, redis, clickhouse));
}
