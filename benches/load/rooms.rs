//! Where the load goes: the address, which must be loopback, and the rooms, which Jabiru wants made first.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::{Context, bail, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::{Client, Url};
use serde_json::{Value, json};

use crate::options::Common;

/// Most rooms of a run.
const MOST_ROOMS: usize = 20_000;
/// Canvases being made or deleted at the same time.
const AT_ONCE: usize = 8;

/// The rooms of a run.
pub(crate) struct Rooms {
    /// Where to connect to.
    pub(crate) address: SocketAddr,
    /// The socket URL of each room.
    pub(crate) urls: Vec<Url>,
    /// What to delete afterwards.
    made: Option<Made>,
}

struct Made {
    api: Api,
    ids: Vec<String>,
}

struct Api {
    client: Client,
    base: Url,
    token: Option<String>,
}

/// Finds the address, and makes or names the rooms; `count` of them if nobody says how many.
pub(crate) async fn prepare(common: &Common, count: usize) -> anyhow::Result<Rooms> {
    let server = parse("--url", &common.url.replace("{room}", "room"))?;
    ensure!(server.scheme() == "ws", "--url: only ws:// is spoken here; measure TLS in front of the server by itself");
    let address = resolve("--url", &server, common.allow_remote).await?;
    let mut made = None;
    let wanted = common.rooms.clone().unwrap_or_else(|| count.to_string());
    let names = if let Some(path) = &common.rooms_file {
        let text = std::fs::read_to_string(path).with_context(|| format!("--rooms-file: {}", path.display()))?;
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    } else if let Ok(count) = wanted.parse::<usize>() {
        ensure!((1..=MOST_ROOMS).contains(&count), "--rooms: 1 to {MOST_ROOMS}");
        if common.create {
            let api = Api::new(common, &server).await?;
            let ids = api.create(count).await?;
            if common.keep.is_none() {
                made = Some(Made { api, ids: ids.clone() });
            }
            ids
        } else {
            // A name of its own for each run: a server that stores rooms would otherwise answer with what an earlier run wrote.
            let run: u32 = rand::random();
            (0..count).map(|index| format!("load-{run:08x}-{index}")).collect()
        }
    } else {
        wanted.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    ensure!(!names.is_empty() && names.len() <= MOST_ROOMS, "1 to {MOST_ROOMS} rooms");
    if let Some(path) = &common.keep {
        std::fs::write(path, names.join("\n")).with_context(|| format!("--keep: {}", path.display()))?;
    }
    let urls = names.iter().map(|name| socket_url(common, name)).collect::<Result<_, _>>()?;
    Ok(Rooms { address, urls, made })
}

impl Rooms {
    /// Deletes what was made. A failure is said and not more: the figures are in.
    pub(crate) async fn clean_up(&self) {
        if let Some(Made { api, ids }) = &self.made
            && let Err(error) = api.delete(ids).await
        {
            let _ = writeln!(std::io::stderr(), "load: the canvases made for this run are still there: {error:#}");
        }
    }
}

fn socket_url(common: &Common, room: &str) -> anyhow::Result<Url> {
    let joined = if common.url.contains("{room}") {
        common.url.replace("{room}", room)
    } else {
        format!("{}/{room}", common.url.trim_end_matches('/'))
    };
    let mut url = parse("--url", &joined)?;
    {
        let mut query = url.query_pairs_mut();
        if let Some(token) = &common.token {
            query.append_pair("token", token);
        }
        if common.acks {
            query.append_pair("ack", "1");
        }
        for parameter in &common.param {
            let (name, value) = parameter.split_once('=').context("--param: name=value")?;
            query.append_pair(name, value);
        }
    }
    Ok(url)
}

fn parse(option: &str, text: &str) -> anyhow::Result<Url> {
    Url::parse(text).with_context(|| format!("{option}: `{text}` is not a URL"))
}

/// The address behind a URL; refuses one that is not on this machine.
async fn resolve(option: &str, url: &Url, allow_remote: bool) -> anyhow::Result<SocketAddr> {
    let host = url.host_str().with_context(|| format!("{option}: no host in {url}"))?;
    let port = url.port_or_known_default().unwrap_or(80);
    let found: Vec<_> = tokio::net::lookup_host((host.trim_matches(['[', ']']), port))
        .await
        .with_context(|| format!("{option}: {host} is not known"))?
        .collect();
    let first = found.first().copied().with_context(|| format!("{option}: {host} has no address"))?;
    if !allow_remote && !found.iter().all(|address| address.ip().is_loopback()) {
        bail!("{option}: {host} is not this machine; --allow-remote if that server is yours to load");
    }
    Ok(first)
}

impl Api {
    async fn new(common: &Common, server: &Url) -> anyhow::Result<Self> {
        let base = if let Some(api) = &common.api {
            parse("--api", api)?
        } else {
            let host = server.host_str().unwrap_or("127.0.0.1");
            parse("--api", &format!("http://{host}:{}", server.port_or_known_default().unwrap_or(80)))?
        };
        resolve("--api", &base, common.allow_remote).await?;
        Ok(Self { client: Client::new(), base, token: common.token.clone() })
    }

    async fn create(&self, count: usize) -> anyhow::Result<Vec<String>> {
        let create = async |index: usize| {
            let body = json!({ "name": format!("Load test {}", index + 1) });
            let created = self.send(self.client.post(self.base.join("/v1/canvases")?).json(&body)).await;
            let created: Value = created.context("--create")?.json().await.context("--create: the answer")?;
            anyhow::Ok(created["id"].as_str().context("--create: the answer has no `id`")?.to_owned())
        };
        stream::iter((0..count).map(create)).buffered(AT_ONCE).try_collect().await
    }

    async fn delete(&self, ids: &[String]) -> anyhow::Result<()> {
        let delete = async |id: &String| {
            self.send(self.client.delete(self.base.join(&format!("/v1/canvases/{id}"))?)).await.map(drop)
        };
        stream::iter(ids.iter().map(delete)).buffered(AT_ONCE).try_collect().await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> anyhow::Result<reqwest::Response> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let response = request.send().await?;
        let status = response.status();
        if !status.is_success() {
            bail!("{status}: {}", response.text().await.unwrap_or_default());
        }
        Ok(response)
    }
}
