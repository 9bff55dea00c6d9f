//! `[SYNC-1]` Frames that yjs, y-protocols and lib0 wrote (`tests/vectors/wire.json`).

use serde_json::Value;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, OffsetKind, Options, ReadTxn, Transact, TransactionMut, Update, types::ToJson};

use super::*;

pub(super) fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../tests/vectors/wire.json")).unwrap()
}

pub(super) fn unhex(text: &Value) -> Bytes {
    let text = text.as_str().expect("hex");
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn list<'a>(file: &'a Value, name: &str) -> &'a Vec<Value> {
    file[name].as_array().unwrap()
}

fn may_come_from(vector: &Value, side: &str) -> bool {
    vector["from"].as_array().unwrap().iter().any(|from| from == side)
}

#[test]
fn sync_1_real_frames_mean_what_their_writers_meant() {
    let file = vectors();
    for vector in list(&file, "vectors") {
        let (name, frame, meaning) = (&vector["name"], unhex(&vector["frame"]), &vector["meaning"]);
        let server = server_message::decode(&frame).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        check_server_message(name, meaning, &server);
        let client = decode(&frame, &WireLimits::default());
        if may_come_from(vector, "client") {
            check_client_message(name, meaning, client.unwrap_or_else(|refusal| panic!("{name}: {refusal}")));
        } else {
            assert_eq!(client.map_err(|refusal| refusal.close()), Err(Close::Malformed), "{name}");
        }
        assert_eq!(encode(meaning), frame, "{name}: our encoder writes the same bytes");
    }
}

fn check_server_message(name: &Value, meaning: &Value, message: &ServerMessage) {
    match message {
        ServerMessage::SyncStep1(vector) => assert_eq!(*vector, unhex(&meaning["state_vector"]), "{name}"),
        ServerMessage::SyncStep2(update) | ServerMessage::Update(update) => {
            assert_eq!(*update, unhex(&meaning["update"]), "{name}");
        }
        ServerMessage::Awareness(entries) => check_entries(name, meaning, entries),
        ServerMessage::Refused(reason) => assert_eq!(meaning["reason"], *reason, "{name}"),
        ServerMessage::Notice(json) => assert_eq!(meaning["json_text"], *json, "{name}"),
        ServerMessage::Ack(n) => assert_eq!(meaning["n"], *n, "{name}"),
        ServerMessage::QueryAwareness => assert_eq!(meaning["type"], "query_awareness", "{name}"),
    }
}

fn check_client_message(name: &Value, meaning: &Value, message: ClientMessage) {
    match message {
        ClientMessage::SyncStep1 { state_vector } => {
            assert_eq!(meaning["type"], "sync_step1", "{name}");
            assert_eq!(state_vector, unhex(&meaning["state_vector"]), "{name}");
        }
        ClientMessage::SyncStep2 { update, summary } => {
            assert_eq!(meaning["type"], "sync_step2", "{name}");
            check_document(name, meaning, &update, &summary);
        }
        ClientMessage::Update { update, summary } => {
            assert_eq!(meaning["type"], "update", "{name}");
            check_document(name, meaning, &update, &summary);
        }
        ClientMessage::Awareness(entries) => check_entries(name, meaning, &entries),
        ClientMessage::QueryAwareness => assert_eq!(meaning["type"], "query_awareness", "{name}"),
    }
}

fn check_entries(name: &Value, meaning: &Value, entries: &[AwarenessEntry]) {
    let expected = meaning["entries"].as_array().unwrap();
    assert_eq!(entries.len(), expected.len(), "{name}");
    for (entry, expected) in entries.iter().zip(expected) {
        assert_eq!(expected["client"], entry.client, "{name}");
        assert_eq!(expected["clock"], entry.clock, "{name}");
        let state = entry.state.as_ref().map(|state| std::str::from_utf8(state).unwrap());
        assert_eq!(expected["state"].as_str(), state, "{name}");
    }
}

/// The payload is what Yjs wrote, the summary counts it, and yrs makes the same document of it.
fn check_document(name: &Value, meaning: &Value, update: &Bytes, summary: &UpdateSummary) {
    assert_eq!(*update, unhex(&meaning["update"]), "{name}");
    let counts = [
        ("items", summary.items),
        ("deletes", summary.deletes),
        ("root_keys", summary.root_keys),
        ("types", summary.types),
    ];
    for (field, got) in counts {
        if let Some(expected) = meaning[field].as_u64() {
            assert_eq!(u64::from(got), expected, "{name}: {field}");
        }
    }
    if let Some(client) = meaning["client"].as_u64() {
        assert_eq!(summary.clients[0].client, client, "{name}");
    }
    let doc = Doc::with_options(Options { offset_kind: OffsetKind::Utf16, ..Options::default() });
    let mut txn = doc.transact_mut();
    txn.apply_update(Update::decode_v1(update).unwrap()).unwrap();
    for (root, expected) in meaning["json"].as_object().into_iter().flatten() {
        check_root(name, &txn, root, expected);
    }
}

fn check_root(name: &Value, txn: &TransactionMut<'_>, root: &str, expected: &Value) {
    let got = match root {
        // Formats and embeds have no plain text.
        "text" => Value::String(txn.get_text(root).unwrap().get_string(txn)),
        "array" => serde_json::to_value(txn.get_array(root).unwrap().to_json(txn)).unwrap(),
        "blocks" => serde_json::to_value(txn.get_map(root).unwrap().to_json(txn)).unwrap(),
        _ => return,
    };
    assert_eq!(got, *expected, "{name}: {root}");
}

/// The frame with this meaning, written by us.
fn encode(meaning: &Value) -> Bytes {
    let text = |field: &str| meaning[field].as_str().unwrap();
    match text("type") {
        "sync_step1" => sync_step1(&unhex(&meaning["state_vector"])),
        "sync_step2" => sync_step2(&unhex(&meaning["update"])),
        "update" => message::update(&unhex(&meaning["update"])),
        "awareness" => {
            let entries = meaning["entries"].as_array().unwrap();
            encode_awareness(entries.iter().map(|entry| {
                let clock = u32::try_from(entry["clock"].as_u64().unwrap()).unwrap();
                (entry["client"].as_u64().unwrap(), clock, entry["state"].as_str().map(str::as_bytes))
            }))
        }
        "query_awareness" => query_awareness(),
        "refusal" => refusal(text("reason")),
        "ack" => ack(meaning["n"].as_u64().unwrap()),
        "notice" => notice(text("json_text")),
        other => panic!("unknown meaning {other}"),
    }
}

#[test]
fn lim_2_real_frames_that_we_do_not_take_are_refused() {
    let file = vectors();
    for vector in list(&file, "refused") {
        let result = decode(&unhex(&vector["frame"]), &WireLimits::default());
        assert_eq!(result.map_err(|refusal| refusal.close()), Err(Close::Malformed), "{}", vector["name"]);
    }
}
