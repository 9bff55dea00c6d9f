//! Usage events in ClickHouse. One `INSERT` for a batch, with the batch's id as its deduplication token.

use async_trait::async_trait;
use bytes::Bytes;

use super::{Batch, EventStore, WriteError};
use crate::backend::clickhouse::{ClickHouse, ClickHouseError};
use crate::clock::Millis;

/// What ClickHouse says of rows it will never take, however often they come: unknown or unreadable values, types that do not fit. Everything
/// else may pass: too many parts, out of memory, read-only, a table that is not there yet.
const NEVER: [u32; 8] = [6, 26, 27, 38, 41, 53, 72, 117];

/// Usage events in the data model's tables.
pub struct ClickHouseEvents(ClickHouse);

impl ClickHouseEvents {
    /// The store on a connection whose database is migrated.
    #[must_use]
    pub fn new(clickhouse: ClickHouse) -> Self {
        Self(clickhouse)
    }
}

impl From<ClickHouseError> for WriteError {
    fn from(error: ClickHouseError) -> Self {
        match error.code() {
            Some(code) if NEVER.contains(&code) => Self::Refused(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

#[async_trait]
impl EventStore for ClickHouseEvents {
    fn name(&self) -> &'static str {
        "clickhouse"
    }

    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        let lines = batch.encode().map_err(|error| WriteError::Refused(error.to_string()))?;
        let sql = format!("INSERT INTO {} FORMAT JSONEachRow", batch.table());
        let mut insert = self
            .0
            .client()
            .insert_formatted_with(sql)
            .with_setting("insert_deduplicate", "1")
            .with_setting("insert_deduplication_token", batch.id.to_string())
            // Newer servers gather small inserts by themselves, and forget the token over it.
            .with_setting("async_insert", "0");
        let sent = async {
            insert.send(Bytes::from(lines)).await?;
            insert.end().await
        };
        Ok(ClickHouse::run("insert usage events", sent).await?)
    }

    async fn forget_old(&self, _now: Millis) -> Result<bool, WriteError> {
        // The tables have a TTL.
        Ok(false)
    }

    async fn ping(&self) -> Result<(), WriteError> {
        Ok(self.0.ping().await?)
    }
}
