//! A crowd: everybody connects, the load goes on for its time, everybody leaves. What a scenario makes of it is [`crate::scenarios`]'.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::connection::{self, Seat};
use crate::measure::{Measure, get};
use crate::options::{Activity, Common, Plan};
use crate::process::{self, Sample};
use crate::rooms::Rooms;

/// How often the run looks at itself.
const LOOK: Duration = Duration::from_millis(20);
/// The same while everybody comes: what it says is when the last one was there.
const GLANCE: Duration = Duration::from_millis(2);
/// How often it says how it goes, and from when on.
const PROGRESS: Duration = Duration::from_secs(1);
const QUIET: Duration = Duration::from_secs(5);
/// Time between "everybody is here" and the first message, so that the last joiner's work is not in the first figures.
const BREATH: Duration = Duration::from_millis(200);
/// Longest wait for everybody to leave.
const LEAVE: Duration = Duration::from_secs(5);

/// When active clients speak, and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    pub(crate) from: Instant,
    pub(crate) until: Instant,
    /// Zero: as fast as they can.
    pub(crate) period: Duration,
}

/// What the clients of a run share.
pub(crate) struct Crowd {
    pub(crate) plan: Plan,
    pub(crate) rooms: Arc<Rooms>,
    /// Tells this run's markers from older ones.
    pub(crate) tag: u16,
    pub(crate) acks: bool,
    pub(crate) measure: Measure,
    /// Bounds how many connect at the same time.
    pub(crate) doors: Semaphore,
    pub(crate) schedule: watch::Sender<Option<Schedule>>,
    pub(crate) stop: CancellationToken,
    /// State vector that everybody in a room brings; empty where they bring nothing.
    pub(crate) known: Vec<Bytes>,
    /// State vector that the server told last in each room.
    pub(crate) told: Vec<Mutex<Bytes>>,
    started: Instant,
}

/// The server and this process at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) server: Option<Sample>,
    pub(crate) generator: Option<Sample>,
}

impl Moment {
    pub(crate) fn now(common: &Common) -> anyhow::Result<Self> {
        let server =
            |pid: u32| process::sample(pid).with_context(|| format!("--server-pid: no process {pid}; has it ended?"));
        Ok(Self { server: common.server_pid.map(server).transpose()?, generator: process::sample(std::process::id()) })
    }
}

impl Crowd {
    /// A crowd that is not there yet.
    pub(crate) fn new(common: &Common, plan: Plan, rooms: &Arc<Rooms>, known: Vec<Bytes>) -> anyhow::Result<Arc<Self>> {
        plan.check(rooms.urls.len())?;
        Ok(Arc::new(Self {
            tag: rand::random(),
            acks: common.acks,
            measure: Measure::new(),
            doors: Semaphore::new(plan.opening),
            schedule: watch::Sender::new(None),
            stop: CancellationToken::new(),
            known,
            told: rooms.urls.iter().map(|_| Mutex::default()).collect(),
            started: Instant::now(),
            rooms: Arc::clone(rooms),
            plan,
        }))
    }

    /// Everybody who could receive a message that somebody else in the room sent.
    pub(crate) fn receivers(&self) -> u64 {
        self.plan.clients.saturating_sub(1 + self.plan.deaf) as u64
    }

    /// How many deliveries the messages sent so far should become.
    pub(crate) fn owed(&self) -> u64 {
        get(&self.measure.sent) * self.receivers()
    }

    /// Everybody sets out.
    pub(crate) fn set_out(self: &Arc<Self>) -> JoinSet<()> {
        let mut clients = JoinSet::new();
        for seat in self.seats() {
            clients.spawn(connection::run(Arc::clone(self), seat));
        }
        clients
    }

    /// Everybody's place: rooms fill evenly, and active clients are spread over a period.
    fn seats(&self) -> impl Iterator<Item = Seat> {
        let rooms = self.rooms.urls.len();
        let Plan { clients, active, deaf, activity, .. } = self.plan;
        let speakers = (active * rooms).max(1) as f64;
        (0..clients).flat_map(move |index| {
            (0..rooms).map(move |room| {
                let activity = match index {
                    _ if index < active => activity,
                    _ if index >= clients - deaf => Activity::Deaf,
                    _ => Activity::Silent,
                };
                Seat { room, index: index as u16, activity, phase: (index * rooms + room) as f64 / speakers }
            })
        })
    }

    /// Waits until everybody is synced or has failed.
    pub(crate) async fn assemble(&self) -> anyhow::Result<()> {
        let measure = &self.measure;
        let total = (self.plan.clients * self.rooms.urls.len()) as u64;
        let mut next_word = self.started + QUIET;
        loop {
            let (joined, failed) = (get(&measure.joined), get(&measure.failed));
            if joined + failed >= total {
                if joined == 0 {
                    let errors = measure.errors();
                    let first = errors.keys().next().map_or("no reason known", String::as_str);
                    bail!("nobody could join: {first} (Jabiru: --create makes the rooms)");
                }
                return Ok(());
            }
            if Instant::now() >= next_word {
                next_word += PROGRESS;
                say(&format!("{joined} of {total} connections synced, {failed} failed"));
            }
            sleep(GLANCE).await;
        }
    }

    /// One window of load: `rate` messages a second of everybody active, or as fast as they can with 0. Returns its two ends.
    pub(crate) async fn window(&self, common: &Common, rate: f64) -> anyhow::Result<(Moment, Moment)> {
        let from = Instant::now() + BREATH;
        let measured = from + Duration::from_secs_f64(common.warmup);
        let until = measured + Duration::from_secs_f64(common.seconds);
        self.measure.set_window(self.measure.at(measured), self.measure.at(until));
        let period = if rate > 0.0 { Duration::from_secs_f64(1.0 / rate) } else { Duration::ZERO };
        self.schedule.send_replace(Some(Schedule { from, until, period }));
        sleep_until(measured).await;
        let start = Moment::now(common)?;
        self.watch_over(until).await;
        Ok((start, Moment::now(common)?))
    }

    /// Waits for what is still on the way when the writers have stopped; `false` if it did not all come within `longest`.
    pub(crate) async fn drain(&self, longest: Duration) -> bool {
        let until = Instant::now() + longest;
        while get(&self.measure.delivered) < self.owed() {
            if Instant::now() >= until {
                return false;
            }
            sleep(LOOK).await;
        }
        true
    }

    /// Everybody leaves.
    pub(crate) async fn go_home(&self, mut clients: JoinSet<()>) {
        self.stop.cancel();
        let _ = timeout(LEAVE, async { while clients.join_next().await.is_some() {} }).await;
    }

    /// Waits for the end of the window and says how it goes.
    async fn watch_over(&self, until: Instant) {
        let measure = &self.measure;
        let is_intake = self.plan.activity == Activity::Intake;
        let counter = if is_intake { &measure.taken } else { &measure.delivered_in_window };
        let mut before = get(counter);
        loop {
            let next = (Instant::now() + PROGRESS).min(until);
            sleep_until(next).await;
            let count = get(counter);
            if self.started.elapsed() >= QUIET {
                let (what, times) =
                    if is_intake { ("taken", &measure.durable) } else { ("deliveries", &measure.latency) };
                let p99 = times.read().value_at_quantile(0.99) as f64 / 1000.0;
                let (lost, left) = (get(&measure.lost), until.saturating_duration_since(Instant::now()).as_secs());
                let more = count - before;
                say(&format!("{more} {what}/s, p99 {p99:.1} ms so far, {lost} connections lost, {left} s left"));
            }
            if next >= until {
                return;
            }
            before = count;
        }
    }
}

/// A line for whoever waits.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "load: {text}");
}
