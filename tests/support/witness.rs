//! Who sees everything that comes up before a person: each window that any program makes on a screen, each call on a bus,
//! and each start of a program that would show something.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask};
use x11rb::rust_connection::RustConnection;
use zbus::blocking::{MessageIterator, Proxy};
use zbus::message::Type;

use super::bus::Bus;
use super::daemon::wait_until;

const LIMIT: Duration = Duration::from_secs(30);

/// A client of a screen that hears of these events of its root, and the root.
pub fn listen(display: &str, events: EventMask) -> (RustConnection, u32) {
    let (connection, screen) = x11rb::connect(Some(display)).expect("a screen");
    let root = connection.setup().roots[screen].root;
    let wanted = ChangeWindowAttributesAux::new().event_mask(events);
    connection.change_window_attributes(root, &wanted).expect("asked").check().expect("granted");
    (connection, root)
}

/// Hears of every window made on a screen from now on, shown or not.
#[derive(Debug)]
pub struct Windows {
    connection: RustConnection,
    root: u32,
    made: RefCell<Vec<u32>>,
}

impl Windows {
    /// Begins to look at this screen.
    pub fn on(display: &str) -> Self {
        let (connection, root) = listen(display, EventMask::SUBSTRUCTURE_NOTIFY);
        Self { connection, root, made: RefCell::default() }
    }

    /// The windows that programs made since the beginning, but for the window manager's frames and those of programs that
    /// have a window of this class.
    pub fn but_for(&self, class: &str) -> Vec<u32> {
        self.hear();
        let made = self.made.borrow();
        let client = |window: u32| window & !self.connection.setup().resource_id_mask;
        let mut expected: BTreeSet<u32> =
            made.iter().copied().filter(|window| self.class(*window).contains(class)).map(client).collect();
        expected.extend(self.manager().map(client));
        made.iter().copied().filter(|window| !expected.contains(&client(*window))).collect()
    }

    /// How many windows of this class were made and are still there.
    pub fn count(&self, class: &str) -> usize {
        self.hear();
        self.made.borrow().iter().filter(|window| self.class(**window).contains(class)).count()
    }

    /// Everything that happened before this is heard after it.
    fn hear(&self) {
        self.connection.get_input_focus().expect("asked").reply().expect("an answer");
        while let Ok(Some(event)) = self.connection.poll_for_event() {
            if let Event::CreateNotify(created) = event {
                self.made.borrow_mut().push(created.window);
            }
        }
    }

    fn class(&self, window: u32) -> String {
        let asked = self.connection.get_property(false, window, AtomEnum::WM_CLASS, AtomEnum::STRING, 0, 64);
        let reply = asked.ok().and_then(|asked| asked.reply().ok());
        reply.map(|reply| String::from_utf8_lossy(&reply.value).into_owned()).unwrap_or_default()
    }

    fn manager(&self) -> Option<u32> {
        let name = self.connection.intern_atom(false, b"_NET_SUPPORTING_WM_CHECK").ok()?.reply().ok()?.atom;
        let asked = self.connection.get_property(false, self.root, name, AtomEnum::WINDOW, 0, 1).ok()?;
        asked.reply().ok()?.value32()?.next()
    }
}

/// Hears every method called on a bus from now on.
#[derive(Debug)]
pub struct Calls {
    bus: zbus::blocking::Connection,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Calls {
    /// Begins to listen.
    pub fn on(bus: &Bus) -> Self {
        let connection = bus.builder().max_queued(4096).build().expect("the bus answers");
        let messages = MessageIterator::from(&connection);
        let name = "org.freedesktop.DBus";
        let monitoring = Proxy::new(&connection, name, "/org/freedesktop/DBus", "org.freedesktop.DBus.Monitoring");
        let rules = vec!["type='method_call'"];
        monitoring.expect("a proxy").call::<_, _, ()>("BecomeMonitor", &(rules, 0_u32)).expect("it may listen");
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&heard);
        // Ends with the bus.
        std::thread::spawn(move || {
            for message in messages.map_while(Result::ok) {
                let header = message.header();
                if header.message_type() == Type::MethodCall {
                    let part = |part: Option<String>| part.unwrap_or_default();
                    let interface = part(header.interface().map(ToString::to_string));
                    let member = part(header.member().map(ToString::to_string));
                    kept.lock().expect("unharmed").push(format!("{interface}.{member}"));
                }
            }
            drop(connection);
        });
        Self { bus: bus.connect(), heard }
    }

    /// Every call so far, as `interface.Method`.
    pub fn all(&self) -> Vec<String> {
        let name = "org.freedesktop.DBus";
        let proxy = Proxy::new(&self.bus, name, "/org/freedesktop/DBus", "org.mailsluice.Witness").expect("a proxy");
        let mark = "org.mailsluice.Witness.Mark";
        let marks = || self.heard.lock().expect("unharmed").iter().filter(|call| *call == mark).count();
        let before = marks();
        // Nobody knows it, and it comes after everything that was called before.
        proxy.call::<_, _, ()>("Mark", &()).expect_err("nobody knows it");
        assert!(wait_until(LIMIT, || marks() > before), "the bus is not heard");
        self.heard.lock().expect("unharmed").clone()
    }

    /// The calls that would show something to a person: notifications, portals, the unlocking of a keyring.
    pub fn that_show(&self) -> Vec<String> {
        let harmless = ["GetServerInformation", "GetCapabilities", "CloseNotification"];
        let shows = |call: &String| {
            call == "org.freedesktop.Secret.Service.Unlock"
                || call.strip_prefix("org.freedesktop.Notifications.").is_some_and(|method| !harmless.contains(&method))
                || call.starts_with("org.freedesktop.Secret.Prompt.")
                || call.starts_with("org.gnome.keyring.")
                || call.starts_with("org.freedesktop.portal.") && !call.starts_with("org.freedesktop.portal.Settings.")
        };
        self.all().into_iter().filter(shows).collect()
    }
}

/// Stand-ins for the programs that would show something, found before the real ones, which leave a trace of each start.
#[derive(Debug)]
pub struct StandIns {
    folder: PathBuf,
}

impl StandIns {
    /// Puts them into a folder.
    pub fn new(folder: &Path) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let names =
            ["xdg-open", "sensible-browser", "x-www-browser", "firefox", "gio", "zenity", "kdialog", "notify-send"];
        let pinentries = ["pinentry", "pinentry-gtk-2", "pinentry-gnome3", "pinentry-qt", "pinentry-x11"];
        std::fs::create_dir_all(folder).expect("a folder");
        for name in names.into_iter().chain(pinentries) {
            let file = folder.join(name);
            let text = format!("#!/bin/sh\necho \"$0 $*\" >> '{}'\nexit 0\n", folder.join("trace").display());
            std::fs::write(&file, text).expect("a file");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("our file");
        }
        Self { folder: folder.to_owned() }
    }

    /// What a program needs in its environment to find them.
    pub fn join<'a>(&self, command: &'a mut std::process::Command) -> &'a mut std::process::Command {
        let rest = std::env::var_os("PATH").unwrap_or_default();
        let folders = [self.folder.clone()].into_iter().chain(std::env::split_paths(&rest));
        let path = std::env::join_paths(folders).expect("plain folders");
        command.env("PATH", path).env("BROWSER", self.folder.join("xdg-open"))
    }

    /// What was started, a line each.
    pub fn started(&self) -> String {
        std::fs::read_to_string(self.folder.join("trace")).unwrap_or_default()
    }
}
