//! A file that somebody named on the command line, written whole or not at all.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use tradejournal::disk::{self, FileWriter, RealDisk};

/// How many links lead to a file at most, as Linux has it.
const LINKS_MAX: usize = 40;

/// Writes what `fill` writes.
pub(crate) fn write(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let written = match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory).into()),
        // A pipe or a device is written to; it would be wrong to put a file in its place.
        Ok(found) if !found.is_file() => File::options()
            .write(true)
            .open(path)
            .map_err(anyhow::Error::from)
            .and_then(|file| buffered(file, fill)),
        // Where there is a link, what it points to is replaced, or made.
        _ => followed(path).map_err(anyhow::Error::from).and_then(|it| {
            disk::replace_with(&RealDisk, &it, |file| buffered(FileWriter(file), fill))
        }),
    };
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn buffered(
    out: impl Write,
    fill: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    fill(&mut out)?;
    Ok(out.flush()?)
}

/// What a path names when its links are followed; nothing need be there yet.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = std::path::absolute(path)?;
    for _ in 0..LINKS_MAX {
        let Ok(next) = fs::read_link(&path) else {
            return Ok(path);
        };
        path = match path.parent() {
            Some(folder) => folder.join(next),
            None => next,
        };
    }
    Err(io::Error::other("too many links"))
}
