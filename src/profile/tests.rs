//! Mistakes in profiles, and good ones.
