//! How a capture stands, as its database tells it, and what of that needs a person.
//!
//! Always true: what can never be had is no alarm; a person could do nothing about it.
//!
//! Not here: how it is printed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tradejournal::driver::sqlite::{GapFilter, KeptGap, KeptRun, SqliteOptions, SqliteReader};
use tradejournal::feed::bybit::{AccountKind, GapState, Millis, RunId, StoreError, StreamKind};

use super::time;
use crate::words::counted;

/// How long a gap may be open.
const OPEN_MAX: Duration = Duration::from_secs(3600);
/// How long it is an alarm that something was missed for good.
const LOST_AGE_MAX: Duration = Duration::from_secs(86_400);
/// How long a run that runs may hear nothing.
const QUIET_MAX: Duration = Duration::from_secs(600);

/// What `--json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Standing {
    pub(super) database: String,
    /// A capture has it now.
    pub(super) running: bool,
    pub(super) runs: u64,
    pub(super) last_run: Option<LastRun>,
    pub(super) tables: BTreeMap<&'static str, u64>,
    pub(super) newest: Vec<Newest>,
    pub(super) gaps: Vec<Gaps>,
    pub(super) database_bytes: u64,
    pub(super) wal_bytes: u64,
    pub(super) free_bytes: u64,
    /// What needs a person.
    pub(super) wrong: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct LastRun {
    pub(super) run: i64,
    pub(super) status: String,
    pub(super) started: String,
    pub(super) ended: Option<String>,
    /// When the last thing came that it wrote.
    pub(super) heard: Option<String>,
    pub(super) error: Option<String>,
    pub(super) version: String,
    pub(super) testnet: bool,
    pub(super) account: bool,
}

/// The newest row of a kind of stream.
#[derive(Debug, Serialize)]
pub(super) struct Newest {
    pub(super) kind: &'static str,
    pub(super) stream: String,
    pub(super) time: String,
}

/// How many gaps have that state and that cause.
#[derive(Debug, Serialize)]
pub(super) struct Gaps {
    pub(super) state: &'static str,
    pub(super) cause: &'static str,
    pub(super) count: u64,
}

/// Looks at a database.
pub(super) fn of(path: &Path, now: Millis) -> Result<Standing, StoreError> {
    let reader = SqliteReader::open(path, SqliteOptions::default())?;
    let runs = reader.runs()?;
    let gaps = reader.gaps(&GapFilter::default())?;
    let tables = reader.counts()?.into_iter();
    let running = reader.is_being_written();
    let size = reader.size();
    Ok(Standing {
        database: path.display().to_string(),
        running,
        runs: runs.len() as u64,
        last_run: runs.last().map(last_run),
        tables: tables.map(|it| (it.table, it.rows)).collect(),
        newest: newest(&reader)?,
        gaps: counts(&gaps),
        database_bytes: size.bytes,
        wal_bytes: size.wal_bytes,
        free_bytes: size.free_bytes,
        wrong: wrong(&runs, &gaps, running, now),
    })
}

fn last_run(run: &KeptRun) -> LastRun {
    LastRun {
        run: run.id.0,
        status: run.status.clone(),
        started: time(run.started),
        ended: run.ended.map(time),
        heard: run.heard.map(time),
        error: run.error.clone(),
        version: run.version.clone(),
        testnet: run.is_testnet,
        account: run.has_account,
    }
}

fn newest(reader: &SqliteReader) -> Result<Vec<Newest>, StoreError> {
    let mut kinds = BTreeMap::new();
    for (stream, point) in reader.newest()? {
        let newest = kinds
            .entry(stream.kind)
            .or_insert((point.time, stream.clone()));
        if newest.0 < point.time {
            *newest = (point.time, stream);
        }
    }
    let rows = kinds.into_iter().map(|(kind, (at, stream))| Newest {
        kind: kind.as_str(),
        stream: stream.to_string(),
        time: time(at),
    });
    Ok(rows.collect())
}

fn counts(gaps: &[KeptGap]) -> Vec<Gaps> {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for KeptGap { gap, .. } in gaps {
        let key = (gap.state.as_str(), gap.cause.as_str());
        *counts.entry(key).or_default() += 1;
    }
    let rows = counts.into_iter();
    rows.map(|((state, cause), count)| Gaps {
        state,
        cause,
        count,
    })
    .collect()
}

/// What needs a person.
fn wrong(runs: &[KeptRun], gaps: &[KeptGap], running: bool, now: Millis) -> Vec<String> {
    let mut wrong: Vec<String> = Vec::new();
    wrong.extend(runs.last().and_then(|it| of_run(it, running, now)));
    let thresholds: BTreeMap<RunId, i64> = runs.iter().map(|it| (it.id, threshold(it))).collect();
    let is_short = |it: &&KeptGap| {
        let threshold = thresholds.get(&RunId(it.run)).copied().unwrap_or_default();
        is_short(it, threshold)
    };
    let open = gaps.iter().filter(|it| it.gap.state == GapState::Open);
    let open = open.filter(|it| is_old(it.gap.declared, now, OPEN_MAX) && !is_short(it));
    let open: Vec<&KeptGap> = open.collect();
    if let Some(oldest) = open.iter().map(|it| it.gap.declared).min() {
        let count = counted(open.len() as u64, "gap has", "gaps have");
        let since = time(oldest);
        wrong.push(format!(
            "{count} been open for more than an hour, the oldest since {since}"
        ));
    }
    let lost = gaps.iter().filter(is_lost);
    let lost = lost.filter(|it| !is_old(it.gap.declared, now, LOST_AGE_MAX));
    let lost: Vec<&KeptGap> = lost.collect();
    if let Some(newest) = lost.last() {
        let count = counted(lost.len() as u64, "gap", "gaps");
        wrong.push(format!(
            "{count} of the last day could not be filled: the last of {}, at {}",
            newest.gap.stream,
            time(newest.gap.declared)
        ));
    }
    wrong
}

fn of_run(run: &KeptRun, running: bool, now: Millis) -> Option<String> {
    let number = run.id.0;
    let heard = match run.heard {
        Some(heard) => format!("the last that it wrote came at {}", time(heard)),
        None => "it wrote nothing".to_owned(),
    };
    match run.status.as_str() {
        "crashed" => Some(format!("run {number} did not end by itself: {heard}")),
        "error" => {
            let error = run
                .error
                .as_deref()
                .unwrap_or("an error that nobody wrote down");
            Some(format!("run {number} ended by an error: {error}"))
        }
        "running" if !running => Some(format!(
            "run {number} did not end, and its process is gone: {heard}; the next run asks for what is missing"
        )),
        "running" if is_old(run.heard.unwrap_or(run.started), now, QUIET_MAX) => {
            Some(format!("run {number} runs, and nothing comes: {heard}"))
        }
        _ => None,
    }
}

fn is_old(at: Millis, now: Millis, max: Duration) -> bool {
    let max = i64::try_from(max.as_millis()).unwrap_or(i64::MAX);
    max < now.0.saturating_sub(at.0)
}

/// Gaps that are shorter are not asked for, in milliseconds: as the run was told.
fn threshold(run: &KeptRun) -> i64 {
    let config: Value = serde_json::from_str(&run.config).unwrap_or_default();
    let secs = config.get("gap_threshold_seconds").and_then(Value::as_f64);
    let span = secs.and_then(|it| Duration::try_from_secs_f64(it).ok());
    i64::try_from(span.unwrap_or_default().as_millis()).unwrap_or_default()
}

/// Whether it ended, and is too short to be asked for.
fn is_short(kept: &KeptGap, threshold: i64) -> bool {
    let gap = &kept.gap;
    let start = gap.last.as_ref().map(|it| it.time).or(gap.from);
    let end = gap.first.as_ref().map(|it| it.time).or(gap.to);
    let span = start.zip(end).map(|(from, to)| to.0.saturating_sub(from.0));
    kept.tries == 0 && span.is_some_and(|it| it < threshold)
}

/// Whether something is missing for good that could have been had.
fn is_lost(kept: &&KeptGap) -> bool {
    let kind = kept.gap.stream.kind;
    let could_be_had = matches!(
        kind,
        StreamKind::Trades | StreamKind::Account(AccountKind::Execution)
    );
    could_be_had && matches!(kept.gap.state, GapState::Partly | GapState::Unfillable)
}

#[cfg(test)]
mod tests {
    use tradejournal::feed::bybit::{Category, Cause, Gap, GapId, Stream};

    use super::*;

    const NOW: Millis = Millis(1_700_000_000_000);
    const MINUTE: i64 = 60_000;

    fn run(status: &str, heard: Option<i64>) -> KeptRun {
        KeptRun {
            id: RunId(1),
            status: status.to_owned(),
            started: Millis(NOW.0 - 600 * MINUTE),
            ended: None,
            heard: heard.map(|it| Millis(NOW.0 - it * MINUTE)),
            error: None,
            version: "1".to_owned(),
            is_testnet: false,
            has_account: false,
            streams: Vec::new(),
            config: "{\"gap_threshold_seconds\":5.0}".to_owned(),
        }
    }

    fn gap(kind: StreamKind, state: GapState, minutes: i64, millis: Option<i64>) -> KeptGap {
        let declared = Millis(NOW.0 - minutes * MINUTE);
        let gap = Gap {
            id: GapId(1),
            stream: Stream {
                kind,
                category: Some(Category::Linear),
                symbol: "BTCUSDT".into(),
            },
            cause: Cause::Disconnect,
            detail: String::new(),
            declared,
            from: Some(declared),
            last: None,
            to: millis.map(|it| Millis(declared.0 + it)),
            first: None,
            state,
            rows: 0,
            filled_by: None,
            rest: None,
        };
        KeptGap {
            gap,
            checked: None,
            tries: 0,
            run: 1,
        }
    }

    fn count(runs: &[KeptRun], gaps: &[KeptGap], running: bool) -> usize {
        wrong(runs, gaps, running, NOW).len()
    }

    #[test]
    fn a_run_that_did_not_end_by_itself_needs_a_person() {
        for (status, heard, running, wrong) in [
            ("completed", Some(500), false, 0),
            ("running", Some(1), true, 0),
            ("running", Some(11), true, 1),
            ("running", None, true, 1),
            ("running", Some(1), false, 1),
            ("crashed", Some(1), false, 1),
            ("error", Some(1), false, 1),
        ] {
            assert_eq!(
                count(&[run(status, heard)], &[], running),
                wrong,
                "{status}"
            );
        }
        // What came after it is well.
        let runs = [run("crashed", None), run("completed", None)];
        assert_eq!(count(&runs, &[], false), 0);
    }

    #[test]
    fn what_can_never_be_had_is_no_alarm() {
        use GapState::{Filled, Open, Partly, Unfillable};
        use StreamKind::{Ticker, Trades};

        let executions = StreamKind::Account(AccountKind::Execution);
        let orders = StreamKind::Account(AccountKind::Order);
        for (kind, state, minutes, millis, wrong) in [
            (Trades, Open, 61, None, 1),
            (Trades, Open, 61, Some(6000), 1),
            (Trades, Open, 61, Some(4000), 0),
            (Trades, Open, 59, None, 0),
            (Trades, Partly, 61, Some(6000), 1),
            (Trades, Unfillable, 23 * 60, Some(6000), 1),
            (Trades, Unfillable, 25 * 60, Some(6000), 0),
            (Trades, Filled, 61, Some(6000), 0),
            (Ticker, Unfillable, 61, Some(6000), 0),
            (orders, Partly, 61, Some(6000), 0),
            (executions, Partly, 61, Some(6000), 1),
        ] {
            let gap = gap(kind, state, minutes, millis);
            let run = run("completed", None);
            let found = count(&[run], std::slice::from_ref(&gap), false);
            assert_eq!(found, wrong, "{gap:?}");
        }
    }
}
