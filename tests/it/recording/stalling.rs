//! A disk that stands still for as long as it is told to.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use tradejournal::disk::{Access, Disk, Entry, File, Meta, SimDisk};

/// A simulated disk whose writes and syncs wait while it is stalled, but for those on paths with `spill`.
#[derive(Debug, Clone)]
pub struct Stalling {
    disk: SimDisk,
    gate: Arc<(Mutex<bool>, Condvar)>,
}

#[derive(Debug)]
struct StallingFile {
    file: Box<dyn File>,
    gate: Option<Arc<(Mutex<bool>, Condvar)>>,
}

impl Stalling {
    pub fn new(disk: &SimDisk) -> Stalling {
        Stalling {
            disk: disk.clone(),
            gate: Arc::default(),
        }
    }

    pub fn stall(&self, stalled: bool) {
        *self.gate.0.lock().unwrap() = stalled;
        self.gate.1.notify_all();
    }
}

impl StallingFile {
    fn pass(&self) {
        if let Some(gate) = &self.gate {
            let stalled = gate.0.lock().unwrap();
            drop(gate.1.wait_while(stalled, |it| *it).unwrap());
        }
    }
}

impl File for StallingFile {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.pass();
        self.file.write(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.pass();
        self.file.sync()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(bytes, offset)
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        self.file.cut(len)
    }

    fn drop_cache(&self, offset: u64) -> io::Result<()> {
        self.file.drop_cache(offset)
    }

    fn look(&self) -> io::Result<Meta> {
        self.file.look()
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.file.try_lock()
    }

    fn lock(&self) -> io::Result<()> {
        self.file.lock()
    }

    fn unlock(&self) -> io::Result<()> {
        self.file.unlock()
    }
}

impl Disk for Stalling {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn File>> {
        let is_spill = path.to_string_lossy().contains("spill");
        Ok(Box::new(StallingFile {
            file: self.disk.open(path, access)?,
            gate: (!is_spill).then(|| Arc::clone(&self.gate)),
        }))
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.disk.create_folder(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.disk.list(path)
    }

    fn look(&self, path: &Path) -> io::Result<Option<Meta>> {
        self.disk.look(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_folder(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn make_link(&self, target: &str, link: &Path) -> io::Result<()> {
        self.disk.make_link(target, link)
    }

    fn read_link(&self, link: &Path) -> io::Result<String> {
        self.disk.read_link(link)
    }

    fn user(&self) -> u32 {
        self.disk.user()
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        self.disk.free_bytes(path)
    }
}
