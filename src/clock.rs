//! Wall-clock time as a parameter. Owns the only call to the system clock; timers and deadlines use `tokio::time`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Milliseconds since the Unix epoch, UTC.
pub type Millis = i64;

/// Where the current time comes from.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that moves only when the returned value is set; for tests of expiry.
    #[must_use]
    pub fn manual(start: Millis) -> (Self, Arc<AtomicI64>) {
        let value = Arc::new(AtomicI64::new(start));
        (Self(Source::Manual(Arc::clone(&value))), value)
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Millis {
        match &self.0 {
            Source::System => (OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000) as Millis,
            Source::Manual(value) => value.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System => "Clock(system)",
            Source::Manual(_) => "Clock(manual)",
        })
    }
}

/// RFC 3339 with milliseconds cut off where they are zero, as JSON carries times; out-of-range values read as the epoch.
#[must_use]
pub fn rfc3339(at: Millis) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .format(&Rfc3339)
        .unwrap_or_default()
}
