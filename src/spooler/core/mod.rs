//! The spooler's decisions: one function, [`Core::handle`], from what happened to what is to be done.
//!
//! No clock, disk, socket, thread or chance is in here; the loop (`spooler/run.rs`) has those. So a whole day of
//! a spooler can be replayed in a test in microseconds. `flush` admits, starts and ends flushes; `report` minds what
//! transports say; `outcome` turns outcomes into states; `rows` makes the status table; `timing` minds deadlines, `schedule` the
//! profile's.

pub mod backoff;
mod flush;
pub mod input;
mod outcome;
mod report;
pub mod routing;
pub mod rows;
mod schedule;
pub mod state;
mod timing;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::mapi::{EntryId, Failure, MapiResult, ResourceType, Row, ValidateFlags};
use crate::profile::{self, InDoubtPolicy};
use crate::spool::LastRun;
use crate::transport::{Answer, Question, Severity, Ticket};

use super::protocol::{Command, Event, PlainSecret, Reply, Said};
pub use input::{Effect, InFlight, Input, Now, RequestKey};
pub use routing::Router;
use schedule::{Occasion, Schedule};
pub use state::Facts;
use state::{Group, TransportState};

/// What the core needs to know of the profile.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The transports that were logged on, in transport order.
    pub transports: Vec<Facts>,
    /// Who takes which recipient.
    pub router: Router,
    /// What becomes of envelopes in doubt.
    pub in_doubt: InDoubtPolicy,
    /// When to flush by itself.
    pub schedule: profile::Schedule,
    /// Where the clock on the wall is, for quiet hours; `None`: at Greenwich.
    pub zone: Option<jiff::tz::TimeZone>,
    /// This spooler lives long enough to keep the schedule and to retry by itself (a window's, not a command's).
    pub keeps_time: bool,
    /// How the last run of each transport ended, in whatever process.
    pub last_runs: BTreeMap<String, LastRun>,
    /// What of the spooler itself does not work.
    pub trouble: Option<Failure>,
    /// Makes the numbers of runs unlike those of every other process: milliseconds since the Unix epoch.
    pub first_run: i64,
}

/// The spooler's memory and judgement.
#[derive(Debug)]
pub struct Core {
    transports: Vec<TransportState>,
    router: Router,
    in_doubt: InDoubtPolicy,
    schedule: Schedule,
    keeps_time: bool,
    offline: bool,
    groups: Vec<Group>,
    numbers: u64,
    runs: i64,
    validations: BTreeMap<u64, Validation>,
    shutdown: Option<Shutdown>,
    stopped: bool,
    published: Option<Row>,
    trouble: Option<Failure>,
}

/// The spooler is to end.
#[derive(Debug, Clone, Copy)]
struct Shutdown {
    request: RequestKey,
    /// Who was cancelled and does not let go by then is left behind. `None`: everyone may finish.
    at_latest: Option<Duration>,
}

/// A `ValidateState` request over one or more transports.
#[derive(Debug)]
struct Validation {
    request: RequestKey,
    open: usize,
    found: Vec<(String, MapiResult, String)>,
}

impl Core {
    /// A core with its transports logged on.
    pub fn new(mut settings: Settings) -> Self {
        let schedule = Schedule::new(&settings.schedule, &settings.transports, settings.zone);
        let mut log_on = |facts: Facts| {
            let last = settings.last_runs.remove(&facts.name).unwrap_or_default();
            TransportState::new(facts, last)
        };
        Self {
            transports: std::mem::take(&mut settings.transports).into_iter().map(&mut log_on).collect(),
            router: settings.router,
            in_doubt: settings.in_doubt,
            schedule,
            keeps_time: settings.keeps_time,
            offline: false,
            groups: Vec::new(),
            numbers: 0,
            runs: settings.first_run,
            validations: BTreeMap::new(),
            shutdown: None,
            stopped: false,
            published: None,
            trouble: settings.trouble,
        }
    }

    /// Takes one thing that happened, gives what is to be done about it.
    pub fn handle(&mut self, input: Input, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Started => self.started(now, &mut effects),
            Input::Request(request, command) => self.request(request, command, now, &mut effects),
            Input::Report(report) => self.report(report, now, &mut effects),
            Input::Tick => self.tick(now, &mut effects),
            Input::Claimed { transport, envelopes } => self.claimed(&transport, envelopes, now, &mut effects),
            Input::Changed { request, envelopes } => {
                for transport in &mut self.transports {
                    transport.queue_changed = true;
                }
                effects.push(Effect::Reply(request, Reply::Changed(envelopes)));
            }
            Input::Counted { counts, next_due } => self.counted(&counts, &next_due),
        }
        self.start_what_can(now, &mut effects);
        self.stop_if_done(now, &mut effects);
        effects
    }

    fn request(&mut self, request: RequestKey, command: Command, now: Now, effects: &mut Vec<Effect>) {
        // While it finishes what runs, it is still there for others: they can't do the work themselves before it ends.
        if self.stopped {
            effects.push(Effect::Reply(request, super::line::gone()));
            return;
        }
        match command {
            Command::FlushQueues { object, target, flags, by_hand } => {
                self.flush_queues(request, &object, target.as_ref(), (flags, by_hand), effects);
            }
            Command::EndFlush { transport } => {
                self.end_flush(transport.as_ref(), effects);
                effects.push(Effect::Reply(request, Reply::Done));
            }
            Command::Cancel { transport } => {
                self.cancel(transport.as_ref(), effects);
                effects.push(Effect::Reply(request, Reply::Done));
            }
            Command::ValidateState { object, flags } => self.validate(request, &object, flags, effects),
            Command::WorkOffline(offline) => {
                self.work_offline(offline, effects);
                effects.push(Effect::Reply(request, Reply::Done));
            }
            Command::AnswerQuestion { question, said } => {
                let known = self.answer(Ticket(question), said, effects);
                effects.push(Effect::Reply(request, known));
            }
            Command::Queue { verb, selection } => effects.push(Effect::Change { request, verb, selection }),
            Command::Submitted => {
                for transport in &mut self.transports {
                    transport.queue_changed = true;
                }
                effects.push(Effect::Reply(request, Reply::Done));
            }
            Command::Network(network) => {
                self.network(network, now, effects);
                effects.push(Effect::Reply(request, Reply::Done));
            }
            Command::Resumed => {
                self.resumed(now, effects);
                effects.push(Effect::Reply(request, Reply::Done));
            }
            Command::Shutdown { finish } => self.begin_shutdown(request, finish, now, effects),
            Command::List(_) | Command::Show(_) => {
                let refusal = Reply::Refused(MapiResult::CallFailed, "lists are read elsewhere".to_owned());
                effects.push(Effect::Reply(request, refusal));
            }
        }
    }

    /// The index of the transport an entry identifier names.
    fn transport_at(&self, id: &EntryId) -> Result<usize, MapiResult> {
        match id.parse()? {
            (ResourceType::MAPI_TRANSPORT_PROVIDER, name) => self.index_of(name).ok_or(MapiResult::NotFound),
            _ => Err(MapiResult::NotFound),
        }
    }

    fn index_of(&self, name: &str) -> Option<usize> {
        self.transports.iter().position(|transport| transport.facts.name == name)
    }

    /// Which transports a request without or with a name means.
    fn meant(&self, transport: Option<&EntryId>) -> Vec<usize> {
        match transport {
            Some(id) => self.transport_at(id).into_iter().collect(),
            None => (0..self.transports.len()).collect(),
        }
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn work_offline(&mut self, offline: bool, effects: &mut Vec<Effect>) {
        self.offline = offline;
        if offline {
            self.cancel(None, effects);
        }
        if self.keeps_time {
            effects.push(Effect::Watch(!offline));
        }
        for transport in &mut self.transports {
            transport.dirty = true;
        }
        let text = if offline { "Working offline" } else { "Working online" };
        effects.push(Effect::Log(Severity::Info, None, text.to_owned()));
    }

    fn answer(&mut self, ticket: Ticket, said: Option<Said>, effects: &mut Vec<Effect>) -> Reply {
        let waiting = self
            .transports
            .iter_mut()
            .find(|transport| transport.question.as_ref().is_some_and(|(waiting, _)| *waiting == ticket));
        let Some(transport) = waiting else {
            return Reply::Refused(MapiResult::NotFound, "nobody waits for this answer".to_owned());
        };
        let answer = match (transport.question.as_ref().map(|(_, question)| question), said) {
            (Some(Question::Password { .. } | Question::Consent(_)), Some(Said::Secret(PlainSecret(secret)))) => {
                Answer::Secret(secret.into())
            }
            (Some(Question::Certificate(_)), Some(Said::Trust)) => Answer::Done,
            (Some(question), None) => Answer::Refused(question.unanswered()),
            _ => {
                let why = "that is no answer to this question".to_owned();
                return Reply::Refused(MapiResult::InvalidParameter, why);
            }
        };
        transport.question = None;
        transport.dirty = true;
        effects.push(Effect::Answer(ticket, answer));
        effects.push(Effect::Emit(Event::QuestionGone(ticket.0)));
        Reply::Done
    }

    fn validate(&mut self, request: RequestKey, object: &EntryId, flags: ValidateFlags, effects: &mut Vec<Effect>) {
        let refuse = |result: MapiResult| Effect::Reply(request, Reply::Validated(result, String::new()));
        if !ValidateFlags::all().contains(flags) {
            effects.push(refuse(MapiResult::UnknownFlags));
            return;
        }
        let targets = match object.parse() {
            Ok((ResourceType::MAPI_SPOOLER, _)) => (0..self.transports.len()).collect(),
            Ok((ResourceType::MAPI_SUBSYSTEM | ResourceType::MAPI_AB, _)) => Vec::new(),
            Ok((ResourceType::MAPI_TRANSPORT_PROVIDER, name)) => match self.index_of(name) {
                Some(index) => vec![index],
                None => return effects.push(refuse(MapiResult::UnknownEntryId)),
            },
            Ok(_) => return effects.push(refuse(MapiResult::NoSupport)),
            Err(result) => return effects.push(refuse(result)),
        };
        let number = self.number();
        let mut validation = Validation { request, open: 0, found: Vec::new() };
        for index in targets {
            let ticket = Ticket(u64::MAX - self.number());
            let Some(transport) = self.transports.get_mut(index) else { continue };
            let name = transport.facts.name.clone();
            if transport.run.is_some() || transport.validating.is_some() {
                validation.found.push((name, MapiResult::Busy, "busy".to_owned()));
                continue;
            }
            if flags.contains(ValidateFlags::CONFIG_CHANGED) {
                transport.last_failure.clone_from(&transport.facts.unusable);
                transport.dirty = true;
            }
            transport.validating = Some((ticket, number));
            validation.open += 1;
            let interactive = !flags.contains(ValidateFlags::SUPPRESS_UI);
            effects.push(Effect::Validate { transport: name, ticket, interactive });
        }
        self.validations.insert(number, validation);
        self.end_validation(number, effects);
    }

    fn end_validation(&mut self, number: u64, effects: &mut Vec<Effect>) {
        if self.validations.get(&number).is_none_or(|validation| validation.open > 0) {
            return;
        }
        if let Some(validation) = self.validations.remove(&number) {
            let result = MapiResult::worst(validation.found.iter().map(|(_, result, _)| *result));
            let lines = validation.found.into_iter().map(|(name, _, text)| format!("{name}: {text}"));
            let text = lines.collect::<Vec<_>>().join("\n");
            effects.push(Effect::Reply(validation.request, Reply::Validated(result, text)));
        }
    }
}
