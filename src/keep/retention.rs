//! A day that is deleted.
//!
//! Always true:
//! - What `audit` keeps of it is on disk before anything of it goes: its lines, its hashes, and by which
//!   rule.
//! - Only a day that was read, and is what its closing record says, is deleted: what is damaged is looked
//!   at by somebody first.
//!
//! Not here: which days go (`plan`).

use std::io;
use std::path::Path;

use super::archive::damaged;
use super::gzip;
use super::plan::{KeepError, Keeper, Step, failed};
use crate::disk::Access;
use crate::journal::audit;
use crate::record::{Deleted, DeletedParts};

/// Deletes an archived day.
pub(super) fn delete(
    keeper: &Keeper,
    step: &Step,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(), KeepError> {
    let closed = keeper.closing_record(step.stream, step.day);
    let closed = closed.ok_or_else(|| damaged(&step.from, "it is not closed"))?;
    // Also one that `audit` calls deleted: somebody may have put another file in its place.
    let file = keeper.disk().open(&step.from, Access::Read);
    let file = file.map_err(failed("open", &step.from))?;
    let read = gzip::standing_back(|| gzip::read_back(&*file, progress));
    let read = read.map_err(failed("read", &step.from))?;
    let read = read.map_err(|error| unreadable(&step.from, error))?;
    if read.sha256 != closed.sha256() {
        let (found, told) = (read.sha256, closed.sha256());
        let why = format!("its plain bytes have the SHA-256 {found}, and audit says {told}");
        return Err(damaged(&step.from, &why));
    }
    if !keeper.is_deleted(step.stream, step.day) {
        let refused = |why: String| KeepError::Audit {
            path: step.from.clone(),
            why,
        };
        let name = keeper.name_in_archive(&step.from).parse();
        let reason = step.why.parse();
        let (Ok(file), Ok(reason)) = (name, reason) else {
            return Err(refused("a name or a reason that it cannot tell".to_owned()));
        };
        let deleted = Deleted::new(DeletedParts {
            stream: step.stream,
            day: step.day,
            file,
            lines: closed.lines(),
            last_seq: closed.last_seq(),
            last_hash: closed.last_hash(),
            sha256: closed.sha256(),
            reason,
        });
        let deleted = deleted.map_err(|it| refused(it.to_string()))?;
        // Order matters: the record is on disk before the file goes.
        audit::tell(&keeper.journal, deleted).map_err(refused)?;
    }
    drop(file);
    // Order matters: the day itself goes last, since by it the next run sees what is left to do.
    let layout = keeper.journal.layout();
    keeper.remove(&layout.archived_seal(step.stream, step.day))?;
    keeper.remove(&step.from)
}

/// A file that is no whole gzip file is damaged; any other failure is the disk's.
fn unreadable(path: &Path, error: io::Error) -> KeepError {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match error.kind() {
        InvalidData | InvalidInput | UnexpectedEof => {
            damaged(path, &format!("it is no whole gzip file: {error}"))
        }
        _ => failed("read", path)(error),
    }
}
