//! What accounts, sessions and rate limits promise, asked of every implementation; and what becomes of them while Redis is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use jabiru::access::{
    AccessError, Accounts, Endpoint, Limiter, MemoryLimiter, MongoAccounts, Rates, RedisLimiter, RedisSessions, Role,
    SessionStore, SqliteAccounts, SqliteSessions, TokenHash,
};
use jabiru::app::{self, MIGRATIONS};
use jabiru::backend::mongo::Mongo;
use jabiru::backend::redis::Redis;
use jabiru::backend::sqlite::{Sqlite, migrate};
use jabiru::clock::Clock;
use jabiru::config::{Config, Limits};
use tempfile::TempDir;

use crate::support::{eventually, services, within};

fn sqlite() -> (TempDir, Sqlite) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jabiru.db");
    migrate(&path, MIGRATIONS).unwrap();
    let sqlite = Sqlite::open(&path).unwrap();
    (folder, sqlite)
}

const HOUR: Duration = Duration::from_hours(1);
const SHORT: Duration = Duration::from_millis(300);

fn hash(number: u16) -> TokenHash {
    let mut hash = [7; 32];
    hash[..2].copy_from_slice(&number.to_be_bytes());
    hash
}

// Accounts. `nodes` are the views of several nodes on one installation.

async fn accounts_suite(nodes: [Arc<dyn Accounts>; 2]) {
    assert!(nodes[0].known_owner().await.unwrap().is_none());
    assert_eq!(nodes[0].person("nobody").await.unwrap(), None);
    let starts = (0..8).map(|start| nodes[start % 2].local_owner(1_700_000_000_000));
    let owners: Vec<_> = join_all(starts).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(owners.iter().filter(|owner| owner.created).count(), 1, "one of them made it");
    let first = &owners[0];
    assert!(owners.iter().all(|owner| owner.org == first.org && owner.user_id == first.user_id), "{owners:?}");
    for node in &nodes {
        let known = node.known_owner().await.unwrap().unwrap();
        assert_eq!((known.org, known.user_id, known.created), (first.org.clone(), first.user_id.clone(), false));
        let person = node.person(&first.user_id).await.unwrap().unwrap();
        assert_eq!((person.identity.user_id, person.identity.org), (first.user_id.clone(), first.org.clone()));
        assert_eq!((person.identity.name.as_str(), person.role), ("Owner", Role::Owner));
        assert_eq!(node.organization_name(&first.org).await.unwrap().as_deref(), Some("Home"));
        assert_eq!(node.organization_name("another").await.unwrap(), None);
        assert_eq!(node.person("nobody").await.unwrap(), None);
    }
}

#[tokio::test]
async fn accounts_in_sqlite() {
    let (_folder, sqlite) = sqlite();
    accounts_suite([Arc::new(SqliteAccounts::new(sqlite.clone())), Arc::new(SqliteAccounts::new(sqlite))]).await;
}

#[tokio::test]
async fn accounts_in_mongodb() {
    let url = services::shared_mongo().await;
    let (one, other) = (Mongo::connect(&url).await.unwrap(), Mongo::connect(&url).await.unwrap());
    accounts_suite([Arc::new(MongoAccounts::new(&one)), Arc::new(MongoAccounts::new(&other))]).await;
}

/// A node that ended between the setting and the rest of it.
#[tokio::test]
async fn half_an_owner_in_mongodb_is_made_whole_by_the_next_start() {
    use mongodb::bson::{Document, doc};
    let mongo = Mongo::connect(&services::shared_mongo().await).await.unwrap();
    let accounts = MongoAccounts::new(&mongo);
    let made = accounts.local_owner(1).await.unwrap();
    for (collection, id) in [("users", &made.user_id), ("organizations", &made.org)] {
        let gone = mongo.database().collection::<Document>(collection).delete_one(doc! { "_id": id }).await.unwrap();
        assert_eq!(gone.deleted_count, 1);
    }
    assert!(accounts.person(&made.user_id).await.unwrap().is_none());
    assert!(!accounts.local_owner(2).await.unwrap().created);
    assert_eq!(accounts.person(&made.user_id).await.unwrap().unwrap().role, Role::Owner);
    assert_eq!(accounts.organization_name(&made.org).await.unwrap().as_deref(), Some("Home"));
}

#[derive(clap::Parser)]
struct Flags {
    #[command(flatten)]
    config: Config,
}

fn config(flags: &[&str]) -> (TempDir, Config) {
    let folder = TempDir::new().unwrap();
    let fixed = ["jabiru", "--data-dir", folder.path().to_str().unwrap()];
    let flags: Flags = clap::Parser::parse_from(fixed.iter().chain(flags));
    (folder, flags.config)
}

/// `[ACC-4]` A token of one node, or of `jabiru token` on any machine, is good on all.
#[tokio::test]
async fn acc_4_nodes_share_one_signing_key_made_once() {
    let url = services::shared_mongo().await;
    let configs: Vec<_> = (0..6).map(|_| config(&["--mongodb-url", &url])).collect();
    let keys: Vec<_> =
        join_all(configs.iter().map(|(_, config)| app::secret(config))).await.into_iter().map(Result::unwrap).collect();
    assert!(keys[0].len() >= 32);
    assert!(keys.iter().all(|key| *key == keys[0]));
    assert!(configs.iter().all(|(folder, _)| !folder.path().join("secret").exists()), "it is in MongoDB only");
    // What is configured wins, and without MongoDB each folder has its own.
    let given = "a key that an operator has chosen, 32+";
    let (_folder, with_key) = config(&["--mongodb-url", &url, "--secret", given]);
    assert_eq!(app::secret(&with_key).await.unwrap(), given);
    let (folder, alone) = config(&[]);
    let key = app::secret(&alone).await.unwrap();
    assert_ne!(key, keys[0]);
    assert_eq!(app::secret(&alone).await.unwrap(), key);
    assert_eq!(std::fs::read_to_string(folder.path().join("secret")).unwrap(), key);
}

// Sessions.

async fn sessions_suite(nodes: [Arc<dyn SessionStore>; 2]) {
    let [one, other] = &nodes;
    // A link works once, on one of the nodes.
    one.put_link(hash(1), "ann", HOUR).await.unwrap();
    let tries = (0..10).map(|number| nodes[number % 2].take_link(hash(1)));
    let taken: Vec<_> = join_all(tries).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(taken, ["ann"]);
    assert_eq!(other.take_link(hash(2)).await.unwrap(), None);

    // A session is one's own, on every node, until it is ended on any.
    one.put_session(hash(3), "ann", HOUR).await.unwrap();
    other.put_session(hash(4), "ben", HOUR).await.unwrap();
    for node in &nodes {
        assert_eq!(node.session(hash(3), HOUR).await.unwrap().as_deref(), Some("ann"));
        assert_eq!(node.session(hash(4), HOUR).await.unwrap().as_deref(), Some("ben"));
        assert_eq!(node.session(hash(5), HOUR).await.unwrap(), None);
        assert_eq!(node.take_link(hash(3)).await.unwrap(), None, "a session is no link");
    }
    other.end_session(hash(3)).await.unwrap();
    other.end_session(hash(3)).await.unwrap();
    for node in &nodes {
        assert_eq!(node.session(hash(3), HOUR).await.unwrap(), None);
        assert_eq!(node.session(hash(4), HOUR).await.unwrap().as_deref(), Some("ben"));
    }

    // Both end by themselves; a session that is used does not. Asking changes what is asked for, so each is asked for once.
    one.put_session(hash(6), "cleo", SHORT).await.unwrap();
    assert_eq!(other.session(hash(6), HOUR).await.unwrap().as_deref(), Some("cleo"));
    join_all((1000..1200).map(|number| one.put_session(hash(number), "unused", SHORT))).await;
    join_all((2000..2200).map(|number| one.put_link(hash(number), "unused", SHORT))).await;
    let number = AtomicU16::new(0);
    let next = || number.fetch_add(1, Ordering::Relaxed) % 200;
    eventually("unused sessions end", async || one.session(hash(1000 + next()), HOUR).await.unwrap().is_none()).await;
    eventually("unused links end", async || other.take_link(hash(2000 + next())).await.unwrap().is_none()).await;
    assert_eq!(one.session(hash(6), HOUR).await.unwrap().as_deref(), Some("cleo"));
}

#[tokio::test]
async fn sessions_in_sqlite() {
    let (_folder, sqlite) = sqlite();
    let node = || Arc::new(SqliteSessions::new(sqlite.clone(), Clock::system()));
    sessions_suite([node(), node()]).await;
}

#[tokio::test]
async fn sessions_in_redis() {
    let url = services::shared_redis().await;
    let (one, other) = (Redis::connect(&url).await.unwrap(), Redis::connect(&url).await.unwrap());
    sessions_suite([Arc::new(RedisSessions::new(&one)), Arc::new(RedisSessions::new(&other))]).await;
}

/// The data model's key and its 24 h; and only a hash of the token is in it.
#[tokio::test]
async fn a_session_in_redis_is_one_key_that_ends_by_itself() {
    let url = services::shared_redis().await;
    let redis = Redis::connect(&url).await.unwrap();
    let sessions = RedisSessions::new(&redis);
    sessions.put_session(hash(1), "ann", HOUR).await.unwrap();
    let mut commands = redis.commands();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut commands).await.unwrap();
    assert_eq!(keys.len(), 1);
    assert!(keys[0].starts_with("session:"), "{keys:?}");
    let before: i64 = redis::cmd("PTTL").arg(&keys[0]).query_async(&mut commands).await.unwrap();
    assert!((1..=3_600_000).contains(&before), "{before}");
    sessions.session(hash(1), 24 * HOUR).await.unwrap();
    let after: i64 = redis::cmd("PTTL").arg(&keys[0]).query_async(&mut commands).await.unwrap();
    assert!((23 * 3_600_000..=24 * 3_600_000).contains(&after), "{after}");
}

/// `[BUS-3]` Who is logged in goes on while Redis is away; nobody logs in or out; and what Redis says when it is back counts at once.
#[tokio::test]
async fn bus_3_sessions_seen_lately_outlive_redis_for_a_while() {
    let mut service = services::Redis::start().await;
    let redis = Redis::connect(&service.url()).await.unwrap();
    let sessions = RedisSessions::new(&redis);
    for number in [1, 2, 3] {
        sessions.put_session(hash(number), "ann", HOUR).await.unwrap();
    }
    for number in [1, 2] {
        sessions.session(hash(number), HOUR).await.unwrap().unwrap();
    }
    service.pause();
    let ask = |number| within("an answer without Redis", sessions.session(hash(number), HOUR));
    assert_eq!(ask(1).await.unwrap().as_deref(), Some("ann"));
    assert!(ask(3).await.is_err(), "never seen here");
    assert!(sessions.put_link(hash(9), "ann", HOUR).await.is_err());
    assert!(sessions.end_session(hash(2)).await.is_err());
    assert!(ask(2).await.is_err(), "who wanted to leave is not let in by memory");
    service.resume();
    eventually("Redis answers again", async || sessions.session(hash(3), HOUR).await.is_ok()).await;

    service.kill();
    assert_eq!(ask(1).await.unwrap().as_deref(), Some("ann"));
    service.restart().await;
    eventually("an empty Redis says so", async || matches!(sessions.session(hash(1), HOUR).await, Ok(None))).await;
}

// Rate limits.

async fn limiter_suite(nodes: [Arc<dyn Limiter>; 2]) {
    let counts = (0..50).map(|number| nodes[number % 2].count("a", HOUR));
    let mut taken: Vec<_> = join_all(counts).await.into_iter().map(|count| count.unwrap().taken).collect();
    taken.sort_unstable();
    assert_eq!(taken, (1..=50).collect::<Vec<_>>(), "each is counted, once");
    let count = nodes[0].count("b", HOUR).await.unwrap();
    assert_eq!(count.taken, 1, "keys are counted apart");
    assert!(count.left <= HOUR && count.left.as_secs() > 3500, "{count:?}");
    for _ in 0..3 {
        nodes[0].count("c", SHORT).await.unwrap();
    }
    eventually("the window ends", async || nodes[1].count("c", SHORT).await.unwrap().taken == 1).await;
    assert_eq!(nodes[0].count("a", HOUR).await.unwrap().taken, 51, "another window goes on");
}

#[tokio::test]
async fn lim_1_rates_in_memory() {
    let limiter = Arc::new(MemoryLimiter::new(Clock::system()));
    limiter_suite([Arc::clone(&limiter) as Arc<dyn Limiter>, limiter]).await;
}

#[tokio::test]
async fn lim_1_rates_in_redis() {
    let url = services::shared_redis().await;
    let (one, other) = (Redis::connect(&url).await.unwrap(), Redis::connect(&url).await.unwrap());
    limiter_suite([Arc::new(RedisLimiter::new(&one)), Arc::new(RedisLimiter::new(&other))]).await;
    // A key without an end would lock somebody out for ever.
    let mut commands = one.commands();
    let () = redis::cmd("SET").arg("stuck").arg(1_000_000).query_async(&mut commands).await.unwrap();
    assert!(RedisLimiter::new(&one).count("stuck", HOUR).await.unwrap().left <= HOUR);
    let ends: i64 = redis::cmd("PTTL").arg("stuck").query_async(&mut commands).await.unwrap();
    assert!(ends > 0, "{ends}");
}

#[tokio::test]
async fn lim_1_the_limit_has_an_answer_and_a_limiter_that_is_away_lets_through() {
    let service = services::Redis::start().await;
    let redis = Redis::connect(&service.url()).await.unwrap();
    let limits = Arc::new(Limits { creates_per_minute: 2, ..Limits::default() });
    let rates = Rates::new(Arc::new(RedisLimiter::new(&redis)), limits);
    rates.take("ann", Endpoint::Create).await.unwrap();
    rates.take("ann", Endpoint::Create).await.unwrap();
    let refused = rates.take("ann", Endpoint::Create).await.unwrap_err();
    assert_eq!((refused.limit, refused.endpoint), (2, Endpoint::Create));
    assert!((1..=60).contains(&refused.retry_after.as_secs()), "{refused}");
    rates.take("ben", Endpoint::Create).await.unwrap();
    rates.take("ann", Endpoint::Upload).await.unwrap();
    service.pause();
    within("an answer without Redis", rates.take("ann", Endpoint::Create)).await.unwrap();
    service.resume();
    eventually("it counts again", async || rates.take("ann", Endpoint::Create).await.is_err()).await;
}

/// What cannot be counted is an error of the limiter's own, and no refusal.
struct Broken;

#[async_trait::async_trait]
impl Limiter for Broken {
    async fn count(&self, _key: &str, _window: Duration) -> Result<jabiru::access::Count, AccessError> {
        Err(AccessError("broken".to_owned()))
    }
}

#[tokio::test]
async fn a_broken_limiter_refuses_nobody() {
    let rates = Rates::new(Arc::new(Broken), Arc::default());
    for endpoint in [Endpoint::Login, Endpoint::Upload, Endpoint::Create, Endpoint::Join] {
        rates.take("ann", endpoint).await.unwrap();
    }
}
