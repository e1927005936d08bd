//! The walk through all executions, in the order of their times.
//!
//! Always true:
//! - What is known of a sale when it is made is decided then; what a later purchase changes is its adjustment
//!   alone.
//! - Losses of one sale take their turn by the purchases that were sold.

use std::collections::HashMap;

use super::amounts::{Cents, Units};
use super::balance::Balance;
use super::book::{Book, OpenLot};
use super::error::TaxError;
use super::execution::Execution;
use super::lots::{Part, Piece, Purchase};
use super::numbers::{Place, Places};
use super::options::{LotScope, Method, Options, Split};
use super::pools::{Pool, take_next};
use super::sale::Sale;
use super::trades::{Trade, Trades, refused};
use super::wash::Desk;
use crate::record::field::{Action, AssetClass};
use crate::time::Day;

/// Makes tax books of executions.
///
/// ```
/// use tradejournal::books::tax::{Engine, Options};
/// # use tradejournal::books::tax::Execution;
/// # fn executions() -> Vec<Execution<'static>> { Vec::new() }
///
/// let executions = executions();
/// let book = Engine::new(Options::default()).run(&executions)?;
/// for row in &book.disposals {
///     println!("{} sold on {}: {}", row.quantity, row.sold, row.gain());
/// }
/// # Ok::<(), tradejournal::books::tax::TaxError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Engine {
    options: Options,
}

impl Engine {
    /// One that follows these rules.
    #[must_use]
    pub fn new(options: Options) -> Engine {
        Engine { options }
    }

    /// The rules.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// What the executions come to, in whatever order they are.
    ///
    /// # Errors
    /// [`TaxError`].
    pub fn run(&self, executions: &[Execution<'_>]) -> Result<Book, TaxError> {
        let trades = Trades::of(executions, &self.options)?;
        check(&self.options, &trades, executions)?;
        check_identical(&self.options.wash.identical)?;
        let mut walk = Walk::new(&self.options, executions, &trades)?;
        for trade in &trades.all {
            walk.until(trade.day)?;
            match trade.action {
                Action::Buy => walk.buy(trade)?,
                Action::Sell => walk.sell(trade)?,
            }
        }
        walk.end()
    }
}

/// Averages are made of funds, and do not go together with wash sales.
fn check(options: &Options, trades: &Trades, executions: &[Execution<'_>]) -> Result<(), TaxError> {
    if options.method != Method::Average {
        return Ok(());
    }
    let washes = trades.assets.iter().any(|it| it.is_washed);
    if washes {
        let problem =
            "the method average does not go together with wash sales: switch one of them off";
        return Err(TaxError::Options(problem.to_owned()));
    }
    let other = trades.all.iter().find(|it| {
        let asset = trades.assets.get(it.asset);
        asset.is_some_and(|it| it.class != AssetClass::Fund)
    });
    let other = other.and_then(|it| executions.get(it.index));
    match other.filter(|_| !options.force_average) {
        None => Ok(()),
        Some(execution) => {
            let problem = format!(
                "the method average is for funds, and {} is {}: force it where you know that you may",
                execution.symbol, execution.asset_class
            );
            Err(TaxError::Options(problem))
        }
    }
}

/// A symbol of two groups would be of the first alone.
fn check_identical(groups: &[Vec<String>]) -> Result<(), TaxError> {
    let mut seen = HashMap::new();
    for (number, group) in groups.iter().enumerate() {
        for symbol in group {
            if *seen.entry(symbol).or_insert(number) != number {
                let problem =
                    format!("{symbol} is in two groups of identical symbols: make one of them");
                return Err(TaxError::Options(problem));
            }
        }
    }
    Ok(())
}

/// Where the walk stands.
pub(super) struct Walk<'a> {
    pub(super) options: &'a Options,
    executions: &'a [Execution<'a>],
    pub(super) trades: &'a Trades,
    pub(super) purchases: Vec<Purchase>,
    pub(super) pools: Places<Pool>,
    pub(super) desks: Places<Desk>,
    /// The purchases that sales may name.
    named: HashMap<&'a str, usize>,
    /// Those to come, the last one first.
    splits: Vec<(Day, usize, &'a Split)>,
    pub(super) book: Book,
    /// The open lots are told already.
    is_told: bool,
    pub(super) balance: Balance,
    /// Room for the pieces of a sale.
    pieces: Vec<Piece>,
}

impl<'a> Walk<'a> {
    fn new(
        options: &'a Options,
        executions: &'a [Execution<'a>],
        trades: &'a Trades,
    ) -> Result<Walk<'a>, TaxError> {
        let mut splits = Vec::with_capacity(options.splits.len());
        for split in &options.splits {
            let refused = |problem| {
                let symbol = &split.symbol;
                Err(TaxError::Options(format!("split of {symbol}: {problem}")))
            };
            if split.new == 0 || split.old == 0 {
                return refused("of or for no shares");
            }
            match trades.asset(executions, &split.symbol) {
                Some(asset) => splits.push((split.day, asset, split)),
                // What is traded after the last day that counts has nothing to split.
                None if executions.iter().any(|it| it.symbol == split.symbol) => {}
                None => return refused("nothing of that name was traded"),
            }
        }
        // Those of one day come in the order in which they are told.
        splits.sort_by_key(|it| it.0);
        splits.reverse();
        Ok(Walk {
            options,
            executions,
            trades,
            purchases: Vec::with_capacity(trades.all.len()),
            pools: Places::default(),
            desks: Places::default(),
            named: HashMap::new(),
            splits,
            book: Book::default(),
            is_told: false,
            balance: Balance::new(trades.assets.len()),
            pieces: Vec::new(),
        })
    }

    /// Lets pass what happens before a trade of that day: splits, and the end of the day of open lots.
    fn until(&mut self, day: Day) -> Result<(), TaxError> {
        while let Some((at, asset, split)) = self.splits.last().copied() {
            if day < at {
                break;
            }
            self.tell_before(at);
            self.splits.pop();
            self.split(asset, split)?;
        }
        self.tell_before(day);
        Ok(())
    }

    /// Tells the open lots if their day is over when that one begins.
    fn tell_before(&mut self, day: Day) {
        if !self.is_told && self.options.open_at.is_some_and(|it| it < day) {
            self.tell_open();
        }
    }

    fn buy(&mut self, trade: &'a Trade) -> Result<(), TaxError> {
        let execution = self.execution(trade)?;
        let carried = execution.carried.as_ref();
        let wash_added = carried.map_or(Cents::ZERO, |it| it.wash_added);
        let start = carried.map_or(trade.day, |it| it.holding_start);
        let part = Part {
            quantity: trade.quantity,
            original: trade.net,
            wash_added,
            start,
            is_used: start != trade.day || wash_added != Cents::ZERO,
            replaces: None,
            version: 0,
        };
        self.balance.bought(trade, wash_added);
        let place = (trade.asset, trade.account, trade.order);
        let purchase = Purchase::new(trade.index, trade.day, place, part);
        let number = self.purchases.len();
        if self.options.method == Method::Specid {
            self.named.insert(&execution.id, number);
        }
        self.purchases.push(purchase);
        if self.is_washed(trade) {
            self.replace_waiting(trade, number);
        }
        let key = self.pool_key(trade.asset, trade.account);
        let method = self.options.method;
        let pool = self.pools.entry(key).or_insert_with(|| Pool::new(method));
        if let Some(purchase) = self.purchases.get(number) {
            pool.add(number, purchase);
        }
        Ok(())
    }

    fn sell(&mut self, trade: &Trade) -> Result<(), TaxError> {
        let mut pieces = std::mem::take(&mut self.pieces);
        pieces.clear();
        self.take(trade, &mut pieces)?;
        self.balance.sold(trade);
        let is_ira = self.is_ira(trade.account);
        let sale = Sale::of(trade, &pieces, &self.purchases);
        let is_washed = self.is_washed(trade);
        if is_washed {
            self.withdraw_sold(trade.asset, &pieces);
        }
        self.pieces = pieces;
        match (is_ira, is_washed) {
            (true, _) => self.book.untaxed.extend(sale.rows),
            (false, false) => self.book.disposals.extend(sale.rows),
            (false, true) => self.wash(trade, sale),
        }
        Ok(())
    }

    /// Whose lots are sold together. What a retirement account holds is never sold by another one.
    pub(super) fn pool_key(&self, asset: usize, account: usize) -> Place {
        match self.options.lot_scope {
            LotScope::Global if !self.is_ira(account) => (asset, None),
            LotScope::Global | LotScope::Account => (asset, Some(account)),
        }
    }

    pub(super) fn is_ira(&self, account: usize) -> bool {
        let account = self.trades.accounts.get(account);
        account.is_some_and(|it| it.is_ira)
    }

    fn is_washed(&self, trade: &Trade) -> bool {
        let asset = self.trades.assets.get(trade.asset);
        asset.is_some_and(|it| it.is_washed)
    }

    /// Takes the lots of a sale.
    fn take(&mut self, trade: &Trade, pieces: &mut Vec<Piece>) -> Result<(), TaxError> {
        let execution = self.execution(trade)?;
        let key = self.pool_key(trade.asset, trade.account);
        let held = self.pools.get(&key).map_or(Units::ZERO, |it| it.available);
        if held < trade.quantity {
            return Err(self.insufficient(trade, trade.quantity - held));
        }
        let Some(pool) = self.pools.get_mut(&key) else {
            return Ok(());
        };
        let is_named = self.options.method == Method::Specid && !trade.is_fee;
        if is_named && !execution.lots.is_empty() {
            return self.take_named(trade, execution, pieces);
        }
        let whole = (pool.cost, pool.available);
        if !pool.take(trade.quantity, &mut self.purchases, pieces) {
            return Err(TaxError::Unbalanced(format!(
                "lots for {} were counted and not found",
                execution.id
            )));
        }
        if self.options.method == Method::Average {
            let cost = whole.0.part(trade.quantity, whole.1);
            pool.cost -= cost;
            average(pieces, cost, trade.quantity);
        }
        Ok(())
    }

    fn take_named(
        &mut self,
        trade: &Trade,
        execution: &Execution<'_>,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), TaxError> {
        let mut sum = Units::ZERO;
        let key = self.pool_key(trade.asset, trade.account);
        for lot in &execution.lots {
            let named = &lot.buy_id;
            let quantity = Units::of(lot.quantity).filter(|it| *it != Units::ZERO);
            let quantity = quantity.ok_or_else(|| {
                refused(
                    execution,
                    format!("the quantity of its lot {named} is none"),
                )
            })?;
            sum += quantity;
            let is_here = |number: &usize| {
                let purchase = self.purchases.get(*number);
                purchase.is_some_and(|it| self.pool_key(it.asset, it.account) == key)
            };
            let number = self.named.get(&**named).copied().filter(is_here);
            let number = number.ok_or_else(|| {
                let problem =
                    format!("its lot {named} is no earlier purchase of it in its account");
                refused(execution, problem)
            })?;
            let mut left = quantity;
            while left != Units::ZERO {
                let Some(piece) = take_next(number, left, &mut self.purchases) else {
                    return Err(self.insufficient(trade, left));
                };
                left -= piece.part.quantity;
                pieces.push(piece);
            }
        }
        if sum != trade.quantity {
            let problem = format!("its lots are {sum} in all, and {} are sold", trade.quantity);
            return Err(refused(execution, problem));
        }
        if let Some(pool) = self.pools.get_mut(&key) {
            pool.available -= sum;
        }
        Ok(())
    }

    fn execution(&self, trade: &Trade) -> Result<&'a Execution<'a>, TaxError> {
        self.executions
            .get(trade.index)
            .ok_or_else(|| TaxError::Unbalanced("a trade without an execution".to_owned()))
    }

    fn insufficient(&self, trade: &Trade, missing: Units) -> TaxError {
        let execution = self.executions.get(trade.index);
        let symbol = execution.map(|it| match (trade.is_fee, &it.fee_asset) {
            (true, Some(asset)) => asset.clone().into_owned(),
            _ => it.symbol.clone().into_owned(),
        });
        TaxError::InsufficientLots {
            symbol: symbol.unwrap_or_default(),
            account: execution.map_or(String::new(), |it| it.account_id.clone().into_owned()),
            trade_id: execution.map_or(String::new(), |it| it.id.clone().into_owned()),
            missing,
        }
    }

    /// Tells what is open now.
    fn tell_open(&mut self) {
        self.is_told = true;
        let mut shares: Places<(Units, Cents)> = Places::default();
        let mut open = Vec::new();
        for purchase in &self.purchases {
            let key = self.pool_key(purchase.asset, purchase.account);
            for (_, part) in purchase.open() {
                let mut lot = OpenLot {
                    buy: purchase.index,
                    quantity: part.quantity,
                    acquired: purchase.day,
                    holding_start: part.start,
                    original_basis: part.original,
                    wash_added: part.wash_added,
                    replaces: part.replaces,
                };
                let pool = self.pools.get(&key);
                if let Some(pool) = pool.filter(|_| self.options.method == Method::Average) {
                    // What the pool cost is spread over its lots, so that the last one has what is left.
                    let (quantity, cost) = shares.entry(key).or_default();
                    *quantity += part.quantity;
                    let so_far = pool.cost.part(*quantity, pool.available);
                    lot.original_basis = so_far - *cost;
                    lot.wash_added = Cents::ZERO;
                    *cost = so_far;
                }
                open.push(lot);
            }
        }
        let place = |it: &OpenLot| {
            let of = self.executions.get(it.buy);
            of.map(|of| (&*of.symbol, &*of.account_id))
        };
        // Sorting keeps the order of the purchases.
        open.sort_by(|a, b| place(a).cmp(&place(b)));
        self.book.open = open;
    }

    /// Lets pass what comes after the last trade, and holds the book against its trades.
    fn end(mut self) -> Result<Book, TaxError> {
        if let Some(last) = self.options.open_at.or(self.options.until) {
            self.until(last)?;
        } else if let Some(last) = self.splits.first().map(|it| it.0) {
            self.until(last)?;
        }
        if !self.is_told {
            self.tell_open();
        }
        let mut left = vec![Units::ZERO; self.trades.assets.len()];
        let mut left_cost = Cents::ZERO;
        for purchase in &self.purchases {
            for (_, part) in purchase.open() {
                if let Some(left) = left.get_mut(purchase.asset) {
                    *left += part.quantity;
                }
                left_cost += part.basis();
            }
        }
        if self.options.method == Method::Average {
            left_cost = self.pools.values().map(|it| it.cost).sum();
        }
        self.balance.check(&self.book, &left, left_cost)?;
        Ok(self.book)
    }
}

/// Spreads a cost over the pieces of a sale, so that the last one has what is left.
fn average(pieces: &mut [Piece], cost: Cents, quantity: Units) {
    let (mut so_far, mut spread) = (Units::ZERO, Cents::ZERO);
    for piece in pieces {
        so_far += piece.part.quantity;
        let part = cost.part(so_far, quantity);
        piece.part.original = part - spread;
        piece.part.wash_added = Cents::ZERO;
        spread = part;
    }
}
