//! The real server in this process, on a free port, with its own data folder.

use std::sync::Arc;

use clap::Parser;
use jabiru::access::{Claims, Role, Tokens};
use jabiru::app::{App, Parts};
use jabiru::clock::Clock;
use jabiru::config::Config;
use jabiru::id::CanvasId;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::FaultyStore;

pub(crate) const SECRET: &str = "a secret that only the tests know, 32+";

pub(crate) struct TestServer {
    app: Option<App>,
    pub(crate) folder: Arc<TempDir>,
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) http: reqwest::Client,
    pub(crate) clock: Clock,
    args: Vec<String>,
}

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    config: Config,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With further flags of `jabiru serve`, e.g. `--room-idle-seconds 0.1`.
    pub(crate) async fn with(flags: &[&str]) -> Self {
        Self::with_clock(Clock::system(), flags).await
    }

    pub(crate) async fn with_clock(clock: Clock, flags: &[&str]) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        let flags = ["--no-samples"].iter().chain(flags).map(|flag| (*flag).to_owned());
        Self::open(folder, flags.collect(), clock).await
    }

    /// As somebody sees it who starts it for the first time.
    pub(crate) async fn with_samples() -> Self {
        Self::open(Arc::new(TempDir::new().unwrap()), Vec::new(), Clock::system()).await
    }

    async fn open(folder: Arc<TempDir>, args: Vec<String>, clock: Clock) -> Self {
        let data_dir = folder.path().to_str().unwrap();
        let fixed = ["jabiru", "--listen", "127.0.0.1:0", "--secret", SECRET, "--data-dir", data_dir];
        let config = Args::parse_from(fixed.into_iter().map(str::to_owned).chain(args.iter().cloned())).config;
        let (slot, wrapped) = std::sync::mpsc::channel();
        let wrap_store = Box::new(move |store| {
            let faulty = Arc::new(FaultyStore::new(store));
            slot.send(Arc::clone(&faulty)).unwrap();
            faulty as Arc<dyn jabiru::store::Store>
        });
        let app = App::start(config, Parts { clock: clock.clone(), wrap_store }).await.unwrap();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { app: Some(app), folder, store: wrapped.recv().unwrap(), http, clock, args }
    }

    /// Stops as at SIGTERM and starts again on the same folder.
    pub(crate) async fn restart(mut self) -> Self {
        self.stop().await.unwrap();
        self.restarted().await
    }

    /// Starts again on the same folder, after [`TestServer::stop`].
    pub(crate) async fn restarted(mut self) -> Self {
        Self::open(Arc::clone(&self.folder), std::mem::take(&mut self.args), self.clock.clone()).await
    }

    pub(crate) async fn stop(&mut self) -> anyhow::Result<()> {
        self.app.take().unwrap().shutdown().await
    }

    pub(crate) fn app(&self) -> &App {
        self.app.as_ref().unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.app().address)
    }

    pub(crate) fn socket_url(&self, canvas: &str) -> String {
        format!("ws://{}/v1/sync/{canvas}", self.app().address)
    }

    /// A token for a canvas (or `*`), valid for an hour.
    pub(crate) fn token(&self, canvas: &str, role: Role, sub: &str) -> String {
        let exp = self.clock.now() / 1000 + 3600;
        sign(&Claims {
            sub: sub.to_owned(),
            name: sub.to_owned(),
            canvas: canvas.to_owned(),
            role: role.to_string(),
            exp,
        })
    }

    pub(crate) fn owner(&self) -> String {
        self.token("*", Role::Owner, "olga")
    }

    pub(crate) fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.http.request(method, self.url(path)).bearer_auth(token)
    }

    /// The session cookie of a person who owns another organization on this server. `[ACC-2]`
    pub(crate) fn outsider(&self) -> String {
        use sha2::Digest;
        let (cookie, expires) = ("a cookie of somebody else", self.clock.now() + 3_600_000);
        let hash: [u8; 32] = sha2::Sha256::digest(cookie).into();
        let database = rusqlite::Connection::open(self.folder.path().join("jabiru.db")).unwrap();
        database.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        database.execute("insert or ignore into organizations values ('theirs', 'Theirs', 1)", []).unwrap();
        let person = "insert or ignore into users values ('otto', 'theirs', 'Otto', 'owner', ?1)";
        database.execute(person, [expires]).unwrap();
        database
            .execute("insert or ignore into sessions values (?1, 'otto', ?2)", rusqlite::params![hash, expires])
            .unwrap();
        format!("jabiru_session={cookie}")
    }

    /// A request with a cookie, as our own pages send it.
    pub(crate) fn as_cookie(&self, method: Method, path: &str, cookie: &str) -> RequestBuilder {
        let request = self.http.request(method, self.url(path)).header("cookie", cookie);
        request.header("sec-fetch-site", "same-origin")
    }

    /// A request as the owner; its status and JSON.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = self.request(method, path, &self.owner());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        (status, response.json().await.unwrap_or_default())
    }

    pub(crate) async fn create(&self, name: &str) -> CanvasId {
        self.import(name, json!({})).await
    }

    pub(crate) async fn import(&self, name: &str, canvas: Value) -> CanvasId {
        let (status, created) =
            self.call(Method::POST, "/v1/canvases", Some(json!({ "name": name, "canvas": canvas }))).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        created["id"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) async fn read(&self, canvas: CanvasId) -> Value {
        let (status, json) = self.call(Method::GET, &format!("/v1/canvases/{canvas}"), None).await;
        assert_eq!(status, StatusCode::OK, "{json}");
        json
    }

    pub(crate) async fn ready(&self) -> Value {
        self.http.get(self.url("/readyz")).send().await.unwrap().json().await.unwrap()
    }
}

pub(crate) fn sign(claims: &Claims) -> String {
    Tokens::new(SECRET, String::new(), Clock::system()).sign(claims).unwrap()
}
