//! What a person should hear of a collector.
//!
//! Always true: a condition is told when it begins, when its reason changes, and when it is over: not each
//! time that it is met.
//!
//! Not here: who hears it.

use std::collections::BTreeMap;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Something is well again, or was done.
    Note,
    /// Something is wrong, and the collector goes on.
    Warning,
}

/// One thing to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// How much it matters.
    pub weight: Weight,
    /// What it is, in one line.
    pub text: String,
}

/// How many are kept for whoever asks.
const KEPT_MAX: usize = 1000;

/// What there is to hear, and what is wrong now.
#[derive(Debug, Default)]
pub(super) struct Teller {
    /// By what is wrong: of which kind, and in words.
    wrong: BTreeMap<&'static str, (String, String)>,
    news: Vec<News>,
    untold: u64,
}

impl Teller {
    /// Something is wrong for some time. It is told again when its `kind` is another one.
    pub(super) fn is_wrong(&mut self, what: &'static str, kind: &str, why: &str) {
        let is_new = self.wrong.get(what).is_none_or(|it| it.0 != kind);
        if is_new {
            self.wrong.insert(what, (kind.to_owned(), why.to_owned()));
            self.tell(Weight::Warning, format!("{what}: {why}"));
        }
    }

    /// That is over, if it was wrong.
    pub(super) fn is_well(&mut self, what: &'static str) {
        if self.wrong.remove(what).is_some() {
            self.tell(Weight::Note, format!("{what}: well again"));
        }
    }

    /// Something that happened once.
    pub(super) fn tell(&mut self, weight: Weight, text: String) {
        if self.news.len() < KEPT_MAX {
            self.news.push(News { weight, text });
        } else {
            self.untold += 1;
        }
    }

    /// Hands out what nobody has heard yet.
    pub(super) fn take(&mut self) -> Vec<News> {
        let mut news = std::mem::take(&mut self.news);
        let untold = std::mem::take(&mut self.untold);
        if untold > 0 {
            news.push(News {
                weight: Weight::Warning,
                text: format!("and {untold} more that were not kept"),
            });
        }
        news
    }

    /// What is wrong now.
    pub(super) fn wrong(&self) -> Vec<String> {
        self.wrong
            .iter()
            .map(|(what, (_, why))| format!("{what}: {why}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_told_when_it_begins_changes_and_ends() {
        let mut teller = Teller::default();
        for why in ["away", "away", "full", "full"] {
            teller.is_wrong("Redis", why, why);
        }
        teller.is_well("Redis");
        teller.is_well("Redis");
        let texts: Vec<String> = teller.take().into_iter().map(|it| it.text).collect();
        assert_eq!(texts, ["Redis: away", "Redis: full", "Redis: well again"]);
        for number in 0..KEPT_MAX + 5 {
            teller.tell(Weight::Note, number.to_string());
        }
        assert_eq!(
            teller.take().last().unwrap().text,
            "and 5 more that were not kept"
        );
        assert!(teller.take().is_empty() && teller.wrong().is_empty());
    }
}
