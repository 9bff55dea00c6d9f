//! The sending side of a WebSocket, RFC 6455 section 5.
//!
//! Owns what has been begun and not finished: a frame is never put between the parts of another. Messages leave from the memory they
//! share with everybody else who gets them; only their heads, of a few bytes, are made for each socket. Does not read, and does not
//! decide what is sent or when: [`Outbox`](crate::room::Outbox) sees to it that its two users, the room and the session's write loop,
//! take turns.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::protocol::{self, Closing};
use crate::room::{Line, Outgoing, Taken};

/// Longest fragment of a message, bytes. Clients of other libraries refuse frames above a limit of theirs, 16 MiB at least; a document
/// may be larger.
const FRAGMENT: usize = 1 << 20;

/// Longest head of a frame to a client, which carries no mask.
const HEAD: usize = 10;

/// Frames up to this size are put together on the stack, bytes: the system call for one piece of memory is cheaper than that for two by more
/// than copying an edit.
const ON_STACK: usize = 1 << 10;

/// Messages up to this size are copied together, bytes: cheaper than a slice of their own in the system call.
const COPIED: usize = 2 << 10;

/// Bytes copied together, at most: what a session that is closed still sends before it says so.
const COPIED_TOGETHER: usize = 16 << 10;

/// Parts handed to the socket in one call.
const SLICES: usize = 16;

/// See the module docs.
pub(super) struct Wire {
    tcp: OwnedWriteHalf,
    /// What has to leave before anything else, in order.
    unsent: Mutex<VecDeque<Part>>,
}

/// Memory that leaves in one piece if the socket takes it.
struct Part {
    bytes: Bytes,
    /// Behind it another frame may begin.
    ends_frame: bool,
}

impl Wire {
    pub(super) fn new(tcp: OwnedWriteHalf) -> Self {
        Self { tcp, unsent: Mutex::default() }
    }

    /// Sends what was left of the last message, then all of `outgoing`. May be dropped in the middle: the rest stays first.
    pub(super) async fn send(&self, outgoing: Outgoing) -> io::Result<()> {
        let mut parts = Parts::default();
        if outgoing.ping {
            parts.frame(OpCode::Control(Control::Ping), true, Bytes::new());
        }
        if let Some(payload) = outgoing.pong {
            parts.frame(OpCode::Control(Control::Pong), true, payload);
        }
        for message in outgoing.frames {
            parts.message(message);
        }
        if let Some(n) = outgoing.ack {
            parts.message(protocol::ack(n));
        }
        self.finish(parts).await
    }

    /// Says why the session ends, and that it does; of what waits only the frame that has begun is sent before. Stock providers show the text of a y-protocols refusal, not that of a close frame:
    /// so a permanent close is said twice. `[LIM-3]`
    pub(super) async fn close(&self, closing: &Closing) -> io::Result<()> {
        let mut parts = Parts::default();
        if closing.close.is_permanent() {
            parts.message(protocol::refusal(&closing.reason));
        }
        let mut payload = BytesMut::from(&closing.close.code().to_be_bytes()[..]);
        payload.extend_from_slice(closing.reason.as_bytes());
        parts.frame(OpCode::Control(Control::Close), true, payload.freeze());
        self.give_up();
        self.finish(parts).await
    }

    /// Answers the other side's close frame.
    pub(super) async fn answer_close(&self, code: Option<u16>) -> io::Result<()> {
        let mut parts = Parts::default();
        let payload = code.map_or_else(Bytes::new, |code| Bytes::copy_from_slice(&code.to_be_bytes()));
        parts.frame(OpCode::Control(Control::Close), true, payload);
        self.give_up();
        self.finish(parts).await
    }

    /// Leaves out all that has not begun.
    fn give_up(&self) {
        let mut unsent = self.lock();
        if let Some(end) = unsent.iter().position(|part| part.ends_frame) {
            unsent.truncate(end + 1);
        }
    }

    async fn finish(&self, parts: Parts) -> io::Result<()> {
        self.lock().extend(parts.done());
        while !self.write_some()? {
            self.tcp.writable().await?;
        }
        Ok(())
    }

    /// Writes as much as the socket takes now. `true`: nothing is left.
    fn write_some(&self) -> io::Result<bool> {
        let mut unsent = self.lock();
        while !unsent.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            for (slice, part) in slices.iter_mut().zip(unsent.iter()) {
                *slice = IoSlice::new(&part.bytes);
            }
            match self.tcp.try_write_vectored(&slices[..unsent.len().min(SLICES)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => advance(&mut unsent, written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        // Most sockets have nothing unsent most of the time: no memory for it then.
        *unsent = VecDeque::new();
        Ok(true)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Part>> {
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line for Wire {
    fn offer(&self, message: &Bytes) -> Taken {
        if message.len() > FRAGMENT {
            return Taken::Nothing;
        }
        let head = Head::new(OpCode::Data(Data::Binary), true, message.len());
        let written = if head.len + message.len() <= ON_STACK {
            let mut frame = [0; ON_STACK];
            frame[..head.len].copy_from_slice(head.bytes());
            frame[head.len..head.len + message.len()].copy_from_slice(message);
            self.tcp.try_write(&frame[..head.len + message.len()])
        } else {
            self.tcp.try_write_vectored(&[IoSlice::new(head.bytes()), IoSlice::new(message)])
        };
        match written {
            Ok(written) if written == head.len + message.len() => Taken::All,
            Ok(written) => {
                let mut unsent = self.lock();
                unsent.push_back(Part { bytes: Bytes::copy_from_slice(head.bytes()), ends_frame: message.is_empty() });
                unsent.push_back(Part { bytes: message.clone(), ends_frame: true });
                advance(&mut unsent, written);
                Taken::Part { left: head.len + message.len() - written }
            }
            // It is full, or broken; the write loop finds out which.
            Err(_) => Taken::Nothing,
        }
    }
}

fn advance(parts: &mut VecDeque<Part>, mut written: usize) {
    while let Some(Part { bytes, .. }) = parts.front_mut() {
        if written < bytes.len() {
            bytes.advance(written);
            return;
        }
        written -= bytes.len();
        parts.pop_front();
    }
}

struct Head {
    bytes: [u8; HEAD],
    len: usize,
}

impl Head {
    fn new(opcode: OpCode, is_final: bool, payload: usize) -> Self {
        let header = FrameHeader { is_final, opcode, mask: None, ..FrameHeader::default() };
        let mut bytes = [0; HEAD];
        let mut free = &mut bytes[..];
        // A head without a mask has at most ten bytes, so they fit.
        let _ = header.format(payload as u64, &mut free);
        let len = HEAD - free.len();
        Self { bytes, len }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Frames as the pieces of memory they leave from: small ones copied together, large ones as they are.
#[derive(Default)]
struct Parts {
    done: Vec<Part>,
    open: BytesMut,
}

impl Parts {
    fn message(&mut self, mut rest: Bytes) {
        let mut opcode = OpCode::Data(Data::Binary);
        while rest.len() > FRAGMENT {
            self.frame(opcode, false, rest.split_to(FRAGMENT));
            opcode = OpCode::Data(Data::Continue);
        }
        self.frame(opcode, true, rest);
    }

    fn frame(&mut self, opcode: OpCode, is_final: bool, payload: Bytes) {
        self.open.extend_from_slice(Head::new(opcode, is_final, payload.len()).bytes());
        if payload.len() <= COPIED {
            self.open.extend_from_slice(&payload);
            if self.open.len() >= COPIED_TOGETHER {
                self.close_open(true);
            }
        } else {
            self.close_open(false);
            self.done.push(Part { bytes: payload, ends_frame: true });
        }
    }

    fn close_open(&mut self, ends_frame: bool) {
        if !self.open.is_empty() {
            self.done.push(Part { bytes: self.open.split().freeze(), ends_frame });
        }
    }

    fn done(mut self) -> Vec<Part> {
        self.close_open(true);
        self.done
    }
}

/// The receiving side, as the WebSocket library wants it. What the library would answer on its own, a pong or a close, goes nowhere: it
/// could come between the parts of a frame. The session answers.
pub(super) struct Receiving(pub(super) OwnedReadHalf);

impl AsyncRead for Receiving {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Receiving {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
