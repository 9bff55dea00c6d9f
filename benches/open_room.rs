//! Question: how long does the first person wait for a canvas nobody has open?
//!
//! Unit: time from asking the store to the frame that answers a joiner's sync step 1: reading SQLite, rebuilding the document, encoding
//! it. The process has nothing of the canvas in memory; the operating system has the file in its cache. Socket and hub are left out:
//! they cost microseconds.
//!
//! Data: a canvas of 500 narratives and 10,000 edits, three keystrokes to one move. `snapshot`: folded, as a canvas is found after it
//! was unloaded. `journal, 500 entries`: as long as the server lets a journal grow before it folds. `journal, 10,000 entries`: never folded, what
//! a server that was killed under load finds at worst.

#[path = "support/canvas.rs"]
mod canvas;
#[path = "support/node.rs"]
mod node;

use std::time::Duration;

use canvas::Canvas;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use jabiru::doc::document::Headline;
use jabiru::id::CanvasId;
use jabiru::store::{Append, Change};
use node::BenchNode;
use yrs::StateVector;

const BLOCKS: u32 = 500;
const EDITS: u32 = 10_000;

fn open(c: &mut Criterion) {
    let node = BenchNode::start();
    let (canvas, seed) = Canvas::new(BLOCKS);
    let edits: Vec<_> = (0..EDITS)
        .map(|index| canvas.any_edit(index))
        .map(|body| Change { id: uuid::Uuid::now_v7(), body, actors: vec!["bench".to_owned()], at: 0 })
        .collect();
    let store = node.store();
    let written = |folded: usize| -> CanvasId {
        let id = node.create(seed.clone()).id;
        let headline = || Headline {
            name: "A canvas for measuring".to_owned(),
            description: String::new(),
            blocks: BLOCKS as usize,
        };
        let append = |changes: &[Change]| {
            let append = Append { canvas: id, changes: changes.to_vec(), headline: headline() };
            node.runtime.block_on(store.append(append)).expect("it is stored");
        };
        let (first, rest) = edits.split_at(folded);
        append(first);
        if folded > 0 {
            node.runtime.block_on(store.compact(id)).expect("it folds");
        }
        append(rest);
        id
    };
    let mut group = c.benchmark_group("room/open");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    let cases =
        [("snapshot", EDITS as usize), ("journal, 500 entries", EDITS as usize - 500), ("journal, 10,000 entries", 0)];
    for (name, folded) in cases {
        let id = written(folded);
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| {
                let stored =
                    node.runtime.block_on(store.load(id)).expect("the store answers").expect("the canvas is there");
                let mut document = stored.restore().expect("it can be read");
                document.step2_frame(&StateVector::default())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, open);
criterion_main!(benches);
