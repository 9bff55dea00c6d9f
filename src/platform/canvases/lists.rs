//! The routes of lists of canvases: everyone's, the deleted ones, and what one person keeps of them (favourites, recently opened).

use std::str::FromStr;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Canvases;
use super::http::{Slice, find, find_live};
use crate::access::Role;
use crate::clock::{Millis, rfc3339};
use crate::http::page::{bad_cursor, cursor};
use crate::http::{Caller, Paging, Problem};
use crate::id::CanvasId;
use crate::store::{CanvasKey, CanvasQuery, CanvasRecord, CanvasView, Marks};

/// Canvases of one page: default and most.
const PAGE: (usize, usize) = (50, 200);

/// Most characters of a search: as many as a name has.
const QUERY_CHARS: usize = 200;

/// The routes.
pub(super) fn router() -> OpenApiRouter<Slice> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(favourite, unfavourite)).routes(routes!(opened))
}

/// A canvas as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CanvasSummary {
    id: CanvasIdText,
    name: String,
    description: String,
    block_count: u32,
    created_at: String,
    updated_at: String,
    deleted_at: Option<String>,
    /// What the caller may do on it.
    #[schema(value_type = String)]
    role: Role,
    /// Whether it is one of the caller's own favourites.
    favourite: bool,
    /// When the caller last opened it; `null`: never.
    opened_at: Option<String>,
}

/// A UUID v7.
type CanvasIdText = String;

impl CanvasSummary {
    pub(super) fn of(record: CanvasRecord, role: Role, marks: Marks) -> Self {
        Self {
            id: record.id.to_string(),
            name: record.name,
            description: record.description,
            block_count: record.block_count,
            created_at: rfc3339(record.created_at),
            updated_at: rfc3339(record.updated_at),
            deleted_at: record.deleted_at.map(rfc3339),
            role,
            favourite: marks.favourite_at.is_some(),
            opened_at: marks.opened_at.map(rfc3339),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct CanvasList {
    items: Vec<CanvasSummary>,
    /// Pass it as `cursor` for the next page of the same list; `null` at the end.
    next_cursor: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// `true`: the deleted canvases instead of the others. Not together with `view`.
    #[serde(default)]
    deleted: bool,
    /// One of the caller's own lists, without deleted canvases: `recent` (last opened first) or `favourites` (latest favourite first).
    #[param(inline)]
    view: Option<View>,
    /// Only canvases whose name or description contains this text, whatever the case of its letters; at most 200 characters.
    query: Option<String>,
}

/// The lists a person has.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum View {
    Recent,
    Favourites,
}

impl Which {
    fn view(&self) -> Result<CanvasView, Problem> {
        match (self.view, self.deleted) {
            (None, false) => Ok(CanvasView::All),
            (None, true) => Ok(CanvasView::Deleted),
            (Some(View::Recent), false) => Ok(CanvasView::Recent),
            (Some(View::Favourites), false) => Ok(CanvasView::Favourites),
            (Some(_), true) => {
                Err(Problem::bad_request("`view` shows no deleted canvases; send `deleted` or `view`, not both."))
            }
        }
    }

    fn text(&self) -> Result<Option<String>, Problem> {
        let text = self.query.as_deref().map(str::trim).filter(|text| !text.is_empty());
        match text {
            Some(text) if text.chars().nth(QUERY_CHARS).is_some() => {
                Err(Problem::bad_request(format!("`query` has at most {QUERY_CHARS} characters.")))
            }
            text => Ok(text.map(str::to_owned)),
        }
    }
}

/// A cursor is the place in a list, after the list's name where that has an order of its own.
fn cursor_of(view: CanvasView, key: CanvasKey) -> String {
    match prefix(view) {
        Some(prefix) => cursor(&format!("{prefix}{}:{}", key.at, key.id)),
        None => cursor(&key.id.to_string()),
    }
}

fn key_of(view: CanvasView, cursor: &str) -> Option<CanvasKey> {
    let Some(prefix) = prefix(view) else { return Some(CanvasKey { at: 0, id: CanvasId::from_str(cursor).ok()? }) };
    let (at, id) = cursor.strip_prefix(prefix)?.split_once(':')?;
    Some(CanvasKey { at: Millis::from_str(at).ok()?, id: CanvasId::from_str(id).ok()? })
}

fn prefix(view: CanvasView) -> Option<&'static str> {
    match view {
        CanvasView::All | CanvasView::Deleted => None,
        CanvasView::Recent => Some("recent:"),
        CanvasView::Favourites => Some("favourites:"),
    }
}

/// Canvases of the caller's organization, newest first, or one of the caller's own lists. Needs viewer.
#[utoipa::path(get, path = "/v1/canvases", params(Paging, Which), responses(
    (status = 200, body = CanvasList), (status = 400, body = Problem, description = "A parameter is wrong"),
    (status = 403, body = Problem, description = "The token opens one canvas only")
))]
async fn list(
    State(canvases): State<Canvases>,
    caller: Caller,
    paging: Result<Query<Paging>, QueryRejection>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<CanvasList>, Problem> {
    caller.require(Role::Viewer)?;
    let bad = |rejection: QueryRejection| Problem::bad_request(format!("{}.", rejection.body_text()));
    let (Query(paging), Query(which)) = (paging.map_err(bad)?, which.map_err(bad)?);
    let view = which.view()?;
    let after = paging.after()?.map(|key| key_of(view, &key).ok_or_else(bad_cursor)).transpose()?;
    let query = CanvasQuery {
        org: caller.org().to_owned(),
        user_id: caller.user_id().to_owned(),
        view,
        text: which.text()?,
        after,
        limit: paging.limit(PAGE.0, PAGE.1)?,
    };
    let page = canvases.store.canvases(query).await?;
    let summary = |(record, marks): (CanvasRecord, Marks)| {
        caller.0.role_on(&record).map(|role| CanvasSummary::of(record, role, marks))
    };
    let items = page.items.into_iter().filter_map(summary).collect();
    Ok(Json(CanvasList { items, next_cursor: page.next.map(|key| cursor_of(view, key)) }))
}

/// Makes the canvas one of the caller's favourites. Needs viewer.
#[utoipa::path(put, path = "/v1/canvases/{id}/favourite", params(("id" = String, Path, description = "The canvas")),
    responses((status = 204, description = "It is one; it may have been before"), (status = 404, body = Problem)))]
async fn favourite(
    State(canvases): State<Canvases>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (record, _) = find_live(&canvases, &caller, &id, Role::Viewer).await?;
    canvases.store.set_favourite(caller.user_id(), record.id, Some(canvases.clock.now())).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the canvas from the caller's favourites, deleted or not. Needs viewer.
#[utoipa::path(delete, path = "/v1/canvases/{id}/favourite", params(("id" = String, Path, description = "The canvas")),
    responses((status = 204, description = "It is none; it may not have been before"), (status = 404, body = Problem)))]
async fn unfavourite(
    State(canvases): State<Canvases>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (record, _) = find(&canvases, &caller, &id, Role::Viewer).await?;
    canvases.store.set_favourite(caller.user_id(), record.id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Notes that the caller opened the canvas: it comes first in their `recent` list. Needs viewer.
#[utoipa::path(put, path = "/v1/canvases/{id}/opened", params(("id" = String, Path, description = "The canvas")),
    responses((status = 204, description = "Noted"), (status = 404, body = Problem)))]
async fn opened(
    State(canvases): State<Canvases>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (record, _) = find_live(&canvases, &caller, &id, Role::Viewer).await?;
    canvases.store.set_opened(caller.user_id(), record.id, canvases.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
