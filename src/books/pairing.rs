//! Which records are one trade.
//!
//! Always true:
//! - An exit belongs to the entry of its order id and mode; what is live and what is paper never meet.
//! - An exit with the order id and the time of an earlier one replaces it; any other is one more part.
//! - A trade is closed when its exits have the quantity of its entry, and is then the sum of its exits.
//! - An exit whose entry is not there is a closed trade of its own.
//! - Closed trades come in the order of their last exit; at equal times, of the log.
//! - Pairings of parts of a log, joined, are the pairing of the whole.

use std::collections::HashMap;

use super::closed::{ClosedTrade, OpenOrder, SumError};
use super::order::{Ended, Entered, Exited, Leg, Order, Origins, Part};
use crate::record::TradeRecord;
use crate::record::field::{ExecutionMode, OrderId};

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
    for (place, record) in (0..).zip(records) {
        pairing.add(record, place)?;
    }
    each_closed([&pairing]).collect()
}

/// Pairs entries with exits, one record after the other.
#[derive(Clone, Debug, Default)]
pub struct Pairing {
    paper: Orders,
    live: Orders,
    origins: Origins,
    notes: PairNotes,
}

/// The orders of a mode. The index is small, so that it can grow without moving them.
#[derive(Clone, Debug, Default)]
struct Orders {
    index: HashMap<OrderId, usize>,
    orders: Vec<Order>,
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

impl PairNotes {
    /// Of two pairings.
    pub(crate) fn and(self, other: PairNotes) -> PairNotes {
        PairNotes {
            entries_repeated: self.entries_repeated + other.entries_repeated,
            exits_replaced: self.exits_replaced + other.exits_replaced,
        }
    }
}

/// What a record did to the order at that place among those of its mode.
enum Did {
    Entered(Entered),
    Exited(Exited, usize),
}

impl Pairing {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Pairing {
        Pairing::default()
    }

    /// Takes the next record. Records come in the order of the log, of which `place` tells.
    ///
    /// # Errors
    /// [`SumError`]: of a record whose commission cannot be taken off its result, which does not count then;
    /// of a trade whose sums do not fit, to which it counts all the same, and which stays unclosed.
    pub fn take(&mut self, record: &TradeRecord, place: u64) -> Result<Step, SumError> {
        let part = Part::of(record, place, &mut self.origins)?;
        let (mode, order_id) = (record.execution_mode(), record.order_id());
        let did = self.pair(mode, order_id, part);
        self.step(did, mode, order_id, place)
    }

    /// The same of a leg.
    ///
    /// # Errors
    /// [`SumError`] of a trade whose sums do not fit, to which it counts all the same, and which stays
    /// unclosed.
    pub(crate) fn take_leg(&mut self, leg: Leg) -> Result<Step, SumError> {
        let place = leg.place();
        let did = self.pair(leg.mode, &leg.order_id, leg.part);
        self.step(did, leg.mode, &leg.order_id, place)
    }

    /// Takes the next record, and does not tell what it did.
    ///
    /// # Errors
    /// [`SumError`] of a record whose commission cannot be taken off its result, which does not count then.
    pub(crate) fn add(&mut self, record: &TradeRecord, place: u64) -> Result<(), SumError> {
        let part = Part::of(record, place, &mut self.origins)?;
        self.pair(record.execution_mode(), record.order_id(), part);
        Ok(())
    }

    /// The same of a leg.
    pub(crate) fn add_leg(&mut self, leg: Leg) {
        self.pair(leg.mode, &leg.order_id, leg.part);
    }

    fn pair(&mut self, mode: ExecutionMode, order_id: &OrderId, part: Part) -> Did {
        let orders = match mode {
            ExecutionMode::Paper => &mut self.paper,
            ExecutionMode::Live => &mut self.live,
        };
        let at = orders.begun(order_id);
        let Some(order) = orders.orders.get_mut(at) else {
            // It is there: it was begun if it was not.
            return Did::Entered(Entered::Repeated);
        };
        match part {
            Part::Entry(entry) => {
                let entered = order.enter(entry);
                self.notes.entries_repeated += u64::from(entered == Entered::Repeated);
                Did::Entered(entered)
            }
            Part::Exit(exit) => {
                let (exited, is_replaced) = order.leave(exit);
                self.notes.exits_replaced += u64::from(is_replaced);
                Did::Exited(exited, at)
            }
        }
    }

    /// What the record at `place` did, with the trade that it closed.
    fn step(
        &self,
        did: Did,
        mode: ExecutionMode,
        order_id: &OrderId,
        place: u64,
    ) -> Result<Step, SumError> {
        let at = match did {
            Did::Entered(Entered::Opened) => return Ok(Step::Opened),
            Did::Entered(Entered::Repeated) => return Ok(Step::Repeated),
            Did::Entered(Entered::Revised) | Did::Exited(Exited::Revised, _) => {
                return Ok(Step::Revised);
            }
            Did::Exited(Exited::Partial, _) => return Ok(Step::Partial),
            Did::Exited(Exited::Closed, at) => at,
        };
        let mut ended = Vec::new();
        if let Some(order) = self.of(mode).orders.get(at) {
            order.ended(order_id, mode, &mut ended);
        }
        let closed = ended.iter().rfind(|it| it.at.1 == place);
        closed.map_or(Ok(Step::Partial), |it| {
            Ok(Step::Closed(Box::new(it.trade()?)))
        })
    }

    fn of(&self, mode: ExecutionMode) -> &Orders {
        match mode {
            ExecutionMode::Paper => &self.paper,
            ExecutionMode::Live => &self.live,
        }
    }

    /// Takes the records of orders that `other` has as well out of it, and into its own.
    pub(crate) fn join(&mut self, other: &mut Pairing) {
        for (mine, theirs) in [
            (&mut self.paper, &mut other.paper),
            (&mut self.live, &mut other.live),
        ] {
            for (order_id, at) in &theirs.index {
                let mine = mine
                    .index
                    .get(order_id)
                    .and_then(|it| mine.orders.get_mut(*it));
                let Some((mine, theirs)) = mine.zip(theirs.orders.get_mut(*at)) else {
                    continue;
                };
                let (repeated, replaced) = mine.join(std::mem::take(theirs));
                self.notes.entries_repeated += repeated;
                self.notes.exits_replaced += replaced;
            }
        }
    }

    /// What was strange so far.
    #[must_use]
    pub fn notes(&self) -> PairNotes {
        self.notes
    }

    /// All trades that are closed, in the order of their last exits. `bad` is told of each whose sums do not
    /// fit, which is not among them.
    pub fn closed(&self, bad: impl FnMut(SumError)) -> Vec<ClosedTrade> {
        good(each_closed([self]), bad).collect()
    }

    /// All trades that are not over, in the order of their entries. `bad` is told of each whose sums do not
    /// fit, which is not among them.
    pub fn open(&self, bad: impl FnMut(SumError)) -> Vec<OpenOrder> {
        all_open([self], bad)
    }

    /// Each order, with its id.
    fn orders(&self) -> impl Iterator<Item = (ExecutionMode, &OrderId, &Order)> {
        let of = |mode| {
            self.of(mode)
                .each()
                .map(move |(id, order)| (mode, id, order))
        };
        of(ExecutionMode::Paper).chain(of(ExecutionMode::Live))
    }
}

/// All closed trades of pairings that have no order in common, in the order of their last exits. Each is put
/// together when its turn comes.
pub(crate) fn each_closed<'a>(
    pairings: impl IntoIterator<Item = &'a Pairing>,
) -> impl Iterator<Item = Result<ClosedTrade, SumError>> {
    let mut ended: Vec<Ended<'_>> = Vec::new();
    for (mode, order_id, order) in pairings.into_iter().flat_map(Pairing::orders) {
        order.ended(order_id, mode, &mut ended);
    }
    // Each pairing has them in order but for a few: that is what a stable sort is fast at.
    ended.sort_by_key(|it| it.at);
    ended.into_iter().map(|it| it.trade())
}

/// All trades that are not over of pairings that have no order in common, in the order of their entries.
pub(crate) fn all_open<'a>(
    pairings: impl IntoIterator<Item = &'a Pairing>,
    bad: impl FnMut(SumError),
) -> Vec<OpenOrder> {
    let orders = pairings.into_iter().flat_map(Pairing::orders);
    let open = orders.filter_map(|(mode, order_id, order)| order.open(order_id, mode));
    let mut open: Vec<(u64, OpenOrder)> = good(open, bad).collect();
    open.sort_by_key(|it| it.0);
    open.into_iter().map(|it| it.1).collect()
}

/// Those that could be added up.
pub(crate) fn good<T>(
    all: impl Iterator<Item = Result<T, SumError>>,
    mut bad: impl FnMut(SumError),
) -> impl Iterator<Item = T> {
    all.filter_map(move |it| it.map_err(&mut bad).ok())
}

impl Orders {
    /// Where the order with that id is, which is begun if there is none.
    fn begun(&mut self, order_id: &OrderId) -> usize {
        if let Some(at) = self.index.get(order_id) {
            return *at;
        }
        let at = self.orders.len();
        self.index.insert(order_id.clone(), at);
        self.orders.push(Order::default());
        at
    }

    /// In the order in which they were begun, which is that of the memory: the index would lead through it at
    /// random.
    fn each(&self) -> impl Iterator<Item = (&OrderId, &Order)> {
        let mut ids = vec![None; self.orders.len()];
        for (id, at) in &self.index {
            if let Some(slot) = ids.get_mut(*at) {
                *slot = Some(id);
            }
        }
        let each = ids.into_iter().zip(&self.orders);
        each.filter_map(|(id, order)| Some((id?, order)))
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;
    use crate::record::Stamp;
    use crate::record::field::{Action, ConfigHash};
    use crate::time::Timestamp;

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
            pairing.take(record, 0).unwrap();
        }
        let open = pairing.open(|error| panic!("{error}"));
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
        let mut take = |record, place| pairing.take(record, place).unwrap();
        assert_eq!(take(&entry, 0), Step::Opened);
        assert!(matches!(take(&wrong, 1), Step::Closed(_)));
        assert_eq!(take(&right, 2), Step::Revised);
        assert_eq!(take(&entry, 3), Step::Repeated);
        let all = pairing.closed(|error| panic!("{error}"));
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
            let step = pairing.take(record, 0).unwrap();
            assert!(matches!(step, Step::Closed(_)));
        }
        let step = pairing.take(&entry, 2).unwrap();
        assert_eq!(step, Step::Revised);
        assert_eq!(pairing.closed(|error| panic!("{error}")).len(), 1);
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
