//! Making a file say what it should: what is right stays, and from the first difference on it is written
//! anew.
//!
//! Always true: memory is a block and a row, however long the file is. A power cut in between leaves a file
//! that the next patch makes right.

use std::io;

use crate::disk::{File, read_full, write_all};

const BLOCK_LEN: usize = 64 << 10;

/// A file that is being compared with what it should say, row by row.
pub(super) struct Patch<'a> {
    file: &'a dyn File,
    /// How long it was.
    there: u64,
    /// How much of it is right.
    good: u64,
    /// What was read of it from `good` on.
    read: Vec<u8>,
    /// How much of that was compared.
    at: usize,
    /// Whether it is written anew from `good` on; what waits for that.
    differs: bool,
    unwritten: Vec<u8>,
}

impl<'a> Patch<'a> {
    pub(super) fn new(file: &'a dyn File) -> io::Result<Patch<'a>> {
        Ok(Patch {
            file,
            there: file.look()?.len,
            good: 0,
            read: Vec::new(),
            at: 0,
            differs: false,
            unwritten: Vec::new(),
        })
    }

    /// The next row.
    pub(super) fn row(&mut self, row: &[u8]) -> io::Result<()> {
        if !self.differs && !self.is_there(row)? {
            self.differs = true;
            self.file.cut(self.good)?;
        }
        if self.differs {
            self.unwritten.extend_from_slice(row);
            if BLOCK_LEN <= self.unwritten.len() {
                self.write()?;
            }
        }
        Ok(())
    }

    /// There are no more rows; says how long the file is.
    pub(super) fn end(mut self) -> io::Result<u64> {
        if !self.differs && self.good < self.there {
            self.file.cut(self.good)?;
        }
        self.write()?;
        Ok(self.good)
    }

    fn is_there(&mut self, row: &[u8]) -> io::Result<bool> {
        let rest = self.read.len().saturating_sub(self.at);
        if rest < row.len() {
            self.read.drain(..self.at);
            self.at = 0;
            let len = BLOCK_LEN.max(row.len());
            self.read.resize(len, 0);
            let free = self.read.get_mut(rest..).unwrap_or_default();
            let more = read_full(self.file, free, self.good.saturating_add(rest as u64))?;
            self.read.truncate(rest + more);
        }
        let is_there = self.read.get(self.at..self.at + row.len()) == Some(row);
        if is_there {
            self.at += row.len();
            self.good = self.good.saturating_add(row.len() as u64);
        }
        Ok(is_there)
    }

    fn write(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.unwritten);
        write_all(self.file, &bytes)?;
        self.good = self.good.saturating_add(bytes.len() as u64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::disk::{Access, Disk as _, SimDisk};

    #[test]
    fn what_is_right_is_not_written_again() {
        let disk = SimDisk::new(1);
        disk.put_file("/a", b"one\ntwo\n").unwrap();
        let file = disk.open(Path::new("/a"), Access::Append).unwrap();
        let before = disk.operations();
        let mut patch = Patch::new(&*file).unwrap();
        patch.row(b"one\n").unwrap();
        patch.row(b"two\n").unwrap();
        assert_eq!(patch.end().unwrap(), 8);
        assert_eq!(disk.operations(), before);
    }

    proptest! {
        #[test]
        fn whatever_was_there_it_says_what_it_should(
            rows in prop::collection::vec("[ab]{0,3}\n", 0..12),
            there in "[ab\n]{0,30}",
            keep in 0_usize..40,
        ) {
            // What was there begins right more often than chance would have it.
            let wanted = rows.concat();
            let there = format!("{}{there}", &wanted[..keep.min(wanted.len())]);
            let disk = SimDisk::new(1);
            disk.put_file("/a", there.as_bytes()).unwrap();
            let file = disk.open(Path::new("/a"), Access::Append).unwrap();
            let mut patch = Patch::new(&*file).unwrap();
            for row in &rows {
                patch.row(row.as_bytes()).unwrap();
            }
            prop_assert_eq!(patch.end().unwrap(), wanted.len() as u64);
            prop_assert_eq!(disk.cached("/a").unwrap(), wanted.as_bytes());
        }
    }
}
