//! The embedded event store: the data model's three tables beside the canvases.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::{Batch, EventStore, Rows, WriteError};
use crate::backend::sqlite::{Sqlite, SqliteError};
use crate::clock::Millis;

const DAY: Duration = Duration::from_hours(24);

/// How long rows are kept: the data model's retention of three and two years; but samples of metrics, the many of them, for two days, which
/// is about 10 MB. Whoever wants to look further back has a Prometheus, or ClickHouse.
const KEPT: [(&str, Duration); 3] = [
    ("user_events", DAY.saturating_mul(3 * 365)),
    ("query_performance", DAY.saturating_mul(2 * 365)),
    ("system_metrics", DAY.saturating_mul(2)),
];

/// Rows looked at in one portion of forgetting: some milliseconds of the writer.
const PORTION: u32 = 2000;

/// Batches remembered, so that none is written twice: those of a few hours of a busy node, and only the last of them can be in doubt.
const BATCHES: i64 = 10_000;

/// Usage events in `jabiru.db`.
pub struct SqliteEvents(Sqlite);

impl SqliteEvents {
    /// The store on an open, migrated database.
    #[must_use]
    pub fn new(sqlite: Sqlite) -> Self {
        Self(sqlite)
    }
}

impl From<SqliteError> for WriteError {
    fn from(error: SqliteError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

#[async_trait]
impl EventStore for SqliteEvents {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        let batch = batch.clone();
        self.0
            .write(move |connection| {
                let remember = "insert or ignore into event_batches (id, at) values (?1, unixepoch())";
                let is_new = connection.prepare_cached(remember)?.execute([batch.id.as_bytes()])? == 1;
                if is_new { insert(connection, &batch.rows) } else { Ok(()) }
            })
            .await?;
        Ok(())
    }

    async fn forget_old(&self, now: Millis) -> Result<bool, WriteError> {
        let more = self.0.write(move |connection| {
            let mut more = false;
            for (table, kept) in KEPT {
                // Ids follow the time of writing, so the oldest rows are the first; no index on the time is needed.
                let delete = format!(
                    "delete from {table} where id in (select id from {table} order by id limit ?1) and timestamp < ?2"
                );
                let before = now - Millis::try_from(kept.as_millis()).unwrap_or(Millis::MAX);
                more |= connection.execute(&delete, params![PORTION, before])? == PORTION as usize;
            }
            // Their ids sort by time too.
            let batches = "delete from event_batches where id < (select id from event_batches order by id desc limit 1 offset ?1)";
            connection.execute(batches, [BATCHES])?;
            Ok(more)
        });
        Ok(more.await?)
    }

    async fn ping(&self) -> Result<(), WriteError> {
        Ok(self.0.read(|connection| connection.query_row("select 1", [], |_| Ok(()))).await?)
    }
}

fn insert(connection: &Connection, rows: &Rows) -> Result<(), rusqlite::Error> {
    match rows {
        Rows::Events(rows) => {
            let mut insert = connection.prepare_cached(
                "insert into user_events (timestamp, user_id, organization_id, event_type, event_data, session_id, ip_address, user_agent)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?;
            for row in rows {
                insert.execute(params![
                    row.timestamp,
                    row.user_id,
                    row.organization_id,
                    row.event_type,
                    row.event_data.to_string(),
                    row.session_id,
                    row.ip_address.to_string(),
                    row.user_agent
                ])?;
            }
        }
        Rows::Queries(rows) => {
            let mut insert = connection.prepare_cached(
                "insert into query_performance (timestamp, query_id, user_id, organization_id, query_type, execution_time_ms, rows_processed,
                 bytes_processed, cache_hit, error_code) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?;
            for row in rows {
                insert.execute(params![
                    row.timestamp,
                    row.query_id,
                    row.user_id,
                    row.organization_id,
                    row.query_type,
                    row.execution_time_ms,
                    row.rows_processed.cast_signed(),
                    row.bytes_processed.cast_signed(),
                    row.cache_hit,
                    row.error_code
                ])?;
            }
        }
        Rows::Metrics(rows) => {
            let mut insert = connection.prepare_cached(
                "insert into system_metrics (timestamp, metric_name, metric_value, tags, instance_id) values (?1, ?2, ?3, ?4, ?5)",
            )?;
            for row in rows {
                let tags = serde_json::to_string(&row.tags).unwrap_or_default();
                insert.execute(params![row.timestamp, row.metric_name, row.metric_value, tags, row.instance_id])?;
            }
        }
    }
    Ok(())
}
