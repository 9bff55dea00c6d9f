//! Writing a file into a store. Owns what is checked of a file before anything is written, and when an import may write.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tokio::sync::mpsc;

use super::format::{self, CanvasEnd, ChangesDigest, ColumnLine, DatasetHead, ImageHead, Line, LineReader, Totals};
use super::{Installation, PARTS, TransferError};
use crate::doc::document::{Applied, Document};
use crate::id::CanvasId;
use crate::platform::datasets::{Cell, Column, ColumnType, Dataset, Datasets};
use crate::platform::images;
use crate::protocol::{self, WireLimits};
use crate::store::{CanvasRecord, Part, PastChange, Store};

/// What a file holds, after all of it was read and found good.
#[derive(Debug, Default)]
pub struct Contents {
    canvases: Vec<(CanvasRecord, CanvasEnd)>,
    orgs: BTreeSet<String>,
    totals: Totals,
}

impl Contents {
    /// The organizations that what it holds came from.
    pub fn orgs(&self) -> impl Iterator<Item = &str> {
        self.orgs.iter().map(String::as_str)
    }
}

/// Reads a whole file and checks it; changes nothing.
///
/// # Errors
/// It is not an export, of a newer format, cut off or damaged, or holds what must not be imported.
pub fn check<R: Read>(file: R) -> Result<Contents, TransferError> {
    let mut reader = LineReader::new(file)?;
    let mut contents = Contents::default();
    loop {
        match reader.next()? {
            Line::Canvas(line) => {
                let record = CanvasRecord::from(line);
                contents.orgs.insert(record.org.clone());
                contents.totals.canvases += 1;
                let end = check_canvas(&mut reader)?;
                contents.canvases.push((record, end));
            }
            Line::Dataset(head) => {
                contents.orgs.insert(head.org.clone());
                contents.totals.datasets += 1;
                check_dataset(&mut reader, head)?;
            }
            Line::Image(head) => {
                contents.orgs.insert(head.org.clone());
                contents.totals.images += 1;
                read_image(&mut reader, &head)?;
            }
            Line::End(totals) if totals == contents.totals => break,
            Line::End(_) => return Err(reader.wrong("it holds other things than it says at its end")),
            _ => return Err(reader.wrong("this line belongs into something that has not begun")),
        }
    }
    reader.finish()?;
    Ok(contents)
}

/// The rest of a canvas, whose updates meet the same check as those of a client. `[LIM-2]`
fn check_canvas<R: Read>(reader: &mut LineReader<R>) -> Result<CanvasEnd, TransferError> {
    let mut digest = ChangesDigest::default();
    let mut updates = Vec::new();
    let (mut folded, mut stated) = (false, false);
    loop {
        let (change, is_entry) = match reader.next()? {
            Line::Folded(change) if !stated && updates.is_empty() => (PastChange::from(change), false),
            Line::Entry(change) => (change.into(), true),
            Line::State(state) if !stated && updates.is_empty() => {
                check_update(&state.0).map_err(|what| reader.wrong(what))?;
                updates.push(state.0);
                stated = true;
                continue;
            }
            Line::Marks(_) => continue,
            Line::CanvasEnd(end) => {
                if folded && !stated {
                    return Err(reader.wrong("the canvas has a history, and not what it led to"));
                }
                if end != digest.end() {
                    return Err(reader.wrong("the canvas holds other changes than it says at its end"));
                }
                replay(&updates).map_err(|what| reader.wrong(what))?;
                return Ok(end);
            }
            _ => return Err(reader.wrong("this line does not belong into a canvas, or not here")),
        };
        check_update(&change.body).map_err(|what| reader.wrong(what))?;
        digest.add(&change);
        if is_entry {
            updates.push(change.body);
        } else {
            folded = true;
        }
    }
}

fn check_update(update: &[u8]) -> Result<protocol::UpdateSummary, String> {
    // A line is bounded already, and what a whole document holds is more than one message may.
    let limits = WireLimits { sync_bytes: usize::MAX, parts: u32::MAX, ..WireLimits::default() };
    protocol::check_sync_update(update, &limits).map_err(|refusal| refusal.to_string())
}

/// Builds the document as a room would, so that nothing is imported that no room could open. Nodes write one journal, so an update may
/// come before what it builds on: those wait for the others.
fn replay(updates: &[Bytes]) -> Result<(), String> {
    let mut document = Document::new();
    let mut waiting: Vec<&Bytes> = updates.iter().collect();
    loop {
        let mut still = Vec::new();
        for update in &waiting {
            document.admit(&check_update(update)?).map_err(|refusal| refusal.to_string())?;
            let batch = document.apply(&[update.as_ref()]).map_err(|broken| broken.reason)?;
            if batch.applied.contains(&Applied::Missing) {
                still.push(*update);
            }
        }
        // What waits for something that is nowhere is left out of the document when it is opened, too.
        if still.is_empty() || still.len() == waiting.len() {
            return Ok(());
        }
        waiting = still;
    }
}

fn check_dataset<R: Read>(reader: &mut LineReader<R>, head: DatasetHead) -> Result<(), TransferError> {
    let dataset = dataset(head).map_err(|what| reader.wrong(what))?;
    let mut count = 0;
    while let Some(rows) = read_rows(reader, &dataset)? {
        count += rows.len() as u64;
    }
    if count == dataset.row_count {
        Ok(())
    } else {
        Err(reader.wrong(format!("data set {} should have {} rows, and has {count}", dataset.id, dataset.row_count)))
    }
}

/// The next rows of a data set; `None` at its end.
fn read_rows<R: Read>(reader: &mut LineReader<R>, dataset: &Dataset) -> Result<Option<Vec<Vec<Cell>>>, TransferError> {
    let rows = match reader.next()? {
        Line::Rows(rows) => Some(rows.iter().map(|row| format::cells(row, &dataset.columns)).collect::<Result<_, _>>()),
        Line::DatasetEnd { .. } => None,
        _ => Some(Err("this line does not belong into a data set".to_owned())),
    };
    rows.transpose().map_err(|what| reader.wrong(what))
}

fn dataset(head: DatasetHead) -> Result<Dataset, String> {
    let column = |line: ColumnLine| {
        let kind = ColumnType::parse(&line.kind).ok_or_else(|| format!("no column is of type {:?}", line.kind))?;
        Ok(Column { name: line.name, kind })
    };
    Ok(Dataset {
        id: head.id,
        name: head.name,
        columns: head.columns.into_iter().map(column).collect::<Result<_, String>>()?,
        row_count: head.row_count,
        size_bytes: head.size_bytes,
        source: head.source,
        licence: head.licence,
        created_at: OffsetDateTime::from_unix_timestamp_nanos(i128::from(head.created_at) * 1_000_000)
            .map_err(|error| format!("created_at: {error}"))?,
    })
}

fn read_image<R: Read>(reader: &mut LineReader<R>, head: &ImageHead) -> Result<Bytes, TransferError> {
    let mut bytes = Vec::new();
    loop {
        match reader.next()? {
            Line::Bytes(chunk) if (bytes.len() + chunk.0.len()) as u64 <= head.size_bytes => {
                bytes.extend_from_slice(&chunk.0);
            }
            Line::ImageEnd { .. } if STANDARD.encode(Sha256::digest(&bytes)) == head.sha256 => return Ok(bytes.into()),
            _ => return Err(reader.wrong(format!("image {} is not what it was", head.id))),
        }
    }
}

/// Where what comes from each organization goes.
pub struct Tenants {
    /// By the organization it came from; what is not in it goes to `home`.
    pub known: BTreeMap<String, String>,
    /// The organization of the local owner.
    pub home: String,
    /// The local owner, to whom data sets and images belong then.
    pub owner_id: String,
}

impl Tenants {
    fn of(&self, org: &str) -> &str {
        self.known.get(org).unwrap_or(&self.home)
    }
}

/// What became of each canvas of an import.
#[derive(Debug, Default)]
pub struct Imported {
    /// Those that were written.
    pub new: Vec<CanvasRecord>,
    /// Those that took the place of one with other content.
    pub replaced: Vec<CanvasRecord>,
    /// Those that were there already.
    pub known: Vec<CanvasRecord>,
    /// Those that were left out, each with the reason.
    pub refused: Vec<(CanvasRecord, String)>,
    /// Data sets and images that were written, and canvases that were.
    pub written: Totals,
}

/// Imports a file that was [`check`]ed. Safe to repeat after any error.
///
/// # Errors
/// The file changed since it was checked, or something cannot be written. What was written until then is whole.
pub async fn import<R: Read + Seek + Send>(
    into: Installation<'_>,
    contents: &Contents,
    mut file: R,
    tenants: &Tenants,
    replace: bool,
) -> Result<Imported, TransferError> {
    let mut imported = Imported::default();
    let mut plans = Vec::new();
    for (record, end) in &contents.canvases {
        let mut record = record.clone();
        tenants.of(&record.org).clone_into(&mut record.org);
        plans.push(plan(into.store, record, end, replace, &mut imported).await?);
    }
    // What canvases show comes after them in the file and has to be there before them.
    file.rewind()?;
    import_shown(into, LineReader::new(&mut file)?, tenants, &mut imported.written).await?;
    file.rewind()?;
    let mut reader = LineReader::new(&mut file)?;
    let mut plans = plans.into_iter();
    loop {
        match reader.next()? {
            Line::Canvas(_) => {
                let plan = plans.next().unwrap_or_default();
                import_canvas(into.store, plan, replace, &mut reader, &mut imported.written).await?;
            }
            Line::End(_) => return Ok(imported),
            _ => {}
        }
    }
}

/// Imports the data sets and images; the rest was checked, and is passed over.
async fn import_shown<R: Read + Send>(
    into: Installation<'_>,
    mut reader: LineReader<R>,
    tenants: &Tenants,
    written: &mut Totals,
) -> Result<(), TransferError> {
    loop {
        match reader.next()? {
            Line::Dataset(head) => {
                let org = tenants.of(&head.org).to_owned();
                let new = import_dataset(into.datasets, &org, &tenants.owner_id, head, &mut reader).await?;
                written.datasets += u64::from(new);
            }
            Line::Image(head) => {
                let bytes = read_image(&mut reader, &head)?;
                let upload = images::Upload {
                    org: tenants.of(&head.org),
                    user: &tenants.owner_id,
                    media_type: &head.media_type,
                    announced_bytes: Some(head.size_bytes),
                };
                written.images += u64::from(into.images.adopt(upload, head.id, bytes).await?);
            }
            Line::End(_) => return Ok(()),
            _ => {}
        }
    }
}

/// What is to be written of a canvas: its record, or nothing.
type Plan = Option<CanvasRecord>;

async fn plan(
    store: &dyn Store,
    record: CanvasRecord,
    end: &CanvasEnd,
    replace: bool,
    imported: &mut Imported,
) -> Result<Plan, TransferError> {
    let Some(there) = store.canvas(record.id).await? else {
        imported.new.push(record.clone());
        return Ok(Some(record));
    };
    if there.org != record.org {
        let reason = "another organization has a canvas of this id".to_owned();
        imported.refused.push((record, reason));
    } else if changes(store, record.id).await? == *end {
        imported.known.push(record);
    } else if replace {
        imported.replaced.push(record.clone());
        return Ok(Some(record));
    } else {
        let reason = format!("{:?} is there with other content; --replace puts the file's in its place", there.name);
        imported.refused.push((record, reason));
    }
    Ok(None)
}

/// The digest of what is there of a canvas.
async fn changes(store: &dyn Store, id: CanvasId) -> Result<CanvasEnd, TransferError> {
    let (parts, mut handed_out) = mpsc::channel(PARTS);
    let read = async {
        let mut digest = ChangesDigest::default();
        while let Some(part) = handed_out.recv().await {
            if let Part::Folded(change) | Part::Entry(change) = part {
                digest.add(&change);
            }
        }
        digest.end()
    };
    let (found, digest) = tokio::join!(store.export_canvas(id, parts), read);
    found?;
    Ok(digest)
}

async fn import_canvas<R: Read + Send>(
    store: &dyn Store,
    plan: Plan,
    replace: bool,
    reader: &mut LineReader<R>,
    written: &mut Totals,
) -> Result<(), TransferError> {
    let Some(record) = plan else {
        while !matches!(reader.next()?, Line::CanvasEnd(_)) {}
        return Ok(());
    };
    let id = record.id;
    let (parts, handed_in) = mpsc::channel(PARTS);
    let read = async move {
        // A store that has failed receives no more; its error tells why.
        let _ = parts.send(Part::Record(record)).await;
        loop {
            let part = match reader.next()? {
                Line::Folded(change) => Part::Folded(change.into()),
                Line::Entry(change) => Part::Entry(change.into()),
                Line::Marks(line) => Part::Marks { marks: line.marks(), user_id: line.user_id },
                Line::State(state) => {
                    let mut document = Document::new();
                    document.apply(&[&state.0]).map_err(|broken| TransferError::Unreadable(id, broken.reason))?;
                    Part::Snapshot(document.encode_snapshot()?)
                }
                Line::CanvasEnd(_) => Part::End,
                _ => return Err(reader.wrong("the file has changed since it was checked")),
            };
            let last = part == Part::End;
            let _ = parts.send(part).await;
            if last {
                return Ok(());
            }
        }
    };
    let (stored, read) = tokio::join!(store.import_canvas(handed_in, replace), read);
    read?;
    if !stored? {
        return Err(TransferError::Unreadable(id, "it was made while it was imported; import again".to_owned()));
    }
    written.canvases += 1;
    Ok(())
}

/// `false`: it was there already.
async fn import_dataset<R: Read + Send>(
    datasets: &Datasets,
    org: &str,
    user: &str,
    head: DatasetHead,
    reader: &mut LineReader<R>,
) -> Result<bool, TransferError> {
    let dataset = dataset(head).map_err(|what| reader.wrong(what))?;
    let (rows, handed_in) = mpsc::channel(1);
    let adopt = datasets.adopt(org, user, dataset.clone(), handed_in);
    let read = async {
        let rows = rows;
        loop {
            let batch = read_rows(reader, &dataset)?;
            let last = batch.is_none();
            // Nobody receives where it is there already.
            let _ = rows.send(batch).await;
            if last {
                return Ok::<_, TransferError>(());
            }
        }
    };
    let (adopted, read) = tokio::join!(adopt, read);
    read?;
    Ok(adopted?)
}
