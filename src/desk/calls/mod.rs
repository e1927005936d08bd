//! Recordings of a bot's outside calls: what they hold, and where two of them part.
//!
//! ```text
//! stream `calls`, or lines of it -> Recording -+
//!                                              +-> align -> compare -> Comparison
//!                   another one -> Recording --+
//! stream `calls` -> Inspection
//! ```
//!
//! Always true:
//! - Every line is a call, a gap or counted as unread; nothing is passed over.
//! - A gap is no call: what was lost there is said before anything else.
//!
//! Not here: recording, and answering calls from a recording, which a bot does.

mod align;
mod diff;
mod inspect;
mod recording;
mod rules;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use diff::{Change, Comparison, Counts, Divergence, Kind, compare};
pub use inspect::{Inspection, Latency, MethodSheet, Run};
pub use recording::{Call, Gap, Recording, SessionError, session_span};
pub use rules::{Ignored, IgnoredError, Rules};
