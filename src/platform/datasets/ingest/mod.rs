//! Owns the way from a file to typed rows: two bounded passes, type inference, and the naming of columns.
//! It refuses to own where the rows go; the second pass hands each one to whoever stores it.

mod csv;
mod infer;
mod json;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

pub(super) use self::infer::EXACT_INTEGER;
use self::infer::Guess;
use super::{Cell, Column, DatasetError, Format, Limits};

/// What the first pass learns about a file.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) columns: Vec<Column>,
    pub(super) row_count: u64,
}

/// First pass: checks every row and infers what the columns are. Nothing is kept but one row and one guess per column.
pub(super) fn inspect(format: Format, path: &Path, limits: &Limits) -> Result<Shape, DatasetError> {
    inspect_reader(format, File::open(path)?, limits)
}

/// Second pass: hands every row to `insert_row`, as wide as `columns` and of their types.
pub(super) fn load(
    format: Format,
    path: &Path,
    limits: &Limits,
    columns: &[Column],
    insert_row: &mut dyn FnMut(&[Cell]) -> Result<(), DatasetError>,
) -> Result<(), DatasetError> {
    load_reader(format, File::open(path)?, limits, columns, insert_row)
}

fn inspect_reader(format: Format, file: impl Read, limits: &Limits) -> Result<Shape, DatasetError> {
    let mut guesses: Vec<Guess> = Vec::new();
    let mut row_count = 0_u64;
    let names = read_rows(format, file, limits, &mut |line, row| {
        if row_count == limits.rows {
            return Err(DatasetError::TooManyRows { line, limit: limits.rows });
        }
        row_count += 1;
        // A JSON object may bring a new key, so rows can grow; the rows before it had no value there.
        if row.len() > guesses.len() {
            guesses.resize_with(row.len(), Guess::default);
        }
        for (guess, cell) in guesses.iter_mut().zip(row) {
            guess.see(cell);
        }
        Ok(())
    })?;
    guesses.resize_with(names.len(), Guess::default);
    let columns = names.into_iter().zip(guesses).map(|(name, guess)| Column { name, kind: guess.kind() }).collect();
    Ok(Shape { columns, row_count })
}

/// [`load`] for a file that is not one on disk.
pub(super) fn load_reader(
    format: Format,
    file: impl Read,
    limits: &Limits,
    columns: &[Column],
    insert_row: &mut dyn FnMut(&[Cell]) -> Result<(), DatasetError>,
) -> Result<(), DatasetError> {
    let mut cells = Vec::with_capacity(columns.len());
    read_rows(format, file, limits, &mut |_line, row| {
        cells.clear();
        cells.extend(
            columns
                .iter()
                .enumerate()
                .map(|(index, column)| row.get(index).map_or(Cell::Null, |raw| raw.typed(column.kind))),
        );
        insert_row(&cells)
    })?;
    Ok(())
}

/// Gets the line a row ends on and its cells.
type OnRow<'a> = dyn FnMut(u64, &[Raw<'_>]) -> Result<(), DatasetError> + 'a;

/// Reads a file row by row and returns the names of its columns.
fn read_rows(
    format: Format,
    file: impl Read,
    limits: &Limits,
    on_row: &mut OnRow<'_>,
) -> Result<Vec<String>, DatasetError> {
    // One system call per 64 KiB instead of the default 8: this loop sees every byte of up to 64 MiB twice.
    let mut file = BufReader::with_capacity(64 << 10, file);
    refuse_other_formats(&mut file)?;
    match format {
        Format::Csv => csv::read(file, limits, on_row),
        Format::Json => json::read(file, limits, on_row),
    }
}

/// Drops a byte order mark and names the two files people send most often by mistake.
fn refuse_other_formats<R: Read>(file: &mut BufReader<R>) -> Result<(), DatasetError> {
    use std::io::BufRead as _;
    let start = file.fill_buf()?;
    let first_byte = |what: &str| DatasetError::BadFile { line: 1, column: 1, what: what.into() };
    if start.is_empty() {
        return Err(first_byte("the file is empty"));
    }
    if start.starts_with(b"\xEF\xBB\xBF") {
        file.consume(3);
    } else if start.starts_with(b"\xFF\xFE") || start.starts_with(b"\xFE\xFF") {
        return Err(first_byte("the file is UTF-16; save it as UTF-8"));
    } else if start.starts_with(b"PK\x03\x04") {
        return Err(first_byte("the file is a spreadsheet or an archive; export it as CSV first"));
    }
    Ok(())
}

/// "1 value", "2 values".
fn count_values(count: usize) -> String {
    format!("{count} value{}", if count == 1 { "" } else { "s" })
}

/// A cell as the file has it, before its column's type is known.
#[derive(Debug, Clone, PartialEq)]
enum Raw<'a> {
    Null,
    /// CSV: everything is text and may turn out to be anything.
    Loose(&'a str),
    /// A JSON string: text or a date, never a number, because its writer could have written a number.
    Text(Cow<'a, str>),
    /// A JSON number, as written.
    Number(Cow<'a, str>),
    Boolean(bool),
    /// A JSON array or object, kept as its text.
    Json(Cow<'a, str>),
}

/// Gives columns names that are unique, also when case is ignored as SQL does, so that each can be a column of a table.
#[derive(Debug)]
struct Names {
    list: Vec<String>,
    taken: HashSet<String>,
}

impl Names {
    fn new() -> Self {
        // The table's own key; see `sqlite`.
        Self { list: Vec::new(), taken: HashSet::from(["_row".to_owned()]) }
    }

    /// Takes the next column's name as the file has it. An empty one becomes `column_N`; the second `x` becomes `x (2)`.
    fn push(&mut self, written: &str, line: u64, limits: &Limits) -> Result<(), DatasetError> {
        let column = self.list.len() + 1;
        if column > limits.columns {
            return Err(DatasetError::TooManyColumns { line, limit: limits.columns });
        }
        // Line breaks and control characters of a quoted header would be invisible in every place a column is named.
        let words: Vec<&str> =
            written.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
        let mut base = words.join(" ");
        if base.is_empty() {
            base = format!("column_{column}");
        }
        if base.chars().nth(limits.name_chars).is_some() {
            let what = format!("the name of a column has at most {} characters", limits.name_chars);
            return Err(DatasetError::BadFile { line, column: column as u64, what });
        }
        let mut name = base.clone();
        let mut copy = 2;
        while !self.taken.insert(name.to_lowercase()) {
            name = format!("{base} ({copy})");
            copy += 1;
        }
        self.list.push(name);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
