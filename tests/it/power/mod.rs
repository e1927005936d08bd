//! Power cuts, kills and failing disks: whatever happens, the journal holds what it promised.
//!
//! A case is a number of lives of a machine. Each plays steps on a simulated disk until the power
//! fails, the processes are killed or everything is closed; then the next one opens what was left,
//! and may itself be cut off while it recovers. What was promised is held against the bytes on the
//! disk whenever a stream opens, and after a last life in which nothing goes wrong.
//!
//! `TJ_SEED=<number>` plays that one random case, with its calls on the disk when it fails;
//! `TJ_CASES=<number>` plays so many of them.

mod evidence;
mod oracle;
mod world;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tradejournal::disk::sim::{Done, Errno, Fault, Injection, Names, Op, Random, Unsynced};
use tradejournal::journal::Durability;

pub use world::chain_of;
use world::{Broken, Step, World};

const CASES: u64 = 3000;
/// Longer than this, and a case is taken to hang. The journal itself waits 5 s for a lock.
const CASE_TIME_MAX: Duration = Duration::from_secs(60);

/// Two days of a bot: everything that makes the journal touch the disk, once.
const SCRIPT: &[Step] = &[
    Step::Append(10),
    Step::Append(700),
    Step::Batch(4, 300),
    Step::Share(0, 10),
    Step::Share(1, 10),
    Step::Share(0, 400),
    Step::Tick,
    Step::Pass(11),
    Step::Append(10),
    Step::Tick,
    Step::Close,
    Step::Append(20),
    // A day that ends with the next line.
    Step::Midnight,
    Step::Append(30),
    Step::Share(1, 20),
    Step::ShareBatch(0, 3, 20),
    Step::Tick,
    Step::Batch(2, 20),
    // A day that ends while nobody writes.
    Step::Midnight,
    Step::Tick,
    Step::Append(5),
    Step::Share(1, 5),
    Step::Tick,
    Step::Close,
    Step::CloseShared(0),
    Step::CloseShared(1),
];

/// What a power cut may leave.
const LEFT: &[(Unsynced, Names)] = &[
    (Unsynced::Lost, Names::Lost),
    (Unsynced::Lost, Names::Kept),
    (Unsynced::Kept, Names::Lost),
    (Unsynced::Kept, Names::Kept),
    (Unsynced::Zeros, Names::Kept),
    (Unsynced::Blocks(512), Names::Any),
    (Unsynced::Blocks(4096), Names::Any),
    (Unsynced::Noise, Names::Kept),
    (Unsynced::Any, Names::Any),
];

const DONE: [Done; 3] = [Done::Nothing, Done::Part, Done::All];

#[test]
fn the_script_runs_where_nothing_fails() {
    for durability in [
        Durability::Synced,
        Durability::Interval(Duration::from_secs(1)),
    ] {
        let mut world = World::new(1, durability);
        play(&mut world, |world| {
            let mut life = world.begin();
            world.play(&mut life, SCRIPT)?;
            drop(life);
            world.settle()
        });
    }
}

#[test]
fn every_promise_holds_wherever_the_power_fails() {
    each_operation(SCRIPT, Durability::Synced, |operation, done| {
        let mut cut = World::new(operation, Durability::Synced);
        play(&mut cut, |world| cut_off(world, SCRIPT, operation, done));
        for (unsynced, names) in LEFT {
            let mut world = cut.fork(operation);
            play(&mut world, |world| {
                world.restart(*unsynced, *names)?;
                world.settle()?;
                // Once more, with nothing left to hide behind.
                world.restart(Unsynced::Lost, Names::Lost)?;
                world.settle()
            });
        }
    });
}

#[test]
fn every_promise_holds_under_interval_durability() {
    let durability = Durability::Interval(Duration::from_secs(1));
    each_operation(SCRIPT, durability, |operation, done| {
        let mut cut = World::new(operation, durability);
        play(&mut cut, |world| cut_off(world, SCRIPT, operation, done));
        for (unsynced, names) in [(Unsynced::Any, Names::Any), (Unsynced::Lost, Names::Lost)] {
            let mut world = cut.fork(operation);
            play(&mut world, |world| {
                world.restart(unsynced, names)?;
                world.settle()
            });
        }
    });
}

#[test]
fn the_last_write_can_tear_at_every_byte() {
    const SCRIPT: &[Step] = &[
        Step::Append(10),
        Step::Share(0, 10),
        Step::Batch(3, 10),
        Step::Midnight,
        Step::Append(10),
        Step::Tick,
        Step::Share(1, 10),
        Step::Close,
    ];
    let mut torn = 0;
    each_operation(SCRIPT, Durability::Synced, |operation, _| {
        let mut cut = World::new(operation, Durability::Synced);
        play(&mut cut, |world| {
            cut_off(world, SCRIPT, operation, Done::Nothing)
        });
        for len in 0..cut.disk.torn_len_max() {
            torn += 1;
            let mut world = cut.fork(operation);
            play(&mut world, |world| {
                world.restart(Unsynced::Torn(len), Names::Kept)?;
                world.settle()
            });
        }
    });
    assert!(1000 < torn, "only {torn} torn writes");
}

#[test]
fn every_promise_holds_wherever_recovery_is_cut_off() {
    each_operation(SCRIPT, Durability::Synced, |operation, done| {
        let mut cut = World::new(operation, Durability::Synced);
        play(&mut cut, |world| cut_off(world, SCRIPT, operation, done));
        let mut random = Random::new(operation);
        // One of all that may be left, and then every call of what opens it.
        let (unsynced, names) = *random.pick(LEFT).unwrap();
        if random.one_in(2) {
            return;
        }
        play(&mut cut, |world| world.restart(unsynced, names));
        let opening = [Step::Append(10), Step::Share(0, 10), Step::Tick];
        for second in 1.. {
            let mut world = cut.fork(second);
            let done = *random.pick(&DONE).unwrap();
            let (unsynced, names) = *random.pick(LEFT).unwrap();
            let mut went_through = false;
            play(&mut world, |world| {
                let at = world.disk.operations() + second;
                cut_off(world, &opening, at, done)?;
                went_through = !world.disk.is_off();
                world.restart(unsynced, names)?;
                world.settle()
            });
            if went_through {
                break;
            }
        }
    });
}

#[test]
fn every_promise_holds_when_any_single_call_fails() {
    let faults = [
        Fault::Fails(Errno::Io),
        Fault::Fails(Errno::NoSpace),
        Fault::Fails(Errno::Interrupted),
        Fault::Short,
        Fault::FailsHalfway(Errno::Io),
        Fault::FailsAfterwards(Errno::Io),
        Fault::Forgets(Errno::Io),
        Fault::ForgetsAllButLength(Errno::NoSpace),
    ];
    for fault in faults {
        for nth in 0.. {
            let mut struck = false;
            let mut world = World::new(nth, Durability::Synced);
            play(&mut world, |world| {
                let injection = Injection::new(fault).after(nth);
                world.inject(injection);
                let mut life = world.begin();
                world.play(&mut life, SCRIPT)?;
                struck = 0 < world.disk.faults();
                world.kill(life);
                world.restart(Unsynced::Any, Names::Any)?;
                world.settle()
            });
            if !struck {
                break;
            }
        }
    }
}

#[test]
fn every_promise_holds_in_thousands_of_random_cases() {
    random_cases(CASES, random_case);
}

/// Plays so many cases, or as the environment says.
fn random_cases(cases: u64, random_case: fn(u64)) {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .map(|it| it.parse::<u64>().unwrap())
    };
    if let Some(seed) = number("TJ_SEED") {
        random_case(seed);
        return;
    }
    let cases = number("TJ_CASES").unwrap_or(cases);
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        let (ended, ends) = mpsc::channel();
        for _ in 0..2 {
            let (next, ended) = (&next, ended.clone());
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if cases <= seed {
                        return;
                    }
                    let case = catch_unwind(|| random_case(seed));
                    let _ = ended.send(seed);
                    if let Err(panic) = case {
                        // One story is enough.
                        next.store(cases, Ordering::Relaxed);
                        resume_unwind(panic);
                    }
                }
            });
        }
        drop(ended);
        watch(&ends);
    });
}

/// Ends everything when a case hangs: a scope would wait for it for ever.
fn watch(ends: &mpsc::Receiver<u64>) {
    let mut running = BTreeSet::new();
    let mut first_unseen = 0;
    loop {
        match ends.recv_timeout(CASE_TIME_MAX) {
            Ok(seed) => {
                running.extend(first_unseen..=seed);
                first_unseen = first_unseen.max(seed + 1);
                running.remove(&seed);
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                running.insert(first_unseen);
                let text = format!("a case hangs: one of TJ_SEED={running:?}\n");
                // Past the capture of the test harness, which is gone in a moment.
                let _ = std::io::stderr().write_all(text.as_bytes());
                std::process::exit(1);
            }
        }
    }
}

/// Plays a script until the power fails in the operation with this number.
fn cut_off(world: &mut World, steps: &[Step], operation: u64, done: Done) -> Result<(), Broken> {
    world.log.push(format!(
        "-- the power fails in operation {operation}, {done:?} of it done"
    ));
    world.disk.cut_power_at(operation, done);
    let mut life = world.begin();
    world.play(&mut life, steps)
}

/// Calls `case` for every operation that a script takes, and for each way of its being done.
fn each_operation(steps: &[Step], durability: Durability, case: impl FnMut(u64, Done)) {
    each_operation_of(&World::new(0, durability), steps, case);
}

/// The same for a script that is played from there on.
fn each_operation_of(base: &World, steps: &[Step], mut case: impl FnMut(u64, Done)) {
    let first = base.disk.operations() + 1;
    let mut world = base.fork(0);
    let mut life = world.begin();
    world.play(&mut life, steps).unwrap();
    drop(life);
    for operation in first..=world.disk.operations() {
        for done in DONE {
            case(operation, done);
        }
    }
}

/// Runs a part of a case; a broken promise and a panic fail the test with the whole story.
fn play(world: &mut World, part: impl FnOnce(&mut World) -> Result<(), Broken>) {
    let result = catch_unwind(AssertUnwindSafe(|| part(world)));
    let why = match result {
        Ok(Ok(())) => return,
        Ok(Err(broken)) => broken,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            format!("panicked: {}", text.unwrap_or("?"))
        }
    };
    let story = world.log.join("\n");
    let trace = world.disk.trace();
    let calls: Vec<&str> = trace.lines().collect();
    // The whole of it fills screens; whoever plays one seed wants it.
    let is_asked_for = std::env::var_os("TJ_SEED").is_some();
    let shown = if is_asked_for {
        calls.len()
    } else {
        calls.len().min(40)
    };
    let calls = calls[calls.len() - shown..].join("\n");
    panic!("{why}\n\nwhat happened:\n{story}\n\nthe last calls on the disk:\n{calls}\n\n{why}");
}

/// A few lives of random steps, each ended in a random way, with faults in between.
fn random_case(seed: u64) {
    let mut random = Random::new(seed);
    let durability = if random.one_in(4) {
        Durability::Interval(Duration::from_secs(1))
    } else {
        Durability::Synced
    };
    let mut world = World::new(seed, durability);
    world.log.push(format!("-- TJ_SEED={seed} {durability:?}"));
    play(&mut world, |world| {
        for _ in 0..=random.below(4) {
            random_life(world, &mut random)?;
        }
        world.settle()?;
        world.restart(Unsynced::Lost, Names::Lost)?;
        world.settle()
    });
}

fn random_life(world: &mut World, random: &mut Random) -> Result<(), Broken> {
    let steps: Vec<Step> = (0..1 + random.below(20))
        .map(|_| random_step(random))
        .collect();
    if random.one_in(2) {
        let soon = 1 + u64::try_from(random.below(150)).unwrap();
        let done = *random.pick(&DONE).unwrap();
        world.log.push(format!(
            "-- the power fails {soon} operations later, {done:?}"
        ));
        world
            .disk
            .cut_power_at(world.disk.operations() + soon, done);
    }
    if random.one_in(2) {
        for _ in 0..=random.below(3) {
            world.inject(random_injection(random));
        }
    }
    if random.one_in(10) {
        let free = u64::try_from(random.below(8000)).unwrap();
        world.log.push(format!("-- {free} bytes are free"));
        world.disk.set_free_bytes(Some(free));
    }
    let mut life = world.begin();
    world.play(&mut life, &steps)?;
    if world.disk.is_off() || random.one_in(3) {
        let (unsynced, names) = *random.pick(LEFT).unwrap();
        world.restart(unsynced, names)?;
    } else if random.one_in(2) {
        world.kill(life);
    } else {
        world.end(life);
        if world.disk.is_off() {
            world.restart(Unsynced::Any, Names::Any)?;
        }
    }
    world.heal();
    Ok(())
}

fn random_step(random: &mut Random) -> Step {
    // Mostly short, so that a block holds several lines; sometimes over several blocks.
    let len = if random.one_in(8) {
        random.below(9000)
    } else {
        random.below(300)
    };
    let process = random.below(2);
    match random.below(16) {
        0..=4 => Step::Append(len),
        5 | 6 => Step::Batch(1 + random.below(6), len),
        7 | 8 => Step::Share(process, len),
        9 => Step::ShareBatch(process, 1 + random.below(4), len),
        10 | 11 => Step::Tick,
        12 => Step::Pass(u64::try_from(random.below(40)).unwrap()),
        13 => match random.below(4) {
            0 => Step::GoBack(u64::try_from(random.below(200_000)).unwrap()),
            _ => Step::Midnight,
        },
        14 => Step::Sync,
        _ if random.one_in(2) => Step::Close,
        _ => Step::CloseShared(process),
    }
}

fn random_injection(random: &mut Random) -> Injection {
    let any = [
        Fault::Fails(Errno::Io),
        Fault::Fails(Errno::ReadOnly),
        Fault::FailsAfterwards(Errno::Io),
    ];
    let (op, faults): (Op, &[Fault]) = *random.pick(FAULTS).unwrap();
    let fault = if random.one_in(4) {
        random.pick(&any)
    } else {
        random.pick(faults)
    };
    let skip = u64::try_from(random.below(40)).unwrap();
    let fault = *fault.unwrap();
    let injection = Injection::new(fault).on(op).after(skip);
    // A call that is interrupted for ever is tried for ever.
    let may_stay = fault != Fault::Fails(Errno::Interrupted);
    if may_stay && random.one_in(8) {
        injection.for_ever()
    } else {
        injection
    }
}

/// What goes wrong with which call.
const FAULTS: &[(Op, &[Fault])] = &[
    (
        Op::Write,
        &[
            Fault::Short,
            Fault::FailsHalfway(Errno::Io),
            Fault::Fails(Errno::Interrupted),
            Fault::Fails(Errno::NoSpace),
            Fault::FailsHalfway(Errno::NoSpace),
        ],
    ),
    (
        Op::Sync,
        &[
            Fault::Forgets(Errno::Io),
            Fault::Forgets(Errno::NoSpace),
            Fault::ForgetsAllButLength(Errno::Io),
            Fault::FailsHalfway(Errno::Io),
        ],
    ),
    (Op::Read, &[Fault::Short, Fault::Fails(Errno::Interrupted)]),
    (Op::SyncFolder, &[Fault::Fails(Errno::Io)]),
    (Op::Rename, &[Fault::Fails(Errno::NoSpace)]),
    (Op::OpenToWrite, &[Fault::Fails(Errno::TooManyFiles)]),
    (Op::Open, &[Fault::Fails(Errno::TooManyFiles)]),
    (Op::Cut, &[Fault::Fails(Errno::Io)]),
    (Op::DropCache, &[Fault::Fails(Errno::Io)]),
    (Op::CreateFolder, &[Fault::Fails(Errno::NoSpace)]),
    (Op::List, &[Fault::Fails(Errno::Io)]),
    (Op::Remove, &[Fault::Fails(Errno::Io)]),
    (Op::Lock, &[Fault::Fails(Errno::Io)]),
];
