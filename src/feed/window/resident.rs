//! Where the window is looked at: in memory, or in Redis.
//!
//! Always true:
//! - What a resident has is a copy. The truth is on the disk, and a resident that lost everything is filled
//!   again.
//! - A resident has one member a minute that it was given, and gives back members that somebody else put
//!   there.
//!
//! Not here: when minutes come and go (`window`).

use std::fmt;

use super::minute::Minute;
use crate::record::field::Pair;

/// A change of a resident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The minute has closed, or has closed again with more in it.
    Put {
        /// What was traded.
        symbol: Pair,
        /// When.
        minute: Minute,
        /// The minute's JSON.
        member: Vec<u8>,
        /// The member that it takes the place of.
        before: Option<Vec<u8>>,
    },
    /// The minute has left the window, and is in a file. The member goes by its own bytes: another one of
    /// the same minute stays.
    Remove {
        /// What was traded.
        symbol: Pair,
        /// When.
        minute: Minute,
        /// The minute's JSON.
        member: Vec<u8>,
    },
}

/// A member of a resident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The minute that its score is in.
    pub at: Minute,
    /// Whether its score is the start of that minute, as it must be.
    pub is_start: bool,
    /// The minute's JSON, if it is that.
    pub json: Vec<u8>,
}

/// How much is in a resident.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Members.
    pub minutes: u64,
    /// Bytes of memory that it uses for all it has.
    pub bytes: u64,
}

/// Why a resident did nothing. Whoever asked asks again later.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResidentError {
    /// It does not answer, or refuses every change: away, out of memory, read-only, loading.
    #[error("{resident} {why}")]
    Down {
        /// Which one.
        resident: String,
        /// In a few words, the same for the same reason.
        why: String,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another collector with another storage folder has this window there.
    #[error("{resident} has the window of another collector, {owner}")]
    Taken {
        /// Which one.
        resident: String,
        /// Whose window it is.
        owner: String,
    },
}

/// Where the window is looked at.
///
/// One thread calls it. A call returns soon, whatever happens: it may wait for some seconds, never for ever.
pub trait Resident: fmt::Debug + Send {
    /// Whether there is anybody to tell. `false`: nothing is, and nothing else is asked.
    fn is_there(&self) -> bool {
        true
    }

    /// Makes it this collector's, or sees that it still is. Says whether it has what it was given: `false`
    /// when it is new, was emptied, or was away meanwhile, so that it must be looked through and filled.
    ///
    /// # Errors
    /// [`ResidentError`].
    fn claim(&mut self) -> Result<bool, ResidentError>;

    /// It has been looked through and filled: from now on [`Resident::claim`] says `true` until something is
    /// lost.
    ///
    /// # Errors
    /// [`ResidentError`].
    fn filled(&mut self) -> Result<(), ResidentError>;

    /// Makes changes, in their order. After an error some of them may be made.
    ///
    /// # Errors
    /// [`ResidentError`].
    fn change(&mut self, changes: &[Change]) -> Result<(), ResidentError>;

    /// The members of a symbol from one minute to another, both included, in the order of minutes; no more
    /// than `count_max`.
    ///
    /// # Errors
    /// [`ResidentError`].
    fn members(
        &mut self,
        symbol: &Pair,
        from: Minute,
        to: Minute,
        count_max: usize,
    ) -> Result<Vec<Member>, ResidentError>;

    /// Removes a member by its bytes: one that is no minute, or somebody else's that is in a file now.
    ///
    /// # Errors
    /// [`ResidentError`].
    fn remove(&mut self, symbol: &Pair, member: &[u8]) -> Result<(), ResidentError>;

    /// How many members of each of the symbols are there.
    ///
    /// # Errors
    /// [`ResidentError`].
    fn counts(&mut self, symbols: &[Pair]) -> Result<Vec<u64>, ResidentError>;

    /// How much it has.
    ///
    /// # Errors
    /// [`ResidentError`].
    fn usage(&mut self) -> Result<Usage, ResidentError>;
}

/// No copy at all: for a collector that nobody looks into.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCopy;

impl Resident for NoCopy {
    fn is_there(&self) -> bool {
        false
    }

    fn claim(&mut self) -> Result<bool, ResidentError> {
        Ok(true)
    }

    fn filled(&mut self) -> Result<(), ResidentError> {
        Ok(())
    }

    fn change(&mut self, _: &[Change]) -> Result<(), ResidentError> {
        Ok(())
    }

    fn members(
        &mut self,
        _: &Pair,
        _: Minute,
        _: Minute,
        _: usize,
    ) -> Result<Vec<Member>, ResidentError> {
        Ok(Vec::new())
    }

    fn remove(&mut self, _: &Pair, _: &[u8]) -> Result<(), ResidentError> {
        Ok(())
    }

    fn counts(&mut self, symbols: &[Pair]) -> Result<Vec<u64>, ResidentError> {
        Ok(vec![0; symbols.len()])
    }

    fn usage(&mut self) -> Result<Usage, ResidentError> {
        Ok(Usage::default())
    }
}
