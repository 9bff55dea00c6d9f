//! Configuration: what an operator can set, and every limit with the reason for its value.
//!
//! Owns parsing and validation. Does not open anything: a value that parses can still fail at start, and says so there.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser};

/// Everything `jabiru serve` reads. Each flag has a `JABIRU_…` variable; the flag wins.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Address and port to listen on. Port 0 picks a free one.
    #[arg(long, env = "JABIRU_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Folder of the embedded store. Created if it does not exist.
    #[arg(long, env = "JABIRU_DATA_DIR", default_value = "./data")]
    pub data_dir: PathBuf,

    /// The address people use, e.g. `https://canvas.example.org`. Links, cookies and the Origin check follow it.
    /// Default: `http://` and the address listened on.
    #[arg(long, env = "JABIRU_PUBLIC_URL", value_parser = parse_origin)]
    pub public_url: Option<String>,

    /// Key that signs tokens, at least 32 characters. Default: made at first start, in the data folder, or with
    /// MongoDB in its collection `settings`, where all nodes share it.
    #[arg(long, env = "JABIRU_SECRET", hide_env_values = true, value_parser = parse_secret)]
    pub secret: Option<String>,

    /// MongoDB replica set that holds the canvases, e.g. `mongodb://a,b,c/jabiru?replicaSet=rs0`. Default: the embedded store in the data
    /// folder. More than one node needs this and Redis.
    #[arg(long, env = "JABIRU_MONGODB_URL", hide_env_values = true, value_parser = parse_mongodb)]
    pub mongodb_url: Option<String>,

    /// Redis that joins the nodes and keeps presence and sessions, e.g. `redis://host:6379` or `rediss://…`. Default: this node alone.
    #[arg(long, env = "JABIRU_REDIS_URL", hide_env_values = true, value_parser = parse_redis)]
    pub redis_url: Option<String>,

    /// ClickHouse that takes usage events, e.g. `http://user:password@host:8123/jabiru`. Default: the embedded store.
    #[arg(long, env = "JABIRU_CLICKHOUSE_URL", hide_env_values = true, value_parser = parse_http)]
    pub clickhouse_url: Option<String>,

    /// Take a client's address from the last entry of `X-Forwarded-For`, which is what the proxy in front of this server wrote. Only behind
    /// a proxy that always writes it: anybody else could claim any address. Default: the address that connected.
    #[arg(long, env = "JABIRU_TRUST_FORWARDED_FOR")]
    pub trust_forwarded_for: bool,

    /// Other origins whose pages may open sockets, comma-separated, e.g. `https://app.example.org`.
    #[arg(long, env = "JABIRU_ALLOWED_ORIGINS", value_delimiter = ',', value_parser = parse_origin)]
    pub allowed_origins: Vec<String>,

    /// Log filter, e.g. `info` or `info,jabiru=debug`.
    #[arg(long, env = "JABIRU_LOG", default_value = "info")]
    pub log: String,

    /// Write logs as JSON lines.
    #[arg(long, env = "JABIRU_LOG_JSON")]
    pub log_json: bool,

    /// Start with an empty home page instead of the sample canvases.
    #[arg(long, env = "JABIRU_NO_SAMPLES")]
    pub no_samples: bool,

    /// The limits; see each one.
    #[command(flatten)]
    pub limits: Limits,
}

/// Every bound of the server. At each there is a typed answer: problem+json over HTTP, a close code over WebSocket.
#[derive(Debug, Clone, Args)]
pub struct Limits {
    /// Largest update frame, bytes. People's edits are tens of bytes; 1 MiB lets a large paste through. Answer: close 4413.
    #[arg(long = "max-update-bytes", env = "JABIRU_MAX_UPDATE_BYTES", default_value_t = 1 << 20, value_parser = parse_count::<usize>)]
    pub update_bytes: usize,

    /// Largest sync step 2, bytes: what a client that was offline uploads at once. Answer: close 4413.
    #[arg(long = "max-sync-bytes", env = "JABIRU_MAX_SYNC_BYTES", default_value_t = 16 << 20, value_parser = parse_count::<usize>)]
    pub sync_bytes: usize,

    /// Largest document, bytes of Yjs v1 state (estimated from what was written). Answer: close 4413.
    #[arg(long = "max-document-bytes", env = "JABIRU_MAX_DOCUMENT_BYTES", default_value_t = 64 << 20, value_parser = parse_count::<usize>)]
    pub document_bytes: usize,

    /// Most blocks on a canvas: beyond this no browser lays a grid out smoothly. Answer: 422, or close 4413.
    #[arg(long = "max-blocks", env = "JABIRU_MAX_BLOCKS", default_value_t = 1000, value_parser = parse_count::<usize>)]
    pub blocks: usize,

    /// Most sessions on this node. Answer: close 1013, so that a load balancer's next try may land elsewhere.
    #[arg(long = "max-sessions", env = "JABIRU_MAX_SESSIONS", default_value_t = 20_000, value_parser = parse_count::<usize>)]
    pub sessions: usize,

    /// Most sessions in one room. Answer: close 1013.
    #[arg(long = "max-room-sessions", env = "JABIRU_MAX_ROOM_SESSIONS", default_value_t = 2000, value_parser = parse_count::<usize>)]
    pub room_sessions: usize,

    /// Most rooms open at once on this node. Answer: close 1013 or 503.
    #[arg(long = "max-rooms", env = "JABIRU_MAX_ROOMS", default_value_t = 20_000, value_parser = parse_count::<usize>)]
    pub rooms: usize,

    /// Bytes of updates a room keeps while the store does not take them. Answer: the room turns read-only. `[DUR-3]`
    #[arg(long = "max-room-pending-bytes", env = "JABIRU_MAX_ROOM_PENDING_BYTES", default_value_t = 8 << 20, value_parser = parse_count::<usize>)]
    pub room_pending_bytes: usize,

    /// The same over all rooms of the node.
    #[arg(long = "max-node-pending-bytes", env = "JABIRU_MAX_NODE_PENDING_BYTES", default_value_t = 256 << 20, value_parser = parse_count::<usize>)]
    pub node_pending_bytes: usize,

    /// Bytes queued to one peer before it counts as slow and gets one difference later instead. `[SYNC-5]`
    #[arg(long = "max-outbox-bytes", env = "JABIRU_MAX_OUTBOX_BYTES", default_value_t = 1 << 20, value_parser = parse_count::<usize>)]
    pub outbox_bytes: usize,

    /// Seconds a peer may stay behind before it is closed with 1013. `[SYNC-5]`
    #[arg(long = "slow-peer-seconds", env = "JABIRU_SLOW_PEER_SECONDS", default_value = "30", value_parser = parse_seconds)]
    pub slow_peer: Duration,

    /// Seconds without any inbound frame (pongs count) before a socket is taken for dead: closed with 1013.
    #[arg(long = "socket-timeout-seconds", env = "JABIRU_SOCKET_TIMEOUT_SECONDS", default_value = "60", value_parser = parse_seconds)]
    pub socket_timeout: Duration,

    /// Seconds after which something is sent to every client. Stock providers drop a socket silent for 30 s. `[SYNC-6]`
    #[arg(long = "keepalive-seconds", env = "JABIRU_KEEPALIVE_SECONDS", default_value = "15", value_parser = parse_seconds)]
    pub keepalive: Duration,

    /// Seconds in which the head of a request must arrive, also while a connection waits for the next one; as usual elsewhere, and longer
    /// than proxies keep idle connections. Answer: it is closed.
    #[arg(long = "request-head-seconds", env = "JABIRU_REQUEST_HEAD_SECONDS", default_value = "75", value_parser = parse_seconds)]
    pub request_head: Duration,

    /// Seconds a presence state lives without renewal; y-protocols renews every 15 s and expires after 30 s. `[AW-3]`
    #[arg(long = "presence-timeout-seconds", env = "JABIRU_PRESENCE_TIMEOUT_SECONDS", default_value = "30", value_parser = parse_seconds)]
    pub presence_timeout: Duration,

    /// Seconds a room without sessions stays in memory: long enough for a reload, short enough to forget idle canvases.
    #[arg(long = "room-idle-seconds", env = "JABIRU_ROOM_IDLE_SECONDS", default_value = "30", value_parser = parse_seconds)]
    pub room_idle: Duration,

    /// Seconds shutdown may take; what is not stored by then is named in the log and the exit code is 1. `[DUR-9]`
    #[arg(long = "shutdown-seconds", env = "JABIRU_SHUTDOWN_SECONDS", default_value = "10", value_parser = parse_seconds)]
    pub shutdown: Duration,

    /// Journal entries of one canvas before they are folded into a snapshot. Opening 1,000 entries costs about 5 ms.
    #[arg(long = "compact-entries", env = "JABIRU_COMPACT_ENTRIES", default_value_t = 500, value_parser = parse_count::<u64>)]
    pub compact_entries: u64,

    /// Journal bytes of one canvas before they are folded, whatever their count.
    #[arg(long = "compact-bytes", env = "JABIRU_COMPACT_BYTES", default_value_t = 4 << 20, value_parser = parse_count::<u64>)]
    pub compact_bytes: u64,

    /// Largest data set file, bytes. Answer: 413 before it is stored.
    #[arg(long = "max-dataset-bytes", env = "JABIRU_MAX_DATASET_BYTES", default_value_t = 64 << 20, value_parser = parse_count::<u64>)]
    pub dataset_bytes: u64,

    /// Largest image, bytes: what a camera makes. Answer: 413 before it is stored.
    #[arg(long = "max-image-bytes", env = "JABIRU_MAX_IMAGE_BYTES", default_value_t = 10 << 20, value_parser = parse_count::<u64>)]
    pub image_bytes: u64,

    /// Usage events kept on disk while their store does not take them, bytes: some 800,000. Answer: later ones are dropped and counted.
    #[arg(long = "max-spool-bytes", env = "JABIRU_MAX_SPOOL_BYTES", default_value_t = 256 << 20, value_parser = parse_count::<u64>)]
    pub spool_bytes: u64,
    /// Login links one network address may exchange in a minute: hundreds of people may share one behind a proxy. Answer: 429.
    #[arg(long = "max-logins-per-minute", env = "JABIRU_MAX_LOGINS_PER_MINUTE", default_value_t = 600, value_parser = parse_count::<u64>)]
    pub logins_per_minute: u64,

    /// Data sets and images one person may upload in a minute: a script that sends a folder of pictures stays below. Answer: 429.
    #[arg(long = "max-uploads-per-minute", env = "JABIRU_MAX_UPLOADS_PER_MINUTE", default_value_t = 1200, value_parser = parse_count::<u64>)]
    pub uploads_per_minute: u64,

    /// Canvases one person may create in a minute: a script that imports an archive makes a hundred a second. Answer: 429.
    #[arg(long = "max-creates-per-minute", env = "JABIRU_MAX_CREATES_PER_MINUTE", default_value_t = 6000, value_parser = parse_count::<u64>)]
    pub creates_per_minute: u64,

    /// Exports one person may make in a minute: a script that backs up canvases one by one stays below. Answer: 429.
    #[arg(long = "max-exports-per-minute", env = "JABIRU_MAX_EXPORTS_PER_MINUTE", default_value_t = 600, value_parser = parse_count::<u64>)]
    pub exports_per_minute: u64,

    /// Sockets one person may open in a minute. As many as a node holds sessions: an app that gives all its guests one `sub` brings them
    /// all back within a minute of a restart. Answer: close 4429.
    #[arg(long = "max-joins-per-minute", env = "JABIRU_MAX_JOINS_PER_MINUTE", default_value_t = 20_000, value_parser = parse_count::<u64>)]
    pub joins_per_minute: u64,

    /// Largest JSON body of the other routes, bytes: a canvas of 1,000 rich blocks is about 1 MiB. Answer: 413.
    #[arg(long = "max-body-bytes", env = "JABIRU_MAX_BODY_BYTES", default_value_t = 4 << 20, value_parser = parse_count::<usize>)]
    pub body_bytes: usize,
}

/// Commands a room holds before its writers wait. 256 updates are about 1 ms of work, so waiting is short and memory small.
pub const ROOM_INBOX: usize = 256;

impl Default for Limits {
    /// The documented defaults: the same text that `--help` shows, parsed, so there is one source.
    fn default() -> Self {
        #[derive(Parser)]
        struct Defaults {
            #[command(flatten)]
            limits: Limits,
        }
        Defaults::parse_from(["jabiru"]).limits
    }
}

impl Config {
    /// The origin people reach this server at, without a trailing slash. `bound` is the address really listened on.
    #[must_use]
    pub fn public_origin(&self, bound: SocketAddr) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{bound}"))
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        // A microsecond: what is shorter is no time at all to a timer.
        Ok(seconds) if (1e-6..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("expected seconds, more than 0 and at most 86400".to_owned()),
    }
}

/// A limit of 0 would let nothing through, or divide by it; none is turned off that way.
fn parse_count<T: FromStr + Default + PartialEq>(text: &str) -> Result<T, String> {
    match text.parse::<T>() {
        Ok(count) if count != T::default() => Ok(count),
        _ => Err("expected a whole number, at least 1".to_owned()),
    }
}

fn parse_secret(text: &str) -> Result<String, String> {
    if text.len() >= 32 { Ok(text.to_owned()) } else { Err("expected at least 32 characters".to_owned()) }
}

fn parse_mongodb(text: &str) -> Result<String, String> {
    parse_scheme(text, &["mongodb://", "mongodb+srv://"])
}

fn parse_redis(text: &str) -> Result<String, String> {
    parse_scheme(text, &["redis://", "rediss://"])
}

fn parse_http(text: &str) -> Result<String, String> {
    parse_scheme(text, &["http://", "https://"])
}

/// What is wrong with a URL shows when it is used; but the wrong kind of URL is seen here. Never repeats it: it may hold a password.
fn parse_scheme(text: &str, schemes: &[&str]) -> Result<String, String> {
    let text = text.trim();
    if schemes.iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme)) {
        Ok(text.to_owned())
    } else {
        Err(format!("expected a URL that starts with {}", schemes.join(" or ")))
    }
}

/// `scheme://host[:port]`, lower-cased, without a path: what a browser sends in `Origin`.
fn parse_origin(text: &str) -> Result<String, String> {
    let trimmed = text.trim().trim_end_matches('/').to_ascii_lowercase();
    let host = trimmed.strip_prefix("http://").or_else(|| trimmed.strip_prefix("https://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) => Ok(trimmed),
        _ => Err("expected an origin such as https://canvas.example.org, without a path".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        config: Config,
    }

    #[test]
    fn lim_1_every_limit_refuses_nothing_and_says_so() {
        use clap::CommandFactory;
        let command = Flags::command();
        let limits = command.get_arguments().filter(|flag| flag.get_long().is_some_and(is_limit));
        let limits: Vec<_> = limits.filter_map(|flag| flag.get_long()).collect();
        assert!(limits.len() > 20, "{limits:?}");
        for long in limits {
            for bad in ["0", "-1", "1e-9", "many", ""] {
                let error = Flags::try_parse_from(["jabiru", &format!("--{long}={bad}")]).unwrap_err().to_string();
                assert!(error.contains(long) && error.contains("expected"), "{long} {bad}: {error}");
            }
            let parsed = Flags::try_parse_from(["jabiru", &format!("--{long}=7")]);
            assert!(parsed.is_ok(), "{long}: {parsed:?}");
        }
    }

    fn is_limit(long: &str) -> bool {
        ["max-", "compact-"].iter().any(|start| long.starts_with(start)) || long.ends_with("-seconds")
    }
}
