//! A line between the program and a server that a test can count on, and cut: at every byte of either direction.
//!
//! It forwards exactly as many bytes as it was told, then does what it was told: cuts all lines and lets no new ones
//! through until it is mended, or calls a function (which may kill the program). It can also hide what a server offers, so that
//! one server stands for many.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Lines are there to be cut: nobody waits longer than that for one to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// What the program says.
    ToServer,
    /// What the server says.
    ToClient,
}

type Strike = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    /// What happens after so many more bytes in one direction.
    armed: Option<(Way, u64, Option<Strike>)>,
    /// Bytes forwarded since the last [`Relay::count_anew`].
    counted: [u64; 2],
    /// Nothing gets through.
    cut: bool,
    lines: BTreeMap<u64, (TcpStream, TcpStream)>,
    /// Threads that forward.
    pumps: usize,
    ended: bool,
}

/// See the module.
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

struct Shared {
    upstream: SocketAddr,
    hidden: Vec<&'static str>,
    state: Mutex<State>,
    changed: Condvar,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Relay {
    /// A line to this server, which hides these words of it (they must come in one piece, as an EHLO reply does).
    pub fn start(upstream: SocketAddr, hidden: &[&'static str]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("its address");
        let shared =
            Arc::new(Shared { upstream, hidden: hidden.to_vec(), state: Mutex::default(), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        let listening = Builder::new().name("relay".to_owned()).spawn(move || accept(&listener, &accepting));
        Self { address, shared, listening: Some(listening.expect("a thread")) }
    }

    /// Where the program connects to.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// After so many more bytes this way, every line is cut, and none gets through until [`Self::mend`].
    pub fn cut_after(&self, way: Way, bytes: u64) {
        self.arm(way, bytes, None);
    }

    /// After so many more bytes this way, calls this, once; then the bytes go on.
    pub fn call_after(&self, way: Way, bytes: u64, strike: impl FnOnce() + Send + 'static) {
        self.arm(way, bytes, Some(Box::new(strike)));
    }

    fn arm(&self, way: Way, bytes: u64, strike: Option<Strike>) {
        self.shared.lock().armed = Some((way, bytes, strike));
    }

    /// Forgets what it was told; lines get through again. True: it had happened.
    pub fn mend(&self) -> bool {
        let mut state = self.shared.lock();
        state.cut = false;
        state.armed.take().is_none()
    }

    /// Bytes forwarded this way, since the last time they were counted anew.
    pub fn counted(&self, way: Way) -> u64 {
        self.shared.lock().counted[way as usize]
    }

    /// Counts from nothing again.
    pub fn count_anew(&self) {
        self.shared.lock().counted = [0, 0];
    }

    /// Waits until every line has ended at both ends: then the server has done what it will do of what it was given.
    pub fn settle(&self) {
        let state = self.shared.lock();
        let busy = |state: &mut State| state.pumps > 0;
        let (state, _) =
            self.shared.changed.wait_timeout_while(state, PATIENCE, busy).unwrap_or_else(PoisonError::into_inner);
        assert_eq!(state.pumps, 0, "a line does not end");
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.cut_all();
        TcpStream::connect(self.address).ok();
        if let Some(listening) = self.listening.take() {
            listening.join().ok();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut_all(&self) {
        let mut state = self.lock();
        state.cut = true;
        for (client, server) in state.lines.values() {
            // One that is closed already is as good. Of the server's end its own closing is waited for: only then has it done
            // what it does of what it was given.
            client.shutdown(Shutdown::Both).ok();
            server.shutdown(Shutdown::Write).ok();
        }
        state.lines.clear();
    }

    /// How many of these bytes may go, and what is to be done behind them.
    fn let_through(&self, way: Way, bytes: usize) -> (usize, Option<Option<Strike>>) {
        let mut state = self.lock();
        if state.cut {
            return (0, Some(None));
        }
        let (allowed, strike) = match state.armed.take() {
            Some((at, left, strike)) if at == way && left <= bytes as u64 => {
                (usize::try_from(left).unwrap_or(bytes), Some(strike))
            }
            Some((at, left, strike)) => {
                let left = if at == way { left - bytes as u64 } else { left };
                state.armed = Some((at, left, strike));
                (bytes, None)
            }
            None => (bytes, None),
        };
        state.counted[way as usize] += allowed as u64;
        (allowed, strike)
    }

    fn pump(&self, way: Way, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let piece = &mut buffer[..read];
            if way == Way::ToClient {
                self.hide(piece);
            }
            let (allowed, strike) = self.let_through(way, read);
            let written = to.write_all(&piece[..allowed]);
            match strike {
                Some(None) => self.cut_all(),
                Some(Some(strike)) => {
                    strike();
                    if to.write_all(&piece[allowed..]).is_err() {
                        break;
                    }
                }
                None => {}
            }
            if written.is_err() {
                break;
            }
        }
        to.shutdown(Shutdown::Write).ok();
        from.shutdown(Shutdown::Read).ok();
    }

    fn hide(&self, piece: &mut [u8]) {
        for word in &self.hidden {
            let found = piece.windows(word.len()).position(|window| window == word.as_bytes());
            if let Some(at) = found {
                piece[at] = b'X';
            }
        }
    }

    fn begin(self: &Arc<Self>, number: u64, client: TcpStream) -> std::io::Result<()> {
        let server = TcpStream::connect(self.upstream)?;
        for stream in [&client, &server] {
            stream.set_nodelay(true)?;
        }
        let copy = |stream: &TcpStream| stream.try_clone();
        let pairs = [(Way::ToServer, copy(&client)?, copy(&server)?), (Way::ToClient, copy(&server)?, copy(&client)?)];
        {
            let mut state = self.lock();
            state.lines.insert(number, (client, server));
            state.pumps += pairs.len();
        }
        for (way, from, to) in pairs {
            let shared = Arc::clone(self);
            let pump = move || {
                shared.pump(way, from, to);
                let mut state = shared.lock();
                state.pumps -= 1;
                if way == Way::ToClient {
                    state.lines.remove(&number);
                }
                shared.changed.notify_all();
            };
            Builder::new().name("relay".to_owned()).spawn(pump).expect("a thread");
        }
        Ok(())
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for (number, client) in (0..).zip(listener.incoming()) {
        let Ok(client) = client else { return };
        let (cut, ended) = {
            let state = shared.lock();
            (state.cut, state.ended)
        };
        if ended {
            return;
        }
        if !cut {
            // A server that is gone hangs up; so does this.
            shared.begin(number, client).ok();
        }
    }
}
