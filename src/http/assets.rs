//! The web client, embedded in the binary. Owns its paths, caching and security headers.

use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use super::Problem;

/// What a page of ours may do: nothing from anywhere else, no eval. Inline styles are the editor's and the chart library's.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss:; \
     img-src 'self' data: blob:; worker-src 'self' blob:; base-uri 'none'; object-src 'none'; form-action 'self'; \
     frame-ancestors 'none'";

#[derive(RustEmbed)]
#[folder = "web-client/dist"]
#[allow_missing = true]
struct Client;

/// Answers every path no route has: a file of the client, or its index page, which finds its way by the path.
pub async fn serve(method: Method, uri: Uri) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return Problem::new(StatusCode::NOT_FOUND, "No such route", format!("There is no {method} {}.", uri.path()))
            .into_response();
    }
    let path = uri.path().trim_start_matches('/');
    if let Some(file) = Client::get(path).filter(|_| !path.is_empty()) {
        // Built files carry a hash in their name; the page and the service worker do not.
        let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
        return file_response(path, &file, cache);
    }
    let is_page = !path.starts_with("v1/") && !path.rsplit('/').next().unwrap_or_default().contains('.');
    match Client::get("index.html") {
        Some(index) if is_page => file_response("index.html", &index, "no-cache"),
        Some(_) => Problem::new(StatusCode::NOT_FOUND, "No such page", format!("There is nothing at {}.", uri.path()))
            .into_response(),
        None => {
            (StatusCode::NOT_FOUND, "The web client is not in this build: run `make run`, which builds it first.\n")
                .into_response()
        }
    }
}

fn file_response(path: &str, file: &rust_embed::EmbeddedFile, cache: &'static str) -> Response {
    let mut response = file.data.clone().into_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(path)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    secure(headers);
    response
}

/// The headers of every page of ours.
pub fn secure(headers: &mut axum::http::HeaderMap) {
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
