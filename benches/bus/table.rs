//! The settings, and the table for people.

use std::fmt::Write;

use crate::ends::Ends;
use crate::nodes::{ALONE, Cpu, EMBEDDED, FIRST, MONGOD, REDIS, SECOND, SELF};
use crate::people::{READERS, Run, Way};

/// Width of the labels and of a column.
const LABEL: usize = 40;
const COLUMN: usize = 22;

/// Who is where.
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    heading: [&'static str; 2],
    /// The nodes that take part; the writer's first.
    pub(crate) nodes: &'static [usize],
    pub(crate) writer: usize,
    pub(crate) readers: [usize; READERS],
}

pub(crate) const SETTINGS: [Setting; 4] = [
    Setting {
        name: "one node on the embedded store",
        heading: ["one node,", "embedded store"],
        nodes: &[EMBEDDED],
        writer: EMBEDDED,
        readers: [EMBEDDED; READERS],
    },
    Setting {
        name: "one node on MongoDB",
        heading: ["one node,", "MongoDB"],
        nodes: &[ALONE],
        writer: ALONE,
        readers: [ALONE; READERS],
    },
    Setting {
        name: "two nodes, everybody on one",
        heading: ["two nodes,", "everybody on one"],
        nodes: &[FIRST, SECOND],
        writer: FIRST,
        readers: [FIRST; READERS],
    },
    Setting {
        name: "two nodes, a reader on each",
        heading: ["two nodes,", "a reader on each"],
        nodes: &[FIRST, SECOND],
        writer: FIRST,
        readers: [FIRST, SECOND],
    },
];

/// One round of one setting.
pub(crate) struct Round {
    setting: usize,
    quiet: Times,
    steady: Times,
    /// CPU microseconds for an update.
    cpu: Cpu,
    /// Bytes for an update.
    stored: f64,
    per_second: f64,
    /// Updates in an entry of the bus.
    merged: f64,
    missed: f64,
    cores: Cpu,
}

/// Milliseconds: median and 99th percentile.
struct Times {
    near: [f64; 2],
    saved: [f64; 2],
    far: Option<[f64; 2]>,
    beyond: Option<[f64; 2]>,
}

impl Round {
    pub(crate) fn of(index: usize, quiet: &Run, steady: &Run, full: &Run, idle: &Cpu) -> Self {
        let setting = &SETTINGS[index];
        Self {
            setting: index,
            quiet: Times::of(setting, quiet),
            steady: Times::of(setting, steady),
            cpu: (steady.cpu - idle.times(steady.seconds)).times(1e6 / steady.ways.len() as f64),
            stored: steady.stored / steady.sent as f64,
            per_second: full.passed as f64 / full.seconds,
            merged: full.sent as f64 / full.entries,
            missed: quiet.missed + steady.missed + full.missed,
            cores: full.cpu.times(1.0 / full.seconds),
        }
    }

    fn setting(&self) -> &'static Setting {
        &SETTINGS[self.setting]
    }

    fn is_joined(&self) -> bool {
        self.setting().nodes.len() > 1
    }

    /// The nodes' and services' part of `cpu`: `None` for one that has no part in this setting.
    fn part(&self, cpu: &Cpu, who: Who) -> Option<f64> {
        let setting = self.setting();
        let services =
            (setting.writer != EMBEDDED).then_some(MONGOD).into_iter().chain(self.is_joined().then_some(REDIS));
        let mut all = setting.nodes.iter().copied().chain(services);
        match who {
            Who::Writer => all.next(),
            Who::Other => all.find(|place| *place == SECOND),
            Who::Redis => all.find(|place| *place == REDIS),
            Who::Mongod => all.find(|place| *place == MONGOD),
            Who::Bench => Some(SELF),
            Who::All => return Some(all.map(|place| cpu.0[place]).sum()),
        }
        .map(|place| cpu.0[place])
    }
}

#[derive(Clone, Copy)]
enum Who {
    Writer,
    Other,
    Redis,
    Mongod,
    Bench,
    All,
}

impl Times {
    fn of(setting: &Setting, run: &Run) -> Self {
        let quantiles = |time: &dyn Fn(&Way) -> u64| {
            let mut all: Vec<_> = run.ways.iter().map(time).collect();
            all.sort_unstable();
            [50, 99].map(|percent| all.get(all.len() * percent / 100).map_or(f64::NAN, |micros| *micros as f64 / 1e3))
        };
        let is_far = setting.readers[1] != setting.writer;
        Self {
            near: quantiles(&|way| way.heard[0] - way.due),
            saved: quantiles(&|way| way.saved - way.due),
            far: is_far.then(|| quantiles(&|way| way.heard[1] - way.due)),
            // The ack and the frame take different ways: the frame may be first.
            beyond: is_far.then(|| quantiles(&|way| way.heard[1].saturating_sub(way.saved))),
        }
    }
}

/// The table.
pub(crate) fn show(rounds: &[Round], ends: &[Ends], idle: &Cpu) -> String {
    let mut table = Table { text: String::new(), rounds };
    table.heading();
    table.section("quiet: one canvas, each update when everybody has the one before; ms");
    table.times(|round| &round.quiet);
    table.section("steady; ms");
    table.times(|round| &round.steady);
    table.section("steady: CPU of an update, µs");
    table.cpu(|round| &round.cpu);
    table.line("kept in the store, folded, bytes", |round| Some(round.stored));
    table.section("full: as many as pass");
    table.line("updates/s", |round| Some(round.per_second));
    table.line("entries on the bus, 1/s", |round| round.is_joined().then_some(round.per_second / round.merged));
    table.line("updates in an entry", |round| round.is_joined().then_some(round.merged));
    table.section("full: cores in use");
    table.cpu(|round| &round.cores);
    table.line("this bench", |round| round.part(&round.cores, Who::Bench));
    table.section("whole run");
    table.line("times the bus lost something", |round| round.is_joined().then_some(round.missed));
    let mut text = table.text;
    let column = |pick: fn(&Ends) -> f64| cell(ends.iter().map(pick).collect());
    let _ = writeln!(
        text,
        "\nthe bus alone: one end to the other p50 {} ms, p99 {} ms; {} entries/s; redis-server {} µs an entry",
        column(|ends| ends.p50),
        column(|ends| ends.p99),
        column(|ends| ends.per_second),
        column(|ends| ends.redis)
    );
    let share = |place: usize| format!("{:.1} %", idle.0[place] * 100.0);
    let _ = writeln!(
        text,
        "nobody there: of a core, a node alone takes {}, one of two {}, redis-server {}, mongod {}; subtracted above",
        share(EMBEDDED),
        share(SECOND),
        share(REDIS),
        share(MONGOD)
    );
    text
}

struct Table<'a> {
    text: String,
    rounds: &'a [Round],
}

impl Table<'_> {
    fn heading(&mut self) {
        for line in 0..2 {
            let _ = write!(self.text, "{:LABEL$}", "");
            for setting in &SETTINGS {
                let _ = write!(self.text, "{:>COLUMN$}", setting.heading[line]);
            }
            self.text.push('\n');
        }
    }

    fn section(&mut self, name: &str) {
        let _ = writeln!(self.text, "{name}");
    }

    fn times(&mut self, pick: impl Fn(&Round) -> &Times) {
        type Figure = fn(&Times) -> Option<[f64; 2]>;
        let figures: [(&str, Figure); 4] = [
            ("to a reader on the same node", |times| Some(times.near)),
            ("saved", |times| Some(times.saved)),
            ("to a reader on the other node", |times| times.far),
            ("from saved to there", |times| times.beyond),
        ];
        for (label, figure) in figures {
            for (index, name) in ["p50", "p99"].into_iter().enumerate() {
                self.line(&format!("{label}, {name}"), |round| Some(figure(pick(round))?[index]));
            }
        }
    }

    fn cpu(&mut self, pick: impl Fn(&Round) -> &Cpu) {
        let parts = [
            ("the writer's node", Who::Writer),
            ("the other node", Who::Other),
            ("redis-server", Who::Redis),
            ("mongod", Who::Mongod),
            ("all of them", Who::All),
        ];
        for (name, who) in parts {
            self.line(name, |round| round.part(pick(round), who));
        }
    }

    fn line(&mut self, label: &str, figure: impl Fn(&Round) -> Option<f64>) {
        let _ = write!(self.text, "  {label:<width$}", width = LABEL - 2);
        for index in 0..SETTINGS.len() {
            let of_setting = self.rounds.iter().filter(|round| round.setting == index);
            let text = cell(of_setting.filter_map(&figure).collect());
            let _ = write!(self.text, "{text:>COLUMN$}");
        }
        self.text.push('\n');
    }
}

/// The median of the rounds, with the least and the most.
fn cell(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (values.first(), values.last()) else { return "–".to_owned() };
    let digits = match values[values.len() / 2] {
        middle if middle >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        _ => 2,
    };
    let middle = values[values.len() / 2];
    if values.len() == 1 {
        format!("{middle:.digits$}")
    } else {
        format!("{middle:.digits$} ({least:.digits$}–{most:.digits$})")
    }
}
