//! What goes around the commands: help, settings, completions, manual pages, wrong usage.

use std::fs;

use super::run::{Bench, trades};

const COMMANDS: [&str; 21] = [
    "append",
    "tail",
    "query",
    "metrics",
    "summary",
    "report",
    "risk",
    "status",
    "verify",
    "repair",
    "import",
    "export",
    "key",
    "checkpoint",
    "prove",
    "check",
    "anchor",
    "demo",
    "config",
    "completions",
    "man",
];

#[test]
fn every_command_has_help() {
    let bench = Bench::new();
    let all = bench.tj("--help").fine().out;
    for command in COMMANDS {
        assert!(all.contains(&format!("\n  {command}")), "{command}");
        let help = bench.tj(&format!("{command} --help")).fine().out;
        assert!(help.contains("Usage: tj "), "{help}");
        assert!(help.lines().all(|it| it.chars().count() <= 100), "{help}");
        if !["demo"].contains(&command) {
            assert!(help.contains("Examples:\n"), "{command}: {help}");
        }
    }
    assert!(bench.tj("--version").fine().out.starts_with("tj "));
}

#[test]
fn wrong_usage_is_code_2() {
    let bench = Bench::new();
    for line in [
        "",
        "frobnicate",
        "append",
        "append trade",
        "tail trades -n x",
        "query trades --count --csv",
        "query trades --where x",
        "import fills x",
        "query trades --from yesteryear",
        "import trades",
        "import trades x --timezone Mars/Olympus",
        "config check",
        "append trades --on-invalid maybe",
        "key",
        "key renew",
        "checkpoint list",
        "prove trades",
        "check proof.json",
        "anchor rfc3161",
    ] {
        let ran = bench.tj(line).code(2);
        assert_eq!(ran.out, "", "{line}");
        assert_ne!(ran.err, "", "{line}");
    }
    let ran = bench.tj("tail trade");
    assert!(
        ran.err.contains("tip: a similar value exists: 'trades'"),
        "{}",
        ran.err
    );
}

#[test]
fn no_folder_is_code_3_with_a_hint() {
    let bench = Bench::new();
    for command in [
        "tail trades",
        "query trades",
        "status",
        "verify",
        "repair trades",
        "key show",
        "checkpoint now",
        "prove trades --seq 0",
    ] {
        let ran = bench.tj(command).code(3);
        assert!(
            ran.err
                .starts_with("tj: no journal in logs: No such file or directory"),
            "{command}: {}",
            ran.err
        );
        assert!(
            ran.err.contains("\nhint: name its folder with --dir"),
            "{}",
            ran.err
        );
    }
    assert!(!bench.path("logs").exists());
}

#[test]
fn a_folder_that_is_no_journal_is_code_3_with_a_hint() {
    let bench = Bench::new();
    bench.write("logs/trades.csv", "symbol,price\n");
    fs::create_dir(bench.path("logs/trades")).unwrap();
    for command in [
        "tail trades",
        "query trades",
        "status",
        "verify",
        "repair trades",
    ] {
        let ran = bench.tj(command).code(3);
        assert!(
            ran.err.starts_with(
                "tj: no journal in logs: it has no file JOURNAL\nhint: name its folder with --dir"
            ),
            "{command}: {}",
            ran.err
        );
        assert_eq!(ran.out, "", "{command}");
    }
    bench.write("older.jsonl", trades(1));
    let ran = bench.tj("import trades older.jsonl --dry-run").fine();
    assert!(
        ran.out.contains("new records             1\n"),
        "{}",
        ran.out
    );
}

#[test]
fn days_of_an_older_log_are_shown_and_cannot_be_checked() {
    let bench = Bench::new();
    bench.write("logs/trades/2025-10-26.jsonl", trades(2));
    assert_eq!(bench.tj("tail trades --json").fine().out, trades(2));
    assert_eq!(bench.tj("query trades --count").fine().out, "2\n");
    bench.tj("status").fine();
    let ran = bench.tj("verify").code(3);
    assert!(
        ran.err.starts_with(
            "tj: no journal in logs: it has no file JOURNAL\nhint: restore the file JOURNAL"
        ),
        "{}",
        ran.err
    );
    assert_eq!(ran.out, "");
}

#[test]
fn a_journal_with_an_empty_stream_is_a_journal() {
    let bench = Bench::new();
    bench.tj_with("append trades", b"").fine();
    assert_eq!(
        bench.tj("tail trades").code(1).err,
        "no records in trades\n"
    );
    bench.tj("status").fine();
    bench.tj("verify").fine();
}

/// The words of a line of `tj config show`.
fn row<'a>(shown: &'a str, key: &str) -> Vec<&'a str> {
    let mut rows = shown
        .lines()
        .map(|it| it.split_whitespace().collect::<Vec<_>>());
    rows.find(|it| it.first() == Some(&key)).unwrap()
}

#[test]
fn a_setting_comes_from_flag_environment_file_or_default() {
    let bench = Bench::new();
    let show = |bench: &Bench, args: &[&str], env: &[(&str, &str)]| {
        let mut command = bench.command();
        command.args(["config", "show"]).args(args);
        command.envs(env.iter().copied());
        let output = command.output().unwrap();
        super::run::Ran::of(&output).fine().out
    };
    // All of them are in docs/CLI.md.
    let out = show(&bench, &[], &[]);
    for (key, value) in [
        ("journal.dir", "logs"),
        ("journal.archive", "archive"),
        ("journal.name", "-"),
        ("time.zone", "UTC"),
        ("metrics.window", "20"),
        ("risk.reset", "next-day"),
        ("retention.trades.delete", "7y"),
        ("reconcile.columns", "-"),
    ] {
        assert_eq!(row(&out, key), [key, value, "default"]);
    }
    bench.write(
        "tj.toml",
        "[journal]\ndir = \"f\"\nname = \"mine\"\n[time]\nzone = \"Europe/Berlin\"\n",
    );
    let out = show(&bench, &[], &[]);
    assert_eq!(row(&out, "journal.dir"), ["journal.dir", "f", "tj.toml"]);
    assert_eq!(
        row(&out, "time.zone"),
        ["time.zone", "Europe/Berlin", "tj.toml"]
    );
    let out = show(&bench, &[], &[("TJ_DIR", "e")]);
    assert_eq!(
        row(&out, "journal.dir"),
        ["journal.dir", "e", "environment"]
    );
    let out = show(&bench, &["--dir", "x/y"], &[("TJ_DIR", "e")]);
    assert_eq!(row(&out, "journal.dir"), ["journal.dir", "x/y", "flag"]);
    assert_eq!(
        row(&out, "journal.archive"),
        ["journal.archive", "x/archive", "default"]
    );
    // Folders are meant from where the file is; an empty variable is none.
    bench.write("sub/other.toml", "[journal]\ndir = \"f\"\n");
    let out = show(&bench, &["--config", "sub/other.toml"], &[("TJ_DIR", "")]);
    assert_eq!(
        row(&out, "journal.dir"),
        ["journal.dir", "sub/f", "sub/other.toml"]
    );
    let ran = bench.tj("config show --json").fine();
    assert_eq!(
        ran.json()[0],
        serde_json::json!({"key": "journal.dir", "value": "f", "from": "file"})
    );
}

#[test]
fn a_wrong_file_of_settings_is_refused_with_line_and_nearest_key() {
    let bench = Bench::new();
    bench.write(
        "tj.toml",
        "[journal]\narchve = \"a\"\n[time]\nzone = \"Europe/Berln\"\n",
    );
    let ran = bench.tj("config check").code(1);
    assert_eq!(
        ran.err,
        "tj: tj.toml: line 2: unknown key `archve` (did you mean `archive`?)\n\
         tj: tj.toml: line 4: unknown time zone `Europe/Berln` (did you mean `Europe/Berlin`?)\n"
    );
    let ran = bench.tj("config check --json").code(1);
    assert_eq!(ran.json()[0]["problems"][0]["line"], 2);
    // Every other command refuses it as wrong usage; nothing of it is used.
    let ran = bench.tj("status").code(2);
    assert!(ran.err.contains("unknown key `archve`"), "{}", ran.err);
    bench.write("tj.toml", "[journal]\narchive = \"a\"\n");
    assert_eq!(bench.tj("config check").fine().out, "tj.toml: valid\n");
    let ran = bench.tj("status --config none.toml").code(2);
    assert!(
        ran.err.contains("cannot read the settings in none.toml"),
        "{}",
        ran.err
    );
}

#[test]
fn completions_and_manual_pages_are_made() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let out = bench.tj(&format!("completions {shell}")).fine().out;
        assert!(out.contains("append"), "{shell}");
    }
    let page = bench.tj("man").fine().out;
    assert!(page.contains(".TH tj 1"), "{page}");
    let ran = bench.tj("man --out pages").fine();
    for command in COMMANDS {
        assert!(
            ran.out.contains(&format!("pages/tj-{command}.1\n")),
            "{}",
            ran.out
        );
    }
    assert!(bench.read("pages/tj-append.1").contains("on\\-invalid"));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let bench = Bench::new();
    bench.write("many.jsonl", trades(2000));
    bench.tj("append trades many.jsonl").fine();
    for line in [
        "tj tail trades -n 2000",
        "tj tail trades -n 2000 --json",
        "tj query trades",
        "tj query trades --csv",
        "tj query trades --json",
        "tj man",
        "tj --help",
    ] {
        let ran = bench.shell(&format!(
            "{line} | head -n 1 | wc -l; echo ${{PIPESTATUS[0]}}"
        ));
        assert_eq!(
            (ran.out.as_str(), ran.err.as_str()),
            ("1\n0\n", ""),
            "{line}"
        );
    }
}
