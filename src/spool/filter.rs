//! Reading a FILTER: `state:deferred to:example.net from:ann age>2h size>1M transport:work text`.
//!
//! Words are separated by spaces; quotes keep spaces in a word (`from:"Ann Lee"`), and a word that begins with a quote is
//! always text (`"re: offer"`). A word with a colon whose key is unknown is an error and not text: a mistyped key would
//! otherwise select the wrong messages for `delete --where`.

use std::iter::Peekable;
use std::str::Chars;

use super::model::Filter;
use crate::mapi::QueueState;

/// What is wrong with a filter: which word, and what is allowed in its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// A quote without its end.
    #[error("`{word}`: the quote is not closed")]
    OpenQuote {
        /// The word.
        word: String,
    },
    /// Not a key of ours.
    #[error(
        "`{word}`: there is no key `{key}`; allowed are state: transport: from: to: age> age< size> size<, \
         and quotes around plain text"
    )]
    UnknownKey {
        /// The word.
        word: String,
        /// Its key.
        key: String,
    },
    /// Nothing behind the key.
    #[error("`{word}`: nothing follows the key")]
    NoValue {
        /// The word.
        word: String,
    },
    /// Not a state.
    #[error(
        "`{word}`: not a state; allowed are in_flight, in_doubt, queued, deferred, held, failed, sent, \
         or several with commas between"
    )]
    UnknownState {
        /// The word.
        word: String,
    },
    /// Not an age.
    #[error("`{word}`: not an age; a whole number and one of s, m, h, d, w is, as in age>2h")]
    BadAge {
        /// The word.
        word: String,
    },
    /// Not a size.
    #[error("`{word}`: not a size; a whole number of bytes is, or one followed by K, M or G, as in size>1M")]
    BadSize {
        /// The word.
        word: String,
    },
}

/// A word as typed, and what it says without its quotes.
struct Word {
    typed: String,
    plain: String,
    /// It began with a quote.
    is_text: bool,
}

impl Filter {
    /// Reads what a user typed. Nothing at all is everything that is not sent.
    ///
    /// # Errors
    /// A word that makes no sense.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut filter = Self::default();
        let mut letters = text.chars().peekable();
        while let Some(word) = next_word(&mut letters)? {
            filter.add(word)?;
        }
        Ok(filter)
    }

    fn add(&mut self, word: Word) -> Result<(), FilterError> {
        let Some((key, sign, value)) = split(&word) else {
            self.text.push(word.plain);
            return Ok(());
        };
        let typed = || word.typed.clone();
        if value.is_empty() {
            return Err(FilterError::NoValue { word: typed() });
        }
        let value = value.to_owned();
        match (key, sign) {
            ("state", ':') => {
                for name in value.split(',') {
                    let state =
                        QueueState::from_word(name).ok_or_else(|| FilterError::UnknownState { word: typed() })?;
                    self.states.push(state);
                }
            }
            ("transport", ':') => self.transports.push(value),
            ("from", ':') => self.from.push(value),
            ("to", ':') => self.to.push(value),
            ("age", '>' | '<') => {
                let age = seconds(&value).ok_or_else(|| FilterError::BadAge { word: typed() })?;
                narrow(sign, age, &mut self.age_at_least_s, &mut self.age_at_most_s);
            }
            ("size", '>' | '<') => {
                let size = bytes(&value).ok_or_else(|| FilterError::BadSize { word: typed() })?;
                narrow(sign, size, &mut self.size_at_least, &mut self.size_at_most);
            }
            _ => return Err(FilterError::UnknownKey { word: typed(), key: format!("{key}{sign}") }),
        }
        Ok(())
    }
}

/// Both must hold, so the narrower counts.
fn narrow<T: Ord + Copy>(sign: char, bound: T, at_least: &mut Option<T>, at_most: &mut Option<T>) {
    if sign == '>' {
        *at_least = Some(at_least.map_or(bound, |other| other.max(bound)));
    } else {
        *at_most = Some(at_most.map_or(bound, |other| other.min(bound)));
    }
}

/// Key, sign and value, unless the word is text.
fn split(word: &Word) -> Option<(&str, char, &str)> {
    if word.is_text {
        return None;
    }
    let (place, sign) = word.plain.char_indices().find(|(_, letter)| matches!(letter, ':' | '<' | '>'))?;
    let (key, rest) = word.plain.split_at_checked(place)?;
    // A lone colon in front is text, as in a smiley.
    (!key.is_empty()).then_some((key, sign, rest.get(sign.len_utf8()..)?))
}

fn next_word(letters: &mut Peekable<Chars<'_>>) -> Result<Option<Word>, FilterError> {
    while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
    let is_text = letters.peek() == Some(&'"');
    let mut word = Word { typed: String::new(), plain: String::new(), is_text };
    let mut quoted = false;
    while let Some(letter) = letters.next_if(|letter| quoted || !letter.is_whitespace()) {
        word.typed.push(letter);
        if letter == '"' {
            quoted = !quoted;
        } else {
            word.plain.push(letter);
        }
    }
    if quoted {
        return Err(FilterError::OpenQuote { word: word.typed });
    }
    if word.typed.is_empty() {
        return Ok(None);
    }
    // Nothing between quotes matches everything: it says nothing.
    if word.plain.is_empty() { next_word(letters) } else { Ok(Some(word)) }
}

fn seconds(text: &str) -> Option<i64> {
    let (number, unit) = number_and_unit(text)?;
    let scale = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    i64::try_from(number).ok()?.checked_mul(scale)
}

fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let scale = match unit {
        "" => 1,
        "K" | "k" => 1 << 10,
        "M" | "m" => 1 << 20,
        "G" | "g" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(scale)
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, unit))
}
