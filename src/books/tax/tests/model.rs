//! A second engine, as plain as the rules are written: lists that are looked through from the front to the
//! end.
//!
//! Always true:
//! - It shares no code with the engine, but the options and what `term` and `Zone` say of a day.
//! - Money is whole cents, quantities are whole parts of 10^-18, days are numbers.
//!
//! Not here: refusals, carried lots, and symbols that name the dollars that a coin is priced in.

use super::*;

/// What the rules come to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outcome {
    pub(super) rows: Vec<Row>,
    pub(super) untaxed: Vec<Row>,
    pub(super) washes: Vec<Match>,
    pub(super) open: Vec<Left>,
}

/// A piece of a lot that was sold.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) buy: usize,
    pub(super) sell: usize,
    pub(super) piece: u32,
    pub(super) is_fee: bool,
    pub(super) quantity: i128,
    pub(super) acquired: i32,
    pub(super) start: i32,
    pub(super) sold: i32,
    pub(super) term: Term,
    pub(super) gross: i128,
    pub(super) proceeds: i128,
    pub(super) original: i128,
    pub(super) wash_added: i128,
    pub(super) replaced: i128,
    pub(super) adjustment: i128,
}

/// A purchase that replaced a loss.
#[derive(Debug, PartialEq)]
pub(super) struct Match {
    pub(super) loss: usize,
    pub(super) replacement: usize,
    pub(super) replaced_on: i32,
    pub(super) quantity: i128,
    pub(super) disallowed: i128,
    pub(super) days_added: i32,
    pub(super) is_permanent: bool,
}

/// A lot that is left.
#[derive(Debug, PartialEq)]
pub(super) struct Left {
    pub(super) buy: usize,
    pub(super) quantity: i128,
    pub(super) acquired: i32,
    pub(super) start: i32,
    pub(super) original: i128,
    pub(super) wash_added: i128,
    pub(super) replaces: Option<usize>,
}

/// Shares that have all in common. What was cut off a purchase stands before the rest of it.
#[derive(Clone)]
struct Lot {
    buy: usize,
    /// The how manieth purchase it is.
    number: usize,
    symbol: String,
    account: String,
    /// One name for all fills of one purchase.
    purchase: String,
    quantity: i128,
    original: i128,
    wash_added: i128,
    day: i32,
    start: i32,
    is_used: bool,
    replaces: Option<usize>,
}

/// A loss, and how much of it was replaced.
struct Loss {
    row: usize,
    symbol: String,
    account: String,
    number: usize,
    purchase: String,
    sold: i32,
    held: i32,
    amount: i128,
    quantity: i128,
    matched: i128,
    allotted: i128,
}

/// A row of the sale that is being made.
#[derive(Clone)]
struct Sold {
    row: usize,
    /// What it was taken of.
    lot: Lot,
}

/// Where a replacement is found.
#[derive(Clone, Copy)]
enum Found {
    Open(usize),
    /// Among the rows of the same sale that are still to come.
    Sold(usize),
}

struct Model<'a> {
    options: &'a Options,
    all: &'a [Execution<'static>],
    lots: Vec<Lot>,
    waiting: Vec<Loss>,
    outcome: Outcome,
    purchases: usize,
}

/// What the executions come to.
pub(super) fn outcome(options: &Options, all: &[Execution<'static>]) -> Outcome {
    let last = options.until.map(Day::unix_days);
    let mut outcome = walk(options, all, last).outcome;
    // What is open at the end of a day is what is left of the trades until then.
    let open_at = options.open_at.map(Day::unix_days).or(last);
    outcome.open = walk(options, all, open_at).open();
    outcome
}

/// All trades and splits until the end of a day.
fn walk<'a>(options: &'a Options, all: &'a [Execution<'static>], last: Option<i32>) -> Model<'a> {
    let mut model = Model {
        options,
        all,
        lots: Vec::new(),
        waiting: Vec::new(),
        outcome: Outcome::default(),
        purchases: 0,
    };
    // Splits come before the trades of their day, and what is at one instant stays in its order.
    let mut events: Vec<(i32, Option<Timestamp>, usize)> = Vec::new();
    for (index, split) in options.splits.iter().enumerate() {
        events.push((split.day.unix_days(), None, index));
    }
    for (index, trade) in all.iter().enumerate() {
        events.push((model.day(index), Some(trade.at), index));
    }
    events.sort();
    events.retain(|it| last.is_none_or(|last| it.0 <= last));
    for (_, at, index) in events {
        match at.map(|_| all[index].action) {
            None => model.split(&options.splits[index]),
            Some(Action::Buy) => model.buy(index),
            Some(Action::Sell) => model.sell(index),
        }
    }
    model
}

/// `a` x `b` / `c`, to the nearest, a half away from 0. By hand, bit by bit of `b`: the product may have more
/// than 128.
fn share(a: i128, b: i128, c: i128) -> i128 {
    let (mut quotient, mut rest) = (0, 0);
    for bit in (0..127).rev() {
        let more = if (b >> bit) & 1 == 1 { a.abs() } else { 0 };
        quotient = 2 * quotient + more / c;
        rest = 2 * rest + more % c;
        quotient += rest / c;
        rest %= c;
    }
    let size = quotient + i128::from(c <= 2 * rest);
    if a < 0 { -size } else { size }
}

fn units(of: Decimal) -> i128 {
    of.mantissa() * 10_i128.pow(18 - of.scale())
}

/// `quantity` x `price` + `extra`, in cents.
fn cents(quantity: Decimal, price: Decimal, extra: Decimal) -> i128 {
    let places = quantity.scale() + price.scale();
    let all = places.max(extra.scale()).max(2);
    let sum = quantity.mantissa() * price.mantissa() * 10_i128.pow(all - places)
        + extra.mantissa() * 10_i128.pow(all - extra.scale());
    share(sum, 1, 10_i128.pow(all - 2))
}

fn is_ira(options: &Options, account: &str) -> bool {
    options.wash.ira.iter().any(|it| it == account)
}

/// Whether a sale of one account may take lots of the other.
pub(super) fn are_pooled(options: &Options, one: &str, other: &str) -> bool {
    let is_taxed = !is_ira(options, one) && !is_ira(options, other);
    one == other || (options.lot_scope == LotScope::Global && is_taxed)
}

impl Lot {
    fn basis(&self) -> i128 {
        self.original + self.wash_added
    }

    fn take(&mut self, quantity: i128) -> Lot {
        let mut taken = self.clone();
        if quantity < self.quantity {
            taken.quantity = quantity;
            let basis = share(self.basis(), quantity, self.quantity);
            taken.original = share(self.original, quantity, self.quantity);
            taken.wash_added = basis - taken.original;
        }
        self.quantity -= taken.quantity;
        self.original -= taken.original;
        self.wash_added -= taken.wash_added;
        taken
    }
}

impl Model<'_> {
    fn day(&self, trade: usize) -> i32 {
        self.options.zone.day(self.all[trade].at).unix_days()
    }

    fn is_washed(&self, symbol: &str) -> bool {
        let class = self.all.iter().find_map(|it| {
            let is_fee = it.fee_asset.as_deref() == Some(symbol);
            (it.symbol == symbol || is_fee).then_some(it.asset_class)
        });
        self.options.wash.covers(class.unwrap())
    }

    fn are_identical(&self, one: &str, other: &str) -> bool {
        let both = |group: &Vec<String>| {
            group.iter().any(|it| it == one) && group.iter().any(|it| it == other)
        };
        one == other || self.options.wash.identical.iter().any(both)
    }

    fn buy(&mut self, index: usize) {
        let trade = &self.all[index];
        let (mut quantity, mut fee) = (units(trade.quantity), trade.commission);
        if trade.fee_asset.as_deref() == Some(&*trade.symbol) {
            quantity -= units(fee);
            fee = Decimal::ZERO;
        } else if trade.fee_asset.is_some() {
            fee = trade.fee_value.unwrap();
        }
        let is_one = self.options.orders_are_purchases && self.is_washed(&trade.symbol);
        let purchase = match trade.order_id.as_deref().filter(|_| is_one) {
            Some(order) => format!("{} {} {order}", trade.symbol, trade.account_id),
            None => format!("purchase {index}"),
        };
        let day = self.day(index);
        self.lots.push(Lot {
            buy: index,
            number: self.purchases,
            symbol: trade.symbol.to_string(),
            account: trade.account_id.to_string(),
            purchase,
            quantity,
            original: cents(trade.quantity, trade.price, fee),
            wash_added: 0,
            day,
            start: day,
            is_used: false,
            replaces: None,
        });
        self.purchases += 1;
        if self.is_washed(&trade.symbol) {
            let mut waiting = std::mem::take(&mut self.waiting);
            for loss in &mut waiting {
                let lot = self.lots.last().unwrap();
                if self.may_replace(loss, lot) && day <= loss.sold + 30 && !lot.is_used {
                    self.replace(loss, self.lots.len() - 1);
                }
            }
            self.waiting = waiting;
        }
        self.sell_fee(index);
    }

    /// A fee in something else is a sale of that.
    fn sell_fee(&mut self, index: usize) {
        let trade = &self.all[index];
        let asset = trade.fee_asset.clone().filter(|it| *it != trade.symbol);
        if let Some(asset) = asset {
            let worth = cents(Decimal::ONE, trade.fee_value.unwrap(), Decimal::ZERO);
            self.dispose(index, &asset, units(trade.commission), worth, worth);
        }
    }

    fn sell(&mut self, index: usize) {
        let trade = &self.all[index];
        let (mut quantity, mut fee) = (units(trade.quantity), trade.commission);
        if trade.fee_asset.as_deref() == Some(&*trade.symbol) {
            quantity += units(fee);
            fee = Decimal::ZERO;
        } else if trade.fee_asset.is_some() {
            fee = trade.fee_value.unwrap();
        }
        let gross = cents(trade.quantity, trade.price, Decimal::ZERO);
        let net = cents(trade.quantity, trade.price, -fee);
        self.dispose(index, &trade.symbol, quantity, gross, net);
        self.sell_fee(index);
    }

    fn dispose(&mut self, index: usize, symbol: &str, quantity: i128, gross: i128, net: i128) {
        let trade = &self.all[index];
        let is_fee = trade.symbol != symbol;
        let taken = self.choose(index, symbol, quantity);
        let is_untaxed = is_ira(self.options, &trade.account_id);
        let day = self.day(index);
        let (mut before, mut sold) = (0, Vec::new());
        for (piece, lot) in (1..).zip(taken) {
            let after = before + lot.quantity;
            let part = |of: i128| share(of, after, quantity) - share(of, before, quantity);
            let row = Row {
                buy: lot.buy,
                sell: index,
                piece,
                is_fee,
                quantity: lot.quantity,
                acquired: lot.day,
                start: lot.start,
                sold: day,
                term: term(lot.start, day),
                gross: part(gross),
                proceeds: part(net),
                original: lot.original,
                wash_added: lot.wash_added,
                replaced: 0,
                adjustment: 0,
            };
            before = after;
            if is_untaxed {
                self.outcome.untaxed.push(row);
            } else {
                let row_at = self.outcome.rows.len();
                self.outcome.rows.push(row);
                sold.push(Sold { row: row_at, lot });
            }
        }
        if !is_untaxed && self.is_washed(symbol) {
            self.wash(sold, &trade.account_id);
        }
    }

    /// Which lots are sold, and what comes out of each.
    fn choose(&mut self, index: usize, symbol: &str, quantity: i128) -> Vec<Lot> {
        let trade = &self.all[index];
        let mut wanted = vec![(None, quantity)];
        let may_name = self.options.method == Method::Specid && trade.symbol == symbol;
        if may_name && !trade.lots.is_empty() {
            let named = trade.lots.iter();
            let place = |id: &str| self.all.iter().position(|it| it.id == id);
            wanted = named
                .map(|it| (place(&it.buy_id), units(it.quantity)))
                .collect();
        }
        let whole = self.pool_cost(symbol, &trade.account_id);
        let mut taken = Vec::new();
        for (buy, mut left) in wanted {
            while left > 0 {
                let next = self.next(symbol, &trade.account_id, buy).unwrap();
                let lot = &mut self.lots[next];
                let lot = lot.take(left.min(lot.quantity));
                left -= lot.quantity;
                taken.push(lot);
                self.lots.retain(|it| it.quantity > 0);
            }
        }
        if self.options.method == Method::Average {
            let cost = share(whole.0, quantity, whole.1);
            spread(&mut taken.iter_mut().collect::<Vec<_>>(), cost);
            let mut kept = self.pool(symbol, &trade.account_id);
            spread(&mut kept, whole.0 - cost);
        }
        taken
    }

    /// The lots that are sold together.
    fn pool(&mut self, symbol: &str, account: &str) -> Vec<&mut Lot> {
        let options = self.options;
        let lots = self.lots.iter_mut();
        lots.filter(|it| it.symbol == symbol && are_pooled(options, &it.account, account))
            .collect()
    }

    fn pool_cost(&mut self, symbol: &str, account: &str) -> (i128, i128) {
        let pool = self.pool(symbol, account);
        let cost = pool.iter().map(|it| it.basis()).sum();
        (cost, pool.iter().map(|it| it.quantity).sum())
    }

    /// The lot whose turn it is.
    fn next(&self, symbol: &str, account: &str, buy: Option<usize>) -> Option<usize> {
        let mut best: Option<usize> = None;
        for (at, lot) in self.lots.iter().enumerate() {
            let is_here = lot.symbol == symbol && are_pooled(self.options, &lot.account, account);
            if !is_here || buy.is_some_and(|it| it != lot.buy) {
                continue;
            }
            let is_better =
                best.map(|it| &self.lots[it])
                    .is_none_or(|so_far| match self.options.method {
                        Method::Lifo => so_far.number < lot.number,
                        Method::Hifo => {
                            so_far.basis() * lot.quantity < lot.basis() * so_far.quantity
                        }
                        _ => false,
                    });
            if is_better {
                best = Some(at);
            }
        }
        best
    }

    fn wash(&mut self, sold: Vec<Sold>, account: &str) {
        let mut turn = sold;
        turn.sort_by_key(|it| it.lot.number);
        while !turn.is_empty() {
            let now = turn.remove(0);
            let row = &self.outcome.rows[now.row];
            let amount = row.original + row.wash_added - row.proceeds;
            if amount <= 0 {
                continue;
            }
            let mut loss = Loss {
                row: now.row,
                symbol: now.lot.symbol.clone(),
                account: account.to_owned(),
                number: now.lot.number,
                purchase: now.lot.purchase.clone(),
                sold: row.sold,
                held: row.sold - row.start,
                amount,
                quantity: row.quantity,
                matched: 0,
                allotted: 0,
            };
            while loss.matched < loss.quantity {
                match self.replacement(&loss, &turn) {
                    Some(Found::Open(lot)) => self.replace(&mut loss, lot),
                    Some(Found::Sold(at)) => self.replace_by_sold(&mut loss, at, &mut turn),
                    None => break,
                }
            }
            if loss.matched < loss.quantity {
                self.waiting.push(loss);
            }
        }
    }

    /// The oldest of what was bought in the thirty days before.
    fn replacement(&self, loss: &Loss, later: &[Sold]) -> Option<Found> {
        let mut found = Vec::new();
        for (at, lot) in self.lots.iter().enumerate() {
            found.push((lot, Found::Open(at)));
        }
        for (at, sold) in later.iter().enumerate() {
            if self.options.wash.same_sale_replaces {
                found.push((&sold.lot, Found::Sold(at)));
            }
        }
        found.retain(|(lot, _)| {
            let is_old = self.options.wash.exclude_older && lot.number < loss.number;
            !lot.is_used
                && !is_old
                && loss.sold - 30 <= lot.day
                && self.is_washed(&lot.symbol)
                && self.may_replace(loss, lot)
        });
        found.sort_by_key(|(lot, _)| {
            let is_last = self.options.wash.taxable_first && is_ira(self.options, &lot.account);
            (is_last, lot.number)
        });
        found.first().map(|it| it.1)
    }

    /// Whether it is another purchase of the same thing, and one that is looked at.
    fn may_replace(&self, loss: &Loss, lot: &Lot) -> bool {
        let any_account = self.options.wash.scope == WashScope::Taxpayer;
        self.are_identical(&loss.symbol, &lot.symbol)
            && (any_account || loss.account == lot.account)
            && loss.purchase != lot.purchase
            && loss.matched < loss.quantity
    }

    fn replace(&mut self, loss: &mut Loss, at: usize) {
        let quantity = (loss.quantity - loss.matched).min(self.lots[at].quantity);
        let mut part = self.lots[at].take(quantity);
        part.is_used = true;
        part.replaces = Some(loss.row);
        let is_permanent = is_ira(self.options, &part.account);
        let (disallowed, days) = self.matched(loss, &part, quantity, is_permanent);
        if !is_permanent {
            part.wash_added += disallowed;
            part.start -= days;
        }
        self.lots.insert(at, part);
        self.lots.retain(|it| it.quantity > 0);
    }

    fn replace_by_sold(&mut self, loss: &mut Loss, at: usize, later: &mut Vec<Sold>) {
        let place = later[at].row;
        let whole = self.outcome.rows[place].clone();
        let quantity = (loss.quantity - loss.matched).min(whole.quantity);
        later[at].lot.is_used = true;
        let mut first = whole.clone();
        if quantity < whole.quantity {
            let part = |of: i128| share(of, quantity, whole.quantity);
            first.quantity = quantity;
            first.gross = part(whole.gross);
            first.proceeds = part(whole.proceeds);
            first.original = part(whole.original);
            first.wash_added = part(whole.original + whole.wash_added) - first.original;
            let rows = &mut self.outcome.rows;
            let of_sale = |it: &&Row| it.sell == whole.sell && it.is_fee == whole.is_fee;
            let piece = rows.iter().filter(of_sale).map(|it| it.piece).max();
            rows.push(Row {
                piece: piece.unwrap() + 1,
                quantity: whole.quantity - first.quantity,
                gross: whole.gross - first.gross,
                proceeds: whole.proceeds - first.proceeds,
                original: whole.original - first.original,
                wash_added: whole.wash_added - first.wash_added,
                ..whole
            });
            let mut rest = later[at].clone();
            rest.lot.is_used = false;
            rest.row = rows.len() - 1;
            later.insert(at + 1, rest);
        }
        let lot = later[at].lot.clone();
        let (disallowed, days) = self.matched(loss, &lot, quantity, false);
        first.wash_added += disallowed;
        first.start -= days;
        first.term = term(first.start, first.sold);
        self.outcome.rows[place] = first;
    }

    /// Writes down a match; what is disallowed, and the days that are added.
    fn matched(
        &mut self,
        loss: &mut Loss,
        lot: &Lot,
        quantity: i128,
        is_permanent: bool,
    ) -> (i128, i32) {
        loss.matched += quantity;
        let so_far = share(loss.amount, loss.matched, loss.quantity);
        let disallowed = so_far - loss.allotted;
        loss.allotted = so_far;
        let is_tacked = self.options.wash.tack == Tack::Days && !is_permanent;
        let days_added = if is_tacked { loss.held } else { 0 };
        self.outcome.washes.push(Match {
            loss: loss.row,
            replacement: lot.buy,
            replaced_on: lot.day,
            quantity,
            disallowed,
            days_added,
            is_permanent,
        });
        let row = &mut self.outcome.rows[loss.row];
        row.adjustment += disallowed;
        row.replaced = share(row.quantity, loss.matched, loss.quantity);
        (disallowed, days_added)
    }

    fn split(&mut self, split: &Split) {
        let after = |it: i128| share(it, split.new.into(), split.old.into());
        for lot in &mut self.lots {
            if lot.symbol == split.symbol {
                lot.quantity = after(lot.quantity);
            }
        }
        for loss in &mut self.waiting {
            if loss.symbol == split.symbol {
                loss.quantity = after(loss.quantity);
                loss.matched = after(loss.matched);
            }
        }
    }

    fn open(mut self) -> Vec<Left> {
        if self.options.method == Method::Average {
            for lot in self.lots.clone() {
                let cost = self.pool_cost(&lot.symbol, &lot.account).0;
                spread(&mut self.pool(&lot.symbol, &lot.account), cost);
            }
        }
        // Sorting keeps the order of the purchases.
        let place = |it: &Lot| (it.symbol.clone(), it.account.clone());
        self.lots.sort_by_key(place);
        let left = |it: &Lot| Left {
            buy: it.buy,
            quantity: it.quantity,
            acquired: it.day,
            start: it.start,
            original: it.original,
            wash_added: it.wash_added,
            replaces: it.replaces,
        };
        self.lots.iter().map(left).collect()
    }
}

/// Gives each lot its share of a cost by its quantity.
fn spread(lots: &mut [&mut Lot], cost: i128) {
    let quantity: i128 = lots.iter().map(|it| it.quantity).sum();
    let (mut so_far, mut spent) = (0, 0);
    for lot in lots {
        so_far += lot.quantity;
        lot.original = share(cost, so_far, quantity) - spent;
        lot.wash_added = 0;
        spent += lot.original;
    }
}

fn term(start: i32, sold: i32) -> Term {
    let day = |it: i32| Day::from_unix_days(it).unwrap();
    Term::of(day(start), day(sold))
}
