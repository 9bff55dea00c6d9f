//! What the whole module promises: real traffic passes unchanged, hostile traffic is refused, and what passes
//! cannot hurt yrs. The limits of single functions are tested with them.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests handle their own bytes, and a panic is how they fail"
)]

mod fuzz;
mod hostile;
mod vectors;

use bytes::{BufMut, Bytes, BytesMut};
use yrs::{
    Array, Doc, Map, MapPrelim, OffsetKind, Options, ReadTxn, StateVector, Text, TextPrelim, Transact, WriteTxn,
};

use super::*;

/// Bytes of a message, written by hand.
#[derive(Default, Clone)]
struct Wire(BytesMut);

impl Wire {
    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.put_slice(bytes);
        self
    }

    fn var(mut self, number: u64) -> Self {
        writer::var_uint(&mut self.0, number);
        self
    }

    fn text(mut self, text: &str) -> Self {
        writer::var_bytes(&mut self.0, text.as_bytes());
        self
    }

    fn repeat(self, times: usize, write: impl Fn(Self, usize) -> Self) -> Self {
        (0..times).fold(self, write)
    }

    fn done(self) -> Bytes {
        self.0.freeze()
    }
}

/// One client group with one item in a root type, and an empty delete set: `content` starts with its kind.
fn one_item(content: impl FnOnce(Wire) -> Wire) -> Bytes {
    let header = Wire::default().var(1).var(1).var(5).var(0);
    content(header).var(0).done()
}

/// The info byte and parent of an item of this content kind in the root type `root`.
fn in_root(kind: u8) -> impl Fn(Wire) -> Wire {
    move |wire| wire.bytes(&[kind]).var(1).text("root")
}

fn refused(bytes: &[u8]) -> bool {
    matches!(check_update(bytes, &WireLimits::default()), Err(Refusal::Malformed { .. }))
}

/// A canvas as a client would have it, with deletions, nested types, text with emoji and plain values.
fn canvas_update(client: u64, blocks: usize) -> Vec<u8> {
    let doc = Doc::with_options(Options {
        client_id: yrs::ClientID::new(client),
        offset_kind: OffsetKind::Utf16,
        ..Options::default()
    });
    let mut txn = doc.transact_mut();
    let map = txn.get_or_insert_map("blocks");
    for i in 0..blocks {
        let block = map.insert(&mut txn, format!("block_{i}"), MapPrelim::default());
        block.insert(&mut txn, "type", "narrative");
        block.insert(&mut txn, "at", vec![yrs::Any::from(0), yrs::Any::from(i as u32)]);
        let content = block.insert(&mut txn, "content", MapPrelim::default());
        let text = content.insert(&mut txn, "text", TextPrelim::new("## Ünsights 🦤\n\nmore"));
        text.insert(&mut txn, 3, "new ");
        text.remove_range(&mut txn, 0, 2);
        let tags = content.insert(&mut txn, "tags", yrs::ArrayPrelim::default());
        tags.insert(&mut txn, 0, yrs::Any::from_json(r#"{"a":[1,2.5,null,{"b":"c"}]}"#).unwrap());
        if i % 3 == 2 {
            map.remove(&mut txn, &format!("block_{}", i - 1));
        }
    }
    drop(txn);
    doc.transact().encode_state_as_update_v1(&StateVector::default())
}

#[test]
fn a_summary_says_what_an_update_touches() {
    let update = canvas_update(9, 3);
    let summary = check_update(&update, &WireLimits::default()).unwrap();
    assert_eq!(summary.root_keys, 3);
    assert_eq!(summary.clients.len(), 1);
    assert_eq!((summary.clients[0].client, summary.clients[0].start), (9, 0));
    assert!(summary.items > 20 && summary.deletes > 2 && !summary.is_empty());
    assert!(check_update(&[0, 0], &WireLimits::default()).unwrap().is_empty());
}

#[test]
fn lim_1_sizes_are_refused_with_the_limit_named() {
    let limits = WireLimits { update_bytes: 100, sync_bytes: 1_000, state_vector_bytes: 10, ..WireLimits::default() };
    let update = canvas_update(1, 2);
    assert!(update.len() > 100 && update.len() < 1_000);
    let refusal = decode(&message::update(&update), &limits).unwrap_err();
    assert_eq!(refusal.close(), Close::TooLarge);
    assert_eq!(refusal.to_string(), format!("bytes of an update: {} is over the limit of 100", update.len()));
    assert!(decode(&sync_step2(&update), &limits).is_ok());
    assert!(matches!(
        decode(&sync_step1(&[0; 11]), &limits),
        Err(Refusal::TooLarge { what: "bytes of a state vector", limit: 10, got: 11 })
    ));
}

#[test]
fn lim_1_awareness_is_bounded_by_frame_state_and_clients() {
    let limits = WireLimits { awareness_bytes: 200, awareness_state_bytes: 50, clients: 3, ..WireLimits::default() };
    let state = |n: usize| format!("\"{}\"", "x".repeat(n - 2));
    let frame = |sizes: &[usize]| {
        let states: Vec<String> = sizes.iter().map(|n| state(*n)).collect();
        encode_awareness(states.iter().enumerate().map(|(i, s)| (i as u64, 1, Some(s.as_bytes()))))
    };
    let what = |sizes: &[usize]| match decode(&frame(sizes), &limits) {
        Err(Refusal::TooLarge { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert!(decode(&frame(&[50, 50, 50]), &limits).is_ok());
    assert_eq!(what(&[51]), "bytes of an awareness state");
    assert_eq!(what(&[2, 2, 2, 2]), "clients in an awareness frame");
    assert_eq!(what(&[50, 50, 50, 50]), "bytes of an awareness frame");
}

/// An update of one client may be small and still name many; a step 2 is history, so only its bytes count.
#[test]
fn lim_1_many_clients_pass_in_a_sync_step_2_only() {
    let groups = 5_000;
    let update = Wire::default()
        .var(groups as u64)
        .repeat(groups, |wire, i| wire.var(1).var((groups - i) as u64).var(0).bytes(&[0]).var(1))
        .var(0)
        .done();
    let limits = WireLimits::default();
    assert!(matches!(check_update(&update, &limits), Err(Refusal::TooLarge { limit: 4096, got: 5_000, .. })));
    assert_eq!(check_sync_update(&update, &limits).unwrap().clients.len(), 5_000);
    let vector = Wire::default().var(50_000).repeat(50_000, |wire, i| wire.var(i as u64).var(1)).done();
    assert!(check_state_vector(&vector, &limits).is_ok());
}

#[test]
fn lim_1_the_parts_of_a_message_are_counted() {
    let limits = WireLimits { parts: 100, ..WireLimits::default() };
    let nulls = |n: usize| one_item(|wire| in_root(8)(wire).var(n as u64).bytes(&vec![126; n]));
    assert!(check_update(&nulls(99), &limits).is_ok());
    assert!(matches!(check_update(&nulls(100), &limits), Err(Refusal::TooLarge { limit: 100, got: 101, .. })));
}

#[test]
fn payloads_share_the_memory_of_their_frame() {
    let update = canvas_update(1, 1);
    let frame = message::update(&update);
    let Ok(ClientMessage::Update { update: slice, .. }) = decode(&frame, &WireLimits::default()) else { panic!() };
    assert_eq!(slice, update);
    assert!(frame.as_ptr_range().contains(&slice.as_ptr()));

    let frame = encode_awareness([(1, 2, Some(&b"{}"[..]))]);
    let Ok(ClientMessage::Awareness(entries)) = decode(&frame, &WireLimits::default()) else { panic!() };
    let state = entries[0].state.as_ref().unwrap();
    assert!(frame.as_ptr_range().contains(&state.as_ptr()));
}

#[test]
fn sync_6_the_keepalive_is_an_awareness_frame_of_nobody() {
    assert_eq!(KEEPALIVE, encode_awareness([]));
    assert_eq!(decode(&KEEPALIVE, &WireLimits::default()), Ok(ClientMessage::Awareness(vec![])));
}

#[test]
fn lim_3_close_codes_say_whether_to_come_back() {
    for close in Close::ALL {
        assert_eq!(close.is_permanent(), close.code() >= 4400, "{close:?}");
    }
    assert_eq!(Close::TooLarge.code(), 4413);
    assert_eq!(Close::Overloaded.code(), 1013);
}

#[test]
fn lim_3_a_reason_fits_a_close_frame_and_stays_text() {
    let closing = Closing::new(Close::Forbidden, "🦤".repeat(40));
    assert_eq!(closing.reason, "🦤".repeat(30));
    assert!(closing.reason.len() <= close::MAX_REASON_BYTES);
    assert_eq!(Closing::new(Close::Timeout, "short").reason, "short");
}

#[test]
fn integers_are_read_as_lib0_writes_them() {
    for number in [0, 1, 127, 128, 16_383, 16_384, 1 << 31, reader::MAX_CLIENT] {
        let bytes = Wire::default().var(number).done();
        assert_eq!(writer::var_uint_len(number), bytes.len());
        assert_eq!(reader::Reader::new(&bytes).var_uint(u64::MAX), Ok(number));
        assert!(number == 0 || reader::Reader::new(&bytes).var_uint(number - 1).is_err());
    }
}
