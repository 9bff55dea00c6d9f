//! The file of this node with the rows of datasets, and the store of a node that has no other.
//!
//! Owns who reads the file when. What is in it is [`SqliteDatasets`]'s.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::sqlite::{READERS, SqliteDatasets};
use super::{Dataset, DatasetError, DatasetStore, DatasetsPage, Scratch, Uploaded, blocking};

/// The file with the rows, and how many may read it at once.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) store: Arc<SqliteDatasets>,
    pub(super) readers: Arc<Semaphore>,
}

impl Rows {
    pub(super) fn open(path: &Path) -> Result<Self, DatasetError> {
        let store = Arc::new(SqliteDatasets::open(path)?);
        Ok(Self { store, readers: Arc::new(Semaphore::new(READERS)) })
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&SqliteDatasets) -> Result<T, DatasetError> + Send + 'static,
    ) -> Result<T, DatasetError> {
        // One permit per read connection: a burst of readers waits here, not on blocking threads that others need.
        let permit = Arc::clone(&self.readers).acquire_owned().await;
        let permit = permit.map_err(|closed| DatasetError::Storage(closed.to_string()))?;
        let store = Arc::clone(&self.store);
        blocking(move || {
            // Held by the thread: a caller that gives up does not end its read, and the connection is still taken.
            let _permit = permit;
            query(&store)
        })
        .await
    }
}

/// The store of one node: the file with the rows holds everything.
#[derive(Debug)]
pub(super) struct LocalDatasets(pub(super) Rows);

#[async_trait]
impl DatasetStore for LocalDatasets {
    async fn publish(&self, _upload: &Uploaded, _file: &Path) -> Result<(), DatasetError> {
        // Rows and record were one transaction.
        Ok(())
    }

    async fn get(&self, org: &str, id: Uuid) -> Result<Option<Dataset>, DatasetError> {
        let org = org.to_owned();
        self.0.read(move |store| store.get(&org, id)).await
    }

    async fn list(&self, org: &str, before: Option<Uuid>, limit: usize) -> Result<DatasetsPage, DatasetError> {
        let org = org.to_owned();
        self.0.read(move |store| store.list(&org, before, limit)).await
    }

    fn file_for(&self, _id: Uuid) -> Option<Scratch> {
        None
    }

    async fn bring(&self, _org: &str, _id: Uuid) -> Result<(), DatasetError> {
        Ok(())
    }
}
