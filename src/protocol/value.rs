//! Values inside a message: lib0's `Any` and JSON text. Walked and bounded, never built.

use super::Refusal;
use super::reader::Reader;

/// Deepest nesting of arrays and objects in one value. yrs and serde_json both recurse over values, a
/// person's data is below ten, and 64 levels are three orders below the 6,259 that overflow a 2 MiB stack.
pub(super) const MAX_DEPTH: usize = 64;

/// An open array or object: how many values are still to come, and whether each has a key.
#[derive(Clone, Copy)]
struct Open {
    left: u32,
    keyed: bool,
}

/// Walks one `Any` value and answers how many values it holds, itself included.
///
/// An explicit stack of fixed size stands in for recursion.
///
/// # Source
/// lib0 `decoding.js`, `readAnyLookupTable`: one tag byte from 127 down to 116.
pub(super) fn skip_any(reader: &mut Reader<'_>) -> Result<u32, Refusal> {
    let mut open: Vec<Open> = Vec::new();
    let mut values = 0_u32;
    loop {
        values = values.saturating_add(1);
        match open_or_skip(reader)? {
            Some(container) if open.len() == MAX_DEPTH => {
                let _ = container;
                return Err(reader.malformed("a value is nested deeper than 64 levels"));
            }
            Some(container) => open.push(container),
            None => {}
        }
        // Close what is complete; then the next value belongs to the innermost container left.
        loop {
            match open.last_mut() {
                None => return Ok(values),
                Some(container) if container.left == 0 => {
                    open.pop();
                }
                Some(container) => {
                    container.left = container.left.saturating_sub(1);
                    if container.keyed {
                        reader.string()?;
                    }
                    break;
                }
            }
        }
    }
}

/// Reads one tag: skips a scalar, or opens a container.
fn open_or_skip(reader: &mut Reader<'_>) -> Result<Option<Open>, Refusal> {
    let field = reader.clone();
    match reader.u8()? {
        // undefined, null, false, true
        127 | 126 | 121 | 120 => {}
        // integer
        125 => reader.skip_var_int()?,
        // float32; float64 and bigint
        124 => drop(reader.take(4)?),
        123 | 122 => drop(reader.take(8)?),
        119 => drop(reader.string()?),
        118 => return Ok(Some(Open { left: reader.count(2)?, keyed: true })),
        117 => return Ok(Some(Open { left: reader.count(1)?, keyed: false })),
        // Uint8Array
        116 => drop(reader.bytes()?),
        _ => return Err(field.malformed("a value has an unknown type")),
    }
    Ok(None)
}

/// Refuses JSON text that opens more than 64 brackets at once. `at` is where the text starts.
///
/// It is a scan, not a parser: it tells strings from structure, which is all that nesting needs. Whoever
/// parses the text afterwards finds the other mistakes.
pub(super) fn check_json_depth(text: &str, at: usize) -> Result<(), Refusal> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth = depth.saturating_add(1);
                if depth > MAX_DEPTH {
                    let what = "JSON is nested deeper than 64 levels";
                    return Err(Refusal::Malformed { at, what });
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}
