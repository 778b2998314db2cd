//! Keeping the machine awake while a server waits for us or we for it, by logind's inhibitor locks (systemd's page
//! "Inhibitor Locks"), on a thread of its own: whoever gives them may take its time.
//!
//! Two are taken. A *block* keeps the machine from sleeping because it is idle or because somebody clicked; a lid that is
//! closed goes before it. Then the *delay* gives some seconds to come to the end of a message, and none is left in doubt.
//! Either alone is better than nothing: what is refused is done without.

use std::collections::HashSet;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use zbus::blocking::fdo::DBusProxy;
use zbus::blocking::{Connection, connection};
use zbus::names::BusName;
use zbus::zvariant::OwnedFd;

use crate::mapi::tag::{PR_RESOURCE_TYPE, PR_SLUICE_QUESTION, PR_SLUICE_STAGE, PR_STATUS_CODE};
use crate::mapi::{EntryId, ResourceType, Row, StatusCode};
use crate::spooler::Event;

/// logind, the service.
const LOGIN: &str = "org.freedesktop.login1";
/// Its object.
const LOGIN_OBJECT: &str = "/org/freedesktop/login1";
/// Its interface.
const LOGIN_MANAGER: &str = "org.freedesktop.login1.Manager";
/// Where the system's bus is (the D-Bus specification, "Well-known Message Bus Instances").
const ADDRESS: &str = "DBUS_SYSTEM_BUS_ADDRESS";
const SOCKETS: [&str; 2] = ["/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket"];
/// How long somebody on the bus may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Stages in which no server waits for anything.
const BEFORE_AND_AFTER: [&str; 5] = ["queue", "bring", "resolve", "quit", "store"];

/// Whether a server waits for this transport, or it for a server: from connecting to the last reply, but not while a
/// person is asked.
pub fn is_on_the_line(row: &Row) -> bool {
    let code = StatusCode::from_bits_retain(row.bits(PR_STATUS_CODE));
    let is_transport = row.number(PR_RESOURCE_TYPE) == Some(ResourceType::MAPI_TRANSPORT_PROVIDER.code().into());
    is_transport
        && code.under_way().is_some()
        && row.number(PR_SLUICE_QUESTION).is_none()
        && row.text(PR_SLUICE_STAGE).is_some_and(|stage| !BEFORE_AND_AFTER.contains(&stage))
}

/// See the module. Dropped, the machine may sleep.
#[derive(Debug, Default)]
pub struct Awake {
    /// To the thread that holds the locks; there is none before it is needed.
    wants: Option<Sender<bool>>,
    keeps_on: bool,
    /// Of the rows that were observed.
    on_the_line: HashSet<EntryId>,
}

impl Awake {
    /// Keeps the machine awake while one of the rows that these events tell of is on the line. Waits for nothing.
    pub fn observe(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Reload(rows) => {
                    self.on_the_line.clear();
                    for row in rows {
                        self.mark(row);
                    }
                }
                Event::RowAdded(row) | Event::RowModified(row) => self.mark(row),
                Event::RowDeleted(id) => drop(self.on_the_line.remove(id)),
                _ => {}
            }
        }
        self.stay(!self.on_the_line.is_empty());
    }

    fn mark(&mut self, row: &Row) {
        let Some(id) = row.entry_id() else { return };
        if is_on_the_line(row) {
            self.on_the_line.insert(id);
        } else {
            self.on_the_line.remove(&id);
        }
    }

    /// Keeps the machine from going to sleep by itself, or lets it. Waits for nothing.
    pub fn stay(&mut self, on: bool) {
        if std::mem::replace(&mut self.keeps_on, on) != on {
            // Where there is no bus nobody hears it.
            self.wants.get_or_insert_with(begin).send(on).ok();
        }
    }
}

/// Starts the thread that takes the locks when it is told `true` and lets go of them when it is told `false`, until nobody
/// tells any more.
fn begin() -> Sender<bool> {
    let (sender, wants) = unbounded();
    let work = move || match connect() {
        Ok(connection) => keep(&connection, &wants),
        Err(error) => tracing::info!("nobody keeps the machine from sleeping: {error}"),
    };
    if let Err(error) = thread::Builder::new().name("awake".to_owned()).spawn(work) {
        tracing::info!("nobody keeps the machine from sleeping: {error}");
    }
    sender
}

fn connect() -> zbus::Result<Connection> {
    // To find out by trying would cost threads and a megabyte.
    if std::env::var_os(ADDRESS).is_none() && !SOCKETS.iter().any(|path| Path::new(path).exists()) {
        return Err(zbus::Error::Failure("there is no system bus".to_owned()));
    }
    connection::Builder::system()?.method_timeout(PATIENCE).build()
}

fn keep(connection: &Connection, wants: &Receiver<bool>) {
    let mut locks = Vec::new();
    for wanted in wants {
        // The last word counts: a run that is over by now needs none.
        let wanted = wants.try_iter().last().unwrap_or(wanted);
        if !wanted {
            locks.clear();
        } else if locks.is_empty() {
            locks = take(connection);
        }
    }
}

fn take(connection: &Connection) -> Vec<OwnedFd> {
    // To call it would start it, where it is installed and not wanted.
    let is_there = DBusProxy::new(connection).and_then(|bus| {
        let name = BusName::try_from(LOGIN).map_err(zbus::Error::from)?;
        Ok(bus.name_has_owner(name)?)
    });
    if !is_there.unwrap_or(false) {
        return Vec::new();
    }
    let lock = |mode: &str| {
        let asked = ("sleep", "Mailsluice", "Mail is on its way", mode);
        let reply = connection.call_method(Some(LOGIN), LOGIN_OBJECT, Some(LOGIN_MANAGER), "Inhibit", &asked);
        reply.and_then(|reply| reply.body().deserialize::<OwnedFd>()).inspect_err(|error| {
            tracing::info!("the machine may go to sleep ({mode}): {error}");
        })
    };
    ["block", "delay"].into_iter().filter_map(|mode| lock(mode).ok()).collect()
}
