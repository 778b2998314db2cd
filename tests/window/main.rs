//! The window, driven without a display: every control is found by what a person or a screen reader calls it, and the
//! engine behind it notes what it is asked.

#![cfg(feature = "desktop")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "these are tests: what can't go on has to say so and stop"
)]

mod actions;
mod dialogs;
mod fake;
mod queue;
mod states;
mod words;

use std::cell::RefCell;
use std::rc::Rc;

use crossbeam_channel::Sender;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mailsluice::desktop::App;
use mailsluice::desktop::chooser::{Choice, Chooser, Chosen};
use mailsluice::desktop::state::Settings;
use mailsluice::desktop::text::Language;
use mailsluice::mapi::Row;
use mailsluice::spooler::Wake;

use fake::{Asked, FakeEngine};

/// A window, and the engine behind it.
struct Window {
    harness: Harness<'static, App>,
    engine: FakeEngine,
    /// Where the file chooser that is open answers.
    chooser: Opened,
}

/// The choosers that were opened, and where their answers go.
type Opened = Rc<RefCell<Vec<(Choice, Sender<Chosen>)>>>;

struct FakeChooser(Opened);

impl Chooser for FakeChooser {
    fn open(&self, choice: Choice, answer: Sender<Chosen>, _wake: Wake) {
        self.0.borrow_mut().push((choice, answer));
    }
}

/// What a window begins with.
struct Setup {
    size: (f32, f32),
    language: Language,
    messages: u64,
    readiness: mailsluice::desktop::engine::Readiness,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            size: (1200.0, 800.0),
            language: Language::English,
            messages: 43,
            readiness: mailsluice::desktop::engine::Readiness::Ready,
        }
    }
}

impl Window {
    fn open(rows: Vec<Row>) -> Self {
        Self::with(rows, Setup::default())
    }

    fn with(rows: Vec<Row>, setup: Setup) -> Self {
        let engine = FakeEngine::new(rows, setup.messages);
        engine.0.borrow_mut().readiness = setup.readiness;
        let chooser = Rc::new(RefCell::new(Vec::new()));
        let settings = Settings { language: Some(setup.language), ..Settings::default() };
        let (behind, choosing) = (engine.clone(), Rc::clone(&chooser));
        let harness = Harness::builder()
            .with_size(egui::vec2(setup.size.0, setup.size.1))
            .with_max_steps(30)
            .build_eframe(move |context| {
                let mut app = App::new(Box::new(behind), Box::new(FakeChooser(choosing)), settings);
                app.attach(&context.egui_ctx);
                app
            });
        let mut window = Self { harness, engine, chooser };
        window.settle();
        window
    }

    /// Frames until nothing changes any more.
    fn settle(&mut self) {
        self.harness.run();
        // What the last frame asked the engine for is there with the next.
        self.harness.run();
    }

    fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.settle();
    }

    fn press(&mut self, modifiers: egui::Modifiers, key: egui::Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.settle();
    }

    fn has(&self, label: &str) -> bool {
        self.harness.query_all_by_label(label).next().is_some()
    }

    fn says(&self, part: &str) -> bool {
        self.harness.query_all_by_label_contains(part).next().is_some()
    }

    fn is_enabled(&self, label: &str) -> bool {
        !self.harness.get_by_label(label).accesskit_node().is_disabled()
    }

    fn asked(&self) -> Vec<Asked> {
        self.engine.asked()
    }

    /// Clicks into a row of a list, found by a part of what it says.
    fn click_row(&mut self, part: &str) {
        let row = self
            .harness
            .query_all_by_label_contains(part)
            .find(|node| node.accesskit_node().role() == egui::accesskit::Role::Row);
        row.unwrap_or_else(|| panic!("no row says {part}")).click();
        self.settle();
    }
}
