//! desktop (to be built)
