//! One plain gzip file, made on all cores.
//!
//! Always true:
//! - The file is a row of gzip members, each of so many plain bytes, which `zcat` and `zgrep` read as one.
//! - The same bytes give the same file, however many cores there are.
//! - Memory is bounded by a few members, whatever the size of the file.
//!
//! Not here: names, and whether the bytes are the right ones; their SHA-256 comes along.

use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Write as _};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use crate::disk::{self, File, FileReader};
use crate::record::Digest;

/// Plain bytes of a member. A smaller one costs size, since each begins without a memory.
const MEMBER_LEN: usize = 1 << 20;
/// Of nine: the first that is not larger than what `gzip` makes of the same lines.
const LEVEL: u32 = 6;
/// How many packed bytes are handed to the disk at once. A bot's append that meets such a sync waits for it:
/// with fewer bytes each wait is shorter and they are many more, until one append in a hundred meets one (at
/// 1 MiB, p99 is 4 times what it is without; here it is not touched).
const SYNC_LEN: u64 = 8 << 20;
const BUFFER_LEN: usize = 256 << 10;
/// How far threads that pack and read back stand behind a bot's: as far as there is.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 19;

/// What was packed, and into what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packed {
    /// How long the plain file is.
    pub bytes: u64,
    /// The SHA-256 of the plain file.
    pub sha256: Digest,
    /// How long the gzip file is.
    pub packed_bytes: u64,
    /// The SHA-256 of the gzip file.
    pub packed_sha256: Digest,
}

/// One member on its way: its plain bytes, and where the packed ones go.
type Job = (Vec<u8>, SyncSender<io::Result<Vec<u8>>>);

/// Packs all of `plain` into `packed`, which is empty, and syncs it. `progress` is told how many plain
/// bytes are done.
pub(super) fn pack(
    plain: &dyn File,
    packed: &dyn File,
    cores: NonZeroUsize,
    progress: impl FnMut(u64),
) -> io::Result<Packed> {
    pack_all(FileReader::new(plain, 0), packed, cores, progress)
}

/// The same for bytes that are in no file.
pub(super) fn pack_all(
    plain: impl Read,
    packed: &dyn File,
    cores: NonZeroUsize,
    mut progress: impl FnMut(u64),
) -> io::Result<Packed> {
    let (jobs, taken) = sync_channel::<Job>(cores.get());
    let taken = Mutex::new(taken);
    thread::scope(|scope| {
        for _ in 0..cores.get() {
            scope.spawn(|| work(&taken));
        }
        // Order matters: the workers end when this end of the channel is gone, before the scope does.
        let jobs = jobs;
        let mut packing = Packing::new(plain, packed);
        let members_max = 2 * cores.get();
        loop {
            let is_room = packing.waiting.len() < members_max;
            let is_read = is_room && packing.read(&jobs)?;
            if !is_read && !packing.write()? {
                return packing.finish();
            }
            progress(packing.bytes);
        }
    })
}

/// Does work on a thread of its own that stands back where a bot wants a core.
pub(super) fn standing_back<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            stand_back();
            work()
        });
        thread.join().map_err(|_| ended())
    })
}

fn stand_back() {
    // A thread's own on Linux; elsewhere it would be the whole process, the bot's with it.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICENESS);
}

/// Packs members until there are no more.
fn work(jobs: &Mutex<Receiver<Job>>) {
    stand_back();
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((plain, done)) = job else {
            return;
        };
        // Whoever wants it no more has failed already.
        let _ = done.send(member(&plain));
    }
}

fn member(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::new(LEVEL));
    encoder.write_all(plain)?;
    encoder.finish()
}

struct Packing<'a, R> {
    plain: R,
    packed: &'a dyn File,
    /// In the order of the file.
    waiting: VecDeque<Receiver<io::Result<Vec<u8>>>>,
    bytes: u64,
    sha256: Sha256,
    packed_bytes: u64,
    packed_sha256: Sha256,
    unsynced: u64,
}

impl<'a, R: Read> Packing<'a, R> {
    fn new(plain: R, packed: &'a dyn File) -> Packing<'a, R> {
        Packing {
            plain,
            packed,
            waiting: VecDeque::new(),
            bytes: 0,
            sha256: Sha256::new(),
            packed_bytes: 0,
            packed_sha256: Sha256::new(),
            unsynced: 0,
        }
    }

    /// Hands the next member to the workers; `false` at the end.
    fn read(&mut self, jobs: &SyncSender<Job>) -> io::Result<bool> {
        let mut plain = Vec::with_capacity(MEMBER_LEN);
        (&mut self.plain)
            .take(MEMBER_LEN as u64)
            .read_to_end(&mut plain)?;
        if plain.is_empty() {
            return Ok(false);
        }
        self.sha256.update(&plain);
        self.bytes += plain.len() as u64;
        let (done, packed) = sync_channel(1);
        self.waiting.push_back(packed);
        jobs.send((plain, done)).map_err(|_| ended())?;
        Ok(true)
    }

    /// Writes the oldest member that is not written; `false` when there is none.
    fn write(&mut self) -> io::Result<bool> {
        let Some(oldest) = self.waiting.pop_front() else {
            return Ok(false);
        };
        let packed = oldest.recv().map_err(|_| ended())??;
        disk::write_all(self.packed, &packed)?;
        self.packed_sha256.update(&packed);
        self.packed_bytes += packed.len() as u64;
        self.unsynced += packed.len() as u64;
        if SYNC_LEN <= self.unsynced {
            self.packed.sync()?;
            self.unsynced = 0;
        }
        Ok(true)
    }

    fn finish(self) -> io::Result<Packed> {
        self.packed.sync()?;
        Ok(Packed {
            bytes: self.bytes,
            sha256: Digest::from_bytes(self.sha256.finalize().into()),
            packed_bytes: self.packed_bytes,
            packed_sha256: Digest::from_bytes(self.packed_sha256.finalize().into()),
        })
    }
}

fn ended() -> io::Error {
    io::Error::other("a thread that packs has ended")
}

/// Reads a gzip file to its end, from the disk where that can be, and says what is in it. A member that
/// is cut off, that does not fit its checksum, or that is none, is an error.
pub(super) fn read_back(packed: &dyn File, mut progress: impl FnMut(u64)) -> io::Result<Packed> {
    packed.drop_cache(0)?;
    let raw = Hashed {
        reader: FileReader::new(packed, 0),
        bytes: 0,
        sha256: Sha256::new(),
    };
    let raw = BufReader::with_capacity(BUFFER_LEN, raw);
    let mut plain = MultiGzDecoder::new(raw);
    let mut buffer = vec![0; BUFFER_LEN];
    let (mut bytes, mut sha256) = (0, Sha256::new());
    loop {
        let read = match plain.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        sha256.update(buffer.get(..read).unwrap_or_default());
        bytes += read as u64;
        progress(bytes);
    }
    let raw = plain.into_inner().into_inner();
    Ok(Packed {
        bytes,
        sha256: Digest::from_bytes(sha256.finalize().into()),
        packed_bytes: raw.bytes,
        packed_sha256: Digest::from_bytes(raw.sha256.finalize().into()),
    })
}

/// A file's bytes, hashed as they are read.
struct Hashed<'a> {
    reader: FileReader<'a>,
    bytes: u64,
    sha256: Sha256,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.sha256.update(buffer.get(..read).unwrap_or_default());
        self.bytes += read as u64;
        Ok(read)
    }
}
