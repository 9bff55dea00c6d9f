//! Canvases with one who writes and two who read, and when each update came to whom.
//!
//! The writer has a document of its own and types into a block of the canvas. Readers keep none: they look for the marker each update
//! carries, so what a server merges into one frame still counts one by one (see `benches/load`).

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use jabiru::protocol::{self, ServerMessage};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};
use yrs::updates::decoder::Decode;
use yrs::{Doc, Map, MapRef, OffsetKind, Options, ReadTxn, Text, TextRef, Transact, Update};

use crate::marker::{self, Marker};
use crate::nodes::Cpu;

/// Readers of each canvas.
pub(crate) const READERS: usize = 2;
/// Seconds of a load before it is measured.
const WARM_UP: Duration = Duration::from_secs(1);
/// Between "everybody is here" and the first update.
const BREATH: Duration = Duration::from_millis(100);
/// Longest wait for an update to come to everybody, and for a server's answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// A timer fires up to this late; later than that something held the writer back, and it counts as late.
const TIMER_GRAIN: Duration = Duration::from_millis(2);
/// Milliseconds between two updates of a quiet run: long enough for everything to fall asleep again, and never in step with a timer.
const PAUSE_MS: std::ops::Range<u64> = 3..9;
/// An update without anything: the answer of who has nothing.
const NOTHING: [u8; 2] = [0, 0];

type Socket = WebSocketStream<TcpStream>;

/// How a writer writes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// The next one when everybody has the one before, after a pause.
    Quiet { updates: usize, pauses: u64 },
    /// At a rate, whatever happens.
    Steady { per_second: u16, measured: Duration },
    /// At most so many ahead of the slowest reader.
    Full { ahead: usize, measured: Duration },
}

/// Where the writer and the readers go: an address each, and for each canvas a URL.
pub(crate) struct Stage<'a> {
    pub(crate) addresses: [&'a str; 1 + READERS],
    pub(crate) urls: [Vec<String>; 1 + READERS],
}

/// One update's way, microseconds of the run; 0 is "not yet".
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Way {
    pub(crate) due: u64,
    pub(crate) saved: u64,
    pub(crate) heard: [u64; READERS],
}

/// What a load brought.
pub(crate) struct Run {
    /// Updates due in what is measured.
    pub(crate) ways: Vec<Way>,
    /// Of all updates, those that everybody had within what is measured.
    pub(crate) passed: usize,
    /// All updates.
    pub(crate) sent: usize,
    pub(crate) seconds: f64,
    pub(crate) cpu: Cpu,
    /// Entries written into the bus in the whole run, and times it said that some are lost.
    pub(crate) entries: f64,
    pub(crate) missed: f64,
    /// Bytes the store has more when all canvases are closed and folded.
    pub(crate) stored: f64,
}

/// What is known of a canvas's updates.
struct Canvas {
    began: Instant,
    /// Tells its markers from everything else.
    tag: u16,
    book: Mutex<Book>,
    /// The writer waits for what readers and acks bring.
    news: Notify,
}

#[derive(Default)]
struct Book {
    ways: Vec<Way>,
    saved: usize,
    heard: [usize; READERS],
}

/// The id of a canvas's block.
pub(crate) fn block(index: usize) -> String {
    format!("block_{index:04}")
}

/// Opens the canvases, writes, and waits until everybody has everything. `cpu` is asked where measuring begins and ends.
pub(crate) async fn run(
    stage: &Stage<'_>,
    pace: Pace,
    cpu: impl AsyncFn() -> anyhow::Result<Cpu>,
) -> anyhow::Result<Run> {
    let epoch = Instant::now();
    let (mut canvases, mut people) = (Vec::new(), Vec::new());
    for (index, url) in stage.urls[0].iter().enumerate() {
        let canvas = Arc::new(Canvas { began: epoch, tag: index as u16, book: Mutex::default(), news: Notify::new() });
        let doc = Doc::with_options(Options { offset_kind: OffsetKind::Utf16, ..Options::default() });
        let writer = join(stage.addresses[0], url, Some(&doc)).await?;
        let mut ears = Vec::with_capacity(READERS);
        for reader in 1..=READERS {
            ears.push(join(stage.addresses[reader], &stage.urls[reader][index], None).await?);
        }
        people.push((writer, doc, ears));
        canvases.push(canvas);
    }
    let first = Instant::now() + BREATH;
    let (from, until) = match pace {
        Pace::Quiet { .. } => (first, None),
        Pace::Steady { measured, .. } | Pace::Full { measured, .. } => {
            (first + WARM_UP, Some(first + WARM_UP + measured))
        }
    };
    let (mut readers, mut writers) = (JoinSet::new(), JoinSet::new());
    let count = canvases.len();
    for (index, (socket, doc, ears)) in people.into_iter().enumerate() {
        let canvas = &canvases[index];
        for (ear, socket) in ears.into_iter().enumerate() {
            readers.spawn(read(socket, Arc::clone(canvas), ear));
        }
        // Spread over a period, so that not everybody writes at once.
        let phase = index as f64 / count as f64;
        writers.spawn(write(socket, doc, Arc::clone(canvas), pace, first, until, phase));
    }
    sleep_until(from).await;
    let (before, began) = (cpu().await?, Instant::now());
    if let Some(until) = until {
        sleep_until(until).await;
    } else {
        ended(&mut writers).await?;
    }
    let (cpu, ending) = (cpu().await? - before, Instant::now());
    ended(&mut writers).await?;
    // They only end by failing; then a writer has not got its updates through and has failed too.
    readers.shutdown().await;
    let window = [began, ending].map(|at| micros(epoch, at));
    let is_in = |at: u64| (window[0]..window[1]).contains(&at);
    let mut run = Run {
        ways: Vec::new(),
        passed: 0,
        sent: 0,
        seconds: (ending - began).as_secs_f64(),
        cpu,
        entries: 0.0,
        missed: 0.0,
        stored: 0.0,
    };
    for canvas in &canvases {
        let book = canvas.book();
        run.sent += book.ways.len();
        run.passed += book.ways.iter().filter(|way| is_in(way.heard.into_iter().max().unwrap_or_default())).count();
        run.ways.extend(book.ways.iter().filter(|way| is_in(way.due)));
    }
    Ok(run)
}

async fn ended(writers: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    while let Some(ended) = writers.join_next().await {
        ended??;
    }
    Ok(())
}

impl Canvas {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        micros(self.began, Instant::now())
    }

    /// Waits until everybody has all but the last `ahead` updates.
    async fn until_heard(&self, ahead: usize) -> anyhow::Result<()> {
        let enough = |book: &Book| book.heard.into_iter().all(|heard| heard + ahead >= book.ways.len());
        self.until(enough).await
    }

    async fn until_saved(&self) -> anyhow::Result<()> {
        self.until(|book| book.saved >= book.ways.len()).await
    }

    async fn until(&self, enough: impl Fn(&Book) -> bool) -> anyhow::Result<()> {
        while !enough(&self.book()) {
            if timeout(PATIENCE, self.news.notified()).await.is_err() {
                let Book { ways, saved, heard } = &*self.book();
                bail!(
                    "of {} updates only {saved} are saved and {heard:?} came to readers; no more in {PATIENCE:?}",
                    ways.len()
                );
            }
        }
        Ok(())
    }
}

/// Connects and syncs, as stock clients do; what is on the canvas goes into `doc`.
async fn join(address: &str, url: &str, doc: Option<&Doc>) -> anyhow::Result<Socket> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let (mut socket, _) = client_async(url, tcp).await?;
    socket.send(Message::Binary(protocol::sync_step1(&[0]))).await?;
    let (mut answered, mut synced) = (false, false);
    while !(answered && synced) {
        let message =
            timeout(PATIENCE, socket.next()).await.context("no document")?.context("the server hung up")??;
        match said(message)? {
            Some(ServerMessage::SyncStep1(_)) => {
                socket.send(Message::Binary(protocol::sync_step2(&NOTHING))).await?;
                answered = true;
            }
            Some(ServerMessage::SyncStep2(update)) => {
                if let Some(doc) = doc {
                    doc.transact_mut().apply_update(Update::decode_v1(&update)?)?;
                }
                synced = true;
            }
            _ => {}
        }
    }
    Ok(socket)
}

async fn read(mut socket: Socket, canvas: Arc<Canvas>, ear: usize) -> anyhow::Result<Infallible> {
    loop {
        let Message::Binary(frame) = socket.next().await.context("the server hung up")?? else { continue };
        let now = canvas.now();
        let mut book = canvas.book();
        marker::scan(&frame, |marker| {
            let way = book.ways.get_mut(marker.number as usize).filter(|_| marker.run == canvas.tag);
            if let Some(way) = way
                && way.heard[ear] == 0
            {
                way.heard[ear] = now;
                book.heard[ear] += 1;
            }
        });
        drop(book);
        canvas.news.notify_one();
    }
}

async fn write(
    socket: Socket,
    doc: Doc,
    canvas: Arc<Canvas>,
    pace: Pace,
    first: Instant,
    until: Option<Instant>,
    phase: f64,
) -> anyhow::Result<()> {
    let (sink, stream) = socket.split();
    let mut pen = Pen { text: text(&doc)?, doc, sink, canvas: &canvas };
    tokio::select! {
        ended = pen.write(pace, first, until, phase) => ended,
        ended = hear_acks(stream, &canvas) => ended.map(|never: Infallible| match never {}),
    }
}

async fn hear_acks(mut stream: SplitStream<Socket>, canvas: &Canvas) -> anyhow::Result<Infallible> {
    loop {
        let message = stream.next().await.context("the server hung up")??;
        // The answer to the server's sync step 1 counts as one. `[SYNC-7]`
        if let Some(ServerMessage::Ack(count)) = said(message)? {
            let now = canvas.now();
            let mut book = canvas.book();
            let (already, saved) = (book.saved, (count.saturating_sub(1) as usize).min(book.ways.len()));
            book.ways[already..saved].iter_mut().for_each(|way| way.saved = now);
            book.saved = saved;
            drop(book);
            canvas.news.notify_one();
        }
    }
}

struct Pen<'a> {
    doc: Doc,
    text: TextRef,
    sink: SplitSink<Socket, Message>,
    canvas: &'a Canvas,
}

impl Pen<'_> {
    async fn write(&mut self, pace: Pace, first: Instant, until: Option<Instant>, phase: f64) -> anyhow::Result<()> {
        let canvas = self.canvas;
        sleep_until(first).await;
        let goes_on = |at: Instant| until.is_none_or(|until| at < until);
        match pace {
            Pace::Quiet { updates, pauses } => {
                let mut pauses = StdRng::seed_from_u64(pauses);
                for _ in 0..updates {
                    self.say(Instant::now()).await?;
                    canvas.until_heard(0).await?;
                    canvas.until_saved().await?;
                    sleep(Duration::from_millis(pauses.random_range(PAUSE_MS))).await;
                }
            }
            Pace::Steady { per_second, .. } => {
                let period = Duration::from_secs_f64(1.0 / f64::from(per_second));
                let mut due = first + period.mul_f64(phase);
                while goes_on(due) {
                    sleep_until(due).await;
                    let now = Instant::now();
                    self.say(if now - due <= TIMER_GRAIN { now } else { due }).await?;
                    due += period;
                }
            }
            Pace::Full { ahead, .. } => {
                while goes_on(Instant::now()) {
                    self.say(Instant::now()).await?;
                    canvas.until_heard(ahead - 1).await?;
                }
            }
        }
        canvas.until_heard(0).await?;
        canvas.until_saved().await
    }

    /// Types the next marker.
    async fn say(&mut self, due: Instant) -> anyhow::Result<()> {
        let due = micros(self.canvas.began, due);
        let number = {
            let ways = &mut self.canvas.book().ways;
            ways.push(Way { due, ..Way::default() });
            ways.len() - 1
        };
        let marker = Marker { run: self.canvas.tag, seat: 0, number: number as u32, due };
        let update = {
            let mut txn = self.doc.transact_mut();
            self.text.push(&mut txn, &marker.to_string());
            protocol::update(&txn.encode_update_v1())
        };
        Ok(self.sink.send(Message::Binary(update)).await?)
    }
}

/// The text of the canvas's first block.
fn text(doc: &Doc) -> anyhow::Result<TextRef> {
    let txn = doc.transact();
    let find = || {
        let blocks = txn.get_map("blocks")?;
        let block: MapRef = blocks.get(&txn, &block(0))?.cast().ok()?;
        let content: MapRef = block.get(&txn, "content")?.cast().ok()?;
        content.get(&txn, "text")?.cast().ok()
    };
    find().context("the canvas has no text to type into")
}

/// What a message says; `None` if it is no frame of the protocol.
fn said(message: Message) -> anyhow::Result<Option<ServerMessage>> {
    match message {
        Message::Binary(frame) => match decode(&frame)? {
            ServerMessage::Refused(reason) => bail!("refused: {reason}"),
            said => Ok(Some(said)),
        },
        Message::Close(frame) => bail!("closed by the server: {frame:?}"),
        _ => Ok(None),
    }
}

fn decode(frame: &Bytes) -> anyhow::Result<ServerMessage> {
    protocol::server_message::decode(frame).map_err(|refusal| anyhow::anyhow!("a frame that cannot be read: {refusal}"))
}

fn micros(from: Instant, at: Instant) -> u64 {
    at.saturating_duration_since(from).as_micros() as u64
}
