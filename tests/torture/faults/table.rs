//! The report.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::Cell;

/// Writes a part of the table to `target/fault-table/`, and looks whether the copy that was looked at has the same cells.
pub(super) fn check(part: &str, cells: Vec<Cell>) {
    let mut table = String::from("| protocol | point | fault | class | mail | in words |\n|---|---|---|---|---|---|\n");
    for cell in &cells {
        let Cell { protocol, point, fault, class, state, words, wrong } = cell;
        let class = if class.is_empty() { "–" } else { class };
        let words = words.replace('|', "\\|");
        writeln!(table, "| {protocol} | {point} | {} | {class} | {state} | {words} |", fault.replace('|', "\\|"))
            .expect("writing to a string");
        for wrong in wrong {
            println!("WRONG: {protocol}, {point}, {fault}: {wrong} ({class}; {state}; {words})");
        }
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let written = root.join("target/fault-table");
    std::fs::create_dir_all(&written).expect("a folder");
    std::fs::write(written.join(format!("{part}.md")), &table).expect("a file");
    let right = cells.iter().filter(|cell| cell.wrong.is_empty()).count();
    println!("{table}\n{right} of {} cells are right", cells.len());
    assert_eq!(right, cells.len(), "see above");
    let looked_at = root.join(format!("tests/torture/faults/table/{part}.md"));
    if std::env::var_os("ACCEPT_FAULT_TABLE").is_some() {
        std::fs::create_dir_all(looked_at.parent().expect("a folder")).expect("a folder");
        std::fs::write(&looked_at, &table).expect("a file");
    }
    let known = std::fs::read_to_string(&looked_at).unwrap_or_default();
    // Words and states may depend on the moment, as far as they are right: the cells do not.
    let cells_of = |table: &str| -> Vec<String> {
        table.lines().map(|line| line.split('|').take(4).collect::<Vec<_>>().join("|")).collect()
    };
    assert_eq!(cells_of(&known), cells_of(&table), "{}: look, then ACCEPT_FAULT_TABLE=1", looked_at.display());
}
