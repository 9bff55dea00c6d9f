//! Logs and metrics of the process. Owns their set-up and the names of the metrics; records nothing itself.
//!
//! Logs carry ids and durations, never tokens or content.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// A busy node records some thousand samples in this time.
const UPKEEP_INTERVAL: std::time::Duration = std::time::Duration::from_secs(5);

/// Names of the metrics, in one place so that a dashboard can be written against this list.
pub mod names {
    /// Gauge: sessions connected to this node.
    pub const SESSIONS: &str = "jabiru_sessions";
    /// Gauge: rooms open on this node.
    pub const ROOMS: &str = "jabiru_rooms";
    /// Counter: document updates applied.
    pub const UPDATES: &str = "jabiru_updates_total";
    /// Counter: frames queued to peers.
    pub const FRAMES_OUT: &str = "jabiru_frames_out_total";
    /// Counter: presence frames sent to rooms' peers (one per room and tick).
    pub const PRESENCE_FRAMES: &str = "jabiru_presence_frames_total";
    /// Counter, label `reason`: updates refused.
    pub const REFUSED: &str = "jabiru_updates_refused_total";
    /// Counter, label `code`: sessions closed by the server.
    pub const CLOSED: &str = "jabiru_sessions_closed_total";
    /// Histogram, seconds: one journal append, from hand-over to commit.
    pub const APPEND_SECONDS: &str = "jabiru_journal_append_seconds";
    /// Counter: journal appends that failed and will be tried again.
    pub const APPEND_FAILURES: &str = "jabiru_journal_append_failures_total";
    /// Gauge, bytes: updates taken from sessions and not yet in the journal.
    pub const PENDING_BYTES: &str = "jabiru_journal_pending_bytes";
    /// Histogram, seconds: loading a room from the store.
    pub const LOAD_SECONDS: &str = "jabiru_room_load_seconds";
    /// Counter: peers that fell behind and were given one difference instead of a queue.
    pub const PEERS_BEHIND: &str = "jabiru_peers_behind_total";
    /// Counter: entries this node wrote into the bus.
    pub const BUS_PUBLISHED: &str = "jabiru_bus_published_total";
    /// Counter: entries of other nodes read from the bus.
    pub const BUS_HEARD: &str = "jabiru_bus_heard_total";
    /// Counter: times the bus said that frames were lost on the way here.
    pub const BUS_MISSED: &str = "jabiru_bus_missed_total";
    /// Histogram, seconds: one write into the bus, whatever it carried.
    pub const BUS_WRITE_SECONDS: &str = "jabiru_bus_write_seconds";
    /// Gauge, bytes: changes and cursors that wait to be written into the bus.
    pub const BUS_PENDING_BYTES: &str = "jabiru_bus_pending_bytes";
    /// Counter: documents brought up to date from the journal because frames of the bus were lost.
    pub const CATCH_UPS: &str = "jabiru_catch_ups_total";
    /// Counter, label `reason` (`queue_full`, `spool_full`, `spool_failed`, `refused`, `unreadable`): usage events that are lost.
    pub const EVENTS_DROPPED: &str = "jabiru_events_dropped_total";
    /// Counter, label `table`: usage events, query runs and samples that are in their store.
    pub const EVENTS_WRITTEN: &str = "jabiru_events_written_total";
    /// Histogram, seconds: the event store taking one batch.
    pub const EVENTS_WRITE_SECONDS: &str = "jabiru_events_write_seconds";
    /// Counter: batches the event store did not take and that will be sent again.
    pub const EVENTS_WRITE_FAILURES: &str = "jabiru_events_write_failures_total";
    /// Gauge, bytes: batches of events on disk that wait for their store.
    pub const EVENTS_SPOOL_BYTES: &str = "jabiru_events_spool_bytes";
    /// Histogram, seconds, labels `backend` (`mongodb`, `redis`, `clickhouse`) and `operation`: one call, until its answer or until it was
    /// given up. Operations are what our error texts call them (MongoDB, ClickHouse) or commands (Redis, where a pipeline is one call,
    /// `pipeline`). Reads that wait for something to happen are not in it.
    pub const BACKEND_SECONDS: &str = "jabiru_backend_seconds";
    /// Counter, labels as of [`BACKEND_SECONDS`]: calls that failed or were given up, those of reads that wait included.
    pub const BACKEND_ERRORS: &str = "jabiru_backend_errors_total";
    /// Counter: documents rebuilt from the journal after an update broke them.
    pub const REBUILDS: &str = "jabiru_documents_rebuilt_total";
}

/// Installs the log subscriber. `filter` is in `tracing` env-filter syntax, e.g. `info,jabiru=debug`.
///
/// # Errors
/// The filter cannot be parsed.
pub fn init_logs(filter: &str, json: bool) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| anyhow::anyhow!("JABIRU_LOG / --log: `{filter}` is not a log filter: {error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call (tests start many servers in one process) keeps the first subscriber.
    let _ = if json { builder.json().try_init() } else { builder.try_init() };
    Ok(())
}

/// Folds the samples of histograms now and then; without it they would pile up until somebody scrapes `/metrics`.
pub async fn upkeep(metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP_INTERVAL).await;
        metrics.run_upkeep();
    }
}

/// The process's metrics registry; rendered by `GET /metrics`.
///
/// Only the first call installs the recorder; later ones (tests) get a handle to a registry of their own that stays empty.
#[must_use]
pub fn init_metrics() -> PrometheusHandle {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _ = metrics::set_global_recorder(recorder);
    // There before anything waits: a gauge that is absent looks like a node that is.
    for gauge in [names::PENDING_BYTES, names::EVENTS_SPOOL_BYTES] {
        metrics::gauge!(gauge).increment(0.0);
    }
    handle
}
