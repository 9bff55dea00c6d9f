//! `jabiru export` and `jabiru import`: a canvas written by one backend set is equal in another, history included; importing twice is
//! importing once; and a file that is no good changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jabiru::access::Role;
use jabiru::backend::mongo::{self, Mongo};
use jabiru::backend::sqlite::Sqlite;
use jabiru::clock::Clock;
use jabiru::doc::document::Headline;
use jabiru::id::CanvasId;
use jabiru::platform::datasets::{self, Datasets};
use jabiru::platform::images::{self, Images};
use jabiru::platform::transfer::{self, Imported, Installation, Tenants, TransferError};
use jabiru::store::mongo::MongoStore;
use jabiru::store::{Append, Change, Part, Store};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use yrs::updates::decoder::Decode;
use yrs::{Doc, Map, ReadTxn, StateVector, Transact, Update, WriteTxn};

use crate::support::hub::{record, seed, sqlite_store};
use crate::support::services::shared_mongo;
use crate::support::{Random, TestClient, TestServer, within};

/// An installation without a server.
struct Place {
    store: Arc<dyn Store>,
    datasets: Datasets,
    images: Images,
    _folder: TempDir,
}

impl Place {
    async fn embedded() -> Self {
        let folder = TempDir::new().unwrap();
        let store = sqlite_store(&folder).await;
        Self::with(folder, store)
    }

    async fn mongo() -> Self {
        Self::on_mongo(&shared_mongo().await).await
    }

    async fn on_mongo(url: &str) -> Self {
        let mongo = Mongo::connect(url).await.unwrap();
        jabiru::backend::migrations::Migrate::up(&mongo.migrations(mongo::MIGRATIONS)).await.unwrap();
        let folder = TempDir::new().unwrap();
        drop(sqlite_store(&folder).await);
        Self::with(folder, Arc::new(MongoStore::new(mongo, Clock::system(), &TaskTracker::new())))
    }

    fn with(folder: TempDir, store: Arc<dyn Store>) -> Self {
        let datasets = Datasets::open_beside(folder.path(), datasets::Limits::default()).unwrap();
        let sqlite = Sqlite::open(&folder.path().join("jabiru.db")).unwrap();
        let images = Images::open_beside(folder.path(), sqlite, Clock::system(), images::Limits::default());
        Self { store, datasets, images, _folder: folder }
    }

    fn installation(&self) -> Installation<'_> {
        Installation { store: self.store.as_ref(), datasets: &self.datasets, images: &self.images }
    }

    async fn export(&self) -> Vec<u8> {
        transfer::export(self.installation(), &[], None, Vec::new(), 7).await.unwrap().0
    }

    async fn import(&self, file: &[u8], replace: bool) -> Result<Imported, TransferError> {
        let contents = transfer::check(file)?;
        let known = BTreeMap::from([("ours".to_owned(), "ours".to_owned())]);
        let tenants = Tenants { known, home: "home".to_owned(), owner_id: "olga".to_owned() };
        transfer::import(self.installation(), &contents, Cursor::new(file), &tenants, replace).await
    }

    async fn parts(&self, id: CanvasId) -> Vec<Part> {
        let (parts, mut handed_out) = mpsc::channel(1);
        let collect = async {
            let mut all = Vec::new();
            while let Some(part) = handed_out.recv().await {
                all.push(part);
            }
            all
        };
        let (found, all) = tokio::join!(self.store.export_canvas(id, parts), collect);
        assert_eq!(found.unwrap(), !all.is_empty());
        all
    }

    /// All there is of a canvas, in a form in which equal canvases are equal: two encodings of one document are not.
    async fn whole(&self, id: CanvasId) -> (Vec<Part>, Value) {
        let mut parts = self.parts(id).await;
        parts.retain(|part| !matches!(part, Part::Snapshot(_)));
        let document = self.store.load(id).await.unwrap().unwrap().restore().unwrap();
        let doc = Doc::new();
        let state = document.difference(&StateVector::default());
        doc.transact_mut().apply_update(Update::decode_v1(&state).unwrap()).unwrap();
        let txn = doc.transact();
        let edits = txn.get_map("edits").map(|edits| {
            edits.iter(&txn).map(|(key, value)| (key.to_owned(), value.to_string(&txn))).collect::<BTreeMap<_, _>>()
        });
        (parts, json!({ "canvas": document.materialise(), "edits": edits }))
    }

    /// A canvas with as much of everything as the generator says: folds, journal, authors, marks.
    async fn made(&self, random: &mut Random, org: &str) -> CanvasId {
        let record = record(org, &format!("Canvas {}", random.below(1000)));
        self.store.create_canvas(record.clone(), seed(&record)).await.unwrap();
        let doc = Doc::new();
        for batch in 0..random.below(8) {
            let changes = (0..=random.below(6)).map(|edit| {
                let mut txn = doc.transact_mut();
                let length = 1 + random.below(3000);
                let value = random.bytes(length);
                txn.get_or_insert_map("edits").insert(&mut txn, format!("{batch}.{edit}"), STANDARD.encode(value));
                let actors = (0..random.below(3)).map(|actor| format!("person {actor} \"é\"")).collect();
                Change {
                    id: uuid::Uuid::now_v7(),
                    body: txn.encode_update_v1().into(),
                    actors,
                    at: random.below(9).cast_signed() as i64,
                }
            });
            let changes: Vec<_> = changes.collect();
            let headline = Headline { name: "Renamed".to_owned(), description: "d".to_owned(), blocks: 0 };
            self.store.append(Append { canvas: record.id, changes, headline }).await.unwrap();
            if random.below(3) == 0 {
                self.store.compact(record.id).await.unwrap();
            }
        }
        for user in 0..random.below(3) {
            self.store.set_favourite(&format!("u{user}"), record.id, Some(5)).await.unwrap();
            self.store.set_opened(&format!("u{}", user + 1), record.id, 6).await.unwrap();
        }
        if random.below(4) == 0 {
            self.store.set_deleted(record.id, Some(9)).await.unwrap();
        }
        record.id
    }
}

async fn round_trip(test: &str, from: Place, into: Place) {
    let mut random = Random::from_env(test);
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push(from.made(&mut random, "ours").await);
    }
    ids.sort();
    assert_eq!(from.store.canvas_ids(None, 100).await.unwrap(), ids);
    assert_eq!(from.store.canvas_ids(Some(ids[4]), 2).await.unwrap(), ids[5..7]);
    let file = from.export().await;
    let imported = into.import(&file, false).await.unwrap();
    assert_eq!((imported.new.len(), imported.written.canvases), (ids.len(), ids.len() as u64));
    for id in &ids {
        assert_eq!(into.whole(*id).await, from.whole(*id).await, "{id}");
    }
    // Again, and after the other store folded: nothing is new and nothing is refused.
    for id in &ids {
        into.store.compact(*id).await.unwrap();
    }
    let again = into.import(&file, false).await.unwrap();
    assert_eq!((again.known.len(), again.written.canvases), (ids.len(), 0));
    assert_eq!(into.store.canvas_ids(None, 100).await.unwrap(), ids);
    // And back: what comes home is what went.
    let home = from.import(&into.export().await, false).await.unwrap();
    assert_eq!((home.known.len(), home.refused.len()), (ids.len(), 0));
    // It goes on being edited where it is now.
    let doc = Doc::new();
    let mut txn = doc.transact_mut();
    txn.get_or_insert_map("edits").insert(&mut txn, "later", "x");
    let change = Change { id: uuid::Uuid::now_v7(), body: txn.encode_update_v1().into(), actors: Vec::new(), at: 99 };
    let headline = Headline { name: "Later".to_owned(), description: String::new(), blocks: 0 };
    into.store.append(Append { canvas: ids[0], changes: vec![change], headline }).await.unwrap();
    into.store.compact(ids[0]).await.unwrap();
    let history = into.parts(ids[0]).await;
    assert!(
        matches!(history.iter().rfind(|part| matches!(part, Part::Folded(_))), Some(Part::Folded(last)) if last.at == 99)
    );
}

#[tokio::test]
async fn a_canvas_of_one_embedded_store_is_equal_in_another() {
    round_trip("embedded to embedded", Place::embedded().await, Place::embedded().await).await;
}

#[tokio::test]
async fn a_canvas_of_the_embedded_store_is_equal_in_mongodb() {
    round_trip("embedded to mongodb", Place::embedded().await, Place::mongo().await).await;
}

#[tokio::test]
async fn a_canvas_of_mongodb_is_equal_in_the_embedded_store() {
    round_trip("mongodb to embedded", Place::mongo().await, Place::embedded().await).await;
}

#[tokio::test]
async fn a_canvas_of_mongodb_is_equal_in_another_mongodb() {
    round_trip("mongodb to mongodb", Place::mongo().await, Place::mongo().await).await;
}

/// The port's own promises, below the file.
async fn half_a_canvas_is_none(place: Place) {
    let mut random = Random::from_env("half a canvas");
    let id = place.made(&mut random, "ours").await;
    let other = CanvasId::generate();
    let mut parts = place.parts(id).await;
    let Some(Part::Record(record)) = parts.first_mut() else { panic!("no record") };
    record.id = other;
    for length in 0..parts.len() {
        let (send, receive) = mpsc::channel(parts.len());
        for part in &parts[..length] {
            send.try_send(part.clone()).unwrap();
        }
        drop(send);
        let error = place.store.import_canvas(receive, false).await.unwrap_err().to_string();
        assert!(error.contains("ends before its end") || error.contains("no record"), "{error}");
        assert!(place.store.canvas(other).await.unwrap().is_none());
        assert!(place.store.load(other).await.unwrap().is_none());
    }
    let (send, receive) = mpsc::channel(parts.len());
    for part in &parts {
        send.try_send(part.clone()).unwrap();
    }
    assert!(place.store.import_canvas(receive, false).await.unwrap());
    assert_eq!(place.whole(other).await.0[1..], place.whole(id).await.0[1..]);
    // There is one now: left as it is.
    let (send, receive) = mpsc::channel(1);
    send.try_send(parts[0].clone()).unwrap();
    assert!(!place.store.import_canvas(receive, false).await.unwrap());
    assert_eq!(place.whole(other).await.0[1..], place.whole(id).await.0[1..]);
}

#[tokio::test]
async fn half_a_canvas_is_no_canvas_in_the_embedded_store() {
    half_a_canvas_is_none(Place::embedded().await).await;
}

#[tokio::test]
async fn half_a_canvas_is_no_canvas_in_mongodb() {
    half_a_canvas_is_none(Place::mongo().await).await;
}

#[tokio::test]
async fn another_organizations_canvas_of_the_same_id_is_never_touched() {
    let (from, into) = (Place::embedded().await, Place::embedded().await);
    let mut random = Random::from_env("another organization");
    let id = from.made(&mut random, "ours").await;
    let mut theirs = record("theirs", "Theirs");
    theirs.id = id;
    into.store.create_canvas(theirs.clone(), seed(&theirs)).await.unwrap();
    let imported = into.import(&from.export().await, true).await.unwrap();
    assert!(imported.refused[0].1.contains("another organization"), "{imported:?}");
    assert_eq!(into.store.canvas(id).await.unwrap().unwrap().name, "Theirs");
}

fn lines(file: &[u8]) -> Vec<Value> {
    let text = String::from_utf8(zstd::decode_all(file).unwrap()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Unpacks a file, lets `edit` change its lines, and packs it again.
fn edited(file: &[u8], edit: impl FnOnce(&mut Vec<Value>)) -> Vec<u8> {
    let mut lines = lines(file);
    edit(&mut lines);
    let text: Vec<_> = lines.iter().map(|line| format!("{line}\n")).collect();
    zstd::encode_all(text.concat().as_bytes(), 3).unwrap()
}

fn place_of(lines: &[Value], kind: &str) -> usize {
    lines.iter().position(|line| line.get(kind).is_some()).unwrap_or_else(|| panic!("no {kind}"))
}

#[tokio::test]
async fn lim_2_a_file_that_is_no_good_is_refused_whole_and_changes_nothing() {
    let (from, into) = (Place::embedded().await, Place::embedded().await);
    let mut random = Random::from_env("no good");
    let folded = from.made(&mut random, "ours").await;
    from.store.compact(folded).await.unwrap();
    for _ in 0..3 {
        from.made(&mut random, "ours").await;
    }
    // The generator may have folded them all; one has a journal whatever it says.
    let journaled = record("ours", "Journaled");
    from.store.create_canvas(journaled.clone(), seed(&journaled)).await.unwrap();
    let file = from.export().await;
    transfer::check(file.as_slice()).unwrap();

    // An update that claims more than it holds, and one that nests deeper than anything may.
    let hostile = STANDARD.encode([1, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    let mut refused: Vec<(&str, Vec<u8>)> = vec![
        ("not a file of", b"a text".to_vec()),
        ("not a file of", zstd::encode_all(&b"{\"canvas\":{}}\n"[..], 3).unwrap()),
        ("not a file of", Vec::new()),
        ("use a newer one", edited(&file, |lines| lines[0]["header"]["version"] = json!(2))),
        ("belongs into something", edited(&file, |lines| drop(lines.remove(1)))),
        ("other changes", edited(&file, |lines| drop(lines.remove(place_of(lines, "folded"))))),
        ("what it led to", edited(&file, |lines| drop(lines.remove(place_of(lines, "state"))))),
        ("ends too early", edited(&file, |lines| lines.truncate(lines.len() - 1))),
        ("other things", edited(&file, |lines| lines.last_mut().unwrap()["end"]["canvases"] = json!(9))),
        ("follows the end", edited(&file, |lines| lines.push(json!({ "end": {} })))),
        ("unknown variant", edited(&file, |lines| lines.insert(1, json!({ "surprise": 1 })))),
    ];
    for kind in ["state", "folded", "entry"] {
        let bad = edited(&file, |lines| {
            let place = place_of(lines, kind);
            let body = if kind == "state" { &mut lines[place][kind] } else { &mut lines[place][kind]["body"] };
            *body = json!(hostile);
        });
        refused.push(("byte", bad));
    }
    for _ in 0..50 {
        let mut cut = file.clone();
        if random.below(2) == 0 {
            cut.truncate(random.below(file.len()));
        } else {
            let place = random.below(file.len());
            cut[place] ^= 1 << random.below(8);
        }
        refused.push(("", cut));
    }
    for (why, file) in refused {
        let error = into.import(&file, true).await.expect_err(why).to_string();
        assert!(error.contains(why), "{why}: {error}");
        assert!(into.store.canvas_ids(None, 1).await.unwrap().is_empty(), "{why}");
    }
}

fn jabiru(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jabiru"));
    command.args(args).arg("--data-dir").arg(folder).env_remove("JABIRU_MONGODB_URL").kill_on_drop(true);
    command
}

async fn run(folder: &Path, args: &[&str]) -> Output {
    within("the command", jabiru(folder, args).output()).await.unwrap()
}

async fn good(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args).await;
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a command that fails says, and what it printed before.
async fn bad(folder: &Path, args: &[&str]) -> (String, String) {
    let output = run(folder, args).await;
    assert_eq!(output.status.code(), Some(1), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
    (String::from_utf8(output.stderr).unwrap(), String::from_utf8(output.stdout).unwrap())
}

async fn post(server: &TestServer, path: &str, kind: &str, body: Vec<u8>) -> String {
    let request = server.request(Method::POST, path, &server.owner()).header("content-type", kind);
    let response = request.body(body).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    response.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
}

/// A canvas without whose it is: that is the installation's to say.
fn unstamped(mut canvas: Value) -> Value {
    canvas.as_object_mut().unwrap().remove("organization_id");
    canvas
}

async fn read_rows(server: &TestServer, dataset: &str) -> Value {
    let (status, rows) = server.call(Method::GET, &format!("/v1/datasets/{dataset}/rows?limit=1000"), None).await;
    assert_eq!(status, StatusCode::OK, "{rows}");
    rows
}

#[tokio::test]
async fn a_whole_server_moves_with_what_its_canvases_show() {
    whole_server_moves(&[], &[]).await;
}

#[tokio::test]
async fn a_whole_server_moves_to_mongodb_and_from_there() {
    let (one, two) = (shared_mongo().await, shared_mongo().await);
    whole_server_moves(&[], &["--mongodb-url", &one]).await;
    whole_server_moves(&["--mongodb-url", &two], &[]).await;
}

/// `from` and `into` name the services of either.
async fn whole_server_moves(from: &[&str], into: &[&str]) {
    let flags = [&["--compact-entries", "5", "--room-idle-seconds", "0.1"], from].concat();
    let server = TestServer::with(&flags).await;
    // Numbers whose last bit a careless reader loses, text that wants escaping, empty cells.
    let mut csv = "day,amount,share,open,note\n".to_owned();
    for row in 0..500_u32 {
        let share = f64::from(row + 1).sqrt() / 3.0 * 1e-7;
        let (day, units, even) = (row % 28 + 1, row * 7, row % 2 == 0);
        writeln!(csv, "2024-01-{day:02},{units},{share:e},{even},\"é \"\"{row}\"\"\"").unwrap();
    }
    csv += ",,,,\n";
    let dataset = post(&server, "/v1/datasets?name=Sales&source=us&licence=CC0", "text/csv", csv.into_bytes()).await;
    let unused = post(&server, "/v1/datasets?name=Unused", "text/csv", b"a\n1\n".to_vec()).await;
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x10\0\0\0\x10".to_vec();
    png.resize(1_500_000, 7);
    let image = post(&server, "/v1/images", "image/png", png.clone()).await;
    let blocks = json!([
        { "id": "c", "type": "chart", "position": { "x": 0, "y": 0, "w": 6, "h": 4 },
          "content": { "chart_type": "bar", "title": "t", "data_source": { "type": "dataset", "dataset_id": dataset } } },
        { "id": "i", "type": "image", "position": { "x": 6, "y": 0, "w": 6, "h": 4 }, "content": { "image_id": image } },
    ]);
    let shown = server.import("Shown", json!({ "blocks": blocks })).await;
    let plain = server.create("Plain").await;
    let gone = server.create("Gone").await;
    server.call(Method::DELETE, &format!("/v1/canvases/{gone}"), None).await;
    let mut ann = TestClient::editor(&server, shown, "ann").await;
    for edit in 0..40 {
        ann.set(&format!("k{edit}"), "v".repeat(edit)).await;
        ann.until_saved().await;
    }

    let files = TempDir::new().unwrap();
    let out = files.path().join("all.jabiru");
    let out = out.to_str().unwrap();
    let said = good(server.folder.path(), &[&["export", "--out", out], from].concat()).await;
    assert!(said.trim().ends_with("canvases: 3, data sets: 1, images: 1"), "{said}");
    assert_eq!(std::fs::metadata(out).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(files.path()).unwrap().count(), 1);
    let (said, _) = bad(server.folder.path(), &[&["export", "--out", out], from].concat()).await;
    assert!(said.contains("exists; move it away"), "{said}");
    let (said, _) = bad(server.folder.path(), &[&["import", "--in", out], from].concat()).await;
    assert!(said.contains("only while no server runs"), "{said}");
    let nobody = CanvasId::generate().to_string();
    let one = files.path().join("one.jabiru");
    let one = one.to_str().unwrap();
    let (said, _) = bad(server.folder.path(), &[&["export", "--out", one, "--canvas", &nobody], from].concat()).await;
    assert!(said.contains(&format!("there is no canvas {nobody}")), "{said}");
    assert_eq!(std::fs::read_dir(files.path()).unwrap().count(), 1, "a file was left");
    good(server.folder.path(), &[&["export", "--out", one, "--canvas", &plain.to_string()], from].concat()).await;

    // Into a folder nobody has used, and it is a server like the first.
    let mut other = TestServer::with(into).await;
    other.stop().await.unwrap();
    let said = good(other.folder.path(), &[&["import", "--in", one], into].concat()).await;
    assert!(said.contains(&format!("imported: {plain} \"Plain\"")), "{said}");
    let said = good(other.folder.path(), &[&["import", "--in", out], into].concat()).await;
    assert!(said.contains(&format!("there already: {plain} \"Plain\"")), "{said}");
    assert!(said.trim().ends_with("written: canvases: 2, data sets: 1, images: 1"), "{said}");
    let said = good(other.folder.path(), &[&["import", "--in", out], into].concat()).await;
    assert!(said.trim().ends_with("written: canvases: 0, data sets: 0, images: 0"), "{said}");
    let mut other = other.restarted().await;
    assert_eq!(unstamped(other.read(shown).await), unstamped(server.read(shown).await));
    assert_eq!(other.call(Method::GET, &format!("/v1/canvases/{gone}"), None).await.0, StatusCode::NOT_FOUND);
    let (_, deleted) = other.call(Method::GET, "/v1/canvases?deleted=true", None).await;
    assert_eq!(deleted["items"].as_array().map(Vec::len), Some(1), "{deleted}");
    assert_eq!(read_rows(&other, &dataset).await, read_rows(&server, &dataset).await);
    let path = format!("/v1/datasets/{dataset}");
    let (mut there, mut here) =
        (other.call(Method::GET, &path, None).await.1, server.call(Method::GET, &path, None).await.1);
    for head in [&mut there, &mut here] {
        // MongoDB keeps a file of the rows, which is not the one that was uploaded.
        assert!(head.as_object_mut().unwrap().remove("size_bytes").is_some());
    }
    assert_eq!(there, here);
    if !into.is_empty() {
        // Another node has to fetch the rows: this one forgets what it has.
        let mut stopped = other;
        stopped.stop().await.unwrap();
        std::fs::remove_file(stopped.folder.path().join("datasets-cache.db")).unwrap();
        other = stopped.restarted().await;
        assert_eq!(read_rows(&other, &dataset).await, read_rows(&server, &dataset).await);
    }
    let (status, _) = other.call(Method::GET, &format!("/v1/datasets/{unused}"), None).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "what no canvas shows does not travel");
    let picture = other.request(Method::GET, &format!("/v1/images/{image}"), &other.owner()).send().await.unwrap();
    assert_eq!(picture.bytes().await.unwrap(), png);
    let ben = TestClient::editor(&other, shown, "ben").await;
    assert_eq!(ben.get("k39"), ann.get("k39"));
}

#[tokio::test]
async fn what_is_there_with_other_content_is_refused_by_name_and_replaced_when_told() {
    let mut server = TestServer::start().await;
    let (kept, lost) = (server.create("Kept").await, server.create("Lost").await);
    let mut ann = TestClient::editor(&server, kept, "ann").await;
    ann.set("before", "x").await;
    ann.until_saved().await;
    let files = TempDir::new().unwrap();
    let out = files.path().join("backup");
    let out = out.to_str().unwrap();
    good(server.folder.path(), &["export", "--out", out]).await;
    ann.set("after", "x").await;
    ann.until_saved().await;
    drop(ann);
    server.stop().await.unwrap();
    let database = rusqlite::Connection::open(server.folder.path().join("jabiru.db")).unwrap();
    let bytes = lost.0.into_bytes();
    database.execute("delete from canvas_updates where canvas_id = ?1", [bytes]).unwrap();
    database.execute("delete from canvases where id = ?1", [bytes]).unwrap();
    drop(database);

    let (said, printed) = bad(server.folder.path(), &["import", "--in", out]).await;
    assert!(said.contains("some canvases were refused"), "{said}");
    assert!(printed.contains(&format!("refused: {kept} \"Kept\"")) && printed.contains("--replace"), "{printed}");
    assert!(printed.contains(&format!("imported: {lost} \"Lost\"")), "{printed}");
    let server = server.restarted().await;
    let ben = TestClient::editor(&server, kept, "ben").await;
    assert_eq!(ben.get("after").as_deref(), Some("x"), "what was refused was changed");
    drop(ben);

    let mut server = server;
    server.stop().await.unwrap();
    let with_mongodb = ["import", "--in", out, "--replace", "--mongodb-url", "mongodb://127.0.0.1:1/x"];
    let (said, _) = bad(server.folder.path(), &with_mongodb).await;
    assert!(said.contains("embedded store only"), "{said}");
    let printed = good(server.folder.path(), &["import", "--in", out, "--replace"]).await;
    assert!(printed.contains(&format!("replaced: {kept} \"Kept\"")), "{printed}");
    assert!(printed.contains(&format!("there already: {lost} \"Lost\"")), "{printed}");
    let server = server.restarted().await;
    let ben = TestClient::editor(&server, kept, "ben").await;
    assert_eq!((ben.get("before").as_deref(), ben.get("after").as_deref()), (Some("x"), None));
}

/// A canvas as a file, as a browser gets it.
async fn download(server: &TestServer, canvas: CanvasId) -> Vec<u8> {
    let request = server.request(Method::GET, &format!("/v1/canvases/{canvas}/export"), &server.owner());
    let response = request.header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let length = response.headers()[header::CONTENT_LENGTH].to_str().unwrap().to_owned();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/zstd");
    assert_eq!(response.headers().get(header::CONTENT_ENCODING), None, "it is compressed already");
    let named = response.headers()[header::CONTENT_DISPOSITION].to_str().unwrap().to_owned();
    assert_eq!(named, "attachment; filename=\"Z_rich.jabiru\"; filename*=UTF-8''Z%C3%BCrich.jabiru");
    let file = response.bytes().await.unwrap().to_vec();
    assert_eq!(length, file.len().to_string());
    file
}

#[tokio::test]
async fn a_canvas_downloaded_from_one_server_is_equal_in_another() {
    let server = TestServer::with(&["--compact-entries", "5", "--room-idle-seconds", "0.1"]).await;
    let dataset =
        post(&server, "/v1/datasets?name=Sales", "text/csv", b"day,amount\n2024-01-01,3\n,4.5\n".to_vec()).await;
    let blocks = json!([{
        "id": "c", "type": "chart", "position": { "x": 0, "y": 0, "w": 6, "h": 4 },
        "content": { "chart_type": "bar", "title": "t", "data_source": { "type": "dataset", "dataset_id": dataset } },
    }]);
    let canvas = server.import("Z\u{fc}rich", json!({ "blocks": blocks })).await;
    server.create("Another").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    for edit in 0..20 {
        ann.set(&format!("k{edit}"), "v".repeat(edit)).await;
        ann.until_saved().await;
    }
    for person in ["olga", "ben"] {
        let marks = server.token("*", Role::Viewer, person);
        let favourite = server.request(Method::PUT, &format!("/v1/canvases/{canvas}/favourite"), &marks);
        assert!(favourite.send().await.unwrap().status().is_success());
    }

    let file = download(&server, canvas).await;
    let holds = lines(&file);
    let of = |kind: &str| holds.iter().filter(|line| line.get(kind).is_some()).count();
    assert_eq!((of("canvas"), of("dataset"), of("end")), (1, 1, 1));
    assert_eq!(of("folded") + of("entry"), 21, "the first state and twenty edits");
    let marks: Vec<_> = holds.iter().filter_map(|line| line["marks"]["user_id"].as_str()).collect();
    assert_eq!(marks, ["olga"], "what others marked is theirs");

    let files = TempDir::new().unwrap();
    let saved = files.path().join("z.jabiru");
    std::fs::write(&saved, &file).unwrap();
    let mut other = TestServer::start().await;
    other.stop().await.unwrap();
    let said = good(other.folder.path(), &["import", "--in", saved.to_str().unwrap()]).await;
    assert!(said.contains(&format!("imported: {canvas} \"Z\u{fc}rich\"")), "{said}");
    assert!(said.trim().ends_with("written: canvases: 1, data sets: 1, images: 0"), "{said}");
    let other = other.restarted().await;
    let unstamped = |mut canvas: Value| {
        canvas.as_object_mut().unwrap().remove("organization_id");
        canvas
    };
    assert_eq!(unstamped(other.read(canvas).await), unstamped(server.read(canvas).await));
    assert_eq!(read_rows(&other, &dataset).await, read_rows(&server, &dataset).await);
    // Every change with its time and its author, also of the edits.
    let history = |file: &[u8]| {
        let mut changes = lines(file);
        changes.retain(|line| line.get("folded").is_some() || line.get("entry").is_some());
        changes
            .into_iter()
            .map(|mut line| line.as_object_mut().unwrap().values_mut().next().unwrap().take())
            .collect::<Vec<_>>()
    };
    assert_eq!(history(&download(&other, canvas).await), history(&file));
    let ben = TestClient::editor(&other, canvas, "ben").await;
    assert_eq!(ben.get("k19"), ann.get("k19"));
    assert_eq!(std::fs::read_dir(server.folder.path().join("exports")).unwrap().count(), 0, "a file was left");
}

#[tokio::test]
async fn acc_2_a_canvas_is_downloaded_by_those_who_may_edit_it_in_its_own_organization() {
    let server = TestServer::with(&["--max-exports-per-minute=2"]).await;
    let (canvas, other) = (server.create("ours").await, server.create("other").await);
    let path = format!("/v1/canvases/{canvas}/export");
    let status = |request: reqwest::RequestBuilder| async { request.send().await.unwrap().status() };
    let get = |path: &str, token: String| status(server.request(Method::GET, path, &token));
    for role in [Role::Viewer, Role::Commenter] {
        assert_eq!(get(&path, server.token("*", role, "v")).await, StatusCode::FORBIDDEN);
    }
    let one = server.token(&canvas.to_string(), Role::Editor, "guest");
    assert_eq!(get(&format!("/v1/canvases/{other}/export"), one.clone()).await, StatusCode::FORBIDDEN);
    let otto = server.outsider();
    assert_eq!(status(server.as_cookie(Method::GET, &path, &otto)).await, StatusCode::NOT_FOUND);
    assert_eq!(status(server.http.get(server.url(&path))).await, StatusCode::UNAUTHORIZED);
    let nobody = format!("/v1/canvases/{}/export", CanvasId::generate());
    assert_eq!(get(&nobody, server.owner()).await, StatusCode::NOT_FOUND);

    // A file that a page made of a block: who sees the block may have made it.
    let note = |token: String, body: Value| {
        status(server.request(Method::POST, &format!("/v1/canvases/{canvas}/exports"), &token).json(&body))
    };
    let png = json!({ "kind": "png", "block": "b" });
    let viewer = server.token(&canvas.to_string(), Role::Viewer, "eve");
    assert_eq!(note(viewer.clone(), png.clone()).await, StatusCode::NO_CONTENT);
    let theirs = server.as_cookie(Method::POST, &format!("/v1/canvases/{canvas}/exports"), &otto).json(&png);
    let theirs = theirs.header("origin", &server.app().origin);
    assert_eq!(status(theirs).await, StatusCode::NOT_FOUND);
    assert_eq!(note(viewer.clone(), json!({ "kind": "svg", "block": "b" })).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(note(viewer.clone(), json!({ "kind": "csv", "block": "b".repeat(129) })).await, StatusCode::BAD_REQUEST);

    // Two a minute, each person's own.
    assert_eq!(note(viewer, png).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(get(&path, one.clone()).await, StatusCode::OK);
    assert_eq!(get(&path, one.clone()).await, StatusCode::OK);
    assert_eq!(get(&path, one).await, StatusCode::TOO_MANY_REQUESTS);

    server.call(Method::DELETE, &format!("/v1/canvases/{canvas}"), None).await;
    assert_eq!(get(&path, server.owner()).await, StatusCode::NOT_FOUND);
    let (_, description) = server.call(Method::GET, "/v1/openapi.json", None).await;
    assert!(description["paths"]["/v1/canvases/{id}/export"]["get"].is_object());
    assert!(description["paths"]["/v1/canvases/{id}/exports"]["post"].is_object());
}

/// An export of many canvases that all show one data set and one image, and what it was made from.
struct Cargo {
    folder: TempDir,
    from: TestServer,
    canvases: BTreeMap<String, Value>,
    dataset: String,
    image: String,
    png: Vec<u8>,
}

impl Cargo {
    const CANVASES: usize = 24;

    async fn load() -> Self {
        let from = TestServer::with(&["--compact-entries", "5"]).await;
        let csv = (0..2000).fold("n,square\n".to_owned(), |csv, n| csv + &format!("{n},{}\n", n * n));
        let dataset = post(&from, "/v1/datasets?name=Squares", "text/csv", csv.into_bytes()).await;
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x10\0\0\0\x10".to_vec();
        png.resize(600_000, 7);
        let image = post(&from, "/v1/images", "image/png", png.clone()).await;
        let mut canvases = BTreeMap::new();
        for number in 0..Self::CANVASES {
            let blocks = json!([
                { "id": "c", "type": "chart", "position": { "x": 0, "y": 0, "w": 6, "h": 4 },
                  "content": { "chart_type": "bar", "title": "t", "data_source": { "type": "dataset", "dataset_id": dataset } } },
                { "id": "i", "type": "image", "position": { "x": 6, "y": 0, "w": 6, "h": 4 }, "content": { "image_id": image } },
            ]);
            let id = from.import(&format!("Canvas {number}"), json!({ "blocks": blocks })).await;
            let mut ann = TestClient::editor(&from, id, "ann").await;
            for edit in 0..number {
                ann.set(&format!("k{edit}"), "v".repeat(100 * edit)).await;
                ann.until_saved().await;
            }
            drop(ann);
            canvases.insert(id.to_string(), unstamped(from.read(id).await));
        }
        let folder = TempDir::new().unwrap();
        let this = Self { folder, from, canvases, dataset, image, png };
        good(this.from.folder.path(), &["export", "--out", &this.file()]).await;
        this
    }

    fn file(&self) -> String {
        self.folder.path().join("export").to_str().unwrap().to_owned()
    }

    /// How many of its canvases a server shows. What is shown is whole, once, and with everything on it.
    async fn seen_on(&self, server: &TestServer) -> usize {
        let (status, list) = server.call(Method::GET, "/v1/canvases?limit=100", None).await;
        assert_eq!(status, StatusCode::OK, "{list}");
        let items = list["items"].as_array().unwrap();
        let ids: BTreeSet<_> = items.iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), items.len(), "a canvas is there twice");
        for id in &ids {
            let there = unstamped(server.read(id.parse().unwrap()).await);
            assert_eq!(&there, &self.canvases[*id], "half of a canvas");
        }
        if !ids.is_empty() {
            assert_eq!(read_rows(server, &self.dataset).await, read_rows(&self.from, &self.dataset).await);
            let path = format!("/v1/images/{}", self.image);
            let picture = server.request(Method::GET, &path, &server.owner()).send().await.unwrap();
            assert_eq!(picture.status(), StatusCode::OK, "a canvas without its image");
            assert_eq!(picture.bytes().await.unwrap(), self.png);
        }
        ids.len()
    }

    /// The changes of every canvas of an export, by what tells them apart.
    fn histories(file: &str) -> BTreeMap<String, Value> {
        let text = String::from_utf8(zstd::decode_all(&std::fs::read(file).unwrap()[..]).unwrap()).unwrap();
        let mut histories = BTreeMap::new();
        let mut id = String::new();
        for line in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            if let Some(canvas) = line.get("canvas") {
                canvas["id"].as_str().unwrap().clone_into(&mut id);
            } else if let Some(end) = line.get("canvas_end") {
                histories.insert(id.clone(), end.clone());
            }
        }
        histories
    }

    /// After however many tries: nothing is missing, nothing twice, history included.
    async fn all_is_on(&self, server: &TestServer, folder: &Path, services: &[&str]) {
        assert_eq!(self.seen_on(server).await, Self::CANVASES);
        let (_, datasets) = server.call(Method::GET, "/v1/datasets?limit=100", None).await;
        assert_eq!(datasets["items"].as_array().unwrap().len(), 1, "{datasets}");
        let back = self.folder.path().join("back");
        let back = back.to_str().unwrap();
        good(folder, &[&["export", "--out", back], services].concat()).await;
        assert_eq!(Self::histories(back), Self::histories(&self.file()));
    }

    fn import(&self, folder: &Path, services: &[&str]) -> Child {
        let file = self.file();
        let args = [&["import", "--in", file.as_str()], services].concat();
        jabiru(folder, &args).stdout(std::process::Stdio::null()).spawn().unwrap()
    }
}

/// Kills the import as soon as `enough` says so, and a moment later. `true`: it was faster.
async fn killed_when(import: &mut Child, later: u64, mut enough: impl AsyncFnMut() -> bool) -> bool {
    within("the import to come that far, or to its end", async {
        while import.try_wait().unwrap().is_none() && !enough().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    tokio::time::sleep(Duration::from_micros(later)).await;
    let ended = import.try_wait().unwrap();
    if let Some(status) = ended {
        assert!(status.success(), "{status}");
        return true;
    }
    import.start_kill().unwrap();
    import.wait().await.unwrap();
    false
}

/// `[DUR-2]` An import that is killed at any moment leaves canvases that are whole or not there, and the next one makes the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dur_2_an_import_killed_midway_is_finished_by_the_next() {
    let mut random = Random::from_env("dur_2_an_import_killed_midway_is_finished_by_the_next");
    let cargo = Cargo::load().await;
    let mut server = TestServer::start().await;
    let folder = Arc::clone(&server.folder);
    let mut seen = 0;
    let mut kills = 0;
    loop {
        server.stop().await.unwrap();
        let mut import = cargo.import(folder.path(), &[]);
        let database = rusqlite::Connection::open(folder.path().join("jabiru.db")).unwrap();
        let wanted = seen + random.below(6);
        let later = random.below(15_000) as u64;
        let done = killed_when(&mut import, later, async || {
            let count = database.query_row("select count(*) from canvases", [], |row| row.get::<_, i64>(0));
            count.is_ok_and(|count| count >= wanted.cast_signed() as i64)
        })
        .await;
        drop(database);
        server = server.restarted().await;
        seen = cargo.seen_on(&server).await;
        println!("{seen} canvases");
        if done {
            break;
        }
        kills += 1;
    }
    assert!(kills > 0, "nothing was killed");
    cargo.all_is_on(&server, folder.path(), &[]).await;
    server.stop().await.unwrap();
    let again = good(folder.path(), &["import", "--in", &cargo.file()]).await;
    assert!(again.trim().ends_with("written: canvases: 0, data sets: 0, images: 0"), "{again}");
}

/// The same on MongoDB, beside a server that shows what is there at any moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dur_2_an_import_into_mongodb_killed_midway_is_finished_by_the_next_and_nobody_sees_half() {
    let mut random = Random::from_env("dur_2_an_import_into_mongodb_killed_midway");
    let cargo = Cargo::load().await;
    let url = shared_mongo().await;
    let services = ["--mongodb-url", url.as_str()];
    let server = TestServer::with(&services).await;
    // Of another node, on which no server runs.
    let folder = TempDir::new().unwrap();
    let (mut seen, mut kills) = (0, 0);
    loop {
        let mut import = cargo.import(folder.path(), &services);
        let wanted = seen + random.below(6);
        let later = random.below(40_000) as u64;
        let done = killed_when(&mut import, later, async || cargo.seen_on(&server).await >= wanted).await;
        seen = cargo.seen_on(&server).await;
        println!("{seen} canvases");
        if done {
            break;
        }
        kills += 1;
    }
    assert!(kills > 0, "nothing was killed");
    cargo.all_is_on(&server, folder.path(), &services).await;
    let again = good(folder.path(), &[&["import", "--in", &cargo.file()], &services[..]].concat()).await;
    assert!(again.trim().ends_with("written: canvases: 0, data sets: 0, images: 0"), "{again}");
    // Those who query MongoDB themselves see true blocks, of all of them.
    let client = mongodb::Client::with_uri_str(&url).await.unwrap();
    let canvases = client.default_database().unwrap().collection::<mongodb::bson::Document>("canvases");
    let shown = mongodb::bson::doc! { "blocks": { "$size": 2 }, "block_count": 2 };
    assert_eq!(canvases.count_documents(shown).await.unwrap(), Cargo::CANVASES as u64);
}

/// As a kill just before the record leaves it: everything is there, and no canvas.
#[tokio::test]
async fn dur_2_what_a_killed_import_left_in_mongodb_is_not_added_to_the_next() {
    let mut random = Random::from_env("dur_2_what_a_killed_import_left");
    let url = shared_mongo().await;
    let (from, into) = (Place::embedded().await, Place::on_mongo(&url).await);
    let client = mongodb::Client::with_uri_str(&url).await.unwrap();
    let canvases = client.default_database().unwrap().collection::<mongodb::bson::Document>("canvases");
    for _ in 0..5 {
        let id = from.made(&mut random, "ours").await;
        for try_again in [false, true] {
            let parts = from.parts(id).await;
            let (send, receive) = mpsc::channel(parts.len());
            for part in parts {
                send.try_send(part).unwrap();
            }
            assert!(into.store.import_canvas(receive, false).await.unwrap());
            if !try_again {
                canvases.delete_many(mongodb::bson::doc! {}).await.unwrap();
            }
        }
        assert_eq!(into.whole(id).await, from.whole(id).await);
        canvases.delete_many(mongodb::bson::doc! {}).await.unwrap();
    }
}

/// From the moment an imported canvas is there, plain queries of MongoDB see its blocks: an import that ends right then never comes back to it.
#[tokio::test]
async fn an_imported_canvas_is_true_for_plain_queries_from_the_start() {
    let (url, place) = (shared_mongo().await, Place::embedded().await);
    let block = json!({ "id": "b", "type": "narrative", "position": { "x": 1, "y": 2, "w": 3, "h": 4 }, "content": { "text": "t" } });
    let canvas = json!({ "name": "n", "blocks": [block] });
    let canvas = jabiru::doc::schema::parse_import(&canvas, &jabiru::doc::schema::CanvasLimits::default()).unwrap();
    let client = mongodb::Client::with_uri_str(&url).await.unwrap();
    let canvases = client.default_database().unwrap().collection::<mongodb::bson::Document>("canvases");
    let store = crate::mongo_store::mongo_store(&url).await;
    for fold in [false, true] {
        let record = record("ours", "n");
        let update = jabiru::doc::schema::seed_update(record.id.0, &canvas).into();
        place.store.create_canvas(record.clone(), update).await.unwrap();
        if fold {
            place.store.compact(record.id).await.unwrap();
        }
        let parts = place.parts(record.id).await;
        let (send, receive) = mpsc::channel(parts.len());
        for part in parts {
            send.try_send(part).unwrap();
        }
        assert!(store.import_canvas(receive, false).await.unwrap());
        let key = mongodb::bson::Uuid::from_bytes(record.id.0.into_bytes());
        let found = canvases.find_one(mongodb::bson::doc! { "_id": key }).await.unwrap().unwrap();
        let blocks = found.get_array("blocks").unwrap();
        assert_eq!(blocks.len(), 1, "folded: {fold}");
        assert_eq!(blocks[0].as_document().unwrap().get_document("position").unwrap().get_i32("w").unwrap(), 3);
    }
}
