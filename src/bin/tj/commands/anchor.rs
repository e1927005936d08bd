//! `tj anchor`: somebody else's word for the time of a checkpoint.
//!
//! Always true: it is a process of its own, so no bot ever waits for it.

use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use tradejournal::evidence::{anchor, anchors};

use super::Context;
use crate::args::{Anchor, AnchorWhat};
use crate::evidence;
use crate::failure::{Failure, Verdict};
use crate::journal;

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    stream: &'static str,
    lines: u64,
    digest: String,
    time: String,
    file: String,
}

pub(crate) fn run(args: &Anchor, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let AnchorWhat::Rfc3161 {
        stream,
        url,
        timeout,
    } = &args.what;
    let journal = journal::for_checking(&context.settings)?;
    let checkpoint =
        evidence::newest(&journal, *stream)?.ok_or_else(|| evidence::unsigned(*stream))?;
    let mut nonce = [0; 8];
    getrandom::fill(&mut nonce).context("the operating system has no randomness")?;
    let digest = anchors::digest_of(&checkpoint);
    let timeout = Duration::from_secs(*timeout);
    let response = anchor::time_stamp(url, &digest, u64::from_be_bytes(nonce), timeout);
    let response = response.map_err(|error| {
        let why = format!("{url}: {error}");
        // That it failed is told either way; `tj status` tells it again where it can be noted.
        let _ = anchors::note_failure(&journal, *stream, journal.clock().now(), &why);
        Failure::new(format!(
            "{url} did not time-stamp the checkpoint of {stream}"
        ))
        .because(error)
        .hint("try again, or another authority")
    })?;
    let time = anchor::stamped_time(&response)?;
    let path = anchors::keep(&journal, &checkpoint, &response)
        .with_context(|| format!("cannot keep the time-stamp of {stream}"))?;
    if context.settings.json {
        context.out.json(&Report {
            stream: stream.name(),
            lines: checkpoint.checkpoint().size,
            digest: digest.to_string(),
            time: time.to_string(),
            file: path.display().to_string(),
        })?;
        return Ok(Verdict::Fine);
    }
    let size = checkpoint.checkpoint().size;
    context
        .out
        .line(format!("{stream}: {size} lines, time-stamped {time}"))?;
    context.out.line(format!(
        "openssl ts -verify -digest {digest} -in {} -CAfile CERTIFICATES.pem",
        path.display()
    ))?;
    Ok(Verdict::Fine)
}
