//! Question: how many updates a second can be acked, given that acked means on disk?
//!
//! Unit: updates a second whose `Store::append` was answered, which is committed and synced `[DUR-1]`, and the time of one. The disk
//! sets the figure; it is the one the target folder is on. Each room has at most one append in flight, as in the product, so `1 room, 1 update` is the
//! fsync alone, `64 rooms` shows what the group commit of the one writer makes of it, and `100 updates` what a busy room hands over at once.
//!
//! Data: keystrokes and block moves, 20 to 40 bytes.

#[path = "support/canvas.rs"]
mod canvas;
#[path = "support/node.rs"]
mod node;

use std::time::{Duration, Instant};

use canvas::Canvas;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::join_all;
use jabiru::doc::document::Headline;
use jabiru::store::{Append, Change};
use node::BenchNode;

fn append(c: &mut Criterion) {
    let node = BenchNode::start();
    let store = node.store();
    let (canvas, seed) = Canvas::new(20);
    let ids: Vec<_> = (0..64).map(|_| node.create(seed.clone()).id).collect();
    let change = |index: u32| Change {
        id: uuid::Uuid::now_v7(),
        body: canvas.any_edit(index),
        actors: vec!["bench".to_owned()],
        at: 0,
    };
    let mut group = c.benchmark_group("store/append");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    for (rooms, updates) in [(1, 1), (1, 100), (64, 1), (64, 100)] {
        let changes: Vec<_> = (0..updates).map(change).collect();
        let headline = Headline { name: "A canvas for measuring".to_owned(), description: String::new(), blocks: 20 };
        group.throughput(Throughput::Elements(rooms as u64 * u64::from(updates)));
        let name = format!("{rooms} {}, {updates} {}", plural(rooms, "room"), plural(updates as usize, "update"));
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter_custom(|rounds| {
                let began = Instant::now();
                node.runtime.block_on(join_all(ids[..rooms].iter().map(|id| {
                    let (store, changes, headline) = (&store, &changes, &headline);
                    async move {
                        for _ in 0..rounds {
                            let append = Append { canvas: *id, changes: changes.clone(), headline: headline.clone() };
                            store.append(append).await.expect("it is stored");
                        }
                    }
                })));
                began.elapsed()
            });
        });
    }
    group.finish();
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

criterion_group!(benches, append);
criterion_main!(benches);
