//! The door for fuzzing: what a server says, read as a session reads it, whatever was asked.

use super::session::{Expect, Session};

/// Reads it, a few bytes at a time. What was asked before is told by the first bytes.
pub fn read(bytes: &[u8]) {
    let (asked, said) = bytes.split_at_checked(8).unwrap_or((&[], bytes));
    let mut session = Session::new();
    for kind in asked {
        session.expect(match kind % 4 {
            0 => Expect::Status,
            1 => Expect::Lines,
            2 => Expect::Message,
            _ => Expect::Login,
        });
    }
    for piece in said.chunks(7) {
        session.buffer().extend_from_slice(piece);
        loop {
            match session.next() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_broken) => return,
            }
        }
    }
}
