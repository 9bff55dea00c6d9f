//! The client's side of a WebSocket (RFC 6455), as much of it as a load generator needs.
//!
//! A library's socket would be the larger half of what the generator costs, and on one machine that is taken from the server under test:
//! it keeps a buffer for every connection, reads a large message in small steps, and puts it together in memory, 3 GB of it when 150
//! clients open 20 MB. Here all connections of a thread read into one buffer, messages are looked at where they arrived, and of a
//! message that nobody will look at only the beginning is kept.

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::ready;

use anyhow::{Context, ensure};
use bytes::{BufMut, BytesMut};
use reqwest::Url;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;

/// Bytes taken from a socket at once.
const READ: usize = 256 << 10;
/// Longest answer to the handshake, bytes.
const LONGEST_HEAD: usize = 16 << 10;
/// Memory a connection keeps between messages, bytes.
const KEPT: usize = 16 << 10;
/// Longest header of a frame, bytes: what a server sends has no mask.
const HEADER: usize = 10;
/// Second byte of a frame with a mask: the mask's bit, and lengths that say "two bytes follow" and "eight".
const MASKED: u8 = 0x80;
const LONG: u8 = 0x7e;
const LONGER: u8 = 0x7f;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// Close code 1000: the client is done.
const NORMAL: [u8; 2] = [0x03, 0xe8];
/// Kernel's receive buffer of a client that stops reading, bytes: what it takes in is not in the server's hands any more.
const DEAF_BUFFER: u32 = 4 << 10;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// What came in.
pub(crate) enum Came<'a> {
    /// A binary message: its length, and as much of it as was asked for.
    Message(usize, &'a [u8]),
    Ping(&'a [u8]),
    /// The server's reason to end the connection.
    Close(String),
}

/// Reads messages.
pub(crate) struct Reader {
    half: OwnedReadHalf,
    /// What came behind the handshake.
    early: Vec<u8>,
    /// Most bytes of one message that anybody wants to see.
    keep: usize,
    frame: Frame,
    /// The beginning of a message that did not come in one piece, and how long it is so far.
    message: Vec<u8>,
    length: usize,
    /// The same of a ping or a close, which may come between the parts of a message.
    control: Vec<u8>,
}

/// Where in a frame the reader is.
#[derive(Default)]
struct Frame {
    header: [u8; HEADER],
    /// Bytes of the header that are there.
    headed: usize,
    /// Bytes of the payload that are still to come; known when the header is whole.
    left: Option<usize>,
}

/// Writes messages. Nothing leaves before [`flush`](Writer::flush).
pub(crate) struct Writer {
    half: OwnedWriteHalf,
    mask: [u8; 4],
    out: BytesMut,
}

/// Connects and upgrades. `keep`: bytes of a message that the reader gives at most.
pub(crate) async fn connect(
    address: SocketAddr,
    url: &Url,
    keep: usize,
    is_deaf: bool,
) -> anyhow::Result<(Reader, Writer)> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if is_deaf {
        socket.set_recv_buffer_size(DEAF_BUFFER)?;
    }
    let mut tcp = socket.connect(address).await.context("connecting")?;
    tcp.set_nodelay(true)?;
    let early = shake_hands(&mut tcp, url).await?;
    let (read, write) = tcp.into_split();
    let (message, control) = (Vec::new(), Vec::new());
    let reader = Reader { half: read, early, keep, frame: Frame::default(), message, length: 0, control };
    Ok((reader, Writer { half: write, mask: rand::random(), out: BytesMut::new() }))
}

/// The handshake; returns what came behind the server's answer.
async fn shake_hands(tcp: &mut TcpStream, url: &Url) -> anyhow::Result<Vec<u8>> {
    let (path, query) = (url.path(), url.query().unwrap_or_default());
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(80));
    let key = generate_key();
    let request = format!(
        "GET {path}?{query} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    );
    tcp.write_all(request.as_bytes()).await?;
    let mut head = Vec::with_capacity(1 << 10);
    let end = loop {
        ensure!(tcp.read_buf(&mut head).await? > 0, "the server ended the connection before it answered");
        if let Some(at) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        ensure!(head.len() < LONGEST_HEAD, "an answer without end");
    };
    let status = String::from_utf8_lossy(&head[..end]).lines().next().unwrap_or_default().to_owned();
    ensure!(status.split(' ').nth(1) == Some("101"), "no upgrade: {status}");
    Ok(head.split_off(end))
}

impl Reader {
    /// Waits until something has come, and hands every whole message of it to `took`.
    pub(crate) async fn read(&mut self, mut took: impl FnMut(Came<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
        if !self.early.is_empty() {
            let early = std::mem::take(&mut self.early);
            return self.walk(&early, &mut took);
        }
        poll_fn(|context| {
            BUFFER.with_borrow_mut(|buffer| {
                let mut buffer = ReadBuf::new(buffer);
                ready!(Pin::new(&mut self.half).poll_read(context, &mut buffer))?;
                let came = buffer.filled();
                let end = || anyhow::anyhow!("the server ended the connection");
                if came.is_empty() { Err(end()) } else { self.walk(came, &mut took) }.into()
            })
        })
        .await
    }

    fn walk(&mut self, mut bytes: &[u8], took: &mut impl FnMut(Came<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
        loop {
            if self.frame.left.is_none() {
                bytes = self.frame.head(bytes);
            }
            let Some(left) = self.frame.left else { return Ok(()) };
            let (part, rest) = bytes.split_at(left.min(bytes.len()));
            bytes = rest;
            if part.len() < left {
                self.frame.left = Some(left - part.len());
                self.put_by(part);
                return Ok(());
            }
            self.end(part, took)?;
            self.frame = Frame::default();
        }
    }

    /// Part of a frame, not its end.
    fn put_by(&mut self, part: &[u8]) {
        if self.frame.is_control() {
            self.control.extend_from_slice(part);
        } else {
            self.length += part.len();
            let room = self.keep.saturating_sub(self.message.len());
            self.message.extend_from_slice(&part[..part.len().min(room)]);
        }
    }

    /// The last part of a frame.
    fn end(&mut self, part: &[u8], took: &mut impl FnMut(Came<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
        if self.frame.is_control() {
            self.put_by(part);
            let control = std::mem::take(&mut self.control);
            return match self.frame.header[0] & 0x0f {
                PING => took(Came::Ping(&control)),
                CLOSE => {
                    let code = control.first_chunk().map_or(0, |code| u16::from_be_bytes(*code));
                    let reason = String::from_utf8_lossy(control.get(2..).unwrap_or_default());
                    took(Came::Close(format!("{code} {reason}")))
                }
                _ => Ok(()),
            };
        }
        let is_last = self.frame.header[0] & 0x80 != 0;
        if is_last && self.length == 0 {
            return took(Came::Message(part.len(), &part[..part.len().min(self.keep)]));
        }
        self.put_by(part);
        if is_last {
            took(Came::Message(self.length, &self.message))?;
            self.length = 0;
            self.message.clear();
            self.message.shrink_to(KEPT);
        }
        Ok(())
    }
}

impl Frame {
    fn is_control(&self) -> bool {
        self.header[0] & 0x08 != 0
    }

    /// Takes what belongs to the header; returns the rest.
    fn head<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        for (at, byte) in bytes.iter().enumerate() {
            self.header[self.headed] = *byte;
            self.headed += 1;
            let length = usize::from(self.header[1] & 0x7f);
            let [_, _, long @ ..] = self.header;
            self.left = match (self.headed, length) {
                (2, 0..126) => Some(length),
                (4, 126) => Some(usize::from(u16::from_be_bytes([long[0], long[1]]))),
                (10, 127) => Some(u64::from_be_bytes(long) as usize),
                _ => None,
            };
            if self.left.is_some() {
                return &bytes[at + 1..];
            }
        }
        &[]
    }
}

impl Writer {
    /// A binary message.
    pub(crate) fn feed(&mut self, message: &[u8]) {
        self.frame(2, message);
    }

    pub(crate) fn pong(&mut self, ping: &[u8]) {
        self.frame(PONG, ping);
    }

    /// Bytes that wait for a flush.
    pub(crate) fn waiting(&self) -> usize {
        self.out.len()
    }

    /// Hands everything to the kernel. May be given up and tried again.
    pub(crate) async fn flush(&mut self) -> anyhow::Result<()> {
        while !self.out.is_empty() {
            self.half.write_buf(&mut self.out).await?;
        }
        if self.out.capacity() > KEPT {
            self.out = BytesMut::new();
        }
        Ok(())
    }

    /// Says goodbye.
    pub(crate) async fn close(&mut self) -> anyhow::Result<()> {
        self.frame(CLOSE, &NORMAL);
        self.flush().await
    }

    fn frame(&mut self, opcode: u8, payload: &[u8]) {
        self.out.reserve(payload.len() + HEADER + self.mask.len());
        self.out.put_u8(0x80 | opcode);
        match payload.len() {
            length @ 0..126 => self.out.put_u8(MASKED | length as u8),
            length @ 126..=0xffff => {
                self.out.put_u8(MASKED | LONG);
                self.out.put_u16(length as u16);
            }
            length => {
                self.out.put_u8(MASKED | LONGER);
                self.out.put_u64(length as u64);
            }
        }
        self.out.put_slice(&self.mask);
        self.out.extend(payload.iter().zip(self.mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    }
}
