//! Postfix's `smtp-sink`: takes and drops mail, and refuses, delays or hangs up at any command it is told to. It has
//! PIPELINING and no CHUNKING.

use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::daemon::{Daemon, NOBODY, Ready, find, folder, free_port, wait_until};

/// See the module.
#[derive(Debug)]
pub struct SmtpSink {
    /// Where it takes mail.
    pub port: u16,
    _daemon: Daemon,
    folder: TempDir,
}

impl SmtpSink {
    /// Starts one with more options of smtp-sink(1), such as `["-r", "RCPT"]` (refuse, 4xx with `-s`).
    pub fn start(options: &[&str]) -> Option<Self> {
        let programs = find("smtp-sink", &["smtp-sink", "setpriv"])?;
        let [sink, _] = programs.as_slice() else { unreachable!("as many as were asked for") };
        let folder = folder();
        let port = free_port();
        let (address, dump) = (format!("127.0.0.1:{port}"), format!("{}/message.", folder.path().display()));
        // It starts as root, writes as nobody.
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("root may");
        let mut arguments = vec!["-u", "nobody", "-m", "2000", "-d", &dump];
        arguments.extend_from_slice(options);
        arguments.extend_from_slice(&[&address, "1000"]);
        let daemon = Daemon::start("smtp-sink", sink, &arguments, &PathBuf::new(), &[Ready::Listens(port)]);
        Some(Self { port, _daemon: daemon, folder })
    }

    /// Messages it took so far.
    pub fn count(&self) -> usize {
        std::fs::read_dir(self.folder.path()).expect("its folder").count()
    }

    /// Waits until it took this many; panics if it does not in a minute.
    pub fn wait_count(&self, count: usize) {
        assert!(wait_until(Duration::from_mins(1), || self.count() >= count), "{} of {count} messages", self.count());
    }
}
