-- Forgets every dataset. The tables rows_<id> go with the file datasets.db, which the operator removes.
DROP TABLE IF EXISTS dataset_columns;
DROP TABLE IF EXISTS datasets;
