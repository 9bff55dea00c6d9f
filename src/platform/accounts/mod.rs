//! The people of this installation: for now one local owner, who logs in with a one-time link.

pub mod http;
