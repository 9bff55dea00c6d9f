//! Who opens a canvas, and who only comes back: a lost connection, a second tab or a reload is no second view of it.
//!
//! As far as the room remembers: one that was unloaded meanwhile, or is on another node, counts a return as a new opening.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// Who returns within this has not been away: clients try to reconnect for about as long.
const RETURN: Duration = Duration::from_mins(1);

/// People remembered; whoever leaves when so many left within the last minute counts anew when they return.
const REMEMBERED: usize = 4096;

/// Who was here a moment ago.
#[derive(Default)]
pub(super) struct Visits {
    left: HashMap<String, Instant>,
}

impl Visits {
    /// Whether somebody who joins opens the canvas. `is_here`: they have another session on it.
    pub(super) fn is_opening(&mut self, user_id: &str, is_here: bool, now: Instant) -> bool {
        let left = self.left.remove(user_id);
        !is_here && left.is_none_or(|at| now.duration_since(at) > RETURN)
    }

    /// Somebody's session has ended.
    pub(super) fn left(&mut self, user_id: &str, now: Instant) {
        if self.left.len() >= REMEMBERED {
            self.left.retain(|_, at| now.duration_since(*at) <= RETURN);
        }
        if self.left.len() < REMEMBERED {
            self.left.insert(user_id.to_owned(), now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evt_1_coming_back_is_no_second_opening() {
        let (mut visits, start) = (Visits::default(), Instant::now());
        assert!(visits.is_opening("ann", false, start));
        assert!(!visits.is_opening("ann", true, start), "a second tab");
        visits.left("ann", start);
        assert!(!visits.is_opening("ann", false, start + RETURN), "a lost connection");
        visits.left("ann", start + RETURN);
        assert!(visits.is_opening("ann", false, start + RETURN * 3));
        for person in 0..2 * REMEMBERED {
            visits.left(&person.to_string(), start);
        }
        assert_eq!(visits.left.len(), REMEMBERED);
        visits.left("ben", start + RETURN * 2);
        assert_eq!(visits.left.len(), 1);
    }
}
