-- The files in images/ of the data directory go at the next start: they have no row.
drop table images;
