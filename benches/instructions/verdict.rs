//! What was accepted, what is, and what follows from the two.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

/// By how much a path may differ from its figure: three times what two counts of one build were seen to differ.
pub(crate) const MARGIN: f64 = 0.05;

/// The same where the baseline is of another compiler, target or C library: each of them changes counts by itself, the compiler by a
/// tenth and more. What doubles a path is still seen.
const MARGIN_ELSEWHERE: f64 = 0.30;

/// What counts depend on beside the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Toolchain {
    /// Major and minor version.
    rustc: String,
    /// E.g. `x86_64-unknown-linux-gnu`.
    target: String,
    /// Name and version; its `malloc` and `memcpy` are in every path.
    libc: String,
}

/// The committed file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Baseline {
    made_with: Toolchain,
    /// Of one operation.
    instructions: BTreeMap<String, u64>,
}

impl Toolchain {
    /// Of this machine, as the commands `rustc` and `getconf` say it.
    pub(crate) fn here() -> anyhow::Result<Self> {
        let rustc = said(Command::new("rustc").arg("-vV"))?;
        let field = |name: &str| rustc.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let release = field("release:").context("rustc -vV names no release")?;
        let version: Vec<_> = release.split('.').take(2).collect();
        let libc = said(Command::new("getconf").arg("GNU_LIBC_VERSION")).unwrap_or_else(|_| "unknown".to_owned());
        Ok(Self {
            rustc: version.join("."),
            target: field("host:").context("rustc -vV names no host")?.to_owned(),
            libc: libc.trim().to_owned(),
        })
    }
}

fn said(command: &mut Command) -> anyhow::Result<String> {
    let ran = command.output().with_context(|| format!("{command:?} cannot be run"))?;
    ensure!(ran.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&ran.stderr));
    Ok(String::from_utf8(ran.stdout)?)
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rustc {} on {} with {}", self.rustc, self.target, self.libc)
    }
}

impl Baseline {
    pub(crate) fn new(made_with: Toolchain, counts: Vec<(&'static str, u64)>) -> Self {
        Self { made_with, instructions: counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect() }
    }

    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        serde_json::from_str(&text).with_context(|| format!("{} is not a baseline", file.display()))
    }

    pub(crate) fn write(&self, file: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(file, text).with_context(|| file.display().to_string())
    }
}

/// What became of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Same,
    Slower,
    Faster,
    /// It has no figure yet.
    New,
    /// Its figure is left of a path that is no more.
    Gone,
}

/// Every path beside its figure. Shows itself as a table, and what is to be done.
pub(crate) struct Verdict<'a> {
    /// Name, what it was, what it is.
    rows: Vec<(&'a str, Option<u64>, Option<u64>)>,
    margin: f64,
    elsewhere: Option<(&'a Toolchain, &'a Toolchain)>,
}

impl<'a> Verdict<'a> {
    pub(crate) fn new(baseline: &'a Baseline, here: &'a Toolchain, counts: &'a [(&'static str, u64)]) -> Self {
        let was = |name: &str| baseline.instructions.get(name).copied();
        let mut rows: Vec<_> = counts.iter().map(|(name, count)| (*name, was(name), Some(*count))).collect();
        let gone = baseline.instructions.iter().filter(|(name, _)| !counts.iter().any(|(known, _)| known == name));
        rows.extend(gone.map(|(name, was)| (name.as_str(), Some(*was), None)));
        let elsewhere = (baseline.made_with != *here).then_some((&baseline.made_with, here));
        Self { rows, margin: if elsewhere.is_some() { MARGIN_ELSEWHERE } else { MARGIN }, elsewhere }
    }

    /// Whether nothing is slower, and every path has a figure and every figure a path.
    pub(crate) fn passes(&self) -> bool {
        ![Outcome::Slower, Outcome::New, Outcome::Gone].into_iter().any(|bad| self.has(bad))
    }

    fn has(&self, outcome: Outcome) -> bool {
        self.rows.iter().any(|(_, was, is)| self.outcome(*was, *is) == outcome)
    }

    fn outcome(&self, was: Option<u64>, is: Option<u64>) -> Outcome {
        match (was, is) {
            (None, _) => Outcome::New,
            (_, None) => Outcome::Gone,
            (Some(was), Some(is)) => match is as f64 / was as f64 - 1.0 {
                more if more > self.margin => Outcome::Slower,
                more if more < -self.margin => Outcome::Faster,
                _ => Outcome::Same,
            },
        }
    }
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "instructions of one operation\n")?;
        writeln!(f, "{:<24}{:>14}{:>14}{:>10}", "path", "was", "is", "change")?;
        for (name, was, is) in &self.rows {
            let number = |count: &Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
            let change = was.zip(*is).map_or(0.0, |(was, is)| (is as f64 / was as f64 - 1.0) * 100.0);
            let word = match self.outcome(*was, *is) {
                Outcome::Same => "",
                Outcome::Slower => "  SLOWER",
                Outcome::Faster => "  faster",
                Outcome::New => "  no figure yet",
                Outcome::Gone => "  no such path",
            };
            writeln!(f, "{name:<24}{:>14}{:>14}{change:>+8.1} %{word}", number(was), number(is))?;
        }
        let percent = self.margin * 100.0;
        if let Some((made_with, here)) = self.elsewhere {
            writeln!(
                f,
                "\nThe figures were made with {made_with}; this is {here}. That alone changes counts, so {percent:.0} % are let \
                 through instead of {:.0}. Make them anew once everybody builds with it: make guard ARGS=--update",
                MARGIN * 100.0
            )?;
        }
        if self.has(Outcome::Slower) {
            writeln!(
                f,
                "\nA path takes over {percent:.0} % more instructions than in benches/instructions.json. If that was not meant, find it: \
                 valgrind --tool=callgrind target/debug/deps/instructions-… --run PATH --times 1000, then callgrind_annotate. If it is \
                 the price of something: make guard ARGS=--update, and the commit says of what."
            )?;
        }
        if self.has(Outcome::Faster) {
            writeln!(
                f,
                "\nA path got faster. Keep it, or the next change may spend it unseen: make guard ARGS=--update"
            )?;
        }
        if self.has(Outcome::New) || self.has(Outcome::Gone) {
            writeln!(f, "\nbenches/instructions.json does not name the same paths: make guard ARGS=--update")?;
        }
        Ok(())
    }
}
