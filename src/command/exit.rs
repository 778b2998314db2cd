//! Exit codes of sysexits(3), and which result ends with which.

use crate::mapi::{Class, Failure, MapiResult};
use crate::spooler::TransportResult;

/// Done.
pub const OK: u8 = 0;
/// The command line makes no sense.
pub const USAGE: u8 = 64;
/// A message was bad, or was refused for good.
pub const DATA_ERROR: u8 = 65;
/// A server can't be reached.
pub const UNAVAILABLE: u8 = 69;
/// Something in this program or system failed.
pub const SOFTWARE: u8 = 70;
/// This machine could not write.
pub const CANT_CREATE: u8 = 73;
/// Some was deferred, or busy: try again later.
pub const TEMPORARY: u8 = 75;
/// A server broke its protocol.
pub const PROTOCOL: u8 = 76;
/// A login was refused, or a person is needed.
pub const NO_PERMISSION: u8 = 77;
/// The profile is wrong.
pub const CONFIG: u8 = 78;

/// The exit code of a failure.
pub const fn of_failure(failure: &Failure) -> u8 {
    match failure.class {
        Class::Transient | Class::InDoubt | Class::Cancelled => TEMPORARY,
        Class::Permanent => DATA_ERROR,
        Class::Login | Class::NeedsPerson | Class::Trust => NO_PERMISSION,
        Class::Configuration => CONFIG,
        Class::Offline | Class::Unsupported => UNAVAILABLE,
        Class::Protocol => PROTOCOL,
        Class::Local => CANT_CREATE,
    }
}

/// The exit code of what a flush came to for one transport.
pub fn of_result(result: &TransportResult) -> u8 {
    let (sent, got) = (&result.outgoing, &result.incoming);
    let by_messages = [
        (sent.failed > 0, DATA_ERROR),
        (sent.in_doubt > 0, NO_PERMISSION),
        (sent.deferred > 0 || got.failed > 0, TEMPORARY),
    ];
    let by_messages = by_messages.into_iter().filter(|(happened, _)| *happened).map(|(_, code)| code);
    let by_transport = match &result.failure {
        Some(failure) => of_failure(failure),
        None => of_mapi(result.result),
    };
    worst(by_messages.chain([by_transport]))
}

/// The exit code of a MAPI result that no failure explains.
pub const fn of_mapi(result: MapiResult) -> u8 {
    match result {
        MapiResult::Ok | MapiResult::PartialCompletion => OK,
        MapiResult::Busy | MapiResult::UserCancel | MapiResult::Timeout | MapiResult::Wait => TEMPORARY,
        MapiResult::NetworkError | MapiResult::NoSupport => UNAVAILABLE,
        MapiResult::LogonFailed | MapiResult::NoAccess => NO_PERMISSION,
        MapiResult::Unconfigured => CONFIG,
        MapiResult::DiskError => CANT_CREATE,
        MapiResult::NotFound | MapiResult::InvalidParameter | MapiResult::UnknownFlags => USAGE,
        _ => SOFTWARE,
    }
}

/// The worst of exit codes: what a person must mend before what mends itself.
pub fn worst(codes: impl IntoIterator<Item = u8>) -> u8 {
    const ORDER: [u8; 10] =
        [OK, TEMPORARY, DATA_ERROR, UNAVAILABLE, PROTOCOL, NO_PERMISSION, CONFIG, CANT_CREATE, SOFTWARE, USAGE];
    codes.into_iter().max_by_key(|code| ORDER.iter().position(|known| known == code)).unwrap_or(OK)
}
