//! The key folder: the one secret that signs today, beside the journal and never in it.
//!
//! ```text
//! keys/key      {"format":1,"journal":"...","kind":"ratchet","day":"2026-11-21","seed":"<64 hex>"}
//! keys/verifier what checks the journal's signatures, one key a line: a copy for convenience, which
//!               proves nothing
//! keys/LOCK     held while the key is read and moved on
//! logs/KEYRING  every ring, one after the other: public, part of the journal and of its backups
//! ```
//!
//! Always true:
//! - Of a ratchet only the newest day's seed is kept: it is replaced as a whole before the first
//!   signature of a new day, so whoever copies it cannot sign an earlier day.
//! - Nothing is signed with a key that the ring does not have for the day.
//! - `KEYRING` only grows, and is replaced as a whole.
//!
//! Refused: signing on a day before the seed's. A clock that went back does not bring old keys back.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};

use super::note::{self, SignatureKind, VerifierKey};
use super::proof::static_name;
use super::ring::{RING_DAYS, Ring, RingError, RootKey, Seed, day_key};
use crate::disk;
use crate::disk::{Access, Disk};
use crate::journal::Journal;
use crate::record::Digest;
use crate::time::Day;

const FORMAT: u32 = 1;
const KEY_LEN_MAX: u64 = 64 << 10;
/// Signing takes milliseconds; whoever has the lock for two seconds hangs.
const LOCK_TRIES: u32 = 400;
const LOCK_POLL: Duration = Duration::from_millis(5);
/// Some hundred years.
const KEYRING_LEN_MAX: u64 = 4 << 20;

/// Where a journal's secret is.
#[derive(Clone, Debug)]
pub struct KeyFolder {
    disk: Arc<dyn Disk>,
    path: PathBuf,
}

/// A key that may sign now, and until which day.
#[derive(Clone, Debug)]
pub struct Signing {
    key: SigningKey,
    verifier: VerifierKey,
    /// The one day it may sign on; `None` for a static key.
    day: Option<Day>,
}

/// What a key folder holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyState {
    /// No key: nothing is signed.
    None,
    /// One key for ever.
    Static {
        /// What checks its signatures.
        verifier: VerifierKey,
    },
    /// A key a day.
    Ratchet {
        /// The newest day that was signed on, or the first that can be.
        day: Day,
        /// The last day that a ring has this ratchet's key for.
        last: Option<Day>,
    },
}

/// Why a key cannot be had, made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The disk failed.
    #[error("{operation} {}", path.display())]
    Disk {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// There is no key.
    #[error("there is no key in {}", path.display())]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// There is one already.
    #[error("{} has a key already", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// The file is no key of ours.
    #[error("{} is damaged or no key: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The key is of another journal.
    #[error("{} is a key of the journal `{found}`, not of `{wanted}`", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        wanted: String,
    },
    /// The ring file cannot be read.
    #[error("{} has a damaged ring at byte {byte}", path.display())]
    Keyring {
        /// The file.
        path: PathBuf,
        /// Where it begins.
        byte: u64,
        /// What is wrong with it.
        source: RingError,
    },
    /// The clock shows a day before the one whose key is kept.
    #[error("today is {today}, but the key is of {day}: keys of earlier days are gone")]
    Behind {
        /// What the clock says.
        today: Day,
        /// The key's day.
        day: Day,
    },
    /// No ring has that key for that day.
    #[error("the ring has no key for {day}; its last is for {}", shown(*last))]
    OutOfRing {
        /// The day.
        day: Day,
        /// The last day that a ring has a key of ours for.
        last: Option<Day>,
    },
    /// Another process is at it, and does not let go.
    #[error("{} is held by another process", path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
    },
    /// The newest ring was signed with another root key than this one of the same name.
    #[error("the newest ring in {} was signed with another root key", path.display())]
    OtherRoot {
        /// The file.
        path: PathBuf,
    },
    /// The key folder is inside the journal, where every copy of the journal would have it.
    #[error("{} is inside the journal: whoever copies the journal would have the key", path.display())]
    InJournal {
        /// The folder.
        path: PathBuf,
    },
    /// The root key is of another journal.
    #[error("the root key `{name}` is not of the journal `{journal}`")]
    Root {
        /// The root key's name.
        name: String,
        /// The journal.
        journal: String,
    },
}

fn shown(day: Option<Day>) -> String {
    day.map_or_else(|| "no day at all".to_owned(), |it| it.to_string())
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKey {
    format: u32,
    journal: String,
    kind: Kind,
    day: Option<String>,
    seed: String,
}

/// What the key file holds.
struct Held {
    journal: String,
    seed: Seed,
    /// The day whose seed it is; `None` for a static key.
    day: Option<Day>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Ratchet,
    Static,
}

impl KeyFolder {
    /// The key folder at `path`, which need not be there.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, path: impl Into<PathBuf>) -> KeyFolder {
        let path = path.into();
        KeyFolder { disk, path }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins a ratchet with `seed` on `today` and a ring of a year, signed with `root`.
    ///
    /// The root key is not kept anywhere: hand it out before this is called.
    ///
    /// # Errors
    /// [`KeyError::Exists`] when there is a key, and the disk's.
    pub fn begin(
        &self,
        keyring: &Keyring,
        root: &RootKey,
        seed: [u8; 32],
        today: Day,
    ) -> Result<Ring, KeyError> {
        let _lock = self.lock_empty(keyring)?;
        // A ring without its key: a begin that broke off, or a key folder that was lost. The same root
        // key may go on with it.
        keyring.refuse_other(root)?;
        self.begin_ratchet(keyring, root, seed, today)
    }

    /// Keeps one key for ever, without a ring.
    ///
    /// # Errors
    /// [`KeyError::Exists`] when there is a key, and the disk's.
    pub fn begin_static(&self, keyring: &Keyring, seed: [u8; 32]) -> Result<VerifierKey, KeyError> {
        let journal = &keyring.journal;
        let _lock = self.lock_empty(keyring)?;
        let seed = Seed::from_bytes(seed);
        let verifier =
            static_key(journal, &seed).ok_or_else(|| self.damaged("its name cannot name a key"))?;
        self.note_verifier(&verifier)?;
        self.write(journal, None, &seed)?;
        Ok(verifier)
    }

    /// A ring for another year behind the last one, which the same ratchet goes on into; with a
    /// `fresh` seed, a new ratchet from `today` on, for when the old seed was lost or seen.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn renew(
        &self,
        keyring: &Keyring,
        root: &RootKey,
        fresh: Option<[u8; 32]>,
        today: Day,
    ) -> Result<Ring, KeyError> {
        self.make_folder(keyring)?;
        let _lock = self.lock()?;
        keyring.refuse_other(root)?;
        if let Some(seed) = fresh {
            return self.begin_ratchet(keyring, root, seed, today);
        }
        let held = self.own(&keyring.journal)?;
        let Some(day) = held.day else {
            return Err(self.damaged("a static key has no ring"));
        };
        let last = last_day(&keyring.good()?, &held.journal, &held.seed, day);
        let first = last.map_or(today, Day::next).max(today).max(day);
        let seed = held.seed.after(day, first);
        let ring = keyring.sign(root, first, seed.public_keys(RING_DAYS))?;
        keyring.add(&ring)?;
        Ok(ring)
    }

    /// A ring of a new root key and a new ratchet from `today` on, for when the old root key was lost or
    /// seen. What the old one vouched for stays signed with it, so whoever checks needs both verifier keys
    /// from then on.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn replace_root(
        &self,
        keyring: &Keyring,
        root: &RootKey,
        seed: [u8; 32],
        today: Day,
    ) -> Result<Ring, KeyError> {
        self.make_folder(keyring)?;
        let _lock = self.lock()?;
        self.begin_ratchet(keyring, root, seed, today)
    }

    /// Order matters: a key that no ring has could not sign, and could not be begun again.
    fn begin_ratchet(
        &self,
        keyring: &Keyring,
        root: &RootKey,
        seed: [u8; 32],
        today: Day,
    ) -> Result<Ring, KeyError> {
        let seed = Seed::from_bytes(seed);
        let ring = keyring.sign(root, today, seed.public_keys(RING_DAYS))?;
        keyring.add(&ring)?;
        self.note_verifier(root.verifier())?;
        self.write(&keyring.journal, Some(today), &seed)?;
        Ok(ring)
    }

    /// The key that signs on `today`, after the secrets of all days before it are gone.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn signing(&self, keyring: &Keyring, today: Day) -> Result<Signing, KeyError> {
        let folder = self.disk.look(&self.path);
        if folder.map_err(failed("look at", &self.path))?.is_none() {
            return Err(self.missing());
        }
        let _lock = self.lock()?;
        let held = self.own(&keyring.journal)?;
        // Order matters: whoever put the key or its ring there may have been cut off before the name
        // was on disk, and what a power cut brings back must not be older than what was signed.
        self.disk
            .sync_folder(&self.path)
            .map_err(failed("sync", &self.path))?;
        keyring.sync_name()?;
        let Some(day) = held.day else {
            let verifier = static_key(&held.journal, &held.seed);
            return Ok(Signing {
                key: held.seed.key(),
                verifier: verifier.ok_or_else(|| self.damaged("its name cannot name a key"))?,
                day: None,
            });
        };
        if today < day {
            return Err(KeyError::Behind { today, day });
        }
        let rings = keyring.good()?;
        let last = last_day(&rings, &held.journal, &held.seed, day);
        let out_of_ring = || KeyError::OutOfRing { day: today, last };
        // A clock far in the future must not use up the keys of the days between.
        if last.is_none_or(|it| it < today) {
            return Err(out_of_ring());
        }
        let seed = held.seed.after(day, today);
        let key = seed.key();
        let public = key.verifying_key().to_bytes();
        let verifier = day_key(&held.journal, today, public).ok_or_else(out_of_ring)?;
        let is_known = |ring: &Ring| ring.key_of(today).as_ref() == Some(&verifier);
        if !rings.iter().any(is_known) {
            return Err(out_of_ring());
        }
        if day < today {
            // Order matters: the older secrets are gone before the new key signs anything.
            self.write(&held.journal, Some(today), &seed)?;
        }
        Ok(Signing {
            key,
            verifier,
            day: Some(today),
        })
    }

    /// What is there.
    ///
    /// # Errors
    /// [`KeyError`] when it cannot be read.
    pub fn state(&self, keyring: &Keyring) -> Result<KeyState, KeyError> {
        let Some(held) = self.read()? else {
            return Ok(KeyState::None);
        };
        Ok(match held.day {
            Some(day) => KeyState::Ratchet {
                day,
                last: last_day(&keyring.good()?, &held.journal, &held.seed, day),
            },
            None => KeyState::Static {
                verifier: static_key(&held.journal, &held.seed)
                    .ok_or_else(|| self.damaged("its name cannot name a key"))?,
            },
        })
    }

    /// The verifier keys that were noted when the keys were made, oldest first, for whoever has no better
    /// ones: one, or one more for each time that the root key was replaced.
    ///
    /// # Errors
    /// The disk's. A note that is no key is none.
    pub fn verifiers(&self) -> Result<Vec<VerifierKey>, KeyError> {
        let path = self.path.join("verifier");
        let bytes =
            disk::read_small(&*self.disk, &path, KEY_LEN_MAX).map_err(failed("read", &path))?;
        let text = String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default();
        let keys = text.lines().filter_map(|it| it.trim().parse().ok());
        Ok(keys.collect())
    }

    fn note_verifier(&self, verifier: &VerifierKey) -> Result<(), KeyError> {
        let path = self.path.join("verifier");
        let mut all = self.verifiers()?;
        all.retain(|it| it != verifier);
        all.push(verifier.clone());
        let text: String = all.iter().map(|it| format!("{it}\n")).collect();
        disk::replace(&*self.disk, &path, text.as_bytes()).map_err(failed("write", &path))
    }

    fn own(&self, journal: &str) -> Result<Held, KeyError> {
        let held = self.read()?.ok_or_else(|| self.missing())?;
        if held.journal != journal {
            return Err(KeyError::Other {
                path: self.file(),
                found: held.journal,
                wanted: journal.to_owned(),
            });
        }
        Ok(held)
    }

    fn read(&self) -> Result<Option<Held>, KeyError> {
        let path = self.file();
        let Some(bytes) =
            disk::read_small(&*self.disk, &path, KEY_LEN_MAX).map_err(failed("read", &path))?
        else {
            return Ok(None);
        };
        let raw: RawKey =
            serde_json::from_slice(&bytes).map_err(|it| self.damaged(&it.to_string()))?;
        let wrong = || self.damaged("its fields do not fit together");
        let seed: Digest = raw.seed.parse().map_err(|_| wrong())?;
        let day = raw
            .day
            .map(|it| it.parse())
            .transpose()
            .map_err(|_| wrong())?;
        if (raw.kind == Kind::Ratchet) != day.is_some() || raw.format != FORMAT {
            return Err(wrong());
        }
        Ok(Some(Held {
            journal: raw.journal,
            seed: Seed::from_bytes(*seed.as_bytes()),
            day,
        }))
    }

    fn write(&self, journal: &str, day: Option<Day>, seed: &Seed) -> Result<(), KeyError> {
        let raw = RawKey {
            format: FORMAT,
            journal: journal.to_owned(),
            kind: match day {
                Some(_) => Kind::Ratchet,
                None => Kind::Static,
            },
            day: day.map(|it| it.to_string()),
            seed: Digest::from_bytes(*seed.bytes()).to_string(),
        };
        let path = self.file();
        let mut bytes = serde_json::to_vec(&raw).map_err(|it| self.damaged(&it.to_string()))?;
        bytes.push(b'\n');
        disk::replace(&*self.disk, &path, &bytes).map_err(failed("write", &path))
    }

    /// Holds the folder, in which there must be no key yet.
    fn lock_empty(&self, keyring: &Keyring) -> Result<Box<dyn disk::File>, KeyError> {
        self.make_folder(keyring)?;
        let lock = self.lock()?;
        match self.read()? {
            None => Ok(lock),
            Some(_) => Err(KeyError::Exists {
                path: self.path.clone(),
            }),
        }
    }

    /// What is in the journal's folder goes into its backups, and the key must not.
    fn make_folder(&self, keyring: &Keyring) -> Result<(), KeyError> {
        let logs = keyring.path.parent();
        let logs = logs.filter(|it| !it.as_os_str().is_empty());
        if logs.is_some_and(|it| self.path.starts_with(it)) {
            return Err(KeyError::InJournal {
                path: self.path.clone(),
            });
        }
        let made = match self.path.parent().filter(|it| !it.as_os_str().is_empty()) {
            Some(parent) => self
                .disk
                .create_folder(&self.path)
                .and_then(|()| self.disk.sync_folder(parent)),
            None => self.disk.create_folder(&self.path),
        };
        made.map_err(failed("make", &self.path))
    }

    /// Two processes must not move the key on at once. One that hangs with the lock holds nobody up
    /// for long: a writer that is being closed waits for whoever signs.
    pub(super) fn lock(&self) -> Result<Box<dyn disk::File>, KeyError> {
        let path = self.path.join("LOCK");
        let file = self
            .disk
            .open(&path, Access::AppendOrCreate)
            .map_err(failed("open", &path))?;
        for _ in 0..LOCK_TRIES {
            if file.try_lock().map_err(failed("lock", &path))? {
                return Ok(file);
            }
            thread::sleep(LOCK_POLL);
        }
        Err(KeyError::Locked { path })
    }

    fn file(&self) -> PathBuf {
        self.path.join("key")
    }

    pub(super) fn missing(&self) -> KeyError {
        KeyError::Missing {
            path: self.path.clone(),
        }
    }

    fn damaged(&self, why: &str) -> KeyError {
        KeyError::Damaged {
            path: self.file(),
            why: why.to_owned(),
        }
    }
}

fn failed<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> KeyError + 'a {
    move |source| KeyError::Disk {
        operation,
        path: path.to_owned(),
        source,
    }
}

/// The last day that a ring has the key for of the ratchet whose seed of `day` that is. A ring may be
/// there whose seed was lost before it was written.
fn last_day(rings: &[Ring], journal: &str, seed: &Seed, day: Day) -> Option<Day> {
    let is_own = |ring: &&Ring| {
        let first = ring.first().max(day);
        let key = seed.after(day, first).key().verifying_key().to_bytes();
        ring.key_of(first)
            .is_some_and(|it| Some(it) == day_key(journal, first, key))
    };
    rings.iter().filter(is_own).map(Ring::last).max()
}

fn static_key(journal: &str, seed: &Seed) -> Option<VerifierKey> {
    let name = static_name(journal);
    let public = seed.key().verifying_key().to_bytes();
    VerifierKey::new(&name, SignatureKind::Cosignature, public)
}

impl Signing {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// What checks its signatures.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Whether it may sign on that day.
    #[must_use]
    pub fn is_of(&self, day: Day) -> bool {
        self.day.is_none_or(|it| it == day)
    }
}

/// Where in `KEYRING` a ring begins, and the ring, or why it is none.
pub(super) type Found = (u64, Result<Ring, RingError>);

/// `logs/KEYRING`: every ring that a journal had.
#[derive(Clone, Debug)]
pub struct Keyring {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    journal: String,
}

impl Keyring {
    /// The rings of that journal, in its folder `logs`.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, logs: &Path, journal: &str) -> Keyring {
        Keyring {
            disk,
            path: logs.join("KEYRING"),
            journal: journal.to_owned(),
        }
    }

    /// The rings of a journal.
    #[must_use]
    pub fn of(journal: &Journal, name: &str) -> Keyring {
        Keyring::new(journal.disk().clone(), journal.layout().logs(), name)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All rings, oldest first; none when there is no file.
    ///
    /// # Errors
    /// The disk's, and [`KeyError::Keyring`].
    pub fn read(&self) -> Result<Vec<Ring>, KeyError> {
        let path = &self.path;
        let rings = self.list()?.into_iter().map(|(byte, ring)| {
            ring.map_err(|source| KeyError::Keyring {
                path: path.clone(),
                byte,
                source,
            })
        });
        rings.collect()
    }

    /// Where each ring begins, and what it is or why it is none.
    pub(super) fn list(&self) -> Result<Vec<Found>, KeyError> {
        let bytes = self.bytes()?;
        let rings = note::notes(&bytes).map(|(byte, ring)| (byte, note::parse(ring)));
        Ok(rings.collect())
    }

    /// The rings that are some. That others are damaged keeps these from nothing.
    pub(super) fn good(&self) -> Result<Vec<Ring>, KeyError> {
        Ok(self
            .list()?
            .into_iter()
            .filter_map(|it| it.1.ok())
            .collect())
    }

    fn bytes(&self) -> Result<Vec<u8>, KeyError> {
        let bytes = disk::read_small(&*self.disk, &self.path, KEYRING_LEN_MAX);
        Ok(bytes
            .map_err(failed("read", &self.path))?
            .unwrap_or_default())
    }

    fn sync_name(&self) -> Result<(), KeyError> {
        let folder = self.path.parent();
        let synced = folder.map_or(Ok(()), |it| self.disk.sync_folder(it));
        synced.map_err(failed("sync the folder of", &self.path))
    }

    fn sign(&self, root: &RootKey, first: Day, keys: Vec<[u8; 32]>) -> Result<Ring, KeyError> {
        if !root.is_of(&self.journal) {
            return Err(KeyError::Root {
                name: root.verifier().name().to_owned(),
                journal: self.journal.clone(),
            });
        }
        Ok(root.sign(&self.journal, first, keys))
    }

    /// A ring that nobody's key vouches for could never be taken out again. One that is damaged keeps
    /// no other from being added.
    fn refuse_other(&self, root: &RootKey) -> Result<(), KeyError> {
        let newest = self.good()?.pop();
        let is_other = |it: &Ring| root.is_of(&self.journal) && !it.is_signed_by(root.verifier());
        match newest.is_some_and(|it| is_other(&it)) {
            true => Err(KeyError::OtherRoot {
                path: self.path.clone(),
            }),
            false => Ok(()),
        }
    }

    fn add(&self, ring: &Ring) -> Result<(), KeyError> {
        let mut bytes = self.bytes()?;
        let last = note::notes(&bytes).last();
        // Behind an end that is damaged nothing would be found again.
        let at = match last.map(|(at, ring)| (usize::try_from(at).unwrap_or_default(), ring.len()))
        {
            Some((at, len)) if bytes.len() <= at + len => at,
            _ => bytes.len(),
        };
        bytes.splice(at..at, format!("{ring}\n").into_bytes());
        disk::replace(&*self.disk, &self.path, &bytes).map_err(failed("write", &self.path))
    }
}
