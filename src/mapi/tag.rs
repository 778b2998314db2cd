//! Property tags: an identifier in the high word, a type in the low one (`MAPITags.h`).

use serde::{Deserialize, Serialize};

/// The type in the low word of a tag (`MAPIDefS.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PropType {
    /// No value.
    Null,
    /// 32-bit signed.
    Long,
    /// An HRESULT in place of a value.
    Error,
    /// True or false.
    Boolean,
    /// 64-bit signed.
    I8,
    /// 8-bit string; we keep the text in UTF-8 under the wide tag.
    String8,
    /// Wide string.
    Unicode,
    /// Point in time.
    SysTime,
    /// Bytes.
    Binary,
}

impl PropType {
    /// The number (`PT_…`) in the low word of a tag.
    pub const fn code(self) -> u16 {
        match self {
            Self::Null => 0x0001,
            Self::Long => 0x0003,
            Self::Error => 0x000A,
            Self::Boolean => 0x000B,
            Self::I8 => 0x0014,
            Self::String8 => 0x001E,
            Self::Unicode => 0x001F,
            Self::SysTime => 0x0040,
            Self::Binary => 0x0102,
        }
    }

    /// The type with this number (`PT_…`), if we use it.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// A property tag.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PropTag(pub u32);

impl PropTag {
    /// The identifier (high word).
    pub const fn id(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// The type (low word), if it is one we use.
    pub fn prop_type(self) -> Option<PropType> {
        PropType::from_code((self.0 & 0xFFFF) as u16)
    }

    /// The tag under which a value is kept: text is UTF-8 under the wide tag, whichever was asked for (C12).
    #[must_use]
    pub fn wide(self) -> Self {
        match self.prop_type() {
            Some(PropType::String8) => Self(self.0 | 0x1),
            _ => self,
        }
    }

    /// The name of the header (or ours, for the private columns), if the tag is known.
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(tag, _)| *tag == self).map(|(_, name)| *name)
    }
}

impl std::fmt::Debug for PropTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::fmt::Display for PropTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:08X}", self.0),
        }
    }
}

macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)+) => {
        $($(#[$doc])* pub const $name: PropTag = PropTag($value);)+
        /// Every tag the house knows, with its name.
        pub const NAMES: &[(PropTag, &str)] = &[$(($name, stringify!($name)),)+];
    };
}

tags! {
    /// Reserves a slot in a column set.
    PR_NULL = 0x0000_0001;
    /// Recipient: a delivery report is asked for.
    PR_ORIGINATOR_DELIVERY_REPORT_REQUESTED = 0x0023_000B;
    /// Recipient: why it was not delivered.
    PR_NDR_REASON_CODE = 0x0C04_0003;
    /// Recipient: the same, in detail.
    PR_NDR_DIAG_CODE = 0x0C05_0003;
    /// Recipient: a report of failure is wanted; only `false` prevents it.
    PR_ORIGINATOR_NON_DELIVERY_REPORT_REQUESTED = 0x0C08_000B;
    /// Recipient: a transport has answered for it, one way or the other.
    PR_RESPONSIBILITY = 0x0E0F_000B;
    /// Recipient: where it stands; MAPI's own.
    PR_RECIPIENT_STATUS = 0x0E15_0003;
    /// Message: the transport's own key; MAPI's own.
    PR_TRANSPORT_KEY = 0x0E16_0003;
    /// Message or remote header: see [`crate::mapi::handshake::MessageStatus`].
    PR_MSG_STATUS = 0x0E17_0003;
    /// Identifies the row's data; key of notifications.
    PR_INSTANCE_KEY = 0x0FF6_0102;
    /// Always `MAPI_STATUS` (0x0A) in the status table.
    PR_OBJECT_TYPE = 0x0FFE_0003;
    /// Opens the status object.
    PR_ENTRYID = 0x0FFF_0102;
    /// Number of the row.
    PR_ROWID = 0x3000_0003;
    /// Name of the resource.
    PR_DISPLAY_NAME = 0x3001_001F;
    /// Recipient: type of its address ("SMTP").
    PR_ADDRTYPE = 0x3002_001F;
    /// Name of the kind of provider ("SMTP, IMAP").
    PR_PROVIDER_DISPLAY = 0x3006_001F;
    /// See [`crate::mapi::ResourceFlags`].
    PR_RESOURCE_FLAGS = 0x3009_0003;
    /// The provider's module.
    PR_PROVIDER_DLL_NAME = 0x300A_001F;
    /// Place in the transport order, from zero.
    PR_PROVIDER_ORDINAL = 0x300D_0003;
    /// Identity: address as shown.
    PR_IDENTITY_DISPLAY = 0x3E00_001F;
    /// Identity: entry identifier.
    PR_IDENTITY_ENTRYID = 0x3E01_0102;
    /// See [`crate::mapi::ResourceMethods`].
    PR_RESOURCE_METHODS = 0x3E02_0003;
    /// See [`crate::mapi::ResourceType`].
    PR_RESOURCE_TYPE = 0x3E03_0003;
    /// See [`crate::mapi::StatusCode`].
    PR_STATUS_CODE = 0x3E04_0003;
    /// Identity: search key.
    PR_IDENTITY_SEARCH_KEY = 0x3E05_0102;
    /// Couples a transport to a store.
    PR_OWN_STORE_ENTRYID = 0x3E06_0102;
    /// Where the resource lives ("smtp.example.org:465").
    PR_RESOURCE_PATH = 0x3E07_001F;
    /// What the resource is doing, in a sentence.
    PR_STATUS_STRING = 0x3E08_001F;
    /// Folder of remote headers.
    PR_HEADER_FOLDER_ENTRYID = 0x3E0A_0102;
    /// Percentage of messages done, -1 when idle.
    PR_REMOTE_PROGRESS = 0x3E0B_0003;
    /// Words beside the percentage.
    PR_REMOTE_PROGRESS_TEXT = 0x3E0C_001F;
    /// Whether `ValidateState` may be called freely.
    PR_REMOTE_VALIDATE_OK = 0x3E0D_000B;

    /// Ours: envelopes waiting to go out now.
    PR_SLUICE_QUEUED = 0x6600_0003;
    /// Ours: envelopes claimed by a running flush.
    PR_SLUICE_IN_FLIGHT = 0x6601_0003;
    /// Ours: envelopes that may or may not have been delivered.
    PR_SLUICE_IN_DOUBT = 0x6602_0003;
    /// Ours: envelopes waiting for their next try.
    PR_SLUICE_DEFERRED = 0x6603_0003;
    /// Ours: envelopes held by the user.
    PR_SLUICE_HELD = 0x6604_0003;
    /// Ours: envelopes with a refused recipient.
    PR_SLUICE_FAILED = 0x6605_0003;
    /// Ours: bytes of all envelopes that are still to go.
    PR_SLUICE_BYTES = 0x6606_0014;
    /// Ours: when the oldest of them was submitted.
    PR_SLUICE_OLDEST = 0x6607_0040;
    /// Ours: when the first of those that wait for their next try is due; may be past. Absent when none waits.
    PR_SLUICE_NEXT_TRY = 0x6608_0040;
    /// Ours: messages waiting on the server, when last seen.
    PR_SLUICE_WAITING = 0x6610_0003;
    /// Ours: their bytes.
    PR_SLUICE_WAITING_BYTES = 0x6611_0014;
    /// Ours: when that was seen.
    PR_SLUICE_WAITING_AS_OF = 0x6612_0040;
    /// Ours: whether the resource keeps the No UI promise.
    PR_SLUICE_HONOURS_NO_UI = 0x6620_000B;
    /// Ours: because it does not keep it, it is left out under No UI.
    PR_SLUICE_SKIPS_NO_UI = 0x6625_000B;
    /// Ours: the last failure as JSON ([`crate::mapi::Failure`]); absent when the last run was clean.
    PR_SLUICE_LAST_FAILURE = 0x6621_001F;
    /// Ours: number of the question that waits for a person; absent when none does.
    PR_SLUICE_QUESTION = 0x6622_0014;
    /// Ours: that question as JSON ([`crate::transport::Question`]), so that whoever comes later knows it too.
    PR_SLUICE_ASKED = 0x6624_001F;
    /// Ours: which directions it has (1 outgoing, 2 incoming, 3 both).
    PR_SLUICE_DIRECTIONS = 0x6623_0003;
    /// Ours: messages done in the running phase.
    PR_SLUICE_DONE = 0x6630_0003;
    /// Ours: messages known to the running phase; absent when unknown.
    PR_SLUICE_TOTAL = 0x6631_0003;
    /// Ours: bytes acknowledged in the running phase.
    PR_SLUICE_DONE_BYTES = 0x6632_0014;
    /// Ours: bytes known to the running phase.
    PR_SLUICE_TOTAL_BYTES = 0x6633_0014;
    /// Ours: bytes a second, over the last few seconds.
    PR_SLUICE_RATE = 0x6634_0014;
    /// Ours: seconds left; absent when unknown.
    PR_SLUICE_TIME_LEFT = 0x6635_0003;
    /// Ours: stage of the running phase ([`crate::mapi::Stage`] by name).
    PR_SLUICE_STAGE = 0x6636_001F;
    /// Ours: when the last run ended.
    PR_SLUICE_LAST_RUN = 0x6640_0040;
    /// Ours: when the schedule runs it next; absent without a schedule.
    PR_SLUICE_NEXT_RUN = 0x6641_0040;
}
