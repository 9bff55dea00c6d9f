//! Question: how long after a writer hands in an update has every peer of the room its frame?
//!
//! Unit: time an update, and frames queued a second, from `Membership::update` until the last of N outboxes has the frame. No sockets:
//! the hub, the room's task, the document and the outboxes, with the journal and its fsync beside it as in the product, since fan-out
//! must not wait for it. Peers take their frame as a session's write loop does.
//!
//! Data: one writer on a canvas of 20 narratives, three keystrokes to one move; 10, 100 and 1,000 peers.

#[path = "support/canvas.rs"]
mod canvas;
#[path = "support/node.rs"]
mod node;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use canvas::Canvas;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jabiru::access::{Identity, Role};
use jabiru::events::Origin;
use jabiru::protocol::{UpdateSummary, WireLimits, check_update};
use jabiru::room::{Membership, NewPeer, Outbox};
use node::BenchNode;

/// A session without its socket.
struct Peer {
    outbox: Arc<Outbox>,
    member: Membership,
}

fn fan_out(c: &mut Criterion) {
    let node = BenchNode::start();
    let mut group = c.benchmark_group("room/fan-out");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    for peers in [10_u64, 100, 1_000] {
        let (canvas, seed) = Canvas::new(20);
        let facts = Arc::new(node.create(seed));
        let (writer, readers) = node.runtime.block_on(async {
            let mut readers = Vec::new();
            for _ in 0..peers {
                readers.push(join(&node, &facts).await);
            }
            (join(&node, &facts).await, readers)
        });
        let mut number = 0;
        group.throughput(Throughput::Elements(peers));
        group.bench_function(BenchmarkId::from_parameter(format!("{peers} peers")), |b| {
            b.iter_custom(|rounds| {
                let updates: Vec<_> = (0..rounds).map(|round| canvas.any_edit(round as u32)).map(checked).collect();
                node.runtime.block_on(async {
                    let mut spent = Duration::ZERO;
                    for (update, summary) in updates {
                        number += 1;
                        let began = Instant::now();
                        assert!(writer.member.update(number, update, summary, false).await, "the room is open");
                        for reader in &readers {
                            take(&reader.outbox).await;
                        }
                        spent += began.elapsed();
                        // The writer's acks, outside of what is measured.
                        let _ = writer.outbox.take();
                    }
                    spent
                })
            });
        });
        // More departures than a room's inbox holds: the rest waits on tasks, which need the runtime.
        node.runtime.block_on(async { drop((writer, readers)) });
    }
    group.finish();
}

/// Joins and syncs; what the room says to a joiner is taken out of the way.
async fn join(node: &BenchNode, facts: &jabiru::room::Facts) -> Peer {
    let outbox = Outbox::new(1 << 20, None);
    let identity = Identity::new("bench".to_owned(), "Bench".to_owned(), "bench".to_owned());
    let new = || NewPeer {
        identity: identity.clone(),
        origin: Origin::default(),
        role: Role::Editor,
        outbox: Arc::clone(&outbox),
        acks: false,
        notices: false,
    };
    let member = node.app.hub.join(facts, new).await.unwrap_or_else(|closing| panic!("{}", closing.reason));
    assert!(member.step1(Bytes::from_static(&[0])).await, "the room is open");
    // The document, then the room's own question: it queues them together.
    let mut frames = 0;
    while frames < 2 {
        frames += take(&outbox).await;
    }
    Peer { outbox, member }
}

/// Waits for frames and takes them, as a write loop does; answers how many.
async fn take(outbox: &Outbox) -> usize {
    loop {
        if let Some(outgoing) = outbox.take() {
            outbox.written(outgoing.frames.iter().map(Bytes::len).sum());
            if !outgoing.frames.is_empty() {
                return outgoing.frames.len();
            }
        }
        outbox.ready().await;
    }
}

fn checked(update: Bytes) -> (Bytes, UpdateSummary) {
    let summary = check_update(&update, &WireLimits::default()).expect("a real update");
    (update, summary)
}

criterion_group!(benches, fan_out);
criterion_main!(benches);
