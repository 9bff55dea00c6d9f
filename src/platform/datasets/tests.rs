//! The slice as a whole, below HTTP: an upload through spool, both passes and the store, and back out in pages.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream;
use tokio_util::task::TaskTracker;

use super::{Cell, Column, ColumnType, DatasetError, Datasets, Limits, PAGE_BYTES, Reader, Upload, sqlite::READERS};
use crate::http::upload::UploadError;

fn open(dir: &Path) -> Datasets {
    Datasets::open(dir, Limits::default()).unwrap()
}

fn upload<'a>(org: &'a str, name: &'a str, media_type: &'a str) -> Upload<'a> {
    Upload { org, user: "ada", name, media_type, source: None, licence: None, announced_bytes: None }
}

fn body(chunks: impl IntoIterator<Item = impl Into<Bytes>>) -> impl Stream<Item = Result<Bytes, Infallible>> + Unpin {
    stream::iter(chunks.into_iter().map(|chunk| Ok(chunk.into())).collect::<Vec<_>>())
}

fn spooled_files(dir: &Path) -> usize {
    std::fs::read_dir(dir.join("uploads")).unwrap().count()
}

fn stored_tables(dir: &Path) -> i64 {
    let connection = rusqlite::Connection::open(dir.join("datasets.db")).unwrap();
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'rows\\_%' ESCAPE '\\'";
    connection.query_row(tables, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn five_thousand_rows_come_back_in_order_page_by_page() {
    let dir = tempfile::tempdir().unwrap();
    let datasets = open(dir.path());
    let mut file = "n,day,name,ok\n".to_owned();
    for row in 1..=5_432 {
        writeln!(file, "{row},2024-01-{:02},\"row, {row}\",{}", row % 28 + 1, row % 2 == 0).unwrap();
    }
    // Chunks that end in the middle of rows, as the network cuts them.
    let chunks: Vec<Bytes> = file.as_bytes().chunks(1_000).map(Bytes::copy_from_slice).collect();
    let dataset =
        datasets.upload(upload("acme", " Rows ", "text/csv; charset=utf-8"), &mut body(chunks)).await.unwrap();
    assert_eq!((dataset.name.as_str(), dataset.row_count, dataset.size_bytes), ("Rows", 5_432, file.len() as u64));
    let kinds: Vec<_> = dataset.columns.iter().map(|column| column.kind).collect();
    assert_eq!(kinds, [ColumnType::Number, ColumnType::Date, ColumnType::String, ColumnType::Boolean]);

    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page = datasets.rows("acme", dataset.id, after, 1_000).await.unwrap().unwrap();
        assert_eq!(page.columns, ["n", "day", "name", "ok"]);
        assert!(page.rows.len() <= 1_000);
        seen.extend(page.rows);
        match page.next_row {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(seen.len(), 5_432);
    assert_eq!(seen[5_431][0], Cell::Number(5_432.0));
    assert_eq!(
        serde_json::to_string(&seen[1]).unwrap(),
        r#"[2,"2024-01-03","row, 2",true]"#,
        "whole numbers are written without a fraction"
    );
    assert_eq!(spooled_files(dir.path()), 0);
    assert_eq!(datasets.rows("acme", dataset.id, 5_432, 10).await.unwrap().unwrap().rows.len(), 0);
    assert_eq!(datasets.rows("acme", dataset.id, u64::MAX, 10).await.unwrap().unwrap().next_row, None);

    drop(datasets);
    let reopened = open(dir.path());
    assert_eq!(reopened.get("acme", dataset.id).await.unwrap(), Some(dataset), "a restart changes nothing");
}

/// `[ACC-2]` An organization sees nothing of another.
#[tokio::test]
async fn acc_2_a_dataset_is_absent_for_every_other_organization() {
    let dir = tempfile::tempdir().unwrap();
    let datasets = open(dir.path());
    let ours = datasets.upload(upload("acme", "ours", "text/csv"), &mut body(["a\n1\n"])).await.unwrap();
    let theirs = datasets.upload(upload("umbrella", "theirs", "text/csv"), &mut body(["a\n2\n"])).await.unwrap();
    assert_eq!(datasets.get("umbrella", ours.id).await.unwrap(), None);
    assert_eq!(datasets.rows("umbrella", ours.id, 0, 10).await.unwrap(), None);
    assert_eq!(datasets.list("umbrella", None, 10).await.unwrap().items, [theirs]);
    assert_eq!(datasets.list("acme", None, 10).await.unwrap().items, [ours]);
    assert_eq!(datasets.list("", None, 10).await.unwrap().items, []);
}

#[tokio::test]
async fn the_list_is_newest_first_in_pages() {
    let dir = tempfile::tempdir().unwrap();
    let datasets = open(dir.path());
    let mut made = Vec::new();
    for number in 0..5 {
        let name = format!("d{number}");
        made.push(datasets.upload(upload("acme", &name, "text/csv"), &mut body(["a\n1\n"])).await.unwrap().name);
    }
    made.reverse();
    let first = datasets.list("acme", None, 3).await.unwrap();
    let second = datasets.list("acme", first.next_before, 3).await.unwrap();
    let listed: Vec<String> = first.items.into_iter().chain(second.items).map(|dataset| dataset.name).collect();
    assert_eq!(listed, made);
    assert_eq!(second.next_before, None);
}

#[tokio::test]
async fn a_failed_upload_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let datasets = open(dir.path());
    let ragged = datasets.upload(upload("acme", "x", "text/csv"), &mut body(["a,b\n1,2\n3\n"])).await.unwrap_err();
    assert!(matches!(ragged, DatasetError::BadFile { line: 3, column: 2, .. }), "{ragged}");
    let mut broken = stream::iter([Ok(Bytes::from("a\n1\n")), Err("the connection was reset")]);
    let broken = datasets.upload(upload("acme", "x", "text/csv"), &mut broken).await.unwrap_err();
    assert!(matches!(broken, DatasetError::Upload(UploadError::Interrupted(_))), "{broken}");
    assert_eq!(datasets.list("acme", None, 10).await.unwrap().items, []);
    assert_eq!((spooled_files(dir.path()), stored_tables(dir.path())), (0, 0));
}

/// The second pass fails after the table was made: the transaction takes it back.
#[test]
fn a_load_that_fails_half_way_leaves_no_table() {
    let dir = tempfile::tempdir().unwrap();
    let store = super::SqliteDatasets::open(&dir.path().join("datasets.db")).unwrap();
    let id = uuid::Uuid::now_v7();
    let dataset = super::Dataset {
        id,
        name: "x".into(),
        columns: vec![super::Column { name: "a \"quoted\"; drop table datasets".into(), kind: ColumnType::Number }],
        row_count: 2,
        size_bytes: 1,
        source: None,
        licence: None,
        created_at: super::created_at(id).unwrap(),
    };
    let failed = store.insert("acme", "ada", &dataset, |insert_row| {
        insert_row(&[Cell::Number(1.0)])?;
        Err(DatasetError::DiskFull)
    });
    assert!(matches!(failed, Err(DatasetError::DiskFull)));
    assert_eq!(stored_tables(dir.path()), 0);
    store.insert("acme", "ada", &dataset, |insert_row| insert_row(&[Cell::Number(1.0)])).unwrap();
    assert_eq!(store.rows("acme", id, 0, 10).unwrap().unwrap().rows, [[Cell::Number(1.0)]]);
    assert_eq!(store.get("acme", id).unwrap(), Some(dataset));
}

/// `[LIM-1]` The limit holds as bytes arrive, and before any arrive when the client says how many come.
#[tokio::test]
async fn lim_1_a_gigabyte_is_refused_early() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { file_bytes: 1 << 20, ..Limits::default() };
    let datasets = Datasets::open(dir.path(), limits).unwrap();

    let announced = Upload { announced_bytes: Some(1 << 30), ..upload("acme", "x", "text/csv") };
    let mut untouched: Pin<Box<dyn Stream<Item = Result<Bytes, Infallible>> + Send>> =
        Box::pin(stream::poll_fn(|_| panic!("an announced size is refused without reading")));
    let error = datasets.upload(announced, &mut untouched).await.unwrap_err();
    assert!(matches!(error, DatasetError::Upload(UploadError::TooLarge { limit_bytes: 1_048_576 })), "{error}");

    let chunk = Bytes::from(vec![b'a'; 64 << 10]);
    let mut taken = 0;
    let mut endless = Box::pin(stream::poll_fn(|_| {
        taken += 1;
        std::task::Poll::Ready(Some(Ok::<_, Infallible>(chunk.clone())))
    }));
    let error = datasets.upload(upload("acme", "x", "text/csv"), &mut endless).await.unwrap_err();
    assert!(matches!(error, DatasetError::Upload(UploadError::TooLarge { .. })), "{error}");
    drop(endless);
    assert_eq!(taken, 17, "the chunk that passes the limit is the last one read");
    assert_eq!(spooled_files(dir.path()), 0);
}

#[tokio::test]
async fn uploads_have_a_name_a_type_and_a_turn() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { uploads: 1, ..Limits::default() };
    let datasets = Arc::new(Datasets::open(dir.path(), limits).unwrap());
    for name in ["", "  ", "a\nb", &"x".repeat(201)] {
        let error = datasets.upload(upload("acme", name, "text/csv"), &mut body(["a\n1\n"])).await.unwrap_err();
        assert!(matches!(error, DatasetError::BadParameter { name: "name", .. }), "{name:?}: {error}");
    }
    assert!(datasets.upload(upload("acme", &"é".repeat(200), "text/csv"), &mut body(["a\n1\n"])).await.is_ok());
    for media_type in ["", "image/png", "text/csv; charset=latin1"] {
        let error = datasets.upload(upload("acme", "x", media_type), &mut body(["a\n1\n"])).await.unwrap_err();
        assert!(matches!(error, DatasetError::UnsupportedType { .. }), "{media_type:?}: {error}");
    }

    let (started, wait) = tokio::sync::oneshot::channel();
    let (finish, rest) = tokio::sync::oneshot::channel::<Bytes>();
    let mut slow = Box::pin(stream::once(async move {
        started.send(()).unwrap();
        Ok::<_, Infallible>(rest.await.unwrap())
    }));
    let second = async {
        wait.await.unwrap();
        let error = datasets.upload(upload("acme", "x", "text/csv"), &mut body(["a\n1\n"])).await.unwrap_err();
        finish.send(Bytes::from("a\n1\n")).unwrap();
        error
    };
    let (first, second) = tokio::join!(datasets.upload(upload("acme", "slow", "text/csv"), &mut slow), second);
    assert!(matches!(second, DatasetError::Upload(UploadError::Busy { limit: 1 })), "{second}");
    first.unwrap();
    assert!(
        datasets.upload(upload("acme", "x", "text/csv"), &mut body(["a\n1\n"])).await.is_ok(),
        "the turn came back"
    );
}

#[tokio::test]
async fn an_upload_that_stalls_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { upload_idle: std::time::Duration::from_millis(5), ..Limits::default() };
    let datasets = Datasets::open(dir.path(), limits).unwrap();
    let mut stalled = Box::pin(stream::pending::<Result<Bytes, Infallible>>());
    let error = datasets.upload(upload("acme", "x", "text/csv"), &mut stalled).await.unwrap_err();
    assert!(matches!(error, DatasetError::Upload(UploadError::Interrupted(_))), "{error}");
    assert_eq!(spooled_files(dir.path()), 0);
}

/// A page of long values ends early, and the cursor goes on where it ended.
#[tokio::test]
async fn a_page_is_bounded_in_bytes_too() {
    let dir = tempfile::tempdir().unwrap();
    let datasets = open(dir.path());
    let long = "x".repeat(60 << 10);
    let rows = 2 * PAGE_BYTES / long.len();
    let chunks = std::iter::once("a\n".to_owned()).chain((0..rows).map(|_| format!("{long}\n")));
    let dataset = datasets.upload(upload("acme", "long", "text/csv"), &mut body(chunks)).await.unwrap();
    let first = datasets.rows("acme", dataset.id, 0, 10_000).await.unwrap().unwrap();
    assert!(first.rows.len() < rows);
    let second = datasets.rows("acme", dataset.id, first.next_row.unwrap(), 10_000).await.unwrap().unwrap();
    assert_eq!((first.rows.len() + second.rows.len(), second.next_row), (rows, None));
}

/// What an upload left when the process was killed goes at the next start.
#[test]
fn leftovers_of_a_crash_are_cleared_at_start() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    std::fs::write(dir.path().join("uploads").join("old.part"), "a,b").unwrap();
    drop(open(dir.path()));
    assert_eq!(spooled_files(dir.path()), 0);
}

/// The routes, as a program with a signed token meets them.
mod routes {
    use axum::Router;
    use axum::body::Body;
    use axum::http::{Request, StatusCode, header};
    use serde_json::{Value, json};
    use tower::ServiceExt as _;

    use super::*;
    use crate::access::{Claims, MemoryLimiter, Rates, Sessions, Tokens};
    use crate::backend::sqlite::Sqlite;
    use crate::bus::LocalBus;
    use crate::clock::Clock;
    use crate::config::Limits;
    use crate::events::Events;
    use crate::http::{Origins, Shell};
    use crate::platform::canvases::Canvases;
    use crate::platform::datasets::http::{Slice, router};
    use crate::presence::MemoryPresence;
    use crate::room::{Changes, Hub, Node, Pressure};
    use crate::store::Store;
    use crate::store::sqlite::SqliteStore;

    struct Server {
        router: Router,
        tokens: Tokens,
    }

    impl Server {
        fn new(dir: &Path, org: &str, datasets: &Arc<Datasets>) -> Self {
            let clock = Clock::system();
            let sqlite = Sqlite::open(&dir.join("kernel.db")).unwrap();
            let store: Arc<dyn Store> = Arc::new(SqliteStore::new(sqlite.clone(), clock.clone()));
            let (events, _writer) = Events::new(clock.clone());
            let hub = Hub::new(Arc::new(Node {
                id: "node".into(),
                store: Arc::clone(&store),
                presence: Arc::new(MemoryPresence::default()),
                bus: Arc::new(LocalBus::default()),
                events,
                limits: Limits::default(),
                clock: clock.clone(),
                pressure: Pressure::default(),
                changes: Changes::default(),
            }));
            let canvases = Canvases { store, hub, clock: clock.clone() };
            let tokens = Tokens::new("secret", org.to_owned(), clock.clone());
            let shell = Shell {
                tokens: tokens.clone(),
                sessions: Sessions::embedded(sqlite, clock.clone()),
                rates: Rates::new(Arc::new(MemoryLimiter::new(clock.clone())), Arc::default()),
                origins: Arc::new(Origins { public: "http://localhost".into(), allowed: Vec::new() }),
                limits: Arc::default(),
                clock,
                events: canvases.hub.node().events.clone(),
                trust_forwarded_for: false,
            };
            let slice = Slice { shell, datasets: Arc::clone(datasets), canvases };
            Self { router: router(slice).into(), tokens }
        }

        async fn send(
            &self,
            canvas: &str,
            role: &str,
            request: axum::http::request::Builder,
            body: Body,
        ) -> (StatusCode, Value) {
            let (sub, name) = ("ada".to_owned(), "Ada".to_owned());
            let claims = Claims { sub, name, canvas: canvas.into(), role: role.into(), exp: 9_999_999_999 };
            let bearer = format!("Bearer {}", self.tokens.sign(&claims).unwrap());
            let request = request.header(header::AUTHORIZATION, bearer).body(body).unwrap();
            let response = self.router.clone().oneshot(request).await.unwrap();
            let status = response.status();
            let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
            (status, serde_json::from_slice(&bytes).unwrap())
        }

        async fn get(&self, path: &str) -> (StatusCode, Value) {
            self.send("*", "viewer", Request::get(path), Body::empty()).await
        }

        async fn post(&self, role: &str, query: &str, media_type: &str, file: &'static str) -> (StatusCode, Value) {
            let request = Request::post(format!("/v1/datasets?{query}")).header(header::CONTENT_TYPE, media_type);
            self.send("*", role, request, Body::from(file)).await
        }
    }

    #[tokio::test]
    async fn a_dataset_is_uploaded_listed_described_and_paged() {
        let dir = tempfile::tempdir().unwrap();
        let datasets = Arc::new(open(dir.path()));
        let server = Server::new(dir.path(), "acme", &datasets);
        let (status, made) =
            server.post("editor", "name=Sales%202024&source=me", "text/csv", "a,b\n1,x\n2,\n3,z\n").await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        assert_eq!(made["name"], "Sales 2024");
        assert_eq!(made["columns"], json!([{"name": "a", "type": "number"}, {"name": "b", "type": "string"}]));
        assert_eq!((&made["source"], &made["licence"]), (&json!("me"), &Value::Null));
        let id = made["id"].as_str().unwrap();
        assert_eq!(server.get(&format!("/v1/datasets/{id}")).await, (StatusCode::OK, made.clone()));
        assert_eq!(server.get("/v1/datasets").await.1, json!({"items": [made.clone()], "next_cursor": null}));

        let (_, first) = server.get(&format!("/v1/datasets/{id}/rows?limit=2")).await;
        assert_eq!((&first["columns"], &first["rows"]), (&json!(["a", "b"]), &json!([[1, "x"], [2, null]])));
        let cursor = first["next_cursor"].as_str().unwrap();
        let (_, second) = server.get(&format!("/v1/datasets/{id}/rows?limit=2&cursor={cursor}")).await;
        assert_eq!((&second["rows"], &second["next_cursor"]), (&json!([[3, "z"]]), &Value::Null));

        let (status, problem) = server.get(&format!("/v1/datasets?cursor={cursor}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "a cursor of another list: {problem}");
        for query in ["limit=0", "limit=10001", "limit=x", "cursor=%21"] {
            assert_eq!(
                server.get(&format!("/v1/datasets/{id}/rows?{query}")).await.0,
                StatusCode::BAD_REQUEST,
                "{query}"
            );
        }
        for path in ["/v1/datasets/nope", "/v1/datasets/01890000-0000-7000-8000-000000000000/rows"] {
            assert_eq!(server.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn a_refusal_says_what_and_where() {
        let dir = tempfile::tempdir().unwrap();
        let datasets = Arc::new(open(dir.path()));
        let server = Server::new(dir.path(), "acme", &datasets);
        let (status, problem) = server.post("owner", "name=x", "text/csv", "a,b\n1,2\n3\n").await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!((&problem["line"], &problem["column"], &problem["status"]), (&json!(3), &json!(2), &json!(422)));
        assert_eq!(problem["detail"], "Line 3, column 2: this row has 1 value, the header names 2.");

        let request = Request::post("/v1/datasets?name=x").header(header::CONTENT_TYPE, "text/csv");
        let gigabyte = request.header(header::CONTENT_LENGTH, 1 << 30);
        let (status, problem) = server.send("*", "editor", gigabyte, Body::from("a\n1\n")).await;
        assert_eq!((status, &problem["limit_bytes"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!(64 << 20)), "[LIM-1]");

        let (status, problem) = server.post("editor", "", "text/csv", "a\n1\n").await;
        assert_eq!((status, &problem["parameter"]), (StatusCode::BAD_REQUEST, &json!("name")));
        assert_eq!(server.post("editor", "name=x", "image/png", "a").await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(server.get("/v1/datasets").await.1["items"], json!([]), "nothing of all that was kept");
    }

    /// `[ACC-1]` `[ACC-2]` Who may upload, who may read, and that the organization of the token decides what there is.
    #[tokio::test]
    async fn roles_and_organizations_hold_on_every_route() {
        let dir = tempfile::tempdir().unwrap();
        let datasets = Arc::new(open(dir.path()));
        let server = Server::new(dir.path(), "acme", &datasets);
        for role in ["viewer", "commenter"] {
            assert_eq!(server.post(role, "name=x", "text/csv", "a\n1\n").await.0, StatusCode::FORBIDDEN, "{role}");
        }
        let id = server.post("editor", "name=x", "text/csv", "a\n1\n").await.1["id"].as_str().unwrap().to_owned();
        let other = Server::new(dir.path(), "umbrella", &datasets);
        for path in [format!("/v1/datasets/{id}"), format!("/v1/datasets/{id}/rows")] {
            assert_eq!(other.get(&path).await.0, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(server.get(&path).await.0, StatusCode::OK, "{path}");
        }
        assert_eq!(other.get("/v1/datasets").await.1["items"], json!([]));

        let canvas = uuid::Uuid::now_v7().to_string();
        let one_canvas = |path: &str| server.send(&canvas, "viewer", Request::get(path), Body::empty());
        assert_eq!(one_canvas("/v1/datasets").await.0, StatusCode::FORBIDDEN);

        let anonymous = server.router.clone().oneshot(Request::get("/v1/datasets").body(Body::empty()).unwrap()).await;
        assert_eq!(anonymous.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
}

/// A reader that waits to be let go, or panics.
#[derive(Debug)]
struct Slow(std::sync::mpsc::Receiver<()>, bool);

impl Reader for Slow {
    fn begin(&mut self, _columns: &[Column]) -> Option<Vec<usize>> {
        let _ = self.0.recv();
        assert!(!self.1, "as a mistake in a calculation would");
        Some(vec![0])
    }

    fn row(&mut self, _cells: &[Cell]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

#[tokio::test]
async fn readers_that_gave_up_or_panicked_take_nothing_from_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let datasets = Arc::new(open(dir.path()));
    let dataset = datasets.upload(upload("acme", "n", "text/csv"), &mut body(["n\n1\n"])).await.unwrap();
    for panics in [false, true] {
        let (tasks, mut given_up) = (TaskTracker::new(), Vec::new());
        for _ in 0..READERS {
            let (go, wait) = std::sync::mpsc::channel();
            let (all, id) = (Arc::clone(&datasets), dataset.id);
            let read = tasks.spawn(async move { all.scan("acme", id, Slow(wait, panics)).await });
            given_up.push((go, read));
        }
        // All of them are reading.
        while datasets.local.readers.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        for (_, read) in &given_up {
            read.abort();
        }
        let mut go = Vec::new();
        for (let_go, read) in given_up {
            assert!(read.await.unwrap_err().is_cancelled());
            go.push(let_go);
        }
        assert_eq!(datasets.local.readers.available_permits(), 0, "they read all the same");
        drop(go);
        let next = datasets.rows("acme", dataset.id, 0, 1);
        assert_eq!(next.await.unwrap().unwrap().rows.len(), 1, "{panics}");
    }
}
