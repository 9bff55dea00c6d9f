//! PORT: how often somebody may do what costs the server something.
//!
//! Owns the counting of one minute and the answer at its end. Refuses to know what is counted: routes and sockets name an [`Endpoint`].
//! The limits are far above what people do; they stop a program that runs wild before it takes the server from everybody else. `[LIM-1]`

mod memory;
mod redis;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::AccessError;
use crate::config::Limits;

pub use self::redis::RedisLimiter;
pub use memory::MemoryLimiter;

/// The window: counts start anew a minute after the first of them, as the data model says.
const WINDOW: Duration = Duration::from_mins(1);

/// What is counted, each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// Exchanging a login link; by network address, because nobody is known yet.
    Login,
    /// Uploading a dataset or an image.
    Upload,
    /// Creating or duplicating a canvas.
    Create,
    /// Taking a canvas, or a picture or the rows of a block, out into a file.
    Export,
    /// Opening a socket.
    Join,
}

impl Endpoint {
    /// The end of its key, and what logs and metrics call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Upload => "upload",
            Self::Create => "create",
            Self::Export => "export",
            Self::Join => "join",
        }
    }

    fn limit(self, limits: &Limits) -> u64 {
        match self {
            Self::Login => limits.logins_per_minute,
            Self::Upload => limits.uploads_per_minute,
            Self::Create => limits.creates_per_minute,
            Self::Export => limits.exports_per_minute,
            Self::Join => limits.joins_per_minute,
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Login => "logins from your address",
            Self::Upload => "uploads of yours",
            Self::Create => "canvases made by you",
            Self::Export => "exports of yours",
            Self::Join => "canvases opened by you",
        }
    }
}

/// The limit is reached until the minute is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{limit} {} in a minute are the most; try again in {} s", .endpoint.done(), .retry_after.as_secs())]
pub struct TooMany {
    /// Of what.
    pub endpoint: Endpoint,
    /// The limit, per minute.
    pub limit: u64,
    /// When it is over, whole seconds, at least one.
    pub retry_after: Duration,
}

/// What a limiter has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// How often, this time included.
    pub taken: u64,
    /// What is left of the window.
    pub left: Duration,
}

/// The port.
#[async_trait]
pub trait Limiter: Send + Sync + 'static {
    /// Counts one more under this key, in a window that begins with the first.
    ///
    /// # Errors
    /// It could not be counted.
    async fn count(&self, key: &str, window: Duration) -> Result<Count, AccessError>;
}

/// The limits, and what counts towards them.
#[derive(Clone)]
pub struct Rates {
    limiter: Arc<dyn Limiter>,
    limits: Arc<Limits>,
}

impl Rates {
    /// These limits, counted there.
    #[must_use]
    pub fn new(limiter: Arc<dyn Limiter>, limits: Arc<Limits>) -> Self {
        Self { limiter, limits }
    }

    /// Counts one use of an endpoint by somebody.
    ///
    /// A limiter that does not answer lets everybody through. These limits guard against haste, not against strangers: to refuse all
    /// because the counter is away would make one service's outage everybody's.
    ///
    /// # Errors
    /// It is one too many.
    pub async fn take(&self, who: &str, endpoint: Endpoint) -> Result<(), TooMany> {
        let limit = endpoint.limit(&self.limits);
        match self.limiter.count(&format!("rate_limit:{who}:{}", endpoint.name()), WINDOW).await {
            Ok(count) if count.taken > limit => {
                let seconds = count.left.as_millis().div_ceil(1000).max(1);
                let retry_after = Duration::from_secs(seconds as u64);
                tracing::debug!(endpoint = endpoint.name(), limit, "a rate limit was reached");
                Err(TooMany { endpoint, limit, retry_after })
            }
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::debug!(%error, "not counted");
                Ok(())
            }
        }
    }
}
