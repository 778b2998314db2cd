//! Postfix as a laptop has it: its queue full of deferred mail for a smarthost, flushed by `postqueue -f`. On the clock
//! until its queue is empty.
//!
//! The queue is filled through its own smtpd, on hold, and moved from there into the deferred queue.

use std::fs;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::Send;
use crate::letters::{SENDER, recipient};
use crate::measure::{PATIENCE, Tree, Usage};
use crate::server::{Security, USER, defer, files, flush, password};
use crate::support::daemon::loopback;
use crate::support::{Postfix, PostfixSetup};

/// How often its queue is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// At a time, into its queue.
const INJECTORS: usize = 4;

pub(super) fn send(job: &Send<'_>, reuse: bool) -> Result<Usage, String> {
    let postfix = Postfix::start(&PostfixSetup {
        recipients: &[(".", "HOLD")],
        main_cf: &main_cf(job, reuse),
        ..PostfixSetup::default()
    });
    let postfix = postfix.ok_or("no Postfix here")?;
    fill(&postfix, job).map_err(|error| format!("its queue could not be filled: {error}"))?;
    defer(&postfix);
    if waiting(&postfix) != job.count {
        return Err(format!("{} in its queue instead of {}", waiting(&postfix), job.count));
    }
    let master =
        fs::read_to_string(postfix.folder().join("spool/pid/master.pid")).map_err(|error| error.to_string())?;
    let master = master.trim().parse().map_err(|error| format!("master.pid: {error}"))?;
    let tree = Tree::watch(master);
    let begin = std::time::Instant::now();
    flush(&postfix);
    while waiting(&postfix) > 0 {
        if begin.elapsed() > PATIENCE {
            return Err(format!("{} still in its queue\n{}", waiting(&postfix), postfix.log()));
        }
        std::thread::park_timeout(LOOK);
    }
    Ok(tree.usage())
}

fn main_cf(job: &Send<'_>, reuse: bool) -> String {
    let mut text = format!(
        "virtual_mailbox_domains =\n\
         relayhost = [127.0.0.1]:{}\n\
         in_flow_delay = 0\n\
         queue_run_delay = 1h\n",
        job.to.port
    );
    if job.to.security != Security::None {
        text += "smtp_tls_security_level = encrypt\n";
    }
    if reuse {
        text += "smtp_tls_connection_reuse = yes\n";
    }
    if job.to.login {
        text += "smtp_sasl_auth_enable = yes\nsmtp_sasl_security_options = noanonymous\n";
        text += "smtp_sasl_password_maps = static:";
        text += &[USER, password()].join(":");
        text.push('\n');
    }
    text
}

/// What is on its way out. In the order in which messages wander, so that none is missed.
fn waiting(postfix: &Postfix) -> usize {
    let spool = postfix.folder().join("spool");
    let deferred: usize = files(&spool.join("deferred")).iter().map(|folder| files(folder).len()).sum();
    deferred + ["incoming", "active"].iter().map(|name| files(&spool.join(name)).len()).sum::<usize>()
}

fn fill(postfix: &Postfix, job: &Send<'_>) -> io::Result<()> {
    std::thread::scope(|scope| {
        let inject = |injector| move || inject(postfix.port, job, injector);
        let injectors: Vec<_> = (0..INJECTORS).map(|injector| scope.spawn(inject(injector))).collect();
        injectors.into_iter().try_for_each(|injector| injector.join().expect("it does not panic"))
    })
}

/// Every fourth message, all in one go: BDAT needs no answer in between.
fn inject(port: u16, job: &Send<'_>, injector: usize) -> io::Result<()> {
    let stream = TcpStream::connect(loopback(port))?;
    let mut replies = BufReader::new(stream.try_clone()?).lines();
    let numbers = || (injector..job.count).step_by(INJECTORS);
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || {
            let mut to = BufWriter::new(stream);
            to.write_all(b"EHLO bench\r\n")?;
            for number in numbers() {
                let letter = fs::read(job.letters.file(number))?;
                let letter = letter.split(|&byte| byte == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..]);
                write!(to, "MAIL FROM:<{SENDER}>\r\nRCPT TO:<{}>\r\n", recipient(number))?;
                write!(to, "BDAT {} LAST\r\n", letter.len())?;
                to.write_all(&letter)?;
            }
            to.write_all(b"QUIT\r\n")?;
            to.flush()
        });
        // A greeting, one to EHLO, three for each message, one to QUIT.
        let mut expected = 3 + 3 * numbers().count();
        while expected > 0 {
            let line = replies.next().ok_or(io::ErrorKind::UnexpectedEof)??;
            if !line.starts_with('2') {
                return Err(io::Error::other(line));
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                expected -= 1;
            }
        }
        writer.join().expect("it does not panic")
    })
}
