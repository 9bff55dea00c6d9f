//! The filters of a block: which of its rows count. The same rules as the web client's `blocks/filters.ts`, on the same vectors. Pure.
//!
//! All filters must hold; a column the dataset does not have reads as empty. An empty cell matches only `empty` and `!=`. Two values that
//! both read wholly as decimal numbers compare as numbers, two that both read as ISO dates as moments, everything else as text: exactly,
//! or whatever the case for `contains`.

use serde_json::Value;

use super::cells::{decimal, is_empty, moment, text};
use crate::platform::datasets::Cell;

/// More filters than a person sets; of a document with more the first are read, here as in the web client.
const MAX_FILTERS: usize = 50;

/// One filter, its values read once: it runs over a million rows.
#[derive(Debug)]
pub(super) struct Filter {
    /// The column.
    pub(super) field: String,
    op: Op,
    values: Vec<Wanted>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Is,
    IsNot,
    Less,
    AtMost,
    More,
    AtLeast,
    Contains,
    In,
    Empty,
    NotEmpty,
}

#[derive(Debug)]
struct Wanted {
    number: Option<f64>,
    moment: Option<f64>,
    text: String,
    lower: String,
}

impl Filter {
    /// The filters of a block. What is no filter is left out: a damaged one must not hide every row.
    pub(super) fn read_all(filters: &Value) -> Vec<Self> {
        let all = filters.as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().take(MAX_FILTERS).filter_map(Self::read).collect()
    }

    fn read(filter: &Value) -> Option<Self> {
        let op = match filter.get("op")?.as_str()? {
            "=" => Op::Is,
            "!=" => Op::IsNot,
            "<" => Op::Less,
            "<=" => Op::AtMost,
            ">" => Op::More,
            ">=" => Op::AtLeast,
            "contains" => Op::Contains,
            "in" => Op::In,
            "empty" => Op::Empty,
            "not_empty" => Op::NotEmpty,
            _ => return None,
        };
        let field = filter.get("field")?.as_str()?.to_owned();
        let mut values = match filter.get("value") {
            _ if matches!(op, Op::Empty | Op::NotEmpty) => Vec::new(),
            Some(Value::Array(values)) => values.iter().filter_map(Wanted::read).collect(),
            Some(value) => vec![Wanted::read(value)?],
            None => return None,
        };
        if values.is_empty() && op != Op::In {
            values.extend(Wanted::read(&Value::String(String::new())));
        }
        Some(Self { field, op, values })
    }

    /// Whether a row with this cell in the filter's column counts; `None`: there is no such column.
    pub(super) fn takes(&self, cell: Option<&Cell>) -> bool {
        let Some(cell) = cell.filter(|cell| !is_empty(cell)) else {
            return matches!(self.op, Op::Empty | Op::IsNot);
        };
        // The difference, so that what is not comparable (NaN) is on no side, as in JavaScript.
        let first = || self.values.first().map_or(f64::NAN, |wanted| wanted.compare(cell));
        match self.op {
            Op::Is => is_zero(first()),
            Op::IsNot => !is_zero(first()),
            Op::Less => first() < 0.0,
            Op::AtMost => first() <= 0.0,
            Op::More => first() > 0.0,
            Op::AtLeast => first() >= 0.0,
            Op::Contains => {
                let cell = text(cell).to_lowercase();
                self.values.first().is_some_and(|wanted| cell.contains(&wanted.lower))
            }
            Op::In => self.values.iter().any(|wanted| is_zero(wanted.compare(cell))),
            Op::Empty => false,
            Op::NotEmpty => true,
        }
    }
}

fn is_zero(difference: f64) -> bool {
    difference.abs() <= 0.0
}

impl Wanted {
    fn read(value: &Value) -> Option<Self> {
        let cell = match value {
            Value::Bool(value) => Cell::Boolean(*value),
            Value::Number(value) => Cell::Number(value.as_f64()?),
            Value::String(text) => Cell::Text(text.clone()),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        let text = text(&cell).into_owned();
        let lower = text.to_lowercase();
        Some(Self { number: comparable(&cell), moment: date(&cell), text, lower })
    }

    /// How far the cell lies above this value: less than 0, 0 or more.
    fn compare(&self, cell: &Cell) -> f64 {
        let numbers = self.number.zip(comparable(cell));
        let moments = || if self.number.is_none() { self.moment.zip(date(cell)) } else { None };
        match numbers.or_else(moments) {
            Some((wanted, own)) => own - wanted,
            None => f64::from(text(cell).as_ref().cmp(self.text.as_str()) as i8),
        }
    }
}

/// Unlike a calculation, a comparison takes no boolean for a number.
fn comparable(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Number(value) => Some(*value),
        Cell::Text(text) => decimal(text),
        Cell::Null | Cell::Boolean(_) => None,
    }
}

fn date(cell: &Cell) -> Option<f64> {
    if let Cell::Text(text) = cell { moment(text) } else { None }
}
