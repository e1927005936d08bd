//! `MANIFEST.json`: what a backup is of, and every file in it.
//!
//! Always true: it is the last member, so that a backup that was cut off anywhere has none, and is made
//! while the files pass by.

use serde::{Deserialize, Serialize};

use crate::record::{Digest, Stream};
use crate::time::Timestamp;

/// The only version there is.
const VERSION: u32 = 1;

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Manifest {
    /// The journal's name.
    pub journal: String,
    /// How often the journal had been restored.
    pub epoch: u64,
    /// When it was made.
    pub time: Timestamp,
    /// By which version of the program.
    pub version: String,
    /// How far each stream goes in it.
    pub streams: Vec<StreamEnd>,
    /// Its files, in their order.
    pub files: Vec<FileEntry>,
}

/// How far a stream goes in a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamEnd {
    /// The stream.
    pub stream: Stream,
    /// How many lines it has had, and the last one's hash; `None` where it was damaged.
    pub end: Option<(u64, Digest)>,
}

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileEntry {
    /// Where it is, from the folder of the journal's folders on.
    pub path: String,
    /// How long it is.
    pub bytes: u64,
    /// The nine bits of its mode.
    pub mode: u32,
    /// The SHA-256 over it.
    pub sha256: Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    tradejournal_backup: u32,
    journal: String,
    epoch: u64,
    time: String,
    version: String,
    streams: Vec<RawStream>,
    files: Vec<RawFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStream {
    stream: String,
    lines: Option<u64>,
    hash: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    path: String,
    bytes: u64,
    mode: String,
    sha256: String,
}

impl Manifest {
    /// Its text.
    pub(super) fn bytes(&self) -> serde_json::Result<Vec<u8>> {
        let streams = self.streams.iter().map(|it| RawStream {
            stream: it.stream.name().to_owned(),
            lines: it.end.map(|it| it.0),
            hash: it.end.map(|it| it.1.to_string()),
        });
        let files = self.files.iter().map(|it| RawFile {
            path: it.path.clone(),
            bytes: it.bytes,
            mode: format!("{:04o}", it.mode),
            sha256: it.sha256.to_string(),
        });
        let raw = Raw {
            tradejournal_backup: VERSION,
            journal: self.journal.clone(),
            epoch: self.epoch,
            time: self.time.to_string(),
            version: self.version.clone(),
            streams: streams.collect(),
            files: files.collect(),
        };
        let mut bytes = serde_json::to_vec_pretty(&raw)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads one, or says why it is none.
    pub(super) fn parse(bytes: &[u8]) -> Result<Manifest, String> {
        let raw: Raw = serde_json::from_slice(bytes).map_err(|it| it.to_string())?;
        if raw.tradejournal_backup != VERSION {
            let version = raw.tradejournal_backup;
            return Err(format!(
                "it is of version {version}, this program knows version {VERSION}"
            ));
        }
        let streams: Option<Vec<_>> = raw.streams.iter().map(RawStream::parse).collect();
        let files: Option<Vec<_>> = raw.files.into_iter().map(RawFile::parse).collect();
        let time: Option<Timestamp> = raw.time.parse().ok();
        let (Some(streams), Some(files), Some(time)) = (streams, files, time) else {
            return Err("its values are none that it can have".to_owned());
        };
        Ok(Manifest {
            journal: raw.journal,
            epoch: raw.epoch,
            time,
            version: raw.version,
            streams,
            files,
        })
    }
}

impl RawStream {
    fn parse(&self) -> Option<StreamEnd> {
        let end = match (self.lines, &self.hash) {
            (Some(lines), Some(hash)) => Some((lines, hash.parse().ok()?)),
            (None, None) => None,
            _ => return None,
        };
        let stream = self.stream.parse().ok()?;
        Some(StreamEnd { stream, end })
    }
}

impl RawFile {
    fn parse(self) -> Option<FileEntry> {
        let mode = u32::from_str_radix(&self.mode, 8).ok()?;
        Some(FileEntry {
            path: self.path,
            bytes: self.bytes,
            mode: (mode <= 0o777).then_some(mode)?,
            sha256: self.sha256.parse().ok()?,
        })
    }
}
