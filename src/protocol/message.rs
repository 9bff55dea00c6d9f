//! Frames from a client, decoded and checked, and the frames the server sends. One frame is one message:
//! stock clients read only the first of a frame, so nothing is ever packed together. What a client reads is
//! in [`super::server_message`].
//!
//! # Source
//! y-protocols `PROTOCOL.md`; y-websocket 3 for the numbers of the outer types. 5 and 8 are ours
//! (`[SYNC-7]`, `[SYNC-8]`) and sent only to clients that asked, since a stock one logs unknown types.

use bytes::{Bytes, BytesMut};

use super::awareness::{AwarenessEntry, decode_awareness};
use super::reader::Reader;
use super::update::{UpdateSummary, check_state_vector, check_sync_update, check_update};
use super::{Refusal, WireLimits, writer};

pub(super) const SYNC: u64 = 0;
pub(super) const AWARENESS: u64 = 1;
pub(super) const AUTH: u64 = 2;
pub(super) const QUERY_AWARENESS: u64 = 3;
pub(super) const NOTICE: u64 = 5;
pub(super) const ACK: u64 = 8;

pub(super) const STEP1: u64 = 0;
pub(super) const STEP2: u64 = 1;
pub(super) const UPDATE: u64 = 2;

/// An awareness frame without entries. It changes nothing at any client, and keeps stock providers, which
/// drop a socket that is silent for 30 s, from doing so `[SYNC-6]`.
pub const KEEPALIVE: Bytes = Bytes::from_static(&[1, 1, 0]);

/// One checked message from a client. Payloads are slices of the frame and share its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientMessage {
    /// What the client has; the server answers with what it lacks.
    SyncStep1 {
        /// Yjs state vector, v1.
        state_vector: Bytes,
    },
    /// What the server lacks, in answer to its own step 1. Always carries the whole delete set.
    SyncStep2 {
        /// Yjs update v1, at most [`WireLimits::sync_bytes`].
        update: Bytes,
        /// What the check saw in it.
        summary: UpdateSummary,
    },
    /// An edit.
    Update {
        /// Yjs update v1, at most [`WireLimits::update_bytes`].
        update: Bytes,
        /// What the check saw in it.
        summary: UpdateSummary,
    },
    /// States of this client, and, from a stock one, of others it has heard of.
    Awareness(Vec<AwarenessEntry>),
    /// A request for everybody's awareness state.
    QueryAwareness,
}

/// Decodes and checks one frame from a client.
///
/// # Errors
/// [`Refusal`]: close the session with its [`Refusal::close`]; the frame must not be used.
pub fn decode(frame: &Bytes, limits: &WireLimits) -> Result<ClientMessage, Refusal> {
    let mut reader = Reader::new(frame);
    let field = reader.clone();
    let message = match reader.var_uint(u64::MAX)? {
        SYNC => sync(frame, &mut reader, limits)?,
        AWARENESS => {
            let body = reader.bytes()?;
            ClientMessage::Awareness(decode_awareness(&frame.slice_ref(body), limits)?)
        }
        QUERY_AWARENESS => ClientMessage::QueryAwareness,
        AUTH | NOTICE | ACK => {
            return Err(field.malformed("a message type that only the server sends"));
        }
        _ => return Err(field.malformed("an unknown message type")),
    };
    reader.finish()?;
    Ok(message)
}

fn sync(frame: &Bytes, reader: &mut Reader<'_>, limits: &WireLimits) -> Result<ClientMessage, Refusal> {
    let field = reader.clone();
    let kind = reader.var_uint(u64::MAX)?;
    let body = frame.slice_ref(reader.bytes()?);
    match kind {
        STEP1 => {
            check_state_vector(&body, limits)?;
            Ok(ClientMessage::SyncStep1 { state_vector: body })
        }
        STEP2 => {
            let summary = check_sync_update(&body, limits)?;
            Ok(ClientMessage::SyncStep2 { update: body, summary })
        }
        UPDATE => {
            let summary = check_update(&body, limits)?;
            Ok(ClientMessage::Update { update: body, summary })
        }
        _ => Err(field.malformed("an unknown sync message")),
    }
}

/// What this side has (0, 0). `sv`: Yjs state vector v1.
pub fn sync_step1(sv: &[u8]) -> Bytes {
    frame(&[SYNC, STEP1], sv)
}

/// What the other side lacks (0, 1). `update`: Yjs update v1.
pub fn sync_step2(update: &[u8]) -> Bytes {
    frame(&[SYNC, STEP2], update)
}

/// An edit (0, 2). `update`: Yjs update v1.
pub fn update(update: &[u8]) -> Bytes {
    frame(&[SYNC, UPDATE], update)
}

/// `[SYNC-7]` Of the sync step 2 and update messages this session has sent, the first `n` are durable (8).
pub fn ack(n: u64) -> Bytes {
    let mut out = BytesMut::with_capacity(11);
    writer::var_uint(&mut out, ACK);
    writer::var_uint(&mut out, n);
    out.freeze()
}

/// `[SYNC-8]` A JSON notice `{"type": ...}` (5).
pub fn notice(json: &str) -> Bytes {
    frame(&[NOTICE], json.as_bytes())
}

/// Why the session is refused (2, 0), sent before a 44xx close so that stock providers can show it.
pub fn refusal(reason: &str) -> Bytes {
    frame(&[AUTH, 0], reason.as_bytes())
}

/// Asks for everybody's awareness state (3).
pub fn query_awareness() -> Bytes {
    Bytes::from_static(&[3])
}

/// A frame of type numbers and one byte array.
fn frame(types: &[u64], body: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(body.len().saturating_add(12));
    for number in types {
        writer::var_uint(&mut out, *number);
    }
    writer::var_bytes(&mut out, body);
    out.freeze()
}
