//! Which backups stay, against a model that asks each question by itself.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use tradejournal::keep::backup::{BackupName, Counts, plan};
use tradejournal::time::{Day, Timestamp};

fn name(seconds: i64) -> BackupName {
    BackupName::new("demo", Timestamp::from_unix(seconds, 0).unwrap())
}

fn week(day: Day) -> i32 {
    // Day 4 of the count was a Monday.
    (day.unix_days() - 4).div_euclid(7)
}

fn month(day: Day) -> String {
    day.to_string()[..7].to_owned()
}

/// Whether a backup is the newest of one of the newest `count` slots.
fn is_kept<S: Ord>(all: &[Day], at: usize, count: u16, slot: impl Fn(Day) -> S) -> bool {
    // The newest come first.
    let newer: BTreeSet<S> = all[..at].iter().map(|it| slot(*it)).collect();
    !newer.contains(&slot(all[at])) && newer.len() < usize::from(count)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_stays_is_what_the_model_says(
        times in vec(1_700_000_000_i64..1_760_000_000, 0..80),
        near in vec(1_759_000_000_i64..1_760_000_000, 0..40),
        daily in 0_u16..10,
        weekly in 0_u16..8,
        monthly in 0_u16..15,
        last in any::<prop::sample::Index>(),
    ) {
        let mut times: Vec<i64> = times.into_iter().chain(near).collect();
        times.sort_unstable();
        times.dedup();
        times.reverse();
        let names: Vec<BackupName> = times.iter().map(|it| name(*it)).collect();
        let last = (!names.is_empty()).then(|| names[last.index(names.len())].clone());
        let mut counts = Counts::default();
        (counts.daily, counts.weekly, counts.monthly) = (daily, weekly, monthly);
        let mut shuffled = names.clone();
        shuffled.sort_by_key(|it| it.to_string().bytes().rev().collect::<Vec<u8>>());
        let plan = plan(&shuffled, counts, last.as_ref());
        let days: Vec<Day> = names.iter().map(|it| it.time().day()).collect();
        prop_assert_eq!(plan.len(), names.len());
        for (at, choice) in plan.iter().enumerate() {
            prop_assert_eq!(&choice.name, &names[at]);
            let stays = at == 0
                || last.as_ref() == Some(&names[at])
                || is_kept(&days, at, daily, |it| it)
                || is_kept(&days, at, weekly, week)
                || is_kept(&days, at, monthly, month);
            prop_assert_eq!(choice.why.is_some(), stays, "{} {:?}", names[at], choice.why);
        }
        // Done again, nothing more goes.
        let kept: Vec<BackupName> = plan.iter().filter(|it| it.why.is_some()).map(|it| it.name.clone()).collect();
        let again = super::backup::plan(&kept, counts, last.as_ref());
        prop_assert!(again.iter().all(|it| it.why.is_some()));
    }
}
