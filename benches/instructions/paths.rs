//! The paths, and the data they run on: the same every time, and as much of it however often a path is repeated, so that making it is in
//! no difference.

use std::hint::black_box;
use std::mem::ManuallyDrop;

use bytes::Bytes;
use jabiru::backend::sqlite::{Sqlite, migrate};
use jabiru::clock::Clock;
use jabiru::doc::Document;
use jabiru::doc::document::Headline;
use jabiru::id::CanvasId;
use jabiru::protocol::{self, UpdateSummary, WireLimits, check_update};
use jabiru::store::sqlite::SqliteStore;
use jabiru::store::{Append, CanvasRecord, Change, Store};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use yrs::{Doc, MapPrelim, MapRef, StateVector, Transact, WriteTxn};
use yrs::{Map, TransactionMut};

use crate::canvas::Canvas;
use crate::room;

/// Narratives of the canvas that is edited.
const BLOCKS: u32 = 200;

/// Edits of a canvas that is opened.
const EDITS: u32 = 2_000;

/// Of them, those still in its journal: as many as the server lets it hold before it folds.
const UNFOLDED: u32 = 500;

/// Something a server does again and again.
pub(crate) struct Path {
    pub(crate) name: &'static str,
    /// Repetitions of the shorter of the two runs: enough for the chance in hash tables and runtimes to even out.
    pub(crate) times: u32,
    pub(crate) counted: Counted,
    repeat: fn(Times),
}

/// What is counted of a process that repeats a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Everything, its threads included.
    All,
    /// What it does in [`crate::count::alone`]. For paths that need metrics, which first try out the machine's clock: that takes another
    /// number of instructions each time.
    Alone,
}

/// How often a path is repeated, now and at most.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) now: u32,
    pub(crate) most: u32,
}

impl Path {
    const fn new(name: &'static str, times: u32, repeat: fn(Times)) -> Self {
        Self { name, times, counted: Counted::All, repeat }
    }

    const fn alone(self) -> Self {
        Self { counted: Counted::Alone, ..self }
    }

    /// Makes the data and does it so often, at most twice [`Path::times`].
    pub(crate) fn repeat(&self, times: u32) {
        (self.repeat)(Times { now: times, most: 2 * self.times });
    }
}

/// One operation of each is:
pub(crate) const PATHS: &[Path] = &[
    // A frame from a client, checked.
    Path::new("decode/keystroke", 2_000, |times| decode(&keystroke(), times)),
    Path::new("decode/step-2", 20, |times| decode(&protocol::sync_step2(&Canvas::new(BLOCKS).1), times)),
    Path::new("decode/cursor", 2_000, |times| decode(&room::cursors(1, 1), times)),
    Path::new("decode/50-cursors", 200, |times| decode(&room::cursors(50, 1), times)),
    // As deep as may be, forty times side by side; and deeper, which is refused.
    Path::new("decode/nested", 50, |times| decode(&nested(40, 64), times)),
    Path::new("decode/too-nested", 50, refuse),
    // Taking updates into the document as a room does; three keystrokes to one move.
    Path::new("apply/one", 1_000, |times| apply(times, 1)),
    Path::new("apply/100-at-once", 40, |times| apply(times, 100)),
    // From the hub to the sockets of a room, the journal taking everything at once.
    Path::new("fan-out/update-to-50", 400, room::update).alone(),
    Path::new("fan-out/cursor-to-50", 400, room::cursor).alone(),
    // Coming, the answer to sync step 1 from the cache, and leaving.
    Path::new("join/cached", 200, room::join).alone(),
    // A commit of the embedded store. Disk and system calls are not counted.
    Path::new("journal/one", 200, |times| journal(times, 1)),
    Path::new("journal/100-at-once", 20, |times| journal(times, 100)),
    // From asking the embedded store to the answer for the first who joins.
    Path::new("open/snapshot", 10, |times| open(times, EDITS)),
    Path::new("open/journal", 10, |times| open(times, EDITS - UNFOLDED)),
];

fn keystroke() -> Bytes {
    protocol::update(&Canvas::new(BLOCKS).0.keystroke(7))
}

fn decode(frame: &Bytes, times: Times) {
    let limits = WireLimits::default();
    for _ in 0..times.now {
        black_box(protocol::decode(black_box(frame), &limits).expect("a real frame"));
    }
}

fn refuse(times: Times) {
    let (frame, limits) = (nested(1, 2_000), WireLimits::default());
    for _ in 0..times.now {
        black_box(protocol::decode(black_box(&frame), &limits).expect_err("nested too deeply"));
    }
}

/// Chains of maps, each inside the last.
fn nested(chains: u32, levels: u32) -> Bytes {
    // Never dropped: yrs takes such a chain down by recursion.
    let doc = ManuallyDrop::new(Doc::with_client_id(0x1234_5678));
    let mut txn = doc.transact_mut();
    let root = txn.get_or_insert_map("blocks");
    let inside = |map: &MapRef, txn: &mut TransactionMut<'_>, key: &str| map.insert(txn, key, MapPrelim::default());
    for chain in 0..chains {
        let mut map = inside(&root, &mut txn, &chain.to_string());
        for _ in 1..levels {
            map = inside(&map, &mut txn, "deeper");
        }
    }
    protocol::update(&txn.encode_update_v1())
}

/// What the check makes of an update.
pub(crate) fn checked(update: Bytes) -> (Bytes, UpdateSummary) {
    let summary = check_update(&update, &WireLimits::default()).expect("a real update");
    (update, summary)
}

fn apply(times: Times, at_once: u32) {
    let (canvas, seed) = Canvas::new(BLOCKS);
    let updates: Vec<_> = (0..times.most * at_once).map(|index| canvas.any_edit(index)).map(checked).collect();
    let mut document = Document::new();
    document.apply(&[&seed]).expect("the seed applies");
    for batch in updates.chunks(at_once as usize).take(times.now as usize) {
        for (_, summary) in batch {
            document.admit(summary).expect("nothing is nested");
        }
        let batch: Vec<&[u8]> = batch.iter().map(|(update, _)| &update[..]).collect();
        let outcome = document.apply(black_box(&batch)).expect("it applies");
        assert!(outcome.change.is_some(), "every edit is new");
        black_box(document.headline());
    }
    // Taking down what was built is no part of it.
    std::mem::forget(document);
}

/// The embedded store on a disk, as a node has it.
struct Stored {
    runtime: Runtime,
    store: SqliteStore,
    record: CanvasRecord,
    _folder: TempDir,
}

impl Stored {
    fn new(seed: Bytes) -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let file = folder.path().join("jabiru.db");
        migrate(&file, jabiru::app::MIGRATIONS).expect("a database");
        let store = SqliteStore::new(Sqlite::open(&file).expect("a database"), Clock::manual(0).0);
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let record = record();
        runtime.block_on(store.create_canvas(record.clone(), seed)).expect("a canvas");
        Self { runtime, store, record, _folder: folder }
    }

    fn append(&self, changes: Vec<Change>) {
        let headline = Headline { name: self.record.name.clone(), description: String::new(), blocks: BLOCKS as usize };
        let append = Append { canvas: self.record.id, changes, headline };
        self.runtime.block_on(self.store.append(append)).expect("it is stored");
    }
}

pub(crate) fn record() -> CanvasRecord {
    CanvasRecord {
        id: CanvasId::generate(),
        org: "bench".to_owned(),
        owner_id: "bench".to_owned(),
        name: "A canvas for measuring".to_owned(),
        description: String::new(),
        block_count: 0,
        created_at: 0,
        updated_at: 0,
        deleted_at: None,
    }
}

fn changes(canvas: &Canvas, count: u32) -> Vec<Change> {
    let actors = vec!["bench".to_owned()];
    let change = |body| Change { id: uuid::Uuid::now_v7(), body, actors: actors.clone(), at: 0 };
    (0..count).map(|index| canvas.any_edit(index)).map(change).collect()
}

fn journal(times: Times, at_once: u32) {
    let (canvas, seed) = Canvas::new(BLOCKS);
    let stored = Stored::new(seed);
    let changes = changes(&canvas, times.most * at_once);
    for batch in changes.chunks(at_once as usize).take(times.now as usize) {
        stored.append(batch.to_vec());
    }
}

/// `folded`: of the edits, those that are in the snapshot.
fn open(times: Times, folded: u32) {
    let (canvas, seed) = Canvas::new(BLOCKS);
    let stored = Stored::new(seed);
    let mut edits = changes(&canvas, EDITS);
    let rest = edits.split_off(folded as usize);
    stored.append(edits);
    stored.runtime.block_on(stored.store.compact(stored.record.id)).expect("it folds");
    if !rest.is_empty() {
        stored.append(rest);
    }
    for _ in 0..times.now {
        let found = stored.runtime.block_on(stored.store.load(stored.record.id));
        let found = found.expect("the store answers").expect("the canvas is there");
        let mut document = found.restore().expect("it can be read");
        black_box(document.step2_frame(&StateVector::default()));
    }
}
