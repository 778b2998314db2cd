//! Delivery to a program that reads the message on its standard input (procmail, maildrop, `dovecot-lda`, a script).
//!
//! Exit code 0: delivered; 75 and others that promise better times: the phase ends and the message stays where it was;
//! those that say the message is wrong: this one fails and the others go on (`sysexits(3)`).

use super::Parcel;
use crate::mapi::{Blame, Class, Failure, Stage};
use crate::transport::Support;
use crate::transport::program::Program;

/// Delivers one message.
///
/// # Errors
/// With [`Blame::Message`] when it is about this message alone.
pub(super) async fn deliver(command: &[String], parcel: &Parcel, support: &Support) -> Result<(), Failure> {
    let content = parcel.content()?;
    let mut program = Program::start(command, support.cancel(), !support.interactive())?;
    let read_all = program.feed(&content).await?;
    program.end().await.map_err(|failure| match failure.class {
        Class::Permanent | Class::Transient => failure,
        // Everything else befalls every message.
        _ => failure.blaming(Blame::Local),
    })?;
    if read_all {
        return Ok(());
    }
    let name = command.first().cloned().unwrap_or_default();
    Err(Failure::new(Class::Transient, Stage::Program, name, "ended well without reading the whole message"))
}
