//! A proof of format 1 with its checkpoint and its ring, as it will have to check for ever.

use super::*;

const PROOF: &str = include_str!("../../fixtures/v1/proof.json");
const KEY: &str = include_str!("../../fixtures/v1/proof.key");

#[test]
fn the_golden_proof_checks_and_is_written_again() {
    let key: VerifierKey = KEY.trim().parse().unwrap();
    let proof = Proof::parse(PROOF).unwrap();
    let proved = proof.check(&key).unwrap();
    assert_eq!(proved.origin.to_string(), "witness/trades/0");
    assert_eq!((proved.size, proved.lines.len()), (5, 2));

    // The same clock, keys and records give the same bytes.
    let signed = Signed::new();
    signed.write(&[3, 2]);
    let journal = signed.journal();
    let mut prover = Prover::open(&journal, Stream::Trades, &signed.cache()).unwrap();
    let again = prover.lines(&[1, 4], Stand::Newest).unwrap().to_string();
    assert_eq!(signed.key(), key);
    assert_eq!(again, PROOF);
}
