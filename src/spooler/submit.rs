//! The way in for new mail: a message is prepared, routed and written to the spool, beside the spooler and without it.
//!
//! So submitting works in any number of processes at once, with a window open or none, on a line or off it. Whoever
//! submitted tells the spooler afterwards ([`super::Command::Submitted`]), if one runs.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::core::Router;
use super::core::routing::Routing;
use crate::mapi::{EnvelopeId, Failure, MapiResult};
use crate::message::address;
use crate::message::prepare::{self, MessageError, Prepared};
use crate::profile::{Places, Profile};
use crate::spool::{NewMessage, StagingBatch};

/// What the submitter says beside the message itself.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// This transport, whatever the others take.
    pub transport: Option<String>,
    /// The envelope's sender; otherwise the message's.
    pub sender: Option<String>,
    /// The envelope's recipients; none: the message's To, Cc and Bcc.
    pub recipients: Vec<String>,
    /// How the message is read.
    pub reading: prepare::Options,
}

/// Why a message was not taken. Nothing of it is in the spool.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The message makes no sense.
    #[error("{0}")]
    Message(#[from] MessageError),
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
    Unreadable(std::io::Error),
    /// The spool can't be written.
    #[error("{0}")]
    Failure(#[from] Failure),
}

impl SubmitError {
    /// MAPI's word for it.
    pub const fn result(&self) -> MapiResult {
        match self {
            Self::Message(_) => MapiResult::CorruptData,
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
    batch: StagingBatch,
}

impl Submitter {
    /// A submitter for a profile.
    ///
    /// # Errors
    /// The spool can't be opened.
    pub fn new(places: &Places, profile: &Profile) -> Result<Self, Failure> {
        Ok(Self { router: Router::new(profile), batch: StagingBatch::begin(&places.spool())? })
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
            return self.submit(&mut std::io::stdin().lock(), options);
        }
        let file = File::open(file).map_err(SubmitError::Unreadable)?;
        self.submit(&mut BufReader::new(file), options)
    }

    /// Takes one message. It is durable when [`Self::commit`] returns.
    ///
    /// # Errors
    /// Why it was not taken. The messages taken before are not touched by that.
    pub fn submit(&mut self, input: &mut dyn Read, options: &Options) -> Result<(), SubmitError> {
        let mut staging = self.batch.stage().map_err(Failure::from)?;
        let mut failure = None;
        let prepared = prepare::prepare(input, &options.reading, &mut |bytes| {
            staging.write(bytes).map_err(|error| {
                failure = Some(Failure::from(error));
                std::io::Error::other("the spool can't be written")
            })
        });
        if let Some(failure) = failure {
            return Err(failure.into());
        }
        let prepared = prepared?;
        let message = envelopes(&self.router, prepared, options)?;
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
fn envelopes(router: &Router, prepared: Prepared, options: &Options) -> Result<NewMessage, SubmitError> {
    // What was typed goes into SMTP commands and argument lists, so it must be an address and nothing more.
    let recipients = match options.recipients.as_slice() {
        [] => prepared.recipients()?,
        given => {
            given.iter().map(|text| address::recipient(text)).collect::<Result<_, _>>().map_err(MessageError::from)?
        }
    };
    if recipients.is_empty() {
        return Err(SubmitError::NoRecipients);
    }
    let sender = match &options.sender {
        Some(text) => address::sender(text).map_err(MessageError::from)?,
        None => prepared.sender.clone(),
    };
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
        is_report: false,
    })
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}
