//! A run of a bot: its `sessions` line, and the stamp that its records carry.
//!
//! Always true: the line is on disk before the first record can be stamped, so the `config_hash` of
//! every trade leads to the configuration behind it.

use crate::journal::{AppendError, Journal, OpenError, Receipt};
use crate::record::field::{Amount, BotVersion, ConfigHash, JsonObject, SessionId, Text};
use crate::record::{Invalid, SessionParts, SessionRecord, Stamp};

/// What a run is configured with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The version of the bot.
    pub bot_version: BotVersion,
    /// The MD5 of the configuration; without it, of the settings as they are journaled.
    pub config_hash: Option<ConfigHash>,
    /// How paper trading is set.
    pub paper_trading_mode: Option<Text>,
    /// The largest part of the portfolio in one position, in per cent.
    pub max_position_pct: Option<Amount>,
    /// The loss of a day after which trading stops, in per cent.
    pub max_daily_loss_pct: Option<Amount>,
    /// The losses in a row after which trading stops.
    pub max_consecutive_losses: Option<u32>,
    /// Whatever else the bot is configured with.
    pub configuration: Option<JsonObject>,
    /// Whatever is to be known about the run: market, trigger, git hash.
    pub metadata: Option<JsonObject>,
}

/// Why a session could not be begun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The settings break a rule.
    #[error("begin a session")]
    Settings(#[source] Invalid),
    /// The stream of the sessions could not be opened.
    #[error("begin a session")]
    Open(#[source] OpenError),
    /// The line could not be written.
    #[error("begin a session")]
    Append(#[source] AppendError),
}

/// A run of a bot that is in the journal.
#[derive(Clone, Debug)]
pub struct Session {
    record: SessionRecord,
    receipt: Receipt,
}

impl Settings {
    /// Nothing but a version; set the other fields as far as there is something to say.
    #[must_use]
    pub fn new(bot_version: BotVersion) -> Settings {
        Settings {
            bot_version,
            config_hash: None,
            paper_trading_mode: None,
            max_position_pct: None,
            max_daily_loss_pct: None,
            max_consecutive_losses: None,
            configuration: None,
            metadata: None,
        }
    }

    /// The MD5 of what is journaled of the configuration, if the bot has none of its own.
    fn hash(&self) -> ConfigHash {
        let text = |value: Option<String>| value.unwrap_or_else(|| "null".to_owned());
        let settings = [
            text(
                self.paper_trading_mode
                    .as_ref()
                    .map(|it| it.as_str().to_owned()),
            ),
            text(self.max_position_pct.map(|it| it.to_string())),
            text(self.max_daily_loss_pct.map(|it| it.to_string())),
            text(self.max_consecutive_losses.map(|it| it.to_string())),
            text(self.configuration.as_ref().map(|it| it.as_str().to_owned())),
        ];
        ConfigHash::of(settings.join("\n").as_bytes())
    }
}

impl Session {
    /// Begins a run with an id of its own, and returns when its line is on disk.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn start(journal: &Journal, settings: Settings) -> Result<Session, SessionError> {
        Session::start_as(journal, settings, SessionId::from(uuid::Uuid::new_v4()))
    }

    /// As [`Session::start`], with an id that the caller chose.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn start_as(
        journal: &Journal,
        settings: Settings,
        session_id: SessionId,
    ) -> Result<Session, SessionError> {
        let config_hash = settings.config_hash.unwrap_or_else(|| settings.hash());
        let record = SessionRecord::new(SessionParts {
            session_id,
            start_timestamp: journal.clock().now(),
            bot_version: settings.bot_version,
            config_hash,
            paper_trading_mode: settings.paper_trading_mode,
            max_position_pct: settings.max_position_pct,
            max_daily_loss_pct: settings.max_daily_loss_pct,
            max_consecutive_losses: settings.max_consecutive_losses,
            configuration: settings.configuration,
            metadata: settings.metadata,
        })
        .map_err(SessionError::Settings)?;
        let writer = journal
            .writer::<SessionRecord>()
            .map_err(SessionError::Open)?;
        let receipt = writer.append(&record).map_err(SessionError::Append)?;
        writer.close().map_err(SessionError::Append)?;
        Ok(Session { record, receipt })
    }

    /// What the records of this run carry.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.record.stamp()
    }

    /// The line in the stream of the sessions.
    #[must_use]
    pub fn record(&self) -> &SessionRecord {
        &self.record
    }

    /// The proof that it is on disk.
    #[must_use]
    pub fn receipt(&self) -> Receipt {
        self.receipt
    }
}
