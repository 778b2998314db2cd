//! Where passwords may be, and which lines they may go over.

use super::*;

#[test]
fn a_password_is_said_where_it_is_and_never_what_it_is() {
    let expected = [
        ("{ keyring = true }", SecretSource::Keyring),
        ("{ command = \"pass show x\" }", SecretSource::Command("pass show x".into())),
        ("{ env = \"NAME\" }", SecretSource::Env("NAME".into())),
        ("{ ask = true }", SecretSource::Ask),
    ];
    for (text, source) in expected {
        assert_eq!(server(&format!("user = \"u\"\npassword = {text}")).password, Some(source));
    }
    for value in ["\"hunter2\"", "[\"hunter2\"]", "{ env = \"hunter2=hunter2\" }", "{ command = [\"hunter2\"] }", "{}"]
    {
        let error = read(&server_text(&format!("user = \"u\"\npassword = {value}"))).unwrap_err();
        assert_eq!(error.problems.len(), 1, "{error}");
        assert_eq!(error.problems[0].line, 7);
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    wrong_server(
        "user = \"u\"\npassword = { keyring = false }",
        &[(7, "transport.outgoing.password.keyring", "must be true")],
    );
    wrong_server(
        "user = \"u\"\npassword = { keyring = true, ask = true }",
        &[(7, "transport.outgoing.password", "{ ask = true }")],
    );
    assert_eq!(server("auth = \"auto\"").user, None);
    wrong_server(
        "password = { ask = true }\nauth = \"plain\"",
        &[(6, "transport.outgoing.password", "without a user"), (7, "transport.outgoing.auth", "without a user")],
    );
}

#[test]
fn a_password_goes_over_an_open_line_only_when_the_profile_says_so() {
    let open = "user = \"u\"\nsecurity = \"none\"\n";
    wrong_server(open, &[(7, "transport.outgoing.security", "allow_plaintext = true")]);
    assert_eq!(server(&format!("{open}allow_plaintext = true")).security, Security::None);
    assert_eq!(server(&format!("{open}auth = \"none\"")).security, Security::None);
    assert_eq!(server("security = \"none\"").security, Security::None);
    for host in ["localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]", "mail.localhost", "LOCALHOST."] {
        let text = server_text(open).replace("smtp.example.org", host);
        assert!(read(&text).is_ok(), "{host}");
    }
    for host in ["localhost.example.org", "128.0.0.1", "notlocalhost", "::2"] {
        let text = server_text(open).replace("smtp.example.org", host);
        assert!(read(&text).is_err(), "{host}");
    }
}

#[test]
fn the_submission_port_asks_nobody() {
    let transport = "[[transport]]\nname = \"a\"\noutgoing.kind = \"folder\"\noutgoing.path = \"/x\"\n[submission]\n";
    let profile = read(&format!("{transport}port = 2525\nuser = \"ada\"\npassword = {{ env = \"PW\" }}\n"));
    let expected = SubmissionPort { port: 2525, user: "ada".to_owned(), password: SecretSource::Env("PW".to_owned()) };
    assert_eq!(profile.expect("a good profile").submission, Some(expected));
    wrong(
        &format!("{transport}port = 25\npassword = {{ ask = true }}\n"),
        &[(5, "submission.user", "is missing"), (6, "submission.port", "1024"), (7, "submission.password", "command")],
    );
}
