//! The API's description: `/v1/openapi.json`, and `/docs`, the same as a page that needs no script.

use std::fmt::Write as _;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use serde_json::Value;
use utoipa::openapi::OpenApi;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2230;background:#fff}\
code,pre{font:13px ui-monospace,monospace;background:#f2f4f8;border-radius:4px;padding:.1em .3em}\
section{border:1px solid #dde2ea;border-radius:8px;padding:.8rem 1rem;margin:1rem 0}\
h2{font-size:1rem;margin:0}h2 b{display:inline-block;min-width:4.5rem}table{border-collapse:collapse;margin:.5rem 0}\
td,th{text-align:left;padding:.15rem .8rem .15rem 0;vertical-align:top}\
@media(prefers-color-scheme:dark){body{color:#dfe4ee;background:#14171d}code,pre{background:#232833}section{border-color:#333a47}}";

/// The two routes for one description.
pub fn router(api: &OpenApi) -> Router {
    let json = serde_json::to_value(api).unwrap_or_default();
    let (page, json) = (Bytes::from(page(&json)), Bytes::from(json.to_string()));
    let as_json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    Router::new()
        .route("/v1/openapi.json", get(move || async move { (as_json, json) }))
        .route("/docs", get(move || async move { secured(page) }))
}

fn secured(page: Bytes) -> Response {
    let mut response = Html(page).into_response();
    super::assets::secure(response.headers_mut());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn page(api: &Value) -> String {
    let mut out = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>Jabiru API</title>\
         <style>{STYLE}</style><h1>Jabiru API</h1><p>{}</p><p>The same for programs: <a href=/v1/openapi.json>/v1/openapi.json</a></p>",
        escape(api["info"]["description"].as_str().unwrap_or_default())
    );
    for (path, methods) in api["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let _ = write!(out, "<section><h2><b>{}</b> <code>{}</code></h2>", method.to_uppercase(), escape(path));
            for key in ["summary", "description"] {
                if let Some(text) = operation[key].as_str() {
                    let _ = write!(out, "<p>{}</p>", escape(text));
                }
            }
            rows(
                &mut out,
                "Parameters",
                operation["parameters"].as_array().into_iter().flatten().map(|parameter| {
                    (
                        parameter["name"].as_str().unwrap_or_default(),
                        parameter["description"].as_str().unwrap_or_default(),
                    )
                }),
            );
            rows(
                &mut out,
                "Answers",
                operation["responses"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(status, answer)| (status.as_str(), answer["description"].as_str().unwrap_or_default())),
            );
            out.push_str("</section>");
        }
    }
    out.push_str("</html>");
    out
}

fn rows<'a>(out: &mut String, title: &str, rows: impl Iterator<Item = (&'a str, &'a str)>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    let _ = write!(out, "<table><tr><th colspan=2>{title}</th></tr>");
    for (name, text) in rows {
        let _ = write!(out, "<tr><td><code>{}</code></td><td>{}</td></tr>", escape(name), escape(text));
    }
    out.push_str("</table>");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
