//! Question: how many edits a second can one room take into its document?
//!
//! Unit: updates a second of `Document::apply`, which is decoding, integrating and encoding what changed. A room is one task, so this
//! bounds a canvas, not the node. `one by one` is a quiet room; `by 100` is a busy one, which applies what its inbox holds in one
//! transaction and relays one frame `[SYNC-3]`.
//!
//! Data: 2,000 updates of one writer on a canvas of 200 narratives. `keystrokes`: one character each, in turn over the blocks.
//! `moves`: a block dropped at another place, which writes the leaf `at`. `both`: three keystrokes to one move.

#[path = "support/canvas.rs"]
mod canvas;

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use canvas::Canvas;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jabiru::doc::Document;

const UPDATES: u32 = 2_000;
const BLOCKS: u32 = 200;

type Edit = fn(&Canvas, u32) -> Bytes;

fn apply(c: &mut Criterion) {
    let mut group = c.benchmark_group("doc/apply");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    group.throughput(Throughput::Elements(u64::from(UPDATES)));
    let kinds: [(&str, Edit); 3] =
        [("keystrokes", Canvas::keystroke), ("moves", Canvas::drop_block), ("both", Canvas::any_edit)];
    for (name, edit) in kinds {
        let (canvas, seed) = Canvas::new(BLOCKS);
        let updates: Vec<_> = (0..UPDATES).map(|index| edit(&canvas, index)).collect();
        let updates: Vec<&[u8]> = updates.iter().map(|update| &update[..]).collect();
        for (way, at_once) in [("one by one", 1), ("by 100", 100)] {
            group.bench_function(BenchmarkId::new(name, way), |b| {
                let fresh = || {
                    let mut document = Document::new();
                    document.apply(&[&seed]).expect("the seed applies");
                    document
                };
                let run = |mut document: Document| {
                    for batch in updates.chunks(at_once) {
                        let outcome = document.apply(black_box(batch)).expect("it applies");
                        assert!(outcome.change.is_some(), "every edit is new");
                    }
                    document
                };
                b.iter_batched(fresh, run, BatchSize::PerIteration);
            });
        }
    }
    group.finish();
}

criterion_group!(benches, apply);
criterion_main!(benches);
