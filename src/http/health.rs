//! `/healthz`, `/readyz`, `/metrics`: what an operator's tools ask. Open to anyone who can reach the port, and they say no more than that
//! tells: states and counts, no ids, no names.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::future::join_all;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Map, Value, json};

use crate::events::Events;
use crate::room::Hub;

/// A store that does not answer within this is called degraded.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// How one service of this node is asked whether it works.
pub struct Probe {
    name: &'static str,
    ask: Box<dyn Fn() -> Asked + Send + Sync>,
}

type Asked = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

impl Probe {
    /// A probe of the service `name`; an error's text is for the log.
    pub fn new<F>(name: &'static str, ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { name, ask: Box::new(move || Box::pin(ask())) }
    }
}

/// What these routes need.
#[derive(Clone)]
pub struct Health {
    /// The rooms.
    pub hub: Arc<Hub>,
    /// Usage events.
    pub events: Events,
    /// The services this node was given.
    pub probes: Arc<Vec<Probe>>,
    /// The metrics registry.
    pub metrics: PrometheusHandle,
}

/// The routes.
pub fn router(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(|State(health): State<Health>| async move { health.metrics.render() }))
        .with_state(health)
}

/// 200 while sessions are served; `degraded` when updates wait for the store; 503 when this node is stopping. `[DUR-3]`
async fn ready(State(health): State<Health>) -> Response {
    let node = health.hub.node();
    if health.hub.is_closing() {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "stopping" }))).into_response();
    }
    let (answered, probed) = tokio::join!(
        tokio::time::timeout(PING_TIMEOUT, node.store.ping()),
        join_all(health.probes.iter().map(|probe| state_of(probe.name, (probe.ask)()))),
    );
    let store = match answered {
        Ok(Ok(())) if node.pressure.stalled_rooms() == 0 => "ok",
        Ok(Ok(())) => "slow",
        Ok(Err(_)) => "failing",
        Err(_) => "not answering",
    };
    let backends: Map<String, Value> = health
        .probes
        .iter()
        .zip(probed)
        .map(|(probe, state)| (probe.name.to_owned(), json!({ "state": state })))
        .collect();
    let events = health.events.state();
    let well =
        store == "ok" && backends.values().all(|backend| backend["state"] == "ok") && events.failing_since.is_none();
    let body = json!({
        "status": if well { "ready" } else { "degraded" },
        "store": { "state": store, "pending_bytes": node.pressure.pending_bytes(), "stalled_rooms": node.pressure.stalled_rooms() },
        "events": {
            "state": if events.failing_since.is_none() { "ok" } else { "failing" },
            "spool_bytes": events.spool_bytes,
            "waiting": events.waiting,
        },
        "backends": backends,
        "rooms": health.hub.open_rooms(),
    });
    Json(body).into_response()
}

/// One service's state, in a word: what is wrong in detail is the log's, since anyone may ask here.
async fn state_of(name: &str, asked: impl Future<Output = Result<(), String>>) -> &'static str {
    match tokio::time::timeout(PING_TIMEOUT, asked).await {
        Ok(Ok(())) => "ok",
        Ok(Err(error)) => {
            tracing::debug!(backend = name, %error, "a service does not work");
            "failing"
        }
        Err(_) => "not answering",
    }
}
