//! Images of this node alone: the table `images` of `jabiru.db`, and a file for each in the folder `images` of the data directory.
//!
//! A file has its name only when it is whole and synced, and its row only after that. So a crash leaves at most a file without a row,
//! which nobody is ever given and the next start removes.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::header::Format;
use super::{Image, ImageBytes, ImageError, ImageStore, blocking};
use crate::backend::sqlite::{Sqlite, SqliteError};
use crate::clock::Millis;
use crate::http::upload::Spool;

pub(super) struct LocalImages {
    sqlite: Sqlite,
    folder: PathBuf,
}

impl LocalImages {
    /// Opens the folder, which is there, and removes files that have no row: their upload ended with the process.
    pub(super) async fn open(folder: PathBuf, sqlite: Sqlite) -> Result<Self, ImageError> {
        let images = Self::beside(folder.clone(), sqlite);
        let known = images.ids().await?;
        blocking(move || remove_strays(&folder, &known)).await?;
        Ok(images)
    }

    /// The same beside a server that runs: clears nothing.
    pub(super) fn beside(folder: PathBuf, sqlite: Sqlite) -> Self {
        Self { sqlite, folder }
    }

    /// Every organization's.
    async fn ids(&self) -> Result<HashSet<Uuid>, SqliteError> {
        let read = |connection: &Connection| {
            let mut query = connection.prepare("select id from images")?;
            query.query_map([], |row| row.get(0).map(Uuid::from_bytes))?.collect()
        };
        self.sqlite.read(read).await
    }

    async fn row(&self, org: &str, id: Uuid) -> Result<Option<Image>, SqliteError> {
        let org = org.to_owned();
        let find = move |connection: &Connection| {
            connection
                .prepare_cached("select media_type, width, height, size_bytes from images where id = ?1 and org = ?2")?
                .query_row(params![id.into_bytes(), org], |row| image(id, row))
                .optional()
        };
        self.sqlite.read(find).await
    }
}

#[async_trait]
impl ImageStore for LocalImages {
    async fn put(&self, org: &str, user: &str, image: &Image, spool: Spool, at: Millis) -> Result<(), ImageError> {
        let path = path(&self.folder, image.id);
        blocking(move || Ok(spool.keep(&path)?)).await?;
        let (org, user, image) = (org.to_owned(), user.to_owned(), image.clone());
        let insert = move |connection: &Connection| {
            connection.execute(
                "insert into images (id, org, media_type, width, height, size_bytes, created_by, created_at)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    image.id.into_bytes(),
                    org,
                    image.media_type,
                    image.width,
                    image.height,
                    image.size_bytes.cast_signed(),
                    user,
                    at
                ],
            )
        };
        self.sqlite.write(insert).await?;
        Ok(())
    }

    async fn get(&self, org: &str, id: Uuid) -> Result<Option<(Image, ImageBytes)>, ImageError> {
        let Some(image) = self.row(org, id).await? else { return Ok(None) };
        let lost = |what: String| ImageError::Storage(format!("image {id}: {what}"));
        let file = tokio::fs::File::open(path(&self.folder, id)).await.map_err(|error| lost(error.to_string()))?;
        let there = file.metadata().await.map_err(|error| lost(error.to_string()))?.len();
        if there != image.size_bytes {
            return Err(lost(format!("its file has {there} bytes, not {}", image.size_bytes)));
        }
        Ok(Some((image, Box::pin(file))))
    }
}

fn path(folder: &Path, id: Uuid) -> PathBuf {
    folder.join(id.to_string())
}

fn remove_strays(folder: &Path, known: &HashSet<Uuid>) -> Result<(), ImageError> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if id.is_some_and(|id: Uuid| !known.contains(&id)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn image(id: Uuid, row: &Row<'_>) -> Result<Image, rusqlite::Error> {
    let word: String = row.get(0)?;
    let format = Format::of_media_type(&word).ok_or(rusqlite::Error::InvalidQuery)?;
    Ok(Image {
        id,
        media_type: format.media_type(),
        width: row.get(1)?,
        height: row.get(2)?,
        size_bytes: row.get::<_, i64>(3)?.unsigned_abs(),
    })
}
