//! What every trade of one run of a bot has in common.

use crate::record::field::{BotVersion, ConfigHash, SessionId};

/// The run a trade belongs to: which session, which version of the bot, which configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The run.
    pub session_id: SessionId,
    /// The version of the bot.
    pub bot_version: BotVersion,
    /// The configuration.
    pub config_hash: ConfigHash,
}
