//! `tj completions`: what a shell reads to complete `tj`, made from the arguments themselves.

use clap::CommandFactory;

use crate::args::{Args, Completions};
use crate::failure::Verdict;
use crate::output::Out;

pub(crate) fn run(args: &Completions, out: &mut Out) -> anyhow::Result<Verdict> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "tj", &mut script);
    out.bytes(&script)?;
    Ok(Verdict::Fine)
}
