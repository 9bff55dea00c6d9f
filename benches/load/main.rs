//! The load generator: many y-websocket clients in one process, against any server that speaks y-protocols.
//!
//! Question: how many updates, cursors, joins and idle connections does a server carry, how late do they arrive, and what does it
//! cost the server? Unit: see [`report`]. Data set: made while it runs, by one yrs document for each writer.
//!
//! ```text
//! cargo bench --bench load -- fanout --url ws://127.0.0.1:8080/v1/sync --create --token "$TOKEN" --server-pid "$PID" --acks
//! cargo bench --bench load -- presence --url ws://127.0.0.1:1234 --rooms 1 --clients 100 --rate 30
//! cargo bench --bench load -- --help
//! ```
//!
//! # What is real and what is not
//! - Updates are real Yjs updates: each writer types into its own [`yrs::Doc`], at the end of what it wrote before, and sends what the
//!   transaction encodes. Writers do not apply each other's updates: all of them append, which merges whatever the order.
//! - Receivers keep no document. A Yjs document for each of a thousand receivers would cost more than the server under test, on the
//!   same machine, and measure itself. Instead every update carries a [`marker`] of fixed width in its text: who, which, when. A
//!   receiver scans messages for markers, so a delivery is counted by content, also when a server merges many updates into one message,
//!   and "applied" means that the message with the marker has been read to its end. What is lost is the receiver's own time to apply,
//!   which is the browser's and not the server's.
//! - Latency is from the moment an update was due to that moment, so a writer that is held back counts as late instead of sending less
//!   (no coordinated omission). Sender and receiver share this process's clock.
//! - Where a server has no acks, "taken" means that it has answered a sync step 1 that came behind the update: it has applied it.
//!   With `--acks` (Jabiru) it means durable.
//! - Sockets are the generator's own ([`wire`]): one task for each connection, one read buffer and one histogram for all. The process
//!   runs on one thread unless `--threads` says otherwise, and its own CPU time is in the report: above 0.9 of its threads the figures
//!   are about the generator.
//!
//! # Bounds
//! Only loopback addresses are accepted, unless `--allow-remote` is given for a server that is yours. Time, connections and rates have
//! upper limits ([`options`]); a run always ends.

mod connection;
mod crowd;
mod document;
mod marker;
mod measure;
mod options;
mod process;
mod report;
mod rooms;
mod scenarios;
mod voice;
mod wire;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use options::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    // A bare `cargo bench` runs every target: without a scenario there is nothing to measure, which is not a failure.
    let Some(scenario) = cli.scenario else {
        writeln!(std::io::stdout(), "load: no scenario given; see `cargo bench --bench load -- --help`")?;
        return Ok(());
    };
    cli.common.check()?;
    scenario.check()?;
    marker::prove()?;
    let mut runtime = match cli.common.threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        threads => {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            runtime.worker_threads(threads);
            runtime
        }
    };
    let runtime = runtime.enable_all().build()?;
    let report = runtime.block_on(async {
        let rooms = Arc::new(rooms::prepare(&cli.common, scenario.rooms()).await?);
        let outcome = scenarios::run(&cli.common, &scenario, &rooms).await;
        rooms.clean_up().await;
        outcome
    })?;
    let text = if cli.common.json { serde_json::to_string_pretty(&report)? } else { report.to_string() };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}
