//! session (to be built)
