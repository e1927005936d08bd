//! What the commands about evidence share: keys and checkpoints as they are named on a command line.
//!
//! Not here: signing and checking, which are the library's.

use std::{fs, path::Path, sync::Arc};

use tradejournal::disk::RealDisk;
use tradejournal::evidence::checkpoint::{CheckpointError, SignedCheckpoint};
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

/// The one verifier key that is named.
pub(crate) fn verifier_key(text: &str) -> Result<VerifierKey, Failure> {
    let mut keys = verifier_keys(text)?;
    match (keys.pop(), keys.len()) {
        (Some(one), 0) => Ok(one),
        _ => Err(
            Failure::usage(format!("`{text}` has several verifier keys"))
                .hint("a proof is checked with one: give that line"),
        ),
    }
}

/// Verifier keys: one, or a file with one a line.
pub(crate) fn verifier_keys(text: &str) -> Result<Vec<VerifierKey>, Failure> {
    let read = match text.trim().parse() {
        Err(_) if Path::new(text).is_file() => {
            let file = fs::read_to_string(text)
                .map_err(|error| Failure::new(format!("cannot read {text}")).because(error))?;
            // An empty file is one line that is no key.
            file.trim()
                .split('\n')
                .map(|it| it.trim().parse())
                .collect()
        }
        parsed => parsed.map(|it| vec![it]),
    };
    read.map_err(|error: tradejournal::evidence::note::NoteError| {
        Failure::usage(error.to_string())
            .hint("`tj key show` prints the verifier key; give it as it is, or a file with it")
    })
}

/// Checkpoints: one line, or a file with such lines or with one note.
pub(crate) fn checkpoints(text: &str) -> Result<Vec<SignedCheckpoint>, Failure> {
    let refused = |error: CheckpointError| {
        Failure::usage(format!("`{text}` is no checkpoint"))
            .because(error)
            .hint("give the line that `tj checkpoint export` printed, or a file with it")
    };
    let error = match SignedCheckpoint::from_note_or_line(text) {
        Ok(one) => return Ok(vec![one]),
        Err(error) => error,
    };
    if !Path::new(text).is_file() {
        return Err(refused(error));
    }
    let file = fs::read_to_string(text)
        .map_err(|error| Failure::new(format!("cannot read {text}")).because(error))?;
    if let Ok(one) = SignedCheckpoint::from_note_or_line(&file) {
        return Ok(vec![one]);
    }
    let lines = file.lines().filter(|it| !it.trim().is_empty());
    let all = lines.map(SignedCheckpoint::from_note_or_line);
    let all: Vec<_> = all.collect::<Result<_, _>>().map_err(refused)?;
    match all.is_empty() {
        true => Err(refused(error)),
        false => Ok(all),
    }
}

/// The one checkpoint of a stream that is among those.
pub(crate) fn checkpoint_of(stream: Stream, text: &str) -> Result<SignedCheckpoint, Failure> {
    let mut own = checkpoints(text)?;
    own.retain(|it| it.checkpoint().origin.stream == stream);
    match (own.pop(), own.len()) {
        (Some(one), 0) => Ok(one),
        (None, _) => Err(Failure::usage(format!(
            "`{text}` is no checkpoint of {stream}"
        ))),
        (Some(_), _) => Err(Failure::usage(format!(
            "`{text}` has several checkpoints of {stream}"
        ))),
    }
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
    let epoch = journal.identity().map_or(0, |it| it.epoch());
    let own = found.notes.into_iter().map(|it| it.1);
    let own = own.filter(|it| it.checkpoint().origin.epoch == epoch);
    // Several processes sign a shared stream, each as far as it knows: the largest says most.
    Ok(own.max_by_key(|it| (it.checkpoint().size, it.time())))
}

/// Why there is no checkpoint where one is needed.
pub(crate) fn unsigned(stream: Stream) -> Failure {
    Failure::new(format!("{stream} has no checkpoint"))
        .hint("`tj key init` makes a key; `tj checkpoint now` signs what is on disk")
}
