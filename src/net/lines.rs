//! A line reader that can't be made to hold more than it should: the start of every reply of SMTP, POP3 and IMAP.
//!
//! Lines end with CRLF; a bare LF is taken too, as some servers send it. Every waiting method may be dropped and
//! called again: what was read stays in the buffer.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, ReadHalf, WriteHalf};

use super::Connection;
use crate::mapi::{Class, Failure, Stage};

/// Room made for one read, in bytes.
const READ_BYTES: usize = 16 << 10;

/// A line without an end. Travels inside an [`io::Error`]; [`mod@super::step`] makes a protocol failure of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a line of more than {longest} bytes")]
pub struct LineTooLong {
    /// The longest line that would have been taken, in bytes, with its end.
    pub longest: usize,
}

/// Reads lines, and chunks between lines, from a source.
#[derive(Debug)]
pub struct LineReader<R> {
    source: R,
    buffer: BytesMut,
    /// Bytes at the start of `buffer` that are known to hold no line feed.
    scanned: usize,
    longest: usize,
}

impl<R> LineReader<R> {
    /// A reader that takes lines of up to `longest` bytes, their end included.
    pub fn new(source: R, longest: usize) -> Self {
        Self { source, buffer: BytesMut::new(), scanned: 0, longest }
    }

    /// Bytes read from the source and not yet taken.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The source, for writing to it.
    pub fn source_mut(&mut self) -> &mut R {
        &mut self.source
    }

    /// The source, to begin TLS on it, provided that nothing came after the reply that allowed it: such bytes were
    /// put there by whoever sits on the line, to be taken for the server's once TLS is up (CVE-2011-0411).
    ///
    /// # Errors
    /// [`Class::Trust`] if anything is buffered.
    pub fn into_source_before_tls(self, at: &str) -> Result<R, Failure> {
        if self.buffer.is_empty() {
            Ok(self.source)
        } else {
            Err(Failure::new(Class::Trust, Stage::Tls, at, "data was slipped in before TLS began"))
        }
    }

    /// The next line without its end, if all of it is buffered. Doesn't wait.
    ///
    /// # Errors
    /// [`LineTooLong`].
    pub fn buffered_line(&mut self) -> io::Result<Option<Bytes>> {
        let fresh = self.buffer.get(self.scanned..).unwrap_or_default();
        let end = fresh.iter().position(|&byte| byte == b'\n').map(|at| self.scanned + at + 1);
        if end.unwrap_or(self.buffer.len()) > self.longest {
            return Err(io::Error::new(io::ErrorKind::InvalidData, LineTooLong { longest: self.longest }));
        }
        let Some(end) = end else {
            self.scanned = self.buffer.len();
            return Ok(None);
        };
        self.scanned = 0;
        let mut line = self.buffer.split_to(end).freeze();
        line.truncate(line.len() - 1);
        if line.ends_with(b"\r") {
            line.truncate(line.len() - 1);
        }
        Ok(Some(line))
    }
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    /// The next line, without its end.
    ///
    /// # Errors
    /// [`LineTooLong`], the source's, and `UnexpectedEof` when the source ends before the line does.
    pub async fn read_line(&mut self) -> io::Result<Bytes> {
        loop {
            if let Some(line) = self.buffered_line()? {
                return Ok(line);
            }
            self.fill().await?;
        }
    }

    /// The next piece of a body of known length (an IMAP literal): at least one byte, `limit` at most. Whoever knows
    /// that `n` bytes follow calls it until it has got `n`, and never holds more than a piece.
    ///
    /// # Errors
    /// The source's, and `UnexpectedEof`.
    pub async fn read_chunk(&mut self, limit: usize) -> io::Result<Bytes> {
        while self.buffer.is_empty() {
            self.fill().await?;
        }
        self.scanned = 0;
        Ok(self.buffer.split_to(limit.min(self.buffer.len())).freeze())
    }

    async fn fill(&mut self) -> io::Result<()> {
        self.buffer.reserve(READ_BYTES);
        match self.source.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

impl LineReader<Connection> {
    /// The two directions apart. What is buffered stays with the reader.
    pub fn split(self) -> (LineReader<ReadHalf<Connection>>, WriteHalf<Connection>) {
        let (read, write) = tokio::io::split(self.source);
        (LineReader { source: read, buffer: self.buffer, scanned: self.scanned, longest: self.longest }, write)
    }
}
