-- platform/images: what is known of each image. Its bytes are a file images/<id> of the data directory, there before its row.

create table images (
    id         blob primary key,            -- UUID v7, 16 bytes
    org        text    not null,            -- the organization that owns it; part of every query
    media_type text    not null,            -- image/png | image/jpeg | image/webp | image/gif, as its first bytes say
    width      integer not null,            -- pixels
    height     integer not null,
    size_bytes integer not null,
    created_by text    not null,
    created_at integer not null             -- milliseconds since the epoch, UTC
) strict, without rowid;
