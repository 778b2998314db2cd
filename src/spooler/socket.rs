//! The spooler's Unix socket: how a command reaches the spooler of a window that runs.
//!
//! Lines of JSON, both ways. The folder is the owner's alone (0700), and so is the socket: who can connect is the user.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, never, select, unbounded};
use serde::{Deserialize, Serialize};

use super::line::{Incoming, Line, ReplyTo, Wake};
use super::protocol::{Command, Event, Reply, RequestId};

/// A line longer than this is no command of ours.
const LONGEST_LINE: u64 = 16 << 20;
/// Lines kept for a client that does not read; then its events wait where they are bounded, and it misses some.
const LINES_KEPT: usize = 64;
/// A client that takes nothing for so long is cut off.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two tries to let a client in when the system has no room for one.
const BREATH: Duration = Duration::from_millis(100);

/// What a client writes.
#[derive(Debug, Serialize, Deserialize)]
enum FromClient {
    Request(RequestId, Command),
    Subscribe,
}

/// What the spooler writes.
#[derive(Debug, Serialize, Deserialize)]
enum FromSpooler {
    Reply(RequestId, Reply),
    Event(Event),
}

/// The listening socket. Dropped, the file is gone; [`Socket::close`] also lets the clients go in good order.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    listening: JoinHandle<()>,
    clients: Arc<Clients>,
}

/// A client: its stream, and the thread that writes to it and ends when there will be nothing more to write.
#[derive(Debug)]
struct Client {
    stream: UnixStream,
    writer: JoinHandle<()>,
}

/// Those that are connected; `None` once no more are let in.
#[derive(Debug)]
struct Clients(Mutex<Option<Vec<Client>>>);

impl Clients {
    /// Lets one in. Gives `false` when it is too late for that.
    fn admit(&self, stream: UnixStream, line: &Line) -> bool {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(clients) = &mut *clients else { return false };
        clients.retain(|client| !client.writer.is_finished());
        // One that can't be served hears it by the closed stream.
        clients.extend(serve(stream, line.clone()).ok());
        true
    }

    fn close(&self) -> Vec<Client> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

impl Socket {
    /// Listens at `path` and leads every client to `line`. The caller holds the profile's lock, so a socket found
    /// there is a dead process's.
    ///
    /// # Errors
    /// The socket can't be made.
    pub fn listen(path: &Path, line: &Line) -> std::io::Result<Self> {
        if let Some(folder) = path.parent() {
            crate::profile::places::create_private_dir(folder)?;
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        let line = line.clone();
        let clients = Arc::new(Clients(Mutex::new(Some(Vec::new()))));
        let admitting = Arc::clone(&clients);
        let listening = named("socket", move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else {
                    // No descriptors or no memory left: there may be some again.
                    thread::park_timeout(BREATH);
                    continue;
                };
                if !admitting.admit(stream, &line) {
                    break;
                }
            }
        })?;
        Ok(Self { path: path.to_owned(), listening, clients })
    }

    /// Lets nobody in any more, and waits until every client has what it was answered. To be called when the spooler
    /// has ended, so that each of their requests is answered or never will be.
    pub fn close(self) {
        let clients = self.clients.close();
        // The listening thread waits for a client: this is its last.
        let woken = UnixStream::connect(&self.path).is_ok();
        fs::remove_file(&self.path).ok();
        for client in clients {
            client.stream.shutdown(std::net::Shutdown::Read).ok();
            client.writer.join().ok();
        }
        if woken {
            self.listening.join().ok();
        }
    }
}

fn named(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(work)
}

/// Serves one client: a thread reads its lines, another writes.
fn serve(stream: UnixStream, line: Line) -> std::io::Result<Client> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let (reading, writing) = (stream.try_clone()?, stream.try_clone()?);
    let (replies, to_write) = bounded(LINES_KEPT);
    let writer = named("socket writer", move || write_lines(writing, &to_write))?;
    named("socket client", move || read_requests(&reading, &line, &replies))?;
    Ok(Client { stream, writer })
}

fn read_requests(stream: &UnixStream, line: &Line, replies: &Sender<FromSpooler>) {
    for message in messages::<FromClient>(stream) {
        let replies = replies.clone();
        match message {
            FromClient::Subscribe => {
                let events = line.subscribe(Arc::new(|| {}));
                let forward = move || {
                    for event in events {
                        if replies.send(FromSpooler::Event(event)).is_err() {
                            break;
                        }
                    }
                };
                named("socket events", forward).ok();
            }
            FromClient::Request(id, command) => {
                let pending = line.ask(command);
                let forward = move || {
                    // A client that is gone has no use for it.
                    replies.send(FromSpooler::Reply(id, pending.wait())).ok();
                };
                named("socket reply", forward).ok();
            }
        }
    }
}

/// The messages of a stream, until it ends or makes no sense.
fn messages<T: for<'de> Deserialize<'de>>(stream: &UnixStream) -> impl Iterator<Item = T> {
    let mut reader = BufReader::new(stream);
    std::iter::from_fn(move || {
        let mut text = Vec::new();
        let read = std::io::Read::take(&mut reader, LONGEST_LINE).read_until(b'\n', &mut text).ok()?;
        if read == 0 { None } else { serde_json::from_slice(&text).ok() }
    })
}

fn write_lines<T: Serialize>(mut stream: UnixStream, messages: &Receiver<T>) {
    for message in messages {
        let Ok(mut text) = serde_json::to_vec(&message) else { break };
        text.push(b'\n');
        if stream.write_all(&text).is_err() {
            break;
        }
    }
    stream.shutdown(std::net::Shutdown::Both).ok();
}

/// A line to the spooler that listens at `path`.
///
/// # Errors
/// Nobody listens there.
pub fn connect(path: &Path) -> std::io::Result<Line> {
    let stream = UnixStream::connect(path)?;
    let reading = stream.try_clone()?;
    let (line, incoming) = Line::new();
    let (to_write, written) = unbounded();
    let (heard, from_spooler) = unbounded();
    named("line writer", move || write_lines(stream, &written))?;
    named("line reader", move || {
        for message in messages::<FromSpooler>(&reading) {
            if heard.send(message).is_err() {
                break;
            }
        }
    })?;
    named("line", move || Remote::default().run(&incoming, &to_write, &from_spooler))?;
    Ok(line)
}

/// The client's end of the socket: matches replies to requests, hands events to subscribers.
#[derive(Default)]
struct Remote {
    requests: u64,
    waiting: std::collections::HashMap<RequestId, ReplyTo>,
    subscribers: Vec<(Sender<Event>, Wake)>,
}

impl Remote {
    fn run(mut self, incoming: &Receiver<Incoming>, to_write: &Sender<FromClient>, heard: &Receiver<FromSpooler>) {
        let mut incoming = incoming.clone();
        loop {
            select! {
                recv(incoming) -> message => match message {
                    Ok(message) => self.send(message, to_write),
                    // Every client's end is gone; only what was asked is still waited for.
                    Err(_) if self.waiting.is_empty() && self.subscribers.is_empty() => return,
                    Err(_) => incoming = never(),
                },
                recv(heard) -> message => match message {
                    Ok(message) => self.hear(message),
                    // The spooler is gone: whoever waits hears it by the dropped senders.
                    Err(_) => return,
                },
            }
        }
    }

    fn send(&mut self, message: Incoming, to_write: &Sender<FromClient>) {
        match message {
            Incoming::Subscribe(events, wake) => {
                self.subscribers.push((events, wake));
                to_write.send(FromClient::Subscribe).ok();
            }
            Incoming::Request(command, reply) => {
                self.requests += 1;
                let id = RequestId(self.requests);
                self.waiting.insert(id, reply);
                to_write.send(FromClient::Request(id, command)).ok();
            }
        }
    }

    fn hear(&mut self, message: FromSpooler) {
        match message {
            FromSpooler::Reply(id, reply) => {
                if let Some(sender) = self.waiting.remove(&id) {
                    sender.send(reply);
                }
            }
            FromSpooler::Event(event) => {
                self.subscribers.retain(|(events, wake)| {
                    let there = events.send(event.clone()).is_ok();
                    wake();
                    there
                });
            }
        }
    }
}
