//! What waits to be fetched from one account.

use std::sync::Arc;

use bitflags::bitflags;
use jiff::Timestamp;

bitflags! {
    /// IMAP's system flags (RFC 3501, 2.3.2) as far as they are kept here.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) struct Flags: u8 {
        const SEEN = 1;
        const ANSWERED = 2;
        const FLAGGED = 4;
        const DELETED = 8;
        const DRAFT = 16;
    }
}

const NAMES: [(&str, Flags); 5] = [
    ("\\Seen", Flags::SEEN),
    ("\\Answered", Flags::ANSWERED),
    ("\\Flagged", Flags::FLAGGED),
    ("\\Deleted", Flags::DELETED),
    ("\\Draft", Flags::DRAFT),
];

impl Flags {
    /// The flag with this IMAP name.
    pub(super) fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, flag)| flag)
    }

    /// The list as IMAP writes it.
    pub(super) fn imap(self) -> String {
        let names: Vec<&str> = NAMES.iter().filter(|(_, flag)| self.contains(*flag)).map(|(name, _)| *name).collect();
        format!("({})", names.join(" "))
    }
}

/// One message.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    /// Its number for IMAP, and in other words for POP3.
    pub(super) uid: u32,
    /// When it arrived.
    pub(super) received_at: Timestamp,
    /// The message itself, with CRLF line ends.
    pub(super) content: Arc<[u8]>,
    /// As a client set them.
    pub(super) flags: Flags,
}

/// The messages of an account, oldest first.
#[derive(Debug)]
pub(super) struct Mailbox {
    messages: Vec<Stored>,
    uid_next: u32,
}

impl Default for Mailbox {
    fn default() -> Self {
        Self { messages: Vec::new(), uid_next: 1 }
    }
}

impl Mailbox {
    /// UIDVALIDITY: a mailbox lives as long as its provider, so that there is only ever one.
    pub(super) const UID_VALIDITY: u32 = 1_700_000_001;

    /// A message arrives.
    pub(super) fn add(&mut self, content: Vec<u8>, received_at: Timestamp) {
        self.messages.push(Stored { uid: self.uid_next, received_at, content: content.into(), flags: Flags::empty() });
        self.uid_next += 1;
    }

    /// All of them, as they are now.
    pub(super) fn snapshot(&self) -> Vec<Stored> {
        self.messages.clone()
    }

    /// The UID that the next message gets.
    pub(super) fn uid_next(&self) -> u32 {
        self.uid_next
    }

    /// Changes the flags of a message; gives the new ones, or `None` if it is gone.
    pub(super) fn change_flags(&mut self, uid: u32, change: impl FnOnce(Flags) -> Flags) -> Option<Flags> {
        let index = self.messages.binary_search_by_key(&uid, |message| message.uid).ok()?;
        let message = self.messages.get_mut(index)?;
        message.flags = change(message.flags);
        Some(message.flags)
    }

    /// Removes those that are to go.
    pub(super) fn remove(&mut self, goes: impl Fn(&Stored) -> bool) {
        self.messages.retain(|message| !goes(message));
    }
}
