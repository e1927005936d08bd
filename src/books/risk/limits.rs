//! The limits themselves, and the portfolio's value that they are held against.
//!
//! Always true: a value of one of these types makes sense as a limit; what makes none is refused with
//! the rule that it breaks.
//!
//! Not here: comparing anything with them, but for [`RiskLimits`]' shares of a value.

use std::{cmp::Ordering, fmt, str::FromStr};

use rust_decimal::Decimal;

use crate::record::field::{Amount, Wrong};

const PERCENT_RULE: &str = "must be a percentage above 0 and at most 100, with at most 6 places";
const PERCENT_PLACES_MAX: u32 = 6;
const LOSSES_RULE: &str = "must be a whole number of losses, at least 1";
const VALUE_RULE: &str = "must be a portfolio value above 0";
const RESET_RULE: &str = "must be \"next-day\" or \"by-hand\"";

/// A part of the portfolio in per cent: above 0, at most 100.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(Decimal);

/// How many losses in a row are too many: at least 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LossesMax(u32);

/// What the portfolio is worth: above 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortfolioValue(Decimal);

/// What ends a pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reset {
    /// The next day, or somebody before that.
    #[default]
    NextDay,
    /// Nothing but somebody.
    ByHand,
}

/// The limits of a bot; what is `None` is not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RiskLimits {
    /// The largest part of the portfolio in one symbol.
    pub max_position_pct: Option<Percent>,
    /// The loss of a day at which trading pauses.
    pub max_daily_loss_pct: Option<Percent>,
    /// The losses in a row at which trading pauses.
    pub max_consecutive_losses: Option<LossesMax>,
    /// What ends a pause.
    pub reset: Reset,
}

impl Percent {
    /// That percentage.
    ///
    /// # Errors
    /// The rule it breaks.
    pub fn new(value: Decimal) -> Result<Percent, Wrong> {
        let plain = value.normalize();
        let is_part = Decimal::ZERO < plain && plain <= Decimal::ONE_HUNDRED;
        match is_part && plain.scale() <= PERCENT_PLACES_MAX {
            true => Ok(Percent(plain)),
            false => Err(Wrong::new(PERCENT_RULE, value)),
        }
    }

    /// The exact number.
    #[must_use]
    pub fn value(self) -> Decimal {
        self.0
    }

    /// How `part` compares with this percentage of `whole`, exactly.
    pub(super) fn compared(self, part: Decimal, whole: PortfolioValue) -> Ordering {
        // part x 100 against percent x whole. A percentage has at most 27 bits, a decimal 96: both products
        // fit into an i128, and only bringing them to the same number of places may not.
        let (left, left_places) = (part.mantissa() * 100, part.scale());
        let right = self.0.mantissa() * whole.0.mantissa();
        let right_places = self.0.scale() + whole.0.scale();
        let left_up = raised(left, right_places.saturating_sub(left_places));
        let right_up = raised(right, left_places.saturating_sub(right_places));
        match (left_up, right_up) {
            (Some(left), Some(right)) => left.cmp(&right),
            // At most one of them is raised. What does not fit is farther from 0 than what does.
            (None, _) => left.cmp(&0),
            (_, None) => Ordering::Less,
        }
    }
}

fn raised(mantissa: i128, places: u32) -> Option<i128> {
    match mantissa {
        0 => Some(0),
        _ => mantissa.checked_mul(10_i128.checked_pow(places)?),
    }
}

impl LossesMax {
    /// That many losses.
    ///
    /// # Errors
    /// The rule it breaks.
    pub fn new(losses: u32) -> Result<LossesMax, Wrong> {
        match losses {
            0 => Err(Wrong::new(LOSSES_RULE, losses)),
            _ => Ok(LossesMax(losses)),
        }
    }

    /// The number.
    #[must_use]
    pub fn value(self) -> u32 {
        self.0
    }
}

impl PortfolioValue {
    /// That much.
    ///
    /// # Errors
    /// The rule it breaks.
    pub fn new(value: Decimal) -> Result<PortfolioValue, Wrong> {
        match value.mantissa() {
            1.. => Ok(PortfolioValue(value)),
            _ => Err(Wrong::new(VALUE_RULE, value)),
        }
    }

    /// The exact number.
    #[must_use]
    pub fn value(self) -> Decimal {
        self.0
    }
}

impl Reset {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Reset::NextDay => "next-day",
            Reset::ByHand => "by-hand",
        }
    }
}

impl RiskLimits {
    /// The limits of those settings, as a session's line has them.
    ///
    /// # Errors
    /// The rule that one of them breaks.
    pub fn of_settings(
        max_position_pct: Option<Amount>,
        max_daily_loss_pct: Option<Amount>,
        max_consecutive_losses: Option<u32>,
    ) -> Result<RiskLimits, Wrong> {
        let percent = |it: Option<Amount>| it.map(|it| Percent::new(it.value())).transpose();
        Ok(RiskLimits {
            max_position_pct: percent(max_position_pct)?,
            max_daily_loss_pct: percent(max_daily_loss_pct)?,
            max_consecutive_losses: max_consecutive_losses.map(LossesMax::new).transpose()?,
            reset: Reset::default(),
        })
    }
}

impl FromStr for Percent {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Percent, Wrong> {
        let wrong = || Wrong::new(PERCENT_RULE, format_args!("{text:?}"));
        let amount: Amount = text.parse().map_err(|_| wrong())?;
        Percent::new(amount.value()).map_err(|_| wrong())
    }
}

impl FromStr for LossesMax {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<LossesMax, Wrong> {
        let losses = text.parse().ok().map(LossesMax::new);
        losses
            .and_then(Result::ok)
            .ok_or_else(|| Wrong::new(LOSSES_RULE, format_args!("{text:?}")))
    }
}

impl FromStr for PortfolioValue {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<PortfolioValue, Wrong> {
        let wrong = || Wrong::new(VALUE_RULE, format_args!("{text:?}"));
        let amount: Amount = text.parse().map_err(|_| wrong())?;
        PortfolioValue::new(amount.value()).map_err(|_| wrong())
    }
}

impl FromStr for Reset {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Reset, Wrong> {
        match text {
            "next-day" => Ok(Reset::NextDay),
            "by-hand" => Ok(Reset::ByHand),
            _ => Err(Wrong::new(RESET_RULE, format_args!("{text:?}"))),
        }
    }
}

macro_rules! shown {
    ($($name:ident)*) => { $(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )* };
}

shown!(Percent LossesMax PortfolioValue);

impl fmt::Display for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(part: &str, pct: &str, whole: &str) -> Ordering {
        let pct: Percent = pct.parse().unwrap();
        pct.compared(part.parse().unwrap(), whole.parse().unwrap())
    }

    #[test]
    fn what_makes_no_sense_as_a_limit_is_refused_with_the_reason() {
        for text in ["0", "-1", "100.01", "0.0000001", "1e1", "", "3 %", "NaN"] {
            let wrong = text.parse::<Percent>().unwrap_err().to_string();
            let reason = format!("{PERCENT_RULE}, got {text:?}");
            assert!(wrong.starts_with(&reason), "{wrong}");
        }
        for text in ["0.000001", "3", "100", "100.0000000000"] {
            assert!(text.parse::<Percent>().is_ok(), "{text}");
        }
        for text in ["0", "-1", "1.5", "", "4294967296"] {
            assert!(text.parse::<LossesMax>().is_err(), "{text}");
        }
        assert_eq!("3".parse::<LossesMax>().unwrap().value(), 3);
        for text in ["0", "0.00", "-100", "much"] {
            assert!(text.parse::<PortfolioValue>().is_err(), "{text}");
        }
        assert_eq!(
            "never".parse::<Reset>().unwrap_err().to_string(),
            "must be \"next-day\" or \"by-hand\", got \"never\""
        );
        let amount = |it: &str| Some(it.parse::<Amount>().unwrap());
        assert!(RiskLimits::of_settings(amount("5"), amount("3.5"), Some(3)).is_ok());
        assert!(RiskLimits::of_settings(amount("5"), amount("0"), Some(3)).is_err());
        assert!(RiskLimits::of_settings(None, None, Some(0)).is_err());
    }

    #[test]
    fn a_percentage_is_compared_exactly_however_many_digits_there_are() {
        assert_eq!(compared("300", "3", "10000"), Ordering::Equal);
        assert_eq!(compared("300.00", "3.0", "10000.000"), Ordering::Equal);
        assert_eq!(compared("299.99", "3", "10000"), Ordering::Less);
        assert_eq!(compared("300.01", "3", "10000"), Ordering::Greater);
        assert_eq!(compared("-300.01", "3", "10000"), Ordering::Less);
        assert_eq!(
            compared("0", "0.000001", "0.0000000000000000000000000001"),
            Ordering::Less
        );
        // One third of a per cent of three is a hundredth: no digit is lost on either side.
        assert_eq!(
            compared("0.00999999999999999999999999", "0.333333", "3"),
            Ordering::Greater
        );
        let most = "79228162514264337593543950335";
        let least = "0.0000000000000000000000000001";
        assert_eq!(compared(most, "100", most), Ordering::Equal);
        assert_eq!(compared(most, "100", least), Ordering::Greater);
        assert_eq!(compared(least, "0.000001", most), Ordering::Less);
        let negative = format!("-{most}");
        assert_eq!(compared(&negative, "0.000001", least), Ordering::Less);
    }
}
