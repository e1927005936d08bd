//! Plans of the keeper, shown and done: what `tj archive` and `tj retention` share.
//!
//! Always true:
//! - A step that fails ends its stream, since the newer days come after the older ones; other streams go on.
//! - What was not done is named, and the exit code says so.

use std::path::Path;

use serde::Serialize;
use tradejournal::journal::Journal;
use tradejournal::keep::{KeepError, KeepLock, Keeper, LockError, Packed, Plan, Step};
use tradejournal::record::Stream;

use crate::bar::bar;
use crate::commands::Context;
use crate::failure::{Failure, Verdict};
use crate::output::printable;
use crate::size::size;
use crate::table::{Column, Table};

/// What `--json` prints of a step.
#[derive(Serialize)]
struct Row<'a> {
    stream: &'static str,
    day: String,
    action: &'static str,
    why: &'a str,
    from: &'a Path,
    to: Option<&'a Path>,
    bytes: u64,
    done: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    archived_bytes: Option<u64>,
}

impl<'a> Row<'a> {
    fn of(step: &'a Step, done: bool, packed: Option<Packed>) -> Row<'a> {
        Row {
            stream: step.stream.name(),
            day: step.day.to_string(),
            action: step.action.name(),
            why: &step.why,
            from: &step.from,
            to: step.to.as_deref(),
            bytes: step.bytes,
            done,
            archived_bytes: packed.map(|it| it.packed_bytes),
        }
    }
}

/// The right to keep the journal.
pub(crate) fn lock(journal: &Journal) -> Result<KeepLock, Failure> {
    KeepLock::take(journal).map_err(refusal)
}

/// Why the journal cannot be kept.
pub(crate) fn refusal(error: LockError) -> Failure {
    Failure::new("cannot keep the journal").because(error)
}

/// Shows what would be done.
pub(crate) fn show(plan: &Plan, context: &mut Context<'_>) -> anyhow::Result<()> {
    tell_kept(plan, context);
    if context.settings.json {
        for step in &plan.steps {
            context.out.json(&Row::of(step, false, None))?;
        }
        return Ok(());
    }
    if plan.steps.is_empty() {
        return context.out.line("nothing is due");
    }
    let mut table = Table::new(vec![
        Column::left("what"),
        Column::left("stream"),
        Column::left("day"),
        Column::text("why"),
        Column::right("size"),
        Column::text("from"),
        Column::text("to"),
    ]);
    for step in &plan.steps {
        let to = step.to.as_ref().map(|it| it.display().to_string());
        table.push(vec![
            step.action.name().to_owned(),
            step.stream.to_string(),
            step.day.to_string(),
            step.why.clone(),
            size(step.bytes),
            step.from.display().to_string(),
            to.unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    table.print(context.out)?;
    let (days, bytes) = (plan.steps.len(), size(plan.bytes()));
    context.out.line(format!("{days} to do, {bytes}"))
}

/// Does it, and shows what was done.
pub(crate) fn apply(
    keeper: &Keeper,
    lock: &KeepLock,
    plan: &Plan,
    context: &mut Context<'_>,
) -> anyhow::Result<Verdict> {
    tell_kept(plan, context);
    let done = run(
        keeper,
        lock,
        plan,
        context,
        |context, step, packed| match context.settings.json {
            true => context.out.json(&Row::of(step, true, packed)),
            false => Ok(()),
        },
    )?;
    if !context.settings.json {
        context.out.line(done.text())?;
    }
    if done.failed {
        let text = format!("{} of {} were not done", done.all - done.steps, done.all);
        return Err(Failure::new(text)
            .hint("what was not done is as it was; the next run goes on")
            .into());
    }
    if done.damaged {
        context
            .talk
            .hint("`tj verify` tells what is damaged; restore the day from a backup");
    }
    Ok(Verdict::found(done.damaged))
}

/// Does it; `tell` is told of each step. An error is printed when it comes.
pub(crate) fn run(
    keeper: &Keeper,
    lock: &KeepLock,
    plan: &Plan,
    context: &mut Context<'_>,
    mut tell: impl FnMut(&mut Context<'_>, &Step, Option<Packed>) -> anyhow::Result<()>,
) -> anyhow::Result<Done> {
    let bar = bar(context.talk, "keep", 2 * plan.bytes());
    let mut done = Done {
        all: plan.steps.len(),
        ..Done::default()
    };
    let mut ended: Vec<Stream> = Vec::new();
    for step in &plan.steps {
        let before = bar.position();
        if !ended.contains(&step.stream) {
            match keeper.apply(lock, step, &mut |it| bar.set_position(before + it)) {
                Ok(packed) => {
                    done.take(step, packed);
                    tell(context, step, packed)?;
                }
                Err(error) => {
                    ended.push(step.stream);
                    done.fail(&error);
                    let error = anyhow::Error::new(error);
                    context.talk.error(&printable(&format!("{error:#}")));
                }
            }
        }
        bar.set_position(before + 2 * step.bytes);
    }
    bar.finish_and_clear();
    Ok(done)
}

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) steps: usize,
    pub(crate) all: usize,
    bytes: u64,
    packed_bytes: u64,
    pub(crate) damaged: bool,
    pub(crate) failed: bool,
}

impl Done {
    fn take(&mut self, step: &Step, packed: Option<Packed>) {
        self.steps += 1;
        self.bytes += step.bytes;
        self.packed_bytes += packed.map_or(0, |it| it.packed_bytes);
    }

    fn fail(&mut self, error: &KeepError) {
        match error {
            KeepError::Damaged { .. } => self.damaged = true,
            _ => self.failed = true,
        }
    }

    fn text(&self) -> String {
        match (self.all, self.packed_bytes) {
            (0, _) => "nothing is due".to_owned(),
            (all, 0) => format!("{} of {all} done, {}", self.steps, size(self.bytes)),
            (all, packed) => format!(
                "{} of {all} done, {} into {}",
                self.steps,
                size(self.bytes),
                size(packed)
            ),
        }
    }
}

fn tell_kept(plan: &Plan, context: &Context<'_>) {
    for kept in &plan.kept {
        let text = format!("{} stays from {} on: {}", kept.stream, kept.day, kept.why);
        context.talk.note(&printable(&text));
    }
}
