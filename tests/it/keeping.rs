//! Archive, retention and holds: which days go, that they read as before, and that whatever is cut off leaves a
//! whole copy and is finished by the next run.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::process::Command;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use tempfile::tempdir;
use tradejournal::disk::sim::{Done, Errno, Fault, Injection, Names, Op, Unsynced};
use tradejournal::disk::{Disk as _, SimDisk};
use tradejournal::journal::{Depth, Journal};
use tradejournal::keep::{
    Action, HoldError, Holds, KeepError, KeepLock, Keeper, LockError, Plan, Policies, Policy, Span,
};
use tradejournal::record::{AuditEvent, AuditKind, Digest, Stream, TradeRecord};
use tradejournal::time::{Day, ManualClock};

use crate::sample::{entry, journal, noon, simulated, time};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// Trades go after a day, and are deleted after three; nothing else goes.
fn policies() -> Policies {
    let mut policies = Policies::default();
    policies.set(
        Stream::Trades,
        Policy {
            archive: Some(Span::Days(1)),
            delete: Some(Span::Days(3)),
        },
    );
    policies
}

/// Trades on six days from the 26th on, of which five are closed.
fn six_days(journal: &Journal, clock: &ManualClock) {
    let writer = journal.writer::<TradeRecord>().unwrap();
    for date in ["26", "27", "28", "29", "30", "31"] {
        clock.set(time(&format!("2025-10-{date}T09:00:00Z")));
        for _ in 0..3 {
            writer.append(&entry(writer.lines())).unwrap();
        }
    }
    writer.tick();
    assert_eq!(writer.troubles(), [""; 0]);
    writer.close().unwrap();
}

/// Does all that is due, in the order of a nightly run.
fn keep(journal: &Journal) -> Result<(), String> {
    archive(journal)?;
    let keeper = Keeper::new(journal, policies());
    apply(journal, &keeper, keeper.retention_plan(None))
}

fn archive(journal: &Journal) -> Result<(), String> {
    let keeper = Keeper::new(journal, policies());
    apply(journal, &keeper, keeper.archive_plan(None))
}

fn apply(journal: &Journal, keeper: &Keeper, plan: Result<Plan, KeepError>) -> Result<(), String> {
    let lock = KeepLock::take(journal).map_err(|it| it.to_string())?;
    for step in &plan.map_err(|it| it.to_string())?.steps {
        let done = keeper.apply(&lock, step, &mut |_| ());
        done.map_err(|it| it.to_string())?;
    }
    Ok(())
}

fn told(plan: &Plan) -> Vec<(String, Action)> {
    let told = plan.steps.iter().map(|it| (it.day.to_string(), it.action));
    told.collect()
}

fn orders(journal: &Journal) -> Vec<String> {
    let entries = journal.read::<TradeRecord>().into_iter();
    entries
        .map(|it| it.unwrap().record.order_id().to_string())
        .collect()
}

fn assert_sound(journal: &Journal) {
    for stream in [Stream::Trades, Stream::Audit] {
        let mut found = Vec::new();
        journal
            .verify(stream, Depth::Records, &mut |it| found.push(it))
            .unwrap();
        found.retain(|it| !it.kind.is_note());
        assert_eq!(found, [], "{stream}");
    }
}

#[test]
fn days_go_when_their_time_has_come_and_read_as_before() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let journal = journal(folder.path(), &clock);
    six_days(&journal, &clock);
    let before = orders(&journal);
    let keeper = Keeper::new(&journal, policies());
    let plan = keeper.archive_plan(None).unwrap();
    let dates = ["26", "27", "28", "29", "30"].map(|it| format!("2025-10-{it}"));
    assert_eq!(told(&plan), dates.clone().map(|it| (it, Action::Archive)));
    assert_eq!(plan.kept, []);
    // Nothing is in the archive yet, so that nothing may be deleted.
    let deletions = keeper.retention_plan(None).unwrap();
    assert_eq!(deletions.steps, []);
    assert_eq!(
        deletions.kept[0].why,
        "it is not archived: no other copy is there"
    );
    let lock = KeepLock::take(&journal).unwrap();
    for step in &plan.steps {
        let mut most = 0;
        let packed = keeper
            .apply(&lock, step, &mut |it| most = it)
            .unwrap()
            .unwrap();
        assert_eq!((packed.bytes, most), (step.bytes, 2 * step.bytes));
        assert!(!step.from.exists() && step.to.as_ref().unwrap().exists());
    }
    drop(lock);
    assert_eq!(orders(&journal), before);
    assert_sound(&journal);
    // What a person has at hand reads it.
    let year = folder.path().join("archive/trades/2025");
    let script = "sha256sum -c --ignore-missing --quiet *.sha256 && zcat *.gz | wc -l && zgrep -c order-4 *28.jsonl.gz *27.jsonl.gz";
    let ran = Command::new("sh")
        .args(["-c", script])
        .current_dir(&year)
        .output()
        .unwrap();
    let text = String::from_utf8(ran.stdout).unwrap();
    assert_eq!(text, "15\n2025-10-28.jsonl.gz:0\n2025-10-27.jsonl.gz:1\n");
    // Nothing is left to archive; the 26th, 27th and 28th have been there for three days.
    let keeper = Keeper::new(&journal, policies());
    assert_eq!(keeper.archive_plan(None).unwrap(), Plan::default());
    let plan = keeper.retention_plan(None).unwrap();
    let dates = ["26", "27", "28"].map(|it| (format!("2025-10-{it}"), Action::Delete));
    assert_eq!(told(&plan), dates);
    keep(&journal).unwrap();
    assert_eq!(orders(&journal), before[9..]);
    assert_sound(&journal);
    // And the journal goes on.
    let writer = journal.writer::<TradeRecord>().unwrap();
    assert_eq!(writer.append(&entry(99)).unwrap().seq, 18);
    writer.close().unwrap();
    assert_sound(&journal);
}

/// A clock that is years ahead makes nothing old: not enough days were closed since.
#[test]
fn a_clock_that_ran_ahead_makes_nothing_old() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let journal = journal(folder.path(), &clock);
    six_days(&journal, &clock);
    keep(&journal).unwrap();
    clock.set(time("2099-01-01T00:00:00Z"));
    let keeper = Keeper::new(&journal, Policies::default());
    let plan = keeper.retention_plan(None).unwrap();
    assert_eq!(plan.steps, []);
    let [kept] = &plan.kept[..] else {
        panic!("{:?}", plan.kept)
    };
    assert_eq!(kept.why, "closed days since: 1, and 7y take 1825 of them");
}

#[test]
fn a_hold_keeps_its_days_and_all_that_are_newer() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let journal = journal(folder.path(), &clock);
    six_days(&journal, &clock);
    let mut holds = Holds::of(&journal);
    let lock = KeepLock::take(&journal).unwrap();
    let days = (Some(day("2025-10-27")), Some(day("2025-10-27")));
    let why = "case 4711".parse().unwrap();
    let number = holds
        .add(&lock, &journal, Some(Stream::Trades), days, why)
        .unwrap()
        .number;
    drop(lock);
    keep(&journal).unwrap();
    let days = journal
        .layout()
        .days(&**journal.disk(), Stream::Trades)
        .unwrap();
    assert_eq!(days[0].day, day("2025-10-27"));
    let plan = Keeper::new(&journal, policies())
        .retention_plan(None)
        .unwrap();
    assert_eq!(plan.steps, []);
    assert_eq!(plan.kept[0].why, "hold 1 keeps it: case 4711");
    // Another process sees it, lifts it, and the days go.
    let mut holds = Holds::of(&journal);
    let lock = KeepLock::take(&journal).unwrap();
    let nothing = holds.lift(&lock, &journal, 7, "no such".parse().unwrap());
    assert!(matches!(nothing, Err(HoldError::None(7))));
    holds
        .lift(&lock, &journal, number, "settled".parse().unwrap())
        .unwrap();
    drop(lock);
    keep(&journal).unwrap();
    let days = journal
        .layout()
        .days(&**journal.disk(), Stream::Trades)
        .unwrap();
    assert_eq!(days[0].day, day("2025-10-29"));
    // A number is given once.
    let mut holds = Holds::of(&journal);
    let lock = KeepLock::take(&journal).unwrap();
    let why = "all of it".parse().unwrap();
    let hold = holds.add(&lock, &journal, None, (None, None), why);
    assert_eq!(hold.unwrap().number, 2);
    assert_sound(&journal);
}

/// One flipped bit in the line of a hold, and the day that a court wanted was deleted: a line that could not be
/// decoded was as if it were not there.
#[test]
fn a_damaged_line_of_audit_ends_no_hold() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let journal = journal(folder.path(), &clock);
    six_days(&journal, &clock);
    let lock = KeepLock::take(&journal).unwrap();
    let why = "case 4711".parse().unwrap();
    let mut holds = Holds::of(&journal);
    holds.add(&lock, &journal, None, (None, None), why).unwrap();
    drop(lock);
    archive(&journal).unwrap();
    let layout = journal.layout();
    let days = layout.days(&**journal.disk(), Stream::Audit).unwrap();
    let whole: Vec<_> = days
        .iter()
        .map(|it| (it.path.clone(), std::fs::read_to_string(&it.path).unwrap()))
        .collect();
    let (path, text) = whole.iter().find(|it| it.1.contains("hold_added")).unwrap();
    // A bit of its name, and one of its number, which leaves it a line that can be decoded.
    let flips = [("hold_added", "hold_aeded"), ("\"hold\":1", "\"hold\":9")];
    for (was, is) in flips {
        assert!(text.contains(was), "{text}");
        std::fs::write(path, text.replacen(was, is, 1)).unwrap();
        let plan = Keeper::new(&journal, policies())
            .retention_plan(None)
            .unwrap();
        assert_eq!(plan.steps, []);
        let why = &plan.kept[0].why;
        assert!(why.starts_with("the audit stream is not whole"), "{why}");
    }
    std::fs::write(path, text).unwrap();
    let plan = Keeper::new(&journal, policies())
        .retention_plan(None)
        .unwrap();
    assert_eq!(plan.kept[0].why, "hold 1 keeps it: case 4711");
}

/// A day that was deleted by its rule, and that somebody has put back for a case: it went at the next run, unread.
#[test]
fn a_deleted_day_that_is_put_back_is_kept_by_a_hold_and_read_before_it_goes() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let journal = journal(folder.path(), &clock);
    six_days(&journal, &clock);
    archive(&journal).unwrap();
    let path = journal.layout().archived(Stream::Trades, day("2025-10-26"));
    let bytes = std::fs::read(&path).unwrap();
    keep(&journal).unwrap();
    assert!(!path.exists());
    std::fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    let error = keep(&journal).unwrap_err();
    assert!(
        error.contains("is damaged: it is no whole gzip file"),
        "{error}"
    );
    std::fs::write(&path, &bytes).unwrap();
    let lock = KeepLock::take(&journal).unwrap();
    let mut holds = Holds::of(&journal);
    let why = "case 4711".parse().unwrap();
    holds.add(&lock, &journal, None, (None, None), why).unwrap();
    drop(lock);
    keep(&journal).unwrap();
    assert!(path.exists());
}

#[test]
fn what_is_not_as_it_was_closed_stays_and_is_named() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let journal = journal(folder.path(), &clock);
    six_days(&journal, &clock);
    let layout = journal.layout();
    let plain = layout.day(Stream::Trades, day("2025-10-26"));
    let mut bytes = std::fs::read(&plain).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&plain, &bytes).unwrap();
    let error = keep(&journal).unwrap_err();
    assert!(
        error.contains("2025-10-26.jsonl is damaged: its SHA-256 is"),
        "{error}"
    );
    assert!(plain.exists());
    let year = folder.path().join("archive/trades/2025");
    assert_eq!(std::fs::read_dir(&year).unwrap().count(), 0);
    bytes[100] ^= 1;
    std::fs::write(&plain, &bytes).unwrap();
    // A day without its seal is not known to be what it was.
    let seal = layout.seal(Stream::Trades, day("2025-10-27"));
    std::fs::rename(&seal, folder.path().join("seal")).unwrap();
    let plan = Keeper::new(&journal, policies())
        .archive_plan(None)
        .unwrap();
    assert_eq!(plan.steps.len(), 4);
    assert!(plan.kept[0].why.starts_with("its .sha256 is missing"));
    std::fs::rename(folder.path().join("seal"), &seal).unwrap();
    archive(&journal).unwrap();
    // Flipped, cut, longer: what is in the archive is not deleted before somebody has looked at it.
    let path = layout.archived(Stream::Trades, day("2025-10-26"));
    let whole = std::fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 8;
    let longer = [&whole[..], b"more"].concat();
    for bytes in [&flipped[..], &whole[..whole.len() - 5], &longer, &[]] {
        std::fs::write(&path, bytes).unwrap();
        let error = keep(&journal).unwrap_err();
        assert!(error.contains("2025-10-26.jsonl.gz"), "{error}");
        assert!(path.exists());
    }
    std::fs::write(&path, &whole).unwrap();
    keep(&journal).unwrap();
    assert!(!path.exists());
    assert_sound(&journal);
}

#[test]
fn one_process_keeps_a_journal_and_never_a_strangers() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let journal = journal(folder.path(), &clock);
    six_days(&journal, &clock);
    let lock = KeepLock::take(&journal).unwrap();
    let second = KeepLock::take(&journal).unwrap_err();
    let own = std::process::id();
    assert!(matches!(second, LockError::Running { pid: Some(pid) } if pid == own));
    assert_eq!(
        second.to_string(),
        format!("already running as process {own}")
    );
    drop(lock);
    KeepLock::take(&journal).unwrap();
    let disk = SimDisk::new(1);
    let journal = simulated(&disk, &clock);
    six_days(&journal, &clock);
    disk.set_owner("/bot/logs", 4242);
    let error = KeepLock::take(&journal).unwrap_err();
    assert!(
        matches!(error, LockError::Foreign { owner: 4242, .. }),
        "{error}"
    );
}

/// A disk with a journal whose days wait to be archived, and the plain bytes of those that are closed.
fn waiting() -> (SimDisk, Arc<ManualClock>, BTreeMap<Day, Vec<u8>>) {
    let (disk, clock) = (SimDisk::new(1), noon());
    disk.put_folder("/bot").unwrap();
    let journal = simulated(&disk, &clock);
    six_days(&journal, &clock);
    let days = ["26", "27", "28", "29", "30"].map(|it| day(&format!("2025-10-{it}")));
    let plain = |it| {
        disk.durable(journal.layout().day(Stream::Trades, it))
            .unwrap()
    };
    let closed = days.iter().map(|it| (*it, plain(*it))).collect();
    (disk, clock, closed)
}

/// Of every closed day there is a whole copy, or the audit says that it was deleted.
fn assert_nothing_lost(
    journal: &Journal,
    disk: &SimDisk,
    closed: &BTreeMap<Day, Vec<u8>>,
    at: &str,
) {
    let mut deleted = Vec::new();
    for event in journal.read::<AuditEvent>() {
        // Its tail may be torn: nobody has opened it since.
        let Ok(event) = event else { continue };
        if let AuditKind::Deleted(it) = event.record.kind() {
            deleted.push(it.day());
        }
    }
    for (day, bytes) in closed {
        let layout = journal.layout();
        let plain = disk.durable(layout.day(Stream::Trades, *day));
        let packed = disk.durable(layout.archived(Stream::Trades, *day));
        let unpacked = packed.and_then(|it| {
            let mut bytes = Vec::new();
            MultiGzDecoder::new(&it[..]).read_to_end(&mut bytes).ok()?;
            Some(bytes)
        });
        let is_there = plain.as_ref() == Some(bytes) || unpacked.as_ref() == Some(bytes);
        assert!(is_there || deleted.contains(day), "{day} is lost, {at}");
    }
}

fn assert_finished(journal: &Journal, disk: &SimDisk, at: &str) {
    let days = journal
        .layout()
        .days(&disk.spectator(), Stream::Trades)
        .unwrap();
    let days: Vec<String> = days.iter().map(|it| it.day.to_string()).collect();
    assert_eq!(days, ["2025-10-29", "2025-10-30", "2025-10-31"], "{at}");
    let names = |folder: &str| {
        let entries = disk.spectator().list(folder.as_ref()).unwrap();
        entries.into_iter().map(|it| it.name).collect::<Vec<_>>()
    };
    let archived = [
        "29.jsonl.gz",
        "29.jsonl.sha256",
        "30.jsonl.gz",
        "30.jsonl.sha256",
    ];
    assert_eq!(
        names("/bot/archive/trades/2025"),
        archived.map(|it| format!("2025-10-{it}")),
        "{at}"
    );
    let plain = names("/bot/logs/trades")
        .into_iter()
        .filter(|it| it.starts_with("2025"));
    assert_eq!(plain.collect::<Vec<_>>(), ["2025-10-31.jsonl"], "{at}");
    assert_sound(journal);
}

#[test]
fn a_power_cut_at_each_operation_loses_no_day_and_the_next_run_finishes() {
    let (base, clock, closed) = waiting();
    let whole = base.fork(2);
    let journal = simulated(&whole, &clock);
    keep(&journal).unwrap();
    assert_finished(&journal, &whole, "without a cut");
    let mut cases = 0;
    for operation in base.operations() + 1..=whole.operations() {
        for done in [Done::Nothing, Done::Part, Done::All] {
            for (unsynced, names) in [
                (Unsynced::Lost, Names::Lost),
                (Unsynced::Kept, Names::Kept),
                (Unsynced::Lost, Names::Kept),
                (Unsynced::Any, Names::Any),
            ] {
                let at = format!("operation {operation} {done:?}, {unsynced:?} {names:?}");
                let disk = base.fork(operation);
                disk.cut_power_at(operation, done);
                let _ = keep(&simulated(&disk, &clock));
                let disk = disk.restart(unsynced, names);
                let journal = simulated(&disk, &clock);
                assert_nothing_lost(&journal, &disk, &closed, &at);
                keep(&journal).unwrap_or_else(|error| panic!("{error}, {at}"));
                assert_finished(&journal, &disk, &at);
                cases += 1;
            }
        }
    }
    assert!(1000 < cases, "{cases}");
}

#[test]
fn a_disk_that_fails_at_any_call_loses_no_day_and_the_next_run_finishes() {
    let (base, clock, closed) = waiting();
    let faults = [
        Fault::Fails(Errno::Io),
        Fault::FailsHalfway(Errno::NoSpace),
        Fault::FailsAfterwards(Errno::Io),
        Fault::Forgets(Errno::Io),
        Fault::Short,
    ];
    for op in [
        Op::Write,
        Op::Sync,
        Op::Rename,
        Op::Remove,
        Op::Read,
        Op::Open,
    ] {
        for fault in faults {
            for after in 0..30 {
                let at = format!("{fault:?} of {op:?} after {after}");
                let disk = base.fork(after);
                disk.inject(Injection::new(fault).on(op).in_path("trades").after(after));
                let journal = simulated(&disk, &clock);
                let kept = keep(&journal);
                assert!(kept.is_ok() || 0 < disk.faults(), "{kept:?}, {at}");
                drop(journal);
                disk.heal();
                let disk = disk.restart(Unsynced::Lost, Names::Lost);
                let journal = simulated(&disk, &clock);
                assert_nothing_lost(&journal, &disk, &closed, &at);
                keep(&journal).unwrap_or_else(|error| panic!("{error}, {at}"));
                assert_finished(&journal, &disk, &at);
            }
        }
    }
}

/// Bytes of many members, some of them not full: the file is the same on one core and on several, and its
/// checksums are those of stock tools.
#[test]
fn a_day_of_many_members_is_one_plain_gzip_file() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let journal = journal(folder.path(), &clock);
    let writer = journal.writer::<TradeRecord>().unwrap();
    let records: Vec<TradeRecord> = (0..6000).map(entry).collect();
    writer.append_all(&records).unwrap();
    clock.set(time("2025-10-28T09:00:00Z"));
    writer.append(&entry(6000)).unwrap();
    writer.tick();
    writer.close().unwrap();
    let layout = journal.layout();
    let plain = std::fs::read(layout.day(Stream::Trades, day("2025-10-26"))).unwrap();
    assert!(4 << 20 < plain.len());
    keep(&journal).unwrap();
    let path = layout.archived(Stream::Trades, day("2025-10-26"));
    let packed = std::fs::read(&path).unwrap();
    let unpacked = Command::new("zcat").arg(&path).output().unwrap().stdout;
    assert!(unpacked == plain);
    let sha256 = |bytes: &[u8]| Digest::from_bytes(Sha256::digest(bytes).into());
    let seal = std::fs::read_to_string(layout.archived_seal(Stream::Trades, day("2025-10-26")));
    let (gzip, whole) = (sha256(&packed), sha256(&plain));
    let name = "2025-10-26.jsonl";
    assert_eq!(
        seal.unwrap(),
        format!("{whole}  {name}\n{gzip}  {name}.gz\n")
    );
    assert_eq!(orders(&journal).len(), 6001);
    assert_sound(&journal);
}
