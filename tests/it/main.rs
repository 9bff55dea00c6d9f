//! The integration tests: one binary, one file for each behaviour. Rules of the design are named by their ids.
//!
//! Tests go through the wire with [`support::TestServer`] and [`support::TestClient`], or, where a frame must be seen before a socket
//! swallows it, through the hub. Nothing sleeps to let something happen: a test waits for a condition, with a deadline.

#![expect(
    clippy::unwrap_used,
    clippy::future_not_send,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests: a failed unwrap is a failed test, futures stay on their thread, seeds are printed, a task may outlive its test"
)]

mod support;

mod access;
mod accounts_contract;
mod awareness;
mod bindings;
mod bus;
mod bus_redis;
mod canvases;
mod cluster;
mod crash;
mod datasets;
mod datasets_nodes;
mod durability;
mod events;
mod hostile;
mod images;
mod layering;
mod limits;
mod lists;
mod metrics;
mod migrate;
mod mongo_store;
mod presence_contract;
mod rooms;
mod services;
mod start;
mod store_contract;
mod sync;
mod transfer;
mod usage;
