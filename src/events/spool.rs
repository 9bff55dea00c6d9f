//! Batches on disk, while the store does not take them. Owns one folder, its bound, and that a file in it is whole.
//!
//! A file is `<batch id>.<table>.jsonl`: the rows as JSON lines. It is written under another name, synced and then renamed, so a name like
//! that is a whole batch, also after a crash; what a crash left under the other name is removed at the next start. Ids sort by time, so the
//! first name is the oldest batch.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;

use super::Batch;

const WHOLE: &str = "jsonl";
const PARTIAL: &str = "part";
const UNREADABLE: &str = "unreadable";

/// Why a batch is not in the spool.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// With it there would be more than the bound.
    #[error("the spool holds {bytes} bytes already")]
    Full {
        /// What it holds.
        bytes: u64,
    },
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] io::Error),
}

/// The folder; clones share it.
#[derive(Clone)]
pub struct Spool(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    most_bytes: u64,
    files: Mutex<Files>,
    news: Notify,
}

#[derive(Default)]
struct Files {
    bytes: u64,
    /// Names with sizes, the oldest first.
    names: BTreeMap<String, u64>,
}

impl Spool {
    /// Opens the folder or makes it, removes what was not finished and finds what is to be sent. Blocks.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn open(folder: &Path, most_bytes: u64) -> io::Result<Self> {
        // Addresses of people are in there.
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut files = Files::default();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            let is = |extension: &str| path.extension().is_some_and(|found| found == extension);
            if is(PARTIAL) {
                fs::remove_file(&path)?;
            } else if let (true, Ok(name)) = (is(WHOLE), entry.file_name().into_string()) {
                let size = entry.metadata()?.len();
                files.bytes += size;
                files.names.insert(name, size);
            }
        }
        if !files.names.is_empty() {
            tracing::info!(
                batches = files.names.len(),
                bytes = files.bytes,
                "usage events of an earlier run wait to be sent"
            );
        }
        let folder = folder.to_owned();
        Ok(Self(Arc::new(Inner { folder, most_bytes, files: Mutex::new(files), news: Notify::new() })))
    }

    /// Bytes of whole batches.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files().bytes
    }

    /// Waits until a batch has been put in since the last time this was waited for.
    pub(super) async fn news(&self) {
        self.0.news.notified().await;
    }

    /// Puts a batch in. When this answers, it survives a crash. Blocks.
    ///
    /// # Errors
    /// There is no room for it, or the disk refused; then nothing of it is there.
    pub fn put(&self, batch: &Batch) -> Result<(), SpoolError> {
        let lines = batch.encode().map_err(io::Error::from)?;
        let size = lines.len() as u64;
        let name = format!("{}.{}.{WHOLE}", batch.id, batch.table());
        {
            // Room is taken before the file is there: two that write at once do not share it.
            let mut files = self.files();
            if files.bytes + size > self.0.most_bytes {
                return Err(SpoolError::Full { bytes: files.bytes });
            }
            files.bytes += size;
        }
        if let Err(error) = self.write(&name, &lines) {
            self.files().bytes -= size;
            let _ = fs::remove_file(self.partial(&name));
            return Err(error.into());
        }
        {
            let mut files = self.files();
            let replaced = files.names.insert(name, size);
            files.bytes -= replaced.unwrap_or_default();
        }
        self.0.news.notify_one();
        Ok(())
    }

    fn write(&self, name: &str, lines: &[u8]) -> io::Result<()> {
        let partial = self.partial(name);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
        file.write_all(lines)?;
        file.sync_all()?;
        fs::rename(partial, self.0.folder.join(name))?;
        // The name is an entry of the folder, which has a sync of its own.
        File::open(&self.0.folder)?.sync_all()
    }

    fn partial(&self, name: &str) -> PathBuf {
        self.0.folder.join(name).with_extension(PARTIAL)
    }

    /// The name of the oldest batch.
    pub(super) fn oldest(&self) -> Option<String> {
        self.files().names.first_key_value().map(|(name, _)| name.clone())
    }

    /// Reads a batch. Blocks.
    ///
    /// # Errors
    /// `Err(InvalidData)`: it is no batch; otherwise the disk refused.
    pub(super) fn read(&self, name: &str) -> io::Result<Batch> {
        let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let mut parts = name.split('.');
        let id =
            parts.next().and_then(|id| Uuid::parse_str(id).ok()).ok_or_else(|| invalid("no batch id in its name"))?;
        let table = parts.next().unwrap_or_default();
        let lines = fs::read(self.0.folder.join(name))?;
        let batch = Batch::decode(id, table, &lines).map_err(|error| invalid(&error.to_string()))?;
        batch.ok_or_else(|| invalid("no such table"))
    }

    /// Takes a batch out that has been stored or refused. Blocks.
    pub(super) fn remove(&self, name: &str) {
        if let Err(error) = fs::remove_file(self.0.folder.join(name)) {
            // It is sent again at the next start, and taken once.
            tracing::warn!(file = name, %error, "a batch of usage events that was sent cannot be removed from the spool");
        }
        self.forget(name);
    }

    /// Puts a file that is no batch aside, for whoever runs this server. Blocks.
    pub(super) fn set_aside(&self, name: &str) {
        let path = self.0.folder.join(name);
        if let Err(error) = fs::rename(&path, path.with_extension(UNREADABLE)) {
            tracing::warn!(file = name, %error, "an unreadable file of the spool cannot be renamed");
        }
        self.forget(name);
    }

    fn forget(&self, name: &str) {
        let mut files = self.files();
        if let Some(size) = files.names.remove(name) {
            files.bytes -= size;
        }
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.0.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{QueryRun, Rows};

    fn batch(queries: usize) -> Batch {
        Batch::new(Rows::Queries(vec![QueryRun::default(); queries]))
    }

    #[test]
    fn evt_1_batches_survive_a_restart_oldest_first_and_half_written_ones_are_recognised() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let spool = Spool::open(&path, 1 << 20).unwrap();
        assert_eq!((spool.oldest(), spool.bytes()), (None, 0));
        let (first, second) = (batch(2), batch(3));
        // In whatever order they are put in.
        spool.put(&second).unwrap();
        spool.put(&first).unwrap();
        let bytes = spool.bytes();
        drop(spool);
        fs::write(path.join("0190.query_performance.part"), "{\"timestamp\":17000").unwrap();
        fs::write(path.join("README"), "not ours").unwrap();
        let spool = Spool::open(&path, 1 << 20).unwrap();
        assert_eq!(spool.bytes(), bytes);
        let name = spool.oldest().unwrap();
        assert_eq!(spool.read(&name).unwrap(), first);
        spool.remove(&name);
        let name = spool.oldest().unwrap();
        assert_eq!(spool.read(&name).unwrap(), second);
        // Put in twice, it is there once.
        let bytes = spool.bytes();
        spool.put(&second).unwrap();
        assert_eq!(spool.bytes(), bytes);
        spool.remove(&name);
        assert_eq!((spool.oldest(), spool.bytes()), (None, 0));
        let left: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["README"]);
    }

    #[test]
    fn evt_1_the_bound_holds_and_what_is_no_batch_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let size = batch(1).encode().unwrap().len() as u64;
        let spool = Spool::open(folder.path(), size + 1).unwrap();
        spool.put(&batch(1)).unwrap();
        assert!(matches!(spool.put(&batch(1)), Err(SpoolError::Full { bytes }) if bytes == size));
        let name = spool.oldest().unwrap();
        fs::write(folder.path().join(&name), "{\"timestamp\":17000").unwrap();
        assert_eq!(spool.read(&name).unwrap_err().kind(), io::ErrorKind::InvalidData);
        spool.set_aside(&name);
        assert_eq!((spool.oldest(), spool.bytes()), (None, 0));
        spool.put(&batch(1)).unwrap();
    }
}
