//! `tj demo`: a simulated trading day in an empty folder, and the three things a person wants to
//! see: the last trades, what the day earned, whether all is provably there.
//!
//! Always true: a folder with anything in it is left alone; every record is on disk before the
//! next is made; what is shown is what the printed command lines show.

use std::{fs, io, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::Parser;
use serde::Serialize;
use tradejournal::journal::{Journal, Writer};
use tradejournal::record::{PerformanceMetric, RiskEvent, SessionRecord, TradeRecord};
use tradejournal::time::{Clock, ManualClock};

use super::Context;
use crate::args::{Args, Demo};
use crate::failure::{Failure, Verdict};
use crate::simulated::{self, Made};

/// When the market of the simulated day opens: 9:30 in New York.
pub(crate) const OPEN: &str = "2025-10-27T13:30:00Z";
pub(crate) const SEED: u64 = 27;

/// What `--json` prints.
#[derive(Debug, Default, Serialize)]
struct Summary {
    folder: String,
    trades: u64,
    risk_events: u64,
    performance_alerts: u64,
    sessions: u64,
    files: Vec<String>,
}

pub(crate) fn run(args: &Demo, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let folder = &args.folder;
    refuse_unless_empty(folder)?;
    let logs = folder.join("logs");
    let mut summary = write(&logs, folder)
        .with_context(|| format!("cannot write a simulated day to {}", folder.display()))?;
    summary.folder = folder.display().to_string();
    summary.files = files(folder)?;
    if context.settings.json {
        context.out.json(&summary)?;
        return Ok(Verdict::Fine);
    }
    show(&summary, &logs, context)
}
