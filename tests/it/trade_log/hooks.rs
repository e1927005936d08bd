//! A trading client with its hooks logged.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::tempdir;
use tradejournal::bot::{
    HookError, Logged, RiskCheck, Spread, SpreadParameters, TradeLog, TradingClient,
};
use tradejournal::disk::RealDisk;
use tradejournal::journal::Options;
use tradejournal::record::field::Pair;
use tradejournal::record::{DecisionRecord, ErrorRecord, FillRecord};
use tradejournal::time::Clock;

use super::{NAME, by_day, fill, journal, noon, options};

#[derive(Debug, thiserror::Error)]
#[error("the market is shut")]
struct Shut;

/// A client that quotes what it is told, and remembers what it was told.
#[derive(Debug)]
struct Client {
    symbol: Pair,
    filled: Vec<String>,
    risk: RiskCheck,
}

impl Client {
    fn new() -> Client {
        Client {
            symbol: "BTC-USDT".parse().unwrap(),
            filled: Vec::new(),
            risk: RiskCheck::Safe,
        }
    }
}

impl TradingClient for Client {
    type Market = str;
    type Error = Shut;

    fn symbol(&self) -> &Pair {
        &self.symbol
    }

    fn parameters(&self) -> SpreadParameters {
        SpreadParameters {
            gamma: "0.10".parse().unwrap(),
            sigma: "0.02".parse().unwrap(),
            k: "1.5".parse().unwrap(),
        }
    }

    fn order_filled(&mut self, fill: &FillRecord) {
        self.filled.push(fill.order_id().to_string());
    }

    fn calculate_spread(&mut self, market: &str) -> Result<Spread, Shut> {
        let ask_spread = market.parse().map_err(|_| Shut)?;
        let bid_spread = "0.025".parse().map_err(|_| Shut)?;
        Ok(Spread {
            bid_spread,
            ask_spread,
        })
    }

    fn check_risk(&mut self) -> Result<RiskCheck, Shut> {
        Ok(self.risk.clone())
    }
}

#[test]
fn what_a_client_does_is_logged_and_passes_through() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let journal = journal(Arc::new(RealDisk), &folder.path().join("logs"), &clock);
    let log = Arc::new(TradeLog::open(&journal, NAME, options()).unwrap());
    let mut client = Logged::new(Client::new(), Arc::clone(&log));
    client.order_filled(&fill(7, clock.now()));
    let spread = client.calculate_spread("0.0300").unwrap();
    assert_eq!(spread.ask_spread.to_string(), "0.0300");
    assert!(client.calculate_spread("shut").is_err());
    assert_eq!(client.check_risk().unwrap(), RiskCheck::Safe);
    let reason = "daily loss above 5 %".to_owned();
    client.client_mut().risk = RiskCheck::Breached { reason };
    assert!(matches!(
        client.check_risk().unwrap(),
        RiskCheck::Breached { .. }
    ));
    assert_eq!(client.troubles(), [""; 0]);
    assert_eq!(client.into_inner().filled, ["order-7"]);

    let fills: Vec<FillRecord> = by_day(&journal).into_values().flatten().collect();
    assert_eq!(fills, [fill(7, clock.now())]);
    let decisions: Vec<DecisionRecord> = by_day(&journal).into_values().flatten().collect();
    assert_eq!(decisions.len(), 1);
    assert_eq!(
        *decisions[0].decision_type(),
        DecisionRecord::SPREAD_CALCULATION
    );
    assert_eq!(
        decisions[0].parameters().as_str(),
        r#"{"gamma":0.10,"sigma":0.02,"k":1.5}"#
    );
    assert_eq!(
        decisions[0].result().as_str(),
        r#"{"bid_spread":0.025,"ask_spread":0.0300}"#
    );
    let errors: Vec<ErrorRecord> = by_day(&journal).into_values().flatten().collect();
    let said: Vec<_> = errors
        .iter()
        .map(|it| {
            (
                it.error_type().as_str(),
                it.severity().as_str(),
                it.message(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            ("strategy_error", "ERROR", "No spread could be calculated"),
            (
                "risk_breach",
                "CRITICAL",
                "Risk limit breached: daily loss above 5 %"
            ),
        ]
    );
    assert_eq!(errors[0].exception_message(), "the market is shut");
    assert_eq!(
        errors[1].recovery_action(),
        "Emergency shutdown, all orders cancelled"
    );
}

#[test]
fn a_log_that_fails_is_told_at_once_and_the_client_goes_on() {
    let folder = tempdir().unwrap();
    let clock = noon();
    // A disk on which so much must stay free is full from the beginning.
    let journal = Options::new(folder.path().join("logs"))
        .name("test")
        .clock(Arc::clone(&clock) as _)
        .min_free_bytes(u64::MAX)
        .open()
        .unwrap();
    let log = Arc::new(TradeLog::open(&journal, NAME, options()).unwrap());
    let told = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&told);
    let mut client = Logged::new(Client::new(), log).on_trouble(move |error| {
        assert!(matches!(error, HookError::Append { .. }));
        count.fetch_add(1, Ordering::Relaxed);
    });
    client.order_filled(&fill(1, clock.now()));
    client.order_filled(&fill(2, clock.now()));
    client.calculate_spread("0.03").unwrap();
    assert_eq!(told.load(Ordering::Relaxed), 3);
    let troubles = client.troubles();
    assert!(troubles[0].starts_with("log a fill: "), "{troubles:?}");
    assert_eq!(client.client().filled, ["order-1", "order-2"]);
}
