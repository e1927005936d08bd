//! What a symbol such as `BTC-USDT` is made of.
//!
//! Always true: a point does not make a pair, since shares have one in their names (`BRK.B`).

/// Stable coins that are meant to be worth a dollar.
const STABLE: [&str; 9] = [
    "USDT", "USDC", "BUSD", "DAI", "TUSD", "USDP", "FDUSD", "PYUSD", "GUSD",
];

/// What was traded, and what it was priced in.
pub(super) fn parts(symbol: &str) -> Option<(&str, &str)> {
    symbol.split_once(['-', '/', '_', ':'])
}

/// Whether a price in it is one in dollars.
pub(super) fn is_dollar(asset: &str) -> bool {
    asset.eq_ignore_ascii_case("USD")
}

/// Whether it is meant to be worth a dollar.
pub(super) fn is_stable(asset: &str) -> bool {
    STABLE.iter().any(|it| asset.eq_ignore_ascii_case(it))
}

/// Whether a fee in it was paid in something that was not traded.
pub(super) fn is_foreign(symbol: &str, fee_asset: &str) -> bool {
    let (base, quote) = parts(symbol).unwrap_or((symbol, "USD"));
    let is_known = [base, quote, "USD"]
        .iter()
        .any(|it| fee_asset.eq_ignore_ascii_case(it));
    !is_known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_has_two_sides_and_a_share_has_none() {
        assert_eq!(parts("BTC-USDT"), Some(("BTC", "USDT")));
        assert_eq!(parts("ETH/BTC"), Some(("ETH", "BTC")));
        assert_eq!(parts("BRK.B"), None);
        assert!(is_foreign("BTC-USDT", "BNB") && is_foreign("AAPL", "EUR"));
        assert!(!is_foreign("BTC-USDT", "btc") && !is_foreign("AAPL", "USD"));
    }
}
