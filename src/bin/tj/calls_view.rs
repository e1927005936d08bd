//! Recordings of a bot's calls, and what two of them differ in, for people and for programs.
//!
//! Always true: what was lost comes before everything else.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use serde::Serialize;
use tradejournal::desk::calls::{
    Call, Change, Comparison, Counts, Divergence, Gap, Inspection, Kind, MethodSheet, Recording,
    Rules, Run,
};
use tradejournal::record::CallRecord;

use crate::commands::Context;
use crate::output::{Out, printable};
use crate::table::{Column, Table};
use crate::when;
use crate::words::{counted, shortened, took, unread};

/// How much of a call, and of a value, people are shown.
const CALL_CHARS_MAX: usize = 160;
const VALUE_CHARS_MAX: usize = 200;
/// How many gaps, threads and runs people are shown.
const GAPS_MAX: usize = 10;
const THREADS_MAX: usize = 10;
const RUNS_MAX: usize = 5;

/// Two recordings, and what they are called.
pub(crate) struct Sides<'a> {
    pub(crate) names: [&'a str; 2],
    pub(crate) recordings: [&'a Recording; 2],
    pub(crate) rules: &'a Rules,
}

pub(crate) fn show_diff(
    sides: &Sides<'_>,
    found: &Comparison<'_>,
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    if context.settings.json {
        return context.out.json(&DiffReport::of(sides, found));
    }
    let zone = context.settings.zone.value;
    let out = &mut *context.out;
    for (letter, (name, recording)) in ["A", "B"]
        .iter()
        .zip(sides.names.iter().zip(sides.recordings))
    {
        out.line(format!(
            "{letter}: {}: {}",
            printable(name),
            contents(recording)
        ))?;
        gaps(&format!("{letter}: "), &recording.gaps, zone, out)?;
    }
    if let Some(first) = &found.first {
        divergence("the first divergence", first, zone, out)?;
    }
    let first = found.first.as_ref();
    let is_another = |it: &&Divergence<'_>| first.is_none_or(|first| place(first) != place(it));
    if let Some(output) = found.first_output.as_ref().filter(is_another) {
        divergence("the first output that differs", output, zone, out)?;
    }
    if found.counts.different() != 0 {
        methods_that_differ(found, sides.rules, out)?;
    }
    out.line(summary(found, sides))
}

/// Which calls a divergence is about.
fn place(it: &Divergence<'_>) -> (Option<Option<u64>>, Option<Option<u64>>, &'static str) {
    (
        it.a.map(|it| it.seq),
        it.b.map(|it| it.seq),
        it.kind.as_str(),
    )
}

fn contents(recording: &Recording) -> String {
    let calls = &recording.calls;
    let outputs = calls.iter().filter(|it| it.is_output()).count() as u64;
    let threads: BTreeSet<_> = calls.iter().map(|it| it.record.thread()).collect();
    let mut text = format!(
        "{}, {}, {}",
        counted(calls.len() as u64, "call", "calls"),
        counted(outputs, "output", "outputs"),
        counted(threads.len() as u64, "thread", "threads"),
    );
    if recording.nested != 0 {
        text.push_str(&format!(
            "; {} inside others",
            counted(recording.nested, "call", "calls")
        ));
    }
    text.push_str(&unread(recording.unread));
    text
}

fn gaps(head: &str, gaps: &[Gap], zone: Tz, out: &mut Out) -> anyhow::Result<()> {
    for gap in gaps.iter().take(GAPS_MAX) {
        let lost = match gap.lost {
            Some(lost) => format!("{} lost", counted(lost, "call is", "calls are")),
            None => "calls are lost, it is not said how many".to_owned(),
        };
        let mut text = format!("{head}{lost}, from {}", when::shown_finely(gap.from, zone));
        if let Some(to) = gap.to {
            text.push_str(&format!(" to {}", when::shown_finely(to, zone)));
        }
        if let Some(cause) = &gap.cause {
            text.push_str(&format!(" ({})", shortened(cause, VALUE_CHARS_MAX)));
        }
        if let Some(seq) = gap.seq {
            text.push_str(&format!(", seq {seq}"));
        }
        out.line(text)?;
    }
    match gaps.len().saturating_sub(GAPS_MAX) {
        0 => Ok(()),
        more => out.line(format!(
            "{head}and {}",
            counted(more as u64, "more gap", "more gaps")
        )),
    }
}

fn divergence(title: &str, it: &Divergence<'_>, zone: Tz, out: &mut Out) -> anyhow::Result<()> {
    let what = match it.kind {
        Kind::Args => "other arguments",
        Kind::Result => "another result",
        Kind::Time => "another time",
        Kind::OnlyInA => "B has no such call",
        Kind::OnlyInB => "A has no such call",
        _ => "another call",
    };
    out.line("")?;
    out.line(format!("{title}: {what}"))?;
    if let Some((a, b)) = it.after {
        out.line(format!("  after A  {}", line(a, zone)))?;
        out.line(format!("        B  {}", line(b, zone)))?;
    } else {
        out.line("  after nothing: no call before it is the same")?;
    }
    let side = |call: Option<&Call>| match call {
        Some(call) => line(call, zone),
        None => "no more calls".to_owned(),
    };
    out.line(format!("  expected A  {}", side(it.a)))?;
    out.line(format!("  got      B  {}", side(it.b)))?;
    for Change { path, a, b, .. } in &it.changes {
        let value = |it: &Option<String>| match it {
            Some(value) => shortened(value, VALUE_CHARS_MAX),
            None => "nothing".to_owned(),
        };
        out.line(format!(
            "    {}: expected {}, got {}",
            shortened(path, VALUE_CHARS_MAX),
            value(a),
            value(b)
        ))?;
    }
    Ok(())
}

/// A call in one line: `seq 12  2024-01-09 14:30:01.000  get_last_price("AAPL") -> 150.25`.
fn line(call: &Call, zone: Tz) -> String {
    let seq = match (call.seq, call.line) {
        (Some(seq), _) => format!("seq {seq}"),
        (None, Some(line)) => format!("line {line}"),
        (None, None) => "no seq".to_owned(),
    };
    let at = when::shown_finely(call.record.timestamp(), zone);
    format!("{seq}  {at}  {}", spelled(&call.record))
}

/// What was called with what, and what came back.
pub(crate) fn spelled(call: &CallRecord) -> String {
    let came = match (call.error(), call.result()) {
        (Some(error), _) => format!("failed: {error}"),
        (None, Some(result)) => format!("-> {result}"),
        (None, None) => "-> null".to_owned(),
    };
    shortened(&format!("{} {came}", invocation(call)), CALL_CHARS_MAX)
}

/// What was called with what.
pub(crate) fn invocation(call: &CallRecord) -> String {
    let args = call.args().as_str();
    let args = args.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let args = args.unwrap_or_default();
    match (args, call.kwargs().as_str()) {
        (args, "{}") => format!("{}({args})", call.method()),
        ("", kwargs) => format!("{}({kwargs})", call.method()),
        (args, kwargs) => format!("{}({args}, {kwargs})", call.method()),
    }
}

fn methods_that_differ(found: &Comparison<'_>, rules: &Rules, out: &mut Out) -> anyhow::Result<()> {
    let mut columns = vec![
        Column::left("method"),
        Column::right("same"),
        Column::right("other args"),
        Column::right("other result"),
        Column::right("only in A"),
        Column::right("only in B"),
    ];
    if rules.time_tolerance.is_some() {
        columns.push(Column::right("other time"));
    }
    let mut table = Table::new(columns);
    for (method, counts) in &found.by_method {
        let numbers = [
            counts.same,
            counts.args,
            counts.result,
            counts.only_in_a,
            counts.only_in_b,
            counts.time,
        ];
        let mut row = vec![(*method).to_owned()];
        row.extend(numbers.iter().map(u64::to_string));
        if rules.time_tolerance.is_none() {
            row.pop();
        }
        table.push(row);
    }
    out.line("")?;
    table.print(out)
}

fn summary(found: &Comparison<'_>, sides: &Sides<'_>) -> String {
    let counts = found.counts;
    let what = if sides.rules.outputs_only {
        ("output is", "outputs are")
    } else {
        ("call is", "calls are")
    };
    let mut text = format!("{} the same", counted(counts.same, what.0, what.1));
    let parts = [
        (counts.args, "with other arguments"),
        (counts.result, "with another result"),
        (counts.time, "at another time"),
        (counts.only_in_a, "only in A"),
        (counts.only_in_b, "only in B"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|it| it.0 != 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    match parts.is_empty() {
        true => text.push_str(", nothing differs"),
        false => text.push_str(&format!("; {}", parts.join(", "))),
    }
    let holes = sides
        .recordings
        .iter()
        .any(|it| !it.gaps.is_empty() || !it.unread.is_nothing());
    if holes {
        text.push_str("; calls are lost or unreadable, so the recordings are not called the same");
    }
    text
}

pub(crate) fn show_inspection(found: &Inspection, context: &mut Context<'_>) -> anyhow::Result<()> {
    if context.settings.json {
        return context.out.json(&InspectReport::of(found));
    }
    let zone = context.settings.zone.value;
    let out = &mut *context.out;
    gaps("", &found.gaps, zone, out)?;
    out.line(head(found))?;
    if let (Some(first), Some(last)) = (found.first, found.last) {
        out.line(span(found, zone, first, last))?;
    }
    for run in found.runs.iter().rev().take(RUNS_MAX).rev() {
        out.line(run_line(run, zone))?;
    }
    if RUNS_MAX < found.runs.len() {
        let before = (found.runs.len() - RUNS_MAX) as u64;
        out.line(format!("and {} before", counted(before, "run", "runs")))?;
    }
    out.line(threads(found))?;
    let mut table = Table::new(vec![
        Column::left("method"),
        Column::right("calls"),
        Column::right("p50"),
        Column::right("p99"),
        Column::right("max"),
        Column::right("errors"),
        Column::right("outputs"),
        Column::right("inside"),
    ]);
    for method in &found.methods {
        let latency = method.latency;
        let times = [latency.p50_ns, latency.p99_ns, latency.max_ns];
        let mut row = vec![method.method.clone(), method.calls.to_string()];
        row.extend(times.iter().map(|it| took(u128::from(*it))));
        row.extend([method.errors, method.outputs, method.nested].map(|it| it.to_string()));
        table.push(row);
    }
    table.print(out)?;
    for method in found.methods.iter().filter(|it| it.errors != 0) {
        for (text, count) in &method.error_texts {
            let (name, text) = (
                shortened(&method.method, 60),
                shortened(text, VALUE_CHARS_MAX),
            );
            let times = counted(*count, "time", "times");
            out.line(format!("{name} failed {times}: {text}"))?;
        }
    }
    Ok(())
}

fn head(found: &Inspection) -> String {
    let mut text = counted(found.calls, "call", "calls");
    if found.calls != 0 {
        text.push_str(&format!(
            ": {}, {}, {} inside others",
            counted(found.outputs, "output", "outputs"),
            counted(found.errors, "error", "errors"),
            found.nested
        ));
    }
    text.push_str(&unread(found.unread));
    text
}

fn span(
    found: &Inspection,
    zone: Tz,
    first: tradejournal::time::Timestamp,
    last: tradejournal::time::Timestamp,
) -> String {
    let shown = |at| when::shown_finely(at, zone);
    let mut text = format!("from {} to {} ({})", shown(first), shown(last), zone.name());
    if let Some(rate) = found.calls_per_second() {
        text.push_str(&format!(", {rate} a second"));
    }
    if let Some((second, count)) = found.busiest {
        text.push_str(&format!(
            ", {count} in the busiest one at {}",
            when::shown(second, zone)
        ));
    }
    text
}

fn run_line(run: &Run, zone: Tz) -> String {
    let mut text = format!(
        "run {} from {}, version {}",
        run.session_id,
        when::shown(run.start, zone),
        printable(&run.version)
    );
    let parts = [
        ("market", &run.market),
        ("started by", &run.trigger),
        ("commit", &run.git_hash),
    ];
    for (name, value) in parts {
        if let Some(value) = value {
            text.push_str(&format!(", {name} {}", shortened(value, 60)));
        }
    }
    text
}

fn threads(found: &Inspection) -> String {
    let mut threads: Vec<(&Option<String>, &u64)> = found.threads.iter().collect();
    threads.sort_by(|one, other| other.1.cmp(one.1).then_with(|| one.0.cmp(other.0)));
    let texts = threads.iter().take(THREADS_MAX).map(|(name, count)| {
        let name = name
            .as_deref()
            .map_or_else(|| "not said".to_owned(), |it| shortened(it, 40));
        format!("{name} {count}")
    });
    let mut texts: Vec<String> = texts.collect();
    if THREADS_MAX < threads.len() {
        texts.push(format!("and {} more", threads.len() - THREADS_MAX));
    }
    let count = counted(threads.len() as u64, "thread", "threads");
    match texts.is_empty() {
        true => count,
        false => format!("{count}: {}", texts.join(", ")),
    }
}

/// What `tj replay diff --json` prints.
#[derive(Serialize)]
struct DiffReport<'a> {
    is_same: bool,
    a: SideReport<'a>,
    b: SideReport<'a>,
    outputs_only: bool,
    time_tolerance_ns: Option<u128>,
    ignored: Vec<String>,
    counts: CountsReport,
    methods: Vec<MethodCounts<'a>>,
    first: Option<DivergenceReport<'a>>,
    first_output: Option<DivergenceReport<'a>>,
}

#[derive(Serialize)]
struct SideReport<'a> {
    recording: &'a str,
    calls: usize,
    outputs: usize,
    nested: u64,
    gaps: Vec<GapReport<'a>>,
    unread_lines: u64,
    unread_days: u64,
}

#[derive(Serialize)]
struct GapReport<'a> {
    seq: Option<u64>,
    lost: Option<u64>,
    from: String,
    to: Option<String>,
    cause: Option<&'a str>,
}

#[derive(Serialize)]
struct CountsReport {
    same: u64,
    args: u64,
    result: u64,
    time: u64,
    only_in_a: u64,
    only_in_b: u64,
}

#[derive(Serialize)]
struct MethodCounts<'a> {
    method: &'a str,
    #[serde(flatten)]
    counts: CountsReport,
}

#[derive(Serialize)]
struct DivergenceReport<'a> {
    kind: &'static str,
    after: Option<[CallReport<'a>; 2]>,
    a: Option<CallReport<'a>>,
    b: Option<CallReport<'a>>,
    changes: Vec<ChangeReport<'a>>,
}

#[derive(Serialize)]
struct CallReport<'a> {
    seq: Option<u64>,
    line: Option<u64>,
    call: &'a CallRecord,
}

#[derive(Serialize)]
struct ChangeReport<'a> {
    path: &'a str,
    a: Option<&'a str>,
    b: Option<&'a str>,
}

impl<'a> DiffReport<'a> {
    fn of(sides: &Sides<'a>, found: &'a Comparison<'_>) -> DiffReport<'a> {
        let [a, b] = sides.recordings;
        let is_whole = |it: &Recording| it.gaps.is_empty() && it.unread.is_nothing();
        let rules = sides.rules;
        let methods = found.by_method.iter();
        DiffReport {
            is_same: found.counts.different() == 0 && is_whole(a) && is_whole(b),
            a: SideReport::of(sides.names[0], a),
            b: SideReport::of(sides.names[1], b),
            outputs_only: rules.outputs_only,
            time_tolerance_ns: rules.time_tolerance.map(|it| it.as_nanos()),
            ignored: rules.ignored.iter().map(ToString::to_string).collect(),
            counts: CountsReport::of(found.counts),
            methods: methods
                .map(|(method, counts)| MethodCounts {
                    method,
                    counts: CountsReport::of(*counts),
                })
                .collect(),
            first: found.first.as_ref().map(DivergenceReport::of),
            first_output: found.first_output.as_ref().map(DivergenceReport::of),
        }
    }
}

impl<'a> SideReport<'a> {
    fn of(name: &'a str, recording: &'a Recording) -> SideReport<'a> {
        SideReport {
            recording: name,
            calls: recording.calls.len(),
            outputs: recording.calls.iter().filter(|it| it.is_output()).count(),
            nested: recording.nested,
            gaps: recording.gaps.iter().map(GapReport::of).collect(),
            unread_lines: recording.unread.lines,
            unread_days: recording.unread.days,
        }
    }
}

impl<'a> GapReport<'a> {
    fn of(gap: &'a Gap) -> GapReport<'a> {
        GapReport {
            seq: gap.seq,
            lost: gap.lost,
            from: gap.from.to_string(),
            to: gap.to.map(|it| it.to_string()),
            cause: gap.cause.as_deref(),
        }
    }
}

impl CountsReport {
    fn of(counts: Counts) -> CountsReport {
        CountsReport {
            same: counts.same,
            args: counts.args,
            result: counts.result,
            time: counts.time,
            only_in_a: counts.only_in_a,
            only_in_b: counts.only_in_b,
        }
    }
}

impl<'a> DivergenceReport<'a> {
    fn of(it: &'a Divergence<'_>) -> DivergenceReport<'a> {
        let changes = it.changes.iter().map(|it| ChangeReport {
            path: &it.path,
            a: it.a.as_deref(),
            b: it.b.as_deref(),
        });
        DivergenceReport {
            kind: it.kind.as_str(),
            after: it
                .after
                .map(|(a, b)| [CallReport::of(a), CallReport::of(b)]),
            a: it.a.map(CallReport::of),
            b: it.b.map(CallReport::of),
            changes: changes.collect(),
        }
    }
}

impl<'a> CallReport<'a> {
    fn of(call: &'a Call) -> CallReport<'a> {
        CallReport {
            seq: call.seq,
            line: call.line,
            call: &call.record,
        }
    }
}

/// What `tj inspect calls --json` prints.
#[derive(Serialize)]
struct InspectReport<'a> {
    calls: u64,
    outputs: u64,
    nested: u64,
    errors: u64,
    lost: u64,
    gaps: Vec<GapReport<'a>>,
    first: Option<String>,
    last: Option<String>,
    calls_per_second: Option<String>,
    busiest_second: Option<String>,
    busiest_second_calls: Option<u64>,
    methods: Vec<MethodReport<'a>>,
    threads: Vec<ThreadReport<'a>>,
    sessions: Vec<RunReport<'a>>,
    unread_lines: u64,
    unread_days: u64,
}

#[derive(Serialize)]
struct MethodReport<'a> {
    method: &'a str,
    calls: u64,
    outputs: u64,
    nested: u64,
    errors: u64,
    p50_ns: u64,
    p99_ns: u64,
    max_ns: u64,
    error_texts: Vec<ErrorReport<'a>>,
}

#[derive(Serialize)]
struct ErrorReport<'a> {
    error: &'a str,
    calls: u64,
}

#[derive(Serialize)]
struct ThreadReport<'a> {
    thread: Option<&'a str>,
    calls: u64,
}

#[derive(Serialize)]
struct RunReport<'a> {
    session_id: String,
    start: String,
    version: &'a str,
    market: Option<&'a str>,
    trigger: Option<&'a str>,
    git_hash: Option<&'a str>,
}

impl<'a> InspectReport<'a> {
    fn of(found: &'a Inspection) -> InspectReport<'a> {
        let threads = found.threads.iter().map(|(thread, calls)| ThreadReport {
            thread: thread.as_deref(),
            calls: *calls,
        });
        InspectReport {
            calls: found.calls,
            outputs: found.outputs,
            nested: found.nested,
            errors: found.errors,
            lost: found.lost(),
            gaps: found.gaps.iter().map(GapReport::of).collect(),
            first: found.first.map(|it| it.to_string()),
            last: found.last.map(|it| it.to_string()),
            calls_per_second: found.calls_per_second().map(|it| it.to_string()),
            busiest_second: found.busiest.map(|it| it.0.to_string()),
            busiest_second_calls: found.busiest.map(|it| it.1),
            methods: found.methods.iter().map(MethodReport::of).collect(),
            threads: threads.collect(),
            sessions: found.runs.iter().map(RunReport::of).collect(),
            unread_lines: found.unread.lines,
            unread_days: found.unread.days,
        }
    }
}

impl<'a> MethodReport<'a> {
    fn of(sheet: &'a MethodSheet) -> MethodReport<'a> {
        let texts = sheet.error_texts.iter().map(|(error, calls)| ErrorReport {
            error,
            calls: *calls,
        });
        MethodReport {
            method: &sheet.method,
            calls: sheet.calls,
            outputs: sheet.outputs,
            nested: sheet.nested,
            errors: sheet.errors,
            p50_ns: sheet.latency.p50_ns,
            p99_ns: sheet.latency.p99_ns,
            max_ns: sheet.latency.max_ns,
            error_texts: texts.collect(),
        }
    }
}

impl<'a> RunReport<'a> {
    fn of(run: &'a Run) -> RunReport<'a> {
        RunReport {
            session_id: run.session_id.to_string(),
            start: run.start.to_string(),
            version: &run.version,
            market: run.market.as_deref(),
            trigger: run.trigger.as_deref(),
            git_hash: run.git_hash.as_deref(),
        }
    }
}
