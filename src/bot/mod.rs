//! What a bot embeds: its session, and its metrics while it trades.
//!
//! Not here: what cron runs and what a person asks for; those three kinds of user never meet.

mod live;
mod session;

pub use live::{Every, LiveError, LiveMetrics, LiveOptions};
pub use session::{Session, SessionError, Settings};
