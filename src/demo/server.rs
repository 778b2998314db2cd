//! A listener on loopback and the threads that serve its connections.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::gate::Gate;
use super::lock;

/// Connections served at the same time by one listener; more are closed as they come.
const CONNECTIONS: usize = 64;

/// Speaks one protocol on one connection until either side ends it.
pub(super) type Serve = dyn Fn(TcpStream) -> io::Result<()> + Send + Sync;

type Connections = Arc<Mutex<BTreeMap<u64, TcpStream>>>;

/// See the module. Dropped, it closes the listener, cuts every connection and joins every thread.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    gate: Arc<Gate>,
    listening: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on a free port of 127.0.0.1.
    pub(super) fn start(name: &'static str, gate: Arc<Gate>, serve: Arc<Serve>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let watched = Arc::clone(&gate);
        let listening =
            Builder::new().name(format!("demo-{name}")).spawn(move || listen(name, &listener, &watched, &serve))?;
        Ok(Self { address, gate, listening: Some(listening) })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.gate.stop();
        // One more connection wakes the listener; should even that fail, the process is at its limits and the thread is
        // left behind rather than waited for.
        if TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_ok()
            && let Some(thread) = self.listening.take()
        {
            thread.join().ok();
        }
    }
}

fn listen(name: &'static str, listener: &TcpListener, gate: &Gate, serve: &Arc<Serve>) {
    let connections = Connections::default();
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    for (number, stream) in (0..).zip(listener.incoming()) {
        if gate.stopping() {
            break;
        }
        threads.retain(|thread| !thread.is_finished());
        let accepted = match stream {
            Ok(stream) if threads.len() < CONNECTIONS => {
                spawn(name, number, stream, Arc::clone(&connections), Arc::clone(serve))
            }
            Ok(_) => continue,
            Err(error) => Err(error),
        };
        match accepted {
            Ok(thread) => threads.push(thread),
            // Out of descriptors or threads: others must end first.
            Err(_) if gate.pause(Duration::from_millis(50)).is_err() => break,
            Err(_) => {}
        }
    }
    for stream in lock(&connections).values() {
        stream.shutdown(Shutdown::Both).ok();
    }
    for thread in threads {
        thread.join().ok();
    }
}

fn spawn(
    name: &str,
    number: u64,
    stream: TcpStream,
    connections: Connections,
    serve: Arc<Serve>,
) -> io::Result<JoinHandle<()>> {
    // Replies are small and complete when they are written.
    stream.set_nodelay(true)?;
    lock(&connections).insert(number, stream.try_clone()?);
    Builder::new().name(format!("demo-{name}-{number}")).spawn(move || {
        // How a client ends its connection is its own business.
        serve(stream).ok();
        if let Some(stream) = lock(&connections).remove(&number) {
            stream.shutdown(Shutdown::Both).ok();
        }
    })
}
