//! What can be typed after `tj export calls`.
//!
//! Not here: what the files look like.

use std::path::PathBuf;

use clap::ValueEnum;
use tradejournal::record::field::SessionId;

/// Recorded calls, in files that `tj import calls` and other recorders' tools read
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Writes records/market_data_MARKET_YYYYMMDD.jsonl, one for the market of a run and the day on which
the run began, in [time] zone of tj.toml. A file has a `meta` line where a run begins, and a line for
each of its calls: ts, method, args, kwargs, result, error. What was called inside of another
recorded call is left out; so is what the format has no place for: durations and threads.

Exit code 1: some lines could not be read, and are not in the files.

Examples:
  tj export calls --format market-data
  tj export calls --format market-data --market schwab --from 7d --into records
  tj export calls --format market-data --session 550e8400-e29b-41d4-a716-446655440000 --out -")]
pub(crate) struct ExportCalls {
    /// The format
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) format: CallFormat,
    /// Only runs of this market; those that name none are of it
    #[arg(long, value_name = "MARKET")]
    pub(crate) market: Option<String>,
    /// Only this run
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<SessionId>,
    /// Only calls that began at this time or later
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Only calls that began before this time; a date without a time of day is included
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// The folder to write into
    #[arg(long, value_name = "FOLDER", default_value = "records")]
    pub(crate) into: PathBuf,
    /// One file for everything instead; `-` is standard output
    #[arg(long, value_name = "FILE", conflicts_with = "into")]
    pub(crate) out: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CallFormat {
    /// JSON Lines: a call a line, `meta` where a run begins
    MarketData,
}
