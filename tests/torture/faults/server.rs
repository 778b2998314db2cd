//! A server that goes wrong at one point of its conversation, in one way; healed, it does everything right.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::daemon::wait_until;

/// What an endless answer may push into the program before it counts as having no end: more than any limit of ours.
const ENDLESS: u64 = 32 << 20;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The line is closed instead of the answer.
    Drop,
    /// No answer comes, ever.
    Stall,
    /// The answer comes byte by byte, and takes longer than is waited for.
    Drip,
    /// Bytes that are no answer.
    Garbage,
    /// A line that does not end.
    EndlessLine,
    /// Line after line, without the last.
    EndlessReply,
    /// The answer, twice.
    Twice,
    /// No, for now.
    Temporary,
    /// No, for good.
    Permanent,
    /// The server closes down.
    Leaving,
    /// The answer comes from somebody on the line, with commands slipped in behind it.
    Injected,
    /// The answer is right, and what follows it is no TLS.
    NoTls,
    /// Another text instead of the answer.
    Says(&'static str),
    /// Another text, and the line is closed.
    SaysAndDrops(&'static str),
}

/// How a protocol says no, and goes on and on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    /// No, for now; `@` stands for the command's tag.
    pub(crate) temporary: &'static str,
    /// No, for good.
    pub(crate) permanent: &'static str,
    /// Goodbye.
    pub(crate) leaving: &'static str,
    /// How an answer begins, when it takes more than a line.
    pub(crate) begins: &'static str,
    /// Another line of it.
    pub(crate) more: &'static str,
}

/// What a server is told.
#[derive(Clone)]
pub(crate) struct Plan {
    /// At which point it goes wrong.
    pub(crate) at: &'static str,
    /// How.
    pub(crate) fault: Fault,
    /// In which words.
    pub(crate) dialect: Dialect,
    /// Its certificate; it offers STARTTLS or STLS then.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// TLS from the first byte.
    pub(crate) tls_at_once: bool,
    /// SMTP: PIPELINING and CHUNKING.
    pub(crate) streams: bool,
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) plan: Plan,
    healed: AtomicBool,
    struck: AtomicBool,
    /// Bytes of an endless answer that were taken.
    pushed: AtomicU64,
    /// Lines that anybody could have read.
    heard: Mutex<Vec<String>>,
    /// What it took, or has to give: number and content.
    mail: Mutex<Vec<(u32, String)>>,
}

/// See the module.
pub(crate) struct BadServer {
    pub(crate) address: SocketAddr,
    pub(crate) shared: Arc<Shared>,
}

/// Speaks one protocol on one line.
pub(crate) type Serve = fn(&mut Talk) -> io::Result<()>;

impl BadServer {
    /// Listens. Its threads end when their lines do.
    pub(crate) fn start(plan: Plan, serve: Serve, mail: Vec<(u32, String)>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared {
            plan,
            healed: AtomicBool::new(false),
            struck: AtomicBool::new(false),
            pushed: AtomicU64::new(0),
            heard: Mutex::default(),
            mail: Mutex::new(mail),
        });
        let given = Arc::clone(&shared);
        let listen = move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&given);
                let talk = move || {
                    // Whatever ends a line: the program shows what it made of it.
                    Talk::begin(stream, shared).and_then(|mut talk| serve(&mut talk)).ok();
                };
                Builder::new().name("bad server".to_owned()).spawn(talk).expect("a thread");
            }
        };
        Builder::new().name("bad server".to_owned()).spawn(listen).expect("a thread");
        Self { address, shared }
    }

    /// From now on everything is right.
    pub(crate) fn heal(&self) {
        self.shared.healed.store(true, Ordering::SeqCst);
    }

    /// Whether anybody came to the point where it goes wrong. A client doesn't wait for the answer to its goodbye, so the
    /// server may come to read it a moment later.
    pub(crate) fn struck(&self) -> bool {
        wait_until(Duration::from_secs(5), || self.shared.struck.load(Ordering::SeqCst))
    }

    /// Whether an answer without an end was listened to until the server had enough.
    pub(crate) fn was_endless(&self) -> bool {
        self.shared.pushed.load(Ordering::SeqCst) >= ENDLESS
    }
}

impl Shared {
    /// Lines that anybody could have read.
    pub(crate) fn heard(&self) -> MutexGuard<'_, Vec<String>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it took, or has to give.
    pub(crate) fn mail(&self) -> MutexGuard<'_, Vec<(u32, String)>> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Stream {
    Plain(BufReader<TcpStream>),
    Tls(Box<BufReader<StreamOwned<ServerConnection, TcpStream>>>),
    /// Between the two.
    None,
}

/// One line, from the server's side.
pub(crate) struct Talk {
    stream: Stream,
    pub(crate) shared: Arc<Shared>,
    /// What stands for `@` in answers.
    pub(crate) tag: String,
}

impl Talk {
    fn begin(stream: TcpStream, shared: Arc<Shared>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let at_once = shared.plan.tls_at_once;
        let mut talk = Self { stream: Stream::Plain(BufReader::new(stream)), shared, tag: String::new() };
        if at_once {
            talk.start_tls()?;
        }
        Ok(talk)
    }

    /// The next line, without its end.
    pub(crate) fn hear(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        match &mut self.stream {
            Stream::Plain(stream) => stream.read_until(b'\n', &mut line)?,
            Stream::Tls(stream) => stream.read_until(b'\n', &mut line)?,
            Stream::None => 0,
        };
        if !line.ends_with(b"\n") {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if matches!(self.stream, Stream::Plain(_)) {
            self.shared.heard().push(line.clone());
        }
        Ok(line)
    }

    /// Exactly so many bytes.
    pub(crate) fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        match &mut self.stream {
            Stream::Plain(stream) => stream.read_exact(&mut bytes)?,
            Stream::Tls(stream) => stream.read_exact(&mut bytes)?,
            Stream::None => {}
        }
        Ok(bytes)
    }

    /// TLS from here on.
    pub(crate) fn start_tls(&mut self) -> io::Result<()> {
        let config = self.shared.plan.tls.clone().ok_or(io::ErrorKind::Unsupported)?;
        let Stream::Plain(stream) = std::mem::replace(&mut self.stream, Stream::None) else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let session = ServerConnection::new(config).map_err(io::Error::other)?;
        self.stream = Stream::Tls(Box::new(BufReader::new(StreamOwned::new(session, stream.into_inner()))));
        Ok(())
    }

    /// Whether it goes wrong here.
    pub(crate) fn goes_wrong(&self, at: &str) -> bool {
        let wrong = self.shared.plan.at == at && !self.shared.healed.load(Ordering::SeqCst);
        if wrong {
            self.shared.struck.store(true, Ordering::SeqCst);
        }
        wrong
    }

    /// Answers, or goes wrong if this is the point. False: it said no.
    pub(crate) fn say(&mut self, at: &str, answer: &str) -> io::Result<bool> {
        if !self.goes_wrong(at) {
            self.write(format!("{answer}\r\n").as_bytes())?;
            return Ok(true);
        }
        let dialect = self.shared.plan.dialect;
        let tag = self.tag.clone();
        let put = |text: &str| format!("{}\r\n", text.replace('@', &tag));
        match self.shared.plan.fault {
            Fault::Drop => Err(io::ErrorKind::ConnectionAborted.into()),
            Fault::Stall => self.stall(),
            Fault::Drip => self.drip(&format!("{answer}\r\n")),
            Fault::Garbage => self.write(b"\x00\xff\x1b[2J\x07 what?\r\n%$#\xf0\x9f no\r\n").map(|()| true),
            Fault::EndlessLine => self.endless(&"x".repeat(64 << 10)),
            Fault::EndlessReply => {
                self.write(put(dialect.begins).as_bytes())?;
                self.endless(&put(dialect.more).repeat(1000))
            }
            Fault::Twice => self.write(format!("{answer}\r\n{answer}\r\n").as_bytes()).map(|()| true),
            Fault::Temporary => self.write(put(dialect.temporary).as_bytes()).map(|()| false),
            Fault::Permanent => self.write(put(dialect.permanent).as_bytes()).map(|()| false),
            Fault::Leaving => {
                self.write(put(dialect.leaving).as_bytes())?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Fault::Injected => self.write(format!("{answer}\r\n{}", put(dialect.more)).as_bytes()).map(|()| true),
            Fault::NoTls => {
                self.write(format!("{answer}\r\n").as_bytes())?;
                self.take(5)?;
                self.write(b"What was that?\r\n")?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Fault::Says(text) => self.write(put(text).as_bytes()).map(|()| true),
            Fault::SaysAndDrops(text) => {
                self.write(put(text).as_bytes())?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.get_mut().write_all(bytes),
            Stream::Tls(stream) => stream.get_mut().write_all(bytes).and_then(|()| stream.get_mut().flush()),
            Stream::None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn stall(&mut self) -> io::Result<bool> {
        // Until the program has had enough. Nothing is read: what it still writes has nowhere to go.
        let Stream::Plain(stream) = &self.stream else { return Err(io::ErrorKind::Unsupported.into()) };
        let mut looked = [0; 1];
        stream.get_ref().set_read_timeout(Some(Duration::from_millis(100)))?;
        for _ in 0..300 {
            std::thread::park_timeout(Duration::from_millis(100));
            if stream.get_ref().take_error()?.is_some() || matches!(stream.get_ref().peek(&mut looked), Ok(0)) {
                break;
            }
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    fn drip(&mut self, answer: &str) -> io::Result<bool> {
        let pause = Duration::from_secs(3) / u32::try_from(answer.len().clamp(1, 60)).unwrap_or(1);
        for (number, byte) in answer.bytes().enumerate() {
            self.write(&[byte])?;
            if number < 60 {
                std::thread::park_timeout(pause);
            }
        }
        Ok(true)
    }

    fn endless(&mut self, piece: &str) -> io::Result<bool> {
        loop {
            self.write(piece.as_bytes())?;
            let pushed = self.shared.pushed.fetch_add(piece.len() as u64, Ordering::SeqCst);
            if pushed >= ENDLESS {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
    }
}
