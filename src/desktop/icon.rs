//! The icons: glyphs of the shipped icon font (Material Symbols Rounded), under the names of what they mean here.

/// An icon: one glyph.
pub type Icon = &'static str;

/// Send and receive.
pub const SEND_RECEIVE: Icon = "\u{e627}";
/// Send.
pub const SEND: Icon = "\u{e5d8}";
/// Receive.
pub const RECEIVE: Icon = "\u{e5db}";
/// Stop what runs.
pub const CANCEL: Icon = "\u{e047}";
/// Close; empty a field.
pub const CLOSE: Icon = "\u{e5cd}";
/// Find.
pub const FIND: Icon = "\u{ef7a}";
/// All is well.
pub const WELL: Icon = "\u{f0be}";
/// Trouble.
pub const TROUBLE: Icon = "\u{f8b6}";
/// Should be looked at.
pub const WARNING: Icon = "\u{f083}";
/// Waits for a time.
pub const WAITS: Icon = "\u{efd6}";
/// Held.
pub const HELD: Icon = "\u{e1a2}";
/// A password.
pub const KEY: Icon = "\u{e73c}";
/// Offline.
pub const OFFLINE: Icon = "\u{e2c1}";
/// Nobody knows.
pub const DOUBT: Icon = "\u{e8fd}";
/// Mail that arrives.
pub const INBOX: Icon = "\u{e156}";
/// Mail that leaves.
pub const OUTBOX: Icon = "\u{ef5f}";
/// Save.
pub const SAVE: Icon = "\u{e161}";
/// Delete.
pub const DELETE: Icon = "\u{e92e}";
/// Add.
pub const ADD: Icon = "\u{e145}";
/// Choose a file.
pub const FOLDER: Icon = "\u{e2c8}";
/// Nothing pops up.
pub const SILENT: Icon = "\u{e7f6}";
/// Opens a menu.
pub const MORE: Icon = "\u{e5cf}";
/// Sorted upwards.
pub const UP: Icon = "\u{e5c7}";
/// Sorted downwards.
pub const DOWN: Icon = "\u{e5c5}";
/// Something to know.
pub const INFO: Icon = "\u{e88e}";
/// Settings.
pub const SETTINGS: Icon = "\u{e8b8}";
/// Release.
pub const RELEASE: Icon = "\u{e037}";
/// Another transport.
pub const REROUTE: Icon = "\u{e8d4}";
/// Try again.
pub const RETRY: Icon = "\u{e042}";
/// Waits in the queue.
pub const QUEUED: Icon = "\u{e159}";
/// Taken as done.
pub const CHECK: Icon = "\u{e668}";
/// The keyboard.
pub const KEYBOARD: Icon = "\u{e312}";
/// At rest.
pub const IDLE: Icon = "\u{e836}";
/// On its way.
pub const MOVING: Icon = "\u{e163}";
