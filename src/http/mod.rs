//! The HTTP shell that every slice shares: connections, errors, who is calling, paging, uploads, health, the API's description, the web client.
//!
//! Owns no capability of the product. A slice brings a router with its own state; the shell gives it extractors.

pub mod activity;
pub mod assets;
pub mod caller;
pub mod docs;
pub mod health;
pub mod page;
pub mod problem;
pub mod serve;
pub mod upload;

use std::sync::Arc;

use axum::http::{HeaderMap, header};

use crate::access::{Rates, Sessions, Tokens};
use crate::clock::Clock;
use crate::config::Limits;
use crate::events::Events;

pub use activity::Activity;
pub use caller::Caller;
pub use page::Paging;
pub use problem::Problem;

/// What every route and socket needs.
#[derive(Clone)]
pub struct Shell {
    /// Signed tokens.
    pub tokens: Tokens,
    /// Login sessions.
    pub sessions: Sessions,
    /// How often somebody may do what.
    pub rates: Rates,
    /// Who may call from a browser.
    pub origins: Arc<Origins>,
    /// The limits.
    pub limits: Arc<Limits>,
    /// The clock.
    pub clock: Clock,
    /// Usage events.
    pub events: Events,
    /// Whether a proxy in front says in `X-Forwarded-For` who is calling.
    pub trust_forwarded_for: bool,
}

/// The origins whose pages may open sockets and change things. `[LIM-4]`
#[derive(Debug)]
pub struct Origins {
    /// The origin people reach this server at, e.g. `https://canvas.example.org`.
    pub public: String,
    /// Origins of other apps.
    pub allowed: Vec<String>,
}

impl Origins {
    /// Whether a socket may be opened. Programs send no `Origin`; a browser always does.
    #[must_use]
    pub fn allows_socket(&self, headers: &HeaderMap) -> bool {
        self.page(headers).is_none_or(|(origin, own)| own || self.allowed.iter().any(|allowed| allowed == origin))
    }

    /// The origin of the page that asks, and whether it is our own. `None`: no page, but a program.
    #[must_use]
    pub fn page<'a>(&self, headers: &'a HeaderMap) -> Option<(&'a str, bool)> {
        text(headers, header::ORIGIN.as_str()).map(|origin| (origin, self.is_own(headers, origin)))
    }

    /// Whether a request that changes something with a cookie comes from our own pages; the cookie alone proves nothing. `[ACC-4]`
    #[must_use]
    pub fn allows_change(&self, headers: &HeaderMap) -> bool {
        match text(headers, header::ORIGIN.as_str()) {
            Some(origin) => self.is_own(headers, origin),
            None => text(headers, "sec-fetch-site") == Some("same-origin"),
        }
    }

    /// Our own origin is the configured one, or whatever host the browser was pointed at: `localhost` and `127.0.0.1` are one server.
    /// A page that lures a browser here under another host name has no cookie for it and no token.
    fn is_own(&self, headers: &HeaderMap, origin: &str) -> bool {
        let host = origin.split_once("://").map(|(_, host)| host);
        origin == self.public || (host.is_some() && host == text(headers, header::HOST.as_str()))
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
