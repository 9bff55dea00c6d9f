//! The embedded store: canvases in one SQLite file. Commits are synced to disk before they are answered.

mod transfer;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tokio::sync::{Semaphore, mpsc};

use super::{
    Append, CanvasKey, CanvasPage, CanvasQuery, CanvasRecord, CanvasView, Marks, Part, Store, StoreError, Stored, fold,
};
use crate::backend::sqlite::{Sqlite, SqliteError};
use crate::clock::{Clock, Millis};
use crate::id::CanvasId;

/// Largest quarantined body kept, bytes: enough to look into what broke a document.
const QUARANTINE_BYTES: usize = 1 << 20;

/// Searches at once. One looks at every canvas of an organization, and rooms that load use the same connections.
const SEARCHES: usize = 2;

/// [`Store`] on SQLite.
pub struct SqliteStore {
    sqlite: Sqlite,
    clock: Clock,
    searches: Arc<Semaphore>,
}

impl SqliteStore {
    /// A store on an open, migrated database.
    #[must_use]
    pub fn new(sqlite: Sqlite, clock: Clock) -> Self {
        Self { sqlite, clock, searches: Arc::new(Semaphore::new(SEARCHES)) }
    }
}

impl From<SqliteError> for StoreError {
    fn from(error: SqliteError) -> Self {
        Self(error.to_string())
    }
}

const RECORD: &str = "id, org, owner_id, name, description, block_count, created_at, updated_at, deleted_at";

fn record(row: &Row<'_>) -> Result<CanvasRecord, rusqlite::Error> {
    Ok(CanvasRecord {
        id: CanvasId(row.get::<_, [u8; 16]>(0).map(uuid::Uuid::from_bytes)?),
        org: row.get(1)?,
        owner_id: row.get(2)?,
        name: row.get(3)?,
        description: row.get(4)?,
        block_count: row.get(5)?,
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
        deleted_at: row.get(8)?,
    })
}

fn key(id: CanvasId) -> [u8; 16] {
    id.0.into_bytes()
}

fn marks(row: &Row<'_>, from: usize) -> Result<Marks, rusqlite::Error> {
    Ok(Marks { favourite_at: row.get(from)?, opened_at: row.get(from + 1)? })
}

/// Sets a time of a person's marks, after all their others: two within a millisecond, or across a clock that was set back, still have
/// an order. Writes over the one there is where `replace` holds.
fn mark(field: &str, replace: &str) -> String {
    format!(
        "insert into canvas_marks (user_id, canvas_id, {field})
         values (?1, ?2, max(?3, 1 + coalesce((select max({field}) from canvas_marks where user_id = ?1), 0)))
         on conflict do update set {field} = excluded.{field} where {replace}"
    )
}

/// One more than the limit, if there is one: it tells that another page follows.
fn list(
    connection: &Connection,
    query: &CanvasQuery,
) -> Result<Vec<(CanvasKey, CanvasRecord, Marks)>, rusqlite::Error> {
    // What the view sorts by, and which canvases it takes besides.
    let (at, takes) = match query.view {
        CanvasView::All => ("0", "deleted_at is null"),
        CanvasView::Deleted => ("0", "deleted_at is not null"),
        CanvasView::Favourites => ("favourite_at", "favourite_at is not null and deleted_at is null"),
        CanvasView::Recent => ("opened_at", "opened_at is not null and deleted_at is null"),
    };
    // Without a time to sort by the order is the index's own.
    let (after, order) = match at {
        "0" => ("id < ?4", "id desc".to_owned()),
        at => ("(MARK, id) < (?3, ?4)", format!("{at} desc, id desc")),
    };
    let after = after.replace("MARK", at);
    let mut statement = connection.prepare_cached(&format!(
        "select {RECORD}, favourite_at, opened_at, {at} from canvases
         left join canvas_marks on canvas_id = id and user_id = ?2
         where org = ?1 and {takes} and (?4 is null or {after})
         and (?5 is null or contains_text(name, ?5) or contains_text(description, ?5))
         order by {order} limit ?6"
    ))?;
    let (at, id) = (query.after.map(|key| key.at), query.after.map(|after| key(after.id)));
    let limit = (query.limit + 1).cast_signed() as i64;
    let rows = statement.query_map(params![query.org, query.user_id, at, id, query.text, limit], |row| {
        let record = record(row)?;
        Ok((CanvasKey { at: row.get(11)?, id: record.id }, record, marks(row, 9)?))
    })?;
    rows.collect()
}

/// The next number of a canvas's journal. The history counts too: numbers are never reused after a fold.
const NEXT_SEQ: &str = "select 1 + max(
    coalesce((select max(seq) from canvas_updates where canvas_id = ?1), 0),
    coalesce((select max(through_seq) from canvas_snapshots where canvas_id = ?1), 0))";

fn append_entry(
    connection: &Connection,
    id: CanvasId,
    at: Millis,
    actors: &[String],
    body: &[u8],
) -> Result<(), rusqlite::Error> {
    let seq: i64 = connection.prepare_cached(NEXT_SEQ)?.query_row([key(id)], |row| row.get(0))?;
    insert_entry(connection, id, seq, at, actors, body)
}

fn insert_entry(
    connection: &Connection,
    id: CanvasId,
    seq: i64,
    at: Millis,
    actors: &[String],
    body: &[u8],
) -> Result<(), rusqlite::Error> {
    connection
        .prepare_cached("insert into canvas_updates (canvas_id, seq, at, actors, body) values (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![key(id), seq, at, actors_text(actors), body])?;
    Ok(())
}

/// Authors, as a row keeps them.
fn actors_text(actors: &[String]) -> String {
    serde_json::to_string(actors).unwrap_or_default()
}

/// `false`: there is one.
fn insert_record(connection: &Connection, canvas: &CanvasRecord) -> Result<bool, rusqlite::Error> {
    let inserted = connection.execute(
        &format!("insert or ignore into canvases ({RECORD}) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"),
        params![
            key(canvas.id),
            canvas.org,
            canvas.owner_id,
            canvas.name,
            canvas.description,
            canvas.block_count,
            canvas.created_at,
            canvas.updated_at,
            canvas.deleted_at
        ],
    )?;
    Ok(inserted == 1)
}

#[async_trait]
impl Store for SqliteStore {
    async fn create_canvas(&self, canvas: CanvasRecord, seed: Bytes) -> Result<(), StoreError> {
        let create = move |connection: &Connection| {
            if insert_record(connection, &canvas)? {
                append_entry(connection, canvas.id, canvas.created_at, &[canvas.owner_id], &seed)?;
            }
            Ok(())
        };
        Ok(self.sqlite.write(create).await?)
    }

    async fn canvas(&self, id: CanvasId) -> Result<Option<CanvasRecord>, StoreError> {
        let find = move |connection: &Connection| {
            connection
                .prepare_cached(&format!("select {RECORD} from canvases where id = ?1"))?
                .query_row([key(id)], record)
                .optional()
        };
        Ok(self.sqlite.read(find).await?)
    }

    async fn canvases(&self, mut query: CanvasQuery) -> Result<CanvasPage, StoreError> {
        let limit = query.limit;
        query.text = query.text.map(|text| text.to_lowercase());
        let turn = match query.text {
            Some(_) => Arc::clone(&self.searches).acquire_owned().await.ok(),
            None => None,
        };
        let read = move |connection: &Connection| {
            // Until it ends, also when nobody waits for it any more.
            let _turn = turn;
            list(connection, &query)
        };
        let mut items = self.sqlite.read(read).await?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(|(key, ..)| *key) } else { None };
        Ok(CanvasPage { items: items.into_iter().map(|(_, record, marks)| (record, marks)).collect(), next })
    }

    async fn marks(&self, user_id: &str, id: CanvasId) -> Result<Marks, StoreError> {
        let user_id = user_id.to_owned();
        let find = move |connection: &Connection| {
            connection
                .prepare_cached(
                    "select favourite_at, opened_at from canvas_marks where user_id = ?1 and canvas_id = ?2",
                )?
                .query_row(params![user_id, key(id)], |row| marks(row, 0))
                .optional()
        };
        Ok(self.sqlite.read(find).await?.unwrap_or_default())
    }

    async fn set_favourite(&self, user_id: &str, id: CanvasId, at: Option<Millis>) -> Result<(), StoreError> {
        let user_id = user_id.to_owned();
        let mark = move |connection: &Connection| match at {
            Some(at) => {
                connection.execute(&mark("favourite_at", "favourite_at is null"), params![user_id, key(id), at])
            }
            None => connection.execute(
                "update canvas_marks set favourite_at = null where user_id = ?1 and canvas_id = ?2",
                params![user_id, key(id)],
            ),
        };
        self.sqlite.write(mark).await?;
        Ok(())
    }

    async fn set_opened(&self, user_id: &str, id: CanvasId, at: Millis) -> Result<(), StoreError> {
        let user_id = user_id.to_owned();
        let mark = move |connection: &Connection| {
            connection.execute(&mark("opened_at", "true"), params![user_id, key(id), at])
        };
        self.sqlite.write(mark).await?;
        Ok(())
    }

    async fn set_deleted(&self, id: CanvasId, at: Option<Millis>) -> Result<bool, StoreError> {
        let mark = move |connection: &Connection| {
            connection.execute("update canvases set deleted_at = ?2 where id = ?1", params![key(id), at])
        };
        Ok(self.sqlite.write(mark).await? == 1)
    }

    async fn append(&self, append: Append) -> Result<(), StoreError> {
        let write = move |connection: &Connection| {
            let Some(last) = append.changes.last() else { return Ok(()) };
            for change in &append.changes {
                append_entry(connection, append.canvas, change.at, &change.actors, &change.body)?;
            }
            let headline = &append.headline;
            connection
                .prepare_cached(
                    "update canvases set name = ?2, description = ?3, block_count = ?4, updated_at = ?5 where id = ?1",
                )?
                .execute(params![
                    key(append.canvas),
                    headline.name,
                    headline.description,
                    headline.blocks.cast_signed() as i64,
                    last.at
                ])?;
            Ok(())
        };
        Ok(self.sqlite.write(write).await?)
    }

    async fn load(&self, id: CanvasId) -> Result<Option<Stored>, StoreError> {
        let load = move |connection: &Connection| {
            let exists = connection.prepare_cached("select 1 from canvases where id = ?1")?.exists([key(id)])?;
            if !exists {
                return Ok(None);
            }
            // Entries first, snapshot second: see the module docs of the port.
            let entries = connection
                .prepare_cached("select body from canvas_updates where canvas_id = ?1 order by seq")?
                .query_map([key(id)], |row| row.get::<_, Vec<u8>>(0).map(Bytes::from))?
                .collect::<Result<Vec<_>, _>>()?;
            let snapshot = connection
                .prepare_cached(
                    "select body from canvas_snapshots where canvas_id = ?1 order by through_seq desc limit 1",
                )?
                .query_row([key(id)], |row| row.get(0))
                .optional()?;
            Ok(Some(Stored { snapshots: Vec::from_iter(snapshot), entries }))
        };
        Ok(self.sqlite.read(load).await?)
    }

    async fn compact(&self, id: CanvasId) -> Result<usize, StoreError> {
        let _turn = fold::turn().await;
        let at = self.clock.now();
        let Some(fold) = self.sqlite.read(move |connection| read_fold(connection, id)).await? else { return Ok(0) };
        let Fold { snapshots, first_seq, through_seq, rows } = fold;
        let count = rows.len();
        let folded = fold::fold(snapshots, rows).await?;
        let write = move |connection: &Connection| {
            connection.execute(
                "insert or ignore into canvas_snapshots (canvas_id, through_seq, at, body) values (?1, ?2, ?3, ?4)",
                params![key(id), through_seq, at, folded.snapshot],
            )?;
            connection.execute(
                // Two folds at once may start at the same entry: the longer one is the history.
                "insert into canvas_history (canvas_id, first_seq, last_seq, body) values (?1, ?2, ?3, ?4)
                 on conflict do update set last_seq = excluded.last_seq, body = excluded.body
                 where excluded.last_seq > last_seq",
                params![key(id), first_seq, through_seq, folded.history],
            )?;
            connection.execute(
                "delete from canvas_updates where canvas_id = ?1 and seq between ?2 and ?3",
                params![key(id), first_seq, through_seq],
            )?;
            connection.execute(
                "delete from canvas_snapshots where canvas_id = ?1 and through_seq < ?2",
                params![key(id), through_seq],
            )?;
            Ok(())
        };
        self.sqlite.write(write).await?;
        Ok(count)
    }

    async fn quarantine(&self, id: CanvasId, actor: &str, reason: &str, body: Bytes) -> Result<(), StoreError> {
        let (actor, reason, at) = (actor.to_owned(), reason.to_owned(), self.clock.now());
        let body = body.slice(..body.len().min(QUARANTINE_BYTES));
        let keep = move |connection: &Connection| {
            connection.execute(
                "insert into canvas_quarantine (canvas_id, at, actor, reason, body) values (?1, ?2, ?3, ?4, ?5)",
                params![key(id), at, actor, reason, &body[..]],
            )
        };
        self.sqlite.write(keep).await?;
        Ok(())
    }

    async fn canvas_ids(&self, after: Option<CanvasId>, limit: usize) -> Result<Vec<CanvasId>, StoreError> {
        let list = move |connection: &Connection| {
            let mut select = connection
                .prepare_cached("select id from canvases where ?1 is null or id > ?1 order by id limit ?2")?;
            let rows = select.query_map(params![after.map(key), limit.cast_signed()], |row| {
                Ok(CanvasId(row.get::<_, [u8; 16]>(0).map(uuid::Uuid::from_bytes)?))
            })?;
            rows.collect()
        };
        Ok(self.sqlite.read(list).await?)
    }

    async fn export_canvas(&self, id: CanvasId, parts: mpsc::Sender<Part>) -> Result<bool, StoreError> {
        // One reader's transaction is one moment's view, and its thread may wait for the receiver.
        Ok(self.sqlite.read(move |connection| transfer::export(connection, id, &parts)).await?)
    }

    async fn import_canvas(&self, mut parts: mpsc::Receiver<Part>, replace: bool) -> Result<bool, StoreError> {
        // One savepoint, so all or nothing. It holds the writer while parts come, and whoever imports is alone with the database.
        Ok(self.sqlite.write(move |connection| transfer::import(connection, &mut parts, replace)).await?)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.sqlite.write(|connection| connection.query_row("select 1", [], |_| Ok(()))).await?)
    }
}

/// What a compaction read: the snapshot before it and the rows it folds.
struct Fold {
    snapshots: Vec<Vec<u8>>,
    first_seq: i64,
    through_seq: i64,
    rows: Vec<fold::Row>,
}

fn read_fold(connection: &Connection, id: CanvasId) -> Result<Option<Fold>, rusqlite::Error> {
    let rows = connection
        .prepare_cached("select seq, at, actors, body from canvas_updates where canvas_id = ?1 order by seq")?
        .query_map([key(id)], |row| {
            let body = row.get::<_, Vec<u8>>(3).map(Bytes::from)?;
            let (seq, actors): (i64, String) = (row.get(0)?, row.get(2)?);
            Ok((seq, fold::Row { name: ("seq", seq.into()), at: row.get(1)?, actors: actors.into(), body }))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let (Some((first_seq, _)), Some((through_seq, _))) = (rows.first(), rows.last()) else { return Ok(None) };
    let (first_seq, through_seq) = (*first_seq, *through_seq);
    let snapshot = connection
        .prepare_cached("select body from canvas_snapshots where canvas_id = ?1 order by through_seq desc limit 1")?
        .query_row([key(id)], |row| row.get(0))
        .optional()?;
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    Ok(Some(Fold { snapshots: Vec::from_iter(snapshot), first_seq, through_seq, rows }))
}
