//! `[ACC-*]`: who may do what, on every route and on the socket.

use std::sync::atomic::Ordering;

use jabiru::access::{Claims, Role};
use jabiru::clock::Clock;
use reqwest::{Method, StatusCode, header};
use serde_json::json;

use crate::support::server::sign;
use crate::support::services;
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

/// Somebody who owns another organization, in the databases that all nodes share: their cookie. `[ACC-2]`
async fn shared_outsider(mongodb: &str, redis: &str) -> String {
    use base64::Engine;
    use mongodb::bson::{DateTime, Document, doc};
    use sha2::Digest;
    let database = mongodb::Client::with_uri_str(mongodb).await.unwrap().default_database().unwrap();
    let at = DateTime::now();
    let theirs = doc! { "_id": "theirs", "name": "Theirs", "created_at": at };
    database.collection::<Document>("organizations").insert_one(theirs).await.unwrap();
    let otto = doc! { "_id": "otto", "organization_id": "theirs", "name": "Otto", "role": "owner", "created_at": at };
    database.collection::<Document>("users").insert_one(otto).await.unwrap();
    let cookie = "a cookie of somebody else";
    let key = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(cookie));
    let mut redis = redis::Client::open(redis).unwrap().get_multiplexed_async_connection().await.unwrap();
    let () = redis::cmd("SET").arg(format!("session:{key}")).arg("otto").query_async(&mut redis).await.unwrap();
    format!("jabiru_session={cookie}")
}

/// `[ACC-2]` `[ACC-4]` A person, an image and a dataset of one node are known on the other, and to no other organization on either.
#[tokio::test]
async fn acc_2_any_node_serves_any_person_image_and_dataset_of_their_own_organization() {
    let (mongodb, redis) = (services::shared_mongo().await, services::shared_redis().await);
    let flags = ["--mongodb-url", &mongodb, "--redis-url", &redis];
    let (one, other) = tokio::join!(TestServer::with(&flags), TestServer::with(&flags));

    // A link of one node works once, on either; its cookie is good on both until it is ended on one.
    let link = one.app().login_url().await.unwrap();
    let token = link.split_once("/login?").unwrap().1;
    let entered = other.http.get(other.url(&format!("/login?{token}"))).send().await.unwrap();
    assert_eq!(entered.status(), StatusCode::SEE_OTHER);
    assert_eq!(one.http.get(&link).send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "a second use");
    let cookie = entered.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let ask = |server: &TestServer, path: &str, cookie: &str| server.as_cookie(Method::GET, path, cookie).send();
    let mut people = Vec::new();
    for server in [&one, &other] {
        let me: serde_json::Value = ask(server, "/v1/me", &cookie).await.unwrap().json().await.unwrap();
        assert_eq!((&me["role"], &me["organization"]["name"]), (&json!("owner"), &json!("Home")), "{me}");
        people.push((me["user"]["id"].clone(), me["organization"]["id"].clone()));
    }
    assert_eq!(people[0], people[1], "nodes that started at once have one owner");

    let image = one.as_cookie(Method::POST, "/v1/images", &cookie).header(header::CONTENT_TYPE, "image/gif");
    let image = image.body(&b"GIF89a\x02\0\x03\0\0\0\0"[..]).send().await.unwrap();
    assert_eq!(image.status(), StatusCode::CREATED);
    let image: serde_json::Value = image.json().await.unwrap();
    let data = other.as_cookie(Method::POST, "/v1/datasets?name=d", &cookie).header(header::CONTENT_TYPE, "text/csv");
    let data = data.body("a,b\n1,x\n").send().await.unwrap();
    assert_eq!(data.status(), StatusCode::CREATED);
    let data: serde_json::Value = data.json().await.unwrap();
    let (image, data) = (image["id"].as_str().unwrap(), data["id"].as_str().unwrap());
    let paths = [format!("/v1/images/{image}"), format!("/v1/datasets/{data}"), format!("/v1/datasets/{data}/rows")];
    let otto = shared_outsider(&mongodb, &redis).await;
    for server in [&one, &other] {
        for path in &paths {
            assert_eq!(ask(server, path, &cookie).await.unwrap().status(), StatusCode::OK, "{path}");
            assert_eq!(ask(server, path, &otto).await.unwrap().status(), StatusCode::NOT_FOUND, "{path}");
        }
        let list = |cookie: &str| {
            let asked = ask(server, "/v1/datasets", cookie);
            async { asked.await.unwrap().json::<serde_json::Value>().await.unwrap()["items"].as_array().unwrap().len() }
        };
        assert_eq!((list(&cookie).await, list(&otto).await), (1, 0));
        let me: serde_json::Value = ask(server, "/v1/me", &otto).await.unwrap().json().await.unwrap();
        assert_eq!(me["organization"]["name"], "Theirs");
    }

    let logout = other.as_cookie(Method::POST, "/v1/logout", &cookie).send().await.unwrap();
    assert_eq!(logout.status(), StatusCode::NO_CONTENT);
    for server in [&one, &other] {
        assert_eq!(ask(server, "/v1/me", &cookie).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
}

/// Each variable works alone: the embedded part stands in for the other.
#[tokio::test]
async fn a_person_logs_in_with_mongodb_alone_and_with_redis_alone() {
    let (mongodb, redis) = (services::shared_mongo().await, services::shared_redis().await);
    for flags in [["--mongodb-url", &mongodb], ["--redis-url", &redis]] {
        let server = TestServer::with(&flags).await.restart().await;
        let entered = server.http.get(server.app().login_url().await.unwrap()).send().await.unwrap();
        assert_eq!(entered.status(), StatusCode::SEE_OTHER, "{flags:?}");
        let cookie = entered.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let server = server.restart().await;
        let me = server.as_cookie(Method::GET, "/v1/me", &cookie).send().await.unwrap();
        assert_eq!(me.status(), StatusCode::OK, "{flags:?}: a session outlives a restart");
    }
}

/// A request of each limited kind, as the owner; what a limit answers.
async fn limited(server: &TestServer) -> Vec<reqwest::Response> {
    let send = |request: reqwest::RequestBuilder| async { request.send().await.unwrap() };
    let upload = |path, kind, body: &'static str| {
        let request = server.request(Method::POST, path, &server.owner());
        request.header(header::CONTENT_TYPE, kind).body(body)
    };
    vec![
        send(server.http.get(server.url("/login?token=no"))).await,
        send(upload("/v1/datasets?name=d", "text/csv", "a\n1\n")).await,
        send(upload("/v1/images", "image/gif", "GIF89a\x02\0\x03\0\0\0\0")).await,
        send(server.request(Method::POST, "/v1/canvases", &server.owner()).json(&json!({ "name": "n" }))).await,
    ]
}

/// `[LIM-1]` `[LIM-3]` A limit a minute on each of the four, told with the time to come back; with Redis all nodes count together.
#[tokio::test]
async fn lim_1_haste_is_answered_with_429_or_4429_and_nodes_count_together() {
    let redis = services::shared_redis().await;
    let flags = ["--max-logins-per-minute=1", "--max-uploads-per-minute=2", "--max-creates-per-minute=1"];
    let alone: Vec<_> = flags.into_iter().chain(["--max-joins-per-minute=1"]).collect();
    let together: Vec<_> = alone.iter().copied().chain(["--redis-url", &redis]).collect();
    for (flags, second) in [(&alone, None), (&together, Some(TestServer::with(&together).await))] {
        let first = TestServer::with(flags).await;
        let second = second.as_ref().unwrap_or(&first);
        let wanted = [StatusCode::UNAUTHORIZED, StatusCode::CREATED, StatusCode::CREATED, StatusCode::CREATED];
        assert_eq!(limited(&first).await.iter().map(reqwest::Response::status).collect::<Vec<_>>(), wanted);
        for refused in limited(second).await {
            assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "{}", refused.url());
            assert_eq!(refused.headers()[header::CONTENT_TYPE], "application/problem+json");
            let wait: u64 = refused.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
            let problem: serde_json::Value = refused.json().await.unwrap();
            assert_eq!(problem["retry_after_seconds"], wait, "{problem}");
            assert!(problem["detail"].as_str().unwrap().contains("try again"), "{problem}");
        }
        // Others are counted by themselves, and reading is not counted.
        let ben = second.token("*", Role::Owner, "ben");
        let create = second.request(Method::POST, "/v1/canvases", &ben).json(&json!({ "name": "n" }));
        let created: serde_json::Value = create.send().await.unwrap().json().await.unwrap();
        let canvas = created["id"].as_str().unwrap().parse().unwrap();
        let mut ann = TestClient::editor(second, canvas, "ann").await;
        let mut again = TestClient::join(second, canvas, Options::role(second, Role::Editor, "ann")).await;
        let (code, reason) = again.until_closed().await;
        assert_eq!(code, 4429, "{reason}");
        assert!(reason.contains("try again"), "{reason}");
        ann.set("still", "here").await;
        ann.until_saved().await;
    }
}

/// `[LIM-1]` In memory the minute is the server's clock's.
#[tokio::test]
async fn lim_1_after_the_minute_it_goes_on() {
    let (clock, time) = Clock::manual(Clock::system().now());
    let server = TestServer::with_clock(clock, &["--max-creates-per-minute=1"]).await;
    let create = || async { server.call(Method::POST, "/v1/canvases", Some(json!({ "name": "n" }))).await.0 };
    assert_eq!(create().await, StatusCode::CREATED);
    assert_eq!(create().await, StatusCode::TOO_MANY_REQUESTS);
    time.fetch_add(60_000, Ordering::Relaxed);
    assert_eq!(create().await, StatusCode::CREATED);
}
