//! The small SMTP server.

use std::io;

use super::server::{Dialect, Talk};

/// How it says no.
pub(crate) const DIALECT: Dialect = Dialect {
    temporary: "451 4.3.0 Not now",
    permanent: "554 5.7.1 Never",
    leaving: "421 4.3.2 Closing down",
    begins: "250-Listen",
    more: "250-And another thing",
};

/// The points where it may go wrong.
pub(crate) const POINTS: [&str; 9] =
    ["greeting", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "content", "final reply", "QUIT"];

/// Serves a line.
pub(crate) fn serve(talk: &mut Talk) -> io::Result<()> {
    let streams = talk.shared.plan.streams;
    let (mut encrypted, mut sender, mut recipients) = (talk.shared.plan.tls_at_once, false, 0);
    talk.say("greeting", "220 small ESMTP")?;
    loop {
        let line = talk.hear()?;
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" | "HELO" => {
                let tls = if talk.shared.plan.tls.is_some() && !encrypted { "250-STARTTLS\r\n" } else { "" };
                let fast = if streams { "250-PIPELINING\r\n250-CHUNKING\r\n" } else { "" };
                talk.say("EHLO", &format!("250-small\r\n{tls}{fast}250-8BITMIME\r\n250 AUTH PLAIN"))?;
            }
            "STARTTLS" => {
                if talk.say("STARTTLS", "220 Go ahead")? {
                    talk.start_tls()?;
                    encrypted = true;
                }
            }
            "AUTH" => drop(talk.say("AUTH", "235 Welcome")?),
            "MAIL" => {
                recipients = 0;
                sender = talk.say("MAIL", "250 Sender ok")?;
            }
            "RCPT" if !sender => drop(talk.say("", "503 MAIL first")?),
            "RCPT" => recipients += usize::from(talk.say("RCPT", "250 Recipient ok")?),
            "DATA" if recipients == 0 => drop(talk.say("", "554 Nobody to give it to")?),
            "DATA" => {
                if talk.say("DATA", "354 Go ahead")? {
                    take_data(talk)?;
                }
            }
            "BDAT" => take_chunk(talk, &line, recipients)?,
            "QUIT" => {
                talk.say("QUIT", "221 Goodbye")?;
                return Ok(());
            }
            _ => drop(talk.say("", "250 As you like")?),
        }
    }
}

fn take_data(talk: &mut Talk) -> io::Result<()> {
    let mut content = String::new();
    if talk.goes_wrong("content") {
        talk.hear()?;
        talk.say("content", "250 That is enough")?;
    }
    loop {
        let line = talk.hear()?;
        if line == "." {
            return finish(talk, content);
        }
        content.push_str(line.strip_prefix('.').unwrap_or(&line));
        content.push_str("\r\n");
    }
}

fn take_chunk(talk: &mut Talk, line: &str, recipients: usize) -> io::Result<()> {
    let mut words = line.split(' ').skip(1);
    let size: usize = words.next().and_then(|size| size.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    if talk.goes_wrong("content") {
        talk.take(size.min(10))?;
        talk.say("content", "250 That is enough")?;
        talk.take(size.saturating_sub(10))?;
        return Ok(());
    }
    let content = String::from_utf8_lossy(&talk.take(size)?).into_owned();
    if recipients == 0 {
        talk.say("", "554 Nobody to give it to")?;
        return Ok(());
    }
    if words.next().is_some() { finish(talk, content) } else { talk.say("", "250 Chunk ok").map(drop) }
}

/// It is taken before the answer: who loses the answer does not know.
fn finish(talk: &mut Talk, content: String) -> io::Result<()> {
    use super::server::Fault::{Leaving, Permanent, Temporary};
    let says_no = matches!(talk.shared.plan.fault, Temporary | Permanent | Leaving);
    if !(talk.goes_wrong("final reply") && says_no) {
        talk.shared.mail().push((1, content));
    }
    talk.say("final reply", "250 2.0.0 Taken").map(drop)
}
