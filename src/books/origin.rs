//! Whose trades there are: accounts and strategies.
//!
//! Always true:
//! - Each is kept once, with a number that stays.
//!
//! Not here: which trade is whose.

use std::collections::HashMap;
use std::sync::Arc;

use crate::record::TradeRecord;
use crate::record::field::AccountId;

/// How many are looked at one by one: a bot has few strategies, and fewer accounts.
const FEW: usize = 8;

/// What most records have in common with one of those before them.
#[derive(Debug, Default)]
pub(super) struct Origin {
    pub(super) account_id: Option<AccountId>,
    pub(super) strategy: Arc<str>,
}

/// All origins so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins {
    all: Vec<Arc<Origin>>,
    /// Of those behind the first few.
    by_strategy: HashMap<Arc<str>, Vec<u32>>,
}

impl Origin {
    pub(super) fn strategy(&self) -> Arc<str> {
        Arc::clone(&self.strategy)
    }

    fn is(&self, account_id: Option<&AccountId>, strategy: &str) -> bool {
        *self.strategy == *strategy && self.account_id.as_ref() == account_id
    }
}

impl Origins {
    /// The number of a record's.
    pub(super) fn of(&mut self, record: &TradeRecord) -> u32 {
        let (account_id, strategy) = (record.account_id(), record.strategy_name());
        if let Some(known) = self.known(account_id, strategy) {
            return known;
        }
        self.add(Arc::new(Origin {
            account_id: account_id.cloned(),
            strategy: Arc::from(strategy),
        }))
    }

    /// The number of one that stands in others, too.
    pub(super) fn of_shared(&mut self, origin: &Arc<Origin>) -> u32 {
        let known = self.known(origin.account_id.as_ref(), &origin.strategy);
        known.unwrap_or_else(|| self.add(Arc::clone(origin)))
    }

    /// The one with that number.
    pub(super) fn get(&self, number: u32) -> Option<&Arc<Origin>> {
        self.all.get(usize::try_from(number).ok()?)
    }

    /// The numbers that those of `others` have here.
    pub(super) fn numbers_of(&mut self, others: &Origins) -> Vec<u32> {
        let all = others.all.iter();
        all.map(|it| self.of_shared(it)).collect()
    }

    #[inline]
    fn known(&self, account_id: Option<&AccountId>, strategy: &str) -> Option<u32> {
        let mut few = (0..).zip(self.all.iter().take(FEW));
        few.find(|(_, it)| it.is(account_id, strategy))
            .map(|(number, _)| number)
            .or_else(|| self.known_of_many(account_id, strategy))
    }

    fn known_of_many(&self, account_id: Option<&AccountId>, strategy: &str) -> Option<u32> {
        let mut numbers = self.by_strategy.get(strategy)?.iter();
        let is_it = |number: &&u32| {
            let origin = self.get(**number);
            origin.is_some_and(|it| it.is(account_id, strategy))
        };
        numbers.find(is_it).copied()
    }

    fn add(&mut self, origin: Arc<Origin>) -> u32 {
        // No memory holds more.
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        if FEW <= self.all.len() {
            let strategy = Arc::clone(&origin.strategy);
            self.by_strategy.entry(strategy).or_default().push(number);
        }
        self.all.push(origin);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_kept_once_however_many_there_are() {
        let origin = |account: usize, strategy: usize| {
            Arc::new(Origin {
                account_id: format!("account-{account}").parse().ok(),
                strategy: Arc::from(format!("strategy-{strategy}")),
            })
        };
        let mut origins = Origins::default();
        let all: Vec<_> = (0..30).map(|it| origin(it % 5, it % 6)).collect();
        for (number, origin) in (0..).zip(&all) {
            assert_eq!(origins.of_shared(origin), number);
        }
        for (number, origin) in (0..).zip(&all) {
            assert_eq!(origins.of_shared(origin), number);
        }
        let mut fewer = Origins::default();
        fewer.of_shared(&all[20]);
        assert_eq!(fewer.numbers_of(&origins)[..3], [1, 2, 3]);
        assert_eq!(fewer.numbers_of(&origins)[20], 0);
    }
}
