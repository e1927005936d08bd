//! What can go wrong, and where.

use std::io;

/// What a call to the disk does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Op {
    /// Opens a file for reading.
    Open,
    /// Opens a file for writing, making it where asked to.
    OpenToWrite,
    /// Reads from a file.
    Read,
    /// Writes at a file's end.
    Write,
    /// Syncs a file.
    Sync,
    /// Cuts a file.
    Cut,
    /// Forgets a file's cached pages.
    DropCache,
    /// Locks a file, waiting or not.
    Lock,
    /// Makes a folder.
    CreateFolder,
    /// Lists a folder.
    List,
    /// Syncs a folder.
    SyncFolder,
    /// Renames a file.
    Rename,
    /// Removes a name.
    Remove,
    /// Makes a link.
    MakeLink,
}

impl Op {
    /// Whether the call can leave the disk other than it was. A power cut between two calls that
    /// cannot is the same as one before the next that can, so only these are counted.
    #[must_use]
    pub fn is_counted(self) -> bool {
        !matches!(self, Op::Open | Op::Read | Op::List | Op::Lock)
    }
}

/// How much of an operation is done when the power fails in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// Nothing.
    Nothing,
    /// Some of a write's first bytes, some of a sync's pages; nothing of what has no parts.
    Part,
    /// All, and nobody was told.
    All,
}

/// An error of the operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Errno {
    /// EIO.
    Io,
    /// ENOSPC.
    NoSpace,
    /// EINTR.
    Interrupted,
    /// EMFILE.
    TooManyFiles,
    /// EROFS.
    ReadOnly,
}

impl Errno {
    pub(super) fn error(self) -> io::Error {
        use rustix::io::Errno as Code;
        io::Error::from(match self {
            Errno::Io => Code::IO,
            Errno::NoSpace => Code::NOSPC,
            Errno::Interrupted => Code::INTR,
            Errno::TooManyFiles => Code::MFILE,
            Errno::ReadOnly => Code::ROFS,
        })
    }
}

/// What goes wrong in one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing is done. Of a sync: the bytes stay unsynced, and a later sync can write them.
    Fails(Errno),
    /// A write or a read does less than asked and says how much.
    Short,
    /// A part is done, and the call says nothing but the error.
    FailsHalfway(Errno),
    /// All is done, and the call says that it failed.
    FailsAfterwards(Errno),
    /// A sync fails, the bytes never reach the media, and their pages are marked clean: the cache
    /// goes on showing them, and the next sync says that all is well. What the kernel does.
    Forgets(Errno),
    /// As `Forgets`, but the media has the new length, and zeros where the bytes should be.
    ForgetsAllButLength(Errno),
}

/// A fault and where it strikes: at every matching call, or at one.
#[derive(Clone, Debug)]
pub struct Injection {
    pub(super) fault: Fault,
    op: Option<Op>,
    path_part: Option<String>,
    skip: u64,
    stays: bool,
}

impl Injection {
    /// `fault` at the next call of any kind, once.
    #[must_use]
    pub fn new(fault: Fault) -> Injection {
        Injection {
            fault,
            op: None,
            path_part: None,
            skip: 0,
            stays: false,
        }
    }

    /// Only at calls of this kind.
    #[must_use]
    pub fn on(mut self, op: Op) -> Injection {
        self.op = Some(op);
        self
    }

    /// Only at calls on a path that contains `part`.
    #[must_use]
    pub fn in_path(mut self, part: impl Into<String>) -> Injection {
        self.path_part = Some(part.into());
        self
    }

    /// Not at the first `count` matching calls.
    #[must_use]
    pub fn after(mut self, count: u64) -> Injection {
        self.skip = count;
        self
    }

    /// At every matching call from then on.
    #[must_use]
    pub fn for_ever(mut self) -> Injection {
        self.stays = true;
        self
    }

    /// Whether it strikes now; a call that matches is counted.
    pub(super) fn strikes(&mut self, op: Op, path: &str) -> bool {
        let matches = self.op.is_none_or(|it| it == op)
            && self
                .path_part
                .as_ref()
                .is_none_or(|it| path.contains(it.as_str()));
        if !matches {
            return false;
        }
        match self.skip.checked_sub(1) {
            Some(left) => {
                self.skip = left;
                false
            }
            None => true,
        }
    }

    pub(super) fn stays(&self) -> bool {
        self.stays
    }
}

/// What a power cut leaves of the bytes that no sync covered, file by file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsynced {
    /// Nothing.
    Lost,
    /// Everything.
    Kept,
    /// Every change but the last, of which the first bytes, this many.
    Torn(usize),
    /// The length, and zeros for the new bytes.
    Zeros,
    /// Any of the blocks of this many bytes, each by itself: a later one can be there and an earlier
    /// one not, which then shows what was there before, or zeros.
    Blocks(usize),
    /// As `Blocks` of 512 bytes, where a block can also be noise.
    Noise,
    /// One of the others, chosen for each file by itself.
    Any,
}

/// What a power cut leaves of the names that no folder sync covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// None of the changes.
    Lost,
    /// All.
    Kept,
    /// Any, each by itself.
    Any,
}
