//! What connects the library with services of others. Each part implements a trait of a room below, and no
//! room names it: without its feature the library knows nothing of the service.
//!
//! Always true: a service that is slow or gone never keeps a bot waiting longer than its timeouts say.
//!
//! Not here: what is kept in such a service, and why; whoever owns the trait knows.

#[cfg(feature = "bybit")]
pub mod bybit;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "sqlite")]
pub mod sqlite;
