//! Canvases over HTTP, and `[DOC-1]` `[DOC-2]` `[SEED-1]` through the whole server.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use yrs::{Map, ReadTxn, Transact, WriteTxn};

use crate::support::{TestClient, TestServer, eventually};

/// The example canvas of the data model, as far as it belongs to the document.
fn example() -> Value {
    serde_json::from_str(include_str!("../vectors/canvas.json")).unwrap()
}

#[tokio::test]
async fn doc_1_the_example_canvas_imports_is_edited_live_and_exports_equal() {
    let server = TestServer::with(&["--room-idle-seconds", "0.05"]).await;
    let example = example();
    let canvas = server.import("Q4 Sales Analysis", example.clone()).await;
    let same = |exported: &Value, example: &Value| {
        for field in ["name", "description", "layout"] {
            assert_eq!(exported[field], example[field], "{field}");
        }
        assert_eq!(
            exported["metadata"]["tags"].as_array().unwrap().len(),
            example["metadata"]["tags"].as_array().unwrap().len()
        );
        let (theirs, ours) = (exported["blocks"].as_array().unwrap(), example["blocks"].as_array().unwrap());
        assert_eq!(theirs.len(), ours.len());
        for (their, our) in theirs.iter().zip(ours) {
            for field in ["id", "type", "position", "content"] {
                assert_eq!(their[field], our[field], "{}.{field}", our["id"]);
            }
            for field in ["created_by", "created_at"] {
                assert_eq!(their["metadata"][field], our["metadata"][field], "{}.{field}", our["id"]);
            }
        }
    };
    same(&server.read(canvas).await, &example);

    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    let update = ann.edit(|txn| {
        let blocks = txn.get_or_insert_map("blocks");
        let block: yrs::MapRef = blocks.get(txn, "block_1").unwrap().cast().unwrap();
        block.insert(txn, "at", vec![3, 2]);
        let content: yrs::MapRef = block.get(txn, "content").unwrap().cast().unwrap();
        content.insert(txn, "title", "Umsatz nach Region 🐦");
        let narrative: yrs::MapRef = blocks.get(txn, "block_2").unwrap().cast().unwrap();
        let content: yrs::MapRef = narrative.get(txn, "content").unwrap().cast().unwrap();
        let text: yrs::TextRef = content.get(txn, "text").unwrap().cast().unwrap();
        yrs::Text::insert(&text, txn, 0, "# ");
    });
    ann.send_update(&update).await;
    ann.until_saved().await;
    let mut edited = example.clone();
    edited["blocks"][0]["position"] = json!({ "x": 3, "y": 2, "w": 6, "h": 4 });
    edited["blocks"][0]["content"]["title"] = "Umsatz nach Region 🐦".into();
    let text = format!("# {}", edited["blocks"][1]["content"]["text"].as_str().unwrap());
    edited["blocks"][1]["content"]["text"] = text.into();
    // Blocks are sorted by y, x, id: the moved one now comes second.
    edited["blocks"].as_array_mut().unwrap().swap(0, 1);
    same(&server.read(canvas).await, &edited);

    drop(ann);
    eventually("the room is unloaded", || async { server.app().hub.open_rooms() == 0 }).await;
    let exported = server.read(canvas).await;
    same(&exported, &edited);
    // An export is an import.
    let copy = server.import("copy", exported).await;
    let mut renamed = edited.clone();
    renamed["name"] = "copy".into();
    same(&server.read(copy).await, &renamed);
}

#[tokio::test]
async fn doc_2_what_is_the_servers_never_enters_the_document() {
    let server = TestServer::start().await;
    let mut example = example();
    example["sharing"] = json!({ "visibility": "public", "permissions": [{ "user_id": "mallory", "role": "owner" }], "public_link": "x" });
    example["interactions"] = json!({ "views": 145 });
    let canvas = server.import("c", example).await;
    let ann = TestClient::editor(&server, canvas, "ann").await;
    let txn = ann.doc.transact();
    let mut roots: Vec<_> = txn.root_refs().map(|(name, _)| name.to_owned()).collect();
    roots.sort();
    assert_eq!(roots, ["blocks", "canvas"]);
    let mut keys: Vec<_> = txn.get_map("canvas").unwrap().keys(&txn).map(str::to_owned).collect();
    keys.sort();
    assert_eq!(keys, ["description", "layout", "name", "schema", "tags"]);
    let exported = server.read(canvas).await;
    assert_eq!(exported["sharing"]["visibility"], "private", "an import grants nothing");
    assert!(!exported["blocks"].to_string().contains("last_modified"));
}

#[tokio::test]
async fn seed_1_creating_the_same_canvas_again_changes_nothing() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let record = jabiru::store::Store::canvas(&*server.store, canvas).await.unwrap().unwrap();
    let seed = crate::support::hub::seed(&record);
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    let (before, rows) = (ann.state_vector(), server.store.appended());
    ann.send_update(&seed).await;
    ann.until_saved().await;
    jabiru::store::Store::create_canvas(&*server.store, record, seed).await.unwrap();
    let ben = TestClient::editor(&server, canvas, "ben").await;
    assert_eq!(ben.state_vector(), before);
    assert_eq!(server.store.appended(), rows);
}

#[tokio::test]
async fn canvases_are_listed_in_pages_newest_first() {
    let server = TestServer::start().await;
    for index in 0..7 {
        server.create(&format!("canvas {index}")).await;
    }
    let mut names = Vec::new();
    let mut path = "/v1/canvases?limit=3".to_owned();
    loop {
        let (status, page) = server.call(Method::GET, &path, None).await;
        assert_eq!(status, StatusCode::OK);
        names.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/canvases?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(names, (0..7).rev().map(|index| format!("canvas {index}")).collect::<Vec<_>>());
    for bad in ["?limit=0", "?limit=1000", "?cursor=%21", "?cursor=bm9uZQ"] {
        let (status, problem) = server.call(Method::GET, &format!("/v1/canvases{bad}"), None).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}: {problem}");
    }
}

#[tokio::test]
async fn a_rename_reaches_the_open_canvas_and_the_list() {
    let server = TestServer::start().await;
    let canvas = server.create("before").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    let (status, summary) =
        server.call(Method::PATCH, &format!("/v1/canvases/{canvas}"), Some(json!({ "name": "after" }))).await;
    assert_eq!((status, summary["name"].as_str()), (StatusCode::OK, Some("after")));
    let name = |client: &TestClient| {
        let txn = client.doc.transact();
        txn.get_map("canvas").and_then(|map| map.get(&txn, "name")).map(|name| name.to_string(&txn))
    };
    ann.until("the new name", |ann| name(ann).as_deref() == Some("after")).await;
    // And the other way round: a rename in the document reaches the list when it is saved.
    let update = ann.edit(|txn| {
        txn.get_or_insert_map("canvas").insert(txn, "name", "by ann");
    });
    ann.send_update(&update).await;
    ann.until_saved().await;
    let (_, page) = server.call(Method::GET, "/v1/canvases", None).await;
    assert_eq!(page["items"][0]["name"], "by ann");
    // Lists show of it what a name can have.
    let update = ann.edit(|txn| {
        txn.get_or_insert_map("canvas").insert(txn, "name", "ä".repeat(100_000));
    });
    ann.send_update(&update).await;
    ann.until_saved().await;
    let (_, page) = server.call(Method::GET, "/v1/canvases", None).await;
    assert_eq!(page["items"][0]["name"], "ä".repeat(200));
}

#[tokio::test]
async fn a_duplicate_has_the_same_blocks_and_its_own_life() {
    let server = TestServer::start().await;
    let canvas = server.import("c", example()).await;
    let (status, copy) = server.call(Method::POST, &format!("/v1/canvases/{canvas}/duplicate"), None).await;
    assert_eq!(status, StatusCode::CREATED);
    let copy: jabiru::id::CanvasId = copy["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(server.read(copy).await["blocks"], server.read(canvas).await["blocks"]);
    let mut ann = TestClient::editor(&server, copy, "ann").await;
    let update = ann.edit(|txn| {
        txn.get_or_insert_map("blocks").remove(txn, "block_1");
    });
    ann.send_update(&update).await;
    ann.until_saved().await;
    assert_eq!(server.read(copy).await["blocks"].as_array().unwrap().len(), 2);
    assert_eq!(server.read(canvas).await["blocks"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn deleted_canvases_are_gone_from_the_list_and_can_come_back() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let path = format!("/v1/canvases/{canvas}");
    let listed = |deleted: bool| {
        let server = &server;
        async move {
            let (_, page) = server.call(Method::GET, &format!("/v1/canvases?deleted={deleted}"), None).await;
            page["items"].as_array().unwrap().len()
        }
    };
    assert_eq!(server.call(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!((listed(false).await, listed(true).await), (0, 1));
    let (status, problem) = server.call(Method::GET, &path, None).await;
    assert_eq!((status, problem["deleted"].as_bool()), (StatusCode::NOT_FOUND, Some(true)));
    assert_eq!(server.call(Method::POST, &format!("{path}/restore"), None).await.0, StatusCode::OK);
    assert_eq!((listed(false).await, listed(true).await), (1, 0));
}

#[tokio::test]
async fn a_bad_canvas_is_refused_with_the_field_and_what_to_do() {
    let server = TestServer::start().await;
    let mut bad = example();
    bad["blocks"][1]["position"]["w"] = json!(0);
    let (status, problem) =
        server.call(Method::POST, "/v1/canvases", Some(json!({ "name": "c", "canvas": bad }))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["field"], "blocks[1].position.w");
    let request = server
        .request(Method::POST, "/v1/canvases", &server.owner())
        .header("content-type", "application/json")
        .body("{");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn the_shell_answers_health_metrics_and_its_own_description() {
    let server = TestServer::start().await;
    let get = |path: &'static str| async { server.http.get(server.url(path)).send().await.unwrap() };
    assert_eq!(get("/healthz").await.text().await.unwrap(), "ok\n");
    assert_eq!(server.ready().await["status"], "ready");
    assert!(get("/metrics").await.status().is_success());
    let api: Value = get("/v1/openapi.json").await.json().await.unwrap();
    for path in [
        "/v1/canvases",
        "/v1/canvases/{id}",
        "/v1/canvases/{id}/restore",
        "/v1/canvases/{id}/favourite",
        "/v1/canvases/{id}/opened",
        "/v1/canvases/{id}/presence",
        "/v1/datasets",
        "/v1/datasets/{id}",
        "/v1/datasets/{id}/rows",
        "/v1/images",
        "/v1/images/{id}",
        "/v1/me",
    ] {
        assert!(api["paths"][path].is_object(), "{path} is not described");
    }
    let docs = get("/docs").await;
    assert!(docs.headers()["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"));
    assert!(docs.text().await.unwrap().contains("/v1/canvases/{id}/presence"));
    let missing = get("/v1/nothing").await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
}
