//! The window in memory: what a bot looks at without a disk or a server.
//!
//! Always true: clones are the same window. It has the members that Redis would have, with the same bytes.
//!
//! Not here: what survives the process. The files do.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::footprint::Footprint;
use super::minute::Minute;
use super::resident::{Change, Member, Resident, ResidentError, Usage};
use crate::record::field::Pair;

/// The window in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryWindow(Arc<Mutex<Minutes>>);

#[derive(Debug, Default)]
struct Minutes {
    of: HashMap<Pair, BTreeMap<Minute, Box<[u8]>>>,
    bytes: u64,
    is_filled: bool,
}

/// What a member costs beside its bytes.
const OVERHEAD: u64 = 48;

impl MemoryWindow {
    fn minutes(&self) -> MutexGuard<'_, Minutes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A minute that is over and in the window.
    #[must_use]
    pub fn load(&self, symbol: &Pair, minute: Minute) -> Option<Footprint> {
        let minutes = self.minutes();
        let json = minutes.of.get(symbol)?.get(&minute)?;
        Footprint::parse(json).ok()
    }

    /// The minutes of a symbol from one to another, both included, that are over and in the window.
    #[must_use]
    pub fn range(&self, symbol: &Pair, from: Minute, to: Minute) -> Vec<Footprint> {
        let minutes = self.minutes();
        let of_symbol = minutes.of.get(symbol).filter(|_| from <= to);
        let found = of_symbol.into_iter().flat_map(|it| it.range(from..=to));
        found
            .filter_map(|(_, json)| Footprint::parse(json).ok())
            .collect()
    }
}

impl Minutes {
    fn put(&mut self, symbol: &Pair, minute: Minute, member: &[u8]) {
        if !self.of.contains_key(symbol) {
            self.of.insert(symbol.clone(), BTreeMap::new());
        }
        if let Some(of_symbol) = self.of.get_mut(symbol) {
            let before = of_symbol.insert(minute, member.into());
            self.bytes += member.len() as u64 + OVERHEAD;
            self.bytes -= before.map_or(0, |it| it.len() as u64 + OVERHEAD);
        }
    }

    fn remove(&mut self, symbol: &Pair, minute: Minute, member: &[u8]) {
        let Some(of_symbol) = self.of.get_mut(symbol) else {
            return;
        };
        if of_symbol.get(&minute).is_some_and(|it| **it == *member) {
            of_symbol.remove(&minute);
            self.bytes -= member.len() as u64 + OVERHEAD;
        }
    }
}

impl Resident for MemoryWindow {
    fn claim(&mut self) -> Result<bool, ResidentError> {
        Ok(self.minutes().is_filled)
    }

    fn filled(&mut self) -> Result<(), ResidentError> {
        self.minutes().is_filled = true;
        Ok(())
    }

    fn change(&mut self, changes: &[Change]) -> Result<(), ResidentError> {
        let mut minutes = self.minutes();
        for change in changes {
            match change {
                Change::Put {
                    symbol,
                    minute,
                    member,
                    ..
                } => minutes.put(symbol, *minute, member),
                Change::Remove {
                    symbol,
                    minute,
                    member,
                } => minutes.remove(symbol, *minute, member),
            }
        }
        Ok(())
    }

    fn members(
        &mut self,
        symbol: &Pair,
        from: Minute,
        to: Minute,
        count_max: usize,
    ) -> Result<Vec<Member>, ResidentError> {
        let minutes = self.minutes();
        let of_symbol = minutes.of.get(symbol).filter(|_| from <= to);
        let found = of_symbol
            .into_iter()
            .flat_map(|it| it.range(from..=to))
            .take(count_max);
        let member = |at: &Minute, json: &[u8]| Member {
            at: *at,
            is_start: true,
            json: json.to_vec(),
        };
        Ok(found.map(|(at, json)| member(at, json)).collect())
    }

    fn remove(&mut self, symbol: &Pair, member: &[u8]) -> Result<(), ResidentError> {
        let mut minutes = self.minutes();
        let of_symbol = minutes.of.get(symbol);
        let found = of_symbol.and_then(|it| {
            it.iter()
                .find(|(_, json)| ***json == *member)
                .map(|(it, _)| *it)
        });
        if let Some(minute) = found {
            minutes.remove(symbol, minute, member);
        }
        Ok(())
    }

    fn counts(&mut self, symbols: &[Pair]) -> Result<Vec<u64>, ResidentError> {
        let minutes = self.minutes();
        Ok(symbols
            .iter()
            .map(|it| minutes.of.get(it).map_or(0, |it| it.len() as u64))
            .collect())
    }

    fn usage(&mut self) -> Result<Usage, ResidentError> {
        let minutes = self.minutes();
        let count = minutes.of.values().map(|it| it.len() as u64).sum();
        Ok(Usage {
            minutes: count,
            bytes: minutes.bytes,
        })
    }
}
