//! The usage figures: `[EVT-2]` the same from both stores, `[ACC-2]` nothing of another organization.

use std::sync::atomic::Ordering;

use jabiru::access::Role;
use jabiru::backend::clickhouse::ClickHouse as Connection;
use jabiru::clock::{Clock, Millis};
use jabiru::events::{Batch, EventStore, Rows, SqliteEvents, UsageEvent};
use jabiru::id::CanvasId;
use jabiru::platform::usage::{ClickHouseUsage, Figures, SqliteUsage, UsageQuery, UsageStore};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::events::{clickhouse_events, event, sqlite};
use crate::support::services::shared_clickhouse;
use crate::support::{Options, Random, TestClient, TestServer, eventually};

const DAY: Millis = 24 * 3_600_000;
/// 2026-11-20, midnight.
const START: Millis = 20_777 * DAY;

fn at(timestamp: Millis, user: &str, org: &str, event_type: &'static str, data: Value) -> UsageEvent {
    UsageEvent { timestamp, ..event(user, org, event_type, data) }
}

/// The same events in both stores, and both ways to count them.
async fn both(events: Vec<UsageEvent>, folder: &TempDir) -> [Box<dyn UsageStore>; 2] {
    let (url, database) = (shared_clickhouse().await, sqlite(folder.path()));
    let batch = Batch::new(Rows::Events(events));
    SqliteEvents::new(database.clone()).write(&batch).await.unwrap();
    clickhouse_events(&url).await.write(&batch).await.unwrap();
    [Box::new(SqliteUsage::new(database)), Box::new(ClickHouseUsage::new(Connection::connect(&url).await.unwrap()))]
}

#[tokio::test]
async fn evt_2_both_stores_count_what_is_documented() {
    let (ours, theirs) = (CanvasId::generate(), CanvasId::generate());
    let of = |canvas: CanvasId| json!({ "canvas_id": canvas });
    let edits = |updates: u64| json!({ "canvas_id": ours, "updates": updates });
    let minute = 60_000;
    let events = vec![
        at(START, "ann", "org", "canvas.joined", of(ours)),
        at(START, "ann", "org", "canvas.opened", of(ours)),
        // The same minute, the next one, and one later.
        at(START + minute - 1, "ann", "org", "canvas.edited", edits(3)),
        at(START + minute, "ann", "org", "canvas.edited", edits(4)),
        at(START + 5 * minute, "ann", "org", "canvas.left", of(ours)),
        // A program that reads it is a view; its minutes are nobody's.
        at(START + DAY - 1, "script", "org", "canvas.viewed", of(ours)),
        at(START + DAY, "ann", "org", "canvas.opened", of(ours)),
        at(START + DAY, "ben", "org", "canvas.opened", of(ours)),
        // Not of a canvas, and not counted.
        at(START + DAY, "eve", "org", "api.call", json!({ "route": "/v1/me" })),
        at(START + DAY, "eve", "org", "canvas.exported", of(ours)),
        // How an opening that is counted came about.
        at(START + DAY, "ben", "org", "canvas.embedded", of(ours)),
        at(START + DAY, "ann", "org", "canvas.viewed_by_link", of(ours)),
        // Another organization, with the same people, on a canvas of its own and, as nothing should ever say, on ours.
        at(START + DAY, "ann", "theirs", "canvas.opened", of(theirs)),
        at(START + DAY, "ann", "theirs", "canvas.edited", edits(100)),
        // Before and after the range.
        at(START - 1, "zoe", "org", "canvas.opened", of(ours)),
        at(START + 2 * DAY, "zoe", "org", "canvas.opened", of(ours)),
    ];
    let folder = TempDir::new().unwrap();
    for store in both(events, &folder).await {
        let query = UsageQuery { org: "org".to_owned(), canvas: Some(ours), from: START, to: START + 2 * DAY };
        let usage = store.usage(&query).await.unwrap();
        let first = Figures { views: 2, people: 2, edits: 7, active_minutes: 3 };
        let second = Figures { views: 2, people: 2, edits: 0, active_minutes: 0 };
        assert_eq!(usage.days, [("2026-11-20".to_owned(), first), ("2026-11-21".to_owned(), second)]);
        let totals = Figures { views: 4, people: 3, edits: 7, active_minutes: 3 };
        assert_eq!(usage.totals, totals);
        let all = UsageQuery { canvas: None, ..query.clone() };
        assert_eq!(store.usage(&all).await.unwrap(), usage);
        assert_eq!(store.top_canvases(&all, 10).await.unwrap(), [(ours, totals)]);
        let nobodys = UsageQuery { org: "nobody' or 1=1".to_owned(), ..all };
        let nothing = store.usage(&nobodys).await.unwrap();
        assert!(nothing.days.is_empty() && nothing.totals == Figures::default());
        let not_theirs = UsageQuery { canvas: Some(theirs), ..query };
        assert_eq!(store.usage(&not_theirs).await.unwrap().totals, Figures::default());
    }
}

#[tokio::test]
async fn evt_2_both_stores_answer_the_same_whatever_happened() {
    let mut random = Random::from_env("evt_2_both_stores_answer_the_same_whatever_happened");
    let canvases: Vec<_> = (0..20).map(|_| CanvasId::generate()).collect();
    let types = [
        "canvas.opened",
        "canvas.viewed",
        "canvas.edited",
        "canvas.joined",
        "canvas.left",
        "canvas.deleted",
        "api.call",
    ];
    let people = ["ann", "ben", "Zoë 'q'", "", "a\tb"];
    let events = (0..3000).map(|_| {
        let canvas = canvases[random.below(canvases.len())];
        let data = json!({ "canvas_id": canvas, "updates": random.below(50) });
        let time = START + random.below(10 * DAY as usize).cast_signed() as Millis;
        at(time, people[random.below(5)], ["org", "theirs"][random.below(2)], types[random.below(types.len())], data)
    });
    let folder = TempDir::new().unwrap();
    let [embedded, clickhouse] = both(events.collect(), &folder).await;
    for canvas in [None, Some(canvases[0]), Some(canvases[1]), Some(CanvasId::generate())] {
        let query = UsageQuery { org: "org".to_owned(), canvas, from: START + DAY + 7, to: START + 9 * DAY };
        assert_eq!(embedded.usage(&query).await.unwrap(), clickhouse.usage(&query).await.unwrap(), "{query:?}");
        let top = embedded.top_canvases(&query, 7).await.unwrap();
        assert_eq!(top, clickhouse.top_canvases(&query, 7).await.unwrap(), "{query:?}");
        assert_eq!(top.len(), if canvas.is_none() { 7 } else { usize::from(!top.is_empty()) });
    }
}

/// One day in the life of a canvas, and its usage as the routes tell it.
async fn a_day(flags: &[&str]) -> (Value, Value) {
    let (clock, now) = Clock::manual(START + 9 * 3_600_000);
    let server = TestServer::with_clock(clock, flags).await;
    let (canvas, other, gone) =
        (server.create("Busy").await, server.create("Quiet").await, server.create("Gone").await);
    let path = format!("/v1/canvases/{canvas}/usage?days=3");
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    ann.set("k", "v").await;
    ann.until_saved().await;
    drop(ann);
    let ben = TestClient::join(&server, canvas, Options::role(&server, Role::Viewer, "ben")).await;
    server.read(canvas).await;
    server.read(other).await;
    server.read(gone).await;
    server.call(Method::DELETE, &format!("/v1/canvases/{gone}"), None).await;
    drop(ben);
    eventually("the figures are there", || async {
        // The edits of somebody who left are told when the room goes, or ten seconds after them.
        let usage = server.call(Method::GET, &path, None).await.1;
        usage["totals"]["edits"] == 1 && usage["totals"]["views"] == 3
    })
    .await;
    // The next day has nothing yet.
    now.fetch_add(DAY, Ordering::Relaxed);
    let of_canvas = server.call(Method::GET, &path, None).await;
    let of_all = server.call(Method::GET, "/v1/usage?days=2", None).await;
    assert_eq!((of_canvas.0, of_all.0), (StatusCode::OK, StatusCode::OK), "{} {}", of_canvas.1, of_all.1);
    let mut all = of_all.1;
    assert_eq!(all["top_canvases"][0]["id"], json!(canvas));
    assert_eq!(all["top_canvases"][1]["id"], json!(other));
    for top in all["top_canvases"].as_array_mut().unwrap() {
        top["id"] = Value::Null;
    }
    (of_canvas.1, all)
}

#[tokio::test]
async fn evt_2_the_routes_tell_the_same_with_clickhouse_and_without() {
    let flags = ["--room-idle-seconds", "0.1"];
    let embedded = a_day(&flags).await;
    let none = json!({ "views": 0, "people": 0, "edits": 0, "active_minutes": 0 });
    let with = |mut counts: Value, key: &str, value: &str| {
        counts[key] = json!(value);
        counts
    };
    // Ann and Ben opened it, the owner's script read it; Ann and Ben came and left in one minute each.
    let busy = json!({ "views": 3, "people": 3, "edits": 1, "active_minutes": 2 });
    let day = |date: &str, counts: &Value| with(counts.clone(), "date", date);
    let canvas = json!({
        "from": "2026-11-19", "to": "2026-11-21", "totals": busy,
        "days": [day("2026-11-19", &none), day("2026-11-20", &busy), day("2026-11-21", &none)],
    });
    assert_eq!(embedded.0, canvas);
    let all = json!({ "views": 5, "people": 3, "edits": 1, "active_minutes": 2 });
    let mut quiet = json!({ "views": 1, "people": 1, "edits": 0, "active_minutes": 0, "name": "Quiet" });
    quiet["id"] = Value::Null;
    let mut top = with(busy.clone(), "name", "Busy");
    top["id"] = Value::Null;
    let organization = json!({
        "from": "2026-11-20", "to": "2026-11-21", "totals": all, "days": [day("2026-11-20", &all), day("2026-11-21", &none)],
        "top_canvases": [top, quiet],
    });
    assert_eq!(embedded.1, organization);
    let url = shared_clickhouse().await;
    assert_eq!(a_day(&[&flags[..], &["--clickhouse-url", &url]].concat()).await, embedded);
}

#[tokio::test]
async fn acc_2_usage_is_for_editors_of_its_own_organization() {
    let server = TestServer::start().await;
    let (canvas, other) = (server.create("ours").await, server.create("other").await);
    server.read(canvas).await;
    let path = format!("/v1/canvases/{canvas}/usage");
    eventually("a view is counted", || async { server.call(Method::GET, &path, None).await.1["totals"]["views"] == 1 })
        .await;
    // Somebody of another organization: the canvas does not exist, and their organization has no usage.
    let otto = server.outsider();
    let get = async |path: &str| {
        let answer = server.as_cookie(Method::GET, path, &otto).send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    assert_eq!(get(&path).await.0, StatusCode::NOT_FOUND);
    let (status, usage) = get("/v1/usage").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(usage["totals"], json!({ "views": 0, "people": 0, "edits": 0, "active_minutes": 0 }));
    assert_eq!((usage["top_canvases"].clone(), usage["days"].as_array().unwrap().len()), (json!([]), 30));
    // Roles and tokens.
    let ask =
        async |path: &str, token: String| server.request(Method::GET, path, &token).send().await.unwrap().status();
    assert_eq!(ask(&path, server.token("*", Role::Commenter, "c")).await, StatusCode::FORBIDDEN);
    assert_eq!(ask("/v1/usage", server.token("*", Role::Viewer, "v")).await, StatusCode::FORBIDDEN);
    let one = server.token(&canvas.to_string(), Role::Editor, "guest");
    assert_eq!(ask(&path, one.clone()).await, StatusCode::OK);
    assert_eq!(ask("/v1/usage", one.clone()).await, StatusCode::FORBIDDEN);
    assert_eq!(ask(&format!("/v1/canvases/{other}/usage"), one).await, StatusCode::FORBIDDEN);
    assert_eq!(server.http.get(server.url("/v1/usage")).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn lim_1_a_range_that_cannot_be_answered_is_refused_with_a_reason() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    for route in ["/v1/usage".to_owned(), format!("/v1/canvases/{canvas}/usage")] {
        for bad in ["0", "366", "-1", "x", "1e9"] {
            let (status, problem) = server.call(Method::GET, &format!("{route}?days={bad}"), None).await;
            assert_eq!((status, &problem["status"]), (StatusCode::BAD_REQUEST, &json!(400)), "{route} {bad}");
        }
        for days in [1, 365] {
            let (status, usage) = server.call(Method::GET, &format!("{route}?days={days}"), None).await;
            assert_eq!((status, usage["days"].as_array().unwrap().len()), (StatusCode::OK, days), "{usage}");
        }
    }
    let (_, description) = server.call(Method::GET, "/v1/openapi.json", None).await;
    assert!(description["paths"]["/v1/usage"].is_object());
    assert!(description["paths"]["/v1/canvases/{id}/usage"].is_object());
}
