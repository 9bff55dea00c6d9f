//! A run: everybody connects, the load goes on for its time, everybody leaves.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::connection::{self, Seat};
use crate::measure::{Measure, add, get};
use crate::options::{Activity, Common, Plan};
use crate::process;
use crate::report::{Circumstances, Cost, Report};
use crate::rooms::Rooms;

/// How often the run looks at itself.
const LOOK: Duration = Duration::from_millis(20);
/// How often it says how it goes, and from when on.
const PROGRESS: Duration = Duration::from_secs(1);
const QUIET: Duration = Duration::from_secs(5);
/// Time between "everybody is here" and the first message, so that the last joiner's work is not in the first figures.
const BREATH: Duration = Duration::from_millis(200);
/// Longest wait for what is still on the way when the writers have stopped.
const DRAIN: Duration = Duration::from_secs(5);
/// Longest wait for everybody to leave.
const LEAVE: Duration = Duration::from_secs(5);

/// When active clients speak.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    pub(crate) from: Instant,
    pub(crate) until: Instant,
}

/// What the clients of a run share.
pub(crate) struct Crowd {
    pub(crate) plan: Plan,
    pub(crate) address: SocketAddr,
    pub(crate) urls: Vec<String>,
    /// Tells this run's markers from older ones.
    pub(crate) tag: u16,
    pub(crate) acks: bool,
    pub(crate) measure: Measure,
    /// Bounds how many connect at the same time.
    pub(crate) doors: Semaphore,
    pub(crate) schedule: watch::Sender<Option<Schedule>>,
    pub(crate) stop: CancellationToken,
    /// Messages of the window sent in each room.
    sent_in: Vec<AtomicU64>,
    started: Instant,
}

impl Crowd {
    pub(crate) fn sent(&self, room: usize) {
        add(&self.measure.sent, 1);
        add(&self.sent_in[room], 1);
    }

    /// How many deliveries the messages sent so far should become: one for everybody else in the room.
    fn owed(&self) -> u64 {
        let others = self.plan.clients.saturating_sub(1) as u64;
        self.sent_in.iter().map(|sent| get(sent) * others).sum()
    }
}

/// Runs the plan.
pub(crate) async fn run(common: &Common, plan: Plan, rooms: &Rooms) -> anyhow::Result<Report> {
    plan.check_rooms(rooms.urls.len())?;
    let total = (plan.clients * rooms.urls.len()) as u64;
    let crowd = Arc::new(Crowd {
        address: rooms.address,
        urls: rooms.urls.iter().map(ToString::to_string).collect(),
        tag: rand::random(),
        acks: common.acks,
        measure: Measure::new(),
        doors: Semaphore::new(plan.opening),
        schedule: watch::Sender::new(None),
        stop: CancellationToken::new(),
        sent_in: rooms.urls.iter().map(|_| AtomicU64::new(0)).collect(),
        started: Instant::now(),
        plan,
    });
    for room in 0..crowd.urls.len() {
        if crowd.plan.preload > 0 {
            connection::preload(&crowd, room, crowd.plan.preload).await.context("--preload")?;
        }
    }
    let server =
        || common.server_pid.map(|pid| process::sample(pid).with_context(|| format!("--server-pid: no process {pid}")));
    let before = server().transpose()?;
    // Of a storm of joins the storm itself is measured, of everything else the window.
    let (mut cost, mut own) = (Cost::new(before), Cost::new(process::sample(std::process::id())));
    let opened = Instant::now();
    let mut clients = JoinSet::new();
    for seat in seats(&crowd.plan, crowd.urls.len()) {
        clients.spawn(connection::run(Arc::clone(&crowd), seat));
    }
    assemble(&crowd, total).await?;
    let assembled = Instant::now();
    let mut seconds = (assembled - opened).as_secs_f64();
    if crowd.plan.name != "joins" {
        seconds = common.seconds;
        let from = Instant::now() + BREATH;
        let measured = from + Duration::from_secs_f64(common.warmup);
        let until = measured + Duration::from_secs_f64(common.seconds);
        crowd.measure.set_window(crowd.measure.at(measured), crowd.measure.at(until));
        crowd.schedule.send_replace(Some(Schedule { from, until }));
        sleep_until(measured).await;
        cost = Cost::new(server().transpose()?);
        own = Cost::new(process::sample(std::process::id()));
        watch_over(&crowd, until).await;
    }
    cost.end(server().transpose()?);
    own.end(process::sample(std::process::id()));
    if crowd.plan.activity == Activity::Updates {
        let drained = Instant::now() + DRAIN;
        while get(&crowd.measure.delivered) < crowd.owed() && Instant::now() < drained {
            sleep(LOOK).await;
        }
    }
    crowd.stop.cancel();
    let _ = timeout(LEAVE, async { while clients.join_next().await.is_some() {} }).await;
    let run = Circumstances {
        rooms: crowd.urls.len(),
        opened: crowd.measure.at(opened),
        seconds,
        owed: crowd.owed(),
        before,
        server: cost,
        generator: own,
    };
    Ok(Report::of(common, &crowd.plan, &crowd.measure, &run))
}

/// Everybody's place: rooms fill evenly, and active clients are spread over a period.
fn seats(plan: &Plan, rooms: usize) -> impl Iterator<Item = Seat> {
    let speakers = (plan.active * rooms).max(1) as f64;
    let (clients, active, activity) = (plan.clients, plan.active, plan.activity);
    (0..clients).flat_map(move |index| {
        (0..rooms).map(move |room| {
            let activity = if index < active { activity } else { Activity::Silent };
            Seat { room, index: index as u16, activity, phase: (index * rooms + room) as f64 / speakers }
        })
    })
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "load: {text}");
}

/// Waits until everybody is synced or has failed.
async fn assemble(crowd: &Crowd, total: u64) -> anyhow::Result<()> {
    let measure = &crowd.measure;
    let mut next_word = crowd.started + QUIET;
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
        sleep(LOOK).await;
    }
}

/// Waits for the end of the window and says how it goes.
async fn watch_over(crowd: &Crowd, until: Instant) {
    let measure = &crowd.measure;
    let mut before = get(&measure.delivered_in_window);
    loop {
        let next = (Instant::now() + PROGRESS).min(until);
        sleep_until(next).await;
        let delivered = get(&measure.delivered_in_window);
        if crowd.started.elapsed() >= QUIET {
            let p99 = measure.latency.read().value_at_quantile(0.99) as f64 / 1000.0;
            let (lost, left) = (get(&measure.lost), until.saturating_duration_since(Instant::now()).as_secs());
            let more = delivered - before;
            say(&format!("{more} deliveries/s, p99 {p99:.1} ms so far, {lost} connections lost, {left} s left"));
        }
        if next >= until {
            return;
        }
        before = delivered;
    }
}
