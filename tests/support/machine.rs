//! A system bus of its own with the machine's services on it, as far as the program asks for them: a NetworkManager that
//! says what the test wants, and a logind that gives inhibitor locks and puts the machine to sleep in words.

#![expect(
    clippy::unused_self,
    clippy::used_underscore_binding,
    reason = "the bus calls methods of objects, with all the arguments that a specification has"
)]

use std::collections::HashMap;
use std::io::{ErrorKind, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use zbus::blocking::{Connection, connection};
use zbus::zvariant::{self, ObjectPath, OwnedObjectPath, Value};

use super::bus::Bus;
use super::daemon::wait_until;

const NETWORK: &str = "org.freedesktop.NetworkManager";
const NETWORK_OBJECT: &str = "/org/freedesktop/NetworkManager";
const ACTIVE: &str = "/org/freedesktop/NetworkManager/ActiveConnection/1";
const LOGIN: &str = "org.freedesktop.login1";
const LOGIN_OBJECT: &str = "/org/freedesktop/login1";

/// How long the program may take to notice.
const LIMIT: Duration = Duration::from_secs(30);

/// See the module. Dropped, its bus ends.
#[derive(Debug)]
pub struct Machine {
    bus: Bus,
    connection: Connection,
    network: Arc<Mutex<Network>>,
    locks: Arc<Mutex<Vec<Lock>>>,
}

#[derive(Debug)]
struct Network {
    name: &'static str,
    metered: bool,
    /// How often somebody has read all of it.
    reads: usize,
}

/// An inhibitor lock that was given.
#[derive(Debug)]
struct Lock {
    what: String,
    mode: String,
    ours: UnixStream,
}

impl Lock {
    fn is_held(&mut self) -> bool {
        matches!(self.ours.read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}

struct NetworkManager(Arc<Mutex<Network>>);

#[zbus::interface(name = "org.freedesktop.NetworkManager")]
impl NetworkManager {
    #[zbus(property)]
    fn state(&self) -> u32 {
        let mut network = self.0.lock().expect("unharmed");
        // Who reads that there is none asks no more.
        network.reads += usize::from(network.name.is_empty());
        state(&network)
    }

    #[zbus(property)]
    fn connectivity(&self) -> u32 {
        4
    }

    #[zbus(property)]
    fn metered(&self) -> u32 {
        metered(&self.0.lock().expect("unharmed"))
    }

    #[zbus(property)]
    fn primary_connection(&self) -> OwnedObjectPath {
        primary(&self.0.lock().expect("unharmed")).into()
    }
}

/// `NM_STATE_CONNECTED_GLOBAL`, `NM_STATE_DISCONNECTED`.
fn state(network: &Network) -> u32 {
    if network.name.is_empty() { 20 } else { 70 }
}

/// `NM_METERED_YES`, `NM_METERED_GUESS_NO`.
fn metered(network: &Network) -> u32 {
    if network.metered { 1 } else { 4 }
}

fn primary(network: &Network) -> ObjectPath<'static> {
    ObjectPath::try_from(if network.name.is_empty() { "/" } else { ACTIVE }).expect("a path")
}

struct ActiveConnection(Arc<Mutex<Network>>);

#[zbus::interface(name = "org.freedesktop.NetworkManager.Connection.Active")]
impl ActiveConnection {
    #[zbus(property)]
    fn id(&self) -> String {
        let mut network = self.0.lock().expect("unharmed");
        network.reads += 1;
        network.name.to_owned()
    }
}

struct Login(Arc<Mutex<Vec<Lock>>>);

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl Login {
    fn inhibit(&self, what: String, _who: String, _why: String, mode: String) -> zvariant::OwnedFd {
        let (ours, theirs) = UnixStream::pair().expect("two ends");
        ours.set_nonblocking(true).expect("an end");
        self.0.lock().expect("unharmed").push(Lock { what, mode, ours });
        OwnedFd::from(theirs).into()
    }
}

impl Machine {
    /// Starts one that is on this network; `""`: on none.
    pub fn start(name: &'static str) -> Option<Self> {
        let bus = Bus::start()?;
        let network = Arc::new(Mutex::new(Network { name, metered: false, reads: 0 }));
        let locks = Arc::new(Mutex::new(Vec::new()));
        let connection = bus
            .builder()
            .serve_at(NETWORK_OBJECT, NetworkManager(Arc::clone(&network)))
            .and_then(|builder| builder.serve_at(ACTIVE, ActiveConnection(Arc::clone(&network))))
            .and_then(|builder| builder.serve_at(LOGIN_OBJECT, Login(Arc::clone(&locks))))
            .and_then(|builder| builder.name(NETWORK))
            .and_then(|builder| builder.name(LOGIN))
            .and_then(connection::Builder::build)
            .expect("nobody else is there");
        Some(Self { bus, connection, network, locks })
    }

    /// What a program needs in its environment to be on this machine.
    pub fn join<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("DBUS_SYSTEM_BUS_ADDRESS", self.bus.address())
    }

    /// Waits until the program has looked at the network it begins with.
    pub fn wait_until_seen(&self) {
        self.wait_for_reads(0);
    }

    /// The machine goes to this network (`""`: to none), and the program sees it.
    pub fn go_to(&self, name: &'static str, is_metered: bool) {
        let (changed, reads) = {
            let mut network = self.network.lock().expect("unharmed");
            (network.name, network.metered) = (name, is_metered);
            let changed = HashMap::from([
                ("State", Value::from(state(&network))),
                ("Metered", Value::from(metered(&network))),
                ("PrimaryConnection", Value::from(primary(&network))),
            ]);
            (changed, network.reads)
        };
        let body = (NETWORK, changed, Vec::<&str>::new());
        self.emit(NETWORK_OBJECT, "org.freedesktop.DBus.Properties", "PropertiesChanged", &body);
        self.wait_for_reads(reads);
    }

    fn wait_for_reads(&self, before: usize) {
        let seen = wait_until(LIMIT, || self.network.lock().expect("unharmed").reads > before);
        assert!(seen, "the program does not look at the network");
    }

    /// The machine is about to sleep (`true`), or is awake again.
    pub fn sleep(&self, begins: bool) {
        self.emit(LOGIN_OBJECT, "org.freedesktop.login1.Manager", "PrepareForSleep", &begins);
    }

    fn emit<B: serde::Serialize + zvariant::DynamicType>(&self, object: &str, interface: &str, name: &str, body: &B) {
        self.connection.emit_signal(None::<&str>, object, interface, name, body).expect("a signal");
    }

    /// The locks against sleep that are held, by their modes.
    pub fn locks(&self) -> Vec<String> {
        let mut locks = self.locks.lock().expect("unharmed");
        locks
            .iter_mut()
            .filter(|lock| lock.what == "sleep")
            .filter_map(|lock| lock.is_held().then(|| lock.mode.clone()))
            .collect()
    }

    /// How many locks were ever taken.
    pub fn locks_ever(&self) -> usize {
        self.locks.lock().expect("unharmed").len()
    }
}
