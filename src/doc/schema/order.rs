//! Order keys: strings that sort like positions in a list and leave room between any two. The server only
//! ever makes a whole list at once; clients make the keys in between.
//!
//! # Source
//! npm `fractional-indexing` 4: the first character says how many base 62 digits follow (`a` one, `b` two, …).

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The key of the item at `index` of a list: `a0`, `a1`, …, `az`, `b00`, …
pub(super) fn key(index: usize) -> String {
    let base = DIGITS.len();
    let (mut rest, mut digits, mut room) = (index, 1, base);
    while rest >= room {
        rest -= room;
        digits += 1;
        room = room.saturating_mul(base);
    }
    let mut key = vec![b'0'; digits];
    for place in key.iter_mut().rev() {
        *place = DIGITS[rest % base];
        rest /= base;
    }
    let head = char::from(b'a' + u8::try_from(digits - 1).unwrap_or(25).min(25));
    std::iter::once(head).chain(key.into_iter().map(char::from)).collect()
}
