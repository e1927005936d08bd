//! Any bytes as what evidence reads of files and command lines: nothing panics, and what is read writes the
//! same bytes again, so that no changed byte goes unseen.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tradejournal::evidence::checkpoint::{Origin, SignedCheckpoint};
use tradejournal::evidence::note::{Note, VerifierKey};
use tradejournal::evidence::{Ring, RootKey};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(note) = text.parse::<Note>() {
        assert_eq!(note.to_string(), text);
    }
    if let Ok(origin) = text.parse::<Origin>() {
        assert_eq!(origin.to_string().parse(), Ok(origin));
    }
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
    if let Ok(root) = text.parse::<RootKey>() {
        assert_eq!(root.secret(), text.trim());
    }
    if let Ok(ring) = text.parse::<Ring>() {
        assert_eq!(ring.to_string(), text);
        assert!(ring.first() <= ring.last());
        assert!(ring.key_of(ring.last()).is_some());
        assert!(ring.key_of(ring.last().next()).is_none());
    }
    if let Ok(checkpoint) = text.parse::<SignedCheckpoint>() {
        assert_eq!(checkpoint.to_string(), text);
    }
    if let Ok(checkpoint) = SignedCheckpoint::from_note_or_line(text) {
        let line = checkpoint.line();
        assert!(!line.contains('\n'));
        assert_eq!(SignedCheckpoint::from_note_or_line(&line), Ok(checkpoint));
    }
});
