//! Counts what services are asked: how long each call took, and which failed. The one place where it is decided what that means.
//!
//! A call lasts until its answer, or until it failed, or until nobody waited for it any more. The last is a failure too: a service that
//! hangs answers with nothing, and whoever asked has a time limit of their own. (Who closes a page in the middle of a question counts the
//! same: rare, and there is no telling the two apart.)
//!
//! Operations are a small, fixed set of names, as the code says them; never a key, an id or a text of somebody's.

use metrics::SharedString;
use tokio::time::Instant;

use crate::telemetry::names;

/// A call under way. Dropping it is giving up.
pub(crate) struct Call {
    backend: &'static str,
    operation: SharedString,
    begun: Instant,
    well: bool,
}

impl Call {
    /// Begins now.
    pub(crate) fn begin(backend: &'static str, operation: impl Into<SharedString>) -> Self {
        Self { backend, operation: operation.into(), begun: Instant::now(), well: false }
    }

    /// It is answered, or has failed.
    pub(crate) fn end(mut self, well: bool) {
        self.well = well;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let operation = std::mem::take(&mut self.operation);
        let labels = [("backend", self.backend.into()), ("operation", operation)];
        metrics::histogram!(names::BACKEND_SECONDS, &labels).record(self.begun.elapsed().as_secs_f64());
        count(&labels, self.well);
    }
}

fn count(labels: &[(&'static str, SharedString)], well: bool) {
    // Nothing is counted too: a series that begins with its first failure shows no rise.
    metrics::counter!(names::BACKEND_ERRORS, labels).increment(u64::from(!well));
}

/// Counts whether a call failed, and not its time.
pub(crate) fn count_untimed(backend: &'static str, operation: impl Into<SharedString>, well: bool) {
    count(&[("backend", backend.into()), ("operation", operation.into())], well);
}

/// Counts a call that begins now.
///
/// # Errors
/// Those of the call.
pub(crate) async fn counted<T, E>(
    backend: &'static str,
    operation: &'static str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let call = Call::begin(backend, operation);
    let outcome = work.await;
    call.end(outcome.is_ok());
    outcome
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn a_call_is_timed_and_counted_however_it_ends() {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            Call::begin("redis", "GET").end(true);
            Call::begin("redis", "GET").end(false);
            drop(Call::begin("redis", "GET"));
            count_untimed("redis", "XREAD", true);
        });
        let text = recorder.handle().render();
        let has = |line: &str| assert!(text.lines().any(|text| text == line), "{line} is not in {text}");
        has(r#"jabiru_backend_seconds_count{backend="redis",operation="GET"} 3"#);
        has(r#"jabiru_backend_errors_total{backend="redis",operation="GET"} 2"#);
        has(r#"jabiru_backend_errors_total{backend="redis",operation="XREAD"} 0"#);
        assert!(!text.contains(r#"jabiru_backend_seconds_count{backend="redis",operation="XREAD"}"#), "{text}");
    }
}
