//! A disk in memory that can lose power, tear, lie and fill up.
//!
//! Always true:
//! - What the cache shows and what the media holds are kept apart, for bytes and for names: a
//!   file's sync puts its bytes and its length on the media, not its name; a name is there when its
//!   folder was synced. Until then a power cut may keep or lose it.
//! - A [`SimDisk`] belongs to a process. When the power fails or the process is killed, every call
//!   through it or a file that it opened fails from then on; its locks are gone. What starts again
//!   does so with the disk that [`SimDisk::restart`] or [`SimDisk::kill`] returns.
//! - All chance comes from the seed: the same calls with the same seed give the same disk.
//!
//! Refused: a link or `..` inside a path, and a rename into another folder, which no journal needs
//! (EXDEV, as if it were another disk).
//!
//! Not here: when faults strike by chance. A test rolls the dice and puts them in with
//! [`SimDisk::inject`].

mod content;
mod fault;
mod folder;
mod random;
mod state;
#[cfg(test)]
mod tests;

use std::{
    fmt, io,
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use rustix::io::Errno as Code;

pub use fault::{Done, Errno, Fault, Injection, Names, Op, Unsynced};
pub use random::Random;

use super::{Access, Disk, Entry, File, Kind, Meta};
use crate::time::Timestamp;
use content::Content;
use state::{Course, Extent, Lock, PowerOff, State};

const LOCK_WAIT: Duration = Duration::from_millis(10);

/// A disk in memory, as one process sees it. Clones are the same process.
#[derive(Clone)]
pub struct SimDisk {
    shared: Arc<Shared>,
    process: u64,
}

struct Shared {
    state: Mutex<State>,
    unlocked: Condvar,
}

impl SimDisk {
    /// An empty disk. Everything random on it comes from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> SimDisk {
        SimDisk::of(State::new(seed))
    }

    fn of(mut state: State) -> SimDisk {
        let process = state.add_process();
        let shared = Shared {
            state: Mutex::new(state),
            unlocked: Condvar::new(),
        };
        SimDisk {
            shared: Arc::new(shared),
            process,
        }
    }

    /// A copy of the disk as it is, power and faults to come included, with chances of its own and
    /// one new process. Nothing done to either is seen on the other.
    #[must_use]
    pub fn fork(&self, seed: u64) -> SimDisk {
        let mut state = self.state().clone();
        state.kill_all();
        state.random = Random::new(seed);
        SimDisk::of(state)
    }

    /// The same disk, as a process beside this one sees it.
    #[must_use]
    pub fn another_process(&self) -> SimDisk {
        SimDisk {
            shared: Arc::clone(&self.shared),
            process: self.state().add_process(),
        }
    }

    /// The same disk for somebody who looks on: the calls are not counted, nothing goes wrong with
    /// them, and it does not matter whether the power is off.
    #[must_use]
    pub fn spectator(&self) -> SimDisk {
        SimDisk {
            shared: Arc::clone(&self.shared),
            process: self.state().add_spectator(),
        }
    }

    /// Ends this process, the power staying on, and starts another.
    #[must_use = "this disk belongs to the dead process"]
    pub fn kill(&self) -> SimDisk {
        self.state().kill(self.process);
        self.shared.unlocked.notify_all();
        self.another_process()
    }

    /// Lets the power fail at once, unless it did, and starts the machine again with what that left
    /// of the unsynced bytes and names.
    #[must_use = "this disk belongs to a dead process"]
    pub fn restart(&self, unsynced: Unsynced, names: Names) -> SimDisk {
        self.state().lose_power(unsynced, names);
        self.shared.unlocked.notify_all();
        self.another_process()
    }

    /// Lets the power fail in the counted call with this number (see [`SimDisk::operations`]), of
    /// which so much is done.
    pub fn cut_power_at(&self, operation: u64, done: Done) {
        self.state().power_cut = Some((operation, done));
    }

    /// Whether the power failed.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.state().is_off
    }

    /// How many calls there were that can change the disk ([`Op::is_counted`]), by all processes.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Puts a fault in.
    pub fn inject(&self, injection: Injection) {
        self.state().injections.push(injection);
    }

    /// Takes all faults to come out again, a power cut too.
    pub fn heal(&self) {
        let mut state = self.state();
        state.injections.clear();
        state.power_cut = None;
    }

    /// How many faults struck so far, calls that found the disk full included.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.state().faults
    }

    /// Every call so far, one a line: number, process, call, path, bytes, what went wrong.
    #[must_use]
    pub fn trace(&self) -> String {
        self.state().trace()
    }

    /// Lets so many more bytes be written; `None` is no limit.
    pub fn set_free_bytes(&self, free: Option<u64>) {
        self.state().free = free;
    }

    /// Who the processes act as, and who owns what they make.
    pub fn set_user(&self, user: u32) {
        self.state().user = user;
    }

    /// Gives what is at `path` to `owner`; nothing happens when nothing is.
    pub fn set_owner(&self, path: impl AsRef<Path>, owner: u32) {
        let mut state = self.state();
        if let Ok(inode) = state.find(path.as_ref()) {
            state.set_owner(inode, owner);
        }
    }

    /// Says when the file at `path` was changed last; nothing happens when nothing is there. The disk has no
    /// clock of its own, and a later change does not change it.
    pub fn set_modified(&self, path: impl AsRef<Path>, at: Timestamp) {
        let mut state = self.state();
        if let Ok(inode) = state.find(path.as_ref()) {
            state.set_modified(inode, at);
        }
    }

    /// Makes a folder and those above it, on the media at once and without being counted.
    ///
    /// # Errors
    /// ENOTDIR when something else is in the way.
    pub fn put_folder(&self, path: impl AsRef<Path>) -> io::Result<()> {
        put_folder(&mut self.state(), path.as_ref()).map(drop)
    }

    /// Makes a file of these bytes, its folders too, on the media at once and without being counted.
    ///
    /// # Errors
    /// ENOTDIR when something else than a folder is in the way.
    pub fn put_file(&self, path: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
        let path = path.as_ref();
        let mut state = self.state();
        let folder = put_folder(&mut state, path.parent().unwrap_or(path))?;
        let (_, name) = state.find_parent(path)?;
        let inode = state.add_file(Content::on_media(bytes.to_vec()));
        let folder = state.folder_mut(folder)?;
        folder.set(name, inode);
        folder.flush();
        Ok(())
    }

    /// Turns one bit on the media over; the cache shows it once it is dropped. Nothing happens when
    /// there is no such byte.
    pub fn flip_bit(&self, path: impl AsRef<Path>, offset: usize, bit: u32) {
        let mut state = self.state();
        if let Ok(inode) = state.find(path.as_ref())
            && let Ok(content) = state.content_mut(inode)
        {
            content.flip(offset, bit);
        }
    }

    /// The bytes that a reader of `path` sees.
    #[must_use]
    pub fn cached(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let state = self.state();
        let inode = state.find(path.as_ref()).ok()?;
        Some(state.content(inode).ok()?.cached().to_vec())
    }

    /// The bytes that are at `path` after a power cut that loses all it may.
    #[must_use]
    pub fn durable(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let state = self.state();
        let inode = state.find_on_media(path.as_ref())?;
        Some(state.content(inode).ok()?.media().to_vec())
    }

    /// The longest last write of a file that no sync covered: how far [`Unsynced::Torn`] goes.
    #[must_use]
    pub fn torn_len_max(&self) -> usize {
        let lens = self.state().contents().map(Content::last_write_len).max();
        lens.unwrap_or_default()
    }

    /// Whether `error` is the power's.
    #[must_use]
    pub fn is_power_off(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|it| it.is::<PowerOff>())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Tests read the disk of a thread that panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimDisk")
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn File>> {
        let mut state = self.state();
        let text = path.to_string_lossy();
        let op = match access {
            Access::Read => Op::Open,
            _ => Op::OpenToWrite,
        };
        let course = state.begin(self.process, op, &text, 0)?;
        let inode = match open_inode(&mut state, path, access, course.is_done()) {
            Ok(inode) => inode,
            Err(error) => return course.answer(()).and(Err(error)),
        };
        let file = SimFile {
            shared: Arc::clone(&self.shared),
            process: self.process,
            handle: state.add_handle(),
            inode,
            path: text.into_owned(),
            is_writable: access != Access::Read,
        };
        // The file takes the lock on the state when it is dropped.
        drop(state);
        course.answer(Box::new(file))
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.change(Op::CreateFolder, path, |state| {
            let (parent, name) = state.find_parent(path)?;
            match state.folder(parent).ok_or(Code::NOTDIR)?.get(name) {
                Some(inode) if state.kind(inode) == Kind::Folder => Ok(()),
                Some(_) => Err(Code::EXIST.into()),
                None => {
                    let inode = state.add_folder();
                    state.folder_mut(parent)?.set(name, inode);
                    Ok(())
                }
            }
        })
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let mut state = self.state();
        let course = state.begin(self.process, Op::List, &path.to_string_lossy(), 0)?;
        let inode = state.find(path)?;
        let folder = state.folder(inode).ok_or(Code::NOTDIR)?;
        let entry = |(name, inode): (&String, u64)| Entry {
            name: name.clone(),
            kind: state.kind(inode),
        };
        let entries = folder.entries().map(entry).collect();
        course.answer(entries)
    }

    fn look(&self, path: &Path) -> io::Result<Option<Meta>> {
        let state = self.state();
        state.check(self.process)?;
        match state.find(path) {
            Ok(inode) => state.meta(inode).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.change(Op::SyncFolder, path, |state| {
            let inode = state.find(path)?;
            state.folder_mut(inode)?.flush();
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(Op::Rename, from, |state| {
            let (folder, old) = state.find_parent(from)?;
            let (other, new) = state.find_parent(to)?;
            if folder != other {
                return Err(Code::XDEV.into());
            }
            let inode = state.find(from)?;
            match state.find(to) {
                Ok(found) if found == inode => return Ok(()),
                Ok(found) if state.kind(found) == Kind::Folder => return Err(Code::ISDIR.into()),
                _ => {}
            }
            state.folder_mut(folder)?.rename(old, new, inode);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change(Op::Remove, path, |state| {
            let (folder, name) = state.find_parent(path)?;
            let inode = state.find(path)?;
            if state.kind(inode) == Kind::Folder {
                return Err(Code::ISDIR.into());
            }
            let len = state.content(inode).map_or(0, |it| it.cached().len());
            give_back(state, len);
            state.folder_mut(folder)?.unset(name);
            Ok(())
        })
    }

    fn make_link(&self, target: &str, link: &Path) -> io::Result<()> {
        self.change(Op::MakeLink, link, |state| {
            let (folder, name) = state.find_parent(link)?;
            if state.find(link).is_ok() {
                return Err(Code::EXIST.into());
            }
            let inode = state.add_link(target);
            state.folder_mut(folder)?.set(name, inode);
            Ok(())
        })
    }

    fn read_link(&self, link: &Path) -> io::Result<String> {
        let state = self.state();
        state.check(self.process)?;
        state.link_text(state.find(link)?)
    }

    fn user(&self) -> u32 {
        self.state().user
    }

    fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        let state = self.state();
        state.check(self.process)?;
        Ok(state.free.unwrap_or(u64::MAX))
    }
}

impl SimDisk {
    /// A call on a path that is done or not.
    fn change(
        &self,
        op: Op,
        path: &Path,
        done: impl FnOnce(&mut State) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut state = self.state();
        let course = state.begin(self.process, op, &path.to_string_lossy(), 0)?;
        let result = if course.is_done() {
            done(&mut state)
        } else {
            Ok(())
        };
        course.answer(())?;
        result
    }
}

/// The file to open, made where it is missing and `access` and `is_done` want it.
fn open_inode(state: &mut State, path: &Path, access: Access, is_done: bool) -> io::Result<u64> {
    match state.find(path) {
        Ok(_) if access == Access::Create => Err(Code::EXIST.into()),
        Ok(inode) => match state.kind(inode) {
            Kind::File => Ok(inode),
            Kind::Link => Err(Code::LOOP.into()),
            _ if access == Access::Read => {
                let text = "is not a plain file but a folder";
                Err(io::Error::new(io::ErrorKind::InvalidInput, text))
            }
            _ => Err(Code::ISDIR.into()),
        },
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Err(error) => match access {
            Access::Read | Access::Append => Err(error),
            _ if !is_done => Err(error),
            Access::AppendOrCreate | Access::Create => {
                let (folder, name) = state.find_parent(path)?;
                // Looked up first: a file without a folder is not made.
                state.folder_mut(folder)?;
                let inode = state.add_file(Content::default());
                state.folder_mut(folder)?.set(name, inode);
                Ok(inode)
            }
        },
    }
}

fn put_folder(state: &mut State, path: &Path) -> io::Result<u64> {
    if let Ok(inode) = state.find(path) {
        return Ok(inode);
    }
    let parent = put_folder(state, path.parent().ok_or(Code::INVAL)?)?;
    let (_, name) = state.find_parent(path)?;
    state.folder_mut(parent)?;
    let inode = state.add_folder();
    let folder = state.folder_mut(parent)?;
    folder.set(name, inode);
    folder.flush();
    Ok(inode)
}

fn give_back(state: &mut State, len: usize) {
    if let Some(free) = &mut state.free {
        *free = free.saturating_add(u64::try_from(len).unwrap_or_default());
    }
}

struct SimFile {
    shared: Arc<Shared>,
    process: u64,
    handle: u64,
    inode: u64,
    path: String,
    is_writable: bool,
}

impl SimFile {
    fn begin(&self, state: &mut State, op: Op, size: usize) -> io::Result<Course> {
        let course = state.begin(self.process, op, &self.path, size)?;
        if !self.is_writable && matches!(op, Op::Write | Op::Cut) {
            return Err(Code::BADF.into());
        }
        Ok(course)
    }

    fn take_lock(&self, state: &mut State) {
        let lock = Lock {
            handle: self.handle,
            process: self.process,
            thread: thread::current().id(),
        };
        state.locks.insert(self.inode, lock);
    }

    fn release(&self) {
        let mut state = self.shared.state();
        let lock = state.locks.get(&self.inode);
        if lock.is_some_and(|it| it.handle == self.handle) {
            state.locks.remove(&self.inode);
            self.shared.unlocked.notify_all();
        }
    }
}

impl File for SimFile {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.shared.state();
        let course = self.begin(&mut state, Op::Write, bytes.len())?;
        let mut len = match course.extent {
            Extent::All => bytes.len(),
            // One byte at least, or a short write would be none.
            Extent::Part => 1 + state.random.below(bytes.len().saturating_sub(1)),
            _ => 0,
        };
        len = len.min(bytes.len());
        if let Some(free) = &mut state.free {
            let room = usize::try_from(*free).unwrap_or(usize::MAX);
            if room == 0 && 0 < len {
                state.faults += 1;
                return course.answer(()).and(Err(Errno::NoSpace.error()));
            }
            len = len.min(room);
            *free -= u64::try_from(len).unwrap_or_default();
        }
        let written = bytes.get(..len).unwrap_or_default();
        if !written.is_empty() {
            state.content_mut(self.inode)?.append(written);
        }
        course.answer(len)
    }

    fn sync(&self) -> io::Result<()> {
        let mut guard = self.shared.state();
        let state = &mut *guard;
        let course = self.begin(state, Op::Sync, 0)?;
        let mut random = state.random.clone();
        let content = state.content_mut(self.inode)?;
        match course.extent {
            Extent::All => content.flush(),
            Extent::Part => content.flush_some(&mut random),
            Extent::Nothing => {}
            Extent::Forgets => content.forget(),
            Extent::ForgetsAllButLength => content.forget_all_but_length(),
        }
        state.random = random;
        course.answer(())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.shared.state();
        let course = self.begin(&mut state, Op::Read, bytes.len())?;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let there = state.content(self.inode)?.cached().len();
        let mut len = there.saturating_sub(offset).min(bytes.len());
        if course.extent == Extent::Part {
            len = len.min(1 + state.random.below(len.saturating_sub(1)));
        }
        let cached = state.content(self.inode)?.cached();
        let source = cached.get(offset..offset.saturating_add(len));
        if let (Some(source), Some(place)) = (source, bytes.get_mut(..len)) {
            place.copy_from_slice(source);
        }
        course.answer(len)
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        let mut state = self.shared.state();
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let course = self.begin(&mut state, Op::Cut, len)?;
        let before = state.content(self.inode)?.cached().len();
        if course.is_done() && len != before {
            give_back(&mut state, before.saturating_sub(len));
            state.content_mut(self.inode)?.cut(len);
        }
        course.answer(())
    }

    fn drop_cache(&self, offset: u64) -> io::Result<()> {
        let mut state = self.shared.state();
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let course = self.begin(&mut state, Op::DropCache, offset)?;
        if course.is_done() {
            state.content_mut(self.inode)?.drop_cache(offset);
        }
        course.answer(())
    }

    fn look(&self) -> io::Result<Meta> {
        let state = self.shared.state();
        state.check(self.process)?;
        state.meta(self.inode)
    }

    fn try_lock(&self) -> io::Result<bool> {
        let mut state = self.shared.state();
        self.begin(&mut state, Op::Lock, 0)?.answer(())?;
        let holder = state.locks.get(&self.inode);
        let is_free = holder.is_none_or(|it| it.handle == self.handle);
        if is_free {
            self.take_lock(&mut state);
        }
        Ok(is_free)
    }

    fn lock(&self) -> io::Result<()> {
        let mut state = self.shared.state();
        self.begin(&mut state, Op::Lock, 0)?.answer(())?;
        loop {
            state.check(self.process)?;
            match state.locks.get(&self.inode) {
                Some(lock) if lock.handle != self.handle => {
                    // Nobody else would let it go: better a failed test than one that hangs.
                    if lock.thread == thread::current().id() {
                        return Err(io::ErrorKind::Deadlock.into());
                    }
                }
                _ => break,
            }
            // Looks again now and then: nobody tells the waiting that the power failed.
            let waited = self.shared.unlocked.wait_timeout(state, LOCK_WAIT);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        self.take_lock(&mut state);
        Ok(())
    }

    fn unlock(&self) -> io::Result<()> {
        self.shared.state().check(self.process)?;
        self.release();
        Ok(())
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        self.release();
    }
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimFile")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
