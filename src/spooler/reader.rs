//! Lists for the window and the commands, read on a thread and a connection of their own, a page at a time.

use std::path::Path;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::line::ReplyTo;
use super::protocol::Reply;
use crate::mapi::{EnvelopeId, Failure};
use crate::spool::{ListQuery, Reader, Seconds, SpoolError};

/// What can be asked.
#[derive(Debug)]
pub(super) enum Query {
    /// A page, as of now.
    List(ListQuery, Seconds, ReplyTo),
    /// One envelope.
    Show(EnvelopeId, ReplyTo),
}

/// The reader's thread. Dropped, it has ended, and its connection is closed.
#[derive(Debug)]
pub(super) struct Lists {
    queries: Option<Sender<Query>>,
    thread: Option<JoinHandle<()>>,
}

impl Lists {
    /// Starts it.
    pub(super) fn start(spool: &Path) -> Result<Self, Failure> {
        let reader = Reader::open(spool)?;
        let (sender, queries) = unbounded();
        let thread = std::thread::Builder::new().name("reader".to_owned()).spawn(move || serve(reader, &queries));
        let thread = thread.map_err(|error| {
            Failure::new(crate::mapi::Class::Local, crate::mapi::Stage::Store, "reader thread", error.to_string())
        })?;
        Ok(Self { queries: Some(sender), thread: Some(thread) })
    }

    /// Has it read, and answer.
    pub(super) fn ask(&self, query: Query) {
        if let Some(queries) = &self.queries {
            // A reader that panicked has said so in the log.
            queries.send(query).ok();
        }
    }
}

impl Drop for Lists {
    fn drop(&mut self) {
        self.queries = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn serve(mut reader: Reader, queries: &Receiver<Query>) {
    for query in queries {
        let (reply, sender) = match query {
            Query::List(query, now, sender) => (reader.list(&query, now).map(Reply::Listed), sender),
            Query::Show(envelope, sender) => {
                (reader.show(envelope).map(|detail| Reply::Shown(detail.map(Box::new))), sender)
            }
        };
        sender.send(reply.unwrap_or_else(refuse));
    }
}

fn refuse(error: SpoolError) -> Reply {
    let failure = Failure::from(error);
    Reply::Refused(failure.result(), failure.to_string())
}
