//! How deep the shared types of one update nest. It knows items and where they hang, nothing of bytes.
//!
//! yrs deletes a type by deleting what is in it, recursively: a chain of 100,000 maps, each inside the last,
//! fits an update of 1 MiB and overflows the stack of whoever deletes the first.

use super::Refusal;
use super::update::{Id, Place, Placed};

/// Deepest nesting of shared types one message may make. A canvas has 6 levels and rich text of other
/// applications perhaps 30; 64 is what values are held to as well.
pub(super) const MAX_TYPE_DEPTH: u32 = 64;

/// Not looked at yet.
const UNKNOWN: u32 = u32::MAX;
/// On the path that is being followed: meeting it again means a circle.
const OPEN: u32 = u32::MAX - 1;

/// The most levels of types among `items` that lie inside each other, counting only types made by `items`.
/// `items` are in the order of an update: by client, ascending clocks within each, no client twice.
///
/// Time is linear but for one binary search a link; every item is followed once.
///
/// # Errors
/// When types nest deeper than [`MAX_TYPE_DEPTH`], or items hang on each other in a circle.
pub(super) fn deepest(items: &[Placed]) -> Result<u32, Refusal> {
    let index = Index::new(items);
    // How many types of this update enclose each item.
    let mut enclosing = vec![UNKNOWN; items.len()];
    let mut path = Vec::new();
    let mut deepest = 0;
    for (start, item) in items.iter().enumerate().filter(|(_, item)| item.is_type) {
        let depth = follow(items, &index, &mut enclosing, &mut path, start)?;
        deepest = deepest.max(depth.saturating_add(1));
        if deepest > MAX_TYPE_DEPTH {
            return Err(at(item, "shared types are nested deeper than 64 levels"));
        }
    }
    Ok(deepest)
}

/// Follows the links from one item to a root, or to something outside the update, and notes the depth of
/// everything on the way.
fn follow(
    items: &[Placed],
    index: &Index<'_>,
    enclosing: &mut [u32],
    path: &mut Vec<(usize, u32)>,
    start: usize,
) -> Result<u32, Refusal> {
    path.clear();
    let mut next = Some(start);
    let mut depth = 0;
    while let Some(position) = next {
        let (Some(item), Some(known)) = (items.get(position), enclosing.get_mut(position)) else {
            break;
        };
        match *known {
            UNKNOWN => *known = OPEN,
            OPEN => return Err(at(item, "items depend on each other in a circle")),
            known => {
                depth = known;
                break;
            }
        }
        let (link, levels) = match item.place {
            Place::Root => (None, 0),
            Place::Inside(id) => (index.find(id), 1),
            Place::Beside(id) => (index.find(id), 0),
        };
        // Inside a type that this update does not make: that level is the document's.
        path.push((position, if link.is_some() { levels } else { 0 }));
        next = link;
    }
    while let Some((position, levels)) = path.pop() {
        depth = depth.saturating_add(levels);
        if let Some(known) = enclosing.get_mut(position) {
            *known = depth;
        }
    }
    Ok(depth)
}

/// Finds an item by its id.
struct Index<'a> {
    /// Client, position of its first item, and its items. Sorted by client.
    groups: Vec<(u64, usize, &'a [Placed])>,
}

impl<'a> Index<'a> {
    fn new(items: &'a [Placed]) -> Self {
        let mut groups = Vec::new();
        let mut first = 0_usize;
        for group in items.chunk_by(|a, b| a.id.client == b.id.client) {
            if let Some(item) = group.first() {
                groups.push((item.id.client, first, group));
            }
            first = first.saturating_add(group.len());
        }
        groups.sort_unstable_by_key(|(client, ..)| *client);
        Index { groups }
    }

    fn find(&self, id: Id) -> Option<usize> {
        let group = self.groups.binary_search_by_key(&id.client, |(client, ..)| *client).ok()?;
        let (_, first, items) = self.groups.get(group)?;
        let within = items.partition_point(|item| item.id.clock <= id.clock).checked_sub(1)?;
        let item = items.get(within)?;
        let covers = id.clock < item.id.clock.saturating_add(item.len);
        covers.then(|| first.saturating_add(within))
    }
}

/// A refusal about an item. Its place in the bytes is not known here; its clock says which it is.
fn at(item: &Placed, what: &'static str) -> Refusal {
    Refusal::Malformed { at: item.id.clock as usize, what }
}
