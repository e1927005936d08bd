//! What is wrong, or must be known, before a year's report is made of executions.
//!
//! Always true:
//! - All of it is told at once, the worst first, each with what to do.
//! - What would make a sum wrong stops the report; what somebody else has to judge needs review.
//!
//! Not here: the report.

use std::borrow::Cow;
use std::fmt;

use super::notes::{Named, Rebates};
use super::{Source, pair};
use crate::books::tax::{Book, Engine, Execution, Options, TaxError};
use crate::record::field::ExecutionMode;
use crate::time::Day;

/// How many are named where more are meant.
const NAMED_MAX: usize = 3;
/// How many sales or trades are told that come to no book.
const REFUSED_MAX: usize = 20;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The year of the report.
    pub year: i32,
    /// The mode that was read.
    pub mode: ExecutionMode,
    /// The day it is.
    pub today: Day,
    /// Whether a report is wanted although a part of the journal cannot be read.
    pub accepts_unread: bool,
}

/// How bad it is. The worst comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// There is no report before it is mended.
    Stops,
    /// There is a report, and somebody has to look at this.
    Review,
    /// Good to know.
    Note,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A word for programs.
    pub code: &'static str,
    /// What it is.
    pub message: String,
    /// What to do; empty where there is nothing to do.
    pub remedy: String,
}

/// The rules for one year: later trades count only as far as they replace its losses, and what is open is
/// told as at its end.
#[must_use]
pub fn within_year(rules: Options, year: i32) -> Options {
    Options {
        open_at: Day::new(year, 12, 31),
        until: Day::new(year.saturating_add(1), 1, 30),
        ..rules
    }
}

/// Everything that is to be known before a report is made of `source` by these rules.
#[must_use]
pub fn check(source: &Source, rules: &Options, asked: Asked) -> Vec<Finding> {
    let mut found = Found(Vec::new());
    found.unread(source, asked);
    found.modes(source, asked);
    found.records(source);
    found.kinds(source);
    found.money(source);
    let rules = within_year(rules.clone(), asked.year);
    if let Some(book) = found.engine(source, &rules) {
        found.year(source, &book, &rules, asked);
    }
    found.0.sort_by_key(|it| it.severity);
    found.0
}

/// What was found so far.
struct Found(Vec<Finding>);

impl Found {
    fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.0.push(Finding {
            severity,
            code,
            message: message.into(),
            remedy: remedy.into(),
        });
    }

    fn unread(&mut self, source: &Source, asked: Asked) {
        let unread = source.unread;
        if unread.is_nothing() {
            return;
        }
        let severity = match asked.accepts_unread {
            true => Severity::Review,
            false => Severity::Stops,
        };
        let what = match (unread.lines, unread.days) {
            (lines, 0) => counted(lines, "line"),
            (0, days) => counted(days, "day"),
            (lines, days) => format!("{} and {}", counted(lines, "line"), counted(days, "day")),
        };
        self.add(
            severity,
            "unread",
            format!("{what} of the journal cannot be read: a purchase or sale may be missing"),
            "`tj verify` names the place; restore it from a backup, or accept that with --damaged",
        );
    }

    fn modes(&mut self, source: &Source, asked: Asked) {
        let notes = &source.notes;
        let (mode, other) = match asked.mode {
            ExecutionMode::Live => ("LIVE", "PAPER"),
            ExecutionMode::Paper => ("PAPER", "LIVE"),
        };
        if asked.mode == ExecutionMode::Paper {
            self.add(
                Severity::Review,
                "paper",
                "these are PAPER trades: nobody is taxed for them",
                "leave --mode out for a report that is filed",
            );
        }
        if notes.counted == 0 {
            let message = match notes.other_mode {
                0 => format!("the journal has no {mode} trades"),
                count => format!(
                    "the journal has no {mode} trades: {} of {other}, which do not count here",
                    counted(count, "record")
                ),
            };
            let remedy = match (asked.mode, notes.other_mode) {
                (ExecutionMode::Live, 1..) => {
                    "no money was at stake, so there is nothing to tax; --mode PAPER shows what it would be"
                }
                _ => "name the journal with --dir, and the kind of record with --from",
            };
            self.add(Severity::Stops, "no_trades", message, remedy);
        }
        if notes.unknown_mode > 0 {
            self.add(
                Severity::Review,
                "unknown_mode",
                format!(
                    "{} not say whether money was at stake, and are not taxed",
                    counted_do(notes.unknown_mode, "fill")
                ),
                "a fill that was LIVE has to say so in execution_mode",
            );
        }
    }

    fn records(&mut self, source: &Source) {
        let notes = &source.notes;
        if !notes.contradictions.is_empty() {
            self.add(
                Severity::Stops,
                "contradiction",
                format!(
                    "exits in the direction of their own entry: {}",
                    names(&notes.contradictions)
                ),
                "append the exit as it was: of two with one order id and time the later one counts",
            );
        }
        if !notes.shorts.is_empty() {
            self.add(
                Severity::Review,
                "short_sales",
                format!("short sales are left out: {}", names(&notes.shorts)),
                "they are no part of the report: add them by hand, as the broker's statement has them",
            );
        }
        for (count, code, what) in [
            (
                notes.entries_repeated,
                "repeated_entries",
                "entries repeat the order id of an earlier one, which counts",
            ),
            (
                notes.exits_replaced,
                "replaced_exits",
                "exits were replaced by a later one of the same order and time",
            ),
            (
                notes.fills_repeated,
                "repeated_fills",
                "fills are in the journal twice and counted once",
            ),
            (
                notes.exits_alone,
                "exits_alone",
                "exits have no entry in the journal: they sell what was bought before it",
            ),
            (
                notes.without_commission,
                "no_commission",
                "trades do not say what they cost, and are counted without commission",
            ),
        ] {
            if count > 0 {
                self.add(Severity::Note, code, format!("{count} {what}"), "");
            }
        }
        self.accounts(source);
    }

    /// Lots are sold by the account that bought them: what does not say whose it is may be in the wrong one.
    fn accounts(&mut self, source: &Source) {
        let count = source.notes.unnamed_accounts;
        let has_others = 1 < source.accounts().len();
        if count > 0 {
            self.add(
                if has_others { Severity::Review } else { Severity::Note },
                "unnamed_accounts",
                format!(
                    "{} not name the account, and are counted as those of \"{}\"",
                    counted_do(count, "record"),
                    super::UNNAMED_ACCOUNT
                ),
                match has_others {
                    true => "lots are sold by the account that bought them: have the bot name its account",
                    false => "",
                },
            );
        }
    }

    fn kinds(&mut self, source: &Source) {
        let notes = &source.notes;
        let list = |all: &std::collections::BTreeSet<String>| {
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            all.join(", ")
        };
        if !notes.unclassed.is_empty() {
            self.add(
                Severity::Stops,
                "no_asset_class",
                format!(
                    "nobody says what kind of thing this is: {}",
                    list(&notes.unclassed)
                ),
                "say it in [tax.classes] of tj.toml, such as AAPL = \"equity\"",
            );
        }
        if !notes.taken_for_crypto.is_empty() {
            self.add(
                Severity::Note,
                "taken_for_crypto",
                format!(
                    "taken for crypto, being pairs: {}",
                    list(&notes.taken_for_crypto)
                ),
                "[tax.classes] of tj.toml says it otherwise",
            );
        }
    }

    fn money(&mut self, source: &Source) {
        let notes = &source.notes;
        for (asset, Rebates { count, total }) in &notes.rebates {
            let total = total.map_or("more than can be counted".to_owned(), |it| {
                it.normalize().to_string()
            });
            self.add(
                Severity::Review,
                "rebates",
                format!(
                    "the exchange paid {} of {total} {asset} in all",
                    counted(*count, "fee")
                ),
                "that is income and no part of a gain: report it apart",
            );
        }
        if !notes.foreign_fees.is_empty() {
            self.add(
                Severity::Stops,
                "foreign_fees",
                format!(
                    "fees were paid in what was not traded, and their worth is not said: {}",
                    names(&notes.foreign_fees)
                ),
                "paying with it is a sale of it: give `tj tax lots` these trades with fee_value",
            );
        }
        for (quote, count) in &notes.quotes {
            let (severity, message, remedy) = match quote.as_str() {
                "?" => (
                    Severity::Review,
                    format!(
                        "{} not say what the price is in: taken for dollars",
                        counted_do(*count, "fill")
                    ),
                    "a symbol such as BTC-USD says it",
                ),
                _ if pair::is_stable(quote) => (
                    Severity::Review,
                    format!("{} in {quote}, each counted as a dollar", priced(*count)),
                    "spending a coin is a sale of it as well, here without gain or loss",
                ),
                _ => (
                    Severity::Stops,
                    format!("{} in {quote}, which is no dollar", priced(*count)),
                    "give `tj tax lots` these trades as a sale and a purchase, each at its worth in dollars",
                ),
            };
            self.add(severity, "quotes", message, remedy);
        }
    }

    /// Runs the books, again and again without what they refuse: so that all of that is told.
    fn engine(&mut self, source: &Source, rules: &Options) -> Option<Book> {
        let engine = Engine::new(rules.clone());
        let mut executions: Cow<'_, [Execution<'static>]> = Cow::Borrowed(&source.executions);
        for _ in 0..REFUSED_MAX {
            let error = match engine.run(&executions) {
                Ok(book) if matches!(executions, Cow::Borrowed(_)) => return Some(book),
                Ok(_) => return None,
                Err(error) => error,
            };
            let (symbol, trade_id) = self.refused(source, &error)?;
            // What is sold under one name may have been bought under another: BTC-USD and BTC-USDT.
            let base = pair::base(&symbol);
            let is_other = |it: &Execution<'_>| pair::base(&it.symbol) != base && it.id != trade_id;
            executions.to_mut().retain(is_other);
        }
        None
    }

    /// Tells of an error, and which symbol and trade it is about.
    fn refused(&mut self, source: &Source, error: &TaxError) -> Option<(String, String)> {
        let place = |id: &str| {
            let at = source.executions.iter().position(|it| it.id == id)?;
            source
                .origins
                .get(at)?
                .as_ref()
                .map(|it| format!(" ({it})"))
        };
        match error {
            TaxError::InsufficientLots {
                symbol, trade_id, ..
            } => {
                self.add(
                    Severity::Stops,
                    "insufficient_lots",
                    format!("{error}{}", place(trade_id).unwrap_or_default()),
                    "if the purchase is missing in the journal, `tj reconcile --append-missing` finds it; \
                     if it is older than the journal, or of another broker, name it with --opening-lots",
                );
                Some((symbol.clone(), trade_id.clone()))
            }
            TaxError::InvalidTrade {
                symbol, trade_id, ..
            } => {
                let is_told = source
                    .notes
                    .foreign_fees
                    .iter()
                    .any(|it| it.id == *trade_id);
                if !is_told {
                    let message = format!("{error}{}", place(trade_id).unwrap_or_default());
                    self.add(Severity::Stops, "invalid_trade", message, "");
                }
                Some((symbol.clone(), trade_id.clone()))
            }
            TaxError::Options(_) => {
                self.add(Severity::Stops, "rules", error.to_string(), "");
                None
            }
            TaxError::Unbalanced(_) => {
                self.add(Severity::Stops, "unbalanced", error.to_string(), "");
                None
            }
        }
    }

    fn year(&mut self, source: &Source, book: &Book, rules: &Options, asked: Asked) {
        let year = asked.year;
        let sold = book
            .disposals
            .iter()
            .filter(|it| it.sold.year() == year)
            .count();
        if sold == 0 && source.notes.counted > 0 {
            let message = format!("nothing was sold in {year}");
            self.add(Severity::Note, "nothing_sold", message, "");
        }
        let last = source.last.map(|it| rules.zone.day(it));
        let (Some(until), Some(last)) = (rules.until, last) else {
            return;
        };
        if asked.today <= until {
            self.add(
                Severity::Review,
                "window_open",
                format!("until {until} a purchase can still replace what was sold at a loss"),
                format!("make the report again after {until}"),
            );
        } else if last < until {
            self.add(
                Severity::Note,
                "ends_early",
                format!("the last trade is of {last}: purchases up to {until} can replace losses of {year}"),
                "if there were any, in whatever account, they have to be in the journal",
            );
        }
    }
}

fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn counted_do(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what} does"),
        _ => format!("{count} {what}s do"),
    }
}

fn priced(count: u64) -> String {
    match count {
        1 => "1 fill is priced".to_owned(),
        _ => format!("{count} fills are priced"),
    }
}

/// The first few, and how many more there are.
fn names(all: &[Named]) -> String {
    let named: Vec<String> = all.iter().take(NAMED_MAX).map(Named::to_string).collect();
    let named = named.join(", ");
    match all.len().saturating_sub(NAMED_MAX) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Stops => "stops the report",
            Severity::Review => "needs review",
            Severity::Note => "note",
        })
    }
}
