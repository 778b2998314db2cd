//! What a status row says to a person: an icon, a sentence, a second line, counts. Made of the row's columns alone, and
//! never of its `PR_STATUS_STRING`, which is English and for `status --json`.

use std::sync::Arc;

use super::action::Action;
use super::icon::{self, Icon};
use super::text::{Text, count};
use super::view::problems;
use crate::mapi::tag::{
    PR_DISPLAY_NAME, PR_PROVIDER_DISPLAY, PR_RESOURCE_PATH, PR_RESOURCE_TYPE, PR_SLUICE_ASKED, PR_SLUICE_BYTES,
    PR_SLUICE_DEFERRED, PR_SLUICE_DONE, PR_SLUICE_DONE_BYTES, PR_SLUICE_FAILED, PR_SLUICE_HELD,
    PR_SLUICE_HONOURS_NO_UI, PR_SLUICE_IN_DOUBT, PR_SLUICE_IN_FLIGHT, PR_SLUICE_LAST_FAILURE, PR_SLUICE_LAST_RUN,
    PR_SLUICE_NEXT_RUN, PR_SLUICE_NEXT_TRY, PR_SLUICE_QUESTION, PR_SLUICE_QUEUED, PR_SLUICE_RATE,
    PR_SLUICE_SKIPS_NO_UI, PR_SLUICE_STAGE, PR_SLUICE_TIME_LEFT, PR_SLUICE_TOTAL, PR_SLUICE_TOTAL_BYTES,
    PR_SLUICE_WAITING, PR_SLUICE_WAITING_AS_OF, PR_SLUICE_WAITING_BYTES, PR_STATUS_CODE,
};
use crate::mapi::{Class, Direction, EntryId, Failure, PropTag, ResourceType, Row, StatusCode};
use crate::session;
use crate::spool::Seconds;
use crate::spooler::core::rows;
use crate::transport::Question;

/// How much a row wants to be looked at. Its colour; never told by the colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Not at all.
    #[default]
    Quiet,
    /// It is at work.
    Active,
    /// All is well.
    Good,
    /// Some time.
    Warning,
    /// It needs a hand.
    Danger,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Running {
    /// Which way mail goes just now; `None`: before and after.
    pub direction: Option<Direction>,
    /// What it does just now.
    pub stage: Option<String>,
    /// A server waits for it, or it for a server.
    pub is_on_the_line: bool,
    /// Messages done.
    pub done: u64,
    /// Messages in all, if known.
    pub total: Option<u64>,
    /// Bytes acknowledged.
    pub bytes: u64,
    /// Bytes in all, if known.
    pub total_bytes: Option<u64>,
    /// Bytes a second.
    pub rate: Option<u64>,
    /// Seconds left.
    pub time_left: Option<Seconds>,
    /// It was told to stop at the next message.
    pub stopping: bool,
}

impl Running {
    /// How much of it is done, from 0 to 1: by bytes where they are known, since messages differ.
    #[expect(clippy::cast_possible_truncation, reason = "a share of a bar")]
    pub fn fraction(&self) -> Option<f32> {
        let share = |done: u64, total: u64| (total > 0).then(|| (done as f64 / total as f64).min(1.0) as f32);
        let by_bytes = self.total_bytes.and_then(|total| share(self.bytes, total));
        by_bytes.or_else(|| self.total.and_then(|total| share(self.done, total)))
    }
}

/// The counts of a row; `None` where the row has no such queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Go out with the next run, or are going.
    pub to_send: Option<u64>,
    /// Put off.
    pub deferred: Option<u64>,
    /// Held by the user.
    pub held: Option<u64>,
    /// Refused for good.
    pub failed: Option<u64>,
    /// May or may not have arrived.
    pub in_doubt: Option<u64>,
    /// On the server.
    pub waiting: Option<u64>,
    /// Bytes still to go.
    pub bytes: u64,
    /// Bytes on the server.
    pub waiting_bytes: u64,
    /// When the server was asked.
    pub waiting_as_of: Option<Seconds>,
}

/// A question that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its number, for the answer.
    pub number: u64,
    /// What is asked.
    pub question: Question,
}

impl Asked {
    /// What a person does about it.
    pub(crate) const fn action(&self) -> Action {
        match self.question {
            Question::Password { .. } => Action::Password,
            Question::Certificate(_) => Action::Certificate,
            Question::Consent(_) => Action::SignIn,
        }
    }

    /// What is so, and what to do.
    pub(crate) fn words(&self, text: &Text) -> (String, String) {
        let (what, then) = match self.question {
            Question::Password { .. } => ("st-needs-password", "st-needs-password-detail"),
            Question::Certificate(_) => ("st-needs-certificate", "st-needs-certificate-detail"),
            Question::Consent(_) => ("st-needs-consent", "st-needs-consent-detail"),
        };
        (text.get(what), text.get(then))
    }
}

/// A row of the status table, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct RowView {
    /// Which row.
    pub id: EntryId,
    /// What it is.
    pub kind: ResourceType,
    /// Its name, as shown.
    pub name: String,
    /// Its name in the profile: what filters and envelopes call it.
    pub transport: String,
    /// The kind of provider.
    pub provider: String,
    /// Where it leads.
    pub path: String,
    /// How much it wants to be looked at.
    pub tone: Tone,
    /// The drawn state.
    pub icon: Icon,
    /// The state in a sentence.
    pub headline: String,
    /// What to do about it, or since when; possibly empty.
    pub detail: String,
    /// How far it is, while it runs.
    pub running: Option<Running>,
    /// Its counts.
    pub counts: Counts,
    /// It can send.
    pub sends: bool,
    /// It can receive.
    pub receives: bool,
    /// It works offline.
    pub offline: bool,
    /// Why No UI is not kept by it, as the names of a word and of its tip; `None`: it shows nothing of its own, whatever
    /// happens.
    pub no_ui_sign: Option<(&'static str, &'static str)>,
    /// The question that waits for a person.
    pub question: Option<Asked>,
    /// What ended its last run before its time.
    pub failure: Option<Failure>,
    /// When its last run ended.
    pub last_run: Option<Seconds>,
    /// When the schedule runs it next.
    pub next_run: Option<Seconds>,
    /// When the first of what was put off is due.
    pub next_try: Option<Seconds>,
}

impl RowView {
    /// The rows that the table shows, the spooler's first. The subsystem's and the address book's are left to the
    /// properties: nothing ever happens to them.
    pub fn all(rows: &[Arc<Row>], text: &Text, now: Seconds) -> Vec<Self> {
        let mut views: Vec<Self> = rows.iter().filter_map(|row| Self::plain(row)).collect();
        views.retain(|view| view.is_transport() || view.is_spooler());
        views.sort_by_key(|view| !view.is_spooler());
        let at_work = views.iter().filter(|view| view.is_transport() && view.running.is_some()).count();
        let troubled = views.iter().map(Self::needs).sum();
        for view in &mut views {
            if view.is_spooler() {
                super::sentence::speak_for_all(view, text, now, at_work, troubled);
            } else {
                super::sentence::speak(view, text, now);
            }
        }
        views
    }

    /// It is a transport's.
    pub fn is_transport(&self) -> bool {
        self.kind == ResourceType::MAPI_TRANSPORT_PROVIDER
    }

    /// It is the spooler's.
    pub fn is_spooler(&self) -> bool {
        self.kind == ResourceType::MAPI_SPOOLER
    }

    /// How many of its problems don't pass by waiting.
    pub fn needs(&self) -> usize {
        problems::of(self).iter().filter(|problem| problem.needs_person()).count()
    }

    /// Why the last run ended before its time, unless a person ended it.
    pub fn trouble(&self) -> Option<&Failure> {
        self.failure.as_ref().filter(|failure| failure.class != Class::Cancelled)
    }

    /// The row as one sentence, for screen readers.
    pub fn spoken(&self, text: &Text) -> String {
        let counts = &self.counts;
        let said = [
            ("a11y-count-to-send", counts.to_send),
            ("a11y-count-deferred", counts.deferred),
            ("a11y-count-held", counts.held),
            ("a11y-count-failed", counts.failed.map(|failed| failed + counts.in_doubt.unwrap_or(0))),
            ("a11y-count-waiting", counts.waiting),
        ];
        let said = said.into_iter().filter_map(|(id, number)| {
            number.filter(|number| *number > 0).map(|number| text.fmt(id, &[("n", count(number))]))
        });
        let mut said: Vec<String> = said.collect();
        if said.is_empty() {
            said.push(text.get("st-nothing"));
        }
        let mut status = self.headline.clone();
        if !self.detail.is_empty() {
            status = format!("{status}. {}", self.detail);
        }
        if let Some((sign, _)) = self.no_ui_sign {
            status = format!("{status}. {}", text.get(sign));
        }
        text.fmt(
            "a11y-row",
            &[
                ("name", self.name.as_str().into()),
                ("provider", self.provider.as_str().into()),
                ("status", status.into()),
                ("counts", said.join(", ").into()),
            ],
        )
    }

    /// The row's facts, not yet in words.
    fn plain(row: &Row) -> Option<Self> {
        let id = row.entry_id()?;
        let kind = row.number(PR_RESOURCE_TYPE).and_then(|code| ResourceType::from_code(i32::try_from(code).ok()?))?;
        let owned = |tag| row.text(tag).unwrap_or_default().to_owned();
        let failure = row.text(PR_SLUICE_LAST_FAILURE).and_then(|json| serde_json::from_str(json).ok());
        Some(Self {
            id,
            kind,
            name: owned(PR_DISPLAY_NAME),
            transport: owned(PR_DISPLAY_NAME),
            provider: owned(PR_PROVIDER_DISPLAY),
            path: owned(PR_RESOURCE_PATH),
            tone: Tone::Quiet,
            icon: icon::IDLE,
            headline: String::new(),
            detail: String::new(),
            running: running(row),
            counts: counts(row),
            sends: rows::goes(row, Direction::Outgoing),
            receives: rows::goes(row, Direction::Incoming),
            offline: code(row).contains(StatusCode::STATUS_OFFLINE),
            no_ui_sign: no_ui_sign(row),
            question: asked(row),
            failure,
            last_run: row.number(PR_SLUICE_LAST_RUN),
            next_run: row.number(PR_SLUICE_NEXT_RUN),
            next_try: row.number(PR_SLUICE_NEXT_TRY),
        })
    }
}

fn no_ui_sign(row: &Row) -> Option<(&'static str, &'static str)> {
    if row.switch(PR_SLUICE_SKIPS_NO_UI) == Some(true) {
        return Some(("left-out-no-ui", "left-out-no-ui-tip"));
    }
    (row.switch(PR_SLUICE_HONOURS_NO_UI) == Some(false)).then_some(("ignores-no-ui", "ignores-no-ui-tip"))
}

fn asked(row: &Row) -> Option<Asked> {
    let number = row.number(PR_SLUICE_QUESTION)?.cast_unsigned();
    let question = serde_json::from_str(row.text(PR_SLUICE_ASKED)?).ok()?;
    Some(Asked { number, question })
}

fn code(row: &Row) -> StatusCode {
    StatusCode::from_bits_retain(row.bits(PR_STATUS_CODE))
}

fn amount(row: &Row, tag: PropTag) -> Option<u64> {
    row.number(tag).and_then(|number| u64::try_from(number).ok())
}

fn counts(row: &Row) -> Counts {
    let queued = amount(row, PR_SLUICE_QUEUED);
    let in_flight = amount(row, PR_SLUICE_IN_FLIGHT);
    Counts {
        to_send: queued.map(|queued| queued + in_flight.unwrap_or(0)).or(in_flight),
        deferred: amount(row, PR_SLUICE_DEFERRED),
        held: amount(row, PR_SLUICE_HELD),
        failed: amount(row, PR_SLUICE_FAILED),
        in_doubt: amount(row, PR_SLUICE_IN_DOUBT),
        waiting: amount(row, PR_SLUICE_WAITING),
        bytes: amount(row, PR_SLUICE_BYTES).unwrap_or(0),
        waiting_bytes: amount(row, PR_SLUICE_WAITING_BYTES).unwrap_or(0),
        waiting_as_of: row.number(PR_SLUICE_WAITING_AS_OF),
    }
}

/// A run shows in a FLUSH bit while a direction is drained, and in a stage before, between and after.
fn running(row: &Row) -> Option<Running> {
    let code = code(row);
    let direction = code.under_way();
    let stage = row.text(PR_SLUICE_STAGE).map(ToOwned::to_owned);
    if direction.is_none() && stage.is_none() {
        return None;
    }
    Some(Running {
        direction,
        is_on_the_line: session::is_on_the_line(row),
        stage,
        done: amount(row, PR_SLUICE_DONE).unwrap_or(0),
        total: amount(row, PR_SLUICE_TOTAL).filter(|total| *total > 0),
        bytes: amount(row, PR_SLUICE_DONE_BYTES).unwrap_or(0),
        total_bytes: amount(row, PR_SLUICE_TOTAL_BYTES).filter(|total| *total > 0),
        rate: amount(row, PR_SLUICE_RATE).filter(|rate| *rate > 0),
        time_left: row.number(PR_SLUICE_TIME_LEFT),
        stopping: code.drained().is_none() && direction.is_some(),
    })
}
