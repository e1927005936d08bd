//! What proves to the exchange whose request it is: HMAC-SHA256, in lower-case hex.
//!
//! Always true: a secret is never shown, not in an error and not by `Debug`.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// A block of SHA-256.
const BLOCK: usize = 64;

/// A key of the exchange, and its secret.
#[derive(Clone)]
pub struct Keys {
    key: String,
    secret: String,
}

impl Keys {
    /// Those two, where neither is empty and both can stand in a header.
    #[must_use]
    pub fn new(key: &str, secret: &str) -> Option<Keys> {
        let is_plain = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_graphic());
        (is_plain(key) && is_plain(secret)).then(|| Keys {
            key: key.to_owned(),
            secret: secret.to_owned(),
        })
    }

    /// The key, which is no secret.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The signature of a text.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        let sum = hmac(self.secret.as_bytes(), text.as_bytes());
        sum.iter().map(|it| format!("{it:02x}")).collect()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({}, secret)", self.key)
    }
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut block = [0; BLOCK];
    let hashed = Sha256::digest(key);
    let key = if BLOCK < key.len() { &hashed[..] } else { key };
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let inner = Sha256::new()
        .chain_update(block.map(|it| it ^ 0x36))
        .chain_update(text)
        .finalize();
    let outer = Sha256::new()
        .chain_update(block.map(|it| it ^ 0x5c))
        .chain_update(inner);
    outer.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn signatures_are_those_that_the_exchange_expects() {
        let keys = Keys::new("TESTKEY0123456789", "TESTSECRET0123456789abcdefTESTSECRET");
        let keys = keys.unwrap();
        for (text, signature) in [
            (
                "GET/realtime1700000010000",
                "7dfd0c9fc1a95e9b7c611e84f492b53dca6fc5e96dd146b588fcbb18ed73f3bd",
            ),
            (
                "1700000000000TESTKEY01234567895000category=linear&symbol=BTCUSDT&limit=100&cursor=132766%3A2%2C132766%3A2",
                "3814ac62e019cc2afb104229beff1b8505ab9ca38e07aec7b67405fbc70980ff",
            ),
            (
                "1700000000000TESTKEY01234567895000",
                "cce3c9b9c330ec43fb79ff13add6ab42b0802361d2f28e7151689534630f2579",
            ),
        ] {
            assert_eq!(keys.sign(text), signature, "{text}");
        }
    }

    #[test]
    fn a_long_secret_is_hashed_first_and_none_is_shown() {
        // Case 6 of RFC 4231.
        let text = b"Test Using Larger Than Block-Size Key - Hash Key First";
        let sum = super::hmac(&[0xaa; 131], text);
        assert_eq!(sum[..4], [0x60, 0xe4, 0x31, 0x59]);
        let keys = Keys::new("key", "hidden").unwrap();
        assert!(!format!("{keys:?}").contains("hidden"));
        assert!(Keys::new("key", "two\nlines").is_none() && Keys::new("", "x").is_none());
    }
}
