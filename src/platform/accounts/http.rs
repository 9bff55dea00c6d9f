//! Logging in and out, and who one is.

use axum::extract::{FromRef, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{Endpoint, Role};
use crate::events::Origin;
use crate::http::caller::{COOKIE, cookie};
use crate::http::{Caller, Problem, Shell, assets};

/// What these routes need.
#[derive(Clone, FromRef)]
pub struct Accounts {
    /// The shell.
    pub shell: Shell,
}

/// The routes.
pub fn router(state: Accounts) -> OpenApiRouter {
    let pages = Router::new().route("/login", get(login)).with_state(state.clone());
    OpenApiRouter::new().routes(routes!(me)).routes(routes!(logout)).with_state(state).merge(pages.into())
}

/// Who is calling.
#[derive(Debug, Serialize, ToSchema)]
struct Me {
    user: User,
    organization: Organization,
    /// The role in the organization; `null` for a token that opens one canvas.
    role: Option<&'static str>,
}

#[derive(Debug, Serialize, ToSchema)]
struct User {
    id: String,
    name: String,
    /// The colour of their cursor, as CSS writes it.
    color: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
struct Organization {
    id: String,
    name: String,
}

/// Who one is, and in which organization.
#[utoipa::path(get, path = "/v1/me", responses((status = 200, body = Me), (status = 401, body = Problem, description = "Not logged in")))]
async fn me(State(shell): State<Shell>, caller: Caller) -> Result<Json<Me>, Problem> {
    let name = shell.sessions.organization_name(caller.org()).await?.unwrap_or_default();
    let role = caller.0.role_in_org().map(Role::name);
    let identity = caller.0.identity;
    Ok(Json(Me {
        user: User { id: identity.user_id, name: identity.name, color: identity.color },
        organization: Organization { id: identity.org, name },
        role,
    }))
}

/// Ends the login session.
#[utoipa::path(post, path = "/v1/logout", responses((status = 204, description = "Logged out")))]
async fn logout(State(shell): State<Shell>, _caller: Caller, headers: HeaderMap) -> Result<Response, Problem> {
    if let Some(token) = cookie(&headers) {
        shell.sessions.log_out(token).await?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, set_cookie(&shell, "", 0))]).into_response())
}

#[derive(Deserialize)]
struct Login {
    #[serde(default)]
    token: String,
}

/// Exchanges the one-time link for a session cookie. Needs no role: the link is the credential.
async fn login(State(shell): State<Shell>, origin: Origin, Query(login): Query<Login>) -> Result<Response, Problem> {
    let address = origin.ip.map_or_else(|| "unknown".to_owned(), |ip| ip.to_string());
    shell.rates.take(&address, Endpoint::Login).await?;
    let mut response = match shell.sessions.log_in(&login.token).await? {
        Some(session) => {
            // The server decides when a session ends; a browser keeps no cookie longer than 400 days anyway.
            let cookie = set_cookie(&shell, &session, 400 * 24 * 3600);
            (StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie), (header::LOCATION, HeaderValue::from_static("/"))])
                .into_response()
        }
        None => (StatusCode::UNAUTHORIZED, Html(USED)).into_response(),
    };
    assets::secure(response.headers_mut());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

const USED: &str = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
<title>Jabiru: log in</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:18vh auto;padding:0 1rem}\
code{background:#8883;border-radius:4px;padding:.1em .3em}@media(prefers-color-scheme:dark){body{background:#14171d;color:#dfe4ee}}</style>\
<h1>This login link does not work</h1><p>A link works once, and for a day. Get a fresh one on the machine that runs Jabiru:</p>\
<p><code>jabiru login-url</code></p></html>";

fn set_cookie(shell: &Shell, value: &str, max_age_s: i64) -> HeaderValue {
    let secure = if shell.origins.public.starts_with("https:") { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={max_age_s}{secure}");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
