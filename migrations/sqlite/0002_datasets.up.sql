-- platform/datasets, in the file datasets.db of the data directory.
-- Safe to run again. The rows of a dataset are in a table of their own, rows_<id>, made when it is uploaded.

CREATE TABLE IF NOT EXISTS datasets (
    id            TEXT    PRIMARY KEY,  -- UUID v7, 32 hexadecimal digits: sorts by time of upload
    org           TEXT    NOT NULL,     -- organization that owns it; part of every query
    name          TEXT    NOT NULL,
    row_count     INTEGER NOT NULL,
    size_bytes    INTEGER NOT NULL,     -- of the uploaded file
    source        TEXT,                 -- where the data comes from, as the uploader wrote it
    licence       TEXT,                 -- terms of use, as the uploader wrote it
    created_by    TEXT    NOT NULL,     -- person who uploaded it
    created_at_ms INTEGER NOT NULL      -- Unix time
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS datasets_by_org ON datasets (org, id);

CREATE TABLE IF NOT EXISTS dataset_columns (
    dataset_id TEXT    NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,        -- from 0, in the order of the file
    name       TEXT    NOT NULL,        -- also the name of the column of rows_<id>
    type       TEXT    NOT NULL CHECK (type IN ('string', 'number', 'boolean', 'date')),
    PRIMARY KEY (dataset_id, position)
) STRICT, WITHOUT ROWID;
