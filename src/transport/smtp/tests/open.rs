//! From the first byte to signed in.

use super::*;

fn tls() -> (TlsAcceptor, tempfile::NamedTempFile) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let server = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), made.cert.pem()).unwrap();
    (TlsAcceptor::from(Arc::new(server)), file)
}

#[tokio::test]
async fn starttls_and_login_lead_to_mail() {
    let (acceptor, ca) = tls();
    let plan = Plan::offering(&["STARTTLS", "PIPELINING", "CHUNKING", "AUTH PLAIN LOGIN"]);
    let server = Server::start_with_tls(plan, Some(acceptor)).await;
    let mut config = with_login(server.port);
    config.server.security = Security::StartTls;
    config.server.ca_file = Some(ca.path().to_owned());
    let (end, spooler) = flush(config.clone(), numbered(20)).await;
    assert_eq!(end, Ok(()));
    all_are(&spooler, 20, "sent");
    let commands = server.seen().commands[0].clone();
    let verbs: Vec<_> = commands.iter().take(5).map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(verbs, ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL"]);
    assert_eq!(commands[0], "EHLO [127.0.0.1]");
    let stages: Vec<_> = spooler.memory().stages.iter().map(|stage| format!("{stage:?}")).collect();
    assert_eq!(stages.join(" "), "Resolve Connect Greeting Tls Login Envelope Content Quit");

    let spooler = Spooler::new(Vec::new(), Offerings::Write);
    let found = SmtpTransport::new(config, false).validate_state(&spooler.support).await.unwrap();
    assert!(found.contains("signed in as ada with PLAIN over TLS; it offers PIPELINING CHUNKING"), "{found}");
}

#[tokio::test]
async fn starttls_is_never_done_without() {
    for (extensions, reaction, words) in [
        (&["PIPELINING"][..], None, "does not offer STARTTLS"),
        (&["STARTTLS"], Some(Reaction::Say("220 go\r\n250 slipped in")), "slipped in before TLS"),
        (&["STARTTLS"], Some(Reaction::Say("502 5.5.1 not now")), ""),
    ] {
        let mut plan = Plan::offering(extensions);
        plan = reaction.map_or(plan.clone(), |reaction| plan.on("STARTTLS", reaction));
        let server = Server::start(plan).await;
        let mut config = config(server.port);
        config.server.security = Security::StartTls;
        let (end, spooler) = flush(config, numbered(1)).await;
        let failure = end.unwrap_err();
        assert_eq!((failure.class, failure.stage), (Class::Trust, Stage::Tls), "{failure}");
        assert!(failure.what.contains(words), "{failure}");
        all_are(&spooler, 1, "returned");
    }
}

#[tokio::test]
async fn a_refused_login_ends_the_phase_and_returns_the_mail() {
    for (extensions, reaction, class) in [
        (&["AUTH PLAIN"][..], Some(Reaction::Say("535 5.7.8 wrong password")), Class::Login),
        (&["AUTH PLAIN"], Some(Reaction::Say("454 4.7.0 try later")), Class::Transient),
        (&["AUTH GSSAPI"], None, Class::Configuration),
        (&[], None, Class::Configuration),
    ] {
        let mut plan = Plan::offering(extensions);
        plan = reaction.map_or(plan.clone(), |reaction| plan.on("AUTH", reaction));
        let server = Server::start(plan).await;
        let (end, spooler) = flush(with_login(server.port), numbered(2)).await;
        assert_eq!(end.unwrap_err().class, class);
        all_are(&spooler, 2, "returned");
    }
    let server = Server::start(Plan::offering(STREAM).on("MAIL", Reaction::Say("530 5.7.0 sign in first"))).await;
    let (end, spooler) = flush(config(server.port), numbered(2)).await;
    assert_eq!(end.unwrap_err().class, Class::Login);
    all_are(&spooler, 2, "returned");
}
