//! Opening the window on the system's screen, and closing it again.

use eframe::NativeOptions;
use egui::ViewportBuilder;

use super::app::App;
use super::chooser::SystemChooser;
use super::live::LiveEngine;
use super::remember::Memory;
use crate::command::args::Arguments;
use crate::command::{complain, exit};
use crate::profile::Places;

/// Opens the window and returns when it is closed, with the program's exit code.
pub fn run(arguments: &Arguments) -> u8 {
    if !has_display() {
        complain(&"there is no display; without a window use status, flush, queue, submit or doctor (see --help)");
        return exit::UNAVAILABLE;
    }
    let viewport = ViewportBuilder::default()
        .with_app_id("mailsluice")
        .with_title("Mailsluice")
        .with_inner_size([1200.0, 760.0])
        .with_min_inner_size([640.0, 480.0]);
    let options = NativeOptions { viewport, ..NativeOptions::default() };
    let arguments = arguments.clone();
    let opened = eframe::run_native(
        "Mailsluice",
        options,
        Box::new(move |creation| {
            let ctx = &creation.egui_ctx;
            let memory = Memory::of(&Places::of(arguments.profile.as_deref()));
            let engine = LiveEngine::new(arguments, App::wake(ctx));
            let app = App::new(ctx, Box::new(engine), Box::new(SystemChooser), memory.recall());
            Ok(Box::new(app.remembering(memory)))
        }),
    );
    match opened {
        Ok(()) => exit::OK,
        Err(error) => {
            complain(&format!(
                "the window can't be opened: {error}; without a window use status, flush, queue, submit or doctor"
            ));
            exit::UNAVAILABLE
        }
    }
}

/// Whether the environment names a screen: asking for a window without one ends in a panic or in a riddle.
fn has_display() -> bool {
    let names = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || names("DISPLAY") || names("WAYLAND_DISPLAY")
}
