//! Metrics beside the trades that the program appends, as `[metrics]` asks for them.
//!
//! Always true: no trouble with them keeps a trade from being journaled; it is a warning.

use tradejournal::books::metrics::Windows;
use tradejournal::bot::{Every, LiveMetrics, LiveOptions};
use tradejournal::journal::Journal;

use crate::commands::Context;
use crate::output::{Talk, printable};

/// The windows and rules of the settings, if there is anything to tell.
pub(crate) fn metrics(journal: &Journal, context: &Context<'_>) -> Option<LiveMetrics> {
    let settings = &context.settings.metrics;
    let equity = settings.starting_equity?;
    if settings.rules.is_empty() && settings.every == Every::Alert {
        return None;
    }
    let options = LiveOptions {
        windows: Windows {
            window: settings.window,
            equity,
            basis: settings.basis,
            breakeven: Default::default(),
        },
        scopes: settings.scopes.clone(),
        rules: settings.rules.clone(),
        every: settings.every,
        zone: context.settings.days(),
    };
    match LiveMetrics::open(journal, options) {
        Ok(live) => Some(live),
        Err(error) => {
            let text = format!("no metrics are kept: {:#}", anyhow::Error::new(error));
            context.talk.warning(&printable(&text));
            None
        }
    }
}

/// Waits for what was told, and says what went wrong.
pub(crate) fn close(live: Option<LiveMetrics>, talk: &Talk) {
    let Some(live) = live else {
        return;
    };
    let mut texts = live.troubles();
    if let Err(error) = live.close() {
        // It may have been among the troubles.
        let text = format!("{:#}", anyhow::Error::new(error));
        texts.retain(|it| *it != text);
        texts.push(text);
    }
    for text in texts {
        talk.warning(&printable(&format!("metrics: {text}")));
    }
}
