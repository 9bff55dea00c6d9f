//! The services a node was given, connected, and which implementation of each port follows from that: the embedded part stands in for what
//! is not set.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore;
use tokio_util::task::TaskTracker;

use super::folder::{embedded, key_in, unusable};
use crate::access::{
    Accounts, Limiter, MemoryLimiter, MongoAccounts, RedisLimiter, RedisSessions, SessionStore, Sessions,
    SqliteAccounts, SqliteSessions,
};
use crate::backend::clickhouse::ClickHouse;
use crate::backend::migrations::Migrate;
use crate::backend::mongo::{self, Mongo};
use crate::backend::redis::Redis;
use crate::backend::sqlite::Sqlite;
use crate::bus::redis::RedisBus;
use crate::bus::{Bus, LocalBus};
use crate::clock::Clock;
use crate::config::Config;
use crate::events::{ClickHouseEvents, EventStore, SqliteEvents};
use crate::http::health::Probe;
use crate::platform::datasets::{self, Datasets};
use crate::platform::images::{self, Images};
use crate::platform::usage::{ClickHouseUsage, SqliteUsage, UsageStore};
use crate::presence::redis::RedisPresence;
use crate::presence::{MemoryPresence, Presence};
use crate::store::Store;
use crate::store::mongo::MongoStore;
use crate::store::sqlite::SqliteStore;

/// Folder inside the data folder for what commands fetch from MongoDB: the server's own may be in use.
const BESIDE: &str = "beside";

pub(super) struct Services {
    mongo: Option<Mongo>,
    redis: Option<Redis>,
    clickhouse: Option<ClickHouse>,
}

impl Services {
    /// # Errors
    /// A URL that is set cannot be used: never a silent fallback.
    pub(super) async fn connect(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            mongo: connect_mongo(config).await?,
            redis: connect_redis(config).await?,
            clickhouse: connect_clickhouse(config).await?,
        })
    }

    /// Whether anything of accounts and sessions is in the embedded database.
    pub(super) fn needs_folder(&self) -> bool {
        self.mongo.is_none() || self.redis.is_none()
    }

    /// Every configured backend that has migrations, in the order they are applied.
    pub(super) fn migrations(&self, config: &Config) -> Vec<Box<dyn Migrate>> {
        let mut backends: Vec<Box<dyn Migrate>> = vec![Box::new(embedded(&config.data_dir))];
        if let Some(mongo) = &self.mongo {
            backends.push(Box::new(mongo.migrations(mongo::MIGRATIONS)));
        }
        if let Some(clickhouse) = &self.clickhouse {
            backends.push(Box::new(clickhouse.clone()));
        }
        backends
    }

    /// Applies what is pending on all of them.
    pub(super) async fn migrate(&self, config: &Config) -> anyhow::Result<()> {
        for backend in self.migrations(config) {
            apply(backend.as_ref()).await?;
        }
        Ok(())
    }

    pub(super) fn store(&self, sqlite: &Sqlite, clock: &Clock, tasks: &TaskTracker) -> Arc<dyn Store> {
        match &self.mongo {
            Some(mongo) => Arc::new(MongoStore::new(mongo.clone(), clock.clone(), tasks)),
            None => Arc::new(SqliteStore::new(sqlite.clone(), clock.clone())),
        }
    }

    /// What joins the nodes. Its background work ends when the node does.
    pub(super) fn bus(&self, node: &Arc<str>, tasks: &TaskTracker) -> Arc<dyn Bus> {
        let Some(redis) = &self.redis else { return Arc::new(LocalBus::default()) };
        let (bus, driver) = RedisBus::new(redis.clone(), Arc::clone(node));
        tasks.spawn(driver.run());
        Arc::new(bus)
    }

    pub(super) fn presence(&self, node: &Arc<str>, clock: &Clock, tasks: &TaskTracker) -> Arc<dyn Presence> {
        let Some(redis) = &self.redis else { return Arc::new(MemoryPresence::default()) };
        let (presence, driver) = RedisPresence::new(redis.clone(), Arc::clone(node), clock.clone());
        tasks.spawn(driver.run());
        Arc::new(presence)
    }

    /// Where usage events go and where the usage pages read them. `[EVT-2]`
    pub(super) fn events(&self, sqlite: &Sqlite) -> (Arc<dyn EventStore>, Arc<dyn UsageStore>) {
        match &self.clickhouse {
            Some(clickhouse) => (
                Arc::new(ClickHouseEvents::new(clickhouse.clone())),
                Arc::new(ClickHouseUsage::new(clickhouse.clone())),
            ),
            None => (Arc::new(SqliteEvents::new(sqlite.clone())), Arc::new(SqliteUsage::new(sqlite.clone()))),
        }
    }

    /// `sqlite` opens the embedded database, if anything of it is needed.
    pub(super) fn sessions(
        &self,
        sqlite: impl Fn() -> anyhow::Result<Sqlite>,
        clock: &Clock,
    ) -> anyhow::Result<Sessions> {
        let accounts: Arc<dyn Accounts> = match &self.mongo {
            Some(mongo) => Arc::new(MongoAccounts::new(mongo)),
            None => Arc::new(SqliteAccounts::new(sqlite()?)),
        };
        let store: Arc<dyn SessionStore> = match &self.redis {
            Some(redis) => Arc::new(RedisSessions::new(redis)),
            None => Arc::new(SqliteSessions::new(sqlite()?, clock.clone())),
        };
        Ok(Sessions::new(accounts, store, clock.clone()))
    }

    pub(super) fn limiter(&self, clock: &Clock) -> Arc<dyn Limiter> {
        match &self.redis {
            Some(redis) => Arc::new(RedisLimiter::new(redis)),
            None => Arc::new(MemoryLimiter::new(clock.clone())),
        }
    }

    pub(super) async fn datasets(&self, config: &Config, clock: &Clock) -> anyhow::Result<Arc<Datasets>> {
        let limits = dataset_limits(config);
        let opened = match &self.mongo {
            Some(mongo) => Datasets::shared(&config.data_dir, mongo, clock.clone(), limits).await,
            None => Datasets::open(&config.data_dir, limits),
        };
        Ok(Arc::new(opened.with_context(|| self.unusable(&config.data_dir))?))
    }

    pub(super) async fn images(&self, config: &Config, sqlite: &Sqlite, clock: &Clock) -> anyhow::Result<Arc<Images>> {
        let limits = image_limits(config);
        let opened = match &self.mongo {
            Some(mongo) => Images::shared(&config.data_dir, mongo, clock.clone(), limits).await,
            None => Images::open(&config.data_dir, sqlite.clone(), clock.clone(), limits).await,
        };
        opened.with_context(|| self.unusable(&config.data_dir.join("images")))
    }

    /// The datasets for a command that works beside a running server.
    pub(super) async fn datasets_beside(&self, config: &Config, clock: &Clock) -> anyhow::Result<Arc<Datasets>> {
        let limits = dataset_limits(config);
        let opened = match &self.mongo {
            Some(mongo) => Datasets::shared(&config.data_dir.join(BESIDE), mongo, clock.clone(), limits).await,
            None => Datasets::open_beside(&config.data_dir, limits),
        };
        Ok(Arc::new(opened.with_context(|| self.unusable(&config.data_dir))?))
    }

    /// The images for a command that works beside a running server.
    pub(super) async fn images_beside(
        &self,
        config: &Config,
        sqlite: &Sqlite,
        clock: &Clock,
    ) -> anyhow::Result<Arc<Images>> {
        let limits = image_limits(config);
        let Some(mongo) = &self.mongo else {
            return Ok(Arc::new(Images::open_beside(&config.data_dir, sqlite.clone(), clock.clone(), limits)));
        };
        let folder = config.data_dir.join(BESIDE);
        Images::shared(&folder, mongo, clock.clone(), limits).await.with_context(|| self.unusable(&folder))
    }

    fn unusable(&self, folder: &Path) -> String {
        let or = if self.mongo.is_some() { ", or JABIRU_MONGODB_URL / --mongodb-url" } else { "" };
        format!("{}{or}", unusable(folder))
    }

    /// What `/readyz` asks of each service.
    pub(super) fn probes(&self, bus: &Arc<dyn Bus>) -> Vec<Probe> {
        let mut probes = Vec::new();
        if let Some(mongo) = self.mongo.clone() {
            probes.push(Probe::new("mongodb", move || {
                let mongo = mongo.clone();
                async move { mongo.ping().await.map_err(|error| error.to_string()) }
            }));
        }
        if self.redis.is_some() {
            let bus = Arc::clone(bus);
            // That Redis answers is not enough: the bus has to go through it.
            probes.push(Probe::new("redis", move || {
                let bus = Arc::clone(&bus);
                async move { bus.ping().await }
            }));
        }
        if let Some(clickhouse) = self.clickhouse.clone() {
            probes.push(Probe::new("clickhouse", move || {
                let clickhouse = clickhouse.clone();
                async move { clickhouse.ping().await.map_err(|error| error.to_string()) }
            }));
        }
        probes
    }

    /// The key that signs tokens: the configured one; else the one all nodes share in MongoDB, or without MongoDB the one in the data
    /// folder, made if there is none.
    pub(super) async fn secret(&self, config: &Config) -> anyhow::Result<String> {
        signing_key(config, self.mongo.as_ref()).await
    }
}

/// `Services::secret` for who needs no other service.
///
/// # Errors
/// MongoDB does not answer, or the folder cannot be written.
pub async fn secret(config: &Config) -> anyhow::Result<String> {
    let mongo = if config.secret.is_some() { None } else { connect_mongo(config).await? };
    signing_key(config, mongo.as_ref()).await
}

async fn signing_key(config: &Config, mongo: Option<&Mongo>) -> anyhow::Result<String> {
    if let Some(secret) = &config.secret {
        return Ok(secret.clone());
    }
    let mut bytes = [0_u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    let fresh = URL_SAFE_NO_PAD.encode(bytes);
    match mongo {
        Some(mongo) => Ok(MongoAccounts::new(mongo).signing_key(&fresh).await?),
        None => key_in(&config.data_dir, fresh),
    }
}

pub(super) async fn apply(backend: &dyn Migrate) -> anyhow::Result<Vec<String>> {
    let applied = backend
        .up()
        .await
        .with_context(|| format!("the schema of {} cannot be brought up to date", backend.backend()))?;
    if !applied.is_empty() {
        tracing::info!(backend = backend.backend(), migrations = applied.join(" "), "migrations applied");
    }
    Ok(applied)
}

async fn connect_mongo(config: &Config) -> anyhow::Result<Option<Mongo>> {
    let Some(url) = &config.mongodb_url else { return Ok(None) };
    Ok(Some(Mongo::connect(url).await.context("JABIRU_MONGODB_URL / --mongodb-url: cannot be used")?))
}

async fn connect_redis(config: &Config) -> anyhow::Result<Option<Redis>> {
    let Some(url) = &config.redis_url else { return Ok(None) };
    Ok(Some(Redis::connect(url).await.context("JABIRU_REDIS_URL / --redis-url: cannot be used")?))
}

async fn connect_clickhouse(config: &Config) -> anyhow::Result<Option<ClickHouse>> {
    let Some(url) = &config.clickhouse_url else { return Ok(None) };
    Ok(Some(ClickHouse::connect(url).await.context("JABIRU_CLICKHOUSE_URL / --clickhouse-url: cannot be used")?))
}

fn dataset_limits(config: &Config) -> datasets::Limits {
    datasets::Limits { file_bytes: config.limits.dataset_bytes, ..datasets::Limits::default() }
}

fn image_limits(config: &Config) -> images::Limits {
    images::Limits { file_bytes: config.limits.image_bytes, ..images::Limits::default() }
}
