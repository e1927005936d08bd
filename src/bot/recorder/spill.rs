//! Calls for which there was no room, in files, until the disk of the log keeps up again.
//!
//! Always true:
//! - A spilled call is a line of the log without the log's own fields, secrets left out: whoever finds the
//!   file can read it.
//! - Files are read in the order in which they were written, each after what its threads handed over before,
//!   and removed when what is in them is synced in the log.
//! - What a crash left is taken up by the next recorder, and what is in the log already is not doubled.
//!
//! Here, and only here, the thread that calls waits for a disk.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::RecorderError;
use super::frame::Unpacker;
use crate::disk::{self, Access, Disk, File};
use crate::journal::line::{LINE_LEN_MAX, TAIL_LEN_MAX};
use crate::record::{CallRecord, Record};

/// A file is read whole, so none is much longer.
const FILE_LEN_MAX: u64 = 8 << 20;
const PREFIX: &str = "calls-";
const SUFFIX: &str = ".spill.jsonl";

/// The files in one folder.
#[derive(Debug)]
pub(super) struct Spill {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    bytes_max: u64,
    /// Calls are spilled, and no thread may overtake itself through memory.
    is_on: AtomicBool,
    /// How many calls were spilled.
    spilled: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    unpacker: Unpacker,
    number: u64,
    /// The file that is being written, and its length.
    open: Option<(PathBuf, Box<dyn File>, u64)>,
    /// Those that are written, the oldest first, and their lengths.
    full: VecDeque<(PathBuf, u64)>,
    bytes: u64,
    line: Vec<u8>,
}

/// Why a call was not spilled.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpillError {
    #[error("{bytes_max} bytes are spilled")]
    Full { bytes_max: u64 },
    #[error("spill a call into {}", path.display())]
    Disk { path: PathBuf, source: io::Error },
    #[error("a call of {len} bytes is longer than a line may be")]
    TooLong { len: usize },
    #[error("spill a call")]
    NoLine(#[from] super::frame::FrameError),
}

impl Spill {
    /// Makes the folder, and finds the files that are in it, the oldest first.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        folder: &Path,
        bytes_max: u64,
        unpacker: Unpacker,
    ) -> Result<(Spill, Vec<PathBuf>), RecorderError> {
        let failed = |operation| {
            let path = folder.to_owned();
            move |source| RecorderError::Spill {
                operation,
                path,
                source,
            }
        };
        disk.create_folder(folder).map_err(failed("make"))?;
        let entries = disk.list(folder).map_err(failed("list"))?;
        let mut left: Vec<u64> = entries.iter().filter_map(|it| number(&it.name)).collect();
        left.sort_unstable();
        let next = left.last().map_or(0, |it| it + 1);
        let left = left.into_iter().map(|it| path(folder, it)).collect();
        let spill = Spill {
            disk,
            folder: folder.to_owned(),
            bytes_max,
            is_on: AtomicBool::new(false),
            spilled: AtomicU64::new(0),
            state: Mutex::new(State {
                unpacker,
                number: next,
                open: None,
                full: VecDeque::new(),
                bytes: 0,
                line: Vec::new(),
            }),
        };
        Ok((spill, left))
    }

    /// Whether calls go here before memory.
    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Acquire)
    }

    /// How many calls were spilled.
    pub(super) fn spilled(&self) -> u64 {
        self.spilled.load(Ordering::Relaxed)
    }

    /// Writes the call of `frame`, which `thread` made.
    pub(super) fn take(&self, frame: &[u8], thread: &str) -> Result<(), SpillError> {
        let mut state = self.state();
        let state = &mut *state;
        let thread = state.unpacker.name_of(thread);
        let record = state.unpacker.record(frame, &thread, None)?;
        state.line.clear();
        record.encode(&mut state.line);
        state.line.push(b'\n');
        if LINE_LEN_MAX < state.line.len() + TAIL_LEN_MAX {
            return Err(SpillError::TooLong {
                len: state.line.len(),
            });
        }
        let len = state.line.len() as u64;
        if self.bytes_max < state.bytes.saturating_add(len) {
            let bytes_max = self.bytes_max;
            return Err(SpillError::Full { bytes_max });
        }
        if state.open.as_ref().is_some_and(|it| FILE_LEN_MAX < it.2) {
            state.end_file();
        }
        if state.open.is_none() {
            let path = path(&self.folder, state.number);
            // One that could not be made may be there all the same.
            state.number += 1;
            match self.disk.open(&path, Access::Create) {
                Ok(file) => state.open = Some((path, file, 0)),
                Err(source) => return Err(SpillError::Disk { path, source }),
            }
        }
        if let Some((path, file, written)) = &mut state.open {
            if let Err(source) = disk::write_all(&**file, &state.line) {
                let path = path.clone();
                // Half a line may be there: nothing is written behind it.
                state.end_file();
                return Err(SpillError::Disk { path, source });
            }
            *written += len;
        }
        state.bytes += len;
        self.is_on.store(true, Ordering::Release);
        self.spilled.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// The oldest file, which is written no more. When there is none, calls go to memory again.
    pub(super) fn next(&self) -> Option<PathBuf> {
        let mut state = self.state();
        if state.full.is_empty() {
            state.end_file();
        }
        let next = state.full.front().map(|it| it.0.clone());
        if next.is_none() {
            self.is_on.store(false, Ordering::Release);
        }
        next
    }

    /// Removes the oldest file: what is in it is on disk elsewhere.
    pub(super) fn done(&self) -> io::Result<()> {
        let mut state = self.state();
        if let Some((path, len)) = state.full.front() {
            self.disk.remove(path)?;
            state.bytes = state.bytes.saturating_sub(*len);
            state.full.pop_front();
        }
        Ok(())
    }

    /// The calls of the oldest file, as far as they were told to be spilled.
    pub(super) fn read(&self, path: &Path) -> Result<Vec<CallRecord>, RecorderError> {
        let told = self.state().full.front().map_or(0, |it| it.1);
        read(&*self.disk, path, Some(told))
    }

    /// Takes the oldest file, which cannot be read, out of the way, where the next recorder does not look.
    pub(super) fn set_aside(&self, path: &Path) -> io::Result<()> {
        self.disk.rename(path, &aside(path))?;
        let mut state = self.state();
        if let Some((_, len)) = state.full.pop_front() {
            state.bytes = state.bytes.saturating_sub(len);
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end_file(&mut self) {
        if let Some((path, _, len)) = self.open.take() {
            self.full.push_back((path, len));
        }
    }
}

/// The name of a file that cannot be read.
pub(super) fn aside(path: &Path) -> PathBuf {
    path.with_extension("unreadable")
}

/// The calls of a spill file, of its first `told` bytes if that is known. A last line without an end is one
/// that was never told to be spilled.
pub(super) fn read(
    disk: &dyn Disk,
    path: &Path,
    told: Option<u64>,
) -> Result<Vec<CallRecord>, RecorderError> {
    let bytes =
        disk::read_small(disk, path, 2 * FILE_LEN_MAX).map_err(|source| RecorderError::Spill {
            operation: "read",
            path: path.to_owned(),
            source,
        })?;
    let mut bytes = bytes.unwrap_or_default();
    if let Some(told) = told.and_then(|it| usize::try_from(it).ok()) {
        bytes.truncate(told);
    }
    let whole = bytes
        .iter()
        .rposition(|it| *it == b'\n')
        .map_or(0, |it| it + 1);
    let lines = bytes
        .get(..whole)
        .unwrap_or_default()
        .split_inclusive(|it| *it == b'\n');
    lines
        .enumerate()
        .map(|(at, line)| {
            CallRecord::decode(line).map_err(|source| RecorderError::Spilled {
                path: path.to_owned(),
                line: at + 1,
                source,
            })
        })
        .collect()
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{PREFIX}{number:06}{SUFFIX}"))
}

fn number(name: &str) -> Option<u64> {
    name.strip_prefix(PREFIX)?
        .strip_suffix(SUFFIX)?
        .parse()
        .ok()
}
