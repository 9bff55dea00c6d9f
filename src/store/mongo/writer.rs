//! Appends of all rooms, grouped.
//!
//! One task takes what is waiting and writes it with one `insertMany` and one `update`; what comes meanwhile goes with the next. So a lone
//! append is written at once, and a group grows with the load. `[DUR-1]`
//!
//! # What an answer means
//! `Ok` means that a majority has the journal entries on disk, and the record its headline. Both are sent at once, so the headline costs no
//! time; and it is part of the answer because a rename reads the record right after, and because a room appends again what was not
//! answered with `Ok`: a headline that was lost heals by that. An entry that is there already was written by the try before. `[DUR-2]`

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::{DateTime, Document, RawArrayBuf, RawDocumentBuf, rawdoc};
use tokio::sync::{Semaphore, mpsc, oneshot};
use uuid::Uuid;

use super::{CANVASES, PART_BYTES, UPDATE_PARTS, UPDATES, binary_uuid, blob, shape};
use crate::backend::mongo::{Mongo, MongoError, SHORT};
use crate::id::CanvasId;
use crate::store::{Append, Change, StoreError};

/// Appends that may wait. Rooms have one each under way, so this is reached only with that many busy rooms; then they wait, which is the
/// back-pressure wanted.
const QUEUE: usize = 1024;

/// Groups under way at once: while one waits for its majority the next is sent. More of them only makes each smaller.
const IN_FLIGHT: usize = 3;

/// Appends and bytes of a group: bound its memory and how long its first waits for its last. Also keeps the `update` of its headlines, at
/// most 9 KB each, below the 16 MiB of a command.
const GROUP_APPENDS: usize = 512;
const GROUP_BYTES: usize = 8 << 20;

/// Documents and bytes of one `insertMany`: below the 48 MB a message may have, by a margin that keeps its wait short.
const INSERT_DOCUMENTS: usize = 1000;
const INSERT_BYTES: usize = 16 << 20;

/// What a slow line moves in a second: a large write may take that much longer.
const BYTES_PER_SECOND: usize = 1 << 20;

/// See the module docs.
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

struct Job {
    canvas: CanvasId,
    entries: Vec<RawDocumentBuf>,
    /// Of bodies that are too large for a document; written before the entries that name them.
    parts: Vec<RawDocumentBuf>,
    bytes: usize,
    headline: Option<Document>,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

impl Writer {
    /// Starts the task; it ends when the writer is dropped, with what it has.
    pub(super) fn start(mongo: Mongo) -> Self {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(write(mongo, waiting));
        Self { jobs }
    }

    /// Writes journal entries and the record's headline.
    pub(super) async fn append(&self, append: Append) -> Result<(), StoreError> {
        if append.changes.is_empty() {
            return Ok(());
        }
        self.submit(append.canvas, &append.changes, Some(shape::headline(&append))).await
    }

    /// Writes journal entries alone, for a canvas whose record is yet to come.
    pub(super) async fn journal(&self, canvas: CanvasId, changes: &[Change]) -> Result<(), StoreError> {
        self.submit(canvas, changes, None).await
    }

    async fn submit(&self, canvas: CanvasId, changes: &[Change], headline: Option<Document>) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let (mut entries, mut parts) = (Vec::with_capacity(changes.len()), Vec::new());
        for change in changes {
            entries.push(entry(canvas, change, &mut parts));
        }
        let bytes = entries.iter().chain(&parts).map(|document| document.as_bytes().len()).sum();
        let ended = |()| StoreError("the node is shutting down".to_owned());
        let job = Job { canvas, entries, parts, bytes, headline, answer };
        self.jobs.send(job).await.map_err(|_| ended(()))?;
        answered.await.map_err(|_| ended(()))?
    }
}

/// The document of a change. Its body's parts go to `parts` if it is too large for one.
fn entry(canvas: CanvasId, change: &Change, parts: &mut Vec<RawDocumentBuf>) -> RawDocumentBuf {
    let (id, canvas_id) = (binary_uuid(change.id), binary_uuid(canvas.0));
    let actors: RawArrayBuf = change.actors.iter().map(String::as_str).collect();
    let at = DateTime::from_millis(change.at);
    if change.body.len() <= PART_BYTES {
        let body = blob(&change.body);
        return rawdoc! { "_id": id, "canvas_id": canvas_id, "at": at, "actors": actors, "body": body };
    }
    let split = split("update", change.id, canvas, &change.body);
    let count = split.len() as i32;
    parts.extend(split);
    rawdoc! { "_id": id, "canvas_id": canvas_id, "at": at, "actors": actors, "parts": count }
}

/// The documents of a body that is cut into parts: `{_id: {<owner>: id, n}, canvas_id, body}`.
pub(super) fn split(owner: &str, id: Uuid, canvas: CanvasId, body: &[u8]) -> Vec<RawDocumentBuf> {
    let part = |(n, bytes): (usize, &[u8])| {
        let body = blob(bytes);
        let own = match owner {
            "update" => rawdoc! { "update": binary_uuid(id), "n": n as i32 },
            _ => rawdoc! { "snapshot": binary_uuid(id), "n": n as i32 },
        };
        rawdoc! { "_id": own, "canvas_id": binary_uuid(canvas.0), "body": body }
    };
    body.chunks(PART_BYTES).enumerate().map(part).collect()
}

/// How long a write of this size may take.
pub(super) fn longest(bytes: usize) -> Duration {
    SHORT + Duration::from_secs((bytes / BYTES_PER_SECOND) as u64)
}

/// Inserts documents that name themselves, in as many commands as they need; the reason for each that was refused, by its place.
pub(super) async fn insert(
    mongo: &Mongo,
    what: &'static str,
    collection: &str,
    documents: &[&RawDocumentBuf],
) -> Result<HashMap<usize, String>, MongoError> {
    let target = mongo.collection(collection);
    let mut refused = HashMap::new();
    let mut from = 0;
    while from < documents.len() {
        let mut bytes = 0;
        let fits = |document: &&&RawDocumentBuf| {
            bytes += document.as_bytes().len();
            bytes <= INSERT_BYTES
        };
        let count = documents[from..].iter().take(INSERT_DOCUMENTS).take_while(fits).count().max(1);
        let chunk = &documents[from..from + count];
        let size = chunk.iter().map(|document| document.as_bytes().len()).sum();
        let failed = mongo.insert_new(what, longest(size), &target, chunk).await?;
        refused.extend(failed.into_iter().map(|(index, reason)| (from + index, reason)));
        from += count;
    }
    Ok(refused)
}

/// The same for documents of which all are needed.
pub(super) async fn insert_all(
    mongo: &Mongo,
    what: &'static str,
    collection: &str,
    documents: &[RawDocumentBuf],
) -> Result<(), StoreError> {
    let documents: Vec<_> = documents.iter().collect();
    match insert(mongo, what, collection, &documents).await?.into_values().next() {
        None => Ok(()),
        Some(reason) => Err(StoreError(format!("MongoDB could not {what}: {reason}"))),
    }
}

async fn write(mongo: Mongo, mut jobs: mpsc::Receiver<Job>) {
    let flights = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut left_over = None;
    loop {
        let first = match left_over.take() {
            Some(job) => job,
            None => match jobs.recv().await {
                Some(job) => job,
                None => return,
            },
        };
        // What comes while all flights are away goes with this one.
        let Ok(flight) = Arc::clone(&flights).acquire_owned().await else { return };
        let mut bytes = first.bytes;
        let mut group = vec![first];
        while group.len() < GROUP_APPENDS {
            let Ok(job) = jobs.try_recv() else { break };
            bytes += job.bytes;
            if bytes > GROUP_BYTES {
                left_over = Some(job);
                break;
            }
            group.push(job);
        }
        let mongo = mongo.clone();
        tokio::spawn(async move {
            flush(&mongo, group).await;
            drop(flight);
        });
    }
}

/// Writes a group and answers each of it.
async fn flush(mongo: &Mongo, group: Vec<Job>) {
    let outcomes = match commit(mongo, &group).await {
        Ok(refused) => {
            refused.into_iter().map(|reason| reason.map_or(Ok(()), |reason| Err(StoreError(reason)))).collect()
        }
        Err(error) => vec![Err(error); group.len()],
    };
    for (job, outcome) in group.into_iter().zip(outcomes) {
        // Who does not wait any more will ask again or has gone.
        let _ = job.answer.send(outcome);
    }
}

/// Why each append of a group was refused, if it was; an error is everybody's.
async fn commit(mongo: &Mongo, group: &[Job]) -> Result<Vec<Option<String>>, StoreError> {
    const WHAT: &str = "append to the journal";
    let parts: Vec<_> = group.iter().flat_map(|job| &job.parts).collect();
    if let Some(reason) = insert(mongo, WHAT, UPDATE_PARTS, &parts).await?.into_values().next() {
        return Err(StoreError(format!("MongoDB could not {WHAT}: {reason}")));
    }
    let (mut entries, mut of_entry) = (Vec::new(), Vec::new());
    // One statement a canvas: the last of the group is the newest.
    let (mut statements, mut of_statement, mut statement_of) = (Vec::new(), Vec::new(), HashMap::new());
    for (index, job) in group.iter().enumerate() {
        entries.extend(&job.entries);
        of_entry.extend(std::iter::repeat_n(index, job.entries.len()));
        if let Some(headline) = &job.headline {
            let place = *statement_of.entry(job.canvas).or_insert(statements.len());
            if place == statements.len() {
                statements.push(headline.clone());
                of_statement.push(index);
            } else {
                statements[place].clone_from(headline);
            }
        }
    }
    let headlines = async {
        match statements.is_empty() {
            true => Ok(Vec::new()),
            false => mongo.update_many_statements("update the records of canvases", CANVASES, &statements).await,
        }
    };
    let (entries, headlines) = tokio::join!(insert(mongo, WHAT, UPDATES, &entries), headlines);
    let mut refused = vec![None; group.len()];
    for (index, reason) in headlines? {
        if let Some(job) = of_statement.get(index) {
            // Of all appends to that canvas: nobody knows whose headline it was.
            let canvas = group[*job].canvas;
            for (_, refused) in group.iter().zip(&mut refused).filter(|(job, _)| job.canvas == canvas) {
                *refused = Some(format!("MongoDB could not update the canvas's record: {reason}"));
            }
        }
    }
    for (index, reason) in entries? {
        if let Some(job) = of_entry.get(index) {
            refused[*job] = Some(format!("MongoDB could not {WHAT}: {reason}"));
        }
    }
    Ok(refused)
}
