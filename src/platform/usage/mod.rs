//! Usage: how much a canvas, or the whole organization, is looked at and worked on, day by day. Reads the usage events; records none.
//!
//! # What is counted
//! Of the events of canvases (`canvas.opened`, `canvas.viewed`, `canvas.edited`, `canvas.joined`, `canvas.left`), by UTC day:
//! - **views**: `canvas.opened` (somebody opened it and was not there a minute before) and `canvas.viewed` (a program read it with a token).
//!   `canvas.embedded` and `canvas.viewed_by_link` say how somebody opened it, beside the opening: they are no views of their own.
//! - **people**: different users with any of those events; over a range each counts once, so the days do not add up to it.
//! - **edits**: updates of the document that people made, as the `canvas.edited` events count them.
//! - **active minutes**: different pairs of a person and a minute in which they joined, edited or left. Somebody who only reads is active in
//!   two of them, however long they read; a minute on two canvases is one for the organization. Edits are counted up to ten seconds after
//!   they were made.
//!
//! # Invariants
//! - `[ACC-2]` Every question names one organization, and nothing of another is counted.
//! - `[EVT-2]` Both stores give the same answers.

mod clickhouse;
pub mod http;
mod sqlite;

use async_trait::async_trait;

use crate::clock::Millis;
use crate::id::CanvasId;

pub use self::clickhouse::ClickHouseUsage;
pub use self::sqlite::SqliteUsage;

/// What is asked.
#[derive(Debug, Clone)]
pub struct UsageQuery {
    /// Whose usage. `[ACC-2]`
    pub org: String,
    /// Of one canvas; `None`: of all.
    pub canvas: Option<CanvasId>,
    /// From this time on.
    pub from: Millis,
    /// Before this time.
    pub to: Millis,
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// How often it was opened or read.
    pub views: u64,
    /// By how many people.
    pub people: u64,
    /// Updates people made.
    pub edits: u64,
    /// Minutes of people in which something happened.
    pub active_minutes: u64,
}

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// By UTC day, `2026-11-22`, in order; days without any event are left out.
    pub days: Vec<(String, Figures)>,
    /// Over the whole range.
    pub totals: Figures,
}

/// The usage events cannot be read right now.
#[derive(Debug, Clone, thiserror::Error)]
#[error("usage cannot be read: {0}")]
pub struct UsageError(pub String);

/// The slice's storage.
#[async_trait]
pub trait UsageStore: Send + Sync + 'static {
    /// Figures by day and over all.
    async fn usage(&self, query: &UsageQuery) -> Result<Usage, UsageError>;

    /// The canvases with the most views (then edits, then the smaller id), at most `limit`.
    async fn top_canvases(&self, query: &UsageQuery, limit: usize) -> Result<Vec<(CanvasId, Figures)>, UsageError>;
}
