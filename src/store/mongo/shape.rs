//! Canvases as `canvases` holds them: the shape of the data model, integers as integers and times as dates, so that plain MongoDB queries
//! see true blocks. The record's fields are the truth; `layout`, `blocks` and `metadata.tags` are a copy of the document's.
//!
//! # `interactions`
//! Kept for those who query MongoDB; the product shows usage from events, and what each person keeps from `canvas_marks`.
//! - `favorites_count`: the people whose favourite it is now.
//! - `views`, `last_viewed_at`: how often, and when last, `PUT /v1/canvases/{id}/opened` was called, which the web client does once each
//!   time somebody who is logged in comes to the canvas. Guests who come by token, reads through the API, and sockets of other programs
//!   are not in it. They begin at 0 when a canvas is imported.
//! - `comments_count`: 0; there are no comments yet.

use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{date, integer, key};
use crate::doc::schema::{BlockJson, CanvasJson, Position, default_layout};
use crate::id::CanvasId;
use crate::store::{CanvasRecord, StoreError, Stored};

/// What of a canvas's copy fits beside its record in one document of 16 MiB, bytes.
const SHOWN_BYTES: usize = 14 << 20;

/// The field that says that the copy is not whole, and why.
const LEFT_OUT: &str = "blocks_left_out";

/// The fields [`record`] reads; not the blocks, which may be megabytes.
pub(super) fn record_fields() -> Document {
    doc! {
        "organization_id": 1, "owner_id": 1, "name": 1, "description": 1, "block_count": 1, "metadata.created_at": 1,
        "metadata.updated_at": 1, "deleted_at": 1,
    }
}

/// A record as it was written.
pub(super) fn record(document: &Document) -> Result<CanvasRecord, StoreError> {
    let odd = |error: &dyn std::fmt::Display| StoreError(format!("a document of `canvases` cannot be read: {error}"));
    let text = |key: &str| document.get_str(key).map(str::to_owned).map_err(|error| odd(&error));
    let metadata = document.get_document("metadata").map_err(|error| odd(&error))?;
    let time = |key: &str| metadata.get_datetime(key).map(|at| at.timestamp_millis()).map_err(|error| odd(&error));
    let block_count = match document.get("block_count") {
        Some(Bson::Int32(count)) => u32::try_from(*count).unwrap_or_default(),
        Some(Bson::Int64(count)) => u32::try_from(*count).unwrap_or_default(),
        _ => 0,
    };
    Ok(CanvasRecord {
        id: id(document, "_id")?,
        org: text("organization_id")?,
        owner_id: text("owner_id")?,
        name: text("name")?,
        description: text("description")?,
        block_count,
        created_at: time("created_at")?,
        updated_at: time("updated_at")?,
        deleted_at: document.get_datetime("deleted_at").ok().map(|at| at.timestamp_millis()),
    })
}

/// A canvas id in a document.
pub(super) fn id(document: &Document, key: &str) -> Result<CanvasId, StoreError> {
    match document.get(key) {
        Some(Bson::Binary(binary)) => uuid::Uuid::from_slice(&binary.bytes).ok().map(CanvasId),
        _ => None,
    }
    .ok_or_else(|| StoreError(format!("a document has no UUID in `{key}`")))
}

/// The document of a canvas that is not listed yet, without its `_id`. Takes a moment of a core for a large one.
pub(super) fn new_canvas(record: &CanvasRecord, stored: &Stored) -> Result<Document, StoreError> {
    let document = stored.restore().map_err(|error| StoreError(error.to_string()))?;
    let shown = Shown::of(&document.materialise());
    let mut canvas = doc! {
        "organization_id": &record.org,
        "project_id": null,
        "name": &record.name,
        "description": &record.description,
        "owner_id": &record.owner_id,
        "version": 1,
        "layout": shown.layout,
        "blocks": shown.blocks,
        "sharing": {
            "visibility": "private", "permissions": [], "public_link": null,
            "embed_settings": { "enabled": false, "allowed_domains": [] },
        },
        "interactions": { "views": 0, "last_viewed_at": null, "comments_count": 0, "favorites_count": 0 },
        "metadata": {
            "tags": shown.tags, "created_at": date(record.created_at), "updated_at": date(record.updated_at),
            "version_history": [],
        },
        "block_count": integer(record.block_count as usize),
        "deleted_at": record.deleted_at.map(date),
    };
    if let Some(left_out) = shown.left_out {
        canvas.insert(LEFT_OUT, left_out);
    }
    Ok(canvas)
}

/// The update that makes the copy, and what lists show, that of a canvas as it is now.
pub(super) fn shown_now(canvas: &CanvasJson) -> Document {
    let shown = Shown::of(canvas);
    let mut set = doc! {
        "layout": shown.layout, "blocks": shown.blocks, "metadata.tags": shown.tags, "block_count": integer(canvas.blocks.len()),
    };
    let Some(left_out) = shown.left_out else {
        return doc! { "$set": set, "$unset": { LEFT_OUT: "" } };
    };
    set.insert(LEFT_OUT, left_out);
    doc! { "$set": set }
}

/// The statement that brings a record up to its document's headline. The time only grows: of two nodes, the later change counts.
pub(super) fn headline(append: &crate::store::Append) -> Document {
    let headline = &append.headline;
    let at = append.changes.iter().map(|change| change.at).max().unwrap_or_default();
    doc! {
        "q": { "_id": key(append.canvas) },
        "u": {
            "$set": {
                "name": &headline.name, "description": &headline.description, "block_count": integer(headline.blocks),
            },
            "$max": { "metadata.updated_at": date(at) },
        },
    }
}

struct Shown {
    layout: Bson,
    blocks: Vec<Bson>,
    tags: Vec<String>,
    left_out: Option<String>,
}

impl Shown {
    fn of(canvas: &CanvasJson) -> Self {
        let blocks: Vec<_> = canvas.blocks.iter().map(block).collect();
        let mut shown = Self { layout: bson(&canvas.layout), blocks, tags: canvas.tags.clone(), left_out: None };
        let bytes = shown.bytes();
        if bytes > SHOWN_BYTES {
            shown.blocks = Vec::new();
            shown.left_out =
                Some(format!("the canvas is {bytes} bytes, more than a document takes; read it through the API"));
        }
        if shown.bytes() > SHOWN_BYTES {
            shown.layout = bson(&default_layout());
            shown.tags = Vec::new();
        }
        shown
    }

    /// As a document; one that BSON cannot hold has no size that fits.
    fn bytes(&self) -> usize {
        let document = doc! { "layout": &self.layout, "blocks": &self.blocks, "tags": &self.tags };
        RawDocumentBuf::try_from(&document).map_or(usize::MAX, |raw| raw.as_bytes().len())
    }
}

fn block(block: &BlockJson) -> Bson {
    let mut document = doc! {
        "id": &block.id, "type": &block.kind, "position": position(&block.position), "content": object(&block.content),
    };
    if !block.metadata.is_empty() {
        let dated = block.metadata.iter().map(|(name, value)| (field(name), dated(name, value)));
        document.insert("metadata", dated.collect::<Document>());
    }
    if let Some(locked) = block.locked {
        document.insert("locked", locked);
    }
    if !block.placements.is_empty() {
        let placements = block.placements.iter().map(|(name, place)| (field(name), Bson::from(position(place))));
        document.insert("placements", placements.collect::<Document>());
    }
    for (name, value) in &block.extra {
        document.insert(field(name), bson(value));
    }
    Bson::Document(document)
}

fn position(place: &Position) -> Document {
    doc! { "x": number(place.x), "y": number(place.y), "w": number(place.w), "h": number(place.h) }
}

/// A field of a block's metadata: a time in a field that is named as one is a date.
fn dated(name: &str, value: &Value) -> Bson {
    let time = match value {
        Value::String(text) if name.ends_with("_at") => OffsetDateTime::parse(text, &Rfc3339).ok(),
        _ => None,
    };
    match time {
        Some(time) => Bson::DateTime(DateTime::from_millis((time.unix_timestamp_nanos() / 1_000_000) as i64)),
        None => bson(value),
    }
}

fn object(map: &Map<String, Value>) -> Document {
    map.iter().map(|(name, value)| (field(name), bson(value))).collect()
}

/// A field's name. MongoDB takes a leading `$` for an operator or refuses it, and BSON ends a name at a zero.
fn field(name: &str) -> String {
    let name = name.replace('\0', "\u{fffd}");
    match name.strip_prefix('$') {
        Some(rest) => format!("\u{ff04}{rest}"),
        None => name,
    }
}

fn bson(value: &Value) -> Bson {
    match value {
        Value::Null => Bson::Null,
        Value::Bool(value) => Bson::Boolean(*value),
        Value::Number(value) => match value.as_i64() {
            Some(whole) => number(whole),
            None => Bson::Double(value.as_f64().unwrap_or_default()),
        },
        Value::String(text) => Bson::String(text.clone()),
        Value::Array(items) => Bson::Array(items.iter().map(bson).collect()),
        Value::Object(map) => Bson::Document(object(map)),
    }
}

/// As MongoDB's own tools write whole numbers: 32 bits where they do.
fn number(number: i64) -> Bson {
    i32::try_from(number).map_or(Bson::Int64(number), Bson::Int32)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doc::schema;

    fn canvas(value: &Value) -> CanvasJson {
        schema::parse_import(value, &schema::CanvasLimits::default()).unwrap()
    }

    #[test]
    fn doc_1_blocks_keep_integers_and_times_become_dates() {
        let block = json!({
            "id": "b", "type": "chart", "position": { "x": 1, "y": 2, "w": 3, "h": 4 },
            "content": { "count": 5_000_000_000_i64, "ratio": 0.5, "$where": "x", "a.b": [1, null, true] },
            "metadata": { "created_by": "ann", "created_at": "2024-01-15T10:30:00Z", "saved_at": "never" },
        });
        let shown = shown_now(&canvas(&json!({ "name": "n", "blocks": [block] })));
        let set = shown.get_document("$set").unwrap();
        let block = set.get_array("blocks").unwrap()[0].as_document().unwrap();
        assert_eq!(block.get_document("position").unwrap(), &doc! { "x": 1, "y": 2, "w": 3, "h": 4 });
        let content = block.get_document("content").unwrap();
        assert_eq!(content.get_i64("count").unwrap(), 5_000_000_000);
        assert_eq!(content.get("a.b").unwrap(), &Bson::Array(vec![Bson::Int32(1), Bson::Null, Bson::Boolean(true)]));
        assert_eq!(content.get_str("\u{ff04}where").unwrap(), "x");
        let metadata = block.get_document("metadata").unwrap();
        assert_eq!(metadata.get_datetime("created_at").unwrap(), &DateTime::from_millis(1_705_314_600_000));
        assert_eq!(metadata.get_str("saved_at").unwrap(), "never");
        assert_eq!(set.get_document("layout").unwrap().get_i32("rowHeight").unwrap(), 50);
    }

    #[test]
    fn lim_1_what_does_not_fit_is_left_out_and_says_so() {
        let mut large = canvas(
            &json!({ "name": "n", "blocks": [{ "id": "b", "type": "narrative", "position": { "x": 0, "y": 0, "w": 1, "h": 1 } }] }),
        );
        large.blocks[0].content.insert("text".to_owned(), Value::String("x".repeat(SHOWN_BYTES)));
        let shown = shown_now(&large);
        let set = shown.get_document("$set").unwrap();
        assert!(set.get_array("blocks").unwrap().is_empty() && set.get_str(LEFT_OUT).unwrap().contains("bytes"));
        assert_eq!(set.get_i32("block_count").unwrap(), 1);
        large.blocks.clear();
        large.layout = json!({ "odd": "x".repeat(SHOWN_BYTES) });
        let shown = Shown::of(&large);
        assert!(shown.bytes() < SHOWN_BYTES && shown.left_out.is_some());
    }
}
