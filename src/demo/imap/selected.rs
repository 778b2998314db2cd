//! The open mailbox of a session: its messages under the numbers the client knows, and the commands on them.

use std::collections::BTreeSet;
use std::io;

use super::parse::{Set, Token};
use crate::demo::mailbox::{Flags, Mailbox, Stored};
use crate::demo::pop3::header_end;
use crate::demo::wire::Wire;

/// Does something to the mailbox behind the session.
pub(super) type WithMailbox<'a> = dyn Fn(&mut dyn FnMut(&mut Mailbox)) + 'a;

/// A set, and whether it counts UIDs.
pub(super) type Which<'a> = (&'a Set, bool);

/// See the module.
#[derive(Debug)]
pub(super) struct Selected {
    messages: Vec<Stored>,
    read_only: bool,
}

/// What FETCH can be asked for here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FetchItem {
    Uid,
    Flags,
    InternalDate,
    Size,
    /// A part of the message, and the name under which it goes back.
    Body {
        name: String,
        part: Part,
        peek: bool,
        piece: Option<(usize, usize)>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Header,
    Text,
}

impl FetchItem {
    /// Reads one item or a list of them.
    pub(super) fn list(tokens: &[Token], by_uid: bool) -> Option<Vec<Self>> {
        let tokens = match tokens {
            [Token::Open, inner @ .., Token::Close] => inner,
            [one] => std::slice::from_ref(one),
            _ => return None,
        };
        let mut items = Vec::new();
        for token in tokens {
            let Token::Word(word) = token else { return None };
            match word.to_ascii_uppercase().as_str() {
                "FAST" => items.extend([Self::Flags, Self::InternalDate, Self::Size]),
                word => items.push(Self::parse(word)?),
            }
        }
        if by_uid && !items.contains(&Self::Uid) {
            items.insert(0, Self::Uid);
        }
        Some(items)
    }

    fn parse(word: &str) -> Option<Self> {
        let whole = |part, peek| Self::Body { name: word.to_owned(), part, peek, piece: None };
        Some(match word {
            "UID" => Self::Uid,
            "FLAGS" => Self::Flags,
            "INTERNALDATE" => Self::InternalDate,
            "RFC822.SIZE" => Self::Size,
            "RFC822" => whole(Part::Whole, false),
            "RFC822.HEADER" => whole(Part::Header, true),
            "RFC822.TEXT" => whole(Part::Text, false),
            _ => {
                let (name, rest) = word.split_once('[')?;
                let (section, partial) = rest.split_once(']')?;
                let peek = match name {
                    "BODY" => false,
                    "BODY.PEEK" => true,
                    _ => return None,
                };
                let part = match section {
                    "" => Part::Whole,
                    "HEADER" => Part::Header,
                    "TEXT" => Part::Text,
                    _ => return None,
                };
                let piece = match partial.strip_prefix('<') {
                    Some(partial) => {
                        let (start, length) = partial.strip_suffix('>')?.split_once('.')?;
                        Some((start.parse().ok()?, length.parse().ok()?))
                    }
                    None => None,
                };
                let origin = piece.map_or_else(String::new, |(start, _)| format!("<{start}>"));
                Self::Body { name: format!("BODY[{section}]{origin}"), part, peek, piece }
            }
        })
    }
}

/// What STORE does with flags.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoreKind {
    verb: Change,
    flags: Flags,
    silent: bool,
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Set,
    Add,
    Remove,
}

impl StoreKind {
    /// Reads `+FLAGS.SILENT` and the flags behind it.
    pub(super) fn parse(kind: &str, flags: &[Token]) -> Option<Self> {
        let kind = kind.to_ascii_uppercase();
        let (kind, silent) = kind.strip_suffix(".SILENT").map_or((kind.as_str(), false), |kind| (kind, true));
        let verb = match kind {
            "FLAGS" => Change::Set,
            "+FLAGS" => Change::Add,
            "-FLAGS" => Change::Remove,
            _ => return None,
        };
        let words = match flags {
            [Token::Open, inner @ .., Token::Close] => inner,
            flags => flags,
        };
        let flags = words.iter().map(|word| Flags::named(&word.text()?)).collect::<Option<Vec<Flags>>>()?;
        Some(Self { verb, flags: flags.into_iter().collect(), silent })
    }

    fn apply(self, before: Flags) -> Flags {
        match self.verb {
            Change::Set => self.flags,
            Change::Add => before | self.flags,
            Change::Remove => before - self.flags,
        }
    }
}

impl Selected {
    /// Opens a mailbox as it is now.
    pub(super) fn new(messages: Vec<Stored>, read_only: bool) -> Self {
        Self { messages, read_only }
    }

    /// Opened with EXAMINE.
    pub(super) fn read_only(&self) -> bool {
        self.read_only
    }

    /// Tells what came and went since the client was last told.
    pub(super) fn catch_up(&mut self, wire: &mut Wire, now: Vec<Stored>) -> io::Result<()> {
        let present: BTreeSet<u32> = now.iter().map(|stored| stored.uid).collect();
        let mut number = 1;
        for stored in &self.messages {
            if present.contains(&stored.uid) {
                number += 1;
            } else {
                wire.say(&format!("* {number} EXPUNGE"))?;
            }
        }
        if now.len() >= number {
            wire.say(&format!("* {} EXISTS", now.len()))?;
        }
        self.messages = now;
        Ok(())
    }

    /// Numbers, or UIDs, of the messages for which every key holds; `None` if a key is not known here.
    pub(super) fn search(&self, keys: &[Token], by_uid: bool) -> Option<Vec<u32>> {
        let mut chosen: Vec<(u32, &Stored)> = (1..).zip(&self.messages).collect();
        let mut keys = keys.iter();
        while let Some(key) = keys.next() {
            let word = key.text()?.to_ascii_uppercase();
            let flagged = |flag: Flags, wanted: bool| move |stored: &Stored| stored.flags.contains(flag) == wanted;
            match word.as_str() {
                "ALL" => {}
                "SEEN" | "UNSEEN" => chosen.retain(|(_, stored)| flagged(Flags::SEEN, word == "SEEN")(stored)),
                "DELETED" | "UNDELETED" => {
                    chosen.retain(|(_, stored)| flagged(Flags::DELETED, word == "DELETED")(stored));
                }
                "UID" => {
                    let set = Set::parse(&keys.next()?.text()?)?;
                    let largest = self.largest(true);
                    chosen.retain(|(_, stored)| set.contains(stored.uid, largest));
                }
                set => {
                    let set = Set::parse(set)?;
                    let largest = self.largest(false);
                    chosen.retain(|&(number, _)| set.contains(number, largest));
                }
            }
        }
        Some(chosen.into_iter().map(|(number, stored)| if by_uid { stored.uid } else { number }).collect())
    }

    fn largest(&self, uid: bool) -> u32 {
        match self.messages.last() {
            Some(last) if uid => last.uid,
            // A mailbox of more than four thousand million messages does not fit into memory.
            _ => u32::try_from(self.messages.len()).unwrap_or(u32::MAX),
        }
    }

    fn chosen(&mut self, (set, by_uid): Which<'_>) -> impl Iterator<Item = (u32, &mut Stored)> {
        let largest = self.largest(by_uid);
        (1..)
            .zip(&mut self.messages)
            .filter(move |(number, stored)| set.contains(if by_uid { stored.uid } else { *number }, largest))
    }

    /// Sends what was asked for; a message whose text is sent, and not only peeked at, is seen from then on.
    pub(super) fn fetch(
        &mut self,
        wire: &mut Wire,
        mailbox: &WithMailbox<'_>,
        which: Which<'_>,
        items: &[FetchItem],
    ) -> io::Result<()> {
        let looks = items.iter().any(|item| matches!(item, FetchItem::Body { peek: false, .. })) && !self.read_only;
        for (number, stored) in self.chosen(which) {
            let mut tell_flags = items.contains(&FetchItem::Flags);
            if looks && !stored.flags.contains(Flags::SEEN) {
                stored.flags |= Flags::SEEN;
                tell_flags = true;
                mailbox(&mut |mailbox| {
                    mailbox.change_flags(stored.uid, |flags| flags | Flags::SEEN);
                });
            }
            let mut words = Vec::new();
            if items.contains(&FetchItem::Uid) {
                words.push(format!("UID {}", stored.uid));
            }
            if tell_flags {
                words.push(format!("FLAGS {}", stored.flags.imap()));
            }
            if items.contains(&FetchItem::InternalDate) {
                words.push(format!("INTERNALDATE \"{}\"", stored.received_at.strftime("%d-%b-%Y %H:%M:%S +0000")));
            }
            if items.contains(&FetchItem::Size) {
                words.push(format!("RFC822.SIZE {}", stored.content.len()));
            }
            wire.say_bytes(format!("* {number} FETCH ({}", words.join(" ")).as_bytes())?;
            let mut space = if words.is_empty() { "" } else { " " };
            for item in items {
                if let FetchItem::Body { name, part, piece, .. } = item {
                    let content = section(&stored.content, *part, *piece);
                    wire.say_bytes(format!("{space}{name} {{{}}}\r\n", content.len()).as_bytes())?;
                    wire.content(content)?;
                    space = " ";
                }
            }
            wire.say(")")?;
        }
        Ok(())
    }

    /// Changes flags and, unless silent, tells the new ones.
    pub(super) fn store(
        &mut self,
        wire: &mut Wire,
        mailbox: &WithMailbox<'_>,
        which: Which<'_>,
        change: StoreKind,
    ) -> io::Result<()> {
        for (number, stored) in self.chosen(which) {
            mailbox(&mut |mailbox| {
                if let Some(flags) = mailbox.change_flags(stored.uid, |flags| change.apply(flags)) {
                    stored.flags = flags;
                }
            });
            if !change.silent {
                let uid = if which.1 { format!("UID {} ", stored.uid) } else { String::new() };
                wire.say(&format!("* {number} FETCH ({uid}FLAGS {})", stored.flags.imap()))?;
            }
        }
        Ok(())
    }

    /// Removes what is flagged as deleted and known to this client, of this set of UIDs or of all.
    pub(super) fn expunge(&self, mailbox: &WithMailbox<'_>, uids: Option<&Set>) {
        let largest = self.largest(true);
        let known: BTreeSet<u32> = self.messages.iter().map(|stored| stored.uid).collect();
        mailbox(&mut |mailbox| {
            mailbox.remove(|stored| {
                stored.flags.contains(Flags::DELETED)
                    && known.contains(&stored.uid)
                    && uids.is_none_or(|set| set.contains(stored.uid, largest))
            });
        });
    }
}

/// The bytes of a part, or of a piece of it.
fn section(content: &[u8], part: Part, piece: Option<(usize, usize)>) -> &[u8] {
    let body = header_end(content);
    let bytes = match part {
        Part::Whole => content,
        Part::Header => content.get(..body).unwrap_or(content),
        Part::Text => content.get(body..).unwrap_or_default(),
    };
    let (start, length) = piece.unwrap_or((0, bytes.len()));
    let start = start.min(bytes.len());
    bytes.get(start..start.saturating_add(length).min(bytes.len())).unwrap_or_default()
}
