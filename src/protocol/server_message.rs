//! Frames from a server, as a client reads them: for tests, the load harness and the shared vectors. The
//! server itself never reads its own frames. Payloads of sync messages are handed on unchecked, since a
//! client trusts its server.

use bytes::Bytes;

use super::awareness::{AwarenessEntry, decode_awareness};
use super::reader::{MAX_CLIENT, Reader};
use super::{Refusal, WireLimits, message};

/// One message from a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerMessage {
    /// Yjs state vector v1: what the server has.
    SyncStep1(Bytes),
    /// Yjs update v1: what the client lacked.
    SyncStep2(Bytes),
    /// Yjs update v1: somebody's edit.
    Update(Bytes),
    /// States of clients; empty for a keepalive.
    Awareness(Vec<AwarenessEntry>),
    /// Why the session is refused; a 44xx close follows.
    Refused(String),
    /// The JSON text of a notice.
    Notice(String),
    /// How many of the messages sent are durable.
    Ack(u64),
    /// A request for the client's awareness state.
    QueryAwareness,
}

/// Decodes one frame from a server.
///
/// # Errors
/// [`Refusal::Malformed`] when the frame is not one message of this protocol.
pub fn decode(frame: &Bytes) -> Result<ServerMessage, Refusal> {
    let mut reader = Reader::new(frame);
    let field = reader.clone();
    let decoded = match reader.var_uint(u64::MAX)? {
        message::SYNC => {
            let kind = reader.var_uint(u64::MAX)?;
            let body = frame.slice_ref(reader.bytes()?);
            match kind {
                message::STEP1 => ServerMessage::SyncStep1(body),
                message::STEP2 => ServerMessage::SyncStep2(body),
                message::UPDATE => ServerMessage::Update(body),
                _ => return Err(field.malformed("an unknown sync message")),
            }
        }
        message::AWARENESS => {
            let body = frame.slice_ref(reader.bytes()?);
            ServerMessage::Awareness(decode_awareness(&body, &unbounded())?)
        }
        message::AUTH => {
            reader.var_uint(0)?;
            ServerMessage::Refused(reader.string()?.to_owned())
        }
        message::QUERY_AWARENESS => ServerMessage::QueryAwareness,
        message::NOTICE => ServerMessage::Notice(reader.string()?.to_owned()),
        message::ACK => ServerMessage::Ack(reader.var_uint(MAX_CLIENT)?),
        _ => return Err(field.malformed("an unknown message type")),
    };
    reader.finish()?;
    Ok(decoded)
}

/// A server's awareness frame holds a whole room, which is more than one client may send.
fn unbounded() -> WireLimits {
    WireLimits {
        awareness_bytes: usize::MAX,
        awareness_state_bytes: usize::MAX,
        clients: u32::MAX,
        ..WireLimits::default()
    }
}
