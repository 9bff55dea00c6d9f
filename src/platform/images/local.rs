//! Owns the table `images` of `jabiru.db`. It refuses to know where the bytes are.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::Image;
use super::header::Format;
use crate::backend::sqlite::{Sqlite, SqliteError};
use crate::clock::Millis;

pub(super) struct SqliteImages {
    sqlite: Sqlite,
}

impl SqliteImages {
    pub(super) fn new(sqlite: Sqlite) -> Self {
        Self { sqlite }
    }

    /// Every organization's, for tidying up at start.
    pub(super) async fn ids(&self) -> Result<HashSet<Uuid>, SqliteError> {
        let read = |connection: &Connection| {
            let mut query = connection.prepare("select id from images")?;
            query.query_map([], |row| row.get(0).map(Uuid::from_bytes))?.collect()
        };
        self.sqlite.read(read).await
    }

    pub(super) async fn insert(&self, org: &str, user: &str, image: Image, at: Millis) -> Result<(), SqliteError> {
        let (org, user) = (org.to_owned(), user.to_owned());
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
        self.sqlite.write(insert).await.map(|_| ())
    }

    pub(super) async fn get(&self, org: &str, id: Uuid) -> Result<Option<Image>, SqliteError> {
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
