//! One line for each run of a bot, so that every `config_hash` of a trade leads to its settings.
//!
//! Always true: the settings a bot shares with all others have fields of their own; whatever else
//! it has is in `configuration`, and whatever is to be known about the run in `metadata`, both
//! kept as their own text.

use crate::record::field::{Amount, BotVersion, ConfigHash, JsonObject, SessionId, Text};
use crate::record::table::{no_rules, record_in, table};
use crate::record::{Stamp, Stream};
use crate::time::Timestamp;

table! {
    /// A run of a bot began.
    pub struct SessionRecord, SessionParts, RawSession, SessionDraft, rules no_rules;

    /// The run.
    session_id: SessionId => SessionId;
    /// When it began.
    start_timestamp: Timestamp => Timestamp;
    /// The version of the bot.
    bot_version: BotVersion => &BotVersion;
    /// The MD5 of its configuration.
    config_hash: ConfigHash => ConfigHash;
    /// How paper trading is set.
    paper_trading_mode: Option<Text> => Option<&str>;
    /// The largest part of the portfolio in one position, in per cent.
    max_position_pct: Option<Amount> => Option<Amount>;
    /// The loss of a day after which trading stops, in per cent.
    max_daily_loss_pct: Option<Amount> => Option<Amount>;
    /// The losses in a row after which trading stops.
    max_consecutive_losses: Option<u32> => Option<u32>;
    /// Whatever else the bot is configured with.
    configuration: Option<JsonObject> => Option<&JsonObject>;
    /// Whatever is to be known about the run: market, trigger, git hash.
    metadata: Option<JsonObject> => Option<&JsonObject>;
}

record_in!(Stream::Sessions, SessionRecord, start_timestamp);

impl SessionRecord {
    /// Whether the outside calls of the run were recorded: a recorder, and a file that was imported, say
    /// which market or file it is of.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        let known = self.metadata().map(JsonObject::meaning);
        known.is_some_and(|it| it.member("market").is_some() || it.member("filename").is_some())
    }

    /// What the trades of this run carry.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp {
            session_id: self.0.session_id,
            bot_version: self.0.bot_version.clone(),
            config_hash: self.0.config_hash,
        }
    }
}
