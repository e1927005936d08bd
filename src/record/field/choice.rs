//! Fields with a few legal words.

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;

use crate::record::Stream;
use crate::record::field::{Field, Wrong};
use crate::time::Day;

macro_rules! choices {
    ($( $(#[$doc:meta])* $name:ident, $rule:literal $(, missing $missing:ident)? {
        $( $(#[$vdoc:meta])* $variant:ident = $word:literal, )*
    } )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $( $(#[$vdoc])* $variant, )*
        }

        impl $name {
            /// Every value, in the order of the rule.
            pub const ALL: &'static [$name] = &[$( $name::$variant, )*];

            /// The word in the JSON.
            #[must_use]
            #[inline]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( $name::$variant => $word, )*
                }
            }

            #[inline]
            pub(crate) fn of(word: &[u8]) -> Option<$name> {
                $( if word == $word.as_bytes() {
                    return Some($name::$variant);
                } )*
                None
            }
        }

        impl FromStr for $name {
            type Err = Wrong;

            fn from_str(word: &str) -> Result<$name, Wrong> {
                $name::of(word.as_bytes())
                    .ok_or_else(|| Wrong::new($rule, format_args!("{word:?}")))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Field for $name {
            #[inline]
            fn read(json: &str) -> Result<$name, Wrong> {
                $( choices!(@null json $name $missing); )?
                let word = json.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
                word.and_then(|it| $name::of(it.as_bytes()))
                    .ok_or_else(|| Wrong::new($rule, json))
            }

            #[inline]
            fn write(&self, out: &mut Vec<u8>) {
                out.push(b'"');
                out.extend_from_slice(self.as_str().as_bytes());
                out.push(b'"');
            }

            $( fn missing() -> Result<$name, Wrong> {
                Ok($name::$missing)
            } )?
        }
    )* };
    (@null $json:ident $name:ident $missing:ident) => {
        if $json == "null" {
            return Ok($name::$missing);
        }
    };
}

choices! {
    /// The direction of a trade.
    Action, "must be \"BUY\" or \"SELL\"" {
        /// Shares come in.
        Buy = "BUY",
        /// Shares go out.
        Sell = "SELL",
    }

    /// Whether money was at stake.
    ExecutionMode, "must be \"PAPER\" or \"LIVE\"" {
        /// Simulated.
        Paper = "PAPER",
        /// With money.
        Live = "LIVE",
    }

    /// How a trade ended. `null` and a missing field read as open.
    Outcome, "must be \"win\", \"loss\", \"breakeven\" or \"open\"", missing Open {
        /// The net result is above 0.
        Win = "win",
        /// The net result is below 0.
        Loss = "loss",
        /// The net result is 0.
        Breakeven = "breakeven",
        /// It has not ended: an entry.
        Open = "open",
    }

    /// How bad an event of risk is.
    RiskSeverity, "must be \"WARNING\" or \"CRITICAL\"" {
        /// Trading goes on.
        Warning = "WARNING",
        /// Trading is stopped or refused.
        Critical = "CRITICAL",
    }

    /// How bad an error is.
    Severity, "must be \"INFO\", \"WARNING\", \"ERROR\" or \"CRITICAL\"" {
        /// Worth knowing.
        Info = "INFO",
        /// It went on by itself.
        Warning = "WARNING",
        /// Something was not done.
        Error = "ERROR",
        /// Someone has to act.
        Critical = "CRITICAL",
    }

    /// What kind of thing was traded, for tax rules.
    AssetClass, "must be \"equity\", \"fund\" or \"crypto\"" {
        /// A share of a company.
        Equity = "equity",
        /// A share of a fund.
        Fund = "fund",
        /// A crypto currency.
        Crypto = "crypto",
    }

    /// What an alert did.
    AlertEvent, "must be \"fired\" or \"resolved\"" {
        /// Its condition came true.
        Fired = "fired",
        /// Its condition is over.
        Resolved = "resolved",
    }
}

impl Action {
    /// The direction that closes a trade of this one.
    #[must_use]
    pub const fn opposite(self) -> Action {
        match self {
            Action::Buy => Action::Sell,
            Action::Sell => Action::Buy,
        }
    }
}

impl Field for Stream {
    fn read(json: &str) -> Result<Stream, Wrong> {
        let name = json.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        name.and_then(|it| it.parse().ok())
            .ok_or_else(|| Wrong::new("must be the name of a stream", json))
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        out.extend_from_slice(self.name().as_bytes());
        out.push(b'"');
    }
}

impl Field for Day {
    fn read(json: &str) -> Result<Day, Wrong> {
        let text = json.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        text.and_then(|it| it.parse().ok())
            .ok_or_else(|| Wrong::new("must be a day such as \"2025-10-26\"", json))
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        out.extend_from_slice(self.to_string().as_bytes());
        out.push(b'"');
    }
}

impl Outcome {
    /// What a trade with that net result is called.
    #[must_use]
    pub fn of_net(result: Decimal) -> Outcome {
        match result.mantissa() {
            0 => Outcome::Breakeven,
            1.. => Outcome::Win,
            _ => Outcome::Loss,
        }
    }
}
