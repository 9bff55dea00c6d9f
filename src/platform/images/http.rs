//! Owns the routes of images: upload and read; and how an [`ImageError`] is told to a person.
//! It refuses to touch files; those are behind [`Images`].

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRef, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio_util::io::ReaderStream;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::header::Format;
use super::{Image, ImageError, Images, Limits, Upload};
use crate::access::{Endpoint, Grant, Role};
use crate::http::upload::{self, FileHead};
use crate::http::{Caller, Problem, Shell};
use crate::platform::canvases::Canvases;

/// What these routes need.
#[derive(Clone, FromRef)]
pub struct Slice {
    /// The shell.
    pub shell: Shell,
    /// The service.
    pub images: Arc<Images>,
    /// For tokens that open one canvas: which images it shows.
    pub canvases: Canvases,
}

/// The routes under `/v1/images`.
pub fn router(slice: Slice) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(upload)).routes(routes!(get)).with_state(slice)
}

/// Upload an image
///
/// The body is the file: PNG, JPEG, WebP or GIF, at most 10 MiB, 16,384 pixels a side and 50 million pixels. `Content-Type` names the
/// format, and the file's first bytes must agree. SVG is not taken. Needs editor.
#[utoipa::path(
    post,
    path = "/v1/images",
    tag = "images",
    request_body(
        content(([u8] = "image/png"), ([u8] = "image/jpeg"), ([u8] = "image/webp"), ([u8] = "image/gif")),
        description = "The file"
    ),
    responses(
        (status = 201, description = "Stored; put its `id` into an image block", body = Image),
        (status = 403, description = "The caller may not edit", content_type = "application/problem+json"),
        (status = 408, description = "The upload ended or stalled before it was whole", content_type = "application/problem+json"),
        (status = 413, description = "Larger than `limit_bytes`", content_type = "application/problem+json"),
        (status = 429, description = "More uploads than one person may send in a minute; `Retry-After` says when", content_type = "application/problem+json"),
        (status = 415, description = "Not PNG, JPEG, WebP or GIF, or another one than `Content-Type` says", content_type = "application/problem+json"),
        (
            status = 422,
            description = "The header cannot be read, or the image is larger than `limit_side` or `limit_pixels`",
            content_type = "application/problem+json"
        ),
        (status = 503, description = "Too many uploads at once, or the store cannot be reached", content_type = "application/problem+json"),
        (status = 507, description = "The server's disk is full", content_type = "application/problem+json"),
    )
)]
async fn upload(State(slice): State<Slice>, caller: Caller, head: FileHead, body: Body) -> Result<Response, Problem> {
    let mut body = body.into_data_stream();
    let stored = async {
        caller.require(Role::Editor)?;
        slice.shell.rates.take(caller.user_id(), Endpoint::Upload).await?;
        let upload = Upload {
            org: caller.org(),
            user: caller.user_id(),
            media_type: &head.media_type,
            announced_bytes: head.announced_bytes,
        };
        let stored = slice.images.upload(upload, &mut body).await;
        stored.map_err(|error| problem(error, slice.images.limits()))
    }
    .await;
    match stored {
        Ok(image) => Ok(upload::stored(format!("/v1/images/{}", image.id), image)),
        Err(problem) => {
            slice.images.linger(body);
            Err(problem)
        }
    }
}

/// Read an image
///
/// The bytes as they were uploaded; they never change. Needs viewer; a token for one canvas reads the images that canvas shows.
#[utoipa::path(
    get,
    path = "/v1/images/{id}",
    tag = "images",
    params(("id" = Uuid, Path, description = "Image id")),
    responses(
        (
            status = 200,
            description = "The file",
            content(([u8] = "image/png"), ([u8] = "image/jpeg"), ([u8] = "image/webp"), ([u8] = "image/gif"))
        ),
        (status = 404, description = "No such image in this organization", content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", content_type = "application/problem+json"),
    )
)]
async fn get(State(slice): State<Slice>, caller: Caller, Path(id): Path<String>) -> Result<Response, Problem> {
    let found = match readable(&slice, &caller, &id).await? {
        Some(uuid) => {
            slice.images.get(caller.org(), uuid).await.map_err(|error| problem(error, slice.images.limits()))?
        }
        None => None,
    };
    // The answer repeats what was asked for, but not a kilobyte of it.
    let missing = || Problem::not_found("image", &id.chars().take(64).collect::<String>());
    let (image, bytes) = found.ok_or_else(missing)?;
    let headers = [
        (header::CONTENT_TYPE, image.media_type.to_owned()),
        (header::CONTENT_LENGTH, image.size_bytes.to_string()),
        // Foreign bytes on our origin: never taken for anything but a picture, not even when opened by itself.
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
        (header::CONTENT_DISPOSITION, "inline".to_owned()),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin".to_owned()),
        (header::CACHE_CONTROL, "private, max-age=31536000, immutable".to_owned()),
        // Whoever logs in next in the same browser asks for themselves.
        (header::VARY, "authorization, cookie".to_owned()),
    ];
    Ok((headers, Body::from_stream(ReaderStream::with_capacity(bytes, 64 << 10))).into_response())
}

/// The id asked for, if it is one and the caller may read that image: anyone with a role in the organization may; a token for one canvas
/// may read what that canvas shows, and nothing else. `[ACC-2]`
async fn readable(slice: &Slice, caller: &Caller, id: &str) -> Result<Option<Uuid>, Problem> {
    let Ok(id) = id.parse() else { return Ok(None) };
    let shown = match caller.0.grant {
        Grant::Token { canvas: Some(canvas), .. } => slice.canvases.shows_image(caller.org(), canvas, id).await?,
        Grant::Token { canvas: None, .. } | Grant::Member(_) => true,
    };
    Ok(shown.then_some(id))
}

fn problem(error: ImageError, limits: &Limits) -> Problem {
    const TAKEN: &str = "Send a PNG, JPEG, WebP or GIF file.";
    let new = |status, title: &str, detail: String| Problem::new(status, title, detail);
    let unsupported = |detail| new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not an image this server takes", detail);
    let name = |format: Format| match format {
        Format::Png => "PNG",
        Format::Jpeg => "JPEG",
        Format::Webp => "WebP",
        Format::Gif => "GIF",
    };
    match error {
        ImageError::UnsupportedType { given } if given.to_ascii_lowercase().starts_with("image/svg") => {
            unsupported(format!("SVG is not taken: it can hold scripts. {TAKEN}"))
        }
        ImageError::UnsupportedType { given } if given.is_empty() => {
            unsupported(format!("The request has no `Content-Type`. {TAKEN}"))
        }
        ImageError::UnsupportedType { given } => unsupported(format!("`{given}` is not taken. {TAKEN}")),
        ImageError::OtherType { declared, found: Some(found) } => {
            let declared = declared.media_type();
            unsupported(format!("The file is a {} file, but was sent as {declared}.", name(found)))
        }
        ImageError::OtherType { declared, found: None } => {
            unsupported(format!("The file is not the {} file it was sent as. {TAKEN}", name(declared)))
        }
        ImageError::Unreadable(format) => {
            let detail = format!("This {} file is damaged: its header does not say how large it is.", name(format));
            new(StatusCode::UNPROCESSABLE_ENTITY, "The image cannot be read", detail)
        }
        ImageError::TooManyPixels { width, height } => {
            let (side, pixels) = (limits.side, limits.pixels);
            let detail = format!(
                "The image is {width} × {height} pixels; at most {side} a side and {} megapixels are taken. Make it smaller.",
                pixels / 1_000_000
            );
            new(StatusCode::UNPROCESSABLE_ENTITY, "The image is too large", detail)
                .with("width", width)
                .with("height", height)
                .with("limit_side", side)
                .with("limit_pixels", pixels)
        }
        ImageError::Upload(error) => error.problem("an image"),
        error => {
            tracing::error!(%error, "the image store failed");
            let detail =
                "The images cannot be reached right now. Nothing was changed; try again in a moment.".to_owned();
            new(StatusCode::SERVICE_UNAVAILABLE, "Storage is not available", detail)
        }
    }
}
