//! Images of every node: the collection `images` and the GridFS bucket of that name. A crash leaves nothing visible; see [`MongoFiles`].

use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use uuid::Uuid;

use super::header::Format;
use super::{Image, ImageBytes, ImageError, ImageStore};
use crate::backend::mongo::Mongo;
use crate::clock::Millis;
use crate::http::upload::Spool;
use crate::platform::files::{FilesError, MongoFiles, count, damaged, text};

pub(super) struct MongoImages {
    files: MongoFiles,
}

impl MongoImages {
    /// Opens the collection and removes what unfinished uploads left a day ago or longer.
    pub(super) async fn open(mongo: &Mongo, now: Millis) -> Result<Self, ImageError> {
        let files = MongoFiles::new(mongo, "images");
        files.tidy(now).await?;
        Ok(Self { files })
    }
}

#[async_trait]
impl ImageStore for MongoImages {
    async fn put(&self, org: &str, user: &str, image: &Image, spool: Spool, at: Millis) -> Result<(), ImageError> {
        let record = doc! {
            "organization_id": org,
            "media_type": image.media_type,
            "width": i64::from(image.width),
            "height": i64::from(image.height),
            "size_bytes": image.size_bytes.cast_signed(),
            "created_by": user,
        };
        Ok(self.files.put(image.id, record, spool.path(), at).await?)
    }

    async fn get(&self, org: &str, id: Uuid) -> Result<Option<(Image, ImageBytes)>, ImageError> {
        let Some(record) = self.files.find(org, id).await? else { return Ok(None) };
        let image = image(id, &record)?;
        Ok(Some((image, self.files.open(id).await?)))
    }
}

fn image(id: Uuid, record: &Document) -> Result<Image, FilesError> {
    let format = Format::of_media_type(&text(record, "media_type")?).ok_or_else(|| damaged(record, "media_type"))?;
    let side = |field| u32::try_from(count(record, field)?).map_err(|_| damaged(record, field));
    Ok(Image {
        id,
        media_type: format.media_type(),
        width: side("width")?,
        height: side("height")?,
        size_bytes: count(record, "size_bytes")?,
    })
}

impl From<FilesError> for ImageError {
    fn from(error: FilesError) -> Self {
        Self::Storage(error.to_string())
    }
}
