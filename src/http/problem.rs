//! Errors as RFC 9457 problem+json. Every refusal of the API is one of these.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::access::{AccessError, TooMany};
use crate::protocol::{Close, Closing};
use crate::store::StoreError;

/// What went wrong, for a program (`type`, `status`) and for a person (`title`, `detail`).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// `about:blank`: the status says what kind it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The kind in a few words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What happened, to what, and what to do.
    detail: String,
    /// When trying again may help; the header `Retry-After`.
    #[serde(skip)]
    retry_after: Option<Duration>,
    /// More for programs, e.g. `limit_bytes`, `line`, `field`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    more: Map<String, Value>,
}

impl Problem {
    /// A problem with a status, a title and a sentence.
    #[must_use]
    pub fn new(status: StatusCode, title: impl Into<String>, detail: impl Into<String>) -> Self {
        let (title, detail) = (title.into(), detail.into());
        Self { kind: "about:blank", title, status: status.as_u16(), detail, retry_after: None, more: Map::new() }
    }

    /// Adds a member for programs.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.more.insert(key.to_owned(), value.into());
        self
    }

    /// 404 for a thing of this kind.
    #[must_use]
    pub fn not_found(what: &str, id: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!("No such {what}"),
            format!("There is no {what} `{id}` that you can see."),
        )
    }

    /// 403 with a sentence.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Not allowed", detail)
    }

    /// 400 with a sentence.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Bad request", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after.map(|wait| wait.as_secs());
        let mut response = (status, Json(self)).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a request failed in the store");
        let detail = "The server cannot reach its storage right now. Nothing was changed; try again in a moment.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Storage is not available", detail)
    }
}

impl From<crate::presence::PresenceError> for Problem {
    fn from(error: crate::presence::PresenceError) -> Self {
        tracing::warn!(%error, "a request failed in presence");
        let detail = "The server cannot tell who is here right now; try again in a moment.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Presence is not available", detail)
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        StoreError(error.to_string()).into()
    }
}

impl From<TooMany> for Problem {
    fn from(error: TooMany) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests", format!("{error}."));
        let seconds = error.retry_after.as_secs();
        let problem = problem.with("limit", error.limit).with("retry_after_seconds", seconds);
        Self { retry_after: Some(error.retry_after), ..problem }
    }
}

impl From<crate::backend::sqlite::SqliteError> for Problem {
    fn from(error: crate::backend::sqlite::SqliteError) -> Self {
        StoreError::from(error).into()
    }
}

impl From<Closing> for Problem {
    fn from(closing: Closing) -> Self {
        let status = match closing.close {
            Close::Malformed => StatusCode::BAD_REQUEST,
            Close::Unauthenticated => StatusCode::UNAUTHORIZED,
            Close::Forbidden | Close::AccessChanged => StatusCode::FORBIDDEN,
            Close::NoSuchCanvas => StatusCode::NOT_FOUND,
            Close::Timeout => StatusCode::REQUEST_TIMEOUT,
            Close::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Close::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Close::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Close::Restarting | Close::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, "The canvas could not do this", closing.reason)
    }
}

/// A JSON body whose refusal is a [`Problem`].
pub struct Body<T>(pub T);

impl<S, T> axum::extract::FromRequest<S> for Body<T>
where
    S: Send + Sync,
    T: serde::de::DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, Self::Rejection> {
        use axum::extract::rejection::JsonRejection;
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => {
                let title = match &rejection {
                    JsonRejection::JsonDataError(_) => "A field is wrong",
                    JsonRejection::JsonSyntaxError(_) => "Not JSON",
                    JsonRejection::MissingJsonContentType(_) => "Send application/json",
                    _ if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => "Too large",
                    _ => "The body could not be read",
                };
                Err(Self::Rejection::new(rejection.status(), title, rejection.body_text()))
            }
        }
    }
}
