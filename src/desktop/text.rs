//! The window's words, in the person's language: Fluent messages from `assets/locales`, and numbers, sizes and times as
//! that language writes them.
//!
//! A message that is missing shows as its identifier: a test sees to it that none is.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::spool::Seconds;

/// The languages the window speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    English,
    /// French.
    French,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::English, Self::French];

    /// Its tag (BCP 47).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    const fn source(self) -> &'static str {
        match self {
            Self::English => include_str!("../../assets/locales/en.ftl"),
            Self::French => include_str!("../../assets/locales/fr.ftl"),
        }
    }

    const fn decimal_point(self) -> char {
        match self {
            Self::English => '.',
            Self::French => ',',
        }
    }

    /// Between thousands: a comma; a narrow space that does not break.
    const fn group(self) -> char {
        match self {
            Self::English => ',',
            Self::French => '\u{202F}',
        }
    }

    /// The language of a locale such as `fr_CA.UTF-8`; English for those the window doesn't speak.
    pub fn of_locale(locale: &str) -> Self {
        let code = locale.split(['_', '-', '.', '@']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.tag() == code).unwrap_or(Self::English)
    }

    /// The language of the environment: `LC_ALL`, `LC_MESSAGES`, `LANG`, in this order (locale(7)).
    pub fn of_environment() -> Self {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
        Self::of_locale(&locale.unwrap_or_default())
    }
}

/// The window's words in one language.
pub struct Text {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Text").field("language", &self.language).finish_non_exhaustive()
    }
}

impl Text {
    /// The words in this language.
    pub fn new(language: Language) -> Self {
        let locale = language.tag().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new(vec![locale]);
        bundle.set_use_isolating(false);
        bundle.set_formatter(Some(match language {
            Language::English => |value, _| grouped(value, Language::English),
            Language::French => |value, _| grouped(value, Language::French),
        }));
        let resource = FluentResource::try_new(language.source().to_owned()).unwrap_or_else(|(partial, errors)| {
            tracing::error!(?errors, "the words of {language:?} are damaged");
            partial
        });
        if let Err(errors) = bundle.add_resource(resource) {
            tracing::error!(?errors, "words of {language:?} stand twice");
        }
        Self { language, bundle }
    }

    /// Its language.
    pub const fn language(&self) -> Language {
        self.language
    }

    /// A message without variables.
    pub fn get(&self, id: &str) -> String {
        self.fmt(id, &[])
    }

    /// A message with variables.
    pub fn fmt(&self, id: &str, variables: &[(&'static str, FluentValue<'_>)]) -> String {
        self.find(id, None, variables).unwrap_or_else(|| id.to_owned())
    }

    /// The tooltip of an action: the `tip` of its message.
    pub fn tip(&self, id: &str) -> String {
        self.find(id, Some("tip"), &[]).unwrap_or_default()
    }

    fn find(&self, id: &str, attribute: Option<&str>, variables: &[(&'static str, FluentValue<'_>)]) -> Option<String> {
        let message = self.bundle.get_message(id)?;
        let pattern = match attribute {
            Some(attribute) => message.get_attribute(attribute)?.value(),
            None => message.value()?,
        };
        let mut arguments = FluentArgs::with_capacity(variables.len());
        for (name, value) in variables {
            arguments.set(*name, value.clone());
        }
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, Some(&arguments), &mut errors).into_owned();
        debug_assert!(errors.is_empty(), "{text}: {errors:?}");
        Some(text)
    }

    /// A whole number, its thousands apart.
    pub fn number(&self, number: i64) -> String {
        group(number, self.language)
    }

    /// A size: two or three figures and a unit.
    pub fn size(&self, bytes: u64) -> String {
        const UNITS: [(&str, u64); 3] = [("size-gb", 1_000_000_000), ("size-mb", 1_000_000), ("size-kb", 1_000)];
        let Some((id, unit)) = UNITS.into_iter().find(|(_, unit)| bytes >= *unit) else {
            return self.fmt("size-b", &[("n", count(bytes))]);
        };
        let (whole, tenth) = (bytes / unit, bytes % unit * 10 / unit);
        let figures = if whole < 10 {
            format!("{whole}{}{tenth}", self.language.decimal_point())
        } else {
            self.number(whole.cast_signed())
        };
        self.fmt(id, &[("n", figures.into())])
    }

    /// A size each second.
    pub fn rate(&self, bytes: u64) -> String {
        self.fmt("rate", &[("size", self.size(bytes).into())])
    }

    /// How long, roughly: "3 min".
    pub fn age(&self, seconds: Seconds) -> String {
        let (id, n) = match seconds {
            ..60 => ("age-now", 0),
            60..3_600 => ("age-min", seconds / 60),
            3_600..86_400 => ("age-hour", seconds / 3_600),
            _ => ("age-day", seconds / 86_400),
        };
        self.fmt(id, &[("n", n.into())])
    }

    /// How long, to the second while it is short: "40 s".
    pub fn span(&self, seconds: Seconds) -> String {
        if seconds < 90 { self.fmt("span-s", &[("n", seconds.max(0).into())]) } else { self.age(seconds) }
    }

    /// A time that has passed: "3 min ago".
    pub fn ago(&self, then: Seconds, now: Seconds) -> String {
        match now - then {
            ..60 => self.get("ago-now"),
            passed => self.fmt("ago", &[("age", self.age(passed).into())]),
        }
    }

    /// A time to come: "in 3 min".
    pub fn until(&self, then: Seconds, now: Seconds) -> String {
        match then - now {
            ..1 => self.get("in-now"),
            left => self.fmt("in-time", &[("age", self.span(left).into())]),
        }
    }

    /// The exact time, in the machine's time zone.
    pub fn time(&self, at: Seconds) -> String {
        let Ok(stamp) = Timestamp::from_second(at) else { return self.number(at) };
        let format = match self.language {
            Language::English => "%Y-%m-%d %H:%M:%S",
            Language::French => "%d/%m/%Y %H:%M:%S",
        };
        stamp.to_zoned(TimeZone::system()).strftime(format).to_string()
    }

    /// The time of day, in the machine's time zone.
    pub fn time_of_day(&self, at: Seconds) -> String {
        match Timestamp::from_second(at) {
            Ok(stamp) => stamp.to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string(),
            Err(_) => self.number(at),
        }
    }

    /// The time of day to the minute, in the machine's time zone.
    pub fn hour_and_minute(&self, at: Seconds) -> String {
        match Timestamp::from_second(at) {
            Ok(stamp) => stamp.to_zoned(TimeZone::system()).strftime("%H:%M").to_string(),
            Err(_) => self.number(at),
        }
    }

    /// Two or more things in a row.
    pub fn dotted(&self, parts: impl IntoIterator<Item = String>) -> String {
        parts
            .into_iter()
            .filter(|part| !part.is_empty())
            .reduce(|a, b| self.fmt("list-dot", &[("a", a.into()), ("b", b.into())]))
            .unwrap_or_default()
    }
}

/// A count as a variable: it chooses the plural and is shown with its thousands apart.
pub fn count<'a>(number: u64) -> FluentValue<'a> {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

fn grouped(value: &FluentValue<'_>, language: Language) -> Option<String> {
    match value {
        FluentValue::Number(number) if number.value.fract() == 0.0 => {
            #[expect(clippy::cast_possible_truncation, reason = "a whole number; `as` saturates")]
            let whole = number.value as i64;
            Some(group(whole, language))
        }
        _ => None,
    }
}

fn group(number: i64, language: Language) -> String {
    let figures = number.unsigned_abs().to_string();
    let mut text: Cow<'_, str> = figures.as_str().into();
    if figures.len() > 3 {
        let mut spread = String::new();
        for (place, figure) in figures.chars().enumerate() {
            if place > 0 && (figures.len() - place).is_multiple_of(3) {
                spread.push(language.group());
            }
            spread.push(figure);
        }
        text = spread.into();
    }
    if number < 0 { format!("\u{2212}{text}") } else { text.into_owned() }
}
