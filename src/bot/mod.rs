//! What a bot embeds: its session, and the guard of its limits of risk.
//!
//! Not here: what cron runs and what a person asks for; those three kinds of user never meet.

mod guard;
mod session;

pub use guard::{GuardError, RiskGuard};
pub use session::{Session, SessionError, Settings};
