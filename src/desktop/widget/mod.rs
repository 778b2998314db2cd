//! The few things that the window draws in its own way, each used by several views.

pub(super) mod button;
pub(super) mod empty;
pub(super) mod paint;
pub(super) mod rows;
