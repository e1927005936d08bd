//! How a recording stands: what came, what is in the log, and what is lost.

/// How a recording stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecorderStats {
    /// Calls that ended.
    pub calls: u64,
    /// Those that are written into the log.
    pub written: u64,
    /// Those that are known to be on disk.
    pub durable: u64,
    /// Those that wait, in memory or spilled.
    pub waiting: u64,
    /// Those that are lost.
    pub lost: Losses,
    /// Calls that were written into a spill file.
    pub spilled: u64,
    /// Calls that were longer than a block of memory, and copied once more for that.
    pub large: u64,
    /// Calls of which a part refused to be serialised; the rest is recorded.
    pub unrecordable: u64,
    /// Bytes that may wait in memory.
    pub capacity: usize,
}

/// Calls that are lost, by why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Losses {
    /// There was no room.
    pub queue_full: u64,
    /// The recorder was closed already.
    pub closed: u64,
    /// The disk lost what it had taken, or had not taken it when waiting for it ended.
    pub disk: u64,
    /// No line could be made of them.
    pub no_line: u64,
}

impl Losses {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.queue_full + self.closed + self.disk + self.no_line
    }
}

/// Why calls are lost, as a gap says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    QueueFull,
    Disk,
    NoLine,
}

impl Cause {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Cause::QueueFull => "queue_full",
            Cause::Disk => "disk",
            Cause::NoLine => "no_line",
        }
    }
}

impl Losses {
    pub(super) fn add(&mut self, cause: Cause, count: u64) {
        *match cause {
            Cause::QueueFull => &mut self.queue_full,
            Cause::Disk => &mut self.disk,
            Cause::NoLine => &mut self.no_line,
        } += count;
    }
}
