//! Owns reading CSV (RFC 4180): a header row, quoted values with line breaks in them, commas, semicolons or tabs between values.
//! It refuses to repair: a row that does not fit its header is an error, because guessing which value is missing moves the others.
//!
//! Our own reader, because of what a stranger's file can do: the common readers keep a whole record in memory before anyone can look at
//! its size (an unclosed quote makes the rest of the file one value), and report the line a record starts near, not the one that is
//! wrong. This one stops at the first value that is too long and knows the line of every value. `tests` holds it against the `csv` crate.

use std::io::BufRead;

use super::{Names, OnRow, Raw, count_values};
use crate::platform::datasets::{DatasetError, Limits};

pub(super) fn read(file: impl BufRead, limits: &Limits, on_row: &mut OnRow<'_>) -> Result<Vec<String>, DatasetError> {
    let mut reader = Reader::new(file, limits)?;
    let mut record = Record::default();
    let mut names = Names::new();
    if !reader.next(&mut record, None)? {
        return Err(DatasetError::BadFile { line: reader.line, column: 1, what: "the file has no header row".into() });
    }
    for index in 0..record.len() {
        names.push(record.text(index)?, record.line(index), limits)?;
    }
    let width = names.list.len();
    while reader.next(&mut record, Some(width))? {
        if record.len() < width {
            let what = format!("this row has {}, the header names {width}", count_values(record.len()));
            return Err(DatasetError::BadFile { line: record.line(0), column: record.len() as u64 + 1, what });
        }
        let mut row = Vec::with_capacity(width);
        for index in 0..width {
            let text = record.text(index)?;
            row.push(if text.trim().is_empty() { Raw::Null } else { Raw::Loose(text) });
        }
        on_row(record.line(0), &row)?;
    }
    Ok(names.list)
}

/// One row: its values end to end, and where each ends and began.
#[derive(Debug, Default)]
struct Record {
    bytes: Vec<u8>,
    /// End in `bytes`, and 1-based line of the file on which the value began.
    values: Vec<(usize, u64)>,
}

impl Record {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn line(&self, index: usize) -> u64 {
        self.values.get(index).map_or(0, |(_, line)| *line)
    }

    fn text(&self, index: usize) -> Result<&str, DatasetError> {
        let start = index.checked_sub(1).and_then(|before| self.values.get(before)).map_or(0, |(end, _)| *end);
        let end = self.values.get(index).map_or(start, |(end, _)| *end);
        let bytes = self.bytes.get(start..end).unwrap_or_default();
        std::str::from_utf8(bytes).map_err(|error| {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = self.line(index) + before.split(|byte| *byte == b'\n').count() as u64 - 1;
            let what = "this value is not UTF-8 text; save the file as UTF-8".into();
            DatasetError::BadFile { line, column: index as u64 + 1, what }
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first byte of a row; blank lines stay here.
    RowStart,
    /// Before the first byte of a value that follows a separator.
    ValueStart,
    Plain,
    Quoted,
    /// After a quote inside a quoted value: it ends the value, or a second one makes it a quote.
    QuoteSeen,
}

#[derive(Debug)]
struct Reader<'a, R> {
    file: R,
    limits: &'a Limits,
    separator: u8,
    /// 1-based line of the next byte.
    line: u64,
    after_cr: bool,
}

impl<'a, R: BufRead> Reader<'a, R> {
    fn new(mut file: R, limits: &'a Limits) -> Result<Self, DatasetError> {
        let separator = separator(file.fill_buf()?);
        Ok(Self { file, limits, separator, line: 1, after_cr: false })
    }

    /// Reads the next row; false at the end of the file. A row wider than `width` is an error at its first extra value.
    fn next(&mut self, record: &mut Record, width: Option<usize>) -> Result<bool, DatasetError> {
        record.bytes.clear();
        record.values.clear();
        let mut state = State::RowStart;
        let mut value_start = 0;
        let mut value_line = self.line;
        loop {
            let chunk = self.file.fill_buf()?;
            if chunk.is_empty() {
                return match state {
                    State::RowStart => Ok(false),
                    State::Quoted => Err(DatasetError::BadFile {
                        line: value_line,
                        column: record.len() as u64 + 1,
                        what: "the quote that opens this value is never closed".into(),
                    }),
                    State::ValueStart | State::Plain | State::QuoteSeen => {
                        record.values.push((record.bytes.len(), value_line));
                        Ok(true)
                    }
                };
            }
            let mut used = 0;
            let mut row_ended = false;
            for &byte in chunk {
                used += 1;
                // CR, LF and CRLF are one line break each.
                let second_half = byte == b'\n' && self.after_cr;
                self.after_cr = byte == b'\r';
                let line_break = matches!(byte, b'\r' | b'\n');
                if line_break && !second_half {
                    self.line += 1;
                }
                match state {
                    State::RowStart if line_break => {
                        value_line = self.line;
                        continue;
                    }
                    State::RowStart | State::ValueStart if byte == b'"' => {
                        state = State::Quoted;
                        continue;
                    }
                    State::Quoted if byte == b'"' => {
                        state = State::QuoteSeen;
                        continue;
                    }
                    State::QuoteSeen if byte == b'"' => {
                        record.bytes.push(byte);
                        state = State::Quoted;
                    }
                    State::Quoted => record.bytes.push(byte),
                    _ if byte == self.separator || line_break => {
                        record.values.push((record.bytes.len(), value_line));
                        value_start = record.bytes.len();
                        // The line break was counted already; this value stands on the line before it.
                        value_line = self.line;
                        state = State::ValueStart;
                        if line_break {
                            row_ended = true;
                            break;
                        }
                        let limit = width.unwrap_or(self.limits.columns);
                        if record.len() >= limit {
                            let Some(width) = width else {
                                return Err(DatasetError::TooManyColumns { line: self.line, limit });
                            };
                            let what = format!("this row has more values than the {width} the header names");
                            return Err(DatasetError::BadFile { line: self.line, column: width as u64 + 1, what });
                        }
                        continue;
                    }
                    State::QuoteSeen => {
                        let what =
                            "text follows the closing quote of this value; double the quotes inside a quoted value"
                                .into();
                        return Err(DatasetError::BadFile { line: self.line, column: record.len() as u64 + 1, what });
                    }
                    State::RowStart | State::ValueStart | State::Plain => {
                        record.bytes.push(byte);
                        state = State::Plain;
                    }
                }
                if record.bytes.len() - value_start > self.limits.cell_bytes {
                    let limit_bytes = self.limits.cell_bytes;
                    let unclosed = if state == State::Quoted { "; a quote may be missing at its end" } else { "" };
                    let what = format!("this value is longer than {limit_bytes} bytes{unclosed}");
                    return Err(DatasetError::CellTooLarge {
                        line: value_line,
                        column: record.len() as u64 + 1,
                        what,
                        limit_bytes,
                    });
                }
            }
            self.file.consume(used);
            if row_ended {
                return Ok(true);
            }
        }
    }
}

/// What stands between values: whichever of comma, semicolon and tab the header row has most of.
fn separator(start: &[u8]) -> u8 {
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for &byte in start {
        match byte {
            b'"' => quoted = !quoted,
            b'\r' | b'\n' if !quoted => break,
            _ if quoted => {}
            _ => counts.iter_mut().filter(|(candidate, _)| *candidate == byte).for_each(|(_, count)| *count += 1),
        }
    }
    // The first of equals wins, so a file of one column has the comma.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(candidate, _)| *candidate)
}
