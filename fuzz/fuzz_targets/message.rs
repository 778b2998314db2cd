//! A message that a program submits.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailsluice::message::prepare::{Options, prepare};

fuzz_target!(|data: &[u8]| {
    let mut sent = Vec::new();
    let mut input = data;
    let prepared = prepare(&mut input, &Options::default(), &mut |bytes| {
        sent.extend_from_slice(bytes);
        Ok(())
    });
    let Ok(prepared) = prepared else { return };
    // A bare line end could end it early for somebody.
    for (at, byte) in sent.iter().enumerate() {
        match byte {
            b'\n' => assert!(at > 0 && sent[at - 1] == b'\r'),
            b'\r' => assert_eq!(sent.get(at + 1), Some(&b'\n')),
            _ => {}
        }
    }
    // What becomes of them is a command.
    for address in prepared.recipients().into_iter().flatten().chain([prepared.sender]) {
        assert!(!address.contains(['<', '>', '\r', '\n', '\0']), "{address:?}");
    }
});
