//! What can be typed after `tj capture`.
//!
//! Not here: the file of settings, which is no `tj.toml`.

use std::path::PathBuf;

use clap::Subcommand;

/// What the exchange Bybit says, in a database; and what of it is missing
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Recorded are public trades and tickers, and one's own account where there is a key for it. What was
missed is a gap, with its cause; it is asked for by requests, and called filled only by proof.
--config names a file of settings of its own, no tj.toml: `tj capture check --help` shows it.

Examples:
  tj capture check
  tj capture bybit --config conf/recorder.yaml
  tj capture status recorder.db
  tj capture gaps recorder.db --state partly")]
pub(crate) struct Capture {
    #[command(subcommand)]
    pub(crate) what: CaptureWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CaptureWhat {
    Check(CaptureCheck),
    Bybit(CaptureBybit),
    Status(CaptureDatabase),
    Gaps(CaptureGaps),
}

/// Whether the settings of a capture are valid, and what holds: each value, and where it is from
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The file is --config FILE, else RECORDER_CONFIG_PATH, else conf/recorder.yaml, else recorder.yaml.
Its ending says whether it is YAML or TOML. Paths are meant from where the program runs. Spans are
seconds.

  symbols: [BTCUSDT]                      the only key that must be there
  category: linear                        or inverse, spot, option
  database_url: sqlite:///recorder.db     or sqlite:////srv/recorder.db, or a plain path
  testnet: false
  batch_size: 100                         so many rows are written at once at least,
  flush_interval: 5.0                     or what has waited for so long
  gap_threshold_seconds: 5.0              shorter gaps are declared and not filled
  health_log_interval: 300.0
  keep_raw: false                         each message as it came
  buffer_mb: 64                           what may wait to be written
  metrics_file: \"\"                        a text file for Prometheus
  ws_host: wss://stream.bybit.com         rest_host: https://api.bybit.com
  account:                                or TJ_BYBIT_API_KEY and TJ_BYBIT_API_SECRET, which come
    api_key: ...                          first; from a file only when it is its owner's alone,
    api_secret: ...                       chmod 600
  timing:                                 ping_interval 20, pong_timeout 10, answer_timeout 10,
    ping_interval: 20                     connect_timeout 10, request_timeout 10,
                                          reconnect_min 0.5, reconnect_max 30, refused_retry 60,
                                          stall_timeout 60, settle 2, executions_lag 10,
                                          compare_interval 300, retry_min 2, retry_max 120,
                                          forbidden_pause 600, reorder 1

A secret is never printed.

Exit code 2: the settings are not valid, or there is no such file.

Examples:
  tj capture check
  tj capture check --config recorder.toml --json")]
pub(crate) struct CaptureCheck {}

/// Record the exchange Bybit until it is told to end
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The settings are those that `tj capture check` shows. What happens is told on standard error, each
line with its time; with --json on standard output, one object a line. Every health_log_interval it
is told how it goes: rows, connections, gaps, room.

SIGINT and SIGTERM end it: what came is written first, and the exit code is 0. A second one ends it
at once, with 130. A connection that breaks is made again; a database that cannot be written is
tried again.

Exit code 1: rows that came were not written.

Examples:
  tj capture bybit
  tj capture bybit --config conf/recorder.yaml --metrics-file /var/lib/node_exporter/capture.prom
  tj capture bybit --config recorder.toml --json")]
pub(crate) struct CaptureBybit {
    /// Tell each connection too: made, ended and why
    #[arg(long)]
    pub(crate) debug: bool,
    /// A text file for Prometheus, written every ten seconds
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics_file: Option<PathBuf>,
}

/// How a capture stands: its last run, rows, the newest of each stream, gaps, room
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reading disturbs no capture that runs.

Exit code 1, something needs a person:
  - the last run crashed, or ended by an error;
  - it says that it runs, and its process is gone, or nothing came for ten minutes;
  - a gap has been open for more than an hour, and is not one of those that are too short to be filled;
  - of trades or executions something was missed for good, within the last day. (What tickers,
    orders, positions and wallets were meanwhile can never be had: such gaps are counted, and no
    alarm.)

Examples:
  tj capture status recorder.db
  tj capture status recorder.db --json")]
pub(crate) struct CaptureDatabase {
    /// The database
    #[arg(value_name = "DB")]
    pub(crate) database: PathBuf,
}

/// The gaps of a capture: from when to when, why, and what became of each
#[derive(Debug, clap::Args)]
#[command(after_help = "\
States: open, it is not known yet what can be had, or it is too short to be asked for; filled, all
of it is there, by proof; partly, some of it is there, and what is missing is named; unfillable,
nothing can be had.

Examples:
  tj capture gaps recorder.db
  tj capture gaps recorder.db --state partly --symbol BTCUSDT --json")]
pub(crate) struct CaptureGaps {
    /// The database
    #[arg(value_name = "DB")]
    pub(crate) database: PathBuf,
    /// Those of this state
    #[arg(long, value_name = "STATE", value_parser = ["open", "filled", "partly", "unfillable"])]
    pub(crate) state: Option<String>,
    /// Those of this symbol
    #[arg(long, value_name = "SYMBOL")]
    pub(crate) symbol: Option<String>,
}
