//! How often and how much was won and lost.
//!
//! Always true: sums take every result by its sign; a tolerance moves trades among wins, losses and
//! breakevens, and with them the averages of wins and of losses, but no sum.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::books::metrics::{Exact, ratio, rounded};

use super::blank::{Blank, Nulls, noted};
use super::ledger::{Ledger, Side};
use super::roots::{self, shown};
use super::tally::Tally;
use crate::books::json::{text, text_or_null};

/// The results of trades, one by one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Results {
    /// Wins / trades.
    #[serde(serialize_with = "text_or_null")]
    pub win_rate: Option<Decimal>,
    /// Wins / (wins + losses).
    #[serde(serialize_with = "text_or_null")]
    pub win_rate_decided: Option<Decimal>,
    /// The results above 0 added up.
    #[serde(serialize_with = "text")]
    pub gross_profit: Exact,
    /// The results below 0 added up, without the sign.
    #[serde(serialize_with = "text")]
    pub gross_loss: Exact,
    /// All results added up.
    #[serde(serialize_with = "text")]
    pub net_profit: Exact,
    /// `gross_profit` / `gross_loss`.
    #[serde(serialize_with = "text_or_null")]
    pub profit_factor: Option<Decimal>,
    /// Why there is no profit factor; null where there is one.
    pub profit_factor_status: Option<Blank>,
    /// The mean of the wins.
    #[serde(serialize_with = "text_or_null")]
    pub avg_win: Option<Decimal>,
    /// The mean of the losses, below 0.
    #[serde(serialize_with = "text_or_null")]
    pub avg_loss: Option<Decimal>,
    /// `avg_win` / `avg_loss`, without the sign.
    #[serde(serialize_with = "text_or_null")]
    pub payoff_ratio: Option<Decimal>,
    /// The largest win.
    #[serde(serialize_with = "text_or_null")]
    pub largest_win: Option<Exact>,
    /// The largest loss, below 0.
    #[serde(serialize_with = "text_or_null")]
    pub largest_loss: Option<Exact>,
    /// The mean result.
    #[serde(serialize_with = "text_or_null")]
    pub expectancy: Option<Decimal>,
    /// The sample deviation of the results.
    #[serde(serialize_with = "text_or_null")]
    pub pnl_std: Option<Decimal>,
    /// The system quality number: sqrt(trades) x `expectancy` / `pnl_std`.
    #[serde(serialize_with = "text_or_null")]
    pub sqn: Option<Decimal>,
    /// The part of equity to stake, by Kelly's formula for fixed odds; it may be below 0.
    #[serde(serialize_with = "text_or_null")]
    pub kelly: Option<Decimal>,
}

impl Results {
    pub(super) fn of(ledger: &Ledger<'_>, all: &Tally, nulls: &mut Nulls) -> Results {
        let profit_factor = all.profit_factor(ledger.scales.result);
        if let Err(blank) = profit_factor {
            nulls.insert("profit_factor".to_owned(), blank);
        }
        let averages = Averages::of(ledger, all);
        let deviation = deviation(ledger, all);
        let net = ledger.money(all.net());
        let of_all = |value: Exact| value.over(all.trades).ok_or(Blank::NoTrades);
        let extreme = |side, value: Option<i128>| match value {
            Some(value) if averages.count(side) > 0 => Ok(ledger.money(value)),
            _ => Err(averages.blank(side)),
        };
        let results = || ledger.rows.iter().map(|it| it.result);
        let mut money = |name: &str, value| noted(nulls, name, value);
        let largest_win = money("largest_win", extreme(Side::Win, results().max()));
        let largest_loss = money("largest_loss", extreme(Side::Loss, results().min()));
        let mut maybe = |name: &str, value| noted(nulls, name, value);
        Results {
            win_rate: maybe("win_rate", of_all(all.wins.into())),
            win_rate_decided: maybe("win_rate_decided", averages.win_rate_decided()),
            gross_profit: ledger.money(all.profit),
            gross_loss: ledger.money(all.loss),
            net_profit: net,
            profit_factor: profit_factor.ok(),
            profit_factor_status: profit_factor.err(),
            avg_win: maybe("avg_win", averages.win()),
            avg_loss: maybe("avg_loss", averages.loss()),
            payoff_ratio: maybe("payoff_ratio", averages.payoff()),
            largest_win,
            largest_loss,
            expectancy: maybe("expectancy", of_all(net)),
            pnl_std: maybe("pnl_std", deviation.and_then(|it| it.shown(ledger))),
            sqn: maybe("sqn", deviation.and_then(|it| it.system_quality(all))),
            kelly: maybe("kelly", averages.kelly()),
        }
    }
}

/// Wins and losses, and what they came to.
struct Averages {
    trades: u64,
    wins: u64,
    losses: u64,
    won: Exact,
    lost: Exact,
}

impl Averages {
    fn of(ledger: &Ledger<'_>, all: &Tally) -> Averages {
        Averages {
            trades: all.trades,
            wins: all.wins,
            losses: all.losses,
            won: ledger.money(all.won),
            lost: ledger.money(all.lost),
        }
    }

    fn count(&self, side: Side) -> u64 {
        match side {
            Side::Win => self.wins,
            Side::Loss => self.losses,
            Side::Breakeven => self.trades - self.wins - self.losses,
        }
    }

    fn blank(&self, side: Side) -> Blank {
        match side {
            _ if self.trades == 0 => Blank::NoTrades,
            Side::Loss => Blank::NoLosses,
            _ => Blank::NoWins,
        }
    }

    fn decided(&self) -> Decimal {
        Decimal::from(self.wins + self.losses)
    }

    fn win_rate_decided(&self) -> Result<Decimal, Blank> {
        let blank = match self.trades {
            0 => Blank::NoTrades,
            _ => Blank::NoDecidedTrades,
        };
        ratio(self.wins.into(), self.decided()).ok_or(blank)
    }

    fn win(&self) -> Result<Decimal, Blank> {
        self.won.over(self.wins).ok_or(self.blank(Side::Win))
    }

    fn loss(&self) -> Result<Decimal, Blank> {
        let mean = (-self.lost).over(self.losses);
        mean.ok_or(self.blank(Side::Loss))
    }

    /// Whether there are both.
    fn both(&self) -> Result<(), Blank> {
        let missing = [Side::Win, Side::Loss]
            .into_iter()
            .find(|it| self.count(*it) == 0);
        missing.map_or(Ok(()), |it| Err(self.blank(it)))
    }

    fn payoff(&self) -> Result<Decimal, Blank> {
        self.both()?;
        let sums = self.won.nearest().zip(self.lost.nearest());
        let of_sums = sums.and_then(|(won, lost)| won.checked_div(lost));
        let of_means = of_sums
            .and_then(|it| it.checked_mul(self.losses.into()))
            .and_then(|it| it.checked_div(self.wins.into()));
        of_means.map(rounded).ok_or(Blank::DoesNotFit)
    }

    /// w - (1 - w) / payoff, with the sums put in: w (won - lost) / won.
    fn kelly(&self) -> Result<Decimal, Blank> {
        self.both()?;
        let net = self.won.checked_add(-self.lost).and_then(Exact::nearest);
        let edge = net.zip(self.won.nearest());
        let edge = edge.and_then(|(net, won)| net.checked_div(won));
        let kelly = edge
            .and_then(|it| it.checked_mul(self.wins.into()))
            .and_then(|it| it.checked_div(self.decided()));
        kelly.map(rounded).ok_or(Blank::DoesNotFit)
    }
}

/// The sample deviation of the results, in units.
#[derive(Clone, Copy)]
enum Deviation {
    /// All results are the same.
    None,
    Some(f64),
}

fn deviation(ledger: &Ledger<'_>, all: &Tally) -> Result<Deviation, Blank> {
    let mut results = ledger.rows.iter().map(|it| it.result);
    if all.trades < 2 {
        return Err(match all.trades {
            0 => Blank::NoTrades,
            _ => Blank::FewerThanTwoTrades,
        });
    }
    let all_results = results.clone();
    let first = results.next();
    if results.all(|it| Some(it) == first) {
        return Ok(Deviation::None);
    }
    let deviation = roots::deviation(all_results, all.net());
    deviation.map(Deviation::Some).ok_or(Blank::DoesNotFit)
}

impl Deviation {
    fn shown(self, ledger: &Ledger<'_>) -> Result<Decimal, Blank> {
        match self {
            Deviation::None => Ok(Decimal::ZERO),
            Deviation::Some(units) => shown(ledger.scales.result.float(units)),
        }
    }

    fn system_quality(self, all: &Tally) -> Result<Decimal, Blank> {
        match self {
            Deviation::None => Err(Blank::NoVariation),
            Deviation::Some(units) => shown(roots::system_quality(all.trades, all.net(), units)),
        }
    }
}
