//! The messages: of a size that is asked for, no two alike, and each saying itself what must be in it.
//!
//! A header line carries the message's number and the SHA-256 of its body, so that whoever finds the message at the
//! other end, after any number of line ends and headers were put in by others, can tell whether it is whole. Each has a
//! recipient of its own, so that the envelope can be checked as well. Lines are random enough not to be compressed, and
//! some begin with a dot.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};

/// Envelope sender of all.
pub(crate) const SENDER: &str = "ada@example.org";
const HEADER: &str = "X-Bench: ";

/// Which sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Set {
    /// 4 KiB each.
    Small,
    /// Of fifty, forty of 4 to 20 KiB, nine of 100 KiB, one of 5 MiB.
    Mix,
    /// 200 MiB each.
    Huge,
}

impl Set {
    /// In words.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Small => "4 KiB",
            Self::Mix => "4 KiB to 5 MiB",
            Self::Huge => "200 MiB",
        }
    }

    const fn bytes(self, number: usize) -> usize {
        match self {
            Self::Small => 4 << 10,
            Self::Mix => match number % 50 {
                25 => 5 << 20,
                3 | 8 | 13 | 18 | 23 | 33 | 38 | 43 | 48 => 100 << 10,
                _ => (4 << 10) + number * 7919 % (16 << 10),
            },
            Self::Huge => 200 << 20,
        }
    }
}

/// Messages in a folder, a file each, named by number. Line ends are those of this system, as every peer expects them.
#[derive(Debug, Clone)]
pub(crate) struct Letters {
    /// Where they are.
    pub(crate) folder: PathBuf,
    /// How many.
    pub(crate) count: usize,
    /// All together.
    pub(crate) bytes: u64,
}

impl Letters {
    /// Writes them into a new folder.
    pub(crate) fn write(folder: &Path, set: Set, count: usize) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        let mut letters = Self { folder: folder.to_owned(), count, bytes: 0 };
        for number in 0..count {
            let text = letter(number, set.bytes(number));
            letters.bytes += text.len() as u64;
            fs::write(letters.file(number), text).expect("a file");
        }
        letters
    }

    /// The file of one.
    pub(crate) fn file(&self, number: usize) -> PathBuf {
        self.folder.join(format!("{number:06}.eml"))
    }

    /// The first of them.
    pub(crate) fn first(&self, count: usize) -> Vec<PathBuf> {
        (0..count).map(|number| self.file(number)).collect()
    }
}

/// The recipient of a message.
pub(crate) fn recipient(number: usize) -> String {
    format!("r{number}@example.net")
}

fn letter(number: usize, bytes: usize) -> String {
    const HEAD: usize = 330;
    let mut body = String::with_capacity(bytes);
    let mut random = Random(number as u64 ^ 0x9e37_79b9_7f4a_7c15);
    let mut line = 0;
    while body.len() + HEAD < bytes {
        if line % 23 == 7 {
            body.push('.');
        }
        for _ in 0..7 {
            write!(body, "{:010x} ", random.next() >> 24).expect("a string");
        }
        body.push('\n');
        line += 1;
    }
    format!(
        "From: Ada Lovelace <{SENDER}>\n\
         To: {to}\n\
         Subject: Bench {number}\n\
         Date: Mon, 05 Jan 2026 10:00:00 +0000\n\
         Message-ID: <{number}.bench@example.org>\n\
         {HEADER}{number} {hash}\n\
         MIME-Version: 1.0\n\
         Content-Type: text/plain; charset=us-ascii\n\
         \n\
         {body}",
        to = recipient(number),
        hash = hash(body.as_bytes())
    )
}

/// xorshift64*: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// SHA-256 of a body, whichever line ends it has, and however many line ends at its end.
fn hash(body: &[u8]) -> String {
    let mut context = Context::new(&SHA256);
    for line in body.trim_ascii_end().split(|&byte| byte == b'\n') {
        context.update(line.strip_suffix(b"\r").unwrap_or(line));
        context.update(b"\n");
    }
    context.finish().as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string");
        text
    })
}

/// A message as it was found at the receiving end.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// Reverse path and recipient, where the receiving end has an envelope.
    pub(crate) envelope: Option<(String, String)>,
    /// The message, with whatever headers were put in on the way.
    pub(crate) content: Vec<u8>,
}

/// Checks that messages 0 to `count` arrived, each of them once, whole, and for the right person.
pub(crate) fn check(count: usize, arrivals: impl IntoIterator<Item = Arrival>) -> Result<(), String> {
    let mut seen = vec![false; count];
    for Arrival { envelope, content } in arrivals {
        let number = intact(&content)?;
        let slot = seen.get_mut(number).ok_or_else(|| format!("message {number} was not sent"))?;
        if std::mem::replace(slot, true) {
            return Err(format!("message {number} came twice"));
        }
        if let Some((sender, to)) = envelope
            && (sender != SENDER || to != recipient(number))
        {
            return Err(format!("message {number} came from {sender} for {to}"));
        }
    }
    match seen.iter().filter(|seen| !**seen).count() {
        0 => Ok(()),
        missing => Err(format!("{missing} of {count} did not come")),
    }
}

/// The number of a message that is as it was.
fn intact(content: &[u8]) -> Result<usize, String> {
    let mut rest = content;
    let mut label = None;
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let (line, more) = rest.split_at(end + 1);
        rest = more;
        let line = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
        if line.is_empty() {
            break;
        }
        label = label.or_else(|| line.strip_prefix(HEADER).map(str::to_owned));
    }
    let label = label.ok_or("a message that is none of ours")?;
    let (number, expected) = label.split_once(' ').ok_or("a header line is not whole")?;
    let number = number.parse().map_err(|error| format!("a header line is not whole: {error}"))?;
    if hash(rest) == expected { Ok(number) } else { Err(format!("the body of message {number} is not what it was")) }
}
