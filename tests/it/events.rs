//! `[EVT-1]` `[EVT-2]`: what happens is recorded, once each, in ClickHouse or beside the canvases; what cannot be kept is counted.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use jabiru::access::{Identity, Role};
use jabiru::app::MIGRATIONS;
use jabiru::backend::clickhouse::ClickHouse as Connection;
use jabiru::backend::migrations::{Migrate, State};
use jabiru::backend::sqlite::{Sqlite, migrate};
use jabiru::clock::Clock;
use jabiru::events::{
    Batch, ClickHouseEvents, EventStore, Events, MetricSample, Origin, QueryRun, Rows, Spool, SqliteEvents, UsageEvent,
};
use jabiru::id::CanvasId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::support::services::{ClickHouse, clickhouse_ask, shared_clickhouse};
use crate::support::{Options, TestClient, TestServer, eventually, within};

const SPOOL_BYTES: u64 = 16 << 20;

pub(crate) async fn clickhouse_events(url: &str) -> ClickHouseEvents {
    let connection = Connection::connect(url).await.unwrap();
    connection.up().await.unwrap();
    ClickHouseEvents::new(connection)
}

pub(crate) fn sqlite(folder: &Path) -> Sqlite {
    let path = folder.join("jabiru.db");
    migrate(&path, MIGRATIONS).unwrap();
    Sqlite::open(&path).unwrap()
}

pub(crate) fn event(user: &str, org: &str, event_type: &'static str, data: Value) -> UsageEvent {
    let origin = Origin::new(Some(Ipv4Addr::new(192, 0, 2, 7).into()), "tests \"1.0\" ü");
    let identity = Identity::new(user.to_owned(), user.to_owned(), org.to_owned());
    UsageEvent::of(&identity, &origin, "session".to_owned(), event_type, data)
}

/// A queue with its writer, without a server around it.
struct Pipeline {
    events: Events,
    writer: JoinHandle<()>,
    recorded: u64,
}

impl Pipeline {
    async fn start(url: &str, folder: &Path, spool_bytes: u64) -> Self {
        let store = Arc::new(clickhouse_events(url).await);
        let (events, writer) = Events::new(Clock::system());
        let spool = Spool::open(&folder.join("spool"), spool_bytes).unwrap();
        Self { events, writer: tokio::spawn(writer.run(store, spool)), recorded: 0 }
    }

    /// Events with numbers, so that each can be told from the others.
    fn record(&mut self, count: u64) {
        for number in self.recorded..self.recorded + count {
            self.events.record(|| event("ann", "org", "test.numbered", json!({ "n": number })));
        }
        self.recorded += count;
    }

    async fn stop(self) {
        drop(self.events);
        within("the writer flushes and ends", self.writer).await.unwrap();
    }
}

/// How many numbered events there are, and how many different ones.
async fn arrived(url: &str) -> (u64, u64) {
    let sql = "SELECT count(), uniqExact(JSONExtractUInt(event_data, 'n')) FROM user_events WHERE event_type = 'test.numbered'";
    let answer = clickhouse_ask(url, sql).await;
    let (all, different) = answer.trim().split_once('\t').unwrap();
    (all.parse().unwrap(), different.parse().unwrap())
}

async fn until_arrived(url: &str, count: u64) {
    eventually("every event arrived, once", || async move {
        let (all, different) = arrived(url).await;
        assert_eq!(all, different, "no event is there twice");
        all == count
    })
    .await;
}

#[tokio::test]
async fn evt_1_events_arrive_once_each_whatever_happens_to_clickhouse() {
    let mut clickhouse = ClickHouse::start().await;
    let (url, folder) = (clickhouse.url(), TempDir::new().unwrap());
    let mut pipeline = Pipeline::start(&url, folder.path(), SPOOL_BYTES).await;
    pipeline.record(50);
    until_arrived(&url, 50).await;

    // Written, and killed before anybody heard of it: what ClickHouse remembers of batches survives with it.
    let store = clickhouse_events(&url).await;
    let now = Clock::system().now();
    let in_doubt = UsageEvent { timestamp: now, ..event("ann", "org", "test.in_doubt", json!({})) };
    let in_doubt = Batch::new(Rows::Events(vec![in_doubt]));
    store.write(&in_doubt).await.unwrap();

    // Killed: what happens meanwhile is on disk, and arrives when it is back.
    clickhouse.kill();
    pipeline.record(50);
    let events = pipeline.events.clone();
    eventually("batches are on disk", || async { events.state().spool_bytes > 0 && events.state().waiting == 0 }).await;
    assert!(events.state().failing_since.is_some());
    clickhouse.restart().await;
    until_arrived(&url, 100).await;
    store.write(&in_doubt).await.unwrap();
    let twice =
        clickhouse_ask(&clickhouse.url(), "SELECT count() FROM user_events WHERE event_type = 'test.in_doubt'").await;
    assert_eq!(twice, "1\n");
    eventually("the spool is empty", || async { events.state().spool_bytes == 0 }).await;

    // Paused: batches are on their way and nobody answers, so it is not known whether they arrive. They are sent again, and are there once.
    clickhouse.pause();
    pipeline.record(50);
    eventually("a batch got no answer", || async { events.state().failing_since.is_some() }).await;
    pipeline.record(50);
    eventually("batches are on disk", || async { events.state().waiting == 0 && events.state().spool_bytes > 0 }).await;
    clickhouse.resume();
    until_arrived(&url, 200).await;
    eventually("all is well", || async {
        let state = events.state();
        state.failing_since.is_none() && state.spool_bytes == 0
    })
    .await;
    assert_eq!(arrived(&url).await, (200, 200));

    // Stopped while it is away: the next start sends it.
    clickhouse.kill();
    pipeline.record(50);
    drop(events);
    pipeline.stop().await;
    clickhouse.restart().await;
    assert_eq!(arrived(&url).await, (200, 200));
    let pipeline = Pipeline::start(&url, folder.path(), SPOOL_BYTES).await;
    until_arrived(&url, 250).await;
    assert_eq!(pipeline.events.state().dropped, 0);
    pipeline.stop().await;
}

#[tokio::test]
async fn evt_1_what_a_crash_left_is_sent_at_the_next_start_and_what_arrived_is_not_sent_twice() {
    let (url, folder) = (shared_clickhouse().await, TempDir::new().unwrap());
    let numbered = |from: u64| {
        let timestamp = Clock::system().now();
        let rows = (from..from + 10)
            .map(|number| UsageEvent { timestamp, ..event("ann", "org", "test.numbered", json!({ "n": number })) });
        Batch::new(Rows::Events(rows.collect()))
    };
    let (in_doubt, waiting) = (numbered(0), numbered(10));
    // The process was killed between the answer and the removal of the file.
    clickhouse_events(&url).await.write(&in_doubt).await.unwrap();
    let path = folder.path().join("spool");
    let spool = Spool::open(&path, SPOOL_BYTES).unwrap();
    spool.put(&in_doubt).unwrap();
    spool.put(&waiting).unwrap();
    drop(spool);
    std::fs::write(path.join("half.user_events.part"), "{\"timestamp\":17").unwrap();
    let pipeline = Pipeline::start(&url, folder.path(), SPOOL_BYTES).await;
    until_arrived(&url, 20).await;
    let events = pipeline.events.clone();
    eventually("the spool is empty", || async { events.state().spool_bytes == 0 }).await;
    assert_eq!(std::fs::read_dir(path).unwrap().count(), 0);
    drop(events);
    pipeline.stop().await;
    assert_eq!(arrived(&url).await, (20, 20));
}

#[tokio::test]
async fn evt_1_past_the_bound_of_the_spool_events_are_dropped_and_counted() {
    let mut clickhouse = ClickHouse::start().await;
    let (url, folder) = (clickhouse.url(), TempDir::new().unwrap());
    let mut pipeline = Pipeline::start(&url, folder.path(), 100_000).await;
    clickhouse.kill();
    pipeline.record(3000);
    let events = pipeline.events.clone();
    eventually("some did not fit", || async { events.state().dropped > 0 && events.state().waiting == 0 }).await;
    drop(events);
    let events = pipeline.events.clone();
    clickhouse.restart().await;
    eventually("the spool is empty", || async { events.state().spool_bytes == 0 }).await;
    let (all, different) = arrived(&url).await;
    assert_eq!(all, different);
    assert_eq!(all + events.state().dropped, 3000, "each one arrived or is counted");
    drop(events);
    pipeline.stop().await;
}

#[tokio::test]
async fn evt_1_more_than_the_queue_holds_is_dropped_at_once_and_counted() {
    let (events, _writer) = Events::new(Clock::system());
    for _ in 0..10_000 {
        events.record(|| event("ann", "org", "test", json!({})));
    }
    let state = events.state();
    assert_eq!(state.waiting as u64 + state.dropped, 10_000);
    assert!(state.dropped > 0);
}

/// The contract of the port, on both stores.
#[tokio::test]
async fn evt_2_a_store_takes_every_table_and_a_batch_once() {
    let (url, folder) = (shared_clickhouse().await, TempDir::new().unwrap());
    let database = sqlite(folder.path());
    let stores: [Box<dyn EventStore>; 2] =
        [Box::new(SqliteEvents::new(database)), Box::new(clickhouse_events(&url).await)];
    // Young enough to be kept.
    let at = Clock::system().now();
    let batches = [
        Batch::new(Rows::Events(vec![
            UsageEvent {
                timestamp: at,
                ..event("ann", "org", "canvas.opened", json!({ "canvas_id": "c", "x": "a\tb\n\"" }))
            };
            2
        ])),
        Batch::new(Rows::Queries(vec![QueryRun {
            timestamp: at,
            query_id: "q".to_owned(),
            query_type: "dataset.rows".into(),
            execution_time_ms: 12,
            rows_processed: 1 << 40,
            bytes_processed: 7,
            cache_hit: true,
            ..QueryRun::default()
        }])),
        Batch::new(Rows::Metrics(vec![MetricSample {
            timestamp: at,
            metric_name: "jabiru_sessions".to_owned(),
            metric_value: 1.5,
            tags: BTreeMap::from([("code".to_owned(), "1013".to_owned())]),
            instance_id: "node".to_owned(),
        }])),
    ];
    for store in &stores {
        store.ping().await.unwrap();
        for batch in batches.iter().chain(&batches) {
            store.write(batch).await.unwrap();
        }
    }
    let expected = "2\nAT\tann\torg\tcanvas.opened\ta\tb\n\"\tsession\t192.0.2.7\ttests \"1.0\" ü\n\
                    1\nAT\tq\tdataset.rows\t12\t1099511627776\t7\t1\n1\nAT\tjabiru_sessions\t1.5\t1013\tnode\n"
        .replace("AT", &at.to_string());
    let mut found = String::new();
    for sql in [
        "SELECT count() FROM user_events",
        "SELECT toUnixTimestamp64Milli(timestamp), user_id, organization_id, event_type, JSONExtractString(event_data, 'x'), session_id, ip_address,
         user_agent FROM user_events LIMIT 1 FORMAT TSVRaw",
        "SELECT count() FROM query_performance",
        "SELECT toUnixTimestamp64Milli(timestamp), query_id, query_type, execution_time_ms, rows_processed, bytes_processed, toUInt8(cache_hit)
         FROM query_performance LIMIT 1",
        "SELECT count() FROM system_metrics",
        "SELECT toUnixTimestamp64Milli(timestamp), metric_name, metric_value, tags['code'], instance_id FROM system_metrics LIMIT 1",
    ] {
        found += &clickhouse_ask(&url, sql).await;
    }
    assert_eq!(found, expected);
    let database = rusqlite::Connection::open(folder.path().join("jabiru.db")).unwrap();
    let mut found = String::new();
    for sql in [
        "select count(*) from user_events",
        "select timestamp, user_id, organization_id, event_type, json_extract(event_data, '$.x'), session_id, ip_address, user_agent
         from user_events limit 1",
        "select count(*) from query_performance",
        "select timestamp, query_id, query_type, execution_time_ms, rows_processed, bytes_processed, cache_hit from query_performance limit 1",
        "select count(*) from system_metrics",
        "select timestamp, metric_name, metric_value, json_extract(tags, '$.code'), instance_id from system_metrics limit 1",
    ] {
        let mut statement = database.prepare(sql).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        let row = rows.next().unwrap().unwrap();
        let values = (0..columns).map(|column| match row.get_unwrap::<_, rusqlite::types::Value>(column) {
            rusqlite::types::Value::Integer(value) => value.to_string(),
            rusqlite::types::Value::Real(value) => value.to_string(),
            rusqlite::types::Value::Text(value) => value,
            other => format!("{other:?}"),
        });
        found += &values.collect::<Vec<_>>().join("\t");
        found.push('\n');
    }
    assert_eq!(found, expected);
}

#[tokio::test]
async fn evt_2_the_embedded_store_forgets_what_is_older_than_its_retention_in_portions() {
    let folder = TempDir::new().unwrap();
    let store = SqliteEvents::new(sqlite(folder.path()));
    let day = 24 * 3_600_000;
    let now = 2_000 * day;
    let old = UsageEvent { timestamp: now - 1100 * day, ..event("ann", "org", "test", json!({})) };
    let young = UsageEvent { timestamp: now - 1000 * day, ..old.clone() };
    let mut rows = vec![old; 2500];
    rows.push(young);
    store.write(&Batch::new(Rows::Events(rows))).await.unwrap();
    assert!(store.forget_old(now).await.unwrap(), "there is more than one portion");
    assert!(!store.forget_old(now).await.unwrap());
    let database = rusqlite::Connection::open(folder.path().join("jabiru.db")).unwrap();
    let left: i64 = database.query_row("select count(*) from user_events", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 1);
}

#[tokio::test]
async fn migrations_of_clickhouse_are_safe_from_two_nodes_and_name_what_is_wrong() {
    let url = shared_clickhouse().await;
    let (first, second) = (Connection::connect(&url).await.unwrap(), Connection::connect(&url).await.unwrap());
    assert_eq!(first.status().await.unwrap(), [("0001_events".to_owned(), State::Pending)]);
    let (one, two) = tokio::join!(first.up(), second.up());
    assert!(one.unwrap().len() + two.unwrap().len() >= 1);
    assert_eq!(first.status().await.unwrap(), [("0001_events".to_owned(), State::Applied)]);
    assert_eq!(first.up().await.unwrap(), Vec::<String>::new());
    let no_way_back = first.down("").await.unwrap_err().to_string();
    assert!(no_way_back.contains("0001_events") && no_way_back.contains("added to"), "{no_way_back}");
    // The tables are those of the data model, with its retention.
    let kept = clickhouse_ask(
        &url,
        "SELECT name, engine, partition_key, sorting_key, extract(create_table_query, 'TTL ([^S]+)') FROM system.tables
         WHERE database = currentDatabase() AND name != 'schema_migrations' ORDER BY name",
    )
    .await;
    assert_eq!(
        kept,
        "query_performance\tMergeTree\ttoYYYYMM(timestamp)\torganization_id, timestamp\ttoDateTime(timestamp) + toIntervalMonth(24) \n\
         system_metrics\tMergeTree\ttoYYYYMM(timestamp)\tmetric_name, timestamp\ttoDateTime(timestamp) + toIntervalMonth(24) \n\
         user_events\tMergeTree\ttoYYYYMM(timestamp)\torganization_id, user_id, timestamp\ttoDateTime(timestamp) + toIntervalMonth(36) \n"
    );
    clickhouse_ask(&url, "INSERT INTO schema_migrations VALUES ('0009_later', 'x', now64(3))").await;
    let missing = first.up().await.unwrap_err().to_string();
    assert!(missing.contains("0009_later"), "{missing}");
}

#[tokio::test]
async fn a_clickhouse_that_cannot_be_used_is_a_clear_error_without_the_password() {
    // Nobody listens there: the port is taken and given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = Connection::connect(&format!("http://u:geheim@127.0.0.1:{port}/x")).await.err().unwrap().to_string();
    assert!(refused.contains("does not answer") && !refused.contains("geheim"), "{refused}");
    // The database is made if there is none.
    let url = shared_clickhouse().await;
    let fresh = format!("{url}_made_at_connect");
    Connection::connect(&fresh).await.unwrap().ping().await.unwrap();
}

const DATA: &str = "name,amount\nshoes,3\nhats,4\n";

/// What people and programs do, through every door.
async fn live(server: &TestServer) -> Vec<(String, String)> {
    let canvas = server.create("c").await;
    let path = format!("/v1/canvases/{canvas}");
    let headers = vec![("user-agent", "Testbrowser/1".to_owned()), ("x-forwarded-for", "198.51.100.1".to_owned())];
    let options = Options { headers, ..Options::role(server, Role::Editor, "ann") };
    let mut ann = TestClient::join(server, canvas, options).await;
    ann.until("synced", |ann| ann.synced).await;
    ann.set("k", "secret content").await;
    ann.until_saved().await;
    let eve = TestClient::join(server, canvas, Options::role(server, Role::Viewer, "eve")).await;
    server.read(canvas).await;
    assert_eq!(server.call(Method::POST, &format!("{path}/duplicate"), None).await.0, StatusCode::CREATED);
    let file = server.request(Method::GET, &format!("{path}/export"), &server.owner()).send().await.unwrap();
    assert_eq!(file.status(), StatusCode::OK);
    let png = json!({ "kind": "png", "block": "b" });
    assert_eq!(server.call(Method::POST, &format!("{path}/exports"), Some(png)).await.0, StatusCode::NO_CONTENT);
    drop((ann, eve));
    assert_eq!(server.call(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(server.call(Method::POST, &format!("{path}/restore"), None).await.0, StatusCode::OK);
    let upload =
        server.request(Method::POST, "/v1/datasets?name=n", &server.owner()).header("content-type", "text/csv");
    let dataset: Value = upload.body(DATA).send().await.unwrap().json().await.unwrap();
    let rows = format!("/v1/datasets/{}/rows", dataset["id"].as_str().unwrap());
    assert_eq!(server.call(Method::GET, &rows, None).await.0, StatusCode::OK);
    let expected = [
        ("ann", "canvas.edited"),
        ("ann", "canvas.joined"),
        ("ann", "canvas.left"),
        ("ann", "canvas.opened"),
        ("eve", "canvas.joined"),
        ("eve", "canvas.left"),
        ("eve", "canvas.opened"),
        ("olga", "api.call"),
        ("olga", "api.call"),
        ("olga", "api.call"),
        ("olga", "api.call"),
        ("olga", "api.call"),
        ("olga", "api.call"),
        ("olga", "api.call"),
        ("olga", "api.call"),
        ("olga", "api.call"),
        ("olga", "canvas.created"),
        ("olga", "canvas.deleted"),
        ("olga", "canvas.duplicated"),
        ("olga", "canvas.exported"),
        ("olga", "canvas.exported"),
        ("olga", "canvas.restored"),
        ("olga", "canvas.viewed"),
        ("olga", "dataset.uploaded"),
    ];
    expected.map(|(user, event)| (user.to_owned(), event.to_owned())).to_vec()
}

#[tokio::test]
async fn evt_1_the_life_of_a_canvas_is_in_clickhouse_when_the_server_has_stopped() {
    let url = shared_clickhouse().await;
    let mut server = TestServer::with(&["--clickhouse-url", &url]).await;
    let expected = live(&server).await;
    // Shutdown flushes what no batch held yet. `[DUR-9]`
    server.stop().await.unwrap();
    let answer = clickhouse_ask(&url, "SELECT user_id, event_type FROM user_events ORDER BY user_id, event_type").await;
    let found: Vec<_> = answer.lines().map(|line| line.split_once('\t').unwrap()).collect();
    let found: Vec<_> = found.into_iter().map(|(user, event)| (user.to_owned(), event.to_owned())).collect();
    assert_eq!(found, expected);
    let ask = async |sql: &str| clickhouse_ask(&url, sql).await;
    assert_eq!(ask("SELECT DISTINCT ip_address FROM user_events").await, "127.0.0.1\n");
    assert_eq!(ask("SELECT DISTINCT user_agent FROM user_events WHERE user_id = 'ann'").await, "Testbrowser/1\n");
    assert_eq!(
        ask("SELECT count() FROM user_events WHERE event_data LIKE '%secret%' OR organization_id = ''").await,
        "0\n"
    );
    assert_eq!(
        ask("SELECT uniqExact(session_id) FROM user_events WHERE event_type LIKE 'canvas.%' AND session_id != ''")
            .await,
        "2\n"
    );
    let edited = "SELECT JSONExtractUInt(event_data, 'updates') FROM user_events WHERE event_type = 'canvas.edited'";
    assert_eq!(ask(edited).await, "1\n");
    let calls = "SELECT JSONExtractString(event_data, 'method'), JSONExtractString(event_data, 'route'), JSONExtractUInt(event_data, 'status')
                 FROM user_events WHERE event_type = 'api.call' ORDER BY timestamp LIMIT 1";
    assert_eq!(ask(calls).await, "POST\t/v1/canvases\t201\n");
    let exported = "SELECT JSONExtractString(event_data, 'kind'), JSONExtractString(event_data, 'block'), JSONExtractUInt(event_data, 'size_bytes') > 0
                    FROM user_events WHERE event_type = 'canvas.exported' ORDER BY 1";
    assert_eq!(ask(exported).await, "canvas\t\t1\npng\tb\t0\n");
    let queries =
        "SELECT query_type, rows_processed, bytes_processed, cache_hit, error_code, user_id FROM query_performance";
    assert_eq!(ask(queries).await, "dataset.rows\t2\t25\tfalse\t\tolga\n");
}

#[tokio::test]
async fn evt_2_without_clickhouse_the_same_events_are_in_the_embedded_store() {
    let mut server = TestServer::with(&["--trust-forwarded-for"]).await;
    let expected = live(&server).await;
    server.stop().await.unwrap();
    let database = rusqlite::Connection::open(server.folder.path().join("jabiru.db")).unwrap();
    let mut statement = database
        .prepare("select user_id, event_type, event_data, ip_address, timestamp from user_events order by user_id, event_type")
        .unwrap();
    let rows: Vec<(String, String, String, String, i64)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let found: Vec<_> = rows.iter().map(|(user, event, ..)| (user.clone(), event.clone())).collect();
    assert_eq!(found, expected);
    for (user, _, data, ip, timestamp) in &rows {
        assert!(!data.contains("secret"), "{data}");
        // A proxy that is trusted says who it is.
        assert_eq!(ip, if user == "ann" { "198.51.100.1" } else { "127.0.0.1" });
        assert!(*timestamp > 1_700_000_000_000);
    }
    let queries: i64 = database.query_row("select count(*) from query_performance", [], |row| row.get(0)).unwrap();
    assert_eq!(queries, 1);
}

/// By link and in other sites, with a second tab and a program beside them.
async fn visit(server: &TestServer) -> CanvasId {
    let canvas = server.create("c").await;
    let join = |token: String, page: Option<&'static str>| async move {
        let headers = page.map(|origin| ("origin", origin.to_owned())).into_iter().collect();
        let options = Options { token, headers, ..Options::role(server, Role::Viewer, "nobody") };
        let mut client = TestClient::join(server, canvas, options).await;
        client.until("synced", |client| client.synced).await;
        client
    };
    let own = server.app().origin.clone();
    let own: &'static str = own.leak();
    let only = |sub: &str| server.token(&canvas.to_string(), Role::Viewer, sub);
    let embedded = join(only("guest"), Some("https://app.example.org")).await;
    let second_tab = join(only("guest"), Some("https://app.example.org")).await;
    let all_canvases = join(server.token("*", Role::Viewer, "host"), Some("https://app.example.org")).await;
    let by_link = join(only("lena"), Some(own)).await;
    let own_page = join(server.token("*", Role::Viewer, "ann"), Some(own)).await;
    let program = join(only("script"), None).await;
    drop((embedded, second_tab, all_canvases, by_link, own_page, program));
    canvas
}

#[tokio::test]
async fn evt_1_how_somebody_came_is_recorded_beside_the_opening_and_is_no_second_view() {
    let url = shared_clickhouse().await;
    let flags = ["--allowed-origins", "https://app.example.org"];
    for more in [&[][..], &["--clickhouse-url", &url]] {
        let mut server = TestServer::with(&[&flags[..], more].concat()).await;
        let canvas = visit(&server).await;
        eventually("every opening is one view", || async {
            let usage = server.call(Method::GET, &format!("/v1/canvases/{canvas}/usage"), None).await.1;
            let totals = &usage["totals"];
            assert!(totals["views"].as_u64() <= Some(5), "{usage}");
            totals["views"] == 5 && totals["people"] == 5
        })
        .await;
        server.stop().await.unwrap();
        let sql = "SELECT user_id, event_type, ORIGIN FROM user_events
                   WHERE event_type IN ('canvas.opened', 'canvas.embedded', 'canvas.viewed_by_link') ORDER BY event_type, user_id";
        let found = if more.is_empty() {
            let sql = sql.replace("ORIGIN", "coalesce(json_extract(event_data, '$.origin'), '')");
            let database = rusqlite::Connection::open(server.folder.path().join("jabiru.db")).unwrap();
            let mut rows = database.prepare(&sql).unwrap();
            let text = |row: &rusqlite::Row<'_>, column| row.get::<_, String>(column).unwrap();
            let rows = rows.query_map([], |row| Ok(format!("{}\t{}\t{}", text(row, 0), text(row, 1), text(row, 2))));
            rows.unwrap().collect::<Result<Vec<_>, _>>().unwrap()
        } else {
            let sql = sql.replace("ORIGIN", "JSONExtractString(event_data, 'origin')");
            clickhouse_ask(&url, &sql).await.lines().map(str::to_owned).collect()
        };
        assert_eq!(
            found,
            [
                "guest\tcanvas.embedded\thttps://app.example.org",
                "host\tcanvas.embedded\thttps://app.example.org",
                "ann\tcanvas.opened\t",
                "guest\tcanvas.opened\t",
                "host\tcanvas.opened\t",
                "lena\tcanvas.opened\t",
                "script\tcanvas.opened\t",
                "lena\tcanvas.viewed_by_link\t",
            ]
        );
    }
}
