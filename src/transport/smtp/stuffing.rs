//! Dot-stuffing (RFC 5321 section 4.5.2) as a stream, exact to the byte.
//!
//! Contents come with CRLF line ends throughout, so a line begins after every LF, and the server gets back exactly what
//! went in. Only a content that doesn't end with a line end gets one: the final dot needs a line of its own.

use bytes::{BufMut as _, BytesMut};

/// Stuffs one content.
#[derive(Debug)]
pub struct Stuffing {
    line_begins: bool,
}

impl Stuffing {
    /// At the beginning of a content.
    pub const fn new() -> Self {
        Self { line_begins: true }
    }

    /// Appends the next chunk to `out`.
    pub fn push(&mut self, chunk: &[u8], out: &mut BytesMut) {
        out.reserve(chunk.len());
        for line in chunk.split_inclusive(|&byte| byte == b'\n') {
            if self.line_begins && line.starts_with(b".") {
                out.put_u8(b'.');
            }
            out.put_slice(line);
            self.line_begins = line.ends_with(b"\n");
        }
    }

    /// Appends the end: the dot on a line of its own.
    pub fn finish(&self, out: &mut BytesMut) {
        if !self.line_begins {
            out.put_slice(b"\r\n");
        }
        out.put_slice(b".\r\n");
    }
}

impl Default for Stuffing {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stuff(chunks: &[&[u8]]) -> Vec<u8> {
        let (mut stuffing, mut out) = (Stuffing::new(), BytesMut::new());
        for chunk in chunks {
            stuffing.push(chunk, &mut out);
        }
        stuffing.finish(&mut out);
        out.to_vec()
    }

    /// What a server makes of it: the lines up to the lone dot, one leading dot taken off each.
    fn unstuff(wire: &[u8]) -> Vec<u8> {
        let (mut content, mut rest) = (Vec::new(), wire);
        loop {
            let end = rest.windows(2).position(|two| two == b"\r\n").expect("the end never came") + 2;
            let (line, after) = rest.split_at(end);
            rest = after;
            if line == b".\r\n" {
                assert!(rest.is_empty(), "something follows the final dot");
                return content;
            }
            content.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        }
    }

    #[test]
    fn dots_are_doubled_at_the_start_of_lines_only() {
        assert_eq!(stuff(&[b".a\r\nb.\r\n..\r\n"]), b"..a\r\nb.\r\n...\r\n.\r\n");
        assert_eq!(stuff(&[b"a\r\n", b".", b"\r", b"\n.b\r\n"]), b"a\r\n..\r\n..b\r\n.\r\n");
    }

    #[test]
    fn the_last_line_gets_an_end_if_it_has_none() {
        assert_eq!(stuff(&[b"a"]), b"a\r\n.\r\n");
        assert_eq!(stuff(&[b"a\r\n"]), b"a\r\n.\r\n");
        assert_eq!(stuff(&[]), b".\r\n");
    }

    proptest! {
        #[test]
        fn the_server_gets_what_went_in(
            lines in prop::collection::vec("[.a\u{e9} ]{0,5}", 0..12),
            cuts in prop::collection::vec(1_usize..6, 1..30),
        ) {
            let content = lines.iter().flat_map(|line| [line, "\r\n"]).collect::<String>().into_bytes();
            let (mut chunks, mut rest, mut cuts) = (Vec::new(), content.as_slice(), cuts.iter().cycle());
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
                chunks.push(now);
                rest = later;
            }
            prop_assert_eq!(unstuff(&stuff(&chunks)), content);
        }
    }
}
