//! A session bus of its own, without any service to start, and a tray on it: a minimal StatusNotifier host, which finds
//! and clicks what the program offers there as a panel does.

#![expect(
    clippy::unused_self,
    clippy::used_underscore_binding,
    reason = "the bus calls methods of objects, with all the arguments that a specification has"
)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use zbus::blocking::{Connection, Proxy, connection};
use zbus::zvariant::{OwnedValue, Structure, Value};

use super::daemon::{folder, mortal, stop, wait_until};

/// How long the program may take to do what it is asked over the bus.
const LIMIT: Duration = Duration::from_secs(30);

/// A session bus. Dropped, it ends.
#[derive(Debug)]
pub struct Bus {
    daemon: Child,
    address: String,
    _folder: TempDir,
}

impl Bus {
    /// Starts one; `None`, loudly, where there is none to be had. Panics if CI is set.
    pub fn start() -> Option<Self> {
        let folder = folder();
        let config = folder.path().join("bus.conf");
        let text = format!(
            "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
             \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\
             <busconfig><type>session</type><listen>unix:dir={}</listen><policy context=\"default\">\
             <allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/>\
             </policy></busconfig>",
            folder.path().display()
        );
        std::fs::write(&config, text).expect("a file");
        let mut command = mortal("dbus-daemon");
        command.arg("--config-file").arg(&config).args(["--nofork", "--print-address=1"]);
        let mut daemon =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("setpriv");
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().expect("a pipe")).read_line(&mut address).expect("a line");
        if address.is_empty() {
            stop(&mut daemon);
            assert!(std::env::var_os("CI").is_none(), "a session bus is needed here: dbus-daemon not installed");
            eprintln!(
                "SKIPPED: this test needs a session bus, and dbus-daemon is not installed: run scripts/setup test"
            );
            return None;
        }
        Some(Self { daemon, address: address.trim().to_owned(), _folder: folder })
    }

    /// What a program needs in its environment to have this for its session's bus.
    pub fn join<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A connection for a service or a client.
    pub fn builder(&self) -> connection::Builder<'_> {
        connection::Builder::address(self.address.as_str()).expect("an address")
    }

    /// A plain client.
    pub fn connect(&self) -> Connection {
        self.builder().build().expect("the bus answers")
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        stop(&mut self.daemon);
    }
}

/// A panel with a tray. Dropped, it is gone from the bus.
#[derive(Debug)]
pub struct TrayHost {
    connection: Connection,
    items: Arc<Mutex<Vec<String>>>,
}

struct Watcher(Arc<Mutex<Vec<String>>>);

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, service: String) {
        self.0.lock().expect("unharmed").push(service);
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        self.0.lock().expect("unharmed").clone()
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}

/// An entry of a tray's menu.
#[derive(Debug, Clone)]
pub struct MenuEntry {
    id: i32,
    /// Its word, after those of the menus that it is in.
    pub path: Vec<String>,
    /// It can be clicked.
    pub enabled: bool,
    /// A switch, and whether it is on.
    pub on: Option<bool>,
}

type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

impl TrayHost {
    /// Puts a panel on the bus.
    pub fn start(bus: &Bus) -> Self {
        let items = Arc::new(Mutex::new(Vec::new()));
        let connection = bus
            .builder()
            .serve_at("/StatusNotifierWatcher", Watcher(Arc::clone(&items)))
            .and_then(|builder| builder.name("org.kde.StatusNotifierWatcher"))
            .and_then(connection::Builder::build)
            .expect("nobody else is a panel here");
        Self { connection, items }
    }

    /// Waits until an icon is out, and looks at it.
    pub fn item(&self) -> Proxy<'static> {
        assert!(wait_until(LIMIT, || !self.items.lock().expect("unharmed").is_empty()), "no icon is put out");
        let service = self.items.lock().expect("unharmed").last().expect("waited for").clone();
        let proxy = Proxy::new(&self.connection, service, "/StatusNotifierItem", "org.kde.StatusNotifierItem");
        proxy.expect("a proxy")
    }

    /// The tooltip: its title and text.
    pub fn tooltip(&self) -> (String, String) {
        type ToolTip = (String, Vec<(i32, i32, Vec<u8>)>, String, String);
        // A proxy reads a property once and believes its signals; the item's are of another kind.
        let (_, _, title, text): ToolTip = self.property("ToolTip").try_into().expect("a tooltip");
        (title, text)
    }

    /// `Active`, `NeedsAttention` or `Passive`.
    pub fn status(&self) -> String {
        self.property("Status").try_into().expect("a word")
    }

    /// The icon's picture of this width.
    pub fn picture(&self, width: i32) -> Vec<u8> {
        let all: Vec<(i32, i32, Vec<u8>)> = self.property("IconPixmap").try_into().expect("pictures");
        all.into_iter().find(|picture| picture.0 == width).expect("one of that width").2
    }

    fn property(&self, name: &str) -> OwnedValue {
        let item = self.item();
        let properties = Proxy::new(
            &self.connection,
            item.destination().clone(),
            item.path().clone(),
            "org.freedesktop.DBus.Properties",
        );
        let value: OwnedValue =
            properties.expect("a proxy").call("Get", &("org.kde.StatusNotifierItem", name)).expect("a property");
        value
    }

    fn menu(&self) -> Proxy<'static> {
        let service = self.item().destination().to_owned();
        Proxy::new(&self.connection, service, "/MenuBar", "com.canonical.dbusmenu").expect("a proxy")
    }

    /// All entries, in their order.
    pub fn entries(&self) -> Vec<MenuEntry> {
        let (_, layout): (u32, Layout) = self.menu().call("GetLayout", &(0, -1, Vec::<&str>::new())).expect("a menu");
        let mut found = Vec::new();
        gather(layout, &[], &mut found);
        found
    }

    /// The entry with this word, in these menus.
    pub fn find(&self, path: &[&str]) -> Option<MenuEntry> {
        self.entries().into_iter().find(|entry| entry.path == path)
    }

    /// Waits until the entry can be clicked, and clicks it.
    pub fn click(&self, path: &[&str]) {
        let mut is_heard = false;
        let there = wait_until(LIMIT, || {
            if let Some(entry) = self.find(path).filter(|entry| entry.enabled) {
                let event = (entry.id, "clicked", Value::I32(0), 0_u32);
                // A menu that was made anew since it was read knows the number no more. Any other failure is a program that
                // was told to quit and is gone before it answers: what it does shows that it heard.
                let answer = self.menu().call::<_, _, ()>("Event", &event);
                is_heard = !answer.is_err_and(|error| is_unknown(&error));
            }
            is_heard
        });
        assert!(there, "no {path:?} to be clicked among {:?}", self.entries());
    }

    /// Waits until a switch stands so.
    #[must_use]
    pub fn stands(&self, path: &[&str], on: bool) -> bool {
        wait_until(LIMIT, || self.find(path).is_some_and(|entry| entry.on == Some(on)))
    }

    /// Clicks on the icon: `Activate` with the left button, `SecondaryActivate` with the middle one.
    pub fn press(&self, method: &str) {
        self.item().call::<_, _, ()>(method, &(0, 0)).expect("a click");
    }
}

fn is_unknown(error: &zbus::Error) -> bool {
    matches!(error, zbus::Error::MethodError(name, ..) if name.as_str() == "org.freedesktop.DBus.Error.InvalidArgs")
}

fn gather((id, properties, children): Layout, above: &[String], found: &mut Vec<MenuEntry>) {
    let word = |name: &str| properties.get(name).and_then(|value| String::try_from(value.clone()).ok());
    let number = |name: &str| properties.get(name).and_then(|value| i32::try_from(value).ok());
    let enabled = properties.get("enabled").and_then(|value| bool::try_from(value).ok()).unwrap_or(true);
    let mut path = above.to_vec();
    if let Some(label) = word("label") {
        path.push(label.replace("__", "_"));
        let on = word("toggle-type").map(|_| number("toggle-state") == Some(1));
        found.push(MenuEntry { id, path: path.clone(), enabled, on });
    }
    for child in children {
        let child = Structure::try_from(child).expect("an entry");
        gather(Layout::try_from(child).expect("an entry"), &path, found);
    }
}

/// What was shown by a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its number.
    pub id: u32,
    /// The number of the one it replaced; 0: none.
    pub replaces: u32,
    /// The first line.
    pub summary: String,
    /// The text.
    pub body: String,
    /// Name and word of each button.
    pub actions: Vec<String>,
}

/// What shows notifications. Dropped, it is gone from the bus.
#[derive(Debug)]
pub struct Notifications {
    connection: Connection,
    shown: Arc<Mutex<Vec<Shown>>>,
}

struct Server(Arc<Mutex<Vec<Shown>>>);

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Server {
    fn get_capabilities(&self) -> Vec<&'static str> {
        vec!["actions", "body", "body-markup"]
    }

    #[expect(clippy::too_many_arguments, reason = "the specification has them")]
    fn notify(
        &self,
        _app_name: String,
        replaces_id: u32,
        _app_icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _expire_timeout: i32,
    ) -> u32 {
        let mut shown = self.0.lock().expect("unharmed");
        let id = if replaces_id > 0 { replaces_id } else { u32::try_from(shown.len()).expect("a few") + 1 };
        shown.push(Shown { id, replaces: replaces_id, summary, body, actions });
        id
    }

    fn close_notification(&self, _id: u32) {}
}

impl Notifications {
    /// Puts a service that shows them on the bus.
    pub fn start(bus: &Bus) -> Self {
        let shown = Arc::new(Mutex::new(Vec::new()));
        let connection = bus
            .builder()
            .serve_at("/org/freedesktop/Notifications", Server(Arc::clone(&shown)))
            .and_then(|builder| builder.name("org.freedesktop.Notifications"))
            .and_then(connection::Builder::build)
            .expect("nobody else shows notifications here");
        Self { connection, shown }
    }

    /// All that was shown so far.
    pub fn shown(&self) -> Vec<Shown> {
        self.shown.lock().expect("unharmed").clone()
    }

    /// Clicks a button of a notification.
    pub fn click(&self, id: u32, action: &str) {
        let object = "/org/freedesktop/Notifications";
        let clicked = self.connection.emit_signal(
            None::<&str>,
            object,
            "org.freedesktop.Notifications",
            "ActionInvoked",
            &(id, action),
        );
        clicked.expect("a signal");
    }
}
