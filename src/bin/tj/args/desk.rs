//! What can be typed to ask what a bot did: `tj why`, `compare`, `replay`, `inspect`.
//!
//! Not here: what a time means; it depends on the zone in the settings.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use tradejournal::desk::calls::Ignored;
use tradejournal::desk::compare::Tolerance;

use crate::words::span;

/// Why an order was placed, and what came of it: decision, calls, fills, errors, risk events in time order
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The order is looked for in fills, trades, decisions, calls and errors, by order_id or client_order_id.
A decision that does not name the order is the last one about the same symbol within --window before it.

Exit code 1: no line names the order, or something could not be read.

Examples:
  tj why order_1
  tj why client-17 --window 5m
  tj why order_1 --json | jq -r '.entries[] | \"tj prove \\(.stream) --seq \\(.seq)\"'")]
pub(crate) struct Why {
    /// The order, by its id at the exchange or at the bot
    #[arg(value_name = "ORDER_ID")]
    pub(crate) order_id: String,
    /// How far around the order decisions, errors and risk events are looked for
    #[arg(long, value_name = "SPAN", value_parser = span, default_value = "60s")]
    pub(crate) window: Duration,
}

/// Compare live fills with what a backtest expected
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The file is a CSV with a header, JSON Lines or a JSON list, with the columns order_id, symbol, side, time
(or timestamp, datetime_utc), price, size, fee, pnl; the last two and order_id may be left out. What
`tj query fills --csv` or --json prints is such a file.

Fills of one order are put together. Orders that both sides have by id and direction are matched; what is
left by symbol, side and the nearest time within --window, each once. A deviation above 0 is worse for the
trader. Without --day, --from and --to the days of the file are compared.

Exit code 0: nothing is missing or extra, and all is within the tolerances. 1: it is not.

Examples:
  tj compare --live fills --expected backtest.csv
  tj compare --live fills --expected backtest.csv --price-tolerance 5bps --time-tolerance 2s
  tj compare --live trades --expected paper.jsonl --day 2025-10-27 --json")]
pub(crate) struct Compare {
    /// The stream with the live fills
    #[arg(long, value_name = "STREAM", value_parser = ["fills", "trades"])]
    pub(crate) live: String,
    /// The file with what was expected
    #[arg(long, value_name = "FILE")]
    pub(crate) expected: PathBuf,
    /// How far apart in time two may be that are one
    #[arg(long, value_name = "SPAN", value_parser = span, default_value = "60s")]
    pub(crate) window: Duration,
    /// How far a price may deviate: 5bps or 0.01
    #[arg(long, value_name = "TOLERANCE", default_value = "0")]
    pub(crate) price_tolerance: Tolerance,
    /// How far a size may deviate: 5bps or 0.001
    #[arg(long, value_name = "TOLERANCE", default_value = "0")]
    pub(crate) size_tolerance: Tolerance,
    /// How far a time may deviate [default: any time]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub(crate) time_tolerance: Option<Duration>,
    /// This symbol alone
    #[arg(long, value_name = "SYMBOL")]
    pub(crate) symbol: Option<String>,
    #[command(flatten)]
    pub(crate) days: Days,
}

/// Work with recordings of a bot's outside calls
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tj replay diff old/logs new/logs
  tj replay diff recorded.jsonl new/logs --outputs-only")]
pub(crate) struct Replay {
    #[command(subcommand)]
    pub(crate) what: ReplayWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReplayWhat {
    Diff(ReplayDiff),
}

/// Compare two recordings of a bot call by call
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A recording is the folder of a journal, a folder and a session (logs#550e8400: the calls from its start to
that of the next one), or a .jsonl file of lines of `calls`. Outermost calls are compared, thread by thread;
JSON by what it says (1.50 is 1.5). A call that is missing on one side makes no later one differ.

Exit code 0: they are the same. 1: they differ, or calls are lost or unreadable in one of them.

Examples:
  tj replay diff old/logs new/logs
  tj replay diff old/logs new/logs --outputs-only --ignore args.4
  tj replay diff logs#550e8400 logs#6ba7b810 --time-tolerance 50ms --json")]
pub(crate) struct ReplayDiff {
    /// The recording that is expected
    #[arg(value_name = "A")]
    pub(crate) a: String,
    /// The other one
    #[arg(value_name = "B")]
    pub(crate) b: String,
    /// Compare outputs alone, such as orders that were placed
    #[arg(long)]
    pub(crate) outputs_only: bool,
    /// Compare times and durations too, which may differ so much; times count from the first common call
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub(crate) time_tolerance: Option<Duration>,
    /// What may differ: result.timestamp, args.2, kwargs.nonce, error, thread; may be repeated
    #[arg(long, value_name = "PATH")]
    pub(crate) ignore: Vec<Ignored>,
}

/// Look into recordings
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tj inspect calls")]
pub(crate) struct Inspect {
    #[command(subcommand)]
    pub(crate) what: InspectWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum InspectWhat {
    Calls(InspectCalls),
}

/// The outside calls of a bot: how many, how fast, what failed, what was lost
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Percentiles are durations that were recorded, by the nearest rank.

Exit code 1: calls were lost, there are none, or something could not be read.

Examples:
  tj inspect calls --day today
  tj inspect calls --method get_last_price --from 24h
  tj inspect calls --json | jq '.methods[] | {method, p99_ns}'")]
pub(crate) struct InspectCalls {
    /// This method alone
    #[arg(long, value_name = "NAME")]
    pub(crate) method: Option<String>,
    #[command(flatten)]
    pub(crate) days: Days,
}

/// Which time is looked at.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Days {
    /// A day: 2025-10-27, today or yesterday
    #[arg(long, value_name = "DAY", conflicts_with_all = ["from", "to"])]
    pub(crate) day: Option<String>,
    /// Not before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Before this time; a date without a time of day is included
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
}
