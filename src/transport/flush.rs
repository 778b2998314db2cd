//! One flush of one transport, the same for all kinds: the hand-shake of implementing-the-flushqueues-method.
//!
//! Bring the line up, `FlushQueues`, drain outgoing, drain incoming, let everything go. Whatever fails, what was
//! brought up is brought down, and the spooler hears of the end exactly once.

use crate::mapi::{Direction, Failure, FlushFlags};

use super::bring;
use super::registry::LoggedOn;
use super::{Receipts, ReportKind, Submissions, Support};

/// Does the whole flush. The caller reports its end.
///
/// # Errors
/// What failed first. A failed outgoing phase does not keep mail from coming in, unless it was cancelled.
pub async fn flush(transport: &LoggedOn, support: &Support, flags: FlushFlags) -> Result<(), Failure> {
    if let Some(command) = transport.connect.as_ref().and_then(|connect| connect.up.as_deref()) {
        support.stage(crate::mapi::Stage::Bring);
        bring::shell(command, support.cancel()).await?;
    }
    let outgoing = phase(transport, support, flags, Direction::Outgoing).await;
    let incoming = if support.cancel().is_cancelled() || support.ending().is_cancelled() {
        Ok(())
    } else {
        phase(transport, support, flags, Direction::Incoming).await
    };
    for half in transport.halves() {
        half.release();
    }
    let down = match transport.connect.as_ref().and_then(|connect| connect.down.as_deref()) {
        // Not cancelled with the flush: a line that was brought up is brought down.
        Some(command) => bring::shell(command, &tokio_util::sync::CancellationToken::new()).await,
        None => Ok(()),
    };
    outgoing.and(incoming).and(down)
}

async fn phase(
    transport: &LoggedOn,
    support: &Support,
    flags: FlushFlags,
    direction: Direction,
) -> Result<(), Failure> {
    let Some(half) = transport.half(direction).filter(|_| flags.wants(direction)) else { return Ok(()) };
    support.report(ReportKind::PhaseBegan(direction));
    let end = match half.flush_queues(support, flags).await {
        Err(failure) => Err(failure),
        Ok(()) => match direction {
            Direction::Outgoing => {
                let queue = Submissions::new(support.clone());
                let end = half.submit(support, &queue).await;
                let drained = queue.give_back().await;
                end.and(drained)
            }
            Direction::Incoming => half.start(support, &Receipts::new(support.clone())).await,
        },
    };
    support.report(ReportKind::PhaseEnded(direction, end.clone()));
    end
}
