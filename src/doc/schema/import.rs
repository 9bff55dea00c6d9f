//! JSON from outside → a canvas that is known to be sound. Every refusal names the field and says what to do.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

use super::{BlockJson, CanvasJson, CanvasLimits, Position, default_layout, keyed_array};

/// Why a canvas was not taken. The first problem found, in the order of the document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` {problem}")]
pub struct ImportError {
    /// Where, as a path a person can follow: `blocks[3].position.w`.
    pub path: String,
    /// What is wrong and what would be right, to be read after the path: `must be ..., not ...`.
    pub problem: String,
}

type Checked<T> = Result<T, ImportError>;

fn refuse<T>(path: impl Into<String>, problem: impl Into<String>) -> Checked<T> {
    Err(ImportError { path: path.into(), problem: problem.into() })
}

/// Most columns of a grid. 48, four times the usual 12: narrower columns cannot show anything.
const MAX_COLUMNS: i64 = 48;
/// Lowest row a block may start at, and most rows it may have.
const MAX_ROW: i64 = 100_000;
const MAX_ROWS: i64 = 1_000;

/// Checks a canvas in the shape of the data model, or of an export, and takes from it what belongs in the
/// document: name, description, layout, blocks and tags (`metadata.tags`, or `tags`). What belongs to the
/// server (ids, owner, sharing, interactions, history, last-modified) is passed over `[DOC-2]`, as are fields
/// of the canvas that this version does not know. A missing layout is the default one.
///
/// # Errors
/// [`ImportError`], to be shown to whoever sent the canvas.
pub fn parse_import(value: &Value, limits: &CanvasLimits) -> Result<CanvasJson, ImportError> {
    let canvas = object(value, "canvas")?;
    let mut budget = Budget { limits, values: 0, bytes: 0 };
    let text = |field: &str, max: usize| match canvas.get(field) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(value) => Ok(bounded(string(value, field)?, field, max)?.to_owned()),
    };
    let layout = layout(canvas.get("layout"), &mut budget)?;
    let columns = layout.get("columns").and_then(Value::as_i64).unwrap_or(MAX_COLUMNS);
    Ok(CanvasJson {
        name: text("name", limits.name_chars)?,
        description: text("description", limits.description_chars)?,
        blocks: blocks(canvas.get("blocks"), columns, &mut budget)?,
        layout,
        tags: tags(canvas, limits)?,
    })
}

/// Checks a name that a person gave a canvas, and answers it without the spaces around it.
///
/// # Errors
/// When it is empty or longer than [`CanvasLimits::name_chars`].
pub fn check_name<'a>(name: &'a str, limits: &CanvasLimits) -> Result<&'a str, ImportError> {
    let name = name.trim();
    if name.is_empty() {
        return refuse("name", "must not be empty: give the canvas a name");
    }
    bounded(name, "name", limits.name_chars)
}

/// Checks a description.
///
/// # Errors
/// When it is longer than [`CanvasLimits::description_chars`].
pub fn check_description<'a>(description: &'a str, limits: &CanvasLimits) -> Result<&'a str, ImportError> {
    bounded(description, "description", limits.description_chars)
}

/// What a canvas has used of its limits so far.
struct Budget<'a> {
    limits: &'a CanvasLimits,
    values: usize,
    bytes: usize,
}

impl Budget<'_> {
    /// Counts a value of `bytes` bytes of text.
    fn spend(&mut self, path: &str, bytes: usize) -> Checked<()> {
        self.values += 1;
        self.bytes += bytes;
        if self.values > self.limits.values {
            let max = self.limits.values;
            return refuse(path, format!("is one value too many: a canvas holds at most {max}; split it into several"));
        }
        if self.bytes > self.limits.total_bytes {
            let max = self.limits.total_bytes;
            let problem = format!("takes the canvas over {max} bytes of text; keep large data in a dataset");
            return refuse(path, problem);
        }
        Ok(())
    }

    /// Checks any value: its nesting, its strings and the names of its fields.
    fn check(&mut self, value: &Value, path: &str, depth: usize) -> Checked<()> {
        if depth > self.limits.depth {
            return refuse(path, format!("is nested deeper than {} levels; flatten it", self.limits.depth));
        }
        match value {
            Value::String(text) => {
                let max = self.limits.text_bytes;
                if text.len() > max {
                    return refuse(path, format!("must be at most {max} bytes long, not {}", text.len()));
                }
                self.spend(path, text.len())
            }
            Value::Array(items) => {
                self.spend(path, 0)?;
                items.iter().enumerate().try_for_each(|(i, item)| self.check(item, &format!("{path}[{i}]"), depth + 1))
            }
            Value::Object(fields) => {
                self.spend(path, 0)?;
                self.check_fields(fields, path, depth)
            }
            _ => self.spend(path, 0),
        }
    }

    fn check_fields(&mut self, fields: &Map<String, Value>, path: &str, depth: usize) -> Checked<()> {
        for (key, value) in fields {
            bounded(key, path, self.limits.key_chars).map_err(|error| ImportError {
                problem: format!("has a field name that is too long: it {}", error.problem),
                ..error
            })?;
            self.spend(path, key.len())?;
            self.check(value, &format!("{path}.{key}"), depth + 1)?;
        }
        Ok(())
    }
}

fn layout(value: Option<&Value>, budget: &mut Budget<'_>) -> Checked<Value> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(default_layout()) };
    let mut layout = object(value, "layout")?.clone();
    budget.check(value, "layout", 1)?;
    if let Value::Object(defaults) = default_layout() {
        for (key, default) in defaults {
            layout.entry(key).or_insert(default);
        }
    }
    for (field, max) in [("columns", MAX_COLUMNS), ("rowHeight", 1_000)] {
        let path = format!("layout.{field}");
        let number = integer(layout.get(field), &path, 1, max)?;
        layout.insert(field.to_owned(), number.into());
    }
    string(&layout["type"], "layout.type")?;
    for (name, width) in object(&layout["breakpoints"], "layout.breakpoints")? {
        integer(Some(width), &format!("layout.breakpoints.{name}"), 0, 100_000)?;
    }
    Ok(Value::Object(layout))
}

fn tags(canvas: &Map<String, Value>, limits: &CanvasLimits) -> Checked<Vec<String>> {
    let nested = canvas.get("metadata").and_then(|metadata| metadata.get("tags"));
    let (path, value) = match nested {
        Some(value) => ("metadata.tags", Some(value)),
        None => ("tags", canvas.get("tags")),
    };
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(Vec::new()) };
    let Some(items) = value.as_array() else { return refuse(path, wrong("an array of strings", value)) };
    if items.len() > limits.tags {
        return refuse(path, format!("must have at most {} tags, not {}", limits.tags, items.len()));
    }
    let mut tags = Vec::with_capacity(items.len());
    for (i, tag) in items.iter().enumerate() {
        let path = format!("{path}[{i}]");
        let tag = bounded(string(tag, &path)?, &path, limits.tag_chars)?;
        if tag.is_empty() {
            return refuse(path, "must not be empty");
        }
        tags.push(tag.to_owned());
    }
    tags.sort_unstable();
    tags.dedup();
    Ok(tags)
}

fn blocks(value: Option<&Value>, columns: i64, budget: &mut Budget<'_>) -> Checked<Vec<BlockJson>> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(Vec::new()) };
    let Some(items) = value.as_array() else { return refuse("blocks", wrong("an array of blocks", value)) };
    let max = budget.limits.blocks;
    if items.len() > max {
        return refuse(
            "blocks",
            format!("must have at most {max} blocks, not {}; split it into several canvases", items.len()),
        );
    }
    let mut ids = HashSet::new();
    let mut blocks = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let path = format!("blocks[{i}]");
        let block = block(item, &path, columns, budget)?;
        if !ids.insert(block.id.clone()) {
            let problem = format!("is \"{}\", which another block has; ids must differ", block.id);
            return refuse(format!("{path}.id"), problem);
        }
        blocks.push(block);
    }
    Ok(blocks)
}

fn block(value: &Value, path: &str, columns: i64, budget: &mut Budget<'_>) -> Checked<BlockJson> {
    let fields = object(value, path)?;
    let mut block = BlockJson {
        id: key(fields.get("id"), &format!("{path}.id"), budget.limits)?,
        kind: key(fields.get("type"), &format!("{path}.type"), budget.limits)?,
        position: position(fields.get("position"), &format!("{path}.position"), columns)?,
        content: Map::new(),
        metadata: Map::new(),
        locked: None,
        placements: BTreeMap::new(),
        extra: Map::new(),
    };
    for (name, value) in fields {
        let path = format!("{path}.{name}");
        match (name.as_str(), value) {
            // Read above, or names of the document that mean nothing here.
            ("id" | "type" | "position" | "at" | "size", _)
            | ("content" | "metadata" | "locked" | "placements", Value::Null) => {}
            ("content", value) => {
                block.content.clone_from(object(value, &path)?);
                budget.check_fields(&block.content, &path, 1)?;
                check_content(&block, &path)?;
            }
            ("metadata", value) => {
                block.metadata.clone_from(object(value, &path)?);
                // The server stamps these from the session that sent the update.
                block.metadata.retain(|key, _| !key.starts_with("last_modified"));
                budget.check_fields(&block.metadata, &path, 1)?;
            }
            ("locked", Value::Bool(locked)) => block.locked = Some(*locked),
            ("locked", value) => return refuse(path, wrong("true or false", value)),
            ("placements", value) => block.placements = placements(value, &path, columns, budget)?,
            (name, value) => {
                bounded(name, &path, budget.limits.key_chars)?;
                budget.check(value, &path, 1)?;
                block.extra.insert(name.to_owned(), value.clone());
            }
        }
    }
    Ok(block)
}

/// Checks the fields that the document does not keep as they are.
fn check_content(block: &BlockJson, path: &str) -> Checked<()> {
    for (field, value) in &block.content {
        let path = format!("{path}.{field}");
        if super::is_shared_text(&block.kind, field) {
            string(value, &path)?;
        }
        let Some(array) = keyed_array(&block.kind, field) else { continue };
        let Some(items) = value.as_array() else { return refuse(path, wrong("an array of objects", value)) };
        let mut keys = HashSet::new();
        for (i, item) in items.iter().enumerate() {
            let path = format!("{path}[{i}]");
            let name = object(item, &path)?.get(array.key);
            let path = format!("{path}.{}", array.key);
            let Some(name) = name.and_then(Value::as_str) else {
                return refuse(path, "must be a string that names the item");
            };
            if !keys.insert(name) {
                return refuse(path, format!("is \"{name}\", which another item has; they must differ"));
            }
        }
    }
    Ok(())
}

fn placements(value: &Value, path: &str, columns: i64, budget: &mut Budget<'_>) -> Checked<BTreeMap<String, Position>> {
    let mut placements = BTreeMap::new();
    for (breakpoint, value) in object(value, path)? {
        budget.spend(path, breakpoint.len())?;
        let path = format!("{path}.{breakpoint}");
        bounded(breakpoint, &path, budget.limits.key_chars)?;
        placements.insert(breakpoint.clone(), position(Some(value), &path, columns)?);
    }
    Ok(placements)
}

fn position(value: Option<&Value>, path: &str, columns: i64) -> Checked<Position> {
    let Some(value) = value else { return refuse(path, "is missing: give x, y, w and h in cells of the grid") };
    let fields = object(value, path)?;
    let cell = |name: &str, min: i64, max: i64| integer(fields.get(name), &format!("{path}.{name}"), min, max);
    Ok(Position {
        x: cell("x", 0, columns - 1)?,
        y: cell("y", 0, MAX_ROW)?,
        w: cell("w", 1, columns)?,
        h: cell("h", 1, MAX_ROWS)?,
    })
}

/// An id or a type.
fn key(value: Option<&Value>, path: &str, limits: &CanvasLimits) -> Checked<String> {
    let Some(value) = value else { return refuse(path, "is missing: it must be a string") };
    let key = bounded(string(value, path)?, path, limits.key_chars)?;
    if key.is_empty() {
        return refuse(path, "must not be empty");
    }
    Ok(key.to_owned())
}

fn object<'a>(value: &'a Value, path: &str) -> Checked<&'a Map<String, Value>> {
    match value {
        Value::Object(fields) => Ok(fields),
        other => refuse(path, wrong("an object", other)),
    }
}

fn string<'a>(value: &'a Value, path: &str) -> Checked<&'a str> {
    match value {
        Value::String(text) => Ok(text),
        other => refuse(path, wrong("a string", other)),
    }
}

fn bounded<'a>(text: &'a str, path: &str, max_chars: usize) -> Checked<&'a str> {
    // Bytes bound characters from above, which spares counting nearly always.
    if text.len() > max_chars {
        let chars = text.chars().count();
        if chars > max_chars {
            return refuse(path, format!("must be at most {max_chars} characters long, not {chars}"));
        }
    }
    Ok(text)
}

fn integer(value: Option<&Value>, path: &str, min: i64, max: i64) -> Checked<i64> {
    let expected = format!("a whole number from {min} to {max}");
    let Some(value) = value else { return refuse(path, format!("is missing: it must be {expected}")) };
    let whole = |float: f64| (float.fract().abs() < f64::MIN_POSITIVE).then_some(float as i64);
    match value.as_i64().or_else(|| value.as_f64().and_then(whole)) {
        Some(number) if (min..=max).contains(&number) => Ok(number),
        _ => refuse(path, wrong(&expected, value)),
    }
}

/// "must be ..., not ...": what was found is shown when it is short, and named when it is not.
fn wrong(expected: &str, found: &Value) -> String {
    let found = match found {
        Value::Null => "null".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.chars().count() <= 40 => format!("\"{text}\""),
        Value::String(_) => "a long string".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    };
    format!("must be {expected}, not {found}")
}
