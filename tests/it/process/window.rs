//! `tj window run` without room, and where it may not write: it says what it could not do, where, and what
//! to do about it, takes nothing meanwhile, and goes on by itself. Nothing is lost, and nothing counts twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::io::{BufReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;
use tempfile::TempDir;

use super::{MOUNT, SOMEBODY, UNMOUNTABLE, UNSHARE};
use crate::cli::collector::{Collector, PATIENCE, Said};
use crate::cli::run::{Bench, Ran};

const BATCH: usize = 100;
const MINUTES: usize = 5;
const LEVELS: usize = 7;

/// The trade of a number, which is in its size: none can be taken for another one.
fn line(number: usize) -> String {
    let (minute, price) = (number % MINUTES, number % LEVELS);
    let size = Decimal::new(i64::try_from(number).unwrap() + 1, 3);
    format!(
        r#"{{"id":{number},"time":"2024-10-23T14:3{minute}:05Z","symbol":"BTCUSDT","side":"buy","price":"{price}.5","size":"{size}"}}"#
    )
}

/// By minute and level what was bought, and in how many trades.
type Totals = BTreeMap<(usize, String), (Decimal, u64)>;

/// What so many trades add up to.
fn totals(count: usize) -> Totals {
    let mut totals = Totals::new();
    for number in 0..count {
        let at = (number % MINUTES, format!("{}.5", number % LEVELS));
        let total = totals.entry(at).or_default();
        total.0 += Decimal::new(i64::try_from(number).unwrap() + 1, 3);
        total.1 += 1;
    }
    totals
}

/// What the files in a storage folder say, read without the library.
fn stored(storage: &Path) -> Totals {
    #[derive(Deserialize)]
    struct Whole<'a> {
        #[serde(borrow)]
        price_levels: BTreeMap<String, Level<'a>>,
    }
    #[derive(Deserialize)]
    struct Level<'a> {
        #[serde(borrow)]
        buy_volume: &'a RawValue,
        trade_count: u64,
    }
    let mut totals = Totals::new();
    for minute in 0..MINUTES {
        let path = storage.join(format!("trades_20241023_143{minute}.json"));
        let text = fs::read_to_string(path).unwrap();
        let whole: Whole<'_> = serde_json::from_str(&text).unwrap();
        for (price, level) in whole.price_levels {
            let bought = level.buy_volume.get().parse().unwrap();
            totals.insert((minute, price), (bought, level.trade_count));
        }
    }
    totals
}

/// The numbers of the trades whose lines are in the intake.
fn taken(storage: &Path) -> BTreeSet<usize> {
    #[derive(Deserialize)]
    struct Line {
        id: String,
    }
    let mut numbers = BTreeSet::new();
    for file in fs::read_dir(storage.join(".window/intake")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let whole = text.split_inclusive('\n').filter(|it| it.ends_with('\n'));
        for line in whole.map_while(|it| serde_json::from_str::<Line>(it).ok()) {
            numbers.insert(line.id.parse().unwrap());
        }
    }
    numbers
}

/// A collector that is fed trades in their order.
struct Fed {
    collector: Collector,
    /// The number of its first trade, of those sent to it, and of those that it acknowledged.
    first: usize,
    sent: usize,
    acked: usize,
    told: Vec<String>,
}

impl Fed {
    fn start(mut command: Command, storage: &Path, first: usize) -> Fed {
        command
            .args(["window", "run", "--from", "-", "--acks"])
            .args(["--symbol", "BTCUSDT", "--storage"])
            .arg(storage);
        Fed {
            collector: Collector::start(command),
            first,
            sent: first,
            acked: first,
            told: Vec::new(),
        }
    }

    /// Feeds it a batch, where none waits. `false` when it says that the intake cannot take it.
    fn feed(&mut self) -> bool {
        for number in self.sent..self.sent + BATCH {
            self.collector.send(&line(number));
        }
        self.sent += BATCH;
        let held = self.held();
        self.hear_until(|it| it.acked == it.sent || held < it.held());
        self.acked == self.sent
    }

    #[track_caller]
    fn hear_until(&mut self, is_enough: impl Fn(&Fed) -> bool) {
        while !is_enough(self) {
            match self.collector.hear_within(PATIENCE) {
                Some(said) => self.note(said),
                None => panic!("it ended or hangs: {:?}", self.told),
            }
        }
    }

    fn note(&mut self, said: Said) {
        match said {
            Said::Ack(ack) => {
                assert_eq!((ack.kept + ack.duplicates, ack.refused), (ack.lines, 0));
                self.acked = self.first + ack.lines;
            }
            Said::Told(text) => self.told.push(text),
        }
    }

    /// It says no more for some time: what is wrong is told once, and nothing is acknowledged.
    fn is_silent(&mut self) {
        let (acked, held) = (self.acked, self.held());
        while let Some(said) = self.collector.hear_within(Duration::from_millis(1500)) {
            self.note(said);
        }
        assert_eq!((self.acked, self.held()), (acked, held));
    }

    /// How often it said that the intake takes nothing.
    fn held(&self) -> usize {
        self.told.iter().filter(|it| is_held(it)).count()
    }

    /// Has it end, with everything in files that was ever sent.
    fn end(self, storage: &Path) {
        let sent = self.sent;
        self.end_input();
        assert_eq!(stored(storage), totals(sent));
    }

    /// Has it end, with everything acknowledged.
    fn end_input(mut self) {
        self.collector.end_input();
        let (status, said) = self.collector.hear_out();
        assert!(status.success(), "{status}: {:?} {said:?}", self.told);
        for said in said {
            assert!(!format!("{said:?}").contains("warning: "), "{said:?}");
        }
        assert_eq!(self.acked, self.sent);
    }
}

fn is_held(told: &str) -> bool {
    told.starts_with("warning: the intake: ")
}

/// A file system of one megabyte that nobody else sees, and the shell that mounted it.
struct Small {
    shell: Child,
    told: ChildStdin,
    said: BufReader<ChildStdout>,
    bench: Bench,
    /// The storage folder, as it is seen from here while the shell lives.
    storage: PathBuf,
    _folder: TempDir,
}

impl Small {
    /// Fails where this user may mount nothing: a test that was not run must not look like one that
    /// passed.
    fn start() -> Small {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().display().to_string();
        let obey = "while read -r line; do eval \"$line\" && echo done || echo failed; done";
        let script = format!("cd / && {MOUNT} \"$0\" && echo done && {obey}");
        for unshare in UNSHARE {
            let mut words = unshare.split(' ');
            let mut shell = Command::new(words.next().unwrap())
                .args(words)
                .args(["sh", "-c", &script, &inside])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let told = shell.stdin.take().unwrap();
            let mut said = BufReader::new(shell.stdout.take().unwrap());
            if hear(&mut said) != "done\n" {
                shell.wait().unwrap();
                continue;
            }
            let storage = PathBuf::from(format!("/proc/{}/root{inside}/storage", shell.id()));
            return Small {
                shell,
                told,
                said,
                bench: Bench::new(),
                storage,
                _folder: folder,
            };
        }
        panic!("{UNMOUNTABLE}");
    }

    /// Mounts it again, `ro` or `rw`.
    fn remount(&mut self, how: &str) {
        writeln!(self.told, "mount -o remount,bind,{how} \"$0\"").unwrap();
        assert_eq!(hear(&mut self.said), "done\n");
    }

    /// Takes so much of its room, or all that there is.
    fn take_room(&self, bytes: usize) {
        let mut ballast = fs::File::create(self.ballast()).unwrap();
        let _ = ballast.write_all(&vec![0; bytes]);
    }

    fn make_room(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.storage.with_file_name("ballast")
    }

    fn collector(&self, first: usize) -> Fed {
        Fed::start(self.bench.command(), &self.storage, first)
    }

    /// A collector that was fed until the disk was full.
    fn full(&self) -> Fed {
        self.take_room(400_000);
        let mut fed = self.collector(0);
        while fed.feed() {
            assert!(fed.sent < 6_000, "{:?}", fed.told);
        }
        assert!(BATCH <= fed.acked);
        fed
    }

    fn tj(&self, line: &str) -> Ran {
        let storage = self.storage.display();
        self.bench
            .tj(&format!("{line} --symbol BTCUSDT --storage {storage}"))
    }

    /// How many trades `tj window load` shows of all minutes.
    fn shown(&self) -> u64 {
        let ran = self.tj("window load 2024-10-23T14:30 --to 2024-10-23T14:35 --json");
        let minutes = ran.fine().json();
        minutes
            .iter()
            .map(|it| it["trade_count"].as_u64().unwrap())
            .sum()
    }

    /// The error of a file in the storage folder.
    fn error(&self, operation: &str, name: &str, why: &str) -> String {
        format!("{operation} {}: {why}", self.storage.join(name).display())
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

fn hear(said: &mut impl std::io::BufRead) -> String {
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    line
}

const NO_ROOM: &str = "No space left on device (os error 28)";

#[test]
fn a_collector_on_a_full_disk_waits_and_goes_on_when_there_is_room() {
    let small = Small::start();
    let mut fed = small.full();
    let wanted = small.error("keep trades in", ".window/intake", NO_ROOM);
    let told = fed.told.last().unwrap();
    let remedy = told.strip_prefix(&format!("warning: the intake: {wanted}"));
    assert_eq!(remedy, Some(": free disk space, and it goes on"), "{told}");
    fed.is_silent();
    // What was acknowledged is there, and whoever looks sees nothing else.
    let taken = taken(&small.storage);
    assert!(taken.is_superset(&(0..fed.acked).collect()), "{taken:?}");
    assert_eq!(small.shown(), fed.acked as u64);
    small.make_room();
    fed.hear_until(|it| it.acked == it.sent);
    fed.hear_until(|it| it.told.iter().any(|it| it == "the intake: well again"));
    for _ in 0..5 {
        assert!(fed.feed(), "{:?}", fed.told);
    }
    assert_eq!(fed.held(), 1);
    fed.end(&small.storage);
}

#[test]
fn a_collector_that_is_killed_on_a_full_disk_is_followed_by_one_that_waits_there() {
    let small = Small::start();
    let mut fed = small.full();
    fed.collector.kill();
    let acked = fed.acked;
    drop(fed);
    let mut next = small.collector(acked - BATCH);
    // What it knows needs no room.
    assert!(next.feed(), "{:?}", next.told);
    assert!(!next.feed(), "{:?}", next.told);
    next.is_silent();
    assert!(taken(&small.storage).is_superset(&(0..acked).collect()));
    small.make_room();
    next.hear_until(|it| it.acked == it.sent);
    assert!(next.feed(), "{:?}", next.told);
    next.end(&small.storage);
}

#[test]
fn a_disk_that_is_full_from_the_beginning_is_refused_with_path_and_remedy() {
    let small = Small::start();
    small.take_room(2_000_000);
    let ran = small.tj("window run --from -").code(3);
    let error = small.error("write", ".window/WINDOW", NO_ROOM);
    let hint = "hint: free disk space\n";
    assert_eq!(
        ran.err,
        format!("tj: cannot open the window: {error}\n{hint}")
    );
    small.make_room();
    let mut fed = small.collector(0);
    assert!(fed.feed());
    fed.end(&small.storage);
}

#[test]
fn a_disk_that_is_read_only_is_refused_with_path_and_remedy_and_can_be_read() {
    let mut small = Small::start();
    let mut fed = small.collector(0);
    assert!(fed.feed());
    fed.end(&small.storage);
    small.remount("ro");
    let ran = small.tj("window run --from -").code(3);
    let error = small.error(
        "open",
        ".window/LOCK",
        "Read-only file system (os error 30)",
    );
    let hint = "hint: mount the disk writable\n";
    assert_eq!(
        ran.err,
        format!("tj: cannot open the window: {error}\n{hint}")
    );
    assert_eq!(small.shown(), BATCH as u64);
    let ran = small.tj("window status").fine();
    assert!(ran.out.contains(": no collector runs\n"), "{}", ran.out);
    small.remount("rw");
    let mut next = small.collector(BATCH);
    assert!(next.feed());
    next.end(&small.storage);
}

/// A `tj` for which a folder can be read-only: for root none is, so there it is somebody else's.
fn somebody(bench: &Bench) -> Command {
    if !rustix::process::geteuid().is_root() {
        return bench.command();
    }
    let program = bench.path("tj");
    fs::copy(env!("CARGO_BIN_EXE_tj"), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let folder = bench.path("");
    chown(&folder, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    let mut command = Command::new(program);
    command.current_dir(folder).uid(SOMEBODY).gid(SOMEBODY);
    command
}

#[test]
fn a_folder_that_is_read_only_holds_up_what_needs_it_until_it_is_not() {
    let bench = Bench::new();
    let storage = bench.path("storage");
    let mut fed = Fed::start(somebody(&bench), &storage, 0);
    assert!(fed.feed());
    fed.end(&storage);
    let write = |name: &str, may: bool| {
        let mode = if may { 0o700 } else { 0o500 };
        fs::set_permissions(storage.join(name), Permissions::from_mode(mode)).unwrap();
    };
    let denied = |what: &str, operation: &str, name: &str| {
        let path = storage.join(name);
        let why = "Permission denied (os error 13)";
        let remedy = "give it to the collector's user, and it goes on";
        format!(
            "warning: {what}: {operation} {}: {why}: {remedy}",
            path.display()
        )
    };
    // The intake, and files that leave the window.
    write(".window/intake", false);
    write("", false);
    let mut fed = Fed::start(somebody(&bench), &storage, BATCH);
    assert!(!fed.feed(), "{:?}", fed.told);
    assert_eq!(
        *fed.told.last().unwrap(),
        denied("the intake", "keep trades in", ".window/intake")
    );
    fed.is_silent();
    assert_eq!(stored(&storage), totals(BATCH));
    write(".window/intake", true);
    fed.hear_until(|it| it.acked == it.sent);
    let unmoved = denied(
        "minutes that leave the window",
        "write",
        "trades_20241023_1430.json",
    );
    fed.hear_until(|it| it.told.contains(&unmoved));
    write("", true);
    fed.hear_until(|it| {
        it.told
            .iter()
            .any(|it| it == "minutes that leave the window: well again")
    });
    fed.end(&storage);
}

/// A minute whose file cannot be looked for may have one: its trades wait, and are not refused.
#[test]
fn a_folder_that_cannot_be_entered_holds_trades_up_and_refuses_none() {
    let bench = Bench::new();
    let storage = bench.path("storage");
    let mut fed = Fed::start(somebody(&bench), &storage, 0);
    assert!(fed.feed());
    let enter = |mode| fs::set_permissions(&storage, Permissions::from_mode(mode)).unwrap();
    enter(0o000);
    // Of a minute that it does not know yet.
    fed.collector.send(&line(BATCH).replace("T14:", "T15:"));
    fed.sent += 1;
    fed.hear_until(|it| it.acked == it.sent || it.held() == 1);
    fed.is_silent();
    assert_eq!((fed.acked, fed.held()), (BATCH, 1), "{:?}", fed.told);
    enter(0o700);
    fed.hear_until(|it| it.acked == it.sent);
    fed.end_input();
    assert_eq!(stored(&storage), totals(BATCH));
    let minute = BATCH % MINUTES;
    let later = storage.join(format!("trades_20241023_153{minute}.json"));
    assert!(
        fs::read_to_string(later)
            .unwrap()
            .contains(r#""trade_count":1"#)
    );
}
