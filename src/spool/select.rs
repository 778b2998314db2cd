//! A filter as SQL. What a user typed is only ever bound, never part of the statement.

use rusqlite::types::Value;

use super::SpoolError;
use super::model::{Filter, Seconds, Selection};
use super::sql::{int, json, state_list};
use crate::mapi::QueueState;

/// Where envelopes are looked for: the table with what conditions and orders may name. The join costs nothing where
/// the message is not named: SQLite leaves it out.
pub(super) const FROM: &str = "envelope e LEFT JOIN message m ON m.id = e.message";

/// The same, read in the order of submission without the history.
pub(super) const FROM_OPEN: &str = "envelope e INDEXED BY envelope_open LEFT JOIN message m ON m.id = e.message";

/// Conditions on envelopes `e` and messages `m`, all of which must hold.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    terms: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// Those of a filter, at a time that ages are reckoned from.
    pub(super) fn of_filter(filter: &Filter, now: Seconds) -> Self {
        let mut all = Self::default();
        if !shows_history(filter) {
            // Word for word the condition of the index.
            all.term("e.state <> 6".to_owned());
        }
        if !filter.states.is_empty() {
            all.term(format!("e.state IN ({})", state_list(&filter.states)));
        }
        if !filter.transports.is_empty() {
            let places: Vec<String> =
                filter.transports.iter().map(|name| all.bind(Value::Text(name.clone()))).collect();
            all.term(format!("e.transport IN ({})", places.join(", ")));
        }
        for word in &filter.from {
            all.contains(word, |pattern| any_contains(&["m.author", "e.sender"], pattern));
        }
        for word in &filter.to {
            all.contains(word, to_contains);
        }
        for word in &filter.text {
            all.contains(word, |pattern| {
                let of_message = any_contains(&["m.author", "e.sender", "m.subject"], pattern);
                format!("({of_message} OR {})", to_contains(pattern))
            });
        }
        all.compare("e.queued_at <=", filter.age_at_least_s.map(|age| now.saturating_sub(age)));
        all.compare("e.queued_at >=", filter.age_at_most_s.map(|age| now.saturating_sub(age)));
        all.compare("e.size >=", filter.size_at_least.map(int));
        all.compare("e.size <=", filter.size_at_most.map(int));
        all
    }

    /// Those of what a verb selects.
    pub(super) fn of_selection(selection: &Selection, now: Seconds) -> Result<Self, SpoolError> {
        Ok(match selection {
            Selection::Where(filter) => Self::of_filter(filter, now),
            Selection::Ids(ids) => {
                let mut named = Self::default();
                let list = named.bind(Value::Text(json(ids)?));
                named.term(format!("e.id IN (SELECT value FROM json_each({list}))"));
                named
            }
        })
    }

    /// One more condition, made by the program and not by a user.
    pub(super) fn term(&mut self, term: String) {
        self.terms.push(term);
    }

    /// Binds a value. Gives its name for a condition.
    pub(super) fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    /// What stands behind WHERE.
    pub(super) fn sql(&self) -> String {
        if self.terms.is_empty() { "TRUE".to_owned() } else { self.terms.join(" AND ") }
    }

    /// What is bound.
    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }

    fn compare(&mut self, what: &str, with: Option<i64>) {
        if let Some(with) = with {
            let place = self.bind(Value::Integer(with));
            self.term(format!("{what} {place}"));
        }
    }

    fn contains(&mut self, word: &str, term: impl FnOnce(&str) -> String) {
        let place = self.bind(Value::Text(pattern(word)));
        self.term(term(&place));
    }
}

/// Whether sent envelopes are among what a filter asks for. They are only when it names that state.
pub(super) fn shows_history(filter: &Filter) -> bool {
    filter.states.contains(&QueueState::Sent)
}

fn any_contains(columns: &[&str], pattern: &str) -> String {
    let terms: Vec<String> = columns.iter().map(|column| format!("{column} LIKE {pattern} ESCAPE '\\'")).collect();
    format!("({})", terms.join(" OR "))
}

fn to_contains(pattern: &str) -> String {
    format!("EXISTS (SELECT 1 FROM recipient r WHERE r.envelope = e.id AND r.address LIKE {pattern} ESCAPE '\\')")
}

/// The LIKE pattern for "contains".
fn pattern(word: &str) -> String {
    let mut pattern = String::with_capacity(word.len() + 2);
    pattern.push('%');
    for letter in word.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}
