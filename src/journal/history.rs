//! What is known of a stream's older days: where the chain stood before a day.

use std::io::{self, BufRead, BufReader};

use flate2::read::MultiGzDecoder;

use super::Journal;
use super::audit;
use super::chain::Chain;
use super::layout::{DayFile, Place};
use super::line::{LINE_LEN_MAX, Tail};
use crate::disk::{Access, Disk, FileReader};
use crate::record::Stream;
use crate::time::Day;

const BLOCK_LEN: usize = 64 << 10;

/// The chain before the first line of `day`.
///
/// From the closing record of the day before it; without one, from the lines of all older days;
/// and where older days were deleted untold, a chain without a hash, which takes the next line as
/// it stands.
pub(super) fn chain_before(
    journal: &Journal,
    stream: Stream,
    name: &str,
    day: Day,
) -> io::Result<Chain> {
    let disk = &**journal.disk();
    let mut older = journal.layout().days(disk, stream)?;
    older.retain(|it| it.day < day);
    let newest_older = older.last().map(|it| it.day);
    if let Some(closing) = audit::closing_before(journal, stream, day)
        && newest_older.is_none_or(|it| it <= closing.day())
    {
        return Ok(audit::chain_of_closed(&closing));
    }
    let mut chain = Chain::genesis(name, stream);
    for file in &older {
        add_day(disk, file, &mut chain)?;
    }
    if older.is_empty() && !begins_at_zero(journal, stream, day)? {
        return Ok(Chain {
            lines: 0,
            hash: None,
            range: None,
        });
    }
    Ok(chain)
}

/// Takes the seq and hash columns of a day as they stand; `tj verify` is for whether they hold.
fn add_day(disk: &dyn Disk, day: &DayFile, chain: &mut Chain) -> io::Result<()> {
    each_line(disk, day, |line| {
        let Some(tail) = Tail::parse(line) else {
            return;
        };
        chain.range = match chain.range.take() {
            Some(mut range) if tail.seq == chain.lines => {
                range.push(tail.hash);
                Some(range)
            }
            // A hole: its leaves are not to be had.
            _ => None,
        };
        chain.lines = tail.seq + 1;
        chain.hash = Some(tail.hash);
    })
}

/// Hands the lines of a day to `visit`, whichever of the two places it is in.
pub(super) fn each_line(
    disk: &dyn Disk,
    day: &DayFile,
    mut visit: impl FnMut(&[u8]),
) -> io::Result<()> {
    let file = disk.open(&day.path, Access::Read)?;
    let plain = FileReader::new(&*file, 0);
    let mut reader: Box<dyn BufRead> = match day.place {
        Place::Logs => Box::new(BufReader::with_capacity(BLOCK_LEN, plain)),
        Place::Archive => Box::new(BufReader::with_capacity(
            BLOCK_LEN,
            MultiGzDecoder::new(plain),
        )),
    };
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = LINE_LEN_MAX as u64;
        if io::Read::take(&mut reader, limit).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        visit(&line);
    }
}

/// Whether the first line of `day` is the stream's first, or the day has none yet.
fn begins_at_zero(journal: &Journal, stream: Stream, day: Day) -> io::Result<bool> {
    let path = journal.layout().day(stream, day);
    let file = match journal.disk().open(&path, Access::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    let mut line = Vec::new();
    let mut reader = BufReader::new(FileReader::new(&*file, 0));
    io::Read::take(&mut reader, LINE_LEN_MAX as u64).read_until(b'\n', &mut line)?;
    Ok(Tail::parse(&line).is_none_or(|it| it.seq == 0))
}
