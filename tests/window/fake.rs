//! An engine without a house behind it: it shows the rows it is given, makes up any number of messages, and notes
//! what it is asked.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use mailsluice::desktop::engine::{Engine, FlushTicket, Leave, ListTicket, NewProfile, News, Notice, Readiness, Scope};
use mailsluice::desktop::state::Settings;
use mailsluice::mapi::tag::*;
use mailsluice::mapi::{
    Certificate, Class, EntryId, EnvelopeId, Failure, FlushFlags, MapiResult, PropValue, QueueState, Reply,
    ResourceFlags, ResourceMethods, ResourceType, Row, Stage, StatusCode,
};
use mailsluice::spool::{ListQuery, Page, QueueRow, QueueVerb, Selection};
use mailsluice::spooler::{Event, Got, LogLine, Said, Sent, TransportResult};
use mailsluice::transport::{Consent, Question, Severity};

/// Now, for everybody: 23 November 2026, 14:02 UTC.
pub(crate) const NOW: i64 = 1_795_442_520;

/// What an engine was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    Flush(Scope, FlushFlags),
    Cancel(Scope),
    Offline(bool),
    Change(QueueVerb, Selection),
    Answer(u64, Option<Said>),
    Browse(String),
    Pin(String, String),
    Add(Vec<PathBuf>),
    Save(EnvelopeId, PathBuf),
    Create(Box<NewProfile>),
    Demo,
    Autostart(bool),
    Quit(Leave),
}

/// What the test and the engine share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) readiness: Readiness,
    pub(crate) rows: Vec<Row>,
    pub(crate) messages: u64,
    pub(crate) news: Vec<News>,
    pub(crate) asked: Vec<Asked>,
    pub(crate) lists: Vec<ListQuery>,
    pub(crate) no_ui: bool,
    pub(crate) sends_on_exit: bool,
    /// How many flushes were begun: the number of the last.
    pub(crate) flushes: u64,
    tickets: u64,
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct FakeEngine(pub(crate) Rc<RefCell<Shared>>);

impl FakeEngine {
    /// One with these rows and so many messages.
    pub(crate) fn new(rows: Vec<Row>, messages: u64) -> Self {
        Self(Rc::new(RefCell::new(Shared {
            readiness: Readiness::Ready,
            rows,
            messages,
            news: Vec::new(),
            asked: Vec::new(),
            lists: Vec::new(),
            no_ui: false,
            sends_on_exit: false,
            flushes: 0,
            tickets: 0,
        })))
    }

    /// What it was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.0.borrow_mut().asked)
    }

    /// Lets something happen.
    pub(crate) fn tell(&self, news: News) {
        self.0.borrow_mut().news.push(news);
    }

    /// The flush that it was asked for last is over.
    pub(crate) fn flushed(&self) -> News {
        News::Flushed(FlushTicket(self.0.borrow().flushes))
    }

    fn note(&self, asked: Asked) {
        self.0.borrow_mut().asked.push(asked);
    }
}

impl Engine for FakeEngine {
    fn readiness(&self) -> Readiness {
        self.0.borrow().readiness.clone()
    }
    fn pump(&mut self) -> Vec<News> {
        std::mem::take(&mut self.0.borrow_mut().news)
    }
    fn rows(&self) -> Vec<Arc<Row>> {
        self.0.borrow().rows.iter().cloned().map(Arc::new).collect()
    }
    fn now(&self) -> i64 {
        NOW
    }
    fn profile_name(&self) -> String {
        "Test".to_owned()
    }
    fn no_ui(&self) -> bool {
        self.0.borrow().no_ui
    }
    fn set_no_ui(&mut self, on: bool) {
        self.0.borrow_mut().no_ui = on;
    }
    fn set_settings(&mut self, _settings: &Settings) {}
    fn autostart(&self) -> Option<bool> {
        Some(false)
    }
    fn set_autostart(&mut self, on: bool) {
        self.note(Asked::Autostart(on));
    }
    fn flush(&mut self, scope: &Scope, flags: FlushFlags) -> FlushTicket {
        self.note(Asked::Flush(scope.clone(), flags));
        let mut shared = self.0.borrow_mut();
        shared.flushes += 1;
        FlushTicket(shared.flushes)
    }
    fn cancel(&mut self, scope: &Scope) {
        self.note(Asked::Cancel(scope.clone()));
    }
    fn work_offline(&mut self, offline: bool) {
        self.note(Asked::Offline(offline));
    }
    fn list(&mut self, query: ListQuery) -> ListTicket {
        let mut shared = self.0.borrow_mut();
        shared.tickets += 1;
        let ticket = ListTicket(shared.tickets);
        let total = if query.filter.text.is_empty() { shared.messages } else { shared.messages.min(3) };
        let end = total.min(query.offset + query.limit);
        let messages = (query.offset..end).map(message).collect();
        shared.news.push(News::Listed(ticket, Page { total, messages }));
        shared.lists.push(query);
        ticket
    }
    fn show(&mut self, _envelope: EnvelopeId) {}
    fn change(&mut self, verb: QueueVerb, selection: Selection) {
        self.tell(News::Notice(Notice::Changed(verb.clone(), 1)));
        self.note(Asked::Change(verb, selection));
    }
    fn answer(&mut self, question: u64, said: Option<Said>) {
        self.note(Asked::Answer(question, said));
    }
    fn browse(&mut self, address: String) {
        self.note(Asked::Browse(address));
    }
    fn pin(&mut self, transport: String, certificate: Box<Certificate>) {
        self.note(Asked::Pin(transport, certificate.fingerprint));
    }
    fn add(&mut self, files: Vec<PathBuf>) {
        self.note(Asked::Add(files));
    }
    fn save(&mut self, envelope: EnvelopeId, to: PathBuf) {
        self.note(Asked::Save(envelope, to));
    }
    fn create_profile(&mut self, profile: NewProfile) {
        self.note(Asked::Create(Box::new(profile)));
    }
    fn start_demo(&mut self) {
        self.note(Asked::Demo);
    }
    fn sends_on_exit(&self) -> bool {
        self.0.borrow().sends_on_exit
    }
    fn quit(&mut self, leave: Leave) {
        self.note(Asked::Quit(leave));
    }
}

/// A made-up message; its identifier is its place plus one.
pub(crate) fn message(index: u64) -> QueueRow {
    const SUBJECTS: [&str; 8] = [
        "Minutes of the harbour meeting",
        "Re: Invoice 2026-118",
        "Photos from Saturday",
        "Quarterly figures, second draft with the corrections from accounting",
        "",
        "Tide tables for December",
        "Reservation confirmed",
        "Lost glove",
    ];
    const FROM: [&str; 3] =
        ["ada@example.org", "club@example.net", "charles.babbage.the.younger@analytical-engines.example.com"];
    const TO: [&str; 4] = [
        "ann@example.com",
        "harbour@example.net",
        "grace@example.org",
        "crew-and-friends-of-the-long-mailing-list@lists.example.net",
    ];
    let at = |list: &[&str]| list[usize::try_from(index).unwrap() % list.len()].to_owned();
    let state = match index % 23 {
        3 | 11 => QueueState::Deferred,
        7 => QueueState::Held,
        13 => QueueState::Failed,
        17 => QueueState::InDoubt,
        0 | 1 => QueueState::InFlight,
        _ => QueueState::Queued,
    };
    let reply = match state {
        QueueState::Deferred => Some("451 4.7.1 Greylisted, try again in five minutes".to_owned()),
        QueueState::Failed => Some("550 5.1.1 <nobody@example.net>: user unknown".to_owned()),
        QueueState::InDoubt => Some("the line dropped before the reply".to_owned()),
        _ => None,
    };
    let mut to = vec![at(&TO)];
    if index % 5 == 2 {
        to.push("second@example.org".to_owned());
        to.push("third@example.org".to_owned());
    }
    QueueRow {
        id: EnvelopeId(i64::try_from(index).unwrap() + 1),
        transport: "home".to_owned(),
        state,
        from: at(&FROM),
        to,
        subject: at(&SUBJECTS),
        size: 900 + index * 7_919 % 4_000_000,
        queued_at: NOW - 40 - i64::try_from(index * 97 % 300_000).unwrap(),
        not_before: None,
        attempts: u32::from(reply.is_some()),
        next_try: (state == QueueState::Deferred).then_some(NOW + 290),
        last_reply: reply,
    }
}

/// The entry identifier of a transport.
pub(crate) fn transport_id(name: &str) -> EntryId {
    EntryId::of(ResourceType::MAPI_TRANSPORT_PROVIDER, name)
}

fn row(kind: ResourceType, name: &str, number: i32) -> Row {
    let id = EntryId::of(kind, if kind == ResourceType::MAPI_TRANSPORT_PROVIDER { name } else { "" });
    let mut row = Row::default();
    row.set(PR_ENTRYID, id.as_bytes().to_vec())
        .set(PR_INSTANCE_KEY, id.as_bytes().to_vec())
        .set(PR_OBJECT_TYPE, 10)
        .set(PR_ROWID, number)
        .set(PR_RESOURCE_TYPE, kind.code())
        .set(PR_DISPLAY_NAME, name)
        .set(
            PR_RESOURCE_METHODS,
            (ResourceMethods::STATUS_VALIDATE_STATE | ResourceMethods::STATUS_FLUSH_QUEUES).bits().cast_signed(),
        )
        .set(PR_RESOURCE_FLAGS, ResourceFlags::STATUS_NO_DEFAULT_STORE.bits().cast_signed())
        .set(PR_STATUS_CODE, StatusCode::STATUS_AVAILABLE.bits().cast_signed())
        .set(PR_SLUICE_HONOURS_NO_UI, true);
    row
}

/// A spooler's row: queued, deferred, held, failed, waiting, bytes.
pub(crate) fn spooler(counts: [i32; 5], bytes: i64) -> Row {
    let failed = counts[3];
    let mut row = row(ResourceType::MAPI_SPOOLER, "MAPI spooler", 0);
    row.set(PR_PROVIDER_DISPLAY, "Mailsluice").set(PR_SLUICE_DIRECTIONS, 3);
    set_counts(&mut row, counts, bytes);
    row.set(PR_SLUICE_NEXT_RUN, PropValue::SysTime(NOW + 180));
    row.set(PR_SLUICE_IN_DOUBT, if failed > 0 { 2 } else { 0 });
    row
}

fn set_counts(row: &mut Row, [queued, deferred, held, failed, waiting]: [i32; 5], bytes: i64) {
    row.set(PR_SLUICE_QUEUED, queued)
        .set(PR_SLUICE_IN_FLIGHT, 0)
        .set(PR_SLUICE_IN_DOUBT, 0)
        .set(PR_SLUICE_DEFERRED, deferred)
        .set(PR_SLUICE_HELD, held)
        .set(PR_SLUICE_FAILED, failed)
        .set(PR_SLUICE_BYTES, bytes)
        .set(PR_SLUICE_WAITING, waiting)
        .set(PR_SLUICE_WAITING_BYTES, i64::from(waiting) * 31_000)
        .set(PR_SLUICE_WAITING_AS_OF, PropValue::SysTime(NOW - 240));
}

/// A transport's row at rest.
pub(crate) fn transport(name: &str, provider: &str, counts: [i32; 5], bytes: i64) -> Row {
    let mut row = row(ResourceType::MAPI_TRANSPORT_PROVIDER, name, 3);
    row.set(PR_PROVIDER_DISPLAY, provider).set(PR_SLUICE_DIRECTIONS, 3).set(PR_RESOURCE_PATH, "smtp.example.org:465");
    set_counts(&mut row, counts, bytes);
    row.set(PR_SLUICE_LAST_RUN, PropValue::SysTime(NOW - 240));
    row
}

/// Tells a row when the first of what was put off is due: in so many seconds.
pub(crate) fn next_try(mut row: Row, seconds: i64) -> Row {
    row.set(PR_SLUICE_NEXT_TRY, PropValue::SysTime(NOW + seconds));
    row
}

/// The subsystem's and the address book's.
pub(crate) fn fixed() -> Vec<Row> {
    vec![row(ResourceType::MAPI_SUBSYSTEM, "MAPI subsystem", 1), row(ResourceType::MAPI_AB, "Address book", 2)]
}

/// Makes a row one that sends.
pub(crate) fn sending(mut row: Row, done: i32, total: i32) -> Row {
    let code = StatusCode::STATUS_AVAILABLE
        | StatusCode::STATUS_OUTBOUND_ENABLED
        | StatusCode::STATUS_OUTBOUND_FLUSH
        | StatusCode::STATUS_OUTBOUND_ACTIVE;
    row.set(PR_STATUS_CODE, code.bits().cast_signed())
        .set(PR_SLUICE_STAGE, "content")
        .set(PR_SLUICE_DONE, done)
        .set(PR_SLUICE_TOTAL, total)
        .set(PR_SLUICE_DONE_BYTES, i64::from(done) * 1_150_000)
        .set(PR_SLUICE_TOTAL_BYTES, i64::from(total) * 1_150_000)
        .set(PR_SLUICE_RATE, 2_100_000_i64)
        .set(PR_SLUICE_TIME_LEFT, 40);
    row
}

/// Makes a row one that failed.
pub(crate) fn failed(mut row: Row, failure: &Failure) -> Row {
    row.set(PR_SLUICE_LAST_FAILURE, serde_json::to_string(failure).unwrap());
    row
}

/// Greylisting.
pub(crate) fn greylisted() -> Failure {
    let reply =
        Reply { code: 451, enhanced: Some((4, 7, 1)), text: "Greylisted, try again in five minutes".to_owned() };
    Failure::new(Class::Transient, Stage::Envelope, "smtp.example.net:587", "").with_reply(reply)
}

/// A refused sign-in.
pub(crate) fn refused() -> Failure {
    let reply = Reply { code: 535, enhanced: Some((5, 7, 8)), text: "Authentication credentials invalid".to_owned() };
    Failure::new(Class::Login, Stage::Login, "smtp.example.com:465", "").with_reply(reply)
}

/// Four transports, one of each kind, and the spooler's row.
pub(crate) fn rows(scene: &str) -> Vec<Row> {
    let mut rows = fixed();
    let home = transport("home", "SMTP, IMAP", [30, 0, 0, 0, 20], 34_500_000);
    let club = transport("club", "SMTP, POP3", [0, 3, 1, 0, 4], 91_000);
    let office = transport("office", "SMTP, IMAP", [5, 0, 0, 0, 0], 260_000);
    let mut modem = transport("modem", "SMTP, POP3", [4, 0, 0, 1, 0], 18_000);
    modem.set(PR_SLUICE_HONOURS_NO_UI, false).set(PR_SLUICE_IN_DOUBT, 2);
    modem.clear(PR_SLUICE_WAITING).clear(PR_SLUICE_LAST_RUN);
    let receiving_only = {
        let mut row = transport("A very long name that somebody gave to a transport in a hurry", "IMAP", [0; 5], 0);
        row.set(PR_SLUICE_DIRECTIONS, 2);
        row
    };
    match scene {
        "busy" => {
            let mut fetching = club;
            fetching
                .set(
                    PR_STATUS_CODE,
                    (StatusCode::STATUS_AVAILABLE | StatusCode::STATUS_INBOUND_FLUSH).bits().cast_signed(),
                )
                .set(PR_SLUICE_STAGE, "fetch")
                .set(PR_SLUICE_DONE, 3)
                .set(PR_SLUICE_RATE, 240_000_i64);
            let mut waits = modem;
            waits.set(PR_SLUICE_STAGE, "bring");
            rows.extend([spooler([39, 3, 1, 1, 24], 34_869_000), sending(home, 41, 120), fetching, office, waits]);
        }
        "problems" => {
            let mut asks = failed(office, &refused());
            asks.set(PR_SLUICE_QUESTION, 7_i64);
            asks.set(PR_SLUICE_ASKED, serde_json::to_string(&password()).expect("JSON"));
            let offline = Failure::new(Class::Offline, Stage::Connect, "mail.example.org:993", "no route to host");
            rows.extend([
                spooler([39, 3, 1, 1, 24], 34_869_000),
                failed(home, &offline),
                failed(club, &greylisted()),
                asks,
                failed(
                    modem,
                    &Failure::new(Class::NeedsPerson, Stage::Login, "pop.example.org:110", "the password is not known"),
                ),
            ]);
        }
        "empty" => rows.extend([
            spooler([0; 5], 0),
            transport("home", "SMTP, IMAP", [0; 5], 0),
            transport("club", "SMTP, POP3", [0; 5], 0),
        ]),
        "offline" => {
            for mut row in [spooler([39, 3, 1, 1, 24], 34_869_000), home, club, office, modem] {
                row.set(
                    PR_STATUS_CODE,
                    (StatusCode::STATUS_AVAILABLE | StatusCode::STATUS_OFFLINE).bits().cast_signed(),
                );
                rows.push(row);
            }
        }
        _ => rows.extend([spooler([39, 3, 1, 1, 24], 34_869_000), home, club, office, modem, receiving_only]),
    }
    rows
}

/// A few lines of log.
pub(crate) fn log() -> Vec<News> {
    let line = |ago, severity, transport: Option<&str>, text: &str| {
        News::Event(Event::Log(LogLine {
            at: NOW - ago,
            severity,
            transport: transport.map(str::to_owned),
            text: text.to_owned(),
        }))
    };
    vec![
        line(300, Severity::Info, None, "the spooler has started; 3 messages went back to the queue"),
        line(250, Severity::Info, Some("home"), "connected to smtp.example.org:465 (TLS 1.3, SCRAM-SHA-256)"),
        line(249, Severity::Info, Some("home"), "41 sent, 0 deferred, 47.2 MB in 22 s"),
        line(
            244,
            Severity::Warning,
            Some("club"),
            "smtp.example.net:587: naming sender and recipients: 451 4.7.1 Greylisted, try again in five minutes",
        ),
        line(
            240,
            Severity::Error,
            Some("office"),
            "smtp.example.com:465: signing in: 535 5.7.8 Authentication credentials invalid",
        ),
    ]
}

/// A question for a password.
pub(crate) fn question() -> News {
    News::Event(Event::Question { number: 7, transport: "office".to_owned(), question: password() })
}

fn password() -> Question {
    Question::Password { user: "ada.lovelace".to_owned(), host: "smtp.example.com".to_owned(), refused: None }
}

/// Another transport's.
pub(crate) fn of_modem() -> News {
    let (user, host) = ("ada".to_owned(), "pop.example.org".to_owned());
    let question = Question::Password { user, host, refused: None };
    News::Event(Event::Question { number: 9, transport: "modem".to_owned(), question })
}

/// A transport's flush with UI is over.
pub(crate) fn ended(transport: &str) -> News {
    News::Event(Event::FlushEnded { result: result(transport), no_ui: false })
}

/// A transport's flush under No UI is over.
pub(crate) fn silent_end(transport: &str) -> News {
    News::Event(Event::FlushEnded { result: result(transport), no_ui: true })
}

fn result(transport: &str) -> TransportResult {
    TransportResult {
        transport: transport.to_owned(),
        result: MapiResult::LogonFailed,
        outgoing: Sent::default(),
        incoming: Got::default(),
        elapsed_s: 1.0,
        failure: None,
    }
}

/// Somebody is to sign in with a provider, by a code or without.
pub(crate) fn consent(code: Option<&str>) -> News {
    let consent = Consent {
        user: "ada.lovelace@example.com".to_owned(),
        host: "imap.example.com".to_owned(),
        provider: "login.example.org".to_owned(),
        address: "https://login.example.org/authorize?client_id=me&state=xyz".to_owned(),
        code: code.map(str::to_owned),
        why: Some("the sign-in is no longer good: invalid_grant".to_owned()),
    };
    let question = Question::Consent(Box::new(consent));
    News::Event(Event::Question { number: 10, transport: "office".to_owned(), question })
}

/// A question about a certificate that changed.
pub(crate) fn certificate() -> News {
    News::Event(Event::Question { number: 8, transport: "office".to_owned(), question: changed() })
}

/// See [`certificate`].
pub(crate) fn changed() -> Question {
    Question::Certificate(Box::new(Certificate {
        host: "smtp.example.com".to_owned(),
        port: 465,
        names: vec!["mail.example.net".to_owned()],
        issuer: "CN=Example CA".to_owned(),
        from: Some(1_600_000_000),
        until: Some(1_900_000_000),
        fingerprint: "AB:CD".to_owned(),
        expected: Some("01:23".to_owned()),
    }))
}
