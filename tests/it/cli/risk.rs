//! `tj risk`: what a person sees of the limits of risk, and resuming by hand.

use serde_json::{Value, json};
use tradejournal::books::Zone;
use tradejournal::books::risk::{Proposed, Reset, RiskLimits, Verdict};
use tradejournal::bot::RiskGuard;
use tradejournal::journal::{Journal, Options};
use tradejournal::record::field::{Action, ExecutionMode};
use tradejournal::record::{RiskEvent, TradeRecord};
use tradejournal::time::{Clock as _, SystemClock};

use super::run::Bench;
use crate::sample::stamp;

const LIMITS: &str = "[risk]\nmax_position_pct = 5\nmax_daily_loss_pct = 3.0\n\
                      max_consecutive_losses = 2\nreset = \"by-hand\"\n";

fn journal(bench: &Bench) -> Journal {
    Options::new(bench.path("logs"))
        .name("mine")
        .open()
        .unwrap()
}

fn guard(journal: &Journal, mode: ExecutionMode) -> RiskGuard {
    let limits = RiskLimits {
        max_position_pct: Some("5".parse().unwrap()),
        max_daily_loss_pct: Some("3".parse().unwrap()),
        max_consecutive_losses: Some("2".parse().unwrap()),
        reset: Reset::ByHand,
    };
    let worth = "10000".parse().unwrap();
    RiskGuard::open(journal, limits, mode, Zone::default(), worth).unwrap()
}

fn is_allowed(guard: &RiskGuard) -> bool {
    let proposed = Proposed::new(
        "AAPL".parse().unwrap(),
        2_u16.try_into().unwrap(),
        "150.25".parse().unwrap(),
    );
    guard.check(&proposed, "10000".parse().unwrap()) == Verdict::Allowed
}

/// Appends an order of 10 shares that loses 10 right now, or that stays open.
fn trade(journal: &Journal, order: &str, mode: ExecutionMode, closes: bool) -> Vec<TradeRecord> {
    let now = SystemClock.now();
    let entry = TradeRecord::entry("AAPL", Action::Buy, 10, "150.25")
        .at(now)
        .order_id(order)
        .mode(mode)
        .strategy("bull-flag-breakout", "breakout")
        .because("Broke out")
        .indicators(["VWAP"])
        .stamp(&stamp())
        .build()
        .unwrap();
    let mut records = vec![entry.clone()];
    if closes {
        records.push(entry.exit(SystemClock.now(), "149.25").build().unwrap());
    }
    let writer = journal.writer::<TradeRecord>().unwrap();
    writer.append_all(&records).unwrap();
    writer.close().unwrap();
    records
}

fn status(bench: &Bench, flags: &str) -> Value {
    let ran = bench.tj(&format!("risk status --json {flags}")).fine();
    let [status] = &ran.json()[..] else {
        panic!("{}", ran.out);
    };
    status.clone()
}

#[test]
fn a_pause_is_shown_and_a_reset_reaches_the_running_bot() {
    let bench = Bench::new();
    bench.write("tj.toml", LIMITS);
    let journal = journal(&bench);
    let bot = guard(&journal, ExecutionMode::Live);
    let worth = "10000".parse().unwrap();
    for order in ["order-1", "order-2"] {
        for record in trade(&journal, order, ExecutionMode::Live, true) {
            bot.observe(&record, worth);
        }
    }
    trade(&journal, "order-3", ExecutionMode::Paper, false);
    assert!(!is_allowed(&bot));
    let found = status(&bench, "--portfolio-value 10000");
    assert_eq!(
        found["limits"],
        json!({"max_position_pct": "5", "max_daily_loss_pct": "3", "max_consecutive_losses": 2,
               "reset": "by-hand"})
    );
    let (live, paper) = (&found["modes"][0], &found["modes"][1]);
    assert_eq!(live["execution_mode"], "LIVE");
    assert_eq!(live["paused"], true);
    assert_eq!(live["rules"], json!(["losing_streak"]));
    assert_eq!(live["reset"], "by-hand");
    assert_eq!(live["recorded"], true);
    assert_eq!(live["consecutive_losses"], 2);
    assert_eq!(live["losses_since_reset"], 2);
    assert_eq!(live["open_positions"], json!([]));
    assert_eq!(paper["paused"], false);
    assert_eq!(paper["paused_since"], Value::Null);
    assert_eq!(paper["open_positions"][0]["symbol"], "AAPL");
    assert_eq!(paper["open_positions"][0]["quantity"], 10);
    assert_eq!(status(&bench, "")["modes"][0]["daily_pnl_pct"], Value::Null);
    let modes = status(&bench, "--mode paper")["modes"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(modes, 1);
    let text = bench.tj("risk status").fine().out;
    assert!(text.contains("\nLIVE   paused   "), "{text}");
    assert!(
        text.contains("\nLIVE: `tj risk reset` resumes trading, and nothing else does\n"),
        "{text}"
    );
    assert!(
        text.contains("\nPAPER: BUY 10 AAPL at 150.25 is open since "),
        "{text}"
    );
    assert!(
        text.ends_with(
            "limits: 5 % in a position, 3 % lost a day, 2 losses in a row; reset by-hand\n"
        ),
        "{text}"
    );

    let ran = bench
        .shell("tj risk reset --why 'the feed was stale' --json")
        .fine();
    let done = &ran.json()[0];
    assert_eq!(done["execution_mode"], "LIVE");
    assert_eq!(done["stream"], "risk-management");
    assert_eq!(done["seq"], 2);
    assert_eq!(done["durable"], true);
    assert_eq!(done["paused_since"], live["paused_since"]);
    assert!(is_allowed(&bot));
    assert_eq!(status(&bench, "")["modes"][0]["paused"], false);
    assert_eq!(status(&bench, "")["modes"][0]["losses_since_reset"], 0);

    let ran = bench.shell("tj risk reset --why again").code(1);
    assert_eq!(
        ran.err,
        "trading is not paused, there is nothing to reset\n"
    );
    let ran = bench
        .shell("tj risk reset --mode PAPER --why again")
        .code(1);
    assert_eq!(
        ran.err,
        "PAPER: trading is not paused, there is nothing to reset\n"
    );
    let ran = bench.tj("risk events").fine();
    let kinds: Vec<&str> = [
        "circuit_breaker_trip",
        "check_while_paused",
        "circuit_breaker_reset",
    ]
    .into();
    for (line, kind) in ran.out.lines().skip(1).zip(kinds) {
        assert!(line.contains(kind) && line.contains("  LIVE  "), "{line}");
    }
    assert!(
        ran.out.contains("losing_streak, 2 AAPL at 150.25\n"),
        "{}",
        ran.out
    );
    assert!(
        ran.out
            .contains("losing_streak, by-hand, the feed was stale\n"),
        "{}",
        ran.out
    );
    let ran = bench.tj("risk events --json").fine();
    assert_eq!(
        ran.out,
        bench.shell("cat logs/risk-management/*.jsonl").fine().out
    );
    let reset: RiskEvent = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
    let snapshot: Value = serde_json::from_str(reset.config_snapshot().as_str()).unwrap();
    assert_eq!(snapshot["why"], "the feed was stale");
    assert_eq!(
        snapshot["portfolio_value"], "10000",
        "as it was when trading was paused"
    );
    assert_eq!(
        reset.daily_pnl().to_string(),
        live["daily_pnl"].as_str().unwrap()
    );
    assert_eq!(
        bench.tj("risk events --to 2020-01-01").code(1).err,
        "no risk events\n"
    );
}

#[test]
fn a_pause_that_nobody_recorded_is_shown_and_recorded_with_its_end() {
    let bench = Bench::new();
    bench.write("tj.toml", LIMITS);
    let journal = journal(&bench);
    trade(&journal, "order-1", ExecutionMode::Paper, true);
    trade(&journal, "order-2", ExecutionMode::Paper, true);
    let found = status(&bench, "--mode PAPER");
    assert_eq!(found["modes"][0]["paused"], true);
    assert_eq!(found["modes"][0]["recorded"], false);
    let text = bench.tj("risk status").fine().out;
    assert!(
        text.contains(
            "PAPER: this follows from the trades; risk-management has no event of it yet\n"
        ),
        "{text}"
    );
    // Nothing says what the portfolio was worth.
    let ran = bench.tj("risk reset --why seen").code(2);
    assert!(
        ran.err.contains("\nhint: say it with --portfolio-value"),
        "{}",
        ran.err
    );
    let ran = bench
        .tj("risk reset --why seen --portfolio-value 10000")
        .fine();
    assert!(
        ran.out
            .starts_with("PAPER: trading resumes after a pause since "),
        "{}",
        ran.out
    );
    let kinds: Vec<Value> = bench.tj("risk events --json").fine().json();
    let kinds: Vec<&Value> = kinds.iter().map(|it| &it["event_type"]).collect();
    assert_eq!(kinds, ["circuit_breaker_trip", "circuit_breaker_reset"]);
    assert_eq!(status(&bench, "")["modes"][1]["paused"], false);
    assert!(is_allowed(&guard(&journal, ExecutionMode::Paper)));
}

#[test]
fn which_mode_is_resumed_must_be_said_when_both_are_paused() {
    let bench = Bench::new();
    bench.write("tj.toml", LIMITS);
    let journal = journal(&bench);
    for (number, mode) in [ExecutionMode::Live, ExecutionMode::Paper]
        .into_iter()
        .enumerate()
    {
        trade(&journal, &format!("order-{number}-1"), mode, true);
        trade(&journal, &format!("order-{number}-2"), mode, true);
        assert!(!is_allowed(&guard(&journal, mode)));
    }
    let ran = bench.tj("risk reset --why seen").code(2);
    assert_eq!(
        ran.err,
        "tj: LIVE and PAPER are both paused\nhint: say which with --mode\n"
    );
    bench.tj("risk reset --why seen --mode live").fine();
    let found = status(&bench, "");
    assert_eq!(
        (&found["modes"][0]["paused"], &found["modes"][1]["paused"]),
        (&json!(false), &json!(true))
    );
    bench.tj("risk reset --why seen").fine();
}

#[test]
fn wrong_usage_is_code_2() {
    let bench = Bench::new();
    bench.tj("demo").fine();
    for (line, wanted) in [
        ("risk", "Usage: tj risk"),
        ("risk reset", "--why <TEXT>"),
        ("risk status --mode SIM", "[possible values: PAPER, LIVE]"),
        (
            "risk status --portfolio-value 0",
            "must be a portfolio value above 0, got \"0\"",
        ),
        (
            "risk status --portfolio-value -5",
            "must be a portfolio value above 0, got \"-5\"",
        ),
        (
            "risk status --portfolio-value much",
            "must be a portfolio value above 0, got \"much\"",
        ),
        (
            "risk events --dir demo/logs --from yesteryear",
            "--from yesteryear: not a time",
        ),
        (
            "risk reset --dir demo/logs --why a@example.org",
            "--why must not have an e-mail address in it",
        ),
    ] {
        let ran = bench.tj(line).code(2);
        assert_eq!(ran.out, "", "{line}");
        assert!(ran.err.contains(wanted), "{line}: {}", ran.err);
    }
    let ran = bench
        .shell("tj risk reset --dir demo/logs --why ' '")
        .code(2);
    assert_eq!(ran.err, "tj: --why must say something\n");
    for line in ["risk status", "risk events", "risk reset --why x"] {
        let ran = bench.tj(line).code(3);
        assert!(
            ran.err.starts_with("tj: no journal in logs: "),
            "{}",
            ran.err
        );
        assert!(!bench.path("logs").exists());
    }
}

#[test]
fn every_part_has_help() {
    let bench = Bench::new();
    assert!(bench.tj("--help").fine().out.contains("\n  risk "));
    for line in [
        "risk --help",
        "risk status --help",
        "risk events --help",
        "risk reset --help",
    ] {
        let help = bench.tj(line).fine().out;
        assert!(help.contains("Usage: tj risk"), "{help}");
        assert!(help.contains("Examples:\n"), "{help}");
        assert!(help.lines().all(|it| it.chars().count() <= 100), "{help}");
    }
}

#[test]
fn wrong_limits_are_refused_with_line_and_reason() {
    let bench = Bench::new();
    bench.write(
        "tj.toml",
        "[risk]\nmax_daily_loss_pct = 300\nreset = \"soon\"\n",
    );
    let ran = bench.tj("config check").code(1);
    assert_eq!(
        ran.err,
        "tj: tj.toml: line 2: `max_daily_loss_pct` must be a percentage above 0 and at most 100, with at most \
         6 places, got \"300\"\ntj: tj.toml: line 3: `reset` is \"next-day\" or \"by-hand\"\n"
    );
    assert!(
        bench
            .tj("risk status")
            .code(2)
            .err
            .contains("max_daily_loss_pct")
    );
    bench.write("tj.toml", LIMITS);
    let shown = bench.tj("config show --json").fine().json();
    let row = |key: &str| shown.iter().find(|it| it["key"] == key).unwrap()["value"].clone();
    assert_eq!(row("risk.max_position_pct"), "5");
    assert_eq!(row("risk.max_consecutive_losses"), 2);
    assert_eq!(row("risk.reset"), "by-hand");
}

#[test]
fn a_line_that_cannot_be_read_is_named_and_the_rest_is_shown() {
    let bench = Bench::new();
    bench.tj("demo").fine();
    let path = bench.path("demo/logs/risk-management/2025-10-27.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    bench.write(
        "demo/logs/risk-management/2025-10-27.jsonl",
        text.replacen("\"severity\"", "\"sverity\"", 1),
    );
    let ran = bench.tj("risk status --dir demo/logs").code(1);
    assert!(ran.err.contains("2025-10-27.jsonl:1"), "{}", ran.err);
    assert!(ran.out.contains("\nPAPER  goes on"), "{}", ran.out);
}
