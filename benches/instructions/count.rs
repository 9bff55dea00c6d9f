//! Runs this program under valgrind and reads what it counted.

use std::hint::black_box;
use std::num::NonZero;
use std::path::Path as File;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread::{available_parallelism, scope};

use anyhow::{Context, anyhow, ensure};

use crate::paths::{Counted, Path};

/// Only counts: what its model of caches says is no machine's.
const VALGRIND: [&str; 2] = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];

/// Counts what [`alone`] calls, and nothing of other threads.
const ALONE: &str = "--toggle-collect=*count::alone*";

/// What is counted of a path that is [`Counted::Alone`].
#[inline(never)]
pub(crate) fn alone(work: impl FnOnce()) {
    work();
    // So that the call before is not the last thing here, which would be a jump.
    black_box(());
}

/// Instructions of one operation of each path, in the order of `paths`; as many at once as there are cores, since counts do not mind.
pub(crate) fn count_all(paths: &[Path]) -> anyhow::Result<Vec<(&'static str, u64)>> {
    let program = std::env::current_exe().context("where this program is")?;
    let waiting = Mutex::new(paths.iter());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let counted = Mutex::new(Vec::new());
    scope(|scope| {
        for _ in 0..available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(|| {
                while let Some(path) = next() {
                    let count = one(&program, path).with_context(|| path.name);
                    counted.lock().unwrap_or_else(PoisonError::into_inner).push((path.name, count));
                }
            });
        }
    });
    let mut counted = counted.into_inner().unwrap_or_else(PoisonError::into_inner);
    counted.sort_by_key(|(name, _)| paths.iter().position(|path| path.name == *name));
    counted.into_iter().map(|(name, count)| Ok((name, count?))).collect()
}

fn one(program: &File, path: &Path) -> anyhow::Result<u64> {
    let once = run(program, path, path.times)?;
    let twice = run(program, path, 2 * path.times)?;
    ensure!(twice > once, "twice the repetitions took fewer instructions: {once}, {twice}");
    Ok((twice - once) / u64::from(path.times))
}

/// Instructions of the whole process.
fn run(program: &File, path: &Path, times: u32) -> anyhow::Result<u64> {
    let ran = Command::new("valgrind")
        .args(VALGRIND)
        .args(path.counted.eq(&Counted::Alone).then_some(ALONE))
        .arg(program)
        .args(["--run", path.name, "--times", &times.to_string()])
        // Somebody's JABIRU_MAX_… are not what is measured.
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .output();
    let ran = ran.context("valgrind cannot be run; tests/services installs it, or: apt-get install valgrind")?;
    let said = String::from_utf8_lossy(&ran.stderr);
    ensure!(ran.status.success(), "it failed under valgrind: {}\n{said}", ran.status);
    let total = said.lines().find_map(total).ok_or_else(|| anyhow!("valgrind gave no total:\n{said}"))?;
    Ok(total)
}

/// Of a line such as `==4711== I   refs:      2,345,678`.
fn total(line: &str) -> Option<u64> {
    let (label, number) = line.split_once("refs:")?;
    label.trim_end().ends_with("== I").then_some(())?;
    number.trim().replace(',', "").parse().ok()
}
