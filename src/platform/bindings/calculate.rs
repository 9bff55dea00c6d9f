//! What a number in a narrative is: the grammar of calculations and their meaning over rows. Pure.
//!
//! `agg`, `agg:column` or `agg:column@by`. The column defaults to what the source block measures (`config.y_axis`), `by` to what it goes
//! along (`config.x_axis`). `first`, `last` and `percentage_change` group the rows by `by`, in the order of numbers and dates or else of
//! appearance, and fold each group as the source block does. `tests/vectors/calculations.json` has the cases; the web client's preview
//! runs them too.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, Hash, RandomState};

use super::cells::{is_empty, moment, number, text};
use super::filters::Filter;
use crate::platform::datasets::{Cell, Column, ColumnType};

/// A value, or a sentence that says why there is none.
pub(super) type Outcome = Result<f64, String>;

/// One calculation on one source, defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Calculation {
    agg: Agg,
    /// Empty: the rows themselves.
    column: String,
    by: String,
    /// How a group is folded.
    fold: Fold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Agg {
    Fold(Fold),
    First,
    Last,
    PercentageChange,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Fold {
    Sum,
    Avg,
    Median,
    Min,
    Max,
    Count,
    Distinct,
}

impl Fold {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "sum" => Self::Sum,
            "avg" => Self::Avg,
            "median" => Self::Median,
            "min" => Self::Min,
            "max" => Self::Max,
            "count" => Self::Count,
            "distinct" => Self::Distinct,
            _ => return None,
        })
    }
}

impl Calculation {
    /// Reads a calculation on a block that measures `y` along `x`, folded by `aggregation`.
    ///
    /// # Errors
    /// A sentence for a person.
    pub(super) fn parse(calculation: &str, y: &str, x: &str, aggregation: &str) -> Result<Self, String> {
        let (word, rest) = calculation.split_once(':').unwrap_or((calculation, ""));
        let agg = match word.trim() {
            "first" => Agg::First,
            "last" => Agg::Last,
            "percentage_change" => Agg::PercentageChange,
            word => match Fold::parse(word) {
                Some(fold) => Agg::Fold(fold),
                None if calculation.trim().is_empty() => return Err("Choose what to calculate.".to_owned()),
                None => return Err(format!("“{}” is no calculation.", short(calculation))),
            },
        };
        // The last one: a name may hold an @ itself if `by` is given.
        let (column, by) = rest.rsplit_once('@').unwrap_or((rest, ""));
        let column = if column.is_empty() { y } else { column };
        let by = if by.is_empty() { x } else { by };
        let grouped = !matches!(agg, Agg::Fold(_));
        if column.is_empty() && !grouped && agg != Agg::Fold(Fold::Count) {
            return Err("Choose a column: the block it came from does not say which.".to_owned());
        }
        if grouped && by.is_empty() {
            return Err("Choose a column to go along: the block it came from has none.".to_owned());
        }
        let fold = if column.is_empty() { Fold::Count } else { Fold::parse(aggregation).unwrap_or(Fold::Sum) };
        let by = if grouped { by.to_owned() } else { String::new() };
        Ok(Self { agg, column: column.to_owned(), by, fold })
    }
}

/// Something kept for every row, or nearly: what calculations of a pass take most of their memory for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Kept<'a> {
    column: &'a str,
    by: &'a str,
    fold: Fold,
}

impl Calculation {
    /// What has to be kept for it; calculations that keep the same share it. `None`: next to nothing.
    pub(super) fn keeps(&self) -> Option<Kept<'_>> {
        let Self { agg, column, by, fold } = self;
        let fold = match agg {
            Agg::Fold(fold @ (Fold::Median | Fold::Distinct)) => *fold,
            Agg::Fold(_) => return None,
            Agg::First | Agg::Last | Agg::PercentageChange => *fold,
        };
        Some(Kept { column, by, fold })
    }
}

/// Several calculations over the same rows, in one pass.
pub(super) struct Pass {
    filters: Vec<(Filter, Option<usize>)>,
    sums: Vec<Running>,
    /// The groupings that some of them look at.
    groupings: Vec<Groups>,
    /// Whether a row got through the filters.
    any: bool,
}

struct Running {
    calculation: Calculation,
    state: State,
}

enum State {
    /// It cannot be computed, whatever the rows are.
    Failed(String),
    Folding {
        /// Where the column is in a row; `None`: the rows themselves are counted.
        at: Option<usize>,
        folded: Folded,
    },
    /// It looks at the grouping in this place.
    Grouping(usize),
}

impl Pass {
    /// Prepares a pass over a dataset; the second part are the columns it needs of each row, in that order.
    pub(super) fn new(columns: &[Column], filters: Vec<Filter>, calculations: Vec<Calculation>) -> (Self, Vec<usize>) {
        let mut needed: Vec<usize> = Vec::new();
        let mut need = |name: &str| {
            let column = columns.iter().position(|column| column.name == name)?;
            let known = needed.iter().position(|at| *at == column);
            Some(known.unwrap_or_else(|| {
                needed.push(column);
                needed.len() - 1
            }))
        };
        let filters = filters.into_iter().map(|filter| {
            let at = need(&filter.field);
            (filter, at)
        });
        let filters = filters.collect();
        let mut groupings = Vec::new();
        let sums = calculations.into_iter().map(|calculation| {
            let state = State::new(&calculation, columns, &mut need, &mut groupings);
            Running { calculation, state }
        });
        (Self { filters, sums: sums.collect(), groupings, any: false }, needed)
    }

    /// Whether looking at rows can change anything.
    pub(super) fn needs_rows(&self) -> bool {
        self.sums.iter().any(|sum| !matches!(sum.state, State::Failed(_)))
    }

    /// Takes the next row: the cells of the needed columns.
    pub(super) fn row(&mut self, cells: &[Cell]) {
        if !self.filters.iter().all(|(filter, at)| filter.takes(at.map(|at| &cells[at]))) {
            return;
        }
        self.any = true;
        for Running { state, .. } in &mut self.sums {
            if let State::Folding { at, folded } = state {
                folded.see(at.map(|at| &cells[at]));
            }
        }
        for groups in &mut self.groupings {
            groups.see(cells);
        }
    }

    /// The outcomes, in the order of the calculations.
    pub(super) fn finish(self) -> Vec<Outcome> {
        let why_none = match (self.any, self.filters.is_empty()) {
            (true, _) => None,
            (false, true) => Some("The dataset has no rows."),
            (false, false) => Some("No rows pass the filters of the block."),
        };
        let ends: Vec<_> = self.groupings.into_iter().map(Groups::ends).collect();
        self.sums.into_iter().map(|sum| sum.finish(&ends, why_none)).collect()
    }
}

impl State {
    fn new(
        calculation: &Calculation,
        columns: &[Column],
        need: &mut impl FnMut(&str) -> Option<usize>,
        groupings: &mut Vec<Groups>,
    ) -> Self {
        let mut missing = None;
        let mut find = |name: &str| {
            let at = if name.is_empty() { None } else { need(name) };
            if at.is_none() && !name.is_empty() {
                missing.get_or_insert_with(|| format!("The dataset has no column “{}”.", short(name)));
            }
            at
        };
        let (at, by) = (find(&calculation.column), find(&calculation.by));
        if let Some(missing) = missing {
            return Self::Failed(missing);
        }
        match (calculation.agg, by) {
            (Agg::Fold(fold), _) => Self::Folding { at, folded: Folded::new(fold) },
            (_, Some(by)) => {
                let kind = columns.iter().find(|column| column.name == calculation.by).map(|column| column.kind);
                let groups = Groups::new(at, by, kind.unwrap_or(ColumnType::String), calculation.fold);
                let known = groupings.iter().position(|known| known.keeps_what(&groups));
                Self::Grouping(known.unwrap_or_else(|| {
                    groupings.push(groups);
                    groupings.len() - 1
                }))
            }
            (_, None) => Self::Failed("Choose a column to go along.".to_owned()),
        }
    }
}

impl Running {
    /// `ends` are those of the groupings; `no_rows` says why there were no rows, if there were none.
    fn finish(self, ends: &[Option<(f64, f64)>], no_rows: Option<&str>) -> Outcome {
        let Calculation { column, by, .. } = &self.calculation;
        let nothing = || match no_rows {
            Some(no_rows) => no_rows.to_owned(),
            None if column.is_empty() => format!("“{}” is empty in every row.", short(by)),
            None => format!("“{}” holds no numbers.", short(column)),
        };
        let value = match self.state {
            State::Failed(why) => return Err(why),
            State::Folding { mut folded, .. } => folded.result().ok_or_else(nothing)?,
            State::Grouping(at) => {
                let (first, last) = ends.get(at).copied().flatten().ok_or_else(nothing)?;
                match self.calculation.agg {
                    Agg::First => first,
                    Agg::PercentageChange if first.abs() <= 0.0 => {
                        return Err("It begins at 0, so there is no change in percent.".to_owned());
                    }
                    Agg::PercentageChange => (last - first) / first.abs() * 100.0,
                    Agg::Last | Agg::Fold(_) => last,
                }
            }
        };
        if value.is_finite() {
            Ok(rounded(value))
        } else {
            Err("The numbers are too large to calculate with.".to_owned())
        }
    }
}

/// What has been seen of one column, or of one group of it: as little as the fold needs, because there may be a million groups.
enum Folded {
    Count(u64),
    /// Whether there was any number, and their sum.
    Sum(bool, f64),
    Avg(u64, f64),
    /// NaN: there was no number.
    Min(f64),
    Max(f64),
    /// Every number; 8 MB for a million rows.
    Median(Vec<f64>),
    /// A digest of every different cell, 18 MB for a million: the cells themselves could be 64 KiB each.
    #[expect(clippy::box_collection, reason = "a set inside would double the size of every other fold")]
    Distinct(Box<HashSet<u64>>),
}

impl Folded {
    fn new(fold: Fold) -> Self {
        match fold {
            Fold::Count => Self::Count(0),
            Fold::Sum => Self::Sum(false, 0.0),
            Fold::Avg => Self::Avg(0, 0.0),
            Fold::Min => Self::Min(f64::NAN),
            Fold::Max => Self::Max(f64::NAN),
            Fold::Median => Self::Median(Vec::new()),
            Fold::Distinct => Self::Distinct(Box::default()),
        }
    }

    /// Takes a cell; `None`: a row as such, which can only be counted.
    fn see(&mut self, cell: Option<&Cell>) {
        match (&mut *self, cell) {
            (Self::Count(count), None) => *count += 1,
            (Self::Count(count), Some(cell)) => *count += u64::from(!is_empty(cell)),
            (Self::Distinct(different), Some(cell)) if !is_empty(cell) => drop(different.insert(digest(cell))),
            (_, Some(cell)) => {
                if let Some(number) = number(cell) {
                    self.add(number);
                }
            }
            (_, None) => {}
        }
    }

    fn add(&mut self, number: f64) {
        match self {
            Self::Sum(any, sum) => {
                *any = true;
                *sum += number;
            }
            Self::Avg(count, sum) => {
                *count += 1;
                *sum += number;
            }
            // The other one wins over NaN.
            Self::Min(least) => *least = least.min(number),
            Self::Max(most) => *most = most.max(number),
            Self::Median(values) => values.push(number),
            Self::Count(_) | Self::Distinct(_) => {}
        }
    }

    fn result(&mut self) -> Option<f64> {
        match self {
            Self::Count(count) => Some(*count as f64),
            Self::Distinct(different) => Some(different.len() as f64),
            Self::Sum(any, sum) => any.then_some(*sum),
            Self::Avg(count, sum) => (*count > 0).then_some(*sum / *count as f64),
            Self::Min(number) | Self::Max(number) => (!number.is_nan()).then_some(*number),
            Self::Median(values) => median(std::mem::take(values)),
        }
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    let odd = values.len() % 2 == 1;
    let (below, high, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let low = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some(if odd { *high } else { f64::midpoint(low, *high) })
}

/// The rows by the value of one column. One pass keeps what is needed of each group and none of its rows: about 100 MB for a million
/// groups, whatever the fold.
struct Groups {
    /// The column that is folded, and the one that groups.
    at: Option<usize>,
    by: usize,
    kind: ColumnType,
    fold: Fold,
    /// Where a group is, by the digest of its value.
    known: HashMap<u64, u32>,
    /// In order of appearance, with what sorts a number or a date. A median counts its numbers here, and `distinct` its cells.
    all: Vec<(f64, Folded)>,
    /// The numbers that a median is of, with their group: a list in each would be a million lists.
    numbers: Vec<(u32, f64)>,
    /// A digest of every different cell of every group, for `distinct`.
    seen: HashSet<u64>,
}

impl Groups {
    fn new(at: Option<usize>, by: usize, kind: ColumnType, fold: Fold) -> Self {
        let (known, seen) = Default::default();
        Self { at, by, kind, fold, known, all: Vec::new(), numbers: Vec::new(), seen }
    }

    fn keeps_what(&self, other: &Self) -> bool {
        (self.at, self.by, self.fold) == (other.at, other.by, other.fold)
    }

    fn see(&mut self, cells: &[Cell]) {
        let (by, cell) = (&cells[self.by], self.at.map(|at| &cells[at]));
        if is_empty(by) {
            return;
        }
        let order = match (self.kind, by) {
            (ColumnType::Date, Cell::Text(text)) => moment(text),
            (ColumnType::Number, by) => number(by),
            _ => None,
        };
        let key = match order {
            // The same moment can be written in two ways.
            Some(order) => digest(&Cell::Number(order)),
            None => digest(&Cell::Text(text(by).into_owned())),
        };
        let kept = if matches!(self.fold, Fold::Median | Fold::Distinct) { Fold::Count } else { self.fold };
        let group = *self.known.entry(key).or_insert_with(|| {
            self.all.push((order.unwrap_or(f64::INFINITY), Folded::new(kept)));
            self.all.len() as u32 - 1
        });
        let takes = match (self.fold, cell) {
            (Fold::Median, cell) => cell.and_then(number).map(|number| self.numbers.push((group, number))).is_some(),
            (Fold::Distinct, Some(cell)) => !is_empty(cell) && self.seen.insert(digest_of(&(group, digest(cell)))),
            (Fold::Distinct, None) => false,
            _ => true,
        };
        if takes {
            self.all[group as usize].1.see(cell);
        }
    }

    /// What the first and the last group that has a value say.
    fn ends(self) -> Option<(f64, f64)> {
        let Self { kind, fold, mut all, numbers, .. } = self;
        let mut order: Vec<u32> = (0..all.len() as u32).collect();
        if matches!(kind, ColumnType::Number | ColumnType::Date) {
            order.sort_by(|a, b| all[*a as usize].0.total_cmp(&all[*b as usize].0));
        }
        let mut value = |group: u32| match fold {
            Fold::Median if matches!(all[group as usize].1, Folded::Count(0)) => None,
            Fold::Median => median(numbers.iter().filter(|(of, _)| *of == group).map(|(_, number)| *number).collect()),
            _ => all[group as usize].1.result(),
        };
        let first = order.iter().find_map(|group| value(*group))?;
        Some((first, order.iter().rev().find_map(|group| value(*group)).unwrap_or(first)))
    }
}

/// Tells cells apart that are different, also a number from the same as text. Two of a million meet with a chance of 3 in 100 million.
fn digest(cell: &Cell) -> u64 {
    let what = std::mem::discriminant(cell);
    match cell {
        Cell::Null => digest_of(&what),
        Cell::Boolean(value) => digest_of(&(what, value)),
        // Minus zero is zero.
        Cell::Number(value) => digest_of(&(what, (value + 0.0).to_bits())),
        Cell::Text(text) => digest_of(&(what, text)),
    }
}

fn digest_of(what: &impl Hash) -> u64 {
    static KEYS: std::sync::OnceLock<RandomState> = std::sync::OnceLock::new();
    KEYS.get_or_init(RandomState::new).hash_one(what)
}

/// 12 significant digits, a tie away from zero as JavaScript's `toPrecision` has it: two machines that add up in another order agree on
/// these.
fn rounded(value: f64) -> f64 {
    let exact = format!("{:.40e}", value.abs());
    let tie = exact.get(13..).is_some_and(|rest| {
        let rest = rest.split('e').next().unwrap_or_default();
        rest.starts_with('5') && rest[1..].bytes().all(|byte| byte == b'0')
    });
    // A tie rounds to the even digit here; the next number above it does not.
    let value = if tie { f64::from_bits(value.to_bits() + 1) } else { value };
    let rounded = format!("{value:.11e}").parse().unwrap_or(value);
    rounded + 0.0
}

/// A name as an error repeats it.
fn short(name: &str) -> String {
    let mut chars = name.chars();
    let short: String = chars.by_ref().take(40).collect();
    if chars.next().is_some() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn twelve_digits_as_javascript_rounds_them() {
        for (value, wanted) in [
            (25.299_999_999_999_997, 25.3),
            (1.0 / 3.0, 0.333_333_333_333),
            (123_456_789_012.5, 123_456_789_013.0),
            (-123_456_789_012.5, -123_456_789_013.0),
            (123_456_789_011.5, 123_456_789_012.0),
            (1e300, 1e300),
            (-0.0, 0.0),
            (5e-324, 4.940_656_458_41e-324),
        ] {
            assert_eq!(rounded(value).to_bits(), f64::to_bits(wanted), "{value}");
        }
    }

    fn cell(value: &Value) -> Cell {
        match value {
            Value::Null => Cell::Null,
            Value::Bool(value) => Cell::Boolean(*value),
            Value::Number(value) => Cell::Number(value.as_f64().unwrap()),
            Value::String(text) => Cell::Text(text.clone()),
            other => panic!("{other} is no cell"),
        }
    }

    fn pass(table: &Value, filters: &Value, calculations: Vec<Calculation>) -> Vec<Outcome> {
        let columns: Vec<Column> = table["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| Column {
                name: column["name"].as_str().unwrap().to_owned(),
                kind: match column["type"].as_str().unwrap() {
                    "number" => ColumnType::Number,
                    "date" => ColumnType::Date,
                    "boolean" => ColumnType::Boolean,
                    _ => ColumnType::String,
                },
            })
            .collect();
        let (mut pass, needed) = Pass::new(&columns, Filter::read_all(filters), calculations);
        for row in table["rows"].as_array().unwrap() {
            let cells: Vec<Cell> = needed.iter().map(|at| cell(&row[*at])).collect();
            pass.row(&cells);
        }
        pass.finish()
    }

    /// Against the plainest way to do it, for every fold, whether groups are ordered by value or by appearance.
    #[test]
    fn groups_that_calculations_share_say_what_each_would_say_alone() {
        let mut state = 7_u64;
        let mut random = move |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % bound
        };
        for round in 0..60 {
            let kind = ["number", "string"][round % 2];
            let rows: Vec<(u64, Option<u64>)> =
                (0..random(40)).map(|_| (random(6), Some(random(9)).filter(|value| *value > 1))).collect();
            let by = |value: u64| if kind == "number" { Value::from(value) } else { format!("g{value}").into() };
            let table = serde_json::json!({
                "columns": [{ "name": "by", "type": kind }, { "name": "n", "type": "number" }],
                "rows": rows.iter().map(|(group, value)| serde_json::json!([by(*group), value])).collect::<Vec<_>>(),
            });
            let mut groups: Vec<u64> = Vec::new();
            for (group, _) in &rows {
                if !groups.contains(group) {
                    groups.push(*group);
                }
            }
            if kind == "number" {
                groups.sort_unstable();
            }
            let folds = ["sum", "avg", "median", "min", "max", "count", "distinct"];
            let parse = |agg: &str, fold: &str| Calculation::parse(&format!("{agg}:n@by"), "", "", fold).unwrap();
            let calculations = folds.iter().flat_map(|fold| [parse("first", fold), parse("last", fold)]);
            let together = pass(&table, &Value::Null, calculations.collect());
            for (fold, outcomes) in folds.iter().zip(together.chunks(2)) {
                let alone = |group: &u64| {
                    let mut folded = Folded::new(Fold::parse(fold).unwrap());
                    let cell = |value: &Option<u64>| value.map_or(Cell::Null, |value| Cell::Number(value as f64));
                    rows.iter().filter(|(of, _)| of == group).for_each(|(_, value)| folded.see(Some(&cell(value))));
                    folded.result().map(rounded)
                };
                let wanted = [groups.iter().find_map(alone), groups.iter().rev().find_map(alone)];
                let said: Vec<_> = outcomes.iter().map(|outcome| outcome.clone().ok()).collect();
                assert_eq!(said, wanted, "{fold} of {rows:?} by {kind}");
            }
        }
    }

    /// The cases that the web client runs too.
    #[test]
    fn the_shared_vectors_hold() {
        let vectors: Value = serde_json::from_str(include_str!("../../../tests/vectors/calculations.json")).unwrap();
        let tables = &vectors["tables"];
        for case in vectors["filters"].as_array().unwrap() {
            let table = &tables[case["table"].as_str().unwrap()];
            // Which rows are kept, through what can be asked of them: one row at a time.
            let kept: Vec<usize> = (0..table["rows"].as_array().unwrap().len())
                .filter(|row| {
                    let one = serde_json::json!({ "columns": table["columns"], "rows": [table["rows"][row]] });
                    let count = Calculation::parse("count", "", "", "").unwrap();
                    pass(&one, &case["filters"], vec![count]) == [Ok(1.0)]
                })
                .collect();
            assert_eq!(serde_json::json!(kept), case["kept"], "{}", case["name"]);
        }
        for case in vectors["calculations"].as_array().unwrap() {
            let source = |field: &str| case["source"][field].as_str().unwrap_or_default();
            let parsed = Calculation::parse(
                case["calculation"].as_str().unwrap(),
                source("y_axis"),
                source("x_axis"),
                source("aggregation"),
            );
            let table = &tables[case["table"].as_str().unwrap()];
            let outcome = parsed.and_then(|calculation| pass(table, &case["filters"], vec![calculation]).remove(0));
            match (outcome, &case["value"]) {
                (Ok(value), wanted) => assert_eq!(Some(value), wanted.as_f64(), "{}", case["name"]),
                (Err(why), Value::Null) => assert_eq!(why, case["error"].as_str().unwrap(), "{}", case["name"]),
                (Err(why), wanted) => panic!("{}: {why}, not {wanted}", case["name"]),
            }
        }
    }
}
