//! Connection handles to the services Jabiru can use. Owns connecting, migrating and running work on a connection; knows no table.

pub mod clickhouse;
pub mod migrations;
pub mod mongo;
pub mod redis;
pub mod sqlite;
