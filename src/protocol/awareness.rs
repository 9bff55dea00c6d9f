//! Awareness frames: who shows what, for now. It splits a frame into entries and puts entries back into a
//! frame; which of them count, and what a state means, is the room's.
//!
//! # Source
//! y-protocols `awareness.js`: count, then client id, clock and JSON text for each.

use bytes::{Bytes, BytesMut};

use super::reader::Reader;
use super::{Refusal, WireLimits, value, within, writer};

/// The state of one client, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwarenessEntry {
    /// Yjs client id, below 2^53.
    pub client: u64,
    /// Grows with every change of that client's state; an entry with an older clock is out of date.
    pub clock: u32,
    /// UTF-8 JSON text, a slice of the frame, nested at most 64 levels and otherwise not parsed. `None` when
    /// the client has gone (`null` on the wire).
    pub state: Option<Bytes>,
}

/// Reads the body of an awareness frame (what follows the message type and the length).
///
/// # Errors
/// [`Refusal::TooLarge`] when the body, one state or the number of clients is over its limit;
/// [`Refusal::Malformed`] for everything that is not an awareness update.
pub fn decode_awareness(body: &Bytes, limits: &WireLimits) -> Result<Vec<AwarenessEntry>, Refusal> {
    within("bytes of an awareness frame", limits.awareness_bytes, body.len())?;
    let mut reader = Reader::new(body);
    // A client id, a clock and the length of a text: three bytes at least.
    let count = reader.count(3)?;
    within("clients in an awareness frame", limits.clients as usize, count as usize)?;
    let mut entries = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let client = reader.client()?;
        let clock = reader.var_u32()?;
        let at = reader.at();
        let text = reader.string()?;
        within("bytes of an awareness state", limits.awareness_state_bytes, text.len())?;
        value::check_json_depth(text, at)?;
        let gone = text.trim_ascii() == "null";
        let state = (!gone).then(|| body.slice_ref(text.as_bytes()));
        entries.push(AwarenessEntry { client, clock, state });
    }
    reader.finish()?;
    Ok(entries)
}

/// Reads a whole frame as [`encode_awareness`] writes it, from another node: it has kept the limits of clients, and says what many of
/// them said.
///
/// # Errors
/// [`Refusal::Malformed`]: it is not such a frame.
pub fn decode_frame(frame: &Bytes) -> Result<Vec<AwarenessEntry>, Refusal> {
    let limits = WireLimits {
        awareness_bytes: usize::MAX,
        awareness_state_bytes: usize::MAX,
        clients: u32::MAX,
        ..WireLimits::default()
    };
    let mut reader = Reader::new(frame);
    let field = reader.clone();
    if reader.var_uint(u64::MAX)? != super::message::AWARENESS {
        return Err(field.malformed("an awareness frame"));
    }
    let body = frame.slice_ref(reader.bytes()?);
    reader.finish()?;
    decode_awareness(&body, &limits)
}

/// Writes a whole awareness frame: message type 1, then the entries `(client id, clock, JSON text)`. A state
/// of `None` says that the client has gone.
pub fn encode_awareness<'a>(entries: impl IntoIterator<Item = (u64, u32, Option<&'a [u8]>)>) -> Bytes {
    let mut body = BytesMut::new();
    let mut count = 0_u64;
    for (client, clock, state) in entries {
        count = count.saturating_add(1);
        writer::var_uint(&mut body, client);
        writer::var_uint(&mut body, u64::from(clock));
        writer::var_bytes(&mut body, state.unwrap_or(b"null"));
    }
    let length = writer::var_uint_len(count).saturating_add(body.len());
    let mut frame = BytesMut::with_capacity(length.saturating_add(6));
    writer::var_uint(&mut frame, super::message::AWARENESS);
    writer::var_uint(&mut frame, length as u64);
    writer::var_uint(&mut frame, count);
    frame.extend_from_slice(&body);
    frame.freeze()
}
