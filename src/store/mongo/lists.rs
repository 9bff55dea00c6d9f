//! Lists of canvases and what each person keeps of them.

use std::collections::HashMap;

use mongodb::Collection;
use mongodb::bson::{Bson, Document, doc};

use super::{CANVASES, MARKS, date, integer, key, shape};
use crate::backend::mongo::{LONG, Mongo, SHORT};
use crate::clock::Millis;
use crate::id::CanvasId;
use crate::store::{CanvasKey, CanvasPage, CanvasQuery, CanvasView, Marks, StoreError};

/// How often favourites are counted again because somebody marked the canvas meanwhile; whoever did counts too.
const COUNTS: usize = 8;

/// Those of the organization that the query takes, whatever the view sorts by. `at` is where the canvas's fields are.
fn takes(query: &CanvasQuery, at: &str) -> Document {
    let deleted = if query.view == CanvasView::Deleted {
        doc! { "$ne": null }
    } else {
        doc! { "$eq": null }
    };
    let mut filter = doc! { format!("{at}organization_id"): &query.org, format!("{at}deleted_at"): deleted };
    if let Some(text) = &query.text {
        let text = contains(text);
        let (name, description) = (format!("{at}name"), format!("{at}description"));
        filter.insert("$or", vec![doc! { name: text.clone() }, doc! { description: text }]);
    }
    filter
}

/// Finds a text as it is, whatever the case of its letters.
fn contains(text: &str) -> Document {
    let mut pattern = String::with_capacity(2 * text.len());
    for character in text.chars() {
        match character {
            // Refused in a pattern as it is.
            '\0' => pattern.push_str("\\x00"),
            character if character.is_ascii() && !character.is_ascii_alphanumeric() => {
                pattern.extend(['\\', character]);
            }
            character => pattern.push(character),
        }
    }
    doc! { "$regex": pattern, "$options": "i" }
}

/// Canvases by their own order, newest first.
pub(super) async fn of_organization(mongo: &Mongo, query: &CanvasQuery) -> Result<CanvasPage, StoreError> {
    let canvases: Collection<Document> = mongo.collection(CANVASES);
    let mut filter = takes(query, "");
    if let Some(after) = query.after {
        filter.insert("_id", doc! { "$lt": key(after.id) });
    }
    let find = || async {
        let found = canvases.find(filter.clone()).projection(shape::record_fields()).sort(doc! { "_id": -1 });
        all(found.limit(limit(query)).await?).await
    };
    let found = mongo.run("list canvases", LONG, find).await?;
    let ids: Vec<_> = found.iter().filter_map(|canvas| canvas.get("_id").cloned()).collect();
    let mut marks = marks_of(mongo, &query.user_id, ids).await?;
    let rows = found.iter().map(|canvas| {
        let record = shape::record(canvas)?;
        let marks = marks.remove(&record.id).unwrap_or_default();
        Ok((CanvasKey { at: 0, id: record.id }, record, marks))
    });
    Ok(page(rows.collect::<Result<_, StoreError>>()?, query.limit))
}

/// A person's canvases by the time of a mark, latest first.
pub(super) async fn marked(mongo: &Mongo, query: &CanvasQuery, field: &str) -> Result<CanvasPage, StoreError> {
    let marks: Collection<Document> = mongo.collection(MARKS);
    let mut mine = doc! { "_id.user_id": &query.user_id, field: { "$type": "date" } };
    if let Some(after) = query.after {
        let (at, id) = (date(after.at), key(after.id));
        mine.insert("$or", vec![doc! { field: { "$lt": at } }, doc! { field: at, "_id.canvas_id": { "$lt": id } }]);
    }
    let pipeline = [
        doc! { "$match": mine },
        doc! { "$sort": { field: -1, "_id.canvas_id": -1 } },
        doc! { "$lookup": { "from": CANVASES, "localField": "_id.canvas_id", "foreignField": "_id", "as": "canvas" } },
        doc! { "$unwind": "$canvas" },
        doc! { "$match": takes(query, "canvas.") },
        doc! { "$limit": limit(query) },
        doc! { "$project": { "canvas.layout": 0, "canvas.blocks": 0 } },
    ];
    let find = || async { all(marks.aggregate(pipeline.clone()).await?).await };
    let found = mongo.run("list canvases", LONG, find).await?;
    let rows = found.iter().map(|row| {
        let canvas = row.get_document("canvas").map_err(|error| StoreError(error.to_string()))?;
        let record = shape::record(canvas)?;
        Ok((CanvasKey { at: time(row, field).unwrap_or_default(), id: record.id }, record, marks_in(row)))
    });
    Ok(page(rows.collect::<Result<_, StoreError>>()?, query.limit))
}

/// One more than the limit: it tells that another page follows.
fn limit(query: &CanvasQuery) -> i64 {
    i64::try_from(query.limit).unwrap_or(i64::MAX).saturating_add(1)
}

fn page(mut rows: Vec<(CanvasKey, crate::store::CanvasRecord, Marks)>, limit: usize) -> CanvasPage {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = if more { rows.last().map(|(key, ..)| *key) } else { None };
    CanvasPage { items: rows.into_iter().map(|(_, record, marks)| (record, marks)).collect(), next }
}

async fn all(mut cursor: mongodb::Cursor<Document>) -> Result<Vec<Document>, mongodb::error::Error> {
    let mut found = Vec::new();
    while cursor.advance().await? {
        found.push(cursor.deserialize_current()?);
    }
    Ok(found)
}

// ── marks ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

fn mark_id(user_id: &str, canvas: Bson) -> Document {
    doc! { "user_id": user_id, "canvas_id": canvas }
}

fn time(document: &Document, field: &str) -> Option<Millis> {
    document.get_datetime(field).ok().map(|at| at.timestamp_millis())
}

fn marks_in(document: &Document) -> Marks {
    Marks { favourite_at: time(document, "favourite_at"), opened_at: time(document, "opened_at") }
}

async fn marks_of(mongo: &Mongo, user_id: &str, canvases: Vec<Bson>) -> Result<HashMap<CanvasId, Marks>, StoreError> {
    if canvases.is_empty() {
        return Ok(HashMap::new());
    }
    let marks: Collection<Document> = mongo.collection(MARKS);
    let ids: Vec<_> = canvases.into_iter().map(|canvas| mark_id(user_id, canvas)).collect();
    let find = || async { all(marks.find(doc! { "_id": { "$in": ids.clone() } }).await?).await };
    let found = mongo.run("read marks", SHORT, find).await?;
    let id = |mark: &Document| shape::id(mark.get_document("_id").ok()?, "canvas_id").ok();
    Ok(found.iter().filter_map(|mark| Some((id(mark)?, marks_in(mark)))).collect())
}

/// What a person keeps of a canvas.
pub(super) async fn marks(mongo: &Mongo, user_id: &str, id: CanvasId) -> Result<Marks, StoreError> {
    Ok(marks_of(mongo, user_id, vec![key(id)]).await?.remove(&id).unwrap_or_default())
}

/// Everybody's marks of a canvas.
pub(super) async fn marks_of_canvas(mongo: &Mongo, id: CanvasId) -> Result<Vec<(String, Marks)>, StoreError> {
    let marks: Collection<Document> = mongo.collection(MARKS);
    let of = doc! { "_id.canvas_id": key(id) };
    let find = || async { all(marks.find(of.clone()).sort(doc! { "_id.user_id": 1 }).await?).await };
    let found = mongo.run("read marks", LONG, find).await?;
    let user = |mark: &Document| Some(mark.get_document("_id").ok()?.get_str("user_id").ok()?.to_owned());
    Ok(found.iter().filter_map(|mark| Some((user(mark)?, marks_in(mark)))).collect())
}

/// One that is a favourite already keeps its place. The record's count of favourites follows.
pub(super) async fn set_favourite(
    mongo: &Mongo,
    user_id: &str,
    id: CanvasId,
    at: Option<Millis>,
) -> Result<(), StoreError> {
    if let Some(at) = at {
        mark(mongo, user_id, id, "favourite_at", at, true).await?;
        return count_favourites(mongo, id).await;
    }
    let marks: Collection<Document> = mongo.collection(MARKS);
    let (own, none) = (doc! { "_id": mark_id(user_id, key(id)) }, doc! { "$unset": { "favourite_at": "" } });
    let unset = || async { marks.update_one(own.clone(), none.clone()).await };
    mongo.run("mark a canvas", SHORT, unset).await?;
    count_favourites(mongo, id).await
}

/// Writes into the record whose favourite it is, as a number. Counted, not added up, so that a node that dies between the mark and the count
/// leaves nothing that the next mark does not mend; and counted again after it was written, so that of two nodes the one that writes last
/// has seen both marks.
pub(super) async fn count_favourites(mongo: &Mongo, id: CanvasId) -> Result<(), StoreError> {
    let (marks, canvases): (Collection<Document>, Collection<Document>) =
        (mongo.collection(MARKS), mongo.collection(CANVASES));
    let favourites = doc! { "_id.canvas_id": key(id), "favourite_at": { "$type": "date" } };
    let count = || async { marks.count_documents(favourites.clone()).await };
    let mut counted = mongo.run("count favourites", SHORT, count).await?;
    for _ in 0..COUNTS {
        let count_now = integer(usize::try_from(counted).unwrap_or(usize::MAX));
        let set = doc! { "$set": { "interactions.favorites_count": count_now } };
        let write = || async { canvases.update_one(doc! { "_id": key(id) }, set.clone()).await };
        mongo.run("write the number of favourites", SHORT, write).await?;
        let before = counted;
        counted = mongo.run("count favourites", SHORT, count).await?;
        if counted == before {
            break;
        }
    }
    Ok(())
}

/// The last opened comes first. The record's views follow; one more if an answer was lost and the driver's own repetition was not enough.
pub(super) async fn set_opened(mongo: &Mongo, user_id: &str, id: CanvasId, at: Millis) -> Result<(), StoreError> {
    mark(mongo, user_id, id, "opened_at", at, false).await?;
    let canvases: Collection<Document> = mongo.collection(CANVASES);
    let seen = doc! { "$inc": { "interactions.views": 1 }, "$max": { "interactions.last_viewed_at": date(at) } };
    let write = || async { canvases.update_one(doc! { "_id": key(id) }, seen.clone()).await };
    mongo.run("count a view", SHORT, write).await?;
    Ok(())
}

/// Sets a time of a person's marks, after all their others: two within a millisecond, or across a clock that was set back, still have an
/// order. Two at the same moment on two nodes may share a time; then the canvas's id orders them. With `once` a time that is there stays.
async fn mark(
    mongo: &Mongo,
    user_id: &str,
    id: CanvasId,
    field: &str,
    at: Millis,
    once: bool,
) -> Result<(), StoreError> {
    let marks: Collection<Document> = mongo.collection(MARKS);
    let mine = doc! { "_id.user_id": user_id, field: { "$type": "date" } };
    let latest = || async { marks.find_one(mine.clone()).sort(doc! { field: -1 }).await };
    let latest = mongo.run("read marks", SHORT, latest).await?.and_then(|mark| time(&mark, field));
    let at = latest.map_or(at, |latest| at.max(latest + 1));
    let mut own = doc! { "_id": mark_id(user_id, key(id)) };
    if once {
        own.insert(field, Bson::Null);
    }
    let set = doc! { "$set": { field: date(at) } };
    let write = || async { marks.update_one(own.clone(), set.clone()).upsert(true).await };
    match mongo.run("mark a canvas", SHORT, write).await {
        // It is there, with a time; or another node wrote it at this moment.
        Err(error) if error.is_duplicate() => Ok(()),
        outcome => Ok(outcome.map(drop)?),
    }
}
