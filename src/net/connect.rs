//! From a host name to a connection that bytes can go over, encrypted or not.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use super::step::step;
use super::tls;
use crate::mapi::{Class, Failure, Stage};
use crate::profile::{Security, ServerConfig};

/// How long it may take to find the server and to reach one of its addresses.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(30);

/// Connects to the server: looks it up, tries its addresses in turn (IPv6 and IPv4 alternately, as the resolver
/// prefers them), and agrees on TLS if the profile wants it from the first byte. `stage` hears how far it has come.
///
/// # Errors
/// [`Class::Offline`] when there is no way to it, [`Class::Trust`] for TLS, [`Class::Cancelled`].
pub async fn connect(
    server: &ServerConfig,
    cancel: &CancellationToken,
    stage: &(dyn Fn(Stage) + Send + Sync),
) -> Result<Connection, Failure> {
    connect_by(lookup_host((server.host.as_str(), server.port)), server, cancel, stage).await
}

/// [`connect()`] with a resolver of one's own: the system's can't be made to hang in a test.
pub(super) async fn connect_by<A: Iterator<Item = SocketAddr>>(
    lookup: impl Future<Output = io::Result<A>>,
    server: &ServerConfig,
    cancel: &CancellationToken,
    stage: &(dyn Fn(Stage) + Send + Sync),
) -> Result<Connection, Failure> {
    let at = address_words(server);
    let limit = server.limit(CONNECT_DEADLINE);
    let deadline = Instant::now() + limit;
    if server.security != Security::None {
        tls::prepare(server, &at);
    }
    stage(Stage::Resolve);
    let found = step(lookup, limit, cancel, Stage::Resolve, &at).await?;
    stage(Stage::Connect);
    let tcp = first_that_answers(&alternating(found), deadline, cancel, &at).await?;
    let connection =
        Connection::new(tcp, at).map_err(|(error, at)| super::step::failure(&error, Stage::Connect, &at))?;
    if server.security == Security::Tls {
        stage(Stage::Tls);
        return connection.start_tls(server, cancel).await;
    }
    Ok(connection)
}

/// `host:port` as it is written in failures, with brackets around an IPv6 address.
pub fn address_words(server: &ServerConfig) -> String {
    match server.host.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]:{}", server.port),
        _ => format!("{}:{}", server.host, server.port),
    }
}

/// One of each family in turn, so that a dead family costs one try and not all the time there is.
fn alternating(found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let (mut first, mut second): (Vec<_>, Vec<_>) = (Vec::new(), Vec::new());
    for address in found {
        let same_family = first.first().is_none_or(|known: &SocketAddr| known.is_ipv6() == address.is_ipv6());
        if same_family { first.push(address) } else { second.push(address) }
    }
    let mut seconds = second.into_iter();
    let mut all: Vec<_> = first.into_iter().flat_map(|address| [Some(address), seconds.next()]).flatten().collect();
    all.extend(seconds);
    all
}

/// Each address gets its share of the time left: the last one all of it.
async fn first_that_answers(
    addresses: &[SocketAddr],
    deadline: Instant,
    cancel: &CancellationToken,
    at: &str,
) -> Result<TcpStream, Failure> {
    let mut last = Failure::new(Class::Offline, Stage::Connect, at, "the host has no address");
    for (tried, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        match step(TcpStream::connect(address), share, cancel, Stage::Connect, at).await {
            Ok(stream) => return Ok(stream),
            Err(failure) if failure.class == Class::Cancelled => return Err(failure),
            Err(failure) => last = failure,
        }
    }
    Err(last)
}

/// A connection to a server.
///
/// Dropping it closes the socket without a word, which is how work is cut off: a polite end of TLS can block.
pub struct Connection {
    stream: Stream,
    peer: String,
    local: IpAddr,
    loopback: bool,
    quick_ack: bool,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection {
    /// Takes a connected socket over. Small writes go out at once (`TCP_NODELAY`): we gather what belongs together.
    fn new(tcp: TcpStream, peer: String) -> Result<Self, (io::Error, String)> {
        let prepare = || -> io::Result<(IpAddr, IpAddr)> {
            tcp.set_nodelay(true)?;
            Ok((tcp.local_addr()?.ip().to_canonical(), tcp.peer_addr()?.ip().to_canonical()))
        };
        match prepare() {
            Ok((local, remote)) => {
                let loopback = remote.is_loopback();
                Ok(Self { stream: Stream::Plain(tcp), peer, local, loopback, quick_ack: false })
            }
            Err(error) => Err((error, peer)),
        }
    }

    /// Agrees on TLS from here on. The caller has read exactly the reply that allowed it:
    /// see [`super::LineReader::into_source_before_tls`].
    ///
    /// # Errors
    /// [`Class::Trust`], [`Class::Configuration`] for a bad `ca_file`, and those of [`step`].
    pub async fn start_tls(self, server: &ServerConfig, cancel: &CancellationToken) -> Result<Self, Failure> {
        let Stream::Plain(tcp) = self.stream else {
            return Err(Failure::new(Class::Protocol, Stage::Tls, self.peer, "the line is encrypted already"));
        };
        let tls = tls::handshake(tcp, server, cancel, &self.peer).await?;
        Ok(Self { stream: Stream::Tls(Box::new(tls)), ..self })
    }

    /// Whether TLS is up.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// Whether the server is on this machine.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Whether nobody can listen in: TLS, or it does not leave this machine.
    pub fn is_private(&self) -> bool {
        self.is_encrypted() || self.is_loopback()
    }

    /// `host:port` of the server, as configured.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Our own address on this connection.
    pub fn local_address(&self) -> IpAddr {
        self.local
    }

    /// Acknowledge what arrives at once instead of waiting for something to send along (Linux; elsewhere it does
    /// nothing). A server that writes its replies in two pieces stalls 40 ms a message otherwise: its Nagle algorithm
    /// waits for our delayed acknowledgement.
    pub fn quick_ack(&mut self) {
        self.quick_ack = true;
        self.acknowledge_quickly();
    }

    /// The kernel falls back to delaying by itself, so it is asked again after each read.
    fn acknowledge_quickly(&self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if self.quick_ack {
            let tcp = match &self.stream {
                Stream::Plain(tcp) => tcp,
                Stream::Tls(tls) => tls.get_ref().0,
            };
            // It is a hint: without it everything works, only slower.
            tcp.set_quickack(true).ok();
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encrypted = self.is_encrypted();
        f.debug_struct("Connection").field("peer", &self.peer).field("encrypted", &encrypted).finish_non_exhaustive()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Stream::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        };
        if read.is_ready() {
            self.acknowledge_quickly();
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Stream::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Stream::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Stream::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
