//! Where transports run: one tokio runtime of two workers, one task for each flush, all cancellable.
//!
//! The spooler's thread calls in and is called back by reports only. A transport that panics ends its own flush with
//! [`Class::Local`]; the others don't notice.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::port::Desk;
use super::registry::LoggedOn;
use super::secrets::SecretCache;
use super::tokens::grants;
use super::{Answer, Report, ReportKind, Support, Ticket, flush, watch};
use crate::mapi::{Class, Failure, FlushFlags, Stage};

/// The runtime and what runs on it.
#[derive(Debug)]
pub struct Runtime {
    tokio: tokio::runtime::Runtime,
    transports: Vec<Arc<LoggedOn>>,
    reports: Sender<Report>,
    desk: Arc<Desk>,
    secrets: Arc<SecretCache>,
    running: HashMap<Arc<str>, Running>,
    watching: HashMap<Arc<str>, Watching>,
}

#[derive(Debug)]
struct Running {
    cancel: CancellationToken,
    ending: CancellationToken,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Watching {
    cancel: CancellationToken,
    /// A flush is over.
    again: Arc<Notify>,
}

impl Runtime {
    /// Starts the runtime. Reports of all transports go to `reports`.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn new(transports: Vec<LoggedOn>, reports: Sender<Report>) -> std::io::Result<Self> {
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("transport")
            .enable_io()
            .enable_time()
            .build()?;
        Ok(Self {
            tokio,
            transports: transports.into_iter().map(Arc::new).collect(),
            reports,
            desk: Arc::default(),
            secrets: Arc::default(),
            running: HashMap::new(),
            watching: HashMap::new(),
        })
    }

    /// The transports, in transport order.
    pub fn transports(&self) -> &[Arc<LoggedOn>] {
        &self.transports
    }

    /// Starts a flush. Its end comes as [`ReportKind::Finished`].
    pub fn start(&mut self, name: &str, flags: FlushFlags) {
        let interactive = !flags.contains(FlushFlags::FLUSH_NO_UI);
        let finished = |end| ReportKind::Finished(end);
        self.spawn(name, interactive, finished, move |transport, support| async move {
            flush::flush(&transport, &support, flags).await
        });
    }

    /// Starts a `ValidateState`. Its end comes as [`ReportKind::Validated`] under the ticket.
    pub fn validate(&mut self, name: &str, ticket: Ticket, interactive: bool) {
        let validated = move |end| ReportKind::Validated(ticket, end);
        self.spawn(name, interactive, validated, move |transport, support| async move {
            let mut found = Vec::new();
            let mut end = transport.unusable().cloned().map_or(Ok(()), Err);
            for half in transport.halves() {
                match half.validate_state(&support).await {
                    Ok(text) => found.push(text),
                    Err(failure) => end = end.and(Err(failure)),
                }
            }
            end.map(|()| found.join("; "))
        });
    }

    /// Starts work of a transport. However it ends, also by a panic, its end is reported once.
    fn spawn<T, F>(
        &mut self,
        name: &str,
        interactive: bool,
        end: impl FnOnce(Result<T, Failure>) -> ReportKind + Send + 'static,
        work: impl FnOnce(Arc<LoggedOn>, Support) -> F,
    ) where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let Some(transport) = self.transports.iter().find(|transport| &*transport.name == name) else { return };
        let cancel = CancellationToken::new();
        let support = self.support(transport, &cancel, interactive);
        let again = self.watching.get(name).map(|watching| Arc::clone(&watching.again));
        let ending = support.ending().clone();
        let work = work(Arc::clone(transport), support.clone());
        let task = self.tokio.spawn(async move {
            let done = tokio::spawn(work).await.unwrap_or_else(|panic| {
                Err(Failure::new(Class::Local, Stage::Queue, support.transport(), panic.to_string()))
            });
            support.report(end(done));
            if let Some(again) = again {
                again.notify_one();
            }
        });
        self.running.insert(Arc::clone(&transport.name), Running { cancel, ending, task });
    }

    /// Watches for new mail, or no longer, where the profile wants that. Begun once, it lasts until it is ended.
    pub fn watch(&mut self, on: bool) {
        for watching in std::mem::take(&mut self.watching).into_values() {
            watching.cancel.cancel();
        }
        for transport in self.transports.iter().filter(|transport| on && watch::wanted(transport)) {
            let (cancel, again) = (CancellationToken::new(), Arc::new(Notify::new()));
            let support = self.support(transport, &cancel, false).aside();
            let (watched, notified) = (Arc::clone(transport), Arc::clone(&again));
            self.tokio.spawn(async move { watch::watch(&watched, &support, &notified).await });
            self.watching.insert(Arc::clone(&transport.name), Watching { cancel, again });
        }
    }

    fn support(&self, transport: &LoggedOn, cancel: &CancellationToken, interactive: bool) -> Support {
        let (name, reports, desk) = (Arc::clone(&transport.name), self.reports.clone(), Arc::clone(&self.desk));
        Support::new(name, reports, desk, cancel.clone(), interactive, Arc::clone(&self.secrets))
    }

    /// Clears a transport's FLUSH bits: it stops at the next message.
    pub fn end_flush(&self, name: &str) {
        if let Some(running) = self.running.get(name) {
            running.ending.cancel();
        }
    }

    /// Cancels what a transport does.
    pub fn cancel(&self, name: &str) {
        if let Some(running) = self.running.get(name) {
            running.ending.cancel();
            running.cancel.cancel();
        }
    }

    /// Hands an answer to whoever waits under the ticket. An answer nobody waits for any more is given back.
    pub fn answer(&self, ticket: Ticket, answer: Answer) -> Result<(), Answer> {
        self.desk.answer(ticket, answer)
    }

    /// Ends: what still runs is cancelled and waited for, a second at most. Gives what is to be finished before the process
    /// ends, and before another takes the profile: exchanges with providers of tokens.
    pub fn shutdown(mut self) -> Option<Exchanges> {
        self.watch(false);
        for running in self.running.values() {
            running.cancel.cancel();
        }
        let tasks: Vec<JoinHandle<()>> = self.running.into_values().map(|running| running.task).collect();
        let wait = async {
            for task in tasks {
                task.await.ok();
            }
        };
        self.tokio.block_on(async { tokio::time::timeout(Duration::from_secs(1), wait).await.ok() });
        let exchanges = Exchanges { tokio: self.tokio, secrets: self.secrets };
        if exchanges.secrets.grants.is_idle() {
            exchanges.finish();
            return None;
        }
        Some(exchanges)
    }
}

/// What providers of tokens are about to answer to a process that ends. Nobody else may use the refresh tokens meanwhile.
#[derive(Debug)]
pub struct Exchanges {
    tokio: tokio::runtime::Runtime,
    secrets: Arc<SecretCache>,
}

impl Exchanges {
    /// Waits for the answers, 45 seconds at most, and keeps them: a person would have to make good for what is lost.
    pub fn finish(self) {
        let secrets = self.secrets;
        self.tokio.block_on(async { tokio::time::timeout(grants::LONGEST, secrets.grants.ended()).await.ok() });
        // A look-up that hangs can't be stopped, and is not waited for.
        self.tokio.shutdown_timeout(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{BoxFuture, Submissions, Traits, Transport};

    /// Panics wherever it is used, or nowhere.
    #[derive(Debug)]
    struct Glass {
        breaks: bool,
    }

    impl Transport for Glass {
        fn traits(&self) -> Traits {
            let path = "nowhere".to_owned();
            Traits { kind: "folder", flushes_itself: false, honours_no_ui: true, asynchronous: false, path }
        }

        fn submit<'a>(&'a self, _support: &'a Support, _queue: &'a Submissions) -> BoxFuture<'a, Result<(), Failure>> {
            Box::pin(async { if self.breaks { panic!("it breaks") } else { Ok(()) } })
        }

        fn validate_state<'a>(&'a self, _support: &'a Support) -> BoxFuture<'a, Result<String, Failure>> {
            Box::pin(async { if self.breaks { panic!("it breaks") } else { Ok("whole".to_owned()) } })
        }
    }

    #[test]
    fn a_transport_that_panics_ends_its_own_work_and_nobody_elses() {
        let (reports, received) = crossbeam_channel::unbounded();
        let of = |name: &str, breaks| LoggedOn::of(name, Some(Box::new(Glass { breaks })), None);
        let mut runtime = Runtime::new(vec![of("glass", true), of("steel", false)], reports).unwrap();
        let next = || loop {
            let report = received.recv_timeout(Duration::from_secs(30)).unwrap();
            match report.kind {
                ReportKind::Validated(ticket, end) => break (report.transport.to_string(), Some(ticket), end),
                ReportKind::Finished(end) => break (report.transport.to_string(), None, end.map(|()| String::new())),
                _ => {}
            }
        };
        for ticket in [Ticket(1), Ticket(2)] {
            runtime.validate("glass", ticket, false);
            let (name, answered, end) = next();
            assert_eq!((name.as_str(), answered, end.unwrap_err().class), ("glass", Some(ticket), Class::Local));
        }
        runtime.start("glass", FlushFlags::FLUSH_UPLOAD);
        let (_, _, end) = next();
        assert_eq!(end.unwrap_err().class, Class::Local);
        runtime.validate("steel", Ticket(3), false);
        assert_eq!(next(), ("steel".to_owned(), Some(Ticket(3)), Ok("whole".to_owned())));
        assert!(runtime.shutdown().is_none());
    }
}
