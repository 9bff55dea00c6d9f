-- Usage events beside the canvases when there is no ClickHouse: the same columns, and an index for the usage pages.

alter table user_events add column ip_address text not null default '0.0.0.0';
alter table user_events add column user_agent text not null default '';
alter table user_events add column canvas_id text generated always as (json_extract(event_data, '$.canvas_id')) virtual;
create index user_events_by_canvas on user_events (canvas_id, timestamp) where canvas_id is not null;

create table query_performance (
    id                integer primary key,
    timestamp         integer not null,     -- milliseconds since the epoch, UTC
    query_id          text    not null,
    user_id           text    not null,
    organization_id   text    not null,
    query_type        text    not null,
    execution_time_ms integer not null,
    rows_processed    integer not null,
    bytes_processed   integer not null,
    cache_hit         integer not null,     -- 0 | 1
    error_code        text    not null
) strict;

create table system_metrics (
    id           integer primary key,
    timestamp    integer not null,
    metric_name  text    not null,
    metric_value real    not null,
    tags         text    not null,          -- JSON
    instance_id  text    not null
) strict;

-- The batches of events that were written last: one that is handed in again is written once.
create table event_batches (
    id blob primary key,                    -- UUID v7, 16 bytes
    at integer not null
) strict, without rowid;
