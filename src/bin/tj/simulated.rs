//! A simulated trading day: what a small paper-trading bot would have journaled.
//!
//! Always true:
//! - The same seed gives the same records, to the byte; prices are whole cents, nothing is rounded
//!   by accident.
//! - The records come in the order of their times.
//!
//! Not here: writing them anywhere.

use std::time::Duration;

use rust_decimal::Decimal;
use tradejournal::record::field::{
    Action, ConfigHash, ExecutionMode, JsonObject, RiskSeverity, Word, Wrong,
};
use tradejournal::record::{
    EntryBuilder, Invalid, PerformanceMetric, PerformanceParts, Problem, RiskEvent, RiskParts,
    SessionParts, SessionRecord, Stamp, TradeRecord,
};
use tradejournal::time::Timestamp;

const SYMBOLS: [(&str, i64); 6] = [
    ("AAPL", 26_281),
    ("AMD", 25_292),
    ("MSFT", 52_361),
    ("NVDA", 18_626),
    ("SPY", 67_724),
    ("TSLA", 43_372),
];
/// Strategy, kind of entry, why, what was looked at.
const SETUPS: [(&str, &str, &str, [&str; 3]); 3] = [
    (
        "bull-flag-breakout",
        "breakout",
        "Bull flag broke its upper line on rising volume",
        ["VWAP", "EMA-9", "Volume"],
    ),
    (
        "ema-pullback",
        "pullback",
        "Pullback to the 9 EMA held above VWAP",
        ["VWAP", "EMA-9", "RSI-14"],
    ),
    (
        "opening-range",
        "breakout",
        "First half hour's high broken and retested",
        ["VWAP", "ATR-14", "Volume"],
    ),
];
const CONFIGURATION: &str = r#"{"paper_trading_mode":"simulated","max_position_pct":"10","max_daily_loss_pct":"3","max_consecutive_losses":3}"#;
const MINUTES: i64 = 390;
const POSITIONS_MAX: usize = 4;
const EQUITY_CENTS: i64 = 10_000_000;
const POSITION_CENTS_MAX: i64 = 1_000_000;
const LOSSES_MAX: u32 = 3;
const PAUSE_MINUTES: i64 = 30;

/// One record of the day.
#[derive(Clone, Debug)]
pub(crate) enum Made {
    Session(SessionRecord),
    Trade(Box<TradeRecord>),
    Risk(RiskEvent),
    Performance(PerformanceMetric),
}

/// The day's records. `open` is when the market opens.
pub(crate) fn day(open: Timestamp, seed: u64) -> Result<Vec<(Timestamp, Made)>, Invalid> {
    let mut market = Market::new(open, seed)?;
    market.begin()?;
    for minute in 0..MINUTES {
        market.minute(minute)?;
    }
    market.report(MINUTES)?;
    Ok(market.made)
}

struct Position {
    entry: TradeRecord,
    symbol: usize,
    shares: u16,
    entry_cents: i64,
    is_halved: bool,
}

struct Market {
    open: Timestamp,
    dice: Dice,
    stamp: Stamp,
    cents: Vec<i64>,
    positions: Vec<Position>,
    made: Vec<(Timestamp, Made)>,
    orders: u32,
    results: Vec<i64>,
    losses_in_row: u32,
    paused_until: i64,
    has_rejected: bool,
}

impl Market {
    fn new(open: Timestamp, seed: u64) -> Result<Market, Invalid> {
        let stamp = Stamp {
            session_id: of("session_id", "6f2c1f0e-8a43-4c55-9d0b-2f6d1c7e5a10")?,
            bot_version: of("bot_version", "1.4.0")?,
            config_hash: ConfigHash::of(CONFIGURATION.as_bytes()),
        };
        Ok(Market {
            open,
            dice: Dice(seed),
            stamp,
            cents: SYMBOLS.iter().map(|it| it.1).collect(),
            positions: Vec::new(),
            made: Vec::new(),
            orders: 0,
            results: Vec::new(),
            losses_in_row: 0,
            paused_until: 0,
            has_rejected: false,
        })
    }

    /// The bot starts five minutes before the market opens.
    fn begin(&mut self) -> Result<(), Invalid> {
        let at = self.open.saturating_sub(Duration::from_secs(300));
        let session = SessionRecord::new(SessionParts {
            session_id: self.stamp.session_id,
            start_timestamp: at,
            bot_version: self.stamp.bot_version.clone(),
            config_hash: self.stamp.config_hash,
            paper_trading_mode: Some(of("paper_trading_mode", "simulated")?),
            max_position_pct: Some(of("max_position_pct", "10")?),
            max_daily_loss_pct: Some(of("max_daily_loss_pct", "3")?),
            max_consecutive_losses: Some(LOSSES_MAX),
            configuration: None,
            metadata: Some(object(
                "metadata",
                r#"{"market":"US equities","trigger":"schedule"}"#,
            )?),
        })?;
        self.made.push((at, Made::Session(session)));
        Ok(())
    }

    fn minute(&mut self, minute: i64) -> Result<(), Invalid> {
        for cents in &mut self.cents {
            // Up to 14 hundredths of a per cent either way.
            *cents += *cents * (self.dice.below(29) - 14) / 10_000;
        }
        self.look_at_positions(minute)?;
        let may_enter = self.paused_until <= minute
            && minute < MINUTES - 20
            && self.positions.len() < POSITIONS_MAX;
        if may_enter && self.dice.below(9) == 0 {
            self.enter(minute)?;
        }
        if minute == MINUTES / 2 {
            self.report(minute)?;
        }
        Ok(())
    }

    fn enter(&mut self, minute: i64) -> Result<(), Invalid> {
        let symbol = self.dice.below(6);
        let Some((index, name, cents)) = self.quote(symbol) else {
            return Ok(());
        };
        let shares = 10 * (1 + self.dice.below(3));
        if POSITION_CENTS_MAX < shares * cents {
            return self.reject(minute, name);
        }
        let at = self.at(minute);
        let entry = self.entry(name, at, shares, cents)?;
        let position = Position {
            entry: entry.clone(),
            symbol: index,
            shares: u16::try_from(shares).unwrap_or(1),
            entry_cents: cents,
            is_halved: false,
        };
        self.positions.push(position);
        self.made.push((at, Made::Trade(Box::new(entry))));
        Ok(())
    }

    fn quote(&self, symbol: i64) -> Option<(usize, &'static str, i64)> {
        let index = usize::try_from(symbol).ok()?;
        let is_held = self.positions.iter().any(|it| it.symbol == index);
        let (name, _) = SYMBOLS.get(index).filter(|_| !is_held)?;
        Some((index, name, *self.cents.get(index)?))
    }

    fn entry(
        &mut self,
        symbol: &str,
        at: Timestamp,
        shares: i64,
        cents: i64,
    ) -> Result<TradeRecord, Invalid> {
        self.orders += 1;
        let setup = usize::try_from(self.dice.below(3)).unwrap_or_default();
        let (strategy, kind, why, indicators) = SETUPS.get(setup).unwrap_or(&SETUPS[0]);
        let shares = u16::try_from(shares).unwrap_or(1);
        let entry: EntryBuilder =
            TradeRecord::entry(symbol, Action::Buy, u32::from(shares), money(cents));
        entry
            .at(at)
            .order_id(format!("demo-{:04}", self.orders).as_str())
            .mode(ExecutionMode::Paper)
            .account("paper-1")
            .strategy(*strategy, *kind)
            .because(*why)
            .indicators(*indicators)
            .stop_loss(money(cents - cents * 6 / 1000))
            .target(money(cents + cents * 12 / 1000))
            .risk_reward("2.0")
            .slippage(money(self.dice.below(4)))
            .commission(money(0))
            .stamp(&self.stamp)
            .build()
    }

    fn reject(&mut self, minute: i64, symbol: &str) -> Result<(), Invalid> {
        if std::mem::replace(&mut self.has_rejected, true) {
            return Ok(());
        }
        let snapshot = format!(r#"{{"max_position_pct":"10","symbol":"{symbol}"}}"#);
        self.risk(
            minute,
            RiskEvent::POSITION_LIMIT_EXCEEDED,
            RiskSeverity::Warning,
            RiskEvent::POSITION_REJECTED,
            &snapshot,
        )
    }

    /// Sells what met its stop or its target, half of what is on a good way, and what is left near
    /// the end; one position stays open over night.
    fn look_at_positions(&mut self, minute: i64) -> Result<(), Invalid> {
        let held = std::mem::take(&mut self.positions);
        let count = held.len();
        for (index, mut position) in held.into_iter().enumerate() {
            let cents = self.cents.get(position.symbol).copied().unwrap_or_default();
            let gain = (cents - position.entry_cents) * 1000 / position.entry_cents;
            let is_last = index + 1 == count;
            let why = match gain {
                ..=-6 => Some("Stop loss hit"),
                12.. => Some("Target reached"),
                _ if minute == MINUTES - 10 && !is_last => Some("End of the day"),
                _ => None,
            };
            if let Some(why) = why {
                self.exit(minute, &position, position.shares, cents, why)?;
                continue;
            }
            if gain >= 8 && !position.is_halved {
                let half = position.shares / 2;
                self.exit(
                    minute,
                    &position,
                    half,
                    cents,
                    "Half taken on the way to the target",
                )?;
                position.is_halved = true;
                position.shares -= half;
            }
            self.positions.push(position);
        }
        Ok(())
    }

    fn exit(
        &mut self,
        minute: i64,
        position: &Position,
        shares: u16,
        cents: i64,
        why: &str,
    ) -> Result<(), Invalid> {
        let at = self.at(minute);
        let commission = i64::from(shares).max(35);
        let exit = position
            .entry
            .exit(at, money(cents))
            .quantity(u32::from(shares))
            .because(why)
            .slippage(money(self.dice.below(4)))
            .commission(money(commission))
            .build()?;
        self.made.push((at, Made::Trade(Box::new(exit))));
        let net = (cents - position.entry_cents) * i64::from(shares) - commission;
        self.results.push(net);
        self.losses_in_row = if net < 0 { self.losses_in_row + 1 } else { 0 };
        if self.losses_in_row == LOSSES_MAX {
            self.paused_until = minute + PAUSE_MINUTES;
            self.risk(
                minute,
                RiskEvent::CIRCUIT_BREAKER_TRIP,
                RiskSeverity::Critical,
                RiskEvent::TRADING_PAUSED,
                CONFIGURATION,
            )?;
        }
        Ok(())
    }

    fn risk(
        &mut self,
        minute: i64,
        event_type: Word,
        severity: RiskSeverity,
        action_taken: Word,
        snapshot: &str,
    ) -> Result<(), Invalid> {
        let at = self.at(minute);
        let total: i64 = self.results.iter().sum();
        let event = RiskEvent::new(RiskParts {
            timestamp: at,
            event_type,
            severity,
            daily_pnl: of("daily_pnl", money(total))?,
            daily_pnl_pct: of("daily_pnl_pct", ratio(total * 100, EQUITY_CENTS, 4))?,
            consecutive_losses: self.losses_in_row,
            action_taken,
            config_snapshot: object("config_snapshot", snapshot)?,
        })?;
        self.made.push((at, Made::Risk(event)));
        Ok(())
    }

    /// How the exits so far went.
    fn report(&mut self, minute: i64) -> Result<(), Invalid> {
        let at = self.at(minute);
        let sum =
            |it: &dyn Fn(&i64) -> bool| -> i64 { self.results.iter().filter(|net| it(net)).sum() };
        let (won, lost) = (sum(&|net| 0 < *net), -sum(&|net| *net < 0));
        let count = i64::try_from(self.results.len()).unwrap_or_default();
        let wins = self.results.iter().filter(|net| 0 < **net).count();
        let wins = i64::try_from(wins).unwrap_or_default();
        let win_rate = ratio(wins, count.max(1), 4);
        let is_low = win_rate < Decimal::new(4, 1);
        let message = format!("Win rate {win_rate} of the last {count} exits is below 0.4");
        let metric = PerformanceMetric::new(PerformanceParts {
            timestamp: at,
            window_size: std::num::NonZeroU32::MIN.saturating_add(19),
            win_rate: Some(of("win_rate", win_rate)?),
            profit_factor: match lost {
                0 => None,
                _ => Some(of("profit_factor", ratio(won, lost, 4))?),
            },
            max_drawdown_pct: of(
                "max_drawdown_pct",
                ratio(-self.fall_max() * 100, EQUITY_CENTS, 4),
            )?,
            consecutive_losses: self.losses_in_row,
            total_trades: u32::try_from(count).unwrap_or_default(),
            alert_triggered: is_low,
            alert_message: match is_low {
                true => Some(of("alert_message", message.as_str())?),
                false => None,
            },
            execution_mode: Some(ExecutionMode::Paper),
            scope: None,
            rule_id: None,
            event: None,
            status: None,
        })?;
        self.made.push((at, Made::Performance(metric)));
        Ok(())
    }

    /// The largest fall of the day's result from its highest point.
    fn fall_max(&self) -> i64 {
        let (mut total, mut peak, mut fall) = (0, 0, 0);
        for net in &self.results {
            total += net;
            peak = peak.max(total);
            fall = fall.max(peak - total);
        }
        fall
    }

    fn at(&mut self, minute: i64) -> Timestamp {
        let latest = self.made.last().map_or(self.open, |it| it.0);
        let millis = u64::try_from(minute * 60_000 + self.dice.below(5_000)).unwrap_or_default();
        // Within a minute things follow each other.
        let wanted = self.open.saturating_add(Duration::from_millis(millis));
        wanted.max(latest.saturating_add(Duration::from_millis(120)))
    }
}

fn money(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

fn ratio(part: i64, of: i64, places: u32) -> Decimal {
    let exact = Decimal::from(part).checked_div(Decimal::from(of));
    let mut rounded = exact.unwrap_or_default().round_dp(places);
    rounded.rescale(places);
    rounded
}

/// A typed field, or the record that this would not make.
fn of<T, V>(field: &'static str, value: V) -> Result<T, Invalid>
where
    V: TryInto<T, Error: Into<Wrong>>,
{
    value.try_into().map_err(|it| invalid(field, it.into()))
}

fn object(field: &'static str, json: &str) -> Result<JsonObject, Invalid> {
    json.parse().map_err(|it| invalid(field, it))
}

fn invalid(field: &'static str, wrong: Wrong) -> Invalid {
    Invalid::Fields(vec![Problem::new(field, wrong.rule)])
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
        i64::try_from(mixed >> 1).unwrap_or_default() % count.max(1)
    }
}

#[cfg(test)]
mod tests {
    use tradejournal::record::field::Outcome;

    use super::*;
    use crate::commands::demo::{OPEN, SEED};

    #[test]
    fn the_day_of_the_demo_has_something_of_everything() {
        let made = day(OPEN.parse().unwrap(), SEED).unwrap();
        let trades: Vec<&TradeRecord> = made
            .iter()
            .filter_map(|(_, made)| match made {
                Made::Trade(trade) => Some(&**trade),
                _ => None,
            })
            .collect();
        let with = |outcome| trades.iter().filter(|it| it.outcome() == outcome).count();
        let (wins, losses, entries) =
            (with(Outcome::Win), with(Outcome::Loss), with(Outcome::Open));
        let risks = made
            .iter()
            .filter(|it| matches!(it.1, Made::Risk(_)))
            .count();
        let partial = trades
            .iter()
            .filter(|it| it.exit_reasoning() == Some("Half taken on the way to the target"))
            .count();
        let summary = (trades.len(), entries, wins, losses, risks, partial);
        assert!((24..=48).contains(&trades.len()), "{summary:?}");
        assert!(
            wins > 3 && losses > 3 && risks >= 2 && partial >= 1,
            "{summary:?}"
        );
        assert!(made.windows(2).all(|it| it[0].0 <= it[1].0));
        let again = day(OPEN.parse().unwrap(), SEED).unwrap();
        assert_eq!(format!("{made:?}"), format!("{again:?}"));
    }
}
