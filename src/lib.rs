//! Jabiru: a multiplayer data canvas people host themselves. This page is the map of the code.
//!
//! A layered realtime **kernel**, a closed set that changes together because one message crosses it, and vertical **slices** on top, one
//! folder for each capability. Arrows point down only; `tests/it/layering.rs` fails on one that points up.
//!
//! ```text
//! main → app                     the command; the composition root, the only module that names concrete backends
//!         ├─ platform/*          slices: accounts · bindings · canvases · datasets · images · samples ·
//!         │                      transfer · usage
//!         ├─ ws · http           one WebSocket = one session · the shell that slices share
//!         ├─ room                the actor: join, update, awareness, flush, leave, unload (hub, peers, persist)
//!         ├─ access · presence · bus · events · store      ports; the embedded backend is the default
//!         ├─ backend             connections and migrations: sqlite · mongo · redis · clickhouse
//!         ├─ doc                 the CRDT and the canvas schema; pure
//!         ├─ protocol            bytes ⇄ messages; pure; hostile input is stopped here
//!         └─ id · clock · config · telemetry
//! ```
//!
//! # One update, socket to socket
//! [`ws`] reads a frame, [`protocol`] decodes and checks it, the [`room`] applies it to the [`doc`], hands it to the journal and gives
//! one frame, encoded once, to every peer's socket; what a socket does not take at once is queued, and [`ws`] writes it when it can. The
//! ack follows when the journal has committed.
//!
//! # Promises
//! Rules carry ids like `[DUR-1]`. The docs of the module that keeps a rule name it, and so does the test that proves it.

pub mod access;
pub mod app;
pub mod backend;
pub mod bus;
pub mod clock;
pub mod config;
pub mod doc;
pub mod events;
pub mod http;
pub mod id;
pub mod platform;
pub mod presence;
pub mod protocol;
pub mod room;
pub mod store;
pub mod telemetry;
pub mod ws;
