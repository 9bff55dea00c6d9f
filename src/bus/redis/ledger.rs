//! Who was heard of, up to which number, and who fell silent. Pure: what a reader makes of the numbers it sees.

use std::collections::HashMap;
use std::sync::Arc;

use super::GONE_AFTER_BEATS;

/// See the module docs.
#[derive(Default)]
pub(super) struct Ledger {
    known: HashMap<Arc<str>, Known>,
    /// Own beats heard: the clock of this ledger.
    beats: u64,
}

struct Known {
    seq: u64,
    heard: u64,
}

impl Ledger {
    /// Entry `seq` of `node` has come. `true`: not everything before it has.
    ///
    /// A node never heard of starts with 1. Any other number means that it was there before, and nobody knows what was lost.
    pub(super) fn hear(&mut self, node: &Arc<str>, seq: u64) -> bool {
        let heard = self.beats;
        if let Some(known) = self.known.get_mut(node) {
            // A lower one was overtaken, on a connection that was given up; its absence was noticed then.
            let missed = seq > known.seq + 1;
            *known = Known { seq: known.seq.max(seq), heard };
            return missed;
        }
        self.known.insert(Arc::clone(node), Known { seq, heard });
        seq > 1
    }

    /// A node said goodbye. `false`: it was not known.
    pub(super) fn forget(&mut self, node: &str) -> bool {
        self.known.remove(node).is_some()
    }

    /// An own beat was heard: those who have been silent for too many of them are gone.
    pub(super) fn beat(&mut self) -> Vec<Arc<str>> {
        self.beats += 1;
        let silent = |known: &Known| self.beats - known.heard > GONE_AFTER_BEATS;
        let gone: Vec<_> =
            self.known.iter().filter(|(_, known)| silent(known)).map(|(node, _)| Arc::clone(node)).collect();
        for node in &gone {
            self.known.remove(node);
        }
        gone
    }

    pub(super) fn others(&self) -> usize {
        self.known.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bus_2_a_number_left_out_is_noticed_once() {
        let mut ledger = Ledger::default();
        let (ann, ben): (Arc<str>, Arc<str>) = ("ann".into(), "ben".into());
        assert!(!ledger.hear(&ann, 1), "a new node");
        assert!(ledger.hear(&ben, 17), "one that was there before");
        assert!(!ledger.hear(&ann, 2));
        assert!(ledger.hear(&ann, 4));
        assert!(!ledger.hear(&ann, 3), "overtaken, and noticed already");
        assert!(!ledger.hear(&ann, 5));
    }

    #[test]
    fn bus_2_a_silent_node_is_gone_and_heard_of_anew() {
        let mut ledger = Ledger::default();
        let ann: Arc<str> = "ann".into();
        ledger.hear(&ann, 1);
        for _ in 0..GONE_AFTER_BEATS {
            assert!(ledger.beat().is_empty());
        }
        assert_eq!(ledger.beat(), [Arc::clone(&ann)]);
        assert_eq!(ledger.others(), 0);
        assert!(ledger.hear(&ann, 2), "nobody knows what it did meanwhile");
        assert!(ledger.forget("ann") && !ledger.forget("ann"));
    }
}
