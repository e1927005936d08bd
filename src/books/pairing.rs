//! Which records are one trade.
//!
//! Always true:
//! - An exit belongs to the entry of its order id and mode; what is live and what is paper never meet.
//! - An exit with the order id and the time of an earlier one replaces it; any other is one more part.
//! - A trade is closed when its exits have the quantity of its entry, and is then the sum of its exits.
//! - An exit whose entry is not there is a closed trade of its own.
//! - Closed trades come in the order of their last exit; at equal times, of the log.
//! - Pairings of parts of a log, joined, are the pairing of the whole.

use super::batch::Batch;
use super::closed::{ClosedTrade, OpenOrder, SumError};
use super::closing::{Closing, Light};
use super::ids::Ids;
use super::order::{Ended, Entered, Exited, Key, Leg, Order, Part, Whose};
use super::origin::Origins;
use crate::record::TradeRecord;
use crate::record::field::ExecutionMode;

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
    let (mut pairing, mut batch) = (Pairing::new(), Batch::default());
    for (place, record) in (0..).zip(records) {
        pairing.add(record, place, &mut batch)?;
    }
    pairing.add_batch(&mut batch);
    merged(pairing.endings().map(Endings::into_trades)).collect()
}

/// Pairs entries with exits, one record after the other.
#[derive(Clone, Debug, Default)]
pub struct Pairing {
    paper: Orders,
    live: Orders,
    origins: Origins,
    notes: PairNotes,
}

/// The orders of a mode.
#[derive(Clone, Debug, Default)]
struct Orders {
    ids: Ids,
    /// By the numbers of their ids.
    orders: Vec<Order>,
}

/// The orders of a mode, and whose they are.
#[derive(Clone, Copy, Debug)]
struct Side<'a> {
    mode: ExecutionMode,
    orders: &'a Orders,
    origins: &'a Origins,
}

/// The closed trades of a mode, in the order of their last exits, before they are put together.
#[derive(Debug)]
pub(crate) struct Endings<'a> {
    side: Side<'a>,
    ended: Vec<Ended>,
}

/// The same, each as light as it can be.
#[derive(Debug)]
pub(crate) struct Closings<'a>(Vec<(Key, Result<Light<'a>, SumError>)>);

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
        let part = Part::of(record, place, self.origins.of(record))?;
        let (mode, order_id) = (record.execution_mode(), record.order_id().as_str());
        let number = self.side_mut(mode).ids.number(order_id);
        let did = self.pair(mode, number, part);
        self.step(did, mode, place)
    }

    /// The same of a leg.
    ///
    /// # Errors
    /// [`SumError`] of a trade whose sums do not fit, to which it counts all the same, and which stays
    /// unclosed.
    pub(crate) fn take_leg(&mut self, leg: Leg) -> Result<Step, SumError> {
        let (mode, place) = (leg.mode, leg.place());
        let did = self.pair_leg(leg);
        self.step(did, mode, place)
    }

    /// Takes a record and does not tell what it did; some wait in `batch`, of which [`Pairing::add_batch`] is
    /// told at the end.
    ///
    /// # Errors
    /// [`SumError`] of a record whose commission cannot be taken off its result, which does not count then.
    pub(crate) fn add(
        &mut self,
        record: &TradeRecord,
        place: u64,
        batch: &mut Batch,
    ) -> Result<(), SumError> {
        let part = Part::of(record, place, self.origins.of(record))?;
        batch.push(record.execution_mode(), record.order_id().as_str(), part);
        if batch.is_full() {
            self.add_batch(batch);
        }
        Ok(())
    }

    /// Takes what waits.
    pub(crate) fn add_batch(&mut self, batch: &mut Batch) {
        // Each order is somewhere else in memory that no cache holds. Looked at one after the other, each is
        // waited for; looked at together beforehand, with nothing else to be done, they come at once.
        let likely = batch.hashes().map(|(mode, hash)| {
            let orders = self.side(mode).orders;
            std::hint::black_box(orders.ids.likely(hash))
        });
        std::hint::black_box(likely.flatten().count());
        for (mode, hash) in batch.hashes() {
            let orders = self.side(mode).orders;
            let order = orders.ids.likely(hash).and_then(|it| orders.orders.get(it));
            std::hint::black_box(order.is_some_and(Order::has_entry));
        }
        batch.drain(|mode, hash, text, part| {
            let number = self.side_mut(mode).ids.number_hashed(hash, text);
            self.pair(mode, number, part);
        });
    }

    /// The same of a leg.
    pub(crate) fn add_leg(&mut self, leg: Leg) {
        self.pair_leg(leg);
    }

    fn pair_leg(&mut self, leg: Leg) -> Did {
        let origin = self.origins.of_shared(&leg.origin);
        let part = leg.part.with_origin(origin);
        let number = self.side_mut(leg.mode).ids.number(leg.order_id.as_str());
        self.pair(leg.mode, number, part)
    }

    fn side_mut(&mut self, mode: ExecutionMode) -> &mut Orders {
        match mode {
            ExecutionMode::Paper => &mut self.paper,
            ExecutionMode::Live => &mut self.live,
        }
    }

    /// Gives a part to the order with that number, which is begun if it is a new one.
    fn pair(&mut self, mode: ExecutionMode, (number, is_new): (usize, bool), part: Part) -> Did {
        let orders = match mode {
            ExecutionMode::Paper => &mut self.paper,
            ExecutionMode::Live => &mut self.live,
        };
        if is_new {
            orders.orders.push(Order::default());
        }
        let Some(order) = orders.orders.get_mut(number) else {
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
                Did::Exited(exited, number)
            }
        }
    }

    /// What the record at `place` did, with the trade that it closed.
    fn step(&self, did: Did, mode: ExecutionMode, place: u64) -> Result<Step, SumError> {
        let number = match did {
            Did::Entered(Entered::Opened) => return Ok(Step::Opened),
            Did::Entered(Entered::Repeated) => return Ok(Step::Repeated),
            Did::Entered(Entered::Revised) | Did::Exited(Exited::Revised, _) => {
                return Ok(Step::Revised);
            }
            Did::Exited(Exited::Partial, _) => return Ok(Step::Partial),
            Did::Exited(Exited::Closed, number) => number,
        };
        let mut ended = Vec::new();
        let side = self.side(mode);
        if let Some(order) = side.orders.orders.get(number) {
            order.ended(number, &mut ended);
        }
        let closed = ended.iter().rfind(|it| it.at.1 == place);
        closed.map_or(Ok(Step::Partial), |it| {
            Ok(Step::Closed(Box::new(side.trade(it)?)))
        })
    }

    fn side(&self, mode: ExecutionMode) -> Side<'_> {
        Side {
            mode,
            orders: match mode {
                ExecutionMode::Paper => &self.paper,
                ExecutionMode::Live => &self.live,
            },
            origins: &self.origins,
        }
    }

    fn sides(&self) -> [Side<'_>; 2] {
        [ExecutionMode::Paper, ExecutionMode::Live].map(|it| self.side(it))
    }

    /// Takes the records of orders that `other` has as well out of it, and into its own.
    pub(crate) fn join(&mut self, other: &mut Pairing) {
        let origins = self.origins.numbers_of(&other.origins);
        for (mine, theirs) in [
            (&mut self.paper, &mut other.paper),
            (&mut self.live, &mut other.live),
        ] {
            for ((id, text), theirs) in theirs.ids.each().zip(&mut theirs.orders) {
                let number = mine.ids.number_of(id, text);
                let Some(mine) = number.and_then(|it| mine.orders.get_mut(it)) else {
                    continue;
                };
                let (repeated, replaced) = mine.join(std::mem::take(theirs), &origins);
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
        good(merged(self.endings().map(Endings::into_trades)), bad).collect()
    }

    /// All trades that are not over, in the order of their entries. `bad` is told of each whose sums do not
    /// fit, which is not among them.
    pub fn open(&self, bad: impl FnMut(SumError)) -> Vec<OpenOrder> {
        all_open([self], bad)
    }

    /// All trades that are closed, those of each mode by themselves.
    pub(crate) fn endings(&self) -> [Endings<'_>; 2] {
        self.sides().map(Side::endings)
    }

    /// The same as light as they can be.
    pub(crate) fn closings(&self) -> [Closings<'_>; 2] {
        self.sides().map(Side::closings)
    }
}

impl<'a> Side<'a> {
    /// Each order, with its number.
    fn each(self) -> impl Iterator<Item = (usize, &'a Order)> {
        self.orders.orders.iter().enumerate()
    }

    fn whose(self, number: usize) -> Whose<'a> {
        Whose {
            mode: self.mode,
            order_id: self.orders.ids.text(number),
            origins: self.origins,
        }
    }

    fn endings(self) -> Endings<'a> {
        let mut ended = Vec::new();
        self.each()
            .for_each(|(number, order)| order.ended(number, &mut ended));
        ended.sort_unstable_by_key(|it| it.at);
        Endings { side: self, ended }
    }

    fn closings(self) -> Closings<'a> {
        // Most orders are one closed trade.
        let mut all = Vec::with_capacity(self.orders.orders.len());
        let mut ended = Vec::new();
        // In the order in which they stand in memory, and only then in that of their exits.
        for (number, order) in self.each() {
            order.ended(number, &mut ended);
            all.extend(ended.drain(..).map(|it| (it.at, self.light(&it))));
        }
        all.sort_by_cached_key(|it| it.0);
        Closings(all)
    }

    fn order(self, ended: &Ended) -> Result<&'a Order, SumError> {
        let order = self.orders.orders.get(ended.number);
        order.ok_or_else(|| self.whose(ended.number).too_large(ended.at.0))
    }

    fn trade(self, ended: &Ended) -> Result<ClosedTrade, SumError> {
        self.order(ended)?.trade(ended, self.whose(ended.number))
    }

    fn light(self, ended: &Ended) -> Result<Light<'a>, SumError> {
        let (order, whose) = (self.order(ended)?, self.whose(ended.number));
        let sums = order.sums(ended, whose)?;
        let first = sums.first(order);
        Ok(Light {
            gross: sums.gross,
            net: sums.net,
            ids: &self.orders.ids,
            number: ended.number,
            origin: whose.origin(first),
            symbol: first.symbol(),
            mode: self.mode,
            has_entry: order.has_entry(),
            label_conflict: sums.is_conflict(),
        })
    }
}

impl<'a> Endings<'a> {
    /// Each of them, put together when its turn comes.
    pub(crate) fn into_trades(
        self,
    ) -> impl Iterator<Item = (Key, Result<ClosedTrade, SumError>)> + 'a {
        let ended = self.ended.into_iter();
        ended.map(move |it| (it.at, self.side.trade(&it)))
    }
}

impl<'a> Closings<'a> {
    /// Each of them.
    pub(crate) fn into_each(self) -> impl Iterator<Item = (Key, Result<Closing<'a>, SumError>)> {
        let all = self.0.into_iter();
        all.map(|(at, light)| (at, light.map(|light| Closing { at, light })))
    }
}

/// What stands in several orders, each of which is that of the keys, in one.
pub(crate) fn merged<T, I: Iterator<Item = (Key, T)>>(
    runs: impl IntoIterator<Item = I>,
) -> impl Iterator<Item = T> {
    let mut runs: Vec<_> = runs
        .into_iter()
        .filter_map(|mut run| run.next().map(|first| (first, run)))
        .collect();
    std::iter::from_fn(move || {
        let keys = runs.iter().enumerate().map(|(at, it)| (it.0.0, at));
        let (_, at) = keys.min()?;
        let (head, run) = runs.get_mut(at)?;
        let head = match run.next() {
            Some(next) => std::mem::replace(head, next),
            None => runs.swap_remove(at).0,
        };
        Some(head.1)
    })
}

/// All trades that are not over of pairings that have no order in common, in the order of their entries.
pub(crate) fn all_open<'a>(
    pairings: impl IntoIterator<Item = &'a Pairing>,
    bad: impl FnMut(SumError),
) -> Vec<OpenOrder> {
    let sides = pairings.into_iter().flat_map(Pairing::sides);
    let open = sides.flat_map(|side| {
        let orders = side.each();
        orders.filter_map(move |(number, order)| order.open(side.whose(number)))
    });
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
