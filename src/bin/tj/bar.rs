//! A progress bar, for a person who looks on.
//!
//! Always true: it is on standard error, on a terminal alone, and gone when the work is done.

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::{Talk, printable};

/// A bar of `len` bytes, or one that is not seen.
pub(crate) fn bar(talk: &Talk, doing: &str, len: u64) -> ProgressBar {
    if !talk.is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(len).with_message(printable(doing).into_owned());
    match ProgressStyle::with_template("{msg} [{bar:30}] {bytes}/{total_bytes}") {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}
