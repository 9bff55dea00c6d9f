//! The routes of canvases; those of their lists are in `lists`.

use std::str::FromStr;

use axum::Json;
use axum::extract::{FromRef, Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Canvases;
use super::lists::{self, CanvasSummary};
use crate::access::{Endpoint, Grant, Role};
use crate::clock::rfc3339;
use crate::doc::schema::{self, CanvasLimits, ImportError};
use crate::http::problem::Body;
use crate::http::{Activity, Caller, Problem, Shell};
use crate::id::CanvasId;
use crate::protocol::{Close, Closing};
use crate::store::{CanvasRecord, Marks};

/// What these routes need.
#[derive(Clone, FromRef)]
pub struct Slice {
    /// The shell.
    pub shell: Shell,
    /// The service.
    pub canvases: Canvases,
}

/// The routes.
pub fn router(slice: Slice) -> OpenApiRouter {
    OpenApiRouter::new()
        .merge(lists::router())
        .routes(routes!(create))
        .routes(routes!(read, change, delete))
        .routes(routes!(restore))
        .routes(routes!(duplicate))
        .routes(routes!(presence))
        .with_state(slice)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCanvas {
    /// 1 to 200 characters.
    name: String,
    #[serde(default)]
    description: Option<String>,
    /// A canvas as `GET /v1/canvases/{id}` gives it, to start from.
    #[serde(default)]
    canvas: Option<Value>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeCanvas {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "The canvas is not valid", error.to_string())
            .with("field", error.path)
    }
}

fn canvas_limits(shell: &Shell) -> CanvasLimits {
    CanvasLimits { blocks: shell.limits.blocks, ..CanvasLimits::default() }
}

/// Creates a canvas, empty or from a canvas given as JSON. Needs editor.
#[utoipa::path(post, path = "/v1/canvases", request_body = NewCanvas, responses(
    (status = 201, body = CanvasSummary),
    (status = 429, body = Problem, description = "More canvases than one person may make in a minute; `Retry-After` says when"),
    (status = 422, body = Problem, description = "The canvas is not valid; `field` says where")
))]
async fn create(
    State(canvases): State<Canvases>,
    State(shell): State<Shell>,
    caller: Caller,
    activity: Activity,
    Body(new): Body<NewCanvas>,
) -> Result<impl IntoResponse, Problem> {
    caller.require(Role::Editor)?;
    shell.rates.take(caller.user_id(), Endpoint::Create).await?;
    let limits = canvas_limits(&shell);
    let mut canvas = match &new.canvas {
        Some(value) => schema::parse_import(value, &limits)?,
        None => schema::parse_import(&json!({}), &limits)?,
    };
    schema::check_name(&new.name, &limits)?.clone_into(&mut canvas.name);
    if let Some(description) = &new.description {
        schema::check_description(description, &limits)?.clone_into(&mut canvas.description);
    }
    let record = canvases.create(caller.org(), caller.user_id(), &canvas).await?;
    activity.record(&caller, "canvas.created", json!({ "canvas_id": record.id, "blocks": record.block_count }));
    Ok(created(record, &caller))
}

fn created(record: CanvasRecord, caller: &Caller) -> impl IntoResponse + use<> {
    let role = caller.0.role_on(&record).unwrap_or(Role::Viewer);
    let location = format!("/v1/canvases/{}", record.id);
    (StatusCode::CREATED, [(header::LOCATION, location)], Json(CanvasSummary::of(record, role, Marks::default())))
}

/// The record of a canvas the caller has at least `needs` on.
pub(super) async fn find(
    canvases: &Canvases,
    caller: &Caller,
    id: &str,
    needs: Role,
) -> Result<(CanvasRecord, Role), Problem> {
    let missing = || Problem::not_found("canvas", id);
    let key = CanvasId::from_str(id).map_err(|_| missing())?;
    if !caller.0.reaches(key) {
        return Err(Problem::forbidden("This token opens another canvas, not this one."));
    }
    let record = canvases.store.canvas(key).await?.ok_or_else(missing)?;
    let role = caller.0.role_on(&record).ok_or_else(missing)?;
    if role < needs {
        return Err(Problem::forbidden(format!("This needs the role {needs} on this canvas; yours is {role}.")));
    }
    Ok((record, role))
}

/// As [`find`], for a canvas that is not deleted.
pub(in crate::platform) async fn find_live(
    canvases: &Canvases,
    caller: &Caller,
    id: &str,
    needs: Role,
) -> Result<(CanvasRecord, Role), Problem> {
    let (record, role) = find(canvases, caller, id, needs).await?;
    if record.deleted_at.is_some() {
        let detail = "This canvas was deleted. Its owner can restore it.";
        return Err(Problem::new(StatusCode::NOT_FOUND, "The canvas was deleted", detail).with("deleted", true));
    }
    Ok((record, role))
}

/// The canvas as JSON, as it is at this moment. Needs viewer.
///
/// The numbers of a narrative (`data_bindings`: `value`, or null and an `error` that says why) are as they were last computed: the server
/// keeps them true while the canvas is open, and looks at once when it is opened. One that was created with them and never opened has
/// them as they came.
#[utoipa::path(get, path = "/v1/canvases/{id}", params(("id" = String, Path, description = "The canvas")), responses(
    (status = 200, body = Object, description = "The canvas: `layout`, `blocks`, `metadata`"), (status = 404, body = Problem)
))]
async fn read(
    State(canvases): State<Canvases>,
    caller: Caller,
    activity: Activity,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let (record, role) = find_live(&canvases, &caller, &id, Role::Viewer).await?;
    let canvas = canvases.content(record.id).await?.ok_or_else(|| Problem::not_found("canvas", &id))?;
    // Our own pages read it too, for thumbnails and the like; that is no view of it.
    if matches!(caller.0.grant, Grant::Token { .. }) {
        activity.record(&caller, "canvas.viewed", json!({ "canvas_id": record.id }));
    }
    Ok(Json(json!({
        "id": id,
        "name": canvas.name,
        "description": canvas.description,
        "owner_id": record.owner_id,
        "version": 1,
        "layout": canvas.layout,
        "blocks": canvas.blocks,
        "sharing": {
            "visibility": "private", "permissions": [], "public_link": null,
            "embed_settings": { "enabled": false, "allowed_domains": [] },
        },
        "metadata": {
            "tags": canvas.tags, "created_at": rfc3339(record.created_at), "updated_at": rfc3339(record.updated_at),
            "version_history": [{
                "version": 1, "changes": "Initial creation", "changed_by": record.owner_id,
                "changed_at": rfc3339(record.created_at),
            }],
        },
        "role": role,
    })))
}

/// Changes name or description, for everyone on the canvas at once. Needs editor.
#[utoipa::path(patch, path = "/v1/canvases/{id}", params(("id" = String, Path, description = "The canvas")), request_body = ChangeCanvas,
    responses((status = 200, body = CanvasSummary), (status = 422, body = Problem)))]
async fn change(
    State(canvases): State<Canvases>,
    State(shell): State<Shell>,
    caller: Caller,
    Path(id): Path<String>,
    Body(change): Body<ChangeCanvas>,
) -> Result<Json<CanvasSummary>, Problem> {
    let limits = canvas_limits(&shell);
    let (record, role) = find_live(&canvases, &caller, &id, Role::Editor).await?;
    let name = change.name.as_deref().map(|name| schema::check_name(name, &limits)).transpose()?.map(str::to_owned);
    let description = change.description.as_deref().map(|text| schema::check_description(text, &limits)).transpose()?;
    canvases.hub.rename(record.id, name, description.map(str::to_owned), caller.user_id()).await?;
    let record = canvases.store.canvas(record.id).await?.ok_or_else(|| Problem::not_found("canvas", &id))?;
    let marks = canvases.store.marks(caller.user_id(), record.id).await?;
    Ok(Json(CanvasSummary::of(record, role, marks)))
}

/// Deletes the canvas; it can be restored. Needs owner.
#[utoipa::path(delete, path = "/v1/canvases/{id}", params(("id" = String, Path, description = "The canvas")),
    responses((status = 204, description = "Deleted; open sessions are closed with 4404")))]
async fn delete(
    State(canvases): State<Canvases>,
    caller: Caller,
    activity: Activity,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (record, _) = find_live(&canvases, &caller, &id, Role::Owner).await?;
    canvases.store.set_deleted(record.id, Some(canvases.clock.now())).await?;
    activity.record(&caller, "canvas.deleted", json!({ "canvas_id": record.id }));
    canvases.hub.close(record.id, Closing::new(Close::NoSuchCanvas, "this canvas was deleted")).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Restores a deleted canvas. Needs owner.
#[utoipa::path(post, path = "/v1/canvases/{id}/restore", params(("id" = String, Path, description = "The canvas")),
    responses((status = 200, body = CanvasSummary)))]
async fn restore(
    State(canvases): State<Canvases>,
    caller: Caller,
    activity: Activity,
    Path(id): Path<String>,
) -> Result<Json<CanvasSummary>, Problem> {
    let (record, role) = find(&canvases, &caller, &id, Role::Owner).await?;
    canvases.store.set_deleted(record.id, None).await?;
    activity.record(&caller, "canvas.restored", json!({ "canvas_id": record.id }));
    let marks = canvases.store.marks(caller.user_id(), record.id).await?;
    Ok(Json(CanvasSummary::of(CanvasRecord { deleted_at: None, ..record }, role, marks)))
}

/// Makes a copy of the canvas as it is now. Needs viewer on it and editor in the organization.
#[utoipa::path(post, path = "/v1/canvases/{id}/duplicate", params(("id" = String, Path, description = "The canvas")),
    responses((status = 201, body = CanvasSummary)))]
async fn duplicate(
    State(canvases): State<Canvases>,
    State(shell): State<Shell>,
    caller: Caller,
    activity: Activity,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    caller.require(Role::Editor)?;
    shell.rates.take(caller.user_id(), Endpoint::Create).await?;
    let (record, _) = find_live(&canvases, &caller, &id, Role::Viewer).await?;
    let mut canvas = canvases.content(record.id).await?.ok_or_else(|| Problem::not_found("canvas", &id))?;
    let most = canvas_limits(&shell).name_chars;
    let name: String = canvas.name.chars().take(most.saturating_sub(" (copy)".len())).collect();
    canvas.name = format!("{name} (copy)");
    let copy = canvases.create(caller.org(), caller.user_id(), &canvas).await?;
    activity.record(&caller, "canvas.duplicated", json!({ "canvas_id": record.id, "copy_id": copy.id }));
    Ok(created(copy, &caller))
}

/// Who is on the canvas. Needs viewer. `[AW-4]`
#[utoipa::path(get, path = "/v1/canvases/{id}/presence", params(("id" = String, Path, description = "The canvas")),
    responses((status = 200, body = Object, description = "`items`: user_id, name, color, cursor, selection, last_seen, node")))]
async fn presence(
    State(canvases): State<Canvases>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let (record, _) = find_live(&canvases, &caller, &id, Role::Viewer).await?;
    let here = canvases.hub.node().presence.list(record.id, canvases.clock.now()).await?;
    let items: Vec<_> = here
        .into_iter()
        .map(|entry| {
            let last_seen = rfc3339(entry.last_seen);
            let mut item = serde_json::to_value(entry).unwrap_or_default();
            item["last_seen"] = last_seen.into();
            item
        })
        .collect();
    Ok(Json(json!({ "items": items })))
}
