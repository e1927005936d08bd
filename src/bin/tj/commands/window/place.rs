//! Where a window is, how it is kept, and how it stands: what the commands of `tj window` have in common.
//!
//! Always true: a flag comes before the file of settings, and that before the default.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradejournal::disk::{self, Disk, RealDisk};
use tradejournal::feed::window::{
    Counts, News, NoCopy, Reader, Resident, Weight, Window, WindowError, WindowOptions, is_running,
};
use tradejournal::record::field::Pair;
use tradejournal::time::{Clock, SystemClock, Timestamp};

use crate::args::{WindowKept, WindowPlace};
use crate::failure::Failure;
use crate::output::{Out, Talk, printable};
use crate::settings::{RedisUrl, Settings};
use crate::words::counted;

/// The folder of minutes.
pub(super) fn storage(place: &WindowPlace, settings: &Settings) -> PathBuf {
    let given = place
        .storage
        .clone()
        .or_else(|| settings.window.storage.clone());
    given.unwrap_or_else(|| default_storage(settings))
}

fn default_storage(settings: &Settings) -> PathBuf {
    settings
        .dir
        .value
        .parent()
        .unwrap_or(Path::new(""))
        .join("storage")
}

pub(super) fn symbol(place: &WindowPlace, settings: &Settings) -> Option<Pair> {
    place
        .symbol
        .clone()
        .or_else(|| settings.window.symbol.clone())
}

/// Whoever only looks, or finishes, makes no window.
pub(super) fn must_exist(place: &WindowPlace, settings: &Settings) -> anyhow::Result<()> {
    let storage = storage(place, settings);
    match RealDisk.look(&storage) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => {
            let hint = "name the folder with --storage; `tj window run` makes one";
            Err(
                Failure::new(format!("there is no folder {}", storage.display()))
                    .hint(hint)
                    .into(),
            )
        }
        Err(error) => Err(
            Failure::new(format!("cannot look at {}", storage.display()))
                .because(error)
                .into(),
        ),
    }
}

/// Whoever finishes a window needs one.
pub(super) fn must_be_a_window(place: &WindowPlace, settings: &Settings) -> anyhow::Result<()> {
    must_exist(place, settings)?;
    let storage = storage(place, settings);
    match RealDisk.look(&storage.join(".window")) {
        Ok(None) => {
            Err(Failure::new(format!("no collector was ever in {}", storage.display())).into())
        }
        _ => Ok(()),
    }
}

/// Opens the window of a collector.
pub(super) fn open(kept: &WindowKept, settings: &Settings) -> anyhow::Result<Window> {
    let storage = storage(&kept.place, settings);
    let mut options = WindowOptions::default().archive_after(settings.window.archive_after());
    let symbol = symbol(&kept.place, settings);
    if let Some(symbol) = symbol.clone() {
        options = options.only(symbol);
    }
    if let Some(step) = kept.step.or(settings.window.step) {
        options = options.step(step);
    }
    if let Some(minutes) = kept.minutes.or(settings.window.minutes) {
        options = options.span(minutes);
    }
    let flag = match &kept.redis {
        Some(text) => {
            let url = RedisUrl::of(text);
            Some(url.map_err(|problem| Failure::usage(format!("--redis: {problem}")))?)
        }
        None => None,
    };
    let resident = match flag.as_ref().or(settings.window.redis.as_ref()) {
        Some(url) => redis(url, symbol.as_ref(), &storage)?,
        // Nobody could look into this process.
        None => Box::new(NoCopy),
    };
    Ok(Window::open(&storage, &settings.archive.value, options, resident).map_err(refusal)?)
}

/// A window in a Redis, which knows this collector by its storage folder.
#[cfg(feature = "redis")]
fn redis(
    url: &RedisUrl,
    symbol: Option<&Pair>,
    storage: &Path,
) -> anyhow::Result<Box<dyn Resident>> {
    use tradejournal::driver::redis::{Address, Connection, ConnectionOptions, RedisWindow};
    use tradejournal::feed::window::Symbols;

    let address = url.secret().parse::<Address>();
    let address =
        address.map_err(|error| Failure::usage("cannot use this Redis").because(error))?;
    let connection = Connection::new(address, ConnectionOptions::default(), Arc::new(SystemClock));
    let symbols = symbol.map_or(Symbols::Each, |it| Symbols::Only(it.clone()));
    let epoch = uuid::Uuid::new_v4().as_u128();
    Ok(Box::new(RedisWindow::new(
        connection,
        symbols,
        identity(storage)?,
        epoch,
    )))
}

/// The name of a storage folder, which it keeps wherever it is moved.
#[cfg(feature = "redis")]
fn identity(storage: &Path) -> anyhow::Result<String> {
    const LEN_MAX: u64 = 100;
    let folder = storage.join(".window");
    let path = folder.join("ID");
    let refusal = |operation: &str, error: std::io::Error| {
        Failure::new(format!("cannot {operation} {}", path.display())).because(error)
    };
    let found = disk::read_small(&RealDisk, &path, LEN_MAX).map_err(|it| refusal("read", it))?;
    let found = found.and_then(|it| String::from_utf8(it).ok());
    if let Some(id) = found
        .map(|it| it.trim().to_owned())
        .filter(|it| !it.is_empty())
    {
        return Ok(id);
    }
    let id = uuid::Uuid::new_v4().to_string();
    disk::create_folders(&RealDisk, &folder).map_err(|it| refusal("make the folder of", it))?;
    disk::replace(&RealDisk, &path, format!("{id}\n").as_bytes())
        .map_err(|it| refusal("write", it))?;
    Ok(id)
}

#[cfg(not(feature = "redis"))]
fn redis(
    _url: &RedisUrl,
    _symbol: Option<&Pair>,
    _storage: &Path,
) -> anyhow::Result<Box<dyn Resident>> {
    use crate::without_redis::{PROBLEM, REMEDY};

    let hint = format!("{REMEDY}; or leave --redis out: the files are the same");
    Err(Failure::usage(PROBLEM).hint(hint).into())
}

/// What cannot be opened, with the remedy where there is one.
pub(super) fn refusal(error: WindowError) -> Failure {
    let hint = match &error {
        WindowError::Running { .. } => {
            Some("`tj window status` says how it stands; one collector has a folder")
        }
        WindowError::Other { .. } => {
            Some("name another folder with --storage, or the same --symbol and --step")
        }
        _ => None,
    };
    let failure = Failure::new("cannot open the window").because(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Whoever reads minutes.
pub(super) fn reader(place: &WindowPlace, settings: &Settings) -> anyhow::Result<Reader> {
    must_exist(place, settings)?;
    reader_of(place, settings)
}

/// The same where nothing may be.
pub(super) fn reader_of(place: &WindowPlace, settings: &Settings) -> anyhow::Result<Reader> {
    let storage = storage(place, settings);
    let symbol = symbol(place, settings);
    let reader = Reader::open(
        Arc::new(RealDisk),
        &storage,
        &settings.archive.value,
        symbol.as_ref(),
    );
    Ok(reader.map_err(refusal)?)
}

/// Says what a person should hear.
pub(super) fn tell(news: Vec<News>, talk: &Talk) {
    for News { weight, text, .. } in news {
        match weight {
            Weight::Warning => talk.warning(&printable(&text)),
            Weight::Note => talk.note(&printable(&text)),
        }
    }
}

/// How a collector stood when it last said so: the file `status.json` beside its window.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Told {
    pub(super) at: String,
    pub(super) counts: Counts,
    pub(super) wrong: Vec<String>,
}

impl Told {
    /// Whether a collector that runs should have said more since.
    fn is_old(&self) -> bool {
        let age = self
            .at
            .parse()
            .ok()
            .and_then(|it: Timestamp| it.until(SystemClock.now()));
        age.is_some_and(|it| TOLD_AGE_MAX < it)
    }
}

const TOLD_AGE_MAX: Duration = Duration::from_secs(120);
const TOLD_LEN_MAX: u64 = 1 << 20;

fn told_path(storage: &Path) -> PathBuf {
    storage.join(".window").join("status.json")
}

/// Says how a window stands, to whoever asks later.
pub(super) fn write_told(window: &Window) -> anyhow::Result<()> {
    let at = SystemClock.now().to_string();
    let told = Told {
        at,
        counts: window.counts(),
        wrong: window.wrong(),
    };
    let mut json = serde_json::to_vec(&told)?;
    json.push(b'\n');
    let path = told_path(window.storage());
    disk::replace(&RealDisk, &path, &json).map_err(|it| {
        Failure::new(format!("cannot write {}", path.display()))
            .because(it)
            .into()
    })
}

fn read_told(storage: &Path) -> Option<Told> {
    let bytes = disk::read_small(&RealDisk, &told_path(storage), TOLD_LEN_MAX).ok()??;
    serde_json::from_slice(&bytes).ok()
}

/// How the window in a folder stands.
#[derive(Debug, Serialize)]
pub(crate) struct Standing {
    pub(super) storage: String,
    /// A collector has the folder now.
    pub(super) running: bool,
    pub(super) symbols: u64,
    /// Files of minutes that are in the window, and of those that have left it.
    pub(super) window_minutes: u64,
    pub(super) stored_minutes: u64,
    pub(super) archived_days: u64,
    pub(super) first: Option<String>,
    pub(super) last: Option<String>,
    pub(super) free_bytes: Option<u64>,
    /// What the collector said last.
    pub(super) told: Option<Told>,
}

impl Standing {
    /// In one line, and what is wrong.
    pub(crate) fn show_briefly(&self, out: &mut Out) -> anyhow::Result<()> {
        let collector = if self.running {
            "a collector has it now"
        } else {
            "no collector runs"
        };
        out.line(printable(&format!(
            "minutes in {}: {} in the window, {} in files, {} archived; {collector}",
            self.storage,
            self.window_minutes,
            self.stored_minutes,
            counted(self.archived_days, "day", "days"),
        )))?;
        if self.is_bad() {
            for wrong in self.told.iter().flat_map(|it| &it.wrong) {
                out.line(printable(wrong))?;
            }
        }
        Ok(())
    }

    /// Whether something needs a person.
    pub(crate) fn is_bad(&self) -> bool {
        let is_bad = |it: &Told| !it.wrong.is_empty() || it.is_old();
        self.running && self.told.as_ref().is_some_and(is_bad)
    }
}

/// How the window of the settings stands; `None` when there is none.
pub(crate) fn standing(settings: &Settings) -> anyhow::Result<Option<Standing>> {
    let place = WindowPlace {
        storage: None,
        symbol: None,
    };
    let storage = storage(&place, settings);
    if RealDisk
        .look(&storage.join(".window"))
        .ok()
        .flatten()
        .is_none()
    {
        return Ok(None);
    }
    standing_at(&place, settings).map(Some)
}

pub(super) fn standing_at(place: &WindowPlace, settings: &Settings) -> anyhow::Result<Standing> {
    let storage = storage(place, settings);
    let reader = reader(place, settings)?;
    let mut standing = Standing {
        storage: storage.display().to_string(),
        running: is_running(&RealDisk, &storage).map_err(refusal)?,
        symbols: 0,
        window_minutes: 0,
        stored_minutes: 0,
        archived_days: 0,
        first: None,
        last: None,
        free_bytes: RealDisk.free_bytes(&storage).ok(),
        told: read_told(&storage),
    };
    let (mut first, mut last) = (None, None);
    for symbol in reader.symbols().map_err(refusal)? {
        let (waiting, stored) = reader.files(&symbol).map_err(refusal)?;
        standing.symbols += 1;
        standing.window_minutes += waiting.len() as u64;
        standing.stored_minutes += stored.difference(&waiting).count() as u64;
        standing.archived_days += reader.archived(&symbol).map_err(refusal)?.len() as u64;
        for minute in [waiting.first(), stored.first()].into_iter().flatten() {
            first = Some(
                first.map_or(*minute, |it: tradejournal::feed::window::Minute| {
                    it.min(*minute)
                }),
            );
        }
        for minute in [waiting.last(), stored.last()].into_iter().flatten() {
            last = last.max(Some(*minute));
        }
    }
    standing.first = first.map(|it| it.start().to_string());
    standing.last = last.map(|it| it.start().to_string());
    Ok(standing)
}
