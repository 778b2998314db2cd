//! Distance on loopback: a TCP proxy that holds every byte for half a round trip in each direction, over a line of a
//! given rate.
//!
//! It is exact for round trips and for the set-up of a connection: the client's first byte is at the server one and a
//! half round trips after `connect`, and a server's greeting is at the client after two. All connections share the line,
//! as [`Turns`] says. At most [`WINDOW`] bytes of a direction of a connection are on their way. It acknowledges at once,
//! so that no delayed acknowledgement of its own comes in: slow start, loss and the acknowledgements of a real path are
//! not in the picture.
//!
//! One thread serves all connections. It waits with ppoll(2), to the microsecond; a timer of milliseconds would make
//! each way longer.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_tcp_quickack;
use rustix::process::setpriority_process;

/// On their way at most, in a direction of a connection.
const WINDOW: usize = 4 << 20;
/// How far ahead a line is booked: its own little buffer.
const AHEAD: Duration = Duration::from_millis(10);
/// Clients and servers keep all processors busy; a line has no part in that. For root only.
const NICENESS: i32 = -15;
/// How often it looks whether it is still wanted.
const IDLE: Duration = Duration::from_millis(50);

/// What lies between client and server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    /// There and back.
    pub(crate) round_trip: Duration,
    /// Megabits a second in each direction; `None`: no limit.
    pub(crate) mbit: Option<u32>,
    /// Whose bytes go first, if there is one.
    pub(crate) turns: Turns,
}

/// How connections share a line that has a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turns {
    /// One after the other, a little each; what does not fit yet waits in the sender's socket. So do routers that care.
    Fair,
    /// First come, first served, from a deep buffer: small messages wait behind large ones. So do most.
    Queue,
}

/// See the module. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Where clients connect.
    pub(crate) port: u16,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts one before this port.
    pub(crate) fn start(server: u16, line: Line) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let port = listener.local_addr().expect("an address").port();
        let stop = Arc::new(AtomicBool::new(false));
        let mut relay = Relay {
            listener,
            server,
            trip: line.round_trip,
            up: Rate::new(line),
            down: Rate::new(line),
            connections: Vec::new(),
            first: 0,
        };
        let stopped = Arc::clone(&stop);
        let serve = move || {
            // Of this thread, in Linux.
            setpriority_process(None, NICENESS).ok();
            while !stopped.load(Ordering::Relaxed) {
                relay.turn();
            }
        };
        let thread = std::thread::Builder::new().name("proxy".to_owned()).spawn(serve).expect("a thread");
        Self { port, stop, thread: Some(thread) }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// One direction of the line.
struct Rate {
    seconds_per_byte: Option<f64>,
    turns: Turns,
    free: Instant,
}

impl Rate {
    fn new(line: Line) -> Self {
        let seconds_per_byte = line.mbit.map(|mbit| 8e-6 / f64::from(mbit));
        Self { seconds_per_byte, turns: line.turns, free: Instant::now() }
    }

    /// When it takes more; `None`: now.
    fn closed_until(&self, now: Instant) -> Option<Instant> {
        self.seconds_per_byte.filter(|_| self.turns == Turns::Fair)?;
        self.free.checked_sub(AHEAD).filter(|&opens| opens > now)
    }

    /// When bytes that are sent now have left.
    fn book(&mut self, now: Instant, bytes: usize) -> Instant {
        let Some(seconds) = self.seconds_per_byte else { return now };
        self.free = self.free.max(now) + Duration::from_secs_f64(seconds * bytes as f64);
        self.free
    }

    /// Read in one go.
    const fn portion(&self) -> usize {
        if self.seconds_per_byte.is_some() { 8 << 10 } else { 64 << 10 }
    }
}

/// Bytes on their way; none of them: the end.
struct Chunk {
    due: Instant,
    bytes: Vec<u8>,
    written: usize,
}

/// One direction of a connection.
struct Pipe {
    queue: VecDeque<Chunk>,
    on_the_way: usize,
    /// Nothing is sent before that: the connection is not there yet.
    opens: Instant,
    /// The sender has ended.
    read_all: bool,
    /// The receiver knows that.
    told_end: bool,
    /// The receiver takes no more at the moment.
    blocked: bool,
}

impl Pipe {
    const fn new(opens: Instant) -> Self {
        Self { queue: VecDeque::new(), on_the_way: 0, opens, read_all: false, told_end: false, blocked: false }
    }

    const fn wants(&self) -> bool {
        !self.read_all && self.on_the_way < WINDOW
    }

    /// Takes what the sender has.
    fn take(&mut self, mut from: &TcpStream, rate: &mut Rate, half_trip: Duration) {
        let mut bytes = vec![0; rate.portion()];
        let count = match from.read(&mut bytes) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(_) => 0,
        };
        set_tcp_quickack(from, true).ok();
        bytes.truncate(count);
        bytes.shrink_to_fit();
        self.read_all = count == 0;
        self.on_the_way += count;
        let due = rate.book(Instant::now().max(self.opens), count) + half_trip;
        self.queue.push_back(Chunk { due, bytes, written: 0 });
    }

    /// Hands over what has arrived. An error: the receiver is gone.
    fn give(&mut self, mut to: &TcpStream, now: Instant) -> io::Result<()> {
        self.blocked = false;
        while let Some(chunk) = self.queue.front_mut().filter(|chunk| chunk.due <= now) {
            if chunk.bytes.is_empty() {
                to.shutdown(Shutdown::Write).ok();
                self.told_end = true;
                self.queue.clear();
                return Ok(());
            }
            match to.write(chunk.bytes.get(chunk.written..).unwrap_or_default()) {
                Ok(count) => {
                    chunk.written += count;
                    self.on_the_way -= count;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.blocked = true;
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
            if chunk.written == chunk.bytes.len() {
                self.queue.pop_front();
            }
        }
        Ok(())
    }

    /// When there is something to hand over next.
    fn due(&self) -> Option<Instant> {
        if self.blocked { None } else { self.queue.front().map(|chunk| chunk.due) }
    }
}

struct Connection {
    client: TcpStream,
    /// The other half, when the client's SYN and ACK have got there, and when that is.
    server: Result<TcpStream, Instant>,
    up: Pipe,
    down: Pipe,
}

impl Connection {
    /// Everything that has arrived by now is handed over; false: it is over.
    fn give(&mut self, now: Instant, port: u16) -> bool {
        if self.server.as_ref().is_err_and(|&at| at <= now) {
            let Ok(server) = connected(port) else { return false };
            self.server = Ok(server);
        }
        let Ok(server) = &self.server else { return true };
        let alive = self.up.give(server, now).is_ok() && self.down.give(&self.client, now).is_ok();
        alive && !(self.up.told_end && self.down.told_end)
    }

    fn next(&self) -> Option<Instant> {
        match &self.server {
            Ok(_) => [self.up.due(), self.down.due()].into_iter().flatten().min(),
            Err(at) => Some(*at),
        }
    }
}

fn connected(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

struct Relay {
    listener: TcpListener,
    server: u16,
    trip: Duration,
    up: Rate,
    down: Rate,
    connections: Vec<Connection>,
    /// Whose turn on the line it is first.
    first: usize,
}

impl Relay {
    /// Hands over, waits, takes.
    fn turn(&mut self) {
        let (now, server) = (Instant::now(), self.server);
        self.connections.retain_mut(|connection| connection.give(now, server));
        let closed = (self.up.closed_until(now), self.down.closed_until(now));
        let mut next = now + IDLE;
        for instant in self.connections.iter().filter_map(Connection::next).chain(closed.0).chain(closed.1) {
            next = next.min(instant);
        }
        let mut ready: Vec<(PollFlags, PollFlags)> = Vec::with_capacity(self.connections.len());
        let knocks = {
            let mut polled = vec![PollFd::new(&self.listener, PollFlags::IN)];
            for Connection { client, server, up, down } in &self.connections {
                let mut flags = (PollFlags::empty(), PollFlags::empty());
                flags.0.set(PollFlags::IN, up.wants() && closed.0.is_none());
                flags.0.set(PollFlags::OUT, down.blocked);
                polled.push(PollFd::new(client, flags.0));
                if let Ok(server) = server {
                    flags.1.set(PollFlags::IN, down.wants() && closed.1.is_none());
                    flags.1.set(PollFlags::OUT, up.blocked);
                    polled.push(PollFd::new(server, flags.1));
                }
            }
            let timeout = Timespec::try_from(next.saturating_duration_since(now)).expect("at most IDLE");
            poll(&mut polled, Some(&timeout)).ok();
            let mut events = polled.iter().map(PollFd::revents);
            let knocks = events.next().is_some_and(|events| !events.is_empty());
            for connection in &self.connections {
                let client = events.next().unwrap_or(PollFlags::empty());
                let server = if connection.server.is_ok() { events.next() } else { None };
                ready.push((client, server.unwrap_or(PollFlags::empty())));
            }
            knocks
        };
        self.take(&ready);
        if knocks {
            self.accept();
        }
    }

    fn take(&mut self, ready: &[(PollFlags, PollFlags)]) {
        let half = self.trip / 2;
        let count = self.connections.len();
        self.first = self.first.wrapping_add(1);
        for turn in 0..count {
            let number = (self.first % count + turn) % count;
            let (Some(connection), Some(&(client, server))) = (self.connections.get_mut(number), ready.get(number))
            else {
                continue;
            };
            let now = Instant::now();
            let readable = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
            if client.intersects(readable) && connection.up.wants() && self.up.closed_until(now).is_none() {
                connection.up.take(&connection.client, &mut self.up, half);
            }
            if let Ok(stream) = &connection.server
                && server.intersects(readable)
                && connection.down.wants()
                && self.down.closed_until(now).is_none()
            {
                connection.down.take(stream, &mut self.down, half);
            }
        }
    }

    fn accept(&mut self) {
        while let Ok((client, _)) = self.listener.accept() {
            if client.set_nonblocking(true).and_then(|()| client.set_nodelay(true)).is_err() {
                continue;
            }
            let now = Instant::now();
            self.connections.push(Connection {
                client,
                server: Err(now + self.trip * 3 / 2),
                up: Pipe::new(now + self.trip),
                down: Pipe::new(now),
            });
        }
    }
}
