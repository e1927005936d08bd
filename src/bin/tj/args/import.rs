//! What can be typed after `tj import`.
//!
//! Not here: what stands in the files.

use std::path::PathBuf;

use clap::ValueEnum;

use super::OnInvalid;

/// Take older logs into the journal
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Files are taken in the given order, plain or gzip. Numbers where the journal has decimal texts are
converted digit by digit. Nothing is written when a line is invalid, unless --on-invalid skip.
Calls are market_data_*.jsonl, one call a line; each `meta` line is taken into the sessions.

Examples:
  tj import trades --dry-run old/*.jsonl
  tj import trades old/*.jsonl
  tj import calls --timezone America/New_York records/market_data_schwab_*.jsonl
  tj import trades --timezone America/New_York old/2024-01-05.jsonl")]
pub(crate) struct Import {
    /// What the files hold
    #[arg(value_name = "KIND", value_enum)]
    pub(crate) kind: ImportKind,
    /// The files, in order
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The zone of times that have none, e.g. America/New_York
    #[arg(long, value_name = "ZONE")]
    pub(crate) timezone: Option<String>,
    /// Show what would happen and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// What to do with invalid lines and with lines that the journal already has
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = OnInvalid::Stop)]
    pub(crate) on_invalid: OnInvalid,
    /// Calls of this method are outputs, which a replay compares, besides `place_*_order`; may be repeated
    #[arg(long, value_name = "METHOD")]
    pub(crate) output: Vec<String>,
    /// Leave api keys, signatures, tokens and passwords in calls as they are
    #[arg(long)]
    pub(crate) keep_secrets: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportKind {
    /// Daily trade logs: JSON Lines with the trade fields
    Trades,
    /// Market-data recordings: a call a line, `meta` where a run begins
    Calls,
}
