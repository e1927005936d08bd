//! Plain bytes that become a gzip file with a seal, outside of any journal.
//!
//! Always true:
//! - A gzip file has its name only when it was read back from the disk, and its seal was there before.
//! - The seal is what `sha256sum -c` reads: the plain bytes and the packed ones.
//!
//! Not here: what the bytes are, and what goes when they are packed.

use std::io::{self, Read as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

use super::gzip::{self, Packed};
use crate::disk::{self, Access, Disk, FileReader};
use crate::record::Digest;

/// How long the plain bytes of one file may be.
const PLAIN_LEN_MAX: u64 = 4 << 30;
const SEAL_LEN_MAX: u64 = 4096;
const BUFFER_LEN: usize = 256 << 10;

/// Why plain bytes could not be packed, or read again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlainError {
    /// The disk failed, or gave back something else.
    #[error("{operation} {}", path.display())]
    Disk {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system, or gzip, said.
        source: io::Error,
    },
    /// A file is not what its seal says.
    #[error("{}: {why}", path.display())]
    Damaged {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

fn on<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> PlainError + 'a {
    move |source| PlainError::Disk {
        operation,
        path: path.to_owned(),
        source,
    }
}

/// Where a packed file is, and what it is called.
#[derive(Clone, Debug)]
pub struct PlainFile {
    folder: PathBuf,
    /// Without `.gz`.
    name: String,
    seal: String,
}

impl PlainFile {
    /// `name` is that of the plain bytes, such as `20241023.jsonl`; the packed ones add `.gz`, and the seal
    /// has `.sha256` in place of what is behind the last dot.
    #[must_use]
    pub fn new(folder: &Path, name: &str) -> PlainFile {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        PlainFile {
            folder: folder.to_owned(),
            name: name.to_owned(),
            seal: format!("{stem}.sha256"),
        }
    }

    /// The gzip file.
    #[must_use]
    pub fn packed(&self) -> PathBuf {
        self.folder.join(format!("{}.gz", self.name))
    }

    /// Its seal.
    #[must_use]
    pub fn seal(&self) -> PathBuf {
        self.folder.join(&self.seal)
    }

    /// Packs `plain`, in place of what is there.
    ///
    /// # Errors
    /// [`PlainError`]; what was there is still there, with its seal or the new one.
    pub fn pack(&self, disk: &dyn Disk, plain: &[u8]) -> Result<Packed, PlainError> {
        let to = self.packed();
        let temporary = self.folder.join(format!(".{}.gz.tmp", self.name));
        let file = disk
            .open(&temporary, Access::AppendOrCreate)
            .map_err(on("open", &temporary))?;
        // What a run that was cut off has left.
        file.cut(0).map_err(on("cut", &temporary))?;
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let packed = gzip::standing_back(|| gzip::pack_all(plain, &*file, cores, |_| {}));
        let packed = packed
            .and_then(|it| it)
            .map_err(on("pack into", &temporary))?;
        // Order matters: what counts is what the disk has, not what was handed to it.
        let back = gzip::standing_back(|| gzip::read_back(&*file, |_| {}));
        let back = back
            .and_then(|it| it)
            .map_err(on("read back", &temporary))?;
        let own = Digest::from_bytes(Sha256::digest(plain).into());
        if back != packed || packed.sha256 != own {
            let why = "the disk gives back something else".to_owned();
            return Err(PlainError::Damaged {
                path: temporary,
                why,
            });
        }
        // Order matters: the seal first, so that a gzip file always has one; and what was there keeps its
        // own until it is gone.
        let (name, seal) = (&self.name, self.seal());
        let text = format!(
            "{}  {name}\n{}  {name}.gz\n",
            packed.sha256, packed.packed_sha256
        );
        let before = disk::read_small(disk, &seal, SEAL_LEN_MAX).map_err(on("read", &seal))?;
        let is_there = disk.look(&to).map_err(on("look at", &to))?.is_some();
        let before = before.filter(|_| is_there).unwrap_or_default();
        let both = [text.as_bytes(), before.as_slice()].concat();
        disk::replace(disk, &seal, &both).map_err(on("write", &seal))?;
        disk.rename(&temporary, &to)
            .map_err(on("rename", &temporary))?;
        disk.sync_folder(&self.folder)
            .map_err(on("sync", &self.folder))?;
        if !before.is_empty() {
            disk::replace(disk, &seal, text.as_bytes()).map_err(on("write", &seal))?;
        }
        Ok(packed)
    }

    /// The plain bytes, held against the seal; `None` when there is no such file.
    ///
    /// # Errors
    /// [`PlainError`].
    pub fn read(&self, disk: &dyn Disk) -> Result<Option<Vec<u8>>, PlainError> {
        let path = self.packed();
        let file = match disk.open(&path, Access::Read) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(on("open", &path))?,
        };
        let reader = io::BufReader::with_capacity(BUFFER_LEN, FileReader::new(&*file, 0));
        let mut plain = Vec::new();
        let decoder = MultiGzDecoder::new(reader);
        decoder
            .take(PLAIN_LEN_MAX)
            .read_to_end(&mut plain)
            .map_err(on("unpack", &path))?;
        self.hold(disk, &plain)?;
        Ok(Some(plain))
    }

    /// Whether the seal says so of the plain bytes.
    fn hold(&self, disk: &dyn Disk, plain: &[u8]) -> Result<(), PlainError> {
        let seal = self.seal();
        let found = Digest::from_bytes(Sha256::digest(plain).into());
        let text = disk::read_small(disk, &seal, SEAL_LEN_MAX).map_err(on("read", &seal))?;
        let damaged = |why: String| {
            Err(PlainError::Damaged {
                path: self.packed(),
                why,
            })
        };
        let Some(text) = text else {
            return damaged(format!("its seal {} is not there", seal.display()));
        };
        let text = String::from_utf8_lossy(&text);
        let suffix = format!("  {}", self.name);
        let mut sealed = text.lines().filter_map(|it| it.strip_suffix(&suffix));
        let first = sealed.clone().next();
        // A file that is being replaced has two.
        match (sealed.any(|it| it.parse() == Ok(found)), first) {
            (true, _) => Ok(()),
            (false, Some(first)) => damaged(format!("its seal says {first}, and it has {found}")),
            (false, None) => damaged(format!("its seal {} does not name it", seal.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::SimDisk;
    use crate::disk::sim::{Errno, Fault, Injection, Op};

    #[test]
    fn what_was_packed_is_read_and_held_against_its_seal() {
        let disk = SimDisk::new(1);
        disk.put_folder("/a").unwrap();
        let file = PlainFile::new(Path::new("/a"), "20241023.jsonl");
        assert!(file.read(&disk).unwrap().is_none());
        file.pack(&disk, b"one\ntwo\n").unwrap();
        assert_eq!(file.read(&disk).unwrap().unwrap(), b"one\ntwo\n");
        let seal = String::from_utf8(disk.durable("/a/20241023.sha256").unwrap()).unwrap();
        assert_eq!(seal.lines().count(), 2);
        disk.inject(Injection::new(Fault::Fails(Errno::NoSpace)).on(Op::Write));
        file.pack(&disk, b"other\n").unwrap_err();
        assert_eq!(file.read(&disk).unwrap().unwrap(), b"one\ntwo\n");
        let other = seal.replace(char::is_numeric, "0");
        disk.put_file(
            "/a/20241023.sha256",
            other.replace("00000000.jsonl", "20241023.jsonl").as_bytes(),
        )
        .unwrap();
        let error = file.read(&disk).unwrap_err().to_string();
        assert!(
            error.starts_with("/a/20241023.jsonl.gz: its seal says "),
            "{error}"
        );
        disk.remove(&file.seal()).unwrap();
        assert!(
            file.read(&disk)
                .unwrap_err()
                .to_string()
                .ends_with("is not there")
        );
    }
}
