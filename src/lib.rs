//! Jabiru: a multiplayer data canvas people host themselves.

pub mod access;
pub mod backend;
pub mod bus;
pub mod clock;
pub mod config;
pub mod doc;
pub mod events;
pub mod id;
pub mod presence;
pub mod protocol;
pub mod room;
pub mod store;
pub mod telemetry;
