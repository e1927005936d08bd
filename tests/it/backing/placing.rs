//! The moment in which a restored journal gets its place: nobody else takes it for what was left meanwhile,
//! and what was there is there again, or named, where that fails.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tempfile::{TempDir, tempdir};
use tradejournal::disk::{Access, Disk, Entry, File, Meta, RealDisk};
use tradejournal::keep::backup::{BackupError, Restore, Restored};

use super::{back_up, names_in, orders, restore};
use crate::sample::{journal, noon, three_days};

/// The real disk, with a look at each rename before it is made.
#[derive(Debug)]
struct Watched {
    renames: fn(&Path, &Path) -> io::Result<()>,
}

impl Disk for Watched {
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        (self.renames)(from, to)?;
        RealDisk.rename(from, to)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn File>> {
        RealDisk.open(path, access)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_folder(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        RealDisk.list(path)
    }

    fn look(&self, path: &Path) -> io::Result<Option<Meta>> {
        RealDisk.look(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_folder(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn second_name(&self, file: &Path, name: &Path) -> io::Result<()> {
        RealDisk.second_name(file, name)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove_folder(path)
    }

    fn make_link(&self, target: &str, link: &Path) -> io::Result<()> {
        RealDisk.make_link(target, link)
    }

    fn read_link(&self, link: &Path) -> io::Result<String> {
        RealDisk.read_link(link)
    }

    fn user(&self) -> u32 {
        RealDisk.user()
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        RealDisk.free_bytes(path)
    }
}

/// Restores over the journal of a folder, with that look at each rename.
fn over(renames: fn(&Path, &Path) -> io::Result<()>) -> (TempDir, Result<Restored, BackupError>) {
    let folder = tempdir().unwrap();
    three_days(folder.path());
    let (path, _) = back_up(&journal(folder.path(), &noon()), folder.path());
    let into = folder.path().join("restored");
    restore(&path, &into).unwrap();
    let restorer = Restore::new(Arc::new(Watched { renames }), noon()).force(true);
    let ran = restorer.run(&path, &into, &mut |_| ());
    (folder, ran)
}

fn is_placing(from: &Path) -> bool {
    from.ends_with(".restored.restoring")
}

#[test]
fn nobody_takes_a_journal_for_what_was_left_while_it_gets_its_place() {
    let (folder, ran) = over(|from, _| {
        if is_placing(from) {
            let guard = RealDisk.open(&from.join(".restoring"), Access::Append)?;
            assert!(!guard.try_lock()?);
        }
        Ok(())
    });
    ran.unwrap();
    let into = folder.path().join("restored");
    assert!(!into.join(".restoring").exists());
    assert!(!names_in(folder.path()).contains(&".restored.restoring".to_owned()));
}

#[test]
fn what_was_there_is_there_again_where_the_journal_gets_no_place() {
    let (folder, ran) = over(|from, _| match is_placing(from) {
        true => Err(io::Error::other("no")),
        false => Ok(()),
    });
    assert!(matches!(ran, Err(BackupError::Disk { .. })), "{ran:?}");
    let original = orders(&journal(folder.path(), &noon()));
    let there = journal(&folder.path().join("restored"), &noon());
    assert_eq!(orders(&there), original);
    assert_eq!(there.identity().unwrap().epoch(), 1);
    let names = names_in(folder.path());
    assert!(!names.iter().any(|it| it.contains(".before-")), "{names:?}");
}

#[test]
fn what_was_there_is_named_where_it_cannot_be_put_back() {
    let (folder, ran) = over(|_, to| match to.ends_with("restored") {
        true => Err(io::Error::other("no")),
        false => Ok(()),
    });
    let Err(BackupError::Aside { path, .. }) = ran else {
        panic!("{ran:?}");
    };
    assert!(fs::exists(path.join("logs/JOURNAL")).unwrap());
    assert_eq!(path.parent(), Some(folder.path()));
}
