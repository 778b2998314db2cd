//! What a frame of the window costs with a hundred thousand messages in the queue, without the drawing itself: layout,
//! the tree for screen readers, shapes.

#[path = "../../tests/window/fake.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "the window's tests use all of it, and are tests"
)]
mod fake;

use criterion::Criterion;
use crossbeam_channel::Sender;
use egui_kittest::Harness;
use mailsluice::desktop::App;
use mailsluice::desktop::chooser::{Choice, Chooser, Chosen};
use mailsluice::desktop::state::Settings;
use mailsluice::desktop::text::Language;
use mailsluice::spooler::Wake;

use fake::{FakeEngine, rows};

/// In the queue.
const MESSAGES: u64 = 100_000;

struct NoChooser;

impl Chooser for NoChooser {
    fn open(&self, _choice: Choice, _answer: Sender<Chosen>, _wake: Wake) {}
}

/// A frame in which nothing happens, and one in which the list goes on by a page.
pub(crate) fn frames(criterion: &mut Criterion) {
    let settings = Settings { language: Some(Language::English), ..Settings::default() };
    let mut window =
        Harness::builder().with_size(egui::vec2(1200.0, 800.0)).with_max_steps(30).build_eframe(|context| {
            let engine = FakeEngine::new(rows("busy"), MESSAGES);
            let mut app = App::new(Box::new(engine), Box::new(NoChooser), settings);
            app.attach(&context.egui_ctx);
            app
        });
    for _ in 0..5 {
        window.step();
    }
    let mut group = criterion.benchmark_group("window/frame");
    group.sample_size(50);
    group.bench_function("at rest", |bencher| bencher.iter(|| window.step()));
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Num2);
    window.step();
    let mut key = egui::Key::PageDown;
    let mut pages = 0;
    group.bench_function("a page on", |bencher| {
        bencher.iter(|| {
            pages += 1;
            // There and back again, so that it never stands at the end.
            if pages % 1000 == 0 {
                key = if key == egui::Key::PageDown { egui::Key::PageUp } else { egui::Key::PageDown };
            }
            window.key_press(key);
            window.step();
        });
    });
    group.finish();
}
