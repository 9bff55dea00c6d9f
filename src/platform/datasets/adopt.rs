//! Taking a dataset of another installation: as [`Datasets::upload`], but with its id and its rows instead of a file.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::{Cell, Column, Dataset, DatasetError, Datasets, Format, Uploaded, blocking};

impl Datasets {
    /// Takes a dataset of another installation, with its id and its rows in their order; `None` ends them. `false`: this organization has
    /// it already, and nothing was changed.
    ///
    /// # Errors
    /// [`DatasetError::Storage`] or [`DatasetError::DiskFull`], also if the rows stopped before their end or another organization has the
    /// id. Nothing is kept then.
    pub async fn adopt(
        &self,
        org: &str,
        user: &str,
        dataset: Dataset,
        mut rows: mpsc::Receiver<Option<Vec<Vec<Cell>>>>,
    ) -> Result<bool, DatasetError> {
        if self.get(org, dataset.id).await?.is_some() {
            return Ok(false);
        }
        let copy = self.store.file_for(dataset.id);
        let (rows_here, org, user) = (Arc::clone(&self.local.store), org.to_owned(), user.to_owned());
        let uploaded = Uploaded { org, user, format: Format::Json, dataset };
        let (uploaded, copy) = blocking(move || {
            let Uploaded { org, user, dataset, .. } = &uploaded;
            let mut file = copy.as_ref().map(|copy| Copy::begin(copy.path(), &dataset.columns)).transpose()?;
            let load = |insert_row: &mut dyn FnMut(&[Cell]) -> Result<(), DatasetError>| {
                let mut left = dataset.row_count;
                loop {
                    match rows.blocking_recv() {
                        Some(Some(batch)) => {
                            left = left.checked_sub(batch.len() as u64).ok_or_else(|| miscounted(dataset))?;
                            for row in &batch {
                                insert_row(row)?;
                                file.as_mut().map_or(Ok(()), |file| file.row(row))?;
                            }
                        }
                        Some(None) if left == 0 => return file.take().map_or(Ok(()), Copy::end),
                        Some(None) | None => return Err(miscounted(dataset)),
                    }
                }
            };
            if copy.is_some() {
                // Rows of a try that was cut off before anybody could see them.
                rows_here.remove(dataset.id)?;
            }
            rows_here.insert(org, user, dataset, load)?;
            Ok((uploaded, copy))
        })
        .await?;
        if let Some(copy) = copy {
            self.store.publish(&uploaded, copy.path()).await?;
        }
        Ok(true)
    }
}

/// A file with the rows of a dataset that comes without the one it was made from: `{"columns": [...], "rows": [...]}`, as uploads may be.
struct Copy {
    file: BufWriter<File>,
    first: bool,
}

impl Copy {
    fn begin(path: &Path, columns: &[Column]) -> Result<Self, DatasetError> {
        let mut file = BufWriter::new(File::create(path)?);
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        file.write_all(b"{\"columns\":")?;
        serde_json::to_writer(&mut file, &names).map_err(std::io::Error::from)?;
        file.write_all(b",\"rows\":[")?;
        Ok(Self { file, first: true })
    }

    fn row(&mut self, cells: &[Cell]) -> Result<(), DatasetError> {
        if !std::mem::take(&mut self.first) {
            self.file.write_all(b",")?;
        }
        Ok(serde_json::to_writer(&mut self.file, cells).map_err(std::io::Error::from)?)
    }

    fn end(mut self) -> Result<(), DatasetError> {
        self.file.write_all(b"]}")?;
        Ok(self.file.flush()?)
    }
}

fn miscounted(dataset: &Dataset) -> DatasetError {
    DatasetError::Storage(format!("data set {}: it should have {} rows, and has not", dataset.id, dataset.row_count))
}
