//! Doing what a person asked for.

use egui::Context;

use super::action::{Action, Facts};
use super::app::App;
use super::chooser::Choice;
use super::dialog::{Confirm, Dialog, PathDialog};
use super::engine::Scope;
use super::first_profile;
use super::row_view::RowView;
use super::scene::Ask;
use super::state::{Pane, Tab, save_name};
use super::view::problems;
use crate::mapi::{EntryId, FlushFlags};
use crate::spool::{QueueVerb, Selection};

const BOTH: FlushFlags = FlushFlags::FLUSH_UPLOAD.union(FlushFlags::FLUSH_DOWNLOAD);

impl App {
    /// Does it. What can't be done just now says why instead.
    pub(super) fn perform(&mut self, ctx: &Context, ask: Ask) {
        match ask {
            Ask::Do(action) => self.act(action, None),
            Ask::On(action, row) => self.act(action, Some(row)),
            Ask::List(row, states) => {
                self.state.select_only(&row);
                self.state.find.clear();
                self.state.only = states;
                self.state.tab = Tab::Queue;
            }
            Ask::Confirm(verb, selection) => self.confirm(verb, selection),
            Ask::Verb(verb, selection) => self.engine.change(verb, selection),
            Ask::Answer(question, said) => self.engine.answer(question, said),
            Ask::Browse(address) => self.engine.browse(address),
            Ask::Pin(transport, certificate) => self.engine.pin(transport, certificate),
            Ask::AddFiles(files) => self.engine.add(files),
            Ask::SaveTo(envelope, path) => self.engine.save(envelope, path),
            Ask::Choose => self.choose(ctx),
            Ask::CreateProfile => {
                if let Ok(profile) = first_profile::check(&self.state.first) {
                    self.engine.create_profile(profile);
                }
            }
            Ask::Demo => self.engine.start_demo(),
            Ask::Settings => self.apply_settings(ctx),
            Ask::Autostart(on) => self.engine.set_autostart(on),
            Ask::Leave(way, remember) => self.leave(ctx, way, remember),
        }
    }

    fn choose(&mut self, ctx: &Context) {
        let choice = match &self.state.dialog {
            Some(Dialog::Save(envelope, _)) => Choice::SaveAs(format!("message-{envelope}.eml")),
            _ => Choice::Messages,
        };
        self.chooser.open(choice, self.chosen.0.clone(), Self::wake(ctx));
    }

    /// Which transports an action means.
    fn scope(&self, target: Option<EntryId>) -> Scope {
        let is_spooler = |id: &EntryId| self.rows.iter().any(|row| row.is_spooler() && row.id == *id);
        match target {
            Some(id) if is_spooler(&id) => Scope::All,
            Some(id) => Scope::These(vec![id]),
            None if self.state.selected.iter().any(is_spooler) => Scope::All,
            None => Scope::These(self.state.meant(&self.rows).iter().map(|row| row.id.clone()).collect()),
        }
    }

    fn act(&mut self, action: Action, target: Option<EntryId>) {
        let for_all = matches!(
            action,
            Action::FlushAll
                | Action::SendAll
                | Action::ReceiveAll
                | Action::CancelAll
                | Action::Offline
                | Action::Settle
        );
        let scope = if for_all { Scope::All } else { self.scope(target.clone()) };
        let meant = if let Scope::These(ids) = &scope { Some(ids.as_slice()) } else { None };
        if let Some(why) = Facts::of(&self.state, &self.rows, meant).why_not(action) {
            // A key without effect that says nothing is a riddle.
            self.tell_id(why);
            return;
        }
        match action {
            Action::FlushAll | Action::FlushSelected => self.flush(&scope, BOTH),
            Action::SendAll | Action::SendSelected => self.flush(&scope, FlushFlags::FLUSH_UPLOAD),
            Action::ReceiveAll | Action::ReceiveSelected => self.flush(&scope, FlushFlags::FLUSH_DOWNLOAD),
            Action::Prompt => self.prompt(&scope),
            Action::Settle => self.settle_in_a_row(),
            Action::CancelAll | Action::CancelSelected => self.engine.cancel(&scope),
            Action::NoUi => {
                self.state.no_ui = !self.state.no_ui;
                self.engine.set_no_ui(self.state.no_ui);
            }
            Action::Offline => {
                let offline = self.rows.iter().any(|row| row.is_spooler() && row.offline);
                self.engine.work_offline(!offline);
            }
            Action::Password | Action::Certificate | Action::SignIn => self.ask_question(&scope),
            Action::RowSettings => {
                self.state.inspected = target.or_else(|| self.state.cursor.clone());
                self.state.tab = Tab::Properties;
            }
            other => self.act_on_window_or_queue(other),
        }
    }

    fn act_on_window_or_queue(&mut self, action: Action) {
        match action {
            Action::Find => {
                self.state.tab = Tab::Queue;
                self.state.focus_find = true;
            }
            Action::FocusStatus => self.state.focus = Some(Pane::Status),
            Action::FocusQueue => {
                self.state.tab = Tab::Queue;
                self.state.focus = Some(Pane::Tab);
            }
            Action::NextPane => self.state.focus = Some(self.state.pane.next()),
            Action::Add => self.state.dialog = Some(Dialog::Add(PathDialog::default())),
            Action::Save => self.open_save(),
            Action::Settings => self.state.dialog = Some(Dialog::Settings),
            Action::Help => self.state.dialog = Some(Dialog::Help),
            Action::Quit => self.quit(),
            Action::Hold => self.change(QueueVerb::Hold),
            Action::Release => self.change(QueueVerb::Release),
            // What may have arrived is not sent twice without a word.
            Action::Retry if self.state.queue.picked_in_doubt() => {
                self.confirm(QueueVerb::Retry, self.state.queue.selection());
            }
            Action::Retry => self.change(QueueVerb::Retry),
            Action::TreatAsSent => self.change(QueueVerb::TreatAsSent),
            Action::Delete => self.confirm(QueueVerb::Delete, self.state.queue.selection()),
            Action::Reroute => {
                let queue = &self.state.queue;
                self.state.dialog = Some(Dialog::Reroute(queue.selection(), queue.picked_count()));
            }
            Action::SelectAll => self.state.queue.pick_all(),
            _ => {}
        }
    }

    fn flush(&mut self, scope: &Scope, directions: FlushFlags) {
        let manner = if self.state.no_ui { FlushFlags::FLUSH_NO_UI } else { FlushFlags::empty() };
        self.state.notice = None;
        self.engine.flush(scope, directions | manner);
        let watches = matches!(self.state.tab, Tab::Queue | Tab::Progress);
        if !self.state.no_ui && watches && matches!(scope, Scope::All) {
            self.state.tab = Tab::Progress;
        }
    }

    fn change(&mut self, verb: QueueVerb) {
        let selection = self.state.queue.selection();
        self.engine.change(verb, selection);
    }

    fn confirm(&mut self, verb: QueueVerb, selection: Selection) {
        let count = match &selection {
            Selection::Ids(ids) => ids.len() as u64,
            Selection::Where(filter) if filter == self.state.queue.filter() => self.state.queue.picked_count(),
            Selection::Where(filter) => {
                let named = |name: &String| filter.transports.contains(name);
                let rows = self.rows.iter().filter(|row| row.is_transport() && named(&row.transport));
                rows.filter_map(|row| row.counts.in_doubt).sum()
            }
        };
        self.state.dialog = Some(Dialog::Confirm(Confirm { verb, selection, count }));
    }

    fn open_save(&mut self) {
        if let Some(envelope) = self.state.queue.only_picked() {
            let path = save_name(envelope).display().to_string();
            self.state.dialog = Some(Dialog::Save(envelope, PathDialog { path, ..PathDialog::default() }));
        }
    }

    /// Puts what is asked already, and has the transports that would ask run so that they do: each question opens when the
    /// one before it is answered, also with No UI on, for this is what it leaves to be done by hand.
    fn settle_in_a_row(&mut self) {
        let mut would_ask = Vec::new();
        for row in &self.rows {
            if let Some(asked) = &row.question {
                self.state.want(row.transport.clone(), asked.clone());
            } else if row.running.is_none() && problems::can_be_settled(row) {
                would_ask.push(row.id.clone());
            }
        }
        if !would_ask.is_empty() {
            self.prompt(&Scope::These(would_ask));
        }
    }

    /// Has these run so that they ask, also with No UI on.
    fn prompt(&mut self, scope: &Scope) {
        let ticket = self.engine.flush(scope, BOTH);
        let is_meant = |row: &&RowView| row.is_transport() && scope.contains(&row.id);
        let names = self.rows.iter().filter(is_meant).map(|row| (row.transport.clone(), ticket));
        self.state.settling.extend(names);
    }

    /// Opens the question of the first row that is meant and asks one.
    fn ask_question(&mut self, scope: &Scope) {
        let asking = self.rows.iter().filter(|row| scope.contains(&row.id)).find_map(|row| {
            let asked = row.question.clone()?;
            Some((row.transport.clone(), asked))
        });
        if let Some((transport, asked)) = asking {
            self.state.questions.retain(|waiting| waiting.question() != Some(asked.number));
            self.state.wanted.insert(asked.number);
            self.state.dialog = Some(Dialog::asking(transport, asked));
        }
    }
}
