//! IMAP commands as words, strings and brackets, and the sets of numbers in them.

/// A piece of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// An atom, a number, a set, a section such as `BODY.PEEK[HEADER]`: as the client wrote it.
    Word(String),
    /// A quoted string or a literal.
    Text(Vec<u8>),
    /// `(`
    Open,
    /// `)`
    Close,
}

impl Token {
    /// What an `astring` says, however it was written.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Word(word) => Some(word.clone()),
            Self::Text(text) => String::from_utf8(text.clone()).ok(),
            Self::Open | Self::Close => None,
        }
    }
}

/// Cuts a line, or the part of one between two literals, into tokens; `None` if a quote does not end.
pub(super) fn tokens(line: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        tokens.push(match letter {
            ' ' => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            '"' => {
                let mut text = String::new();
                loop {
                    match letters.next()? {
                        '"' => break,
                        '\\' => text.push(letters.next()?),
                        other => text.push(other),
                    }
                }
                Token::Text(text.into_bytes())
            }
            first => {
                let mut word = String::from(first);
                let mut depth = i32::from(first == '[');
                // Inside a section, spaces and brackets belong to the word.
                while let Some(letter) = letters.next_if(|&next| depth > 0 || !matches!(next, ' ' | '(' | ')')) {
                    depth += i32::from(letter == '[') - i32::from(letter == ']');
                    word.push(letter);
                }
                Token::Word(word)
            }
        });
    }
    Some(tokens)
}

/// The announced length of a literal at the end of a line, whether the client waits for a word of ours (RFC 7888), and
/// what stands before it.
pub(super) fn literal(line: &str) -> Option<(&str, usize, bool)> {
    let (before, length) = line.strip_suffix('}')?.rsplit_once('{')?;
    let (length, waits) = length.strip_suffix('+').map_or((length, true), |length| (length, false));
    Some((before, length.parse().ok()?, waits))
}

/// A `sequence-set`; `None` stands for `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set(Vec<(Option<u32>, Option<u32>)>);

impl Set {
    /// Reads `1,3:5,7:*`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| match text {
            "*" => Some(None),
            text => text.parse::<u32>().ok().filter(|&number| number > 0).map(Some),
        };
        let range = |text: &str| match text.split_once(':') {
            Some((from, to)) => Some((number(from)?, number(to)?)),
            None => number(text).map(|number| (number, number)),
        };
        text.split(',').map(range).collect::<Option<_>>().map(Self)
    }

    /// Whether a number is in it, when `largest` is the largest there is (RFC 3501, 9: `seq-range` goes either way).
    pub(super) fn contains(&self, number: u32, largest: u32) -> bool {
        self.0.iter().any(|&(from, to)| {
            let (from, to) = (from.unwrap_or(largest), to.unwrap_or(largest));
            (from.min(to)..=from.max(to)).contains(&number)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(word: &str) -> Token {
        Token::Word(word.to_owned())
    }

    #[test]
    fn sections_stay_in_one_piece() {
        let line = "a UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (To From)]<0.10>)";
        let expected = vec![
            word("a"),
            word("UID"),
            word("FETCH"),
            word("1:*"),
            Token::Open,
            word("UID"),
            word("BODY.PEEK[HEADER.FIELDS (To From)]<0.10>"),
            Token::Close,
        ];
        assert_eq!(tokens(line), Some(expected));
    }

    #[test]
    fn quotes_hide_what_they_quote() {
        assert_eq!(tokens(r#""a \"b\" (c)" d"#), Some(vec![Token::Text(b"a \"b\" (c)".to_vec()), word("d")]));
        assert_eq!(tokens("\"open"), None);
    }

    #[test]
    fn literals_say_whether_the_client_waits() {
        assert_eq!(literal("a LOGIN {3}"), Some(("a LOGIN ", 3, true)));
        assert_eq!(literal("a LOGIN {3+}"), Some(("a LOGIN ", 3, false)));
        assert_eq!(literal("a NOOP"), None);
    }

    #[test]
    fn sets_go_either_way() {
        let set = Set::parse("2,9:7,*").unwrap();
        let inside: Vec<u32> = (1..=12).filter(|&number| set.contains(number, 12)).collect();
        assert_eq!(inside, [2, 7, 8, 9, 12]);
        assert!(Set::parse("5:*").unwrap().contains(3, 3), "the last one is always in n:*");
        assert_eq!(Set::parse("0"), None);
        assert_eq!(Set::parse("1:"), None);
    }
}
