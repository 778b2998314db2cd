//! Flag words and enumerations, under the names and numbers of `MAPIDefS.h` and `MAPISPI.h`.

use bitflags::bitflags;
use serde::{Deserialize, Serialize};

/// `PR_RESOURCE_TYPE`: what a status row describes (pidtagresourcetype-canonical-property).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(i32)]
#[expect(non_camel_case_types, reason = "the names of MAPIDefS.h")]
#[allow(clippy::upper_case_acronyms, reason = "the names of MAPIDefS.h")]
pub enum ResourceType {
    /// A message store.
    MAPI_STORE_PROVIDER = 33,
    /// The integrated address book.
    MAPI_AB = 34,
    /// One address book provider.
    MAPI_AB_PROVIDER = 35,
    /// A transport: one per `[[transport]]` of the profile.
    MAPI_TRANSPORT_PROVIDER = 36,
    /// The spooler: exactly one.
    MAPI_SPOOLER = 37,
    /// A profile provider.
    MAPI_PROFILE_PROVIDER = 38,
    /// The subsystem: exactly one.
    MAPI_SUBSYSTEM = 39,
    /// A spooler hook.
    MAPI_HOOK_PROVIDER = 40,
}

impl ResourceType {
    /// Every resource type, in the order of its number.
    pub const ALL: [Self; 8] = [
        Self::MAPI_STORE_PROVIDER,
        Self::MAPI_AB,
        Self::MAPI_AB_PROVIDER,
        Self::MAPI_TRANSPORT_PROVIDER,
        Self::MAPI_SPOOLER,
        Self::MAPI_PROFILE_PROVIDER,
        Self::MAPI_SUBSYSTEM,
        Self::MAPI_HOOK_PROVIDER,
    ];

    /// The number that stands in `PR_RESOURCE_TYPE`.
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// The type with this number, if there is one.
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

bitflags! {
    /// `PR_RESOURCE_METHODS`: which methods of its status object a resource has.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
    pub struct ResourceMethods: u32 {
        /// `ValidateState` may be called.
        const STATUS_VALIDATE_STATE = 0x1;
        /// `SettingsDialog` may be called.
        const STATUS_SETTINGS_DIALOG = 0x2;
        /// `ChangePassword` may be called.
        const STATUS_CHANGE_PASSWORD = 0x4;
        /// `FlushQueues` may be called.
        const STATUS_FLUSH_QUEUES = 0x8;
    }

    /// `PR_RESOURCE_FLAGS`: fixed and chosen traits of a resource.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
    pub struct ResourceFlags: u32 {
        /// Its identity is the one for outgoing mail.
        const STATUS_DEFAULT_OUTBOUND = 0x1;
        /// The default store.
        const STATUS_DEFAULT_STORE = 0x2;
        /// Supplies the session's identity.
        const STATUS_PRIMARY_IDENTITY = 0x4;
        /// Simple MAPI's store.
        const STATUS_SIMPLE_STORE = 0x8;
        /// Wants to be tried after the others (`prefer_last`).
        const STATUS_XP_PREFER_LAST = 0x10;
        /// Offers no identity.
        const STATUS_NO_PRIMARY_IDENTITY = 0x20;
        /// Can't be the default store.
        const STATUS_NO_DEFAULT_STORE = 0x40;
        /// Hidden and removed at logoff.
        const STATUS_TEMP_SECTION = 0x80;
        /// Tightly coupled to a store.
        const STATUS_OWN_STORE = 0x100;
        /// A spooler hook for inbound mail.
        const HOOK_INBOUND = 0x200;
        /// A spooler hook for outbound mail.
        const HOOK_OUTBOUND = 0x400;
        /// Standard folders are not verified.
        const STATUS_NEED_IPM_TREE = 0x800;
        /// The store to use first.
        const STATUS_PRIMARY_STORE = 0x1000;
        /// The store to fall back to.
        const STATUS_SECONDARY_STORE = 0x2000;
    }

    /// `PR_STATUS_CODE`: what a resource is doing. There is no "online" bit: online is `STATUS_OFFLINE` clear.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
    pub struct StatusCode: u32 {
        /// The resource works.
        const STATUS_AVAILABLE = 0x1;
        /// Local data and services only.
        const STATUS_OFFLINE = 0x2;
        /// In trouble.
        const STATUS_FAILURE = 0x4;
        /// Can receive.
        const STATUS_INBOUND_ENABLED = 0x0001_0000;
        /// A message is coming in now.
        const STATUS_INBOUND_ACTIVE = 0x0002_0000;
        /// The incoming queue is being drained.
        const STATUS_INBOUND_FLUSH = 0x0004_0000;
        /// Can send.
        const STATUS_OUTBOUND_ENABLED = 0x0010_0000;
        /// A message is going out now.
        const STATUS_OUTBOUND_ACTIVE = 0x0020_0000;
        /// The outgoing queue is being drained.
        const STATUS_OUTBOUND_FLUSH = 0x0040_0000;
        /// Supports remote headers.
        const STATUS_REMOTE_ACCESS = 0x0080_0000;
    }

    /// Flags of `FlushQueues`. Upload is outgoing, download is incoming: see [`Direction`].
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
    pub struct FlushFlags: u32 {
        /// Flush the outgoing queues.
        const FLUSH_UPLOAD = 0x2;
        /// Flush the incoming queues.
        const FLUSH_DOWNLOAD = 0x4;
        /// Whatever it costs and whatever the time; needed for asynchronous transports.
        const FLUSH_FORCE = 0x8;
        /// Show nothing and ask nothing.
        const FLUSH_NO_UI = 0x10;
        /// May return before it is done; the spooler's object only.
        const FLUSH_ASYNC_OK = 0x20;
    }

    /// Flags of `ValidateState`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
    pub struct ValidateFlags: u32 {
        /// No dialogs.
        const SUPPRESS_UI = 0x1;
        /// Fetch a fresh list of headers; marks are cleared.
        const REFRESH_XP_HEADER_CACHE = 0x0001_0000;
        /// Act on the marks.
        const PROCESS_XP_HEADER_CACHE = 0x0002_0000;
        /// Connect.
        const FORCE_XP_CONNECT = 0x0004_0000;
        /// Disconnect.
        const FORCE_XP_DISCONNECT = 0x0008_0000;
        /// Settings changed: read them again, revive what had failed.
        const CONFIG_CHANGED = 0x0010_0000;
        /// The user pressed Cancel.
        const ABORT_XP_HEADER_OPERATION = 0x0020_0000;
        /// Show the transport's own header window.
        const SHOW_XP_SESSION_UI = 0x0040_0000;
    }

    /// Flags of `ModifyStatusRow`. Clear: the row is a new one.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
    pub struct StatusRowFlags: u32 {
        /// The columns given are merged into the row that is there.
        const STATUSROW_UPDATE = 0x1000_0000;
    }

    /// How a content restriction compares text (scontentrestriction, high word of the level).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct FuzzyFlags: u32 {
        /// Upper and lower case are the same.
        const FL_IGNORECASE = 0x0001_0000;
        /// Marks on letters don't count; our tables can't (`MAPI_E_TOO_COMPLEX`).
        const FL_IGNORENONSPACE = 0x0002_0000;
        /// As loose as the table likes; ours ignore case.
        const FL_LOOSE = 0x0004_0000;
    }

    /// Flags of `QueryRows`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct QueryRowsFlags: u32 {
        /// The cursor stays on the first row returned.
        const TBL_NOADVANCE = 0x1;
    }

    /// Flags of `QueryColumns`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct QueryColumnsFlags: u32 {
        /// Every column that any row has, and not the current column set.
        const TBL_ALL_COLUMNS = 0x1;
    }

    /// Flags of `FindRow`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct FindRowFlags: u32 {
        /// Towards the beginning.
        const DIR_BACKWARD = 0x1;
    }

    /// What `Advise` can be asked for.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct EventMask: u32 {
        /// Changes to a table: the only ones a table tells about.
        const fnevTableModified = 0x100;
        /// MAPI's own; nobody can register for it (status_object_notification).
        const fnevStatusObjectModified = 0x200;
    }
}

/// The way mail goes. The only place where it meets the two flag names is [`Direction::flag`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Leaves this machine. On screen: Send.
    Outgoing,
    /// Arrives on this machine. On screen: Receive.
    Incoming,
}

impl Direction {
    /// Both, in the order in which one flush does them.
    pub const BOTH: [Self; 2] = [Self::Outgoing, Self::Incoming];

    /// The flush flag of this direction: upload sends, download receives (imapistatus-flushqueues, flag list).
    pub const fn flag(self) -> FlushFlags {
        match self {
            Self::Outgoing => FlushFlags::FLUSH_UPLOAD,
            Self::Incoming => FlushFlags::FLUSH_DOWNLOAD,
        }
    }

    /// The bit of `PR_STATUS_CODE` that stands while this direction is drained.
    pub const fn flush_bit(self) -> StatusCode {
        match self {
            Self::Outgoing => StatusCode::STATUS_OUTBOUND_FLUSH,
            Self::Incoming => StatusCode::STATUS_INBOUND_FLUSH,
        }
    }

    /// The bit of `PR_STATUS_CODE` that stands while something goes in this direction.
    pub const fn active_bit(self) -> StatusCode {
        match self {
            Self::Outgoing => StatusCode::STATUS_OUTBOUND_ACTIVE,
            Self::Incoming => StatusCode::STATUS_INBOUND_ACTIVE,
        }
    }

    /// Its bit of `PR_SLUICE_DIRECTIONS`.
    pub const fn directions_bit(self) -> i32 {
        match self {
            Self::Outgoing => 1,
            Self::Incoming => 2,
        }
    }
}

impl StatusCode {
    /// The direction that is drained.
    pub fn drained(self) -> Option<Direction> {
        Direction::BOTH.into_iter().find(|direction| self.contains(direction.flush_bit()))
    }

    /// The direction in which something goes: the one that is drained, or was until it was told to stop.
    pub fn under_way(self) -> Option<Direction> {
        let active = || Direction::BOTH.into_iter().find(|direction| self.contains(direction.active_bit()));
        self.drained().or_else(active)
    }
}

impl FlushFlags {
    /// Whether this direction is asked for.
    pub const fn wants(self, direction: Direction) -> bool {
        self.contains(direction.flag())
    }
}

/// The full MAPI names of the bits set in a flag word, in the order of their values.
pub fn flag_names<F: bitflags::Flags>(flags: &F) -> Vec<&'static str> {
    flags.iter_names().map(|(name, _)| name).collect()
}
