//! What a POP3 server says.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| mailsluice::transport::pop3::fuzz::read(data));
