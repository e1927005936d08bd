//! `tj` with a Redis: the same answers as without one, whatever becomes of it.

use std::fs;
use std::time::{Duration, Instant};

use tradejournal::record::{Record as _, TradeRecord};

use super::server::Server;
use crate::cli::run::{Bench, Ran};
use crate::sample::{entry, time};

/// A bench with the demonstration's journal, and a server.
fn bench() -> (Bench, Server) {
    let bench = Bench::new();
    bench.tj("demo demo").code(0);
    for name in ["logs", "archive"] {
        let from = bench.path("demo").join(name);
        if from.exists() {
            fs::rename(from, bench.path(name)).unwrap();
        }
    }
    (bench, Server::start())
}

const DAY: &str = "2025-10-27";

/// The line of an entry.
fn open(number: u64) -> String {
    line(&entry(number))
}

/// The line of its exit.
fn closed(number: u64) -> String {
    let entry = entry(number);
    let exit = entry.exit(time("2025-10-26T15:00:00Z"), "152.00");
    line(
        &exit
            .because("At the target")
            .commission("0")
            .build()
            .unwrap(),
    )
}

fn line(record: &TradeRecord) -> String {
    let mut line = Vec::new();
    record.encode(&mut line);
    line.push(b'\n');
    String::from_utf8(line).unwrap()
}

#[track_caller]
fn same(one: &Ran, other: &Ran, line: &str) {
    assert_eq!(
        (one.code, &one.out, &one.err),
        (other.code, &other.out, &other.err),
        "{line}"
    );
}

fn lines() -> Vec<String> {
    let mut lines = vec![
        format!("summary --day {DAY}"),
        format!("summary --day {DAY} --json"),
        format!("summary --day {DAY} --mode LIVE"),
        "summary --day 2020-01-01".to_owned(),
    ];
    for line in [
        "metrics",
        "metrics --json",
        "metrics --by strategy --window 3",
        "metrics --by symbol --json --basis gross",
        "metrics --series",
        "metrics --series --json --starting-equity 10000",
        "metrics --tear-sheet",
        "metrics --tear-sheet --json --calendar all",
        "metrics --from 2025-10-27 --to 2025-10-27",
        "metrics --mode LIVE",
    ] {
        lines.push(line.to_owned());
    }
    lines
}

#[test]
fn what_is_printed_is_what_is_printed_without_it() {
    let (bench, server) = bench();
    let (url, unix) = (server.url(), server.unix_url());
    for (number, line) in lines().iter().enumerate() {
        let plain = bench.tj(line);
        let first = bench.tj(&format!("{line} --cache {url}"));
        let second = bench.tj(&format!("--cache {unix} {line}"));
        same(&plain, &first, line);
        same(&plain, &second, line);
        let kept: Vec<String> = server.ask("KEYS perf:*");
        assert_eq!(kept.len(), number + 1, "{line}: {kept:?}");
    }
}

/// A kept answer that was changed shows that it is used, and when it is not used any more.
#[test]
fn an_answer_is_used_again_until_somebody_appends() {
    let (bench, server) = bench();
    let url = server.url();
    let plain = bench.tj("metrics");
    let ask = || bench.tj(&format!("metrics --cache {url}"));
    ask().fine();
    let keys: Vec<String> = server.ask("KEYS perf:metrics:*");
    let client = ::redis::Client::open(url.as_str()).unwrap();
    let mut connection = client.get_connection().unwrap();
    let kept: String = ::redis::cmd("GET")
        .arg(&keys[0])
        .query(&mut connection)
        .unwrap();
    let changed = kept.replace("PAPER", "PAPIR");
    let () = ::redis::cmd("SET")
        .arg(&keys[0])
        .arg(changed)
        .query(&mut connection)
        .unwrap();
    assert_eq!(ask().fine().out, plain.out.replace("PAPER", "PAPIR"));
    // Who asks another question gets another answer.
    assert!(
        !bench
            .tj(&format!("metrics --json --cache {url}"))
            .fine()
            .out
            .contains("PAPIR")
    );
    // Who appends need not know of any cache.
    let both = open(1) + &closed(1);
    bench.tj_with("append trades", both.as_bytes()).fine();
    same(&bench.tj("metrics"), &ask(), "metrics");
    assert_ne!(ask().out, plain.out);
}

#[test]
fn whoever_closes_trades_gives_up_what_bots_keep_of_them() {
    let (bench, server) = bench();
    let url = server.url();
    let generation = || -> Option<String> { server.ask("GET generation:perf") };
    let mut seen = vec![generation()];
    let entered = open(1) + &open(2);
    bench
        .tj_with(&format!("append trades --cache {url}"), entered.as_bytes())
        .fine();
    assert_eq!(generation(), seen[0], "nothing was closed");
    let left = closed(1);
    bench
        .tj_with(&format!("append trades --cache {url}"), left.as_bytes())
        .fine();
    let mut is_new = |what: &str| {
        assert!(!seen.contains(&generation()), "{what}");
        seen.push(generation());
    };
    is_new("append");
    bench.write("older.jsonl", closed(2));
    bench
        .tj(&format!("import trades older.jsonl --cache {url}"))
        .fine();
    is_new("import");
    let none = bench.tj(&format!("import trades older.jsonl --cache {url}"));
    assert_eq!(none.code, 1);
    assert_eq!(Some(&generation()), seen.last(), "nothing was written");
}

#[test]
fn a_redis_that_is_away_is_one_warning_and_nothing_else() {
    let (bench, mut server) = bench();
    server.kill();
    let url = server.url();
    for line in lines() {
        let plain = bench.tj(&line);
        let ran = bench.tj(&format!("{line} --cache {url}"));
        assert_eq!((ran.code, &ran.out), (plain.code, &plain.out), "{line}");
        let warning = ran.err.strip_prefix(&plain.err).unwrap();
        assert!(
            warning.starts_with("warning: no cache: cannot read perf:"),
            "{warning}"
        );
        assert!(warning.contains("Connection refused"), "{warning}");
        assert_eq!(warning.lines().count(), 1, "{warning}");
    }
    let left = closed(1);
    let append = format!("append trades --cache {url}");
    let ran = bench.tj_with(&append, left.as_bytes()).code(0);
    assert!(
        ran.out.starts_with("1 record appended to trades"),
        "{}",
        ran.out
    );
    assert!(
        ran.err
            .starts_with("warning: no cache: cannot give up perf:*"),
        "{}",
        ran.err
    );
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
}

#[test]
fn a_redis_that_stands_still_is_not_waited_for() {
    let (bench, server) = bench();
    server.pause();
    let plain = bench.tj("metrics");
    let begun = Instant::now();
    let ran = bench.tj(&format!("metrics --cache {}", server.url()));
    // It waits a quarter of a second; a loaded machine takes longer for everything.
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!((ran.code, ran.out), (plain.code, plain.out));
    assert!(ran.err.contains("no answer in time"), "{}", ran.err);
}

#[test]
fn an_answer_with_an_error_in_it_is_not_kept() {
    let (bench, server) = bench();
    let day = bench.path("logs/trades").join(format!("{DAY}.jsonl"));
    let mut bytes = fs::read(&day).unwrap();
    // In the first record; its day is still there.
    let at = bytes.windows(6).position(|it| it == b"symbol").unwrap();
    bytes[at] = b'S';
    fs::write(&day, bytes).unwrap();
    for line in [format!("summary --day {DAY}"), "metrics".to_owned()] {
        let plain = bench.tj(&line);
        assert_eq!(plain.code, 1, "{}", plain.err);
        for _ in 0..2 {
            same(
                &plain,
                &bench.tj(&format!("{line} --cache {}", server.url())),
                &line,
            );
        }
    }
    let kept: Vec<String> = server.ask("KEYS perf:*");
    assert_eq!(kept, [""; 0]);
}

#[test]
fn flag_environment_and_file_name_a_redis_or_a_folder() {
    let (bench, server) = bench();
    let url = server.url();
    let secret = url.replace("//", "//bot:hunter2@");
    bench.write(
        "tj.toml",
        format!("[journal]\ncache = \"c\"\n[cache]\nurl = \"{secret}\"\n"),
    );
    let shown = |line: &str| -> Vec<(String, serde_json::Value, serde_json::Value)> {
        let rows = bench.shell(line).fine().json();
        assert!(!rows.iter().any(|it| it.to_string().contains("hunter2")));
        let wanted = ["journal.cache", "cache.url"];
        let rows = rows
            .iter()
            .filter(|it| wanted.contains(&it["key"].as_str().unwrap()));
        rows.map(|it| {
            let key = it["key"].as_str().unwrap().to_owned();
            (key, it["value"].clone(), it["from"].clone())
        })
        .collect()
    };
    let row = |key: &str, value: &str, from: &str| (key.to_owned(), value.into(), from.into());
    assert_eq!(
        shown("tj config show --json"),
        [
            row("journal.cache", "c", "file"),
            row("cache.url", &url, "file")
        ]
    );
    assert_eq!(
        shown("TJ_CACHE=unix:///run/r.sock?pass=hunter2 tj config show --json"),
        [
            row("journal.cache", "c", "file"),
            row("cache.url", "unix:///run/r.sock", "env")
        ]
    );
    assert_eq!(
        shown("TJ_CACHE=unix:///run/r.sock tj config show --json --cache d"),
        [
            row("journal.cache", "d", "flag"),
            row("cache.url", "unix:///run/r.sock", "env")
        ]
    );
    // The server wants no password, and takes any for a user that it does not know as a wrong one.
    let ran = bench.tj("metrics").code(0);
    assert!(
        ran.err.starts_with("warning: no cache: ") && ran.err.contains("WRONGPASS"),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    bench.write("tj.toml", format!("[cache]\nurl = \"{url}\"\n"));
    bench.tj("metrics").fine();
    let kept: Vec<String> = server.ask("KEYS perf:*");
    assert_eq!(kept.len(), 1);
}

#[test]
fn a_url_that_is_none_is_refused_without_its_password() {
    let (bench, _server) = bench();
    for line in [
        "metrics --cache redis://:hunter2@host/x",
        "metrics --cache rediss://:hunter2@host",
        "--cache redis://:hunter2@host/0#x summary",
        "append trades --cache unix:///p?pass=hunter2&pass=x",
    ] {
        let ran = bench.tj(line).code(2);
        assert!(ran.err.starts_with("tj: --cache: "), "{}", ran.err);
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    }
    bench.write(
        "tj.toml",
        "[cache]\nurl = \"http://:hunter2@host\"\nttl = 1\n",
    );
    let ran = bench.tj("metrics").code(2);
    assert!(
        ran.err.contains("line 2: `url` is no URL of a Redis"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("line 3: unknown key `ttl` (known: url)"),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    bench.write("tj.toml", "cache = \"c\"\n");
    let ran = bench.tj("metrics").code(2);
    assert!(
        ran.err
            .contains("`cache` outside a section (it belongs into [journal])"),
        "{}",
        ran.err
    );
}
