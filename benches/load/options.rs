//! The command line, and the bounds of a run.

use std::path::PathBuf;

use anyhow::{bail, ensure};
use clap::{Args, Parser, Subcommand};

/// Most connections of a run: what one machine has ports for, with room to spare.
const MOST_CONNECTIONS: usize = 20_000;
/// Most messages a second of all senders together; beyond it one generating process measures itself.
const MOST_SENDS_PER_SECOND: f64 = 200_000.0;
/// Connections opening at the same time: enough to be quick, few enough that a listen queue never drops one.
const OPENING: usize = 64;
/// Longest run.
const MOST_SECONDS: f64 = 3600.0;
/// Most updates written into each room before a storm of joins.
const MOST_PRELOADED: u32 = 100_000;

/// Loads a y-websocket server and reports what it delivered, how late, and at what cost.
#[derive(Parser)]
#[command(name = "load", bin_name = "cargo bench --bench load --")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) scenario: Option<Scenario>,
    #[command(flatten)]
    pub(crate) common: Common,
    /// Cargo passes this to every bench.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

/// What every scenario takes.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Args)]
pub(crate) struct Common {
    /// Server, as a y-websocket provider takes it: the room is appended as a path segment, or put where `{room}` stands.
    #[arg(long, global = true, default_value = "ws://127.0.0.1:8080/v1/sync")]
    pub(crate) url: String,
    /// How many rooms, or their names separated by commas.
    #[arg(long, global = true, default_value = "10")]
    pub(crate) rooms: String,
    /// Room names from a file, one a line, instead of `--rooms`.
    #[arg(long, global = true)]
    pub(crate) rooms_file: Option<PathBuf>,
    /// Jabiru: make the rooms as canvases first, and delete them afterwards. Needs a token that may.
    #[arg(long, global = true)]
    pub(crate) create: bool,
    /// With `--create`: leave the canvases and write their ids to this file, for `--rooms-file`.
    #[arg(long, global = true)]
    pub(crate) keep: Option<PathBuf>,
    /// Where `--create` finds the HTTP API. Default: the host of `--url`.
    #[arg(long, global = true)]
    pub(crate) api: Option<String>,
    /// Sent as `?token=` on sockets and as a bearer token to the API.
    #[arg(long, global = true, env = "JABIRU_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// More query parameters of the socket, `name=value`; repeatable.
    #[arg(long, global = true)]
    pub(crate) param: Vec<String>,
    /// Jabiru: ask for acks, and report the time from an update to "it is durable".
    #[arg(long, global = true)]
    pub(crate) acks: bool,
    /// Seconds measured.
    #[arg(long, global = true, default_value_t = 10.0)]
    pub(crate) seconds: f64,
    /// Seconds of the same load before measuring starts.
    #[arg(long, global = true, default_value_t = 2.0)]
    pub(crate) warmup: f64,
    /// How many connections may be opening at the same time. Default: 64; for `joins` all.
    #[arg(long, global = true)]
    pub(crate) opening: Option<usize>,
    /// Process id of the server on this machine: report its CPU time and memory.
    #[arg(long, global = true)]
    pub(crate) server_pid: Option<u32>,
    /// Threads of this generator.
    #[arg(long, global = true, default_value_t = 1)]
    pub(crate) threads: usize,
    /// Report as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Accept addresses that are not loopback. Only for a server that is yours to load.
    #[arg(long, global = true)]
    pub(crate) allow_remote: bool,
}

/// What the clients do.
#[derive(Subcommand)]
pub(crate) enum Scenario {
    /// Writers type at a rate; everyone in the room receives it.
    Updates {
        /// Clients in each room.
        #[arg(long, default_value_t = 50)]
        clients: usize,
        /// How many of them write.
        #[arg(long, default_value_t = 5)]
        writers: usize,
        /// Updates a second of each writer.
        #[arg(long, default_value_t = 10.0)]
        rate: f64,
    },
    /// Clients move their cursors at a rate (awareness).
    Cursors {
        /// Clients in each room.
        #[arg(long, default_value_t = 100)]
        clients: usize,
        /// How many of them move. Default: all.
        #[arg(long)]
        movers: Option<usize>,
        /// Moves a second of each.
        #[arg(long, default_value_t = 30.0)]
        rate: f64,
    },
    /// Everyone connects at once and waits for the document.
    Joins {
        /// Clients in each room.
        #[arg(long, default_value_t = 100)]
        clients: usize,
        /// Updates written into each room before the storm, which then meets open rooms.
        #[arg(long, default_value_t = 0)]
        preload: u32,
    },
    /// Connections are held and do nothing.
    Idle {
        /// Clients in each room.
        #[arg(long, default_value_t = 10)]
        clients: usize,
        /// Each client has a presence state and renews it every 15 s, as stock clients do.
        #[arg(long)]
        presence: bool,
    },
}

/// What one client of a room does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    Silent,
    Updates,
    Cursors,
    Renewals,
}

/// A checked scenario.
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    /// Clients of each room.
    pub(crate) clients: usize,
    /// How many of each room's clients are active; the rest listen.
    pub(crate) active: usize,
    pub(crate) activity: Activity,
    /// Messages a second of each active client.
    pub(crate) rate: f64,
    /// How many connections may be opening at the same time.
    pub(crate) opening: usize,
    pub(crate) preload: u32,
}

impl Scenario {
    pub(crate) fn plan(&self, common: &Common) -> anyhow::Result<Plan> {
        let opening = common.opening.unwrap_or(OPENING);
        let plan = match *self {
            Self::Updates { clients, writers, rate } => {
                let activity = Activity::Updates;
                Plan { name: "updates", clients, active: writers, activity, rate, opening, preload: 0 }
            }
            Self::Cursors { clients, movers, rate } => {
                let active = movers.unwrap_or(clients);
                let activity = Activity::Cursors;
                Plan { name: "cursors", clients, active, activity, rate, opening, preload: 0 }
            }
            Self::Joins { clients, preload } => {
                let opening = common.opening.unwrap_or(MOST_CONNECTIONS);
                let activity = Activity::Silent;
                Plan { name: "joins", clients, active: 0, activity, rate: 0.0, opening, preload }
            }
            Self::Idle { clients, presence } => {
                let activity = if presence { Activity::Renewals } else { Activity::Silent };
                let active = if presence { clients } else { 0 };
                Plan { name: "idle", clients, active, activity, rate: 1.0 / 15.0, opening, preload: 0 }
            }
        };
        plan.check(common)?;
        Ok(plan)
    }
}

impl Plan {
    fn check(&self, common: &Common) -> anyhow::Result<()> {
        let most = MOST_SECONDS;
        ensure!(common.seconds > 0.0 && common.seconds <= most, "--seconds: more than 0 and at most {most}");
        ensure!((0.0..=most).contains(&common.warmup), "--warmup: at most {most}");
        ensure!(common.threads >= 1 && common.threads <= 64, "--threads: 1 to 64");
        ensure!((1..=MOST_CONNECTIONS).contains(&self.opening), "--opening: 1 to {MOST_CONNECTIONS}");
        ensure!(self.clients >= 1, "--clients: at least 1");
        ensure!(self.active <= self.clients, "more active clients than clients in a room");
        ensure!(self.preload <= MOST_PRELOADED, "--preload: at most {MOST_PRELOADED}");
        if self.active > 0 {
            ensure!(self.rate > 0.0 && self.rate <= 10_000.0, "--rate: more than 0 and at most 10000 a second");
        }
        Ok(())
    }

    /// The part of the check that needs the number of rooms.
    pub(crate) fn check_rooms(&self, rooms: usize) -> anyhow::Result<()> {
        let connections = rooms * self.clients;
        ensure!(connections > 0, "no rooms");
        ensure!(connections <= MOST_CONNECTIONS, "{connections} connections; at most {MOST_CONNECTIONS} in one run");
        let sends = (rooms * self.active) as f64 * self.rate;
        ensure!(sends <= MOST_SENDS_PER_SECOND, "{sends} messages a second; at most {MOST_SENDS_PER_SECOND}");
        if let Some(files) = crate::process::open_files_limit()
            && connections + 64 > files
        {
            bail!("{connections} connections need more open files than the {files} allowed; raise it with `ulimit -n`");
        }
        Ok(())
    }
}
