//! The files of an import: their lines, each with its place, and records on their way to the disk.
//!
//! Always true:
//! - A file is one that can be read twice; gzip is told by its first bytes.
//! - A bounded number of records waits for the disk.
//!
//! Not here: what stands in a line.

use std::{
    collections::VecDeque,
    fs::File,
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use flate2::bufread::MultiGzDecoder;
use indicatif::ProgressBar;
use tradejournal::journal::{Ack, Writer};
use tradejournal::record::Record;

use crate::bar::bar;
use crate::input::{Lines, Next};
use crate::output::Talk;

/// How many records may wait for the disk.
const WAITING_MAX: usize = 8192;

/// A line that is not blank.
pub(super) struct FileLine<'a> {
    /// Which of the files it is in.
    pub(super) file: usize,
    /// `calls.jsonl:12`.
    pub(super) place: String,
    /// `None` when it is longer than a line may be.
    pub(super) bytes: Option<&'a [u8]>,
}

/// Shows every line of `files` to `visit`.
pub(super) fn each_line(
    files: &[PathBuf],
    doing: &'static str,
    talk: &Talk,
    mut visit: impl FnMut(&FileLine<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for (file, path) in files.iter().enumerate() {
        let refusal = || format!("cannot read {}", path.display());
        let len = path.metadata().map(|it| it.len()).unwrap_or_default();
        let bar = bar(talk, &format!("{doing} {}", path.display()), len);
        let mut lines = lines(path, &bar).with_context(refusal)?;
        loop {
            let (number, bytes) = match lines.next(true).with_context(refusal)? {
                Next::End => break,
                Next::NotYet => continue,
                Next::TooLong { number } => (number, None),
                Next::Line { bytes, .. } if bytes.trim_ascii().is_empty() => continue,
                Next::Line { number, bytes } => (number, Some(bytes)),
            };
            visit(&FileLine {
                file,
                place: format!("{}:{number}", path.display()),
                bytes: bytes.as_deref(),
            })?;
        }
        bar.finish_and_clear();
    }
    Ok(())
}

/// The lines of a plain or gzip file.
fn lines(path: &Path, bar: &ProgressBar) -> anyhow::Result<Lines> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        anyhow::bail!("it is not a file, and has to be read twice");
    }
    let mut file = BufReader::new(bar.wrap_read(file));
    let is_gzip = std::io::BufRead::fill_buf(&mut file)?.starts_with(b"\x1f\x8b");
    let source: Box<dyn Read + Send> = match is_gzip {
        true => Box::new(MultiGzDecoder::new(file)),
        false => Box::new(file),
    };
    Ok(Lines::new(source)?)
}

/// Records that are being written.
pub(super) struct Writing<'a, R: Record> {
    writer: &'a Writer<R>,
    waiting: VecDeque<Ack>,
    written: u64,
}

impl<'a, R: Record> Writing<'a, R> {
    pub(super) fn new(writer: &'a Writer<R>) -> Writing<'a, R> {
        Writing {
            writer,
            waiting: VecDeque::new(),
            written: 0,
        }
    }

    /// How many are on disk.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    pub(super) fn submit(&mut self, record: &R) -> anyhow::Result<()> {
        self.waiting.push_back(self.writer.submit(record)?);
        if WAITING_MAX <= self.waiting.len() {
            self.settle(WAITING_MAX / 2)?;
        }
        Ok(())
    }

    /// Waits until no more than `left` are not on disk.
    pub(super) fn settle(&mut self, left: usize) -> anyhow::Result<()> {
        while left < self.waiting.len() {
            let Some(ack) = self.waiting.pop_front() else {
                break;
            };
            ack.wait()?;
            self.written += 1;
        }
        Ok(())
    }
}
