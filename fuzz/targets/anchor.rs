//! Any bytes as the answer of a time-stamp authority: nothing panics, what has a time has a digest, and
//! what is refused says why.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tradejournal::evidence::anchor::{stamped_digest, stamped_time};
use tradejournal::time::Timestamp;

fuzz_target!(|response: &[u8]| {
    match (stamped_time(response), stamped_digest(response)) {
        (Ok(time), Ok(_)) => {
            assert_eq!(time.to_string().parse::<Timestamp>(), Ok(time));
            // A whole response ends where it says.
            let longer = [response, &[0]].concat();
            assert!(stamped_time(&longer).is_err());
            let shorter = &response[..response.len() - 1];
            assert!(stamped_time(shorter).is_err());
        }
        (Err(time), Err(digest)) => assert_eq!(time.to_string(), digest.to_string()),
        other => panic!("{other:?}"),
    }
});
