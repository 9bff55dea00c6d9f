//! The physical limit: what a server on these sockets can do that does nothing but relay.
//!
//! Question: what is left to win? It is no bench of its own but the server that `benches/load` and `benches/peers` put beside the others:
//! the same sockets and the same WebSocket library, one task for each socket, no document, no storage, no access. An update or a cursor
//! goes to everybody else in the room as the frame it came in; a sync step 1 is answered with an empty step 2. What a socket has waiting
//! leaves with one flush. `--tick 33` collects a room's frames for 33 ms first, so that all of them leave with one write.
//!
//! ```text
//! cargo bench --bench limit -- --listen 127.0.0.1:1234 [--tick 33]
//! ```

use std::collections::HashMap;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_util::task::TaskTracker;

/// Connections waiting to be accepted: in a storm a thousand come at once, and one that finds no place comes again after a second.
const BACKLOG: u32 = 4096;
/// Batches waiting for one socket; what comes when it is full is not delivered, and the generator counts it as missing.
const WAITING: usize = 1 << 16;
/// Read buffer of a socket, bytes: there from the start, so that an idle connection costs little.
const READ_BUFFER: usize = 1 << 10;
/// Bytes handed to a socket at once; memory for them is made when needed.
const WRITE_BUFFER: usize = 64 << 10;
/// Sync step 2 with an update that holds nothing.
const EMPTY_STEP2: [u8; 5] = [0, 1, 2, 0, 0];

#[derive(Parser)]
struct Cli {
    /// Loopback address to listen on.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Collect a room's frames for this long, milliseconds.
    #[arg(long)]
    tick: Option<u64>,
    /// Cargo passes this to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Frames and who sent them.
type Batch = Arc<[(u64, Bytes)]>;

#[derive(Default)]
struct Room {
    peers: Mutex<HashMap<u64, mpsc::Sender<Batch>>>,
    /// Frames of this tick.
    collected: Mutex<Vec<(u64, Bytes)>>,
}

struct Server {
    rooms: Mutex<HashMap<String, Arc<Room>>>,
    tick: Option<Duration>,
    tasks: TaskTracker,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    // A bare `cargo bench` runs every target; there is nothing to measure here without a generator.
    let Some(listen) = cli.listen else {
        return Ok(writeln!(std::io::stdout(), "limit: a server for benches/load; give --listen to run it")?);
    };
    ensure!(listen.ip().is_loopback(), "--listen: only loopback, since anybody may relay anything here");
    tokio::runtime::Runtime::new()?.block_on(async {
        let socket = if listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(listen)?;
        let listener = socket.listen(BACKLOG)?;
        writeln!(std::io::stdout(), "limit: listening on {}", listener.local_addr()?)?;
        let server = Arc::new(Server {
            rooms: Mutex::default(),
            tick: cli.tick.map(Duration::from_millis),
            tasks: TaskTracker::new(),
        });
        for id in 0.. {
            let (tcp, _) = listener.accept().await?;
            let its = Arc::clone(&server);
            // A client that goes away ends its task and nothing else.
            server.tasks.spawn(async move { drop(serve(tcp, &its, id).await) });
        }
        Ok(())
    })
}

#[expect(clippy::result_large_err, reason = "the library's type of a refusal; nobody is refused")]
async fn serve(tcp: TcpStream, server: &Server, me: u64) -> anyhow::Result<()> {
    tcp.set_nodelay(true)?;
    let mut path = String::new();
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER).write_buffer_size(WRITE_BUFFER);
    let asked = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        request.uri().path().clone_into(&mut path);
        Ok(response)
    };
    let (mut sink, mut stream) = accept_hdr_async_with_config(tcp, asked, Some(config)).await?.split();
    let room = server.room(path);
    let (sender, mut inbox) = mpsc::channel(WAITING);
    lock(&room.peers).insert(me, sender);
    let mut batches = Vec::new();
    let ended: anyhow::Result<()> = async {
        loop {
            tokio::select! {
                message = stream.next() => match message.transpose()? {
                    Some(Message::Binary(frame)) => match frame[..] {
                        [0, 0, ..] => sink.send(Message::Binary(Bytes::from_static(&EMPTY_STEP2))).await?,
                        [0, 2, ..] | [1, ..] if server.tick.is_some() => lock(&room.collected).push((me, frame)),
                        [0, 2, ..] | [1, ..] => room.relay(&Batch::from([(me, frame)])),
                        _ => {}
                    },
                    Some(Message::Close(_)) | None => return Ok(()),
                    Some(_) => {}
                },
                _ = inbox.recv_many(&mut batches, WAITING) => {
                    for (_, frame) in batches.iter().flat_map(|batch: &Batch| batch.iter()).filter(|(from, _)| *from != me) {
                        sink.feed(Message::Binary(frame.clone())).await?;
                    }
                    sink.flush().await?;
                    batches.clear();
                }
            }
        }
    }
    .await;
    lock(&room.peers).remove(&me);
    ended
}

impl Server {
    fn room(&self, path: String) -> Arc<Room> {
        let mut rooms = lock(&self.rooms);
        let made = || {
            let room = Arc::<Room>::default();
            if let Some(tick) = self.tick {
                self.tasks.spawn(Arc::clone(&room).pulse(tick));
            }
            room
        };
        Arc::clone(rooms.entry(path).or_insert_with(made))
    }
}

impl Room {
    fn relay(&self, batch: &Batch) {
        for peer in lock(&self.peers).values() {
            let _ = peer.try_send(Arc::clone(batch));
        }
    }

    async fn pulse(self: Arc<Self>, tick: Duration) {
        let mut ticks = tokio::time::interval(tick);
        loop {
            ticks.tick().await;
            let collected = std::mem::take(&mut *lock(&self.collected));
            if !collected.is_empty() {
                self.relay(&Batch::from(collected));
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
