//! `tj prove`: one file that shows records to somebody who has nothing else.
//!
//! Always true: a proof that is written checks.

use std::{ops::ControlFlow, path::Path, sync::Arc};

use anyhow::Context as _;
use tradejournal::disk::{self, RealDisk};
use tradejournal::evidence::{Prover, Stand};
use tradejournal::journal::Journal;

use super::Context;
use crate::args::Prove;
use crate::evidence;
use crate::failure::{Failure, Verdict};
use crate::journal;
use crate::output::printable;

pub(crate) fn run(args: &Prove, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let journal = journal::for_checking(&context.settings)?;
    let stream = args.stream;
    let cannot = || format!("cannot prove anything of {stream}");
    let mut prover =
        Prover::open(&journal, stream, &context.settings.cache.value).with_context(cannot)?;
    let proof = if let Some(older) = &args.from_checkpoint {
        let older = evidence::checkpoint_of(stream, older)?;
        prover.consistency(&older)
    } else {
        let mut seqs = args.seq.clone();
        if let Some(order_id) = &args.order_id {
            seqs.extend(of_order(&journal, args, order_id, context));
            if seqs.is_empty() {
                context
                    .talk
                    .note(&printable(&format!("no record with order_id {order_id}")));
                return Ok(Verdict::Found);
            }
        }
        seqs.sort_unstable();
        seqs.dedup();
        let stand = if args.newest {
            Stand::Newest
        } else {
            Stand::Oldest
        };
        prover.lines(&seqs, stand)
    };
    let proof = proof.map_err(|error| {
        Failure::new(cannot())
            .because(error)
            .hint("`tj checkpoint now` signs what is on disk; `tj verify` tells what is wrong")
    })?;
    // Whoever reads the proof slowly must not keep others from the cache.
    drop(prover);
    match &args.out {
        Some(path) => write(path, &proof.to_string())?,
        None => context.out.bytes(proof.to_string().as_bytes())?,
    }
    Ok(Verdict::Fine)
}

/// The numbers of an order's records.
fn of_order(journal: &Journal, args: &Prove, order_id: &str, context: &Context<'_>) -> Vec<u64> {
    let mut seqs = Vec::new();
    let query = journal.query(args.stream).field("order_id", order_id);
    query.visit(|item| {
        match item {
            Ok(line) => match line.tail() {
                Some(tail) => seqs.push(tail.seq),
                None => context
                    .talk
                    .warning("a line of an older log cannot be proved"),
            },
            Err(error) => context.talk.warning(&printable(&error.to_string())),
        }
        ControlFlow::Continue(())
    });
    seqs
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let disk = Arc::new(RealDisk);
    let path = std::path::absolute(path)?;
    disk::replace(&*disk, &path, text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}
