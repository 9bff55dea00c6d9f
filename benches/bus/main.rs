//! Question: what does a second node cost? How much later is an update there, how many a second get there, and what CPU does that take?
//!
//! Unit: milliseconds from the moment an update was due until a reader has read the frame with it (*to a reader*) or the writer has its
//! ack (*saved*); updates a second that every reader had; CPU time for one update of each process, less what it takes when nobody is
//! there. Each round measures every setting once, in an order of its own, so that all of them meet the same machine; a figure is the
//! median of the rounds, with the least and the most of them. Everything is the release build, in processes of their own.
//!
//! Settings: one node alone on the embedded store; one node alone on MongoDB; two nodes on MongoDB and Redis with everybody on the first
//! one, so that the other hears updates of canvases it has not open; and with one of the readers on the other one. Between the last
//! three only the bus differs. An update goes onto the bus when the journal has it `[DUR-1]` `[BUS-1]`, so a reader on another node waits
//! for the journal too, and *from saved to there* is what the bus and the second node add to that.
//!
//! Loads: *quiet* is one writer who waits until everybody has an update before the next one. *Steady* is many canvases at a fixed rate,
//! well below what a core can do: that is where CPU is counted. *Full* lets each writer be a few updates ahead of the slowest reader:
//! as many as pass. There all processes and this one share the machine's cores, so it compares the settings and is no limit of any.
//! *The bus alone* is two of its ends in this process, without nodes, documents and a journal.
//!
//! Data: canvases of 20 narratives made through the API; one writer types 26 characters (a [`marker`]) at a time at the end of one of
//! them, two readers read. Made the same for a seed.
//!
//! ```text
//! cargo bench --bench bus
//! cargo bench --bench bus -- --rounds 1 --seconds 3
//! ```
//!
//! MongoDB (one member) and Redis are started on free loopback ports, as the tests do it (`tests/services` installs them), or
//! `TEST_MONGODB_URL` and `TEST_REDIS_URL` name some that run and have nothing else to do. Without them there is nothing to measure: the
//! bench says so and ends well. Data folders are in the build's target folder, whose disk sets how long saving takes.

mod ends;
mod nodes;
mod people;
mod table;

#[path = "../load/marker.rs"]
mod marker;
#[path = "../load/process.rs"]
#[expect(dead_code, reason = "the load generator uses the rest")]
mod process;
#[path = "../../tests/it/support/services.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "it is part of the tests, which use the rest and may panic")]
mod services;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use nodes::Nodes;
use people::Pace;
use table::{Round, SETTINGS};

/// Updates of a quiet run.
const QUIET: usize = 200;
/// How far ahead of its slowest reader a writer may be in a full run: all of them together stay below what the bus keeps for a reader.
const AHEAD: usize = 64;
/// Canvases of a full run.
const FULL_CANVASES: usize = 50;
/// How long the processes are watched doing nothing.
const IDLE: Duration = Duration::from_secs(5);

/// Measures what a second node costs.
#[derive(Parser)]
#[command(name = "bus", bin_name = "cargo bench --bench bus --")]
struct Cli {
    /// How often everything is measured.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// Seconds of each steady run; a full one takes half of them.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Canvases of a steady run.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=200))]
    canvases: u16,
    /// Updates a second on each of them.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=200))]
    rate: u16,
    /// Of the order of settings and of the pauses.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Cargo passes this to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "bus: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<()> {
    let missing = nodes::missing();
    if !missing.is_empty() {
        writeln!(std::io::stdout(), "bus: nothing is measured without {}; run tests/services", missing.join(" and "))?;
        return Ok(());
    }
    marker::prove()?;
    // A journal on a file system in memory would measure nothing.
    let _ = tempfile::env::override_temp_dir(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let text = runtime.block_on(measure(cli))?;
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}

async fn measure(cli: &Cli) -> anyhow::Result<String> {
    let redis_url = services::shared_redis().await;
    let mut ends = Vec::new();
    for _ in 0..cli.rounds {
        ends.push(ends::measure(&redis_url).await?);
    }
    let nodes = Nodes::start(&redis_url).await?;
    let began = nodes.cpu().await?;
    tokio::time::sleep(IDLE).await;
    let idle = (nodes.cpu().await? - began).times(1.0 / IDLE.as_secs_f64());
    let steady = Pace::Steady { per_second: cli.rate, measured: Duration::from_secs(cli.seconds) };
    let full = Pace::Full { ahead: AHEAD, measured: Duration::from_secs(cli.seconds) / 2 };
    let mut random = StdRng::seed_from_u64(cli.seed);
    let mut rounds = Vec::new();
    for number in 1..=cli.rounds {
        let mut order: Vec<_> = (0..SETTINGS.len()).collect();
        order.shuffle(&mut random);
        for index in order {
            let setting = &SETTINGS[index];
            say(&format!("round {number} of {}: {}", cli.rounds, setting.name));
            let quiet = Pace::Quiet { updates: QUIET, pauses: random.random() };
            let quiet = nodes.run(setting, 1, quiet).await?;
            let steady = nodes.run(setting, cli.canvases.into(), steady).await?;
            let full = nodes.run(setting, FULL_CANVASES, full).await?;
            rounds.push(Round::of(index, &quiet, &steady, &full, &idle));
        }
    }
    nodes.stop().await;
    let Cli { rounds: count, seconds, canvases, rate, seed, .. } = cli;
    let what = format!("rounds {count}, seed {seed}; steady: {canvases} canvases at {rate}/s for {seconds} s");
    Ok(format!("{what}\n\n{}", table::show(&rounds, &ends, &idle)))
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "bus: {text}");
}
