//! Datasets and images of several nodes: one suite for a node alone and for two on one MongoDB, and what a crash or an outage leaves.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::join_all;
use jabiru::app::MIGRATIONS;
use jabiru::backend::mongo::Mongo;
use jabiru::backend::sqlite::{Sqlite, migrate};
use jabiru::clock::Clock;
use jabiru::platform::datasets::{self, Cell, Column, Dataset, DatasetError, Datasets, Reader};
use jabiru::platform::images::{self, Images};
use mongodb::bson::{Bson, DateTime, Document, Uuid as BsonUuid, doc};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use crate::support::{Random, TestServer, eventually, services, within};

fn body(text: impl Into<Bytes>) -> impl Stream<Item = Result<Bytes, Infallible>> + Unpin {
    // In chunks that end in the middle of rows, as the network cuts them.
    let text: Bytes = text.into();
    let chunks: Vec<_> = (0..text.len()).step_by(1000).map(|at| text.slice(at..text.len().min(at + 1000))).collect();
    futures_util::stream::iter(chunks.into_iter().map(Ok))
}

async fn shared(folder: &Path, url: &str) -> Datasets {
    let mongo = Mongo::connect(url).await.unwrap();
    Datasets::shared(folder, &mongo, Clock::system(), datasets::Limits::default()).await.unwrap()
}

async fn upload(node: &Datasets, org: &str, name: &str, kind: &str, text: impl Into<Bytes>) -> Dataset {
    try_upload(node, org, name, kind, text).await.unwrap()
}

async fn try_upload(
    node: &Datasets,
    org: &str,
    name: &str,
    media_type: &str,
    text: impl Into<Bytes>,
) -> Result<Dataset, DatasetError> {
    let (source, licence) = (Some("somewhere"), None);
    let upload = datasets::Upload { org, user: "ada", name, media_type, source, licence, announced_bytes: None };
    node.upload(upload, &mut body(text)).await
}

fn table(rows: usize) -> String {
    let mut text = "n,day,name,ok\n".to_owned();
    for row in 1..=rows {
        writeln!(text, "{row},2024-01-{:02},\"Köln, {row} 🐦\",{}", row % 28 + 1, row % 2 == 0).unwrap();
    }
    text
}

/// Sums the column it is told.
struct Sum(&'static str, f64);

impl Reader for Sum {
    fn begin(&mut self, columns: &[Column]) -> Option<Vec<usize>> {
        columns.iter().position(|column| column.name == self.0).map(|at| vec![at])
    }

    fn row(&mut self, cells: &[Cell]) -> ControlFlow<()> {
        if let Cell::Number(number) = cells[0] {
            self.1 += number;
        }
        ControlFlow::Continue(())
    }
}

/// `one` and `other` are two nodes, or one node twice.
async fn datasets_suite(one: &Datasets, other: &Datasets) {
    let rows = upload(one, "acme", " Rows ", "text/csv", table(5432)).await;
    assert_eq!((rows.name.as_str(), rows.row_count), ("Rows", 5432));
    let json = upload(other, "acme", "json", "application/json", r#"[{"a": 1, "b": true}, {"a": null}]"#).await;
    let theirs = upload(one, "umbrella", "theirs", "text/csv", "a\n1\n").await;
    for node in [one, other] {
        assert_eq!(node.get("acme", rows.id).await.unwrap().as_ref(), Some(&rows), "field by field");
        let page = node.rows("acme", rows.id, 0, 2).await.unwrap().unwrap();
        assert_eq!(page.columns, ["n", "day", "name", "ok"]);
        let wanted = r#"[[1,"2024-01-02","Köln, 1 🐦",false],[2,"2024-01-03","Köln, 2 🐦",true]]"#;
        assert_eq!(serde_json::to_string(&page.rows).unwrap(), wanted);
        assert_eq!(page.next_row, Some(2));
        assert_eq!(node.rows("acme", rows.id, 5431, 10).await.unwrap().unwrap().next_row, None);
        let sum = node.scan("acme", rows.id, Sum("n", 0.0)).await.unwrap().unwrap();
        assert!((sum.1 - f64::from(5432 * 5433 / 2)).abs() < 0.5, "{}", sum.1);
        let page = node.rows("acme", json.id, 0, 10).await.unwrap().unwrap();
        assert_eq!(serde_json::to_string(&page.rows).unwrap(), "[[1,true],[null,null]]");

        // [ACC-2] Of another organization: as absent as one that never was, also when its rows are on this node.
        assert_eq!(node.get("umbrella", rows.id).await.unwrap(), None);
        assert_eq!(node.rows("umbrella", rows.id, 0, 10).await.unwrap(), None);
        assert!(node.scan("umbrella", rows.id, Sum("n", 0.0)).await.unwrap().is_none());
        assert_eq!(node.rows("acme", Uuid::now_v7(), 0, 10).await.unwrap(), None);
        assert_eq!(node.list("umbrella", None, 10).await.unwrap().items, std::slice::from_ref(&theirs));
        assert_eq!(node.list("nobody", None, 10).await.unwrap().items, []);

        let first = node.list("acme", None, 1).await.unwrap();
        assert_eq!(first.items, std::slice::from_ref(&json));
        let second = node.list("acme", first.next_before, 1).await.unwrap();
        assert_eq!((second.items, second.next_before), (vec![rows.clone()], None));
    }
    adopted(one, other, &rows).await;
    let ragged = try_upload(one, "acme", "x", "text/csv", "a,b\n1,2\n3\n").await.unwrap_err();
    assert!(matches!(ragged, DatasetError::BadFile { line: 3, .. }), "{ragged}");
    assert_eq!(other.list("acme", None, 10).await.unwrap().items.len(), 2, "nothing is left of it");
}

/// A dataset of another installation: with its id, and with rows but no file. Trying again is safe.
async fn adopted(one: &Datasets, other: &Datasets, like: &Dataset) {
    let everything = one.rows("acme", like.id, 0, 10_000).await.unwrap().unwrap();
    // What JSON could lose: long numbers, fractions, quotes, lines. No stored text is empty: an upload's empty value is null.
    let mut rows = everything.rows.clone();
    for (row, number) in [9.1e15, 0.1 + 0.2, -1e-300, 12_345_678_901_234_567_890.0].into_iter().enumerate() {
        rows[row][0] = Cell::Number(number);
        rows[row][2] = Cell::Text(["a\n\u{1f426}", "\"", "007", "null"][row].to_owned());
    }
    rows[4] = vec![Cell::Null; 4];
    let id = Uuid::now_v7();
    // The time of an upload is in its id.
    let (seconds, nanos) = id.get_timestamp().unwrap().to_unix();
    let created_at = time::OffsetDateTime::from_unix_timestamp(seconds.cast_signed()).unwrap()
        + std::time::Duration::from_nanos(nanos.into());
    let dataset = Dataset { id, name: "adopted".to_owned(), created_at, ..like.clone() };
    let adopt = async |rows: Vec<Vec<Cell>>, ends: bool| {
        let (sender, receiver) = tokio::sync::mpsc::channel(2);
        let send = async {
            for batch in rows.chunks(1000) {
                let _ = sender.send(Some(batch.to_vec())).await;
            }
            if ends {
                let _ = sender.send(None).await;
            }
            drop(sender);
        };
        tokio::join!(one.adopt("adopters", "ada", dataset.clone(), receiver), send).0
    };
    assert!(adopt(rows.clone(), false).await.is_err(), "they stopped before their end");
    assert!(other.get("adopters", dataset.id).await.unwrap().is_none());
    assert!(adopt(rows.clone(), true).await.unwrap());
    for node in [one, other] {
        assert_eq!(node.get("adopters", dataset.id).await.unwrap().as_ref(), Some(&dataset));
        let read = node.rows("adopters", dataset.id, 0, 10_000).await.unwrap().unwrap().rows;
        assert!(read == rows, "row by row: {:?}", &read[..5]);
    }
    assert!(!adopt(rows, true).await.unwrap(), "it is there already");
}

#[tokio::test]
async fn acc_2_datasets_of_a_node_alone() {
    let folder = TempDir::new().unwrap();
    let node = Datasets::open(folder.path(), datasets::Limits::default()).unwrap();
    datasets_suite(&node, &node).await;
}

#[tokio::test]
async fn acc_2_datasets_of_two_nodes_on_one_mongodb() {
    let url = services::shared_mongo().await;
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let nodes = [shared(folders[0].path(), &url).await, shared(folders[1].path(), &url).await];
    datasets_suite(&nodes[0], &nodes[1]).await;
    for folder in folders {
        let left = std::fs::read_dir(folder.path().join("uploads")).unwrap().count();
        assert_eq!(left, 0, "no temporary file outlives its use");
    }
}

fn database(url: &str, client: &mongodb::Client) -> mongodb::Database {
    client.default_database().unwrap_or_else(|| panic!("{url} names a database"))
}

#[tokio::test]
async fn a_dataset_is_fetched_once_however_many_ask_and_again_when_its_copy_is_gone() {
    let url = services::shared_mongo().await;
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let first = shared(folders[0].path(), &url).await;
    let dataset = upload(&first, "acme", "rows", "text/csv", table(20_000)).await;
    let client = mongodb::Client::with_uri_str(&url).await.unwrap();
    let database = database(&url, &client);
    database.run_command(doc! { "profile": 2 }).await.unwrap();
    let profile = database.collection::<Document>("system.profile");
    // The driver looks into `files` once for every file it opens.
    let opened = || async {
        let filter = doc! { "ns": format!("{}.datasets.files", database.name()), "op": "query" };
        profile.count_documents(filter).await.unwrap()
    };
    let mut wanted = 0;
    for _ in 0..2 {
        let second = Arc::new(shared(folders[1].path(), &url).await);
        let asked = (0..30).map(|_| second.rows("acme", dataset.id, 19_999, 10));
        for page in join_all(asked).await {
            assert_eq!(page.unwrap().unwrap().rows.len(), 1);
        }
        wanted += 1;
        assert_eq!(opened().await, wanted, "thirty asked, one fetched");
        drop(second);
        // The copy may go at any time while no server runs.
        for file in ["datasets-cache.db", "datasets-cache.db-wal", "datasets-cache.db-shm"] {
            let _ = std::fs::remove_file(folders[1].path().join(file));
        }
    }
    assert_eq!(first.rows("acme", dataset.id, 0, 1).await.unwrap().unwrap().rows.len(), 1);
    assert_eq!(opened().await, wanted, "who took the upload has the rows");
}

#[tokio::test]
async fn who_gives_up_waiting_does_not_end_the_fetching() {
    let url = services::shared_mongo().await;
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let dataset = upload(&shared(folders[0].path(), &url).await, "acme", "rows", "text/csv", table(20_000)).await;
    let second = shared(folders[1].path(), &url).await;
    let mut asking = Box::pin(second.rows("acme", dataset.id, 0, 1));
    // As far as it goes without waiting for long; then its person leaves.
    for _ in 0..50 {
        if futures_util::poll!(&mut asking).is_ready() {
            break;
        }
        tokio::task::yield_now().await;
    }
    drop(asking);
    assert_eq!(second.rows("acme", dataset.id, 0, 1).await.unwrap().unwrap().rows.len(), 1);
}

/// What is in the GridFS bucket and the collection of records.
async fn remains(database: &mongodb::Database, name: &str) -> [u64; 3] {
    let count = async |suffix: &str| {
        let collection = database.collection::<Document>(&format!("{name}{suffix}"));
        collection.count_documents(doc! {}).await.unwrap()
    };
    [count("").await, count(".files").await, count(".chunks").await]
}

/// As a kill leaves it: a record nobody is shown, and some of its chunks or the whole file.
async fn leave_half(database: &mongodb::Database, name: &str, org: &str, days_ago: i64, whole: bool) -> Uuid {
    let id = Uuid::now_v7();
    let key = BsonUuid::from_bytes(id.into_bytes());
    let at = DateTime::from_millis(Clock::system().now() - days_ago * 86_400_000);
    let record = doc! { "_id": key, "organization_id": org, "stored": false, "created_at": at };
    database.collection::<Document>(name).insert_one(record).await.unwrap();
    let chunk = doc! { "files_id": key, "n": 0, "data": Bson::Binary(mongodb::bson::Binary {
    subtype: mongodb::bson::spec::BinarySubtype::Generic, bytes: vec![1, 2, 3] }) };
    database.collection::<Document>(&format!("{name}.chunks")).insert_one(chunk).await.unwrap();
    if whole {
        let file = doc! { "_id": key, "length": 3_i64, "chunkSize": 255 * 1024, "uploadDate": at, "filename": "x" };
        database.collection::<Document>(&format!("{name}.files")).insert_one(file).await.unwrap();
    }
    id
}

/// `[DUR-2]` A crash between a file and its record leaves nothing that anybody sees, and a later start removes it.
#[tokio::test]
async fn dur_2_what_a_killed_upload_leaves_in_mongodb_is_never_seen_and_goes() {
    let url = services::shared_mongo().await;
    let client = mongodb::Client::with_uri_str(&url).await.unwrap();
    let database = database(&url, &client);
    let folder = TempDir::new().unwrap();
    for days_ago in [2, 0] {
        for whole in [true, false] {
            for name in ["datasets", "images"] {
                leave_half(&database, name, "acme", days_ago, whole).await;
            }
        }
    }
    let mongo = Mongo::connect(&url).await.unwrap();
    let node = shared(folder.path(), &url).await;
    let images = open_images(folder.path(), &mongo).await;
    for name in ["datasets", "images"] {
        let left = remains(&database, name).await;
        assert_eq!(left, [2, 1, 2], "{name}: those of a moment ago may still be on their way");
    }
    assert_eq!(node.list("acme", None, 10).await.unwrap().items, []);
    let fresh = leave_half(&database, "datasets", "acme", 0, true).await;
    assert_eq!(node.get("acme", fresh).await.unwrap(), None);
    assert_eq!(node.rows("acme", fresh, 0, 10).await.unwrap(), None);
    let fresh = leave_half(&database, "images", "acme", 0, true).await;
    assert!(images.get("acme", fresh).await.unwrap().is_none());
    // An import that is tried again does not trip over its first try.
    let upload = images::Upload { org: "acme", user: "ada", media_type: "image/png", announced_bytes: None };
    assert!(images.adopt(upload, fresh, Bytes::from(png(1, 1, 99))).await.unwrap());
    assert_eq!(read(&images, "acme", fresh).await.unwrap(), png(1, 1, 99));
}

/// A file that is not what its record says is an error, and no rows.
#[tokio::test]
async fn a_damaged_file_in_mongodb_is_not_served_as_if_it_were_whole() {
    let url = services::shared_mongo().await;
    let client = mongodb::Client::with_uri_str(&url).await.unwrap();
    let database = database(&url, &client);
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let first = shared(folders[0].path(), &url).await;
    let kept = upload(&first, "acme", "kept", "text/csv", table(10)).await;
    let hurt = upload(&first, "acme", "hurt", "text/csv", table(10)).await;
    let key = BsonUuid::from_bytes(hurt.id.into_bytes());
    let records = database.collection::<Document>("datasets");
    records.update_one(doc! { "_id": key }, doc! { "$set": { "row_count": 11_i64 } }).await.unwrap();
    let second = shared(folders[1].path(), &url).await;
    for _ in 0..2 {
        let error = second.rows("acme", hurt.id, 0, 10).await.unwrap_err();
        assert!(matches!(&error, DatasetError::Storage(what) if what.contains("10 rows")), "{error}");
    }
    assert_eq!(second.rows("acme", kept.id, 0, 100).await.unwrap().unwrap().rows.len(), 10);
}

/// What a node has once read it goes on reading while MongoDB is away.
#[tokio::test]
async fn rows_that_are_here_need_no_mongodb() {
    let mut service = services::Mongo::start(1).await;
    let folder = TempDir::new().unwrap();
    let node = shared(folder.path(), &service.url()).await;
    let dataset = upload(&node, "acme", "rows", "text/csv", table(100)).await;
    service.kill_primary().await;
    assert_eq!(node.rows("acme", dataset.id, 0, 1000).await.unwrap().unwrap().rows.len(), 100);
    assert!(node.scan("acme", dataset.id, Sum("n", 0.0)).await.unwrap().is_some());
    service.restart().await;
    assert_eq!(node.list("acme", None, 10).await.unwrap().items, [dataset]);
}

// Uploads, while a plug is pulled.

/// What is uploaded at the worst moment, and how it is looked at afterwards.
struct Cargo {
    kind: &'static str,
    upload: &'static str,
    media_type: &'static str,
    bytes: Vec<u8>,
}

impl Cargo {
    fn image() -> Self {
        let bytes = png(640, 480, 9_000_000);
        Self { kind: "images", upload: "/v1/images", media_type: "image/png", bytes }
    }

    /// Some megabytes, also when they are compressed: writing them takes long enough to be hit in the middle.
    fn dataset(random: &mut Random) -> Self {
        let mut text = "n,noise\n".to_owned();
        for row in 0..40_000 {
            writeln!(text, "{row},{:016x}{:016x}", random.below(usize::MAX), random.below(usize::MAX)).unwrap();
        }
        Self { kind: "datasets", upload: "/v1/datasets?name=Cargo", media_type: "text/csv", bytes: text.into_bytes() }
    }

    async fn send(&self, server: &TestServer) -> Outcome {
        let request =
            server.request(Method::POST, self.upload, &server.owner()).header("content-type", self.media_type);
        let answer = within("an answer to an upload", request.body(self.bytes.clone()).send()).await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body: Value = answer.json().await.unwrap();
        if status == StatusCode::CREATED {
            return Outcome::Taken(body["id"].as_str().unwrap().to_owned());
        }
        // Which of the server's fault it is may differ; that it is one, and in which words, may not.
        assert!(status.is_server_error(), "{status}: {body}");
        assert_eq!(headers["content-type"], "application/problem+json");
        assert_eq!(body["status"], status.as_u16());
        let detail = body["detail"].as_str().unwrap();
        assert!(detail.contains("Nothing was changed") && detail.contains("try again"), "{detail}");
        assert!(!detail.contains("mongodb://") && !detail.contains("127.0.0.1"), "{detail}");
        Outcome::Refused
    }

    /// Whether a node has it as it was sent; `None`: the node cannot say now.
    async fn is_whole(&self, server: &TestServer, id: &str) -> Option<bool> {
        let path = format!("/v1/{}/{id}", self.kind);
        if self.kind == "images" {
            let answer = server.request(Method::GET, &path, &server.owner()).send().await.unwrap();
            return match answer.status() {
                StatusCode::OK => answer.bytes().await.ok().map(|bytes| bytes == self.bytes),
                status => (!status.is_server_error()).then_some(false),
            };
        }
        let mut text = "n,noise\n".to_owned();
        let mut next = format!("{path}/rows?limit=10000");
        loop {
            let (status, page) = server.call(Method::GET, &next, None).await;
            if status != StatusCode::OK {
                return (!status.is_server_error()).then_some(false);
            }
            for row in page["rows"].as_array().unwrap() {
                writeln!(text, "{},{}", row[0], row[1].as_str().unwrap()).unwrap();
            }
            let Some(cursor) = page["next_cursor"].as_str() else { return Some(text.as_bytes() == self.bytes) };
            next = format!("{path}/rows?limit=10000&cursor={cursor}");
        }
    }

    /// Whole on all nodes, as soon as MongoDB is well again.
    async fn until_whole(&self, servers: &[TestServer], id: &str) {
        for server in servers {
            eventually(&format!("{} {id} on every node", self.kind), async || match self.is_whole(server, id).await {
                Some(whole) => {
                    assert!(whole, "{} {id} was taken and is not what was sent", self.kind);
                    true
                }
                None => false,
            })
            .await;
        }
    }
}

enum Outcome {
    Taken(String),
    Refused,
}

/// How many files of a kind anybody is shown.
async fn shown(database: &mongodb::Database, kind: &str) -> u64 {
    database.collection::<Document>(kind).count_documents(doc! { "stored": true }).await.unwrap()
}

/// `[DUR-2]` An upload during which the primary dies is taken, and then whole on every node, or refused, and then nowhere; and it can be sent again.
async fn uploads_while_the_primary_dies(members: usize, rounds: usize) {
    let mut random = Random::from_env(&format!("uploads_while_the_primary_dies {members}"));
    let mut mongo = services::Mongo::start(members).await;
    let url = mongo.url();
    let servers = [TestServer::with(&["--mongodb-url", &url]).await, TestServer::with(&["--mongodb-url", &url]).await];
    let client = mongodb::Client::with_uri_str(&url).await.unwrap();
    let database = database(&url, &client);
    let all = [Cargo::image(), Cargo::dataset(&mut random)];
    let mut taken = [0, 0];
    let mut refused = 0;
    for round in 0..rounds {
        for (cargo, taken) in all.iter().zip(&mut taken) {
            let records = database.collection::<Document>(cargo.kind);
            let begun = doc! { "created_at": { "$gt": DateTime::now() } };
            let delay = Duration::from_micros(random.below(150_000) as u64);
            let (outcome, ()) = tokio::join!(cargo.send(&servers[round % 2]), async {
                eventually("its bytes are on their way", async || {
                    records.count_documents(begun.clone()).await.is_ok_and(|count| count > 0)
                })
                .await;
                // The instant: anywhere between the first chunk and the last word.
                tokio::time::sleep(delay).await;
                mongo.kill_primary().await;
            });
            mongo.restart().await;
            match outcome {
                Outcome::Taken(id) => {
                    *taken += 1;
                    cargo.until_whole(&servers, &id).await;
                }
                Outcome::Refused => refused += 1,
            }
            let there = || shown(&database, cargo.kind);
            eventually(&format!("round {round}: {} {taken} that were taken", cargo.kind), async || {
                let there = there().await;
                assert!(
                    there <= *taken,
                    "round {round}: {} of {} are shown that were refused",
                    there - *taken,
                    cargo.kind
                );
                there == *taken
            })
            .await;
            let Outcome::Taken(id) = cargo.send(&servers[1 - round % 2]).await else {
                panic!("round {round}: {} cannot be sent again", cargo.kind)
            };
            *taken += 1;
            cargo.until_whole(&servers, &id).await;
        }
    }
    for server in &servers {
        let (status, list) = server.call(Method::GET, "/v1/datasets?limit=100", None).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(list["items"].as_array().unwrap().len() as u64, taken[1], "{list}");
    }
    println!("{members} members: {} uploads, {refused} of them refused", 4 * rounds);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dur_2_an_upload_while_a_new_primary_is_elected_is_whole_or_nowhere() {
    uploads_while_the_primary_dies(3, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dur_2_an_upload_while_mongodb_is_gone_is_whole_or_nowhere() {
    uploads_while_the_primary_dies(1, 2).await;
}

// Images.

/// The header of a PNG of this size, and as many bytes after it as a picture of `size` would have.
fn png(width: u32, height: u32, size: usize) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend((bytes.len()..size).map(|index| (index % 251) as u8));
    bytes
}

async fn open_images(folder: &Path, mongo: &Mongo) -> Arc<Images> {
    Images::shared(folder, mongo, Clock::system(), images::Limits::default()).await.unwrap()
}

async fn read(images: &Images, org: &str, id: Uuid) -> Option<Vec<u8>> {
    let (image, mut bytes) = images.get(org, id).await.unwrap()?;
    let mut read = Vec::new();
    bytes.read_to_end(&mut read).await.unwrap();
    assert_eq!(read.len() as u64, image.size_bytes);
    Some(read)
}

async fn images_suite(one: &Images, other: &Images) {
    let upload = |images, org, bytes: Vec<u8>| async move {
        let images: &Images = images;
        let upload = images::Upload { org, user: "ada", media_type: "image/png", announced_bytes: None };
        images.upload(upload, &mut body(bytes)).await
    };
    // Larger than a document of MongoDB's may be times a half, smaller than a chunk, and exactly one.
    for size in [9_000_000, 24, 255 * 1024] {
        let bytes = png(640, 480, size);
        let image = upload(one, "acme", bytes.clone()).await.unwrap();
        assert_eq!((image.width, image.height, image.size_bytes), (640, 480, size as u64));
        for node in [one, other] {
            assert_eq!(node.get("acme", image.id).await.unwrap().unwrap().0, image);
            assert!(read(node, "acme", image.id).await.unwrap() == bytes, "{size} bytes come back as they went");
            assert!(node.get("umbrella", image.id).await.unwrap().is_none(), "[ACC-2]");
            assert!(node.get("acme", Uuid::now_v7()).await.unwrap().is_none());
        }
    }
    assert!(upload(one, "acme", b"no picture".to_vec()).await.is_err());
    let (id, bytes) = (Uuid::now_v7(), Bytes::from(png(7, 8, 5000)));
    for new in [true, false] {
        let upload = images::Upload { org: "acme", user: "ada", media_type: "image/png", announced_bytes: None };
        assert_eq!(one.adopt(upload, id, bytes.clone()).await.unwrap(), new, "an image of another installation");
        assert!(read(other, "acme", id).await.unwrap() == bytes);
    }
}

#[tokio::test]
async fn acc_2_images_of_a_node_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jabiru.db");
    migrate(&path, MIGRATIONS).unwrap();
    let sqlite = Sqlite::open(&path).unwrap();
    let node = Images::open(folder.path(), sqlite, Clock::system(), images::Limits::default()).await.unwrap();
    images_suite(&node, &node).await;
}

#[tokio::test]
async fn acc_2_images_of_two_nodes_on_one_mongodb() {
    let url = services::shared_mongo().await;
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let (one, other) = (Mongo::connect(&url).await.unwrap(), Mongo::connect(&url).await.unwrap());
    let nodes = [open_images(folders[0].path(), &one).await, open_images(folders[1].path(), &other).await];
    images_suite(&nodes[0], &nodes[1]).await;
    for folder in folders {
        let left = std::fs::read_dir(folder.path().join("images/incoming")).unwrap().count();
        assert_eq!(left, 0, "no temporary file outlives its use");
    }
    let client = mongodb::Client::with_uri_str(&url).await.unwrap();
    assert_eq!(remains(&database(&url, &client), "images").await[..2], [4, 4], "nothing of what was refused");
}
