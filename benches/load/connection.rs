//! One client: connects, syncs, listens and speaks, until the run ends. Listening and speaking never wait for each other, so a server
//! that slows its writers down still finds a reader.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use jabiru::protocol::sync_step1;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until, timeout};

use crate::crowd::Crowd;
use crate::marker::{self, Marker};
use crate::measure::{add, lock};
use crate::options::Activity;
use crate::voice::Voice;
use crate::wire::{self, Came, Reader, Writer};

/// Longest wait from connecting to the document.
const JOIN_TIMEOUT: Duration = Duration::from_mins(1);
/// Longest wait for a server to take what is written into a room beforehand.
const FILL_TIMEOUT: Duration = Duration::from_mins(10);
/// Longest wait for a close to leave.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// A timer fires up to this late; later than that, something held the speaker back, and it counts as late.
const TIMER_GRAIN: Duration = Duration::from_millis(2);
/// What waits to be answered: sync step 1 messages and pings.
const QUESTIONS: usize = 4;
/// Most bytes of a message looked at where messages are counted: more than any server merges into one.
const COUNTED: usize = 64 << 20;
/// The same where they are not: a state vector is somewhere in it.
const GLANCED: usize = 64 << 10;
/// Bytes of a document handed to the kernel at once.
const FILL_CHUNK: usize = 64 << 10;
/// The state vector of somebody who has nothing.
const NOTHING: [u8; 1] = [0];

/// A client's place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat {
    pub(crate) room: usize,
    pub(crate) index: u16,
    pub(crate) activity: Activity,
    /// Where in a period it speaks, so that not everybody does at once: 0 to 1.
    pub(crate) phase: f64,
}

/// Sync messages sent and not acknowledged yet.
#[derive(Default)]
struct Unacked {
    sent: Mutex<Sent>,
    /// Something was acknowledged.
    moved: Notify,
}

#[derive(Default)]
struct Sent {
    /// Sync messages, which is what acks count.
    count: u64,
    /// Updates: (how many sync messages with this one, when it was due).
    waiting: VecDeque<(u64, u64)>,
    /// Where a server without acks was asked for a sign: how many sync messages it has taken when it answers.
    asked: VecDeque<u64>,
}

/// What comes in.
pub(crate) struct Ear {
    reader: Reader,
    mind: Mind,
}

/// What is made of it.
struct Mind {
    crowd: Arc<Crowd>,
    seat: Seat,
    /// The next number expected of each seat in the room.
    expected: Vec<u32>,
    unacked: Arc<Unacked>,
    /// How late the messages of one read were, microseconds.
    late: Vec<u64>,
    /// What asks for something.
    heard: Vec<Heard>,
    /// Bytes of document that came.
    content: u64,
}

/// What goes out.
pub(crate) struct Mouth {
    crowd: Arc<Crowd>,
    seat: Seat,
    writer: Writer,
    voice: Voice,
    number: u32,
    unacked: Arc<Unacked>,
}

/// What a message asks of the client.
enum Heard {
    /// The server has sent the document.
    Synced,
    /// The server wants what this client has.
    Question(Bytes),
    Ping(Bytes),
}

/// Runs one client to its end; failures go into the report.
pub(crate) async fn run(crowd: Arc<Crowd>, seat: Seat) {
    let measure = &crowd.measure;
    let joined = {
        let Ok(_turn) = crowd.doors.acquire().await else { return };
        let began = measure.now();
        let joined = join(&crowd, seat).await;
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

/// Connects and exchanges the first sync, as a stock client does.
pub(crate) async fn join(crowd: &Arc<Crowd>, seat: Seat) -> anyhow::Result<(Ear, Mouth)> {
    let joined = timeout(JOIN_TIMEOUT, try_to_join(crowd, seat)).await;
    joined.unwrap_or_else(|_| bail!("no document within {} s", JOIN_TIMEOUT.as_secs()))
}

async fn try_to_join(crowd: &Arc<Crowd>, seat: Seat) -> anyhow::Result<(Ear, Mouth)> {
    let is_counting = matches!(crowd.plan.activity, Activity::Updates | Activity::Cursors);
    let keep = if is_counting { COUNTED } else { GLANCED };
    let is_deaf = seat.activity == Activity::Deaf;
    let (reader, writer) = wire::connect(crowd.rooms.address, &crowd.rooms.urls[seat.room], keep, is_deaf).await?;
    let unacked = Arc::<Unacked>::default();
    let expected = if is_counting && !is_deaf { vec![0; crowd.plan.clients] } else { Vec::new() };
    let (late, heard) = (Vec::new(), Vec::new());
    let mind =
        Mind { crowd: Arc::clone(crowd), seat, expected, unacked: Arc::clone(&unacked), late, heard, content: 0 };
    let mut ear = Ear { reader, mind };
    let voice = Voice::new(seat.activity, crowd.plan.padding);
    let mut mouth = Mouth { crowd: Arc::clone(crowd), seat, writer, voice, number: 0, unacked };
    let known = crowd.known.get(seat.room).filter(|known| !known.is_empty());
    mouth.send(&sync_step1(known.map_or(&NOTHING, |known| &known[..]))).await?;
    let mut is_answered = false;
    while !is_answered || ear.mind.content < crowd.plan.document {
        for heard in ear.hear().await? {
            match heard {
                Heard::Synced => is_answered = true,
                asked => mouth.answer(asked).await?,
            }
        }
    }
    Ok((ear, mouth))
}

/// Listens and speaks until the run is over.
pub(crate) async fn live(crowd: &Crowd, mut ear: Ear, mut mouth: Mouth) -> anyhow::Result<()> {
    let (ask, questions) = mpsc::channel(QUESTIONS);
    let is_deaf = mouth.seat.activity == Activity::Deaf;
    let mut schedule = crowd.schedule.subscribe();
    let ended = {
        let mut speaking = pin!(mouth.speak(questions));
        let mut listening = pin!(async {
            loop {
                if is_deaf && schedule.borrow().is_some() {
                    std::future::pending::<()>().await;
                }
                tokio::select! {
                    heard = ear.hear() => {
                        for asked in heard? {
                            // A server that asks again before it was answered gets fewer answers.
                            let _ = ask.try_send(asked);
                        }
                    }
                    Ok(()) = schedule.changed(), if is_deaf => {}
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

/// Writes `updates` into a room; returns when the server has taken the last one: acked it, or answered a question that came after it.
/// `state_vector`: of somebody who has them all.
pub(crate) async fn fill(
    ear: &mut Ear,
    mouth: &mut Mouth,
    updates: impl Iterator<Item = Bytes>,
    state_vector: &[u8],
) -> anyhow::Result<()> {
    let unacked = Arc::clone(&mouth.unacked);
    let (ask, mut questions) = mpsc::channel(QUESTIONS);
    let writing = async {
        for update in updates {
            mouth.feed_update(&update, 0);
            if mouth.writer.waiting() >= FILL_CHUNK {
                mouth.flush().await?;
            }
            while let Ok(asked) = questions.try_recv() {
                mouth.answer(asked).await?;
            }
        }
        mouth.ask_for_a_sign(state_vector);
        mouth.flush().await?;
        while !lock(&unacked.sent).waiting.is_empty() {
            tokio::select! {
                () = unacked.moved.notified() => {}
                Some(asked) = questions.recv() => mouth.answer(asked).await?,
            }
        }
        anyhow::Ok(())
    };
    let listening = async {
        loop {
            for asked in ear.hear().await? {
                let _ = ask.try_send(asked);
            }
        }
    };
    let both = async {
        tokio::select! {
            written = writing => written,
            ended = listening => ended,
        }
    };
    timeout(FILL_TIMEOUT, both).await.context("the server does not take what is written")?
}

impl Ear {
    /// Takes what has come.
    async fn hear(&mut self) -> anyhow::Result<Vec<Heard>> {
        let mind = &mut self.mind;
        let mut now = None;
        self.reader
            .read(|came| {
                let now = *now.get_or_insert_with(|| mind.crowd.measure.now());
                match came {
                    Came::Message(length, message) => mind.take(length, message, now)?,
                    Came::Ping(ping) => mind.heard.push(Heard::Ping(Bytes::copy_from_slice(ping))),
                    Came::Close(reason) => bail!("closed by the server: {reason}"),
                }
                Ok(())
            })
            .await?;
        mind.crowd.measure.latency.record_all(&mind.late);
        mind.late.clear();
        Ok(std::mem::take(&mut mind.heard))
    }
}

impl Mind {
    /// Takes one message. Only what is needed to count is decoded: see the docs of the generator.
    fn take(&mut self, length: usize, message: &[u8], now: u64) -> anyhow::Result<()> {
        add(&self.crowd.measure.bytes_in, length as u64);
        if let [0, 1 | 2, ..] = message {
            self.content += length as u64;
        }
        match message {
            [0, 0, ..] => {
                let state_vector = body(message, 2)?;
                *lock(&self.crowd.told[self.seat.room]) = state_vector.clone();
                self.heard.push(Heard::Question(state_vector));
            }
            [0, 1, ..] => {
                self.count(message, now);
                self.heard.push(Heard::Synced);
                let asked = lock(&self.unacked.sent).asked.pop_front();
                if let Some(taken) = asked
                    && !self.crowd.acks
                {
                    self.acked(taken, now);
                }
            }
            [0, 2, ..] | [1, ..] => self.count(message, now),
            [2, ..] => bail!("refused: {}", String::from_utf8_lossy(&body(message, 2)?)),
            [8, rest @ ..] => self.acked(var_uint(rest).context("an ack without a number")?.0, now),
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self, message: &[u8], now: u64) {
        if self.expected.is_empty() {
            return;
        }
        let Self { crowd, seat, expected, late, .. } = self;
        let measure = &crowd.measure;
        let before = late.len();
        marker::scan(message, |marker| {
            // A server may send a client's own messages back to it; that is no delivery.
            if marker.run != crowd.tag || marker.seat == seat.index {
                return;
            }
            let Some(expected) = expected.get_mut(usize::from(marker.seat)) else { return };
            if marker.number < *expected {
                add(&measure.duplicates, 1);
                return;
            }
            *expected = marker.number + 1;
            if measure.in_window(marker.due) {
                late.push(now.saturating_sub(marker.due));
            }
        });
        let deliveries = (late.len() - before) as u64;
        if deliveries > 0 {
            add(&measure.delivered, deliveries);
            if measure.in_window(now) {
                add(&measure.delivered_in_window, deliveries);
                add(&measure.frames, 1);
            }
        }
    }

    /// The first `acked` sync messages of this connection are durable, or taken where the server has no acks.
    fn acked(&self, acked: u64, now: u64) {
        let measure = &self.crowd.measure;
        let mut sent = lock(&self.unacked.sent);
        let mut taken = 0;
        while let Some((count, due)) = sent.waiting.front().copied()
            && count <= acked
        {
            sent.waiting.pop_front();
            taken += 1;
            if measure.in_window(due) {
                measure.durable.record(now.saturating_sub(due));
            }
        }
        drop(sent);
        if measure.in_window(now) {
            add(&measure.taken, taken);
        }
        self.unacked.moved.notify_one();
    }
}

impl Mouth {
    /// Speaks as the plan says while the run goes on, and answers questions.
    async fn speak(&mut self, mut questions: mpsc::Receiver<Heard>) -> anyhow::Result<()> {
        let crowd = Arc::clone(&self.crowd);
        let unacked = Arc::clone(&self.unacked);
        let activity = self.seat.activity;
        let has_schedule = !matches!(activity, Activity::Silent | Activity::Deaf);
        let mut schedule = crowd.schedule.subscribe();
        let mut until = Instant::now();
        let mut period = Duration::ZERO;
        let mut due: Option<Instant> = None;
        if activity == Activity::Renewals {
            // A stock client shows itself at once.
            self.say(crowd.measure.now()).await?;
        }
        loop {
            tokio::select! {
                Some(asked) = questions.recv() => self.answer(asked).await?,
                Ok(()) = schedule.changed(), if has_schedule => {
                    let Some(now) = *schedule.borrow_and_update() else { continue };
                    (until, period) = (now.until, now.period);
                    due = Some(now.from + period.mul_f64(self.seat.phase));
                }
                moment = reached(due) => {
                    let now = Instant::now();
                    if now >= until {
                        if !period.is_zero() {
                            // What a server that slows its writers down has kept from being said counts as not delivered.
                            let kept = until.saturating_duration_since(moment).as_secs_f64() / period.as_secs_f64();
                            add(&crowd.measure.unsent, kept as u64);
                        }
                        due = None;
                    } else if activity == Activity::Intake {
                        self.pour().await?;
                        due = None;
                    } else {
                        due = Some(moment + period);
                        let at = crowd.measure.at(if now - moment <= TIMER_GRAIN { now } else { moment });
                        self.say(at).await?;
                        if crowd.measure.in_window(at) {
                            add(&crowd.measure.sent, 1);
                        }
                    }
                }
                () = unacked.moved.notified(), if activity == Activity::Intake => {
                    due = due.or_else(|| (Instant::now() < until).then(Instant::now));
                }
            }
        }
    }

    /// Writes until the window is full; half of it at a time, so that a flush holds many.
    async fn pour(&mut self) -> anyhow::Result<()> {
        let window = self.crowd.plan.window;
        let half = window / 2;
        while (lock(&self.unacked.sent).waiting.len() as u64) + half <= window {
            let due = self.crowd.measure.now();
            for _ in 0..half {
                let update = self.next(due);
                self.feed_update(&update, due);
            }
            if !self.crowd.acks {
                let state_vector = self.voice.state_vector();
                self.ask_for_a_sign(&state_vector);
            }
            self.flush().await?;
        }
        Ok(())
    }

    async fn say(&mut self, due: u64) -> anyhow::Result<()> {
        let message = self.next(due);
        if self.seat.activity == Activity::Updates {
            self.feed_update(&message, due);
            self.flush().await
        } else {
            self.send(&message).await
        }
    }

    /// The next thing to say.
    fn next(&mut self, due: u64) -> Bytes {
        let marker = Marker { run: self.crowd.tag, seat: self.seat.index, number: self.number, due };
        self.number += 1;
        self.voice.say(marker)
    }

    fn feed_update(&mut self, message: &[u8], due: u64) {
        add(&self.crowd.measure.bytes_out, message.len() as u64);
        self.writer.feed(message);
        let mut sent = lock(&self.unacked.sent);
        sent.count += 1;
        if self.crowd.acks || self.seat.activity == Activity::Intake {
            let count = sent.count;
            sent.waiting.push_back((count, due));
        }
    }

    /// Asks for the difference from `state_vector`, which has everything said so far: a server answers in its turn.
    fn ask_for_a_sign(&mut self, state_vector: &[u8]) {
        self.writer.feed(&sync_step1(state_vector));
        let mut sent = lock(&self.unacked.sent);
        let count = sent.count;
        sent.asked.push_back(count);
    }

    async fn answer(&mut self, asked: Heard) -> anyhow::Result<()> {
        match asked {
            Heard::Synced => Ok(()),
            Heard::Ping(ping) => {
                self.writer.pong(&ping);
                self.flush().await
            }
            Heard::Question(state_vector) => {
                lock(&self.unacked.sent).count += 1;
                let answer = self.voice.answer(&state_vector);
                self.send(&answer).await
            }
        }
    }

    async fn send(&mut self, message: &[u8]) -> anyhow::Result<()> {
        add(&self.crowd.measure.bytes_out, message.len() as u64);
        self.writer.feed(message);
        self.flush().await
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        self.writer.flush().await
    }

    pub(crate) async fn close(&mut self) {
        let _ = timeout(CLOSE_TIMEOUT, self.writer.close()).await;
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
fn body(message: &[u8], at: usize) -> anyhow::Result<Bytes> {
    let (length, width) = message.get(at..).and_then(var_uint).context("a message without a body")?;
    let from = at + width;
    let until = from.checked_add(length as usize).filter(|until| *until <= message.len());
    Ok(Bytes::copy_from_slice(&message[from..until.context("a message shorter than it says")?]))
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
