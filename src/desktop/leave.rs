//! The way out: what is asked before the program ends with mail that has not left, and what follows from the answer.
//!
//! Where a tray shows the program, closing the window ends nothing and asks nothing. Where none does, a closed window
//! would be the end of the schedule, which is asked once. A profile with `on_exit` sends anyway, and is not asked about.
//! A session that ends asks nobody: it has no patience, and what has not left is on disk.

use egui::{Context, ViewportCommand};

use super::app::App;
use super::dialog::{Dialog, QuitDialog};
use super::engine::{FlushTicket, ListTicket, Scope};
use super::host::Leave;
use super::scene::Way;
use super::state::{Closing, Leaving};
use crate::mapi::{FlushFlags, QueueState};
use crate::spool::{Filter, ListQuery};

impl App {
    /// Ends the program, unless there is something to ask first.
    pub(super) fn quit(&mut self) {
        if self.has_mail_to_ask_about() {
            self.ask_to_quit(QuitDialog::default());
        } else {
            self.engine.quit(Leave::AsConfigured);
        }
    }

    /// The window is to be closed, and no tray would show the program without it. Gives whether it may.
    pub(super) fn may_close(&mut self, ctx: &Context) -> bool {
        let closing = self.state.settings.closing;
        if closing == Some(Closing::Keep) {
            ctx.send_viewport_cmd(ViewportCommand::Minimized(true));
            return false;
        }
        let asks = self.state.not_ready().is_none() && (closing.is_none() || self.has_mail_to_ask_about());
        if asks {
            self.ask_to_quit(QuitDialog { by_closing: true, ..QuitDialog::default() });
            ctx.send_viewport_cmd(ViewportCommand::Minimized(false));
        }
        !asks
    }

    /// Does what a person answered.
    pub(super) fn leave(&mut self, ctx: &Context, way: Way, remember: bool) {
        let closing = match way {
            Way::Keep => Some(Closing::Keep),
            Way::Now if remember => Some(Closing::Quit),
            Way::Now | Way::SendFirst => self.state.settings.closing,
        };
        if closing != self.state.settings.closing {
            self.state.settings.closing = closing;
            self.apply_settings(ctx);
        }
        match way {
            Way::Keep => ctx.send_viewport_cmd(ViewportCommand::Minimized(true)),
            Way::Now => self.engine.quit(Leave::Now),
            Way::SendFirst => {
                let manner = if self.state.no_ui { FlushFlags::FLUSH_NO_UI } else { FlushFlags::empty() };
                let ticket = self.engine.flush(&Scope::All, FlushFlags::FLUSH_UPLOAD | manner);
                self.state.leaving = Some(Leaving::Flushing(ticket));
            }
        }
    }

    /// A flush is through, or was refused: perhaps what was to be sent first.
    pub(super) fn flushed(&mut self, ticket: FlushTicket) {
        if self.state.leaving == Some(Leaving::Flushing(ticket)) {
            self.state.leaving = Some(Leaving::Flushed);
        }
    }

    /// Goes on once nothing runs any more. What is left is counted anew: rows may be a moment behind.
    pub(super) fn mind_the_leaving(&mut self) {
        let running = self.rows.iter().any(|row| row.is_transport() && row.running.is_some());
        if self.state.leaving == Some(Leaving::Flushed) && !running {
            let states = vec![QueueState::Queued, QueueState::InFlight];
            let filter = Filter { states, ..Filter::default() };
            let ticket = self.engine.list(ListQuery { filter, limit: 1, ..ListQuery::default() });
            self.state.leaving = Some(Leaving::Counting(ticket));
        }
    }

    /// What is left was counted. Gives whether that was what this page is about.
    pub(super) fn counted(&mut self, ticket: ListTicket, left: u64) -> bool {
        if self.state.leaving != Some(Leaving::Counting(ticket)) {
            return false;
        }
        self.state.leaving = None;
        if left == 0 {
            self.engine.quit(Leave::Finish);
        } else {
            self.ask_to_quit(QuitDialog { tried: true, ..QuitDialog::default() });
        }
        true
    }

    fn ask_to_quit(&mut self, dialog: QuitDialog) {
        self.state.leaving = None;
        if matches!(self.state.dialog, Some(Dialog::Quit(_))) {
            return;
        }
        // A question that was open comes again after this one.
        let open = self.state.dialog.replace(Dialog::Quit(dialog));
        if let Some(asked) = open.filter(|open| open.question().is_some()) {
            self.state.questions.push_front(asked);
        }
    }

    fn has_mail_to_ask_about(&self) -> bool {
        let waits = |row: &super::row_view::RowView| row.running.is_some() || row.counts.to_send.unwrap_or(0) > 0;
        !self.engine.sends_on_exit() && self.rows.iter().any(|row| row.is_transport() && waits(row))
    }
}
