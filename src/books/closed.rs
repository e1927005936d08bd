//! Closed trades: an entry and its exits, counted once.
//!
//! Always true:
//! - An exit belongs to the entry of its order id and mode; what is live and what is paper never meet.
//! - An exit with the order id and the time of an earlier one replaces it; any other is one more part.
//! - A trade is closed when its exits have the quantity of its entry, and is then the sum of its exits.
//! - An exit whose entry is not there is a closed trade of its own.
//! - Closed trades come in the order of their last exit; at equal times, of the log.
//!
//! Not here: what trades come to together.

use std::collections::HashMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::record::TradeRecord;
use crate::record::field::{
    AccountId, Action, ExecutionMode, OrderId, Outcome, Price, Quantity, Symbol, sum,
};
use crate::time::Timestamp;

/// A trade that is over: the sum of its exits.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClosedTrade {
    /// The order id that its records have in common.
    pub order_id: OrderId,
    /// Whether money was at stake.
    pub mode: ExecutionMode,
    /// The account.
    pub account_id: Option<AccountId>,
    /// The ticker.
    pub symbol: Symbol,
    /// The strategy.
    pub strategy: String,
    /// What the entry did: `BUY` for a long trade.
    pub direction: Action,
    /// When it was entered; from the exit's holding time where there is no entry.
    pub entered: Option<Timestamp>,
    /// When its last exit was.
    pub exited: Timestamp,
    /// How many shares its entry has; its exit, where there is no entry.
    pub quantity: u64,
    /// What one share was entered at.
    pub entry_price: Option<Price>,
    /// What one share of the last exit was sold or bought back at.
    pub exit_price: Price,
    /// Where the loss was to be stopped, as the entry says.
    pub stop_loss: Option<Price>,
    /// What it earned before commission.
    pub gross: Decimal,
    /// What it earned after commission.
    pub net: Decimal,
    /// The commission of its exits: `gross` - `net`.
    pub commission: Decimal,
    /// The commission of its entry, which is not in `net`.
    pub entry_commission: Decimal,
    /// How far its prices were from the expected ones, as its records say; it is in the prices already.
    pub slippage: Decimal,
    /// How many exits it had.
    pub exits: u32,
    /// Whether its entry is in the journal.
    pub has_entry: bool,
    /// Whether its last exit is labelled as something else than the sign of the net result.
    pub label_conflict: bool,
    /// Where it stands in the log: the place of its last exit.
    pub place: u64,
}

impl ClosedTrade {
    /// How long it was held, where that is known.
    #[must_use]
    pub fn held_seconds(&self) -> Option<u64> {
        let held = self.entered?.until(self.exited)?;
        Some(held.as_secs())
    }
}

/// What the books need of one trade record.
#[derive(Clone, Debug)]
pub struct Leg {
    place: u64,
    at: Timestamp,
    order_id: OrderId,
    mode: ExecutionMode,
    account_id: Option<AccountId>,
    symbol: Symbol,
    strategy: Arc<str>,
    action: Action,
    quantity: Quantity,
    price: Price,
    stop_loss: Option<Price>,
    commission: Decimal,
    slippage: Decimal,
    /// `None` for an entry.
    result: Option<Earned>,
}

/// What an exit says that it earned.
#[derive(Clone, Copy, Debug)]
struct Earned {
    gross: Decimal,
    net: Decimal,
    label: Outcome,
    held_seconds: Option<u64>,
}

/// A trade whose sums do not fit into a decimal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sums of order {order_id} do not fit into 96 bits and 28 places")]
pub struct SumError {
    /// The order.
    pub order_id: OrderId,
}

/// The strategy of the record before: most of them follow one of their own, and share its name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(Option<Arc<str>>);

impl Names {
    fn shared(&mut self, name: &str) -> Arc<str> {
        match &self.0 {
            Some(last) if **last == *name => Arc::clone(last),
            _ => Arc::clone(self.0.insert(Arc::from(name))),
        }
    }
}

impl Leg {
    /// Of a record that stands at that place in the log.
    ///
    /// # Errors
    /// [`SumError`] when commission cannot be taken off its result exactly.
    pub fn of(record: &TradeRecord, place: u64) -> Result<Leg, SumError> {
        Leg::of_next(record, place, &mut Names::default())
    }

    /// The same of a record that follows others.
    pub(crate) fn of_next(
        record: &TradeRecord,
        place: u64,
        names: &mut Names,
    ) -> Result<Leg, SumError> {
        let commission = record.commission().map(|it| it.value());
        let result = match record.profit_loss() {
            Some(gross) if record.outcome() != Outcome::Open => {
                let gross = gross.value();
                let net = match record.net_profit_loss() {
                    Some(net) => Some(net.value()),
                    None => sum(gross, -commission.unwrap_or_default()),
                };
                Some(Earned {
                    gross,
                    net: net.ok_or_else(|| too_large(record.order_id()))?,
                    label: record.outcome(),
                    held_seconds: record.hold_duration_seconds(),
                })
            }
            _ => None,
        };
        Ok(Leg {
            place,
            at: record.timestamp(),
            order_id: record.order_id().clone(),
            mode: record.execution_mode(),
            account_id: record.account_id().cloned(),
            symbol: record.symbol(),
            strategy: names.shared(record.strategy_name()),
            action: record.action(),
            quantity: record.quantity(),
            price: record.price(),
            stop_loss: record.stop_loss(),
            commission: commission.unwrap_or_default(),
            slippage: record.slippage().map_or(Decimal::ZERO, |it| it.value()),
            result,
        })
    }

    /// Where it stands in the log.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.place
    }

    /// Whether it is an exit.
    #[must_use]
    pub fn is_exit(&self) -> bool {
        self.result.is_some()
    }

    /// Whether money was at stake.
    #[must_use]
    pub fn mode(&self) -> ExecutionMode {
        self.mode
    }
}

/// The closed trades among records, which come in the order of the log.
///
/// ```
/// use tradejournal::books::closed_trades;
/// # use tradejournal::record::TradeRecord;
/// # fn records() -> Vec<TradeRecord> { Vec::new() }
///
/// let records: Vec<TradeRecord> = records();
/// for trade in closed_trades(&records)? {
///     println!("{} {}", trade.order_id, trade.net);
/// }
/// # Ok::<(), tradejournal::books::SumError>(())
/// ```
///
/// # Errors
/// [`SumError`].
pub fn closed_trades<'a>(
    records: impl IntoIterator<Item = &'a TradeRecord>,
) -> Result<Vec<ClosedTrade>, SumError> {
    let mut pairing = Pairing::new();
    let mut names = Names::default();
    for (place, record) in (0..).zip(records) {
        pairing.take(Leg::of_next(record, place, &mut names)?)?;
    }
    pairing.closed()
}

/// Pairs entries with exits, one record after the other.
#[derive(Clone, Debug, Default)]
pub struct Pairing {
    paper: Orders,
    live: Orders,
    notes: PairNotes,
}

/// The orders of a mode. The index is small, so that it can grow without moving them.
#[derive(Clone, Debug, Default)]
struct Orders {
    index: HashMap<OrderId, usize>,
    orders: Vec<Order>,
}

/// A trade that is closed, before it is put together.
struct Ended<'a> {
    last: &'a Leg,
    place: u64,
    order: &'a Order,
    /// The entry is not there, so that its exit is a trade by itself.
    is_alone: bool,
}

impl Ended<'_> {
    fn trade(&self) -> Result<ClosedTrade, SumError> {
        match self.is_alone {
            true => together(None, std::iter::once(self.last), self.last),
            false => together(self.order.entry.as_ref(), self.order.exits(), self.last),
        }
    }
}

impl Orders {
    /// The order with that id, which is begun if there is none.
    fn of(&mut self, order_id: &OrderId) -> Option<&mut Order> {
        let at = match self.index.get(order_id) {
            Some(at) => *at,
            None => {
                let at = self.orders.len();
                self.index.insert(order_id.clone(), at);
                self.orders.push(Order::default());
                at
            }
        };
        self.orders.get_mut(at)
    }
}

/// What one record did.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// It opened a trade.
    Opened,
    /// It closed a part of one.
    Partial,
    /// It closed one.
    Closed(Box<ClosedTrade>),
    /// It changed a trade that had been closed before: what was made of it is to be made anew.
    Revised,
    /// It repeats an entry, and changed nothing.
    Repeated,
}

/// What was strange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PairNotes {
    /// Entries whose order id an earlier one has; the first counts.
    pub entries_repeated: u64,
    /// Exits that were replaced by a later one with their order id and time.
    pub exits_replaced: u64,
}

/// A trade that is not over.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OpenOrder {
    /// The order id of its entry.
    pub order_id: OrderId,
    /// Whether money is at stake.
    pub mode: ExecutionMode,
    /// The account.
    pub account_id: Option<AccountId>,
    /// The ticker.
    pub symbol: Symbol,
    /// The strategy.
    pub strategy: String,
    /// What the entry did.
    pub direction: Action,
    /// When it was entered.
    pub entered: Timestamp,
    /// How many shares are left.
    pub quantity: u64,
    /// What one share was entered at.
    pub price: Price,
    /// What its exits so far earned after commission.
    pub net: Decimal,
}

#[derive(Clone, Debug, Default)]
struct Order {
    entry: Option<Leg>,
    /// Nearly all have one: it costs no allocation.
    exit: Option<Leg>,
    more_exits: Vec<Leg>,
}

impl Pairing {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Pairing {
        Pairing::default()
    }

    /// Takes the next record. Records come in the order of the log.
    ///
    /// # Errors
    /// [`SumError`]; the record counts all the same, and the trade stays unclosed.
    pub fn take(&mut self, leg: Leg) -> Result<Step, SumError> {
        let orders = match leg.mode {
            ExecutionMode::Paper => &mut self.paper,
            ExecutionMode::Live => &mut self.live,
        };
        let Some(order) = orders.of(&leg.order_id) else {
            // It is there: it was begun if it was not.
            return Ok(Step::Repeated);
        };
        if !leg.is_exit() {
            return Ok(order.enter(leg, &mut self.notes));
        }
        order.exit(leg, &mut self.notes)
    }

    /// What was strange so far.
    #[must_use]
    pub fn notes(&self) -> PairNotes {
        self.notes
    }

    /// All trades that are closed, in the order of their last exits.
    ///
    /// # Errors
    /// [`SumError`].
    pub fn closed(&self) -> Result<Vec<ClosedTrade>, SumError> {
        self.each_closed().collect()
    }

    /// The same one by one: each is put together when its turn comes.
    pub fn each_closed(&self) -> impl Iterator<Item = Result<ClosedTrade, SumError>> + '_ {
        let mut ended: Vec<Ended<'_>> = Vec::new();
        self.orders().for_each(|it| it.ended(&mut ended));
        ended.sort_unstable_by_key(|it| (it.last.at, it.place));
        ended.into_iter().map(|it| it.trade())
    }

    /// All trades that are not over, in the order of their entries.
    ///
    /// # Errors
    /// [`SumError`].
    pub fn open(&self) -> Result<Vec<OpenOrder>, SumError> {
        let open: Result<Vec<_>, _> = self.orders().filter_map(Order::open).collect();
        let mut open = open?;
        open.sort_by_key(|it| it.0);
        Ok(open.into_iter().map(|it| it.1).collect())
    }

    fn orders(&self) -> impl Iterator<Item = &Order> {
        self.paper.orders.iter().chain(&self.live.orders)
    }
}

impl Order {
    fn enter(&mut self, leg: Leg, notes: &mut PairNotes) -> Step {
        if self.entry.is_some() {
            notes.entries_repeated += 1;
            return Step::Repeated;
        }
        self.entry = Some(leg);
        match self.exit.is_none() {
            true => Step::Opened,
            // Its exits counted as trades of their own until now.
            false => Step::Revised,
        }
    }

    fn exit(&mut self, leg: Leg, notes: &mut PairNotes) -> Result<Step, SumError> {
        let was_closed = self.is_closed();
        let mut exits = self.exit.iter_mut().chain(&mut self.more_exits);
        match exits.find(|it| it.at == leg.at) {
            Some(earlier) => {
                *earlier = leg;
                notes.exits_replaced += 1;
                if was_closed || self.entry.is_none() {
                    return Ok(Step::Revised);
                }
            }
            None => {
                match self.exit {
                    None => self.exit = Some(leg),
                    Some(_) => self.more_exits.push(leg),
                }
                if was_closed {
                    return Ok(Step::Revised);
                }
            }
        }
        let closed = match &self.entry {
            Some(_) if !self.is_closed() => None,
            Some(entry) => self.together(Some(entry))?,
            None => self.last_by_itself()?,
        };
        Ok(closed.map_or(Step::Partial, |it| Step::Closed(Box::new(it))))
    }

    /// More than the entry had closes it as well: what was earned must not go missing.
    fn is_closed(&self) -> bool {
        let entered = self.entry.as_ref().map(|it| u64::from(it.quantity.value()));
        entered.is_some_and(|it| it <= self.quantity())
    }

    fn exits(&self) -> impl Iterator<Item = &Leg> + Clone {
        self.exit.iter().chain(&self.more_exits)
    }

    /// How many shares its exits have.
    fn quantity(&self) -> u64 {
        let quantities = self.exits().map(|it| u64::from(it.quantity.value()));
        quantities.sum()
    }

    /// One trade of all exits; `None` without an exit.
    fn together(&self, entry: Option<&Leg>) -> Result<Option<ClosedTrade>, SumError> {
        let all = self.last().map(|last| together(entry, self.exits(), last));
        all.transpose()
    }

    /// The exit that was the last, of several at once the one that came last.
    fn last(&self) -> Option<&Leg> {
        self.exits().max_by_key(|it| (it.at, it.place))
    }

    fn last_by_itself(&self) -> Result<Option<ClosedTrade>, SumError> {
        let last = self.exits().last();
        let alone = last.map(|last| together(None, std::iter::once(last), last));
        alone.transpose()
    }

    fn ended<'a>(&'a self, out: &mut Vec<Ended<'a>>) {
        match &self.entry {
            Some(_) if self.is_closed() => out.extend(self.last().map(|last| Ended {
                last,
                place: self.exits().map(|it| it.place).max().unwrap_or_default(),
                order: self,
                is_alone: false,
            })),
            Some(_) => {}
            None => out.extend(self.exits().map(|exit| Ended {
                last: exit,
                place: exit.place,
                order: self,
                is_alone: true,
            })),
        }
    }

    fn open(&self) -> Option<Result<(u64, OpenOrder), SumError>> {
        let entry = self.entry.as_ref().filter(|_| !self.is_closed())?;
        let nets = self.exits().filter_map(|it| it.result.as_ref());
        let net = nets
            .map(|it| it.net)
            .try_fold(Decimal::ZERO, sum)
            .ok_or_else(|| too_large(&entry.order_id));
        let left = u64::from(entry.quantity.value()).saturating_sub(self.quantity());
        Some(net.map(|net| {
            let open = OpenOrder {
                order_id: entry.order_id.clone(),
                mode: entry.mode,
                account_id: entry.account_id.clone(),
                symbol: entry.symbol,
                strategy: entry.strategy.to_string(),
                direction: entry.action,
                entered: entry.at,
                quantity: left,
                price: entry.price,
                net,
            };
            (entry.place, open)
        }))
    }
}

fn too_large(order_id: &OrderId) -> SumError {
    SumError {
        order_id: order_id.clone(),
    }
}

/// One trade out of its entry, if there is one, and its exits, of which `last` is the last.
fn together<'a>(
    entry: Option<&'a Leg>,
    exits: impl Iterator<Item = &'a Leg> + Clone,
    last: &'a Leg,
) -> Result<ClosedTrade, SumError> {
    let first = entry.unwrap_or(last);
    let add = |left, right| sum(left, right).ok_or_else(|| too_large(&first.order_id));
    let results = || exits.clone().filter_map(|it| it.result);
    let (mut gross, mut net) = (Decimal::ZERO, Decimal::ZERO);
    for result in results() {
        (gross, net) = (add(gross, result.gross)?, add(net, result.net)?);
    }
    let slippages = entry.into_iter().chain(exits.clone());
    let held = last.result.and_then(|it| it.held_seconds);
    let by_holding = held.map(|it| last.at.saturating_sub(std::time::Duration::from_secs(it)));
    let label = last.result.map(|it| it.label);
    Ok(ClosedTrade {
        order_id: first.order_id.clone(),
        mode: first.mode,
        account_id: first.account_id.clone(),
        symbol: first.symbol,
        strategy: first.strategy.to_string(),
        direction: match (entry, last.action) {
            (Some(entry), _) => entry.action,
            (None, Action::Sell) => Action::Buy,
            (None, Action::Buy) => Action::Sell,
        },
        entered: entry.map(|it| it.at).or(by_holding),
        exited: last.at,
        quantity: match entry {
            Some(entry) => entry.quantity.value().into(),
            None => last.quantity.value().into(),
        },
        entry_price: entry.map(|it| it.price),
        exit_price: last.price,
        stop_loss: first.stop_loss,
        gross,
        net,
        commission: add(gross, -net)?,
        entry_commission: entry.map_or(Decimal::ZERO, |it| it.commission),
        slippage: slippages
            .map(|it| it.slippage)
            .try_fold(Decimal::ZERO, add)?,
        exits: u32::try_from(exits.clone().count()).unwrap_or(u32::MAX),
        has_entry: entry.is_some(),
        label_conflict: label.is_some_and(|it| it != Outcome::of_net(net)),
        place: exits.map(|it| it.place).max().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Stamp;
    use crate::record::field::ConfigHash;

    fn at(minute: u64) -> Timestamp {
        let begin: Timestamp = "2025-10-27T14:00:00Z".parse().unwrap();
        begin.saturating_add(std::time::Duration::from_secs(60 * minute))
    }

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn entry(order: &str, mode: ExecutionMode, shares: i64) -> TradeRecord {
        let stamp = Stamp {
            session_id: "550e8400-e29b-41d4-a716-446655440000".parse().unwrap(),
            bot_version: "1.0.0".parse().unwrap(),
            config_hash: ConfigHash::of(b""),
        };
        TradeRecord::entry("AAPL", Action::Buy, shares, "100")
            .at(at(0))
            .order_id(order)
            .mode(mode)
            .strategy("s", "breakout")
            .because("test")
            .stop_loss("95")
            .commission("0.25")
            .slippage("0.05")
            .stamp(&stamp)
            .build()
            .unwrap()
    }

    fn exit(of: &TradeRecord, minute: u64, shares: i64, price: &str) -> TradeRecord {
        let exit = of.exit(at(minute), price).quantity(shares);
        exit.because("test").commission("0.50").build().unwrap()
    }

    fn closed(records: &[&TradeRecord]) -> Vec<ClosedTrade> {
        closed_trades(records.iter().copied()).unwrap()
    }

    const PAPER: ExecutionMode = ExecutionMode::Paper;

    #[test]
    fn partial_exits_are_one_trade_when_they_have_the_quantity_of_the_entry() {
        let entry = entry("a", PAPER, 10);
        let (first, second) = (exit(&entry, 1, 4, "101"), exit(&entry, 3, 6, "99"));
        assert_eq!(closed(&[&entry, &first]), []);
        let mut pairing = Pairing::new();
        for record in [&entry, &first] {
            pairing.take(Leg::of(record, 0).unwrap()).unwrap();
        }
        let open = pairing.open().unwrap();
        assert_eq!((open[0].quantity, open[0].net), (6, dec("3.50")));
        let all = closed(&[&entry, &first, &second]);
        let [trade] = all.as_slice() else {
            panic!("{all:?}")
        };
        // 4 x 1 - 6 x 1, and 0.50 twice; what the entry cost is in no exit.
        assert_eq!((trade.gross, trade.net), (dec("-2.00"), dec("-3.00")));
        assert_eq!(
            (trade.commission, trade.entry_commission),
            (dec("1.00"), dec("0.25"))
        );
        assert_eq!((trade.quantity, trade.exits), (10, 2));
        assert_eq!((trade.entered, trade.exited), (Some(at(0)), at(3)));
        assert_eq!(trade.held_seconds(), Some(180));
        assert_eq!(trade.stop_loss, Some("95".parse().unwrap()));
        assert_eq!(trade.direction, Action::Buy);
        assert!(trade.has_entry && !trade.label_conflict);
    }

    #[test]
    fn a_label_of_the_last_exit_that_is_not_the_sign_of_the_sum_is_a_conflict() {
        let entry = entry("a", PAPER, 10);
        let (lost, won) = (exit(&entry, 1, 9, "90"), exit(&entry, 2, 1, "102"));
        let trade = closed(&[&entry, &lost, &won]).remove(0);
        assert_eq!(trade.net, dec("-89.00"));
        assert!(trade.label_conflict);
    }

    #[test]
    fn an_exit_of_the_same_order_and_time_replaces_the_earlier_one() {
        let entry = entry("a", PAPER, 10);
        let (wrong, right) = (exit(&entry, 1, 10, "90"), exit(&entry, 1, 10, "110"));
        let mut pairing = Pairing::new();
        let mut take = |record, place| pairing.take(Leg::of(record, place).unwrap()).unwrap();
        assert_eq!(take(&entry, 0), Step::Opened);
        assert!(matches!(take(&wrong, 1), Step::Closed(_)));
        assert_eq!(take(&right, 2), Step::Revised);
        assert_eq!(take(&entry, 3), Step::Repeated);
        let all = pairing.closed().unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!(
            (all[0].gross, all[0].exits, all[0].place),
            (dec("100"), 1, 2)
        );
        let notes = pairing.notes();
        assert_eq!((notes.exits_replaced, notes.entries_repeated), (1, 1));
    }

    #[test]
    fn an_exit_without_an_entry_is_a_trade_of_its_own_until_the_entry_comes() {
        let entry = entry("a", PAPER, 10);
        let (first, second) = (exit(&entry, 1, 4, "101"), exit(&entry, 2, 6, "101"));
        let alone = closed(&[&first, &second]);
        assert_eq!(alone.len(), 2);
        assert!(alone.iter().all(|it| !it.has_entry));
        // The exit says for how long it was held.
        assert_eq!(alone[1].entered, Some(at(0)));
        assert_eq!((alone[1].direction, alone[1].quantity), (Action::Buy, 6));
        assert_eq!(
            (alone[1].entry_price, alone[1].stop_loss.is_some()),
            (None, true)
        );
        let mut pairing = Pairing::new();
        for record in [&first, &second] {
            let step = pairing.take(Leg::of(record, 0).unwrap()).unwrap();
            assert!(matches!(step, Step::Closed(_)));
        }
        let step = pairing.take(Leg::of(&entry, 2).unwrap()).unwrap();
        assert_eq!(step, Step::Revised);
        assert_eq!(pairing.closed().unwrap().len(), 1);
    }

    #[test]
    fn live_and_paper_never_meet_though_they_share_an_order_id() {
        let (paper, live) = (entry("a", PAPER, 1), entry("a", ExecutionMode::Live, 1));
        let (won, lost) = (exit(&paper, 1, 1, "110"), exit(&live, 2, 1, "90"));
        let all = closed(&[&paper, &live, &lost, &won]);
        let told: Vec<_> = all.iter().map(|it| (it.mode, it.gross)).collect();
        assert_eq!(
            told,
            [(PAPER, dec("10")), (ExecutionMode::Live, dec("-10"))]
        );
    }

    #[test]
    fn trades_come_in_the_order_of_their_exits_and_at_equal_times_of_the_log() {
        let entries = ["a", "b", "c"].map(|it| entry(it, PAPER, 1));
        let [a, b, c] = &entries;
        let exits = [
            exit(b, 5, 1, "101"),
            exit(a, 5, 1, "102"),
            exit(c, 2, 1, "103"),
        ];
        let records: Vec<&TradeRecord> = entries.iter().chain(&exits).collect();
        let all = closed(&records);
        let order: Vec<&str> = all.iter().map(|it| it.order_id.as_str()).collect();
        assert_eq!(order, ["c", "b", "a"]);
    }

    #[test]
    fn an_exit_beyond_its_entry_closes_it() {
        let entry = entry("a", PAPER, 10);
        let (first, second) = (exit(&entry, 1, 8, "101"), exit(&entry, 2, 8, "101"));
        let all = closed(&[&entry, &first, &second]);
        assert_eq!(
            (all.len(), all[0].quantity, all[0].gross),
            (1, 10, dec("16"))
        );
    }
}
