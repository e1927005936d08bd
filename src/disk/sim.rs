//! A disk in memory that can lose power, tear, lie and fill up.

/// A disk in memory.
#[derive(Clone, Debug, Default)]
pub struct SimDisk;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {}
