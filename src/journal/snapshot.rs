//! A stream as far as it is on disk at one moment, for a copy that is made while a bot writes.
//!
//! Always true:
//! - Every line that was acknowledged before [`cut`] was called is in the cut.
//! - What is in the cut hangs together as recovery asks for, and was synced before it was read: no line is
//!   in it that a later opening of the stream could find missing or cut off.
//! - Nothing is written, and no writer waits.
//!
//! Not here: the copying, and everything beside the days.

use std::io;
use std::path::Path;

use super::Journal;
use super::head::{Head, HeadFile};
use super::layout::{self, DayFile, Place};
use super::line::LINE_LEN_MAX;
use super::recover::{OpenDay, RecoverError, Start};
use crate::disk::{self, Access, Disk, File, Meta};
use crate::record::{Digest, Stream};
use crate::time::Day;

/// A stream up to its last line on disk.
#[derive(Debug)]
pub(crate) struct Cut {
    /// How many lines it has had, and the last one's hash, where the chain could be followed.
    pub(crate) end: Option<(u64, Digest)>,
    /// Its days, oldest first, and how long each is.
    pub(crate) days: Vec<(DayFile, u64)>,
    /// A `HEAD` that fits.
    pub(crate) head: Option<Vec<u8>>,
    /// Why the chain could not be followed: the days are then as they are.
    pub(crate) damage: Option<RecoverError>,
}

/// Where a stream is on disk up to; a stream without a day has none.
pub(crate) fn cut(journal: &Journal, stream: Stream) -> Result<Option<Cut>, RecoverError> {
    let (disk, layout) = (&**journal.disk(), journal.layout());
    let head_path = layout.head(stream);
    // Order matters: the day that `HEAD` names is in a listing that is made later.
    let head = Head::read(disk, &head_path).map_err(RecoverError::disk("read", &head_path))?;
    let folder = layout.stream(stream);
    let listed = layout.days(disk, stream);
    let listed = listed.map_err(RecoverError::disk("list", &folder))?;
    let mut days = Vec::new();
    for day in listed {
        let found = disk
            .look(&day.path)
            .map_err(RecoverError::disk("look at", &day.path))?;
        days.push((day, found.map_or(0, |it| it.len)));
    }
    let Some((newest, _)) = days.last().filter(|it| it.0.place == Place::Logs).cloned() else {
        let bytes = disk::read_small(disk, &head_path, HEAD_LEN_MAX);
        let head = bytes.map_err(RecoverError::disk("read", &head_path))?;
        let is_none = days.is_empty() && head.is_none();
        return Ok((!is_none).then_some(Cut {
            end: None,
            days,
            head,
            damage: None,
        }));
    };
    let path = newest.path.clone();
    let open = OpenDay::open(disk, path.clone(), newest.day, Access::Read)
        .map_err(RecoverError::disk("open", &path))?;
    // Order matters: what is read is no more than what was there before the sync, and the sync succeeded.
    open.file
        .sync()
        .map_err(RecoverError::disk("sync", &path))?;
    disk.sync_folder(&folder)
        .map_err(RecoverError::disk("sync", &folder))?;
    // Order matters: after a failed sync the cache can show what the disk never got.
    let from = match &head {
        HeadFile::Read(head) if head.day == newest.day => head.offset,
        _ => 0,
    };
    let dropped = open
        .file
        .drop_cache(from.saturating_sub(LINE_LEN_MAX as u64));
    dropped.map_err(RecoverError::disk("drop the cache of", &path))?;
    let synced = Prefix::new(open.file, open.offset);
    let followed = follow(journal, stream, &head, &days, &synced);
    match followed {
        Ok(end) => Ok(Some(end.cut(days))),
        Err(error @ RecoverError::Disk { .. }) => Err(error),
        Err(damage) => {
            let end = last_newline(&synced).map_err(RecoverError::disk("read", &path))?;
            if let Some(newest) = days.last_mut() {
                newest.1 = end;
            }
            let bytes = disk::read_small(disk, &head_path, HEAD_LEN_MAX);
            Ok(Some(Cut {
                end: None,
                days,
                head: bytes.map_err(RecoverError::disk("read", &head_path))?,
                damage: Some(damage),
            }))
        }
    }
}

const HEAD_LEN_MAX: u64 = 64 << 10;

/// Where following the chain came to.
struct End {
    head: Option<Head>,
    /// Where the newest day ends.
    newest: u64,
}

impl End {
    fn cut(self, mut days: Vec<(DayFile, u64)>) -> Cut {
        match self.newest {
            // It belongs to no day yet.
            0 => drop(days.pop()),
            len => days.last_mut().into_iter().for_each(|it| it.1 = len),
        }
        let head = self.head;
        Cut {
            end: head.as_ref().map(|it| (it.lines, it.hash)),
            days,
            // The texts of a head are always JSON.
            head: head.and_then(|it| it.bytes().ok()),
            damage: None,
        }
    }
}

/// Follows the chain as opening does, and changes nothing.
fn follow(
    journal: &Journal,
    stream: Stream,
    head: &HeadFile,
    days: &[(DayFile, u64)],
    newest_file: &Prefix,
) -> Result<End, RecoverError> {
    let (disk, layout) = (&**journal.disk(), journal.layout());
    let identity = journal.identity();
    let name = identity.as_ref().map_or("", |it| it.name());
    let plain = days.iter().filter(|it| it.0.place == Place::Logs);
    let plain: Vec<Day> = plain.map(|it| it.0.day).collect();
    let newest = plain.last().copied().unwrap_or(Day::EPOCH);
    let start = Start::find(journal, stream, name, &plain, head)?;
    let mut chain = start.chain.clone();
    let mut at = start.head.as_ref().map(|it| (it.day, it.offset));
    for day in plain.iter().filter(|it| start.day <= **it && **it < newest) {
        let path = layout.day(stream, *day);
        let older = disk
            .open(&path, Access::Read)
            .map_err(RecoverError::disk("open", &path))?;
        let checking = start.checking(journal, stream, *day, &path, &*older, false);
        at = Some((*day, checking.run(start.offset_in(*day), &mut chain)?));
    }
    let path = layout.day(stream, newest);
    let checking = start.checking(journal, stream, newest, &path, newest_file, true);
    let end = checking.run(start.offset_in(newest), &mut chain)?;
    if 0 < end {
        at = Some((newest, end));
    } else if at.is_none() {
        let before = days.iter().rev().find(|it| it.0.day < newest && 0 < it.1);
        at = before.map(|it| (it.0.day, it.1));
    }
    let head = at.zip(chain.hash).filter(|_| chain.lines != 0);
    let head = head.map(|((day, offset), hash)| Head {
        lines: chain.lines,
        hash,
        day,
        offset,
        range: chain.range.clone(),
    });
    Ok(End { head, newest: end })
}

/// Where the last whole line ends.
fn last_newline(file: &Prefix) -> io::Result<u64> {
    let mut end = file.len;
    let mut block = vec![0; 64 << 10];
    while 0 < end {
        let start = end.saturating_sub(block.len() as u64);
        let len = usize::try_from(end - start).unwrap_or_default();
        let bytes = block.get_mut(..len).unwrap_or_default();
        let read = disk::read_full(file, bytes, start)?;
        let bytes = bytes.get(..read).unwrap_or_default();
        if let Some(newline) = memchr::memrchr(b'\n', bytes) {
            return Ok(start + newline as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// The link to the open day, as the journal itself makes it.
pub(crate) fn make_link(
    disk: &dyn Disk,
    journal: &Journal,
    stream: Stream,
    day: Day,
) -> io::Result<()> {
    let link: &Path = &journal.layout().link(stream);
    disk.make_link(&layout::link_target(stream, day), link)
}

/// The beginning of a file that may be growing, for reading.
#[derive(Debug)]
pub(crate) struct Prefix {
    file: Box<dyn File>,
    len: u64,
}

impl Prefix {
    /// The first `len` bytes of `file`.
    pub(crate) fn new(file: Box<dyn File>, len: u64) -> Prefix {
        Prefix { file, len }
    }
}

fn refused() -> io::Error {
    io::ErrorKind::PermissionDenied.into()
}

impl File for Prefix {
    fn write(&self, _bytes: &[u8]) -> io::Result<usize> {
        Err(refused())
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = bytes.len().min(left);
        match bytes.get_mut(..wanted).filter(|it| !it.is_empty()) {
            Some(bytes) => self.file.read_at(bytes, offset),
            None => Ok(0),
        }
    }

    fn cut(&self, _len: u64) -> io::Result<()> {
        Err(refused())
    }

    fn drop_cache(&self, offset: u64) -> io::Result<()> {
        self.file.drop_cache(offset)
    }

    fn look(&self) -> io::Result<Meta> {
        let meta = self.file.look()?;
        let len = meta.len.min(self.len);
        Ok(Meta { len, ..meta })
    }

    fn try_lock(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn lock(&self) -> io::Result<()> {
        Err(refused())
    }

    fn unlock(&self) -> io::Result<()> {
        Ok(())
    }
}
