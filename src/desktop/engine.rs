//! What the window knows of the rest of the house: one trait. Nothing in it waits.
//!
//! Everything that takes time is asked for here and answered later by [`Engine::pump`], after the engine has woken the
//! window. `live` is the real one; the window's tests have another.

use std::path::PathBuf;
use std::sync::Arc;

pub use super::host::Leave;
use super::state::Settings;
use crate::mapi::{Certificate, EntryId, EnvelopeId, FlushFlags, MapiResult, Row};
use crate::spool::{ListQuery, Page, QueueDetail, QueueVerb, Seconds, Selection};
use crate::spooler::{Event, Said};

/// Which transports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of them, by the spooler's object.
    All,
    /// These, each by its own object where it can.
    These(Vec<EntryId>),
}

impl Scope {
    /// Whether this one is among them.
    pub fn contains(&self, id: &EntryId) -> bool {
        match self {
            Self::All => true,
            Self::These(ids) => ids.contains(id),
        }
    }
}

/// Numbers a [`Engine::list`]; the page bears the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListTicket(pub u64);

/// Numbers a [`Engine::flush`], whose end bears the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlushTicket(pub u64);

/// Whether there is something to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// There is no profile yet.
    NoProfile,
    /// The profile is opened at this moment.
    Starting,
    /// The rows can be read.
    Ready,
    /// The profile can't be opened, or the spooler ended: why, in words.
    Failed(String),
}

/// What an engine tells, in the order in which it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// From the spooler. Rows are up to date already.
    Event(Event),
    /// A page that was asked for.
    Listed(ListTicket, Page),
    /// An envelope that was asked for.
    Shown(Box<QueueDetail>),
    /// What came of something.
    Notice(Notice),
    /// A flush is over, or was refused: whatever came of it.
    Flushed(FlushTicket),
}

/// What came of something that a person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A verb changed this many of the envelopes.
    Changed(QueueVerb, usize),
    /// This many messages were queued; these files were not taken, and why.
    Added(usize, Vec<(PathBuf, String)>),
    /// A message was saved.
    Saved(PathBuf),
    /// The certificate of this host is in the profile.
    Pinned(String),
    /// It could not be done: MAPI's word, and the reason.
    Refused(MapiResult, String),
}

/// The security of a server's line, as in the profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineSecurity {
    /// TLS from the first byte.
    #[default]
    Tls,
    /// TLS by STARTTLS.
    StartTls,
    /// None.
    None,
}

/// How mail arrives, as in the profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrival {
    /// IMAP.
    #[default]
    Imap,
    /// POP3.
    Pop3,
    /// It doesn't.
    Nothing,
}

/// Where the password is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PasswordPlace {
    /// Asked for, once a session.
    #[default]
    Ask,
    /// The desktop's keyring.
    Keyring,
    /// What a command prints.
    Command(String),
    /// An environment variable.
    Variable(String),
}

/// A server of a new profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewServer {
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS or not.
    pub security: LineSecurity,
}

/// The first profile, as the form gives it: checked, every field makes sense.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewProfile {
    /// The person's name; possibly empty.
    pub name: String,
    /// The person's address.
    pub address: String,
    /// Who signs in.
    pub user: String,
    /// The outgoing server.
    pub outgoing: NewServer,
    /// How mail arrives.
    pub arrival: Arrival,
    /// The incoming server, if any mail arrives.
    pub incoming: NewServer,
    /// Where the password is.
    pub password: PasswordPlace,
}

/// See the module.
pub trait Engine {
    /// Whether there is something to show.
    fn readiness(&self) -> Readiness;

    /// Takes in what arrived, without waiting.
    fn pump(&mut self) -> Vec<News>;

    /// All rows of the status table, by row number.
    fn rows(&self) -> Vec<Arc<Row>>;

    /// Now, in seconds since the Unix epoch.
    fn now(&self) -> Seconds;

    /// The name of the profile, for the window's title.
    fn profile_name(&self) -> String;

    /// Nothing pops up: the switch that the window shares with the tray.
    fn no_ui(&self) -> bool;

    /// Lets nothing pop up, or everything again.
    fn set_no_ui(&mut self, on: bool);

    /// Says how the program is to look and speak: the tray speaks too.
    fn set_settings(&mut self, settings: &Settings);

    /// Whether the program starts with the session; `None`: it can't.
    fn autostart(&self) -> Option<bool>;

    /// Lets it start with the session, or no longer.
    fn set_autostart(&mut self, on: bool);

    /// Sends, receives or both (the session's two procedures). When it is over, [`News::Flushed`] says so.
    fn flush(&mut self, scope: &Scope, flags: FlushFlags) -> FlushTicket;

    /// Stops now.
    fn cancel(&mut self, scope: &Scope);

    /// Nothing is sent or received until it is taken back.
    fn work_offline(&mut self, offline: bool);

    /// Asks for a page of the queue.
    fn list(&mut self, query: ListQuery) -> ListTicket;

    /// Asks for everything about one envelope.
    fn show(&mut self, envelope: EnvelopeId);

    /// Does something to envelopes.
    fn change(&mut self, verb: QueueVerb, selection: Selection);

    /// Answers a question; `None`: the person would not say.
    fn answer(&mut self, question: u64, said: Option<Said>);

    /// Opens an address in the browser.
    fn browse(&mut self, address: String);

    /// Writes a certificate's fingerprint into the profile, for this transport's server.
    fn pin(&mut self, transport: String, certificate: Box<Certificate>);

    /// Puts message files, and the message files in folders, into the queue.
    fn add(&mut self, files: Vec<PathBuf>);

    /// Saves a message's content.
    fn save(&mut self, envelope: EnvelopeId, to: PathBuf);

    /// Writes the first profile and opens it.
    fn create_profile(&mut self, profile: NewProfile);

    /// Opens the demo in place of a profile.
    fn start_demo(&mut self);

    /// The profile has everything sent before the program ends.
    fn sends_on_exit(&self) -> bool;

    /// Ends the program.
    fn quit(&mut self, leave: Leave);
}
