//! Canvases out of and into the embedded store, whole. Owns how [`Part`]s and rows correspond; not the file they travel in.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::mpsc;

use super::{RECORD, actors_text, insert_entry, insert_record, key, marks, record};
use crate::doc::document::Document;
use crate::id::CanvasId;
use crate::store::{CanvasRecord, Part, PastChange, fold};

/// Changes of one history segment that an import writes: about what a fold makes.
const SEGMENT_CHANGES: usize = 500;
/// Bytes after which a segment ends early: what a fold is bound by too.
const SEGMENT_BYTES: usize = 4 << 20;

/// What is stored, or what came, cannot be used. The statement-level error type is the only one that gets through a savepoint.
fn unusable(what: impl std::fmt::Display) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(what.to_string().into())
}

fn actors(text: &str) -> Result<Vec<String>, rusqlite::Error> {
    serde_json::from_str(text).map_err(|error| unusable(format!("the authors of a change cannot be read: {error}")))
}

/// See [`crate::store::Store::export_canvas`]. Blocks.
pub(super) fn export(
    connection: &Connection,
    id: CanvasId,
    parts: &mpsc::Sender<Part>,
) -> Result<bool, rusqlite::Error> {
    let head = connection
        .prepare_cached(&format!("select {RECORD} from canvases where id = ?1"))?
        .query_row([key(id)], record)
        .optional()?;
    let Some(head) = head else { return Ok(false) };
    // Nobody receives any more: whatever comes next is for nobody either.
    let gone = || Ok(true);
    if parts.blocking_send(Part::Record(head)).is_err() {
        return gone();
    }
    let mut segments = connection.prepare("select body from canvas_history where canvas_id = ?1 order by first_seq")?;
    let mut segments = segments.query([key(id)])?;
    let mut last = 0;
    while let Some(segment) = segments.next()? {
        for line in fold::unpack(segment.get_ref(0)?.as_blob()?).map_err(unusable)? {
            let line = line.map_err(unusable)?;
            if line.seq <= last {
                continue;
            }
            last = line.seq;
            if parts.blocking_send(Part::Folded(line.change().map_err(unusable)?)).is_err() {
                return gone();
            }
        }
    }
    // The latest alone: it folds those before it.
    let snapshot = connection
        .prepare_cached("select body from canvas_snapshots where canvas_id = ?1 order by through_seq desc limit 1")?
        .query_row([key(id)], |row| row.get(0))
        .optional()?;
    if let Some(snapshot) = snapshot
        && parts.blocking_send(Part::Snapshot(snapshot)).is_err()
    {
        return gone();
    }
    let mut entries = connection
        .prepare("select at, actors, body from canvas_updates where canvas_id = ?1 and seq > ?2 order by seq")?;
    let mut entries = entries.query(params![key(id), last])?;
    while let Some(row) = entries.next()? {
        let body = Bytes::from(row.get::<_, Vec<u8>>(2)?);
        let change = PastChange { at: row.get(0)?, actors: actors(row.get_ref(1)?.as_str()?)?, body };
        if parts.blocking_send(Part::Entry(change)).is_err() {
            return gone();
        }
    }
    let mut kept = connection
        .prepare("select favourite_at, opened_at, user_id from canvas_marks where canvas_id = ?1 order by user_id")?;
    let mut kept = kept.query([key(id)])?;
    while let Some(row) = kept.next()? {
        if parts.blocking_send(Part::Marks { user_id: row.get(2)?, marks: marks(row, 0)? }).is_err() {
            return gone();
        }
    }
    let _ = parts.blocking_send(Part::End);
    Ok(true)
}

/// See [`crate::store::Store::import_canvas`]. Blocks.
pub(super) fn import(
    connection: &Connection,
    parts: &mut mpsc::Receiver<Part>,
    replace: bool,
) -> Result<bool, rusqlite::Error> {
    let Some(Part::Record(canvas)) = parts.blocking_recv() else { return Err(unusable("the canvas has no record")) };
    let id = canvas.id;
    if replace {
        for table in ["canvas_marks", "canvas_updates", "canvas_snapshots", "canvas_history"] {
            connection.execute(&format!("delete from {table} where canvas_id = ?1"), [key(id)])?;
        }
        connection.execute("delete from canvases where id = ?1", [key(id)])?;
    }
    if !insert_record(connection, &canvas)? {
        return Ok(false);
    }
    let mut seq = 0;
    let mut segment = Segment::default();
    let mut snapshots = Vec::new();
    loop {
        match parts.blocking_recv() {
            Some(Part::Folded(change)) => {
                seq += 1;
                segment.push(connection, id, seq, change)?;
            }
            Some(Part::Snapshot(snapshot)) => snapshots.push(snapshot),
            Some(Part::Entry(change)) => {
                // Before the number of the first entry is given away.
                insert_snapshot(connection, &canvas, seq, &mut snapshots)?;
                seq += 1;
                insert_entry(connection, id, seq, change.at, &change.actors, &change.body)?;
            }
            Some(Part::Marks { user_id, marks }) => {
                connection.execute(
                    "insert into canvas_marks (user_id, canvas_id, favourite_at, opened_at) values (?1, ?2, ?3, ?4)",
                    params![user_id, key(id), marks.favourite_at, marks.opened_at],
                )?;
            }
            Some(Part::End) => break,
            Some(Part::Record(_)) => return Err(unusable("the canvas has two records")),
            None => return Err(unusable("the canvas ends before its end")),
        }
    }
    segment.flush(connection, id)?;
    insert_snapshot(connection, &canvas, seq, &mut snapshots)?;
    Ok(true)
}

/// Writes the snapshots as the one this store reads: it takes the latest only, and each of several need not hold all of the others.
fn insert_snapshot(
    connection: &Connection,
    canvas: &CanvasRecord,
    through_seq: i64,
    snapshots: &mut Vec<Vec<u8>>,
) -> Result<(), rusqlite::Error> {
    let snapshot = match std::mem::take(snapshots).as_mut_slice() {
        [] => return Ok(()),
        [only] => std::mem::take(only),
        several => {
            let document = Document::restore(several, &[]).map_err(unusable)?;
            document.encode_snapshot().map_err(unusable)?
        }
    };
    connection.execute(
        "insert into canvas_snapshots (canvas_id, through_seq, at, body) values (?1, ?2, ?3, ?4)",
        params![key(canvas.id), through_seq, canvas.updated_at, snapshot],
    )?;
    Ok(())
}

/// History that is not written yet.
#[derive(Default)]
struct Segment {
    lines: Vec<u8>,
    changes: usize,
    last_seq: i64,
}

impl Segment {
    fn push(
        &mut self,
        connection: &Connection,
        id: CanvasId,
        seq: i64,
        change: PastChange,
    ) -> Result<(), rusqlite::Error> {
        let actors = actors_text(&change.actors).into();
        let row = fold::Row { name: ("seq", seq.into()), at: change.at, actors, body: change.body };
        fold::write_line(&mut self.lines, &row);
        self.changes += 1;
        self.last_seq = seq;
        if self.changes == SEGMENT_CHANGES || self.lines.len() >= SEGMENT_BYTES {
            self.flush(connection, id)?;
        }
        Ok(())
    }

    fn flush(&mut self, connection: &Connection, id: CanvasId) -> Result<(), rusqlite::Error> {
        if self.changes > 0 {
            let body = fold::pack(&self.lines).map_err(unusable)?;
            let first_seq = self.last_seq - self.changes.cast_signed() as i64 + 1;
            connection.execute(
                "insert into canvas_history (canvas_id, first_seq, last_seq, body) values (?1, ?2, ?3, ?4)",
                params![key(id), first_seq, self.last_seq, body],
            )?;
        }
        *self = Self::default();
        Ok(())
    }
}
