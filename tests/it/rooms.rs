//! `[ROOM-1]` and the life of rooms.

use std::sync::atomic::Ordering;

use jabiru::config::Limits;
use jabiru::store::Store;

use crate::support::{Mode, TestClient, TestHub, TestServer, eventually};

#[tokio::test]
async fn room_1_concurrent_first_joins_share_one_load() {
    let hub = TestHub::start(Limits::default()).await;
    hub.store.set(Mode::HangLoads);
    let joins = (0..20).map(|index| {
        let hub = &hub;
        async move { hub.join(&format!("user{index}")).await }
    });
    let joins = futures_util::future::join_all(joins);
    let release = async {
        eventually("the load has begun", || async { hub.store.troubled() > 0 }).await;
        hub.store.set(Mode::Well);
    };
    let (seats, ()) = tokio::join!(joins, release);
    assert_eq!(seats.len(), 20);
    assert_eq!(hub.store.loads(), 1);
    assert_eq!(hub.hub.open_rooms(), 1);
}

#[tokio::test]
async fn a_thousand_rooms_opened_and_left_leave_nothing_open() {
    let hub = TestHub::start(Limits { room_idle: std::time::Duration::from_millis(1), ..Limits::default() }).await;
    for _ in 0..1000 {
        drop(hub.join("ann").await);
    }
    eventually("no room is open", || async { hub.hub.open_rooms() == 0 }).await;
    assert_eq!(hub.hub.node().pressure.pending_bytes(), 0);
}

/// What plain queries of the store see follows the document without anybody waiting for it.
#[tokio::test]
async fn a_store_with_a_place_for_it_is_given_what_the_canvas_shows() {
    let hub = TestHub::start(Limits { room_idle: std::time::Duration::from_millis(1), ..Limits::default() }).await;
    let rename = |name: &str| {
        let name = Some(name.to_owned());
        async { hub.hub.rename(hub.record.id, name, None, "ann").await.unwrap() }
    };
    rename("nobody sees it").await;
    eventually("the room has ended", || async { hub.hub.open_rooms() == 0 }).await;
    assert!(hub.store.shown.borrow().is_empty(), "a store without a place for it is not asked");

    hub.store.shows.store(true, Ordering::SeqCst);
    let seat = hub.join("ann").await;
    let last = || hub.store.shown.borrow().last().map(|canvas| canvas.name.clone());
    for name in ["one", "two", "three"] {
        rename(name).await;
    }
    eventually("the copy of an open canvas", || async { last().as_deref() == Some("three") }).await;
    assert_eq!(hub.store.shown.borrow().len(), 1, "not one for each change");
    hub.store.set(Mode::HangWrites);
    let slow = hub.hub.rename(hub.record.id, Some("four".to_owned()), None, "ann");
    let release = async {
        eventually("a copy that waits for the store", || async { hub.store.troubled() > 1 }).await;
        // The room does not.
        assert_eq!(hub.hub.read(hub.record.id).await.unwrap().name, "four");
        hub.store.set(Mode::Well);
    };
    let (renamed, ()) = tokio::join!(slow, release);
    renamed.unwrap();
    rename("five").await;
    drop(seat);
    eventually("the copy of a canvas that was left", || async { last().as_deref() == Some("five") }).await;
}

#[tokio::test]
async fn deleting_a_canvas_closes_its_sessions_and_restoring_brings_everything_back() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    ann.set("k", "v").await;
    ann.until_saved().await;
    let (status, _) = server.call(reqwest::Method::DELETE, &format!("/v1/canvases/{canvas}"), None).await;
    assert_eq!(status, 204);
    assert_eq!(ann.until_closed().await.0, 4404);
    let options = crate::support::Options::role(&server, jabiru::access::Role::Editor, "ann");
    let mut again = TestClient::join(&server, canvas, options).await;
    assert_eq!(again.until_closed().await.0, 4404);
    let (status, _) = server.call(reqwest::Method::POST, &format!("/v1/canvases/{canvas}/restore"), None).await;
    assert_eq!(status, 200);
    eventually("the room has ended", || async { server.app().hub.open_rooms() == 0 }).await;
    let mut ben = TestClient::editor(&server, canvas, "ben").await;
    ben.until("the saved edit", |ben| ben.get("k").is_some()).await;
    assert!(server.store.canvas(canvas).await.unwrap().unwrap().deleted_at.is_none());
}
