//! What is kept in a real Redis, and every way in which it can fail.

mod cache;
mod program;
pub mod server;
mod window;
