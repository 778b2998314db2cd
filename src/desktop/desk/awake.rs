//! Keeping the machine awake while a server waits for us or we for it, by logind's inhibitor locks (systemd's page
//! "Inhibitor Locks"), on a thread of its own: whoever gives them may take its time.
//!
//! Two are taken. A *block* keeps the machine from sleeping because it is idle or because somebody clicked; a lid that is
//! closed goes before it. Then the *delay* gives some seconds to come to the end of a message, and none is left in doubt.
//! Either alone is better than nothing: what is refused is done without.

use std::io;
use std::thread;

use crossbeam_channel::Receiver;
use zbus::blocking::Connection;
use zbus::blocking::fdo::DBusProxy;
use zbus::names::BusName;
use zbus::zvariant::OwnedFd;

use super::surroundings::{LOGIN, LOGIN_MANAGER, LOGIN_OBJECT};

/// Takes the locks when it is told `true` and lets go of them when it is told `false`, until nobody tells any more.
pub(super) fn keep(connection: Connection, wants: Receiver<bool>) -> io::Result<()> {
    let work = move || {
        let mut locks = Vec::new();
        for wanted in &wants {
            // The last word counts: a run that is over by now needs none.
            let wanted = wants.try_iter().last().unwrap_or(wanted);
            if !wanted {
                locks.clear();
            } else if locks.is_empty() {
                locks = take(&connection);
            }
        }
    };
    thread::Builder::new().name("awake".to_owned()).spawn(work).map(drop)
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
