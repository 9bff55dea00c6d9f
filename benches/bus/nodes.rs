//! The server processes and the services beside them, and what each of them has spent so far.

use std::ops::Sub;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use jabiru::access::{Claims, Tokens};
use jabiru::clock::Clock;
use jabiru::telemetry::names;
use mongodb::bson::{Bson, Document, doc};
use redis::aio::MultiplexedConnection;
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::people::{self, Pace, Run, Stage};
use crate::table::Setting;
use crate::{process, services};

/// Longest wait for a server to start, or for its canvases to be closed and folded.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often something that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Looks without a change after which what is stored counts as settled: folding begins when a canvas is closed.
const SETTLED: u32 = 6;
/// The same where a node says that canvases are open: longer than any of them stays open without anybody.
const STUCK: u32 = 60;
/// Seconds a canvas stays open when everybody has left: closing it must not fall into what is measured next.
const ROOM_IDLE: &str = "0.2";
/// Blocks of a canvas.
const BLOCKS: usize = 20;
const SECRET: &str = "a key that only this bench knows: 32+";

/// Places in [`Nodes`] and [`Cpu`].
pub(crate) const EMBEDDED: usize = 0;
pub(crate) const ALONE: usize = 1;
pub(crate) const FIRST: usize = 2;
pub(crate) const SECOND: usize = 3;
pub(crate) const REDIS: usize = 4;
pub(crate) const MONGOD: usize = 5;
pub(crate) const SELF: usize = 6;

/// All of them, running for the whole bench.
pub(crate) struct Nodes {
    all: [Node; 4],
    redis: MultiplexedConnection,
    /// The databases of the node alone and of the two nodes.
    alone: mongodb::Database,
    both: mongodb::Database,
}

/// CPU seconds of each process: the nodes, Redis, MongoDB, this one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpu(pub(crate) [f64; 7]);

/// What has passed the bus so far, as the two nodes tell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passed {
    /// Entries the first one has written.
    pub(crate) entries: f64,
    /// Times the second one was told that frames are lost.
    pub(crate) missed: f64,
}

struct Node {
    process: Child,
    pid: u32,
    address: String,
    http: Client,
    folder: TempDir,
    // Open as long as the process: it may still write a line.
    _lines: Lines<BufReader<ChildStdout>>,
}

/// What must be installed, or named, before anything can be measured.
pub(crate) fn missing() -> Vec<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = |program: &str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let is_mongod = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("mongod");
    let mongod = || services::cache().read_dir().is_ok_and(|mut all| all.any(|entry| entry.is_ok_and(is_mongod)));
    let (redis, mongo) = (services::given("TEST_REDIS_URL"), services::given("TEST_MONGODB_URL"));
    let mut missing = Vec::new();
    if redis.is_none() && !on_path("redis-server") {
        missing.push("redis-server");
    }
    if mongo.is_none() && !mongod() {
        missing.push("MongoDB");
    }
    if (redis.is_none() || mongo.is_none()) && !on_path("setpriv") {
        missing.push("setpriv");
    }
    missing
}

impl Nodes {
    /// Starts them and MongoDB; Redis is at `redis_url`.
    pub(crate) async fn start(redis_url: &str) -> anyhow::Result<Self> {
        let (alone, both) = (services::shared_mongo().await, services::shared_mongo().await);
        let joined = ["--mongodb-url", &both, "--redis-url", redis_url];
        let all = [
            Node::start(&[]).await?,
            Node::start(&["--mongodb-url", &alone]).await?,
            Node::start(&joined).await?,
            Node::start(&joined).await?,
        ];
        let redis = redis::Client::open(redis_url)?.get_multiplexed_async_connection().await?;
        let database = async |url: &str| -> anyhow::Result<mongodb::Database> {
            let client = mongodb::Client::with_uri_str(url).await?;
            client.default_database().context("the URL names a database")
        };
        let (alone, both) = (database(&alone).await?, database(&both).await?);
        Ok(Self { all, redis, alone, both })
    }

    /// Runs a load on `count` canvases of its own, and waits until they are closed and folded.
    pub(crate) async fn run(&self, setting: &Setting, count: usize, pace: Pace) -> anyhow::Result<Run> {
        let writes = &self.all[setting.writer];
        let mut canvases = Vec::with_capacity(count);
        for _ in 0..count {
            canvases.push(writes.create().await?);
        }
        let before = (self.settled(setting).await?, self.passed().await?);
        let token = token()?;
        let places = [setting.writer, setting.readers[0], setting.readers[1]].map(|place| &self.all[place].address);
        let url = |address: &String, canvas| format!("ws://{address}/v1/sync/{canvas}?ack=1&token={token}");
        let urls = places.map(|address| canvases.iter().map(|canvas| url(address, canvas)).collect());
        let stage = Stage { addresses: places.map(String::as_str), urls };
        let mut run = people::run(&stage, pace, async || self.cpu().await).await?;
        let passed = self.passed().await?;
        run.entries = passed.entries - before.1.entries;
        run.missed = passed.missed - before.1.missed;
        run.stored = self.settled(setting).await? - before.0;
        Ok(run)
    }

    /// What every process has spent since it started.
    pub(crate) async fn cpu(&self) -> anyhow::Result<Cpu> {
        let of = |pid: u32| process::sample(pid).map(|sample| sample.cpu_seconds).context("a process has ended");
        let mut cpu = [0.0; 7];
        for (spent, node) in cpu.iter_mut().zip(&self.all) {
            *spent = of(node.pid)?;
        }
        cpu[SELF] = of(std::process::id())?;
        // The services tell it themselves, in microseconds, whoever has started them.
        cpu[REDIS] = redis_cpu(&mut self.redis.clone()).await?;
        let question = doc! { "serverStatus": 1, "wiredTiger": 0, "metrics": 0, "repl": 0, "locks": 0 };
        let told = self.alone.client().database("admin").run_command(question).await?;
        let told = told.get_document("extra_info").context("MongoDB tells its CPU time")?;
        cpu[MONGOD] = (number(told, "user_time_us")? + number(told, "system_time_us")?) / 1e6;
        Ok(Cpu(cpu))
    }

    async fn passed(&self) -> anyhow::Result<Passed> {
        let entries = self.all[FIRST].metric(names::BUS_PUBLISHED).await?;
        Ok(Passed { entries, missed: self.all[SECOND].metric(names::BUS_MISSED).await? })
    }

    /// Waits until a setting's canvases are closed and folded; bytes its store then holds.
    async fn settled(&self, setting: &Setting) -> anyhow::Result<f64> {
        let began = Instant::now();
        let (mut last, mut same) = ((f64::NAN, f64::NAN), 0);
        loop {
            sleep(LOOK).await;
            let mut open = 0.0;
            for node in setting.nodes {
                open += self.all[*node].metric(names::ROOMS).await?;
            }
            let stored = self.stored(setting).await?;
            same = if (open, stored) == last { same + 1 } else { 0 };
            last = (open, stored);
            if same >= if open == 0.0 { SETTLED } else { STUCK } {
                if open > 0.0 {
                    crate::say(&format!(
                        "{}: {open} canvases stay open, and nothing is written any more",
                        setting.name
                    ));
                }
                return Ok(stored);
            }
            if began.elapsed() > PATIENCE {
                bail!("{}: {open} canvases are open, and {stored} bytes are not the last", setting.name);
            }
        }
    }

    /// Bytes a setting's store holds: of documents in MongoDB, of used pages in SQLite.
    async fn stored(&self, setting: &Setting) -> anyhow::Result<f64> {
        let database = match setting.writer {
            EMBEDDED => {
                let path = self.all[EMBEDDED].folder.path().join("jabiru.db");
                let database = rusqlite::Connection::open(path)?;
                let pragma = |name: &str| database.pragma_query_value(None, name, |row| row.get::<_, f64>(0));
                return Ok((pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?);
            }
            ALONE => &self.alone,
            _ => &self.both,
        };
        number(&database.run_command(doc! { "dbStats": 1 }).await?, "dataSize")
    }

    /// Ends the nodes; the services end with this process.
    pub(crate) async fn stop(self) {
        for mut node in self.all {
            let _ = timeout(PATIENCE, node.process.kill()).await;
        }
    }
}

impl Node {
    async fn start(flags: &[&str]) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let mut process = Command::new(env!("CARGO_BIN_EXE_jabiru"))
            .args(["serve", "--listen", "127.0.0.1:0", "--no-samples", "--log", "error", "--secret", SECRET])
            .args(["--room-idle-seconds", ROOM_IDLE, "--data-dir"])
            .arg(folder.path())
            .args(flags)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(process.stdout.take().context("its output")?).lines();
        let first = timeout(PATIENCE, lines.next_line()).await.context("a server does not start")??;
        let first = first.context("a server ended at its start")?;
        let address = first.rsplit("//").next().unwrap_or_default().trim_end_matches('/').to_owned();
        let pid = process.id().context("a server ended at its start")?;
        Ok(Self { process, pid, address, http: Client::new(), folder, _lines: lines })
    }

    /// Makes a canvas; its id.
    async fn create(&self) -> anyhow::Result<String> {
        let block = |index: usize| {
            json!({
                "id": people::block(index), "type": "narrative", "position": { "x": 0, "y": index * 4, "w": 6, "h": 4 },
                "content": { "text": "## Key insights 🦤\n\n" },
            })
        };
        let blocks: Vec<_> = (0..BLOCKS).map(block).collect();
        let body = json!({ "name": "A canvas for measuring", "canvas": { "blocks": blocks } });
        let url = format!("http://{}/v1/canvases", self.address);
        let response = self.http.post(url).bearer_auth(token()?).json(&body).send().await?;
        let status = response.status();
        let answer: Value = response.json().await?;
        let Some(id) = answer["id"].as_str() else { bail!("no canvas was made: {status} {answer}") };
        Ok(id.to_owned())
    }

    /// A counter or gauge without labels; 0 before it was first set.
    async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let text = self.http.get(format!("http://{}/metrics", self.address)).send().await?.text().await?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.map_or(Ok(0.0), |value| value.trim().parse())?)
    }
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(mut self, less: Self) -> Self {
        self.0.iter_mut().zip(less.0).for_each(|(own, less)| *own -= less);
        self
    }
}

impl Cpu {
    /// The same in another unit, or for another time.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self(self.0.map(|spent| spent * factor))
    }
}

/// What Redis has spent since it started, seconds.
pub(crate) async fn redis_cpu(redis: &mut MultiplexedConnection) -> anyhow::Result<f64> {
    let told: String = redis::cmd("INFO").arg("cpu").query_async(redis).await?;
    let value = |name: &str| -> anyhow::Result<f64> {
        let value = told.lines().find_map(|line| line.strip_prefix(name)).context("Redis tells its CPU time")?;
        Ok(value.trim().parse()?)
    };
    Ok(value("used_cpu_sys:")? + value("used_cpu_user:")?)
}

fn token() -> anyhow::Result<String> {
    let exp = Clock::system().now() / 1000 + 3600;
    let claims = Claims {
        sub: "bench".to_owned(),
        name: "Bench".to_owned(),
        canvas: "*".to_owned(),
        role: "owner".to_owned(),
        exp,
    };
    Ok(Tokens::new(SECRET, String::new(), Clock::system()).sign(&claims)?)
}

fn number(document: &Document, name: &str) -> anyhow::Result<f64> {
    match document.get(name) {
        Some(Bson::Int32(value)) => Ok(f64::from(*value)),
        Some(Bson::Int64(value)) => Ok(*value as f64),
        Some(Bson::Double(value)) => Ok(*value),
        _ => bail!("MongoDB does not tell `{name}`"),
    }
}
