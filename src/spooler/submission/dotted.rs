//! The content behind DATA as a reader of its own: up to the line with nothing but a dot, without the dots that were added
//! to lines that begin with one (RFC 5321, 4.5.2).
//!
//! A line ends with CR LF and with nothing else: whoever takes a bare LF for a line's end can be talked into seeing the end
//! of a message where the one before him saw none ("SMTP smuggling").

use std::io::{self, BufRead, ErrorKind, Read};

/// See the module.
#[derive(Debug)]
pub(super) struct Dotted<'a, R> {
    inner: &'a mut R,
    at: At,
}

/// How much of an end was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    LineStart,
    Inside,
    Cr,
    /// Behind a dot that a line begins with: it is never a part of the content.
    Dot,
    /// Behind that and a CR, which is one only if no LF follows.
    DotCr,
    End,
}

impl<'a, R: BufRead> Dotted<'a, R> {
    /// What comes from here on.
    pub(super) const fn new(inner: &'a mut R) -> Self {
        Self { inner, at: At::LineStart }
    }

    /// Reads on to the end, for nobody.
    pub(super) fn finish(mut self) -> io::Result<()> {
        io::copy(&mut self, &mut io::sink()).map(drop)
    }
}

/// Looks at one byte: where that leads, what it adds to the content, and whether it is done with.
const fn step(at: At, byte: u8) -> (At, Option<u8>, bool) {
    match (at, byte) {
        (At::LineStart, b'.') => (At::Dot, None, true),
        (At::Cr, b'\n') => (At::LineStart, Some(byte), true),
        (At::Dot, b'\r') => (At::DotCr, None, true),
        (At::DotCr, b'\n') => (At::End, None, true),
        (At::DotCr, _) => (At::Cr, Some(b'\r'), false),
        (_, b'\r') => (At::Cr, Some(byte), true),
        _ => (At::Inside, Some(byte), true),
    }
}

impl<R: BufRead> Read for Dotted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut given = 0;
        // What is there is given before more is waited for.
        while given == 0 && !into.is_empty() && self.at != At::End {
            let piece = self.inner.fill_buf()?;
            if piece.is_empty() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let mut taken = 0;
            while self.at != At::End
                && let (Some(&byte), Some(room)) = (piece.get(taken), into.get_mut(given))
            {
                let (at, gives, is_done) = step(self.at, byte);
                self.at = at;
                if let Some(gives) = gives {
                    *room = gives;
                    given += 1;
                }
                taken += usize::from(is_done);
            }
            self.inner.consume(taken);
        }
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// The content, and what is left behind it; read in pieces of this many bytes.
    fn read(wire: &str, piece: usize) -> (String, String) {
        let mut reader = BufReader::with_capacity(piece, wire.as_bytes());
        let mut content = Vec::new();
        let mut dotted = Dotted::new(&mut reader);
        let mut room = vec![0; piece];
        loop {
            let given = dotted.read(&mut room).expect("an end");
            if given == 0 {
                break;
            }
            content.extend_from_slice(&room[..given]);
        }
        let mut rest = String::new();
        reader.read_to_string(&mut rest).expect("text");
        (String::from_utf8(content).expect("text"), rest)
    }

    #[test]
    fn dots_are_taken_off_and_only_the_right_end_ends() {
        for (wire, content) in [
            (".\r\n", ""),
            ("a\r\n.\r\n", "a\r\n"),
            ("..\r\n...\r\n.x\r\n.\r\n", ".\r\n..\r\nx\r\n"),
            ("a\n.\nb\r\n.\nc\r.\r\r\n.\r\n", "a\n.\nb\r\n\nc\r.\r\r\n"),
            (".\rx\r\n.\r\r\n.\r\n", "\rx\r\n\r\r\n"),
        ] {
            for piece in [1, 2, 3, 64] {
                let read = read(&format!("{wire}QUIT\r\n"), piece);
                assert_eq!(read, (content.to_owned(), "QUIT\r\n".to_owned()), "{wire:?} by {piece}");
            }
        }
    }

    #[test]
    fn a_content_that_breaks_off_is_an_error() {
        let mut reader = BufReader::new(b"a\r\n." as &[u8]);
        assert!(Dotted::new(&mut reader).finish().is_err());
    }
}
