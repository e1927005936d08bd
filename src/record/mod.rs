//! The values a journal holds: a value of one of these types is a legal record.
//!
//! Always true:
//! - Bytes become a record through one door (`Record::decode`, which serde uses too); what comes
//!   out needs no second check.
//! - A record that was refused names every wrong field with its rule and its value.
//! - A record has one text: its fields in declared order as compact JSON.
//!
//! Not here: files, threads, the clock.

mod stream;

pub use stream::{Stream, UnknownStream};

mod field;
pub use field::{Digest, DigestError};
