//! The connection to Redis. Owns connecting; knows no key.

use redis::aio::ConnectionManager;

/// A handle to Redis; clones share its connection.
#[derive(Clone)]
pub struct Redis {
    commands: ConnectionManager,
}

impl Redis {
    /// Connects.
    ///
    /// # Errors
    /// The URL is not one, or nobody answers there.
    pub async fn connect(url: &str) -> Result<Self, redis::RedisError> {
        let commands = ConnectionManager::new(redis::Client::open(url)?).await?;
        Ok(Self { commands })
    }

    /// A connection for short commands; it reconnects by itself.
    #[must_use]
    pub fn commands(&self) -> ConnectionManager {
        self.commands.clone()
    }
}
