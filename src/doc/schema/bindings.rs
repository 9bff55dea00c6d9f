//! The numbers in narratives: which there are, what each is computed from, and writing down what they are.
//!
//! Owns where they stand in the document. What a calculation means and where its rows come from is not known here.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use yrs::{Any, GetString as _, Map as _, MapRef, Number, Out, ReadTxn, Text as _, TransactionMut};

use super::read::{entries, leaf, value};
use super::{BLOCKS, is_shared_text};

/// Bindings of a canvas that are looked at, the first in order of narrative and key. Of more, which nobody reads, nothing is read here
/// and nothing written: every one that is written to makes the document larger.
pub const MAX_BINDINGS: usize = 1_000;

/// Bytes of an id, a key, a column's name or a calculation that are looked at: more than any of them may have. Each of a thousand
/// bindings repeats some of them.
const NAME_BYTES: usize = 1_024;

/// One entry of a narrative's `data_bindings`, and what it depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// The narrative's block id.
    pub narrative: String,
    /// Its key: what stands between the braces in the text.
    pub key: String,
    /// Id of the block it comes from.
    pub source_id: String,
    /// What is calculated, as somebody wrote it.
    pub calculation: String,
    /// That block as it is now; `None`: there is no such block.
    pub source: Option<Arc<SourceBlock>>,
    /// What it says now: a number, or null, also where nothing was written yet. Anything else, which no calculation gives, is `false`.
    pub value: Value,
    /// Why it says nothing, in words for a person.
    pub error: Option<String>,
}

/// What a block shows, as far as a calculation depends on it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SourceBlock {
    /// Whether it has a data source at all.
    pub has_source: bool,
    /// `data_source.type`; empty: none is named.
    pub source_type: String,
    /// `data_source.dataset_id`
    pub dataset_id: String,
    /// `filters`, as they stand: shared with the document where that is possible, because there is no bound on them but the message's.
    filters: Option<Any>,
    /// `config.x_axis`
    pub x_axis: String,
    /// `config.y_axis`
    pub y_axis: String,
    /// `config.aggregation`
    pub aggregation: String,
}

/// What somebody computed for a binding as it was then.
#[derive(Debug, Clone, PartialEq)]
pub struct Computed {
    /// The binding it was computed for.
    pub binding: Binding,
    /// The number, or why there is none.
    pub outcome: Result<f64, String>,
}

impl Computed {
    /// Whether the binding says something else.
    #[must_use]
    pub fn is_news(&self) -> bool {
        let Binding { value, error, .. } = &self.binding;
        match &self.outcome {
            // As JSON: two floats are the same number or they are not.
            Ok(number) => value.as_f64().map(f64::to_bits) != Some(number.to_bits()) || error.is_some(),
            Err(why) => !value.is_null() || error.as_deref() != Some(why),
        }
    }
}

impl SourceBlock {
    /// Its filters as JSON. Copies them: call it off the reactor threads.
    #[must_use]
    pub fn filters(&self) -> Value {
        self.filters.as_ref().map_or(Value::Null, |filters| leaf(filters, 2))
    }
}

/// The bindings of the canvas in order of narrative and key, at most [`MAX_BINDINGS`]. Looks at every block's type, and further only into
/// narratives and what they name.
pub fn bindings<T: ReadTxn>(txn: &T) -> Vec<Binding> {
    let Some(blocks) = txn.get_map(BLOCKS) else { return Vec::new() };
    let narratives = named(txn, &blocks, |out| items_of(txn, out));
    let mut sources = HashMap::new();
    let mut all = Vec::new();
    for (id, items) in first(narratives, MAX_BINDINGS) {
        let items = named(txn, &items, |out| if let Out::YMap(item) = out { Some(item) } else { None });
        for (key, item) in first(items, MAX_BINDINGS - all.len()) {
            all.push(binding(txn, &blocks, &mut sources, id, key, &item));
        }
    }
    all
}

/// The entries of a map that are what is looked for, under names of a usual length.
fn named<'a, T: ReadTxn>(
    txn: &'a T,
    map: &'a MapRef,
    wanted: impl Fn(Out) -> Option<MapRef>,
) -> Vec<(&'a str, MapRef)> {
    let entries = entries(txn, map).filter(|(name, _)| name.len() <= NAME_BYTES);
    entries.filter_map(|(name, out)| Some((name, wanted(out)?))).collect()
}

/// The first `most` by name, sorted, without sorting the others.
fn first<T>(mut all: Vec<(&str, T)>, most: usize) -> Vec<(&str, T)> {
    if all.len() > most {
        all.select_nth_unstable_by(most, |a, b| a.0.cmp(b.0));
        all.truncate(most);
    }
    all.sort_unstable_by(|a, b| a.0.cmp(b.0));
    all
}

/// Writes what was computed where it says something else, and only for bindings that still are what it was computed for. All of them
/// were read at one time, so that one source is the same for all that name it.
pub fn set_bindings(txn: &mut TransactionMut<'_>, computed: &[Computed]) {
    let Some(blocks) = txn.get_map(BLOCKS) else { return };
    let mut sources = HashMap::new();
    let mut unchanged: HashMap<&str, bool> = HashMap::new();
    for Computed { binding: then, outcome } in computed {
        let items = blocks.get(txn, &then.narrative).and_then(|out| items_of(txn, out));
        let Some(Out::YMap(item)) = items.and_then(|items| items.get(txn, &then.key)) else { continue };
        let now = binding(txn, &blocks, &mut sources, &then.narrative, &then.key, &item);
        if then.source_id != now.source_id
            || then.calculation != now.calculation
            || !*unchanged.entry(&then.source_id).or_insert_with(|| then.source == now.source)
            || !(Computed { binding: now, outcome: outcome.clone() }).is_news()
        {
            continue;
        }
        match outcome {
            Ok(number) => {
                item.insert(txn, "value", any(*number));
                if item.contains_key(txn, "error") {
                    item.remove(txn, "error");
                }
            }
            Err(why) => {
                item.try_update(txn, "value", Any::Null);
                item.try_update(txn, "error", why.as_str());
            }
        }
    }
}

/// The bindings of a block, if it is a narrative that has any.
fn items_of<T: ReadTxn>(txn: &T, block: Out) -> Option<MapRef> {
    let Out::YMap(block) = block else { return None };
    is_shared_text(&name(txn, &block, "type"), "text").then_some(())?;
    let Some(Out::YMap(content)) = block.get(txn, "content") else { return None };
    let Some(Out::YMap(items)) = content.get(txn, "data_bindings") else { return None };
    Some(items)
}

fn binding<T: ReadTxn>(
    txn: &T,
    blocks: &MapRef,
    sources: &mut HashMap<String, Option<Arc<SourceBlock>>>,
    narrative: &str,
    key: &str,
    item: &MapRef,
) -> Binding {
    let source_id = name(txn, item, "source");
    let source = if let Some(known) = sources.get(&source_id) {
        known.clone()
    } else {
        let source = blocks.get(txn, &source_id).and_then(|out| source_block(txn, out)).map(Arc::new);
        sources.insert(source_id.clone(), source.clone());
        source
    };
    Binding {
        narrative: narrative.to_owned(),
        key: key.to_owned(),
        calculation: name(txn, item, "calculation"),
        value: match item.get(txn, "value") {
            None => Value::Null,
            Some(Out::Any(any @ (Any::Null | Any::Undefined | Any::Number(_)))) => leaf(&any, 4),
            Some(_) => Value::Bool(false),
        },
        // Of another type it says nothing a person could read, and is written over or taken away.
        error: item.get(txn, "error").map(|_| name(txn, item, "error")),
        source_id,
        source,
    }
}

fn source_block<T: ReadTxn>(txn: &T, block: Out) -> Option<SourceBlock> {
    let Out::YMap(block) = block else { return None };
    let mut source = SourceBlock::default();
    let Some(Out::YMap(content)) = block.get(txn, "content") else { return Some(source) };
    if let Some(Out::YMap(data)) = content.get(txn, "data_source") {
        source.has_source = true;
        source.source_type = name(txn, &data, "type");
        source.dataset_id = name(txn, &data, "dataset_id");
    }
    if let Some(Out::YMap(config)) = content.get(txn, "config") {
        source.x_axis = name(txn, &config, "x_axis");
        source.y_axis = name(txn, &config, "y_axis");
        source.aggregation = name(txn, &config, "aggregation");
    }
    source.filters = content.get(txn, "filters").and_then(|out| match out {
        Out::Any(any) => Some(any),
        // Our own clients write a leaf.
        out => serde_json::from_value(value(txn, out, 2)).ok(),
    });
    Some(source)
}

/// Text, as far as it is looked at; empty for anything else.
fn name<T: ReadTxn>(txn: &T, map: &MapRef, key: &str) -> String {
    match map.get(txn, key) {
        Some(Out::Any(Any::String(text))) => text[..text.floor_char_boundary(NAME_BYTES)].to_owned(),
        Some(Out::YText(text)) if text.len(txn) as usize <= NAME_BYTES => text.get_string(txn),
        _ => String::new(),
    }
}

/// A whole number is one in JavaScript too, as far as it is exact.
fn any(number: f64) -> Any {
    let whole = number.fract().abs() < f64::MIN_POSITIVE && number.abs() <= Number::F64_MAX_SAFE_INTEGER;
    Any::Number(if whole { Number::Int(number as i64) } else { Number::Float(number) })
}
