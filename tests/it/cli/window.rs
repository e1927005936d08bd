//! `tj window`: what is printed, what is refused, what is in the files, and a process that is killed.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use super::run::Bench;

const OLD: &str = "2024-10-23T14:30";

fn line(id: u64, time: &str, size: &str) -> String {
    format!(
        r#"{{"id":{id},"time":"{time}","symbol":"BTCUSDT","side":"buy","price":"60000.00","size":"{size}"}}"#
    )
}

/// Trades of three old minutes of two symbols.
fn trades() -> String {
    let mut text = String::new();
    for (id, minute, symbol) in [(1, 30, "BTCUSDT"), (2, 31, "BTCUSDT"), (3, 30, "ETH/USDT")] {
        text += &format!(
            r#"{{"id":"{id}","time":"2024-10-23T14:{minute}:05Z","symbol":"{symbol}","side":"sell","price":100.50,"size":2}}"#
        );
        text.push('\n');
    }
    text
}

#[test]
fn trades_become_files_which_load_shows() {
    let bench = Bench::new();
    bench.write("trades.jsonl", trades());
    bench.write("tj.toml", "[window]\narchive = \"never\"\n");
    let ran = bench.tj("window run --from trades.jsonl").fine();
    assert_eq!(
        ran.out,
        "3 lines: 3 trades kept, 0 known already, 0 late, 0 refused; 0 minutes in the window, 3 files written\n"
    );
    let file = bench.path("storage/ETH%2FUSDT/trades_20241023_1430.json");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let folder = fs::metadata(bench.path("storage/BTCUSDT")).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    let ran = bench.tj("window load 2024-10-23T14:30").code(2);
    assert!(
        ran.err
            .contains("hint: there are 2 of them: BTCUSDT, ETH/USDT"),
        "{}",
        ran.err
    );
    let ran = bench
        .tj("window load 2024-10-23T14:00 --to 2024-10-23T15:00 --symbol BTCUSDT --json")
        .fine();
    assert_eq!(ran.out.lines().count(), 2);
    assert!(ran.out.contains(r#""total_volume":"2","delta":"-2","trade_count":1,"footprint":{"timestamp":"2024-10-23T14:30:00.000000""#), "{}", ran.out);
    let ran = bench
        .tj("window load 2024-10-23T15:30 --symbol BTCUSDT")
        .code(1);
    assert_eq!(
        ran.err,
        "tj: nothing of BTCUSDT was traded in 2024-10-23T15:30 UTC, or nobody wrote it down\n"
    );
    let again = bench.tj("window run --from trades.jsonl --json").fine();
    assert!(
        again
            .out
            .starts_with(r#"{"lines":3,"kept":0,"duplicates":3,"#),
        "{}",
        again.out
    );
    let ran = bench.tj("window status").fine();
    assert!(ran.out.starts_with("storage: no collector runs\n  2 symbols, 0 minutes in the window, 3 in files, 0 days archived\n"), "{}", ran.out);
    let ran = bench.tj("window status --json").fine();
    assert!(ran.out.contains(r#""stored_minutes":3"#), "{}", ran.out);
    bench.tj("window flush").fine();
}

#[test]
fn what_is_no_trade_is_told_and_the_others_are_taken() {
    let bench = Bench::new();
    let text = [
        "nonsense",
        &line(1, "2024-10-23T14:30:05Z", "1"),
        "",
        &line(2, "2999-01-01T00:00:00Z", "1"),
    ]
    .join("\n");
    bench.write("trades.jsonl", text);
    let ran = bench
        .tj("window run --from trades.jsonl --symbol BTCUSDT --acks")
        .code(1);
    assert_eq!(
        ran.out,
        "{\"lines\":4,\"kept\":1,\"duplicates\":0,\"late\":0,\"refused\":2}\n"
    );
    assert!(
        ran.err.starts_with("warning: line 1 is not taken: "),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains(
            "warning: line 4 is not taken: its time 2999-01-01T00:00:00.000Z is ahead of the clock"
        ),
        "{}",
        ran.err
    );
    assert!(bench.path("storage/trades_20241023_1430.json").is_file());
    let ran = bench.tj("window run --from trades.jsonl").code(3);
    assert!(
        ran.err.contains(
            "it has minutes of BTCUSDT alone with each price a level, not minutes of any symbol"
        ),
        "{}",
        ran.err
    );
    assert!(
        ran.err
            .contains("hint: name another folder with --storage, or the same --symbol and --step"),
        "{}",
        ran.err
    );
    let ran = bench.tj("window run --from nowhere.jsonl").code(3);
    assert!(
        ran.err.starts_with("tj: cannot read nowhere.jsonl: "),
        "{}",
        ran.err
    );
    for command in [
        "window status --storage nowhere",
        "window flush --storage nowhere",
        "window load 2024-10-23T14:30 --storage nowhere",
    ] {
        let ran = bench.tj(command).code(3);
        assert!(
            ran.err
                .starts_with("tj: there is no folder nowhere\nhint: "),
            "{}",
            ran.err
        );
    }
    bench.tj("window run --from - --step 0").code(2);
    let ran = bench.tj("window run --from - --redis nowhere").code(2);
    assert!(ran.err.starts_with("tj: --redis: "), "{}", ran.err);
    bench.write(
        "tj.toml",
        "[window]\nredis = \"rediss://bot:secret@host\"\n",
    );
    let ran = bench.tj("window status").code(2);
    assert!(ran.err.contains("line 2: `redis` is "), "{}", ran.err);
    assert!(!ran.err.contains("secret"), "{}", ran.err);
    fs::remove_file(bench.path("tj.toml")).unwrap();
    bench.tj("window load yesterday-ish").code(2);
}

#[test]
fn settings_come_from_toml_and_from_the_yaml_of_older_collectors() {
    let bench = Bench::new();
    bench.write("trades.jsonl", line(1, "2024-10-23T14:30:05Z", "1"));
    bench.write("tj.toml", "[window]\nstorage = \"minutes\"\nsymbol = \"BTCUSDT\"\nstep = \"25\"\nmetrics_file = \"tj.prom\"\n");
    bench.tj("window run --from trades.jsonl").fine();
    assert!(bench.path("minutes/trades_20241023_1430.json").is_file());
    let metrics = fs::read_to_string(bench.path("tj.prom")).unwrap();
    assert!(
        metrics.contains("\ntj_window_trades_total 1\n"),
        "{metrics}"
    );
    let ran = bench.tj("config show").fine();
    assert!(ran.out.contains("window.step"), "{}", ran.out);
    bench.write("tj.toml", "[window]\nstorge = \"minutes\"\nstep = 0.5\n");
    let ran = bench.tj("window status").code(2);
    assert!(
        ran.err
            .contains("line 2: unknown key `storge` (did you mean `storage`?)"),
        "{}",
        ran.err
    );
    assert!(
        ran.err
            .contains("line 3: `step` is a decimal above 0 as a text"),
        "{}",
        ran.err
    );
    bench.write(
        "old.yaml",
        "redis:\n  host: \"localhost\"\n  port: 6379\n  db: 0\n  storage_dirr: \"storage\"\n",
    );
    let ran = bench.tj("--config old.yaml window status").code(2);
    assert!(
        ran.err
            .contains("line 5: unknown key `storage_dirr` (did you mean `storage_dir`?)"),
        "{}",
        ran.err
    );
}

#[test]
fn a_collector_that_is_killed_has_what_it_acknowledged_and_one_has_the_folder() {
    let bench = Bench::new();
    let mut child = bench
        .command()
        .args([
            "window", "run", "--from", "-", "--symbol", "BTCUSDT", "--acks",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut acks = BufReader::new(child.stdout.take().unwrap());
    let mut ack = String::new();
    for id in 0..50 {
        writeln!(input, "{}", line(id, &format!("{OLD}:07Z"), "0.1")).unwrap();
        input.flush().unwrap();
        ack.clear();
        acks.read_line(&mut ack).unwrap();
        assert!(
            ack.starts_with(&format!("{{\"lines\":{},", id + 1)),
            "{ack}"
        );
    }
    let ran = bench.tj("window flush --symbol BTCUSDT").code(3);
    assert!(
        ran.err.starts_with(
            "tj: cannot open the window: open the window storage: another collector has it\nhint: "
        ),
        "{}",
        ran.err
    );
    // Whoever looks meanwhile sees minutes that are not in files yet.
    let ran = bench.tj("window load 2024-10-23T14:30 --json").fine();
    assert!(ran.out.contains(r#""total_volume":"5.0""#), "{}", ran.out);
    assert!(
        bench
            .tj("window status")
            .fine()
            .out
            .contains("a collector has it now")
    );
    child.kill().unwrap();
    child.wait().unwrap();
    let ran = bench.tj("window load 2024-10-23T14:30 --json").fine();
    assert!(
        ran.out
            .contains(r#""total_volume":"5.0","delta":"5.0","trade_count":50"#),
        "{}",
        ran.out
    );
    bench.tj("window flush --symbol BTCUSDT").fine();
    assert!(bench.path("storage/trades_20241023_1430.json").is_file());
    // The day is old enough for the archive, once nobody has anything to do with it.
    bench.tj("window flush --symbol BTCUSDT").fine();
    assert!(!bench.path("storage/trades_20241023_1430.json").exists());
    assert!(
        bench
            .path("archive/window/BTCUSDT/20241023.jsonl.gz")
            .is_file()
    );
    let again = bench.tj("window load 2024-10-23T14:30 --json").fine();
    assert_eq!(again.out, ran.out);
    let ran = bench
        .tj("window load 2024-10-23T14:30 --symbol ETHUSDT")
        .code(1);
    assert!(ran.out.is_empty(), "{}", ran.out);
}

#[test]
fn verify_and_status_of_the_journal_look_at_minutes_too() {
    let bench = Bench::new();
    bench
        .tj_with("append trades", super::run::trades(2).as_bytes())
        .fine();
    bench.write("trades.jsonl", line(1, "2024-10-23T14:30:05Z", "1"));
    bench
        .tj("window run --from trades.jsonl --symbol BTCUSDT")
        .fine();
    let ran = bench.tj("status").fine();
    assert!(
        ran.out.contains(
            "minutes in storage: 0 in the window, 1 in files, 0 days archived; no collector runs\n"
        ),
        "{}",
        ran.out
    );
    // The day has left the window long ago: it is archived with the next run.
    let ran = bench.tj("window flush --symbol BTCUSDT").fine();
    assert_eq!(
        ran.out,
        "0 files written, 0 minutes in the window, 1 days archived\n"
    );
    assert!(
        bench
            .path("archive/window/BTCUSDT/20241023.jsonl.gz")
            .is_file()
    );
    let ran = bench.tj("verify").fine();
    assert!(
        ran.out
            .contains("minutes of public trades: 0 files, 1 day archived, 1 minute: 0 problems\n"),
        "{}",
        ran.out
    );
    fs::remove_file(bench.path("archive/window/BTCUSDT/20241023.sha256")).unwrap();
    let ran = bench.tj("verify").code(1);
    assert!(ran.out.contains("archive/window/BTCUSDT/20241023.jsonl.gz: its seal archive/window/BTCUSDT/20241023.sha256 is not there\n"), "{}", ran.out);
}
