//! `tj demo`: what a new user sees first.

use super::run::Bench;

#[test]
fn a_new_user_sees_a_day_journaled_queried_and_verified() {
    let bench = Bench::new();
    let ran = bench.tj("demo").fine();
    for wanted in [
        "A simulated trading day, 2025-10-27: ",
        "\n$ tj tail trades -n 8 --dir demo/logs\n",
        "\n$ tj query trades ",
        "\n$ tj verify --dir demo/logs\n",
        "\nThe files in demo/logs:\n  JOURNAL ",
        "\n  trades/2025-10-27.jsonl ",
        "\nand the same of audit, performance-alerts, risk-management, sessions\n",
        "\nNext, try:\n  tj query ",
    ] {
        assert!(ran.out.contains(wanted), "{wanted}: {}", ran.out);
    }
    // The same again is the same, to the byte.
    bench.tj("demo again").fine();
    let name = "logs/trades/2025-10-27.jsonl";
    assert_eq!(
        bench.read(&format!("demo/{name}")),
        bench.read(&format!("again/{name}"))
    );
    // What it shows and what it names to try next works.
    for line in ran.out.lines() {
        let shown = line.strip_prefix("$ ").or_else(|| line.strip_prefix("  "));
        let Some(command) = shown.filter(|it| it.starts_with("tj ") || it.starts_with("jq "))
        else {
            continue;
        };
        bench.shell(command).fine();
    }
}

#[test]
fn a_folder_with_anything_in_it_is_left_alone() {
    let bench = Bench::new();
    bench.write("demo/note.txt", "mine");
    let ran = bench.tj("demo").code(3);
    assert_eq!(
        ran.err,
        "tj: demo is not empty\nhint: name another: tj demo FOLDER\n"
    );
    assert!(!bench.path("demo/logs").exists());
    let ran = bench.tj("demo demo/note.txt").code(3);
    assert!(
        ran.err.starts_with("tj: cannot look into demo/note.txt: "),
        "{}",
        ran.err
    );
    std::fs::create_dir(bench.path("empty")).unwrap();
    let ran = bench.tj("demo empty --json").fine();
    let summary = &ran.json()[0];
    assert!(summary["trades"].as_u64().unwrap() > 20);
    assert_eq!(summary["folder"], "empty");
}

/// A bot lost power while its newest day was open: the seal is what stock tools check.
#[test]
fn the_closed_day_checks_with_stock_tools() {
    let bench = Bench::new();
    bench.tj("demo").fine();
    let ran = bench
        .shell("cd demo/logs/trades && sha256sum -c 2025-10-27.jsonl.sha256")
        .fine();
    assert!(ran.out.contains("2025-10-27.jsonl: OK"), "{}", ran.out);
}
