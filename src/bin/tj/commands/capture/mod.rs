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

#[cfg(not(all(feature = "bybit", feature = "sqlite")))]
const PROBLEM: &str = "this tj was built without captures";
#[cfg(not(all(feature = "bybit", feature = "sqlite")))]
const REMEDY: &str =
    "`cargo install --path . --features bybit,sqlite`, in its source, builds one that records";

#[cfg(all(feature = "bybit", feature = "sqlite"))]
pub(crate) fn run(
    args: &Capture,
    flags: &Global,
    out: &mut Out,
    talk: &Talk,
) -> anyhow::Result<Verdict> {
    use crate::args::capture::CaptureWhat;

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

    Err(Failure::usage(PROBLEM).hint(REMEDY).into())
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

#[cfg(all(test, not(all(feature = "bybit", feature = "sqlite"))))]
mod tests {
    use clap::Parser as _;

    use crate::args::Args;
    use crate::commands;
    use crate::failure;
    use crate::output::{Out, Talk};

    #[test]
    fn a_build_that_cannot_record_says_how_to_get_one_that_can() {
        for line in [
            "check",
            "bybit --debug",
            "status recorder.db",
            "gaps recorder.db",
        ] {
            let args = Args::try_parse_from(format!("tj capture {line}").split(' ')).unwrap();
            let talk = Talk::new();
            talk.listen();
            let result = commands::run(&args, &mut Out::new(), &talk);
            failure::conclude(result, &talk);
            let said = serde_json::to_string(&talk.heard()).unwrap();
            let remedy = "cargo install --path . --features bybit,sqlite";
            assert!(said.contains(remedy), "{said}");
        }
    }
}
