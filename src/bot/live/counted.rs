//! What was counted: windows after all trades, in the order in which these closed.
//!
//! Always true:
//! - Whatever the order in which trades come, the windows are those of a replay in the order of their exits.
//! - Trades that come late cost a look at the newest thousand or two, however many they are; one that is
//!   older than these is refused, and everything is to be counted anew.

use std::collections::HashSet;

use crate::books::ClosedTrade;
use crate::books::metrics::{Alert, Books, RollingError, Told};
use crate::record::field::OrderId;
use crate::time::Timestamp;

/// How many closed trades are kept apart at least, so that one that comes late is put among them.
const RECENT_MIN: usize = 1000;

/// Windows, and the way to what they are.
#[derive(Debug)]
pub(super) struct Counted {
    /// The windows after all trades.
    books: Books,
    /// Those before the recent trades, and after the first of these.
    base: Books,
    middle: Option<Books>,
    /// Trades that closed before that are in the base.
    recent_from: Timestamp,
    /// In the order of their exits.
    recent: Vec<ClosedTrade>,
}

/// A trade whose result fits into no sum: the windows that could take it did.
#[derive(Debug, thiserror::Error)]
#[error("count order {order_id}")]
pub(super) struct Unfit {
    order_id: OrderId,
    source: RollingError,
}

impl Unfit {
    fn new(trade: &ClosedTrade, source: RollingError) -> Unfit {
        let order_id = trade.order_id.clone();
        Unfit { order_id, source }
    }
}

impl Counted {
    /// Nothing yet.
    pub(super) fn new(empty: Books) -> Counted {
        Counted {
            books: empty.clone(),
            base: empty,
            middle: None,
            recent_from: Timestamp::MIN,
            recent: Vec::new(),
        }
    }

    /// The windows as they stand.
    pub(super) fn books(&self) -> &Books {
        &self.books
    }

    /// Whether a trade that closed before is counted.
    pub(super) fn is_late(&self, trade: &ClosedTrade) -> bool {
        let newest = self.recent.last().map_or(self.recent_from, |it| it.exited);
        trade.exited < newest
    }

    /// Counts the next trade.
    ///
    /// # Errors
    /// [`Unfit`].
    pub(super) fn add(
        &mut self,
        trade: ClosedTrade,
        tell: impl FnMut(&Told<'_>, Option<Alert>),
    ) -> Result<(), Unfit> {
        let taken = self.books.take(&trade, tell);
        let taken = taken.map_err(|source| Unfit::new(&trade, source));
        self.recent.push(trade);
        self.mark();
        taken
    }

    /// Counts trades of which some come late, and the recent ones anew; all of these are told. `None`, and
    /// nothing done, when one is older than the recent ones.
    pub(super) fn insert(
        &mut self,
        late: Vec<ClosedTrade>,
        mut tell: impl FnMut(&Told<'_>, Option<Alert>),
    ) -> Option<Vec<Unfit>> {
        if late.iter().any(|it| it.exited < self.recent_from) {
            return None;
        }
        let places: HashSet<u64> = late.iter().map(|it| it.place).collect();
        let mut recent = std::mem::take(&mut self.recent);
        recent.extend(late);
        recent.sort_by_key(|it| (it.exited, it.place));
        (self.books, self.middle) = (self.base.clone(), None);
        let mut unfit = Vec::new();
        for trade in recent {
            let is_new = places.contains(&trade.place);
            if let Err(error) = self.add(trade, &mut tell)
                && is_new
            {
                unfit.push(error);
            }
        }
        Some(unfit)
    }

    /// Notes the windows after the first of the recent trades, which the base moves on to.
    fn mark(&mut self) {
        let len = self.recent.len();
        if len == RECENT_MIN {
            self.middle = Some(self.books.clone());
        }
        if len < 2 * RECENT_MIN {
            return;
        }
        let Some(middle) = self.middle.replace(self.books.clone()) else {
            return;
        };
        self.base = middle;
        let mut older = self.recent.drain(..RECENT_MIN);
        self.recent_from = older.next_back().map_or(self.recent_from, |it| it.exited);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::books::metrics::{Basis, BreakevenStreak, Equity, ScopeKind, Windows};
    use crate::record::PerformanceMetric;
    use crate::record::field::{Action, ExecutionMode};

    fn trade(place: u64, second: u64) -> ClosedTrade {
        let net = if second.is_multiple_of(3) { 7 } else { -2 };
        let begin: Timestamp = "2025-10-27T14:00:00Z".parse().unwrap();
        ClosedTrade {
            order_id: format!("o{place}").parse().unwrap(),
            mode: ExecutionMode::Paper,
            account_id: None,
            symbol: "AAPL".parse().unwrap(),
            strategy: Arc::from(["a", "b", "c"][usize::try_from(second % 3).unwrap()]),
            direction: Action::Buy,
            entered: None,
            exited: begin.saturating_add(Duration::from_secs(second)),
            quantity: 1,
            entry_price: None,
            exit_price: "100".parse().unwrap(),
            stop_loss: None,
            gross: net.into(),
            net: net.into(),
            commission: 0.into(),
            entry_commission: 0.into(),
            slippage: 0.into(),
            exits: 1,
            has_entry: true,
            label_conflict: false,
            place,
        }
    }

    fn empty() -> Books {
        let windows = Windows {
            window: NonZeroU32::new(50).unwrap(),
            equity: Equity::new(100_000.into()).unwrap(),
            basis: Basis::Net,
            breakeven: BreakevenStreak::Ends,
        };
        let kinds = vec![ScopeKind::All, ScopeKind::Strategy];
        Books::new(windows, kinds, Vec::new()).unwrap()
    }

    fn stands(books: &Books) -> Vec<PerformanceMetric> {
        let mut all = Vec::new();
        books.each(|told| all.push(told.record(None).unwrap()));
        all.sort_by_key(|it| it.scope().map(str::to_owned));
        all
    }

    #[test]
    fn windows_are_those_of_a_replay_however_late_a_trade_comes() {
        let mut counted = Counted::new(empty());
        let mut all: Vec<ClosedTrade> = Vec::new();
        let count = 5 * RECENT_MIN as u64;
        for place in 0..count {
            // Each seventh comes hundreds of trades late, some at the time of another.
            let second = match place % 7 {
                0 => (place + 3).saturating_sub(place % 900),
                _ => place,
            };
            all.push(trade(place, second));
            let trade = trade(place, second);
            let is_counted = if counted.is_late(&trade) {
                counted.insert(vec![trade], |_, _| ()).is_some()
            } else {
                counted.add(trade, |_, _| ()).is_ok()
            };
            assert!(is_counted, "{place}");
            assert!(counted.recent.len() <= 2 * RECENT_MIN);
        }
        all.sort_by_key(|it| (it.exited, it.place));
        let mut books = empty();
        for trade in &all {
            books.take(trade, |_, _| ()).unwrap();
        }
        assert_eq!(stands(counted.books()), stands(&books));
        let oldest = trade(count, 0);
        assert!(counted.is_late(&oldest));
        assert!(counted.insert(vec![oldest], |_, _| ()).is_none());
    }
}
