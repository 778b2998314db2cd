//! demo (to be built)
