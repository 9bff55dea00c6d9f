//! What a run found. The same figures as a table for people and as JSON for programs.
//!
//! # Units
//! Latency in milliseconds, from when a message was due to when a receiver had read it. A *delivery* is one message at one receiver.
//! Bytes are WebSocket payloads of the whole run, without frame headers. CPU time is of the measured window (joins: of the storm);
//! memory is resident set size.

use std::collections::BTreeMap;
use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::measure::{Measure, Times, get};
use crate::options::{Activity, Common, Plan};
use crate::process::Sample;

/// See the module docs.
#[derive(Serialize)]
pub(crate) struct Report {
    scenario: &'static str,
    url: String,
    rooms: usize,
    clients_per_room: usize,
    active_per_room: usize,
    rate_per_second: f64,
    seconds: f64,
    connections: Connections,
    traffic: Option<Traffic>,
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

#[derive(Serialize)]
struct Server {
    cpu_seconds: f64,
    cpu_cores: f64,
    deliveries_per_cpu_second: Option<f64>,
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

/// A process at the start and the end of what is measured.
pub(crate) struct Cost {
    start: Option<Sample>,
    end: Option<Sample>,
}

impl Cost {
    pub(crate) fn new(start: Option<Sample>) -> Self {
        Self { start, end: None }
    }

    pub(crate) fn end(&mut self, end: Option<Sample>) {
        self.end = end;
    }

    fn cpu_seconds(&self) -> Option<f64> {
        Some(self.end?.cpu_seconds - self.start?.cpu_seconds)
    }
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
    pub(crate) rooms: usize,
    /// When the first connection was opened, microseconds of the run.
    pub(crate) opened: u64,
    /// What was measured, seconds.
    pub(crate) seconds: f64,
    /// Deliveries that should have come.
    pub(crate) owed: u64,
    /// The server before anybody connected.
    pub(crate) before: Option<Sample>,
    pub(crate) server: Cost,
    pub(crate) generator: Cost,
}

impl Report {
    pub(crate) fn of(common: &Common, plan: &Plan, measure: &Measure, run: &Circumstances) -> Self {
        let wanted = (run.rooms * plan.clients) as u64;
        let (synced, seconds) = (get(&measure.joined), run.seconds);
        Self {
            scenario: plan.name,
            // Without the query: it may carry a token.
            url: common.url.split('?').next().unwrap_or_default().to_owned(),
            rooms: run.rooms,
            clients_per_room: plan.clients,
            active_per_room: plan.active,
            rate_per_second: plan.rate,
            seconds,
            connections: Connections {
                wanted,
                synced,
                failed: get(&measure.failed),
                lost: get(&measure.lost),
                all_synced_ms: get(&measure.last_joined).saturating_sub(run.opened) as f64 / 1000.0,
                synced_ms: Quantiles::of(&measure.joining),
            },
            traffic: matches!(plan.activity, Activity::Updates | Activity::Cursors)
                .then(|| Traffic::of(plan, measure, run)),
            durable_ms: Quantiles::of(&measure.durable),
            bytes_in: get(&measure.bytes_in),
            bytes_out: get(&measure.bytes_out),
            server: Server::of(measure, run),
            generator_cpu_cores: run.generator.cpu_seconds().map(|cpu| cpu / seconds),
            generator_threads: common.threads,
            errors: measure.errors(),
        }
    }
}

impl Traffic {
    fn of(plan: &Plan, measure: &Measure, run: &Circumstances) -> Self {
        let (sent, delivered, in_window) =
            (get(&measure.sent), get(&measure.delivered), get(&measure.delivered_in_window));
        let frames = get(&measure.frames) as f64;
        let expected = (plan.activity == Activity::Updates).then_some(run.owed);
        Self {
            sent,
            sent_per_second: sent as f64 / run.seconds,
            delivered_per_second: in_window as f64 / run.seconds,
            delivered,
            expected,
            missing: expected.map(|expected| expected.saturating_sub(delivered)),
            duplicates: get(&measure.duplicates),
            frames_per_client_second: frames / run.seconds / get(&measure.joined).max(1) as f64,
            messages_per_frame: in_window as f64 / frames.max(1.0),
            latency_ms: Quantiles::of(&measure.latency),
        }
    }
}

impl Server {
    fn of(measure: &Measure, run: &Circumstances) -> Option<Self> {
        let (before, end, cpu_seconds) = (run.before?, run.server.end?, run.server.cpu_seconds()?);
        let (delivered, joined) = (get(&measure.delivered_in_window) as f64, get(&measure.joined).max(1) as f64);
        Some(Self {
            cpu_seconds,
            cpu_cores: cpu_seconds / run.seconds,
            deliveries_per_cpu_second: (delivered > 0.0 && cpu_seconds > 0.0).then(|| delivered / cpu_seconds),
            cpu_ms_per_client_second: cpu_seconds * 1000.0 / run.seconds / joined,
            rss_before: before.rss,
            rss_end: end.rss,
            rss_peak: end.peak_rss,
            rss_per_connection: end.rss.saturating_sub(before.rss) as f64 / joined,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, rooms, clients_per_room, active_per_room, rate_per_second, seconds, .. } = self;
        write!(f, "{scenario}: {rooms} rooms × {clients_per_room} clients")?;
        if self.traffic.is_some() {
            write!(f, ", {active_per_room} of them at {rate_per_second}/s each")?;
        }
        writeln!(f, ", {seconds:.1} s")?;
        let Connections { wanted, synced, failed, lost, all_synced_ms, synced_ms } = &self.connections;
        row(f, "connections", &format!("{synced} of {wanted} synced, {failed} failed, {lost} lost later"))?;
        row(f, "all synced", &format!("after {all_synced_ms:.0} ms"))?;
        times(f, "one synced", synced_ms.as_ref())?;
        if let Some(traffic) = &self.traffic {
            let Traffic { sent, sent_per_second, delivered, delivered_per_second, duplicates, .. } = traffic;
            row(f, "sent", &format!("{sent}, {sent_per_second:.0}/s"))?;
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
            row(f, "server CPU", &format!("{cpu_seconds:.2} s = {cpu_cores:.2} cores, {each}{deliveries}"))?;
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
