//! Real MongoDB, Redis and ClickHouse, on free loopback ports, with folders of their own. `tests/services` installs them.
//!
//! Most tests need only a place of their own in a service that all tests of the run share:
//!
//! ```ignore
//! let mongodb = shared_mongo().await;           // URL of a fresh database, on a replica set of one member
//! let redis = shared_redis().await;             // URL of a fresh database number
//! let clickhouse = shared_clickhouse().await;   // URL of a fresh database
//! ```
//!
//! `TEST_MONGODB_URL`, `TEST_REDIS_URL` and `TEST_CLICKHOUSE_URL` name services that already run; then these are used. What Redis
//! publishes is heard in all its databases: a test that counts messages takes a [`Redis`] of its own, which starts in a moment.
//!
//! A test that takes a service away has one of its own; it ends with the value, or with the test binary, however that ends:
//!
//! ```ignore
//! let mut mongo = Mongo::start(3).await;
//! let server = TestServer::with(&["--mongodb-url", &mongo.url()]).await;
//! mongo.kill_primary().await;                   // SIGKILL; another member is elected after two seconds or so
//! mongo.restart().await;                        // on its port and its data
//! mongo.pause_primary().await;                  // SIGSTOP: connections stay open and nothing answers
//! mongo.resume();
//! ```
//!
//! A paused primary is only seen by a client's own heartbeats: the driver's defaults take 20 s to give it up (`heartbeatFrequencyMS` and
//! `connectTimeoutMS` in the URL shorten that). Even then a majority write takes 4 s, or 21 s where the remaining member has chosen the paused
//! one to follow: MongoDB gives it up no sooner. A killed primary costs 3 s.
//!
//! Only processes and URLs are kept between tests. A client of a service belongs to the runtime it was made on, and each test has its own.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use mongodb::bson::{Document, doc};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Longest wait for a service to start, elect or stop. A first start reads half a gigabyte from a cold disk.
const PATIENCE: Duration = Duration::from_mins(1);

/// Longest wait for one question to a service that may not be up.
const QUESTION: Duration = Duration::from_secs(2);

/// Database numbers of our own Redis: more than a run has tests that ask for one, so none is flushed under a test.
const REDIS_DATABASES: usize = 1024;

// What all tests share.

/// URL of a fresh database on a replica set of one member.
pub(crate) async fn shared_mongo() -> String {
    static SHARED: OnceCell<(String, Option<Mongo>)> = OnceCell::const_new();
    let (url, _) = SHARED
        .get_or_init(|| async {
            if let Some(url) = given("TEST_MONGODB_URL") {
                return (url, None);
            }
            let mongo = Mongo::start(1).await;
            (mongo.url(), Some(mongo))
        })
        .await;
    with_path(url, &fresh_name())
}

/// URL of a fresh database number.
pub(crate) async fn shared_redis() -> String {
    static SHARED: OnceCell<(String, usize, Option<Redis>)> = OnceCell::const_new();
    static TAKEN: AtomicUsize = AtomicUsize::new(0);
    let (url, databases, _) = SHARED
        .get_or_init(|| async {
            if let Some(url) = given("TEST_REDIS_URL") {
                let asked: redis::RedisResult<(String, usize)> = redis_ask(&url, &["CONFIG", "GET", "databases"]).await;
                // A service whose settings are not ours to read has Redis' own number.
                return (url, asked.map_or(16, |(_, databases)| databases), None);
            }
            let redis = Redis::start().await;
            (redis.url(), REDIS_DATABASES, Some(redis))
        })
        .await;
    let url = with_path(url, &(TAKEN.fetch_add(1, Ordering::Relaxed) % databases).to_string());
    redis_ask::<()>(&url, &["FLUSHDB"]).await.unwrap();
    url
}

/// URL of a fresh database.
pub(crate) async fn shared_clickhouse() -> String {
    static SHARED: OnceCell<(String, Option<ClickHouse>)> = OnceCell::const_new();
    let (url, _) = SHARED
        .get_or_init(|| async {
            if let Some(url) = given("TEST_CLICKHOUSE_URL") {
                return (url, None);
            }
            let clickhouse = ClickHouse::start().await;
            (clickhouse.url(), Some(clickhouse))
        })
        .await;
    clickhouse_database(url, &fresh_name()).await
}

// MongoDB.

/// A replica set of our own. Writes are journalled; a new primary is elected after two seconds without the old one.
pub(crate) struct Mongo {
    members: Vec<Member>,
    // Dropped last: nobody writes into it then.
    _folder: TempDir,
}

struct Member {
    port: u16,
    command: Vec<String>,
    log: PathBuf,
    /// None: killed.
    process: Option<Process>,
    paused: bool,
}

impl Mongo {
    /// `members` is 1 or 3. Ready when a primary takes writes and every other member follows it.
    pub(crate) async fn start(members: usize) -> Self {
        let folder = folder("mongo");
        let members = (1..=members).map(|number| {
            let data = folder.path().join(number.to_string());
            fs::create_dir(&data).unwrap();
            let port = free_port();
            let mut command = mongod(port, &data);
            command.push("--replSet=tests".to_owned());
            Member { port, command, log: folder.path().join(format!("{number}.log")), process: None, paused: false }
        });
        let mut mongo = Self { members: members.collect(), _folder: folder };
        mongo.start_members().await;
        let members =
            mongo.members.iter().zip(0..).map(|(member, id)| doc! { "_id": id, "host": address(member.port) });
        // Milliseconds. The defaults of 10 s and 2 s are a long time for a test.
        let settings = doc! { "electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 500 };
        let config = doc! { "_id": "tests", "members": members.collect::<Vec<_>>(), "settings": settings };
        mongo.members[0].ask(doc! { "replSetInitiate": config }).await.unwrap();
        mongo.settled().await;
        mongo
    }

    /// URL of the database `jabiru`.
    pub(crate) fn url(&self) -> String {
        let hosts: Vec<_> = self.members.iter().map(|member| address(member.port)).collect();
        format!("mongodb://{}/jabiru?replicaSet=tests", hosts.join(","))
    }

    /// URL of a database that nobody has used.
    pub(crate) fn fresh_db(&self) -> String {
        with_path(&self.url(), &fresh_name())
    }

    /// The member that takes writes, waited for if there is none just now.
    pub(crate) async fn primary(&self) -> usize {
        eventually("a primary", async || {
            let mut newest = None;
            for (number, member) in self.members.iter().enumerate().filter(|(_, member)| member.answers()) {
                // One that was paused may not know yet that it is no longer the primary; a later election has a greater id.
                let Ok(hello) = member.ask(doc! { "hello": 1 }).await else { continue };
                if hello.get_bool("isWritablePrimary").unwrap_or(false) {
                    newest = newest.max(Some((hello.get_object_id("electionId").unwrap(), number)));
                }
            }
            newest.map(|(_, number)| number)
        })
        .await
    }

    /// Ends the primary as a power cut would, and returns when it is gone; another one is not elected yet.
    pub(crate) async fn kill_primary(&mut self) {
        let primary = self.primary().await;
        self.members[primary].process = None;
    }

    /// Stops the primary in its tracks: its connections stay open and nothing answers on them.
    pub(crate) async fn pause_primary(&mut self) {
        let primary = self.primary().await;
        let member = &mut self.members[primary];
        member.process.as_ref().unwrap().pause();
        member.paused = true;
    }

    /// The same for every member but the primary, which takes writes for two more seconds before it notices.
    pub(crate) async fn pause_others(&mut self) {
        let primary = self.primary().await;
        for (_, member) in self.members.iter_mut().enumerate().filter(|(number, _)| *number != primary) {
            member.process.as_ref().unwrap().pause();
            member.paused = true;
        }
    }

    /// Lets what is paused run on.
    pub(crate) fn resume(&mut self) {
        for member in self.members.iter_mut().filter(|member| member.paused) {
            member.process.as_ref().unwrap().resume();
            member.paused = false;
        }
    }

    /// Starts what was killed, on its port and its data. Ready as after [`Mongo::start`].
    pub(crate) async fn restart(&mut self) {
        self.start_members().await;
        self.settled().await;
    }

    async fn start_members(&mut self) {
        for member in self.members.iter_mut().filter(|member| member.process.is_none()) {
            member.process = Some(Process::start("mongod", &member.command, &[], &member.log));
        }
        for member in self.members.iter_mut().filter(|member| !member.paused) {
            let Member { process, port, .. } = member;
            listening(process.as_mut().unwrap(), *port).await;
        }
    }

    /// Waits until one member is the primary and the others that run follow it.
    async fn settled(&self) {
        eventually("the replica set to settle", async || {
            let primary = &self.members[self.primary().await];
            let set = primary.ask(doc! { "replSetGetStatus": 1 }).await.ok()?;
            let members = set.get_array("members").ok()?.iter().filter_map(|member| member.as_document());
            let states: Vec<_> = members.filter_map(|member| member.get_str("stateStr").ok()).collect();
            let following = states.iter().filter(|state| **state == "SECONDARY").count();
            let running = self.members.iter().filter(|member| member.answers()).count();
            (states.contains(&"PRIMARY") && following + 1 == running).then_some(())
        })
        .await;
    }
}

impl Member {
    fn answers(&self) -> bool {
        self.process.is_some() && !self.paused
    }

    /// One command to this member alone.
    async fn ask(&self, command: Document) -> mongodb::error::Result<Document> {
        let limits = "serverSelectionTimeoutMS=1000&connectTimeoutMS=1000";
        let url = format!("mongodb://{}/?directConnection=true&{limits}", address(self.port));
        let client = mongodb::Client::with_uri_str(url).await?;
        let answer = client.database("admin").run_command(command).await;
        client.shutdown().immediate(true).await;
        answer
    }
}

/// The command of a server of no replica set.
fn mongod(port: u16, data: &Path) -> Vec<String> {
    let mongod = installed("mongod-6.0.5/mongod", "TEST_MONGODB_URL");
    let command = [
        mongod.to_str().unwrap(),
        "--bind_ip=127.0.0.1",
        &format!("--port={port}"),
        &format!("--dbpath={}", data.display()),
        "--nounixsocket",
        // The least there is, and an operation log that a small disk has room for.
        "--wiredTigerCacheSizeGB=0.25",
        "--oplogSize=256",
        // It writes figures every second that nobody reads here.
        "--setParameter=diagnosticDataCollectionEnabled=false",
        // Its own points of failure, for a test that wants a command to take long.
        "--setParameter=enableTestCommands=1",
    ];
    command.map(str::to_owned).to_vec()
}

/// A MongoDB that nobody has made a replica set of: what Jabiru refuses.
pub(crate) struct BareMongo {
    service: Service,
}

impl BareMongo {
    /// `flags` of `mongod` besides the usual ones. Ready when it listens.
    pub(crate) async fn start(flags: &[&str]) -> Self {
        let (port, folder) = (free_port(), folder("mongo"));
        let mut command = mongod(port, folder.path());
        command.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let mut service = Service { port, command, variables: Vec::new(), process: None, folder };
        service.start();
        service.listening().await;
        Self { service }
    }

    /// URL of the database `jabiru`.
    pub(crate) fn url(&self) -> String {
        format!("mongodb://{}/jabiru", address(self.service.port))
    }
}

// Redis.

/// A Redis of our own. It keeps nothing on disk, so what it held is gone after a kill.
pub(crate) struct Redis {
    service: Service,
}

impl Redis {
    /// Ready when it answers.
    pub(crate) async fn start() -> Self {
        let port = free_port();
        let folder = folder("redis");
        let command = [
            "redis-server",
            "--bind",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--dir",
            folder.path().to_str().unwrap(),
            "--databases",
            &REDIS_DATABASES.to_string(),
            "--save",
            "",
            "--appendonly",
            "no",
        ];
        let command = command.map(str::to_owned).to_vec();
        let mut redis = Self { service: Service { port, command, variables: Vec::new(), process: None, folder } };
        redis.restart().await;
        redis
    }

    /// URL of its database 0.
    pub(crate) fn url(&self) -> String {
        format!("redis://{}/0", address(self.service.port))
    }

    /// SIGKILL; returns when it is gone.
    pub(crate) fn kill(&mut self) {
        self.service.process = None;
    }

    /// Starts it again on the same port, empty, and waits until it answers. Kills it before if it runs.
    pub(crate) async fn restart(&mut self) {
        self.service.start();
        self.service.listening().await;
        let url = self.url();
        eventually("Redis to answer", async || redis_ask::<String>(&url, &["PING"]).await.ok()).await;
    }

    /// SIGSTOP: connections stay open and nothing answers on them.
    pub(crate) fn pause(&self) {
        self.service.running().pause();
    }

    /// Lets it run on.
    pub(crate) fn resume(&self) {
        self.service.running().resume();
    }

    /// Forgets everything in all databases.
    pub(crate) async fn flush(&self) {
        redis_ask::<()>(&self.url(), &["FLUSHALL"]).await.unwrap();
    }
}

async fn redis_ask<T: redis::FromRedisValue>(url: &str, command: &[&str]) -> redis::RedisResult<T> {
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await?;
    redis::cmd(command[0]).arg(&command[1..]).query_async(&mut connection).await
}

// ClickHouse.

/// ClickHouse's engine behind an HTTP interface of our own. What it has acknowledged survives a kill.
pub(crate) struct ClickHouse {
    service: Service,
}

impl ClickHouse {
    /// Ready when it answers; its database `jabiru` is there and empty.
    pub(crate) async fn start() -> Self {
        let engine = installed("chdb-core-26.9.0", "TEST_CLICKHOUSE_URL");
        let port = free_port();
        let folder = folder("clickhouse");
        let front = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/clickhouse_http.py");
        let data = folder.path().join("data");
        let command = ["python3", front.to_str().unwrap(), &port.to_string(), data.to_str().unwrap()];
        let command = command.map(str::to_owned).to_vec();
        let variables = vec![("PYTHONPATH", engine)];
        let mut clickhouse = Self { service: Service { port, command, variables, process: None, folder } };
        clickhouse.restart().await;
        clickhouse_database(&clickhouse.url(), "jabiru").await;
        clickhouse
    }

    /// URL of its database `jabiru`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/jabiru", address(self.service.port))
    }

    /// URL of a database that is there and empty.
    pub(crate) async fn fresh_db(&self) -> String {
        clickhouse_database(&self.url(), &fresh_name()).await
    }

    /// SIGKILL; returns when it is gone.
    pub(crate) fn kill(&mut self) {
        self.service.process = None;
    }

    /// Starts it again on its port and its data, and waits until it answers. Kills it before if it runs.
    pub(crate) async fn restart(&mut self) {
        self.service.start();
        // It opens its port when the engine is up.
        self.service.listening().await;
    }

    /// SIGSTOP: connections stay open and nothing answers on them.
    pub(crate) fn pause(&self) {
        self.service.running().pause();
    }

    /// Lets it run on.
    pub(crate) fn resume(&self) {
        self.service.running().resume();
    }
}

/// Runs a statement in the database a URL names; the answer as ClickHouse writes it, columns apart by tabs.
pub(crate) async fn clickhouse_ask(url: &str, statement: &str) -> String {
    let (_, database) = url.rsplit_once('/').unwrap();
    clickhouse_post(&format!("{}?database={database}", with_path(url, "")), statement).await
}

async fn clickhouse_database(url: &str, name: &str) -> String {
    clickhouse_post(&with_path(url, ""), &format!("CREATE DATABASE {name}")).await;
    with_path(url, name)
}

async fn clickhouse_post(url: &str, statement: &str) -> String {
    let answer = reqwest::Client::new().post(url).body(statement.to_owned()).send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "ClickHouse answered {status} to `{statement}`: {text}");
    text
}

// Processes.

/// A service of one process, which may be killed and started again.
struct Service {
    port: u16,
    command: Vec<String>,
    variables: Vec<(&'static str, PathBuf)>,
    /// None: killed.
    process: Option<Process>,
    // Dropped last: nobody writes into it then.
    folder: TempDir,
}

impl Service {
    fn start(&mut self) {
        self.process = None;
        let name = self.command[0].clone();
        self.process = Some(Process::start(&name, &self.command, &self.variables, &self.folder.path().join("log")));
    }

    async fn listening(&mut self) {
        listening(self.process.as_mut().unwrap(), self.port).await;
    }

    fn running(&self) -> &Process {
        self.process.as_ref().expect("it was killed and not started again")
    }
}

/// One process of ours. Dropping it kills it.
struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    fn start(name: &str, command: &[String], variables: &[(&'static str, PathBuf)], log: &Path) -> Self {
        let output = fs::File::options().create(true).append(true).open(log).unwrap();
        // The kernel kills it when its parent ends, even if the parent is killed.
        let mut wrapped = Command::new("setpriv");
        wrapped.args(["--pdeathsig", "KILL", "--"]).args(command);
        wrapped.envs(variables.iter().map(|(name, value)| (name, value)));
        wrapped.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        // Ctrl-C is for the test, which ends its services.
        wrapped.process_group(0);
        let child =
            spawn(wrapped).unwrap_or_else(|error| panic!("setpriv did not start: {error}. Run tests/services."));
        Self { name: name.to_owned(), child, log: log.to_owned() }
    }

    /// How it ended, if it has.
    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Returns when it has stopped.
    fn pause(&self) {
        self.signal("STOP");
        let stat = format!("/proc/{}/stat", self.child.id());
        for _ in 0..1000 {
            if fs::read_to_string(&stat).unwrap().contains(") T ") {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
        panic!("{} does not stop", self.name);
    }

    fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        // The shell's own `kill`: a bare machine has no other.
        let script = format!("kill -{signal} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &script]).status().unwrap();
        assert!(status.success(), "{} takes no SIG{signal}", self.name);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Killing works on a paused process too. An error means that it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a process from a thread that lives as long as the test binary.
///
/// The kernel's «parent» is the thread: a service started from a test's own thread would be killed at that test's end.
fn spawn(command: Command) -> io::Result<Child> {
    type Order = (Command, mpsc::Sender<io::Result<Child>>);
    static KEEPER: LazyLock<Mutex<mpsc::Sender<Order>>> = LazyLock::new(|| {
        let (orders, taken) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, answer) in taken {
                let _ = answer.send(command.spawn());
            }
        });
        Mutex::new(orders)
    });
    let (answer, started) = mpsc::channel();
    KEEPER.lock().unwrap().send((command, answer)).unwrap();
    started.recv().unwrap()
}

/// A folder for one service. It goes with the value; what the end of the test binary leaves behind, a janitor removes.
fn folder(name: &str) -> TempDir {
    static ALL: LazyLock<(PathBuf, Child)> = LazyLock::new(|| {
        let all = tempfile::Builder::new().prefix("jabiru-services-").tempdir().unwrap().keep();
        // Statics are never dropped, so somebody else must wait for our end: its standard input closes then. The services die at the
        // same moment, and one may still write a file into a folder that is being removed.
        let script = r#"cat >/dev/null; for try in 1 2 3 4 5; do rm -rf "$1" 2>/dev/null && exit; sleep 1; done"#;
        let mut janitor = Command::new("sh");
        janitor.args(["-c", script, "janitor"]).arg(&all).process_group(0);
        let janitor = janitor.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        (all, janitor)
    });
    tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(&ALL.0).unwrap()
}

/// A port nobody listens on, below those the kernel gives to clients (32768 and up): nobody takes it while its service is dead, not even a
/// client that tries it again and again and would, one day, be given the very port it knocks at.
fn free_port() -> u16 {
    const PORTS: std::ops::Range<u16> = 16_000..32_000;
    // Test binaries run beside each other: each begins somewhere else.
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(rand::random_range(PORTS)));
    let mut ports = PORTS.map(|_| PORTS.start + NEXT.fetch_add(1, Ordering::Relaxed) % (PORTS.end - PORTS.start));
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}

fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// Waits until a port is open, or panics with the end of the log of the process that should open it.
async fn listening(process: &mut Process, port: u16) {
    let what = format!("{} to listen", process.name);
    eventually(&what, async || {
        if let Some(status) = process.ended() {
            panic!("{} ended with {status}. The end of its log:\n{}", process.name, process.log());
        }
        TcpStream::connect(("127.0.0.1", port)).await.ok()
    })
    .await;
}

/// Asks again and again until there is an answer.
async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Ok(Some(answer)) = tokio::time::timeout(QUESTION, ask()).await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("waited {PATIENCE:?} for {what}"))
}

/// What `tests/services` has installed.
fn installed(path: &str, instead: &str) -> PathBuf {
    let path = cache().join(path);
    assert!(
        path.exists(),
        "{} is not there: run tests/services. ({instead} serves only the tests that share a service.)",
        path.display()
    );
    path
}

/// The folder `tests/services` installs into.
pub(crate) fn cache() -> PathBuf {
    let caches = || {
        let caches = given("XDG_CACHE_HOME").map(PathBuf::from);
        caches.unwrap_or_else(|| Path::new(&given("HOME").expect("HOME is set")).join(".cache"))
    };
    given("JABIRU_TEST_CACHE").map_or_else(|| caches().join("jabiru-tests"), PathBuf::from)
}

/// A variable that is set to something.
pub(crate) fn given(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

/// No two are the same, in no two runs.
fn fresh_name() -> String {
    format!("test_{}", Uuid::new_v4().simple())
}

/// A URL with another path: the database, in all three services.
fn with_path(url: &str, path: &str) -> String {
    let (scheme, rest) = url.split_once("://").expect("a URL has a scheme");
    let (rest, query) = rest.split_once('?').map_or((rest, String::new()), |(rest, query)| (rest, format!("?{query}")));
    let host = rest.split_once('/').map_or(rest, |(host, _)| host);
    format!("{scheme}://{host}/{path}{query}")
}
