//! What the program is made of, held to `deny.toml` by what cargo itself says: licences, sources, duplicates, refused
//! crates. `cargo-deny` checks more (`make audit`); this is checked on every change, and needs nothing but cargo.

#![expect(clippy::expect_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The one registry, as `Cargo.lock` has it.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A package of the graph.
struct Package {
    name: String,
    version: String,
    licence: String,
    source: Option<String>,
    /// It is in the program, or builds it; the others only test it.
    shipped: bool,
}

fn cargo(arguments: &[&str]) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).args(["--locked", "--offline"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Everything that is built on this platform, for any feature or test.
fn packages() -> Vec<Package> {
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let metadata = cargo(&["metadata", "--all-features", "--format-version", "1", "--filter-platform", &target]);
    let metadata: Value = serde_json::from_str(&metadata).expect("metadata");
    let text = |package: &Value, key: &str| package[key].as_str().map(str::to_owned);
    let nodes = metadata["resolve"]["nodes"].as_array().expect("nodes").iter();
    let resolved: BTreeSet<&str> = nodes.filter_map(|node| node["id"].as_str()).collect();
    let shipped = shipped();
    let all = metadata["packages"].as_array().expect("packages").iter();
    let built = all.filter(|package| package["id"].as_str().is_some_and(|id| resolved.contains(id)));
    let packages: Vec<Package> = built
        .map(|package| {
            let (name, version) =
                (text(package, "name").expect("a name"), text(package, "version").expect("a version"));
            let shipped = shipped.contains(&(name.clone(), version.clone()));
            Package {
                name,
                version,
                licence: text(package, "license").unwrap_or_default(),
                source: text(package, "source"),
                shipped,
            }
        })
        .collect();
    assert!(packages.len() > 100, "only {} packages", packages.len());
    packages
}

/// Name and version of what is in the program or builds it, with the features it has without the tests.
fn shipped() -> BTreeSet<(String, String)> {
    let output = cargo(&["tree", "--all-features", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"]);
    let lines = output.lines().filter_map(|line| line.split_once(" v"));
    lines.map(|(name, rest)| (name.to_owned(), rest.split(' ').next().unwrap_or_default().to_owned())).collect()
}

/// The policy.
fn policy() -> toml::Table {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml");
    fs::read_to_string(file).expect("deny.toml").parse().expect("TOML")
}

/// `name` or `name@version` of each crate in a list of the policy's bans.
fn banned<'p>(policy: &'p toml::Table, list: &str) -> Vec<&'p str> {
    let entries = policy["bans"][list].as_array().expect("a list");
    entries.iter().map(|entry| entry["crate"].as_str().expect("a crate")).collect()
}

fn is_named(list: &[&str], package: &Package) -> bool {
    list.iter().any(|named| *named == package.name || *named == format!("{}@{}", package.name, package.version))
}

/// Whether an SPDX expression can be met with these licences. `words` is what is left of it.
fn is_met(words: &mut &[String], allowed: &[&str]) -> bool {
    let mut any = false;
    loop {
        let mut all = true;
        loop {
            all &= one_is_met(words, allowed);
            if !skip(words, "AND") {
                break;
            }
        }
        any |= all;
        if !skip(words, "OR") {
            return any;
        }
    }
}

fn one_is_met(words: &mut &[String], allowed: &[&str]) -> bool {
    if skip(words, "(") {
        let met = is_met(words, allowed);
        assert!(skip(words, ")"), "a parenthesis is open");
        return met;
    }
    let Some((first, rest)) = words.split_first() else { return false };
    *words = rest;
    let mut licence = first.clone();
    if skip(words, "WITH")
        && let Some((exception, rest)) = words.split_first()
    {
        *words = rest;
        licence = format!("{licence} WITH {exception}");
    }
    allowed.contains(&licence.as_str())
}

fn skip(words: &mut &[String], word: &str) -> bool {
    match words.split_first() {
        Some((first, rest)) if first == word => {
            *words = rest;
            true
        }
        _ => false,
    }
}

fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<String> = spaced.split_whitespace().map(str::to_owned).collect();
    let mut left = words.as_slice();
    let met = is_met(&mut left, allowed);
    assert!(left.is_empty(), "{expression}: what is {left:?}?");
    met
}

#[test]
fn licences_are_read_as_they_are_written() {
    let allowed = ["MIT", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"];
    for yes in
        ["MIT", "GPL-2.0 OR MIT", "GPL-2.0/MIT", "(MIT OR GPL-2.0) AND Unicode-3.0", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(is_allowed(yes, &allowed), "{yes}");
    }
    for no in
        ["", "GPL-2.0", "Apache-2.0", "MIT AND GPL-2.0", "(MIT OR GPL-2.0) AND GPL-2.0", "MIT WITH LLVM-exception"]
    {
        assert!(!is_allowed(no, &allowed), "{no}");
    }
}

#[test]
fn every_licence_is_one_that_the_policy_allows() {
    let policy = policy();
    let allowed = policy["licenses"]["allow"].as_array().expect("a list");
    let allowed: Vec<&str> = allowed.iter().map(|licence| licence.as_str().expect("a name")).collect();
    for Package { name, version, licence, .. } in packages() {
        assert!(is_allowed(&licence, &allowed), "{name} {version}: {licence:?}");
    }
}

#[test]
fn everything_comes_from_the_one_registry() {
    let own: Vec<String> = packages()
        .into_iter()
        .filter_map(|package| match package.source {
            Some(source) if source == REGISTRY => None,
            Some(source) => panic!("{} comes from {source}", package.name),
            None => Some(package.name),
        })
        .collect();
    assert_eq!(own, ["mailsluice"]);
}

#[test]
fn crates_that_are_refused_are_not_in_it_and_those_twice_are_known() {
    let (policy, packages) = (policy(), packages());
    assert_eq!(policy["bans"]["multiple-versions"].as_str(), Some("deny"));
    let (refused, known) = (banned(&policy, "deny"), banned(&policy, "skip"));
    let mut versions: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
    for package in packages.iter().filter(|package| package.shipped) {
        assert!(!is_named(&refused, package), "{} is refused", package.name);
        versions.entry(&package.name).or_default().push(package);
    }
    for (name, all) in versions {
        let unknown = all.iter().filter(|package| !is_named(&known, package)).count();
        assert!(unknown <= 1, "{name} is in it {} times: one is enough, or deny.toml says why", all.len());
    }
}
