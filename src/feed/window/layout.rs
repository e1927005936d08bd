//! The names of a window's files and folders.
//!
//! ```text
//! storage/trades_20241023_1430.json             a minute that has left the window
//! storage/.window/minutes/trades_...json        a minute that is in it
//! storage/.window/intake/0000000001.jsonl       trades as they came
//! storage/.window/aside/                        what could not be used, and why
//! archive/window/20241023.jsonl.gz              a day of minutes
//! ```
//!
//! With more than one symbol, `storage` and `minutes` have a folder for each.
//!
//! Always true: a file's name tells its minute, a folder's name its symbol, and the other way round.

use std::path::{Path, PathBuf};

use super::minute::Minute;
use crate::record::field::Pair;
use crate::time::Day;

const PREFIX: &str = "trades_";
const SUFFIX: &str = ".json";

/// Whose minutes a storage folder has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Symbols {
    /// Those of one symbol, without folders for it.
    Only(Pair),
    /// Those of any symbol, each in a folder of its own.
    Each,
}

/// Where everything is.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    storage: PathBuf,
    archive: PathBuf,
    symbols: Symbols,
}

impl Layout {
    /// `archive` is the folder in which `window` is made.
    pub(super) fn new(storage: &Path, archive: &Path, symbols: Symbols) -> Layout {
        Layout {
            storage: storage.to_owned(),
            archive: archive.join("window"),
            symbols,
        }
    }

    pub(super) fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    pub(super) fn storage(&self) -> &Path {
        &self.storage
    }

    pub(super) fn archive(&self) -> &Path {
        &self.archive
    }

    pub(super) fn window(&self) -> PathBuf {
        window(&self.storage)
    }

    pub(super) fn intake(&self) -> PathBuf {
        self.window().join("intake")
    }

    pub(super) fn aside(&self) -> PathBuf {
        self.window().join("aside")
    }

    pub(super) fn minutes(&self) -> PathBuf {
        self.window().join("minutes")
    }

    /// The folder of a symbol below one of the three.
    pub(super) fn of_symbol(&self, folder: &Path, symbol: &Pair) -> PathBuf {
        match &self.symbols {
            Symbols::Only(_) => folder.to_owned(),
            Symbols::Each => folder.join(folder_name(symbol)),
        }
    }

    /// A minute that is in the window.
    pub(super) fn waiting(&self, symbol: &Pair, minute: Minute) -> PathBuf {
        self.of_symbol(&self.minutes(), symbol)
            .join(file_name(minute))
    }

    /// A minute that has left it.
    pub(super) fn stored(&self, symbol: &Pair, minute: Minute) -> PathBuf {
        self.of_symbol(&self.storage, symbol)
            .join(file_name(minute))
    }

    /// A day of minutes.
    pub(super) fn archived(&self, symbol: &Pair, day: Day) -> PathBuf {
        let name = format!("{}.jsonl.gz", digits(day));
        self.archive_of(symbol).join(name)
    }

    /// The archived days of a symbol, which have a folder of their own in any case: several storage folders
    /// may share an archive.
    pub(super) fn archive_of(&self, symbol: &Pair) -> PathBuf {
        self.archive.join(folder_name(symbol))
    }

    /// Whether the minutes of a symbol are here.
    pub(super) fn has(&self, symbol: &Pair) -> bool {
        match &self.symbols {
            Symbols::Only(of) => of == symbol,
            Symbols::Each => true,
        }
    }
}

/// What a window has beside the files of minutes, in a storage folder.
pub(super) fn window(storage: &Path) -> PathBuf {
    storage.join(".window")
}

pub(super) fn file_name(minute: Minute) -> String {
    format!("{PREFIX}{}{SUFFIX}", minute.digits())
}

/// The minute of a file's name.
pub(super) fn minute_of(name: &str) -> Option<Minute> {
    Minute::of_digits(name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?)
}

/// `20241023`.
pub(super) fn digits(day: Day) -> String {
    day.to_string().replace('-', "")
}

/// The day of the name of an archived one, or of its seal.
pub(super) fn day_of(name: &str, suffix: &str) -> Option<Day> {
    let digits = name.strip_suffix(suffix)?;
    let (year, rest) = digits.split_at_checked(4)?;
    let (month, day) = rest.split_at_checked(2)?;
    format!("{year}-{month}-{day}").parse().ok()
}

/// A symbol as a folder: what a path cannot have, or some systems cannot, is escaped.
pub(super) fn folder_name(symbol: &Pair) -> String {
    symbol.as_str().replace('/', "%2F").replace(':', "%3A")
}

/// The symbol of a folder.
pub(super) fn symbol_of(folder: &str) -> Option<Pair> {
    let symbol: Pair = folder
        .replace("%2F", "/")
        .replace("%3A", ":")
        .parse()
        .ok()?;
    (folder_name(&symbol) == folder).then_some(symbol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_they_name() {
        let symbol: Pair = "BTC/USDT:USDT".parse().unwrap();
        assert_eq!(folder_name(&symbol), "BTC%2FUSDT%3AUSDT");
        assert_eq!(symbol_of("BTC%2FUSDT%3AUSDT"), Some(symbol.clone()));
        for folder in [".window", "BTC:USDT", "btc", "", "BTC%2f"] {
            assert_eq!(symbol_of(folder), None, "{folder}");
        }
        let minute: Minute = "2024-10-23T14:30".parse().unwrap();
        assert_eq!(minute_of("trades_20241023_1430.json"), Some(minute));
        for name in [
            ".trades_20241023_1430.json.tmp",
            "trades_20241023.json",
            "x",
        ] {
            assert_eq!(minute_of(name), None, "{name}");
        }
        let layout = Layout::new(Path::new("s"), Path::new("a"), Symbols::Each);
        let path = layout.archived(&symbol, minute.day());
        assert_eq!(
            path,
            Path::new("a/window/BTC%2FUSDT%3AUSDT/20241023.jsonl.gz")
        );
        assert_eq!(day_of("20241023.jsonl.gz", ".jsonl.gz"), Some(minute.day()));
        let only = Layout::new(
            Path::new("s"),
            Path::new("a"),
            Symbols::Only(symbol.clone()),
        );
        assert_eq!(
            only.stored(&symbol, minute),
            Path::new("s/trades_20241023_1430.json")
        );
    }
}
