//! `[EVT-1]` `[EVT-2]`: what happens on a canvas is recorded, beside the canvases.

use jabiru::access::Role;

use crate::support::{Options, TestClient, TestServer};

#[tokio::test]
async fn evt_2_joining_editing_and_leaving_are_events_of_the_embedded_store() {
    let mut server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut ann = TestClient::editor(&server, canvas, "ann").await;
    ann.set("k", "secret content").await;
    ann.until_saved().await;
    let _eve = TestClient::join(&server, canvas, Options::role(&server, Role::Viewer, "eve")).await;
    drop(ann);
    server.stop().await.unwrap();
    let database = rusqlite::Connection::open(server.folder.path().join("jabiru.db")).unwrap();
    let mut statement =
        database.prepare("select user_id, event_type, event_data, timestamp from user_events order by id").unwrap();
    let events: Vec<(String, String, String, i64)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let of =
        |user: &str| events.iter().filter(|event| event.0 == user).map(|event| event.1.as_str()).collect::<Vec<_>>();
    assert_eq!(of("ann").first(), Some(&"canvas.joined"));
    assert!(of("ann").contains(&"canvas.edited") && of("ann").contains(&"canvas.left"), "{events:?}");
    for (_, _, data, timestamp) in &events {
        assert!(data.contains(&canvas.to_string()) && !data.contains("secret"), "{data}");
        assert!(*timestamp > 1_700_000_000_000);
    }
}
