//! What a run found. The same figures as a table for people and as JSON for programs.
//!
//! # Units
//! Latency in milliseconds, from when a message was due to when a receiver had read it. A *delivery* is one message at one receiver.
//! Bytes are WebSocket payloads of the whole run, without frame headers. CPU time is of the measured window (where there is none: of
//! the joins or the writing); memory is resident set size, and its peak that since the run began.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::crowd::{Crowd, Moment};
use crate::document::Document;
use crate::measure::{Measure, Times, get};
use crate::options::{Activity, Common, DocumentArgs};

/// Cores of a thread of the generator above which its figures are about itself.
const NEARLY_ALL: f64 = 0.9;

/// See the module docs.
#[derive(Serialize)]
pub(crate) struct Report {
    scenario: &'static str,
    url: String,
    rooms: usize,
    clients_per_room: usize,
    active_per_room: usize,
    /// Clients of each room that stop reading.
    slow_per_room: usize,
    pub(crate) rate_per_second: f64,
    seconds: f64,
    connections: Connections,
    traffic: Option<Traffic>,
    saturation: Option<Saturation>,
    intake: Option<Intake>,
    pub(crate) filled: Option<Filled>,
    /// From an update to its ack.
    durable_ms: Option<Quantiles>,
    bytes_in: u64,
    bytes_out: u64,
    server: Option<Server>,
    generator_cpu_cores: Option<f64>,
    generator_threads: usize,
    errors: BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct Connections {
    wanted: u64,
    synced: u64,
    failed: u64,
    lost: u64,
    /// From the first connect to the last document.
    all_synced_ms: f64,
    /// Of one client, from its connect to its document.
    synced_ms: Option<Quantiles>,
}

#[derive(Serialize)]
struct Traffic {
    sent: u64,
    /// Due, but the server took earlier ones so slowly that the window was over.
    unsent: u64,
    sent_per_second: f64,
    delivered_per_second: f64,
    delivered: u64,
    /// Updates only: a cursor that was superseded on the way is not owed to anybody.
    expected: Option<u64>,
    missing: Option<u64>,
    duplicates: u64,
    /// Frames with at least one new message that one client received, a second.
    frames_per_client_second: f64,
    /// Messages in such a frame.
    messages_per_frame: f64,
    latency_ms: Option<Quantiles>,
}

/// What `saturate` found; the rest of its report is of the best step.
#[derive(Serialize)]
struct Saturation {
    /// Most deliveries a second of a step that held; nothing if none did.
    best: Option<f64>,
    limit_ms: f64,
    /// What ended the search.
    stopped: String,
    /// The generator used nearly all it may use in the step that failed: a faster one might find more.
    is_generator_bound: bool,
    steps: Vec<Step>,
}

/// One step of it.
#[derive(Serialize)]
pub(crate) struct Step {
    /// Updates a second of each writer.
    rate: f64,
    delivered_per_second: f64,
    p99_ms: f64,
    /// Part of what was due that arrived.
    arrived: f64,
    server_cpu_cores: Option<f64>,
    generator_cpu_cores: Option<f64>,
    pub(crate) holds: bool,
}

#[derive(Serialize)]
struct Intake {
    taken: u64,
    taken_per_second: f64,
    /// By acks, which say durable; otherwise the server has answered a question that came after them.
    are_durable: bool,
}

/// What was written into the rooms first.
#[derive(Serialize)]
pub(crate) struct Filled {
    rooms: usize,
    ops: u32,
    blocks: u32,
    updates: u32,
    /// The document as one update, bytes.
    pub(crate) bytes: usize,
    /// Writing all of them, one after the other.
    pub(crate) seconds: f64,
    updates_per_second: f64,
}

#[derive(Serialize)]
struct Server {
    cpu_seconds: f64,
    /// Before what is measured: everybody's joining, what was written first, the warm-up.
    cpu_seconds_before: f64,
    /// Part of it spent in the kernel.
    system_share: Option<f64>,
    cpu_cores: f64,
    deliveries_per_cpu_second: Option<f64>,
    cpu_seconds_per_million_deliveries: Option<f64>,
    cpu_ms_per_client_second: f64,
    rss_before: u64,
    rss_end: u64,
    rss_peak: u64,
    /// What the run added, shared by its connections: rooms and documents included.
    rss_per_connection: f64,
}

#[derive(Serialize)]
struct Quantiles {
    p50: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

impl Quantiles {
    fn of(times: &Times) -> Option<Self> {
        let histogram: &Histogram<u64> = &times.read();
        let ms = |micros: u64| micros as f64 / 1000.0;
        (!histogram.is_empty()).then(|| Self {
            p50: ms(histogram.value_at_quantile(0.5)),
            p99: ms(histogram.value_at_quantile(0.99)),
            p999: ms(histogram.value_at_quantile(0.999)),
            max: ms(histogram.max()),
        })
    }
}

/// What of a run is not in its [`Measure`].
pub(crate) struct Circumstances {
    /// When the first connection was opened, microseconds of the run.
    opened: u64,
    /// What was measured, seconds.
    seconds: f64,
    /// Before anybody connected.
    before: Moment,
    /// Of what is measured.
    start: Moment,
    end: Moment,
}

impl Circumstances {
    /// A window of `seconds`.
    pub(crate) fn of(seconds: f64, before: Moment, start: Moment, end: Moment) -> Self {
        Self { opened: 0, seconds, before, start, end }
    }

    /// Of everybody joining, which is over.
    pub(crate) fn of_joining(crowd: &Crowd, before: Moment, start: Moment, end: Moment) -> Self {
        Self { seconds: get(&crowd.measure.last_joined) as f64 / 1e6, ..Self::of(0.0, before, start, end) }
    }

    /// CPU time the generator itself took for what is measured, seconds.
    fn generator_cpu(&self) -> Option<f64> {
        Some(self.end.generator.as_ref()?.cpu_since(self.start.generator.as_ref()?))
    }
}

impl Report {
    pub(crate) fn of(common: &Common, crowd: &Crowd, run: &Circumstances) -> Self {
        let Crowd { plan, measure, rooms, .. } = crowd;
        let seconds = run.seconds;
        let generator = run.generator_cpu();
        Self {
            scenario: plan.name,
            // Without the query: it may carry a token.
            url: common.url.split('?').next().unwrap_or_default().to_owned(),
            rooms: rooms.urls.len(),
            clients_per_room: plan.clients,
            active_per_room: plan.active,
            slow_per_room: plan.deaf,
            rate_per_second: plan.rate,
            seconds,
            connections: Connections {
                wanted: (rooms.urls.len() * plan.clients) as u64,
                synced: get(&measure.joined),
                failed: get(&measure.failed),
                lost: get(&measure.lost),
                all_synced_ms: get(&measure.last_joined).saturating_sub(run.opened) as f64 / 1000.0,
                synced_ms: Quantiles::of(&measure.joining),
            },
            traffic: matches!(plan.activity, Activity::Updates | Activity::Cursors).then(|| Traffic::of(crowd, run)),
            saturation: None,
            intake: (plan.activity == Activity::Intake).then(|| {
                let taken = get(&measure.taken);
                Intake { taken, taken_per_second: taken as f64 / seconds, are_durable: common.acks }
            }),
            filled: None,
            durable_ms: common.acks.then(|| Quantiles::of(&measure.durable)).flatten(),
            bytes_in: get(&measure.bytes_in),
            bytes_out: get(&measure.bytes_out),
            server: Server::of(measure, run),
            generator_cpu_cores: generator.map(|cpu| cpu / seconds),
            generator_threads: common.threads,
            errors: measure.errors(),
        }
    }

    /// This window as a step of a search: whether the latency's p99 stayed below `limit_ms` and `arrived` of what was due came.
    pub(crate) fn step(&self, rate: f64, limit_ms: f64, arrived: f64) -> Step {
        let traffic = self.traffic.as_ref();
        let latency = traffic.and_then(|traffic| traffic.latency_ms.as_ref());
        let p99_ms = latency.map_or(f64::MAX, |latency| latency.p99);
        let share = traffic.map_or(0.0, |traffic| {
            let due = (traffic.sent + traffic.unsent) as f64;
            let owed = traffic.expected.unwrap_or_default() as f64 * (due / traffic.sent.max(1) as f64);
            traffic.delivered as f64 / owed.max(1.0)
        });
        Step {
            rate,
            delivered_per_second: traffic.map_or(0.0, |traffic| traffic.delivered_per_second),
            p99_ms,
            arrived: share,
            server_cpu_cores: self.server.as_ref().map(|server| server.cpu_cores),
            generator_cpu_cores: self.generator_cpu_cores,
            holds: p99_ms < limit_ms && share >= arrived,
        }
    }

    /// Adds what a search found.
    pub(crate) fn saturate(&mut self, steps: Vec<Step>, stopped: String, limit_ms: f64) {
        let held = steps.iter().filter(|step| step.holds).map(|step| step.delivered_per_second);
        let nearly_all = NEARLY_ALL * self.generator_threads as f64;
        let failed = steps.iter().filter(|step| !step.holds);
        let is_generator_bound = failed.filter_map(|step| step.generator_cpu_cores).any(|cores| cores > nearly_all);
        self.saturation =
            Some(Saturation { best: held.reduce(f64::max), limit_ms, stopped, is_generator_bound, steps });
    }
}

impl Filled {
    pub(crate) fn of(size: &DocumentArgs, document: &Document, rooms: usize, took: Duration) -> Self {
        let DocumentArgs { ops, blocks, updates, .. } = *size;
        let seconds = took.as_secs_f64();
        let updates_per_second = rooms as f64 * f64::from(updates) / seconds;
        Self { rooms, ops, blocks, updates, bytes: document.bytes, seconds, updates_per_second }
    }
}

impl Traffic {
    fn of(crowd: &Crowd, run: &Circumstances) -> Self {
        let measure = &crowd.measure;
        let (sent, delivered, in_window) =
            (get(&measure.sent), get(&measure.delivered), get(&measure.delivered_in_window));
        let frames = get(&measure.frames) as f64;
        let expected = (crowd.plan.activity == Activity::Updates).then(|| crowd.owed());
        let receivers = (crowd.rooms.urls.len() * (crowd.plan.clients - crowd.plan.deaf)).max(1) as f64;
        Self {
            sent,
            unsent: get(&measure.unsent),
            sent_per_second: sent as f64 / run.seconds,
            delivered_per_second: in_window as f64 / run.seconds,
            delivered,
            expected,
            missing: expected.map(|expected| expected.saturating_sub(delivered)),
            duplicates: get(&measure.duplicates),
            frames_per_client_second: frames / run.seconds / receivers,
            messages_per_frame: in_window as f64 / frames.max(1.0),
            latency_ms: Quantiles::of(&measure.latency),
        }
    }
}

impl Server {
    fn of(measure: &Measure, run: &Circumstances) -> Option<Self> {
        let (before, start, end) = (run.before.server.as_ref()?, run.start.server.as_ref()?, run.end.server.as_ref()?);
        let cpu_seconds = end.cpu_since(start);
        let system_seconds = end.system_seconds - start.system_seconds;
        let (delivered, joined) = (get(&measure.delivered_in_window) as f64, get(&measure.joined).max(1) as f64);
        let rate = (delivered > 0.0 && cpu_seconds > 0.0).then(|| delivered / cpu_seconds);
        Some(Self {
            cpu_seconds,
            cpu_seconds_before: start.cpu_since(before),
            system_share: (cpu_seconds > 0.0).then(|| system_seconds / cpu_seconds),
            cpu_cores: cpu_seconds / run.seconds,
            deliveries_per_cpu_second: rate,
            cpu_seconds_per_million_deliveries: rate.map(|rate| 1e6 / rate),
            cpu_ms_per_client_second: cpu_seconds * 1000.0 / run.seconds / joined,
            rss_before: before.rss,
            rss_end: end.rss,
            rss_peak: end.peak_rss,
            rss_per_connection: end.rss.saturating_sub(before.rss) as f64 / joined,
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rate, delivered_per_second, p99_ms, arrived, holds, .. } = self;
        let verdict = if *holds { "holds" } else { "too much" };
        let late = if *p99_ms >= f64::MAX { "nothing arrived".to_owned() } else { format!("p99 {p99_ms:.1} ms") };
        write!(
            f,
            "{rate:.1}/s each: {delivered_per_second:.0} deliveries/s, {late}, {:.1} % arrived",
            arrived * 100.0
        )?;
        if let (Some(server), Some(generator)) = (self.server_cpu_cores, self.generator_cpu_cores) {
            write!(f, ", server {server:.2} cores, generator {generator:.2}")?;
        }
        write!(f, ": {verdict}")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, rooms, clients_per_room, active_per_room, rate_per_second, seconds, .. } = self;
        write!(f, "{scenario}: {rooms} rooms × {clients_per_room} clients")?;
        if self.traffic.is_some() {
            write!(f, ", {active_per_room} of them at {rate_per_second:.1}/s each")?;
        }
        if self.slow_per_room > 0 {
            write!(f, ", {} not reading", self.slow_per_room)?;
        }
        writeln!(f, ", {seconds:.1} s")?;
        let Connections { wanted, synced, failed, lost, all_synced_ms, synced_ms } = &self.connections;
        row(f, "connections", &format!("{synced} of {wanted} synced, {failed} failed, {lost} lost later"))?;
        if *all_synced_ms > 0.0 {
            row(f, "all synced", &format!("after {all_synced_ms:.0} ms"))?;
        }
        times(f, "one synced", synced_ms.as_ref())?;
        if let Some(Filled { rooms, ops, blocks, updates, bytes, seconds, updates_per_second }) = &self.filled {
            let each = format!("{ops} edits on {blocks} blocks in {updates} updates, {}", size(*bytes as f64));
            row(f, "written", &format!("{rooms} × {each}; {seconds:.2} s, {updates_per_second:.0} updates/s"))?;
        }
        if let Some(Saturation { best, limit_ms, stopped, is_generator_bound, steps }) = &self.saturation {
            for step in steps {
                row(f, "step", &step.to_string())?;
            }
            let best = best.map_or("no step held".to_owned(), |best| format!("{best:.0} deliveries/s"));
            let bound = if *is_generator_bound { "; the generator was at its own limit" } else { "" };
            row(f, "most", &format!("{best} with p99 < {limit_ms} ms; ended by {stopped}{bound}"))?;
        }
        if let Some(Intake { taken, taken_per_second, are_durable }) = &self.intake {
            let durable = if *are_durable { "durable" } else { "answered for" };
            row(f, "taken", &format!("{taken_per_second:.0} updates/s {durable}; {taken}"))?;
        }
        if let Some(traffic) = &self.traffic {
            let Traffic { sent, sent_per_second, delivered, delivered_per_second, duplicates, .. } = traffic;
            let unsent = if traffic.unsent > 0 { format!("; {} held back", traffic.unsent) } else { String::new() };
            row(f, "sent", &format!("{sent}, {sent_per_second:.0}/s{unsent}"))?;
            let owed = match (traffic.expected, traffic.missing) {
                (Some(expected), Some(missing)) => format!(" of {expected}, {missing} missing, {duplicates} twice"),
                _ => String::new(),
            };
            row(f, "delivered", &format!("{delivered_per_second:.0}/s; {delivered}{owed}"))?;
            let Traffic { frames_per_client_second, messages_per_frame, latency_ms, .. } = traffic;
            let text =
                format!("{frames_per_client_second:.1}/s to each client, {messages_per_frame:.1} messages in each");
            row(f, "frames", &text)?;
            times(f, "latency", latency_ms.as_ref())?;
        }
        times(f, "durable", self.durable_ms.as_ref())?;
        row(f, "bytes", &format!("{} in, {} out", size(self.bytes_in as f64), size(self.bytes_out as f64)))?;
        if let Some(server) = &self.server {
            let Server { cpu_seconds, cpu_cores, cpu_ms_per_client_second, rss_per_connection, .. } = server;
            let deliveries =
                server.deliveries_per_cpu_second.map(|rate| format!(", {rate:.0} deliveries per CPU second"));
            let deliveries = deliveries.unwrap_or_default();
            let each = format!("{cpu_ms_per_client_second:.2} ms per client and second");
            let system = server.system_share.map(|share| format!(" ({:.0} % in the kernel)", share * 100.0));
            let system = system.unwrap_or_default();
            row(f, "server CPU", &format!("{cpu_seconds:.2} s{system} = {cpu_cores:.2} cores, {each}{deliveries}"))?;
            let [before, end, peak] =
                [server.rss_before, server.rss_end, server.rss_peak].map(|bytes| size(bytes as f64));
            let each = size(*rss_per_connection);
            row(f, "server memory", &format!("{before} before, {end} at the end, {peak} peak; {each} per connection"))?;
        }
        if let Some(cores) = self.generator_cpu_cores {
            row(f, "generator", &format!("{cores:.2} cores of {} it may use", self.generator_threads))?;
        }
        for (text, count) in &self.errors {
            row(f, "error", &format!("{count} × {text}"))?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, text: &str) -> fmt::Result {
    writeln!(f, "  {name:<14} {text}")
}

fn times(f: &mut fmt::Formatter<'_>, name: &str, times: Option<&Quantiles>) -> fmt::Result {
    let Some(Quantiles { p50, p99, p999, max }) = times else { return Ok(()) };
    row(f, name, &format!("p50 {p50:.2} ms, p99 {p99:.2}, p99.9 {p999:.2}, max {max:.2}"))
}

/// Bytes for people: 1 KB is 1,000 bytes.
fn size(bytes: f64) -> String {
    match bytes {
        bytes if bytes >= 1e6 => format!("{:.1} MB", bytes / 1e6),
        bytes if bytes >= 1e3 => format!("{:.1} KB", bytes / 1e3),
        bytes => format!("{bytes:.0} B"),
    }
}
