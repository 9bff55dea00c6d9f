//! `GET /v1/sync/{canvas_id}`: one WebSocket is one session.
//!
//! Owns the upgrade, who may open a socket, and the session's two loops. Does not know documents: messages go to the room decoded and
//! checked, frames come back ready to send.

mod handshake;
mod session;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{FromRef, Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::config::Limits;
use crate::events::{Door, Origin};
use crate::http::{Problem, Shell, caller};
use crate::protocol::WireLimits;
use crate::room::Hub;
use crate::telemetry::names;

/// What sockets need, shared by them.
struct Sockets {
    shell: Shell,
    hub: Arc<Hub>,
    open: AtomicUsize,
}

impl FromRef<Arc<Sockets>> for Shell {
    fn from_ref(sockets: &Arc<Sockets>) -> Self {
        sockets.shell.clone()
    }
}

/// What a client may say in the URL.
#[derive(Debug, Deserialize)]
struct Params {
    /// A signed token; without one the cookie counts.
    token: Option<String>,
    /// `1`: send acks. `[SYNC-7]`
    ack: Option<String>,
    /// `1`: send JSON notices. `[SYNC-8]`
    notices: Option<String>,
}

/// The route. Needs at least the role viewer on the canvas; edits need editor.
pub fn router(shell: Shell, hub: Arc<Hub>) -> Router {
    let sockets = Arc::new(Sockets { shell, hub, open: AtomicUsize::new(0) });
    Router::new().route("/v1/sync/{canvas_id}", get(upgrade)).with_state(sockets)
}

/// Everything a browser should be able to read is said after the upgrade, as a close code: it cannot see a refused one. `[LIM-3]`
async fn upgrade(
    State(sockets): State<Arc<Sockets>>,
    Path(canvas): Path<String>,
    Query(params): Query<Params>,
    headers: HeaderMap,
    origin: Origin,
    upgrade: handshake::Upgrade,
) -> Response {
    if !sockets.shell.origins.allows_socket(&headers) {
        let detail = "Pages of this origin may not open sockets here; add it to JABIRU_ALLOWED_ORIGINS.";
        return Problem::forbidden(detail).into_response();
    }
    let page = sockets.shell.origins.page(&headers);
    let door = match page {
        Some((site, false)) => Door::Site(site.into()),
        _ => Door::Own,
    };
    let opening = Box::new(session::Opening {
        canvas,
        origin: Origin { door, ..origin },
        own_page: matches!(page, Some((_, true))),
        token: params.token,
        cookie: caller::cookie(&headers).map(str::to_owned),
        acks: params.ack.as_deref() == Some("1"),
        notices: params.notices.as_deref() == Some("1"),
    });
    let largest = wire_limits(&sockets.shell.limits).frame_bytes();
    let hub = Arc::clone(&sockets.hub);
    upgrade.accept(largest, &hub, move |incoming, wire| async move {
        let slot = Slot::take(sockets);
        session::run(incoming, wire, &slot.sockets, opening, slot.number).await;
    })
}

/// The configured part of the protocol's limits.
fn wire_limits(limits: &Limits) -> WireLimits {
    WireLimits { update_bytes: limits.update_bytes, sync_bytes: limits.sync_bytes, ..WireLimits::default() }
}

/// One of the node's sessions, counted while it lives.
struct Slot {
    sockets: Arc<Sockets>,
    number: usize,
}

impl Slot {
    fn take(sockets: Arc<Sockets>) -> Self {
        let number = sockets.open.fetch_add(1, Ordering::Relaxed) + 1;
        metrics::gauge!(names::SESSIONS).set(number as f64);
        Self { sockets, number }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let left = self.sockets.open.fetch_sub(1, Ordering::Relaxed) - 1;
        metrics::gauge!(names::SESSIONS).set(left as f64);
    }
}
