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
/// Most updates written into each room before a storm.
const MOST_PRELOADED: u32 = 100_000;
/// Largest document written, bytes of text.
const MOST_TEXT: u64 = 1 << 30;
/// Most text in one message beside its marker, bytes.
const MOST_PADDING: usize = 1 << 16;
/// Most updates of one writer that wait for their ack.
const MOST_WINDOW: u64 = 1 << 16;

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
    /// Server, as a y-websocket provider takes it: the room is appended as a path segment, or put wherever `{room}` stands.
    #[arg(long, global = true, default_value = "ws://127.0.0.1:8080/v1/sync")]
    pub(crate) url: String,
    /// How many rooms, or their names separated by commas. Each scenario has its own default.
    #[arg(long, global = true)]
    pub(crate) rooms: Option<String>,
    /// Room names from a file, one a line, instead of `--rooms`.
    #[arg(long, global = true)]
    pub(crate) rooms_file: Option<PathBuf>,
    /// Jabiru: make the rooms as canvases first, and delete them afterwards. Needs a token that may.
    #[arg(long, global = true)]
    pub(crate) create: bool,
    /// Write the rooms' names to this file, for `--rooms-file`; with `--create` they are not deleted.
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
    /// Seconds measured; of `saturate`, seconds of each step.
    #[arg(long, global = true, default_value_t = 10.0)]
    pub(crate) seconds: f64,
    /// Seconds of the same load before measuring starts.
    #[arg(long, global = true, default_value_t = 2.0)]
    pub(crate) warmup: f64,
    /// How many connections may be opening at the same time. Default: 64; for `storm` and `big-join` all.
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
    Fanout {
        /// Clients in each room.
        #[arg(long, default_value_t = 50)]
        clients: usize,
        /// How many of them write.
        #[arg(long, default_value_t = 5)]
        writers: usize,
        /// Updates a second of each writer.
        #[arg(long, default_value_t = 10.0)]
        rate: f64,
        /// Bytes of text in each update beside its marker.
        #[arg(long, default_value_t = 0)]
        padding: usize,
    },
    /// Clients move their cursors at a rate (awareness).
    Presence {
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
    /// As `fanout`, faster and faster until the latency's p99 passes a limit; then closer to that point.
    Saturate {
        /// Clients in each room.
        #[arg(long, default_value_t = 50)]
        clients: usize,
        /// How many of them write.
        #[arg(long, default_value_t = 5)]
        writers: usize,
        /// Updates a second of each writer in the first step; every step doubles it until one fails.
        #[arg(long, default_value_t = 4.0)]
        from_rate: f64,
        /// A step holds while the latency's p99 is below this, milliseconds.
        #[arg(long, default_value_t = 100.0)]
        limit_ms: f64,
        /// Steps between the last rate that held and the first that did not, each halving the distance.
        #[arg(long, default_value_t = 3)]
        refine: u32,
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
    /// Everyone loses the connection at once and comes back at once, with the state vector the server had told.
    Storm {
        /// Clients in each room.
        #[arg(long, default_value_t = 100)]
        clients: usize,
        /// Updates written into each room beforehand.
        #[arg(long, default_value_t = 200)]
        preload: u32,
        /// They come back without a state vector, as new clients do, and get the whole document.
        #[arg(long)]
        fresh: bool,
    },
    /// A large document is written, everybody leaves, and one client opens it again; each room is one such opening.
    ColdOpen {
        #[command(flatten)]
        document: DocumentArgs,
        /// Seconds from the last one leaving to the opening: long enough for the server to unload the room.
        #[arg(long, default_value_t = 35.0)]
        unload_seconds: f64,
        /// The rooms are written already, by `fill --keep`: only open them.
        #[arg(long)]
        filled: bool,
        /// Bytes that must have come until a document counts as open: some servers answer first and load later. Default: half of what was
        /// written; with `--filled`, the answer is enough.
        #[arg(long)]
        expect_bytes: Option<u64>,
    },
    /// Many clients open one large document at once, while the one who wrote it is there.
    BigJoin {
        /// Clients that open it, besides the writer.
        #[arg(long, default_value_t = 150)]
        clients: usize,
        #[command(flatten)]
        document: BigDocumentArgs,
    },
    /// A document is written into each room by one writer; updates a second the server took.
    Fill {
        #[command(flatten)]
        document: DocumentArgs,
    },
    /// As `fanout`, while some clients stop reading: what the others feel, and what the server keeps for the slow.
    Slow {
        /// Clients in each room.
        #[arg(long, default_value_t = 50)]
        clients: usize,
        /// How many of them write.
        #[arg(long, default_value_t = 5)]
        writers: usize,
        /// Updates a second of each writer.
        #[arg(long, default_value_t = 50.0)]
        rate: f64,
        /// Bytes of text in each update beside its marker: what fills the buffers between.
        #[arg(long, default_value_t = 2000)]
        padding: usize,
        /// How many of a hundred clients stop reading.
        #[arg(long, default_value_t = 20)]
        percent: usize,
    },
    /// Writers send as fast as they are acknowledged: updates a second taken, with `--acks` durable ones.
    Intake {
        /// Writers in each room; they receive each other's updates.
        #[arg(long, default_value_t = 1)]
        writers: usize,
        /// Updates of one writer that may wait for their acknowledgement.
        #[arg(long, default_value_t = 64)]
        window: u64,
    },
}

/// A document of many edits, and how it is cut into updates.
#[derive(Args, Clone)]
pub(crate) struct DocumentArgs {
    /// Edits: seven of eight insert text, one moves a block.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) ops: u32,
    /// Blocks they are spread over.
    #[arg(long, default_value_t = 500)]
    pub(crate) blocks: u32,
    /// Updates they are sent in.
    #[arg(long, default_value_t = 1_500)]
    pub(crate) updates: u32,
    /// Characters of each insertion.
    #[arg(long, default_value_t = 1)]
    pub(crate) chars: u32,
}

/// The same with the default of a large one: 20 MB.
#[derive(Args, Clone)]
pub(crate) struct BigDocumentArgs {
    /// Edits: seven of eight insert text, one moves a block.
    #[arg(long, default_value_t = 100_000)]
    ops: u32,
    /// Blocks they are spread over.
    #[arg(long, default_value_t = 500)]
    blocks: u32,
    /// Updates they are sent in.
    #[arg(long, default_value_t = 150)]
    updates: u32,
    /// Characters of each insertion.
    #[arg(long, default_value_t = 225)]
    chars: u32,
}

impl From<BigDocumentArgs> for DocumentArgs {
    fn from(BigDocumentArgs { ops, blocks, updates, chars }: BigDocumentArgs) -> Self {
        Self { ops, blocks, updates, chars }
    }
}

/// What one client of a room does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    Silent,
    /// Writes at the plan's rate.
    Updates,
    /// Writes as fast as it is acknowledged.
    Intake,
    Cursors,
    Renewals,
    /// Stops reading when the others start to speak.
    Deaf,
}

/// Who is in each room, and what they do.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    /// Clients of each room.
    pub(crate) clients: usize,
    /// How many of each room's clients are active; the rest listen.
    pub(crate) active: usize,
    /// How many of those that are not active stop reading.
    pub(crate) deaf: usize,
    pub(crate) activity: Activity,
    /// Messages a second of each active client.
    pub(crate) rate: f64,
    /// Bytes of text in each update beside its marker.
    pub(crate) padding: usize,
    /// Updates of one writer that may wait for their acknowledgement.
    pub(crate) window: u64,
    /// How many connections may be opening at the same time.
    pub(crate) opening: usize,
    /// Bytes of document that a client must have been sent to count as synced: some servers answer before they have loaded it.
    pub(crate) document: u64,
}

impl Plan {
    /// Clients that only listen.
    pub(crate) fn silent(name: &'static str, clients: usize, common: &Common) -> Self {
        let opening = common.opening.unwrap_or(OPENING);
        let activity = Activity::Silent;
        Self { name, clients, active: 0, deaf: 0, activity, rate: 0.0, padding: 0, window: 0, opening, document: 0 }
    }

    /// Clients of which some write or move at a rate.
    pub(crate) fn speaking(
        name: &'static str,
        (clients, active): (usize, usize),
        (activity, rate): (Activity, f64),
        common: &Common,
    ) -> Self {
        Self { active, activity, rate, ..Self::silent(name, clients, common) }
    }

    /// The same, with everybody at the door at once unless `--opening` says otherwise.
    pub(crate) fn at_once(self, common: &Common) -> Self {
        Self { opening: common.opening.unwrap_or(MOST_CONNECTIONS), ..self }
    }

    /// The same at another rate.
    pub(crate) fn at(&self, rate: f64) -> Self {
        Self { rate, ..self.clone() }
    }

    /// Refuses what is out of bounds.
    pub(crate) fn check(&self, rooms: usize) -> anyhow::Result<()> {
        ensure!((1..=MOST_CONNECTIONS).contains(&self.opening), "--opening: 1 to {MOST_CONNECTIONS}");
        ensure!(self.clients >= 1, "--clients: at least 1");
        ensure!(self.active + self.deaf <= self.clients, "more active and slow clients than clients in a room");
        ensure!(self.padding <= MOST_PADDING, "--padding: at most {MOST_PADDING} bytes");
        ensure!(self.window <= MOST_WINDOW, "--window: at most {MOST_WINDOW}");
        if matches!(self.activity, Activity::Updates | Activity::Cursors) {
            ensure!(self.rate > 0.0 && self.rate <= 10_000.0, "--rate: more than 0 and at most 10000 a second");
        }
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

impl Common {
    /// Refuses what is out of bounds.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let most = MOST_SECONDS;
        ensure!(self.seconds > 0.0 && self.seconds <= most, "--seconds: more than 0 and at most {most}");
        ensure!((0.0..=most).contains(&self.warmup), "--warmup: at most {most}");
        ensure!(self.threads >= 1 && self.threads <= 64, "--threads: 1 to 64");
        Ok(())
    }
}

impl DocumentArgs {
    /// Refuses what is out of bounds.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let Self { ops, blocks, updates, chars } = *self;
        ensure!(
            ops >= 1 && blocks >= 1 && updates >= 1 && chars >= 1,
            "--ops, --blocks, --updates, --chars: at least 1"
        );
        ensure!(
            u64::from(ops) * u64::from(chars) <= MOST_TEXT,
            "--ops times --chars: at most {MOST_TEXT} bytes of text"
        );
        ensure!(updates <= ops, "--updates: at most as many as --ops");
        Ok(())
    }
}

impl Scenario {
    /// How many rooms there are if nobody says.
    pub(crate) fn rooms(&self) -> usize {
        match self {
            Self::Presence { .. } | Self::BigJoin { .. } | Self::Fill { .. } => 1,
            Self::Fanout { .. } | Self::Storm { .. } => 10,
            Self::Saturate { .. } => 20,
            Self::Idle { .. } => 500,
            Self::ColdOpen { .. } => 3,
            Self::Slow { .. } => 2,
            Self::Intake { .. } => 200,
        }
    }

    /// Refuses what is out of bounds and not seen elsewhere.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        match self {
            Self::Storm { preload, .. } => ensure!(*preload <= MOST_PRELOADED, "--preload: at most {MOST_PRELOADED}"),
            Self::ColdOpen { document, unload_seconds, .. } => {
                document.check()?;
                let most = MOST_SECONDS;
                ensure!((0.0..=most).contains(unload_seconds), "--unload-seconds: at most {most}");
            }
            Self::BigJoin { document, .. } => DocumentArgs::from(document.clone()).check()?,
            Self::Fill { document } => document.check()?,
            Self::Slow { percent, .. } => ensure!(*percent <= 90, "--percent: at most 90"),
            Self::Intake { window, .. } => ensure!(*window >= 2, "--window: at least 2"),
            Self::Saturate { limit_ms, refine, .. } => {
                ensure!(*limit_ms > 0.0, "--limit-ms: more than 0");
                ensure!(*refine <= 10, "--refine: at most 10");
            }
            Self::Fanout { .. } | Self::Presence { .. } | Self::Idle { .. } => {}
        }
        Ok(())
    }
}
