//! `tj nightly`: what one line in a crontab does for years.
//!
//! Always true:
//! - A part that fails keeps no other from being done; it is told when it fails, and the exit code says so.
//! - The last line says in one sentence what was done, whatever happened.
//! - A second one at the same time does nothing, and that is no failure.
//!
//! Not here: what the parts do; each is a command of its own.

use anyhow::Context as _;
use serde::Serialize;
use tradejournal::desk::report::{Range, Request};
use tradejournal::journal::{Depth, Journal, OpenError};
use tradejournal::keep::{KeepLock, Keeper, LockError, Plan};
use tradejournal::time::{Clock, SystemClock};

use super::{Context, report, verify};
use crate::args::{Nightly, SshFlags};
use crate::backups;
use crate::complaint::unread;
use crate::failure::{Failure, Verdict};
use crate::output::printable;
use crate::{evidence, journal, keeping, when};

pub(crate) fn run(_args: &Nightly, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    journal::for_checking(&context.settings)?;
    let (journal, notary) = journal::for_writing(&context.settings)?;
    let _night = match KeepLock::take_for_the_night(&journal) {
        Ok(lock) => lock,
        Err(error @ LockError::Running { .. }) => {
            context.out.line(error)?;
            return Ok(Verdict::Fine);
        }
        Err(error) => return Err(keeping::refusal(error).into()),
    };
    let mut night = Night::default();
    night.part("close", close(&journal, context), context);
    night.part("archive", archive(&journal, context), context);
    night.part("retention", retention(&journal, context), context);
    night.part("backup", backup(&journal, context), context);
    night.part("verify", verification(&journal, context), context);
    night.part("report", page(&journal, context), context);
    evidence::tell_troubles(notary.as_deref(), context.talk);
    night.conclude(context)
}

/// How a part ended.
#[derive(Serialize)]
struct Part {
    part: &'static str,
    /// What was done, in a few words.
    did: Option<String>,
    well: bool,
}

#[derive(Default)]
struct Night {
    parts: Vec<Part>,
    /// A part that could not run at all.
    is_failed: bool,
}

/// What a part did, and whether all of it went well.
type Did = anyhow::Result<(Option<String>, bool)>;

impl Night {
    fn part(&mut self, part: &'static str, did: Did, context: &Context<'_>) {
        let (did, well) = did.unwrap_or_else(|error| {
            context
                .talk
                .error(&printable(&format!("{part}: {error:#}")));
            self.is_failed = true;
            (Some("failed".to_owned()), false)
        });
        self.parts.push(Part { part, did, well });
    }

    fn conclude(&self, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
        let bad: Vec<&str> = self
            .parts
            .iter()
            .filter(|it| !it.well)
            .map(|it| it.part)
            .collect();
        if context.settings.json {
            for part in &self.parts {
                context.out.json(part)?;
            }
        } else {
            let did = self.parts.iter().filter_map(|it| {
                let did = it.did.as_ref()?;
                Some(format!("{}: {did}", it.part))
            });
            let did: Vec<String> = did.collect();
            context.out.line(format!("nightly: {}", did.join("; ")))?;
        }
        if self.is_failed {
            let text = format!("of the night's parts these failed: {}", bad.join(", "));
            return Err(Failure::new(text).into());
        }
        Ok(Verdict::found(!bad.is_empty()))
    }
}

/// Days that a bot left open when it ended.
fn close(journal: &Journal, context: &Context<'_>) -> Did {
    let before = unclosed(journal)?;
    let mut well = true;
    for stream in verify::present(journal)? {
        match journal.close_idle_days(stream) {
            Ok(troubles) => {
                for trouble in troubles {
                    well = false;
                    context
                        .talk
                        .error(&printable(&format!("{stream}: {trouble}")));
                }
            }
            // A bot writes it, and closes its own days.
            Err(OpenError::Locked { .. }) => {}
            Err(error) => {
                well = false;
                let error = anyhow::Error::new(error).context(format!("cannot close {stream}"));
                context.talk.error(&printable(&format!("{error:#}")));
            }
        }
    }
    let closed = before.saturating_sub(unclosed(journal)?);
    Ok((Some(days(closed, "closed")), well))
}

fn unclosed(journal: &Journal) -> anyhow::Result<u64> {
    let status = journal.status().context("cannot tell the status")?;
    Ok(status.iter().map(|it| it.unclosed_days).sum())
}

fn archive(journal: &Journal, context: &mut Context<'_>) -> Did {
    // Somebody may be archiving by hand.
    let lock = keeping::lock(journal)?;
    let keeper = Keeper::new(journal, context.settings.keep.policies.clone());
    let plan = keeper.archive_plan(None)?;
    keep(&keeper, &lock, &plan, "archived", context)
}

fn retention(journal: &Journal, context: &mut Context<'_>) -> Did {
    let lock = keeping::lock(journal)?;
    let keeper = Keeper::new(journal, context.settings.keep.policies.clone());
    let plan = keeper.retention_plan(None)?;
    if !context.settings.keep.apply {
        let due = (!plan.steps.is_empty()).then(|| {
            let due = days(plan.steps.len() as u64, "due");
            format!("{due}, and [retention] apply is false")
        });
        return Ok((due, true));
    }
    keep(&keeper, &lock, &plan, "deleted", context)
}

fn keep(
    keeper: &Keeper,
    lock: &KeepLock,
    plan: &Plan,
    did: &str,
    context: &mut Context<'_>,
) -> Did {
    let done = keeping::run(keeper, lock, plan, context, |_, _, _| Ok(()))?;
    let text = days(done.steps as u64, did);
    Ok((Some(text), !done.damaged && !done.failed))
}

/// A backup in each target that the settings name.
fn backup(journal: &Journal, context: &Context<'_>) -> Did {
    let targets = context.settings.backup.to.clone();
    if targets.is_empty() {
        return Ok((None, true));
    }
    let run = backups::run(journal, &SshFlags::default(), &targets, context)?;
    let (all, mut good, mut is_missing) = (run.outcomes.len(), 0, false);
    for outcome in run.outcomes {
        match outcome.result {
            Ok(done) => {
                good += 1;
                is_missing |= backups::tell_missing(&outcome.target, &done, context.talk);
            }
            Err(error) => {
                let error = anyhow::Error::new(error);
                let text = format!("{}: {error:#}", outcome.target);
                context.talk.error(&printable(&text));
            }
        }
    }
    let text = format!("{good} of {all} targets, read back");
    Ok((Some(text), good == all && !is_missing))
}

/// Everything that bytes can show, as `tj verify --chain` does.
fn verification(journal: &Journal, context: &mut Context<'_>) -> Did {
    let (mut lines, mut problems) = (0, 0);
    for stream in verify::present(journal)? {
        let verified = verify::verify(journal, stream, Depth::Chain, context)?;
        lines += verified.lines;
        problems += verified.problems;
    }
    let text = match problems {
        0 => format!("{lines} records, nothing wrong"),
        _ => format!("{lines} records, {problems} problems"),
    };
    Ok((Some(text), problems == 0))
}

/// The day's page, where somebody wants one.
fn page(journal: &Journal, context: &Context<'_>) -> Did {
    let Some(folder) = &context.settings.reports else {
        return Ok((None, true));
    };
    let zone = context.settings.zone.value;
    let day = context.settings.days().day(SystemClock.now());
    let mut request = Request::new(Range::day(day)).zone(when::books_zone(zone), zone.name());
    if let Some(equity) = context.settings.metrics.starting_equity {
        request = request.starting_equity(equity);
    }
    let talk = context.talk;
    let made = request.report(journal, |error| unread(talk, error));
    let made = made.context("cannot make the report")?;
    let path = folder.join(format!("{day}.html"));
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    report::write(&path, &made.page()?)?;
    let text = format!("{}, {} trades", path.display(), made.trades());
    Ok((Some(text), made.problems.missing() == 0))
}

fn days(count: u64, did: &str) -> String {
    match count {
        1 => format!("1 day {did}"),
        _ => format!("{count} days {did}"),
    }
}
