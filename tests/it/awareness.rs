//! `[AW-*]`: presence.

use jabiru::access::Role;
use jabiru::config::Limits;
use jabiru::protocol::{AwarenessEntry, ServerMessage};
use reqwest::Method;
use serde_json::json;

use crate::support::{Options, TestClient, TestHub, TestServer, eventually};

fn entry(client: u64, clock: u32, x: u32) -> AwarenessEntry {
    AwarenessEntry { client, clock, state: Some(json!({ "x": x }).to_string().into()) }
}

fn presence(messages: &[ServerMessage]) -> Vec<&Vec<AwarenessEntry>> {
    messages
        .iter()
        .filter_map(|message| if let ServerMessage::Awareness(entries) = message { Some(entries) } else { None })
        .collect()
}

/// A hundred editors, a burst of cursors: a peer gets the newest of each in a few frames, not three thousand.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn aw_1_one_frame_a_tick_with_the_newest_of_each_client() {
    let hub = TestHub::start(Limits::default()).await;
    let watcher = hub.join_synced("watcher").await;
    let mut editors = Vec::new();
    for index in 0..100 {
        editors.push(hub.join_synced(&format!("editor{index}")).await);
    }
    let began = tokio::time::Instant::now();
    let rounds = 30;
    for round in 1..=rounds {
        for (index, editor) in editors.iter().enumerate() {
            assert!(editor.room.awareness(vec![entry(1000 + index as u64, round, round)]).await);
            // One at a time: the room handles each before the next is sent.
            tokio::task::yield_now().await;
        }
        // A thirtieth of a second of paused time: every editor sends at 30 Hz.
        tokio::time::sleep(std::time::Duration::from_millis(33)).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(40)).await;
    let taken = watcher.take();
    let frames = presence(&taken);
    let most = began.elapsed().as_secs_f64() * 30.0 + 2.0;
    assert!(!frames.is_empty() && frames.len() as f64 <= most, "{} frames, at most {most}", frames.len());
    for frame in &frames {
        let mut clients: Vec<_> = frame.iter().map(|entry| entry.client).collect();
        clients.dedup();
        clients.sort_unstable();
        clients.dedup();
        assert_eq!(clients.len(), frame.len(), "a client is in a frame once");
    }
    let newest: std::collections::HashMap<_, _> =
        frames.iter().flat_map(|frame| frame.iter()).map(|e| (e.client, e.clock)).collect();
    assert_eq!(newest.len(), 100);
    assert!(newest.values().all(|clock| *clock == rounds), "the newest state of everyone arrives");
}

#[tokio::test]
async fn aw_1_a_quiet_room_sends_at_once_and_frames_are_shared() {
    let hub = TestHub::start(Limits::default()).await;
    let (ann, ben, eve) = (hub.join_synced("ann").await, hub.join_synced("ben").await, hub.join_synced("eve").await);
    assert!(ann.room.awareness(vec![entry(1, 1, 1)]).await);
    let mut frames = Vec::new();
    for seat in [&ben, &eve] {
        frames.push(seat.frame().await);
    }
    assert_eq!(frames[0].as_ptr(), frames[1].as_ptr(), "encoded once");
}

#[tokio::test]
async fn aw_2_nobody_speaks_for_somebody_else_and_the_server_says_who_one_is() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    let mut ben = TestClient::editor(&server, canvas, "ben").await;
    ann.send_awareness(11, 1, Some(json!({ "user": { "id": "somebody else", "name": "Ann" }, "x": 1 }))).await;
    ben.until("ann's state", |ben| ben.states.contains_key(&11)).await;
    assert_eq!(ben.states[&11]["user"], json!({ "id": "ann", "name": "Ann" }), "user.id is the session's");
    // Ben forges a newer state for Ann's client id, and its removal.
    ben.send_awareness(11, 50, Some(json!({ "x": 666 }))).await;
    ben.send_awareness(11, 51, None).await;
    ben.send_awareness(22, 1, Some(json!({ "x": 2 }))).await;
    ann.until("ben's own state", |ann| ann.states.contains_key(&22)).await;
    assert_eq!(ann.states[&11]["x"], 1);
    ann.send_awareness(11, 2, Some(json!({ "x": 3 }))).await;
    ben.until("ann goes on", |ben| ben.states[&11]["x"] == 3).await;
    // An old clock is no news.
    ann.send_awareness(11, 1, Some(json!({ "x": 4 }))).await;
    ann.send_awareness(12, 1, Some(json!({ "x": 5 }))).await;
    ben.until("the marker after it", |ben| ben.states.contains_key(&12)).await;
    assert_eq!(ben.states[&11]["x"], 3);
}

#[tokio::test]
async fn aw_2_an_echo_does_not_bring_back_who_has_left_and_a_reconnected_client_comes_back() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    let mut ben = TestClient::editor(&server, canvas, "ben").await;
    ben.send_awareness(22, 1, Some(json!({ "x": 2 }))).await;
    ann.send_awareness(11, 5, Some(json!({ "x": 1 }))).await;
    ben.until("ann", |ben| ben.states.contains_key(&11)).await;
    let ann = {
        let reconnected = ann.reconnect(&server, canvas, Options::role(&server, Role::Editor, "ann"));
        let mut ann = reconnected.await;
        ben.until("ann has left", |ben| !ben.states.contains_key(&11)).await;
        // A stock client sends every state it received back, late.
        ben.send_awareness(11, 9, Some(json!({ "x": "ghost" }))).await;
        ben.barrier().await;
        assert!(!ben.states.contains_key(&11), "a ghost");
        // The same client id with the clock it had: its first message after the reconnect.
        ann.send_awareness(11, 5, Some(json!({ "x": 1 }))).await;
        ann.until("the server asks for a higher clock by removing it", |ann| {
            ann.received.iter().any(|m| matches!(m, ServerMessage::Awareness(entries) if entries.iter().any(|e| e.client == 11 && e.state.is_none())))
        })
        .await;
        ann
    };
    let mut ann = ann;
    // y-protocols answers with a clock above the removal's.
    ann.send_awareness(11, 8, Some(json!({ "x": 1 }))).await;
    ben.until("ann is back", |ben| ben.states.contains_key(&11)).await;
}

#[tokio::test]
async fn aw_3_leaving_and_silence_remove_the_state_for_everybody() {
    let server = TestServer::with(&["--presence-timeout-seconds", "0.3"]).await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    let mut ben = TestClient::editor(&server, canvas, "ben").await;
    ann.send_awareness(11, 1, Some(json!({}))).await;
    ben.until("ann", |ben| ben.states.contains_key(&11)).await;
    ben.until("ann expires without renewal", |ben| !ben.states.contains_key(&11)).await;
    ann.send_awareness(11, 3, Some(json!({}))).await;
    ben.until("ann renews and is back", |ben| ben.states.contains_key(&11)).await;
}

#[tokio::test]
async fn aw_3_a_lost_socket_removes_the_state_at_once() {
    let server = TestServer::with(&["--presence-timeout-seconds", "3600"]).await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    let mut ben = TestClient::editor(&server, canvas, "ben").await;
    ann.send_awareness(11, 1, Some(json!({}))).await;
    ben.until("ann", |ben| ben.states.contains_key(&11)).await;
    drop(ann);
    ben.until("ann's socket is gone", |ben| !ben.states.contains_key(&11)).await;
}

/// Ids made up and given up again must not pile up, nor reach anybody.
#[tokio::test]
async fn lim_1_a_session_speaks_for_few_client_ids() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut mallory = TestClient::join(&server, canvas, Options::role(&server, Role::Viewer, "mallory")).await;
    let mut ben = TestClient::editor(&server, canvas, "ben").await;
    for client in 100..200 {
        mallory.send_awareness(client, 1, Some(json!({}))).await;
        mallory.send_awareness(client, 2, None).await;
    }
    mallory.barrier().await;
    ben.barrier().await;
    let heard = ben.received.iter().filter_map(|message| match message {
        ServerMessage::Awareness(entries) => Some(entries.iter().map(|entry| entry.client)),
        _ => None,
    });
    let heard: std::collections::HashSet<u64> = heard.flatten().collect();
    assert!(heard.len() <= 16, "{} ids of one session", heard.len());
}

#[tokio::test]
async fn aw_3_a_client_may_remove_its_own_state() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    let mut ben = TestClient::editor(&server, canvas, "ben").await;
    ann.send_awareness(11, 1, Some(json!({}))).await;
    ben.until("ann", |ben| ben.states.contains_key(&11)).await;
    ann.send_awareness(11, 2, None).await;
    ben.until("ann took it back", |ben| !ben.states.contains_key(&11)).await;
}

#[tokio::test]
async fn aw_4_presence_can_be_read_over_http() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    ann.send_awareness(11, 1, Some(json!({ "user": { "name": "Ann", "color": "#123456" }, "selection": ["b1"] })))
        .await;
    let path = format!("/v1/canvases/{canvas}/presence");
    eventually("ann is listed", || async {
        let (_, here) = server.call(Method::GET, &path, None).await;
        let ann = &here["items"][0];
        ann["user_id"] == "ann"
            && ann["name"] == "Ann"
            && ann["color"] == "#123456"
            && ann["selection"] == json!(["b1"])
    })
    .await;
    drop(ann);
    eventually("nobody is listed", || async { server.call(Method::GET, &path, None).await.1["items"] == json!([]) })
        .await;
}

#[tokio::test]
async fn aw_5_viewers_have_presence_and_presence_is_not_journaled() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    ann.until_saved().await;
    let rows = server.store.appended();
    let mut eve = TestClient::join(&server, canvas, Options::role(&server, Role::Viewer, "eve")).await;
    eve.send_awareness(33, 1, Some(json!({ "x": 1 }))).await;
    ann.until("the viewer's cursor", |ann| ann.states.contains_key(&33)).await;
    assert_eq!(server.store.appended(), rows);
}
