//! The words: both languages have the same, and every one that the code names is there.

use std::collections::BTreeSet;
use std::path::Path;

use mailsluice::desktop::action::TABLE;
use mailsluice::desktop::text::{Language, Text};

/// The identifiers of a file of messages; attributes as `message.attribute`.
fn ids(language: Language) -> BTreeSet<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("assets/locales/{}.ftl", language.tag()));
    let text = std::fs::read_to_string(file).expect("the messages");
    let mut ids = BTreeSet::new();
    let mut message = String::new();
    for line in text.lines() {
        let Some((name, _)) = line.split_once('=') else { continue };
        if let Some(attribute) = line.strip_prefix("    .") {
            let attribute = attribute.split('=').next().unwrap_or_default().trim();
            ids.insert(format!("{message}.{attribute}"));
        } else if !line.starts_with([' ', '#', '*', '[', '}']) {
            name.trim().clone_into(&mut message);
            assert!(ids.insert(message.clone()), "{message} stands twice");
        }
    }
    ids
}

fn sources(folder: &Path, found: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push_str(&std::fs::read_to_string(&path).expect("a source file"));
        }
    }
}

fn code() -> String {
    let mut code = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/desktop"), &mut code);
    code
}

#[test]
fn both_languages_have_the_same_words() {
    let (english, french) = (ids(Language::English), ids(Language::French));
    let only_english: Vec<_> = english.difference(&french).collect();
    let only_french: Vec<_> = french.difference(&english).collect();
    assert!(only_english.is_empty() && only_french.is_empty(), "{only_english:?} {only_french:?}");
}

#[test]
fn every_word_that_the_code_names_is_there_and_every_word_there_is_named() {
    let (ids, code) = (ids(Language::English), code());
    let prefixes: BTreeSet<&str> = ids.iter().filter_map(|id| id.split('-').next()).collect();
    let quoted = code.split('"').skip(1).step_by(1).filter(|text| {
        text.len() < 40
            && text.contains('-')
            && text.chars().all(|letter| letter.is_ascii_lowercase() || "-_".contains(letter))
    });
    // What is put together from parts: stages and states.
    let made = |id: &str| id.starts_with("stage-") || id.starts_with("state-");
    let ours = ["status-table", "queue-list", "log-list", "properties-list", "no-ui", "inter-semibold"];
    for text in quoted.filter(|text| prefixes.contains(text.split('-').next().unwrap_or_default())) {
        let is_part = text.ends_with('-') || ours.contains(&text);
        assert!(is_part || ids.contains(text), "{text} is no message");
    }
    for id in &ids {
        let message = id.split('.').next().unwrap_or_default();
        assert!(made(message) || code.contains(&format!("\"{message}\"")), "nothing says {id}");
    }
}

#[test]
fn every_action_has_a_word_and_a_tip_in_both_languages() {
    for language in Language::ALL {
        let text = Text::new(language);
        for entry in TABLE {
            assert_ne!(text.get(entry.id), entry.id, "{language:?}");
            assert!(!text.tip(entry.id).is_empty(), "{} in {language:?}", entry.id);
        }
    }
}

#[test]
fn stages_and_states_have_words() {
    use mailsluice::mapi::{QueueState, Stage};
    for language in Language::ALL {
        let text = Text::new(language);
        for state in QueueState::ALL {
            let id = format!("state-{}", state.word());
            assert_ne!(text.get(&id), id);
        }
        for stage in [
            Stage::Queue,
            Stage::Bring,
            Stage::Resolve,
            Stage::Connect,
            Stage::Tls,
            Stage::Greeting,
            Stage::Login,
            Stage::Envelope,
            Stage::Content,
            Stage::Reply,
            Stage::List,
            Stage::Fetch,
            Stage::Deliver,
            Stage::Delete,
            Stage::Quit,
            Stage::Store,
            Stage::Program,
        ] {
            let word = serde_json::to_value(stage).expect("a word");
            let id = format!("stage-{}", word.as_str().expect("a word").replace('_', "-"));
            assert_ne!(text.get(&id), id);
        }
    }
}

#[test]
fn numbers_sizes_and_times_are_written_as_the_language_has_them() {
    let (english, french) = (Text::new(Language::English), Text::new(Language::French));
    assert_eq!(english.number(1_234_567), "1,234,567");
    assert_eq!(french.number(1_234_567), "1\u{202F}234\u{202F}567");
    assert_eq!(english.number(-1_000), "\u{2212}1,000");
    for (bytes, in_english, in_french) in [
        (0, "0 B", "0 o"),
        (999, "999 B", "999 o"),
        (1_000, "1.0 kB", "1,0 ko"),
        (3_440_000, "3.4 MB", "3,4 Mo"),
        (34_869_000, "34 MB", "34 Mo"),
        (u64::MAX, "18,446,744,073 GB", "18\u{202F}446\u{202F}744\u{202F}073 Go"),
    ] {
        assert_eq!((english.size(bytes).as_str(), french.size(bytes).as_str()), (in_english, in_french));
    }
    assert_eq!(english.age(59), "just now");
    assert_eq!(english.age(-5), "just now");
    assert_eq!(english.age(60), "1 min");
    assert_eq!(english.age(86_400), "1 day");
    assert_eq!(english.age(172_800), "2 days");
    assert_eq!(french.age(86_400), "1 jour");
    assert_eq!(english.ago(0, 240), "4 min ago");
    assert_eq!(english.until(240, 200), "in 40 s");
    assert_eq!(english.until(200, 240), "now");
}

#[test]
fn plurals_are_right_in_both_languages() {
    let (english, french) = (Text::new(Language::English), Text::new(Language::French));
    let said = |text: &Text, n: u64| text.fmt("did-hold", &[("n", mailsluice::desktop::text::count(n))]);
    assert_eq!(said(&english, 1), "1 message held");
    assert_eq!(said(&english, 0), "0 messages held");
    assert_eq!(said(&english, 2_000), "2,000 messages held");
    // French counts nothing as one.
    assert_eq!(said(&french, 0), "0 message retenu");
    assert_eq!(said(&french, 1), "1 message retenu");
    assert_eq!(said(&french, 2), "2 messages retenus");
}

#[test]
fn the_language_is_the_environments() {
    for (locale, language) in [
        ("fr_CA.UTF-8", Language::French),
        ("fr", Language::French),
        ("en_GB", Language::English),
        ("C", Language::English),
        ("de_DE.UTF-8", Language::English),
        ("", Language::English),
    ] {
        assert_eq!(Language::of_locale(locale), language, "{locale}");
    }
}
