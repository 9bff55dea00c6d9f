//! Document → JSON. Total: whatever clients wrote, it answers a canvas.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Number, Value};
use yrs::branch::BranchPtr;
use yrs::types::text::YChange;
use yrs::{Any, Array as _, ArrayRef, GetString as _, Map as _, MapRef, Out, ReadTxn, Text as _, TextRef};

use super::{BLOCKS, BlockJson, CANVAS, CanvasJson, CanvasLimits, MAX_DEPTH, ORDER, Position};
use super::{default_layout, is_shared_text, keyed_array};

/// Where a block goes that has no usable position: the top left corner, half a canvas wide.
const FALLBACK: Position = Position { x: 0, y: 0, w: 6, h: 4 };

/// Farthest cell and largest size that is believed, in cells. Beyond it a position is somebody's mistake, and
/// a page of that height would not scroll.
const MAX_CELL: i64 = 100_000;

/// The fields of a block that its JSON writes itself; `id` and `position` would come twice if a client had
/// made fields of these names.
const FIELDS: [&str; 9] = ["id", "type", "position", "at", "size", "content", "metadata", "locked", "placements"];

/// `[DOC-1]` The canvas that a document holds. Linear in the size of the document, apart from the sorting.
pub fn materialise<T: ReadTxn>(txn: &T) -> CanvasJson {
    let (name, description) = name_and_description(txn);
    let canvas = txn.get_map(CANVAS);
    let field = |key: &str| canvas.as_ref().and_then(|map| map.get(txn, key));
    let layout = match field("layout").map(|out| value(txn, out, 1)) {
        Some(layout @ Value::Object(_)) => layout,
        _ => default_layout(),
    };
    let mut tags: Vec<String> = match field("tags") {
        Some(Out::YMap(tags)) => tags.keys(txn).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    tags.sort_unstable();
    CanvasJson { name, description, layout, blocks: blocks(txn), tags }
}

/// The name and the description of the canvas, without reading the rest. Empty where there is none.
pub fn name_and_description<T: ReadTxn>(txn: &T) -> (String, String) {
    let Some(canvas) = txn.get_map(CANVAS) else { return Default::default() };
    (string(txn, &canvas, "name"), string(txn, &canvas, "description"))
}

/// The same as lists show it: cut to what a person may write there. A client may have written a megabyte, and every change of a canvas
/// stores this anew.
pub fn headline<T: ReadTxn>(txn: &T) -> (String, String) {
    let Some(canvas) = txn.get_map(CANVAS) else { return Default::default() };
    let limits = CanvasLimits::default();
    let cut = |key, most: usize| {
        let text = match canvas.get(txn, key) {
            Some(Out::Any(Any::String(text))) => text,
            // Our own clients write a leaf. A character is at most two units.
            Some(Out::YText(text)) if text.len(txn) as usize <= 2 * most => text.get_string(txn).into(),
            _ => return String::new(),
        };
        text.char_indices().nth(most).map_or(&*text, |(end, _)| &text[..end]).to_owned()
    };
    (cut("name", limits.name_chars), cut("description", limits.description_chars))
}

/// How many blocks the canvas has, without reading them.
pub fn block_count<T: ReadTxn>(txn: &T) -> usize {
    txn.get_map(BLOCKS).map_or(0, |blocks| blocks.len(txn) as usize)
}

fn blocks<T: ReadTxn>(txn: &T) -> Vec<BlockJson> {
    let Some(map) = txn.get_map(BLOCKS) else { return Vec::new() };
    let mut blocks: Vec<BlockJson> = entries(txn, &map)
        .filter_map(|(id, out)| match out {
            Out::YMap(map) => Some(block(txn, id, &map)),
            // Not a block: nothing in it can be shown.
            _ => None,
        })
        .collect();
    blocks.sort_unstable_by(|a, b| (a.position.y, a.position.x, &a.id).cmp(&(b.position.y, b.position.x, &b.id)));
    blocks
}

fn block<T: ReadTxn>(txn: &T, id: &str, map: &MapRef) -> BlockJson {
    let kind = Some(string(txn, map, "type")).filter(|kind| !kind.is_empty());
    let mut block = BlockJson {
        id: id.to_owned(),
        kind: kind.unwrap_or_else(|| "unknown".to_owned()),
        position: position(txn, map),
        content: Map::new(),
        metadata: Map::new(),
        locked: None,
        placements: BTreeMap::new(),
        extra: Map::new(),
    };
    for (key, out) in entries(txn, map) {
        match (key, out) {
            ("content", Out::YMap(content)) => block.content = self::content(txn, &block.kind, &content),
            ("metadata", Out::YMap(metadata)) => block.metadata = object(txn, &metadata, 1),
            ("locked", Out::Any(Any::Bool(locked))) => block.locked = Some(locked),
            ("placements", Out::YMap(placements)) => block.placements = self::placements(txn, &placements),
            // Read above, or of a type that says nothing.
            (key, _) if FIELDS.contains(&key) => {}
            (key, out) => {
                block.extra.insert(key.to_owned(), value(txn, out, 1));
            }
        }
    }
    block
}

fn content<T: ReadTxn>(txn: &T, kind: &str, map: &MapRef) -> Map<String, Value> {
    entries(txn, map)
        .map(|(key, out)| {
            let value = match (keyed_array(kind, key), out) {
                (Some(array), Out::YMap(items)) => items_of(txn, array, &items),
                (_, out) if is_shared_text(kind, key) => Value::String(text(txn, out)),
                (_, out) => value(txn, out, 2),
            };
            (key.to_owned(), value)
        })
        .collect()
}

/// The items of a map, back in an array: sorted by their order, then by their key.
fn items_of<T: ReadTxn>(txn: &T, array: &super::KeyedArray, map: &MapRef) -> Value {
    let mut items: Vec<(String, String, Map<String, Value>)> = entries(txn, map)
        .filter_map(|(key, out)| {
            let Out::YMap(item) = out else { return None };
            let mut item = object(txn, &item, 3);
            let order = if array.ordered { item.remove(ORDER) } else { None };
            item.insert(array.key.to_owned(), Value::String(key.to_owned()));
            let order = order.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
            Some((order, key.to_owned(), item))
        })
        .collect();
    items.sort_unstable_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    items.into_iter().map(|(.., item)| Value::Object(item)).collect()
}

fn position<T: ReadTxn>(txn: &T, map: &MapRef) -> Position {
    let [x, y] = cells(map.get(txn, "at")).unwrap_or([FALLBACK.x, FALLBACK.y]);
    let [w, h] = cells(map.get(txn, "size")).unwrap_or([FALLBACK.w, FALLBACK.h]);
    clamp([x, y, w, h])
}

fn placements<T: ReadTxn>(txn: &T, map: &MapRef) -> BTreeMap<String, Position> {
    map.iter(txn).filter_map(|(breakpoint, out)| Some((breakpoint.to_owned(), clamp(cells(Some(out))?)))).collect()
}

/// A leaf of exactly `N` numbers, cut to whole ones.
fn cells<const N: usize>(out: Option<Out>) -> Option<[i64; N]> {
    let Some(Out::Any(Any::Array(leaf))) = out else { return None };
    let cells: Vec<i64> = leaf
        .iter()
        .map(|any| match any {
            Any::Number(number) => number.as_f64().filter(|cell| cell.is_finite()).map(|cell| cell as i64),
            _ => None,
        })
        .collect::<Option<_>>()?;
    cells.try_into().ok()
}

fn clamp([x, y, w, h]: [i64; 4]) -> Position {
    Position { x: x.clamp(0, MAX_CELL), y: y.clamp(0, MAX_CELL), w: w.clamp(1, MAX_CELL), h: h.clamp(1, MAX_CELL) }
}

pub(super) fn string<T: ReadTxn>(txn: &T, map: &MapRef, key: &str) -> String {
    map.get(txn, key).map(|out| text(txn, out)).unwrap_or_default()
}

/// Text, whether it is shared or a leaf; empty for anything else.
fn text<T: ReadTxn>(txn: &T, out: Out) -> String {
    match out {
        Out::YText(text) => text.get_string(txn),
        Out::Any(Any::String(text)) => text.as_ref().to_owned(),
        _ => String::new(),
    }
}

/// Any value of a document. Recurses at most [`MAX_DEPTH`] times; what lies deeper reads as null.
pub(super) fn value<T: ReadTxn>(txn: &T, out: Out, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return Value::Null;
    }
    match out {
        Out::Any(any) => leaf(&any, depth),
        Out::YMap(map) => Value::Object(object(txn, &map, depth)),
        Out::YText(text) => Value::String(text.get_string(txn)),
        Out::YArray(array) => list(txn, &array, depth),
        // XML is not part of a canvas, and a sub-document never comes through the check of the wire.
        _ => Value::Null,
    }
}

fn object<T: ReadTxn>(txn: &T, map: &MapRef, depth: usize) -> Map<String, Value> {
    entries(txn, map).map(|(key, out)| (key.to_owned(), value(txn, out, depth + 1))).collect()
}

/// The entries of a map. Not yrs's own iterator: that one recurses over entries without a value, which a
/// client can make by the ten thousand (formats under keys), until the stack ends.
pub(super) fn entries<'a, T: ReadTxn>(txn: &'a T, map: &'a MapRef) -> impl Iterator<Item = (&'a str, Out)> {
    map.keys(txn).filter_map(|key| Some((key, map.get(txn, key)?)))
}

/// A Y.Array, which our own clients do not make. One that holds text, as only a hostile client writes it, reads as that
/// text: yrs's iterator never ends on a character of two UTF-16 units inside an array.
fn list<T: ReadTxn>(txn: &T, array: &ArrayRef, depth: usize) -> Value {
    let as_text = TextRef::from(BranchPtr::from(array.as_ref()));
    let holds_text = as_text.diff(txn, YChange::identity).iter().any(|chunk| chunk.insert.try_branch().is_none());
    if holds_text {
        return Value::String(as_text.get_string(txn));
    }
    array.iter(txn).map(|out| value(txn, out, depth + 1)).collect()
}

/// A JSON leaf. `undefined` has no JSON and reads as null; bytes read as base64.
pub(super) fn leaf(any: &Any, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return Value::Null;
    }
    match any {
        Any::Null | Any::Undefined => Value::Null,
        Any::Bool(bool) => Value::Bool(*bool),
        Any::Number(number) => self::number(*number),
        Any::String(text) => Value::String(text.as_ref().to_owned()),
        Any::Buffer(bytes) => Value::String(BASE64_STANDARD.encode(bytes)),
        Any::Array(items) => items.iter().map(|item| leaf(item, depth + 1)).collect(),
        Any::Map(fields) => fields.iter().map(|(key, item)| (key.clone(), leaf(item, depth + 1))).collect(),
    }
}

/// JavaScript has one type of number: a whole one is an integer here, as `JSON.stringify` would print it.
fn number(number: yrs::Number) -> Value {
    const MAX_SAFE: f64 = yrs::Number::F64_MAX_SAFE_INTEGER;
    let float = match number {
        yrs::Number::Int(int) => return Value::Number(int.into()),
        yrs::Number::Float(float) => float,
    };
    if float.fract().abs() < f64::MIN_POSITIVE && float.abs() <= MAX_SAFE {
        return Value::Number((float as i64).into());
    }
    // Not finite: JSON has no such number.
    Number::from_f64(float).map_or(Value::Null, Value::Number)
}
