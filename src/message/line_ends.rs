//! Any mix of line ends into CRLF, a piece at a time.
//!
//! A carriage return alone ends a line here, and so does a line feed alone. Left as they are, they would end one for some
//! programs on the way and not for others, which is how a second message is smuggled behind the first.

/// Turns pieces of a text with any line ends into one with CRLF.
#[derive(Debug)]
pub(super) struct LineEnds {
    /// A line with nothing but a dot ends the text (sendmail without `-i`).
    dot_ends: bool,
    /// The last byte was a CR: a LF now belongs to it.
    after_cr: bool,
    at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    LineStart,
    /// Behind a dot at the beginning of a line, which is kept back until the next byte shows whether it is alone.
    FirstDot,
    InLine,
    /// A lone dot has ended the text.
    End,
}

impl LineEnds {
    pub(super) fn new(dot_ends: bool) -> Self {
        Self { dot_ends, after_cr: false, at: At::LineStart }
    }

    /// Whether a lone dot has ended the text: nothing that follows belongs to it.
    pub(super) fn ended(&self) -> bool {
        self.at == At::End
    }

    /// The next piece.
    pub(super) fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        while let Some((&first, after)) = rest.split_first() {
            if self.ended() {
                return;
            }
            match first {
                b'\n' if self.after_cr => self.after_cr = false,
                b'\r' | b'\n' => {
                    self.after_cr = first == b'\r';
                    self.end_line(out);
                }
                b'.' if self.dot_ends && self.at == At::LineStart => {
                    self.after_cr = false;
                    self.at = At::FirstDot;
                }
                _ => {
                    let line = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
                    let (line, after) = rest.split_at_checked(line).unwrap_or((rest, &[]));
                    self.put(line, out);
                    rest = after;
                    continue;
                }
            }
            rest = after;
        }
    }

    /// The end of the text: the last line gets an end, if it has none.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if matches!(self.at, At::FirstDot | At::InLine) {
            self.end_line(out);
        }
    }

    fn put(&mut self, part_of_line: &[u8], out: &mut Vec<u8>) {
        if self.at == At::FirstDot {
            out.push(b'.');
        }
        out.extend_from_slice(part_of_line);
        self.after_cr = false;
        self.at = At::InLine;
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        if self.at == At::FirstDot {
            self.at = At::End;
            return;
        }
        out.extend_from_slice(b"\r\n");
        self.at = At::LineStart;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &[u8], dot_ends: bool, sizes: &[usize]) -> Vec<u8> {
        let (mut ends, mut out, mut rest) = (LineEnds::new(dot_ends), Vec::new(), text);
        for &size in sizes {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            ends.push(piece, &mut out);
            rest = after;
        }
        ends.push(rest, &mut out);
        ends.finish(&mut out);
        out
    }

    #[test]
    fn every_line_end_becomes_crlf() {
        let text = |text: &str| String::from_utf8(all(text.as_bytes(), false, &[])).unwrap();
        assert_eq!(text("a\nb\r\nc\rd"), "a\r\nb\r\nc\r\nd\r\n");
        assert_eq!(text("a\r\r\nb\n\r"), "a\r\n\r\nb\r\n\r\n");
        assert_eq!(text(""), "");
        assert_eq!(text("\n"), "\r\n");
        assert_eq!(text("a\n.\nb\n"), "a\r\n.\r\nb\r\n");
    }

    #[test]
    fn a_lone_dot_ends_the_text_where_that_is_asked_for() {
        let text = |text: &str| String::from_utf8(all(text.as_bytes(), true, &[])).unwrap();
        assert_eq!(text("a\n.\nb\n"), "a\r\n");
        assert_eq!(text("a\r\n.\r\nb"), "a\r\n");
        assert_eq!(text("a\n."), "a\r\n");
        assert_eq!(text("."), "");
        assert_eq!(text("a\n..\n.b\n. \nc.\n"), "a\r\n..\r\n.b\r\n. \r\nc.\r\n");
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            text in "[ab.\r\n]{0,40}", sizes in prop::collection::vec(0_usize..5, 0..20), dot_ends: bool,
        ) {
            let whole = all(text.as_bytes(), dot_ends, &[]);
            prop_assert_eq!(&all(text.as_bytes(), dot_ends, &sizes), &whole);
            prop_assert_eq!(&all(&whole, dot_ends, &[]), &whole);
        }
    }
}
