//! Every command line in `docs/CLI.md`, `docs/RECOVERY.md` and `docs/CACHE.md` is run, and prints what stands
//! there.
//!
//! `BLESS=1` writes down what they print now instead.

use std::{env, fs, path::Path};

use super::run::Bench;

/// The document's lines: text, and commands with what they print.
enum Piece {
    Text(String),
    Command { line: String, printed: Vec<String> },
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut in_console = false;
    for line in text.lines() {
        if line.starts_with("```") {
            in_console = line == "```console";
        } else if in_console
            && line.starts_with("$ ")
            && !line.starts_with("$ tj tail trades -n 8 ")
        {
            pieces.push(Piece::Command {
                line: line.to_owned(),
                printed: Vec::new(),
            });
            continue;
        } else if in_console && let Some(Piece::Command { printed, .. }) = pieces.last_mut() {
            printed.push(line.to_owned());
            continue;
        }
        pieces.push(Piece::Text(line.to_owned()));
    }
    pieces
}

#[test]
fn every_command_line_in_the_document_prints_what_stands_there() {
    let commands = run_document("CLI.md", None);
    assert!(20 < commands);
}

#[test]
fn the_drill_of_the_recovery_goes_as_it_is_written() {
    let commands = run_document("RECOVERY.md", None);
    assert!(8 < commands);
}

#[test]
fn the_window_is_as_its_document_says() {
    let commands = run_document("WINDOW.md", None);
    assert!(3 < commands);
}

#[cfg(feature = "redis")]
#[test]
fn what_is_kept_in_a_redis_is_as_it_is_written() {
    let server = crate::redis::server::Server::start();
    let url = server.url();
    let commands = run_document("CACHE.md", Some(("redis://127.0.0.1:6379/0", &url)));
    assert!(8 < commands);
}

/// Runs a document's commands in a folder of their own, with something else in the place of a text, and says
/// how many there were.
fn run_document(name: &str, instead: Option<(&str, &str)>) -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(name);
    let bench = Bench::new();
    let text = fs::read_to_string(&path).unwrap();
    let mut folder = bench.path("");
    let mut blessed = Vec::new();
    let mut commands = 0;
    for piece in pieces(&text) {
        let (line, wanted) = match piece {
            Piece::Text(line) => {
                blessed.push(line);
                continue;
            }
            Piece::Command { line, printed } => (line, printed),
        };
        commands += 1;
        let command = line.trim_start_matches("$ ");
        let command = match instead {
            Some((text, other)) => command.replace(text, other),
            None => command.to_owned(),
        };
        let found = match command.strip_prefix("cd ") {
            Some(name) => {
                folder = folder.join(name);
                String::new()
            }
            None => run(&bench, &folder, &command),
        };
        let found: Vec<String> = found.lines().map(str::to_owned).collect();
        let all_fit = found.len() == wanted.len()
            && found
                .iter()
                .zip(&wanted)
                .all(|(found, wanted)| fits(found, wanted));
        let is_blessing = env::var_os("BLESS").is_some();
        assert!(
            all_fit || is_blessing,
            "{line}\n{}\n--- docs/{name} has\n{}",
            found.join("\n"),
            wanted.join("\n")
        );
        blessed.push(line);
        blessed.extend(if all_fit { wanted } else { found });
    }
    if env::var_os("BLESS").is_some() {
        let mut file = fs::File::create(&path).unwrap();
        let text = blessed.join("\n") + "\n";
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    }
    commands
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
