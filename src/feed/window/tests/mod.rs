//! The window by a clock that is set, on disks that fail.

mod model;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::disk::sim::{Errno, Fault, Injection, Op};
use crate::disk::{Disk, SimDisk};
use crate::record::field::Pair;
use crate::time::{Clock, ManualClock, Timestamp};

const STORAGE: &str = "/data/storage";
const ARCHIVE: &str = "/data/archive";

fn pair(text: &str) -> Pair {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

struct Bench {
    disk: SimDisk,
    clock: Arc<ManualClock>,
    memory: MemoryWindow,
}

impl Bench {
    fn new(now: &str) -> Bench {
        let disk = SimDisk::new(1);
        disk.put_folder("/data").unwrap();
        disk.put_folder(ARCHIVE).unwrap();
        Bench {
            disk,
            clock: Arc::new(ManualClock::new(at(now))),
            memory: MemoryWindow::default(),
        }
    }

    fn open(&self, options: WindowOptions) -> Window {
        self.try_open(options).unwrap()
    }

    fn try_open(&self, options: WindowOptions) -> Result<Window, WindowError> {
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let resident = Box::new(self.memory.clone());
        Window::open_on(
            disk,
            self.clock.clone(),
            Path::new(STORAGE),
            Path::new(ARCHIVE),
            options,
            resident,
        )
    }

    fn advance(&self, minutes: u64) {
        self.clock.advance(Duration::from_secs(60 * minutes));
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let listed = self.disk.list(Path::new(folder)).unwrap_or_default();
        listed
            .into_iter()
            .map(|it| it.name)
            .filter(|it| it.starts_with("trades_"))
            .collect()
    }
}

fn trade(id: &str, time: &str, size: &str) -> PublicTrade {
    super::trade::trade(id, time, Taker::Buy, "60000.00", size)
}

fn volume(window: &Window, time: &str) -> Option<String> {
    let found = window.load(&pair("BTCUSDT"), Minute::of(at(time))).unwrap();
    found.map(|it| it.total().buy_volume.to_string())
}

fn everything(window: &Window, symbol: &str) -> Vec<Footprint> {
    let range = window
        .range(&pair(symbol), Minute::first(), Minute::last())
        .unwrap();
    range.map(Result::unwrap).collect()
}

#[test]
fn a_minute_is_in_the_window_for_48_hours_and_then_in_a_file() {
    let bench = Bench::new("2024-10-23T14:30:30Z");
    let window = bench.open(WindowOptions::default().only(pair("BTCUSDT")));
    window
        .take(&[
            trade("1", "2024-10-23T14:29:59.999Z", "1.0"),
            trade("2", "2024-10-23T14:30:00.000Z", "2.0"),
        ])
        .unwrap();
    window.tick();
    assert_eq!(
        bench
            .memory
            .range(&pair("BTCUSDT"), Minute::first(), Minute::last())
            .len(),
        0,
        "the grace is not over"
    );
    bench.clock.advance(Duration::from_secs(2));
    window.tick();
    assert_eq!(
        bench.names("/data/storage/.window/minutes"),
        ["trades_20241023_1429.json"]
    );
    bench.advance(1);
    window.tick();
    assert_eq!(
        bench
            .memory
            .range(&pair("BTCUSDT"), Minute::first(), Minute::last())
            .len(),
        2
    );
    assert!(bench.names(STORAGE).is_empty());
    // The last moment of the 48 hours of 14:29, and the first one after it.
    bench.clock.set(at("2024-10-25T14:28:59.999Z"));
    window.tick();
    assert!(bench.names(STORAGE).is_empty());
    bench.clock.set(at("2024-10-25T14:29:00.000Z"));
    window.tick();
    assert_eq!(bench.names(STORAGE), ["trades_20241023_1429.json"]);
    assert_eq!(
        bench.names("/data/storage/.window/minutes"),
        ["trades_20241023_1430.json"]
    );
    let in_memory = bench
        .memory
        .range(&pair("BTCUSDT"), Minute::first(), Minute::last());
    assert_eq!(in_memory.len(), 1);
    assert_eq!(in_memory[0].minute().to_string(), "2024-10-23T14:30");
    let json = bench
        .disk
        .durable("/data/storage/trades_20241023_1429.json")
        .unwrap();
    let text = r#"{"timestamp":"2024-10-23T14:29:00.000000","price_levels":{"60000.00":{"price_level":60000.00,"buy_volume":1.0,"sell_volume":0,"total_volume":1.0,"delta":1.0,"trade_count":1}}}"#;
    assert_eq!(String::from_utf8(json).unwrap(), format!("{text}\n"));
    let counts = window.counts();
    assert_eq!(
        (counts.trades, counts.files_written, counts.window_minutes),
        (2, 1, 1)
    );
    assert_eq!(counts.files_last_hour, 1);
    assert!(window.news().is_empty());
}

#[test]
fn a_late_trade_goes_into_its_own_minute_and_counts_once() {
    let bench = Bench::new("2024-10-23T14:35:00Z");
    let window = bench.open(WindowOptions::default().only(pair("BTCUSDT")));
    window
        .take(&[trade("1", "2024-10-23T14:30:10Z", "1.0")])
        .unwrap();
    bench.advance(1);
    window.tick();
    // Its ids are not in memory any more.
    bench.advance(10);
    window.tick();
    assert_eq!(window.counts().ids, 0);
    let again = [
        trade("1", "2024-10-23T14:30:10Z", "1.0"),
        trade("2", "2024-10-23T14:30:11Z", "0.5"),
    ];
    let taken = window.take(&again).unwrap();
    assert_eq!((taken.kept, taken.duplicates, taken.late), (1, 1, 1));
    assert_eq!(volume(&window, "2024-10-23T14:30:00Z").unwrap(), "1.5");
    bench.advance(1);
    window.tick();
    let in_memory = bench
        .memory
        .load(&pair("BTCUSDT"), Minute::of(at("2024-10-23T14:30:00Z")))
        .unwrap();
    assert_eq!(in_memory.total().buy_volume.to_string(), "1.5");
    // Out of the window, while the intake still knows which trades are in the file.
    bench.clock.set(at("2024-10-25T14:31:00Z"));
    window.tick();
    assert_eq!(bench.names(STORAGE).len(), 1);
    let taken = window
        .take(&[again[0].clone(), trade("3", "2024-10-23T14:30:12Z", "0.25")])
        .unwrap();
    assert_eq!((taken.kept, taken.duplicates), (1, 1));
    bench.advance(1);
    window.tick();
    assert_eq!(volume(&window, "2024-10-23T14:30:00Z").unwrap(), "1.75");
    assert_eq!(everything(&window, "BTCUSDT").len(), 1);
    assert!(bench.names("/data/storage/.window/minutes").is_empty());
}

#[test]
fn a_minute_whose_trades_are_not_known_any_more_is_sealed() {
    let bench = Bench::new("2024-10-23T14:35:00Z");
    let window = bench.open(WindowOptions::default().only(pair("BTCUSDT")));
    window
        .take(&[trade("1", "2024-10-23T14:30:10Z", "1.0")])
        .unwrap();
    for _ in 0..60 {
        bench.advance(60);
        window
            .take(&[trade(
                &bench.clock.now().to_string(),
                &bench.clock.now().to_string(),
                "1",
            )])
            .unwrap();
        window.tick();
    }
    let taken = window
        .take(&[trade("1", "2024-10-23T14:30:10Z", "1.0")])
        .unwrap();
    let minute = Minute::of(at("2024-10-23T14:30:00Z"));
    assert_eq!(taken.refused, [(0, Refusal::Sealed { minute })]);
    assert_eq!(volume(&window, "2024-10-23T14:30:00Z").unwrap(), "1.0");
    // A minute without any file is new, however old.
    assert_eq!(
        window
            .take(&[trade("9", "2024-10-23T14:29:10Z", "1.0")])
            .unwrap()
            .kept,
        1
    );
}

#[test]
fn what_cannot_be_counted_is_refused_by_name() {
    let bench = Bench::new("2024-10-23T14:35:00Z");
    let window = bench.open(WindowOptions::default().only(pair("BTCUSDT")));
    let mut other = trade("1", "2024-10-23T14:30:10Z", "1.0");
    other.symbol = pair("ETHUSDT");
    let huge = trade("2", "2024-10-23T14:30:10Z", "79228162514264337593543950335");
    let more = trade("3", "2024-10-23T14:30:10Z", "0.1");
    let ahead = trade("4", "2024-10-23T14:40:00.001Z", "1");
    let in_time = trade("5", "2024-10-23T14:40:00.000Z", "1");
    let taken = window.take(&[other, huge, more, ahead, in_time]).unwrap();
    assert_eq!(taken.kept, 2);
    let texts: Vec<String> = taken
        .refused
        .iter()
        .map(|(at, it)| format!("{at}: {it}"))
        .collect();
    assert_eq!(
        texts,
        [
            "0: the window is of BTCUSDT alone",
            "2: the volume of that minute has more digits than can be kept exactly",
            "3: its time 2024-10-23T14:40:00.001Z is ahead of the clock, which says 2024-10-23T14:35:00.000Z",
        ]
    );
}

#[test]
fn one_collector_has_a_folder_and_it_keeps_its_kind() {
    let bench = Bench::new("2024-10-23T14:35:00Z");
    let step = Step::new("0.5".parse().unwrap()).unwrap();
    let window = bench.open(WindowOptions::default().step(step));
    let error = bench
        .try_open(WindowOptions::default().step(step))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "open the window /data/storage: another collector has it"
    );
    assert!(is_running(&bench.disk, Path::new(STORAGE)).unwrap());
    drop(window);
    assert!(!is_running(&bench.disk, Path::new(STORAGE)).unwrap());
    let error = bench
        .try_open(WindowOptions::default().only(pair("BTCUSDT")))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "open the window /data/storage: it has minutes of any symbol in steps of 0.5, \
         not minutes of BTCUSDT alone with each price a level"
    );
}

#[test]
fn more_minutes_than_there_may_be_leave_the_oldest_first() {
    let bench = Bench::new("2024-10-23T14:35:00Z");
    let window = bench.open(WindowOptions::default().only(pair("BTCUSDT")).count_max(3));
    for minute in 25..34 {
        let time = format!("2024-10-23T14:{minute}:10Z");
        window
            .take(&[trade(&minute.to_string(), &time, "1")])
            .unwrap();
    }
    bench.clock.advance(Duration::from_secs(10));
    window.tick();
    assert_eq!(bench.names(STORAGE).len(), 6);
    let names = bench.names("/data/storage/.window/minutes");
    assert_eq!(
        names,
        [
            "trades_20241023_1431.json",
            "trades_20241023_1432.json",
            "trades_20241023_1433.json"
        ]
    );
}

#[test]
fn days_become_one_file_each_and_are_read_from_there() {
    let bench = Bench::new("2024-10-23T23:58:00Z");
    let window = bench.open(WindowOptions::default().archive_after(Some(2)));
    for (id, time) in [
        ("1", "2024-10-23T23:57:00Z"),
        ("2", "2024-10-23T23:58:00Z"),
        ("3", "2024-10-24T00:00:00Z"),
    ] {
        bench.clock.set(at(time));
        window.take(&[trade(id, time, "1.5")]).unwrap();
    }
    let before = {
        bench.advance(2);
        window.tick();
        everything(&window, "BTCUSDT")
    };
    bench.clock.set(at("2024-10-27T23:58:00Z"));
    window.tick();
    assert!(
        bench
            .disk
            .cached("/data/archive/window/BTCUSDT/20241023.jsonl.gz")
            .is_none(),
        "two days are not over"
    );
    bench.clock.set(at("2024-10-28T01:00:00Z"));
    window.tick();
    assert_eq!(window.wrong(), Vec::<String>::new());
    assert!(
        bench
            .disk
            .durable("/data/archive/window/BTCUSDT/20241023.jsonl.gz")
            .is_some()
    );
    assert!(
        bench
            .disk
            .durable("/data/archive/window/BTCUSDT/20241023.sha256")
            .is_some()
    );
    assert_eq!(
        bench.names("/data/storage/BTCUSDT"),
        ["trades_20241024_0000.json"]
    );
    assert_eq!(everything(&window, "BTCUSDT"), before);
    assert_eq!(volume(&window, "2024-10-23T23:58:30Z").unwrap(), "1.5");
    assert_eq!(window.counts().days_archived, 1);
    // A minute that the archived day has not is new, and one whose trades are still known goes on.
    let late = [
        trade("4", "2024-10-23T12:00:00Z", "1"),
        trade("5", "2024-10-23T23:57:30Z", "1"),
    ];
    let taken = window.take(&late).unwrap();
    assert_eq!((taken.kept, taken.refused.len()), (2, 0));
    bench.advance(1);
    window.tick();
    assert_eq!(bench.names("/data/storage/BTCUSDT").len(), 3);
    bench.advance(70);
    window.tick();
    window.archive_days();
    assert_eq!(
        bench.names("/data/storage/BTCUSDT"),
        ["trades_20241024_0000.json"]
    );
    assert_eq!(everything(&window, "BTCUSDT").len(), 4);
    assert_eq!(volume(&window, "2024-10-23T23:57:30Z").unwrap(), "2.5");
    assert_eq!(window.news(), []);
    damaged_days_are_found(&bench);
}

fn damaged_days_are_found(bench: &Bench) {
    let disk: Arc<dyn Disk> = Arc::new(bench.disk.spectator());
    let reader = Reader::open(disk, Path::new(STORAGE), Path::new(ARCHIVE), None).unwrap();
    let checked = reader.check().unwrap();
    assert_eq!((checked.days, checked.files, checked.minutes), (1, 1, 4));
    assert!(checked.complaints.is_empty());
    let seal = "/data/archive/window/BTCUSDT/20241023.sha256";
    let file = "/data/storage/BTCUSDT/trades_20241024_0000.json";
    for path in [seal, file] {
        bench.disk.put_file(path, b"something else").unwrap();
    }
    assert_eq!(reader.check().unwrap().complaints.len(), 2);
    let read: Vec<_> = reader
        .range(
            &pair("BTCUSDT"),
            Minute::first(),
            Minute::last(),
            bench.clock.now(),
        )
        .unwrap()
        .collect();
    assert_eq!(read.iter().filter(|it| it.is_err()).count(), 2);
}

#[test]
fn a_full_disk_is_told_once_and_everything_is_there_when_it_is_over() {
    let bench = Bench::new("2024-10-23T14:35:00Z");
    let window = bench.open(WindowOptions::default().only(pair("BTCUSDT")));
    let trades = [
        trade("1", "2024-10-23T14:30:10Z", "1"),
        trade("2", "2024-10-23T14:31:10Z", "2"),
    ];
    bench.disk.inject(
        Injection::new(Fault::FailsHalfway(Errno::NoSpace))
            .on(Op::Write)
            .for_ever(),
    );
    for _ in 0..5 {
        window.take(&trades).unwrap_err();
        bench.advance(1);
        window.tick();
    }
    let told = || -> Vec<String> {
        let texts = window.news().into_iter().map(|it| it.text);
        let heads = texts.map(|it| it.split(": ").take(2).collect::<Vec<_>>().join(": "));
        heads.collect()
    };
    assert_eq!(
        told(),
        ["the intake: keep trades in /data/storage/.window/intake"]
    );
    bench.disk.heal();
    let (first, second) = (window.take(&trades).unwrap(), window.take(&trades).unwrap());
    assert_eq!((first.kept, second.duplicates), (2, 2));
    // The files cannot be written, the intake can.
    bench.disk.inject(
        Injection::new(Fault::Fails(Errno::ReadOnly))
            .on(Op::OpenToWrite)
            .in_path("minutes")
            .for_ever(),
    );
    for _ in 0..5 {
        bench.advance(1);
        window.tick();
        let now = bench.clock.now().to_string();
        window.take(&[trade(&now, &now, "1")]).unwrap();
    }
    let mut second = told();
    second.retain(|it| !it.starts_with("settling"));
    assert_eq!(
        second,
        [
            "the intake: well again",
            "the files of minutes: write /data/storage/.window/minutes/trades_20241023_1430.json",
        ]
    );
    bench.disk.heal();
    bench.advance(2);
    window.tick();
    window.tick();
    assert_eq!(bench.names("/data/storage/.window/minutes").len(), 7);
    assert_eq!(window.wrong(), Vec::<String>::new());
}

#[test]
fn members_that_somebody_else_put_there_become_files_or_are_set_aside() {
    let bench = Bench::new("2024-10-23T14:35:00Z");
    let symbol = pair("BTCUSDT");
    let mut theirs = Footprint::new("2024-10-23T13:00".parse().unwrap());
    theirs
        .add(&trade("x", "2024-10-23T13:00:01Z", "3"), None)
        .unwrap();
    let old: Minute = "2024-10-20T13:00".parse().unwrap();
    let mut older = Footprint::new(old);
    older
        .add(&trade("y", "2024-10-20T13:00:01Z", "4"), None)
        .unwrap();
    let put = |minute: Minute, member: Vec<u8>| Change::Put {
        symbol: symbol.clone(),
        minute,
        member,
        before: None,
    };
    let wrong: Minute = "2024-10-23T13:01".parse().unwrap();
    let mut memory = bench.memory.clone();
    memory
        .change(&[
            put(theirs.minute(), theirs.to_json()),
            put(old, older.to_json()),
            put(wrong, b"{not json".to_vec()),
        ])
        .unwrap();
    let window = bench.open(WindowOptions::default().only(symbol.clone()));
    window.tick();
    window.tick();
    assert_eq!(
        window.load(&symbol, theirs.minute()).unwrap(),
        Some(theirs.clone())
    );
    assert_eq!(bench.names(STORAGE), ["trades_20241020_1300.json"]);
    assert_eq!(
        bench.memory.range(&symbol, Minute::first(), Minute::last()),
        [theirs]
    );
    let aside = bench
        .disk
        .durable("/data/storage/.window/aside/aside.jsonl")
        .unwrap();
    let aside = String::from_utf8(aside).unwrap();
    assert!(
        aside.contains("{not json") && aside.lines().count() == 1,
        "{aside}"
    );
    assert_eq!(window.counts().set_aside, 1);
    assert_eq!(window.news().len(), 1);
}

#[test]
fn a_file_that_somebody_takes_away_is_made_anew_and_holds_up_no_other() {
    let bench = Bench::new("2024-10-23T14:35:00Z");
    let symbol = pair("BTCUSDT");
    let window = bench.open(WindowOptions::default().only(symbol.clone()));
    let trades = [
        trade("1", "2024-10-23T14:30:10Z", "1"),
        trade("2", "2024-10-23T14:31:10Z", "2"),
    ];
    window.take(&trades).unwrap();
    bench.advance(1);
    window.tick();
    let path = "/data/storage/.window/minutes/trades_20241023_1430.json";
    bench.disk.remove(Path::new(path)).unwrap();
    // Out of the window.
    bench.clock.set(at("2024-10-25T14:40:00Z"));
    window.tick();
    assert_eq!(bench.names(STORAGE), ["trades_20241023_1431.json"]);
    let news: Vec<String> = window.news().into_iter().map(|it| it.text).collect();
    assert_eq!(news, [format!("{path} is gone: made anew")]);
    for _ in 0..3 {
        bench.advance(1);
        window.tick();
    }
    assert_eq!(bench.names(STORAGE).len(), 2);
    assert_eq!(volume(&window, "2024-10-23T14:30:00Z").unwrap(), "1");
    assert!(window.news().is_empty() && window.wrong().is_empty());
}

#[test]
fn more_bad_members_at_one_score_than_a_page_has_are_all_set_aside() {
    let bench = Bench::new("2024-10-23T14:35:00Z");
    let symbol = pair("BTCUSDT");
    let window = bench.open(WindowOptions::default().only(symbol.clone()));
    let crowd = Crowd {
        bad: (0..1700_u32)
            .map(|it| format!("bad {it}").into_bytes())
            .collect(),
    };
    drop(window);
    let disk: Arc<dyn Disk> = Arc::new(bench.disk.clone());
    let options = WindowOptions::default().only(symbol);
    let (storage, archive) = (Path::new(STORAGE), Path::new(ARCHIVE));
    let window = Window::open_on(
        disk,
        bench.clock.clone(),
        storage,
        archive,
        options,
        Box::new(crowd),
    )
    .unwrap();
    window.tick();
    assert_eq!(window.counts().set_aside, 1700);
}

/// A resident with many members at one score.
#[derive(Debug)]
struct Crowd {
    bad: Vec<Vec<u8>>,
}

impl Resident for Crowd {
    fn claim(&mut self) -> Result<bool, ResidentError> {
        Ok(false)
    }

    fn filled(&mut self) -> Result<(), ResidentError> {
        Ok(())
    }

    fn change(&mut self, _: &[Change]) -> Result<(), ResidentError> {
        Ok(())
    }

    fn members(
        &mut self,
        _: &Pair,
        _: Minute,
        _: Minute,
        count_max: usize,
    ) -> Result<Vec<Member>, ResidentError> {
        let at: Minute = "2024-10-23T14:00".parse().unwrap();
        let found = self.bad.iter().take(count_max);
        Ok(found
            .map(|it| Member {
                at,
                is_start: true,
                json: it.clone(),
            })
            .collect())
    }

    fn remove(&mut self, _: &Pair, member: &[u8]) -> Result<(), ResidentError> {
        self.bad.retain(|it| it != member);
        Ok(())
    }

    fn counts(&mut self, symbols: &[Pair]) -> Result<Vec<u64>, ResidentError> {
        Ok(vec![0; symbols.len()])
    }

    fn usage(&mut self) -> Result<Usage, ResidentError> {
        Ok(Usage::default())
    }
}
