//! The routes of exports: a canvas as a file, and word of the files that browsers make of blocks.
//!
//! # A canvas as a file
//! The file is made whole before any of it is sent. So what goes wrong is told instead of cutting an answer off, and somebody who downloads
//! slowly keeps a file on the disk, and neither a reader of the store nor a thread. The file has no name: it is gone with the connection,
//! and with the process.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Seek as _, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRef, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::io::ReaderStream;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Installation, TransferError};
use crate::access::{Endpoint, Role};
use crate::clock::Millis;
use crate::doc::schema::CanvasLimits;
use crate::http::upload::disk_full;
use crate::http::{Activity, Caller, Problem, Shell, problem};
use crate::id::CanvasId;
use crate::platform::canvases::{Canvases, find_live};
use crate::platform::datasets::Datasets;
use crate::platform::images::Images;

/// What an export is: a zstd frame, RFC 8878.
pub const MEDIA_TYPE: &str = "application/zstd";

/// Exports that are made at once on this node: each has a thread, and a reader of the store that rooms need too.
const AT_ONCE: usize = 2;
/// Exports that wait for their turn; one more is told to try again.
const WAITING: usize = 16;
/// Longest wait for a turn. Most exports take less than a second.
const TURN_WAIT: Duration = Duration::from_secs(30);
/// Largest export, bytes. What is larger is for `jabiru export`.
const FILE_BYTES: u64 = 1 << 30;
/// All exports that are being made or downloaded, in [`SPACE_UNIT`]s: the disk is the canvases' own.
const SPACE: usize = 2048;
/// Bytes that an export takes of the disk at a time.
const SPACE_UNIT: u64 = 1 << 20;

/// Characters of a canvas's name in the name of its file.
const NAME_CHARS: usize = 80;

/// Where exports are made, and how many there may be.
#[derive(Debug)]
pub struct Exports {
    folder: PathBuf,
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    space: Arc<Semaphore>,
}

impl Exports {
    /// Empties the folder, or makes it. Blocks.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Ok(Self { folder, places: semaphore(AT_ONCE + WAITING), turns: semaphore(AT_ONCE), space: semaphore(SPACE) })
    }

    /// A file without a name.
    fn file(&self) -> io::Result<Bounded> {
        let path = self.folder.join(Uuid::now_v7().simple().to_string());
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        std::fs::remove_file(&path)?;
        Ok(Bounded { file, bytes: 0, most: FILE_BYTES, space: Arc::clone(&self.space), taken: None })
    }
}

/// A file that grows no further than there is room for.
struct Bounded {
    file: File,
    bytes: u64,
    most: u64,
    space: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = self.bytes + bytes.len() as u64;
        if end > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let has = self.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let needs = (end.div_ceil(SPACE_UNIT) as usize).saturating_sub(has) as u32;
        if needs > 0 {
            let more = Arc::clone(&self.space).try_acquire_many_owned(needs);
            let more = more.map_err(|_full| io::Error::from(io::ErrorKind::QuotaExceeded))?;
            match &mut self.taken {
                Some(taken) => taken.merge(more),
                taken @ None => *taken = Some(more),
            }
        }
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What these routes need.
#[derive(Clone, FromRef)]
pub struct Slice {
    /// The shell.
    pub shell: Shell,
    /// The canvases.
    pub canvases: Canvases,
    /// The data sets they show.
    pub datasets: Arc<Datasets>,
    /// The images they show.
    pub images: Arc<Images>,
    /// Where files are made.
    pub exports: Arc<Exports>,
}

/// The routes.
pub fn router(slice: Slice) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(export)).routes(routes!(note)).with_state(slice)
}

/// The canvas as a file for `jabiru import`, with its history and the data sets and images it shows now; as it is saved at this moment.
/// Needs editor.
///
/// Of what people marked the file holds only the caller's own favourite and last visit.
#[utoipa::path(get, path = "/v1/canvases/{id}/export", params(("id" = String, Path, description = "The canvas")), responses(
    (status = 200, description = "The file, named after the canvas", content_type = "application/zstd", body = [u8]),
    (status = 403, body = Problem, description = "Needs editor"),
    (status = 404, body = Problem),
    (status = 422, body = Problem, description = "Larger than `limit_bytes`; whoever runs the server can use `jabiru export`"),
    (status = 429, body = Problem, description = "More exports than one person may make in a minute; `Retry-After` says when"),
    (status = 503, body = Problem, description = "Too many exports at once, or the storage cannot be reached")
))]
async fn export(
    State(slice): State<Slice>,
    caller: Caller,
    activity: Activity,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (record, _) = find_live(&slice.canvases, &caller, &id, Role::Editor).await?;
    slice.shell.rates.take(caller.user_id(), Endpoint::Export).await?;
    let busy = || too_many("exports are being made");
    let _place = slice.exports.places.try_acquire().map_err(|_full| busy())?;
    let turn = timeout(TURN_WAIT, Arc::clone(&slice.exports.turns).acquire_owned()).await;
    let turn = turn.map_err(|_elapsed| busy())?.map_err(|_closed| busy())?;
    let (making, now, user_id) = (slice.clone(), slice.shell.clock.now(), caller.user_id().to_owned());
    let runtime = Handle::current();
    let made = tokio::task::spawn_blocking(move || {
        // Until the thread is free, also when nobody waits for the file any more.
        let _turn = turn;
        runtime.block_on(make(&making, record.id, &user_id, now))
    });
    let made = match made.await {
        Ok(made) => made,
        Err(panicked) => Err(TransferError::Unreadable(record.id, panicked.to_string())),
    };
    let Bounded { file, bytes, taken, .. } = made.map_err(|error| told(error, record.id))?;
    activity.record(
        &caller,
        "canvas.exported",
        json!({ "canvas_id": record.id, "kind": "canvas", "size_bytes": bytes }),
    );
    let headers = [
        (header::CONTENT_TYPE, MEDIA_TYPE.to_owned()),
        (header::CONTENT_LENGTH, bytes.to_string()),
        (header::CONTENT_DISPOSITION, attachment(&record.name)),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    let stream = ReaderStream::with_capacity(tokio::fs::File::from_std(file), 64 << 10).map(move |chunk| {
        // Its room on the disk is taken until the last byte is sent.
        let _taken = &taken;
        chunk
    });
    Ok((headers, Body::from_stream(stream)).into_response())
}

async fn make(slice: &Slice, id: CanvasId, user_id: &str, now: Millis) -> Result<Bounded, TransferError> {
    let from = Installation { store: slice.canvases.store.as_ref(), datasets: &slice.datasets, images: &slice.images };
    let (mut made, _) = super::export(from, &[id], Some(user_id), slice.exports.file()?, now).await?;
    made.file.rewind()?;
    Ok(made)
}

fn too_many(what: &str) -> Problem {
    let detail = format!("As many {what} as this server allows at one time. Try again in a few seconds.");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Too many exports at once", detail)
}

fn told(error: TransferError, id: CanvasId) -> Problem {
    match error {
        TransferError::NoCanvas(id) => Problem::not_found("canvas", &id.to_string()),
        TransferError::Store(error) => error.into(),
        TransferError::Datasets(error) => error.into(),
        TransferError::File(error) => match error.kind() {
            io::ErrorKind::StorageFull => disk_full("an export"),
            io::ErrorKind::QuotaExceeded => too_many("exports are being downloaded"),
            io::ErrorKind::FileTooLarge => {
                let detail = format!(
                    "With its history and what it shows this canvas makes a file of more than {FILE_BYTES} bytes. Whoever runs the server \
                     can make it with `jabiru export`."
                );
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The canvas is too large to download", detail)
                    .with("limit_bytes", FILE_BYTES)
            }
            _ => unexpected(&TransferError::File(error), id),
        },
        error => unexpected(&error, id),
    }
}

fn unexpected(error: &TransferError, id: CanvasId) -> Problem {
    tracing::error!(canvas.id = %id, %error, "a canvas could not be exported");
    let detail = "The canvas could not be made into a file; it is safe. Try again in a moment, and tell whoever runs the server if it fails again.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The export failed", detail)
}

/// `Content-Disposition` with the canvas's name as the name of the file: nothing in it that a header or a file system could stumble over,
/// and nothing that makes it look like another name. RFC 6266, RFC 8187.
fn attachment(name: &str) -> String {
    let unsafe_in_names = |letter: char| {
        letter.is_control()
            || "<>:\"/\\|?*%".contains(letter)
            || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let spaced: String = name.chars().map(|letter| if unsafe_in_names(letter) { ' ' } else { letter }).collect();
    let words = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = words.trim_matches(['.', ' ']).chars().take(NAME_CHARS).collect();
    let name = if short.is_empty() { "canvas" } else { short.trim_end() };
    let ascii: String = name.chars().map(|letter| if letter.is_ascii() { letter } else { '_' }).collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    format!("attachment; filename=\"{ascii}.jabiru\"; filename*=UTF-8''{encoded}.jabiru")
}

/// What a browser made a file of.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// The picture of a block.
    Png,
    /// The rows of a block.
    Csv,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Made {
    kind: Kind,
    /// The block's id.
    #[schema(max_length = 128)]
    block: String,
}

/// Counts a file that a page made of a block by itself (`canvas.exported`). Needs viewer.
#[utoipa::path(post, path = "/v1/canvases/{id}/exports", params(("id" = String, Path, description = "The canvas")), request_body = Made, responses(
    (status = 204, description = "Counted"), (status = 404, body = Problem), (status = 422, body = Problem),
    (status = 429, body = Problem, description = "More exports than one person may make in a minute; `Retry-After` says when")
))]
async fn note(
    State(slice): State<Slice>,
    caller: Caller,
    activity: Activity,
    Path(id): Path<String>,
    problem::Body(made): problem::Body<Made>,
) -> Result<StatusCode, Problem> {
    let (record, _) = find_live(&slice.canvases, &caller, &id, Role::Viewer).await?;
    slice.shell.rates.take(caller.user_id(), Endpoint::Export).await?;
    let most = CanvasLimits::default().key_chars;
    if made.block.chars().nth(most).is_some() {
        return Err(Problem::bad_request(format!("`block` has at most {most} characters.")));
    }
    let what = json!({ "canvas_id": record.id, "kind": made.kind, "block": made.block });
    activity.record(&caller, "canvas.exported", what);
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_is_safe_whatever_the_canvas_is_called() {
        let plain = |name: &str| format!("attachment; filename=\"{name}.jabiru\"; filename*=UTF-8''{name}.jabiru");
        assert_eq!(attachment("Sales"), plain("Sales"));
        for nothing in ["", " ", "..", "\r\n", "/", "\u{202e}"] {
            assert_eq!(attachment(nothing), plain("canvas"), "{nothing:?}");
        }
        assert_eq!(
            attachment("a\"; filename=\"x.exe\r\nSet-Cookie: a=b"),
            "attachment; filename=\"a ; filename= x.exe Set-Cookie a=b.jabiru\"; \
             filename*=UTF-8''a%20%3B%20filename%3D%20x.exe%20Set-Cookie%20a%3Db.jabiru"
        );
        assert_eq!(attachment("../../etc"), plain("etc"));
        assert_eq!(
            attachment("Umsätze"),
            "attachment; filename=\"Ums_tze.jabiru\"; filename*=UTF-8''Ums%C3%A4tze.jabiru"
        );
        assert!(attachment(&"ü".repeat(500)).len() < 700);
    }

    #[test]
    fn lim_1_exports_take_no_more_of_the_disk_than_they_may() {
        let folder = tempfile::tempdir().unwrap();
        let mut exports = Exports::open(folder.path().join("exports")).unwrap();
        exports.space = Arc::new(Semaphore::new(3));
        let mut first = exports.file().unwrap();
        let mut second = exports.file().unwrap();
        assert_eq!(std::fs::read_dir(&exports.folder).unwrap().count(), 0, "a file has a name");
        let chunk = vec![7; SPACE_UNIT as usize];
        first.write_all(&chunk).unwrap();
        first.write_all(b"x").unwrap();
        second.write_all(&chunk).unwrap();
        assert_eq!(second.write_all(b"x").unwrap_err().kind(), io::ErrorKind::QuotaExceeded);
        drop(first);
        second.write_all(b"x").unwrap();
        second.most = second.bytes + 1;
        assert_eq!(second.write_all(b"xx").unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        drop(second);
        assert_eq!(exports.space.available_permits(), 3);
    }
}
