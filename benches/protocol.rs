//! Question: what does it cost to take one frame from a client, before any document sees it?
//!
//! Unit: time a frame, and bytes a second, of `protocol::decode` (framing and the whole check, no yrs). Every
//! edit of everybody passes here, so the small update is the figure that matters; the step 2 is a join.
//! `yrs decode` beside it is what the same bytes cost right after, to see what the check adds.
//!
//! Data: made here with yrs, the same every time. `keystroke`: one character typed at the end of a narrative.
//! `move`: a block dropped at another place. `step 2`: a canvas of narratives and charts, about 100 KB, each text
//! edited in 20 places, a tenth of its blocks deleted. `cursor`: the awareness state our client sends;
//! `room`: the states of 100 such clients in one frame.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jabiru::protocol::{self, ClientMessage, WireLimits};
use yrs::updates::decoder::Decode;
use yrs::{Any, ClientID, Doc, Map, MapPrelim, MapRef, OffsetKind, Options, ReadTxn, StateVector};
use yrs::{Text, TextPrelim, TextRef, Transact, TransactionMut, Update, WriteTxn};

fn decode(c: &mut Criterion) {
    let limits = WireLimits::default();
    let mut group = c.benchmark_group("protocol/decode");
    for (name, frame) in frames() {
        group.throughput(Throughput::Bytes(frame.len() as u64));
        group.bench_with_input(
            BenchmarkId::new("check", format!("{name}, {} bytes", frame.len())),
            &frame,
            |b, frame| {
                b.iter(|| protocol::decode(black_box(frame), &limits).expect("a real frame"));
            },
        );
        let message = protocol::decode(&frame, &limits).expect("a real frame");
        let (ClientMessage::Update { update: payload, .. } | ClientMessage::SyncStep2 { update: payload, .. }) =
            message
        else {
            continue;
        };
        group.bench_with_input(BenchmarkId::new("yrs decode", name), &payload, |b, payload| {
            b.iter(|| Update::decode_v1(black_box(payload)).expect("a real update"));
        });
    }
    group.finish();
}

fn frames() -> Vec<(&'static str, Bytes)> {
    let doc = canvas(220);
    let state = doc.transact().encode_state_as_update_v1(&StateVector::default());
    vec![
        ("keystroke", protocol::update(&edit(&doc, |txn| text_of(txn, "block_1").insert(txn, 0, "x")))),
        ("move", protocol::update(&edit(&doc, |txn| _ = block_of(txn, "block_1").insert(txn, "at", cells(3, 9))))),
        ("step 2", protocol::sync_step2(&state)),
        ("cursor", awareness(1)),
        ("room", awareness(100)),
    ]
}

/// A canvas of `blocks` blocks, as [`frames`] says.
fn canvas(blocks: u32) -> Doc {
    let doc = Doc::with_options(Options {
        client_id: ClientID::new(0x1234_5678),
        offset_kind: OffsetKind::Utf16,
        ..Options::default()
    });
    let mut txn = doc.transact_mut();
    let root = txn.get_or_insert_map("blocks");
    for i in 0..blocks {
        let block = root.insert(&mut txn, format!("block_{i}"), MapPrelim::default());
        block.insert(&mut txn, "type", if i % 2 == 0 { "chart" } else { "narrative" });
        block.insert(&mut txn, "at", cells(0, i));
        block.insert(&mut txn, "size", cells(6, 4));
        let content = block.insert(&mut txn, "content", MapPrelim::default());
        if i % 2 == 0 {
            for (key, value) in [("chart_type", "bar"), ("title", "Sales by region"), ("x", "region"), ("y", "total")] {
                content.insert(&mut txn, key, value);
            }
        } else {
            let text = content.insert(&mut txn, "text", TextPrelim::new("## Key insights 🦤\n\n".repeat(12)));
            for place in 0..20 {
                text.insert(&mut txn, place * 9, "a few words ");
            }
        }
        if i % 10 == 9 {
            root.remove(&mut txn, &format!("block_{}", i - 4));
        }
    }
    drop(txn);
    doc
}

fn block_of(txn: &mut TransactionMut<'_>, id: &str) -> MapRef {
    let blocks = txn.get_or_insert_map("blocks");
    blocks.get(txn, id).expect("a block").cast().expect("a map")
}

fn text_of(txn: &mut TransactionMut<'_>, id: &str) -> TextRef {
    let content: MapRef = block_of(txn, id).get(txn, "content").expect("content").cast().expect("a map");
    content.get(txn, "text").expect("text").cast().expect("a text")
}

fn cells(x: u32, y: u32) -> Any {
    Any::from(vec![Any::from(x), Any::from(y)])
}

/// The update that one edit makes, as a client sends it.
fn edit(doc: &Doc, edit: impl FnOnce(&mut TransactionMut<'_>)) -> Vec<u8> {
    let mut txn = doc.transact_mut();
    edit(&mut txn);
    txn.encode_update_v1()
}

fn awareness(clients: u64) -> Bytes {
    let states: Vec<String> = (0..clients)
        .map(|i| {
            format!(
                r##"{{"user":{{"id":"0197-{i}","name":"Änn Example","color":"#1f77b4"}},"pointer":{{"block":"block_{i}","fx":0.25,"fy":0.75}},"selection":["block_{i}"],"drag":null,"idle":false}}"##
            )
        })
        .collect();
    protocol::encode_awareness((1_u64 << 31..).zip(&states).map(|(id, state)| (id, 1_000, Some(state.as_bytes()))))
}

criterion_group!(benches, decode);
criterion_main!(benches);
