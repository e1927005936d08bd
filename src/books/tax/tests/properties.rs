//! What is true of every book, tried with journals of chance.
//!
//! The journals are dense: few symbols, few days between trades, so that windows overlap and losses chain.

use std::collections::HashMap;

use proptest::prelude::*;

use super::model::{Left, Match, Outcome, Row, are_pooled, outcome};
use super::*;

const SYMBOLS: [&str; 4] = ["AA", "BB", "CC", "DD"];
const ACCOUNTS: [&str; 3] = ["A", "B", "IRA"];
/// The places of quantities.
const PLACES_GIVEN: u32 = 8;
const WHOLE: u64 = 100_000_000;

/// What chance says of a trade.
#[derive(Clone, Debug)]
struct Draw {
    gap_days: u8,
    gap_secs: u16,
    account: usize,
    symbol: usize,
    is_sale: bool,
    /// Every fourth is a part of a share.
    quantity: (u8, u32),
    /// Of 10^-3 dollars.
    price: u32,
    /// Of 10^-3 dollars.
    commission: u16,
    order: u8,
    fee_in: u8,
    /// With which lot names begin; none where it is large.
    names_from: u8,
}

fn draw() -> impl Strategy<Value = Draw> {
    let gap = (
        prop_oneof![6 => 0..4_u8, 3 => 0..20_u8, 1 => 25..36_u8, 1 => 100..200_u8],
        prop_oneof![1 => Just(0_u16), 3 => 1..4000_u16],
    );
    let place = (
        0..3_usize,
        prop_oneof![4 => Just(0_usize), 2 => Just(1_usize), 1 => 2..4_usize],
    );
    let sums = (
        any::<bool>(),
        (1..40_u8, 0..100_000_000_u32),
        prop_oneof![4 => 8_000..12_000_u32, 1 => 0..30_000_u32, 3 => (8..12_u32).prop_map(|it| it * 1000)],
        prop_oneof![4 => Just(0_u16), 1 => 0..3000_u16, 1 => Just(30_000_u16)],
    );
    let rest = (0..8_u8, 0..6_u8, 0..12_u8);
    (gap, place, sums, rest).prop_map(|(gap, place, sums, rest)| Draw {
        gap_days: gap.0,
        gap_secs: gap.1,
        account: place.0,
        symbol: place.1,
        is_sale: sums.0,
        quantity: sums.1,
        price: sums.2,
        commission: sums.3,
        order: rest.0,
        fee_in: rest.1,
        names_from: rest.2,
    })
}

fn draws(most: usize) -> impl Strategy<Value = Vec<Draw>> {
    prop::collection::vec(draw(), 1..most)
}

fn splits() -> impl Strategy<Value = Vec<Split>> {
    let ratio = prop::sample::select(vec![(2, 1), (1, 2), (3, 2), (1, 3), (7, 3)]);
    let one = (0..4_usize, 1..150_i32, ratio).prop_map(|(symbol, at, (new, old))| Split {
        symbol: SYMBOLS[symbol].to_owned(),
        day: Day::from_unix_days(first_day() + at).unwrap(),
        new,
        old,
    });
    let some = prop::collection::vec(one, 1..3);
    prop_oneof![2 => Just(Vec::new()), 1 => some]
}

fn options() -> impl Strategy<Value = Options> {
    let method = prop::sample::select(vec![
        Method::Fifo,
        Method::Lifo,
        Method::Hifo,
        Method::Specid,
        Method::Average,
    ]);
    let classes = (any::<[bool; 3]>(), any::<bool>());
    (method, any::<[bool; 9]>(), classes, splits()).prop_map(
        |(method, flags, (classes, is_usual), splits)| {
            let usual = if is_usual {
                [true, true, false]
            } else {
                classes
            };
            let [equity, fund, crypto] = match method {
                Method::Average => [false; 3],
                _ => usual,
            };
            let pick = |it: bool, name: &str| it.then(|| name.to_owned());
            Options {
                method,
                lot_scope: [LotScope::Account, LotScope::Global][usize::from(flags[0])],
                wash: WashRules {
                    equity,
                    fund,
                    crypto,
                    scope: [WashScope::Taxpayer, WashScope::Account][usize::from(flags[1])],
                    tack: [Tack::Days, Tack::Original][usize::from(flags[2])],
                    exclude_older: flags[3],
                    same_sale_replaces: flags[4],
                    taxable_first: flags[5],
                    ira: pick(flags[6], "IRA").into_iter().collect(),
                    identical: match flags[7] {
                        true => vec![vec!["AA".to_owned(), "BB".to_owned()]],
                        false => Vec::new(),
                    },
                },
                splits,
                orders_are_purchases: flags[8],
                force_average: true,
                ..Options::default()
            }
        },
    )
}

fn first_day() -> i32 {
    day("2023-10-01").unix_days()
}

/// So much of a purchase is there for certain, in 10^-8.
struct Held {
    buy: usize,
    account: &'static str,
    symbol: &'static str,
    left: u64,
}

/// Makes executions that are legal of what chance says.
struct Journal<'o> {
    options: &'o Options,
    at: Timestamp,
    held: Vec<Held>,
    splits: Vec<&'o Split>,
    all: Vec<Execution<'static>>,
}

fn journal(options: &Options, draws: &[Draw], are_distinct: bool) -> Vec<Execution<'static>> {
    let mut splits: Vec<&Split> = options.splits.iter().collect();
    splits.sort_by_key(|it| it.day);
    let mut journal = Journal {
        options,
        at: Day::from_unix_days(first_day()).unwrap().start(),
        held: Vec::new(),
        splits,
        all: Vec::new(),
    };
    // Each symbol is traded, since a split names it.
    for (number, symbol) in (0_u32..).zip(SYMBOLS) {
        let at = journal.at.unix_secs() + i64::from(number);
        journal.at = Timestamp::from_unix(at, 0).unwrap();
        journal.bought(symbol, "A", 3 * WHOLE, Decimal::new(10_003, 3));
    }
    for draw in draws {
        let gap = i64::from(draw.gap_days) * 86_400 + i64::from(draw.gap_secs);
        let gap = if are_distinct { gap.max(1) } else { gap };
        let at = journal.at.unix_secs() + gap;
        journal.at = Timestamp::from_unix(at, 0).unwrap();
        journal.add(draw);
    }
    journal.all
}

fn decimal(quantity: u64) -> Decimal {
    Decimal::new(i64::try_from(quantity).unwrap(), PLACES_GIVEN)
}

impl Journal<'_> {
    fn bought(&mut self, symbol: &'static str, account: &'static str, size: u64, price: Decimal) {
        let buy = self.all.len();
        let class = match symbol {
            "AA" => AssetClass::Equity,
            "BB" => AssetClass::Fund,
            _ => AssetClass::Crypto,
        };
        let mut trade = buy_of(symbol, account, self.at).class(class);
        trade.id = Cow::Owned(format!("t{buy:03}"));
        trade.quantity = decimal(size);
        trade.price = price;
        self.all.push(trade);
        self.held.push(Held {
            buy,
            account,
            symbol,
            left: size,
        });
    }

    fn add(&mut self, draw: &Draw) {
        self.split();
        let (symbol, account) = (SYMBOLS[draw.symbol], ACCOUNTS[draw.account]);
        let (shares, rest) = draw.quantity;
        let is_whole = draw.symbol < 2 && draw.order % 4 != 3;
        let mut size = u64::from(shares) * WHOLE;
        size += if is_whole { 0 } else { u64::from(rest) };
        let price = Decimal::new(draw.price.into(), 3);
        let held = self.all_held(symbol, account);
        if !draw.is_sale || held == 0 {
            self.bought(symbol, account, size, price);
        } else {
            self.bought(symbol, account, size.min(held), price);
            self.held.pop();
        }
        let mut trade = self.all.pop().unwrap();
        trade.commission = Decimal::new(draw.commission.into(), 3);
        if draw.order < 5 {
            trade.order_id = Some(Cow::Owned(format!("o{}", draw.order % 3)));
        }
        match draw.is_sale && held != 0 {
            false => self.finish_purchase(draw, trade),
            true => self.finish_sale(draw, trade, size.min(held), held),
        }
    }

    fn finish_purchase(&mut self, draw: &Draw, mut trade: Execution<'static>) {
        if let Some(Held { left, .. }) = self.held.last_mut() {
            let fee = *left / 100;
            if draw.fee_in == 0 && fee != 0 && trade.asset_class == AssetClass::Crypto {
                *left -= fee;
                trade.commission = decimal(fee);
                trade.fee_asset = Some(trade.symbol.clone());
            }
        }
        self.pay_in_coins(draw, &mut trade);
        self.all.push(trade);
    }

    fn finish_sale(&mut self, draw: &Draw, mut trade: Execution<'static>, size: u64, held: u64) {
        trade.action = Action::Sell;
        let fee = (size / 100).min(held - size);
        let mut out = size;
        if draw.fee_in == 0 && fee != 0 && trade.asset_class == AssetClass::Crypto {
            trade.commission = decimal(fee);
            trade.fee_asset = Some(trade.symbol.clone());
            out += fee;
        }
        let (symbol, account) = (SYMBOLS[draw.symbol], ACCOUNTS[draw.account]);
        let from = match self.options.method {
            Method::Specid if draw.names_from < 9 => Some(usize::from(draw.names_from)),
            _ => None,
        };
        let taken = self.take(symbol, account, out, from.unwrap_or(0));
        if from.is_some() {
            let named = taken.iter().map(|(buy, quantity)| NamedLot {
                buy_id: Cow::Owned(format!("t{buy:03}")),
                quantity: decimal(*quantity),
            });
            trade.lots = named.collect();
        }
        self.pay_in_coins(draw, &mut trade);
        self.all.push(trade);
    }

    /// Pays the commission in another coin, if that is held.
    fn pay_in_coins(&mut self, draw: &Draw, trade: &mut Execution<'static>) {
        let account = ACCOUNTS[draw.account];
        let is_asked = draw.fee_in == 1 && draw.symbol == 2 && !trade.commission.is_zero();
        let size = self.all_held("DD", account).min(1_234_567);
        if is_asked && size != 0 {
            self.take("DD", account, size, 0);
            trade.fee_value = Some(trade.commission);
            trade.commission = decimal(size);
            trade.fee_asset = Some(Cow::Borrowed("DD"));
        }
    }

    fn all_held(&self, symbol: &str, account: &str) -> u64 {
        let here = self
            .held
            .iter()
            .filter(|it| it.symbol == symbol && are_pooled(self.options, it.account, account));
        here.map(|it| it.left).sum()
    }

    /// Takes so much, from that lot on and then from the first.
    fn take(&mut self, symbol: &str, account: &str, size: u64, from: usize) -> Vec<(usize, u64)> {
        let options = self.options;
        let here = self.held.iter_mut().filter(|it| {
            it.left != 0 && it.symbol == symbol && are_pooled(options, it.account, account)
        });
        let mut here: Vec<&mut Held> = here.collect();
        let middle = from % here.len();
        here.rotate_left(middle);
        let (mut left, mut taken) = (size, Vec::new());
        for lot in here {
            let part = lot.left.min(left);
            if part != 0 {
                taken.push((lot.buy, part));
            }
            lot.left -= part;
            left -= part;
        }
        assert_eq!(left, 0);
        taken
    }

    /// What is held for certain after the splits until now: at most one part less than it is.
    fn split(&mut self) {
        while let Some(split) = self.splits.first().copied() {
            if self.at.day() < split.day {
                break;
            }
            self.splits.remove(0);
            for lot in self.held.iter_mut().filter(|it| it.symbol == split.symbol) {
                let all = lot.left * u64::from(split.new);
                let is_exact = all % u64::from(split.old) == 0;
                let after = all / u64::from(split.old);
                lot.left = after.saturating_sub(u64::from(!is_exact));
            }
        }
    }
}

fn buy_of(symbol: &'static str, account: &'static str, at: Timestamp) -> Execution<'static> {
    let trade = buy("", "2023-10-01", "1", "1");
    let trade = trade.symbol(symbol).account(account);
    Execution { at, ..trade }
}

// --- The engine and the model -------------------------------------------------------------------

fn signed(units: Units) -> i128 {
    i128::try_from(units.value()).unwrap()
}

fn row(it: &Disposal) -> Row {
    Row {
        buy: it.buy,
        sell: it.sell,
        piece: it.piece,
        is_fee: it.is_fee,
        quantity: signed(it.quantity),
        acquired: it.acquired.unix_days(),
        start: it.holding_start.unix_days(),
        sold: it.sold.unix_days(),
        term: it.term,
        gross: it.gross_proceeds.value(),
        proceeds: it.proceeds.value(),
        original: it.original_basis.value(),
        wash_added: it.wash_added.value(),
        replaced: signed(it.replaced),
        adjustment: it.adjustment.value(),
    }
}

fn plain(book: &Book) -> Outcome {
    let wash = |it: &Wash| Match {
        loss: it.loss,
        replacement: it.replacement,
        replaced_on: it.replaced_on.unix_days(),
        quantity: signed(it.quantity),
        disallowed: it.disallowed.value(),
        days_added: it.days_added,
        is_permanent: it.is_permanent,
    };
    let left = |it: &OpenLot| Left {
        buy: it.buy,
        quantity: signed(it.quantity),
        acquired: it.acquired.unix_days(),
        start: it.holding_start.unix_days(),
        original: it.original_basis.value(),
        wash_added: it.wash_added.value(),
        replaces: it.replaces,
    };
    Outcome {
        rows: book.disposals.iter().map(row).collect(),
        untaxed: book.untaxed.iter().map(row).collect(),
        washes: book.washes.iter().map(wash).collect(),
        open: book.open.iter().map(left).collect(),
    }
}

/// Long failures are of no use: the first difference is told.
fn same<T: PartialEq + std::fmt::Debug>(engine: &[T], model: &[T]) -> Result<(), TestCaseError> {
    for (one, other) in engine.iter().zip(model) {
        prop_assert_eq!(one, other);
    }
    prop_assert_eq!(engine.len(), model.len());
    Ok(())
}

fn engine_is_model(options: &Options, all: &[Execution<'static>]) -> Result<Book, TestCaseError> {
    let book = Engine::new(options.clone()).run(all);
    let book = book.map_err(|it| TestCaseError::fail(it.to_string()))?;
    let (engine, model) = (plain(&book), outcome(options, all));
    same(&engine.rows, &model.rows)?;
    same(&engine.untaxed, &model.untaxed)?;
    same(&engine.washes, &model.washes)?;
    same(&engine.open, &model.open)?;
    Ok(book)
}

// --- Conservation -------------------------------------------------------------------------------

/// What a trade came to, worked anew with the decimals of the test: cost or proceeds, in cents.
fn net(trade: &Execution<'_>) -> i128 {
    let dollars = match (&trade.fee_asset, trade.fee_value) {
        (_, Some(value)) => value,
        (Some(_), None) => Decimal::ZERO,
        (None, None) => trade.commission,
    };
    let gross = trade.quantity * trade.price;
    let net = match trade.action {
        Action::Buy => gross + dollars,
        Action::Sell => gross - dollars,
    };
    let away = rust_decimal::RoundingStrategy::MidpointAwayFromZero;
    let mut cents = net.round_dp_with_strategy(2, away);
    cents.rescale(2);
    cents.mantissa()
}

fn is_paid_in(trade: &Execution<'_>, symbol: &str) -> bool {
    trade.fee_asset.as_deref() == Some(symbol)
}

/// Units that came and went by a trade of a symbol.
fn flow(trade: &Execution<'_>, symbol: &str) -> Decimal {
    let traded = match (trade.symbol == symbol, trade.action) {
        (true, Action::Buy) => trade.quantity,
        (true, Action::Sell) => -trade.quantity,
        (false, _) => Decimal::ZERO,
    };
    let fee = if is_paid_in(trade, symbol) {
        trade.commission
    } else {
        Decimal::ZERO
    };
    traded - fee
}

fn sum<T>(of: impl IntoIterator<Item = T>, value: impl Fn(T) -> i128) -> i128 {
    of.into_iter().map(value).sum()
}

/// What came until the end of a day is what went and is open then, in units and in cents.
fn is_conserved(
    book: &Book,
    all: &[Execution<'static>],
    has_splits: bool,
    until: Day,
) -> Result<(), TestCaseError> {
    let rows = || book.disposals.iter().chain(&book.untaxed);
    let until_then = || all.iter().filter(|it| it.at.day() <= until);
    for symbol in SYMBOLS.iter().filter(|_| !has_splits) {
        let open = book.open.iter().filter(|it| all[it.buy].symbol == *symbol);
        let flows: Decimal = until_then().map(|it| flow(it, symbol)).sum();
        let flows = flows.mantissa() * 10_i128.pow(18 - flows.scale());
        prop_assert_eq!(sum(open, |it| signed(it.quantity)), flows);
    }
    let costs = sum(until_then().filter(|it| it.action == Action::Buy), net);
    let sold = rows().filter(|it| it.sold <= until);
    let kept = book.washes.iter().filter(|it| {
        let matched = it.replaced_on.max(book.disposals[it.loss].sold);
        !it.is_permanent && matched <= until
    });
    let went = sum(sold, |it| it.basis().value());
    let open = sum(&book.open, |it| it.basis().value());
    let added = sum(kept, |it| it.disallowed.value());
    prop_assert_eq!(costs + added, went + open);
    Ok(())
}

fn sales_are_conserved(book: &Book, all: &[Execution<'static>]) -> Result<(), TestCaseError> {
    for (index, trade) in all.iter().enumerate() {
        let rows = book.disposals.iter().chain(&book.untaxed);
        let rows = rows.filter(|it| it.sell == index);
        let (fees, own): (Vec<_>, Vec<_>) = rows.partition(|it| it.is_fee);
        if trade.action == Action::Sell {
            prop_assert_eq!(sum(own, |it| it.proceeds.value()), net(trade));
        }
        let worth = trade.fee_value.map_or(0, |it| {
            net(&Execution {
                fee_asset: None,
                fee_value: None,
                commission: Decimal::ZERO,
                quantity: Decimal::ONE,
                price: it,
                ..trade.clone()
            })
        });
        prop_assert_eq!(sum(fees, |it| it.proceeds.value()), worth);
    }
    Ok(())
}

fn losses_are_adjusted(book: &Book) -> Result<(), TestCaseError> {
    let mut disallowed: HashMap<usize, i128> = HashMap::new();
    for wash in &book.washes {
        *disallowed.entry(wash.loss).or_default() += wash.disallowed.value();
    }
    for (index, row) in book.disposals.iter().enumerate() {
        let loss = (-row.gain_before_wash().value()).max(0);
        let adjustment = row.adjustment.value();
        prop_assert!(0 <= adjustment && adjustment <= loss, "{row:?}");
        prop_assert_eq!(adjustment, disallowed.get(&index).copied().unwrap_or(0));
        prop_assert!(row.replaced <= row.quantity);
        prop_assert_eq!(row.gain(), row.proceeds - row.basis() + row.adjustment);
    }
    prop_assert!(book.untaxed.iter().all(|it| it.adjustment == Cents::ZERO));
    Ok(())
}

fn far_away() -> Day {
    day("2999-12-31")
}

// --- Order and years ----------------------------------------------------------------------------

/// The book of executions in another order, as if it were of those in the first one.
fn renamed(mut book: Book, places: &[usize]) -> Book {
    for row in book.disposals.iter_mut().chain(&mut book.untaxed) {
        (row.buy, row.sell) = (places[row.buy], places[row.sell]);
    }
    for wash in &mut book.washes {
        wash.replacement = places[wash.replacement];
    }
    for lot in &mut book.open {
        lot.buy = places[lot.buy];
    }
    book
}

fn year_is_a_part(
    options: &Options,
    all: &[Execution<'static>],
    whole: &Book,
    year: i32,
) -> Result<(), TestCaseError> {
    let last = Day::new(year, 12, 31).unwrap();
    let of_the_year = Options {
        open_at: Some(last),
        until: Day::new(year + 1, 1, 30),
        ..options.clone()
    };
    let book = engine_is_model(&of_the_year, all)?;
    let is_of = |it: &&Disposal| it.sold.year() == year;
    let part: Vec<_> = book.disposals.iter().filter(is_of).collect();
    let expected: Vec<_> = whole.disposals.iter().filter(is_of).collect();
    same(&part, &expected)?;
    is_conserved(&book, all, !options.splits.is_empty(), last)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn the_engine_says_what_the_model_says(options in options(), draws in draws(50)) {
        let all = journal(&options, &draws, false);
        let book = engine_is_model(&options, &all)?;
        is_conserved(&book, &all, !options.splits.is_empty(), far_away())?;
        sales_are_conserved(&book, &all)?;
        losses_are_adjusted(&book)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_order_of_the_input_does_not_matter(
        (options, draws) in (options(), draws(50)),
        keys in prop::collection::vec(any::<u32>(), 56),
    ) {
        let all = journal(&options, &draws, true);
        let mut places: Vec<usize> = (0..all.len()).collect();
        places.sort_by_key(|it| keys[*it]);
        let shuffled: Vec<_> = places.iter().map(|it| all[*it].clone()).collect();
        let book = run(&options, &all);
        let other = renamed(run(&options, &shuffled), &places);
        same(&book.disposals, &other.disposals)?;
        prop_assert_eq!(book, other);
    }

    #[test]
    fn the_reports_of_the_years_add_up_to_the_whole(options in options(), draws in draws(50)) {
        let all = journal(&options, &draws, false);
        let whole = run(&options, &all);
        let years = all.iter().map(|it| it.at.day().year());
        let (first, last) = (years.clone().min().unwrap(), years.max().unwrap());
        for year in first..=last {
            year_is_a_part(&options, &all, &whole, year)?;
        }
        prop_assert!(whole.disposals.iter().all(|it| (first..=last).contains(&it.sold.year())));
    }
}

/// Prices of ten digits: 14 digits of dollars, where 96 bits would round.
#[test]
fn large_sums_are_those_of_the_model() {
    let mut all = Vec::new();
    for number in 0..12_i64 {
        let at = Timestamp::from_unix(1_700_000_000 + number * 86_400, 0).unwrap();
        let mut trade = buy_of("AA", "A", at);
        trade.id = Cow::Owned(format!("t{number}"));
        trade.quantity = Decimal::new(1_234_567_891 + number * 777_777_777, 8);
        trade.price = Decimal::new(9_876_543_210_123 - number * 100_000_000_001, 3);
        if number % 3 == 2 {
            trade.action = Action::Sell;
        }
        all.push(trade);
    }
    let book = engine_is_model(&Options::default(), &all).unwrap();
    assert!(!book.washes.is_empty());
    is_conserved(&book, &all, false, far_away()).unwrap();
}
