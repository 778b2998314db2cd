//! Exim as a server that takes mail for everybody, only so much in one session, and delivers it into one Maildir.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::daemon::{Daemon, Ready, find, folder, free_port, wait_until, write};

/// See the module.
#[derive(Debug)]
pub struct Exim {
    /// Where it takes mail, in plain text, from anybody.
    pub port: u16,
    daemon: Daemon,
    folder: TempDir,
}

impl Exim {
    /// Starts one that takes this many messages in a session and says 421 to the next.
    pub fn start(messages_a_session: u32) -> Option<Self> {
        let programs = find("Exim", &["exim4", "setpriv"])?;
        let [exim, _] = programs.as_slice() else { unreachable!("as many as were asked for") };
        let (folder, port) = (folder(), free_port());
        let config = configure(folder.path(), exim, port, messages_a_session);
        let config = config.to_str().expect("a path of ours");
        let log = folder.path().join("log/mainlog");
        let daemon = Daemon::start("Exim", exim, &["-C", config, "-bdf"], &log, &[Ready::Greets(port)]);
        Some(Self { port, daemon, folder })
    }

    /// What it logged.
    pub fn log(&self) -> String {
        self.daemon.log()
    }

    /// Sessions it has dismissed so far, for having carried enough.
    pub fn dismissed(&self) -> usize {
        self.daemon.log().matches("too many messages in one connection").count()
    }

    /// Waits until this many messages are delivered, and gives how many are then; panics with the log if they don't come
    /// in a minute.
    pub fn wait_deliveries(&self, count: usize) -> usize {
        let mail = self.folder.path().join("mail/new");
        let delivered = || std::fs::read_dir(&mail).map_or(0, Iterator::count);
        let there = wait_until(Duration::from_mins(1), || delivered() >= count);
        assert!(there, "{} of {count} deliveries\n{}", delivered(), self.daemon.log());
        delivered()
    }
}

fn configure(folder: &Path, program: &Path, port: u16, messages_a_session: u32) -> PathBuf {
    for (name, owner) in [("spool", "Debian-exim"), ("log", "Debian-exim"), ("mail", "Debian-exim")] {
        let path = folder.join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        let status = Command::new("chown").arg(owner).arg(&path).status().expect("chown(1)");
        assert!(status.success(), "chown {owner}");
    }
    let (at, program) = (folder.display(), program.display());
    let path = folder.join("exim.conf");
    write(
        &path,
        &format!(
            "primary_hostname = exim.test\nexim_user = Debian-exim\nexim_path = {program}\nspool_directory = {at}/spool\n\
             log_file_path = {at}/log/%slog\nlocal_interfaces = 127.0.0.1\ndaemon_smtp_ports = {port}\n\
             deliver_drop_privilege\nnever_users =\ntls_advertise_hosts =\nacl_smtp_rcpt = accept\nacl_smtp_data = accept\n\
             smtp_accept_max_per_connection = {messages_a_session}\nsmtp_accept_queue_per_connection = 0\n\
             begin routers\neverybody:\n  driver = accept\n  transport = maildir\n\
             begin transports\nmaildir:\n  driver = appendfile\n  directory = {at}/mail\n  maildir_format\n"
        ),
    );
    path
}
