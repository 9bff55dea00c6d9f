//! The composition root: the only module that names concrete backends. Builds a node from its configuration, serves it, shuts it down.
//!
//! `services` says which implementation of each port a configuration means · `folder` is the data folder · `commands` what `jabiru` does
//! besides serving.

mod commands;
mod folder;
mod services;

use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Request, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate as _};
use tower_http::trace::TraceLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::access::{LocalOwner, Rates, Sessions, Tokens};
use crate::clock::Clock;
use crate::config::{Config, Limits};
use crate::events::{Events, Spool, sample_metrics};
use crate::http::{Origins, Problem, Shell, activity, assets, docs, health, serve};
use crate::platform::bindings::{Bindings, Calculator};
use crate::platform::canvases::{self, Canvases};
use crate::platform::datasets::{self, Datasets};
use crate::platform::images::{self, Images};
use crate::platform::transfer::{self, Exports};
use crate::platform::usage::{self, UsageStore};
use crate::platform::{accounts, samples};
use crate::room::{Changes, Hub, Node, Pressure};
use crate::store::Store;
use crate::{doc, id, telemetry, ws};

pub use commands::{export, import, login_url, migrate_down, migrate_status, migrate_up};
pub use folder::MIGRATIONS;
pub use services::secret;

use folder::{open_data_dir, open_database};
use services::Services;

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
        let lock = open_data_dir(&config.data_dir).await?;
        let clock = parts.clock;
        let limits = Arc::new(config.limits.clone());
        let services = Services::connect(&config).await?;
        let secret = services.secret(&config).await?;
        services.migrate(&config).await?;

        let sqlite = open_database(&config.data_dir)?;
        let sessions = services.sessions(|| Ok(sqlite.clone()), &clock)?;
        let owner = sessions.local_owner().await.context("the accounts cannot be read")?;
        let rates = Rates::new(services.limiter(&clock), Arc::clone(&limits));
        let tasks = TaskTracker::new();
        let (events, writer) = Events::new(clock.clone());
        let (event_store, usage_store) = services.events(&sqlite);
        tasks.spawn(writer.run(event_store, open_spool(&config)?));
        let images = services.images(&config, &sqlite, &clock).await?;
        let store = (parts.wrap_store)(services.store(&sqlite, &clock, &tasks));
        let node: Arc<str> = id::generate().into();
        let (changes, word) = Changes::channel();
        let hub = Hub::new(Arc::new(Node {
            id: Arc::clone(&node),
            store: Arc::clone(&store),
            presence: services.presence(&node, &clock, &tasks),
            bus: services.bus(&node, &tasks),
            events: events.clone(),
            limits: config.limits.clone(),
            clock: clock.clone(),
            pressure: Pressure::default(),
            changes,
        }));
        let datasets = services.datasets(&config, &clock).await?;
        let stop = CancellationToken::new();
        let calculator = Calculator::new(Arc::clone(&datasets)).with_events(events.clone());
        let canvases = Canvases { store, hub: Arc::clone(&hub), clock: clock.clone() };
        if owner.created && !config.no_samples {
            let made = create_samples(&canvases, &datasets, &calculator, &owner).await;
            made.context("the sample canvases could not be made")?;
        }
        let bindings = Bindings::new(Arc::clone(&hub), calculator);
        tasks.spawn(stop.clone().run_until_cancelled_owned(bindings.follow(word)));

        let listener = serve::listen(config.listen)
            .with_context(|| format!("JABIRU_LISTEN / --listen: cannot listen on {}", config.listen))?;
        let address = listener.local_addr()?;
        let origin = config.public_origin(address);
        let origins = Arc::new(Origins { public: origin.clone(), allowed: config.allowed_origins.clone() });
        let tokens = Tokens::new(&secret, owner.org.clone(), clock.clone());
        let shell = Shell {
            tokens,
            sessions: sessions.clone(),
            rates,
            origins,
            limits,
            clock,
            events: events.clone(),
            trust_forwarded_for: config.trust_forwarded_for,
        };
        let exports = Exports::open(config.data_dir.join("exports"));
        let exports = Arc::new(exports.context("JABIRU_DATA_DIR / --data-dir: cannot use its folder `exports`")?);
        let slices = Slices { canvases, datasets, images, exports, usage: usage_store };
        let router = router(&shell, &hub, slices, services.probes(&hub.node().bus), metrics.clone());
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

/// What the slices' routes work on.
struct Slices {
    canvases: Canvases,
    datasets: Arc<Datasets>,
    images: Arc<Images>,
    exports: Arc<Exports>,
    usage: Arc<dyn UsageStore>,
}

fn router(
    shell: &Shell,
    hub: &Arc<Hub>,
    Slices { canvases, datasets, images, exports, usage }: Slices,
    probes: Vec<health::Probe>,
    metrics: metrics_exporter_prometheus::PrometheusHandle,
) -> Router {
    let (api, description) = OpenApiRouter::with_openapi(Api::openapi())
        .merge(accounts::http::router(accounts::http::Accounts { shell: shell.clone() }))
        .merge(canvases::http::router(canvases::http::Slice { shell: shell.clone(), canvases: canvases.clone() }))
        .merge(datasets::http::router(datasets::http::Slice {
            shell: shell.clone(),
            datasets: Arc::clone(&datasets),
            canvases: canvases.clone(),
        }))
        .merge(images::http::router(images::http::Slice {
            shell: shell.clone(),
            images: Arc::clone(&images),
            canvases: canvases.clone(),
        }))
        .merge(transfer::http::router(transfer::http::Slice {
            shell: shell.clone(),
            canvases: canvases.clone(),
            datasets,
            images,
            exports,
        }))
        .merge(usage::http::router(usage::http::Slice { shell: shell.clone(), usage, canvases }))
        .split_for_parts();
    Router::new()
        .merge(api.layer(from_fn_with_state(shell.clone(), activity::api_calls)))
        .merge(docs::router(&description))
        .layer(DefaultBodyLimit::max(shell.limits.body_bytes))
        .fallback(assets::serve)
        // An export is compressed already.
        .layer(CompressionLayer::new().compress_when(
            DefaultPredicate::new().and(NotForContentType::const_new(transfer::http::MEDIA_TYPE)),
        ))
        .merge(health::router(health::Health { hub: Arc::clone(hub), events: shell.events.clone(), probes: Arc::new(probes), metrics }))
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
