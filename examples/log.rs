//! A bot's own log: text that `tracing` writes, in files that rotate, beside the journal.
//!
//! ```text
//! cargo run --example log --features tracing -- /tmp/bot
//! ```

#![allow(clippy::print_stdout, reason = "it talks to a person")]

use std::{env, error::Error, fs, path::Path};

use tradejournal::keep::{LogWriter, SweepPolicy, TextLog};
use tradejournal::time::{Clock, SystemClock};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args()
        .nth(1)
        .unwrap_or_else(|| "log-example".to_owned());
    fs::create_dir_all(&folder)?;
    let path = Path::new(&folder).join("bot.log");

    // 10 MB a file and 3 older ones; a second process on the same file is refused.
    let log = LogWriter::new(TextLog::open(&path)?);
    let swept = log.with(|it| it.sweep(SystemClock.now(), SweepPolicy::default()))?;
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time()
        .log_internal_errors(false)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(symbol = "AAPL", "connected");
        tracing::warn!(seconds = 3, "the feed is late");
    });
    // What is logged survives the process by itself; this survives the power.
    log.flush()?;

    // A subscriber tells nobody that a line was lost, the writer does.
    let (troubles, failed) = log.troubles();
    println!(
        "{} old files swept, {failed} writes failed {troubles:?}",
        swept.len()
    );
    print!("{}", fs::read_to_string(&path)?);
    Ok(())
}
