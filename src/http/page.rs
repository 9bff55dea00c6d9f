//! Paging: `?limit=&cursor=` in, an opaque `next_cursor` out.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::Problem;

/// The query of every list.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Most items to answer with.
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Paging {
    /// How many items: what was asked for, `default` if nothing was, never more than `most`.
    ///
    /// # Errors
    /// 400 for zero or more than `most`.
    pub fn limit(&self, default: usize, most: usize) -> Result<usize, Problem> {
        match self.limit {
            None => Ok(default),
            Some(limit) if (1..=most).contains(&limit) => Ok(limit),
            Some(limit) => Err(Problem::bad_request(format!("`limit` is 1 to {most}, not {limit}."))),
        }
    }

    /// The key the page starts after, as the route wrote it with [`cursor`].
    ///
    /// # Errors
    /// 400 for anything that is not one of our cursors.
    pub fn after(&self) -> Result<Option<String>, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let key = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        key.map(Some).ok_or_else(bad_cursor)
    }
}

/// The cursor for a page that starts after `key`.
#[must_use]
pub fn cursor(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

/// 400 for a cursor that cannot be read.
#[must_use]
pub fn bad_cursor() -> Problem {
    Problem::bad_request("`cursor` is not one this server gave; take `next_cursor` of the page before.")
}
