//! Which rules a tax book follows.
//!
//! Always true: the defaults are those that need no election and no instruction to the broker.

use std::fmt;
use std::str::FromStr;

use crate::books::Zone;
use crate::record::field::AssetClass;
use crate::time::Day;

/// The rules of one report.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which lot is sold.
    pub method: Method,
    /// Among which lots it is chosen.
    pub lot_scope: LotScope,
    /// What becomes of losses whose shares were bought again.
    pub wash: WashRules,
    /// Where the days begin.
    pub zone: Zone,
    /// What became of shares without a trade.
    pub splits: Vec<Split>,
    /// Whether purchases of one order are one purchase.
    pub orders_are_purchases: bool,
    /// Whether averages are made of what the law does not average.
    pub force_average: bool,
    /// The day at whose end open lots are told; the end of all where there is none.
    pub open_at: Option<Day>,
    /// The last day that counts.
    pub until: Option<Day>,
}

/// Which lot is sold first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// The oldest.
    #[default]
    Fifo,
    /// The newest.
    Lifo,
    /// That of the highest adjusted basis of a unit; the oldest of equal ones.
    Hifo,
    /// Those that the sale names; the oldest where it names none.
    Specid,
    /// The oldest, at the average of all.
    Average,
}

/// Whose lots a sale may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LotScope {
    /// Those of the account that sells.
    #[default]
    Account,
    /// Those of all accounts; a retirement account sells its own alone, and nobody else sells those.
    Global,
}

/// What of wash sales is left to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WashRules {
    /// Whether shares of companies are looked at.
    pub equity: bool,
    /// Whether shares of funds are.
    pub fund: bool,
    /// Whether crypto currencies are, to which the law does not apply.
    pub crypto: bool,
    /// In which accounts a purchase replaces what was sold.
    pub scope: WashScope,
    /// Since when replacements count as held.
    pub tack: Tack,
    /// Whether lots that are older than the sold one replace nothing.
    pub exclude_older: bool,
    /// Whether lots that the same sale closes replace each other: later purchases the losses of earlier ones.
    pub same_sale_replaces: bool,
    /// Whether purchases of taxable accounts replace before those of retirement accounts.
    pub taxable_first: bool,
    /// Retirement accounts: their sales are not taxed, and a loss that they replace is gone.
    pub ira: Vec<String>,
    /// Symbols that are substantially identical to each other, as the taxpayer says.
    pub identical: Vec<Vec<String>>,
}

/// In which accounts a purchase replaces what was sold at a loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WashScope {
    /// In all of the taxpayer's.
    #[default]
    Taxpayer,
    /// In the one that sold: what a broker sees.
    Account,
}

/// Since when a replacement counts as held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tack {
    /// For the days that the sold shares were held as well.
    #[default]
    Days,
    /// Since its own purchase.
    Original,
}

/// `new` shares for `old` ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Of what.
    pub symbol: String,
    /// The first day on which it trades in new shares.
    pub day: Day,
    /// How many there are afterwards: above 0.
    pub new: u32,
    /// For so many before: above 0.
    pub old: u32,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            method: Method::Fifo,
            lot_scope: LotScope::Account,
            wash: WashRules::default(),
            zone: Zone::default(),
            splits: Vec::new(),
            orders_are_purchases: true,
            force_average: false,
            open_at: None,
            until: None,
        }
    }
}

impl Default for WashRules {
    fn default() -> WashRules {
        WashRules {
            equity: true,
            fund: true,
            crypto: false,
            scope: WashScope::Taxpayer,
            tack: Tack::Days,
            exclude_older: false,
            same_sale_replaces: false,
            taxable_first: false,
            ira: Vec::new(),
            identical: Vec::new(),
        }
    }
}

impl WashRules {
    /// No loss is looked at.
    #[must_use]
    pub fn off() -> WashRules {
        WashRules {
            equity: false,
            fund: false,
            crypto: false,
            ..WashRules::default()
        }
    }

    /// Whether losses of that class are looked at.
    #[must_use]
    pub fn covers(&self, class: AssetClass) -> bool {
        match class {
            AssetClass::Equity => self.equity,
            AssetClass::Fund => self.fund,
            AssetClass::Crypto => self.crypto,
        }
    }
}

/// A word that is no method.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be fifo, lifo, hifo, specid or average, got {0:?}")]
pub struct UnknownMethod(pub String);

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(word: &str) -> Result<Method, UnknownMethod> {
        match word {
            "fifo" => Ok(Method::Fifo),
            "lifo" => Ok(Method::Lifo),
            "hifo" => Ok(Method::Hifo),
            "specid" => Ok(Method::Specid),
            "average" => Ok(Method::Average),
            _ => Err(UnknownMethod(word.to_owned())),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Method::Fifo => "fifo",
            Method::Lifo => "lifo",
            Method::Hifo => "hifo",
            Method::Specid => "specid",
            Method::Average => "average",
        })
    }
}
