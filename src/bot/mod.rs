//! What a bot embeds: so far its session.
//!
//! Not here: what cron runs and what a person asks for; those three kinds of user never meet.

mod session;

pub use session::{Session, SessionError, Settings};
