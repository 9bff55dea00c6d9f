//! Samples of the node's own metrics, for `system_metrics`. Reads what `/metrics` would say, so there is one place where a number is made.

use std::collections::BTreeMap;

use super::MetricSample;

/// The series that are kept. The rest is for a Prometheus: with all of them the table would grow by a million rows a day and node.
const KEPT: [&str; 12] = [
    "jabiru_sessions",
    "jabiru_rooms",
    "jabiru_updates_total",
    "jabiru_frames_out_total",
    "jabiru_updates_refused_total",
    "jabiru_sessions_closed_total",
    "jabiru_journal_append_seconds",
    "jabiru_journal_append_failures_total",
    "jabiru_journal_pending_bytes",
    "jabiru_room_load_seconds",
    "jabiru_peers_behind_total",
    "jabiru_events_dropped_total",
];

/// Of a histogram its count, its sum and these quantiles are kept.
const QUANTILES: [&str; 2] = ["0.5", "0.99"];

/// Most samples of one time, whatever labels there are. Those after it are left out.
const MOST: usize = 64;

/// The samples in a text in Prometheus's exposition format.
#[must_use]
pub fn sample_metrics(exposition: &str, instance_id: &str) -> Vec<MetricSample> {
    let lines = exposition.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| sample(line, instance_id)).take(MOST).collect()
}

/// `name{label="value",…} number`
fn sample(line: &str, instance_id: &str) -> Option<MetricSample> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let base = name.strip_suffix("_sum").or_else(|| name.strip_suffix("_count")).unwrap_or(name);
    if !KEPT.contains(&base) {
        return None;
    }
    let mut tags = BTreeMap::new();
    for label in labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty()) {
        // None of our labels has a comma or a quote in it: they are reasons, codes and tables.
        let (key, text) = label.split_once('=')?;
        tags.insert(key.to_owned(), text.trim_matches('"').to_owned());
    }
    if tags.get("quantile").is_some_and(|quantile| !QUANTILES.contains(&quantile.as_str())) {
        return None;
    }
    let metric_value = value.parse().ok().filter(|value: &f64| value.is_finite())?;
    let (metric_name, instance_id) = (name.to_owned(), instance_id.to_owned());
    Some(MetricSample { timestamp: 0, metric_name, metric_value, tags, instance_id })
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::telemetry::names;

    #[test]
    fn evt_1_the_nodes_own_metrics_become_samples() {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            metrics::gauge!(names::SESSIONS).set(3.0);
            metrics::counter!(names::REFUSED, "reason" => "too_large").increment(2);
            metrics::histogram!(names::APPEND_SECONDS).record(0.25);
            metrics::counter!("jabiru_something_else").increment(1);
        });
        let samples = sample_metrics(&recorder.handle().render(), "node 1");
        let find = |name: &str| samples.iter().filter(|sample| sample.metric_name == name).collect::<Vec<_>>();
        assert!((find(names::SESSIONS)[0].metric_value - 3.0).abs() < 1e-9);
        assert_eq!(find(names::SESSIONS)[0].instance_id, "node 1");
        assert_eq!(find(names::REFUSED)[0].tags["reason"], "too_large");
        let quantiles: Vec<_> =
            find(names::APPEND_SECONDS).iter().map(|sample| sample.tags["quantile"].clone()).collect();
        assert_eq!(quantiles, ["0.5", "0.99"]);
        assert!((find("jabiru_journal_append_seconds_count")[0].metric_value - 1.0).abs() < 1e-9);
        assert!(find("jabiru_something_else").is_empty());
        let flood = "jabiru_sessions 1\n".repeat(1000);
        assert_eq!(sample_metrics(&flood, "n").len(), MOST);
        assert!(
            sample_metrics("jabiru_sessions\njabiru_sessions x\njabiru_sessions{a} 1\njabiru_sessions NaN", "n")
                .is_empty()
        );
    }
}
