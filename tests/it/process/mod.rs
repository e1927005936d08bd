//! Real processes on the real disk: killed, locked out, robbed of their files, out of room.

mod bot;
mod full;
mod killed;
mod locked;
mod pulled;
mod trade_log;
mod window;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use tradejournal::journal::line::{Tail, genesis};
use tradejournal::record::{Digest, Record, Stream, TradeRecord};

use bot::Ack;

/// What an independent reader has seen of the trades under a folder, checked from the bytes alone.
///
/// It reads on where it was: what it saw once must stay.
struct Witness {
    days: PathBuf,
    /// Where it is: the day's file, and how far into it.
    at: Option<(PathBuf, u64)>,
    previous: Digest,
    lines: Vec<Line>,
}

struct Line {
    hash: Digest,
    /// The number in its record's order id: which record it is.
    number: u64,
}

impl Witness {
    fn new(logs: &Path) -> Witness {
        Witness {
            days: logs.join("trades"),
            at: None,
            previous: genesis("test", Stream::Trades),
            lines: Vec::new(),
        }
    }

    /// Reads on and returns how many bytes follow the last good line.
    fn read_on(&mut self) -> usize {
        let mut days: Vec<PathBuf> = fs::read_dir(&self.days)
            .map(|it| it.map(|it| it.unwrap().path()).collect())
            .unwrap_or_default();
        days.retain(|it| it.extension().is_some_and(|it| it == "jsonl"));
        days.sort();
        let mut torn = 0;
        for day in days {
            if self.at.as_ref().is_some_and(|(at, _)| day < *at) {
                continue;
            }
            assert_eq!(torn, 0, "a torn line before {}", day.display());
            let offset = match &self.at {
                Some((at, offset)) if *at == day => *offset,
                _ => 0,
            };
            let mut file = File::open(&day).unwrap();
            file.seek(SeekFrom::Start(offset)).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            let good = self.take(&bytes);
            self.at = Some((day, offset + good as u64));
            torn = bytes.len() - good;
        }
        torn
    }

    /// Takes the good lines at the beginning of `bytes` and returns how long they are.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let mut good = 0;
        for line in bytes.split_inclusive(|it| *it == b'\n') {
            let Some(tail) = Tail::parse(line).filter(|it| it.checks(line, &self.previous)) else {
                break;
            };
            let seq = self.lines.len() as u64;
            assert!(tail.seq == seq && tail.dur <= seq, "{tail:?} at {seq}");
            let record = TradeRecord::decode(line).unwrap();
            self.previous = tail.hash;
            self.lines.push(Line {
                hash: tail.hash,
                number: number_of(&record),
            });
            good += line.len();
        }
        good
    }

    /// Every one of these is there, byte for byte, at its place.
    fn has(&self, acks: &[Ack]) {
        for ack in acks {
            let line = usize::try_from(ack.seq)
                .ok()
                .and_then(|it| self.lines.get(it));
            let line = line.unwrap_or_else(|| panic!("{ack:?} of {} is gone", self.lines.len()));
            assert_eq!((line.hash, line.number), (ack.hash, ack.number), "{ack:?}");
        }
    }

    /// The numbers of the records, each once.
    fn numbers(&self) -> BTreeSet<u64> {
        let mut seen = BTreeMap::new();
        for (seq, line) in self.lines.iter().enumerate() {
            let before = seen.insert(line.number, seq);
            assert_eq!(before, None, "order {} again at {seq}", line.number);
        }
        seen.into_keys().collect()
    }
}

fn number_of(record: &TradeRecord) -> u64 {
    let order = record.order_id().to_string();
    order.strip_prefix("order-").unwrap().parse().unwrap()
}

/// The journal under `logs` that everybody here writes, at `now`.
fn journal(logs: &Path, now: &str) -> tradejournal::journal::Journal {
    let clock = tradejournal::time::ManualClock::new(crate::sample::time(now));
    tradejournal::journal::Options::new(logs)
        .name("test")
        .clock(std::sync::Arc::new(clock))
        .open()
        .unwrap()
}

/// The ways to a file system that nobody else sees: as root, and where users have namespaces.
const UNSHARE: [&str; 2] = ["unshare --mount", "unshare --user --map-root-user --mount"];
/// Mounts one of a megabyte.
const MOUNT: &str = "mount -t tmpfs -o size=1m,mode=700 tmpfs";
const UNMOUNTABLE: &str = "this user can mount no tmpfs of its own: it takes `unshare` and `mount`, and root \
    or user namespaces (`unshare --user --map-root-user --mount`)";

/// Any user but root; it need not exist.
const SOMEBODY: u32 = 65_534;

const NOON: &str = "2025-10-26T12:00:00Z";
