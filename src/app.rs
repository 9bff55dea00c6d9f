//! The composition root: the only file that names concrete backends. Builds a node from its configuration, serves it, shuts it down.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
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
use crate::backend::clickhouse::{ClickHouse, ClickHouseMigrations};
use crate::backend::migrations::{Migrate, Migration, State};
use crate::backend::sqlite::{Sqlite, SqliteMigrations};
use crate::bus::LocalBus;
use crate::clock::Clock;
use crate::config::{Config, Limits};
use crate::events::{ClickHouseEvents, EventStore, Events, Spool, SqliteEvents, sample_metrics};
use crate::http::{Origins, Problem, Shell, activity, assets, docs, health, serve};
use crate::id::CanvasId;
use crate::platform::bindings::{Bindings, Calculator};
use crate::platform::canvases::{self, Canvases};
use crate::platform::datasets::{self, Datasets};
use crate::platform::images::{self, Images};
use crate::platform::transfer::{self, Installation, Tenants};
use crate::platform::usage::{self, ClickHouseUsage, SqliteUsage, UsageStore};
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
        name: "0005_events",
        up: include_str!("../migrations/sqlite/0005_events.up.sql"),
        down: Some(include_str!("../migrations/sqlite/0005_events.down.sql")),
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
        let secret = secret(&config)?;
        let clock = parts.clock;
        let limits = Arc::new(config.limits.clone());

        for backend in migrations(&config) {
            apply(backend.as_ref()).await?;
        }
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
        let calculator = Calculator::new(Arc::clone(&datasets)).with_events(events.clone());
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
    has_data(config)?;
    embedded(&config.data_dir).up().await.with_context(|| unusable(&config.data_dir))?;
    let sessions = Sessions::new(open_database(&config.data_dir)?, Clock::system());
    let owner = sessions.local_owner().await?;
    let token = sessions.login_link(&owner.user_id).await?;
    Ok(format!("{}/login?token={token}", config.public_origin(config.listen)))
}

/// What a command works on: the backends of a node without the node.
struct Backends {
    store: Arc<dyn Store>,
    datasets: Arc<Datasets>,
    images: Images,
    sessions: Sessions,
}

/// Opens the backends of a data folder, whose server may be running: nothing of an upload in progress is touched.
async fn open_backends(config: &Config, clock: &Clock) -> anyhow::Result<Backends> {
    for backend in migrations(config) {
        apply(backend.as_ref()).await?;
    }
    let sqlite = open_database(&config.data_dir)?;
    let datasets = Datasets::open_beside(&config.data_dir, dataset_limits(config));
    Ok(Backends {
        datasets: Arc::new(datasets.with_context(|| unusable(&config.data_dir))?),
        images: Images::open_beside(&config.data_dir, sqlite.clone(), clock.clone(), image_limits(config)),
        sessions: Sessions::new(sqlite.clone(), clock.clone()),
        store: Arc::new(SqliteStore::new(sqlite, clock.clone())),
    })
}

/// What `jabiru export` does: writes canvases with their history, and what they show, to a new file that only its owner may read. All of
/// them where none is named. Works beside a running server.
///
/// # Errors
/// The file exists or cannot be written, there is no such canvas, or a backend does not answer; no file is left then.
pub async fn export(config: &Config, out: &Path, canvases: &[CanvasId]) -> anyhow::Result<String> {
    has_data(config)?;
    if out.exists() {
        bail!("--out: {} exists; move it away or name another file", out.display());
    }
    let clock = Clock::system();
    let backends = open_backends(config, &clock).await?;
    let fresh = out.with_added_extension("part");
    let named = || format!("--out: cannot write {}", fresh.display());
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh);
    let from = Installation { store: backends.store.as_ref(), datasets: &backends.datasets, images: &backends.images };
    let written = match transfer::export(from, canvases, BufWriter::new(file.with_context(named)?), clock.now()).await {
        Ok((writer, totals)) => {
            let file = writer.into_inner().map_err(io::IntoInnerError::into_error).with_context(named)?;
            file.sync_all().and_then(|()| fs::rename(&fresh, out)).with_context(named).map(|()| totals)
        }
        Err(error) => Err(error).context("nothing was exported"),
    };
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    Ok(format!("{}: {}", out.display(), written?))
}

/// What `jabiru import` does: takes what a file of [`export`] holds. A line for each canvas, and whether all of them are there now as the
/// file has them. Refuses while a server runs on the data folder.
///
/// # Errors
/// The file is no good (nothing is imported then), a server runs, or a backend does not answer; importing again is safe.
pub async fn import(config: &Config, from: &Path, replace: bool) -> anyhow::Result<(String, bool)> {
    if replace && config.mongodb_url.is_some() {
        bail!(
            "--replace works on the embedded store only: a node that has the canvas open would go on from what it holds. With every node \
             stopped, mongorestore puts a backup back"
        );
    }
    let named = || format!("--in: cannot import {}", from.display());
    let file = File::open(from).with_context(named)?;
    let contents = transfer::check(&file).with_context(named)?;
    let _lock =
        open_data_dir(&config.data_dir).context("a data folder is imported into only while no server runs on it")?;
    let backends = open_backends(config, &Clock::system()).await?;
    // What an import that was cut off left behind goes, as after an upload.
    let images = open_images(config, &open_database(&config.data_dir)?, &Clock::system()).await?;
    let owner = backends.sessions.local_owner().await.context("the data folder's database does not answer")?;
    let mut known = BTreeMap::new();
    for org in contents.orgs() {
        if backends.sessions.organization_name(org).await?.is_some() {
            known.insert(org.to_owned(), org.to_owned());
        }
    }
    let tenants = Tenants { known, home: owner.org, owner_id: owner.user_id };
    let into = Installation { store: backends.store.as_ref(), datasets: &backends.datasets, images: &images };
    let imported = transfer::import(into, &contents, &file, &tenants, replace).await.with_context(named)?;
    let mut lines = Vec::new();
    for (what, records) in
        [("imported", &imported.new), ("replaced", &imported.replaced), ("there already", &imported.known)]
    {
        lines.extend(records.iter().map(|record| format!("{what}: {} {:?}", record.id, record.name)));
    }
    lines.extend(
        imported.refused.iter().map(|(record, why)| format!("refused: {} {:?}: {why}", record.id, record.name)),
    );
    lines.push(format!("written: {}", imported.written));
    Ok((lines.join("\n"), imported.refused.is_empty()))
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

fn has_data(config: &Config) -> anyhow::Result<()> {
    if config.data_dir.join(DATABASE).exists() {
        return Ok(());
    }
    bail!("JABIRU_DATA_DIR / --data-dir: {} holds no Jabiru data; start the server first", config.data_dir.display())
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
    let mut backends: Vec<Box<dyn Migrate>> = vec![Box::new(embedded(&config.data_dir))];
    if let Some(url) = &config.clickhouse_url {
        backends.push(Box::new(ClickHouseMigrations::new(url.clone())));
    }
    backends
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

fn dataset_limits(config: &Config) -> datasets::Limits {
    datasets::Limits { file_bytes: config.limits.dataset_bytes, ..datasets::Limits::default() }
}

fn image_limits(config: &Config) -> images::Limits {
    images::Limits { file_bytes: config.limits.image_bytes, ..images::Limits::default() }
}

fn open_datasets(config: &Config) -> anyhow::Result<Arc<Datasets>> {
    let datasets =
        Datasets::open(&config.data_dir, dataset_limits(config)).with_context(|| unusable(&config.data_dir))?;
    Ok(Arc::new(datasets))
}

/// Where usage events go and where the usage pages read them: ClickHouse if there is one, else the embedded database. `[EVT-2]`
async fn open_events(config: &Config, sqlite: &Sqlite) -> anyhow::Result<(Arc<dyn EventStore>, Arc<dyn UsageStore>)> {
    let Some(url) = &config.clickhouse_url else {
        return Ok((Arc::new(SqliteEvents::new(sqlite.clone())), Arc::new(SqliteUsage::new(sqlite.clone()))));
    };
    let clickhouse = ClickHouse::connect(url)
        .await
        .context("JABIRU_CLICKHOUSE_URL / --clickhouse-url: usage events cannot go there")?;
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
    let images = Images::open(&config.data_dir, sqlite.clone(), clock.clone(), image_limits(config)).await;
    images.with_context(|| unusable(&config.data_dir.join("images")))
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
