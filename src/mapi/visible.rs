//! Words of strangers (servers, programs, headers), fit to be shown. What they could do to a screen or a line is seen
//! instead of done: control characters steer terminals, and what turns the direction of writing (Unicode Standard Annex
//! 9, section 2) makes one text look like another. Joiners, and the marks that right-to-left texts need, stay.

/// What stands in the place of a character that is not shown.
const REPLACEMENT: char = '\u{FFFD}';

/// Whether a character shows, and does nothing but show.
pub fn is_visible(letter: char) -> bool {
    // Line and paragraph separators; embeddings and overrides; isolates.
    let turns = matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    !letter.is_control() && !turns
}

/// The text with the rest replaced by U+FFFD.
pub fn visible(text: &str) -> String {
    text.chars().map(|letter| if is_visible(letter) { letter } else { REPLACEMENT }).collect()
}

/// The text in one line, with the rest replaced by spaces: for what is folded or indented as a matter of course.
pub fn in_one_line(text: &str) -> String {
    text.chars().map(|letter| if is_visible(letter) { letter } else { ' ' }).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_screen_is_seen_and_what_is_written_stays() {
        assert_eq!(
            visible("pay\u{202E}gnp.exe\u{1b}[2J\u{2066}x\u{9b}"),
            "pay\u{FFFD}gnp.exe\u{FFFD}[2J\u{FFFD}x\u{FFFD}"
        );
        assert_eq!(in_one_line(" a\tb\u{2028}c\u{202D}\r\n"), "a b c");
        for kept in ["søsken ñ 東京", "שלום\u{200F} abc", "👩\u{200D}💻", "می\u{200C}خواهم"] {
            assert_eq!(visible(kept), kept);
        }
    }
}
