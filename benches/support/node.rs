//! A node on a fresh data folder: the real SQLite store and the real hub, as `app` puts them together.

use std::sync::Arc;

use clap::Parser;
use jabiru::app::{App, Parts};
use jabiru::config::Config;
use jabiru::id::CanvasId;
use jabiru::store::{CanvasRecord, Store};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A node, and what keeps it alive.
pub(crate) struct BenchNode {
    pub(crate) runtime: Runtime,
    pub(crate) app: App,
    _folder: TempDir,
}

impl BenchNode {
    /// Starts a node. Its data folder is in the build's target folder: a journal on a file system in memory would measure nothing.
    pub(crate) fn start() -> Self {
        #[derive(Parser)]
        struct Cli {
            #[command(flatten)]
            config: Config,
        }
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let data_dir = folder.path().to_str().expect("a readable path");
        let args = ["bench", "--listen", "127.0.0.1:0", "--data-dir", data_dir, "--no-samples"];
        let runtime = Runtime::new().expect("a runtime");
        let app = runtime.block_on(App::start(Cli::parse_from(args).config, Parts::default())).expect("a node");
        Self { runtime, app, _folder: folder }
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.app.hub.node().store)
    }

    /// Puts a canvas into the store.
    pub(crate) fn create(&self, seed: bytes::Bytes) -> CanvasRecord {
        let now = self.app.hub.node().clock.now();
        let record = CanvasRecord {
            id: CanvasId::generate(),
            org: "bench".to_owned(),
            owner_id: "bench".to_owned(),
            name: "A canvas for measuring".to_owned(),
            description: String::new(),
            block_count: 0,
            created_at: now,
            updated_at: now,
            deleted_at: None,
        };
        self.runtime.block_on(self.store().create_canvas(record.clone(), seed)).expect("a canvas");
        record
    }
}
