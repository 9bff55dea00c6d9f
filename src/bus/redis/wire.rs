//! The bytes on the bus: entries of the stream as named fields, messages of the channel packed.
//!
//! Whoever can write into this Redis is trusted to be a node; bytes that cannot be read are left out and logged, and updates pass the
//! same check as a client's before a document sees them.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use redis::Cmd;
use uuid::Uuid;

use super::{CHANNEL, Frame, KEPT, STREAM};
use crate::id::CanvasId;

/// What an entry of the stream says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Change(CanvasId, Bytes),
    Reload(CanvasId),
    /// More than can be named was not written.
    Missed,
    Beat,
    Bye,
}

/// One entry of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) node: Arc<str>,
    /// Counts this node's entries from 1.
    pub(super) seq: u64,
    pub(super) said: Said,
}

const NODE: &str = "node";
const SEQ: &str = "seq";
const KIND: &str = "kind";
const CANVAS: &str = "canvas";
const UPDATE: &str = "update";

/// The command that writes an entry.
pub(super) fn add(node: &str, seq: u64, said: &Said) -> Cmd {
    let mut cmd = redis::cmd("XADD");
    cmd.arg(STREAM).arg("MAXLEN").arg("~").arg(KEPT).arg("*").arg(NODE).arg(node).arg(SEQ).arg(seq).arg(KIND);
    match said {
        Said::Change(canvas, update) => {
            cmd.arg("change").arg(CANVAS).arg(canvas.0.as_bytes()).arg(UPDATE).arg(&update[..])
        }
        Said::Reload(canvas) => cmd.arg("reload").arg(CANVAS).arg(canvas.0.as_bytes()),
        Said::Missed => cmd.arg("missed"),
        Said::Beat => cmd.arg("beat"),
        Said::Bye => cmd.arg("bye"),
    };
    cmd
}

/// Reads the fields of an entry; `None` if they are not what a node writes.
pub(super) fn entry(fields: Vec<Bytes>) -> Option<Entry> {
    let (mut node, mut seq, mut kind, mut canvas, mut update) = (None, None, None, None, None);
    let mut fields = fields.into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        let text = || std::str::from_utf8(&value).ok();
        match std::str::from_utf8(&name).ok()? {
            NODE => node = text().map(Arc::from),
            SEQ => seq = text().and_then(|text| text.parse().ok()),
            KIND => kind = Some(value),
            CANVAS => canvas = Uuid::from_slice(&value).ok().map(CanvasId),
            UPDATE => update = Some(value),
            // A newer node may say more.
            _ => {}
        }
    }
    let said = match &kind?[..] {
        b"change" => Said::Change(canvas?, update?),
        b"reload" => Said::Reload(canvas?),
        b"missed" => Said::Missed,
        b"beat" => Said::Beat,
        b"bye" => Said::Bye,
        _ => return None,
    };
    Some(Entry { node: node?, seq: seq?, said })
}

const PRESENCE: u8 = 1;
const WHO_IS_THERE: u8 = 2;

pub(super) fn presence(node: &str, canvas: CanvasId, states: &[u8]) -> Bytes {
    message(PRESENCE, node, canvas, states)
}

pub(super) fn who_is_there(node: &str, canvas: CanvasId) -> Bytes {
    message(WHO_IS_THERE, node, canvas, &[])
}

/// kind (1 byte) · length of the node's name (1 byte) · name · canvas (16 bytes) · the rest.
fn message(kind: u8, node: &str, canvas: CanvasId, rest: &[u8]) -> Bytes {
    let name = node.as_bytes().get(..node.len().min(255)).unwrap_or_default();
    let mut out = BytesMut::with_capacity(18 + name.len() + rest.len());
    out.put_u8(kind);
    out.put_u8(name.len() as u8);
    out.put_slice(name);
    out.put_slice(canvas.0.as_bytes());
    out.put_slice(rest);
    out.freeze()
}

/// The command that sends a message.
pub(super) fn send(message: &[u8]) -> Cmd {
    let mut cmd = redis::cmd("PUBLISH");
    cmd.arg(CHANNEL).arg(message);
    cmd
}

/// Reads a message; `None` if it is not what a node sends.
pub(super) fn frame(mut message: Bytes) -> Option<Frame> {
    let (kind, length) = (*message.first()?, usize::from(*message.get(1)?));
    if message.len() < 18 + length {
        return None;
    }
    let states = message.split_off(18 + length);
    let node = Arc::from(std::str::from_utf8(message.get(2..2 + length)?).ok()?);
    let canvas = CanvasId(Uuid::from_slice(message.get(2 + length..)?).ok()?);
    match kind {
        PRESENCE => Some(Frame::Presence { node, canvas, states }),
        WHO_IS_THERE => Some(Frame::WhoIsThere { node, canvas }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use redis::Arg;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let canvas = CanvasId::generate();
        let all = [
            Said::Change(canvas, Bytes::from_static(b"\0\xffupdate")),
            Said::Reload(canvas),
            Said::Missed,
            Said::Beat,
            Said::Bye,
        ];
        for (seq, said) in all.into_iter().enumerate() {
            let cmd = add("ann", seq as u64, &said);
            let args = cmd.args_iter().map(|arg| match arg {
                Arg::Simple(bytes) => Bytes::copy_from_slice(bytes),
                _ => Bytes::new(),
            });
            let fields = args.skip_while(|arg| &arg[..] != b"node").collect();
            assert_eq!(entry(fields), Some(Entry { node: "ann".into(), seq: seq as u64, said }));
        }
        let states = Bytes::from_static(b"states");
        let said = Frame::Presence { node: "ann".into(), canvas, states: states.clone() };
        assert_eq!(frame(presence("ann", canvas, &states)), Some(said));
        let said = Frame::WhoIsThere { node: "ann".into(), canvas };
        assert_eq!(frame(who_is_there("ann", canvas)), Some(said));
    }

    #[test]
    fn lim_2_what_is_not_a_nodes_is_left_out() {
        let whole = presence("ann", CanvasId::generate(), b"");
        for length in 0..whole.len() {
            assert_eq!(frame(whole.slice(..length)), None);
        }
        assert_eq!(frame(Bytes::from_static(&[9; 300])), None);
        for fields in [
            vec![],
            vec![b"kind" as &[u8], b"beat"],
            vec![b"kind"],
            vec![b"node", b"x", b"seq", b"-1", b"kind", b"beat"],
        ] {
            assert_eq!(entry(fields.into_iter().map(Bytes::from_static).collect()), None);
        }
    }
}
