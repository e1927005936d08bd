//! What a symbol such as `BTC-USDT` is made of, as [`crate::books::tax`] sees it.
//!
//! Always true: a point does not make a pair, since shares have one in their names (`BRK.B`).

use crate::record::field::AssetClass;

/// Coins that are counted as dollars.
const STABLE: [&str; 6] = ["FDUSD", "TUSD", "BUSD", "USDT", "USDC", "DAI"];
const DOLLAR: &str = "USD";

/// What was traded, and what it was priced in, of a pair.
pub(super) fn parts(symbol: &str) -> Option<(&str, &str)> {
    symbol.rsplit_once(['-', '/', '_', ':'])
}

/// What a coin was priced in, where its symbol says so.
pub(super) fn quote(symbol: &str) -> Option<&str> {
    if let Some((_, quote)) = parts(symbol) {
        return Some(quote);
    }
    let mut dollars = STABLE.iter().chain([&DOLLAR]);
    let quote = dollars.find(|it| symbol.ends_with(**it) && symbol != **it)?;
    symbol.get(symbol.len() - quote.len()..)
}

/// What is held of it.
pub(super) fn base(symbol: &str) -> &str {
    match (parts(symbol), quote(symbol)) {
        (Some((base, _)), _) => base,
        (None, Some(quote)) => symbol.strip_suffix(quote).unwrap_or(symbol),
        (None, None) => symbol,
    }
}

/// Whether a price in it is one in dollars.
pub(super) fn is_dollar(asset: &str) -> bool {
    asset == DOLLAR
}

/// Whether it is counted as a dollar.
pub(super) fn is_stable(asset: &str) -> bool {
    STABLE.contains(&asset)
}

/// Whether a fee in it was paid in something that was not traded.
pub(super) fn is_foreign(symbol: &str, class: AssetClass, fee_asset: &str) -> bool {
    let is_traded = class == AssetClass::Crypto
        && (quote(symbol) == Some(fee_asset) || base(symbol) == fee_asset);
    fee_asset != DOLLAR && !is_traded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_has_two_sides_and_a_share_has_none() {
        assert_eq!(parts("BTC-USDT"), Some(("BTC", "USDT")));
        assert_eq!(parts("BRK.B"), None);
        assert_eq!((base("BTCUSDT"), quote("BTCUSDT")), ("BTC", Some("USDT")));
        assert_eq!((base("USDC"), quote("USDC")), ("USDC", None));
        assert_eq!((base("ETH/BTC"), quote("ETH/BTC")), ("ETH", Some("BTC")));
        let crypto = AssetClass::Crypto;
        assert!(is_foreign("BTC-USDT", crypto, "BNB"));
        assert!(is_foreign("AAPL", AssetClass::Equity, "EUR"));
        assert!(!is_foreign("BTC-USDT", crypto, "BTC"));
        assert!(!is_foreign("BTC-USDT", crypto, "USDT"));
        assert!(!is_foreign("AAPL", AssetClass::Equity, "USD"));
    }
}
