//! The names in one folder: what the cache shows, what the media holds, and what is between them.
//!
//! Always true:
//! - A rename is one change: after a power cut it happened or it did not.
//! - Changes survive independently of each other, a later one without an earlier one too.

use std::collections::BTreeMap;

use super::{Names, Random};

#[derive(Clone, Debug, Default)]
pub(super) struct Folder {
    cached: BTreeMap<String, u64>,
    media: BTreeMap<String, u64>,
    changes: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Set {
        name: String,
        inode: u64,
    },
    Unset {
        name: String,
    },
    Rename {
        from: String,
        to: String,
        inode: u64,
    },
}

impl Folder {
    pub(super) fn get(&self, name: &str) -> Option<u64> {
        self.cached.get(name).copied()
    }

    pub(super) fn get_on_media(&self, name: &str) -> Option<u64> {
        self.media.get(name).copied()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&String, u64)> {
        self.cached.iter().map(|(name, inode)| (name, *inode))
    }

    pub(super) fn set(&mut self, name: &str, inode: u64) {
        let name = name.to_owned();
        self.change(Change::Set { name, inode });
    }

    pub(super) fn unset(&mut self, name: &str) {
        let name = name.to_owned();
        self.change(Change::Unset { name });
    }

    pub(super) fn rename(&mut self, from: &str, to: &str, inode: u64) {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.change(Change::Rename { from, to, inode });
    }

    pub(super) fn flush(&mut self) {
        self.media.clone_from(&self.cached);
        self.changes.clear();
    }

    pub(super) fn lose_power(&mut self, names: Names, random: &mut Random) {
        for change in std::mem::take(&mut self.changes) {
            let kept = match names {
                Names::Lost => false,
                Names::Kept => true,
                Names::Any => random.one_in(2),
            };
            if kept {
                apply(&mut self.media, &change);
            }
        }
        self.cached.clone_from(&self.media);
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.cached, &change);
        self.changes.push(change);
    }
}

fn apply(names: &mut BTreeMap<String, u64>, change: &Change) {
    match change {
        Change::Set { name, inode } => {
            names.insert(name.clone(), *inode);
        }
        Change::Unset { name } => {
            names.remove(name);
        }
        Change::Rename { from, to, inode } => {
            // Another file may have the old name by now, where the changes between were lost.
            if names.get(from) == Some(inode) {
                names.remove(from);
            }
            names.insert(to.clone(), *inode);
        }
    }
}
