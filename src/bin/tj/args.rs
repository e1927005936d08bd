//! What can be typed: the flags and commands of `tj` as plain values.
//!
//! Always true:
//! - Parsing reads neither a file nor the environment; [`crate::settings`] does that.
//! - A stream's name is a [`Stream`] already; a wrong one is refused here, with the nearest.
//!
//! Not here: what a time means (it depends on the zone in the settings), and what a command does.

pub(crate) mod capture;
mod desk;
mod export;
mod import;
mod tax;
mod window;

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{
    Parser, Subcommand, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use clap_complete::Shell;
use rust_decimal::Decimal;
use tradejournal::books::metrics::Equity;
use tradejournal::books::risk::PortfolioValue;
use tradejournal::desk::reconcile::Column;
use tradejournal::keep::backup::Target;
use tradejournal::record::Stream;
use tradejournal::record::field::{ExecutionMode, OrderId};

pub(crate) use capture::Capture;
pub(crate) use desk::{
    Compare, Days, Inspect, InspectCalls, InspectWhat, Replay, ReplayDiff, ReplayWhat, Why,
};
pub(crate) use export::{Export, ExportCalls, ExportRecords, ExportWhat};
pub(crate) use import::{Import, ImportKind};
pub(crate) use tax::{
    Tax, TaxCheck, TaxExplain, TaxFile, TaxKind, TaxLots, TaxReconcile, TaxRules, TaxSource,
    TaxWhat, WashSale,
};
pub(crate) use window::{
    Window, WindowFlush, WindowKept, WindowLoad, WindowPlace, WindowRun, WindowStatus, WindowWhat,
};

/// A trade journal: typed records, on disk before the program says so, provably unaltered.
#[derive(Debug, Parser)]
#[command(
    name = "tj",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Streams: trades, performance-alerts, risk-management, sessions, fills, decisions, errors, calls, audit

Exit codes: 0 fine, 1 something was found (invalid input, damage, no match), 2 wrong usage,
3 could not run (locked, no such folder, disk)

Try it: tj demo"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// The journal's folder [env: TJ_DIR] [default: logs]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) dir: Option<PathBuf>,
    /// Where old days are [env: TJ_ARCHIVE] [default: archive, beside the journal's folder]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) archive: Option<PathBuf>,
    /// Where the signing key is [env: TJ_KEYS] [default: keys, beside the journal's folder]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) keys: Option<PathBuf>,
    /// Where what can be made anew is kept [env: TJ_CACHE] [default: cache, beside the journal's folder];
    /// a Redis, as redis://HOST:PORT/DB, keeps the results of `tj metrics` and `tj summary`
    #[arg(long, global = true, value_name = "FOLDER|URL")]
    pub(crate) cache: Option<PathBuf>,
    /// The file of settings [env: TJ_CONFIG] [default: tj.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON: one object a line for lists, one object for summaries
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Append(Append),
    Tail(Tail),
    Query(Box<Query>),
    Summary(Summary),
    Report(Box<Report>),
    Status(Status),
    Verify(Verify),
    Repair(Repair),
    Import(Import),
    Export(Export),
    Reconcile(Box<Reconcile>),
    Why(Why),
    Compare(Box<Compare>),
    Replay(Replay),
    Inspect(Inspect),
    Tax(Box<Tax>),
    Window(Box<Window>),
    Capture(Capture),
    Key(Key),
    Checkpoint(Checkpoint),
    Prove(Prove),
    Check(Check),
    Anchor(Anchor),
    Metrics(Metrics),
    Risk(Risk),
    Archive(Archive),
    Retention(Retention),
    Hold(Hold),
    Nightly(Nightly),
    Backup(Backup),
    Restore(Restore),
    Demo(Demo),
    Config(Config),
    Completions(Completions),
    Man(Man),
}

/// Append records, one JSON object a line: each is checked, and on disk before it is reported
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tj append trades trades.jsonl
  my-bot | tj append trades --json        a receipt a line, as soon as the record is on disk
  tj append trades --on-invalid skip < old.jsonl")]
pub(crate) struct Append {
    /// The stream to append to
    #[arg(value_name = "STREAM", value_parser = stream())]
    pub(crate) stream: Stream,
    /// The records; `-` or nothing is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// What to do at an invalid line; what came before it is on disk either way
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = OnInvalid::Stop)]
    pub(crate) on_invalid: OnInvalid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnInvalid {
    /// End there
    Stop,
    /// Leave the line out and go on
    Skip,
}

/// Show the last records
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tj tail trades
  tj tail risk-management -n 5 --json
  tj tail trades -f                       goes on with what comes, across midnight")]
pub(crate) struct Tail {
    /// The stream to read
    #[arg(value_name = "STREAM", value_parser = stream())]
    pub(crate) stream: Stream,
    /// How many records
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    pub(crate) lines: usize,
    /// Go on with what comes
    #[arg(short = 'f', long)]
    pub(crate) follow: bool,
}

/// Find, count and sum records, in open days and in the archive
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Times are a date, a date and time, or a span before now: 2025-10-26, 2025-10-26T14:30,
2025-10-26T14:30:00Z, 30m, 24h, 7d, 2w. Without a zone they are in [time] zone of tj.toml
(default UTC).

Examples:
  tj query trades --symbol AAPL --from 7d
  tj query trades --sum profit_loss --from 2025-10-26 --to 2025-10-26
  tj query trades --where entry_type=breakout --outcome win --count
  tj query trades --order-id abc-123-def --json
  tj query trades --csv > trades.csv")]
pub(crate) struct Query {
    /// The stream to read
    #[arg(value_name = "STREAM", value_parser = stream())]
    pub(crate) stream: Stream,
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    /// Not before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Before this time; a date without a time of day is included
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// At most so many records, the oldest first
    #[arg(long, value_name = "N", conflicts_with_all = ["count", "sum"])]
    pub(crate) limit: Option<u64>,
    /// Print how many there are
    #[arg(long, conflicts_with = "csv")]
    pub(crate) count: bool,
    /// Print the exact sum of a field
    #[arg(long, value_name = "FIELD", conflicts_with = "csv")]
    pub(crate) sum: Option<String>,
    /// Print CSV with a header, values as they are in the journal
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Records with")]
pub(crate) struct Wanted {
    /// this symbol
    #[arg(long, value_name = "SYMBOL")]
    pub(crate) symbol: Option<String>,
    /// this order_id
    #[arg(long, value_name = "ID")]
    pub(crate) order_id: Option<String>,
    /// this session_id
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// this strategy_name
    #[arg(long, value_name = "NAME")]
    pub(crate) strategy: Option<String>,
    /// this account_id
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<String>,
    /// this outcome: win, loss, breakeven or open (which a trade without an outcome is)
    #[arg(long, value_name = "OUTCOME", value_parser = ["win", "loss", "breakeven", "open"])]
    pub(crate) outcome: Option<String>,
    /// this action: BUY or SELL
    #[arg(long, value_name = "ACTION", value_parser = ["BUY", "SELL"], ignore_case = true)]
    pub(crate) action: Option<String>,
    /// this execution_mode: PAPER or LIVE
    #[arg(long, value_name = "MODE", value_parser = ["PAPER", "LIVE"], ignore_case = true)]
    pub(crate) mode: Option<String>,
    /// this value in any field; may be repeated
    #[arg(long = "where", value_name = "FIELD=VALUE", value_parser = field_and_value)]
    pub(crate) fields: Vec<(String, String)>,
}

/// The metrics of the last closed trades, or of all of them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An entry and its exits are one trade, which counts when its exits have the entry's quantity. LIVE and
PAPER have windows of their own. Without a starting equity there is no drawdown in per cent. The
defaults of window, equity and basis are in [metrics] of tj.toml.

Examples:
  tj metrics --starting-equity 100000
  tj metrics --by strategy --window 50 --from 30d
  tj metrics --series --json                    one object a closed trade
  tj metrics --tear-sheet --json | jq .sharpe")]
pub(crate) struct Metrics {
    /// How many trades a window takes [default: 20]
    #[arg(long, value_name = "N", conflicts_with = "tear_sheet")]
    pub(crate) window: Option<NonZeroU32>,
    /// What the account had before its first trade in the journal
    #[arg(long, value_name = "MONEY")]
    pub(crate) starting_equity: Option<Decimal>,
    /// PAPER, LIVE or all; of a tear sheet LIVE without it, if there are live trades
    #[arg(long, value_name = "MODE", value_parser = ["PAPER", "LIVE", "all"], ignore_case = true)]
    pub(crate) mode: Option<String>,
    /// Which result counts: after commission or before it
    #[arg(long, value_name = "BASIS", value_parser = ["net", "gross"])]
    pub(crate) basis: Option<String>,
    /// A window for each of these
    #[arg(long, value_name = "WHAT", value_parser = ["strategy", "symbol", "account", "mode"])]
    pub(crate) by: Option<String>,
    /// Trades that were closed at this time or later
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Trades that were closed before this time; a date without a time of day is included
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// The window after each closed trade
    #[arg(long)]
    pub(crate) series: bool,
    /// Everything about all trades instead of a window
    #[arg(long, conflicts_with_all = ["series", "by"])]
    pub(crate) tear_sheet: bool,
    #[command(flatten)]
    pub(crate) sheet: SheetFlags,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Of a tear sheet")]
pub(crate) struct SheetFlags {
    /// Which days have a return: business days, or all of a market that never closes
    #[arg(long, value_name = "DAYS", value_parser = ["business", "all"], requires = "tear_sheet")]
    pub(crate) calendar: Option<String>,
    /// How many of those days a year has [default: 252, or 365 of every day]
    #[arg(long, value_name = "N", requires = "tear_sheet")]
    pub(crate) periods: Option<NonZeroU32>,
    /// What money earns in a year without risk, as a part of 1 [default: 0]
    #[arg(
        long,
        value_name = "RATE",
        requires = "tear_sheet",
        allow_negative_numbers = true
    )]
    pub(crate) rf: Option<Decimal>,
    /// A CSV of order_id, mae, mfe: the worst and the best open result of trades, in money
    #[arg(long, value_name = "FILE", requires = "tear_sheet")]
    pub(crate) excursions: Option<PathBuf>,
}

/// Count and add up the trades that were closed on a day
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A trade belongs to the day of its last exit, in [time] zone of tj.toml (default UTC).

Examples:
  tj summary
  tj summary --day yesterday
  tj summary --day 2025-10-27 --json | jq .trades.PAPER.net_pnl")]
pub(crate) struct Summary {
    /// The day: 2025-10-27, today or yesterday
    #[arg(long, value_name = "DAY", default_value = "today")]
    pub(crate) day: String,
    /// Live trades, paper trades or both, apart
    #[arg(
        long,
        value_name = "MODE",
        value_enum,
        ignore_case = true,
        default_value = "all"
    )]
    pub(crate) mode: ModeWanted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeWanted {
    /// Simulated
    #[value(name = "PAPER")]
    Paper,
    /// With money at stake
    #[value(name = "LIVE")]
    Live,
    /// Both, apart
    All,
}

/// Show how trading went: results, risk, trades; as a page too
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A trade belongs to the day of its last exit, in [time] zone of tj.toml (default UTC). Live and paper
trades are never added up together.

The page is one file without anything outside it: open it in a browser, print it, send it.

Examples:
  tj report
  tj report --day 2025-10-27 --html report.html
  tj report --week --starting-equity 25000
  tj report --month 2025-10 --mode LIVE --json | jq .books[0].totals
  tj report --from 2025-01-01 --to 2025-12-31 --html 2025.html")]
pub(crate) struct Report {
    /// A day: 2025-10-27, today or yesterday [default: today]
    #[arg(long, value_name = "DAY", group = "days")]
    pub(crate) day: Option<String>,
    /// A week, from Monday: 2025-W44, or a day in it; this one without a value
    #[arg(long, value_name = "WEEK", group = "days", num_args = 0..=1, default_missing_value = "today")]
    pub(crate) week: Option<String>,
    /// A month: 2025-10, or a day in it; this one without a value
    #[arg(long, value_name = "MONTH", group = "days", num_args = 0..=1, default_missing_value = "today")]
    pub(crate) month: Option<String>,
    /// From this day on; from the first trade without it
    #[arg(long, value_name = "DAY", conflicts_with = "days")]
    pub(crate) from: Option<String>,
    /// Until this day, which is included; until today without it
    #[arg(long, value_name = "DAY", conflicts_with = "days")]
    pub(crate) to: Option<String>,
    /// Live trades, paper trades or both, apart [default: LIVE if there are any, else PAPER]
    #[arg(long, value_name = "MODE", value_enum, ignore_case = true)]
    pub(crate) mode: Option<ModeWanted>,
    /// What the account had before its first trade in the journal [default: metrics.starting_equity]
    #[arg(long, value_name = "MONEY", value_parser = equity)]
    pub(crate) starting_equity: Option<Equity>,
    /// Write the page into this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// Show the streams: records, days, sizes, last write, who holds the lock, free disk
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tj status
  tj status --json | jq '.streams[] | {stream, records}'")]
pub(crate) struct Status {}

/// Check every promise that can be checked from bytes, and name the first bad byte of each problem
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Checked: hashes, numbering, days, closing records, .sha256 files, each record, repeated order ids.
Exit code 1 means that something was found.

Examples:
  tj verify
  tj verify trades --chain                the chain alone, without the records' own rules
  tj verify --key my-journal/root+1a2b3c4d+AbCd...
  tj verify --against checkpoint.txt      was anything cut off or put back since then?")]
pub(crate) struct Verify {
    /// The stream to check; all of them without it
    #[arg(value_name = "STREAM", value_parser = stream())]
    pub(crate) stream: Option<Stream>,
    /// Leave out whether each record is valid
    #[arg(long)]
    pub(crate) chain: bool,
    /// The verifier key to trust, or a file with such keys [default: those noted beside the signing key];
    /// may be repeated
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Vec<String>,
    /// A checkpoint that was kept elsewhere: its line, or a file of such lines; may be repeated
    #[arg(long, value_name = "CHECKPOINT")]
    pub(crate) against: Vec<String>,
}

/// Make the keys that sign checkpoints
#[derive(Debug, clap::Args)]
#[command(after_help = "\
`tj key init` makes a root key and a year of day keys. The root key signs the list of the day keys
and nothing else; it is shown once, or written where --root-out says, and kept nowhere: put it where
the journal is not. Of the day keys only today's is on this machine, so whoever steals it cannot sign
yesterday. Whoever checks needs the verifier key alone.

Examples:
  tj key init --root-out /media/usb/root.key
  tj key renew --root /media/usb/root.key
  tj key show")]
pub(crate) struct Key {
    #[command(subcommand)]
    pub(crate) what: KeyWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyWhat {
    /// Begin: from now on checkpoints are signed
    Init {
        /// Write the root key into this new file instead of showing it
        #[arg(long, value_name = "FILE", conflicts_with = "static_key")]
        root_out: Option<PathBuf>,
        /// One key for ever, without a root key and a ring
        #[arg(long = "static")]
        static_key: bool,
    },
    /// Another year of day keys, before or after the last one has ended
    Renew {
        /// The file with the root key; `-` is standard input
        #[arg(long, value_name = "FILE")]
        root: PathBuf,
        /// Begin anew today, because the key was lost or somebody saw it
        #[arg(long)]
        fresh: bool,
    },
    /// A new root key and new day keys from today on, because the root key was lost or somebody saw it;
    /// what the old one vouched for is still checked with the old verifier key
    ReplaceRoot {
        /// Write the root key into this new file instead of showing it
        #[arg(long, value_name = "FILE")]
        root_out: Option<PathBuf>,
    },
    /// What there is, and until when
    Show,
}

/// Sign what is on disk now; hand checkpoints out
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Checkpoints are signed by themselves while a bot writes. One that is kept elsewhere, in a mail, on
paper, on another host, shows later whether anything was cut off or put back.

Examples:
  tj checkpoint now
  tj checkpoint export trades | mail -s checkpoint me@example.org
  tj checkpoint list trades")]
pub(crate) struct Checkpoint {
    #[command(subcommand)]
    pub(crate) what: CheckpointWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CheckpointWhat {
    /// Sign now
    Now {
        /// The stream; all of them without it
        #[arg(value_name = "STREAM", value_parser = stream())]
        stream: Option<Stream>,
    },
    /// Print the newest as one line, and note that it was handed out
    Export {
        /// The stream; all of them without it
        #[arg(value_name = "STREAM", value_parser = stream())]
        stream: Option<Stream>,
    },
    /// Show those of a stream
    List {
        /// The stream
        #[arg(value_name = "STREAM", value_parser = stream())]
        stream: Stream,
    },
}

/// Write one file that proves records to somebody who has nothing else
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The proof stands on the oldest checkpoint that covers the records, so it says since when they are
there; with --newest on the newest.

Examples:
  tj prove trades --order-id abc-123-def > proof.json
  tj prove trades --seq 41 --seq 42 --out proof.json
  tj prove trades --from-checkpoint old.txt       that nothing was changed since then")]
pub(crate) struct Prove {
    /// The stream
    #[arg(value_name = "STREAM", value_parser = stream())]
    pub(crate) stream: Stream,
    /// Every record with this order_id
    #[arg(long, value_name = "ID", required_unless_present_any = ["seq", "from_checkpoint"])]
    pub(crate) order_id: Option<String>,
    /// The record with this number; may be repeated
    #[arg(long, value_name = "N")]
    pub(crate) seq: Vec<u64>,
    /// Prove instead that this older checkpoint (its line, or a file) is the beginning of the newest
    #[arg(long, value_name = "CHECKPOINT", conflicts_with_all = ["order_id", "seq"])]
    pub(crate) from_checkpoint: Option<String>,
    /// Stand on the newest checkpoint
    #[arg(long)]
    pub(crate) newest: bool,
    /// The file to write; standard output without it
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Check a proof; needs no journal
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit code 0: it holds. 1: it does not.

Examples:
  tj check proof.json --key my-journal/root+1a2b3c4d+AbCd...
  tj check proof.json --key root.pub")]
pub(crate) struct Check {
    /// The proof; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The verifier key to trust, or a file with it
    #[arg(long, value_name = "KEY")]
    pub(crate) key: String,
    /// What it must be of: JOURNAL/STREAM/EPOCH
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) origin: Option<String>,
}

/// Have somebody else vouch for the time of a checkpoint
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tj anchor rfc3161 --url http://timestamp.example.org/tsr trades")]
pub(crate) struct Anchor {
    #[command(subcommand)]
    pub(crate) what: AnchorWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AnchorWhat {
    /// A time-stamp authority, as RFC 3161 has it
    Rfc3161 {
        /// The stream
        #[arg(value_name = "STREAM", value_parser = stream(), default_value = "trades")]
        stream: Stream,
        /// The authority's address: http://
        #[arg(long, value_name = "URL")]
        url: String,
        /// How long to wait for it
        #[arg(long, value_name = "SECONDS", default_value_t = 30)]
        timeout: u64,
    },
}

/// Show whether trading is paused, list the risk events, resume by hand
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The limits are [risk] of tj.toml. A pause that a bot recorded is shown whatever they are. A reset
reaches a running bot at its next check; nothing here needs one.

Examples:
  tj risk status --portfolio-value 100000
  tj risk events --from 7d
  tj risk reset --mode PAPER --why \"looked at the fills, the feed was stale\"")]
pub(crate) struct Risk {
    #[command(subcommand)]
    pub(crate) what: RiskWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RiskWhat {
    /// Whether trading is paused, why and since when; the day, the streak, what is open
    #[command(after_help = "\
Examples:
  tj risk status
  tj risk status --mode LIVE --portfolio-value 100000 --json | jq '.modes[].paused'")]
    Status {
        /// This mode alone
        #[arg(long, value_name = "MODE", value_parser = mode(), ignore_case = true)]
        mode: Option<ExecutionMode>,
        /// What the portfolio is worth: for the day's loss in per cent
        #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
        portfolio_value: Option<PortfolioValue>,
    },
    /// The risk events
    #[command(after_help = "\
Examples:
  tj risk events
  tj risk events --from 2025-10-26 --to 2025-10-26 --json")]
    Events {
        /// Not before this time
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// Before this time; a date without a time of day is included
        #[arg(long, value_name = "TIME")]
        to: Option<String>,
    },
    /// Resume trading that is paused
    #[command(after_help = "\
Exit code 1: trading is not paused.

Examples:
  tj risk reset --why \"the feed was stale\"
  tj risk reset --mode LIVE --why \"new limits from today\"")]
    Reset {
        /// Why, for the record
        #[arg(long, value_name = "TEXT")]
        why: String,
        /// Which mode; needed when both are paused
        #[arg(long, value_name = "MODE", value_parser = mode(), ignore_case = true)]
        mode: Option<ExecutionMode>,
        /// What the portfolio is worth; without it, what it was when trading was paused
        #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
        portfolio_value: Option<PortfolioValue>,
    },
}

/// Do what is safe: keep and cut a torn tail; explain damage
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A torn tail is what a crash left half-written and nobody was promised: it is kept in torn/.
Damage is a promised line that is wrong; it is never cut. Restore the day from a backup, or
accept it, so that the journal goes on and the place is on record.

Examples:
  tj repair trades
  tj repair trades --accept --reason \"disk error of 27 October\"")]
pub(crate) struct Repair {
    /// The stream to repair
    #[arg(value_name = "STREAM", value_parser = stream())]
    pub(crate) stream: Stream,
    /// Record the damage in `audit` and let the journal go on
    #[arg(long)]
    pub(crate) accept: bool,
    /// Why it is accepted, for the record
    #[arg(long, value_name = "TEXT", requires = "accept")]
    pub(crate) reason: Option<String>,
}

/// Compare the journal's trades with the broker's order history
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Orders are matched by order id, never by equal values. An exit stands in the journal under the id of
its entry: name it with --exit, or in a column entry_order_id, and it is matched too. Without --from
and --to the days of the file are compared.

Exit code 0: all is equal. 1: something differs.

Examples:
  tj reconcile --broker orders.csv
  tj reconcile --broker fills.csv --format alpaca --mode PAPER --json
  tj reconcile --broker orders.csv --map order_id='Order No' --map time=Executed
  tj reconcile --broker orders.csv --exit 7f3b=5c1d --append-missing")]
pub(crate) struct Reconcile {
    /// The broker's order history, a CSV
    #[arg(long, value_name = "FILE")]
    pub(crate) broker: PathBuf,
    /// Whose file it is [default: what its header tells]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) format: Option<BrokerFormat>,
    /// What the file calls a column, such as order_id='Order No'; may be repeated
    #[arg(long, value_name = "NAME=COLUMN", value_parser = column)]
    pub(crate) map: Vec<(Column, String)>,
    /// The broker's order that is the exit of an entry in the journal; may be repeated
    #[arg(long, value_name = "ORDER=ENTRY", value_parser = order_and_entry)]
    pub(crate) exit: Vec<(String, OrderId)>,
    /// The zone of times that have none [default: reconcile.timezone, else time.zone]
    #[arg(long, value_name = "ZONE")]
    pub(crate) timezone: Option<String>,
    /// Orders executed at this time or later
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Orders executed before this time; a date without a time of day is included
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// Which trades are compared
    #[arg(long, value_name = "MODE", value_parser = mode(), ignore_case = true, default_value = "LIVE")]
    pub(crate) mode: ExecutionMode,
    /// Append what is missing, as far as it is known what it was
    #[arg(long)]
    pub(crate) append_missing: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BrokerFormat {
    /// The orders of Robinhood's API as a table
    Robinhood,
    /// Alpaca's orders or account activities
    Alpaca,
    /// Columns as tj.toml or --map names them
    Generic,
}

/// Write a simulated trading day into an empty folder, and look at it
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// The folder
    #[arg(value_name = "FOLDER", default_value = "demo")]
    pub(crate) folder: PathBuf,
}

/// Show or check the settings
#[derive(Debug, clap::Args)]
#[command(after_help = "\
tj.toml:
  [journal]
  dir = \"logs\"                   # relative to this file
  archive = \"archive\"
  keys = \"keys\"
  cache = \"cache\"
  name = \"my-bot\"                # of a new journal
  min_free_bytes = 1000000000    # refuse to write with less free disk
  durability = \"synced\"          # or \"interval:500ms\"
  allow_personal_data = false

  [time]
  zone = \"America/New_York\"

  [cache]
  url = \"redis://localhost/0\"   # keeps results of `tj metrics` and `tj summary`

  [risk]                         # each may be left out
  max_position_pct = 5           # of the portfolio in one symbol
  max_daily_loss_pct = 3         # of the portfolio: then trading pauses
  max_consecutive_losses = 3     # then trading pauses
  reset = \"next-day\"             # what ends a pause; or \"by-hand\"

  [reconcile]                    # of a broker's file that is nobody else's
  timezone = \"America/New_York\" # of times that have none
  buy = [\"Kauf\"]                # words beyond the usual ones; sell, filled, unfilled too

  [reconcile.columns]
  order_id = \"Order No\"

  [tax]                          # of `tj tax`; its help has the words
  method = \"fifo\"
  timezone = \"America/New_York\"
  lot_scope = \"account\"
  splits = [\"NVDA=2024-06-10=10:1\"]

  [tax.wash]
  classes = [\"equity\", \"fund\"]  # [] is none; scope, tack, ira, identical, taxable_first,
                                 # exclude_older, same_sale_replaces too

  [tax.classes]                  # what the records do not say
  SPY = \"fund\"

  [tax.boxes]                    # of the form, by account
  main = \"A/D\"

  [window]                       # of `tj window`; each may be left out
  storage = \"storage\"
  symbol = \"BTCUSDT\"           # without it any, each in a folder of its own
  step = \"0.5\"                 # between price levels
  minutes = 2880
  archive = \"7d\"               # or \"never\"
  redis = \"redis://127.0.0.1:6379/0\"
  metrics_file = \"tj.prom\"

A flag comes before the environment, the environment before the file.

Examples:
  tj config show
  tj config check tj.toml")]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) what: ConfigWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigWhat {
    /// Every setting, its value and where it comes from
    Show,
    /// Whether a file of settings is valid
    Check {
        /// The file; without it, the one that would be used
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// Print the completions of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tj completions bash > ~/.local/share/bash-completion/completions/tj
  tj completions zsh > ~/.zfunc/_tj
  tj completions fish > ~/.config/fish/completions/tj.fish")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub(crate) shell: Shell,
}

/// Print the manual page, or write those of all commands
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tj man | man -l -
  tj man --out ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Write a page a command into this folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
}

fn equity(text: &str) -> Result<Equity, String> {
    let value: Decimal = text.parse().map_err(|_| "write it as 25000 or 25000.50")?;
    Equity::new(value).map_err(|error| error.to_string())
}

/// Move days that are old enough into the archive: packed, read back, and only then gone from the logs
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tj archive --dry-run
  tj archive --stream trades

How old is old enough is in [retention] of tj.toml.")]
pub(crate) struct Archive {
    /// That stream alone
    #[arg(long, value_name = "STREAM", value_parser = stream())]
    pub(crate) stream: Option<Stream>,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Delete archived days whose time is over
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tj retention plan
  tj retention apply --yes

Never deleted: what is not closed, not archived, damaged, on hold, or not old enough by the days closed since.")]
pub(crate) struct Retention {
    #[command(subcommand)]
    pub(crate) what: RetentionWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RetentionWhat {
    /// Show what would be deleted
    Plan {
        /// That stream alone
        #[arg(long, value_name = "STREAM", value_parser = stream())]
        stream: Option<Stream>,
    },
    /// Delete it
    Apply {
        /// That stream alone
        #[arg(long, value_name = "STREAM", value_parser = stream())]
        stream: Option<Stream>,
        /// Yes, for good
        #[arg(long)]
        yes: bool,
    },
}

/// Keep days from being deleted, whatever the rules say
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tj hold add --stream trades --from 2024-01-01 --to 2024-12-31 --why 'Case 4711'
  tj hold list
  tj hold lift 1 --why 'Settled'

A hold keeps everything newer as well, since only the oldest days are ever deleted.")]
pub(crate) struct Hold {
    #[command(subcommand)]
    pub(crate) what: HoldWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HoldWhat {
    /// Put one on
    Add {
        /// That stream alone
        #[arg(long, value_name = "STREAM", value_parser = stream())]
        stream: Option<Stream>,
        /// The first day that it keeps, in UTC
        #[arg(long, value_name = "DAY")]
        from: Option<String>,
        /// The last day that it keeps, in UTC
        #[arg(long, value_name = "DAY")]
        to: Option<String>,
        /// Why; it goes into the journal for good
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Show those that hold
    List,
    /// Lift one
    Lift {
        /// Which
        #[arg(value_name = "HOLD")]
        number: u64,
        /// Why; it goes into the journal for good
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
}

/// Everything that is due once a day: close idle days, archive, retention, verification, the report
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tj nightly
  30 16 * * 1-5  cd /srv/bot && /usr/local/bin/tj nightly       in a crontab with CRON_TZ=America/New_York

scripts/crontab and scripts/tj-nightly.timer are ready to be used. A bot may be writing meanwhile.")]
pub(crate) struct Nightly {}

/// Make a backup of the whole journal while bots write, and put it into every target, read back
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A target is a folder, or a folder of another host over ssh: /mnt/backup, bot@vault:backup. Without --to
they are those of [backup] to in tj.toml, which also says how many backups stay.

Examples:
  tj backup --to /mnt/backup --to bot@vault:backup
  tj backup --plan
  tj backup list
  tj backup verify bot@vault:backup")]
pub(crate) struct Backup {
    #[command(subcommand)]
    pub(crate) what: Option<BackupWhat>,
    /// Where to; may be repeated
    #[arg(long, global = true, value_name = "TARGET")]
    pub(crate) to: Vec<Target>,
    #[command(flatten)]
    pub(crate) ssh: SshFlags,
    /// Print which backups stay and which would go, and do nothing
    #[arg(long, visible_alias = "dry-run")]
    pub(crate) plan: bool,
}

#[derive(Debug, Default, clap::Args)]
pub(crate) struct SshFlags {
    /// The port of ssh [default: as ssh's own settings say]
    #[arg(long, global = true, value_name = "PORT")]
    pub(crate) ssh_port: Option<u16>,
    /// The file of ssh's settings [default: ssh's own]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ssh_config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BackupWhat {
    /// Show the backups that are there
    List,
    /// Read a backup to its end and hold every file against its list
    Verify {
        /// The backup; of a target the newest [default: that of the first target in tj.toml]
        #[arg(value_name = "FILE|TARGET")]
        from: Option<Target>,
    },
}

/// Restore a journal from a backup: verified before a byte is written, and whole or not there
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tj restore /mnt/backup --into restored
  tj restore bot@vault:backup --at 2025-10-26 --into restored
  tj restore --drill                     shows that it can be done, and how long it takes

The journal goes on under a new epoch. Keys are in no backup: put the key folder beside it.")]
pub(crate) struct Restore {
    /// The backup; of a target the newest [default: that of the first target in tj.toml]
    #[arg(value_name = "FILE|TARGET")]
    pub(crate) from: Option<Target>,
    /// The newest that was made before this time; a date without a time of day is included
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// The folder that gets logs, archive and so on; it must not be there, or be empty
    #[arg(long, value_name = "FOLDER", required_unless_present = "drill")]
    pub(crate) into: Option<PathBuf>,
    /// Move what is there aside
    #[arg(long)]
    pub(crate) force: bool,
    /// Also a journal that was damaged when it was backed up
    #[arg(long)]
    pub(crate) damaged: bool,
    /// Remove it again: whether it can be done
    #[arg(long, conflicts_with = "force")]
    pub(crate) drill: bool,
    #[command(flatten)]
    pub(crate) ssh: SshFlags,
}

fn stream() -> impl TypedValueParser<Value = Stream> {
    PossibleValuesParser::new(Stream::ALL.map(Stream::name)).try_map(|name| name.parse::<Stream>())
}

fn mode() -> impl TypedValueParser<Value = ExecutionMode> {
    PossibleValuesParser::new(ExecutionMode::ALL.iter().map(|it| it.as_str()))
        .try_map(|word| word.to_uppercase().parse::<ExecutionMode>())
}

fn column(text: &str) -> Result<(Column, String), String> {
    let known = || Column::ALL.iter().map(|it| it.name());
    let Some((name, title)) = text.split_once('=').filter(|it| !it.1.trim().is_empty()) else {
        return Err("write it as order_id='Order No'".to_owned());
    };
    let column = name.parse::<Column>().map_err(|_| {
        let known: Vec<&str> = known().collect();
        format!("`{name}` is none of {}", known.join(", "))
    })?;
    Ok((column, title.to_owned()))
}

fn order_and_entry(text: &str) -> Result<(String, OrderId), String> {
    let parts = text.split_once('=').filter(|it| !it.0.is_empty());
    let entry = parts.and_then(|it| Some((it.0.to_owned(), OrderId::try_from(it.1).ok()?)));
    entry.ok_or_else(|| "write it as ORDER=ENTRY, two order ids".to_owned())
}

fn field_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((field, value)) if !field.is_empty() => Ok((field.to_owned(), value.to_owned())),
        _ => Err("write it as field=value".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Args::command().debug_assert();
    }
}
