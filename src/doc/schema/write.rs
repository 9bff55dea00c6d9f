//! JSON → document: a whole canvas once, when it is made, and its name afterwards. Every other edit comes
//! from clients as updates.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use yrs::{Any, ClientID, Doc, Map as _, MapPrelim, MapRef, Number, OffsetKind, Options, ReadTxn as _};
use yrs::{StateVector, Text as _, TextPrelim, TextRef, Transact as _, TransactionMut, WriteTxn as _};

use super::{BLOCKS, BlockJson, CANVAS, CanvasJson, KeyedArray, MAX_DEPTH, ORDER, SCHEMA};
use super::{is_shared_text, keyed_array, order};

/// `[SEED-1]` The update (Yjs v1) that makes this canvas out of an empty document.
///
/// The client id comes from the canvas id and every operation from the canvas, in one order, so two nodes
/// that make the same canvas make the same items, and applying the update again changes nothing. (Objects
/// inside a leaf array are encoded in no particular order: compare documents, not bytes.)
///
/// The text of a narrative is always made, as is every object the canvas names: clients that made them later
/// would each make their own, and one would lose what was written in it.
pub fn seed_update(canvas_id: uuid::Uuid, canvas: &CanvasJson) -> Vec<u8> {
    let doc = Doc::with_options(Options {
        client_id: ClientID::new(seed_client(canvas_id)),
        offset_kind: OffsetKind::Utf16,
        ..Options::default()
    });
    let mut txn = doc.transact_mut();
    write_canvas(&mut txn, canvas);
    let blocks = txn.get_or_insert_map(BLOCKS);
    for block in &canvas.blocks {
        write_block(&mut txn, &blocks, block);
    }
    txn.encode_state_as_update_v1(&StateVector::default())
}

/// Sets the name or the description, or both, where they are given and differ. Touches nothing else.
pub fn rename(txn: &mut TransactionMut<'_>, name: Option<&str>, description: Option<&str>) {
    let canvas = txn.get_or_insert_map(CANVAS);
    for (key, text) in [("name", name), ("description", description)] {
        if let Some(text) = text {
            canvas.try_update(txn, key, text);
        }
    }
}

/// The client id that seeds a canvas: 53 bits of a hash of its id. The top bit is set, so that it never is the
/// id of a stock Yjs client, which has 32.
fn seed_client(canvas_id: uuid::Uuid) -> u64 {
    let mut hash = Sha256::new();
    hash.update(b"jabiru canvas seed");
    hash.update(canvas_id.as_bytes());
    let bytes: [u8; 32] = hash.finalize().into();
    let word = bytes.iter().take(8).fold(0, |word, byte| word << 8 | u64::from(*byte));
    word >> 11 | 1 << 52
}

fn write_canvas(txn: &mut TransactionMut<'_>, canvas: &CanvasJson) {
    let root = txn.get_or_insert_map(CANVAS);
    root.insert(txn, "schema", SCHEMA);
    root.insert(txn, "name", canvas.name.as_str());
    root.insert(txn, "description", canvas.description.as_str());
    write_value(txn, &root, "layout", &canvas.layout, 1);
    let tags = root.insert(txn, "tags", MapPrelim::default());
    for tag in &canvas.tags {
        tags.try_update(txn, tag.as_str(), true);
    }
}

fn write_block(txn: &mut TransactionMut<'_>, blocks: &MapRef, block: &BlockJson) {
    let map = blocks.insert(txn, block.id.as_str(), MapPrelim::default());
    let at = &block.position;
    map.insert(txn, "type", block.kind.as_str());
    map.insert(txn, "at", cells(&[at.x, at.y]));
    map.insert(txn, "size", cells(&[at.w, at.h]));
    if let Some(locked) = block.locked {
        map.insert(txn, "locked", locked);
    }
    if !block.placements.is_empty() {
        let placements = map.insert(txn, "placements", MapPrelim::default());
        for (breakpoint, p) in &block.placements {
            placements.insert(txn, breakpoint.as_str(), cells(&[p.x, p.y, p.w, p.h]));
        }
    }
    write_content(txn, &map, block);
    if !block.metadata.is_empty() {
        let metadata = map.insert(txn, "metadata", MapPrelim::default());
        write_fields(txn, &metadata, &block.metadata, 2);
    }
    write_fields(txn, &map, &block.extra, 1);
}

fn write_content(txn: &mut TransactionMut<'_>, block_map: &MapRef, block: &BlockJson) {
    let content = block_map.insert(txn, "content", MapPrelim::default());
    if is_shared_text(&block.kind, "text") {
        let text: TextRef = content.insert(txn, "text", TextPrelim::new(""));
        match block.content.get("text") {
            Some(Value::String(initial)) if !initial.is_empty() => text.push(txn, initial),
            _ => {}
        }
    }
    for (key, value) in sorted(&block.content) {
        if is_shared_text(&block.kind, key) {
            continue;
        }
        match keyed_array(&block.kind, key).and_then(|array| Some((array, keyed_items(array, value)?))) {
            Some((array, items)) => write_items(txn, &content, array, &items),
            None => write_value(txn, &content, key, value, 2),
        }
    }
}

/// The items of an array by their keys. `None` when it is not an array of objects with a key each, all
/// different: then it stays the leaf it is, so that nothing is lost.
fn keyed_items<'a>(array: &KeyedArray, value: &'a Value) -> Option<Vec<(&'a str, &'a Map<String, Value>)>> {
    let items: Vec<_> = value
        .as_array()?
        .iter()
        .map(|item| Some((item.get(array.key)?.as_str()?, item.as_object()?)))
        .collect::<Option<_>>()?;
    let mut keys: Vec<&str> = items.iter().map(|(key, _)| *key).collect();
    keys.sort_unstable();
    keys.is_sorted_by(|a, b| a < b).then_some(items)
}

fn write_items(
    txn: &mut TransactionMut<'_>,
    content: &MapRef,
    array: &KeyedArray,
    items: &[(&str, &Map<String, Value>)],
) {
    let map = content.insert(txn, array.field, MapPrelim::default());
    for (index, (key, fields)) in items.iter().enumerate() {
        let item = map.insert(txn, *key, MapPrelim::default());
        if array.ordered {
            item.insert(txn, ORDER, order::key(index));
        }
        for (field, value) in sorted(fields) {
            let said_elsewhere = field == array.key || (array.ordered && field == ORDER);
            if !said_elsewhere {
                write_value(txn, &item, field, value, 4);
            }
        }
    }
}

fn write_fields(txn: &mut TransactionMut<'_>, map: &MapRef, fields: &Map<String, Value>, depth: usize) {
    for (key, value) in sorted(fields) {
        write_value(txn, map, key, value, depth);
    }
}

/// Objects become Y.Maps, everything else a leaf. Stops at [`MAX_DEPTH`], where reading stops too.
fn write_value(txn: &mut TransactionMut<'_>, map: &MapRef, key: &str, value: &Value, depth: usize) {
    match value {
        Value::Object(fields) if depth < MAX_DEPTH => {
            let nested = map.insert(txn, key, MapPrelim::default());
            write_fields(txn, &nested, fields, depth + 1);
        }
        value => drop(map.insert(txn, key, leaf(value, depth))),
    }
}

/// Fields by name: the order of a JSON object is nobody's intention, and must not differ between two nodes.
fn sorted(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_unstable_by_key(|(key, _)| *key);
    fields
}

fn cells(cells: &[i64]) -> Any {
    Any::Array(cells.iter().map(|cell| Any::Number(Number::Int(*cell))).collect())
}

fn leaf(value: &Value, depth: usize) -> Any {
    match value {
        _ if depth > MAX_DEPTH => Any::Null,
        Value::Null => Any::Null,
        Value::Bool(bool) => Any::Bool(*bool),
        Value::Number(number) => Any::Number(self::number(number)),
        Value::String(text) => Any::String(Arc::from(text.as_str())),
        Value::Array(items) => Any::Array(items.iter().map(|item| leaf(item, depth + 1)).collect()),
        Value::Object(fields) => Any::Map(Arc::new(
            fields.iter().map(|(key, item)| (key.clone(), leaf(item, depth + 1))).collect::<HashMap<_, _>>(),
        )),
    }
}

/// An integer that JavaScript can hold stays one. A larger one would reach browsers as a BigInt, which
/// `JSON.stringify` throws on, so it becomes a float as it would in a browser.
fn number(number: &serde_json::Number) -> Number {
    match number.as_i64() {
        Some(int) if int.unsigned_abs() <= Number::I64_MAX_SAFE_INTEGER.unsigned_abs() => Number::Int(int),
        _ => Number::Float(number.as_f64().unwrap_or_default()),
    }
}
