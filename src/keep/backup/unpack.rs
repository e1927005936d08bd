//! A backup being read: every member against the list at its end, and the file against its seal.
//!
//! Always true:
//! - Nothing of a backup is believed before all of it was read: whoever writes files from one reads it twice.
//! - Refused, with the member's name: what is no plain file, a name that leads elsewhere, a name twice, a
//!   file where a folder must be, a member that is not listed, a listed one that is missing or another one.
//! - Memory is one block and the names, whatever the file says of itself.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

use super::error::{BackupError, failed};
use super::manifest::{FileEntry, Manifest};
use super::member::{self, BLOCK_LEN, Header, LONG_NAME_LEN_MAX, MemberName};
use super::tape::{SEAL_LEN, seal};
use crate::disk::{self, File, FileReader};
use crate::record::Digest;

const BUFFER_LEN: usize = 256 << 10;
const MANIFEST_LEN_MAX: u64 = 1 << 30;

/// What was read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unpacked {
    /// The list of the files.
    pub manifest: Manifest,
    /// How long the backup is.
    pub bytes: u64,
    /// The SHA-256 over it.
    pub sha256: Digest,
}

/// Is shown the files of a backup as they pass.
pub(super) trait Files {
    /// Another file begins.
    fn begin(&mut self, name: &str, mode: u32) -> Result<(), BackupError>;
    /// Some bytes of it.
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), BackupError>;
    /// It is whole.
    fn end(&mut self) -> Result<(), BackupError>;
}

/// Nobody looks.
pub(super) struct Nobody;

impl Files for Nobody {
    fn begin(&mut self, _name: &str, _mode: u32) -> Result<(), BackupError> {
        Ok(())
    }

    fn bytes(&mut self, _bytes: &[u8]) -> Result<(), BackupError> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), BackupError> {
        Ok(())
    }
}

/// Reads a backup to its end, from the disk where that can be, and shows its files. `progress` is told how
/// many bytes of it are read.
pub(super) fn read(
    path: &Path,
    file: &dyn File,
    files: &mut dyn Files,
    progress: &mut dyn FnMut(u64),
) -> Result<Unpacked, BackupError> {
    file.drop_cache(0).map_err(failed("read", path))?;
    let len = file.look().map_err(failed("look at", path))?.len;
    let Some(packed_len) = len.checked_sub(SEAL_LEN as u64).filter(|it| *it != 0) else {
        return Err(damaged(path, "it is too short"));
    };
    let raw = Hashed {
        reader: FileReader::new(file, 0),
        left: packed_len,
        sha256: Sha256::new(),
    };
    let plain = MultiGzDecoder::new(BufReader::with_capacity(BUFFER_LEN, raw));
    let mut reading = Reading {
        path,
        plain,
        packed_len,
        found: BTreeMap::new(),
        order: Vec::new(),
        progress,
    };
    let manifest = reading.members(files)?;
    reading.end()?;
    let mut raw = reading.plain.into_inner().into_inner();
    if raw.left != 0 {
        return Err(damaged(path, "something stands behind its end"));
    }
    let mut found = [0; SEAL_LEN];
    let read = disk::read_full(file, &mut found, packed_len).map_err(failed("read", path))?;
    let packed = Digest::from_bytes(raw.sha256.clone().finalize().into());
    if read != SEAL_LEN || seal(packed).map_err(failed("read", path))? != found {
        let why = "its bytes are not those that were written: its seal is another one";
        return Err(damaged(path, why));
    }
    raw.sha256.update(found);
    Ok(Unpacked {
        manifest,
        bytes: len,
        sha256: Digest::from_bytes(raw.sha256.finalize().into()),
    })
}

pub(super) fn damaged(path: &Path, why: impl Into<String>) -> BackupError {
    BackupError::Damaged {
        path: path.to_owned(),
        why: why.into(),
    }
}

/// The bytes before the seal, hashed as they are read.
struct Hashed<'a> {
    reader: FileReader<'a>,
    left: u64,
    sha256: Sha256,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX);
        let wanted = wanted.min(buffer.len());
        let buffer = buffer.get_mut(..wanted).unwrap_or_default();
        let read = self.reader.read(buffer)?;
        self.sha256.update(buffer.get(..read).unwrap_or_default());
        self.left -= read as u64;
        Ok(read)
    }
}

struct Reading<'a> {
    path: &'a Path,
    plain: MultiGzDecoder<BufReader<Hashed<'a>>>,
    packed_len: u64,
    /// Of each name, which file it is.
    found: BTreeMap<MemberName, usize>,
    order: Vec<FileEntry>,
    progress: &'a mut dyn FnMut(u64),
}

impl Reading<'_> {
    /// Reads all members; the last one is the list.
    fn members(&mut self, files: &mut dyn Files) -> Result<Manifest, BackupError> {
        let mut long: Option<Vec<u8>> = None;
        loop {
            let block = self.block()?;
            let header = member::parse(&block).map_err(|it| self.refused(it))?;
            let (name, len, mode) = match header {
                Header::End => return Err(self.wrong("it has no list of its files")),
                Header::LongName { len } => {
                    if long.is_some() || LONG_NAME_LEN_MAX < len {
                        return Err(self.wrong("the name of a member is too long"));
                    }
                    let mut name = self.small(len)?;
                    name.pop();
                    long = Some(name);
                    continue;
                }
                Header::File { name, len, mode } => (long.take().unwrap_or(name), len, mode),
            };
            let name = MemberName::new(&name).map_err(|it| self.refused(it))?;
            if name.is_manifest() {
                return self.manifest(len);
            }
            if self.found.contains_key(&name) {
                return Err(self.wrong(format!("{name} is in it twice")));
            }
            if 0o777 < mode {
                return Err(self.wrong(format!("{name} would run as somebody else")));
            }
            files.begin(name.as_str(), mode)?;
            let sha256 = self.pass(len, &mut |bytes| files.bytes(bytes))?;
            files.end()?;
            self.found.insert(name.clone(), self.order.len());
            self.order.push(FileEntry {
                path: name.as_str().to_owned(),
                bytes: len,
                mode,
                sha256,
            });
        }
    }

    fn manifest(&mut self, len: u64) -> Result<Manifest, BackupError> {
        let bytes = self.small(len)?;
        let manifest = Manifest::parse(&bytes);
        let manifest = manifest.map_err(|it| self.wrong(format!("its list is none: {it}")))?;
        for name in self.found.keys() {
            let mut folders = name.folders();
            if let Some(folder) = folders.find(|it| self.is_file(it)) {
                return Err(self.wrong(format!("{folder} is a file, and {name} is below it")));
            }
        }
        for (found, listed) in self.order.iter().zip(&manifest.files) {
            if found.path != listed.path {
                return Err(self.wrong(format!("{} is not listed", found.path)));
            }
            if found != listed {
                return Err(self.wrong(format!("{} is not the file that is listed", found.path)));
            }
        }
        let (found, listed) = (self.order.len(), manifest.files.len());
        if let Some(more) = self.order.get(listed) {
            return Err(self.wrong(format!("{} is not listed", more.path)));
        }
        if let Some(missing) = manifest.files.get(found) {
            return Err(self.wrong(format!("{} is listed and missing", missing.path)));
        }
        Ok(manifest)
    }

    fn is_file(&self, name: &str) -> bool {
        let name = MemberName::new(name.as_bytes());
        name.is_ok_and(|it| self.found.contains_key(&it))
    }

    /// What follows the list: two empty blocks and nothing.
    fn end(&mut self) -> Result<(), BackupError> {
        for _ in 0..2 {
            if self.block()? != [0; BLOCK_LEN] {
                return Err(self.wrong("something stands behind the list of its files"));
            }
        }
        let mut more = [0];
        match self.plain.read(&mut more) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.wrong("something stands behind its end")),
            Err(error) => Err(self.unreadable(error)),
        }
    }

    fn block(&mut self) -> Result<member::Block, BackupError> {
        let mut block = [0; BLOCK_LEN];
        self.fill(&mut block)?;
        Ok(block)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), BackupError> {
        let read = self.plain.read_exact(bytes);
        read.map_err(|error| self.unreadable(error))
    }

    /// A member that is kept in memory; it takes as much as there is, not as much as it says.
    fn small(&mut self, len: u64) -> Result<Vec<u8>, BackupError> {
        if MANIFEST_LEN_MAX < len {
            return Err(self.wrong("the list of its files is too long"));
        }
        let mut all = Vec::new();
        self.pass(len, &mut |bytes| {
            all.extend_from_slice(bytes);
            Ok(())
        })?;
        Ok(all)
    }

    /// Shows the bytes of a member.
    fn pass(
        &mut self,
        len: u64,
        show: &mut dyn FnMut(&[u8]) -> Result<(), BackupError>,
    ) -> Result<Digest, BackupError> {
        let mut buffer = vec![0; BUFFER_LEN];
        let (mut left, mut sha256) = (len, Sha256::new());
        while left != 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(BUFFER_LEN);
            let bytes = buffer.get_mut(..wanted).unwrap_or_default();
            self.fill(bytes)?;
            sha256.update(&*bytes);
            show(bytes)?;
            left -= wanted as u64;
            let done = self.packed_len - self.plain.get_ref().get_ref().left;
            (self.progress)(done);
        }
        let over = len % BLOCK_LEN as u64;
        let padding = (BLOCK_LEN as u64 - over) % BLOCK_LEN as u64;
        let mut block = [0; BLOCK_LEN];
        let padding = usize::try_from(padding).unwrap_or_default();
        let padding = block.get_mut(..padding).unwrap_or_default();
        self.fill(padding)?;
        if padding.iter().any(|it| *it != 0) {
            return Err(self.wrong("something stands between two members"));
        }
        Ok(Digest::from_bytes(sha256.finalize().into()))
    }

    fn refused(&self, source: member::MemberError) -> BackupError {
        if source == member::MemberError::NoHeader {
            return self.wrong(source.to_string());
        }
        let path = self.path.to_owned();
        BackupError::Member { path, source }
    }

    fn wrong(&self, why: impl Into<String>) -> BackupError {
        damaged(self.path, why)
    }

    fn unreadable(&self, error: io::Error) -> BackupError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => self.wrong("it is cut off"),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                self.wrong(format!("it cannot be unpacked: {error}"))
            }
            _ => failed("read", self.path)(error),
        }
    }
}
