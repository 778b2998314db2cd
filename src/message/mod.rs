//! message (to be built)
