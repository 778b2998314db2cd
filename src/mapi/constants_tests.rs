//! Checklist number 60: every constant of sections 1 to 6 of the reference that the house has, written out a second
//! time from `MAPIDefS.h`, `MAPITags.h`, `MAPICode.h` and `MAPISPI.h`, and compared with what the code says.

use bitflags::Flags;

use super::handshake::{EndMessageFlags, MessageStatus, NotifyFlags, SpoolerNotifyFlags, SubmitFlags};
use super::tag::NAMES;
use super::*;

/// Compares names and numbers, in both directions and in order.
fn same(what: &str, ours: impl IntoIterator<Item = (&'static str, u32)>, header: &[(&str, u32)]) {
    assert_eq!(ours.into_iter().collect::<Vec<_>>(), header, "{what}");
}

fn bits<F: Flags<Bits = u32>>() -> impl Iterator<Item = (&'static str, u32)> {
    F::FLAGS.iter().map(|flag| (flag.name(), flag.value().bits()))
}

#[test]
fn checklist_60_property_tags() {
    let mut ours: Vec<_> =
        NAMES.iter().filter(|(_, name)| !name.starts_with("PR_SLUICE_")).map(|(tag, name)| (*name, tag.0)).collect();
    ours.sort_by_key(|(_, number)| *number);
    same(
        "MAPITags.h",
        ours,
        &[
            ("PR_NULL", 0x0000_0001),
            ("PR_ORIGINATOR_DELIVERY_REPORT_REQUESTED", 0x0023_000B),
            ("PR_NDR_REASON_CODE", 0x0C04_0003),
            ("PR_NDR_DIAG_CODE", 0x0C05_0003),
            ("PR_ORIGINATOR_NON_DELIVERY_REPORT_REQUESTED", 0x0C08_000B),
            ("PR_RESPONSIBILITY", 0x0E0F_000B),
            ("PR_RECIPIENT_STATUS", 0x0E15_0003),
            ("PR_TRANSPORT_KEY", 0x0E16_0003),
            ("PR_MSG_STATUS", 0x0E17_0003),
            ("PR_INSTANCE_KEY", 0x0FF6_0102),
            ("PR_OBJECT_TYPE", 0x0FFE_0003),
            ("PR_ENTRYID", 0x0FFF_0102),
            ("PR_ROWID", 0x3000_0003),
            ("PR_DISPLAY_NAME", 0x3001_001F),
            ("PR_ADDRTYPE", 0x3002_001F),
            ("PR_PROVIDER_DISPLAY", 0x3006_001F),
            ("PR_RESOURCE_FLAGS", 0x3009_0003),
            ("PR_PROVIDER_DLL_NAME", 0x300A_001F),
            ("PR_PROVIDER_ORDINAL", 0x300D_0003),
            ("PR_IDENTITY_DISPLAY", 0x3E00_001F),
            ("PR_IDENTITY_ENTRYID", 0x3E01_0102),
            ("PR_RESOURCE_METHODS", 0x3E02_0003),
            ("PR_RESOURCE_TYPE", 0x3E03_0003),
            ("PR_STATUS_CODE", 0x3E04_0003),
            ("PR_IDENTITY_SEARCH_KEY", 0x3E05_0102),
            ("PR_OWN_STORE_ENTRYID", 0x3E06_0102),
            ("PR_RESOURCE_PATH", 0x3E07_001F),
            ("PR_STATUS_STRING", 0x3E08_001F),
            ("PR_HEADER_FOLDER_ENTRYID", 0x3E0A_0102),
            ("PR_REMOTE_PROGRESS", 0x3E0B_0003),
            ("PR_REMOTE_PROGRESS_TEXT", 0x3E0C_001F),
            ("PR_REMOTE_VALIDATE_OK", 0x3E0D_000B),
        ],
    );
}

#[test]
fn checklist_60_every_tag_has_a_known_type_and_a_number_of_its_own() {
    for (at, (tag, name)) in NAMES.iter().enumerate() {
        assert!(tag.prop_type().is_some(), "{name}");
        assert!(!NAMES[..at].iter().any(|(other, _)| other.id() == tag.id()), "{name}");
        assert_eq!(tag.to_string(), *name);
        // Private columns of providers: 0x6600 to 0x67FF.
        assert_eq!(name.starts_with("PR_SLUICE_"), (0x6600..0x6800).contains(&tag.id()), "{name}");
    }
    assert_eq!(PropTag(0x3001_001E).wide(), tag::PR_DISPLAY_NAME);
    assert_eq!(tag::PR_ENTRYID.wide(), tag::PR_ENTRYID);
}

#[test]
fn checklist_60_property_types() {
    let ours = PropType::ALL.iter().map(|kind| kind.code()).collect::<Vec<_>>();
    assert_eq!(ours, [0x0001, 0x0003, 0x000A, 0x000B, 0x0014, 0x001E, 0x001F, 0x0040, 0x0102]);
    assert_eq!(PropType::from_code(0x0003), Some(PropType::Long));
    assert_eq!(PropType::from_code(0x0002), None);
}

#[test]
fn checklist_60_resource_types_and_object_type() {
    let ours = ResourceType::ALL.iter().map(|kind| (format!("{kind:?}"), kind.code())).collect::<Vec<_>>();
    let header = [
        ("MAPI_STORE_PROVIDER", 33),
        ("MAPI_AB", 34),
        ("MAPI_AB_PROVIDER", 35),
        ("MAPI_TRANSPORT_PROVIDER", 36),
        ("MAPI_SPOOLER", 37),
        ("MAPI_PROFILE_PROVIDER", 38),
        ("MAPI_SUBSYSTEM", 39),
        ("MAPI_HOOK_PROVIDER", 40),
    ];
    assert_eq!(ours, header.map(|(name, code)| (name.to_owned(), code)));
    assert_eq!(MAPI_STATUS, 0x0A);
}

#[test]
fn checklist_60_resource_methods_flags_and_status_codes() {
    same(
        "PR_RESOURCE_METHODS",
        bits::<ResourceMethods>(),
        &[
            ("STATUS_VALIDATE_STATE", 0x1),
            ("STATUS_SETTINGS_DIALOG", 0x2),
            ("STATUS_CHANGE_PASSWORD", 0x4),
            ("STATUS_FLUSH_QUEUES", 0x8),
        ],
    );
    same(
        "PR_RESOURCE_FLAGS",
        bits::<ResourceFlags>(),
        &[
            ("STATUS_DEFAULT_OUTBOUND", 0x1),
            ("STATUS_DEFAULT_STORE", 0x2),
            ("STATUS_PRIMARY_IDENTITY", 0x4),
            ("STATUS_SIMPLE_STORE", 0x8),
            ("STATUS_XP_PREFER_LAST", 0x10),
            ("STATUS_NO_PRIMARY_IDENTITY", 0x20),
            ("STATUS_NO_DEFAULT_STORE", 0x40),
            ("STATUS_TEMP_SECTION", 0x80),
            ("STATUS_OWN_STORE", 0x100),
            ("HOOK_INBOUND", 0x200),
            ("HOOK_OUTBOUND", 0x400),
            ("STATUS_NEED_IPM_TREE", 0x800),
            ("STATUS_PRIMARY_STORE", 0x1000),
            ("STATUS_SECONDARY_STORE", 0x2000),
        ],
    );
    same(
        "PR_STATUS_CODE",
        bits::<StatusCode>(),
        &[
            ("STATUS_AVAILABLE", 0x1),
            ("STATUS_OFFLINE", 0x2),
            ("STATUS_FAILURE", 0x4),
            ("STATUS_INBOUND_ENABLED", 0x0001_0000),
            ("STATUS_INBOUND_ACTIVE", 0x0002_0000),
            ("STATUS_INBOUND_FLUSH", 0x0004_0000),
            ("STATUS_OUTBOUND_ENABLED", 0x0010_0000),
            ("STATUS_OUTBOUND_ACTIVE", 0x0020_0000),
            ("STATUS_OUTBOUND_FLUSH", 0x0040_0000),
            ("STATUS_REMOTE_ACCESS", 0x0080_0000),
        ],
    );
    same("ModifyStatusRow", bits::<StatusRowFlags>(), &[("STATUSROW_UPDATE", 0x1000_0000)]);
}

#[test]
fn checklist_60_flush_and_validate_flags() {
    same(
        "FlushQueues",
        bits::<FlushFlags>(),
        &[
            ("FLUSH_UPLOAD", 0x2),
            ("FLUSH_DOWNLOAD", 0x4),
            ("FLUSH_FORCE", 0x8),
            ("FLUSH_NO_UI", 0x10),
            ("FLUSH_ASYNC_OK", 0x20),
        ],
    );
    same(
        "ValidateState",
        bits::<ValidateFlags>(),
        &[
            ("SUPPRESS_UI", 0x1),
            ("REFRESH_XP_HEADER_CACHE", 0x0001_0000),
            ("PROCESS_XP_HEADER_CACHE", 0x0002_0000),
            ("FORCE_XP_CONNECT", 0x0004_0000),
            ("FORCE_XP_DISCONNECT", 0x0008_0000),
            ("CONFIG_CHANGED", 0x0010_0000),
            ("ABORT_XP_HEADER_OPERATION", 0x0020_0000),
            ("SHOW_XP_SESSION_UI", 0x0040_0000),
        ],
    );
}

#[test]
fn checklist_60_upload_is_outgoing_and_download_incoming() {
    use Direction::{Incoming, Outgoing};
    assert_eq!([Outgoing.flag().bits(), Incoming.flag().bits()], [0x2, 0x4]);
    assert_eq!([Outgoing.flush_bit().bits(), Incoming.flush_bit().bits()], [0x0040_0000, 0x0004_0000]);
    assert_eq!(Direction::BOTH.map(|direction| FlushFlags::FLUSH_UPLOAD.wants(direction)), [true, false]);
    assert_eq!(Direction::BOTH.map(|direction| FlushFlags::FLUSH_DOWNLOAD.wants(direction)), [false, true]);
}

#[test]
fn checklist_60_results() {
    let ours = MapiResult::ALL.iter().map(|result| (result.name(), result.code()));
    same(
        "MAPICode.h",
        ours,
        &[
            ("S_OK", 0),
            ("MAPI_E_NO_SUPPORT", 0x8004_0102),
            ("MAPI_E_UNKNOWN_FLAGS", 0x8004_0106),
            ("MAPI_E_INVALID_ENTRYID", 0x8004_0107),
            ("MAPI_E_BUSY", 0x8004_010B),
            ("MAPI_E_NOT_FOUND", 0x8004_010F),
            ("MAPI_E_LOGON_FAILED", 0x8004_0111),
            ("MAPI_E_USER_CANCEL", 0x8004_0113),
            ("MAPI_E_UNABLE_TO_ABORT", 0x8004_0114),
            ("MAPI_E_NETWORK_ERROR", 0x8004_0115),
            ("MAPI_E_DISK_ERROR", 0x8004_0116),
            ("MAPI_E_TOO_COMPLEX", 0x8004_0117),
            ("MAPI_E_CORRUPT_DATA", 0x8004_011B),
            ("MAPI_E_UNCONFIGURED", 0x8004_011C),
            ("MAPI_E_FAILONEPROVIDER", 0x8004_011D),
            ("MAPI_E_END_OF_SESSION", 0x8004_0200),
            ("MAPI_E_UNKNOWN_ENTRYID", 0x8004_0201),
            ("MAPI_E_TIMEOUT", 0x8004_0401),
            ("MAPI_E_TABLE_TOO_BIG", 0x8004_0403),
            ("MAPI_E_INVALID_BOOKMARK", 0x8004_0405),
            ("MAPI_E_WAIT", 0x8004_0500),
            ("MAPI_E_CANCEL", 0x8004_0501),
            ("MAPI_E_NOT_ME", 0x8004_0502),
            ("MAPI_E_NOT_IN_QUEUE", 0x8004_0601),
            ("MAPI_E_NO_RECIPIENTS", 0x8004_0607),
            ("MAPI_E_SUBMITTED", 0x8004_0608),
            ("MAPI_E_NO_ACCESS", 0x8007_0005),
            ("MAPI_E_CALL_FAILED", 0x8000_4005),
            ("MAPI_E_INVALID_PARAMETER", 0x8007_0057),
            ("MAPI_W_ERRORS_RETURNED", 0x0004_0380),
            ("MAPI_W_POSITION_CHANGED", 0x0004_0481),
            ("MAPI_W_APPROX_COUNT", 0x0004_0482),
            ("MAPI_W_CANCEL_MESSAGE", 0x0004_0580),
            ("MAPI_W_PARTIAL_COMPLETION", 0x0004_0680),
        ],
    );
    for result in MapiResult::ALL {
        let succeeds = result.name() == "S_OK" || result.name().starts_with("MAPI_W_");
        assert_eq!(result.is_error(), !succeeds, "{result}");
        assert_eq!(MapiResult::from_name(result.name()), Some(*result));
    }
}

macro_rules! numbered {
    ($name:ident) => {
        $name::ALL.iter().map(|value| (value.name(), value.code()))
    };
}

#[test]
fn checklist_60_table_numbers() {
    same(
        "relop",
        numbered!(RelOp),
        &[
            ("RELOP_LT", 0),
            ("RELOP_LE", 1),
            ("RELOP_GT", 2),
            ("RELOP_GE", 3),
            ("RELOP_EQ", 4),
            ("RELOP_NE", 5),
            ("RELOP_RE", 6),
        ],
    );
    same("relBMR", numbered!(BitTest), &[("BMR_EQZ", 0), ("BMR_NEZ", 1)]);
    same("ulFuzzyLevel", numbered!(Match), &[("FL_FULLSTRING", 0), ("FL_SUBSTRING", 1), ("FL_PREFIX", 2)]);
    let sort = [("TABLE_SORT_ASCEND", 0), ("TABLE_SORT_DESCEND", 1), ("TABLE_SORT_COMBINE", 2)];
    same("ulOrder", numbered!(SortOrder), &sort);
    let bookmarks = [("BOOKMARK_BEGINNING", 0), ("BOOKMARK_CURRENT", 1), ("BOOKMARK_END", 2)];
    same("BOOKMARK", numbered!(Bookmark), &bookmarks);
    same(
        "ulTableEvent",
        numbered!(TableEvent),
        &[
            ("TABLE_CHANGED", 1),
            ("TABLE_ERROR", 2),
            ("TABLE_ROW_ADDED", 3),
            ("TABLE_ROW_DELETED", 4),
            ("TABLE_ROW_MODIFIED", 5),
            ("TABLE_SORT_DONE", 6),
            ("TABLE_RESTRICT_DONE", 7),
            ("TABLE_SETCOL_DONE", 8),
            ("TABLE_RELOAD", 9),
        ],
    );
    let types = [("TBLTYPE_SNAPSHOT", 0), ("TBLTYPE_KEYSET", 1), ("TBLTYPE_DYNAMIC", 2)];
    same("ulTableType", numbered!(TableType), &types);
    same(
        "ulTableStatus",
        numbered!(TableStatus),
        &[
            ("TBLSTAT_COMPLETE", 0),
            ("TBLSTAT_QCHANGED", 7),
            ("TBLSTAT_SORTING", 9),
            ("TBLSTAT_SORT_ERROR", 10),
            ("TBLSTAT_SETTING_COLS", 11),
            ("TBLSTAT_SETCOL_ERROR", 13),
            ("TBLSTAT_RESTRICTING", 14),
            ("TBLSTAT_RESTRICT_ERROR", 15),
        ],
    );
}

#[test]
fn checklist_60_table_flags() {
    let fuzzy = [("FL_IGNORECASE", 0x0001_0000), ("FL_IGNORENONSPACE", 0x0002_0000), ("FL_LOOSE", 0x0004_0000)];
    same("ulFuzzyLevel, high word", bits::<FuzzyFlags>(), &fuzzy);
    same("QueryRows", bits::<QueryRowsFlags>(), &[("TBL_NOADVANCE", 0x1)]);
    same("QueryColumns", bits::<QueryColumnsFlags>(), &[("TBL_ALL_COLUMNS", 0x1)]);
    same("FindRow", bits::<FindRowFlags>(), &[("DIR_BACKWARD", 0x1)]);
    let events = [("fnevTableModified", 0x100), ("fnevStatusObjectModified", 0x200)];
    same("ulEventMask", bits::<EventMask>(), &events);
}

#[test]
fn checklist_60_restriction_types() {
    let any = || Restriction::Exist(tag::PR_ENTRYID);
    let tag = tag::PR_DISPLAY_NAME;
    let in_order = [
        Restriction::And(Vec::new()),
        Restriction::Or(Vec::new()),
        Restriction::Not(Box::new(any())),
        Restriction::Content { part: Match::Full, fuzzy: FuzzyFlags::empty(), tag, value: PropValue::from("x") },
        Restriction::equals(tag, "x"),
        Restriction::CompareProps { relop: RelOp::Eq, left: tag, right: tag },
        Restriction::any_bit(tag::PR_STATUS_CODE, 1),
        Restriction::Size { relop: RelOp::Eq, tag, bytes: 1 },
        any(),
        Restriction::SubRestriction { subobject: tag, restriction: Box::new(any()) },
        Restriction::Comment { remarks: Vec::new(), restriction: None },
    ];
    let codes: Vec<u32> = in_order.iter().map(Restriction::code).collect();
    assert_eq!(codes, (0..=0xA).collect::<Vec<_>>());
}

#[test]
fn checklist_60_spooler_and_transport_flags() {
    same(
        "TransportNotify",
        bits::<NotifyFlags>(),
        &[
            ("NOTIFY_BEGIN_INBOUND", 0x1),
            ("NOTIFY_BEGIN_OUTBOUND", 0x2),
            ("NOTIFY_BEGIN_INBOUND_FLUSH", 0x4),
            ("NOTIFY_BEGIN_OUTBOUND_FLUSH", 0x8),
            ("NOTIFY_END_INBOUND", 0x1_0000),
            ("NOTIFY_END_OUTBOUND", 0x2_0000),
            ("NOTIFY_END_INBOUND_FLUSH", 0x4_0000),
            ("NOTIFY_END_OUTBOUND_FLUSH", 0x8_0000),
            ("NOTIFY_ABORT_DEFERRED", 0x4000_0000),
            ("NOTIFY_CANCEL_MESSAGE", 0x8000_0000),
        ],
    );
    same(
        "SpoolerNotify",
        bits::<SpoolerNotifyFlags>(),
        &[
            ("NOTIFY_NEWMAIL", 0x1),
            ("NOTIFY_READYTOSEND", 0x2),
            ("NOTIFY_SENTDEFERRED", 0x4),
            ("NOTIFY_CRITSEC", 0x1000),
            ("NOTIFY_NONCRIT", 0x2000),
            ("NOTIFY_CONFIG_CHANGE", 0x4000),
            ("NOTIFY_CRITICAL_ERROR", 0x1000_0000),
            ("NOTIFY_NEWMAIL_RECEIVED", 0x2000_0000),
        ],
    );
    same("SubmitMessage", bits::<SubmitFlags>(), &[("BEGIN_DEFERRED", 0x1)]);
    let end = [("END_RESEND_NOW", 0x1_0000), ("END_RESEND_LATER", 0x2_0000), ("END_DONT_RESEND", 0x4_0000)];
    same("EndMessage", bits::<EndMessageFlags>(), &end);
    same(
        "PR_MSG_STATUS",
        bits::<MessageStatus>(),
        &[
            ("MSGSTATUS_HIGHLIGHTED", 0x1),
            ("MSGSTATUS_TAGGED", 0x2),
            ("MSGSTATUS_HIDDEN", 0x4),
            ("MSGSTATUS_DELMARKED", 0x8),
            ("MSGSTATUS_REMOTE_DOWNLOAD", 0x1000),
            ("MSGSTATUS_REMOTE_DELETE", 0x2000),
        ],
    );
}

#[test]
fn the_worst_result_is_the_one_that_needs_most() {
    use MapiResult::{Busy, LogonFailed, NetworkError, Ok, PartialCompletion, Unconfigured};
    assert_eq!(MapiResult::worst([]), Ok);
    let in_order = [Ok, PartialCompletion, Busy, NetworkError, LogonFailed, Unconfigured];
    for pair in in_order.windows(2) {
        assert_eq!(MapiResult::worst(pair.iter().copied()), pair[1]);
        assert_eq!(MapiResult::worst(pair.iter().rev().copied()), pair[1]);
    }
}
