//! Owns the reasons a dataset is refused or cannot be reached, in words for whoever can do something about it.
//! It refuses to know HTTP; `http` gives each its status.

use crate::http::upload::UploadError;

/// Why a dataset could not be taken or read. What the uploader can mend names the place in the file; the rest is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The file is not what it says it is. The uploader mends the file.
    #[error("line {line}, column {column}: {what}")]
    BadFile {
        /// 1-based line of the file.
        line: u64,
        /// CSV: 1-based number of the value in its row, as a spreadsheet counts. JSON: byte of the line at which reading stopped.
        column: u64,
        /// A sentence without a full stop.
        what: String,
    },
    /// The file names more columns than a dataset may have.
    #[error("line {line}: the file has more than {limit} columns, the most a dataset may have")]
    TooManyColumns {
        /// 1-based line where the limit was passed.
        line: u64,
        /// The limit, in columns.
        limit: usize,
    },
    /// The file has more rows than a dataset may have.
    #[error("line {line}: the file has more than {limit} rows, the most a dataset may have")]
    TooManyRows {
        /// 1-based line where the limit was passed.
        line: u64,
        /// The limit, in rows.
        limit: u64,
    },
    /// One value is longer than a cell may be.
    #[error("line {line}, column {column}: {what}")]
    CellTooLarge {
        /// As in [`Self::BadFile`].
        line: u64,
        /// As in [`Self::BadFile`].
        column: u64,
        /// A sentence without a full stop.
        what: String,
        /// The limit, in bytes.
        limit_bytes: usize,
    },
    /// A parameter of the request (`name`, `source`, `licence`) is missing or too long.
    #[error("{what}")]
    BadParameter {
        /// Which parameter.
        name: &'static str,
        /// A sentence without a full stop.
        what: String,
    },
    /// The body is neither CSV nor JSON in UTF-8, by its own account.
    #[error("a dataset is sent as text/csv or application/json in UTF-8, not as {given}")]
    UnsupportedType {
        /// The media type that was given.
        given: String,
    },
    /// It did not arrive.
    #[error(transparent)]
    Upload(UploadError),
    /// The disk that holds the datasets is full. The operator frees space.
    #[error("the disk that holds the datasets is full")]
    DiskFull,
    /// The store failed. The operator reads the log.
    #[error("the dataset store failed: {0}")]
    Storage(String),
}

impl From<std::io::Error> for DatasetError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull { Self::DiskFull } else { Self::Storage(error.to_string()) }
    }
}

impl From<UploadError> for DatasetError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Storage(error) => error.into(),
            error => Self::Upload(error),
        }
    }
}
