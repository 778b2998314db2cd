//! One window for a profile: the first process that shows it listens beside the spooler's socket, and a second start hands
//! over what it was started with and is done.
//!
//! It is a socket of its own because the spooler may be a command's, or not there yet while the first profile is still to
//! be written. What is said: one byte that tells open from background; then, each ended by a zero byte, the token of the
//! launcher, if any, and the paths of files.
//! The answer, one byte, comes when it was taken.

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::startup::Token;
use crate::profile::Places;
use crate::profile::places::{create_private_dir, private_file_options};

/// Longest message: a few thousand long paths.
const LONGEST: u64 = 4 << 20;
/// How long the other process may take to listen, and to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two tries.
const BREATH: Duration = Duration::from_millis(20);

const OPEN: u8 = b'o';
const BACKGROUND: u8 = b'b';
const TAKEN: u8 = b'+';

/// What a start asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    /// The window, and these files into the queue; what the launcher gave along.
    Open(Vec<PathBuf>, Option<Token>),
    /// Only that the program runs.
    Background,
}

/// What became of a start.
#[derive(Debug)]
pub(super) enum Claim {
    /// This process is the first.
    First(Instance),
    /// Another one is, and has taken it over.
    HandedOver,
}

/// The first process's end. Dropped, the next start is a first one again.
#[derive(Debug)]
pub(super) struct Instance {
    path: PathBuf,
    listener: Option<UnixListener>,
    _lock: File,
}

impl Instance {
    /// Becomes the first process of this profile, or hands the start over to the one that is.
    ///
    /// # Errors
    /// There is no place for the socket, or the first process does not answer.
    pub(super) fn claim(places: &Places, start: &Start) -> io::Result<Claim> {
        let path = places.socket().with_extension("desk");
        if let Some(folder) = path.parent() {
            create_private_dir(folder)?;
        }
        let lock = private_file_options().create(true).open(path.with_extension("desk-lock"))?;
        let began = Instant::now();
        loop {
            if lock.try_lock().is_ok() {
                return Self::listen(path, lock).map(Claim::First);
            }
            match hand_over(&path, start) {
                Ok(()) => return Ok(Claim::HandedOver),
                Err(error) if began.elapsed() > PATIENCE => return Err(error),
                Err(_) => thread::park_timeout(BREATH),
            }
        }
    }

    fn listen(path: PathBuf, lock: File) -> io::Result<Self> {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(Self { path, listener: Some(listener), _lock: lock })
    }

    /// Gives every later start to `take`, on a thread of its own.
    pub(super) fn serve(&mut self, take: impl Fn(Start) + Send + 'static) -> io::Result<()> {
        let Some(listener) = self.listener.take() else { return Ok(()) };
        thread::Builder::new().name("instance".to_owned()).spawn(move || {
            for stream in listener.incoming() {
                match stream.and_then(|stream| hear(&stream).map(|start| (stream, start))) {
                    Ok((mut stream, start)) => {
                        take(start);
                        // Whoever does not wait for the answer needs none.
                        stream.write_all(&[TAKEN]).ok();
                    }
                    // Nonsense, or no descriptors left: there may be better times.
                    Err(_) => thread::park_timeout(BREATH),
                }
            }
        })?;
        Ok(())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // The lock is still held, so it is nobody else's.
        std::fs::remove_file(&self.path).ok();
    }
}

fn hand_over(path: &Path, start: &Start) -> io::Result<()> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut said = vec![BACKGROUND];
    if let Start::Open(files, token) = start {
        said[0] = OPEN;
        said.extend_from_slice(token.as_ref().map_or("", Token::as_str).as_bytes());
        said.push(0);
        for file in files {
            said.extend_from_slice(file.as_os_str().as_bytes());
            said.push(0);
        }
    }
    stream.write_all(&said)?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut answer = [0];
    stream.read_exact(&mut answer)
}

fn hear(stream: &UnixStream) -> io::Result<Start> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut said = Vec::new();
    stream.take(LONGEST).read_to_end(&mut said)?;
    match said.split_first() {
        Some((&OPEN, rest)) => {
            let mut parts = rest.split(|byte| *byte == 0);
            let token = parts.next().and_then(|token| Token::of(std::str::from_utf8(token).ok()?));
            let files = parts.filter(|file| !file.is_empty());
            Ok(Start::Open(files.map(|file| PathBuf::from(OsStr::from_bytes(file))).collect(), token))
        }
        Some((&BACKGROUND, [])) => Ok(Start::Background),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::*;

    #[test]
    fn a_second_start_hands_over_its_files_and_a_third_is_first_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let places = Places::of(Some(folder.path()));
        let Ok(Claim::First(mut first)) = Instance::claim(&places, &Start::Background) else { panic!("nobody else") };
        let (sender, starts) = unbounded();
        first.serve(move |start| sender.send(start).expect("somebody listens")).expect("a thread");

        let files = vec![PathBuf::from("/tmp/a b.eml"), PathBuf::from(OsStr::from_bytes(b"/tmp/\xff.eml"))];
        let open = Start::Open(files.clone(), Token::of("clicked_TIME7"));
        for start in [open, Start::Open(files, None), Start::Open(Vec::new(), None), Start::Background] {
            let claim = Instance::claim(&places, &start).expect("it answers");
            assert!(matches!(claim, Claim::HandedOver));
            assert_eq!(starts.try_recv(), Ok(start), "taken before it was answered");
        }
        drop(first);
        assert!(matches!(Instance::claim(&places, &Start::Background), Ok(Claim::First(_))));
    }

    #[test]
    fn what_a_dead_process_left_is_no_hindrance() {
        let folder = tempfile::tempdir().expect("a folder");
        let places = Places::of(Some(folder.path()));
        let path = places.socket().with_extension("desk");
        create_private_dir(path.parent().expect("a folder")).expect("made");
        drop(UnixListener::bind(&path).expect("a socket that nobody listens at"));
        assert!(matches!(Instance::claim(&places, &Start::Background), Ok(Claim::First(_))));
    }
}
