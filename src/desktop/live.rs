//! The real engine of the window: a client of the spooler that the host has open.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::browser;
use super::door::{Call, Door};
use super::engine::{
    Arrival, Engine, FlushTicket, LineSecurity, ListTicket, NewProfile, NewServer, News, Notice, PasswordPlace,
    Readiness, Scope,
};
use super::host::{Client, Host, Leave, Opened, Opening};
use super::state::Settings;
use crate::command::export::export;
use crate::mapi::{Certificate, EntryId, EnvelopeId, FlushFlags, MapiResult, Row};
use crate::profile::save::{self, NewIncoming, NewIncomingKind, NewTransport};
use crate::profile::{After, Places, Profile, SecretSource, Security};
use crate::session::{FlushRun, Session, flush_all, flush_each};
use crate::spool::{ListQuery, QueueVerb, Reader, Seconds, Selection};
use crate::spooler::submit::{Options, Submitter, message_files};
use crate::spooler::{Command, Pending, Reply, Said, Wake};

/// The engine of the real window.
pub(super) struct LiveEngine {
    client: Client,
    door: Arc<Door>,
    wake: Wake,
    tickets: u64,
    asked: Vec<(Asked, Pending)>,
    flushes: Vec<(FlushTicket, Flush)>,
    notices: (Sender<Notice>, Receiver<Notice>),
}

/// A flush whose end is to be told.
enum Flush {
    Running(FlushRun),
    /// Nobody could begin it: it is over.
    Refused,
}

/// What a reply is for.
enum Asked {
    List(ListTicket),
    Show,
    Change(QueueVerb),
    /// Only a refusal is news.
    Other,
}

impl LiveEngine {
    /// An engine on what this host has open; whoever is behind the door is woken when there is news.
    pub(super) fn new(host: Arc<Host>, door: Arc<Door>) -> Self {
        let wake = door.wake();
        Self {
            client: Client::new(host, Arc::clone(&wake)),
            door,
            wake,
            tickets: 0,
            asked: Vec::new(),
            flushes: Vec::new(),
            notices: unbounded(),
        }
    }

    fn session(&self) -> Option<&Session> {
        self.client.session()
    }

    fn ask(&mut self, what: Asked, command: Command) {
        if let Some(session) = self.session() {
            let pending = session.ask(command);
            self.asked.push((what, pending));
        }
    }

    fn refuse(&self, result: MapiResult, reason: String) {
        // The receiver is ours.
        self.notices.0.send(Notice::Refused(result, reason)).ok();
    }

    /// Does work that may wait, on a thread of its own; what comes of it is told.
    fn aside<N: Into<Option<Notice>>>(&self, work: impl FnOnce(&Opened) -> N + Send + 'static) {
        let Some(opened) = self.client.opened().cloned() else { return };
        let (notices, wake) = (self.notices.0.clone(), Arc::clone(&self.wake));
        let begun = thread::Builder::new().name("aside".to_owned()).spawn(move || {
            if let Some(notice) = work(&opened).into() {
                // A program that has ended meanwhile wants it no more.
                notices.send(notice).ok();
                wake();
            }
        });
        if let Err(error) = begun {
            self.refuse(MapiResult::CallFailed, error.to_string());
        }
    }

    fn take_replies(&mut self, news: &mut Vec<News>) {
        let mut waiting = Vec::new();
        for (what, pending) in std::mem::take(&mut self.asked) {
            match pending.poll() {
                Some(reply) => news.extend(told(what, reply)),
                None => waiting.push((what, pending)),
            }
        }
        self.asked = waiting;
    }
}

/// A reply as news.
fn told(what: Asked, reply: Reply) -> Option<News> {
    match (what, reply) {
        (Asked::List(ticket), Reply::Listed(page)) => Some(News::Listed(ticket, page)),
        (Asked::Show, Reply::Shown(Some(detail))) => Some(News::Shown(detail)),
        (Asked::Change(verb), Reply::Changed(ids)) => Some(News::Notice(Notice::Changed(verb, ids.len()))),
        (_, Reply::Refused(result, reason)) => Some(News::Notice(Notice::Refused(result, reason))),
        _ => None,
    }
}

impl Engine for LiveEngine {
    fn readiness(&self) -> Readiness {
        match (self.client.state(), self.client.session()) {
            (Opening::NoProfile(_), _) => Readiness::NoProfile,
            (Opening::Failed(why), _) => Readiness::Failed(why.clone()),
            (_, Some(session)) if session.has_ended() => Readiness::Failed("the spooler has ended".to_owned()),
            (_, Some(session)) if session.is_ready() => Readiness::Ready,
            (Opening::Starting | Opening::Open(_), _) => Readiness::Starting,
        }
    }

    fn pump(&mut self) -> Vec<News> {
        let mut news = Vec::new();
        if self.client.follow()
            && let Opening::NoProfile(Some(why)) = self.client.state()
        {
            self.refuse(MapiResult::Unconfigured, why.clone());
        }
        if let Some(session) = self.client.session_mut() {
            news.extend(session.pump().into_iter().map(News::Event));
        }
        self.take_replies(&mut news);
        self.flushes.retain_mut(|(ticket, flush)| {
            if let Flush::Running(run) = flush {
                let Some(report) = run.poll() else { return true };
                news.extend(report.refusals.into_iter().map(|why| News::Notice(Notice::Refused(report.result, why))));
            }
            news.push(News::Flushed(*ticket));
            false
        });
        news.extend(self.notices.1.try_iter().map(News::Notice));
        news
    }

    fn rows(&self) -> Vec<Arc<Row>> {
        self.session().map(Session::rows).unwrap_or_default()
    }

    fn now(&self) -> Seconds {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
    }

    fn profile_name(&self) -> String {
        self.client.host().profile_name()
    }

    fn no_ui(&self) -> bool {
        self.client.host().no_ui()
    }

    fn set_no_ui(&mut self, on: bool) {
        self.client.host().set_no_ui(on);
    }

    fn set_settings(&mut self, settings: &Settings) {
        self.client.host().set_settings(*settings);
    }

    fn autostart(&self) -> Option<bool> {
        self.client.host().autostart()
    }

    fn set_autostart(&mut self, on: bool) {
        if let Err(error) = self.client.host().set_autostart(on) {
            self.refuse(MapiResult::DiskError, error.to_string());
        }
    }

    fn flush(&mut self, scope: &Scope, flags: FlushFlags) -> FlushTicket {
        self.tickets += 1;
        let ticket = FlushTicket(self.tickets);
        let begun = match (self.session(), scope) {
            (None, _) => Err(MapiResult::EndOfSession),
            (Some(session), Scope::All) => flush_all(session, flags, true),
            (Some(session), Scope::These(ids)) => flush_each(session, &names(ids), flags, true),
        };
        let flush = match begun {
            Ok(run) => Flush::Running(run),
            Err(result) => {
                self.refuse(result, String::new());
                (self.wake)();
                Flush::Refused
            }
        };
        self.flushes.push((ticket, flush));
        ticket
    }

    fn cancel(&mut self, scope: &Scope) {
        match scope {
            Scope::All => self.ask(Asked::Other, Command::Cancel { transport: None }),
            Scope::These(ids) => {
                for id in ids {
                    self.ask(Asked::Other, Command::Cancel { transport: Some(id.clone()) });
                }
            }
        }
    }

    fn work_offline(&mut self, offline: bool) {
        self.ask(Asked::Other, Command::WorkOffline(offline));
    }

    fn list(&mut self, query: ListQuery) -> ListTicket {
        self.tickets += 1;
        let ticket = ListTicket(self.tickets);
        self.ask(Asked::List(ticket), Command::List(query));
        ticket
    }

    fn show(&mut self, envelope: EnvelopeId) {
        self.ask(Asked::Show, Command::Show(envelope));
    }

    fn change(&mut self, verb: QueueVerb, selection: Selection) {
        self.ask(Asked::Change(verb.clone()), Command::Queue { verb, selection });
    }

    fn answer(&mut self, question: u64, said: Option<Said>) {
        self.ask(Asked::Other, Command::AnswerQuestion { question, said });
    }

    fn browse(&mut self, address: String) {
        self.aside(move |_| browser::open(&address).err().map(|why| Notice::Refused(MapiResult::NotFound, why)));
    }

    fn pin(&mut self, transport: String, certificate: Box<Certificate>) {
        self.aside(move |opened| match crate::profile::pin::pin(&opened.places, &transport, &certificate) {
            Ok(()) => Notice::Pinned(certificate.host),
            Err(error) => Notice::Refused(MapiResult::DiskError, error.to_string()),
        });
    }

    fn add(&mut self, files: Vec<PathBuf>) {
        self.aside(move |opened| {
            let notice = add(&opened.places, &opened.profile, &files);
            opened.line.ask(Command::Submitted).wait();
            notice
        });
    }

    fn save(&mut self, envelope: EnvelopeId, to: PathBuf) {
        self.aside(move |opened| match save(&opened.places, envelope, &to) {
            Ok(()) => Notice::Saved(to),
            Err(why) => Notice::Refused(MapiResult::DiskError, why),
        });
    }

    fn create_profile(&mut self, profile: NewProfile) {
        self.client.host().open(Some(transport(profile)));
    }

    fn start_demo(&mut self) {
        self.client.host().start_demo();
    }

    fn sends_on_exit(&self) -> bool {
        self.client.opened().is_some_and(|opened| opened.profile.schedule.sends_on_exit())
    }

    fn quit(&mut self, leave: Leave) {
        self.door.call(Call::Quit(leave));
    }
}

fn names(ids: &[EntryId]) -> Vec<String> {
    ids.iter().filter_map(|id| id.parse().ok()).map(|(_, name)| name.to_owned()).collect()
}

/// Puts message files, and those in folders, into the queue.
fn add(places: &Places, profile: &Profile, files: &[PathBuf]) -> Notice {
    let mut submitter = match Submitter::new(places, profile) {
        Ok(submitter) => submitter,
        Err(failure) => return Notice::Refused(failure.result(), failure.to_string()),
    };
    let (mut messages, mut refused) = (Vec::new(), Vec::new());
    for file in files {
        match message_files(file) {
            Ok(inside) => messages.extend(inside),
            Err(error) => refused.push((file.clone(), error.to_string())),
        }
    }
    let options = Options { submitter: "the window".to_owned(), ..Options::default() };
    let taken = submitter.submit_files(&messages, &options, &mut |file, error| {
        refused.push((file.to_owned(), error.to_string()));
    });
    if let Some((file, failure)) = taken.failure {
        // First, for that is what a person reads of the list.
        refused.insert(0, (file, failure.to_string()));
    }
    Notice::Added(taken.envelopes.len(), refused)
}

/// Writes a message's content into a new file.
fn save(places: &Places, envelope: EnvelopeId, to: &Path) -> Result<(), String> {
    let mut reader = Reader::open(&places.spool()).map_err(|error| error.to_string())?;
    export(&mut reader, envelope, to, false).map_err(|error| error.to_string())
}

/// The form's words as the profile's.
fn transport(new: NewProfile) -> NewTransport {
    let identity = if new.name.is_empty() { new.address.clone() } else { format!("{} <{}>", new.name, new.address) };
    let incoming = match new.arrival {
        Arrival::Imap => Some(NewIncomingKind::Imap(vec!["INBOX".to_owned()])),
        Arrival::Pop3 => Some(NewIncomingKind::Pop3),
        Arrival::Nothing => None,
    };
    let incoming =
        incoming.map(|kind| NewIncoming { kind, server: server(&new.incoming), after: After::Keep, deliver: None });
    NewTransport {
        name: new.address.rsplit_once('@').map_or("mail", |(_, domain)| domain).to_owned(),
        identity,
        user: new.user,
        password: match new.password {
            PasswordPlace::Ask => SecretSource::Ask,
            PasswordPlace::Keyring => SecretSource::Keyring,
            PasswordPlace::Command(command) => SecretSource::Command(command),
            PasswordPlace::Variable(name) => SecretSource::Env(name),
        },
        outgoing: Some(server(&new.outgoing)),
        incoming,
    }
}

fn server(new: &NewServer) -> save::NewServer {
    save::NewServer {
        host: new.host.clone(),
        port: Some(new.port),
        security: match new.security {
            LineSecurity::Tls => Security::Tls,
            LineSecurity::StartTls => Security::StartTls,
            LineSecurity::None => Security::None,
        },
    }
}
