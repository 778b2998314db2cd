//! A real panel with a tray, Xfce's, on a screen and a bus of the test's own: whether its icon is there is seen on the
//! screen, and it is clicked with the mouse.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::bus::Bus;
use super::daemon::{folder, mortal, stop, wait_until};
use super::screen::Screen;

/// How long a panel may take to come up and to show something.
const LIMIT: Duration = Duration::from_secs(60);

/// How long one step of a try may take: a try that comes too early is made again, and there should be many.
const SHORTLY: Duration = Duration::from_secs(3);

/// The plate of the program's emblem: red, green, blue.
const PLATE: [u8; 3] = [10, 100, 188];

/// How high a panel is at most, in pixels.
const HEIGHT: usize = 40;

/// See the module. Dropped, it is gone.
#[derive(Debug)]
pub struct Panel<'a> {
    screen: &'a Screen,
    bus: &'a Bus,
    settings: Child,
    child: Option<Child>,
    /// Its windows while no menu is open.
    at_rest: usize,
    home: TempDir,
}

impl<'a> Panel<'a> {
    /// Starts one; `None`, loudly, where it is not installed. Panics if CI is set.
    pub fn start(screen: &'a Screen, bus: &'a Bus) -> Option<Self> {
        let daemon = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
        let mut daemon = daemon.map(|folder| folder.path().join("xfce4/xfconf/xfconfd"));
        let daemon = daemon.find(|path| path.exists()).filter(|_| PathBuf::from("/usr/bin/xfce4-panel").exists());
        let Some(daemon) = daemon else {
            assert!(std::env::var_os("CI").is_none(), "a panel is needed here: xfce4-panel not installed");
            eprintln!("SKIPPED: this test needs xfce4-panel and xfconf: run scripts/setup test");
            return None;
        };
        let home = folder();
        let mut settings = mortal(daemon);
        settings.env("HOME", home.path()).env_remove("XDG_CONFIG_HOME").stdout(Stdio::null()).stderr(Stdio::null());
        let settings = bus.join(&mut settings).spawn().expect("xfconfd");
        let mut panel = Self { screen, bus, settings, child: None, at_rest: 0, home };
        panel.come();
        Some(panel)
    }

    /// It is started (again).
    pub fn come(&mut self) {
        let mut command = mortal("xfce4-panel");
        command.env("HOME", self.home.path()).env("XDG_RUNTIME_DIR", self.home.path()).env_remove("XDG_CONFIG_HOME");
        command.env("XFCE_PANEL_MIGRATE_DEFAULT", "1").env("NO_AT_BRIDGE", "1").env("GTK_THEME", "Adwaita");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(self.bus.join(self.screen.show(&mut command)).spawn().expect("xfce4-panel"));
    }

    /// It dies, without a word to anybody.
    pub fn die(&mut self) {
        if let Some(mut panel) = self.child.take() {
            panel.kill().expect("a child of ours");
            panel.wait().expect("a child of ours");
        }
    }

    /// Where it shows the program's icon.
    fn icon(&self) -> Option<(usize, usize)> {
        let picture = self.screen.picture();
        let found: Vec<(usize, usize)> = picture.places_of(PLATE).filter(|(_, y)| *y < HEIGHT).collect();
        let middle = |sum: usize| sum.checked_div(found.len());
        // A few pixels may be anything.
        (found.len() > 20).then_some(())?;
        Some((middle(found.iter().map(|(x, _)| x).sum())?, middle(found.iter().map(|(_, y)| y).sum())?))
    }

    /// Waits until the icon is shown.
    #[must_use]
    pub fn shows_the_icon(&mut self) -> bool {
        let is_shown = wait_until(LIMIT, || self.icon().is_some());
        self.at_rest = self.windows();
        is_shown
    }

    /// Waits for the icon and clicks on it: 1 is the left button, 2 the middle one, 3 the right one.
    pub fn click(&self, button: u8) {
        let mut icon = None;
        let there = wait_until(LIMIT, || {
            icon = self.icon();
            icon.is_some()
        });
        assert!(there, "no icon to click on");
        let (x, y) = icon.expect("found");
        self.screen.click(x, y, button);
    }

    /// Opens the menu with the right button and picks its first entry by the keyboard, until that has done what it does.
    /// A menu whose entries change while it is open is built anew by the panel, and what was picked in it is lost.
    #[must_use]
    pub fn pick_the_first_entry(&self, done: impl Fn() -> bool) -> bool {
        wait_until(LIMIT, || {
            self.screen.key("Escape");
            // Some of the panel's windows may have come after its icon: they are no menu.
            let came_to_rest = wait_until(SHORTLY, || self.windows() <= self.at_rest);
            let at_rest = if came_to_rest { self.at_rest } else { self.windows() };
            self.click(3);
            if wait_until(SHORTLY, || self.windows() > at_rest) {
                self.screen.key("Down");
                self.screen.key("Return");
            }
            wait_until(SHORTLY, &done)
        })
    }

    fn windows(&self) -> usize {
        self.screen.visible_of("panel|wrapper")
    }
}

impl Drop for Panel<'_> {
    fn drop(&mut self) {
        if let Some(panel) = &mut self.child {
            stop(panel);
        }
        stop(&mut self.settings);
    }
}
