//! The data folder: its lock, its key, and the embedded databases in it with their migrations.

use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::backend::migrations::Migration;
use crate::backend::sqlite::{Sqlite, SqliteMigrations};
use crate::config::Config;
use crate::platform::datasets;

/// The migrations of `jabiru.db`, in order. Files are never edited once released: see [`crate::backend::migrations`].
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_kernel",
        up: include_str!("../../migrations/sqlite/0001_kernel.up.sql"),
        down: Some(include_str!("../../migrations/sqlite/0001_kernel.down.sql")),
    },
    Migration {
        name: "0003_canvas_marks",
        up: include_str!("../../migrations/sqlite/0003_canvas_marks.up.sql"),
        down: Some(include_str!("../../migrations/sqlite/0003_canvas_marks.down.sql")),
    },
    Migration {
        name: "0004_images",
        up: include_str!("../../migrations/sqlite/0004_images.up.sql"),
        down: Some(include_str!("../../migrations/sqlite/0004_images.down.sql")),
    },
    Migration {
        name: "0005_events",
        up: include_str!("../../migrations/sqlite/0005_events.up.sql"),
        down: Some(include_str!("../../migrations/sqlite/0005_events.down.sql")),
    },
    Migration {
        name: "0006_sessions",
        up: include_str!("../../migrations/sqlite/0006_sessions.up.sql"),
        down: Some(include_str!("../../migrations/sqlite/0006_sessions.down.sql")),
    },
];

pub(super) const DATABASE: &str = "jabiru.db";

/// How long a folder that is taken is tried again, and how often: a restart must not fail because the process before it is still ending.
const LOCK_WAIT: Duration = Duration::from_secs(1);
const LOCK_RETRY: Duration = Duration::from_millis(50);

/// The file of the embedded store whose lock a running server holds.
const LOCK: &str = "lock";

pub(super) fn unusable(data_dir: &Path) -> String {
    format!("JABIRU_DATA_DIR / --data-dir: cannot use {}", data_dir.display())
}

pub(super) fn has_data(config: &Config) -> anyhow::Result<()> {
    if config.data_dir.join(DATABASE).exists() {
        return Ok(());
    }
    bail!("JABIRU_DATA_DIR / --data-dir: {} holds no Jabiru data; start the server first", config.data_dir.display())
}

pub(super) fn make_data_dir(path: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(|| unusable(path))
}

/// Takes the folder for this process. Waits a moment for one that is just ending, or for a child of it that has not let go yet.
pub(super) async fn open_data_dir(path: &Path) -> anyhow::Result<File> {
    let named = || unusable(path);
    make_data_dir(path)?;
    let lock = File::create(path.join(LOCK)).with_context(named)?;
    let end = Instant::now() + LOCK_WAIT;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(fs::TryLockError::WouldBlock) if Instant::now() < end => tokio::time::sleep(LOCK_RETRY).await,
            Err(fs::TryLockError::WouldBlock) => bail!("{}: another Jabiru is running on this folder", named()),
            Err(fs::TryLockError::Error(error)) => return Err(error).with_context(named),
        }
    }
}

pub(super) fn open_database(data_dir: &Path) -> anyhow::Result<Sqlite> {
    Sqlite::open(&data_dir.join(DATABASE)).with_context(|| unusable(data_dir))
}

pub(super) fn embedded(data_dir: &Path) -> SqliteMigrations {
    SqliteMigrations::new(vec![
        (data_dir.join(DATABASE), MIGRATIONS),
        (data_dir.join(datasets::DATABASE), datasets::MIGRATIONS),
    ])
}

/// The key in the folder, `fresh` if there is none yet.
pub(super) fn key_in(data_dir: &Path, fresh: String) -> anyhow::Result<String> {
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
    let fresh = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(fresh, path)
}
