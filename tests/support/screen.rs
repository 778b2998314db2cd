//! A screen of its own: Xvfb with a window manager, the program's window on it, clicks and keys as a hand makes them, and
//! pictures of what is seen.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::daemon::{mortal, stop, wait_until};

/// How long a window may take to come up or to go: software OpenGL on a busy machine is slow.
const LIMIT: Duration = Duration::from_mins(1);

/// See the module. Dropped, it is switched off.
#[derive(Debug)]
pub struct Screen {
    display: String,
    width: usize,
    processes: Vec<Child>,
}

/// What is seen on a [`Screen`].
#[derive(Debug)]
pub struct Picture {
    width: usize,
    /// Red, green, blue of each pixel, row by row.
    pixels: Vec<u8>,
}

impl Picture {
    /// Where it has exactly this colour.
    pub fn places_of(&self, colour: [u8; 3]) -> impl Iterator<Item = (usize, usize)> {
        let pixels = self.pixels.chunks_exact(3).enumerate();
        pixels.filter(move |(_, pixel)| *pixel == colour).map(|(at, _)| (at % self.width, at / self.width))
    }
}

/// A window on a [`Screen`].
#[derive(Debug, Clone)]
pub struct Window {
    display: String,
    id: String,
}

impl Screen {
    /// Switches on one of this size, in pixels.
    pub fn start(width: u32, height: u32) -> Option<Self> {
        let missing: Vec<&str> =
            ["Xvfb", "openbox", "xdotool", "import"].into_iter().filter(|program| !installed(program)).collect();
        if !missing.is_empty() {
            assert!(std::env::var_os("CI").is_none(), "a screen is needed here: {missing:?} not installed");
            eprintln!("SKIPPED: this test needs a screen, and {missing:?} are not installed: run scripts/setup test");
            return None;
        }
        // It looks for a free number itself and says which on its standard output.
        let mut server = spawn(
            mortal("Xvfb")
                // Without -noreset it begins anew when its last client goes, and whoever comes just then is refused.
                .args(["-displayfd", "1", "-noreset", "-nolisten", "tcp", "-screen", "0"])
                .arg(format!("{width}x{height}x24"))
                .stdout(Stdio::piped()),
        );
        let mut number = String::new();
        BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut number).expect("a display number");
        let display = format!(":{}", number.trim());
        let width = usize::try_from(width).expect("a small number");
        let mut screen = Self { display, width, processes: vec![server] };
        // It runs this once it manages windows. That it has named itself says less: a window that comes between the two may
        // never be shown.
        let ready = ["--startup", "xprop -root -f MAILSLUICE_READY 8s -set MAILSLUICE_READY yes"];
        screen.processes.push(spawn(mortal("openbox").env("DISPLAY", &screen.display).args(ready)));
        let managed = || screen.property("MAILSLUICE_READY").is_some_and(|text| text.contains("yes"));
        assert!(wait_until(LIMIT, managed), "no window manager on {}", screen.display);
        Some(screen)
    }

    /// What a program needs in its environment to be seen here and nowhere else.
    pub fn show<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("DISPLAY", &self.display).env_remove("WAYLAND_DISPLAY").env("LIBGL_ALWAYS_SOFTWARE", "1")
    }

    /// Waits for a window whose title has this in it, gives it the focus.
    pub fn window(&self, title: &str) -> Window {
        let mut found = None;
        let there = wait_until(LIMIT, || {
            let ids = self.xdotool(&["search", "--onlyvisible", "--name", title]);
            found = ids.and_then(|ids| ids.lines().next().map(str::to_owned));
            found.is_some()
        });
        assert!(there, "no window named {title:?} among these: {:?}", self.xwininfo());
        let window = Window { display: self.display.clone(), id: found.expect("found above") };
        window.focus();
        window
    }

    /// Whether no window has a title with this in it.
    pub fn has_no_window(&self, title: &str) -> bool {
        self.xdotool(&["search", "--onlyvisible", "--name", title]).is_none()
    }

    /// Whether nothing at all is shown: no window of any program.
    pub fn is_empty(&self) -> bool {
        self.property("_NET_CLIENT_LIST").is_some_and(|text| !text.contains("0x"))
    }

    /// Clicks at a place of the screen: 1 is the left button, 2 the middle one, 3 the right one.
    pub fn click(&self, x: usize, y: usize, button: u8) {
        let (x, y) = (x.to_string(), y.to_string());
        // Without --sync, which waits fifteen seconds for a pointer that is there already; the screen takes both in turn.
        let clicked = self.xdotool(&["mousemove", &x, &y, "click", &button.to_string()]);
        assert!(clicked.is_some(), "xdotool mousemove {x} {y} click {button}");
    }

    /// Presses a key, for whoever has the focus.
    pub fn key(&self, name: &str) {
        assert!(self.xdotool(&["key", name]).is_some(), "xdotool key {name}");
    }

    /// How many windows are shown of programs with a class like this.
    pub fn visible_of(&self, class: &str) -> usize {
        self.xdotool(&["search", "--onlyvisible", "--class", class]).map_or(0, |ids| ids.lines().count())
    }

    /// A picture of all of it.
    pub fn picture(&self) -> Picture {
        let mut command = Command::new("import");
        command.env("DISPLAY", &self.display).args(["-window", "root", "-depth", "8", "rgb:-"]);
        let output = command.stderr(Stdio::null()).output().expect("import");
        assert!(output.status.success(), "import");
        Picture { width: self.width, pixels: output.stdout }
    }

    /// Its name, for other clients of it.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// A property of the whole screen, as `xprop` prints it.
    fn property(&self, name: &str) -> Option<String> {
        output(Command::new("xprop").env("DISPLAY", &self.display).args(["-root", name]))
    }

    /// Every window there is, shown or not, for a failure's text.
    fn xwininfo(&self) -> Option<String> {
        output(Command::new("xwininfo").env("DISPLAY", &self.display).args(["-root", "-tree"]))
    }

    fn xdotool(&self, arguments: &[&str]) -> Option<String> {
        output(Command::new("xdotool").env("DISPLAY", &self.display).args(arguments))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().rev() {
            stop(process);
        }
    }
}

impl Window {
    /// Clicks at a place, in pixels from the window's inner corner.
    pub fn click(&self, x: u32, y: u32) {
        self.point_at(x, y);
        self.xdotool(&["click", "1"]);
    }

    /// Moves the pointer there.
    pub fn point_at(&self, x: u32, y: u32) {
        let (x, y) = (x.to_string(), y.to_string());
        self.xdotool(&["mousemove", "--sync", "--window", &self.id, &x, &y]);
    }

    /// Presses a key or a combination, as xdotool names it: `F9`, `ctrl+shift+Return`.
    pub fn key(&self, name: &str) {
        self.focus();
        self.xdotool(&["key", name]);
    }

    /// Types text.
    pub fn type_text(&self, text: &str) {
        self.focus();
        self.xdotool(&["type", text]);
    }

    /// Keys go where the focus is, as real ones do: those sent to a window by name are marked as sent, and not heeded.
    fn focus(&self) {
        self.xdotool(&["windowactivate", "--sync", &self.id]);
    }

    /// Gives it another size, in pixels.
    pub fn resize(&self, width: u32, height: u32) {
        self.xdotool(&["windowsize", "--sync", &self.id, &width.to_string(), &height.to_string()]);
    }

    /// Asks it to close, as the cross in its corner does.
    pub fn close(&self) {
        let status = Command::new("wmctrl").env("DISPLAY", &self.display).args(["-i", "-c", &self.id]).status();
        assert!(status.is_ok_and(|status| status.success()), "wmctrl -c");
    }

    /// Takes a picture, PNG.
    pub fn picture(&self, file: &Path) -> PathBuf {
        let status =
            Command::new("import").env("DISPLAY", &self.display).args(["-window", &self.id]).arg(file).status();
        assert!(status.is_ok_and(|status| status.success()), "import");
        file.to_owned()
    }

    fn xdotool(&self, arguments: &[&str]) {
        let done = output(Command::new("xdotool").env("DISPLAY", &self.display).args(arguments));
        assert!(done.is_some(), "xdotool {arguments:?}");
    }
}

fn installed(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).exists()))
}

fn spawn(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("it is installed")
}

/// What a command prints; `None` when it fails.
fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
