drop table event_batches;
drop table system_metrics;
drop table query_performance;
drop index user_events_by_canvas;
alter table user_events drop column canvas_id;
alter table user_events drop column user_agent;
alter table user_events drop column ip_address;
