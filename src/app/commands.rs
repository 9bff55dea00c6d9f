//! What the commands besides `serve` do: log in, move canvases, migrate. Each works on the backends of a node without the node.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use tokio_util::task::TaskTracker;

use super::folder::{embedded, has_data, make_data_dir, open_data_dir, open_database, unusable};
use super::services::{Services, apply};
use crate::access::Sessions;
use crate::backend::migrations::{Migrate as _, State};
use crate::clock::Clock;
use crate::config::Config;
use crate::id::CanvasId;
use crate::platform::datasets::Datasets;
use crate::platform::images::Images;
use crate::platform::transfer::{self, Installation, Tenants};
use crate::store::Store;

/// A URL that logs the owner in, for when the printed one was used. Works beside a running server, and with MongoDB and Redis anywhere.
///
/// # Errors
/// No server has been started on this data folder or these services.
pub async fn login_url(config: &Config) -> anyhow::Result<String> {
    let services = Services::connect(config).await?;
    if services.needs_folder() {
        has_data(config)?;
        embedded(&config.data_dir).up().await.with_context(|| unusable(&config.data_dir))?;
    }
    let sessions = services.sessions(|| open_database(&config.data_dir), &Clock::system())?;
    let owner = sessions.known_owner().await?.context("there is nobody to log in yet; start the server first")?;
    let token = sessions.login_link(&owner.user_id).await?;
    Ok(format!("{}/login?token={token}", config.public_origin(config.listen)))
}

/// What a command works on: the backends of a node without the node.
struct Backends {
    store: Arc<dyn Store>,
    datasets: Arc<Datasets>,
    images: Arc<Images>,
    sessions: Sessions,
}

/// Opens the backends of a data folder and its services. `alone`: the folder's lock is held, so uploads are taken and what an earlier one
/// left goes; else its server may be running, and nothing of an upload in progress is touched.
async fn open_backends(config: &Config, clock: &Clock, alone: bool) -> anyhow::Result<Backends> {
    let services = Services::connect(config).await?;
    make_data_dir(&config.data_dir)?;
    services.migrate(config).await?;
    let sqlite = open_database(&config.data_dir)?;
    let (datasets, images) = if alone {
        (services.datasets(config, clock).await?, services.images(config, &sqlite, clock).await?)
    } else {
        (services.datasets_beside(config, clock).await?, services.images_beside(config, &sqlite, clock).await?)
    };
    Ok(Backends {
        datasets,
        images,
        sessions: services.sessions(|| Ok(sqlite.clone()), clock)?,
        store: services.store(&sqlite, clock, &TaskTracker::new()),
    })
}

/// What `jabiru export` does: writes canvases with their history, and what they show, to a new file that only its owner may read. All of
/// them where none is named. Works beside a running server.
///
/// # Errors
/// The file exists or cannot be written, there is no such canvas, or a backend does not answer; no file is left then.
pub async fn export(config: &Config, out: &Path, canvases: &[CanvasId]) -> anyhow::Result<String> {
    if config.mongodb_url.is_none() {
        has_data(config)?;
    }
    if out.exists() {
        bail!("--out: {} exists; move it away or name another file", out.display());
    }
    let clock = Clock::system();
    let backends = open_backends(config, &clock, false).await?;
    let fresh = out.with_added_extension("part");
    let named = || format!("--out: cannot write {}", fresh.display());
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh);
    let from = Installation { store: backends.store.as_ref(), datasets: &backends.datasets, images: &backends.images };
    let written =
        match transfer::export(from, canvases, None, BufWriter::new(file.with_context(named)?), clock.now()).await {
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
    let _lock = open_data_dir(&config.data_dir)
        .await
        .context("a data folder is imported into only while no server runs on it")?;
    let backends = open_backends(config, &Clock::system(), true).await?;
    let owner = backends.sessions.local_owner().await.context("the data folder's database does not answer")?;
    let mut known = BTreeMap::new();
    for org in contents.orgs() {
        if backends.sessions.organization_name(org).await?.is_some() {
            known.insert(org.to_owned(), org.to_owned());
        }
    }
    let tenants = Tenants { known, home: owner.org, owner_id: owner.user_id };
    let into = Installation { store: backends.store.as_ref(), datasets: &backends.datasets, images: &backends.images };
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

/// What `jabiru migrate up` does: applies what is pending on every configured backend. A line for each of them.
///
/// # Errors
/// A backend does not answer, or a migration changed, is missing or failed; the text names it.
pub async fn migrate_up(config: &Config) -> anyhow::Result<String> {
    let mut lines = Vec::new();
    make_data_dir(&config.data_dir)?;
    for backend in Services::connect(config).await?.migrations(config) {
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
    for backend in Services::connect(config).await?.migrations(config) {
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
/// There is no such backend, a server runs, or as `Migrate::down`.
pub async fn migrate_down(config: &Config, backend: Option<&str>, to: &str) -> anyhow::Result<String> {
    let configured = Services::connect(config).await?.migrations(config);
    let names = || configured.iter().map(|known| known.backend()).collect::<Vec<_>>().join(", ");
    let chosen = match (backend, configured.as_slice()) {
        (None, [only]) => only,
        (None, _) => bail!("--backend: say which of {} is to be undone", names()),
        (Some(backend), configured) => match configured.iter().find(|known| known.backend() == backend) {
            Some(chosen) => chosen,
            None => bail!("--backend: `{backend}` has no migrations here; there is {}", names()),
        },
    };
    let _lock = open_data_dir(&config.data_dir).await.context("migrations are undone only while no server runs")?;
    Ok(match chosen.down(to).await?.as_slice() {
        [] => format!("{}: nothing to undo", chosen.backend()),
        names => format!("{}: undid {}", chosen.backend(), names.join(", ")),
    })
}
