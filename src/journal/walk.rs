//! Walking over a day's file from some byte on, line by line, with constant memory.
//!
//! What is handed out is a [`Piece`]: a line with its newline, or bytes that are none: the rest of
//! the file without a newline, or a block out of a stretch that is longer than any line.

use std::{io, ops::ControlFlow};

use super::line::LINE_LEN_MAX;
use crate::disk;
use crate::disk::File;

/// It stays in a core's own cache while it is looked at.
pub(super) const BLOCK_LEN: usize = 256 << 10;

/// A stretch of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    /// Where it begins.
    pub(super) offset: u64,
    /// Its bytes; a line's newline included.
    pub(super) bytes: &'a [u8],
    /// Whether it is a line: at most the longest allowed, ended by the only newline in it.
    pub(super) is_line: bool,
}

/// Hands the pieces of `file` from `offset` on to `visit`, until it breaks or the file ends.
///
/// Returns the break's value, and otherwise where the file ended.
pub(super) fn walk<B>(
    file: &dyn File,
    offset: u64,
    visit: impl FnMut(Piece<'_>) -> ControlFlow<B>,
) -> io::Result<Result<u64, B>> {
    walk_with(|bytes, at| disk::read_full(file, bytes, at), offset, visit)
}

/// As [`walk`], over whatever `read` reads: it fills as much as there is, nothing only at the end,
/// and is asked for one stretch after the other.
pub(super) fn walk_with<B>(
    read: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
    offset: u64,
    visit: impl FnMut(Piece<'_>) -> ControlFlow<B>,
) -> io::Result<Result<u64, B>> {
    walk_in(&mut vec![0; BLOCK_LEN], read, offset, visit)
}

/// As [`walk_with`], in a buffer that can be used again: as much is read at once as it is long, and
/// it grows with the longest line.
pub(super) fn walk_in<B>(
    buffer: &mut Vec<u8>,
    mut read: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
    mut offset: u64,
    mut visit: impl FnMut(Piece<'_>) -> ControlFlow<B>,
) -> io::Result<Result<u64, B>> {
    // Bytes at the front of the buffer that are read and not yet handed out.
    let mut held = 0;
    // Inside a stretch that is too long to be a line.
    let mut overlong = false;
    loop {
        if held == buffer.len() {
            buffer.resize(buffer.len() * 2, 0);
        }
        let free = buffer.get_mut(held..).unwrap_or_default();
        let added = read(free, offset + held as u64)?;
        held += added;
        let filled = buffer.get(..held).unwrap_or_default();
        let mut used = 0;
        for end in memchr::memchr_iter(b'\n', filled) {
            let bytes = filled.get(used..=end).unwrap_or_default();
            let is_line = !overlong && bytes.len() <= LINE_LEN_MAX;
            overlong = false;
            let piece = Piece {
                offset: offset + used as u64,
                bytes,
                is_line,
            };
            if let ControlFlow::Break(value) = visit(piece) {
                return Ok(Err(value));
            }
            used = end + 1;
        }
        let rest = filled.get(used..).unwrap_or_default();
        let at_end = added == 0;
        if (at_end && !rest.is_empty()) || LINE_LEN_MAX < rest.len() {
            overlong = true;
            let piece = Piece {
                offset: offset + used as u64,
                bytes: rest,
                is_line: false,
            };
            if let ControlFlow::Break(value) = visit(piece) {
                return Ok(Err(value));
            }
            used = held;
        }
        offset += used as u64;
        buffer.copy_within(used..held, 0);
        held -= used;
        if at_end {
            return Ok(Ok(offset));
        }
    }
}

/// The line that ends at `end` (its newline is the byte before), with its offset; `None` when what
/// is there is no line.
pub(super) fn line_before(file: &dyn File, end: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
    let mut len = 4096_u64;
    loop {
        let start = end.saturating_sub(len);
        let mut bytes = vec![0; usize::try_from(end - start).unwrap_or_default()];
        let filled = disk::read_full(file, &mut bytes, start)?;
        if filled != bytes.len() || bytes.last() != Some(&b'\n') {
            return Ok(None);
        }
        let before_newline = bytes.get(..bytes.len() - 1).unwrap_or_default();
        if let Some(newline) = memchr::memrchr(b'\n', before_newline) {
            let line = bytes.split_off(newline + 1);
            return Ok((line.len() <= LINE_LEN_MAX).then(|| (end - line.len() as u64, line)));
        }
        if start == 0 {
            return Ok((bytes.len() <= LINE_LEN_MAX).then_some((0, bytes)));
        }
        if (LINE_LEN_MAX as u64) < len {
            return Ok(None);
        }
        len *= 4;
    }
}
