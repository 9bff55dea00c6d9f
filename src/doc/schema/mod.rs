//! The canvas schema: what a canvas is inside its Yjs document, and the same canvas as JSON in the shape of
//! the data model's `canvases` collection. Pure and synchronous; it owns the two directions between them and
//! nothing of rooms, stores or permissions. What must never be in the document (sharing, comments, views,
//! last-modified, history) is not read here and not written `[DOC-2]`.
//!
//! # The two shapes
//! | JSON | document |
//! |---|---|
//! | `blocks: [..]` sorted by y, x, id | `blocks`: Y.Map by id |
//! | `position {x, y, w, h}` | `at: [x, y]`, `size: [w, h]`: two leaves, so that a move and a resize merge |
//! | `placements {md: {x, y, w, h}}` | `placements`: Y.Map of `[x, y, w, h]` leaves |
//! | an object | Y.Map |
//! | an array or a scalar | a JSON leaf, replaced as a whole |
//! | a narrative's `text` | Y.Text |
//! | a narrative's `data_bindings: [{key, ..}]` | Y.Map by `key` |
//! | a table's `columns: [{field, ..}]` | Y.Map by `field`, each with an `order` |
//! | `metadata.tags: [..]` | `canvas.tags`: Y.Map of tag to true, a set; sorted in JSON |
//!
//! # Invariants
//! - `[DOC-1]` JSON → document → JSON gives the same canvas; integers stay integers. What this version does
//!   not know (a block type, a field of a block or of its content) survives.
//! - `[SEED-1]` [`seed_update`] writes the same operations with the same ids every time.
//! - Reading never fails: a document is what its clients wrote. What has the wrong type is repaired or left
//!   out, and reading nests at most [`MAX_DEPTH`] levels.

mod bindings;
mod depth;
mod import;
mod order;
mod read;
mod write;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use bindings::{Binding, Computed, MAX_BINDINGS, SourceBlock, bindings, set_bindings};
pub use depth::{MAX_TYPE_DEPTH, TypeDepth, type_depth};
pub use import::{ImportError, check_description, check_name, parse_import};
pub use read::{block_count, headline, materialise, name_and_description};
pub use write::{rename, seed_update};

/// The version of the schema that this server writes to `canvas.schema`. A client that does not know it
/// turns read-only and asks for a reload.
pub const SCHEMA: i64 = 1;

/// Deepest nesting that is read or written, in levels of objects and arrays. The check of the wire holds a
/// message to the same.
pub const MAX_DEPTH: usize = 64;

/// Name of the root Y.Map with the canvas's own fields.
pub(crate) const CANVAS: &str = "canvas";
/// Name of the root Y.Map of blocks.
pub(crate) const BLOCKS: &str = "blocks";

/// A canvas as JSON: the part of the data model's document that lives in the Yjs document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CanvasJson {
    /// What people call it. Empty only when nobody named it.
    #[serde(default)]
    pub name: String,
    /// A sentence about it, or nothing.
    #[serde(default)]
    pub description: String,
    /// `{type, columns, rowHeight, breakpoints}`; see [`default_layout`].
    #[serde(default = "default_layout")]
    pub layout: Value,
    /// Every block, sorted by y, x and id when it was read from a document.
    #[serde(default)]
    pub blocks: Vec<BlockJson>,
    /// A set, sorted when it was read from a document. In the data model it is `metadata.tags`.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// One block as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockJson {
    /// Made by whoever made the block; unique on the canvas and never used again.
    pub id: String,
    /// `chart`, `narrative`, `table`, or a type this version does not know.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it is in the widest layout.
    pub position: Position,
    /// What it shows; the fields depend on the type.
    #[serde(default)]
    pub content: Map<String, Value>,
    /// `created_by` and `created_at`, as its creator said. A hint: the server's record is the authority.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
    /// Whether people are asked not to move it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
    /// Where it is in the narrower layouts (`md`, `sm`, `xs`) that a person arranged.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub placements: std::collections::BTreeMap<String, Position>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A rectangle in cells of the grid: `x` to the right and `y` down from the top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Column of the left edge, from 0.
    pub x: i64,
    /// Row of the top edge, from 0.
    pub y: i64,
    /// Columns, from 1.
    pub w: i64,
    /// Rows, from 1.
    pub h: i64,
}

/// The layout of a canvas that names none: the one of the data model.
pub fn default_layout() -> Value {
    json!({
        "type": "grid",
        "columns": 12,
        "rowHeight": 50,
        "breakpoints": { "lg": 1200, "md": 996, "sm": 768, "xs": 480 },
    })
}

/// What a canvas may hold when it comes from outside as JSON. Edits are bounded elsewhere: by the size of a
/// message and of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanvasLimits {
    /// Most blocks. 1,000: the browser lays out and draws every one.
    pub blocks: usize,
    /// Most characters of the name. 200: it is shown on one line.
    pub name_chars: usize,
    /// Most characters of the description. 2,000, about a page.
    pub description_chars: usize,
    /// Most bytes of one string, UTF-8. 256 KiB: a long report; an update frame holds four of them.
    pub text_bytes: usize,
    /// Most characters of an id, a block type or the name of a field. 128.
    pub key_chars: usize,
    /// Most tags. 100.
    pub tags: usize,
    /// Most characters of a tag. 100.
    pub tag_chars: usize,
    /// Deepest nesting of a block's content, in levels. 32: below [`MAX_DEPTH`] with the block around it.
    pub depth: usize,
    /// Most values (scalars, arrays and objects) on the whole canvas. 200,000: a document spends up to 200
    /// bytes on each.
    pub values: usize,
    /// Most bytes of all strings and field names together. 4 MiB, a quarter of what a client may send in a
    /// sync step 2.
    pub total_bytes: usize,
}

impl Default for CanvasLimits {
    fn default() -> Self {
        CanvasLimits {
            blocks: 1_000,
            name_chars: 200,
            description_chars: 2_000,
            text_bytes: 256 << 10,
            key_chars: 128,
            tags: 100,
            tag_chars: 100,
            depth: 32,
            values: 200_000,
            total_bytes: 4 << 20,
        }
    }
}

/// An array whose items the document keeps in a map, so that two people can edit two items.
struct KeyedArray {
    /// The type of block whose content has it.
    block: &'static str,
    /// The field of the content.
    field: &'static str,
    /// The field of an item that is its key in the map.
    key: &'static str,
    /// Whether the order of the items is kept, in a field `order` of each.
    ordered: bool,
}

const KEYED_ARRAYS: [KeyedArray; 2] = [
    KeyedArray { block: "table", field: "columns", key: "field", ordered: true },
    KeyedArray { block: "narrative", field: "data_bindings", key: "key", ordered: false },
];

/// The field of an ordered item that sorts it; only in the document.
const ORDER: &str = "order";

fn keyed_array(block: &str, field: &str) -> Option<&'static KeyedArray> {
    KEYED_ARRAYS.iter().find(|array| array.block == block && array.field == field)
}

/// Whether a field of a block's content is text that people write together.
fn is_shared_text(block: &str, field: &str) -> bool {
    block == "narrative" && field == "text"
}
