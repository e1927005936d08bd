//! The simulated machine: inodes, processes, locks, faults to come and the list of what was done.
//!
//! Always true:
//! - Every call of a process begins with [`State::begin`], which decides what is done of it and
//!   what it answers.
//! - The root folder is inode 0, and what it does not lead to is gone after a power cut.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    path::{Component, Path},
    thread::ThreadId,
};

use rustix::io::Errno as Code;

use super::{
    Done, Fault, Injection, Names, Op, Random, Unsynced, content::Content, folder::Folder,
};
use crate::disk::{Kind, Meta};
use crate::time::Timestamp;

const ROOT: u64 = 0;
const DEVICE: u64 = 1;

#[derive(Clone, Debug)]
pub(super) struct State {
    inodes: BTreeMap<u64, Inode>,
    inode_next: u64,
    pub(super) random: Random,
    pub(super) user: u32,
    /// Bytes that may still be written; `None` is no limit.
    pub(super) free: Option<u64>,
    processes: BTreeSet<u64>,
    /// Who only looks on: nothing goes wrong for them, and the power may be off.
    spectators: BTreeSet<u64>,
    process_next: u64,
    handle_next: u64,
    pub(super) locks: BTreeMap<u64, Lock>,
    pub(super) is_off: bool,
    pub(super) power_cut: Option<(u64, Done)>,
    /// How many calls were counted.
    pub(super) operations: u64,
    pub(super) injections: Vec<Injection>,
    pub(super) faults: u64,
    trace: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Inode {
    owner: u32,
    /// This disk has no clock: what a test said.
    modified: Option<Timestamp>,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    File(Content),
    Folder(Folder),
    Link(String),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Lock {
    pub(super) handle: u64,
    pub(super) process: u64,
    pub(super) thread: ThreadId,
}

/// What is done of a call, and what it answers.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) extent: Extent,
    error: Option<io::Error>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Nothing,
    Part,
    All,
    /// A sync that marks its pages clean without writing them.
    Forgets,
    ForgetsAllButLength,
}

/// One call, for the trace.
#[derive(Clone, Debug)]
struct Step {
    number: u64,
    process: u64,
    op: Op,
    path: String,
    /// Bytes asked for, or the length cut to.
    size: usize,
    trouble: Option<Trouble>,
}

#[derive(Clone, Copy, Debug)]
enum Trouble {
    Fault(Fault),
    PowerCut(Done),
}

/// The power is off: nothing works until the machine is started again.
#[derive(Debug, thiserror::Error)]
#[error("the power is off")]
pub(super) struct PowerOff;

#[derive(Debug, thiserror::Error)]
#[error("the process that asks is dead")]
struct Dead;

impl State {
    pub(super) fn new(seed: u64) -> State {
        let root = Inode {
            owner: 0,
            modified: None,
            body: Body::Folder(Folder::default()),
        };
        State {
            inodes: BTreeMap::from([(ROOT, root)]),
            inode_next: ROOT + 1,
            random: Random::new(seed),
            user: 1000,
            free: None,
            processes: BTreeSet::new(),
            spectators: BTreeSet::new(),
            process_next: 0,
            handle_next: 0,
            locks: BTreeMap::new(),
            is_off: false,
            power_cut: None,
            operations: 0,
            injections: Vec::new(),
            faults: 0,
            trace: Vec::new(),
        }
    }

    // Processes, and the end of them.

    pub(super) fn add_process(&mut self) -> u64 {
        let process = self.process_next;
        self.process_next += 1;
        self.processes.insert(process);
        process
    }

    pub(super) fn add_spectator(&mut self) -> u64 {
        let process = self.process_next;
        self.process_next += 1;
        self.spectators.insert(process);
        process
    }

    pub(super) fn kill(&mut self, process: u64) {
        self.processes.remove(&process);
        self.locks.retain(|_, lock| lock.process != process);
    }

    pub(super) fn kill_all(&mut self) {
        self.processes.clear();
        self.locks.clear();
    }

    pub(super) fn lose_power(&mut self, unsynced: Unsynced, names: Names) {
        self.kill_all();
        self.is_off = false;
        self.power_cut = None;
        for inode in self.inodes.values_mut() {
            match &mut inode.body {
                Body::File(content) => content.lose_power(unsynced, &mut self.random),
                Body::Folder(folder) => folder.lose_power(names, &mut self.random),
                Body::Link(_) => {}
            }
        }
        let reachable = self.reachable();
        self.inodes.retain(|inode, _| reachable.contains(inode));
    }

    fn reachable(&self) -> BTreeSet<u64> {
        let mut reachable = BTreeSet::new();
        let mut waiting = vec![ROOT];
        while let Some(inode) = waiting.pop() {
            if reachable.insert(inode)
                && let Some(folder) = self.folder(inode)
            {
                waiting.extend(folder.entries().map(|(_, inode)| inode));
            }
        }
        reachable
    }

    // What a call begins with.

    pub(super) fn check(&self, process: u64) -> io::Result<()> {
        if self.spectators.contains(&process) {
            Ok(())
        } else if self.is_off {
            Err(io::Error::other(PowerOff))
        } else if self.processes.contains(&process) {
            Ok(())
        } else {
            Err(io::Error::other(Dead))
        }
    }

    pub(super) fn begin(
        &mut self,
        process: u64,
        op: Op,
        path: &str,
        size: usize,
    ) -> io::Result<Course> {
        self.check(process)?;
        if self.spectators.contains(&process) {
            return Ok(Course::all());
        }
        self.operations += u64::from(op.is_counted());
        let trouble = self.trouble(op, path);
        self.trace.push(Step {
            number: self.operations,
            process,
            op,
            path: path.to_owned(),
            size,
            trouble,
        });
        Ok(match trouble {
            None => Course::all(),
            // Only what has a length can be done in part and say so.
            Some(Trouble::Fault(Fault::Short)) if !matches!(op, Op::Write | Op::Read) => {
                Course::all()
            }
            Some(Trouble::Fault(fault)) => Course::of(fault),
            Some(Trouble::PowerCut(done)) => {
                self.is_off = true;
                Course::cut_off(done)
            }
        })
    }

    fn trouble(&mut self, op: Op, path: &str) -> Option<Trouble> {
        if let Some((at, done)) = self.power_cut
            && op.is_counted()
            && at <= self.operations
        {
            return Some(Trouble::PowerCut(done));
        }
        let injections = &mut self.injections;
        let index = injections.iter_mut().position(|it| it.strikes(op, path))?;
        self.faults += 1;
        let stays = injections.get(index).is_some_and(Injection::stays);
        let fault = if stays {
            injections.get(index)?.fault
        } else {
            injections.remove(index).fault
        };
        Some(Trouble::Fault(fault))
    }

    pub(super) fn trace(&self) -> String {
        use fmt::Write as _;
        let mut text = String::new();
        for step in &self.trace {
            let _ = write!(text, "{:>6} p{} ", step.number, step.process);
            let _ = write!(text, "{:?} {} {}", step.op, step.path, step.size);
            let _ = match step.trouble {
                None => writeln!(text),
                Some(trouble) => writeln!(text, "  <- {trouble:?}"),
            };
        }
        text
    }

    pub(super) fn add_handle(&mut self) -> u64 {
        self.handle_next += 1;
        self.handle_next
    }

    // The tree.

    pub(super) fn find(&self, path: &Path) -> io::Result<u64> {
        let mut inode = ROOT;
        for name in names_of(path)? {
            inode = self
                .folder(inode)
                .ok_or(Code::NOTDIR)?
                .get(name)
                .ok_or(Code::NOENT)?;
        }
        Ok(inode)
    }

    pub(super) fn find_on_media(&self, path: &Path) -> Option<u64> {
        let names = names_of(path).ok()?;
        names
            .into_iter()
            .try_fold(ROOT, |inode, name| self.folder(inode)?.get_on_media(name))
    }

    /// The folder that a path is in, and the last name.
    pub(super) fn find_parent<'a>(&self, path: &'a Path) -> io::Result<(u64, &'a str)> {
        let name = path.file_name().and_then(|it| it.to_str());
        let parent = path.parent().ok_or(Code::INVAL)?;
        Ok((self.find(parent)?, name.ok_or(Code::INVAL)?))
    }

    pub(super) fn folder(&self, inode: u64) -> Option<&Folder> {
        match self.inodes.get(&inode).map(|it| &it.body) {
            Some(Body::Folder(folder)) => Some(folder),
            _ => None,
        }
    }

    pub(super) fn folder_mut(&mut self, inode: u64) -> io::Result<&mut Folder> {
        match self.inodes.get_mut(&inode).map(|it| &mut it.body) {
            Some(Body::Folder(folder)) => Ok(folder),
            _ => Err(Code::NOTDIR.into()),
        }
    }

    pub(super) fn content(&self, inode: u64) -> io::Result<&Content> {
        match self.inodes.get(&inode).map(|it| &it.body) {
            Some(Body::File(content)) => Ok(content),
            _ => Err(Code::INVAL.into()),
        }
    }

    pub(super) fn content_mut(&mut self, inode: u64) -> io::Result<&mut Content> {
        match self.inodes.get_mut(&inode).map(|it| &mut it.body) {
            Some(Body::File(content)) => Ok(content),
            _ => Err(Code::INVAL.into()),
        }
    }

    pub(super) fn contents(&self) -> impl Iterator<Item = &Content> {
        self.inodes.values().filter_map(|it| match &it.body {
            Body::File(content) => Some(content),
            _ => None,
        })
    }

    pub(super) fn link_text(&self, inode: u64) -> io::Result<String> {
        match self.inodes.get(&inode).map(|it| &it.body) {
            Some(Body::Link(target)) => Ok(target.clone()),
            _ => Err(Code::INVAL.into()),
        }
    }

    pub(super) fn kind(&self, inode: u64) -> Kind {
        match self.inodes.get(&inode).map(|it| &it.body) {
            Some(Body::File(_)) => Kind::File,
            Some(Body::Folder(_)) => Kind::Folder,
            Some(Body::Link(_)) => Kind::Link,
            None => Kind::Other,
        }
    }

    pub(super) fn meta(&self, inode: u64) -> io::Result<Meta> {
        let found = self.inodes.get(&inode).ok_or(Code::NOENT)?;
        let len = match &found.body {
            Body::File(content) => content.cached().len(),
            Body::Folder(folder) => folder.entries().count(),
            Body::Link(target) => target.len(),
        };
        Ok(Meta {
            kind: self.kind(inode),
            len: u64::try_from(len).unwrap_or_default(),
            identity: (DEVICE, inode),
            links: self.links(inode),
            owner: found.owner,
            modified: found.modified,
        })
    }

    fn links(&self, inode: u64) -> u64 {
        let folders = self.inodes.keys().filter_map(|it| self.folder(*it));
        let names = folders.flat_map(Folder::entries);
        let count = names.filter(|(_, it)| *it == inode).count();
        u64::try_from(count).unwrap_or_default()
    }

    pub(super) fn set_owner(&mut self, inode: u64, owner: u32) {
        if let Some(found) = self.inodes.get_mut(&inode) {
            found.owner = owner;
        }
    }

    pub(super) fn set_modified(&mut self, inode: u64, at: Timestamp) {
        if let Some(found) = self.inodes.get_mut(&inode) {
            found.modified = Some(at);
        }
    }

    pub(super) fn add_file(&mut self, content: Content) -> u64 {
        self.add(Body::File(content))
    }

    pub(super) fn add_folder(&mut self) -> u64 {
        self.add(Body::Folder(Folder::default()))
    }

    pub(super) fn add_link(&mut self, target: &str) -> u64 {
        self.add(Body::Link(target.to_owned()))
    }

    fn add(&mut self, body: Body) -> u64 {
        let inode = self.inode_next;
        self.inode_next += 1;
        let owner = self.user;
        let modified = None;
        self.inodes.insert(
            inode,
            Inode {
                owner,
                modified,
                body,
            },
        );
        inode
    }
}

impl Course {
    pub(super) fn all() -> Course {
        Course {
            extent: Extent::All,
            error: None,
        }
    }

    fn of(fault: Fault) -> Course {
        let (extent, errno) = match fault {
            Fault::Fails(errno) => (Extent::Nothing, Some(errno)),
            Fault::Short => (Extent::Part, None),
            Fault::FailsHalfway(errno) => (Extent::Part, Some(errno)),
            Fault::FailsAfterwards(errno) => (Extent::All, Some(errno)),
            Fault::Forgets(errno) => (Extent::Forgets, Some(errno)),
            Fault::ForgetsAllButLength(errno) => (Extent::ForgetsAllButLength, Some(errno)),
        };
        Course {
            extent,
            error: errno.map(super::Errno::error),
        }
    }

    fn cut_off(done: Done) -> Course {
        let extent = match done {
            Done::Nothing => Extent::Nothing,
            Done::Part => Extent::Part,
            Done::All => Extent::All,
        };
        Course {
            extent,
            error: Some(io::Error::other(PowerOff)),
        }
    }

    /// Whether a call without parts is done. One that was short is: only its error says otherwise.
    pub(super) fn is_done(&self) -> bool {
        self.extent == Extent::All || (self.extent == Extent::Part && self.error.is_none())
    }

    /// What the call answers when nothing else is wrong with it.
    pub(super) fn answer<T>(self, value: T) -> io::Result<T> {
        match self.error {
            None => Ok(value),
            Some(error) => Err(error),
        }
    }
}

fn names_of(path: &Path) -> io::Result<Vec<&str>> {
    let mut names = Vec::new();
    for part in path.components() {
        match part {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) => names.push(name.to_str().ok_or(Code::INVAL)?),
            Component::ParentDir | Component::Prefix(_) => return Err(Code::INVAL.into()),
        }
    }
    Ok(names)
}
