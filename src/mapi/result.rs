//! The HRESULTs the house answers with, under the names and numbers of `MAPICode.h`.

use serde::{Deserialize, Serialize};

macro_rules! results {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $code:literal;)+) => {
        /// What a MAPI call answered. Codes above `0x8000_0000` are errors, others succeed (perhaps with a warning).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum MapiResult { $($(#[$doc])* $variant,)+ }

        impl MapiResult {
            /// Every result the house knows.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The numeric HRESULT.
            pub const fn code(self) -> u32 { match self { $(Self::$variant => $code,)+ } }

            /// The name in the header, as the command line prints it.
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)+ } }
        }
    };
}

results! {
    /// Done.
    Ok = "S_OK" 0x0000_0000;
    /// The method or the direction is not there.
    NoSupport = "MAPI_E_NO_SUPPORT" 0x8004_0102;
    /// Bits that nobody defined.
    UnknownFlags = "MAPI_E_UNKNOWN_FLAGS" 0x8004_0106;
    /// Not an entry identifier of ours.
    InvalidEntryId = "MAPI_E_INVALID_ENTRYID" 0x8004_0107;
    /// Another operation is running.
    Busy = "MAPI_E_BUSY" 0x8004_010B;
    /// Nothing there.
    NotFound = "MAPI_E_NOT_FOUND" 0x8004_010F;
    /// Login refused, or no password to be had.
    LogonFailed = "MAPI_E_LOGON_FAILED" 0x8004_0111;
    /// The user cancelled.
    UserCancel = "MAPI_E_USER_CANCEL" 0x8004_0113;
    /// Too late to abort.
    UnableToAbort = "MAPI_E_UNABLE_TO_ABORT" 0x8004_0114;
    /// The network or the server failed.
    NetworkError = "MAPI_E_NETWORK_ERROR" 0x8004_0115;
    /// Disk trouble on this machine.
    DiskError = "MAPI_E_DISK_ERROR" 0x8004_0116;
    /// More than this table can evaluate.
    TooComplex = "MAPI_E_TOO_COMPLEX" 0x8004_0117;
    /// Data that makes no sense.
    CorruptData = "MAPI_E_CORRUPT_DATA" 0x8004_011B;
    /// Settings are missing or wrong.
    Unconfigured = "MAPI_E_UNCONFIGURED" 0x8004_011C;
    /// This provider failed, the others go on.
    FailOneProvider = "MAPI_E_FAILONEPROVIDER" 0x8004_011D;
    /// The other end of the session has ended.
    EndOfSession = "MAPI_E_END_OF_SESSION" 0x8004_0200;
    /// The entry's owner is not open.
    UnknownEntryId = "MAPI_E_UNKNOWN_ENTRYID" 0x8004_0201;
    /// Took too long.
    Timeout = "MAPI_E_TIMEOUT" 0x8004_0401;
    /// More rows than the caller allowed.
    TableTooBig = "MAPI_E_TABLE_TOO_BIG" 0x8004_0403;
    /// The bookmark is no longer good.
    InvalidBookmark = "MAPI_E_INVALID_BOOKMARK" 0x8004_0405;
    /// Wait, then submit again.
    Wait = "MAPI_E_WAIT" 0x8004_0500;
    /// Drop this resubmission.
    Cancel = "MAPI_E_CANCEL" 0x8004_0501;
    /// This transport doesn't take this message.
    NotMe = "MAPI_E_NOT_ME" 0x8004_0502;
    /// Already gone from the queue.
    NotInQueue = "MAPI_E_NOT_IN_QUEUE" 0x8004_0601;
    /// A message without recipients.
    NoRecipients = "MAPI_E_NO_RECIPIENTS" 0x8004_0607;
    /// Already submitted, so not open for writing.
    Submitted = "MAPI_E_SUBMITTED" 0x8004_0608;
    /// Not allowed.
    NoAccess = "MAPI_E_NO_ACCESS" 0x8007_0005;
    /// The call itself failed inside.
    CallFailed = "MAPI_E_CALL_FAILED" 0x8000_4005;
    /// An argument makes no sense.
    InvalidParameter = "MAPI_E_INVALID_PARAMETER" 0x8007_0057;
    /// Done, with errors in some properties.
    ErrorsReturned = "MAPI_W_ERRORS_RETURNED" 0x0004_0380;
    /// Done, but the position moved.
    PositionChanged = "MAPI_W_POSITION_CHANGED" 0x0004_0481;
    /// Done, with an approximate count.
    ApproxCount = "MAPI_W_APPROX_COUNT" 0x0004_0482;
    /// Stop for the recipients not yet served.
    CancelMessage = "MAPI_W_CANCEL_MESSAGE" 0x0004_0580;
    /// Some was done, some was not.
    PartialCompletion = "MAPI_W_PARTIAL_COMPLETION" 0x0004_0680;
}

impl MapiResult {
    /// Whether the call failed (the severity bit is set).
    pub const fn is_error(self) -> bool {
        self.code() & 0x8000_0000 != 0
    }

    /// The worst of several, as one answer for all: what passes by itself is better than what needs a person.
    pub fn worst(results: impl IntoIterator<Item = Self>) -> Self {
        results.into_iter().max_by_key(|result| result.gravity()).unwrap_or(Self::Ok)
    }

    const fn gravity(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::ApproxCount | Self::PositionChanged | Self::ErrorsReturned => 1,
            Self::CancelMessage | Self::PartialCompletion => 2,
            Self::Busy => 3,
            Self::UserCancel => 4,
            Self::NoSupport => 5,
            Self::NetworkError | Self::Timeout => 6,
            Self::CallFailed => 7,
            Self::LogonFailed => 8,
            Self::DiskError => 9,
            _ => 10,
        }
    }

    /// The result of this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|result| result.name() == name)
    }
}

impl std::fmt::Display for MapiResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for MapiResult {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for MapiResult {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| serde::de::Error::custom(format!("no MAPI result is called {name}")))
    }
}
