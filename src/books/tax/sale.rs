//! A sale, as one row for each part of a lot that it takes.
//!
//! Always true: the rows' proceeds, before and after fees, add up to those of the sale, to the cent.

use super::amounts::{Cents, Units};
use super::book::Disposal;
use super::lots::{Piece, Purchase};
use super::term::Term;
use super::trades::Trade;

/// The rows of a sale, in the order in which their lots were taken.
#[derive(Debug)]
pub(super) struct Sale {
    pub(super) rows: Vec<Disposal>,
    /// What is known of each, beside what the book says.
    lots: Vec<Lot>,
}

#[derive(Clone, Copy, Debug)]
struct Lot {
    purchase: usize,
    /// Whether it replaced a loss already.
    is_used: bool,
}

impl Sale {
    /// Of those pieces.
    pub(super) fn of(trade: &Trade, pieces: &[Piece], purchases: &[Purchase]) -> Sale {
        let (mut so_far, mut gross_so_far, mut net_so_far) =
            (Units::ZERO, Cents::ZERO, Cents::ZERO);
        let mut sale = Sale {
            rows: Vec::with_capacity(pieces.len()),
            lots: Vec::with_capacity(pieces.len()),
        };
        for (number, piece) in (1..).zip(pieces) {
            let Some(purchase) = purchases.get(piece.purchase) else {
                continue;
            };
            // Cumulative, so that the last one has what is left.
            so_far += piece.part.quantity;
            let gross = trade.gross.part(so_far, trade.quantity);
            let net = trade.net.part(so_far, trade.quantity);
            sale.rows.push(Disposal {
                buy: purchase.index,
                sell: trade.index,
                piece: number,
                is_fee: trade.is_fee,
                quantity: piece.part.quantity,
                acquired: purchase.day,
                holding_start: piece.part.start,
                sold: trade.day,
                term: Term::of(piece.part.start, trade.day),
                gross_proceeds: gross - gross_so_far,
                proceeds: net - net_so_far,
                original_basis: piece.part.original,
                wash_added: piece.part.wash_added,
                replaced: Units::ZERO,
                adjustment: Cents::ZERO,
            });
            sale.lots.push(Lot {
                purchase: piece.purchase,
                is_used: piece.part.is_used,
            });
            (gross_so_far, net_so_far) = (gross, net);
        }
        sale
    }

    /// Its rows in the order of their purchases.
    pub(super) fn turn(&self) -> Vec<usize> {
        let mut turn: Vec<usize> = (0..self.lots.len()).collect();
        turn.sort_by_key(|it| self.purchase(*it));
        turn
    }

    /// The purchase of a row.
    pub(super) fn purchase(&self, row: usize) -> Option<usize> {
        self.lots.get(row).map(|it| it.purchase)
    }

    /// The first of those rows that can replace a loss, with its purchase.
    pub(super) fn replacement(
        &self,
        rows: &[usize],
        may_replace: impl Fn(usize) -> bool,
    ) -> Option<(usize, usize)> {
        let lots = rows
            .iter()
            .filter_map(|row| Some((*row, self.lots.get(*row)?)));
        let mut fit = lots.filter(|(_, it)| !it.is_used && may_replace(it.purchase));
        fit.next().map(|(row, it)| (row, it.purchase))
    }

    /// Cuts a row, so that `quantity` of it replaces a loss. Returns what is left as another row, with its
    /// number among the rows of this sale.
    pub(super) fn cut(
        &mut self,
        disposal: &mut Disposal,
        row: usize,
        quantity: Units,
    ) -> Option<(usize, Disposal)> {
        let number = self.lots.len();
        let lot = self.lots.get_mut(row)?;
        lot.is_used = true;
        if disposal.quantity <= quantity {
            return None;
        }
        let purchase = lot.purchase;
        let whole = disposal.clone();
        disposal.quantity = quantity;
        disposal.gross_proceeds = whole.gross_proceeds.part(quantity, whole.quantity);
        disposal.proceeds = whole.proceeds.part(quantity, whole.quantity);
        let basis = whole.basis().part(quantity, whole.quantity);
        disposal.original_basis = whole.original_basis.part(quantity, whole.quantity);
        disposal.wash_added = basis - disposal.original_basis;
        self.lots.push(Lot {
            purchase,
            is_used: false,
        });
        let rest = Disposal {
            piece: u32::try_from(number).map_or(u32::MAX, |it| it + 1),
            quantity: whole.quantity - disposal.quantity,
            gross_proceeds: whole.gross_proceeds - disposal.gross_proceeds,
            proceeds: whole.proceeds - disposal.proceeds,
            original_basis: whole.original_basis - disposal.original_basis,
            wash_added: whole.wash_added - disposal.wash_added,
            ..whole
        };
        Some((number, rest))
    }
}
