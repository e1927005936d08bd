//! Redis, and what speaks its protocol: one connection, and what is built on it.
//!
//! Always true:
//! - Nothing here is the truth of anything. What is in Redis can be lost at any moment, by a restart, an
//!   eviction or a `FLUSHALL`, and nobody notices but by the time that things take.
//! - Every call ends within its timeout, whatever the server does, and a server that is away is left alone
//!   for a while.
//!
//! Not here: TLS, Sentinel and clusters. A server on another machine is reached through a tunnel.

mod address;
mod cache;
mod connection;
mod socket;
mod window;

pub use address::{Address, AddressError};
pub use cache::RedisCache;
pub use connection::{Connection, ConnectionError, ConnectionOptions};
pub use window::RedisWindow;
