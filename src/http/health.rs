//! `/healthz`, `/readyz`, `/metrics`: what an operator's tools ask. Open to anyone who can reach the port, and they say no more than that
//! tells: states and counts, no ids, no names.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

use crate::room::Hub;

/// A store that does not answer within this is called degraded.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// What these routes need.
#[derive(Clone)]
pub struct Health {
    /// The rooms.
    pub hub: Arc<Hub>,
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
    let answered = tokio::time::timeout(PING_TIMEOUT, node.store.ping()).await;
    let store = match answered {
        Ok(Ok(())) if node.pressure.stalled_rooms() == 0 => "ok",
        Ok(Ok(())) => "slow",
        Ok(Err(_)) => "failing",
        Err(_) => "not answering",
    };
    let status = if store == "ok" { "ready" } else { "degraded" };
    let body = json!({
        "status": status,
        "store": { "state": store, "pending_bytes": node.pressure.pending_bytes(), "stalled_rooms": node.pressure.stalled_rooms() },
        "rooms": health.hub.open_rooms(),
    });
    Json(body).into_response()
}
