//! `tj tax explain`: one row of the form in words, down to the lines of the journal.
//!
//! Always true: a proof that is written checks.
//!
//! Not here: the words, which are the library's.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;
use tradejournal::desk::tax::{Filing, Origin, explain, year_of_row};
use tradejournal::disk::{self, RealDisk};
use tradejournal::evidence::{Prover, Stand};

use super::year::Year;
use crate::args::TaxExplain;
use crate::commands::Context;
use crate::failure::{Failure, Verdict};
use crate::journal;
use crate::output::printable;

pub(super) fn run(args: &TaxExplain, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let id = &args.row_id;
    let Some(year) = year_of_row(id) else {
        return Err(Failure::usage(format!("{id} is no row of a form"))
            .hint("row_id in lots_audit_YEAR.csv names one, such as 2025-t17-p1")
            .into());
    };
    let year = Year::read(year, (&args.source, &args.rules, &args.r#box), context)?;
    let filing = year.filing(false)?;
    let Some(found) = explain(&filing, id) else {
        let missing = format!("no row {id} in {} with these rules", year.year);
        context.talk.note(&printable(&missing));
        return Ok(Verdict::Found);
    };
    let proofs = match &args.prove {
        Some(folder) => prove(&filing, id, folder, context)?,
        None => Vec::new(),
    };
    if context.settings.json {
        let sections = found.sections.iter().map(|it| Part {
            title: &it.title,
            sentences: &it.sentences,
        });
        context.out.json(&Told {
            row_id: id,
            sections: sections.collect(),
            proofs: &proofs,
        })?;
        return Ok(Verdict::Fine);
    }
    for line in found.to_string().lines() {
        context.out.line(printable(line))?;
    }
    for proof in &proofs {
        let line = format!("proof: {proof}; `tj check` checks it");
        context.out.line(printable(&line))?;
    }
    Ok(Verdict::Fine)
}

/// What `--json` prints.
#[derive(Serialize)]
struct Told<'a> {
    row_id: &'a str,
    sections: Vec<Part<'a>>,
    proofs: &'a [String],
}

#[derive(Serialize)]
struct Part<'a> {
    title: &'a str,
    sentences: &'a [String],
}

/// Writes a proof for each stream that the row's purchase and sale are in. Returns the files.
fn prove(
    filing: &Filing<'_>,
    id: &str,
    folder: &Path,
    context: &Context<'_>,
) -> anyhow::Result<Vec<String>> {
    let Some(row) = filing.row(id) else {
        return Ok(Vec::new());
    };
    let mut lines: BTreeMap<String, Vec<&Origin>> = BTreeMap::new();
    for origin in [row.buy_origin, row.sell_origin].into_iter().flatten() {
        lines
            .entry(origin.stream.to_string())
            .or_default()
            .push(origin);
    }
    let journal = journal::for_checking(&context.settings)?;
    let cannot = || format!("cannot prove the lines of {id}");
    let folder = std::path::absolute(folder).with_context(cannot)?;
    std::fs::create_dir_all(&folder).with_context(cannot)?;
    let mut files = Vec::new();
    for (name, origins) in lines {
        let Some(stream) = origins.first().map(|it| it.stream) else {
            continue;
        };
        let mut seqs: Vec<u64> = origins.iter().filter_map(|it| it.seq).collect();
        if seqs.is_empty() {
            context
                .talk
                .warning("a line of an older log cannot be proved");
            continue;
        }
        seqs.sort_unstable();
        seqs.dedup();
        let mut prover =
            Prover::open(&journal, stream, &context.settings.cache.value).with_context(cannot)?;
        let proof = prover.lines(&seqs, Stand::Oldest).map_err(|error| {
            Failure::new(cannot())
                .because(error)
                .hint("`tj checkpoint now` signs what is on disk; `tj verify` tells what is wrong")
        })?;
        // A trade may be called anything.
        let safe = |it: char| {
            if it.is_ascii_alphanumeric() || it == '-' {
                it
            } else {
                '_'
            }
        };
        let file = format!("{}_{name}.json", id.chars().map(safe).collect::<String>());
        let path = folder.join(file);
        disk::replace(&RealDisk, &path, proof.to_string().as_bytes()).with_context(cannot)?;
        files.push(path.display().to_string());
    }
    Ok(files)
}
