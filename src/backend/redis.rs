//! Connections to Redis: one shared for commands, and dedicated ones for what blocks or subscribes.
//!
//! Owns connecting, time limits, counting what is asked, and the names of errors. Knows the one key that several ports share, and no other.
//!
//! # Time
//! Every command has a time limit, so that a Redis that stopped answering fails callers instead of holding them. A connection that was
//! lost comes back by itself; commands fail meanwhile.

use std::time::Duration;

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig, MultiplexedConnection, PubSub};
use redis::{
    Arg, AsyncConnectionConfig, Client, Cmd, Pipeline, RedisError as DriverError, RedisFuture, ServerErrorKind, Value,
};

use super::calls::{self, Call};

/// What calls are counted under.
const BACKEND: &str = "redis";

/// The operation of a connection being made, and of commands that travel together.
const CONNECT: &str = "connect";
const PIPELINE: &str = "pipeline";

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
    commands: Commands,
    address: String,
}

/// The shared connection for commands; comes back by itself.
pub type Commands = Counted<ConnectionManager>;

/// A connection of one's own; does not come back.
pub type Dedicated = Counted<MultiplexedConnection>;

/// A connection that counts what goes through it.
#[derive(Clone)]
pub struct Counted<C>(C);

impl<C: ConnectionLike + Send> ConnectionLike for Counted<C> {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        let asked = self.0.req_packed_command(command);
        Box::pin(async move {
            if waits(command) {
                // Its time says how long nothing happened, not how long Redis took; and it is given up whenever its reader ends.
                let answer = asked.await;
                calls::count_untimed(BACKEND, name(command), answer.as_ref().is_ok_and(is_well));
                return answer;
            }
            let call = Call::begin(BACKEND, name(command));
            let answer = asked.await;
            call.end(answer.as_ref().is_ok_and(is_well));
            answer
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let asked = self.0.req_packed_commands(pipeline, offset, count);
        Box::pin(async move {
            let call = Call::begin(BACKEND, PIPELINE);
            let answer = asked.await;
            call.end(answer.as_ref().is_ok_and(|values| values.iter().all(is_well)));
            answer
        })
    }

    fn get_db(&self) -> i64 {
        self.0.get_db()
    }
}

/// The command's name: of those that the code has, so there are few.
fn name(command: &Cmd) -> String {
    match command.args_iter().next() {
        Some(Arg::Simple(name)) => String::from_utf8_lossy(name).into_owned(),
        _ => String::new(),
    }
}

/// Whether Redis answers it only when something happens.
fn waits(command: &Cmd) -> bool {
    let mut args = command.args_iter();
    matches!(args.next(), Some(Arg::Simple(b"XREAD"))) && args.any(|arg| matches!(arg, Arg::Simple(b"BLOCK")))
}

/// An error of the server comes as an answer; in a pipeline it is among the others.
fn is_well(answer: &Value) -> bool {
    match answer {
        // Nobody has sent the script's text yet: that is how its first call by name goes.
        Value::ServerError(error) => error.kind() == Some(ServerErrorKind::NoScript),
        _ => true,
    }
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
        let connecting = calls::counted(BACKEND, CONNECT, connecting);
        let commands = match tokio::time::timeout(FIRST_CONNECT_TIMEOUT, connecting).await {
            Ok(connected) => connected.map_err(|error| failed(said(&error)))?,
            Err(_) => return Err(failed(format!("no answer within {} s", FIRST_CONNECT_TIMEOUT.as_secs()))),
        };
        let redis = Self { client, commands: Counted(commands), address };
        redis.ping().await?;
        Ok(redis)
    }

    /// The shared connection. Cheap to clone; nothing that blocks or subscribes may be sent on it.
    #[must_use]
    pub fn commands(&self) -> Commands {
        self.commands.clone()
    }

    /// A connection of one's own, for blocking reads or long pipelines. It does not come back when it is lost.
    ///
    /// # Errors
    /// Nobody answers.
    pub async fn dedicated(&self, answer_timeout: Duration) -> Result<Dedicated, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(answer_timeout));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let connected = calls::counted(BACKEND, CONNECT, connecting).await;
        connected.map(Counted).map_err(|error| self.failed(&error))
    }

    /// A connection for subscriptions. It does not come back when it is lost.
    ///
    /// # Errors
    /// Nobody answers.
    pub async fn subscriber(&self) -> Result<PubSub, RedisError> {
        let connecting = calls::counted(BACKEND, CONNECT, self.client.get_async_pubsub());
        match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(connected) => connected.map_err(|error| self.failed(&error)),
            Err(_) => Err(self.error("no answer to a connection attempt")),
        }
    }

    /// Counts a command that goes through a subscription, which is no connection for commands.
    ///
    /// # Errors
    /// Those of the command.
    pub async fn counted<T>(
        command: &'static str,
        asked: impl Future<Output = Result<T, DriverError>>,
    ) -> Result<T, DriverError> {
        calls::counted(BACKEND, command, asked).await
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
