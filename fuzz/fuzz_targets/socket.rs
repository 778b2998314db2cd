//! A line that a client writes to the socket, or the spooler back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailsluice::spooler::{Command, Event, Reply};

fuzz_target!(|data: &[u8]| {
    if let Ok(command) = serde_json::from_slice::<Command>(data) {
        let text = serde_json::to_vec(&command).expect("what was read can be written");
        assert_eq!(serde_json::from_slice::<Command>(&text).expect("and read again"), command);
    }
    // Whatever the other end says, it is read or refused.
    drop(serde_json::from_slice::<Event>(data));
    drop(serde_json::from_slice::<Reply>(data));
});
