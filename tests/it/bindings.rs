//! Numbers in narratives stay true: what every binding says is computed by the server, while a canvas is open, for whoever is on it. The
//! rules of filters and calculations are in `tests/vectors/calculations.json`.

use jabiru::access::Role;
use jabiru::id::CanvasId;
use reqwest::{Method, header};
use serde_json::{Value, json};
use yrs::{Any, Map, MapPrelim, MapRef, Out, ReadTxn, Transact, TransactionMut, WriteTxn};

use crate::support::{Mode, Options, TestClient, TestServer, eventually};

const CSV: &str = "quarter,region,sales\nQ3,North,100\nQ3,South,100\nQ4,North,150\nQ4,South,90\n";

async fn upload(server: &TestServer, csv: &'static str) -> String {
    let request = server.request(Method::POST, "/v1/datasets?name=n", &server.owner());
    let response = request.header(header::CONTENT_TYPE, "text/csv").body(csv).send().await.unwrap();
    response.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
}

/// A chart `c` of the dataset and a narrative `n` with these bindings.
fn canvas(dataset: &str, bindings: &Value) -> Value {
    let at = |y: i64| json!({ "x": 0, "y": y, "w": 6, "h": 4 });
    json!({ "blocks": [
        { "id": "c", "type": "chart", "position": at(0), "content": {
            "chart_type": "bar", "title": "", "filters": [],
            "data_source": { "type": "dataset", "dataset_id": dataset, "parameters": {} },
            "config": { "x_axis": "quarter", "y_axis": "sales", "color": "", "aggregation": "sum" } } },
        { "id": "n", "type": "narrative", "position": at(4), "content": { "text": "{{total}}", "data_bindings": bindings } },
    ] })
}

fn binding(key: &str, calculation: &str) -> Value {
    json!({ "key": key, "source": "c", "calculation": calculation, "value": null })
}

/// The map at the end of this path from a block.
fn map(txn: &impl ReadTxn, block: &str, path: &[&str]) -> Option<MapRef> {
    let start = txn.get_map("blocks")?.get(txn, block)?.cast::<MapRef>().ok()?;
    path.iter().try_fold(start, |map, key| map.get(txn, key)?.cast().ok())
}

/// What a binding says: its value, or why it has none.
fn says(client: &TestClient, key: &str) -> Result<f64, String> {
    let txn = client.doc.transact();
    let item = map(&txn, "n", &["content", "data_bindings", key]).ok_or("no binding")?;
    let error = item.get(&txn, "error").map(|error| error.to_string(&txn));
    match (item.get(&txn, "value"), error) {
        (Some(Out::Any(Any::Number(number))), None) => Ok(number.as_f64().unwrap()),
        (Some(Out::Any(Any::Null)), Some(error)) => Err(error),
        (value, error) => Err(format!("{value:?} {error:?}")),
    }
}

async fn until_says(client: &mut TestClient, key: &str, wanted: Result<f64, &str>) {
    let wanted = wanted.map_err(str::to_owned);
    client.until(&format!("{key} is {wanted:?}"), |client| says(client, key) == wanted).await;
}

async fn edit(client: &mut TestClient, edit: impl FnOnce(&mut TransactionMut<'_>)) {
    let update = client.edit(edit);
    client.send_update(&update).await;
}

async fn set(client: &mut TestClient, block: &str, path: &[&str], key: &str, value: impl Into<Any>) {
    edit(client, |txn| {
        map(txn, block, path).unwrap().insert(txn, key, value.into());
    })
    .await;
}

async fn bind(client: &mut TestClient, key: &str, source: &str, calculation: &str) {
    edit(client, |txn| {
        let items = map(txn, "n", &["content", "data_bindings"]).unwrap();
        let item: MapRef = items.insert(txn, key, MapPrelim::default());
        item.insert(txn, "source", source);
        item.insert(txn, "calculation", calculation);
    })
    .await;
}

fn filters(value: Value) -> Any {
    serde_json::from_value(value).unwrap()
}

#[tokio::test]
async fn a_value_arrives_follows_its_block_and_says_why_when_there_is_none() {
    let server = TestServer::start().await;
    let dataset = upload(&server, CSV).await;
    let id = server.import("c", canvas(&dataset, &json!([]))).await;
    let mut ann = TestClient::editor(&server, id, "ann").await;
    let mut ben = TestClient::editor(&server, id, "ben").await;
    bind(&mut ann, "total", "c", "sum").await;
    bind(&mut ann, "growth", "c", "percentage_change").await;
    for client in [&mut ann, &mut ben] {
        until_says(client, "total", Ok(440.0)).await;
        until_says(client, "growth", Ok(20.0)).await;
    }
    let filter = filters(json!([{ "field": "region", "op": "=", "value": "South" }]));
    set(&mut ben, "c", &["content"], "filters", filter).await;
    until_says(&mut ann, "total", Ok(190.0)).await;
    until_says(&mut ann, "growth", Ok(-10.0)).await;
    set(&mut ann, "c", &["content", "config"], "aggregation", "max").await;
    set(&mut ann, "c", &["content"], "filters", filters(json!([]))).await;
    until_says(&mut ben, "growth", Ok(50.0)).await;

    set(&mut ann, "n", &["content", "data_bindings", "total"], "calculation", "sum:profit").await;
    until_says(&mut ann, "total", Err("The dataset has no column “profit”.")).await;
    set(&mut ann, "n", &["content", "data_bindings", "total"], "calculation", "sum:region").await;
    until_says(&mut ann, "total", Err("“region” holds no numbers.")).await;
    set(&mut ann, "n", &["content", "data_bindings", "total"], "calculation", "count").await;
    until_says(&mut ann, "total", Ok(4.0)).await;
    set(&mut ann, "n", &["content", "data_bindings", "total"], "source", "n").await;
    until_says(&mut ann, "total", Err("The block it came from shows no data.")).await;
    set(&mut ann, "c", &["content", "data_source"], "dataset_id", "").await;
    until_says(&mut ann, "growth", Err("The block it came from has no dataset yet.")).await;
    set(&mut ann, "c", &["content", "data_source"], "dataset_id", uuid::Uuid::now_v7().to_string()).await;
    until_says(&mut ann, "growth", Err("The dataset is gone.")).await;
    set(&mut ann, "c", &["content", "data_source"], "dataset_id", dataset).await;
    until_says(&mut ann, "growth", Ok(50.0)).await;
    edit(&mut ann, |txn| {
        txn.get_or_insert_map("blocks").remove(txn, "c");
    })
    .await;
    until_says(&mut ben, "growth", Err("The block it came from is gone.")).await;
    ann.until_saved().await;

    // What it says is kept, exported, and an import.
    let exported = server.read(id).await;
    let stored = exported["blocks"][0]["content"]["data_bindings"].clone();
    assert_eq!(stored[0]["error"], "The block it came from is gone.");
    assert_eq!((stored[0]["key"].as_str(), &stored[0]["value"]), (Some("growth"), &Value::Null));
    let copy = server.import("copy", exported).await;
    assert_eq!(server.read(copy).await["blocks"][0]["content"]["data_bindings"], stored);
}

#[tokio::test]
async fn nobody_makes_a_number_lie_for_long() {
    let server = TestServer::start().await;
    let dataset = upload(&server, CSV).await;
    let id = server.import("c", canvas(&dataset, &json!([binding("total", "sum")]))).await;
    let mut ann = TestClient::editor(&server, id, "ann").await;
    until_says(&mut ann, "total", Ok(440.0)).await;
    let at = &["content", "data_bindings", "total"];
    let watcher = &mut TestClient::editor(&server, id, "ben").await;
    for lie in [Any::from(1_000_000), Any::from("a lot"), Any::Null, Any::Undefined, filters(json!([1]))] {
        set(&mut ann, "n", at, "value", lie).await;
        ann.until_saved().await;
        until_says(&mut ann, "total", Ok(440.0)).await;
        until_says(watcher, "total", Ok(440.0)).await;
    }
    set(&mut ann, "n", at, "error", "You have won.").await;
    ann.until_saved().await;
    until_says(&mut ann, "total", Ok(440.0)).await;

    // Who may only look changes nothing, and the server's own change reaches them.
    let mut eve = TestClient::join(&server, id, Options::role(&server, Role::Viewer, "eve")).await;
    eve.until("synced", |eve| eve.synced).await;
    set(&mut eve, "n", at, "value", 7).await;
    eve.until("refused", |eve| eve.notices.iter().any(|notice| notice["type"] == "update_refused")).await;
    ann.barrier().await;
    assert_eq!(says(&ann, "total"), Ok(440.0));
}

#[tokio::test]
async fn numbers_are_written_once_and_never_again_while_nothing_changes() {
    let server = TestServer::with(&["--room-idle-seconds", "0.05"]).await;
    let dataset = upload(&server, CSV).await;
    let id = server.import("c", canvas(&dataset, &json!([binding("total", "sum"), binding("rows", "count")]))).await;
    let mut ann = TestClient::editor(&server, id, "ann").await;
    let mut ben = TestClient::editor(&server, id, "ben").await;
    until_says(&mut ann, "total", Ok(440.0)).await;
    until_says(&mut ann, "rows", Ok(4.0)).await;
    eventually("one row: both numbers, written together", || async { server.store.appended() == 1 }).await;
    // Each round is one edit of somebody and one answer of the server; whatever else it wrote would be one too many.
    for round in 0..6 {
        let (region, total) = if round % 2 == 0 { ("North", 250.0) } else { ("South", 190.0) };
        let filter = filters(json!([{ "field": "region", "op": "=", "value": region }]));
        set(&mut ann, "c", &["content"], "filters", filter).await;
        until_says(&mut ben, "total", Ok(total)).await;
        ann.until_saved().await;
        // Two of four rows either way: only the first round changes the other number, in the same row.
        eventually("stored", || async { server.store.appended() >= 3 + 2 * round }).await;
        assert_eq!(server.store.appended(), 3 + 2 * round);
    }
    let written = server.store.appended();
    drop((ann, ben));
    eventually("the room is unloaded", || async { server.app().hub.open_rooms() == 0 }).await;
    let server = server.restart().await;
    let mut ann = TestClient::editor(&server, id, "ann").await;
    assert_eq!(says(&ann, "total"), Ok(190.0), "kept");
    // The server has looked when it answers something new, and then has written that only.
    let opened = server.store.appended();
    bind(&mut ann, "new", "c", "max").await;
    until_says(&mut ann, "new", Ok(100.0)).await;
    eventually("stored", || async { server.store.appended() >= opened + 2 }).await;
    assert_eq!((server.store.appended(), opened), (2, 0), "{written} before");
}

#[tokio::test]
async fn acc_2_a_dataset_of_another_organization_is_gone() {
    let server = TestServer::start().await;
    let otto = server.outsider();
    let theirs = server.as_cookie(Method::POST, "/v1/datasets?name=n", &otto).header(header::CONTENT_TYPE, "text/csv");
    let theirs: Value = theirs.body(CSV).send().await.unwrap().json().await.unwrap();
    let theirs = theirs["id"].as_str().unwrap();
    // Over there it is a number, and remembered as one.
    let body = json!({ "name": "c", "canvas": canvas(theirs, &json!([binding("total", "sum")])) });
    let request = server.as_cookie(Method::POST, "/v1/canvases", &otto).json(&body);
    let there: Value = request.send().await.unwrap().json().await.unwrap();
    let there: CanvasId = there["id"].as_str().unwrap().parse().unwrap();
    let mut otto = TestClient::cookie(&server, there, otto).await;
    until_says(&mut otto, "total", Ok(440.0)).await;

    let ours = server.import("c", canvas(theirs, &json!([binding("total", "sum")]))).await;
    let mut ann = TestClient::editor(&server, ours, "ann").await;
    until_says(&mut ann, "total", Err("The dataset is gone.")).await;
}

#[tokio::test]
async fn a_source_this_version_cannot_read_is_neither_confirmed_nor_denied() {
    let server = TestServer::start().await;
    let example: Value = serde_json::from_str(include_str!("../vectors/canvas.json")).unwrap();
    let id = server.import("Q4 Sales Analysis", example.clone()).await;
    let mut ann = TestClient::editor(&server, id, "ann").await;
    // The server has looked when it says something about a neighbour.
    edit(&mut ann, |txn| {
        let items = map(txn, "block_2", &["content", "data_bindings"]).unwrap();
        let item: MapRef = items.insert(txn, "new", MapPrelim::default());
        item.insert(txn, "source", "block_2");
    })
    .await;
    let error = |ann: &TestClient| {
        let txn = ann.doc.transact();
        let item = map(&txn, "block_2", &["content", "data_bindings", "new"])?;
        item.get(&txn, "error").map(|error| error.to_string(&txn))
    };
    ann.until("the neighbour's error", |ann| error(ann).is_some()).await;
    ann.until_saved().await;
    let stored = &server.read(id).await["blocks"][1]["content"]["data_bindings"];
    assert_eq!(stored[0], example["blocks"][1]["content"]["data_bindings"][0]);
}

#[tokio::test]
async fn the_seeds_own_binding_is_true_on_the_sample() {
    let server = TestServer::start().await;
    let mut text = include_str!("../../src/platform/samples/q4_sales.json").to_owned();
    for (key, csv) in [
        ("sales", include_str!("../../src/platform/samples/data/sales_q4_2024.csv")),
        ("sales_by_product", include_str!("../../src/platform/samples/data/sales_by_product_q4_2024.csv")),
    ] {
        text = text.replace(&format!("{{{{dataset:{key}}}}}"), &upload(&server, csv).await);
    }
    let mut sample: Value = serde_json::from_str(&text).unwrap();
    let bindings = &mut sample["blocks"][1]["content"]["data_bindings"];
    let seed =
        json!([{ "key": "metric:25.3", "source": "block_1", "calculation": "percentage_change", "value": 25.3 }]);
    assert_eq!(*bindings, seed);
    bindings[0]["value"] = json!(99);
    let id = server.import("Q4 Sales Analysis", sample).await;
    let _ann = TestClient::editor(&server, id, "ann").await;
    eventually("the server says what it is", || async {
        server.read(id).await["blocks"][1]["content"]["data_bindings"] == seed
    })
    .await;
}

#[tokio::test]
async fn dur_3_numbers_go_on_while_the_store_hangs_and_are_written_when_it_answers() {
    let server = TestServer::start().await;
    let dataset = upload(&server, CSV).await;
    let id = server.import("c", canvas(&dataset, &json!([binding("total", "sum")]))).await;
    let mut ann = TestClient::editor(&server, id, "ann").await;
    until_says(&mut ann, "total", Ok(440.0)).await;
    server.store.set(Mode::HangWrites);
    set(&mut ann, "n", &["content", "data_bindings", "total"], "calculation", "max").await;
    until_says(&mut ann, "total", Ok(150.0)).await;
    assert!(ann.acked < ann.sent);
    server.store.set(Mode::Well);
    ann.until_saved().await;
    let server = server.restart().await;
    let stored = server.read(id).await;
    assert_eq!(stored["blocks"][1]["content"]["data_bindings"][0]["value"], 150);
}

#[tokio::test]
async fn dur_3_a_number_is_no_reason_to_go_past_the_bound_and_comes_when_there_is_room() {
    let server = TestServer::with(&["--max-room-pending-bytes", "20"]).await;
    let dataset = upload(&server, CSV).await;
    let id = server.import("c", canvas(&dataset, &json!([binding("total", "sum")]))).await;
    let mut ann = TestClient::editor(&server, id, "ann").await;
    until_says(&mut ann, "total", Ok(440.0)).await;
    eventually("that is stored", || async { server.ready().await["store"]["pending_bytes"] == 0 }).await;
    server.store.set(Mode::HangWrites);
    // Taken, and with it the room is full: what is computed of it is not taken.
    set(&mut ann, "n", &["content", "data_bindings", "total"], "calculation", "max").await;
    let notice = |ann: &TestClient, kind: &str| ann.notices.iter().any(|notice| notice["type"] == kind);
    ann.until("the room is read-only", |ann| notice(ann, "read_only")).await;
    assert_eq!(says(&ann, "total"), Ok(440.0));
    server.store.set(Mode::Well);
    ann.until("writable again", |ann| notice(ann, "writable")).await;
    until_says(&mut ann, "total", Ok(150.0)).await;
}

/// More than anybody reads, with filters as long as a message can be: they are computed like the others, while the room goes on.
#[tokio::test]
async fn lim_1_a_canvas_made_of_numbers_and_filters_disturbs_nobody() {
    let server = TestServer::start().await;
    let dataset = upload(&server, CSV).await;
    let bindings: Vec<_> = (0..1_200).map(|key| binding(&format!("{key:04}"), &format!("sum:@{key}"))).collect();
    let id = server.import("c", canvas(&dataset, &json!(bindings))).await;
    let mut ann = TestClient::editor(&server, id, "ann").await;
    let names: Vec<_> = (0..40_000).map(|number| format!("somewhere {number}")).chain(["South".to_owned()]).collect();
    let filter = filters(json!([{ "field": "region", "op": "in", "value": names }]));
    set(&mut ann, "c", &["content"], "filters", filter).await;
    until_says(&mut ann, "0000", Ok(190.0)).await;
    until_says(&mut ann, "0499", Ok(190.0)).await;
    until_says(&mut ann, "0999", Err("This canvas has more than 500 numbers; only so many are kept true.")).await;
    assert_eq!(says(&ann, "1000"), Err("Some(Any(Null)) None".to_owned()), "nothing was written");
    // And it has come to rest.
    ann.until_saved().await;
    set(&mut ann, "n", &["content", "data_bindings", "0000"], "calculation", "count").await;
    until_says(&mut ann, "0000", Ok(2.0)).await;
}

#[tokio::test]
async fn lim_1_many_canvases_at_once_all_get_their_numbers() {
    let server = TestServer::start().await;
    let dataset = upload(&server, CSV).await;
    let mut clients = Vec::new();
    for _ in 0..40 {
        let id = server.import("c", canvas(&dataset, &json!([binding("total", "sum")]))).await;
        clients.push(TestClient::editor(&server, id, "ann").await);
    }
    for client in &mut clients {
        until_says(client, "total", Ok(440.0)).await;
    }
}

#[tokio::test]
async fn the_samples_of_the_first_start_say_their_numbers_before_anybody_opens_them() {
    let server = TestServer::with_samples().await;
    // The owner of the data folder, whose canvases they are; a token is of the same organization.
    let (_, list) = server.call(Method::GET, "/v1/canvases", None).await;
    let items = list["items"].as_array().unwrap();
    let names: Vec<_> = items.iter().map(|item| item["name"].as_str().unwrap()).collect();
    let wanted = [
        "Eight years of American jobs",
        "Fifty years of longer lives",
        "Seattle weather",
        "Carbon dioxide and temperature",
        "Palmer penguins",
        "Q4 Sales Analysis",
    ];
    assert_eq!(names, wanted);
    for item in items {
        let canvas = server.read(item["id"].as_str().unwrap().parse().unwrap()).await;
        let blocks = canvas["blocks"].as_array().unwrap();
        let bindings: Vec<_> =
            blocks.iter().filter_map(|b| b["content"]["data_bindings"].as_array()).flatten().collect();
        assert!(!bindings.is_empty(), "{}", item["name"]);
        assert!(bindings.iter().all(|b| b["value"].is_number() && b.get("error").is_none()), "{bindings:?}");
    }
    assert_eq!(server.app().hub.open_rooms(), 0);
}
