//! Connections to Redis: one shared for commands, and dedicated ones for what blocks or subscribes.
//!
//! Owns connecting, time limits and the names of errors. Knows the one key that several ports share, and no other.
//!
//! # Time
//! Every command has a time limit, so that a Redis that stopped answering fails callers instead of holding them. A connection that was
//! lost comes back by itself; commands fail meanwhile.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, Client, RedisError as DriverError};

/// How long a connection may take to come about, with TLS and login.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the first one may take: at start a name may have to be looked up and a container to come up.
const FIRST_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an answer may take. Commands take microseconds; a second is a Redis that hangs, or one that saves to a slow disk.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Tries to reconnect before the commands that wait for it fail; the next command starts over.
const RECONNECTS: usize = 2;
const RECONNECT_FIRST: Duration = Duration::from_millis(50);
const RECONNECT_LONGEST: Duration = Duration::from_millis(500);

/// A Redis that answered once. Clones share the connection for commands.
#[derive(Clone)]
pub struct Redis {
    client: Client,
    commands: ConnectionManager,
    address: String,
}

/// Redis cannot be used. The text names the server, never the login.
#[derive(Debug, Clone, thiserror::Error)]
#[error("Redis at {address}: {reason}")]
pub struct RedisError {
    address: String,
    reason: String,
}

impl Redis {
    /// Connects and asks for an answer.
    ///
    /// # Errors
    /// The URL cannot be read, nobody answers, or the login is refused.
    pub async fn connect(url: &str) -> Result<Self, RedisError> {
        let unreadable = |error: DriverError| RedisError {
            address: "the given URL".to_owned(),
            reason: format!("{}; expected redis://[user:password@]host[:port][/database]", error.category()),
        };
        let client = Client::open(url).map_err(unreadable)?;
        let address = client.get_connection_info().addr().to_string();
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT))
            .set_number_of_retries(RECONNECTS)
            .set_min_delay(RECONNECT_FIRST)
            .set_max_delay(RECONNECT_LONGEST);
        let failed = |reason: String| RedisError { address: address.clone(), reason };
        let connecting = ConnectionManager::new_with_config(client.clone(), config);
        let commands = match tokio::time::timeout(FIRST_CONNECT_TIMEOUT, connecting).await {
            Ok(connected) => connected.map_err(|error| failed(said(&error)))?,
            Err(_) => return Err(failed(format!("no answer within {} s", FIRST_CONNECT_TIMEOUT.as_secs()))),
        };
        let redis = Self { client, commands, address };
        redis.ping().await?;
        Ok(redis)
    }

    /// The shared connection. Cheap to clone; nothing that blocks or subscribes may be sent on it.
    #[must_use]
    pub fn commands(&self) -> ConnectionManager {
        self.commands.clone()
    }

    /// A connection of one's own, for blocking reads or long pipelines. It does not come back when it is lost.
    ///
    /// # Errors
    /// Nobody answers.
    pub async fn dedicated(&self, answer_timeout: Duration) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(answer_timeout));
        self.client.get_multiplexed_async_connection_with_config(&config).await.map_err(|error| self.failed(&error))
    }

    /// A connection for subscriptions. It does not come back when it is lost.
    ///
    /// # Errors
    /// Nobody answers.
    pub async fn subscriber(&self) -> Result<PubSub, RedisError> {
        match tokio::time::timeout(CONNECT_TIMEOUT, self.client.get_async_pubsub()).await {
            Ok(connected) => connected.map_err(|error| self.failed(&error)),
            Err(_) => Err(self.error("no answer to a connection attempt")),
        }
    }

    /// Whether it answers now.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), RedisError> {
        let mut commands = self.commands();
        match tokio::time::timeout(ANSWER_TIMEOUT, redis::cmd("PING").exec_async(&mut commands)).await {
            Ok(answered) => answered.map_err(|error| self.failed(&error)),
            Err(_) => Err(self.error("no answer to PING")),
        }
    }

    /// The driver's error with the server's name.
    #[must_use]
    pub fn failed(&self, error: &DriverError) -> RedisError {
        self.error(said(error))
    }

    /// An error of this server.
    #[must_use]
    pub fn error(&self, reason: impl Into<String>) -> RedisError {
        RedisError { address: self.address.clone(), reason: reason.into() }
    }

    /// The key that lives as long as a node does: what the node wrote counts only while it is there.
    #[must_use]
    pub fn node_key(node: &str) -> String {
        format!("node:{node}")
    }
}

/// Waits between tries to reach a Redis that is away: 50 ms, doubled each time up to 2 s, and shortened at random by up to half, so that
/// the nodes do not all come back at the same moment.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

const BACKOFF_FIRST: Duration = Duration::from_millis(50);
const BACKOFF_LONGEST: Duration = Duration::from_secs(2);

impl Backoff {
    /// How long to wait now; `true` with the first wait after a success, which is when to log.
    pub fn wait(&mut self) -> (Duration, bool) {
        let wait = BACKOFF_FIRST.saturating_mul(1 << self.failures.min(10)).min(BACKOFF_LONGEST);
        self.failures = self.failures.saturating_add(1);
        (wait.mul_f64(rand::random_range(0.5..=1.0)), self.failures == 1)
    }

    /// It worked. `true` if it had not before.
    pub fn reset(&mut self) -> bool {
        std::mem::take(&mut self.failures) > 0
    }
}

/// What went wrong, in the driver's words, on one line. A pipeline's error repeats itself for every command: the first one says it.
fn said(error: &DriverError) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_error_at_start_names_the_server_and_never_the_password() {
        // Nobody listens on port 1.
        let urls = [
            "redis://jabiru:hunter2@127.0.0.1:1/0",
            "redis://jabiru:hunter2@127.0.0.1:1/hunter2",
            "nonsense://hunter2",
        ];
        for url in urls {
            let Err(error) = Redis::connect(url).await else { panic!("{url} worked") };
            let error = error.to_string();
            assert!(!error.contains("hunter2"), "{error}");
            assert!(error.contains("127.0.0.1:1") || error.contains("URL"), "{error}");
        }
    }
}
