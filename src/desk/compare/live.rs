//! What was traded live, as the journal has it.

use std::ops::ControlFlow;

use super::traded::{Fill, Gathering, Traded};
use crate::desk::Unread;
use crate::journal::{Journal, ReadError};
use crate::record::field::Money;
use crate::record::{FillRecord, Record, Stream, TradeRecord};
use crate::time::Timestamp;

/// From which stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LiveStream {
    /// Fills of the trade logger.
    Fills,
    /// The audit trail: each record is one fill; its result is before commission.
    Trades,
}

impl LiveStream {
    /// The stream.
    #[must_use]
    pub fn stream(self) -> Stream {
        match self {
            LiveStream::Fills => Stream::Fills,
            LiveStream::Trades => Stream::Trades,
        }
    }
}

/// What was traded.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Live {
    /// The trades.
    pub trades: Vec<Traded>,
    /// Numbers of lines with more digits than can be added up exactly; they are in no trade.
    pub too_long: Vec<u64>,
    /// What could not be read.
    pub unread: Unread,
}

impl Live {
    /// Reads what is from the one time on and before the other, of that symbol if one is named. `bad` is
    /// told of each line that cannot be read.
    pub fn read(
        journal: &Journal,
        from: LiveStream,
        (first, end): (Option<Timestamp>, Option<Timestamp>),
        symbol: Option<&str>,
        bad: impl FnMut(ReadError),
    ) -> Live {
        let mut live = Live::default();
        let span = (first, end);
        match from {
            LiveStream::Fills => live.gather(journal, span, symbol, of_fill, bad),
            LiveStream::Trades => live.gather(journal, span, symbol, of_trade, bad),
        }
        live
    }

    fn gather<R: Record>(
        &mut self,
        journal: &Journal,
        (from, to): (Option<Timestamp>, Option<Timestamp>),
        symbol: Option<&str>,
        fill_of: impl Fn(&R, u64) -> Fill,
        mut bad: impl FnMut(ReadError),
    ) {
        let mut reader = journal.read::<R>();
        if let Some(from) = from {
            reader = reader.from(from);
        }
        if let Some(to) = to {
            reader = reader.to(to);
        }
        let mut gathering = Gathering::default();
        reader.visit(|entry| {
            match entry {
                Ok(entry) => {
                    let fill = fill_of(entry.record, entry.seq().unwrap_or_default());
                    let is_wanted = symbol.is_none_or(|it| it == fill.symbol);
                    if is_wanted && gathering.add(&fill).is_none() {
                        self.too_long.push(fill.line);
                    }
                }
                Err(error) => {
                    self.unread.count(&error);
                    bad(error);
                }
            }
            ControlFlow::Continue(())
        });
        self.trades = gathering.into_trades();
    }
}

fn of_fill(fill: &FillRecord, line: u64) -> Fill {
    Fill {
        line,
        order_id: Some(fill.order_id().as_str().to_owned()),
        symbol: fill.symbol().as_str().to_owned(),
        side: fill.side(),
        at: fill.timestamp(),
        price: fill.price().value(),
        size: fill.size().value(),
        fee: Some(fill.fee().value()),
        fee_asset: Some(fill.fee_asset().as_str().to_owned()),
        pnl: fill.realized_pnl().map(Money::value),
    }
}

fn of_trade(trade: &TradeRecord, line: u64) -> Fill {
    Fill {
        line,
        order_id: Some(trade.order_id().as_str().to_owned()),
        symbol: trade.symbol().as_str().to_owned(),
        side: trade.action(),
        at: trade.timestamp(),
        price: trade.price().value(),
        size: trade.quantity().value().into(),
        fee: trade.commission().map(|it| it.value()),
        fee_asset: None,
        pnl: trade.profit_loss().map(Money::value),
    }
}
