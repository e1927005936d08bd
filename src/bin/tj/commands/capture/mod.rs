//! `tj capture`: what an exchange says, in a database, and what of it is missing.
//!
//! Always true: it needs no journal and no `tj.toml`. The command is in every build, also where it can only
//! say how to get one that records.
//!
//! Not here: what is recorded and what a gap is; the library knows that.

#[cfg(all(feature = "bybit", feature = "sqlite"))]
mod bybit;
#[cfg(all(feature = "bybit", feature = "sqlite"))]
mod check;
#[cfg(all(feature = "bybit", feature = "sqlite"))]
mod gaps;
#[cfg(all(feature = "bybit", feature = "sqlite"))]
mod going;
#[cfg(all(feature = "bybit", feature = "sqlite"))]
mod numbers;
#[cfg(all(feature = "bybit", feature = "sqlite"))]
mod signals;
#[cfg(all(feature = "bybit", feature = "sqlite"))]
mod standing;
#[cfg(all(feature = "bybit", feature = "sqlite"))]
mod status;
#[cfg(all(feature = "bybit", feature = "sqlite"))]
mod voice;

use crate::args::{Capture, Global};
use crate::failure::Verdict;
use crate::output::{Out, Talk};

#[cfg(all(feature = "bybit", feature = "sqlite"))]
pub(crate) fn run(
    args: &Capture,
    flags: &Global,
    out: &mut Out,
    talk: &Talk,
) -> anyhow::Result<Verdict> {
    use crate::args::CaptureWhat;

    match &args.what {
        CaptureWhat::Check(_) => check::run(flags, out),
        CaptureWhat::Bybit(wanted) => bybit::run(wanted, flags, talk),
        CaptureWhat::Status(wanted) => status::run(wanted, flags.json, out),
        CaptureWhat::Gaps(wanted) => gaps::run(wanted, flags.json, out),
    }
}

#[cfg(not(all(feature = "bybit", feature = "sqlite")))]
pub(crate) fn run(
    _args: &Capture,
    _flags: &Global,
    _out: &mut Out,
    _talk: &Talk,
) -> anyhow::Result<Verdict> {
    use crate::failure::Failure;

    let hint = "cargo install tradejournal --features bybit,sqlite";
    Err(Failure::usage("this tj was built without captures")
        .hint(hint)
        .into())
}

/// Milliseconds of an exchange, or of a machine, as people read them.
#[cfg(all(feature = "bybit", feature = "sqlite"))]
fn time(millis: tradejournal::feed::bybit::Millis) -> String {
    use tradejournal::time::Timestamp;

    let time = Timestamp::from_unix_nanos(i128::from(millis.0) * 1_000_000);
    // What no calendar has is shown as it is.
    time.map_or_else(|_| millis.to_string(), |it| it.to_string())
}

/// What a database refuses, with its cause.
#[cfg(all(feature = "bybit", feature = "sqlite"))]
fn refusal(error: tradejournal::feed::bybit::StoreError) -> anyhow::Error {
    anyhow::Error::new(error)
}
