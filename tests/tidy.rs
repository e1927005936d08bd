//! Holds the shape of the source tree: which room may use which, and a few habits.
//!
//! The table below *is* the architecture; `docs/ARCHITECTURE.md` explains it. Every rule is a function
//! from a text to complaints, with a test at the foot of this file that it can complain.
//!
//! This file stands alone, without the library: `scripts/test` compiles it by itself, in seconds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a failed step is a failed test"
)]

use std::{fs, path::Path};

/// A room, and the rooms that it may name. From the ground up.
const MAY_USE: &[(&str, &[&str])] = &[
    ("time", &[]),
    // A record's timestamp is a time's instant: one type for both, so that neither converts.
    ("record", &["time"]),
    ("disk", &["time"]),
    ("journal", &["record", "time", "disk"]),
    ("evidence", &["record", "time", "disk", "journal"]),
    // Pure arithmetic: no journal, no disk.
    ("books", &["record", "time"]),
    // Three kinds of user, who never meet.
    // `disk` for what stands beside the streams: spilled calls, the trade log's CSV.
    ("bot", &["record", "time", "disk", "books", "journal"]),
    ("keep", &["record", "time", "disk", "journal", "evidence"]),
    ("desk", &["record", "time", "journal", "evidence", "books"]),
    // `keep` for its archiving of plain files.
    ("feed", &["record", "time", "disk", "journal", "keep"]),
    // Each implements a trait of a room below, and no room names it.
    (
        "driver",
        &["record", "time", "disk", "journal", "bot", "feed"],
    ),
];

/// Functions that are longer than [`FUNCTION_LINES_MAX`], and how long they may be: a list that only
/// shrinks. A long flat `match` or table may stay.
const LONG_FUNCTIONS: &[(&str, &str, usize)] = &[
    ("src/journal/verify.rs", "slow", 77),
    ("src/record/trade/mod.rs", "every_field_has_its_rule", 93),
];

const FUNCTION_LINES_MAX: usize = 70;
/// What rustfmt leaves alone, comments above all; it breaks code at 100.
const LINE_LEN_MAX: usize = 110;
const FILE_LEN_MAX: usize = 40_000;

#[test]
fn a_room_uses_only_the_rooms_below_it() {
    complain(sources(&["src"]), rooms);
}

#[test]
fn every_module_opens_with_its_purpose() {
    complain(sources(ALL), purpose);
}

#[test]
fn nothing_is_left_to_be_done() {
    complain(sources(ALL), left_over);
}

#[test]
fn files_lines_and_functions_have_a_size_that_a_person_can_read() {
    complain(sources(&["src"]), sizes);
    complain(sources(&["src"]), |path, text| {
        long_functions(path, text, LONG_FUNCTIONS)
    });
    let stale = |(path, name, _): &&(&str, &str, usize)| {
        let text = fs::read_to_string(path).unwrap_or_default();
        !functions(&tokens(&text)).iter().any(|it| it.name == *name)
    };
    let stale: Vec<_> = LONG_FUNCTIONS.iter().filter(stale).collect();
    assert!(
        stale.is_empty(),
        "strike these off LONG_FUNCTIONS: {stale:?}"
    );
}

#[test]
fn white_space_is_plain() {
    complain(sources(ALL), white_space);
}

#[test]
fn every_feature_and_dependency_says_why() {
    let found = [
        ("Cargo.toml", "Cargo.toml"),
        ("fuzz/Cargo.toml", "fuzz/Cargo.toml"),
    ];
    let found = found.iter().filter(|(path, _)| Path::new(path).exists());
    let files = found.map(|(path, _)| ((*path).to_owned(), fs::read_to_string(path).unwrap()));
    complain(files.collect(), reasons);
}

const ALL: &[&str] = &["src", "tests", "examples", "benches", "fuzz"];

fn complain(files: Vec<(String, String)>, rule: impl Fn(&str, &str) -> Vec<String>) {
    assert!(!files.is_empty(), "there is nothing to look at");
    let complaints: Vec<String> = files
        .iter()
        .flat_map(|(path, text)| rule(path, text))
        .collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// The Rust files below `folders`, sorted, without what cargo built there.
fn sources(folders: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in folders.iter().map(Path::new).filter(|it| it.exists()) {
        visit(folder, &mut found);
    }
    found.sort();
    found
}

fn visit(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            visit(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path.display().to_string(), text));
        }
    }
}

// --- The rules -------------------------------------------------------------------------------

fn rooms(path: &str, text: &str) -> Vec<String> {
    // The program sees the public API alone; the compiler holds it to that.
    let Some(module) = module_of(path).filter(|it| !it.is_empty()) else {
        return Vec::new();
    };
    let room = module[0].as_str();
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == room) else {
        return vec![format!(
            "{path}: `{room}` is no room yet; add it to MAY_USE in tests/tidy.rs"
        )];
    };
    let used = rooms_named(&module, &tokens(text)).into_iter();
    let wrong = used.filter(|(_, used)| used != room && !allowed.contains(&used.as_str()));
    wrong
        .map(|(line, used)| format!("{path}:{line}: `{room}` may not use `{used}`"))
        .collect()
}

fn purpose(path: &str, text: &str) -> Vec<String> {
    if text.starts_with("//!") {
        return Vec::new();
    }
    vec![format!(
        "{path}:1: begin with //! and what the module is for"
    )]
}

fn left_over(path: &str, text: &str) -> Vec<String> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let next = tokens.get(index + 1).map_or("", |it| it.text);
        let before = |back: usize| index.checked_sub(back).map_or("", |it| tokens[it].text);
        let left_over = match token.text {
            "todo" | "unimplemented" | "dbg" => next == "!",
            // `#[ignore]`, and in `cfg_attr(..., ignore)` too.
            "ignore" => before(1) == "[" && before(2) == "#" || before(1) == "," && next == ")",
            _ => false,
        };
        if left_over {
            found.push(format!(
                "{path}:{}: `{}` is not to be left here",
                token.line, token.text
            ));
        }
    }
    found
}

fn sizes(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if FILE_LEN_MAX < text.len() {
        found.push(format!(
            "{path}: {} bytes, at most {FILE_LEN_MAX}: two ideas?",
            text.len()
        ));
    }
    for (number, line) in (1..).zip(text.lines()) {
        // A long text is easier to find and to read in one piece; a table's row has to be in one.
        let is_row = line.trim_start_matches(['/', '!', ' ']).starts_with('|');
        if LINE_LEN_MAX < line.chars().count() && !line.contains('"') && !is_row {
            found.push(format!("{path}:{number}: more than {LINE_LEN_MAX} columns"));
        }
    }
    found
}

fn long_functions(path: &str, text: &str, known: &[(&str, &str, usize)]) -> Vec<String> {
    let mut found = Vec::new();
    for Function { name, line, lines } in functions(&tokens(text)) {
        let known = known
            .iter()
            .find(|it| (it.0, it.1) == (path, name.as_str()));
        let lines_max = known.map_or(FUNCTION_LINES_MAX, |it| it.2);
        if lines_max < lines {
            found.push(format!(
                "{path}:{line}: `{name}` has {lines} lines, at most {lines_max}"
            ));
        } else if known.is_some() && lines <= FUNCTION_LINES_MAX {
            found.push(format!(
                "{path}:{line}: `{name}` is short now: strike it off LONG_FUNCTIONS"
            ));
        } else if known.is_some() && lines < lines_max {
            found.push(format!(
                "{path}:{line}: `{name}` has {lines} lines now: say so in LONG_FUNCTIONS"
            ));
        }
    }
    found
}

fn white_space(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.split('\n')) {
        if line.contains('\t') {
            found.push(format!("{path}:{number}: a tab"));
        }
        if line.ends_with([' ', '\r']) {
            found.push(format!(
                "{path}:{number}: white space at the end of the line"
            ));
        }
    }
    if !text.ends_with('\n') || text.ends_with("\n\n") {
        found.push(format!("{path}: must end with one newline"));
    }
    found
}

/// In a manifest, each feature but `default` has a comment of its own, and each block of dependencies
/// one that says what they are there for, before it or before the table that it begins.
fn reasons(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut table, mut explained) = ("", false);
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with('#') {
            explained = true;
        } else if line.starts_with('[') {
            table = line.trim_matches(['[', ']']);
        } else if line.is_empty() {
            explained = false;
        } else if let Some((name, _)) = line.split_once('=').filter(|_| !line.starts_with(' ')) {
            let name = name.trim();
            if table == "features" && name != "default" && !explained {
                found.push(format!(
                    "{path}:{number}: say in a comment what feature `{name}` is for"
                ));
            } else if table.ends_with("dependencies") && !explained {
                found.push(format!(
                    "{path}:{number}: say in a comment what `{name}` is for"
                ));
            }
            // A block of dependencies may share a comment; features may not.
            explained &= table != "features";
        }
    }
    found
}

// --- Reading Rust, as far as the rules need it -------------------------------------------------

/// `src/journal/log.rs` is `journal::log`, `src/journal/mod.rs` is `journal`, `src/lib.rs` the root.
/// The program is none of the library's modules.
fn module_of(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    if path.starts_with("bin/") {
        return None;
    }
    let mut module: Vec<String> = path.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|it| it == "mod" || it == "lib") {
        module.pop();
    }
    Some(module)
}

/// The top-level modules that a file names by `crate::` or by enough `super::`, with the line.
fn rooms_named(module: &[String], tokens: &[Token<'_>]) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    // How deep in braces each inline module of this file began.
    let (mut depth, mut inline) = (0_usize, Vec::new());
    for (index, token) in tokens.iter().enumerate() {
        let at = |offset: usize| tokens.get(index + offset).map_or("", |it| it.text);
        match token.text {
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                inline.retain(|began| *began < depth);
            }
            "mod" if at(2) == "{" => inline.push(depth),
            // A macro that is exported stands at the root, and in no room.
            "crate" if at(1) == "::" && at(3) == "!" => {}
            "crate" if at(1) == "::" => named.extend(names_after(&tokens[index + 2..])),
            "super" if index == 0 || tokens[index - 1].text != "::" => {
                let mut supers = 1;
                while at(2 * supers - 1) == "::" && at(2 * supers) == "super" {
                    supers += 1;
                }
                let is_root = supers == module.len() + inline.len();
                if is_root && at(2 * supers - 1) == "::" {
                    named.extend(names_after(&tokens[index + 2 * supers..]));
                }
            }
            _ => {}
        }
    }
    named
}

/// The first name of each path that begins here: one, or those of a group.
fn names_after(tokens: &[Token<'_>]) -> Vec<(usize, String)> {
    let named = |token: &Token<'_>| (token.line, token.text.to_owned());
    if tokens.first().is_none_or(|it| it.text != "{") {
        return tokens.first().map(named).into_iter().collect();
    }
    let (mut names, mut depth, mut begins) = (Vec::new(), 0, false);
    for token in tokens {
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ if begins => names.push(named(token)),
            _ => {}
        }
        if depth == 0 {
            break;
        }
        begins = depth == 1 && (token.text == "{" || token.text == ",");
    }
    names
}

struct Function {
    name: String,
    line: usize,
    lines: usize,
}

/// The functions that have a body, nested ones too.
fn functions(tokens: &[Token<'_>]) -> Vec<Function> {
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let Some(name) = tokens
            .get(index + 1)
            .filter(|it| token.text == "fn" && it.is_name())
        else {
            continue;
        };
        let (mut braces, mut brackets) = (0, 0);
        for end in &tokens[index..] {
            match end.text {
                "{" => braces += 1,
                "}" => braces -= 1,
                "[" | "(" => brackets += 1,
                "]" | ")" => brackets -= 1,
                // No body: a trait's function. (An array's length is in brackets.)
                ";" if braces == 0 && brackets == 0 => break,
                _ => {}
            }
            if end.text == "}" && braces == 0 {
                let lines = end.line - token.line + 1;
                let name = name.text.to_owned();
                found.push(Function {
                    name,
                    line: token.line,
                    lines,
                });
                break;
            }
        }
    }
    found
}

/// A name, `::`, or one other character; never white space, a comment or the inside of a literal.
struct Token<'a> {
    line: usize,
    text: &'a str,
}

impl Token<'_> {
    fn is_name(&self) -> bool {
        self.text
            .starts_with(|it: char| it.is_alphabetic() || it == '_')
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let len = token_len(rest, first);
        let (token, after) = rest.split_at(len);
        let is_token =
            len == first.len_utf8() || token == "::" || first.is_alphanumeric() || first == '_';
        let is_literal = token.contains(['"', '\'']);
        if is_token && !first.is_whitespace() && !is_literal {
            tokens.push(Token { line, text: token });
        }
        line += token.matches('\n').count();
        rest = after;
    }
    tokens
}

/// How long the token, comment or literal at the beginning of `rest` is.
fn token_len(rest: &str, first: char) -> usize {
    let is_name = |it: char| it.is_alphanumeric() || it == '_';
    let until = |end: &str, from: usize| {
        let found = rest[from..].find(end);
        found.map_or(rest.len(), |at| from + at + end.len())
    };
    if rest.starts_with("//") {
        return until("\n", 2) - usize::from(rest.contains('\n'));
    }
    if rest.starts_with("/*") {
        return until("*/", 2);
    }
    if rest.starts_with("::") {
        return 2;
    }
    let name_len = rest.find(|it| !is_name(it)).unwrap_or(rest.len());
    let (prefix, after) = rest.split_at(name_len);
    let hashes = after.len() - after.trim_start_matches('#').len();
    if matches!(prefix, "r" | "br" | "cr") && after[hashes..].starts_with('"') {
        let end = format!("\"{}", "#".repeat(hashes));
        return until(&end, name_len + hashes + 1);
    }
    if matches!(prefix, "" | "b" | "c") && after.starts_with('"') {
        return name_len + quoted_len(after, '"');
    }
    if matches!(prefix, "" | "b") && after.starts_with('\'') {
        let mut inside = after[1..].chars();
        let (one, two) = (inside.next(), inside.next());
        let is_literal = one == Some('\\') || two == Some('\'');
        // Otherwise it is a lifetime, whose name comes next.
        return if is_literal {
            name_len + quoted_len(after, '\'')
        } else {
            1
        };
    }
    name_len.max(first.len_utf8())
}

/// The length of a literal up to its closing quote, which a backslash hides.
fn quoted_len(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (index, it) in text.char_indices().skip(1) {
        if it == quote && !escaped {
            return index + 1;
        }
        escaped = it == '\\' && !escaped;
    }
    text.len()
}

// --- Each rule can complain --------------------------------------------------------------------

#[test]
fn a_forbidden_room_is_seen_however_it_is_written() {
    for text in [
        "use crate::journal::Journal;",
        "use crate::{record::Record, journal::Journal};",
        "use crate::{\n    record::{Record, Stream},\n    journal,\n};",
        "fn f() { crate :: journal :: open() }",
        "pub(in crate::journal) fn f() {}",
        "use super::super::journal::Journal;",
        "use super::super::{record::Record, journal};",
        "mod inner { use super::super::super::journal; }",
        "mod inner {} use super::super::journal;",
        "use crate::*;",
        "const A: char = '\"'; use crate::journal; const B: char = '\"';",
        "const A: &str = r#\"\"\"#; use crate::journal; // \"",
        "fn f<'a>(a: &'a str) { crate::journal::open(a) }",
    ] {
        assert_eq!(rooms("src/books/tax.rs", text).len(), 1, "{text}");
    }
    for text in [
        "use crate::{record::Record, books::{journal, tax}};",
        "use super::journal;",
        "mod inner { use super::super::journal; }",
        "pub(in super::super) fn f() {}",
        "pub(crate) fn journal() {}",
        "// use crate::journal;",
        "/* use\n crate::journal; */ const A: &str = \"crate::journal\";",
        "const A: &str = r#\"a \" crate::journal\"#;",
        "const A: &str = \"\\\" crate::journal\";",
        "macro_rules! journal { () => { $crate::journal! {} } }",
    ] {
        assert_eq!(rooms("src/books/tax.rs", text), [""; 0], "{text}");
    }
    assert_eq!(rooms("src/books/mod.rs", "use super::journal;").len(), 1);
    assert_eq!(rooms("src/time.rs", "use super::record;").len(), 1);
    assert_eq!(rooms("src/cellar.rs", "").len(), 1);
    assert_eq!(rooms("src/bin/tj/main.rs", "use crate::journal;"), [""; 0]);
    assert_eq!(rooms("src/lib.rs", "use crate::journal;"), [""; 0]);
    let line = &rooms("src/books/tax.rs", "\n\nuse crate::journal;")[0];
    assert!(line.starts_with("src/books/tax.rs:3:"), "{line}");
}

#[test]
fn the_table_names_only_rooms_below() {
    for (index, (room, allowed)) in MAY_USE.iter().enumerate() {
        let below: Vec<&str> = MAY_USE[..index].iter().map(|it| it.0).collect();
        assert!(allowed.iter().all(|it| below.contains(it)), "{room}");
    }
}

#[test]
fn what_is_left_over_is_seen() {
    for text in [
        "fn f() { todo!() }",
        "fn f() { unimplemented!(\"later\") }",
        "fn f(a: u8) -> u8 { dbg!(a) }",
        "#[test]\n#[ignore]\nfn f() {}",
        "#[ignore = \"slow\"]\nfn f() {}",
        "#[cfg_attr(unix, ignore)]\nfn f() {}",
    ] {
        assert_eq!(left_over("a.rs", text).len(), 1, "{text}");
    }
    let fine = "// todo!()\nfn todo() { let ignore = \"dbg!()\"; f(&[ignore], ignore) }";
    assert_eq!(left_over("a.rs", "fn f() { let todo = 1; }"), [""; 0]);
    assert_eq!(left_over("a.rs", &fine.replace(", ignore)", ")")), [""; 0]);
}

#[test]
fn a_module_without_purpose_is_seen() {
    assert_eq!(purpose("a.rs", "use std::fs;\n").len(), 1);
    assert_eq!(purpose("a.rs", "//! What it is for.\n"), [""; 0]);
}

#[test]
fn what_is_too_large_is_seen() {
    assert_eq!(
        sizes("a.rs", &"// line\n".repeat(FILE_LEN_MAX / 8 + 1)).len(),
        1
    );
    assert_eq!(
        sizes("a.rs", &format!("// {}\n", "é".repeat(LINE_LEN_MAX))).len(),
        1
    );
    assert_eq!(
        sizes("a.rs", &format!("// {}\n", "é".repeat(LINE_LEN_MAX - 3))),
        [""; 0]
    );
    assert_eq!(
        sizes("a.rs", &format!("//! | {} |\n", "a".repeat(LINE_LEN_MAX))),
        [""; 0]
    );
    assert_eq!(
        sizes("a.rs", &format!("    \"{}\"\n", "a".repeat(LINE_LEN_MAX))),
        [""; 0]
    );

    let long = format!("fn f(a: [u8; 2]) {{\n{}}}\n", "    g('}');\n".repeat(70));
    assert_eq!(long_functions("a.rs", &long, &[]).len(), 1);
    assert_eq!(long_functions("a.rs", &long, &[("a.rs", "f", 71)]).len(), 1);
    assert_eq!(long_functions("a.rs", &long, &[("a.rs", "f", 72)]), [""; 0]);
    assert_eq!(long_functions("a.rs", &long, &[("a.rs", "f", 73)]).len(), 1);
    let short = format!(
        "trait T {{ fn g(&self); }}\n{}",
        long.replacen("g('}');", "", 2).replace("    \n", "")
    );
    assert_eq!(long_functions("a.rs", &short, &[]), [""; 0]);
    assert_eq!(
        long_functions("a.rs", &short, &[("a.rs", "f", 72)]).len(),
        1
    );
}

#[test]
fn white_space_that_nobody_sees_is_seen() {
    for text in [
        "\tfn f() {}\n",
        "fn f() {} \n",
        "fn f() {}\r\n",
        "fn f() {}",
        "fn f() {}\n\n",
    ] {
        assert_eq!(white_space("a.rs", text).len(), 1, "{text:?}");
    }
    assert_eq!(white_space("a.rs", "fn f() {}\n\nfn g() {}\n"), [""; 0]);
}

#[test]
fn a_feature_or_a_dependency_without_a_reason_is_seen() {
    for text in [
        "[features]\ndefault = []\ncli = []\n",
        "[features]\n# The program.\ncli = []\nsign = []\n",
        "[dependencies]\nserde = \"1\"\n",
        "# The light library.\n[dependencies]\nserde = \"1\"\n\ntokio = \"1\"\n",
        "[dev-dependencies]\ntempfile = \"3\"\n",
    ] {
        assert_eq!(reasons("Cargo.toml", text).len(), 1, "{text}");
    }
    let fine = "[package]\nname = \"a\"\n\n# The light library.\n[dependencies]\nserde = \"1\"\ncsv = \"1\"\n\n\
                # The program.\nclap = \"4\"\n\n[features]\ndefault = []\n# The program.\ncli = []\n";
    assert_eq!(reasons("Cargo.toml", fine), [""; 0]);
}
