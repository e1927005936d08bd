//! Backups over ssh, to a server of this test's own: round trips, and every way in which the way there can fail.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::{TempDir, tempdir};
use tradejournal::disk::RealDisk;
use tradejournal::journal::Journal;
use tradejournal::keep::backup::{self, Backups, Counts, Done, Run, Ssh, Target};

use super::{names_in, orders, restore, target};
use crate::sample::{journal, noon, three_days};

const SSHD: &str = "/usr/sbin/sshd";
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server on the loopback, with keys of its own, and a journal. It ends with this.
struct Server {
    folder: TempDir,
    port: u16,
    child: Child,
}

fn keygen(path: &Path) {
    let ran = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path)
        .stdin(Stdio::null())
        .status();
    assert!(ran.unwrap().success());
}

/// A server that listens on a port that was free a moment ago; none where somebody else took it.
fn listening(folder: &Path, settings: &str, before: &str) -> Option<(u16, Child)> {
    let at = |name: &str| folder.join(name).display().to_string();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
         StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
         PermitRootLogin prohibit-password\n{settings}",
        at("host"),
        at("authorized")
    );
    fs::write(at("sshd.config"), config).unwrap();
    let host = fs::read_to_string(at("host.pub")).unwrap();
    fs::write(at("known"), format!("[127.0.0.1]:{port} {host}")).unwrap();
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(format!("{before} \"$0\" \"$@\""))
        .args([SSHD, "-D", "-e", "-f", &at("sshd.config")])
        .stdin(Stdio::null())
        .stderr(fs::File::create(at("sshd.log")).unwrap())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    loop {
        let log = fs::read_to_string(at("sshd.log")).unwrap();
        // Asking by a connection could be answered by itself, where nobody listens.
        if log.contains("Server listening on") {
            return Some((port, child));
        }
        if child.try_wait().unwrap().is_some() {
            assert!(log.contains("Address already in use"), "{log}");
            return None;
        }
        assert!(begun.elapsed() < PATIENCE, "{log}");
        thread::sleep(Duration::from_millis(10));
    }
}

impl Server {
    fn start() -> Server {
        Server::start_with("", "exec")
    }

    /// A server with more settings, started by the shell's words `before`.
    fn start_with(settings: &str, before: &str) -> Server {
        let folder = tempdir().unwrap();
        three_days(folder.path());
        let at = |name: &str| folder.path().join(name).display().to_string();
        for key in ["host", "client", "stranger"] {
            keygen(Path::new(&at(key)));
        }
        fs::copy(at("client.pub"), at("authorized")).unwrap();
        // Where root's servers go while they know nobody; a container may not have it.
        let _ = fs::create_dir("/run/sshd");
        loop {
            if let Some((port, child)) = listening(folder.path(), settings, before) {
                return Server {
                    folder,
                    port,
                    child,
                };
            }
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// How this server is reached, with that key.
    fn ssh(&self, key: &str) -> Ssh {
        // A name that has to be quoted, as folders of people have.
        let config = self.at(&format!("{key}'s ssh config"));
        let text = format!(
            "IdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\nStrictHostKeyChecking yes\n",
            self.at(key).display(),
            self.at("known").display()
        );
        fs::write(&config, text).unwrap();
        let mut ssh = Ssh::default();
        ssh.port = Some(self.port);
        ssh.config = Some(config);
        ssh
    }

    fn remote(&self) -> PathBuf {
        self.at("it's far away/backups")
    }

    fn target(&self) -> Target {
        format!("127.0.0.1:{}", self.remote().display())
            .parse()
            .unwrap()
    }

    fn journal(&self) -> Journal {
        journal(self.folder.path(), &noon())
    }

    fn backups(&self, key: &str) -> Backups {
        Backups::new(&self.journal(), self.at("cache/backup")).ssh(self.ssh(key))
    }

    fn run(&self, key: &str) -> Run {
        let targets = [self.target(), target(&self.at("near"))];
        let run = self.backups(key).run(&targets, &mut |_| ()).unwrap();
        assert_eq!(names_in(&self.at("cache/backup")), [""; 0]);
        run
    }

    /// What came of the folder near by, which always works, and of the host.
    fn outcomes(&self, key: &str) -> (Done, Result<Done, String>) {
        let mut outcomes = self.run(key).outcomes.into_iter();
        let mut next = || outcomes.next().unwrap().result;
        let near = next().unwrap();
        let far = next().map_err(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            format!("{error} {}", source.unwrap_or_default())
        });
        (near, far)
    }

    /// The processes that came of the server, which serve one connection each.
    fn sessions(&self) -> Vec<Pid> {
        let mut found: Vec<i32> = vec![self.child.id().cast_signed()];
        let mut at = 0;
        while let Some(parent) = found.get(at).copied() {
            at += 1;
            for entry in fs::read_dir("/proc").unwrap().flatten() {
                let name = entry.file_name();
                let Ok(pid) = name.to_string_lossy().parse::<i32>() else {
                    continue;
                };
                let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
                let rest = stat.rsplit_once(')').map_or("", |it| it.1);
                let is_child = rest.split_whitespace().nth(1) == Some(&parent.to_string());
                if is_child && !found.contains(&pid) {
                    found.push(pid);
                }
            }
        }
        found
            .into_iter()
            .skip(1)
            .filter_map(Pid::from_raw)
            .collect()
    }

    fn cut(&self) {
        for pid in self.sessions() {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.cut();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The names of backups in a folder, whatever else is there.
fn backups_in(folder: &Path) -> Vec<String> {
    let names = names_in(folder).into_iter();
    names.filter(|it| it.starts_with("test-")).collect()
}

#[test]
fn a_backup_goes_to_another_host_and_comes_back() {
    let server = Server::start();
    let (near, far) = server.outcomes("client");
    let far = far.unwrap();
    assert_eq!(
        (near.name.clone(), near.sha256),
        (far.name.clone(), far.sha256)
    );
    let name = far.name.to_string();
    assert_eq!(
        names_in(&server.remote()),
        ["latest.tar.gz".to_owned(), name.clone()]
    );
    assert_eq!(
        fs::read(server.remote().join("latest.tar.gz")).unwrap(),
        fs::read(server.remote().join(&name)).unwrap()
    );
    let ssh = server.ssh("client");
    let list = backup::list(&RealDisk, &ssh, &server.target()).unwrap();
    assert_eq!(list, [(far.name.clone(), far.bytes)]);
    let file = server.at("fetched.tar.gz");
    backup::fetch(&RealDisk, &ssh, &server.target(), &far.name, &file).unwrap();
    let into = server.at("restored");
    restore(&file, &into).unwrap();
    assert_eq!(orders(&journal(&into, &noon())), orders(&server.journal()));
    let last = backup::last(&server.journal(), &[server.target().to_string()]).unwrap();
    assert_eq!(last[0].last.as_ref().unwrap().0, name);

    // A host alone, and one backup that stays.
    let mut counts = Counts::default();
    (counts.daily, counts.weekly, counts.monthly) = (1, 0, 0);
    fs::write(server.remote().join("notes.txt"), "mine").unwrap();
    fs::write(server.remote().join(format!(".{name}.part")), "left").unwrap();
    let backups = server.backups("client").counts(counts);
    let run = backups.run(&[server.target()], &mut |_| ()).unwrap();
    let done = run.outcomes[0].result.as_ref().unwrap();
    assert_eq!(done.choices.len(), 2);
    assert_eq!(
        names_in(&server.remote()),
        [
            "latest.tar.gz".to_owned(),
            "notes.txt".to_owned(),
            done.name.to_string()
        ]
    );
    assert_eq!(names_in(&server.at("cache/backup")), [""; 0]);
}

#[test]
fn the_program_makes_verifies_and_restores_backups_of_a_host() {
    let server = Server::start();
    let config = server.ssh("client").config.unwrap();
    let target = server.target().to_string();
    let tj = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tj"));
        let flags = ["--ssh-config", &config.display().to_string(), "--ssh-port"];
        command.current_dir(server.folder.path()).args(words);
        command.args(flags).arg(server.port.to_string());
        let ran = command.output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        String::from_utf8(ran.stdout).unwrap()
    };
    assert!(tj(&["backup", "--to", &target]).contains(", read back\n"));
    assert!(tj(&["backup", "list", "--to", &target]).contains("far away/backups"));
    assert!(tj(&["backup", "--plan", "--to", &target]).contains("  stays  test-"));
    assert!(tj(&["backup", "verify", &target]).ends_with(": whole\n"));
    assert!(tj(&["restore", &target, "--drill"]).contains("verified and removed"));
    tj(&["restore", &target, "--into", "restored"]);
    let again = journal(&server.at("restored"), &noon());
    assert_eq!(orders(&again), orders(&server.journal()));
    assert_eq!(names_in(&server.at("cache")), ["backup"]);
    assert_eq!(names_in(&server.at("cache/backup")), [""; 0]);
}

/// A folder of the programs that a host has, for its `PATH`.
fn programs(names: &[&str]) -> TempDir {
    let bin = tempdir().unwrap();
    for name in names {
        symlink(Path::new("/usr/bin").join(name), bin.path().join(name)).unwrap();
    }
    bin
}

/// What every host has that can be a target.
const PROGRAMS: [&str; 10] = [
    "sh", "bash", "env", "mkdir", "ls", "rsync", "mv", "ln", "cp", "rm",
];

/// A program of that name that is a script.
fn script(bin: &TempDir, name: &str, text: &str) {
    let path = bin.path().join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A disk that could not write what it was given is no place for a backup, though another `sync` tells
/// nothing.
#[test]
fn a_host_that_cannot_sync_a_backup_keeps_none() {
    let bin = programs(&PROGRAMS);
    for name in ["grep", "sha256sum"] {
        symlink(Path::new("/usr/bin").join(name), bin.path().join(name)).unwrap();
    }
    let path = format!("SetEnv PATH={}\n", bin.path().display());
    let server = Server::start_with(&path, "exec");
    let fails = "if [ \"$1\" = -d ]; then echo \"sync: Input/output error\" >&2; exit 1; fi";
    script(&bin, "sync", &format!("{fails}; echo ' -d, --data'"));
    let error = server.outcomes("client").1.unwrap_err();
    assert!(error.contains("Input/output error"), "{error}");
    assert_eq!(names_in(&server.remote()), [""; 0]);
    // One that cannot sync a single file syncs all.
    script(&bin, "sync", &format!("{fails}; echo ' -f'"));
    server.outcomes("client").1.unwrap();
}

/// A backup that is there under its own name counts, though the host cannot give it a second one.
#[test]
fn a_host_that_cannot_make_the_second_name_has_its_backup_all_the_same() {
    let bin = programs(&PROGRAMS);
    for name in ["ln", "cp"] {
        fs::remove_file(bin.path().join(name)).unwrap();
        script(&bin, name, "echo 'No space left on device' >&2; exit 1");
    }
    symlink("/usr/bin/sync", bin.path().join("sync")).unwrap();
    let path = format!("SetEnv PATH={}\n", bin.path().display());
    let server = Server::start_with(&path, "exec");
    fs::create_dir_all(server.remote()).unwrap();
    fs::write(server.remote().join(".latest.tar.gz.part"), "left").unwrap();
    let run = server.run("client");
    let far = run.outcomes[1].result.as_ref().unwrap();
    assert_eq!(names_in(&server.remote()), [far.name.to_string()]);
    assert_eq!(run.notes.len(), 1, "{:?}", run.notes);
    assert!(run.notes[0].contains("the new backup is there, but: "));
    assert!(run.notes[0].ends_with("No space left on device"));
}

#[test]
fn a_host_that_cannot_hash_is_read_back_from_here() {
    let bin = programs(&PROGRAMS);
    symlink("/usr/bin/sync", bin.path().join("sync")).unwrap();
    let server = Server::start_with(&format!("SetEnv PATH={}\n", bin.path().display()), "exec");
    let (near, far) = server.outcomes("client");
    assert_eq!(far.unwrap().sha256, near.sha256);
}

#[test]
fn a_stranger_is_told_so_and_the_other_target_is_done() {
    let server = Server::start();
    let (near, far) = server.outcomes("stranger");
    let error = far.unwrap_err();
    assert!(error.contains("Permission denied"), "{error}");
    assert_eq!(backups_in(&server.at("near")), [near.name.to_string()]);
    assert!(!server.remote().exists());
    // A host that is another one than it was.
    let known = fs::read_to_string(server.at("known")).unwrap();
    let host = fs::read_to_string(server.at("host.pub")).unwrap();
    let other = fs::read_to_string(server.at("stranger.pub")).unwrap();
    fs::write(server.at("known"), known.replace(&host, &other)).unwrap();
    let error = server.outcomes("client").1.unwrap_err();
    assert!(error.contains("verification failed"), "{error}");
}

#[test]
fn a_host_that_is_down_is_told_so_and_the_other_target_is_done() {
    let mut server = Server::start();
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let (near, far) = server.outcomes("client");
    let error = far.unwrap_err();
    assert!(error.contains("Connection refused"), "{error}");
    assert_eq!(backups_in(&server.at("near")), [near.name.to_string()]);
    let last = backup::last(&server.journal(), &[server.target().to_string()]).unwrap();
    assert_eq!((&last[0].last, last[0].age), (&None, None));
}

fn noise(len: usize) -> Vec<u8> {
    let mut state = 7_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..len / 8).flat_map(|_| next()).collect()
}

#[test]
fn a_host_without_room_keeps_nothing_of_it() {
    // What its processes may write to a file is as good as a full disk, and needs no root.
    let server = Server::start_with("", "ulimit -f 100 && exec");
    fs::create_dir(server.at("logs/data")).unwrap();
    fs::write(server.at("logs/data/noise"), noise(1 << 20)).unwrap();
    let (_, far) = server.outcomes("client");
    assert!(far.unwrap_err().starts_with("rsync for 127.0.0.1:"));
    assert_eq!(names_in(&server.remote()), [""; 0]);
    fs::remove_file(server.at("logs/data/noise")).unwrap();
    server.outcomes("client").1.unwrap();
}

/// Cut while a backup is on its way, a connection leaves nothing that has a backup's name.
#[test]
fn a_connection_that_is_cut_leaves_no_backup_and_the_next_run_clears_it() {
    let server = Server::start();
    fs::create_dir(server.at("logs/data")).unwrap();
    fs::write(server.at("logs/data/noise"), noise(24 << 20)).unwrap();
    let mut cuts = 0;
    for _ in 0..10 {
        let before = backups_in(&server.remote());
        let far = thread::scope(|scope| {
            let run = scope.spawn(|| server.outcomes("client").1);
            let is_on_its_way = |it: &String| it.ends_with(".part");
            while !run.is_finished() {
                if names_in(&server.remote()).iter().any(is_on_its_way) {
                    server.cut();
                    break;
                }
                thread::sleep(Duration::from_millis(1));
            }
            run.join().unwrap()
        });
        let there = backups_in(&server.remote());
        for name in &there {
            let path = server.remote().join(name);
            backup::verify(&RealDisk, &path, &mut |_| ()).unwrap();
        }
        match far {
            Ok(_) => assert_eq!(there.len(), before.len() + 1),
            Err(_) => {
                cuts += 1;
                assert_eq!(there, before);
            }
        }
        if cuts == 2 {
            break;
        }
    }
    assert_eq!(cuts, 2, "it was never cut");
    server.outcomes("client").1.unwrap();
    let is_left = |it: &String| it.starts_with('.');
    assert!(!names_in(&server.remote()).iter().any(is_left));
}
