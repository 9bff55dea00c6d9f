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
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::{Semaphore, mpsc};
use uuid::Uuid;

use crate::doc::Document;
use crate::doc::document::Broken;
use crate::doc::schema::{self, Binding, CanvasJson, Computed, SourceBlock};
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

/// Calculations of one pass: bounds its memory, of which a median or a grouping of a million rows takes 10 to 80 MB.
const PASS_CALCULATIONS: usize = 32;

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
}

/// What has to be done for one binding.
enum Plan {
    /// Nothing: it is not ours to say.
    Leave,
    /// It is known without looking at a row.
    Known(Outcome),
    /// It has to be calculated.
    Calculate { key: Key, rows: Key, dataset: Uuid, calculation: Calculation },
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
        Self { datasets, cache: Mutex::default(), passes: Semaphore::new(PASSES) }
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
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(bindings.len());
        let mut work: HashMap<Key, Work> = HashMap::new();
        for (index, binding) in bindings.iter().enumerate() {
            let plan = if index < MOST_BINDINGS { plan(org, binding) } else { Plan::Known(too_many()) };
            outcomes.push(match plan {
                Plan::Leave => None,
                Plan::Known(outcome) => Some(outcome),
                Plan::Calculate { key, rows, dataset, calculation } => {
                    let known = self.cache().get(&key);
                    if let (None, Some(source)) = (&known, &binding.source) {
                        let source = Arc::clone(source);
                        let work = work.entry(rows).or_insert_with(|| Work { dataset, source, asked: HashMap::new() });
                        work.asked.entry(key).or_insert_with(|| (calculation, Vec::new())).1.push(index);
                    }
                    known
                }
            });
        }
        let mut failed = Ok(());
        for Work { dataset, source, asked } in work.into_values() {
            let mut asked = asked.into_iter().peekable();
            while asked.peek().is_some() {
                let part: Vec<_> = asked.by_ref().take(PASS_CALCULATIONS).collect();
                let calculations = part.iter().map(|(_, (calculation, _))| calculation.clone()).collect();
                match self.calculate(org, dataset, &source, calculations).await {
                    Ok(Some(answers)) => {
                        for ((key, (_, places)), answer) in part.into_iter().zip(answers) {
                            self.cache().put(key, answer.clone());
                            for place in places {
                                outcomes[place] = Some(answer.clone());
                            }
                        }
                    }
                    // Not remembered: nothing was read.
                    Ok(None) => {
                        for place in part.into_iter().flat_map(|(_, (_, places))| places) {
                            outcomes[place] = Some(Err("The dataset is gone.".to_owned()));
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

    async fn calculate(
        &self,
        org: &str,
        dataset: Uuid,
        source: &SourceBlock,
        calculations: Vec<Calculation>,
    ) -> Result<Option<Vec<Outcome>>, DatasetError> {
        let _turn = self.passes.acquire().await.map_err(|closed| DatasetError::Storage(closed.to_string()))?;
        let reading = Reading::Waiting(Filter::read_all(&source.filters), calculations);
        let read = self.datasets.scan(org, dataset, reading).await?;
        Ok(read.map(Reading::finish))
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_many() -> Outcome {
    Err(format!("This canvas has more than {MOST_BINDINGS} numbers; only so many are kept true."))
}

/// What there is to do for a binding, as far as its canvas tells.
fn plan(org: &str, binding: &Binding) -> Plan {
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
    let Ok(dataset) = source.dataset_id.parse() else { return why("The dataset is gone.") };
    let SourceBlock { y_axis, x_axis, aggregation, .. } = &**source;
    match Calculation::parse(&binding.calculation, y_axis, x_axis, aggregation) {
        Err(why) => Plan::Known(Err(why)),
        Ok(calculation) => {
            let rows = Key::of(&(org, dataset, source.filters.to_string()));
            Plan::Calculate { key: Key::of(&(&rows, &calculation)), rows, dataset, calculation }
        }
    }
}

/// A pass that learns the columns when the dataset is found.
enum Reading {
    Waiting(Vec<Filter>, Vec<Calculation>),
    Begun(Pass),
}

impl Reading {
    fn finish(self) -> Vec<Outcome> {
        match self {
            Self::Begun(pass) => pass.finish(),
            // Without a beginning there was no dataset.
            Self::Waiting(_, calculations) => vec![Err("The dataset is gone.".to_owned()); calculations.len()],
        }
    }
}

impl Reader for Reading {
    fn begin(&mut self, columns: &[Column]) -> Option<Vec<usize>> {
        let Self::Waiting(filters, calculations) = self else { return None };
        let (pass, needed) = Pass::new(columns, std::mem::take(filters), std::mem::take(calculations));
        let needs_rows = pass.needs_rows();
        *self = Self::Begun(pass);
        needs_rows.then_some(needed)
    }

    fn row(&mut self, cells: &[Cell]) {
        if let Self::Begun(pass) = self {
            pass.row(cells);
        }
    }
}
