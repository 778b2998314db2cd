//! Dovecot with IMAP, POP3 and LMTP, each in plain text with STARTTLS and in TLS from the first byte, and a socket for
//! Postfix to ask about passwords. Whoever signs in with the password `sluice` is a user.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use super::certs::Certs;
use super::daemon::{Daemon, NOBODY, Ready, find, folder, free_port, write};

/// Everybody's password.
pub const PASSWORD: &str = "sluice";

/// The ports of [`Dovecot`].
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// IMAP, with STARTTLS.
    pub imap: u16,
    /// IMAP in TLS.
    pub imaps: u16,
    /// POP3, with STLS.
    pub pop3: u16,
    /// POP3 in TLS.
    pub pop3s: u16,
    /// LMTP.
    pub lmtp: u16,
}

/// See the module.
#[derive(Debug)]
pub struct Dovecot {
    /// Where it listens.
    pub ports: Ports,
    /// Its certificate, and the authority behind it.
    pub certs: Certs,
    daemon: Daemon,
    folder: TempDir,
    filled: AtomicUsize,
}

impl Dovecot {
    /// Starts one with a certificate for localhost.
    pub fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// Starts one with more lines of configuration.
    pub fn start_with(more: &str) -> Option<Self> {
        let programs = find("Dovecot", &["dovecot", "setpriv"])?;
        let [dovecot, _] = programs.as_slice() else { unreachable!("as many as were asked for") };
        if !Path::new("/usr/lib/dovecot/lmtp").exists() || !Path::new("/usr/lib/dovecot/pop3").exists() {
            find("Dovecot's POP3 and LMTP", &["dovecot-pop3d dovecot-lmtpd"])?;
        }
        let folder = folder();
        let certs = Certs::for_localhost(folder.path());
        let ports =
            Ports { imap: free_port(), imaps: free_port(), pop3: free_port(), pop3s: free_port(), lmtp: free_port() };
        let mail = folder.path().join("mail");
        std::fs::create_dir(&mail).expect("a folder");
        chown(&mail, Some(NOBODY), Some(NOBODY)).expect("root may");
        let file = folder.path().join("dovecot.conf");
        write(&file, &(configuration(folder.path(), &certs, ports) + more + "\n"));
        let ready = [
            Ready::Greets(ports.imap),
            Ready::Greets(ports.pop3),
            Ready::Greets(ports.lmtp),
            Ready::Listens(ports.imaps),
            Ready::Listens(ports.pop3s),
        ];
        let log = folder.path().join("dovecot.log");
        let arguments = ["-F", "-c", file.to_str().expect("a path of ours")];
        let daemon = Daemon::start("Dovecot", dovecot, &arguments, &log, &ready);
        Some(Self { ports, certs, daemon, folder, filled: AtomicUsize::new(0) })
    }

    /// The socket for [`super::PostfixSetup::auth_socket`].
    pub fn auth_socket(&self) -> PathBuf {
        self.folder.path().join("auth-client")
    }

    /// What it logged.
    pub fn log(&self) -> String {
        self.daemon.log()
    }

    /// Puts messages into a user's INBOX, in this order. Their line ends stay as they are.
    pub fn fill(&self, user: &str, messages: impl IntoIterator<Item = Vec<u8>>) {
        let maildir = self.folder.path().join("mail").join(user);
        for name in ["", "cur", "new", "tmp"] {
            let path = maildir.join(name);
            std::fs::create_dir_all(&path).expect("a folder");
            chown(&path, Some(NOBODY), Some(NOBODY)).expect("root may");
        }
        for message in messages {
            // Dovecot numbers new messages in the order of their names, and remembers the names of deleted ones.
            let number = self.filled.fetch_add(1, Ordering::Relaxed);
            let name = format!("{}.{number:08}.test", 1_700_000_000 + number);
            let (written, delivered) = (maildir.join("tmp").join(&name), maildir.join("new").join(&name));
            std::fs::write(&written, message).expect("a message");
            chown(&written, Some(NOBODY), Some(NOBODY)).expect("root may");
            std::fs::rename(written, delivered).expect("a delivery");
        }
    }

    /// Takes the oldest message out of a user's INBOX, behind Dovecot's back.
    pub fn lose_first(&self, user: &str) {
        let files = self.files(user);
        std::fs::remove_file(files.first().expect("a message")).expect("root may");
    }

    /// What is in a user's INBOX, in the order of arrival.
    pub fn mailbox(&self, user: &str) -> Vec<Vec<u8>> {
        // Dovecot may be about to give its files other names, after its client has gone.
        loop {
            if let Ok(all) = self.files(user).iter().map(std::fs::read).collect() {
                return all;
            }
        }
    }

    fn files(&self, user: &str) -> Vec<PathBuf> {
        let maildir = self.folder.path().join("mail").join(user);
        let list = |name: &str| std::fs::read_dir(maildir.join(name)).into_iter().flatten();
        let mut files: Vec<PathBuf> =
            ["cur", "new"].into_iter().flat_map(list).map(|entry| entry.expect("an entry").path()).collect();
        files.sort_by_key(|file| file.file_name().map(ToOwned::to_owned));
        files
    }
}

fn configuration(folder: &Path, certs: &Certs, ports: Ports) -> String {
    let (chain, key) = (certs.chain.display(), certs.key.display());
    let folder = folder.display();
    let Ports { imap, imaps, pop3, pop3s, lmtp } = ports;
    format!(
        "protocols = imap pop3 lmtp\n\
         listen = 127.0.0.1\n\
         instance_name = mailsluice-test-{imap}\n\
         base_dir = {folder}/run\n\
         state_dir = {folder}/run\n\
         log_path = {folder}/dovecot.log\n\
         mail_location = maildir:{folder}/mail/%n\n\
         first_valid_uid = 1\n\
         ssl = yes\n\
         ssl_cert = <{chain}\n\
         ssl_key = <{key}\n\
         disable_plaintext_auth = no\n\
         auth_mechanisms = plain login cram-md5 scram-sha-256\n\
         # A test that gives a wrong password need not wait for having guessed.\n\
         auth_failure_delay = 0\n\
         passdb {{\n driver = static\n args = password={PASSWORD}\n}}\n\
         userdb {{\n driver = static\n args = uid={NOBODY} gid={NOBODY} home={folder}/mail/%n\n}}\n\
         mail_max_userip_connections = 200\n\
         service imap-login {{\n\
          inet_listener imap {{\n port = {imap}\n }}\n\
          inet_listener imaps {{\n port = {imaps}\n ssl = yes\n }}\n\
         }}\n\
         service pop3-login {{\n\
          inet_listener pop3 {{\n port = {pop3}\n }}\n\
          inet_listener pop3s {{\n port = {pop3s}\n ssl = yes\n }}\n\
         }}\n\
         service lmtp {{\n inet_listener lmtp {{\n port = {lmtp}\n }}\n}}\n\
         service anvil {{\n unix_listener anvil-auth-penalty {{\n mode = 0\n }}\n}}\n\
         service auth {{\n unix_listener {folder}/auth-client {{\n mode = 0666\n }}\n}}\n"
    )
}
