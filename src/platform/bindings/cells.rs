//! What one cell, or one value a person compares it with, can be read as: a number, a moment, text. Pure.
//!
//! The web client reads the same things the same way; `tests/vectors/calculations.json` holds both to it. Where JavaScript has habits of
//! its own (how it writes a number, which text it takes for one) they are followed here.

use std::borrow::Cow;

use time::{Date, Month};

use crate::platform::datasets::Cell;

/// Whether a cell counts as empty.
pub(super) fn is_empty(cell: &Cell) -> bool {
    match cell {
        Cell::Null => true,
        Cell::Text(text) => text.is_empty(),
        Cell::Boolean(_) | Cell::Number(_) => false,
    }
}

/// Text that is wholly a decimal number: sign, digits, point, exponent. Not `0x10` or `Infinity`, which are numbers to nobody.
pub(super) fn decimal(text: &str) -> Option<f64> {
    let text = trim(text);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    let sound = digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent));
    if sound { text.parse().ok() } else { None }
}

/// The number a calculation takes from a cell; `true` counts as 1.
pub(super) fn number(cell: &Cell) -> Option<f64> {
    let number = match cell {
        Cell::Null => None,
        Cell::Boolean(value) => Some(f64::from(u8::from(*value))),
        Cell::Number(value) => Some(*value),
        Cell::Text(text) => decimal(text),
    };
    number.filter(|number| number.is_finite())
}

/// The moment that ISO 8601 text names, in milliseconds since 1970 UTC. Without a zone it is UTC: a number must not depend on where it
/// is computed.
pub(super) fn moment(text: &str) -> Option<f64> {
    let text = trim(text);
    let bytes = text.as_bytes();
    let digits = |at: usize, count: usize| -> Option<u32> {
        let part = bytes.get(at..at + count)?;
        part.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
    };
    let is = |at: usize, byte: u8| bytes.get(at) == Some(&byte);
    let (year, month, day) = (digits(0, 4)?, digits(5, 2)?, digits(8, 2)?);
    (is(4, b'-') && is(7, b'-')).then_some(())?;
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
    let days = i64::from(date.to_julian_day()) - EPOCH_JULIAN_DAY;
    let midnight = days * 86_400_000;
    if bytes.len() == 10 {
        return Some(midnight as f64);
    }
    matches!(bytes.get(10), Some(b'T' | b't' | b' ')).then_some(())?;
    let (hour, minute) = (digits(11, 2)?, digits(14, 2)?);
    (is(13, b':') && hour < 24 && minute < 60).then_some(())?;
    let (mut at, mut millis) = (16, i64::from(hour) * 3_600_000 + i64::from(minute) * 60_000);
    if is(at, b':') {
        let second = digits(at + 1, 2)?;
        (second < 60).then_some(())?;
        millis += i64::from(second) * 1000;
        at += 3;
        if is(at, b'.') {
            let decimals = bytes.get(at + 1..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
            (decimals > 0).then_some(())?;
            // A moment is a whole millisecond; what is finer is cut.
            let thousandths = (0..3).map(|place| if place < decimals { digits(at + 1 + place, 1) } else { Some(0) });
            millis +=
                thousandths.map(|digit| digit.map(i64::from)).try_fold(0, |sum, digit| Some(sum * 10 + digit?))?;
            at += 1 + decimals;
        }
    }
    let offset = match bytes.get(at..)? {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let minutes = i64::from(digits(at + 1, 2)? * 60 + digits(at + 4, 2)?);
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => return None,
    };
    Some((midnight + millis - offset * 60_000) as f64)
}

/// 1970-01-01.
const EPOCH_JULIAN_DAY: i64 = 2_440_588;

/// A cell as text, as JavaScript's `String` writes it.
pub(super) fn text(cell: &Cell) -> Cow<'_, str> {
    match cell {
        Cell::Null => Cow::Borrowed(""),
        Cell::Boolean(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        Cell::Number(value) => Cow::Owned(number_text(*value)),
        Cell::Text(text) => Cow::Borrowed(text),
    }
}

/// A number as JavaScript writes it: with an exponent from 1e21 on and below 1e-6.
fn number_text(value: f64) -> String {
    let size = value.abs();
    if size >= 1e21 || (size > 0.0 && size < 1e-6) {
        let text = format!("{value:e}");
        return if size >= 1.0 { text.replace('e', "e+") } else { text };
    }
    // Minus zero is zero to everybody.
    format!("{}", value + 0.0)
}

fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_a_number_only_if_all_of_it_is() {
        for (text, wanted) in [("1", 1.0), (" -2.50 ", -2.5), (".5", 0.5), ("5.", 5.0), ("+1e3", 1000.0), ("007", 7.0)]
        {
            assert_eq!(decimal(text), Some(wanted), "{text:?}");
        }
        for text in ["", " ", "0x10", "Infinity", "nan", "1e", "1,5", "1 2", ".", "-", "1e5.5", "inf"] {
            assert_eq!(decimal(text), None, "{text:?}");
        }
    }

    #[test]
    fn moments_are_utc_unless_they_say_otherwise() {
        for (text, wanted) in [
            ("1970-01-01", 0.0),
            ("1969-12-31T23:59:59Z", -1000.0),
            ("2024-02-29", 1_709_164_800_000.0),
            ("2024-02-29 12:30", 1_709_209_800_000.0),
            ("2024-02-29T12:30:15.1239Z", 1_709_209_815_123.0),
            ("2024-02-29T12:30:15.5+02:00", 1_709_202_615_500.0),
            ("2024-02-29T12:30:15-00:30", 1_709_211_615_000.0),
        ] {
            assert_eq!(moment(text), Some(wanted), "{text}");
        }
        for text in [
            "2023-02-29",
            "2024-13-01",
            "2024-1-1",
            "2024-01-01T25:00",
            "2024-01-01x",
            "2024",
            "2024-01-01T1",
            "é024-01-01",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_written_as_javascript_does() {
        let cases =
            [(1.0, "1"), (-0.0, "0"), (0.1, "0.1"), (1e21, "1e+21"), (1.5e-7, "1.5e-7"), (0.000_001, "0.000001")];
        for (value, wanted) in cases {
            assert_eq!(number_text(value), wanted);
        }
        assert_eq!(number_text(123_456_789_012_345_680.0), "123456789012345680");
    }
}
