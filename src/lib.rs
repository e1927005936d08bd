//! A trade journal: typed records, on disk before `append` returns, provably unaltered.

pub mod bot;
pub mod disk;
pub mod journal;
pub mod record;
pub mod time;
