//! One session: who it is, a loop that reads, a loop that writes. Both run in one task; each waits for nothing but its own side.

use std::pin::pin;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

use super::handshake::Incoming;
use super::wire::Wire;
use super::{Sockets, wire_limits};
use crate::access::{Caller, Endpoint, Grant};
use crate::clock::Millis;
use crate::events::{Door, Origin};
use crate::id::CanvasId;
use crate::protocol::{self, ClientMessage, Close, Closing, Refusal, WireLimits};
use crate::room::{Handing, Line, Membership, NewPeer, Outbox, Outgoing};
use crate::telemetry::names;

/// How long a socket may take to accept its last frames once the session is being closed.
const CLOSE_GRACE: Duration = Duration::from_secs(2);

/// How long the connection is kept after the close frame. Dropping it with unread bytes would send a reset, and the client would lose
/// the close code with it.
const CLOSE_LINGER: Duration = Duration::from_secs(2);

/// How long the store may take to say whose canvas it is.
const FACTS_TIMEOUT: Duration = Duration::from_secs(10);

/// What a client brought to the upgrade.
pub(super) struct Opening {
    pub(super) canvas: String,
    pub(super) origin: Origin,
    /// A page of ours asks, not one of another site and not a program.
    pub(super) own_page: bool,
    pub(super) token: Option<String>,
    pub(super) cookie: Option<String>,
    pub(super) acks: bool,
    pub(super) notices: bool,
}

/// Runs a session from its first message to its close frame. `number` is its place among the node's sessions.
pub(super) async fn run(
    mut incoming: Box<Incoming>,
    wire: Wire,
    sockets: &Sockets,
    opening: Box<Opening>,
    number: usize,
) {
    let wire = Arc::new(wire);
    let line: Arc<dyn Line> = Arc::clone(&wire) as _;
    let outbox = Outbox::new(sockets.shell.limits.outbox_bytes, Some(line));
    serve(&mut incoming, &wire, &outbox, sockets, opening, number).await;
    outbox.detach();
}

/// As long as the session lasts; its outbox may then still be known to the room.
async fn serve(
    incoming: &mut Incoming,
    wire: &Wire,
    outbox: &Arc<Outbox>,
    sockets: &Sockets,
    opening: Box<Opening>,
    number: usize,
) {
    // Boxed: what opening needs should not lie in every open session.
    let admitted = Box::pin(admit(sockets, &opening, number, outbox)).await;
    drop(opening);
    let (membership, expires_at) = match admitted {
        Ok(admitted) => admitted,
        Err(closing) => {
            // Boxed, here and below: what a session needs at its end should not lie in it while it lives.
            return Box::pin(async {
                say_goodbye(wire, &closing).await;
                linger(incoming).await;
            })
            .await;
        }
    };
    let heard = Heard::new();
    let mut can_read = true;
    {
        let mut reader = pin!(read(incoming, &membership, outbox, sockets, &heard));
        let mut writer = pin!(write(wire, outbox, &membership, sockets, expires_at, &heard));
        tokio::select! {
            ended = &mut reader => match ended {
                Ended::Gone => return,
                Ended::Left(code) => {
                    outbox.detach();
                    let _ = Box::pin(timeout(CLOSE_GRACE, wire.answer_close(code))).await;
                    return;
                }
                Ended::Refused(closing) => {
                    outbox.close(closing);
                    let _ = Box::pin(timeout(CLOSE_GRACE, writer)).await;
                }
                Ended::Oversize(closing) => {
                    can_read = false;
                    outbox.close(closing);
                    let _ = Box::pin(timeout(CLOSE_GRACE, writer)).await;
                }
            },
            () = &mut writer => {}
        }
    }
    drop(membership);
    if can_read {
        Box::pin(linger(incoming)).await;
    } else {
        // The stream is in the middle of a frame nobody will read.
        Box::pin(sleep(CLOSE_LINGER)).await;
    }
}

/// Decides whether the session may be, and brings it into its room.
async fn admit(
    sockets: &Sockets,
    opening: &Opening,
    number: usize,
    outbox: &Arc<Outbox>,
) -> Result<(Membership, Option<Millis>), Closing> {
    let caller = identify(sockets, opening).await?;
    if number > sockets.shell.limits.sessions {
        return Err(Closing::new(Close::Overloaded, "this server has as many sessions as it allows; try again later"));
    }
    if let Err(error) = sockets.shell.rates.take(&caller.identity.user_id, Endpoint::Join).await {
        return Err(Closing::new(Close::TooMany, error.to_string()));
    }
    let no_canvas = || Closing::new(Close::NoSuchCanvas, "there is no such canvas, or it was deleted");
    let id = CanvasId::from_str(&opening.canvas).map_err(|_| no_canvas())?;
    if !caller.reaches(id) {
        return Err(Closing::new(Close::Forbidden, "this token opens another canvas, not this one"));
    }
    let unreachable =
        || Closing::new(Close::Overloaded, "the server cannot reach its storage right now; try again in a moment");
    let facts =
        timeout(FACTS_TIMEOUT, sockets.hub.facts(id)).await.map_err(|_| unreachable())?.map_err(|_| unreachable())?;
    let facts = facts.filter(|facts| facts.deleted_at.is_none()).ok_or_else(no_canvas)?;
    let role = caller.role_on(&facts).ok_or_else(no_canvas)?;
    let mut origin = opening.origin.clone();
    if opening.own_page && matches!(caller.grant, Grant::Token { canvas: Some(_), .. }) {
        origin.door = Door::Link;
    }
    let new = || NewPeer {
        identity: caller.identity.clone(),
        origin: origin.clone(),
        role,
        outbox: Arc::clone(outbox),
        acks: opening.acks,
        notices: opening.notices,
    };
    Ok((sockets.hub.join(&facts, new).await?, caller.expires_at))
}

async fn identify(sockets: &Sockets, opening: &Opening) -> Result<Caller, Closing> {
    let refused = |reason: String| Closing::new(Close::Unauthenticated, reason);
    if let Some(token) = &opening.token {
        return sockets.shell.tokens.check(token).map_err(|error| refused(error.to_string()));
    }
    let Some(cookie) = &opening.cookie else {
        return Err(refused("log in, or give a token as ?token=".to_owned()));
    };
    match sockets.shell.sessions.check(cookie).await {
        Ok(Some(caller)) => Ok(caller),
        Ok(None) => Err(refused("your session has ended; log in again".to_owned())),
        Err(_) => {
            Err(Closing::new(Close::Overloaded, "the server cannot reach its storage right now; try again in a moment"))
        }
    }
}

/// When something last arrived, shared by the two loops.
struct Heard {
    start: Instant,
    after_ms: AtomicU64,
    busy: AtomicBool,
}

impl Heard {
    fn new() -> Self {
        Self { start: Instant::now(), after_ms: AtomicU64::new(0), busy: AtomicBool::new(false) }
    }

    fn note(&self) {
        self.after_ms.store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Resolves when nothing has arrived for `limit`.
    async fn silent_for(&self, limit: Duration) {
        while let Some(left) = limit.checked_sub(self.silence()).filter(|left| !left.is_zero()) {
            sleep(left).await;
        }
    }

    fn busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::Relaxed);
    }

    fn silence(&self) -> Duration {
        if self.busy.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        self.start.elapsed().saturating_sub(Duration::from_millis(self.after_ms.load(Ordering::Relaxed)))
    }
}

/// Why reading ended.
enum Ended {
    /// The other side is gone.
    Gone,
    /// The other side said that it leaves, and this code.
    Left(Option<u16>),
    /// The session must be closed for what it sent.
    Refused(Closing),
    /// The same, with part of a frame unread.
    Oversize(Closing),
}

async fn read(incoming: &mut Incoming, room: &Membership, outbox: &Outbox, sockets: &Sockets, heard: &Heard) -> Ended {
    let wire = wire_limits(&sockets.shell.limits);
    let mut number = 0;
    while let Some(received) = incoming.next().await {
        let frame = match received {
            Ok(Message::Binary(frame)) => frame,
            Ok(Message::Ping(payload)) => {
                heard.note();
                outbox.pong(payload);
                continue;
            }
            Ok(Message::Pong(_)) => {
                heard.note();
                continue;
            }
            Ok(Message::Close(frame)) => return Ended::Left(frame.map(|frame| frame.code.into())),
            Ok(Message::Frame(_)) => continue,
            Ok(Message::Text(_)) => {
                return Ended::Refused(Closing::new(Close::Malformed, "a text frame; the protocol is binary"));
            }
            Err(error) => return ended_by(&error, wire.sync_bytes),
        };
        // While the room takes its time with this message, the other side is not silent: it is not being listened to.
        heard.busy(true);
        let taken = match hand_over(&frame, &wire, &mut number, room) {
            Ok(handing) => handing.await,
            Err(refusal) => return Ended::Refused(Closing::from(&refusal)),
        };
        heard.note();
        heard.busy(false);
        if !taken {
            return Ended::Refused(Closing::new(Close::Restarting, "the canvas was closed here; reconnect"));
        }
    }
    Ended::Gone
}

/// Gives a message to the room. Not async: what a message is made of should not lie in a session that waits for the next one. `number`:
/// updates so far. `[SYNC-7]`
fn hand_over<'a>(
    frame: &Bytes,
    wire: &WireLimits,
    number: &mut u64,
    room: &'a Membership,
) -> Result<Handing<'a>, Refusal> {
    let mut update = |update, summary, is_step2| {
        *number += 1;
        room.update(*number, update, summary, is_step2)
    };
    Ok(match protocol::decode(frame, wire)? {
        ClientMessage::SyncStep1 { state_vector } => room.step1(state_vector),
        ClientMessage::SyncStep2 { update: body, summary } => update(body, summary, true),
        ClientMessage::Update { update: body, summary } => update(body, summary, false),
        ClientMessage::Awareness(entries) => room.awareness(entries),
        ClientMessage::QueryAwareness => room.query_awareness(),
    })
}

fn ended_by(error: &SocketError, limit: usize) -> Ended {
    match error {
        SocketError::Capacity(_) => {
            let reason = format!("a message is at most {limit} bytes; split the change into smaller ones");
            Ended::Oversize(Closing::new(Close::TooLarge, reason))
        }
        _ => Ended::Gone,
    }
}

/// Writes whatever waits in the outbox, in as few calls as the socket takes it in, until the session is to be closed or the socket fails.
async fn write(
    wire: &Wire,
    outbox: &Outbox,
    room: &Membership,
    sockets: &Sockets,
    expires_at: Option<Millis>,
    heard: &Heard,
) {
    let limits = &sockets.shell.limits;
    // One timer for the life of the session: a new one for each wait would cost more than the frame that ends it.
    let mut check = pin!(sleep_until(Instant::now() + limits.keepalive));
    loop {
        let now = Instant::now();
        if now >= check.deadline() {
            check.as_mut().reset(now + limits.keepalive);
            if expires_at.is_some_and(|end| end <= sockets.shell.clock.now()) {
                outbox.close(Closing::new(Close::Unauthenticated, "this token has expired"));
            }
            // The ping asks for a sign of life; the inert frame is one for browsers, which cannot see pings. `[SYNC-6]`
            let _ = outbox.push(protocol::KEEPALIVE);
            outbox.ping();
        }
        if heard.silence() >= limits.socket_timeout {
            // Transient: a laptop that slept comes back with a new connection, and 4408 would tell it to stop.
            outbox.close(Closing::new(Close::Overloaded, "nothing was heard from this connection; reconnect"));
        }
        let Some(outgoing) = outbox.take() else {
            tokio::select! {
                () = outbox.ready() => {}
                () = &mut check => {}
            }
            continue;
        };
        let bytes = outgoing.bytes;
        // Boxed, as most sessions write nothing most of the time.
        let sent = Box::pin(send(wire, outgoing, outbox, heard, limits.socket_timeout)).await;
        if let Some(closing) = outbox.closing() {
            return Box::pin(say_goodbye(wire, &closing)).await;
        }
        if !sent {
            return;
        }
        if outbox.written(bytes) && !room.drained().await {
            return;
        }
    }
}

/// Sends; `false` if the socket does not take it. A socket that takes nothing must not keep a session alive that is to be closed, or whose
/// other side is gone. Sending is tried first: as long as it does not have to wait, no timer is made.
async fn send(wire: &Wire, outgoing: Outgoing, outbox: &Outbox, heard: &Heard, silence: Duration) -> bool {
    tokio::select! {
        biased;
        sent = wire.send(outgoing) => sent.is_ok(),
        () = closed_for(outbox, CLOSE_GRACE) => false,
        () = heard.silent_for(silence) => false,
    }
}

/// Resolves `grace` after the session was told to close; for ever if it was not.
async fn closed_for(outbox: &Outbox, grace: Duration) {
    while outbox.closing().is_none() {
        outbox.ready().await;
    }
    sleep(grace).await;
}

async fn say_goodbye(wire: &Wire, closing: &Closing) {
    metrics::counter!(names::CLOSED, "code" => closing.close.code().to_string()).increment(1);
    let _ = timeout(CLOSE_GRACE, wire.close(closing)).await;
}

/// Reads and drops what still comes, until the other side has closed too.
async fn linger(incoming: &mut Incoming) {
    let _ = timeout(CLOSE_LINGER, async { while let Some(Ok(_)) = incoming.next().await {} }).await;
}
