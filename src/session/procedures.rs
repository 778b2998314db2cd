//! The two procedures of the page "Sending or receiving a message on demand", step by step, with what that page has
//! wrong put right: the restriction is a whole restriction and not its inner part alone; a transport's methods are read
//! from the opened object, since they are not among the columns; table and rows are released after the loop and not in
//! it; and upload is outgoing ([`crate::mapi::Direction`]).
//!
//! Releasing is dropping, so it happens once and on every way out. Both send all their requests first and return the
//! answers that are still to come: transports run side by side, and a call to a transport's own object is asynchronous
//! to the client in MAPI as well. `by_hand`: a person asked just now, so that back-off of earlier failures does not hold
//! mail up; a script uses `FLUSH_FORCE` when it means that.

use std::collections::BTreeSet;

use super::{FlushRun, PendingFlush, Session, StatusObject, Via};
use crate::mapi::tag::{PR_DISPLAY_NAME, PR_ENTRYID, PR_RESOURCE_TYPE};
use crate::mapi::{
    EntryId, FlushFlags, MapiResult, PropTag, ResourceMethods, ResourceType, Restriction, SRow, query_all_rows,
};

/// The columns that both procedures need.
const COLUMNS: [PropTag; 2] = [PR_ENTRYID, PR_RESOURCE_TYPE];

/// Procedure A: all transports at once, by the spooler's `FlushQueues`.
///
/// # Errors
/// [`MapiResult::Busy`] before the status table can be read, [`MapiResult::NotFound`] without a spooler in it, and what
/// [`StatusObject::flush_queues`] answers.
pub fn flush_all(session: &Session, flags: FlushFlags, by_hand: bool) -> Result<FlushRun, MapiResult> {
    let spooler = open_spooler(session)?;
    let pending = spooler.flush_queues(None, flags, by_hand)?;
    let mut run = FlushRun::new();
    run.add(None, Via::Spooler, Ok(pending));
    Ok(run)
}

/// Procedure B: the transports of these names, or all for none, one by one: each by its own `FlushQueues`, and where it
/// has none by the spooler's with the transport as the target. What goes wrong with one transport becomes its result,
/// and the others go on.
///
/// # Errors
/// [`MapiResult::Busy`] before the status table can be read, [`MapiResult::NotFound`] for a name that no transport has.
pub fn flush_each(
    session: &Session,
    names: &[String],
    flags: FlushFlags,
    by_hand: bool,
) -> Result<FlushRun, MapiResult> {
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let mut wanted = vec![of_type(ResourceType::MAPI_TRANSPORT_PROVIDER)];
    if !names.is_empty() {
        wanted.push(Restriction::Or(names.iter().map(|name| Restriction::equals(PR_DISPLAY_NAME, *name)).collect()));
    }
    let rows = query(session, Restriction::And(wanted))?;
    if rows.len() < names.len() {
        return Err(MapiResult::NotFound);
    }
    let mut run = FlushRun::new();
    for transport in rows.iter().filter_map(SRow::entry_id) {
        let (via, sent) = flush_one(session, &transport, flags, by_hand);
        run.add(Some(transport), via, sent);
    }
    Ok(run)
}

/// One round of procedure B: opens the transport's object, looks whether it can flush, and asks it or the spooler.
fn flush_one(
    session: &Session,
    transport: &EntryId,
    flags: FlushFlags,
    by_hand: bool,
) -> (Via, Result<PendingFlush, MapiResult>) {
    let opened = session.open_entry(transport).and_then(|object| Ok((object.resource_methods()?, object)));
    match opened {
        Ok((methods, object)) if methods.contains(ResourceMethods::STATUS_FLUSH_QUEUES) => {
            (Via::Transport, object.flush_queues(None, flags, by_hand))
        }
        Ok(_) => {
            let spooler = open_spooler(session);
            (Via::Spooler, spooler.and_then(|spooler| spooler.flush_queues(Some(transport), flags, by_hand)))
        }
        Err(result) => (Via::Transport, Err(result)),
    }
}

/// The steps that both procedures share: get the table, limit its columns, restrict it, read all its rows.
fn query(session: &Session, restriction: Restriction) -> Result<Vec<SRow>, MapiResult> {
    let table = session.get_status_table()?;
    query_all_rows(&table, Some(&COLUMNS), Some(restriction), None, 0)
}

fn open_spooler(session: &Session) -> Result<StatusObject, MapiResult> {
    let rows = query(session, of_type(ResourceType::MAPI_SPOOLER))?;
    let entry_id = rows.first().and_then(SRow::entry_id).ok_or(MapiResult::NotFound)?;
    session.open_entry(&entry_id)
}

fn of_type(kind: ResourceType) -> Restriction {
    Restriction::equals(PR_RESOURCE_TYPE, kind.code())
}
