//! net (to be built)
