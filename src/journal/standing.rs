//! Where streams stand: a digest that is another one as soon as a reader could find something else.
//!
//! Always true:
//! - It is made of names, sizes, times and `HEAD`; no line is read, so that asking costs next to nothing.
//! - A line more is another digest. So is a day that was archived, restored, repaired or deleted, though
//!   then the same lines may be there.
//!
//! Not here: whether anything is as it should be. Somebody who changes bytes of a file in place and sets its
//! time back is found by `verify`, not by this.

use std::io;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::Journal;
use super::layout::Place;
use super::status::StatusError;
use crate::disk;
use crate::record::{Digest, Stream};

const HEAD_LEN_MAX: u64 = 64 << 10;
/// More than there are since the year 0001.
const DAYS_BEFORE_1970: i64 = 800_000;

impl Journal {
    /// Where these streams stand. What was computed of them is still right while this is the same, whoever
    /// writes.
    ///
    /// # Errors
    /// [`StatusError`] when a folder or a file cannot be looked at.
    pub fn standing(&self, streams: &[Stream]) -> Result<Digest, StatusError> {
        let mut digest = Sha256::new();
        for stream in streams {
            self.stand(*stream, &mut digest)?;
        }
        Ok(Digest::from_bytes(digest.finalize().into()))
    }

    fn stand(&self, stream: Stream, digest: &mut Sha256) -> Result<(), StatusError> {
        let (disk, layout) = (&**self.disk(), self.layout());
        let folder = layout.stream(stream);
        let days = layout.days(disk, stream).map_err(at(&folder))?;
        let mut number = |number: u64| digest.update(number.to_le_bytes());
        number(stream.name().len() as u64);
        number(days.len() as u64);
        for day in &days {
            let found = disk.look(&day.path).map_err(at(&day.path))?;
            let days = i64::from(day.day.unix_days()) + DAYS_BEFORE_1970;
            number(u64::try_from(days).unwrap_or_default());
            number(u64::from(day.place == Place::Archive));
            // One that was archived meanwhile is in no answer that was there before.
            let Some(meta) = found else {
                continue;
            };
            number(meta.len);
            number(meta.identity.0);
            number(meta.identity.1);
            let modified = meta.modified.map_or(0, |it| it.unix_nanos());
            number(u64::try_from(modified).unwrap_or_default());
        }
        // Two machines may have files of the same numbers, but not the same last line.
        let head = layout.head(stream);
        let bytes = disk::read_small(disk, &head, HEAD_LEN_MAX).map_err(at(&head))?;
        let bytes = bytes.unwrap_or_default();
        number(bytes.len() as u64);
        digest.update(stream.name());
        digest.update(&bytes);
        Ok(())
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> StatusError + '_ {
    move |source| StatusError {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::testing::{Chain, Folder};
    use std::fs;
    use std::io::Write as _;

    #[test]
    fn whatever_a_reader_could_find_makes_another_standing() {
        let folder = Folder::new();
        let mut chain = Chain::new(Stream::Trades);
        let standing = || folder.journal.standing(&[Stream::Trades]).unwrap();
        let mut seen = vec![standing()];
        let mut is_new = |step: &str| {
            let now = standing();
            assert_eq!(now, standing(), "{step}: nothing changed in between");
            assert!(!seen.contains(&now), "{step}");
            seen.push(now);
        };
        let first = chain.numbers(3);
        folder.put(Stream::Trades, "2025-10-26", &first);
        is_new("a first day");
        folder.add(Stream::Trades, "2025-10-26", &chain.numbers(1));
        is_new("a line more");
        folder.add(Stream::Trades, "2025-10-26", b"{");
        is_new("a line that is not whole");
        folder.add(Stream::Trades, "2025-10-27", &chain.numbers(1));
        is_new("another day");
        folder.archive(Stream::Trades, "2025-10-26", &[&first]);
        let plain = folder
            .journal
            .layout()
            .day(Stream::Trades, "2025-10-26".parse().unwrap());
        fs::remove_file(&plain).unwrap();
        is_new("an archived day");
        folder.put(Stream::Trades, "2025-10-26", &first);
        is_new("a restored day");
        let head = folder.journal.layout().head(Stream::Trades);
        let mut file = fs::File::create(&head).unwrap();
        file.write_all(b"{}").unwrap();
        is_new("another HEAD");
        fs::remove_file(&plain).unwrap();
        fs::create_dir(&plain).unwrap();
        is_new("a day that is none");
    }

    #[test]
    fn only_the_streams_that_are_asked_for_count() {
        let folder = Folder::new();
        let standing = |streams: &[Stream]| folder.journal.standing(streams).unwrap();
        let (trades, both) = (&[Stream::Trades][..], &[Stream::Trades, Stream::Fills][..]);
        let before = (standing(trades), standing(both));
        let mut chain = Chain::new(Stream::Fills);
        folder.put(Stream::Fills, "2025-10-26", &chain.numbers(1));
        assert_eq!(standing(trades), before.0);
        assert_ne!(standing(both), before.1);
        assert_ne!(standing(trades), standing(&[Stream::Fills]));
    }

    #[test]
    fn what_cannot_be_looked_at_is_an_error() {
        let folder = Folder::new();
        let head = folder.journal.layout().head(Stream::Trades);
        fs::create_dir_all(&head).unwrap();
        let error = folder.journal.standing(&[Stream::Trades]).unwrap_err();
        assert_eq!(error.path, head);
    }
}
