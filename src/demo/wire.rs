//! One connection: lines and bytes in, replies out, at the pace asked for.
//!
//! Replies are gathered and go out in one write when nothing more is there to be read, as a good server does with
//! pipelined commands (RFC 2920, 3.2). The latency asked for is spent there: once for each time the client has to wait.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use super::gate::{Gate, Point};

/// Longest command line, without its end. AUTH responses are the longest (RFC 4954, 4).
const LINE: usize = 12_288;

/// Replies held back at most.
const HELD_BACK: usize = 64 << 10;

/// Pieces sent, and read of a content, between two looks at the pace.
const PIECE: usize = 16 << 10;

/// What a command leaves to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Read the next one.
    Command,
    /// Say goodbye.
    Close,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Wire {
    reader: BufReader<TcpStream>,
    replies: Vec<u8>,
    gate: Arc<Gate>,
    latency: Duration,
    rate: Option<u64>,
}

impl Wire {
    /// Takes over a connection.
    pub(super) fn new(stream: TcpStream, gate: Arc<Gate>, latency: Duration) -> Self {
        let reader = BufReader::with_capacity(PIECE, stream);
        Self { reader, replies: Vec::new(), gate, latency, rate: None }
    }

    /// Content moves at most this many bytes a second from now on.
    pub(super) fn set_rate(&mut self, rate: Option<u64>) {
        self.rate = rate;
    }

    /// Passes a point where trouble may be; what was said before it is sent first.
    pub(super) fn pass(&mut self, point: Point) -> io::Result<()> {
        if point != Point::FinalReply {
            self.flush()?;
        }
        self.gate.pass(point)
    }

    /// The next line, without its end; `None` when the client is gone.
    pub(super) fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        loop {
            let piece = self.fill()?;
            if piece.is_empty() {
                return Ok(None);
            }
            let end = piece.iter().position(|&byte| byte == b'\n');
            let taken = end.map_or(piece.len(), |end| end + 1);
            line.extend(piece.iter().take(taken));
            self.reader.consume(taken);
            if line.len() > LINE + 2 {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "line too long"));
            }
            if end.is_some() {
                line.pop();
                line.pop_if(|byte| *byte == b'\r');
                return Ok(Some(line));
            }
        }
    }

    /// Exactly this many bytes, in pieces, for as long as the sink takes them.
    pub(super) fn exact(&mut self, count: u64, mut sink: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut left = count;
        while left > 0 {
            let piece = self.fill()?;
            let taken = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
            let Some(piece) = piece.get(..taken).filter(|piece| !piece.is_empty()) else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            sink(piece)?;
            self.reader.consume(taken);
            left -= taken as u64;
            self.pace(taken)?;
        }
        Ok(())
    }

    /// Content up to the line with nothing but a dot, in pieces, without the dots added to it (RFC 5321, 4.5.2),
    /// for as long as the sink takes them.
    pub(super) fn dotted(&mut self, mut sink: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut dots = Dots::default();
        let mut plain = Vec::with_capacity(PIECE);
        while !dots.ended() {
            let piece = self.fill()?;
            if piece.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            plain.clear();
            let taken = dots.read(piece, &mut plain);
            sink(&plain)?;
            self.reader.consume(taken);
            self.pace(taken)?;
        }
        Ok(())
    }

    /// Says a line.
    pub(super) fn say(&mut self, line: &str) -> io::Result<()> {
        self.replies.extend_from_slice(line.as_bytes());
        self.replies.extend_from_slice(b"\r\n");
        self.bound()
    }

    /// Says bytes as they are.
    pub(super) fn say_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.replies.extend_from_slice(bytes);
        self.bound()
    }

    /// Sends content, at the pace asked for.
    pub(super) fn content(&mut self, content: &[u8]) -> io::Result<()> {
        for piece in content.chunks(PIECE) {
            self.replies.extend_from_slice(piece);
            self.pace(piece.len())?;
            if self.rate.is_some() || self.replies.len() > HELD_BACK {
                self.write()?;
            }
            self.gate.pass(Point::Retrieve)?;
        }
        Ok(())
    }

    /// Sends what was said.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.replies.is_empty() {
            return Ok(());
        }
        self.gate.pause(self.latency)?;
        self.write()
    }

    fn bound(&mut self) -> io::Result<()> {
        if self.replies.len() > HELD_BACK { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        self.reader.get_mut().write_all(&self.replies)?;
        self.replies.clear();
        Ok(())
    }

    fn fill(&mut self) -> io::Result<&[u8]> {
        if self.reader.buffer().is_empty() {
            self.flush()?;
        }
        self.reader.fill_buf()
    }

    fn pace(&self, bytes: usize) -> io::Result<()> {
        match self.rate {
            Some(rate) => self.gate.pause(Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64)),
            None => Ok(()),
        }
    }
}

/// Where in the text the next byte stands. Only CR LF ends a line here: a bare LF that did would let a message smuggle in
/// commands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Dots {
    #[default]
    LineStart,
    Text,
    Cr,
    Dot,
    DotCr,
    Ended,
}

impl Dots {
    fn ended(self) -> bool {
        self == Self::Ended
    }

    /// Reads from `bytes` to the end of the text or of the bytes; gives how many were used.
    fn read(&mut self, bytes: &[u8], plain: &mut Vec<u8>) -> usize {
        for (index, &byte) in bytes.iter().enumerate() {
            *self = match (*self, byte) {
                (Self::LineStart, b'.') => Self::Dot,
                (Self::Dot, b'\r') => Self::DotCr,
                (Self::DotCr, b'\n') => {
                    *self = Self::Ended;
                    return index + 1;
                }
                (before, _) => {
                    // The CR that might have ended the text was part of it.
                    if before == Self::DotCr {
                        plain.push(b'\r');
                    }
                    plain.push(byte);
                    match (before, byte) {
                        (_, b'\r') => Self::Cr,
                        (Self::Cr, b'\n') => Self::LineStart,
                        _ => Self::Text,
                    }
                }
            };
        }
        bytes.len()
    }
}

/// Dots the lines of a content and ends it, for a POP3 reply.
pub(super) fn dot_stuff(content: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(content.len() + content.len() / 64 + 5);
    for line in content.split_inclusive(|&byte| byte == b'\n') {
        if line.starts_with(b".") && (stuffed.is_empty() || stuffed.ends_with(b"\r\n")) {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
    }
    if !content.is_empty() && !content.ends_with(b"\r\n") {
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed.extend_from_slice(b".\r\n");
    stuffed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undot(pieces: &[&[u8]]) -> (Vec<u8>, bool, usize) {
        let (mut dots, mut plain, mut used) = (Dots::default(), Vec::new(), 0);
        for piece in pieces {
            if !dots.ended() {
                used += dots.read(piece, &mut plain);
            }
        }
        (plain, dots.ended(), used)
    }

    #[test]
    fn a_dotted_text_comes_back_whole_however_it_is_cut() {
        for content in ["", "a\r\n", ".\r\n", "..\r\n.a\r\n", "\r\n.\r\r\n", "a\n.\nb\r\n", ".\rb\r\n", "\r\r\n.x\r\n"]
        {
            let mut stuffed = dot_stuff(content.as_bytes());
            stuffed.extend_from_slice(b"QUIT\r\n");
            let whole = stuffed.len() - 6;
            for cut in 0..=stuffed.len() {
                let (left, right) = stuffed.split_at(cut);
                assert_eq!(undot(&[left, right]), (content.into(), true, whole), "{content:?} cut at {cut}");
            }
            let bytes: Vec<&[u8]> = stuffed.chunks(1).collect();
            assert_eq!(undot(&bytes), (content.into(), true, whole), "{content:?} byte by byte");
        }
    }

    #[test]
    fn a_bare_line_feed_ends_nothing() {
        assert!(!undot(&[b"a\n.\nMAIL FROM:<evil@example.org>\n.\r\n"]).1);
        assert!(!undot(&[b"a\r\n.\n"]).1);
    }
}
