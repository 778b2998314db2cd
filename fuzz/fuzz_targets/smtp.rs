//! What an SMTP server replies.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailsluice::transport::smtp::reply::ReplyParser;

fuzz_target!(|data: &[u8]| {
    let mut parser = ReplyParser::default();
    for line in data.split(|&byte| byte == b'\n') {
        match parser.line(line) {
            Ok(Some(reply)) => {
                assert!((200..600).contains(&reply.code));
                // It goes to the screen and into logs.
                assert!(reply.to_string().chars().all(|letter| letter == '\n' || !letter.is_control()));
            }
            Ok(None) => {}
            Err(_) => return,
        }
    }
});
