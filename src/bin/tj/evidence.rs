//! What the commands about evidence share: keys and checkpoints as they are named on a command line.
//!
//! Not here: signing and checking, which are the library's.

use std::{fs, path::Path, sync::Arc};

use tradejournal::disk::RealDisk;
use tradejournal::evidence::checkpoint::SignedCheckpoint;
use tradejournal::evidence::checkpoints::CheckpointLog;
use tradejournal::evidence::note::VerifierKey;
use tradejournal::evidence::{KeyFolder, Notary};
use tradejournal::journal::Journal;
use tradejournal::record::Stream;

use crate::failure::Failure;
use crate::output::{Talk, printable};
use crate::settings::Settings;

/// The key folder that the settings name.
pub(crate) fn keys(settings: &Settings) -> KeyFolder {
    KeyFolder::new(Arc::new(RealDisk), &settings.keys.value)
}

/// Who signs, if there is a key.
pub(crate) fn notary(settings: &Settings) -> Option<Notary> {
    let has_key = settings.keys.value.join("key").is_file();
    has_key.then(|| Notary::new(keys(settings)))
}

/// Tells what kept checkpoints from being signed. What was written is on disk all the same.
pub(crate) fn tell_troubles(notary: Option<&Notary>, talk: &Talk) {
    for trouble in notary.map(Notary::troubles).unwrap_or_default() {
        talk.warning(&printable(&format!("no checkpoint was signed: {trouble}")));
    }
}

/// A verifier key: itself, or a file with it.
pub(crate) fn verifier_key(text: &str) -> Result<VerifierKey, Failure> {
    let read = match text.trim().parse() {
        Err(_) if Path::new(text).is_file() => {
            let file = fs::read_to_string(text)
                .map_err(|error| Failure::new(format!("cannot read {text}")).because(error))?;
            file.trim().parse()
        }
        parsed => parsed,
    };
    read.map_err(|error: tradejournal::evidence::note::NoteError| {
        Failure::usage(error.to_string())
            .hint("`tj key show` prints the verifier key; give it as it is, or a file with it")
    })
}

/// A checkpoint: its one line, or a file with that or with the note.
pub(crate) fn checkpoint(text: &str) -> Result<SignedCheckpoint, Failure> {
    let parsed = match SignedCheckpoint::from_note_or_line(text) {
        Err(_) if Path::new(text).is_file() => {
            let file = fs::read_to_string(text)
                .map_err(|error| Failure::new(format!("cannot read {text}")).because(error))?;
            SignedCheckpoint::from_note_or_line(&file)
        }
        parsed => parsed,
    };
    parsed.map_err(|error| {
        Failure::usage(format!("`{text}` is no checkpoint"))
            .because(error)
            .hint("give the line that `tj checkpoint export` printed, or a file with it")
    })
}

/// The newest checkpoint of a stream.
pub(crate) fn newest(
    journal: &Journal,
    stream: Stream,
) -> anyhow::Result<Option<SignedCheckpoint>> {
    let log = CheckpointLog::of(journal, stream);
    let found = log.read().map_err(|error| {
        Failure::new(format!("cannot read {}", log.path().display())).because(error)
    })?;
    Ok(found.notes.into_iter().next_back().map(|it| it.1))
}

/// Why there is no checkpoint where one is needed.
pub(crate) fn unsigned(stream: Stream) -> Failure {
    Failure::new(format!("{stream} has no checkpoint"))
        .hint("`tj key init` makes a key; `tj checkpoint now` signs what is on disk")
}
