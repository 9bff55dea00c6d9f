-- The kernel: canvases with their journal, snapshots and history; the people of this installation; usage events.

create table canvases (
    id          blob primary key,           -- UUID v7, 16 bytes
    org         text not null,              -- the organization that owns it; part of every query
    owner_id    text not null,
    name        text not null,              -- mirrored from the document whenever its journal is written
    description text not null,
    block_count integer not null,
    created_at  integer not null,           -- milliseconds since the epoch, UTC, as all times here
    updated_at  integer not null,
    deleted_at  integer
) strict, without rowid;
create index canvases_by_org on canvases (org, id desc);

-- The journal. One row for each change a room wrote: a Yjs update (v1).
create table canvas_updates (
    canvas_id blob    not null,
    seq       integer not null,             -- 1, 2, 3 … per canvas, never reused
    at        integer not null,
    actors    text    not null,             -- JSON array of the user ids whose edits are in it
    body      blob    not null,
    primary key (canvas_id, seq)
) strict, without rowid;

-- A snapshot folds the journal up to and including `through_seq`: Yjs state v2 in a zstd frame.
create table canvas_snapshots (
    canvas_id   blob    not null,
    through_seq integer not null,
    at          integer not null,
    body        blob    not null,
    primary key (canvas_id, through_seq)
) strict, without rowid;

-- What was folded, kept beside the document for its history: the rows of `canvas_updates` as JSON lines
-- {"seq","at","actors","body" (base64)} in a zstd frame.
create table canvas_history (
    canvas_id blob    not null,
    first_seq integer not null,
    last_seq  integer not null,
    body      blob    not null,
    primary key (canvas_id, first_seq)
) strict, without rowid;

-- Updates that broke a document, kept out of it for inspection.
create table canvas_quarantine (
    id        integer primary key,
    canvas_id blob    not null,
    at        integer not null,
    actor     text    not null,
    reason    text    not null,
    body      blob    not null
) strict;

create table organizations (
    id         text primary key,
    name       text not null,
    created_at integer not null
) strict, without rowid;

create table users (
    id         text primary key,
    org        text not null references organizations (id),
    name       text not null,
    role       text not null,               -- owner | admin | member
    created_at integer not null
) strict, without rowid;

create table sessions (
    token_hash blob primary key,            -- SHA-256 of the cookie's value; the value itself is nowhere
    user_id    text    not null references users (id),
    expires_at integer not null
) strict, without rowid;

create table login_links (
    token_hash blob primary key,
    user_id    text    not null references users (id),
    expires_at integer not null
) strict, without rowid;

create table user_events (
    id              integer primary key,
    timestamp       integer not null,
    user_id         text    not null,
    organization_id text    not null,
    event_type      text    not null,
    event_data      text    not null,       -- JSON
    session_id      text    not null
) strict;
create index user_events_by_org on user_events (organization_id, timestamp);
