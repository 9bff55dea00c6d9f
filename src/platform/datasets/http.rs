//! Owns the routes of datasets: upload, list, read, page through rows; and how a [`DatasetError`] is told to a person.
//! It refuses to touch files or tables; those are behind [`Datasets`].

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRef, Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Cell, Dataset, DatasetError, Datasets, MAX_PAGE_DATASETS, MAX_PAGE_ROWS, RowsPage, Upload};
use crate::access::{Endpoint, Grant, Role};
use crate::events::{QueryRun, query_id};
use crate::http::page::{bad_cursor, cursor};
use crate::http::upload::{self, FileHead};
use crate::http::{Activity, Caller, Paging, Problem, Shell};
use crate::platform::canvases::Canvases;

/// What these routes need.
#[derive(Clone, FromRef)]
pub struct Slice {
    /// The shell.
    pub shell: Shell,
    /// The service.
    pub datasets: Arc<Datasets>,
    /// For tokens that open one canvas: which datasets it shows.
    pub canvases: Canvases,
}

/// The routes under `/v1/datasets`.
pub fn router(slice: Slice) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(upload, list)).routes(routes!(get)).routes(routes!(rows)).with_state(slice)
}

/// The id asked for, if it is one and the caller may read that dataset: anyone with a role in the organization may; a token for one
/// canvas may read what that canvas shows, and nothing else. `[ACC-2]`
async fn readable(slice: &Slice, caller: &Caller, id: &str) -> Result<Option<Uuid>, Problem> {
    let Ok(id) = id.parse() else { return Ok(None) };
    let shown = match caller.0.grant {
        Grant::Token { canvas: Some(canvas), .. } => slice.canvases.shows_dataset(caller.org(), canvas, id).await?,
        Grant::Token { canvas: None, .. } | Grant::Member(_) => true,
    };
    Ok(shown.then_some(id))
}

/// What an upload says about itself.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct UploadParams {
    /// Name people will see, at most 200 characters.
    #[serde(default)]
    name: String,
    /// Where the data comes from.
    source: Option<String>,
    /// Terms of use.
    licence: Option<String>,
}

/// A page of datasets, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct DatasetList {
    items: Vec<Dataset>,
    /// Null on the last page.
    next_cursor: Option<String>,
}

/// A page of rows, in file order.
#[derive(Debug, Serialize, ToSchema)]
struct RowsAnswer {
    /// Column names, in the order of the values of a row.
    columns: Vec<String>,
    /// One array per row: null, boolean, number or string.
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    rows: Vec<Vec<super::Cell>>,
    /// Null on the last page. A page can be shorter than asked for and still not be the last.
    next_cursor: Option<String>,
}

/// Upload a dataset
///
/// The body is the file: CSV with a header row, a JSON array of flat objects, or `{"columns": [...], "rows": [...]}`; UTF-8,
/// at most 64 MiB, 500 columns and 1,000,000 rows, 64 KiB a value. Column types are inferred from all rows; an empty value is null.
#[utoipa::path(
    post,
    path = "/v1/datasets",
    tag = "datasets",
    params(UploadParams),
    request_body(content(([u8] = "text/csv"), ([u8] = "application/json")), description = "The file"),
    responses(
        (status = 201, description = "Stored", body = Dataset),
        (status = 400, description = "A parameter is missing or too long", content_type = "application/problem+json"),
        (status = 403, description = "The caller may not edit", content_type = "application/problem+json"),
        (status = 413, description = "Larger than `limit_bytes`", content_type = "application/problem+json"),
        (status = 429, description = "More uploads than one person may send in a minute; `Retry-After` says when", content_type = "application/problem+json"),
        (status = 415, description = "Neither CSV nor JSON in UTF-8", content_type = "application/problem+json"),
        (
            status = 422,
            description = "The file is wrong at `line` (from 1) and `column`: the number of the value in its row (CSV), or the byte of the line at which reading stopped (JSON)",
            content_type = "application/problem+json"
        ),
        (status = 503, description = "Too many uploads at once, or the store cannot be reached", content_type = "application/problem+json"),
    )
)]
async fn upload(
    State(slice): State<Slice>,
    caller: Caller,
    activity: Activity,
    params: Result<Query<UploadParams>, QueryRejection>,
    head: FileHead,
    body: Body,
) -> Result<Response, Problem> {
    let mut body = body.into_data_stream();
    let stored = async {
        caller.require(Role::Editor)?;
        slice.shell.rates.take(caller.user_id(), Endpoint::Upload).await?;
        let Query(params) = params.map_err(|rejection| bad_query(&rejection))?;
        let upload = Upload {
            org: caller.org(),
            user: caller.user_id(),
            name: &params.name,
            media_type: &head.media_type,
            source: params.source.as_deref(),
            licence: params.licence.as_deref(),
            announced_bytes: head.announced_bytes,
        };
        Ok(slice.datasets.upload(upload, &mut body).await?)
    }
    .await;
    match stored {
        Ok(dataset) => {
            let what = json!({ "dataset_id": dataset.id, "rows": dataset.row_count, "size_bytes": dataset.size_bytes });
            activity.record(&caller, "dataset.uploaded", what);
            Ok(upload::stored(format!("/v1/datasets/{}", dataset.id), dataset))
        }
        Err(problem) => {
            slice.datasets.linger(body);
            Err(problem)
        }
    }
}

/// List datasets
///
/// Newest first, at most 100 a page (default 50).
#[utoipa::path(
    get,
    path = "/v1/datasets",
    tag = "datasets",
    params(Paging),
    responses(
        (status = 200, description = "A page", body = DatasetList),
        (status = 400, description = "A parameter is wrong", content_type = "application/problem+json"),
        (status = 403, description = "The token opens one canvas only", content_type = "application/problem+json"),
    )
)]
async fn list(
    State(slice): State<Slice>,
    caller: Caller,
    paging: Result<Query<Paging>, QueryRejection>,
) -> Result<Json<DatasetList>, Problem> {
    // Who may open one canvas only reads the datasets it names, and is not shown the others.
    caller.require(Role::Viewer)?;
    let Query(paging) = paging.map_err(|rejection| bad_query(&rejection))?;
    let before: Option<Uuid> = after(&paging, LIST_CURSOR)?;
    let limit = paging.limit(50, MAX_PAGE_DATASETS)?;
    let page = slice.datasets.list(caller.org(), before, limit).await?;
    let next_cursor = page.next_before.map(|id| cursor(&format!("{LIST_CURSOR}{id}")));
    Ok(Json(DatasetList { items: page.items, next_cursor }))
}

/// Read a dataset's description
#[utoipa::path(
    get,
    path = "/v1/datasets/{id}",
    tag = "datasets",
    params(("id" = Uuid, Path, description = "Dataset id")),
    responses(
        (status = 200, description = "The dataset, without its rows", body = Dataset),
        (status = 404, description = "No such dataset in this organization", content_type = "application/problem+json"),
    )
)]
async fn get(State(slice): State<Slice>, caller: Caller, Path(id): Path<String>) -> Result<Json<Dataset>, Problem> {
    let found = match readable(&slice, &caller, &id).await? {
        Some(uuid) => slice.datasets.get(caller.org(), uuid).await?,
        None => None,
    };
    found.map(Json).ok_or_else(|| no_such_dataset(&id))
}

/// Read a dataset's rows
///
/// In file order, at most 10,000 a page (default 1,000). A page ends early after about 8 MiB.
/// Needs viewer; a token for one canvas reads the datasets that canvas shows.
#[utoipa::path(
    get,
    path = "/v1/datasets/{id}/rows",
    tag = "datasets",
    params(("id" = Uuid, Path, description = "Dataset id"), Paging),
    responses(
        (status = 200, description = "A page", body = RowsAnswer),
        (status = 400, description = "A parameter is wrong", content_type = "application/problem+json"),
        (status = 404, description = "No such dataset in this organization", content_type = "application/problem+json"),
    )
)]
async fn rows(
    State(slice): State<Slice>,
    caller: Caller,
    activity: Activity,
    Path(id): Path<String>,
    paging: Result<Query<Paging>, QueryRejection>,
) -> Result<Json<RowsAnswer>, Problem> {
    let Query(paging) = paging.map_err(|rejection| bad_query(&rejection))?;
    let after: Option<u64> = after(&paging, ROWS_CURSOR)?;
    let limit = paging.limit(1_000, MAX_PAGE_ROWS)?;
    let found = match readable(&slice, &caller, &id).await? {
        Some(uuid) => {
            let started = Instant::now();
            let page = slice.datasets.rows(caller.org(), uuid, after.unwrap_or(0), limit).await;
            activity.events().query(|| rows_query(&caller, started, &page));
            page?
        }
        None => None,
    };
    let RowsPage { columns, rows, next_row } = found.ok_or_else(|| no_such_dataset(&id))?;
    Ok(Json(RowsAnswer { columns, rows, next_cursor: next_row.map(|row| cursor(&format!("{ROWS_CURSOR}{row}"))) }))
}

/// How reading a page of rows went, for `query_performance`.
fn rows_query(caller: &Caller, started: Instant, page: &Result<Option<RowsPage>, DatasetError>) -> QueryRun {
    let rows = page.as_ref().ok().and_then(Option::as_ref).map(|page| page.rows.as_slice()).unwrap_or_default();
    let bytes = |cell: &Cell| match cell {
        Cell::Null => 0,
        Cell::Boolean(_) => 1,
        Cell::Number(_) => 8,
        Cell::Text(text) => text.len() as u64,
    };
    QueryRun {
        timestamp: 0,
        query_id: query_id(),
        user_id: caller.user_id().to_owned(),
        organization_id: caller.org().to_owned(),
        query_type: "dataset.rows".into(),
        execution_time_ms: started.elapsed().as_millis() as u32,
        rows_processed: rows.len() as u64,
        bytes_processed: rows.iter().flatten().map(bytes).sum(),
        cache_hit: false,
        error_code: match page {
            Ok(Some(_)) => "".into(),
            Ok(None) => "not_found".into(),
            Err(_) => "storage".into(),
        },
    }
}

/// Say which list a cursor belongs to, so that one of another list is refused instead of read as a place in this one.
const LIST_CURSOR: &str = "datasets:";
const ROWS_CURSOR: &str = "rows:";

fn after<K: std::str::FromStr>(paging: &Paging, list: &str) -> Result<Option<K>, Problem> {
    let Some(key) = paging.after()? else { return Ok(None) };
    key.strip_prefix(list).and_then(|key| key.parse().ok()).map(Some).ok_or_else(bad_cursor)
}

fn bad_query(rejection: &QueryRejection) -> Problem {
    Problem::bad_request(format!("{}.", rejection.body_text()))
}

fn no_such_dataset(id: &str) -> Problem {
    // The answer repeats what was asked for, but not a kilobyte of it.
    Problem::not_found("dataset", &id.chars().take(64).collect::<String>())
}

/// An error's text as a sentence for a person.
fn sentence(error: &DatasetError) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).chain(['.']).collect()).unwrap_or_default()
}

impl From<DatasetError> for Problem {
    fn from(error: DatasetError) -> Self {
        let detail = sentence(&error);
        match error {
            DatasetError::BadFile { line, column, .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "The file cannot be read", detail)
                    .with("line", line)
                    .with("column", column)
            }
            DatasetError::CellTooLarge { line, column, limit_bytes, .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "A value is too long", detail)
                    .with("line", line)
                    .with("column", column)
                    .with("limit_bytes", limit_bytes)
            }
            DatasetError::TooManyColumns { line, limit } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Too many columns", detail)
                    .with("line", line)
                    .with("column", limit + 1)
                    .with("limit", limit)
            }
            DatasetError::TooManyRows { line, limit } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Too many rows", detail)
                    .with("line", line)
                    .with("column", 1)
                    .with("limit", limit)
            }
            DatasetError::Upload(error) => error.problem("a dataset"),
            DatasetError::BadParameter { name, .. } => {
                Self::new(StatusCode::BAD_REQUEST, "Bad parameter", detail).with("parameter", name)
            }
            DatasetError::UnsupportedType { .. } => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not a CSV or JSON file", detail)
            }
            DatasetError::DiskFull => upload::disk_full("a dataset"),
            DatasetError::Storage(what) => {
                tracing::error!(error = %what, "the dataset store failed");
                let detail = "The datasets cannot be reached right now. Nothing was changed; try again in a moment.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "Storage is not available", detail)
            }
        }
    }
}
