//! What the user configured: where it is, how it is read and first written, and where secrets come from.

pub mod load;
pub mod model;
pub mod places;
pub mod reading;
pub mod save;
pub mod secret;

#[cfg(test)]
mod tests;

pub use load::load;
pub use model::*;
pub use places::Places;
pub use reading::ProfileError;
