//! Any bytes as a proof: nothing panics, one that is read writes the same bytes again, and none but the
//! golden one checks with the golden key.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tradejournal::evidence::Proof;
use tradejournal::evidence::note::VerifierKey;

static GOLDEN: &str = include_str!("../../tests/fixtures/v1/proof.json");
static KEY: LazyLock<VerifierKey> = LazyLock::new(|| {
    let text = include_str!("../../tests/fixtures/v1/proof.key");
    text.trim().parse().expect("the golden key is one")
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(proof) = Proof::parse(text) {
        assert_eq!(proof.to_string(), text);
        assert_eq!(proof.check(&KEY).is_ok(), text == GOLDEN);
    }
});
