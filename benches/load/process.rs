//! What the kernel says about a process: CPU time, memory, limits. Linux only; elsewhere everything is unknown.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;

/// Clock ticks a second in `/proc/*/stat`. It has been 100 on every Linux since 2.6, whatever the kernel's own tick.
const TICKS_PER_SECOND: f64 = 100.0;
/// How much too long a time may come out that is the difference of two sums of two times in such ticks, seconds.
const COARSE_BY: f64 = 2.0 / TICKS_PER_SECOND;

/// A process at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// User and system time of all threads there ever were, seconds; each rounded down to 10 ms.
    pub(crate) cpu_seconds: f64,
    /// The system's part of it: the kernel, which for a server that relays is its network stack.
    pub(crate) system_seconds: f64,
    /// Its threads, and the nanoseconds that each has run.
    threads: Vec<(OsString, u64)>,
    /// Memory resident now, bytes.
    pub(crate) rss: u64,
    /// The most that ever was, bytes.
    pub(crate) peak_rss: u64,
}

/// Looks at process `pid`; `None` if there is none.
pub(crate) fn sample(pid: u32) -> Option<Sample> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the command in brackets, and may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
    };
    Some(Sample {
        cpu_seconds: (user + system) / TICKS_PER_SECOND,
        system_seconds: system / TICKS_PER_SECOND,
        threads: threads(pid).unwrap_or_default(),
        rss: bytes("VmRSS:")?,
        peak_rss: bytes("VmHWM:")?,
    })
}

/// The threads of `pid` and how long each has run, nanoseconds; `None` if the kernel does not count it.
fn threads(pid: u32) -> Option<Vec<(OsString, u64)>> {
    let mut threads = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let thread = thread.ok()?;
        // One may end meanwhile.
        let Ok(stat) = fs::read_to_string(thread.path().join("schedstat")) else { continue };
        threads.push((thread.file_name(), stat.split_ascii_whitespace().next()?.parse().ok()?));
    }
    Some(threads)
}

impl Sample {
    /// CPU time since `earlier`, seconds. Exact but for threads that have ended since, whose last work is only in the coarse count; a pool
    /// ends those that have had nothing to do for long.
    pub(crate) fn cpu_since(&self, earlier: &Self) -> f64 {
        let coarse = self.cpu_seconds - earlier.cpu_seconds;
        if self.threads.is_empty() {
            return coarse;
        }
        let before: HashMap<_, _> = earlier.threads.iter().map(|(thread, nanos)| (thread, *nanos)).collect();
        let since = |(thread, nanos): &(OsString, u64)| nanos.saturating_sub(before.get(thread).copied().unwrap_or(0));
        let exact = self.threads.iter().map(since).sum::<u64>() as f64 / 1e9;
        exact.max(coarse - COARSE_BY)
    }
}

/// Makes what `pid` holds now its peak, so that the next [`sample`] tells the peak since then. Only its owner may; else nothing happens.
pub(crate) fn forget_peak(pid: u32) {
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// How many files this process may have open.
pub(crate) fn open_files_limit() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}
