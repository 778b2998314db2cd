//! Messages for tests: different from each other, of a size that is asked for, with every awkward line there is.

/// Message number `number` with a body of about `bytes`, CRLF line ends, and lines that begin with dots.
pub fn message(number: usize, bytes: usize) -> Vec<u8> {
    let mut text = format!(
        "From: Ada Lovelace <ada@example.org>\r\n\
         To: grace@example.net\r\n\
         Subject: Test {number}\r\n\
         Date: Mon, 05 Jan 2026 10:00:00 +0000\r\n\
         Message-ID: <{number}.test@example.org>\r\n\
         \r\n\
         .\r\n\
         ..two dots\r\n"
    );
    let end = text.len() + bytes;
    let mut line = 0;
    while text.len() < end {
        let more = format!("Line {line} of message {number}, which says nothing but its number.\r\n");
        text.push_str(&more);
        line += 1;
    }
    text.into_bytes()
}
