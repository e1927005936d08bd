//! Whether a broker and a journal mean the same by a symbol.
//!
//! Always true: signs do not count (`BRK.B`, `BRK/B`, `BRK B`), letters and digits do; of a pair of a
//! coin and dollars the coin counts.

use std::collections::BTreeSet;

use crate::record::field::AssetClass;

/// What comes behind the coin in a pair; what ends with another one comes before it.
const DOLLARS: [&str; 6] = ["FDUSD", "TUSD", "BUSD", "USDT", "USDC", "USD"];

/// What is equal for symbols that mean the same.
pub(super) fn key(symbol: &str, class: AssetClass) -> String {
    let key = plain(symbol);
    match class {
        AssetClass::Crypto => coin(&key).unwrap_or(key),
        _ => key,
    }
}

/// The key of a broker's symbol, among those that the journal has.
pub(super) fn key_among(symbol: &str, known: &BTreeSet<String>) -> String {
    let key = plain(symbol);
    let of_coin = coin(&key).filter(|it| !known.contains(&key) && known.contains(it));
    of_coin.unwrap_or(key)
}

fn plain(symbol: &str) -> String {
    let letters = symbol.chars().filter(|it| it.is_alphanumeric());
    letters.flat_map(char::to_uppercase).collect()
}

fn coin(key: &str) -> Option<String> {
    let mut coins = DOLLARS.iter().filter_map(|it| key.strip_suffix(it));
    coins.find(|it| !it.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_do_not_count_and_of_a_pair_the_coin_does() {
        assert_eq!(key("BRK.B", AssetClass::Equity), "BRKB");
        assert_eq!(key("BTC-USD", AssetClass::Crypto), "BTC");
        assert_eq!(key("BTCUSDT", AssetClass::Crypto), "BTC");
        assert_eq!(key("USD", AssetClass::Crypto), "USD");
        let known = BTreeSet::from(["BTC".to_owned(), "AAPL".to_owned()]);
        assert_eq!(key_among("btc/usd", &known), "BTC");
        assert_eq!(key_among("BRK B", &known), "BRKB");
    }
}
