//! The status table's rows, made from what the core remembers.

use super::input::Now;
use super::state::{Facts, Run, TransportState};
use crate::mapi::tag::{
    PR_DISPLAY_NAME, PR_ENTRYID, PR_IDENTITY_DISPLAY, PR_IDENTITY_ENTRYID, PR_IDENTITY_SEARCH_KEY, PR_INSTANCE_KEY,
    PR_OBJECT_TYPE, PR_PROVIDER_DISPLAY, PR_PROVIDER_DLL_NAME, PR_PROVIDER_ORDINAL, PR_REMOTE_PROGRESS,
    PR_REMOTE_PROGRESS_TEXT, PR_RESOURCE_FLAGS, PR_RESOURCE_METHODS, PR_RESOURCE_PATH, PR_RESOURCE_TYPE, PR_ROWID,
    PR_SLUICE_ASKED, PR_SLUICE_BYTES, PR_SLUICE_DEFERRED, PR_SLUICE_DIRECTIONS, PR_SLUICE_DONE, PR_SLUICE_DONE_BYTES,
    PR_SLUICE_FAILED, PR_SLUICE_HELD, PR_SLUICE_HONOURS_NO_UI, PR_SLUICE_IN_DOUBT, PR_SLUICE_IN_FLIGHT,
    PR_SLUICE_LAST_FAILURE, PR_SLUICE_LAST_RUN, PR_SLUICE_NEXT_RUN, PR_SLUICE_NEXT_TRY, PR_SLUICE_OLDEST,
    PR_SLUICE_QUESTION, PR_SLUICE_QUEUED, PR_SLUICE_RATE, PR_SLUICE_SKIPS_NO_UI, PR_SLUICE_STAGE, PR_SLUICE_TIME_LEFT,
    PR_SLUICE_TOTAL, PR_SLUICE_TOTAL_BYTES, PR_SLUICE_WAITING, PR_SLUICE_WAITING_AS_OF, PR_SLUICE_WAITING_BYTES,
    PR_STATUS_CODE, PR_STATUS_STRING,
};
use crate::mapi::{
    Class, Direction, EntryId, Failure, OutgoingCounts, PropValue, ResourceFlags, ResourceMethods, ResourceType, Row,
    StatusCode,
};
use crate::transport::Question;

/// `PR_OBJECT_TYPE` of every status row: `MAPI_STATUS`.
const MAPI_STATUS: i32 = 0x0A;

/// The entry identifier of the spooler's status object.
pub fn spooler_id() -> EntryId {
    EntryId::of(ResourceType::MAPI_SPOOLER, "")
}

/// The entry identifier of a transport's status object.
pub fn transport_id(name: &str) -> EntryId {
    EntryId::of(ResourceType::MAPI_TRANSPORT_PROVIDER, name)
}

/// What `PR_SLUICE_DIRECTIONS` says of a resource that sends, and receives.
fn directions(sends: bool, receives: bool) -> i32 {
    let bit = |has: bool, direction: Direction| if has { direction.directions_bit() } else { 0 };
    bit(sends, Direction::Outgoing) | bit(receives, Direction::Incoming)
}

/// Whether a resource's row has a queue of this direction.
pub fn goes(row: &Row, direction: Direction) -> bool {
    row.number(PR_SLUICE_DIRECTIONS).is_some_and(|bits| bits & i64::from(direction.directions_bit()) != 0)
}

fn row(id: &EntryId, kind: ResourceType, number: usize, name: &str) -> Row {
    let mut row = Row::default();
    row.set(PR_ENTRYID, id.as_bytes().to_vec())
        .set(PR_INSTANCE_KEY, id.as_bytes().to_vec())
        .set(PR_OBJECT_TYPE, MAPI_STATUS)
        .set(PR_ROWID, i32::try_from(number).unwrap_or(i32::MAX))
        .set(PR_RESOURCE_TYPE, kind.code())
        .set(PR_DISPLAY_NAME, name)
        .set(PR_PROVIDER_DLL_NAME, "mailsluice");
    row
}

fn bits(value: u32) -> PropValue {
    PropValue::Long(value.cast_signed())
}

fn count(value: u64) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// The rows that MAPI itself has beside the spooler's: subsystem and integrated address book.
pub fn fixed_rows() -> [Row; 2] {
    [(ResourceType::MAPI_SUBSYSTEM, 1, "MAPI subsystem"), (ResourceType::MAPI_AB, 2, "Address book")].map(
        |(kind, number, name)| {
            let mut row = row(&EntryId::of(kind, ""), kind, number, name);
            row.set(PR_PROVIDER_DISPLAY, "Mailsluice")
                .set(PR_RESOURCE_METHODS, bits(ResourceMethods::STATUS_VALIDATE_STATE.bits()))
                .set(PR_RESOURCE_FLAGS, bits(ResourceFlags::STATUS_NO_PRIMARY_IDENTITY.bits()))
                .set(PR_STATUS_CODE, bits(StatusCode::STATUS_AVAILABLE.bits()))
                .set(PR_STATUS_STRING, "Available")
                .set(PR_SLUICE_HONOURS_NO_UI, true);
            row
        },
    )
}

/// The spooler's row: the sum of its transports, and what of the spooler itself does not work.
pub fn spooler_row(
    transports: &[TransportState],
    trouble: Option<&Failure>,
    offline: bool,
    next_run: Option<i64>,
) -> Row {
    let mut row = row(&spooler_id(), ResourceType::MAPI_SPOOLER, 0, "MAPI spooler");
    let methods = ResourceMethods::STATUS_VALIDATE_STATE | ResourceMethods::STATUS_FLUSH_QUEUES;
    let running = transports.iter().filter(|transport| transport.run.is_some()).count();
    let mut code = StatusCode::STATUS_AVAILABLE;
    code.set(StatusCode::STATUS_OFFLINE, offline);
    code.set(StatusCode::STATUS_FAILURE, trouble.is_some());
    let text = match (offline, running) {
        (_, 1) => "1 transport at work".to_owned(),
        (_, 2..) => format!("{running} transports at work"),
        (true, _) => "Working offline".to_owned(),
        (false, _) => trouble.map_or_else(|| "Idle".to_owned(), ToString::to_string),
    };
    row.set(PR_PROVIDER_DISPLAY, "Mailsluice")
        .set(PR_RESOURCE_METHODS, bits(methods.bits()))
        .set(PR_RESOURCE_FLAGS, bits(ResourceFlags::STATUS_NO_PRIMARY_IDENTITY.bits()))
        .set(PR_STATUS_CODE, bits(code.bits()))
        .set(PR_STATUS_STRING, text)
        .set(PR_SLUICE_HONOURS_NO_UI, true)
        .set(PR_SLUICE_DIRECTIONS, directions(true, true))
        .set_option(PR_SLUICE_NEXT_RUN, next_run.map(PropValue::SysTime))
        .set_option(PR_SLUICE_LAST_FAILURE, trouble.and_then(|failure| serde_json::to_string(failure).ok()));
    row.set_option(PR_SLUICE_NEXT_TRY, transports.iter().filter_map(next_try).min().map(PropValue::SysTime));
    let sum = transports.iter().fold(OutgoingCounts::default(), |sum, transport| add(sum, &transport.counts));
    set_counts(&mut row, &sum);
    set_on_server(
        &mut row,
        transports
            .iter()
            .filter_map(|transport| transport.on_server)
            .reduce(|a, b| (a.0 + b.0, a.1 + b.1, a.2.min(b.2))),
    );
    row
}

/// When the first of what was put off is due.
fn next_try(state: &TransportState) -> Option<i64> {
    state.next_due.filter(|_| state.counts.deferred > 0)
}

fn add(sum: OutgoingCounts, other: &OutgoingCounts) -> OutgoingCounts {
    OutgoingCounts {
        queued: sum.queued + other.queued,
        in_flight: sum.in_flight + other.in_flight,
        in_doubt: sum.in_doubt + other.in_doubt,
        deferred: sum.deferred + other.deferred,
        held: sum.held + other.held,
        failed: sum.failed + other.failed,
        bytes: sum.bytes + other.bytes,
        oldest: [sum.oldest, other.oldest].into_iter().flatten().min(),
    }
}

fn set_counts(row: &mut Row, counts: &OutgoingCounts) {
    row.set(PR_SLUICE_QUEUED, count(counts.queued))
        .set(PR_SLUICE_IN_FLIGHT, count(counts.in_flight))
        .set(PR_SLUICE_IN_DOUBT, count(counts.in_doubt))
        .set(PR_SLUICE_DEFERRED, count(counts.deferred))
        .set(PR_SLUICE_HELD, count(counts.held))
        .set(PR_SLUICE_FAILED, count(counts.failed))
        .set(PR_SLUICE_BYTES, counts.bytes.cast_signed())
        .set_option(PR_SLUICE_OLDEST, counts.oldest.map(PropValue::SysTime));
}

fn set_on_server(row: &mut Row, on_server: Option<(u64, u64, i64)>) {
    if let Some((messages, bytes, as_of)) = on_server {
        row.set(PR_SLUICE_WAITING, count(messages))
            .set(PR_SLUICE_WAITING_BYTES, bytes.cast_signed())
            .set(PR_SLUICE_WAITING_AS_OF, PropValue::SysTime(as_of));
    }
}

/// A transport's row. `number` counts the rows, `ordinal` the transports.
pub fn transport_row(state: &TransportState, ordinal: usize, offline: bool, now: Now) -> Row {
    let facts = &state.facts;
    let kind = ResourceType::MAPI_TRANSPORT_PROVIDER;
    let mut row = row(&transport_id(&facts.name), kind, ordinal + 3, &facts.name);
    row.set(PR_PROVIDER_DISPLAY, facts.provider.as_str())
        .set(PR_PROVIDER_ORDINAL, i32::try_from(ordinal).unwrap_or(i32::MAX))
        .set(PR_RESOURCE_PATH, facts.path.as_str())
        .set(PR_RESOURCE_METHODS, bits(methods(facts).bits()))
        .set(PR_RESOURCE_FLAGS, bits(flags(facts).bits()))
        .set(PR_STATUS_CODE, bits(status_code(state, offline).bits()))
        .set(PR_STATUS_STRING, status_string(state, offline))
        .set(PR_SLUICE_HONOURS_NO_UI, facts.honours_no_ui)
        .set(PR_SLUICE_SKIPS_NO_UI, facts.skips_no_ui)
        .set(PR_SLUICE_DIRECTIONS, directions(facts.outgoing, facts.incoming))
        .set_option(PR_SLUICE_LAST_RUN, state.last_run.map(PropValue::SysTime))
        .set_option(PR_SLUICE_QUESTION, state.question.as_ref().map(|(ticket, _)| ticket.0.cast_signed()))
        .set_option(
            PR_SLUICE_ASKED,
            state.question.as_ref().and_then(|(_, question)| serde_json::to_string(question).ok()),
        )
        .set_option(
            PR_SLUICE_LAST_FAILURE,
            state.last_failure.as_ref().and_then(|failure| serde_json::to_string(failure).ok()),
        );
    if facts.outgoing {
        set_counts(&mut row, &state.counts);
        row.set_option(PR_SLUICE_NEXT_TRY, next_try(state).map(PropValue::SysTime));
    }
    if facts.incoming {
        set_on_server(&mut row, state.on_server);
    }
    set_identity(&mut row, facts);
    set_progress(&mut row, state.run.as_ref(), now);
    if state.run.is_none() && !state.waiting.is_empty() {
        row.set(PR_SLUICE_STAGE, "queue");
    }
    row
}

fn methods(facts: &Facts) -> ResourceMethods {
    let mut methods = ResourceMethods::STATUS_VALIDATE_STATE;
    methods.set(ResourceMethods::STATUS_FLUSH_QUEUES, facts.flushes_itself);
    methods
}

fn flags(facts: &Facts) -> ResourceFlags {
    let mut flags = ResourceFlags::STATUS_NO_DEFAULT_STORE;
    flags.set(ResourceFlags::STATUS_XP_PREFER_LAST, facts.prefer_last);
    flags.set(ResourceFlags::STATUS_NO_PRIMARY_IDENTITY, facts.identity.is_none());
    flags
}

/// The identity columns: all three or none (pidtagidentitydisplay-canonical-property).
fn set_identity(row: &mut Row, facts: &Facts) {
    if let Some((name, address)) = &facts.identity {
        let display = if name.is_empty() { address.clone() } else { format!("{name} <{address}>") };
        let search_key = format!("SMTP:{}\0", address.to_uppercase());
        row.set(PR_IDENTITY_DISPLAY, display)
            .set(PR_IDENTITY_ENTRYID, format!("{name}\0SMTP\0{address}\0").into_bytes())
            .set(PR_IDENTITY_SEARCH_KEY, search_key.into_bytes());
    }
}

fn set_progress(row: &mut Row, run: Option<&Run>, now: Now) {
    let Some((run, phase)) = run.and_then(|run| Some((run, run.phase?))) else {
        row.set(PR_REMOTE_PROGRESS, -1);
        if let Some(run) = run {
            row.set_option(PR_SLUICE_STAGE, stage_word(run));
        }
        return;
    };
    let meter = &run.meter;
    let total = meter.total.filter(|total| *total > 0);
    let percent = total.map_or(0, |total| (meter.done * 100 / total).min(100));
    let verb = if phase == Direction::Outgoing { "Sending" } else { "Receiving" };
    let text = match total {
        Some(total) => format!("{verb} {} of {total}", meter.done),
        None => verb.to_owned(),
    };
    row.set(PR_REMOTE_PROGRESS, count(percent))
        .set(PR_REMOTE_PROGRESS_TEXT, text)
        .set(PR_SLUICE_DONE, count(meter.done))
        .set_option(PR_SLUICE_TOTAL, meter.total.map(count))
        .set(PR_SLUICE_DONE_BYTES, meter.bytes.cast_signed())
        .set_option(PR_SLUICE_TOTAL_BYTES, meter.total_bytes.map(u64::cast_signed))
        .set_option(PR_SLUICE_RATE, meter.rate(now.mono).map(u64::cast_signed))
        .set_option(PR_SLUICE_TIME_LEFT, meter.time_left(now.mono).map(count))
        .set_option(PR_SLUICE_STAGE, stage_word(run));
}

fn stage_word(run: &Run) -> Option<String> {
    serde_json::to_value(run.stage).ok()?.as_str().map(ToOwned::to_owned)
}

fn status_code(state: &TransportState, offline: bool) -> StatusCode {
    let facts = &state.facts;
    let mut code = StatusCode::empty();
    code.set(StatusCode::STATUS_AVAILABLE, facts.unusable.is_none());
    code.set(StatusCode::STATUS_OFFLINE, offline);
    code.set(StatusCode::STATUS_FAILURE, state.last_failure.as_ref().is_some_and(is_trouble));
    code.set(StatusCode::STATUS_OUTBOUND_ENABLED, facts.outgoing && facts.unusable.is_none());
    code.set(StatusCode::STATUS_INBOUND_ENABLED, facts.incoming && facts.unusable.is_none());
    if let Some(run) = &state.run
        && let Some(phase) = run.phase
    {
        code.set(phase.flush_bit(), !run.ending);
        match phase {
            Direction::Outgoing => {
                code.set(StatusCode::STATUS_OUTBOUND_ACTIVE, !run.in_flight.is_empty());
            }
            Direction::Incoming => code.insert(StatusCode::STATUS_INBOUND_ACTIVE),
        }
    }
    code
}

/// A cancelled run is no trouble of the transport's, nor is what this version does not do.
const fn is_trouble(failure: &Failure) -> bool {
    !matches!(failure.class, Class::Cancelled | Class::Unsupported)
}

/// One sentence out of many bits; what runs before what failed, what failed before what waits.
fn status_string(state: &TransportState, offline: bool) -> String {
    match &state.question {
        Some((_, Question::Password { user, .. })) => return format!("Needs the password of {user}"),
        Some((_, Question::Consent(of))) => return format!("Needs {} to sign in with {}", of.user, of.provider),
        Some((_, Question::Certificate(of))) => return format!("Needs a look at the certificate of {}", of.host),
        None => {}
    }
    if let Some(run) = &state.run {
        return match run.phase {
            Some(Direction::Outgoing) => "Sending".to_owned(),
            Some(Direction::Incoming) => "Receiving".to_owned(),
            None => "Starting".to_owned(),
        };
    }
    if !state.waiting.is_empty() {
        let resource = state.facts.resource.as_deref().unwrap_or("its turn");
        return format!("Waiting for {resource}");
    }
    match &state.last_failure {
        Some(failure) if failure.class != Class::Cancelled => failure.to_string(),
        _ if offline => "Working offline".to_owned(),
        _ if state.counts.deferred > 0 => format!("{} put off", state.counts.deferred),
        _ => "Idle".to_owned(),
    }
}
