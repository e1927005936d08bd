//! Gaps that wait for an answer.
//!
//! Always true: a gap is asked about until an answer decides it. One that is shorter than the threshold stays
//! `open` and is not asked about.

use std::collections::BTreeMap;
use std::time::Duration;

use super::capture::{CaptureOptions, Task};
use super::proof::{Proof, prove};
use super::track::Ended;
use super::{
    AccountKind, Answer, Fill, Gap, GapId, GapState, Millis, Point, Request, StreamKind, Timing,
};

/// How many questions are out at once.
const OUT_MAX: usize = 4;
/// After how many questions without an answer that decides it is told why.
const TOLD_AT: u32 = 5;

#[derive(Debug)]
struct Waiting {
    gap: Gap,
    before: Vec<Point>,
    /// When it is asked about; nothing while it has not ended.
    due: Option<Duration>,
    tries: u32,
    is_out: bool,
}

#[derive(Debug)]
pub(super) struct Filling {
    waiting: BTreeMap<GapId, Waiting>,
    threshold: Duration,
    timing: Timing,
    /// What a person should know.
    pub(super) notes: Vec<String>,
}

impl Filling {
    pub(super) fn new(options: &CaptureOptions) -> Filling {
        Filling {
            waiting: BTreeMap::new(),
            threshold: options.gap_threshold,
            timing: options.timing.clone(),
            notes: Vec::new(),
        }
    }

    pub(super) fn opened(&mut self, gap: Gap) {
        self.add(gap, None);
    }

    /// A gap of an earlier run, which ended and of which nobody knows yet what can be had.
    pub(super) fn again(&mut self, gap: Gap) {
        let start = gap.last.as_ref().map(|it| it.time).or(gap.from);
        let span = start
            .zip(gap.to)
            .map(|(from, to)| to.0.saturating_sub(from.0));
        let is_long =
            |it: i64| i64::try_from(self.threshold.as_millis()).is_ok_and(|min| min <= it);
        if gap.stream.kind == StreamKind::Trades && span.is_none_or(is_long) {
            self.add(gap, Some(self.timing.settle));
        }
    }

    fn add(&mut self, gap: Gap, due: Option<Duration>) {
        let waiting = Waiting {
            gap,
            before: Vec::new(),
            due,
            tries: 0,
            is_out: false,
        };
        self.waiting.insert(waiting.gap.id, waiting);
    }

    /// A gap has ended: what is known about it at once, and when it is asked about.
    pub(super) fn ended(&mut self, ended: Ended, kind: StreamKind, now: Duration) -> Vec<Fill> {
        let Ended { end, span, before } = ended;
        let id = end.id;
        match kind {
            StreamKind::Trades if self.threshold <= span => {
                if let Some(waiting) = self.waiting.get_mut(&id) {
                    waiting.gap.from = end.from;
                    waiting.gap.to = end.to;
                    waiting.gap.first = end.first;
                    waiting.before = before;
                    waiting.due = Some(now.saturating_add(self.timing.settle));
                }
                Vec::new()
            }
            StreamKind::Trades => {
                self.waiting.remove(&id);
                Vec::new()
            }
            StreamKind::Ticker | StreamKind::Account(_) => {
                self.waiting.remove(&id);
                vec![Fill {
                    id,
                    state: GapState::Unfillable,
                    call: String::new(),
                    trades: Vec::new(),
                    rows: Vec::new(),
                    rest: Some((end.from, end.to)),
                    detail: Some("no request tells what a ticker was".to_owned()),
                }]
            }
        }
    }

    /// A gap of the account, which was read until its end and some time after.
    pub(super) fn account(&mut self, ended: &Ended, kind: AccountKind) -> Fill {
        let end = &ended.end;
        self.waiting.remove(&end.id);
        let (state, call, detail) = match kind {
            AccountKind::Execution => (GapState::Filled, "GET /v5/execution/list", None),
            AccountKind::Order => (
                GapState::Partly,
                "GET /v5/order/realtime, GET /v5/order/history",
                Some("how orders stand is known; what they went through meanwhile is not"),
            ),
            AccountKind::Position => (
                GapState::Partly,
                "GET /v5/position/list",
                Some("what positions stand at is known; what they went through meanwhile is not"),
            ),
            AccountKind::Wallet => (
                GapState::Partly,
                "GET /v5/account/wallet-balance",
                Some("what the wallet has is known; what it went through meanwhile is not"),
            ),
        };
        Fill {
            id: end.id,
            state,
            call: call.to_owned(),
            trades: Vec::new(),
            rows: Vec::new(),
            rest: (state != GapState::Filled).then_some((end.from, end.to)),
            detail: detail.map(str::to_owned),
        }
    }

    /// Questions that have become due.
    pub(super) fn due(&mut self, now: Duration) -> Vec<Task> {
        let out = self.waiting.values().filter(|it| it.is_out).count();
        let is_due = |it: &&mut Waiting| !it.is_out && it.due.is_some_and(|it| it <= now);
        let due = self.waiting.values_mut().filter(is_due);
        due.take(OUT_MAX.saturating_sub(out))
            .filter_map(|it| {
                it.is_out = true;
                let stream = &it.gap.stream;
                let request = Request::recent_trades(stream.category?, &stream.symbol);
                Some(Task::Fill(it.gap.id, request))
            })
            .collect()
    }

    /// An answer came, or none.
    pub(super) fn answered(
        &mut self,
        id: GapId,
        answer: Result<Answer, String>,
        now: Duration,
    ) -> Vec<Fill> {
        let Some(waiting) = self.waiting.get_mut(&id) else {
            return Vec::new();
        };
        waiting.is_out = false;
        let gap = &waiting.gap;
        let category = gap.stream.category;
        let call = "GET /v5/market/recent-trade";
        let trades = answer.and_then(|answer| {
            let category = category.ok_or("it has no market")?;
            answer.trades(category).map_err(|it| it.to_string())
        });
        let why = match trades.map(|it| prove(gap, &waiting.before, it, call)) {
            Ok(Proof::Done(fill)) => {
                self.waiting.remove(&id);
                return vec![*fill];
            }
            Ok(Proof::Later(why)) => why.to_owned(),
            Err(why) => why,
        };
        if waiting.tries == TOLD_AT {
            let (id, stream) = (id.0, &gap.stream);
            self.notes
                .push(format!("gap {id}, {stream}, is not filled yet: {why}"));
        }
        waiting.due = Some(now.saturating_add(pause(&self.timing, waiting.tries)));
        waiting.tries = waiting.tries.saturating_add(1);
        Vec::new()
    }
}

/// How long a question waits that had no answer so many times.
pub(super) fn pause(timing: &Timing, tries: u32) -> Duration {
    let factor = 1_u32.checked_shl(tries).unwrap_or(u32::MAX);
    timing
        .retry_max
        .min(timing.retry_first.saturating_mul(factor))
}

/// An instant so much earlier.
pub(super) fn before(time: Millis, span: Duration) -> Millis {
    let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Millis(time.0.saturating_sub(span))
}
