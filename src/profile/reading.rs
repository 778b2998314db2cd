//! Reading TOML with an eye on the person who wrote it: every mistake is kept with its line and key, and says what is
//! allowed.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Line, from 1.
    pub line: usize,
    /// The key, with its table: `transport.outgoing.port`.
    pub key: String,
    /// What is wrong and what is allowed.
    pub what: String,
}

/// Everything that is wrong with a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileError {
    /// The file.
    pub file: PathBuf,
    /// At least one, by line.
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, mistake) in self.mistakes.iter().enumerate() {
            let separator = if number == 0 { "" } else { "\n" };
            write!(f, "{separator}{}:{}: ", self.file.display(), mistake.line)?;
            if !mistake.key.is_empty() {
                write!(f, "{}: ", mistake.key)?;
            }
            f.write_str(&mistake.what)?;
        }
        Ok(())
    }
}

impl std::error::Error for ProfileError {}

/// Collects mistakes.
#[derive(Debug)]
pub(super) struct Notes<'t> {
    text: &'t str,
    pub(super) mistakes: Vec<Mistake>,
}

impl<'t> Notes<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, mistakes: Vec::new() }
    }

    /// Notes a mistake at a byte of the text.
    pub(super) fn note(&mut self, at: usize, key: impl Into<String>, what: impl Into<String>) {
        let before = self.text.as_bytes().get(..at).unwrap_or(self.text.as_bytes());
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        self.mistakes.push(Mistake { line, key: key.into(), what: what.into() });
    }

    pub(super) fn into_error(mut self, file: &Path) -> ProfileError {
        self.mistakes.sort_by_key(|mistake| mistake.line);
        ProfileError { file: file.to_owned(), mistakes: self.mistakes }
    }
}

/// A table of the profile, whose keys are known.
#[derive(Debug)]
pub(super) struct Section<'a, 'i> {
    name: String,
    at: usize,
    table: &'a DeTable<'i>,
}

impl<'a, 'i> Section<'a, 'i> {
    /// A table; keys that are not in `allowed` are noted.
    pub(super) fn new(name: &str, at: usize, table: &'a DeTable<'i>, allowed: &[&str], notes: &mut Notes<'_>) -> Self {
        let section = Self { name: name.to_owned(), at, table };
        for key in table.keys() {
            let word: &str = key.get_ref();
            if !allowed.contains(&word) {
                let hint = closest(word, allowed).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
                let what = format!("unknown key{hint} (allowed: {})", allowed.join(", "));
                notes.note(key.span().start, section.path(word), what);
            }
        }
        section
    }

    /// A key with the names of its tables.
    pub(super) fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// Where a key's value is, or the table when the key is missing.
    pub(super) fn at(&self, key: &str) -> usize {
        self.value(key).map_or(self.at, |value| value.span().start)
    }

    fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.table
            .iter()
            .find(|(name, _)| {
                let name: &str = name.get_ref();
                name == key
            })
            .map(|(_, value)| value)
    }

    /// Whether the key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// Notes a mistake in the value of a key.
    pub(super) fn note(&self, key: &str, what: impl Into<String>, notes: &mut Notes<'_>) {
        notes.note(self.at(key), self.path(key), what);
    }

    /// Notes that a key is missing if it is.
    pub(super) fn require(&self, key: &str, what: &str, notes: &mut Notes<'_>) {
        if !self.has(key) {
            notes.note(self.at, self.path(key), format!("missing: {what}"));
        }
    }

    fn typed<T>(
        &self,
        key: &str,
        expected: &str,
        notes: &mut Notes<'_>,
        take: impl FnOnce(&'a DeValue<'i>) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(key)?;
        let taken = take(value.get_ref());
        if taken.is_none() {
            self.note(key, format!("must be {expected}, not {}", value.get_ref().type_str()), notes);
        }
        taken
    }

    pub(super) fn text(&self, key: &str, notes: &mut Notes<'_>) -> Option<String> {
        self.typed(key, "text in quotes", notes, |value| value.as_str().map(ToOwned::to_owned)).inspect(|text| {
            if text.contains(|letter: char| letter.is_control()) {
                self.note(key, "must not contain control characters", notes);
            }
        })
    }

    pub(super) fn truth(&self, key: &str, notes: &mut Notes<'_>) -> Option<bool> {
        self.typed(key, "true or false", notes, DeValue::as_bool)
    }

    pub(super) fn number(&self, key: &str, least: u16, most: u16, notes: &mut Notes<'_>) -> Option<u16> {
        let expected = format!("a number from {least} to {most}");
        let text = self.typed(key, &expected, notes, |value| value.as_integer().map(ToString::to_string))?;
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.note(key, format!("must be {expected}, not {text}"), notes);
        }
        number
    }

    pub(super) fn texts(&self, key: &str, notes: &mut Notes<'_>) -> Option<Vec<String>> {
        self.typed(key, "a list of texts, as [\"a\", \"b\"]", notes, |value| {
            value.as_array()?.iter().map(|item| item.get_ref().as_str().map(ToOwned::to_owned)).collect()
        })
    }

    /// One word of a few.
    pub(super) fn choice<T: Copy>(&self, key: &str, words: &[(&str, T)], notes: &mut Notes<'_>) -> Option<T> {
        let word = self.text(key, notes)?;
        let chosen = words.iter().find(|(allowed, _)| *allowed == word).map(|(_, chosen)| *chosen);
        if chosen.is_none() {
            let allowed: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let hint = closest(&word, &allowed).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            self.note(key, format!("unknown value “{word}”{hint} (allowed: {})", allowed.join(", ")), notes);
        }
        chosen
    }

    /// A table below this one.
    pub(super) fn section(&self, key: &str, allowed: &[&str], notes: &mut Notes<'_>) -> Option<Self> {
        let table = self.typed(key, "a table", notes, |value| value.as_table())?;
        Some(Self::new(&self.path(key), self.at(key), table, allowed, notes))
    }

    /// The tables of `[[key]]`.
    pub(super) fn sections(&self, key: &str, allowed: &[&str], notes: &mut Notes<'_>) -> Vec<Self> {
        let Some(items) = self.typed(key, "tables, as [[transport]]", notes, |value| value.as_array()) else {
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items {
            match item.get_ref().as_table() {
                Some(table) => {
                    sections.push(Self::new(&self.path(key), item.span().start, table, allowed, notes));
                }
                None => notes.note(item.span().start, self.path(key), "must be a table"),
            }
        }
        sections
    }
}

/// The allowed word that was probably meant: at most two letters away.
fn closest<'w>(word: &str, allowed: &[&'w str]) -> Option<&'w str> {
    let near = allowed.iter().map(|candidate| (distance(word, candidate), *candidate)).min()?;
    (near.0 <= 2).then_some(near.1)
}

/// Letters to insert, delete, replace or swap with a neighbour, roughly: the length of the words less what they share
/// in order.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (number, letter) in one.iter().enumerate() {
        let mut diagonal = number;
        let mut left = number + 1;
        let mut next = vec![left];
        for (above, against) in row.iter().skip(1).zip(&other) {
            let replaced = diagonal + usize::from(letter != against);
            left = replaced.min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
