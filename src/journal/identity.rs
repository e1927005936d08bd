//! `JOURNAL`: which journal a folder is.

use std::{io, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::layout::Layout;
use crate::disk;
use crate::disk::Disk;

/// The only format there is.
const FORMAT: u32 = 1;
const IDENTITY_LEN_MAX: u64 = 64 << 10;

/// What `JOURNAL` says.
///
/// The name goes into the first hash of every stream, so that a line of one journal is no line of
/// another; the epoch counts restores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    format: u32,
    name: String,
    epoch: u64,
}

/// Why `JOURNAL` is not what it must be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// It cannot be read or written.
    #[error("read or write {}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It is not the JSON that it must be.
    #[error("{} is damaged; put back its copy from a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A newer program wrote it.
    #[error("{} is of format {format}, this program knows format {FORMAT}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format that it says.
        format: u32,
    },
    /// There are streams, but the file that their first hash was made from is gone.
    #[error("{} is missing, but {} has days", path.display(), folder.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// A stream's folder.
        folder: PathBuf,
    },
    /// A name that is blank, too long or has a space or a control character in it.
    #[error("`{name}` cannot name a journal: 1 to 64 visible ASCII characters without a space")]
    Name {
        /// The name.
        name: String,
    },
    /// The folder is already another journal.
    #[error("{} is the journal `{found}`, not `{wanted}`", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// The name in the file.
        found: String,
        /// The name asked for.
        wanted: String,
    },
}

impl Identity {
    /// A new journal's identity.
    ///
    /// # Errors
    /// [`IdentityError::Name`] when `name` is not 1 to 64 visible ASCII characters.
    pub fn new(name: &str) -> Result<Identity, IdentityError> {
        let visible = name.bytes().all(|it| it.is_ascii_graphic());
        if !visible || name.is_empty() || 64 < name.len() {
            return Err(IdentityError::Name {
                name: name.to_owned(),
            });
        }
        Ok(Identity {
            format: FORMAT,
            name: name.to_owned(),
            epoch: 0,
        })
    }

    /// The journal's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many times the journal was restored from a backup.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The same journal, going on from a backup under the epoch after this one and after `other`, which some
    /// other copy of it has come to.
    #[must_use]
    pub(crate) fn restored(&self, other: u64) -> Identity {
        Identity {
            epoch: self.epoch.max(other).saturating_add(1),
            ..self.clone()
        }
    }

    /// Reads the identity; `None` when the folder has none.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub fn read(disk: &dyn Disk, layout: &Layout) -> Result<Option<Identity>, IdentityError> {
        let path = layout.journal();
        let bytes = match disk::read_small(disk, &path, IDENTITY_LEN_MAX) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(None),
            Err(source) => return Err(IdentityError::Disk { path, source }),
        };
        let identity: Identity = match serde_json::from_slice(&bytes) {
            Ok(identity) => identity,
            Err(source) => return Err(IdentityError::Damaged { path, source }),
        };
        if identity.format != FORMAT {
            return Err(IdentityError::Newer {
                path,
                format: identity.format,
            });
        }
        // The name goes into hashes and paths of proofs: hold it to what `new` holds it to.
        Identity::new(&identity.name)?;
        Ok(Some(identity))
    }

    /// Writes the identity durably.
    ///
    /// # Errors
    /// [`IdentityError::Disk`].
    pub fn write(&self, disk: &dyn Disk, layout: &Layout) -> Result<(), IdentityError> {
        let path = layout.journal();
        let mut bytes = serde_json::to_vec(self).map_err(|source| IdentityError::Damaged {
            path: path.clone(),
            source,
        })?;
        bytes.push(b'\n');
        disk::replace(disk, &path, &bytes).map_err(|source| IdentityError::Disk { path, source })
    }
}
