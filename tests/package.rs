//! What the Debian package holds: made by its script of the program under test, and looked into with dpkg's own tools.

#![expect(clippy::expect_used, reason = "tests")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The package, and what was in it, unpacked.
struct Package {
    file: PathBuf,
    folder: TempDir,
}

impl Package {
    /// Makes it; `None`, loudly, where there is no dpkg. Panics if CI is set.
    fn make() -> Option<Self> {
        if !has("dpkg-deb") {
            assert!(std::env::var_os("CI").is_none(), "dpkg-deb is needed here");
            eprintln!("SKIPPED: this test needs dpkg-deb, which Debian and its children have");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let mut script = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/deb"));
        script.arg(env!("CARGO_BIN_EXE_mailsluice")).arg(folder.path()).env("DEB_ZIP", "none");
        let file = PathBuf::from(text(script.output().expect("a shell")).trim());
        text(Command::new("dpkg-deb").arg("-x").args([&file, folder.path()]).output().expect("dpkg-deb"));
        Some(Self { file, folder })
    }

    fn field(&self, name: &str) -> String {
        text(Command::new("dpkg-deb").arg("-f").arg(&self.file).arg(name).output().expect("dpkg-deb")).trim().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect(name)
    }

    fn gunzip(&self, name: &str) -> String {
        text(Command::new("gzip").arg("-dc").arg(self.path(name)).output().expect("gzip"))
    }

    /// Mode and owner of each file and folder, by its name.
    fn listing(&self) -> BTreeMap<String, (String, String)> {
        let listing = text(Command::new("dpkg-deb").arg("-c").arg(&self.file).output().expect("dpkg-deb"));
        let entry = |line: &str| {
            let mut words = line.split_whitespace();
            let (mode, owner) = (words.next()?.to_owned(), words.next()?.to_owned());
            Some((words.next_back()?.trim_start_matches("./").to_owned(), (mode, owner)))
        };
        listing.lines().filter_map(entry).collect()
    }
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

fn text(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The value of a key of a desktop entry or a service file.
fn value<'a>(file: &'a str, key: &str) -> &'a str {
    let line = file.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    line.expect(key)
}

#[test]
fn the_package_holds_what_a_desktop_wants_and_takes_nothing_from_others() {
    let Some(package) = Package::make() else { return };
    let app = "org.mailsluice.Mailsluice";
    let listing = package.listing();
    for wanted in [
        "usr/bin/mailsluice",
        &format!("usr/share/applications/{app}.desktop"),
        &format!("usr/share/metainfo/{app}.metainfo.xml"),
        &format!("usr/share/icons/hicolor/scalable/apps/{app}.svg"),
        &format!("usr/share/dbus-1/services/{app}.service"),
        "usr/share/bash-completion/completions/mailsluice",
        "usr/share/zsh/vendor-completions/_mailsluice",
        "usr/share/fish/vendor_completions.d/mailsluice.fish",
        "usr/share/man/man1/mailsluice.1.gz",
        "usr/share/man/man1/mailsluice-flush.1.gz",
        "usr/share/man/man1/mailsluice-queue-send-again.1.gz",
        "usr/share/doc/mailsluice/copyright",
        "usr/share/doc/mailsluice/changelog.gz",
        "usr/share/doc/mailsluice/changelog.Debian.gz",
    ] {
        assert!(listing.contains_key(wanted), "{wanted} is missing");
    }
    let strange: Vec<_> = listing.keys().filter(|name| name.contains("sendmail") && !name.ends_with(".1.gz")).collect();
    assert!(strange.is_empty(), "{strange:?} belong to the mail server");
    for (name, (mode, owner)) in &listing {
        let wanted = match name.as_str() {
            name if name.is_empty() || name.ends_with('/') => "drwxr-xr-x",
            "usr/bin/mailsluice" => "-rwxr-xr-x",
            _ => "-rw-r--r--",
        };
        assert_eq!((mode.as_str(), owner.as_str()), (wanted, "root/root"), "{name}");
    }
    let scripts = text(Command::new("dpkg-deb").arg("-I").arg(&package.file).output().expect("dpkg-deb"));
    for script in ["preinst", "postinst", "prerm", "postrm", "conffiles"] {
        assert!(!scripts.contains(script), "nothing is to be done at installing");
    }
}

#[test]
fn what_is_in_the_package_fits_together() {
    let Some(package) = Package::make() else { return };
    let version = text(Command::new(package.path("usr/bin/mailsluice")).arg("--version").output().expect("it starts"));
    assert_eq!(version.trim(), format!("mailsluice {}", env!("CARGO_PKG_VERSION")));
    assert_eq!(package.field("Version"), format!("{}-1", env!("CARGO_PKG_VERSION")));
    for library in ["libc6 (>= ", "libx11-6", "libwayland-client0", "libgl1", "libxkbcommon-x11-0"] {
        assert!(package.field("Depends").contains(library), "{library} is opened by the program");
    }
    let app = "org.mailsluice.Mailsluice";
    let entry = package.read(&format!("usr/share/applications/{app}.desktop"));
    assert!(package.path(&format!("usr/share/icons/hicolor/scalable/apps/{}.svg", value(&entry, "Icon"))).exists());
    let service = package.read(&format!("usr/share/dbus-1/services/{app}.service"));
    assert_eq!(value(&service, "Name"), app);
    let program = value(&service, "Exec").split(' ').next().expect("a program");
    assert!(package.path(program.trim_start_matches('/')).exists(), "{program}");
    assert!(package.gunzip("usr/share/man/man1/mailsluice-flush.1.gz").contains("no\\-ui"));
    let libraries = package.gunzip("usr/share/doc/mailsluice/rust-libraries.txt.gz");
    assert!(libraries.contains("==== rustls ") && libraries.contains("Permission is hereby granted"));
    let sums = text(Command::new("dpkg-deb").arg("-I").arg(&package.file).arg("md5sums").output().expect("dpkg-deb"));
    fs::write(package.path("sums"), sums).expect("a file");
    text(
        Command::new("md5sum")
            .args(["--check", "--quiet", "sums"])
            .current_dir(package.folder.path())
            .output()
            .expect("md5sum"),
    );

    let checks: [(&str, &[&str], String); 2] = [
        ("desktop-file-validate", &[], format!("usr/share/applications/{app}.desktop")),
        ("appstreamcli", &["validate", "--no-net"], format!("usr/share/metainfo/{app}.metainfo.xml")),
    ];
    for (program, arguments, file) in checks {
        if has(program) {
            let output = Command::new(program).args(arguments).arg(package.path(&file)).output().expect(program);
            assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stdout));
        } else {
            assert!(std::env::var_os("CI").is_none(), "{program} is needed here");
            eprintln!("SKIPPED: {file} is not checked, {program} is not installed: run scripts/setup test");
        }
    }
}

#[test]
fn the_same_program_gives_the_same_package() {
    let (Some(first), Some(second)) = (Package::make(), Package::make()) else { return };
    assert_eq!(first.file.file_name(), second.file.file_name().map(OsStr::new));
    assert!(fs::read(&first.file).expect("a file") == fs::read(&second.file).expect("a file"), "they differ");
}
