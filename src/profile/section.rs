//! A section of `profile.toml` while it is read: hands out values of the kinds a profile has, and notes every mistake
//! with its line.
//!
//! Each key that is asked for becomes a known one; [`Section::finish`] reports the others, with the nearest known key as
//! a suggestion. So the list of what is allowed is never written twice. Values that can't be used are noted and given as
//! absent: reading goes on, to find all mistakes at once, and what was read is thrown away in the end.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::load::Problem;

/// The mistakes found so far in a text.
#[derive(Debug)]
pub(super) struct Notes<'a> {
    text: &'a str,
    found: RefCell<Vec<Problem>>,
}

impl<'a> Notes<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, found: RefCell::default() }
    }

    /// Notes a mistake at a byte of the text.
    pub(super) fn add(&self, at: usize, key: impl Into<String>, what: impl Into<String>) {
        let before = self.text.as_bytes().get(..at).unwrap_or(self.text.as_bytes());
        let line = before.split(|&byte| byte == b'\n').count();
        self.found.borrow_mut().push(Problem { line, key: key.into(), what: what.into() });
    }

    /// The mistakes, in the order of the text.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|problem| problem.line);
        found
    }
}

/// A table of the text.
#[derive(Debug)]
pub(super) struct Section<'a> {
    notes: &'a Notes<'a>,
    /// Dotted; empty for the whole text.
    name: String,
    at: usize,
    table: &'a DeTable<'a>,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    /// The whole text.
    pub(super) fn top(notes: &'a Notes<'a>, table: &'a DeTable<'a>) -> Self {
        Self { notes, name: String::new(), at: 0, table, known: RefCell::default() }
    }

    /// Whether the key is there, with whatever value.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    /// Makes keys known without reading them, because what else they mean is not clear.
    pub(super) fn allow(&self, keys: &[&'static str]) {
        self.known.borrow_mut().extend_from_slice(keys);
    }

    fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.table.get(key)
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// Notes that a key's value, or its absence, is wrong.
    pub(super) fn wrong(&self, key: &'static str, what: impl Into<String>) {
        let at = self.table.get_key_value(key).map_or(self.at, |(key, _)| key.span().start);
        self.notes.add(at, self.path(key), what);
    }

    /// Notes that a key must be there.
    pub(super) fn missing(&self, key: &'static str, what: &str) {
        self.wrong(key, format!("is missing: {what}"));
    }

    fn typed<T>(&self, key: &'static str, kind: &str, get: impl FnOnce(&'a DeValue<'a>) -> Option<T>) -> Option<T> {
        let value = self.value(key)?.get_ref();
        let typed = get(value);
        if typed.is_none() {
            self.wrong(key, format!("must be {kind}, not {}", described(value)));
        }
        typed
    }

    /// A string, any.
    pub(super) fn string(&self, key: &'static str) -> Option<&'a str> {
        let text = self.typed(key, "a string in quotes", DeValue::as_str)?;
        if text.trim().is_empty() {
            self.wrong(key, "is empty; leave the key out instead");
            return None;
        }
        Some(text)
    }

    /// A string of one line, without control characters.
    pub(super) fn word(&self, key: &'static str) -> Option<&'a str> {
        let text = self.string(key)?;
        if text.chars().any(char::is_control) {
            self.wrong(key, "has a line end or another control character in it");
            return None;
        }
        Some(text)
    }

    /// `true` or `false`.
    pub(super) fn switch(&self, key: &'static str) -> Option<bool> {
        self.typed(key, "true or false", DeValue::as_bool)
    }

    /// A whole number.
    pub(super) fn number(&self, key: &'static str, allowed: RangeInclusive<u16>) -> Option<u16> {
        let kind = format!("a whole number from {} to {}", allowed.start(), allowed.end());
        let integer = self.typed(key, &kind, DeValue::as_integer)?;
        let number = u16::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|one| allowed.contains(one));
        if number.is_none() {
            self.wrong(key, format!("must be {kind}, not {}", integer.as_str()));
        }
        number
    }

    /// A length of time: "90s", "5m", "1h30m", "1d".
    pub(super) fn duration(&self, key: &'static str) -> Option<Duration> {
        const KIND: &str = "a length of time in quotes, such as \"30s\", \"5m\", \"1h30m\" or \"1d\"";
        let text = self.typed(key, KIND, DeValue::as_str)?;
        let duration = parse_duration(text);
        if duration.is_none() {
            self.wrong(key, format!("must be {KIND}, not “{text}”"));
        }
        duration
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let words: Vec<&str> = choices.iter().map(|&(word, _)| word).collect();
        let text = self.typed(key, &format!("one of {}", quoted(&words)), DeValue::as_str)?;
        let chosen = choices.iter().find(|(word, _)| *word == text).map(|&(_, choice)| choice);
        if chosen.is_none() {
            let hint = suggestion(text, &words).map(|word| format!(" Did you mean \"{word}\"?")).unwrap_or_default();
            self.wrong(key, format!("“{text}” is not one of {}.{hint}", quoted(&words)));
        }
        chosen
    }

    /// A list of strings, none of them empty.
    pub(super) fn words(&self, key: &'static str) -> Option<Vec<String>> {
        const KIND: &str = "a list of strings, such as [\"one\", \"two\"]";
        let array = self.typed(key, KIND, DeValue::as_array)?;
        let words: Option<Vec<&str>> = array.iter().map(|item| item.get_ref().as_str()).collect();
        let Some(words) = words else {
            self.wrong(key, format!("must be {KIND}"));
            return None;
        };
        if words.iter().any(|word| word.is_empty()) {
            self.wrong(key, "has an empty string in it");
            return None;
        }
        Some(words.into_iter().map(str::to_owned).collect())
    }

    /// Notes that the section itself is wrong.
    pub(super) fn this_is_wrong(&self, what: &str) {
        self.notes.add(self.at, self.name.clone(), what);
    }

    /// The section of a key.
    pub(super) fn section(&self, key: &'static str) -> Option<Self> {
        self.section_or(key, &format!("must be a section: [{}], or {{ … }}", self.path(key)))
    }

    /// The section of a key; anything else there is wrong in these words.
    pub(super) fn section_or(&self, key: &'static str, wrong: &str) -> Option<Self> {
        let value = self.value(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(key, wrong);
            return None;
        };
        let at = self.table.get_key_value(key).map_or(self.at, |(key, _)| key.span().start);
        Some(Self { notes: self.notes, name: self.path(key), at, table, known: RefCell::default() })
    }

    /// The sections of a key that may be there many times.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Self> {
        let name = self.path(key);
        let kind = format!("written [[{name}]], with two brackets on each side");
        let array = self.typed(key, &kind, DeValue::as_array);
        let mut sections = Vec::new();
        for item in array.into_iter().flat_map(|array| array.iter()) {
            match item.get_ref().as_table() {
                Some(table) => sections.push(Self {
                    notes: self.notes,
                    name: name.clone(),
                    at: item.span().start,
                    table,
                    known: RefCell::default(),
                }),
                None => self.notes.add(item.span().start, name.clone(), format!("must be {kind}")),
            }
        }
        sections
    }

    /// Notes the keys that nobody asked for.
    pub(super) fn finish(self) {
        let known = self.known.borrow();
        for (key, _) in self.table {
            let word: &str = key.get_ref();
            if known.contains(&word) {
                continue;
            }
            let hint = suggestion(word, &known).map(|near| format!(" Did you mean `{near}`?")).unwrap_or_default();
            let what = format!("unknown key.{hint} Allowed here: {}", known.join(", "));
            self.notes.add(key.span().start, self.path(&word.escape_debug().to_string()), what);
        }
    }
}

fn described(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

/// Numbers with units, one after the other; more than nothing.
fn parse_duration(text: &str) -> Option<Duration> {
    let mut seconds: u64 = 0;
    let mut number: Option<u64> = None;
    for letter in text.trim().chars() {
        if let Some(digit) = letter.to_digit(10) {
            number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(u64::from(digit))?);
            continue;
        }
        let unit = match letter {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            _ => return None,
        };
        seconds = seconds.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    // Longer than a century is a slip, and would not fit into a clock's arithmetic.
    (number.is_none() && (1..=100 * 365 * 86_400).contains(&seconds)).then(|| Duration::from_secs(seconds))
}

/// The word nearest to what was written, if it is near enough to have been meant.
fn suggestion<'w>(written: &str, words: &[&'w str]) -> Option<&'w str> {
    let near = |word: &&&str| edits(written, word) <= 1 + word.len() / 4;
    words.iter().filter(near).min_by_key(|word| edits(written, word)).copied()
}

/// Letters to insert, delete or change to make one word of the other (Levenshtein's distance). Words that differ much in
/// length are as far apart as that without looking, so a huge key costs nothing.
fn edits(one: &str, other: &str) -> usize {
    if one.len().abs_diff(other.len()) > other.len() {
        return one.len().max(other.len());
    }
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.to_lowercase().chars().enumerate() {
        let mut before = line;
        let mut left = line + 1;
        for (cell, &there) in row.iter_mut().skip(1).zip(&other) {
            let change = before + usize::from(letter != there);
            before = *cell;
            left = change.min(*cell + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let seconds = |text| parse_duration(text).map(|duration| duration.as_secs());
        assert_eq!(seconds("30s"), Some(30));
        assert_eq!(seconds("5m"), Some(300));
        assert_eq!(seconds("1h30m"), Some(5_400));
        assert_eq!(seconds("1d"), Some(86_400));
        for wrong in ["", "5", "m", "5x", "-5m", "0s", "5 m", "1h30", "99999999999999999999s", "18446744073709551615d"]
        {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn distances() {
        assert_eq!(edits("host", "host"), 0);
        assert_eq!(edits("hots", "host"), 2);
        assert_eq!(edits("", "host"), 4);
        assert_eq!(edits("secruity", "security"), 2);
        assert_eq!(edits("ports", "port"), 1);
    }

    #[test]
    fn suggestions_are_near_ones() {
        let words = ["host", "port", "security"];
        assert_eq!(suggestion("prot", &words), Some("port"));
        assert_eq!(suggestion("Securty", &words), Some("security"));
        assert_eq!(suggestion("colour", &words), None);
    }
}
