//! The tray of the real program, on a bus and a screen of its own: every entry of its menu does what it says whether the
//! window is open, closed or was never opened; and a window that is built again is as it was.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value as Json;
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{ClientMessageEvent, ConnectionExt as _, EventMask};
use x11rb::rust_connection::RustConnection;
use zbus::zvariant::Value;

use super::{LIMIT, settle, ticks};
use crate::support::bus::{Bus, TrayHost};
use crate::support::daemon::wait_until;
use crate::support::machine::Machine;
use crate::support::screen::Window;
use crate::support::{Harness, Screen, witness};

const MAIL: &str = "From: ann@example.org\r\nTo: bob@example.net\r\nSubject: Tide tables\r\n\r\nHigh at six.\r\n";

/// One transport that is quick both ways, one that takes for ever, one that refuses everything.
const PROFILE: &str = r#"
[[transport]]
name = "quick_one"
outgoing = { kind = "folder", path = "out" }
incoming = { kind = "folder", path = "in", after = "delete" }

[[transport]]
name = "slow"
outgoing = { kind = "pipe", command = ["/bin/sh", "-c", "cat >/dev/null; exec sleep 600"] }

[[transport]]
name = "harsh"
outgoing = { kind = "pipe", command = ["/bin/sh", "-c", "cat >/dev/null; exit 67"] }
"#;

/// The program at its place: a screen, a bus, a profile.
pub(super) struct Seat {
    pub(super) harness: Harness,
    pub(super) screen: Screen,
    pub(super) bus: Bus,
    /// What is around; `None`: nobody tells.
    machine: Option<Machine>,
    child: Option<Child>,
}

impl Seat {
    pub(super) fn new() -> Option<Self> {
        Self::on(PROFILE, &["out", "in"], None)
    }

    /// One with this profile, which has these Maildirs.
    pub(super) fn on(profile: &str, folders: &[&str], machine: Option<Machine>) -> Option<Self> {
        let (screen, bus) = (Screen::start(1280, 820)?, Bus::start()?);
        let harness = Harness::new(profile);
        for folder in folders.iter().flat_map(|name| ["cur", "new", "tmp"].map(|part| format!("{name}/{part}"))) {
            std::fs::create_dir_all(harness.profile().join(folder)).expect("a folder");
        }
        harness.write("mail.eml", MAIL);
        Some(Self { harness, screen, bus, machine, child: None })
    }

    pub(super) fn machine(&self) -> &Machine {
        self.machine.as_ref().expect("one was asked for")
    }

    /// Starts the program.
    pub(super) fn start(&mut self, arguments: &[&str]) {
        let command = self.harness.command();
        self.start_as(command, arguments);
    }

    /// Starts it on the default profile, which is the same but in another folder.
    pub(super) fn start_default(&mut self, arguments: &[&str]) {
        let home = self.harness.path("home");
        let profile = PROFILE.replace(r#"path = ""#, &format!(r#"path = "{}/"#, home.display()));
        self.harness.write("home/.config/mailsluice/profile.toml", profile);
        for part in ["in", "out"] {
            std::fs::rename(self.harness.profile().join(part), home.join(part)).expect("a folder");
        }
        let command = self.harness.bare_command();
        self.start_as(command, arguments);
    }

    pub(super) fn start_as(&mut self, mut command: Command, arguments: &[&str]) {
        self.bus.join(self.screen.show(&mut command)).args(arguments).env("LANG", "en_GB.UTF-8").stdin(Stdio::null());
        if let Some(machine) = &self.machine {
            machine.join(&mut command);
        }
        self.child = Some(command.spawn().expect("the program"));
    }

    pub(super) fn id(&self) -> u32 {
        self.child.as_ref().expect("started").id()
    }

    fn runs(&mut self) -> bool {
        matches!(self.child.as_mut().expect("started").try_wait(), Ok(None))
    }

    fn ends(&mut self) -> Option<i32> {
        let child = self.child.as_mut().expect("started");
        assert!(wait_until(LIMIT, || !matches!(child.try_wait(), Ok(None))), "it does not end");
        child.wait().expect("a child of ours").code()
    }

    pub(super) fn window(&self) -> Window {
        self.screen.window("Mailsluice")
    }

    fn has_no_window(&self) -> bool {
        wait_until(LIMIT, || self.screen.has_no_window("Mailsluice"))
    }

    pub(super) fn submit(&self, transport: &str) {
        let file = self.harness.path("mail.eml");
        let file = file.to_str().expect("a plain path");
        self.harness.run(&["submit", "--transport", transport, file]).expect_code(0);
    }

    pub(super) fn count(&self, folder: &str) -> usize {
        std::fs::read_dir(self.harness.profile().join(folder)).map_or(0, Iterator::count)
    }

    pub(super) fn put_in(&self, name: &str) -> PathBuf {
        self.harness.write(&format!("profile/in/new/{name}"), MAIL)
    }

    pub(super) fn rows(&self) -> Vec<Json> {
        let status = self.harness.run(&["status", "--json"]).expect_code(0).json();
        status["rows"].as_array().expect("rows").clone()
    }

    pub(super) fn row(&self, name: &str) -> Json {
        self.rows().into_iter().find(|row| row["display_name"] == name).expect("a row")
    }

    /// Nothing is sent or received.
    pub(super) fn is_idle(&self) -> bool {
        self.rows().iter().all(|row| !row["status_code"].to_string().contains("FLUSH"))
    }

    /// How many messages of this transport are still to be sent.
    pub(super) fn queued(&self, transport: &str) -> u64 {
        self.row(transport)["outgoing"]["queued"].as_u64().expect("a number")
    }

    fn is_offline(&self) -> bool {
        self.row("MAPI spooler")["status_code"].to_string().contains("STATUS_OFFLINE")
    }

    /// Every entry that leaves the window as it is, clicked once.
    fn try_every_entry(&self, host: &TrayHost, when: &str) {
        let wait = |what: &str, holds: &dyn Fn() -> bool| {
            assert!(wait_until(LIMIT, holds), "{when}: {what}; the menu: {:?}", host.entries());
        };
        let sent = self.count("out/new");
        let ways: [&[&str]; 4] = [
            &["Send all"],
            &["Send/Receive all"],
            &["By transport", "quick_one", "Send"],
            &["By transport", "quick_one", "Send/Receive"],
        ];
        for (done, way) in ways.iter().enumerate() {
            self.submit("quick_one");
            host.click(way);
            wait(&format!("{way:?} sends"), &|| self.count("out/new") == sent + done + 1);
        }
        self.submit("quick_one");
        host.press("SecondaryActivate");
        wait("the middle button sends", &|| self.count("out/new") == sent + 5);
        for way in [&["Receive all"] as &[&str], &["By transport", "quick_one", "Receive"]] {
            let waiting = self.put_in(&format!("1795442520.{}.here", way.len()));
            host.click(way);
            wait(&format!("{way:?} receives"), &|| !waiting.exists());
        }
        for way in [&["Cancel all"] as &[&str], &["By transport", "slow", "Cancel"]] {
            self.submit("slow");
            host.click(&["By transport", "slow", "Send"]);
            // It can be clicked only while something runs, and then quitting is another question.
            host.click(way);
            wait(&format!("{way:?} stops"), &|| host.find(&["Quit"]).is_some());
        }
        host.click(&["Work offline"]);
        wait("it works offline", &|| self.is_offline());
        assert!(host.stands(&["Work offline"], true), "{when}");
        assert!(!host.find(&["Send all"]).expect("an entry").enabled, "{when}: nothing is sent offline");
        host.click(&["Work offline"]);
        wait("it works online", &|| !self.is_offline());
        host.click(&["Pause for an hour"]);
        wait("it pauses", &|| self.is_offline());
        wait("it says until when", &|| host.tooltip().1.contains("paused until"));
        host.click(&["Pause for an hour"]);
        wait("it goes on", &|| !self.is_offline());
        host.click(&["No UI"]);
        assert!(host.stands(&["No UI"], true), "{when}");
        host.click(&["No UI"]);
        assert!(host.stands(&["No UI"], false), "{when}");
    }
}

/// Hears what programs send to the whole screen.
struct Ear {
    connection: RustConnection,
    heard: RefCell<Vec<ClientMessageEvent>>,
    activate: u32,
}

impl Ear {
    fn new(display: &str) -> Self {
        let (connection, _) = witness::listen(display, EventMask::PROPERTY_CHANGE | EventMask::SUBSTRUCTURE_NOTIFY);
        let atom = connection.intern_atom(false, b"_NET_ACTIVE_WINDOW").expect("asked").reply().expect("an atom");
        Self { connection, heard: RefCell::default(), activate: atom.atom }
    }

    /// Waits until a message of bytes begins so.
    fn hears(&self, text: &str) -> bool {
        wait_until(LIMIT, || {
            while let Ok(Some(event)) = self.connection.poll_for_event() {
                if let Event::ClientMessage(message) = event {
                    self.heard.borrow_mut().push(message);
                }
            }
            let heard = self.heard.borrow();
            heard.iter().any(|message| message.format == 8 && message.data.as_data8() == text.as_bytes())
        })
    }

    /// The times with which windows asked to be activated, but for those without.
    fn times(&self) -> Vec<u32> {
        let heard = self.heard.borrow();
        let asked = heard.iter().filter(|message| message.type_ == self.activate);
        asked.map(|message| message.data.as_data32()[1]).filter(|time| *time > 0).collect()
    }
}

/// How often the threads of a process went to sleep so far: what polls wakes up again and again.
pub(super) fn wakes(process: u32) -> u64 {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).expect("a process");
    let count = |status: String| {
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:").map(str::to_owned));
        line.and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or(0)
    };
    threads
        .map(|thread| thread.expect("a thread").path().join("status"))
        .map(|path| std::fs::read_to_string(path).map_or(0, count))
        .sum()
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

#[test]
fn each_entry_works_with_the_window_never_opened_open_and_closed() {
    let Some(mut seat) = Seat::new() else { return };
    let host = TrayHost::start(&seat.bus);
    seat.start(&["--background"]);
    assert_eq!(host.status(), "Active");
    seat.try_every_entry(&host, "never opened");
    assert!(seat.screen.has_no_window("Mailsluice"), "--background opens none");

    host.press("Activate");
    let window = seat.window();
    seat.try_every_entry(&host, "open");
    window.close();
    assert!(seat.has_no_window(), "it does not close");
    seat.try_every_entry(&host, "closed");
    assert!(seat.screen.has_no_window("Mailsluice"), "no entry but those that say so opens it");

    host.click(&["Open Mailsluice"]);
    seat.window().close();
    assert!(seat.has_no_window(), "it does not close");
    seat.submit("harsh");
    host.click(&["By transport", "harsh", "Send"]);
    // What was refused, and what may or may not have gone out when it was cancelled.
    host.click(&["Waiting for you (2)"]);
    assert_eq!(host.status(), "NeedsAttention");
    seat.window();
    host.click(&["Quit"]);
    assert_eq!(seat.ends(), Some(0));
}

#[test]
fn quitting_while_mail_leaves_says_so_and_can_stop_it() {
    let Some(mut seat) = Seat::new() else { return };
    let host = TrayHost::start(&seat.bus);
    seat.start(&["--background"]);
    let idle = host.picture(32);
    seat.submit("slow");
    host.click(&["Send all"]);
    host.click(&["Quit: mail is still leaving", "When that is done"]);
    assert_ne!(host.picture(32), idle, "the icon shows that something is at work");
    assert!(seat.runs(), "it waits for what leaves");
    host.click(&["Quit: mail is still leaving", "Now; nothing is lost"]);
    assert_eq!(seat.ends(), Some(0));
}

#[test]
fn what_waits_can_be_sent_before_the_end_from_the_tray() {
    let Some(mut seat) = Seat::new() else { return };
    let host = TrayHost::start(&seat.bus);
    seat.start(&["--background"]);
    seat.submit("quick_one");
    host.click(&["Quit: 1 still to send", "Send, then quit"]);
    assert_eq!(seat.ends(), Some(0));
    assert_eq!(seat.count("out/new"), 1, "it was not sent first");
    assert!(seat.screen.is_empty(), "the menu asks, no window");
}

#[test]
fn a_host_that_goes_and_comes_finds_the_icon_again() {
    let Some(mut seat) = Seat::new() else { return };
    let host = TrayHost::start(&seat.bus);
    seat.start(&[]);
    seat.window();
    host.entries();
    drop(host);
    let host = TrayHost::start(&seat.bus);
    seat.submit("quick_one");
    host.click(&["Send all"]);
    assert!(wait_until(LIMIT, || seat.count("out/new") == 1), "the new host's click does nothing");
    seat.window().close();
    assert!(seat.has_no_window(), "it does not close");
    assert!(seat.runs(), "closed to the tray");
    // Without a host nothing hides into nowhere: the window comes back, and to close it is asked about.
    drop(host);
    let window = seat.window();
    window.close();
    settle(seat.id());
    assert!(seat.runs() && !seat.screen.has_no_window("Mailsluice"), "it asks, and stays meanwhile");
    // Enter keeps it running, Tab leads to the end.
    window.key("Tab");
    window.key("Return");
    assert_eq!(seat.ends(), Some(0), "closed without a tray");
}

#[test]
fn without_a_host_closing_asks_once_and_background_can_be_opened() {
    let Some(mut seat) = Seat::new() else { return };
    seat.start(&[]);
    let window = seat.window();
    window.close();
    settle(seat.id());
    window.key("Tab");
    window.key("Return");
    assert_eq!(seat.ends(), Some(0));

    // The answer is kept, but mail that waits is asked about each time.
    seat.submit("quick_one");
    seat.start(&[]);
    let window = seat.window();
    assert!(wait_until(LIMIT, || seat.row("quick_one")["outgoing"]["queued"] == 1));
    settle(seat.id());
    window.close();
    settle(seat.id());
    window.key("Escape");
    assert!(seat.runs(), "Esc leaves everything as it is");
    window.close();
    settle(seat.id());
    window.key("Return");
    assert_eq!(seat.ends(), Some(0));
    assert_eq!(seat.count("out/new"), 1, "it was sent first");

    seat.start(&["--background"]);
    assert!(wait_until(LIMIT, || seat.row("slow")["display_name"] == "slow"));
    let mut second = seat.harness.command();
    let second = seat.bus.join(seat.screen.show(&mut second)).status();
    assert!(second.expect("the program").success(), "it hands over and is done");
    seat.window().close();
    assert_eq!(seat.ends(), Some(0));
}

#[test]
fn in_the_background_without_a_tray_the_window_waits_out_of_the_way() {
    let Some(mut seat) = Seat::new() else { return };
    seat.start(&["--background"]);
    assert!(wait_until(LIMIT, || !seat.screen.is_empty()), "it hides where nobody finds it");
    assert!(wait_until(LIMIT, || seat.screen.has_no_window("Mailsluice")), "it is in the way");
    let mut second = seat.harness.command();
    assert!(seat.bus.join(seat.screen.show(&mut second)).status().expect("the program").success());
    seat.window();
}

#[test]
fn a_second_start_brings_its_files_to_the_first() {
    let Some(mut seat) = Seat::new() else { return };
    let _host = TrayHost::start(&seat.bus);
    seat.start(&["mail.eml"]);
    let queued = |number: u64| wait_until(LIMIT, || seat.row("quick_one")["outgoing"]["queued"] == number);
    seat.window();
    assert!(queued(1), "what it was started with is queued");
    let mut second = seat.harness.command();
    let second = seat.bus.join(seat.screen.show(&mut second)).args(["mail.eml", "./mail.eml"]).status();
    assert!(second.expect("the program").success());
    assert!(queued(3), "and what a second start brings");
    let missing = seat.harness.command().env("DISPLAY", ":0").arg("stauts").status();
    assert_eq!(missing.expect("the program").code(), Some(64), "neither a command nor a file");
}

#[test]
fn what_a_launcher_gives_a_second_start_or_the_bus_activates_the_first_ones_window() {
    let Some(mut seat) = Seat::new() else { return };
    let _host = TrayHost::start(&seat.bus);
    let ear = Ear::new(seat.screen.display());
    seat.start_default(&[]);
    seat.window();
    let mut second = seat.harness.bare_command();
    let second = seat.bus.join(seat.screen.show(&mut second)).env("DESKTOP_STARTUP_ID", "click_TIME4242").status();
    assert!(second.expect("the program").success(), "it hands over and is done");
    assert!(ear.hears("remove: ID=\"click_TI"), "the launcher still waits");
    let platform_data = HashMap::from([("desktop-startup-id", Value::from("bus_TIME4343"))]);
    let connection = seat.bus.connect();
    let application = ("org.mailsluice.Mailsluice", "/org/mailsluice/Mailsluice", "org.freedesktop.Application");
    let call =
        connection.call_method(Some(application.0), application.1, Some(application.2), "Activate", &(platform_data,));
    call.expect("it is there");
    assert!(ear.hears("remove: ID=\"bus_TIME"), "the launcher still waits");
    assert_eq!(ear.times(), [4242, 4343], "when it was clicked");
}

#[test]
fn a_window_that_is_built_again_is_as_it_was_and_rests_meanwhile() {
    let Some(mut seat) = Seat::new() else { return };
    let host = TrayHost::start(&seat.bus);
    seat.start(&[]);
    let window = seat.window();
    for _ in 0..3 {
        seat.submit("quick_one");
    }
    let id = seat.id();
    // A transport is selected, and something looked for.
    window.resize(1000, 600);
    // Where the pointer rests on nothing that would say what it is for.
    window.click(500, 587);
    window.key("ctrl+1");
    window.key("Down");
    window.key("ctrl+f");
    window.type_text("tide");
    settle(id);
    window.key("ctrl+1");
    settle(id);
    let before = std::fs::read(window.picture(&seat.harness.path("before.ppm"))).expect("a picture");
    window.close();
    assert!(seat.has_no_window(), "it does not close");
    settle(id);
    let (used, woken) = (ticks(id), wakes(id));
    std::thread::sleep(Duration::from_secs(10));
    let (used, woken) = (ticks(id) - used, wakes(id).saturating_sub(woken));
    assert!(used <= 1 && woken <= 5, "{used} ticks and {woken} wakes in ten seconds without a window");

    let began = std::time::Instant::now();
    host.press("Activate");
    let window = seat.window();
    eprintln!("built again and found within {:?}", began.elapsed());
    window.click(500, 587);
    window.key("ctrl+1");
    settle(id);
    let after = std::fs::read(window.picture(&seat.harness.path("after.ppm"))).expect("a picture");
    assert!(before == after, "selection, filter or size is another");
}
