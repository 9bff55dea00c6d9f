//! What each scenario does with its crowd.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::connection::{self, Ear, Mouth, Seat};
use crate::crowd::{Crowd, Moment, say};
use crate::document::Document;
use crate::measure::{add, lock};
use crate::options::{Activity, Common, DocumentArgs, Plan, Scenario};
use crate::process;
use crate::report::{Circumstances, Filled, Report, Step};
use crate::rooms::Rooms;

/// Longest wait for what is still on the way when the writers have stopped.
const DRAIN: Duration = Duration::from_secs(5);
/// The same between two steps of `saturate`: a backlog would be the next step's latency.
const LONG_DRAIN: Duration = Duration::from_secs(20);
/// A step of `saturate` holds only if this part of what was due arrived.
const ARRIVED: f64 = 0.99;
/// Fewest updates a second of a writer that `saturate` tries.
const SLOWEST: f64 = 0.1;
/// Most updates a second of a writer that `saturate` tries: a timer's grain is a millisecond.
const FASTEST: f64 = 10_000.0;
/// Time between the last of many clients leaving and the next thing measured.
const PAUSE: Duration = Duration::from_millis(200);

/// Runs a scenario.
pub(crate) async fn run(common: &Common, scenario: &Scenario, rooms: &Arc<Rooms>) -> anyhow::Result<Report> {
    match scenario {
        Scenario::Fanout { clients, writers, rate, padding } => {
            let plan = Plan::speaking("fanout", (*clients, *writers), (Activity::Updates, *rate), common);
            window(common, Plan { padding: *padding, ..plan }, rooms).await
        }
        Scenario::Slow { clients, writers, rate, padding, percent } => {
            let plan = Plan::speaking("slow", (*clients, *writers), (Activity::Updates, *rate), common);
            let deaf = clients * percent / 100;
            window(common, Plan { padding: *padding, deaf, ..plan }, rooms).await
        }
        Scenario::Presence { clients, movers, rate } => {
            let active = movers.unwrap_or(*clients);
            let plan = Plan::speaking("presence", (*clients, active), (Activity::Cursors, *rate), common);
            window(common, plan, rooms).await
        }
        Scenario::Idle { clients, presence: false } => {
            window(common, Plan::silent("idle", *clients, common), rooms).await
        }
        Scenario::Idle { clients, presence: true } => {
            let plan = Plan::speaking("idle", (*clients, *clients), (Activity::Renewals, 1.0 / 15.0), common);
            window(common, plan, rooms).await
        }
        Scenario::Intake { writers, window: in_flight } => {
            let plan = Plan::speaking("intake", (*writers, *writers), (Activity::Intake, 0.0), common);
            window(common, Plan { window: *in_flight, ..plan }, rooms).await
        }
        Scenario::Saturate { clients, writers, from_rate, limit_ms, refine } => {
            let plan = Plan::speaking("saturate", (*clients, *writers), (Activity::Updates, *from_rate), common);
            saturate(common, plan, rooms, *limit_ms, *refine).await
        }
        Scenario::Storm { clients, preload, fresh } => {
            let plan = Plan::silent("storm", *clients, common).at_once(common);
            storm(common, plan, rooms, *preload, *fresh).await
        }
        Scenario::ColdOpen { document, unload_seconds, filled, expect_bytes } => {
            let wait = Duration::from_secs_f64(*unload_seconds);
            cold_open(common, rooms, (!filled).then_some((document, wait)), *expect_bytes).await
        }
        Scenario::BigJoin { clients, document } => {
            let plan = Plan::silent("big-join", *clients, common).at_once(common);
            big_join(common, plan, rooms, &document.clone().into()).await
        }
        Scenario::Fill { document } => {
            let (crowd, before) = (writers("fill", common, rooms)?, look(common)?);
            let filled = fill(&crowd, document).await?;
            let filled_at = Moment::now(common)?;
            let mut report =
                Report::of(common, &crowd, &Circumstances::of(filled.seconds, before.clone(), before, filled_at));
            report.filled = Some(filled);
            Ok(report)
        }
    }
}

/// The server before anything is asked of it.
fn look(common: &Common) -> anyhow::Result<Moment> {
    if let Some(pid) = common.server_pid {
        process::forget_peak(pid);
    }
    Moment::now(common)
}

/// A crowd that stays, speaks for its time, and goes.
async fn window(common: &Common, plan: Plan, rooms: &Arc<Rooms>) -> anyhow::Result<Report> {
    let rate = plan.rate;
    let before = look(common)?;
    let crowd = Crowd::new(common, plan, rooms, Vec::new())?;
    let clients = crowd.set_out();
    crowd.assemble().await?;
    let (start, end) = crowd.window(common, rate).await?;
    if crowd.plan.activity == Activity::Updates {
        crowd.drain(DRAIN).await;
    }
    let report = Report::of(common, &crowd, &Circumstances::of(common.seconds, before, start, end));
    crowd.go_home(clients).await;
    Ok(report)
}

/// One crowd, window after window, faster until it is too much, then between.
async fn saturate(
    common: &Common,
    plan: Plan,
    rooms: &Arc<Rooms>,
    limit_ms: f64,
    refine: u32,
) -> anyhow::Result<Report> {
    let mut rate = plan.rate;
    let before = look(common)?;
    let crowd = Crowd::new(common, plan, rooms, Vec::new())?;
    let clients = crowd.set_out();
    crowd.assemble().await?;
    let (mut best, mut steps): (Option<Report>, Vec<Step>) = (None, Vec::new());
    let (mut held, mut failed) = (None, None);
    let mut left = refine;
    let stopped = loop {
        crowd.measure.clear_traffic();
        if let Err(error) = crowd.plan.at(rate).check(rooms.urls.len()) {
            break format!("the generator's own bound: {error}");
        }
        let (start, end) = crowd.window(common, rate).await?;
        let is_drained = crowd.drain(LONG_DRAIN).await;
        let mut report = Report::of(common, &crowd, &Circumstances::of(common.seconds, before.clone(), start, end));
        report.rate_per_second = rate;
        let step = report.step(rate, limit_ms, ARRIVED);
        say(&step.to_string());
        let holds = step.holds;
        steps.push(step);
        if holds {
            held = Some(rate);
            best = Some(report);
        } else {
            failed = Some(rate);
            best = best.or(Some(report));
        }
        if !is_drained {
            break format!("what was sent did not all arrive within {} s", LONG_DRAIN.as_secs());
        }
        rate = match (held, failed) {
            (Some(held), Some(failed)) if left > 0 => {
                left -= 1;
                f64::sqrt(held * failed)
            }
            (Some(held), None) if held < FASTEST => held * 2.0,
            (None, Some(failed)) if failed > SLOWEST => failed / 2.0,
            (Some(_), None) => break "the fastest a writer of the generator can be".to_owned(),
            _ => break format!("p99 of {limit_ms} ms"),
        };
    };
    crowd.go_home(clients).await;
    let mut report = best.context("no step was run")?;
    report.saturate(steps, stopped, limit_ms);
    Ok(report)
}

/// Everybody is there, loses the connection, and comes back at once.
async fn storm(
    common: &Common,
    plan: Plan,
    rooms: &Arc<Rooms>,
    preload: u32,
    is_fresh: bool,
) -> anyhow::Result<Report> {
    let before = look(common)?;
    if preload > 0 {
        let size = DocumentArgs { ops: preload, blocks: 1, updates: preload, chars: 1 };
        fill(&writers("storm", common, rooms)?, &size).await.context("--preload")?;
    }
    // Coming the first time is not what is measured.
    let first = Crowd::new(common, Plan::silent(plan.name, plan.clients, common), rooms, Vec::new())?;
    let mut clients = first.set_out();
    first.assemble().await?;
    let known = if is_fresh { Vec::new() } else { first.told.iter().map(|told| lock(told).clone()).collect() };
    let crowd = Crowd::new(common, plan, rooms, known)?;
    let start = Moment::now(common)?;
    // Nobody says goodbye.
    clients.abort_all();
    let clients = crowd.set_out();
    crowd.assemble().await?;
    let report = Report::of(common, &crowd, &Circumstances::of_joining(&crowd, before, start, Moment::now(common)?));
    crowd.go_home(clients).await;
    Ok(report)
}

/// A document is written in each room and forgotten by the server; then each room is opened by one client.
async fn cold_open(
    common: &Common,
    rooms: &Arc<Rooms>,
    first: Option<(&DocumentArgs, Duration)>,
    expect_bytes: Option<u64>,
) -> anyhow::Result<Report> {
    let before = look(common)?;
    let mut filled = None;
    if let Some((size, wait)) = first {
        filled = Some(fill(&writers("cold-open", common, rooms)?, size).await?);
        say(&format!("everybody has left; opening in {} s", wait.as_secs_f64()));
        sleep(wait).await;
    }
    let document = expect_bytes.or(filled.as_ref().map(|filled| filled.bytes as u64 / 2)).unwrap_or_default();
    let plan = Plan { document, ..Plan::silent("cold-open", 1, common) };
    let crowd = Crowd::new(common, plan, rooms, Vec::new())?;
    let measure = &crowd.measure;
    let start = Moment::now(common)?;
    let mut opening = Duration::ZERO;
    for room in 0..rooms.urls.len() {
        let began = Instant::now();
        match connection::join(&crowd, seat(room, Activity::Silent)).await {
            Ok((_ear, mut mouth)) => {
                measure.joining.record(began.elapsed().as_micros() as u64);
                opening += began.elapsed();
                add(&measure.joined, 1);
                mouth.close().await;
            }
            Err(error) => {
                add(&measure.failed, 1);
                measure.error(&format!("{error:#}"));
            }
        }
        sleep(PAUSE).await;
    }
    let end = Moment::now(common)?;
    let mut report = Report::of(common, &crowd, &Circumstances::of(opening.as_secs_f64(), before, start, end));
    report.filled = filled;
    Ok(report)
}

/// One writes a large document and stays; many open it at once.
async fn big_join(common: &Common, plan: Plan, rooms: &Arc<Rooms>, size: &DocumentArgs) -> anyhow::Result<Report> {
    let writing = writers(plan.name, common, rooms)?;
    let document = Document::write(size);
    let mut writers = JoinSet::new();
    let began = Instant::now();
    for room in 0..rooms.urls.len() {
        let (ear, mouth) = fill_room(&writing, room, &document).await?;
        let writing = Arc::clone(&writing);
        writers.spawn(async move { drop(connection::live(&writing, ear, mouth).await) });
    }
    let filled = Filled::of(size, &document, rooms.urls.len(), began.elapsed());
    sleep(PAUSE).await;
    let before = look(common)?;
    let crowd = Crowd::new(common, plan, rooms, Vec::new())?;
    let clients = crowd.set_out();
    crowd.assemble().await?;
    let end = Moment::now(common)?;
    let mut report = Report::of(common, &crowd, &Circumstances::of_joining(&crowd, before.clone(), before, end));
    report.filled = Some(filled);
    crowd.go_home(clients).await;
    writing.go_home(writers).await;
    Ok(report)
}

/// One writer for each room, who acts when told.
fn writers(name: &'static str, common: &Common, rooms: &Arc<Rooms>) -> anyhow::Result<Arc<Crowd>> {
    Crowd::new(common, Plan::silent(name, 1, common), rooms, Vec::new())
}

fn seat(room: usize, activity: Activity) -> Seat {
    Seat { room, index: u16::MAX, activity, phase: 0.0 }
}

/// Writes a document into every room, one after the other, and leaves.
async fn fill(crowd: &Arc<Crowd>, size: &DocumentArgs) -> anyhow::Result<Filled> {
    let document = Document::write(size);
    let mut took = Duration::ZERO;
    let rooms = crowd.rooms.urls.len();
    for room in 0..rooms {
        let began = Instant::now();
        let (_ear, mut mouth) = fill_room(crowd, room, &document).await?;
        took += began.elapsed();
        mouth.close().await;
        add(&crowd.measure.joined, 1);
    }
    Ok(Filled::of(size, &document, rooms, took))
}

async fn fill_room(crowd: &Arc<Crowd>, room: usize, document: &Document) -> anyhow::Result<(Ear, Mouth)> {
    let (mut ear, mut mouth) = connection::join(crowd, seat(room, Activity::Intake)).await?;
    let updates = document.updates.iter().map(Bytes::clone);
    connection::fill(&mut ear, &mut mouth, updates, &document.state_vector).await?;
    Ok((ear, mouth))
}
