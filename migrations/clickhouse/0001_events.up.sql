-- What happens in Jabiru, for its usage pages and for whoever asks with tools of their own. The shapes of the data model, kept as long as
-- its retention says. `non_replicated_deduplication_window`: a batch that is sent again within so many others is taken once.

create table if not exists user_events (
    timestamp       DateTime64(3),
    user_id         String,
    organization_id String,
    event_type      LowCardinality(String),
    event_data      String, -- JSON
    session_id      String,
    ip_address      IPv4, -- 0.0.0.0: unknown, or not of version 4; then event_data says it as ip_address
    user_agent      String
) engine = MergeTree()
partition by toYYYYMM(timestamp)
order by (organization_id, user_id, timestamp)
ttl toDateTime(timestamp) + interval 36 month
settings non_replicated_deduplication_window = 10000;

create table if not exists query_performance (
    timestamp         DateTime64(3),
    query_id          String,
    user_id           String,
    organization_id   String,
    query_type        LowCardinality(String),
    execution_time_ms UInt32,
    rows_processed    UInt64,
    bytes_processed   UInt64,
    cache_hit         Boolean,
    error_code        String
) engine = MergeTree()
partition by toYYYYMM(timestamp)
order by (organization_id, timestamp)
ttl toDateTime(timestamp) + interval 24 month
settings non_replicated_deduplication_window = 10000;

create table if not exists system_metrics (
    timestamp    DateTime64(3),
    metric_name  LowCardinality(String),
    metric_value Float64,
    tags         Map(String, String),
    instance_id  String
) engine = MergeTree()
partition by toYYYYMM(timestamp)
order by (metric_name, timestamp)
ttl toDateTime(timestamp) + interval 24 month
settings non_replicated_deduplication_window = 10000;
