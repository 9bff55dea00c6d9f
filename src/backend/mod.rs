//! Connection handles to the services Jabiru can use. Owns connecting, migrating, running work on a connection, and counting it; knows no
//! table.

pub(crate) mod calls;
pub mod clickhouse;
pub mod migrations;
pub mod mongo;
pub mod redis;
pub mod sqlite;
