//! The door for fuzzing: what a server says, read as a session reads it.

use super::response::{Event, Greeting};
use super::wire::{Cutter, Piece};

/// Reads it, a few bytes at a time.
pub fn read(bytes: &[u8]) {
    let mut cutter = Cutter::new();
    for piece in bytes.chunks(7) {
        cutter.buffer().extend_from_slice(piece);
        loop {
            match cutter.next() {
                Ok(Some(Piece::Response(response))) => {
                    // Whether it can be read is its own affair: it is read or refused.
                    drop(Greeting::parse(&response));
                    drop(Event::parse(&response));
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_broken) => return,
            }
        }
    }
}
