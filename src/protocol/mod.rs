//! The wire: bytes ⇄ messages, and the check every client byte passes before anything else sees it.
//!
//! It owns the y-websocket framing (sync, awareness, auth refusal, query awareness, and our own ack and
//! notice), the limits of one message, the check of Yjs v1 bytes and the table of close codes. It does no
//! IO, reads no clock and knows no document: yrs is not imported here.
//!
//! # Flow
//! `ws` hands one binary frame to [`message::decode`]. What comes out is either a [`ClientMessage`] whose
//! payload is a refcounted slice of that frame, or a [`Refusal`] that names the close code. A payload that
//! came through is safe to hand to yrs: see [`mod@update`] for what "safe" covers.
//!
//! # Invariants
//! - `[LIM-2]` linear time, no recursion, no allocation that a length prefix alone can size.
//! - `[LIM-3]` one table of close codes: [`close`].
//! - Nothing here panics on any input; indexing and unchecked arithmetic do not compile in this module.
//!
//! # Source
//! y-protocols `PROTOCOL.md`, `sync.js`, `awareness.js`, `auth.js`; lib0 `encoding.js`; Yjs
//! `UpdateEncoder.js` (v1). `tests/vectors/wire.json` holds frames made by those libraries.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod awareness;
pub mod close;
pub mod message;
pub mod reader;
pub mod server_message;
pub mod update;

mod limits;
mod nesting;
mod value;
mod writer;

pub use awareness::{AwarenessEntry, decode_awareness, encode_awareness};
pub use close::{Close, Closing};
pub use limits::WireLimits;
pub use message::{
    ClientMessage, KEEPALIVE, ack, decode, notice, query_awareness, refusal, sync_step1, sync_step2, update,
};
pub use server_message::ServerMessage;
pub use update::{ClientRange, UpdateSummary, check_state_vector, check_sync_update, check_update, keep_clients};

/// Why a frame was not taken. The session that sent it is closed; nothing else is touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The bytes are not a message of this protocol, or use a part of it that we refuse. Closes with
    /// [`Close::Malformed`].
    #[error("malformed message at byte {at}: {what}")]
    Malformed {
        /// Offset of the offending field, in bytes from the start of what was being read.
        at: usize,
        /// What was expected or refused there, as words for a person.
        what: &'static str,
    },
    /// The message is well-formed as far as it was read, and larger than we take. Closes with
    /// [`Close::TooLarge`], which tells the client not to send it again.
    #[error("{what}: {got} is over the limit of {limit}")]
    TooLarge {
        /// What was counted or measured, with its unit.
        what: &'static str,
        /// The most that is taken.
        limit: usize,
        /// What the message carries, or claims to.
        got: usize,
    },
}

impl Refusal {
    /// The close code the session ends with.
    pub fn close(&self) -> Close {
        match self {
            Refusal::Malformed { .. } => Close::Malformed,
            Refusal::TooLarge { .. } => Close::TooLarge,
        }
    }
}

impl From<&Refusal> for Closing {
    fn from(refusal: &Refusal) -> Self {
        Closing::new(refusal.close(), refusal.to_string())
    }
}

/// Refuses `got` above `limit`.
fn within(what: &'static str, limit: usize, got: usize) -> Result<(), Refusal> {
    if got > limit { Err(Refusal::TooLarge { what, limit, got }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
