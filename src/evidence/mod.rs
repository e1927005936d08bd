//! What others can check.

pub mod anchor;
