//! A trading client whose fills, spreads and risk checks are logged: one value around another, no patch.
//!
//! Always true:
//! - What the client takes and says passes through untouched, whether or not it can be logged.
//! - A fill is on disk before the client hears of it.
//! - What could not be logged is told at once to whoever asked for that, and kept for [`Logged::troubles`].
//!
//! Not here: what the client does.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;

use super::tradelog::TradeLog;
use crate::journal::{AppendError, Receipt, Troubles};
use crate::record::field::{Amount, Pair, Severity};
use crate::record::{DecisionRecord, ErrorRecord, FillRecord, Invalid};

/// What of a trading client is logged: the three places where the first trade logger hooked in.
pub trait TradingClient {
    /// What a spread is calculated from.
    type Market: ?Sized;
    /// Why it cannot be, or why the risk cannot be checked.
    type Error: Error + 'static;

    /// What is traded.
    fn symbol(&self) -> &Pair;

    /// What its spreads are calculated with at this moment.
    fn parameters(&self) -> SpreadParameters;

    /// An order was filled, in whole or in part.
    fn order_filled(&mut self, fill: &FillRecord);

    /// How far from the middle its bid and its ask are to be.
    ///
    /// # Errors
    /// The client's.
    fn calculate_spread(&mut self, market: &Self::Market) -> Result<Spread, Self::Error>;

    /// Whether all limits of risk are kept.
    ///
    /// # Errors
    /// The client's.
    fn check_risk(&mut self) -> Result<RiskCheck, Self::Error>;
}

/// What an optimal spread is calculated with, as Avellaneda and Stoikov have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpreadParameters {
    /// How much risk is avoided.
    pub gamma: Amount,
    /// How much the price moves.
    pub sigma: Amount,
    /// How fast orders are filled less often farther from the middle.
    pub k: Amount,
}

/// How far from the middle a bid and an ask are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Below it.
    pub bid_spread: Amount,
    /// Above it.
    pub ask_spread: Amount,
}

/// What a look at the limits of risk found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RiskCheck {
    /// All of them are kept.
    Safe,
    /// One is broken.
    Breached {
        /// Which, in words.
        reason: String,
    },
}

/// Why something could not be logged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HookError {
    /// It makes no record.
    #[error("log {what}")]
    Record {
        /// What was to be logged.
        what: &'static str,
        /// What is wrong with it.
        source: Invalid,
    },
    /// The record could not be appended.
    #[error("log {what}")]
    Append {
        /// What was to be logged.
        what: &'static str,
        /// What the stream said.
        source: AppendError,
    },
}

/// What is done about a broken limit when nothing else is said.
const RECOVERY: &str = "Emergency shutdown, all orders cancelled";
const REASON: &str = "Avellaneda-Stoikov optimal spread calculation";

type Tell = dyn FnMut(&HookError) + Send;

/// A client whose three hooks are logged. It is a client itself, so a bot is built with either.
pub struct Logged<C> {
    client: C,
    log: Arc<TradeLog>,
    recovery: String,
    on_trouble: Option<Box<Tell>>,
    troubles: Troubles,
}

impl<C: TradingClient> Logged<C> {
    /// Logs what `client` does.
    pub fn new(client: C, log: Arc<TradeLog>) -> Logged<C> {
        Logged {
            client,
            log,
            recovery: RECOVERY.to_owned(),
            on_trouble: None,
            troubles: Troubles::default(),
        }
    }

    /// What the client does about a broken limit, as the record of it says.
    #[must_use]
    pub fn recovery(mut self, action: impl Into<String>) -> Logged<C> {
        self.recovery = action.into();
        self
    }

    /// What is done at once when something cannot be logged: a bot that must not trade unlogged stops here.
    #[must_use]
    pub fn on_trouble(mut self, tell: impl FnMut(&HookError) + Send + 'static) -> Logged<C> {
        self.on_trouble = Some(Box::new(tell));
        self
    }

    /// The client.
    pub fn client(&self) -> &C {
        &self.client
    }

    /// The client, to do with it what is not logged.
    pub fn client_mut(&mut self) -> &mut C {
        &mut self.client
    }

    /// The client alone again.
    pub fn into_inner(self) -> C {
        self.client
    }

    /// What could not be logged since this was called last.
    #[must_use]
    pub fn troubles(&mut self) -> Vec<String> {
        self.troubles.take()
    }

    fn keep(&mut self, what: &'static str, logged: Result<Receipt, AppendError>) {
        if let Err(source) = logged {
            self.tell(&HookError::Append { what, source });
        }
    }

    fn tell(&mut self, error: &HookError) {
        self.troubles.keep_error(error);
        if let Some(tell) = &mut self.on_trouble {
            tell(error);
        }
    }

    /// The first logger's record of a spread.
    fn log_spread(&mut self, parameters: SpreadParameters, spread: Spread) {
        const WHAT: &str = "a spread";
        let decision = self
            .log
            .decision(DecisionRecord::SPREAD_CALCULATION, REASON)
            .symbol(self.client.symbol().as_str())
            .parameters(&Numbers(&[
                ("gamma", parameters.gamma),
                ("sigma", parameters.sigma),
                ("k", parameters.k),
            ]))
            .result(&Numbers(&[
                ("bid_spread", spread.bid_spread),
                ("ask_spread", spread.ask_spread),
            ]))
            .build();
        match decision {
            Ok(decision) => {
                let logged = self.log.log_decision(&decision);
                self.keep(WHAT, logged);
            }
            Err(source) => self.tell(&HookError::Record { what: WHAT, source }),
        }
    }

    fn log_failure(&mut self, message: &str, error: &C::Error) {
        let symbol = self.client.symbol().as_str();
        let entry = self.log.error(ErrorRecord::STRATEGY_ERROR, message);
        let record = entry.symbol(symbol).exception(error).build();
        let logged = self.log.log_error(&record);
        self.keep("a failure of the strategy", logged);
    }
}

impl<C: TradingClient> TradingClient for Logged<C> {
    type Market = C::Market;
    type Error = C::Error;

    fn symbol(&self) -> &Pair {
        self.client.symbol()
    }

    fn parameters(&self) -> SpreadParameters {
        self.client.parameters()
    }

    fn order_filled(&mut self, fill: &FillRecord) {
        // Order matters: whatever the client does about it, the fill is there.
        let logged = self.log.log_trade(fill);
        self.keep("a fill", logged);
        self.client.order_filled(fill);
    }

    fn calculate_spread(&mut self, market: &C::Market) -> Result<Spread, C::Error> {
        // Order matters: a calculation may change them for the next one.
        let parameters = self.client.parameters();
        let spread = self.client.calculate_spread(market);
        match &spread {
            Ok(spread) => self.log_spread(parameters, *spread),
            Err(error) => self.log_failure("No spread could be calculated", error),
        }
        spread
    }

    fn check_risk(&mut self) -> Result<RiskCheck, C::Error> {
        let checked = self.client.check_risk();
        match &checked {
            Ok(RiskCheck::Safe) => {}
            Ok(RiskCheck::Breached { reason }) => {
                let message = format!("Risk limit breached: {reason}");
                let record = self
                    .log
                    .error(ErrorRecord::RISK_BREACH, message)
                    .severity(Severity::Critical)
                    .symbol(self.client.symbol().as_str())
                    .recovery(&*self.recovery)
                    .build();
                let logged = self.log.log_error(&record);
                self.keep("a risk breach", logged);
            }
            Err(error) => self.log_failure("The limits of risk could not be checked", error),
        }
        checked
    }
}

/// An object of numbers with the digits that they have.
struct Numbers<'a>(&'a [(&'static str, Amount)]);

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let number = |it: Amount| RawValue::from_string(it.to_string());
        let numbers = self.0.iter();
        let numbers: Result<Vec<_>, _> = numbers
            .map(|(name, value)| Ok((*name, number(*value)?)))
            .collect();
        to.collect_map(numbers.map_err(|error: serde_json::Error| S::Error::custom(error))?)
    }
}

impl<C: fmt::Debug> fmt::Debug for Logged<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logged")
            .field("client", &self.client)
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
}
