//! The real window, on a screen of its own, on the demo's provider: what a person sees and does. Takes the pictures of
//! the README into `screenshots/` when `MAILSLUICE_SCREENSHOTS` is set, and into the target folder otherwise.

mod consent;
mod network;
mod notices;
mod panel;
mod silence;
mod tray;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mailsluice::command::args::Arguments;
use mailsluice::command::context::Context;
use mailsluice::demo::{Demo, Disturbance, Point, Trouble};
use mailsluice::spooler::submit::{Options, Submitter};
use serde_json::Value;

use crate::support::daemon::wait_until;
use crate::support::harness::{BINARY, Run};
use crate::support::screen::{Screen, Window};

const LIMIT: Duration = Duration::from_secs(60);

/// The program with its window, on the demo's profile; ended when dropped.
struct Desk {
    demo: Demo,
    screen: Screen,
    child: Child,
    window: Window,
}

impl Desk {
    /// Opens the window with this look (JSON of its settings), and the demo's messages in the queue if `full`.
    fn open(settings: &str, full: bool) -> Option<Self> {
        let screen = Screen::start(1280, 820)?;
        let demo = Demo::start().expect("the demo");
        let log = demo.profile_dir().join("log");
        std::fs::create_dir_all(&log).expect("a folder");
        std::fs::write(log.join("window.json"), settings).expect("settings");
        if full {
            fill(&demo);
        }
        let mut command = Command::new(BINARY);
        command.arg("--profile").arg(demo.profile_dir()).stdin(Stdio::null()).env("LANG", "en_GB.UTF-8");
        let child = screen.show(&mut command).spawn().expect("the program");
        let window = screen.window("Mailsluice");
        Some(Self { demo, screen, child, window })
    }

    /// A command on the same profile, which goes through the window's spooler.
    fn run(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(BINARY);
        let output = command.arg("--profile").arg(self.demo.profile_dir()).args(arguments).output();
        Run::from(output.expect("the program"))
    }

    fn rows(&self) -> Value {
        self.run(&["status", "--json"]).expect_code(0).json()["rows"].clone()
    }

    fn row(&self, name: &str) -> Value {
        let rows = self.rows();
        let rows = rows.as_array().expect("rows");
        rows.iter().find(|row| row["display_name"] == name).expect("a row").clone()
    }

    fn asks_for_a_password(&self) -> bool {
        self.row("office")["status_string"].as_str().is_some_and(|text| text.contains("Needs the password"))
    }

    fn wait(&self, what: &str, holds: impl Fn() -> bool) {
        assert!(wait_until(LIMIT, holds), "{what}; the rows: {}", self.rows());
    }

    /// Stops the mail while some of it is on its way, so that this can be looked at, until what is given is dropped.
    fn hold(&self) -> Disturbance {
        self.wait("some of home's mail is through", || {
            self.demo.provider().delivered().iter().filter(|one| one.from == "ada@example.org").count() >= 12
        });
        let held = self.demo.provider().disturb(Point::FinalReply, Trouble::Stall);
        assert!(held.wait_reached(1, LIMIT), "nothing is on its way any more: {}", self.rows());
        held
    }

    fn picture(&self, name: &str) {
        // What was asked for is drawn within a few frames; the picture is of what stays.
        settle(self.child.id());
        let folder = pictures();
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = self.window.picture(&folder.join(format!("{name}.png")));
        assert!(std::fs::metadata(&file).expect("a picture").len() > 10_000, "{name} shows nothing");
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn pictures() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    match std::env::var_os("MAILSLUICE_SCREENSHOTS") {
        Some(_) => root.join("screenshots"),
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots"),
    }
}

/// Puts the demo's messages into its queue.
fn fill(demo: &Demo) {
    let arguments = Arguments { profile: Some(demo.profile_dir().to_owned()), ..Arguments::default() };
    let context = Context::open(&arguments).expect("the demo's profile");
    let mut submitter = Submitter::new(&context.places, &context.profile).expect("a spool");
    for seed in Demo::seed_messages() {
        let options = Options {
            transport: Some(seed.transport.to_owned()),
            sender: Some(seed.sender),
            recipients: seed.recipients,
            ..Options::default()
        };
        submitter.submit(&mut seed.content.as_slice(), &options).expect("a good message");
    }
    submitter.commit().expect("room");
}

/// Processor time used so far, in ticks of the system's clock (a hundredth of a second).
fn ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("a process");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    fields[11].parse::<u64>().expect("a number") + fields[12].parse::<u64>().expect("a number")
}

/// Waits until a process has rested for half a second.
fn settle(process: u32) {
    let rests = wait_until(Duration::from_secs(5), || {
        let before = ticks(process);
        std::thread::sleep(Duration::from_millis(400));
        ticks(process) - before <= 1
    });
    // One that is at work never rests; its picture is taken all the same.
    if !rests {
        std::thread::sleep(Duration::from_millis(100));
    }
}

const DARK: &str = r#"{ "scheme": "dark" }"#;
const LIGHT: &str = r#"{ "scheme": "light" }"#;

#[test]
fn one_key_empties_the_healthy_queue_and_shows_the_three_sick_ones() {
    let Some(desk) = Desk::open(LIGHT, true) else { return };
    desk.wait("the queue is counted", || desk.row("home")["outgoing"]["queued"] == 30);
    desk.picture("queue-light");
    desk.window.key("F9");
    let held = desk.hold();
    // The office's password is asked for; its transport waits, the others go on.
    desk.wait("the password is asked for", || desk.asks_for_a_password());
    settle(desk.child.id());
    desk.window.key("Escape");
    desk.picture("busy-light");
    drop(held);
    desk.wait("home is empty", || desk.row("home")["outgoing"]["queued"] == 0);
    desk.wait("home has its mail", || {
        let new = std::fs::read_dir(desk.demo.profile_dir().join("mail/home/new"));
        new.is_ok_and(|entries| entries.count() == 20)
    });
    let from_home = desk.demo.provider().delivered().iter().filter(|one| one.from == "ada@example.org").count();
    assert_eq!(from_home, 30);
    desk.wait("the others are through", || {
        let rows = desk.rows();
        let mut codes = rows.as_array().expect("rows").iter().map(|row| row["status_code"].to_string());
        !codes.any(|code| code.contains("_FLUSH") || code.contains("_ACTIVE"))
    });
    let (club, office, modem) = (desk.row("club"), desk.row("office"), desk.row("modem"));
    assert_eq!(club["outgoing"]["deferred"], 6, "{club}");
    assert_eq!(office["outgoing"]["queued"], 4, "{office}");
    assert!(office["status_code"].to_string().contains("STATUS_FAILURE"), "{office}");
    assert_eq!(modem["outgoing"]["failed"], 1, "{modem}");
    assert_eq!(modem["honours_no_ui"], false);
    desk.picture("done-light");
}

#[test]
fn problems_and_the_password_are_settled_from_the_window() {
    let Some(desk) = Desk::open(DARK, true) else { return };
    desk.wait("the queue is counted", || desk.row("office")["outgoing"]["queued"] == 4);
    desk.picture("queue-dark");
    desk.window.key("F9");
    let held = desk.hold();
    desk.wait("the password is asked for", || desk.asks_for_a_password());
    desk.picture("password-dark");
    desk.window.type_text("sluice");
    desk.window.key("Return");
    desk.picture("busy-dark");
    drop(held);
    desk.wait("the office is empty", || desk.row("office")["outgoing"]["queued"] == 0);
    desk.wait("all is through", || {
        let rows = desk.rows();
        let mut codes = rows.as_array().expect("rows").iter().map(|row| row["status_code"].to_string());
        !codes.any(|code| code.contains("_FLUSH"))
    });
    desk.window.click(251, 348);
    desk.picture("problems-dark");
}

#[test]
fn an_empty_window_says_what_to_do_and_idles_without_a_tick() {
    let Some(desk) = Desk::open(r#"{ "scheme": "light", "closing": "quit" }"#, false) else { return };
    desk.wait("the rows are there", || desk.rows().as_array().is_some_and(|rows| rows.len() == 7));
    desk.picture("empty-light");
    settle(desk.child.id());
    // A frame on a software screen costs several ticks; the threads that wait cost none.
    let before = ticks(desk.child.id());
    std::thread::sleep(Duration::from_secs(10));
    let used = ticks(desk.child.id()) - before;
    assert!(used <= 1, "{used} ticks in ten idle seconds");
    desk.window.close();
    assert!(wait_until(LIMIT, || desk.screen.has_no_window("Mailsluice")), "it does not close");
}

#[test]
fn the_smallest_window_speaks_french() {
    let Some(desk) = Desk::open(r#"{ "scheme": "light", "language": "french" }"#, true) else { return };
    desk.wait("the queue is counted", || desk.row("home")["outgoing"]["queued"] == 30);
    desk.window.resize(640, 480);
    desk.picture("small-french-light");
}

#[test]
fn without_a_display_one_line_names_the_commands() {
    let run = Run::from(Command::new(BINARY).env_clear().output().expect("the program")).expect_code(69);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    for command in ["status", "flush", "queue", "submit", "doctor"] {
        assert!(run.stderr.contains(command), "{command} is missing: {}", run.stderr);
    }
}
