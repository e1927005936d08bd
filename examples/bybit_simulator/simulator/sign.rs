//! Owns the signature of the exchange: HMAC-SHA256, written out.
//!
//! Always true: it shares no line with the client that is tested against it, so that a mistake in
//! one of them shows.
//!
//! It does not hide how long a comparison takes: there is nothing to protect here.

use sha2::{Digest as _, Sha256};

/// The signature of `text` by `secret`, in lower-case hex.
pub fn sign(secret: &str, text: &str) -> String {
    let mut key = [0_u8; BLOCK];
    if BLOCK < secret.len() {
        key[..32].copy_from_slice(&Sha256::digest(secret.as_bytes()));
    } else {
        key[..secret.len()].copy_from_slice(secret.as_bytes());
    }
    let padded = |pad: u8| key.map(|it| it ^ pad);
    let inner = Sha256::new().chain_update(padded(0x36));
    let inner = inner.chain_update(text.as_bytes()).finalize();
    let outer = Sha256::new().chain_update(padded(0x5C));
    let outer = outer.chain_update(inner).finalize();
    outer.iter().map(|it| format!("{it:02x}")).collect()
}

const BLOCK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "TESTKEY0123456789";
    const SECRET: &str = "TESTSECRET0123456789abcdefTESTSECRET";

    #[test]
    fn it_agrees_with_the_check_values() {
        assert_eq!(
            sign(SECRET, "GET/realtime1700000010000"),
            "7dfd0c9fc1a95e9b7c611e84f492b53dca6fc5e96dd146b588fcbb18ed73f3bd"
        );
        let query = "category=linear&symbol=BTCUSDT&limit=100&cursor=132766%3A2%2C132766%3A2";
        assert_eq!(
            sign(SECRET, &format!("1700000000000{KEY}5000{query}")),
            "3814ac62e019cc2afb104229beff1b8505ab9ca38e07aec7b67405fbc70980ff"
        );
        assert_eq!(
            sign(SECRET, &format!("1700000000000{KEY}5000")),
            "cce3c9b9c330ec43fb79ff13add6ab42b0802361d2f28e7151689534630f2579"
        );
    }
}
