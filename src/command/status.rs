//! `mailsluice status`: the status table, as the window shows it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::context::Context;
use super::queue::age;
use super::{Problem, clock, exit, now, say, say_json};
use crate::mapi::flags::flag_names;
use crate::mapi::tag::{
    PR_DISPLAY_NAME, PR_ENTRYID, PR_PROVIDER_DISPLAY, PR_RESOURCE_FLAGS, PR_RESOURCE_METHODS, PR_RESOURCE_TYPE,
    PR_SLUICE_BYTES, PR_SLUICE_DEFERRED, PR_SLUICE_FAILED, PR_SLUICE_HELD, PR_SLUICE_HONOURS_NO_UI, PR_SLUICE_IN_DOUBT,
    PR_SLUICE_IN_FLIGHT, PR_SLUICE_LAST_FAILURE, PR_SLUICE_LAST_RUN, PR_SLUICE_NEXT_TRY, PR_SLUICE_OLDEST,
    PR_SLUICE_QUEUED, PR_SLUICE_SKIPS_NO_UI, PR_SLUICE_WAITING, PR_SLUICE_WAITING_AS_OF, PR_SLUICE_WAITING_BYTES,
    PR_STATUS_CODE, PR_STATUS_STRING,
};
use crate::mapi::{Direction, PropTag, ResourceFlags, ResourceMethods, ResourceType, Row, StatusCode, visible};
use crate::spooler::core::rows::goes;

/// Runs the command.
pub(super) fn run(context: &Context, as_json: bool) -> Result<u8, Problem> {
    let rows = context.work(|_, session| Ok(session.rows()))?;
    if as_json {
        say_json(&json!({ "rows": rows.iter().map(|row| row_json(row)).collect::<Vec<_>>() }))?;
    } else {
        print_table(&rows);
    }
    Ok(exit::OK)
}

fn resource_type(row: &Row) -> Option<ResourceType> {
    row.number(PR_RESOURCE_TYPE).and_then(|code| ResourceType::from_code(i32::try_from(code).ok()?))
}

fn row_json(row: &Row) -> Value {
    let kind = resource_type(row);
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    let text = |tag| row.text(tag).map_or(Value::Null, Value::from);
    put("entryid", row.entry_id().filter(|_| row.get(PR_ENTRYID).is_some()).map_or(Value::Null, |id| id.hex().into()));
    put("resource_type", kind.map_or(Value::Null, |kind| format!("{kind:?}").into()));
    put("display_name", text(PR_DISPLAY_NAME));
    put("provider_display", text(PR_PROVIDER_DISPLAY));
    let methods = ResourceMethods::from_bits_retain(row.bits(PR_RESOURCE_METHODS));
    put("resource_methods", flag_names(&methods).into());
    put("resource_flags", flag_names(&ResourceFlags::from_bits_retain(row.bits(PR_RESOURCE_FLAGS))).into());
    put("status_code", flag_names(&StatusCode::from_bits_retain(row.bits(PR_STATUS_CODE))).into());
    put("status_string", text(PR_STATUS_STRING));
    // The row has it as JSON.
    let failure = row.text(PR_SLUICE_LAST_FAILURE).and_then(|json| serde_json::from_str(json).ok());
    put("last_failure", failure.unwrap_or(Value::Null));
    put("last_run", row.number(PR_SLUICE_LAST_RUN).into());
    put("honours_no_ui", row.switch(PR_SLUICE_HONOURS_NO_UI).into());
    if matches!(kind, Some(ResourceType::MAPI_TRANSPORT_PROVIDER | ResourceType::MAPI_SPOOLER)) {
        put("outgoing", outgoing(row));
        put("incoming", incoming(row));
    }
    Value::Object(out)
}

fn number(row: &Row, tag: PropTag) -> i64 {
    row.number(tag).unwrap_or(0)
}

fn outgoing(row: &Row) -> Value {
    json!({
        "queued": number(row, PR_SLUICE_QUEUED),
        "in_flight": number(row, PR_SLUICE_IN_FLIGHT),
        "in_doubt": number(row, PR_SLUICE_IN_DOUBT),
        "deferred": number(row, PR_SLUICE_DEFERRED),
        "held": number(row, PR_SLUICE_HELD),
        "failed": number(row, PR_SLUICE_FAILED),
        "bytes": number(row, PR_SLUICE_BYTES),
        "oldest": row.number(PR_SLUICE_OLDEST),
        "next_try": row.number(PR_SLUICE_NEXT_TRY),
    })
}

/// What waits on the server is unknown until somebody has looked: then the numbers are null, not zero.
fn incoming(row: &Row) -> Value {
    json!({
        "waiting": row.number(PR_SLUICE_WAITING),
        "bytes": row.number(PR_SLUICE_WAITING_BYTES),
        "as_of": row.number(PR_SLUICE_WAITING_AS_OF),
    })
}

/// What a row says it is doing, and what the clock adds to that: when a failure was, when the next try is.
fn status(row: &Row) -> String {
    let now = now();
    let mut text = visible(row.text(PR_STATUS_STRING).unwrap_or_default());
    if let Some(at) = row.number(PR_SLUICE_LAST_RUN).filter(|_| row.get(PR_SLUICE_LAST_FAILURE).is_some()) {
        text = format!("{text} ({} ago)", age(now - at));
    }
    let put_off = row.number(PR_SLUICE_DEFERRED).filter(|count| *count > 0).map(|count| format!("{count} put off"));
    if let Some(put_off) = put_off.filter(|put_off| *put_off != text) {
        text = format!("{text}; {put_off}");
    }
    match row.number(PR_SLUICE_NEXT_TRY).filter(|at| *at > now) {
        Some(at) => format!("{text}, next try at {}", clock(at, now)),
        None => text,
    }
}

fn print_table(rows: &[Arc<Row>]) {
    let shown = rows.iter().filter(|row| {
        matches!(resource_type(row), Some(ResourceType::MAPI_SPOOLER | ResourceType::MAPI_TRANSPORT_PROVIDER))
    });
    let transports = rows.iter().filter(|row| resource_type(row) == Some(ResourceType::MAPI_TRANSPORT_PROVIDER));
    let mut lines =
        vec![["Resource", "To send", "Deferred", "Held", "Failed", "In doubt", "Waiting", "Status"].map(str::to_owned)];
    for row in shown {
        // The spooler has the queues that its transports have.
        let exists = |direction| match resource_type(row) {
            Some(ResourceType::MAPI_SPOOLER) => transports.clone().any(|transport| goes(transport, direction)),
            _ => goes(row, direction),
        };
        let (sends, receives) = (exists(Direction::Outgoing), exists(Direction::Incoming));
        let count = |tag, exists: bool| match row.number(tag) {
            // A queue that there is not, one with nothing in it, and one that nobody has looked into are not the same.
            None | Some(0) if !exists => String::new(),
            Some(0) => "–".to_owned(),
            Some(number) => number.to_string(),
            None => "?".to_owned(),
        };
        let mut status = status(row);
        if row.switch(PR_SLUICE_SKIPS_NO_UI) == Some(true) {
            status.push_str(" (left out under No UI)");
        } else if row.switch(PR_SLUICE_HONOURS_NO_UI) == Some(false) {
            status.push_str(" (ignores No UI)");
        }
        lines.push([
            visible(row.text(PR_DISPLAY_NAME).unwrap_or_default()),
            count(PR_SLUICE_QUEUED, sends),
            count(PR_SLUICE_DEFERRED, sends),
            count(PR_SLUICE_HELD, sends),
            count(PR_SLUICE_FAILED, sends),
            count(PR_SLUICE_IN_DOUBT, sends),
            count(PR_SLUICE_WAITING, receives),
            status,
        ]);
    }
    let first = lines.iter().map(|line| line[0].chars().count()).max().unwrap_or(0);
    for [name, counts @ .., status] in &lines {
        let counts: Vec<String> = counts.iter().map(|cell| format!("{cell:>8}")).collect();
        say(&format!("{name:<first$} {}  {status}", counts.join(" ")));
    }
}
