//! What every command begins with: the profile, its spooler, a session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};

use crate::demo::Demo;
use crate::mapi::{Class, Failure, MapiResult, Stage};
use crate::profile::{self, Places, Profile, TransportConfig};
use crate::session::Session;
use crate::spooler::submit::{self, Submitter};
use crate::spooler::{Spooler, Stay};

use super::Problem;
use super::args::Arguments;

/// Logging on waits for the spooler's first rows, not for any network.
pub(super) const LOGON_PATIENCE: Duration = Duration::from_secs(15);
/// Spoolers that may end under one command, one after the other.
const TRIES: u32 = 500;
/// Between one of them and the next.
const PAUSE: Duration = Duration::from_millis(10);

/// After which a person who waits for the end is told what for.
const SHORTLY: Duration = Duration::from_secs(1);

/// The work has not begun, or is done, and what is waited for can be left.
static MAY_LEAVE: AtomicBool = AtomicBool::new(false);

/// Whether a signal may end the process here and now.
pub(super) fn may_leave() -> bool {
    MAY_LEAVE.load(Ordering::SeqCst)
}

/// The profile a command works on.
#[derive(Debug)]
pub struct Context {
    /// Where everything is.
    pub places: Places,
    /// What the user configured.
    pub profile: Profile,
    /// The demo, when this is one; it ends with the context.
    pub demo: Option<Demo>,
}

impl Context {
    /// Finds and loads the profile that the arguments name, or makes the demo's. One without transports is told of:
    /// there may be mail of those that were removed.
    ///
    /// # Errors
    /// There is none, or it is wrong.
    pub fn open(arguments: &Arguments) -> Result<Self, Problem> {
        let context = Self::find(arguments)?;
        if let Err(nothing) = context.has_transports() {
            super::complain(&nothing);
        }
        Ok(context)
    }

    /// The same, for what nothing can be done of without a transport.
    ///
    /// # Errors
    /// There is none, it is wrong, or has no transports.
    pub(super) fn open_with_transports(arguments: &Arguments) -> Result<Self, Problem> {
        let context = Self::find(arguments)?;
        context.has_transports()?;
        Ok(context)
    }

    fn has_transports(&self) -> Result<(), Problem> {
        if !self.profile.transports.is_empty() {
            return Ok(());
        }
        let file = self.places.profile_file();
        Err(Problem::Config(format!("{}: the profile has no transports: it needs a [[transport]]", file.display())))
    }

    fn find(arguments: &Arguments) -> Result<Self, Problem> {
        if arguments.demo {
            let demo = Demo::start().map_err(|error| Problem::software("the demo can't start", &error))?;
            let context = Self::load(Places::of(Some(demo.profile_dir())))?;
            context.seed()?;
            return Ok(Self { demo: Some(demo), ..context });
        }
        Self::load(Places::of(arguments.profile.as_deref()))
    }

    fn load(places: Places) -> Result<Self, Problem> {
        let file = places.profile_file();
        let text = std::fs::read_to_string(&file).map_err(|error| {
            let at = file.display();
            match error.kind() {
                std::io::ErrorKind::NotFound => Problem::Config(format!(
                    "there is no profile yet: write {at}, or open the window, which makes one with you; \
                     `mailsluice --demo` shows how it works"
                )),
                _ => Problem::Config(format!("{at}: {error}")),
            }
        })?;
        let profile = profile::load(&text, &file, &places).map_err(|error| Problem::Config(error.to_string()))?;
        places.create().map_err(|error| Problem::software("the profile's folders can't be made", &error))?;
        super::logging::start(&places);
        Ok(Self { places, profile, demo: None })
    }

    /// The transport of this name must be the profile's.
    ///
    /// # Errors
    /// It is not; with the names of those that are.
    pub(super) fn has(&self, name: &str) -> Result<(), Problem> {
        self.one_of(name, "", |_| true)
    }

    /// The transport of this name must be the profile's, and have an outgoing half.
    ///
    /// # Errors
    /// It is not, or has none; with the names of those that do.
    pub(super) fn sends(&self, name: &str) -> Result<(), Problem> {
        self.one_of(name, " that sends", |transport| transport.outgoing.is_some())
    }

    fn one_of(&self, name: &str, what: &str, is: impl Fn(&TransportConfig) -> bool) -> Result<(), Problem> {
        let transports = self.profile.transports.iter().filter(|transport| is(transport));
        let names: Vec<&str> = transports.map(|transport| transport.name.as_str()).collect();
        if names.contains(&name) {
            return Ok(());
        }
        let there = if names.is_empty() { String::new() } else { format!("; it has {}", names.join(", ")) };
        Err(Problem::Usage(format!("the profile has no transport “{name}”{what}{there}")))
    }

    /// Puts the demo's messages into its queue.
    fn seed(&self) -> Result<(), Problem> {
        let mut submitter = Submitter::new(&self.places, &self.profile)?;
        for seed in Demo::seed_messages() {
            let options = submit::Options {
                transport: Some(seed.transport.to_owned()),
                sender: Some(seed.sender),
                recipients: seed.recipients,
                ..submit::Options::default()
            };
            submitter.submit(&mut seed.content.as_slice(), &options)?;
        }
        submitter.commit()?;
        Ok(())
    }

    /// Does a command's work with the profile's spooler, in a session that has seen its rows. The spooler may be another
    /// process's, and that may end at any moment: then the work is done again, with the next spooler or one of our own.
    ///
    /// # Errors
    /// The spool can't be opened, its owner does not answer; and the work's own.
    pub fn work<T>(&self, mut work: impl FnMut(&Spooler, &mut Session) -> Result<T, Problem>) -> Result<T, Problem> {
        let mut tries = 0;
        loop {
            let reach = || Spooler::reach(&self.places, &self.profile, Stay::Short);
            let spooler = patiently("waiting for another program that is ending with this profile", reach)?;
            let mut session = Session::logon(spooler.line(), Arc::new(|| {}));
            let done = match session.wait_ready(LOGON_PATIENCE) {
                Ok(()) => work(&spooler, &mut session),
                Err(MapiResult::EndOfSession) => Err(Problem::Ended),
                Err(result) => Err(self.no_rows(result).into()),
            };
            end(spooler);
            match done {
                Err(Problem::Ended) if tries < TRIES => tries += 1,
                done => return done,
            }
            thread::park_timeout(PAUSE);
        }
    }

    fn no_rows(&self, result: MapiResult) -> Failure {
        let at = self.places.lock_file().display().to_string();
        Failure::new(Class::Local, Stage::Store, at, format!("the spooler shows no rows ({result})"))
    }
}

/// Ends the spooler. That may take a moment, if it is ours: a flush that another process began in it is finished first, and
/// so is what a provider of tokens is about to answer, or a person would have to sign in anew.
fn end(spooler: Spooler) {
    let what = "waiting for what is still under way (a sign-in, another program's flush)";
    patiently(what, || spooler.end(true));
}

/// Does what may take a moment; when it does, the person is told what is waited for, and can leave.
fn patiently<T>(what: &'static str, work: impl FnOnce() -> T) -> T {
    let (over, is_over) = bounded::<()>(0);
    let tell = move || {
        if is_over.recv_timeout(SHORTLY) == Err(RecvTimeoutError::Timeout) {
            MAY_LEAVE.store(true, Ordering::SeqCst);
            super::complain(&format_args!("{what}; Ctrl+C leaves"));
        }
    };
    // Without it one waits all the same.
    let teller = thread::Builder::new().name("patience".to_owned()).spawn(tell).ok();
    let done = work();
    drop(over);
    teller.and_then(|teller| teller.join().ok());
    MAY_LEAVE.store(false, Ordering::SeqCst);
    done
}
