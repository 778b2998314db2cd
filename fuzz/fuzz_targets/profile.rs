//! What a person writes into `profile.toml`.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use mailsluice::profile::{Places, load};

fuzz_target!(|text: &str| {
    let places = Places::of(Some(Path::new("/p")));
    match load(text, Path::new("/p/profile.toml"), &places) {
        // A name becomes a folder's.
        Ok(profile) => {
            for transport in profile.transports {
                assert!(!transport.name.contains(['/', '\0']) && !transport.name.starts_with('.'));
            }
        }
        Err(error) => assert!(!error.problems.is_empty() && !error.to_string().is_empty()),
    }
});
