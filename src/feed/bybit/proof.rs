//! Whether an answer fills a gap of public trades.
//!
//! The request tells the newest trades and nothing else: no time, no page. It is contiguous, so that what it
//! has on both sides of a gap is proof that it has all between.
//!
//! Always true: `Filled` is said only of an answer that has the last trade before the gap, one that is old
//! enough that nothing overtook it, and the first trade after. Of a gap with nothing before it, one whose
//! oldest trade is older than the gap.

use std::collections::HashSet;

use super::{Fill, Gap, GapState, Point, Trade};

/// What an answer says about a gap.
#[derive(Debug)]
pub(super) enum Proof {
    /// As far as it can be known.
    Done(Box<Fill>),
    /// It lags behind the socket: to be asked again.
    Later(&'static str),
}

/// Holds an answer, in any order, against a gap that has ended. `before` are trades before it that are known.
pub(super) fn prove(gap: &Gap, before: &[Point], mut answer: Vec<Trade>, call: &str) -> Proof {
    let (from, Some(to), Some(first)) = (gap.from, gap.to, &gap.first) else {
        return Proof::Later("the gap has not ended");
    };
    answer.sort_by_key(|it| it.time);
    let Some(oldest) = answer.first().map(|it| it.time) else {
        return Proof::Later("the answer has no trades");
    };
    let ids: HashSet<&str> = answer.iter().map(Trade::id).collect();
    let has = |it: &Point| ids.contains(&*it.id);
    let is_past = first.time < oldest;
    if !has(first) && !is_past {
        return Proof::Later("the answer does not have the first trade after the gap yet");
    }
    let done = |state, trades, rest, detail: Option<&str>| {
        Proof::Done(Box::new(Fill {
            id: gap.id,
            state,
            call: call.to_owned(),
            trades,
            rows: Vec::new(),
            rest,
            detail: detail.map(str::to_owned),
        }))
    };
    let whole = Some((from, Some(to)));
    if is_past {
        let why = "what the exchange still tells begins after the gap";
        return done(GapState::Unfillable, Vec::new(), whole, Some(why));
    }
    let known = || before.iter().chain(&gap.last);
    // Strictly: of an instant that is the oldest of the answer, some trades may not be in it.
    let in_reach = |it: &&Point| oldest < it.time;
    if let Some(other) = known().filter(in_reach).find(|it| !has(it)) {
        let why = format!(
            "the answer does not have the trade {}, which the socket told",
            other.id
        );
        return done(GapState::Unfillable, Vec::new(), whole, Some(&why));
    }
    let is_between = |it: &Trade| from.is_none_or(|from| from <= it.time) && it.time <= to;
    let is_behind = |it: &Point| from.is_some_and(|from| it.time <= from);
    let is_older = from.is_some_and(|from| oldest < from);
    let reaches = match &gap.last {
        Some(last) => has(last) && (is_older || known().any(|it| is_behind(it) && has(it))),
        None => is_older,
    };
    let trades: Vec<Trade> = answer.iter().filter(|it| is_between(it)).cloned().collect();
    if reaches {
        return done(GapState::Filled, trades, None, None);
    }
    let rest = Some((from, Some(oldest)));
    let why = "what the exchange still tells does not reach back to the last trade";
    done(GapState::Partly, trades, rest, Some(why))
}

#[cfg(test)]
mod tests {
    use super::{Proof, prove};
    use crate::feed::bybit::trade::RawTrade;
    use crate::feed::bybit::{
        Category, Cause, Fill, Gap, GapId, GapState, Millis, Point, Stream, StreamKind, Trade,
    };

    fn trade(time: i64) -> Trade {
        let json =
            format!(r#"{{"time":{time},"side":"Buy","price":"1","size":"1","execId":"t{time}"}}"#);
        let raw: RawTrade<'_> = serde_json::from_str(&json).unwrap();
        raw.trade(Category::Linear, "BTCUSDT".into()).unwrap()
    }

    fn point(time: i64) -> Point {
        let id = format!("t{time}").into();
        Point {
            time: Millis(time),
            id,
        }
    }

    /// After 20, before 50; from 10 on something may be missing.
    fn gap() -> Gap {
        Gap {
            id: GapId(1),
            stream: Stream {
                kind: StreamKind::Trades,
                category: Some(Category::Linear),
                symbol: "BTCUSDT".into(),
            },
            cause: Cause::Disconnect,
            detail: String::new(),
            declared: Millis(0),
            from: Some(Millis(10)),
            last: Some(point(20)),
            to: Some(Millis(60)),
            first: Some(point(50)),
            state: GapState::Open,
            rows: 0,
            filled_by: None,
            rest: None,
        }
    }

    fn proof(times: impl IntoIterator<Item = i64>) -> Result<Fill, &'static str> {
        let answer = times.into_iter().map(trade).collect();
        match prove(&gap(), &[point(10)], answer, "call") {
            Proof::Done(fill) => Ok(*fill),
            Proof::Later(why) => Err(why),
        }
    }

    #[test]
    fn an_answer_with_both_sides_fills_it() {
        let fill = proof([70, 50, 40, 30, 20, 10, 5]).unwrap();
        assert_eq!(fill.state, GapState::Filled);
        let times: Vec<i64> = fill.trades.iter().map(|it| it.time.0).collect();
        assert_eq!(times, [10, 20, 30, 40, 50]);
    }

    #[test]
    fn an_answer_that_does_not_reach_back_fills_a_part_and_names_the_rest() {
        let fill = proof([70, 50, 40]).unwrap();
        assert_eq!(fill.state, GapState::Partly);
        assert_eq!(fill.rest, Some((Some(Millis(10)), Some(Millis(40)))));
        // The last trade is there, and the one before it, which nothing can have overtaken, is not.
        assert_eq!(proof([50, 40, 20]).unwrap().state, GapState::Partly);
        let fill = proof([90, 80]).unwrap();
        assert_eq!((fill.state, fill.trades.len()), (GapState::Unfillable, 0));
    }

    #[test]
    fn of_a_gap_that_nobody_knows_the_beginning_of_a_part_is_filled() {
        let mut gap = gap();
        (gap.from, gap.last) = (None, None);
        let answer = [50, 40, 5].map(trade).to_vec();
        let Proof::Done(fill) = prove(&gap, &[], answer, "call") else {
            panic!("it is decided");
        };
        assert_eq!((fill.state, fill.trades.len()), (GapState::Partly, 3));
        assert_eq!(fill.rest, Some((None, Some(Millis(5)))));
    }

    #[test]
    fn an_answer_that_lags_is_asked_for_again() {
        assert!(proof([]).is_err());
        assert!(proof([40, 30, 20, 10]).is_err());
    }

    #[test]
    fn an_answer_with_other_ids_is_no_proof_and_brings_nothing() {
        let fill = proof([50, 40, 19, 10, 5]).unwrap();
        assert_eq!((fill.state, fill.trades.len()), (GapState::Unfillable, 0));
        assert!(fill.detail.unwrap().contains("t20"));
    }
}
