//! The few lib0 encoders the frames need. Trusted input only: nothing is checked here.

use bytes::{BufMut, BytesMut};

/// Appends an unsigned integer, little-endian base 128.
pub(super) fn var_uint(out: &mut BytesMut, mut number: u64) {
    while number >= 0x80 {
        // Seven bits at a time; the mask makes the narrowing exact.
        out.put_u8((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.put_u8(number as u8);
}

/// Appends a byte array with its length in front.
pub(super) fn var_bytes(out: &mut BytesMut, bytes: &[u8]) {
    var_uint(out, bytes.len() as u64);
    out.put_slice(bytes);
}

/// How many bytes [`var_uint`] writes.
pub(super) fn var_uint_len(number: u64) -> usize {
    let bits = u64::BITS.saturating_sub(number.leading_zeros()).max(1);
    bits.div_ceil(7) as usize
}
