//! The sessions of a room: what each is queued, owed and has been told.
//!
//! Owns the outbox between the room (which never waits for a peer) and the session's write loop (which waits for its socket only), and
//! whose turn it is at the socket. Does not decide what to send.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;
use yrs::StateVector;

use crate::access::{Identity, Role};
use crate::doc::Document;
use crate::events::Origin;
use crate::protocol::{self, Closing};

/// Largest message the room itself hands to a socket, bytes. Copying a larger one into every socket would hold up the room; their
/// sessions do it side by side.
const AT_ONCE_BYTES: usize = 16 << 10;

/// A socket, as far as a room may touch it.
pub trait Line: Send + Sync {
    /// Offers a whole message, without waiting. Of a message it took a part of, the line keeps the rest.
    fn offer(&self, message: &Bytes) -> Taken;
}

/// What a [`Line`] took of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// All of it.
    All,
    /// A part. The other `left` bytes must leave before anything else does.
    Part {
        /// Bytes the line keeps.
        left: usize,
    },
    /// Nothing.
    Nothing,
}

/// Frames on their way to one session. `[SYNC-5]`
///
/// While nothing waits here a message goes to the socket at once, in the room's own turn: most sockets take it, and waking a session
/// for each delivery costs as much as the delivery. What a socket does not take is queued, and its session waits for it.
///
/// Bounded in bytes: while it is over its limit nothing of a document is added; the room notes the state the peer is left at and sends
/// one difference from there when the socket has drained. Acks, pings and pongs are not queued at all: only the newest counts.
pub struct Outbox {
    queue: Mutex<Queue>,
    wake: Notify,
    limit_bytes: usize,
}

/// Whose turn it is at the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Turn {
    /// Whoever has something to send.
    #[default]
    Free,
    /// The write loop's, when it comes for it: the line keeps a part of a message.
    Unfinished,
    /// The write loop's, which has taken something and not yet written it.
    Writing,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Bytes>,
    /// Bytes queued or being written.
    bytes: usize,
    turn: Turn,
    ack: Option<u64>,
    pong: Option<Bytes>,
    ping: bool,
    line: Option<Arc<dyn Line>>,
    /// Something was left out; the room waits to hear that the socket drained.
    behind: bool,
    closing: Option<Closing>,
}

/// What the write loop takes at once.
pub struct Outgoing {
    /// Frames in order.
    pub frames: VecDeque<Bytes>,
    /// What [`Outbox::written`] is to be told: bytes of the frames, and of what the line keeps.
    pub bytes: usize,
    /// The newest ack, if it has not been sent. `[SYNC-7]`
    pub ack: Option<u64>,
    /// The answer to the newest ping, if it has not been sent.
    pub pong: Option<Bytes>,
    /// A ping is due.
    pub ping: bool,
}

impl Outbox {
    /// An empty outbox that counts as slow above `limit_bytes`. Without a line everything is queued.
    #[must_use]
    pub fn new(limit_bytes: usize, line: Option<Arc<dyn Line>>) -> Arc<Self> {
        let queue = Mutex::new(Queue { line, ..Queue::default() });
        Arc::new(Self { queue, wake: Notify::new(), limit_bytes })
    }

    /// Lets go of the line: the session has ended, and a room that has not heard of it yet must neither write to its socket nor keep it
    /// open.
    pub fn detach(&self) {
        self.lock().line = None;
    }

    /// Sends a frame or queues it. `false`: the peer is slow, nothing was queued, and the room must bring it up to date later.
    pub fn push(&self, frame: Bytes) -> bool {
        let mut queue = self.lock();
        if queue.behind || queue.bytes >= self.limit_bytes {
            queue.behind = true;
            return false;
        }
        self.send_or_queue(queue, frame);
        true
    }

    /// Sends or queues a frame whatever the level: for notices and refusals, which are rare and small.
    pub fn push_anyway(&self, frame: Bytes) {
        self.send_or_queue(self.lock(), frame);
    }

    fn send_or_queue(&self, mut queue: MutexGuard<'_, Queue>, frame: Bytes) {
        if self.send(&mut queue, &frame) {
            return;
        }
        queue.bytes += frame.len();
        queue.frames.push_back(frame);
        drop(queue);
        self.wake.notify_one();
    }

    /// Gives a message to the socket itself, if it is nobody's turn and the socket takes it.
    fn send(&self, queue: &mut Queue, message: &Bytes) -> bool {
        let is_free = queue.turn == Turn::Free && queue.frames.is_empty() && queue.closing.is_none();
        let Some(line) = queue.line.as_ref().filter(|_| is_free && message.len() <= AT_ONCE_BYTES) else {
            return false;
        };
        match line.offer(message) {
            Taken::All => true,
            Taken::Part { left } => {
                queue.turn = Turn::Unfinished;
                queue.bytes += left;
                self.wake.notify_one();
                true
            }
            Taken::Nothing => false,
        }
    }

    /// Whether the peer is slow: [`Outbox::push`] would not queue.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let queue = self.lock();
        queue.behind || queue.bytes >= self.limit_bytes
    }

    /// Something is left out although it was not tried: the room must hear when the socket has drained.
    pub fn mark_behind(&self) {
        self.lock().behind = true;
    }

    /// The room is about to bring a drained peer up to date: frames may be queued again. `false`: it has not drained after all, and
    /// will report again when it has.
    pub fn resume(&self) -> bool {
        let mut queue = self.lock();
        let drained = queue.bytes == 0;
        queue.behind &= !drained;
        drained
    }

    /// The first `n` messages are durable.
    pub fn ack(&self, n: u64) {
        let mut queue = self.lock();
        if !self.send(&mut queue, &protocol::ack(n)) {
            queue.ack = Some(n);
            drop(queue);
            self.wake.notify_one();
        }
    }

    /// The other side is to be asked for a sign of life.
    pub fn ping(&self) {
        self.lock().ping = true;
        self.wake.notify_one();
    }

    /// Answers a ping. Of several only the newest is answered, as RFC 6455 section 5.5.3 has it.
    pub fn pong(&self, payload: Bytes) {
        self.lock().pong = Some(payload);
        self.wake.notify_one();
    }

    /// Ends the session after what is queued, or at once if its socket does not take it. The first reason stays.
    pub fn close(&self, closing: Closing) {
        self.lock().closing.get_or_insert(closing);
        self.wake.notify_one();
    }

    /// Everything to write now; `None` if there is nothing. The socket is the caller's until it says [`Outbox::written`].
    #[must_use]
    pub fn take(&self) -> Option<Outgoing> {
        let mut queue = self.lock();
        let unfinished = queue.turn == Turn::Unfinished;
        let is_due = unfinished || queue.ack.is_some() || queue.pong.is_some() || queue.ping;
        if queue.frames.is_empty() && !is_due && queue.closing.is_none() {
            return None;
        }
        queue.turn = Turn::Writing;
        Some(Outgoing {
            frames: std::mem::take(&mut queue.frames),
            bytes: queue.bytes,
            ack: queue.ack.take(),
            pong: queue.pong.take(),
            ping: std::mem::take(&mut queue.ping),
        })
    }

    /// What was taken, `bytes` of it, has left through the socket. `true`: the outbox is empty and the room should hear of it.
    pub fn written(&self, bytes: usize) -> bool {
        let mut queue = self.lock();
        queue.turn = Turn::Free;
        queue.bytes = queue.bytes.saturating_sub(bytes);
        queue.behind && queue.bytes == 0
    }

    /// Resolves when there may be something to take.
    pub async fn ready(&self) {
        self.wake.notified().await;
    }

    /// Why the session is being closed, if it is.
    #[must_use]
    pub fn closing(&self) -> Option<Closing> {
        self.lock().closing.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session as its room sees it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent fact of the session, none a state of another"
)]
pub(super) struct Peer {
    pub(super) identity: Identity,
    pub(super) origin: Origin,
    pub(super) role: Role,
    pub(super) outbox: Arc<Outbox>,
    pub(super) acks: bool,
    pub(super) notices: bool,
    /// Its first sync step 1 was answered: from then on it gets document frames. Before, the answer will hold them.
    pub(super) synced: bool,
    /// Whether it has sent awareness before: its first message announces itself.
    pub(super) announced: bool,
    /// Where it was left when its outbox overflowed, and since when. `[SYNC-5]`
    pub(super) behind: Option<(StateVector, Instant)>,
    /// Presence frames were left out: everyone's state is due when it has drained.
    pub(super) presence_stale: bool,
    pub(super) receipts: Receipts,
    /// It was told why its updates are refused; once is enough.
    pub(super) told: bool,
    /// Whether it was asked for what is missing here.
    pub(super) question: Question,
}

impl Peer {
    /// Sends a document frame. If the peer is slow, notes `left_at`, the state before this frame, and answers `true`: from now on it
    /// is behind.
    pub(super) fn send_document(&mut self, frame: &Bytes, left_at: impl FnOnce() -> StateVector) -> bool {
        if self.behind.is_some() || self.outbox.push(frame.clone()) {
            return false;
        }
        self.behind = Some((left_at(), Instant::now()));
        metrics::counter!(crate::telemetry::names::PEERS_BEHIND).increment(1);
        true
    }

    /// Sends a presence frame unless the peer is slow.
    pub(super) fn send_presence(&mut self, frame: &Bytes) {
        if self.presence_stale || self.behind.is_some() || !self.outbox.push(frame.clone()) {
            self.presence_stale = true;
        }
    }

    /// Message `number` is not taken, for a reason the person should read. `kind` is what a program reads.
    pub(super) fn refuse(&mut self, number: u64, kind: &'static str, reason: &str) {
        metrics::counter!(crate::telemetry::names::REFUSED, "reason" => kind).increment(1);
        self.receipts.refused(number);
        if !std::mem::replace(&mut self.told, true) {
            let notice = serde_json::json!({ "type": "update_refused", "reason": kind, "message": reason });
            self.tell(&notice, Some(reason));
        }
    }

    /// The session is closed over message `number`, which does not count as taken.
    pub(super) fn end(&mut self, number: u64, closing: Closing) {
        self.receipts.refused(number);
        self.outbox.close(closing);
    }

    /// Asks for everything the session has that `document` lacks, unless that question is under way or has no answer. `[DUR-8]`
    pub(super) fn ask(&mut self, document: &Document) {
        if self.question == Question::None {
            self.question = Question::Asked;
            self.outbox.push_anyway(document.step1_frame());
        }
    }

    /// The journal holds everything up to `durable`: sends the ack that follows from it.
    pub(super) fn settle(&mut self, durable: u64) {
        if let Some(n) = self.receipts.durable(durable)
            && self.acks
        {
            self.outbox.ack(n);
        }
    }

    /// Tells a session that asked for notices what happened; others get the same words as a y-protocols refusal if it is one.
    pub(super) fn tell(&self, notice: &serde_json::Value, refusal: Option<&str>) {
        if self.notices {
            self.outbox.push_anyway(protocol::notice(&notice.to_string()));
        } else if let Some(reason) = refusal {
            self.outbox.push_anyway(protocol::refusal(reason));
        }
    }
}

/// Where asking a session for what is missing stands: one sync step 1 at a time, and none that would be answered in vain for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// Nothing is under way.
    None,
    /// A sync step 1 is under way.
    Asked,
    /// The answer was incomplete: what it builds on is not the session's own. Asked again when somebody else's change arrives.
    Unanswerable,
}

/// Which of a session's messages are durable. `[SYNC-7]`
///
/// An ack of `n` says that *all* of the first `n` are. So a message that was not taken (missing dependencies, a read-only room, a role
/// that may not edit) holds back every later one, until a sync step 2 of that session is taken: it carries everything the session had
/// when it was sent, and with it what was held back.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    /// (journal position that holds it, message number), both rising. Messages taken at one position share an entry.
    waiting: VecDeque<(u64, u64)>,
    /// Number of the first message that was not taken.
    hole: Option<u64>,
    acked: u64,
}

impl Receipts {
    /// Message `number` is in the document; journal position `position` will hold it.
    pub(super) fn taken(&mut self, number: u64, position: u64, is_step2: bool) {
        if is_step2 {
            self.hole = None;
        }
        if self.hole.is_some() {
            return;
        }
        match self.waiting.back_mut() {
            Some((last, newest)) if *last == position => *newest = number,
            _ => self.waiting.push_back((position, number)),
        }
    }

    /// Message `number` was not taken.
    pub(super) fn refused(&mut self, number: u64) {
        self.hole.get_or_insert(number);
    }

    /// Whether something of this session is missing here.
    pub(super) fn has_hole(&self) -> bool {
        self.hole.is_some()
    }

    /// The journal holds everything up to `position`: the new ack, if it grew.
    pub(super) fn durable(&mut self, position: u64) -> Option<u64> {
        let mut newest = None;
        while let Some((at, number)) = self.waiting.front().copied()
            && at <= position
        {
            newest = Some(number);
            self.waiting.pop_front();
        }
        let newest = newest.filter(|number| *number > self.acked)?;
        self.acked = newest;
        Some(newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sync_7_acks_only_grow_and_stop_at_a_hole() {
        let mut receipts = Receipts::default();
        receipts.taken(1, 1, true);
        receipts.taken(2, 2, false);
        receipts.taken(3, 2, false);
        assert_eq!(receipts.durable(1), Some(1));
        assert_eq!(receipts.durable(1), None);
        assert_eq!(receipts.durable(2), Some(3));
        receipts.refused(4);
        receipts.taken(5, 3, false);
        assert_eq!(receipts.durable(3), None, "5 must not be acked while 4 is missing");
        receipts.taken(6, 4, true);
        assert_eq!(receipts.durable(4), Some(6), "a sync step 2 carries what was missing");
    }

    #[test]
    fn sync_5_a_full_outbox_takes_nothing_until_it_has_drained() {
        let outbox = Outbox::new(10, None);
        assert!(
            outbox.push(Bytes::from_static(b"0123456789ab")),
            "the limit is checked before, so one frame may pass it"
        );
        assert!(!outbox.push(Bytes::from_static(b"x")));
        let taken = outbox.take().unwrap();
        assert_eq!(taken.frames.len(), 1);
        assert!(!outbox.push(Bytes::from_static(b"y")), "still being written");
        assert!(outbox.written(12), "drained while behind: the room must hear of it");
        assert!(!outbox.push(Bytes::from_static(b"z")), "nothing may overtake the difference");
        assert!(outbox.resume());
        assert!(outbox.push(Bytes::from_static(b"difference")));
        assert!(!outbox.push(Bytes::from_static(b"z")), "over the limit again");
        assert!(!outbox.resume(), "a second report of the same drain: what was left out is still due");
        assert!(!outbox.push(Bytes::from_static(b"z")));
        assert!(outbox.written(10));
        assert!(outbox.resume());
        assert!(outbox.push(Bytes::from_static(b"after")));
    }

    /// A socket that takes what it is told to.
    struct Scripted {
        script: Mutex<Vec<Taken>>,
        offered: Mutex<Vec<Bytes>>,
    }

    impl Line for Scripted {
        fn offer(&self, message: &Bytes) -> Taken {
            self.offered.lock().unwrap().push(message.clone());
            self.script.lock().unwrap().pop().unwrap()
        }
    }

    #[test]
    fn sync_5_nothing_overtakes_what_a_socket_did_not_take_at_once() {
        // From the last to the first.
        let script = vec![Taken::All, Taken::Nothing, Taken::Part { left: 3 }, Taken::All];
        let socket = Arc::new(Scripted { script: Mutex::new(script), offered: Mutex::default() });
        let line: Arc<dyn Line> = Arc::clone(&socket) as _;
        let outbox = Outbox::new(1000, Some(line));
        let offered = || socket.offered.lock().unwrap().len();
        assert!(outbox.push(Bytes::from_static(b"taken")));
        assert!(outbox.take().is_none(), "it is with the socket");
        assert!(outbox.push(Bytes::from_static(b"in part")));
        assert!(outbox.push(Bytes::from_static(b"behind it")));
        assert_eq!(offered(), 2, "the rest of a message comes first");
        let taken = outbox.take().unwrap();
        assert_eq!((taken.frames.len(), taken.bytes), (1, 3 + 9));
        assert!(outbox.push(Bytes::from_static(b"meanwhile")));
        outbox.ack(1);
        assert_eq!(offered(), 2, "the write loop has its turn");
        assert!(!outbox.written(taken.bytes));
        let taken = outbox.take().unwrap();
        assert_eq!((taken.frames.len(), taken.ack), (1, Some(1)));
        assert!(!outbox.written(taken.bytes));
        assert!(outbox.push(Bytes::from_static(b"refused")));
        assert_eq!(outbox.take().unwrap().frames, ["refused"]);
        assert!(!outbox.written(7));
        assert!(outbox.push(Bytes::from_static(b"taken again")));
        assert!(outbox.take().is_none());
        assert!(outbox.push(vec![0; AT_ONCE_BYTES + 1].into()));
        assert_eq!(offered(), 4, "large ones are the session's");
        assert!(!outbox.written(outbox.take().unwrap().bytes));
        outbox.detach();
        assert!(outbox.push(Bytes::from_static(b"too late")));
        assert_eq!((offered(), outbox.take().unwrap().frames.len()), (4, 1));
    }
}
