//! The profile that this process has open, for everybody in it who looks: the window, which comes and goes, and the desk,
//! which stays. It outlives both, and it is what ends the spooler.
//!
//! Opening takes disk and, for the demo, servers: it is done on a thread of its own, and whoever watches is woken when
//! there is something new to see. The switches that window and tray share are here too.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::command::Problem;
use crate::command::args::Arguments;
use crate::command::context::Context;
use crate::profile::save::{self, NewTransport};
use crate::profile::{Places, Profile};
use crate::session::Session;
use crate::spooler::{Line, Spooler, Stay, Wake};

use super::autostart::Autostart;
use super::state::Settings;

/// See the module.
pub(super) struct Host {
    inner: Mutex<Inner>,
    watchers: Mutex<Vec<Wake>>,
    no_ui: AtomicBool,
    settings: Mutex<Settings>,
    autostart: Option<(Autostart, AtomicBool)>,
}

struct Inner {
    arguments: Arguments,
    state: Opening,
    /// Grows with each change of the state.
    version: u64,
}

/// How far the profile is.
#[derive(Clone)]
pub(super) enum Opening {
    /// There is none; or the new one could not be written, and why.
    NoProfile(Option<String>),
    /// It is opened at this moment.
    Starting,
    /// It is open.
    Open(Arc<Opened>),
    /// It can't be opened: why, in words.
    Failed(String),
}

/// A profile that is open.
pub(super) struct Opened {
    /// Where everything is.
    pub places: Places,
    /// What the user configured.
    pub profile: Profile,
    /// The line to its spooler.
    pub line: Line,
    /// Whether that runs in this process.
    is_here: bool,
    spooler: Mutex<Option<Spooler>>,
    /// The demo's servers live as long as its profile.
    _context: Context,
}

/// What becomes of a flush that runs when the program quits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// As the profile has it: after a last flush if it wants one, otherwise what runs is cancelled.
    AsConfigured,
    /// What runs comes to its end first.
    Finish,
    /// What runs is cancelled.
    Now,
}

impl Host {
    /// Opens the profile that the arguments name, or the demo's.
    pub(super) fn new(arguments: Arguments, settings: Settings) -> Arc<Self> {
        let there = arguments.demo || Places::of(arguments.profile.as_deref()).profile_file().exists();
        // A demo is for once.
        let autostart = if arguments.demo { None } else { Autostart::of(arguments.profile.as_deref()) };
        let autostart = autostart.map(|entry| {
            let on = entry.is_on();
            (entry, AtomicBool::new(on))
        });
        let inner = Inner { arguments, state: Opening::NoProfile(None), version: 0 };
        let host = Arc::new(Self {
            inner: Mutex::new(inner),
            watchers: Mutex::default(),
            no_ui: AtomicBool::new(false),
            settings: Mutex::new(settings),
            autostart,
        });
        if there {
            host.open(None);
        }
        host
    }

    /// Calls this, on any thread, after each change of what is told here.
    pub(super) fn watch(&self, wake: Wake) {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner).push(wake);
    }

    /// Opens the profile, after writing a new one if there is one to be written.
    pub(super) fn open(self: &Arc<Self>, new: Option<NewTransport>) {
        let arguments = self.inner().arguments.clone();
        self.set(Opening::Starting);
        let host = Arc::clone(self);
        let begun = thread::Builder::new().name("opening".to_owned()).spawn(move || {
            let state = write_and_open(&arguments, new);
            host.set(state);
        });
        if let Err(error) = begun {
            self.set(Opening::Failed(error.to_string()));
        }
    }

    /// Opens the demo in place of a profile.
    pub(super) fn start_demo(self: &Arc<Self>) {
        self.inner().arguments.demo = true;
        self.open(None);
    }

    /// The state, if it is another than that of this version.
    pub(super) fn changed_since(&self, version: u64) -> Option<(u64, Opening)> {
        let inner = self.inner();
        (inner.version != version).then(|| (inner.version, inner.state.clone()))
    }

    /// The name of the profile, as people call it.
    pub(super) fn profile_name(&self) -> String {
        let inner = self.inner();
        if inner.arguments.demo {
            return "Demo".to_owned();
        }
        let folder = inner.arguments.profile.as_deref().and_then(Path::file_name);
        folder.map_or_else(|| "Default".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// Nothing pops up.
    pub(super) fn no_ui(&self) -> bool {
        self.no_ui.load(Ordering::Relaxed)
    }

    /// Lets nothing pop up, or everything again.
    pub(super) fn set_no_ui(&self, on: bool) {
        self.no_ui.store(on, Ordering::Relaxed);
        self.wake();
    }

    /// How the program is to look and speak.
    pub(super) fn settings(&self) -> Settings {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says how it is to look and speak from now on.
    pub(super) fn set_settings(&self, settings: Settings) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings;
        self.wake();
    }

    /// Whether the program starts with the session; `None`: it can't.
    pub(super) fn autostart(&self) -> Option<bool> {
        self.autostart.as_ref().map(|(_, on)| on.load(Ordering::Relaxed))
    }

    /// Lets it start with the session, or no longer.
    ///
    /// # Errors
    /// The entry can't be written.
    pub(super) fn set_autostart(&self, on: bool) -> std::io::Result<()> {
        if let Some((entry, is_on)) = &self.autostart {
            entry.set(on)?;
            is_on.store(on, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Whether this is the profile of who names none.
    pub(super) fn is_default(&self) -> bool {
        let inner = self.inner();
        !inner.arguments.demo && inner.arguments.profile.is_none()
    }

    /// Ends the spooler if it runs here, and waits for that. Nothing is lost either way.
    pub(super) fn end(&self, leave: Leave) {
        let state = std::mem::replace(&mut self.inner().state, Opening::NoProfile(None));
        let Opening::Open(opened) = state else { return };
        let finish = match leave {
            Leave::AsConfigured => opened.profile.schedule.runs_on_exit(),
            Leave::Finish => true,
            Leave::Now => false,
        };
        opened.end(finish);
    }

    /// A command's spooler ends with the command: then the next one is found, or run here. Whoever sees it first says so.
    fn follow_the_spooler(self: &Arc<Self>, version: u64) {
        if self.changed_since(version).is_none() {
            self.open(None);
        }
    }

    fn set(&self, state: Opening) {
        {
            let mut inner = self.inner();
            inner.state = state;
            inner.version += 1;
        }
        self.wake();
    }

    fn wake(&self) {
        for wake in self.watchers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            wake();
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opened {
    fn end(&self, finish: bool) {
        let spooler = self.spooler.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(spooler) = spooler {
            spooler.end(finish);
        }
    }
}

fn write_and_open(arguments: &Arguments, new: Option<NewTransport>) -> Opening {
    if let Some(new) = new {
        let places = Places::of(arguments.profile.as_deref());
        if let Err(error) = save::append_transport(&places, &new) {
            return Opening::NoProfile(Some(error.to_string()));
        }
    }
    let opened = Context::open(arguments).and_then(|context| {
        let spooler = Spooler::reach(&context.places, &context.profile, Stay::Long)?;
        Ok::<_, Problem>(Opened {
            places: context.places.clone(),
            profile: context.profile.clone(),
            line: spooler.line().clone(),
            is_here: spooler.is_here(),
            spooler: Mutex::new(Some(spooler)),
            _context: context,
        })
    });
    opened.map_or_else(|problem| Opening::Failed(problem.to_string()), |opened| Opening::Open(Arc::new(opened)))
}

/// A client of whatever spooler the host has: its session is logged on anew when that is another.
pub(super) struct Client {
    host: Arc<Host>,
    wake: Wake,
    version: u64,
    state: Opening,
    session: Option<Session>,
}

impl Client {
    /// One that is woken when there is something to take in.
    pub(super) fn new(host: Arc<Host>, wake: Wake) -> Self {
        host.watch(Arc::clone(&wake));
        Self { host, wake, version: 0, state: Opening::NoProfile(None), session: None }
    }

    /// Whose client it is.
    pub(super) const fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// How far the profile is, as of the last [`Self::follow`].
    pub(super) const fn state(&self) -> &Opening {
        &self.state
    }

    /// The profile, if it is open.
    pub(super) const fn opened(&self) -> Option<&Arc<Opened>> {
        if let Opening::Open(opened) = &self.state { Some(opened) } else { None }
    }

    /// The session, while the profile is open.
    pub(super) const fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// See [`Self::session`].
    pub(super) const fn session_mut(&mut self) -> Option<&mut Session> {
        self.session.as_mut()
    }

    /// Takes in what became of the profile. Gives whether that is something new.
    pub(super) fn follow(&mut self) -> bool {
        let has_ended = self.session.as_ref().is_some_and(Session::has_ended);
        if has_ended && self.opened().is_some_and(|opened| !opened.is_here) {
            self.host.follow_the_spooler(self.version);
        }
        let Some((version, state)) = self.host.changed_since(self.version) else { return false };
        self.session = match &state {
            Opening::Open(opened) => Some(Session::logon(&opened.line, Arc::clone(&self.wake))),
            _ => None,
        };
        (self.version, self.state) = (version, state);
        true
    }
}
