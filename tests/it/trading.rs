//! A journal with three months of trading in it, for what is made of many trades.

use std::{path::Path, sync::Arc, time::Duration};

use rust_decimal::Decimal;
use tradejournal::journal::{Options, WriterOptions};
use tradejournal::record::field::{Action, AlertEvent, ExecutionMode, RiskSeverity};
use tradejournal::record::{
    PerformanceMetric, PerformanceParts, RiskEvent, RiskParts, TradeRecord,
};
use tradejournal::time::{Day, ManualClock};

use super::sample::{stamp, time};

/// A strategy whose name would be a program, if anybody let it.
pub const HOSTILE: &str =
    "</script><script>document.title='ran'</script><img src=x onerror=\"ran()\">";

const SYMBOLS: [(&str, i64); 5] = [
    ("AAPL", 26_281),
    ("F", 1211),
    ("NVDA", 18_626),
    ("SPY", 67_724),
    ("TSLA", 43_372),
];
const STRATEGIES: [&str; 4] = ["bull-flag-breakout", "ema-pullback", "gap & go", HOSTILE];
const HELD_SECONDS: [u64; 6] = [40, 200, 700, 2400, 9000, 40_000];

/// Trades of August to October 2025 in `folder`/logs: two of three live, some short, some in two exits, one
/// whose entry is missing, a few that are still open; and events of risk and alerts.
pub fn quarter(folder: &Path) {
    let clock = Arc::new(ManualClock::new(time("2025-11-01T12:00:00Z")));
    let journal = Options::new(folder.join("logs"))
        .name("quarter")
        .clock(Arc::clone(&clock) as _)
        .writer(WriterOptions::default().background(false))
        .open()
        .unwrap();
    let trades = journal.writer::<TradeRecord>().unwrap();
    trades.append_all(&records()).unwrap();
    trades.close().unwrap();
    let risks = journal.writer::<RiskEvent>().unwrap();
    for (at, severity) in [
        ("2025-08-13T15:10:00Z", RiskSeverity::Warning),
        ("2025-09-18T15:10:00Z", RiskSeverity::Critical),
        ("2025-10-14T18:40:00Z", RiskSeverity::Critical),
        ("2025-10-14T18:45:00Z", RiskSeverity::Warning),
    ] {
        risks.append(&risk(at, severity)).unwrap();
    }
    risks.close().unwrap();
    let alerts = journal.writer::<PerformanceMetric>().unwrap();
    for (at, event) in [
        ("2025-10-14T18:30:00Z", Some(AlertEvent::Fired)),
        ("2025-10-15T18:30:00Z", None),
        ("2025-10-16T18:30:00Z", Some(AlertEvent::Resolved)),
    ] {
        alerts.append(&alert(at, event)).unwrap();
    }
    alerts.close().unwrap();
}

fn records() -> Vec<TradeRecord> {
    let mut dice = Dice(20_251_101);
    let mut records = Vec::new();
    let mut number = 0;
    let mut day: Day = "2025-08-04".parse().unwrap();
    let last: Day = "2025-10-31".parse().unwrap();
    while day <= last {
        let is_weekend = (day.unix_days() + 3) % 7 >= 5;
        let count = if is_weekend { 0 } else { dice.below(5) };
        for _ in 0..count {
            number += 1;
            let opened = day.start().saturating_add(Duration::from_secs(
                13 * 3600 + 1800 + u64::try_from(dice.below(20_000)).unwrap(),
            ));
            records.extend(trade(number, opened, &mut dice));
        }
        day = day.next();
    }
    records.sort_by_key(TradeRecord::timestamp);
    records
}

fn trade(number: i64, opened: tradejournal::time::Timestamp, dice: &mut Dice) -> Vec<TradeRecord> {
    let (symbol, cents) = SYMBOLS[usize::try_from(dice.below(5)).unwrap()];
    let price = cents + dice.below(401) - 200;
    let is_long = dice.below(5) != 0;
    let shares = 20 * (1 + dice.below(4));
    let mode = match number % 3 {
        0 => ExecutionMode::Paper,
        _ => ExecutionMode::Live,
    };
    let (action, stop) = match is_long {
        true => (Action::Buy, price - price * 6 / 1000),
        false => (Action::Sell, price + price * 6 / 1000),
    };
    let mut entry =
        TradeRecord::entry(symbol, action, u32::try_from(shares).unwrap(), money(price))
            .at(opened)
            .order_id(format!("order-{number:03}").as_str())
            .mode(mode)
            .account(if number % 2 == 0 { "main" } else { "second" })
            .strategy(
                STRATEGIES[usize::try_from(dice.below(4)).unwrap()],
                "breakout",
            )
            .because("Broke out of its range")
            .indicators(["VWAP"])
            .slippage(money(dice.below(3)))
            .stamp(&stamp());
    if number % 7 != 0 {
        entry = entry.stop_loss(money(stop));
    }
    let entry = entry.build().unwrap();
    let held = HELD_SECONDS[usize::try_from(dice.below(6)).unwrap()];
    let end = price + price * (dice.below(1801) - 850) / 100_000;
    let exit = |after: u64, shares: i64| {
        let at = opened.saturating_add(Duration::from_secs(after));
        let exit = entry
            .exit(at, money(end))
            .quantity(u32::try_from(shares).unwrap());
        let exit = exit.because("Done").commission(money(35 + shares));
        exit.build().unwrap()
    };
    match number {
        5 => vec![exit(held, shares)],
        _ if number % 45 == 0 => vec![entry.clone()],
        _ if number % 8 == 0 => {
            let half = shares / 2;
            let exits = [exit(held, half), exit(held + 60, shares - half)];
            [vec![entry.clone()], exits.to_vec()].concat()
        }
        _ => vec![entry.clone(), exit(held, shares)],
    }
}

fn risk(at: &str, severity: RiskSeverity) -> RiskEvent {
    RiskEvent::new(RiskParts {
        timestamp: time(at),
        event_type: RiskEvent::CIRCUIT_BREAKER_TRIP,
        severity,
        daily_pnl: "-310.50".parse().unwrap(),
        daily_pnl_pct: "-1.242".parse().unwrap(),
        consecutive_losses: 3,
        action_taken: RiskEvent::TRADING_PAUSED,
        config_snapshot: r#"{"max_daily_loss_pct":"1"}"#.parse().unwrap(),
    })
    .unwrap()
}

fn alert(at: &str, event: Option<AlertEvent>) -> PerformanceMetric {
    PerformanceMetric::new(PerformanceParts {
        timestamp: time(at),
        window_size: std::num::NonZeroU32::new(20).unwrap(),
        win_rate: Some("0.35".parse().unwrap()),
        profit_factor: Some("0.8".parse().unwrap()),
        max_drawdown_pct: "-2.5".parse().unwrap(),
        consecutive_losses: 2,
        total_trades: 20,
        alert_triggered: event == Some(AlertEvent::Fired),
        alert_message: event.map(|_| {
            "Win rate 0.35 of the last 20 trades is below 0.4"
                .parse()
                .unwrap()
        }),
        execution_mode: Some(ExecutionMode::Live),
        scope: None,
        rule_id: event.map(|_| "low_win_rate".parse().unwrap()),
        event,
        status: None,
    })
    .unwrap()
}

fn money(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

/// Numbers that look like chance and are always the same: SplitMix64.
struct Dice(u64);

impl Dice {
    /// A number from 0 to below `count`.
    fn below(&mut self, count: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        i64::try_from(mixed >> 1).unwrap() % count
    }
}
