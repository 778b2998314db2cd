//! The way in for new mail: a message is prepared, routed and written to the spool, beside the spooler and without it.
//!
//! So submitting works in any number of processes at once, with a window open or none, on a line or off it. Whoever
//! submitted tells the spooler afterwards ([`super::Command::Submitted`]), if one runs.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::core::Router;
use super::core::routing::Routing;
use crate::mapi::{EnvelopeId, Failure, MapiResult};
use crate::message::address;
use crate::message::mailbox::Author;
use crate::message::prepare::{self, MessageError, Prepared};
use crate::profile::{Identity, Places, Profile};
use crate::spool::{NewMessage, StagingBatch};

/// What the submitter says beside the message itself.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// This transport, whatever the others take.
    pub transport: Option<String>,
    /// The envelope's sender; otherwise the message's. Without a `From` in the message, it also is the author.
    pub sender: Option<String>,
    /// The author's display name, for a message without `From`; otherwise that of the identity.
    pub name: Option<String>,
    /// The envelope's recipients; none: the message's To, Cc and Bcc.
    pub recipients: Vec<String>,
    /// The message's To, Cc and Bcc as well, when recipients are given.
    pub also_named: bool,
    /// A recipient without a host, such as cron's `root`, is somebody at this machine, whose mail goes to the identity.
    /// Otherwise the server may complete the address, or refuse it.
    pub locals_are_identity: bool,
    /// The address of whoever calls at this machine: it sends what says nowhere who does, if there is no identity either.
    pub caller: Option<String>,
    /// Which program submits, in words; empty: not known.
    pub submitter: String,
    /// How the message is read.
    pub reading: prepare::Options,
}

/// Why a message was not taken. Nothing of it is in the spool.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The message makes no sense.
    #[error("{0}")]
    Message(#[from] MessageError),
    /// Nobody who sends it, and no identity to fill in.
    #[error(
        "the message does not say who sends it: give it a From, or the sender with --from, or the transport an identity \
         in the profile"
    )]
    NoSender,
    /// Nobody to send it to ([`MapiResult::NoRecipients`]).
    #[error("the message has no recipients (MAPI_E_NO_RECIPIENTS): name them in To, Cc or Bcc, or with --to")]
    NoRecipients,
    /// The profile has no such transport that sends.
    #[error("the profile has no transport “{0}” that sends")]
    NoTransport(String),
    /// No transport takes these recipients.
    #[error("no transport of the profile takes {}: see its accepts", .0.join(", "))]
    NotAccepted(Vec<String>),
    /// Its file can't be read.
    #[error("it can't be read: {0}")]
    Unreadable(io::Error),
    /// The spool can't be written.
    #[error("{0}")]
    Failure(#[from] Failure),
}

impl SubmitError {
    /// MAPI's word for it.
    pub const fn result(&self) -> MapiResult {
        match self {
            Self::Message(_) | Self::NoSender => MapiResult::CorruptData,
            Self::NoRecipients => MapiResult::NoRecipients,
            Self::NoTransport(_) => MapiResult::NotFound,
            Self::NotAccepted(_) => MapiResult::NotMe,
            Self::Unreadable(_) => MapiResult::DiskError,
            Self::Failure(failure) => failure.result(),
        }
    }
}

/// What became of many messages.
#[derive(Debug, Default)]
pub struct Taken {
    /// The envelopes that are in the spool, in the order of submission; also those of before a failure, so that nobody
    /// submits them again.
    pub envelopes: Vec<EnvelopeId>,
    /// At this file, or at one of its group before it, the spool could not be written any more.
    pub failure: Option<(PathBuf, Failure)>,
}

/// Messages made durable in one go.
const GROUP: usize = 500;

/// Puts messages into a profile's spool.
#[derive(Debug)]
pub struct Submitter {
    router: Router,
    /// The identities of the transports that send, in the order of the file.
    identities: Vec<(String, Author)>,
    batch: StagingBatch,
}

impl Submitter {
    /// A submitter for a profile.
    ///
    /// # Errors
    /// The spool can't be opened.
    pub fn new(places: &Places, profile: &Profile) -> Result<Self, Failure> {
        let sending = profile.transports.iter().filter(|transport| transport.outgoing.is_some());
        let identities = sending.filter_map(|transport| {
            let Identity { name, address } = transport.identity.clone()?;
            Some((transport.name.clone(), Author { name, address }))
        });
        let identities = identities.collect();
        Ok(Self { router: Router::new(profile), identities, batch: StagingBatch::begin(&places.spool())? })
    }

    /// Who writes and sends what does not say so itself: the identity of the transport that is asked for, else the first
    /// of the profile.
    fn identity(&self, options: &Options) -> Option<&Author> {
        let asked_for = self.identities.iter().find(|(name, _)| Some(name) == options.transport.as_ref());
        asked_for.or(self.identities.first()).map(|(_, author)| author)
    }

    /// Who wrote a message without a `From`: the sender that is given, else the identity.
    fn author(&self, options: &Options) -> Option<Author> {
        let sender = options.sender.as_ref().and_then(|text| address::named(text).ok()).map(|(_, address)| address);
        let author = match sender {
            Some(address) => {
                let known = self.identities.iter().find(|(_, author)| address::same(&author.address, &address));
                Author { name: known.map(|(_, author)| author.name.clone()).unwrap_or_default(), address }
            }
            None => self.identity(options).cloned().or_else(|| {
                let address = options.caller.clone()?;
                Some(Author { name: String::new(), address })
            })?,
        };
        Some(Author { name: options.name.clone().unwrap_or(author.name), ..author })
    }

    /// Takes the messages of these files and makes them durable, a group at a time; `-` is standard input. One bad
    /// message does not keep the others out: `refused` hears of it.
    pub fn submit_files(
        &mut self,
        files: &[PathBuf],
        options: &Options,
        refused: &mut dyn FnMut(&Path, SubmitError),
    ) -> Taken {
        let mut taken = Taken::default();
        for (number, file) in files.iter().enumerate() {
            let mut done = match self.submit_file(file, options) {
                Err(SubmitError::Failure(failure)) => Err(failure),
                Err(error) => {
                    refused(file, error);
                    Ok(Vec::new())
                }
                Ok(()) => Ok(Vec::new()),
            };
            let ends_group = number + 1 == files.len() || (number + 1) % GROUP == 0;
            if done.is_ok() && ends_group {
                done = self.commit();
            }
            match done {
                Ok(envelopes) => taken.envelopes.extend(envelopes),
                Err(failure) => {
                    taken.envelopes.extend(self.batch.durable());
                    taken.failure = Some((file.clone(), failure));
                    break;
                }
            }
        }
        taken
    }

    fn submit_file(&mut self, file: &Path, options: &Options) -> Result<(), SubmitError> {
        if file == Path::new("-") {
            return self.submit(&mut io::stdin().lock(), options);
        }
        let file = File::open(file).map_err(SubmitError::Unreadable)?;
        self.submit(&mut BufReader::new(file), options)
    }

    /// Takes one message. It is durable when [`Self::commit`] returns.
    ///
    /// # Errors
    /// Why it was not taken. The messages taken before are not touched by that.
    pub fn submit(&mut self, input: &mut dyn Read, options: &Options) -> Result<(), SubmitError> {
        let identity = self.identity(options).map(|author| author.address.clone());
        let reading = prepare::Options { author: self.author(options), ..options.reading.clone() };
        let mut staging = self.batch.stage().map_err(Failure::from)?;
        let mut failure = None;
        let prepared = prepare::prepare(input, &reading, &mut |bytes| {
            staging.write(bytes).map_err(|error| {
                failure = Some(Failure::from(error));
                io::Error::other("the spool can't be written")
            })
        });
        if let Some(failure) = failure {
            return Err(failure.into());
        }
        let prepared = prepared?;
        let message = envelopes(&self.router, prepared, identity.as_deref(), options)?;
        staging.ready(message, now()).map_err(Failure::from)?;
        Ok(())
    }

    /// Makes everything taken so far durable, in one go. Gives the envelopes, in the order of submission.
    ///
    /// # Errors
    /// The spool can't be written.
    pub fn commit(&mut self) -> Result<Vec<EnvelopeId>, Failure> {
        Ok(self.batch.commit()?)
    }
}

/// The envelopes of a prepared message.
fn envelopes(
    router: &Router,
    prepared: Prepared,
    identity: Option<&str>,
    options: &Options,
) -> Result<NewMessage, SubmitError> {
    let recipients = recipients(&prepared, identity, options)?;
    if recipients.is_empty() {
        return Err(SubmitError::NoRecipients);
    }
    let sends = identity.or(options.caller.as_deref());
    let sender = match &options.sender {
        Some(text) => address::sender(text).map_err(MessageError::from)?,
        // Nobody sends a message of his own with the null sender: nothing would tell him that it did not arrive.
        None if prepared.sender.is_empty() => sends.ok_or(SubmitError::NoSender)?.to_owned(),
        None => prepared.sender.clone(),
    };
    let sender = with_host(sender, sends);
    let ascii = sender.is_ascii() && recipients.iter().all(|to: &String| to.is_ascii());
    let from = if prepared.from.is_empty() { &sender } else { &prepared.from };
    let routing = match &options.transport {
        Some(name) if router.has(name) => Routing { envelopes: vec![(name.clone(), recipients)], nobody: vec![] },
        Some(name) => return Err(SubmitError::NoTransport(name.clone())),
        None => router.route(from, &recipients),
    };
    if !routing.nobody.is_empty() {
        return Err(SubmitError::NotAccepted(routing.nobody));
    }
    Ok(NewMessage {
        from: from.clone(),
        subject: prepared.subject,
        message_id: prepared.message_id,
        sender,
        eight_bit: prepared.eight_bit,
        smtputf8: prepared.smtputf8 || !ascii,
        not_before: prepared.not_before,
        envelopes: routing.envelopes,
        submitter: options.submitter.clone(),
        is_report: false,
    })
}

/// Whom a message goes to.
fn recipients(prepared: &Prepared, identity: Option<&str>, options: &Options) -> Result<Vec<String>, SubmitError> {
    // What was typed goes into SMTP commands and argument lists, so it must be an address and nothing more.
    let given = options.recipients.iter().map(|text| address::recipient(text));
    let mut all: Vec<String> = given.collect::<Result<_, _>>().map_err(MessageError::from)?;
    if all.is_empty() || options.also_named {
        all.extend(prepared.recipients()?);
    }
    if options.locals_are_identity {
        all = all.into_iter().map(|recipient| with_host(recipient, identity)).collect();
    }
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|recipient| seen.insert(recipient.clone()));
    Ok(all)
}

/// A bare name, as cron writes, is somebody at this machine, who has the identity's address elsewhere.
fn with_host(address: String, identity: Option<&str>) -> String {
    let is_bare = !address.is_empty() && !address.contains('@');
    identity.filter(|_| is_bare).map_or(address, ToOwned::to_owned)
}

/// The message files that a path stands for. A file, whatever its name, is itself; a folder is the files in it, by name,
/// that end in `.eml` or have no ending (as in the folders of MH). Hidden files are none.
///
/// # Errors
/// There is no such path, or the folder can't be read.
pub fn message_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.metadata()?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut inside = Vec::new();
    for entry in path.read_dir()? {
        let entry = entry?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && is_message(&entry.path()) {
            inside.push(entry.path());
        }
    }
    inside.sort();
    Ok(inside)
}

fn is_message(path: &Path) -> bool {
    path.extension().is_none_or(|ending| ending.eq_ignore_ascii_case("eml")) && path.is_file()
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_folder_stands_for_the_messages_in_it_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b.eml", "a.EML", "17", "notes.txt", ".hidden", ".hidden.eml"] {
            fs::write(folder.path().join(name), "x").expect("a file");
        }
        fs::create_dir(folder.path().join("inner.eml")).expect("a folder");
        let named = |names: &[&str]| names.iter().map(|name| folder.path().join(name)).collect::<Vec<_>>();
        assert_eq!(message_files(folder.path()).expect("readable"), named(&["17", "a.EML", "b.eml"]));
        let text = folder.path().join("notes.txt");
        assert_eq!(message_files(&text).expect("there"), [text]);
        assert!(message_files(&folder.path().join("gone")).is_err());
    }
}
