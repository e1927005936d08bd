//! Any bytes as what is in a backup: nothing panics, and nothing is whole that was not made as one.
//!
//! The bytes are packed here, since a fuzzer finds no way through the checksums of gzip: what is behind
//! them, headers, names and the list, is what is tried.

#![no_main]

use std::io::Write as _;
use std::path::Path;

use flate2::{Compression, write::GzEncoder};
use libfuzzer_sys::fuzz_target;
use tradejournal::disk::SimDisk;
use tradejournal::keep::backup;

/// As many as a seal has, or more.
const BEHIND: [u8; 128] = [0; 128];

fuzz_target!(|bytes: &[u8]| {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    let packed = packed.finish().unwrap();
    let disk = SimDisk::new(0);
    let path = Path::new("/backup.tar.gz");
    for file in [bytes.to_vec(), [&packed[..], &BEHIND].concat()] {
        disk.put_file(path, &file).unwrap();
        let read = backup::verify(&disk, path, &mut |_| ());
        assert!(read.is_err(), "it has no seal");
    }
});
