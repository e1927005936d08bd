//! The operating system's disk.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use rustix::fs::{Advice, OFlags};

use super::{Access, Disk, Entry, File, Kind, Meta};
use crate::time::Timestamp;

/// The operating system's disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn File>> {
        // A pipe in the file's place would block the open itself, hence NONBLOCK; it means nothing
        // for a plain file.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut options = fs::OpenOptions::new();
        options
            .read(true)
            .mode(0o600)
            .custom_flags(flags.bits().cast_signed());
        match access {
            Access::Read => {}
            Access::Append => {
                options.append(true);
            }
            Access::AppendOrCreate => {
                options.append(true).create(true);
            }
            Access::Create => {
                options.append(true).create_new(true);
            }
        }
        let file = options.open(path)?;
        let kind = kind_of(&file.metadata()?.file_type());
        if kind != Kind::File {
            let text = format!("is not a plain file but {kind}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Ok(Box::new(RealFile(file)))
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                match self.look(path)?.map(|it| it.kind) {
                    Some(Kind::Folder) => Ok(()),
                    _ => Err(error),
                }
            }
            other => other,
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            // No name of ours is anything but ASCII; another one is a stranger's and stays unseen.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let kind = match entry.file_type() {
                Ok(file_type) => kind_of(&file_type),
                // Removed between the listing and the look.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            entries.push(Entry { name, kind });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn unlisted(&self, path: &Path) -> io::Result<usize> {
        let mut count = 0;
        for entry in fs::read_dir(path)? {
            count += usize::from(entry?.file_name().to_str().is_none());
        }
        Ok(count)
    }

    fn look(&self, path: &Path) -> io::Result<Option<Meta>> {
        match fs::symlink_metadata(path) {
            Ok(metadata) => Ok(Some(meta_of(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that renames"
    )]
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn second_name(&self, file: &Path, name: &Path) -> io::Result<()> {
        fs::hard_link(file, name)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn make_link(&self, target: &str, link: &Path) -> io::Result<()> {
        std::os::unix::fs::symlink(target, link)
    }

    fn read_link(&self, link: &Path) -> io::Result<String> {
        Ok(fs::read_link(link)?.to_string_lossy().into_owned())
    }

    fn user(&self) -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        fs2::available_space(path)
    }
}

#[derive(Debug)]
struct RealFile(fs::File);

impl File for RealFile {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.0).write(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        // fdatasync: the length is data it takes along, the times are not.
        self.0.sync_data()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(bytes, offset)
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn drop_cache(&self, offset: u64) -> io::Result<()> {
        // The kernel drops whole pages only, and large ones may be 2 MiB: begin where one begins.
        let page = offset & !0x1F_FFFF;
        rustix::fs::fadvise(&self.0, page, None, Advice::DontNeed).map_err(io::Error::from)
    }

    fn look(&self) -> io::Result<Meta> {
        Ok(meta_of(&self.0.metadata()?))
    }

    fn mode(&self) -> io::Result<u32> {
        Ok(self.0.metadata()?.mode() & 0o777)
    }

    fn set_mode(&self, mode: u32) -> io::Result<()> {
        let mode = fs::Permissions::from_mode(mode & 0o777);
        self.0.set_permissions(mode)
    }

    fn try_lock(&self) -> io::Result<bool> {
        match fs2::FileExt::try_lock_exclusive(&self.0) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == fs2::lock_contended_error().kind() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn lock(&self) -> io::Result<()> {
        loop {
            match fs2::FileExt::lock_exclusive(&self.0) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    fn unlock(&self) -> io::Result<()> {
        fs2::FileExt::unlock(&self.0)
    }
}

fn kind_of(file_type: &fs::FileType) -> Kind {
    if file_type.is_file() {
        Kind::File
    } else if file_type.is_dir() {
        Kind::Folder
    } else if file_type.is_symlink() {
        Kind::Link
    } else {
        Kind::Other
    }
}

fn modified(metadata: &fs::Metadata) -> Option<Timestamp> {
    let nanos = u32::try_from(metadata.mtime_nsec()).ok()?;
    Timestamp::from_unix(metadata.mtime(), nanos).ok()
}

fn meta_of(metadata: &fs::Metadata) -> Meta {
    Meta {
        kind: kind_of(&metadata.file_type()),
        len: metadata.len(),
        identity: (metadata.dev(), metadata.ino()),
        links: metadata.nlink(),
        owner: metadata.uid(),
        modified: modified(metadata),
    }
}
