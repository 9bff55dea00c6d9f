//! The bounds of one message. What a room, a queue or a connection may hold is not here but in `config`.

/// What one frame from a client may carry. A frame over a limit is refused with close code 4413.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireLimits {
    /// Most bytes of one incremental update (message 0, 2), Yjs v1. 1 MiB: a person's gesture is 20 to 200
    /// bytes and a pasted book chapter 50 KiB; applying it blocks the room, and yrs holds up to 50 bytes
    /// for each byte of a hostile one.
    pub update_bytes: usize,
    /// Most bytes of a sync step 2 (message 0, 1), Yjs v1. 16 MiB: a client that was offline, or that meets
    /// a server which lost its store, sends everything it has, and a canvas of 1,000 blocks with long texts
    /// is below 4 MiB.
    pub sync_bytes: usize,
    /// Most bytes of a state vector (sync step 1). 1 MiB, about 100,000 client ids at 8 bytes and a clock:
    /// Yjs never forgets a client id, so an old canvas has one for every tab that ever edited it.
    pub state_vector_bytes: usize,
    /// Most clients named by one incremental update (each of its two parts) or one awareness frame. 4096,
    /// far above what can be edited between two frames. A sync step 2 and a state vector are history, where
    /// every tab that ever edited counts: there only the bytes bound it.
    pub clients: u32,
    /// Most structs, values and delete ranges together in one update or sync step 2. 2^20: yrs spends up to
    /// about 200 bytes on each, however short it is on the wire, so this and not `sync_bytes` bounds the
    /// memory of one message (about 200 MiB at the worst). The largest editing trace we measured, 260,000 edits of one
    /// text, has 21,000.
    pub parts: u32,
    /// Most bytes of one awareness frame's body. 64 KiB: a stock client re-broadcasts the states of a whole
    /// room in one frame.
    pub awareness_bytes: usize,
    /// Most bytes of one client's awareness state, as JSON. 8 KiB: ours is below 500 bytes, and every state
    /// is sent to every peer.
    pub awareness_state_bytes: usize,
}

impl Default for WireLimits {
    fn default() -> Self {
        WireLimits {
            update_bytes: 1 << 20,
            sync_bytes: 16 << 20,
            state_vector_bytes: 1 << 20,
            clients: 4096,
            parts: 1 << 20,
            awareness_bytes: 64 << 10,
            awareness_state_bytes: 8 << 10,
        }
    }
}

impl WireLimits {
    /// The most bytes a frame can have and still be taken: the largest payload and its header. What the
    /// WebSocket layer should refuse to buffer beyond.
    pub fn frame_bytes(&self) -> usize {
        // Two type bytes and a length of at most five.
        const HEADER: usize = 7;
        self.sync_bytes
            .max(self.update_bytes)
            .max(self.state_vector_bytes)
            .max(self.awareness_bytes)
            .saturating_add(HEADER)
    }
}
