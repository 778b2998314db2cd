//! Status objects (`IMAPIStatus`), and the answers to what they are asked.

use std::sync::Arc;

use crate::mapi::tag::PR_RESOURCE_METHODS;
use crate::mapi::{
    EntryId, FlushFlags, MapiResult, PropTag, ResourceMethods, ResourceType, SRow, TableData, ValidateFlags,
};
use crate::spooler::{Command, FlushReply, Line, Pending, Reply};

/// The status object of one resource. Dropping it releases it.
///
/// Its properties are those of its row, as the row stands when they are read. Once the row is gone, every method answers
/// [`MapiResult::NotFound`].
#[derive(Debug)]
pub struct StatusObject {
    line: Line,
    rows: TableData,
    entry_id: EntryId,
    kind: ResourceType,
    _opened: Arc<()>,
}

impl StatusObject {
    pub(super) const fn new(
        line: Line,
        rows: TableData,
        entry_id: EntryId,
        kind: ResourceType,
        opened: Arc<()>,
    ) -> Self {
        Self { line, rows, entry_id, kind, _opened: opened }
    }

    /// What it is the status of.
    pub const fn resource_type(&self) -> ResourceType {
        self.kind
    }

    /// The entry identifier it was opened by.
    pub const fn entry_id(&self) -> &EntryId {
        &self.entry_id
    }

    /// Its properties under these tags; absent ones show in the cells (`GetProps`).
    ///
    /// # Errors
    /// [`MapiResult::NotFound`] once the resource is gone.
    pub fn get_props(&self, tags: &[PropTag]) -> Result<SRow, MapiResult> {
        self.rows.props(&self.entry_id, tags).ok_or(MapiResult::NotFound)
    }

    /// Which methods it has (`PR_RESOURCE_METHODS`).
    ///
    /// # Errors
    /// [`MapiResult::NotFound`] once the resource is gone.
    pub fn resource_methods(&self) -> Result<ResourceMethods, MapiResult> {
        let props = self.get_props(&[PR_RESOURCE_METHODS])?;
        Ok(ResourceMethods::from_bits_retain(props.bits(PR_RESOURCE_METHODS)))
    }

    /// Asks the resource to drain its queues; `target` is for the spooler's object. Returns at once with the answer that
    /// is still to come. `by_hand`: a person asked for it just now.
    ///
    /// # Errors
    /// [`MapiResult::NoSupport`] when `STATUS_FLUSH_QUEUES` is clear, [`MapiResult::NotFound`] once the resource is gone.
    pub fn flush_queues(
        &self,
        target: Option<&EntryId>,
        flags: FlushFlags,
        by_hand: bool,
    ) -> Result<PendingFlush, MapiResult> {
        self.require(ResourceMethods::STATUS_FLUSH_QUEUES)?;
        let object = self.entry_id.clone();
        let pending = self.line.ask(Command::FlushQueues { object, target: target.cloned(), flags, by_hand });
        Ok(PendingFlush { pending })
    }

    /// Asks the resource how it is. Returns at once with the answer that is still to come.
    ///
    /// # Errors
    /// [`MapiResult::NoSupport`] when `STATUS_VALIDATE_STATE` is clear, [`MapiResult::NotFound`] once the resource is
    /// gone.
    pub fn validate_state(&self, flags: ValidateFlags) -> Result<PendingValidation, MapiResult> {
        self.require(ResourceMethods::STATUS_VALIDATE_STATE)?;
        let object = self.entry_id.clone();
        Ok(PendingValidation { pending: self.line.ask(Command::ValidateState { object, flags }) })
    }

    /// Whether the client may show the settings of this resource: the dialog itself is the client's.
    ///
    /// # Errors
    /// [`MapiResult::NoSupport`] when `STATUS_SETTINGS_DIALOG` is clear, [`MapiResult::NotFound`] once the resource is
    /// gone.
    pub fn settings_dialog(&self) -> Result<(), MapiResult> {
        self.require(ResourceMethods::STATUS_SETTINGS_DIALOG)
    }

    /// Whether the client may let the user enter another password for this resource.
    ///
    /// # Errors
    /// [`MapiResult::NoSupport`] when `STATUS_CHANGE_PASSWORD` is clear, [`MapiResult::NotFound`] once the resource is
    /// gone.
    pub fn change_password(&self) -> Result<(), MapiResult> {
        self.require(ResourceMethods::STATUS_CHANGE_PASSWORD)
    }

    fn require(&self, method: ResourceMethods) -> Result<(), MapiResult> {
        if self.resource_methods()?.contains(method) { Ok(()) } else { Err(MapiResult::NoSupport) }
    }
}

/// Why the spooler would not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// MAPI's word for it.
    pub result: MapiResult,
    /// The same in words, for people; possibly none.
    pub reason: String,
}

impl From<MapiResult> for Refusal {
    fn from(result: MapiResult) -> Self {
        Self { result, reason: String::new() }
    }
}

/// What a flush came to, or why it was not begun.
pub type FlushAnswer = Result<FlushReply, Refusal>;

/// The answer to [`StatusObject::flush_queues`], which is still to come. Dropping it does not stop the flush.
#[derive(Debug)]
pub struct PendingFlush {
    pub(super) pending: Pending,
}

impl PendingFlush {
    /// Waits for it.
    pub fn wait(self) -> FlushAnswer {
        flushed(self.pending.wait())
    }

    /// The answer, if it is there; it is given once.
    pub fn poll(&self) -> Option<FlushAnswer> {
        self.pending.poll().map(flushed)
    }
}

/// The answer to [`StatusObject::validate_state`], which is still to come.
#[derive(Debug)]
pub struct PendingValidation {
    pending: Pending,
}

impl PendingValidation {
    /// Waits for it: the state and what to do about it.
    pub fn wait(self) -> (MapiResult, String) {
        validated(self.pending.wait())
    }

    /// The answer, if it is there; it is given once.
    pub fn poll(&self) -> Option<(MapiResult, String)> {
        self.pending.poll().map(validated)
    }
}

fn flushed(reply: Reply) -> FlushAnswer {
    match reply {
        Reply::Flushed(reply) => Ok(reply),
        other => Err(refusal(other)),
    }
}

fn validated(reply: Reply) -> (MapiResult, String) {
    match reply {
        Reply::Validated(result, text) => (result, text),
        other => {
            let refusal = refusal(other);
            (refusal.result, refusal.reason)
        }
    }
}

fn refusal(reply: Reply) -> Refusal {
    match reply {
        Reply::Refused(result, reason) => Refusal { result, reason },
        _ => Refusal { result: MapiResult::CallFailed, reason: "the spooler answered something else".to_owned() },
    }
}
