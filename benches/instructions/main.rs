//! Question: does a change make the paths that edits, cursors and joins take longer than they were?
//!
//! Unit: instructions of one operation, as valgrind counts them. A path runs in a process of its own, once with so many repetitions and
//! once with twice as many; the difference is what the repetitions cost, without the start, the making of the data and what only the first
//! one pays. The same build counts the same to within 1.5 %, whatever else the machine does: decoding to within 0.3 %, and where documents
//! are rebuilt and threads take turns the seeds of hash tables and locks make the rest. So this can fail a build, which figures in seconds
//! cannot. What it does not see: the socket's own code, system calls, the disk, waiting, cache misses. The other benches measure those.
//!
//! Compared with `benches/instructions.json`. More than [`verdict::MARGIN`] above it fails. More than that below it is said, and the new
//! figure should go into the file, or the next change may spend what was won.
//!
//! ```text
//! make guard                    needs valgrind, which tests/services installs
//! make guard ARGS=--update      takes the figures as they are; the commit says why they changed
//! ```

mod count;
mod paths;
mod room;
mod verdict;

#[path = "../support/canvas.rs"]
mod canvas;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use verdict::{Baseline, Toolchain, Verdict};

/// Figures that were accepted.
const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.json");

/// Counts the instructions of the paths that edits take, and compares them with `benches/instructions.json`.
#[derive(Parser)]
#[command(name = "instructions", bin_name = "cargo bench --bench instructions --")]
struct Cli {
    /// Write what is counted into `benches/instructions.json`.
    #[arg(long)]
    update: bool,
    /// Run a path, to be counted from outside.
    #[arg(long, hide = true, requires = "times")]
    run: Option<String>,
    /// How often.
    #[arg(long, hide = true)]
    times: Option<u32>,
    /// Cargo passes this to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    if let (Some(name), Some(times)) = (&cli.run, cli.times) {
        let path = paths::PATHS.iter().find(|path| path.name == *name).context("there is no such path")?;
        path.repeat(times);
        return Ok(ExitCode::SUCCESS);
    }
    let toolchain = Toolchain::here()?;
    let baseline = Baseline::read(Path::new(BASELINE))?;
    let counts = count::count_all(paths::PATHS)?;
    let verdict = Verdict::new(&baseline, &toolchain, &counts);
    let mut out = std::io::stdout().lock();
    write!(out, "{verdict}")?;
    if cli.update {
        Baseline::new(toolchain, counts).write(Path::new(BASELINE))?;
        writeln!(out, "\nWritten to benches/instructions.json. Say in the commit why they changed.")?;
        return Ok(ExitCode::SUCCESS);
    }
    Ok(if verdict.passes() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
