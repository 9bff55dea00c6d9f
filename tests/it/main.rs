//! The integration tests: one binary, one file for each behaviour. Rules of the design are named by their ids.
//!
//! Tests go through the wire with [`support::TestServer`] and [`support::TestClient`], or, where a frame must be seen before a socket
//! swallows it, through the hub. Nothing sleeps to let something happen: a test waits for a condition, with a deadline.

mod support;

mod access;
mod awareness;
mod bus;
mod canvases;
mod crash;
mod datasets;
mod durability;
mod events;
mod hostile;
mod layering;
mod limits;
mod rooms;
mod store_contract;
mod sync;
