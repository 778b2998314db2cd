//! The one place where waiting for a socket meets its deadline and the cancellation, and where an I/O error becomes a
//! [`Failure`].
//!
//! Whoever waits for the network goes through [`step`] (or, where two directions are served at once, through a
//! `select!` with the same three arms). The token latches, so a cancellation that came before the wait ends it too.

use std::future::Future;
use std::io;
use std::time::Duration;

use secrecy::zeroize::{Zeroize as _, Zeroizing};
use tokio::io::AsyncWriteExt as _;
use tokio_util::sync::CancellationToken;

use super::lines::LineTooLong;
use super::{Connection, tls};
use crate::mapi::{Blame, Class, Failure, Stage};

/// Waits for `future`, for `deadline` at most, and not a moment longer once `cancel` is cancelled.
///
/// # Errors
/// [`Class::Cancelled`]; a time-out as [`timed_out`] has it; an I/O error as [`failure`] has it.
pub async fn step<T>(
    future: impl Future<Output = io::Result<T>>,
    deadline: Duration,
    cancel: &CancellationToken,
    stage: Stage,
    at: &str,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Failure::cancelled(stage, at)),
        done = tokio::time::timeout(deadline, future) => match done {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(failure(&error, stage, at)),
            Err(_elapsed) => Err(timed_out(deadline, stage, at)),
        },
    }
}

/// Writes all that is in `out` as one [`step`], and wipes it: a password may be in it. Nothing in it is nothing to do.
///
/// # Errors
/// As for [`step`]; then `out` is as it was.
pub async fn write_out(
    connection: &mut Connection,
    out: &mut Zeroizing<Vec<u8>>,
    deadline: Duration,
    cancel: &CancellationToken,
    stage: Stage,
    at: &str,
) -> Result<(), Failure> {
    if !out.is_empty() {
        let write = async {
            connection.write_all(out).await?;
            connection.flush().await
        };
        step(write, deadline, cancel, stage, at).await?;
        out.zeroize();
    }
    Ok(())
}

/// Nothing came in time. Before there is a connection that means there is no way to the server.
pub fn timed_out(deadline: Duration, stage: Stage, at: &str) -> Failure {
    let class = if reaching(stage) { Class::Offline } else { Class::Transient };
    let seconds = deadline.as_secs();
    let what = format!("no answer within {seconds} second{}", if seconds == 1 { "" } else { "s" });
    Failure::new(class, stage, at, what)
}

/// What an I/O error means at this stage.
pub fn failure(error: &io::Error, stage: Stage, at: &str) -> Failure {
    let inner = error.get_ref();
    if let Some(too_long) = inner.and_then(|inner| inner.downcast_ref::<LineTooLong>()) {
        return Failure::new(Class::Protocol, stage, at, too_long.to_string());
    }
    if let Some(tls_error) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return tls::failure(tls_error, stage, at);
    }
    let (class, what) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (Class::Offline, "connection refused".to_owned()),
        io::ErrorKind::HostUnreachable => (Class::Offline, "host unreachable".to_owned()),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
            (Class::Offline, "network unreachable".to_owned())
        }
        io::ErrorKind::UnexpectedEof => (Class::Transient, "the server closed the line".to_owned()),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            (Class::Transient, "the line was reset".to_owned())
        }
        _ if stage == Stage::Resolve => (Class::Offline, format!("host not found ({error})")),
        _ if stage == Stage::Connect => (Class::Offline, error.to_string()),
        _ => (Class::Transient, error.to_string()),
    };
    let blame = if class == Class::Offline { Blame::Site } else { Blame::Session };
    Failure::new(class, stage, at, what).blaming(blame)
}

const fn reaching(stage: Stage) -> bool {
    matches!(stage, Stage::Resolve | Stage::Connect)
}
