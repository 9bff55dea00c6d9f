//! The upgrade from HTTP to a WebSocket, RFC 6455 section 4.2.
//!
//! Owns the handshake and the settings of the socket. axum's own WebSocket hides the frames and the socket below them: every message
//! would be copied into every connection's write buffer, which never shrinks, and only the connection's own task could write it.

use std::future::Future;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::wire::{Receiving, Wire};
use crate::http::Problem;
use crate::room::Hub;

/// Read buffer of a socket, bytes. It is there from the start, so an idle connection pays for it: 135 kB each with the library's 128 KiB
/// (measured). An edit or a cursor is a fifth of this; what is larger gets its own memory while it arrives.
const READ_BUFFER: usize = 1 << 10;

/// The receiving side of a WebSocket. Boxed once it is made: a future keeps room for it once for every function it is handed to.
pub(super) type Incoming = WebSocketStream<Receiving>;

/// A request that asks for a WebSocket.
pub(super) struct Upgrade {
    accept: HeaderValue,
    upgrade: OnUpgrade,
}

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let refused = |detail: &str| Problem::new(StatusCode::UPGRADE_REQUIRED, "This is a WebSocket route", detail);
        if !has_token(&parts.headers, &header::CONNECTION, "upgrade")
            || !has_token(&parts.headers, &header::UPGRADE, "websocket")
        {
            return Err(refused("Connect with a y-websocket client."));
        }
        if !has_token(&parts.headers, &header::SEC_WEBSOCKET_VERSION, "13") {
            return Err(refused("The WebSocket version spoken here is 13."));
        }
        let key =
            parts.headers.get(header::SEC_WEBSOCKET_KEY).ok_or_else(|| refused("Sec-WebSocket-Key is missing."))?;
        let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()));
        let upgrade = parts.extensions.remove::<OnUpgrade>();
        match (accept, upgrade) {
            (Ok(accept), Some(upgrade)) => Ok(Self { accept, upgrade }),
            _ => Err(refused("This connection cannot be upgraded.")),
        }
    }
}

impl Upgrade {
    /// Answers 101 and runs a session on the socket, as a task that shutdown waits for. `largest`: bytes of a message, at most.
    pub(super) fn accept<F>(
        self,
        largest: usize,
        hub: &Arc<Hub>,
        session: impl FnOnce(Box<Incoming>, Wire) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .max_message_size(Some(largest))
            .max_frame_size(Some(largest));
        let tasks = Arc::clone(hub);
        hub.spawn(async move {
            // A client that went away before the answer is no event. What comes up here is what `http::serve` accepted.
            let Ok(upgraded) = self.upgrade.await else { return };
            let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
                tracing::error!("an upgraded connection is no TCP stream; it is dropped");
                return;
            };
            let (receiving, sending) = parts.io.into_inner().into_split();
            // Copied: the bytes are part of hyper's read buffer, 8 KiB that would stay with every connection.
            let early = parts.read_buf.to_vec();
            let incoming = Incoming::from_partially_read(Receiving(receiving), early, Role::Server, Some(config)).await;
            // A task of its own: what the upgrade needed should not lie beside every open session.
            tasks.spawn(session(Box::new(incoming), Wire::new(sending)));
        });
        let headers = [
            (header::CONNECTION, HeaderValue::from_static("upgrade")),
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::SEC_WEBSOCKET_ACCEPT, self.accept),
        ];
        (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
    }
}

fn has_token(headers: &HeaderMap, name: &header::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(token))
}
