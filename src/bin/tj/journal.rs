//! The journal that the settings name, opened for reading or for writing.
//!
//! Always true: a journal that is read must be there; only a writer makes one.
//!
//! Not here: the locks, which are the library's.

use std::{fs, io, path::Path, sync::Arc};

use anyhow::Context as _;
use tradejournal::evidence::Notary;
use tradejournal::journal::{Journal, Options, WriterOptions};
use tradejournal::record::Stream;

use crate::evidence;
use crate::failure::Failure;
use crate::settings::Settings;

/// The journal for a writer, which makes the folder if it is not there. Where there is a key, what
/// is written is signed: ask the notary at the end what kept it from that.
pub(crate) fn for_writing(settings: &Settings) -> anyhow::Result<(Journal, Option<Arc<Notary>>)> {
    let notary = evidence::notary(settings).map(Arc::new);
    let options = match &notary {
        Some(notary) => options(settings).observer(Arc::clone(notary) as _),
        None => options(settings),
    };
    Ok((open(options, settings)?, notary))
}

/// The journal for whoever makes its keys.
pub(crate) fn for_keys(settings: &Settings) -> anyhow::Result<Journal> {
    open(options(settings), settings)
}

/// The journal for a reader: its folder must be there, with a `JOURNAL` or at least the days of an
/// older log in it.
pub(crate) fn for_reading(settings: &Settings) -> anyhow::Result<Journal> {
    let dir = &settings.dir.value;
    match fs::metadata(dir) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(no_folder(settings, io::ErrorKind::NotADirectory.into())),
        Err(error) => return Err(no_folder(settings, error)),
    }
    let journal = open(options(settings), settings)?;
    if journal.identity().is_none() && !has_days(&journal)? {
        return Err(no_journal(settings).hint(NAME_IT).into());
    }
    Ok(journal)
}

/// The journal in a folder that somebody names beside that of the settings, for a reader; its archive is
/// beside it.
pub(crate) fn at(dir: &Path) -> anyhow::Result<Journal> {
    let cannot = || Failure::new(format!("no journal in {}", dir.display()));
    match fs::metadata(dir) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => {
            return Err(cannot()
                .because(io::Error::from(io::ErrorKind::NotADirectory))
                .into());
        }
        Err(error) => return Err(cannot().because(error).into()),
    }
    let journal = Options::new(dir).open().map_err(|error| {
        Failure::new(format!("cannot open the journal in {}", dir.display())).because(error)
    })?;
    if journal.identity().is_none() && !has_days(&journal)? {
        return Err(cannot()
            .because("it has no file JOURNAL and no days of a stream")
            .hint("name the folder with the streams, which is usually called logs")
            .into());
    }
    Ok(journal)
}

/// The journal for whoever checks it: nothing can be checked without its `JOURNAL`.
pub(crate) fn for_checking(settings: &Settings) -> anyhow::Result<Journal> {
    let journal = for_reading(settings)?;
    if journal.identity().is_none() {
        return Err(no_journal(settings).hint(RESTORE_IT).into());
    }
    Ok(journal)
}

fn has_days(journal: &Journal) -> anyhow::Result<bool> {
    for stream in Stream::ALL {
        let days = journal.layout().days(&**journal.disk(), stream);
        if !days.with_context(|| format!("list {stream}"))?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
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

const NAME_IT: &str = "name its folder with --dir, TJ_DIR or [journal] dir in tj.toml; `tj demo` makes one to look at";
const RESTORE_IT: &str = "restore the file JOURNAL from a backup; days of an older log are taken in with `tj import trades FILE`";

fn no_folder(settings: &Settings, error: io::Error) -> anyhow::Error {
    let dir = settings.dir.value.display();
    Failure::new(format!("no journal in {dir}"))
        .because(error)
        .hint(NAME_IT)
        .into()
}

fn no_journal(settings: &Settings) -> Failure {
    let dir = settings.dir.value.display();
    Failure::new(format!("no journal in {dir}: it has no file JOURNAL"))
}

/// Refuses what only the journal itself writes.
pub(crate) fn refuse_own(stream: Stream) -> Result<(), Failure> {
    match stream {
        Stream::Audit => Err(Failure::usage("`audit` is written by the journal itself")
            .hint("`tj tail audit` shows it")),
        _ => Ok(()),
    }
}
