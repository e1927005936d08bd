//! The newtypes that records are made of.

mod digest;

pub use digest::{Digest, DigestError};
