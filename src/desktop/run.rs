//! The program with its window, from its start to its end: one process for a profile, an engine that stays, a window that
//! comes and goes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eframe::UserEvent;
use egui::IconData;
use winit::event_loop::{DeviceEvents, EventLoop};

use super::app::App;
use super::chooser::SystemChooser;
use super::desk::Desk;
use super::door::{Call, Door};
use super::emblem::Emblem;
use super::front::Front;
use super::host::{Host, Leave};
use super::instance::{Claim, Instance, Start};
use super::live::LiveEngine;
use super::remember::Memory;
use super::startup::Token;
use crate::command::args::Arguments;
use crate::command::{complain, exit};
use crate::profile::Places;

/// The window's icon, in pixels.
const ICON_SIZE: u16 = 128;

/// Runs the program until it is quit; its exit code. With `--background` it begins without a window; where another
/// process shows the profile already, that one is told and this one ends.
pub fn run(arguments: &Arguments) -> u8 {
    let token = Token::of_environment();
    let files: Result<Vec<PathBuf>, String> = arguments.files.iter().map(|file| found(file)).collect();
    let start = match files {
        Err(name) => {
            complain(&format!("there is neither a command nor a file named {name}; see --help"));
            return exit::USAGE;
        }
        Ok(_) if arguments.background => Start::Background,
        Ok(files) => Start::Open(files, token),
    };
    if !has_display() {
        complain(&"there is no display; without a window use status, flush, queue, submit or doctor (see --help)");
        return exit::UNAVAILABLE;
    }
    // Each demo is one of its own.
    let mut instance = None;
    if !arguments.demo {
        match Instance::claim(&Places::of(arguments.profile.as_deref()), &start) {
            Ok(Claim::HandedOver) => return exit::OK,
            Ok(Claim::First(first)) => instance = Some(first),
            Err(error) => {
                complain(&format!("another window of this profile may be open and does not answer: {error}"));
                return exit::TEMPORARY;
            }
        }
    }
    match run_first(arguments, start, instance.as_mut()) {
        Ok(()) => exit::OK,
        Err(why) => {
            complain(&format!(
                "the window can't be opened: {why}; without a window use status, flush, queue, submit or doctor"
            ));
            exit::UNAVAILABLE
        }
    }
}

fn run_first(arguments: &Arguments, start: Start, instance: Option<&mut Instance>) -> Result<(), String> {
    super::trouble::listen();
    let mut event_loop = EventLoop::<UserEvent>::with_user_event().build().map_err(|error| error.to_string())?;
    // The pointer's every move, also while there is no window: nobody here wants it.
    event_loop.listen_device_events(DeviceEvents::Never);
    let door = Door::new(event_loop.create_proxy());
    quit_on_signal(&door);
    let memory = Memory::of(&Places::of(arguments.profile.as_deref()));
    let settings = memory.recall();
    let host = Host::new(arguments.clone(), settings);
    if let Some(instance) = instance {
        let called = Arc::clone(&door);
        let take = move |start| match start {
            Start::Open(files, token) => called.call(Call::Open(files, token)),
            Start::Background => {}
        };
        instance.serve(take).map_err(|error| error.to_string())?;
    }
    let engine = LiveEngine::new(Arc::clone(&host), Arc::clone(&door));
    let app = App::new(Box::new(engine), Box::new(SystemChooser), settings).remembering(memory);
    if let Start::Open(files, token) = start {
        door.call(Call::Open(files, token));
    }
    let icon = IconData { rgba: Emblem::default().rgba(ICON_SIZE), width: ICON_SIZE.into(), height: ICON_SIZE.into() };
    let desk = Desk::set_up(&host, &door).map_err(|error| error.to_string())?;
    let mut front = Front::new(app, door, icon, !is_wayland(&event_loop), desk.tray());
    let ran = come_and_go(&mut front, &desk, &mut event_loop);
    host.end(front.leaving().unwrap_or(Leave::AsConfigured));
    desk.clear();
    ran
}

#[cfg(target_os = "linux")]
fn is_wayland(event_loop: &EventLoop<UserEvent>) -> bool {
    use winit::platform::wayland::EventLoopExtWayland as _;
    event_loop.is_wayland()
}

#[cfg(not(target_os = "linux"))]
const fn is_wayland(_event_loop: &EventLoop<UserEvent>) -> bool {
    false
}

/// Shows the window whenever it is wanted, until the program is to end: because it was told to, or because the window
/// was closed and nothing would be left to open it again.
fn come_and_go(front: &mut Front, desk: &Desk, event_loop: &mut EventLoop<UserEvent>) -> Result<(), String> {
    loop {
        front.rest(event_loop)?;
        while front.wants_window() {
            front.show(event_loop)?;
        }
        if front.leaving().is_some() || !front.stays() {
            return Ok(());
        }
        // The tray may have gone while the window went.
        desk.look();
    }
}

/// A file that was named, where it is whatever folder the program works in.
fn found(file: &Path) -> Result<PathBuf, String> {
    file.canonicalize().map_err(|_not_there| file.display().to_string())
}

/// At the end of a session the spooler is to end in good order.
fn quit_on_signal(door: &Arc<Door>) {
    let door = Arc::clone(door);
    if let Err(error) = ctrlc::set_handler(move || door.call(Call::Quit(Leave::AsConfigured))) {
        tracing::warn!("signals end the program at once: {error}");
    }
}

/// Whether the environment names a screen: asking for a window without one ends in a panic or in a riddle.
fn has_display() -> bool {
    let names = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || names("DISPLAY") || names("WAYLAND_DISPLAY")
}
