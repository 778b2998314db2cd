//! Planted passwords, and where they must not be: in anything printed, anything written, in the arguments or the
//! environment of any program that is started, in a core dump.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mailsluice::demo::{Point, Provider, Trouble};

use crate::support::Harness;
use crate::support::provider::{PATIENCE, SECRET, USER, letter, provider, sender};

/// Not the right one.
const WRONG: &str = "wrong-but-secret-0815";

/// Every file below a folder that contains these bytes, in name or content.
pub(super) fn files_with(folder: &Path, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_with(&path, needle));
            continue;
        }
        // A socket has no content.
        let content = std::fs::read(&path).unwrap_or_default();
        if contains(&content, needle) || contains(path.display().to_string().as_bytes(), needle) {
            found.push(path.display().to_string());
        }
    }
    found
}

pub(super) fn contains(content: &[u8], needle: &str) -> bool {
    content.windows(needle.len()).any(|window| window == needle.as_bytes())
}

/// The password, and what signing in makes of it.
fn forms(planted: &str) -> Vec<String> {
    let signing_in = [format!("\0{USER}\0{planted}"), format!("{USER}\0{USER}\0{planted}"), planted.to_owned()];
    let encoded = signing_in.iter().map(|text| BASE64.encode(text).trim_end_matches('=').to_owned());
    let hex = planted.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    encoded.chain([planted.to_owned(), hex]).collect()
}

fn is_nowhere(harness: &Harness, planted: &str) {
    for needle in forms(planted) {
        let found = files_with(&harness.path(""), &needle);
        assert!(found.is_empty(), "{found:?}");
    }
}

/// A transport that signs in for both directions in this way, with a password from here.
fn signs_in(provider: &Provider, (name, auth): (&str, &str), kind: &str, password: &str) -> String {
    let (smtp, imap, pop3) = (provider.smtp_addr(), provider.imap_addr(), provider.pop3_addr());
    let incoming = if kind == "imap" { imap } else { pop3 }.port();
    let half = |half: &str, kind: &str, auth: &str, port: u16| {
        format!(
            "[transport.{half}]\nkind = \"{kind}\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\n\
             auth = \"{auth}\"\nuser = \"{USER}\"\npassword = {password}\n"
        )
    };
    format!(
        "[[transport]]\nname = \"{name}\"\n{}{}",
        half("outgoing", "smtp", auth, smtp.port()),
        half("incoming", kind, auth, incoming)
    )
}

/// A command as loud as it gets, with the password in its environment.
fn loud(harness: &Harness, planted: &str, arguments: &[&str]) -> Command {
    let mut command = harness.command();
    command.args(arguments).env("PLANTED", planted).env("MAILSLUICE_TRANSCRIPT", "1");
    command.env("RUST_LOG", "trace").env("TMPDIR", harness.path("home")).stdin(Stdio::null());
    command
}

/// Runs it, and looks through what it says.
fn run(harness: &Harness, planted: &str, arguments: &[&str]) -> Output {
    let output = loud(harness, planted, arguments).output().expect("the program");
    for needle in forms(planted) {
        assert!(!contains(&output.stdout, &needle), "{arguments:?} printed it");
        assert!(!contains(&output.stderr, &needle), "{arguments:?} complained with it");
    }
    output
}

/// All commands, with a password from a command and from the environment, right and wrong, by each way of signing in.
#[test]
fn secrets_are_never_printed_nor_written() {
    for (planted, right) in [(SECRET, true), (WRONG, false)] {
        let provider = provider(vec![letter("in", "ada@example.org", 100)]);
        let harness = Harness::new("");
        let kept = harness.write("kept", planted);
        let by_command = format!("{{ command = \"cat {}\" }}", kept.display());
        let by_name = "{ env = \"PLANTED\" }";
        let profile = signs_in(&provider, ("plain-imap", "plain"), "imap", &by_command)
            + &signs_in(&provider, ("plain-pop3", "plain"), "pop3", by_name)
            + &signs_in(&provider, ("login-imap", "login"), "imap", by_name)
            + &signs_in(&provider, ("login-pop3", "login"), "pop3", &by_command);
        harness.write("profile/profile.toml", profile);
        for transport in ["plain-imap", "plain-pop3", "login-imap", "login-pop3"] {
            let file = harness.write("out.eml", letter(transport, "ann@example.net", 100));
            let file = file.display().to_string();
            run(&harness, planted, &["submit", "--transport", transport, &file]);
        }
        let mut sendmail = loud(&harness, planted, &["sendmail", "-i", "ann@example.net"]);
        let sent = sendmail.stdin(std::fs::File::open(harness.path("out.eml")).expect("a message")).output();
        assert!(sent.expect("the program").status.success());
        let configuration =
            format!("account a\nhost smtp.example.org\nfrom a@example.org\nuser a\npassword {planted}\n");
        let configuration = harness.write("msmtprc", configuration);
        run(&harness, planted, &["import", "msmtp", &configuration.display().to_string()]);
        std::fs::remove_file(&configuration).expect("what was planted");
        let imported = std::fs::read_to_string(harness.profile().join("profile.toml")).expect("the profile");
        assert!(imported.contains("smtp.example.org"), "{imported}");

        while_it_sends(&provider, &harness, planted, right);
        for arguments in [
            &["flush", "--json", "--transport", "plain-imap", "--transport", "login-pop3"][..],
            &["flush", "--no-ui", "--transport", "plain-pop3", "--transport", "login-imap"],
            &["status", "--json"],
            &["status"],
            &["doctor"],
            &["queue", "list", "--json", "state:sent state:queued state:deferred"],
            &["queue", "show", "--where", "from:ada"],
            &["queue", "export", "--into", "exported", "--where", "from:ada"],
        ] {
            let output = run(&harness, planted, arguments);
            if arguments.contains(&"flush") {
                assert_eq!(output.status.code(), Some(if right { 0 } else { 77 }), "{arguments:?} {output:?}");
            }
        }
        std::fs::remove_file(&kept).expect("what was planted");
        let log = std::fs::read_to_string(harness.profile().join("log/mailsluice.log")).expect("a log");
        assert!(log.contains("AUTH PLAIN, "), "the transcript was written: {log}");
        is_nowhere(&harness, planted);
    }
}

/// While a flush has the spool open, its write-ahead log is there to be looked through as well. It dies of that.
fn while_it_sends(provider: &Provider, harness: &Harness, planted: &str, right: bool) {
    let (point, kept) = (if right { Point::FinalReply } else { Point::Greeting }, harness.path("kept"));
    let disturbance = provider.disturb(point, Trouble::Stall);
    let mut child = loud(harness, planted, &["flush", "--send", "--no-ui", "--transport", "plain-imap"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    assert!(disturbance.wait_reached(1, PATIENCE));
    assert!(std::fs::metadata(harness.profile().join("spool.db-wal")).is_ok_and(|file| file.len() > 0));
    child.kill().expect("a child of ours");
    child.wait().expect("a child of ours");
    is_nowhere_but(harness, planted, &kept);
}

/// The same, while what was planted still lies there.
fn is_nowhere_but(harness: &Harness, planted: &str, kept: &Path) {
    for needle in forms(planted) {
        let found = files_with(&harness.path(""), &needle);
        assert!(found.iter().all(|file| Path::new(file) == kept), "{found:?}");
    }
}

/// Tells of itself and of who started it, in a file of its own.
const LOOK: &str = r#"
for process in $$ $PPID; do
    tr '\0' '\n' < /proc/$process/cmdline
    grep 'core file' /proc/$process/limits
done > "$1.$$"
tr '\0' '\n' < /proc/$$/environ >> "$1.$$"
cat > /dev/null
"#;

#[test]
fn programs_that_are_started_get_no_secret_and_no_core_is_dumped() {
    let provider = provider(vec![letter("in", "ada@example.org", 100)]);
    let harness = Harness::new("");
    let look = harness.write("look.sh", LOOK).display().to_string();
    let kept = harness.write("kept", SECRET);
    std::fs::create_dir(harness.path("saw")).expect("a folder");
    let saw = |name: &str| harness.path("saw").join(name).display().to_string();
    let by_command = format!("sh {look} {} < /dev/null; cat {}", saw("password"), kept.display());
    let sends = sender("out", provider.smtp_addr().port(), "*").replacen(
        "[transport.outgoing]",
        &format!(
            "connect = {{ up = \"sh {look} {}\", down = \"sh {look} {}\" }}\n[transport.outgoing]",
            saw("up"),
            saw("down")
        ),
        1,
    );
    let profile = format!(
        "{sends}user = \"{USER}\"\nauth = \"plain\"\npassword = {{ env = \"PLANTED\" }}\n\
         [transport.incoming]\nkind = \"imap\"\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nuser = \"{USER}\"\n\
         auth = \"plain\"\npassword = {{ command = \"{by_command}\" }}\n\
         deliver = {{ command = [\"sh\", \"{look}\", \"{}\"] }}\n\
         [[transport]]\nname = \"program\"\n[transport.outgoing]\nkind = \"pipe\"\ncommand = [\"sh\", \"{look}\", \"{}\"]\n",
        provider.imap_addr().port(),
        saw("deliver"),
        saw("pipe"),
    );
    harness.write("profile/profile.toml", profile);
    for transport in ["out", "program"] {
        let file = harness.write("out.eml", letter(transport, "ann@example.net", 100)).display().to_string();
        harness.run(&["submit", "--transport", transport, &file]).expect_code(0);
    }
    // Cores as large as they may be, until the program itself says otherwise.
    let program = loud(&harness, SECRET, &["flush", "--no-ui"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -S -c \"$(ulimit -H -c)\"; exec \"$0\" \"$@\""]);
    shell.arg(program.get_program()).args(program.get_args()).current_dir(harness.path("")).env_clear();
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?)))).stdin(Stdio::null());
    let output = shell.output().expect("the program");
    assert_eq!(output.status.code(), Some(0), "{output:?}");

    std::fs::remove_file(&kept).expect("what was planted");
    let mut told: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(harness.path("saw")).expect("a folder") {
        let file = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&file).expect("a text");
        let limits: Vec<&str> = text.lines().filter(|line| line.starts_with("Max core file")).collect();
        assert_eq!(limits.len(), 2, "{text}");
        for limit in limits {
            let soft = limit.split_whitespace().nth(4);
            assert!(soft == Some("0") || soft == Some("1"), "{limit}");
        }
        // It had an environment to look at.
        assert!(text.contains("MAILSLUICE_TRANSCRIPT=1"), "{text}");
        told.push(file.file_stem().expect("a name").display().to_string());
    }
    told.sort();
    told.dedup();
    assert_eq!(told, ["deliver", "down", "password", "pipe", "up"]);
    is_nowhere(&harness, SECRET);
}
