//! The box itself: three listeners, the accounts behind them, what was handed in, and how it misbehaves.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::gate::{Disturbance, Gate, Point, Trouble};
use super::mailbox::Mailbox;
use super::server::Server;
use super::{imap, lock, pop3, smtp};

/// What submitting through an account meets with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Behaviour {
    /// Everything is taken.
    #[default]
    Accept,
    /// Every recipient is answered with this line, such as `451 4.7.1 Try again later`.
    Answer(String),
}

/// Somebody's account: one mailbox, the same password everywhere.
#[derive(Clone, Default)]
pub struct Account {
    /// What one signs in as.
    pub name: String,
    /// The password.
    pub password: String,
    /// Messages waiting in the mailbox, oldest first, with CRLF line ends.
    pub messages: Vec<Vec<u8>>,
    /// What submitting meets with.
    pub behaviour: Behaviour,
    /// Content moves at most this many bytes a second; `None`: as fast as it can.
    pub rate: Option<u64>,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("name", &self.name)
            .field("messages", &self.messages.len())
            .field("behaviour", &self.behaviour)
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}

/// How a provider is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who may sign in.
    pub accounts: Vec<Account>,
    /// What submitting without signing in meets with; `None`: it is not allowed.
    pub anonymous: Option<Behaviour>,
    /// How long a client waits for each answer it has to wait for.
    pub latency: Duration,
    /// The largest message taken, in bytes.
    pub largest: u64,
    /// Of one submitted message, at most this many bytes are kept to be looked at.
    pub keep_each: usize,
    /// Of all submitted messages together.
    pub keep_all: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            accounts: Vec::new(),
            anonymous: None,
            latency: Duration::ZERO,
            largest: 256 << 20,
            keep_each: 8 << 20,
            keep_all: 64 << 20,
        }
    }
}

/// A message that was handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Reverse path; empty for the null sender.
    pub from: String,
    /// Recipients that were taken, in order.
    pub to: Vec<String>,
    /// The content, if it was small enough to be kept.
    pub content: Option<Vec<u8>>,
    /// Its size in bytes, kept or not.
    pub size: u64,
    /// Its SHA-256, kept or not.
    pub sha256: [u8; 32],
    /// When.
    pub at: SystemTime,
    /// Who had signed in.
    pub login: Option<String>,
}

/// A mail provider on loopback. See the module and [`super`].
#[derive(Debug)]
pub struct Provider {
    shared: Arc<Shared>,
    smtp: Server,
    pop3: Server,
    imap: Server,
}

impl Provider {
    /// Opens its three ports.
    ///
    /// # Errors
    /// No socket or thread is to be had.
    pub fn start(options: Options) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(options));
        let gate = || Arc::clone(&shared.gate);
        let (for_smtp, for_pop3, for_imap) = (Arc::clone(&shared), Arc::clone(&shared), Arc::clone(&shared));
        let smtp = Server::start("smtp", gate(), Arc::new(move |stream| smtp::serve(stream, &for_smtp)))?;
        let pop3 = Server::start("pop3", gate(), Arc::new(move |stream| pop3::serve(stream, &for_pop3)))?;
        let imap = Server::start("imap", gate(), Arc::new(move |stream| imap::serve(stream, &for_imap)))?;
        Ok(Self { shared, smtp, pop3, imap })
    }

    /// Where it takes mail.
    pub fn smtp_addr(&self) -> SocketAddr {
        self.smtp.address()
    }

    /// Where mail is fetched by POP3.
    pub fn pop3_addr(&self) -> SocketAddr {
        self.pop3.address()
    }

    /// Where mail is fetched by IMAP.
    pub fn imap_addr(&self) -> SocketAddr {
        self.imap.address()
    }

    /// Everything handed in so far, in the order in which it was.
    pub fn delivered(&self) -> Vec<Delivered> {
        lock(&self.shared.intake).messages.clone()
    }

    /// Waits until this many messages were handed in, but no longer than `limit`; gives those there are.
    pub fn wait_delivered(&self, messages: usize, limit: Duration) -> Vec<Delivered> {
        let (intake, _timeout) = self
            .shared
            .arrived
            .wait_timeout_while(lock(&self.shared.intake), limit, |intake| intake.messages.len() < messages)
            .unwrap_or_else(PoisonError::into_inner);
        intake.messages.clone()
    }

    /// Puts a message into an account's mailbox; `false` if there is no such account.
    pub fn deliver(&self, account: &str, content: Vec<u8>) -> bool {
        self.shared.with_mailbox(account, |mailbox| mailbox.add(content, Timestamp::now())).is_some()
    }

    /// What waits in an account's mailbox, oldest first.
    pub fn mailbox(&self, account: &str) -> Vec<Vec<u8>> {
        let snapshot = self.shared.with_mailbox(account, |mailbox| mailbox.snapshot()).unwrap_or_default();
        snapshot.into_iter().map(|stored| stored.content.to_vec()).collect()
    }

    /// Changes what submitting through an account meets with; `false` if there is no such account.
    pub fn set_behaviour(&self, account: &str, behaviour: Behaviour) -> bool {
        lock(&self.shared.accounts).get_mut(account).map(|state| state.behaviour = behaviour).is_some()
    }

    /// Makes trouble for all who come to a point, until the answer is dropped. One trouble at a time: a second replaces
    /// the first.
    pub fn disturb(&self, point: Point, trouble: Trouble) -> Disturbance {
        Disturbance::begin(Arc::clone(&self.shared.gate), point, trouble)
    }
}

/// An account as the protocols see it.
#[derive(Debug)]
struct AccountState {
    password: String,
    behaviour: Behaviour,
    rate: Option<u64>,
    mailbox: Mailbox,
}

/// What was handed in.
#[derive(Debug, Default)]
struct Intake {
    messages: Vec<Delivered>,
    /// Bytes of content kept.
    kept: usize,
}

/// What the threads of all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) gate: Arc<Gate>,
    pub(super) options: Options,
    accounts: Mutex<BTreeMap<String, AccountState>>,
    intake: Mutex<Intake>,
    arrived: Condvar,
    greylisted: Mutex<HashSet<String>>,
}

impl Shared {
    fn new(mut options: Options) -> Self {
        let now = Timestamp::now();
        let accounts = std::mem::take(&mut options.accounts).into_iter().map(|account| {
            let mut mailbox = Mailbox::default();
            for message in account.messages {
                mailbox.add(message, now);
            }
            let Account { name, password, behaviour, rate, .. } = account;
            (name, AccountState { password, behaviour, rate, mailbox })
        });
        Self {
            gate: Arc::default(),
            accounts: Mutex::new(accounts.collect()),
            intake: Mutex::default(),
            arrived: Condvar::new(),
            greylisted: Mutex::default(),
            options,
        }
    }

    /// Whether the password is right.
    pub(super) fn knows(&self, name: &str, password: &str) -> bool {
        lock(&self.accounts).get(name).is_some_and(|account| account.password == password)
    }

    /// The pace of an account.
    pub(super) fn rate(&self, name: &str) -> Option<u64> {
        lock(&self.accounts).get(name).and_then(|account| account.rate)
    }

    /// What submitting meets with; `None`: signing in first is a must.
    pub(super) fn behaviour(&self, login: Option<&str>) -> Option<Behaviour> {
        match login {
            Some(name) => lock(&self.accounts).get(name).map(|account| account.behaviour.clone()),
            None => self.options.anonymous.clone(),
        }
    }

    /// Does something to an account's mailbox; `None` if there is no such account.
    pub(super) fn with_mailbox<T>(&self, name: &str, work: impl FnOnce(&mut Mailbox) -> T) -> Option<T> {
        lock(&self.accounts).get_mut(name).map(|account| work(&mut account.mailbox))
    }

    /// Whether this address was turned away once before; it is remembered that it was now.
    pub(super) fn greylisted_before(&self, address: &str) -> bool {
        !lock(&self.greylisted).insert(address.to_owned())
    }

    /// Takes a message in; gives its number. The content is dropped when that of all messages grows too large.
    pub(super) fn take_in(&self, mut message: Delivered) -> usize {
        let mut intake = lock(&self.intake);
        let size = message.content.as_ref().map_or(0, Vec::len);
        if intake.kept + size > self.options.keep_all {
            message.content = None;
        } else {
            intake.kept += size;
        }
        intake.messages.push(message);
        let number = intake.messages.len();
        drop(intake);
        self.arrived.notify_all();
        number
    }
}
