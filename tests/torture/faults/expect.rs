//! What is right: the class of the error, and what becomes of a message, for each point and fault.

use super::server::Fault;

/// Classes and states that are right for sending; several where it depends on the moment.
pub(super) struct Right {
    /// Classes; `-`: no failure.
    pub(super) classes: &'static [&'static str],
    /// States.
    pub(super) states: &'static [&'static str],
}

const WAITS: &[&str] = &["queued", "deferred"];

/// SMTP. In a stream, everything is in the air before the first answer, so that a line lost early leaves a doubt.
pub(super) fn smtp(point: &str, fault: Fault, streams: bool) -> Right {
    use Fault::{Drip, Drop, EndlessLine, EndlessReply, Garbage, Leaving, Permanent, Stall, Temporary, Twice};
    let early = streams && ["MAIL", "RCPT", "content"].contains(&point);
    let waits = if early { &["queued", "deferred", "in_doubt"] } else { WAITS };
    let lost = |classes| Right { classes, states: waits };
    match (point, fault) {
        // Everything was answered: what the server says to QUIT changes nothing.
        ("QUIT", _) => Right { classes: &["-"], states: &["sent"] },
        ("final reply", Temporary) => Right { classes: &["transient"], states: &["deferred"] },
        ("final reply", Permanent) => Right { classes: &["permanent"], states: &["failed"] },
        ("final reply", Leaving) => Right { classes: &["transient"], states: WAITS },
        // The first of the two is the answer.
        ("final reply", Twice) => Right { classes: &["-", "protocol"], states: &["sent"] },
        ("final reply", _) => Right { classes: &["in_doubt"], states: &["in_doubt"] },
        ("AUTH", Permanent) => Right { classes: &["login"], states: WAITS },
        ("greeting" | "EHLO", Permanent) => Right { classes: &["transient"], states: WAITS },
        // Slow is not wrong, as long as line after line comes.
        ("EHLO", Drip) => Right { classes: &["-"], states: &["sent"] },
        // The second greeting passes for the answer to EHLO, and offers nothing.
        ("greeting", Twice) => Right { classes: &["configuration"], states: WAITS },
        // An answer before the end of the content: whatever it says, the rest can't be taken back.
        ("content", Permanent) => Right { classes: &["permanent"], states: &["failed"] },
        ("content", _) => lost(&["transient", "protocol", "in_doubt"]),
        (_, Permanent) => Right { classes: &["permanent"], states: &["failed"] },
        (_, Temporary | Leaving) => lost(&["transient", "in_doubt"]),
        (_, Drop | Stall | Drip) => lost(&["transient", "in_doubt"]),
        (_, Garbage | EndlessLine | EndlessReply) => lost(&["protocol", "in_doubt"]),
        // Everything that follows is one answer off.
        ("DATA", Twice) => {
            Right { classes: &["protocol", "transient", "in_doubt"], states: &["queued", "deferred", "in_doubt"] }
        }
        // The second answer to RCPT counts for the content, which nobody can tell: the server does take it. Its own answer
        // is one too many, if it comes before the goodbye.
        ("MAIL" | "RCPT", Twice) if streams => Right { classes: &["-", "protocol"], states: &["sent"] },
        (_, _) => Right { classes: &["protocol", "in_doubt"], states: WAITS },
    }
}

/// Classes that are right for receiving.
pub(super) fn receiving(point: &str, fault: Fault) -> &'static [&'static str] {
    use Fault::{Drip, Drop, EndlessLine, EndlessReply, Garbage, Leaving, Permanent, Stall, Temporary, Twice};
    match (point, fault) {
        // Nothing hangs on the goodbye of IMAP.
        ("LOGOUT", _) => &["-"],
        // What a server without CAPA can do is known.
        ("CAPA", Temporary | Permanent | Leaving) => &["-", "transient"],
        (_, Drop | Stall) => &["transient"],
        // Slow is not wrong, as long as something comes.
        (_, Drip) => &["-"],
        // A long message is no fault; the server has enough of it first.
        ("RETR", EndlessReply) => &["transient"],
        // The first line is the answer.
        ("QUIT", EndlessReply) => &["-"],
        (_, Garbage | EndlessLine | EndlessReply) => &["protocol"],
        // There is no tag yet.
        ("greeting", Temporary | Permanent) => &["protocol", "transient"],
        // Without UIDL, messages are told apart by their contents.
        ("UIDL", Temporary | Permanent) => &["-"],
        ("USER" | "PASS" | "AUTHENTICATE", Permanent) => &["login"],
        // One message that can't be had leaves the others alone.
        ("RETR" | "FETCH", Temporary | Permanent) => &["-", "transient"],
        ("QUIT", Twice) => &["-"],
        (_, Temporary | Leaving) => &["transient"],
        (_, Permanent) => &["transient", "configuration"],
        (_, Twice) => &["-", "protocol", "transient"],
        (_, _) => &[],
    }
}
