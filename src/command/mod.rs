//! command (to be built)
