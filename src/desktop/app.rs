//! The application: takes in what happened, draws, and does what was asked for, in this order, once a frame. A frame
//! is drawn when something happened or the person did something, and at no other time.

use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};
use egui::{CentralPanel, Context, Frame, Margin, Panel, Ui};

use super::action::Facts;
use super::chooser::{Chooser, Chosen, TOO_FAST};
use super::dialog::{self, Dialog};
use super::engine::{Engine, News, Readiness};
use super::keys;
use super::remember::Memory;
use super::row_view::{Asked, RowView};
use super::scene::{Ask, Scene};
use super::state::{Settings, State, Tab};
use super::text::{Language, Text};
use super::theme::{self, Look};
use super::view::{bar, first_start, footer, status_table, tabs};
use crate::mapi::Row;
use crate::spooler::{Event, Wake};

/// See the module.
pub struct App {
    pub(super) engine: Box<dyn Engine>,
    pub(super) chooser: Box<dyn Chooser>,
    pub(super) state: State,
    text: Text,
    raw: Vec<Arc<Row>>,
    pub(super) rows: Vec<RowView>,
    pub(super) chosen: (Sender<Chosen>, Receiver<Chosen>),
    title: String,
    memory: Option<Memory>,
    /// Files that wait until they can be queued.
    brought: Vec<PathBuf>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("state", &self.state).finish_non_exhaustive()
    }
}

impl App {
    /// What a window on this engine shows. There may be none yet, one, and later another.
    pub fn new(engine: Box<dyn Engine>, chooser: Box<dyn Chooser>, settings: Settings) -> Self {
        Self {
            engine,
            chooser,
            state: State::new(settings),
            text: Text::new(settings.language.unwrap_or_else(Language::of_environment)),
            raw: Vec::new(),
            rows: Vec::new(),
            chosen: unbounded(),
            title: String::new(),
            memory: None,
            brought: Vec::new(),
        }
    }

    /// Furnishes a new window.
    pub fn attach(&mut self, ctx: &Context) {
        theme::install_fonts(ctx);
        self.title.clear();
        self.show_settings(ctx);
    }

    /// The same, with settings that are kept for the next window.
    #[must_use]
    pub fn remembering(mut self, memory: Memory) -> Self {
        self.memory = Some(memory);
        self
    }

    /// What the window remembers; for tests.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Puts new settings into effect.
    pub(super) fn apply_settings(&mut self, ctx: &Context) {
        let settings = self.state.settings;
        let language = settings.language.unwrap_or_else(Language::of_environment);
        if language != self.text.language() {
            self.text = Text::new(language);
        }
        self.show_settings(ctx);
        self.engine.set_settings(&settings);
        if let Some(memory) = &self.memory {
            memory.keep(&settings);
        }
    }

    fn show_settings(&self, ctx: &Context) {
        theme::apply(ctx, self.state.settings.scheme);
        ctx.set_zoom_factor(self.state.settings.scale as f32 / 100.0);
    }

    /// Puts files into the queue as soon as there is one.
    pub(super) fn bring(&mut self, files: Vec<PathBuf>) {
        self.brought.extend(files);
    }

    /// Shows what needs a person.
    pub(super) fn show_problems(&mut self) {
        self.state.tab = Tab::Problems;
    }

    /// Calls for a frame from another thread.
    pub(super) fn wake(ctx: &Context) -> Wake {
        let ctx = ctx.clone();
        Arc::new(move || ctx.request_repaint())
    }

    /// Takes in what happened, whether there is a window to show it or not.
    pub(super) fn take_in(&mut self) {
        for news in self.engine.pump() {
            match news {
                News::Event(event) => self.take_in_event(event),
                News::Listed(ticket, page) => {
                    if !self.counted(ticket, page.total) {
                        self.state.queue.take_in(ticket, page);
                    }
                }
                News::Flushed(ticket) => {
                    self.state.settling.retain(|_, flush| *flush != ticket);
                    self.flushed(ticket);
                }
                News::Shown(_) => {}
                News::Notice(notice) => self.state.notice = Some(footer::told(&notice, &self.text)),
            }
        }
        while let Ok(chosen) = self.chosen.1.try_recv() {
            self.take_in_chosen(chosen);
        }
        self.state.readiness = self.engine.readiness();
        self.state.no_ui = self.engine.no_ui();
        self.state.autostart = self.engine.autostart();
        if self.state.readiness == Readiness::Ready && !self.brought.is_empty() {
            self.engine.add(std::mem::take(&mut self.brought));
        }
        self.raw = self.engine.rows();
        let now = self.engine.now();
        self.rows = RowView::all(&self.raw, &self.text, now);
        self.state.settle(&self.rows, now);
        let filter = self.state.wanted_filter(&self.rows);
        self.state.queue.set_filter(filter);
        self.mind_the_leaving();
        self.ask_next_question();
    }

    fn take_in_event(&mut self, event: Event) {
        match event {
            Event::Reload(_) | Event::QueueChanged(_) => self.state.queue.changed(),
            Event::Question { number, transport, question } => {
                let asked = Asked { number, question };
                if self.state.settling.contains_key(&transport) {
                    self.state.want(transport, asked);
                } else {
                    // An engine that was started anew counts from the beginning.
                    self.state.wanted.remove(&number);
                    self.state.questions.push_back(Dialog::asking(transport, asked));
                }
            }
            Event::QuestionGone(number) => {
                self.state.questions.retain(|waiting| waiting.question() != Some(number));
                self.state.wanted.remove(&number);
                self.state.dialog.take_if(|open| open.question() == Some(number));
            }
            Event::Log(line) => self.state.log(line),
            Event::FlushEnded { result, no_ui: false } => {
                self.state.settling.remove(&result.transport);
            }
            Event::FlushEnded { .. }
            | Event::RowAdded(_)
            | Event::RowModified(_)
            | Event::RowDeleted(_)
            | Event::Stopped => {}
        }
    }

    /// With No UI nothing opens by itself but what somebody wants to settle: the row says what it needs, and has the button.
    fn ask_next_question(&mut self) {
        if self.state.dialog.is_some() {
            return;
        }
        let State { questions, wanted, no_ui, .. } = &self.state;
        let may_open = |waiting: &Dialog| !no_ui || waiting.question().is_some_and(|number| wanted.contains(&number));
        let next = questions.iter().position(may_open);
        self.state.dialog = next.and_then(|next| self.state.questions.remove(next));
    }

    fn take_in_chosen(&mut self, chosen: Chosen) {
        let (dialog, takes_several) = match &mut self.state.dialog {
            Some(Dialog::Add(dialog)) => (dialog, true),
            Some(Dialog::Save(_, dialog)) => (dialog, false),
            _ => return,
        };
        dialog.choosing = false;
        match chosen {
            Chosen::Files(files) if takes_several && files.len() > 1 => {
                self.state.dialog = None;
                self.engine.add(files);
            }
            Chosen::Files(files) => {
                dialog.path = files.first().map(|file| file.display().to_string()).unwrap_or_default();
            }
            Chosen::Nothing(after) => dialog.no_chooser = after < TOO_FAST,
        }
    }

    /// Draws everything. Gives what was asked for.
    fn draw(&mut self, ui: &mut Ui) -> Vec<Ask> {
        let theme = ui.ctx().theme();
        let mut scene = Scene {
            text: &self.text,
            look: Look::of(self.state.settings.scheme, theme),
            now: self.engine.now(),
            rows: &self.rows,
            raw: &self.raw,
            facts_all: Facts::of(&self.state, &self.rows, None),
            facts_selected: Facts::default(),
            state: &mut self.state,
            asks: Vec::new(),
        };
        let meant: Vec<_> = scene.state.meant(scene.rows).iter().map(|row| row.id.clone()).collect();
        scene.facts_selected = Facts::of(scene.state, scene.rows, Some(&meant));
        keys::read(ui.ctx(), &mut scene);
        parts(ui, &mut scene);
        dialog::show(ui, &mut scene);
        let asks = scene.asks;
        // Whoever could take the focus has.
        self.state.focus = None;
        asks
    }

    fn name_window(&mut self, ctx: &Context) {
        let title = self.text.fmt("window-title", &[("profile", self.engine.profile_name().into())]);
        if title != self.title {
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }

    /// Files that were dropped on the window.
    fn take_dropped(&mut self, ctx: &Context) {
        let dropped = |input: &egui::InputState| -> Vec<PathBuf> {
            input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect()
        };
        let files = ctx.input(dropped);
        if !files.is_empty() && self.state.readiness == Readiness::Ready {
            self.engine.add(files);
        }
    }

    /// Says in the footer why something was not done: a key without effect that says nothing is a riddle.
    pub(super) fn tell_id(&mut self, id: &str) {
        self.state.notice = Some((self.text.get(id), true));
    }
}

fn parts(ui: &mut Ui, scene: &mut Scene<'_>) {
    let look = scene.look;
    let surface = Frame::new().fill(look.surface);
    let padded = surface.inner_margin(Margin::symmetric(12, 0));
    Panel::top("bar").exact_size(48.0).frame(padded).show(ui, |ui| bar::show(ui, scene));
    Panel::bottom("footer")
        .exact_size(30.0)
        .frame(Frame::new().fill(look.background).inner_margin(Margin::symmetric(16, 0)))
        .show(ui, |ui| {
            footer::show(ui, scene);
        });
    if scene.state.readiness != Readiness::Ready {
        CentralPanel::default().frame(surface).show(ui, |ui| first_start::show(ui, scene));
        return;
    }
    let room = ui.available_height();
    let wanted = status_table::wanted_height(scene, ui.available_width());
    let least = status_table::HEADER + scene.state.settings.tall_row_height() * 2.0;
    Panel::top("status")
        .resizable(true)
        .default_size(wanted.min(room * 0.5))
        .size_range(least.min(room * 0.5)..=(room - 140.0).max(least))
        .frame(surface)
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            status_table::show(ui, scene);
        });
    CentralPanel::default().frame(surface.inner_margin(Margin { left: 0, right: 0, top: 0, bottom: 4 })).show(
        ui,
        |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            tabs::show(ui, scene);
        },
    );
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.take_in();
        self.name_window(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.take_dropped(ui.ctx());
        let asks = self.draw(ui);
        let asked = !asks.is_empty();
        for ask in asks {
            self.perform(ui.ctx(), ask);
        }
        if self.state.readiness == Readiness::Ready {
            self.state.queue.fetch(&mut *self.engine);
        }
        if asked {
            // What was asked for may show at once: a dialog, a tab, a switch.
            ui.ctx().request_repaint();
        }
    }
}
