//! `[BUS-1]` `[BUS-2]` `[BUS-3]` `[AW-4]` on a real Redis: two nodes of one process with one store and a connection each.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jabiru::backend::redis::Redis as Backend;
use jabiru::bus::{Bus, Frame, RedisBus};
use jabiru::clock::Clock;
use jabiru::config::Limits;
use jabiru::id::CanvasId;
use jabiru::presence::RedisPresence;
use tokio::task::JoinHandle;

use crate::support::services::Redis;
use crate::support::{Parts, Person, Random, TestHub, eventually, within};

/// A node on a Redis, and what makes it fall dead.
struct Node {
    hub: TestHub,
    bus: Arc<RedisBus>,
    drivers: Vec<JoinHandle<()>>,
}

async fn parts(url: &str) -> (Parts, Arc<RedisBus>, Vec<JoinHandle<()>>) {
    let redis = Backend::connect(url).await.unwrap();
    let id: Arc<str> = jabiru::id::generate().into();
    let (bus, driver) = RedisBus::new(redis.clone(), Arc::clone(&id));
    let (presence, writer) = RedisPresence::new(redis, Arc::clone(&id), Clock::system());
    let bus = Arc::new(bus);
    let drivers = vec![tokio::spawn(driver.run()), tokio::spawn(writer.run())];
    (Parts { id, bus: Arc::clone(&bus) as Arc<dyn Bus>, presence: Arc::new(presence) }, bus, drivers)
}

impl Node {
    async fn start(url: &str) -> Self {
        let (parts, bus, drivers) = parts(url).await;
        let hub = TestHub::start_with(parts, Limits::default()).await;
        Self { hub, bus, drivers }.ready().await
    }

    async fn neighbour(&self, url: &str) -> Self {
        let (parts, bus, drivers) = parts(url).await;
        let hub = self.hub.neighbour_with(parts, Limits::default());
        Self { hub, bus, drivers }.ready().await
    }

    async fn ready(self) -> Self {
        self.until_delivering().await;
        self
    }

    async fn until_delivering(&self) {
        eventually("the bus delivers", || async { self.bus.ping().await.is_ok() }).await;
    }

    /// As SIGKILL would: nothing more is written, nobody is told.
    fn kill(&self) {
        self.drivers.iter().for_each(JoinHandle::abort);
    }

    async fn people(&self) -> Vec<String> {
        let now = Clock::system().now();
        let listed = self.hub.hub.node().presence.list(self.hub.record.id, now).await.unwrap();
        listed.into_iter().map(|entry| entry.user_id).collect()
    }
}

/// Two nodes, somebody on each, who have seen each other's first word.
async fn pair(redis: &Redis) -> (Node, Node, Person, Person) {
    let first = Node::start(&redis.url()).await;
    let second = first.neighbour(&redis.url()).await;
    let mut ann = Person::join(&first.hub, "ann", 1).await;
    let mut ben = Person::join(&second.hub, "ben", 2).await;
    ann.write("ann").await;
    ben.write("ben").await;
    ann.until_words(&["ann", "ben"]).await;
    ben.until_words(&["ann", "ben"]).await;
    (first, second, ann, ben)
}

#[tokio::test]
async fn bus_1_two_nodes_converge_and_everybody_is_seen_and_listed_on_both() {
    let redis = Redis::start().await;
    let (first, second, mut ann, mut ben) = pair(&redis).await;
    ann.point(1).await;
    ben.point(2).await;
    ann.until("ben", |ann| ann.sees(2).is_some_and(|ben| ben["user"]["id"] == "ben")).await;
    ben.until("ann", |ben| ben.sees(1).is_some_and(|ann| ann["user"]["id"] == "ann")).await;
    for node in [&first, &second] {
        eventually("both are listed", || async { node.people().await == ["ann", "ben"] }).await;
    }
    // Somebody who comes to a node that has not opened the canvas sees those who were there.
    let third = first.neighbour(&redis.url()).await;
    let mut eve = Person::join(&third.hub, "eve", 3).await;
    eve.until_words(&["ann", "ben"]).await;
    eve.until("ann and ben", |eve| eve.sees(1).is_some() && eve.sees(2).is_some()).await;
    drop(ann);
    ben.until("ann has left", |ben| ben.sees(1).is_none()).await;
    eve.until("ann has left", |eve| eve.sees(1).is_none()).await;
    assert_eq!(first.hub.store.appended(), 2, "each change is journaled by one node");
}

#[tokio::test]
async fn bus_1_a_lot_of_edits_from_both_sides_converge() {
    let redis = Redis::start().await;
    let (_first, _second, mut ann, mut ben) = pair(&redis).await;
    let mut random = Random::from_env("bus_1_a_lot_of_edits_from_both_sides_converge");
    for round in 0..500 {
        let (who, name) = if random.below(2) == 0 { (&mut ann, "ann") } else { (&mut ben, "ben") };
        who.write(&format!("{name}{round}")).await;
        if random.below(20) == 0 {
            ann.pump().await;
            ben.pump().await;
        }
    }
    ann.until("all words", |ann| ann.words().len() == 502).await;
    ben.until("all words", |ben| ben.words().len() == 502).await;
    assert_eq!(ann.words(), ben.words());
}

/// `[BUS-3]`
#[tokio::test]
async fn bus_3_without_redis_both_go_on_and_converge_when_an_empty_one_is_back() {
    let mut redis = Redis::start().await;
    let (first, second, mut ann, mut ben) = pair(&redis).await;
    ann.point(1).await;
    ben.until("ann", |ben| ben.sees(1).is_some()).await;
    redis.kill();
    eventually("the loss is told", || async { first.bus.ping().await.is_err() && second.bus.ping().await.is_err() })
        .await;
    ann.write("alone").await;
    ben.write("apart").await;
    // Saved is about the journal, not about Redis.
    ann.until_saved().await;
    ben.until_saved().await;
    assert!(!ann.words().contains("apart"));
    redis.restart().await;
    for who in [&mut ann, &mut ben] {
        who.until_words(&["alone", "ann", "apart", "ben"]).await;
    }
    first.until_delivering().await;
    second.until_delivering().await;
    ann.write("again").await;
    ben.until_words(&["again", "alone", "ann", "apart", "ben"]).await;
    ann.point(2).await;
    ben.until("ann moves on", |ben| ben.sees(1).is_some_and(|ann| ann["x"] == 2)).await;
}

/// `[BUS-2]` Entries that nobody has read yet are lost, the last one included.
#[tokio::test]
async fn bus_2_a_flush_in_the_middle_loses_nothing() {
    let redis = Redis::start().await;
    let (_first, _second, mut ann, mut ben) = pair(&redis).await;
    let mut wanted = vec!["ann".to_owned(), "ben".to_owned()];
    for round in 0..20 {
        for name in ["ann", "ben"] {
            let word = format!("{name}{round}");
            if name == "ann" {
                ann.write(&word).await;
            } else {
                ben.write(&word).await;
            }
            wanted.push(word);
        }
        redis.flush().await;
    }
    let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
    ann.until_words(&wanted).await;
    ben.until_words(&wanted).await;
}

/// An entry as a node writes it.
async fn say_reload(redis: &Redis, node: &str, seq: u64) {
    let mut connection = redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let mut cmd = redis::cmd("XADD");
    cmd.arg("canvas:bus").arg("*").arg("node").arg(node).arg("seq").arg(seq).arg("kind").arg("reload");
    cmd.arg("canvas").arg(CanvasId::generate().0.as_bytes()).exec_async(&mut connection).await.unwrap();
}

/// `[BUS-2]` What is cut out of the stream before a node reads it is noticed by the numbers, also when nothing follows it but beats.
#[tokio::test]
async fn bus_2_a_trimmed_entry_is_missed_by_its_number() {
    let redis = Redis::start().await;
    let (parts, bus, _drivers) = parts(&redis.url()).await;
    let mut frames = bus.subscribe(&parts.id);
    assert_eq!(within("the first connection", frames.next()).await, Some(Frame::Missed));
    let says = async |node: &str, seq: u64| say_reload(&redis, node, seq).await;
    let reload = |frame: Option<Frame>| matches!(frame, Some(Frame::Reload { .. }));
    says("other", 1).await;
    assert!(reload(within("1", frames.next()).await));
    says("other", 3).await;
    assert_eq!(within("the gap", frames.next()).await, Some(Frame::Missed));
    assert!(reload(within("3", frames.next()).await));
    // Somebody who was there before this node came.
    says("old", 40).await;
    assert_eq!(within("what came before", frames.next()).await, Some(Frame::Missed));
    assert!(reload(within("40", frames.next()).await));
    assert!(bus.has_others());
    assert_eq!(
        within("both fall silent", frames.next()).await.map(|frame| matches!(frame, Frame::NodeGone(_))),
        Some(true)
    );
    assert!(matches!(within("both fall silent", frames.next()).await, Some(Frame::NodeGone(_))));
    eventually("it is alone", || async { !bus.has_others() }).await;
}

/// `[BUS-2]` A stream that starts over with smaller ids, as after a restore on a machine whose clock is behind, is found again.
#[tokio::test]
async fn bus_2_a_stream_that_goes_back_in_time_is_found_again() {
    let redis = Redis::start().await;
    let mut connection = redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    // The node takes its place behind an entry of the far future.
    let mut far = redis::cmd("XADD");
    far.arg("canvas:bus").arg("99999999999999-0").arg("kind").arg("unknown");
    far.exec_async(&mut connection).await.unwrap();
    let first = Node::start(&redis.url()).await;
    let second = first.neighbour(&redis.url()).await;
    let mut ann = Person::join(&first.hub, "ann", 1).await;
    let mut ben = Person::join(&second.hub, "ben", 2).await;
    redis.flush().await;
    ann.write("after").await;
    ben.until_words(&["after"]).await;
    ann.until_words(&["after"]).await;
    within("they hear each other again", async {
        while ben.sees(1).is_none() {
            ann.pump().await;
            ann.point(1).await;
            ben.pump().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn bus_3_a_redis_that_pauses_holds_nobody_up_and_buries_nobody() {
    let redis = Redis::start().await;
    let (first, second, mut ann, mut ben) = pair(&redis).await;
    ann.point(1).await;
    ben.until("ann", |ben| ben.sees(1).is_some()).await;
    redis.pause();
    ann.write("during").await;
    ann.until_saved().await;
    let paused = tokio::time::Instant::now();
    eventually("the silence is told", || async { first.bus.ping().await.is_err() }).await;
    ben.write("meanwhile").await;
    ben.until_saved().await;
    eventually("five seconds of silence", || async { paused.elapsed() >= Duration::from_secs(5) }).await;
    redis.resume();
    for who in [&mut ann, &mut ben] {
        who.until_words(&["ann", "ben", "during", "meanwhile"]).await;
    }
    second.until_delivering().await;
    ben.pump().await;
    assert!(ben.sees(1).is_some(), "ann was there all the time");
}

#[tokio::test]
async fn aw_4_people_of_a_node_that_vanishes_are_gone_and_so_are_those_of_one_that_says_goodbye() {
    let redis = Redis::start().await;
    let (first, second, mut ann, mut ben) = pair(&redis).await;
    let third = first.neighbour(&redis.url()).await;
    let mut eve = Person::join(&third.hub, "eve", 3).await;
    ann.point(1).await;
    eve.point(3).await;
    ben.until("ann and eve", |ben| ben.sees(1).is_some() && ben.sees(3).is_some()).await;
    first.kill();
    ben.until("ann's node is gone", |ben| ben.sees(1).is_none()).await;
    assert!(ben.sees(3).is_some());
    eventually("it counts no more", || async { second.people().await == ["eve"] }).await;
    let Node { hub, bus, drivers } = third;
    // As shutdown does: rooms first, then the bus, which goes with its last user.
    hub.hub.shutdown(tokio::time::Instant::now() + Duration::from_secs(10)).await.unwrap();
    drop((hub, bus, eve));
    for driver in drivers {
        within("the drivers end by themselves", driver).await.unwrap();
    }
    ben.until("eve's node said goodbye", |ben| ben.sees(3).is_none()).await;
    eventually("nobody is listed", || async { second.people().await.is_empty() }).await;
}

/// A node that ends says so: nobody waits for its silence to be noticed.
#[tokio::test]
async fn aw_4_a_goodbye_is_heard_before_what_comes_after_it() {
    let redis = Redis::start().await;
    let (_, ear, _ear_drivers) = parts(&redis.url()).await;
    let mut frames = ear.subscribe("the ear");
    eventually("it hears", || async { ear.ping().await.is_ok() }).await;
    let (leaver, bus, drivers) = parts(&redis.url()).await;
    let id = Arc::clone(&leaver.id);
    eventually("both deliver", || async { bus.ping().await.is_ok() }).await;
    eventually("the other is heard", || async { ear.has_others() }).await;
    drop((leaver, bus));
    for driver in drivers {
        within("the drivers end by themselves", driver).await.unwrap();
    }
    say_reload(&redis, "a third node", 1).await;
    within("the goodbye", async {
        loop {
            match frames.next().await.unwrap() {
                Frame::NodeGone(node) => return assert_eq!(node, id),
                Frame::Reload { .. } => panic!("its silence would have to be noticed"),
                _ => {}
            }
        }
    })
    .await;
}

/// `[BUS-2]` What does not fit into the queue while Redis is away reaches the others through the journal.
#[tokio::test]
async fn bus_2_an_overflowing_queue_is_made_up_for_from_the_journal() {
    let mut redis = Redis::start().await;
    let (_, ear, _ear_drivers) = parts(&redis.url()).await;
    let (parts, bus, _drivers) = parts(&redis.url()).await;
    let mut frames = ear.subscribe("the ear");
    eventually("both deliver", || async { ear.ping().await.is_ok() && bus.ping().await.is_ok() }).await;
    redis.kill();
    eventually("the loss is told", || async { bus.ping().await.is_err() }).await;
    let (much, large) = (CanvasId::generate(), CanvasId::generate());
    let change = |canvas, update: Bytes| Frame::Change { node: Arc::clone(&parts.id), canvas, update };
    for _ in 0..20_000 {
        bus.publish(change(much, Bytes::from_static(b"small")));
    }
    bus.publish(change(large, vec![0; 100 << 10].into()));
    redis.restart().await;
    let (mut reloads, mut missed) = (std::collections::HashSet::new(), false);
    within("both canvases are to be reloaded", async {
        while reloads.len() < 2 || !missed {
            match frames.next().await {
                Some(Frame::Reload { canvas, .. }) => drop(reloads.insert(canvas)),
                Some(Frame::Missed) => missed = true,
                _ => {}
            }
        }
    })
    .await;
    assert!(reloads.contains(&much) && reloads.contains(&large));
}

/// More canvases than can be named are told in one word.
#[tokio::test]
async fn bus_2_what_cannot_be_named_is_told_as_missed() {
    let redis = Redis::start().await;
    let (_, ear, _ear_drivers) = parts(&redis.url()).await;
    let mut frames = ear.subscribe("the ear");
    assert_eq!(within("the first connection", frames.next()).await, Some(Frame::Missed));
    let (parts, bus, _drivers) = parts(&redis.url()).await;
    let publish = || {
        for _ in 0..5000 {
            bus.publish(Frame::Reload { node: Arc::clone(&parts.id), canvas: CanvasId::generate() });
        }
    };
    publish();
    assert_eq!(within("the word", frames.next()).await, Some(Frame::Missed));
}
