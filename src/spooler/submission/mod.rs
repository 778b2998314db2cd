//! The submission port: a way in for mail programs that speak SMTP and call no program. Off unless the profile has it.
//!
//! It listens on 127.0.0.1 alone and is for one user alone. A port has no owner and no permissions, unlike the spooler's
//! socket, and TCP tells nothing of who connects; so two things are asked for. Whoever connects must sign in with a
//! secret that only the profile's user can get at (AUTH, RFC 4954): that is what counts, and it also keeps out web pages
//! and other programs that can be talked into connecting to this machine. And the system must know the connection's
//! other end as a socket of the same user ([`peer`]), so that no other user can even guess. There is no TLS: what passes
//! never leaves the machine.
//!
//! A message is on disk when it is acknowledged, as with `submit`; nothing here waits for the network.

mod dotted;
mod peer;
mod session;

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::line::Line;
use crate::profile::{Places, Profile, SubmissionPort};
use session::Session;

/// Connections served at the same time; more are turned away.
const CONNECTIONS: usize = 16;
/// How long a client may take for a line (RFC 5321, 4.5.3.2.7).
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two tries to let a client in when the system has no room for one.
const BREATH: Duration = Duration::from_millis(100);

/// The port while it is open.
#[derive(Debug)]
pub(super) struct Submission {
    address: SocketAddr,
    listening: JoinHandle<()>,
    stop: Arc<AtomicBool>,
}

/// What every connection works with.
#[derive(Debug)]
struct Desk {
    port: SubmissionPort,
    places: Places,
    profile: Profile,
    line: Line,
}

impl Submission {
    /// Opens it.
    ///
    /// # Errors
    /// Somebody else has the port.
    pub(super) fn open(port: &SubmissionPort, places: &Places, profile: &Profile, line: &Line) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.port))?;
        let (address, stop) = (listener.local_addr()?, Arc::new(AtomicBool::new(false)));
        let (port, places, profile) = (port.clone(), places.clone(), profile.clone());
        let desk = Arc::new(Desk { port, places, profile, line: line.clone() });
        let stopped = Arc::clone(&stop);
        let listening =
            thread::Builder::new().name("submission".to_owned()).spawn(move || listen(&listener, &desk, &stopped))?;
        Ok(Self { address, listening, stop })
    }

    /// Lets nobody in any more. Who is in may finish what he does: it goes to the spool, and needs no spooler.
    pub(super) fn close(self) {
        self.stop.store(true, Ordering::Relaxed);
        // The listening thread waits for a client: this is its last.
        if TcpStream::connect(self.address).is_ok() {
            self.listening.join().ok();
        }
    }
}

fn listen(listener: &TcpListener, desk: &Arc<Desk>, stop: &AtomicBool) {
    let seats = Arc::new(());
    for stream in listener.incoming() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let seat = Arc::clone(&seats);
        let is_full = Arc::strong_count(&seats) > CONNECTIONS + 1;
        let desk = Arc::clone(desk);
        let served = stream.and_then(|mut stream| {
            if is_full {
                return stream.write_all(b"421 4.3.2 Too many connections\r\n");
            }
            thread::Builder::new()
                .name("submission client".to_owned())
                .spawn(move || {
                    // How a client ends its connection is its own business.
                    serve(stream, &desk).ok();
                    drop(seat);
                })
                .map(drop)
        });
        if served.is_err() {
            // No descriptors or no threads left: there may be some again.
            thread::park_timeout(BREATH);
        }
    }
}

fn serve(stream: TcpStream, desk: &Desk) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // Replies are small and complete when they are written.
    stream.set_nodelay(true)?;
    if !peer::is_ours(stream.peer_addr()?, stream.local_addr()?) {
        return (&stream).write_all(b"554 5.7.1 This is another user's\r\n");
    }
    Session::new(stream, desk)?.run()
}
