//! The embedded event store: rows of `user_events` beside the canvases.

use rusqlite::params;

use super::UsageEvent;
use crate::backend::sqlite::{Sqlite, SqliteError};

pub(super) async fn insert(sqlite: &Sqlite, batch: Vec<UsageEvent>) -> Result<(), SqliteError> {
    sqlite
        .write(move |connection| {
            let mut insert = connection.prepare_cached(
                "insert into user_events (timestamp, user_id, organization_id, event_type, event_data, session_id)
                 values (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            for event in &batch {
                insert.execute(params![
                    event.timestamp,
                    event.user_id,
                    event.organization_id,
                    event.event_type,
                    event.event_data.to_string(),
                    event.session_id
                ])?;
            }
            Ok(())
        })
        .await
}
