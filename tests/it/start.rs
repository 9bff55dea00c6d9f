//! What a start does with the services it is given: the first one of two nodes at once is one first start, and a MongoDB that cannot keep
//! `[DUR-1]` is refused.

use std::process::Output;

use futures_util::TryStreamExt;
use jabiru::backend::mongo::MIGRATIONS;
use jabiru::platform::samples::samples;
use mongodb::bson::{Document, doc};
use reqwest::StatusCode;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::services::{BareMongo, Mongo, shared_redis};
use crate::support::{Binary, within};

/// A browser that has opened a login link.
struct Browser {
    http: reqwest::Client,
    cookie: String,
}

impl Browser {
    async fn log_in(link: &str) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let entered = http.get(link).send().await.unwrap();
        assert_eq!(entered.status(), StatusCode::SEE_OTHER);
        let cookie = entered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        Self { http, cookie }
    }

    async fn get(&self, node: &Binary, path: &str) -> Value {
        let request = self.http.get(format!("http://{}{path}", node.address)).header("cookie", &self.cookie);
        let answer = within("an answer", request.send()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    }

    /// The names of a list, each as often as it is there.
    async fn names(&self, node: &Binary, path: &str) -> Vec<String> {
        let list = self.get(node, path).await;
        assert!(list["next_cursor"].is_null(), "{list}");
        let mut names: Vec<_> =
            list["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }
}

/// Writes to a collection, as the replica set's own log has them: the operation, and what it was done to.
async fn writes(client: &mongodb::Client, namespace: &str) -> Vec<(String, Document)> {
    let oplog = client.database("local").collection::<Document>("oplog.rs");
    let found: Vec<_> = oplog.find(doc! { "ns": namespace }).await.unwrap().try_collect().await.unwrap();
    found
        .into_iter()
        .map(|entry| (entry.get_str("op").unwrap().to_owned(), entry.get_document("o").unwrap().clone()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bus_1_the_first_start_of_two_nodes_at_once_is_one_first_start() {
    let mongo = Mongo::start(1).await;
    for round in 0..3 {
        let (url, redis) = (mongo.fresh_db(), shared_redis().await);
        let flags = ["--mongodb-url", &url, "--redis-url", &redis, "--log", "warn"];
        let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
        let ((one, one_link), (other, other_link)) = tokio::join!(
            Binary::first_start(folders[0].path(), &flags),
            Binary::first_start(folders[1].path(), &flags)
        );
        // Each prints a link of the same person, and what one node let in the other knows.
        let (ann, ben) = (Browser::log_in(&one_link).await, Browser::log_in(&other_link).await);
        assert_eq!(ann.get(&one, "/v1/me").await, ben.get(&one, "/v1/me").await, "round {round}: two owners");

        let samples = samples();
        let mut canvases: Vec<_> = samples.iter().map(|sample| sample.name.to_owned()).collect();
        let mut datasets: Vec<_> =
            samples.iter().flat_map(|sample| sample.datasets).map(|dataset| dataset.name.to_owned()).collect();
        canvases.sort();
        datasets.sort();
        for node in [&one, &other] {
            assert_eq!(ann.get(node, "/readyz").await["status"], "ready", "round {round}");
            assert_eq!(ann.names(node, "/v1/canvases?limit=100").await, canvases, "round {round}");
            assert_eq!(ann.names(node, "/v1/datasets?limit=100").await, datasets, "round {round}");
        }
        // Whole: what one node made the other opens, with what it shows.
        let list = ann.get(&one, "/v1/canvases?limit=100").await;
        for canvas in list["items"].as_array().unwrap() {
            let path = format!("/v1/canvases/{}", canvas["id"].as_str().unwrap());
            let whole = ann.get(&one, &path).await;
            assert!(whole["blocks"].as_array().is_some_and(|blocks| !blocks.is_empty()), "{whole}");
            assert_eq!(ben.get(&other, &path).await["blocks"], whole["blocks"]);
        }

        let client = mongodb::Client::with_uri_str(&url).await.unwrap();
        let database = client.default_database().unwrap().name().to_owned();
        let applied = writes(&client, &format!("{database}.schema_migrations")).await;
        let names: Vec<_> = applied.iter().map(|(op, row)| (op.as_str(), row.get_str("_id").unwrap_or("?"))).collect();
        let known: Vec<_> = MIGRATIONS.iter().map(|migration| ("i", migration.name)).collect();
        assert_eq!(names, known, "round {round}: each migration is recorded once, by who applied it");

        for node in [one, other] {
            assert_eq!(node.stop().await, Some(0));
        }
    }
}

async fn refused(command: &str, flags: &[&str]) -> String {
    let folder = TempDir::new().unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_jabiru"));
    process.args(command.split(' ')).args(flags).arg("--data-dir").arg(folder.path()).kill_on_drop(true);
    let Output { status, stdout, stderr } = within("the command to end", process.output()).await.unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!((status.code(), stdout.as_slice()), (Some(1), &b""[..]), "{said}");
    said
}

/// Without a majority there is nothing an ack could mean; without retried writes a failover would lose some.
#[tokio::test]
async fn dur_1_a_mongodb_that_is_no_replica_set_is_refused_and_told_what_to_do() {
    let alone = BareMongo::start(&[]).await;
    for command in ["serve --listen 127.0.0.1:0", "migrate up", "login-url"] {
        let said = refused(command, &["--mongodb-url", &alone.url()]).await;
        for words in ["JABIRU_MONGODB_URL", "replica set", "--replSet", "rs.initiate()"] {
            assert!(said.contains(words), "{command}: {words}: {said}");
        }
    }
    let client = mongodb::Client::with_uri_str(alone.url()).await.unwrap();
    let made = client.default_database().unwrap().list_collection_names().await.unwrap();
    assert!(made.is_empty(), "it wrote all the same: {made:?}");

    // A set that is asked for and not there, and one that nobody has initiated yet.
    let waiting = BareMongo::start(&["--replSet=rs0"]).await;
    for url in [format!("{}?replicaSet=rs0", alone.url()), waiting.url(), format!("{}?replicaSet=rs0", waiting.url())] {
        let said = refused("serve --listen 127.0.0.1:0", &["--mongodb-url", &url]).await;
        for words in ["JABIRU_MONGODB_URL", "replica set", "rs.initiate()"] {
            assert!(said.contains(words), "{url}: {words}: {said}");
        }
    }
}
