//! Data sets through the whole server; the parser's own tests are beside it.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::support::TestServer;

async fn upload(server: &TestServer, media_type: &str, body: impl Into<reqwest::Body>) -> (StatusCode, Value) {
    let request =
        server.request(Method::POST, "/v1/datasets?name=n", &server.owner()).header(header::CONTENT_TYPE, media_type);
    let response = request.body(body).send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

#[tokio::test]
async fn a_csv_and_a_json_file_are_read_back_typed_and_in_pages() {
    let server = TestServer::start().await;
    let csv: String = std::iter::once("day,city,degrees\n".to_owned())
        .chain((0..2500).map(|i| format!("2026-01-{:02},Köln 🐦,{}.5\n", i % 28 + 1, i)))
        .collect();
    let (status, dataset) = upload(&server, "text/csv", csv).await;
    assert_eq!(status, StatusCode::CREATED, "{dataset}");
    assert_eq!(dataset["row_count"], 2500);
    let types: Vec<_> =
        dataset["columns"].as_array().unwrap().iter().map(|column| column["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["date", "string", "number"]);
    let rows = format!("/v1/datasets/{}/rows", dataset["id"].as_str().unwrap());
    let (mut path, mut seen) = (format!("{rows}?limit=1000"), Vec::new());
    loop {
        let (status, page) = server.call(Method::GET, &path, None).await;
        assert_eq!(status, StatusCode::OK);
        seen.extend(page["rows"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("{rows}?limit=1000&cursor={cursor}");
    }
    assert_eq!(seen.len(), 2500);
    assert_eq!(seen[2499], json!(["2026-01-08", "Köln 🐦", 2499.5]));

    let (status, dataset) =
        upload(&server, "application/json", r#"[{"a": 1, "b": true}, {"a": null, "b": false}]"#).await;
    assert_eq!(status, StatusCode::CREATED, "{dataset}");
    assert_eq!(dataset["row_count"], 2);
}

#[tokio::test]
async fn a_bad_file_is_refused_with_its_line_and_column() {
    let server = TestServer::start().await;
    let (status, problem) = upload(&server, "text/csv", "a,b\n1,2\n3\n").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["line"], 3, "{problem}");
    let (status, problem) = upload(&server, "application/json", "[{\"a\": 1},\n{\"a\": }]").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["line"], 2, "{problem}");
    let (_, list) = server.call(Method::GET, "/v1/datasets", None).await;
    assert_eq!(list["items"], json!([]), "nothing is left of them");
}

#[tokio::test]
async fn lim_1_a_gigabyte_is_refused_while_it_arrives() {
    let server = TestServer::with(&["--max-dataset-bytes", "1000000"]).await;
    // Announced: refused before a byte is read.
    let request =
        server.request(Method::POST, "/v1/datasets?name=n", &server.owner()).header(header::CONTENT_TYPE, "text/csv");
    let announced = request.header(header::CONTENT_LENGTH, 1_u64 << 30).body(reqwest::Body::wrap_stream(endless()));
    match announced.send().await {
        Ok(response) => assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE),
        // The server answered and hung up while the client was still writing.
        Err(error) => assert!(error.is_request() || error.is_body(), "{error}"),
    }
    // Not announced: refused at the bound.
    let request =
        server.request(Method::POST, "/v1/datasets?name=n", &server.owner()).header(header::CONTENT_TYPE, "text/csv");
    let response = request.body(reqwest::Body::wrap_stream(endless())).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["limit_bytes"], 1_000_000);
}

/// Eight megabytes of CSV: far over the bound of the test, and finite whatever the server does.
fn endless() -> impl futures_util::Stream<Item = Result<bytes::Bytes, std::io::Error>> {
    futures_util::stream::iter((0..128).map(|_| Ok(bytes::Bytes::from("a,b\n".repeat(16 << 10)))))
}
