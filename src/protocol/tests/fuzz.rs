//! `[LIM-2]` Mutated real traffic. Nothing may panic in the check; what passes must mean the same to yrs, and
//! applying it must at worst fail or panic in a way that can be caught (an abort would end this test).
//!
//! `JABIRU_FUZZ_SEED` repeats a run, `JABIRU_FUZZ_ROUNDS` lengthens it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use yrs::updates::decoder::Decode;
use yrs::{ClientID, Update};

use super::vectors::{unhex, vectors};
use super::*;

struct Fuzz {
    seed: u64,
    rounds: usize,
    rng: StdRng,
    corpus: Vec<Vec<u8>>,
}

impl Fuzz {
    fn new(corpus: Vec<Vec<u8>>) -> Self {
        let setting = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
        let seed = setting("JABIRU_FUZZ_SEED").unwrap_or_else(rand::random);
        let rounds = setting("JABIRU_FUZZ_ROUNDS").unwrap_or(5_000) as usize;
        note(&format!("JABIRU_FUZZ_SEED={seed} JABIRU_FUZZ_ROUNDS={rounds}"));
        Fuzz { seed, rounds, rng: StdRng::seed_from_u64(seed), corpus }
    }

    /// A few small changes to one of the corpus, of the kinds that length prefixes and tags care about.
    fn mutant(&mut self) -> Vec<u8> {
        let mut bytes = self.corpus.choose(&mut self.rng).unwrap().clone();
        for _ in 0..self.rng.random_range(1..4) {
            let at = self.rng.random_range(0..=bytes.len());
            match self.rng.random_range(0..8) {
                0 | 1 if at < bytes.len() => bytes[at] ^= 1 << self.rng.random_range(0..8),
                2 if at < bytes.len() => bytes[at] = self.rng.random(),
                3 if at < bytes.len() => {
                    bytes[at] = *[0, 1, 9, 10, 0x7f, 0x80, 0xff, 117, 118].choose(&mut self.rng).unwrap();
                }
                4 => bytes.insert(at, self.rng.random()),
                5 if at < bytes.len() => drop(bytes.remove(at)),
                6 => {
                    let other = self.corpus.choose(&mut self.rng).unwrap();
                    let from = self.rng.random_range(0..=other.len());
                    let to = self.rng.random_range(from..=other.len().min(from + 32));
                    bytes.splice(at..at, other[from..to].iter().copied());
                }
                _ => {
                    let end = (at + self.rng.random_range(0..16)).min(bytes.len());
                    bytes.drain(at..end);
                }
            }
        }
        bytes
    }
}

#[expect(clippy::print_stderr, reason = "the seed is what repeats a failed run")]
fn note(text: &str) {
    eprintln!("{text}");
}

/// Every update of the vectors, and canvases of several sizes and clients.
fn updates() -> Vec<Vec<u8>> {
    let file = vectors();
    let real = file["vectors"].as_array().unwrap().iter().filter_map(|vector| vector["meaning"].get("update"));
    let mut corpus: Vec<Vec<u8>> = real.map(|update| unhex(update).to_vec()).collect();
    corpus.push(canvas_update(1, 1));
    corpus.push(canvas_update((1 << 53) - 1, 4));
    corpus.push(chain(&canvas_update(3, 2), &canvas_update(4, 2)));
    corpus
}

fn chain(a: &[u8], b: &[u8]) -> Vec<u8> {
    yrs::merge_updates_v1([a, b]).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[test]
fn lim_2_a_mutated_update_that_passes_is_the_same_to_yrs_and_cannot_abort_it() {
    let mut fuzz = Fuzz::new(updates());
    let (mut passed, mut panicked) = (0, 0);
    for round in 0..fuzz.rounds {
        let bytes = fuzz.mutant();
        let Ok(summary) = check_update(&bytes, &WireLimits::default()) else { continue };
        passed += 1;
        let about = format!("seed {} round {round}: {}", fuzz.seed, hex(&bytes));
        let decoded = catch_unwind(|| Update::decode_v1(&bytes)).unwrap_or_else(|_| panic!("decode panicked, {about}"));
        // The one thing left to yrs: whether embedded JSON parses.
        let Ok(update) = decoded else { continue };
        agree(&summary, &update, &about);
        if catch_unwind(AssertUnwindSafe(|| apply_everywhere(update, &fuzz.corpus))).is_err() {
            panicked += 1;
        }
    }
    note(&format!("{passed} of {} mutants passed the check, {panicked} of them panicked in apply", fuzz.rounds));
    assert!(passed * 50 > fuzz.rounds, "only {passed} passed: the test reaches nothing");
}

/// The walk and yrs read the same clocks of the same clients.
fn agree(summary: &UpdateSummary, update: &Update, about: &str) {
    let lower = update.state_vector_lower();
    let inserted = update.insertions(true);
    for range in &summary.clients {
        let client = ClientID::new(range.client);
        let last = yrs::ID::new(client, range.end - 1);
        if inserted.contains(&last) {
            assert!(lower.get(&client) >= range.start, "{about}");
        }
        assert!(!inserted.contains(&yrs::ID::new(client, range.end)), "{about}");
    }
    for (client, _) in lower.iter() {
        assert!(summary.clients.iter().any(|range| range.client == client.get()), "{about}");
    }
}

/// Onto an empty document, and onto one that has what the mutant was made from.
fn apply_everywhere(update: Update, corpus: &[Vec<u8>]) {
    let doc = Doc::with_options(Options { offset_kind: OffsetKind::Utf16, ..Options::default() });
    let mut txn = doc.transact_mut();
    let _ = txn.apply_update(update);
    if txn.has_missing_updates() {
        txn.prune_pending();
    }
    for original in corpus {
        let _ = txn.apply_update(Update::decode_v1(original).unwrap());
    }
    drop(txn);
    let _ = doc.transact().encode_state_as_update_v1(&StateVector::default());
}

#[test]
fn lim_2_mutated_frames_never_panic() {
    let file = vectors();
    let frames = file["vectors"].as_array().unwrap().iter().chain(file["refused"].as_array().unwrap());
    let mut fuzz = Fuzz::new(frames.map(|vector| unhex(&vector["frame"]).to_vec()).collect());
    for round in 0..fuzz.rounds {
        let bytes = fuzz.mutant();
        let frame = Bytes::from(bytes.clone());
        let decoded = catch_unwind(|| (decode(&frame, &WireLimits::default()), server_message::decode(&frame)));
        assert!(decoded.is_ok(), "seed {} round {round}: {}", fuzz.seed, hex(&bytes));
    }
}

#[test]
fn lim_2_random_bytes_never_panic() {
    let mut fuzz = Fuzz::new(vec![vec![]]);
    for round in 0..fuzz.rounds {
        let mut bytes = vec![0_u8; fuzz.rng.random_range(0..200)];
        fuzz.rng.fill(&mut bytes[..]);
        let frame = Bytes::from(bytes);
        let limits = WireLimits::default();
        let all = catch_unwind(|| {
            let _ = decode(&frame, &limits);
            let _ = check_update(&frame, &limits);
            let _ = check_state_vector(&frame, &limits);
            let _ = decode_awareness(&frame, &limits);
        });
        assert!(all.is_ok(), "seed {} round {round}: {}", fuzz.seed, hex(&frame));
    }
}
