//! The presence of many nodes: a hash for each canvas in Redis, kept by the nodes that have people on it. `[AW-4]`
//!
//! # Keys
//! - `canvas:presence:{canvas}`: user id → JSON `{cursor, selection, last_seen, name, color, node}`. TTL 5 min, rolling. One person on two
//!   nodes is one entry, the last one written.
//! - `canvas:presence_hidden:{canvas}`: what such an entry hides: `{node} {user id}` → the other node's. It shows again when the node of
//!   the last one takes that back, and counts meanwhile should that node be dead. Hardly ever there. The same TTL.
//! - `canvas:state:{canvas}`: node id → JSON `{users, last_seen}` for every node that holds the room, and `active_users`. The same TTL.
//! - `node:{id}`: lives as long as its node does. What a dead node wrote does not count, and is pruned with the rest.
//!
//! # Writing
//! A put leaves the newest state of a canvas in a map; a task writes what changed in it, one pipeline a tick for all canvases of the
//! node. What cannot be written waits in that map, which holds no more than the open rooms, and is written when Redis is back. That
//! Redis has forgotten everything shows in the node's own key, and then everything is written again.
//!
//! # Without Redis
//! [`Presence::list`] then answers who is on this node. Wrong by omission for some seconds beats a page of people with an error on it;
//! [`Presence::ping`] says that it is so.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use redis::{Pipeline, RedisResult, Script};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Presence, PresenceEntry, PresenceError, TTL_MS, by_user};
use crate::backend::redis::{ANSWER_TIMEOUT, Backoff, Redis, RedisError};
use crate::clock::{Clock, Millis};
use crate::id::CanvasId;

/// Shortest time between two pipelines: people read this, no cursor follows it.
const TICK: Duration = Duration::from_millis(100);

/// Canvases of one pipeline.
const CANVASES: usize = 256;

/// How often a node says that it lives, and for how long that counts.
const BEAT: Duration = Duration::from_secs(2);
const NODE_TTL: Duration = Duration::from_secs(10);

/// How often a canvas is written although nothing changed: well within the TTL. What is stale in it is pruned then.
const REFRESH: Duration = Duration::from_mins(1);

/// How much older than the truth a written `last_seen` may be.
const SEEN_SLACK: Millis = 10_000;

/// Canvases left while Redis is away that are remembered; the TTL forgets the others.
const LEFT: usize = 20_000;

/// Writes one canvas. KEYS: presence, state, hidden. ARGV: node · TTL ms · now ms · people of the node here, or -1 when it has left · 1 to prune ·
/// number of people who left · their ids · pairs of user id and JSON. Texts are moved, never written anew: cjson turns an empty list into
/// an object.
static WRITE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local node, ttl, now, users, prune, gone = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local function read(text)
  local ok, entry = pcall(cjson.decode, text)
  return ok and type(entry) == 'table' and entry or {}
end
local function fresh(entry) return (tonumber(entry.last_seen) or 0) > now - ttl end
local function show(user, text)
  local before = redis.call('HGET', KEYS[1], user)
  local entry = before and read(before) or {}
  if entry.node and entry.node ~= node and fresh(entry) then
    redis.call('HSET', KEYS[3], entry.node .. ' ' .. user, before)
  end
  redis.call('HDEL', KEYS[3], node .. ' ' .. user)
  redis.call('HSET', KEYS[1], user, text)
end
local function leave(user)
  redis.call('HDEL', KEYS[3], node .. ' ' .. user)
  local shown = redis.call('HGET', KEYS[1], user)
  if not shown or read(shown).node ~= node then return end
  local newest, place, seen
  local hidden = redis.call('HGETALL', KEYS[3])
  for i = 1, #hidden, 2 do
    local entry = read(hidden[i + 1])
    if entry.node and hidden[i] == entry.node .. ' ' .. user and fresh(entry) and (not seen or entry.last_seen > seen) then
      newest, place, seen = hidden[i + 1], hidden[i], entry.last_seen
    end
  end
  if newest then
    redis.call('HSET', KEYS[1], user, newest)
    redis.call('HDEL', KEYS[3], place)
  else
    redis.call('HDEL', KEYS[1], user)
  end
end
for i = 7, 6 + gone do leave(ARGV[i]) end
local given = {}
for i = 7 + gone, #ARGV, 2 do
  show(ARGV[i], ARGV[i + 1])
  given[ARGV[i]] = true
end
if prune == '1' then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    local entry = read(all[i + 1])
    if not fresh(entry) then
      redis.call('HDEL', KEYS[1], all[i])
    elseif entry.node == node and not given[all[i]] then
      leave(all[i])
    end
  end
  all = redis.call('HGETALL', KEYS[3])
  for i = 1, #all, 2 do
    local entry = read(all[i + 1])
    if not fresh(entry) or entry.node == node then redis.call('HDEL', KEYS[3], all[i]) end
  end
  all = redis.call('HGETALL', KEYS[2])
  for i = 1, #all, 2 do
    if all[i] ~= 'active_users' and not fresh(read(all[i + 1])) then redis.call('HDEL', KEYS[2], all[i]) end
  end
end
redis.call('PEXPIRE', KEYS[1], ttl)
redis.call('PEXPIRE', KEYS[3], ttl)
if users < 0 then
  redis.call('HDEL', KEYS[2], node)
else
  redis.call('HSET', KEYS[2], node, cjson.encode({ users = users, last_seen = now }))
end
redis.call('HSET', KEYS[2], 'active_users', redis.call('HLEN', KEYS[1]))
if redis.call('HLEN', KEYS[2]) == 1 then redis.call('DEL', KEYS[2]) else redis.call('PEXPIRE', KEYS[2], ttl) end
",
    )
});

/// An entry as it is stored; the user id is its field.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored {
    #[serde(default)]
    cursor: Value,
    #[serde(default)]
    selection: Value,
    last_seen: Millis,
    #[serde(default)]
    name: String,
    #[serde(default)]
    color: String,
    node: String,
}

/// A hash as Redis answers it.
type Fields = Vec<(String, String)>;

/// [`Presence`] in Redis. Dropping it lets its [`Driver`] take back what this node wrote, and end.
pub struct RedisPresence {
    shared: Arc<Shared>,
    _end: DropGuard,
}

/// The background task of a [`RedisPresence`].
pub struct Driver {
    shared: Arc<Shared>,
    stop: CancellationToken,
    /// What Redis has been told, by canvas and user.
    told: HashMap<CanvasId, Told>,
    backoff: Backoff,
}

struct Told {
    people: BTreeMap<String, PresenceEntry>,
    pruned: Instant,
}

struct Shared {
    redis: Redis,
    node: Arc<str>,
    clock: Clock,
    rooms: Mutex<Rooms>,
    wake: Notify,
}

#[derive(Default)]
struct Rooms {
    here: HashMap<CanvasId, BTreeMap<String, PresenceEntry>>,
    /// To be written: canvases of `here` that changed, and those that were left.
    dirty: HashSet<CanvasId>,
}

impl RedisPresence {
    /// The presence of the node named `node`, and the driver that must be run for it to write anything.
    #[must_use]
    pub fn new(redis: Redis, node: Arc<str>, clock: Clock) -> (Self, Driver) {
        let shared = Arc::new(Shared { redis, node, clock, rooms: Mutex::default(), wake: Notify::new() });
        let stop = CancellationToken::new();
        let driver = Driver {
            shared: Arc::clone(&shared),
            stop: stop.clone(),
            told: HashMap::new(),
            backoff: Backoff::default(),
        };
        (Self { shared, _end: stop.drop_guard() }, driver)
    }

    /// What the other nodes have written about a canvas.
    async fn elsewhere(&self, canvas: CanvasId, now: Millis) -> Result<Vec<PresenceEntry>, RedisError> {
        let redis = &self.shared.redis;
        let mut commands = redis.commands();
        let read = async {
            let mut written = Pipeline::with_capacity(2);
            written.cmd("HGETALL").arg(presence_key(canvas)).cmd("HGETALL").arg(hidden_key(canvas));
            let (shown, hidden): (Fields, Fields) = written.query_async(&mut commands).await?;
            let shown = shown.into_iter().filter_map(|(user, text)| read(user, &text));
            let hidden =
                hidden.into_iter().filter_map(|(place, text)| read(place.split_once(' ')?.1.to_owned(), &text));
            let mut entries: Vec<_> = hidden
                .chain(shown)
                .filter(|entry| entry.node != *self.shared.node && now - entry.last_seen < TTL_MS)
                .collect();
            // Of one person the last counts: of nodes that live, the newest.
            entries.sort_by_key(|entry| entry.last_seen);
            let nodes: HashSet<_> = entries.iter().map(|entry| entry.node.clone()).collect();
            let nodes: Vec<_> = nodes.into_iter().collect();
            let mut alive = Pipeline::with_capacity(nodes.len());
            for node in &nodes {
                alive.cmd("EXISTS").arg(Redis::node_key(node));
            }
            let alive: Vec<bool> = if nodes.is_empty() { Vec::new() } else { alive.query_async(&mut commands).await? };
            let alive: HashSet<_> = nodes.into_iter().zip(alive).filter(|(_, is)| *is).map(|(node, _)| node).collect();
            RedisResult::Ok(entries.into_iter().filter(|entry| alive.contains(&entry.node)).collect())
        };
        match timeout(ANSWER_TIMEOUT, read).await {
            Ok(outcome) => outcome.map_err(|error| redis.failed(&error)),
            Err(_) => Err(redis.error("no answer to a question for presence")),
        }
    }
}

#[async_trait]
impl Presence for RedisPresence {
    fn put(&self, canvas: CanvasId, _node: &str, entries: Vec<PresenceEntry>) {
        let mut rooms = self.shared.rooms();
        rooms.here.insert(canvas, by_user(entries));
        rooms.dirty.insert(canvas);
        drop(rooms);
        self.shared.wake.notify_one();
    }

    fn forget(&self, canvas: CanvasId, _node: &str) {
        let mut rooms = self.shared.rooms();
        if rooms.here.remove(&canvas).is_some() && rooms.dirty.len() < rooms.here.len() + LEFT {
            rooms.dirty.insert(canvas);
        }
        drop(rooms);
        self.shared.wake.notify_one();
    }

    async fn list(&self, canvas: CanvasId, now: Millis) -> Result<Vec<PresenceEntry>, PresenceError> {
        let elsewhere = self.elsewhere(canvas, now).await.unwrap_or_else(|error| {
            tracing::debug!(canvas.id = %canvas, %error, "only the people on this node are listed");
            Vec::new()
        });
        // What this node knows of its own people is newer than what it wrote.
        let mut everyone = by_user(elsewhere);
        if let Some(here) = self.shared.rooms().here.get(&canvas) {
            let here = here.values().filter(|entry| now - entry.last_seen < TTL_MS);
            everyone.extend(here.map(|entry| (entry.user_id.clone(), entry.clone())));
        }
        Ok(everyone.into_values().collect())
    }

    async fn ping(&self) -> Result<(), PresenceError> {
        self.shared.redis.ping().await.map_err(|error| PresenceError(error.to_string()))
    }
}

impl Driver {
    /// Writes until the [`RedisPresence`] is dropped, then takes everything of this node back.
    pub async fn run(mut self) {
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.stop.clone();
        loop {
            let beat = tokio::select! {
                () = stop.cancelled() => break,
                _ = beats.tick() => true,
                () = self.shared.wake.notified() => false,
            };
            let pause = match self.write(beat).await {
                Ok(asked) => {
                    // Having had nothing to write says nothing of Redis.
                    if asked && self.backoff.reset() {
                        tracing::info!("presence can be written again");
                    }
                    TICK
                }
                Err(error) => {
                    // What was lost of it is not known: all of it is written again.
                    self.told.clear();
                    let (wait, first) = self.backoff.wait();
                    if first {
                        tracing::warn!(%error, "presence cannot be written; who is here is known on each node only");
                    }
                    self.shared.wake.notify_one();
                    wait
                }
            };
            stop.run_until_cancelled(sleep(pause)).await;
        }
        if let Err(error) = self.leave().await {
            tracing::debug!(%error, "presence of this node stays until it expires");
        }
    }

    /// Whether there was anything to write.
    async fn write(&mut self, beat: bool) -> Result<bool, RedisError> {
        let mut asked = beat;
        if beat {
            self.beat().await?;
        }
        loop {
            let due: Vec<_> = {
                let rooms = self.shared.rooms();
                rooms.dirty.iter().take(CANVASES).copied().collect()
            };
            if due.is_empty() {
                return Ok(asked);
            }
            self.write_canvases(&due).await?;
            asked = true;
        }
    }

    /// Says that this node lives. If Redis has not heard of it, it has lost everything.
    async fn beat(&mut self) -> Result<(), RedisError> {
        let key = Redis::node_key(&self.shared.node);
        let mut pipeline = Pipeline::new();
        pipeline.cmd("EXISTS").arg(&key);
        pipeline.cmd("SET").arg(&key).arg(self.shared.clock.now()).arg("PX").arg(NODE_TTL.as_millis() as u64).ignore();
        let (known,): (bool,) = self.ask(&pipeline).await?;
        let due: Vec<_> = if known {
            let stale = |told: &Told| told.pruned.elapsed() >= REFRESH;
            self.told.iter().filter(|(_, told)| stale(told)).map(|(canvas, _)| *canvas).collect()
        } else {
            self.told.drain().map(|(canvas, _)| canvas).collect()
        };
        let mut rooms = self.shared.rooms();
        let all: Vec<_> = if known { due } else { rooms.here.keys().copied().chain(due).collect() };
        rooms.dirty.extend(all);
        Ok(())
    }

    async fn write_canvases(&mut self, due: &[CanvasId]) -> Result<(), RedisError> {
        let now = self.shared.clock.now();
        let mut pipeline = Pipeline::with_capacity(due.len() + 1);
        pipeline.load_script(&WRITE).ignore();
        let mut written = Vec::with_capacity(due.len());
        {
            // Taken out now, so that what changes meanwhile is written next time.
            let mut rooms = self.shared.rooms();
            for canvas in due {
                rooms.dirty.remove(canvas);
                written.push((*canvas, rooms.here.get(canvas).cloned()));
            }
        }
        for (canvas, people) in &written {
            self.add(&mut pipeline, *canvas, people.as_ref(), now);
        }
        if let Err(error) = self.ask::<()>(&pipeline).await {
            self.shared.rooms().dirty.extend(due);
            return Err(error);
        }
        for (canvas, people) in written {
            match people {
                Some(people) => self.tell(canvas, &people),
                None => drop(self.told.remove(&canvas)),
            }
        }
        Ok(())
    }

    /// Adds the command that brings Redis from what it was told to `people`; `None`: this node has left.
    fn add(
        &self,
        pipeline: &mut Pipeline,
        canvas: CanvasId,
        people: Option<&BTreeMap<String, PresenceEntry>>,
        now: Millis,
    ) {
        let told = self.told.get(&canvas);
        let prune = people.is_none() || told.is_none_or(|told| told.pruned.elapsed() >= REFRESH);
        let mut call = WRITE.key(presence_key(canvas));
        call.key(state_key(canvas)).key(hidden_key(canvas));
        call.arg(&*self.shared.node).arg(TTL_MS).arg(now);
        match people {
            Some(people) => call.arg(people.len()),
            None => call.arg(-1),
        };
        call.arg(i32::from(prune));
        let known = |user: &String| told.and_then(|told| told.people.get(user));
        let nobody = BTreeMap::new();
        let people = people.unwrap_or(&nobody);
        let gone: Vec<_> =
            told.iter().flat_map(|told| told.people.keys()).filter(|user| !people.contains_key(*user)).collect();
        call.arg(gone.len());
        for user in gone {
            call.arg(user);
        }
        for (user, entry) in people {
            // With pruning all of this node's are named, so that the rest of them can go.
            if prune || known(user).is_none_or(|known| !says_the_same(known, entry)) {
                call.arg(user).arg(text(entry));
            }
        }
        pipeline.invoke_script(&call).ignore();
    }

    fn tell(&mut self, canvas: CanvasId, people: &BTreeMap<String, PresenceEntry>) {
        let told = self.told.entry(canvas).or_insert_with(|| Told { people: BTreeMap::new(), pruned: Instant::now() });
        if told.pruned.elapsed() >= REFRESH {
            told.pruned = Instant::now();
        }
        for (user, entry) in people {
            // An entry that was not written keeps the time that was.
            if told.people.get(user).is_none_or(|known| !says_the_same(known, entry)) {
                told.people.insert(user.clone(), entry.clone());
            }
        }
        told.people.retain(|user, _| people.contains_key(user));
    }

    /// Takes back everything of this node.
    async fn leave(&mut self) -> Result<(), RedisError> {
        {
            let mut rooms = self.shared.rooms();
            rooms.here.clear();
            rooms.dirty.extend(self.told.keys());
        }
        self.write(false).await?;
        let mut pipeline = Pipeline::new();
        pipeline.cmd("DEL").arg(Redis::node_key(&self.shared.node)).ignore();
        self.ask(&pipeline).await
    }

    async fn ask<T: redis::FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, RedisError> {
        let redis = &self.shared.redis;
        match timeout(2 * ANSWER_TIMEOUT, pipeline.query_async(&mut redis.commands())).await {
            Ok(outcome) => outcome.map_err(|error| redis.failed(&error)),
            Err(_) => Err(redis.error("no answer to what was written")),
        }
    }
}

impl Shared {
    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn presence_key(canvas: CanvasId) -> String {
    format!("canvas:presence:{canvas}")
}

fn hidden_key(canvas: CanvasId) -> String {
    format!("canvas:presence_hidden:{canvas}")
}

fn state_key(canvas: CanvasId) -> String {
    format!("canvas:state:{canvas}")
}

/// Whether writing `new` over `old` would tell nobody anything.
fn says_the_same(old: &PresenceEntry, new: &PresenceEntry) -> bool {
    new.last_seen - old.last_seen < SEEN_SLACK && PresenceEntry { last_seen: old.last_seen, ..new.clone() } == *old
}

fn text(entry: &PresenceEntry) -> String {
    let PresenceEntry { cursor, selection, last_seen, name, color, node, .. } = entry.clone();
    serde_json::to_string(&Stored { cursor, selection, last_seen, name, color, node }).unwrap_or_default()
}

fn read(user_id: String, text: &str) -> Option<PresenceEntry> {
    let Stored { cursor, selection, last_seen, name, color, node } = serde_json::from_str(text).ok()?;
    Some(PresenceEntry { user_id, name, color, cursor, selection, last_seen, node })
}
