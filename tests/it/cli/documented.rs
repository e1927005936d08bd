//! Every command line in `docs/CLI.md` is run, and prints what stands there.
//!
//! `BLESS=1` writes down what they print now instead.

use std::{env, fs, path::Path};

use super::run::Bench;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CLI.md");

#[test]
fn every_command_line_in_the_document_prints_what_stands_there() {
    let bench = Bench::new();
    let text = fs::read_to_string(DOCUMENT).unwrap();
    let mut folder = bench.path("");
    let mut printed = String::new();
    let mut in_console = false;
    let mut commands = 0;
    for line in text.lines() {
        let is_fence = line.starts_with("```");
        if is_fence {
            in_console = line == "```console";
        }
        if in_console && !is_fence {
            let Some(command) = line.strip_prefix("$ ") else {
                continue;
            };
            commands += 1;
            printed.push_str(&format!("{line}\n"));
            match command.strip_prefix("cd ") {
                Some(name) => folder = folder.join(name),
                None => printed.push_str(&run(&bench, &folder, command)),
            }
            continue;
        }
        printed.push_str(&format!("{line}\n"));
    }
    assert!(20 < commands);
    if env::var_os("BLESS").is_some() {
        let mut file = fs::File::create(DOCUMENT).unwrap();
        std::io::Write::write_all(&mut file, printed.as_bytes()).unwrap();
        return;
    }
    let (printed, text): (Vec<&str>, Vec<&str>) =
        (printed.lines().collect(), text.lines().collect());
    for (number, (found, wanted)) in printed.iter().zip(&text).enumerate() {
        assert!(
            fits(found, wanted),
            "docs/CLI.md:{}\n{found}\n{wanted}",
            number + 1
        );
    }
    assert_eq!(printed.len(), text.len());
}

fn run(bench: &Bench, folder: &Path, command: &str) -> String {
    let (line, code) = match command.split_once("  # exit ") {
        Some((line, code)) => (line, code.parse().unwrap()),
        None => (command, 0),
    };
    let ran = bench.shell(&format!("cd {} && {{ {line}; }} 2>&1", folder.display()));
    ran.code(code).out
}

/// Whether a line is as wanted; `...` in what is wanted is anything.
fn fits(found: &str, wanted: &str) -> bool {
    let mut rest = found;
    let mut pieces = wanted.split("...");
    let first = pieces.next().unwrap_or_default();
    let Some(after) = rest.strip_prefix(first) else {
        return false;
    };
    rest = after;
    let mut is_open = false;
    for piece in pieces {
        let Some(at) = rest.find(piece) else {
            return false;
        };
        rest = &rest[at + piece.len()..];
        is_open = piece.is_empty();
    }
    rest.is_empty() || is_open
}
