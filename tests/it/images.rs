//! Images through the whole server: what is taken, what is refused, and how one is served. The reading of headers is tested beside it.

use jabiru::access::Role;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::support::TestServer;

/// The header of a PNG of this size, and as many bytes after it as a picture of `size` would have.
fn png(width: u32, height: u32, size: usize) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend((bytes.len()..size).map(|index| (index % 251) as u8));
    bytes
}

async fn upload(server: &TestServer, token: &str, kind: &str, body: impl Into<reqwest::Body>) -> (StatusCode, Value) {
    let request = server.request(Method::POST, "/v1/images", token).header(header::CONTENT_TYPE, kind);
    let response = request.body(body).send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

fn files(server: &TestServer) -> Vec<String> {
    let folder = server.folder.path().join("images");
    let listed = [folder.clone(), folder.join("incoming")];
    let names = listed.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).filter(|name| name != "incoming").collect()
}

#[tokio::test]
async fn an_image_comes_back_as_it_went_and_as_nothing_but_a_picture() {
    let server = TestServer::start().await;
    let bytes = png(640, 480, 300_000);
    let (status, image) = upload(&server, &server.owner(), "image/png", bytes.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{image}");
    let id = image["id"].as_str().unwrap();
    let wanted = json!({ "id": id, "media_type": "image/png", "width": 640, "height": 480, "size_bytes": bytes.len() });
    assert_eq!(image, wanted);
    let server = server.restart().await;
    let path = format!("/v1/images/{id}");
    let response = server.request(Method::GET, &path, &server.token("*", Role::Viewer, "v")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    for (name, value) in [
        ("content-type", "image/png"),
        ("content-length", "300000"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("content-disposition", "inline"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "private, max-age=31536000, immutable"),
        ("vary", "authorization, cookie"),
    ] {
        assert_eq!(response.headers()[name], value, "{name}");
    }
    assert_eq!(response.bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn lim_1_every_refusal_says_why_and_keeps_nothing() {
    let server = TestServer::with(&["--max-image-bytes", "1000000"]).await;
    let jpeg = b"\xff\xd8\xff\xc0\0\x11\x08\0\x08\0\x0c".to_vec();
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec();
    let owner = server.owner();
    for (kind, bytes, status, says) in [
        ("image/svg+xml", svg.clone(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "SVG"),
        ("image/png", svg, StatusCode::UNSUPPORTED_MEDIA_TYPE, "not the PNG"),
        ("image/bmp", b"BM".to_vec(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "image/bmp"),
        ("", png(1, 1, 24), StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content-Type"),
        ("image/png", jpeg, StatusCode::UNSUPPORTED_MEDIA_TYPE, "is a JPEG"),
        ("image/gif", Vec::new(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "GIF"),
        ("image/png", png(1, 1, 24)[..20].to_vec(), StatusCode::UNPROCESSABLE_ENTITY, "damaged"),
        ("image/png", png(0, 10, 100), StatusCode::UNPROCESSABLE_ENTITY, "damaged"),
        ("image/png", png(16_385, 1, 100), StatusCode::UNPROCESSABLE_ENTITY, "16385"),
        ("image/png", png(8000, 8000, 100), StatusCode::UNPROCESSABLE_ENTITY, "50 megapixels"),
        ("image/png", png(u32::MAX, u32::MAX, 100), StatusCode::UNPROCESSABLE_ENTITY, "4294967295"),
        ("image/png", png(10, 10, 1_000_001), StatusCode::PAYLOAD_TOO_LARGE, "1000000 bytes"),
    ] {
        let (got, problem) = upload(&server, &owner, kind, bytes).await;
        assert_eq!(got, status, "{kind} {says}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{says}: {problem}");
    }
    // Not announced, and without end: refused at the bound.
    let endless = futures_util::stream::iter((0..64).map(|_| Ok::<_, std::io::Error>(png(10, 10, 64 << 10))));
    let (status, problem) = upload(&server, &owner, "image/png", reqwest::Body::wrap_stream(endless)).await;
    assert_eq!((status, &problem["limit_bytes"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!(1_000_000)));
    assert_eq!(upload(&server, &owner, "image/png", png(16_384, 3000, 1_000_000)).await.0, StatusCode::CREATED);
    crate::support::eventually("nothing is left of the others", || async { files(&server).len() == 1 }).await;
}

#[tokio::test]
async fn acc_1_acc_2_images_are_for_editors_to_give_and_for_their_organization_to_see() {
    let server = TestServer::start().await;
    for role in [Role::Viewer, Role::Commenter] {
        let token = server.token("*", role, "who");
        assert_eq!(upload(&server, &token, "image/png", png(1, 1, 99)).await.0, StatusCode::FORBIDDEN, "{role}");
    }
    let editor = server.token("*", Role::Editor, "who");
    let (status, image) = upload(&server, &editor, "image/png", png(1, 1, 99)).await;
    assert_eq!(status, StatusCode::CREATED);
    let id = image["id"].as_str().unwrap();
    let path = format!("/v1/images/{id}");
    let bare = server.http.get(server.url(&path)).send().await.unwrap();
    assert_eq!(bare.status(), StatusCode::UNAUTHORIZED);

    // Somebody of another organization, who knows the id.
    let otto = server.outsider();
    let ask = |path: String| server.as_cookie(Method::GET, &path, &otto).send();
    assert_eq!(ask(path.clone()).await.unwrap().status(), StatusCode::NOT_FOUND);
    let theirs = server.as_cookie(Method::POST, "/v1/images", &otto).header(header::CONTENT_TYPE, "image/png");
    let theirs: Value = theirs.body(png(2, 2, 99)).send().await.unwrap().json().await.unwrap();
    let theirs = format!("/v1/images/{}", theirs["id"].as_str().unwrap());
    assert_eq!(ask(theirs.clone()).await.unwrap().status(), StatusCode::OK);
    assert_eq!(server.call(Method::GET, &theirs, None).await.0, StatusCode::NOT_FOUND);

    // A token for one canvas reads what that canvas shows.
    let shows = json!({ "blocks": [{ "id": "i", "type": "image", "position": { "x": 0, "y": 0, "w": 6, "h": 4 },
        "content": { "image_id": id, "alt": "", "caption": "", "fit": "contain" } }] });
    let (a, b) = (server.import("a", shows).await, server.create("b").await);
    for (canvas, status) in [(a, StatusCode::OK), (b, StatusCode::NOT_FOUND)] {
        let token = server.token(&canvas.to_string(), Role::Viewer, "guest");
        assert_eq!(server.request(Method::GET, &path, &token).send().await.unwrap().status(), status);
        assert_eq!(upload(&server, &token, "image/png", png(1, 1, 99)).await.0, StatusCode::FORBIDDEN);
    }
    for missing in ["/v1/images/x", "/v1/images/..%2Fjabiru.db", "/v1/images/incoming"] {
        assert_eq!(server.call(Method::GET, missing, None).await.0, StatusCode::NOT_FOUND, "{missing}");
    }
}

#[tokio::test]
async fn dur_2_what_a_killed_upload_leaves_is_never_served_and_goes_at_the_next_start() {
    let mut server = TestServer::start().await;
    let owner = server.owner();
    let (_, image) = upload(&server, &owner, "image/png", png(3, 3, 5000)).await;
    let id = image["id"].as_str().unwrap().to_owned();
    let folder = server.folder.path().join("images");
    // As a kill leaves it: before the file has its name, and between its name and its row.
    let stray = uuid::Uuid::now_v7().to_string();
    std::fs::write(folder.join("incoming/half.part"), &png(3, 3, 5000)[..999]).unwrap();
    std::fs::write(folder.join(&stray), png(3, 3, 5000)).unwrap();
    assert_eq!(server.call(Method::GET, &format!("/v1/images/{stray}"), None).await.0, StatusCode::NOT_FOUND);
    server.stop().await.unwrap();
    let server = server.restarted().await;
    assert_eq!(files(&server), std::slice::from_ref(&id));
    assert_eq!(server.call(Method::GET, &format!("/v1/images/{id}"), None).await.0, StatusCode::OK);
    // A file that is not what its row says is not served as if it were.
    std::fs::write(folder.join(&id), &png(3, 3, 5000)[..999]).unwrap();
    let (status, problem) = server.call(Method::GET, &format!("/v1/images/{id}"), None).await;
    assert_eq!((status, problem["status"].as_u64()), (StatusCode::SERVICE_UNAVAILABLE, Some(503)));
}

#[tokio::test]
async fn an_upload_that_ends_early_is_no_image() {
    use tokio::io::AsyncWriteExt;
    let server = TestServer::start().await;
    let mut socket = tokio::net::TcpStream::connect(server.app().address).await.unwrap();
    let head = format!(
        "POST /v1/images HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: image/png\r\ncontent-length: 5000\r\n\r\n",
        server.owner()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&png(3, 3, 999)).await.unwrap();
    socket.flush().await.unwrap();
    crate::support::eventually("the upload has begun", || async { files(&server).len() == 1 }).await;
    drop(socket);
    crate::support::eventually("it is gone", || async { files(&server).is_empty() }).await;
}
