//! `[LIM-2]` over the wire: whatever a socket sends, it harms nobody else. The decoder's own tests are beside it in `protocol`.

use jabiru::protocol;
use tokio_tungstenite::tungstenite::Message;
use yrs::{Text, WriteTxn};

use crate::support::{Random, TestClient, TestServer};

/// Frames made to break: the shapes that overflow a stack or reserve gigabytes in an unguarded decoder.
fn crafted() -> Vec<Vec<u8>> {
    let nested_arrays = {
        // One item of one client with content Any (8): arrays in arrays, 6,259 deep.
        let mut update = vec![1, 1, 1, 0, 8, 1, 4, b'r', b'o', b'o', b't', 1];
        update.extend(std::iter::repeat_n([117, 1], 6259).flatten());
        update.extend([127, 0]);
        protocol::update(&update).to_vec()
    };
    let empty_groups = {
        let mut update = vec![0xfc, 0xaa, 0x01];
        update.extend((0..21_884_u32).flat_map(|_| [0, 1, 0]));
        update.push(0);
        protocol::update(&update).to_vec()
    };
    let huge_state_vector = protocol::sync_step1(&[0x80, 0x80, 0x80, 0x80, 0x02]).to_vec();
    let huge_awareness = vec![1, 5, 0x80, 0x80, 0x80, 0x80, 0x02];
    vec![
        nested_arrays,
        empty_groups,
        huge_state_vector,
        huge_awareness,
        vec![],
        vec![0],
        vec![0, 2, 0xff, 0xff, 0xff, 0x7f],
    ]
}

#[tokio::test]
async fn lim_2_crafted_frames_close_their_own_session_only() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut witness = TestClient::editor(&server, canvas, "witness").await;
    for (index, frame) in crafted().into_iter().enumerate() {
        let mut attacker = TestClient::editor(&server, canvas, "mallory").await;
        attacker.send(frame).await;
        let (code, reason) = attacker.until_closed().await;
        assert!(code == 4400 || code == 4413, "frame {index}: {code} {reason}");
        assert!(!reason.is_empty());
    }
    let mut attacker = TestClient::editor(&server, canvas, "mallory").await;
    attacker.send_message(Message::text("hello")).await;
    assert_eq!(attacker.until_closed().await.0, 4400);
    witness.set("still", "here").await;
    witness.until_saved().await;
}

#[tokio::test]
async fn lim_2_random_and_mutated_frames_harm_nobody() {
    let mut random = Random::from_env("lim_2_random_and_mutated_frames_harm_nobody");
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut witness = TestClient::editor(&server, canvas, "witness").await;
    witness.write("the text that must stay 🐦").await;
    witness.until_saved().await;
    for round in 0..150 {
        let mut attacker = TestClient::editor(&server, canvas, "mallory").await;
        let valid = attacker.edit(|txn| txn.get_or_insert_text("attack").push(txn, "0123456789"));
        let mut frame = protocol::update(&valid).to_vec();
        match round % 3 {
            0 => {
                frame = {
                    let length = random.below(200);
                    random.bytes(length)
                }
            }
            1 => frame.truncate(random.below(frame.len())),
            _ => {
                for _ in 0..=random.below(4) {
                    let at = random.below(frame.len());
                    frame[at] = random.below(256) as u8;
                }
            }
        }
        attacker.answers = false;
        // Acks of whatever happens to be valid are no business of this test.
        attacker.sent = u64::MAX;
        attacker.send(frame).await;
        // Either it is closed, or the mutation happened to be a valid message and the room goes on.
        attacker.send_step1().await;
        let answers = |client: &TestClient| {
            client.received.iter().filter(|m| matches!(m, protocol::ServerMessage::SyncStep2(_))).count()
        };
        while attacker.closed.is_none() && answers(&attacker) < 2 {
            crate::support::within("an answer or a close", attacker.step()).await;
        }
        if let Some((code, reason)) = &attacker.closed {
            assert!([4400, 4413, 1006].contains(code), "round {round}: {code} {reason}");
        }
    }
    witness.set("still", "here").await;
    witness.until_saved().await;
    assert_eq!(witness.text(), "the text that must stay 🐦");
    let mut late = TestClient::editor(&server, canvas, "late").await;
    late.until("the untouched text", |late| late.text() == "the text that must stay 🐦" && late.get("still").is_some())
        .await;
}

/// A chain of nested types, each message small and well-formed, until deleting its root would overflow yrs's stack.
#[tokio::test]
async fn lim_2_nesting_built_by_many_small_updates_is_bounded() {
    let server = TestServer::start().await;
    let canvas = server.create("c").await;
    let mut attacker = TestClient::editor(&server, canvas, "mallory").await;
    let update = attacker.edit(|txn| {
        let root = txn.get_or_insert_map("chain");
        yrs::Map::insert(&root, txn, "0", yrs::MapPrelim::default());
    });
    attacker.send_update(&update).await;
    for depth in 1..700 {
        let update = attacker.edit(|txn| {
            let mut map = yrs::ReadTxn::get_map(txn, "chain").unwrap();
            for level in 0..depth {
                map = yrs::Map::get(&map, txn, &level.to_string()).unwrap().cast().unwrap();
            }
            yrs::Map::insert(&map, txn, depth.to_string(), yrs::MapPrelim::default());
        });
        attacker.send_update(&update).await;
        attacker.drain().await;
        if attacker.closed.is_some() {
            break;
        }
    }
    let (code, _) = attacker.until_closed().await;
    assert_eq!(code, 4413);
    let mut witness = TestClient::editor(&server, canvas, "witness").await;
    witness.set("still", "here").await;
    witness.until_saved().await;
}
