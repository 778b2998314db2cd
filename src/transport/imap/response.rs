//! What a response means to us: the few things a client that fetches needs to know, out of all that imap-codec reads.
//!
//! What we can't read and did not ask for is passed over: servers may say anything at any time (RFC 9051 section 7).

use std::num::NonZeroU32;

use imap_codec::decode::Decoder as _;
use imap_codec::{GreetingCodec, ResponseCodec};
use imap_types::core::{IString, NString};
use imap_types::fetch::MessageDataItem;
use imap_types::flag::{Flag, FlagFetch};
use imap_types::response::{Capability, Code, Data, GreetingKind, Response, Status};

use super::wire::{Broken, is_status};
use crate::mapi::visible;
use crate::transport::deliver::Marks;

/// Said of one message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Fetched {
    /// Its UID; `None` when the server said something unasked.
    pub uid: Option<NonZeroU32>,
    /// Its size, as the server counts it.
    pub size: Option<u64>,
    /// Its flags and date.
    pub marks: Marks,
    /// Its content, when it came as a string instead of a literal.
    pub text: Option<Vec<u8>>,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Done.
    Ok,
    /// Refused.
    No,
    /// Not understood.
    Bad,
}

/// One response, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// The server waits for more of a command, or has a challenge: the text after the plus.
    Continue(Vec<u8>),
    /// A command is over.
    Done {
        /// Whose: the tag.
        tag: String,
        /// How.
        verdict: Verdict,
        /// Capabilities it came with (RFC 9051 section 7.1).
        capabilities: Option<Vec<String>>,
        /// Another response code, by its name in capitals.
        code: Option<String>,
        /// The text for people.
        text: String,
    },
    /// The server is about to close the line.
    Bye(String),
    /// What it can do, in capitals.
    Capabilities(Vec<String>),
    /// The mailbox's UIDs are good as long as this stays the same.
    UidValidity(u32),
    /// What a search found.
    Found(Vec<NonZeroU32>),
    /// So many messages are in the open folder now.
    Exists(usize),
    /// A message went from the open folder.
    Expunged,
    /// Something of a message.
    Fetched(Fetched),
    /// Nothing to us.
    Other,
}

/// The first thing a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Greeting {
    /// It knows us already (PREAUTH); `None`: it turns us away (BYE).
    pub signed_in: Option<bool>,
    /// What it can do, if it says so.
    pub capabilities: Option<Vec<String>>,
    /// The text for people.
    pub text: String,
}

impl Greeting {
    /// Reads it.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn parse(response: &[u8]) -> Result<Self, Broken> {
        let Ok((_, greeting)) = GreetingCodec::default().decode(response) else { return Err(Broken::NoResponse) };
        let signed_in = match greeting.kind {
            GreetingKind::Ok => Some(false),
            GreetingKind::PreAuth => Some(true),
            GreetingKind::Bye => None,
        };
        let capabilities = greeting.code.as_ref().and_then(capabilities_of);
        Ok(Self { signed_in, capabilities, text: visible(greeting.text.as_ref()) })
    }
}

impl Event {
    /// Reads a whole response.
    ///
    /// # Errors
    /// Somebody waits for it, and it can't be read.
    pub(super) fn parse(response: &[u8]) -> Result<Self, Broken> {
        if let Some(text) = response.strip_prefix(b"+") {
            return Ok(Self::Continue(text.trim_ascii().to_vec()));
        }
        // Text in the server's own language is common, and nothing hangs on it; the grammar has ASCII only.
        let ascii: Vec<u8>;
        let mut response = response;
        if is_status(&[], response) {
            ascii = response.iter().map(|&byte| if byte.is_ascii() { byte } else { b'?' }).collect();
            response = &ascii;
        }
        match ResponseCodec::default().decode(response) {
            Ok((_, Response::Data(data))) => Ok(Self::of_data(data)),
            Ok((_, Response::Status(status))) => Ok(Self::of_status(&status)),
            Ok((_, Response::CommandContinuationRequest(_))) => Ok(Self::Other),
            Err(_) if !response.starts_with(b"* ") => Err(Broken::NoResponse),
            Err(_) => {
                let plain = without_mod_sequence(response).unwrap_or_default();
                match ResponseCodec::default().decode(&plain) {
                    Ok((_, Response::Data(data))) => Ok(Self::of_data(data)),
                    _ => Ok(Self::Other),
                }
            }
        }
    }

    fn of_data(data: Data<'_>) -> Self {
        match data {
            Data::Capability(capabilities) => Self::Capabilities(names(capabilities.as_ref())),
            Data::Search(uids) => Self::Found(uids),
            Data::Exists(messages) => Self::Exists(usize::try_from(messages).unwrap_or(usize::MAX)),
            Data::Expunge(_) => Self::Expunged,
            Data::Fetch { items, .. } => Self::Fetched(Fetched::of(items.as_ref())),
            _ => Self::Other,
        }
    }

    fn of_status(status: &Status<'_>) -> Self {
        let (verdict, tag) = match status {
            Status::Ok { tag, .. } => (Verdict::Ok, tag),
            Status::No { tag, .. } => (Verdict::No, tag),
            Status::Bad { tag, .. } => (Verdict::Bad, tag),
            Status::Bye { text, .. } => return Self::Bye(visible(text.as_ref())),
        };
        let Some(tag) = tag else {
            return match status.code() {
                Some(Code::UidValidity(number)) => Self::UidValidity(number.get()),
                Some(code) => capabilities_of(code).map_or(Self::Other, Self::Capabilities),
                None => Self::Other,
            };
        };
        let code = match status.code() {
            Some(Code::Other(other)) => Some(String::from_utf8_lossy(other.inner()).to_ascii_uppercase()),
            _ => None,
        };
        Self::Done {
            tag: tag.as_ref().to_owned(),
            verdict,
            capabilities: status.code().and_then(capabilities_of),
            code,
            text: visible(status.text().as_ref()),
        }
    }
}

/// Without the mod-sequence that a server with CONDSTORE may put into what it says of a message (RFC 7162 section 3.1.4.2):
/// the library's grammar does not know it, and a message is not to be lost for it. `None`: there is none.
fn without_mod_sequence(response: &[u8]) -> Option<Vec<u8>> {
    const NAME: &[u8] = b"MODSEQ (";
    let begin = response.windows(NAME.len()).position(|window| window.eq_ignore_ascii_case(NAME))?;
    let (before, rest) = response.split_at_checked(begin)?;
    let end = rest.iter().position(|&byte| byte == b')')?;
    let after = rest.get(end + 1..)?;
    // With the space before it, or, where it comes first, the one behind it.
    let (before, after) = match before.strip_suffix(b" ") {
        Some(before) => (before, after),
        None => (before, after.strip_prefix(b" ")?),
    };
    Some([before, after].concat())
}

impl Fetched {
    fn of(items: &[MessageDataItem<'_>]) -> Self {
        let mut all = Self::default();
        for item in items {
            match item {
                MessageDataItem::Uid(uid) => all.uid = Some(*uid),
                MessageDataItem::Rfc822Size(size) => all.size = Some((*size).into()),
                MessageDataItem::InternalDate(date) => all.marks.received_at = Some(date.as_ref().timestamp()),
                MessageDataItem::Flags(flags) => all.marks.letters = letters(flags),
                MessageDataItem::BodyExt { section: None, data: NString(data), .. } => {
                    all.text = data.as_ref().map(|data| match data {
                        IString::Quoted(text) => text.inner().as_bytes().to_vec(),
                        IString::Literal(literal) => literal.data().to_vec(),
                    });
                }
                _ => {}
            }
        }
        all
    }
}

/// Maildir's letters. `\Deleted` is left out: a message deleted there is not to be hidden here.
fn letters(flags: &[FlagFetch<'_>]) -> String {
    let has = |flag: Flag<'static>| flags.contains(&FlagFetch::Flag(flag));
    [(Flag::Draft, 'D'), (Flag::Flagged, 'F'), (Flag::Answered, 'R'), (Flag::Seen, 'S')]
        .into_iter()
        .filter_map(|(flag, letter)| has(flag).then_some(letter))
        .collect()
}

fn capabilities_of(code: &Code<'_>) -> Option<Vec<String>> {
    if let Code::Capability(capabilities) = code { Some(names(capabilities.as_ref())) } else { None }
}

fn names(capabilities: &[Capability<'_>]) -> Vec<String> {
    capabilities.iter().map(|capability| capability.to_string().to_ascii_uppercase()).collect()
}
