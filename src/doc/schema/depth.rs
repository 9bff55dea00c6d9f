//! `[LIM-2]` How deep the shared types of a document nest, watched across messages.
//!
//! yrs deletes a type by deleting what is in it, recursively. One message may nest at most 64 levels, which
//! the check of the wire sees; but each message can go on where the last one stopped, and 20,000 levels, 334
//! small messages, overflow a 2 MiB stack when somebody deletes the outermost (measured). This module knows
//! depths and nothing else of a document.

use yrs::branch::BranchPtr;
use yrs::types::text::YChange;
use yrs::{Map as _, MapRef, Out, ReadTxn, Text as _, TextRef};

use crate::protocol::Refusal;

/// Deepest nesting of shared types in a document. A canvas has 6 levels; 512 take below 200 KiB of stack.
pub const MAX_TYPE_DEPTH: u32 = 512;

/// Keeps a document from nesting deeper than [`MAX_TYPE_DEPTH`].
///
/// It adds up what each update may add ([`crate::protocol::UpdateSummary::nesting`]) and measures the
/// document only when the sum reaches the bound: about once in a hundred added blocks.
#[derive(Debug, Clone)]
pub struct TypeDepth {
    /// At least the depth of the document.
    bound: u32,
}

impl Default for TypeDepth {
    /// Knows nothing yet: the first update that makes a type has the document measured.
    fn default() -> Self {
        TypeDepth { bound: MAX_TYPE_DEPTH }
    }
}

impl TypeDepth {
    /// Whether an update that adds at most `adds` levels may be applied; to be asked before, with the
    /// document as it is. An update that adds none costs nothing.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`]: the update must not be applied.
    pub fn admit<T: ReadTxn>(&mut self, adds: u32, txn: &T) -> Result<(), Refusal> {
        if adds == 0 {
            return Ok(());
        }
        if self.bound.saturating_add(adds) > MAX_TYPE_DEPTH {
            self.bound = type_depth(txn);
        }
        let got = self.bound.saturating_add(adds);
        if got > MAX_TYPE_DEPTH {
            let (limit, got) = (MAX_TYPE_DEPTH as usize, got as usize);
            return Err(Refusal::TooLarge { what: "levels of nested shared types in the document", limit, got });
        }
        self.bound = got;
        Ok(())
    }
}

/// How many levels of shared types lie inside each other, root types counted. Linear in the document, and
/// without recursion.
pub fn type_depth<T: ReadTxn>(txn: &T) -> u32 {
    let mut deepest = 0;
    let mut open: Vec<(BranchPtr, u32)> =
        txn.root_refs().filter_map(|(_, root)| root.try_branch().map(|branch| (BranchPtr::from(branch), 1))).collect();
    while let Some((branch, depth)) = open.pop() {
        deepest = deepest.max(depth);
        let mut add = |out: &Out| {
            if let Some(child) = out.try_branch() {
                open.push((BranchPtr::from(child), depth.saturating_add(1)));
            }
        };
        // Any type can have both: keys (the attributes of a text) and a sequence. The difference lists the
        // types in a sequence, whatever else is in it, and unlike an array's iterator always ends.
        let map = MapRef::from(branch);
        map.keys(txn).filter_map(|key| map.get(txn, key)).for_each(|out| add(&out));
        for chunk in TextRef::from(branch).diff(txn, YChange::identity) {
            add(&chunk.insert);
        }
    }
    deepest
}
