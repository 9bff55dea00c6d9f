//! Who is calling: the extractor every route with a role uses.
//!
//! A bearer token wins over the cookie. A cookie is sent by the browser whoever wrote the page, so with it a request that changes
//! something must also come from our own pages. `[ACC-4]`

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};

use super::activity::TokenCaller;
use super::{Problem, Shell};
use crate::access::{self, Role};

/// The session cookie's name.
pub const COOKIE: &str = "jabiru_session";

/// Somebody with a valid credential; without one the request is answered with 401.
#[derive(Debug, Clone)]
pub struct Caller(pub access::Caller);

impl Caller {
    /// The user's id.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.0.identity.user_id
    }

    /// The organization they act in; part of every query. `[ACC-2]`
    #[must_use]
    pub fn org(&self) -> &str {
        &self.0.identity.org
    }

    /// Demands a role in the organization as a whole.
    ///
    /// # Errors
    /// 403 with what is missing.
    pub fn require(&self, role: Role) -> Result<(), Problem> {
        match self.0.role_in_org() {
            Some(has) if has >= role => Ok(()),
            Some(has) => Err(Problem::forbidden(format!("This needs the role {role}; yours is {has}."))),
            None => Err(Problem::forbidden("This token opens one canvas only; this needs one for every canvas (`*`).")),
        }
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Shell: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let shell = Shell::from_ref(state);
        if let Some(token) = bearer(&parts.headers) {
            let caller = shell.tokens.check(token).map_err(|error| unauthenticated(&error.to_string()))?;
            if let Some(call) = parts.extensions.get::<TokenCaller>() {
                call.note(&caller.identity);
            }
            return Ok(Self(caller));
        }
        let Some(token) = cookie(&parts.headers) else {
            return Err(unauthenticated("Log in, or send a token as `Authorization: Bearer …`."));
        };
        if !parts.method.is_safe() && !shell.origins.allows_change(&parts.headers) {
            return Err(Problem::forbidden("A change with a login cookie must come from this server's own pages."));
        }
        let caller = shell.sessions.check(token).await?;
        caller.map(Self).ok_or_else(|| unauthenticated("Your session has ended; log in again."))
    }
}

fn unauthenticated(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "Not logged in", detail)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}

/// The session cookie's value.
#[must_use]
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    pairs.flat_map(|value| value.split(';')).find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}
