//! The system's file chooser, on a thread of its own: the window stays live while it is open. Behind a trait, so that
//! tests need none.
//!
//! Where there is neither a portal nor `zenity`, the answer comes at once and is none, as if the person had cancelled.
//! [`Chosen::Nothing`] says how long it took, so that the two can be told apart; the dialogs have a field to type
//! into in any case.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use crate::spooler::Wake;

/// What to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Message files, several.
    Messages,
    /// A file to be written, with this name to begin with.
    SaveAs(String),
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// These.
    Files(Vec<PathBuf>),
    /// Nothing, after this long.
    Nothing(Duration),
}

/// Nobody cancels a dialog faster than this: there was none.
pub const TOO_FAST: Duration = Duration::from_millis(250);

/// Opens file choosers.
pub trait Chooser {
    /// Opens one. The answer goes into the channel, and the window is woken.
    fn open(&self, choice: Choice, answer: Sender<Chosen>, wake: Wake);
}

/// The system's.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemChooser;

impl Chooser for SystemChooser {
    fn open(&self, choice: Choice, answer: Sender<Chosen>, wake: Wake) {
        let ask = move || {
            let began = Instant::now();
            let chosen = match choice {
                Choice::Messages => rfd::FileDialog::new().add_filter("Mail", &["eml"]).pick_files(),
                Choice::SaveAs(name) => rfd::FileDialog::new().set_file_name(name).save_file().map(|file| vec![file]),
            };
            // A window that is gone needs no answer.
            answer.send(chosen.map_or_else(|| Chosen::Nothing(began.elapsed()), Chosen::Files)).ok();
            wake();
        };
        if let Err(error) = std::thread::Builder::new().name("chooser".to_owned()).spawn(ask) {
            tracing::error!(%error, "no thread for the file chooser");
        }
    }
}
