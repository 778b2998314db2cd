//! The FILTER of the command line and the find field, and what it is in SQL.

use rusqlite::types::Value;

use super::model::{Filter, Seconds};
use super::sql::state_list;
use crate::mapi::QueueState;

/// A word of a filter that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{word}”: {allowed}")]
pub struct FilterError {
    /// The word.
    pub word: String,
    /// What is allowed.
    pub allowed: String,
}

impl Filter {
    /// Reads the words of a filter: `state:deferred to:example.net from:ann age>2h size>1M transport:work text`. Words
    /// with spaces stand in quotes: `to:"Ann Lee"`. States may be joined by commas.
    ///
    /// # Errors
    /// The first word that makes no sense, and what is allowed.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut filter = Self::default();
        for word in words(text) {
            filter.add(&word)?;
        }
        Ok(filter)
    }

    fn add(&mut self, word: &str) -> Result<(), FilterError> {
        if let Some((key, value)) = word.split_once(':') {
            match key {
                "state" => return self.add_states(word, value),
                "transport" => self.transports.push(value.to_owned()),
                "from" => self.from.push(value.to_owned()),
                "to" => self.to.push(value.to_owned()),
                _ => self.text.push(word.to_owned()),
            }
            return Ok(());
        }
        let compared = |key: &str| word.strip_prefix(key).and_then(|rest| Some((rest.chars().next()?, rest.get(1..)?)));
        if let Some((sign @ ('>' | '<'), value)) = compared("age") {
            let seconds = scaled(value, &[("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800)]);
            let seconds = seconds.ok_or_else(|| wrong(word, "an age is a number and s, m, h, d or w, as age>2h"))?;
            let slot = if sign == '>' { &mut self.age_at_least_s } else { &mut self.age_at_most_s };
            *slot = i64::try_from(seconds).ok();
        } else if let Some((sign @ ('>' | '<'), value)) = compared("size") {
            let bytes = scaled(value, &[("", 1), ("k", 1 << 10), ("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30)]);
            let bytes = bytes.ok_or_else(|| wrong(word, "a size is a number and k, M or G, as size>1M"))?;
            let slot = if sign == '>' { &mut self.size_at_least } else { &mut self.size_at_most };
            *slot = Some(bytes);
        } else {
            self.text.push(word.to_owned());
        }
        Ok(())
    }

    fn add_states(&mut self, word: &str, value: &str) -> Result<(), FilterError> {
        for state in value.split(',') {
            let known = QueueState::from_word(state).ok_or_else(|| {
                let words: Vec<&str> = QueueState::ALL.iter().map(|state| state.word()).collect();
                wrong(word, &format!("no such state (allowed: {})", words.join(", ")))
            })?;
            self.states.push(known);
        }
        Ok(())
    }

    /// Whether it selects by nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The condition on `envelope e` and `message m`, and its values.
    pub(super) fn condition(&self, now: Seconds) -> (String, Vec<Value>) {
        let mut sql = Sql::default();
        if self.states.is_empty() {
            sql.parts.push("e.state <> 6".to_owned());
        } else {
            sql.parts.push(format!("e.state IN ({})", state_list(&self.states)));
        }
        if !self.transports.is_empty() {
            let slots: Vec<String> = self.transports.iter().map(|name| sql.slot(Value::Text(name.clone()))).collect();
            sql.parts.push(format!("e.transport IN ({})", slots.join(", ")));
        }
        for word in &self.from {
            let slot = sql.slot(like(word));
            sql.parts.push(format!("(m.author LIKE {slot} ESCAPE '\\' OR e.sender LIKE {slot} ESCAPE '\\')"));
        }
        for word in &self.to {
            let slot = sql.slot(like(word));
            sql.parts.push(recipient_like(&slot));
        }
        for word in &self.text {
            let slot = sql.slot(like(word));
            sql.parts.push(format!(
                "(m.subject LIKE {slot} ESCAPE '\\' OR m.author LIKE {slot} ESCAPE '\\' OR {})",
                recipient_like(&slot)
            ));
        }
        sql.compare("e.queued_at <=", self.age_at_least_s.map(|age| now - age));
        sql.compare("e.queued_at >=", self.age_at_most_s.map(|age| now - age));
        sql.compare("e.size >=", self.size_at_least.and_then(|size| i64::try_from(size).ok()));
        sql.compare("e.size <=", self.size_at_most.and_then(|size| i64::try_from(size).ok()));
        (sql.parts.join(" AND "), sql.values)
    }
}

#[derive(Default)]
struct Sql {
    parts: Vec<String>,
    values: Vec<Value>,
}

impl Sql {
    fn slot(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    fn compare(&mut self, what: &str, value: Option<i64>) {
        if let Some(value) = value {
            let slot = self.slot(Value::Integer(value));
            self.parts.push(format!("{what} {slot}"));
        }
    }
}

fn recipient_like(slot: &str) -> String {
    format!("EXISTS (SELECT 1 FROM recipient r WHERE r.envelope = e.id AND r.address LIKE {slot} ESCAPE '\\')")
}

fn like(word: &str) -> Value {
    let mut pattern = String::from("%");
    for letter in word.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    Value::Text(pattern)
}

fn wrong(word: &str, allowed: &str) -> FilterError {
    FilterError { word: word.to_owned(), allowed: allowed.to_owned() }
}

/// A number and one of these units.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let (number, unit) = text.split_at_checked(digits)?;
    let factor = units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor)?;
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Words between spaces; quotes hold spaces together.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for letter in text.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' | '\t' | '\n' if !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            other => word.push(other),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_contract_is_read() {
        let filter =
            Filter::parse("state:deferred,held to:example.net from:ann age>2h size>1M transport:work \"two words\"");
        let filter = filter.expect("a filter");
        assert_eq!(filter.states, [QueueState::Deferred, QueueState::Held]);
        assert_eq!(
            (filter.to.as_slice(), filter.from.as_slice()),
            (&["example.net".to_owned()][..], &["ann".to_owned()][..])
        );
        assert_eq!((filter.age_at_least_s, filter.size_at_least), (Some(7200), Some(1 << 20)));
        assert_eq!(
            (filter.transports.as_slice(), filter.text.as_slice()),
            (&["work".to_owned()][..], &["two words".to_owned()][..])
        );
        assert!(Filter::parse(" ").expect("a filter").is_empty());
    }

    #[test]
    fn wrong_words_say_what_is_allowed() {
        assert!(Filter::parse("state:lost").expect_err("no state").to_string().contains("in_doubt"));
        assert!(Filter::parse("age>soon").is_err() && Filter::parse("size>1X").is_err());
    }
}
