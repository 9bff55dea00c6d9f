//! Owns reading JSON tables: an array of flat objects, or `{"columns": [...], "rows": [...]}` as our own rows route answers.
//! It refuses to flatten: a nested array or object becomes the cell's text, and what it means is the reader's business.
//!
//! The file streams through serde visitors, one row at a time. serde_json keeps a whole string or nested value in memory before a visitor
//! sees it, so [`CellGuard`] stands in front and ends the stream at the first value no cell could hold.

use std::borrow::Cow;
use std::cell::Cell as Shared;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Names, OnRow, Raw, count_values};
use crate::platform::datasets::{DatasetError, Limits};

pub(super) fn read<R: Read>(
    mut file: BufReader<R>,
    limits: &Limits,
    on_row: &mut OnRow<'_>,
) -> Result<Vec<String>, DatasetError> {
    let too_long = Rc::new(Shared::new(None));
    let guard = CellGuard::new(cell_depth(&mut file)?, file, limits, Rc::clone(&too_long));
    // The outer buffer is what serde_json takes single bytes from without a call per byte.
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(64 << 10, guard));
    let mut table = Table {
        limits,
        on_row,
        names: Names::new(),
        index: HashMap::new(),
        declared: false,
        has_rows: false,
        row: Vec::new(),
        filled: Vec::new(),
        row_number: 0,
        failure: None,
    };
    let parsed = json.deserialize_any(Whole(&mut table)).and_then(|()| json.end());
    let failure = table.failure.take();
    if let Err(error) = parsed {
        if let Some((line, column)) = too_long.get() {
            return Err(cell_too_large(line, column, limits));
        }
        if error.is_io() {
            return Err(io::Error::from(error).into());
        }
        let (line, column) = (error.line() as u64, error.column() as u64);
        let failure = failure.unwrap_or_else(|| bad(sentence(&error)));
        return Err(failure.at(line.max(1), column.max(1)));
    }
    if !table.has_rows {
        return Err(bad("there is no \"rows\" beside \"columns\"".into()).at(1, 1));
    }
    if table.names.list.is_empty() {
        return Err(bad("the file has no columns: an array of objects with at least one key is needed".into()).at(1, 1));
    }
    Ok(table.names.list)
}

impl DatasetError {
    /// Puts an error at the place the parser stands.
    fn at(self, line: u64, column: u64) -> Self {
        match self {
            Self::BadFile { what, .. } => Self::BadFile { line, column, what },
            Self::CellTooLarge { what, limit_bytes, .. } => Self::CellTooLarge { line, column, what, limit_bytes },
            Self::TooManyColumns { limit, .. } => Self::TooManyColumns { line, limit },
            Self::TooManyRows { limit, .. } => Self::TooManyRows { line, limit },
            other => other,
        }
    }
}

fn bad(what: String) -> DatasetError {
    DatasetError::BadFile { line: 0, column: 0, what }
}

fn cell_too_large(line: u64, column: u64, limits: &Limits) -> DatasetError {
    let limit_bytes = limits.cell_bytes;
    DatasetError::CellTooLarge {
        line,
        column,
        what: format!("this value is longer than {limit_bytes} bytes"),
        limit_bytes,
    }
}

/// serde_json's message without the place, which travels beside it.
fn sentence(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]).to_owned()
}

/// The table being read. Rows are reused; a column's place is looked up by the key as written.
struct Table<'a, 'f> {
    limits: &'a Limits,
    on_row: &'a mut OnRow<'f>,
    names: Names,
    index: HashMap<String, usize>,
    /// The file named its columns up front, so a row may not bring others.
    declared: bool,
    has_rows: bool,
    row: Vec<Raw<'static>>,
    /// The last row that gave each column a value: how a key that comes twice in one object is noticed.
    filled: Vec<u64>,
    row_number: u64,
    failure: Option<DatasetError>,
}

impl Table<'_, '_> {
    /// Keeps the typed error aside and returns what makes the parser stop and say where.
    fn fail<E: serde::de::Error>(&mut self, failure: DatasetError) -> E {
        self.failure = Some(failure);
        E::custom("refused")
    }

    fn add_column(&mut self, key: &str) -> Result<usize, DatasetError> {
        self.names.push(key, 0, self.limits)?;
        let column = self.names.list.len() - 1;
        self.index.entry(key.to_owned()).or_insert(column);
        self.row.push(Raw::Null);
        self.filled.push(0);
        Ok(column)
    }

    fn start_row(&mut self) {
        self.row_number += 1;
        self.row.fill(Raw::Null);
    }

    fn set(&mut self, column: usize, value: &RawValue) -> Result<(), DatasetError> {
        let cell = self.cell(value.get())?;
        let (Some(slot), Some(filled)) = (self.row.get_mut(column), self.filled.get_mut(column)) else {
            return Err(bad(format!("this row has more values than the {} the columns name", self.names.list.len())));
        };
        if *filled == self.row_number {
            return Err(bad(format!("the key \"{}\" comes twice in this object", self.names.list[column])));
        }
        *filled = self.row_number;
        *slot = cell;
        Ok(())
    }

    fn cell(&self, text: &str) -> Result<Raw<'static>, DatasetError> {
        let cell = match text.as_bytes().first() {
            Some(b'n') => Raw::Null,
            Some(b't') => Raw::Boolean(true),
            Some(b'f') => Raw::Boolean(false),
            Some(b'"') => {
                let string: String = serde_json::from_str(text).map_err(|error| bad(sentence(&error)))?;
                if string.is_empty() { Raw::Null } else { Raw::Text(Cow::Owned(string)) }
            }
            Some(b'[' | b'{') => Raw::Json(Cow::Owned(text.to_owned())),
            _ => Raw::Number(Cow::Owned(text.to_owned())),
        };
        let bytes = match &cell {
            Raw::Text(text) | Raw::Json(text) | Raw::Number(text) => text.len(),
            Raw::Null | Raw::Boolean(_) | Raw::Loose(_) => 0,
        };
        if bytes > self.limits.cell_bytes { Err(cell_too_large(0, 0, self.limits)) } else { Ok(cell) }
    }

    fn end_row(&mut self) -> Result<(), DatasetError> {
        (self.on_row)(0, &self.row)
    }
}

/// The whole file.
struct Whole<'t, 'a, 'f>(&'t mut Table<'a, 'f>);

impl<'de> Visitor<'de> for Whole<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects, or an object with \"columns\" and \"rows\"")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, rows: A) -> Result<(), A::Error> {
        Rows(self.0).visit_seq(rows)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut file: A) -> Result<(), A::Error> {
        while let Some(key) = file.next_key::<String>()? {
            match key.as_str() {
                "columns" if self.0.declared || self.0.has_rows => {
                    return Err(self.0.fail(bad("\"columns\" comes once, and before \"rows\"".into())));
                }
                "columns" => file.next_value_seed(Columns(self.0))?,
                "rows" if self.0.has_rows => return Err(self.0.fail(bad("\"rows\" comes twice".into()))),
                "rows" => file.next_value_seed(Rows(self.0))?,
                _ => {
                    file.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// `"columns"`: names, or objects with a `name`. A `type` there is not believed; the rows decide.
struct Columns<'t, 'a, 'f>(&'t mut Table<'a, 'f>);

impl<'de> DeserializeSeed<'de> for Columns<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Columns<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of column names")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut columns: A) -> Result<(), A::Error> {
        #[derive(serde::Deserialize)]
        struct Named {
            name: String,
        }
        let table = self.0;
        table.declared = true;
        while let Some(column) = columns.next_element::<Box<RawValue>>()? {
            let name = serde_json::from_str::<String>(column.get())
                .or_else(|_not_text| serde_json::from_str::<Named>(column.get()).map(|named| named.name));
            let added = match name {
                Ok(name) => table.add_column(&name),
                Err(_neither) => Err(bad("a column is a name, or an object with a \"name\"".into())),
            };
            added.map_err(|failure| table.fail::<A::Error>(failure))?;
        }
        Ok(())
    }
}

struct Rows<'t, 'a, 'f>(&'t mut Table<'a, 'f>);

impl<'de> DeserializeSeed<'de> for Rows<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        self.0.has_rows = true;
        while rows.next_element_seed(Row(self.0))?.is_some() {}
        Ok(())
    }
}

struct Row<'t, 'a, 'f>(&'t mut Table<'a, 'f>);

impl<'de> DeserializeSeed<'de> for Row<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Row<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.declared { "a row: an array of values, or an object" } else { "a row: an object" })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let table = self.0;
        table.start_row();
        while let Some(column) = object.next_key_seed(Key(table))? {
            let value = object.next_value::<Box<RawValue>>()?;
            table.set(column, &value).map_err(|failure| table.fail::<A::Error>(failure))?;
        }
        table.end_row().map_err(|failure| table.fail(failure))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        let table = self.0;
        if !table.declared {
            let what = "a row is an array, so \"columns\" must name its values before \"rows\"";
            return Err(table.fail(bad(what.into())));
        }
        table.start_row();
        let mut count = 0;
        while let Some(value) = values.next_element::<Box<RawValue>>()? {
            table.set(count, &value).map_err(|failure| table.fail::<A::Error>(failure))?;
            count += 1;
        }
        if count < table.names.list.len() {
            let what = format!("this row has {}, the columns name {}", count_values(count), table.names.list.len());
            return Err(table.fail(bad(what)));
        }
        table.end_row().map_err(|failure| table.fail(failure))
    }
}

/// A key of a row: finds its column, or adds it, without a new string per row.
struct Key<'t, 'a, 'f>(&'t mut Table<'a, 'f>);

impl<'de> DeserializeSeed<'de> for Key<'_, '_, '_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_, '_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<usize, E> {
        if let Some(column) = self.0.index.get(key) {
            return Ok(*column);
        }
        let added = if self.0.declared {
            Err(bad("a key of this object is not one of the columns".into()))
        } else {
            self.0.add_column(key)
        };
        added.map_err(|failure| self.0.fail(failure))
    }
}

/// How deep a cell lies: in an array of objects below two brackets, in `{"columns", "rows"}` below three.
fn cell_depth<R: Read>(file: &mut BufReader<R>) -> Result<usize, DatasetError> {
    use io::BufRead as _;
    let start = file.fill_buf()?;
    Ok(if start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') { 3 } else { 2 })
}

/// Passes bytes on until one value, written out, is longer than any cell could be; then ends the stream with an error.
///
/// It follows strings and brackets only. Bytes that are not JSON pass through, and the parser behind it names what is wrong with them.
struct CellGuard<R> {
    inner: R,
    /// Longest a value may be as written: one byte can be an escape of six (`\u0041`).
    limit: usize,
    cell_depth: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
    run: usize,
    line: u64,
    column: u64,
    too_long: Rc<Shared<Option<(u64, u64)>>>,
}

impl<R: Read> CellGuard<R> {
    fn new(cell_depth: usize, inner: R, limits: &Limits, too_long: Rc<Shared<Option<(u64, u64)>>>) -> Self {
        let limit = limits.cell_bytes * 6 + 2;
        Self {
            inner,
            limit,
            cell_depth,
            depth: 0,
            in_string: false,
            escaped: false,
            run: 0,
            line: 1,
            column: 0,
            too_long,
        }
    }

    /// Takes one byte into account; false if the value it belongs to is too long now.
    fn follow(&mut self, byte: u8) -> bool {
        self.column += 1;
        if byte == b'\n' {
            self.line += 1;
            self.column = 0;
        }
        self.run += 1;
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
        } else {
            match byte {
                b'"' => self.in_string = true,
                b'[' | b'{' => {
                    self.depth += 1;
                    self.restart_at(self.depth);
                }
                b']' | b'}' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.restart_at(self.depth);
                }
                b',' | b':' => self.restart_at(self.depth),
                _ => {}
            }
        }
        self.run <= self.limit
    }

    /// A separator outside of a cell starts the next value; inside, it is part of the cell.
    fn restart_at(&mut self, depth: usize) {
        if depth <= self.cell_depth {
            self.run = 0;
        }
    }
}

impl<R: Read> Read for CellGuard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.too_long.get().is_some() {
            return Err(io::Error::other("a value is too long"));
        }
        let count = self.inner.read(buffer)?;
        for (index, &byte) in buffer.iter().take(count).enumerate() {
            if !self.follow(byte) {
                // What came before still goes out, so that an earlier mistake in the file is the one reported.
                self.too_long.set(Some((self.line, self.column.max(1))));
                return if index == 0 { Err(io::Error::other("a value is too long")) } else { Ok(index) };
            }
        }
        Ok(count)
    }
}
