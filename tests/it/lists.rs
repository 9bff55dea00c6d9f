//! Lists of canvases: what each person keeps, and searching. The order and paging of every view is in the store's contract too.

use jabiru::access::Role;
use jabiru::id::CanvasId;
use jabiru::store::Store;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::support::TestServer;
use crate::support::hub::{record, seed};

struct Person<'a> {
    server: &'a TestServer,
    token: String,
}

impl<'a> Person<'a> {
    fn new(server: &'a TestServer, name: &str) -> Self {
        Self { server, token: server.token("*", Role::Viewer, name) }
    }

    async fn call(&self, method: Method, path: &str) -> (StatusCode, Value) {
        let response = self.server.request(method, path, &self.token).send().await.unwrap();
        (response.status(), response.json().await.unwrap_or_default())
    }

    async fn mark(&self, method: Method, canvas: CanvasId, what: &str) -> StatusCode {
        self.call(method, &format!("/v1/canvases/{canvas}/{what}")).await.0
    }

    /// The names of a list, page after page.
    async fn names(&self, query: &str) -> Vec<String> {
        let (mut names, mut path) = (Vec::new(), format!("/v1/canvases?limit=2&{query}"));
        loop {
            let (status, page) = self.call(Method::GET, &path).await;
            assert_eq!(status, StatusCode::OK, "{path}: {page}");
            let items = page["items"].as_array().unwrap();
            names.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
            let Some(cursor) = page["next_cursor"].as_str() else { return names };
            path = format!("/v1/canvases?limit=2&{query}&cursor={cursor}");
        }
    }
}

#[tokio::test]
async fn everyone_has_favourites_and_recent_canvases_of_their_own() {
    let server = TestServer::start().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        ids.push(server.create(name).await);
    }
    let (ann, ben) = (Person::new(&server, "ann"), Person::new(&server, "ben"));
    for index in [1, 4, 0, 1] {
        assert_eq!(ann.mark(Method::PUT, ids[index], "favourite").await, StatusCode::NO_CONTENT);
        assert_eq!(ann.mark(Method::PUT, ids[index], "opened").await, StatusCode::NO_CONTENT);
    }
    assert_eq!(ben.mark(Method::PUT, ids[2], "opened").await, StatusCode::NO_CONTENT);
    assert_eq!(ann.names("view=favourites").await, ["a", "e", "b"], "the latest favourite first");
    assert_eq!(ann.names("view=recent").await, ["b", "a", "e"], "the last opened first");
    assert_eq!(ben.names("view=favourites").await, Vec::<String>::new());
    assert_eq!(ben.names("view=recent").await, ["c"]);
    assert_eq!(ben.names("").await, ["e", "d", "c", "b", "a"]);

    let (_, page) = ann.call(Method::GET, "/v1/canvases").await;
    let of = |name: &str| page["items"].as_array().unwrap().iter().find(|item| item["name"] == name).unwrap().clone();
    assert_eq!(of("b")["favourite"], true);
    assert!(of("b")["opened_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!((of("c")["favourite"].as_bool(), &of("c")["opened_at"]), (Some(false), &Value::Null));

    assert_eq!(ann.mark(Method::DELETE, ids[4], "favourite").await, StatusCode::NO_CONTENT);
    assert_eq!(ann.mark(Method::DELETE, ids[4], "favourite").await, StatusCode::NO_CONTENT, "again changes nothing");
    assert_eq!(ann.names("view=favourites").await, ["a", "b"]);
    // What is deleted is in none of them, and takes its place again when it is restored.
    assert_eq!(server.call(Method::DELETE, &format!("/v1/canvases/{}", ids[0]), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(ann.names("view=favourites").await, ["b"]);
    assert_eq!(ann.names("view=recent").await, ["b", "e"]);
    assert_eq!(ann.mark(Method::PUT, ids[0], "favourite").await, StatusCode::NOT_FOUND);
    assert_eq!(ann.mark(Method::PUT, ids[0], "opened").await, StatusCode::NOT_FOUND);
    let restored = server.call(Method::POST, &format!("/v1/canvases/{}/restore", ids[0]), None).await;
    assert_eq!(restored.0, StatusCode::OK);
    assert_eq!(ann.names("view=favourites").await, ["a", "b"]);

    let server = server.restart().await;
    assert_eq!(Person::new(&server, "ann").names("view=recent").await, ["b", "a", "e"]);
}

#[tokio::test]
async fn searching_looks_at_name_and_description_whatever_the_case() {
    let server = TestServer::start().await;
    for (name, description) in
        [("Übersicht 2026", ""), ("Sales", "ein überblick"), ("100% done", ""), ("Penguins", "birds")]
    {
        let canvas = serde_json::json!({ "name": name, "description": description });
        assert_eq!(server.call(Method::POST, "/v1/canvases", Some(canvas)).await.0, StatusCode::CREATED);
    }
    let ann = Person::new(&server, "ann");
    assert_eq!(ann.names("query=%C3%9CBER").await, ["Sales", "Übersicht 2026"]);
    assert_eq!(ann.names("query=%25").await, ["100% done"], "no wildcards");
    assert_eq!(ann.names("query=_").await, Vec::<String>::new());
    assert_eq!(ann.names("query=%20penG%20").await, ["Penguins"]);
    assert_eq!(ann.names("query=").await.len(), 4);
    let (_, page) = ann.call(Method::GET, "/v1/canvases?query=sales").await;
    let sales: CanvasId = page["items"][0]["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(ann.mark(Method::PUT, sales, "favourite").await, StatusCode::NO_CONTENT);
    assert_eq!(ann.names("query=%C3%BCber&view=favourites").await, ["Sales"]);
    assert_eq!(ann.names("query=%C3%BCber&view=recent").await, Vec::<String>::new());
}

#[tokio::test]
async fn lim_1_what_a_list_cannot_answer_is_refused_with_a_reason() {
    let server = TestServer::start().await;
    let mut cursors = Vec::new();
    for name in ["a", "b"] {
        let canvas = server.create(name).await;
        server.call(Method::PUT, &format!("/v1/canvases/{canvas}/opened"), None).await;
    }
    for view in ["", "&view=recent"] {
        let (_, page) = server.call(Method::GET, &format!("/v1/canvases?limit=1{view}"), None).await;
        cursors.push(page["next_cursor"].as_str().unwrap().to_owned());
    }
    let long = "x".repeat(201);
    for bad in [
        "view=trending".to_owned(),
        "view=recent&deleted=true".to_owned(),
        "deleted=perhaps".to_owned(),
        format!("query={long}"),
        // A cursor of another list is no place in this one.
        format!("view=recent&cursor={}", cursors[0]),
        format!("view=favourites&cursor={}", cursors[1]),
        format!("cursor={}", cursors[1]),
    ] {
        let (status, problem) = server.call(Method::GET, &format!("/v1/canvases?{bad}"), None).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}");
        assert_eq!(problem["status"], 400, "{bad}: {problem}");
    }
}

#[tokio::test]
async fn acc_2_nobody_marks_or_finds_another_organizations_canvas() {
    let server = TestServer::start().await;
    let theirs = record("another organization", "secret");
    server.store.create_canvas(theirs.clone(), seed(&theirs)).await.unwrap();
    let ann = Person::new(&server, "ann");
    for (method, what) in [(Method::PUT, "favourite"), (Method::DELETE, "favourite"), (Method::PUT, "opened")] {
        assert_eq!(ann.mark(method.clone(), theirs.id, what).await, StatusCode::NOT_FOUND, "{method} {what}");
    }
    // From over there neither: what is ours is as absent for them.
    let ours = server.create("ours").await;
    let otto = server.outsider();
    for (method, what) in [(Method::PUT, "favourite"), (Method::DELETE, "favourite"), (Method::PUT, "opened")] {
        let request = server.as_cookie(method.clone(), &format!("/v1/canvases/{ours}/{what}"), &otto);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::NOT_FOUND, "{method} {what}");
    }
    let list: Value = server.as_cookie(Method::GET, "/v1/canvases", &otto).send().await.unwrap().json().await.unwrap();
    assert_eq!(list["items"], serde_json::json!([]));
    // Even a mark that exists, as of somebody with the same id over there, shows nothing.
    server.store.set_favourite("ann", theirs.id, Some(1)).await.unwrap();
    server.store.set_opened("ann", theirs.id, 1).await.unwrap();
    for query in ["view=favourites", "view=recent", "query=secret"] {
        assert_eq!(ann.names(query).await, Vec::<String>::new(), "{query}");
    }
    assert_eq!(ann.names("").await, ["ours"]);
    // A token for one canvas marks that one only.
    let (a, b) = (server.create("a").await, server.create("b").await);
    let guest = Person { server: &server, token: server.token(&a.to_string(), Role::Viewer, "guest") };
    assert_eq!(guest.mark(Method::PUT, a, "opened").await, StatusCode::NO_CONTENT);
    assert_eq!(guest.mark(Method::PUT, b, "opened").await, StatusCode::FORBIDDEN);
    assert_eq!(guest.call(Method::GET, "/v1/canvases?view=recent").await.0, StatusCode::FORBIDDEN);
}
