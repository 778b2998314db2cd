//! The small POP3 server.

use std::fmt::Write as _;
use std::io;

use super::server::{Dialect, Talk};

/// How it says no.
pub(crate) const DIALECT: Dialect = Dialect {
    temporary: "-ERR [SYS/TEMP] Not now",
    permanent: "-ERR Never",
    leaving: "-ERR [IN-USE] Closing down",
    begins: "+OK Listen",
    more: "1 100",
};

/// The points where it may go wrong.
pub(crate) const POINTS: [&str; 9] = ["greeting", "CAPA", "USER", "PASS", "LIST", "UIDL", "RETR", "DELE", "QUIT"];

/// Serves a line.
pub(crate) fn serve(talk: &mut Talk) -> io::Result<()> {
    let mail = talk.shared.mail().clone();
    let mut deleted = Vec::new();
    talk.say("greeting", "+OK small")?;
    loop {
        let line = talk.hear()?;
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let number: usize = rest.parse().unwrap_or(0);
        let present = (1..).zip(&mail).filter(|(number, _)| !deleted.contains(number));
        match verb.to_ascii_uppercase().as_str() {
            "CAPA" => {
                let tls = if talk.shared.plan.tls.is_some() { "STLS\r\n" } else { "" };
                talk.say("CAPA", &format!("+OK\r\nUSER\r\nUIDL\r\n{tls}."))?;
            }
            "STLS" => {
                if talk.say("STARTTLS", "+OK Go ahead")? {
                    talk.start_tls()?;
                }
            }
            verb @ ("USER" | "PASS" | "AUTH") => drop(talk.say(verb, "+OK")?),
            "LIST" => {
                let list = listed(present.map(|(number, (_, content))| (number, content.len().to_string())));
                talk.say("LIST", &list)?;
            }
            "UIDL" => {
                let list = listed(present.map(|(number, (uid, _))| (number, format!("u{uid}"))));
                talk.say("UIDL", &list)?;
            }
            "RETR" => match mail.get(number.wrapping_sub(1)) {
                Some((_, content)) => drop(talk.say("RETR", &format!("+OK\r\n{content}."))?),
                None => drop(talk.say("", "-ERR No such message")?),
            },
            "DELE" => {
                if talk.say("DELE", "+OK")? {
                    deleted.push(number);
                }
            }
            "QUIT" => {
                if !talk.goes_wrong("QUIT") {
                    let gone: Vec<u32> = deleted.iter().filter_map(|number| Some(mail.get(number - 1)?.0)).collect();
                    talk.shared.mail().retain(|(uid, _)| !gone.contains(uid));
                }
                talk.say("QUIT", "+OK Goodbye")?;
                return Ok(());
            }
            _ => drop(talk.say("", "-ERR What?")?),
        }
    }
}

fn listed(lines: impl Iterator<Item = (usize, String)>) -> String {
    let mut list = "+OK\r\n".to_owned();
    for (number, word) in lines {
        write!(list, "{number} {word}\r\n").expect("writing to a string");
    }
    list + "."
}
