//! A spooler's end of the line for tests: a thread that shows rows, notes what it is asked, and answers by a script.

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, never, select, unbounded};

use crate::mapi::tag::{PR_DISPLAY_NAME, PR_ENTRYID, PR_RESOURCE_METHODS, PR_RESOURCE_TYPE};
use crate::mapi::{EntryId, MapiResult, ResourceMethods, ResourceType, Row};
use crate::session::Session;
use crate::spooler::{Command, Event, FlushReply, Incoming, Line, Reply, ReplyTo, Wake};

/// Answers a request; `None`: not before somebody cancels it.
pub(super) type Script = Box<dyn FnMut(&Command) -> Option<Reply> + Send>;

pub(super) struct FakeSpooler {
    pub line: Line,
    /// What it was asked, in order.
    pub asked: Receiver<Command>,
    events: Sender<Event>,
    thread: JoinHandle<()>,
}

impl FakeSpooler {
    pub(super) fn start(script: Script) -> Self {
        let (line, incoming) = Line::new();
        let (note, asked) = unbounded();
        let (events, told) = unbounded();
        let thread = std::thread::spawn(move || run(&incoming, &told, &note, script));
        Self { line, asked, events, thread }
    }

    /// One that answers every flush with success.
    pub(super) fn obliging() -> Self {
        Self::start(Box::new(|_| Some(flushed(MapiResult::Ok))))
    }

    /// A session with it that has these rows.
    pub(super) fn session(&self, rows: &[Row]) -> Session {
        self.session_waking(rows, Arc::new(|| ()))
    }

    /// The same with a wake of its own.
    pub(super) fn session_waking(&self, rows: &[Row], wake: Wake) -> Session {
        let mut session = Session::logon(&self.line, wake);
        self.tell(Event::Reload(rows.to_vec()));
        session.wait_ready(std::time::Duration::from_mins(1)).expect("rows");
        assert_eq!(session.pump(), [Event::Reload(rows.to_vec())]);
        session
    }

    /// Tells all subscribers, now and to come.
    pub(super) fn tell(&self, event: Event) {
        self.events.send(event).expect("it lives");
    }

    /// Ends it without a word, and waits for that.
    pub(super) fn crash(self) {
        drop(self.events);
        self.thread.join().expect("no panic");
    }
}

/// The thread. What was told before a request came is with the subscribers before the answer is.
fn run(incoming: &Receiver<Incoming>, told: &Receiver<Event>, note: &Sender<Command>, mut script: Script) {
    let mut subscribers: Vec<(Sender<Event>, Wake)> = Vec::new();
    let mut unanswered: Vec<(Option<EntryId>, ReplyTo)> = Vec::new();
    // Events wait for the first subscriber.
    let nobody = never();
    loop {
        let told = if subscribers.is_empty() { &nobody } else { told };
        let publish = |event: &Event| {
            for (sender, wake) in &subscribers {
                sender.send(event.clone()).ok();
                wake();
            }
        };
        select! {
            recv(told) -> event => match event {
                Ok(event) => publish(&event),
                Err(_) => return,
            },
            recv(incoming) -> message => match message {
                Ok(Incoming::Subscribe(sender, wake)) => subscribers.push((sender, wake)),
                Ok(Incoming::Request(command, reply_to)) => {
                    told.try_iter().for_each(|event| publish(&event));
                    note.send(command.clone()).ok();
                    match script(&command) {
                        Some(reply) => reply_to.send(reply),
                        None => unanswered.push((flushes(&command), reply_to)),
                    }
                    if let Command::Cancel { transport } = command {
                        for (_, reply_to) in unanswered.extract_if(.., |(of, _)| transport.is_none() || *of == transport) {
                            reply_to.send(flushed(MapiResult::UserCancel));
                        }
                    }
                }
                Err(_) => return,
            },
        }
    }
}

/// The transport that a flush is for; all of them, or no flush: `None`.
pub(super) fn flushes(command: &Command) -> Option<EntryId> {
    let Command::FlushQueues { object, target, .. } = command else { return None };
    let of = target.as_ref().unwrap_or(object);
    (*of != spooler_id()).then(|| of.clone())
}

pub(super) fn flushed(result: MapiResult) -> Reply {
    Reply::Flushed(FlushReply { result, results: Vec::new() })
}

pub(super) fn spooler_id() -> EntryId {
    EntryId::of(ResourceType::MAPI_SPOOLER, "")
}

pub(super) fn transport_id(name: &str) -> EntryId {
    EntryId::of(ResourceType::MAPI_TRANSPORT_PROVIDER, name)
}

pub(super) fn spooler_row() -> Row {
    row(&spooler_id(), "MAPI spooler", ResourceMethods::STATUS_VALIDATE_STATE | ResourceMethods::STATUS_FLUSH_QUEUES)
}

pub(super) fn transport_row(name: &str, methods: ResourceMethods) -> Row {
    row(&transport_id(name), name, methods)
}

fn row(entry_id: &EntryId, name: &str, methods: ResourceMethods) -> Row {
    let (kind, _) = entry_id.parse().expect("our own");
    let mut row = Row::default();
    row.set(PR_ENTRYID, entry_id.as_bytes().to_vec())
        .set(PR_DISPLAY_NAME, name)
        .set(PR_RESOURCE_TYPE, kind.code())
        .set(PR_RESOURCE_METHODS, methods.bits().cast_signed());
    row
}
