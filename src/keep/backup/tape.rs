//! A backup being written: members one after the other, packed, hashed as they pass, and sealed.
//!
//! Always true:
//! - A file is read once, and as long as it was when its turn came, whatever is added to it meanwhile.
//! - The last member lists all others with their SHA-256. Behind it stands an empty gzip member with the
//!   SHA-256 of all bytes before it, so that no bit of the file can change unseen.
//! - Memory is one block, and the list of the files.
//!
//! Not here: what goes in (`contents`), and whether the disk kept it (`unpack`).

use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};

use super::contents::{Contents, Item, Source};
use super::error::{BackupError, failed};
use super::manifest::{FileEntry, Manifest};
use super::member::{self, BLOCK_LEN, MANIFEST};
use crate::disk::{self, Access, Disk, File};
use crate::journal::snapshot::Prefix;
use crate::keep::gzip;
use crate::record::Digest;

/// How long the seal is: a gzip header, 64 digits, no bytes, their checksum and their number.
pub(super) const SEAL_LEN: usize = 10 + 65 + 2 + 8;
/// After so many bytes it is looked how much room the journal has left.
const ROOM_STEP: u64 = 8 << 20;

/// The empty gzip member behind a file of that SHA-256.
pub(super) fn seal(sha256: Digest) -> io::Result<Vec<u8>> {
    let builder = GzBuilder::new().comment(sha256.to_string());
    builder.write(Vec::new(), Compression::new(6)).finish()
}

/// Room that is kept free on a disk for whoever else writes there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) path: &'a Path,
    pub(super) bytes_min: u64,
}

/// Writes a backup into `file`, which is empty, and syncs it.
pub(super) fn write(
    room: Room<'_>,
    contents: Contents,
    manifest: Manifest,
    (path, file): (&Path, &dyn File),
    progress: &mut dyn FnMut(u64),
) -> Result<Manifest, BackupError> {
    let mut tape = Tape {
        room,
        items: contents.items.into_iter(),
        seconds: u64::try_from(manifest.time.unix_secs()).unwrap_or_default(),
        manifest,
        ready: io::Cursor::new(Vec::new()),
        current: None,
        is_ended: false,
        unchecked: ROOM_STEP,
        error: None,
    };
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let packed = gzip::pack_all(&mut tape, file, cores, progress);
    if let Some(error) = tape.error.take() {
        return Err(error);
    }
    let packed = packed.map_err(failed("write", path))?;
    let sealed = seal(packed.packed_sha256)
        .and_then(|it| disk::write_all(file, &it))
        .and_then(|()| file.sync());
    sealed.map_err(failed("write", path))?;
    Ok(tape.manifest)
}

struct Tape<'a> {
    room: Room<'a>,
    items: std::vec::IntoIter<Item>,
    seconds: u64,
    manifest: Manifest,
    /// Bytes that are to be read next.
    ready: io::Cursor<Vec<u8>>,
    current: Option<Current>,
    is_ended: bool,
    unchecked: u64,
    /// What went wrong, with its name.
    error: Option<BackupError>,
}

/// The member that is on its way.
struct Current {
    name: String,
    path: PathBuf,
    mode: u32,
    len: u64,
    file: Box<dyn File>,
    offset: u64,
    sha256: Sha256,
}

impl Tape<'_> {
    /// Begins the next member, or ends.
    fn next(&mut self) -> Result<(), BackupError> {
        let Some(item) = self.items.next() else {
            return self.end();
        };
        match item.source {
            Source::Bytes(bytes) => {
                let sha256 = Digest::from_bytes(Sha256::digest(&bytes).into());
                self.list(item.name, bytes.len() as u64, 0o600, sha256);
                let mut all = self.headers();
                all.extend_from_slice(&bytes);
                member::pad(&mut all);
                self.ready = io::Cursor::new(all);
            }
            Source::File { path, len } => {
                let file = match self.room.disk.open(&path, Access::Read) {
                    // Somebody else's, and removed since: it is not there any more.
                    Err(error) if error.kind() == io::ErrorKind::NotFound && len.is_none() => {
                        return Ok(());
                    }
                    opened => opened.map_err(failed("open", &path))?,
                };
                let found = file.look().map_err(failed("look at", &path))?.len;
                let mode = file.mode().map_err(failed("look at", &path))?;
                let len = len.unwrap_or(found);
                self.list(item.name.clone(), len, mode, Digest::from_bytes([0; 32]));
                self.ready = io::Cursor::new(self.headers());
                self.current = Some(Current {
                    name: item.name,
                    path,
                    mode,
                    len,
                    file: Box::new(Prefix::new(file, len)),
                    offset: 0,
                    sha256: Sha256::new(),
                });
            }
        }
        Ok(())
    }

    fn list(&mut self, path: String, bytes: u64, mode: u32, sha256: Digest) {
        self.manifest.files.push(FileEntry {
            path,
            bytes,
            mode,
            sha256,
        });
    }

    /// The header of the member that was listed last.
    fn headers(&self) -> Vec<u8> {
        let last = self.manifest.files.last();
        last.map_or_else(Vec::new, |it| {
            member::headers(&it.path, it.bytes, it.mode, self.seconds)
        })
    }

    fn end(&mut self) -> Result<(), BackupError> {
        let path = Path::new(MANIFEST);
        let bytes = self.manifest.bytes().map_err(io::Error::from);
        let bytes = bytes.map_err(failed("write", path))?;
        let mut all = member::headers(MANIFEST, bytes.len() as u64, 0o600, self.seconds);
        all.extend_from_slice(&bytes);
        member::pad(&mut all);
        all.resize(all.len() + 2 * BLOCK_LEN, 0);
        self.ready = io::Cursor::new(all);
        self.is_ended = true;
        Ok(())
    }

    fn read_on(&mut self, bytes: &mut [u8]) -> Result<usize, BackupError> {
        loop {
            match self.ready.read(bytes) {
                Ok(0) => {}
                Ok(read) => return Ok(read),
                // A read of memory does not fail.
                Err(_) => return Ok(0),
            }
            let Some(current) = &mut self.current else {
                if self.is_ended {
                    return Ok(0);
                }
                self.next()?;
                continue;
            };
            let read = current.file.read_at(bytes, current.offset);
            let read = read.map_err(failed("read", &current.path))?;
            if read != 0 {
                current.sha256.update(bytes.get(..read).unwrap_or_default());
                current.offset += read as u64;
                return Ok(read);
            }
            self.finish()?;
        }
    }

    /// Ends the member that was read to its end.
    fn finish(&mut self) -> Result<(), BackupError> {
        let Some(current) = self.current.take() else {
            return Ok(());
        };
        if current.offset != current.len {
            let shorter = io::Error::other("it became shorter while it was read");
            return Err(failed("read", &current.path)(shorter));
        }
        let sha256 = Digest::from_bytes(current.sha256.finalize().into());
        if let Some(entry) = self.manifest.files.last_mut() {
            *entry = FileEntry {
                path: current.name,
                bytes: current.len,
                mode: current.mode,
                sha256,
            };
        }
        let over = current.len % BLOCK_LEN as u64;
        let padding = (BLOCK_LEN as u64 - over) % BLOCK_LEN as u64;
        let padding = vec![0; usize::try_from(padding).unwrap_or_default()];
        self.ready = io::Cursor::new(padding);
        Ok(())
    }

    fn check_room(&mut self, read: usize) -> Result<(), BackupError> {
        self.unchecked += read as u64;
        if self.unchecked < ROOM_STEP {
            return Ok(());
        }
        self.unchecked = 0;
        let Room {
            disk,
            path,
            bytes_min,
        } = self.room;
        let free = disk.free_bytes(path).map_err(failed("look at", path))?;
        if free < bytes_min {
            let text =
                format!("only {free} bytes are free, and the journal is to have {bytes_min}");
            let full = io::Error::new(io::ErrorKind::StorageFull, text);
            return Err(failed("leave room in", path)(full));
        }
        Ok(())
    }
}

impl Read for Tape<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self
            .read_on(bytes)
            .and_then(|read| self.check_room(read).map(|()| read));
        read.map_err(|error| {
            self.error = Some(error);
            io::Error::other("a file of the backup could not be read")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_an_empty_gzip_member_of_one_length() {
        let seal = seal(Digest::from_bytes([7; 32])).unwrap();
        assert_eq!(seal.len(), SEAL_LEN);
        let mut plain = Vec::new();
        let mut decoder = flate2::read::GzDecoder::new(seal.as_slice());
        assert_eq!(decoder.read_to_end(&mut plain).unwrap(), 0);
        assert_eq!(
            decoder.header().unwrap().comment().unwrap(),
            [b'0', b'7'].repeat(32)
        );
    }
}
