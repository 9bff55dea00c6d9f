//! `[ACC-*]`: who may do what, on every route and on the socket.

use std::sync::atomic::Ordering;

use jabiru::access::{Claims, Role};
use jabiru::clock::Clock;
use reqwest::{Method, StatusCode, header};
use serde_json::json;

use crate::support::server::sign;
use crate::support::{Options, TestClient, TestServer};

const ROLES: [Role; 4] = [Role::Viewer, Role::Commenter, Role::Editor, Role::Owner];

#[tokio::test]
async fn acc_1_every_route_asks_for_its_role() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    // Method, path, body, the least role.
    let id = format!("/v1/canvases/{canvas}");
    let routes = [
        (Method::GET, "/v1/canvases".to_owned(), None, Role::Viewer),
        (Method::GET, id.clone(), None, Role::Viewer),
        (Method::GET, format!("{id}/presence"), None, Role::Viewer),
        (Method::PUT, format!("{id}/favourite"), None, Role::Viewer),
        (Method::DELETE, format!("{id}/favourite"), None, Role::Viewer),
        (Method::PUT, format!("{id}/opened"), None, Role::Viewer),
        (Method::GET, "/v1/datasets".to_owned(), None, Role::Viewer),
        (Method::POST, "/v1/canvases".to_owned(), Some(json!({ "name": "n" })), Role::Editor),
        (Method::POST, format!("{id}/duplicate"), None, Role::Editor),
        (Method::PATCH, id.clone(), Some(json!({ "name": "n" })), Role::Editor),
        (Method::DELETE, id.clone(), None, Role::Owner),
        (Method::POST, format!("{id}/restore"), None, Role::Owner),
    ];
    for (method, path, body, least) in &routes {
        for role in ROLES {
            let mut request = server.request(method.clone(), path, &server.token("*", role, "who"));
            if let Some(body) = body {
                request = request.json(body);
            }
            let status = request.send().await.unwrap().status();
            if role >= *least {
                assert!(status.is_success(), "{role} {method} {path}: {status}");
            } else {
                assert_eq!(status, StatusCode::FORBIDDEN, "{role} {method} {path}");
            }
        }
        let bare = server.http.request(method.clone(), server.url(path)).send().await.unwrap();
        assert_eq!(bare.status(), StatusCode::UNAUTHORIZED, "{method} {path} without a credential");
        assert_eq!(bare.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
}

#[tokio::test]
async fn acc_2_a_token_for_one_canvas_opens_nothing_else() {
    let server = TestServer::start().await;
    let dataset = server
        .request(Method::POST, "/v1/datasets?name=d", &server.owner())
        .header(header::CONTENT_TYPE, "text/csv")
        .body("a,b\n1,2\n")
        .send()
        .await
        .unwrap();
    let dataset: serde_json::Value = dataset.json().await.unwrap();
    let rows = format!("/v1/datasets/{}/rows", dataset["id"].as_str().unwrap());
    let shows = json!({ "blocks": [{ "id": "t", "type": "table", "position": { "x": 0, "y": 0, "w": 6, "h": 4 },
        "content": { "title": "", "data_source": { "type": "dataset", "dataset_id": dataset["id"] }, "columns": [] } },
        { "id": "n", "type": "narrative", "position": { "x": 0, "y": 9, "w": 6, "h": 4 }, "content": { "text": "no data" } }] });
    let (a, b) = (server.import("a", shows).await, server.create("b").await);
    let for_a = server.token(&a.to_string(), Role::Owner, "ann");
    let for_b = server.token(&b.to_string(), Role::Owner, "ben");
    let get = |path: String, token: String| {
        let server = &server;
        async move { server.request(Method::GET, &path, &token).send().await.unwrap().status() }
    };
    assert_eq!(get(format!("/v1/canvases/{a}"), for_a.clone()).await, StatusCode::OK);
    assert_eq!(get(format!("/v1/canvases/{b}"), for_a.clone()).await, StatusCode::FORBIDDEN);
    assert_eq!(get("/v1/canvases".to_owned(), for_a.clone()).await, StatusCode::FORBIDDEN);
    assert_eq!(get("/v1/datasets".to_owned(), for_a.clone()).await, StatusCode::FORBIDDEN);
    assert_eq!(get(rows.clone(), for_a.clone()).await, StatusCode::OK, "the data its canvas shows");
    assert_eq!(get(rows, for_b).await, StatusCode::NOT_FOUND, "and no other");

    let options = Options { token: for_a, query: String::new(), headers: Vec::new() };
    let mut client = TestClient::join(&server, b, options).await;
    let (code, reason) = client.until_closed().await;
    assert_eq!(code, 4403);
    assert_eq!(client.refusals, [reason]);
    assert!(!client.synced);
}

#[tokio::test]
async fn acc_4_refused_tokens_say_why() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let now = Clock::system().now() / 1000;
    let claims =
        Claims { sub: "s".into(), name: String::new(), canvas: "*".into(), role: "editor".into(), exp: now + 60 };
    let forged = {
        let token = sign(&claims);
        let (head, signature) = token.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { 'B' } else { 'A' };
        format!("{head}.{first}{}", &signature[1..])
    };
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzIiwiY2FudmFzIjoiKiIsInJvbGUiOiJvd25lciIsImV4cCI6OTk5OTk5OTk5OX0.";
    let cases = [
        (sign(&Claims { exp: now - 1, ..claims.clone() }), "expired"),
        (forged, "not signed"),
        (unsigned.to_owned(), "token"),
        (sign(&Claims { role: "admin".into(), ..claims.clone() }), "not a role"),
        (sign(&Claims { canvas: "x".into(), ..claims.clone() }), "no canvas id"),
        (sign(&Claims { sub: String::new(), ..claims.clone() }), "sub"),
        ("garbage".to_owned(), "not a valid token"),
        (String::new(), "token"),
    ];
    for (token, why) in cases {
        let options = Options { token: token.clone(), query: String::new(), headers: Vec::new() };
        let mut client = TestClient::join(&server, canvas, options).await;
        let (code, reason) = client.until_closed().await;
        assert_eq!(code, 4401, "{reason}");
        assert!(reason.contains(why), "`{reason}` should say `{why}`");
        assert_eq!(client.refusals, [reason]);
        let response = server.request(Method::GET, "/v1/me", &token).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
    let options = Options { token: sign(&claims), query: String::new(), headers: Vec::new() };
    let mut unknown = TestClient::open(&server, "no-such-id", options).await.unwrap();
    assert_eq!(unknown.until_closed().await.0, 4404);
}

#[tokio::test]
async fn acc_4_a_token_that_ends_ends_its_session() {
    let (clock, time) = Clock::manual(Clock::system().now());
    let server = TestServer::with_clock(clock, &["--keepalive-seconds", "0.05"]).await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    time.fetch_add(2 * 3600 * 1000, Ordering::Relaxed);
    let (code, reason) = ann.until_closed().await;
    assert_eq!(code, 4401);
    assert!(reason.contains("expired"), "{reason}");
}

#[tokio::test]
async fn a_viewers_update_changes_nothing_and_the_viewer_is_told() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    ann.write("text").await;
    ann.until_saved().await;
    for role in [Role::Viewer, Role::Commenter] {
        let rows = server.store.appended();
        let mut eve = TestClient::join(&server, canvas, Options::role(&server, role, "eve")).await;
        eve.until("synced", |eve| eve.synced && eve.text() == "text").await;
        // Answering the server's question with nothing new is no edit, and it is acked.
        eve.until_saved().await;
        eve.set("k", "v").await;
        eve.set("l", "v").await;
        eve.until("told", |eve| eve.notices.iter().any(|n| n["type"] == "update_refused" && n["reason"] == "role"))
            .await;
        eve.barrier().await;
        assert!(eve.acked < eve.sent, "a refused update is not acked");
        assert_eq!(eve.notices.iter().filter(|n| n["type"] == "update_refused").count(), 1, "told once");
        // Deleting is an edit too, also when it comes as the answer to a question.
        let deletion = eve.edit(|txn| {
            let text = yrs::WriteTxn::get_or_insert_text(txn, "text");
            yrs::Text::remove_range(&text, txn, 0, 2);
        });
        eve.sent += 1;
        eve.send(jabiru::protocol::sync_step2(&deletion)).await;
        eve.barrier().await;
        ann.barrier().await;
        assert_eq!(ann.text(), "text");
        assert_eq!(server.store.appended(), rows);

        let mut stock = TestClient::join(&server, canvas, Options::role(&server, role, "stock").stock()).await;
        stock.until("synced", |stock| stock.synced).await;
        stock.set("k", "v").await;
        stock.until("a stock client is told as well", |stock| !stock.refusals.is_empty()).await;
        assert!(stock.refusals[0].contains("read-only"), "{:?}", stock.refusals);
    }
}

#[tokio::test]
async fn the_login_link_works_once_and_its_cookie_needs_our_own_pages_for_changes() {
    let server = TestServer::start().await;
    let link = server.app().login_url().await.unwrap();
    let first = server.http.get(&link).send().await.unwrap();
    assert_eq!(first.status(), StatusCode::SEE_OTHER);
    let cookie = first.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    assert_eq!(server.http.get(&link).send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "a second use");

    let me = server.http.get(server.url("/v1/me")).header(header::COOKIE, &cookie).send().await.unwrap();
    let me: serde_json::Value = me.json().await.unwrap();
    assert_eq!(me["role"], "owner");

    let origin = format!("http://{}", server.app().address);
    let create = |extra: Option<(&'static str, String)>| {
        let mut request =
            server.http.post(server.url("/v1/canvases")).header(header::COOKIE, &cookie).json(&json!({ "name": "n" }));
        if let Some((name, value)) = extra {
            request = request.header(name, value);
        }
        async { request.send().await.unwrap().status() }
    };
    assert_eq!(create(Some(("origin", origin.clone()))).await, StatusCode::CREATED);
    assert_eq!(create(Some(("sec-fetch-site", "same-origin".to_owned()))).await, StatusCode::CREATED);
    assert_eq!(create(Some(("origin", "https://evil.example.org".to_owned()))).await, StatusCode::FORBIDDEN);
    assert_eq!(create(Some(("sec-fetch-site", "cross-site".to_owned()))).await, StatusCode::FORBIDDEN);
    assert_eq!(create(None).await, StatusCode::FORBIDDEN);

    // The cookie opens sockets too, from our own pages.
    let canvas = server.create("c").await;
    let headers = vec![("cookie", cookie.clone()), ("origin", origin.clone())];
    let url = server.socket_url(&canvas.to_string());
    let mut request = tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(url).unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let (_socket, response) = tokio_tungstenite::connect_async(request).await.unwrap();
    assert_eq!(response.status(), 101);

    let logout = server.http.post(server.url("/v1/logout")).header(header::COOKIE, &cookie).header("origin", origin);
    assert_eq!(logout.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let after = server.http.get(server.url("/v1/me")).header(header::COOKIE, &cookie).send().await.unwrap();
    assert_eq!(after.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_session_ends_a_day_after_its_last_use() {
    let (clock, time) = Clock::manual(Clock::system().now());
    let server = TestServer::with_clock(clock, &[]).await;
    let link = server.app().login_url().await.unwrap();
    let response = server.http.get(&link).send().await.unwrap();
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let me = || async {
        server.http.get(server.url("/v1/me")).header(header::COOKIE, &cookie).send().await.unwrap().status()
    };
    for _ in 0..3 {
        time.fetch_add(20 * 3600 * 1000, Ordering::Relaxed);
        assert_eq!(me().await, StatusCode::OK, "use keeps it alive");
    }
    time.fetch_add(25 * 3600 * 1000, Ordering::Relaxed);
    assert_eq!(me().await, StatusCode::UNAUTHORIZED);
}
