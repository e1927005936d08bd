//! Folders of lines for the tests of reading, and a disk that remembers what was opened.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use flate2::{Compression, write::GzEncoder};

use super::line::{Draft, genesis};
use super::{Journal, Options};
use crate::disk::{Access, Disk, Entry, File, Meta, RealDisk};
use crate::record::{Digest, Stream};
use crate::time::Day;

/// A journal in a temporary folder.
pub(super) struct Folder {
    _dir: tempfile::TempDir,
    pub(super) disk: Arc<WatchedDisk>,
    pub(super) journal: Journal,
}

impl Folder {
    pub(super) fn new() -> Folder {
        let dir = tempfile::tempdir().unwrap();
        let disk = Arc::new(WatchedDisk::default());
        let journal = Options::new(dir.path().join("logs"))
            .disk(Arc::clone(&disk) as Arc<dyn Disk>)
            .open()
            .unwrap();
        Folder {
            _dir: dir,
            disk,
            journal,
        }
    }

    /// Replaces a day's plain file in place.
    pub(super) fn put(&self, stream: Stream, day: &str, bytes: &[u8]) -> PathBuf {
        write(&self.journal.layout().day(stream, self::day(day)), bytes)
    }

    /// Adds to a day's plain file.
    pub(super) fn add(&self, stream: Stream, day: &str, bytes: &[u8]) {
        let path = self.journal.layout().day(stream, self::day(day));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut options = fs::OpenOptions::new();
        let mut file = options.append(true).create(true).open(path).unwrap();
        file.write_all(bytes).unwrap();
    }

    /// Makes a day's archived file of one gzip member for each part.
    pub(super) fn archive(&self, stream: Stream, day: &str, parts: &[&[u8]]) -> PathBuf {
        let path = self.journal.layout().archived(stream, self::day(day));
        write(&path, &gzip(parts))
    }
}

pub(super) fn gzip(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        let mut member = GzEncoder::new(Vec::new(), Compression::fast());
        member.write_all(part).unwrap();
        bytes.extend(member.finish().unwrap());
    }
    bytes
}

fn write(path: &Path, bytes: &[u8]) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::File::create(path).unwrap().write_all(bytes).unwrap();
    path.to_owned()
}

pub(super) fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// Makes chained lines.
pub(super) struct Chain {
    pub(super) seq: u64,
    pub(super) previous: Digest,
}

impl Chain {
    pub(super) fn new(stream: Stream) -> Chain {
        Chain {
            seq: 0,
            previous: genesis("test", stream),
        }
    }

    /// The line of a record, all before it promised.
    pub(super) fn line(&mut self, record: &str) -> Vec<u8> {
        self.line_with_dur(record, self.seq)
    }

    pub(super) fn line_with_dur(&mut self, record: &str, dur: u64) -> Vec<u8> {
        let mut out = Vec::new();
        let draft = Draft::new(|out| out.extend_from_slice(record.as_bytes()));
        self.previous = draft.seal(self.seq, dur, &self.previous, &mut out);
        self.seq += 1;
        out
    }

    /// The lines of `{"n":0}`, `{"n":1}` and so on, as many as asked for.
    pub(super) fn numbers(&mut self, count: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for _ in 0..count {
            let record = format!("{{\"n\":{}}}", self.seq);
            out.extend(self.line(&record));
        }
        out
    }
}

/// The operating system's disk, which remembers what was opened and fails when it is told to.
#[derive(Debug, Default)]
pub(super) struct WatchedDisk {
    opened: Mutex<Vec<PathBuf>>,
    refuses: AtomicBool,
    fails_from: Arc<Mutex<Option<u64>>>,
}

impl WatchedDisk {
    /// The names of the files opened since the last time this was asked.
    pub(super) fn opened(&self) -> Vec<String> {
        let opened = std::mem::take(&mut *self.opened.lock().unwrap());
        let name = |it: &PathBuf| it.file_name().unwrap().to_string_lossy().into_owned();
        opened.iter().map(name).collect()
    }

    /// Lets every read from that offset on fail, or none.
    pub(super) fn fail_from(&self, offset: Option<u64>) {
        *self.fails_from.lock().unwrap() = offset;
    }

    /// Lets nothing be opened from here on, or everything again.
    pub(super) fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }
}

impl Disk for WatchedDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn File>> {
        self.opened.lock().unwrap().push(path.to_owned());
        if self.refuses.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(Box::new(WatchedFile {
            file: RealDisk.open(path, access)?,
            fails_from: Arc::clone(&self.fails_from),
        }))
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_folder(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        RealDisk.list(path)
    }

    fn look(&self, path: &Path) -> io::Result<Option<Meta>> {
        RealDisk.look(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_folder(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn make_link(&self, target: &str, link: &Path) -> io::Result<()> {
        RealDisk.make_link(target, link)
    }

    fn read_link(&self, link: &Path) -> io::Result<String> {
        RealDisk.read_link(link)
    }

    fn user(&self) -> u32 {
        RealDisk.user()
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        RealDisk.free_bytes(path)
    }
}

#[derive(Debug)]
struct WatchedFile {
    file: Box<dyn File>,
    fails_from: Arc<Mutex<Option<u64>>>,
}

impl File for WatchedFile {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let good = match *self.fails_from.lock().unwrap() {
            Some(from) if from <= offset => return Err(io::Error::other("the test says so")),
            Some(from) => usize::try_from(from - offset).unwrap(),
            None => usize::MAX,
        };
        let len = bytes.len().min(good);
        self.file.read_at(&mut bytes[..len], offset)
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        self.file.cut(len)
    }

    fn drop_cache(&self, offset: u64) -> io::Result<()> {
        self.file.drop_cache(offset)
    }

    fn look(&self) -> io::Result<Meta> {
        self.file.look()
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.file.try_lock()
    }

    fn lock(&self) -> io::Result<()> {
        self.file.lock()
    }

    fn unlock(&self) -> io::Result<()> {
        self.file.unlock()
    }
}
