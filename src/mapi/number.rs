//! Enumerations of `MAPIDefS.h`: one value out of several, where [`super::flags`] has words of bits.

use super::PropType;

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $header:literal $number:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$value_doc])* $value,)+ }

        impl $name {
            /// Every value, in the order of the header.
            pub const ALL: &'static [Self] = &[$(Self::$value,)+];

            /// The number in the header.
            pub const fn code(self) -> u32 { match self { $(Self::$value => $number,)+ } }

            /// The name in the header.
            pub const fn name(self) -> &'static str { match self { $(Self::$value => $header,)+ } }
        }
    )+};
}

numbers! {
    /// How a property is compared: *(row's value) relop (constant)* (spropertyrestriction).
    RelOp {
        /// Less than.
        Lt = "RELOP_LT" 0,
        /// Less than or equal.
        Le = "RELOP_LE" 1,
        /// Greater than.
        Gt = "RELOP_GT" 2,
        /// Greater than or equal.
        Ge = "RELOP_GE" 3,
        /// Equal.
        Eq = "RELOP_EQ" 4,
        /// Not equal.
        Ne = "RELOP_NE" 5,
        /// Like a pattern; text only.
        Re = "RELOP_RE" 6,
    }

    /// What the bits under a mask have to be (sbitmaskrestriction).
    BitTest {
        /// All clear.
        Clear = "BMR_EQZ" 0,
        /// At least one set.
        Set = "BMR_NEZ" 1,
    }

    /// How much of a text or of bytes has to match (scontentrestriction, low word of the level).
    Match {
        /// All of it.
        Full = "FL_FULLSTRING" 0,
        /// Any part of it.
        Substring = "FL_SUBSTRING" 1,
        /// Its beginning.
        Prefix = "FL_PREFIX" 2,
    }

    /// Which way a sort key runs (ssortorder).
    SortOrder {
        /// Smallest first.
        Ascend = "TABLE_SORT_ASCEND" 0,
        /// Largest first.
        Descend = "TABLE_SORT_DESCEND" 1,
        /// Joins its category to the one before; our tables have no categories.
        Combine = "TABLE_SORT_COMBINE" 2,
    }

    /// Where a seek or a search begins.
    Bookmark {
        /// Before the first row.
        Beginning = "BOOKMARK_BEGINNING" 0,
        /// At the cursor.
        Current = "BOOKMARK_CURRENT" 1,
        /// Behind the last row.
        End = "BOOKMARK_END" 2,
    }

    /// What happened to a table (table_notification).
    TableEvent {
        /// Read it again; keys are still good.
        Changed = "TABLE_CHANGED" 1,
        /// Its contents can't be relied on.
        Error = "TABLE_ERROR" 2,
        /// A row came into view.
        RowAdded = "TABLE_ROW_ADDED" 3,
        /// A row left the view.
        RowDeleted = "TABLE_ROW_DELETED" 4,
        /// A row in view changed, or moved.
        RowModified = "TABLE_ROW_MODIFIED" 5,
        /// An asynchronous sort is over; ours are never asynchronous.
        SortDone = "TABLE_SORT_DONE" 6,
        /// An asynchronous restriction is over; as above.
        RestrictDone = "TABLE_RESTRICT_DONE" 7,
        /// An asynchronous choice of columns is over; as above.
        SetColDone = "TABLE_SETCOL_DONE" 8,
        /// Nothing known about it is good any more.
        Reload = "TABLE_RELOAD" 9,
    }

    /// Whether a table follows its data (imapitable-getstatus).
    TableType {
        /// Neither rows nor values follow.
        Snapshot = "TBLTYPE_SNAPSHOT" 0,
        /// Values follow, the set of rows does not.
        Keyset = "TBLTYPE_KEYSET" 1,
        /// Everything follows: ours.
        Dynamic = "TBLTYPE_DYNAMIC" 2,
    }

    /// What a table is busy with (imapitable-getstatus).
    TableStatus {
        /// Nothing: always so with ours.
        Complete = "TBLSTAT_COMPLETE" 0,
        /// Its data changed.
        QChanged = "TBLSTAT_QCHANGED" 7,
        /// Sorting.
        Sorting = "TBLSTAT_SORTING" 9,
        /// The sort failed.
        SortError = "TBLSTAT_SORT_ERROR" 10,
        /// Choosing columns.
        SettingCols = "TBLSTAT_SETTING_COLS" 11,
        /// The choice of columns failed.
        SetColError = "TBLSTAT_SETCOL_ERROR" 13,
        /// Restricting.
        Restricting = "TBLSTAT_RESTRICTING" 14,
        /// The restriction failed.
        RestrictError = "TBLSTAT_RESTRICT_ERROR" 15,
    }
}

/// `PR_OBJECT_TYPE` of a status object.
pub const MAPI_STATUS: i32 = 0x0A;

impl PropType {
    /// Every type we use.
    pub const ALL: [Self; 9] = [
        Self::Null,
        Self::Long,
        Self::Error,
        Self::Boolean,
        Self::I8,
        Self::String8,
        Self::Unicode,
        Self::SysTime,
        Self::Binary,
    ];
}
