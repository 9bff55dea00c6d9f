//! The composition root: the only file that names concrete backends. Builds a node from its configuration, serves it, shuts it down.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Request, StatusCode};
use axum::middleware::from_fn_with_state;
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

use crate::access::{LocalOwner, Sessions, Tokens};
use crate::backend::clickhouse::ClickHouse;
use crate::backend::migrations::Migrate;
use crate::backend::sqlite::{Migration, Sqlite, migrate};
use crate::bus::LocalBus;
use crate::clock::Clock;
use crate::config::{Config, Limits};
use crate::events::{ClickHouseEvents, EventStore, Events, Spool, SqliteEvents, sample_metrics};
use crate::http::{Origins, Problem, Shell, activity, assets, docs, health, serve};
use crate::platform::bindings::{Bindings, Calculator};
use crate::platform::canvases::{self, Canvases};
use crate::platform::datasets::{self, Datasets};
use crate::platform::images::{self, Images};
use crate::platform::usage::{self, ClickHouseUsage, SqliteUsage, UsageStore};
use crate::platform::{accounts, samples};
use crate::presence::MemoryPresence;
use crate::room::{Changes, Hub, Node, Pressure};
use crate::store::Store;
use crate::store::sqlite::SqliteStore;
use crate::{doc, id, telemetry, ws};

/// The migrations of `jabiru.db`, in order. Files are never edited once released: see [`migrate`].
pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_kernel", sql: include_str!("../migrations/sqlite/0001_kernel.up.sql") },
    Migration { name: "0003_canvas_marks", sql: include_str!("../migrations/sqlite/0003_canvas_marks.up.sql") },
    Migration { name: "0004_images", sql: include_str!("../migrations/sqlite/0004_images.up.sql") },
    Migration { name: "0005_events", sql: include_str!("../migrations/sqlite/0005_events.up.sql") },
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
        let secret = secret(&config)?;
        let clock = parts.clock;
        let limits = Arc::new(config.limits.clone());

        let sqlite = open_database(&config.data_dir)?;
        let sessions = Sessions::new(sqlite.clone(), clock.clone());
        let owner = sessions.local_owner().await.context("the data folder's database does not answer")?;
        let tasks = TaskTracker::new();
        let (events, writer) = Events::new(clock.clone());
        let (event_store, usage_store) = open_events(&config, &sqlite).await?;
        tasks.spawn(writer.run(event_store, open_spool(&config)?));
        let images = open_images(&config, &sqlite, &clock).await?;
        let store = (parts.wrap_store)(Arc::new(SqliteStore::new(sqlite, clock.clone())));
        let (changes, word) = Changes::channel();
        let hub = Hub::new(Arc::new(Node {
            id: id::generate().into(),
            store: Arc::clone(&store),
            presence: Arc::new(MemoryPresence::default()),
            bus: Arc::new(LocalBus::default()),
            events: events.clone(),
            limits: config.limits.clone(),
            clock: clock.clone(),
            pressure: Pressure::default(),
            changes,
        }));
        let datasets = open_datasets(&config)?;
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
        let shell = Shell {
            tokens,
            sessions: sessions.clone(),
            origins,
            limits,
            clock,
            events: events.clone(),
            trust_forwarded_for: config.trust_forwarded_for,
        };
        let router = router(&shell, &hub, canvases, datasets, images, usage_store, metrics.clone());
        tasks.spawn(stop.clone().run_until_cancelled_owned(sample(
            metrics.clone(),
            events,
            Arc::clone(&hub.node().id),
        )));

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
    usage: Arc<dyn UsageStore>,
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
        .merge(images::http::router(images::http::Slice { shell: shell.clone(), images, canvases: canvases.clone() }))
        .merge(usage::http::router(usage::http::Slice { shell: shell.clone(), usage, canvases }))
        .split_for_parts();
    Router::new()
        .merge(api.layer(from_fn_with_state(shell.clone(), activity::api_calls)))
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

/// A URL that logs the owner of an existing data folder in, for when the printed one was used. Works beside a running server.
///
/// # Errors
/// There is no database in the folder.
pub async fn login_url(config: &Config) -> anyhow::Result<String> {
    if !config.data_dir.join(DATABASE).exists() {
        bail!(
            "JABIRU_DATA_DIR / --data-dir: {} holds no Jabiru data; start the server first",
            config.data_dir.display()
        );
    }
    let sessions = Sessions::new(open_database(&config.data_dir)?, Clock::system());
    let owner = sessions.local_owner().await?;
    let token = sessions.login_link(&owner.user_id).await?;
    Ok(format!("{}/login?token={token}", config.public_origin(config.listen)))
}

/// The key that signs tokens: the configured one, or the one in the data folder, made if there is none.
///
/// # Errors
/// The folder cannot be written.
pub fn secret(config: &Config) -> anyhow::Result<String> {
    if let Some(secret) = &config.secret {
        return Ok(secret.clone());
    }
    let path = config.data_dir.join("secret");
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
    let mut bytes = [0_u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    let secret = URL_SAFE_NO_PAD.encode(bytes);
    write_private(&path, &secret).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(secret)
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

fn open_data_dir(path: &Path) -> anyhow::Result<File> {
    let named = || format!("JABIRU_DATA_DIR / --data-dir: cannot use {}", path.display());
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(named)?;
    let lock = File::create(path.join("lock")).with_context(named)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => bail!("{}: another Jabiru is running on this folder", named()),
        Err(fs::TryLockError::Error(error)) => Err(error).with_context(named),
    }
}

fn open_database(data_dir: &Path) -> anyhow::Result<Sqlite> {
    let path = data_dir.join(DATABASE);
    let named = || format!("JABIRU_DATA_DIR / --data-dir: cannot use {}", path.display());
    migrate(&path, MIGRATIONS).with_context(named)?;
    Sqlite::open(&path).with_context(named)
}

fn open_datasets(config: &Config) -> anyhow::Result<Arc<Datasets>> {
    let limits = datasets::Limits { file_bytes: config.limits.dataset_bytes, ..datasets::Limits::default() };
    let datasets = Datasets::open(&config.data_dir, limits)
        .with_context(|| format!("JABIRU_DATA_DIR / --data-dir: cannot use {}", config.data_dir.display()))?;
    Ok(Arc::new(datasets))
}

/// Where usage events go and where the usage pages read them: ClickHouse if there is one, else the embedded database. `[EVT-2]`
async fn open_events(config: &Config, sqlite: &Sqlite) -> anyhow::Result<(Arc<dyn EventStore>, Arc<dyn UsageStore>)> {
    let Some(url) = &config.clickhouse_url else {
        return Ok((Arc::new(SqliteEvents::new(sqlite.clone())), Arc::new(SqliteUsage::new(sqlite.clone()))));
    };
    let named = "JABIRU_CLICKHOUSE_URL / --clickhouse-url: usage events cannot go there";
    let clickhouse = ClickHouse::connect(url).await.context(named)?;
    clickhouse.up().await.context(named)?;
    Ok((Arc::new(ClickHouseEvents::new(clickhouse.clone())), Arc::new(ClickHouseUsage::new(clickhouse))))
}

fn open_spool(config: &Config) -> anyhow::Result<Spool> {
    let folder = config.data_dir.join("spool");
    Spool::open(&folder, config.limits.spool_bytes)
        .with_context(|| format!("JABIRU_DATA_DIR / --data-dir: cannot use {}", folder.display()))
}

/// How often the node's metrics go to its events.
const SAMPLE_EVERY: Duration = Duration::from_secs(15);

async fn sample(metrics: metrics_exporter_prometheus::PrometheusHandle, events: Events, node: Arc<str>) {
    loop {
        tokio::time::sleep(SAMPLE_EVERY).await;
        events.samples(sample_metrics(&metrics.render(), &node));
    }
}

async fn open_images(config: &Config, sqlite: &Sqlite, clock: &Clock) -> anyhow::Result<Arc<Images>> {
    let limits = images::Limits { file_bytes: config.limits.image_bytes, ..images::Limits::default() };
    Images::open(&config.data_dir, sqlite.clone(), clock.clone(), limits).await.with_context(|| {
        format!("JABIRU_DATA_DIR / --data-dir: cannot use {}", config.data_dir.join("images").display())
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
