//! The reading side: one blocking read of the stream, one subscription to the channel. When either fails both are made anew, and the
//! rooms are told that something may have been missed, once both work: who asks who is there must be able to hear the answer.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use redis::aio::PubSub;
use tokio::time::timeout;

use super::ledger::Ledger;
use super::wire::{self, Entry, Said};
use super::{CHANNEL, Frame, STREAM, Shared};
use crate::backend::redis::{ANSWER_TIMEOUT, Backoff, Dedicated, Redis, RedisError};
use crate::telemetry::names;

/// How long a read waits for entries. A beat comes sooner, so a longer silence means that something is wrong.
const BLOCK: Duration = Duration::from_millis(1500);

/// Entries of one answer: with the largest ones it is 16 MiB.
const ENTRIES: usize = 500;

/// Own beats that may be written without being heard. More, and the place this reader waits at is one the stream will not come to.
const DEAF_AFTER_BEATS: u64 = 4;

/// How often the subscription is asked whether it still lives; nothing else would tell.
const PING: Duration = Duration::from_secs(5);

/// The place in a stream that is before everything.
const START: &str = "0-0";

type Fields = Vec<Bytes>;
/// An answer to `XREAD`: for each stream its name and its entries, each an id and fields.
type Answer = Option<Vec<(String, Vec<(String, Fields)>)>>;

struct Ear<'a> {
    shared: &'a Shared,
    ledger: Ledger,
    /// The id of the last entry read.
    place: Option<String>,
    /// How many own beats had been written when one was last heard.
    beats_then: u64,
    backoff: Backoff,
}

/// Reads for ever, reconnecting.
pub(super) async fn run(shared: &Shared) {
    let mut ear = Ear { shared, ledger: Ledger::default(), place: None, beats_then: 0, backoff: Backoff::default() };
    loop {
        let Err(error) = ear.listen().await;
        shared.hearing.store(false, Ordering::Relaxed);
        let (wait, first) = ear.backoff.wait();
        if first {
            tracing::warn!(%error, "the bus cannot be read; what other nodes change is read from the journal when it can be again");
        }
        tokio::time::sleep(wait).await;
    }
}

impl Ear<'_> {
    async fn listen(&mut self) -> Result<std::convert::Infallible, RedisError> {
        let redis = &self.shared.redis;
        let mut subscriber = redis.subscriber().await?;
        match timeout(ANSWER_TIMEOUT, Redis::counted("SUBSCRIBE", subscriber.subscribe(CHANNEL))).await {
            Ok(outcome) => outcome.map_err(|error| redis.failed(&error))?,
            Err(_) => return Err(redis.error(format!("no answer to SUBSCRIBE {CHANNEL}"))),
        }
        let mut reader = redis.dedicated(BLOCK + ANSWER_TIMEOUT).await?;
        let newest = self.newest(&mut reader).await?;
        // The last place again if the stream still comes there: who is gone, and who came, is in between.
        let place = self.place.take().filter(|place| id(place) <= id(&newest)).unwrap_or(newest);
        // One read that does not wait: what may not be read must fail before anybody is sent to the journal.
        self.place = Some(place);
        self.beats_then = self.shared.beats_written.load(Ordering::Relaxed);
        let first = self.read(&mut reader, None).await?;
        if self.backoff.reset() {
            tracing::info!("the bus can be read again");
        }
        self.shared.hearing.store(true, Ordering::Relaxed);
        self.shared.tell(Frame::Missed);
        self.hear(first);
        let shared = self.shared;
        tokio::select! {
            error = self.entries(reader) => Err(error),
            error = messages(shared, subscriber) => Err(error),
        }
    }

    /// The id of the newest entry.
    async fn newest(&self, reader: &mut Dedicated) -> Result<String, RedisError> {
        let answer: Vec<(String, Fields)> = redis::cmd("XREVRANGE")
            .arg(STREAM)
            .arg("+")
            .arg("-")
            .arg("COUNT")
            .arg(1)
            .query_async(reader)
            .await
            .map_err(|error| self.shared.redis.failed(&error))?;
        Ok(answer.into_iter().next().map_or_else(|| START.to_owned(), |(id, _)| id))
    }

    async fn entries(&mut self, mut reader: Dedicated) -> RedisError {
        loop {
            match self.read(&mut reader, Some(BLOCK)).await {
                Ok(answer) => self.hear(answer),
                Err(error) => return error,
            }
            let unheard = self.shared.beats_written.load(Ordering::Relaxed) - self.beats_then;
            if unheard > DEAF_AFTER_BEATS {
                self.place = None;
                return self.shared.redis.error(format!("{STREAM} goes on somewhere else than it was read"));
            }
        }
    }

    /// What came after the last place; waits for it if told to.
    async fn read(&self, reader: &mut Dedicated, block: Option<Duration>) -> Result<Answer, RedisError> {
        let mut read = redis::cmd("XREAD");
        read.arg("COUNT").arg(ENTRIES);
        if let Some(block) = block {
            read.arg("BLOCK").arg(block.as_millis() as u64);
        }
        read.arg("STREAMS").arg(STREAM).arg(self.place.as_deref().unwrap_or(START));
        read.query_async(reader).await.map_err(|error| self.shared.redis.failed(&error))
    }

    fn hear(&mut self, answer: Answer) {
        for (id, fields) in answer.into_iter().flatten().flat_map(|(_, entries)| entries) {
            if let Some(entry) = wire::entry(fields) {
                self.hear_entry(entry);
            } else {
                tracing::warn!(stream = STREAM, entry = id, "an entry cannot be read and is left out");
            }
            self.place = Some(id);
        }
        self.shared.others.store(self.ledger.others(), Ordering::Relaxed);
    }

    fn hear_entry(&mut self, Entry { node, seq, said }: Entry) {
        if node == self.shared.node {
            if said == Said::Beat {
                self.beats_then = self.shared.beats_written.load(Ordering::Relaxed);
                self.shared.beats_heard.fetch_add(1, Ordering::Relaxed);
                for gone in self.ledger.beat() {
                    tracing::warn!(node = %gone, "a node has fallen silent: nobody is on it");
                    self.shared.tell(Frame::NodeGone(gone));
                }
            }
            return;
        }
        metrics::counter!(names::BUS_HEARD).increment(1);
        if self.ledger.hear(&node, seq) {
            tracing::info!(%node, "entries of a node were missed; the journal has them");
            self.shared.tell(Frame::Missed);
        }
        match said {
            Said::Change(canvas, update) => self.shared.tell(Frame::Change { node, canvas, update }),
            Said::Reload(canvas) => self.shared.tell(Frame::Reload { node, canvas }),
            Said::Missed => self.shared.tell(Frame::Missed),
            Said::Beat => {}
            Said::Bye => {
                self.ledger.forget(&node);
                self.shared.tell(Frame::NodeGone(node));
            }
        }
    }
}

async fn messages(shared: &Shared, subscriber: PubSub) -> RedisError {
    let (mut sink, mut stream) = subscriber.split();
    let messages = async {
        while let Some(message) = stream.next().await {
            if let Some(frame) = message.get_payload::<Bytes>().ok().and_then(wire::frame) {
                shared.tell(frame);
            } else {
                tracing::warn!(channel = CHANNEL, "a message cannot be read and is left out");
            }
        }
        "ended"
    };
    let pings = async {
        loop {
            tokio::time::sleep(PING).await;
            if !matches!(timeout(ANSWER_TIMEOUT, Redis::counted("PING", sink.ping::<redis::Value>())).await, Ok(Ok(_)))
            {
                return "does not answer";
            }
        }
    };
    let what = tokio::select! {
        what = messages => what,
        what = pings => what,
    };
    shared.redis.error(format!("the subscription to {CHANNEL} {what}"))
}

/// An id as Redis compares it: milliseconds, then a counter.
fn id(text: &str) -> (u64, u64) {
    let (time, counter) = text.split_once('-').unwrap_or((text, "0"));
    (time.parse().unwrap_or(0), counter.parse().unwrap_or(0))
}
