//! Two recordings of a bot, call by call: where they part, and in how many calls.
//!
//! Always true:
//! - Calls are compared in the order of each thread, since threads overtake one another. Threads are
//!   paired by name, those that are left in the order in which they appear.
//! - JSON is compared by what it says, an error by its text. Times are compared only within a tolerance.
//! - Every call of both sides is counted once, a pair as one.
//!
//! Not here: which call is which ([`super::align`]).

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::align::{Identity, Step, align};
use super::recording::{Call, Recording};
use super::rules::{Part, Rules};
use crate::record::CallRecord;
use crate::record::field::{Json, JsonObject, Meaning};
use crate::time::Timestamp;

/// How many changes of one call are told.
const CHANGES_MAX: usize = 12;

/// In what two recordings differ.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Comparison<'a> {
    /// All calls that were compared.
    pub counts: Counts,
    /// The same by method.
    pub by_method: BTreeMap<&'a str, Counts>,
    /// Where the recordings part.
    pub first: Option<Divergence<'a>>,
    /// The first output that differs.
    pub first_output: Option<Divergence<'a>>,
}

/// How many calls are what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Equal pairs.
    pub same: u64,
    /// Pairs of one method with different arguments.
    pub args: u64,
    /// Pairs with the same arguments, of which something else came back.
    pub result: u64,
    /// Pairs that are equal but for their times.
    pub time: u64,
    /// Calls that only the first recording has.
    pub only_in_a: u64,
    /// Calls that only the second one has.
    pub only_in_b: u64,
}

impl Counts {
    /// How many of them are no equal pair.
    #[must_use]
    pub fn different(&self) -> u64 {
        self.args + self.result + self.time + self.only_in_a + self.only_in_b
    }

    fn note(&mut self, kind: Option<Kind>) {
        *match kind {
            None => &mut self.same,
            Some(Kind::Args) => &mut self.args,
            Some(Kind::Result) => &mut self.result,
            Some(Kind::Time) => &mut self.time,
            Some(Kind::OnlyInA) => &mut self.only_in_a,
            Some(Kind::OnlyInB) => &mut self.only_in_b,
        } += 1;
    }
}

/// How a call differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// In its arguments.
    Args,
    /// In what came back.
    Result,
    /// In its time or its duration.
    Time,
    /// The second recording has no such call.
    OnlyInA,
    /// The first recording has no such call.
    OnlyInB,
}

impl Kind {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Args => "args",
            Kind::Result => "result",
            Kind::Time => "time",
            Kind::OnlyInA => "only_in_a",
            Kind::OnlyInB => "only_in_b",
        }
    }
}

/// A place where recordings differ.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Divergence<'a> {
    /// How.
    pub kind: Kind,
    /// The call of the first recording; where it has none, the one that it has there.
    pub a: Option<&'a Call>,
    /// The same of the second one.
    pub b: Option<&'a Call>,
    /// The last equal calls before it in its thread.
    pub after: Option<(&'a Call, &'a Call)>,
    /// What differs in the call, the first few of it.
    pub changes: Vec<Change>,
}

/// One value that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Where in the call, such as `result.price`.
    pub path: String,
    /// What the first recording has, if anything.
    pub a: Option<String>,
    /// What the second one has, if anything.
    pub b: Option<String>,
}

/// Compares them: `a` is what is expected.
#[must_use]
pub fn compare<'a>(a: &'a Recording, b: &'a Recording, rules: &Rules) -> Comparison<'a> {
    let mut known = Known {
        rules,
        parts: HashMap::new(),
        methods: HashMap::new(),
        meanings: HashMap::new(),
        whole: HashMap::new(),
    };
    let (a, b) = (threads(a, rules), threads(b, rules));
    let mut found = Comparison {
        counts: Counts::default(),
        by_method: BTreeMap::new(),
        first: None,
        first_output: None,
    };
    let mut order = Order::default();
    let mut start = None;
    for (left, right) in paired(a, b) {
        let identities = |side: &[Placed<'a>], known: &mut Known<'a, '_>| -> Vec<Identity> {
            side.iter()
                .map(|it| known.identity(&it.call.record))
                .collect()
        };
        let ids = (
            identities(&left, &mut known),
            identities(&right, &mut known),
        );
        let steps = align(&ids.0, &ids.1);
        let thread = Thread {
            left: &left,
            right: &right,
            ids: &ids,
            rules,
        };
        thread.tell(&steps, &mut start, &mut found, &mut order);
    }
    found
}

/// A call, and how many calls its recording has before it.
#[derive(Clone, Copy)]
struct Placed<'a> {
    call: &'a Call,
    place: usize,
}

/// The calls of a recording by thread, in the order in which these appear.
type Threads<'a> = Vec<(Option<&'a str>, Vec<Placed<'a>>)>;

/// The calls that are compared.
fn threads<'a>(recording: &'a Recording, rules: &Rules) -> Threads<'a> {
    let mut threads: Threads<'_> = Vec::new();
    let mut known: HashMap<Option<&str>, usize> = HashMap::new();
    let is_one = rules.ignores(Part::Thread);
    let calls = recording.calls.iter().enumerate();
    for (place, call) in calls.filter(|it| !rules.outputs_only || it.1.is_output()) {
        let name = call.record.thread().filter(|_| !is_one);
        let index = *known.entry(name).or_insert_with(|| {
            threads.push((name, Vec::new()));
            threads.len() - 1
        });
        if let Some(thread) = threads.get_mut(index) {
            thread.1.push(Placed { call, place });
        }
    }
    threads
}

/// Which threads are compared with which.
fn paired<'a>(a: Threads<'a>, b: Threads<'a>) -> Vec<(Vec<Placed<'a>>, Vec<Placed<'a>>)> {
    let mut rest: Vec<Option<(Option<&str>, Vec<Placed<'_>>)>> = b.into_iter().map(Some).collect();
    let mut pairs = Vec::new();
    let mut alone = Vec::new();
    for (name, calls) in a {
        let same = rest
            .iter_mut()
            .find(|it| it.as_ref().is_some_and(|it| it.0 == name));
        match same.and_then(Option::take) {
            Some((_, others)) => pairs.push((calls, others)),
            None => alone.push(calls),
        }
    }
    let mut rest = rest.into_iter().flatten().map(|it| it.1);
    pairs.extend(
        alone
            .into_iter()
            .map(|it| (it, rest.next().unwrap_or_default())),
    );
    pairs.extend(rest.map(|it| (Vec::new(), it)));
    pairs
}

/// Where the earliest divergences are that were found so far.
#[derive(Default)]
struct Order {
    first: Option<usize>,
    first_output: Option<usize>,
}

/// The calls of one thread, on both sides.
struct Thread<'a, 'b> {
    left: &'b [Placed<'a>],
    right: &'b [Placed<'a>],
    ids: &'b (Vec<Identity>, Vec<Identity>),
    rules: &'b Rules,
}

impl<'a> Thread<'a, '_> {
    fn tell(
        &self,
        steps: &[Step],
        start: &mut Option<(Timestamp, Timestamp)>,
        found: &mut Comparison<'a>,
        order: &mut Order,
    ) {
        let mut after = None;
        let (mut i, mut j) = (0, 0);
        for step in steps {
            let (a, b) = (self.left.get(i), self.right.get(j));
            let kind = match *step {
                Step::Both(one, other) => {
                    (i, j) = (one + 1, other + 1);
                    self.kind(one, other, start)
                }
                Step::Left(one) => {
                    i = one + 1;
                    Some(Kind::OnlyInA)
                }
                Step::Right(other) => {
                    j = other + 1;
                    Some(Kind::OnlyInB)
                }
            };
            let own = match kind {
                Some(Kind::OnlyInB) => b,
                _ => a,
            };
            let Some(own) = own else { continue };
            found.counts.note(kind);
            let counts = found.by_method.entry(own.call.record.method());
            counts.or_default().note(kind);
            let Some(kind) = kind else {
                after = a.zip(b).map(|(a, b)| (a.call, b.call));
                continue;
            };
            // Recordings have no common clock: the place in the first one says what is earlier.
            let place = a.map_or(usize::MAX, |it| it.place);
            let is_output = own.call.is_output()
                || b.is_some_and(|it| it.call.is_output() && kind == Kind::Args);
            let is_first = order.first.is_none_or(|it| place < it);
            let is_first_output = is_output && order.first_output.is_none_or(|it| place < it);
            if !is_first && !is_first_output {
                continue;
            }
            let divergence = self.divergence(kind, a, b, after, *start);
            if is_first {
                order.first = Some(place);
                found.first = Some(divergence.clone());
            }
            if is_first_output {
                order.first_output = Some(place);
                found.first_output = Some(divergence);
            }
        }
    }

    /// How two calls differ that are one.
    fn kind(&self, i: usize, j: usize, start: &mut Option<(Timestamp, Timestamp)>) -> Option<Kind> {
        let (one, other) = (self.ids.0.get(i)?, self.ids.1.get(j)?);
        let (a, b) = (
            &self.left.get(i)?.call.record,
            &self.right.get(j)?.call.record,
        );
        let start = *start.get_or_insert((a.timestamp(), b.timestamp()));
        if one.key != other.key {
            return Some(Kind::Args);
        }
        if one.whole != other.whole {
            return Some(Kind::Result);
        }
        let tolerance = self.rules.time_tolerance?;
        let is_late = Times::of(a, start.0).is_apart(Times::of(b, start.1), tolerance);
        is_late.then_some(Kind::Time)
    }

    fn divergence(
        &self,
        kind: Kind,
        a: Option<&Placed<'a>>,
        b: Option<&Placed<'a>>,
        after: Option<(&'a Call, &'a Call)>,
        start: Option<(Timestamp, Timestamp)>,
    ) -> Divergence<'a> {
        let (a, b) = (a.map(|it| it.call), b.map(|it| it.call));
        let mut changes = Vec::new();
        if let (Some(a), Some(b)) = (a, b)
            && !matches!(kind, Kind::OnlyInA | Kind::OnlyInB)
        {
            let tolerance = start.zip(self.rules.time_tolerance);
            changes = changes_of(&a.record, &b.record, kind, self.rules, tolerance);
        }
        Divergence {
            kind,
            a,
            b,
            after,
            changes,
        }
    }
}

/// When a call was after the first one, and how long it took.
#[derive(Clone, Copy)]
struct Times {
    since: i128,
    took: i128,
}

impl Times {
    fn of(call: &CallRecord, start: Timestamp) -> Times {
        Times {
            since: call.timestamp().unix_nanos() - start.unix_nanos(),
            took: i128::from(call.duration_ns()),
        }
    }

    fn is_apart(self, other: Times, tolerance: Duration) -> bool {
        is_apart(self.since, other.since, tolerance) || is_apart(self.took, other.took, tolerance)
    }
}

fn is_apart(one: i128, other: i128, tolerance: Duration) -> bool {
    tolerance.as_nanos() < one.abs_diff(other)
}

/// Numbers for what calls say, so that two calls are compared as numbers.
struct Known<'a, 'r> {
    rules: &'r Rules,
    /// Each text of a part, so that it is read once.
    parts: HashMap<(Part, &'a str), u32>,
    methods: HashMap<&'a str, u32>,
    meanings: HashMap<(Part, String), u32>,
    whole: HashMap<[u32; 3], u32>,
}

impl<'a> Known<'a, '_> {
    fn identity(&mut self, call: &'a CallRecord) -> Identity {
        let args = self.part(Part::Args, call.args().as_str(), || call.args().meaning());
        let kwargs = self.part(Part::Kwargs, call.kwargs().as_str(), || {
            call.kwargs().meaning()
        });
        let outcome = match (call.error(), call.result()) {
            (Some(error), _) => self.part(Part::Error, error, || Meaning::Text(error.into())),
            (None, Some(result)) => self.part(Part::Result, result.as_str(), || result.meaning()),
            (None, None) => self.part(Part::Result, "null", || Meaning::Null),
        };
        let method = self.method(call.method());
        let key = self.group([method, args, kwargs]);
        let whole = self.group([key, outcome, u32::MAX]);
        Identity { whole, key, method }
    }

    fn method(&mut self, method: &'a str) -> u32 {
        let next = self.next();
        *self.methods.entry(method).or_insert(next)
    }

    fn part(&mut self, part: Part, text: &'a str, meaning: impl FnOnce() -> Meaning) -> u32 {
        if let Some(number) = self.parts.get(&(part, text)) {
            return *number;
        }
        let compared = self.rules.compared(part, meaning()).to_string();
        let next = self.next();
        let number = *self.meanings.entry((part, compared)).or_insert(next);
        self.parts.insert((part, text), number);
        number
    }

    fn group(&mut self, parts: [u32; 3]) -> u32 {
        let next = self.next();
        *self.whole.entry(parts).or_insert(next)
    }

    fn next(&self) -> u32 {
        let count = self.methods.len() + self.meanings.len() + self.whole.len();
        u32::try_from(count).unwrap_or(u32::MAX - 1)
    }
}

/// What differs in two calls that are one.
fn changes_of(
    a: &CallRecord,
    b: &CallRecord,
    kind: Kind,
    rules: &Rules,
    tolerance: Option<((Timestamp, Timestamp), Duration)>,
) -> Vec<Change> {
    let mut changes = Changes(Vec::new());
    let compared = |part: Part, call: &CallRecord| {
        let meaning = match part {
            Part::Kwargs => JsonObject::meaning(call.kwargs()),
            part => part.json(call).map_or(Meaning::Null, Json::meaning),
        };
        rules.compared(part, meaning)
    };
    for part in [Part::Args, Part::Kwargs, Part::Result] {
        let has_failed = part == Part::Result && (a.error().is_some() || b.error().is_some());
        if !has_failed {
            changes.compare(part.name(), &compared(part, a), &compared(part, b));
        }
    }
    let outcome = |call: &CallRecord| {
        (
            call.error().map(str::to_owned),
            call.result().map(Json::to_string),
        )
    };
    let (one, other) = (outcome(a), outcome(b));
    match (&one.0, &other.0) {
        (Some(a), Some(b)) if rules.ignores(Part::Error) || a == b => {}
        (Some(_), Some(_)) => changes.push("error", one.0, other.0),
        (Some(_), None) => {
            changes.push("error", one.0, None);
            changes.push(
                "result",
                None,
                Some(other.1.unwrap_or_else(|| "null".to_owned())),
            );
        }
        (None, Some(_)) => {
            changes.push(
                "result",
                Some(one.1.unwrap_or_else(|| "null".to_owned())),
                None,
            );
            changes.push("error", None, other.0);
        }
        (None, None) => {}
    }
    if let Some((start, tolerance)) = tolerance.filter(|_| kind == Kind::Time) {
        let (one, other) = (Times::of(a, start.0), Times::of(b, start.1));
        let text = |number: i128| Some(format!("{number} ns"));
        if is_apart(one.since, other.since, tolerance) {
            changes.push("since the first call", text(one.since), text(other.since));
        }
        if is_apart(one.took, other.took, tolerance) {
            changes.push("duration", text(one.took), text(other.took));
        }
    }
    changes.0
}

/// The first few values that differ.
struct Changes(Vec<Change>);

impl Changes {
    fn push(&mut self, path: &str, a: Option<String>, b: Option<String>) {
        if self.0.len() < CHANGES_MAX {
            let path = path.to_owned();
            self.0.push(Change { path, a, b });
        }
    }

    fn compare(&mut self, path: &str, a: &Meaning, b: &Meaning) {
        if a == b || CHANGES_MAX <= self.0.len() {
            return;
        }
        match (a, b) {
            (Meaning::List(a), Meaning::List(b)) => {
                for index in 0..a.len().max(b.len()) {
                    self.both(&format!("{path}.{index}"), a.get(index), b.get(index));
                }
            }
            (Meaning::Object(one), Meaning::Object(other)) => {
                let mut keys: Vec<&str> = one.iter().chain(other.iter()).map(|it| it.0).collect();
                keys.sort_unstable();
                keys.dedup();
                let before = self.0.len();
                for key in keys {
                    self.both(&format!("{path}.{key}"), a.member(key), b.member(key));
                }
                // Of a key that is there twice only the first was looked at.
                if before == self.0.len() {
                    self.push(path, Some(a.to_string()), Some(b.to_string()));
                }
            }
            (a, b) => self.push(path, Some(a.to_string()), Some(b.to_string())),
        }
    }

    fn both(&mut self, path: &str, a: Option<&Meaning>, b: Option<&Meaning>) {
        match (a, b) {
            (Some(a), Some(b)) => self.compare(path, a, b),
            (a, b) => self.push(path, a.map(Meaning::to_string), b.map(Meaning::to_string)),
        }
    }
}
