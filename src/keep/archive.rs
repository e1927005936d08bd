//! A day on its way from `logs/` into the archive.
//!
//! Always true:
//! - The plain file goes only when the gzip file is on the disk under its name, was read back from there,
//!   and has the SHA-256 of the closing record.
//! - A gzip file is called what it is only then; until then its name is one that nobody reads.
//!
//! Not here: which days go (`plan`).

use std::path::Path;

use super::gzip::{self, Packed};
use super::plan::{Action, KeepError, Keeper, Step, failed};
use super::{KeepLock, retention};
use crate::disk::{self, Access};
use crate::journal::audit;
use crate::record::{ArchivedParts, DayClosed};

impl Keeper {
    /// Does one step, and says what the day was packed into, if it was. `progress` is told how many bytes
    /// of the day are done: those of a day that is archived are looked at twice.
    ///
    /// # Errors
    /// [`KeepError`]; the day is then where it was, or in both places, and the next run goes on from there.
    pub fn apply(
        &self,
        _lock: &KeepLock,
        step: &Step,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Option<Packed>, KeepError> {
        match (step.action, &step.to) {
            (Action::Delete, _) => retention::delete(self, step, progress).map(|()| None),
            (_, None) => self.remove(&step.from).map(|()| None),
            (_, Some(to)) => self.archive(step, to, progress).map(Some),
        }
    }

    fn archive(
        &self,
        step: &Step,
        to: &Path,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Packed, KeepError> {
        let closed = self.closing_record(step.stream, step.day);
        let closed = closed.ok_or_else(|| damaged(&step.from, "it is not closed"))?;
        let packed = match self.packed(step, to, closed, progress)? {
            Some(packed) => packed,
            None => self.pack(step, to, closed, progress)?,
        };
        if !self.archived.contains(&(step.stream, step.day)) {
            self.tell(step, to, packed)?;
        }
        // Order matters: from here on the archive's copy is the only one.
        self.remove(&step.from)?;
        self.remove(&self.journal.layout().seal(step.stream, step.day))?;
        Ok(packed)
    }

    /// What is in the archive already, if it is all of the day.
    fn packed(
        &self,
        step: &Step,
        to: &Path,
        closed: &DayClosed,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Option<Packed>, KeepError> {
        if self.len(to)?.is_none() {
            return Ok(None);
        }
        let file = self.disk().open(to, Access::Read);
        let file = file.map_err(failed("open", to))?;
        let read = gzip::standing_back(|| gzip::read_back(&*file, &mut *progress));
        match read.map_err(failed("read", to))? {
            Ok(packed) if packed.sha256 == closed.sha256() => {
                // It may have been left before its name was sure to survive.
                self.write_seal(step, packed)?;
                self.sync_folder_of(to)?;
                Ok(Some(packed))
            }
            // A short one, or another day's: it is made anew from the plain file, which is there.
            _ => Ok(None),
        }
    }

    fn pack(
        &self,
        step: &Step,
        to: &Path,
        closed: &DayClosed,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Packed, KeepError> {
        self.make_folders(to)?;
        let temporary = to.with_file_name(format!(".{}.jsonl.gz.tmp", step.day));
        let plain = self.disk().open(&step.from, Access::Read);
        let plain = plain.map_err(failed("open", &step.from))?;
        let file = self.disk().open(&temporary, Access::AppendOrCreate);
        let file = file.map_err(failed("open", &temporary))?;
        // What a run that was cut off has left.
        file.cut(0).map_err(failed("cut", &temporary))?;
        let cores = std::thread::available_parallelism().unwrap_or(std::num::NonZeroUsize::MIN);
        let packed = gzip::standing_back(|| gzip::pack(&*plain, &*file, cores, &mut *progress));
        let packed = packed
            .and_then(|it| it)
            .map_err(failed("pack", &step.from))?;
        if (packed.bytes, packed.sha256) != (closed.bytes(), closed.sha256()) {
            self.remove(&temporary)?;
            let (found, told) = (packed.sha256, closed.sha256());
            let why = format!("its SHA-256 is {found}, and audit says {told} since it was closed");
            return Err(damaged(&step.from, &why));
        }
        // Order matters: what counts is what the disk has, not what was handed to it.
        let told = |it: u64| progress(packed.bytes.saturating_add(it));
        let back = gzip::standing_back(|| gzip::read_back(&*file, told));
        let back = back
            .and_then(|it| it)
            .map_err(failed("read back", &temporary))?;
        if back != packed {
            return Err(damaged(&temporary, "the disk gives back something else"));
        }
        // Order matters: the seal first, so that a gzip file with a day's name always has one.
        self.write_seal(step, packed)?;
        let renamed = self.disk().rename(&temporary, to);
        renamed.map_err(failed("rename", &temporary))?;
        self.sync_folder_of(to)?;
        Ok(packed)
    }

    /// What `sha256sum -c` reads: the plain bytes and the packed ones.
    fn write_seal(&self, step: &Step, packed: Packed) -> Result<(), KeepError> {
        let day = step.day;
        let path = self.journal.layout().archived_seal(step.stream, day);
        let (plain, gzip) = (packed.sha256, packed.packed_sha256);
        let text = format!("{plain}  {day}.jsonl\n{gzip}  {day}.jsonl.gz\n");
        disk::replace(self.disk(), &path, text.as_bytes()).map_err(failed("write", &path))
    }

    fn tell(&self, step: &Step, to: &Path, packed: Packed) -> Result<(), KeepError> {
        let refused = |why: String| KeepError::Audit {
            path: step.from.clone(),
            why,
        };
        let parts = ArchivedParts {
            stream: step.stream,
            day: step.day,
            file: self
                .name_in_archive(to)
                .parse()
                .map_err(|_| refused(format!("{} is no name that it could tell", to.display())))?,
            bytes: packed.bytes,
            sha256: packed.sha256,
            archived_bytes: packed.packed_bytes,
            archived_sha256: packed.packed_sha256,
        };
        let archived = crate::record::Archived::new(parts);
        let archived = archived.map_err(|it| refused(it.to_string()))?;
        audit::tell(&self.journal, archived).map_err(refused)
    }

    /// A file of the archive as the audit names it: from there on.
    pub(super) fn name_in_archive(&self, path: &Path) -> String {
        let archive = self.journal.layout().archive();
        let name = path.strip_prefix(archive).unwrap_or(path);
        name.to_string_lossy().into_owned()
    }

    /// Makes the folders of an archived day.
    fn make_folders(&self, to: &Path) -> Result<(), KeepError> {
        let archive = self.journal.layout().archive();
        let folders = to.ancestors().skip(1);
        let mut folders: Vec<&Path> = folders.take_while(|it| it.starts_with(archive)).collect();
        folders.reverse();
        for folder in folders {
            let found = self
                .disk()
                .look(folder)
                .map_err(failed("look at", folder))?;
            if found.is_none() {
                let made = self.disk().create_folder(folder);
                made.map_err(failed("make", folder))?;
                self.sync_folder_of(folder)?;
            }
        }
        Ok(())
    }

    /// Removes a file that may be gone already.
    pub(super) fn remove(&self, path: &Path) -> Result<(), KeepError> {
        match self.disk().remove(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            removed => removed.map_err(failed("remove", path))?,
        }
        self.sync_folder_of(path)
    }

    fn sync_folder_of(&self, path: &Path) -> Result<(), KeepError> {
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let synced = self.disk().sync_folder(folder);
        synced.map_err(failed("sync", folder))
    }
}

pub(super) fn damaged(path: &Path, why: &str) -> KeepError {
    KeepError::Damaged {
        path: path.to_owned(),
        why: why.to_owned(),
    }
}
