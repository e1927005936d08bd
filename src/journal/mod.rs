//! The durable log.

pub mod layout;
pub mod line;
