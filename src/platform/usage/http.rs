//! The routes of usage.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRef, Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use time::{Date, Duration, OffsetDateTime, UtcDateTime};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Figures, UsageError, UsageQuery, UsageStore};
use crate::access::Role;
use crate::clock::Millis;
use crate::http::{Caller, Problem, Shell};
use crate::id::CanvasId;
use crate::platform::canvases::{Canvases, find_live};

/// Days of a range: default and most.
const DAYS: (u32, u32) = (30, 365);

/// Canvases in the list of the top ones.
const TOP: usize = 10;

/// Canvases looked at for that list: some of the top ones may be deleted by now.
const TOP_CANDIDATES: usize = 50;

/// What these routes need.
#[derive(Clone, FromRef)]
pub struct Slice {
    /// The shell.
    pub shell: Shell,
    /// The storage.
    pub usage: Arc<dyn UsageStore>,
    /// For who may see it, and names.
    pub canvases: Canvases,
}

/// The routes.
pub fn router(slice: Slice) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(of_canvas)).routes(routes!(of_organization)).with_state(slice)
}

impl From<UsageError> for Problem {
    fn from(error: UsageError) -> Self {
        tracing::warn!(%error, "usage cannot be read");
        let detail = "The usage figures cannot be reached right now; try again in a moment. Nothing is lost meanwhile.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Usage is not available", detail)
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// How many days, the last one today in UTC; 1 to 365, by default 30.
    days: Option<u32>,
}

/// A range of whole UTC days that ends with today.
struct Range {
    first: Date,
    last: Date,
}

impl Range {
    fn of(which: Result<Query<Which>, QueryRejection>, now: Millis) -> Result<Self, Problem> {
        let Query(which) = which.map_err(|rejection| Problem::bad_request(format!("{}.", rejection.body_text())))?;
        let days = which.days.unwrap_or(DAYS.0);
        if !(1..=DAYS.1).contains(&days) {
            return Err(Problem::bad_request(format!("`days` is 1 to {}, not {days}.", DAYS.1)));
        }
        let now = OffsetDateTime::from_unix_timestamp(now.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let last = now.date();
        Ok(Self { first: last.saturating_sub(Duration::days(i64::from(days) - 1)), last })
    }

    fn query(&self, org: &str, canvas: Option<CanvasId>) -> UsageQuery {
        let start = |date: Date| UtcDateTime::new(date, time::Time::MIDNIGHT).unix_timestamp() * 1000;
        UsageQuery {
            org: org.to_owned(),
            canvas,
            from: start(self.first),
            to: start(self.last.saturating_add(Duration::DAY)),
        }
    }

    /// Every day, as [`Date`] writes itself: `2026-11-22`.
    fn dates(&self) -> impl Iterator<Item = String> + use<> {
        let last = self.last;
        std::iter::successors(Some(self.first), |date| date.next_day())
            .take_while(move |date| *date <= last)
            .map(|date| date.to_string())
    }
}

/// How much a canvas was used.
#[derive(Debug, Serialize, ToSchema)]
struct CanvasUsage {
    /// The first day, UTC.
    #[schema(example = "2026-10-24")]
    from: String,
    /// The last day: today, UTC.
    #[schema(example = "2026-11-22")]
    to: String,
    /// One for every day, also where nothing happened.
    days: Vec<Day>,
    /// Over all days. `people` counts everybody once, so it is not the sum of the days.
    totals: Counts,
}

/// How much an organization's canvases were used.
#[derive(Debug, Serialize, ToSchema)]
struct OrganizationUsage {
    #[serde(flatten)]
    usage: CanvasUsage,
    /// Those with the most views, at most 10, without deleted ones.
    top_canvases: Vec<TopCanvas>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Day {
    /// UTC.
    #[schema(example = "2026-11-22")]
    date: String,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Debug, Serialize, ToSchema)]
struct TopCanvas {
    id: String,
    name: String,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
struct Counts {
    /// How often it was opened by people or read by programs.
    views: u64,
    /// How many different people and programs that were.
    people: u64,
    /// Updates people made.
    edits: u64,
    /// Minutes in which a person came, edited or left, summed over people.
    active_minutes: u64,
}

impl From<Figures> for Counts {
    fn from(figures: Figures) -> Self {
        let Figures { views, people, edits, active_minutes } = figures;
        Self { views, people, edits, active_minutes }
    }
}

async fn usage(store: &dyn UsageStore, range: &Range, query: &UsageQuery) -> Result<CanvasUsage, Problem> {
    let usage = store.usage(query).await?;
    let mut found: HashMap<_, _> = usage.days.into_iter().collect();
    let days = range.dates().map(|date| {
        let figures = found.remove(&date).unwrap_or_default();
        Day { date, counts: figures.into() }
    });
    Ok(CanvasUsage {
        from: range.first.to_string(),
        to: range.last.to_string(),
        days: days.collect(),
        totals: usage.totals.into(),
    })
}

/// How much a canvas was used, day by day
///
/// Events are counted within seconds. Needs editor on the canvas.
#[utoipa::path(get, path = "/v1/canvases/{id}/usage", tag = "usage", params(("id" = String, Path, description = "The canvas"), Which), responses(
    (status = 200, body = CanvasUsage), (status = 400, body = Problem, description = "A parameter is wrong"),
    (status = 404, body = Problem), (status = 503, body = Problem, description = "The figures cannot be reached right now")
))]
async fn of_canvas(
    State(slice): State<Slice>,
    caller: Caller,
    Path(id): Path<String>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<CanvasUsage>, Problem> {
    let (record, _) = find_live(&slice.canvases, &caller, &id, Role::Editor).await?;
    let range = Range::of(which, slice.shell.clock.now())?;
    let query = range.query(&record.org, Some(record.id));
    Ok(Json(usage(slice.usage.as_ref(), &range, &query).await?))
}

/// How much the organization's canvases were used, day by day
///
/// Events are counted within seconds. Needs editor in the organization.
#[utoipa::path(get, path = "/v1/usage", tag = "usage", params(Which), responses(
    (status = 200, body = OrganizationUsage), (status = 400, body = Problem, description = "A parameter is wrong"),
    (status = 403, body = Problem, description = "Not an editor, or the token opens one canvas only"),
    (status = 503, body = Problem, description = "The figures cannot be reached right now")
))]
async fn of_organization(
    State(slice): State<Slice>,
    caller: Caller,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<OrganizationUsage>, Problem> {
    caller.require(Role::Editor)?;
    let range = Range::of(which, slice.shell.clock.now())?;
    let query = range.query(caller.org(), None);
    let usage = usage(slice.usage.as_ref(), &range, &query).await?;
    let mut top_canvases = Vec::new();
    for (id, figures) in slice.usage.top_canvases(&query, TOP_CANDIDATES).await? {
        if top_canvases.len() == TOP {
            break;
        }
        let record = slice.canvases.store.canvas(id).await?;
        // Events name the organization of who acted; the canvas has the last word. `[ACC-2]`
        if let Some(record) = record.filter(|record| record.deleted_at.is_none() && record.org == caller.org()) {
            top_canvases.push(TopCanvas { id: id.to_string(), name: record.name, counts: figures.into() });
        }
    }
    Ok(Json(OrganizationUsage { usage, top_canvases }))
}
