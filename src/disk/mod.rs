//! The only place that touches files.
//!
//! Always true:
//! - Every operation goes through the [`Disk`] trait, so that the journal runs unchanged on the
//!   operating system's disk ([`RealDisk`]) and on one that loses power ([`SimDisk`]).
//! - Nothing here follows a link in the last part of a path, and what it creates is 0600 or 0700.
//! - No operation is retried after an error except an interrupted one.
//!
//! Not here: what the bytes mean, and where they go.

mod real;
pub mod sim;

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use crate::time::Timestamp;

pub use real::RealDisk;
pub use sim::SimDisk;

/// What kind of thing a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A plain file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, not followed.
    Link,
    /// A pipe, a socket, a device.
    Other,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::File => "a file",
            Kind::Folder => "a folder",
            Kind::Link => "a link",
            Kind::Other => "a pipe, a socket or a device",
        })
    }
}

/// What a look at a path or an open file shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// What kind of thing it is.
    pub kind: Kind,
    /// Its length in bytes.
    pub len: u64,
    /// Device and inode: two equal identities are the same file.
    pub identity: (u64, u64),
    /// How many names it has; 0 for an open file that was removed.
    pub links: u64,
    /// The user that owns it.
    pub owner: u32,
    /// When its bytes were changed last, where the disk tells.
    pub modified: Option<Timestamp>,
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name, without the folder.
    pub name: String,
    /// What it names, a link not followed.
    pub kind: Kind,
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// For reading; it must exist.
    Read,
    /// For reading and for writing at its end; it must exist.
    Append,
    /// As `Append`, and made (0600) when it is not there.
    AppendOrCreate,
    /// As `Append`, and made (0600); an existing one is an error.
    Create,
}

/// A disk: files and folders by path.
///
/// Paths are used as given. An error is the operating system's; whoever calls adds what was tried.
pub trait Disk: fmt::Debug + Send + Sync + 'static {
    /// Opens a plain file; a link, a folder or a pipe in its place is an error.
    ///
    /// # Errors
    /// As the operating system says.
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn File>>;

    /// Makes a folder (0700) in an existing one; one that is there already is no error.
    ///
    /// # Errors
    /// As the operating system says.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// The names in a folder, sorted.
    ///
    /// # Errors
    /// As the operating system says.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;

    /// How many names in a folder are no text, and in no list.
    ///
    /// # Errors
    /// As the operating system says.
    fn unlisted(&self, path: &Path) -> io::Result<usize> {
        let _ = path;
        Ok(0)
    }

    /// What is at a path, a link not followed; `None` when nothing is.
    ///
    /// # Errors
    /// As the operating system says.
    fn look(&self, path: &Path) -> io::Result<Option<Meta>>;

    /// Makes the names in a folder survive a power cut.
    ///
    /// # Errors
    /// As the operating system says.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name, replacing what had it.
    ///
    /// # Errors
    /// As the operating system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file's or a link's name.
    ///
    /// # Errors
    /// As the operating system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Gives a file a second name, where the disk can.
    ///
    /// # Errors
    /// As the operating system says; `Unsupported` where it cannot.
    fn second_name(&self, file: &Path, name: &Path) -> io::Result<()> {
        let _ = (file, name);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Removes an empty folder.
    ///
    /// # Errors
    /// As the operating system says; `Unsupported` where it cannot.
    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        let _ = path;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Makes a symbolic link at `link` with the text `target`.
    ///
    /// # Errors
    /// As the operating system says.
    fn make_link(&self, target: &str, link: &Path) -> io::Result<()>;

    /// The text of a symbolic link.
    ///
    /// # Errors
    /// As the operating system says.
    fn read_link(&self, link: &Path) -> io::Result<String>;

    /// The user that this process acts as, to compare with [`Meta::owner`].
    fn user(&self) -> u32;

    /// Bytes that may still be written where `path` is.
    ///
    /// # Errors
    /// As the operating system says.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
}

/// An open file.
pub trait File: fmt::Debug + Send + Sync {
    /// Writes at the end of the file; may write less than given.
    ///
    /// # Errors
    /// As the operating system says; how much was written is then unknown.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Returns when the file's bytes and length are on the disk.
    ///
    /// # Errors
    /// As the operating system says; what the disk holds is then unknown, and a later success
    /// says nothing about these bytes.
    fn sync(&self) -> io::Result<()>;

    /// Reads from `offset`; fewer bytes than asked for may come, none only at the end.
    ///
    /// # Errors
    /// As the operating system says.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Cuts the file to `len` bytes.
    ///
    /// # Errors
    /// As the operating system says.
    fn cut(&self, len: u64) -> io::Result<()>;

    /// Forgets the cached copy of everything from `offset`, so that the next read comes from the
    /// disk. Only bytes that a successful sync covered are sure to be forgotten.
    ///
    /// # Errors
    /// As the operating system says.
    fn drop_cache(&self, offset: u64) -> io::Result<()>;

    /// What this file is now.
    ///
    /// # Errors
    /// As the operating system says.
    fn look(&self) -> io::Result<Meta>;

    /// Who may do what with the file: the nine bits of its mode.
    ///
    /// # Errors
    /// As the operating system says.
    fn mode(&self) -> io::Result<u32> {
        Ok(0o600)
    }

    /// Sets the nine bits of its mode, where the disk has them.
    ///
    /// # Errors
    /// As the operating system says.
    fn set_mode(&self, mode: u32) -> io::Result<()> {
        let _ = mode;
        Ok(())
    }

    /// Takes the file's lock if nobody has it; it goes with this open file, at the latest when the
    /// process ends.
    ///
    /// # Errors
    /// As the operating system says.
    fn try_lock(&self) -> io::Result<bool>;

    /// Takes the file's lock, waiting for whoever has it.
    ///
    /// # Errors
    /// As the operating system says.
    fn lock(&self) -> io::Result<()>;

    /// Lets the lock go.
    ///
    /// # Errors
    /// As the operating system says.
    fn unlock(&self) -> io::Result<()>;
}

/// Writes all of `bytes` at the end of `file`.
///
/// # Errors
/// The first error of the file; a part of the bytes may be there.
pub fn write_all(file: &dyn File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes `row` with one write at the end of a file that is `len` bytes long, and says how long it is then.
/// What was written of a row that is not whole is cut off again.
///
/// # Errors
/// The first error of the file; where it could not be cut either, a part of the row may be there.
pub fn append_row(file: &dyn File, row: &[u8], len: u64) -> io::Result<u64> {
    let written = loop {
        match file.write(row) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            written => break written,
        }
    };
    let error = match written {
        Ok(written) if written == row.len() => return Ok(len.saturating_add(written as u64)),
        Ok(_) => io::Error::new(io::ErrorKind::WriteZero, "a part of the row was written"),
        Err(error) => error,
    };
    file.cut(len)?;
    Err(error)
}

/// Fills `bytes` from `offset` on, as far as the file goes, and says how many came.
///
/// # Errors
/// The first error of the file.
pub fn read_full(file: &dyn File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|it| !it.is_empty()) {
        match file.read_at(rest, offset.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A file read from some offset on, for whatever reads from [`io::Read`].
#[derive(Debug)]
pub struct FileReader<'a> {
    file: &'a dyn File,
    offset: u64,
}

impl<'a> FileReader<'a> {
    /// Reads `file` from `offset` on.
    #[must_use]
    pub fn new(file: &'a dyn File, offset: u64) -> FileReader<'a> {
        FileReader { file, offset }
    }

    /// Where it has come to.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

impl io::Read for FileReader<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(bytes, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// A file that is written at its end, for whatever writes to [`io::Write`].
#[derive(Debug)]
pub struct FileWriter<'a>(pub &'a dyn File);

impl io::Write for FileWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes a folder and those above it that are missing. A power cut can take them back until their names are
/// synced.
///
/// # Errors
/// The disk's.
pub fn create_folders(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    let mut missing = Vec::new();
    for it in folder.ancestors().filter(|it| !it.as_os_str().is_empty()) {
        if disk.look(it)?.is_some() {
            break;
        }
        missing.push(it);
    }
    missing
        .into_iter()
        .rev()
        .try_for_each(|it| disk.create_folder(it))
}

/// The whole of a small file, or `None` when there is none; refuses one longer than `len_max`.
///
/// # Errors
/// The disk's, and `InvalidData` for a file that is too long.
pub fn read_small(disk: &dyn Disk, path: &Path, len_max: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match disk.open(path, Access::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let len = file.look()?.len;
    if len_max < len {
        let text = format!("is {len} bytes long, more than the {len_max} it may have");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
    let filled = read_full(&*file, &mut bytes, 0)?;
    bytes.truncate(filled);
    Ok(Some(bytes))
}

/// Puts `bytes` at `path` so that after a power cut there is either all of them or what was there.
///
/// # Errors
/// The disk's; `path` is then as it was, or already new but not yet sure to survive.
pub fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(disk, path, |file| write_all(file, bytes))
}

/// As [`replace`], with bytes that `fill` writes one after the other.
///
/// # Errors
/// The disk's and those of `fill`, after which `path` is as it was.
pub fn replace_with<E: From<io::Error>>(
    disk: &dyn Disk,
    path: &Path,
    fill: impl FnOnce(&dyn File) -> Result<(), E>,
) -> Result<(), E> {
    put(disk, path, fill)?;
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput);
    Ok(disk.sync_folder(folder.map_err(io::Error::from)?)?)
}

/// As [`replace_with`], without syncing the folder, which several files have in common: until that is done,
/// a power cut may leave what was there before.
///
/// # Errors
/// The disk's and those of `fill`, after which `path` is as it was.
pub fn put<E: From<io::Error>>(
    disk: &dyn Disk,
    path: &Path,
    fill: impl FnOnce(&dyn File) -> Result<(), E>,
) -> Result<(), E> {
    let invalid = || E::from(io::ErrorKind::InvalidInput.into());
    let folder = path.parent().ok_or_else(invalid)?;
    let name = path.file_name().ok_or_else(invalid)?;
    let file = Temporary::fill(disk, folder, &name.to_string_lossy(), fill)?;
    Ok(file.name(disk, path)?)
}

/// Puts each of some files into a folder, when all of them are written: one that cannot be written leaves all
/// that were there. A power cut between their names leaves some old and some new, and each of them whole.
///
/// # Errors
/// The disk's.
pub fn replace_all(disk: &dyn Disk, folder: &Path, files: &[(String, Vec<u8>)]) -> io::Result<()> {
    let mut written = Vec::with_capacity(files.len());
    for (name, bytes) in files {
        match Temporary::fill(disk, folder, name, |file| write_all(file, bytes)) {
            Ok(file) => written.push((name, file)),
            Err(error) => {
                for (_, file) in written {
                    file.remove(disk);
                }
                return Err(error);
            }
        }
    }
    // Order matters: no name points at a new file before all are on the disk.
    let mut left = written.into_iter();
    while let Some((name, file)) = left.next() {
        if let Err(error) = file.name(disk, &folder.join(name)) {
            for (_, file) in left {
                file.remove(disk);
            }
            return Err(error);
        }
    }
    disk.sync_folder(folder)
}

/// A file that is written whole and has not its name yet.
struct Temporary {
    path: PathBuf,
    /// It is locked for as long as it is open.
    file: Box<dyn File>,
}

impl Temporary {
    fn fill<E: From<io::Error>>(
        disk: &dyn Disk,
        folder: &Path,
        name: &str,
        fill: impl FnOnce(&dyn File) -> Result<(), E>,
    ) -> Result<Temporary, E> {
        let path = folder.join(format!(".{name}.tmp"));
        let file = open_temporary(disk, &path)?;
        let temporary = Temporary { path, file };
        // Order matters: the bytes are on the disk before the name points at them.
        let written = fill(&*temporary.file).and_then(|()| Ok(temporary.file.sync()?));
        match written {
            Ok(()) => Ok(temporary),
            Err(error) => {
                temporary.remove(disk);
                Err(error)
            }
        }
    }

    fn name(self, disk: &dyn Disk, path: &Path) -> io::Result<()> {
        let named = disk.rename(&self.path, path);
        if named.is_err() {
            self.remove(disk);
        }
        named
    }

    /// It is the caller's alone. Where it cannot be removed either, the next to replace the file takes it.
    fn remove(self, disk: &dyn Disk) {
        let _ = disk.remove(&self.path);
    }
}

/// Somebody else may get in between once or twice, not for ever.
const TEMPORARY_TRIES: u32 = 100;

/// The empty file that is to take another's place, for nobody but the caller: two processes that
/// replace one file at once must not give each other's half-written bytes its name.
fn open_temporary(disk: &dyn Disk, temporary: &Path) -> io::Result<Box<dyn File>> {
    for _ in 0..TEMPORARY_TRIES {
        let file = disk.open(temporary, Access::AppendOrCreate)?;
        if !file.try_lock()? {
            let text = "another process is replacing it";
            return Err(io::Error::new(io::ErrorKind::WouldBlock, text));
        }
        let own = file.look()?.identity;
        // Whoever had the lock before may have given the file its name meanwhile.
        if disk.look(temporary)?.is_some_and(|it| it.identity == own) {
            // What an interrupted replacement left would be appended to.
            file.cut(0)?;
            return Ok(file);
        }
    }
    Err(io::Error::other(
        "its temporary file is replaced again and again",
    ))
}
