//! Making a journal's folders and its `JOURNAL`, when a first writer needs them.
//!
//! Always true:
//! - Two processes that begin a journal at the same time agree on one name.
//! - A folder is on disk before anything in it is acknowledged.
//!
//! Refused: a folder of another user, a link in the place of a stream's folder, and streams without
//! the `JOURNAL` that their first hash was made from.

use std::{
    io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use super::Journal;
use super::history;
use super::identity::{Identity, IdentityError};
use super::line::{self, Tail};
use super::writer::OpenError;
use crate::disk::{Access, Disk, Kind};
use crate::record::Stream;

/// How often, and how long each time, one waits for another process that makes `JOURNAL`.
const WAITS_MAX: u32 = 1000;
const WAIT: Duration = Duration::from_millis(5);

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Disk {
        operation,
        path,
        source,
    }
}

impl Journal {
    /// Makes sure that the journal and the folder of `stream` are there and ours.
    pub(super) fn establish(&self, stream: Stream) -> Result<Identity, OpenError> {
        let (disk, layout) = (&**self.disk(), self.layout());
        let identity = self.begin()?;
        let folder = layout.stream(stream);
        disk.create_folder(&folder)
            .map_err(failed("make", &folder))?;
        refuse_not_ours(disk, &folder, &[Kind::Folder])?;
        disk.sync_folder(layout.logs())
            .map_err(failed("sync", layout.logs()))?;
        Ok(identity)
    }

    /// Makes the journal's folder and its `JOURNAL`, unless they are there, as its first writer would.
    ///
    /// # Errors
    /// [`OpenError`] when they cannot be made or are somebody else's.
    pub fn begin(&self) -> Result<Identity, OpenError> {
        make_folders(&**self.disk(), self.layout().logs())?;
        match self.identity() {
            Some(identity) => Ok(identity),
            None => self.make_identity(),
        }
    }

    fn make_identity(&self) -> Result<Identity, OpenError> {
        let (disk, layout) = (&**self.disk(), self.layout());
        // Order matters: where there is a `JOURNAL`, the folders down to it are on the disk.
        sync_names(disk, layout.logs())?;
        let guard_path = layout.logs().join(".JOURNAL.lock");
        let guard = disk
            .open(&guard_path, Access::AppendOrCreate)
            .map_err(failed("open", &guard_path))?;
        let mut waits = 0;
        while !guard.try_lock().map_err(failed("lock", &guard_path))? {
            waits += 1;
            if WAITS_MAX < waits {
                return Err(OpenError::Locked {
                    path: guard_path,
                    pid: None,
                });
            }
            thread::sleep(WAIT);
        }
        // Whoever had the lock has made it.
        if let Some(found) = Identity::read(disk, layout).map_err(OpenError::Identity)? {
            self.refuse_another_name(&found)?;
            return Ok(self.shared.identity.get_or_init(|| found).clone());
        }
        let name = self.shared.options.name.clone();
        self.refuse_streams_of_another(name.as_deref())?;
        let name = name.unwrap_or_else(new_name);
        let identity = Identity::new(&name).map_err(OpenError::Identity)?;
        identity.write(disk, layout).map_err(OpenError::Identity)?;
        // Whoever still waits for it, or makes it anew, finds the `JOURNAL` that is there now.
        let _ = disk.remove(&guard_path);
        Ok(self.shared.identity.get_or_init(|| identity).clone())
    }

    /// A journal that was begun meanwhile under another name than the one asked for.
    fn refuse_another_name(&self, found: &Identity) -> Result<(), OpenError> {
        let wanted = self.shared.options.name.as_deref();
        match wanted.filter(|it| *it != found.name()) {
            None => Ok(()),
            Some(wanted) => Err(OpenError::Identity(IdentityError::Other {
                path: self.layout().journal(),
                found: found.name().to_owned(),
                wanted: wanted.to_owned(),
            })),
        }
    }

    /// Streams with days, but no `JOURNAL`: it was lost, and a new name would break every chain.
    /// Only the name that their first lines were hashed with may be given back to them.
    fn refuse_streams_of_another(&self, name: Option<&str>) -> Result<(), OpenError> {
        for stream in Stream::ALL {
            let folder = self.layout().stream(stream);
            let disk = &**self.disk();
            let days = self
                .layout()
                .days(disk, stream)
                .map_err(failed("list", &folder))?;
            let Some(first) = days.first() else { continue };
            let start = name.map(|name| line::genesis(name, stream));
            let mut fits = false;
            let read = history::each_line(disk, first, |line| {
                let tail = Tail::parse(line).filter(|it| it.seq == 0);
                fits |= tail
                    .zip(start)
                    .is_some_and(|(tail, start)| tail.checks(line, &start));
            });
            read.map_err(failed("read", &first.path))?;
            if !fits {
                let path = self.layout().journal();
                return Err(OpenError::Identity(IdentityError::Missing { path, folder }));
            }
        }
        Ok(())
    }
}

/// A name that no other journal has.
fn new_name() -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("journal-{}", random.get(..12).unwrap_or(&random))
}

/// Makes the folder of the logs, and those above it that are missing.
fn make_folders(disk: &dyn Disk, logs: &Path) -> Result<(), OpenError> {
    let mut missing: Vec<PathBuf> = Vec::new();
    let mut at = logs;
    loop {
        let here = disk.look(at).map_err(failed("look at", at))?;
        if here.is_some() {
            break;
        }
        missing.push(at.to_owned());
        match at.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => at = parent,
            _ => break,
        }
    }
    for folder in missing.iter().rev() {
        disk.create_folder(folder).map_err(failed("make", folder))?;
    }
    if missing.is_empty() {
        // A link to the folder of the logs is the owner's choice; inside, no link is followed.
        refuse_not_ours(disk, logs, &[Kind::Folder, Kind::Link])?;
    }
    Ok(())
}

/// Puts the names of the folder of the logs and of those above it on the disk.
///
/// All of them: a process that was killed after it made one, or whose sync failed, left a folder
/// that nobody would sync any more.
fn sync_names(disk: &dyn Disk, logs: &Path) -> Result<(), OpenError> {
    for folder in logs.ancestors().skip(1) {
        let folder = match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        };
        match disk.sync_folder(folder) {
            // Not ours, so neither did we make what is in it.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
            other => other.map_err(failed("sync", folder))?,
        }
    }
    Ok(())
}

fn refuse_not_ours(disk: &dyn Disk, folder: &Path, kinds: &[Kind]) -> Result<(), OpenError> {
    let path = folder.to_owned();
    match disk.look(folder).map_err(failed("look at", folder))? {
        Some(meta) if kinds.contains(&meta.kind) => {
            let (owner, user) = (meta.owner, disk.user());
            if owner == user {
                Ok(())
            } else {
                Err(OpenError::NotOurs { path, owner, user })
            }
        }
        _ => Err(OpenError::NotAFolder { path }),
    }
}
