//! Executions that are legal, in the order of their times.
//!
//! Always true:
//! - A trade has a quantity above 0 and whole cents; names are numbers, so that the walk compares no texts.
//! - A fee is money, fewer or more units, or a sale of its own, as it was paid in dollars, in what was
//!   traded, or in something else.
//!
//! Not here: lots.

use std::collections::{HashMap, HashSet};

use rust_decimal::Decimal;

use super::amounts::{Cents, Units};
use super::error::TaxError;
use super::execution::Execution;
use super::options::Options;
use crate::record::field::{Action, AssetClass};
use crate::time::{Day, Timestamp};

/// What counts as a dollar where coins are traded; what ends with another one comes before it.
const DOLLARS: [&str; 7] = ["FDUSD", "TUSD", "BUSD", "USDT", "USDC", "DAI", "USD"];

/// All trades, and what their numbers stand for.
pub(super) struct Trades {
    /// In the order of their times; at one instant, of the executions.
    pub(super) all: Vec<Trade>,
    pub(super) assets: Vec<Asset>,
    pub(super) accounts: Vec<Account>,
}

/// One purchase or sale.
pub(super) struct Trade {
    pub(super) at: Timestamp,
    /// Its execution.
    pub(super) index: usize,
    pub(super) day: Day,
    pub(super) action: Action,
    /// Whether it is what a fee of its execution was paid with.
    pub(super) is_fee: bool,
    pub(super) asset: usize,
    pub(super) account: usize,
    /// The purchase that it is a part of.
    pub(super) order: usize,
    pub(super) quantity: Units,
    /// What was paid, or what came in before fees.
    pub(super) gross: Cents,
    /// With what it cost besides.
    pub(super) net: Cents,
}

/// What is bought and sold.
pub(super) struct Asset {
    pub(super) class: AssetClass,
    /// The assets that replace it have the same.
    pub(super) group: usize,
    /// Whether its losses are looked at.
    pub(super) is_washed: bool,
}

pub(super) struct Account {
    pub(super) is_ira: bool,
}

impl Trades {
    /// Those that count, of all: each of them must be legal.
    ///
    /// # Errors
    /// [`TaxError`].
    pub(super) fn of(executions: &[Execution<'_>], options: &Options) -> Result<Trades, TaxError> {
        let mut names = Names::new(options);
        let mut ids = HashSet::with_capacity(executions.len());
        let mut all = Vec::with_capacity(executions.len());
        for (index, execution) in executions.iter().enumerate() {
            if !ids.insert(&*execution.id) {
                return Err(refused(execution, "another trade has the same id"));
            }
            let day = match &execution.carried {
                Some(carried) => carried.acquired,
                None => options.zone.day(execution.at),
            };
            let (trade, fee) = names.trades(execution, index, day)?;
            if options.until.is_none_or(|it| day <= it) {
                all.push(trade);
                all.extend(fee);
            }
        }
        // Sorting keeps the order at one instant.
        all.sort_by_key(|it| it.at);
        Ok(Trades {
            all,
            assets: names.assets,
            accounts: names.accounts,
        })
    }

    /// The number of an asset, if it was traded.
    pub(super) fn asset(&self, executions: &[Execution<'_>], symbol: &str) -> Option<usize> {
        let named = |it: &&Trade| {
            let execution = executions.get(it.index);
            execution.is_some_and(|of| !it.is_fee && of.symbol == symbol)
        };
        self.all.iter().find(named).map(|it| it.asset)
    }
}

/// Why an execution is no trade.
pub(super) fn refused(execution: &Execution<'_>, problem: impl Into<String>) -> TaxError {
    TaxError::InvalidTrade {
        symbol: execution.symbol.clone().into_owned(),
        trade_id: execution.id.clone().into_owned(),
        problem: problem.into(),
    }
}

/// Numbers for names.
struct Names<'e, 'o> {
    options: &'o Options,
    assets: Vec<Asset>,
    asset_of: HashMap<&'e str, usize>,
    accounts: Vec<Account>,
    account_of: HashMap<&'e str, usize>,
    orders: HashMap<(usize, usize, &'e str), usize>,
    order_next: usize,
    /// What came last, which mostly comes again.
    last_asset: Option<(&'e str, AssetClass, usize)>,
    last_account: Option<(&'e str, usize)>,
}

/// What was paid besides.
enum Fee<'e> {
    Dollars(Decimal),
    /// In what was traded.
    Base(Decimal),
    /// So much of something else, which was worth so many dollars.
    Other(&'e str, Decimal, Decimal),
}

impl<'e, 'o> Names<'e, 'o> {
    fn new(options: &'o Options) -> Names<'e, 'o> {
        Names {
            options,
            assets: Vec::new(),
            asset_of: HashMap::new(),
            accounts: Vec::new(),
            account_of: HashMap::new(),
            orders: HashMap::new(),
            order_next: 0,
            last_asset: None,
            last_account: None,
        }
    }

    /// The trade, and the sale of what its fee was paid with.
    fn trades(
        &mut self,
        execution: &'e Execution<'_>,
        index: usize,
        day: Day,
    ) -> Result<(Trade, Option<Trade>), TaxError> {
        if execution.id.is_empty() {
            return Err(refused(execution, "it has no id"));
        }
        let is_negative = |it: Decimal| it.mantissa() < 0;
        if is_negative(execution.price) {
            return Err(refused(execution, "its price is below 0"));
        }
        if is_negative(execution.commission) || execution.fee_value.is_some_and(is_negative) {
            return Err(refused(execution, "its commission is below 0"));
        }
        let base = base_of(execution)?;
        let asset = self.asset(execution, base, execution.asset_class)?;
        let account = self.account(&execution.account_id);
        let fee = fee_of(execution, base)?;
        let (quantity, gross, net) = amounts(execution, &fee)?;
        let order = self.order(execution, asset, account);
        let trade = Trade {
            at: execution.at,
            index,
            day,
            action: execution.action,
            is_fee: false,
            asset,
            account,
            order,
            quantity,
            gross,
            net,
        };
        let Fee::Other(name, units, value) = fee else {
            return Ok((trade, None));
        };
        let asset = self.asset(execution, name, execution.asset_class)?;
        let worth = cents(execution, Decimal::ONE, value, Decimal::ZERO)?;
        let paid = Trade {
            action: Action::Sell,
            is_fee: true,
            asset,
            quantity: units_of(execution, units)?,
            gross: worth,
            net: worth,
            ..trade
        };
        Ok((trade, Some(paid)))
    }

    fn asset(
        &mut self,
        execution: &Execution<'_>,
        name: &'e str,
        class: AssetClass,
    ) -> Result<usize, TaxError> {
        if let Some((last, of, asset)) = self.last_asset
            && last == name
            && of == class
        {
            return Ok(asset);
        }
        let asset = match self.asset_of.get(name) {
            Some(asset) => *asset,
            None => self.new_asset(name, class),
        };
        let known = self.assets.get(asset).map(|it| it.class);
        if known.is_some_and(|it| it != class) {
            let problem = format!("{name} is of the class {class} here and of another elsewhere");
            return Err(refused(execution, problem));
        }
        self.last_asset = Some((name, class, asset));
        Ok(asset)
    }

    fn new_asset(&mut self, name: &'e str, class: AssetClass) -> usize {
        let asset = self.assets.len();
        let wash = &self.options.wash;
        let identical = wash.identical.iter();
        let group = identical
            .enumerate()
            .find(|(_, symbols)| symbols.iter().any(|it| it == name))
            .map_or(wash.identical.len() + asset, |it| it.0);
        self.assets.push(Asset {
            class,
            group,
            is_washed: wash.covers(class),
        });
        self.asset_of.insert(name, asset);
        asset
    }

    fn account(&mut self, name: &'e str) -> usize {
        if let Some((last, account)) = self.last_account
            && last == name
        {
            return account;
        }
        let accounts = &mut self.accounts;
        let ira = &self.options.wash.ira;
        let account = *self.account_of.entry(name).or_insert_with(|| {
            accounts.push(Account {
                is_ira: ira.iter().any(|it| it == name),
            });
            accounts.len() - 1
        });
        self.last_account = Some((name, account));
        account
    }

    /// The purchase that it belongs to: one of its own, or that of its order.
    fn order(&mut self, execution: &'e Execution<'_>, asset: usize, account: usize) -> usize {
        let next = self.order_next;
        let is_looked_at = self.assets.get(asset).is_some_and(|it| it.is_washed);
        let order = match &execution.order_id {
            Some(id)
                if is_looked_at
                    && self.options.orders_are_purchases
                    && execution.action == Action::Buy =>
            {
                *self.orders.entry((asset, account, id)).or_insert(next)
            }
            _ => next,
        };
        self.order_next += usize::from(order == next);
        order
    }
}

/// How much changed hands, for how much, and that with what it cost besides.
fn amounts(execution: &Execution<'_>, fee: &Fee<'_>) -> Result<(Units, Cents, Cents), TaxError> {
    let quantity = units_of(execution, execution.quantity)?;
    if let Some(carried) = &execution.carried {
        let basis = carried.basis;
        if execution.action == Action::Sell {
            return Err(refused(execution, "a lot that is brought in is a purchase"));
        }
        if basis < Cents::ZERO || carried.wash_added < Cents::ZERO {
            return Err(refused(execution, "its basis is below 0"));
        }
        return Ok((quantity, basis, basis));
    }
    let gross = cents(
        execution,
        execution.quantity,
        execution.price,
        Decimal::ZERO,
    )?;
    let extra = match fee {
        Fee::Base(units) => {
            let units = units_of(execution, *units)?;
            let left = match execution.action {
                Action::Sell => quantity + units,
                Action::Buy if units < quantity => quantity - units,
                Action::Buy => return Err(refused(execution, "its fee takes all of it")),
            };
            return Ok((left, gross, gross));
        }
        Fee::Dollars(fee) | Fee::Other(_, _, fee) => *fee,
    };
    let extra = match execution.action {
        Action::Buy => extra,
        Action::Sell => -extra,
    };
    let net = cents(execution, execution.quantity, execution.price, extra)?;
    Ok((quantity, gross, net))
}

fn units_of(execution: &Execution<'_>, quantity: Decimal) -> Result<Units, TaxError> {
    let units = Units::of(quantity).filter(|it| !it.is_zero());
    units.ok_or_else(|| {
        let problem = format!(
            "a quantity must be above 0 and below 10^13, with at most 18 places, got {quantity}"
        );
        refused(execution, problem)
    })
}

fn cents(
    execution: &Execution<'_>,
    quantity: Decimal,
    price: Decimal,
    extra: Decimal,
) -> Result<Cents, TaxError> {
    Cents::of(quantity, price, extra)
        .ok_or_else(|| refused(execution, "it comes to more than ten quadrillion dollars"))
}

/// What the commission was paid in.
fn fee_of<'e>(execution: &'e Execution<'_>, base: &str) -> Result<Fee<'e>, TaxError> {
    let fee = execution.commission;
    let Some(asset) = execution.fee_asset.as_deref().filter(|_| !fee.is_zero()) else {
        return Ok(Fee::Dollars(fee));
    };
    let quote = quote_of(execution);
    if asset == "USD" || quote == Some(asset) {
        return Ok(Fee::Dollars(fee));
    }
    if asset == base && execution.asset_class == AssetClass::Crypto {
        return Ok(Fee::Base(fee));
    }
    let Some(value) = execution.fee_value else {
        let problem = format!(
            "its commission was paid in {asset}, which is a sale of {asset}: \
             say in fee_value how many dollars it was worth"
        );
        return Err(refused(execution, problem));
    };
    Ok(Fee::Other(asset, fee, value))
}

/// What is held of it: of a pair of a coin and dollars, the coin.
fn base_of<'e>(execution: &'e Execution<'_>) -> Result<&'e str, TaxError> {
    let symbol = &*execution.symbol;
    if symbol.is_empty() {
        return Err(refused(execution, "it has no symbol"));
    }
    if execution.asset_class != AssetClass::Crypto {
        return Ok(symbol);
    }
    match (pair(symbol), quote_of(execution)) {
        (None, None) => Ok(symbol),
        (Some((base, _)), Some(_)) => Ok(base),
        (_, Some(quote)) => Ok(symbol.strip_suffix(quote).unwrap_or(symbol)),
        (Some((_, quote)), None) => {
            let problem = format!(
                "{quote} is no dollar: record it as a sale of one and a purchase of the other, \
                 each at its value in dollars"
            );
            Err(refused(execution, problem))
        }
    }
}

/// The dollars in whose units a coin is priced, where its symbol says so.
fn quote_of<'e>(execution: &'e Execution<'_>) -> Option<&'e str> {
    if execution.asset_class != AssetClass::Crypto {
        return None;
    }
    let symbol = &*execution.symbol;
    if let Some((_, quote)) = pair(symbol) {
        return DOLLARS.contains(&quote).then_some(quote);
    }
    if DOLLARS.contains(&symbol) {
        return None;
    }
    let quote = DOLLARS.iter().find(|it| symbol.ends_with(**it))?;
    symbol.get(symbol.len() - quote.len()..)
}

fn pair(symbol: &str) -> Option<(&str, &str)> {
    symbol.rsplit_once(['-', '/', '_', ':'])
}
