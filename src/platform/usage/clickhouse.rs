//! Usage from ClickHouse.

use std::time::Duration;

use async_trait::async_trait;
use clickhouse::Row;
use clickhouse::query::Query;
use serde::Deserialize;
use tokio::time::timeout;

use super::{Figures, Usage, UsageError, UsageQuery, UsageStore};
use crate::backend::clickhouse::ClickHouse;
use crate::id::CanvasId;

/// How long a person may wait for a usage page.
const PATIENCE: Duration = Duration::from_secs(15);

/// Counts usage in `user_events`.
pub struct ClickHouseUsage(ClickHouse);

impl ClickHouseUsage {
    /// On a connection whose database is migrated.
    #[must_use]
    pub fn new(clickhouse: ClickHouse) -> Self {
        Self(clickhouse)
    }

    /// `select {key} as key, figures … {rest}`. The canvas is in the events' data: an organization's events of some days are read whole.
    async fn counted(&self, query: &UsageQuery, key: &str, rest: &str) -> Result<Vec<Counted>, UsageError> {
        let of_canvas = if query.canvas.is_some() { "AND canvas = ?" } else { "AND canvas != ''" };
        let sql = format!(
            "SELECT {key} AS key,
                 countIf(event_type IN ('canvas.opened', 'canvas.viewed')) AS views,
                 uniqExact(user_id) AS people,
                 sumIf(JSONExtractUInt(event_data, 'updates'), event_type = 'canvas.edited') AS edits,
                 uniqExactIf((user_id, minute), event_type IN ('canvas.edited', 'canvas.joined', 'canvas.left')) AS active_minutes
             FROM (
                 SELECT timestamp, user_id, event_type, event_data, JSONExtractString(event_data, 'canvas_id') AS canvas,
                     intDiv(toUnixTimestamp64Milli(timestamp), 60000) AS minute
                 FROM user_events
                 WHERE organization_id = ? AND timestamp >= fromUnixTimestamp64Milli(?) AND timestamp < fromUnixTimestamp64Milli(?)
                     AND event_type IN ('canvas.opened', 'canvas.viewed', 'canvas.edited', 'canvas.joined', 'canvas.left')
                     {of_canvas}
             ) {rest}"
        );
        let asked = self.0.client().query(&sql).bind(&query.org).bind(query.from).bind(query.to);
        fetch(match query.canvas {
            Some(canvas) => asked.bind(canvas.to_string()),
            None => asked,
        })
        .await
    }
}

/// One group of events.
#[derive(Row, Deserialize)]
struct Counted {
    key: String,
    views: u64,
    people: u64,
    edits: u64,
    active_minutes: u64,
}

impl Counted {
    fn figures(&self) -> Figures {
        Figures { views: self.views, people: self.people, edits: self.edits, active_minutes: self.active_minutes }
    }
}

async fn fetch(query: Query) -> Result<Vec<Counted>, UsageError> {
    match timeout(PATIENCE, ClickHouse::run("count usage", query.fetch_all::<Counted>())).await {
        Ok(rows) => rows.map_err(|error| UsageError(error.to_string())),
        Err(_) => Err(UsageError(format!("ClickHouse has not answered for {} seconds", PATIENCE.as_secs()))),
    }
}

#[async_trait]
impl UsageStore for ClickHouseUsage {
    async fn usage(&self, query: &UsageQuery) -> Result<Usage, UsageError> {
        let days = self.counted(query, "toString(toDate(timestamp, 'UTC'))", "GROUP BY key ORDER BY key").await?;
        let totals = self.counted(query, "''", "GROUP BY key").await?;
        Ok(Usage {
            days: days.into_iter().map(|day| (day.key.clone(), day.figures())).collect(),
            totals: totals.first().map(Counted::figures).unwrap_or_default(),
        })
    }

    async fn top_canvases(&self, query: &UsageQuery, limit: usize) -> Result<Vec<(CanvasId, Figures)>, UsageError> {
        let rest = format!("GROUP BY key ORDER BY views DESC, edits DESC, key LIMIT {limit}");
        let top = self.counted(query, "canvas", &rest).await?;
        Ok(top.into_iter().filter_map(|row| Some((row.key.parse().ok()?, row.figures()))).collect())
    }
}
