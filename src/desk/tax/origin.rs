//! Where in a journal something is written down.

use std::fmt;

use crate::record::Stream;
use crate::time::Day;

/// The line of a journal that a trade was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The stream.
    pub stream: Stream,
    /// Its day.
    pub day: Day,
    /// Its number, where its line has one.
    pub seq: Option<u64>,
    /// Its hash in lower-case hexadecimal digits, where its line has one.
    pub hash: Option<String>,
}

/// Such as `trading-audit 2025-10-26 line 17`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.stream, self.day)?;
        self.seq.map_or(Ok(()), |seq| write!(f, " line {seq}"))
    }
}
