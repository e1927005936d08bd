//! The bytes of one file: what the cache shows, what the media holds, and what is between them.
//!
//! Always true:
//! - A page is *dirty* from the change that touched it to the sync that wrote it or forgot it. The
//!   cache shows a clean page until it is dropped, whatever the media holds.
//! - A byte that a sync covered is not touched by a power cut, even where its block is.
//!
//! Not here: names. A file whose name is lost is lost.

use std::collections::BTreeSet;

use super::{Random, Unsynced};

/// What the cache holds and a sync writes at once.
const PAGE_LEN: usize = 4096;
const SECTOR_LEN: usize = 512;
/// From how many states of the past a block may come after a power cut.
const VERSIONS_MAX: usize = 8;

#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    cached: Vec<u8>,
    media: Vec<u8>,
    /// What the process did since the last sync, in order.
    changes: Vec<Change>,
    dirty: BTreeSet<usize>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Cut { len: usize },
}

impl Content {
    /// Bytes that are on the media.
    pub(super) fn on_media(bytes: Vec<u8>) -> Content {
        Content {
            cached: bytes.clone(),
            media: bytes,
            ..Content::default()
        }
    }

    pub(super) fn cached(&self) -> &[u8] {
        &self.cached
    }

    pub(super) fn media(&self) -> &[u8] {
        &self.media
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        let offset = self.cached.len();
        self.cached.extend_from_slice(bytes);
        self.dirty
            .extend(offset / PAGE_LEN..self.cached.len().div_ceil(PAGE_LEN));
        self.changes.push(Change::Write {
            offset,
            bytes: bytes.to_vec(),
        });
    }

    pub(super) fn cut(&mut self, len: usize) {
        self.cached.resize(len, 0);
        self.dirty.retain(|page| page * PAGE_LEN < len);
        self.dirty.insert(len / PAGE_LEN);
        self.changes.push(Change::Cut { len });
    }

    /// A sync: the dirty pages and the length go to the media.
    pub(super) fn flush(&mut self) {
        if self.changes.is_empty() {
            return;
        }
        self.media.resize(self.cached.len(), 0);
        for page in std::mem::take(&mut self.dirty) {
            put_page(&mut self.media, &self.cached, page);
        }
        self.changes.clear();
    }

    /// A sync that stopped in the middle: some pages are written, all stay dirty.
    pub(super) fn flush_some(&mut self, random: &mut Random) {
        if self.media.len() < self.cached.len() {
            self.media.resize(self.cached.len(), 0);
        }
        for page in &self.dirty {
            if random.one_in(2) {
                put_page(&mut self.media, &self.cached, *page);
            }
        }
    }

    /// A failed sync: what was dirty passes for clean.
    pub(super) fn forget(&mut self) {
        self.dirty.clear();
        self.changes.clear();
    }

    pub(super) fn forget_all_but_length(&mut self) {
        self.media.resize(self.cached.len(), 0);
        self.forget();
    }

    /// Clean pages from the one that holds `offset` are read from the media again.
    pub(super) fn drop_cache(&mut self, offset: usize) {
        let first = offset / PAGE_LEN;
        // With nothing left to write, the length is forgotten as well.
        if self.dirty.is_empty() {
            let kept = self.cached.len().min(first * PAGE_LEN);
            self.cached.resize(self.media.len().max(kept), 0);
        }
        for page in first..self.cached.len().div_ceil(PAGE_LEN) {
            if !self.dirty.contains(&page) {
                put_page(&mut self.cached, &self.media, page);
            }
        }
    }

    pub(super) fn flip(&mut self, offset: usize, bit: u32) {
        if let Some(byte) = self.media.get_mut(offset) {
            *byte ^= 1_u8.rotate_left(bit);
        }
    }

    /// How many bytes the last change wrote, if it did and was not synced.
    pub(super) fn last_write_len(&self) -> usize {
        match self.changes.last() {
            Some(Change::Write { bytes, .. }) => bytes.len(),
            _ => 0,
        }
    }

    /// What the media holds after a power cut.
    pub(super) fn lose_power(&mut self, unsynced: Unsynced, random: &mut Random) {
        let left = match unsynced {
            _ if self.changes.is_empty() => std::mem::take(&mut self.media),
            Unsynced::Lost => std::mem::take(&mut self.media),
            Unsynced::Kept => self.version(self.changes.len()),
            Unsynced::Torn(len) => self.torn(len),
            Unsynced::Zeros => self.zeros(),
            Unsynced::Blocks(block_len) => self.blocks(block_len, false, random),
            Unsynced::Noise => self.blocks(SECTOR_LEN, true, random),
            Unsynced::Any => self.any(random),
        };
        *self = Content::on_media(left);
    }

    fn any(&self, random: &mut Random) -> Vec<u8> {
        match random.below(7) {
            0 => self.media.clone(),
            1 => self.version(self.changes.len()),
            2 => self.torn(random.below(self.last_write_len() + 1)),
            3 => self.zeros(),
            4 => self.blocks(PAGE_LEN, false, random),
            5 => self.blocks(SECTOR_LEN, true, random),
            _ => self.blocks(SECTOR_LEN, false, random),
        }
    }

    /// The media after the first `count` changes.
    fn version(&self, count: usize) -> Vec<u8> {
        let mut bytes = self.media.clone();
        for change in self.changes.iter().take(count) {
            match change {
                Change::Write { offset, bytes: new } => put(&mut bytes, *offset, new),
                Change::Cut { len } => bytes.resize(*len, 0),
            }
        }
        bytes
    }

    fn torn(&self, len: usize) -> Vec<u8> {
        let Some(before) = self.changes.len().checked_sub(1) else {
            return self.media.clone();
        };
        match self.changes.last() {
            Some(Change::Write { offset, bytes }) => {
                let mut left = self.version(before);
                put(&mut left, *offset, bytes.get(..len).unwrap_or(bytes));
                left
            }
            _ => self.version(before + usize::from(0 < len)),
        }
    }

    fn zeros(&self) -> Vec<u8> {
        let mut left = self.media.clone();
        left.resize(self.version(self.changes.len()).len(), 0);
        left
    }

    /// Each block from one of the file's states since the last sync.
    fn blocks(&self, block_len: usize, noise: bool, random: &mut Random) -> Vec<u8> {
        let versions = self.some_versions(random);
        let len = random.pick(&versions).map_or(0, Vec::len);
        let mut left = vec![0; len];
        let unsynced_at = self.unsynced_at();
        let block_len = block_len.max(1);
        for (index, block) in left.chunks_mut(block_len).enumerate() {
            let start = index * block_len;
            let from = random.pick(&versions);
            let mut source = from
                .and_then(|it| it.get(start..))
                .unwrap_or_default()
                .iter();
            for byte in &mut *block {
                *byte = source.next().copied().unwrap_or_default();
            }
            if noise && random.one_in(3) {
                let skip = unsynced_at.saturating_sub(start);
                for byte in block.iter_mut().skip(skip) {
                    *byte = random.number().to_le_bytes()[0];
                }
            }
        }
        left
    }

    /// The first and the last state since the last sync, and some between.
    fn some_versions(&self, random: &mut Random) -> Vec<Vec<u8>> {
        let count = self.changes.len();
        if count < VERSIONS_MAX {
            return (0..=count).map(|it| self.version(it)).collect();
        }
        let mut versions = vec![self.version(0), self.version(count)];
        for _ in versions.len()..VERSIONS_MAX {
            versions.push(self.version(random.below(count)));
        }
        versions
    }

    /// The first byte that a change touched.
    fn unsynced_at(&self) -> usize {
        let offsets = self.changes.iter().map(|change| match change {
            Change::Write { offset, .. } => *offset,
            Change::Cut { len } => *len,
        });
        offsets.min().unwrap_or(usize::MAX)
    }
}

/// Puts `new` at `offset`, zeros in a gap before it.
fn put(bytes: &mut Vec<u8>, offset: usize, new: &[u8]) {
    let end = offset + new.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    if let Some(place) = bytes.get_mut(offset..end) {
        place.copy_from_slice(new);
    }
}

/// Copies a page as far as `to` goes; what `from` does not have is zeros.
fn put_page(to: &mut [u8], from: &[u8], page: usize) {
    let start = page * PAGE_LEN;
    let end = to.len().min(start + PAGE_LEN);
    let Some(to) = to.get_mut(start..end) else {
        return;
    };
    let from = from.get(start..).unwrap_or_default();
    let (copied, zeros) = to.split_at_mut(to.len().min(from.len()));
    copied.copy_from_slice(from.get(..copied.len()).unwrap_or_default());
    zeros.fill(0);
}
