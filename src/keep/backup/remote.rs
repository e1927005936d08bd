//! A folder of another host as a target, by the system's `ssh` and `rsync`.
//!
//! Always true:
//! - Both are started with a list of arguments, never through a shell of this machine; what the other
//!   host's shell reads is quoted.
//! - A file has the name of a backup only when the other host has read it back with the right SHA-256.
//! - Nobody is asked for a password: what ssh cannot do by itself fails.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Place;
use super::error::{BackupError, failed};
use super::folder::{self, LATEST, LATEST_PART, hash, is_left, part_of};
use super::rotation::BackupName;
use super::target::Remote;
use super::unpack::damaged;
use crate::disk::{Access, Disk};
use crate::record::Digest;

/// A connection that says nothing for four times as many seconds is dead.
const OPTIONS: [&str; 5] = [
    "-oBatchMode=yes",
    "-oConnectTimeout=15",
    "-oServerAliveInterval=15",
    "-oServerAliveCountMax=4",
    "-oClearAllForwardings=yes",
];
/// What a shell says of a program that it does not have.
const NOT_FOUND: i32 = 127;

/// How other hosts are reached, beside what ssh's own files say.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Ssh {
    /// The port.
    pub port: Option<u16>,
    /// The file of ssh's settings, in the place of its own.
    pub config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Host<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) ssh: &'a Ssh,
    pub(super) remote: &'a Remote,
    /// Where a backup is fetched to, to be read back here.
    pub(super) scratch: &'a Path,
}

/// How a program ended, and what it said.
struct Ended {
    code: Option<i32>,
    out: String,
    error: String,
}

impl Ssh {
    fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = OPTIONS.map(str::to_owned).to_vec();
        if let Some(port) = self.port {
            arguments.push(format!("-p{port}"));
        }
        if let Some(config) = &self.config {
            arguments.push("-F".to_owned());
            arguments.push(config.display().to_string());
        }
        arguments
    }

    /// The same in one word, as rsync takes apart what it starts: with quotes that are doubled inside.
    fn for_rsync(&self) -> String {
        let quoted = |it: String| match it.contains([' ', '\'', '"']) {
            true => format!("'{}'", it.replace('\'', "''")),
            false => it,
        };
        let words: Vec<String> = self.arguments().into_iter().map(quoted).collect();
        format!("ssh {}", words.join(" "))
    }
}

/// A word as a POSIX shell reads it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The name and the length of the file of which a line of `ls -ln` tells. Its name is all that stands behind
/// the eighth field and one blank, blanks included.
fn listed(line: &str) -> Option<(String, u64)> {
    let (mut rest, mut len) = (line.strip_prefix('-')?, None);
    for field in 0..8 {
        let (word, after) = rest.trim_start_matches(' ').split_once(' ')?;
        if field == 4 {
            len = word.parse().ok();
        }
        rest = after;
    }
    Some((rest.to_owned(), len?))
}

impl Host<'_> {
    fn file(&self, name: &str) -> String {
        quoted(&format!("{}/{name}", self.remote.path()))
    }

    fn end(program: &'static str, command: &mut Command) -> Result<Ended, BackupError> {
        let ran = command.stdin(Stdio::null()).output();
        let ran = ran.map_err(|source| BackupError::NoProgram { program, source })?;
        Ok(Ended {
            code: ran.status.code(),
            out: String::from_utf8_lossy(&ran.stdout).into_owned(),
            error: String::from_utf8_lossy(&ran.stderr).into_owned(),
        })
    }

    fn failed(&self, program: &'static str, ended: &Ended) -> BackupError {
        let said: Vec<&str> = ended.error.lines().map(str::trim).collect();
        let said = said.join("; ");
        let said = match (said.is_empty(), ended.code) {
            (false, _) => said,
            (true, Some(code)) => format!("it ended with code {code}"),
            (true, None) => "it was killed".to_owned(),
        };
        BackupError::Program {
            program,
            target: format!("{}:{}", self.remote.login(), self.remote.path()),
            said,
        }
    }

    /// Runs a line in the other host's shell.
    fn ssh(&self, line: &str) -> Result<Ended, BackupError> {
        let mut command = Command::new("ssh");
        command.args(self.ssh.arguments()).arg("--");
        // ssh wants an IPv6 address without its brackets.
        command.arg(self.remote.login().replace(['[', ']'], ""));
        command.arg(line);
        Host::end("ssh", &mut command)
    }

    fn ssh_fine(&self, line: &str) -> Result<String, BackupError> {
        let ended = self.ssh(line)?;
        match ended.code {
            Some(0) => Ok(ended.out),
            _ => Err(self.failed("ssh", &ended)),
        }
    }

    /// What is in the folder, and how long each file is.
    fn entries(&self, before: &str) -> Result<Vec<(String, u64)>, BackupError> {
        let folder = quoted(self.remote.path());
        let line = format!("{before}LC_ALL=C ls -lnA -- {folder}");
        let out = self.ssh_fine(&line)?;
        Ok(out.lines().filter_map(listed).collect())
    }

    fn copy(&self, from: &str, to: &str) -> Result<(), BackupError> {
        let mut command = Command::new("rsync");
        command.args(["--protect-args", "--inplace", "--whole-file"]);
        command.args(["--chmod=F600", "--perms", "--timeout=120"]);
        command.arg(format!("--rsh={}", self.ssh.for_rsync()));
        command.args(["--", from, to]);
        let ended = Host::end("rsync", &mut command)?;
        match ended.code {
            Some(0) => Ok(()),
            _ => Err(self.failed("rsync", &ended)),
        }
    }

    fn remote(&self, name: &str) -> String {
        format!("{}:{}/{name}", self.remote.login(), self.remote.path())
    }

    /// The SHA-256 of a file there: by the other host, or here where it cannot tell.
    fn hash(&self, name: &str) -> Result<Digest, BackupError> {
        let ended = self.ssh(&format!("sha256sum < {}", self.file(name)))?;
        match ended.code {
            Some(0) => {
                let digits = ended.out.split_whitespace().next().unwrap_or_default();
                digits.parse().map_err(|_| self.failed("ssh", &ended))
            }
            Some(NOT_FOUND) => {
                folder::make(self.disk, self.scratch)?;
                let path = self.scratch.join(".read-back.part");
                self.copy(&self.remote(name), &local(&path)?)?;
                let file = self.disk.open(&path, Access::Read);
                let file = file.map_err(failed("open", &path))?;
                let found = hash(&*file).map_err(failed("read", &path));
                let _ = self.disk.remove(&path);
                found
            }
            _ => Err(self.failed("ssh", &ended)),
        }
    }
}

/// A path of this machine, which rsync cannot take for another host's.
fn local(path: &Path) -> Result<String, BackupError> {
    let path = std::path::absolute(path).map_err(failed("look at", path))?;
    Ok(path.display().to_string())
}

impl Place for Host<'_> {
    fn prepare(&self, journal: &str) -> Result<(), BackupError> {
        let folder = quoted(self.remote.path());
        let entries = self.entries(&format!("umask 077 && mkdir -p -- {folder} && "))?;
        let mut left = entries.iter().filter(|it| is_left(&it.0, journal));
        left.try_for_each(|(name, _)| self.remove(name))
    }

    fn list(&self) -> Result<Vec<(BackupName, u64)>, BackupError> {
        let entries = self.entries("")?.into_iter();
        Ok(entries
            .filter_map(|(name, len)| Some((name.parse().ok()?, len)))
            .collect())
    }

    fn put(&self, from: &Path, name: &BackupName, sha256: Digest) -> Result<(), BackupError> {
        let (part, last) = (part_of(name), name.to_string());
        let put = self
            .copy(&local(from)?, &self.remote(&part))
            .and_then(|()| {
                let file = self.file(&part);
                // Order matters: one that failed is no success because another one, which tells nothing, ran.
                self.ssh_fine(&format!(
                    "if sync --help 2>&1 | grep -q -e --data; then sync -d -- {file}; else sync; fi"
                ))
            })
            .and_then(|_| self.hash(&part))
            .and_then(|found| match found == sha256 {
                true => Ok(()),
                false => Err(damaged(
                    Path::new(&self.remote(&part)),
                    "the other host gives back something else",
                )),
            });
        if put.is_err() {
            // The next run clears what cannot be removed now.
            let _ = self.remove(&part);
        }
        put?;
        let (part, last) = (self.file(&part), self.file(&last));
        self.ssh_fine(&format!("mv -f -- {part} {last} && sync"))
            .map(drop)
    }

    /// By a second name, or by a copy where the other host has no second names.
    fn make_latest(&self, name: &BackupName) -> Result<(), BackupError> {
        let file = self.file(&name.to_string());
        let (part, latest) = (self.file(LATEST_PART), self.file(LATEST));
        let line = format!(
            "rm -f -- {part} && {{ ln -- {file} {part} 2>/dev/null || cp -- {file} {part}; }} && \
             mv -f -- {part} {latest} && sync || {{ rm -f -- {part}; exit 1; }}"
        );
        self.ssh_fine(&line).map(drop)
    }

    fn remove(&self, name: &str) -> Result<(), BackupError> {
        self.ssh_fine(&format!("rm -f -- {}", self.file(name)))
            .map(drop)
    }

    fn fetch(&self, name: &str, to: &Path) -> Result<(), BackupError> {
        self.copy(&self.remote(name), &local(to)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_its_blanks_and_only_files_are_listed() {
        let name = "a-20251026T120000.000Z.tar.gz";
        let listed = |name: &str| {
            let line = format!("-rw-------   1 0 0   52 Oct  6  2025 {name}");
            listed(&line).unwrap()
        };
        assert_eq!(listed(name), (name.to_owned(), 52));
        let other = format!("copy  of {name}");
        assert_eq!(listed(&other), (other.clone(), 52));
        let other = format!(" {name}");
        assert_eq!(listed(&other), (other.clone(), 52));
        for line in [
            "total 4",
            "drwx------ 2 0 0 40 Oct 26 12:00 folder",
            "lrwxrwxrwx 1 0 0 4 Oct 26 12:00 link -> file",
            "-rw------- 1 0 0",
            "",
        ] {
            assert_eq!(super::listed(line), None, "{line}");
        }
    }

    #[test]
    fn words_are_quoted_for_whoever_reads_them() {
        assert_eq!(quoted("a b$(x)'y"), "'a b$(x)'\\''y'");
        let ssh = Ssh {
            port: Some(2222),
            config: Some("/home/it's me/config".into()),
        };
        let words = ssh.for_rsync();
        assert!(
            words.ends_with("-p2222 -F '/home/it''s me/config'"),
            "{words}"
        );
    }
}
