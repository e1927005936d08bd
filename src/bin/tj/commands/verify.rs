//! `tj verify`: what the bytes prove, and the first bad byte of each problem.
//!
//! Always true: a problem is printed when it is found, and the checking goes on after it; nothing
//! is written and a bot may be writing.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;
use tradejournal::evidence::checkpoints::CheckpointLog;
use tradejournal::evidence::note::VerifierKey;
use tradejournal::evidence::{self as library, EvidenceFinding, EvidenceVerified, Trust};
use tradejournal::journal::{Depth, Finding, Journal, Progress, Verified};
use tradejournal::record::Stream;

use super::{Context, window};
use crate::args::Verify;
use crate::bar::bar;
use crate::evidence;
use crate::failure::{Failure, Verdict};
use crate::journal;
use crate::output::{Out, printable};
use crate::size::size;
use crate::table::{Column, Table};
use crate::when;

pub(crate) fn run(args: &Verify, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let journal = journal::for_checking(&context.settings)?;
    let depth = match args.chain {
        true => Depth::Chain,
        false => Depth::Records,
    };
    let trust = trust(args, context)?;
    let streams = streams(&journal, args.stream, &trust)?;
    let mut all = Vec::new();
    let mut signed = Vec::new();
    for stream in streams {
        all.push(verify(&journal, stream, depth, context)?);
        signed.extend(verify_evidence(&journal, stream, &trust, context)?);
    }
    match context.settings.json {
        true => tell_json(&all, &signed, context)?,
        false => {
            tell(&all, context)?;
            tell_evidence(&signed, &trust, !args.key.is_empty(), context)?;
            conclude(&all, &signed, context)?;
        }
    }
    let minutes_wrong = match args.stream {
        None => window::verify(context)?,
        Some(_) => 0,
    };
    // A key that vouches for nothing at all was taken away with what it signed.
    let is_unsigned = !args.key.is_empty()
        && all.iter().any(|it| it.lines != 0)
        && signed.iter().all(|it| it.since.is_none());
    if is_unsigned {
        context
            .talk
            .warning("nothing that is there is signed, though there is a key to check it with");
    }
    let problems = all.iter().map(|it| it.problems);
    let mut problems = problems.chain(signed.iter().map(|it| it.problems));
    let is_found = is_unsigned || minutes_wrong != 0 || problems.any(|it| it != 0);
    Ok(Verdict::found(is_found))
}

/// Whom to trust: the keys that were given, or those that were noted when they were made.
fn trust(args: &Verify, context: &Context<'_>) -> anyhow::Result<Trust> {
    let mut keys = Vec::new();
    for text in &args.key {
        keys.extend(evidence::verifier_keys(text)?);
    }
    if args.key.is_empty() {
        keys = evidence::keys(&context.settings).verifiers()?;
    }
    let mut outside = Vec::new();
    for text in &args.against {
        outside.extend(evidence::checkpoints(text)?);
    }
    Ok(Trust { keys, outside })
}

/// What is to be verified: without a name all that is there, and all that a checkpoint from elsewhere
/// says was there.
fn streams(journal: &Journal, named: Option<Stream>, trust: &Trust) -> anyhow::Result<Vec<Stream>> {
    let mut outside = trust.outside.iter().map(|it| it.checkpoint().origin.stream);
    let Some(stream) = named else {
        let mut streams = present(journal)?;
        streams.extend(outside);
        streams.sort_unstable();
        streams.dedup();
        return Ok(streams);
    };
    if !trust.outside.is_empty() && outside.all(|it| it != stream) {
        let text = format!("none of the checkpoints to check against is of {stream}");
        return Err(Failure::usage(text).into());
    }
    Ok(vec![stream])
}

/// Holds a stream against its checkpoints, if it has any.
fn verify_evidence(
    journal: &Journal,
    stream: Stream,
    trust: &Trust,
    context: &mut Context<'_>,
) -> anyhow::Result<Option<EvidenceVerified>> {
    let has_log = CheckpointLog::of(journal, stream).path().exists();
    let has_ring = journal.layout().logs().join("KEYRING").exists();
    let is_asked = trust
        .outside
        .iter()
        .any(|it| it.checkpoint().origin.stream == stream);
    if !has_log && !has_ring && !is_asked {
        return Ok(None);
    }
    let json = context.settings.json;
    let out = &mut *context.out;
    let mut printed = Ok(());
    let mut report = |finding: EvidenceFinding| {
        if printed.is_ok() {
            printed = print_evidence(&finding, stream, json, out);
        }
    };
    let verified = library::verify(journal, stream, trust, &mut report);
    printed?;
    let verified = verified.with_context(|| format!("cannot verify the evidence of {stream}"))?;
    Ok(Some(verified))
}

/// The streams that the journal has.
pub(super) fn present(journal: &Journal) -> anyhow::Result<Vec<Stream>> {
    let mut present = Vec::new();
    for stream in Stream::ALL {
        let layout = journal.layout();
        let days = layout.days(&**journal.disk(), stream)?;
        if !days.is_empty() || layout.stream(stream).is_dir() {
            present.push(stream);
        }
    }
    Ok(present)
}

pub(super) fn verify(
    journal: &Journal,
    stream: Stream,
    depth: Depth,
    context: &mut Context<'_>,
) -> anyhow::Result<Verified> {
    let bar = bar(context.talk, &format!("verifying {stream}"), 0);
    let json = context.settings.json;
    let out = &mut *context.out;
    let mut printed = Ok(());
    let mut report = |finding| {
        // Once nobody reads any more, the rest is of no use to anybody.
        if printed.is_ok() {
            printed = bar.suspend(|| print(&finding, stream, json, out));
        }
    };
    let progress = |it: Progress| {
        bar.set_length(it.bytes_total);
        bar.set_position(it.bytes);
    };
    let verified = journal.verify_with_progress(stream, depth, &mut report, &progress);
    bar.finish_and_clear();
    printed?;
    verified.with_context(|| format!("cannot verify {stream}"))
}

/// What `--json` prints for each thing that was found.
#[derive(Serialize)]
struct Found<'a> {
    finding: &'static str,
    stream: &'static str,
    file: Option<&'a Path>,
    line: Option<u64>,
    byte: Option<u64>,
    seq: Option<u64>,
    is_note: bool,
    message: &'a str,
}

fn print(finding: &Finding, stream: Stream, json: bool, out: &mut Out) -> anyhow::Result<()> {
    if json {
        return out.json(&Found {
            finding: finding.kind.name(),
            stream: stream.name(),
            file: Some(&finding.path),
            line: finding.line,
            byte: finding.byte,
            seq: finding.seq,
            is_note: finding.kind.is_note(),
            message: &finding.message,
        });
    }
    let mut place = finding.path.display().to_string();
    if let Some(line) = finding.line {
        place.push_str(&format!(":{line}"));
    }
    if let Some(byte) = finding.byte {
        place.push_str(&format!(" (byte {byte})"));
    }
    let kind = finding.kind.name().replace('_', " ");
    let text = format!("{place}: {kind}: {}", finding.message);
    out.line(printable(&text))?;
    out.flush()
}

fn print_evidence(
    finding: &EvidenceFinding,
    stream: Stream,
    json: bool,
    out: &mut Out,
) -> anyhow::Result<()> {
    if json {
        return out.json(&Found {
            finding: finding.kind.name(),
            stream: stream.name(),
            file: finding.path.as_deref(),
            line: None,
            byte: finding.byte,
            seq: None,
            is_note: finding.kind.is_note(),
            message: &finding.message,
        });
    }
    let mut place = match &finding.path {
        Some(path) => path.display().to_string(),
        None => stream.name().to_owned(),
    };
    if let Some(byte) = finding.byte {
        place.push_str(&format!(" (byte {byte})"));
    }
    let kind = finding.kind.name().replace('_', " ");
    out.line(printable(&format!("{place}: {kind}: {}", finding.message)))?;
    out.flush()
}

/// What `--json` prints for each stream at the end.
#[derive(Serialize)]
struct Covered {
    verified: &'static str,
    days: u64,
    lines: u64,
    bytes: u64,
    problems: u64,
    evidence: Option<Signed>,
}

/// What its checkpoints came to.
#[derive(Serialize)]
struct Signed {
    checkpoints: u64,
    lines: u64,
    since: Option<String>,
    until: Option<String>,
    anchors: u64,
    problems: u64,
}

impl Signed {
    fn of(verified: &EvidenceVerified) -> Signed {
        Signed {
            checkpoints: verified.checkpoints,
            lines: verified.signed_lines,
            since: verified.since.map(|it| it.to_string()),
            until: verified.until.map(|it| it.to_string()),
            anchors: verified.anchors,
            problems: verified.problems,
        }
    }
}

/// What the checkpoints show, and what nothing here can.
fn tell_evidence(
    signed: &[EvidenceVerified],
    trust: &Trust,
    is_given: bool,
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    if signed.is_empty() {
        return context.out.line("nothing is signed: whoever owns this machine could have written all of it anew (`tj key init`)");
    }
    let zone = context.settings.zone.value;
    for it in signed {
        let stream = it.stream;
        match (it.since, it.until) {
            (Some(since), Some(until)) => context.out.line(format!(
                "{stream}: {} of {} lines are signed, first on {}, last on {}",
                it.signed_lines,
                it.lines,
                when::shown(since, zone),
                when::shown(until, zone),
            ))?,
            _ if it.lines == 0 => {}
            _ => context
                .out
                .line(format!("{stream}: nothing of it is signed"))?,
        }
    }
    let name = |it: &VerifierKey| match trust.keys.len() {
        1 => format!("`{}`", it.name()),
        // They have one name.
        _ => format!("`{}+{:08x}`", it.name(), u32::from_be_bytes(it.id())),
    };
    let names: Vec<String> = trust.keys.iter().map(name).collect();
    let names = names.join(" or ");
    let text = match (trust.keys.len(), is_given) {
        (0, _) => {
            "the keys were taken as they are; with --key they are held against one that you know"
                .to_owned()
        }
        (_, true) => format!("signed by whom {names} vouches for"),
        (1, false) => format!(
            "signed by whom {names} vouches for, the key noted beside the signing key; with --key it is the one that you know"
        ),
        (_, false) => format!(
            "signed by whom {names} vouches for, the keys noted beside the signing key, since the root key was replaced; with --key they are those that you know"
        ),
    };
    context.out.line(printable(&text))?;
    if trust.outside.is_empty() {
        context.out.line("what was cut off behind the newest checkpoint, or put back as a whole, only a checkpoint kept elsewhere can show (--against)")?;
    }
    Ok(())
}

fn tell_json(
    all: &[Verified],
    signed: &[EvidenceVerified],
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    for it in all {
        let evidence = signed.iter().find(|signed| signed.stream == it.stream);
        context.out.json(&Covered {
            verified: it.stream.name(),
            days: it.days,
            lines: it.lines,
            bytes: it.bytes,
            problems: it.problems,
            evidence: evidence.map(Signed::of),
        })?;
    }
    Ok(())
}

fn tell(all: &[Verified], context: &mut Context<'_>) -> anyhow::Result<()> {
    let mut table = Table::new(vec![
        Column::left("stream"),
        Column::right("days"),
        Column::right("lines"),
        Column::right("size"),
        Column::right("problems"),
    ]);
    for it in all {
        table.push(vec![
            it.stream.name().to_owned(),
            it.days.to_string(),
            it.lines.to_string(),
            size(it.bytes),
            it.problems.to_string(),
        ]);
    }
    table.print(context.out)
}

fn conclude(
    all: &[Verified],
    signed: &[EvidenceVerified],
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    let of_bytes: u64 = all.iter().map(|it| it.problems).sum();
    let problems = of_bytes + signed.iter().map(|it| it.problems).sum::<u64>();
    match problems {
        0 => context
            .out
            .line("all that can be checked from the bytes is right"),
        1 => context.out.line("1 problem"),
        count => context.out.line(format!("{count} problems")),
    }
}
