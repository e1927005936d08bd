//! The lots among which a sale chooses, and which of them it takes.
//!
//! Always true:
//! - What is taken is as much as was asked for, or nothing was there to be asked for.
//! - A purchase is found in the time that the logarithm of their number takes, whatever was sold before.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

use super::amounts::{Cents, PLACES, Units};
use super::lots::{Part, Piece, Purchase, Which};
use super::options::Method;
use crate::books::wide::{divided, product};

/// The open lots of one asset, in one account or in all.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) available: Units,
    /// What all of it cost, where that is all that counts.
    pub(super) cost: Cents,
    order: Order,
}

/// Purchases, some of which may be sold out: they are passed over when their turn comes.
#[derive(Debug)]
enum Order {
    Oldest(VecDeque<usize>),
    Newest(Vec<usize>),
    Dearest(BinaryHeap<Ranked>),
}

/// A part, as it was when it was noted.
#[derive(Debug)]
struct Ranked {
    /// The basis of a unit, rounded down, or the most that fits: what differs there differs.
    rough: u64,
    basis: u128,
    quantity: u128,
    purchase: usize,
    which: Which,
    version: u32,
}

impl Pool {
    pub(super) fn new(method: Method) -> Pool {
        Pool {
            available: Units::ZERO,
            cost: Cents::ZERO,
            order: match method {
                Method::Fifo | Method::Specid | Method::Average => Order::Oldest(VecDeque::new()),
                Method::Lifo => Order::Newest(Vec::new()),
                Method::Hifo => Order::Dearest(BinaryHeap::new()),
            },
        }
    }

    /// Takes in a new purchase, the newest of all.
    pub(super) fn add(&mut self, number: usize, purchase: &Purchase) {
        for (_, part) in purchase.open() {
            self.available += part.quantity;
            self.cost += part.basis();
        }
        match &mut self.order {
            Order::Oldest(all) => all.push_back(number),
            Order::Newest(all) => all.push(number),
            Order::Dearest(_) => self.note(number, purchase),
        }
    }

    /// Notes what the parts of a purchase are worth now.
    pub(super) fn note(&mut self, number: usize, purchase: &Purchase) {
        let Order::Dearest(all) = &mut self.order else {
            return;
        };
        all.extend(
            purchase
                .open()
                .map(|(which, part)| Ranked::of(number, which, part)),
        );
    }

    /// Notes what one part of a purchase is worth now.
    pub(super) fn note_part(&mut self, number: usize, which: Which, purchase: &Purchase) {
        let Order::Dearest(all) = &mut self.order else {
            return;
        };
        let part = purchase.part(which).filter(|it| !it.quantity.is_zero());
        all.extend(part.map(|part| Ranked::of(number, which, part)));
    }

    /// Takes so much, in the order of the method, into `pieces`. `false` where there was not so much.
    pub(super) fn take(
        &mut self,
        mut quantity: Units,
        purchases: &mut [Purchase],
        pieces: &mut Vec<Piece>,
    ) -> bool {
        while !quantity.is_zero() {
            let taken = match &mut self.order {
                Order::Dearest(all) => take_dearest(all, quantity, purchases),
                Order::Oldest(all) => {
                    let taken = all.front().map(|at| take_next(*at, quantity, purchases));
                    if matches!(taken, Some(None)) {
                        all.pop_front();
                        continue;
                    }
                    taken.flatten()
                }
                Order::Newest(all) => {
                    let taken = all.last().map(|at| take_next(*at, quantity, purchases));
                    if matches!(taken, Some(None)) {
                        all.pop();
                        continue;
                    }
                    taken.flatten()
                }
            };
            let Some(piece) = taken else {
                return false;
            };
            quantity -= piece.part.quantity;
            self.available -= piece.part.quantity;
            pieces.push(piece);
        }
        true
    }
}

/// At most so much of the purchase with that number.
pub(super) fn take_next(
    number: usize,
    quantity: Units,
    purchases: &mut [Purchase],
) -> Option<Piece> {
    let part = purchases.get_mut(number)?.take_next(quantity)?;
    Some(Piece {
        purchase: number,
        part,
    })
}

fn take_dearest(
    all: &mut BinaryHeap<Ranked>,
    quantity: Units,
    purchases: &mut [Purchase],
) -> Option<Piece> {
    loop {
        let Ranked {
            purchase: number,
            which,
            version,
            ..
        } = all.pop()?;
        let purchase = purchases.get_mut(number)?;
        let part = purchase.part(which);
        if part.is_none_or(|it| it.version != version) {
            // It is sold, or was noted again when it changed.
            continue;
        }
        let Some(part) = purchase.take(which, quantity) else {
            continue;
        };
        let left = purchase.part(which).filter(|it| !it.quantity.is_zero());
        all.extend(left.map(|it| Ranked::of(number, which, it)));
        return Some(Piece {
            purchase: number,
            part,
        });
    }
}

impl Ranked {
    fn of(purchase: usize, which: Which, part: &Part) -> Ranked {
        // No basis is below 0.
        let basis = part.basis().value().unsigned_abs();
        let quantity = part.quantity.value();
        Ranked {
            rough: rough(basis, quantity),
            basis,
            quantity,
            purchase,
            which,
            version: part.version,
        }
    }
}

/// In millionths of a cent.
fn rough(basis: u128, quantity: u128) -> u64 {
    const MILLIONTHS: u128 = 10_u128.pow(6 + PLACES);
    let ratio = match basis.checked_mul(MILLIONTHS) {
        Some(whole) => whole.checked_div(quantity),
        None => divided(product(basis, MILLIONTHS), quantity).map(|it| it.0),
    };
    ratio
        .and_then(|it| u64::try_from(it).ok())
        .unwrap_or(u64::MAX)
}

/// By the basis of a unit; of equal ones the oldest is the greatest.
impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> Ordering {
        let exact = || {
            let ours = product(self.basis, other.quantity);
            ours.cmp(&product(other.basis, self.quantity))
        };
        let age = |it: &Ranked| Reverse((it.purchase, it.which));
        let by_basis = self.rough.cmp(&other.rough).then_with(exact);
        by_basis.then_with(|| age(self).cmp(&age(other)))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Ranked) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ranked {}
