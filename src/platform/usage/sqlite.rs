//! Usage from the embedded event store.

use async_trait::async_trait;
use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use super::{Figures, Usage, UsageError, UsageQuery, UsageStore};
use crate::backend::sqlite::{Sqlite, SqliteError};
use crate::id::CanvasId;

/// Counts usage in `jabiru.db`.
pub struct SqliteUsage(Sqlite);

impl SqliteUsage {
    /// On an open, migrated database.
    #[must_use]
    pub fn new(sqlite: Sqlite) -> Self {
        Self(sqlite)
    }
}

impl From<SqliteError> for UsageError {
    fn from(error: SqliteError) -> Self {
        Self(error.to_string())
    }
}

const FIGURES: &str = "
    count(*) filter (where event_type in ('canvas.opened', 'canvas.viewed')) as views,
    count(distinct user_id) as people,
    coalesce(sum(json_extract(event_data, '$.updates')) filter (where event_type = 'canvas.edited'), 0) as edits,
    count(distinct user_id || char(0) || (timestamp / 60000)) filter (where event_type in ('canvas.edited', 'canvas.joined', 'canvas.left'))
        as active_minutes";

fn figures(row: &Row<'_>, first: usize) -> Result<Figures, rusqlite::Error> {
    let count = |column| row.get::<_, i64>(first + column).map(i64::cast_unsigned);
    Ok(Figures { views: count(0)?, people: count(1)?, edits: count(2)?, active_minutes: count(3)? })
}

/// Which events, and what its placeholders stand for.
fn of(query: &UsageQuery) -> (&'static str, Vec<Value>) {
    let mut values = vec![query.org.clone().into(), query.from.into(), query.to.into()];
    let Some(canvas) = query.canvas else {
        return (
            "from user_events where organization_id = ?1 and timestamp >= ?2 and timestamp < ?3 and canvas_id is not null and event_type in
             ('canvas.opened', 'canvas.viewed', 'canvas.edited', 'canvas.joined', 'canvas.left')",
            values,
        );
    };
    values.push(canvas.to_string().into());
    (
        "from user_events where organization_id = ?1 and timestamp >= ?2 and timestamp < ?3 and canvas_id = ?4 and event_type in
         ('canvas.opened', 'canvas.viewed', 'canvas.edited', 'canvas.joined', 'canvas.left')",
        values,
    )
}

#[async_trait]
impl UsageStore for SqliteUsage {
    async fn usage(&self, query: &UsageQuery) -> Result<Usage, UsageError> {
        let (from, values) = of(query);
        let usage = self.0.read(move |connection| {
            let days = format!(
                "select date(timestamp / 1000, 'unixepoch') as day, {FIGURES} {from} group by day order by day"
            );
            let mut days = connection.prepare_cached(&days)?;
            let days = days.query_map(params_from_iter(&values), |row| Ok((row.get(0)?, figures(row, 1)?)))?;
            let days = days.collect::<Result<_, _>>()?;
            let mut totals = connection.prepare_cached(&format!("select {FIGURES} {from}"))?;
            let totals = totals.query_row(params_from_iter(&values), |row| figures(row, 0))?;
            Ok(Usage { days, totals })
        });
        Ok(usage.await?)
    }

    async fn top_canvases(&self, query: &UsageQuery, limit: usize) -> Result<Vec<(CanvasId, Figures)>, UsageError> {
        let (from, values) = of(query);
        let top = self.0.read(move |connection| {
            let top = format!("select canvas_id, {FIGURES} {from} group by canvas_id order by views desc, edits desc, canvas_id limit {limit}");
            let mut top = connection.prepare_cached(&top)?;
            let top = top.query_map(params_from_iter(&values), |row| Ok((row.get::<_, String>(0)?, figures(row, 1)?)))?;
            top.collect::<Result<Vec<_>, _>>()
        });
        Ok(top.await?.into_iter().filter_map(|(id, figures)| Some((id.parse().ok()?, figures))).collect())
    }
}
