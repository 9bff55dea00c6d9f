//! `[LIM-3]` Why a session ends: the one table of close codes. What is said before the close (an auth
//! refusal frame) is made by [`super::refusal`]; who sends it is `ws`.

/// Why the server closes a session.
///
/// 44xx are permanent: a stock y-websocket client stops on 4400 to 4499. The others are transient: a client
/// retries with jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Close {
    /// The client sent bytes that are not this protocol.
    Malformed = 4400,
    /// No session or token, or one that is forged or has expired.
    Unauthenticated = 4401,
    /// A valid identity without access to this canvas.
    Forbidden = 4403,
    /// The canvas does not exist or is deleted.
    NoSuchCanvas = 4404,
    /// The client did not answer, or did not finish its handshake, in time.
    Timeout = 4408,
    /// Access to the canvas was changed or taken away while it was open.
    AccessChanged = 4409,
    /// A message, or the document it would make, is over a limit. Sending it again cannot help.
    TooLarge = 4413,
    /// Too many connections or messages.
    TooMany = 4429,
    /// Something failed in the server.
    Internal = 1011,
    /// The server is restarting.
    Restarting = 1012,
    /// The server is overloaded, or the peer stayed behind too long.
    Overloaded = 1013,
}

impl Close {
    /// Every close the server makes, in the order of the table.
    pub const ALL: [Close; 11] = [
        Close::Malformed,
        Close::Unauthenticated,
        Close::Forbidden,
        Close::NoSuchCanvas,
        Close::Timeout,
        Close::AccessChanged,
        Close::TooLarge,
        Close::TooMany,
        Close::Internal,
        Close::Restarting,
        Close::Overloaded,
    ];

    /// The code in the close frame.
    pub fn code(self) -> u16 {
        self as u16
    }

    /// Whether the client must stop rather than retry.
    pub fn is_permanent(self) -> bool {
        (4400..4500).contains(&self.code())
    }

    /// A short stable name, for logs and metric labels.
    pub fn name(self) -> &'static str {
        match self {
            Close::Malformed => "malformed",
            Close::Unauthenticated => "unauthenticated",
            Close::Forbidden => "forbidden",
            Close::NoSuchCanvas => "no_such_canvas",
            Close::Timeout => "timeout",
            Close::AccessChanged => "access_changed",
            Close::TooLarge => "too_large",
            Close::TooMany => "too_many",
            Close::Internal => "internal",
            Close::Restarting => "restarting",
            Close::Overloaded => "overloaded",
        }
    }
}

/// Most bytes of a close reason: a control frame holds 125 (RFC 6455 section 5.5), two of them the code.
pub const MAX_REASON_BYTES: usize = 123;

/// A close code and the words that go with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The code.
    pub close: Close,
    /// What happened and what to do, UTF-8, at most [`MAX_REASON_BYTES`].
    pub reason: String,
}

impl Closing {
    /// Makes a closing; a reason over the bound is cut on a character boundary.
    pub fn new(close: Close, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        reason.truncate(reason.floor_char_boundary(MAX_REASON_BYTES));
        Closing { close, reason }
    }
}
