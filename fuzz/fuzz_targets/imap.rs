//! What an IMAP server says.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| mailsluice::transport::imap::fuzz::read(data));
