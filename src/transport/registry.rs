//! Logging transports on: from the profile's words to working halves.

use std::sync::Arc;

use super::Transport;
use super::folder::{IncomingFolder, OutgoingFolder};
use super::imap::ImapTransport;
use super::pipe::PipeTransport;
use super::pop3::Pop3Transport;
use super::smtp::SmtpTransport;
use crate::mapi::{Class, Direction, Failure, Stage};
use crate::profile::{ConnectCommand, IncomingSource, Outgoing, QueueKind, TransportConfig, UnderNoUi};

/// A transport of the profile, ready to work.
#[derive(Debug)]
pub struct LoggedOn {
    /// Its name.
    pub name: Arc<str>,
    /// Brings its line up and down.
    pub connect: Option<ConnectCommand>,
    outgoing: Option<Box<dyn Transport>>,
    incoming: Option<Box<dyn Transport>>,
    no_ui: UnderNoUi,
    unusable: Option<Failure>,
}

impl LoggedOn {
    /// Logs a transport on. One that can't work is logged on all the same and says why ([`LoggedOn::unusable`]):
    /// the others go on (`MAPI_E_FAILONEPROVIDER`).
    pub fn new(config: &TransportConfig) -> Self {
        let outgoing = config.outgoing.as_ref().map(|outgoing| -> Box<dyn Transport> {
            match outgoing {
                Outgoing::Smtp(smtp) => Box::new(SmtpTransport::new(smtp.clone(), false)),
                Outgoing::Lmtp(lmtp) => Box::new(SmtpTransport::new(lmtp.clone(), true)),
                Outgoing::Pipe { command } => Box::new(PipeTransport::new(command.clone())),
                Outgoing::Folder { path } => Box::new(OutgoingFolder::new(&config.name, path.clone())),
            }
        });
        let incoming = config.incoming.as_ref().map(|incoming| -> Box<dyn Transport> {
            let (name, after, deliver) = (config.name.as_str(), incoming.after, &incoming.deliver);
            let identity = config.identity.as_ref();
            match &incoming.source {
                IncomingSource::Imap { server, folders, watch } => {
                    let imap = ImapTransport::new(name, server.clone(), folders.clone(), after, deliver, identity);
                    Box::new(imap.watching(*watch))
                }
                IncomingSource::Pop3 { server } => {
                    Box::new(Pop3Transport::new(name, server.clone(), after, deliver, identity))
                }
                IncomingSource::Folder { path } => {
                    Box::new(IncomingFolder::new(name, path.clone(), after, deliver, identity))
                }
            }
        });
        let unusable = config.queue.as_ref().map(|queue| {
            let mta = match queue.kind {
                QueueKind::Postfix => "Postfix",
                QueueKind::Exim => "Exim",
            };
            let what = format!("this version does not show the queues of {mta}");
            Failure::new(Class::Unsupported, Stage::Queue, "", what)
        });
        let (name, connect) = (config.name.as_str().into(), config.connect.clone());
        Self { name, connect, outgoing, incoming, no_ui: config.no_ui, unusable }
    }

    /// A transport made of given halves, for tests.
    #[cfg(test)]
    pub fn of(name: &str, outgoing: Option<Box<dyn Transport>>, incoming: Option<Box<dyn Transport>>) -> Self {
        Self { name: name.into(), connect: None, outgoing, incoming, no_ui: UnderNoUi::Run, unusable: None }
    }

    /// The half that serves a direction.
    pub fn half(&self, direction: Direction) -> Option<&dyn Transport> {
        match direction {
            Direction::Outgoing => self.outgoing.as_deref(),
            Direction::Incoming => self.incoming.as_deref(),
        }
    }

    /// Both halves, outgoing first, as far as they are there.
    pub fn halves(&self) -> impl Iterator<Item = &dyn Transport> {
        Direction::BOTH.into_iter().filter_map(|direction| self.half(direction))
    }

    /// Its kinds, for people: "SMTP, IMAP".
    pub fn provider(&self) -> String {
        let kinds: Vec<String> = self.halves().map(|half| kind_for_people(half.traits().kind).to_owned()).collect();
        kinds.join(", ")
    }

    /// Where it leads: the outgoing half's path, else the incoming one's.
    pub fn path(&self) -> String {
        self.halves().next().map(|half| half.traits().path).unwrap_or_default()
    }

    /// `STATUS_FLUSH_QUEUES`: some half has a `FlushQueues` of its own.
    pub fn flushes_itself(&self) -> bool {
        self.halves().any(|half| half.traits().flushes_itself)
    }

    /// Nothing of it shows anything: no half, and no `connect` command that is not vouched for.
    pub fn honours_no_ui(&self) -> bool {
        let silent = self.connect.as_ref().is_none_or(|connect| connect.silent);
        silent && self.halves().all(|half| half.traits().honours_no_ui)
    }

    /// It can't promise to show nothing, and the profile leaves it out under No UI for that.
    pub fn skips_no_ui(&self) -> bool {
        self.no_ui == UnderNoUi::Skip && !self.honours_no_ui()
    }

    /// Some half only starts somebody else's work.
    pub fn is_asynchronous(&self) -> bool {
        self.halves().any(|half| half.traits().asynchronous)
    }

    /// Why it can't work at all.
    pub const fn unusable(&self) -> Option<&Failure> {
        self.unusable.as_ref()
    }
}

fn kind_for_people(kind: &'static str) -> &'static str {
    match kind {
        "smtp" => "SMTP",
        "lmtp" => "LMTP",
        "imap" => "IMAP",
        "pop3" => "POP3",
        "pipe" => "Program",
        "folder" => "Folder",
        other => other,
    }
}
