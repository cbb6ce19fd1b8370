//! Frames of a websocket, as a server sends them.

/// Takes an answer to an upgrade and the frames after it apart, and puts them together again without
/// those that are to be lost.
#[derive(Default)]
pub struct FrameSieve {
    has_head: bool,
    buffer: Vec<u8>,
}

impl FrameSieve {
    /// What is passed on now that this came.
    pub fn pass(&mut self, piece: &[u8], loses: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        self.buffer.extend_from_slice(piece);
        let mut passed = Vec::new();
        if !self.has_head {
            let end = b"\r\n\r\n";
            let Some(at) = self.buffer.windows(end.len()).position(|part| part == end) else {
                return passed;
            };
            passed.extend(self.buffer.drain(..at + end.len()));
            self.has_head = true;
        }
        while let Some(length) = frame_length(&self.buffer) {
            let frame: Vec<u8> = self.buffer.drain(..length).collect();
            if !loses(&frame) {
                passed.extend(frame);
            }
        }
        passed
    }
}

/// Length of the first frame, if all of it is there. Those of a server are not masked.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    let short = usize::from(*bytes.get(1)? & 0x7f);
    let (head, payload) = match short {
        126 => {
            let length = bytes.get(2..4)?.try_into().ok()?;
            (4, usize::from(u16::from_be_bytes(length)))
        }
        127 => {
            let length = bytes.get(2..10)?.try_into().ok()?;
            (10, usize::try_from(u64::from_be_bytes(length)).ok()?)
        }
        length => (2, length),
    };
    let whole = head + payload;
    (bytes.len() >= whole).then_some(whole)
}
