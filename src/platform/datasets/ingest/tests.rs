//! Tricky files: what is accepted and as what, and for what is refused, the line and column the uploader is told.

use std::io::Read;

use super::super::ColumnType::{Boolean, Date, Number, String as Text};
use super::super::{Cell, ColumnType, DatasetError, Format, Limits};
use super::{Shape, inspect_reader, load_reader};

fn small() -> Limits {
    Limits { columns: 5, rows: 10, cell_bytes: 100, name_chars: 20, ..Limits::default() }
}

/// Both passes over one file, as an upload makes them.
fn read(format: Format, file: impl AsRef<[u8]>) -> Result<(Shape, Vec<Vec<Cell>>), DatasetError> {
    let (file, limits) = (file.as_ref(), small());
    let shape = inspect_reader(format, file, &limits)?;
    let mut rows = Vec::new();
    load_reader(format, file, &limits, &shape.columns, &mut |row| {
        rows.push(row.to_vec());
        Ok(())
    })?;
    assert_eq!(shape.row_count, rows.len() as u64, "both passes see the same rows");
    assert!(rows.iter().all(|row| row.len() == shape.columns.len()), "every row is as wide as the table");
    Ok((shape, rows))
}

fn csv(file: impl AsRef<[u8]>) -> (Shape, Vec<Vec<Cell>>) {
    read(Format::Csv, file).unwrap()
}

fn json(file: impl AsRef<[u8]>) -> (Shape, Vec<Vec<Cell>>) {
    read(Format::Json, file).unwrap()
}

fn names(shape: &Shape) -> Vec<&str> {
    shape.columns.iter().map(|column| column.name.as_str()).collect()
}

fn kinds(shape: &Shape) -> Vec<ColumnType> {
    shape.columns.iter().map(|column| column.kind).collect()
}

fn text(value: &str) -> Cell {
    Cell::Text(value.to_owned())
}

/// Where a bad file is bad, and what the uploader reads.
fn refusal(format: Format, file: impl AsRef<[u8]>) -> (u64, u64, String) {
    match read(format, file) {
        Err(DatasetError::BadFile { line, column, what } | DatasetError::CellTooLarge { line, column, what, .. }) => {
            (line, column, what)
        }
        other => panic!("expected a bad file, got {other:?}"),
    }
}

#[track_caller]
fn refused(format: Format, file: impl AsRef<[u8]>, line: u64, column: u64, part: &str) {
    let (at_line, at_column, what) = refusal(format, file);
    assert!(what.contains(part), "{what:?} does not say {part:?}");
    assert_eq!((at_line, at_column), (line, column), "{what}");
}

#[test]
fn csv_types_come_from_all_rows() {
    let (shape, rows) = csv("n,b,d,s,mixed\n1,true,2024-02-29,x,1\n-2.5e3,FALSE,2024-03-01,y,2\n , ,,,z\n");
    assert_eq!(kinds(&shape), [Number, Boolean, Date, Text, Text]);
    assert_eq!(rows[0], [Cell::Number(1.0), Cell::Boolean(true), text("2024-02-29"), text("x"), text("1")]);
    assert_eq!(rows[1][..2], [Cell::Number(-2500.0), Cell::Boolean(false)]);
    assert_eq!(rows[2], [Cell::Null, Cell::Null, Cell::Null, Cell::Null, text("z")]);
}

#[test]
fn a_number_is_only_what_loses_nothing_as_a_number() {
    for number in ["0", "-0", "+7", "3.", ".5", "0.50", "1e9", "9007199254740992", "-9007199254740992", " 12 "] {
        assert_eq!(kinds(&csv(format!("a\n{number}\n")).0), [Number], "{number}");
    }
    for text in ["007", "9007199254740993", "1,5", "1 000", "NaN", "inf", "0x10", "1e", "e5", ".", "-", "1e999", "1_0"]
    {
        assert_eq!(kinds(&csv(format!("a;b\n{text};1\n")).0), [Text, Number], "{text}");
    }
}

#[test]
fn a_date_is_an_iso_date_that_exists() {
    for date in [
        "2024-02-29",
        "2010-01-01T01:00",
        "2010-01-01 01:00:59",
        "2010-01-01T23:59:60Z",
        "2010-01-01T01:00:00.123456+05:30",
    ] {
        assert_eq!(kinds(&csv(format!("a\n{date}\n")).0), [Date], "{date}");
    }
    for text in [
        "2023-02-29",
        "2024-13-01",
        "2024-1-1",
        "01/02/2024",
        "2024-01-01T24:00",
        "2024-01-01T",
        "2024-01-01X10:00",
        "2024-01-01T10:00:00.",
        "2024-01-01T10:00+5",
        "2024-01-01é",
    ] {
        assert_eq!(kinds(&csv(format!("a\n{text}\n")).0), [Text], "{text}");
    }
    let (_, rows) = csv("a\n2010-01-01 01:00:59\n");
    assert_eq!(rows[0][0], text("2010-01-01T01:00:59"), "one form, so that text order is time order");
}

#[test]
fn a_column_without_values_is_text() {
    assert_eq!(kinds(&csv("a,b\n,1\n,2\n").0), [Text, Number]);
    assert_eq!(kinds(&csv("a,b\n").0), [Text, Text], "a header alone is an empty table");
}

#[test]
fn csv_quotes_line_breaks_and_separators() {
    let (_, rows) = csv("\u{feff}a,b\r\n\"x, \"\"y\"\"\",\"two\r\nlines\"\r\n\r\nplain \"q\",\"\"");
    assert_eq!(rows, [[text("x, \"y\""), text("two\r\nlines")], [text("plain \"q\""), Cell::Null]]);
    assert_eq!(names(&csv("a;b\n1,5;2\n").0), ["a", "b"]);
    assert_eq!(names(&csv("a\tb\n1\t2\n").0), ["a", "b"]);
    assert_eq!(names(&csv("\"a;b;c\",d\n1,2\n").0), ["a;b;c", "d"], "separators in quotes do not vote");
    assert_eq!(csv("a,b\r1,2\r3,4").1.len(), 2, "CR alone ends a line");
    assert_eq!(csv("\n\n a \n1\n\n\n2\n").1.len(), 2, "blank lines are no rows");
}

#[test]
fn column_names_become_unique_and_visible() {
    let (shape, _) = csv("a, A ,,\"two\nlines\",_row\n1,2,3,4,5\n");
    assert_eq!(names(&shape), ["a", "A (2)", "column_3", "two lines", "_row (2)"]);
}

#[test]
fn csv_errors_name_line_and_value() {
    refused(Format::Csv, "", 1, 1, "empty");
    refused(Format::Csv, "\n\n", 3, 1, "no header");
    refused(Format::Csv, b"\xFF\xFEa\x00", 1, 1, "UTF-16");
    refused(Format::Csv, b"PK\x03\x04....", 1, 1, "spreadsheet");
    refused(Format::Csv, "a,b,c\n1,2,3\n4,5\n", 3, 3, "2 values, the header names 3");
    refused(Format::Csv, "a,b\n1,2\n\n\n1,2,3\n", 5, 3, "more values than the 2");
    refused(Format::Csv, "a,b\n\"x\ny\",2\n1\n", 4, 2, "1 value, the header names 2");
    refused(Format::Csv, "a,b\n1,\"x\ny", 2, 2, "never closed");
    refused(Format::Csv, "a,b\n1,\"x\" y\n", 2, 2, "closing quote");
    refused(Format::Csv, b"a,b\n1,2\n3,\"x\ny\xE9\"\n", 4, 2, "not UTF-8");
    refused(Format::Csv, b"a\xE9,b\n", 1, 1, "not UTF-8");
    refused(Format::Csv, format!("a,b\n1,{}\n", "x".repeat(101)), 2, 2, "longer than 100 bytes");
    refused(Format::Csv, format!("a,b\n1,\"{}\n", "x\n".repeat(99)), 2, 2, "a quote may be missing");
    refused(Format::Csv, format!("{},b\n", "x".repeat(21)), 1, 1, "at most 20 characters");
    assert_eq!(csv(format!("a\n{}\n", "x".repeat(100))).1.len(), 1, "the limit itself is allowed");
}

#[test]
fn csv_limits_name_the_line() {
    let many = format!("a\n{}", "1\n".repeat(11));
    assert!(matches!(read(Format::Csv, many), Err(DatasetError::TooManyRows { line: 12, limit: 10 })));
    let wide = "\na,b,c,d,e,f\n";
    assert!(matches!(read(Format::Csv, wide), Err(DatasetError::TooManyColumns { line: 2, limit: 5 })));
}

#[test]
fn json_objects_may_bring_columns_late_and_leave_values_out() {
    let (shape, rows) = json(
        r#"[{"n": 1, "s": "1"}, {"d": "2024-01-01T00:00:00Z", "n": 2.5, "b": true},
            {"s": "", "b": null, "j": {"x": [1, 2]}, "n": null}]"#,
    );
    assert_eq!(names(&shape), ["n", "s", "d", "b", "j"]);
    assert_eq!(kinds(&shape), [Number, Text, Date, Boolean, Text], "a string of digits is a string in JSON");
    assert_eq!(rows[0], [Cell::Number(1.0), text("1"), Cell::Null, Cell::Null, Cell::Null]);
    assert_eq!(rows[1][2..4], [text("2024-01-01T00:00:00Z"), Cell::Boolean(true)]);
    assert_eq!(rows[2], [Cell::Null, Cell::Null, Cell::Null, Cell::Null, text(r#"{"x": [1, 2]}"#)]);
}

#[test]
fn json_mixed_columns_keep_every_value_as_written() {
    let (shape, rows) =
        json(r#"[{"m": 1.50, "id": 1}, {"m": true, "id": 12345678901234567890}, {"m": "é\ud83d\ude00", "id": 2}]"#);
    assert_eq!(kinds(&shape), [Text, Text]);
    let column = |index: usize| rows.iter().map(|row| row[index].clone()).collect::<Vec<_>>();
    assert_eq!(column(0), [text("1.50"), text("true"), text("é😀")]);
    assert_eq!(column(1), [text("1"), text("12345678901234567890"), text("2")]);
}

#[test]
fn json_columns_and_rows_as_our_own_route_answers() {
    let (shape, rows) =
        json(r#"{"columns": ["a", {"name": "b"}], "rows": [[1, "x"], {"b": "y"}], "next_cursor": null}"#);
    assert_eq!(names(&shape), ["a", "b"]);
    assert_eq!(rows, [[Cell::Number(1.0), text("x")], [Cell::Null, text("y")]]);
    assert_eq!(json(r#"{"rows": [{"a": 1}]}"#).1.len(), 1, "objects need no columns");
}

#[test]
fn json_errors_name_line_and_column() {
    refused(Format::Json, "[{\"a\": 1},\n {\"a\": }]", 2, 8, "expected value");
    refused(Format::Json, "[{\"a\": 1}", 1, 9, "EOF");
    refused(Format::Json, "[{\"a\": 1}] x", 1, 12, "trailing");
    refused(Format::Json, "[]", 1, 1, "no columns");
    refused(Format::Json, "[{}, {}]", 1, 1, "no columns");
    refused(Format::Json, "{\"columns\": [\"a\"]}", 1, 1, "no \"rows\"");
    refused(Format::Json, "3", 1, 1, "expected an array of objects");
    refused(Format::Json, "[\n1]", 2, 2, "expected a row: an object");
    refused(Format::Json, "[\n[1]]", 2, 2, "\"columns\" must name");
    refused(Format::Json, "[{\"a\": 1,\n\"a\": 2}]", 2, 7, "\"a\" comes twice");
    refused(Format::Json, "{\"columns\": [\"a\"],\n\"rows\": [[1],\n[]]}", 3, 2, "0 values, the columns name 1");
    refused(Format::Json, "{\"columns\": [\"a\"],\n\"rows\": [[1],\n[1, 2]]}", 3, 6, "more values than the 1");
    refused(Format::Json, "{\"columns\": [\"a\"],\n\"rows\": [{\"b\": 1}]}", 2, 14, "not one of the columns");
    refused(Format::Json, "{\"rows\": [{\"a\": 1}],\n\"columns\": [\"a\"]}", 2, 10, "before \"rows\"");
    refused(Format::Json, b"[{\"a\": \"\xE9\"}]", 1, 9, "unicode");
    refused(Format::Json, "[{\"a\": \"\\ud800\"}]", 1, 16, "hex escape");
    refused(Format::Json, format!("[\n{{\"a\": \"{}\"}}]", "x".repeat(101)), 2, 110, "longer than 100 bytes");
    refused(Format::Json, format!("[\n{{\"a\": [{}0]}}]", "0,".repeat(50)), 2, 110, "longer than 100 bytes");
}

#[test]
fn json_limits_name_the_line() {
    let many = format!("[{}{{\"a\":1}}]", "{\"a\":1},\n".repeat(10));
    assert!(matches!(read(Format::Json, many), Err(DatasetError::TooManyRows { line: 11, limit: 10 })));
    let wide = "[\n{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1}]";
    assert!(matches!(read(Format::Json, wide), Err(DatasetError::TooManyColumns { line: 2, limit: 5 })));
}

/// `[LIM-1]` A value that no cell could hold ends the reading long before the file does.
#[test]
fn a_file_that_is_one_endless_value_is_not_read_to_its_end() {
    struct Endless {
        start: &'static [u8],
        then: u8,
        read: usize,
    }
    impl Read for &mut Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            for (index, slot) in buffer.iter_mut().enumerate() {
                *slot = self.start.get(self.read + index).copied().unwrap_or(self.then);
            }
            self.read += buffer.len();
            assert!(self.read < 1 << 20, "kept reading");
            Ok(buffer.len())
        }
    }
    for (format, start, then) in [
        (Format::Csv, "a\n", b'x'),
        (Format::Csv, "a\n\"", b'\n'),
        (Format::Json, "[{\"a\": \"", b'x'),
        (Format::Json, "[{\"", b'x'),
        (Format::Json, "[{\"a\": ", b'['),
        (Format::Json, "[{\"a\": ", b'1'),
        (Format::Json, "{\"other\": ", b'['),
    ] {
        let mut file = Endless { start: start.as_bytes(), then, read: 0 };
        let error = inspect_reader(format, &mut file, &small()).unwrap_err();
        assert!(matches!(error, DatasetError::CellTooLarge { .. }), "{start}: {error}");
    }
}

/// A disk that fails is not the uploader's mistake.
#[test]
fn a_file_that_cannot_be_read_is_a_storage_error() {
    struct Failing(usize);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0 += 1;
            if self.0 > 1 {
                return Err(std::io::Error::other("the disk failed"));
            }
            buffer[..4].copy_from_slice(b"[{\"a");
            Ok(4)
        }
    }
    for format in [Format::Csv, Format::Json] {
        assert!(matches!(inspect_reader(format, Failing(0), &small()), Err(DatasetError::Storage(_))), "{format:?}");
    }
}

/// Our reader against the `csv` crate, on every short file over the bytes that matter.
#[test]
fn csv_agrees_with_the_common_reader() {
    let alphabet = [b'a', b',', b'"', b'\n', b'\r'];
    let mut compared = 0;
    for length in 1..=6 {
        for number in 0..alphabet.len().pow(length) {
            let mut digits = number;
            let body: Vec<u8> = (0..length)
                .map(|_| {
                    let byte = alphabet[digits % alphabet.len()];
                    digits /= alphabet.len();
                    byte
                })
                .collect();
            let file = [b"h,i\n".as_slice(), &body].concat();
            let Ok((_, ours)) = read(Format::Csv, &file) else { continue };
            let theirs: Vec<Vec<Cell>> = ::csv::ReaderBuilder::new()
                .from_reader(file.as_slice())
                .records()
                .map(|record| {
                    record.unwrap().iter().map(|v| if v.trim().is_empty() { Cell::Null } else { text(v) }).collect()
                })
                .collect();
            assert_eq!(ours, theirs, "{:?}", String::from_utf8_lossy(&file));
            compared += 1;
        }
    }
    assert!(compared > 1_000, "only {compared} files were comparable");
}
