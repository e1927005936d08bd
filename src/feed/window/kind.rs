//! What a storage folder's window was made for.
//!
//! Always true: a folder has minutes of one kind. Whoever asks for another kind is refused, before anything
//! is written.

use serde::{Deserialize, Serialize};

use super::error::{WindowError, on};
use super::footprint::Step;
use super::layout::{self, Symbols};
use super::store::Store;
use super::window::WindowOptions;
use crate::disk::{self, Disk};
use std::path::Path;

const NAME: &str = "WINDOW";
const LEN_MAX: u64 = 4096;
const VERSION: u32 = 1;

/// The file `WINDOW`.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    version: u32,
    /// The only symbol, if there is one.
    symbol: Option<String>,
    /// The step between price levels, if there is one.
    step: Option<String>,
}

impl Kind {
    fn of(options: &WindowOptions) -> Kind {
        let symbol = match &options.symbols {
            Symbols::Only(symbol) => Some(symbol.to_string()),
            Symbols::Each => None,
        };
        // A step is a number: `0.50` is `0.5`, but for the decimals of the levels, which belong to it.
        let step = options.step.map(|it: Step| it.value().to_string());
        Kind {
            version: VERSION,
            symbol,
            step,
        }
    }

    fn words(&self) -> String {
        let symbol = self
            .symbol
            .as_ref()
            .map_or("minutes of any symbol".to_owned(), |it| {
                format!("minutes of {it} alone")
            });
        match &self.step {
            Some(step) => format!("{symbol} in steps of {step}"),
            None => format!("{symbol} with each price a level"),
        }
    }
}

/// Makes the folder one of this kind, or sees that it is.
pub(super) fn establish(store: &Store, options: &WindowOptions) -> Result<(), WindowError> {
    let path = store.layout.window().join(NAME);
    let wanted = Kind::of(options);
    match read(&*store.disk, store.layout.storage())? {
        Some(found) if found == wanted => Ok(()),
        Some(found) => Err(WindowError::Other {
            path: store.layout.storage().to_owned(),
            found: found.words(),
            wanted: wanted.words(),
        }),
        None => {
            let mut json = serde_json::to_vec(&wanted)
                .map_err(|it| on("write", &path)(std::io::Error::other(it)))?;
            json.push(b'\n');
            disk::replace(&*store.disk, &path, &json).map_err(on("write", &path))
        }
    }
}

fn read(disk: &dyn Disk, storage: &Path) -> Result<Option<Kind>, WindowError> {
    let path = layout::window(storage).join(NAME);
    let Some(bytes) = disk::read_small(disk, &path, LEN_MAX).map_err(on("read", &path))? else {
        return Ok(None);
    };
    let kind: Result<Kind, _> = serde_json::from_slice(&bytes);
    let damaged = |why: String| WindowError::Damaged {
        path: path.clone(),
        why,
    };
    match kind {
        Ok(kind) if kind.version == VERSION => Ok(Some(kind)),
        Ok(kind) => Err(damaged(format!(
            "it is of version {}, and this one knows {VERSION}",
            kind.version
        ))),
        Err(error) => Err(damaged(error.to_string())),
    }
}

/// Whose minutes a storage folder has, and in which steps; `None` when it has no window.
pub(super) fn found(
    disk: &dyn Disk,
    storage: &Path,
) -> Result<Option<(Symbols, Option<Step>)>, WindowError> {
    let Some(kind) = read(disk, storage)? else {
        return Ok(None);
    };
    let path = layout::window(storage).join(NAME);
    let damaged = |why: &str| WindowError::Damaged {
        path: path.clone(),
        why: why.to_owned(),
    };
    let symbols = match kind.symbol {
        Some(symbol) => Symbols::Only(symbol.parse().map_err(|_| damaged("its symbol is none"))?),
        None => Symbols::Each,
    };
    let step = match kind.step {
        Some(step) => {
            let step = crate::record::field::parse_decimal(step.as_bytes())
                .ok()
                .and_then(Step::new);
            Some(step.ok_or_else(|| damaged("its step is none"))?)
        }
        None => None,
    };
    Ok(Some((symbols, step)))
}
