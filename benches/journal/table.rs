//! Medians of rounds, and the table they are printed in.

use std::{fs, time::Instant};

/// What the rounds of one measurement gave.
pub(crate) struct Rounds(Vec<f64>);

impl Rounds {
    pub(crate) fn new() -> Rounds {
        Rounds(Vec::new())
    }

    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    pub(crate) fn median(&self) -> f64 {
        median(&self.0)
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// What a measurement should be.
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
    None,
}

/// The table, a line as soon as it is known.
pub(crate) struct Table;

impl Table {
    pub(crate) fn new() -> Table {
        println!("| what | beside | goal | median | least - most | |");
        println!("|---|---|---|---|---|---|");
        Table
    }

    pub(crate) fn add_ratios(&mut self, what: &str, beside: &str, goal: &Goal, it: &Ratios) {
        self.add(what, beside, goal, "x", &it.wall);
        self.add(
            &format!("- {what}, CPU time"),
            beside,
            &Goal::None,
            "x",
            &it.cpu,
        );
    }

    pub(crate) fn add(&mut self, what: &str, beside: &str, goal: &Goal, unit: &str, it: &Rounds) {
        let sorted = it.sorted();
        let (least, most) = (sorted[0], sorted[sorted.len() - 1]);
        let median = it.median();
        let (goal, verdict) = match *goal {
            Goal::AtMost(most) => (format!("at most {most} {unit}"), median <= most),
            Goal::AtLeast(least) => (format!("at least {least} {unit}"), least <= median),
            Goal::None => ("-".to_owned(), true),
        };
        let verdict = match verdict {
            _ if goal == "-" => "",
            true => "reached",
            false => "missed",
        };
        println!(
            "| {what} | {beside} | {goal} | {median:.3} {unit} | {least:.3} - {most:.3} | {verdict} |"
        );
    }
}

/// What some work took: on the clock, and of all cores together.
pub(crate) struct Cost {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
}

impl Cost {
    /// Measures work in this process and in children that it waits for.
    pub(crate) fn of(work: impl FnOnce()) -> Cost {
        let (start, cpu) = (Instant::now(), cpu_seconds());
        work();
        Cost {
            wall: start.elapsed().as_secs_f64(),
            cpu: cpu_seconds() - cpu,
        }
    }
}

/// What this process and its ended children have used, in hundredths of a second.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, after_name) = stat.rsplit_once(')').unwrap();
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(4)
        .map(|it| it.parse::<u64>().unwrap())
        .sum();
    ticks as f64 / 100.0
}

/// What this thread has used, in nanoseconds.
pub(crate) fn thread_cpu_ns() -> u64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split_whitespace().next().unwrap().parse().unwrap()
}

/// Ratios on the clock and of CPU time. The second says what the first is when nobody else uses the
/// machine.
pub(crate) struct Ratios {
    pub(crate) wall: Rounds,
    pub(crate) cpu: Rounds,
}

impl Ratios {
    pub(crate) fn new() -> Ratios {
        Ratios {
            wall: Rounds::new(),
            cpu: Rounds::new(),
        }
    }

    pub(crate) fn push(&mut self, above: &Cost, below: &Cost) {
        self.wall.push(above.wall / below.wall);
        self.cpu.push(above.cpu / below.cpu.max(0.01));
    }
}
