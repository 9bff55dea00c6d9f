//! A cursor over lib0-encoded bytes. It owns the primitives (integers, strings, byte arrays, counts) and
//! nothing of what they mean.
//!
//! # Source
//! lib0 `decoding.js`. Integers are little-endian base 128, the top bit of a byte says that another follows.

use super::Refusal;

/// Largest client id: JavaScript's `Number.MAX_SAFE_INTEGER`, 2^53 - 1.
pub const MAX_CLIENT: u64 = (1 << 53) - 1;
/// Largest clock: yrs subtracts clocks as `i32`, so one more would wrap.
pub const MAX_CLOCK: u32 = (1 << 31) - 1;

/// A position in bytes that came from somebody else. Every read is checked, and every failure says where.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    total: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes, total: bytes.len() }
    }

    /// Bytes read so far.
    pub fn at(&self) -> usize {
        self.total.saturating_sub(self.rest.len())
    }

    /// Bytes not read yet.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// A refusal at the present position.
    pub fn malformed(&self, what: &'static str) -> Refusal {
        Refusal::Malformed { at: self.at(), what }
    }

    /// One byte.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, Refusal> {
        let (&byte, rest) = self.rest.split_first().ok_or_else(|| self.malformed("the message ends too early"))?;
        self.rest = rest;
        Ok(byte)
    }

    /// The next `n` bytes.
    #[inline]
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Refusal> {
        let (taken, rest) =
            self.rest.split_at_checked(n).ok_or_else(|| self.malformed("a length is larger than what is left"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// An unsigned integer of at most `max`, and of at most eight bytes (56 bits), so that our reading and
    /// yrs's, which wraps, cannot differ.
    #[inline]
    pub fn var_uint(&mut self, max: u64) -> Result<u64, Refusal> {
        // Nearly every integer of an update is below 128.
        if let Some((&byte, rest)) = self.rest.split_first()
            && byte < 0x80
            && u64::from(byte) <= max
        {
            self.rest = rest;
            return Ok(u64::from(byte));
        }
        self.long_var_uint(max)
    }

    fn long_var_uint(&mut self, max: u64) -> Result<u64, Refusal> {
        let field = self.clone();
        let mut number = 0_u64;
        for shift in (0..56_u32).step_by(7) {
            let byte = self.u8()?;
            number |= u64::from(byte & 0x7f).wrapping_shl(shift);
            if byte < 0x80 {
                return if number > max { Err(field.malformed("an integer is out of range")) } else { Ok(number) };
            }
        }
        Err(field.malformed("an integer has too many bytes"))
    }

    /// An unsigned integer that fits 32 bits.
    #[inline]
    pub fn var_u32(&mut self) -> Result<u32, Refusal> {
        self.var_uint(u64::from(u32::MAX)).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// A signed integer, skipped: six bits and a sign in the first byte, seven in each that follows.
    /// Refuses more than 53 bits, which JavaScript's reader throws on.
    pub fn skip_var_int(&mut self) -> Result<(), Refusal> {
        let field = self.clone();
        let first = self.u8()?;
        let mut magnitude = u64::from(first & 0x3f);
        let mut more = first >= 0x80;
        let mut shift = 6_u32;
        while more {
            if shift > 55 {
                return Err(field.malformed("an integer has too many bytes"));
            }
            let byte = self.u8()?;
            magnitude |= u64::from(byte & 0x7f).wrapping_shl(shift);
            more = byte >= 0x80;
            shift = shift.saturating_add(7);
        }
        if magnitude > MAX_CLIENT {
            return Err(field.malformed("an integer is out of range"));
        }
        Ok(())
    }

    /// A client id, below 2^53.
    #[inline]
    pub fn client(&mut self) -> Result<u64, Refusal> {
        self.var_uint(MAX_CLIENT)
    }

    /// A clock, below 2^31.
    #[inline]
    pub fn clock(&mut self) -> Result<u32, Refusal> {
        self.var_uint(u64::from(MAX_CLOCK)).map(|clock| u32::try_from(clock).unwrap_or(MAX_CLOCK))
    }

    /// A byte array with its length in front.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], Refusal> {
        let length = self.var_u32()?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// A string: a byte array that is UTF-8.
    #[inline]
    pub fn string(&mut self) -> Result<&'a str, Refusal> {
        let field = self.clone();
        std::str::from_utf8(self.bytes()?).map_err(|_| field.malformed("a string is not UTF-8"))
    }

    /// How many things follow, each of at least `min_bytes_each` bytes. A count the rest cannot hold is
    /// refused here, before anybody reserves memory for it.
    #[inline]
    pub fn count(&mut self, min_bytes_each: usize) -> Result<u32, Refusal> {
        let field = self.clone();
        let count = self.var_u32()?;
        let needed = usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(min_bytes_each);
        if needed > self.left() {
            return Err(field.malformed("a count is larger than what is left"));
        }
        Ok(count)
    }

    /// Refuses bytes after the end of a message.
    pub fn finish(&self) -> Result<(), Refusal> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.malformed("bytes follow the message")) }
    }
}
