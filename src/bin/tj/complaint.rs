//! What is wrong with lines, those that were to become records and those of a journal, as a person reads it.
//!
//! Always true:
//! - A bad line is named by its place, and every wrong field of it with rule and value.
//! - A field that is not journaled is named once, with the nearest known one, and counted.
//!
//! Not here: deciding what is wrong; the library's records do.

use std::collections::BTreeMap;

use tradejournal::books::SumError;
use tradejournal::journal::ReadError;
use tradejournal::journal::line::LINE_LEN_MAX;
use tradejournal::record::{Invalid, Stream};

use crate::nearest::nearest;
use crate::output::{Talk, printable};
use crate::streams;

/// How many names of unknown fields are kept apart.
const NAMES_MAX: usize = 1000;

/// Says what is wrong with a line.
pub(crate) fn invalid(talk: &Talk, place: &str, stream: Stream, invalid: &Invalid) {
    let problems = invalid.problems();
    if problems.is_empty() {
        let text = format!("{place}: {invalid}");
        talk.error(&printable(&text));
        if text.contains("byte order mark") {
            talk.hint("save the file as UTF-8 without a byte order mark");
        }
        return;
    }
    let text = format!("{place}: no record of {stream}");
    talk.error(&printable(&text));
    for problem in problems {
        talk.note(&format!("  {}", printable(&problem.to_string())));
    }
}

/// Says what of a journal cannot be read, and why.
pub(crate) fn unread(talk: &Talk, error: ReadError) {
    let error = anyhow::Error::new(error);
    talk.error(&printable(&format!("{error:#}")));
}

/// Says which trade cannot be counted.
pub(crate) fn inexact(talk: &Talk, error: &SumError) {
    talk.error(&printable(&format!("{error}; it counts nowhere")));
}

/// Says that a line is longer than any record.
pub(crate) fn too_long(talk: &Talk, place: &str) {
    talk.error(&printable(&format!(
        "{place}: longer than {LINE_LEN_MAX} bytes, the most that a line may have"
    )));
}

/// The fields that were left out because no record of the stream has them.
#[derive(Debug, Default)]
pub(crate) struct Unknown {
    counts: BTreeMap<String, u64>,
    records: u64,
}

impl Unknown {
    /// Notes the unknown fields of one record; a name that is new is told.
    pub(crate) fn note(&mut self, talk: &Talk, place: &str, stream: Stream, names: &[String]) {
        self.records += u64::from(!names.is_empty());
        for name in names {
            if let Some(count) = self.counts.get_mut(name) {
                *count += 1;
            } else if self.counts.len() < NAMES_MAX {
                self.counts.insert(name.clone(), 1);
                warn(talk, place, stream, name);
            }
        }
    }

    /// How many records had such fields.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// How often each field was left out.
    pub(crate) fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }

    /// `symbl (3 times), note (once)`.
    pub(crate) fn summary(&self) -> String {
        let texts: Vec<String> = self
            .counts
            .iter()
            .map(|(name, count)| match count {
                1 => format!("`{name}` (once)"),
                _ => format!("`{name}` ({count} times)"),
            })
            .collect();
        texts.join(", ")
    }
}

fn warn(talk: &Talk, place: &str, stream: Stream, name: &str) {
    let near = did_you_mean(stream, name);
    let text = format!("{place}: {stream} has no field `{name}`, it is not journaled{near}");
    talk.warning(&printable(&text));
}

/// `; did you mean ...?` where a field of the stream is near.
pub(crate) fn did_you_mean(stream: Stream, name: &str) -> String {
    let known = streams::fields(stream).iter().copied();
    nearest(name, known)
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default()
}
