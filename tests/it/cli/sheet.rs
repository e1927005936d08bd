//! A tear sheet for people: what `tj metrics --tear-sheet` prints.

use serde_json::Value;

use super::report::{round, write};
use super::run::Bench;
use crate::trading::quarter;

fn rich() -> Bench {
    let bench = Bench::new();
    quarter(&bench.path(""));
    bench
}

/// The names of all values that are in no table.
fn names(value: &Value, path: &str, found: &mut Vec<String>) {
    for (name, value) in value.as_object().unwrap() {
        let path = match path {
            "" => name.clone(),
            path => format!("{path}.{name}"),
        };
        match value {
            Value::Object(_) if path != "nulls" => names(value, &path, found),
            Value::Object(_) | Value::Array(_) => {}
            _ => found.push(path),
        }
    }
}

/// The groups of the excursions stand in an object that stands in another, and only the counts beside them
/// were shown.
#[test]
fn every_value_of_the_json_is_shown_however_deep_it_stands() {
    let bench = rich();
    bench.write(
        "mae.csv",
        "order_id,mae,mfe\norder-001,-900,900\norder-002,-900,900\n",
    );
    let line = "metrics --tear-sheet --mode live --excursions mae.csv";
    let json = bench.tj(&format!("{line} --json")).code(0).json().remove(0);
    let shown = bench.tj(line).code(0).out;
    let mut wanted = Vec::new();
    names(&json, "", &mut wanted);
    assert!(wanted.iter().any(|it| it == "excursions.winners.mae_mean"));
    let first_words: Vec<&str> = shown
        .lines()
        .filter_map(|it| it.split_whitespace().next())
        .collect();
    for name in wanted {
        assert!(first_words.contains(&name.as_str()), "{name}: {shown}");
    }
}

#[test]
fn a_profit_factor_without_losses_is_endless_and_what_is_missing_has_its_reason() {
    let bench = Bench::new();
    write(&bench, &round("won", "2025-10-27T14:00:00Z", "110", "0"));
    let shown = bench.tj("metrics --tear-sheet").fine().out;
    let line = |name: &str| {
        let line = shown.lines().find(|it| it.starts_with(name)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("profit_factor "), "profit_factor \u{221e} (no losses)");
    assert_eq!(
        line("max_drawdown_pct "),
        "max_drawdown_pct - (no starting equity)"
    );
    // In a table a reason is told once, below it.
    assert!(
        shown.contains("\nprofit factor \u{221e}: no losses\n"),
        "{shown}"
    );
    assert!(
        shown.contains("\nreturn -: no starting equity\n"),
        "{shown}"
    );
    let report = bench.tj("report --day 2025-10-27").fine().out;
    assert!(
        report.contains("profit factor  \u{221e} (no losses)\n"),
        "{report}"
    );
}

/// Sharpe and volatility were multiplied by the root of 252 though there were 365 days of a year.
#[test]
fn a_year_has_as_many_days_as_its_calendar() {
    let bench = Bench::new();
    write(&bench, &round("won", "2025-10-27T14:00:00Z", "110", "0"));
    let periods = |flags: &str| {
        let line = format!("metrics --tear-sheet --json {flags}");
        bench.tj(&line).fine().json()[0]["periods_per_year"].clone()
    };
    assert_eq!(periods(""), 252);
    assert_eq!(periods("--calendar all"), 365);
    assert_eq!(periods("--calendar all --periods 300"), 300);
}
