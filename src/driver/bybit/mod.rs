//! The exchange Bybit over the network: what `feed::bybit` decides, done on sockets and with requests.
//!
//! Always true:
//! - One thread does it all. A socket or a request that hangs holds up no other.
//! - A connection that ends is made again, for ever, with pauses that grow and are never the same.
//! - What the exchange says about limits is obeyed: until its reset nothing is asked, and after a 403 nothing
//!   is asked for ten minutes.
//!
//! Not here: what a message means.

mod http;
mod run;
mod socket;

pub use http::{Http, HttpError};
pub use run::{Health, Hosts, Run, RunError, RunNews, run};
