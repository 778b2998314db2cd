//! The clerk at the desk: the thread that does its work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::super::door::{Call, Door};
use super::super::engine::Scope;
use super::super::host::{Client, Host, Leave};
use super::super::row_view::RowView;
use super::super::text::{Language, Text};
use super::Order;
use super::application;
use super::deed::{BOTH, Deed};
use super::glance::{Around, Glance};
use super::notices::{Button, Notice, Notices};
use super::notifier::Notifier;
use super::surroundings;
use super::tray::Tray;
use crate::mapi::{EntryId, FlushFlags, ResourceType};
use crate::session::{Awake, Session, flush_all, flush_each};
use crate::spool::Seconds;
use crate::spooler::{Command, Network, Wake};

/// Between two changes of what the tray shows.
const BREATH: Duration = Duration::from_millis(500);
/// How long a pause lasts.
const PAUSE: Seconds = 3600;
/// A pause is an hour by the clock, also when the machine sleeps meanwhile: so the clock is looked at, while it lasts.
const CLOCK: Duration = Duration::from_mins(1);
/// A host that does not come, or come back, within this is not there, and with it the way to the window.
const HOST_RETURNS: Duration = Duration::from_secs(10);

/// See the module.
pub(super) struct Clerk {
    client: Client,
    door: Arc<Door>,
    tray: Option<Tray>,
    has_tray: Arc<AtomicBool>,
    /// Since when there is no host, after there was one.
    no_host_since: Option<Instant>,
    had_host: bool,
    /// The window was called for, because there is none.
    was_brought_back: bool,
    /// Nobody is told anything without a bus.
    notifier: Option<Notifier>,
    notices: Notices,
    text: Text,
    shown: Glance,
    shown_at: Instant,
    pause: Option<Pause>,
    awake: Awake,
    /// What was told of the network; `None`: nothing yet.
    network: Option<Command>,
    leaving: bool,
}

/// Working offline for a while.
#[derive(Debug, Clone, Copy)]
struct Pause {
    until: Seconds,
    /// The spooler does work offline. Once it no longer does, somebody ended the pause.
    begun: bool,
}

impl Clerk {
    /// One that puts out the tray's icon, if there is a bus. `has_tray` tells others whether somebody shows it.
    pub(super) fn new(host: Arc<Host>, door: Arc<Door>, orders: &Sender<Order>, has_tray: Arc<AtomicBool>) -> Self {
        let wake = waking(orders);
        let tray = Tray::put_out(orders.clone(), &has_tray, Arc::clone(&wake));
        let connection = application::connect(orders, &door, host.is_default());
        let notifier = connection.map(|connection| Notifier::start(connection, orders.clone()));
        let notifier = notifier.and_then(|started| {
            started.inspect_err(|error| tracing::info!("there are no notifications: {error}")).ok()
        });
        if let Err(error) = surroundings::watch(orders.clone()) {
            tracing::info!("nobody looks around: {error}");
        }
        Self {
            client: Client::new(host, wake),
            door,
            tray,
            has_tray,
            no_host_since: None,
            had_host: false,
            was_brought_back: false,
            notifier,
            notices: Notices::default(),
            text: Text::new(Language::of_environment()),
            shown: Glance::default(),
            shown_at: Instant::now(),
            pause: None,
            awake: Awake::default(),
            network: None,
            leaving: false,
        }
    }

    /// Works until it is told to stop.
    pub(super) fn work(mut self, orders: &Receiver<Order>) {
        loop {
            let next = self.look();
            let order = match next {
                Some(next) => orders.recv_deadline(next),
                None => orders.recv().map_err(|_gone| RecvTimeoutError::Disconnected),
            };
            match order {
                Ok(Order::Look) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Order::Do(deed)) => self.perform(deed),
                Ok(Order::Clicked(_, Button::Open)) => self.perform(Deed::OpenProblems),
                Ok(Order::Clicked(transport, Button::Retry)) => {
                    self.flush(
                        &Scope::These(vec![EntryId::of(ResourceType::MAPI_TRANSPORT_PROVIDER, &transport)]),
                        BOTH,
                    );
                }
                Ok(Order::Network(network)) => self.hear_of_the_network(network),
                // What is in the air comes to its end, and no more is put there.
                Ok(Order::Sleep(true)) => self.ask(Command::EndFlush { transport: None }),
                Ok(Order::Sleep(false)) => self.ask(Command::Resumed),
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if let Some(tray) = self.tray {
            tray.take_in();
        }
    }

    /// Takes in what happened and shows it. Gives when to look again by itself.
    fn look(&mut self) -> Option<Instant> {
        if self.client.follow() {
            // Another spooler has heard nothing yet.
            self.pass_on_the_network();
        }
        let settings = self.client.host().settings();
        let language = settings.language.unwrap_or_else(Language::of_environment);
        if language != self.text.language() {
            self.text = Text::new(language);
        }
        self.tell_news();
        let rows = self.client.session().map(Session::rows).unwrap_or_default();
        let rows = RowView::all(&rows, &self.text, now());
        self.mind_the_sleep(&rows);
        [self.mind_the_pause(&rows), self.mind_the_host(), self.show(&rows)].into_iter().flatten().min()
    }

    /// Tells what is worth a notification. Whoever sits at the window sees it there.
    fn tell_news(&mut self) {
        let Some(session) = self.client.session_mut() else { return };
        let events = session.pump();
        let host = self.client.host();
        let (notify, no_ui) = (host.settings().notify, host.no_ui());
        for event in events {
            let notice = self.notices.of(&event, notify, no_ui, &self.text);
            if let (Some(notice), Some(notifier)) = (notice, &self.notifier)
                && (matches!(notice, Notice::TakeBack(_)) || !self.door.is_in_front())
            {
                notifier.tell(notice);
            }
        }
    }

    /// Shows what is new, a few times a second at most.
    fn show(&mut self, rows: &[RowView]) -> Option<Instant> {
        let tray = self.tray.as_ref()?;
        let host = self.client.host();
        let around = Around {
            profile: &host.profile_name(),
            ready: self.client.session().is_some_and(Session::is_ready),
            no_ui: host.no_ui(),
            paused_until: self.pause.map(|pause| pause.until),
            sends_on_exit: self.client.opened().is_some_and(|opened| opened.profile.schedule.sends_on_exit()),
        };
        let glance = Glance::of(rows, &around, &self.text);
        if glance == self.shown {
            return None;
        }
        let due = self.shown_at + BREATH;
        // The first is shown at once.
        if Instant::now() < due && !self.shown.menu.is_empty() {
            return Some(due);
        }
        tray.show(glance.clone());
        (self.shown, self.shown_at) = (glance, Instant::now());
        None
    }

    fn hear_of_the_network(&mut self, network: Option<Network>) {
        self.network = Some(Command::Network(network));
        self.pass_on_the_network();
    }

    fn pass_on_the_network(&self) {
        if let Some(told) = self.network.clone() {
            self.ask(told);
        }
    }

    /// The machine stays awake between connecting and the last reply.
    fn mind_the_sleep(&mut self, rows: &[RowView]) {
        self.awake.stay(rows.iter().filter_map(|row| row.running.as_ref()).any(|running| running.is_on_the_line));
    }

    /// Ends the pause when its hour is over. One that somebody else has ended is forgotten.
    fn mind_the_pause(&mut self, rows: &[RowView]) -> Option<Instant> {
        let offline = rows.iter().any(|row| row.is_spooler() && row.offline);
        let pause = self.pause.as_mut()?;
        pause.begun |= offline;
        if pause.begun && !offline {
            self.pause = None;
        } else if now() >= pause.until {
            self.pause = None;
            self.ask(Command::WorkOffline(false));
        }
        self.pause.map(|_pause| Instant::now() + CLOCK)
    }

    /// A program is not left where nobody finds it. One that was closed to the tray comes back when the tray is gone for
    /// good; one that was started without a window, where no tray ever came, gets one that is out of the way. Not under
    /// No UI: then nothing appears by itself.
    fn mind_the_host(&mut self) -> Option<Instant> {
        if self.has_tray.load(Ordering::Relaxed) {
            (self.had_host, self.no_host_since, self.was_brought_back) = (true, None, false);
            return None;
        }
        let call = if self.had_host && self.door.was_closed() {
            Call::Open(Vec::new(), None)
        } else if self.door.was_never_open() {
            Call::OpenAside
        } else {
            return None;
        };
        if self.client.host().no_ui() {
            return None;
        }
        let gone = *self.no_host_since.get_or_insert_with(Instant::now) + HOST_RETURNS;
        if self.was_brought_back {
            return None;
        }
        if Instant::now() < gone {
            return Some(gone);
        }
        (self.had_host, self.was_brought_back) = (false, true);
        self.door.call(call);
        None
    }

    fn perform(&mut self, deed: Deed) {
        match deed {
            Deed::Flush(scope, directions) => self.flush(&scope, directions),
            Deed::Cancel(Scope::All) => self.ask(Command::Cancel { transport: None }),
            Deed::Cancel(Scope::These(ids)) => {
                for id in ids {
                    self.ask(Command::Cancel { transport: Some(id) });
                }
            }
            Deed::NoUi(on) => self.client.host().set_no_ui(on),
            Deed::Offline(offline) => {
                self.pause = None;
                self.ask(Command::WorkOffline(offline));
            }
            Deed::Pause(true) => {
                self.pause = Some(Pause { until: now() + PAUSE, begun: false });
                self.ask(Command::WorkOffline(true));
            }
            Deed::Pause(false) => {
                self.pause = None;
                self.ask(Command::WorkOffline(false));
            }
            Deed::Open => self.door.call(Call::Open(Vec::new(), None)),
            Deed::OpenProblems => self.door.call(Call::OpenProblems),
            // The program waits for what leaves, and does so no longer.
            Deed::Quit(_) | Deed::SendAndQuit if self.leaving => self.ask(Command::Cancel { transport: None }),
            Deed::SendAndQuit => {
                // What would have to be asked stays for the next time: nobody is there any more.
                let silent = FlushFlags::FLUSH_UPLOAD | FlushFlags::FLUSH_NO_UI;
                self.flush(&Scope::All, silent);
                self.perform(Deed::Quit(Leave::Finish));
            }
            Deed::Quit(leave) => {
                self.leaving = true;
                self.door.call(Call::Quit(leave));
            }
        }
    }

    fn flush(&self, scope: &Scope, directions: FlushFlags) {
        let Some(session) = self.client.session() else { return };
        let flags = directions | if self.client.host().no_ui() { FlushFlags::FLUSH_NO_UI } else { FlushFlags::empty() };
        let begun = match scope {
            Scope::All => flush_all(session, flags, true),
            Scope::These(ids) => {
                let names: Vec<String> =
                    ids.iter().filter_map(|id| id.parse().ok()).map(|(_, name)| name.to_owned()).collect();
                flush_each(session, &names, flags, true)
            }
        };
        // It runs on without whoever began it; what comes of it is in the rows.
        if let Err(result) = begun {
            tracing::info!(%result, "nothing is sent or received");
        }
    }

    fn ask(&self, command: Command) {
        if let Some(session) = self.client.session() {
            // What comes of it is in the rows.
            drop(session.ask(command));
        }
    }
}

/// What sends the clerk to look. A look that is still to come is enough.
fn waking(orders: &Sender<Order>) -> Wake {
    let orders = orders.clone();
    Arc::new(move || {
        if orders.is_empty() {
            orders.send(Order::Look).ok();
        }
    })
}

fn now() -> Seconds {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}
