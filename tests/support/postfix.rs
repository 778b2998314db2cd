//! Postfix as a submission server that delivers everything into one Maildir a recipient, where it can be counted and
//! compared.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::certs::Certs;
use super::daemon::{Daemon, NOBODY, Ready, find, folder, free_port, wait_until, write};

/// How it is to be set up. The default takes everything, in plain text, from anybody.
#[derive(Debug, Clone, Default)]
pub struct PostfixSetup<'a> {
    /// Offers STARTTLS with this certificate, and TLS from the first byte on [`Postfix::tls_port`].
    pub certs: Option<&'a Certs>,
    /// Lets in only who signs in, against this socket of a Dovecot ([`super::Dovecot::auth_socket`]).
    pub auth_socket: Option<PathBuf>,
    /// Answers to recipients: a pattern as in `regexp_table(5)` without slashes, and an access(5) action such as
    /// `450 4.7.1 Greylisted` or `550 5.1.1 No such user`. The first that matches counts.
    pub recipients: &'a [(&'a str, &'a str)],
    /// More lines for `main.cf`.
    pub main_cf: &'a str,
}

/// See the module.
#[derive(Debug)]
pub struct Postfix {
    /// Where it takes mail, with STARTTLS if it has a certificate.
    pub port: u16,
    /// Where it takes mail in TLS, if it has a certificate.
    pub tls_port: u16,
    daemon: Daemon,
    folder: TempDir,
}

/// A message as it was delivered to one recipient.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delivery {
    /// Reverse path.
    pub sender: String,
    /// The recipient.
    pub recipient: String,
    /// The message as it was submitted, with CRLF line ends: without the trace headers that Postfix put before it.
    pub content: Vec<u8>,
}

impl Postfix {
    /// Starts one.
    pub fn start(setup: &PostfixSetup<'_>) -> Option<Self> {
        let programs = find("Postfix", &["postfix", "master", "setpriv"])?;
        let [postfix, master, _] = programs.as_slice() else { unreachable!("as many as were asked for") };
        let folder = folder();
        let (port, tls_port) = (free_port(), free_port());
        configure(folder.path(), setup, port, tls_port);
        let etc = folder.path().join("etc");
        let etc = etc.to_str().expect("a path of ours");
        // Makes the folders of the queue.
        let check = Command::new(postfix).args(["-c", etc, "check"]).output().expect("postfix(1)");
        assert!(check.status.success(), "postfix check: {}", String::from_utf8_lossy(&check.stderr));
        let mut ports = vec![Ready::Greets(port)];
        if setup.certs.is_some() {
            ports.push(Ready::Listens(tls_port));
        }
        let log = folder.path().join("log/maillog");
        let daemon = Daemon::start("Postfix", master, &["-c", etc, "-s"], &log, &ports);
        Some(Self { port, tls_port, daemon, folder })
    }

    /// Its folder: `etc/` for its commands, `spool/` with its queue, `mail/`, the Maildir of everybody.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it logged.
    pub fn log(&self) -> String {
        self.daemon.log()
    }

    /// Everything delivered so far, sorted.
    pub fn deliveries(&self) -> Vec<Delivery> {
        let mut deliveries: Vec<Delivery> = self.files().iter().map(|file| Delivery::read(file)).collect();
        deliveries.sort();
        deliveries
    }

    /// Waits until this many deliveries are there and gives all; panics with the log if they don't come in a minute.
    pub fn wait_deliveries(&self, count: usize) -> Vec<Delivery> {
        let there = wait_until(Duration::from_mins(1), || self.files().len() >= count);
        assert!(there, "{} of {count} deliveries\n{}", self.files().len(), self.log());
        self.deliveries()
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path().join("mail/new"));
        entries.map(|entries| entries.map(|entry| entry.expect("an entry").path()).collect()).unwrap_or_default()
    }
}

impl Delivery {
    /// virtual(8) puts `Return-Path`, `X-Original-To` and `Delivered-To` before the `Received` of smtpd(8).
    fn read(file: &Path) -> Self {
        let text = std::fs::read(file).expect("a delivered message");
        let (mut sender, mut recipient) = (String::new(), String::new());
        let mut rest = text.as_slice();
        let mut in_trace = false;
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let line = String::from_utf8_lossy(&rest[..end]);
            let value = |name: &str| line.strip_prefix(name).map(|value| value.trim_matches(['<', '>']).to_owned());
            if let Some(value) = value("Return-Path: ") {
                sender = value;
            } else if let Some(value) = value("X-Original-To: ") {
                recipient = value;
            } else if line.starts_with("Received: ") && !in_trace {
                in_trace = true;
            } else if !(line.starts_with("Delivered-To: ") || in_trace && line.starts_with(['\t', ' '])) {
                break;
            }
            rest = &rest[end + 1..];
        }
        let content = rest.split_inclusive(|&byte| byte == b'\n').flat_map(|line| match line {
            [text @ .., b'\n'] => [text, b"\r\n"].concat(),
            last => last.to_vec(),
        });
        Self { sender, recipient, content: content.collect() }
    }
}

fn configure(folder: &Path, setup: &PostfixSetup<'_>, port: u16, tls_port: u16) {
    let etc = folder.join("etc");
    for (name, owner) in [("spool", None), ("log", None), ("data", Some("postfix")), ("mail", Some("nobody"))] {
        let path = folder.join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        if let Some(owner) = owner {
            let status = Command::new("chown").arg(owner).arg(&path).status().expect("chown(1)");
            assert!(status.success(), "chown {owner}");
        }
    }
    let mut recipients = String::new();
    for (pattern, action) in setup.recipients {
        writeln!(recipients, "/{pattern}/ {action}").expect("a string");
    }
    write(&etc.join("recipients"), &recipients);
    write(&etc.join("main.cf"), &main_cf(folder, setup));
    write(&etc.join("master.cf"), &master_cf(setup, port, tls_port));
}

fn main_cf(folder: &Path, setup: &PostfixSetup<'_>) -> String {
    let folder = folder.display();
    let mut text = format!(
        "compatibility_level = 3.6\n\
         queue_directory = {folder}/spool\n\
         data_directory = {folder}/data\n\
         maillog_file = {folder}/log/maillog\n\
         maillog_file_prefixes = {folder}\n\
         mail_owner = postfix\n\
         setgid_group = postdrop\n\
         myhostname = postfix.example.org\n\
         inet_interfaces = 127.0.0.1\n\
         inet_protocols = ipv4\n\
         smtputf8_enable = yes\n\
         mydestination =\n\
         local_recipient_maps =\n\
         alias_maps =\n\
         alias_database =\n\
         # Every domain is here, every recipient in the one Maildir, nothing is too large and nothing is rewritten.\n\
         virtual_mailbox_domains = static:here\n\
         virtual_mailbox_maps = static:mail/\n\
         virtual_mailbox_base = {folder}\n\
         virtual_uid_maps = static:{NOBODY}\n\
         virtual_gid_maps = static:{NOBODY}\n\
         virtual_mailbox_limit = 0\n\
         mailbox_size_limit = 0\n\
         message_size_limit = 0\n\
         local_header_rewrite_clients =\n\
         # A test says wrong things on purpose, quickly and often.\n\
         smtpd_error_sleep_time = 0\n\
         smtpd_hard_error_limit = 1000\n\
         smtpd_client_connection_count_limit = 200\n\
         smtpd_recipient_restrictions = check_recipient_access regexp:{folder}/etc/recipients, permit\n"
    );
    if let Some(socket) = &setup.auth_socket {
        let lines = format!(
            "smtpd_sasl_auth_enable = yes\n\
             smtpd_sasl_type = dovecot\n\
             smtpd_sasl_path = {}\n\
             smtpd_relay_restrictions = permit_sasl_authenticated, reject\n",
            socket.display()
        );
        text.push_str(&lines);
    } else {
        text.push_str("smtpd_relay_restrictions = permit_mynetworks, reject\n");
    }
    if let Some(certs) = setup.certs {
        let lines = format!(
            "smtpd_tls_cert_file = {}\n\
             smtpd_tls_key_file = {}\n\
             smtpd_tls_security_level = may\n\
             smtpd_tls_loglevel = 1\n",
            certs.chain.display(),
            certs.key.display()
        );
        text.push_str(&lines);
    }
    text + setup.main_cf + "\n"
}

fn master_cf(setup: &PostfixSetup<'_>, port: u16, tls_port: u16) -> String {
    let mut text = format!("127.0.0.1:{port} inet n - n - 50 smtpd\n");
    if setup.certs.is_some() {
        let line = format!("127.0.0.1:{tls_port} inet n - n - 50 smtpd\n  -o smtpd_tls_wrappermode=yes\n");
        text.push_str(&line);
    }
    // Without chroot, which would need a folder full of the system's files.
    text.push_str(
        "pickup unix n - n 60 1 pickup\n\
         cleanup unix n - n - 0 cleanup\n\
         qmgr unix n - n 300 1 qmgr\n\
         tlsmgr unix - - n 1000? 1 tlsmgr\n\
         tlsproxy unix - - n - 0 tlsproxy\n\
         rewrite unix - - n - - trivial-rewrite\n\
         bounce unix - - n - 0 bounce\n\
         defer unix - - n - 0 bounce\n\
         trace unix - - n - 0 bounce\n\
         verify unix - - n - 1 verify\n\
         flush unix n - n 1000? 0 flush\n\
         proxymap unix - - n - - proxymap\n\
         proxywrite unix - - n - 1 proxymap\n\
         smtp unix - - n - - smtp\n\
         relay unix - - n - - smtp\n\
         showq unix n - n - - showq\n\
         error unix - - n - - error\n\
         retry unix - - n - - error\n\
         discard unix - - n - - discard\n\
         local unix - n n - - local\n\
         virtual unix - n n - - virtual\n\
         lmtp unix - - n - - lmtp\n\
         anvil unix - - n - 1 anvil\n\
         scache unix - - n - 1 scache\n\
         postlog unix-dgram n - n - 1 postlogd\n",
    );
    text
}
