//! A Redis of a test's own, that can be killed, stopped, emptied, filled up and restarted.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ::redis::FromRedisValue;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A server on the loopback and on a unix socket, in a folder of its own. It ends with this, and with the
/// thread that started it.
pub struct Server {
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// A server that keeps nothing when it ends.
    pub fn start() -> Server {
        Server::start_with(&[])
    }

    /// One with more settings, such as `["--appendonly", "yes"]`.
    pub fn start_with(settings: &[&str]) -> Server {
        let mut server = Server {
            folder: tempfile::tempdir().unwrap(),
            port: 0,
            settings: settings.iter().map(|it| (*it).to_owned()).collect(),
            child: None,
        };
        loop {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            server.port = free.local_addr().unwrap().port();
            drop(free);
            if server.run() {
                return server;
            }
        }
    }

    /// The URL of a database over TCP.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// The URL of the same over the unix socket.
    pub fn unix_url(&self) -> String {
        format!("unix://{}", self.path("socket").display())
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it again, in the same place and with the same settings, after it was killed.
    pub fn restart(&mut self) {
        self.kill();
        let begun = Instant::now();
        while !self.run() {
            assert!(begun.elapsed() < PATIENCE, "somebody took its port");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Has it keep what it has now for its next start, beside what it keeps by its settings.
    pub fn save(&self) {
        let () = self.ask("SAVE");
    }

    /// Has it find nothing at its next start.
    pub fn lose_saved(&self) {
        let _ = fs::remove_file(self.path("dump.rdb"));
    }

    /// Has it fail to save: where it saves by its settings, it takes no writes from then on.
    pub fn fail_to_save(&self) {
        fs::create_dir(self.path("dump.rdb")).unwrap();
        let () = self.ask("BGSAVE");
        let begun = Instant::now();
        while !self
            .ask::<String>("INFO persistence")
            .contains("rdb_last_bgsave_status:err")
        {
            assert!(begun.elapsed() < PATIENCE, "it saved");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Has it stand still, as a machine does that swaps: it is there and says nothing.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Has it go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Makes it the replica of a server that is not there: it can be read, and takes no writes.
    pub fn make_read_only(&self) {
        let () = self.ask("REPLICAOF 127.0.0.1 1");
    }

    /// Makes it a server of its own again.
    pub fn make_writable(&self) {
        let () = self.ask("REPLICAOF NO ONE");
    }

    /// Has it refuse every write for want of memory.
    pub fn fill_up(&self) {
        let () = self.ask("CONFIG SET maxmemory-policy noeviction");
        let () = self.ask("CONFIG SET maxmemory 1");
    }

    /// Ends that.
    pub fn make_room(&self) {
        let () = self.ask("CONFIG SET maxmemory 0");
    }

    /// Has it forget everything.
    pub fn flush(&self) {
        let () = self.ask("FLUSHALL");
    }

    /// Asks it something, in words without blanks in them.
    pub fn ask<T: FromRedisValue>(&self, words: &str) -> T {
        let mut words = words.split(' ');
        let mut command = ::redis::cmd(words.next().unwrap());
        for word in words {
            command.arg(word);
        }
        let client = ::redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_connection_with_timeout(PATIENCE).unwrap();
        command.query(&mut connection).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().unwrap();
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    /// Whether it is up. It is not where somebody else has its port.
    fn run(&mut self) -> bool {
        let log = self.path("log");
        // It ends with whoever started it, even where that is killed.
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "redis-server"])
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .arg("--unixsocket")
            .arg(self.path("socket"))
            .arg("--dir")
            .arg(self.folder.path())
            .args(["--save", "", "--daemonize", "no"])
            .args(&self.settings)
            .stdin(Stdio::null())
            .stdout(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        loop {
            let said = fs::read_to_string(&log).unwrap();
            if said.contains("Ready to accept connections") {
                self.child = Some(child);
                return true;
            }
            if child.try_wait().unwrap().is_some() {
                let said = fs::read_to_string(&log).unwrap();
                assert!(said.contains("Address already in use"), "{said}");
                return false;
            }
            if PATIENCE < begun.elapsed() {
                let _ = child.kill();
                panic!("{said}");
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
