//! What requests leave in the usage events: where they come from, what they did, and that a program called. `[EVT-1]`

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{FromRef, FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::caller::{Caller, cookie};
use super::{Shell, text};
use crate::access::Identity;
use crate::events::{Events, Origin, UsageEvent};

/// The other end of the connection a request came over.
#[derive(Debug, Clone, Copy)]
pub struct ConnectedFrom(pub SocketAddr);

/// The connection's address; with `JABIRU_TRUST_FORWARDED_FOR` what the proxy at that address says, if it says anything.
impl<S> FromRequestParts<S> for Origin
where
    S: Send + Sync,
    Shell: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let trusted = Shell::from_ref(state).trust_forwarded_for.then(|| forwarded_for(&parts.headers)).flatten();
        let connected = || parts.extensions.get::<ConnectedFrom>().map(|from| from.0.ip());
        let user_agent = text(&parts.headers, header::USER_AGENT.as_str()).unwrap_or_default();
        Ok(Self::new(trusted.or_else(connected), user_agent))
    }
}

/// The last entry of `X-Forwarded-For`: the one the nearest proxy added. Those before it are whatever the client sent.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    let entry = last.rsplit(',').next()?.trim();
    // Some proxies add the port.
    entry.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// What a handler records events with.
pub struct Activity {
    events: Events,
    origin: Origin,
    session: String,
}

impl<S> FromRequestParts<S> for Activity
where
    S: Send + Sync,
    Shell: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let origin = Origin::from_request_parts(parts, state).await?;
        Ok(Self { events: Shell::from_ref(state).events, origin, session: session_name(&parts.headers) })
    }
}

impl Activity {
    /// Records that the caller did something. `data`: an object, e.g. with a `canvas_id`; never content.
    pub fn record(&self, caller: &Caller, event_type: &'static str, data: Value) {
        let session = || self.session.clone();
        self.events.record(|| UsageEvent::of(&caller.0.identity, &self.origin, session(), event_type, data));
    }

    /// Where to hand in what is no event.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.events
    }
}

/// A name for a login session that tells nobody its cookie; empty without one.
fn session_name(headers: &HeaderMap) -> String {
    let Some(cookie) = cookie(headers) else { return String::new() };
    let digest = Sha256::digest(cookie);
    digest.iter().take(8).fold(0_u64, |name, byte| name << 8 | u64::from(*byte)).to_string()
}

/// Filled by the [`Caller`] of a request that presented a token.
#[derive(Clone, Default)]
pub(super) struct TokenCaller(Arc<OnceLock<Identity>>);

impl TokenCaller {
    pub(super) fn note(&self, identity: &Identity) {
        let _ = self.0.set(identity.clone());
    }
}

/// Records an `api.call` for every request with a token: the route, the answer's status and how long it took. The pages of the web client use
/// a cookie; what people do there has events of its own.
pub async fn api_calls(State(shell): State<Shell>, origin: Origin, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let by = TokenCaller::default();
    request.extensions_mut().insert(by.clone());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    if let (Some(identity), Some(route)) = (by.0.get(), route) {
        shell.events.record(|| {
            let data = json!({
                "method": method.as_str(), "route": route.as_str(), "status": response.status().as_u16(),
                "duration_ms": started.elapsed().as_millis() as u64,
            });
            UsageEvent::of(identity, &origin, String::new(), "api.call", data)
        });
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evt_1_the_nearest_proxy_is_believed_and_nobody_else() {
        let of = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            forwarded_for(&headers).map(|ip| ip.to_string())
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["203.0.113.9"]).as_deref(), Some("203.0.113.9"));
        assert_eq!(of(&["1.1.1.1, 203.0.113.9"]).as_deref(), Some("203.0.113.9"));
        assert_eq!(of(&["1.1.1.1", "2.2.2.2,203.0.113.9:4711"]).as_deref(), Some("203.0.113.9"));
        assert_eq!(of(&["1.1.1.1, [2001:db8::1]:443"]).as_deref(), Some("2001:db8::1"));
        assert_eq!(of(&["1.1.1.1, unknown"]), None);
    }

    #[test]
    fn evt_1_a_sessions_name_is_not_its_cookie() {
        let mut headers = HeaderMap::new();
        assert_eq!(session_name(&headers), "");
        headers.insert("cookie", "a=b; jabiru_session=secret".parse().unwrap());
        let name = session_name(&headers);
        assert!(!name.is_empty() && !name.contains("secret"), "{name}");
    }
}
