//! What can be typed after `tj export`.

mod calls;

use std::path::PathBuf;

use clap::Subcommand;
use tradejournal::bot::StrategyName;

pub(crate) use calls::ExportCalls;

/// Write records in another form: CSV for spreadsheets, JSON lists
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  tj export fills --day 2025-10-27 > fills.csv
  tj export errors --json --out errors.json
  tj export calls --format market-data"
)]
pub(crate) struct Export {
    #[command(subcommand)]
    pub(crate) what: ExportWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ExportWhat {
    /// Fills, as the trade log's files have them
    Fills(ExportRecords),
    /// Decisions, as the trade log's files have them
    Decisions(ExportRecords),
    /// Errors, as the trade log's files have them
    Errors(ExportRecords),
    Calls(ExportCalls),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Prints CSV, or with --json one JSON list. With --into it writes the files of a trade log,
one a UTC day: FOLDER/csv/NAME_trades_20251027.csv, FOLDER/json/NAME_trades_20251027.json.

Examples:
  tj export fills --day 2025-10-27
  tj export fills --from 2025-10-01 --to 2025-10-31 --out october.csv
  tj export errors --json --out errors.json
  tj export decisions --csv --into logs/data --strategy avellaneda")]
pub(crate) struct ExportRecords {
    /// CSV, which it is without --json too
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    /// A UTC day: 2025-10-27, today or yesterday
    #[arg(long, value_name = "DAY", conflicts_with_all = ["from", "to"])]
    pub(crate) day: Option<String>,
    /// Not before this time; with --into a UTC day
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Before this time; a date without a time of day is included
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// Write into this file; `-` is standard output
    #[arg(long, value_name = "FILE", conflicts_with = "into")]
    pub(crate) out: Option<PathBuf>,
    /// Write the files of a trade log below this folder
    #[arg(long, value_name = "FOLDER", requires = "strategy")]
    pub(crate) into: Option<PathBuf>,
    /// What these files are called
    #[arg(long, value_name = "NAME", requires = "into")]
    pub(crate) strategy: Option<StrategyName>,
}
