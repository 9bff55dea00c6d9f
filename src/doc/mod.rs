//! The CRDT and the canvas schema: pure and synchronous.
//!
//! Owns what a document is, how updates enter it, what they changed, and how it reads as JSON. Knows no IO, no clock, no session;
//! bytes that arrive here have already passed [`crate::protocol`].

pub mod awareness;
pub mod document;
pub mod schema;

pub use awareness::AwarenessTable;
pub use document::{Applied, Document};
