//! `[DUR-2]`: the real binary, killed with SIGKILL at random instants under live load.
//!
//! Each round starts the server on the same data folder, lets writers and a block-maker edit, and kills it after a random number of acks
//! seen by all writers together. Then the oracle, after the next start:
//! - everything any client was acked is there;
//! - no block is there twice, and each has the content its maker gave it;
//! - every client, reconnected with what it still holds, converges to the same state as all others.
//!
//! `SEED` replays the choices, `CRASH_ROUNDS` sets how many (50).

use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::watch;

use crate::support::{Binary, Random, Writer, within};

const WRITERS: usize = 4;

/// Fold often, so that kills fall into it too.
fn often() -> Vec<String> {
    ["--compact-entries", "20"].map(str::to_owned).into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dur_2_sigkill_at_any_instant_loses_no_acked_update() {
    let mut random = Random::from_env("dur_2_sigkill_at_any_instant_loses_no_acked_update");
    let rounds: usize = std::env::var("CRASH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(50);
    let folder = TempDir::new().unwrap();
    let mut server = Binary::start(folder.path(), &often()).await;
    let canvas = server.create().await;
    let mut people: Vec<_> = (0..WRITERS).map(Writer::new).collect();
    for round in 0..rounds {
        let (acks, mut seen) = watch::channel(0);
        let kill_after = random.below(120);
        let url = server.socket_url(&canvas);
        let work = futures_util::future::join_all(people.iter_mut().map(|person| person.work(url.clone(), &acks)));
        let kill = async {
            // The instant: some acks in, and then anywhere within the next few group commits.
            within("enough acks", seen.wait_for(|count| *count >= kill_after)).await.unwrap();
            tokio::time::sleep(Duration::from_micros(random.below(5000) as u64)).await;
            server.kill().await;
        };
        tokio::join!(work, kill);

        server = Binary::start(folder.path(), &often()).await;
        let stored = server.fetch(&canvas).await;
        for person in &people {
            for number in 0..person.saved {
                assert!(
                    stored.has(person.name, number),
                    "round {round}: person {} lost acked edit {number}",
                    person.name
                );
            }
        }
    }
    // Everyone comes back once more with what the server never acked, and all see the same.
    let total: Vec<_> = people.iter().map(|person| person.made).collect();
    let url = server.socket_url(&canvas);
    for person in &mut people {
        person.upload(&url).await;
    }
    let stored = server.fetch(&canvas).await;
    for person in &mut people {
        person.upload(&url).await;
        assert_eq!(person.content(), stored.content(), "person {} did not converge", person.name);
    }
    let edits: usize = total.iter().sum();
    let blocks: usize = total.iter().map(|made| made.div_ceil(10)).sum();
    let (edits_there, blocks_there) = stored.content().iter().fold((0, 0), |(edits, blocks), line| {
        if line.starts_with("test.") { (edits + 1, blocks) } else { (edits, blocks + 1) }
    });
    assert_eq!((edits_there, blocks_there), (edits, blocks), "every edit once, every block once");
    println!(
        "{rounds} kills, {edits} edits, {} acked before their kill, 0 lost",
        people.iter().map(|p| p.saved).sum::<usize>()
    );
    server.kill().await;
}

#[tokio::test]
async fn dur_9_sigterm_exits_0_with_everything_written() {
    let folder = TempDir::new().unwrap();
    let server = Binary::start(folder.path(), &often()).await;
    let canvas = server.create().await;
    let mut person = Writer::new(0);
    person.edit();
    person.upload(&server.socket_url(&canvas)).await;
    assert_eq!(server.stop().await, Some(0));
    let server = Binary::start(folder.path(), &often()).await;
    assert!(server.fetch(&canvas).await.has(0, 0));
    server.kill().await;
}
