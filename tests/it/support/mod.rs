//! A server, clients and a store that can be told to misbehave.

mod binary;
pub(crate) mod client;
pub(crate) mod faulty;
pub(crate) mod hub;
pub(crate) mod person;
pub(crate) mod server;
pub(crate) mod services;
mod writer;

pub(crate) use binary::Binary;
pub(crate) use client::{Options, TestClient};
pub(crate) use faulty::{FaultyStore, Mode};
pub(crate) use hub::{Parts, Seat, TestHub};
pub(crate) use person::Person;
pub(crate) use server::TestServer;
pub(crate) use writer::Writer;

use std::future::Future;
use std::time::Duration;

/// Longest wait for anything. Only a failing test ever takes it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Waits for a future, naming what was waited for when it does not come.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(DEADLINE, future).await;
    waited.unwrap_or_else(|_| panic!("waited {DEADLINE:?} for: {what}"))
}

/// Asks again and again until the answer is yes.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    within(what, async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// A small seeded generator; the seed is printed by the test that uses it, and `SEED` replays it.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn from_env(test: &str) -> Self {
        let seed = std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(rand::random);
        println!("{test}: SEED={seed}");
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.below(256) as u8).collect()
    }
}
