//! What goes into a backup, chosen while a bot writes.
//!
//! Always true:
//! - What was signed or handed out is read before the lines are cut, so that the lines of the backup come
//!   to every checkpoint in it; `audit` is cut before the other streams, so that every day that it calls
//!   closed is whole.
//! - A private key never goes in: not the key folder, and no file in which one is found, whatever it is
//!   called.
//! - A file that is a copy's own business stays out: locks, temporary files, links.
//! - A file with a name that no restore takes stays out, and is named.
//!
//! Not here: reading the bytes of days and other large files (`tape`).

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::error::{BackupError, failed};
use super::manifest::StreamEnd;
use super::member::MemberName;
use crate::disk::{self, Access, Disk, Entry, File, Kind};
use crate::journal::Journal;
use crate::journal::audit;
use crate::journal::layout::Place;
use crate::journal::snapshot::{self, Cut};
use crate::record::{AuditKind, Stream};
use crate::time::Day;

/// Files beside the journal that a backup is to have.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Extra {
    /// Files of settings: each goes into the folder `config` under its own name.
    pub config: Vec<PathBuf>,
    /// Where a path in `config` begins.
    pub base: PathBuf,
    /// The folder `storage`, if there is one.
    pub storage: Option<PathBuf>,
    /// Folders of which nothing goes in: keys, the cache, targets.
    pub without: Vec<PathBuf>,
}

/// One file to be.
#[derive(Debug)]
pub(super) struct Item {
    /// Its name in the backup.
    pub(super) name: String,
    pub(super) source: Source,
}

#[derive(Debug)]
pub(super) enum Source {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The beginning of a file, or all of it where its length is not known yet.
    File { path: PathBuf, len: Option<u64> },
}

/// All that goes in.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) items: Vec<Item>,
    pub(super) streams: Vec<StreamEnd>,
    /// What is not as it should be, or was left out.
    pub(super) notes: Vec<String>,
    /// How many bytes there are, about.
    pub(super) bytes: u64,
}

const SMALL_LEN_MAX: u64 = 64 << 20;
/// How deep a folder of somebody else's may be.
const DEPTH_MAX: usize = 64;
/// How long a day that `audit` calls closed is waited for to be sealed.
const SEAL_WAITS: u32 = 20;
const SEAL_WAIT: std::time::Duration = std::time::Duration::from_millis(50);

pub(super) struct Gathering<'a> {
    journal: &'a Journal,
    extra: &'a Extra,
    without: BTreeSet<(u64, u64)>,
    contents: Contents,
    names: BTreeSet<String>,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(journal: &'a Journal, extra: &'a Extra) -> Gathering<'a> {
        // A folder that cannot be looked at cannot be walked into either.
        let looked = extra.without.iter().map(|it| journal.disk().look(it));
        let without = looked.filter_map(|it| Some(it.ok()??.identity)).collect();
        Gathering {
            journal,
            extra,
            without,
            contents: Contents::default(),
            names: BTreeSet::new(),
        }
    }

    /// Everything, in the one order in which it fits together.
    pub(super) fn gather(mut self) -> Result<Contents, BackupError> {
        let layout = self.journal.layout();
        let logs = layout.logs();
        let mut seals = BTreeSet::new();
        // Order matters: what was signed, then who signs, then the lines.
        for stream in Stream::ALL {
            for day in self.sealed(stream)? {
                seals.insert((stream, day));
            }
            let folder = layout.stream(stream);
            self.small(
                &folder.join("checkpoints.log"),
                &format!("logs/{stream}/checkpoints.log"),
            )?;
        }
        for name in ["JOURNAL", "EXPORTED", "KEYRING"] {
            self.small(&logs.join(name), &format!("logs/{name}"))?;
        }
        let audit = self.cut(Stream::Audit)?;
        seals.extend(self.seals_told(audit.as_ref())?);
        for stream in Stream::ALL {
            let is_ours = |it: &&(Stream, Day)| it.0 == stream;
            let sealed: Vec<Day> = seals.iter().filter(is_ours).map(|it| it.1).collect();
            match stream {
                Stream::Audit => {}
                _ => {
                    let cut = self.cut(stream)?;
                    self.days(stream, cut, &sealed)?;
                }
            }
        }
        let sealed = seals.iter().filter(|it| it.0 == Stream::Audit);
        let sealed: Vec<Day> = sealed.map(|it| it.1).collect();
        self.days(Stream::Audit, audit, &sealed)?;
        let archive = layout.archive().to_owned();
        self.others(logs, "logs", 0)?;
        self.others(&archive, "archive", 0)?;
        if let Some(storage) = &self.extra.storage {
            self.others(storage, "storage", 0)?;
        }
        self.config()?;
        Ok(self.contents)
    }

    fn disk(&self) -> &'a dyn Disk {
        &**self.journal.disk()
    }

    fn push(&mut self, name: String, source: Source, len: u64) {
        if self.names.insert(name.clone()) {
            self.contents.bytes += len;
            self.contents.items.push(Item { name, source });
        }
    }

    /// A file that is replaced or grows, as it is now; nothing where there is none.
    fn small(&mut self, path: &Path, name: &str) -> Result<(), BackupError> {
        let bytes = disk::read_small(self.disk(), path, SMALL_LEN_MAX);
        if let Some(bytes) = bytes.map_err(failed("read", path))? {
            let len = bytes.len() as u64;
            self.push(name.to_owned(), Source::Bytes(bytes), len);
        }
        Ok(())
    }

    fn list(&self, folder: &Path) -> Result<Vec<Entry>, BackupError> {
        match self.disk().list(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            listed => listed.map_err(failed("list", folder)),
        }
    }

    fn sealed(&self, stream: Stream) -> Result<Vec<Day>, BackupError> {
        let entries = self.list(&self.journal.layout().stream(stream))?;
        let days = entries
            .iter()
            .filter_map(|it| it.name.strip_suffix(".jsonl.sha256"));
        Ok(days.filter_map(|it| it.parse().ok()).collect())
    }

    /// The seals of the newest days that `audit` calls closed as far as it goes into the backup: a seal is
    /// written right behind that record.
    fn seals_told(&self, audit: Option<&Cut>) -> Result<BTreeSet<(Stream, Day)>, BackupError> {
        let Some((lines, _)) = audit.and_then(|it| it.end) else {
            return Ok(BTreeSet::new());
        };
        let mut newest = std::collections::BTreeMap::new();
        audit::each_event_until(self.journal, lines, b"\"day_closed\"", |event| {
            if let AuditKind::DayClosed(closed) = event.kind() {
                newest.insert(closed.stream(), closed.day());
            }
        });
        let layout = self.journal.layout();
        let mut told = BTreeSet::new();
        for (stream, day) in newest {
            let (plain, seal) = (layout.day(stream, day), layout.seal(stream, day));
            for _ in 0..SEAL_WAITS {
                let look = |path: &Path| self.disk().look(path).map_err(failed("look at", path));
                if look(&plain)?.is_none() {
                    break;
                }
                if look(&seal)?.is_some() {
                    told.insert((stream, day));
                    break;
                }
                std::thread::sleep(SEAL_WAIT);
            }
        }
        Ok(told)
    }

    fn cut(&self, stream: Stream) -> Result<Option<Cut>, BackupError> {
        snapshot::cut(self.journal, stream).map_err(|source| BackupError::Stream {
            stream,
            source: Box::new(source),
        })
    }

    /// The days of a stream in `logs`, their seals and `HEAD`. Those in the archive come with it.
    fn days(
        &mut self,
        stream: Stream,
        cut: Option<Cut>,
        sealed: &[Day],
    ) -> Result<(), BackupError> {
        let Some(cut) = cut else { return Ok(()) };
        let layout = self.journal.layout();
        if let Some(damage) = &cut.damage {
            let why = crate::journal::chain_of(damage);
            let note = format!("{stream} is damaged, and goes in as it is: {why}");
            self.contents.notes.push(note);
        }
        self.contents.streams.push(StreamEnd {
            stream,
            end: cut.end,
        });
        for (file, len) in cut.days.into_iter().filter(|it| it.0.place == Place::Logs) {
            let name = format!("logs/{stream}/{}.jsonl", file.day);
            let source = Source::File {
                path: file.path,
                len: Some(len),
            };
            self.push(name, source, len);
        }
        for day in sealed {
            let name = format!("logs/{stream}/{day}.jsonl.sha256");
            self.small(&layout.seal(stream, *day), &name)?;
        }
        if let Some(head) = cut.head {
            let len = head.len() as u64;
            self.push(format!("logs/{stream}/HEAD"), Source::Bytes(head), len);
        }
        Ok(())
    }

    /// Every other plain file below a folder.
    fn others(&mut self, folder: &Path, name: &str, depth: usize) -> Result<(), BackupError> {
        let meta = self
            .disk()
            .look(folder)
            .map_err(failed("look at", folder))?;
        let is_without = meta.is_some_and(|it| self.without.contains(&it.identity));
        if is_without {
            return Ok(());
        }
        if DEPTH_MAX < depth {
            let note = format!("{} is too deep, and stays out", folder.display());
            self.contents.notes.push(note);
            return Ok(());
        }
        self.note_unlisted(folder)?;
        for entry in self.list(folder)? {
            let (path, name) = (folder.join(&entry.name), format!("{name}/{}", entry.name));
            match entry.kind {
                Kind::Folder => self.others(&path, &name, depth + 1)?,
                Kind::File if !is_own_business(&name) => self.other(path, name)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Names the folder of files that nobody can name.
    fn note_unlisted(&mut self, folder: &Path) -> Result<(), BackupError> {
        let count = match self.disk().unlisted(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            counted => counted.map_err(failed("list", folder))?,
        };
        if count != 0 {
            let folder = folder.display();
            let note = format!("{folder} has {count} names that are not UTF-8, which stay out");
            self.contents.notes.push(note);
        }
        Ok(())
    }

    fn other(&mut self, path: PathBuf, name: String) -> Result<(), BackupError> {
        if self.names.contains(&name) {
            return Ok(());
        }
        // What no restore takes would make all of the backup one that nobody can restore.
        if let Err(error) = MemberName::new(name.as_bytes()) {
            self.contents.notes.push(format!("{error}, and stays out"));
            return Ok(());
        }
        let file = match self.disk().open(&path, Access::Read) {
            // Removed, or renamed, since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(failed("open", &path))?,
        };
        let len = file.look().map_err(failed("look at", &path))?.len;
        let is_archived = name.starts_with("archive/") && name.ends_with(".jsonl.gz");
        if !is_archived && has_private_key(&*file).map_err(failed("read", &path))? {
            let note = format!("{} has a private key in it, and stays out", path.display());
            self.contents.notes.push(note);
            return Ok(());
        }
        // A torn tail loses the end of its name once it was told of.
        let is_renamed = name.ends_with(".new") && len <= SMALL_LEN_MAX;
        let source = match is_renamed {
            true => {
                let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
                let read = disk::read_full(&*file, &mut bytes, 0).map_err(failed("read", &path))?;
                bytes.truncate(read);
                Source::Bytes(bytes)
            }
            false => Source::File { path, len: None },
        };
        self.push(name, source, len);
        Ok(())
    }

    fn config(&mut self) -> Result<(), BackupError> {
        for given in &self.extra.config {
            let path = self.extra.base.join(given);
            let Some(name) = given.file_name() else {
                return Err(BackupError::Config { path });
            };
            let name = format!("config/{}", name.to_string_lossy());
            let is_there = self.disk().look(&path).map_err(failed("look at", &path))?;
            let is_file = is_there.is_some_and(|it| it.kind == Kind::File);
            if !is_file || self.names.contains(&name) {
                return Err(BackupError::Config { path });
            }
            self.other(path, name)?;
        }
        Ok(())
    }
}

/// Of no use to a copy, made anew by it, or gathered before.
fn is_own_business(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    let is_temporary = last.starts_with('.') && (last.ends_with(".tmp") || last.ends_with(".part"));
    let parts: Vec<&str> = name.split('/').collect();
    let is_of_journal = match parts.as_slice() {
        [
            "logs",
            "KEEP" | "NIGHTLY" | "BACKUPS" | ".JOURNAL.lock" | ".BACKUPS.lock" | ".BACKUPS.write",
        ] => true,
        ["logs", "JOURNAL" | "EXPORTED" | "KEYRING"] => true,
        ["logs", stream, file] if stream.parse::<Stream>().is_ok() => {
            let day = file
                .strip_suffix(".jsonl")
                .or_else(|| file.strip_suffix(".jsonl.sha256"));
            let is_day = day.is_some_and(|it| it.parse::<Day>().is_ok());
            is_day || ["LOCK", "HEAD", "checkpoints.log"].contains(file)
        }
        _ => false,
    };
    is_temporary || is_of_journal
}

/// Whether the private half of a key is in a file: a root key, a key of the key folder, or one of other
/// programs.
fn has_private_key(file: &dyn File) -> io::Result<bool> {
    const OVERLAP: usize = 256;
    let mut block = vec![0; 1 << 20];
    let (mut offset, mut held) = (0, 0);
    loop {
        let free = block.get_mut(held..).unwrap_or_default();
        let read = disk::read_full(file, free, offset)?;
        let filled = held + read;
        if is_private(block.get(..filled).unwrap_or_default()) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        offset += read as u64;
        held = filled.min(OVERLAP);
        block.copy_within(filled - held..filled, 0);
    }
}

fn is_private(bytes: &[u8]) -> bool {
    let finds = |it: &[u8]| memchr::memmem::find(bytes, it);
    let pem = || {
        let begin = finds(b"-----BEGIN ")?;
        let rest = bytes.get(begin..)?;
        memchr::memmem::find(rest, b"PRIVATE KEY-----")
    };
    let seed = || {
        finds(b"\"kind\":\"ratchet\"").or_else(|| finds(b"\"kind\":\"static\""))?;
        finds(b"\"seed\":\"")
    };
    finds(b"PRIVATE+KEY+").or_else(pem).or_else(seed).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_is_known_by_what_is_in_it() {
        for text in [
            "PRIVATE+KEY+demo/root+0000+AAAA",
            "x\n-----BEGIN OPENSSH PRIVATE KEY-----\n",
            "-----BEGIN PRIVATE KEY-----",
            r#"{"format":1,"journal":"demo","kind":"ratchet","day":"2026-11-21","seed":"00"}"#,
        ] {
            assert!(is_private(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "-----BEGIN PUBLIC KEY-----",
            "demo/root+0000+AAAA",
            r#"{"seed":"7"}"#,
        ] {
            assert!(!is_private(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn locks_and_what_is_made_anew_stay_out() {
        for name in [
            "logs/KEEP",
            "logs/.BACKUPS.write",
            "logs/trades/LOCK",
            "logs/.KEYRING.tmp",
            "archive/trades/2025/.2025-10-26.jsonl.gz.tmp",
        ] {
            assert!(is_own_business(name), "{name}");
        }
        for name in [
            "logs/data/LOCK",
            "logs/trades/torn/2025-10-26.17",
            "logs/bot.log",
            "logs/other/HEAD",
        ] {
            assert!(!is_own_business(name), "{name}");
        }
    }
}
