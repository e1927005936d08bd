//! Which market a row is of.
//!
//! Always true: it comes from the socket or the request, never from a message: `BTCUSDT` is one thing on the
//! spot socket and another on the linear one.

use std::fmt;
use std::str::FromStr;

/// A market of the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Perpetuals and futures that settle in USDT or USDC.
    Linear,
    /// Those that settle in the coin itself.
    Inverse,
    /// Coins against coins.
    Spot,
    /// Options.
    Option,
}

impl Category {
    /// All of them.
    pub const ALL: [Category; 4] = [
        Category::Linear,
        Category::Inverse,
        Category::Spot,
        Category::Option,
    ];

    /// The word of URLs and rows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Category::Linear => "linear",
            Category::Inverse => "inverse",
            Category::Spot => "spot",
            Category::Option => "option",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Category {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Category, &'static str> {
        Category::ALL
            .into_iter()
            .find(|it| it.as_str() == text)
            .ok_or("must be linear, inverse, spot or option")
    }
}
