//! The main thread's part of the program: the window while there is one, and the wait for it while there is none.
//!
//! The window is built and torn down as often as a person likes, in one event loop, which a process can have only one of.
//! What it shows and remembers ([`App`]) stays; and so do its size and what egui keeps of it (scroll positions, the split).
//! Without a window the same event loop goes on, so that the display server is listened to and everything that wakes a
//! window wakes the wait.
//!
//! A window on Wayland can neither be hidden nor be raised by its program. Both are done by building it again, which takes
//! some 40 ms; on X11 an open one is raised as usual.

use eframe::{NativeOptions, UserEvent};
use egui::util::IdTypeMap;
use egui::{Context, IconData, Ui, Vec2, ViewportBuilder, ViewportCommand};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use winit::application::ApplicationHandler;
use winit::event::WindowEvent;
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop};
use winit::platform::run_on_demand::EventLoopExtRunOnDemand as _;
use winit::window::WindowId;

use super::app::App;
use super::door::{Call, Door};
use super::host::Leave;
use super::startup::{self, Token};

/// The name that desktop entry, window and bus share.
pub(super) const APP_ID: &str = "org.mailsluice.Mailsluice";

const SIZE: Vec2 = Vec2::new(1200.0, 760.0);
const LEAST_SIZE: Vec2 = Vec2::new(640.0, 480.0);

/// See the module.
pub(super) struct Front {
    app: App,
    door: Arc<Door>,
    icon: Arc<IconData>,
    /// Set: the program is to end.
    leaving: Option<Leave>,
    wanted: Wanted,
    /// Of the click that the window comes of.
    token: Option<Token>,
    /// An open window can be brought to the front.
    can_raise: bool,
    /// A tray shows the program, so that it can be found again without a window.
    tray: Arc<AtomicBool>,
    /// The window was really there.
    was_shown: bool,
    /// It was closed while the tray showed the program: that is what the person meant, also if the tray is gone since.
    closed_to_tray: bool,
    kept: Kept,
}

/// Whether the window is to be there; while it is: to be built anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    No,
    /// Not in anybody's way.
    Aside,
    InFront,
}

/// What is kept of one window for the next, beside the [`App`].
struct Kept {
    size: Vec2,
    maximized: bool,
    data: IdTypeMap,
}

impl Front {
    /// One without a window as yet.
    pub(super) fn new(app: App, door: Arc<Door>, icon: IconData, can_raise: bool, tray: Arc<AtomicBool>) -> Self {
        let kept = Kept { size: SIZE, maximized: false, data: IdTypeMap::default() };
        let icon = Arc::new(icon);
        let wanted = Wanted::No;
        Self {
            app,
            door,
            icon,
            leaving: None,
            wanted,
            token: None,
            can_raise,
            tray,
            was_shown: false,
            closed_to_tray: false,
            kept,
        }
    }

    /// Why the program is to end, if it is.
    pub(super) const fn leaving(&self) -> Option<Leave> {
        self.leaving
    }

    /// Whether the program goes on without its window: it can be found again, or could when the window was closed.
    pub(super) fn stays(&self) -> bool {
        self.closed_to_tray || self.has_tray()
    }

    fn has_tray(&self) -> bool {
        self.tray.load(Ordering::Relaxed)
    }

    /// Waits until a window is wanted or the program is to end.
    pub(super) fn rest(&mut self, event_loop: &mut EventLoop<UserEvent>) -> Result<(), String> {
        event_loop.run_app_on_demand(&mut Resting(self)).map_err(|error| error.to_string())
    }

    /// Shows the window until it is closed.
    ///
    /// # Errors
    /// There was none to be had.
    pub(super) fn show(&mut self, event_loop: &mut EventLoop<UserEvent>) -> Result<(), String> {
        let aside = std::mem::replace(&mut self.wanted, Wanted::No) == Wanted::Aside;
        (self.was_shown, self.closed_to_tray) = (false, false);
        let mut viewport = ViewportBuilder::default()
            .with_app_id(APP_ID)
            .with_title("Mailsluice")
            .with_icon(Arc::clone(&self.icon))
            .with_inner_size(self.kept.size)
            .with_min_inner_size(LEAST_SIZE);
        if self.kept.maximized {
            viewport = viewport.with_maximized(true);
        }
        let options = NativeOptions { viewport, ..NativeOptions::default() };
        let door = Arc::clone(&self.door);
        super::trouble::forget();
        let shown = &mut *self;
        let create: eframe::AppCreator<'_> = Box::new(move |creation: &eframe::CreationContext<'_>| {
            shown.begin(&creation.egui_ctx, aside);
            Ok(Box::new(Shown(shown)))
        });
        let mut window = eframe::create_native(APP_ID, options, create, event_loop);
        let ran = event_loop.run_app_on_demand(&mut window);
        drop(window);
        door.set_window(None);
        ran.map_err(|error| error.to_string())?;
        if self.was_shown { Ok(()) } else { Err(super::trouble::last()) }
    }

    /// Furnishes a new window.
    fn begin(&mut self, ctx: &Context, aside: bool) {
        let data = std::mem::take(&mut self.kept.data);
        ctx.memory_mut(|memory| memory.data = data);
        self.app.attach(ctx);
        if aside {
            ctx.send_viewport_cmd(ViewportCommand::Minimized(true));
        }
        self.door.set_window(Some(ctx.clone()));
        self.was_shown = true;
    }

    /// Takes what the main thread is called for. Gives whether the window is to be in front.
    fn answer(&mut self) -> bool {
        let mut to_front = false;
        while let Some(call) = self.door.next() {
            match call {
                Call::Open(files, token) => {
                    self.token = token.or(self.token.take());
                    self.app.bring(files);
                    to_front = true;
                }
                Call::OpenAside if self.wanted == Wanted::No => self.wanted = Wanted::Aside,
                Call::OpenAside => {}
                Call::OpenProblems => {
                    self.app.show_problems();
                    to_front = true;
                }
                Call::Quit(leave) => self.leaving = Some(leave),
            }
        }
        to_front
    }

    /// Notes how the window is, for the next.
    fn keep(&mut self, ctx: &Context) {
        let zoom = ctx.zoom_factor();
        ctx.input(|input| {
            let viewport = input.viewport();
            self.kept.maximized = viewport.maximized.unwrap_or(false);
            if let Some(inner) = viewport.inner_rect.filter(|_| !self.kept.maximized) {
                self.kept.size = inner.size() * zoom;
            }
        });
        if ctx.input(|input| input.viewport().close_requested()) {
            self.kept.data = ctx.memory(|memory| memory.data.clone());
        }
    }

    /// A person closes the window, and nothing else would be left to see of the program.
    fn ask_before_closing(&mut self, ctx: &Context) {
        let closed = ctx.input(|input| input.viewport().close_requested());
        let by_a_person = closed && self.leaving.is_none() && self.wanted == Wanted::No;
        if !by_a_person {
            return;
        }
        self.closed_to_tray = self.has_tray();
        if !self.closed_to_tray && !self.app.may_close(ctx) {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
        }
    }

    fn raise(&mut self, ctx: &Context) {
        if ctx.input(|input| input.viewport().focused == Some(true)) {
            return;
        }
        if self.can_raise {
            ctx.send_viewport_cmd(ViewportCommand::Minimized(false));
            ctx.send_viewport_cmd(ViewportCommand::Focus);
        } else {
            self.wanted = Wanted::InFront;
        }
    }

    /// Whether the window is to be there, after it was closed or before it was opened.
    pub(super) fn wants_window(&self) -> bool {
        self.wanted != Wanted::No && self.leaving.is_none()
    }
}

/// The window, as eframe sees it.
struct Shown<'a>(&'a mut Front);

impl eframe::App for Shown<'_> {
    fn logic(&mut self, ctx: &Context, frame: &mut eframe::Frame) {
        if self.0.answer() {
            self.0.raise(ctx);
        }
        if let Some(token) = self.0.token.take_if(|_| self.0.wanted == Wanted::No) {
            startup::complete(frame, &token);
        }
        if self.0.wanted == Wanted::Aside {
            // It is there already.
            self.0.wanted = Wanted::No;
        }
        if self.0.leaving.is_some() || self.0.wanted != Wanted::No {
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
        self.0.keep(ctx);
        self.0.app.logic(ctx, frame);
        self.0.ask_before_closing(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        self.0.app.ui(ui, frame);
    }
}

/// The wait for a window.
struct Resting<'a>(&'a mut Front);

impl Resting<'_> {
    fn look(&mut self, event_loop: &ActiveEventLoop) {
        if self.0.answer() {
            self.0.wanted = Wanted::InFront;
        }
        self.0.app.take_in();
        if self.0.wanted != Wanted::No || self.0.leaving.is_some() {
            event_loop.exit();
        }
    }
}

impl ApplicationHandler<UserEvent> for Resting<'_> {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        event_loop.set_control_flow(ControlFlow::Wait);
        self.look(event_loop);
    }

    fn user_event(&mut self, event_loop: &ActiveEventLoop, _woken: UserEvent) {
        self.look(event_loop);
    }

    fn window_event(&mut self, _: &ActiveEventLoop, _: WindowId, _: WindowEvent) {
        // The last of a window that is gone.
    }
}
