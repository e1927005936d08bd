//! Each fault behaves as its description says.

use std::{io, path::Path};

use super::*;
use crate::disk::{self, write_all};

const FILE: &str = "/logs/day";

/// A disk with the durable file [`FILE`], open.
fn disk_with(bytes: &[u8]) -> (SimDisk, Box<dyn File>) {
    let disk = SimDisk::new(7);
    disk.put_file(FILE, bytes).unwrap();
    let file = disk.open(Path::new(FILE), Access::Append).unwrap();
    (disk, file)
}

fn after_cut(disk: &SimDisk, unsynced: Unsynced) -> Vec<u8> {
    let after = disk.fork(3).restart(unsynced, Names::Lost);
    read(&after)
}

fn read(disk: &SimDisk) -> Vec<u8> {
    let found = disk::read_small(disk, Path::new(FILE), 1 << 20);
    found.unwrap().unwrap()
}

fn code(error: &io::Error) -> Option<i32> {
    error.raw_os_error()
}

#[test]
fn bytes_survive_from_their_sync_on_and_a_name_from_its_folders() {
    let disk = SimDisk::new(1);
    disk.put_folder("/logs").unwrap();
    let path = Path::new("/logs/new");
    let file = disk.open(path, Access::Create).unwrap();
    write_all(&*file, b"abc").unwrap();
    assert_eq!(disk.cached(path).unwrap(), b"abc");
    let left = |names| {
        let after = disk.fork(1).restart(Unsynced::Lost, names);
        after.durable(path)
    };
    assert_eq!(left(Names::Lost), None);
    assert_eq!(left(Names::Kept), Some(Vec::new()));
    file.sync().unwrap();
    assert_eq!(left(Names::Lost), None);
    assert_eq!(left(Names::Kept).unwrap(), b"abc");
    disk.sync_folder(Path::new("/logs")).unwrap();
    assert_eq!(left(Names::Lost).unwrap(), b"abc");
}

#[test]
fn what_is_in_a_folder_whose_name_is_lost_is_lost() {
    let disk = SimDisk::new(1);
    let folder = Path::new("/logs");
    disk.create_folder(folder).unwrap();
    disk.create_folder(folder).unwrap();
    let file = disk.open(&folder.join("a"), Access::Create).unwrap();
    write_all(&*file, b"abc").unwrap();
    file.sync().unwrap();
    disk.sync_folder(folder).unwrap();
    let after = disk.restart(Unsynced::Kept, Names::Lost);
    assert_eq!(after.look(folder).unwrap(), None);
}

#[test]
fn a_rename_shows_the_old_or_the_new_and_never_neither() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..100 {
        let (disk, _) = disk_with(b"old");
        let (new, path) = (Path::new("/logs/.day.tmp"), Path::new(FILE));
        let file = disk.open(new, Access::Create).unwrap();
        write_all(&*file, b"new").unwrap();
        file.sync().unwrap();
        disk.sync_folder(Path::new("/logs")).unwrap();
        disk.rename(new, path).unwrap();
        let after = disk.fork(seed).restart(Unsynced::Lost, Names::Any);
        let has_temporary = after.look(new).unwrap().is_some();
        seen.insert((read(&after), has_temporary));
    }
    let both = [(b"new".to_vec(), false), (b"old".to_vec(), true)];
    assert_eq!(seen, both.into());
}

#[test]
fn a_rename_into_another_folder_is_refused() {
    let (disk, _) = disk_with(b"");
    disk.put_folder("/other").unwrap();
    let error = disk.rename(Path::new(FILE), Path::new("/other/day"));
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::CrossesDevices);
}

#[test]
fn a_removed_name_comes_back_until_its_folder_is_synced() {
    let (disk, _) = disk_with(b"abc");
    disk.remove(Path::new(FILE)).unwrap();
    assert_eq!(disk.look(Path::new(FILE)).unwrap(), None);
    assert_eq!(after_cut(&disk, Unsynced::Lost), b"abc");
    disk.sync_folder(Path::new("/logs")).unwrap();
    let after = disk.restart(Unsynced::Kept, Names::Lost);
    assert_eq!(after.look(Path::new(FILE)).unwrap(), None);
}

#[test]
fn an_open_file_without_a_name_has_no_links() {
    let (disk, file) = disk_with(b"abc");
    assert_eq!(file.look().unwrap().links, 1);
    let identity = disk.look(Path::new(FILE)).unwrap().unwrap().identity;
    assert_eq!(file.look().unwrap().identity, identity);
    disk.remove(Path::new(FILE)).unwrap();
    assert_eq!(file.look().unwrap().links, 0);
    write_all(&*file, b"d").unwrap();
    assert_eq!(file.look().unwrap().len, 4);
}

#[test]
fn the_last_write_tears_at_every_byte() {
    let (disk, file) = disk_with(b"abc");
    write_all(&*file, b"def").unwrap();
    write_all(&*file, b"ghi").unwrap();
    assert_eq!(disk.torn_len_max(), 3);
    let torn: Vec<Vec<u8>> = (0..=3)
        .map(|len| after_cut(&disk, Unsynced::Torn(len)))
        .collect();
    let expected: [&[u8]; 4] = [b"abcdef", b"abcdefg", b"abcdefgh", b"abcdefghi"];
    assert_eq!(torn, expected);
}

#[test]
fn a_file_can_grow_by_zeros() {
    let (disk, file) = disk_with(b"abc");
    write_all(&*file, b"def").unwrap();
    assert_eq!(after_cut(&disk, Unsynced::Zeros), b"abc\0\0\0");
}

#[test]
fn a_later_block_can_be_there_without_an_earlier_one() {
    let (disk, file) = disk_with(&[b'a'; 100]);
    write_all(&*file, &[b'b'; 2000]).unwrap();
    let mut reordered = false;
    for seed in 0..100 {
        let after = disk.fork(seed).restart(Unsynced::Blocks(512), Names::Lost);
        let bytes = read(&after);
        assert_eq!(bytes.get(..100), Some(&[b'a'; 100][..]));
        let is_there = |at: usize| bytes.get(at) == Some(&b'b');
        let is_lost = |at: usize| bytes.get(at) == Some(&0);
        reordered |= is_lost(600) && is_there(1100);
    }
    assert!(reordered);
}

#[test]
fn noise_touches_only_what_no_sync_covered() {
    let (disk, file) = disk_with(&[b'a'; 700]);
    write_all(&*file, &[b'b'; 2000]).unwrap();
    let mut noisy = false;
    for seed in 0..50 {
        let after = disk.fork(seed).restart(Unsynced::Noise, Names::Lost);
        let bytes = read(&after);
        assert_eq!(bytes.get(..700), Some(&[b'a'; 700][..]));
        noisy |= bytes.iter().any(|it| !b"ab\0".contains(it));
    }
    assert!(noisy);
}

#[test]
fn a_cut_that_was_not_synced_can_come_undone() {
    let (disk, file) = disk_with(b"abcdef");
    file.cut(2).unwrap();
    assert_eq!(read(&disk), b"ab");
    assert_eq!(after_cut(&disk, Unsynced::Lost), b"abcdef");
    file.sync().unwrap();
    assert_eq!(after_cut(&disk, Unsynced::Lost), b"ab");
}

#[test]
fn a_sync_can_fail_forget_the_bytes_and_then_say_that_all_is_well() {
    let (disk, file) = disk_with(b"old");
    write_all(&*file, b"new").unwrap();
    disk.inject(Injection::new(Fault::Forgets(Errno::Io)).on(Op::Sync));
    assert_eq!(code(&file.sync().unwrap_err()), Some(5));
    file.sync().unwrap();
    assert_eq!(read(&disk), b"oldnew");
    assert_eq!(disk.durable(FILE).unwrap(), b"old");
    assert_eq!(after_cut(&disk, Unsynced::Kept), b"old");
    // Another process sees the same lie.
    let after = disk.kill();
    let file = after.open(Path::new(FILE), Access::Append).unwrap();
    file.sync().unwrap();
    assert_eq!(read(&after), b"oldnew");
    file.drop_cache(0).unwrap();
    assert_eq!(read(&after), b"old");
}

#[test]
fn a_forgetful_sync_can_keep_the_length() {
    let (disk, file) = disk_with(b"old");
    write_all(&*file, b"new").unwrap();
    disk.inject(Injection::new(Fault::ForgetsAllButLength(Errno::NoSpace)).on(Op::Sync));
    assert_eq!(code(&file.sync().unwrap_err()), Some(28));
    assert_eq!(read(&disk), b"oldnew");
    file.drop_cache(0).unwrap();
    assert_eq!(read(&disk), b"old\0\0\0");
}

#[test]
fn a_failed_sync_can_have_kept_everything_or_nothing_yet() {
    let (disk, file) = disk_with(b"old");
    write_all(&*file, b"new").unwrap();
    disk.inject(Injection::new(Fault::Fails(Errno::Io)).on(Op::Sync));
    file.sync().unwrap_err();
    assert_eq!(disk.durable(FILE).unwrap(), b"old");
    disk.inject(Injection::new(Fault::FailsAfterwards(Errno::Io)).on(Op::Sync));
    file.sync().unwrap_err();
    assert_eq!(disk.durable(FILE).unwrap(), b"oldnew");
}

#[test]
fn dropping_the_cache_keeps_what_is_not_synced() {
    let (disk, file) = disk_with(b"old");
    write_all(&*file, b"new").unwrap();
    file.drop_cache(0).unwrap();
    assert_eq!(read(&disk), b"oldnew");
}

#[test]
fn a_flipped_bit_shows_once_the_cache_is_dropped() {
    let (disk, file) = disk_with(b"abc");
    disk.flip_bit(FILE, 1, 0);
    assert_eq!(read(&disk), b"abc");
    file.drop_cache(0).unwrap();
    assert_eq!(read(&disk), b"acc");
}

#[test]
fn writes_fall_short_are_interrupted_and_stop_halfway() {
    let (disk, file) = disk_with(b"");
    disk.inject(Injection::new(Fault::Short).on(Op::Write));
    let len = file.write(b"abcdef").unwrap();
    assert!((1..6).contains(&len), "{len}");
    disk.inject(Injection::new(Fault::Fails(Errno::Interrupted)).on(Op::Write));
    write_all(&*file, b"ghi").unwrap();
    assert_eq!(disk.faults(), 2);
    assert_eq!(read(&disk).len(), len + 3);
    disk.inject(Injection::new(Fault::FailsHalfway(Errno::Io)).on(Op::Write));
    assert_eq!(code(&file.write(b"abcdef").unwrap_err()), Some(5));
    assert!((len + 4..len + 9).contains(&read(&disk).len()));
}

#[test]
fn reads_fall_short_are_interrupted_and_fail() {
    let (disk, _) = disk_with(b"abcdef");
    disk.inject(Injection::new(Fault::Short).on(Op::Read));
    disk.inject(Injection::new(Fault::Fails(Errno::Interrupted)).on(Op::Read));
    assert_eq!(read(&disk), b"abcdef");
    assert_eq!(disk.faults(), 2);
    disk.inject(Injection::new(Fault::Fails(Errno::Io)).on(Op::Read));
    let result = disk::read_small(&disk, Path::new(FILE), 100);
    assert_eq!(code(&result.unwrap_err()), Some(5));
}

#[test]
fn a_full_disk_takes_what_it_can_and_refuses_the_rest() {
    let (disk, file) = disk_with(b"");
    disk.set_free_bytes(Some(4));
    assert_eq!(file.write(b"abcdef").unwrap(), 4);
    assert_eq!(code(&file.write(b"ef").unwrap_err()), Some(28));
    assert_eq!(disk.free_bytes(Path::new("/")).unwrap(), 0);
    file.cut(1).unwrap();
    assert_eq!(disk.free_bytes(Path::new("/")).unwrap(), 3);
}

#[test]
fn a_fault_strikes_where_it_is_told_to() {
    let (disk, file) = disk_with(b"");
    let nth = Injection::new(Fault::Fails(Errno::Io))
        .on(Op::Sync)
        .after(1);
    disk.inject(nth.in_path("day").for_ever());
    file.sync().unwrap();
    file.sync().unwrap_err();
    file.sync().unwrap_err();
    disk.heal();
    file.sync().unwrap();
    for op in [Op::SyncFolder, Op::Rename, Op::OpenToWrite, Op::Open] {
        disk.inject(Injection::new(Fault::Fails(Errno::TooManyFiles)).on(op));
    }
    let path = Path::new(FILE);
    disk.sync_folder(Path::new("/logs")).unwrap_err();
    disk.rename(path, Path::new("/logs/x")).unwrap_err();
    let error = disk.open(path, Access::Append).unwrap_err();
    assert_eq!(code(&error), Some(24));
    disk.open(path, Access::Read).unwrap_err();
    disk.open(path, Access::Read).unwrap();
}

#[test]
fn the_power_fails_in_the_chosen_call_and_stays_off() {
    for (done, expected) in [(Done::Nothing, 3..4), (Done::Part, 4..6), (Done::All, 6..7)] {
        let (disk, file) = disk_with(b"old");
        disk.cut_power_at(disk.operations() + 2, done);
        file.sync().unwrap();
        let error = file.write(b"new").unwrap_err();
        assert!(SimDisk::is_power_off(&error) && disk.is_off());
        assert!(SimDisk::is_power_off(&file.sync().unwrap_err()));
        disk.list(Path::new("/")).unwrap_err();
        disk.look(Path::new("/")).unwrap_err();
        let after = disk.restart(Unsynced::Kept, Names::Lost);
        assert!(expected.contains(&read(&after).len()), "{done:?}");
        // The old process is dead and stays so.
        file.sync().unwrap_err();
        disk.open(Path::new(FILE), Access::Read).unwrap_err();
    }
}

#[test]
fn a_spectator_sees_the_disk_whatever_happens_to_it() {
    let (disk, file) = disk_with(b"old");
    disk.inject(Injection::new(Fault::Fails(Errno::Io)).for_ever());
    disk.cut_power_at(disk.operations() + 1, Done::Nothing);
    let operations = disk.operations();
    assert_eq!(read(&disk.spectator()), b"old");
    assert_eq!((disk.operations(), disk.faults()), (operations, 0));
    file.sync().unwrap_err();
    assert_eq!(read(&disk.spectator()), b"old");
}

#[test]
fn a_kill_leaves_the_cache_and_ends_handles_and_locks() {
    let (disk, file) = disk_with(b"old");
    assert!(file.try_lock().unwrap());
    write_all(&*file, b"new").unwrap();
    let after = disk.kill();
    file.write(b"x").unwrap_err();
    let file = after.open(Path::new(FILE), Access::Append).unwrap();
    assert!(file.try_lock().unwrap());
    assert_eq!(read(&after), b"oldnew");
    assert_eq!(after.durable(FILE).unwrap(), b"old");
}

#[test]
fn a_lock_has_one_holder_and_goes_with_its_handle() {
    let (disk, first) = disk_with(b"");
    let other = disk.another_process();
    let second = other.open(Path::new(FILE), Access::Read).unwrap();
    assert!(first.try_lock().unwrap() && first.try_lock().unwrap());
    assert!(!second.try_lock().unwrap());
    assert_eq!(second.lock().unwrap_err().kind(), io::ErrorKind::Deadlock);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| second.lock());
        drop(first);
        waiting.join().unwrap().unwrap();
    });
    second.unlock().unwrap();
    let third = disk.open(Path::new(FILE), Access::Read).unwrap();
    assert!(third.try_lock().unwrap());
}

#[test]
fn who_waits_for_a_lock_learns_that_the_power_failed() {
    let (disk, first) = disk_with(b"");
    assert!(first.try_lock().unwrap());
    let second = disk.open(Path::new(FILE), Access::Append).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| second.lock());
        disk.cut_power_at(0, Done::Nothing);
        first.sync().unwrap_err();
        waiting.join().unwrap().unwrap_err();
    });
}

#[test]
fn what_is_no_plain_file_does_not_open() {
    let (disk, _) = disk_with(b"");
    let link = Path::new("/logs/link");
    disk.make_link("day", link).unwrap();
    assert_eq!(disk.read_link(link).unwrap(), "day");
    disk.open(link, Access::Append).unwrap_err();
    disk.open(Path::new("/logs"), Access::Read).unwrap_err();
    disk.open(Path::new("/none/day"), Access::Create)
        .unwrap_err();
    let there = disk.open(Path::new(FILE), Access::Create).unwrap_err();
    assert_eq!(there.kind(), io::ErrorKind::AlreadyExists);
    let kinds: Vec<(String, Kind)> = disk
        .list(Path::new("/logs"))
        .unwrap()
        .into_iter()
        .map(|it| (it.name, it.kind))
        .collect();
    let expected = [
        ("day".to_owned(), Kind::File),
        ("link".to_owned(), Kind::Link),
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn what_another_user_made_is_that_users() {
    let disk = SimDisk::new(1);
    disk.put_folder("/logs").unwrap();
    disk.set_owner("/logs", 5);
    let owner = disk.look(Path::new("/logs")).unwrap().unwrap().owner;
    assert_ne!(owner, disk.user());
    disk.set_user(5);
    assert_eq!(owner, disk.user());
}

#[test]
fn a_replaced_file_is_old_or_new_wherever_the_power_fails() {
    let path = Path::new(FILE);
    for operation in 1.. {
        for done in [Done::Nothing, Done::Part, Done::All] {
            let (disk, _) = disk_with(b"old");
            disk.cut_power_at(disk.operations() + operation, done);
            let result = disk::replace(&disk, path, b"new bytes");
            for seed in 0..20 {
                let after = disk.fork(seed).restart(Unsynced::Any, Names::Any);
                let left = read(&after);
                assert!(left == b"old" || left == b"new bytes", "{}", disk.trace());
                assert!(result.is_err() || left == b"new bytes");
                disk::replace(&after, path, b"newer").unwrap();
            }
            if result.is_ok() {
                return;
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_disk() {
    let run = |seed| {
        let (disk, file) = disk_with(b"abc");
        let disk = disk.fork(seed);
        drop(file);
        let file = disk.open(Path::new(FILE), Access::Append).unwrap();
        for _ in 0..20 {
            write_all(&*file, &[b'x'; 700]).unwrap();
        }
        disk.cut_power_at(disk.operations() + 1, Done::Part);
        file.sync().unwrap_err();
        let trace = disk.trace();
        (trace, read(&disk.restart(Unsynced::Noise, Names::Any)))
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).1, run(2).1);
    assert!(run(1).0.contains("Sync /logs/day 0  <- PowerCut(Part)"));
}

#[test]
fn a_row_is_there_whole_or_not_at_all_where_a_write_fails() {
    for fault in [
        Fault::Short,
        Fault::Fails(Errno::NoSpace),
        Fault::FailsHalfway(Errno::Io),
        Fault::FailsAfterwards(Errno::Io),
    ] {
        let (disk, file) = disk_with(b"one\n");
        disk.inject(Injection::new(fault).on(Op::Write));
        disk::append_row(&*file, b"another row\n", 4).unwrap_err();
        assert_eq!(read(&disk), b"one\n", "{fault:?}");
        let len = disk::append_row(&*file, b"two\n", 4).unwrap();
        assert_eq!((len, &*read(&disk)), (8, &b"one\ntwo\n"[..]));
    }
    let (disk, file) = disk_with(b"one\n");
    disk.inject(Injection::new(Fault::Fails(Errno::Interrupted)).on(Op::Write));
    assert_eq!(disk::append_row(&*file, b"two\n", 4).unwrap(), 8);
    assert_eq!(read(&disk), b"one\ntwo\n");
}

#[test]
fn a_row_that_the_power_cut_leaves_a_part_and_nothing_else() {
    for done in [Done::Nothing, Done::Part, Done::All] {
        let (disk, file) = disk_with(b"one\n");
        disk.cut_power_at(disk.operations(), done);
        disk::append_row(&*file, b"another row\n", 4).unwrap_err();
        let whole = b"one\nanother row\n";
        for len in 0..whole.len() {
            let after = disk.fork(1).restart(Unsynced::Torn(len), Names::Kept);
            assert!(whole.starts_with(&read(&after)), "{}", disk.trace());
            assert!(read(&after).starts_with(b"one\n"));
        }
    }
}

#[test]
fn a_file_that_cannot_be_filled_stays_as_it_was() {
    let path = Path::new(FILE);
    let (disk, _) = disk_with(b"old");
    let filled = disk::replace_with(&disk, path, |file| {
        write_all(file, b"half of it")?;
        Err(io::Error::other("no more"))
    });
    assert_eq!(filled.unwrap_err().to_string(), "no more");
    assert_eq!(read(&disk), b"old");
    assert_eq!(disk.list(Path::new("/logs")).unwrap().len(), 1);
    disk::create_folders(&disk, Path::new("/logs/a/b")).unwrap();
    disk::create_folders(&disk, Path::new("/logs/a/b")).unwrap();
    assert!(disk.look(Path::new("/logs/a/b")).unwrap().is_some());
}
