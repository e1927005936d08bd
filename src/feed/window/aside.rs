//! What could not be used, kept with the reason, for a person to look at.
//!
//! Always true:
//! - What is kept here is on the disk before anybody removes it from where it was.
//! - The file does not grow for ever: when it is full, what comes is refused, and stays where it is.
//!
//! Not here: reading it. It is a file of JSON lines.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::error::{WindowError, on};
use super::minute::Minute;
use crate::disk::{self, Access, Disk};
use crate::record::field::Pair;
use crate::time::Clock;

const LEN_MAX: u64 = 256 << 20;

/// The folder of what is set aside.
#[derive(Clone, Debug)]
pub(super) struct Aside {
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    path: PathBuf,
}

#[derive(Serialize)]
struct Line<'a> {
    at: String,
    from: String,
    symbol: &'a str,
    minute: Option<String>,
    why: &'a str,
    /// What it was, as a text.
    text: String,
}

impl Aside {
    pub(super) fn new(disk: Arc<dyn Disk>, clock: Arc<dyn Clock>, folder: &Path) -> Aside {
        Aside {
            disk,
            clock,
            path: folder.join("aside.jsonl"),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps those bytes.
    pub(super) fn keep(
        &self,
        from: &Path,
        symbol: &Pair,
        minute: Option<Minute>,
        why: &str,
        bytes: &[u8],
    ) -> Result<(), WindowError> {
        let line = Line {
            at: self.clock.now().to_string(),
            from: from.display().to_string(),
            symbol: symbol.as_str(),
            minute: minute.map(|it| it.to_string()),
            why,
            text: String::from_utf8_lossy(bytes).into_owned(),
        };
        let failed = |operation| on(operation, &self.path);
        let mut row =
            serde_json::to_vec(&line).map_err(|it| failed("write")(io::Error::other(it)))?;
        row.push(b'\n');
        let file = self
            .disk
            .open(&self.path, Access::AppendOrCreate)
            .map_err(failed("open"))?;
        let len = file.look().map_err(failed("look at"))?.len;
        if LEN_MAX < len.saturating_add(row.len() as u64) {
            let why = "it is full: look at what is in it, and move it away".to_owned();
            return Err(WindowError::Damaged {
                path: self.path.clone(),
                why,
            });
        }
        disk::append_row(&*file, &row, len).map_err(failed("write to"))?;
        file.sync().map_err(failed("sync"))?;
        let folder = self.path.parent().unwrap_or(&self.path);
        self.disk.sync_folder(folder).map_err(on("sync", folder))
    }
}
