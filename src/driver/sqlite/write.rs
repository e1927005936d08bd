//! One call's entries, in one transaction and in their order.
//!
//! Always true: any error rolls all of it back, and what is remembered between calls with it.
//!
//! Not here: the file.

use rusqlite::{Connection, TransactionBehavior};

use super::frames::Frames;
use super::trades::{Filled, Trades};
use super::{account, gaps, runs, ticker};
use crate::feed::bybit::{AccountKind, AccountRow, Entry, Fill, GapId, Millis, Origin, Written};

/// Where entries go: the run's row and the gaps' rows in this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Home {
    /// The run's number here.
    pub(super) run: i64,
    /// How far a gap's number here is from the one that it was given.
    pub(super) shift: i64,
}

impl Home {
    pub(super) fn gap(self, id: GapId) -> i64 {
        id.0.saturating_add(self.shift)
    }
}

/// What is remembered from one call to the next.
#[derive(Debug, Default)]
pub(super) struct Memory {
    filled: Filled,
    /// How many trades there were in this run.
    arrival: i64,
}

pub(super) fn write(
    connection: &mut Connection,
    home: Home,
    memory: &mut Memory,
    entries: &[Entry],
) -> rusqlite::Result<Written> {
    let written = transaction(connection, home, memory, entries);
    match written {
        Ok(_) => memory.filled.keep(),
        Err(_) => memory.filled.undo(),
    }
    written
}

fn transaction(
    connection: &mut Connection,
    home: Home,
    memory: &mut Memory,
    entries: &[Entry],
) -> rusqlite::Result<Written> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let written = all(&transaction, home, memory, entries)?;
    transaction.commit()?;
    Ok(written)
}

fn all(
    connection: &Connection,
    home: Home,
    memory: &mut Memory,
    entries: &[Entry],
) -> rusqlite::Result<Written> {
    let mut call = Call {
        connection,
        home,
        trades: Trades::new(connection, home.run, memory.arrival)?,
        filled: &mut memory.filled,
        frames: Frames::default(),
        heard: None,
        written: Written::default(),
    };
    for entry in entries {
        call.write(entry)?;
    }
    call.frames.finish(connection, home.run)?;
    if let Some(heard) = call.heard {
        runs::heard(connection, home.run, heard)?;
    }
    memory.arrival = call.trades.arrival();
    Ok(call.written)
}

struct Call<'c, 'm, 'e> {
    connection: &'c Connection,
    home: Home,
    trades: Trades<'c>,
    filled: &'m mut Filled,
    frames: Frames<'e>,
    /// When the last of it came.
    heard: Option<Millis>,
    written: Written,
}

impl<'e> Call<'_, '_, 'e> {
    fn write(&mut self, entry: &'e Entry) -> rusqlite::Result<()> {
        let run = self.home.run;
        match entry {
            Entry::Trades(trades, received) => {
                let fresh = self.trades.told(self.filled, trades, *received)?;
                self.count_trades(trades.len(), fresh);
                self.heard = self.heard.max(Some(*received));
            }
            Entry::Ticker(ticker, received) => {
                let is_new = ticker::write(self.connection, ticker, *received, run)?;
                self.written.tickers += u64::from(is_new);
                self.heard = self.heard.max(Some(*received));
            }
            Entry::Account(row, origin, received) => {
                self.account(row, *origin, *received)?;
                self.heard = self.heard.max(Some(*received));
            }
            Entry::Raw(frame) => {
                self.frames.add(self.connection, run, frame)?;
                self.written.frames += 1;
                self.heard = self.heard.max(Some(frame.received));
            }
            Entry::GapOpened(gap) => {
                gaps::declare(self.connection, self.home.gap(gap.id), gap, run)?;
            }
            Entry::GapEnded(end) => gaps::end(self.connection, self.home.gap(end.id), end)?,
            Entry::GapFilled(fill, at) => self.fill(fill, *at)?,
        }
        Ok(())
    }

    fn fill(&mut self, fill: &Fill, at: Millis) -> rusqlite::Result<()> {
        let (trades, connection) = (&fill.trades, self.connection);
        let mut fresh = self.trades.asked(connection, self.filled, trades, at)?;
        self.count_trades(trades.len(), fresh);
        for row in &fill.rows {
            fresh += u64::from(self.account(row, Origin::Request, at)?);
        }
        gaps::fill(connection, self.home.gap(fill.id), fill, fresh, at)?;
        self.written.filled.push((fill.id, fresh));
        Ok(())
    }

    fn account(
        &mut self,
        row: &AccountRow,
        origin: Origin,
        received: Millis,
    ) -> rusqlite::Result<bool> {
        let is_new = account::write(self.connection, row, origin, received, self.home.run)?;
        let written = &mut self.written;
        let count = match row.kind {
            _ if !is_new => &mut written.repeated_rows,
            AccountKind::Execution => &mut written.executions,
            AccountKind::Order => &mut written.orders,
            AccountKind::Position => &mut written.positions,
            AccountKind::Wallet => &mut written.wallets,
        };
        *count += 1;
        Ok(is_new)
    }

    fn count_trades(&mut self, told: usize, fresh: u64) {
        self.written.trades += fresh;
        self.written.repeated_trades += u64::try_from(told)
            .unwrap_or(u64::MAX)
            .saturating_sub(fresh);
    }
}
