//! The icons: glyphs of the shipped icon font (Material Symbols Rounded), under the names of what they mean here.

/// An icon: one glyph.
pub(super) type Icon = &'static str;

/// Send and receive.
pub(super) const SEND_RECEIVE: Icon = "\u{e627}";
/// Send.
pub(super) const SEND: Icon = "\u{e5d8}";
/// Receive.
pub(super) const RECEIVE: Icon = "\u{e5db}";
/// Stop what runs.
pub(super) const CANCEL: Icon = "\u{e047}";
/// Close; empty a field.
pub(super) const CLOSE: Icon = "\u{e5cd}";
/// Find.
pub(super) const FIND: Icon = "\u{ef7a}";
/// All is well.
pub(super) const WELL: Icon = "\u{f0be}";
/// Trouble.
pub(super) const TROUBLE: Icon = "\u{f8b6}";
/// Should be looked at.
pub(super) const WARNING: Icon = "\u{f083}";
/// Waits for a time.
pub(super) const WAITS: Icon = "\u{efd6}";
/// Held.
pub(super) const HELD: Icon = "\u{e1a2}";
/// A password.
pub(super) const KEY: Icon = "\u{e73c}";
/// Offline.
pub(super) const OFFLINE: Icon = "\u{e2c1}";
/// Nobody knows.
pub(super) const DOUBT: Icon = "\u{e8fd}";
/// Mail that arrives.
pub(super) const INBOX: Icon = "\u{e156}";
/// Mail that leaves.
pub(super) const OUTBOX: Icon = "\u{ef5f}";
/// Save.
pub(super) const SAVE: Icon = "\u{e161}";
/// Delete.
pub(super) const DELETE: Icon = "\u{e92e}";
/// Add.
pub(super) const ADD: Icon = "\u{e145}";
/// Choose a file.
pub(super) const FOLDER: Icon = "\u{e2c8}";
/// Nothing pops up.
pub(super) const SILENT: Icon = "\u{e7f6}";
/// Sorted upwards.
pub(super) const UP: Icon = "\u{e5c7}";
/// Sorted downwards.
pub(super) const DOWN: Icon = "\u{e5c5}";
/// Something to know.
pub(super) const INFO: Icon = "\u{e88e}";
/// Settings.
pub(super) const SETTINGS: Icon = "\u{e8b8}";
/// Release.
pub(super) const RELEASE: Icon = "\u{e037}";
/// Another transport.
pub(super) const REROUTE: Icon = "\u{e8d4}";
/// Try again.
pub(super) const RETRY: Icon = "\u{e042}";
/// Waits in the queue.
pub(super) const QUEUED: Icon = "\u{e159}";
/// Taken as done.
pub(super) const CHECK: Icon = "\u{e668}";
/// The keyboard.
pub(super) const KEYBOARD: Icon = "\u{e312}";
/// At rest.
pub(super) const IDLE: Icon = "\u{e836}";
/// On its way.
pub(super) const MOVING: Icon = "\u{e163}";
