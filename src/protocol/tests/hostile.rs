//! `[LIM-2]` Inputs that abort, exhaust or confuse yrs 0.28.1 when they reach it. Each is well-formed enough
//! to get far; none may get past the check.

use super::*;

/// 12.5 KB of these overflow a 2 MiB stack in `Update::decode_v1`; no panic, the process ends.
#[test]
fn lim_2_nested_arrays_are_refused() {
    let nested = |depth: usize| {
        one_item(|wire| in_root(8)(wire).var(1).repeat(depth, |wire, _| wire.bytes(&[117, 1])).bytes(&[126]))
    };
    assert!(!refused(&nested(64)));
    for depth in [65, 6_259, 25_009, 500_000] {
        assert!(refused(&nested(depth)), "{depth} levels");
    }
}

#[test]
fn lim_2_nested_objects_are_refused() {
    let nested = |depth: usize| {
        one_item(|wire| in_root(8)(wire).var(1).repeat(depth, |wire, _| wire.bytes(&[118, 1, 0])).bytes(&[126]))
    };
    assert!(!refused(&nested(64)));
    assert!(refused(&nested(65)) && refused(&nested(100_000)));
}

/// JSON in formats, embeds and awareness states is parsed by recursion as well.
#[test]
fn lim_2_nested_json_is_refused() {
    let json = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for kind in [5, 6] {
        let item = |depth: usize| {
            one_item(|wire| {
                let wire = in_root(kind)(wire);
                let wire = if kind == 6 { wire.text("bold") } else { wire };
                wire.text(&json(depth))
            })
        };
        assert!(!refused(&item(64)), "kind {kind}");
        assert!(refused(&item(65)) && refused(&item(10_000)), "kind {kind}");
    }
    let state = |json: &str| decode(&encode_awareness([(1, 1, Some(json.as_bytes()))]), &WireLimits::default());
    assert!(state(&json(64)).is_ok());
    assert!(state(&json(65)).is_err());
    // Brackets in strings do not nest.
    let words = format!(r#"{{"a":"{}\"[[","b":["\\"]}}"#, "[".repeat(200));
    assert!(state(&words).is_ok());
}

/// 21,884 of them overflow a 2 MiB stack in apply.
#[test]
fn lim_2_client_groups_without_structs_are_refused() {
    let groups = |n: usize| {
        let wire = Wire::default().var(n as u64);
        wire.repeat(n, |wire, i| wire.var(0).var(n as u64 - i as u64).var(0)).var(0).done()
    };
    for n in [1, 21_884] {
        let update = groups(n);
        assert!(refused(&update) && check_sync_update(&update, &WireLimits::default()).is_err(), "{n} groups");
    }
    // One is enough, between groups that have some.
    let one = Wire::default().var(2).var(1).var(9).var(0).bytes(&[0, 1]).var(0).var(8).var(0).var(0).done();
    assert!(refused(&one));
}

/// 122 bytes reserve 2 GB, 1.4 KB would take 24 GB.
#[test]
fn lim_2_counts_that_the_bytes_cannot_hold_are_refused() {
    let huge = 1 << 27;
    let maps = one_item(|wire| in_root(8)(wire).var(1).repeat(20, |wire, _| wire.bytes(&[118]).var(huge).text("")));
    assert!(refused(&maps));
    assert!(refused(&one_item(|wire| in_root(8)(wire).var(huge))), "values");
    assert!(refused(&one_item(|wire| in_root(8)(wire).var(1).bytes(&[117]).var(huge))), "an array");
    assert!(refused(&Wire::default().var(huge).done()), "client groups");
    assert!(refused(&Wire::default().var(1).var(huge).var(1).var(0).done()), "structs");
    assert!(refused(&Wire::default().var(0).var(huge).done()), "clients of the delete set");
    assert!(refused(&Wire::default().var(0).var(1).var(1).var(huge).done()), "delete ranges");
}

/// Single characters, each behind the last: what joining them takes grows with the square of their number.
#[test]
fn lim_2_a_row_that_takes_gigabytes_to_join_is_refused() {
    let row = |pieces: usize| {
        let wire = Wire::default().var(1).var(pieces as u64).var(9).var(0);
        let wire = in_root(4)(wire).text("a");
        wire.repeat(pieces - 1, |wire, i| wire.bytes(&[0x84]).var(9).var(i as u64).text("a")).var(0).done()
    };
    let check = |pieces| check_update(&row(pieces), &WireLimits::default());
    assert!(check(20_000).is_ok(), "a day of typing that nobody joined");
    assert!(matches!(check(120_000), Err(Refusal::TooLarge { .. })));
}

/// Five bytes reserve 527 MB, and a viewer may send them.
#[test]
fn lim_2_a_state_vector_that_claims_too_much_is_refused() {
    for bytes in [
        Wire::default().var(1 << 29).done(),
        Wire::default().var(2).var(1).var(1).done(),
        Wire::default().var(1).var(1 << 53).var(1).done(),
        Wire::default().var(1).var(1).var(1 << 31).done(),
        Wire::default().var(0).bytes(&[0]).done(),
        Bytes::new(),
    ] {
        assert!(check_state_vector(&bytes, &WireLimits::default()).is_err(), "{bytes:?}");
        assert!(decode(&sync_step1(&bytes), &WireLimits::default()).is_err());
    }
}

/// 12 to 27 bytes reserve 4.4 GB.
#[test]
fn lim_2_awareness_that_claims_too_much_is_refused() {
    let frame = |body: Wire| Wire::default().var(1).var(body.0.len() as u64).bytes(&body.0).done();
    for body in [
        Wire::default().var(1 << 27),
        Wire::default().var(1).var(1).var(1).var(1 << 30),
        Wire::default().var(1).var(1 << 53).var(1).text("{}"),
        Wire::default().var(1).var(1).var(1 << 32).text("{}"),
        Wire::default().var(1).var(1).var(1).bytes(&[2, 0xff, 0xff]),
        Wire::default().var(1).var(1).var(1).text("{}").bytes(&[0]),
        Wire::default(),
    ] {
        let frame = frame(body);
        assert!(decode(&frame, &WireLimits::default()).is_err(), "{frame:?}");
    }
}

/// A document that ever held one is never freed.
#[test]
fn lim_2_sub_documents_are_refused() {
    assert!(refused(&one_item(|wire| in_root(9)(wire).text("guid").bytes(&[118, 0]))));
}

/// yrs skips the name of an XML hook that Yjs writes, and reads one more string of legacy JSON than Yjs
/// wrote: what hides there would be walked as one thing and read as another.
#[test]
fn lim_2_content_that_yrs_reads_differently_is_refused() {
    assert!(refused(&one_item(|wire| in_root(7)(wire).bytes(&[5]).text("hook"))), "an XML hook");
    assert!(refused(&one_item(|wire| in_root(2)(wire).var(1).text("1").text("2"))), "legacy JSON");
    for kind in [7_u8, 9, 15, 200] {
        assert!(refused(&one_item(|wire| in_root(7)(wire).bytes(&[kind]))), "type {kind}");
    }
    // yrs ignores bit 4 of the kind; Yjs does not.
    assert!(!refused(&one_item(|wire| in_root(4)(wire).text("x"))));
    assert!(refused(&one_item(|wire| in_root(4 | 0x10)(wire).text("x"))));
    // A gap or collected item with flags is an item to yrs.
    for kind in [0x80, 0x20, 0x8a] {
        assert!(refused(&one_item(|wire| wire.bytes(&[kind]).var(9).var(0).var(1))), "info {kind:#x}");
    }
    // An integer of eleven bytes wraps in yrs.
    let long = [0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
    assert!(refused(&Wire::default().bytes(&long).var(1).var(5).var(0).bytes(&[0, 1]).var(0).done()));
    assert!(refused(&one_item(|wire| in_root(8)(wire).var(1).bytes(&[125]).bytes(&long))));
}

#[test]
fn lim_2_impossible_histories_are_refused() {
    let limits = WireLimits::default();
    let of_self = one_item(|wire| wire.bytes(&[0x84]).var(5).var(0).text("x"));
    assert!(refused(&of_self), "an item to the right of itself");
    assert!(refused(&one_item(|wire| wire.bytes(&[0x44]).var(5).var(7).text("x"))), "left of a later one");
    assert!(refused(&one_item(|wire| wire.bytes(&[4]).var(0).var(5).var(0).text("x"))), "inside itself");
    assert!(refused(&one_item(|wire| in_root(4)(wire).text(""))), "of length zero");
    let group = |client: u64| move |wire: Wire| wire.var(1).var(client).var(0).bytes(&[0, 1]);
    let groups = |a: u64, b: u64| group(b)(group(a)(Wire::default().var(2))).var(0).done();
    assert!(refused(&groups(5, 5)), "a client twice");
    assert!(check_update(&groups(5, 6), &limits).is_ok() && check_update(&groups(6, 5), &limits).is_ok());
}

#[test]
fn lim_2_ids_and_clocks_stay_in_range() {
    let gc = |client: u64, clock: u64, len: u64| {
        Wire::default().var(1).var(1).var(client).var(clock).bytes(&[0]).var(len).var(0).done()
    };
    let last = (1 << 31) - 1;
    assert!(!refused(&gc((1 << 53) - 1, last - 1, 1)));
    assert!(refused(&gc(1 << 53, 0, 1)));
    assert!(refused(&gc(1, last, 1)));
    assert!(refused(&gc(1, 0, 1 << 31)));
    assert!(refused(&gc(1, 0, 1 << 32)));
    assert!(refused(&gc(1, 0, 0)));
    let delete = |clock: u64, len: u64| Wire::default().var(0).var(1).var(1).var(1).var(clock).var(len).done();
    assert!(!refused(&delete(last - 1, 1)));
    assert!(refused(&delete(last, 1)) && refused(&delete(1, u64::from(u32::MAX))));
}

/// A chain of maps, each in the last: deleting the first recurses once a level in yrs. 1 MiB holds 100,000.
fn chain_of_maps(levels: usize) -> Bytes {
    Wire::default()
        .var(1)
        .var(levels as u64)
        .var(5)
        .var(0)
        .bytes(&[0x27])
        .var(1)
        .text("m")
        .text("k")
        .bytes(&[1])
        .repeat(levels - 1, |wire, i| wire.bytes(&[0x27]).var(0).var(5).var(i as u64).text("k").bytes(&[1]))
        .var(0)
        .done()
}

#[test]
fn lim_2_shared_types_nested_too_deeply_are_refused() {
    let nesting = |levels| check_update(&chain_of_maps(levels), &WireLimits::default()).map(|summary| summary.nesting);
    assert_eq!(nesting(64), Ok(64));
    for levels in [65, 1_000, 100_000] {
        assert!(nesting(levels).is_err(), "{levels} levels");
    }
}

/// The same chain, hidden: every level is a neighbour of a character in the level above, and two clients take
/// turns.
#[test]
fn lim_2_shared_types_nested_by_neighbours_of_other_clients_are_refused() {
    let chain = |levels: u64| {
        let mut odd = Wire::default().var(2 * levels).var(9).var(0);
        let mut even = Wire::default().var(2 * levels).var(8).var(0);
        for level in 0..levels {
            // Client 9: a character in the array of client 8 above, and an array beside it.
            odd = match level {
                0 => odd.bytes(&[4]).var(1).text("root").text("x"),
                _ => odd.bytes(&[4]).var(0).var(8).var(2 * level - 1).text("x"),
            };
            odd = odd.bytes(&[0x87]).var(9).var(2 * level).bytes(&[0]);
            // Client 8: the same inside the array of client 9.
            even = even.bytes(&[4]).var(0).var(9).var(2 * level + 1).text("x");
            even = even.bytes(&[0x87]).var(8).var(2 * level).bytes(&[0]);
        }
        Wire::default().var(2).bytes(&odd.0).bytes(&even.0).var(0).done()
    };
    let limits = WireLimits::default();
    assert_eq!(check_update(&chain(32), &limits).map(|summary| summary.nesting), Ok(64));
    assert!(check_update(&chain(33), &limits).is_err());
    assert!(check_update(&chain(10_000), &limits).is_err());
}

/// Many types beside each other are an ordinary canvas.
#[test]
fn lim_2_a_wide_document_is_not_a_deep_one() {
    let summary = check_update(&canvas_update(1, 500), &WireLimits::default()).unwrap();
    assert!(summary.types > 1_000, "{}", summary.types);
    assert_eq!(summary.nesting, 3, "block, content, text");
}

#[test]
fn lim_2_items_in_a_circle_are_refused() {
    // 9:0 lies in what 8:0 makes, and 8:0 in what 9:0 makes; with enough other types to be looked at.
    let circle = Wire::default()
        .var(3)
        .var(1)
        .var(9)
        .var(0)
        .bytes(&[7])
        .var(0)
        .var(8)
        .var(0)
        .bytes(&[1])
        .var(1)
        .var(8)
        .var(0)
        .bytes(&[7])
        .var(0)
        .var(9)
        .var(0)
        .bytes(&[1])
        .var(70)
        .var(7)
        .var(0)
        .repeat(70, |wire, _| in_root(7)(wire).bytes(&[1]))
        .var(0)
        .done();
    assert!(refused(&circle));
}

#[test]
fn lim_2_frames_that_are_not_one_message_are_refused() {
    let update = message::update(&canvas_update(1, 1));
    let limits = WireLimits::default();
    let frames = [
        Bytes::new(),
        Bytes::from_static(&[0]),
        Bytes::from_static(&[0, 3, 1, 0]),
        Bytes::from_static(&[4]),
        Bytes::from_static(&[100, 0]),
        Bytes::from_static(&[0xff; 12]),
        Bytes::from_static(&[3, 0]),
        Bytes::from_static(&[0, 0, 5, 0]),
        [&update[..], &[0]].concat().into(),
        [&update[..], &update[..]].concat().into(),
        refusal("no"),
        notice("{}"),
        ack(3),
    ];
    for frame in frames {
        assert_eq!(decode(&frame, &limits).map_err(|refusal| refusal.close()), Err(Close::Malformed), "{frame:?}");
    }
    for cut in 0..update.len() {
        assert!(decode(&update.slice(..cut), &limits).is_err(), "cut at {cut}");
    }
}
