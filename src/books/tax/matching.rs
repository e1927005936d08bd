//! Wash sales: which purchase replaces which loss.
//!
//! Always true:
//! - A purchase replaces what was sold at most thirty days after it or before it, both days included.
//! - Shares replace one loss at most, and none of the purchase that they are of.
//! - What of a loss does not count now is in the basis of what replaced it, but where a retirement account
//!   bought that.

use std::collections::VecDeque;

use super::amounts::{Cents, Units};
use super::book::Wash;
use super::engine::Walk;
use super::lots::{Piece, Purchase, Which};
use super::numbers::Place;
use super::options::{Tack, WashScope};
use super::sale::Sale;
use super::term::Term;
use super::trades::Trade;
use super::wash::{Desk, Loss, WINDOW_DAYS};
use crate::time::Day;

impl Walk<'_> {
    /// Lets a new purchase replace the losses that wait for it, and wait for others with what is left.
    pub(super) fn replace_waiting(&mut self, trade: &Trade, number: usize) {
        let mut desk = self.take_desk(trade);
        desk.expire(trade.day);
        let mut at = desk.passed_over(trade.order);
        while self.unused(number) != Units::ZERO {
            let Some(loss) = desk.waiting.get_mut(at) else {
                break;
            };
            if trade.day.plus_days(WINDOW_DAYS) < loss.sold {
                // A lot that is brought in may be too old for a loss that waits, and is for all after it.
                break;
            }
            if loss.order == trade.order {
                at += 1;
                continue;
            }
            self.replace(loss, number);
            if loss.left() == Units::ZERO {
                desk.waiting.remove(at);
            }
        }
        desk.pass_over(trade.order, at);
        if self.unused(number) != Units::ZERO {
            desk.offer(number);
        }
        self.put_desk(trade, desk);
    }

    /// What is sold out replaces nothing any longer.
    pub(super) fn withdraw_sold(&mut self, asset: usize, pieces: &[Piece]) {
        for piece in pieces {
            let Some(purchase) = self.purchases.get(piece.purchase) else {
                continue;
            };
            if purchase.unused() == Units::ZERO {
                let key = self.desk_key(asset, purchase.account);
                if let Some(desk) = self.desks.get_mut(&key) {
                    desk.withdraw(piece.purchase);
                }
            }
        }
    }

    /// Matches the losses of a sale with what replaces them already, and lets the rest wait.
    pub(super) fn wash(&mut self, trade: &Trade, mut sale: Sale) {
        let mut desk = self.take_desk(trade);
        // The rows come first, so that what replaces them can name them.
        let first = self.book.disposals.len();
        let mut turn: VecDeque<usize> = sale.turn().into();
        self.book.disposals.append(&mut sale.rows);
        while let Some(row) = turn.pop_front() {
            let purchase = sale.purchase(row);
            let Some(mut loss) = purchase.and_then(|it| self.loss(trade, first + row, it)) else {
                continue;
            };
            self.replace_by_earlier(&mut desk, &mut loss, (&mut sale, first), &mut turn);
            if loss.left() != Units::ZERO {
                desk.waiting.push_back(loss);
            }
        }
        self.put_desk(trade, desk);
    }

    /// The loss of a row, if it is one.
    fn loss(&self, trade: &Trade, disposal: usize, purchase: usize) -> Option<Loss> {
        let row = self.book.disposals.get(disposal)?;
        let amount = row.basis() - row.proceeds;
        if amount <= Cents::ZERO {
            return None;
        }
        Some(Loss {
            disposal,
            asset: trade.asset,
            account: trade.account,
            purchase,
            order: self.purchases.get(purchase)?.order,
            sold: row.sold,
            held_days: row.sold.unix_days() - row.holding_start.unix_days(),
            amount,
            quantity: row.quantity,
            matched: Units::ZERO,
            allotted: Cents::ZERO,
        })
    }

    /// Replaces a loss by what was bought in the thirty days before, the oldest first. `later` are the rows
    /// of the same sale that have not had their turn.
    fn replace_by_earlier(
        &mut self,
        desk: &mut Desk,
        loss: &mut Loss,
        (sale, first): (&mut Sale, usize),
        later: &mut VecDeque<usize>,
    ) {
        let rules = &self.options.wash;
        let rounds: &[Option<bool>] = match rules.taxable_first {
            true => &[Some(false), Some(true)],
            false => &[None],
        };
        for of_ira in rounds {
            let mut from = match rules.exclude_older {
                true => loss.purchase,
                false => 0,
            };
            while loss.left() != Units::ZERO {
                let open = desk.candidate(loss, from, &self.purchases);
                // Looked for where it is asked for alone: a sale may have very many rows.
                let rows: &[usize] = match rules.same_sale_replaces {
                    true => later.make_contiguous(),
                    false => &[],
                };
                let sold = sale
                    .replacement(rows, |it| self.may_replace(loss, it, *of_ira))
                    .filter(|(_, purchase)| open.is_none_or(|it| *purchase < it));
                match (sold, open) {
                    (Some((row, _)), _) => {
                        self.replace_by_sold(loss, row, (&mut *sale, first), later);
                    }
                    (None, Some(number)) => {
                        from = number + 1;
                        if self.may_replace(loss, number, *of_ira) {
                            self.replace(loss, number);
                        }
                        if self.unused(number) == Units::ZERO {
                            desk.withdraw(number);
                        }
                    }
                    (None, None) => break,
                }
            }
        }
    }

    /// Whether that purchase replaces what was sold: another one, and not too old.
    fn may_replace(&self, loss: &Loss, number: usize, of_ira: Option<bool>) -> bool {
        let Some(purchase) = self.purchases.get(number) else {
            return false;
        };
        let rules = &self.options.wash;
        let is_ira = self.is_ira(purchase.account);
        // Of the desk's own purchases this is so; the lots of a sale may be of all accounts.
        let is_seen = rules.scope == WashScope::Taxpayer || purchase.account == loss.account;
        let is_older = number < loss.purchase;
        let is_in_window = loss.sold <= purchase.day.plus_days(WINDOW_DAYS);
        purchase.order != loss.order
            && is_seen
            && is_in_window
            && of_ira.is_none_or(|it| it == is_ira)
            && !(rules.exclude_older && is_older)
    }

    /// Replaces as much of a loss as a purchase has unused.
    fn replace(&mut self, loss: &mut Loss, number: usize) {
        let days_added = self.days_added(loss);
        let Some((asset, account)) = self.purchases.get(number).map(|it| (it.asset, it.account))
        else {
            return;
        };
        let is_permanent = self.is_ira(account);
        let key = self.pool_key(asset, account);
        let Some(purchase) = self.purchases.get_mut(number) else {
            return;
        };
        let quantity = loss.left().min(purchase.unused());
        let disallowed = loss.allot(quantity);
        let days_added = if is_permanent { 0 } else { days_added };
        let which = purchase.replace(quantity, |part| {
            part.replaces = Some(loss.disposal);
            if !is_permanent {
                part.wash_added += disallowed;
                part.start = days_before(part.start, days_added);
            }
        });
        if let Some(pool) = self.pools.get_mut(&key) {
            pool.note_part(number, which, purchase);
            pool.note_part(number, Which::Rest, purchase);
        }
        self.book.washes.push(Wash {
            loss: loss.disposal,
            replacement: purchase.index,
            replaced_on: purchase.day,
            quantity,
            disallowed,
            days_added,
            is_permanent,
        });
        self.disallow(loss, disallowed);
    }

    /// Replaces as much of a loss as another row of the same sale has.
    fn replace_by_sold(
        &mut self,
        loss: &mut Loss,
        row: usize,
        (sale, first): (&mut Sale, usize),
        later: &mut VecDeque<usize>,
    ) {
        let days_added = self.days_added(loss);
        let Some(disposal) = self.book.disposals.get_mut(first + row) else {
            return;
        };
        let quantity = loss.left().min(disposal.quantity);
        let disallowed = loss.allot(quantity);
        let rest = sale.cut(disposal, row, quantity);
        disposal.wash_added += disallowed;
        disposal.holding_start = days_before(disposal.holding_start, days_added);
        disposal.term = Term::of(disposal.holding_start, disposal.sold);
        self.book.washes.push(Wash {
            loss: loss.disposal,
            replacement: disposal.buy,
            replaced_on: disposal.acquired,
            quantity,
            disallowed,
            days_added,
            is_permanent: false,
        });
        if let Some((number, rest)) = rest {
            self.book.disposals.push(rest);
            // Its turn is after the part that was cut off.
            let place = later.iter().position(|it| *it == row);
            later.insert(place.map_or(later.len(), |it| it + 1), number);
        }
        self.disallow(loss, disallowed);
    }

    fn disallow(&mut self, loss: &Loss, disallowed: Cents) {
        if let Some(row) = self.book.disposals.get_mut(loss.disposal) {
            // The loss follows splits, and the row is of the time of its sale.
            row.replaced = row.quantity.part(loss.matched, loss.quantity);
            row.adjustment += disallowed;
        }
    }

    fn days_added(&self, loss: &Loss) -> i32 {
        match self.options.wash.tack {
            Tack::Days => loss.held_days,
            Tack::Original => 0,
        }
    }

    fn unused(&self, number: usize) -> Units {
        self.purchases
            .get(number)
            .map_or(Units::ZERO, Purchase::unused)
    }

    /// Whose losses and purchases replace each other: all of a group's, or those of one account.
    fn desk_key(&self, asset: usize, account: usize) -> Place {
        let group = self.trades.assets.get(asset).map_or(asset, |it| it.group);
        match self.options.wash.scope {
            WashScope::Taxpayer => (group, None),
            WashScope::Account => (group, Some(account)),
        }
    }

    fn take_desk(&mut self, trade: &Trade) -> Desk {
        let key = self.desk_key(trade.asset, trade.account);
        std::mem::take(self.desks.entry(key).or_default())
    }

    fn put_desk(&mut self, trade: &Trade, desk: Desk) {
        let key = self.desk_key(trade.asset, trade.account);
        self.desks.insert(key, desk);
    }
}

fn days_before(day: Day, days: i32) -> Day {
    Day::from_unix_days(day.unix_days() - days).unwrap_or(day)
}
