//! The composition root: the only file that names concrete backends. Builds a node from its configuration, serves it, shuts it down.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Request, StatusCode};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::trace::TraceLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::access::{
    Accounts, Limiter, LocalOwner, MemoryLimiter, MongoAccounts, Rates, RedisLimiter, RedisSessions, SessionStore,
    Sessions, SqliteAccounts, SqliteSessions, Tokens,
};
use crate::backend::migrations::{Migrate, Migration, State};
use crate::backend::mongo::Mongo;
use crate::backend::redis::Redis;
use crate::backend::sqlite::{Sqlite, SqliteMigrations};
use crate::bus::LocalBus;
use crate::clock::Clock;
use crate::config::{Config, Limits};
use crate::events::Events;
use crate::http::{Origins, Problem, Shell, assets, docs, health, serve};
use crate::platform::bindings::{Bindings, Calculator};
use crate::platform::canvases::{self, Canvases};
use crate::platform::datasets::{self, Datasets};
use crate::platform::images::{self, Images};
use crate::platform::{accounts, samples};
use crate::presence::MemoryPresence;
use crate::room::{Changes, Hub, Node, Pressure};
use crate::store::Store;
use crate::store::sqlite::SqliteStore;
use crate::{doc, id, telemetry, ws};

/// The migrations of `jabiru.db`, in order. Files are never edited once released: see [`crate::backend::migrations`].
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_kernel",
        up: include_str!("../migrations/sqlite/0001_kernel.up.sql"),
        down: Some(include_str!("../migrations/sqlite/0001_kernel.down.sql")),
    },
    Migration {
        name: "0003_canvas_marks",
        up: include_str!("../migrations/sqlite/0003_canvas_marks.up.sql"),
        down: Some(include_str!("../migrations/sqlite/0003_canvas_marks.down.sql")),
    },
    Migration {
        name: "0004_images",
        up: include_str!("../migrations/sqlite/0004_images.up.sql"),
        down: Some(include_str!("../migrations/sqlite/0004_images.down.sql")),
    },
    Migration {
        name: "0006_sessions",
        up: include_str!("../migrations/sqlite/0006_sessions.up.sql"),
        down: Some(include_str!("../migrations/sqlite/0006_sessions.down.sql")),
    },
];

/// Puts something around a store.
pub type WrapStore = Box<dyn FnOnce(Arc<dyn Store>) -> Arc<dyn Store> + Send>;

/// Parts a test may replace. The defaults are what a user gets.
pub struct Parts {
    /// The clock.
    pub clock: Clock,
    /// Puts something between the rooms and the store: one that delays, fails or hangs.
    pub wrap_store: WrapStore,
}

impl Default for Parts {
    fn default() -> Self {
        Self { clock: Clock::system(), wrap_store: Box::new(|store| store) }
    }
}

/// A node that is listening.
pub struct App {
    /// The address it really listens on.
    pub address: SocketAddr,
    /// The origin people use.
    pub origin: String,
    /// The rooms.
    pub hub: Arc<Hub>,
    owner: LocalOwner,
    sessions: Sessions,
    stop: CancellationToken,
    tasks: TaskTracker,
    limits: Limits,
    /// Held while the process lives: two nodes on one folder would not hear each other.
    _lock: File,
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Jabiru",
    description = "Canvases, data sets, images and who is here. Live editing is the y-websocket protocol at /v1/sync/{canvas_id}. Log in with the \
                   cookie of a browser session, or send `Authorization: Bearer` with a token of `jabiru token`. Errors are RFC 9457 \
                   problem+json; lists take `limit` and `cursor`."
))]
struct Api;

impl App {
    /// Opens the data folder, makes it a first start if it is empty, and listens.
    ///
    /// # Errors
    /// A setting cannot be used; the text names it.
    pub async fn start(config: Config, parts: Parts) -> anyhow::Result<Self> {
        let metrics = telemetry::init_metrics();
        let lock = open_data_dir(&config.data_dir)?;
        let services = Services::connect(&config).await?;
        let secret = services.secret(&config).await?;
        let clock = parts.clock;
        let limits = Arc::new(config.limits.clone());

        for backend in migrations(&config) {
            apply(backend.as_ref()).await?;
        }
        let sqlite = open_database(&config.data_dir)?;
        let sessions = services.sessions(|| Ok(sqlite.clone()), &clock)?;
        let owner = sessions.local_owner().await.context("the accounts cannot be read")?;
        let rates = Rates::new(services.limiter(&clock), Arc::clone(&limits));
        let tasks = TaskTracker::new();
        let (events, writer) = Events::new(sqlite.clone(), clock.clone());
        tasks.spawn(writer.run());
        let images = services.images(&config, &sqlite, &clock).await?;
        let store = (parts.wrap_store)(Arc::new(SqliteStore::new(sqlite, clock.clone())));
        let (changes, word) = Changes::channel();
        let hub = Hub::new(Arc::new(Node {
            id: id::generate().into(),
            store: Arc::clone(&store),
            presence: Arc::new(MemoryPresence::default()),
            bus: Arc::new(LocalBus::default()),
            events,
            limits: config.limits.clone(),
            clock: clock.clone(),
            pressure: Pressure::default(),
            changes,
        }));
        let datasets = services.datasets(&config, &clock).await?;
        let stop = CancellationToken::new();
        let calculator = Calculator::new(Arc::clone(&datasets));
        let canvases = Canvases { store, hub: Arc::clone(&hub), clock: clock.clone() };
        if owner.created && !config.no_samples {
            let made = create_samples(&canvases, &datasets, &calculator, &owner).await;
            made.context("the sample canvases could not be made")?;
        }
        let bindings = Bindings::new(Arc::clone(&hub), calculator);
        tasks.spawn(stop.clone().run_until_cancelled_owned(bindings.follow(word)));

        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("JABIRU_LISTEN / --listen: cannot listen on {}", config.listen))?;
        let address = listener.local_addr()?;
        let origin = config.public_origin(address);
        let origins = Arc::new(Origins { public: origin.clone(), allowed: config.allowed_origins.clone() });
        let tokens = Tokens::new(&secret, owner.org.clone(), clock.clone());
        let shell = Shell { tokens, sessions: sessions.clone(), rates, origins, limits, clock };
        let router = router(&shell, &hub, canvases, datasets, images, metrics.clone());

        tasks.spawn(stop.clone().run_until_cancelled_owned(telemetry::upkeep(metrics)));
        let head = config.limits.request_head;
        tasks.spawn(serve::serve(listener, router, head, stop.clone(), tasks.clone()));
        Ok(Self { address, origin, hub, owner, sessions, stop, tasks, limits: config.limits, _lock: lock })
    }

    /// A URL that logs the local owner in, once.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn login_url(&self) -> anyhow::Result<String> {
        let token = self.sessions.login_link(&self.owner.user_id).await?;
        Ok(format!("{}/login?token={token}", self.origin))
    }

    /// Stops accepting, closes every session with 1012, writes every tail and the waiting events. `[DUR-9]`
    ///
    /// # Errors
    /// Not everything was stored by the deadline; the text says how much was not.
    pub async fn shutdown(self) -> anyhow::Result<()> {
        let deadline = Instant::now() + self.limits.shutdown;
        self.stop.cancel();
        let stored = self.hub.shutdown(deadline).await;
        // The event queue ends when the last room and route is gone, and routes go with the connections.
        drop(self.hub);
        self.tasks.close();
        let _ = tokio::time::timeout_at(deadline, self.tasks.wait()).await;
        stored.map_err(|bytes| anyhow!("{bytes} bytes of updates were not stored before the shutdown deadline"))
    }
}

fn router(
    shell: &Shell,
    hub: &Arc<Hub>,
    canvases: Canvases,
    datasets: Arc<Datasets>,
    images: Arc<Images>,
    metrics: metrics_exporter_prometheus::PrometheusHandle,
) -> Router {
    let (api, description) = OpenApiRouter::with_openapi(Api::openapi())
        .merge(accounts::http::router(accounts::http::Accounts { shell: shell.clone() }))
        .merge(canvases::http::router(canvases::http::Slice { shell: shell.clone(), canvases: canvases.clone() }))
        .merge(datasets::http::router(datasets::http::Slice {
            shell: shell.clone(),
            datasets,
            canvases: canvases.clone(),
        }))
        .merge(images::http::router(images::http::Slice { shell: shell.clone(), images, canvases }))
        .split_for_parts();
    Router::new()
        .merge(api)
        .merge(docs::router(&description))
        .layer(DefaultBodyLimit::max(shell.limits.body_bytes))
        .fallback(assets::serve)
        .layer(CompressionLayer::new())
        .merge(health::router(health::Health { hub: Arc::clone(hub), metrics }))
        .merge(ws::router(shell.clone(), Arc::clone(hub)))
        .layer(CatchPanicLayer::custom(|_| {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal error", "This is a bug; nothing was changed. Please report it.")
                .into_response()
        }))
        // The path only: the query of a socket or a login carries a token.
        .layer(TraceLayer::new_for_http().make_span_with(
            |request: &Request<_>| tracing::debug_span!("http", method = %request.method(), path = request.uri().path()),
        ))
}

/// The services this node was given, connected; the embedded part stands in for what is not set.
struct Services {
    mongo: Option<Mongo>,
    redis: Option<Redis>,
}

impl Services {
    /// # Errors
    /// A URL that is set cannot be used: never a silent fallback.
    async fn connect(config: &Config) -> anyhow::Result<Self> {
        Ok(Self { mongo: connect_mongo(config).await?, redis: connect_redis(config).await? })
    }

    async fn secret(&self, config: &Config) -> anyhow::Result<String> {
        signing_key(config, self.mongo.as_ref()).await
    }

    /// `sqlite` opens the embedded database, if anything of it is needed.
    fn sessions(&self, sqlite: impl Fn() -> anyhow::Result<Sqlite>, clock: &Clock) -> anyhow::Result<Sessions> {
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

    async fn datasets(&self, config: &Config, clock: &Clock) -> anyhow::Result<Arc<Datasets>> {
        let limits = datasets::Limits { file_bytes: config.limits.dataset_bytes, ..datasets::Limits::default() };
        let opened = match &self.mongo {
            Some(mongo) => Datasets::shared(&config.data_dir, mongo, clock.clone(), limits).await,
            None => Datasets::open(&config.data_dir, limits),
        };
        Ok(Arc::new(opened.with_context(|| self.unusable(&config.data_dir))?))
    }

    async fn images(&self, config: &Config, sqlite: &Sqlite, clock: &Clock) -> anyhow::Result<Arc<Images>> {
        let limits = images::Limits { file_bytes: config.limits.image_bytes, ..images::Limits::default() };
        let opened = match &self.mongo {
            Some(mongo) => Images::shared(&config.data_dir, mongo, clock.clone(), limits).await,
            None => Images::open(&config.data_dir, sqlite.clone(), clock.clone(), limits).await,
        };
        opened.with_context(|| self.unusable(&config.data_dir.join("images")))
    }

    fn unusable(&self, folder: &Path) -> String {
        let or = if self.mongo.is_some() { ", or JABIRU_MONGODB_URL / --mongodb-url" } else { "" };
        format!("{}{or}", unusable(folder))
    }

    fn limiter(&self, clock: &Clock) -> Arc<dyn Limiter> {
        match &self.redis {
            Some(redis) => Arc::new(RedisLimiter::new(redis)),
            None => Arc::new(MemoryLimiter::new(clock.clone())),
        }
    }
}

async fn connect_mongo(config: &Config) -> anyhow::Result<Option<Mongo>> {
    let Some(url) = &config.mongodb_url else { return Ok(None) };
    Ok(Some(Mongo::connect(url).await.context("JABIRU_MONGODB_URL / --mongodb-url: cannot be used")?))
}

async fn connect_redis(config: &Config) -> anyhow::Result<Option<Redis>> {
    let Some(url) = &config.redis_url else { return Ok(None) };
    Ok(Some(Redis::connect(url).await.context("JABIRU_REDIS_URL / --redis-url: cannot be used")?))
}

/// A URL that logs the owner in, for when the printed one was used. Works beside a running server, and with MongoDB and Redis anywhere.
///
/// # Errors
/// No server has been started on this data folder or these services.
pub async fn login_url(config: &Config) -> anyhow::Result<String> {
    let services = Services::connect(config).await?;
    // Only if anything of it is needed: with MongoDB and Redis there need be no data folder here.
    let needed = services.mongo.is_none() || services.redis.is_none();
    if needed && !config.data_dir.join(DATABASE).exists() {
        bail!(
            "JABIRU_DATA_DIR / --data-dir: {} holds no Jabiru data; start the server first",
            config.data_dir.display()
        );
    }
    if needed {
        embedded(&config.data_dir).up().await.with_context(|| unusable(&config.data_dir))?;
    }
    let sessions = services.sessions(|| open_database(&config.data_dir), &Clock::system())?;
    let owner = sessions.known_owner().await?.context("there is nobody to log in yet; start the server first")?;
    let token = sessions.login_link(&owner.user_id).await?;
    Ok(format!("{}/login?token={token}", config.public_origin(config.listen)))
}

/// The key that signs tokens: the configured one; else the one all nodes share in MongoDB, or without MongoDB the one in the data folder,
/// made if there is none.
///
/// # Errors
/// MongoDB does not answer, or the folder cannot be written.
pub async fn secret(config: &Config) -> anyhow::Result<String> {
    if let Some(secret) = &config.secret {
        return Ok(secret.clone());
    }
    signing_key(config, connect_mongo(config).await?.as_ref()).await
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

fn key_in(data_dir: &Path, fresh: String) -> anyhow::Result<String> {
    let path = data_dir.join("secret");
    if let Ok(secret) = fs::read_to_string(&path) {
        let secret = secret.trim().to_owned();
        if secret.len() < 32 {
            bail!(
                "{} is shorter than 32 characters; delete it to have a new key made, which ends all tokens",
                path.display()
            );
        }
        return Ok(secret);
    }
    write_private(&path, &fresh).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(fresh)
}

/// Writes a file that only its owner may read, whole or not at all.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let fresh = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(fresh, path)
}

const DATABASE: &str = "jabiru.db";

/// The file of the embedded store whose lock a running server holds.
const LOCK: &str = "lock";

fn unusable(data_dir: &Path) -> String {
    format!("JABIRU_DATA_DIR / --data-dir: cannot use {}", data_dir.display())
}

fn make_data_dir(path: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(|| unusable(path))
}

fn open_data_dir(path: &Path) -> anyhow::Result<File> {
    let named = || unusable(path);
    make_data_dir(path)?;
    let lock = File::create(path.join(LOCK)).with_context(named)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => bail!("{}: another Jabiru is running on this folder", named()),
        Err(fs::TryLockError::Error(error)) => Err(error).with_context(named),
    }
}

fn open_database(data_dir: &Path) -> anyhow::Result<Sqlite> {
    Sqlite::open(&data_dir.join(DATABASE)).with_context(|| unusable(data_dir))
}

fn embedded(data_dir: &Path) -> SqliteMigrations {
    SqliteMigrations::new(vec![
        (data_dir.join(DATABASE), MIGRATIONS),
        (data_dir.join(datasets::DATABASE), datasets::MIGRATIONS),
    ])
}

/// Every configured backend that has migrations, in the order they are applied.
fn migrations(config: &Config) -> Vec<Box<dyn Migrate>> {
    vec![Box::new(embedded(&config.data_dir))]
}

async fn apply(backend: &dyn Migrate) -> anyhow::Result<Vec<String>> {
    let applied = backend
        .up()
        .await
        .with_context(|| format!("the schema of {} cannot be brought up to date", backend.backend()))?;
    if !applied.is_empty() {
        tracing::info!(backend = backend.backend(), migrations = applied.join(" "), "migrations applied");
    }
    Ok(applied)
}

/// What `jabiru migrate up` does: applies what is pending on every configured backend. A line for each of them.
///
/// # Errors
/// A backend does not answer, or a migration changed, is missing or failed; the text names it.
pub async fn migrate_up(config: &Config) -> anyhow::Result<String> {
    let mut lines = Vec::new();
    make_data_dir(&config.data_dir)?;
    for backend in migrations(config) {
        let applied = apply(backend.as_ref()).await?;
        lines.push(match applied.as_slice() {
            [] => format!("{}: nothing to apply", backend.backend()),
            names => format!("{}: applied {}", backend.backend(), names.join(", ")),
        });
    }
    Ok(lines.join("\n"))
}

/// What `jabiru migrate status` prints: a line for every migration of every configured backend. Changes nothing. Also whether a server of
/// this build would start on them.
///
/// # Errors
/// A backend does not answer.
pub async fn migrate_status(config: &Config) -> anyhow::Result<(String, bool)> {
    let (mut lines, mut sound) = (Vec::new(), true);
    for backend in migrations(config) {
        for (name, state) in backend.status().await? {
            sound &= matches!(state, State::Applied | State::Pending);
            lines.push(format!("{:<10}  {state:<7}  {name}", backend.backend()));
        }
    }
    Ok((lines.join("\n"), sound))
}

/// What `jabiru migrate down` does: undoes every migration of one backend after `to` (`""`: all), the last first, and with them the data
/// they made room for. `backend` may be left out where there is one only. Refuses while a server runs on the data folder.
///
/// # Errors
/// There is no such backend, a server runs, or as [`Migrate::down`].
pub async fn migrate_down(config: &Config, backend: Option<&str>, to: &str) -> anyhow::Result<String> {
    let configured = migrations(config);
    let names = || configured.iter().map(|known| known.backend()).collect::<Vec<_>>().join(", ");
    let chosen = match (backend, configured.as_slice()) {
        (None, [only]) => only,
        (None, _) => bail!("--backend: say which of {} is to be undone", names()),
        (Some(backend), configured) => match configured.iter().find(|known| known.backend() == backend) {
            Some(chosen) => chosen,
            None => bail!("--backend: `{backend}` has no migrations here; there is {}", names()),
        },
    };
    let _lock = open_data_dir(&config.data_dir).context("migrations are undone only while no server runs")?;
    Ok(match chosen.down(to).await?.as_slice() {
        [] => format!("{}: nothing to undo", chosen.backend()),
        names => format!("{}: undid {}", chosen.backend(), names.join(", ")),
    })
}

/// The first start's canvases, through the same doors as everybody's.
async fn create_samples(
    canvases: &Canvases,
    datasets: &Datasets,
    calculator: &Calculator,
    owner: &LocalOwner,
) -> anyhow::Result<()> {
    for sample in samples::samples() {
        let mut ids = Vec::new();
        for file in sample.datasets {
            let (source, licence) = (Some(file.source), Some(file.licence));
            let dataset = datasets
                .ingest_bytes(&owner.org, &owner.user_id, file.name, file.media_type, file.bytes, source, licence)
                .await?;
            ids.push((file.key, dataset.id));
        }
        let find = |key: &str| ids.iter().find(|(known, _)| *known == key).map(|(_, id)| *id);
        let canvas = doc::schema::parse_import(&sample.canvas(&find)?, &doc::schema::CanvasLimits::default())?;
        // Nobody has opened it yet, and its numbers should be there all the same.
        let canvas = calculator.fill(&owner.org, &canvas).await?;
        canvases.create(&owner.org, &owner.user_id, &canvas).await?;
    }
    Ok(())
}
