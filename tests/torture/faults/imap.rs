//! The small IMAP server.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use super::server::{Dialect, Talk};

/// How it says no.
pub(crate) const DIALECT: Dialect = Dialect {
    temporary: "@ NO [UNAVAILABLE] Not now",
    permanent: "@ NO Never",
    leaving: "* BYE Closing down",
    begins: "* OK Listen",
    more: "* OK And another thing",
};

/// The points where it may go wrong.
pub(crate) const POINTS: [&str; 9] =
    ["greeting", "AUTHENTICATE", "SELECT", "SEARCH", "sizes", "FETCH", "STORE", "EXPUNGE", "LOGOUT"];

/// Serves a line.
pub(crate) fn serve(talk: &mut Talk) -> io::Result<()> {
    let mut encrypted = talk.shared.plan.tls_at_once;
    let can = |talk: &Talk, encrypted: bool| {
        let tls = if talk.shared.plan.tls.is_some() && !encrypted { " STARTTLS" } else { "" };
        format!("IMAP4rev1 SASL-IR AUTH=PLAIN UIDPLUS{tls}")
    };
    talk.say("greeting", &format!("* OK [CAPABILITY {}] small", can(talk, encrypted)))?;
    loop {
        let line = talk.hear()?;
        let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
        tag.clone_into(&mut talk.tag);
        let command = command.strip_prefix("UID ").unwrap_or(command);
        let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
        let set = rest.split(' ').next().unwrap_or_default();
        let mail: Vec<_> = talk.shared.mail().iter().filter(|(uid, _)| is_in(*uid, set)).cloned().collect();
        match verb.to_ascii_uppercase().as_str() {
            "CAPABILITY" => drop(talk.say("", &format!("* CAPABILITY {}\r\n{tag} OK done", can(talk, encrypted)))?),
            "STARTTLS" => {
                if talk.say("STARTTLS", &format!("{tag} OK Go ahead"))? {
                    talk.start_tls()?;
                    encrypted = true;
                }
            }
            "AUTHENTICATE" => drop(talk.say("AUTHENTICATE", &format!("{tag} OK Welcome"))?),
            "SELECT" | "EXAMINE" => {
                let count = talk.shared.mail().len();
                let answer = format!("* {count} EXISTS\r\n* OK [UIDVALIDITY 7] good\r\n{tag} OK [READ-WRITE] open");
                talk.say("SELECT", &answer)?;
            }
            "SEARCH" => {
                let all: Vec<String> = talk.shared.mail().iter().map(|(uid, _)| format!(" {uid}")).collect();
                talk.say("SEARCH", &format!("* SEARCH{}\r\n{tag} OK done", all.concat()))?;
            }
            "FETCH" if !rest.contains("BODY") => {
                let answer = fetched(&mail, |content| format!("RFC822.SIZE {}", content.len()));
                talk.say("sizes", &format!("{answer}{tag} OK done"))?;
            }
            "FETCH" => {
                let answer = fetched(&mail, |content| format!("BODY[] {{{}}}\r\n{content}", content.len()));
                talk.say("FETCH", &format!("{answer}{tag} OK done"))?;
            }
            "STORE" => drop(talk.say("STORE", &format!("{tag} OK done"))?),
            "EXPUNGE" => {
                // Whoever has read the answer may look at once.
                let shared = Arc::clone(&talk.shared);
                let mut mail = shared.mail();
                if talk.say("EXPUNGE", &format!("{tag} OK done"))? {
                    mail.retain(|(uid, _)| !is_in(*uid, set));
                }
            }
            "LOGOUT" => {
                talk.say("LOGOUT", &format!("* BYE Goodbye\r\n{tag} OK done"))?;
                return Ok(());
            }
            _ => drop(talk.say("", &format!("{tag} BAD What?"))?),
        }
    }
}

fn fetched(mail: &[(u32, String)], item: impl Fn(&str) -> String) -> String {
    let mut answer = String::new();
    for (number, (uid, content)) in (1..).zip(mail) {
        write!(answer, "* {number} FETCH (UID {uid} {})\r\n", item(content)).expect("writing to a string");
    }
    answer
}

/// Whether a set such as `1:3,7` names the message.
fn is_in(uid: u32, set: &str) -> bool {
    set.split(',').any(|range| {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let end = |text: &str| text.parse::<u32>().unwrap_or(0);
        (end(first)..=end(last)).contains(&uid)
    })
}
