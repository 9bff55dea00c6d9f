//! One client: connects, syncs, listens and speaks, until the run ends. Listening and speaking never wait for each other, so a server
//! that slows its writers down still finds a reader.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use jabiru::protocol::sync_step1;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::crowd::Crowd;
use crate::marker::{self, Marker};
use crate::measure::add;
use crate::options::Activity;
use crate::voice::Voice;

/// Longest wait from connecting to the document.
const JOIN_TIMEOUT: Duration = Duration::from_mins(1);
/// Longest wait for a server to take what is written into a room beforehand.
const PRELOAD_TIMEOUT: Duration = Duration::from_mins(5);
/// Longest wait for the server's half of a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Read and write buffer of a socket, bytes: a cursor frame of a full room needs a few reads, and 10,000 connections stay small.
const SOCKET_BUFFER: usize = 4 << 10;
/// A timer fires up to this late; later than that, something held the speaker back, and it counts as late.
const TIMER_GRAIN: Duration = Duration::from_millis(2);
/// Sync step 1 messages waiting to be answered.
const QUESTIONS: usize = 4;

/// A client's place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat {
    pub(crate) room: usize,
    pub(crate) index: u16,
    pub(crate) activity: Activity,
    /// Where in a period it speaks, so that not everybody does at once: 0 to 1.
    pub(crate) phase: f64,
}

type Socket = WebSocketStream<TcpStream>;

/// Sync messages sent and not acked yet.
#[derive(Default)]
struct Unacked {
    count: u64,
    /// (how many were sent with this one, when it was due), while somebody asked for acks.
    waiting: VecDeque<(u64, u64)>,
}

/// What comes in.
struct Ear {
    crowd: Arc<Crowd>,
    seat: Seat,
    stream: SplitStream<Socket>,
    /// The next number expected of each seat in the room.
    expected: Vec<u32>,
    unacked: Arc<Mutex<Unacked>>,
}

/// What goes out.
struct Mouth {
    crowd: Arc<Crowd>,
    seat: Seat,
    sink: SplitSink<Socket, Message>,
    voice: Voice,
    number: u32,
    unacked: Arc<Mutex<Unacked>>,
}

/// What a frame asks of the client.
enum Heard {
    Nothing,
    /// The server has sent the document.
    Synced,
    /// The server wants what this client has.
    Question(Bytes),
}

/// Runs one client to its end; failures go into the report.
pub(crate) async fn run(crowd: Arc<Crowd>, seat: Seat) {
    let measure = &crowd.measure;
    let joined = {
        let Ok(_turn) = crowd.doors.acquire().await else { return };
        let began = measure.now();
        let joined = timeout(JOIN_TIMEOUT, join(&crowd, seat)).await;
        let joined = joined.unwrap_or_else(|_| Err(anyhow::anyhow!("no document within {} s", JOIN_TIMEOUT.as_secs())));
        if joined.is_ok() {
            let now = measure.now();
            measure.joining.record(now - began);
            measure.last_joined.fetch_max(now, Relaxed);
        }
        joined
    };
    let (counter, error) = match joined {
        Ok((ear, mouth)) => {
            add(&measure.joined, 1);
            (&measure.lost, live(&crowd, ear, mouth).await.err())
        }
        Err(error) => (&measure.failed, Some(error)),
    };
    if let Some(error) = error {
        add(counter, 1);
        measure.error(&format!("{error:#}"));
    }
}

/// Writes `count` updates into a room; returns when the server has taken them, since it answers a sync step 1 in its turn.
pub(crate) async fn preload(crowd: &Arc<Crowd>, room: usize, count: u32) -> anyhow::Result<()> {
    let seat = Seat { room, index: u16::MAX, activity: Activity::Updates, phase: 0.0 };
    let (mut ear, mut mouth) = timeout(JOIN_TIMEOUT, join(crowd, seat)).await??;
    let writing = async {
        for _ in 0..count {
            mouth.say(0).await?;
        }
        mouth.send(sync_step1(&[0])).await
    };
    let reading = async {
        while !matches!(ear.hear().await?, Heard::Synced) {}
        Ok(())
    };
    timeout(PRELOAD_TIMEOUT, async { tokio::try_join!(writing, reading) }).await??;
    mouth.close().await;
    Ok(())
}

/// Connects and exchanges the first sync, as a stock client does.
async fn join(crowd: &Arc<Crowd>, seat: Seat) -> anyhow::Result<(Ear, Mouth)> {
    let tcp = TcpStream::connect(crowd.address).await.context("connecting")?;
    tcp.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(SOCKET_BUFFER).write_buffer_size(SOCKET_BUFFER);
    let (socket, _) = client_async_with_config(crowd.urls[seat.room].as_str(), tcp, Some(config)).await?;
    let (sink, stream) = socket.split();
    let unacked = Arc::new(Mutex::default());
    let expected = vec![0; crowd.plan.clients];
    let mut ear = Ear { crowd: Arc::clone(crowd), seat, stream, expected, unacked: Arc::clone(&unacked) };
    let voice = Voice::new(seat.activity);
    let mut mouth = Mouth { crowd: Arc::clone(crowd), seat, sink, voice, number: 0, unacked };
    mouth.send(sync_step1(&[0])).await?;
    loop {
        match ear.hear().await? {
            Heard::Nothing => {}
            Heard::Synced => return Ok((ear, mouth)),
            Heard::Question(state_vector) => mouth.answer(&state_vector).await?,
        }
    }
}

async fn live(crowd: &Crowd, mut ear: Ear, mut mouth: Mouth) -> anyhow::Result<()> {
    let (ask, questions) = mpsc::channel(QUESTIONS);
    let ended = {
        let mut speaking = pin!(mouth.speak(questions));
        let mut listening = pin!(async {
            loop {
                if let Heard::Question(state_vector) = ear.hear().await? {
                    // A server that asks again before it was answered gets fewer answers.
                    let _ = ask.try_send(state_vector);
                }
            }
        });
        tokio::select! {
            ended = &mut speaking => ended,
            ended = &mut listening => ended,
            () = crowd.stop.cancelled() => Ok(()),
        }
    };
    mouth.close().await;
    ended
}

impl Ear {
    /// Takes one frame. Only what is needed to count is decoded: see the docs of the generator.
    async fn hear(&mut self) -> anyhow::Result<Heard> {
        let frame = loop {
            match self.stream.next().await {
                Some(Ok(Message::Binary(frame))) => break frame,
                Some(Ok(Message::Close(Some(frame)))) => bail!("closed by the server: {} {}", frame.code, frame.reason),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => bail!("the server ended the connection"),
            }
        };
        add(&self.crowd.measure.bytes_in, frame.len() as u64);
        match frame[..] {
            [0, 0, ..] => return Ok(Heard::Question(body(&frame, 2)?)),
            [0, 1, ..] => {
                self.count(&frame);
                return Ok(Heard::Synced);
            }
            [0, 2, ..] | [1, ..] => self.count(&frame),
            [2, ..] => bail!("refused: {}", String::from_utf8_lossy(&body(&frame, 2)?)),
            [8, ref rest @ ..] => self.acked(var_uint(rest).context("an ack without a number")?.0),
            _ => {}
        }
        Ok(Heard::Nothing)
    }

    fn count(&mut self, frame: &[u8]) {
        let crowd = &self.crowd;
        let measure = &crowd.measure;
        let now = measure.now();
        let mut deliveries = 0;
        marker::scan(frame, |marker| {
            // A server may send a client's own messages back to it; that is no delivery.
            if marker.run != crowd.tag || marker.seat == self.seat.index {
                return;
            }
            let Some(expected) = self.expected.get_mut(usize::from(marker.seat)) else { return };
            if marker.number < *expected {
                add(&measure.duplicates, 1);
                return;
            }
            *expected = marker.number + 1;
            if measure.in_window(marker.due) {
                deliveries += 1;
                measure.latency.record(now.saturating_sub(marker.due));
            }
        });
        if deliveries > 0 {
            add(&measure.delivered, deliveries);
            if measure.in_window(now) {
                add(&measure.delivered_in_window, deliveries);
                add(&measure.frames, 1);
            }
        }
    }

    /// The first `acked` sync messages of this connection are durable.
    fn acked(&self, acked: u64) {
        let measure = &self.crowd.measure;
        let now = measure.now();
        let mut unacked = lock(&self.unacked);
        while let Some((count, due)) = unacked.waiting.front().copied()
            && count <= acked
        {
            unacked.waiting.pop_front();
            if measure.in_window(due) {
                measure.durable.record(now.saturating_sub(due));
            }
        }
    }
}

impl Mouth {
    /// Speaks at the rate of the plan while the run goes on, and answers questions.
    async fn speak(&mut self, mut questions: mpsc::Receiver<Bytes>) -> anyhow::Result<()> {
        let crowd = Arc::clone(&self.crowd);
        let is_active = self.seat.activity != Activity::Silent;
        let period = Duration::from_secs_f64(1.0 / crowd.plan.rate.max(1e-3));
        let mut schedule = crowd.schedule.subscribe();
        let mut due: Option<Instant> = None;
        if self.seat.activity == Activity::Renewals {
            // A stock client shows itself at once.
            self.say(crowd.measure.now()).await?;
        }
        loop {
            tokio::select! {
                Some(state_vector) = questions.recv() => self.answer(&state_vector).await?,
                Ok(()) = schedule.changed(), if is_active => {
                    due = schedule.borrow_and_update().map(|schedule| schedule.from + period.mul_f64(self.seat.phase));
                }
                moment = reached(due) => {
                    if schedule.borrow().is_none_or(|schedule| moment >= schedule.until) {
                        due = None;
                        continue;
                    }
                    due = Some(moment + period);
                    let now = Instant::now();
                    let at = crowd.measure.at(if now - moment <= TIMER_GRAIN { now } else { moment });
                    self.say(at).await?;
                    if crowd.measure.in_window(at) {
                        crowd.sent(self.seat.room);
                    }
                }
            }
        }
    }

    async fn say(&mut self, due: u64) -> anyhow::Result<()> {
        let marker = Marker { run: self.crowd.tag, seat: self.seat.index, number: self.number, due };
        self.number += 1;
        let frame = self.voice.say(marker);
        if self.voice.is_writing() {
            let mut unacked = lock(&self.unacked);
            unacked.count += 1;
            if self.crowd.acks {
                let count = unacked.count;
                unacked.waiting.push_back((count, due));
            }
        }
        self.send(frame).await
    }

    async fn answer(&mut self, state_vector: &[u8]) -> anyhow::Result<()> {
        lock(&self.unacked).count += 1;
        let answer = self.voice.answer(state_vector);
        self.send(answer).await
    }

    async fn send(&mut self, frame: Bytes) -> anyhow::Result<()> {
        add(&self.crowd.measure.bytes_out, frame.len() as u64);
        Ok(self.sink.send(Message::Binary(frame)).await?)
    }

    async fn close(&mut self) {
        let _ = timeout(CLOSE_TIMEOUT, self.sink.close()).await;
    }
}

async fn reached(due: Option<Instant>) -> Instant {
    match due {
        Some(moment) => {
            sleep_until(moment).await;
            moment
        }
        None => std::future::pending().await,
    }
}

/// The byte array that starts at `at`.
fn body(frame: &Bytes, at: usize) -> anyhow::Result<Bytes> {
    let (length, width) = frame.get(at..).and_then(var_uint).context("a frame without a body")?;
    let from = at + width;
    let until = from.checked_add(length as usize).filter(|until| *until <= frame.len());
    Ok(frame.slice(from..until.context("a frame shorter than it says")?))
}

/// A lib0 varUint and how many bytes it took.
fn var_uint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
