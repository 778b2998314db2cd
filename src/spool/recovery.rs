//! Mending what dead processes left behind.

use std::fs::File;
use std::path::Path;

use rusqlite::{Connection, params};

use super::SpoolError;
use super::model::{Recovery, Seconds};
use super::operations::{Close, close, give_back};
use super::sql::json;
use super::staging::{self, Token};
use crate::mapi::{Class, EnvelopeId, Failure, QueueState, Stage};
use crate::profile::InDoubtPolicy;

const DIED: &str = "the program ended before the server's reply came; it may or may not have been delivered";
const DIED_RESEND: &str = "the program ended before the server's reply came; to be sent again";

/// See [`super::Spool::recover`].
pub(super) fn recover(
    db: &Connection,
    path: &Path,
    now: Seconds,
    policy: InDoubtPolicy,
) -> Result<Recovery, SpoolError> {
    let mut recovery = Recovery { swept: sweep(db, path)?, ..Recovery::default() };
    for (envelope, transport, offered_at) in in_flight(db)? {
        match offered_at {
            None => {
                give_back(db, envelope)?;
                recovery.returned += 1;
            }
            Some(at) => {
                doubt(db, envelope, &transport, at.min(now), policy)?;
                recovery.in_doubt += 1;
            }
        }
    }
    Ok(recovery)
}

fn in_flight(db: &Connection) -> Result<Vec<(EnvelopeId, String, Option<Seconds>)>, SpoolError> {
    // By way of the counts: the index begins with the transport.
    let mut statement = db.prepare(
        "SELECT e.id, e.transport, e.offered_at FROM count c CROSS JOIN envelope e
           ON e.transport = c.transport AND e.state = c.state
         WHERE c.state = ?1 AND c.n > 0",
    )?;
    let rows = statement.query_map([QueueState::InFlight], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn doubt(
    db: &Connection,
    envelope: EnvelopeId,
    transport: &str,
    at: Seconds,
    policy: InDoubtPolicy,
) -> Result<(), SpoolError> {
    let (state, text) = match policy {
        InDoubtPolicy::Hold => (QueueState::InDoubt, DIED),
        InDoubtPolicy::Resend => (QueueState::Queued, DIED_RESEND),
    };
    let failure = Failure::new(Class::InDoubt, Stage::Reply, transport, text);
    db.prepare_cached(
        "UPDATE recipient SET state = ?2, earlier = NULL, reply = ?3, failure = ?4 WHERE envelope = ?1 AND state = ?5",
    )?
    .execute(params![envelope, state, text, json(&failure)?, QueueState::InFlight])?;
    close(db, envelope, &Close { next_try: None, at, ended: None, reply: Some(text), result: text })?;
    Ok(())
}

/// Deletes staged content whose writer is dead. Gives how many messages that were.
fn sweep(db: &Connection, path: &Path) -> Result<u64, SpoolError> {
    let mut tokens = db.prepare("SELECT DISTINCT staged_by FROM message WHERE staged_by IS NOT NULL")?;
    let tokens = tokens.query_map((), |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut swept = 0;
    for token in tokens {
        if !Token::is_held(&staging::token_path(path, &token)) {
            swept += db.execute("DELETE FROM message WHERE staged_by = ?1", [token])?;
        }
    }
    Ok(swept as u64)
}

/// Removes the token files of dead writers. What can't be removed does no harm.
pub(super) fn sweep_tokens(path: &Path) {
    let (Some(folder), Some(prefix)) =
        (path.parent(), staging::token_path(path, "").file_name().map(ToOwned::to_owned))
    else {
        return;
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_token = entry.file_name().as_encoded_bytes().starts_with(prefix.as_encoded_bytes());
        if is_token
            && let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            // Removed while locked: a writer that made it and waits for the lock sees that it is gone.
            std::fs::remove_file(entry.path()).ok();
        }
    }
}
