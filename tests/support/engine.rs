//! A profile's spooler in the test's own process: what the commands do, thousands of times a minute.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mailsluice::mapi::{EnvelopeId, FlushFlags, QueueState};
use mailsluice::profile::{self, Places, Profile};
use mailsluice::session::{FlushReport, Session, flush_each};
use mailsluice::spool::{Filter, ListQuery, QueueRow, QueueVerb, Selection};
use mailsluice::spooler::submit::{Options, SubmitError, Submitter};
use mailsluice::spooler::{Command, Reply, Spooler, Stay};

/// Longer than a logon takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug)]
pub struct Engine {
    /// Where the profile's things are.
    pub places: Places,
    profile: Profile,
    spooler: Spooler,
    session: Session,
}

impl Engine {
    /// Opens the profile in this folder, and its spool, which is mended if somebody died on it.
    pub fn open(folder: &Path) -> Self {
        let places = Places::of(Some(folder));
        let file = places.profile_file();
        let text = std::fs::read_to_string(&file).expect("a profile");
        let profile = profile::load(&text, &file, &places).expect("a right profile");
        places.create().expect("its folders");
        let spooler = Spooler::reach(&places, &profile, Stay::Short).expect("a spooler");
        assert!(spooler.is_here(), "nobody else has the profile");
        let mut session = Session::logon(spooler.line(), Arc::new(|| {}));
        session.wait_ready(PATIENCE).expect("rows");
        Self { places, profile, spooler, session }
    }

    /// Puts these into the queue, all in one go.
    pub fn submit<'a>(&self, letters: impl IntoIterator<Item = &'a [u8]>) -> Vec<EnvelopeId> {
        let mut submitter = Submitter::new(&self.places, &self.profile).expect("a submitter");
        for mut letter in letters {
            submitter.submit(&mut letter, &Options::default()).expect("taken");
        }
        let ids = submitter.commit().expect("durable");
        self.ask(Command::Submitted);
        ids
    }

    /// Puts one into the queue, if it is taken.
    pub fn try_submit(&self, mut letter: &[u8], options: &Options) -> Result<(), SubmitError> {
        let mut submitter = Submitter::new(&self.places, &self.profile)?;
        submitter.submit(&mut letter, options)?;
        submitter.commit()?;
        self.ask(Command::Submitted);
        Ok(())
    }

    /// Sends and receives as `flags` say, as if a person had asked.
    pub fn flush(&mut self, flags: FlushFlags) -> FlushReport {
        let run = flush_each(&self.session, &[], flags | FlushFlags::FLUSH_NO_UI, true).expect("begun");
        run.wait(&mut self.session)
    }

    /// Everything in the queue and in its history.
    pub fn rows(&self) -> Vec<QueueRow> {
        let filter = Filter { states: QueueState::ALL.to_vec(), ..Filter::default() };
        let query = ListQuery { filter, limit: u64::MAX >> 1, ..ListQuery::default() };
        match self.ask(Command::List(query)) {
            Reply::Listed(page) => page.messages,
            reply => panic!("a page, not {reply:?}"),
        }
    }

    /// The state of every message, by its subject.
    pub fn states(&self) -> BTreeMap<String, QueueState> {
        let mut states = BTreeMap::new();
        for row in self.rows() {
            let before = states.insert(row.subject, row.state);
            assert!(before.is_none(), "one message, one row");
        }
        states
    }

    /// Does something to some envelopes; expects that it was done to each.
    pub fn perform(&self, verb: QueueVerb, ids: Vec<EnvelopeId>) {
        let selection = Selection::Ids(ids.clone());
        match self.ask(Command::Queue { verb, selection }) {
            Reply::Changed(changed) => assert_eq!(changed.len(), ids.len()),
            reply => panic!("changes, not {reply:?}"),
        }
    }

    /// Sends a request and waits for what comes of it.
    pub fn ask(&self, command: Command) -> Reply {
        self.session.ask(command).wait()
    }

    /// Ends it in good order.
    pub fn end(self) {
        drop(self.session);
        self.spooler.end(true);
    }
}
