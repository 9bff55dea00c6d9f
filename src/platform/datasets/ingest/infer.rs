//! Owns what text counts as a number, a boolean or a date, and the type a column gets from all its cells.
//! It refuses to guess at local habits (decimal commas, day-first dates, yes and no): a wrong guess changes data silently.

use std::borrow::Cow;

use super::Raw;
use crate::platform::datasets::{Cell, ColumnType};

/// 2^53: every whole number up to here is exact in a 64-bit float, and in a browser.
pub(crate) const EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// What a column can still be, after the cells seen so far.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts about a column, not one state")]
pub(super) struct Guess {
    any: bool,
    number: bool,
    boolean: bool,
    date: bool,
}

impl Default for Guess {
    fn default() -> Self {
        Self { any: false, number: true, boolean: true, date: true }
    }
}

impl Guess {
    pub(super) fn see(&mut self, cell: &Raw<'_>) {
        match cell {
            Raw::Null => return,
            Raw::Loose(text) => {
                self.number = self.number && number(text).is_some();
                self.boolean = self.boolean && boolean(text).is_some();
                self.date = self.date && date(text).is_some();
            }
            Raw::Text(text) => {
                self.number = false;
                self.boolean = false;
                self.date = self.date && date(text).is_some();
            }
            Raw::Number(text) => {
                self.number = self.number && number(text).is_some();
                self.boolean = false;
                self.date = false;
            }
            Raw::Boolean(_) => {
                self.number = false;
                self.date = false;
            }
            Raw::Json(_) => {
                self.number = false;
                self.boolean = false;
                self.date = false;
            }
        }
        self.any = true;
    }

    /// The narrowest type every cell had. A column without a value is text, which takes whatever comes.
    pub(super) fn kind(self) -> ColumnType {
        match self {
            Self { any: false, .. } => ColumnType::String,
            Self { number: true, .. } => ColumnType::Number,
            Self { boolean: true, .. } => ColumnType::Boolean,
            Self { date: true, .. } => ColumnType::Date,
            _ => ColumnType::String,
        }
    }
}

impl Raw<'_> {
    /// The cell as a value of its column's type. The type came from all cells, so a cell that does not fit is text as written.
    pub(super) fn typed(&self, kind: ColumnType) -> Cell {
        let written: Cow<'_, str> = match self {
            Self::Null => return Cell::Null,
            Self::Boolean(value) if kind == ColumnType::Boolean => return Cell::Boolean(*value),
            Self::Boolean(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            Self::Loose(text) => Cow::Borrowed(*text),
            Self::Text(text) | Self::Number(text) | Self::Json(text) => Cow::Borrowed(text.as_ref()),
        };
        let typed = match kind {
            ColumnType::String => None,
            ColumnType::Number => number(&written).map(Cell::Number),
            ColumnType::Boolean => boolean(&written).map(Cell::Boolean),
            ColumnType::Date => date(&written).map(Cell::Text),
        };
        typed.unwrap_or_else(|| Cell::Text(written.into_owned()))
    }
}

/// A decimal number as CSV and JSON write it. `007` and numbers past 2^53 are not: they are postcodes and ids, and would be damaged.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let has_digit = !whole.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty());
    let padded = whole.len() > 1 && whole.starts_with('0');
    let exponent_ok = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    if !has_digit || padded || !digits(whole) || !fraction.is_none_or(digits) || !exponent_ok {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    // Compared as an integer: as a float, 2^53 + 1 is 2^53 already.
    let is_id = fraction.is_none()
        && exponent.is_none()
        && !whole.parse::<u64>().is_ok_and(|whole| whole <= EXACT_INTEGER as u64);
    (value.is_finite() && !is_id).then_some(value)
}

fn boolean(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// An ISO 8601 calendar date, alone or with a time of day and an optional offset; returned with a `T` where a space stood.
fn date(text: &str) -> Option<String> {
    let text = text.trim();
    let bytes = text.as_bytes();
    let two = |at: usize| -> Option<u32> {
        let (tens, units) = (bytes.get(at)?, bytes.get(at + 1)?);
        (tens.is_ascii_digit() && units.is_ascii_digit()).then(|| u32::from(tens - b'0') * 10 + u32::from(units - b'0'))
    };
    let year = two(0)? * 100 + two(2)?;
    let (month, day) = (two(5)?, two(8)?);
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let month = time::Month::try_from(u8::try_from(month).ok()?).ok()?;
    time::Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
    if bytes.len() == 10 {
        return Some(text.to_owned());
    }
    if !matches!(bytes.get(10), Some(b'T' | b't' | b' '))
        || two(11)? > 23
        || bytes.get(13) != Some(&b':')
        || two(14)? > 59
    {
        return None;
    }
    let mut at = 16;
    if bytes.get(at) == Some(&b':') {
        // 60 is a leap second.
        if two(at + 1)? > 60 {
            return None;
        }
        at += 3;
        if bytes.get(at) == Some(&b'.') {
            let decimals = bytes.get(at + 1..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if decimals == 0 {
                return None;
            }
            at += 1 + decimals;
        }
    }
    let offset_ok = match bytes.get(at..)? {
        [] | [b'Z' | b'z'] => true,
        [b'+' | b'-', _, _, b':', _, _] => two(at + 1)? <= 23 && two(at + 4)? <= 59,
        _ => false,
    };
    // Byte 10 is one ASCII byte, so the cut is at a character boundary.
    offset_ok.then(|| format!("{}T{}", &text[..10], &text[11..]))
}
