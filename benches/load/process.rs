//! What the kernel says about a process: CPU time, memory, limits. Linux only; elsewhere everything is unknown.

use std::fs;

/// Clock ticks a second in `/proc/*/stat`. It has been 100 on every Linux since 2.6, whatever the kernel's own tick.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// User and system time of all its threads so far, seconds: exact while none of them has ended, afterwards in steps of 10 ms.
    pub(crate) cpu_seconds: f64,
    /// The system's part of it: the kernel, which for a server that relays is its network stack.
    pub(crate) system_seconds: f64,
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
        // Both are at most what it really was.
        cpu_seconds: of_threads(pid).unwrap_or_default().max((user + system) / TICKS_PER_SECOND),
        system_seconds: system / TICKS_PER_SECOND,
        rss: bytes("VmRSS:")?,
        peak_rss: bytes("VmHWM:")?,
    })
}

/// Time that the threads `pid` has now have run, seconds, to the nanosecond; `None` if the kernel does not count it.
fn of_threads(pid: u32) -> Option<f64> {
    let mut nanos = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        // One may end meanwhile.
        let Ok(stat) = fs::read_to_string(thread.ok()?.path().join("schedstat")) else { continue };
        nanos += stat.split_ascii_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(nanos as f64 / 1e9)
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
