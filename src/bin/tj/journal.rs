//! The journal that the settings name, opened for reading or for writing.
//!
//! Always true: a folder that is read must be there; only a writer makes one.
//!
//! Not here: the locks, which are the library's.

use std::{fs, io};

use tradejournal::journal::{Journal, Options, WriterOptions};
use tradejournal::record::Stream;

use crate::failure::Failure;
use crate::settings::Settings;

/// The journal for a writer, which makes the folder if it is not there.
pub(crate) fn for_writing(settings: &Settings) -> anyhow::Result<Journal> {
    open(options(settings), settings)
}

/// The journal for a reader: its folder must be there.
pub(crate) fn for_reading(settings: &Settings) -> anyhow::Result<Journal> {
    let dir = &settings.dir.value;
    match fs::metadata(dir) {
        Ok(found) if found.is_dir() => open(options(settings), settings),
        Ok(_) => Err(no_journal(settings, io::ErrorKind::NotADirectory.into())),
        Err(error) => Err(no_journal(settings, error)),
    }
}

/// The options that the settings make.
pub(crate) fn options(settings: &Settings) -> Options {
    let options = Options::new(&settings.dir.value)
        .archive(&settings.archive.value)
        .min_free_bytes(settings.min_free_bytes.value)
        .writer(WriterOptions::default().durability(settings.durability.value))
        .allow_personal_data(settings.allow_personal_data.value);
    match &settings.name.value {
        Some(name) => options.name(name),
        None => options,
    }
}

fn open(options: Options, settings: &Settings) -> anyhow::Result<Journal> {
    options.open().map_err(|error| {
        let dir = settings.dir.value.display();
        Failure::new(format!("cannot open the journal in {dir}"))
            .because(error)
            .into()
    })
}

fn no_journal(settings: &Settings, error: io::Error) -> anyhow::Error {
    let dir = settings.dir.value.display();
    Failure::new(format!("no journal in {dir}"))
        .because(error)
        .hint("name its folder with --dir, TJ_DIR or [journal] dir in tj.toml; `tj demo` makes one to look at")
        .into()
}

/// Refuses what only the journal itself writes.
pub(crate) fn refuse_own(stream: Stream) -> Result<(), Failure> {
    match stream {
        Stream::Audit => Err(Failure::usage("`audit` is written by the journal itself")
            .hint("`tj tail audit` shows it")),
        _ => Ok(()),
    }
}
