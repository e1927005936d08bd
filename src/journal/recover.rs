//! Opening a stream's tail: what is on disk, told apart into promised, torn and damaged.
//!
//! Always true:
//! - What recovery reads came from the disk: the file and its folder are synced and the cached
//!   pages dropped first, since after a failed sync the cache can show, and a later sync can
//!   bless, what the disk never got.
//! - A bad line is damage when `HEAD` or the `dur` of a later well-formed line covers it, or when a
//!   newer day follows; then nothing is changed and opening is refused. Otherwise it and all after
//!   it were never promised: the bytes are saved and synced in `torn/` before they are cut.
//! - Each step may be repeated: a crash anywhere in here is recovered from by the same steps.
//!
//! Refused: an older log's lines without a chain are never taken for a torn tail.

use std::{
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use super::Journal;
use super::audit::AcceptedDamage;
use super::chain::{self, Break, Chain};
use super::head::{Head, HeadFile};
use super::history;
use super::line::{LINE_LEN_MAX, Tail};
use super::walk::{Piece, line_before, walk};
use crate::disk;
use crate::disk::{Access, Disk, File};
use crate::record::Stream;
use crate::time::Day;

/// A stream's newest file, open for appending.
#[derive(Debug)]
pub(super) struct OpenDay {
    pub(super) day: Day,
    pub(super) path: PathBuf,
    pub(super) file: Box<dyn File>,
    pub(super) identity: (u64, u64),
    /// Where the last good line ends and the next one begins.
    pub(super) offset: u64,
}

impl OpenDay {
    pub(super) fn open(
        disk: &dyn Disk,
        path: PathBuf,
        day: Day,
        access: Access,
    ) -> io::Result<OpenDay> {
        let file = disk.open(&path, access)?;
        let meta = file.look()?;
        Ok(OpenDay {
            day,
            path,
            file,
            identity: meta.identity,
            offset: meta.len,
        })
    }
}

/// What recovery found and left.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) newest: Option<OpenDay>,
    pub(super) chain: Chain,
    /// What `HEAD` says now.
    pub(super) head: Option<Head>,
    /// Why `HEAD` had to be made anew, for the audit stream.
    pub(super) head_rebuilt: Option<String>,
}

/// Why a stream cannot be opened for writing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// The disk failed.
    #[error("{operation} {}", path.display())]
    Disk {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The line that `HEAD` names is not there or is another one.
    #[error("{} is not as HEAD says: {why}", path.display())]
    HeadLine {
        /// The day's file.
        path: PathBuf,
        /// How many lines `HEAD` promises.
        lines: u64,
        /// Where `HEAD`'s line ends.
        byte: u64,
        /// What is wrong.
        why: String,
    },
    /// A line that was promised is damaged.
    #[error("{} line {line} (byte {byte}) is damaged", path.display())]
    Damaged {
        /// The day's file.
        path: PathBuf,
        /// The line in the file, from 1.
        line: u64,
        /// Where it begins.
        byte: u64,
        /// What is wrong with it.
        source: Break,
    },
    /// An older log's lines.
    #[error("{} line {line} (byte {byte}) is an older log's line, not part of a chain", path.display())]
    Unchained {
        /// The day's file.
        path: PathBuf,
        /// The line in the file, from 1.
        line: u64,
        /// Where it begins.
        byte: u64,
    },
    /// There is an archive, or a `HEAD`, but no day in `logs/`.
    #[error("{} has no day file, but {evidence} says that there were some", path.display())]
    DaysMissing {
        /// The stream's folder.
        path: PathBuf,
        /// What says so.
        evidence: String,
    },
}

impl RecoverError {
    pub(super) fn disk(
        operation: &'static str,
        path: &Path,
    ) -> impl FnOnce(io::Error) -> RecoverError {
        let path = path.to_owned();
        move |source| RecoverError::Disk {
            operation,
            path,
            source,
        }
    }
}

/// Recovers the tail of `stream`; the caller holds its lock.
///
/// A shared writer gives the newest line that it knows to be on disk, in the place of `HEAD`.
pub(super) fn recover(
    journal: &Journal,
    stream: Stream,
    name: &str,
    known: Option<&Head>,
) -> Result<Recovered, RecoverError> {
    let (disk, layout) = (&**journal.disk(), journal.layout());
    let folder = layout.stream(stream);
    let head_path = layout.head(stream);
    let head = match known {
        Some(known) => HeadFile::Read(known.clone()),
        None => Head::read(disk, &head_path).map_err(RecoverError::disk("read", &head_path))?,
    };
    let days = layout
        .days_in_logs(disk, stream)
        .map_err(RecoverError::disk("list", &folder))?;
    let Some(newest) = days.last().copied() else {
        return nothing_yet(journal, stream, name, &head);
    };
    let path = layout.day(stream, newest);
    let mut open = OpenDay::open(disk, path.clone(), newest, Access::Append)
        .map_err(RecoverError::disk("open", &path))?;
    // Order matters: sync, then drop the cache, then read; see the head of this file.
    open.file
        .sync()
        .map_err(RecoverError::disk("sync", &path))?;
    disk.sync_folder(&folder)
        .map_err(RecoverError::disk("sync", &folder))?;

    let start = Start::find(journal, stream, name, &days, &head)?;
    let mut chain = start.chain.clone();
    for day in days
        .into_iter()
        .filter(|it| start.day <= *it && *it < newest)
    {
        let path = layout.day(stream, day);
        let older = disk
            .open(&path, Access::Read)
            .map_err(RecoverError::disk("open", &path))?;
        let checking = start.checking(journal, stream, day, &path, &*older, false);
        checking.run(start.offset_in(day), &mut chain)?;
    }
    let from = start.offset_in(newest);
    // The line before is looked at too, so its pages go as well.
    let dropped_from = from.saturating_sub(LINE_LEN_MAX as u64);
    open.file
        .drop_cache(dropped_from)
        .map_err(RecoverError::disk("drop the cache of", &path))?;
    let checking = start.checking(journal, stream, newest, &path, &*open.file, true);
    let end = checking.run(from, &mut chain)?;
    cut_torn(journal, stream, &mut open, end)?;

    let mut recovered = Recovered {
        newest: Some(open),
        chain,
        head: start.head,
        head_rebuilt: match head {
            HeadFile::Read(_) => None,
            HeadFile::Missing => Some("it was missing".to_owned()),
            HeadFile::Unreadable(why) => Some(format!("it could not be read: {why}")),
        },
    };
    if known.is_none() {
        recovered.write_head(journal, stream)?;
    }
    Ok(recovered)
}

impl Recovered {
    /// Brings `HEAD` up to the last line, which was read back from the disk.
    fn write_head(&mut self, journal: &Journal, stream: Stream) -> Result<(), RecoverError> {
        let (Some(open), Some(hash)) = (&self.newest, self.chain.hash) else {
            return Ok(());
        };
        if self.chain.lines == 0 || open.offset == 0 {
            return Ok(());
        }
        let head = Head {
            lines: self.chain.lines,
            hash,
            day: open.day,
            offset: open.offset,
            range: self.chain.range.clone(),
        };
        if self.head.as_ref() != Some(&head) {
            let path = journal.layout().head(stream);
            head.write(&**journal.disk(), &path)
                .map_err(RecoverError::disk("write", &path))?;
            self.head = Some(head);
        }
        Ok(())
    }
}

/// A stream without a day: a new one, unless something says that it had some.
fn nothing_yet(
    journal: &Journal,
    stream: Stream,
    name: &str,
    head: &HeadFile,
) -> Result<Recovered, RecoverError> {
    let path = journal.layout().stream(stream);
    let archived = journal
        .layout()
        .days(&**journal.disk(), stream)
        .map_err(RecoverError::disk("list the archive of", &path))?;
    let evidence = match (head, archived.last()) {
        (HeadFile::Missing, None) => None,
        (HeadFile::Missing, Some(day)) => Some(day.path.display().to_string()),
        _ => Some(journal.layout().head(stream).display().to_string()),
    };
    match evidence {
        Some(evidence) => Err(RecoverError::DaysMissing { path, evidence }),
        None => Ok(Recovered {
            newest: None,
            chain: Chain::genesis(name, stream),
            head: None,
            head_rebuilt: None,
        }),
    }
}

/// Where checking begins: behind `HEAD`'s line, or at the newest file without a `HEAD`.
pub(super) struct Start {
    pub(super) day: Day,
    offset: u64,
    pub(super) chain: Chain,
    pub(super) head: Option<Head>,
}

impl Start {
    /// From where on `day` is checked.
    pub(super) fn offset_in(&self, day: Day) -> u64 {
        if day == self.day { self.offset } else { 0 }
    }

    pub(super) fn checking<'a>(
        &self,
        journal: &'a Journal,
        stream: Stream,
        day: Day,
        path: &'a Path,
        file: &'a dyn File,
        newest: bool,
    ) -> Checking<'a> {
        let has_head = self.head.is_some();
        Checking {
            journal,
            stream,
            day,
            path,
            file,
            newest,
            has_head,
        }
    }

    pub(super) fn find(
        journal: &Journal,
        stream: Stream,
        name: &str,
        days: &[Day],
        head: &HeadFile,
    ) -> Result<Start, RecoverError> {
        if let HeadFile::Read(head) = head {
            if let Err(refusal) = check_head_line(journal, stream, name, head) {
                // Damage that was accepted up to here is the one excuse.
                let accepted = AcceptedDamage::all(journal, stream);
                if !accepted
                    .iter()
                    .any(|it| it.ends_at(head.day, head.offset, head.lines))
                {
                    return Err(refusal);
                }
            }
            let (day, offset) = (head.day, head.offset);
            let chain = Chain {
                lines: head.lines,
                hash: Some(head.hash),
                range: head.range.clone(),
            };
            return Ok(Start {
                day,
                offset,
                chain,
                head: Some(head.clone()),
            });
        }
        let newest = days.last().copied().unwrap_or(Day::EPOCH);
        let folder = journal.layout().stream(stream);
        let mut chain = history::chain_before(journal, stream, name, newest)
            .map_err(RecoverError::disk("read the older days of", &folder))?;
        // A first line with a later number is not taken on its word, or what a power cut left of
        // an unsynced beginning would pass for a stream whose older days were deleted. If they
        // were, its `dur` says that lines before it were promised, and it is damage.
        if chain.hash.is_none() {
            chain = Chain::genesis(name, stream);
        }
        Ok(Start {
            day: newest,
            offset: 0,
            chain,
            head: None,
        })
    }
}

/// Refuses when the line that `HEAD` names is missing or another one.
pub(super) fn check_head_line(
    journal: &Journal,
    stream: Stream,
    name: &str,
    head: &Head,
) -> Result<(), RecoverError> {
    let path = journal.layout().day(stream, head.day);
    let refuse = |why: &str| {
        let (lines, byte) = (head.lines, head.offset);
        Err(RecoverError::HeadLine {
            path: path.clone(),
            lines,
            byte,
            why: why.to_owned(),
        })
    };
    let file = match journal.disk().open(&path, Access::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return refuse("the file is not there");
        }
        Err(source) => return Err(RecoverError::disk("open", &path)(source)),
    };
    let dropped_from = head.offset.saturating_sub(2 * LINE_LEN_MAX as u64);
    file.drop_cache(dropped_from)
        .map_err(RecoverError::disk("drop the cache of", &path))?;
    let found = line_before(&*file, head.offset).map_err(RecoverError::disk("read", &path))?;
    let Some((start, line)) = found else {
        return refuse("no line ends where HEAD's line must end");
    };
    let Some(tail) = Tail::parse(&line) else {
        return refuse("the line there is not whole");
    };
    if (tail.seq + 1, tail.hash) != (head.lines, head.hash) {
        return refuse("another line is there");
    }
    let before = if start == 0 {
        history::chain_before(journal, stream, name, head.day)
            .map_err(RecoverError::disk("read the day before", &path))?
            .hash
    } else {
        let before = line_before(&*file, start).map_err(RecoverError::disk("read", &path))?;
        // A damaged line before is for `tj verify`: its hash cannot be asked.
        before
            .and_then(|(_, line)| Tail::parse(&line))
            .map(|it| it.hash)
    };
    let Some(hash) = before.filter(|hash| !tail.checks(&line, hash)) else {
        return Ok(());
    };
    // Behind accepted damage the line stands on what the acceptance says.
    let stands_on = |it: &AcceptedDamage| {
        it.end_is(head.day, start)
            && it
                .chain()
                .hash
                .is_some_and(|it| it != hash && tail.checks(&line, &it))
    };
    if AcceptedDamage::all(journal, stream).iter().any(stands_on) {
        return Ok(());
    }
    refuse("the line there does not have the hash that it says")
}

/// One file being checked from some byte on.
pub(super) struct Checking<'a> {
    journal: &'a Journal,
    stream: Stream,
    day: Day,
    path: &'a Path,
    file: &'a dyn File,
    newest: bool,
    has_head: bool,
}

/// The first bad place of a file.
struct Bad {
    offset: u64,
    why: Break,
}

impl Checking<'_> {
    /// Takes every good line into `chain` and returns where the last one ends. What follows there,
    /// if anything, is torn.
    pub(super) fn run(&self, from: u64, chain: &mut Chain) -> Result<u64, RecoverError> {
        let mut from = from;
        loop {
            let bad = match self.walk_good(from, chain)? {
                Ok(end) => {
                    self.go_on_behind_a_cut(end, chain);
                    return Ok(end);
                }
                Err(bad) => bad,
            };
            let accepted = AcceptedDamage::all(self.journal, self.stream);
            if let Some(accepted) = accepted
                .into_iter()
                .find(|it| it.helps(chain) && it.is_at(self.day, bad.offset, self.file))
            {
                from = accepted.end();
                *chain = accepted.chain();
                continue;
            }
            if bad.why == Break::Unchained {
                let (path, byte) = (self.path.to_owned(), bad.offset);
                return Err(RecoverError::Unchained {
                    path,
                    line: self.line_at(byte)?,
                    byte,
                });
            }
            if !self.newest || self.is_promised(bad.offset, chain.lines)? {
                let (path, byte) = (self.path.to_owned(), bad.offset);
                let line = self.line_at(byte)?;
                return Err(RecoverError::Damaged {
                    path,
                    line,
                    byte,
                    source: bad.why,
                });
            }
            return Ok(bad.offset);
        }
    }

    /// Lines that were cut off at the end, and accepted as lost, keep their numbers. Behind `HEAD`
    /// that is already so.
    fn go_on_behind_a_cut(&self, end: u64, chain: &mut Chain) {
        if self.newest && self.has_head {
            return;
        }
        let accepted = AcceptedDamage::all(self.journal, self.stream);
        if let Some(cut) = accepted
            .iter()
            .find(|it| it.continues(self.day, end, chain))
        {
            *chain = cut.chain();
        }
    }

    /// Takes good lines until the end or the first bad one.
    fn walk_good(&self, from: u64, chain: &mut Chain) -> Result<Result<u64, Bad>, RecoverError> {
        let walked = walk(self.file, from, |piece| {
            let taken = if piece.is_line {
                chain.take(piece.bytes)
            } else {
                Err(Break::NoTail)
            };
            match taken {
                Ok(_) => ControlFlow::Continue(()),
                Err(why) => ControlFlow::Break(Bad {
                    offset: piece.offset,
                    why,
                }),
            }
        });
        walked.map_err(RecoverError::disk("read", self.path))
    }

    /// Whether a later well-formed line knew line `seq` to be on disk.
    fn is_promised(&self, offset: u64, seq: u64) -> Result<bool, RecoverError> {
        let walked = walk(self.file, offset, |piece: Piece<'_>| {
            let tail = piece.is_line.then(|| Tail::parse(piece.bytes)).flatten();
            let covers =
                |it: Tail| seq < it.dur && it.dur <= it.seq && chain::is_json_object(piece.bytes);
            if tail.is_some_and(covers) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        Ok(walked
            .map_err(RecoverError::disk("read", self.path))?
            .is_err())
    }

    /// The number of the line that begins at `offset`, from 1.
    fn line_at(&self, offset: u64) -> Result<u64, RecoverError> {
        let mut line = 1;
        let walked = walk(self.file, 0, |piece| {
            if offset <= piece.offset {
                return ControlFlow::Break(());
            }
            line += u64::from(piece.bytes.last() == Some(&b'\n'));
            ControlFlow::Continue(())
        });
        let _ = walked.map_err(RecoverError::disk("read", self.path))?;
        Ok(line)
    }
}

/// Saves what follows `end` in `torn/`, then cuts it.
fn cut_torn(
    journal: &Journal,
    stream: Stream,
    open: &mut OpenDay,
    end: u64,
) -> Result<(), RecoverError> {
    let len = open
        .file
        .look()
        .map_err(RecoverError::disk("look at", &open.path))?
        .len;
    open.offset = end;
    if len <= end {
        return Ok(());
    }
    save_torn(journal, stream, open, len - end)?;
    // Order matters: the bytes are safe in `torn/` before they go from here.
    open.file
        .cut(end)
        .map_err(RecoverError::disk("cut the torn tail of", &open.path))?;
    open.file
        .sync()
        .map_err(RecoverError::disk("sync", &open.path))
}

/// Copies the last `len` bytes of the open day durably into `torn/`.
///
/// The name ends in `.new` until the audit stream has told of it; see `history::untold_torn`.
fn save_torn(
    journal: &Journal,
    stream: Stream,
    open: &OpenDay,
    len: u64,
) -> Result<(), RecoverError> {
    let (disk, folder) = (&**journal.disk(), journal.layout().torn(stream));
    let failed = |operation| RecoverError::disk(operation, &folder);
    disk.create_folder(&folder).map_err(failed("make"))?;
    disk.sync_folder(&journal.layout().stream(stream))
        .map_err(failed("sync the folder of"))?;
    let names = disk.list(&folder).map_err(failed("list"))?;
    let stem = format!("{}.{}", open.day, open.offset);
    let taken = |name: &str| {
        names
            .iter()
            .any(|it| it.name == name || it.name.strip_suffix(".new") == Some(name))
    };
    let mut name = stem.clone();
    let mut copy = 1;
    while taken(&name) {
        copy += 1;
        name = format!("{stem}-{copy}");
    }
    // A crash between the save and the cut leaves a copy of its own here, at worst twice the bytes.
    let path = folder.join(format!("{name}.new"));
    let temporary = folder.join(format!(".{name}.tmp"));
    match disk.remove(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("clear")(error));
        }
        _ => {}
    }
    let torn = disk
        .open(&temporary, Access::Create)
        .map_err(failed("make a file in"))?;
    copy_bytes(&*open.file, open.offset, len, &*torn).map_err(failed("save a torn tail in"))?;
    torn.sync().map_err(failed("sync a file in"))?;
    disk.rename(&temporary, &path)
        .map_err(failed("name a file in"))?;
    disk.sync_folder(&folder).map_err(failed("sync"))
}

fn copy_bytes(from: &dyn File, offset: u64, len: u64, to: &dyn File) -> io::Result<()> {
    let mut block = vec![0; 256 << 10];
    let mut done = 0;
    while done < len {
        let read = disk::read_full(from, &mut block, offset + done)?;
        if read == 0 {
            break;
        }
        disk::write_all(to, block.get(..read).unwrap_or_default())?;
        done += read as u64;
    }
    Ok(())
}
