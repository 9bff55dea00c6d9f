//! What an active client says: real Yjs updates, cursors, or a renewal of its presence now and then.

use bytes::Bytes;
use jabiru::protocol::{encode_awareness, sync_step2, update};
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{ClientID, Doc, OffsetKind, Options, ReadTxn, StateVector, Text, Transact, WriteTxn};

use crate::marker::Marker;
use crate::options::Activity;

/// An update without structs and deletions: a client that has nothing answers a sync step 1 with it.
const EMPTY_UPDATE: [u8; 2] = [0, 0];

/// One client's side of the conversation.
pub(crate) struct Voice {
    activity: Activity,
    doc: Option<Doc>,
    client: u32,
    clock: u32,
    /// Written behind each marker, for updates of a size.
    padding: String,
}

impl Voice {
    pub(crate) fn new(activity: Activity, padding: usize) -> Self {
        let client = rand::random::<u32>() | 1;
        let doc = matches!(activity, Activity::Updates | Activity::Intake).then(|| {
            let client_id = ClientID::new(u64::from(client));
            Doc::with_options(Options { client_id, offset_kind: OffsetKind::Utf16, ..Options::default() })
        });
        let padding = if doc.is_some() { "x".repeat(padding) } else { String::new() };
        Self { activity, doc, client, clock: 0, padding }
    }

    /// The next message.
    pub(crate) fn say(&mut self, marker: Marker) -> Bytes {
        if let Some(doc) = &self.doc {
            let mut txn = doc.transact_mut();
            let text = txn.get_or_insert_text("load");
            text.push(&mut txn, &format!("{marker}{}", self.padding));
            return update(&txn.encode_update_v1());
        }
        self.clock += 1;
        let state = match self.activity {
            Activity::Renewals => r##"{"user":{"name":"Load","color":"#0369a1"}}"##.to_owned(),
            _ => cursor(marker),
        };
        encode_awareness([(u64::from(self.client), self.clock, Some(state.as_bytes()))])
    }

    /// The state vector of what was said so far.
    pub(crate) fn state_vector(&self) -> Vec<u8> {
        let state = self.doc.as_ref().map(|doc| doc.transact().state_vector());
        state.unwrap_or_default().encode_v1()
    }

    /// The answer to a sync step 1.
    pub(crate) fn answer(&self, state_vector: &[u8]) -> Bytes {
        let since = StateVector::decode_v1(state_vector);
        match (&self.doc, since) {
            (Some(doc), Ok(since)) => sync_step2(&doc.transact().encode_diff_v1(&since)),
            _ => sync_step2(&EMPTY_UPDATE),
        }
    }
}

/// The state of a pointer that moves over a block, in the shape and size of Jabiru's own client.
fn cursor(marker: Marker) -> String {
    let (x, y) = (marker.number % 97, marker.number % 89);
    let seat = marker.seat;
    format!(
        r##"{{"user":{{"id":"load-{seat}","name":"Load {seat}","color":"#0369a1"}},"pointer":{{"block":"block_{seat}","fx":0.{x:02},"fy":0.{y:02}}},"selection":[],"drag":null,"idle":false,"mark":"{marker}"}}"##
    )
}
