//! Answers that were computed once. A dataset never changes, so neither does what was computed from it.

use std::collections::{HashMap, VecDeque};
use std::hash::{Hash, Hasher};

use sha2::{Digest as _, Sha256};

use super::calculate::Outcome;

/// Answers kept; at most a few hundred bytes each. The oldest go first.
const MOST: usize = 10_000;

/// What an answer is of. A digest: filters can be as long as a message, and one organization's answer must never be another's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn of(what: &impl Hash) -> Self {
        let mut hasher = Wide(Sha256::new());
        what.hash(&mut hasher);
        Self(hasher.0.finalize().into())
    }
}

/// Feeds what a value hashes of itself to SHA-256, lengths included.
struct Wide(Sha256);

impl Hasher for Wide {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Never asked for.
    fn finish(&self) -> u64 {
        0
    }
}

#[derive(Default)]
pub(super) struct Cache {
    answers: HashMap<Key, Outcome>,
    order: VecDeque<Key>,
}

impl Cache {
    pub(super) fn get(&self, key: &Key) -> Option<Outcome> {
        self.answers.get(key).cloned()
    }

    pub(super) fn put(&mut self, key: Key, answer: Outcome) {
        if self.answers.insert(key.clone(), answer).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.answers.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lim_1_the_oldest_answers_go_first() {
        let mut cache = Cache::default();
        for number in 0..=MOST {
            cache.put(Key::of(&number), Ok(number as f64));
        }
        assert_eq!((cache.answers.len(), cache.order.len()), (MOST, MOST));
        assert_eq!(cache.get(&Key::of(&0)), None);
        assert_eq!(cache.get(&Key::of(&MOST)), Some(Ok(MOST as f64)));
        cache.put(Key::of(&MOST), Ok(1.0));
        assert_eq!(cache.order.len(), MOST, "known already");
    }

    #[test]
    fn where_one_part_ends_and_the_next_begins_matters() {
        assert_ne!(Key::of(&("ab", "c")), Key::of(&("a", "bc")));
    }
}
