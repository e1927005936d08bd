//! A log on the simulated disk: rotation, refusals, sweeping, and power cuts at every step.

use std::io::Write as _;

use proptest::prelude::*;

use super::*;
use crate::disk::SimDisk;
use crate::disk::sim::{Done, Errno, Fault, Injection, Names, Op, Unsynced};

const PATH: &str = "/logs/app.log";
const OPTIONS: TextLogOptions = TextLogOptions {
    len_max: 40,
    older_max: 2,
};

fn disk() -> SimDisk {
    let disk = SimDisk::new(7);
    disk.put_folder("/logs").unwrap();
    disk
}

fn open(disk: &SimDisk) -> Result<TextLog, TextLogError> {
    TextLog::open_on(Arc::new(disk.clone()), PATH, OPTIONS)
}

/// The files that there are, the oldest first.
fn files(disk: &SimDisk) -> Vec<String> {
    let names = (0..=9).rev().map(|age| match age {
        0 => PATH.to_owned(),
        _ => format!("{PATH}.{age}"),
    });
    let found = names.filter_map(|it| disk.spectator().cached(it));
    found.map(|it| String::from_utf8(it).unwrap()).collect()
}

fn line(number: usize) -> String {
    format!("line {number:02}\n")
}

#[test]
fn a_full_file_becomes_an_older_one_and_the_oldest_goes() {
    let disk = disk();
    let mut log = open(&disk).unwrap();
    for number in 0..18 {
        log.write_all(line(number).as_bytes()).unwrap();
    }
    let of = |from: usize, to: usize| (from..to).map(line).collect::<String>();
    assert_eq!(files(&disk), [of(5, 10), of(10, 15), of(15, 18)]);
    assert_eq!(
        disk.cached("/logs/app.log.1").unwrap(),
        of(10, 15).as_bytes()
    );
    // Several lines at once are parted between them.
    log.write_all(of(18, 26).as_bytes()).unwrap();
    assert_eq!(files(&disk), [of(15, 20), of(20, 25), of(25, 26)]);
}

#[test]
fn a_line_is_never_in_two_files_however_it_comes() {
    let disk = disk();
    let mut log = open(&disk).unwrap();
    log.write_all(b"0123456789012345678901234567890\nbegun")
        .unwrap();
    log.write_all(b" and much longer than the rest of the file")
        .unwrap();
    log.write_all(b", ended\nnext\n").unwrap();
    assert_eq!(
        files(&disk),
        [
            "0123456789012345678901234567890\nbegun and much longer than the rest of the file, ended\n",
            "next\n"
        ]
    );
    let long = "x".repeat(100) + "\n";
    log.write_all(long.as_bytes()).unwrap();
    assert_eq!(files(&disk)[2], long);
}

#[test]
fn one_process_writes_and_the_next_is_refused() {
    let disk = disk();
    let log = open(&disk).unwrap();
    let other = disk.another_process();
    let refused = open(&other).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "open the log /logs/app.log: somebody else writes it"
    );
    let swept = sweep(
        Arc::new(other.clone()),
        PATH,
        Timestamp::MAX,
        SweepPolicy::default(),
    );
    assert!(matches!(swept, Err(TextLogError::Locked { .. })));
    drop(log);
    open(&other).unwrap();
}

#[test]
fn a_failed_write_is_told_and_the_next_line_stands_alone() {
    for fault in [
        Fault::Fails(Errno::NoSpace),
        Fault::FailsHalfway(Errno::Io),
        Fault::FailsAfterwards(Errno::Io),
    ] {
        let disk = disk();
        let mut log = open(&disk).unwrap();
        log.write_all(b"first\n").unwrap();
        disk.inject(Injection::new(fault).on(Op::Write));
        let error = log.write_all(b"second\n").unwrap_err();
        assert_eq!(error.to_string(), "write to /logs/app.log", "{fault:?}");
        log.write_all(b"third\n").unwrap();
        let text = files(&disk).concat();
        assert!(
            text.starts_with("first\n") && text.ends_with("\nthird\n"),
            "{text}"
        );
    }
    let disk = disk();
    let mut log = open(&disk).unwrap();
    log.write_all(b"first\n").unwrap();
    disk.inject(Injection::new(Fault::Forgets(Errno::Io)).on(Op::Sync));
    assert_eq!(log.flush().unwrap_err().to_string(), "sync /logs/app.log");
}

#[test]
fn what_was_flushed_is_there_after_whatever_came_between() {
    let after_a_cut = |disk: &SimDisk, names, path: &str| {
        let disk = disk.restart(Unsynced::Lost, names);
        disk.cached(path)
            .map(|it| String::from_utf8(it).unwrap())
            .unwrap_or_default()
    };
    // A write failed between the line and the flush.
    let disk = self::disk();
    let mut log = open(&disk).unwrap();
    log.write_all(b"first\n").unwrap();
    disk.inject(Injection::new(Fault::Fails(Errno::NoSpace)).on(Op::Write));
    log.write_all(b"second\n").unwrap_err();
    log.flush().unwrap();
    assert_eq!(after_a_cut(&disk, Names::Lost, PATH), "first\n");

    // The file was moved away, so that the flush is of another one.
    let disk = self::disk();
    let mut log = open(&disk).unwrap();
    log.write_all(b"first\n").unwrap();
    disk.rename(Path::new(PATH), Path::new("/logs/taken"))
        .unwrap();
    log.write_all(b"second\n").unwrap();
    log.flush().unwrap();
    assert_eq!(after_a_cut(&disk, Names::Kept, "/logs/taken"), "first\n");

    // The file was made, and its folder not synced.
    let disk = self::disk();
    disk.inject(Injection::new(Fault::Fails(Errno::Io)).on(Op::SyncFolder));
    open(&disk).unwrap_err();
    let mut log = open(&disk).unwrap();
    log.write_all(b"first\n").unwrap();
    log.flush().unwrap();
    assert_eq!(after_a_cut(&disk, Names::Lost, PATH), "first\n");
}

#[test]
fn a_file_that_was_left_without_a_sync_is_told_by_the_next_flush() {
    let disk = disk();
    let mut log = open(&disk).unwrap();
    log.write_all(b"first\n").unwrap();
    disk.rename(Path::new(PATH), Path::new("/logs/taken"))
        .unwrap();
    disk.inject(Injection::new(Fault::Forgets(Errno::Io)).on(Op::Sync));
    let error = log.write_all(b"second\n").unwrap_err();
    assert_eq!(error.to_string(), "sync /logs/app.log");
    log.write_all(b"third\n").unwrap();
    assert_eq!(log.flush().unwrap_err().to_string(), "sync /logs/app.log");
    log.flush().unwrap();
}

#[test]
fn a_rotation_that_fails_at_any_step_is_told_and_loses_nothing() {
    for op in [Op::Sync, Op::Rename, Op::SyncFolder, Op::OpenToWrite] {
        for skip in 0..3 {
            let disk = disk();
            let mut log = open(&disk).unwrap();
            let mut written = String::new();
            for number in 0..11 {
                log.write_all(line(number).as_bytes()).unwrap();
                written.push_str(&line(number));
            }
            disk.inject(Injection::new(Fault::Fails(Errno::Io)).on(op).after(skip));
            for number in 11..16 {
                match log.write_all(line(number).as_bytes()) {
                    Ok(()) => written.push_str(&line(number)),
                    Err(error) => assert!(error.to_string().contains("/logs"), "{error}"),
                }
            }
            let kept = files(&disk).concat();
            assert!(written.ends_with(&kept), "{op:?} {skip}: {kept}");
            assert!(10 * 8 <= kept.len(), "{op:?} {skip}: {kept}");
        }
    }
}

#[test]
fn a_link_in_a_files_place_is_refused_and_a_file_that_was_taken_away_is_made_anew() {
    let disk = disk();
    disk.put_file("/logs/other", b"secret\n").unwrap();
    disk.make_link("other", Path::new(PATH)).unwrap();
    assert!(matches!(
        open(&disk),
        Err(TextLogError::Disk {
            operation: "open",
            ..
        })
    ));
    disk.remove(Path::new(PATH)).unwrap();
    let mut log = open(&disk).unwrap();
    log.write_all(b"one\n").unwrap();
    disk.rename(Path::new(PATH), Path::new("/logs/taken"))
        .unwrap();
    log.write_all(b"two\n").unwrap();
    assert_eq!(files(&disk), ["two\n"]);
    assert_eq!(disk.cached("/logs/other").unwrap(), b"secret\n");
}

#[test]
fn old_files_are_swept_by_the_time_of_their_last_line() {
    let disk = disk();
    let mut log = open(&disk).unwrap();
    let now: Timestamp = "2025-11-26T12:00:00Z".parse().unwrap();
    for (name, at) in [
        ("app.log.1", "2025-10-27T12:00:00Z"),
        ("app.log.2", "2025-10-27T11:59:59Z"),
        ("app.log.17", "2024-01-01T00:00:00Z"),
        ("app.log.old", "2024-01-01T00:00:00Z"),
        ("app.log.01", "2024-01-01T00:00:00Z"),
        ("app.log", "2024-01-01T00:00:00Z"),
        ("app.log.lock", "2024-01-01T00:00:00Z"),
        ("other.log.1", "2024-01-01T00:00:00Z"),
    ] {
        let path = format!("/logs/{name}");
        if disk.cached(&path).is_none() {
            disk.put_file(&path, b"line\n").unwrap();
        }
        disk.set_modified(&path, at.parse().unwrap());
    }
    // Nobody knows how old it is.
    disk.put_file("/logs/app.log.3", b"line\n").unwrap();
    disk.make_link("other.log.1", Path::new("/logs/app.log.4"))
        .unwrap();
    let swept = log.sweep(now, SweepPolicy::default()).unwrap();
    assert_eq!(
        swept,
        ["/logs/app.log.17", "/logs/app.log.2"].map(PathBuf::from)
    );
    assert!(disk.cached("/logs/app.log.2").is_none());
    assert!(disk.cached("/logs/app.log.01").is_some());
    assert_eq!(
        log.sweep(now, SweepPolicy::default()).unwrap(),
        Vec::<PathBuf>::new()
    );
    drop(log);
    let policy = SweepPolicy::default().age_max(Duration::from_secs(60));
    assert_eq!(
        sweep(Arc::new(disk), PATH, now, policy).unwrap(),
        [PathBuf::from("/logs/app.log.1")]
    );
}

#[test]
fn on_a_real_disk_files_are_the_owners_alone_and_have_a_time() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    let mut log = TextLog::open_on(Arc::new(RealDisk), &path, OPTIONS).unwrap();
    for number in 0..8 {
        log.write_all(line(number).as_bytes()).unwrap();
    }
    let older = folder.path().join("app.log.1");
    for path in [&path, &older, &folder.path().join("app.log.lock")] {
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    assert!(matches!(
        TextLog::open(&path),
        Err(TextLogError::Locked { .. })
    ));
    let now: Timestamp = "2025-11-26T12:00:00Z".parse().unwrap();
    assert!(log.sweep(now, SweepPolicy::default()).unwrap().is_empty());
    let long_ago = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let file = std::fs::File::options().append(true).open(&older).unwrap();
    file.set_modified(long_ago).unwrap();
    assert_eq!(log.sweep(now, SweepPolicy::default()).unwrap(), [older]);
    assert!(TextLog::open("/").is_err());
}

/// Writes and flushes 16 lines, which rotates three times, and returns how many were flushed.
fn life(disk: &SimDisk) -> usize {
    let Ok(mut log) = open(disk) else { return 0 };
    for number in 0..16 {
        let written = log.write_all(line(number).as_bytes());
        if written.and_then(|()| log.flush()).is_err() {
            return number;
        }
    }
    16
}

#[test]
fn a_power_cut_at_any_step_loses_no_line_that_was_flushed() {
    let untouched = disk();
    assert_eq!(life(&untouched), 16);
    let steps = untouched.operations();
    let done = [Done::Nothing, Done::Part, Done::All];
    let unsynced = [Unsynced::Lost, Unsynced::Kept, Unsynced::Torn(3)];
    let names = [Names::Lost, Names::Kept, Names::Any];
    for step in 0..=steps {
        for case in 0..27 {
            let (done, unsynced, names) = (done[case / 9], unsynced[case / 3 % 3], names[case % 3]);
            let disk = disk();
            disk.cut_power_at(step, done);
            let flushed = life(&disk);
            let disk = disk.restart(unsynced, names);
            let mut log = open(&disk).unwrap();
            log.write_all(b"after\n").unwrap();
            log.flush().unwrap();
            let text = files(&disk).concat();
            let case = format!(
                "step {step}, {done:?}, {unsynced:?}, {names:?}: {flushed} flushed, {text:?}"
            );
            assert!(text.ends_with("\nafter\n") || text == "after\n", "{case}");
            let numbers: Vec<usize> = (0..16).filter(|it| text.contains(&line(*it))).collect();
            let all: String = numbers.iter().map(|it| line(*it)).collect();
            // In their order, without a hole: all that was flushed, but for the files that went.
            let first = numbers.first().copied().unwrap_or_default();
            assert!(
                numbers.iter().copied().eq(first..first + numbers.len()),
                "{case}"
            );
            assert!(text.starts_with(&all), "{case}");
            assert!(flushed <= first + numbers.len(), "{case}");
            assert!(first <= flushed.saturating_sub(8), "{case}");
        }
    }
}

proptest! {
    #[test]
    fn the_files_are_what_was_written_without_whole_files_at_the_beginning(
        pieces in prop::collection::vec("[a-z]{0,12}\n?", 1..60), len_max in 1_u64..60, older_max in 0_u32..4,
        reopened in prop::collection::vec(any::<bool>(), 60),
    ) {
        let disk = disk();
        let options = TextLogOptions::default().len_max(len_max).older_max(older_max);
        let open = || TextLog::open_on(Arc::new(disk.clone()), PATH, options).unwrap();
        let mut log = Some(open());
        let mut written = String::new();
        for (piece, is_reopened) in pieces.iter().zip(reopened) {
            log.as_mut().unwrap().write_all(piece.as_bytes()).unwrap();
            written.push_str(piece);
            if is_reopened {
                drop(log.take());
                log = Some(open());
                // A line that was begun ends with the log that began it.
                if !written.is_empty() && !written.ends_with('\n') {
                    written.push('\n');
                }
            }
        }
        let found = files(&disk);
        let kept = found.concat();
        prop_assert!(written.ends_with(&kept));
        prop_assert!(found.len() <= older_max as usize + 1);
        let gone = written.len() - kept.len();
        // Whole lines, and only where there was no more room.
        prop_assert!(gone == 0 || written[..gone].ends_with('\n'));
        prop_assert!(gone == 0 || found.len() == older_max as usize + 1);
        for file in found.iter().rev().skip(1) {
            prop_assert!(file.ends_with('\n'));
            let has_begun = pieces.iter().any(|it| !it.ends_with('\n'));
            let is_one = file.matches('\n').count() <= 1;
            prop_assert!(file.len() as u64 <= len_max || is_one || has_begun);
        }
    }
}
