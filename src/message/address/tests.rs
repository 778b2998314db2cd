//! What is an address, what is none, and what a pattern takes.

use super::*;
use proptest::prelude::*;

#[test]
fn addresses() {
    for good in [
        "ann@example.org",
        "ann+list=x@example.org",
        "o'neil@example.org",
        "Ann.Lee@EXAMPLE.org",
        "\"ann\\\"lee\"@example.org",
        "\"a@b\"@example.org",
        "ann@[192.0.2.1]",
        "ann@[IPv6:2001:db8::1]",
        "dömäne@exämple.org",
        "ann.@docomo.example",
        "a..b@docomo.example",
        "ann@localhost",
        "ann@under_score.example",
        "root",
    ] {
        assert_eq!(recipient(good).as_deref(), Ok(good));
        assert_eq!(recipient(&format!(" <{good}> ")).as_deref(), Ok(good));
    }
    assert!(recipient(&format!("{}@{}", "x".repeat(64), "example.org")).is_ok());
}

#[test]
fn no_addresses() {
    for bad in [
        "",
        "<>",
        "@",
        "ann@",
        "@example.org",
        "ann lee@example.org",
        "\"ann lee\"@example.org",
        "ann@example.org>",
        "<ann@example.org",
        "ann@example.org> SIZE=1",
        "ann@example.org\r\nRCPT TO:<eve@example.org>",
        "ann\n@example.org",
        "ann@exa\0mple.org",
        "ann@example.org\u{85}x",
        "ann@\u{202E}gro.elpmaxe",
        "a\u{200B}nn@example.org",
        "ann@example..org",
        "ann@.example.org",
        "ann@example.org.",
        "ann@-example.org",
        "ann@exam ple.org",
        "ann@[192.0.2]",
        "ann@[evil]",
        "ann(comment)@example.org",
        "ann,lee@example.org",
        "ann;@example.org",
        "\"ann@example.org",
        "\"ann\\\"@example.org",
        "...@example.org",
        "two words",
    ] {
        assert!(recipient(bad).is_err(), "{bad:?} passed");
    }
    assert!(recipient(&format!("{}@example.org", "x".repeat(400))).is_err());
    assert!(recipient(&format!("ann@{}.org", "x".repeat(64))).is_err());
}

#[test]
fn errors_show_nothing_that_disturbs_a_screen() {
    let error = recipient("ann@example.org\r\n\u{1b}[2JRCPT").unwrap_err();
    assert!(!error.to_string().contains(char::is_control), "{error:?}");
}

#[test]
fn senders() {
    assert_eq!(sender("<>").as_deref(), Ok(""));
    assert_eq!(sender("").as_deref(), Ok(""));
    assert_eq!(sender("<ann@example.org>").as_deref(), Ok("ann@example.org"));
    assert!(sender("ann lee").is_err());
}

#[test]
fn patterns() {
    for (pattern, address, expected) in [
        ("*", "ann@example.org", true),
        ("*", "root", true),
        ("@example.org", "ann@example.org", true),
        ("@example.org", "ann@EXAMPLE.ORG", true),
        ("@example.org", "ann@sub.example.org", false),
        ("@example.org", "ann@badexample.org", false),
        ("*@example.org", "ann@example.org", true),
        ("*@example.org", "ann@example.net", false),
        ("ann@example.org", "Ann@Example.org", true),
        ("ann@example.org", "joann@example.org", false),
        ("*@*.example.org", "ann@sub.example.org", true),
        ("*@*.example.org", "ann@example.org", false),
        ("*.example.org", "ann@a.b.example.org", true),
        ("example.org", "ann@example.org", true),
        ("list-*@example.org", "list-rust@example.org", true),
        ("list-*@example.org", "ann@example.org", false),
        ("*@example.org", "root", false),
        ("*@example.org", "\"x@evil.net\"@example.org", true),
        ("@example.org", "ann@example.org.evil.net", false),
        ("*@bücher.example", "ann@BÜCHER.example", true),
    ] {
        assert_eq!(matches(pattern, address), expected, "{pattern} and {address}");
    }
}

#[test]
fn patterns_are_checked() {
    for good in ["*", "@example.org", "*@example.org", "ann@example.org", "*@*.example.org", "*.example.org"] {
        assert_eq!(check_pattern(good), Ok(()), "{good}");
    }
    for bad in ["", "ann@", "two words", "a@b@c d", "@ex ample.org", "@.org"] {
        assert!(check_pattern(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_star_looks_back_in_bounded_time() {
    let (pattern, text) = (format!("{}b", "a*".repeat(100)), "a".repeat(5_000));
    assert!(!glob(&pattern, &text));
}

#[test]
fn names_with_addresses() {
    let pair = |name: &str, address: &str| Ok((name.to_owned(), address.to_owned()));
    assert_eq!(named("Ada Lovelace <ada@example.org>"), pair("Ada Lovelace", "ada@example.org"));
    assert_eq!(named("\"Lovelace, \\\"Ada\\\"\" <ada@example.org>"), pair("Lovelace, \"Ada\"", "ada@example.org"));
    assert_eq!(named("ada@example.org"), pair("", "ada@example.org"));
    assert_eq!(named("<ada@example.org>"), pair("", "ada@example.org"));
    assert!(named("Ada Lovelace").is_err());
    assert!(named("ada").is_err());
    assert!(named("Ada\r\nBcc: eve@example.org <ada@example.org>").is_err());
}

#[test]
fn domains() {
    assert_eq!(domain("ann@example.org"), Some("example.org"));
    assert_eq!(domain("root"), None);
    assert_eq!(domain("ann@[192.0.2.1]"), None);
}

proptest! {
    #[test]
    fn what_passes_cannot_end_a_line_a_word_or_a_path(text in any::<String>()) {
        if let Ok(address) = recipient(&text) {
            prop_assert!(!address.contains(|letter: char| letter.is_whitespace() || letter.is_control()));
            prop_assert!(!address.contains(['<', '>']));
            prop_assert!(matches("*", &address));
            prop_assert!(same(&address, &address));
        }
    }

    #[test]
    fn plain_addresses_pass_and_match_themselves(text in "[a-z0-9.+_-]{0,20}[a-z][a-z0-9]{0,8}@([a-z][a-z0-9]{0,9}\\.){1,3}[a-z]{2,6}") {
        prop_assert_eq!(recipient(&text), Ok(text.clone()));
        prop_assert!(matches(&text.to_uppercase(), &text));
        prop_assert_eq!(check_pattern(&text), Ok(()));
    }
}
