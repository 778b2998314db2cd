//! Watching: an eye on what waits on a server between flushes, kept open through lost lines.
//!
//! Nothing is fetched by it and nobody is asked anything: new mail shows as waiting, and the person at the desk says when
//! it comes. A transport with a `connect` command is not watched: its line is up for flushes only.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::registry::LoggedOn;
use super::{Receipts, Severity, Support};
use crate::mapi::{Class, Direction};

/// After a lost line it is tried again after this time, and then after twice as long each time it fails.
const PAUSE: Duration = Duration::from_secs(10);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// Whether this transport is to be watched.
pub fn wanted(transport: &LoggedOn) -> bool {
    transport.connect.is_none() && transport.half(Direction::Incoming).is_some_and(|half| half.watches())
}

/// Watches until it is cancelled. `again`: a flush is over, and what waits may be less.
pub async fn watch(transport: &LoggedOn, support: &Support, again: &Notify) {
    let Some(half) = transport.half(Direction::Incoming) else { return };
    let receipts = Receipts::new(support.clone());
    let mut pause = PAUSE;
    loop {
        let began = Instant::now();
        let Err(failure) = half.watch(support, &receipts, again).await else { return };
        if support.cancel().is_cancelled() {
            return;
        }
        if began.elapsed() > LONGEST_PAUSE {
            // It has worked meanwhile.
            pause = PAUSE;
        }
        let passes = matches!(failure.class, Class::Offline | Class::Transient);
        if !passes || pause == PAUSE {
            support.log(Severity::Warning, format!("new mail is not seen for now: {failure}"));
        }
        // What only a person can correct does not correct itself: it is tried again when that person tried a flush.
        let rest = async {
            if passes {
                sleep(pause).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = support.cancel().cancelled() => return,
            () = again.notified() => {}
            () = rest => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}
