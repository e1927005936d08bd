//! What one account sold, as several books have it: by the taxpayer's rules, and as a broker would see it.
//!
//! Always true:
//! - A book that is only a guess is made when somebody asks for it, and once.
//! - A guess that comes to no book explains nothing, and is no error.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::compare::Request;
use super::symbols::key;
use crate::books::tax::{
    Book, Cents, Disposal, Engine, Execution, Method, Options, TaxError, Term, Units, WashScope,
};
use crate::record::field::AssetClass;
use crate::time::Day;

/// How many days beside a year are looked at, for what one side has in another year than the other.
const BESIDE_DAYS: u32 = 7;

/// A symbol, and the day on which it was sold.
pub(super) type Key = (String, Day);

/// A piece of a lot that the account sold.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// The sale, among the executions.
    pub(super) sell: usize,
    pub(super) quantity: Units,
    pub(super) acquired: Day,
    pub(super) holding_start: Day,
    pub(super) sold: Day,
    pub(super) term: Term,
    pub(super) proceeds: Cents,
    pub(super) fees: Cents,
    pub(super) original_basis: Cents,
    pub(super) wash_added: Cents,
    pub(super) disallowed: Cents,
    /// Whether its lot comes from elsewhere.
    pub(super) is_carried: bool,
    pub(super) is_crypto: bool,
    /// Whether it was not sold but paid as a fee.
    is_fee: bool,
}

impl Piece {
    fn of(row: &Disposal, request: &Request<'_>) -> Piece {
        let bought = request.executions.get(row.buy);
        Piece {
            sell: row.sell,
            quantity: row.quantity,
            acquired: row.acquired,
            holding_start: row.holding_start,
            sold: row.sold,
            term: row.term,
            proceeds: row.proceeds,
            fees: row.fees(),
            original_basis: row.original_basis,
            wash_added: row.wash_added,
            disallowed: row.adjustment,
            is_carried: bought.is_some_and(|it| it.carried.is_some()),
            is_crypto: bought.is_some_and(|it| it.asset_class == AssetClass::Crypto),
            is_fee: row.is_fee,
        }
    }

    /// What the journal calls it.
    pub(super) fn symbol(&self, executions: &[Execution<'_>]) -> String {
        let sell = executions.get(self.sell);
        sell.map_or_else(String::new, |it| symbol(it, self.is_fee).to_owned())
    }

    pub(super) fn basis(&self) -> Cents {
        self.original_basis + self.wash_added
    }
}

/// The sales of the account, by symbol and day.
pub(super) type Sales = BTreeMap<Key, Vec<Piece>>;

/// Whose purchases a book lets replace losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Eyes {
    /// As the taxpayer's rules have it.
    Taxpayer,
    /// Those of the same symbol in the account.
    Broker,
}

/// The books.
pub(super) struct Views<'a> {
    request: &'a Request<'a>,
    /// By the taxpayer's rules.
    pub(super) journal: Sales,
    /// How much other accounts sold.
    pub(super) elsewhere: BTreeMap<Key, BTreeMap<&'a str, Units>>,
    broker: OnceCell<Option<Sales>>,
    methods: Vec<(Method, [OnceCell<Option<Sales>>; 2])>,
}

impl<'a> Views<'a> {
    /// Makes the book of the taxpayer's rules.
    ///
    /// # Errors
    /// [`TaxError`].
    pub(super) fn new(request: &'a Request<'a>) -> Result<Views<'a>, TaxError> {
        let book = Engine::new(request.options.clone()).run(request.executions)?;
        let methods = [Method::Fifo, Method::Lifo, Method::Hifo];
        let others = methods
            .into_iter()
            .filter(|it| *it != request.options.method);
        Ok(Views {
            request,
            journal: sales(&book, request),
            elsewhere: elsewhere(&book, request),
            broker: OnceCell::new(),
            methods: others
                .map(|it| (it, [OnceCell::new(), OnceCell::new()]))
                .collect(),
        })
    }

    /// The symbols of all sales.
    pub(super) fn symbols(&self) -> BTreeSet<String> {
        self.journal.keys().map(|it| it.0.clone()).collect()
    }

    /// A sale as a broker sees it, who looks at one account and one symbol.
    pub(super) fn as_broker(&self, key: &Key) -> Option<&[Piece]> {
        let method = self.request.options.method;
        let sales = self.broker.get_or_init(|| self.guess(method, Eyes::Broker));
        sales.as_ref()?.get(key).map(Vec::as_slice)
    }

    /// The other methods by which a broker may have sold.
    pub(super) fn methods(&self) -> impl Iterator<Item = Method> {
        self.methods.iter().map(|it| it.0)
    }

    /// A sale by another method.
    pub(super) fn by_method(&self, method: Method, eyes: Eyes, key: &Key) -> Option<&[Piece]> {
        let (_, [taxpayer, broker]) = self.methods.iter().find(|it| it.0 == method)?;
        let cell = match eyes {
            Eyes::Taxpayer => taxpayer,
            Eyes::Broker => broker,
        };
        let sales = cell.get_or_init(|| self.guess(method, eyes));
        sales.as_ref()?.get(key).map(Vec::as_slice)
    }

    fn guess(&self, method: Method, eyes: Eyes) -> Option<Sales> {
        let mut options: Options = self.request.options.clone();
        options.method = method;
        if eyes == Eyes::Broker {
            options.wash.scope = WashScope::Account;
            options.wash.identical.clear();
        }
        let book = Engine::new(options).run(self.request.executions).ok()?;
        Some(sales(&book, self.request))
    }
}

/// What a sale took: what was sold, or what its fee was paid in.
fn symbol<'e>(sell: &'e Execution<'_>, is_fee: bool) -> &'e str {
    let fee_asset = sell.fee_asset.as_deref().filter(|_| is_fee);
    fee_asset.unwrap_or(&sell.symbol)
}

fn symbol_key(row: &Disposal, sell: &Execution<'_>) -> String {
    key(symbol(sell, row.is_fee), sell.asset_class)
}

fn sales(book: &Book, request: &Request<'_>) -> Sales {
    let mut sales = Sales::new();
    let first = Day::new(request.year, 1, 1);
    for row in &book.disposals {
        let Some(sell) = request.executions.get(row.sell) else {
            continue;
        };
        let is_near = first.is_some_and(|first| {
            let (from, to) = (row.sold.plus_days(BESIDE_DAYS), first.plus_years(1));
            first <= from && row.sold <= to.plus_days(BESIDE_DAYS)
        });
        if is_near && sell.account_id == request.account {
            let key = (symbol_key(row, sell), row.sold);
            sales.entry(key).or_default().push(Piece::of(row, request));
        }
    }
    sales
}

fn elsewhere<'a>(book: &Book, request: &Request<'a>) -> BTreeMap<Key, BTreeMap<&'a str, Units>> {
    let mut sold: BTreeMap<Key, BTreeMap<&str, Units>> = BTreeMap::new();
    for row in book.disposals.iter().chain(&book.untaxed) {
        let sell = request.executions.get(row.sell);
        let Some(sell) = sell.filter(|it| it.account_id != request.account) else {
            continue;
        };
        let accounts = sold.entry((symbol_key(row, sell), row.sold)).or_default();
        *accounts.entry(&sell.account_id).or_default() += row.quantity;
    }
    sold
}
