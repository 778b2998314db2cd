//! Transports out of the configuration of other programs. What they say is read as far as it has a place in a profile;
//! what can't be told, or would be unwise to take over, is noted for the person who asked.
//!
//! Decided for all of them: a password is never copied, only where it is kept; mail stays on the server, whatever the
//! other program did, until somebody says otherwise; and where one of them would sign in without encryption if it had to,
//! STARTTLS is asked for.

mod fetchmail;
mod getmail;
mod mbsync;
mod msmtp;

use super::model::SecretSource;
use super::save::NewTransport;

/// A program whose configuration can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// msmtp(1): `~/.msmtprc`.
    Msmtp,
    /// fetchmail(1): `~/.fetchmailrc`.
    Fetchmail,
    /// mbsync(1): `~/.mbsyncrc`.
    Mbsync,
    /// getmail(1): `~/.getmail/getmailrc`.
    Getmail,
}

/// A transport that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// It.
    pub transport: NewTransport,
    /// What the person should know of it, as sentences.
    pub notes: Vec<&'static str>,
}

/// The transports that a configuration describes; what makes none is left out.
pub fn transports(program: Program, text: &str) -> Vec<Found> {
    match program {
        Program::Msmtp => msmtp::transports(text),
        Program::Fetchmail => fetchmail::transports(text),
        Program::Mbsync => mbsync::transports(text),
        Program::Getmail => getmail::transports(text),
    }
}

const NOT_COPIED: &str = "its password stands in that file and was not copied: the transport asks for it; \
     a keyring or a command that prints it is better";
const KEPT: &str =
    "the other program deletes what it has fetched; here it stays on the server until after = \"delete\" is set";
const ENCRYPTED: &str = "the other program would also do without encryption; here STARTTLS is a must";

/// Where the password is, and what is to be said of it.
fn password(command: Option<String>, is_written: bool, notes: &mut Vec<&'static str>) -> SecretSource {
    match command {
        Some(command) => SecretSource::Command(command),
        None => {
            if is_written {
                notes.push(NOT_COPIED);
            }
            SecretSource::Ask
        }
    }
}

/// The words of a line, quotes taken off; nothing behind a `#` that begins a word.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut letters = line.chars().peekable();
    while let Some(&first) = letters.peek() {
        match first {
            '#' => break,
            '"' | '\'' => {
                letters.next();
                words.push(quoted(&mut letters, first));
            }
            _ if first.is_whitespace() => {
                letters.next();
            }
            _ => {
                let mut word = String::new();
                while let Some(letter) = letters.next_if(|letter| !letter.is_whitespace()) {
                    word.push(letter);
                }
                words.push(word);
            }
        }
    }
    words
}

/// Up to the closing quote; a backslash takes the letter behind it as it is.
fn quoted(letters: &mut impl Iterator<Item = char>, quote: char) -> String {
    let mut word = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => word.extend(letters.next()),
            _ if letter == quote => break,
            _ => word.push(letter),
        }
    }
    word
}

#[cfg(test)]
mod tests;
