//! The filters of a block: which of its rows count. The same rules as the web client's `blocks/filters.ts`, on the same vectors. Pure.
//!
//! All filters must hold; a column the dataset does not have reads as empty. An empty cell matches only `empty` and `!=`. Two values that
//! both read wholly as decimal numbers compare as numbers, two that both read as ISO dates as moments, everything else as text: exactly,
//! or whatever the case for `contains`.

use std::collections::HashSet;

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
    /// What it compares with; of `in`, nothing.
    wanted: Option<Wanted>,
    /// What `in` takes.
    any_of: AnyOf,
}

/// The values of `in`, each under what it is compared as. A list may be as long as a message, and a dataset has a million rows: they are
/// not compared one by one.
#[derive(Debug, Default)]
struct AnyOf {
    /// As bits, zero without a sign. Infinity equals nothing, not even itself.
    numbers: HashSet<u64>,
    moments: HashSet<u64>,
    texts: HashSet<String>,
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
        let value = filter.get("value");
        let mut filter = Self { field, op, wanted: None, any_of: AnyOf::default() };
        match (op, value) {
            (Op::Empty | Op::NotEmpty, _) => {}
            (Op::In, Some(Value::Array(values))) => {
                values.iter().filter_map(Wanted::read).for_each(|wanted| filter.any_of.add(wanted));
            }
            (Op::In, value) => filter.any_of.add(Wanted::read(value?)?),
            // Of a list the first counts, and of an empty one the empty text.
            (_, Some(Value::Array(values))) => {
                filter.wanted = values.iter().find_map(Wanted::read).or_else(|| Wanted::read(&"".into()));
            }
            (_, value) => filter.wanted = Some(Wanted::read(value?)?),
        }
        Some(filter)
    }

    /// Whether a row with this cell in the filter's column counts; `None`: there is no such column.
    pub(super) fn takes(&self, cell: Option<&Cell>) -> bool {
        let Some(cell) = cell.filter(|cell| !is_empty(cell)) else {
            return matches!(self.op, Op::Empty | Op::IsNot);
        };
        // The difference, so that what is not comparable (NaN) is on no side, as in JavaScript.
        let first = || self.wanted.as_ref().map_or(f64::NAN, |wanted| wanted.compare(cell));
        match self.op {
            Op::Is => is_zero(first()),
            Op::IsNot => !is_zero(first()),
            Op::Less => first() < 0.0,
            Op::AtMost => first() <= 0.0,
            Op::More => first() > 0.0,
            Op::AtLeast => first() >= 0.0,
            Op::Contains => {
                let cell = text(cell).to_lowercase();
                self.wanted.as_ref().is_some_and(|wanted| cell.contains(&wanted.lower))
            }
            Op::In => self.any_of.has(cell),
            Op::Empty => false,
            Op::NotEmpty => true,
        }
    }
}

fn is_zero(difference: f64) -> bool {
    difference.abs() <= 0.0
}

impl AnyOf {
    fn add(&mut self, wanted: Wanted) {
        match (wanted.number, wanted.moment) {
            (Some(number), _) if number.is_finite() => drop(self.numbers.insert(bits(number))),
            (Some(_), _) => {}
            (None, moment) => {
                self.moments.extend(moment.map(bits));
                self.texts.insert(wanted.text);
            }
        }
    }

    /// Whether one of the values is no distance away, as [`Wanted::compare`] has it: a number from a number, a moment from a moment. The
    /// same text reads as the same number or moment, so what is left are texts that are neither.
    fn has(&self, cell: &Cell) -> bool {
        match comparable(cell) {
            Some(number) => self.numbers.contains(&bits(number)),
            None => {
                date(cell).is_some_and(|moment| self.moments.contains(&bits(moment)))
                    || self.texts.contains(text(cell).as_ref())
            }
        }
    }
}

fn bits(number: f64) -> u64 {
    (number + 0.0).to_bits()
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn in_takes_what_is_equal_to_one_of_its_values() {
        let values =
            json!([1, "2.0", "b", true, -0.0, "2024-01-02", "2024-01-03T00:00Z", "1e999", null, [], "", " 7 ", "B"]);
        let texts =
            ["1", "1.0", "2", "b", "B", "c", "true", "0", "-0", "2024-01-02T00:00Z", "2024-01-03", "1e999", "7", " "];
        let cells = texts.iter().map(|text| Cell::Text((*text).to_owned()));
        let numbers = [0.0, -0.0, 1.0, 2.0, 7.0, 3.0].map(Cell::Number);
        let filter = Filter::read(&json!({ "field": "f", "op": "in", "value": values })).unwrap();
        for cell in cells.chain(numbers).chain([Cell::Boolean(true), Cell::Boolean(false)]) {
            let one_by_one = values.as_array().unwrap().iter().filter_map(Wanted::read);
            let wanted = one_by_one.into_iter().any(|wanted| is_zero(wanted.compare(&cell)));
            assert_eq!(filter.takes(Some(&cell)), wanted, "{cell:?}");
        }
    }

    #[test]
    fn lim_1_a_long_list_costs_a_row_no_more_than_a_short_one() {
        let long: Vec<_> = (0..100_000).map(|number| json!(format!("name {number}"))).collect();
        let filter = Filter::read(&json!({ "field": "f", "op": "in", "value": long })).unwrap();
        // One by one these were twenty thousand million comparisons.
        let cells = (0..200_000).map(|number| Cell::Text(format!("name {number}")));
        assert_eq!(cells.filter(|cell| filter.takes(Some(cell))).count(), 100_000);
    }
}
