//! Canvases as things in a list: creating, reading, renaming, deleting, restoring, and what each person keeps of them.
//!
//! Owns what happens to a canvas as a whole. What is on it belongs to its room.

pub mod http;
mod lists;

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::clock::Clock;
use crate::doc::schema::{self, BlockJson, CanvasJson};
use crate::id::CanvasId;
use crate::room::Hub;
use crate::store::{CanvasRecord, Store, StoreError};

pub(in crate::platform) use self::http::find_live;

/// The slice's service.
#[derive(Clone)]
pub struct Canvases {
    /// Where canvases live.
    pub store: Arc<dyn Store>,
    /// The open ones.
    pub hub: Arc<Hub>,
    /// The clock.
    pub clock: Clock,
}

impl Canvases {
    /// Creates a canvas with this content, written by the server with ids that follow from the canvas's own. `[SEED-1]`
    ///
    /// # Errors
    /// The store does not answer; nothing was created.
    pub async fn create(&self, org: &str, owner_id: &str, canvas: &CanvasJson) -> Result<CanvasRecord, StoreError> {
        let id = CanvasId::generate();
        let now = self.clock.now();
        let record = CanvasRecord {
            id,
            org: org.to_owned(),
            owner_id: owner_id.to_owned(),
            name: canvas.name.clone(),
            description: canvas.description.clone(),
            block_count: canvas.blocks.len() as u32,
            created_at: now,
            updated_at: now,
            deleted_at: None,
        };
        let seed = Bytes::from(schema::seed_update(id.0, canvas));
        self.store.create_canvas(record.clone(), seed).await?;
        Ok(record)
    }

    /// What is on a canvas: from its room if it is open, else from the store. `None` if there is no such canvas.
    ///
    /// # Errors
    /// The store does not answer or what it holds cannot be read.
    pub async fn content(&self, id: CanvasId) -> Result<Option<CanvasJson>, StoreError> {
        if let Some(open) = self.hub.read(id).await {
            return Ok(Some(open));
        }
        let Some(stored) = self.store.load(id).await? else { return Ok(None) };
        let read = tokio::task::spawn_blocking(move || stored.restore().map(|document| document.materialise())).await;
        let read = read.map_err(|error| StoreError(error.to_string()))?;
        read.map(Some).map_err(|error| StoreError(error.to_string()))
    }

    /// Whether a block of this organization's canvas shows this data set.
    ///
    /// # Errors
    /// As [`Canvases::content`].
    pub async fn shows_dataset(&self, org: &str, id: CanvasId, dataset: Uuid) -> Result<bool, StoreError> {
        let wanted = dataset.to_string();
        self.shows(org, id, |block| {
            let source = block.content.get("data_source");
            source.and_then(|source| source.get("dataset_id")).is_some_and(|id| id == wanted.as_str())
        })
        .await
    }

    /// Whether a block of this organization's canvas shows this image.
    ///
    /// # Errors
    /// As [`Canvases::content`].
    pub async fn shows_image(&self, org: &str, id: CanvasId, image: Uuid) -> Result<bool, StoreError> {
        let wanted = image.to_string();
        self.shows(org, id, |block| block.content.get("image_id").is_some_and(|id| id == wanted.as_str())).await
    }

    async fn shows(
        &self,
        org: &str,
        id: CanvasId,
        shows: impl Fn(&BlockJson) -> bool + Send,
    ) -> Result<bool, StoreError> {
        let record = self.store.canvas(id).await?;
        if record.is_none_or(|record| record.org != org || record.deleted_at.is_some()) {
            return Ok(false);
        }
        let canvas = self.content(id).await?;
        Ok(canvas.is_some_and(|canvas| canvas.blocks.iter().any(shows)))
    }
}
