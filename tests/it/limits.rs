//! `[LIM-1]` `[LIM-3]`: each limit has a typed answer, and a refused client is told to stop or to try again.

use jabiru::access::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use yrs::{Map, MapPrelim, WriteTxn};

use crate::support::{Options, TestClient, TestServer};

async fn editor_stays_undisturbed(server: &TestServer, canvas: jabiru::id::CanvasId, other: &mut TestClient) {
    let mut eve = TestClient::editor(server, canvas, "eve").await;
    eve.set("after", "all is well").await;
    other.until("the others go on", |other| other.get("after").is_some()).await;
}

#[tokio::test]
async fn lim_1_an_update_over_the_bound_closes_with_4413_and_says_what_to_do() {
    let server = TestServer::with(&["--max-update-bytes", "2000"]).await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    let mut ben = TestClient::editor(&server, canvas, "ben").await;
    ann.set("large", "x".repeat(3000)).await;
    let (code, reason) = ann.until_closed().await;
    assert_eq!(code, 4413);
    assert!(reason.contains("2000"), "{reason}");
    assert_eq!(ann.refusals.len(), 1, "a stock provider shows this");
    editor_stays_undisturbed(&server, canvas, &mut ben).await;
    assert!(ben.get("large").is_none());
}

#[tokio::test]
async fn lim_1_half_a_request_does_not_hold_its_connection() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = TestServer::with(&["--request-head-seconds", "0.3"]).await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    // Nothing, half a line, half a head, and half of the head after a whole one.
    let whole = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    for (sent, answers) in [("", 0), ("GET /heal", 0), ("GET / HTTP/1.1\r\nhost", 0), (&format!("{whole}GET / HT"), 1)]
    {
        let mut socket = tokio::net::TcpStream::connect(server.app().address).await.unwrap();
        socket.write_all(sent.as_bytes()).await.unwrap();
        let mut said = String::new();
        let read = crate::support::within("the connection is closed", socket.read_to_string(&mut said)).await;
        assert!(read.is_ok(), "{sent:?}: {read:?}");
        assert_eq!(said.matches("HTTP/1.1 200").count(), answers, "{sent:?}: {said}");
    }
    // A WebSocket is a request that has arrived.
    editor_stays_undisturbed(&server, canvas, &mut ann).await;
}

#[tokio::test]
async fn lim_1_a_hundred_megabyte_frame_closes_with_4413_before_it_is_read() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut ben = TestClient::editor(&server, canvas, "ben").await;
    let ann = TestClient::editor(&server, canvas, "ann").await;
    let frame = bytes::Bytes::from(vec![0_u8; 100 << 20]);
    // The client reads while it writes, as a browser does.
    let (mut sink, mut stream) = futures_util::StreamExt::split(ann.into_socket());
    let sending = futures_util::SinkExt::send(&mut sink, tokio_tungstenite::tungstenite::Message::Binary(frame));
    let reading = async {
        while let Some(Ok(message)) = futures_util::StreamExt::next(&mut stream).await {
            if let tokio_tungstenite::tungstenite::Message::Close(Some(frame)) = message {
                return Some(u16::from(frame.code));
            }
        }
        None
    };
    let code = crate::support::within("the close frame", async {
        tokio::select! { code = reading => code, () = async { let _ = sending.await; std::future::pending::<()>().await } => None }
    })
    .await;
    assert_eq!(code, Some(4413));
    editor_stays_undisturbed(&server, canvas, &mut ben).await;
}

#[tokio::test]
async fn lim_1_more_blocks_than_allowed_are_refused_on_both_doors() {
    let server = TestServer::with(&["--max-blocks", "20"]).await;
    let block = |index: usize| json!({ "id": format!("b{index}"), "type": "narrative", "position": { "x": 0, "y": index, "w": 1, "h": 1 }, "content": { "text": "" } });
    let blocks: Vec<Value> = (0..21).map(block).collect();
    let (status, problem) =
        server.call(Method::POST, "/v1/canvases", Some(json!({ "name": "c", "canvas": { "blocks": blocks } }))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(problem["detail"].as_str().unwrap().contains("20"), "{problem}");

    let canvas = server.import("c", json!({ "blocks": blocks[..20] })).await;
    let mut ben = TestClient::editor(&server, canvas, "ben").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    let update = ann.edit(|txn| {
        txn.get_or_insert_map("blocks").insert(txn, "b20", MapPrelim::default());
    });
    ann.send_update(&update).await;
    let (code, reason) = ann.until_closed().await;
    assert_eq!(code, 4413, "{reason}");
    editor_stays_undisturbed(&server, canvas, &mut ben).await;
    assert_eq!(server.read(canvas).await["blocks"].as_array().unwrap().len(), 20);
    // Deleting one makes room for one.
    let update = ben.edit(|txn| {
        let blocks = txn.get_or_insert_map("blocks");
        blocks.remove(txn, "b0");
        blocks.insert(txn, "fresh", MapPrelim::default());
    });
    ben.send_update(&update).await;
    ben.until_saved().await;
}

#[tokio::test]
async fn lim_1_a_document_over_its_bound_takes_no_more() {
    let server = TestServer::with(&["--max-document-bytes", "20000"]).await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    // Overwriting costs nothing: what was overwritten is gone.
    for _ in 0..10 {
        ann.set("same key", "x".repeat(8000)).await;
        ann.until_saved().await;
    }
    ann.set("second", "x".repeat(8000)).await;
    ann.until_saved().await;
    ann.set("third", "x".repeat(8000)).await;
    assert_eq!(ann.until_closed().await.0, 4413);
}

#[tokio::test]
async fn lim_1_sessions_of_a_room_and_of_the_node_are_bounded() {
    let server = TestServer::with(&["--max-room-sessions", "2", "--max-sessions", "3"]).await;
    let (canvas, other) = (server.create("c").await, server.create("d").await);
    let _ann = TestClient::editor(&server, canvas, "ann").await;
    let _ben = TestClient::editor(&server, canvas, "ben").await;
    let mut third = TestClient::join(&server, canvas, Options::role(&server, Role::Editor, "eve")).await;
    assert_eq!(third.until_closed().await.0, 1013, "transient: somebody may leave");
    drop(third);
    let options = || Options::role(&server, Role::Editor, "eve");
    crate::support::eventually("the refused session's place is free", || async {
        let mut eve = TestClient::join(&server, other, options()).await;
        while !eve.synced && eve.closed.is_none() {
            eve.step().await;
        }
        if eve.closed.is_some() {
            return false;
        }
        let mut fourth = TestClient::join(&server, other, options()).await;
        assert_eq!(fourth.until_closed().await.0, 1013);
        true
    })
    .await;
}

#[tokio::test]
async fn lim_1_open_rooms_are_bounded() {
    let server = TestServer::with(&["--max-rooms", "1"]).await;
    let (canvas, other) = (server.create("c").await, server.create("d").await);
    let _ann = TestClient::editor(&server, canvas, "ann").await;
    let mut eve = TestClient::join(&server, other, Options::role(&server, Role::Editor, "eve")).await;
    assert_eq!(eve.until_closed().await.0, 1013);
}

#[tokio::test]
async fn lim_1_bodies_and_names_are_bounded() {
    let server = TestServer::start().await;
    let name = "x".repeat(1 << 20);
    let (status, problem) = server.call(Method::POST, "/v1/canvases", Some(json!({ "name": name }))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["field"], "name");
    let body = json!({ "name": "x".repeat(5 << 20) });
    let (status, problem) = server.call(Method::POST, "/v1/canvases", Some(body)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(problem["title"], "Too large");
    let canvas = server.create("c").await;
    let (status, _) =
        server.call(Method::PATCH, &format!("/v1/canvases/{canvas}"), Some(json!({ "name": name }))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn lim_3_silence_ends_the_connection_and_a_client_that_answers_pings_stays() {
    let server = TestServer::with(&["--socket-timeout-seconds", "3", "--keepalive-seconds", "0.1"]).await;
    let canvas = server.create("c").await;
    let mut quiet = TestClient::editor(&server, canvas, "quiet").await;
    let mut stays = TestClient::editor(&server, canvas, "stays").await;
    // Pongs are sent while reading: one client reads on, the other does not until it has been closed.
    let before = stays.received.len();
    // Keepalives for longer than the time after which silence ends a connection.
    stays.until("many keepalives", |stays| stays.received.len() > before + 40).await;
    let (code, _) = quiet.until_closed().await;
    assert_eq!(code, 1013, "transient: a laptop that slept may come back");
}

#[tokio::test]
async fn lim_4_sockets_check_the_origin() {
    let server = TestServer::with(&["--allowed-origins", "https://app.example.org"]).await;
    let canvas = server.create("c").await.to_string();
    let with_origin = |origin: &str| Options {
        headers: vec![("origin", origin.to_owned())],
        ..Options::role(&server, Role::Editor, "ann")
    };
    let own = format!("http://{}", server.app().address);
    for origin in ["https://app.example.org", &own] {
        assert!(TestClient::open(&server, &canvas, with_origin(origin)).await.is_ok(), "{origin}");
    }
    for origin in ["https://evil.example.org", "null", "http://app.example.org"] {
        let refused = TestClient::open(&server, &canvas, with_origin(origin)).await;
        let Err(tokio_tungstenite::tungstenite::Error::Http(response)) = refused else { panic!("{origin} was let in") };
        assert_eq!(response.status(), 403);
    }
}
