//! The real binary as a process of its own: one that can be killed, paused and told to stop.

use std::path::Path;
use std::process::Stdio;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::server::{SECRET, sign};
use super::{Writer, within};

pub(crate) struct Binary {
    process: Child,
    pub(crate) address: String,
}

impl Binary {
    /// Starts on a data folder with further flags of `jabiru serve`, and waits until it listens.
    pub(crate) async fn start(folder: &Path, flags: &[String]) -> Self {
        let quiet = ["--no-samples", "--log", "warn", "--secret", SECRET];
        let flags: Vec<_> = quiet.into_iter().chain(flags.iter().map(String::as_str)).collect();
        Self::first_start(folder, &flags).await.0
    }

    /// Starts as somebody does who starts it for the first time; also the URL it prints to log in once with.
    pub(crate) async fn first_start(folder: &Path, flags: &[&str]) -> (Self, String) {
        let mut process = Command::new(env!("CARGO_BIN_EXE_jabiru"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder)
            .args(flags)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut line = async |what: &str| {
            within(what, lines.next_line()).await.unwrap().unwrap_or_else(|| panic!("it ended before {what}"))
        };
        let address = line("the server's first line").await.rsplit("//").next().unwrap().to_owned();
        let login = line("the server's second line").await;
        let login = login.split_whitespace().last().unwrap().to_owned();
        (Self { process, address }, login)
    }

    /// SIGKILL.
    pub(crate) async fn kill(mut self) {
        self.process.start_kill().unwrap();
        self.process.wait().await.unwrap();
    }

    /// SIGTERM; its exit code.
    pub(crate) async fn stop(mut self) -> Option<i32> {
        self.signal("TERM").await;
        within("the server to end", self.process.wait()).await.unwrap().code()
    }

    pub(crate) async fn signal(&self, name: &str) {
        let pid = self.process.id().unwrap().to_string();
        assert!(Command::new("kill").args([format!("-{name}"), pid]).status().await.unwrap().success());
    }

    pub(crate) fn socket_url(&self, canvas: &str) -> String {
        Self::socket_url_at(&self.address, canvas)
    }

    pub(crate) fn socket_url_at(address: &str, canvas: &str) -> String {
        format!("ws://{address}/v1/sync/{canvas}?ack=1&token={}", token())
    }

    /// What a newcomer sees.
    pub(crate) async fn fetch(&self, canvas: &str) -> Writer {
        let mut newcomer = Writer::new(usize::MAX);
        Box::pin(newcomer.upload(&self.socket_url(canvas))).await;
        newcomer
    }

    pub(crate) async fn create(&self) -> String {
        let url = format!("http://{}/v1/canvases", self.address);
        let request = reqwest::Client::new().post(url).bearer_auth(token()).json(&json!({ "name": "c" }));
        let created: Value = request.send().await.unwrap().json().await.unwrap();
        created["id"].as_str().unwrap_or_else(|| panic!("no canvas was made: {created}")).to_owned()
    }

    pub(crate) async fn metrics(&self) -> String {
        let request = reqwest::get(format!("http://{}/metrics", self.address));
        within("the metrics", request).await.unwrap().text().await.unwrap()
    }

    /// A counter by its name and labels; 0 before it first counted.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let metrics = self.metrics().await;
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0, |value| value.trim().parse().unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        let request = reqwest::Client::new().get(format!("http://{}{path}", self.address)).bearer_auth(token());
        let response = within("an answer", request.send()).await.unwrap();
        (response.status(), response.json().await.unwrap_or_default())
    }
}

fn token() -> String {
    let exp = jabiru::clock::Clock::system().now() / 1000 + 3600;
    let (sub, name) = ("crash".to_owned(), String::new());
    sign(&jabiru::access::Claims { sub, name, canvas: "*".into(), role: "owner".into(), exp })
}
