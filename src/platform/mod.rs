//! The slices: one folder for each capability, each shaped like its neighbours. `mod.rs` types and rules, `http.rs` router and DTOs, one
//! file for each backend. Slices meet only through each other's `mod.rs`.

pub mod accounts;
pub mod bindings;
pub mod canvases;
pub mod datasets;
mod files;
pub mod images;
pub mod samples;
pub mod transfer;
pub mod usage;
