//! What only the MongoDB store has to show: parts, retries, failover, what plain queries see, migrations by two nodes.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use jabiru::backend::migrations::{Migrate, MigrateError, Migration, State};
use jabiru::backend::mongo::{MIGRATIONS, Mongo as Client};
use jabiru::clock::Clock;
use jabiru::doc::document::Headline;
use jabiru::doc::schema;
use jabiru::id::CanvasId;
use jabiru::store::mongo::MongoStore;
use jabiru::store::{Append, Change, Store};
use mongodb::bson::{Bson, DateTime, Document, doc};
use serde_json::json;
use tokio_util::task::TaskTracker;

use crate::store_contract::Writer;
use crate::support::hub::{record, seed};
use crate::support::services::{Mongo, shared_mongo};
use crate::support::{Mode, Random, TestClient, TestServer, eventually, within};

pub(crate) async fn mongo_store(url: &str) -> Arc<dyn Store> {
    let mongo = Client::connect(url).await.unwrap();
    mongo.migrations(MIGRATIONS).up().await.unwrap();
    Arc::new(MongoStore::new(mongo, Clock::system(), &TaskTracker::new()))
}

async fn store_and_client() -> (Arc<dyn Store>, Client) {
    let url = shared_mongo().await;
    (mongo_store(&url).await, Client::connect(&url).await.unwrap())
}

async fn documents(client: &Client, collection: &str, filter: Document) -> Vec<Document> {
    let mut cursor = client.collection::<Document>(collection).find(filter).sort(doc! { "_id": 1 }).await.unwrap();
    let mut found = Vec::new();
    while cursor.advance().await.unwrap() {
        found.push(cursor.deserialize_current().unwrap());
    }
    found
}

fn incompressible(bytes: usize) -> String {
    Random::from_env("incompressible").bytes(bytes * 3 / 4).iter().fold(String::new(), |mut text, byte| {
        // 6 bits a character are all that is wanted of it.
        text.push(char::from(b'0' + (byte & 63)));
        text
    })
}

#[tokio::test]
async fn dur_2_a_retried_append_writes_each_entry_once() {
    let (store, client) = store_and_client().await;
    let writer = Writer::new(&store, "org").await;
    let changes = vec![writer.change("a"), writer.change("b")];
    writer.append(changes.clone()).await;
    writer.append([changes, vec![writer.change("c")]].concat()).await;
    assert_eq!(documents(&client, "canvas_updates", doc! {}).await.len(), 4, "the seed and three changes");
}

#[tokio::test]
async fn dur_6_folded_entries_stay_as_history_in_mongodb() {
    let (store, client) = store_and_client().await;
    let writer = Writer::new(&store, "org").await;
    for _ in 0..5 {
        writer.append(vec![writer.change("x")]).await;
    }
    assert_eq!(store.compact(writer.canvas).await.unwrap(), 6);
    let history = documents(&client, "canvas_history", doc! {}).await;
    assert_eq!(history.len(), 1);
    let lines = zstd::decode_all(&history[0].get_binary_generic("body").unwrap()[..]).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let ids: HashSet<_> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 6, "the seed and five changes");
    assert!(lines.contains(r#""actors":["ann"]"#));
    for collection in ["canvas_updates", "canvas_update_parts"] {
        assert!(documents(&client, collection, doc! {}).await.is_empty(), "{collection}");
    }
}

/// A body over 16 MB cannot be one document, nor can its snapshot or its history.
#[tokio::test]
async fn dur_6_bodies_larger_than_a_document_are_cut_and_folded() {
    let (store, client) = store_and_client().await;
    let writer = Writer::new(&store, "org").await;
    let text = incompressible(48 << 20);
    writer.append(vec![writer.change("a"), writer.change(&text), writer.change("z")]).await;
    let whole = format!("a{text}z");
    assert!(documents(&client, "canvas_update_parts", doc! {}).await.len() >= 3);
    assert!(writer.stored().await == whole);
    assert_eq!(store.compact(writer.canvas).await.unwrap(), 4);
    assert!(writer.stored().await == whole);
    assert!(documents(&client, "canvas_update_parts", doc! {}).await.is_empty());
    let parts = documents(&client, "canvas_snapshot_parts", doc! {}).await.len();
    assert!(parts >= 2, "{parts}");
    assert!(documents(&client, "canvas_history", doc! {}).await.len() >= 2);
    writer.append(vec![writer.change("!")]).await;
    assert_eq!(store.compact(writer.canvas).await.unwrap(), 1);
    assert!(writer.stored().await == format!("{whole}!"));
    assert_eq!(documents(&client, "canvas_snapshots", doc! {}).await.len(), 1);
    assert_eq!(documents(&client, "canvas_snapshot_parts", doc! {}).await.len(), parts, "the old ones are gone");
}

/// A node that died between a snapshot's parts and its head leaves parts that nobody names.
#[tokio::test]
async fn dur_6_parts_that_were_left_over_are_swept_when_they_are_old() {
    let (store, client) = store_and_client().await;
    let writer = Writer::new(&store, "org").await;
    let old = uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 1_700_000_000, 0));
    let (canvas, body) = (binary(writer.canvas.0), mongodb::bson::Binary::from_base64("eA==", None).unwrap());
    for id in [old, uuid::Uuid::now_v7()] {
        let part = doc! { "_id": { "snapshot": binary(id), "n": 0 }, "canvas_id": &canvas, "body": &body };
        client.collection::<Document>("canvas_snapshot_parts").insert_one(part).await.unwrap();
    }
    store.compact(writer.canvas).await.unwrap();
    let left = documents(&client, "canvas_snapshot_parts", doc! {}).await;
    assert_eq!(left.len(), 2, "the new snapshot's, and the one that may be of a fold under way");
    assert!(!left.iter().any(|part| part.get_document("_id").unwrap().get("snapshot") == Some(&binary(old).into())));
    assert_eq!(writer.stored().await, "");
}

fn binary(id: uuid::Uuid) -> mongodb::bson::Binary {
    mongodb::bson::Binary { subtype: mongodb::bson::spec::BinarySubtype::Uuid, bytes: id.as_bytes().to_vec() }
}

/// Several nodes: each store has its own connection, and nothing keeps their folds apart.
#[tokio::test]
async fn dur_6_folds_of_several_nodes_and_their_readers_miss_nothing() {
    let url = shared_mongo().await;
    let stores = join_all((0..3).map(|_| mongo_store(&url))).await;
    let writer = Writer::new(&stores[0], "org").await;
    let done = AtomicBool::new(false);
    let folding = join_all(stores.iter().map(|store| async {
        while !done.load(Ordering::SeqCst) {
            store.compact(writer.canvas).await.unwrap();
        }
    }));
    let reading = async {
        while !done.load(Ordering::SeqCst) {
            stores[2].load(writer.canvas).await.unwrap().unwrap().restore().unwrap();
        }
    };
    let writing = async {
        for index in 0..60 {
            writer.append(vec![writer.change("x")]).await;
            assert_eq!(writer.stored().await.len(), index + 1);
        }
        done.store(true, Ordering::SeqCst);
    };
    tokio::join!(writing, folding, reading);
    assert_eq!(writer.stored().await, "x".repeat(60));
    // One more entry, and everything is one snapshot again.
    writer.append(vec![writer.change("!")]).await;
    stores[1].compact(writer.canvas).await.unwrap();
    let client = Client::connect(&url).await.unwrap();
    assert_eq!(documents(&client, "canvas_snapshots", doc! {}).await.len(), 1);
    assert_eq!(documents(&client, "canvas_snapshot_parts", doc! {}).await.len(), 1);
}

#[tokio::test]
async fn plain_queries_see_the_canvas_in_the_shape_of_the_data_model() {
    let (store, client) = store_and_client().await;
    let block = json!({
        "id": "b", "type": "chart", "position": { "x": 1, "y": 2, "w": 3, "h": 4 }, "content": { "title": "Sales" },
        "metadata": { "created_by": "ann", "created_at": "2024-01-15T10:30:00Z" },
    });
    let canvas = json!({ "name": "n", "blocks": [block], "metadata": { "tags": ["q4"] } });
    let canvas = schema::parse_import(&canvas, &schema::CanvasLimits::default()).unwrap();
    let record = record("org", "n");
    store.create_canvas(record.clone(), schema::seed_update(record.id.0, &canvas).into()).await.unwrap();
    let true_block = doc! { "blocks": { "$elemMatch": {
        "type": "chart", "position.w": 3, "content.title": "Sales", "metadata.created_at": { "$type": "date" },
    } } };
    let found = documents(&client, "canvases", true_block.clone()).await;
    assert_eq!(found.len(), 1, "from the moment it is made");
    let sharing = found[0].get_document("sharing").unwrap();
    assert_eq!((sharing.get_str("visibility").unwrap(), found[0].get_i32("version").unwrap()), ("private", 1));
    assert_eq!(found[0].get_document("metadata").unwrap().get_array("tags").unwrap().len(), 1);

    let mut changed = canvas.clone();
    changed.blocks[0].content.insert("title".to_owned(), json!("Costs"));
    assert!(store.materialises());
    store.materialise(record.id, changed).await.unwrap();
    assert!(documents(&client, "canvases", true_block).await.is_empty());
    assert_eq!(documents(&client, "canvases", doc! { "blocks.content.title": "Costs" }).await.len(), 1);
    assert_eq!(store.canvas(record.id).await.unwrap().unwrap().block_count, 1);
    // Nobody's canvas is nobody's document.
    store.materialise(jabiru::id::CanvasId::generate(), canvas).await.unwrap();
    assert_eq!(documents(&client, "canvases", doc! {}).await.len(), 1);
}

async fn interactions(client: &Client, canvas: CanvasId) -> Document {
    let found = documents(client, "canvases", doc! { "_id": binary(canvas.0) }).await;
    found[0].get_document("interactions").unwrap().clone()
}

async fn favourites(client: &Client, canvas: CanvasId) -> i32 {
    interactions(client, canvas).await.get_i32("favorites_count").unwrap()
}

#[tokio::test]
async fn plain_queries_see_whose_favourite_a_canvas_is_and_how_often_it_was_opened() {
    let url = shared_mongo().await;
    let (one, other) = (mongo_store(&url).await, mongo_store(&url).await);
    let client = Client::connect(&url).await.unwrap();
    let (canvas, untouched) = (Writer::new(&one, "org").await.canvas, Writer::new(&one, "org").await.canvas);
    let nothing = interactions(&client, canvas).await;
    assert_eq!((nothing.get_i32("views").unwrap(), nothing.get("last_viewed_at")), (0, Some(&Bson::Null)));

    // Many people at once, on two nodes, some twice.
    let people: Vec<_> = (0..12).map(|person| format!("person {person}")).collect();
    let mark = |at| {
        let marks = people.iter().zip([&one, &other].into_iter().cycle());
        marks.map(move |(person, store)| store.set_favourite(person, canvas, at))
    };
    for marked in join_all(mark(Some(1)).chain(mark(Some(2)))).await {
        marked.unwrap();
    }
    assert_eq!(favourites(&client, canvas).await, 12);
    for undone in join_all(mark(None).take(7)).await {
        undone.unwrap();
    }
    one.set_favourite("somebody who never marked it", canvas, None).await.unwrap();
    assert_eq!(favourites(&client, canvas).await, 5);

    for (store, person, at) in [(&one, "ann", 7), (&other, "ben", 9), (&one, "ann", 8)] {
        store.set_opened(person, canvas, at).await.unwrap();
    }
    let seen = interactions(&client, canvas).await;
    assert_eq!(seen.get_i32("views").unwrap(), 3);
    assert_eq!(seen.get_datetime("last_viewed_at").unwrap().timestamp_millis(), 9);
    assert_eq!(interactions(&client, untouched).await, nothing);

    // Into another database, where the marks come along and the views begin anew.
    let url = shared_mongo().await;
    let (into, client) = (mongo_store(&url).await, Client::connect(&url).await.unwrap());
    let (parts, taken) = tokio::sync::mpsc::channel(4);
    let (exported, imported) = tokio::join!(one.export_canvas(canvas, parts), into.import_canvas(taken, false));
    assert!(exported.unwrap() && imported.unwrap());
    let there = interactions(&client, canvas).await;
    assert_eq!((there.get_i32("favorites_count").unwrap(), there.get_i32("views").unwrap()), (5, 0));
}

#[tokio::test]
async fn marks_of_a_canvas_are_found_by_an_index_and_those_of_before_are_counted() {
    let (store, client) = store_and_client().await;
    let canvas = Writer::new(&store, "org").await.canvas;
    let migrations = client.migrations(MIGRATIONS);
    // As the build before left it.
    assert_eq!(migrations.down("0002_files").await.unwrap(), ["0003_marks_by_canvas"]);
    for person in ["ann", "ben"] {
        let mark =
            doc! { "_id": { "user_id": person, "canvas_id": binary(canvas.0) }, "favourite_at": DateTime::now() };
        client.collection::<Document>("canvas_marks").insert_one(mark).await.unwrap();
    }
    let nobodys = doc! { "_id": { "user_id": "ann", "canvas_id": binary(uuid::Uuid::now_v7()) }, "favourite_at": DateTime::now() };
    client.collection::<Document>("canvas_marks").insert_one(nobodys).await.unwrap();
    assert_eq!(favourites(&client, canvas).await, 0);
    let scanned = || async {
        let find = doc! { "find": "canvas_marks", "filter": { "_id.canvas_id": binary(canvas.0) }, "sort": { "_id.user_id": 1 } };
        let plan =
            client.database().run_command(doc! { "explain": find, "verbosity": "executionStats" }).await.unwrap();
        plan.get_document("executionStats").unwrap().get_i32("totalDocsExamined").unwrap()
    };
    assert_eq!(scanned().await, 3, "all there are");
    assert_eq!(migrations.up().await.unwrap(), ["0003_marks_by_canvas"]);
    assert_eq!(scanned().await, 2);
    assert_eq!(favourites(&client, canvas).await, 2);
    assert_eq!(documents(&client, "canvases", doc! {}).await.len(), 1, "a mark of nothing makes nothing");
}

#[tokio::test]
async fn dur_1_what_was_acked_survives_the_primary() {
    let mut mongo = Mongo::start(3).await;
    let store = mongo_store(&mongo.url()).await;
    let writers = join_all((0..8).map(|_| Writer::new(&store, "org"))).await;
    let stop = AtomicBool::new(false);
    let writing = join_all(writers.iter().map(|writer| async {
        let mut acked = String::new();
        while !stop.load(Ordering::SeqCst) {
            let change = writer.change("x");
            let append = || Append {
                canvas: writer.canvas,
                changes: vec![change.clone()],
                headline: Headline { name: acked.len().to_string(), description: String::new(), blocks: 0 },
            };
            // As a room does: again and again, with the same change.
            within("an append", async { while store.append(append()).await.is_err() {} }).await;
            acked.push('x');
        }
        acked
    }));
    let (enough, stop) = (Duration::from_millis(300), &stop);
    let failing = async {
        tokio::time::sleep(enough).await;
        mongo.kill_primary().await;
        let again = Writer::new(&store, "org");
        let again = within("a canvas after the primary was killed", again).await;
        again.append(vec![again.change("after")]).await;
        stop.store(true, Ordering::SeqCst);
        again
    };
    let (acked, again) = tokio::join!(writing, failing);
    assert_eq!(again.stored().await, "after");
    for (writer, acked) in writers.iter().zip(&acked) {
        assert_eq!(&writer.stored().await, acked);
        let record = store.canvas(writer.canvas).await.unwrap().unwrap();
        assert_eq!(record.name, (acked.len() - 1).to_string(), "the headline of the last append that was acked");
    }
    assert!(acked.iter().map(String::len).sum::<usize>() > 8);
}

fn append_of(writer: &Writer, changes: Vec<Change>) -> Append {
    let headline = Headline { name: "n".to_owned(), description: String::new(), blocks: 0 };
    Append { canvas: writer.canvas, changes, headline }
}

/// What one member alone has taken would go with it.
#[tokio::test]
async fn dur_1_without_a_majority_nothing_is_acked() {
    let mut mongo = Mongo::start(3).await;
    let store = mongo_store(&mongo.url()).await;
    let writer = Writer::new(&store, "org").await;
    let append = append_of(&writer, vec![writer.change("x")]);
    let unmade = record("org", "unmade");
    mongo.pause_others().await;
    let alone =
        async { tokio::join!(store.append(append.clone()), store.create_canvas(unmade.clone(), seed(&unmade))) };
    let (appended, made) = within("answers of one member", alone).await;
    assert!(appended.is_err() && made.is_err(), "acked by one of three: {appended:?} {made:?}");
    mongo.resume();
    eventually("the append with a majority", || async { store.append(append.clone()).await.is_ok() }).await;
    assert_eq!(writer.stored().await, "x");
}

/// Changes of many canvases go in one command: what is refused of one is told to its room, and the others are acked.
#[tokio::test]
async fn dur_1_what_mongodb_refuses_is_not_acked_and_what_went_with_it_is() {
    let (store, client) = store_and_client().await;
    let writers = join_all((0..8).map(|_| Writer::new(&store, "org"))).await;
    let appends: Vec<_> = writers.iter().map(|writer| append_of(writer, vec![writer.change("x")])).collect();
    let refuse = async |validator: Document| {
        client.database().run_command(doc! { "collMod": "canvas_updates", "validator": validator }).await.unwrap();
    };
    refuse(doc! { "canvas_id": { "$ne": binary(writers[3].canvas.0) } }).await;
    let outcomes = join_all(appends.iter().map(|append| store.append(append.clone()))).await;
    for (number, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_err(), number == 3, "canvas {number}: {outcome:?}");
    }
    refuse(Document::new()).await;
    store.append(appends[3].clone()).await.unwrap();
    for writer in &writers {
        assert_eq!(writer.stored().await, "x");
    }
}

/// The room cannot know that it was written, and sends the same again.
#[tokio::test]
async fn dur_2_an_append_whose_answer_was_lost_is_in_the_journal_once() {
    let url = shared_mongo().await;
    let server = TestServer::with(&["--mongodb-url", &url]).await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    ann.until_saved().await;
    let client = Client::connect(&url).await.unwrap();
    let entries = async || documents(&client, "canvas_updates", doc! { "canvas_id": binary(canvas.0) }).await.len();
    let before = entries().await;
    server.store.set(Mode::LoseAnswers);
    ann.set("k", "v").await;
    eventually("it has been tried three times", || async { server.store.troubled() >= 3 }).await;
    assert_eq!(ann.acked, ann.sent - 1);
    server.store.set(Mode::Well);
    ann.until_saved().await;
    assert_eq!(entries().await, before + 1);
}

/// A member that is paused keeps its connections: nothing but a timeout of our own ends the wait. `[DUR-3]`
#[tokio::test]
async fn dur_3_a_paused_primary_holds_nobody_for_ever() {
    let mut mongo = Mongo::start(1).await;
    let store = mongo_store(&mongo.url()).await;
    let writer = Writer::new(&store, "org").await;
    mongo.pause_primary().await;
    let change = writer.change("x");
    let headline = Headline { name: String::new(), description: String::new(), blocks: 0 };
    let append = Append { canvas: writer.canvas, changes: vec![change.clone()], headline };
    let answers = async { tokio::join!(store.append(append.clone()), store.ping()) };
    let (appended, pinged) = within("answers while MongoDB is paused", answers).await;
    assert!(appended.is_err(), "{appended:?}");
    assert!(pinged.unwrap_err().to_string().contains("within 3 s"));
    mongo.resume();
    eventually("the append after MongoDB went on", || async { store.append(append.clone()).await.is_ok() }).await;
    assert_eq!(writer.stored().await, "x");
}

#[tokio::test]
async fn two_nodes_that_migrate_at_once_apply_each_step_once() {
    let url = shared_mongo().await;
    let nodes = join_all((0..4).map(|_| Client::connect(&url))).await;
    let nodes: Vec<_> = nodes.into_iter().map(|node| node.unwrap().migrations(MIGRATIONS)).collect();
    let applied: Vec<_> = join_all(nodes.iter().map(Migrate::up)).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(applied, MIGRATIONS.iter().map(|migration| migration.name).collect::<Vec<_>>());
    let known = |state| MIGRATIONS.iter().map(|migration| (migration.name.to_owned(), state)).collect::<Vec<_>>();
    assert_eq!(nodes[0].status().await.unwrap(), known(State::Applied));
    assert!(matches!(nodes[0].down("0000_none").await, Err(MigrateError::NotApplied { .. })));
    assert_eq!(nodes[1].status().await.unwrap(), known(State::Applied));
    let mut undone = nodes[0].down("").await.unwrap();
    undone.reverse();
    assert_eq!(undone, applied);
    assert_eq!(nodes[0].status().await.unwrap(), known(State::Pending));
    assert_eq!(nodes[1].up().await.unwrap(), applied);
}

#[tokio::test]
async fn a_changed_migration_is_refused_by_name() {
    const EDITED: &[Migration] = &[Migration { name: "0001_kernel", up: "[]", down: None }];
    let client = Client::connect(&shared_mongo().await).await.unwrap();
    client.migrations(MIGRATIONS).up().await.unwrap();
    let error = client.migrations(EDITED).up().await.unwrap_err().to_string();
    assert!(error.contains("0001_kernel") && error.contains("mongodb"), "{error}");
    let missing = client.migrations(&[]).up().await.unwrap_err();
    assert!(matches!(missing, MigrateError::Missing { .. }), "{missing}");
}

#[tokio::test]
async fn a_url_that_cannot_be_used_says_why_and_keeps_its_password() {
    let url = "mongodb://ann:hunter2@127.0.0.1:1/db?serverSelectionTimeoutMS=200";
    for url in [url, "mongodb://ann:hunter2@/db", "mongodb://ann:hunter2@host:port/db"] {
        let error = Client::connect(url).await.unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn the_seed_of_a_canvas_is_written_under_its_own_id() {
    let (store, client) = store_and_client().await;
    let record = record("org", "n");
    // The making was interrupted after the journal: the same call makes the rest, and no second entry.
    let first = || store.create_canvas(record.clone(), seed(&record));
    first().await.unwrap();
    client.collection::<Document>("canvases").delete_many(doc! {}).await.unwrap();
    assert!(store.load(record.id).await.unwrap().is_none());
    first().await.unwrap();
    assert_eq!(store.load(record.id).await.unwrap().unwrap().entries.len(), 1);
    assert_eq!(store.canvas(record.id).await.unwrap().unwrap(), record);
}
