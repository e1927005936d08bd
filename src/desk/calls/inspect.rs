//! What a recording holds: methods, how often and how fast, what failed, what was lost.
//!
//! Always true:
//! - A percentile is a duration that was recorded: the nearest rank, nothing between two.
//! - Nested calls are counted beside the outer ones, and their durations are durations too.
//! - Gaps are no calls.
//!
//! Not here: what a bot did with the answers.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use rust_decimal::Decimal;

use super::recording::{Gap, is_nested, is_role};
use crate::desk::Unread;
use crate::journal::{EntryRef, Journal, ReadError};
use crate::record::field::{JsonObject, Meaning, SessionId};
use crate::record::{CallRecord, SessionRecord};
use crate::time::Timestamp;

/// How many of the commonest errors of a method are kept.
const ERRORS_MAX: usize = 3;

/// What the calls of a journal come to.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Inspection {
    /// All calls.
    pub calls: u64,
    /// Those of them that are outputs.
    pub outputs: u64,
    /// Those of them that were made inside another one.
    pub nested: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// When the first call began.
    pub first: Option<Timestamp>,
    /// When the last call began.
    pub last: Option<Timestamp>,
    /// The second in which most calls began, and how many.
    pub busiest: Option<(Timestamp, u64)>,
    /// Each method, the commonest first.
    pub methods: Vec<MethodSheet>,
    /// How many calls each thread made; nothing is a call that does not say.
    pub threads: BTreeMap<Option<String>, u64>,
    /// Where calls were lost.
    pub gaps: Vec<Gap>,
    /// The runs of bots in that time, and the one that it began in.
    pub runs: Vec<Run>,
    /// What could not be read.
    pub unread: Unread,
}

/// The calls of one method.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MethodSheet {
    /// Its name.
    pub method: String,
    /// All its calls.
    pub calls: u64,
    /// Those that are outputs.
    pub outputs: u64,
    /// Those that were made inside another call.
    pub nested: u64,
    /// Those that failed.
    pub errors: u64,
    /// How long they took.
    pub latency: Latency,
    /// The commonest errors, and how often each came.
    pub error_texts: Vec<(String, u64)>,
}

/// How long calls took, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Latency {
    /// Half of them took no longer.
    pub p50_ns: u64,
    /// 99 of 100 took no longer.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

impl Latency {
    /// Of durations, in no order.
    fn of(mut durations: Vec<u64>) -> Latency {
        durations.sort_unstable();
        let rank = |percent: usize| {
            let rank = (durations.len() * percent).div_ceil(100);
            let found = rank.checked_sub(1).and_then(|it| durations.get(it));
            found.copied().unwrap_or_default()
        };
        Latency {
            p50_ns: rank(50),
            p99_ns: rank(99),
            max_ns: rank(100),
        }
    }
}

/// A run of a bot.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Run {
    /// Its session.
    pub session_id: SessionId,
    /// When it began.
    pub start: Timestamp,
    /// Which market it trades, where its line says so.
    pub market: Option<String>,
    /// What started it.
    pub trigger: Option<String>,
    /// The commit of the program.
    pub git_hash: Option<String>,
    /// The version of the program; without it that of the bot.
    pub version: String,
}

impl Inspection {
    /// Looks at the calls that began from the one time on and before the other, of that method if one is
    /// named. `bad` is told of each line that cannot be read.
    pub fn read(
        journal: &Journal,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        method: Option<&str>,
        mut bad: impl FnMut(ReadError),
    ) -> Inspection {
        let mut reader = journal.read::<CallRecord>();
        if let Some(from) = from {
            reader = reader.from(from);
        }
        if let Some(to) = to {
            reader = reader.to(to);
        }
        let mut found = Gathered::default();
        let mut unread = Unread::default();
        let mut tell = |error: ReadError| {
            unread.count(&error);
            bad(error);
        };
        reader.visit(|entry| {
            match entry {
                Ok(entry) => found.take(&entry, method),
                Err(error) => tell(error),
            }
            ControlFlow::Continue(())
        });
        let runs = runs(journal, from, to, &mut tell);
        Inspection {
            runs,
            unread,
            ..found.sheet()
        }
    }

    /// How many calls were lost, as far as gaps say so.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.gaps.iter().filter_map(|it| it.lost).sum()
    }

    /// How many calls began a second between the first one and the last, to 2 places; nothing where that is
    /// no time.
    #[must_use]
    pub fn calls_per_second(&self) -> Option<Decimal> {
        let nanos = self.last?.unix_nanos() - self.first?.unix_nanos();
        if nanos <= 0 {
            return None;
        }
        let hundredths = i128::from(self.calls).checked_mul(100_000_000_000)?;
        let (whole, rest) = (hundredths / nanos, hundredths % nanos);
        let is_up = nanos < 2 * rest || nanos == 2 * rest && whole % 2 == 1;
        Decimal::try_from_i128_with_scale(whole + i128::from(is_up), 2).ok()
    }
}

/// What was read so far.
#[derive(Default)]
struct Gathered {
    sheet: Inspection,
    methods: HashMap<String, Method>,
    seconds: HashMap<i64, u64>,
    threads: HashMap<Option<String>, u64>,
}

#[derive(Default)]
struct Method {
    outputs: u64,
    nested: u64,
    durations: Vec<u64>,
    errors: HashMap<String, u64>,
}

impl Gathered {
    fn take(&mut self, entry: &EntryRef<'_, CallRecord>, method: Option<&str>) {
        let call = entry.record;
        if is_role(call, "gap") {
            self.sheet.gaps.push(Gap::of(entry.seq(), call));
            return;
        }
        if method.is_some_and(|it| it != call.method()) {
            return;
        }
        let at = call.timestamp();
        let sheet = &mut self.sheet;
        sheet.calls += 1;
        sheet.first = Some(sheet.first.map_or(at, |it| it.min(at)));
        sheet.last = Some(sheet.last.map_or(at, |it| it.max(at)));
        *self.seconds.entry(at.unix_secs()).or_default() += 1;
        match self.threads.get_mut(&call.thread().map(str::to_owned)) {
            Some(count) => *count += 1,
            None => {
                self.threads.insert(call.thread().map(str::to_owned), 1);
            }
        }
        let own = match self.methods.get_mut(call.method()) {
            Some(own) => own,
            None => self.methods.entry(call.method().to_owned()).or_default(),
        };
        own.durations.push(call.duration_ns());
        own.outputs += u64::from(is_role(call, "output"));
        own.nested += u64::from(is_nested(call));
        if let Some(error) = call.error() {
            *own.errors.entry(error.to_owned()).or_default() += 1;
        }
    }

    fn sheet(self) -> Inspection {
        let mut sheet = self.sheet;
        let busiest = self
            .seconds
            .into_iter()
            .max_by_key(|(second, count)| (*count, -second));
        sheet.busiest = busiest.and_then(|it| Some((Timestamp::from_unix(it.0, 0).ok()?, it.1)));
        sheet.threads = self.threads.into_iter().collect();
        sheet.methods = self.methods.into_iter().map(Method::sheet).collect();
        sheet.methods.sort_by(|one, other| {
            other
                .calls
                .cmp(&one.calls)
                .then_with(|| one.method.cmp(&other.method))
        });
        for method in &sheet.methods {
            sheet.outputs += method.outputs;
            sheet.nested += method.nested;
            sheet.errors += method.errors;
        }
        sheet
    }
}

impl Method {
    fn sheet((method, own): (String, Method)) -> MethodSheet {
        let mut texts: Vec<(String, u64)> = own.errors.into_iter().collect();
        texts.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        let errors = texts.iter().map(|it| it.1).sum();
        texts.truncate(ERRORS_MAX);
        MethodSheet {
            method,
            calls: own.durations.len() as u64,
            outputs: own.outputs,
            nested: own.nested,
            errors,
            latency: Latency::of(own.durations),
            error_texts: texts,
        }
    }
}

/// The runs that began in that time, and the last one before it.
fn runs(
    journal: &Journal,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    mut bad: impl FnMut(ReadError),
) -> Vec<Run> {
    let mut runs = Vec::new();
    for entry in journal.read::<SessionRecord>() {
        match entry {
            Ok(entry) => runs.push(Run::of(&entry.record)),
            Err(error) => bad(error),
        }
    }
    runs.sort_by_key(|it| it.start);
    runs.retain(|it| to.is_none_or(|to| it.start < to));
    let begun = from.map_or(0, |from| runs.partition_point(|it| it.start < from));
    runs.split_off(begun.saturating_sub(1))
}

impl Run {
    fn of(session: &SessionRecord) -> Run {
        let metadata = session
            .metadata()
            .map_or(Meaning::Null, JsonObject::meaning);
        let word = |key: &str| {
            metadata
                .member(key)
                .and_then(Meaning::as_word)
                .map(str::to_owned)
        };
        Run {
            session_id: session.session_id(),
            start: session.start_timestamp(),
            market: word("market"),
            trigger: word("trigger"),
            git_hash: word("git_hash"),
            version: word("trader_version").unwrap_or_else(|| session.bot_version().to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let latency = |durations: &[u64]| {
            let found = Latency::of(durations.to_vec());
            (found.p50_ns, found.p99_ns, found.max_ns)
        };
        assert_eq!(latency(&[]), (0, 0, 0));
        assert_eq!(latency(&[7]), (7, 7, 7));
        assert_eq!(latency(&[2, 1]), (1, 2, 2));
        let hundred: Vec<u64> = (1..=100).rev().collect();
        assert_eq!(latency(&hundred), (50, 99, 100));
        let more: Vec<u64> = (1..=101).collect();
        assert_eq!(latency(&more), (51, 100, 101));
    }

    proptest! {
        #[test]
        fn as_many_took_no_longer_as_a_percentile_says(
            durations in prop::collection::vec(0_u64..50, 1..200),
        ) {
            let found = Latency::of(durations.clone());
            for (percent, value) in [(50, found.p50_ns), (99, found.p99_ns), (100, found.max_ns)] {
                let (upto, below) = (
                    durations.iter().filter(|it| **it <= value).count(),
                    durations.iter().filter(|it| **it < value).count(),
                );
                prop_assert!(durations.len() * percent <= upto * 100);
                prop_assert!(below * 100 < durations.len() * percent);
            }
        }
    }
}
