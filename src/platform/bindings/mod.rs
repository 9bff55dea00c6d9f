//! Owns the numbers in narratives staying true: computing what every binding of an open canvas says, and having it written down.
//! It refuses to own rows (those are [`Datasets`]'s) and documents (those are their rooms').
//!
//! # Flow
//! ```text
//! room ─ a canvas was opened or changed (Changed) ─▶ wait DEBOUNCE, then ask the room for its bindings
//!      ─ what is not in the cache: one pass over the rows of each (dataset, filters), off the reactor threads
//!      ─ what differs from what the document says ─▶ the room, which writes, journals and relays it like every change
//! ```
//!
//! # Invariants
//! - Nothing is written that is not different: the server's own write is a change too, finds nothing to do, and ends there. The room checks
//!   once more that a binding still is what its number was computed for.
//! - So nobody's `value` lies for long: one that a client wrote is a change like any other, and is looked at.
//! - `[ACC-2]` A dataset is read as the canvas's own organization; of another one it is gone.
//! - `[LIM-1]` Canvases in work, passes at once, calculations of a pass, bindings of a canvas and remembered answers are bounded below.
//! - A data source of a kind this version cannot read is left alone: what a canvas from elsewhere says is neither confirmed nor denied.

mod cache;
mod calculate;
mod cells;
mod filters;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::{Semaphore, mpsc};
use uuid::Uuid;

use crate::doc::Document;
use crate::doc::document::Broken;
use crate::doc::schema::{self, Binding, CanvasJson, Computed, SourceBlock};
use crate::events::{Events, QueryRun, query_id};
use crate::id::CanvasId;
use crate::platform::datasets::{Cell, Column, DatasetError, Datasets, Reader};
use crate::room::{Changed, Hub};

use self::cache::{Cache, Key};
use self::calculate::{Calculation, Outcome, Pass};
use self::filters::Filter;

/// How long changes of a canvas are gathered: a number may be this old, and a person who types costs four looks a second.
const DEBOUNCE: Duration = Duration::from_millis(250);

/// Canvases that are waited for or worked on at once. More wait in the queue, and then in their rooms.
const CANVASES: usize = 1024;

/// Passes over rows at once: half of the connections that read datasets, so that people always get theirs.
const PASSES: usize = 2;

/// Calculations of one pass: bounds what a row costs.
const PASS_CALCULATIONS: usize = 32;

/// Different things kept for nearly every row in one pass: bounds its memory, of which one takes up to 100 MB for a million rows.
const PASS_KEEPS: usize = 2;

/// Time that the rows of one canvas may take each time it is looked at. A pass over a million rows takes about a second; the numbers of a
/// canvas that asks for more say so.
const BUDGET: Duration = Duration::from_secs(30);

/// Rows between two looks at the clock.
const CLOCK_ROWS: u32 = 1_024;

/// Bindings of one canvas that are computed: more than anybody reads.
const MOST_BINDINGS: usize = 500;

/// Wait before a canvas whose rows could not be read is tried once more.
const RETRY: Duration = Duration::from_secs(2);

/// The slice's service.
pub struct Bindings {
    hub: Arc<Hub>,
    calculator: Calculator,
}

/// What computes numbers, wherever the bindings are from.
pub struct Calculator {
    datasets: Arc<Datasets>,
    cache: Mutex<Cache>,
    passes: Semaphore,
    budget: Duration,
    /// Where passes over rows are told; `None`: nowhere.
    events: Option<Events>,
}

/// What has to be done for one binding.
enum Plan {
    /// Nothing: it is not ours to say.
    Leave,
    /// It is known without looking at a row.
    Known(Outcome),
    /// It has to be calculated.
    Calculate { key: Key, rows: Key, dataset: Uuid, source: Arc<SourceBlock>, calculation: Calculation },
}

/// Calculations over the same rows of one dataset.
struct Work {
    dataset: Uuid,
    source: Arc<SourceBlock>,
    /// What it is for: the places in the list of bindings, by the key of their answer.
    asked: HashMap<Key, (Calculation, Vec<usize>)>,
}

impl Bindings {
    /// The service; [`Bindings::follow`] is what makes it work.
    #[must_use]
    pub fn new(hub: Arc<Hub>, calculator: Calculator) -> Self {
        Self { hub, calculator }
    }

    /// Keeps the numbers of every canvas that changes true, for as long as it is polled.
    pub async fn follow(self, mut word: mpsc::Receiver<Changed>) {
        let mut working = FuturesUnordered::new();
        // Canvases in work, and word of a change that came meanwhile: one canvas is never worked on twice at once.
        let mut canvases: HashMap<CanvasId, Option<Changed>> = HashMap::new();
        loop {
            tokio::select! {
                changed = word.recv(), if working.len() < CANVASES => {
                    let Some(changed) = changed else { return };
                    if let Some(later) = canvases.get_mut(&changed.canvas) {
                        *later = Some(changed);
                    } else {
                        canvases.insert(changed.canvas, None);
                        working.push(self.refresh(changed));
                    }
                }
                Some(canvas) = working.next() => {
                    if let Some(Some(changed)) = canvases.remove(&canvas) {
                        canvases.insert(canvas, None);
                        working.push(self.refresh(changed));
                    }
                }
            }
        }
    }

    async fn refresh(&self, changed: Changed) -> CanvasId {
        let canvas = changed.canvas;
        tokio::time::sleep_until(changed.since + DEBOUNCE).await;
        // From here on changes are told again: the room is asked after this.
        drop(changed);
        if let Err(error) = self.update(canvas).await {
            tracing::warn!(canvas.id = %canvas, %error, "numbers in a narrative could not be computed; one more try follows");
            tokio::time::sleep(RETRY).await;
            if let Err(error) = self.update(canvas).await {
                tracing::error!(canvas.id = %canvas, %error, "numbers in a narrative stay as they are until the canvas changes");
            }
        }
        canvas
    }

    /// Brings the numbers of a canvas up to date, once.
    async fn update(&self, canvas: CanvasId) -> Result<(), DatasetError> {
        let Some(bindings) = self.hub.bindings(canvas).await.filter(|bindings| !bindings.is_empty()) else {
            return Ok(());
        };
        let facts = self.hub.facts(canvas).await.map_err(|error| DatasetError::Storage(error.to_string()))?;
        let Some(facts) = facts else { return Ok(()) };
        let (computed, read) = self.calculator.compute(&facts.org, bindings).await;
        let news: Vec<_> = computed.into_iter().filter(Computed::is_news).collect();
        if !news.is_empty() {
            self.hub.set_bindings(canvas, news).await;
        }
        read
    }
}

impl Calculator {
    /// One over the rows of these datasets.
    #[must_use]
    pub fn new(datasets: Arc<Datasets>) -> Self {
        Self { datasets, cache: Mutex::default(), passes: Semaphore::new(PASSES), budget: BUDGET, events: None }
    }

    /// Tells these events of every pass over rows.
    #[must_use]
    pub fn with_events(self, events: Events) -> Self {
        Self { events: Some(events), ..self }
    }

    /// A canvas that is not stored yet, with what its bindings say filled in.
    ///
    /// # Errors
    /// Rows could not be read, or the canvas is none that a document can hold.
    pub async fn fill(&self, org: &str, canvas: &CanvasJson) -> Result<CanvasJson, DatasetError> {
        let broken = |error: Broken| DatasetError::Storage(error.to_string());
        let mut document = Document::new();
        document.apply(&[&schema::seed_update(Uuid::nil(), canvas)]).map_err(broken)?;
        let (computed, read) = self.compute(org, document.bindings()).await;
        read?;
        document.edit(|txn| schema::set_bindings(txn, &computed)).map_err(broken)?;
        Ok(document.materialise())
    }

    /// What each of these says, as far as it is ours to say, and whether all rows could be read.
    async fn compute(&self, org: &str, bindings: Vec<Binding>) -> (Vec<Computed>, Result<(), DatasetError>) {
        let owner = org.to_owned();
        let planned = tokio::task::spawn_blocking(move || (plan_all(&owner, &bindings), bindings)).await;
        let (plans, bindings) = match planned {
            Ok(planned) => planned,
            Err(panicked) => return (Vec::new(), Err(DatasetError::Storage(panicked.to_string()))),
        };
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(plans.len());
        let mut work: HashMap<Key, Work> = HashMap::new();
        for (index, plan) in plans.into_iter().enumerate() {
            outcomes.push(match plan {
                Plan::Leave => None,
                Plan::Known(outcome) => Some(outcome),
                Plan::Calculate { key, rows, dataset, source, calculation } => {
                    let known = self.cache().get(&key);
                    if known.is_none() {
                        let work = work.entry(rows).or_insert_with(|| Work { dataset, source, asked: HashMap::new() });
                        work.asked.entry(key).or_insert_with(|| (calculation, Vec::new())).1.push(index);
                    }
                    known
                }
            });
        }
        let (mut failed, mut left) = (Ok(()), self.budget);
        for Work { dataset, source, asked } in work.into_values() {
            for part in portions(asked) {
                let calculations = part.iter().map(|(_, (calculation, _))| calculation.clone()).collect();
                match self.calculate(org, dataset, &source, calculations, &mut left).await {
                    Ok(read) => {
                        // What was not read is not remembered.
                        let (answers, lasting) = match read {
                            Read::Whole(answers) => (answers, true),
                            Read::Late => (vec![Err(TOO_LONG.to_owned()); part.len()], false),
                            Read::Gone => (vec![Err("The dataset is gone.".to_owned()); part.len()], false),
                        };
                        for ((key, (_, places)), answer) in part.into_iter().zip(answers) {
                            for place in places {
                                outcomes[place] = Some(answer.clone());
                            }
                            if lasting {
                                self.cache().put(key, answer);
                            }
                        }
                    }
                    Err(error) => failed = Err(error),
                }
            }
        }
        let computed = bindings.into_iter().zip(outcomes);
        let computed = computed.filter_map(|(binding, outcome)| Some(Computed { binding, outcome: outcome? }));
        (computed.collect(), failed)
    }

    /// One pass. Takes the time it needs from `left`; waiting for its turn costs none.
    async fn calculate(
        &self,
        org: &str,
        dataset: Uuid,
        source: &Arc<SourceBlock>,
        calculations: Vec<Calculation>,
        left: &mut Duration,
    ) -> Result<Read, DatasetError> {
        let _turn = self.passes.acquire().await.map_err(|closed| DatasetError::Storage(closed.to_string()))?;
        let begun = Instant::now();
        let reading = Reading {
            source: Arc::clone(source),
            calculations,
            pass: None,
            end: begun + *left,
            rows: 0,
            late: left.is_zero(),
        };
        let read = self.datasets.scan(org, dataset, reading).await;
        self.tell(org, begun, &read);
        *left = left.saturating_sub(begun.elapsed());
        Ok(read?.map_or(Read::Gone, Reading::finish))
    }

    /// A pass over rows is a query that ran, nobody's in particular. Answers that were remembered are not: every change of a canvas takes
    /// some of those.
    fn tell(&self, org: &str, begun: Instant, read: &Result<Option<Reading>, DatasetError>) {
        let Some(events) = &self.events else { return };
        events.query(|| QueryRun {
            query_id: query_id(),
            organization_id: org.to_owned(),
            query_type: "dataset.calculation".into(),
            execution_time_ms: begun.elapsed().as_millis() as u32,
            rows_processed: read.as_ref().ok().and_then(Option::as_ref).map_or(0, |reading| reading.rows.into()),
            error_code: match read {
                Ok(Some(reading)) if reading.late => "timeout",
                Ok(Some(_)) => "",
                Ok(None) => "not_found",
                Err(_) => "storage",
            }
            .into(),
            ..QueryRun::default()
        });
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_many() -> Outcome {
    Err(format!("This canvas has more than {MOST_BINDINGS} numbers; only so many are kept true."))
}

/// What there is to do for each binding, as far as their canvas tells. Reads filters as long as a message: blocks.
fn plan_all(org: &str, bindings: &[Binding]) -> Vec<Plan> {
    // One source is the same for all that name it.
    let mut rows: HashMap<&str, Key> = HashMap::new();
    let plan = |(index, binding)| {
        if index < MOST_BINDINGS { plan(org, binding, &mut rows) } else { Plan::Known(too_many()) }
    };
    bindings.iter().enumerate().map(plan).collect()
}

fn plan<'a>(org: &str, binding: &'a Binding, known_rows: &mut HashMap<&'a str, Key>) -> Plan {
    let why = |why: &str| Plan::Known(Err(why.to_owned()));
    let Some(source) = &binding.source else {
        return why(if binding.source_id.is_empty() {
            "Choose the block it comes from."
        } else {
            "The block it came from is gone."
        });
    };
    if !source.has_source {
        return why("The block it came from shows no data.");
    }
    if !matches!(source.source_type.as_str(), "" | "dataset") {
        return Plan::Leave;
    }
    if source.dataset_id.is_empty() {
        return why("The block it came from has no dataset yet.");
    }
    let Ok(dataset) = source.dataset_id.parse::<Uuid>() else { return why("The dataset is gone.") };
    let SourceBlock { y_axis, x_axis, aggregation, .. } = &**source;
    match Calculation::parse(&binding.calculation, y_axis, x_axis, aggregation) {
        Err(why) => Plan::Known(Err(why)),
        Ok(calculation) => {
            let rows = || Key::of(&(org, dataset, source.filters().to_string()));
            let rows = known_rows.entry(&binding.source_id).or_insert_with(rows).clone();
            let key = Key::of(&(&rows, &calculation));
            Plan::Calculate { key, rows, dataset, source: Arc::clone(source), calculation }
        }
    }
}

type Asked = (Key, (Calculation, Vec<usize>));

/// Divides calculations over the same rows into passes.
fn portions(asked: HashMap<Key, (Calculation, Vec<usize>)>) -> Vec<Vec<Asked>> {
    let mut asked: Vec<Asked> = asked.into_iter().collect();
    // Those that keep the same go together.
    asked.sort_by(|(_, (a, _)), (_, (b, _))| a.keeps().cmp(&b.keeps()));
    let mut portions: Vec<Vec<Asked>> = Vec::new();
    let mut kept = 0;
    for one in asked {
        let keeps = one.1.0.keeps();
        let last = portions.last().and_then(|portion| portion.last());
        let more = usize::from(keeps.is_some() && last.is_none_or(|(_, (last, _))| last.keeps() != keeps));
        match portions.last_mut() {
            Some(portion) if portion.len() < PASS_CALCULATIONS && kept + more <= PASS_KEEPS => {
                kept += more;
                portion.push(one);
            }
            _ => {
                kept = usize::from(keeps.is_some());
                portions.push(vec![one]);
            }
        }
    }
    portions
}

const TOO_LONG: &str = "This takes too long to compute: the canvas asks for too much of large datasets.";

/// What came of a pass.
enum Read {
    Whole(Vec<Outcome>),
    /// Time ran out before the last row.
    Late,
    /// There is no such dataset.
    Gone,
}

/// A pass that learns the columns when the dataset is found, and watches the time.
struct Reading {
    source: Arc<SourceBlock>,
    calculations: Vec<Calculation>,
    pass: Option<Pass>,
    end: Instant,
    rows: u32,
    late: bool,
}

impl Reading {
    fn finish(self) -> Read {
        match self.pass {
            Some(_) if self.late => Read::Late,
            Some(pass) => Read::Whole(pass.finish()),
            None => Read::Late,
        }
    }
}

impl Reader for Reading {
    fn begin(&mut self, columns: &[Column]) -> Option<Vec<usize>> {
        if self.late {
            return None;
        }
        let filters = Filter::read_all(&self.source.filters());
        let (pass, needed) = Pass::new(columns, filters, std::mem::take(&mut self.calculations));
        let needs_rows = pass.needs_rows();
        self.pass = Some(pass);
        needs_rows.then_some(needed)
    }

    fn row(&mut self, cells: &[Cell]) -> ControlFlow<()> {
        self.rows += 1;
        if self.rows.is_multiple_of(CLOCK_ROWS) && Instant::now() >= self.end {
            self.late = true;
            return ControlFlow::Break(());
        }
        if let Some(pass) = &mut self.pass {
            pass.row(cells);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::platform::datasets::Limits;

    fn calculation(text: &str, fold: &str) -> Calculation {
        Calculation::parse(text, "y", "x", fold).unwrap()
    }

    #[test]
    fn lim_1_what_keeps_much_is_spread_over_passes_and_what_keeps_the_same_is_not() {
        let asked = |texts: Vec<(String, &str)>| {
            let one = |(text, fold): (String, &str)| (Key::of(&(&text, fold)), (calculation(&text, fold), vec![0]));
            portions(texts.into_iter().map(one).collect())
        };
        let same = ["first", "last", "percentage_change"].map(|agg| (agg.to_owned(), "sum"));
        assert_eq!(asked(same.to_vec()).len(), 1);
        let much: Vec<_> = (0..9).map(|column| (format!("first:c{column}"), "distinct")).collect();
        let passes = asked(much.clone());
        assert_eq!(passes.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2, 2, 1]);
        let little = (0..70).map(|column| (format!("sum:c{column}"), ""));
        let passes = asked(little.chain(much).collect());
        assert_eq!(passes.iter().map(Vec::len).sum::<usize>(), 79);
        for pass in passes {
            let mut kept: Vec<_> = pass.iter().filter_map(|(_, (calculation, _))| calculation.keeps()).collect();
            kept.dedup();
            assert!(pass.len() <= PASS_CALCULATIONS && kept.len() <= PASS_KEEPS);
        }
    }

    #[tokio::test]
    async fn lim_1_numbers_that_take_too_long_say_so_and_are_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let datasets = Arc::new(Datasets::open(folder.path(), Limits::default()).unwrap());
        let rows: &'static str = format!("y\n{}", "1\n".repeat(3 * CLOCK_ROWS as usize)).leak();
        let file = datasets.ingest_bytes("acme", "ada", "n", "text/csv", rows.as_bytes(), None, None).await.unwrap();
        let at = json!({ "x": 0, "y": 0, "w": 1, "h": 1 });
        let data = json!({ "type": "dataset", "dataset_id": file.id });
        let bindings = ["sum", "count"].map(|text| json!({ "key": text, "source": "c", "calculation": text }));
        let canvas = json!({ "blocks": [
            { "id": "c", "type": "chart", "position": at, "content": { "data_source": data, "config": { "y_axis": "y" } } },
            { "id": "n", "type": "narrative", "position": at, "content": { "text": "", "data_bindings": bindings } },
        ] });
        let canvas = schema::parse_import(&canvas, &schema::CanvasLimits::default()).unwrap();
        let mut calculator = Calculator::new(datasets);
        let too_long = json!({ "value": null, "error": TOO_LONG });
        // Time for some of the rows, for none, and for all.
        for (budget, said) in [(1, &too_long), (0, &too_long), (1 << 40, &json!({ "value": 3 * CLOCK_ROWS }))] {
            calculator.budget = Duration::from_nanos(budget);
            let filled = calculator.fill("acme", &canvas).await.unwrap();
            let narrative = filled.blocks.iter().find(|block| block.kind == "narrative").unwrap();
            for binding in narrative.content["data_bindings"].as_array().unwrap() {
                assert_eq!((&binding["value"], binding.get("error")), (&said["value"], said.get("error")), "{budget}");
            }
        }
    }
}
