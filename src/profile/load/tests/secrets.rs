//! Where passwords may be, and which lines they may go over.

use super::*;
use crate::profile::Flow;

#[test]
fn a_password_is_said_where_it_is_and_never_what_it_is() {
    let expected = [
        ("{ keyring = true }", SecretSource::Keyring),
        ("{ command = \"pass show x\" }", SecretSource::Command("pass show x".into())),
        ("{ env = \"NAME\" }", SecretSource::Env("NAME".into())),
        ("{ ask = true }", SecretSource::Ask),
    ];
    for (text, source) in expected {
        assert_eq!(server(&format!("user = \"u\"\npassword = {text}")).credential, Some(Credential::Password(source)));
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

#[test]
fn tokens_come_from_a_provider_by_name_or_by_its_addresses() {
    let of = |lines: &str| match server(&format!("user = \"ada\"\n{lines}")) {
        ServerConfig { credential: Some(Credential::Token(oauth)), auth, .. } => (*oauth, auth),
        other => panic!("{other:?}"),
    };
    let (google, auth) = of("oauth = { provider = \"google\", client_id = \"me\" }");
    assert_eq!((auth, google.host().as_str()), (AuthChoice::Token, "oauth2.googleapis.com"));
    let Flow::Browser { authorize_url, redirect } = &google.flow else { panic!("{google:?}") };
    assert!(authorize_url.starts_with("https://accounts.google.com/") && authorize_url.contains("access_type=offline"));
    assert_eq!((redirect.host.as_str(), redirect.port, redirect.path.as_str()), ("127.0.0.1", 0, ""));
    let (microsoft, auth) =
        of("oauth = { provider = \"microsoft\", client_id = \"me\", flow = \"device\" }\nauth = \"xoauth2\"");
    assert_eq!(auth, AuthChoice::XOAuth2);
    assert!(matches!(&microsoft.flow, Flow::Device { device_url } if device_url.ends_with("/devicecode")));
    assert!(microsoft.scopes.contains(&"offline_access".to_owned()));
    let (own, _) = of("oauth = { client_id = \"me\", client_secret = { env = \"S\" }, scopes = [\"mail\"], \
         authorize_url = \"https://id.example.org/a\", token_url = \"https://id.example.org/t\", \
         redirect_url = \"http://localhost:8400/back\" }");
    assert_eq!(own.client_secret, Some(SecretSource::Env("S".to_owned())));
    let Flow::Browser { redirect, .. } = &own.flow else { panic!("{own:?}") };
    assert_eq!((redirect.host.as_str(), redirect.port, redirect.path.as_str()), ("localhost", 8400, "/back"));
    assert_eq!(own.account("ada"), "ada at https://id.example.org/t for me, mail");
}

#[test]
fn what_is_wrong_with_a_provider_is_said_without_its_secrets() {
    let key = |key: &str| format!("transport.outgoing.{key}");
    let check = |lines: &str, expected: &[(&str, &str)]| {
        let lines = format!("user = \"ada\"\n{lines}");
        let keys: Vec<String> = expected.iter().map(|(name, _)| key(name)).collect();
        let expected: Vec<_> = expected.iter().zip(&keys).map(|((_, part), key)| (7, key.as_str(), *part)).collect();
        wrong_server(&lines, &expected);
    };
    check("oauth = { provider = \"google\" }", &[("oauth.client_id", "registered")]);
    check("oauth = { provider = \"google\", client_id = \"me\", flow = \"device\" }", &[("oauth.flow", "browser")]);
    check(
        "oauth = { client_id = \"me\", authorize_url = \"http://id.example.org/\", token_url = \"https://id.example.org\" }",
        &[("oauth.authorize_url", "https://")],
    );
    check(
        "oauth = { client_id = \"me\", provider = \"google\", redirect_url = \"https://example.org/\" }",
        &[("oauth.redirect_url", "on this machine")],
    );
    check(
        "oauth = { client_id = \"me\", provider = \"google\", client_secret = { ask = true } }",
        &[("oauth.client_secret", "nobody is there")],
    );
    check(
        "oauth = { client_id = \"me\" }",
        &[("oauth.token_url", "provider = \"google\""), ("oauth.authorize_url", "provider = \"google\"")],
    );
    check("oauth = { provider = \"gogle\", client_id = \"me\" }", &[("oauth.provider", "google")]);
    let hidden = read(&server_text("user = \"ada\"\noauth = { client_id = \"me\", client_secret = \"hunter2\" }"));
    assert!(!hidden.unwrap_err().to_string().contains("hunter2"));
    wrong_server(
        "user = \"ada\"\npassword = { ask = true }\noauth = { provider = \"google\", client_id = \"me\" }\nauth = \"plain\"",
        &[(7, "transport.outgoing.password", "beside oauth"), (9, "transport.outgoing.auth", "xoauth2")],
    );
    wrong_server(
        "oauth = { provider = \"google\", client_id = \"me\" }",
        &[(6, "transport.outgoing.oauth", "without a user")],
    );
}
