//! Bots that are killed, or end without closing.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write,
    time::{Duration, Instant},
};

use tempfile::tempdir;
use tradejournal::record::TradeRecord;
use tradejournal::time::Day;

use super::bot::{Ack, Bot, THREAD};
use super::{Witness, journal};
use crate::sample::entry;

const ROUNDS: u64 = 200;
/// The first number of a round's records is this much above the one of the round before.
const ROUND: u64 = 1_000_000_000;
const THREADS: u64 = 4;
const BATCH: u64 = 40;
const HALF_A_LINE: &[u8] = br#"{"timestamp":"2025-10-26T12:00:00Z","symbol":"A"#;
/// A day ends, in the middle of a storm, after so many rounds.
const ROUNDS_OF_A_DAY: u64 = 25;

/// What was acknowledged outside, what was submitted and what is there, over one journal and many
/// kills at random moments: while it is opened, recovered, written, and rotated at midnight.
#[test]
fn what_was_acknowledged_survives_two_hundred_kills() {
    let folder = tempdir().unwrap();
    let logs = folder.path().join("logs");
    let seed = uuid::Uuid::new_v4().as_u64_pair().0;
    eprintln!("seed {seed}");
    let mut random = Random(seed);
    let mut witness = Witness::new(&logs);
    let mut acks: Vec<Ack> = Vec::new();
    let mut reopened = 0;
    for round in 0..ROUNDS {
        let day = Day::new(2025, 10, 26).unwrap().unix_days()
            + i32::try_from(round / ROUNDS_OF_A_DAY).unwrap();
        let noon = |day: i32| format!("{}T12:00:00Z", Day::from_unix_days(day).unwrap());
        let today = noon(day);
        let midnight = if round % ROUNDS_OF_A_DAY + 1 == ROUNDS_OF_A_DAY {
            noon(day + 1)
        } else {
            "never".to_owned()
        };
        let mut bot = Bot::start();
        bot.tell(&format!("open {} {today} exclusive 0", logs.display()));
        bot.tell(&format!(
            "storm {} {THREADS} {BATCH} {midnight}",
            round * ROUND
        ));
        let mut said = Vec::new();
        if random.below(4) == 0 {
            // Perhaps while it is opening.
            let until = Duration::from_micros(random.below(20_000));
            let start = Instant::now();
            while let Some(rest) = until.checked_sub(start.elapsed()) {
                said.extend(bot.hear_within(rest));
            }
        } else {
            let lines = random.below(3 * BATCH);
            said.extend((0..=lines).map(|_| bot.hear()));
        }
        said.extend(bot.kill());
        assert!(
            !said
                .iter()
                .any(|it| it.starts_with("error") || it.starts_with("refused")),
            "{said:?}"
        );
        let acked: Vec<Ack> = said.iter().filter_map(|it| Ack::read(it)).collect();

        witness.read_on();
        witness.has(&acked);
        nothing_else(&witness, &acked, round);
        acks.extend(acked);
        if random.below(4) == 0
            && let Some((day, _)) = &witness.at
        {
            // A kill can leave half a line, but seldom does.
            let mut day = OpenOptions::new().append(true).open(day).unwrap();
            day.write_all(HALF_A_LINE).unwrap();
        }
        if random.below(3) != 0 {
            // Recovered here; otherwise by the next bot.
            let writer = journal(&logs, &today).writer::<TradeRecord>().unwrap();
            assert_eq!(writer.lines(), witness.lines.len() as u64);
            let number = round * ROUND + THREADS * THREAD;
            writer.append(&entry(number)).unwrap();
            writer.close().unwrap();
            assert_eq!(witness.read_on(), 0);
            assert_eq!(witness.lines.last().unwrap().number, number);
            reopened += 1;
        }
    }
    let mut afresh = Witness::new(&logs);
    afresh.read_on();
    afresh.has(&acks);
    assert_eq!(afresh.lines.len(), witness.lines.len());
    let all = afresh.numbers().len() as u64;
    let days = fs::read_dir(logs.join("trades")).unwrap();
    let sealed = days.filter(|it| {
        let name = it.as_ref().unwrap().file_name();
        name.to_string_lossy().ends_with(".sha256")
    });
    assert!(
        sealed.count() as u64 + 2 >= ROUNDS / ROUNDS_OF_A_DAY,
        "days are closed on the way"
    );
    assert!(ROUNDS < acks.len() as u64 && acks.len() as u64 + reopened <= all);
}

/// Each thread of a round submitted its records in order, one batch at a time: what is there of it is
/// what was acknowledged, and perhaps a part of the one batch that was on its way.
fn nothing_else(witness: &Witness, acked: &[Ack], round: u64) {
    let mut acknowledged = BTreeMap::new();
    for ack in acked {
        *acknowledged.entry(ack.number / THREAD).or_insert(0) += 1;
    }
    let mut there = BTreeMap::new();
    let of_round = witness
        .lines
        .iter()
        .rev()
        .take_while(|it| it.number / ROUND == round);
    for line in of_round.collect::<Vec<_>>().into_iter().rev() {
        let count = there.entry(line.number / THREAD).or_insert(0);
        assert_eq!(
            line.number % THREAD,
            *count,
            "out of order or twice: {}",
            line.number
        );
        *count += 1;
    }
    for (thread, there) in there {
        let acknowledged = acknowledged.get(&thread).copied().unwrap_or(0);
        let last = thread % (ROUND / THREAD) + 1 == THREADS;
        let on_its_way = if last { BATCH } else { 1 };
        assert!(
            there <= acknowledged + on_its_way,
            "thread {thread}: {there} are there, {acknowledged} were acknowledged"
        );
    }
}

#[test]
fn a_bot_that_exits_without_closing_loses_nothing() {
    // Under an interval, what was acknowledged is written: it survives the process, if not the power.
    for how in ["exclusive 0", "shared 0", "interval 0"] {
        let folder = tempdir().unwrap();
        let logs = folder.path().join("logs");
        let mut acks = Vec::new();
        for (round, ending) in (0..).zip(["exit", "append 1000 3"]) {
            let mut bot = Bot::start();
            assert_eq!(bot.open(&logs, how), format!("open {}", acks.len()));
            let (more, error) = bot.append(10 * round, 10);
            assert_eq!(error, None);
            acks.extend(more);
            bot.tell(ending);
            let (status, said) = bot.end_untold();
            assert!(status.success());
            acks.extend(said.iter().filter_map(|it| Ack::read(it)));
        }
        let mut witness = Witness::new(&logs);
        assert_eq!(witness.read_on(), 0);
        witness.has(&acks);
        assert_eq!((acks.len(), witness.numbers().len()), (23, 23), "{how}");
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}
