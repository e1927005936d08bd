//! Medians of rounds, and the table they are printed in.

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

    pub(crate) fn add(&mut self, what: &str, beside: &str, goal: &Goal, unit: &str, it: &Rounds) {
        let sorted = it.sorted();
        let (least, most) = (sorted[0], sorted[sorted.len() - 1]);
        let median = it.median();
        let (goal, verdict) = match *goal {
            Goal::AtMost(most) => (format!("at most {most} {unit}"), median <= most),
            Goal::AtLeast(least) => (format!("at least {least} {unit}"), least <= median),
            Goal::None => ("-".to_owned(), true),
        };
        let verdict = if verdict { "reached" } else { "missed" };
        println!(
            "| {what} | {beside} | {goal} | {median:.3} {unit} | {least:.3} - {most:.3} | {verdict} |"
        );
    }
}
