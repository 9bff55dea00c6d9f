//! The services of the other tests can be trusted: each starts, answers, and comes back after a kill and after a pause.

use std::time::{Duration, Instant};

use clickhouse::Row;
use mongodb::bson::{Document, doc};
use mongodb::options::{Acknowledgment, ClientOptions, WriteConcern};
use redis::AsyncCommands;
use serde::{Deserialize, Serialize};

use crate::support::services::{
    ClickHouse, Mongo, Redis, clickhouse_ask, shared_clickhouse, shared_mongo, shared_redis,
};
use crate::support::within;

async fn notes(url: &str) -> mongodb::Collection<Document> {
    let mut options = ClientOptions::parse(url).await.unwrap();
    // How soon the driver sees that a primary is silent: the sum of the two, 20 s if they are not set.
    options.heartbeat_freq = Some(Duration::from_millis(500));
    options.connect_timeout = Some(Duration::from_millis(500));
    options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build());
    mongodb::Client::with_options(options).unwrap().default_database().unwrap().collection("notes")
}

/// The driver itself looks for the new primary, and repeats what is safe to repeat.
async fn mongo_survives(members: usize) {
    let begun = Instant::now();
    let mut mongo = Mongo::start(members).await;
    println!("MongoDB of {members} started in {:?}", begun.elapsed());
    let notes = notes(&mongo.fresh_db()).await;
    notes.insert_one(doc! { "_id": 1 }).await.unwrap();

    mongo.kill_primary().await;
    if members == 1 {
        mongo.restart().await;
    }
    within("a write after the kill", notes.insert_one(doc! { "_id": 2 }).into_future()).await.unwrap();
    let begun = Instant::now();
    mongo.restart().await;
    println!("MongoDB of {members} restarted in {:?}", begun.elapsed());

    mongo.pause_primary().await;
    if members == 1 {
        mongo.resume();
    }
    within("a write after the pause", notes.insert_one(doc! { "_id": 3 }).into_future()).await.unwrap();
    mongo.resume();
    mongo.restart().await;
    assert_eq!(notes.count_documents(doc! {}).await.unwrap(), 3);
}

#[tokio::test]
async fn one_mongo_survives_a_kill_and_a_pause() {
    mongo_survives(1).await;
}

#[tokio::test]
async fn three_mongos_survive_a_kill_and_a_pause() {
    mongo_survives(3).await;
}

#[tokio::test]
async fn shared_mongo_gives_each_test_a_database() {
    let (one, other) = (shared_mongo().await, shared_mongo().await);
    notes(&one).await.insert_one(doc! { "_id": 1 }).await.unwrap();
    assert_eq!(notes(&one).await.count_documents(doc! {}).await.unwrap(), 1);
    assert_eq!(notes(&other).await.count_documents(doc! {}).await.unwrap(), 0);
}

async fn connect(url: &str) -> redis::aio::MultiplexedConnection {
    redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap()
}

#[tokio::test]
async fn redis_survives_a_kill_and_a_pause() {
    let begun = Instant::now();
    let mut redis = Redis::start().await;
    println!("Redis started in {:?}", begun.elapsed());
    let () = connect(&redis.url()).await.set("key", 1).await.unwrap();

    redis.kill();
    assert!(redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.is_err());
    redis.restart().await;
    let mut connection = connect(&redis.url()).await;
    assert_eq!(connection.get::<_, Option<u8>>("key").await.unwrap(), None, "it keeps nothing");
    let () = connection.set("key", 2).await.unwrap();

    redis.pause();
    let mut asking = Box::pin(connection.get::<_, u8>("key"));
    assert!(futures_util::poll!(&mut asking).is_pending());
    redis.resume();
    assert_eq!(within("an answer after the pause", asking).await.unwrap(), 2);
    redis.flush().await;
    assert_eq!(connect(&redis.url()).await.get::<_, Option<u8>>("key").await.unwrap(), None);
}

#[tokio::test]
async fn shared_redis_gives_each_test_a_database() {
    let (one, other) = (shared_redis().await, shared_redis().await);
    let () = connect(&one).await.set("key", 1).await.unwrap();
    assert_eq!(connect(&one).await.get::<_, Option<u8>>("key").await.unwrap(), Some(1));
    assert_eq!(connect(&other).await.get::<_, Option<u8>>("key").await.unwrap(), None);
}

#[derive(Row, Serialize, Deserialize, PartialEq, Debug)]
struct Note {
    id: u32,
    text: String,
}

const NOTES: &str = "CREATE TABLE notes (id UInt32, text String) ENGINE = MergeTree ORDER BY id";

/// The crate, as the server uses it: compressed blocks, its schema check, parameters.
async fn through_the_crate(url: &str, notes: &[Note]) -> clickhouse::error::Result<Vec<Note>> {
    let (server, database) = url.rsplit_once('/').unwrap();
    let client = clickhouse::Client::default().with_url(server).with_database(database);
    let mut insert = client.insert::<Note>("notes").await?;
    for note in notes {
        insert.write(note).await?;
    }
    insert.end().await?;
    client.query("SELECT ?fields FROM notes WHERE id >= {from:UInt32} ORDER BY id").param("from", 0).fetch_all().await
}

fn note(id: u32) -> Note {
    Note { id, text: format!("quote ' tab \t backslash \\ bird 🐦 {}", "again and ".repeat(id as usize)) }
}

#[tokio::test]
async fn clickhouse_survives_a_kill_and_a_pause() {
    let begun = Instant::now();
    let mut clickhouse = ClickHouse::start().await;
    println!("ClickHouse started in {:?}", begun.elapsed());
    let url = clickhouse.fresh_db().await;
    clickhouse_ask(&url, NOTES).await;
    through_the_crate(&url, &[note(1)]).await.unwrap();

    clickhouse.kill();
    through_the_crate(&url, &[note(9)]).await.unwrap_err();
    clickhouse.restart().await;
    through_the_crate(&url, &[note(2)]).await.unwrap();

    clickhouse.pause();
    let last = [note(300)];
    let mut asking = Box::pin(through_the_crate(&url, &last));
    assert!(futures_util::poll!(&mut asking).is_pending());
    clickhouse.resume();
    let found = within("an answer after the pause", asking).await.unwrap();
    assert_eq!(found, [note(1), note(2), note(300)]);
}

#[tokio::test]
async fn clickhouse_says_what_is_wrong() {
    let url = shared_clickhouse().await;
    let error = through_the_crate(&url, &[note(1)]).await.unwrap_err().to_string();
    assert!(error.starts_with("bad response: Code: 60.") && error.contains("notes"), "{error}");
}

#[tokio::test]
async fn shared_clickhouse_gives_each_test_a_database() {
    let (one, other) = (shared_clickhouse().await, shared_clickhouse().await);
    for url in [&one, &other] {
        clickhouse_ask(url, NOTES).await;
    }
    let many: Vec<_> = (0..2000).map(note).collect();
    assert_eq!(through_the_crate(&one, &many).await.unwrap(), many);
    assert_eq!(clickhouse_ask(&one, "SELECT count() FROM notes").await, "2000\n");
    assert_eq!(clickhouse_ask(&other, "SELECT count() FROM notes").await, "0\n");
}
