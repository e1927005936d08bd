//! What can be typed after `tj window`.
//!
//! Not here: what a time means; it depends on the zone in the settings.

use std::path::PathBuf;

use clap::Subcommand;
use rust_decimal::Decimal;
use tradejournal::feed::window::Step;
use tradejournal::record::field::Pair;

/// Public trades, minute by minute: the last 48 hours at hand, everything in files
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  feed | tj window run --from -
  feed | tj window run --from - --symbol BTCUSDT --redis redis://127.0.0.1:6379/0
  tj window load 2024-10-23T14:30 --symbol BTCUSDT
  tj window status")]
pub(crate) struct Window {
    #[command(subcommand)]
    pub(crate) what: WindowWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WindowWhat {
    Run(WindowRun),
    Load(WindowLoad),
    Status(WindowStatus),
    Flush(WindowFlush),
}

/// Where a window is.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WindowPlace {
    /// The folder of minutes [default: storage, beside the journal's folder]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) storage: Option<PathBuf>,
    /// The only symbol: its files are in the folder itself, not in one for each symbol
    #[arg(long, value_name = "SYMBOL")]
    pub(crate) symbol: Option<Pair>,
}

/// How a window is kept.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WindowKept {
    #[command(flatten)]
    pub(crate) place: WindowPlace,
    /// How far apart price levels are, e.g. 0.5; without it each price is a level
    #[arg(long, value_name = "STEP", value_parser = step)]
    pub(crate) step: Option<Step>,
    /// How many minutes the window has [default: 2880, which is 48 hours]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=5_256_000))]
    pub(crate) minutes: Option<u32>,
    /// A Redis that has a copy of the window, e.g. redis://127.0.0.1:6379/0
    #[arg(long, value_name = "URL")]
    pub(crate) redis: Option<String>,
}

fn step(text: &str) -> Result<Step, String> {
    let step = text.parse::<Decimal>().ok().and_then(Step::new);
    step.ok_or_else(|| "a step is a decimal above 0, such as 0.5".to_owned())
}

/// Collect trades: on disk before they are acknowledged, then minutes, then files
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A trade is a JSON object a line: id, time (RFC 3339, or milliseconds since 1970), symbol, side (buy or
sell), price, size. What else a line has is left alone. A trade counts once, by its id.

With --acks one JSON object is printed for each batch, when it is on disk: how many lines of the input are
done with, and what became of them. A line that is refused is told on standard error.

Everything else is tried again and told once: a full disk, a Redis that is away. What a kill leaves undone
the next run does. At the end of the input everything becomes files.

Exit code 1: lines were refused, or something is not in files yet.

Examples:
  feed | tj window run --from -
  feed | tj window run --from - --symbol BTCUSDT --step 0.5 --metrics-file /var/lib/node_exporter/tj.prom
  tj window run --from trades.jsonl --storage storage --json")]
pub(crate) struct WindowRun {
    /// The trades: a file, or - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
    #[command(flatten)]
    pub(crate) kept: WindowKept,
    /// Print what is on disk, batch by batch
    #[arg(long)]
    pub(crate) acks: bool,
    /// A text file for Prometheus, written every ten seconds
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics_file: Option<PathBuf>,
}

/// Show a minute, or several
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Read are the window, the files and the archive, in one order; also while a collector runs, and then also
minutes that are not over. Prices are levels; volumes are exact.

Exit code 1: nothing was traded then, or something could not be read.

Examples:
  tj window load 2024-10-23T14:30
  tj window load 2024-10-23T14:30 --to 2024-10-23T15:00 --symbol BTCUSDT --json")]
pub(crate) struct WindowLoad {
    /// The minute, e.g. 2024-10-23T14:30, in the zone of the settings
    #[arg(value_name = "MINUTE")]
    pub(crate) minute: String,
    /// The last minute, of several
    #[arg(long, value_name = "MINUTE")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) place: WindowPlace,
}

/// How a window stands: minutes, files, bytes, what is wrong
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code 1: something needs a person.")]
pub(crate) struct WindowStatus {
    #[command(flatten)]
    pub(crate) place: WindowPlace,
}

/// Write what is due, after a collector ended: minutes into files, what left the window out of Redis
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A collector that runs does all this itself; then nothing is done, and the exit code is 3.

Exit code 1: something could not be written.")]
pub(crate) struct WindowFlush {
    #[command(flatten)]
    pub(crate) kept: WindowKept,
}
