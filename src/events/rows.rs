//! The rows of the three tables, in the shape of the data model, and the batches they travel in. Owns how they are written as JSON lines,
//! which is what the spool holds and what ClickHouse reads.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Origin;
use crate::access::Identity;
use crate::clock::Millis;

/// Something that happened: a row of `user_events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageEvent {
    /// When; set by [`super::Events::record`].
    #[serde(with = "seconds")]
    pub timestamp: Millis,
    /// Who.
    pub user_id: String,
    /// On whose behalf.
    pub organization_id: String,
    /// What, e.g. `canvas.joined`.
    pub event_type: Cow<'static, str>,
    /// More about it; never content.
    #[serde(with = "json_text")]
    pub event_data: Value,
    /// Which session, if one; a name for it, never the credential.
    pub session_id: String,
    /// From which address; `0.0.0.0` if that is unknown or of IPv6, which the data model's column cannot hold: then `event_data` has it as
    /// `ip_address`.
    pub ip_address: Ipv4Addr,
    /// With which program.
    pub user_agent: String,
}

impl UsageEvent {
    /// An event of somebody in a session.
    #[must_use]
    pub fn of(
        identity: &Identity,
        origin: &Origin,
        session: String,
        event_type: &'static str,
        mut event_data: Value,
    ) -> Self {
        let ip_address = match origin.ip {
            Some(IpAddr::V4(ip)) => ip,
            Some(IpAddr::V6(ip)) => {
                event_data["ip_address"] = ip.to_string().into();
                Ipv4Addr::UNSPECIFIED
            }
            None => Ipv4Addr::UNSPECIFIED,
        };
        Self {
            timestamp: 0,
            user_id: identity.user_id.clone(),
            organization_id: identity.org.clone(),
            event_type: Cow::Borrowed(event_type),
            event_data,
            session_id: session,
            ip_address,
            user_agent: origin.user_agent.as_ref().to_owned(),
        }
    }
}

/// A query that ran: a row of `query_performance`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryRun {
    /// When it ended; set by [`super::Events::query`].
    #[serde(with = "seconds")]
    pub timestamp: Millis,
    /// Its own id.
    pub query_id: String,
    /// Who asked; empty: the server itself.
    pub user_id: String,
    /// On whose behalf.
    pub organization_id: String,
    /// What kind, e.g. `dataset.rows`.
    pub query_type: Cow<'static, str>,
    /// How long it took.
    pub execution_time_ms: u32,
    /// Rows it read.
    pub rows_processed: u64,
    /// Bytes of values it read, as far as they are counted.
    pub bytes_processed: u64,
    /// Whether the answer was remembered.
    pub cache_hit: bool,
    /// Empty: it went well.
    pub error_code: Cow<'static, str>,
}

/// One number of the node at one time: a row of `system_metrics`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricSample {
    /// When; set by [`super::Events::samples`].
    #[serde(with = "seconds")]
    pub timestamp: Millis,
    /// As `/metrics` calls it.
    pub metric_name: String,
    /// Its value.
    pub metric_value: f64,
    /// Its labels.
    pub tags: BTreeMap<String, String>,
    /// The node.
    pub instance_id: String,
}

/// Rows of one table.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// Of `user_events`.
    Events(Vec<UsageEvent>),
    /// Of `query_performance`.
    Queries(Vec<QueryRun>),
    /// Of `system_metrics`.
    Metrics(Vec<MetricSample>),
}

/// Rows that travel together and are stored together, once.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Names it, so that handing it in again stores it once. Sorts by time.
    pub id: Uuid,
    /// What it holds; never nothing.
    pub rows: Rows,
}

impl Batch {
    /// A batch with a new id.
    #[must_use]
    pub fn new(rows: Rows) -> Self {
        Self { id: Uuid::now_v7(), rows }
    }

    /// The table it is for.
    #[must_use]
    pub fn table(&self) -> &'static str {
        match self.rows {
            Rows::Events(_) => "user_events",
            Rows::Queries(_) => "query_performance",
            Rows::Metrics(_) => "system_metrics",
        }
    }

    /// How many rows it has.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.rows {
            Rows::Events(rows) => rows.len(),
            Rows::Queries(rows) => rows.len(),
            Rows::Metrics(rows) => rows.len(),
        }
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its rows as JSON lines, as ClickHouse's `JSONEachRow` reads them.
    ///
    /// # Errors
    /// A value cannot be written as JSON; there is none such.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        match &self.rows {
            Rows::Events(rows) => encode(rows),
            Rows::Queries(rows) => encode(rows),
            Rows::Metrics(rows) => encode(rows),
        }
    }

    /// The batch that [`Batch::encode`] wrote; `None` for a table it does not know.
    ///
    /// # Errors
    /// These are not such lines.
    pub fn decode(id: Uuid, table: &str, lines: &[u8]) -> Result<Option<Self>, serde_json::Error> {
        let rows = match table {
            "user_events" => Rows::Events(decode(lines)?),
            "query_performance" => Rows::Queries(decode(lines)?),
            "system_metrics" => Rows::Metrics(decode(lines)?),
            _ => return Ok(None),
        };
        Ok(Some(Self { id, rows }))
    }
}

fn encode<T: Serialize>(rows: &[T]) -> Result<Vec<u8>, serde_json::Error> {
    let mut lines = Vec::with_capacity(rows.len() * 384);
    for row in rows {
        serde_json::to_writer(&mut lines, row)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

fn decode<T: DeserializeOwned>(lines: &[u8]) -> Result<Vec<T>, serde_json::Error> {
    serde_json::Deserializer::from_slice(lines).into_iter().collect()
}

/// Times as seconds with milliseconds, which is how ClickHouse reads a number for a `DateTime64`. An `f64` holds them exactly for 285,000
/// years.
mod seconds {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::clock::Millis;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(at: &Millis, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(*at as f64 / 1000.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Millis, D::Error> {
        Ok((f64::deserialize(deserializer)? * 1000.0).round() as Millis)
    }
}

/// JSON inside a string: the data model's column is text.
mod json_text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use serde_json::Value;

    pub(super) fn serialize<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        serde_json::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ann() -> Identity {
        Identity::new("ann".to_owned(), "Ann".to_owned(), "org".to_owned())
    }

    #[test]
    fn a_batch_reads_as_it_was_written() {
        let origin = Origin::new(Some("::ffff:192.0.2.7".parse().unwrap()), "Büro/1.0 \"x\"");
        let event = UsageEvent::of(&ann(), &origin, "s".to_owned(), "canvas.opened", json!({ "canvas_id": "c" }));
        assert_eq!(event.ip_address, Ipv4Addr::new(192, 0, 2, 7));
        let query = QueryRun { timestamp: 1_700_000_000_123, rows_processed: 3, ..QueryRun::default() };
        let metric = MetricSample {
            metric_value: 0.25,
            tags: [("a".to_owned(), "b\n".to_owned())].into(),
            ..Default::default()
        };
        for rows in [
            Rows::Events(vec![UsageEvent { timestamp: 1_799_999_999_999, ..event.clone() }, event]),
            Rows::Queries(vec![query]),
            Rows::Metrics(vec![metric]),
        ] {
            let batch = Batch::new(rows);
            let lines = batch.encode().unwrap();
            assert_eq!(lines.split(|byte| *byte == b'\n').count(), batch.len() + 1);
            assert_eq!(Batch::decode(batch.id, batch.table(), &lines).unwrap(), Some(batch));
        }
        assert!(Batch::decode(Uuid::nil(), "user_events", b"{\"timestamp\":1").is_err());
    }

    #[test]
    fn evt_1_an_address_the_column_cannot_hold_is_in_the_data() {
        let origin = Origin::new(Some("2001:db8::1".parse().unwrap()), &"ü".repeat(300));
        let event = UsageEvent::of(&ann(), &origin, String::new(), "canvas.opened", json!({}));
        assert_eq!((event.ip_address, &event.event_data["ip_address"]), (Ipv4Addr::UNSPECIFIED, &json!("2001:db8::1")));
        assert_eq!(event.user_agent.len(), 256);
    }
}
