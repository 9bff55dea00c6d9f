//! The accept loop: HTTP/1.1 connections, and how long the head of a request may take on one.
//!
//! Owns connections until they are closed or become WebSockets. axum's own loop sets no timer: half a request line, or nothing at all,
//! would hold its connection for ever.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::activity::ConnectedFrom;

/// Wait before accepting again when the process is out of descriptors or memory.
const ACCEPT_RETRY: Duration = Duration::from_secs(1);

/// Connections that may wait to be accepted; the system may allow fewer. After a restart everybody comes at once, and whoever finds no
/// place tries again a second later.
const BACKLOG: u32 = 4096;

/// Opens the socket that [`serve`] accepts from.
///
/// # Errors
/// The address is taken, or not this machine's.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restarted server must not wait for the last one's closed connections.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop`, and returns then; requests under way are answered by the tasks it leaves in `tasks`. A connection on which no
/// whole request head arrives within `head`, the first as much as the next, is closed. `[LIM-1]` `[DUR-9]`
pub async fn serve(listener: TcpListener, router: Router, head: Duration, stop: CancellationToken, tasks: TaskTracker) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head);
    // With its state in place a router is shared by its clones; without, every one would have routes of its own.
    let router = router.with_state::<()>(());
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let (tcp, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Of the client: it has gone again. Of ours: there is no room for it.
                if !matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) {
                    tracing::error!(%error, "a connection could not be accepted");
                    stop.run_until_cancelled(tokio::time::sleep(ACCEPT_RETRY)).await;
                }
                continue;
            }
        };
        // Frames are small and must leave at once.
        let _ = tcp.set_nodelay(true);
        let service = router.clone().map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectedFrom(address));
            request
        });
        let connection = http.serve_connection(TokioIo::new(tcp), TowerToHyperService::new(service)).with_upgrades();
        let stop = stop.clone();
        tasks.spawn(async move {
            let mut connection = pin!(connection);
            if stop.run_until_cancelled(connection.as_mut()).await.is_none() {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        });
    }
}
